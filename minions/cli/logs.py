"""Logging, configured here and nowhere else: to stderr, warnings unless more is asked for."""

import sys
from collections.abc import MutableMapping
from typing import Any

from minions.text.visible import visible

_LEVELS = ("warning", "info", "debug")
_RETRY = "stamina.retry_scheduled"
_EVENT_TEXTS = {
    "closed_to_others": "access by other users of this machine removed",
    "digest_packed": "findings put together for the planner",
    "endpoint_changed": "server changed",
    "format_fallback": "server does not support the reply format, a simpler one is used",
    "moved": "request moved to another server",
    "readable_by_others": "other users of this machine can read this file: it keeps its mode",
}


def configure_logging(*, verbose: int, quiet: bool) -> None:
    """Log to stderr from ``warning`` on (``-v``: info, ``-vv``: debug); when quiet, only errors."""
    import structlog

    level = _LEVELS[min(verbose, len(_LEVELS) - 1)]
    if quiet:
        level = "error"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _in_words,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
            _as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Made anew for each line: while a progress bar is drawn it stands in for stderr.
        logger_factory=lambda *_: structlog.PrintLogger(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _in_words(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event's name in plain words for users; for a retry, its fields as well."""
    name = str(event.get("event"))
    if name == _RETRY:  # the library that retries would show its own call and arguments
        return {
            "event": "trying again",
            "model": event.get("callable"),
            "in_s": event.get("wait_for"),
            "after": str(event.get("caused_by")),
        }
    event["event"] = _EVENT_TEXTS.get(name, name.replace("_", " "))
    return event


def _as_text(_: Any, __: str, line: Any) -> str:
    """Escape control characters: file names and messages of servers may hold any."""
    return visible(str(line))
