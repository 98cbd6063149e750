"""The reading plan: what Cryptometer is asked, how often, and what is given up first when its month runs short. Pure.

A month of requests is shared by all symbols and all workers. The plan says what each question costs; `headroom` says
how far the month is ahead of its pace, and every source has a share of the slack below which it is no longer asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from zmarty.market import Timeframe

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# How far ahead of an even pace a month may run. The least valuable source stops as soon as some of it is used.
PACE_SLACK = 0.05
# A tick comes every five minutes and asks for up to half of them; without this margin a question that was asked late in
# one tick would miss the next one that is its own. Shorter than a tick, so that no tick asks too early.
DUE_MARGIN = 3 * MINUTE
# A question that failed is asked again after this, however rarely it is asked otherwise; one that the vendor refuses, as
# it does not list the symbol or sells the answer in another plan, hours later.
RETRY, RETRY_REFUSED = timedelta(minutes=30), timedelta(hours=6)
MONTH = 31 * DAY
STALE_BARS = 3

Scope: TypeAlias = Literal["market", "symbol", "pair"]
Asker: TypeAlias = Literal["tick", "ingest", "message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One question of the plan: for the whole market, for each symbol, or for each pair of symbol and timeframe.

    `every` is the least time between two requests; a pair's is at least its timeframe. After `stale_after` the last
    good value is missing. Those of the tick are asked by `observe_market`, those of the ingest at a candle's close, those
    of a message by a message of their own.
    """

    name: str
    path: str
    scope: Scope
    every: timedelta
    stale_after: timedelta
    asked_by: Asker = "tick"
    timeframe_min: Timeframe = Timeframe.MINUTES_5
    # Of a market-wide answer so many rows are kept, of watched symbols first.
    rows_max: int = 400


# The most valuable first: from the end of this list on sources are dropped when the month runs short. Candles are last,
# because the exchange has the same ones without a quota.
PLAN: tuple[Source, ...] = (
    Source(
        name="trend",
        path="/trend-indicator-v3/",
        scope="market",
        every=15 * MINUTE,
        stale_after=HOUR,
    ),
    Source(
        name="ls_ratio",
        path="/ls-ratio/",
        scope="pair",
        every=HOUR,
        stale_after=3 * HOUR,
        asked_by="ingest",
    ),
    Source(
        name="liquidations",
        path="/liquidation-data-v2/",
        scope="symbol",
        every=HOUR,
        stale_after=3 * HOUR,
        asked_by="ingest",
    ),
    Source(
        name="rapid_movements",
        path="/rapid-movements/",
        scope="market",
        every=10 * MINUTE,
        stale_after=HOUR,
    ),
    Source(
        name="large_trades",
        path="/large-trades-activity/",
        scope="market",
        every=10 * MINUTE,
        stale_after=HOUR,
    ),
    Source(
        name="volume_flow",
        path="/volume-flow/",
        scope="market",
        every=15 * MINUTE,
        stale_after=2 * HOUR,
    ),
    Source(name="whale_trades", path="/xtrades/", scope="symbol", every=2 * HOUR, stale_after=6 * HOUR),
    Source(
        name="open_interest",
        path="/open-interest/",
        scope="symbol",
        every=2 * HOUR,
        stale_after=6 * HOUR,
    ),
    Source(name="tickers", path="/tickerlist-pro/", scope="market", every=15 * MINUTE, stale_after=HOUR),
    Source(
        name="liquidity_lens",
        path="/liquidity-lens/",
        scope="market",
        every=15 * MINUTE,
        stale_after=2 * HOUR,
    ),
    Source(
        name="volatility_index",
        path="/volatility-index/",
        scope="market",
        every=15 * MINUTE,
        stale_after=2 * HOUR,
    ),
    Source(
        name="merged_volume",
        path="/merged-trade-volume/",
        scope="pair",
        every=4 * HOUR,
        stale_after=12 * HOUR,
    ),
    Source(
        name="ai_screener",
        path="/ai-screener/",
        scope="market",
        every=30 * MINUTE,
        stale_after=3 * HOUR,
    ),
    Source(
        name="volume_24h",
        path="/24h-trade-volume-v2/",
        scope="symbol",
        every=6 * HOUR,
        stale_after=DAY,
    ),
    Source(
        name="ai_screener_analysis",
        path="/ai-screener-analysis/",
        scope="symbol",
        every=12 * HOUR,
        stale_after=2 * DAY,
    ),
    Source(name="coin_info", path="/coininfo/", scope="market", every=HOUR, stale_after=DAY),
    Source(name="crypto_info", path="/cryptocurrency-info/", scope="market", every=HOUR, stale_after=DAY),
    Source(name="ticker_list", path="/tickerlist/", scope="market", every=HOUR, stale_after=3 * HOUR),
    Source(name="forex_rates", path="/forex-rates/", scope="market", every=DAY, stale_after=3 * DAY),
    Source(
        name="coin_list",
        path="/coinlist/",
        scope="market",
        every=DAY,
        stale_after=7 * DAY,
        rows_max=5_000,
    ),
    # A ticker of one symbol tells nothing that the list of all does not: only asked where somebody needs it by hand.
    Source(name="ticker", path="/ticker/", scope="symbol", every=MONTH, stale_after=HOUR, asked_by="ingest"),
    Source(
        name="candles",
        path="/ohlcv/",
        scope="pair",
        every=MINUTE,
        stale_after=DAY,
        asked_by="ingest",
        timeframe_min=Timeframe.HOUR_1,
    ),
)
# What people say is searched for by another vendor, which takes a minute and has a budget in dollars.
SENTIMENT = Source(
    name="sentiment", path="/responses", scope="symbol", every=HOUR, stale_after=6 * HOUR, asked_by="message"
)
BY_NAME: Mapping[str, Source] = {source.name: source for source in (*PLAN, SENTIMENT)}
_PLACE = {source.name: place for place, source in enumerate(PLAN)}


def interval(source: Source, timeframe: Timeframe | None) -> timedelta:
    """The least time between two requests of this question. `timeframe` is that of the pair, None for other scopes."""
    return max(source.every, timeframe.delta) if timeframe is not None else source.every


def due_again(source: Source, timeframe: Timeframe | None) -> timedelta:
    """After a request: how long until the question is due."""
    return interval(source, timeframe) - DUE_MARGIN


def due_after_failure(source: Source, timeframe: Timeframe | None, *, is_refused: bool) -> timedelta:
    own = due_again(source, timeframe)
    return max(own, RETRY_REFUSED) if is_refused else min(own, RETRY)


def stale_after(source: Source, timeframe: Timeframe) -> timedelta:
    """How old a last good value may be for a pair. What holds for a bar may be as old as three of them."""
    return (
        max(source.stale_after, STALE_BARS * timeframe.delta)
        if source.scope == "pair"
        else source.stale_after
    )


def asks_for(source: Source, timeframe: Timeframe) -> bool:
    """Whether pairs of this timeframe are asked about. Cryptometer knows 5m … 1d."""
    return source.timeframe_min.seconds <= timeframe.seconds <= Timeframe.DAY_1.seconds


def headroom(*, used: float, quota: float, now: datetime) -> float:
    """How much of a month's quota, of requests or dollars, is left before its pace plus the slack; below 0: overdrawn."""
    began = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends = (began + 32 * DAY).replace(day=1)
    elapsed = (now - began) / (ends - began)
    # Towards the end there is no next month to borrow from: the last requests go to the most valuable sources.
    return min(elapsed + PACE_SLACK, 1.0) - used / quota if quota else -1.0


def is_affordable(name: str, *, used: int, quota: int | None, now: datetime) -> bool:
    """Whether the month lets this source be asked now. The less valuable it is, the more slack it needs to find."""
    if quota is None:
        return True
    reserve = PACE_SLACK * _PLACE[name] / len(PLAN)
    return headroom(used=used, quota=quota, now=now) > reserve


def requests_of_month(watched: Mapping[Timeframe, int], *, symbols: int) -> dict[str, int]:
    """What the plan asks in a month of 31 days, by source: `watched` counts the pairs of each timeframe."""
    asked: dict[str, int] = {}
    for source in PLAN:
        match source.scope:
            case "market":
                asked[source.name] = MONTH // source.every
            case "symbol":
                asked[source.name] = symbols * (MONTH // source.every if source.every < MONTH else 0)
            case "pair":
                asked[source.name] = sum(
                    pairs * (MONTH // interval(source, timeframe))
                    for timeframe, pairs in watched.items()
                    if asks_for(source, timeframe)
                )
    return asked
