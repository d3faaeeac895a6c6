"""The loop with all its parts but the models: rounds, what each sees of the others, and what becomes of decisions."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest

from minions.corpus.index import Index
from minions.evidence.finding import find
from minions.evidence.grounding import Location
from minions.execution.executor import LocalExecutor
from minions.execution.expand import expand
from minions.privacy.outgoing import CloudGate
from minions.redaction.detector import detector
from minions.redaction.placeholders import Placeholders
from minions.run.condense import Condenser
from minions.run.loop import Parts, answer
from minions.run.result import compose
from minions.run.transcript import Transcript
from minions.values.answers import UsageByRole
from minions.values.jobs import JobResult
from minions.values.limits import Limits
from minions.values.plans import Decision, Plan, Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.jobs import Job
    from minions.values.plans import History

    Asking = Callable[..., Any]


class Script:
    """A planner that says what it was told to, and remembers what it saw."""

    def __init__(self, plan: Plan, decisions: list[Decision]) -> None:
        self._plan, self._decisions = plan, decisions
        self.seen: list[tuple[Digest, History]] = []

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """See `minions.ports.Planner`."""
        assert question
        assert card.text
        return self._plan

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        assert question
        self.seen.append((digest, history))
        return self._decisions.pop(0)


class Finder:
    """A worker that finds the line with its task's first word in capitals; its answer is the last word of the line."""

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        word = re.search(r"\b[A-Z]{2,}\b", job.task.instruction)
        line = (
            re.search(rf"^.*{word[0]}.*?(\S+)\.$", job.chunk.text, re.MULTILINE | re.IGNORECASE)
            if word
            else None
        )
        if line is None:
            return JobResult(job=job, status="abstained")
        place = Location(line.start(), line.end(), "exact", 1.0)
        found = find(job, place, answer=line[1], confidence=self._confidence)
        return JobResult(job=job, status="found", findings=(found,))


@pytest.fixture
def run(tmp_path: Path) -> Asking:
    """Runs the loop over documents, for the result and the planner."""

    async def asking(
        documents: dict[str, str], plan: list[Task], *decisions: Decision, **settings: Any
    ) -> Any:
        policy, confidence = settings.pop("policy", "findings"), settings.pop("confidence", 0.9)
        limits = Limits(**settings)
        for name, text in documents.items():
            (tmp_path / name).write_text(text)
        script = Script(Plan(tasks=tuple(plan)), list(decisions))
        with Index.open(tmp_path / "index.sqlite3") as index:
            corpus, _ = index.update([tmp_path / name for name in documents], chunk_tokens=60)
            executor = LocalExecutor(Finder(confidence), concurrency=2)
            transcript = Transcript("run", "The question?", lambda _: None)
            gate = CloudGate(policy)
            parts = Parts(corpus, script, executor, Condenser(corpus, limits, gate), limits)
            decision = await answer(parts, transcript)
            reason: Any = "answered" if decision.answer is not None else "no_answer"
            usage = UsageByRole()
            return compose(
                transcript, corpus, reason, usage=usage, egress=gate.report(), elapsed_s=1
            ), script

    return asking


@pytest.mark.parametrize("policy", ["strict", "findings"])
async def test_a_digest_is_the_same_in_whatever_order_jobs_end(tmp_path: Path, policy: Any) -> None:
    """Placeholders too: a run that is resumed asks in the same words, and pays for no answer twice."""
    plan = Plan(tasks=(Task(id="t1", instruction="The OWNER of the ship"),))
    paths = [tmp_path / f"{name}.txt" for name in ("Zanzibar", "Tortuga", "Skerrow")]
    for path in paths:
        name = path.stem
        path.write_text(f"The owner, {name.lower()}@mail.example.com, lives in {name}.\n")
    digests = set[str]()
    with Index.open(tmp_path / "index.sqlite3") as index:
        corpus, _ = index.update(paths, chunk_tokens=60)
        expansion = expand(plan, "q", corpus, Limits())
        results = [await Finder(0.9).run(job) for job in expansion.jobs]
        for order in itertools.permutations(results):
            gate = CloudGate(policy, placeholders=Placeholders(detector()))
            condenser = Condenser(corpus, Limits(), gate)
            transcript = Transcript("run", "q", lambda _: None)
            transcript.planned(plan, expansion)
            for result in order:
                transcript.finished(result, condenser.findings(result))
            digests.add(gate.placeholders.redact(condenser.digest(transcript).text, held=True))
    (digest,) = digests
    assert ("[ANSWER_3]" if policy == "strict" else "[EMAIL_3]") in digest


FIGURES = "Net revenue of 2021 was 10.1.\nNet revenue of 2022 was 12.4.\n"


async def test_arithmetic_of_an_answer_is_worked_out_on_the_device(run: Asking) -> None:
    """The answer holds the result; the working stands beside it, and the citation spans the lines it rests on."""
    growth = Decision(
        answer="It grew by {{(12.4 - 10.1) / 10.1 * 100 | 1}} %.", findings=("f1",), confidence=0.8
    )
    result, _ = await run(
        {"a.txt": FIGURES}, [Task(id="t1", instruction="REVENUE of 2022")], growth
    )
    assert (result.answer, result.confidence, result.warnings) == ("It grew by 22.8 %.", 0.8, ())
    (calculation,) = result.calculations
    assert (calculation.expression, calculation.result) == ("(12.4 - 10.1) / 10.1 * 100", "22.8")
    assert result.citations[0].quote == FIGURES.strip()


async def test_arithmetic_that_does_not_hold_costs_confidence(run: Asking) -> None:
    """A number that stands nowhere, a division by zero: the answer stays, with a warning."""
    wrong = Decision(answer="{{12.4 * 7.7}}, {{1/0}}", findings=("f1",), confidence=0.8)
    result, _ = await run({"a.txt": FIGURES}, [Task(id="t1", instruction="REVENUE")], wrong)
    assert result.answer == "95.48, 1/0"
    assert result.confidence < 0.8
    assert len(result.warnings) == 2


async def test_what_arithmetic_names_is_cited(run: Asking) -> None:
    """The planner names a finding in its working, and forgets it in its list."""
    named = Decision(answer="{{f1 * 2}}", findings=(), confidence=0.8)
    result, _ = await run(
        {"a.txt": FIGURES}, [Task(id="t1", instruction="REVENUE", output="number")], named
    )
    assert [citation.id for citation in result.citations] == ["f1"]
    assert not any("cites no finding" in warning for warning in result.warnings)


TABLE = "Results of the year\nSales of goods 13.0\nCost of goods 4.1\n"
LOOK = Task(
    id="t1", instruction="REVENUE of 2022", output="number", search=("revenue", "results sales")
)
ENOUGH = Decision(answer="12.4", findings=("f1",), confidence=0.9)


@pytest.mark.parametrize(
    ("texts", "settings", "sent"),
    [
        ({"a.txt": FIGURES, "b.txt": TABLE}, {}, False),
        ({"a.txt": FIGURES, "b.txt": TABLE}, {"confidence": 0.3}, True),
        ({"a.txt": FIGURES, "b.txt": TABLE}, {"confidence": 0.3, "low_confidence": 0.2}, False),
        ({"a.txt": FIGURES, "b.txt": TABLE}, {"confidence": 0.3, "near_misses": 0}, False),
        ({"a.txt": FIGURES, "b.txt": TABLE}, {"confidence": 0.3, "policy": "strict"}, False),
        (
            {
                "a.txt": f"{FIGURES}\n\n{'Of the quay. ' * 40}\n\nRevenue was 11.9.\n",
                "b.txt": TABLE,
            },
            {},
            True,
        ),
        ({"b.txt": TABLE}, {}, True),
        ({"b.txt": TABLE}, {"near_misses": 0}, False),
        ({"b.txt": TABLE}, {"policy": "strict"}, False),
    ],
    ids=[
        "sure",
        "unsure",
        "sure enough",
        "off",
        "strict",
        "conflict",
        "nothing",
        "nothing, off",
        "nothing, strict",
    ],
)
async def test_lines_of_the_index_go_up_where_findings_do_not_suffice(
    run: Asking, texts: dict[str, str], settings: dict[str, Any], sent: bool
) -> None:
    """Where nothing was found, values of one document conflict, or all are unsure, the planner may look for itself."""
    _, script = await run(texts, [LOOK], Decision(answer=None), **settings)
    digest = script.seen[0][0]
    assert ("unread:" in digest.text) == sent
    assert ("Sales of goods" in digest.text) == sent


@pytest.mark.parametrize("instruction", ["Is it about REVENUE?", "Is it about sales of goods?"])
async def test_no_line_of_the_index_stands_beside_judgements(run: Asking, instruction: str) -> None:
    """Unsure ones included: a verdict near one half is the reader's doubt, and a line of the document no help."""
    task = Task(id="t1", instruction=instruction, output="yes_no", unit="document", reduce="count")
    _, script = await run(
        {"a.txt": FIGURES, "b.txt": TABLE}, [task], Decision(answer=None), confidence=0.1
    )
    assert "unread" not in script.seen[0][0].text


async def test_lines_that_a_finding_shows_are_no_near_misses(run: Asking) -> None:
    """They would be sent twice, the second time as if nobody had read them."""
    _, script = await run({"a.txt": FIGURES}, [LOOK], Decision(answer=None), confidence=0.3)
    digest = script.seen[0][0]
    assert digest.text.count("Net revenue of 2021") == 1
    assert "unread" not in digest.text


async def test_an_answer_may_rest_on_two_rounds(run: Asking) -> None:
    """The first round finds who, the second searches for them; the answer cites both, and the planner saw what became
    of each task of the first.
    """
    texts = {
        "ship.txt": "The AURORA was built for Halden.\n",
        "owner.txt": "HALDEN has its seat in Bergen.\n",
        **{f"{n}.txt": f"Of other ships it is told that ship {n} sank.\n" for n in range(3)},
    }
    first = [
        Task(id="t1", instruction="For whom was the AURORA built?", search=("Aurora built",)),
        Task(id="t2", instruction="Where is the seat of the OWNER?", search=("seat owner",)),
    ]
    second = Task(id="t1", instruction="Where is the seat of HALDEN?", search=("Halden seat",))
    more = Decision(answer=None, tasks=(second,))
    final = Decision(answer="Bergen", findings=("f1", "f2"), confidence=0.9)
    result, script = await run(texts, first, more, final, near_misses=0)
    assert result.answer == "Bergen"
    assert [citation.quote for citation in result.citations] == [
        texts["ship.txt"].strip(),
        texts["owner.txt"].strip(),
    ]
    (gist,) = script.seen[1][1].gists
    assert gist.asked == ("t1 For whom was the AURORA built?", "t2 Where is the seat of the OWNER?")
    assert "f1 Halden | The AURORA was built for Halden." in gist.found
    assert "t2 (read 1 of 5 passages; nothing found)" in gist.found
    assert script.seen[1][0].findings[0].id == "f2"


async def test_counting_documents_sends_a_table_and_says_how_many_were_judged(run: Asking) -> None:
    """A hundred documents, six examples, two counts; one that nobody could judge is missing from the coverage."""
    texts = {f"{n:03}.txt": f"Film {n} was {'good' if n % 4 else 'bad'}.\n" for n in range(100)} | {
        "x.txt": "No word.\n"
    }
    judge = Task(
        id="t1",
        instruction="Was the FILM good?",
        output="category",
        options=("good", "bad"),
        unit="document",
    )
    counted = Decision(answer="75", findings=("f1",), confidence=0.9)
    result, script = await run(texts, [judge.model_copy(update={"reduce": "count"})], counted)
    digest = script.seen[0][0]
    assert "judged 100 of 101 documents; counted over 100 documents: good 75, bad 25" in digest.text
    assert len(digest.findings) == 6
    assert (result.coverage.documents, result.coverage.judged) == (101, 100)
    assert result.citations[0].quote.startswith("Film ")
