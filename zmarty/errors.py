"""Refusals that callers can name: each has an HTTP status, a stable code and a sentence for people."""

from typing import Any, ClassVar


class ZmartyError(Exception):
    """An expected refusal. `code` is stable, `message` says what to do next, `details` names fields and numbers."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class BodyMalformed(ZmartyError):
    status = 400
    code = "body_malformed"


class FieldInvalid(ZmartyError):
    """A field of a request breaks a rule; both are named."""

    status = 422
    code = "field_invalid"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}", field=field, rule=rule)


class SymbolUnsupported(ZmartyError):
    status = 422
    code = "symbol_unsupported"


class SymbolUnknown(ZmartyError):
    status = 404
    code = "symbol_unknown"


class NotFound(ZmartyError):
    status = 404
    code = "not_found"


class DatabaseUnavailable(ZmartyError):
    status = 503
    code = "database_unavailable"


class LeaseLost(Exception):
    """Another worker holds this message now; whatever we were about to write must not be written."""

    def __init__(self, queue: str, message_id: int) -> None:
        super().__init__(f"the lease of message {message_id} in {queue} was taken over")
        self.queue = queue
        self.message_id = message_id
