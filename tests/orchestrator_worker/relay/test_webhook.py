"""The client's wire form and its reading of answers; and that both languages sign alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import standardwebhooks.webhooks

from orchestrator_worker.relay.batch import Event
from orchestrator_worker.relay.webhook import Answer, Delivered, Failed, Refused, Webhook, beside
from tests.orchestrator_worker.relay.functions import (
    FUNCTIONS,
    SECRET,
    ScriptedFunction,
    scripted,
    secret_of,
)
from zmarty.signing import SignatureMismatch, sign, verify

VECTORS = json.loads((FUNCTIONS / "_shared/testdata/signatures.json").read_text(encoding="utf-8"))


async def answer_to(status: int, body: object, **settings: Any) -> Answer:
    async with scripted(script=lambda *_: (status, body), **settings) as function:
        return await send(function)


async def send(function: ScriptedFunction, *secrets: str, request_seconds: float = 2) -> Answer:
    [answer] = await send_all(function, [41], *secrets, request_seconds=request_seconds)
    return answer


async def send_all(
    function: ScriptedFunction, ids: list[int], *secrets: str, request_seconds: float = 2
) -> list[Answer]:
    webhook = Webhook(function.url, secrets or (SECRET,), connections_max=1, request_seconds=request_seconds)
    try:
        return await webhook.send(
            [Event(number, uuid4(), {"type": "INSERT"}, 1, 40, False) for number in ids]
        )
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


async def test_several_events_are_one_request() -> None:
    refusal = {"message": "record.symbol: must be canonical"}
    script = lambda number, _: (422, refusal) if number == 42 else (200, {"result": "applied"})  # noqa: E731
    async with scripted(script=script) as function:
        answers = await send_all(function, [41, 42, 43])

    [(_, body, headers), *_] = function.requests
    assert json.loads(body) == {"events": [{"type": "INSERT", "id": number} for number in (41, 42, 43)]}
    verify([SECRET], headers, body)
    assert answers[0] == answers[2] == Delivered("applied")
    assert isinstance(answers[1], Refused)
    assert "must be canonical" in answers[1].error


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_batch_refused_as_a_whole_condemns_nobody(status: int) -> None:
    webhook_answer = lambda *_: (status, {"error": "x"})  # noqa: E731
    async with scripted(script=webhook_answer, batch=lambda *_: (status, {"error": "x"})) as function:
        answers = await send_all(function, [41, 42])

    assert answers == [Failed(f'batch refused: {status} {{"error": "x"}}')] * 2


@pytest.mark.parametrize(
    "results",
    [
        [],
        [{"id": 41, "result": "applied"}],
        [{"id": 42, "result": "applied"}, {"id": 41, "result": "applied"}],
        [{"id": 41, "result": "applied"}, {"id": 42, "result": "ok"}],
        [{"id": 41, "result": "applied"}, "applied"],
    ],
)
async def test_a_batch_without_a_result_for_each_proves_nothing(results: list[object]) -> None:
    async with scripted(batch=lambda *_: (200, {"results": results})) as function:
        answers = await send_all(function, [41, 42])

    assert answers == [Failed("200 without a result")] * 2


async def test_the_other_function_is_next_door() -> None:
    assert beside("https://b.example.co/functions/v1/one", "two") == "https://b.example.co/functions/v1/two"
