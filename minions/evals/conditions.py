"""The conditions that a column was asked under, kept beside its answers (``NAME.settings.json``).

They keep answers apart: an answer to another question, or one given with other settings, is never
scored together with the answers of this evaluation.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, ValidationError

from minions.batch.output import is_asked_again, recorded_in
from minions.errors import UsageError
from minions.store.private import replace_private
from minions.values.base import Value
from minions.wiring.lineup import Lineup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from minions.evals.columns import Column
    from minions.settings import Settings
    from minions.values.plans import Plan

# Settings that cannot change a finished answer (limits, endpoints, timeouts): not compared.
_CANNOT_CHANGE_AN_ANSWER: Final = frozenset(
    {
        "home",
        "local_only",
        "allow_remote_workers",
        "fetch_weights",
        "openai_api_key",
        "openai_base_url",
        "ollama_host",
        "max_cost",
        "max_cloud_tokens",
        "prices",
        "concurrency",
        "window",
        "threads",
        "cache",
        "rate_per_s",
        "attempts",
        "patience_s",
        "timeout_s",
        "connect_timeout_s",
        "first_token_timeout_s",
        "call_timeout_s",
        "retain_text",
    }
)
_PRIVATE: Final = ("redact_words", "redact_patterns")
_SETTINGS_OF_ONE_PROTOCOL: Final = {"rag_chunks": "rag", "max_turns": "minion"}
_MOST_IDS_NAMED = 3
_KEY_CHARACTERS = 16


class Conditions(Value):
    """The settings, questions and plans that one column was asked with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reading: str
    """The column's cache scope: a random name, so that each column pays for its own reading."""

    settings: dict[str, Any]
    """The settings that answers depend on."""

    questions: dict[str, tuple[str, str]]
    """By id: a hash of the question with its documents, and of its plan (empty without one)."""

    def changes_since(self, before: Conditions, kept: Collection[str]) -> str:
        """The differences that concern kept answers, in words; empty where there are none."""
        settings = []
        for name, value in self.settings.items():
            if name in before.settings and before.settings[name] != value:
                settings.append(f"{name} was {before.settings[name]}, and is {value}")
        if settings:
            return "; ".join(settings)
        both = [id_ for id_ in self.questions if id_ in kept and id_ in before.questions]
        for part, name in enumerate(("question", "plan")):
            changed = [
                id_ for id_ in both if before.questions[id_][part] != self.questions[id_][part]
            ]
            if changed:
                ids = ", ".join(changed[:_MOST_IDS_NAMED])
                if len(changed) > _MOST_IDS_NAMED:
                    ids += f" and {len(changed) - _MOST_IDS_NAMED} more"
                return f"the {name} of {ids} has changed"
        return ""


def settle(
    folder: Path,
    column: Column,
    settings: Settings,
    asked: Iterable[Mapping[str, Any]],
    plans: Mapping[str, Plan],
    *,
    retry_errors: bool,
) -> Conditions:
    """Work out a column's conditions, and compare them with the conditions of the kept answers.

    Raises UsageError where kept answers were asked under other conditions.
    """
    output = folder / f"{column.file}.jsonl"
    kept = set()
    for id_, kind in recorded_in(output).items():
        if not is_asked_again(kind, retry_errors=retry_errors):
            kept.add(id_)
    before = _read(_path(folder, column))
    reading = secrets.token_hex(8)
    if before is not None and output.exists():
        reading = before.reading
    now = Conditions(
        reading=reading,
        settings=_compared_settings(column, settings),
        questions=_hashed_questions(asked, plans),
    )
    if before is None or not kept:
        return now
    changes = now.changes_since(before, kept)
    if changes:
        raise UsageError(
            f"{output} holds answers that were asked under other conditions: {changes}",
            hint=f"name another folder with -o, or delete {output} to ask all questions again",
        )
    return now.model_copy(update={"questions": before.questions | now.questions})


def keep(folder: Path, column: Column, conditions: Conditions) -> None:
    """Write the conditions of a column atomically: the file is replaced whole, or not at all."""
    content = conditions.model_dump_json() + "\n"
    replace_private(_path(folder, column), content.encode())


def _path(folder: Path, column: Column) -> Path:
    return folder / f"{column.file}.settings.json"


def _read(path: Path) -> Conditions | None:
    try:
        return Conditions.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnicodeDecodeError):
        raise UsageError(
            f"{path} cannot be read, so the conditions of the answers beside it are unknown",
            hint=f"name another folder with -o, or delete {path} to accept the answers as they are",
        ) from None


def _compared_settings(column: Column, settings: Settings) -> dict[str, Any]:
    """The settings that answers depend on; models without their URL, which may hold credentials."""
    skipped = set(_CANNOT_CHANGE_AN_ANSWER)
    for name, protocol in _SETTINGS_OF_ONE_PROTOCOL.items():
        if protocol != column.protocol:
            skipped.add(name)
    compared = settings.model_dump(mode="json", exclude=skipped)
    for name in _PRIVATE:
        # The user's own words are not copied into the folder: a hash is enough to compare them.
        if compared[name]:
            compared[name] = _hash(json.dumps(compared[name]))
    lineup = Lineup.unchecked(settings)
    compared["planner"] = lineup.planner_name.partition("@")[0]
    compared["worker"] = lineup.worker_name.partition("@")[0]
    return compared


def _hashed_questions(
    asked: Iterable[Mapping[str, Any]], plans: Mapping[str, Plan]
) -> dict[str, tuple[str, str]]:
    questions = {}
    for question in asked:
        words = json.dumps([question["question"].strip(), list(question["documents"])])
        plan = plans.get(question["id"])
        plan_hash = ""
        if plan is not None:
            plan_hash = _hash(plan.model_dump_json())
        questions[question["id"]] = (_hash(words), plan_hash)
    return questions


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_KEY_CHARACTERS]
