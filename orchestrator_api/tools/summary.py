"""What a tool found, as lines: candles and replays in a few numbers, each with its time. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator_api.chat.facts import as_data, moment, number
from orchestrator_api.market.rows import CandleRow

RESULT_LENGTH_MAX = 2_000
CUT = "(cut here)"


def bounded(lines: Sequence[str]) -> str:
    """The lines as one text of at most RESULT_LENGTH_MAX characters; a line is whole or absent."""
    kept: list[str] = []
    length = 0
    for line in lines:
        line = as_data(line)
        length += len(line) + 1
        if length > RESULT_LENGTH_MAX - len(CUT):
            return "\n".join([*kept, CUT])
        kept.append(line)
    return "\n".join(kept)


def candle_lines(candles: Sequence[CandleRow]) -> list[str]:
    """`candles` of one exchange, the newest first."""
    newest, oldest = candles[0], candles[-1]
    highest = max(candles, key=lambda candle: candle.high)
    lowest = min(candles, key=lambda candle: candle.low)
    change = float(newest.close) / float(oldest.open) - 1
    volume = sum(float(candle.volume) for candle in candles)
    head = f"- {newest.symbol} {newest.timeframe}"
    return [
        f"{head} last {len(candles)} candles: opened {moment(oldest.opened_at)}, closed {moment(newest.closed_at)} "
        f"({newest.exchange}, source {newest.source})",
        f"{head} first open {number(oldest.open)}, last close {number(newest.close)}, change {change:+.2%}; "
        f"from {moment(oldest.opened_at)} to {moment(newest.closed_at)}",
        f"{head} high {number(highest.high)} in the candle closed {moment(highest.closed_at)}",
        f"{head} low {number(lowest.low)} in the candle closed {moment(lowest.closed_at)}",
        f"{head} volume {number(volume)} {newest.symbol.base} in these candles, "
        f"{number(float(newest.volume))} in the one closed {moment(newest.closed_at)}",
    ]


def replay_lines(result: Mapping[str, Any]) -> list[str]:
    """What an analysis answered, as the worker stored it."""
    statistics, chance = result["statistics"], result["chance"]
    head = f"- {result['symbol']} {result['timeframe']} {result['strategy']}"
    return [
        f"{head} replayed with fees and slippage from {result['tested_from']} to {result['tested_until']}: "
        f"n={statistics['n']} trades, effectively {statistics['n_effective']:.0f}",
        f"{head} win rate {_share(statistics['win_rate'])}, 95% interval {_share(statistics['win_rate_low'])}"
        f"–{_share(statistics['win_rate_high'])}; targets {statistics['targets']}, stops {statistics['stops']}, "
        f"expired {statistics['expired']}",
        f"{head} total return {_share(statistics['total_return'])}, deepest drawdown "
        f"{_share(statistics['max_drawdown'])}; buying and holding {_share(statistics['hold_return'])}",
        f"{head} profit factor {_plain(statistics['profit_factor'])}, mean return of a trade "
        f"{_share(statistics['expectancy'])}, Sharpe {_plain(statistics['sharpe'])}",
        f"{head} beats {_share(chance['percentile'])} of {chance['draws']} replays with entries by lot; 50% is luck",
        f"- The whole simulation is {result['id']}.",
    ]


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2%}"


def _plain(value: float | None) -> str:
    return "not known" if value is None else number(value)
