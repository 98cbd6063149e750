"""Why a signal says what it says: sentences that quote the numbers they rest on. Pure."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from orchestrator_worker.signals.score import DIRECTION_SCORE_MIN, WEIGHTS

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
    yield from _regime(row)
    yield from _technical(row)
    yield from _liquidation(row)
    yield from _risk(row)
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


def _regime(row: Row) -> Iterator[tuple[str, str]]:
    if row["regime"] is not None:
        yield (
            f"regime_{row['regime']}",
            f"The market is {row['regime']}: ADX {row['adx_14']:.0f}, bars {row['range_ratio']:.1f} times as large as usual; "
            f"technical parts weigh {WEIGHTS[row['regime']]['technical'] * 100:.0f} % of all four components.",
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


def _risk(row: Row) -> Iterator[tuple[str, str]]:
    if row["risk"] is not None:
        yield (
            "risk_low" if row["risk_lean"] > 0 else "risk_high",
            f"Risk metric {row['risk']:.2f} of 1 leans {row['risk_lean']:+.2f} ({row['risk_age']:.1f} days old).",
        )


def _flow(row: Row) -> Iterator[tuple[str, str]]:
    if row["ls_ratio"] is not None:
        yield "ls_ratio", f"Long/short ratio {row['ls_ratio']:.2f} ({_age(row['ls_ratio_age'])})."
    if row["trend_score"] is not None:
        yield (
            "market_trend",
            f"Market-wide trend score {row['trend_score']:.1f} of 100 ({_age(row['trend_age'])}).",
        )
    if row["flow_in"] is not None:
        yield (
            "volume_flow",
            f"Volume flow: {row['flow_in']:,.0f} USD in, {row['flow_out']:,.0f} USD out ({_age(row['volume_flow_age'])}).",
        )
    if row["whale_buys"] is not None:
        yield (
            "whale_trades",
            f"Large trades: {row['whale_buys']:,.0f} USD bought, {row['whale_sells']:,.0f} USD sold "
            f"({_age(row['whale_trades_age'])}).",
        )
    if row["open_interest_change"] is not None:
        yield (
            "open_interest",
            f"Open interest {row['open_interest_change'] * 100:+.1f} % ({_age(row['open_interest_age'])}).",
        )
    if row["sentiment"] is not None:
        yield "sentiment", f"Sentiment {row['sentiment']:+.2f} ({_age(row['sentiment_age'])})."


def _worth(row: Row) -> Iterator[tuple[str, str]]:
    behind, ahead = (
        "" if row[level] is None else f", {words} the swing at {price_text(row[level])}"
        for level, words in (("stop_level", "behind"), ("target_level", "before"))
    )
    yield (
        "levels",
        f"ATR {price_text(row['atr_14'])}: stop {price_text(row['stop_price'])} is {row['stop_atr']:.2f} ATR away{behind}; target "
        f"{price_text(row['target_price'])} {row['target_atr']:.2f} ATR{ahead}.",
    )
    yield "confidence", _confidence(row)
    yield (
        f"verdict_{row['verdict']}",
        f"To pay its costs the trade must reach its target {row['break_even'] * 100:.1f} % of the time; expected "
        f"value {row['expected_value'] * 100:+.2f} % of the entry price.",
    )


def _confidence(row: Row) -> str:
    curve = row["calibration"]
    learned = f"learned from {curve['n']} earlier {row['direction']} signals (about {curve['n_effective']:.0f} independent)"
    if curve["method"] != "base_rate":
        return (
            f"Confidence {row['confidence']:.2f} that the target comes first, {learned}: on later signals this curve missed by "
            f"{curve['brier']:.4f} (Brier), the base rate of {row['base_rate']:.2f} by {curve['brier_base']:.4f}."
        )
    tried = "" if curve["brier"] is None else "; no curve over strength did surely better on later signals"
    return f"Confidence {row['confidence']:.2f} that the target comes first: the base rate, {learned}{tried}."


def _age(bars: float) -> str:
    return "this candle" if bars == 0 else f"{bars:.0f} candles old"
