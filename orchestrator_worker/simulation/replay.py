"""A strategy's plans carried through the candles that followed, trade by trade, as an account could have. Pure.

Each trade is raced by `win_rates.outcomes.judge`, the same rules by which live signals are judged: in at the open of the
next bar, a gap fills at the open, a bar that holds both barriers is a stop, what meets none leaves at the horizon's last
close. This module only decides which trades the account could take, how large they were, and what it was worth at every
close. A trade depends on bars up to its own exit, and which trades are taken on bars before their entry.

By default one position at a time: a plan whose bar opens while another trade lives is passed by. More places
(`positions_max`) let trades overlap; together they never commit more than `exposure_max` of the equity.
"""

import heapq
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestrator_worker.signals.costs import FEE, ROUND_TRIP, SLIPPAGE
from orchestrator_worker.win_rates.outcomes import Horizon, judge
from zmarty.market import Timeframe

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A trade that would have lived on when the candles end: marked at the last close, and counted apart.
OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What trading costs and how much is put into a trade. Fractions, fees and slippage for one side of a trade.

    `sizing` equity: each trade takes `fraction` of the equity. `sizing` risk: each trade loses `fraction` of the equity
    at its stop, before costs. Sizes rest on equity that closed trades have realised, never on open ones.
    """

    fee: float = FEE
    slippage: float = SLIPPAGE
    positions_max: int = 1
    sizing: Literal["equity", "risk"] = "equity"
    fraction: float = 1.0
    exposure_max: float = 1.0
    equity_start: float = 10_000.0

    @property
    def round_trip(self) -> float:
        return 2.0 * (self.fee + self.slippage)


@dataclass(frozen=True, slots=True)
class Replay:
    """`trades`, one row each in order of time, and `curve`: opened_at, equity and open positions at each bar's close."""

    trades: pl.DataFrame
    curve: pl.DataFrame
    passed_by: int


def replay(
    plans: pl.DataFrame,
    candles: pl.DataFrame,
    *,
    timeframe: Timeframe,
    horizon: Horizon,
    terms: Terms,
    curve_from: int = 0,
) -> Replay:
    """Trade `plans` (opened_at, direction, entry_price, stop_price, target_price; other columns pass through).

    `candles` are sound (`soundness.sound`). The curve starts at bar `curve_from`. Trades carry entered_at, paid_price,
    exited_at (the close of the exit's bar), exit_price, reason (target, stop, expiry or open), return_net, r_multiple,
    mfe, mae (fractions of the price paid), bars, units, notional (quote currency) and pnl (quote currency, after costs).
    """
    raced = race(plans, candles, timeframe=timeframe, horizon=horizon, round_trip=terms.round_trip)
    taken, units = _fill_account(raced, terms)
    trades = raced[taken.tolist()].with_columns(
        units=pl.Series(units), notional=pl.Series(units) * pl.col("paid_price")
    )
    trades = trades.with_columns(pnl=pl.col("notional") * pl.col("return_net"))
    curve = _curve(trades, candles, terms, curve_from)
    return Replay(trades.drop("entry_bar", "exit_bar"), curve, raced.height - trades.height)


def race(
    plans: pl.DataFrame,
    candles: pl.DataFrame,
    *,
    timeframe: Timeframe,
    horizon: Horizon,
    round_trip: float,
) -> pl.DataFrame:
    """How each plan by itself would have ended, in order of time; what nobody could enter any more is left out."""
    step = timeframe.delta
    times = _micros(candles["opened_at"])
    enterable = plans.filter(pl.col("opened_at") + step <= candles["opened_at"][-1]).sort("opened_at")
    judged = judge(
        enterable, _beyond_the_end(candles, timeframe, horizon), timeframe=timeframe, horizon=horizon
    )
    micros = timeframe.seconds * 1_000_000
    entry_bar = np.searchsorted(times, _micros(judged["opened_at"]) + micros)
    exit_bar = np.searchsorted(times, _micros(judged["closed_at"]) - micros)
    unfinished = exit_bar >= times.size
    exit_bar = np.minimum(exit_bar, times.size - 1)
    paid = candles["open"].to_numpy()[entry_bar]
    side = np.where((judged["direction"] == "long").to_numpy(), 1.0, -1.0)
    gross = judged["return_net"].to_numpy() + ROUND_TRIP
    planned = judged["entry_price"].to_numpy()
    risk = np.abs(planned - judged["stop_price"].to_numpy()) / planned
    return judged.drop("barrier", "closed_at").with_columns(
        entered_at=candles["opened_at"][entry_bar.tolist()],
        paid_price=pl.Series(paid),
        exited_at=candles["opened_at"][exit_bar.tolist()] + step,
        exit_price=pl.Series(paid * (1.0 + side * gross)),
        reason=pl.Series(np.where(unfinished, OPEN, judged["barrier"].to_numpy()), dtype=pl.String),
        return_net=pl.Series(gross - round_trip),
        r_multiple=pl.Series((gross - round_trip) / risk),
        bars=pl.Series(exit_bar - entry_bar + 1),
        entry_bar=pl.Series(entry_bar),
        exit_bar=pl.Series(exit_bar),
    )


def _beyond_the_end(candles: pl.DataFrame, timeframe: Timeframe, horizon: Horizon) -> pl.DataFrame:
    """The candles with the last close held for a horizon: no barrier is met there, so what reaches it is still open."""
    bars = -(-horizon.delta // timeframe.delta) + 1
    last, close = candles["opened_at"][-1], candles["close"][-1]
    times = pl.datetime_range(
        last, last + bars * timeframe.delta, timeframe.delta, closed="right", eager=True
    )
    flat = pl.repeat(close, bars, eager=True)
    held = pl.DataFrame({"opened_at": times, **dict.fromkeys(("open", "high", "low", "close"), flat)})
    return pl.concat([candles.select(held.columns), held])


def _fill_account(raced: pl.DataFrame, terms: Terms) -> tuple[Integers, Floats]:
    """Walk the plans in order of time; return the rows taken and the units bought or sold."""
    entry_bars, exit_bars = raced["entry_bar"].to_list(), raced["exit_bar"].to_list()
    paid, returned = raced["paid_price"].to_list(), raced["return_net"].to_list()
    risks = ((raced["entry_price"] - raced["stop_price"]).abs() / raced["entry_price"]).to_list()
    taken: list[int] = []
    units: list[float] = []
    open_trades: list[tuple[int, float, float]] = []
    equity, committed = terms.equity_start, 0.0
    for row, entry_bar in enumerate(entry_bars):
        # What leaves within this bar leaves after its open: its place is free only from the next bar on.
        while open_trades and open_trades[0][0] < entry_bar:
            _, notional, pnl = heapq.heappop(open_trades)
            equity += pnl
            committed -= notional
        if len(open_trades) >= terms.positions_max:
            continue
        share = terms.fraction if terms.sizing == "equity" else terms.fraction / risks[row]
        notional = min(share * equity, terms.exposure_max * equity - committed)
        if notional <= 0.0:
            continue
        heapq.heappush(open_trades, (exit_bars[row], notional, notional * returned[row]))
        committed += notional
        taken.append(row)
        units.append(notional / paid[row])
    return np.array(taken, dtype=np.int64), np.array(units, dtype=np.float64)


def _curve(trades: pl.DataFrame, candles: pl.DataFrame, terms: Terms, curve_from: int) -> pl.DataFrame:
    """What the account was worth at each close: realised, plus open trades marked at the close, costs of entry paid."""
    size = candles.height
    entered, left = trades["entry_bar"].to_numpy(), trades["exit_bar"].to_numpy()
    side = np.where((trades["direction"] == "long").to_numpy(), 1.0, -1.0)
    units, notional = trades["units"].to_numpy(), trades["notional"].to_numpy()
    one_way = notional * (terms.round_trip / 2.0)
    realised = np.bincount(left, trades["pnl"].to_numpy(), minlength=size)
    held = np.cumsum(_until(entered, left, side * units, size))
    basis = np.cumsum(_until(entered, left, side * notional + one_way, size))
    # Summing up and down leaves residue of the last digit where nothing is held.
    alive = np.cumsum(_until(entered, left, np.ones(trades.height), size)).round().astype(np.int64)
    at_market = np.where(alive > 0, held * candles["close"].to_numpy() - basis, 0.0)
    touched = np.cumsum(_until(entered, left + 1, np.ones(trades.height), size + 1))[:size].round()
    return pl.DataFrame(
        {
            "opened_at": candles["opened_at"],
            "equity": terms.equity_start + np.cumsum(realised) + at_market,
            "positions": touched.astype(np.int64),
        }
    ).slice(curve_from)


def _until(first: Integers, last: Integers, amounts: Floats, size: int) -> Floats:
    """Changes, bar by bar, of a sum in which each amount counts from `first` on and no more from `last` on."""
    up, down = (np.bincount(bars, amounts, minlength=size) for bars in (first, last))
    return np.asarray(up - down, dtype=np.float64)


def _micros(times: pl.Series) -> Integers:
    return times.dt.epoch("us").to_numpy().astype(np.int64)
