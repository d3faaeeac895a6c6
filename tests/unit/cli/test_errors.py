"""Every error ends in one line, a hint, and its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.cli import main
from minions.errors import EgressRefusedError, MinionsError, PlanError, ServerError

if TYPE_CHECKING:
    from pathlib import Path


def refused(ended: Any, code: int, *words: str) -> None:
    """A one-line error and a next step on stderr, nothing on stdout."""
    assert (ended.code, ended.out) == (code, ""), ended.err
    error, following = ended.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert following.startswith("next: ")
    for word in words:
        assert word in error + following


def test_no_path_shows_an_example(minions: Any) -> None:
    """Without documents the hint is a complete command line."""
    refused(minions("ask", "How tall?"), 2, "no documents", "minions ask '")


def test_an_empty_question_is_refused(minions: Any, here: Path) -> None:
    """White space is no question."""
    refused(minions("ask", " ", here), 2, "question is empty")


def test_a_broken_pdf_alone_is_told(minions: Any, here: Path) -> None:
    """If no file can be read, the message has the reason."""
    (here / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is no PDF")
    refused(minions("ask", "How tall?", "broken.pdf"), 2, "broken.pdf", "PDF")


def test_errors_are_json_for_scripts(minions: Any) -> None:
    """With --json an error is one object on stdout too, and still said on stderr."""
    ended = minions("ask", "How tall?", "nowhere", "--json")
    assert ended.code == 2
    assert ended.json["schema"] == "minions/1"
    assert ended.json["error"]["type"] == "CorpusError"
    assert ended.json["error"]["hint"]
    assert ended.err.startswith("error: no such path")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("ask q . --max-cost much", 2, ["max_cost"]),
        ("ask q . --policy secret", 2, ["policy"]),
        ("ask q . --worker gpt-5", 2, ["provider:model"]),
        ("ask q . --price gpt=cheap", 2, ["not a price"]),
        ("ask q . --config nowhere.toml", 2, ["nowhere.toml", "--config"]),
        ("ask q . --events no/such/folder/e.jsonl", 2, ["--events"]),
        ("ask q . --events - --json", 2, ["--events FILE"]),
        ("ask - -f -", 2, ["stdin"]),
        ("ask q -f nothing.txt", 2, ["-f nothing.txt"]),
        ("ask q . --local-only --planner openai:gpt-5.4", 7, ["--planner local"]),
        ("ask q . --color", 2, ["--color", "minions ask --help"]),
        ("show nobody", 2, ["nobody", "minions runs"]),
        ("ledger --since yesterday", 2, ["--since 7d"]),
        ("ledger --json --csv", 2, ["--csv"]),
        ("ledger --by planet", 2, ["planet"]),
        ("verify nothing.json", 2, ["nothing.json"]),
        ("models pull nobody", 2, ["nobody", "qwen2.5-coder-1.5b"]),
        ("aks q", 2, ["ask"]),
    ],
)
def test_wrong_options_are_named(
    minions: Any, here: Path, arguments: str, code: int, words: list[str]
) -> None:
    """The wrong part of a command line is named, with the exit code of its kind."""
    (here / "a.txt").write_text("Something to read.")
    ended = minions(*arguments.split())
    if "--json" in arguments:
        assert ended.code == code
        assert words[0] in ended.err
    else:
        refused(ended, code, *words)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("search q . -n 0", "--limit 0: less than 1"),
        ("search q . -n 99999999999", "--limit 99999999999: more than 1000000000"),
        ("search q . -n 1.5", "--limit 1.5: not a whole number"),
        ("ask q . --timeout soon", "--timeout soon: not a number"),
        ("ledger --by planet", "--by: 'planet' is not one of 'model', 'role', 'day', 'run'"),
        ("cache empty", "show|clear: 'empty' is not one of 'show', 'clear'"),
        ("ask", "QUESTION is missing"),
        ("batch in.jsonl docs", "--output is missing"),
        ("ask q . --xyzzy", "there is no option --xyzzy"),
        (
            "ask q . --max-round 3",
            "there is no option --max-round (similar ones: --max-cost, --max-rounds, --max-turns)",
        ),
    ],
)
def test_wrong_values_are_told_in_plain_words(minions: Any, arguments: str, shown: str) -> None:
    """The option, the value and the reason; none of the parser's or the validator's own vocabulary."""
    ended = minions(*arguments.split())
    assert (ended.code, ended.err.splitlines()[0]) == (2, f"error: {shown}")


@pytest.mark.parametrize(
    ("raised", "code", "shown"),
    [
        (PlanError("no plan"), 1, "error: no plan\n"),
        (
            ServerError("it fell over"),
            6,
            "error: it fell over\nnext: minions doctor checks every model and server\n",
        ),
        (EgressRefusedError("no", hint="stay\nhere"), 7, "error: no\nnext: stay here\n"),
        (
            ZeroDivisionError("oops"),
            1,
            "error: this is a bug in minions: ZeroDivisionError: oops\nnext: ",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)
def test_errors_end_in_words(
    minions: Any, monkeypatch: pytest.MonkeyPatch, raised: MinionsError, code: int, shown: str
) -> None:
    """An error of the tree has its exit code; a bug is called one; no traceback is shown unasked."""
    monkeypatch.setattr("minions.cli.opening.settings_of", lambda _: throw(raised))
    ended = minions("doctor")
    assert ended.code == code
    assert ended.err.startswith(shown)
    assert "Traceback" not in ended.err


def throw(error: BaseException) -> None:
    raise error


def test_a_bug_shows_its_traceback_when_asked(
    minions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-v adds the traceback of a bug, and not that of a plain error."""
    monkeypatch.setattr(
        "minions.cli.opening.settings_of", lambda _: throw(ZeroDivisionError("oops"))
    )
    assert "Traceback" in minions("doctor", "-v").err
    monkeypatch.setattr("minions.cli.opening.settings_of", lambda _: throw(PlanError("no plan")))
    assert "Traceback" not in minions("doctor", "-v").err


def test_without_arguments_there_is_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`minions` alone shows the commands."""
    monkeypatch.setattr(
        "minions.network.reach.confine_process", lambda: None
    )  # this process is the tests'
    with pytest.raises(SystemExit) as ended:
        main.run([])
    assert ended.value.code == 0
    assert "Commands:" in capsys.readouterr().out


def test_weights_are_not_fetched_where_nothing_may_leave(
    minions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """local_only, wherever it is set, holds for `models pull` too, and the message says how to lift it."""
    monkeypatch.setenv("MINIONS_LOCAL_ONLY", "true")
    refused(
        minions("models", "pull", "qwen2.5-coder-1.5b"), 7, "local_only", "MINIONS_LOCAL_ONLY=false"
    )
