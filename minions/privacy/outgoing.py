"""What of the documents goes up in one run: what a worker's answer may say, how many bytes are left, what stayed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

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
    """The bytes of the documents' text that a run may send where the user set no limit; None: as many as it likes."""
    return (
        max(FEWEST_BYTES, contents.tokens * _BYTES_PER_TOKEN // SHARE)
        if policy == "findings"
        else None
    )


class Outgoing:
    """The gate of one run. Under ``strict`` an answer goes up as far as it is made of numbers and of words that the
    planner knows; other words are held, a placeholder each answer. Under ``findings`` its words go up that stand in the
    grounded lines of its round. Under ``open`` all do.

    ``limit_bytes`` of the documents' text (names, headings, answers, lines) may go up; None for no limit. ``cloud``:
    whether anything goes up to a planner; nothing that stays on the device is kept back. ``remote_workers``: whether
    passages are read elsewhere, which is counted.
    """

    def __init__(
        self,
        policy: Policy,
        question: str = "",
        *,
        placeholders: Placeholders | None = None,
        limit_bytes: int | None = None,
        cloud: bool = True,
        remote_workers: bool = False,
    ) -> None:
        self.policy = policy
        self.placeholders = placeholders or Placeholders()
        self._question = question
        self._limit = limit_bytes
        self._cloud = cloud
        self._remote_workers = remote_workers
        self._sent = 0
        self._read_elsewhere = 0
        self._kept_findings = 0
        self._known: dict[tuple[str, ...], set[str]] = {}
        self._answers: set[str] = set()
        self._quotes: set[str] = set()

    @property
    def cloud(self) -> bool:
        """Whether anything goes up to a planner."""
        return self._cloud

    @property
    def room_bytes(self) -> int | None:
        """Bytes of the documents' text that may still go up; None for no limit."""
        return None if self._limit is None or not self._cloud else max(0, self._limit - self._sent)

    def lines_of(self, findings: Iterable[Finding]) -> Lines:
        """The lines that the findings of a round show, and what of them stays here."""
        return lines_of(findings if self._cloud else (), self.placeholders)

    def said(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """A finding with what of its answer may go up; ``lines`` are those of the round. Values that stay here have
        their placeholders already: counted, folded or cut, they would not be known for what they are.
        """
        if not self._cloud or not finding.answer:
            return finding
        answer = without_unseen(finding.answer)
        redacted = (
            self.placeholders.redact(answer) if self.placeholders.detects else self.escape(answer)
        )
        answer = redacted if self.policy == "open" else self._said(task, lines, redacted)
        if answer != redacted:
            self._answers.add(finding.id)
        return (
            finding if answer == finding.answer else finding.model_copy(update={"answer": answer})
        )

    def reckoned(self, finding: Finding, lines: Lines) -> Finding:
        """A finding with what of its answer may be added up: no digits of a value that stays here."""
        if not self._cloud or not finding.answer:
            return finding
        answer = lines.without_hidden(
            without_placeholders(self.placeholders.redact(finding.answer))
        )
        return finding.model_copy(update={"answer": answer or None})

    def escape(self, text: str) -> str:
        """Text of a document that goes up, in which nothing passes for a placeholder."""
        return self.placeholders.escape(text) if self._cloud else text

    @property
    def redacts(self) -> bool:
        """Whether values of the documents are looked for."""
        return self._cloud and self.placeholders.detects

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """See `Placeholders.values_in`."""
        return self.placeholders.values_in(text) if self._cloud else []

    def sent(self, text: str) -> None:
        """So much of the documents' text goes up."""
        self._sent += len(text.encode("utf-8", "replace")) if self._cloud else 0

    def read(self, passage: str) -> None:
        """A worker read a passage."""
        self._read_elsewhere += (
            len(passage.encode("utf-8", "replace")) if self._remote_workers else 0
        )

    def packed(self, digest: Digest) -> None:
        """A digest goes up."""
        if not self._cloud:
            return
        self._sent += digest.document_bytes
        self._kept_findings += digest.kept_back
        if not shows_quotes(self.policy):
            self._quotes.update(finding.id for finding in digest.findings)

    def report(self) -> Egress:
        """What went up, and what did not."""
        withheld = Withheld(
            findings=self._kept_findings, answers=len(self._answers), quotes=len(self._quotes)
        )
        return Egress(
            sent_bytes=self._sent,
            read_elsewhere_bytes=self._read_elsewhere,
            limit_bytes=self._limit if self._cloud else None,
            withheld=withheld,
            redacted=self.placeholders.redacted,
        )

    def _known_to_planner(self, task: Task) -> set[str]:
        """The words of the question and the task. What a task names by a placeholder, the planner does not know."""
        # Options are the planner's choice of words: beside other outputs they would be a dictionary to read with.
        texts = (
            task.instruction,
            *(task.options if task.output == "category" else ()),
            *task.search,
        )
        if texts not in self._known:
            told = (self.placeholders.redact(text, held=True) for text in texts)
            asked = self.placeholders.redact(
                self._question
            )  # not held words: it goes up with those that it names
            self._known[texts] = words_of(*map(without_placeholders, (asked, *told)))
        return self._known[texts]

    def _said(self, task: Task, lines: Lines, answer: str) -> str:
        known = self._known_to_planner(task)
        if shows_quotes(self.policy):
            return grounded_words(answer, lines, known)
        if task.output in _TYPED:
            return plain_pieces(answer, known, lines)
        if plain_value(answer, known, lines) is not None:
            return answer
        items = _ITEMS.split(answer) if task.output == "list" else [answer]
        return ", ".join(
            plain_value(item, known, lines) or self._held(item) for item in items if item
        )

    def _held(self, words: str) -> str:
        return self.placeholders.hold(self.placeholders.restore(words))


def _parts(finding: Finding) -> Iterator[str]:
    yield from (uncut(heading, TITLE_CHARS) for heading in finding.headings)
    yield uncut(finding.table_header or "", HEADER_CHARS)
    yield from (finding.before, finding.citation.quote, finding.after)


def lines_of(findings: Iterable[Finding], placeholders: Placeholders | None = None) -> Lines:
    """The lines that findings show: quotes, their neighbours and header rows, headings; values that stay here are none
    of their words.
    """
    text = "\n\n".join("\n".join(_parts(one)) for one in findings)
    if placeholders is None:
        return Lines(text)
    placeholders.redact(
        text
    )  # so that its values are known in answers, too, with other letters right beside them
    return Lines(text, placeholders.values_in(text))
