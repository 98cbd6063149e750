"""What must hold after a storm, whatever broke in it: nothing lost, nothing doubled, nothing reordered, all paid once."""

from tests.chaos.faults import FAULTS
from tests.chaos.storm import Aftermath
from tests.chaos.verdicts import shown


def test_every_kind_of_fault_struck(aftermath: Aftermath) -> None:
    done = {struck.kind for struck in aftermath.struck}

    assert done == set(FAULTS), aftermath.broken


def test_the_load_was_heavy_enough_to_mean_something(aftermath: Aftermath) -> None:
    said = aftermath.said

    assert sum(said.changes.values()) >= 3 * aftermath.strength.seconds
    assert len(said.jobs) >= aftermath.strength.seconds / 3
    assert sum(bool(question.answers) for question in said.questions) >= 5
    assert {replay.status for replay in said.replays} >= {200, 401}


def test_every_job_message_ends_exactly_once(aftermath: Aftermath) -> None:
    assert not aftermath.violations["endings"], shown(aftermath.violations["endings"])


def test_every_effect_is_there_exactly_once(aftermath: Aftermath) -> None:
    assert not aftermath.violations["effects"], shown(aftermath.violations["effects"])


def test_every_answered_change_is_kept(aftermath: Aftermath) -> None:
    assert not aftermath.violations["changes"], shown(aftermath.violations["changes"])


def test_the_mirror_equals_its_origin(aftermath: Aftermath) -> None:
    assert not aftermath.violations["mirror"], shown(aftermath.violations["mirror"])


def test_no_users_changes_are_reordered(aftermath: Aftermath) -> None:
    assert not aftermath.violations["order"], shown(aftermath.violations["order"])


def test_repeated_webhooks_change_nothing(aftermath: Aftermath) -> None:
    assert not aftermath.violations["replays"], shown(aftermath.violations["replays"])


def test_every_credit_is_accounted_for(aftermath: Aftermath) -> None:
    assert not aftermath.violations["credits"], shown(aftermath.violations["credits"])


def test_no_request_was_answered_strangely(aftermath: Aftermath) -> None:
    assert not aftermath.violations["answers"], shown(aftermath.violations["answers"])


def test_everything_is_well_again_in_time(aftermath: Aftermath) -> None:
    states = {name: service["state"] for name, service in aftermath.services.items()}

    assert aftermath.drained_seconds is not None, f"not drained; {states}"


def test_what_was_not_attacked_never_ended(aftermath: Aftermath) -> None:
    """A database that goes away takes no process with it."""
    restarts = {name: aftermath.services[name]["restarts"] for name in ("api", "auth", "simulators")}

    assert restarts == {"api": 0, "auth": 0, "simulators": 0}
