"""Timeouts of one attempt at a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.values.base import Value

if TYPE_CHECKING:
    import ssl


class Timeouts(Value):
    """Timeouts of one attempt, in seconds.

    The attempt raises UnreachableError past ``connect_s``, and DeadlineError past the others.
    """

    connect_s: float = 10.0
    """Seconds until the endpoint accepts the connection."""
    first_token_s: float = 600.0
    """Seconds until the first byte of the reply, and between two pieces of it.

    Replies are not streamed (docs/adr/0008), so the first byte comes when the model is done.
    """
    total_s: float = 900.0
    """Seconds for the whole attempt."""


def verification_for(url: str) -> ssl.SSLContext | bool:
    """Return the ``verify`` setting of an HTTP client for an endpoint.

    For https it is True: full verification. For plain http it is a context that trusts nobody,
    since loading the machine's certificates takes about 60 ms, which a local server does not need.
    """
    if not url.lower().startswith("http://"):
        return True
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
