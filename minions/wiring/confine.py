"""How far the sockets of this process go while a run is under way."""

from __future__ import annotations

from contextlib import aclosing, nullcontext
from typing import TYPE_CHECKING, TypeVar

from minions.network.reach import Reach, confined, is_whole_process
from minions.network.reference import ModelRef
from minions.wiring.lineup import LOCAL, choose_models, hosts_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from contextlib import AbstractContextManager

    from minions.settings import Settings

T = TypeVar("T")


def within_reach(
    settings: Settings, *, models: Sequence[str] | None = None
) -> AbstractContextManager[None]:
    """Lets the block connect to this machine only with ``local_only``; in a command's process else to the hosts of
    ``models`` too (None: those that the settings choose). Raises ConfigError, EgressRefusedError.
    """
    if settings.local_only:
        return confined(Reach(limit="--local-only"))
    if not is_whole_process():  # other code of this process has its own reasons to connect
        return nullcontext()
    names = choose_models(settings)[:2] if models is None else models
    return confined(
        Reach(*hosts_of([ModelRef.parse(name) for name in names if name != LOCAL], settings))
    )


async def step_by_step(
    steps: AsyncGenerator[T], within: Callable[[], AbstractContextManager[None]]
) -> AsyncGenerator[T]:
    """What ``steps`` yields, each step taken ``within``: what is done between two steps is the caller's own."""
    async with aclosing(steps):
        while True:
            with within():
                try:
                    item = await anext(steps)
                except StopAsyncIteration:
                    return
            yield item
