"""The public API is a reviewed list: changing it changes this file."""

from __future__ import annotations

import pytest

import minions

EXPORTED = """
Answer BudgetExceededError ChatModel Citation ConfigError CorpusError EgressRefusedError Event Finding Minions
MinionsError ModelError PlanError Planner Settings UsageError Worker __version__
""".split()  # noqa: SIM905 - a list to review by eye


def test_the_exported_names_are_these() -> None:
    """Nothing joins or leaves the public API unseen; the list is sorted and short."""
    assert minions.__all__ == EXPORTED == sorted(EXPORTED)
    assert len(EXPORTED) <= 30


@pytest.mark.parametrize("name", EXPORTED)
def test_each_name_can_be_used(name: str) -> None:
    """Lazy or not, every exported name is there."""
    assert getattr(minions, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A typing slip fails as Python users expect."""
    with pytest.raises(AttributeError, match="'Minoins'"):
        _ = minions.Minoins
