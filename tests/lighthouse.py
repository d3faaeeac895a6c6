"""Models that know one fact, for servers on this machine: a worker that points at its line, a planner that decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from minions.values.chat import Completion, Usage

if TYPE_CHECKING:
    from minions.values.chat import ChatRequest

QUESTION = "How tall is the lighthouse at Skerrow?"
SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
PLAN = {
    "tasks": [{"instruction": QUESTION, "search": ["lighthouse tall metres"]}],
    "message": QUESTION,
}


def play(request: ChatRequest) -> Any:
    """Plans, reads, and decides for whatever finding holds the answer."""
    text = request.messages[-1].content
    if "Question:" not in text:
        return read(request)
    if "Findings:" not in text:
        return PLAN
    before = text.partition("41 metres")[0] if "41 metres" in text else ""
    found = re.findall(r"^(f\d+) ", before, re.MULTILINE)
    return {
        "answer": "41 metres" if found else None,
        "findings": found[-1:],
        "confidence": 0.9,
        "tasks": [],
    }


def read(request: ChatRequest) -> Any:
    """A worker that points at the line that answers."""
    line = re.search(r"^(\d+): .*41 metres", request.messages[-1].content, re.MULTILINE)
    if request.first_token_candidates:
        odds = {"yes": -0.1, "no": -2.4} if line else {"no": -0.02, "yes": -4.0}
        usage = Usage(input_tokens=90, output_tokens=1)
        said = max(odds, key=odds.__getitem__)
        return Completion(text=said, finish_reason="stop", usage=usage, first_token=odds)
    return {"lines": [int(line[1])] if line else [], "answer": "41 metres" if line else None}
