"""The checker itself: it finds each kind of loss, doubling and reordering, and nothing where all went well."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.chaos import verdicts
from tests.chaos.evidence import Row
from tests.chaos.model import Asked, JobSent, Pair, Replayed, Shuffled, Watched, WatchList

ADA, BOB, STRANGER = UUID(int=1), UUID(int=2), UUID(int=3)
BTC = Pair("BTC/USDT", "1h")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def move(kind: str, msg_id: int, transaction: str, queue: str = "ingest_indicators", **more: Any) -> Row:
    return {
        "kind": kind,
        "queue": queue,
        "msg_id": msg_id,
        "body": None,
        "actor": "postgres",
        "transaction": transaction,
        **more,
    }


SENT, REMOVED, ARCHIVED = move("sent", 1, "a"), move("removed", 1, "b"), move("archived", 1, "b")


@pytest.mark.parametrize(
    ("moves", "found"),
    [
        ([SENT, REMOVED, ARCHIVED], ""),
        ([SENT, REMOVED, move("buried", 9, "b")], ""),
        ([SENT], "lost or never ended"),
        ([SENT, REMOVED], "took 1 away, archived 0"),
        ([SENT, REMOVED, ARCHIVED, move("removed", 1, "c"), move("archived", 1, "c")], "ended twice"),
        ([SENT, REMOVED, ARCHIVED, move("buried", 9, "b")], "archived 1, buried 1"),
        ([SENT, REMOVED, ARCHIVED, move("archived", 1, "d")], "archived twice"),
    ],
)
def test_every_message_must_end_once(moves: list[Row], found: str) -> None:
    assert_found(verdicts.endings_of(moves), found)


@pytest.mark.parametrize(
    ("moves", "job", "found"),
    [
        ([ARCHIVED], JobSent("ingest_indicators", 5, False, 1), ""),
        ([ARCHIVED], JobSent("ingest_indicators", 5, False, None), ""),
        ([ARCHIVED], JobSent("ingest_indicators", 6, False, None), ""),
        ([ARCHIVED], JobSent("ingest_indicators", 6, False, 2), "sent as []"),
        ([ARCHIVED], JobSent("ingest_indicators", 5, True, 1), "hopeless and done"),
        ([], JobSent("ingest_indicators", 5, False, 1), "ended 0 times"),
        (
            [ARCHIVED, move("buried", 3, "c", body={"original": {"number": 5}})],
            JobSent("ingest_indicators", 5, False, 1),
            "ended 2 times",
        ),
    ],
)
def test_what_was_sent_by_hand_is_followed_by_its_number(moves: list[Row], job: JobSent, found: str) -> None:
    sent = move("sent", 1, "a", body={"number": 5})

    assert_found(verdicts.by_hand([sent, *moves], [job]), found)


def test_a_follow_up_needs_a_message_that_ended_with_it() -> None:
    follow_up = move("sent", 4, "b", "compute_signals", actor="zmarty_worker")

    assert_found(verdicts.follow_ups([ARCHIVED, follow_up]), "")
    assert_found(verdicts.follow_ups([follow_up]), "sent 1 of compute_signals and finished 0")
    assert_found(verdicts.follow_ups([ARCHIVED, follow_up, follow_up]), "sent 2 of compute_signals")


def applied(version: int, user_id: UUID = ADA, pair: Pair = BTC) -> Row:
    return {"user_id": user_id, "symbol": pair.symbol, "timeframe": pair.timeframe, "version": version}


def outbox(number: int, **more: Any) -> Row:
    record = {"symbol": "BTC/USDT", "timeframe": "1h"}
    payload = {"table": "user_symbols", "record": record, "old_record": None}
    row = {"id": number, "user_id": ADA, "payload": payload, "delivered_at": NOW, "parked_at": None}
    return {**row, "last_error": None, **more}


@pytest.mark.parametrize(
    ("rows", "moves", "found"),
    [
        ([outbox(1), outbox(2)], [applied(1), applied(2)], ""),
        ([outbox(1), outbox(2)], [applied(1)], "outbox 2 was applied 0 times"),
        ([outbox(1)], [applied(1), applied(1)], "applied 2 times"),
        ([outbox(1, delivered_at=None)], [], "never delivered"),
        ([outbox(1, delivered_at=None, parked_at=NOW)], [], "was parked"),
    ],
)
def test_every_change_must_arrive_once(rows: list[Row], moves: list[Row], found: str) -> None:
    assert_found(verdicts.carried(rows, moves), found)


def test_versions_never_go_back() -> None:
    eth = Pair("ETH/USDT", "1h")

    assert_found(verdicts.ordered([applied(1), applied(2, BOB), applied(3)], strangers=set()), "")
    assert_found(verdicts.ordered([applied(2), applied(2, pair=eth)], strangers=set()), "")
    assert_found(verdicts.ordered([applied(2), applied(1, pair=eth)], strangers=set()), "version 1 after 2")
    assert_found(
        verdicts.ordered([applied(2, STRANGER), applied(1, STRANGER)], strangers={STRANGER}), "after 2"
    )
    assert_found(
        verdicts.ordered([applied(2, STRANGER), applied(1, STRANGER, eth)], strangers={STRANGER}), ""
    )


def test_the_newest_shuffled_event_wins() -> None:
    told = {STRANGER: [Shuffled(2, BTC, "applied"), Shuffled(1, BTC, "stale")]}

    assert_found(verdicts.shuffled([applied(2, STRANGER)], told), "")
    assert_found(verdicts.shuffled([applied(2, STRANGER), applied(40, STRANGER)], told), "")
    assert_found(verdicts.shuffled([applied(1, STRANGER)], told), "version 2 was lost")


@pytest.mark.parametrize(
    ("watcher", "found"),
    [
        ({"active": True, "strategy": {"number": 1}}, ""),
        ({"active": False, "strategy": {"number": 1}}, "not mirrored"),
        ({"active": True, "strategy": {"number": 2}}, "in the mirror of"),
        ({"active": True, "strategy": {"number": 1}, "symbol": "ETH/USDT"}, "watched in the mirror alone"),
    ],
)
def test_the_mirror_must_be_equal(watcher: dict[str, Any], found: str) -> None:
    row = {"user_id": ADA, "symbol": "BTC/USDT", "timeframe": "1h", "active": True, "strategy": {"number": 1}}

    assert_found(verdicts.equal([row], [{**row, **watcher}], {ADA}), found)


def test_an_answered_change_must_be_kept() -> None:
    watch_list = WatchList()
    watch_list.watched(BTC, 4, certain=True)
    row = {"user_id": ADA, "symbol": "BTC/USDT", "timeframe": "1h", "active": True, "strategy": {"number": 4}}

    assert_found(verdicts.kept_changes([row], {ADA: watch_list}), "")
    assert_found(verdicts.kept_changes([], {ADA: watch_list}), f"is None, may be {{{Watched(True, 4)}}}")
    assert_found(verdicts.kept_changes([{**row, "symbol": "ETH/USDT"}], {ADA: WatchList()}), "ETH/USDT")


@pytest.mark.parametrize(
    ("replay", "found"),
    [
        (Replayed(1, 0, 200, "duplicate"), ""),
        (Replayed(1, -285, 200, "stale"), ""),
        (Replayed(1, -301, 401, None), ""),
        (Replayed(1, 0, 503, None), ""),
        (Replayed(1, 0, 0, None), ""),
        (Replayed(1, 0, 200, "applied"), "replay"),
        (Replayed(1, 0, 401, None), "replay"),
        (Replayed(1, 3_600, 200, "duplicate"), "replay"),
    ],
)
def test_a_repeated_webhook_must_change_nothing(replay: Replayed, found: str) -> None:
    assert_found(verdicts.replayed([replay]), found)


GRANT = {"user_id": ADA, "kind": "grant", "amount": 100, "balance_after": 100, "idempotency_key": "signup"}
HOLD = {"id": UUID(int=9), "user_id": ADA, "credits": 5, "charged": 3, "state": "settled"}
QUESTION = {"id": UUID(int=6), "role": "user", "content": "why?", "hold_id": None, "credits": None}
CHARGE = {
    "user_id": ADA,
    "kind": "charge",
    "amount": -3,
    "balance_after": 97,
    "idempotency_key": f"hold:{HOLD['id']}",
}


@pytest.mark.parametrize(
    ("account", "entries", "found"),
    [
        ({"balance": 97, "held": 0}, [GRANT, CHARGE], ""),
        ({"balance": 100, "held": 0}, [GRANT, CHARGE], "its entries are 97"),
        ({"balance": 97, "held": 5}, [GRANT, CHARGE], "still set aside"),
        ({"balance": 97, "held": 0}, [GRANT, {**CHARGE, "balance_after": 96}], "says 96 after 97"),
    ],
)
def test_entries_must_add_up(account: dict[str, Any], entries: list[Row], found: str) -> None:
    assert_found(verdicts.balanced([{"user_id": ADA, **account}], entries), found)


@pytest.mark.parametrize(
    ("holds", "entries", "found"),
    [
        ([HOLD], [GRANT, CHARGE], ""),
        ([{**HOLD, "charged": 0}], [GRANT], ""),
        ([HOLD], [GRANT], "charged 0 times"),
        ([HOLD], [GRANT, CHARGE, CHARGE], "charged 2 times"),
        ([{**HOLD, "charged": 2}], [CHARGE], "charged 1 times"),
        ([], [CHARGE], "belongs to no hold"),
        ([{**HOLD, "state": "held", "charged": None}], [], "still open"),
        ([{**HOLD, "state": "expired", "charged": 0}], [], ""),
    ],
)
def test_every_charge_needs_its_one_hold(holds: list[Row], entries: list[Row], found: str) -> None:
    assert_found(verdicts.held_once(holds, entries), found)


@pytest.mark.parametrize(
    ("more", "credits", "found"),
    [
        ([], 3, ""),
        ([], 4, "told 4 credits, stored 3"),
        ([{**QUESTION, "id": UUID(int=8)}], 3, "answered 2 times"),
        (
            [{"id": UUID(int=8), "role": "assistant", "content": "so", "hold_id": HOLD["id"], "credits": 3}],
            3,
            "do not fit",
        ),
    ],
)
def test_a_question_is_answered_and_paid_once(more: list[Row], credits: int, found: str) -> None:
    message_id = UUID(int=7)
    messages: list[Row] = [
        QUESTION,
        {"id": message_id, "role": "assistant", "content": "so", "hold_id": HOLD["id"], "credits": 3},
        *more,
    ]
    keys = [{"user_id": ADA, "key": "chaos-1", "state": "done", "message_id": message_id}]

    told = [Asked(1, ((str(message_id), credits),))]
    assert_found(verdicts.answered_once(messages, [HOLD], keys, told), found)


def test_recovery_is_counted_from_the_end_of_a_fault() -> None:
    moments = [NOW - timedelta(seconds=1), NOW + timedelta(seconds=3), NOW + timedelta(seconds=2)]

    assert verdicts.seconds_until(moments, NOW) == 2
    assert verdicts.seconds_until(moments[:1], NOW) is None


def assert_found(violations: Any, expected: str) -> None:
    """One violation that says this, or none where nothing is expected."""
    found = list(violations)
    if not expected:
        assert found == []
    else:
        assert any(expected in violation for violation in found), found
