"""Logging, configured here and nowhere else: to stderr, warnings unless asked for more."""

import sys
from collections.abc import MutableMapping
from typing import Any

from minions.text.visible import visible

_LEVELS = ("warning", "info", "debug")


def configure_logging(*, verbose: int, quiet: bool) -> None:
    """Log to stderr from ``warning`` (``-v``: info, ``-vv``: debug) or, when quiet, errors only."""
    import structlog

    level = "error" if quiet else _LEVELS[min(verbose, len(_LEVELS) - 1)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _plain_retry,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
            _as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_current_stderr,
        cache_logger_on_first_use=False,
    )


def _plain_retry(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A retry in words; the library that retries names its own call and arguments."""
    if event.get("event") != "stamina.retry_scheduled":
        return event
    reason = str(event.get("caused_by"))
    kept = {key: value for key, value in event.items() if key in {"level", "timestamp"}}
    return {
        **kept,
        "event": "trying_again",
        "model": event.get("callable"),
        "in_s": event.get("wait_for"),
        "after": reason,
    }


def _as_text(_: Any, __: str, line: Any) -> str:
    """File names and what servers said may hold anything; in a log it is text."""
    return visible(str(line))


def _to_current_stderr(*_: Any) -> Any:
    """A logger for whatever stderr is now: a progress bar stands in for it while it is drawn."""
    import structlog

    return structlog.PrintLogger(file=sys.stderr)
