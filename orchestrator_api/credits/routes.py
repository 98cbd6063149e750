"""What a user sees of their credits: the balance and the entries behind it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.token import authenticate
from orchestrator_api.credits import ledger, store
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, PageQuery, count, decode_cursor, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources


class BalanceAnswer(BaseModel):
    """What a user has."""

    model_config = ConfigDict(from_attributes=True)

    balance: int = Field(description="The sum of all entries of the ledger.")
    held: int = Field(description="Set aside for requests that are running.")
    available: int = Field(description="What a new request may use.")


class EntryAnswer(BaseModel):
    """One movement of credits."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: Literal["grant", "charge", "refund", "expire"]
    amount: int = Field(description="Signed: charges are negative.")
    balance_after: int
    provider: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    reason: str
    created_at: datetime


@documented(summary="Your credits", tag="Credits", responses={200: BalanceAnswer})
async def show_balance(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    async with as_user(resources.chat, user) as connection:
        balance = await ledger.balance(connection, user.id)
    return json_answer(BalanceAnswer.model_validate(balance))


@documented(
    summary="Every movement of your credits",
    tag="Credits",
    query=PageQuery,
    responses={200: Page[EntryAnswer]},
)
async def show_history(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    page = parse_query(request, PageQuery)
    cursor = decode_cursor(page.cursor, count)
    async with as_user(resources.chat, user) as connection:
        entries = await store.entries_of(
            connection, user.id, before=cursor[0] if cursor else None, limit=page.limit + 1
        )
    rows = [EntryAnswer.model_validate(entry) for entry in entries]
    return json_answer(page_of(rows, page.limit, key=lambda row: (row.id,)))


routes: list[BaseRoute] = [
    Route("/v1/credits", show_balance, methods=["GET"]),
    Route("/v1/credits/history", show_history, methods=["GET"]),
]
