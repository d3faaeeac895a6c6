"""Requests of planners, workers and judge for fixed inputs, to the character, and what is made of the replies."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from tests.golden import given, parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.golden.parts import ChatRequest, Completion

_PLAN: Final = {
    "tasks": [
        {"instruction": given.QUESTION, "search": ["lighthouse tall", "metres"]},
        {
            "instruction": "Is it by the sea?",
            "output": "yes_no",
            "unit": "document",
            "reduce": "count",
        },
    ],
    "message": given.QUESTION,
    "search": ["lighthouse", "tall metres"],
}
_DECISION: Final = {"findings": ["f1"], "confidence": 0.9, "tasks": [], "message": None}
_LOOK: Final = {"Yes": -0.2, " yes": -2.5, "no": -2.4, "The": -4.0}
_POINTS: Final = {"lines": [1], "answer": "41 metres"}
_QUOTES: Final = {"quote": "lighthouse at Skerrow is 41 metres", "answer": "41 metres"}
_GISTS: Final = (
    parts.RoundGist(asked=("How tall is it?", "How old?"), found="f1 41 | It is 41 metres tall."),
    parts.RoundGist(asked=("Where?",), found="t1 (nothing found)"),
)
_LAST: Final = parts.History()
_MORE: Final = parts.History(rounds_left=1)
_LATER: Final = parts.History(gists=_GISTS, rounds_left=2)


def said(request: ChatRequest) -> dict[str, Any]:
    """A request as data, its texts in lines."""
    data = request.model_dump(mode="json", exclude={"messages"})
    # A model writes the fields of its reply in the order of the schema: evidence before the answer.
    data["json_schema"] = json.dumps(data["json_schema"], ensure_ascii=False, indent=1).split("\n")
    data["messages"] = [
        {
            "role": message.role,
            "kinds": [list(kind) for kind in message.kinds],
            "content": message.content.split("\n"),
        }
        for message in request.messages
    ]
    return data


def token(odds: dict[str, float]) -> Completion:
    """A reply of one token, with the candidates' log probabilities."""
    text = max(odds, key=odds.__getitem__)
    usage = parts.Usage(input_tokens=90, output_tokens=1)
    return parts.Completion(text=text, finish_reason="stop", usage=usage, first_token=odds)


async def _recorded(replies: Sequence[Any], act: Callable[[Any], Awaitable[Any]]) -> dict[str, Any]:
    model = parts.ScriptedModel(replies, reference="scripted:golden")
    result = await act(model)
    results = result if isinstance(result, list) else [result]
    dumped = [
        one if isinstance(one, str) else one.model_dump(mode="json", exclude={"job"})
        for one in results
    ]
    return {"requests": [said(request) for request in model.requests], "result": dumped}


async def planners() -> dict[str, Any]:
    """All that the three planners send, and how they read the replies."""
    told = {}
    for name, lines_shown in (("lines", True), ("strict", False)):
        cloud = _cloud(lines_shown=lines_shown)
        chat = _chat(lines_shown=lines_shown)
        told[f"cloud, {name}, plan"] = await _planned(cloud, [_PLAN])
        told[f"cloud, {name}, decide"] = await _decided(cloud, given.DIGEST, _MORE)
        told[f"cloud, {name}, decide, last"] = await _decided(cloud, given.DIGEST, _LAST)
        told[f"chat, {name}, plan"] = await _planned(chat, [_PLAN])
        told[f"chat, {name}, decide"] = await _decided(chat, given.DIGEST, _LATER)
        told[f"chat, {name}, decide, last"] = await _decided(chat, given.DIGEST, _LAST)
    whole = parts.pack_whole(given.FINDINGS, parts.Writer(given.NAMES, "open"))
    told["cloud, asked again"] = await _planned(_cloud(), ["no JSON", _PLAN])
    told["cloud, later"] = await _decided(_cloud(), given.DIGEST, _LATER)
    told["cloud, whole"] = await _decided(_cloud(), whole, _LAST)
    shape: dict[str, Any] = {"answer_schema": given.ANSWER_SCHEMA}
    tall = {"metres": 41}
    told["cloud, schema"] = await _decided(_cloud(**shape), given.DIGEST, _MORE, answer=tall)
    told["cloud, schema, last"] = await _decided(_cloud(**shape), given.DIGEST, _LAST, answer=tall)
    told["chat, whole"] = await _decided(_chat(), whole, _MORE)
    told["chat, schema"] = await _decided(_chat(**shape), given.DIGEST, _MORE, answer=tall)
    told["local, plan"] = await _planned(_local(), [_PLAN])
    told["local, decide"] = await _decided(_local(), given.DIGEST, _LATER)
    told["local, whole"] = await _decided(_local(), whole, _LAST)
    told["local, nothing found"] = await _decided(_local(), given.NO_FINDINGS, _LAST)
    told["local, schema"] = await _decided(_local(**shape), given.DIGEST, _LAST, answer=tall)
    return told


def _cloud(**how: Any) -> Callable[[Any], Any]:
    return lambda model: parts.CloudPlanner(model, max_tasks=6, **how)


def _chat(**how: Any) -> Callable[[Any], Any]:
    return lambda model: parts.ChatPlanner(model, max_turns=4, **how)


def _local(**how: Any) -> Callable[[Any], Any]:
    return lambda model: parts.LocalPlanner(model, **how)


async def _planned(build: Callable[[Any], Any], replies: Sequence[Any]) -> dict[str, Any]:
    return await _recorded(replies, lambda model: build(model).plan(given.QUESTION, given.CARD))


async def _decided(
    build: Callable[[Any], Any], digest: Any, history: Any, *, answer: Any = "41 metres"
) -> dict[str, Any]:
    reply = {**_DECISION, "answer": answer}
    return await _recorded(
        [reply], lambda model: build(model).decide(given.QUESTION, digest, history)
    )


async def extractor() -> dict[str, Any]:
    """The look, the extraction and the judgements of the worker that reads a chunk at a time."""
    told = {}
    for name in ("text", "number", "date", "list", "yes_no", "category"):
        told[name] = await _extracted([token(_LOOK), {**_POINTS, "answer": None}], name)
    told["quote"] = await _extracted([token(_LOOK), _QUOTES], "text", evidence="quote")
    told["quote, list"] = await _extracted([token(_LOOK), _QUOTES], "list", evidence="quote")
    told["draft"] = await _extracted(
        [token(_LOOK), {"draft": "41?", **_POINTS}], "text", reasoning="draft"
    )
    told["cot"] = await _extracted(
        [token(_LOOK), {"reasoning": "It says 41.", **_POINTS}], "text", reasoning="cot"
    )
    told["quote, cot"] = await _extracted(
        [token(_LOOK), _QUOTES], "text", evidence="quote", reasoning="cot"
    )
    told["second look"] = await _extracted(
        [token(_LOOK), {"lines": [2], "answer": "57 feet"}, _POINTS], second_look=True
    )
    told["sample"] = await _extracted([token(_LOOK), _POINTS], sample=1)
    told["not promising"] = await _extracted([token({"no": -0.1, "yes": -3.0})])
    told["no probabilities"] = await _extracted(["Yes", _POINTS])
    ballots = [token({"A": -0.3, "B": -1.8, "C": -3.0}), token({"C": -0.4, "B": -1.9})]
    told["judged yes_no"] = await _extracted([token({"Yes": -0.4, "no": -1.2})], "judged yes_no")
    told["judged category"] = await _extracted(ballots, "judged category")
    told["judged category, sample"] = await _extracted(ballots, "judged category", sample=1)
    told["judged in writing"] = await _extracted(["Yes", {"answer": "yes"}], "judged yes_no")
    told["judged in writing, draft"] = await _extracted(
        [{"answer": "sea"}], "judged category", reasoning="draft"
    )
    long = parts.errors.ContextOverflowError("too long", usage=parts.Usage(input_tokens=5))
    halves = [long, token({"yes": -0.4, "no": -1.2}), token({"yes": -2.0, "no": math.log(0.8)})]
    told["judged by halves"] = await _extracted(halves, "judged yes_no")
    return told


async def _extracted(
    replies: Sequence[Any], task: str = "text", *, sample: int = 0, **how: Any
) -> dict[str, Any]:
    asked = given.job(task, sample=sample)
    return await _recorded(replies, lambda model: parts.Extractor(model, **how).run(asked))


async def reader() -> dict[str, Any]:
    """The worker of a chat over passages that follow each other, and one that stands elsewhere."""
    first = given.chunk()
    after = given.chunk("It can be seen from 19 miles.\n", start=first.end, id="0123:3", index=3)
    other = given.chunk(
        "Lights\nThe light of Hollin is 17 metres high.\n",
        start=0,
        id="4567:0",
        document_id="4567",
        path="b.txt",
        headings=(),
        table_header=None,
    )
    told = {}
    for name, task, sample in (("text", "text", 0), ("list", "list", 0), ("sample", "number", 1)):
        jobs = [given.job(task, read=read, sample=sample) for read in (first, after, other)]
        told[name] = await _read(jobs, {"lines": [1, 8], "answer": "41 metres"})
        told[f"{name}, quote"] = await _read(jobs, _QUOTES, evidence="quote")
    return told


async def _read(jobs: Sequence[Any], reply: Any, **how: Any) -> dict[str, Any]:
    async def act(model: Any) -> list[Any]:
        return list(await parts.ChatReader(model, **how).read(jobs))

    return await _recorded([reply], act)


async def judge() -> dict[str, Any]:
    """The model that marks the answers of an evaluation."""
    example = parts.Example(
        id="e1", question=given.QUESTION, answers=("41 metres", "41 m"), kind="abstractive"
    )
    judge = parts.judging.judge
    return await _recorded(
        [{"verdict": "partly"}],
        lambda model: judge(model, example, "about forty metres", max_output_tokens=300),
    )
