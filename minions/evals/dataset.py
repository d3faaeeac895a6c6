"""Data sets: questions with known answers, one JSON object a line, as public sets have them."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from minions.errors import UsageError
from minions.text.non_answer import says_nothing
from minions.values.base import Value

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["extractive", "abstractive", "numeric", "yesno", "multiple_choice", "list", "count"]
_SHAPE = (
    '{"id": "q1", "question": "...", "answer": "..." or [...], "kind": "extractive",'
    ' "documents": ["a.txt"]}'
)


class Evidence(Value):
    """The place of an answer: a document's file name, and a passage of its text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    document: str
    text: str = ""
    page: int | None = None


class Example(Value):
    """A question with its known answers."""

    id: str
    question: str

    answers: tuple[str, ...]
    """Accepted forms of one answer; for kind ``list``, the items of the answer."""

    kind: Kind
    choices: tuple[str, ...] = ()

    documents: tuple[str, ...] = ()
    """File names that the question is about; empty for all documents."""

    evidence: tuple[Evidence, ...] = ()

    unanswerable: bool = False
    """The documents do not hold the answer: the line is marked so, or all its answers say so."""


class _Line(Value):
    """A line of the file, as it was written."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answer: str | tuple[str, ...] | None = None
    kind: Kind = "extractive"
    choices: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unanswerable: bool = False

    @model_validator(mode="before")
    @classmethod
    def _numbers_as_text(cls, value: Any) -> Any:
        """Turn numbers and truth values into text, and treat null as a missing field."""
        if not isinstance(value, dict):
            return value
        fields = dict(value)
        for name in ("id", "answer", "choices"):
            given = fields.get(name)
            if isinstance(given, list):
                fields[name] = [_as_text(item) for item in given]
            else:
                fields[name] = _as_text(given)
        return {name: field for name, field in fields.items() if field is not None}

    @model_validator(mode="after")
    def _has_an_answer(self) -> _Line:
        if not self.answer and not self.unanswerable:
            raise ValueError("it has no answer, and is not marked unanswerable")
        return self

    def example(self) -> Example:
        """The question as the evaluation uses it."""
        kind = self.kind
        if isinstance(self.answer, str):
            answers: tuple[str, ...] = (self.answer,)
        else:
            answers = self.answer or ()
            stems = {PurePath(document).stem for document in self.documents}
            are_documents = all(PurePath(answer).stem in stems for answer in answers)
            if answers and len(self.documents) > 1 and are_documents:
                kind = "list"  # the answers are its items, not forms of one answer
        documents = self.documents
        if "*" in documents:
            documents = ()
        says_so = not self.choices and all(map(says_nothing, answers))
        return Example(
            id=self.id,
            question=self.question,
            answers=answers,
            kind=kind,
            choices=self.choices,
            documents=documents,
            evidence=self.evidence,
            unanswerable=self.unanswerable or says_so,
        )


def read_dataset(path: Path) -> list[Example]:
    """Read the questions of a file; blank lines are skipped.

    Raises UsageError for a file that cannot be read or holds no questions, for a line that is not a
    question, and for an id that is used twice.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {path}: {error}", hint=f"write one question a line, such as {_SHAPE}"
        ) from None
    examples: dict[str, Example] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            # Half a surrogate pair is not text: encoding it raises a ValueError.
            json.dumps(fields, ensure_ascii=False).encode()
            example = _Line.model_validate(fields).example()
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: {_first_problem(error)}",
                hint=f"write the line like {_SHAPE}",
            ) from None
        if example.id in examples:
            raise UsageError(f"{path}, line {number}: the id {example.id!r} is used twice")
        examples[example.id] = example
    if not examples:
        raise UsageError(
            f"{path} holds no questions", hint=f"write one question a line, such as {_SHAPE}"
        )
    return list(examples.values())


def _as_text(value: Any) -> Any:
    """A number or truth value as people would write it; anything else as it is."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float):
        return str(value)
    return value


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"])) or "the line"
        return f"{where}: {problem['msg']}"
    return str(error)
