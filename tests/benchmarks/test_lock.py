"""What benchmarks compare with is pinned apart from the product, and must not change what the product is tested with."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PEERS = REPOSITORY / "benchmarks" / "requirements.lock"
DEVELOPMENT = REPOSITORY / "requirements-dev.lock"
PIN = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)


def test_installing_peers_changes_no_version() -> None:
    peers, development = (dict(PIN.findall(lock.read_text())) for lock in (PEERS, DEVELOPMENT))

    assert {"pgqueuer", "procrastinate"} <= peers.keys()
    assert not {"pgqueuer", "procrastinate"} & development.keys()
    shared = peers.keys() & development.keys()
    assert {name: peers[name] for name in shared} == {name: development[name] for name in shared}


def test_every_peer_is_pinned_by_hash_and_without_an_address() -> None:
    text = PEERS.read_text()

    assert text.count("--hash=sha256:") >= len(PIN.findall(text))
    assert "://" not in text
