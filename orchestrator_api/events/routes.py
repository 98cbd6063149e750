"""GET /v1/events: what changes, while it changes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.auth.token import authenticate
from orchestrator_api.event_stream import EventStream
from orchestrator_api.events.live import StreamsExhausted
from orchestrator_api.events.rows import EventQuery, LiveEvent
from orchestrator_api.events.stream import event_frames
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import FieldInvalid

# A client that has read nothing for so long is not coming back; the next one gets its place.
STALLED_SECONDS = 30.0


@documented(
    summary="What changes, live",
    description=(
        "Server-sent events over an ordinary GET with a bearer token (`EventSource` cannot send one: use `fetch`). "
        "Events are hints with keys and times: fetch what they name. You hear of the pairs you watch and of your own rows. "
        "The stream ends when your token expires."
    ),
    tag="Events",
    query=EventQuery,
    headers={
        "Last-Event-ID": "The id of the last event you saw: what you missed since comes first, in order and once."
    },
    responses={200: Answer("Events until you leave.", LiveEvent, media_type="text/event-stream")},
    errors=(FieldInvalid, StreamsExhausted),
)
async def stream_events(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = parse_query(request, EventQuery)
    last_event_id = request.headers.get("last-event-id") or asked.last_event_id
    resources.live.require_room(user)
    return EventStream(
        event_frames(resources.live, resources.trading, user, last_event_id=last_event_id),
        stalled_seconds=STALLED_SECONDS,
    )


routes = [Route("/v1/events", stream_events, methods=["GET"])]
