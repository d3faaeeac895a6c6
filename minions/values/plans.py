"""Plans and decisions: what the planner writes. Data with a JSON schema, never code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minions.values.base import Value

Output = Literal["text", "number", "date", "yes_no", "list", "category"]
Unit = Literal["chunk", "document"]
Reduce = Literal["collect", "unique", "count", "sum", "min", "max", "mean", "vote", "group"]


class Task(Value):
    """One atomic instruction, answerable from a single chunk.

    ``documents``: globs, names or ids, empty for all. ``search``: keyword phrases for the index; empty to read every
    chunk in scope. ``unit``: ``document`` asks for one result a document, reduced over its chunks. ``options``: the
    categories.
    """

    id: str
    instruction: str
    output: Output = "text"
    options: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    unit: Unit = "chunk"
    reduce: Reduce = "collect"

    @property
    def judges(self) -> bool:
        """Whether it judges whole documents: the answer stands in no single line, so there is nothing to look for."""
        return self.unit == "document" and self.output in {"yes_no", "category"}


class Plan(Value):
    """The tasks of one round; ``warnings`` tell what of the planner's reply was mended or dropped.

    ``by_user``: a person wrote it, who may name documents by paths and ids, too, which no planner is shown.
    """

    tasks: tuple[Task, ...]
    warnings: tuple[str, ...] = ()
    by_user: bool = Field(default=False, exclude=True, repr=False)


class Decision(Value):
    """The planner's verdict on a digest: an answer that rests on findings, or tasks for the next round.

    ``answer`` is None when the findings do not suffice. ``findings`` are ids as they stand in the digest.
    ``confidence`` is in [0, 1].
    """

    answer: str | None
    findings: tuple[str, ...] = ()
    confidence: float = 0.0
    tasks: tuple[Task, ...] = ()
    warnings: tuple[str, ...] = ()


class RoundGist(Value):
    """A finished round in compressed form: the scratchpad that later rounds see."""

    asked: tuple[str, ...]
    found: str


class History(Value):
    """What earlier rounds asked and found, and how many rounds may still be planned after this one."""

    gists: tuple[RoundGist, ...] = ()
    rounds_left: int = 0
