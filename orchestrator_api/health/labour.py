"""What workers wrote with their heartbeats, as Prometheus metrics. A shape of another version is passed over. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from orchestrator_api.health.vitals import Worker

LABELS = ("worker", "queue")
# Counters since the worker's start: the name of the metric, what it tells, and the number's name in the heartbeat.
COUNTERS = (
    ("zmarty_worker_retries", "Failed attempts that are tried again.", "retries"),
    ("zmarty_worker_leases_renewed", "Renewals of leases while work ran.", "leases_renewed"),
    ("zmarty_worker_leases_lost", "Leases that another worker took over.", "leases_lost"),
)
INFINITY = "+Inf"


class Labour(Collector):
    """The workers' numbers of one look. Registered for one exposition, so that a worker that is gone vanishes."""

    def __init__(self, workers: Iterable[Worker]) -> None:
        self._workers = tuple(workers)

    def collect(self) -> Iterator[Metric]:
        endings = GaugeMetricFamily(
            "zmarty_worker_deliveries", "Deliveries since the worker's start.", labels=(*LABELS, "ending")
        )
        in_flight = GaugeMetricFamily(
            "zmarty_worker_in_flight", "Messages the worker works on.", labels=LABELS
        )
        durations = HistogramMetricFamily(
            "zmarty_job_duration_seconds", "Time of one delivery, whatever its ending.", labels=LABELS
        )
        counters = {name: CounterMetricFamily(metric, told, labels=LABELS) for metric, told, name in COUNTERS}
        for worker_id, queue, numbers in numbers_of(self._workers):
            labels = (worker_id, queue)
            for ending, count in numbers_in(numbers.get("endings")):
                endings.add_metric((*labels, ending), count)
            if is_number(running := numbers.get("in_flight")):
                in_flight.add_metric(labels, running)
            for name, family in counters.items():
                if is_number(counted := numbers.get(name)):
                    family.add_metric(labels, counted)
            if buckets := buckets_of(numbers):
                durations.add_metric(labels, buckets, float(numbers.get("duration_ms_total") or 0) / 1000)
        yield from (endings, in_flight, durations, *counters.values())


def numbers_of(workers: Iterable[Worker]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for worker in workers:
        for queue, numbers in worker.metrics.items():
            if isinstance(numbers, dict):
                yield worker.worker_id, queue, numbers


def buckets_of(numbers: Mapping[str, Any]) -> list[tuple[str, float]]:
    """(upper bound in seconds, how many took at most that long), the endless one last; empty when it makes no sense."""
    told = dict(numbers_in(numbers.get("duration_buckets")))
    endless = told.pop(INFINITY, None)
    try:
        bounded = sorted((float(bound) / 1000, count) for bound, count in told.items())
    except ValueError:
        return []
    counts = [count for _, count in bounded]
    if endless is None or [*counts, endless] != sorted([*counts, endless]):
        return []
    return [*((f"{bound:g}", count) for bound, count in bounded), (INFINITY, endless)]


def numbers_in(told: object) -> Iterator[tuple[str, float]]:
    for name, number in (told if isinstance(told, dict) else {}).items():
        if is_number(number):
            yield name, number


def is_number(told: object) -> TypeGuard[float]:
    return isinstance(told, int | float) and not isinstance(told, bool)
