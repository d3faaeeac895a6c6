"""Where a worker's lines and its answer disagree: what it is told when it is asked to look again."""

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

_CHOSEN = {"yes_no", "category"}  # such answers need not stand in the text


def understood(text: str, job: Job) -> Reply | None:
    """A reply that could be read."""
    try:
        return read_reply(text, options=job.task.options)
    except ReplyError:
        return None


def objection(reply: Reply | None, job: Job, lines: list[Line]) -> tuple[Part, ...] | None:
    """What to tell a worker whose answer stands neither in the lines that it points at nor in any other; None where
    there is nothing to object to.
    """
    if reply is None or reply.answer is None or job.task.output in _CHOSEN:
        return None
    text = job.chunk.text
    pointed = [line for line in lines if line.number in reply.lines]
    if (
        not pointed
        or supporting_line(reply.answer, text, lines, [line.number for line in pointed]) is not None
    ):
        return None
    shown = number_lines(text, pointed)
    support = support_in(reply.answer, shown)
    if support is None or support >= MIN_SUPPORT:
        return None
    return filled(load("second"), lines=("passage", shown), answer=("answer", reply.answer))


def settles(reply: Reply | None, job: Job, lines: list[Line]) -> bool:
    """Whether a second reply points at lines in which its answer stands: else the first one's lines are kept."""
    if (
        reply is None
        or reply.answer is None
        or not any(line.number in reply.lines for line in lines)
    ):
        return False
    return objection(reply, job, lines) is None
