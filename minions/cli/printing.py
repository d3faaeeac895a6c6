"""Functions that print results, and one that reads a time."""

import json
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from minions.errors import UsageError

if TYPE_CHECKING:
    from minions.ledger.egress import Departure

_SPAN = re.compile(r"(\d+)\s*([mhdw])")
_HOURS = {"m": 1 / 60, "h": 1, "d": 24, "w": 168}


def write_lines(lines: Iterable[str]) -> None:
    """Write lines of text to stdout."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def write_notes(lines: Iterable[str]) -> None:
    """Write lines of text to stderr."""
    sys.stderr.writelines(f"{line}\n" for line in lines)


def write_json(value: Any) -> None:
    """Write one JSON value to stdout, on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def print_requests(requests: "Iterable[Departure]", *, quiet: bool) -> None:
    """Write the body of each request to stdout, byte for byte; on a terminal as text.

    A line on stderr says where each went, and its size, unless ``quiet``.
    """
    from minions.cli.render.tables import kinds_text

    for request in requests:
        if not quiet:
            end = ":"
            if request.body is None:
                end = "; the body was not stored, or has been deleted"
            size = f"{request.bytes:,} bytes{kinds_text(request.kinds)}"
            sys.stderr.write(f"to {request.endpoint}, {size}{end}\n")
            sys.stderr.flush()
        if request.body is None:
            continue
        if sys.stdout.isatty():  # which would obey escape sequences among the bytes
            sys.stdout.write(request.body.decode("utf-8", "backslashreplace") + "\n")
        else:
            sys.stdout.buffer.write(request.body + b"\n")
        sys.stdout.flush()


def since_when(text: str | None, *, option: str = "--since") -> str | None:
    """Turn a span of time before now (``7d``), or a date or time, into a UTC time in ISO 8601.

    A time without a zone is local time. Raises UsageError that names the option.
    """
    if text is None:
        return None
    given = text.strip()
    span = _SPAN.fullmatch(given.lower())
    try:
        if span is not None:
            hours = int(span[1]) * _HOURS[span[2]]
            then = datetime.now(UTC) - timedelta(hours=hours)
        else:
            then = datetime.fromisoformat(given)
        return then.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text}: not a time", hint=f"{option} 7d, or a date: {option} 2026-01-31"
        ) from None
