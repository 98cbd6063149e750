"""Which candles of a pair are missing: stretches of opening times, and what is left of one without the others. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from zmarty.errors import FieldInvalid
from zmarty.market import Timeframe

# The first block of Bitcoin; no exchange is older.
MARKETS_BEGAN_AT = datetime(2009, 1, 3, tzinfo=UTC)
# Four years of one-minute candles; at a page of a thousand that is half an hour of an exchange's patience.
BARS_MAX = 2_100_000


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """Candles in a row: the opening times of the first and of the last, both on the timeframe's grid."""

    first: datetime
    last: datetime

    def bars(self, timeframe: Timeframe) -> int:
        return (self.last - self.first) // timeframe.delta + 1


def wanted_since(since: datetime, timeframe: Timeframe, *, now: datetime) -> Stretch | None:
    """All closed candles opened from `since` on; None when none has closed yet. Raises FieldInvalid naming `since`."""
    if since < MARKETS_BEGAN_AT:
        raise FieldInvalid("since", f"must not lie before {MARKETS_BEGAN_AT:%Y-%m-%d}, when Bitcoin began")
    if since >= now:
        raise FieldInvalid("since", "must not lie in the future")
    first = timeframe.floor(since)
    wanted = Stretch(first if first == since else first + timeframe.delta, timeframe.newest_closed(now))
    if wanted.last < wanted.first:
        return None
    if (bars := wanted.bars(timeframe)) > BARS_MAX:
        raise FieldInvalid(
            "since", f"asks for {bars:,} candles of {timeframe}, at most {BARS_MAX:,} are filled at once"
        )
    return wanted


def newest_bars(timeframe: Timeframe, bars: int, *, now: datetime) -> Stretch:
    """The newest `bars` closed candles."""
    last = timeframe.newest_closed(now)
    return Stretch(last - (bars - 1) * timeframe.delta, last)


def missing(wanted: Stretch, present: Iterable[Stretch], timeframe: Timeframe) -> list[Stretch]:
    """What of `wanted` lies in none of `present`, oldest first. Those may overlap and come in any order."""
    gaps: list[Stretch] = []
    reached = wanted.first
    for stretch in sorted(present):
        if stretch.first > wanted.last:
            break
        if stretch.first > reached:
            gaps.append(Stretch(reached, stretch.first - timeframe.delta))
        reached = max(reached, stretch.last + timeframe.delta)
    if reached <= wanted.last:
        gaps.append(Stretch(reached, wanted.last))
    return gaps


def stretches_of(opened_at: Sequence[datetime], timeframe: Timeframe) -> list[Stretch]:
    """The opening times of candles, oldest first, as stretches."""
    stretches: list[Stretch] = []
    for opened in opened_at:
        if stretches and opened - stretches[-1].last == timeframe.delta:
            stretches[-1] = Stretch(stretches[-1].first, opened)
        else:
            stretches.append(Stretch(opened, opened))
    return stretches


def pages(
    stretches: Sequence[Stretch], timeframe: Timeframe, *, bars_max: int, newest_first: bool = False
) -> Iterator[Stretch]:
    """The stretches, given oldest first, in pieces of at most `bars_max` candles; in either order of time."""
    step = (bars_max - 1) * timeframe.delta
    if newest_first:
        for stretch in reversed(stretches):
            last = stretch.last
            while last >= stretch.first:
                first = max(stretch.first, last - step)
                yield Stretch(first, last)
                last = first - timeframe.delta
        return
    for stretch in stretches:
        first = stretch.first
        while first <= stretch.last:
            last = min(stretch.last, first + step)
            yield Stretch(first, last)
            first = last + timeframe.delta
