"""The gate of a run: what of the documents may be sent to its planner, and how much was."""

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
    from collections.abc import Iterable, Iterator

    from minions.corpus.contents import Contents
    from minions.values.findings import Digest, Finding
    from minions.values.plans import Task
    from minions.values.policy import Policy

SHARE: Final = 20  # by default a run may send a twentieth of the documents' text,
FEWEST_BYTES: Final = 8_000  # and of any corpus, however small, two digests
_BYTES_PER_TOKEN: Final = 4
_ITEMS: Final = re.compile(r"\s*[,;]\s*")
_TYPED: Final = frozenset({"number", "date"})


def default_limit(policy: Policy, contents: Contents) -> int | None:
    """The egress limit where the user set none, in bytes of the documents' text; None: no limit."""
    if policy != "findings":
        return None
    return max(FEWEST_BYTES, contents.tokens * _BYTES_PER_TOKEN // SHARE)


class Gate(Protocol):
    """What a run asks before anything is sent to its planner, and where it is counted.

    ``sends``: whether the planner is in a cloud. ``placeholders`` stand for redacted values.
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
        """Whether sensitive values of the documents are looked for."""
        ...

    def lines_of(self, findings: Iterable[Finding]) -> Lines:
        """The lines that the findings of a round show, and which of their values are redacted."""
        ...

    def said(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """A finding with what of its answer may be sent; ``lines`` are those of the round."""
        ...

    def reckoned(self, finding: Finding, lines: Lines) -> Finding:
        """A finding with what of its answer may be added up."""
        ...

    def escape(self, text: str) -> str:
        """Text of a document in which nothing passes for a placeholder."""
        ...

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """Spans of the values in a text that are redacted."""
        ...

    def sent(self, text: str) -> None:
        """Count text of the documents that is sent."""
        ...

    def packed(self, digest: Digest) -> None:
        """Count a digest that is sent."""
        ...

    def read(self, chunk: str) -> None:
        """Count a chunk that a worker read."""
        ...

    def report(self) -> Egress:
        """What was sent, and what was withheld."""
        ...


class LocalGate:
    """The gate of a run whose planner is on this machine: everything passes, nothing is sent.

    ``remote_workers``: chunks are read on another machine, and are counted.
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
        """No lines: nothing is compared with them."""
        del findings
        return lines_of((), self.placeholders)

    def said(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """The finding as it is."""
        del task, lines
        return finding

    def reckoned(self, finding: Finding, lines: Lines) -> Finding:
        """The finding as it is."""
        del lines
        return finding

    def escape(self, text: str) -> str:
        """The text as it is."""
        return text

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """None: nothing is redacted."""
        del text
        return []

    def sent(self, text: str) -> None:
        """Nothing is sent."""

    def packed(self, digest: Digest) -> None:
        """Nothing is sent."""

    def read(self, chunk: str) -> None:
        """Count a chunk that a worker read elsewhere."""
        if self._remote_workers:
            self._read_elsewhere += size_bytes(chunk)

    def report(self) -> Egress:
        """Nothing was sent but chunks to workers elsewhere."""
        return Egress(
            sent_bytes=0,
            read_elsewhere_bytes=self._read_elsewhere,
            limit_bytes=None,
            withheld=Withheld(findings=0, answers=0, quotes=0),
            redacted=self.placeholders.redacted,
        )


class CloudGate:
    """The gate of a run whose planner is in a cloud.

    Under ``strict`` an answer is sent as far as it is made of numbers and of words that the
    planner knows; other words are held, one placeholder an answer. Under ``findings`` those of its
    words are sent that stand in the grounded lines of its round. Under ``open`` all are.

    ``limit_bytes`` of the documents' text (names, headings, answers, lines) may be sent; None for
    no limit. ``remote_workers``: chunks are read on another machine, and are counted.
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
        return None if self._limit is None else max(0, self._limit - self._sent)

    @property
    def redacts(self) -> bool:
        """Whether sensitive values of the documents are looked for."""
        return self.placeholders.detects

    def lines_of(self, findings: Iterable[Finding]) -> Lines:
        """The lines that the findings of a round show, and which of their values are redacted."""
        return lines_of(findings, self.placeholders)

    def said(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """A finding with what of its answer may be sent; ``lines`` are those of the round.

        Redacted values have their placeholders already: counted, folded or cut, they would not be
        recognised.
        """
        if not finding.answer:
            return finding
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

    def reckoned(self, finding: Finding, lines: Lines) -> Finding:
        """A finding with what of its answer may be added up: no digits of a redacted value."""
        if not finding.answer:
            return finding
        answer = without_placeholders(self.placeholders.redact(finding.answer))
        return finding.model_copy(update={"answer": lines.without_hidden(answer) or None})

    def escape(self, text: str) -> str:
        """Text of a document in which nothing passes for a placeholder."""
        return self.placeholders.escape(text)

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """Spans of the values in a text that are redacted."""
        return self.placeholders.values_in(text)

    def sent(self, text: str) -> None:
        """Count text of the documents that is sent."""
        self._sent += size_bytes(text)

    def packed(self, digest: Digest) -> None:
        """Count a digest that is sent."""
        self._sent += digest.document_bytes
        self._withheld_findings += digest.kept_back
        if not shows_quotes(self.policy):
            self._withheld_quotes.update(finding.id for finding in digest.findings)

    def read(self, chunk: str) -> None:
        """Count a chunk that a worker read elsewhere."""
        if self._remote_workers:
            self._read_elsewhere += size_bytes(chunk)

    def report(self) -> Egress:
        """What was sent, and what was withheld."""
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
        """What of an answer the policy allows to send."""
        known = self._known_to_planner(task)
        if shows_quotes(self.policy):
            return grounded_words(answer, lines, known)
        if task.output in _TYPED:
            return plain_pieces(answer, known, lines)
        if plain_value(answer, known, lines) is not None:
            return answer
        items = _ITEMS.split(answer) if task.output == "list" else [answer]
        sendable = [self._value_or_held(item, known, lines) for item in items if item]
        return ", ".join(sendable)

    def _value_or_held(self, item: str, known: set[str], lines: Lines) -> str:
        value = plain_value(item, known, lines)
        return value or self.placeholders.hold(self.placeholders.restore(item))

    def _known_to_planner(self, task: Task) -> set[str]:
        """The words of the question and the task.

        A planner does not know what a task names by a placeholder. Options count as its own words
        for categories only: beside other outputs they would be a dictionary to read with.
        """
        options = task.options if task.output == "category" else ()
        texts = (task.instruction, *options, *task.search)
        if texts not in self._known:
            # The question is not searched for held words: it is sent with those that it names.
            redacted = [self.placeholders.redact(self._question)]
            redacted += [self.placeholders.redact(text, held=True) for text in texts]
            self._known[texts] = words_of(*map(without_placeholders, redacted))
        return self._known[texts]


def size_bytes(text: str) -> int:
    """Bytes of a text as it is sent: UTF-8, with ``?`` for what cannot be encoded."""
    return len(text.encode("utf-8", "replace"))


def _parts(finding: Finding) -> Iterator[str]:
    yield from (uncut(heading, TITLE_CHARS) for heading in finding.headings)
    yield uncut(finding.table_header or "", HEADER_CHARS)
    yield from (finding.before, finding.citation.quote, finding.after)


def lines_of(findings: Iterable[Finding], placeholders: Placeholders | None = None) -> Lines:
    """The lines that findings show: quotes, their neighbours, header rows and headings.

    Values that ``placeholders`` redacts are none of their words.
    """
    text = "\n\n".join("\n".join(_parts(finding)) for finding in findings)
    if placeholders is None:
        return Lines(text)
    # From here on its values are recognised in answers, too, with other letters beside them.
    placeholders.redact(text)
    return Lines(text, placeholders.values_in(text))
