"""The whole command with a hostile planner and a hostile worker behind real sockets: it ends in words, and its output
is text.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minions.cli.main import execute
from minions.testing import LoopbackServer
from tests.fuzz.hostile_values import EXAMPLES, FUZZ, VALUES, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from minions.values.chat import ChatRequest

    Ask = Callable[..., tuple[int, str, str]]

GUIDE = "# Lights\n\nThe lighthouse at Skerrow is 41 metres tall.\nAnna Reid built it in 1871.\n"
ENDS = {0, 1, 3, 6, 7}
NASTY = "41\x00 \x1b]52;c;ZXZpbA==\x07\x9b31m \ud800 metres"
TASK = {
    "instruction": "How tall?" + NASTY,
    "documents": ["*", "\ud800*"],
    "search": ["lighthouse\x00"],
}


class Crew:
    """Plays planner and worker with the replies that a test draws; serves them over sockets."""

    plan: Any = None
    decision: Any = None
    finding: Any = None

    def __call__(self, request: ChatRequest) -> Any:
        text = request.messages[-1].content
        if "Findings:" in text:
            return json.dumps(self.decision)
        return json.dumps(self.plan if "Question:" in text else self.finding)


@pytest.fixture
def crew() -> Crew:
    """What both servers say."""
    return Crew()


@pytest.fixture
def command(crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Runs a command with both servers, on strict UTF-8 as a pipe has it: exit code, stdout, stderr."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-test")
    monkeypatch.setenv("MINIONS_CACHE", "false")  # each finding is another
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guide.md").write_text(GUIDE)

    def run(*arguments: str) -> tuple[int, str, str]:
        out, err = io.BytesIO(), io.BytesIO()
        with (
            redirect_stdout(io.TextIOWrapper(out, "utf-8", write_through=True)) as stdout,
            redirect_stderr(io.TextIOWrapper(err, "utf-8", write_through=True)) as stderr,
        ):
            code = execute(list(arguments))
            written = out.getvalue().decode(), err.getvalue().decode()
            stdout.detach(), stderr.detach()
        return code, *written

    with LoopbackServer(crew, models=("m", "w")) as server:

        def ask(*options: str) -> tuple[int, str, str]:
            models = (
                "--planner",
                f"openai:m@{server.openai_url}",
                "--worker",
                f"openai:w@{server.openai_url}",
            )
            return run("ask", "How tall is it?", "guide.md", *models, *options)

        ask.run = run  # type: ignore[attr-defined]
        yield ask


@settings(FUZZ, max_examples=max(1, EXAMPLES // 10))
@given(
    st.just({"tasks": [TASK]}) | objects("tasks"),
    st.fixed_dictionaries(
        {"answer": VALUES, "findings": st.just(["f1"]) | VALUES, "confidence": VALUES}
    ),
    objects("lines", "quote", "answer")
    | st.fixed_dictionaries({"lines": st.just([2]), "answer": VALUES}),
    st.sampled_from(["--json", "--quiet"]),
)
@example(
    {"tasks": [TASK]},
    {"answer": NASTY, "findings": ["f1"], "confidence": 1},
    {"lines": [2], "answer": NASTY},
    "--json",
)
@example(
    {"tasks": [TASK]},
    {"answer": NASTY, "findings": ["f1"], "confidence": 1},
    {"lines": [2], "answer": NASTY},
    "--quiet",
)
@example(
    {"tasks": []},
    {"answer": "The documents do not say \ud800\x00", "findings": []},
    {"lines": []},
    "--json",
)
def test_nothing_that_models_say_crashes_a_command(
    command: Ask, crew: Crew, plan: Any, decision: Any, finding: Any, form: str
) -> None:
    """Control characters, half pairs and zero bytes in plans, findings and answers: an answer or words, and the record
    of the run can be shown.
    """
    crew.plan, crew.decision, crew.finding = plan, decision, finding
    code, out, err = command(form)
    assert code in ENDS, err
    assert "a bug" not in err
    assert not {"\x00", "\x07", "\x1b", "\x9b"} & set(out + err)
    if form == "--json":
        assert json.loads(out)["schema"] == "minions/1"
    code, shown, err = command.run("show", "last")  # type: ignore[attr-defined]
    assert code == 0, err
    assert not {"\x00", "\x1b", "\x9b"} & set(shown)


def test_an_answer_full_of_control_characters_is_shown_without_them(
    command: Ask, crew: Crew
) -> None:
    """The words stay, and the terminal obeys nobody but the user."""
    crew.plan, crew.finding = {"tasks": [TASK]}, {"lines": [2], "answer": "41 metres"}
    crew.decision = {"answer": NASTY, "findings": ["f1"], "confidence": 1}
    code, out, err = command()
    assert code == 0, err
    assert out.splitlines()[0] == "41 ]52;c;ZXZpbA== 31m ? metres"


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "lighthouse", "guide.md", "--limit", "9" * 30),
        ("runs", "--limit", "9" * 30),
        ("runs", "--since", "9" * 12 + "d"),
        ("ledger", "--since", "0001-01-01T00:00+23:00"),
        ("purge", "--older-than", "9" * 5000 + "d"),
        ("show", "\udcff"),
        ("egress", "\x00"),
        ("verify", "\x00"),
        ("verify", "\udcff.json"),
    ],
)
def test_arguments_beyond_all_bounds_are_refused_in_words(
    command: Ask, arguments: tuple[str, ...]
) -> None:
    """Numbers that no database holds, times before the calendar, bytes that are no text: a usage error, and no bug."""
    code, out, err = command.run(*arguments)  # type: ignore[attr-defined]
    assert (code, out) == (2, ""), err
    assert "a bug" not in err
