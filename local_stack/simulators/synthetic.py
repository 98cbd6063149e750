"""A seeded market that never was: the same bar for (seed, walk, time) whatever was asked before. Pure.

Every Monday's price comes from one weekly chain, and a week's minutes are a bridge between two Mondays; so any
week can be made alone, and hours, days and weeks are sums of the same minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from local_stack.simulators.bars import BAR, DAY, HOUR, MINUTE, WEEK, Bars, Floats, aggregate, between, join

# A Monday. Nothing was traded before it, and the chain ends WEEKS_MAX later (in 2048).
BEGINNING = 1_514_764_800
WEEKS_MAX = 1_600
HOURS_A_WEEK, MINUTES_A_WEEK = WEEK // HOUR, WEEK // MINUTE
WEEKS_OF_MINUTES_KEPT = 24

# Pulls a price back towards its listing, so that years of chance end within a believable range.
REVERSION = 0.015


@dataclass(frozen=True)
class Regime:
    drift_weekly: float
    volatility_hourly: float
    stays: float


REGIMES = (
    Regime(drift_weekly=0.018, volatility_hourly=0.0046, stays=0.86),
    Regime(drift_weekly=-0.018, volatility_hourly=0.0060, stays=0.82),
    Regime(drift_weekly=0.001, volatility_hourly=0.0032, stays=0.88),
    Regime(drift_weekly=-0.045, volatility_hourly=0.0125, stays=0.45),
)
RARE_REGIME_SHARE = (0.36, 0.27, 0.33, 0.04)


def generator(*key: int | str) -> np.random.Generator:
    digest = blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


class Weather:
    """What all coins share: the regime of each week, how wild each hour is, and the common part of each minute."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.regimes = self._chain()
        self.common_weeks: Floats = generator(seed, "common").standard_normal(WEEKS_MAX)
        self.wildness: Callable[[int], Floats] = lru_cache(maxsize=WEEKS_MAX)(self._wildness)
        self.shocks: Callable[[int], Floats] = lru_cache(maxsize=WEEKS_OF_MINUTES_KEPT)(self._shocks)

    def _chain(self) -> list[Regime]:
        random = generator(self.seed, "regimes")
        regime, chain = REGIMES[0], []
        for stay, choice in random.random((WEEKS_MAX, 2)):
            if stay > regime.stays:
                regime = REGIMES[int(np.searchsorted(np.cumsum(RARE_REGIME_SHARE), choice))]
            chain.append(regime)
        return chain

    def _wildness(self, week: int) -> Floats:
        """Hourly volatilities: they cluster, follow the trading day, and now and then jump (the fat tails)."""
        random = generator(self.seed, "wildness", week)
        clustered = np.convolve(
            random.standard_normal(HOURS_A_WEEK + 23), 0.88 ** np.arange(24), mode="valid"
        )
        hours = np.arange(HOURS_A_WEEK)
        session = 1 + 0.28 * np.sin((hours % 24 - 9) / 24 * 2 * np.pi) - 0.2 * (hours >= 120)
        jump = np.where(random.random(HOURS_A_WEEK) < 0.006, 3.5, 1.0)
        level = self.regimes[week].volatility_hourly
        return np.asarray(level * session * jump * np.exp(0.17 * clustered), dtype=np.float64)

    def _shocks(self, week: int) -> Floats:
        return generator(self.seed, "shocks", week).standard_normal(MINUTES_A_WEEK)


@dataclass(frozen=True)
class Walk:
    """The numbers that tell one coin's path from another's."""

    name: str
    price: float
    decimals: int
    turnover_daily: float
    beta: float
    own: float
    # Continues a replayed file: the same path, lifted to the file's last close.
    lift: float = 1.0


class Path:
    """One symbol's synthetic prices at minute and hour resolution."""

    def __init__(self, weather: Weather, walk: Walk) -> None:
        self.weather = weather
        self.walk = walk
        self.mondays = self._mondays()
        self._minutes_of_week: Callable[[int], Bars] = lru_cache(maxsize=WEEKS_OF_MINUTES_KEPT)(
            self._make_week
        )
        self._hours_of_week: Callable[[int], Bars] = lru_cache(maxsize=WEEKS_MAX)(
            lambda week: aggregate(self._minutes_of_week(week), HOUR)
        )

    def minutes(self, start: int, end: int) -> Bars:
        return self._gather(self._minutes_of_week, start, end)

    def hours(self, start: int, end: int) -> Bars:
        return self._gather(self._hours_of_week, start, end)

    def price_before(self, when: int) -> float:
        """The last price before a moment: exact, from one week's minutes."""
        return float(self.minutes(when - MINUTE, when)["close"][-1])

    def _gather(self, make: Callable[[int], Bars], start: int, end: int) -> Bars:
        first = max(0, (start - BEGINNING) // WEEK)
        last = min(WEEKS_MAX - 1, -((BEGINNING - end) // WEEK))
        return between(join([make(week) for week in range(first, last)]), start, end)

    def _mondays(self) -> Floats:
        """Log prices at every Monday: shared drift and shocks, own shocks, and a pull back to the listing."""
        own = generator(self.weather.seed, "own", self.walk.name).standard_normal(WEEKS_MAX)
        base = log_price = float(np.log(self.walk.price))
        mondays = [log_price]
        for week, regime in enumerate(self.weather.regimes):
            volatility = regime.volatility_hourly * np.sqrt(HOURS_A_WEEK)
            shared = self.walk.beta * (regime.drift_weekly + volatility * self.weather.common_weeks[week])
            log_price += float(
                shared + self.walk.own * volatility * own[week] - REVERSION * (log_price - base)
            )
            mondays.append(log_price)
        return np.array(mondays)

    def _make_week(self, week: int) -> Bars:
        walk, random = self.walk, generator(self.weather.seed, "week", self.walk.name, week)
        spread = np.hypot(walk.beta, walk.own)
        shocks = walk.beta * self.weather.shocks(week) + walk.own * random.standard_normal(MINUTES_A_WEEK)
        sizes = np.repeat(self.weather.wildness(week), 60) / np.sqrt(60)
        moves = sizes * shocks
        # The bridge: what is missing to next Monday's price is spread over the minutes by their variance.
        missing = self.mondays[week + 1] - self.mondays[week] - moves.sum()
        moves += missing * sizes**2 / (sizes**2).sum()
        closes = np.exp(self.mondays[week] + np.cumsum(moves)) * walk.lift
        closes[-1] = np.exp(self.mondays[week + 1]) * walk.lift
        opens = np.concatenate([[np.exp(self.mondays[week]) * walk.lift], closes[:-1]])

        bars = np.empty(MINUTES_A_WEEK, dtype=BAR)
        bars["opened_at"] = BEGINNING + week * WEEK + MINUTE * np.arange(MINUTES_A_WEEK)
        bars["open"], bars["close"] = np.round(opens, walk.decimals), np.round(closes, walk.decimals)
        reach = np.abs(random.standard_normal((2, MINUTES_A_WEEK))) * sizes * spread * 0.6
        top, bottom = np.maximum(bars["open"], bars["close"]), np.minimum(bars["open"], bars["close"])
        bars["high"] = np.maximum(top, np.round(top * (1 + reach[0]), walk.decimals))
        bars["low"] = np.minimum(bottom, np.round(bottom * (1 - reach[1]), walk.decimals))

        haste = 0.55 + 0.5 * np.abs(shocks) / spread + 0.35 * sizes / sizes.mean()
        noise = np.exp(0.45 * random.standard_normal(MINUTES_A_WEEK) - 0.1)
        turnover = walk.turnover_daily * MINUTE / DAY * haste * noise
        bought = np.clip(
            0.5 + 0.09 * shocks / spread + 0.06 * random.standard_normal(MINUTES_A_WEEK), 0.03, 0.97
        )
        fill_volumes(bars, turnover, bought)
        return bars


def fill_volumes(bars: Bars, turnover: Floats, bought: Floats) -> None:
    """Volume, trades and the taker's part from turnover; volumes keep eight decimals as exchanges print them."""
    middle = (bars["open"] + bars["close"]) / 2
    bars["turnover"] = np.round(turnover, 4)
    bars["volume"] = np.round(turnover / middle, 8)
    bars["taker_volume"] = np.round(bars["volume"] * bought, 8)
    bars["taker_turnover"] = np.round(bars["turnover"] * bought, 4)
    bars["trades"] = np.ceil(turnover / (60 + turnover**0.4))
