"""Structured logs: JSON in production, columns at a terminal. Constant event names, identifiers instead of objects."""

import json as standard_json
import logging
import sys
from datetime import UTC, datetime

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def configure(service: str, *, json: bool, level: str = "info") -> None:
    """Set up structlog and the standard library's loggers for one process."""

    # One processor for what every line has: a worker writes thousands of lines a second, and each call counts.
    def stamp(_logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        event["level"] = level
        event["timestamp"] = datetime.now(UTC)
        event["service"] = service
        return event

    shared: list[Processor] = [structlog.contextvars.merge_contextvars, stamp]
    # Tracebacks without local variables: those hold tokens, keys and the words of users.
    endings: list[Processor] = (
        [structlog.processors.format_exc_info, render_json]
        if json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared, *endings],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries may warn, in the same form as we; at lower levels some of them print addresses with keys in them.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *endings],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def render_json(_logger: WrappedLogger, _level: str, event: EventDict) -> str:
    """One line. What is neither text nor number shows as Python writes it, and no line is lost for what it holds."""
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z).decode()
    except TypeError:
        # A number beyond 64 bits, half of a surrogate pair, a key that is no text.
        return standard_json.dumps(event, default=repr)
