"""The shared market: repeatable, consistent with itself, and blind to the future."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_stack.simulators.bars import DAY, HOUR, MINUTE, STEPS, SUMMED, WEEK, Bars, aggregate, floor
from local_stack.simulators.market import Market
from local_stack.simulators.synthetic import BEGINNING

from .conftest import NOW, Clock

COARSER = [("5m", "1h"), ("1h", "4h"), ("1h", "1d"), ("1d", "1w"), ("1m", "15m")]


def same(left: Bars, right: Bars) -> bool:
    exact = all(
        np.array_equal(left[name], right[name]) for name in ("opened_at", "open", "high", "low", "close")
    )
    return exact and all(np.allclose(left[name], right[name], rtol=1e-9) for name in SUMMED)


def test_the_same_bar_comes_whatever_was_asked_before(clock: Clock) -> None:
    asked_before, fresh = Market(seed=7, clock=clock), Market(seed=7, clock=clock)
    asked_before.newest("ETH/USDT", DAY, 300)
    asked_before.newest("BTC/USDT", MINUTE, 500)
    end = floor(NOW, HOUR)

    assert same(
        asked_before.closed("BTC/USDT", HOUR, end - 9 * DAY, end),
        fresh.closed("BTC/USDT", HOUR, end - 9 * DAY, end),
    )


def test_the_same_bar_comes_at_any_later_time(clock: Clock) -> None:
    market = Market(seed=7, clock=clock)
    end = floor(NOW, HOUR)
    before = market.closed("SOL/USDT", HOUR, end - DAY, end)
    clock.now += 40 * DAY

    assert same(market.closed("SOL/USDT", HOUR, end - DAY, end), before)


def test_another_seed_or_symbol_is_another_market(clock: Clock) -> None:
    bars = [
        Market(seed=seed, clock=clock).newest(symbol, HOUR, 50)["close"]
        for seed, symbol in ((7, "BTC/USDT"), (8, "BTC/USDT"), (7, "ETH/USDT"))
    ]

    assert not np.array_equal(bars[0], bars[1])
    assert not np.array_equal(bars[0], bars[2])


@pytest.mark.parametrize(("fine", "coarse"), COARSER)
def test_fine_bars_add_up_to_coarse_ones(market: Market, fine: str, coarse: str) -> None:
    step = STEPS[coarse]
    end = floor(NOW, step)
    start = end - 3 * step

    fine_bars = market.closed("AVAX/USDT", STEPS[fine], start, end)

    assert same(aggregate(fine_bars, step), market.closed("AVAX/USDT", step, start, end))


def test_bars_are_possible_and_join_without_gaps(market: Market) -> None:
    bars = market.newest("PEPE/USDT", HOUR, 3_000)

    assert len(bars) == 3_000
    assert (np.diff(bars["opened_at"]) == HOUR).all()
    assert (bars["low"] > 0).all()
    assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
    assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
    assert (bars["open"][1:] == bars["close"][:-1]).all()
    assert (bars["taker_volume"] <= bars["volume"]).all()


def test_hours_look_like_a_market(market: Market) -> None:
    bars = market.newest("BTC/USDT", HOUR, 8_000)
    moves = np.diff(np.log(bars["close"]))
    kurtosis = ((moves - moves.mean()) ** 4).mean() / moves.var() ** 2
    sizes = np.abs(moves)

    assert 0.002 < moves.std() < 0.015
    assert kurtosis > 4
    assert np.corrcoef(sizes[1:], sizes[:-1])[0, 1] > 0.1
    assert np.corrcoef(sizes, bars["volume"][1:])[0, 1] > 0.1


def test_coins_move_together_but_not_alike(market: Market) -> None:
    bitcoin, ether = (
        np.diff(np.log(market.newest(name, HOUR, 2_000)["close"])) for name in ("BTC/USDT", "ETH/USDT")
    )

    assert 0.3 < np.corrcoef(bitcoin, ether)[0, 1] < 0.99


def test_stable_quotes_share_one_price(market: Market) -> None:
    assert market.price("BTC/USDC") == pytest.approx(market.price("BTC/USDT"), rel=1e-4)


@given(offset=st.integers(0, 8 * DAY), timeframe=st.sampled_from(sorted(STEPS)))
@settings(max_examples=60, deadline=None)
def test_closed_bars_are_over(offset: int, timeframe: str) -> None:
    clock, step = Clock(NOW + offset), STEPS[timeframe]
    market = SHARED_MARKET
    market.clock = clock

    bars = market.closed("BTC/USDT", step, int(clock.now) - 5 * step, int(clock.now) + 5 * step)

    assert (bars["opened_at"] + step <= clock.now).all()
    assert bars["opened_at"][-1] == floor(clock.now, step) - step


SHARED_MARKET = Market(seed=7, clock=Clock())


@given(seconds=st.lists(st.floats(0, HOUR - 1), min_size=2, max_size=6).map(sorted))
@settings(max_examples=40, deadline=None)
def test_a_running_bar_only_grows(seconds: list[float]) -> None:
    market, opened_at = SHARED_MARKET, floor(NOW, HOUR)
    seen = []
    for second in seconds:
        market.clock = Clock(opened_at + second)
        seen.append(market.running("BTC/USDT", HOUR)[0])
    market.clock = Clock(opened_at + HOUR)
    closed = market.closed("BTC/USDT", HOUR, opened_at, opened_at + HOUR)[0]

    for earlier, later in zip(seen, [*seen[1:], closed], strict=True):
        assert earlier["opened_at"] == later["opened_at"] == opened_at
        assert earlier["open"] == later["open"]
        assert earlier["high"] <= later["high"]
        assert earlier["low"] >= later["low"]
        assert earlier["volume"] <= later["volume"] + 1e-6


def test_nothing_was_traded_before_the_beginning(market: Market) -> None:
    assert len(market.closed("BTC/USDT", DAY, BEGINNING - 30 * DAY, BEGINNING)) == 0
    assert market.price_at("BTC/USDT", BEGINNING - DAY) is None
    assert int(market.newest("BTC/USDT", WEEK, 1_000)["opened_at"][0]) == BEGINNING


def test_without_a_file_the_status_says_synthetic(market: Market) -> None:
    assert market.status()["source"] == "synthetic"
    assert market.instrument("BTC/USDT").source == "synthetic"
