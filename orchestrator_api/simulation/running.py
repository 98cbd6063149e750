"""The front verb of simulations: have the worker do one."""

from uuid import UUID

from orchestrator_api.credits.pricing import DATA_CREDITS
from orchestrator_api.jobs import asking
from orchestrator_api.market.instruments import require_known_symbol
from orchestrator_api.resources import Resources
from orchestrator_api.simulation.requests import AssessRiskRequest, SimulationRequest
from zmarty.messages import RunSimulation

KIND = "simulation"


async def start(
    resources: Resources,
    user_id: UUID,
    asked: SimulationRequest | AssessRiskRequest,
    *,
    credits: int = DATA_CREDITS,
) -> UUID:
    """Make the job and return its id. Raises SymbolUnknown, FieldInvalid, JobsExhausted and CreditsExhausted."""
    spec = asked.payload()
    await require_known_symbol(resources.trading, asked.symbol)
    return await asking.ask(
        resources,
        user_id,
        kind=KIND,
        message_of=lambda job_id: RunSimulation(
            job_id=job_id, symbol=asked.symbol, timeframe=asked.timeframe, spec=spec
        ),
        detail={"symbol": asked.symbol, "timeframe": asked.timeframe, "simulation": spec["kind"]},
        credits=credits,
    )
