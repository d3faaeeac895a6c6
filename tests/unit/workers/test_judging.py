"""Judgements of documents: the verdict is the likeliest option, at its probability, for a token."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

from minions.errors import ContextOverflowError, ServerError
from minions.testing import ScriptedModel
from minions.values.chat import Completion, Usage
from minions_workers.chunk_worker import ChunkWorker
from minions_workers.judging import ballots

TEXT = "A film by nobody.\nIt starts well enough.\nOverall this review is positive.\nGo and see it."
YES_NO = {"output": "yes_no", "unit": "document"}
CATEGORY = {"output": "category", "unit": "document", "options": ("good", "bad", "mixed")}


def token(**probabilities: float) -> Completion:
    candidates = {word: log(share) for word, share in probabilities.items()}
    return Completion(
        text=max(candidates, key=candidates.__getitem__),
        finish_reason="length",
        usage=Usage(input_tokens=200, output_tokens=1),
        first_token=candidates,
    )


async def _judged(make: Any, *replies: Any, task: dict[str, Any]) -> tuple[Any, Any]:
    model = ScriptedModel(list(replies))
    asked = {"instruction": "Is this review positive overall?", **task}
    return await ChunkWorker(model).run(make.job(TEXT, **asked)), model


async def test_yes_or_no_costs_a_token(make: Any) -> None:
    """One call, one token out; the winner's share of yes and no is the confidence, in all their
    spellings.
    """
    result, model = await _judged(make, token(Yes=0.5, yes=0.1, No=0.2, Maybe=0.2), task=YES_NO)
    (finding,) = result.findings
    assert (result.status, finding.answer, finding.confidence) == ("found", "yes", 0.75)
    (request,) = model.requests
    assert (request.max_output_tokens, request.json_schema) == (1, None)
    assert request.first_token_candidates > 0
    assert TEXT in request.messages[-1].content
    assert result.usage.output_tokens == 1


async def test_a_judgement_cites_the_line_closest_to_the_task(make: Any) -> None:
    """It rests on the whole document; the citation is the line that shares most words with the
    instruction.
    """
    result, _ = await _judged(make, token(yes=0.9, no=0.1), task=YES_NO)
    citation = result.findings[0].citation
    assert (citation.quote, citation.status) == ("Overall this review is positive.", "exact")


async def test_a_judgement_that_shares_no_word_cites_the_opening_line(make: Any) -> None:
    """The opening line says which document it is."""
    result, _ = await _judged(
        make, token(yes=0.9, no=0.1), task={**YES_NO, "instruction": "Sarcastic?"}
    )
    assert result.findings[0].citation.quote == "A film by nobody."


async def test_options_are_lettered_and_asked_in_both_orders(make: Any) -> None:
    """A model that favours the first letter favours another option the second time: its favour
    cancels out.
    """
    favours_first = token(A=0.6, B=0.3, C=0.1)
    favours_bad = token(A=0.2, B=0.7, C=0.1)
    result, model = await _judged(make, favours_first, favours_bad, task=CATEGORY)
    assert "A. good\nB. bad\nC. mixed" in model.requests[0].messages[-1].content
    assert "A. mixed\nB. bad\nC. good" in model.requests[1].messages[-1].content
    (finding,) = result.findings
    assert finding.answer == "bad"
    good, bad, mixed = (0.6 * 0.1) ** 0.5, (0.3 * 0.7) ** 0.5, (0.1 * 0.2) ** 0.5
    assert finding.confidence == pytest.approx(bad / (good + bad + mixed), abs=0.001)


async def test_all_judgements_of_a_document_share_its_text_as_a_prefix(make: Any) -> None:
    """A server reads the document once, however many ballots and tasks there are."""
    _, model = await _judged(make, token(A=0.9), token(A=0.9), task=CATEGORY)
    first, second = (request.messages for request in model.requests)
    shared = first[-1].content[: first[-1].content.index("A. ")]
    assert shared.index(TEXT) > 0
    assert first[0] == second[0]
    assert second[-1].content.startswith(shared)


@pytest.mark.parametrize("other", [{"Perhaps": 0.9}, {"<think>": 0.999, "no": 0.0001}])
async def test_candidates_without_any_option_are_no_verdict(
    make: Any, other: dict[str, float]
) -> None:
    """A model that would reply something else is asked in writing; the next document is asked for a
    token again.
    """
    written = '{"answer": "yes"}'
    model = ScriptedModel([token(**other), written, token(yes=0.9, no=0.1)])
    worker = ChunkWorker(model)
    results = [await worker.run(make.job(TEXT, **YES_NO)) for _ in range(2)]
    assert [result.findings[0].answer for result in results] == ["yes", "yes"]
    assert len(model.requests) == 3


async def test_more_options_than_letters_are_written(make: Any) -> None:
    """There are not enough letters for twenty-seven options, so the verdict is written."""
    options = tuple(f"kind {number}" for number in range(27))
    text = '{"answer": "kind 7"}'
    result, model = await _judged(make, text, task={**CATEGORY, "options": options})
    assert (result.findings[0].answer, len(model.requests)) == ("kind 7", 1)


async def test_a_document_too_long_for_the_server_votes_by_halves(make: Any) -> None:
    """A context may be smaller than the settings say: both halves are judged, and vote together."""
    asked: list[str] = []

    def reading(request: Any) -> Any:
        text = request.messages[-1].content
        if "A film" in text and "Go and see it" in text:
            return ContextOverflowError("too long", usage=Usage(input_tokens=7))
        asked.append(text)
        return token(yes=0.95, no=0.05) if "Go and see it" in text else token(yes=0.4, no=0.6)

    model = ScriptedModel(reading)
    result = await ChunkWorker(model).run(
        make.job(TEXT, instruction="Is this review positive overall?", **YES_NO)
    )
    (finding,) = result.findings
    odds = ((0.95 * 0.4) / (0.05 * 0.6)) ** 0.5
    assert finding.answer == "yes"
    assert finding.confidence == pytest.approx(odds / (1 + odds), abs=0.001)
    assert finding.citation.quote == "Overall this review is positive."
    assert len(asked) == 2
    assert all(any(line in text for text in asked) for line in TEXT.splitlines())
    assert result.usage.input_tokens == 200 + 200 + 7


@pytest.mark.parametrize(
    ("first", "second", "verdict"), [("yes", "no", "yes"), ("null", "no", "no")]
)
async def test_halves_of_a_document_are_judged_in_writing_where_there_are_no_probabilities(
    make: Any, first: str, second: str, verdict: str
) -> None:
    """A document that is too long for such a server is judged all the same; of halves that differ,
    the first decides.
    """

    def reading(request: Any) -> Any:
        text = request.messages[-1].content
        if "A film" in text and "Go and see it" in text:
            return ContextOverflowError("too long", usage=Usage(input_tokens=7))
        answer = first if "A film" in text else second
        reply = '{"answer": null}' if answer == "null" else f'{{"answer": "{answer}"}}'
        return Completion(text=reply, finish_reason="stop", usage=Usage(input_tokens=100))

    result = await ChunkWorker(ScriptedModel(reading), reasoning="draft").run(
        make.job(TEXT, **YES_NO)
    )
    assert [finding.answer for finding in result.findings] == [verdict]
    assert result.usage.input_tokens == 7 + 100 + 100


async def test_a_line_that_is_too_long_fails_its_job(make: Any) -> None:
    """A document of one line cannot be halved: its job fails, and says why."""
    model = ScriptedModel([ContextOverflowError("too long")])
    result = await ChunkWorker(model).run(make.job("One line.", **YES_NO))
    assert (result.status, "does not fit" in (result.reason or "")) == ("failed", True)


BLIND = token(yes=0.9).model_copy(update={"first_token": None})  # a server without probabilities


async def test_without_probabilities_a_judgement_is_written(make: Any) -> None:
    """It is constrained to the options, on the same prefix; the second document is not asked for
    probabilities.
    """
    written = '{"answer": "good"}'
    model = ScriptedModel([BLIND, written, written])
    worker = ChunkWorker(model)
    results = [await worker.run(make.job(TEXT, **CATEGORY)) for _ in range(2)]
    outcomes = [
        (result.status, result.findings[0].answer, result.findings[0].confidence)
        for result in results
    ]
    assert outcomes == [("found", "good", 0.5)] * 2
    ballot, first, second = (request.messages for request in model.requests)
    assert (model.requests[1].json_schema or {})["properties"] == {
        "answer": {"enum": ["good", "bad", "mixed", None]}
    }
    assert first == second
    assert ballot[-1].content.partition(TEXT)[0] == first[-1].content.partition(TEXT)[0]


@pytest.mark.parametrize(
    ("text", "finish_reason", "status"),
    [
        ('{"answer": null}', "stop", "abstained"),
        ('{"answer": "none"}', "stop", "found"),
        ('{"answer": "go', "length", "truncated"),
        ("It is good.", "stop", "failed"),
        ('{"answer": "splendid"}', "stop", "abstained"),
        ('{"answer": "Good."}', "stop", "found"),
        ('{"answer": "good, for it ends well"}', "stop", "found"),
        ('```json\n{"answer": "good"}\n```\nIt praises the', "length", "found"),
    ],
)
async def test_what_is_written_is_a_judgement_or_none(
    make: Any, text: str, finish_reason: Any, status: str
) -> None:
    """Null, half a word, prose and other words are not judgements, also if the server does not
    enforce the schema; an option may be called none, and have a point or words after it.
    """
    task = {**CATEGORY, "options": ("good", "none")}
    written = Completion(text=text, finish_reason=finish_reason, usage=Usage(output_tokens=9))
    result, _ = await _judged(make, BLIND, written, task=task)
    assert (result.status, bool(result.findings)) == (status, status == "found")
    assert result.usage.output_tokens == 1 + 9


@pytest.mark.parametrize(("reasoning", "field"), [("draft", "draft"), ("cot", "reasoning")])
async def test_a_worker_that_thinks_judges_in_writing(
    make: Any, reasoning: Any, field: str
) -> None:
    """The first token's probabilities are those of an answer without thinking."""
    model = ScriptedModel([f'{{"{field}": "praise", "answer": "good"}}'])
    result = await ChunkWorker(model, reasoning=reasoning).run(make.job(TEXT, **CATEGORY))
    (request,) = model.requests
    assert result.findings[0].answer == "good"
    assert list((request.json_schema or {})["properties"]) == [field, "answer"]
    assert f"Reply with JSON. {field}:" in request.messages[-1].content


async def test_options_of_yes_and_no_are_asked_as_yes_or_no(make: Any) -> None:
    """These two options get no letters; the answer is spelt as the plan spells it."""
    task = {**CATEGORY, "options": ("Yes", "No")}
    result, model = await _judged(make, token(yes=0.2, no=0.8), task=task)
    assert (result.findings[0].answer, len(model.requests)) == ("No", 1)


async def test_yes_or_no_stays_so_whatever_options_a_plan_adds(make: Any) -> None:
    """The prompt asks for yes or no, so a ballot over other words would weigh nothing."""
    task = {**YES_NO, "options": ("positive", "negative")}
    result, model = await _judged(make, token(yes=0.8, no=0.2), task=task)
    assert (result.findings[0].answer, result.findings[0].confidence, len(model.requests)) == (
        "yes",
        0.8,
        1,
    )


async def test_a_passages_question_is_no_judgement(make: Any) -> None:
    """A yes-or-no task over chunks is looked at and extracted, like any other."""
    text = '{"lines": [3], "answer": "yes"}'
    _, model = await _judged(make, token(yes=0.9, no=0.1), text, task={"output": "yes_no"})
    assert model.requests[-1].json_schema is not None


async def test_a_ballot_that_fails_is_data_and_keeps_what_was_spent(make: Any) -> None:
    """The second ballot's trouble fails the job; the first one's tokens are counted."""
    result, _ = await _judged(make, token(A=0.9), ServerError("down"), task=CATEGORY)
    assert (result.status, result.usage.input_tokens) == ("failed", 200)


def test_further_samples_begin_with_another_option(make: Any) -> None:
    """The same ballot again would give the same verdict."""
    task = make.task(**CATEGORY)
    first = [ballots(task, sample=sample)[0].tokens["A"] for sample in range(3)]
    assert first == ["good", "bad", "mixed"]
