"""The gate of a run: it limits the documents' text that is sent to the planner, and counts it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from minions.corpus.chunking import HEADER_CHARS
from minions.corpus.structure import TITLE_CHARS
from minions.privacy.wording import Lines, grounded_words, plain_pieces, plain_value, words_of
from minions.redaction.placeholders import Placeholders, without_placeholders
from minions.redaction.shown_names import uncut
from minions.text.visible import without_unseen
from minions.values.answers import Egress, Withheld
from minions.values.policy import shows_quotes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.corpus.contents import Contents
    from minions.values.findings import Digest, Finding
    from minions.values.plans import Task
    from minions.values.policy import Policy

SHARE: Final = 20  # by default a run may send a twentieth of the documents' text
FEWEST_BYTES: Final = 8_000  # and two digests of any corpus, however small
_BYTES_PER_TOKEN: Final = 4
_ITEMS: Final = re.compile(r"\s*[,;]\s*")
_TYPED: Final = frozenset({"number", "date"})


def default_limit(policy: Policy, contents: Contents) -> int | None:
    """The egress limit of a run whose user set none, in bytes of the documents' text.

    None: no limit.
    """
    if policy != "findings":
        return None
    return max(FEWEST_BYTES, contents.tokens * _BYTES_PER_TOKEN // SHARE)


class Gate(Protocol):
    """The port between a run's findings and its planner: it filters text and counts sent bytes.

    ``sends`` is true where the planner is in a cloud. ``placeholders`` stand for redacted values.
    """

    policy: Policy
    placeholders: Placeholders
    sends: bool

    @property
    def room_bytes(self) -> int | None:
        """Bytes of the documents' text that may still be sent; None for no limit."""
        ...

    @property
    def redacts(self) -> bool:
        """True if sensitive values of the documents are redacted."""
        ...

    def lines_of(self, findings: Iterable[Finding]) -> Lines:
        """The lines that the findings of a round show, with the spans of their redacted values."""
        ...

    def with_sendable_answer(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """The finding without the parts of its answer that may not be sent.

        ``lines`` are the lines of the round, from `lines_of`.
        """
        ...

    def with_summable_answer(self, finding: Finding, lines: Lines) -> Finding:
        """The finding without the parts of its answer that may not enter a sum that is sent."""
        ...

    def escape(self, text: str) -> str:
        """The text of a document, changed so that nothing in it looks like a placeholder."""
        ...

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """The spans (start, end) of the values in a text that are redacted."""
        ...

    def count_text(self, text: str) -> None:
        """Count text of the documents that is sent."""
        ...

    def count_digest(self, digest: Digest) -> None:
        """Count a digest that is sent."""
        ...

    def count_chunk(self, chunk: str) -> None:
        """Count a chunk that a worker read."""
        ...

    def report(self) -> Egress:
        """The bytes that were sent, and the numbers of withheld findings, answers and quotes."""
        ...


class LocalGate:
    """The gate of a run whose planner is on this machine: everything passes, nothing is sent.

    ``remote_workers``: workers read on another machine, and the chunks sent to them are counted.
    """

    sends = False
    room_bytes: int | None = None
    redacts = False

    def __init__(
        self,
        policy: Policy,
        *,
        placeholders: Placeholders | None = None,
        remote_workers: bool = False,
    ) -> None:
        self.policy = policy
        self.placeholders = placeholders or Placeholders()
        self._remote_workers = remote_workers
        self._read_elsewhere = 0

    def lines_of(self, findings: Iterable[Finding]) -> Lines:
        """No lines: no answer is compared with them."""
        del findings
        return lines_of((), self.placeholders)

    def with_sendable_answer(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """The finding, unchanged."""
        del task, lines
        return finding

    def with_summable_answer(self, finding: Finding, lines: Lines) -> Finding:
        """The finding, unchanged."""
        del lines
        return finding

    def escape(self, text: str) -> str:
        """The text, unchanged."""
        return text

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """No spans: nothing is redacted."""
        del text
        return []

    def count_text(self, text: str) -> None:
        """Count nothing, because nothing is sent."""

    def count_digest(self, digest: Digest) -> None:
        """Count nothing, because nothing is sent."""

    def count_chunk(self, chunk: str) -> None:
        """Count a chunk that a worker read elsewhere."""
        if self._remote_workers:
            self._read_elsewhere += size_bytes(chunk)

    def report(self) -> Egress:
        """A report of nothing sent to the planner; chunks may have been sent to remote workers."""
        return Egress(
            sent_bytes=0,
            read_elsewhere_bytes=self._read_elsewhere,
            limit_bytes=None,
            withheld=Withheld(findings=0, answers=0, quotes=0),
            redacted=self.placeholders.redacted,
        )


class CloudGate:
    """The gate of a run whose planner is in a cloud.

    Under ``strict``, an answer is sent if it is made of numbers and of words that the planner
    knows; a placeholder replaces any other. Under ``findings``, the words of an answer are sent
    that also occur in the grounded lines of its round. Under ``open``, all answers are sent.

    ``limit_bytes`` of the documents' text (names, headings, answers, lines) may be sent; None for
    no limit. ``remote_workers``: workers read on another machine, and the chunks sent to them are
    counted.
    """

    sends = True

    def __init__(
        self,
        policy: Policy,
        question: str = "",
        *,
        placeholders: Placeholders | None = None,
        limit_bytes: int | None = None,
        remote_workers: bool = False,
    ) -> None:
        self.policy = policy
        self.placeholders = placeholders or Placeholders()
        self._question = question
        self._limit = limit_bytes
        self._remote_workers = remote_workers
        self._sent = 0
        self._read_elsewhere = 0
        self._withheld_findings = 0
        self._withheld_answers: set[str] = set()
        self._withheld_quotes: set[str] = set()
        self._known: dict[tuple[str, ...], set[str]] = {}

    @property
    def room_bytes(self) -> int | None:
        """Bytes of the documents' text that may still be sent; None for no limit."""
        if self._limit is None:
            return None
        return max(0, self._limit - self._sent)

    @property
    def redacts(self) -> bool:
        """True if sensitive values of the documents are redacted."""
        return self.placeholders.detects

    def lines_of(self, findings: Iterable[Finding]) -> Lines:
        """The lines that the findings of a round show, with the spans of their redacted values."""
        return lines_of(findings, self.placeholders)

    def with_sendable_answer(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """The finding without the parts of its answer that may not be sent.

        ``lines`` are the lines of the round, from `lines_of`.
        """
        if not finding.answer:
            return finding
        # Redacted first, and counted, merged or cut later: a part of a value is not recognised.
        answer = without_unseen(finding.answer)
        if self.placeholders.detects:
            redacted = self.placeholders.redact(answer)
        else:
            redacted = self.escape(answer)
        sendable = redacted
        if self.policy != "open":
            sendable = self._sendable(task, lines, redacted)
        if sendable != redacted:
            self._withheld_answers.add(finding.id)
        if sendable == finding.answer:
            return finding
        return finding.model_copy(update={"answer": sendable})

    def with_summable_answer(self, finding: Finding, lines: Lines) -> Finding:
        """The finding without the digits of redacted values in its answer."""
        if not finding.answer:
            return finding
        answer = without_placeholders(self.placeholders.redact(finding.answer))
        return finding.model_copy(update={"answer": lines.without_hidden(answer) or None})

    def escape(self, text: str) -> str:
        """The text of a document, changed so that nothing in it looks like a placeholder."""
        return self.placeholders.escape(text)

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """The spans (start, end) of the values in a text that are redacted."""
        return self.placeholders.values_in(text)

    def count_text(self, text: str) -> None:
        """Count text of the documents that is sent."""
        self._sent += size_bytes(text)

    def count_digest(self, digest: Digest) -> None:
        """Count a digest that is sent."""
        self._sent += digest.document_bytes
        self._withheld_findings += digest.kept_back
        if not shows_quotes(self.policy):
            self._withheld_quotes.update(finding.id for finding in digest.findings)

    def count_chunk(self, chunk: str) -> None:
        """Count a chunk that a worker read elsewhere."""
        if self._remote_workers:
            self._read_elsewhere += size_bytes(chunk)

    def report(self) -> Egress:
        """The bytes that were sent, and the numbers of withheld findings, answers and quotes."""
        return Egress(
            sent_bytes=self._sent,
            read_elsewhere_bytes=self._read_elsewhere,
            limit_bytes=self._limit,
            withheld=Withheld(
                findings=self._withheld_findings,
                answers=len(self._withheld_answers),
                quotes=len(self._withheld_quotes),
            ),
            redacted=self.placeholders.redacted,
        )

    def _sendable(self, task: Task, lines: Lines, answer: str) -> str:
        """The parts of an answer that policies ``strict`` and ``findings`` allow to send."""
        known = self._known_to_planner(task)
        if shows_quotes(self.policy):
            return grounded_words(answer, lines, known)
        if task.output in _TYPED:
            return plain_pieces(answer, known, lines)
        if plain_value(answer, known, lines) is not None:
            return answer
        items = [answer]
        if task.output == "list":
            items = _ITEMS.split(answer)
        sendable: list[str] = []
        for item in items:
            if not item:
                continue
            value = plain_value(item, known, lines)
            if not value:
                value = self.placeholders.hold(self.placeholders.restore(item))
            sendable.append(value)
        return ", ".join(sendable)

    def _known_to_planner(self, task: Task) -> set[str]:
        """The words of the question and the task.

        Values behind placeholders in them are not known to the planner. The options of a task count
        for categories only: with other outputs, a planner could list words to have them sent.
        """
        options: tuple[str, ...] = ()
        if task.output == "category":
            options = task.options
        texts = (task.instruction, *options, *task.search)
        if texts not in self._known:
            # Held words are replaced in tasks only: the question is sent with the words it names.
            redacted = [self.placeholders.redact(self._question)]
            redacted += [self.placeholders.redact(text, held=True) for text in texts]
            self._known[texts] = words_of(*map(without_placeholders, redacted))
        return self._known[texts]


def size_bytes(text: str) -> int:
    """Bytes of a text as it is sent: UTF-8, with ``?`` for characters that cannot be encoded."""
    return len(text.encode("utf-8", "replace"))


def lines_of(findings: Iterable[Finding], placeholders: Placeholders | None = None) -> Lines:
    """The lines that findings show: quotes, their neighbours, header rows and headings.

    Their words do not include the values that ``placeholders`` redacts.
    """
    blocks: list[str] = []
    for finding in findings:
        parts = [uncut(heading, TITLE_CHARS) for heading in finding.headings]
        parts.append(uncut(finding.table_header or "", HEADER_CHARS))
        parts += [finding.before, finding.citation.quote, finding.after]
        blocks.append("\n".join(parts))
    text = "\n\n".join(blocks)
    if placeholders is None:
        return Lines(text)
    # This records the values: from now on they are recognised in answers, inside words, too.
    placeholders.redact(text)
    return Lines(text, placeholders.values_in(text))
