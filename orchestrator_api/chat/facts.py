"""What is known, as values and as lines that a model or a person can read: every number with its time. Pure."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from orchestrator_api.model_router.tokens import tokens_bound
from zmarty.market import Timeframe

# Kinds of signs that nobody sees, and what stands for them in a line.
HIDDEN = {"Cc": " ", "Cf": ""}
LINES_MAX = 60
LENGTH_MAX = 8_000
# As holds count them: what is written in other letters costs more of them.
TOKENS_MAX = 4_000
REASONS_MAX = 3
# With fewer cases than this in a month, a longer lookback says more.
CASES_LEAST = 30
# The horizon within which signals of a timeframe are judged first; longer ones are in the API's win rates.
HORIZONS = {
    **dict.fromkeys(("1m", "5m", "15m", "30m", "1h"), "24h"),
    "4h": "7d",
    "1d": "30d",
    "1w": "30d",
}
# What a trader reads first; the other indicators are in the API. Dotted names lie inside an object.
TECHNICAL = {
    "RSI": "rsi",
    "MACD histogram": "macd.histogram",
    "ADX": "adx",
    "ATR": "atr",
    "EMA 20": "ema.20",
    "EMA 50": "ema.50",
    "EMA 200": "ema.200",
    "Bollinger upper": "bollinger.upper",
    "Bollinger lower": "bollinger.lower",
}
VENDOR_NUMBERS_MAX = 6
# How old a vendor's last good word may be and still be quoted, always with its time: the bounds of the worker's reading
# plan, which a test holds together. Their order is the order of the lines.
BOUNDS = {
    "ls_ratio": timedelta(hours=3),
    "liquidations": timedelta(hours=3),
    "trend": timedelta(hours=1),
    "sentiment": timedelta(hours=6),
    "whale_trades": timedelta(hours=6),
    "rapid_movements": timedelta(hours=1),
    "volume_flow": timedelta(hours=2),
    "open_interest": timedelta(hours=6),
}
# Told of each pair; what holds for the symbol is told once, by its newest word.
OF_PAIRS = frozenset({"technical", "ls_ratio"})
STALE_BARS = 3
BAND_WIDTH = 0.1
RISK_SOURCES = {
    "anchors": "an operator's curve",
    "regression": "its own log-price trend",
    "percentile": "a percentile of its history",
}


@dataclass(frozen=True, slots=True)
class Pair:
    symbol: str
    timeframe: str


@dataclass(frozen=True, slots=True)
class SignalFact:
    """The newest signal of a pair."""

    id: UUID
    symbol: str
    timeframe: str
    opened_at: datetime
    strategy_version: str
    origin: str
    direction: str
    score: float
    strength: int
    confidence: float | None
    entry_price: Decimal
    targets: Sequence[Decimal]
    stop_price: Decimal | None
    verdict: str
    reasons: Sequence[Any]
    expires_at: datetime

    @property
    def pair(self) -> Pair:
        return Pair(self.symbol, self.timeframe)


@dataclass(frozen=True, slots=True)
class WinRateFact:
    """How often signals of one kind were right, over both origins."""

    symbol: str
    timeframe: str
    strategy_version: str
    direction: str
    horizon: str
    lookback_days: int
    n: int
    rate: float | None
    low: float | None
    high: float | None
    baseline: float | None
    expectancy: float | None
    computed_at: datetime
    n_backfill: int


@dataclass(frozen=True, slots=True)
class CandleFact:
    symbol: str
    timeframe: str
    opened_at: datetime
    close: Decimal
    exchange: str
    source: str


@dataclass(frozen=True, slots=True)
class ReadingFact:
    symbol: str
    timeframe: str
    opened_at: datetime
    source: str
    data: Mapping[str, Any]
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class ClusterFact:
    symbol: str
    side: str
    price: Decimal
    size: str
    notional: Decimal | None
    source: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class RiskFact:
    """How high a symbol stands in its own history, as of the newest day."""

    symbol: str
    observed_on: date
    source: str
    value: float
    band: int
    rarity: float
    days: int
    price: Decimal
    known_at: datetime


@dataclass(frozen=True, slots=True)
class MonitorFact:
    """What the newest liquidation map threatens at the newest price."""

    symbol: str
    source: str
    observed_at: datetime
    price: Decimal
    price_at: datetime
    cascade_risk: float | None
    cascade_band: str | None
    pattern: str | None


@dataclass(frozen=True, slots=True)
class AnalysisFact:
    """The newest analysis of a pair's chart. `levels` has kind, price and touches, the nearest of each kind first."""

    symbol: str
    timeframe: str
    opened_at: datetime
    trend_direction: str
    trend_strength: float
    volatility: float | None
    relative_volatility: float | None
    regime: str | None
    season: str | None
    levels: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PatternFact:
    """A pattern that holds: neither expired nor at its target or invalidation."""

    symbol: str
    timeframe: str
    kind: str
    direction: str
    confidence: float
    detected_opened_at: datetime
    price_levels: Mapping[str, float]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """Everything that was found for the symbols of one question, most wanted first."""

    symbols: Sequence[str] = ()
    signals: Sequence[SignalFact] = ()
    win_rates: Sequence[WinRateFact] = ()
    candles: Sequence[CandleFact] = ()
    readings: Sequence[ReadingFact] = ()
    analyses: Sequence[AnalysisFact] = ()
    patterns: Sequence[PatternFact] = ()
    clusters: Sequence[ClusterFact] = ()
    risks: Sequence[RiskFact] = ()
    monitors: Sequence[MonitorFact] = ()


def fact_lines(knowledge: Knowledge, *, now: datetime) -> tuple[str, ...]:
    """The facts, one a line, of each symbol in turn, cut at LINES_MAX lines, LENGTH_MAX characters and TOKENS_MAX tokens."""
    lines: list[str] = []
    length = tokens = 0
    for symbol in knowledge.symbols:
        for line in _lines_of(symbol, knowledge, now):
            line = as_data(line)
            length += len(line) + 1
            tokens += tokens_bound(line)
            if len(lines) == LINES_MAX or length > LENGTH_MAX or tokens > TOKENS_MAX:
                return tuple(lines)
            lines.append(line)
    return tuple(lines)


def as_data(text: str) -> str:
    """One line that cannot end the block of data it stands in, nor begin another line that reads like a rule.

    Besides line breaks of every kind this takes out what hides or turns text: controls, zero widths, direction marks, tags.
    """
    plain = text.replace("<", "‹").replace(">", "›")
    if plain.isprintable():
        return plain
    line = " ".join(plain.splitlines())
    return "".join(HIDDEN.get(unicodedata.category(sign), sign) for sign in line)


def win_rate_lines(rates: Iterable[WinRateFact]) -> list[str]:
    """Every rate as a line: by direction, then the shorter horizons and lookbacks first."""
    ordered = sorted(
        rates, key=lambda rate: (rate.direction, len(rate.horizon), rate.horizon, rate.lookback_days)
    )
    return [_win_rate_line(rate) for rate in ordered]


def win_rate_of(signal: SignalFact, win_rates: Iterable[WinRateFact]) -> WinRateFact | None:
    """The rate that belongs to a signal: its strategy, its direction, the horizon of its timeframe."""
    direction = "all" if signal.direction == "flat" else signal.direction
    fitting = [
        rate
        for rate in win_rates
        if (rate.symbol, rate.timeframe, rate.strategy_version) == (*_key(signal), signal.strategy_version)
        and (rate.direction, rate.horizon) == (direction, HORIZONS.get(signal.timeframe))
    ]
    # The most recent record that rests on enough cases, else the one that rests on most.
    enough = [rate for rate in fitting if rate.n >= CASES_LEAST]
    if enough:
        return min(enough, key=lambda rate: rate.lookback_days)
    return max(fitting, key=lambda rate: rate.n, default=None)


def _lines_of(symbol: str, knowledge: Knowledge, now: datetime) -> Iterator[str]:
    signals = [signal for signal in knowledge.signals if signal.symbol == symbol]
    for signal in signals:
        yield _signal_line(signal, now)
        if (rate := win_rate_of(signal, knowledge.win_rates)) is not None:
            yield _win_rate_line(rate)
        if reasons := _reasons(signal.reasons):
            yield f"- {symbol} {signal.timeframe} signal's reasons: {reasons}"
    for candle in knowledge.candles:
        if candle.symbol == symbol:
            yield _candle_line(candle)
    for analysis in knowledge.analyses:
        if analysis.symbol == symbol:
            yield _analysis_line(analysis)
    for pattern in knowledge.patterns:
        if pattern.symbol == symbol:
            yield _pattern_line(pattern)
    for risk in knowledge.risks:
        if risk.symbol == symbol:
            yield _risk_line(risk)
    for monitor in knowledge.monitors:
        if monitor.symbol == symbol and (line := _monitor_line(monitor)):
            yield line
    for reading in _current(symbol, knowledge.readings, now):
        if line := _reading_line(reading):
            yield line
    for side in ("above", "below"):
        clusters = [
            cluster for cluster in knowledge.clusters if (cluster.symbol, cluster.side) == (symbol, side)
        ]
        if clusters:
            yield _cluster_line(symbol, side, clusters)


def _signal_line(signal: SignalFact, now: datetime) -> str:
    parts = [
        f"direction {signal.direction}",
        f"score {signal.score:.2f}",
        f"strength {signal.strength}",
        *([f"confidence {signal.confidence:.2f}"] if signal.confidence is not None else []),
        f"entry {number(signal.entry_price)}",
        *([f"target {' / '.join(map(number, signal.targets))}"] if signal.targets else []),
        *([f"stop {number(signal.stop_price)}"] if signal.stop_price is not None else []),
        f"verdict {signal.verdict.replace('_', ' ')}",
        f"{'expired' if signal.expires_at <= now else 'expires'} {moment(signal.expires_at)}",
    ]
    closed = _closed(signal.timeframe, signal.opened_at)
    age = _age(now - Timeframe(signal.timeframe).closed_at(signal.opened_at))
    return f"- {signal.symbol} {signal.timeframe} signal: {', '.join(parts)}; {closed}, {age}"


def _win_rate_line(rate: WinRateFact) -> str:
    head = f"- {rate.symbol} {rate.timeframe} win rate ({rate.direction}, {rate.horizon} horizon, {rate.lookback_days} d)"
    count = f"n={rate.n} (backfill {rate.n_backfill}, live {rate.n - rate.n_backfill})"
    if rate.rate is None or rate.low is None or rate.high is None:
        return f"{head}: not known, {count}; computed {moment(rate.computed_at)}"
    baseline = f"; baseline {rate.baseline:.2f}" if rate.baseline is not None else ""
    interval = f"95% interval {rate.low:.2f}–{rate.high:.2f}"
    return f"{head}: {rate.rate:.2f}, {interval}, {count}{baseline}; computed {moment(rate.computed_at)}"


def _candle_line(candle: CandleFact) -> str:
    closed = _closed(candle.timeframe, candle.opened_at)
    return (
        f"- {candle.symbol} {candle.timeframe} last close {number(candle.close)} "
        f"({candle.exchange}, source {candle.source}); {closed}"
    )


def _current(symbol: str, readings: Sequence[ReadingFact], now: datetime) -> Iterator[ReadingFact]:
    """Those of the symbol that are not stale; a stale one is missing, and nothing takes its place."""
    mine = [reading for reading in readings if reading.symbol == symbol and _is_fresh(reading, now)]
    yield from (reading for reading in mine if reading.source in OF_PAIRS)
    for source in BOUNDS:
        told = [reading for reading in mine if reading.source == source and source not in OF_PAIRS]
        if told:
            yield max(told, key=lambda reading: reading.observed_at)


def _is_fresh(reading: ReadingFact, now: datetime) -> bool:
    bound = BOUNDS.get(reading.source)
    if bound is None:
        return True
    if reading.source in OF_PAIRS:
        bound = max(bound, STALE_BARS * Timeframe(reading.timeframe).delta)
    return now - reading.observed_at <= bound


def _risk_line(risk: RiskFact) -> str:
    band = f"band {risk.band * BAND_WIDTH:.1f}–{(risk.band + 1) * BAND_WIDTH:.1f}, rarity {risk.rarity:.2f}"
    origin = f"by {RISK_SOURCES.get(risk.source, risk.source)}, {risk.days} daily closes"
    return (
        f"- {risk.symbol} risk (0 low, 1 high): {risk.value:.2f}, {band}, {origin}; at close {number(risk.price)}, "
        f"known {moment(risk.known_at)}"
    )


def _monitor_line(monitor: MonitorFact) -> str | None:
    if monitor.cascade_risk is None:
        return None
    pattern = f", pattern {monitor.pattern.replace('_', ' ')}" if monitor.pattern else ""
    return (
        f"- {monitor.symbol} liquidation cascade risk: {monitor.cascade_risk:.0f} of 100, {monitor.cascade_band}{pattern}; "
        f"map observed {moment(monitor.observed_at)} by {monitor.source}, price {number(monitor.price)} of "
        f"{moment(monitor.price_at)}"
    )


def _reading_line(reading: ReadingFact) -> str | None:
    names = (
        TECHNICAL
        if reading.source == "technical"
        else {name.replace("_", " "): name for name in reading.data if _is_number(reading.data[name])}
    )
    told = [
        f"{label} {number(value)}"
        for label, path in list(names.items())[: len(TECHNICAL) if names is TECHNICAL else VENDOR_NUMBERS_MAX]
        if _is_number(value := _at(reading.data, path))
    ]
    if not told:
        return None
    what = "indicators" if names is TECHNICAL else reading.source.replace("_", " ")
    return f"- {reading.symbol} {reading.timeframe} {what}: {', '.join(told)}; observed {moment(reading.observed_at)}"


def _analysis_line(analysis: AnalysisFact) -> str:
    parts = [
        f"trend {analysis.trend_direction}, strength {analysis.trend_strength:.0f} of 100",
        *([f"regime {analysis.regime}"] if analysis.regime else []),
        *([f"volatility {analysis.volatility:.0%} a year"] if analysis.volatility is not None else []),
        *(
            [f"{analysis.relative_volatility:.2f} times as usual"]
            if analysis.relative_volatility is not None
            else []
        ),
        *(_nearest(analysis.levels, kind) for kind in ("support", "resistance")),
        *([f"season of Bitcoin's risk {analysis.season}"] if analysis.season else []),
    ]
    told = ", ".join(part for part in parts if part)
    closed = _closed(analysis.timeframe, analysis.opened_at)
    return f"- {analysis.symbol} {analysis.timeframe} chart: {told}; {closed}"


def _nearest(levels: Sequence[Mapping[str, Any]], kind: str) -> str:
    level = next(
        (level for level in levels if level.get("kind") == kind and _is_number(level.get("price"))), None
    )
    return f"nearest {kind} {number(level['price'])} ({level.get('touches')} touches)" if level else ""


def _pattern_line(pattern: PatternFact) -> str:
    levels = ", ".join(
        f"{name} {number(pattern.price_levels[name])}"
        for name in ("entry", "target", "invalidation")
        if _is_number(pattern.price_levels.get(name))
    )
    # How well it fits its rule must not be read as a chance of winning.
    return (
        f"- {pattern.symbol} {pattern.timeframe} pattern {pattern.kind.replace('_', ' ')}: {pattern.direction}, "
        f"fits its rule {pattern.confidence:.2f}, {levels}, expires {moment(pattern.expires_at)}; "
        f"{_closed(pattern.timeframe, pattern.detected_opened_at)}"
    )


def _cluster_line(symbol: str, side: str, clusters: Sequence[ClusterFact]) -> str:
    told = ", ".join(
        f"{number(cluster.price)} ({cluster.size}"
        + (f", notional {number(cluster.notional)})" if cluster.notional is not None else ")")
        for cluster in clusters
    )
    newest = clusters[0]
    return f"- {symbol} liquidation clusters {side}: {told}; observed {moment(newest.observed_at)} by {newest.source}"


def _reasons(reasons: Sequence[Any]) -> str:
    texts = [reason.get("text", "") if isinstance(reason, Mapping) else str(reason) for reason in reasons]
    return " ".join(text for text in texts[:REASONS_MAX] if text)


def _key(signal: SignalFact) -> tuple[str, str]:
    return signal.symbol, signal.timeframe


def _closed(timeframe: str, opened_at: datetime) -> str:
    return f"candle closed {moment(Timeframe(timeframe).closed_at(opened_at))}"


def _age(age: timedelta) -> str:
    # In steps: the same facts stay the same words for an hour.
    hours = int(age / timedelta(hours=1))
    if hours < 1:
        return "under an hour ago"
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} d ago"


def _at(data: Mapping[str, Any], path: str) -> Any:
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Decimal | float) -> str:
    """A number as people write it, with eight significant digits at most: 43210.5, 0.00001234, 5200000."""
    text = f"{Decimal(f'{value:.8g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def moment(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M}Z"
