"""The worker of a chat: it holds all chunks at once, answers a message over them, and cites lines.

It remembers no earlier message, so the chunks are a prefix that all messages share, and a server
with a prefix cache reads them once.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

import structlog

from minions.errors import ContextOverflowError, ModelError, ReplyError
from minions.evidence.finding import find
from minions.evidence.support import supports
from minions.values.chat import ChatRequest, Message, Usage
from minions.values.jobs import Job, JobResult
from minions_workers.attempt import PARTIAL_CHARACTERS
from minions_workers.passage import RESAMPLING_TEMPERATURE
from minions_workers.phrasing import filled
from minions_workers.prompts import load
from minions_workers.reading import read_reply
from minions_workers.schemas import max_lines, reply_schema
from minions_workers.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.evidence.grounding import Location
    from minions.ports import ChatModel
    from minions.values.chat import Completion
    from minions.values.findings import Finding
    from minions.values.jobs import JobStatus
    from minions_workers.reading import Reply

# The version of the code that reads a reply. Raise it when the same reply gets another meaning.
_VERSION = 1
_REPLY_TOKENS = {"lines": 240, "quote": 320}
_SUPPORTED = 0.7  # the confidence of a finding whose lines hold the answer
_POINTED = 0.5  # the confidence of any other finding: there was no look
_log = structlog.get_logger()


class ChatReader:
    """Implements `minions.ports.Holder` over any ChatModel.

    ``evidence``: the worker points at numbered lines, or quotes.
    """

    def __init__(self, model: ChatModel, *, evidence: Literal["lines", "quote"] = "lines") -> None:
        self._model = model
        self._evidence: Literal["lines", "quote"] = evidence

    @property
    def fingerprint(self) -> str:
        """The hash of all that decides a result besides the jobs (model, prompts, settings)."""
        prompts = [load(name) for name in ("hold", "hold_lines", "hold_quote")]
        parts = (_VERSION, self._model.reference, self._evidence, prompts)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    async def read(self, jobs: Sequence[Job]) -> list[JobResult]:
        """See `minions.ports.Holder`.

        If the chunks do not fit the server's context, the more promising half of them is read, and
        the jobs on the other half fail.
        """
        try:
            sheet = Sheet(jobs)
            completion = await self._model.complete(self._request(jobs, sheet))
            return _results(jobs, sheet, completion)
        except ContextOverflowError as error:
            reason = f"the passages together do not fit the worker's context: {error}"
            if len(jobs) == 1:
                return _ended(jobs, "failed", reason=reason, usage=error.usage)
            best = sorted([job.rank for job in jobs])[: len(jobs) // 2]
            kept = [job for job in jobs if job.rank in best]
            dropped = [job for job in jobs if job.rank not in best]
            read = await self.read(kept)
            return [*read, *_ended(dropped, "failed", reason=reason, usage=error.usage)]
        except ModelError as error:
            if error.systemic:
                raise
            _log.info("reading_failed", jobs=len(jobs), error=type(error).__name__)
            return _ended(jobs, "failed", reason=str(error), usage=error.usage)

    def _request(self, jobs: Sequence[Job], sheet: Sheet) -> ChatRequest:
        task = jobs[0].task
        if task.output == "text":
            # An answer from all chunks may be as long, and stand in as many lines, as a list.
            task = task.model_copy(update={"output": "list"})
        temperature = RESAMPLING_TEMPERATURE if jobs[0].sample else 0.0
        tail = filled(
            load(f"hold_{self._evidence}"),
            message=("question", task.instruction),
            most=("prompt", str(max_lines(task))),
        )
        chunk_ids = "".join(job.chunk.id for job in jobs)
        return ChatRequest(
            messages=(
                Message.of("system", ("prompt", load("hold"))),
                Message.of("user", ("passage", sheet.shown()), ("prompt", "\n\n"), *tail),
            ),
            max_output_tokens=_REPLY_TOKENS[self._evidence],
            temperature=temperature,
            json_schema=reply_schema(
                task, pointing=self._evidence == "lines", lines=len(sheet.lines)
            ),
            schema_name="finding",
            affinity=hashlib.sha256(chunk_ids.encode()).hexdigest(),
        )


def _results(jobs: Sequence[Job], sheet: Sheet, completion: Completion) -> list[JobResult]:
    """The result of each job, from the one reply to all of them."""
    usage = completion.usage
    cut_off = completion.finish_reason == "length"
    partial = completion.text[:PARTIAL_CHARACTERS]
    try:
        reply = read_reply(completion.text, options=jobs[0].task.options)
    except ReplyError as error:
        reason = str(error)
        if cut_off:
            return _ended(jobs, "truncated", reason=reason, partial=partial, usage=usage)
        # Not failed: the chunks were read, and the planner may ask in other words.
        return _ended(
            jobs, "abstained", reason=reason, partial=partial, ungrounded=True, usage=usage
        )
    found = {job.id: locations for job, locations in sheet.locations(reply)}
    if not found and not reply.abstains:
        reason = "its evidence stands in none of the passages"
        return _ended(jobs, "abstained", reason=reason, ungrounded=True, usage=usage)
    if not found and cut_off:
        return _ended(jobs, "truncated", reason="cut off", partial=partial, usage=usage)
    results: list[JobResult] = []
    for result in _ended(jobs, "abstained", usage=usage):
        locations = found.get(result.job.id)
        if locations:
            findings = _findings(result.job, locations, reply)
            results.append(result.model_copy(update={"status": "found", "findings": findings}))
        else:
            results.append(result)
    return results


def _findings(job: Job, locations: Sequence[Location], reply: Reply) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    for part, location in enumerate(locations):
        finding = find(job, location, answer=reply.answer, confidence=_POINTED, part=part)
        if reply.answer is not None and supports(finding, reply.answer):
            finding = finding.model_copy(update={"confidence": _SUPPORTED})
        findings.append(finding)
    return tuple(findings)


def _ended(
    jobs: Sequence[Job],
    status: JobStatus,
    *,
    usage: Usage | None = None,
    reason: str | None = None,
    partial: str | None = None,
    ungrounded: bool = False,
) -> list[JobResult]:
    """The same result for all jobs.

    The first one alone has the usage and the partial text of the request that they share.
    """
    results = [
        JobResult(job=job, status=status, reason=reason, ungrounded=ungrounded) for job in jobs
    ]
    if results:
        shared = {"usage": usage or Usage(), "partial": partial}
        results[0] = results[0].model_copy(update=shared)
    return results
