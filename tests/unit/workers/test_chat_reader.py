"""The worker of a chat: one reply over all chunks, each piece of evidence where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from minions.errors import AuthenticationError, ContextOverflowError, ServerError
from minions.testing import ScriptedModel
from minions.values.chat import Completion, Usage
from minions.values.jobs import Job
from minions_workers.holder import ChatReader

FIRST = "Overview\nThe harbour has two quays.\n"
SECOND = "Net revenue was 12.4 million in 2022.\nCosts were 3 million.\n"
OTHER = "Staff: 40.\nThe chair is Helene Stoddart.\n"


@pytest.fixture
def jobs(make: Any) -> list[Job]:
    """Two chunks of a report, one after the other, and one from the end of another report."""
    places: list[dict[str, Any]] = [
        {"id": "a:0", "document_id": "a", "path": "report.txt", "start": 0},
        {"id": "a:1", "document_id": "a", "path": "report.txt", "index": 1, "start": len(FIRST)},
        {
            "id": "b:7",
            "document_id": "b",
            "path": "people.txt",
            "index": 7,
            "start": 500,
            "headings": ("Staff",),
        },
    ]
    task = make.task("What was net revenue in 2022?")
    texts = zip((FIRST, SECOND, OTHER), places, strict=True)
    return [
        Job(
            id=f"r1.t1.{place['id']}.0",
            task=task,
            chunk=make.chunk(text, **place),
            rank=(2, 0, 1)[n],
        )
        for n, (text, place) in enumerate(texts)
    ]


async def _read(
    jobs: list[Job], *replies: Any, **options: Any
) -> tuple[dict[str, Any], ScriptedModel]:
    model = ScriptedModel(list(replies))
    results = await ChatReader(model, **options).read(jobs)
    assert sorted(result.job.id for result in results) == sorted(job.id for job in jobs)
    return {result.job.chunk.id: result for result in results}, model


async def test_lines_are_numbered_through_and_lead_back_to_their_passage(jobs: list[Job]) -> None:
    """Line 3 of all is the first of the second chunk: the finding is the document's own text at its
    offsets.
    """
    results, _ = await _read(jobs, {"lines": [3], "answer": "12.4 million"})
    assert [results[id_].status for id_ in ("a:0", "a:1", "b:7")] == [
        "abstained",
        "found",
        "abstained",
    ]
    (finding,) = results["a:1"].findings
    assert finding.citation.quote == "Net revenue was 12.4 million in 2022."
    assert (finding.citation.path, finding.citation.start) == ("report.txt", len(FIRST))
    assert finding.answer == "12.4 million"


async def test_evidence_may_stand_in_several_documents(jobs: list[Job]) -> None:
    """Lines of two chunks are two findings, each with the answer; neighbouring lines of two chunks
    are not joined.
    """
    results, _ = await _read(jobs, {"lines": [4, 5, 6], "answer": "costs 3 million, staff 40"})
    assert [finding.citation.quote for finding in results["a:1"].findings] == [
        "Costs were 3 million."
    ]
    assert [finding.citation.quote for finding in results["b:7"].findings] == [
        "Staff: 40.\nThe chair is Helene Stoddart."
    ]
    assert results["b:7"].findings[0].citation.start == 500


async def test_a_line_that_holds_the_answer_goes_along(jobs: list[Job]) -> None:
    """A weak reader miscounts lines: its answer leads to the right line, whose confidence is
    higher.
    """
    results, _ = await _read(jobs, {"lines": [1], "answer": "12.4 million"})
    (pointed,), (better,) = results["a:0"].findings, results["a:1"].findings
    assert "12.4" in better.citation.quote
    assert better.confidence > pointed.confidence


async def test_a_passage_that_goes_on_has_no_place_of_its_own(jobs: list[Job]) -> None:
    """A chunk that continues the one before has no heading; any other has one."""
    _, model = await _read(jobs, {"lines": [], "answer": None})
    shown = model.requests[0].messages[-1].content
    assert (
        "Passage from report.txt\n1: Overview\n2: The harbour has two quays.\n3: Net revenue"
        in shown
    )
    assert "4: Costs were 3 million.\n\nPassage from people.txt > Staff\n5: Staff: 40." in shown


async def test_messages_share_the_passages_as_a_prefix(jobs: list[Job]) -> None:
    """A server that has read the chunks for one message need not read them again for the next."""
    model = ScriptedModel([{"lines": [], "answer": None}] * 2)
    other = [
        job.model_copy(update={"task": job.task.model_copy(update={"instruction": "Who chairs?"})})
        for job in jobs
    ]
    for asked in (jobs, other):
        await ChatReader(model).read(asked)
    (first, second) = model.requests
    assert first.messages[0] == second.messages[0]
    shared = first.messages[1].content.partition("Message:")[0]
    assert "The chair is Helene Stoddart." in shared
    assert second.messages[1].content.startswith(shared + "Message: Who chairs?")
    assert first.affinity == second.affinity is not None


@pytest.mark.parametrize(
    "reply", [{"lines": [], "answer": None}, {"lines": [], "answer": "12.4 million"}]
)
async def test_without_evidence_there_is_no_finding(jobs: list[Job], reply: dict[str, Any]) -> None:
    """An answer without lines is not a finding."""
    results, _ = await _read(jobs, reply)
    assert {result.status for result in results.values()} == {"abstained"}
    assert not any(result.findings or result.ungrounded for result in results.values())


async def test_lines_that_do_not_exist_are_ungrounded(jobs: list[Job]) -> None:
    """If all evidence is invented, every chunk counts as ungrounded."""
    results, _ = await _read(jobs, {"lines": [99], "answer": "12"})
    assert {(result.status, result.ungrounded) for result in results.values()} == {
        ("abstained", True)
    }


@pytest.mark.parametrize(
    ("quote", "found", "status"),
    [
        ("Net revenue was 12.4 million", {"a:1": "Net revenue was 12.4 million"}, "exact"),
        ("the chair is  helene stoddart", {"b:7": "The chair is Helene Stoddart"}, "normalised"),
        ("The chair is Hellene Stodart.", {"b:7": "The chair is Helene Stoddart."}, "fuzzy"),
        ("Gold was at 1,800 dollars an ounce", dict[str, str](), None),
    ],
)
async def test_a_quote_is_looked_for_in_all_passages(
    jobs: list[Job], quote: str, found: dict[str, str], status: str | None
) -> None:
    """It is cited in the document's own words; a quote that stands nowhere is dropped."""
    results, model = await _read(jobs, {"quote": quote, "answer": "x"}, evidence="quote")
    cited = {
        id_: finding.citation for id_, result in results.items() for finding in result.findings
    }
    assert {id_: citation.quote for id_, citation in cited.items()} == found
    assert {citation.status for citation in cited.values()} == ({status} if status else set())
    assert all(result.ungrounded for result in results.values()) == (not found)
    assert "quote" in (model.requests[0].json_schema or {})["properties"]


@pytest.mark.parametrize(
    ("text", "finish_reason", "status", "ungrounded"),
    [
        ("I would say twelve.", "stop", "abstained", True),
        ('{"lines": [', "length", "truncated", False),
        ('{"lines": [], "ans', "length", "truncated", False),
    ],
)
async def test_a_reply_that_cannot_be_used_does_not_end_the_run(
    jobs: list[Job], text: str, finish_reason: Any, status: str, ungrounded: bool
) -> None:
    """The chunks were read, and the planner may ask in other words. The usage is on the first job."""
    usage = Usage(input_tokens=90, output_tokens=12)
    results, _ = await _read(jobs, Completion(text=text, finish_reason=finish_reason, usage=usage))
    assert {(result.status, result.ungrounded) for result in results.values()} == {
        (status, ungrounded)
    }
    assert [results[id_].usage for id_ in ("a:0", "a:1", "b:7")] == [usage, Usage(), Usage()]


async def test_what_is_too_much_for_the_server_is_read_by_the_best_half(jobs: list[Job]) -> None:
    """A server may count more tokens than the estimate: the most promising chunk is read, the
    others fail.
    """
    overflow = ContextOverflowError("4,200 tokens are more than 4,096")
    results, model = await _read(jobs, overflow, {"lines": [1], "answer": "12.4 million"})
    assert {id_: result.status for id_, result in results.items()} == {
        "a:0": "failed",
        "a:1": "found",
        "b:7": "failed",
    }
    assert "do not fit the worker's context" in results["a:0"].reason
    assert len(model.requests) == 2


async def test_one_passage_that_does_not_fit_has_failed(jobs: list[Job]) -> None:
    """A single chunk is not halved."""
    results, _ = await _read(jobs[:1], ContextOverflowError("too long"))
    assert results["a:0"].status == "failed"


async def test_trouble_of_the_server_is_data_and_trouble_of_the_run_is_raised(
    jobs: list[Job],
) -> None:
    """Errors are treated as by any other worker."""
    results, _ = await _read(jobs, ServerError("overloaded"))
    assert {result.status for result in results.values()} == {"failed"}
    with pytest.raises(AuthenticationError):
        await _read(jobs, AuthenticationError("wrong key"))


async def test_a_fingerprint_covers_how_it_reads() -> None:
    """Results of pointing are not taken for results of quoting, nor those of one model for
    another's.
    """
    readers = [
        ChatReader(ScriptedModel(), evidence="lines"),
        ChatReader(ScriptedModel(), evidence="quote"),
        ChatReader(ScriptedModel(reference="scripted:other")),
    ]
    assert len({reader.fingerprint for reader in readers}) == 3
