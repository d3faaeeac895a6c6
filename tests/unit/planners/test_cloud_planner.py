"""The cloud planner: how it reads replies, good and bad."""

from __future__ import annotations

from typing import Any

import pytest

from minions.errors import PlanError
from minions.testing import ScriptedModel
from minions.values.chat import Completion, FinishReason, Usage
from minions.values.documents import CorpusCard
from minions.values.findings import Digest
from minions.values.plans import History, RoundGist
from minions_planners.cloud import CloudPlanner

CARD = CorpusCard(
    documents=1, tokens=9000, pages=20, text="1 document (9k tokens, 20 pages): report.pdf"
)
QUESTION = "What was net revenue in 2022?"
TASK = {
    "instruction": "State net revenue in 2022.",
    "output": "number",
    "options": [],
    "documents": [],
    "search": ["net revenue", "2022"],
    "unit": "chunk",
    "reduce": "collect",
}


def _digest(text: str = "t1 ...\nf1 12 | Net revenue 12") -> Digest:
    return Digest(text=text, findings=(), gist="f1 12", tokens=9)


def _completion(text: str, finish_reason: FinishReason) -> Completion:
    return Completion(text=text, finish_reason=finish_reason, usage=Usage())


async def _plan(*replies: Any, **options: Any) -> Any:
    planner = CloudPlanner(ScriptedModel(list(replies)), **{"max_tasks": 4, **options})
    return await planner.plan(QUESTION, CARD)


async def test_a_plan_keeps_what_the_planner_wrote() -> None:
    """Every field of a task is kept."""
    plan = await _plan({"tasks": [TASK]})
    assert plan.tasks[0].model_dump() == {
        **TASK,
        "id": "t1",
        "options": (),
        "documents": (),
        "search": ("net revenue", "2022"),
    }


@pytest.mark.parametrize(
    "reply", [{"tasks": []}, {}, {"tasks": [{"output": "number"}]}, {"tasks": "none"}]
)
async def test_an_empty_plan_becomes_the_question_itself(reply: dict[str, Any]) -> None:
    """A planner that plans nothing does not end the run; the user gets a warning."""
    plan = await _plan(reply)
    assert [task.instruction for task in plan.tasks] == [QUESTION]
    assert "no tasks" in plan.warnings[0]


async def test_a_thousand_tasks_are_cut_to_the_limit() -> None:
    """A runaway plan costs no more than the limit, and the user gets a warning."""
    plan = await _plan({"tasks": [TASK] * 1000})
    assert len(plan.tasks) == 4
    assert "1000 tasks" in plan.warnings[0]


async def test_unknown_words_in_a_plan_fall_back_to_defaults() -> None:
    """An output or reduction that does not exist is not an error."""
    plan = await _plan(
        {
            "tasks": [
                {"instruction": "x", "output": "poem", "reduce": "explode", "search": "revenue"}
            ]
        }
    )
    task = plan.tasks[0]
    assert (task.output, task.reduce, task.search) == ("text", "collect", ("revenue",))


@pytest.mark.parametrize(
    ("reduce", "kept"), [("collect", "group"), ("sum", "group"), ("count", "count"), ("x", "group")]
)
async def test_judgements_are_a_table_whatever_the_planner_says(reduce: str, kept: str) -> None:
    """If they were collected, only the surest of five hundred would be sent, and how many say yes
    would be unknown.
    """
    judging = {
        "instruction": "Is it positive?",
        "output": "yes_no",
        "unit": "document",
        "reduce": reduce,
    }
    model = ScriptedModel([{"tasks": [judging, judging | {"unit": "chunk"}]}])
    plan = await CloudPlanner(model, max_tasks=6).plan("How many?", CARD)
    assert plan.tasks[0].reduce == kept
    assert plan.tasks[1].reduce == ("collect" if reduce == "x" else reduce)


async def test_prose_is_asked_for_again_once() -> None:
    """One bad reply costs one more call."""
    plan = await _plan("I would look at the revenue table.", {"tasks": [TASK]})
    assert plan.tasks[0].instruction == TASK["instruction"]


async def test_prose_twice_is_a_plan_error() -> None:
    """Two bad replies end the run with a message that names the planner."""
    with pytest.raises(PlanError, match="did not reply with JSON"):
        await _plan("no", "still no")


@pytest.mark.parametrize(
    ("finish_reason", "hint"),
    [("length", "--planner-output-tokens"), ("content_filter", "content filter")],
)
async def test_half_a_reply_is_no_answer(finish_reason: Any, hint: str) -> None:
    """A decision that was cut off is asked for again; after two, the error says what to change."""
    cut = _completion('{"answer": "It was not 1', finish_reason)
    whole = {"answer": "It was not 12 but 13.", "findings": ["f1"], "confidence": 0.9, "tasks": []}
    decision = await CloudPlanner(ScriptedModel([cut, whole]), max_tasks=4).decide(
        QUESTION, _digest(), History()
    )
    assert decision.answer == "It was not 12 but 13."
    with pytest.raises(PlanError) as raised:
        await CloudPlanner(ScriptedModel([cut, cut]), max_tasks=4).decide(
            QUESTION, _digest(), History()
        )
    assert hint in (raised.value.hint or "")


async def test_a_whole_reply_at_the_limit_of_tokens_counts() -> None:
    """An object that ends with the last token allowed is not asked for again."""
    model = ScriptedModel(
        [_completion('{"answer": "12", "findings": ["f1"], "confidence": 1}', "length")]
    )
    decision = await CloudPlanner(model, max_tasks=4).decide(QUESTION, _digest(), History())
    assert (decision.answer, len(model.requests)) == ("12", 1)


async def test_a_decision_answers_or_asks_for_more() -> None:
    """An answer wins over tasks; without one the tasks are the next round."""
    follow_up = {"instruction": "Find the row below.", "documents": [], "search": ["cost"]}
    replies: list[Any] = [
        {"answer": "12 million", "findings": ["f1"], "confidence": 0.9, "tasks": [follow_up]},
        {"answer": None, "findings": [], "confidence": 0, "tasks": [follow_up]},
    ]
    planner = CloudPlanner(ScriptedModel(replies), max_tasks=4)
    answered = await planner.decide(QUESTION, _digest(), History(rounds_left=1))
    assert (answered.answer, answered.findings, answered.tasks) == ("12 million", ("f1",), ())
    asking = await planner.decide(QUESTION, _digest(), History(rounds_left=1))
    assert asking.answer is None
    assert [task.instruction for task in asking.tasks] == ["Find the row below."]


NONES = [
    ("null", (), None),
    ("null", ("f1",), None),
    ("None", (), None),
    ("None", ("f1",), "None"),
    ("n/a", (), None),
    (None, ("f1",), None),
    ("", ("f1",), None),
    ("0", (), "0"),
    ("No.", (), "No."),
    ("The documents do not say.", (), None),
    ("The documents do not say.", ("f1",), "The documents do not say."),
]


@pytest.mark.parametrize(("answer", "cited", "read"), NONES)
async def test_none_is_an_answer_only_where_findings_are_cited(
    answer: str | None, cited: tuple[str, ...], read: str | None
) -> None:
    """The reply "None [f1]" is an answer (how many exits?). Without a finding, the same word says that
    there is no answer.
    """
    reply = {"answer": answer, "findings": list(cited), "confidence": 0.9}
    decision = await CloudPlanner(ScriptedModel([reply]), max_tasks=4).decide(
        QUESTION, _digest(), History()
    )
    assert decision.answer == read


ABSENT = "The documents do not\nmention a cook."


@pytest.mark.parametrize("schema", [None, {"type": "string"}], ids=["words", "json"])
async def test_an_answer_that_nothing_is_said_is_none_and_its_words_are_kept(schema: Any) -> None:
    """A warning keeps the planner's reason; an answer with a schema may give one, too."""
    reply = {"answer": ABSENT, "findings": [], "confidence": 0.9, "tasks": []}
    planner = CloudPlanner(ScriptedModel([reply]), max_tasks=4, answer_schema=schema)
    decision = await planner.decide(QUESTION, _digest(), History())
    assert decision.answer is None
    assert decision.warnings == ("the planner says: The documents do not mention a cook.",)


async def test_who_says_that_nothing_is_said_and_asks_for_more_gets_more() -> None:
    """Findings cited for it make no difference: the next round may find the answer."""
    follow_up = {"instruction": "Who cooks?", "documents": [], "search": ["galley"]}
    reply = {"answer": ABSENT, "findings": ["f1"], "confidence": 0.9, "tasks": [follow_up]}
    decision = await CloudPlanner(ScriptedModel([reply]), max_tasks=4).decide(
        QUESTION, _digest(), History()
    )
    assert (decision.answer, [task.instruction for task in decision.tasks]) == (
        None,
        ["Who cooks?"],
    )


@pytest.mark.parametrize(
    "ids", ["f1, f12", ["F1", "F12"], ["[f1]", "(f12)"], ["f1 and f12", "f1"], "f1;f12"]
)
async def test_finding_ids_are_understood_however_they_are_written(ids: Any) -> None:
    """A bracket or a capital letter loses no citation."""
    reply = {"answer": "12", "findings": ids, "confidence": 1}
    decision = await CloudPlanner(ScriptedModel([reply]), max_tasks=4).decide(
        QUESTION, _digest(), History()
    )
    assert decision.findings == ("f1", "f12")


CONFIDENCES = [
    ("0.9", 0.9),
    ("1", 1.0),
    ("8", 0.8),
    ("10", 1.0),
    ("90", 0.9),
    ("250", 1.0),
    ("-1", 0.0),
    ("1" + "0" * 400, 1.0),
    ("1e999", 0.5),
    ("NaN", 0.5),
    ("true", 0.5),
    ('"high"', 0.5),
]


@pytest.mark.parametrize(
    ("written", "confidence"), CONFIDENCES, ids=[written[:8] for written, _ in CONFIDENCES]
)
async def test_a_confidence_out_of_ten_or_in_percent_is_understood(
    written: str, confidence: float
) -> None:
    """Any number becomes one in [0, 1]; without a number it is in the middle."""
    reply = f'{{"answer": "12", "findings": ["f1"], "confidence": {written}}}'
    decision = await CloudPlanner(ScriptedModel([reply]), max_tasks=4).decide(
        QUESTION, _digest(), History()
    )
    assert decision.confidence == pytest.approx(confidence)


@pytest.mark.parametrize("lines_shown", [True, False])
async def test_the_planner_is_told_of_lines_only_where_it_sees_them(lines_shown: bool) -> None:
    """If the policy withholds the lines, the prompt does not mention them."""
    model = ScriptedModel([{"tasks": [TASK]}, {"answer": None, "findings": [], "confidence": 0}])
    planner = CloudPlanner(model, max_tasks=4, lines_shown=lines_shown)
    await planner.plan(QUESTION, CARD)
    await planner.decide(QUESTION, _digest(), History())
    plan, decide = (request.messages[0].content for request in model.requests)
    assert ("you then see those lines" in plan) == lines_shown
    assert ("Trust the lines" in decide) == lines_shown
    assert "confidence: 0 to 1" in decide


async def test_the_planner_is_told_what_was_found_and_how_many_rounds_are_left() -> None:
    """Findings are sent once, an earlier round is sent as a gist, and no round is planned that will
    not run.
    """
    model = ScriptedModel([{"answer": None, "findings": [], "confidence": 0}])
    history = History(gists=(RoundGist(asked=("State revenue.",), found="f1 12"),), rounds_left=0)
    await CloudPlanner(model, max_tasks=4).decide(
        QUESTION, _digest("t1 ...\nf2 13 | Row 13"), history
    )
    text = model.requests[0].messages[-1].content
    assert "Earlier: State revenue. -> f1 12" in text
    assert text.count("f2 13 | Row 13") == 1
    assert text.endswith("Rounds left: 0")
    assert "tasks" not in (model.requests[0].json_schema or {})["properties"]


@pytest.mark.parametrize("rounds_left", [0, 1])
async def test_follow_up_tasks_are_asked_for_only_where_the_reply_has_a_place_for_them(
    rounds_left: int,
) -> None:
    """In the last round the schema has no tasks, and the system text does not speak of them."""
    model = ScriptedModel([{"answer": None, "findings": [], "confidence": 0, "tasks": []}])
    await CloudPlanner(model, max_tasks=4).decide(
        QUESTION, _digest(), History(rounds_left=rounds_left)
    )
    request = model.requests[0]
    assert ("tasks" in request.messages[0].content) == bool(rounds_left)
    assert ("tasks" in (request.json_schema or {})["properties"]) == bool(rounds_left)
    assert "answer null" in request.messages[0].content


@pytest.mark.parametrize("whole", [False, True])
async def test_the_planner_is_told_what_a_finding_looks_like(whole: bool) -> None:
    """Whole chunks have no reader, and the prompt does not speak of a reader's answer."""
    model = ScriptedModel([{"answer": None, "findings": [], "confidence": 0}])
    digest = _digest().model_copy(update={"whole": whole})
    await CloudPlanner(model, max_tasks=4).decide(QUESTION, digest, History())
    assert ("shaky answer" in model.requests[0].messages[0].content) != whole


async def test_what_goes_up_says_what_it_is_made_of() -> None:
    """The egress log can tell the question, the card and the digest from the program's own words."""
    model = ScriptedModel(
        [{"tasks": [TASK]}, "no JSON", {"answer": None, "findings": [], "confidence": 0}]
    )
    planner = CloudPlanner(model, max_tasks=4)
    await planner.plan(QUESTION, CARD)
    gist = RoundGist(asked=("State net revenue.", "State cost."), found="f1 12")
    await planner.decide(QUESTION, _digest("t1: f2"), History(gists=(gist,), rounds_left=1))
    plan, decision, again = (request.messages[-1] for request in model.requests)
    assert plan.content == f"Documents: {CARD.text}\nQuestion: {QUESTION}"
    assert [part for part in plan.parts if part[0] != "prompt"] == [
        ("card", CARD.text),
        ("question", QUESTION),
    ]
    earlier = "State net revenue.; State cost. -> f1 12"
    assert (
        decision.content
        == f"Question: {QUESTION}\nEarlier: {earlier}\nFindings:\nt1: f2\nRounds left: 1"
    )
    pieces = [("question", QUESTION), ("digest", earlier), ("digest", "t1: f2")]
    assert [part for part in decision.parts if part[0] != "prompt"] == pieces
    assert again.parts[:-1] == decision.parts
