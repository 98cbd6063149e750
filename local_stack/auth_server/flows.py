"""PKCE: a link of a mail gives a code instead of tokens, and only the browser that asked for the mail can use that code.

GoTrue keeps these flows in a table; here they are kept in memory. A restart forgets them: a link that was mailed before
it then leads to `flow_state_not_found`, and the six digits of the same mail still work.
"""

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from local_stack.auth_server.refusals import (
    CodeVerifierWrong,
    FlowExpired,
    FlowNotFound,
    ValidationFailed,
)

# What a link's token begins with when a flow waits behind it.
PREFIX = "pkce_"
CHALLENGE_LENGTH_MIN = 43
CHALLENGE_LENGTH_MAX = 128
FLOWS_MAX = 10_000
CODE_SECONDS = 300.0


@dataclass(frozen=True)
class Challenge:
    """What the browser said when it asked: the hash of a secret that it keeps."""

    text: str = field(repr=False)
    method: str

    @classmethod
    def parse(cls, text: str, method: str) -> "Challenge | None":
        """Read both fields of a request; None when it has neither and therefore wants tokens."""
        if not text and not method:
            return None
        if not text or not method:
            raise ValidationFailed("PKCE flow requires code_challenge_method and code_challenge")
        if method.lower() not in {"s256", "plain"}:
            raise ValidationFailed(f'Unsupported code_challenge_method "{method[:20]}"')
        if not CHALLENGE_LENGTH_MIN <= len(text) <= CHALLENGE_LENGTH_MAX:
            raise ValidationFailed(
                f"code challenge has to be between {CHALLENGE_LENGTH_MIN} and {CHALLENGE_LENGTH_MAX} characters"
            )
        return cls(text, method.lower())

    def is_met_by(self, verifier: str) -> bool:
        told = verifier
        if self.method == "s256":
            digest = hashlib.sha256(verifier.encode()).digest()
            told = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return hmac.compare_digest(told.encode(), self.text.encode())


@dataclass(frozen=True)
class Flow:
    challenge: Challenge
    user_id: UUID | None = None
    code_issued_at: float | None = None


@dataclass
class Flows:
    """The flows that are open, in bounded memory; the oldest is forgotten first. Pure: the caller brings the time."""

    flows_max: int = FLOWS_MAX
    code_seconds: float = CODE_SECONDS
    _waiting: OrderedDict[str, Flow] = field(default_factory=OrderedDict, repr=False)
    _codes: OrderedDict[str, Flow] = field(default_factory=OrderedDict, repr=False)

    def begin(self, challenge: Challenge) -> str:
        """Open a flow for a mail; what its link is to carry before the token's hash."""
        key = secrets.token_hex(8)
        _keep(self._waiting, key, Flow(challenge), self.flows_max)
        return f"{PREFIX}{key}_"

    def take(self, token: str) -> Flow | None:
        """The flow behind a link's token, once."""
        return self._waiting.pop(_key(token), None)

    def issue_code(self, flow: Flow, user_id: UUID, *, now: float) -> str:
        code = str(uuid4())
        _keep(self._codes, code, replace(flow, user_id=user_id, code_issued_at=now), self.flows_max)
        return code

    def redeem(self, code: str, verifier: str, *, now: float) -> UUID:
        """Whose code it is. Raises FlowNotFound, FlowExpired and CodeVerifierWrong; a code is looked at once."""
        flow = self._codes.pop(code, None)
        if flow is None or flow.user_id is None or flow.code_issued_at is None:
            raise FlowNotFound
        if now - flow.code_issued_at > self.code_seconds:
            raise FlowExpired
        if not flow.challenge.is_met_by(verifier):
            raise CodeVerifierWrong
        return flow.user_id


def is_of_flow(token: str) -> bool:
    return token.startswith(PREFIX)


def hash_in(token: str) -> str:
    """The stored hash that a link's token carries."""
    return token.rpartition("_")[2] if is_of_flow(token) else token


def _key(token: str) -> str:
    return token.removeprefix(PREFIX).partition("_")[0]


def _keep(flows: OrderedDict[str, Flow], key: str, flow: Flow, flows_max: int) -> None:
    flows[key] = flow
    if len(flows) > flows_max:
        flows.popitem(last=False)
