"""What must not change unseen: keys of what is stored, words that go to models, what other programs build on.

Every value is compared with the one in ``data/``. After a change that is meant, write them anew and review the diff:
``WRITE_GOLDEN=1 pytest tests/golden``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.golden import digests, folders, hashes, messages, parts, runs, surface

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).with_name("data")


def check(name: str, value: Any) -> None:
    """Compare a value with the golden one of this name, or write it down where that is asked for."""
    file = DATA / f"{name}.json"
    # Nine digits: the last ones of an exponential are not the same on every machine.
    now = json.loads(json.dumps(value), parse_float=lambda digits: round(float(digits), 9))
    if os.environ.get("WRITE_GOLDEN"):
        file.write_text(
            json.dumps(now, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8"
        )
    assert now == json.loads(file.read_text("utf-8"))


def test_what_workers_have_read_is_found_again() -> None:
    """After an upgrade nothing is read anew: the fingerprints in the cache's keys are the same."""
    check("fingerprints", hashes.fingerprints())


async def test_cached_results_are_found_and_understood() -> None:
    """Keys and values in the cache's table are those of earlier versions, alone and together, in a scope or not."""
    check("cache", await hashes.cached())


def test_a_resumed_batch_pays_for_no_reply_twice() -> None:
    """Requests have the keys under which earlier versions kept their replies."""
    check("requests", hashes.requests())


def test_documents_questions_and_verdicts_keep_their_names() -> None:
    """A document of the same bytes, a question without an id, a verdict of a judge: each is known again."""
    check("identities", hashes.identities())


def test_an_evaluation_goes_on_where_it_was(tmp_path: Path) -> None:
    """The settings that answers depend on, and the hashes of questions and plans, are compared as before."""
    check("conditions", hashes.conditions(tmp_path))


def test_no_index_or_store_is_built_anew() -> None:
    """Versions of reader, chunker, index and store rise only by decision: each rise reads or migrates all there is."""
    check("versions", hashes.versions())


def test_prompts_are_the_same_to_the_byte() -> None:
    """What was measured of the models was measured with these words."""
    check("prompts", hashes.prompts())


async def test_planners_send_the_same_words() -> None:
    """Every message and schema that a planner is sent, and what is made of its reply."""
    check("planners", await messages.planners())


async def test_workers_read_the_same_words() -> None:
    """Every look, extraction and judgement, and what is made of its reply."""
    check("extractor", await messages.extractor())


async def test_the_reader_of_a_chat_reads_the_same_words() -> None:
    """Many passages in one request, their lines numbered through."""
    check("reader", await messages.reader())


async def test_the_judge_is_sent_the_same_words() -> None:
    """Marks of two evaluations can be compared."""
    check("judge", await messages.judge())


def test_digests_are_written_the_same() -> None:
    """The lines that go up, in their order, under each policy: ids, places, disputes, counts, what is left out."""
    check("digests", digests.digests())


def test_documents_are_cut_in_the_same_places(tmp_path: Path) -> None:
    """Chunks keep their spans, headings and table headers: cached results are found by them."""
    check("chunks", folders.chunks(folders.lay_out(tmp_path / "folder")))


def test_searches_find_the_same_chunks_in_the_same_order(tmp_path: Path) -> None:
    """The index answers as before: words, phrases, prefixes, several queries as one."""
    check("search", folders.found(folders.lay_out(tmp_path / "folder"), tmp_path / "index.sqlite3"))


def test_databases_have_the_same_tables(tmp_path: Path) -> None:
    """Index and store of an earlier version are opened as they are."""
    folder = folders.lay_out(tmp_path / "folder")
    with (
        parts.Index.open(tmp_path / parts.INDEX_FILE) as index,
        parts.Store.open(tmp_path / parts.STORE_FILE),
    ):
        index.update([folder])
    check(
        "tables",
        {name: surface.tables(tmp_path / name) for name in (parts.INDEX_FILE, parts.STORE_FILE)},
    )


@pytest.mark.parametrize("protocol", runs.PROTOCOLS)
def test_a_question_takes_the_same_course(
    protocol: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Answer, events, bytes to the cloud and cached results of a whole run are the same under every protocol."""
    folders.lay_out(tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    check(f"run_{protocol}", runs.run(protocol, tmp_path / "home"))


def test_a_question_under_policy_strict_takes_the_same_course(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The cloud sees neither names nor lines, to the byte as before."""
    folders.lay_out(tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    check("run_strict", runs.run("minions", tmp_path / "home", policy="strict"))


def test_a_batch_writes_the_same_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Readers of a batch's output find each question's answer or error under the same id, in the same shape."""
    folders.lay_out(tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    check("batch", runs.batch(tmp_path / "home", tmp_path))


@pytest.mark.parametrize(
    "pinned",
    [
        surface.answer,
        surface.events,
        surface.errors,
        surface.settings,
        surface.exported,
        surface.commands,
    ],
)
def test_what_other_programs_build_on_stays(pinned: Callable[[], Any]) -> None:
    """Fields of answers and events, errors, settings, methods, commands and options: none goes, none changes."""
    check(pinned.__name__, pinned())


def test_every_ending_has_its_exit_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Scripts tell by the code how a question ended, whatever it raised or however it stopped."""
    monkeypatch.chdir(tmp_path)
    reasons = surface.answer()["properties"]["stop_reason"]["enum"]
    blank: dict[str, Any] = {"run_id": "r", "question": "q", "answer": None, "confidence": 0}
    endings: dict[str, Any] = {
        name: surface.make_error(kind) for name, kind in surface.error_classes().items()
    }
    endings |= {"KeyboardInterrupt": KeyboardInterrupt(), "RuntimeError": RuntimeError("a bug")}
    # An answer with the reason "error" is one of a batch: a single question raises what went wrong.
    endings |= {
        reason: parts.Answer(**blank, stop_reason=reason) for reason in reasons if reason != "error"
    }
    codes = {}
    for name, ending in endings.items():

        def ask(*_: Any, ending: Any = ending, **__: Any) -> Any:
            if isinstance(ending, BaseException):
                raise ending
            return ending

        monkeypatch.setattr(parts.Minions, "ask", ask)
        codes[name] = parts.execute(
            ["ask", "Why?", "folder", "--worker", "openai:w@http://127.0.0.1:1/v1"]
        )
    check("exit_codes", codes)
