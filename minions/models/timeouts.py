"""How long one attempt may take."""

from __future__ import annotations

from minions.values import Value


class Timeouts(Value):
    """Bounds of one attempt, in seconds.

    ``connect_s``: until the endpoint accepts. ``read_s``: between two pieces of the reply; replies are not streamed, so
    a slow model says nothing until it is done. ``total_s``: the whole attempt.
    """

    connect_s: float = 10.0
    read_s: float = 600.0
    total_s: float = 900.0
