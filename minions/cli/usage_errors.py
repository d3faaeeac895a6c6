"""Errors of the command line, as typer raises them, in plain words."""

from __future__ import annotations

from typing import Any

_WHOLE_NUMBER = "not a whole number"
_REASONS = {
    "int_parsing": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_parsing": "not a number",
    "float_type": "not a number",
    "greater_than_equal": "less than {ge}",
    "less_than_equal": "more than {le}",
}


def is_usage_error(error: Exception) -> bool:
    """True for an error that typer raises for a wrong command line."""
    return hasattr(error, "format_message")


def usage_message(error: Any) -> str:
    """The error in plain words; in typer's own words if its kind is not known here."""
    parameter = getattr(error, "param", None)
    if parameter is not None:
        name = max(parameter.opts, key=len)
        if parameter.param_type_name == "argument":
            name = parameter.metavar or parameter.name
        if hasattr(error.__cause__, "errors"):
            return f"{name}{_reason(error.__cause__.errors()[0])}"
        return f"{name}: {_in_sentence(error.message)}" if error.message else f"{name} is missing"
    message = str(error.format_message())
    if message.startswith("No such option"):
        message = f"there is no option {error.option_name}"
        if error.possibilities:
            message += f" (similar ones: {', '.join(sorted(error.possibilities))})"
        return message
    return _in_sentence(message)


def command_path(error: Any) -> str:
    """The command that the user typed, for ``--help``: ``minions ask``."""
    context = getattr(error, "ctx", None)
    return "minions" if context is None else str(context.command_path)


def _reason(problem: Any) -> str:
    """The refused value and the reason in pydantic's error, as in `` 0: less than 1``."""
    reason = _REASONS.get(problem["type"])
    if reason is None:
        text = str(problem["msg"]).removeprefix("Value error, ").removesuffix(".")
        return f": {text}"
    return f" {problem['input']}: {reason.format(**problem.get('ctx', {}))}"


def _in_sentence(message: str) -> str:
    """Turn a sentence of typer's into the rest of a line: no capital letter, no full stop."""
    return message[:1].lower() + message[1:].removesuffix(".")
