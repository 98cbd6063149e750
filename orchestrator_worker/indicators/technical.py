"""The 21 indicators of one pair's candles: the only module that calls polars-talib, closing its traps. Pure.

Output columns of `indicators_of`, all Float64 except `market_moves`, null while an indicator warms up (never NaN):

    rsi_14 · macd macd_signal macd_histogram · bollinger_upper bollinger_middle bollinger_lower · ema_20 ema_50 ema_200
    sma_20 sma_50 sma_200 · stochastic_k stochastic_d · atr_14 · cci_20 · adx_14 · obv obv_change_20 · vwap
    williams_r_14 · roc_10 · mfi_14 · plus_di_14 minus_di_14 · parabolic_sar · aroon_up aroon_down aroon_oscillator
    momentum_10 · trix_15 · ultimate_oscillator · keltner_upper keltner_middle keltner_lower
    market_moves (Boolean): in the last 14 bars the price moved and something was traded; else oscillators are null
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_talib as talib

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

BARS_NEEDED = 2_000
"""Bars to load so that the slowest of them, an EMA over 200 bars, no longer shows where the history was cut (1e-9)."""

MOVES_BARS = 14
DAY_MICROSECONDS = 86_400_000_000
SMA_TYPE = 0

SYMBOL = "symbol"
HISTORY = "_history"
BAR_COLUMNS = ("open", "high", "low", "close", "volume")

# The names that a stored reading carries, and the columns behind each. A name with one column holds a number.
Columns: TypeAlias = str | Mapping[str, str]
NAMED: Mapping[str, Columns] = MappingProxyType(
    {
        "rsi": "rsi_14",
        "macd": {"macd": "macd", "signal": "macd_signal", "histogram": "macd_histogram"},
        "bollinger": {"upper": "bollinger_upper", "middle": "bollinger_middle", "lower": "bollinger_lower"},
        "ema": {"20": "ema_20", "50": "ema_50", "200": "ema_200"},
        "sma": {"20": "sma_20", "50": "sma_50", "200": "sma_200"},
        "stochastic": {"k": "stochastic_k", "d": "stochastic_d"},
        "atr": "atr_14",
        "cci": "cci_20",
        "adx": "adx_14",
        "obv": {"value": "obv", "change_20": "obv_change_20"},
        "vwap": "vwap",
        "williams_r": "williams_r_14",
        "roc": "roc_10",
        "mfi": "mfi_14",
        "dmi": {"plus": "plus_di_14", "minus": "minus_di_14"},
        "parabolic_sar": "parabolic_sar",
        "aroon": {"up": "aroon_up", "down": "aroon_down", "oscillator": "aroon_oscillator"},
        "momentum": "momentum_10",
        "trix": "trix_15",
        "ultimate_oscillator": "ultimate_oscillator",
        "keltner": {"upper": "keltner_upper", "middle": "keltner_middle", "lower": "keltner_lower"},
    }
)

# In a market that stands still these are quotients of nothing by nothing, which TA-Lib renders as 0: RSI 0 would
# read as "oversold". They are null there instead.
_MEANINGLESS_WHEN_FLAT = (
    "rsi_14",
    "stochastic_k",
    "stochastic_d",
    "cci_20",
    "adx_14",
    "plus_di_14",
    "minus_di_14",
    "williams_r_14",
    "mfi_14",
    "aroon_up",
    "aroon_down",
    "aroon_oscillator",
    "ultimate_oscillator",
)


def indicators_of(candles: pl.DataFrame) -> pl.DataFrame:
    """Return the candles of one pair, oldest first and as Float64, with the columns the module names beside them.

    `candles` has opened_at, open, high, low, close and volume, in any order of rows and any numeric type. With a column
    `symbol` it may hold several histories, which come out one after the other: for 200 of 5,000 bars that takes half
    the time of asking for each. A row with a hole (null, NaN, infinite) is treated as a bar that is missing: its own
    indicators are null and all others are what they would be without it. Row n depends on rows of its history up to n
    only, so a whole history may be walked at once. Raises ValueError when an opening time occurs twice in a history.
    """
    key = (SYMBOL, "opened_at") if SYMBOL in candles.columns else ("opened_at",)
    # Decimal, which is what asyncpg makes of `numeric`, would abort the whole process inside the plugin.
    bars = candles.select(*key, pl.col(BAR_COLUMNS).cast(pl.Float64))
    if not _is_ordered(bars):
        bars = bars.sort(key)
    # Histories that were put together are chunks, over which every window would stumble.
    bars = bars.rechunk()
    if bars.select(pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key).any()).item():
        raise ValueError("an opening time occurs twice: candles of one pair and one exchange are expected")
    # A NaN inside a series does not stop TA-Lib; it makes plausible wrong numbers of everything after it.
    whole = bars.select(pl.col(BAR_COLUMNS).is_finite().all()).row(0)
    if all(whole) and not any(bars.select(pl.col(BAR_COLUMNS).has_nulls()).row(0)):
        return _computed(bars, key)
    sound = bars.filter(pl.all_horizontal(pl.col(BAR_COLUMNS).is_finite().fill_null(False)))
    computed = _computed(sound, key).drop(BAR_COLUMNS)
    return bars.join(computed, on=key, how="left", maintain_order="left")


def _is_ordered(bars: pl.DataFrame) -> bool:
    """Whether each history stands in one piece, oldest first. Sorting a million names takes as long as the indicators."""
    if SYMBOL not in bars.columns:
        return bars["opened_at"].is_sorted()
    goes_on = (bars[SYMBOL] == bars[SYMBOL].shift(1)).fill_null(False)
    pieces = bars.height - int(goes_on.sum())
    grows = (bars["opened_at"] >= bars["opened_at"].shift(1)).fill_null(True)
    return pieces == bars[SYMBOL].n_unique() and bool((grows | ~goes_on).all())


def _computed(sound: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    """The columns beside bars without holes."""
    first, then = _OF_ONE
    if SYMBOL in key:
        # Numbers, because a window over a million names spends its time on the names.
        first, then, sound = *_OF_MANY, sound.with_columns(pl.col(SYMBOL).rle_id().alias(HISTORY))
    # Step by step and not as one lazy query: for a few thousand bars, planning it takes longer than computing it.
    known = sound.with_columns(**first, vwap=_session_vwap(sound)).with_columns(**then)
    return known.select(*key, *BAR_COLUMNS, *_KNOWN)


def technical_reading(indicators: pl.DataFrame) -> dict[str, Any]:
    """Return the newest row of `indicators_of` under its 21 names; null where an indicator has nothing to say."""
    newest = indicators.row(-1, named=True)
    return {
        name: newest[columns]
        if isinstance(columns, str)
        else {key: newest[column] for key, column in columns.items()}
        for name, columns in NAMED.items()
    }


def _structs() -> dict[str, pl.Expr]:
    # TA-Lib's several outputs arrive as one struct, which is called `close` unless it gets a name of its own.
    high, low, close = pl.col("high"), pl.col("low"), pl.col("close")
    return {
        "_macd": talib.macd(close, fastperiod=12, slowperiod=26, signalperiod=9),
        "_bollinger": talib.bbands(close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0, matype=SMA_TYPE),
        "_stochastic": talib.stoch(
            high,
            low,
            close,
            fastk_period=14,
            slowk_period=3,
            slowk_matype=SMA_TYPE,
            slowd_period=3,
            slowd_matype=SMA_TYPE,
        ),
        "_aroon": talib.aroon(high, low, timeperiod=14),
    }


def _fields() -> dict[str, pl.Expr]:
    return {
        "macd": pl.col("_macd").struct.field("macd"),
        "macd_signal": pl.col("_macd").struct.field("macdsignal"),
        "macd_histogram": pl.col("_macd").struct.field("macdhist"),
        "bollinger_upper": pl.col("_bollinger").struct.field("upperband"),
        "bollinger_middle": pl.col("_bollinger").struct.field("middleband"),
        "bollinger_lower": pl.col("_bollinger").struct.field("lowerband"),
        "stochastic_k": pl.col("_stochastic").struct.field("slowk"),
        "stochastic_d": pl.col("_stochastic").struct.field("slowd"),
        "aroon_up": pl.col("_aroon").struct.field("aroonup"),
        "aroon_down": pl.col("_aroon").struct.field("aroondown"),
    }


def _plain() -> dict[str, pl.Expr]:
    high, low, close, volume = pl.col("high"), pl.col("low"), pl.col("close"), pl.col("volume")
    return {
        "rsi_14": talib.rsi(close, timeperiod=14),
        "ema_20": talib.ema(close, timeperiod=20),
        "ema_50": talib.ema(close, timeperiod=50),
        "ema_200": talib.ema(close, timeperiod=200),
        "sma_20": talib.sma(close, timeperiod=20),
        "sma_50": talib.sma(close, timeperiod=50),
        "sma_200": talib.sma(close, timeperiod=200),
        "atr_14": talib.atr(high, low, close, timeperiod=14),
        "cci_20": talib.cci(high, low, close, timeperiod=20),
        "adx_14": talib.adx(high, low, close, timeperiod=14),
        "obv": talib.obv(close, volume),
        "williams_r_14": talib.willr(high, low, close, timeperiod=14),
        "roc_10": talib.roc(close, timeperiod=10),
        "mfi_14": talib.mfi(high, low, close, volume, timeperiod=14),
        "plus_di_14": talib.plus_di(high, low, close, timeperiod=14),
        "minus_di_14": talib.minus_di(high, low, close, timeperiod=14),
        "parabolic_sar": talib.sar(high, low, acceleration=0.02, maximum=0.2),
        "momentum_10": talib.mom(close, timeperiod=10),
        "trix_15": talib.trix(close, timeperiod=15),
        "ultimate_oscillator": talib.ultosc(high, low, close, timeperiod1=7, timeperiod2=14, timeperiod3=28),
        "_keltner_atr": talib.atr(high, low, close, timeperiod=10),
    }


def _derived() -> dict[str, pl.Expr]:
    return {
        "aroon_oscillator": pl.col("_aroon").struct.field("aroonup")
        - pl.col("_aroon").struct.field("aroondown"),
        # OBV counts from wherever the history starts, so only its changes compare from one reading to the next.
        "obv_change_20": pl.col("obv").diff(20),
        "keltner_upper": pl.col("ema_20") + 2.0 * pl.col("_keltner_atr"),
        "keltner_middle": pl.col("ema_20"),
        "keltner_lower": pl.col("ema_20") - 2.0 * pl.col("_keltner_atr"),
    }


def _session_vwap(sound: pl.DataFrame) -> pl.Series:
    """Traded value by volume since midnight UTC. In NumPy: as expressions it takes as long as eight indicators of TA-Lib."""
    high, low, close, volume = (sound[name].to_numpy() for name in ("high", "low", "close", "volume"))
    since_epoch = sound["opened_at"].dt.epoch("us").to_numpy()
    session = since_epoch // DAY_MICROSECONDS
    histories = _beginnings(sound)
    changes = np.diff(session, prepend=-1) != 0
    changes[histories] = True
    begins = np.flatnonzero(changes)
    lengths = np.diff(begins, append=session.size)
    traded, volumes = (
        _since(begins, lengths, values, histories) for values in ((high + low + close) / 3.0 * volume, volume)
    )
    # A session whose morning was not loaded has no VWAP that anybody else would agree with.
    whole = np.repeat(since_epoch[begins] % DAY_MICROSECONDS == 0, lengths)
    known = whole & (volumes > 0)
    return pl.Series("vwap", np.divide(traded, volumes, out=np.full(session.size, np.nan), where=known))


def _beginnings(sound: pl.DataFrame) -> Ints:
    """The rows at which a history begins."""
    if SYMBOL not in sound.columns or sound.is_empty():
        return np.zeros(min(1, sound.height), dtype=np.int64)
    return np.append(0, np.flatnonzero((sound[SYMBOL] != sound[SYMBOL].shift(1)).fill_null(False).to_numpy()))


def _since(begins: Ints, lengths: Ints, values: Floats, histories: Ints) -> Floats:
    """A running sum less what it was before the session began."""
    # Each history by itself: beside the sums of a large market those of a small one would lose their digits.
    summed = np.concatenate([[0.0], *(np.cumsum(part) for part in np.split(values, histories[1:]))])
    before = summed[begins]
    before[np.isin(begins, histories)] = 0.0
    return np.asarray(summed[1:] - np.repeat(before, lengths), dtype=np.float64)


def _market_moves() -> pl.Expr:
    high, low, volume = pl.col("high"), pl.col("low"), pl.col("volume")
    span = talib.max(high, timeperiod=MOVES_BARS) - talib.min(low, timeperiod=MOVES_BARS)
    # A rolling sum keeps rounding residue of what has left the window; a maximum of zeros is exactly zero.
    traded = talib.max(volume, timeperiod=MOVES_BARS)
    # NaN sorts above every number, so that each comparison is with what is known, or with nothing.
    known = (part.fill_nan(None) > 0 for part in (pl.col("atr_14"), span, traded))
    return pl.all_horizontal(known).fill_null(False)


_FIRST = {**_structs(), **_plain()}
_THEN = {**_fields(), **_derived(), "market_moves": _market_moves()}
_OF_ONE = (_FIRST, _THEN)
# What looks back looks back within its own history.
_OF_MANY = (
    {name: column.over(HISTORY) for name, column in _FIRST.items()},
    _THEN | {name: _THEN[name].over(HISTORY) for name in ("obv_change_20", "market_moves")},
)
_COLUMNS = tuple(name for name in (*_fields(), *_plain(), "vwap", *_derived()) if not name.startswith("_"))


def _known(column: str) -> pl.Expr:
    # Warm-up is NaN, and NaN sorts above every number: `rsi > 70` would be true before there is an RSI.
    known = pl.col(column).fill_nan(None)
    return pl.when("market_moves").then(known).alias(column) if column in _MEANINGLESS_WHEN_FLAT else known


_KNOWN = (*(_known(column) for column in _COLUMNS), pl.col("market_moves"))
