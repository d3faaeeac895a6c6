"""Two hundred unique strings in documents of every format, a worker that copies them, a planner that asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stamina

from minions.errors import EgressRefusedError
from minions.privacy.outgoing import CloudGate
from minions.testing import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.canaries.conftest import Planted, Sent

    Send = Callable[..., Sent]

FEW = 6  # plans, where one way to ask is tried among others


def test_nothing_of_any_document_leaves_under_strict(send: Send, planted: Planted) -> None:
    """Whatever the plans and whatever the worker copies, no eight characters of any canary are received: of no text, no
    heading, no title, no name; and the log is what was received.
    """
    sent = send(planted, policy="strict")
    assert not sent.stray()
    assert not sent.too_long()
    sent.check_log()


def test_only_grounded_lines_leave_under_findings(send: Send, planted: Planted) -> None:
    """What is received of a canary stands in a line that was found, around it, above it, or in a name or title."""
    sent = send(planted, policy="findings")
    assert sent.stray(), "canaries that never go up test nothing"
    assert not sent.stray(lambda answer: planted.shown(sent.events[answer.run_id]))
    assert not sent.too_long()
    sent.check_log()


@pytest.mark.parametrize("policy", ["strict", "findings"])
def test_the_same_holds_for_a_chat(send: Send, planted: Planted, policy: str) -> None:
    """A planner that sends messages to one reader of all documents learns no more of them."""
    sent = send(planted, FEW, policy=policy, protocol="minion")
    assert not sent.stray(
        None if policy == "strict" else lambda answer: planted.shown(sent.events[answer.run_id])
    )
    assert not sent.too_long()
    sent.check_log()


@pytest.mark.parametrize(
    ("max_egress", "evidence"),
    [(0, "lines"), (30, "quote"), (400, "lines"), (400, "quote"), (2_000, "lines")],
)
def test_the_egress_limit_holds_for_what_is_received(
    send: Send, planted: Planted, max_egress: int, evidence: str
) -> None:
    """Names on the card, summaries and findings together take no more bytes than allowed, counted by the receiver; with
    none allowed, nothing of any document leaves.
    """
    sent = send(planted, FEW, policy="findings", max_egress=max_egress, evidence=evidence)
    assert {answer.egress.limit_bytes for answer in sent.answers} == {max_egress}
    assert not sent.too_long()
    assert bool(sent.stray()) == (max_egress >= 400)


def test_what_is_sent_again_is_logged_again(send: Send, planted: Planted) -> None:
    """Server errors and replies that are none make the same bytes leave again: the log has every time of it."""
    kinds = [faults.server_error(), faults.garbage(), faults.reset()]
    with stamina.set_testing(True, attempts=8, cap=True):
        sent = send(
            planted, FEW, policy="strict", faulty=faults.storm(0.3, kinds, seed=3), attempts=8
        )
    assert len(set(sent.received)) < len(sent.received)
    assert not sent.stray()
    sent.check_log()


def test_what_was_read_under_another_policy_stays_too(send: Send, planted: Planted) -> None:
    """Results kept from a run that could show more are read again under strict, and shown no more for it."""
    first = send(planted, 2 * FEW, policy="findings")
    again = send(planted, 2 * FEW, policy="strict")
    assert first.stray()
    assert any(
        event.kind == "job" and event.cached for events in again.events.values() for event in events
    )
    assert not again.stray()


@pytest.mark.parametrize("policy", ["strict", "findings"])
@pytest.mark.parametrize("protocol", ["rag", "remote"])
def test_chunks_are_refused_before_anything_is_sent(
    send: Send, planted: Planted, policy: str, protocol: str
) -> None:
    """The protocols that send passages do not run, and the planner's server hears nothing."""
    heard: list[Any] = []
    with pytest.raises(EgressRefusedError):
        send(planted, 1, policy=policy, protocol=protocol, planner=heard.append)
    assert not heard


def test_the_strings_are_found_where_the_gate_is_open(
    send: Send, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With answers let through as they are, the search finds canaries under both policies: it would notice."""
    monkeypatch.setattr(CloudGate, "with_sendable_answer", lambda *given: given[2])
    assert send(planted, FEW, policy="strict").stray()
    sent = send(planted, FEW, policy="findings")
    assert sent.stray(lambda answer: planted.shown(sent.events[answer.run_id]))


def test_bytes_beyond_the_limit_are_found_where_nothing_counts_them(
    send: Send, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room without end the receiver counts more than was allowed: it would notice."""
    monkeypatch.setattr(CloudGate, "room_bytes", None)
    assert send(planted, FEW, policy="findings", max_egress=400).too_long()
