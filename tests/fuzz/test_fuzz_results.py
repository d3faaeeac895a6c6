"""Results read back: files and records that torn writes, other programs or other people left."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.batch.output import Output, recorded_in
from minions.cli.commands.verify import read_results
from minions.clock import SystemClock
from minions.errors import MinionsError, StoreError
from minions.evals.outcomes import answer_of
from minions.evals.records import read_records
from minions.evals.tracing import read_traces
from minions.evals.verdicts import JUDGEMENTS, Verdicts
from minions.ledger.ledger import Ledger
from minions.store.batches import Batches
from minions.store.runs import Runs
from minions.store.store import Store
from minions.values.answers import Answer
from minions.values.findings import Citation
from minions.verify import check_quote, verify_citations
from tests.fuzz.hostile_values import FUZZ, SLOW, TEXTS, VALUES, bent, changed, json_lines, objects

TEXT = "The lighthouse at Skerrow is 41 metres tall.\n" * 3
CITATION = Citation(
    id="f1",
    document_id="d",
    path="guide.txt",
    page=1,
    start=0,
    end=14,
    quote=TEXT[:14],
    status="exact",
    score=1.0,
)
ANSWER = Answer(
    run_id="20260101-000000-abcdef",
    id="q1",
    question="How tall?",
    answer="41 metres",
    confidence=0.9,
    stop_reason="answered",
    citations=(CITATION,),
)
STARTED: Any = {
    "question": "Who?",
    "planner": "p",
    "worker": "w",
    "protocol": "minions",
    "policy": "findings",
    "started_at": "2026-01-01T00:00:00Z",
}
RESULT = json.loads(ANSWER.model_dump_json())
CITED = changed(RESULT["citations"][0]).map(lambda citation: {**RESULT, "citations": [citation]})
RESULTS = (
    changed(RESULT)
    | CITED
    | objects("id", "run_id", "stop_reason", "error", "answer", "citations", "schema")
)


@SLOW
@given(RESULTS.map(json.dumps) | bent(RESULTS) | VALUES.map(json.dumps) | json_lines(RESULTS))
def test_verifying_a_strangers_result_ends_in_words(content: str | bytes) -> None:
    """`minions verify RESULT.json`: every citation is ok, moved, changed or missing, or the file is refused."""
    with tempfile.TemporaryDirectory() as folder, suppress(MinionsError):
        path = Path(folder, "result.json")
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        )
        Path(folder, "guide.txt").write_text(TEXT)
        for answer in read_results(str(path)):
            for check in verify_citations(answer.citations, folder=Path(folder)):
                assert check.status in {"ok", "moved", "changed", "missing"}
                assert check.model_dump()


@FUZZ
@given(
    st.text("ab", max_size=40),
    st.text("ab", max_size=4),
    st.integers() | st.sampled_from([2**63, -(2**63), 10**400]),
)
def test_a_quote_is_found_where_it_stands(text: str, quote: str, start: int) -> None:
    """Whatever the offset: ``ok`` means there, ``moved`` the nearest place, ``changed`` that it stands nowhere."""
    status, found = check_quote(text, quote, start)
    places = [place for place in range(len(text)) if quote and text.startswith(quote, place)]
    assert status == ("ok" if start in places else "moved" if places else "changed")
    if found is not None:
        assert abs(found - start) == min(abs(place - start) for place in places)


@SLOW
@given(json_lines(RESULTS))
def test_a_strangers_output_is_resumed_or_refused(content: bytes) -> None:
    """`minions batch -o OUT`: a file that others wrote is read whole or refused; nothing but a torn end is cut off."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "out.jsonl")
        path.write_bytes(content)
        try:
            with Output(path) as output:
                output.append(json.dumps(RESULT), id_="q1", kind="done")
        except MinionsError:
            assert path.read_bytes() == content
        else:
            assert recorded_in(path)["q1"] == "done"
            last = content.rfind(b"\n") + 1
            assert path.read_bytes().startswith(content[:last])
        with suppress(MinionsError):
            recorded_in(path)


@SLOW
@given(
    json_lines(RESULTS | objects("id", "question", "answer", "judge", "verdict", "read", "found"))
)
def test_files_of_an_evaluation_are_read_or_refused(content: bytes) -> None:
    """Answers, traces and judgements in its folder: what is none is passed by or refused, and the store can be asked
    for every run that they name.
    """
    with tempfile.TemporaryDirectory() as folder, Store.memory() as store:
        for name in ("minions.jsonl", JUDGEMENTS, "traces.jsonl"):
            Path(folder, name).write_bytes(content)
        with suppress(MinionsError):
            for recorded in read_records(Path(folder, "minions.jsonl")).values():
                answer_of(recorded)
                assert all(Ledger(store).entries(run) == [] for run in recorded.runs)
        with suppress(MinionsError):
            Verdicts("local", Path(folder))
        read_traces(Path(folder, "traces.jsonl"))


@SLOW
@given(
    RESULTS.map(json.dumps) | bent(RESULTS), TEXTS.filter(lambda text: "\ud800" not in ascii(text))
)
def test_a_stored_run_is_read_or_the_store_is_at_fault(answer: str, status: str) -> None:
    """A database that something else wrote to: a run, or StoreError that names it."""
    with Store.memory() as store, suppress(StoreError):
        runs = Runs(store)
        runs.start("r1", **STARTED, item=("b1", "q1"))
        row = (
            answer.encode("utf-8", "replace").decode(),
            status.encode("utf-8", "replace").decode(),
        )
        store.write("UPDATE runs SET answer = ?, status = ?", row)
        with suppress(StoreError):
            assert runs.get("r1").run_id == "r1"
        with suppress(StoreError):
            assert [one.run_id for one in Batches(store, SystemClock()).undelivered("b1")] == ["r1"]
        Batches(store, SystemClock(), retain_text=False).deliver("r1")


@pytest.mark.parametrize(
    "path", ["a\x00b", "\ud800", "~nobody-of-that-name/x", "/dev/zero", ".", "x" * 5000, ""]
)
def test_a_cited_path_that_leads_nowhere_is_missing(path: str, tmp_path: Path) -> None:
    """Zero bytes, half pairs, devices and folders: said to be missing, and never opened for ever."""
    citation = CITATION.model_copy(update={"path": path})
    (check,) = verify_citations([citation], folder=tmp_path)
    assert check.status == "missing"
    assert check.reason
