"""What commands share to print results, and to read a time."""

import json
import re
import sys
from typing import Any

_SPAN = re.compile(r"(\d+)\s*([mhdw])")

_HOURS = {"m": 1 / 60, "h": 1, "d": 24, "w": 168}


def print_body(body: bytes) -> None:
    """The bytes as they are, but to a terminal as text: they may hold what it takes for orders."""
    if sys.stdout.isatty():
        sys.stdout.write(body.decode("utf-8", "backslashreplace") + "\n")
    else:
        sys.stdout.buffer.write(body + b"\n")
    sys.stdout.flush()


def since_when(text: str | None, *, option: str = "--since") -> str | None:
    """``7d`` and the like as a UTC time in ISO 8601; a date or time as it is. Raises UsageError."""
    from datetime import UTC, datetime, timedelta

    from minions.errors import UsageError

    if text is None:
        return None
    try:
        if span := _SPAN.fullmatch(text.strip().lower()):
            then = datetime.now(UTC) - timedelta(hours=int(span[1]) * _HOURS[span[2]])
        else:  # a time without a zone is the reader's own
            then = datetime.fromisoformat(text.strip())
        return then.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text}: not a time", hint=f"{option} 7d, or a date: {option} 2026-01-31"
        ) from None


def write_lines(lines: list[str]) -> None:
    """Lines to stdout."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def write_json(value: Any) -> None:
    """One JSON value to stdout, in one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
