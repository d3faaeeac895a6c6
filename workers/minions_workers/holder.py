"""The worker of a chat: it holds all passages at once, answers one message over them, and points at the lines.

It remembers no earlier message, so that the passages are a prefix that all messages share and a server reads once.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

import structlog

from minions.errors import (
    ContextOverflowError,
    ModelError,
    ReplyError,
)
from minions.evidence.finding import find
from minions.evidence.support import supports
from minions.values.chat import ChatRequest, Message, Usage
from minions.values.jobs import Job, JobResult
from minions_workers.attempt import ENDS_THE_RUN, PARTIAL_CHARACTERS
from minions_workers.passage import RESAMPLING_TEMPERATURE
from minions_workers.phrasing import filled
from minions_workers.prompts import load
from minions_workers.reading import read_reply
from minions_workers.schemas import max_lines, reply_schema
from minions_workers.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minions.evidence.grounding import Location
    from minions.ports import ChatModel
    from minions.values.chat import Completion
    from minions.values.findings import Finding
    from minions.values.jobs import JobStatus
    from minions_workers.reading import Reply

_VERSION = (
    1  # of what is made of a reply: raise it when the same reply comes to mean something else
)
_REPLY_TOKENS = {"lines": 240, "quote": 320}
_SUPPORTED = 0.7  # the confidence of a finding whose lines hold the answer
_POINTED = 0.5  # and of any other: nobody looked
_log = structlog.get_logger()


class ChatReader:
    """Implements `minions.ports.Holder` over any ChatModel. ``evidence``: it points at numbered lines, or quotes."""

    def __init__(self, model: ChatModel, *, evidence: Literal["lines", "quote"] = "lines") -> None:
        self._model = model
        self._evidence: Literal["lines", "quote"] = evidence

    @property
    def fingerprint(self) -> str:
        """All that decides a result besides the jobs: model, prompts, parameters, and what is made of a reply."""
        prompts = [load(name) for name in ("hold", "hold_lines", "hold_quote")]
        return hashlib.sha256(
            json.dumps((_VERSION, self._model.reference, self._evidence, prompts)).encode()
        ).hexdigest()

    async def read(self, jobs: Sequence[Job]) -> list[JobResult]:
        """See `minions.ports.Holder`. Where the passages are too many for the server, the half that promises most is
        read.
        """
        try:
            return await self._read(jobs)
        except ENDS_THE_RUN:
            raise
        except ContextOverflowError as error:
            reason = f"the passages together do not fit the worker's context: {error}"
            if len(jobs) == 1:
                return _ended(jobs, "failed", reason=reason, usage=error.usage)
            best = sorted(job.rank for job in jobs)[: len(jobs) // 2]
            kept, dropped = (
                [job for job in jobs if job.rank in best],
                [job for job in jobs if job.rank not in best],
            )
            return [
                *await self.read(kept),
                *_ended(dropped, "failed", reason=reason, usage=error.usage),
            ]
        except ModelError as error:
            _log.info("reading_failed", jobs=len(jobs), error=type(error).__name__)
            return _ended(jobs, "failed", reason=str(error), usage=error.usage)

    async def _read(self, jobs: Sequence[Job]) -> list[JobResult]:
        sheet = Sheet(jobs)
        completion = await self._model.complete(self._request(jobs, sheet))
        return _understood(jobs, sheet, completion)

    def _request(self, jobs: Sequence[Job], sheet: Sheet) -> ChatRequest:
        task = jobs[0].task
        # An answer from everywhere may be as long, and stand in as many lines, as a list from one passage.
        roomy = task.model_copy(update={"output": "list"}) if task.output == "text" else task
        tail = filled(
            load(f"hold_{self._evidence}"),
            message=("question", task.instruction),
            most=("prompt", str(max_lines(roomy))),
        )
        return ChatRequest(
            messages=(
                Message.of("system", ("prompt", load("hold"))),
                Message.of("user", ("passage", sheet.shown()), ("prompt", "\n\n"), *tail),
            ),
            max_output_tokens=_REPLY_TOKENS[self._evidence],
            temperature=RESAMPLING_TEMPERATURE if jobs[0].sample else 0.0,
            json_schema=reply_schema(
                roomy, pointing=self._evidence == "lines", lines=len(sheet.lines)
            ),
            schema_name="finding",
            affinity=hashlib.sha256("".join(job.chunk.id for job in jobs).encode()).hexdigest(),
        )


def _understood(jobs: Sequence[Job], sheet: Sheet, completion: Completion) -> list[JobResult]:
    cut_off = completion.finish_reason == "length"
    told: dict[str, Any] = {"usage": completion.usage}
    try:
        reply = read_reply(completion.text, options=jobs[0].task.options)
    except ReplyError as error:
        told |= {"reason": str(error), "partial": completion.text[:PARTIAL_CHARACTERS]}
        # Not failed: the passages were read, and the planner may ask in other words.
        return (
            _ended(jobs, "truncated", **told)
            if cut_off
            else _ended(jobs, "abstained", ungrounded=True, **told)
        )
    found = {job.id: locations for job, locations in sheet.locations(reply)}
    if not found and not reply.abstains:
        reason = "its evidence stands in none of the passages"
        return _ended(jobs, "abstained", ungrounded=True, reason=reason, **told)
    if not found and cut_off:
        return _ended(
            jobs,
            "truncated",
            reason="cut off",
            partial=completion.text[:PARTIAL_CHARACTERS],
            **told,
        )
    ended = _ended(jobs, "abstained", **told)
    return [_with(result, found.get(result.job.id, []), reply) for result in ended]


def _with(result: JobResult, locations: Sequence[Location], reply: Reply) -> JobResult:
    if not locations:
        return result
    findings = tuple(
        _finding(result.job, location, reply, part) for part, location in enumerate(locations)
    )
    return result.model_copy(update={"status": "found", "findings": findings})


def _finding(job: Job, location: Location, reply: Reply, part: int) -> Finding:
    finding = find(job, location, answer=reply.answer, confidence=_POINTED, part=part)
    sure = reply.answer is not None and supports(finding, reply.answer)
    return finding.model_copy(update={"confidence": _SUPPORTED}) if sure else finding


def _ended(
    jobs: Sequence[Job],
    status: JobStatus,
    *,
    usage: Usage | None = None,
    reason: str | None = None,
    partial: str | None = None,
    ungrounded: bool = False,
) -> list[JobResult]:
    """The same end for all; the first one's bill holds the request that they share."""
    return [
        JobResult(
            job=job,
            status=status,
            reason=reason,
            partial=partial if not place else None,
            ungrounded=ungrounded,
            usage=usage if usage is not None and not place else Usage(),
        )
        for place, job in enumerate(jobs)
    ]
