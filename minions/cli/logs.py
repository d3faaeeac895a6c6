"""Logging, configured here and nowhere else: to stderr, warnings unless asked for more."""

import sys
from typing import Any

_LEVELS = ("warning", "info", "debug")


def configure_logging(*, verbose: int, quiet: bool) -> None:
    """Log to stderr from ``warning`` (``-v``: info, ``-vv``: debug) or, when quiet, errors only."""
    import structlog

    level = "error" if quiet else _LEVELS[min(verbose, len(_LEVELS) - 1)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_current_stderr,
        cache_logger_on_first_use=False,
    )


def _to_current_stderr(*_: Any) -> Any:
    """A logger for whatever stderr is now: a progress bar stands in for it while it is drawn."""
    import structlog

    return structlog.PrintLogger(file=sys.stderr)
