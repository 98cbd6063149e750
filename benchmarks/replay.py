"""A strategy over 18,000 bars: plans, trades, equity and statistics. Ours against backtesting.py with the same rule."""

from __future__ import annotations

import time
import warnings
from pathlib import Path as File

import polars as pl

from benchmarks.effort import Effort
from benchmarks.figures import Figure, Incorrect, figure, ratio_at_least
from benchmarks.machine import describe_machine
from local_stack.simulators.bars import HOUR as HOUR_SECONDS
from local_stack.simulators.synthetic import BEGINNING, Path, Walk, Weather
from orchestrator_worker.signals.walk import walk
from orchestrator_worker.simulation.replay import Terms, replay
from orchestrator_worker.simulation.soundness import sound
from orchestrator_worker.simulation.statistics import Statistics, statistics_of
from orchestrator_worker.simulation.strategies import History, Signals, SmaCross, Strategy
from zmarty.market import Timeframe

REAL = "shared/data/ohlcv/BTCUSDT_1h_2023-2025.parquet"
BARS = 18_000
GROWTH = 10
# A bar is never so cheap that a clock of nanoseconds misses it, but one replay is short: each run takes the best of some.
REPEATS = 5
HOUR = Timeframe.HOUR_1
RULE = SmaCross()
FREE = Terms(fee=0.0, slippage=0.0)


async def run(effort: Effort) -> list[Figure]:
    machine = describe_machine()
    candles, origin = candles_of(effort.of(BARS))
    longer = prolonged(candles, GROWTH)
    bars = candles.height
    peer = Peer(candles)
    peer.check(RULE, candles)
    rates = await effort.rounds(
        {
            "ours": lambda: rate(lambda: measured(RULE, candles), bars),
            "theirs": lambda: rate(peer.run, bars, repeats=1),
            "tenfold": lambda: rate(lambda: measured(RULE, longer), bars * GROWTH, repeats=2),
            "signals": lambda: rate(lambda: measured(Signals(), candles), bars, repeats=2),
            "walk": lambda: rate(lambda: walk(candles, [], timeframe=HOUR), bars, repeats=2),
        }
    )
    return [
        figure(
            f"SMA cross over {bars:,} bars, {origin}",
            rates["ours"],
            "bars/s",
            machine=machine,
            against="backtesting.py, same trades",
            against_values=rates["theirs"],
            target=ratio_at_least(20.0),
        ),
        figure(
            f"the same over {bars * GROWTH:,} bars",
            rates["tenfold"],
            "bars/s",
            machine=machine,
            against=f"{bars:,} bars",
            against_values=rates["ours"],
            target=ratio_at_least(0.8),
        ),
        figure(
            f"signals over {bars:,} bars, walked, traded and measured",
            rates["signals"],
            "bars/s",
            machine=machine,
            against="the walk alone",
            against_values=rates["walk"],
        ),
    ]


def candles_of(bars: int) -> tuple[pl.DataFrame, str]:
    """The newest real bars where this machine has them, else those of the synthetic market; and which they are."""
    found = [folder / REAL for folder in File(__file__).parents if (folder / REAL).exists()]
    if found:
        real = pl.read_parquet(found[0]).rename({"ts": "opened_at"}).tail(bars)
        return sound(real, HOUR), "BTC/USDT 2023–2025"
    path = Path(Weather(seed=1), Walk("BTC", 60_000.0, 2, 2e9, 1.0, 0.3))
    made = path.hours(BEGINNING, BEGINNING + bars * HOUR_SECONDS)
    columns = {name: made[name] for name in ("open", "high", "low", "close", "volume")}
    times = pl.from_epoch(pl.Series(made["opened_at"]), time_unit="s")
    return sound(pl.DataFrame({"opened_at": times, **columns}), HOUR), "synthetic market"


def prolonged(candles: pl.DataFrame, times: int) -> pl.DataFrame:
    """The same market again and again, each time lifted to where the last one ended."""
    lift = float(candles["close"][-1] / candles["open"][0])
    span = candles["opened_at"][-1] - candles["opened_at"][0] + HOUR.delta
    prices = ("open", "high", "low", "close")
    parts = [
        candles.with_columns(
            pl.col("opened_at") + span * time_, *(pl.col(name) * lift ** (time_ % 2) for name in prices)
        )
        for time_ in range(times)
    ]
    return pl.concat(parts)


def measured(
    strategy: Strategy, candles: pl.DataFrame, terms: Terms = FREE
) -> tuple[pl.DataFrame, Statistics]:
    """What a simulation does, from plans to statistics."""
    history = History(candles, HOUR)
    done = replay(
        strategy.plans(history), candles, timeframe=HOUR, horizon=strategy.horizon(HOUR), terms=terms
    )
    told = statistics_of(
        done.trades,
        done.curve,
        candles,
        timeframe=HOUR,
        equity_start=terms.equity_start,
        round_trip=terms.round_trip,
    )
    return done.trades, told


async def rate(work: object, bars: int, *, repeats: int = REPEATS) -> float:
    assert callable(work)
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return bars / best


class Peer:
    """backtesting.py with the same rule, one unit a trade and no costs; see tests/orchestrator_worker/simulation/test_parity.py."""

    def __init__(self, candles: pl.DataFrame) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pandas as pd
            from backtesting import Backtest, Strategy

        def mean(values: object, bars: int) -> object:
            return pd.Series(values).rolling(bars).mean()

        class Cross(Strategy):  # type: ignore[misc]
            def init(self) -> None:
                self.fast = self.I(mean, self.data.Close, RULE.fast)
                self.slow = self.I(mean, self.data.Close, RULE.slow)

            def next(self) -> None:
                if self.position:
                    return
                now, before = self.fast[-1] - self.slow[-1], self.fast[-2] - self.slow[-2]
                close = self.data.Close[-1]
                if before <= 0 < now:
                    self.buy(size=1, sl=close * (1 - RULE.stop), tp=close * (1 + RULE.target))
                elif before >= 0 > now:
                    self.sell(size=1, sl=close * (1 + RULE.stop), tp=close * (1 - RULE.target))

        names = ("open", "high", "low", "close", "volume")
        columns = {name.capitalize(): candles[name].to_numpy() for name in names}
        bars = pd.DataFrame(columns, index=pd.DatetimeIndex(candles["opened_at"].to_numpy()))
        self._test = Backtest(bars, Cross, cash=1e12)

    def run(self) -> int:
        with warnings.catch_warnings():
            # It warns of a trade that is open at the end, and says progress on stderr.
            warnings.simplefilter("ignore")
            return len(self._test.run()._trades)

    def check(self, rule: SmaCross, candles: pl.DataFrame) -> None:
        trades, _ = measured(rule, candles)
        ended = trades.filter(pl.col("reason") != "open").height
        if ended != (theirs := self.run()):
            raise Incorrect(f"{ended} trades, and {theirs} by backtesting.py")
