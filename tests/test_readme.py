"""What README promises is true: its code runs, its commands exist, its demo is the one make runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import LoopbackServer
from tests.command import run_command

if TYPE_CHECKING:
    from minions.values.chat import ChatRequest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BATCH = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README + BATCH, re.DOTALL)
TASK = {"instruction": "State net revenue in 2022.", "search": ["net revenue"]}


def _reply(request: ChatRequest) -> Any:
    text = request.messages[-1].content
    if "Findings:" in text:
        return {"answer": "12.4 million", "findings": ["f1"], "confidence": 1, "tasks": []}
    if "Question:" in text:
        return {"tasks": [TASK]}
    if "Does this passage" in text:
        return "Yes"
    return {"lines": [1], "answer": "12.4 million"}


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_in_the_readme_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A newcomer who pastes it gets an answer; both endpoints are where the environment says."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "2022.txt").write_text(
        "Net revenue was 12.4 million in 2022.\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with LoopbackServer(_reply) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - our own README
    shown = capsys.readouterr().out
    assert "12.4 million" in shown.splitlines()
    assert "Net revenue was 12.4 million in 2022." in shown


def test_the_commands_in_the_readme_are_the_commands() -> None:
    """The table lists every command, and no other."""
    listed = set(
        re.findall(r"^  ([a-z]+)  ", run_command("--help").out.split("Commands:")[1], re.MULTILINE)
    )
    rows = "\n".join(line for line in README.splitlines() if line.startswith("| `minions"))
    named = set(re.findall(r"`(?:minions )?([a-z]+)", rows))
    assert listed
    assert named == listed


def test_the_demo_is_the_one_that_make_runs() -> None:
    """The example's question and document are those of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    question = re.search(r"^QUESTION := (.*)$", makefile, re.MULTILINE)
    document = re.search(r"^DOCUMENT := (.*)$", makefile, re.MULTILINE)
    assert question
    assert document
    assert f'minions ask "{question[1]}" {document[1]}' in README


def test_the_example_cites_the_document_it_ships_with() -> None:
    """The citation in README stands in the document, at the offsets shown."""
    cited = re.search(r"^\[1\] (\S+) \(characters (\d+)-(\d+)\): \"(.*)\"$", README, re.MULTILINE)
    assert cited
    text = (ROOT / cited[1]).read_text(encoding="utf-8")
    assert text[int(cited[2]) : int(cited[3])] == cited[4]


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """No dead links among the project's own pages."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_the_picture_is_the_same_in_the_dark() -> None:
    """Both files of the picture are there, and differ in their colours only."""
    light, dark = re.search(r'img src="(.*?)"', README), re.search(r'srcset="(.*?)"', README)
    assert light
    assert dark
    texts = [(ROOT / found[1]).read_text(encoding="utf-8") for found in (light, dark)]
    assert texts[0] != texts[1]
    without_colours = [re.sub(r"#[0-9a-f]{6}", "#", text) for text in texts]
    assert without_colours[0] == without_colours[1]
