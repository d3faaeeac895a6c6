"""How far the sockets of this process reach while a run is under way."""

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

    Without ``local_only`` it holds only where the process is the command's own: other code of
    this process has its own reasons to connect.
    """
    if local_only:
        return confined(Reach(limit="--local-only"))
    if not is_whole_process():
        return nullcontext()
    return confined(Reach(*hosts))


async def step_by_step(
    steps: AsyncGenerator[T], within: Callable[[], AbstractContextManager[None]]
) -> AsyncGenerator[T]:
    """Yield what ``steps`` yields, and take each step ``within`` a context of its own.

    What is done between two steps is the caller's business, outside that context.
    """
    async with aclosing(steps):
        while True:
            with within():
                try:
                    item = await anext(steps)
                except StopAsyncIteration:
                    return
            yield item
