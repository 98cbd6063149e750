"""calculate_scaling: weigh one step of a ladder and tell the job. A refused step is an answer, not a failure."""

from pydantic import ValidationError

from orchestrator_worker.ending import Discard, Ending
from orchestrator_worker.resources import Resources
from orchestrator_worker.scaling.calculate import calculate
from zmarty import jobs
from zmarty.messages import CalculateScaling
from zmarty.queue import Delivery
from zmarty.specs import ScalingSpec


async def handle(delivery: Delivery[CalculateScaling], resources: Resources) -> Ending:
    message = delivery.message
    if not await jobs.progress(resources.trading, message.job_id, 0.0):
        return Discard("the job was cancelled or is over")
    try:
        answer = calculate(ScalingSpec.model_validate(message.spec))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        named = ".".join(map(str, fault["loc"])) or "spec"
        async with delivery.completing(resources.trading) as connection:
            await jobs.fail(connection, message.job_id, f"field_invalid: {named}: {fault['msg']}")
        return None
    async with delivery.completing(resources.trading) as connection:
        await jobs.finish(connection, message.job_id, answer)
    return None
