"""What may be analysed, how it is put to a model, and what is kept of it. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from orchestrator_api.chat.question import TEXT_LENGTH_MAX, ModelName, Question, conversation_named
from orchestrator_api.credits.pricing import REQUEST_CREDITS_MAX
from orchestrator_api.model_router.catalog import Choice
from orchestrator_api.paging import PageQuery
from zmarty.market import Symbol


class RequestType(StrEnum):
    MARKET_ANALYSIS = "market_analysis"
    PORTFOLIO_REVIEW = "portfolio_review"
    SIGNAL_GENERATION = "signal_generation"


FRAMES = {
    RequestType.MARKET_ANALYSIS: (
        "Analyse the market for this question: what the facts say of trend, signals with their track record, risk and "
        "liquidations; what speaks for and against; what would change the picture."
    ),
    RequestType.SIGNAL_GENERATION: (
        "Say for each symbol of this question which of our signals holds now: direction, entry, targets, stop, its win rate "
        "with interval and cases, and when it expires. Make up no signal of your own; say so when none holds."
    ),
}


class AnalysisRequest(BaseModel):
    """A question, and what kind of analysis answers it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    query: Annotated[str, Field(max_length=TEXT_LENGTH_MAX, description="What to analyse.")]
    model: ModelName = Choice.AUTO
    request_type: RequestType = Field(
        default=RequestType.MARKET_ANALYSIS, validation_alias=AliasChoices("request_type", "kind")
    )
    symbol: Symbol | None = Field(default=None, validation_alias=AliasChoices("symbol", "asset"))
    price_cap: Annotated[int, Field(ge=1, le=REQUEST_CREDITS_MAX)] | None = Field(
        default=None, description="The most credits this analysis may cost."
    )


class AnalysisQuery(PageQuery):
    request_type: RequestType | None = Field(default=None, description="Only analyses of this kind.")


class AnalysisRow(BaseModel):
    """An analysis as it was settled."""

    model_config = ConfigDict(frozen=True)

    id: UUID = Field(description="Of the analysis, and of its message in the chat.")
    request_type: RequestType
    query: str
    ai_model: str
    provider: str | None = Field(
        description="Null when no model could be reached and the facts were told alone."
    )
    response: str
    tokens_used: int
    credits_charged: int
    processing_time_ms: int
    metadata: dict[str, Any] = Field(
        description="Signals that could be used, attempts that failed, what was looked up."
    )
    created_at: datetime

    @classmethod
    def from_answer(cls, answer: dict[str, Any]) -> Self | None:
        """From an answer of the chat; None when that was no analysis."""
        metadata = dict(answer["metadata"])
        if "request_type" not in metadata:
            return None
        return cls(
            id=answer["id"],
            request_type=metadata.pop("request_type"),
            query=metadata.pop("query"),
            ai_model=answer["model"],
            provider=answer["provider"],
            response=answer["content"],
            tokens_used=answer["input_tokens"] + answer["output_tokens"],
            credits_charged=answer["credits"],
            processing_time_ms=metadata.pop("duration_ms"),
            metadata=metadata,
            created_at=answer["created_at"],
        )


def conversation_of(user_id: UUID) -> UUID:
    """A user's analyses are one conversation, in which no question knows the one before."""
    return conversation_named("analyses", user_id)


def question_from(asked: AnalysisRequest, *, user_id: UUID, text: str) -> Question:
    return Question(
        text=text,
        conversation_id=conversation_of(user_id),
        model=asked.model,
        symbol=asked.symbol,
        price_cap=asked.price_cap,
        history=(),
        frame=FRAMES[asked.request_type],
        record={"request_type": asked.request_type, "query": text},
    )
