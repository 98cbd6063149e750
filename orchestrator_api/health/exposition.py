"""The vitals as Prometheus metrics, beside the request counters of this process. Pure."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from orchestrator_api.health.labour import Labour
from orchestrator_api.health.traffic import Traffic
from orchestrator_api.health.vitals import Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(health: Health, traffic: Traffic) -> bytes:
    """Everything /metrics says. Gauges are made anew each time, so that a queue or worker that is gone vanishes."""
    registry = CollectorRegistry()
    up = Gauge("zmarty_up", "1 healthy, 0.5 degraded, 0 unavailable.", registry=registry)
    up.set({"healthy": 1, "degraded": 0.5, "unavailable": 0}[health.status])

    databases = Gauge("zmarty_database_up", "1 when the database answers.", ("database",), registry=registry)
    latencies = Gauge(
        "zmarty_database_latency_ms", "Time of one round trip.", ("database",), registry=registry
    )
    for name, database in health.databases.items():
        databases.labels(name).set(database.status == "healthy")
        latencies.labels(name).set(database.latency_ms or 0)

    depths = Gauge("zmarty_queue_depth", "Messages in the queue.", ("queue",), registry=registry)
    by_state = Gauge(
        "zmarty_queue_messages", "Messages in the queue by state.", ("queue", "state"), registry=registry
    )
    ages = Gauge(
        "zmarty_queue_oldest_age_seconds",
        "How long the oldest due message has been due.",
        ("queue",),
        registry=registry,
    )
    dead = Gauge("zmarty_queue_dead_letters", "Messages in the dead letters.", ("queue",), registry=registry)
    sent = Gauge("zmarty_queue_sent", "Messages ever sent.", ("queue",), registry=registry)
    sizes = Gauge("zmarty_queue_table_bytes", "Size of the queue's table.", ("queue",), registry=registry)
    bloat = Gauge("zmarty_queue_dead_rows", "Rows that vacuum has to clear.", ("queue",), registry=registry)
    paused = Gauge("zmarty_queue_paused", "1 while nothing is handed out.", ("queue",), registry=registry)
    for queue in health.queues:
        depths.labels(queue.name).set(queue.depth)
        ages.labels(queue.name).set(queue.oldest_age_seconds or 0)
        dead.labels(queue.name).set(queue.dead)
        for state, count in (
            ("due", queue.due),
            ("postponed", queue.postponed),
            ("in_flight", queue.in_flight),
        ):
            by_state.labels(queue.name, state).set(count)
        sent.labels(queue.name).set(queue.total)
        sizes.labels(queue.name).set(queue.table_bytes)
        bloat.labels(queue.name).set(queue.dead_tuples)
        paused.labels(queue.name).set(queue.paused_at is not None)

    beats = Gauge(
        "zmarty_worker_heartbeat_age_seconds", "Since the worker's last beat.", ("worker",), registry=registry
    )
    stalls = Gauge(
        "zmarty_worker_progress_age_seconds", "Since its loops went round.", ("worker",), registry=registry
    )
    for worker in health.workers:
        beats.labels(worker.worker_id).set(worker.beat_age_seconds)
        stalls.labels(worker.worker_id).set(worker.progress_age_seconds)

    registry.register(Labour(health.workers))

    runs = Gauge(
        "zmarty_cron_age_seconds", "Since the last run began.", ("database", "job"), registry=registry
    )
    for run in health.cron:
        if run.age_seconds is not None:
            runs.labels(run.database, run.job_name).set(run.age_seconds)

    providers = Gauge(
        "zmarty_provider_up", "1 when the newest probe succeeded.", ("provider",), registry=registry
    )
    for name, provider in health.providers.items():
        if provider.status in ("healthy", "down"):
            providers.labels(name).set(provider.status == "healthy")

    horizon = Gauge(
        "zmarty_horizon_age_seconds", "Of the transaction that holds vacuum back.", registry=registry
    )
    horizon.set(health.horizon_age_seconds or 0)

    if health.outbox is not None:
        pending = Gauge("zmarty_outbox_pending", "Changes not yet mirrored.", registry=registry)
        pending.set(health.outbox.pending)
        oldest = Gauge("zmarty_outbox_oldest_age_seconds", "Age of the oldest of them.", registry=registry)
        oldest.set(health.outbox.oldest_age_seconds or 0)
        parked = Gauge("zmarty_outbox_parked", "Changes refused for good.", registry=registry)
        parked.set(health.outbox.parked)
    return generate_latest(registry) + generate_latest(traffic.registry)
