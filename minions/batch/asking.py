"""Open a batch in a home folder, and answer its questions with a crew."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from minions.batch.driver import Driver
from minions.batch.session import opened
from minions.values.events import WarningEvent
from minions.wiring.confine import step_by_step, within_reach
from minions.wiring.lineup import Lineup, terms_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
    from pathlib import Path

    from minions.batch.items import BadLine, Item
    from minions.batch.session import Session
    from minions.home import Home, Paths
    from minions.settings import Settings
    from minions.stop_signal import Brake
    from minions.values.answers import Answer
    from minions.values.events import Observer
    from minions.values.plans import Plan

# A batch runs unattended: it waits longer for an endpoint that is down, and retries more often.
_PATIENCE: Final = {"patience_s": 3600.0, "attempts": 8}


def patience(set_by_user: Collection[str]) -> dict[str, Any]:
    """The defaults that differ in a batch, without the settings that the user set."""
    return {name: value for name, value in _PATIENCE.items() if name not in set_by_user}


@contextmanager
def session_in(
    home: Home,
    items: list[Item | BadLine],
    settings: Settings,
    observe: Observer | None,
    *,
    brake: Brake,
    output: Path | None,
    retry_errors: bool,
    cache_scope: str = "",
) -> Iterator[Session]:
    """Open a batch in a home folder. Raises UsageError, StoreError."""
    with home.store() as store:
        books = home.books(store, settings, observe, cache_scope=cache_scope)
        session = opened(
            items,
            store,
            books,
            brake=brake,
            retain_text=settings.retain_text,
            output=output,
            retry_errors=retry_errors,
        )
        with session as opened_session:
            yield opened_session


async def answers(
    home: Home,
    paths: Paths,
    session: Session,
    settings: Settings,
    plans: Mapping[str, Plan] | None = None,
) -> AsyncGenerator[Answer]:
    """The results of a batch, as they come. With no question left, nothing is read or loaded.

    Raises errors that every question would meet, and StoppedError after a graceful stop.
    """
    observe = session.record.books.observe
    observe(session.results.event())
    if not session.left:
        return
    lineup = Lineup.of(settings)
    within = partial(within_reach, lineup.hosts, local_only=settings.local_only)
    driven = _driven(home, paths, session, lineup, settings, plans)
    async with aclosing(step_by_step(driven, within)) as steps:
        async for answer in steps:
            yield answer


async def _driven(
    home: Home,
    paths: Paths,
    session: Session,
    lineup: Lineup,
    settings: Settings,
    plans: Mapping[str, Plan] | None,
) -> AsyncGenerator[Answer]:
    books = session.record.books
    async with home.at_work(paths, lineup, settings, books) as (corpus, crew):
        for note in crew.notes:
            books.observe(WarningEvent(message=note))
        terms = terms_of(lineup, settings)
        driver = Driver(session, corpus, crew, terms, window=settings.window, plans=plans)
        async with aclosing(driver.answers()) as results:
            async for answer in results:
                yield answer
