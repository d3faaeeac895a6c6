"""A worker's reply, of a small model or a hostile passage: lines, a quote and an answer in bounds, or ReplyError."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.errors import ReplyError
from minions.evals.dataset import Example
from minions.evals.judge import MARKS, judge
from minions.evidence.grounding import locate
from minions.evidence.lines import point, split_lines
from minions.testing import ScriptedModel
from minions.values.documents import Chunk
from minions.values.jobs import Job
from minions.values.plans import Output, Task
from minions_workers.judging import chosen
from minions_workers.reading import Reply, read_reply
from minions_workers.sheet import Sheet
from tests.fuzz.hostile_values import FUZZ, TEXTS, VALUES, bent, objects

OPTIONS = ("None", "high", "yes", "x" * 80)
PASSAGE = (
    "# Lights\n\nThe lighthouse at Skerrow is 41 metres tall.\nAnna Reid built it in 1871.\n\x00\u202eodd\n"
    * 3
)
REPLIES = objects("lines", "line", "quote", "answer")
EXAMPLE = Example(id="q", question="Why?", answers=("To warn ships",), kind="abstractive")


def task(output: str) -> Task:
    """A task with this kind of answer."""
    return Task.model_validate(
        {"id": "t1", "instruction": "How tall?", "output": output, "options": OPTIONS}
    )


def job(output: str) -> Job:
    """A job over the passage."""
    chunk = Chunk(
        id="d:0",
        document_id="d",
        path="a.txt",
        index=0,
        start=7,
        end=7 + len(PASSAGE),
        text=PASSAGE,
        tokens=60,
    )
    return Job(id="j", task=task(output), chunk=chunk)


def assert_in_bounds(reply: Reply) -> None:
    """Lines that may exist, and texts that can be written and have an end."""
    assert len(reply.lines) <= 100
    assert all(0 <= number < 10**6 for number in reply.lines)
    assert len(reply.quote or "") <= 1600
    assert len(reply.answer or "") <= 400
    for said in (reply.quote, reply.answer):
        assert said is None or (said.encode() and "\x00" not in said and "\x1b" not in said)


@pytest.mark.parametrize("output", get_args(Output))
@FUZZ
@given(reply=REPLIES.map(json.dumps) | bent(REPLIES) | TEXTS)
def test_no_reply_points_outside_its_passage(output: str, reply: str) -> None:
    """Whatever a worker says, its evidence is a span of the passage it was shown, or there is none."""
    with suppress(ReplyError):
        read = read_reply(reply, options=OPTIONS)
        assert_in_bounds(read)
        chosen(task(output), read.answer)
        for start, end in point(split_lines(PASSAGE), read.lines):
            assert 0 <= start < end <= len(PASSAGE)
        found = locate(read.quote, PASSAGE) if read.quote is not None else None
        assert found is None or 0 <= found.start < found.end <= len(PASSAGE)


@FUZZ
@given(
    st.builds(
        Reply, st.lists(st.integers(-5, 10**6), max_size=9), st.none() | TEXTS, st.none() | TEXTS
    )
)
def test_no_reply_over_many_passages_points_outside_them(reply: Reply) -> None:
    """A worker that holds several passages at once: each span lies in the passage it is said to."""
    for one, locations in Sheet([job("text"), job("text")]).locations(reply):
        for location in locations:
            assert 0 <= location.start < location.end <= len(one.chunk.text)


@FUZZ
@given(objects("verdict").map(json.dumps) | bent(objects("verdict")) | VALUES.map(json.dumps))
def test_a_judge_gives_one_of_its_verdicts_or_none(reply: str) -> None:
    """Right, partly or wrong; anything else is ReplyError, and the answer stays without a verdict."""
    model: Any = ScriptedModel([reply])
    with suppress(ReplyError):
        assert asyncio.run(judge(model, EXAMPLE, "To warn", max_output_tokens=50)) in MARKS
