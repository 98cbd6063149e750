"""Open interest of the simulated perpetuals: one number for each hour, the same whoever asks how much."""

from itertools import pairwise

import pytest

from tests.local_stack.simulators.conftest import NOW, Simulators

PATH = "/futures/futures/data/openInterestHist"


def test_history_ends_with_the_last_full_hour(simulators: Simulators) -> None:
    rows = simulators.client.get(PATH, params={"symbol": "BTCUSDT", "period": "1h", "limit": 50}).json()

    assert len(rows) == 50
    assert rows[-1]["timestamp"] == int(NOW // 3600 * 3600) * 1000
    assert {later["timestamp"] - row["timestamp"] for row, later in pairwise(rows)} == {3_600_000}
    assert all(float(row["sumOpenInterest"]) > 0 for row in rows)
    fewer = simulators.client.get(PATH, params={"symbol": "BTCUSDT", "period": "1h", "limit": 3}).json()
    assert [float(row["sumOpenInterest"]) for row in fewer] == pytest.approx(
        [float(row["sumOpenInterest"]) for row in rows[-3:]]
    )


@pytest.mark.parametrize(
    "changes", [{"symbol": "NOPE"}, {"symbol": "ETHBTC"}, {"period": "7h"}, {"limit": "0"}, {"limit": "x"}]
)
def test_bad_questions_are_refused_in_its_words(simulators: Simulators, changes: dict[str, str]) -> None:
    answer = simulators.client.get(PATH, params={"symbol": "BTCUSDT", "period": "1h", "limit": "3"} | changes)

    assert answer.status_code == 400
    assert answer.json()["code"] < 0
