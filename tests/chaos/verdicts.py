"""The checker: compares what was sent with what was done, and names every difference. Pure; an empty list is a pass."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from tests.chaos.evidence import Evidence, Row
from tests.chaos.model import Asked, JobSent, Pair, Replayed, Said, Shuffled, Watched, WatchList, keys_of

Violations: TypeAlias = list[str]

AGE_SECONDS_MAX = 300
SHOWN_MAX = 20
# Who may send what on finishing what: the arrows between the queues.
PARENTS = {
    "compute_signals": {"ingest_indicators"},
    "compute_winrate": {"compute_signals", "compute_winrate"},
}
WORKER = "zmarty_worker"


def judge(evidence: Evidence, said: Said) -> dict[str, Violations]:
    """All violations by what they break."""
    chat, trading = evidence.chat, evidence.trading
    newest = max((int(row["id"]) for row in chat["outbox"]), default=0)
    applied = [
        row for row in trading["applied"] if row["version"] <= newest or row["user_id"] in said.shuffled
    ]
    users = set(said.watch_lists)
    return {
        "endings": [*endings_of(trading["moves"]), *by_hand(trading["moves"], said.jobs)],
        "effects": [*follow_ups(trading["moves"]), *effects(evidence)],
        "changes": kept_changes(chat["user_symbols"], said.watch_lists),
        "mirror": [
            *carried(chat["outbox"], applied),
            *equal(chat["user_symbols"], trading["watchers"], users),
        ],
        "order": [*ordered(applied, strangers=set(said.shuffled)), *shuffled(applied, said.shuffled)],
        "replays": replayed(said.replays),
        "credits": [
            *balanced(chat["accounts"], chat["entries"]),
            *held_once(chat["holds"], chat["entries"]),
            *answered_once(chat["messages"], chat["holds"], chat["keys"], said.questions),
        ],
        "answers": said.unexpected,
    }


# Job messages.


def endings_of(moves: Sequence[Row]) -> Iterator[str]:
    """Every message that was sent is taken away once, and archived or buried in the very same transaction."""
    times: dict[str, Counter[tuple[str, int]]] = {
        kind: Counter((row["queue"], row["msg_id"]) for row in moves if row["kind"] == kind)
        for kind in ("sent", "removed", "archived")
    }
    for message in times["sent"] - times["removed"]:
        yield f"lost or never ended: {message}"
    for message in times["removed"] - times["sent"]:
        yield f"ended twice or never sent: {message}"
    for message in times["archived"] - times["sent"]:
        yield f"archived twice: {message}"
    ends: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in moves:
        ends[row["queue"], row["transaction"]][row["kind"]] += 1
    for (queue, transaction), count in ends.items():
        if count["removed"] != count["archived"] + count["buried"]:
            yield f"{queue}: transaction {transaction} took {count['removed']} away, archived {count['archived']}, buried {count['buried']}"


def by_hand(moves: Sequence[Row], jobs: Sequence[JobSent]) -> Iterator[str]:
    """What an operator was told is sent, is sent; and nonsense ends in the dead letters, never in the archive."""
    sent = {(row["queue"], row["msg_id"]): row for row in moves if row["kind"] == "sent"}
    archived = {(row["queue"], row["msg_id"]) for row in moves if row["kind"] == "archived"}
    buried = Counter(
        (row["queue"], row["body"]["original"]["number"])
        for row in moves
        if row["kind"] == "buried" and _number(row["body"].get("original")) is not None
    )
    ids: dict[tuple[str, int], list[int]] = defaultdict(list)
    for (queue, msg_id), row in sent.items():
        if (number := _number(row["body"])) is not None:
            ids[queue, number].append(msg_id)
    for job in jobs:
        found = ids[job.queue, job.number]
        if job.msg_id is not None and found != [job.msg_id]:
            yield f"{job.queue} {job.msg_id}: sent as {found}"
        if len(found) > 1:
            yield f"{job.queue}: number {job.number} sent {len(found)} times"
        for msg_id in found:
            ends = ((job.queue, msg_id) in archived) + buried[job.queue, job.number]
            if ends != 1:
                yield f"{job.queue} {msg_id}: ended {ends} times"
            if job.is_hopeless and (job.queue, msg_id) in archived:
                yield f"{job.queue} {msg_id}: hopeless and done all the same"


def _number(body: Any) -> int | None:
    number = body.get("number") if isinstance(body, dict) else None
    return number if isinstance(number, int) else None


def follow_ups(moves: Sequence[Row]) -> Iterator[str]:
    """What a worker sends, it sends in the transaction that finishes the message before it, at most one for each."""
    done: dict[str, Counter[str]] = defaultdict(Counter)
    for row in moves:
        if row["kind"] == "archived":
            done[row["transaction"]][row["queue"]] += 1
    sent = Counter(
        (row["transaction"], row["queue"])
        for row in moves
        if row["kind"] == "sent" and row["actor"] == WORKER and row["queue"] in PARENTS
    )
    for (transaction, queue), count in sent.items():
        parents = sum(done[transaction][parent] for parent in PARENTS[queue])
        if count > parents:
            yield f"transaction {transaction} sent {count} of {queue} and finished {parents} before it"


def effects(evidence: Evidence) -> Iterator[str]:
    trading = evidence.trading
    for name, what in (
        ("doubled_candles", "two candles in one place"),
        ("doubled_signals", "two signals for one candle"),
        ("candle_gaps", "candles are missing"),
        ("unjudged", "indicators without a signal"),
        ("uncounted", "signals without a win rate"),
    ):
        for row in trading[name]:
            yield f"{what}: {_text(row)}"


# The mirror.


def kept_changes(user_symbols: Sequence[Row], watch_lists: dict[UUID, WatchList]) -> Violations:
    """Every change that was answered is there; one that broke off is there as a whole or not at all."""
    rows = {(row["user_id"], Pair(row["symbol"], row["timeframe"])): row for row in user_symbols}
    wrong: Violations = []
    for user_id, watch_list in watch_lists.items():
        pairs = set(watch_list.pairs()) | {pair for owner, pair in rows if owner == user_id}
        for pair in sorted(pairs):
            row = rows.get((user_id, pair))
            found = Watched(row["active"], row["strategy"].get("number", 0)) if row else None
            possible = watch_list.states(pair)
            if found not in possible:
                wrong.append(
                    f"{user_id} {pair}: is {found}, may be {possible or 'nothing that fits its answers'}"
                )
    return wrong


def carried(outbox: Sequence[Row], applied: Sequence[Row]) -> Iterator[str]:
    """Every change left, arrived, and was applied once to each watcher that it names."""
    times = Counter((row["version"], row["user_id"], row["symbol"], row["timeframe"]) for row in applied)
    for row in outbox:
        if row["parked_at"] is not None:
            yield f"outbox {row['id']} was parked: {row['last_error']}"
            continue
        if row["delivered_at"] is None:
            yield f"outbox {row['id']} was never delivered: {row['last_error']}"
            continue
        is_pair = row["payload"]["table"] == "user_symbols"
        keys = [(*pair,) for pair in keys_of(row["payload"])] if is_pair else [(None, None)]
        for key in keys:
            count = times.pop((row["id"], row["user_id"], *key), 0)
            if count != 1:
                yield f"outbox {row['id']} was applied {count} times to {key}"


def equal(user_symbols: Sequence[Row], watchers: Sequence[Row], users: set[UUID]) -> Iterator[str]:
    """B's active watchers are A's active rows, with the same strategy."""
    theirs = {_key(row): row["strategy"] for row in user_symbols if row["active"]}
    ours = {_key(row): row["strategy"] for row in watchers if row["active"] and row["user_id"] in users}
    for key in theirs.keys() - ours.keys():
        yield f"not mirrored: {key}"
    for key in ours.keys() - theirs.keys():
        yield f"watched in the mirror alone: {key}"
    for key in theirs.keys() & ours.keys():
        if theirs[key] != ours[key]:
            yield f"{key}: {ours[key]} in the mirror of {theirs[key]}"


def ordered(applied: Sequence[Row], *, strangers: set[UUID]) -> Iterator[str]:
    """A user's changes are applied in the order they were made; a watcher never goes back, whoever sent the event."""
    newest_of_user: dict[UUID, int] = {}
    newest_of_key: dict[tuple[Any, ...], int] = {}
    for row in applied:
        user_id, version = row["user_id"], row["version"]
        if user_id not in strangers and version < newest_of_user.get(user_id, 0):
            yield f"user {user_id}: version {version} after {newest_of_user[user_id]}"
        if version <= newest_of_key.get(_key(row), 0):
            yield f"{_key(row)}: version {version} after {newest_of_key[_key(row)]}"
        newest_of_user[user_id] = newest_of_key[_key(row)] = version


def shuffled(applied: Sequence[Row], told: dict[UUID, list[Shuffled]]) -> Iterator[str]:
    """Whatever the order in which a stranger's events came, the newest won, and `applied` was said of what was."""
    versions: dict[UUID, list[int]] = defaultdict(list)
    for row in applied:
        versions[row["user_id"]].append(row["version"])
    for user_id, events in told.items():
        newest = max((event.version for event in events if event.result is not None), default=0)
        # Reconcile may have come first: it unwatches for whoever has no such row, with a greater version than any event's.
        if max(versions[user_id], default=0) < newest:
            yield f"shuffled user {user_id}: version {newest} was lost"
        for event in events:
            if event.result == "applied" and event.version not in versions[user_id]:
                yield f"shuffled user {user_id}: version {event.version} is said to be applied and is not"


def replayed(replays: Iterable[Replayed]) -> Violations:
    """Nothing that arrived before changes anything, and no clock too far off is believed."""
    wrong: Violations = []
    for replay in replays:
        if replay.status == 0 or replay.status >= 500:
            continue
        is_inside = abs(replay.skew_seconds) <= AGE_SECONDS_MAX
        is_right = (
            replay.status == 200 and replay.result in ("duplicate", "stale")
            if is_inside
            else replay.status == 401
        )
        if not is_right:
            wrong.append(f"replay: {replay}")
    return wrong


# Money.


def balanced(accounts: Sequence[Row], entries: Sequence[Row]) -> Iterator[str]:
    sums: Counter[UUID] = Counter()
    for entry in entries:
        sums[entry["user_id"]] += entry["amount"]
        if entry["balance_after"] != sums[entry["user_id"]]:
            yield f"entry {entry['idempotency_key']}: says {entry['balance_after']} after {sums[entry['user_id']]}"
    for account in accounts:
        if account["balance"] != sums[account["user_id"]]:
            yield f"account {account['user_id']}: {account['balance']}, its entries are {sums[account['user_id']]}"
        if account["held"] != 0:
            yield f"account {account['user_id']}: {account['held']} credits are still set aside"


def held_once(holds: Sequence[Row], entries: Sequence[Row]) -> Iterator[str]:
    """Each charge belongs to exactly one settled hold, and each settled hold that cost something has its one charge."""
    charges = Counter(entry["idempotency_key"] for entry in entries if entry["kind"] == "charge")
    amounts = {entry["idempotency_key"]: -entry["amount"] for entry in entries if entry["kind"] == "charge"}
    for hold in holds:
        key = f"hold:{hold['id']}"
        times = charges.pop(key, 0)
        if hold["state"] == "held":
            yield f"hold {hold['id']} is still open"
        elif times != (1 if hold["charged"] else 0) or (times and amounts[key] != hold["charged"]):
            yield f"hold {hold['id']} {hold['state']} {hold['charged']}: charged {times} times"
    for key in charges:
        yield f"charge {key} belongs to no hold"


def answered_once(
    messages: Sequence[Row], holds: Sequence[Row], keys: Sequence[Row], questions: Sequence[Asked]
) -> Iterator[str]:
    """No bill without its answer, no answer without its bill, and one answer for a question however often it was asked."""
    answers = Counter(row["hold_id"] for row in messages if row["role"] == "assistant")
    for hold in holds:
        if answers.pop(hold["id"], 0) != (1 if hold["state"] == "settled" else 0):
            yield f"hold {hold['id']} is {hold['state']} and its answers do not fit"
    for hold_id in answers:
        yield f"an answer belongs to hold {hold_id}, which is nowhere"
    asked = Counter(row["content"] for row in messages if row["role"] == "user")
    for question, times in asked.items():
        if times > 1:
            yield f"answered {times} times: {question}"
    stored = {row["key"]: str(row["message_id"]) for row in keys if row["state"] == "done"}
    paid = {str(row["id"]): row["credits"] for row in messages}
    for told in questions:
        for message_id, credits in told.answers:
            if stored.get(f"chaos-{told.number}") != message_id:
                yield f"question {told.number}: answered with {message_id}, stored {stored.get(f'chaos-{told.number}')}"
            if paid.get(message_id) != credits:
                yield f"question {told.number}: told {credits} credits, stored {paid.get(message_id)}"


# Recovery.


def seconds_until(moments: Sequence[datetime], since: datetime) -> float | None:
    """How long it took until something happened again; None when it never did."""
    later = [moment for moment in moments if moment > since]
    return (min(later) - since).total_seconds() if later else None


def shown(violations: Violations) -> str:
    more = [f"… and {len(violations) - SHOWN_MAX} more"] if len(violations) > SHOWN_MAX else []
    return "\n".join([*violations[:SHOWN_MAX], *more])


def _key(row: Row) -> tuple[Any, ...]:
    return row["user_id"], row["symbol"], row["timeframe"]


def _text(row: Row) -> str:
    return json.dumps(dict(row), default=str)
