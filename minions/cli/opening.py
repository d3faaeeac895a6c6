"""Settings and the store, for commands that only look at what is stored."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.cli.options import Flags
    from minions.settings import Settings
    from minions.store.store import Store


def settings_of(flags: Flags) -> Settings:
    """Configure logging, and load the settings of a command line. Raises ConfigError."""
    from minions.cli.logs import configure_logging
    from minions.settings import Settings

    configure_logging(verbose=flags.verbose, quiet=flags.quiet)
    return Settings.load(flags.settings, config=flags.config)


@contextmanager
def open_store(flags: Flags) -> Iterator[Store]:
    """Open the store in the home folder of a command line. Raises ConfigError, StoreError."""
    from minions.home import STORE_FILE
    from minions.store.store import Store

    with Store.open(settings_of(flags).home_folder() / STORE_FILE) as store:
        yield store
