"""run_simulation: load the history, walk it in steps that report and can be stopped, keep what came of it.

A worker that dies leaves the job as it was: with the end of its lease the message comes back and the simulation starts
again, over candles that are stored by then.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.instruments.known import is_known
from orchestrator_worker.resources import Resources
from orchestrator_worker.simulation import risk, simulate, store
from orchestrator_worker.simulation.history import load_history
from orchestrator_worker.simulation.questions import question_of, strategy_of
from orchestrator_worker.simulation.simulate import Answer
from orchestrator_worker.simulation.strategies import History
from orchestrator_worker.sources.candle_source import utc_now
from zmarty import jobs
from zmarty.errors import FieldInvalid, SymbolUnknown, ZmartyError
from zmarty.market import Symbol, Timeframe
from zmarty.messages import RunSimulation
from zmarty.postgres import TROUBLE
from zmarty.queue import Delivery
from zmarty.specs import (
    BARS_MAX,
    AnalyzeSpec,
    AssessRiskSpec,
    ReportSpec,
    SimulationSpec,
    ValidatePatternSpec,
    WinRatioSpec,
    require_walkable,
)

ATTEMPTS_MAX = 3
TIMEOUT_SECONDS = 1_200.0
# The share of a job that goes into loading its history.
LOADED = 0.2

Spec = AnalyzeSpec | WinRatioSpec | ValidatePatternSpec | AssessRiskSpec | ReportSpec

_SPEC: Final[TypeAdapter[Spec]] = TypeAdapter(SimulationSpec)


class Stopped(Exception):
    """Somebody cancelled the job, or it is over."""


@dataclass(slots=True)
class Progress:
    """Reports a job's share, and raises Stopped when it shall not go on."""

    resources: Resources
    job_id: UUID

    async def __call__(self, share: float) -> None:
        if not await jobs.progress(self.resources.trading, self.job_id, share):
            raise Stopped


async def handle(delivery: Delivery[RunSimulation], resources: Resources) -> Ending:
    message, pool = delivery.message, resources.trading
    report = Progress(resources, message.job_id)
    answered = False
    try:
        await report(0.0)
        spec, symbol, timeframe = parsed(message)
        if not await is_known(pool, symbol):
            raise SymbolUnknown(f"{symbol} is no instrument that Zmarty knows.")
        request = {**spec.model_dump(mode="json"), "symbol": symbol, "timeframe": timeframe}
        await store.begin_simulation(
            pool, message.job_id, kind=spec.kind, symbol=symbol, timeframe=timeframe, request=request
        )
        answer = await _answer(resources, spec, symbol, timeframe, utc_now(), report)
        answered = True
    except Stopped:
        await store.end_simulation(pool, message.job_id, state="cancelled")
        return Discard("the job was cancelled or is over")
    except ZmartyError as refusal:
        answered = True
        return await _refuse(delivery, resources, _reason_of(refusal))
    finally:
        if not answered and delivery.read_count >= ATTEMPTS_MAX:
            # Nobody will try again, and whoever waits is told so; where even that fails, the dead letter tells.
            with suppress(*TROUBLE):
                await jobs.fail(pool, message.job_id, "the simulation failed; operators see why")
                await store.end_simulation(pool, message.job_id, state="failed", error="job_failed")
    summary = _plain(answer.document)
    curve = summary.pop("curve", None)
    async with delivery.completing(pool) as connection:
        result = {"id": str(message.job_id), "kind": spec.kind, "symbol": symbol, "timeframe": timeframe}
        # Cancelled in its last step, it stays cancelled: nothing of it is kept.
        if await jobs.finish(connection, message.job_id, {**result, **summary}):
            await store.end_simulation(
                connection,
                message.job_id,
                state="done",
                summary=summary,
                curve=curve,
                trades_count=answer.trades.height,
            )
            await store.save_trades(connection, message.job_id, answer.trades)
        else:
            await store.end_simulation(connection, message.job_id, state="cancelled")
    return None


def parsed(message: RunSimulation) -> tuple[Spec, Symbol, Timeframe]:
    """Read what a message asks for. Raises FieldInvalid naming the field and the rule."""
    if message.symbol is None:
        raise FieldInvalid("symbol", "must be given")
    timeframe = message.timeframe or Timeframe.HOUR_1
    try:
        spec = _SPEC.validate_python(message.spec)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise FieldInvalid(".".join(map(str, fault["loc"])) or "spec", fault["msg"]) from error
    require_walkable(timeframe, spec.lookback_days)
    return spec, message.symbol, timeframe


async def _answer(
    resources: Resources, spec: Spec, symbol: Symbol, timeframe: Timeframe, now: datetime, report: Progress
) -> Answer:
    since = now - timedelta(days=spec.lookback_days)
    # A strategy learns from what came before the tested days, and its indicators warm up there.
    warm_up = simulate.WARM_UP_BARS if not isinstance(spec, AssessRiskSpec) else risk.WARM_UP_BARS
    history = await load_history(
        resources,
        symbol,
        timeframe,
        since=since - warm_up * timeframe.delta,
        now=now,
        bars_max=BARS_MAX + warm_up,
        report=lambda share: report(share * LOADED),
    )
    answer = Answer()
    metric = await store.newest_risk_metric(resources.trading, symbol)
    steps = _steps(spec, history, since, answer, metric)
    # In a thread, one step at a time: between two of them the job can be stopped, and other messages go on.
    while (share := await asyncio.to_thread(next, steps, None)) is not None:
        await report(LOADED + (1.0 - LOADED) * min(share, 0.99))
    return answer


def _steps(
    spec: Spec, history: History, since: datetime, answer: Answer, metric: dict[str, Any] | None
) -> Iterator[float]:
    match spec:
        case AnalyzeSpec():
            yield from simulate.analyze(history, question_of(spec.strategy, spec.trading, since), answer)
        case WinRatioSpec():
            yield from simulate.win_ratio(history, question_of(spec.strategy, spec.trading, since), answer)
        case ValidatePatternSpec():
            strategy = strategy_of({"name": "pattern", "pattern": spec.pattern})
            question = question_of(strategy, spec.trading, since)
            yield from simulate.validate_pattern(history, question, answer)
            answer.document["pattern"] = spec.pattern
        case AssessRiskSpec():
            yield from risk.assess_risk(history, spec, answer)
            answer.document["risk_metric"] = metric
        case ReportSpec():
            yield from _report(spec, history, since, answer)


def _report(spec: ReportSpec, history: History, since: datetime, answer: Answer) -> Iterator[float]:
    """The sections of a report one after the other, each an answer of its own kind."""
    question = question_of(spec.strategy, spec.trading, since)
    answer.document |= {"report_type": spec.report_type, "lookback_days": spec.lookback_days}
    if spec.report_type in {"comprehensive", "performance"}:
        yield from (share * 0.6 for share in simulate.analyze(history, question, answer))
    if spec.report_type == "comprehensive":
        yield from (0.6 + share * 0.2 for share in simulate.win_ratio(history, question, answer))
    if spec.report_type in {"comprehensive", "risk"}:
        for direction in ("long", "short"):
            assessed = Answer()
            plan = AssessRiskSpec.model_validate({"direction": direction})
            yield from (0.8 + share * 0.1 for share in risk.assess_risk(history, plan, assessed))
            answer.document.setdefault("risk", {})[direction] = assessed.document


async def _refuse(delivery: Delivery[RunSimulation], resources: Resources, error: str) -> Ending:
    async with delivery.completing(resources.trading) as connection:
        await jobs.fail(connection, delivery.message.job_id, error)
        await store.end_simulation(connection, delivery.message.job_id, state="failed", error=error)
    return None


def _reason_of(refusal: ZmartyError) -> str:
    return (
        refusal.message
        if refusal.message.startswith(f"{refusal.code}:")
        else f"{refusal.code}: {refusal.message}"
    )


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """The document as JSON holds it, times as ISO 8601."""
    plain: dict[str, Any] = json.loads(json.dumps(document, default=_text))
    return plain


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
