"""Hashes that decide whether what was read, paid for or answered before is found again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.golden import given, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.golden.parts import Job, JobResult

ROOT = Path(__file__).parents[2]
_WORKERS: dict[str, dict[str, Any]] = {
    "default": {},
    "quote": {"evidence": "quote"},
    "draft": {"reasoning": "draft"},
    "cot": {"reasoning": "cot"},
    "second look": {"second_look": True},
    "second look, quote": {"second_look": True, "evidence": "quote"},
    "draft, second look": {"reasoning": "draft", "second_look": True},
    "min_relevance": {"min_relevance": 0.5},
}


def fingerprints() -> dict[str, Any]:
    """Of the workers, by their parameters."""
    model = parts.ScriptedModel(reference="scripted:golden")
    extractors = {name: parts.Extractor(model, **how) for name, how in _WORKERS.items()}
    return {
        "extractor": {name: extractor.fingerprint for name, extractor in extractors.items()},
        "judging": {name: extractor.judging_fingerprint for name, extractor in extractors.items()},
        "reader": {
            "default": parts.ChatReader(model).fingerprint,
            "lines": parts.ChatReader(model, evidence="lines").fingerprint,
            "quote": parts.ChatReader(model, evidence="quote").fingerprint,
        },
    }


class _Found:
    """Reads nothing: every job finds its first line."""

    fingerprint = "fingerprint of a holder"

    async def run(self, job: Job) -> JobResult:
        found = given.finding(
            "41 metres", job.chunk.text[:44], start=job.chunk.start, confidence=0.9
        )
        return parts.JobResult(job=job, status="found", findings=(found,), relevance=0.875)

    async def read(self, jobs: Sequence[Job]) -> Sequence[JobResult]:
        return [await self.run(job) for job in jobs]


async def cached() -> dict[str, Any]:
    """What the cache of results holds after a few jobs: keys and values as they are in the database."""
    whole = given.chunk(
        "Two.\nLines.\n",
        start=0,
        table_header=None,
        headings=(),
        path="/elsewhere/b.txt",
        page=None,
    )
    jobs = {
        **{name: given.job(name) for name in given.TASKS},
        "sample": given.job(sample=2),
        "other chunk": given.job(read=whole),
    }
    keys = {name: parts.key_of(job, "fingerprint").hex() for name, job in jobs.items()}
    moved = given.job(read=given.chunk(path="elsewhere/guide é.md", page=None, id="a:1", start=0))
    return {
        "key": keys,
        "key of a moved document": parts.key_of(moved, "fingerprint").hex(),
        "in the database": {
            "one by one": await _kept(""),
            "one by one, in a scope": await _kept("scope"),
            "together": await _kept("", together=True),
            "together, in a scope": await _kept("scope", together=True),
        },
    }


async def _kept(scope: str, *, together: bool = False) -> dict[str, str]:
    jobs = [
        given.job(),
        given.job(read=given.chunk("Hollin is 17 m.\n", id="other:0", document_id="other")),
    ]
    with parts.Store.memory() as store:
        cache = parts.ResultCache(store, parts.FakeClock(), scope)
        if together:
            await parts.CachingHolder(_Found(), cache, model="m").read(jobs)
        else:
            worker = parts.CachingWorker(_Found(), cache, model="m", fingerprint="f", judging="j")
            for job in (*jobs, given.job("judged yes_no")):
                await worker.run(job)
        rows = store.read("SELECT key, result FROM results ORDER BY key")
        return {row["key"].hex(): row["result"] for row in rows}


def requests() -> dict[str, str]:
    """Keys of planner requests whose replies a resumed batch does not pay for again."""
    model = parts.ScriptedModel(reference="scripted:golden")
    system = parts.Message.of("system", ("prompt", "Answer."))
    user = parts.Message.of("user", ("prompt", "Question: "), ("question", given.QUESTION))
    plain = parts.ChatRequest(messages=(system, user), max_output_tokens=2_000)
    changed: dict[str, dict[str, Any]] = {
        "plain": {},
        "schema": {"json_schema": given.ANSWER_SCHEMA, "schema_name": "decision"},
        "format": {"response_format": "json_object"},
        "temperature": {"temperature": 0.7},
        "candidates": {"first_token_candidates": 10, "max_output_tokens": 1, "affinity": "a:1"},
    }
    return {
        name: parts.request_key(model, plain.model_copy(update=changes))
        for name, changes in changed.items()
    }


def identities() -> dict[str, Any]:
    """Ids of documents, of questions of a batch, and of what an evaluation keeps."""
    questions: list[Any] = [
        given.QUESTION,
        given.QUESTION,
        {"question": "How old?", "documents": ["a.md"]},
        {
            "question": "How old?",
            "output_schema": given.ANSWER_SCHEMA,
            "max_cost_usd": 0.5,
            "max_rounds": 1,
        },
        {"question": " "},
        {"id": 7, "question": "With an id?"},
        {
            "custom_id": "c",
            "body": {"messages": [{"role": "user", "content": "From another format?"}]},
        },
    ]
    example = parts.Example(
        id="e1", question=given.QUESTION, answers=("41 metres", "41 m"), kind="abstractive"
    )
    return {
        "document": {
            name: parts.content_id(text.encode()) for name, text in given.DOCUMENTS.items()
        },
        "question of a batch": [item.id for item in parts.as_items(questions)],
        "judgement": parts.judging.judgement_key("openai:judge", example, "forty-one metres"),
    }


def conditions(folder: Path) -> dict[str, Any]:
    """What an evaluation compares before it goes on: the settings that matter, and hashes of questions and plans."""
    settings = parts.Settings.load(
        {"planner": "openai:p@http://u:s@127.0.0.1:1/v1", "worker": "ollama:w@http://127.0.0.1:2"}
        | {"redact_words": ("Falk", "Reid"), "redact_patterns": ("x+",), "openai_api_key": "none"}
    )
    asked = [{"id": "e1", "question": f" {given.QUESTION} ", "documents": ("a.md",)}]
    asked += [{"id": "e2", "question": "How old?", "documents": ()}]
    plans = {"e2": parts.Plan(tasks=(given.TASKS["text"], given.TASKS["judged category"]))}
    told = {}
    for column in parts.read_columns(["minions", "minion", "rag:5"]):
        with_column = settings.model_copy(update=column.settings)
        kept = parts.settle(folder, column, with_column, asked, plans, retry_errors=False)
        told[column.name] = kept.model_dump(mode="json", exclude={"reading"})
    return told


def versions() -> dict[str, Any]:
    """Numbers that make what was stored before be read anew, or refused."""
    return {
        "chunker": parts.CHUNKER_VERSION,
        "reader": parts.READER_VERSION,
        "index": parts.SCHEMA_VERSION,
        "store": len(parts.MIGRATIONS),
        "files": [parts.INDEX_FILE, parts.STORE_FILE],
    }


def prompts() -> dict[str, Any]:
    """Every prompt file: its size, its digest, and its words for a diff to show."""
    files = {
        f"{owner}/{path.name}": path.read_bytes()
        for owner, folder in parts.PROMPT_FOLDERS.items()
        for path in sorted((ROOT / folder).glob("*.txt"))
    }
    return {
        name: {
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "words": data.decode().split("\n"),
        }
        for name, data in files.items()
    }
