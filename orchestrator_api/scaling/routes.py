"""POST /v1/scaling/calculate: may this position be increased, by how much, and what would it then bear. Free of charge."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.auth.token import authenticate
from orchestrator_api.jobs import asking
from orchestrator_api.jobs.rows import JobRow
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.parsing import parse_body
from orchestrator_api.resources import Resources
from orchestrator_api.scaling.rows import ScalingAnswer, ScalingRequest
from zmarty.errors import BodyMalformed, DatabaseUnavailable, FieldInvalid
from zmarty.messages import CalculateScaling

KIND = "scaling"


@documented(
    summary="The next step of a doubling ladder, or the rule that refuses it",
    description="A refusal is a 200 with `allowed: false` and `rule`. Nothing is traded, nothing is charged.",
    tag="Scaling",
    request=ScalingRequest,
    responses={
        200: ScalingAnswer,
        202: Answer("The worker is busy: the job, to follow at `Location`.", JobRow),
    },
    errors=(BodyMalformed, FieldInvalid, DatabaseUnavailable, *asking.REFUSALS),
)
async def calculate_scaling(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, ScalingRequest)
    spec = asked.payload(by_operator=user.is_operator)
    job_id = await asking.ask(
        resources,
        user.id,
        kind=KIND,
        message_of=lambda job_id: CalculateScaling(job_id=job_id, spec=spec),
    )
    return asking.answered(await asking.answer_of(resources, job_id), ScalingAnswer)


routes = [Route("/v1/scaling/calculate", calculate_scaling, methods=["POST"])]
