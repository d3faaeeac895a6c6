"""Plans and decisions, written by the planner: data with a JSON schema, never code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minions.values.base import Value

Output = Literal["text", "number", "date", "yes_no", "list", "category"]
Unit = Literal["chunk", "document"]
Reduce = Literal["collect", "unique", "count", "sum", "min", "max", "mean", "vote", "group"]


class Task(Value):
    """One atomic instruction, answerable from a single chunk."""

    id: str
    instruction: str
    output: Output = "text"
    """The type of each answer."""
    options: tuple[str, ...] = ()
    """The categories to choose from, for ``output="category"``."""
    documents: tuple[str, ...] = ()
    """The documents to read, as globs, names or ids; empty for all."""
    search: tuple[str, ...] = ()
    """Keyword phrases that select chunks from the index; empty to read every chunk."""
    unit: Unit = "chunk"
    """``document`` asks for one result for each document, reduced over its chunks."""
    reduce: Reduce = "collect"
    """The way the findings are combined on this device."""

    @property
    def judges(self) -> bool:
        """True if the task judges whole documents, by yes or no or by a category.

        Such an answer is in no single line, so there is nothing to search for.
        """
        return self.unit == "document" and self.output in {"yes_no", "category"}


class Plan(Value):
    """The tasks of one round."""

    tasks: tuple[Task, ...]
    warnings: tuple[str, ...] = ()
    """Sentences about parts of the planner's reply that were repaired or dropped."""
    by_user: bool = Field(default=False, exclude=True, repr=False)
    """True if a person wrote the plan.

    A person may name documents by paths and ids, too, which no planner sees.
    """


class Decision(Value):
    """The planner's reply to a digest: an answer, or tasks for the next round."""

    answer: str | None
    """The answer; None if the findings are not enough."""
    findings: tuple[str, ...] = ()
    """Ids of the findings that the answer rests on, as in the digest."""
    confidence: float = 0.0
    """The planner's confidence in its answer, in [0, 1]."""
    tasks: tuple[Task, ...] = ()
    """Tasks for the next round."""
    warnings: tuple[str, ...] = ()
    """Sentences about parts of the planner's reply that were repaired or dropped."""


class RoundGist(Value):
    """A summary of a finished round, which the planner sees in later rounds."""

    asked: tuple[str, ...]
    """Instructions of the round's tasks."""
    found: str
    """The summary of the round's findings in one line."""


class History(Value):
    """Summaries of earlier rounds, and the number of rounds left."""

    gists: tuple[RoundGist, ...] = ()
    rounds_left: int = 0
    """Rounds that may still be planned after this one."""
