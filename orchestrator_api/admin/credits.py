"""POST /v1/admin/credits/…: what operators give and give back, each once for its key and audited in its transaction."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.admin import store
from orchestrator_api.admin.actor import Actor, actor_of
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate_operator
from orchestrator_api.credits import ledger
from orchestrator_api.credits.ledger import Correction, CorrectionKeyReused
from orchestrator_api.credits.pricing import TOP_UPS
from orchestrator_api.openapi import documented
from orchestrator_api.parsing import parse_body
from orchestrator_api.resources import Resources
from zmarty.errors import BodyMalformed, DatabaseUnavailable, FieldInvalid, NotFound
from zmarty.postgres import Connection

CREDITS_MAX = 1_000_000
REFUSALS = (BodyMalformed, NotFound, CorrectionKeyReused, FieldInvalid, DatabaseUnavailable)

Credits = Annotated[int, Field(ge=1, le=CREDITS_MAX)]
Reason = Annotated[str, Field(min_length=3, max_length=500, description="Why; the user reads it.")]
Key = Annotated[
    str,
    Field(min_length=1, max_length=200, description="Names this correction: repeated, it happens once."),
]


class GrantOrder(BaseModel):
    """Credits for a user."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: UUID
    credits: Credits
    kind: Literal["bonus", "purchased"] = "bonus"
    expires_at: Annotated[AwareDatetime | None, Field(description="Null: never.")] = None
    reason: Reason
    key: Key

    @model_validator(mode="after")
    def _a_pack(self) -> Self:
        if self.kind == "purchased" and self.credits not in TOP_UPS:
            packs = ", ".join(str(pack) for pack in TOP_UPS)
            raise ValueError(f"purchased credits come in packs of {packs}")
        return self


class RefundOrder(BaseModel):
    """A charge to give back, or a part of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entry_id: Annotated[int, Field(ge=1, lt=2**63)]
    credits: Annotated[
        int | None, Field(ge=1, le=CREDITS_MAX, description="Null: all that is not given back yet.")
    ] = None
    reason: Reason
    key: Key


class Corrected(BaseModel):
    """The entry, and what the user has now."""

    entry_id: int
    user_id: UUID
    credits: int
    balance: int
    is_new: bool = Field(description="False when this key was answered before; nothing has changed then.")


@documented(
    summary="Grant credits to a user",
    tag="Operators",
    request=GrantOrder,
    responses={200: Corrected},
    errors=REFUSALS,
    access="operator",
)
async def grant_credits(request: Request) -> Response:
    resources, actor = await _orderer(request)
    order = await parse_body(request, GrantOrder)
    async with resources.chat.acquire() as connection, connection.transaction():
        done = await ledger.grant(
            connection,
            order.user_id,
            credits=order.credits,
            key=f"operator:{order.key}",
            reason=order.reason,
            kind=order.kind,
            expires_at=order.expires_at,
            actor=actor.name,
        )
        await _audit(connection, actor, "credits_grant", done, order.model_dump(mode="json"))
    return json_answer(_corrected(done))


@documented(
    summary="Give a charge back",
    description="Never more than was charged. What is given back is a grant of its own that does not end.",
    tag="Operators",
    request=RefundOrder,
    responses={200: Corrected},
    errors=REFUSALS,
    access="operator",
)
async def refund_charge(request: Request) -> Response:
    resources, actor = await _orderer(request)
    order = await parse_body(request, RefundOrder)
    async with resources.chat.acquire() as connection, connection.transaction():
        done = await ledger.refund(
            connection,
            order.entry_id,
            credits=order.credits,
            key=f"operator:{order.key}",
            reason=order.reason,
            actor=actor.name,
        )
        await _audit(connection, actor, "credits_refund", done, order.model_dump(mode="json"))
    return json_answer(_corrected(done))


async def _orderer(request: Request) -> tuple[Resources, Actor]:
    """Refuses everybody but operators before anything is read."""
    resources: Resources = request.state.resources
    user = await authenticate_operator(request, resources.keys)
    return resources, actor_of(request, user)


async def _audit(
    connection: Connection, actor: Actor, action: str, done: Correction, asked: dict[str, Any]
) -> None:
    # A repeated key changes nothing, and what never was must not be in the log.
    if done.is_new:
        intent = await store.save_intent(
            connection, actor, f"{action}_requested", f"user:{done.user_id}", asked
        )
        await store.save_result(
            connection, intent, f"{action}_done", {"entry_id": done.entry_id, "balance": done.balance}
        )


def _corrected(done: Correction) -> Corrected:
    return Corrected(
        entry_id=done.entry_id,
        user_id=done.user_id,
        credits=done.amount,
        balance=done.balance,
        is_new=done.is_new,
    )


routes = [
    Route("/v1/admin/credits/grant", grant_credits, methods=["POST"]),
    Route("/v1/admin/credits/refund", refund_charge, methods=["POST"]),
]
