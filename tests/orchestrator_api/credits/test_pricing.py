"""The price of an answer: the agreed examples, and what must hold for every usage."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_api.credits.pricing import (
    CLAUDE,
    GPT,
    GROK,
    Rate,
    Usage,
    cost,
    cost_max,
    output_tokens_within,
)

tokens = st.integers(0, 2_000_000)
rates = st.builds(Rate, st.integers(0, 50), st.integers(1, 50), st.integers(0, 10))


@pytest.mark.parametrize(
    ("rate", "input_tokens", "output_tokens", "credits"),
    [(GROK, 500, 1000, 6), (GPT, 1500, 2000, 27), (CLAUDE, 2000, 3000, 38), (GROK, 150, 300, 3)],
)
def test_the_agreed_examples_cost_what_was_agreed(
    rate: Rate, input_tokens: int, output_tokens: int, credits: int
) -> None:
    assert cost(rate, Usage(input_tokens=input_tokens, output_tokens=output_tokens)) == credits


@given(rates, tokens, tokens)
def test_cost_equals_the_formula_in_fractions(rate: Rate, read: int, written: int) -> None:
    exact = Fraction(read, 1000) * rate.input_per_1k + Fraction(written, 1000) * rate.output_per_1k

    assert cost(rate, Usage(input_tokens=read, output_tokens=written)) == ceil(exact + rate.call_minimum)


@given(rates, tokens, tokens, st.integers(0, 5000))
def test_more_tokens_never_cost_less(rate: Rate, read: int, written: int, more: int) -> None:
    base = cost(rate, Usage(input_tokens=read, output_tokens=written))

    assert cost(rate, Usage(input_tokens=read + more, output_tokens=written)) >= base
    assert cost(rate, Usage(input_tokens=read, output_tokens=written + more)) >= base
    assert base >= rate.call_minimum


@given(rates, tokens, st.integers(0, 10_000))
def test_output_within_a_budget_never_exceeds_it(rate: Rate, read: int, credits: int) -> None:
    written = output_tokens_within(rate, input_tokens=read, credits=credits)

    if written > 0:
        assert cost_max(rate, input_tokens=read, output_tokens_max=written) <= credits
    assert cost_max(rate, input_tokens=read, output_tokens_max=written + 1) > credits


@pytest.mark.parametrize("values", [(-1, 4, 1), (1, -4, 1), (1, 4, -1)])
def test_a_negative_rate_is_refused(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        Rate(*values)


def test_negative_usage_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Usage(input_tokens=-1)
