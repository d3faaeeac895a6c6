"""The second look: if a worker's answer stands nowhere in the chunk, it is asked once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.errors import ReplyError
from minions.evidence.lines import number_lines
from minions.evidence.support import MIN_SUPPORT, support_in, supporting_line
from minions_workers.phrasing import filled
from minions_workers.prompts import load
from minions_workers.reading import read_reply

if TYPE_CHECKING:
    from minions.evidence.lines import Line
    from minions.values.jobs import Job
    from minions_workers.phrasing import Part
    from minions_workers.reading import Reply

_CHOSEN = {"yes_no", "category"}  # outputs whose answers need not stand in the text


def understood(text: str, job: Job) -> Reply | None:
    """The reply in a text; None if it cannot be read."""
    try:
        return read_reply(text, options=job.task.options)
    except ReplyError:
        return None


def objection(reply: Reply | None, job: Job, lines: list[Line]) -> tuple[Part, ...] | None:
    """The words that ask a worker to look again; None if there is nothing to object to.

    There is an objection if the answer stands neither in the lines that the worker points at nor in
    any other.
    """
    if reply is None or reply.answer is None or job.task.output in _CHOSEN:
        return None
    text = job.chunk.text
    pointed = [line for line in lines if line.number in reply.lines]
    if not pointed:
        return None
    numbers = [line.number for line in pointed]
    if supporting_line(reply.answer, text, lines, numbers) is not None:
        return None
    shown = number_lines(text, pointed)
    support = support_in(reply.answer, shown)
    if support is None or support >= MIN_SUPPORT:
        return None
    return filled(load("second"), lines=("passage", shown), answer=("answer", reply.answer))


def settles(reply: Reply | None, job: Job, lines: list[Line]) -> bool:
    """True if a second reply points at lines that hold its answer; else the first reply is kept."""
    if reply is None or reply.answer is None:
        return False
    pointed = [line for line in lines if line.number in reply.lines]
    if not pointed:
        return False
    return objection(reply, job, lines) is None
