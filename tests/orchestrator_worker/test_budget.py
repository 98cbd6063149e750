"""The worker's places: shared by priority, given on, never lost, and nobody waits for ever."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from orchestrator_worker.budget import Budget


class Queue:
    """Wants a place whenever it is called, as long as it has work."""

    def __init__(self, budget: Budget, name: str, priority: int, work: int) -> None:
        self.budget, self.name, self.work = budget, name, work
        self.running = 0
        budget.join(name, priority)

    def start(self) -> None:
        while self.work and self.budget.take(self.name, self.start):
            self.work -= 1
            self.running += 1
        if not self.work:
            self.budget.leave(self.name)

    def end(self) -> None:
        self.running -= 1
        self.budget.give_back()


def serve(queues: list[Queue], places: int) -> Counter[str]:
    served: Counter[str] = Counter()
    for _ in range(places):
        busiest = max(queues, key=lambda queue: queue.running)
        before = {queue.name: queue.work for queue in queues}
        busiest.end()
        served.update({queue.name: before[queue.name] - queue.work for queue in queues})
    return served


def test_each_step_of_priority_doubles_the_share() -> None:
    budget = Budget(2)
    queues = [Queue(budget, "high", 2, 10_000), Queue(budget, "low", 0, 10_000)]
    for queue in queues:
        queue.start()

    served = serve(queues, 1000)

    assert 3.5 <= served["high"] / served["low"] <= 4.5


def test_nobody_starves() -> None:
    budget = Budget(1)
    queues = [Queue(budget, "flood", 5, 10_000), Queue(budget, "trickle", 0, 5)]
    for queue in queues:
        queue.start()
    assert serve(queues, 200)["trickle"] == 5


def test_who_was_idle_has_saved_nothing_up() -> None:
    budget = Budget(2)
    early = Queue(budget, "early", 0, 1_000)
    late = Queue(budget, "late", 0, 1_000)
    early.start()
    serve([early], 500)

    late.start()

    served = serve([early, late], 100)
    assert 40 <= served["early"] <= 60


@given(
    places=st.integers(1, 5),
    work=st.lists(st.tuples(st.integers(-2, 3), st.integers(0, 12)), min_size=1, max_size=5),
)
def test_all_work_is_served_and_every_place_comes_back(places: int, work: list[tuple[int, int]]) -> None:
    budget = Budget(places)
    queues = [Queue(budget, str(number), priority, count) for number, (priority, count) in enumerate(work)]
    for queue in queues:
        queue.start()
        assert sum(each.running for each in queues) <= places
    while running := [queue for queue in queues if queue.running]:
        running[0].end()
        assert sum(each.running for each in queues) <= places
    assert sum(queue.work for queue in queues) == 0
    assert all(budget.take("0", lambda: None) for _ in range(places)), "every place came back"
