"""The vitals as Prometheus metrics, beside the request counters of this process. Pure."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from orchestrator_api.health.traffic import Traffic
from orchestrator_api.health.vitals import Health, Worker

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
    ages = Gauge(
        "zmarty_queue_oldest_age_seconds", "Age of the oldest message.", ("queue",), registry=registry
    )
    dead = Gauge("zmarty_queue_dead_letters", "Messages in the dead letters.", ("queue",), registry=registry)
    for queue in health.queues:
        depths.labels(queue.name).set(queue.depth)
        ages.labels(queue.name).set(queue.oldest_age_seconds or 0)
        dead.labels(queue.name).set(queue.dead)

    beats = Gauge(
        "zmarty_worker_heartbeat_age_seconds", "Since the worker's last beat.", ("worker",), registry=registry
    )
    stalls = Gauge(
        "zmarty_worker_progress_age_seconds", "Since its loops went round.", ("worker",), registry=registry
    )
    for worker in health.workers:
        beats.labels(worker.worker_id).set(worker.beat_age_seconds)
        stalls.labels(worker.worker_id).set(worker.progress_age_seconds)

    endings = Gauge(
        "zmarty_worker_deliveries",
        "Deliveries since the worker's start.",
        ("worker", "queue", "ending"),
        registry=registry,
    )
    for worker in health.workers:
        for queue_name, ending, count in deliveries_of(worker):
            endings.labels(worker.worker_id, queue_name, ending).set(count)

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

    if health.outbox is not None:
        pending = Gauge("zmarty_outbox_pending", "Changes not yet mirrored.", registry=registry)
        pending.set(health.outbox.pending)
        oldest = Gauge("zmarty_outbox_oldest_age_seconds", "Age of the oldest of them.", registry=registry)
        oldest.set(health.outbox.oldest_age_seconds or 0)
        parked = Gauge("zmarty_outbox_parked", "Changes refused for good.", registry=registry)
        parked.set(health.outbox.parked)
    return generate_latest(registry) + generate_latest(traffic.registry)


def deliveries_of(worker: Worker) -> Iterator[tuple[str, str, float]]:
    """(queue, ending, count) from what the worker wrote with its heartbeat; a shape of another version is passed over."""
    for queue_name, numbers in worker.metrics.items():
        endings = numbers.get("endings") if isinstance(numbers, dict) else None
        for ending, count in (endings if isinstance(endings, dict) else {}).items():
            if isinstance(count, int | float):
                yield queue_name, ending, count
