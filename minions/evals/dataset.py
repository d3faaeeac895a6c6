"""Questions with known answers: a JSON object a line, as question-answering data sets have them."""

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


class Evidence(Value):
    """Where the answer stands: a document's file name, and a passage of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    document: str
    text: str = ""
    page: int | None = None


class Example(Value):
    """A question with its known answers.

    ``answers`` are accepted forms of one answer, or for kind ``list`` the items of it. ``documents`` are file names;
    none means all. ``unanswerable``: it is marked so, or its answer says so in words.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    kind: Kind
    choices: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unanswerable: bool = False


class _Line(Value):
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
    def _written_otherwise(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        told = dict(value)
        for name in ("id", "answer", "choices"):
            given = told.get(name)
            told[name] = (
                [_as_text(one) for one in given] if isinstance(given, list) else _as_text(given)
            )
        return {name: text for name, text in told.items() if text is not None}

    @model_validator(mode="after")
    def _has_an_answer(self) -> _Line:
        if not self.answer and not self.unanswerable:
            raise ValueError("it has no answer, and is not marked unanswerable")
        return self

    def example(self) -> Example:
        single = isinstance(self.answer, str)
        answers = (self.answer,) if isinstance(self.answer, str) else self.answer or ()
        return Example(
            id=self.id,
            question=self.question,
            answers=answers,
            kind="list" if not single and _names_documents(answers, self.documents) else self.kind,
            choices=self.choices,
            documents=() if "*" in self.documents else self.documents,
            evidence=self.evidence,
            unanswerable=self.unanswerable
            or (not self.choices and all(map(says_nothing, answers))),
        )


def read_dataset(path: Path) -> list[Example]:
    """The questions of a file. Raises UsageError for a file or line that is none, and for an id that comes twice."""
    shape = '{"id": "q1", "question": "...", "answer": "..." or [...], "kind": "extractive", "documents": ["a.txt"]}'
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {path}: {error}", hint=f"a line of it looks like {shape}"
        ) from None
    examples: dict[str, Example] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            json.dumps(
                told, ensure_ascii=False
            ).encode()  # half a surrogate pair is no text: a ValueError
            example = _Line.model_validate(told).example()
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: {_first(error)}", hint=f"a line looks like {shape}"
            ) from None
        if example.id in examples:
            raise UsageError(f"{path}, line {number}: the id {example.id!r} comes twice")
        examples[example.id] = example
    if not examples:
        raise UsageError(f"{path} holds no questions", hint=f"a line of it looks like {shape}")
    return list(examples.values())


def _as_text(value: Any) -> Any:
    """What was written as a number or a truth value, as people would write it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value) if isinstance(value, int | float) else value


def _names_documents(answers: tuple[str, ...], documents: tuple[str, ...]) -> bool:
    """Whether all answers are documents of the question: those of a list are its items, not other forms of one."""
    stems = {PurePath(document).stem for document in documents}
    return (
        len(documents) > 1
        and bool(answers)
        and all(PurePath(answer).stem in stems for answer in answers)
    )


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, problem['loc'])) or 'the line'}: {problem['msg']}"
    return str(error)
