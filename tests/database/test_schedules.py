"""What the schedules run: due ingests for distinct pairs, win rates, and bounded upkeep."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from zmarty.market import Symbol
from zmarty.messages import BackfillCandles
from zmarty.postgres import Pool


async def watch(trading: Pool, symbol: str, *, active: bool = True) -> None:
    await trading.execute(
        "insert into watchers (user_id, symbol, timeframe, active, version) values ($1, $2, '1h', $3, 1)",
        uuid4(),
        symbol,
        active,
    )


async def sent(trading: Pool, queue: str = "ingest_indicators") -> list[str]:
    rows = await trading.fetch(f"select message ->> 'symbol' as symbol from pgmq.q_{queue} order by 1")
    return [row["symbol"] for row in rows]


async def due(trading: Pool) -> int:
    return int(await trading.fetchval("select queueing.enqueue_due_ingests()"))


async def test_one_message_for_each_watched_pair(trading: Pool) -> None:
    for symbol in ("BTC/USDT", "BTC/USDT", "ETH/USDT"):
        await watch(trading, symbol)
    await watch(trading, "SOL/USDT", active=False)

    assert await due(trading) == 2
    assert await sent(trading) == ["BTC/USDT", "ETH/USDT"]


async def test_a_due_time_is_requested_once(trading: Pool) -> None:
    await watch(trading, "BTC/USDT")
    assert await due(trading) == 1
    await trading.execute("update pgmq.q_ingest_indicators set read_ct = 1")

    assert await due(trading) == 0, "the job runs; its pair is not requested again for the same due time"

    await trading.execute("update ingest_state set next_due_at = now() - interval '1 second'")
    assert await due(trading) == 1, "the next candle has closed"


async def test_a_request_that_got_lost_is_repeated(trading: Pool) -> None:
    await watch(trading, "BTC/USDT")
    await due(trading)
    await trading.execute("select pgmq.purge_queue('ingest_indicators')")

    assert await due(trading) == 0
    await trading.execute("update ingest_state set requested_at = now() - interval '16 minutes'")
    assert await due(trading) == 1


async def test_what_is_not_due_waits(trading: Pool) -> None:
    await watch(trading, "BTC/USDT")
    await trading.execute(
        "insert into ingest_state (symbol, timeframe, next_due_at) values ('BTC/USDT', '1h', now() + interval '1 minute')"
    )
    assert await due(trading) == 0


async def test_win_rates_are_asked_for_once_a_pair(trading: Pool) -> None:
    for symbol in ("BTC/USDT", "BTC/USDT", "ETH/USDT"):
        await watch(trading, symbol)
    assert await trading.fetchval("select queueing.enqueue_win_rates()") == 2
    assert await trading.fetchval("select queueing.enqueue_win_rates()") == 0, "coalesced while unread"
    assert await sent(trading, "compute_winrate") == ["BTC/USDT", "ETH/USDT"]


async def test_maps_and_risk_are_asked_for_once_a_symbol(trading: Pool) -> None:
    for symbol in ("BTC/USDT", "BTC/USDT", "ETH/USDT"):
        await watch(trading, symbol)
    await watch(trading, "SOL/USDT", active=False)
    for queue in ("ingest_clusters", "compute_risk"):
        assert await trading.fetchval("select queueing.enqueue_for_symbols($1)", queue) == 2
        assert await trading.fetchval("select queueing.enqueue_for_symbols($1)", queue) == 0
        assert await sent(trading, queue) == ["BTC/USDT", "ETH/USDT"]


async def test_old_maps_and_pushes_go(trading: Pool) -> None:
    await trading.execute(
        """
        insert into liq_clusters (symbol, source, observed_at, side, price, size)
        values ('BTC/USDT', 'pushed', now() - interval '91 days', 'above', 1, 'small'),
               ('BTC/USDT', 'pushed', now() - interval '89 days', 'above', 1, 'small')
        """
    )
    await trading.execute(
        """
        insert into cluster_pushes (id, symbol, observed_at, clusters, received_at)
        values ('old', 'BTC/USDT', now(), '[]', now() - interval '8 days'), ('new', 'BTC/USDT', now(), '[]', now())
        """
    )
    await trading.execute("select private.keep_up_clusters()")
    assert await trading.fetchval("select count(*) from liq_clusters") == 1
    assert await trading.fetchval("select array_agg(id) from cluster_pushes") == ["new"]


async def test_upkeep_prunes_what_is_old_and_keeps_the_rest(trading: Pool) -> None:
    for _ in range(2):
        await trading.execute(
            "select pgmq.archive('ingest_indicators', pgmq.send('ingest_indicators', '{}'))"
        )
    await trading.execute(
        "update pgmq.a_ingest_indicators set archived_at = now() - interval '15 days' where msg_id = 1"
    )
    await trading.execute("select private.keep_up()")
    await trading.execute("call queueing.keep_up()")
    assert await trading.fetchval("select array_agg(msg_id) from pgmq.a_ingest_indicators") == [2]


async def test_chat_upkeep_prunes_delivered_changes_only(chat: Pool) -> None:
    await chat.execute(
        """
        insert into outbox (user_id, payload, delivered_at, created_at)
        values (gen_random_uuid(), '{}', now() - interval '15 days', now() - interval '15 days'),
               (gen_random_uuid(), '{}', null, now() - interval '99 days')
        """
    )
    await chat.execute("select private.keep_up()")
    assert await chat.fetchval("select count(*) from outbox where delivered_at is null") == 1
    assert await chat.fetchval("select count(*) from outbox") == 1


async def test_the_schedules_exist(chat_api: Pool, trading_api: Pool) -> None:
    runs = "select job_name from private.recent_cron_runs(5) order by job_name"
    assert [row["job_name"] for row in await chat_api.fetch(runs)] == [
        "expire-grants",
        "expire-holds",
        "forget-agent-calls",
        "forget-answers",
        "forget-cached-answers",
        "forget-voice",
        "grant-monthly",
        "mirror-references",
        "prune-limits",
        "upkeep",
    ]
    assert [row["job_name"] for row in await trading_api.fetch(runs)] == [
        "enqueue-backfills",
        "enqueue-clusters",
        "enqueue-due-ingests",
        "enqueue-risk",
        "enqueue-win-rates",
        "forget-absences",
        "forget-analyses",
        "observe-market",
        "queue-upkeep",
        "reconcile",
        "refresh-instruments",
        "trim-events",
        "upkeep",
        "upkeep-clusters",
        "upkeep-context",
        "upkeep-intelligence",
        "upkeep-jobs",
        "upkeep-signals",
        "upkeep-simulations",
    ]


async def test_partitions_are_made_where_a_write_needs_them(trading_worker: Pool) -> None:
    opened_at = datetime(2019, 5, 31, 23, tzinfo=UTC)
    write = (
        "insert into candles (symbol, timeframe, opened_at, exchange, open, high, low, close, volume, source) "
        "values ('BTC/USDT', '1h', $1, 'binance', 1, 1, 1, 1, 0, 'exchange')"
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await trading_worker.execute(write, opened_at)

    ensure = "select partitions.ensure_candle_partitions($1, $2)"
    assert await trading_worker.fetchval(ensure, opened_at, opened_at + timedelta(hours=2)) == 2
    assert await trading_worker.fetchval(ensure, opened_at, opened_at + timedelta(hours=2)) == 0
    await trading_worker.execute(write, opened_at)
    await trading_worker.execute(write, opened_at + timedelta(hours=1))


async def test_an_absurd_range_of_partitions_is_refused(trading_worker: Pool) -> None:
    for first_at, last_at in ((2026, 2025), (1900, 2026)):
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await trading_worker.fetchval(
                "select partitions.ensure_candle_partitions($1, $2)",
                datetime(first_at, 1, 1, tzinfo=UTC),
                datetime(last_at, 1, 1, tzinfo=UTC),
            )


async def test_gaps_are_looked_for_in_what_is_watched_and_has_candles(trading: Pool) -> None:
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "EOS/USDT"):
        await watch(trading, symbol)
    await trading.execute("update instruments set active = false where symbol = 'EOS/USDT'")
    await trading.execute("select partitions.ensure_candle_partitions(now() - interval '3 years', now())")
    for symbol, age in (
        ("BTC/USDT", "30 days"),
        ("BTC/USDT", "1 day"),
        ("ETH/USDT", "3 years"),
        ("EOS/USDT", "1 day"),
    ):
        await trading.execute(
            """
            insert into candles (symbol, timeframe, exchange, source, opened_at, open, high, low, close, volume)
            values ($1, '1h', 'binance', 'test', date_trunc('hour', now()) - $2::text::interval, 1, 1, 1, 1, 1)
            """,
            symbol,
            age,
        )

    assert await trading.fetchval("select queueing.enqueue_backfills()") == 2
    assert await trading.fetchval("select queueing.enqueue_backfills()") == 0, "they still wait unread"

    rows = await trading.fetch("select message from pgmq.q_backfill_candles")
    since = {
        message.symbol: datetime.now(UTC) - message.since
        for message in (BackfillCandles.model_validate(row["message"]) for row in rows)
    }
    assert set(since) == {"BTC/USDT", "ETH/USDT"}
    assert timedelta(days=29) < since[Symbol("BTC/USDT")] < timedelta(days=31)
    assert since[Symbol("ETH/USDT")] < timedelta(days=402), "older gaps are filled by hand"


async def test_a_look_at_the_market_absorbs_the_next_one(trading: Pool) -> None:
    assert await trading.fetchval("select queueing.enqueue_observe_market()") is not None
    assert await trading.fetchval("select queueing.enqueue_observe_market()") is None


async def test_snapshots_of_two_weeks_ago_and_questions_of_last_month_go(trading: Pool) -> None:
    await trading.execute(
        """
        insert into market_snapshots (source, vendor, observed_at, data)
        select 'trend', 'cryptometer', now() - days * interval '1 day', '{}' from unnest(array[1, 13, 15, 40]) as days
        """
    )
    await trading.execute(
        """
        insert into context_readings (source, symbol, timeframe, due_at, asked_at)
        values ('whale_trades', 'BTC/USDT', '', now(), now()), ('whale_trades', 'OLD/USDT', '', now(), now() - interval '32 days')
        """
    )

    await trading.execute("select private.keep_up_context()")

    assert await trading.fetchval("select count(*) from market_snapshots") == 2
    assert await trading.fetchval("select array_agg(symbol) from context_readings") == ["BTC/USDT"]


async def test_signals_go_when_nothing_rests_on_them(trading: Pool) -> None:
    await trading.execute(
        """
        insert into signals
          (symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength, entry_price, verdict, expires_at)
        select symbol, '1h', now() - age * interval '1 day', 'blend-2', 'live', 'flat', 0, 1, 100, 'no_edge', now()
        from unnest(array['BTC/USDT', 'ETH/USDT']) as symbol, unnest(array[1, 2, 300, 500, 600]) as age"""
    )
    await trading.execute(
        """
        insert into win_rate
          (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin, n, n_effective, wins, losses, expired)
        select 'BTC/USDT', '1h', 'blend-2', 'all', horizon, 30, 'all', 0, 0, 0, 0, 0 from unnest(array['24h', '7d']) as horizon"""
    )

    assert await trading.fetchval("select private.keep_up_signals(5)") == 0, "few ones are kept, however old"
    assert await trading.fetchval("select private.keep_up_signals(1, '400 days', 1)") == 1, "in bounded steps"
    assert await trading.fetchval("select private.keep_up_signals(1)") == 1, (
        "young ones are kept, however many"
    )
    left = await trading.fetch("select symbol, count(*) from signals group by symbol order by symbol")
    assert [tuple(row) for row in left] == [("BTC/USDT", 3), ("ETH/USDT", 5)]


async def test_agent_calls_are_kept_for_a_day(chat: Pool) -> None:
    user = await chat.fetchval(
        "insert into auth.users (id, aud, role, email) values (gen_random_uuid(), 'authenticated', 'authenticated', 'a@example.com') returning id"
    )
    hold = await chat.fetchval("select hold_id from private.hold_credits($1, 1, 60)", user)
    await chat.execute(
        "insert into agent_calls (user_id, key, body_sha256, hold_id, created_at) values"
        " ($1, 'old', 'x', $2, now() - interval '25 hours'), ($1, 'new', 'x', $2, now())",
        user,
        hold,
    )

    assert await chat.fetchval("select private.forget_agent_calls()") == 1
    assert await chat.fetchval("select array_agg(key) from agent_calls") == ["new"]
