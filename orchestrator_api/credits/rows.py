"""What users see of their credits, and what they may ask for. Pure."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from orchestrator_api.paging import PageQuery

CREDITS_MAX = 1_000_000

EntryKind = Literal["grant", "charge", "refund", "expire"]
GrantKind = Literal["monthly", "bonus", "purchased"]


class GrantAnswer(BaseModel):
    """Credits that came together. Those that end first are used first."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: GrantKind
    credits: int = Field(description="What it brought.")
    remaining: int = Field(description="What is left of it.")
    expires_at: datetime | None = Field(description="Null: never.")


class NextMonthly(BaseModel):
    """The next credits of your plan."""

    credits: int
    at: datetime


class LimitsAnswer(BaseModel):
    """The most you let a request and a day (in UTC) cost, and how far today has come."""

    per_request: int | None = Field(description="Null: only the plan bounds a request.")
    per_day: int | None = Field(description="Null: no limit. 0: nothing may be spent.")
    used_today: int = Field(description="Charged today or held for what is running.")
    left_today: int | None = Field(description="Null without a limit of the day.")


class LimitsRequest(BaseModel):
    """Your new limits; one that is left out, or null, is lifted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_request: Annotated[int | None, Field(ge=1, le=CREDITS_MAX)] = None
    per_day: Annotated[int | None, Field(ge=0, le=CREDITS_MAX)] = None


class BalanceAnswer(BaseModel):
    """What a user has."""

    balance: int = Field(description="The sum of all entries of the ledger.")
    held: int = Field(description="Set aside for requests that are running.")
    available: int = Field(description="What a new request may use.")
    low: bool = Field(description="Below 20 credits.")
    low_since: datetime | None = Field(description="Since when; a new time is a new crossing.")
    grants: list[GrantAnswer] = Field(description="In the order in which they are used.")
    next_monthly: NextMonthly | None = Field(description="Null where the plan has no monthly credits.")
    limits: LimitsAnswer


class EntryAnswer(BaseModel):
    """One movement of credits."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: EntryKind
    amount: int = Field(description="Signed: charges are negative.")
    balance_after: int
    provider: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    reason: str
    refund_of: int | None = Field(description="The charge that a refund gives back.")
    created_at: datetime
    # At the end: the fields are the columns of the CSV file, whose readers may count them.
    conversation_id: UUID | None = Field(
        description="Of the answer that was charged; null for anything else."
    )


class HistoryQuery(PageQuery):
    """Which entries, and in which form."""

    kind: EntryKind | None = None
    since: Annotated[AwareDatetime | None, Field(alias="from", description="Not before this time.")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to", description="Before this time.")] = None
    model: Annotated[str | None, Field(max_length=100, description="One model by its id.")] = None
    format: Annotated[
        Literal["json", "csv"] | None,
        Field(description="`csv`, or `Accept: text/csv`: all entries as one file."),
    ] = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("`from` must lie before `to`")
        return self


class TotalAnswer(BaseModel):
    """All entries of one kind and model."""

    model_config = ConfigDict(from_attributes=True)

    kind: EntryKind
    model: str | None
    entries: int
    credits: int = Field(description="Signed, as in the entries.")


class DayAnswer(BaseModel):
    """What was spent on a day, in UTC."""

    model_config = ConfigDict(from_attributes=True)

    day: date
    credits: int


class StatementAnswer(BaseModel):
    """A month, in UTC: what was there, what moved, what was left."""

    month: str
    opening: int
    totals: list[TotalAnswer]
    closing: int
    days: list[DayAnswer] = Field(description="Those on which something was spent, before refunds.")


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The begin of a month and of the next. Raises ValueError for what is no month."""
    begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return begin, begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
