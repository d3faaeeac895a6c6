"""Parse the JSON in a model's reply, even when it is fenced, broken, cut off or amid other text.

Constrained decoding should prevent all of that. These functions serve servers without it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from minions.errors import ReplyError

_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_MAX_DEPTH = 50
_MAX_CHARACTERS = 1_000_000
# Repairing the worst 4,000 characters takes seconds, and ten times as many take a hundred times as
# long. No model that is asked for a plan or a finding needs more.
_MAX_REPAIRED = 4_000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)


def parse_reply(text: str, *, cut_off: bool = False) -> dict[str, Any]:
    """Return the JSON object in a model's reply. Raises only ReplyError, if there is none.

    ``cut_off``: the reply did not end by itself. Half an object is worse than none, so only a
    complete object counts then.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ReplyError("the reply is far too long")
    bare = _THOUGHT.sub("", text).strip()
    value = _as_object(bare)
    if value is not None:
        return value
    fenced = _FENCE.search(bare)
    candidate = fenced.group(1) if fenced else bare
    value = _as_object(candidate)
    if value is not None:
        return value
    if cut_off:
        raise ReplyError("the reply was cut off")
    start = candidate.find("{")
    if start < 0:
        raise ReplyError("the reply holds no JSON object")
    return _repair(candidate[start:])


def _as_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict) or _is_too_deep(value):
        return None
    return value


def _is_too_deep(value: Any) -> bool:
    """Return whether walking the value could exhaust the stack.

    The JSON parser accepts more nesting than a recursive Python function can walk.
    """
    level = [value]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
    return bool(level)


def _repair(text: str) -> dict[str, Any]:
    """Return the object that broken JSON was probably meant to be. Raises ReplyError."""
    import json_repair

    if len(text) > _MAX_REPAIRED:
        raise ReplyError("the reply's JSON is broken, and too long to be repaired")
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError) as error:
        raise ReplyError("the reply's JSON cannot be repaired") from error
    if isinstance(value, list):
        objects = [item for item in value if isinstance(item, dict)]
        value = objects[0] if objects else None
    if not isinstance(value, dict) or not value or _is_too_deep(value):
        raise ReplyError("the reply's JSON is not an object")
    return value


def as_text(value: Any) -> str | None:
    """Turn any JSON value into a short text; None if it is empty.

    Booleans become yes or no, and lists and objects become enumerations. The text can be printed
    and stored: control characters become blanks, and half a surrogate pair becomes a question mark.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(as_texts(value))
    elif isinstance(value, dict):
        rows: list[str] = []
        for key, item in value.items():
            text = as_text(item)
            if text:
                rows.append(f"{key}: {text}")
        value = ", ".join(rows)
    printable = _CONTROLS.sub(" ", str(value))
    storable = printable.encode("utf-8", "replace").decode("utf-8")
    return " ".join(storable.split()) or None


def as_texts(value: Any) -> tuple[str, ...]:
    """Turn a list, a single value or None into texts; empty ones are left out."""
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    texts: list[str] = []
    for item in items:
        text = as_text(item)
        if text:
            texts.append(text)
    return tuple(texts)
