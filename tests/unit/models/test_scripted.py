"""The scripted model does what its script says, and reports clearly if the script has no reply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import ConfigError, RequestRefusedError, ServerError
from minions.models.scripted import Rule, ScriptedModel
from minions.network.reference import ModelRef
from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from pathlib import Path


async def test_replies_come_in_order(asking: Any) -> None:
    """Texts, objects, completions, errors and functions can be mixed in one list."""
    ready = Completion(text="c", finish_reason="length", usage=Usage())
    model = ScriptedModel(
        ["a", {"b": 1}, ready, lambda request: request.messages[-1].content, ServerError("x")]
    )
    texts = [(await model.complete(asking(f"q{number}"))).text for number in range(4)]
    assert texts == ["a", '{"b": 1}', "c", "q3"]
    with pytest.raises(ServerError):
        await model.complete(asking())
    assert [request.messages[0].content for request in model.requests] == [
        "q0",
        "q1",
        "q2",
        "q3",
        "q",
    ]


async def test_one_function_answers_everything(asking: Any) -> None:
    """A test can decide each reply from the request."""
    model = ScriptedModel(lambda request: request.messages[-1].content.upper())
    assert (await model.complete(asking("a"))).text == "A"


async def test_rules_go_by_the_prompt(asking: Any) -> None:
    """The first rule that applies answers; the default takes the rest."""
    rules = [
        Rule(contains="cards", reply="108"),
        Rule(matches=r"\b\d{4}\b", where="last_user", reply={"year": 1987}),
    ]
    model = ScriptedModel(rules=rules, default="none")
    prompts = [("how many cards?",), ("in 1987", "when?"), ("when?", "in 1987")]
    assert [(await model.complete(asking(*texts))).text for texts in prompts] == [
        "108",
        "none",
        '{"year": 1987}',
    ]


async def test_a_look_gets_probabilities(asking: Any) -> None:
    """One rule serves the one-token look and the extraction after it."""
    model = ScriptedModel(
        rules=[Rule(contains="q", reply={"a": 1}, first_token={"yes": -0.1, "no": -2.0})]
    )
    look = await model.complete(asking(first_token_candidates=5))
    extraction = await model.complete(asking())
    assert (look.text, look.first_token) == ("yes", {"yes": -0.1, "no": -2.0})
    assert (extraction.text, extraction.first_token) == ('{"a": 1}', None)


async def test_silence_is_explained(asking: Any) -> None:
    """A request without a reply fails with the end of the request, and with a hint."""
    model = ScriptedModel(["only"], rules=[Rule(contains="zebra", reply="z")])
    await model.complete(asking())
    with pytest.raises(RequestRefusedError, match="how many cards"):
        await model.complete(asking("how many cards"))


async def test_usage_is_counted_and_marked(asking: Any) -> None:
    """Trials without a model show a ledger with tokens, marked as estimates."""
    usage = (await ScriptedModel(["a reply"]).complete(asking("a question of some words"))).usage
    assert usage.input_tokens > usage.output_tokens > 0
    assert usage.estimated


async def test_a_file_makes_a_model(tmp_path: Path, asking: Any) -> None:
    """``scripted:PATH.json`` is a whole model, for trials with none."""
    path = tmp_path / "plan.json"
    path.write_text(
        json.dumps({"rules": [{"contains": "cards", "reply": {"n": 108}}], "default": "none"})
    )
    model = ScriptedModel.from_file(ModelRef.parse(f"scripted:{path}"))
    assert (await model.complete(asking("cards"))).text == '{"n": 108}'
    assert (await model.complete(asking("else"))).text == "none"
    assert model.reference == f"scripted:{path}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        ("{", "not a script"),
        ('{"rules": [{"contains": "a"}]}', r"rules\.0.*reply"),
        ('{"rules": [{"matches": "(", "reply": "x"}]}', "regular expression"),
        ('{"rulez": []}', "rulez"),
    ],
)
def test_a_bad_file_says_what_is_wrong(tmp_path: Path, content: str | None, message: str) -> None:
    """A slip in a script is found before anything runs, with its place."""
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        ScriptedModel.from_file(ModelRef.parse(f"scripted:{path}"))
