"""Where one local system keeps everything: its folder, its secrets and where its clusters may live."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local_stack.process import server_account

LOGIN_ROLES = (
    "supabase_admin",
    "postgres",
    "authenticator",
    "supabase_auth_admin",
    "zmarty_api",
    "zmarty_worker",
)
CLUSTERS_ELSEWHERE = Path("/var/lib/zmarty")


@dataclass(frozen=True)
class Home:
    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        return cls(Path(os.environ.get("ZMARTY_HOME") or ".zmarty").expanduser().resolve())

    @property
    def key(self) -> str:
        """A short name of this home that is safe in paths and differs from every other home's."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:10]

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "supervisor.lock"

    @property
    def control_socket(self) -> Path:
        # Not inside the home: a socket's path may have no more than 107 bytes, a home's may.
        return self.sockets / "control"

    @property
    def server_sockets(self) -> Path:
        return self.sockets / "pg"

    @property
    def sockets(self) -> Path:
        return Path(tempfile.gettempdir()) / f"zmarty-{os.getuid()}-{self.key}"

    @property
    def clusters(self) -> Path:
        """Where the clusters really are; the server's account cannot follow a link out of a folder closed to it."""
        return (self.path / "clusters").resolve()

    def create(self) -> None:
        """Make the folders, and put the clusters where the account that runs Postgres can reach them."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        make_private(self.sockets)
        self.server_sockets.mkdir(exist_ok=True)
        give_to_server(self.server_sockets)
        if not self.clusters.exists() and not server_may_enter(self.path):
            link = self.path / "clusters"
            link.unlink(missing_ok=True)
            link.symlink_to(CLUSTERS_ELSEWHERE / self.key)
        self.clusters.mkdir(parents=True, exist_ok=True)
        give_to_server(self.clusters)

    def remove(self) -> None:
        """Delete the home and all it kept elsewhere; nothing of it may be running."""
        for folder in (self.clusters, self.sockets, self.path):
            shutil.rmtree(folder, ignore_errors=True)

    def secrets(self) -> Secrets:
        """The home's secrets, invented on the first call and the same ever after."""
        file = self.path / "secrets.json"
        try:
            return Secrets(**json.loads(file.read_text()))
        except FileNotFoundError:
            invented = Secrets.invent()
        # Written beside and renamed, so that a start cut short leaves no half-written secrets behind.
        draft = file.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"passwords": invented.passwords, "webhook": invented.webhook}, stream, indent=2)
        draft.rename(file)
        return invented


@dataclass(frozen=True, repr=False)
class Secrets:
    passwords: dict[str, str]
    webhook: str

    @classmethod
    def invent(cls) -> Secrets:
        passwords = {role: secrets.token_urlsafe(24) for role in LOGIN_ROLES}
        return cls(passwords, "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())


def make_private(folder: Path) -> None:
    """Make a folder under the shared temp folder that only we and the server's account can write to."""
    folder.mkdir(mode=0o711, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else; remove it or set TMPDIR")
    folder.chmod(0o711)


def server_may_enter(folder: Path) -> bool:
    account = server_account()
    if not account:
        return True
    return subprocess.run(["test", "-x", folder], check=False, timeout=10, **account).returncode == 0


def give_to_server(folder: Path) -> None:
    account = server_account()
    if account:
        shutil.chown(folder, account["user"], account["group"])
