"""The gate of a run: the words of an answer that each policy sends, and how many bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.evidence.digest import pack
from minions.evidence.digest_lines import Writer
from minions.evidence.reduce import Reduction
from minions.privacy.outgoing import (
    FEWEST_BYTES,
    CloudGate,
    Gate,
    LocalGate,
    default_limit,
    lines_of,
)
from minions.privacy.wording import Lines, grounded_words, is_number, plain_value
from minions.redaction.placeholders import Placeholders

QUESTION = "Which law governs the lease, that of Delaware or of Texas?"
CANARY = "zq7x-KITE-91kd"


def _sendable(
    make: Any, policy: Any, answer: str, *, finding: dict[str, Any] | None = None, **task: Any
) -> str:
    outgoing = CloudGate(policy, QUESTION)
    found = make.finding(answer, **(finding or {"quote": "Of the lease."}))
    return str(outgoing.with_sendable_answer(make.task(**task), found, lines_of([found])).answer)


@pytest.mark.parametrize(
    ("answer", "task", "expected"),
    [
        ("12.4 million", {"output": "number"}, "12.4 million"),
        ("$12,400 in March 2022", {"output": "number"}, "$12,400 in March 2022"),
        (f"42 {CANARY}", {"output": "number"}, "42 …"),
        ("31 December 2022", {"output": "date"}, "31 December 2022"),
        ("yes", {"output": "yes_no"}, "yes"),
        ("Amber", {"output": "category", "options": ("red", "amber")}, "Amber"),
        ("Delaware", {"output": "text"}, "Delaware"),  # the question names it
        ("30 days", {"output": "text"}, "30 days"),
        ("New York", {"output": "text"}, "[ANSWER_1]"),
        (f"30 days, {CANARY}", {"output": "text"}, "[ANSWER_1]"),
        (f"Texas, Ohio, {CANARY}", {"output": "list"}, "Texas, [ANSWER_1], [ANSWER_2]"),
        (CANARY, {"output": "category", "options": ("a", "b")}, "[ANSWER_1]"),
        (CANARY, {"output": "yes_no"}, "[ANSWER_1]"),
        ("8" * 40, {"output": "number"}, "…"),
    ],
)
def test_strict_says_numbers_and_words_that_the_planner_knows(
    make: Any, answer: str, task: dict[str, Any], expected: str
) -> None:
    """Words of a document stay, behind a placeholder; numbers, dates, options and the question's words go."""
    assert _sendable(make, "strict", answer, **task) == expected


def test_strict_lets_no_dictionary_read_a_sentence(make: Any) -> None:
    """A planner that writes the words it guesses into options or an instruction is told few of them at a time."""
    sentence = "the old lamp burns red oil until grey dawn breaks over reefs"
    assert (
        _sendable(make, "strict", sentence, output="list", options=tuple(sentence.split()))
        == "[ANSWER_1]"
    )
    assert (
        _sendable(make, "strict", sentence, instruction=f"Which of these: {sentence}?")
        == "[ANSWER_1]"
    )
    assert (
        _sendable(make, "strict", "red oil", instruction=f"Which of these: {sentence}?")
        == "red oil"
    )


def test_strict_does_not_know_what_a_task_names_by_a_placeholder(make: Any) -> None:
    """A planner that asks about [ANSWER_1] is not told what it stands for."""
    outgoing = CloudGate("strict", QUESTION)
    held = outgoing.with_sendable_answer(
        make.task(), make.finding("Zanzibar Shipping"), lines_of([])
    ).answer
    asked = outgoing.placeholders.restore(f"Is {held} a party?")
    again = outgoing.with_sendable_answer(
        make.task(asked), make.finding("Zanzibar Shipping"), lines_of([])
    ).answer
    assert held == again == "[ANSWER_1]"


@pytest.mark.parametrize("policy", ["strict", "findings", "open"])
@pytest.mark.parametrize("looks", ["[ANSWER_1]", "ANSWER_1", "EMAIL_1"])
def test_no_answer_passes_for_another_that_is_held(make: Any, policy: Any, looks: str) -> None:
    """Without redaction too: a document that writes a placeholder does not stand for what another document says."""
    outgoing = CloudGate(policy, QUESTION)
    held = outgoing.placeholders.hold("Zanzibar")
    sent = str(
        outgoing.with_sendable_answer(
            make.task(), make.finding(looks, quote=looks), lines_of([])
        ).answer
    )
    assert held == "[ANSWER_1]"
    assert "ANSWER_1" not in sent
    assert outgoing.placeholders.restore(outgoing.placeholders.redact(sent, held=True)) == looks


def test_strict_does_not_know_the_parts_of_a_value_in_the_question(make: Any) -> None:
    """The planner is shown an address as its placeholder: no part of it is a word that it knows."""
    from minions.redaction.detector import detector

    question = "Who is ann.moss@falcon.example?"
    outgoing = CloudGate("strict", question, placeholders=Placeholders(detector()))
    for number, word in enumerate(("moss", "falcon", "email"), 1):
        finding = outgoing.with_sendable_answer(make.task(), make.finding(word), lines_of([]))
        assert finding.answer == f"[ANSWER_{number}]"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Net revenue was 12.4 million", "Net revenue was 12.4 million"),
        (f"revenue {CANARY} 12.4", "revenue … 12.4"),
        ("12,400,000", "12,400,000"),  # the same value, written otherwise
        ("13.9", "…"),
        (f"{CANARY}", "…"),
        ("not disclosed", "not …"),
        ("the lease", "the lease"),
    ],
)
def test_findings_says_what_stands_in_the_lines_shown(
    make: Any, answer: str, expected: str
) -> None:
    """A worker that copies words from elsewhere into its answer does not take them up."""
    shown = {"quote": "Net revenue $12.4 million", "before": "2022", "headings": ("Results",)}
    assert _sendable(make, "findings", answer, finding=shown) == expected


def test_an_answer_may_use_words_of_any_line_found_in_its_round(make: Any) -> None:
    """A worker that copies the right sentence and points beside it is understood where another finding shows it."""
    outgoing, sentence = (
        CloudGate("findings", QUESTION),
        "This lease shall be governed by Ohio law.",
    )
    found = [
        make.finding(sentence, quote="12.2 Notices."),
        make.finding("?", start=90, quote=sentence),
    ]
    assert outgoing.with_sendable_answer(make.task(), found[0], lines_of(found)).answer == sentence
    assert (
        outgoing.with_sendable_answer(make.task(), found[0], lines_of(found[:1])).answer != sentence
    )


def test_open_says_everything(make: Any) -> None:
    """Where chunks may go, answers may."""
    assert _sendable(make, "open", CANARY) == CANARY


def test_what_stays_on_the_device_is_not_held_back(make: Any) -> None:
    """A local planner is told all there is, and the report says that nothing went up."""
    outgoing = LocalGate("strict")
    outgoing.count_text("a name")
    assert (
        outgoing.with_sendable_answer(make.task(), make.finding(CANARY), lines_of([])).answer
        == CANARY
    )
    assert outgoing.room_bytes is None
    assert outgoing.report().sent_bytes == 0


@given(st.text(alphabet="ab1-. ", max_size=30), st.text(alphabet="ab1-. ", max_size=30))
def test_no_word_goes_up_that_the_lines_do_not_hold(answer: str, shown: str) -> None:
    """Whatever the answer and the lines, each word that is left stands in the lines or is a small one."""
    kept = grounded_words(answer, Lines(shown), known=())
    allowed = set(shown.replace("-", " ").replace(".", " ").split()) | {"a"}
    words = kept.replace("-", " ").replace(".", " ").replace("…", " ").split()
    assert {word for word in words if not is_number(word)} <= allowed


def test_a_plain_value_is_given_back_as_it_is() -> None:
    """Numbers with units, small words and known words; one other word makes it none."""
    assert plain_value("about 30 days", (), Lines("")) == "about 30 days"
    assert plain_value("about 30 herons", (), Lines("")) is None


def test_the_limit_is_a_twentieth_of_the_documents_and_never_less_than_two_digests(
    make: Any,
) -> None:
    """Only policy findings has one by default."""

    class Contents:
        tokens = 1_000_000

    contents: Any = Contents()
    assert default_limit("findings", contents) == 200_000
    contents.tokens = 500
    assert default_limit("findings", contents) == FEWEST_BYTES
    assert default_limit("open", contents) is None
    assert default_limit("strict", contents) is None


def _pack(make: Any, findings: list[Any], room: int | None, **changes: Any) -> Any:
    task = make.task()
    reduction = Reduction(task_id=task.id, findings=tuple(findings), **changes)
    return pack(
        [task],
        [reduction],
        {"t1": "read 3 of 9"},
        writer=Writer({}, "findings"),
        budget_tokens=2_000,
        room_bytes=room,
    )


@pytest.mark.parametrize("room", [0, 1, 60, 200, 400, 900])
def test_a_digest_keeps_to_the_room(make: Any, room: int) -> None:
    """Whatever is left of the limit, no more of the documents goes up, and what stays is counted and told."""
    findings = [
        make.finding(f"värde {n}", start=n * 500, quote="ö" * 40, confidence=0.9) for n in range(9)
    ]
    digest = _pack(
        make, findings, room, summary="distinct: " + ", ".join(f"värde {n} 1" for n in range(9))
    )
    assert digest.document_bytes <= room
    assert len(digest.findings) + digest.kept_back == 9
    assert digest.kept_back
    assert f"({digest.kept_back} more stay on the device: the egress limit)" in digest.text
    shown = sum(len(row.encode()) for row in digest.text.splitlines() if row.startswith("f"))
    assert shown <= digest.document_bytes


def test_without_a_limit_nothing_is_kept_back(make: Any) -> None:
    """A digest is then bounded by its tokens alone."""
    digest = _pack(make, [make.finding("1"), make.finding("2", start=500)], None)
    assert (len(digest.findings), digest.kept_back) == (2, 0)


def test_no_cut_goes_through_a_value(make: Any) -> None:
    """A line is cut before an address, not in it: a part of it would be sent unrecognised."""
    from minions.redaction.detector import detector

    placeholders = Placeholders(detector())
    writer = Writer({}, "findings", placeholders.values_in)
    account = "DE89 3704 0044 0532 0130 00"
    for length in range(655, 705):
        filler = ("word " * 200)[: length - 1] + " "
        finding = make.finding(
            "x", quote=f"{filler}{account} {filler}", before=f"{account} {filler}"[:-500], after=""
        )
        sent = placeholders.redact(writer.line(finding))
        assert "0532" not in sent
        assert "3704" not in sent


def test_passages_that_are_read_elsewhere_are_counted_apart(make: Any) -> None:
    """Where the user allowed a worker on another machine, the result says how much it was sent, whoever plans."""
    outgoing = LocalGate("findings", remote_workers=True)
    outgoing.count_chunk("ten bytes.")
    assert (outgoing.report().read_elsewhere_bytes, outgoing.report().sent_bytes) == (10, 0)
    here = CloudGate("findings", QUESTION)
    here.count_chunk("ten bytes.")
    assert here.report().read_elsewhere_bytes == 0


def test_the_report_adds_up(make: Any) -> None:
    """Bytes of card and digests, findings kept back, answers cut, lines of strict."""
    outgoing = CloudGate("findings", QUESTION, limit_bytes=300)
    outgoing.count_text("names")
    outgoing.with_sendable_answer(make.task(), make.finding(CANARY), lines_of([]))
    digest = _pack(
        make,
        [make.finding("1", start=n * 500, quote="x" * 90) for n in range(6)],
        outgoing.room_bytes,
    )
    outgoing.count_digest(digest)
    report = outgoing.report()
    assert report.sent_bytes == 5 + digest.document_bytes <= 300
    assert report.withheld.answers == 1
    assert report.withheld.findings == digest.kept_back > 0
    assert outgoing.room_bytes == 300 - report.sent_bytes


@pytest.mark.parametrize(
    "hidden",
    ["".join(chr(0xE0000 + ord(sign)) for sign in CANARY), "\U0001f702\U0001f70d", "\u0301" * 9],
)
@pytest.mark.parametrize("policy", ["strict", "findings"])
def test_no_writing_in_signs_goes_up(make: Any, policy: str, hidden: str) -> None:
    """Characters that nobody sees, or that say nothing here, may be letters to a reader that knows them."""
    assert hidden not in _sendable(make, policy, f"yes {hidden}", output="yes_no")
    assert hidden not in _sendable(make, policy, f"yes{hidden}", output="text")


LINE = "Pay 4111 1111 1111 1111 to jane.roe@example.com, 12 in all, with key AKIAIOSFODNN7EXAMPLE"


def _redacting(policy: Any, make: Any) -> tuple[Gate, Lines]:
    from minions.redaction.detector import detector

    outgoing = CloudGate(policy, QUESTION, placeholders=Placeholders(detector()))
    return outgoing, outgoing.lines_of([make.finding("x", quote=LINE)])


@pytest.mark.parametrize("policy", ["strict", "findings"])
@pytest.mark.parametrize("part", ["4111 1111 1111", "1111", "jane.roe", "AKIAIOSFODNN", "12 4111"])
def test_a_part_of_a_value_stays_where_the_value_does(make: Any, policy: str, part: str) -> None:
    """A worker that copies half of a card number takes nothing of it up."""
    outgoing, lines = _redacting(policy, make)
    sent = str(
        outgoing.with_sendable_answer(
            make.task(output="number"), make.finding(part, quote=LINE), lines
        ).answer
    )
    assert not any(word in sent for word in part.split() if word != "12")


@pytest.mark.parametrize("reduce", ["unique", "vote", "group"])
def test_a_value_has_its_placeholder_before_answers_are_counted(make: Any, reduce: str) -> None:
    """In small letters, or with a count behind it, a key or a card would not be known for one."""
    from minions.evidence.reduce import reduce_findings

    outgoing, lines = _redacting("findings", make)
    task = make.task(reduce=reduce, output="list")
    finding = outgoing.with_sendable_answer(
        task, make.finding("AKIAIOSFODNN7EXAMPLE, 4111 1111 1111 1111", quote=LINE), lines
    )
    reduction = reduce_findings(task, [finding], {})
    assert "4111" not in f"{reduction.summary} {reduction.groups}"
    assert "akia" not in f"{reduction.summary} {reduction.groups}"
    assert "[secret_1]" in f"{reduction.summary} {reduction.groups}"


@pytest.mark.parametrize("policy", ["strict", "findings"])
@pytest.mark.parametrize("amount", ["411", "411.00", "1,111", "$16.4"])
def test_numbers_beside_a_value_count_though_it_has_their_digits(
    make: Any, policy: Any, amount: str
) -> None:
    """Invoices with account numbers add up: a long number has most short ones in it."""
    from minions.redaction.detector import detector

    outgoing = CloudGate(policy, QUESTION, placeholders=Placeholders(detector()))
    finding = make.finding(
        f"{amount} EUR", quote=f"Total {amount} EUR, to DE89 4111 1111 0000 1640 00"
    )
    lines = outgoing.lines_of([finding])
    assert outgoing.placeholders.redacted == {"account": 1}
    assert outgoing.with_summable_answer(finding, lines).answer == finding.answer
    assert (
        outgoing.with_sendable_answer(make.task(output="number"), finding, lines).answer
        == finding.answer
    )
    assert not outgoing.with_summable_answer(make.finding("111 1640"), lines).answer


@pytest.mark.parametrize(
    "answer", ["4111 1111 1111 1111", "4111111111111111k", "7454111111111111111", "1111"]
)
def test_no_digits_of_a_value_are_added_up(make: Any, answer: str) -> None:
    """A sum over one card is the card, however its digits are scaled, or what stands before them."""
    outgoing, lines = _redacting("strict", make)
    assert not outgoing.with_summable_answer(make.finding(answer), lines).answer
    assert outgoing.with_summable_answer(make.finding("12 in all"), lines).answer == "12 in all"
