"""The vendors' shared state in B: turns and pauses, answers that hold for the whole market, what of a month is used."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from zmarty import sql
from zmarty.postgres import Pool

_SQL = sql.load(__package__)

ADMITTED = "admitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a vendor's bucket says to one request: ask after `wait_seconds`, or, when refused, come back after them.

    `verdict` is admitted, limited, paused or quota_used. `is_low` is said to one caller a day.
    """

    verdict: str
    wait_seconds: float
    used: int
    quota: int | None
    is_low: bool

    @property
    def is_granted(self) -> bool:
        return self.verdict == ADMITTED


async def admit_request(pool: Pool, vendor: str, *, weight: int, wait_max_seconds: float) -> Admission:
    record = await pool.fetchrow(_SQL["admit_request"], vendor, weight, wait_max_seconds)
    assert record is not None, "the function answers with one row"
    return Admission(**record)


async def pause_vendor(pool: Pool, vendor: str, *, seconds: float, reason: str) -> None:
    await pool.execute(_SQL["pause_vendor"], vendor, seconds, reason)


async def pause_left(pool: Pool, vendor: str) -> float | None:
    seconds: float | None = await pool.fetchval(_SQL["pause_left"], vendor)
    return seconds


async def fresh_answer(pool: Pool, vendor: str, question: str) -> str | None:
    body: str | None = await pool.fetchval(_SQL["fresh_answer"], vendor, question)
    return body


async def claim_question(pool: Pool, vendor: str, question: str, *, seconds: float) -> datetime | None:
    claimed_until: datetime | None = await pool.fetchval(_SQL["claim_question"], vendor, question, seconds)
    return claimed_until


async def save_answer(pool: Pool, vendor: str, question: str, body: str, *, fresh_seconds: float) -> None:
    await pool.execute(_SQL["save_answer"], vendor, question, body, fresh_seconds)


async def release_question(pool: Pool, vendor: str, question: str, claimed_until: datetime) -> None:
    await pool.execute(_SQL["release_question"], vendor, question, claimed_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What of a vendor's month is used, by the database's clock; a quota of None has no end."""

    used: int
    quota: int | None
    now: datetime
    dollars_used: Decimal
    monthly_dollars: Decimal | None


async def month_of(pool: Pool, vendor: str) -> Month:
    record = await pool.fetchrow(_SQL["month_of"], vendor)
    assert record is not None, "there is always one row"
    return Month(**record)


async def count_source(
    pool: Pool,
    vendor: str,
    source: str,
    *,
    asked: int = 0,
    answered: int = 0,
    dropped: int = 0,
    failure: str | None = None,
) -> None:
    await pool.execute(_SQL["count_source"], vendor, source, asked, answered, dropped, failure)


async def reserve_dollars(pool: Pool, vendor: str, dollars: Decimal) -> date | None:
    """Take so much of this month's dollars, and name the month; None when they are not there: nothing is taken."""
    month: date | None = await pool.fetchval(_SQL["reserve_dollars"], vendor, dollars)
    return month


async def settle_dollars(pool: Pool, vendor: str, month: date, *, reserved: Decimal, spent: Decimal) -> None:
    await pool.execute(_SQL["settle_dollars"], vendor, month, reserved, spent)
