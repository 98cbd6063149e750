"""Lock files hold pins and hashes, and no address of where a package, or its sponsor, was found."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ELSEWHERE = {"node_modules", ".venv", ".zmarty"}
LOCKS = [
    lock
    for pattern in ("*.lock", "*package-lock.json")
    for lock in sorted(REPOSITORY.rglob(pattern))
    if not ELSEWHERE & set(lock.relative_to(REPOSITORY).parts)
]


def test_there_are_locks_of_every_kind() -> None:
    assert {"requirements.lock", "deno.lock", "package-lock.json"} <= {lock.name for lock in LOCKS}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(REPOSITORY)))
def test_a_lock_holds_no_address(lock: Path) -> None:
    assert "://" not in lock.read_text()
