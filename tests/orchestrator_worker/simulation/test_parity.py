"""Our replay and backtesting.py give the same trades on real candles for one simple rule.

backtesting.py (AGPL) is an oracle of the tests alone. Its conventions, as far as they matter here:
- `trade_on_close=False`: an order given at a bar's close is filled at the next open, as ours is.
- Stop and target are orders of their own; the stop is looked at first, so a bar that holds both is a stop; a gap fills at
  the open. Only where a bar opens beyond the target and falls to the stop afterwards it says stop, and we say target,
  because the open came first. No such bar is in this data; the test would show one.
- Trades still open at the end are left out of its trades and its win rate (#1289); we keep them, marked `open`, so they are
  compared with those that ended.
- It trades whole units: one unit a trade, and cash that never runs out. Commission is taken of the exit's value, ours of
  the price paid, as outcomes of signals are judged: with costs the returns differ by the fee times the gross return.
"""

import warnings

import numpy as np
import polars as pl
import pytest

from orchestrator_worker.simulation.replay import Terms, replay
from orchestrator_worker.simulation.soundness import sound
from orchestrator_worker.simulation.strategies import History, SmaCross
from tests.orchestrator_worker.market import real_candles
from zmarty.market import Timeframe

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandas as pd
    from backtesting import Backtest, Strategy

FILES = (
    "BTCUSDT_1h_2023-2025",
    "BTCUSDT_1d_2017-2026",
    "ETHUSDT_1h_2024",
    "SOLUSDT_4h_2024",
    "AVAXUSDT_1h_2024",
)
FAST, SLOW, STOP, TARGET = 20, 50, 0.02, 0.03
COMMISSION = 0.001


def mean(values: object, bars: int) -> object:
    return pd.Series(values).rolling(bars).mean()


class Cross(Strategy):  # type: ignore[misc]
    def init(self) -> None:
        self.fast = self.I(mean, self.data.Close, FAST)
        self.slow = self.I(mean, self.data.Close, SLOW)

    def next(self) -> None:
        if self.position:
            return
        now, before = self.fast[-1] - self.slow[-1], self.fast[-2] - self.slow[-2]
        close = self.data.Close[-1]
        if before <= 0 < now:
            self.buy(size=1, sl=close * (1 - STOP), tp=close * (1 + TARGET))
        elif before >= 0 > now:
            self.sell(size=1, sl=close * (1 + STOP), tp=close * (1 - TARGET))


def their_trades(candles: pl.DataFrame, commission: float) -> "pd.DataFrame":
    columns = {
        name.capitalize(): candles[name].to_numpy() for name in ("open", "high", "low", "close", "volume")
    }
    bars = pd.DataFrame(columns, index=pd.DatetimeIndex(candles["opened_at"].to_numpy()))
    test = Backtest(
        bars,
        Cross,
        cash=1e12,
        commission=commission,
        trade_on_close=False,
        exclusive_orders=False,
        hedging=False,
    )
    with warnings.catch_warnings():
        # It warns of trades that are open at the end, and that is known.
        warnings.simplefilter("ignore")
        return test.run()._trades


def our_trades(candles: pl.DataFrame, timeframe: Timeframe, terms: Terms) -> pl.DataFrame:
    rule = SmaCross(fast=FAST, slow=SLOW, stop=STOP, target=TARGET)
    plans = rule.plans(History(candles, timeframe))
    done = replay(plans, candles, timeframe=timeframe, horizon=rule.horizon(timeframe), terms=terms)
    # Ours alone would leave after thirty days; on these candles every trade has met a barrier by then.
    assert "expiry" not in done.trades["reason"].to_list()
    return done.trades.filter(pl.col("reason") != "open")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", FILES)
def test_the_trades_are_those_of_backtesting_py(name: str) -> None:
    candles, timeframe = real_candles(name)
    candles = sound(candles, timeframe)

    theirs, ours = their_trades(candles, 0.0), our_trades(candles, timeframe, Terms(fee=0.0, slippage=0.0))

    assert len(theirs) == ours.height > 30
    entered = ours["entered_at"].dt.replace_time_zone(None).to_numpy()
    exited = (ours["exited_at"] - timeframe.delta).dt.replace_time_zone(None).to_numpy()
    assert (theirs.EntryTime.to_numpy() == entered).all()
    assert (theirs.ExitTime.to_numpy() == exited).all()
    assert (np.where(theirs.Size.to_numpy() > 0, "long", "short") == ours["direction"].to_numpy()).all()
    np.testing.assert_allclose(ours["paid_price"].to_numpy(), theirs.EntryPrice.to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours["exit_price"].to_numpy(), theirs.ExitPrice.to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours["return_net"].to_numpy(), theirs.ReturnPct.to_numpy(), rtol=0, atol=1e-12)


@pytest.mark.timeout(120)
def test_with_commission_returns_differ_by_the_fee_of_the_gain_alone() -> None:
    candles, timeframe = real_candles("ETHUSDT_1h_2024")
    candles = sound(candles, timeframe)

    theirs = their_trades(candles, COMMISSION)
    ours = our_trades(candles, timeframe, Terms(fee=COMMISSION, slippage=0.0))

    gross = ours["return_net"].to_numpy() + 2 * COMMISSION
    side = np.where((ours["direction"] == "long").to_numpy(), 1.0, -1.0)
    expected = ours["return_net"].to_numpy() - COMMISSION * gross * side
    their_return = theirs.PnL.to_numpy() / (theirs.EntryPrice.to_numpy() * theirs.Size.abs().to_numpy())
    np.testing.assert_allclose(their_return, expected, rtol=0, atol=1e-9)
