"""Limits on the connections of this process while a run is under way."""

from __future__ import annotations

from contextlib import aclosing, nullcontext
from typing import TYPE_CHECKING, TypeVar

from minions.network.reach import Reach, confined, is_whole_process

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection
    from contextlib import AbstractContextManager

T = TypeVar("T")


def within_reach(hosts: Collection[str] = (), *, local_only: bool) -> AbstractContextManager[None]:
    """Let the block connect to this machine and, unless ``local_only``, to ``hosts``.

    Without ``local_only``, the limit applies only in a command's own process: elsewhere, other code
    of the process may need other connections.
    """
    if local_only:
        return confined(Reach(limit="--local-only"))
    if not is_whole_process():
        return nullcontext()
    return confined(Reach(*hosts))


async def step_by_step(
    steps: AsyncGenerator[T], within: Callable[[], AbstractContextManager[None]]
) -> AsyncGenerator[T]:
    """Yield the values of ``steps``, and take each step ``within`` a context of its own.

    The caller's code between two steps runs outside that context.
    """
    async with aclosing(steps):
        while True:
            with within():
                try:
                    item = await anext(steps)
                except StopAsyncIteration:
                    return
            yield item
