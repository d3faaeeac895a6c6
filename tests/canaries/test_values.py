"""Addresses, cards, accounts, keys and the user's words: no policy lets them go, and the answer has them again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.models.usage import estimated_usage
from minions.redaction.placeholders import placeholders_in
from minions.values.chat import Completion
from tests.canaries.values import PATTERNS, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.values.chat import ChatRequest
    from tests.canaries.conftest import Planted, Sent

    Send = Callable[..., Sent]

FEW = 6
OWN: dict[str, Any] = {"redact_words": WORDS, "redact_patterns": PATTERNS}


@pytest.mark.parametrize(
    ("policy", "how"),
    [
        ("strict", {}),
        ("findings", {}),
        ("findings", {"evidence": "quote"}),
        ("findings", {"protocol": "minion"}),
    ],
)
def test_no_part_of_a_value_leaves(
    send: Send, valued: Planted, policy: str, how: dict[str, Any]
) -> None:
    """Not even where a title, a heading, a name, a quote or a chunk ends within one, and however a worker bends it."""
    sent = send(valued, FEW, policy=policy, **how, **OWN)
    assert not sent.stray()
    assert not sent.too_long()
    sent.check_log()


@pytest.mark.parametrize("protocol", ["minions", "rag", "remote"])
def test_no_value_leaves_where_passages_may(send: Send, valued: Planted, protocol: str) -> None:
    """Under policy open whole passages go up, their values do not, wherever a passage ends."""
    sent = send(valued, 2, policy="open", protocol=protocol, bending=False, **OWN)
    assert not sent.stray()
    sent.check_log()


def repeating(request: ChatRequest) -> Completion:
    """A planner that answers with every placeholder it was shown."""
    shown = dict.fromkeys(
        placeholders_in("\n".join(message.content for message in request.messages))
    )
    reply: dict[str, Any] = {"tasks": [{"instruction": "Which values are there?", "search": []}]}
    if "Documents: " not in request.messages[-1].content:
        reply = {
            "answer": " ; ".join(shown) or None,
            "findings": ["f1"],
            "confidence": 1,
            "tasks": [],
        }
    return Completion(
        text=json.dumps(reply), finish_reason="stop", usage=estimated_usage(request, "")
    )


@pytest.mark.parametrize(("policy", "protocol"), [("findings", "minions"), ("open", "rag")])
def test_values_come_back_in_the_answer(
    send: Send, valued: Planted, policy: str, protocol: str
) -> None:
    """The user reads the values, those of the question among them; the cloud read their names."""
    address, word = "zora.qwist@kwmelbj.example", WORDS[0]
    question = f"Whom did {address} of {word} write to"
    sent = send(
        valued,
        1,
        policy=policy,
        protocol=protocol,
        planner=repeating,
        question=question,
        bending=False,
        **OWN,
    )
    assert not sent.stray()
    assert address.encode() not in b"".join(sent.received)
    answer = sent.answers[0]
    assert answer.answer is not None
    assert address in answer.answer
    assert word in answer.answer
    assert sum(value in answer.answer for value in valued.strings) >= 2
    assert set(answer.egress.redacted) >= {"email", "term"}


def test_values_are_found_where_nothing_redacts(
    send: Send, valued: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the wrapper left out, the search finds values: it would notice."""
    monkeypatch.setattr("minions.models.redacting.redacting", lambda *told: told[0])
    assert send(valued, FEW, policy="findings", **OWN).stray()
