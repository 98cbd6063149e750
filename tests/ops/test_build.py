"""What Render installs is whole: the wheel carries every statement and page, and nothing of the local system."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("zmarty", "console", "orchestrator_api", "orchestrator_worker")
BUILD_SECONDS = 300


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The names in the wheel that the build command of render.yaml makes, from a copy: a build writes beside its sources."""
    copy = tmp_path_factory.mktemp("checkout")
    for package in (*PACKAGES, "local_stack", "tests"):
        shutil.copytree(REPOSITORY / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, copy)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            "out",
            ".",
        ],
        cwd=copy,
        check=True,
        capture_output=True,
        timeout=BUILD_SECONDS,
    )
    (built,) = (copy / "out").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return frozenset(archive.namelist())


@pytest.mark.timeout(BUILD_SECONDS)
def test_the_wheel_carries_every_file_of_the_packages(wheel: frozenset[str]) -> None:
    wanted = {
        str(file.relative_to(REPOSITORY))
        for package in PACKAGES
        for file in (REPOSITORY / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert any(name.endswith("queries.sql") for name in wanted)
    assert any("/pages/files/" in name for name in wanted)
    assert wanted - wheel == set()


@pytest.mark.timeout(BUILD_SECONDS)
def test_the_wheel_carries_nothing_else(wheel: frozenset[str]) -> None:
    packages = {name.split("/")[0] for name in wheel if ".dist-info/" not in name}

    assert packages == set(PACKAGES)


def test_the_build_backend_is_the_one_the_tests_use() -> None:
    pinned = pin_of("ops/requirements-build.lock")

    assert pinned
    assert pinned == pin_of("requirements-dev.lock")


def pin_of(lock: str) -> list[str]:
    return re.findall(r"^(setuptools==\S+)", (REPOSITORY / lock).read_text(encoding="utf-8"), re.MULTILINE)
