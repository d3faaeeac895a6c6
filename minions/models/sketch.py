"""A JSON schema in one line of words, for servers that cannot be given the schema itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEEPEST = 6


def sketch(schema: Mapping[str, Any]) -> str:
    """The shape of the wanted JSON, e.g. ``{"answer": string or null, "lines": [integer, ...]}``."""
    return _sketch(schema, schema.get("$defs") or schema.get("definitions") or {}, _DEEPEST)


def _sketch(schema: Any, definitions: Mapping[str, Any], depth: int) -> str:  # noqa: PLR0911 - a table, one line a form
    if not isinstance(schema, dict) or depth == 0:
        return "any"
    if isinstance(reference := schema.get("$ref"), str):
        return _sketch(definitions.get(reference.rsplit("/", 1)[-1]), definitions, depth - 1)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_sketch(option, definitions, depth - 1) for option in schema[key]))
    if "enum" in schema:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    kinds = schema.get("type", "object" if "properties" in schema else "any")
    if isinstance(kinds, list):
        return " or ".join(_kind(kind, schema, definitions, depth) for kind in kinds)
    return _kind(kinds, schema, definitions, depth)


def _kind(kind: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> str:
    if kind == "object":
        fields = schema.get("properties", {}).items()
        shown = (
            f"{json.dumps(name, ensure_ascii=False)}: {_sketch(value, definitions, depth - 1)}"
            for name, value in fields
        )
        return "{" + ", ".join(shown) + "}"
    if kind == "array":
        return f"[{_sketch(schema.get('items'), definitions, depth - 1)}, ...]"
    return kind
