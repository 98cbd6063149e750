"""Why a signal says what it says: sentences that quote the numbers they rest on. Pure."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from orchestrator_worker.signals.levels import STOP_ATR, TARGET_ATR
from orchestrator_worker.signals.score import DIRECTION_SCORE_MIN

Reason: TypeAlias = dict[str, str]
Row: TypeAlias = Mapping[str, Any]

# A part of the score that weighs less than this is not worth a sentence.
PART_MIN = 0.1


def reasons_of(row: Row) -> list[Reason]:
    """Explain one row of the walk, the direction first, then what speaks for and against it, then whether it pays."""
    return [{"code": code, "text": text} for code, text in _sentences(row)]


def price_text(price: float) -> str:
    """A price with about seven significant digits, as people write it: 43,210.5 or 0.00001234."""
    if price == 0.0 or not math.isfinite(price):
        return str(price)
    decimals = max(0, 6 - math.floor(math.log10(abs(price))))
    text = f"{price:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sentences(row: Row) -> Iterator[tuple[str, str]]:
    yield _direction(row)
    if not row["tradable"]:
        return
    yield from _technical(row)
    yield from _liquidation(row)
    yield from _flow(row)
    if row["direction"] != "flat":
        yield from _worth(row)


def _direction(row: Row) -> tuple[str, str]:
    score = row["score"]
    if not row["tradable"]:
        return (
            "not_tradable",
            "No trade: in this candle the market stood still, halted or moved beyond measure.",
        )
    if row["direction"] == "flat":
        return (
            "score_flat",
            f"Score {score:+.2f} lies between −{DIRECTION_SCORE_MIN:.2f} and +{DIRECTION_SCORE_MIN:.2f}.",
        )
    return (
        f"score_{row['direction']}",
        f"Score {score:+.2f} is beyond ±{DIRECTION_SCORE_MIN:.2f}: {row['direction']}.",
    )


def _technical(row: Row) -> Iterator[tuple[str, str]]:
    close, atr = row["close"], row["atr_14"]
    if abs(row["trend"]) >= PART_MIN:
        up = row["trend"] > 0
        yield (
            "trend_up" if up else "trend_down",
            f"Trend {row['trend']:+.2f}: EMA 20 {price_text(row['ema_20'])} against EMA 50 {price_text(row['ema_50'])}, "
            f"close {(close / row['ema_200'] - 1) * 100:+.1f} % from EMA 200, ADX {row['adx_14']:.0f}.",
        )
    if abs(row["momentum"]) >= PART_MIN:
        yield (
            "momentum_up" if row["momentum"] > 0 else "momentum_down",
            f"Momentum {row['momentum']:+.2f}: RSI {row['rsi_14']:.1f}, MACD histogram "
            f"{row['macd_histogram'] / atr:+.2f} ATR.",
        )
    if abs(row["reversion"]) >= PART_MIN:
        yield (
            "oversold" if row["reversion"] > 0 else "overbought",
            f"Stretched {-row['reversion']:+.2f}: RSI {row['rsi_14']:.1f}, stochastic {row['stochastic_k']:.0f}, close "
            f"{price_text(close)} in Bollinger bands {price_text(row['bollinger_lower'])}–"
            f"{price_text(row['bollinger_upper'])}.",
        )


def _liquidation(row: Row) -> Iterator[tuple[str, str]]:
    if row["cluster_pull"] is not None:
        above = sum(cluster["notional"] for cluster in row["clusters"] if cluster["price"] > row["close"])
        below = sum(cluster["notional"] for cluster in row["clusters"] if cluster["price"] < row["close"])
        yield (
            "clusters_above" if row["cluster_pull"] > 0 else "clusters_below",
            f"Liquidation clusters pull {row['cluster_pull']:+.2f}: {above:,.0f} USD above, {below:,.0f} USD below "
            f"({_age(row['clusters_age'])}).",
        )
    if row["liquidated_longs"] is not None:
        yield (
            "liquidations",
            f"Liquidated: longs {row['liquidated_longs']:,.0f} USD, shorts {row['liquidated_shorts']:,.0f} USD "
            f"({_age(row['liquidations_age'])}).",
        )


def _flow(row: Row) -> Iterator[tuple[str, str]]:
    if row["ls_ratio"] is not None:
        yield "ls_ratio", f"Long/short ratio {row['ls_ratio']:.2f} ({_age(row['ls_ratio_age'])})."
    if row["trend_score"] is not None:
        yield (
            "market_trend",
            f"Market-wide trend score {row['trend_score']:.1f} of 100 ({_age(row['trend_age'])}).",
        )


def _worth(row: Row) -> Iterator[tuple[str, str]]:
    yield (
        "levels",
        f"ATR {price_text(row['atr_14'])}: stop {price_text(row['stop_price'])} is {STOP_ATR} ATR away, target "
        f"{price_text(row['target_price'])} {TARGET_ATR} ATR.",
    )
    yield (
        "confidence",
        f"Confidence {row['confidence']:.2f} that the target comes first, learned from {row['record_n']} earlier "
        f"{row['direction']} signals (about {row['record_weight']:.0f} independent).",
    )
    yield (
        f"verdict_{row['verdict']}",
        f"To pay its costs the trade must reach its target {row['break_even'] * 100:.1f} % of the time; expected "
        f"value {row['expected_value'] * 100:+.2f} % of the entry price.",
    )


def _age(bars: float) -> str:
    return "this candle" if bars == 0 else f"{bars:.0f} candles old"
