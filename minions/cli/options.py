"""The options that commands share, each defined once, and their conversion to settings.

Typer reads annotations when the program starts, so this folder does not postpone their evaluation.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

_OFF_PREFIX = "no_"  # begins the names of options that turn a setting off
_NOT_SETTINGS = frozenset({"config", "quiet", "verbose"})

_R = TypeVar("_R")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of text.")]
Paths = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH", help="Files or folders to read.")
]
EventsTo = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|-",
        help="Append every event to a file, one JSON object per line; - is stdout.",
    ),
]
FilesFrom = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--files-from",
        metavar="FILE|-",
        help="Read more paths from a file, one path per line; - is stdin.",
    ),
]
RetryErrors = Annotated[
    bool, typer.Option("--retry-errors", help="Ask questions again that ended in an error.")
]
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's id or its first characters; 'last' is the newest run.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="Leave out what is older: 30m, 24h, 7d, 2w, or a date like 2026-01-31.",
    ),
]


@dataclass(frozen=True)
class Flags:
    """The values of the shared options.

    ``settings`` holds only options that were given, under the names of
    `minions.settings.Settings`.
    """

    settings: dict[str, Any]
    config: Path | None = None
    quiet: bool = False
    verbose: int = 0


def common(command: Callable[..., _R]) -> Callable[..., _R]:
    """Give a command the options that every command has; it receives them as ``flags``."""
    return _with_options(command, _everywhere)


def asking(command: Callable[..., _R]) -> Callable[..., _R]:
    """Give a command the options of a question as well as those that every command has."""
    return _with_options(command, _asking, _everywhere)


def _everywhere(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read settings from this file and no other."),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for everything that minions stores (MINIONS_HOME)."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print nothing but errors on stderr.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            count=True,
            show_default=False,
            help="Log more; -vv logs details for debugging.",
        ),
    ] = 0,
) -> None: ...


def _asking(  # noqa: PLR0913, PLR0917 - one parameter an option
    planner: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Model that plans and decides: PROVIDER:MODEL[@URL], or local: the worker.",
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Model that reads the documents: PROVIDER:MODEL[@URL]."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="minions|minion|local|rag|remote",
            help="How planner and worker share the work (default: minions).",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="strict|findings|open",
            help="How much of the documents may be sent to a cloud (default: findings).",
        ),
    ] = None,
    max_rounds: Annotated[
        int | None, typer.Option(metavar="N", help="Allow at most N rounds of tasks.")
    ] = None,
    max_turns: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="With --protocol minion: allow at most N messages to the worker.",
        ),
    ] = None,
    max_cost: Annotated[
        str | None,
        typer.Option(metavar="USD", help="Stop before the cloud costs more than this."),
    ] = None,
    max_cloud_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Stop before the cloud reads and writes more than N tokens."
        ),
    ] = None,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", help="Stop each question after this many seconds."
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(metavar="N", help="Run at most N worker jobs at once on each server."),
    ] = None,
    local_only: Annotated[
        bool | None,
        typer.Option("--local-only", help="Connect to nothing outside this machine."),
    ] = None,
    allow_remote_workers: Annotated[
        bool | None,
        typer.Option(
            "--allow-remote-workers",
            help="Allow workers on other machines to read the documents.",
        ),
    ] = None,
    max_egress: Annotated[
        int | None,
        typer.Option(
            metavar="BYTES", help="Send at most this much of the documents' text to a cloud."
        ),
    ] = None,
    no_redact: Annotated[
        bool | None,
        typer.Option(
            "--no-redact",
            help="Do not replace addresses, numbers and secrets before sending.",
        ),
    ] = None,
    redact_words: Annotated[
        list[str] | None,
        typer.Option(
            "--redact",
            metavar="WORD",
            help="Never send this word to a cloud; may be repeated.",
        ),
    ] = None,
    redact_patterns: Annotated[
        list[str] | None,
        typer.Option(
            "--redact-pattern",
            metavar="REGEX",
            help="Never send text that matches this; may be repeated.",
        ),
    ] = None,
    no_retain_text: Annotated[
        bool | None,
        typer.Option(
            "--no-retain-text",
            help="Store no quotes, answers or sent requests after the run.",
        ),
    ] = None,
    prices: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            metavar="MODEL=IN/OUT[/CACHED]",
            help="A model's price in US dollars per million tokens; may be repeated.",
        ),
    ] = None,
    chunk_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Split documents into chunks of at most N tokens."),
    ] = None,
    context_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Context size of the worker, in tokens."),
    ] = None,
    planner_output_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Longest reply of the planner, in tokens."),
    ] = None,
) -> None: ...


def _with_options(
    command: Callable[..., _R], *prototypes: Callable[..., None]
) -> Callable[..., _R]:
    """Add the parameters of the prototypes to a command, after its own."""
    own = dict(inspect.signature(command).parameters)
    del own["flags"]
    shared: list[inspect.Parameter] = []
    for prototype in prototypes:
        for parameter in inspect.signature(prototype).parameters.values():
            keyword_only = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            shared.append(keyword_only)

    @wraps(command)
    def called(**given: Any) -> _R:
        flags = _take_flags(given, shared)
        return command(**given, flags=flags)

    parameters = [*own.values(), *shared]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _take_flags(given: dict[str, Any], shared: Sequence[inspect.Parameter]) -> Flags:
    """Remove the shared options from a command's arguments, and gather those that were given."""
    settings: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for parameter in shared:
        name = parameter.name
        value = given.pop(name)
        if name in _NOT_SETTINGS:
            others[name] = value
        elif value is None or value == []:
            continue
        elif name.startswith(_OFF_PREFIX):
            settings[name.removeprefix(_OFF_PREFIX)] = not value
        else:
            settings[name] = value
    return Flags(settings, **others)
