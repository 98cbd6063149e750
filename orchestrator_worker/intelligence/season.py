"""The season of the market by the risk of Bitcoin: when to gather, when to let go. Pure.

The rest of the market follows Bitcoin, and its risk metric (0 … 1) tells where its price stands in its own history. It has
spent 31 % of its days in the bands below 0.3 and 28 % in those from 0.5 on (FACTS §15): the seasons of accumulation and of
distribution.
"""

from typing import Literal, TypeAlias

Season: TypeAlias = Literal["accumulation", "neutral", "distribution"]

ACCUMULATION_BELOW = 0.3
DISTRIBUTION_FROM = 0.5


def season_of(risk: float | None) -> Season | None:
    """Return the season, or None where the risk of Bitcoin is not known. Raises ValueError beyond 0 … 1."""
    if risk is None:
        return None
    if not 0.0 <= risk <= 1.0:
        raise ValueError(f"risk: must lie between 0 and 1, is {risk}")
    if risk < ACCUMULATION_BELOW:
        return "accumulation"
    return "distribution" if risk >= DISTRIBUTION_FROM else "neutral"
