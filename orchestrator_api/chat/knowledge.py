"""Front verbs over what is known of the markets: the whole of it for a briefing, one part of it for a tool."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from orchestrator_api.chat import store
from orchestrator_api.chat.facts import BOUNDS, Knowledge, Pair, WinRateFact
from zmarty.market import Timeframe
from zmarty.postgres import Connection, Pool

PAIRS_MAX = 10
CLUSTERS_MAX = 6
# Of each pair, the best.
PATTERNS_MAX = 3
SOURCES = ("technical", *BOUNDS)
# The longer ones first: they carry more weight when the facts have to be cut.
TIMEFRAMES = tuple(str(timeframe) for timeframe in reversed(Timeframe))


async def gather(pool: Pool, symbols: Sequence[str], watched: Sequence[Pair]) -> Knowledge:
    """All that is known of these symbols, for the watched pairs first and then for those with signals.

    The statements run side by side: who waits for the first word waits for two round trips, and not for nine.
    """
    if not symbols:
        return Knowledge()
    signals = await store.latest_signals(pool, symbols, TIMEFRAMES)
    wanted = [*(pair for pair in watched if pair.symbol in symbols), *(signal.pair for signal in signals)]
    pairs = sorted(dict.fromkeys(wanted), key=lambda pair: symbols.index(pair.symbol))[:PAIRS_MAX]
    of_pairs = asyncio.gather(
        store.win_rates_of(pool, pairs),
        store.latest_candles(pool, pairs),
        store.latest_readings(pool, pairs, SOURCES),
        store.latest_analyses(pool, pairs),
        store.held_patterns(pool, pairs, limit=PATTERNS_MAX),
    )
    of_symbols = asyncio.gather(
        store.latest_clusters(pool, symbols, limit=CLUSTERS_MAX),
        store.latest_risks(pool, symbols),
        store.latest_monitors(pool, symbols),
    )
    (rates, candles, readings, analyses, patterns), (clusters, risks, monitors) = await asyncio.gather(
        of_pairs, of_symbols
    )
    return Knowledge(
        symbols=symbols,
        signals=[signal for signal in signals if signal.pair in pairs],
        win_rates=rates,
        candles=candles,
        readings=readings,
        analyses=analyses,
        patterns=patterns,
        clusters=clusters,
        risks=risks,
        monitors=monitors,
    )


async def watched_by(connection: Connection, user_id: UUID, *, limit: int) -> list[Pair]:
    """Asked as the user: see `as_user`."""
    return await store.watched_pairs(connection, user_id, limit=limit)


async def signals_known(
    connection: Connection, symbols: Sequence[str], timeframes: Sequence[str] = TIMEFRAMES
) -> Knowledge:
    """The newest signals with their win rates."""
    signals = await store.latest_signals(connection, symbols, timeframes)
    rates = await store.win_rates_of(connection, list(dict.fromkeys(signal.pair for signal in signals)))
    return Knowledge(symbols=symbols, signals=signals, win_rates=rates)


async def win_rates_known(connection: Connection, pair: Pair) -> list[WinRateFact]:
    return await store.win_rates_of(connection, [pair])


async def clusters_known(connection: Connection, symbols: Sequence[str]) -> Knowledge:
    """The newest liquidation map of each symbol and what it threatens."""
    return Knowledge(
        symbols=symbols,
        clusters=await store.latest_clusters(connection, symbols, limit=CLUSTERS_MAX),
        monitors=await store.latest_monitors(connection, symbols),
    )


async def risks_known(connection: Connection, symbols: Sequence[str]) -> Knowledge:
    return Knowledge(symbols=symbols, risks=await store.latest_risks(connection, symbols))
