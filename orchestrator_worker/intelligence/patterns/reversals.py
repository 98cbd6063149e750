"""Double bottoms, double tops, and heads with shoulders. Pure.

Rules: Edwards & Magee, Technical Analysis of Stock Trends (1948), chapters VI and IX; Bulkowski, Encyclopedia of Chart
Patterns (2005), chapters on double tops, double bottoms and head-and-shoulders; Lo, Mamaysky & Wang, Foundations of
Technical Analysis (2000), definitions HS and DTOP. All three demand extremes of nearly the same price; they count in
percent of the price, which means nothing across markets and timeframes, so here it is a share of the shape's height.
"""

from collections.abc import Iterator, Sequence

from orchestrator_worker.intelligence.patterns.chart import (
    Chart,
    Point,
    Shape,
    Swing,
    between,
    runs,
    volume_fit,
)

# In ATR. Lower ones cannot be told from the wandering of a price.
HEIGHT_MIN = 3.5
# Of the height: how far the two bottoms, or the two shoulders, may differ.
BOTTOMS_APART_MAX = 0.22
SHOULDERS_APART_MAX = 0.35
NECK_TILT_MAX = 0.4
# Of the height: how far the head must reach beyond the deeper shoulder, and a shoulder beyond the neckline.
HEAD_BEYOND_MIN = 0.2
SHOULDER_DEPTH_MIN = 0.25
# Of the height: how far above the neckline the price was within the shape's own length before it. Without a fall nothing
# reverses.
PRIOR_TREND_MIN = 0.5
BARS_APART_MIN = 8
# The longer half over the shorter one.
LOPSIDED_MAX = 4.0
CROOKED_MAX = 0.3
# Of the shape's length: until when the neckline must be broken.
PATIENCE = 0.75


def double_bottoms(chart: Chart, swings: Sequence[Swing], kind: str) -> Iterator[Shape]:
    """Two bottoms of about the same price after a fall, confirmed by a close above the peak between them."""
    for first, peak, second in runs(swings, 3, ending_high=False):
        height = peak.price - (first.price + second.price) / 2
        apart = abs(first.price - second.price) / height
        width = second.bar - first.bar
        lopsided = _lopsided(peak.bar - first.bar, second.bar - peak.bar)
        if (
            height < HEIGHT_MIN * chart.atr[second.bar]
            or apart > BOTTOMS_APART_MAX
            or width < BARS_APART_MIN
            or lopsided > LOPSIDED_MAX
            or _fallen(chart, first.bar, width, peak.price) < PRIOR_TREND_MIN * height
        ):
            continue
        floor = min(first.price, second.price)
        confirmed = _broken(chart, second, floor, width, peak, 0.0)
        if confirmed is None:
            continue
        legs = [(swing.bar, swing.price) for swing in (first, peak, second)]
        crooked = chart.crookedness([*legs, (confirmed, chart.close[confirmed])], height)
        if crooked > CROOKED_MAX:
            continue
        fits = {
            "equal": between(apart, BOTTOMS_APART_MAX, 0.0),
            "balanced": between(lopsided, LOPSIDED_MAX, 1.0),
            "straight": between(crooked, CROOKED_MAX, 0.1),
            "volume": volume_fit(chart.surge(first.bar, confirmed)),
        }
        yield Shape(
            kind=kind,
            side=chart.side,
            points=(
                Point("first_extreme", first.bar, first.price),
                Point("neckline", peak.bar, peak.price),
                Point("second_extreme", second.bar, second.price),
            ),
            confirmed=confirmed,
            fits=fits,
            neckline=peak.price,
            # The measure rule: as far beyond the neckline as the bottoms lie below it.
            target=peak.price + height,
            invalidation=floor,
        )


def heads_and_shoulders(chart: Chart, swings: Sequence[Swing], kind: str) -> Iterator[Shape]:
    """A deep bottom between two shallower ones after a fall, confirmed by a close above the line through the peaks."""
    for left, peak, head, other_peak, right in runs(swings, 5, ending_high=False):
        slope = (other_peak.price - peak.price) / (other_peak.bar - peak.bar)

        height = _neck(peak, slope, head.bar) - head.price
        if height < HEIGHT_MIN * chart.atr[right.bar]:
            continue
        beyond = (min(left.price, right.price) - head.price) / height
        shallow = (
            min(_neck(peak, slope, left.bar) - left.price, _neck(peak, slope, right.bar) - right.price)
            / height
        )
        apart = abs(left.price - right.price) / height
        tilt = abs(other_peak.price - peak.price) / height
        width = right.bar - left.bar
        lopsided = _lopsided(head.bar - left.bar, right.bar - head.bar)
        if (
            beyond < HEAD_BEYOND_MIN
            or shallow < SHOULDER_DEPTH_MIN
            or apart > SHOULDERS_APART_MAX
            or tilt > NECK_TILT_MAX
            or lopsided > LOPSIDED_MAX
            or width < 2 * BARS_APART_MIN
            or _fallen(chart, left.bar, width, peak.price) < PRIOR_TREND_MIN * height
        ):
            continue
        confirmed = _broken(chart, right, head.price, width, peak, slope)
        if confirmed is None:
            continue
        legs = [(swing.bar, swing.price) for swing in (left, peak, head, other_peak, right)]
        crooked = chart.crookedness([*legs, (confirmed, chart.close[confirmed])], height)
        if crooked > CROOKED_MAX:
            continue
        fits = {
            "equal": between(apart, SHOULDERS_APART_MAX, 0.0),
            "level_neck": between(tilt, NECK_TILT_MAX, 0.0),
            "balanced": between(lopsided, LOPSIDED_MAX, 1.0),
            "straight": between(crooked, CROOKED_MAX, 0.1),
            "volume": volume_fit(chart.surge(left.bar, confirmed)),
        }
        yield Shape(
            kind=kind,
            side=chart.side,
            points=(
                Point("left_shoulder", left.bar, left.price),
                Point("neckline", peak.bar, peak.price),
                Point("head", head.bar, head.price),
                Point("neckline", other_peak.bar, other_peak.price),
                Point("right_shoulder", right.bar, right.price),
            ),
            confirmed=confirmed,
            fits=fits,
            neckline=_neck(peak, slope, confirmed),
            target=_neck(peak, slope, confirmed) + height,
            invalidation=right.price,
        )


def _fallen(chart: Chart, first: int, width: int, peak: float) -> float:
    """How far above the peak the price had been before the first bottom."""
    before = chart.high[max(first - width, 0) : first]
    return float(before.max()) - peak if before.size else 0.0


def _lopsided(one: int, other: int) -> float:
    return max(one, other) / max(min(one, other), 1)


def _neck(peak: Swing, slope: float, bar: int) -> float:
    return peak.price + slope * (bar - peak.bar)


def _broken(chart: Chart, last: Swing, floor: float, width: int, peak: Swing, slope: float) -> int | None:
    """The bar whose close breaks the neckline in time, unless a close below the floor came first."""
    until = min(last.bar + max(int(PATIENCE * width), BARS_APART_MIN), chart.bars_count - 1)
    for bar in range(last.bar + 1, until + 1):
        if chart.close[bar] < floor:
            return None
        # Until the last extreme is confirmed nobody knows that it is one.
        if bar >= last.confirmed and chart.close[bar] > _neck(peak, slope, bar):
            return bar
    return None
