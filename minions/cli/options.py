"""The options that commands share, each defined once, and how they become settings.

Typer reads annotations when the program starts, so this folder does not postpone their evaluation.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

_R = TypeVar("_R")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Paths = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH", help="Files or folders to read.")
]
EventsTo = Annotated[
    str | None,
    typer.Option(metavar="FILE|-", help="Append every event as a line of JSON; - is stdout."),
]
FilesFrom = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--files-from",
        metavar="FILE|-",
        help="Read more paths from a file, one a line; - is stdin.",
    ),
]


def _everywhere(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read settings from this file only.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep all state here (MINIONS_HOME).")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Nothing on stderr but errors.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "-v", "--verbose", count=True, show_default=False, help="Log more; -vv for debugging."
        ),
    ] = 0,
) -> None: ...


def _asking(  # noqa: PLR0913, PLR0917 - one parameter an option
    planner: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Planner: PROVIDER:MODEL[@URL] or local.")
    ] = None,
    worker: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Worker: PROVIDER:MODEL[@URL].")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="minions|minion|local|rag|remote", help="How to answer (default minions)."
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="strict|findings|open", help="What the cloud may see (default findings)."
        ),
    ] = None,
    max_rounds: Annotated[
        int | None, typer.Option(metavar="N", help="Rounds of tasks at most.")
    ] = None,
    max_turns: Annotated[
        int | None, typer.Option(metavar="N", help="Messages of protocol minion at most.")
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option(metavar="USD", help="Stop before the cloud costs more.")
    ] = None,
    max_cloud_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Stop before the cloud reads and writes more.")
    ] = None,
    timeout_s: Annotated[
        float | None,
        typer.Option("--timeout", metavar="S", help="Stop after so many seconds of asking."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", help="Jobs at the same time.")
    ] = None,
    local_only: Annotated[
        bool | None, typer.Option("--local-only", help="Connect to nothing beyond this machine.")
    ] = None,
    allow_remote_workers: Annotated[
        bool | None,
        typer.Option("--allow-remote-workers", help="Let workers read on other machines."),
    ] = None,
    max_egress: Annotated[
        int | None,
        typer.Option(metavar="BYTES", help="Send no more of the documents' text than this."),
    ] = None,
    no_redact: Annotated[
        bool | None,
        typer.Option("--no-redact", help="Send addresses, numbers and secrets as they are."),
    ] = None,
    redact_words: Annotated[
        list[str] | None,
        typer.Option("--redact", metavar="WORD", help="Keep this word here; may be repeated."),
    ] = None,
    redact_patterns: Annotated[
        list[str] | None,
        typer.Option(
            "--redact-pattern", metavar="REGEX", help="Keep what matches here; may be repeated."
        ),
    ] = None,
    no_retain_text: Annotated[
        bool | None,
        typer.Option("--no-retain-text", help="Keep no text of documents or answers afterwards."),
    ] = None,
    prices: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            metavar="MODEL=IN/OUT[/CACHED]",
            help="US dollars per million tokens; may be repeated.",
        ),
    ] = None,
    chunk_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens of a chunk at most.")
    ] = None,
    context_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Context of the worker.")
    ] = None,
    planner_output_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens of one planner reply at most.")
    ] = None,
) -> None: ...


_NOT = "no_"  # begins the options that turn a setting off
_SPEAKING = ("config", "quiet", "verbose")


@dataclass(frozen=True)
class Flags:
    """What the shared options said: ``settings`` are those given, by the names of `minions.settings.Settings`."""

    settings: dict[str, Any]
    config: Path | None = None
    quiet: bool = False
    verbose: int = 0


def common(command: Callable[..., _R]) -> Callable[..., _R]:
    """Give a command the options of all commands; it takes them as ``flags``."""
    return _with_options(command, _everywhere)


def asking(command: Callable[..., _R]) -> Callable[..., _R]:
    """Give a command the options of a question too."""
    return _with_options(command, _asking, _everywhere)


def _with_options(
    command: Callable[..., _R], *prototypes: Callable[..., None]
) -> Callable[..., _R]:
    own = [
        parameter
        for parameter in inspect.signature(command).parameters.values()
        if parameter.name != "flags"
    ]
    shared = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for prototype in prototypes
        for parameter in inspect.signature(prototype).parameters.values()
    ]

    @wraps(command)
    def called(**given: Any) -> _R:
        chosen = {parameter.name: given.pop(parameter.name) for parameter in shared}
        speaking = {name: chosen.pop(name) for name in _SPEAKING}
        given_settings = {
            name: value for name, value in chosen.items() if value is not None and value != []
        }
        settings = {
            name.removeprefix(_NOT): not value if name.startswith(_NOT) else value
            for name, value in given_settings.items()
        }
        return command(**given, flags=Flags(settings, **speaking))

    parameters = [*own, *shared]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or last.")
]

Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", help="Only since then: 30m, 24h, 7d, 2w, or a date like 2026-01-31."
    ),
]
