"""The only place where the chat speaks SQL: limits and history in A, what is known of the markets in B."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from orchestrator_api.chat.facts import (
    AnalysisFact,
    CandleFact,
    ClusterFact,
    MonitorFact,
    Pair,
    PatternFact,
    ReadingFact,
    RiskFact,
    SignalFact,
    WinRateFact,
)
from orchestrator_api.chat.prompt import PLAIN, Tone
from orchestrator_api.model_router.provider import Turn
from zmarty.postgres import Connection, Pool
from zmarty.sql import load

SQL = load(__package__)

# Of the markets: no statement here needs another one's transaction.
Reader: TypeAlias = "Connection | Pool"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user's tier allows, and what they can pay."""

    tier: str
    tokens_max: int
    price_cap: int
    voice: bool
    available: int
    per_request: int | None = None
    left_today: int | None = None


@dataclass(frozen=True, slots=True)
class StoredKey:
    body_sha256: str
    state: str
    message_id: UUID | None
    running: bool


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was settled."""

    id: UUID
    conversation_id: UUID
    content: str
    provider: str | None
    model: str | None
    input_tokens: int
    output_tokens: int
    credits: int
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    id: UUID
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What an answer has told since the last one."""

    message_id: UUID
    place: int
    frames: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class Told:
    place: int
    frames: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """What an answer under way has told, and whether it goes on."""

    told: Sequence[Told]
    has_ended: bool
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer that may be given again."""

    content: str
    provider: str
    model: str
    answered_at: datetime


async def limits_of(pool: Pool, user_id: UUID) -> Limits | None:
    record = await pool.fetchrow(SQL["limits_of"], user_id)
    return Limits(**record) if record else None


async def watched_pairs(connection: Connection, user_id: UUID, *, limit: int) -> list[Pair]:
    return [Pair(**record) for record in await connection.fetch(SQL["watched_pairs"], user_id, limit)]


async def tone_of(connection: Connection, user_id: UUID) -> Tone:
    record = await connection.fetchrow(SQL["tone_of"], user_id)
    return Tone(**record) if record else PLAIN


async def history_of(
    connection: Connection,
    conversation_id: UUID,
    user_id: UUID,
    *,
    limit: int,
    before: datetime | None = None,
) -> list[Turn]:
    records = await connection.fetch(SQL["history_of"], conversation_id, user_id, limit, before)
    return [Turn(record["role"], record["content"]) for record in records]


async def existing_symbols(connection: Reader, symbols: Sequence[str]) -> frozenset[str]:
    return frozenset(
        record["symbol"] for record in await connection.fetch(SQL["existing_symbols"], list(symbols))
    )


async def latest_signals(
    connection: Reader, symbols: Sequence[str], timeframes: Sequence[str]
) -> list[SignalFact]:
    records = await connection.fetch(SQL["latest_signals"], list(symbols), list(timeframes))
    return [SignalFact(**record) for record in records]


async def win_rates_of(connection: Reader, pairs: Sequence[Pair]) -> list[WinRateFact]:
    return [WinRateFact(**record) for record in await connection.fetch(SQL["win_rates_of"], *_columns(pairs))]


async def latest_candles(connection: Reader, pairs: Sequence[Pair]) -> list[CandleFact]:
    return [
        CandleFact(**record) for record in await connection.fetch(SQL["latest_candles"], *_columns(pairs))
    ]


async def latest_readings(
    connection: Reader, pairs: Sequence[Pair], sources: Sequence[str]
) -> list[ReadingFact]:
    records = await connection.fetch(SQL["latest_readings"], *_columns(pairs), list(sources))
    return [ReadingFact(**record) for record in records]


async def latest_analyses(connection: Reader, pairs: Sequence[Pair]) -> list[AnalysisFact]:
    records = await connection.fetch(SQL["latest_analyses"], *_columns(pairs))
    return [AnalysisFact(**record) for record in records]


async def held_patterns(connection: Reader, pairs: Sequence[Pair], *, limit: int) -> list[PatternFact]:
    records = await connection.fetch(SQL["held_patterns"], *_columns(pairs), limit)
    return [PatternFact(**record) for record in records]


async def latest_clusters(connection: Reader, symbols: Sequence[str], *, limit: int) -> list[ClusterFact]:
    records = await connection.fetch(SQL["latest_clusters"], list(symbols), limit)
    return [ClusterFact(**record) for record in records]


async def latest_risks(connection: Reader, symbols: Sequence[str]) -> list[RiskFact]:
    return [RiskFact(**record) for record in await connection.fetch(SQL["latest_risks"], list(symbols))]


async def latest_monitors(connection: Reader, symbols: Sequence[str]) -> list[MonitorFact]:
    return [MonitorFact(**record) for record in await connection.fetch(SQL["latest_monitors"], list(symbols))]


async def keep_conversation(
    connection: Connection, conversation_id: UUID, user_id: UUID, title: str
) -> datetime | None:
    """Make or touch a conversation; None when it belongs to somebody else."""
    kept: datetime | None = await connection.fetchval(
        SQL["keep_conversation"], conversation_id, user_id, title
    )
    return kept


async def save_question(
    connection: Connection, conversation_id: UUID, user_id: UUID, content: str, asked_at: datetime
) -> None:
    await connection.execute(SQL["save_question"], conversation_id, user_id, content, asked_at)


async def save_answer(connection: Connection, answer: StoredAnswer, *, user_id: UUID, hold_id: UUID) -> bool:
    """False when it was saved before, or when its conversation is gone."""
    saved = await connection.fetchval(
        SQL["save_answer"],
        answer.id,
        answer.conversation_id,
        user_id,
        answer.content,
        answer.provider,
        answer.model,
        hold_id,
        answer.input_tokens,
        answer.output_tokens,
        answer.credits,
        dict(answer.metadata),
    )
    return saved is not None


async def find_key(pool: Pool, user_id: UUID, key: str) -> StoredKey | None:
    record = await pool.fetchrow(SQL["find_key"], user_id, key)
    return StoredKey(**record) if record else None


async def claim_key(connection: Connection, user_id: UUID, key: str, body_sha256: str) -> bool:
    return bool(await connection.fetchval(SQL["claim_key"], user_id, key, body_sha256))


async def lock_key(connection: Connection, user_id: UUID, key: str) -> None:
    await connection.execute(SQL["lock_key"], user_id, key)


async def reclaim_key(connection: Connection, user_id: UUID, key: str, body_sha256: str) -> bool:
    return bool(await connection.fetchval(SQL["reclaim_key"], user_id, key, body_sha256))


async def bind_key(connection: Connection, user_id: UUID, key: str, hold_id: UUID) -> None:
    await connection.execute(SQL["bind_key"], user_id, key, hold_id)


async def finish_key(
    connection: Connection, user_id: UUID, key: str, hold_id: UUID, message_id: UUID
) -> None:
    await connection.execute(SQL["finish_key"], user_id, key, hold_id, message_id)


async def forget_key(connection: Connection, user_id: UUID, key: str, hold_id: UUID) -> None:
    await connection.execute(SQL["forget_key"], user_id, key, hold_id)


async def stored_answer(pool: Pool, message_id: UUID, user_id: UUID) -> StoredAnswer | None:
    record = await pool.fetchrow(SQL["stored_answer"], message_id, user_id)
    return StoredAnswer(**record) if record else None


async def cached_answer(pool: Pool, key: str) -> CachedAnswer | None:
    record = await pool.fetchrow(SQL["cached_answer"], key)
    return CachedAnswer(**record) if record else None


async def cache_answer(pool: Pool, key: str, *, content: str, provider: str, model: str) -> None:
    await pool.execute(SQL["cache_answer"], key, content, provider, model)


def _columns(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    return [pair.symbol for pair in pairs], [pair.timeframe for pair in pairs]


async def last_question(connection: Connection, conversation_id: UUID, user_id: UUID) -> AskedQuestion | None:
    record = await connection.fetchrow(SQL["last_question"], conversation_id, user_id)
    return AskedQuestion(**record) if record else None


async def supersede_answers(
    connection: Connection, conversation_id: UUID, user_id: UUID, since: datetime, *, except_id: UUID
) -> None:
    await connection.execute(SQL["supersede_answers"], conversation_id, user_id, since, except_id)


async def announce_answer(
    connection: Connection, message_id: UUID, conversation_id: UUID, user_id: UUID
) -> None:
    await connection.execute(SQL["announce_answer"], message_id, conversation_id, user_id)


async def record_answers(pool: Pool, batches: Sequence[Batch]) -> dict[UUID, bool]:
    """Whether each is to be stopped; who is missing is under way no more."""
    records = await pool.fetch(
        SQL["record_answers"],
        [batch.message_id for batch in batches],
        [batch.place for batch in batches],
        [batch.frames for batch in batches],
        [batch.is_last for batch in batches],
    )
    return {record["message_id"]: record["is_to_stop"] for record in records}


async def told_since(pool: Pool, message_id: UUID, place: int) -> Batches | None:
    """None when nothing is known of it any more."""
    records = await pool.fetch(SQL["told_since"], message_id, place)
    if not records:
        return None
    return Batches(
        told=[Told(record["place"], record["frames"]) for record in records if record["place"] is not None],
        has_ended=records[0]["has_ended"],
        silent_seconds=records[0]["silent_seconds"],
    )


async def answer_under_way(pool: Pool, conversation_id: UUID, user_id: UUID) -> UUID | None:
    found: UUID | None = await pool.fetchval(SQL["answer_under_way"], conversation_id, user_id)
    return found


async def request_stop(pool: Pool, conversation_id: UUID, user_id: UUID) -> None:
    await pool.execute(SQL["request_stop"], conversation_id, user_id)
