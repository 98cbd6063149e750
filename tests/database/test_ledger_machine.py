"""The ledger against a model: whatever happens in whatever order, both hold the same credits. Read back by other SQL."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.support.databases import Database

KINDS = ("monthly", "bonus", "purchased")
HOLD_HOURS = 5
FOREVER = 10**9


@dataclass
class Grant:
    id: int
    kind: str
    remaining: int
    ends: int

    @property
    def place(self) -> tuple[int, int, int]:
        # Grants that end in the same hour here end some milliseconds apart there, the earlier one first.
        kind = KINDS.index(self.kind) if self.ends == FOREVER else 0
        return self.ends, kind, self.id


@dataclass
class Hold:
    id: UUID
    credits: int
    made: int
    state: str = "held"
    charged: int = 0


@dataclass
class Model:
    """What a user should have, in plain Python. Time is counted in hours."""

    hour: int = 0
    grants: list[Grant] = field(default_factory=list)
    holds: dict[UUID, Hold] = field(default_factory=dict)

    @property
    def balance(self) -> int:
        return sum(grant.remaining for grant in self.grants)

    @property
    def held(self) -> int:
        return sum(hold.credits for hold in self.open_holds())

    def open_holds(self) -> list[Hold]:
        return [hold for hold in self.holds.values() if hold.state == "held"]

    def expire(self) -> int:
        kept_in_all = written_off = 0
        for grant in sorted(self.grants, key=lambda grant: grant.place):
            if grant.remaining and grant.ends <= self.hour:
                older = sum(hold.credits for hold in self.open_holds() if hold.made < grant.ends)
                kept = min(grant.remaining, max(older - kept_in_all, 0))
                kept_in_all += kept
                written_off += grant.remaining - kept
                grant.remaining = kept
        return written_off

    def may_hold(self, credits: int) -> bool:
        self.expire()
        return self.balance - self.held >= credits

    def resolve(self, hold: Hold, state: str, used: int = 0) -> None:
        if hold.state != "held":
            return
        hold.state, hold.charged = state, min(used, hold.credits)
        due = hold.charged
        for grant in sorted(self.grants, key=lambda grant: grant.place):
            if grant.ends > hold.made:
                taken = min(due, grant.remaining)
                grant.remaining -= taken
                due -= taken
        assert due == 0, "the model itself must be able to pay"
        self.expire()


class Ledger(RuleBasedStateMachine):
    connection: psycopg.Connection[Any]

    holds = Bundle("holds")
    charges = Bundle("charges")

    def one(self, statement: str, *arguments: Any) -> Any:
        row = self.connection.execute(statement, arguments).fetchone()
        return row[0] if row is not None and len(row) == 1 else row

    @initialize()
    def sign_up(self) -> None:
        # Of an earlier example nothing is left for the sweepers to find.
        self.connection.execute("delete from auth.users")
        self.user = uuid4()
        self.connection.execute(
            "insert into auth.users (id, email) values (%s, %s)", (self.user, f"{self.user}@x.com")
        )
        grant = self.one("select id from credit_grants where user_id = %s", self.user)
        self.model = Model(grants=[Grant(grant, "bonus", 100, FOREVER)])
        self.refunded: dict[int, int] = {}

    @rule(
        kind=st.sampled_from(KINDS),
        credits=st.integers(1, 60),
        hours=st.none() | st.integers(1, 12),
        times=st.integers(1, 2),
    )
    def grant(self, kind: str, credits: int, hours: int | None, times: int) -> None:
        hours = hours or (6 if kind == "monthly" else None)
        key = str(uuid4())
        made = {
            self.one(
                "select private.grant_credits(%s, %s, %s, 'test', '{}', %s, now() + make_interval(hours => %s))",
                self.user,
                credits,
                key,
                kind,
                hours,
            )
            for _ in range(times)
        }
        assert len(made) == 1, "a key grants once"
        grant = self.one("select id from credit_grants where entry_id = %s", made.pop())
        self.model.grants.append(Grant(grant, kind, credits, self.model.hour + hours if hours else FOREVER))

    @rule(target=holds, credits=st.integers(1, 120))
    def hold(self, credits: int) -> UUID | None:
        hold_id, available = self.one(
            "select hold_id, available from private.hold_credits(%s, %s, %s)",
            self.user,
            credits,
            HOLD_HOURS * 3600,
        )
        assert (hold_id is not None) == self.model.may_hold(credits)
        if hold_id is None:
            assert available < credits
        else:
            self.model.holds[hold_id] = Hold(hold_id, credits, self.model.hour)
        return hold_id  # type: ignore[no-any-return]

    @rule(target=charges, hold_id=holds, used=st.integers(0, 130), times=st.integers(1, 2))
    def settle(self, hold_id: UUID | None, used: int, times: int) -> int | None:
        if hold_id is None:
            return None
        hold = self.model.holds[hold_id]
        self.model.resolve(hold, "settled", used)
        for _ in range(times):
            told = self.one(
                "select charged, balance, available, state from private.settle_hold(%s, %s, 'xai', 'm', 1, 1, 'chat')",
                hold_id,
                used,
            )
            assert told == (
                hold.charged,
                self.model.balance,
                self.model.balance - self.model.held,
                hold.state,
            )
        entry: int | None = self.one(
            "select id from credits_ledger where user_id = %s and idempotency_key = %s",
            self.user,
            f"hold:{hold_id}",
        )
        return entry

    @rule(hold_id=holds)
    def release(self, hold_id: UUID | None) -> None:
        if hold_id is not None:
            hold = self.model.holds[hold_id]
            was_open = hold.state == "held"
            self.model.resolve(hold, "released")
            assert self.one("select private.release_hold(%s)", hold_id) is was_open

    @rule(entry=charges, credits=st.none() | st.integers(1, 130))
    def refund(self, entry: int | None, credits: int | None) -> None:
        if entry is None:
            return
        charged = -self.one("select amount from credits_ledger where id = %s", entry)
        left = charged - self.refunded.get(entry, 0)
        given = left if credits is None else credits
        made = self.refunded_by(entry, credits)
        assert (made is not None) == (1 <= given <= left)
        if made is not None:
            self.refunded[entry] = self.refunded.get(entry, 0) + given
            grant = self.one("select id from credit_grants where entry_id = %s", made)
            self.model.grants.append(Grant(grant, "bonus", given, FOREVER))

    def refunded_by(self, entry: int, credits: int | None) -> int | None:
        try:
            made: int = self.one(
                "select private.refund_charge(%s, %s, %s, 'test')", entry, credits, str(uuid4())
            )
        except psycopg.Error as error:
            if error.sqlstate == "ZM003":
                return None
            raise
        return made

    @rule(hours=st.integers(1, 6))
    def let_time_pass(self, hours: int) -> None:
        """Everything that was is moved back, which is all that a database can know of time."""
        self.model.hour += hours
        for statement in (
            "update credit_grants set expires_at = expires_at - make_interval(hours => %s) where user_id = %s",
            "update credit_holds set created_at = created_at - make_interval(hours => %s) where user_id = %s",
            "update credit_accounts set next_expiry = next_expiry - make_interval(hours => %s) where user_id = %s",
        ):
            self.connection.execute(statement, (hours, self.user))
        self.connection.execute(
            "update credit_holds set expires_at = expires_at - make_interval(hours => %s) where user_id = %s",
            (hours, self.user),
        )

    @rule()
    def sweep_holds(self) -> None:
        self.one("select private.expire_holds()")
        for hold in sorted(self.model.open_holds(), key=lambda hold: hold.id):
            if hold.made + HOLD_HOURS <= self.model.hour:
                self.model.resolve(hold, "expired")

    @rule()
    def sweep_grants(self) -> None:
        assert self.one("select private.expire_grants()") == self.model.expire()

    @invariant()
    def books_agree(self) -> None:
        if not hasattr(self, "user"):
            return
        rows = self.connection.execute(
            "select amount, balance_after, drawn from credits_ledger where user_id = %s order by id",
            (self.user,),
        ).fetchall()
        running, drawn = 0, dict[int, int]()
        for amount, balance_after, sources in rows:
            running += amount
            assert balance_after == running >= 0
            for grant, credits in (sources or {}).items():
                drawn[int(grant)] = drawn.get(int(grant), 0) + credits
        account = self.one("select balance, held from credit_accounts where user_id = %s", self.user)
        assert account == (running, self.model.held)
        assert running == self.model.balance >= self.model.held
        grants = self.connection.execute(
            "select id, credits, remaining from credit_grants where user_id = %s", (self.user,)
        ).fetchall()
        assert {grant: left for grant, _, left in grants} == {
            grant.id: grant.remaining for grant in self.model.grants
        }
        assert all(credits - drawn.get(grant, 0) == left for grant, credits, left in grants)
        states = self.connection.execute(
            "select id, state, coalesce(charged, 0) from credit_holds where user_id = %s", (self.user,)
        ).fetchall()
        assert {tuple(state) for state in states} == {
            (hold.id, hold.state, hold.charged) for hold in self.model.holds.values()
        }


def test_the_ledger_does_what_the_model_does(chat_database: Database) -> None:
    with psycopg.connect(chat_database.dsn(), autocommit=True) as connection:
        Ledger.connection = connection
        run_state_machine_as_test(
            Ledger,
            settings=settings(
                max_examples=20,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
