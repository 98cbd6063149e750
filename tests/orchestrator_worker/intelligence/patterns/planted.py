"""Series with a known pattern in them: a textbook outline under a random walk, at a random scale, time and noise level.

What is assumed, and nothing else: the outline runs straight between its corners, whose places and prices vary by a tenth
and more around the textbook's; a random walk lies over all of it, whose spread over the pattern's length is 3 to 10 % of
the pattern's height, and prices jitter around it by 1.5 to 4 % of it; each bar is drawn from eight steps; before it the market wanders for 60 to 100 bars and comes into the
pattern as the books say, after it it wanders on; volume is lognormal and the breaking bars have 1.5 to 3 times as
much. No number here is taken from the detector.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

# Spread of the random walk over the pattern's length, and of the bars around it; both as shares of the height.
NOISE_LEVELS = ((0.03, 0.015), (0.065, 0.03), (0.1, 0.04))
# What has to be seen of flags and pennants is their rest, about this share of the whole height.
REST_SHARE = 0.5
# Spread of the random walk before the pattern, as a share of its height.
WANDERING = 0.3
STEPS = 8
START = datetime(2024, 1, 1, tzinfo=UTC)

Corner = tuple[float, float]


@dataclass(frozen=True)
class Planted:
    """`span` are the first and the last bar of the pattern, the last being the one that breaks out of it."""

    kind: str
    bars: pl.DataFrame
    span: tuple[int, int]


def planted(kind: str, seed: int) -> Planted:
    random = np.random.default_rng([seed, sorted(OUTLINES).index(kind)])
    length, corners, start, broken = OUTLINES[kind](random)
    spread, jitter = NOISE_LEVELS[int(random.integers(len(NOISE_LEVELS)))]
    if kind in ("flag", "pennant"):
        spread, jitter = spread * REST_SHARE, jitter * REST_SHARE
    sigma = spread / np.sqrt(length)
    times = np.array([x for x, _ in corners])
    prices = np.array([y for _, y in corners])
    bars = round((times[-1] - times[0]) * length)
    steps = np.linspace(times[0], times[-1], bars * STEPS + 1)[1:]
    outline = np.interp(steps, times, prices)
    before, after = int(random.integers(60, 100)), int(random.integers(4, 12))
    spreads = np.full((before + bars + after) * STEPS, sigma / np.sqrt(STEPS))
    spreads[: before * STEPS] = WANDERING / np.sqrt(before * STEPS)
    walk = np.cumsum(random.normal(0.0, 1.0, len(spreads)) * spreads)
    walk -= walk[before * STEPS]
    walk[before * STEPS :] += _jitter(random, len(walk) - before * STEPS, jitter)
    path = walk.copy()
    path[: before * STEPS] += prices[0]
    path[before * STEPS : (before + bars) * STEPS] += outline
    path[(before + bars) * STEPS :] += prices[-1]
    zero = times[0]
    span = (before + round((start - zero) * length), before + round((broken - zero) * length))
    height = float(np.exp(random.uniform(np.log(0.02), np.log(0.2))))
    return Planted(kind, bars_of(path, height, random, surge=range(span[1] - 4, span[1] + 4)), span)


def wandering(seed: int) -> pl.DataFrame:
    """A random walk as long as a planted series and nothing in it but chance."""
    random = np.random.default_rng([seed, 99])
    bars = int(random.integers(130, 230))
    walk = np.cumsum(random.normal(0.0, 0.02 / np.sqrt(STEPS), bars * STEPS))
    return bars_of(walk, float(random.uniform(0.1, 1.0)), random, surge=range(0))


def _jitter(random: np.random.Generator, steps: int, spread: float) -> np.ndarray:
    """Noise that comes back to zero with a half-life of about one bar."""
    kept = 0.5 ** (1 / STEPS)
    shocks = random.normal(0.0, spread * np.sqrt(1 - kept**2), steps)
    noise = np.zeros(steps)
    for step in range(1, steps):
        noise[step] = kept * noise[step - 1] + shocks[step]
    return noise


def bars_of(path: np.ndarray, height: float, random: np.random.Generator, *, surge: range) -> pl.DataFrame:
    """Bars of STEPS steps each, at a random price level where the pattern is `height` of the price."""
    price = float(np.exp(random.uniform(np.log(0.01), np.log(50_000.0)))) * (
        1.0 + height * (path - path.mean())
    )
    assert price.min() > 0
    steps = price.reshape(-1, STEPS)
    opened = np.concatenate([[steps[0, 0]], steps[:-1, -1]])
    volume = np.exp(random.normal(5.0, 0.4, len(steps)))
    for index in surge:
        if index < len(volume):
            volume[index] *= random.uniform(1.5, 3.0)
    return pl.DataFrame(
        {
            "opened_at": [START + timedelta(hours=index) for index in range(len(steps))],
            "open": opened,
            "high": np.maximum(steps.max(axis=1), opened),
            "low": np.minimum(steps.min(axis=1), opened),
            "close": steps[:, -1],
            "volume": volume,
        },
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )


Outline = tuple[int, Sequence[Corner], float, float]


def _double_bottom(random: np.random.Generator) -> Outline:
    length = int(random.integers(40, 110))
    peak = random.uniform(0.38, 0.52)
    second = random.uniform(0.74, 0.84)
    corners = [
        (-random.uniform(0.35, 0.6), random.uniform(1.5, 2.2)),
        (0.0, random.normal(0.0, 0.03)),
        (peak, 1.0),
        (second, random.normal(0.0, 0.05)),
        (1.06, random.uniform(1.3, 1.5)),
        (1.2, random.uniform(1.5, 1.7)),
    ]
    return length, corners, 0.0, 1.0


def _inverse_head(random: np.random.Generator) -> Outline:
    length = int(random.integers(55, 130))
    shoulder = random.uniform(0.35, 0.55)
    corners = [
        (-random.uniform(0.3, 0.5), random.uniform(1.5, 2.1)),
        (0.0, shoulder + random.normal(0.0, 0.04)),
        (0.18 + random.normal(0.0, 0.02), 1.0 + random.normal(0.0, 0.04)),
        (0.42 + random.normal(0.0, 0.03), 0.0),
        (0.64 + random.normal(0.0, 0.02), 1.0 + random.normal(0.0, 0.04)),
        (0.84, shoulder + random.normal(0.0, 0.04)),
        (1.04, random.uniform(1.25, 1.45)),
        (1.2, random.uniform(1.5, 1.8)),
    ]
    return length, corners, 0.0, 0.97


def _between_lines(
    random: np.random.Generator,
    upper: tuple[float, float],
    lower: tuple[float, float],
    touches: int,
    length: int,
    before: float,
) -> Outline:
    """Swings between two lines given by their prices at the start and at the last touch; ends at the lower one, then breaks."""
    places = np.linspace(0.0, 0.82, touches) + np.concatenate([[0.0], random.normal(0.0, 0.015, touches - 1)])
    corners = [(-random.uniform(0.25, 0.45), before)]
    for number, place in enumerate(places):
        line = lower if (touches - 1 - number) % 2 == 0 else upper
        corners.append(
            (float(place), line[0] + (line[1] - line[0]) * float(place) / 0.82 + random.normal(0.0, 0.02))
        )
    top = upper[0] + (upper[1] - upper[0]) / 0.82
    corners += [(1.04, top + random.uniform(0.25, 0.4)), (1.2, top + random.uniform(0.5, 0.8))]
    return length, corners, 0.0, 0.98


def _ascending(random: np.random.Generator) -> Outline:
    touches = int(random.choice([5, 6, 7]))
    begin = 1.0 if touches % 2 == 0 else 0.0
    return _between_lines(
        random,
        (1.0, 1.0),
        (0.0, random.uniform(0.5, 0.7)),
        touches,
        int(random.integers(50, 120)),
        begin + (-1.0 if begin else 1.0) * random.uniform(0.5, 1.0),
    )


def _symmetrical(random: np.random.Generator) -> Outline:
    touches = int(random.choice([5, 6, 7]))
    begin = 1.0 if touches % 2 == 0 else 0.0
    lean = random.uniform(-0.04, 0.04)
    return _between_lines(
        random,
        (1.0, 0.64 + lean),
        (0.0, 0.36 + lean),
        touches,
        int(random.integers(50, 120)),
        begin + (-1.0 if begin else 1.0) * random.uniform(0.5, 1.0),
    )


def _falling_wedge(random: np.random.Generator) -> Outline:
    touches = int(random.choice([5, 6, 7]))
    fall = random.uniform(0.35, 0.7)
    begin = 1.0 if touches % 2 == 0 else 0.0
    return _between_lines(
        random,
        (1.0, random.uniform(0.3, 0.42) - fall),
        (0.0, -fall),
        touches,
        int(random.integers(50, 120)),
        begin + (-1.0 if begin else 1.0) * random.uniform(0.5, 1.0),
    )


def _flag(random: np.random.Generator) -> Outline:
    return _on_a_pole(random, end_width=1.0, hang=random.uniform(0.05, 0.15))


def _pennant(random: np.random.Generator) -> Outline:
    return _on_a_pole(random, end_width=random.uniform(0.15, 0.3), hang=0.0)


def _on_a_pole(random: np.random.Generator, *, end_width: float, hang: float) -> Outline:
    length = int(random.integers(20, 36))
    width = random.uniform(0.2, 0.3)
    pole = random.uniform(0.22, 0.35)
    corners: list[Corner] = [(-random.uniform(0.2, 0.4), random.uniform(-0.1, 0.1)), (0.0, 0.0), (pole, 1.0)]
    turns = 5
    for turn in range(1, turns + 1):
        share = turn / turns
        middle = 1.0 - width / 2 - hang * share
        half = width / 2 * (1.0 + (end_width - 1.0) * share)
        corners.append((pole + (0.95 - pole) * share, middle + (half if turn % 2 == 0 else -half)))
    corners += [
        (1.08, corners[-1][1] + random.uniform(0.5, 0.7)),
        (1.4, corners[-1][1] + random.uniform(0.8, 1.0)),
    ]
    return length, corners, 0.0, 1.0


def _support(random: np.random.Generator) -> Outline:
    length = int(random.integers(50, 120))
    top = random.uniform(0.95, 1.3)
    corners = [
        (-random.uniform(0.2, 0.4), random.uniform(1.7, 2.2)),
        (0.0, random.normal(0.0, 0.03)),
        (0.22 + random.normal(0.0, 0.02), top),
        (0.45 + random.normal(0.0, 0.02), random.normal(0.0, 0.03)),
        (0.68 + random.normal(0.0, 0.02), top * random.uniform(0.86, 0.97)),
        (0.9, random.normal(0.0, 0.03)),
        (1.1, random.uniform(0.6, 0.8)),
    ]
    return length, corners, 0.0, 1.0


def _upward_breakout(random: np.random.Generator) -> Outline:
    length = int(random.integers(40, 70))
    turns = length // int(random.integers(3, 6))
    corners: list[Corner] = [(-random.uniform(0.2, 0.4), random.uniform(-0.5, 1.5))]
    for turn, place in enumerate(np.linspace(0.0, 0.97, turns)):
        corners.append((float(place), float(turn % 2) + (0.5 - turn % 2) * float(random.uniform(0.0, 0.5))))
    corners += [(1.02, random.uniform(1.6, 2.2)), (1.2, random.uniform(2.2, 3.0))]
    return length, corners, 0.0, 1.0


def _mirrored(outline: Callable[[np.random.Generator], Outline]) -> Callable[[np.random.Generator], Outline]:
    def mirrored(random: np.random.Generator) -> Outline:
        length, corners, start, broken = outline(random)
        return length, [(x, -y) for x, y in corners], start, broken

    return mirrored


def _either(outline: Callable[[np.random.Generator], Outline]) -> Callable[[np.random.Generator], Outline]:
    def either(random: np.random.Generator) -> Outline:
        return (outline if random.random() < 0.5 else _mirrored(outline))(random)

    return either


# What is true of a planted pattern beside its own kind: the flat side of a triangle is a level that held, and so are both
# sides of a box. Finding these is neither counted as right nor as wrong.
IMPLIED = {
    "ascending_triangle": {"resistance_level"},
    "descending_triangle": {"support_level"},
    "upward_breakout": {"support_level", "resistance_level"},
    "downward_breakout": {"support_level", "resistance_level"},
}

OUTLINES: dict[str, Callable[[np.random.Generator], Outline]] = {
    "double_bottom": _double_bottom,
    "double_top": _mirrored(_double_bottom),
    "head_and_shoulders": _either(_inverse_head),
    "ascending_triangle": _ascending,
    "descending_triangle": _mirrored(_ascending),
    "symmetrical_triangle": _either(_symmetrical),
    "falling_wedge": _falling_wedge,
    "rising_wedge": _mirrored(_falling_wedge),
    "flag": _either(_flag),
    "pennant": _either(_pennant),
    "support_level": _support,
    "resistance_level": _mirrored(_support),
    "upward_breakout": _upward_breakout,
    "downward_breakout": _mirrored(_upward_breakout),
}
