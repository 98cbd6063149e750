"""ops/build_web.sh builds the app with the machine's Node where it is new enough, else with the pinned one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SECONDS_MAX = 20


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "ops").mkdir()
    (tmp_path / "web" / "node_modules").mkdir(parents=True)
    shutil.copy(REPOSITORY / "ops" / "build_web.sh", tmp_path / "ops")
    return tmp_path


def program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def build(checkout: Path, *, node_is_new: bool) -> list[str]:
    """What the script ran, line by line."""
    log, tools, wheel = checkout / "log", checkout / "tools", checkout / "wheel"
    program(tools, "node", f"exit {0 if node_is_new else 1}")
    program(tools, "npm", f'echo "npm $*" >> {log}')
    # `python -c` tells where the wheel is; its Node runs npm's script.
    program(tools, "python", f'echo "python $*" >> {log}; [ "$1" = -c ] && echo {wheel} || true')
    program(wheel / "bin", "node", f'shift; echo "pinned npm $*" >> {log}')
    subprocess.run(
        ["/bin/bash", str(checkout / "ops" / "build_web.sh")],
        env={"PATH": f"{tools}:{os.defpath}"},
        check=True,
        capture_output=True,
        timeout=SECONDS_MAX,
    )
    return log.read_text().splitlines()


def test_a_new_node_is_used_as_it_is(checkout: Path) -> None:
    assert build(checkout, node_is_new=True) == [
        "npm ci --include=dev --no-audit --no-fund",
        "npm run build",
    ]
    assert not (checkout / "web" / "node_modules").exists()


def test_without_one_the_pinned_one_is_installed(checkout: Path) -> None:
    install, ask, *built = build(checkout, node_is_new=False)

    assert install.endswith("--require-hashes -r local_stack/requirements-node.lock")
    assert ask.startswith("python -c")
    assert built == ["pinned npm ci --include=dev --no-audit --no-fund", "pinned npm run build"]
    assert (REPOSITORY / "local_stack" / "requirements-node.lock").is_file()
