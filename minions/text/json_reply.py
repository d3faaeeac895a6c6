"""What models emit all the same: JSON in fences, behind thoughts, cut off, with trailing words. One ladder for every
reply.

Constrained decoding comes first; this is for where it is missing or was cut off.
"""

from __future__ import annotations

import json
import re
from typing import Any

from minions.errors import ReplyError

_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_MAX_DEPTH = 50
_MAX_CHARACTERS = 1_000_000
# The repair takes seconds for the worst 4,000 characters, and a hundred times as long for ten times as many. No model
# that is asked for a plan or a finding needs them.
_MAX_REPAIRED = 4_000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)


def parse_reply(text: str, *, cut_off: bool = False) -> dict[str, Any]:
    """The JSON object in a model's reply. Raises ReplyError, and nothing else, when there is none.

    ``cut_off``: the reply did not end by itself, and half an object is worse than none: only a whole one counts.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ReplyError("the reply is far too long")
    bare = _THOUGHT.sub("", text).strip()
    if (value := _as_object(bare)) is not None:
        return value
    fenced = _FENCE.search(bare)
    candidate = fenced.group(1) if fenced else bare
    if (value := _as_object(candidate)) is not None:
        return value
    if cut_off:
        raise ReplyError("the reply was cut off")
    start = candidate.find("{")
    if start < 0:
        raise ReplyError("the reply holds no JSON object")
    return _repaired(candidate[start:])


def _as_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) and not _is_too_deep(value) else None


def _is_too_deep(value: Any) -> bool:
    """Whether walking the value could exhaust the stack: the JSON parser nests deeper than a Python function may."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return bool(level)


def _repaired(text: str) -> dict[str, Any]:
    import json_repair

    if len(text) > _MAX_REPAIRED:
        raise ReplyError("the reply's JSON is broken, and too long to be repaired")
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError) as error:
        raise ReplyError("the reply's JSON cannot be repaired") from error
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), None)
    if not isinstance(value, dict) or not value or _is_too_deep(value):
        raise ReplyError("the reply's JSON is not an object")
    return value


def as_text(value: Any) -> str | None:
    """A short text from whatever stands where one was asked for: numbers, booleans and lists become text, empty
    becomes None. It can be printed and stored: control characters become blanks, half a surrogate pair a question mark.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(text for item in value if (text := as_text(item)))
    elif isinstance(value, dict):
        value = ", ".join(
            f"{key}: {text}" for key, item in value.items() if (text := as_text(item))
        )
    text = " ".join(
        _CONTROLS.sub(" ", str(value)).encode("utf-8", "replace").decode("utf-8").split()
    )
    return text or None


def as_texts(value: Any) -> tuple[str, ...]:
    """A list of texts from a list, a single value, or nothing."""
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := as_text(item)))
