"""Cache of workers' results: a chunk is read once for the same model, prompts and task.

A result is kept relative to its chunk (offsets and answers, never the chunk's text), under a hash
of the worker's whole input. So it is found again when the document has moved, or when another
question asks the same of it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import structlog

from minions.evidence.finding import find
from minions.evidence.grounding import Location
from minions.values.base import Value
from minions.values.chat import Usage
from minions.values.findings import CitationStatus
from minions.values.jobs import Job, JobResult

if TYPE_CHECKING:
    from minions.ports import Clock, Worker
    from minions.store.store import Store
    from minions.values.findings import Finding

_log = structlog.get_logger()


class CachedModel(Value):
    """The cached results of one model, summed up.

    ``bytes``: the size of the results alone. ``oldest``, ``newest``: when they were kept, UTC in
    ISO 8601.
    """

    model: str
    results: int
    bytes: int
    oldest: str
    newest: str


class _Piece(Value):
    """A finding, with offsets within its chunk."""

    start: int
    end: int
    status: CitationStatus
    score: float
    answer: str | None
    confidence: float


class _Kept(Value):
    """A result without its job."""

    status: Literal["found", "abstained", "truncated"]
    pieces: tuple[_Piece, ...] = ()
    relevance: float | None = None
    reason: str | None = None
    ungrounded: bool = False


class ResultCache:
    """The cached results of a store. All methods raise StoreError.

    ``scope``: results that are kept under one scope are found only under the same one.
    """

    def __init__(self, store: Store, clock: Clock, scope: str = "") -> None:
        self._store = store
        self._clock = clock
        self._scope = scope

    def get(self, key: bytes, job: Job) -> JobResult | None:
        """The result kept under ``key``, as the result of ``job``; None if there is none.

        Raises ValueError for a result that another version wrote in another form.
        """
        rows = self._store.read("SELECT result FROM results WHERE key = ?", (self._own(key),))
        if not rows:
            return None
        kept = _Kept.model_validate_json(rows[0]["result"])
        fields = kept.model_dump(exclude={"pieces"})
        findings = [_finding(piece, job, part) for part, piece in enumerate(kept.pieces)]
        return JobResult(job=job, findings=tuple(findings), cached=True, **fields)

    def put(self, key: bytes, model: str, result: JobResult) -> None:
        """Keep a result; it survives the end of the process.

        A failed job's result is not kept: the job may succeed next time.
        """
        if result.status in {"failed", "skipped"}:
            return
        fields = result.model_dump(include=set(_Kept.model_fields) - {"pieces"})
        pieces = [_piece(finding, result.job) for finding in result.findings]
        kept = _Kept(pieces=tuple(pieces), **fields)
        self._store.write(
            "INSERT OR REPLACE INTO results (key, model, at, result) VALUES (?, ?, ?, ?)",
            (
                self._own(key),
                model,
                self._clock.now_iso(),
                kept.model_dump_json(exclude_defaults=True),
            ),
            durable=False,
        )

    def _own(self, key: bytes) -> bytes:
        """The key within this cache's scope."""
        if not self._scope:
            return key
        return hashlib.sha256(self._scope.encode() + key).digest()

    def contents(self) -> list[CachedModel]:
        """The number, size and age of the results, by model."""
        rows = self._store.read(
            "SELECT model, count(*) AS results, sum(length(result)) AS bytes, "
            "min(at) AS oldest, max(at) AS newest "
            "FROM results GROUP BY model ORDER BY model"
        )
        return [CachedModel(**dict(row)) for row in rows]

    def clear(self, *, before: str | None = None) -> int:
        """Delete all results, or those kept before a time (UTC, ISO 8601); return how many."""
        with self._store.transaction():
            found = self._store.read(
                "SELECT count(*) FROM results WHERE ?1 IS NULL OR at < ?1", (before,)
            )
            self._store.write("DELETE FROM results WHERE ?1 IS NULL OR at < ?1", (before,))
        return int(found[0][0])


class CachingWorker:
    """A Worker that asks the cache before the worker.

    ``fingerprint`` covers all that the worker adds to a job: model, prompts, parameters.
    ``judging`` is the fingerprint for tasks that judge documents, if it differs.
    """

    def __init__(
        self,
        worker: Worker,
        cache: ResultCache,
        *,
        model: str,
        fingerprint: str,
        judging: str | None = None,
    ) -> None:
        self._worker = worker
        self._cache = cache
        self._model = model
        self._fingerprint = fingerprint
        self._judging = judging or fingerprint

    async def run(self, job: Job) -> JobResult:
        """See `minions.ports.Worker`."""
        known = self.known(job)
        if known is not None:
            return known
        result = await self._worker.run(job)
        self._cache.put(self.key(job), self._model, result)
        return result

    def known(self, job: Job) -> JobResult | None:
        """The cached result of a job, which costs nothing; None if there is none."""
        try:
            return self._cache.get(self.key(job), job)
        except ValueError:  # a result of another version
            _log.warning("cached_result_unreadable", job=job.id)
            return None

    def key(self, job: Job) -> bytes:
        """The hash of all that decides a job's result."""
        if job.task.judges:
            return key_of(job, self._judging)
        return key_of(job, self._fingerprint)


def key_of(job: Job, fingerprint: str) -> bytes:
    """The hash of a job and of all that its worker adds to it (32 bytes, SHA-256)."""
    chunk = job.chunk
    task = job.task
    shown = (PurePath(chunk.path).name, chunk.headings, chunk.table_header, chunk.text)
    asked = (task.instruction, task.output, task.options, task.unit, job.sample)
    return hashlib.sha256(json.dumps((fingerprint, shown, asked)).encode()).digest()


def adapted(result: JobResult, job: Job) -> JobResult:
    """A job's result as the result of another job with the same task on the same chunk.

    Its usage is zero: the tokens are counted once, with the job that ran.
    """
    if result.job is job:
        return result
    findings: list[Finding] = []
    for part, finding in enumerate(result.findings):
        piece = _piece(finding, result.job)
        findings.append(_finding(piece, job, part))
    changes = {"job": job, "findings": tuple(findings), "usage": Usage(), "cached": True}
    return result.model_copy(update=changes)


def _piece(finding: Finding, job: Job) -> _Piece:
    citation = finding.citation
    return _Piece(
        start=citation.start - job.chunk.start,
        end=citation.end - job.chunk.start,
        status=citation.status,
        score=citation.score,
        answer=finding.answer,
        confidence=finding.confidence,
    )


def _finding(piece: _Piece, job: Job, part: int) -> Finding:
    location = Location(piece.start, piece.end, piece.status, piece.score)
    return find(job, location, answer=piece.answer, confidence=piece.confidence, part=part)
