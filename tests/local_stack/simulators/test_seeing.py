"""What simulated models see follows from the image and from nothing else."""

import base64
import json
from typing import Any

import pytest

from local_stack.simulators.seeing import png_with, text_in
from tests.local_stack.simulators.conftest import Simulators

SCHEMA = {"type": "object"}


def seen_by(simulators: Simulators, vendor: str, image: bytes) -> dict[str, Any]:
    encoded = base64.b64encode(image).decode()
    if vendor == "anthropic":
        source = {"type": "base64", "media_type": "image/png", "data": encoded}
        body: dict[str, Any] = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 500,
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "source": source}, {"type": "text", "text": "Read it."}],
                }
            ],
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        }
        headers = {"x-api-key": "sim-key", "anthropic-version": "2023-06-01"}
        answer = simulators.client.post("/anthropic/v1/messages", json=body, headers=headers).json()
        return dict(json.loads(answer["content"][0]["text"]))
    model = "grok-4.7" if vendor == "xai" else "gpt-6.1-sol"
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}
    body = {
        "model": model,
        "messages": [{"role": "user", "content": [part]}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
        },
    }
    answer = simulators.client.post(
        f"/{vendor}/v1/chat/completions", json=body, headers={"authorization": "Bearer sim-key"}
    ).json()
    assert answer["usage"]["prompt_tokens"] >= 800
    return dict(json.loads(answer["choices"][0]["message"]["content"]))


@pytest.mark.parametrize("vendor", ["xai", "openai", "anthropic"])
def test_another_image_is_another_answer(simulators: Simulators, vendor: str) -> None:
    first = seen_by(simulators, vendor, png_with("liquidation map BTC\n43500.5 large 5100000\n42000 small"))
    second = seen_by(simulators, vendor, png_with("liquidation map ETH\n3100 medium"))

    assert first["clusters"] == [
        {"price": 43500.5, "size": "large", "notional": 5100000.0},
        {"price": 42000.0, "size": "small", "notional": None},
    ]
    assert (first["base_currency"], second["base_currency"]) == ("BTC", "ETH")
    assert [cluster["price"] for cluster in second["clusters"]] == [3100.0]


def test_an_image_that_says_nothing_is_no_map(simulators: Simulators) -> None:
    assert seen_by(simulators, "xai", png_with("a cat"))["is_liquidation_map"] is False
    assert seen_by(simulators, "xai", b"\x89PNG\r\n\x1a\n")["is_liquidation_map"] is False
    assert text_in(b"GIF89a") == ""
