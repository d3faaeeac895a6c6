"""How much of each kind of test is done: a little in ``make test``, more in ``make test-full``.

``MINIONS_TEST_FULL=1`` chooses the full sizes; a variable of its own chooses any one of them. They are read when tests
are collected, before the environment is stripped.
"""

from __future__ import annotations

import os
from typing import Final

FULL: Final = os.environ.get("MINIONS_TEST_FULL", "") not in {"", "0"}


def size(variable: str, *, small: int, full: int) -> int:
    """The number that ``variable`` holds, and without it ``small`` or ``full``."""
    return int(os.environ.get(variable, full if FULL else small))
