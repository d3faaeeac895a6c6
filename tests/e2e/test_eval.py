"""Evaluating, as a user does it: the table, the files it leaves, and going on where it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import LoopbackServer

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = "How tall is the lighthouse at Skerrow?"
HEIGHT = {
    "id": "height",
    "question": QUESTION,
    "answer": ["41 metres", "41 m"],
    "documents": ["guide.md"],
}
BUILDER = {
    "id": "builder",
    "question": "Who built the lighthouse at Skerrow?",
    "answer": "Anna Reid",
}
SAID = "The lighthouse at Skerrow is 41 metres tall."


@pytest.fixture
def dataset(minions: Any, guide: Path) -> Path:
    """Two questions, of which the planner of these tests answers the first alone."""
    assert guide.is_dir()
    return write(minions, HEIGHT, BUILDER)


def write(minions: Any, *lines: dict[str, Any]) -> Path:
    """A data set with these lines."""
    path: Path = minions.write("lights.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_table_says_how_good_and_at_what_cost(minions: Any, dataset: Path, crew: Any) -> None:
    """A row a protocol, and for each what was not answered right, with what was expected; the rest is on stderr."""
    how = ("--docs", "docs", *crew, "--policy", "open", "--protocol", "minions,rag")
    ended = minions("eval", dataset.name, *how)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == "lights.jsonl: 2 questions over 2 documents"
    assert lines[1].startswith("planner openai:planner, worker openai:reader")
    rows = {line.split()[0]: line for line in lines[3:6]}
    assert list(rows) == ["protocol", "minions", "rag"]
    assert "0.50 [0.00, 1.00]" in rows["minions"]
    assert "+0.00 [+0.00, +0.00]" in rows["rag"]
    assert "minions: 1 not right (lost in the decision 1)" in ended.out or "builder" in ended.out
    assert any(
        line.startswith("  builder: ") and line.endswith("answered 41 metres, expected Anna Reid")
        for line in lines
    )


def test_json_and_page_hold_every_question(
    minions: Any, dataset: Path, crew: Any, planner: LoopbackServer
) -> None:
    """--json is one object with each outcome, its tokens those of the server; --html is a page of its own."""
    ended = minions("eval", dataset, "--docs", "docs", *crew, "--json", "--html", "report.html")
    assert ended.code == 0, ended.err
    outcomes = {one["id"]: one for one in ended.json["outcomes"]["minions"]}
    assert {id_: one["score"] for id_, one in outcomes.items()} == {"height": 1.0, "builder": 0.0}
    followed = ("evidence_read", "evidence_sent", "evidence_cited", "citations_right")
    assert [outcomes["height"][name] for name in followed] == [True, True, True, 1.0]
    local = {
        way: sum(one[f"local_{way}_tokens"] for one in outcomes.values())
        for way in ("input", "output")
    }
    assert local["input"] > local["output"] > 0
    counted = sum(usage.input_tokens for usage in planner.usages)
    assert sum(one["cloud_input_tokens"] for one in outcomes.values()) == counted
    page = (minions.folder / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    for text in ("lights.jsonl", "<svg", "Who built the lighthouse at Skerrow?", "Anna Reid"):
        assert text in page


def test_an_evaluation_goes_on_where_it_was(
    minions: Any, dataset: Path, crew: Any, planner: LoopbackServer
) -> None:
    """Answers are kept beside the command: the first question alone, then the other; a third time nothing is asked."""
    command = ("eval", dataset, "--docs", "docs", *crew)
    assert minions(*command, "--limit", "1").code == 0
    asked = len(planner.requests)
    assert asked == 2
    first = minions(*command)
    assert len(planner.requests) == 2 * asked
    assert sorted(path.name for path in (minions.folder / "lights.eval").iterdir()) == [
        "minions.jsonl",
        "minions.settings.json",
        "minions.traces.jsonl",
    ]
    again = minions(*command)
    assert (again.code, again.out) == (0, first.out)
    assert len(planner.requests) == 2 * asked


def test_answers_with_other_settings_are_not_mixed_in(
    minions: Any, dataset: Path, crew: Any
) -> None:
    """Refused with what changed and the way out, exit code 2; another folder takes them."""
    command = ("eval", dataset, "--docs", "docs", *crew)
    assert minions(*command).code == 0
    ended = minions(*command, "--max-rounds", "1")
    assert (ended.code, ended.out) == (2, "")
    assert "max_rounds was 2, and is 1" in ended.err
    assert "-o" in ended.err
    assert minions(*command, "--max-rounds", "1", "-o", "other").code == 0


def test_documents_may_be_lines_of_a_file(minions: Any, crew: Any) -> None:
    """--docs takes a .jsonl of names and texts, and questions name their documents as its lines do."""
    texts = {
        "guide.md": f"# Lights\n\n{SAID}\u2028Anna Reid built it.",
        "other.txt": "Nothing stands by the sea.",
    }
    lines = [
        json.dumps({"name": name, "text": text}, ensure_ascii=False) + "\n"
        for name, text in texts.items()
    ]
    minions.write("documents.jsonl", "".join(lines))
    dataset = write(minions, HEIGHT)
    ended = minions("eval", dataset, "--docs", "documents.jsonl", *crew, "-o", "kept", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["documents"] == 2
    assert ended.json["outcomes"]["minions"][0]["score"] == 1.0
    assert (minions.folder / "kept" / "documents" / "guide.md").read_text() == texts["guide.md"]


def test_choices_are_asked_with_their_letters(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """The planner sees "A. ..." and "B. ..." below the question; the text of a choice is as right as its letter."""
    changes = {"kind": "multiple_choice", "choices": ["12 feet", "41 metres"], "answer": "B"}
    ended = minions("eval", write(minions, HEIGHT | changes), "--docs", guide, *crew, "--json")
    assert ended.json["outcomes"]["minions"][0]["score"] == 1.0, ended.err
    asked = json.loads(planner.requests[0].body)["messages"][-1]["content"]
    assert f"{QUESTION}\nA. 12 feet\nB. 41 metres" in asked


def test_plans_by_hand_take_the_place_of_the_planners(
    minions: Any, dataset: Path, crew: Any, planner: LoopbackServer
) -> None:
    """The first call is spared where a plan is given, and made where none is; no report hides whose plans they were."""
    tasks = [
        {
            "instruction": "State its height.",
            "search": ["41 metres tall"],
            "documents": ["guide.md"],
        }
    ]
    minions.write("plans.jsonl", json.dumps({"id": "height", "tasks": tasks}))
    command = (
        "eval",
        dataset,
        "--docs",
        "docs",
        *crew,
        "--plans",
        "plans.jsonl",
        "--html",
        "report.html",
    )
    ended = minions(*command)
    assert ended.code == 0, ended.err
    bodies = [request.body.decode() for request in planner.requests]
    planned = [body for body in bodies if "You plan how" in body]
    assert (len(planned), len(bodies)) == (1, 3)
    assert "Who built the lighthouse" in planned[0]
    assert any("State its height." in body for body in bodies)
    told = "minions: plans from plans.jsonl for 1 of 2 questions"
    assert told in ended.out.splitlines()
    assert told in (minions.folder / "report.html").read_text()
    again = minions(*command, "--json")
    assert again.json["summaries"][0]["planned_in"] == {"plans.jsonl": 1}
    assert [one["planned_in"] for one in again.json["outcomes"]["minions"]] == ["plans.jsonl", None]


def test_free_text_is_marked_by_a_judge(minions: Any, guide: Path, crew: Any) -> None:
    """A column of its own beside the word score, on the page, too; what it took is told apart."""
    dataset = write(
        minions, HEIGHT | {"kind": "abstractive", "answer": "Taller than forty of them"}
    )
    with LoopbackServer(lambda _: {"verdict": "right"}, models=("marker",)) as judge:
        named = ("--judge", f"openai:marker@{judge.openai_url}", "--price", "openai:marker=1/1")
        ended = minions("eval", dataset, "--docs", guide, *crew, *named, "--html", "report.html")
        assert ended.code == 0, ended.err
        assert len(judge.requests) == 1
        assert minions("eval", dataset, "--docs", guide, *crew, *named).out == ended.out
        assert len(judge.requests) == 1
    lines = ended.out.splitlines()
    assert any(
        line.startswith("judge openai:marker: 1 answer in free text marked") for line in lines
    )
    header = next(line for line in lines if line.startswith("protocol"))
    row = next(line for line in lines if line.startswith("minions "))
    assert row[: header.index("contains")].rstrip().endswith("1.00 [1.00, 1.00]")
    assert "judged [95 %]" in header
    assert "not right" not in ended.out
    page = (minions.folder / "report.html").read_text()
    assert "judged [95 %]" in page
    assert "judge openai:marker: 1 answer in" in page


def test_rag_is_compared_with_itself(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """A number of chunks a column: each has its own files, and sends as many passages."""
    how = ("--docs", guide, *crew, "--policy", "open", "--protocol", "rag:1,rag:2", "--json")
    minions.write(
        "docs/long.txt",
        "".join(f"Lighthouse {number} at Skerrow is no light.\n\n" for number in range(300)),
    )
    ended = minions("eval", write(minions, HEIGHT | {"documents": ["*"]}), *how)
    assert ended.code == 0, ended.err
    assert ["f2 " in request.body.decode() for request in planner.requests] == [False, True]
    assert [summary["protocol"] for summary in ended.json["summaries"]] == ["rag:1", "rag:2"]
    kept = {path.name for path in (minions.folder / "lights.eval").iterdir()}
    assert kept == {
        f"rag-{chunks}.{end}"
        for chunks in (1, 2)
        for end in ("jsonl", "settings.json", "traces.jsonl")
    }


def test_what_failed_is_asked_again_on_request(
    minions: Any, guide: Path, crew: Any, planner: LoopbackServer
) -> None:
    """An error stays an outcome until --retry-errors; what was answered is never asked again."""
    dataset = write(minions, HEIGHT, BUILDER | {"documents": ["later.md"]})
    command = ("eval", dataset, "--docs", guide, *crew, "--json")
    assert minions(*command).json["summaries"][0]["failed"] == 1
    asked = len(planner.requests)
    minions.write("docs/later.md", "Anna Reid built the lighthouse at Skerrow.\n")
    assert minions(*command).json["summaries"][0]["failed"] == 1
    assert len(planner.requests) == asked
    again = minions(*command, "--retry-errors")
    assert again.json["summaries"][0]["failed"] == 0, again.err
    assert len(planner.requests) == asked + 2


def test_a_question_that_fails_is_an_outcome(minions: Any, guide: Path, crew: Any) -> None:
    """What names a document that is not there scores 0 and says why; the others are answered."""
    dataset = write(minions, HEIGHT, BUILDER | {"documents": ["missing.md"]})
    ended = minions("eval", dataset, "--docs", guide, *crew, "--json")
    assert ended.code == 0, ended.err
    outcomes = {one["id"]: one for one in ended.json["outcomes"]["minions"]}
    assert (outcomes["height"]["score"], outcomes["builder"]["score"]) == (1.0, 0.0)
    assert "missing.md" in outcomes["builder"]["error"]
    assert ended.json["summaries"][0]["failed"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("lights.jsonl", "--docs", "docs", "--protocol", "minions,chat"),
            "unknown protocol 'chat'",
        ),
        (("lights.jsonl", "--docs", "docs", "--protocol", ","), "no protocol given"),
        (("missing.jsonl", "--docs", "docs"), "missing.jsonl"),
        (("docs/guide.md", "--docs", "docs"), "line 1"),
        (("lights.jsonl", "--docs", "missing.jsonl"), "--docs missing.jsonl"),
        (("lights.jsonl", "--docs", "missing"), "missing"),
        (("lights.jsonl", "--docs", "docs", "-o", "lights.jsonl"), "-o lights.jsonl"),
        (("lights.jsonl", "--docs", "docs", "--plans", "missing.jsonl"), "missing.jsonl"),
        (("lights.jsonl", "--docs", "docs", "--plans", "lights.jsonl"), "lights.jsonl, line 1"),
        (
            ("lights.jsonl", "--docs", "docs", "--plans", "x", "--protocol", "minion"),
            "minion makes no plan",
        ),
        (
            ("lights.jsonl", "--docs", "docs", "--protocol", "rag:none"),
            "'none' is not a number of chunks",
        ),
        (("lights.jsonl", "--docs", "docs", "--html", "none/page.html"), "--html none/page.html"),
    ],
)
def test_what_cannot_be_evaluated_is_said(
    minions: Any, dataset: Path, crew: Any, arguments: tuple[str, ...], words: str
) -> None:
    """A wrong protocol, file or folder: one line on stderr says which, a second what to do; exit code 2."""
    assert dataset.exists()
    ended = minions("eval", *arguments, *crew)
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert "Traceback" not in ended.err
    error = next(line for line in ended.err.splitlines() if line.startswith("error: "))
    assert words in error
    assert any(line.startswith("next: ") for line in ended.err.splitlines())


def test_protocols_that_send_documents_are_refused(
    minions: Any, dataset: Path, crew: Any, planner: LoopbackServer
) -> None:
    """Without --policy open nothing is sent, not even for the protocols before them; the exit code is 7."""
    ended = minions("eval", dataset, "--docs", "docs", *crew, "--protocol", "minions,rag")
    assert ended.code == 7
    assert "--policy open" in ended.err
    assert planner.requests == []
