"""Settings: a mistake is named together with its correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from minions.errors import ConfigError
from minions.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("max_rouns", "max_rounds"), ("Planer", "planner"), ("timeout", "timeout_s")],
)
def test_a_misspelled_name_is_answered_with_the_nearest_one(name: str, nearest: str) -> None:
    """A typing error needs no look into the documentation."""
    with pytest.raises(ConfigError) as refused:
        Settings.load({name: 3})
    assert refused.value.message == f"no setting is called {name!r}; did you mean {nearest!r}?"


def test_a_name_unlike_any_other_gets_no_suggestion() -> None:
    """A guess that cannot be right is not made."""
    with pytest.raises(ConfigError) as refused:
        Settings.load({"zzz": 3})
    assert refused.value.message == "no setting is called 'zzz'"
    assert "docs/settings.md" in str(refused.value.hint)


def test_a_misspelled_name_in_a_file_is_answered_the_same(tmp_path: Path) -> None:
    """Keywords and files are checked alike, and each problem is named."""
    config = tmp_path / "minions.toml"
    config.write_text("max_taks = 3\nmax_rounds = 99\n")
    with pytest.raises(ConfigError) as refused:
        Settings.load(config=config)
    assert "no setting is called 'max_taks'; did you mean 'max_tasks'?" in refused.value.message
    assert "setting max_rounds: " in refused.value.message
