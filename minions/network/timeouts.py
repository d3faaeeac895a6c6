"""How long one attempt may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.values.base import Value

if TYPE_CHECKING:
    import ssl


class Timeouts(Value):
    """Bounds of one attempt, in seconds; DeadlineError past the last two, UnreachableError past the first.

    ``connect_s``: until the endpoint accepts. ``first_token_s``: until the reply's first byte, and between two pieces
    of it. Replies are not streamed (docs/adr/0008): a model says nothing until it is done, so that the first byte comes
    with the last token. ``total_s``: the whole attempt.
    """

    connect_s: float = 10.0
    first_token_s: float = 600.0
    total_s: float = 900.0


def verification_for(url: str) -> ssl.SSLContext | bool:
    """The ``verify`` setting of an HTTP client: full for https. Plain http gets a context that trusts nobody.

    Loading the machine's certificates takes some 60 ms, which a server on this machine does not need.
    """
    if not url.lower().startswith("http://"):
        return True
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
