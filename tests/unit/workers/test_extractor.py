"""The extractor: a job becomes a finding in the document's own words, or an honest status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minions.errors import AuthenticationError, ContextOverflowError, ServerError
from minions.testing import ScriptedModel
from minions.values.chat import Completion, Usage
from minions_workers.extractor import Extractor
from minions_workers.probabilities import Probabilities

TEXT = "Overview\nNet revenue was 12.4 million in 2022.\nCosts were 3 million.\nStaff: 40."
YES = {"Yes": -0.1, "No": -2.5}
NO = {"No": -0.05, "Yes": -3.0}


def look(first_token: dict[str, float] | None) -> Completion:
    return Completion(
        text="Yes",
        finish_reason="length",
        usage=Usage(input_tokens=90, output_tokens=1),
        first_token=first_token,
    )


def reply(text: str, *, finish_reason: Any = "stop") -> Completion:
    return Completion(
        text=text, finish_reason=finish_reason, usage=Usage(input_tokens=95, output_tokens=12)
    )


async def _run(
    make: Any, *replies: Any, task: dict[str, Any] | None = None, **options: Any
) -> tuple[Any, Any]:
    model = ScriptedModel(list(replies))
    result = await Extractor(model, **options).run(make.job(TEXT, **(task or {})))
    return result, model


async def test_pointing_brings_the_documents_own_line(make: Any) -> None:
    """The worker replies 2; the citation is that line, at its offsets, with its neighbours."""
    result, _ = await _run(make, look(YES), reply('{"lines": [2], "answer": "12.4 million"}'))
    (finding,) = result.findings
    assert result.status == "found"
    assert finding.citation.quote == "Net revenue was 12.4 million in 2022."
    assert TEXT[finding.citation.start : finding.citation.end] == finding.citation.quote
    assert (finding.before, finding.after) == ("Overview", "Costs were 3 million.\nStaff: 40.")
    assert finding.confidence == pytest.approx(0.917, abs=0.001)


async def test_a_look_that_says_no_abstains_for_one_token(make: Any) -> None:
    """A chunk without the answer costs one token of output."""
    result, model = await _run(make, look(NO))
    assert (result.status, result.usage.output_tokens, len(model.requests)) == ("abstained", 1, 1)


async def test_without_probabilities_every_chunk_is_extracted(make: Any) -> None:
    """A server that gives none still works, with a middling confidence."""
    result, _ = await _run(make, look(None), reply('{"lines": [2], "answer": "12.4"}'))
    assert (result.status, result.relevance, result.findings[0].confidence) == ("found", None, 0.5)


async def test_a_server_without_probabilities_is_asked_to_look_once(make: Any) -> None:
    """The first look's word counts; then no look is paid for, and the user gets one warning."""
    events: list[Any] = []
    found = reply('{"lines": [2], "answer": "12.4"}')
    model = ScriptedModel([look(None), found, found, found])
    worker = Extractor(model, probabilities=Probabilities(model, events.append))
    results = [await worker.run(make.job(TEXT)) for _ in range(3)]
    assert [result.status for result in results] == ["found"] * 3
    assert len(model.requests) == 4
    (event,) = events
    assert "no token probabilities" in event.message


async def test_without_probabilities_the_first_look_may_still_say_no(make: Any) -> None:
    """A look that replies no abstains, also without a probability."""
    refusal = look(None).model_copy(update={"text": "No"})
    result, model = await _run(make, refusal)
    assert (result.status, result.relevance, len(model.requests)) == ("abstained", None, 1)


async def test_candidates_without_a_yes_or_no_are_no_verdict(make: Any) -> None:
    """A model that would reply something else is asked for the lines, and for a look again in the
    next job.
    """
    found = reply('{"lines": [2], "answer": "12.4"}')
    model = ScriptedModel([look({"Maybe": -0.1}), found, look(YES), found])
    worker = Extractor(model)
    results = [await worker.run(make.job(TEXT)) for _ in range(2)]
    assert [result.status for result in results] == ["found", "found"]
    assert results[1].relevance == pytest.approx(0.917, abs=0.001)


async def test_further_samples_may_come_out_differently(make: Any) -> None:
    """Another sample at temperature 0 would repeat the first."""
    found = reply('{"lines": [2], "answer": "12.4"}')
    model = ScriptedModel([look(YES), found, look(YES), found])
    worker = Extractor(model)
    for sample in (0, 1):
        await worker.run(make.job(TEXT).model_copy(update={"sample": sample}))
    extractions = [request for request in model.requests if request.json_schema is not None]
    assert [request.temperature for request in extractions] == [0.0, 0.7]


@pytest.mark.parametrize(("output", "most", "characters"), [("list", 8, 400), ("text", 3, 160)])
async def test_a_list_may_stand_in_more_lines(
    make: Any, output: str, most: int, characters: int
) -> None:
    """The items of a list are not cut to three lines, and prompt and schema agree."""
    _, model = await _run(
        make, look(YES), reply('{"lines": [2], "answer": "a, b"}'), task={"output": output}
    )
    asked = model.requests[-1]
    properties = (asked.json_schema or {})["properties"]
    assert f"at most {most})" in asked.messages[-1].content
    assert properties["lines"]["maxItems"] == most
    assert properties["answer"]["anyOf"][0]["maxLength"] == characters
    assert asked.max_output_tokens > characters / 4 + 3 * most


async def test_both_turns_share_the_passage_as_a_prefix(make: Any) -> None:
    """A server that has read the chunk for the look need not read it again for the extraction."""
    _, model = await _run(make, look(YES), reply('{"lines": [], "answer": null}'))
    first, second = (request.messages for request in model.requests)
    shared = first[-1].content.split("\n\nDoes this")[0]
    assert first[0] == second[0]
    assert "2: Net revenue was 12.4 million in 2022." in shared
    assert second[-1].content.startswith(shared)


CASES = {
    "lines as text": ('{"lines": "2", "answer": "12.4 million"}', "found"),
    "lines as a range": ('{"lines": ["2-3"], "answer": "12.4 million"}', "found"),
    "a bare number": ('{"lines": 2, "answer": "12.4 million"}', "found"),
    "fenced": ('```json\n{"lines": [2], "answer": "12.4 million"}\n```', "found"),
    "answer as a number": ('{"lines": [2], "answer": 12.4}', "found"),
    "no answer, but lines": ('{"lines": [2], "answer": null}', "found"),
    "nothing": ('{"lines": [], "answer": null}', "abstained"),
    "nothing, in words": ('{"lines": [], "answer": "not mentioned"}', "abstained"),
    "lines that do not exist": ('{"lines": [77], "answer": "12"}', "abstained"),
    "prose": ("The revenue was good.", "failed"),
}


@pytest.mark.parametrize(("text", "status"), CASES.values(), ids=CASES.keys())
async def test_replies_of_every_shape_have_a_status(make: Any, text: str, status: str) -> None:
    """Small models bend every format; each bend is either understood or counted."""
    result, _ = await _run(make, look(YES), reply(text))
    assert result.status == status
    assert bool(result.findings) == (status == "found")


@pytest.mark.parametrize(
    "quote",
    [
        "2: Net revenue was 12.4 million in 2022.",
        "2: Net revenue was 12.4 million in 2022.\n3: Costs were 3",
    ],
)
async def test_a_quote_copied_with_its_line_number_is_grounded(make: Any, quote: str) -> None:
    """The line numbers are the prompt's, not the document's."""
    text = json.dumps({"quote": quote, "answer": "12.4"})
    result, _ = await _run(make, look(YES), reply(text), evidence="quote")
    citation = result.findings[0].citation
    assert citation.quote.startswith("Net revenue was 12.4 million in 2022.")
    assert citation.status in {"exact", "normalised"}


async def test_a_quote_is_grounded_or_dropped_and_counted(make: Any) -> None:
    """A quote that does not stand in the chunk never becomes a finding."""
    kept, _ = await _run(
        make,
        look(YES),
        reply('{"quote": "net revenue WAS 12.4 million", "answer": "12.4"}'),
        evidence="quote",
    )
    assert kept.findings[0].citation.quote == "Net revenue was 12.4 million"
    assert kept.findings[0].citation.status == "normalised"
    invented, _ = await _run(
        make,
        look(YES),
        reply('{"quote": "gold costs 1,900 dollars an ounce", "answer": "1,900"}'),
        evidence="quote",
    )
    assert (invented.status, invented.ungrounded, invented.findings) == ("abstained", True, ())


async def test_an_answer_that_stands_elsewhere_brings_its_own_line_first(make: Any) -> None:
    """A worker that miscounts lines still brings the right line."""
    result, _ = await _run(make, look(YES), reply('{"lines": [4], "answer": "12.4 million"}'))
    assert result.findings[0].citation.quote == "Net revenue was 12.4 million in 2022."


async def test_a_cut_off_reply_keeps_its_evidence_or_says_it_was_cut(make: Any) -> None:
    """A worker that loops is cut off: its lines count if they were complete, else the partial text
    is kept.
    """
    complete, _ = await _run(
        make, look(YES), reply('{"lines": [2], "answer": "12.4 12.4 12.4', finish_reason="length")
    )
    assert complete.status == "found"
    cut, _ = await _run(make, look(YES), reply("{ \n \n \n", finish_reason="length"))
    assert (cut.status, cut.partial, cut.usage.output_tokens) == ("truncated", "{ \n \n \n", 13)


@pytest.mark.parametrize("error", [ServerError("down"), ContextOverflowError("too long")])
async def test_a_jobs_trouble_is_data(make: Any, error: Exception) -> None:
    """One failed job does not end the run; its reason is kept."""
    result, _ = await _run(make, error)
    assert result.status == "failed"
    assert str(error) in (result.reason or "")


async def test_a_wrong_key_ends_the_run(make: Any) -> None:
    """An error that every other job would meet is raised at once."""
    with pytest.raises(AuthenticationError):
        await _run(make, AuthenticationError("no"))


async def test_a_passages_answer_without_a_line_is_no_finding(make: Any) -> None:
    """An answer from a chunk needs the line where it stands."""
    task = {"output": "yes_no", "unit": "chunk"}
    result, _ = await _run(make, look(YES), reply('{"lines": [], "answer": "yes"}'), task=task)
    assert result.status == "abstained"


def test_what_was_read_with_default_settings_stays_known() -> None:
    """The fingerprint of the defaults is frozen: an upgrade reads nothing twice. Change it
    knowingly.
    """
    fingerprint = Extractor(ScriptedModel([])).fingerprint
    assert fingerprint == "f04a1ea1947bc650cef33faa6ab038641f2566a6ae60a4b13207ea2b88427516"


@pytest.mark.parametrize(("reasoning", "field"), [("draft", "draft"), ("cot", "reasoning")])
@pytest.mark.parametrize("evidence", ["lines", "quote"])
async def test_a_worker_may_think_first(
    make: Any, reasoning: Any, field: str, evidence: Any
) -> None:
    """Thinking comes before the evidence, has a bounded field of its own, and is not part of the
    finding.
    """
    asked = []
    for chosen in ("none", reasoning):
        text = json.dumps(
            {field: "revenue: line 2", "lines": [2], "quote": "was 12.4 million", "answer": "12.4"}
        )
        result, model = await _run(
            make, look(YES), reply(text), reasoning=chosen, evidence=evidence
        )
        assert result.findings[0].answer == "12.4"
        asked.append(model.requests[-1])
    plain, thinking = asked
    fields = (thinking.json_schema or {})["properties"]
    assert next(iter(fields)) == field
    assert fields[field]["maxLength"] > 0
    assert set(fields) - {field} == set((plain.json_schema or {})["properties"])
    assert thinking.max_output_tokens - plain.max_output_tokens > fields[field]["maxLength"] / 4
    assert f"Reply with JSON. {field}:" in thinking.messages[-1].content


INVENTED = '{"lines": [4], "answer": "900 dollars"}'


async def test_a_second_look_replaces_what_stands_nowhere(make: Any) -> None:
    """An answer that stands in no line is objected to, with the lines it points at, on the same
    prefix.
    """
    second = reply('{"lines": [2], "answer": "12.4 million"}')
    result, model = await _run(make, look(YES), reply(INVENTED), second, second_look=True)
    assert [finding.answer for finding in result.findings] == ["12.4 million"]
    assert result.findings[0].citation.quote == "Net revenue was 12.4 million in 2022."
    asked, again = model.requests[1].messages, model.requests[2].messages
    assert again[: len(asked)] == asked
    assert again[-2].content == INVENTED
    assert "4: Staff: 40." in again[-1].content
    assert '"900 dollars"' in again[-1].content
    assert result.usage.output_tokens == 1 + 12 + 12


@pytest.mark.parametrize(
    "second",
    ['{"lines": [], "answer": null}', '{"lines": [3], "answer": "1,000 dollars"}', "I cannot say."],
)
async def test_a_second_look_that_settles_nothing_changes_nothing(make: Any, second: str) -> None:
    """The lines of the first reply are kept: the planner trusts lines over answers."""
    result, _ = await _run(make, look(YES), reply(INVENTED), reply(second), second_look=True)
    assert [finding.citation.quote for finding in result.findings] == ["Staff: 40."]


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ('{"lines": [2], "answer": "12.4 million"}', {}),
        ('{"lines": [4], "answer": "12.4 million"}', {}),
        ('{"lines": [2], "answer": null}', {}),
        ('{"lines": [], "answer": "900 dollars"}', {}),
        ('{"lines": [2], "answer": "it is"}', {}),
        ('{"lines": [2], "answer": "yes"}', {"output": "yes_no"}),
        ("The revenue was good.", {}),
    ],
    ids=[
        "in its lines",
        "in another line",
        "no answer",
        "no lines",
        "no words",
        "yes or no",
        "unreadable",
    ],
)
async def test_nothing_to_object_to_costs_nothing(
    make: Any, text: str, task: dict[str, Any]
) -> None:
    """A second look is paid for only where lines and answer disagree."""
    _, model = await _run(make, look(YES), reply(text), second_look=True, task=task)
    assert len(model.requests) == 2


async def test_a_second_look_that_does_not_fit_keeps_the_first(make: Any) -> None:
    """It holds the first reply as well, so it may be too long even if the first was not."""
    overflow = ContextOverflowError("too long", usage=Usage(input_tokens=9))
    result, _ = await _run(make, look(YES), reply(INVENTED), overflow, second_look=True)
    assert [finding.citation.quote for finding in result.findings] == ["Staff: 40."]
    alone, _ = await _run(make, look(YES), reply(INVENTED))
    assert result.usage.input_tokens == alone.usage.input_tokens + 9


async def test_a_second_look_is_off_unless_asked_for(make: Any) -> None:
    """By default a job is two turns."""
    _, model = await _run(make, look(YES), reply(INVENTED))
    assert len(model.requests) == 2
