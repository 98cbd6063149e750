"""xAI's Responses wire: a mood that follows from the request alone, its links and its price."""

import json
from typing import Any

import httpx
import pytest

from .conftest import Simulators

ASKED: dict[str, Any] = {
    "model": "grok-4.7",
    "input": [{"role": "user", "content": "Coin: BTC (traded as BTC/USDT). Period: yesterday."}],
    "tools": [{"type": "x_search", "from_date": "2026-11-25"}, {"type": "web_search"}],
    "text": {"format": {"type": "json_schema", "name": "sentiment", "schema": {}, "strict": True}},
}


def ask(simulators: Simulators, key: str = "sim-key", **changes: Any) -> httpx.Response:
    return simulators.client.post(
        "/xai/v1/responses", json={**ASKED, **changes}, headers={"authorization": f"Bearer {key}"}
    )


def mood(answer: httpx.Response) -> dict[str, Any]:
    [message] = [item for item in answer.json()["output"] if item["type"] == "message"]
    parsed: dict[str, Any] = json.loads(message["content"][0]["text"])
    return parsed


def test_another_coin_is_another_mood(simulators: Simulators) -> None:
    ether = [{"role": "user", "content": "Coin: ETH (traded as ETH/USDT). Period: yesterday."}]

    assert mood(ask(simulators)) == mood(ask(simulators))
    assert mood(ask(simulators, input=ether)) != mood(ask(simulators))
    assert -1 <= mood(ask(simulators))["score"] <= 1


def test_it_cites_and_says_what_it_costs(simulators: Simulators) -> None:
    answer = ask(simulators).json()

    [message] = [item for item in answer["output"] if item["type"] == "message"]
    assert {note["type"] for note in message["content"][0]["annotations"]} == {"url_citation"}
    assert answer["usage"]["num_server_side_tools_used"] == 5
    assert answer["usage"]["cost_in_usd_ticks"] > 0.025 * 10**10


def test_without_a_search_it_has_read_nothing(simulators: Simulators) -> None:
    answer = ask(simulators, tools=[])

    assert mood(answer)["mentions"] == 0
    assert answer.json()["citations"] == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"model": "grok-1"}, 404),
        ({"input": []}, 400),
        ({"tools": [{"type": "time_machine"}]}, 400),
        ({"search_parameters": {"mode": "on"}}, 400),
    ],
)
def test_what_it_does_not_know_is_refused(
    simulators: Simulators, changes: dict[str, Any], status: int
) -> None:
    assert ask(simulators, **changes).status_code == status


def test_its_key_and_its_faults_hold_here_as_well(simulators: Simulators) -> None:
    assert ask(simulators, key="real").status_code == 401

    simulators.control("xai", fail={"status": 503, "times": 1})
    assert ask(simulators).status_code == 503

    simulators.control("xai", malformed=True)
    with pytest.raises(json.JSONDecodeError):
        mood(ask(simulators))
