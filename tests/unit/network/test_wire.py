"""Adapters note their bytes, and refusals are found inside the errors of SDKs."""

from __future__ import annotations

import pytest

from minions.errors import EgressRefusedError
from minions.network.wire import capturing, note_request, refusal_within

REFUSAL = EgressRefusedError("a connection to 192.0.2.1 was refused")


def raised(
    error: Exception, *, cause: Exception | None = None, meanwhile: Exception | None = None
) -> Exception:
    """An error as Python chains it."""
    error.__cause__, error.__context__ = cause, meanwhile
    return error


@pytest.mark.parametrize(
    "error",
    [
        REFUSAL,
        raised(RuntimeError("connection error"), cause=REFUSAL),
        raised(RuntimeError("connection error"), meanwhile=raised(ValueError(), cause=REFUSAL)),
        ExceptionGroup(
            "tasks", [ValueError(), ExceptionGroup("more", [raised(OSError(), meanwhile=REFUSAL)])]
        ),
    ],
)
def test_a_refusal_is_found_however_it_is_wrapped(error: Exception) -> None:
    """By an SDK, by a pool of connections, by the task group of a happy-eyeballs race."""
    assert refusal_within(error) is REFUSAL


def test_other_trouble_is_no_refusal() -> None:
    """Also where errors point at each other in a circle."""
    first, second = ValueError(), OSError()
    first.__context__, second.__context__ = second, first
    assert refusal_within(first) is None
    assert refusal_within(ExceptionGroup("tasks", [first, second])) is None


def test_what_keeps_a_body_here_is_told_as_it_was() -> None:
    """Nothing counts as sent that was not let go, and the reason is not lost in what SDKs make of it."""
    full = OSError("disk full")

    def departing(_: bytes) -> None:
        raise full

    with capturing(departing) as exchange:
        with pytest.raises(OSError, match="disk full"):
            note_request(b"body")
        assert (exchange.bodies, exchange.refusal) == ([], full)
