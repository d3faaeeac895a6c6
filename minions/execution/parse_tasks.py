"""Tasks as they are written, by a planner or by hand: read into values, whatever is wrong with them."""

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
    """The tasks in a list of objects, at most ``max_tasks``, and warnings of what was left out. What has no instruction
    is none, an unknown word becomes the default, texts and lists are cut to what is sensible, and judgements become a
    table.
    """
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    items = [item for item in items if as_text(item.get("instruction"))]
    warnings: tuple[str, ...] = ()
    if len(items) > max_tasks:
        warnings = (f"the planner gave {len(items)} tasks; the first {max_tasks} are run",)
    return tuple(_task(number, item) for number, item in enumerate(items[:max_tasks], 1)), warnings


def _task(number: int, item: dict[str, Any]) -> Task:
    options = _texts(item.get("options"), _MAX_OPTIONS, _MAX_OPTION)
    output = cast("Output", _one_of(item.get("output"), get_args(Output), "text"))
    task = Task(
        id=f"t{number}",
        instruction=_cut(as_text(item.get("instruction")) or "", _MAX_TEXT),
        output="text" if output == "category" and not options else output,
        options=options,
        documents=_texts(item.get("documents"), _MAX_DOCUMENTS, _MAX_PATTERN),
        search=_texts(item.get("search"), _MAX_PHRASES, _MAX_PHRASE),
        unit=cast("Unit", _one_of(item.get("unit"), get_args(Unit), "chunk")),
        reduce=cast("Reduce", _one_of(item.get("reduce"), get_args(Reduce), "collect")),
    )
    # Judgements are a table: of five hundred, the surest few would tell nothing of the others.
    return (
        task.model_copy(update={"reduce": "group"})
        if task.judges and task.reduce not in _TABLES
        else task
    )


def _texts(value: Any, most: int, characters: int) -> tuple[str, ...]:
    return tuple(_cut(text, characters).rstrip() for text in as_texts(value)[:most])


def _cut(text: str, characters: int) -> str:
    """At most so many characters of a text, and no part of a value that stays on the device: what is left of one would
    not be known for one when the task goes up again.
    """
    if len(text) <= characters:
        return text
    placeholders = current_placeholders()
    values = placeholders.values_in(text) if placeholders is not None else []
    return text[: next((start for start, end in values if start < characters < end), characters)]


def _one_of(value: Any, allowed: tuple[str, ...], default: str) -> str:
    return value if value in allowed else default
