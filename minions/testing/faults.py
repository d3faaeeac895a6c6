"""Faults on the way to a model: each function makes one fault for a LoopbackServer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from minions.errors import (
    AuthenticationError,
    ContextOverflowError,
    DeadlineError,
    FormatUnsupportedError,
    MalformedReplyError,
    ModelError,
    ModelNotFoundError,
    RateLimitedError,
    ServerError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Fault:
    """One request's answer instead of a proper reply."""

    then: Literal["reply", "reset", "stall", "cut_off"] = "reply"
    """The end of the connection: ``reset`` and ``stall`` send nothing, ``cut_off`` half a reply."""
    status: int = 200
    """The HTTP status."""
    message: str = ""
    """The message in a body in the protocol's own form."""
    code: str | None = None
    """The error code in that body."""
    body: bytes | None = None
    """A body of any form, instead of one with ``message`` and ``code``."""
    headers: tuple[tuple[str, str], ...] = ()
    """Additional headers."""
    seconds: float = 0.0
    """The duration of a ``stall``."""


def rate_limited(retry_after: str | None = None) -> Fault:
    """429 Too Many Requests; ``retry_after`` is the header's value: seconds, or an HTTP date."""
    headers: tuple[tuple[str, str], ...] = ()
    if retry_after is not None:
        headers = (("Retry-After", retry_after),)
    return Fault(
        status=429, message="Rate limit reached", code="rate_limit_exceeded", headers=headers
    )


def out_of_quota() -> Fault:
    """429 for an account without credit."""
    return Fault(status=429, message="You exceeded your current quota", code="insufficient_quota")


def server_error(status: int = 500) -> Fault:
    """A server error, 5xx."""
    return Fault(status=status, message="The server had an error", code="server_error")


def loading() -> Fault:
    """503, as llama.cpp answers while it loads a model."""
    return Fault(status=503, message="Loading model", code="unavailable_error")


def wrong_key(shown: str = "") -> Fault:
    """401 Unauthorized; some servers show the key in the message, as ``shown`` does."""
    return Fault(status=401, message=f"Incorrect API key provided: {shown}", code="invalid_api_key")


def unknown_model() -> Fault:
    """404 for a model that is not served."""
    return Fault(status=404, message="model 'm' not found", code="model_not_found")


def too_long() -> Fault:
    """400, as llama.cpp answers a prompt that is longer than its context."""
    return Fault(
        status=400,
        message="the request exceeds the available context size",
        code="exceed_context_size_error",
    )


def refused(message: str = "Invalid value", code: str | None = "invalid_request_error") -> Fault:
    """400 with any message."""
    return Fault(status=400, message=message, code=code)


def moved(location: str) -> Fault:
    """307 Temporary Redirect to another URL."""
    return Fault(status=307, headers=(("Location", location),), message="moved")


def reset() -> Fault:
    """The connection is reset (RST) without a reply."""
    return Fault(then="reset")


def stall(seconds: float) -> Fault:
    """Nothing is sent for ``seconds``, or until the server stops; then the connection ends."""
    return Fault(then="stall", seconds=seconds)


def cut_off() -> Fault:
    """The reply breaks off in the middle."""
    return Fault(then="cut_off")


def garbage(body: bytes = b"<html>surprise</html>") -> Fault:
    """200 with a body that is not JSON of the protocol."""
    return Fault(body=body)


def storm(share: float, kinds: Sequence[Fault], *, seed: int) -> Callable[[int], Fault | None]:
    """Return a function for a server's ``faulty``: random faults of ``kinds`` at a given rate.

    ``share`` is the fraction of requests that fail. The same ``seed`` fails the same requests.
    """

    def faulty(number: int) -> Fault | None:
        chance = random.Random(f"{seed}.{number}")  # noqa: S311 - not a secret
        if chance.random() >= share:
            return None
        return chance.choice(kinds)

    return faulty


def of_error(error: ModelError) -> Fault:
    """Return the fault from which an adapter makes this error."""
    if isinstance(error, RateLimitedError):
        if error.retry_after_s is None:
            return rate_limited()
        return rate_limited(f"{error.retry_after_s:g}")
    return _FAULTS.get(type(error)) or refused(error.message)


_FAULTS: dict[type[ModelError], Fault] = {
    AuthenticationError: wrong_key(),
    ModelNotFoundError: unknown_model(),
    UnreachableError: reset(),
    ServerError: server_error(),
    DeadlineError: stall(60.0),
    MalformedReplyError: garbage(),
    ContextOverflowError: too_long(),
    FormatUnsupportedError: refused("response_format is not supported"),
}
