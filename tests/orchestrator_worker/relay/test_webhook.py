"""The client's wire form and its reading of answers; and that both languages sign alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks.webhooks

from orchestrator_worker.relay.webhook import Answer, Delivered, Failed, Refused, Webhook
from tests.orchestrator_worker.relay.functions import FOLDER, SECRET, ScriptedFunction, scripted, secret_of
from zmarty.signing import SignatureMismatch, sign, verify

VECTORS = json.loads((FOLDER / "testdata" / "signatures.json").read_text(encoding="utf-8"))


async def answer_to(status: int, body: object, **settings: Any) -> Answer:
    async with scripted(script=lambda *_: (status, body), **settings) as function:
        return await send(function)


async def send(function: ScriptedFunction, *secrets: str, request_seconds: float = 2) -> Answer:
    webhook = Webhook(function.url, secrets or (SECRET,), connections_max=1, request_seconds=request_seconds)
    try:
        return await webhook.send(41, {"type": "INSERT"})
    finally:
        await webhook.close()


@pytest.mark.parametrize("result", ["applied", "duplicate", "stale"])
async def test_a_result_is_a_delivery(result: str) -> None:
    assert await answer_to(200, {"result": result}) == Delivered(result)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", {}, {"result": "ok"}, {"result": None}])
async def test_a_success_without_a_result_proves_nothing(body: object) -> None:
    assert await answer_to(200, body) == Failed("200 without a result")


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_some_answers_are_final(status: int) -> None:
    answer = await answer_to(status, {"error": "x"})

    assert answer == Refused(f'{status} {{"error": "x"}}')


@pytest.mark.parametrize(
    ("status", "alarming"), [(302, True), (401, True), (404, True), (429, True), (500, False), (503, False)]
)
async def test_other_answers_are_tried_again(status: int, alarming: bool) -> None:
    assert await answer_to(status, {}) == Failed(f"{status} {{}}", alarming=alarming)


async def test_an_answer_without_end_is_cut() -> None:
    answer = await answer_to(503, b"x" * 1_000_000)

    assert isinstance(answer, Failed)
    assert len(answer.error) == 500


async def test_silence_is_a_failure() -> None:
    async with scripted(seconds=30) as function:
        answer = await send(function, request_seconds=0.1)

    assert isinstance(answer, Failed)
    assert "Timeout" in answer.error


async def test_nobody_listening_is_a_failure() -> None:
    answer = await send(ScriptedFunction(url="http://127.0.0.1:9/"))

    assert isinstance(answer, Failed)
    assert "ConnectError" in answer.error


async def test_every_secret_signs() -> None:
    old, new = secret_of("a"), secret_of("b")
    async with scripted() as function:
        await send(function, new, old)
    [(_, body, headers)] = function.requests

    for secret in (old, new):
        verify([secret], headers, body)
    with pytest.raises(SignatureMismatch):
        verify([secret_of("c")], headers, body)


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['signed_by']} {v['id']}" for v in VECTORS])
def test_signatures_of_both_libraries_are_ours(
    vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_at = datetime.fromtimestamp(vector["timestamp"], UTC)
    headers = sign(vector["secret"], webhook_id=vector["id"], sent_at=sent_at, body=vector["body"])

    assert headers["webhook-signature"] == vector["signature"]

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return sent_at + timedelta(seconds=299)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)
    given = {**headers, "webhook-signature": vector["signature"]}
    verify([vector["secret"]], given, vector["body"].encode())
    with pytest.raises(SignatureMismatch):
        verify([vector["secret"]], given, vector["body"].encode() + b" ")
