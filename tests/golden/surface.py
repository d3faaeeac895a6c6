"""What other programs build on: options, exit codes, errors, events, settings, the answer's fields, the tables."""

from __future__ import annotations

import inspect
import re
import sqlite3
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import typer

from tests.golden import parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import BaseModel

_WORDING = {"title", "description"}
_FLAGS = (
    "required",
    "multiple",
    "is_flag",
    "count",
    "hidden",
    "envvar",
    "nargs",
    "min",
    "max",
    "is_eager",
)


def schema_of(shape: type[BaseModel], mode: Any = "serialization") -> Any:
    """The JSON schema of a value without titles, descriptions and the names of its parts, which may change."""
    schema = shape.model_json_schema(mode=mode)
    definitions = schema.pop("$defs", {})

    def bare(node: Any, *, is_named: bool = False) -> Any:
        if isinstance(node, list):
            return [bare(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return bare({**definitions[node["$ref"].rpartition("/")[2]], **rest})
        # What stands below "properties" are names of fields, of which one may well be called title.
        kept = (
            node if is_named else {key: value for key, value in node.items() if key not in _WORDING}
        )
        return {
            key: bare(value, is_named=key == "properties" and not is_named)
            for key, value in kept.items()
        }

    return bare(schema)


def answer() -> Any:
    """The answer, as ``--json`` prints it."""
    return {
        **schema_of(parts.Answer),
        "order": list(parts.Answer.model_json_schema(mode="serialization")["properties"]),
    }


def events() -> dict[str, Any]:
    """Every kind of event and its fields; the answer in the last one is pinned by itself."""
    told = {}
    for shape in get_args(parts.events.Event):
        schema = schema_of(shape)
        if "answer" in schema["properties"]:
            schema["properties"]["answer"] = "the answer"
        told[schema["properties"]["kind"]["const"]] = schema
    return told


def error_classes() -> dict[str, type[BaseException]]:
    """All that is defined as an error of the package, by name."""
    defined = vars(parts.errors).items()
    return {
        name: one
        for name, one in defined
        if inspect.isclass(one) and issubclass(one, BaseException)
    }


def errors() -> dict[str, Any]:
    """The tree of errors: what each is a kind of, and the attributes that callers decide by."""
    told = {}
    for name, one in error_classes().items():
        own = sorted(set(dir(one)) - set(dir(Exception)))
        told[name] = {
            "kind of": [base.__name__ for base in one.__mro__[1:]],
            "of the class": {
                attribute: getattr(one, attribute) for attribute in own if attribute[0] != "_"
            },
            "of the error": sorted(vars(make_error(one))),
        }
    return told


def make_error(kind: type[Any]) -> Any:
    """An error of a kind, whatever it is built from."""
    if "unit" in inspect.signature(kind).parameters:
        return kind(unit="tokens", limit=1, spent=2, next_call=3)
    return (
        kind("path", "reason")
        if "reason" in inspect.signature(kind).parameters
        else kind("message", hint="hint")
    )


def settings() -> dict[str, Any]:
    """Every setting: its type and bounds, its default, and the names it has in the environment."""
    fields = parts.Settings.model_fields
    return {
        "defaults": {name: _plain(field.get_default()) for name, field in fields.items()},
        "aliases": {
            name: _plain(field.validation_alias)
            for name, field in fields.items()
            if field.validation_alias
        },
        "prefix": parts.Settings.model_config.get("env_prefix"),
        "schema": schema_of(parts.Settings, "validation")["properties"],
    }


def exported() -> dict[str, list[str]]:
    """The public names, and the methods of `Minions` with their parameters and defaults."""
    methods = {
        name: _parameters(method)
        for name, method in inspect.getmembers(parts.Minions, callable)
        if not name.startswith("_")
    }
    return {"names": list(parts.exported_names), **methods}


def _parameters(method: Callable[..., Any]) -> list[str]:
    plain = [
        one.replace(annotation=inspect.Parameter.empty)
        for one in inspect.signature(method).parameters.values()
    ]
    return [str(one) for one in plain]


def commands() -> dict[str, Any]:
    """Every command with its arguments and options; their help may be reworded."""
    told: dict[str, Any] = {}
    _describe(typer.main.get_command(parts.command_line), "minions", told)
    return told


def _describe(command: Any, name: str, told: dict[str, Any]) -> None:
    inner = getattr(command, "commands", {})
    told[name] = {
        "parameters": [_parameter(one) for one in command.params],
        "commands": sorted(inner),
        "runs without a command": bool(getattr(command, "invoke_without_command", False)),
    }
    for word, one in inner.items():
        _describe(one, f"{name} {word}", told)


def _parameter(one: Any) -> dict[str, Any]:
    told = {flag: _plain(getattr(one, flag, None)) for flag in _FLAGS}
    return {
        "kind": one.param_type_name,
        "names": [*one.opts, *one.secondary_opts],
        "type": _type_name(one.type_descriptor.annotation),
        "default": _plain(one.default),
        **{flag: value for flag, value in told.items() if value not in {None, False}},
    }


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) in {Union, UnionType}:
        return " | ".join(_type_name(part) for part in get_args(annotation))
    if arguments := get_args(annotation):
        return f"{get_origin(annotation).__name__}[{', '.join(_type_name(part) for part in arguments)}]"
    return getattr(annotation, "__name__", str(annotation))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "choices"):
        return list(value.choices)
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else str(value)


def tables(file: Path) -> dict[str, Any]:
    """What a database is made of: columns, keys, triggers and indexes in SQL, without comments and white space."""
    connection = sqlite3.connect(file)
    try:
        rows = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()
    made = {
        f"{kind} {name}": " ".join(re.sub(r"--[^\n]*", "", sql).split()) for kind, name, sql in rows
    }
    return {"version": version, "made": made}
