"""Tasks as a planner or a person writes them, read into values; errors in them are repaired."""

from __future__ import annotations

from typing import Any, cast, get_args

from minions.redaction.placeholders import current_placeholders
from minions.text.json_reply import as_text, as_texts
from minions.values.plans import Output, Reduce, Task, Unit

_MAX_TEXT = 600  # characters of an instruction
_MAX_PHRASES = 8
_MAX_PHRASE = 200
_MAX_OPTIONS = 50
_MAX_OPTION = 100
_MAX_DOCUMENTS = 200
_MAX_PATTERN = 500
_TABLES = {"count", "group", "unique", "vote"}


def read_tasks(value: Any, max_tasks: int) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    """The tasks in a list of JSON objects, at most ``max_tasks``, and warnings of the omitted ones.

    An object without an instruction is dropped. An unknown word becomes the field's default, texts
    and lists are cut to a sensible length, and tasks that judge documents are reduced to a table.
    """
    items: list[dict[str, Any]] = []
    if isinstance(value, list):
        objects = [item for item in value if isinstance(item, dict)]
        items = [item for item in objects if as_text(item.get("instruction"))]
    warnings: tuple[str, ...] = ()
    if len(items) > max_tasks:
        warnings = (f"the planner gave {len(items)} tasks; the first {max_tasks} are run",)
    tasks = [_task(number, item) for number, item in enumerate(items[:max_tasks], 1)]
    return tuple(tasks), warnings


def _task(number: int, item: dict[str, Any]) -> Task:
    output = cast("Output", _one_of(item.get("output"), get_args(Output), "text"))
    options = _texts(item.get("options"), _MAX_OPTIONS, _MAX_OPTION)
    if output == "category" and not options:
        output = "text"
    task = Task(
        id=f"t{number}",
        instruction=_cut(as_text(item.get("instruction")) or "", _MAX_TEXT),
        output=output,
        options=options,
        documents=_texts(item.get("documents"), _MAX_DOCUMENTS, _MAX_PATTERN),
        search=_texts(item.get("search"), _MAX_PHRASES, _MAX_PHRASE),
        unit=cast("Unit", _one_of(item.get("unit"), get_args(Unit), "chunk")),
        reduce=cast("Reduce", _one_of(item.get("reduce"), get_args(Reduce), "collect")),
    )
    if task.judges and task.reduce not in _TABLES:
        # Of five hundred judgements, the few surest would say nothing about the others.
        return task.model_copy(update={"reduce": "group"})
    return task


def _texts(value: Any, most: int, characters: int) -> tuple[str, ...]:
    return tuple(_cut(text, characters).rstrip() for text in as_texts(value)[:most])


def _cut(text: str, characters: int) -> str:
    """The first characters of a text, without cutting a sensitive value in half.

    Half a value would not be recognised as sensitive when the task is sent again.
    """
    if len(text) <= characters:
        return text
    placeholders = current_placeholders()
    if placeholders is not None:
        for start, end in placeholders.values_in(text):
            if start < characters < end:
                return text[:start]
    return text[:characters]


def _one_of(value: Any, allowed: tuple[str, ...], default: str) -> str:
    if value in allowed:
        return cast("str", value)
    return default
