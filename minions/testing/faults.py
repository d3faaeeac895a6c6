"""What can go wrong on the way to a model, to order: each function makes one fault of a LoopbackServer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Fault:
    """How one request is answered instead of properly.

    ``status``, ``headers`` and ``body`` make the reply (``message`` and ``code`` a body in the protocol's own form);
    ``then`` says what happens to the connection: ``reset`` and ``stall`` send nothing at all, ``cut_off`` sends half.
    """

    then: Literal["reply", "reset", "stall", "cut_off"] = "reply"
    status: int = 200
    message: str = ""
    code: str | None = None
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0


def rate_limited(retry_after: str | None = None) -> Fault:
    """429; ``retry_after`` is the header's value: seconds, or an HTTP date."""
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return Fault(
        status=429, message="Rate limit reached", code="rate_limit_exceeded", headers=headers
    )


def out_of_quota() -> Fault:
    """429 of an account without credit."""
    return Fault(status=429, message="You exceeded your current quota", code="insufficient_quota")


def server_error(status: int = 500) -> Fault:
    """A 5xx."""
    return Fault(status=status, message="The server had an error", code="server_error")


def loading() -> Fault:
    """503, as llama.cpp answers while it loads a model."""
    return Fault(status=503, message="Loading model", code="unavailable_error")


def wrong_key(shown: str = "") -> Fault:
    """401; ``shown`` is a key that the message gives away, as some servers do."""
    return Fault(status=401, message=f"Incorrect API key provided: {shown}", code="invalid_api_key")


def unknown_model() -> Fault:
    """404 for a model that is not served."""
    return Fault(status=404, message="model 'm' not found", code="model_not_found")


def too_long() -> Fault:
    """400, as llama.cpp answers to a prompt longer than its context."""
    return Fault(
        status=400,
        message="the request exceeds the available context size",
        code="exceed_context_size_error",
    )


def refused(message: str = "Invalid value", code: str | None = "invalid_request_error") -> Fault:
    """400 with any message."""
    return Fault(status=400, message=message, code=code)


def moved(location: str) -> Fault:
    """307 to another place."""
    return Fault(status=307, headers=(("Location", location),), message="moved")


def reset() -> Fault:
    """The connection is reset (RST) without a reply."""
    return Fault(then="reset")


def stall(seconds: float) -> Fault:
    """Nothing is said for ``seconds`` (or until the server closes), then the connection ends."""
    return Fault(then="stall", seconds=seconds)


def cut_off() -> Fault:
    """The reply ends in its middle."""
    return Fault(then="cut_off")


def garbage(body: bytes = b"<html>surprise</html>") -> Fault:
    """200 with a body that is no JSON of the protocol."""
    return Fault(body=body)


def storm(share: float, kinds: Sequence[Fault], *, seed: int) -> Callable[[int], Fault | None]:
    """For a server's ``faulty``: about this ``share`` of all requests meets one of ``kinds``, the same numbers with the
    same ``seed``.
    """

    def faulty(number: int) -> Fault | None:
        chance = random.Random(f"{seed}.{number}")  # noqa: S311 - weather, no secret
        return chance.choice(kinds) if chance.random() < share else None

    return faulty
