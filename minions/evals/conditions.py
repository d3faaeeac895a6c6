"""What the answers of a column were asked with, kept beside them: an answer to another question, or with other
settings, is never scored as one of these.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, ValidationError

from minions.batch.output import is_asked_again, recorded_in
from minions.errors import UsageError
from minions.values.base import Value
from minions.wiring.lineup import choose_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from minions.evals.columns import Column
    from minions.settings import Settings
    from minions.values.plans import Plan

# What decides how long, how far and for how much is asked, from where; not what a question that ended is answered.
_NO_MATTER: Final = frozenset(
    {
        *(
            "home",
            "local_only",
            "allow_remote_workers",
            "fetch_weights",
            "openai_api_key",
            "openai_base_url",
        ),
        *(
            "ollama_host",
            "max_cost",
            "max_cloud_tokens",
            "prices",
            "concurrency",
            "window",
            "threads",
            "cache",
        ),
        *("rate_per_s", "attempts", "patience_s", "timeout_s", "retain_text"),
        *("connect_timeout_s", "first_token_timeout_s", "call_timeout_s"),
    }
)
_SECRET: Final = ("redact_words", "redact_patterns")
_OF_ONE: Final = {"rag_chunks": "rag", "max_turns": "minion"}
_SHOWN = 3
_KEY_CHARACTERS = 16


class Conditions(Value):
    """``settings`` as they were; of each question a hash of its words and documents, and one of its plan (empty:
    none). ``reading`` is what this column's workers found: others do not find it again, and pay for their own.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    reading: str
    settings: dict[str, Any]
    questions: dict[str, tuple[str, str]]


def settle(
    folder: Path,
    column: Column,
    settings: Settings,
    asked: Iterable[Mapping[str, Any]],
    plans: Mapping[str, Plan],
    *,
    retry_errors: bool,
) -> Conditions:
    """What a column is asked with from now on. Raises UsageError where answers that are kept were asked otherwise."""
    output = folder / f"{column.file}.jsonl"
    kept = {
        id_
        for id_, kind in recorded_in(output).items()
        if not is_asked_again(kind, retry_errors=retry_errors)
    }
    before = _read(_path(folder, column))
    now = Conditions(
        reading=before.reading if before is not None and output.exists() else secrets.token_hex(8),
        settings=_telling(column, settings),
        questions={one["id"]: (_hash(one), _plan_hash(plans.get(one["id"]))) for one in asked},
    )
    if before is None or not kept:
        return now
    if changed := _changes(before, now, kept):
        raise UsageError(
            f"{output}: answers are kept there, and since then {changed}",
            hint=f"name another folder with -o, or delete {output} to ask all of it anew",
        )
    return now.model_copy(update={"questions": before.questions | now.questions})


def keep(folder: Path, column: Column, conditions: Conditions) -> None:
    """Write them down, whole or not at all."""
    path = _path(folder, column)
    draft = path.with_suffix(".draft")
    draft.write_text(conditions.model_dump_json() + "\n", "utf-8")
    os.replace(draft, path)  # noqa: PTH105 - atomic, over what is there


def _path(folder: Path, column: Column) -> Path:
    return folder / f"{column.file}.settings.json"


def _read(path: Path) -> Conditions | None:
    try:
        return Conditions.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnicodeDecodeError):
        raise UsageError(
            f"{path} cannot be read: what the answers beside it were asked with is unknown",
            hint="name another folder with -o, or delete the file to take them as they are",
        ) from None


def _telling(column: Column, settings: Settings) -> dict[str, Any]:
    """The settings that answers depend on; models without their URL, which may hold credentials."""
    skipped = _NO_MATTER | {
        name for name, protocol in _OF_ONE.items() if protocol != column.protocol
    }
    planner, worker, _ = choose_models(settings)
    told = settings.model_dump(mode="json", exclude=set(skipped))
    told |= {name: _secret(told[name]) for name in _SECRET if told[name]}
    return told | {"planner": planner.partition("@")[0], "worker": worker.partition("@")[0]}


def _secret(words: list[str]) -> str:
    """The user's own words stay where the user wrote them: a digest tells whether they are the same."""
    return hashlib.sha256(json.dumps(words).encode("utf-8", "replace")).hexdigest()[
        :_KEY_CHARACTERS
    ]


def _changes(before: Conditions, now: Conditions, kept: set[str]) -> str:
    settings = [
        f"{name} was {before.settings[name]}, and is {value}"
        for name, value in now.settings.items()
        if name in before.settings and before.settings[name] != value
    ]
    if settings:
        return "; ".join(settings)
    both = [id_ for id_ in now.questions if id_ in kept and id_ in before.questions]
    for part, name in enumerate(("question", "plan")):
        changed = [id_ for id_ in both if before.questions[id_][part] != now.questions[id_][part]]
        if changed:
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            return f"the {name} has changed of {', '.join(changed[:_SHOWN])}{more}"
    return ""


def _hash(one: Mapping[str, Any]) -> str:
    words = json.dumps([one["question"].strip(), list(one["documents"])])
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:_KEY_CHARACTERS]


def _plan_hash(plan: Plan | None) -> str:
    return (
        ""
        if plan is None
        else hashlib.sha256(plan.model_dump_json().encode()).hexdigest()[:_KEY_CHARACTERS]
    )
