"""How long one attempt may take."""

from __future__ import annotations

from minions.values import Value


class Timeouts(Value):
    """Bounds of one attempt, in seconds; DeadlineError past the last two, UnreachableError past the first.

    ``connect_s``: until the endpoint accepts. ``first_token_s``: until the reply's first byte, and between two pieces
    of it. Replies are not streamed (docs/adr/0008): a model says nothing until it is done, so that the first byte comes
    with the last token. ``total_s``: the whole attempt.
    """

    connect_s: float = 10.0
    first_token_s: float = 600.0
    total_s: float = 900.0
