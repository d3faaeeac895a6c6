"""Ask questions of large local document sets.

A planner in the cloud never reads the documents; workers on this machine do.

    from minions import Minions

    minions = Minions(planner="openai:gpt-5.4", worker="ollama:llama3.2:3b")
    answer = minions.ask("What was net revenue?", "reports/")

Names load when first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minions._version import __version__

if TYPE_CHECKING:
    from minions.api import Minions
    from minions.errors import (
        BudgetExceededError,
        ConfigError,
        CorpusError,
        EgressRefusedError,
        MinionsError,
        ModelError,
        PlanError,
        UsageError,
    )
    from minions.ports import ChatModel, Planner, Worker
    from minions.settings import Settings
    from minions.values.answers import Answer
    from minions.values.events import Event
    from minions.values.findings import Citation, Finding

__all__ = [
    "Answer",
    "BudgetExceededError",
    "ChatModel",
    "Citation",
    "ConfigError",
    "CorpusError",
    "EgressRefusedError",
    "Event",
    "Finding",
    "Minions",
    "MinionsError",
    "ModelError",
    "PlanError",
    "Planner",
    "Settings",
    "UsageError",
    "Worker",
    "__version__",
]

_HOMES = {
    "Answer": "values.answers",
    "ChatModel": "ports",
    "Citation": "values.findings",
    "Event": "values.events",
    "Finding": "values.findings",
    "Minions": "api",
    "Planner": "ports",
    "Settings": "settings",
    "Worker": "ports",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'minions' has no attribute {name!r}")
    return getattr(import_module(f"minions.{_HOMES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
