"""What one auth server holds for as long as it runs."""

from dataclasses import dataclass, field
from pathlib import Path

from local_stack.auth_server.attempts import Attempts
from local_stack.auth_server.flows import Flows
from local_stack.auth_server.mailbox import Mailbox
from local_stack.auth_server.signing_keys import SigningKeys
from zmarty.postgres import Pool

WINDOW_SECONDS = 300.0


@dataclass(frozen=True)
class Limits:
    """Failures count, successes do not: a load test may sign in as often as it likes, a guesser may not."""

    failures_by_email: Attempts = field(default_factory=lambda: Attempts(10, WINDOW_SECONDS))
    failures_by_ip: Attempts = field(default_factory=lambda: Attempts(200, WINDOW_SECONDS))
    signups_by_ip: Attempts = field(default_factory=lambda: Attempts(5_000, WINDOW_SECONDS))
    mails_by_email: Attempts = field(default_factory=lambda: Attempts(10, WINDOW_SECONDS))


@dataclass(frozen=True)
class Rules:
    """The numbers of a Supabase project's auth settings, at their defaults."""

    token_seconds: int = 3600
    code_seconds: int = 3600
    reuse_seconds: float = 10.0


@dataclass(frozen=True)
class Resources:
    chat: Pool
    keys: SigningKeys
    mailbox: Mailbox
    public_url: str
    site_url: str
    publishable_key: str | None = field(default=None, repr=False)
    rules: Rules = Rules()
    limits: Limits = field(default_factory=Limits)
    flows: Flows = field(default_factory=Flows)

    @property
    def issuer(self) -> str:
        return f"{self.public_url}/auth/v1"


def key_file(home: Path) -> Path:
    return home / "auth_keys.json"


def mailbox_file(home: Path) -> Path:
    return home / "mailbox.jsonl"
