"""What of the documents goes up in one run: what a worker's answer may say, how many bytes are left, what stayed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from minions.answers import Egress, Withheld
from minions.privacy.placeholders import Placeholders
from minions.privacy.policy import shows_quotes
from minions.privacy.wording import Lines, grounded_words, plain_pieces, plain_value, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.corpus.contents import Contents
    from minions.findings import Digest, Finding
    from minions.plans import Task
    from minions.privacy.policy import Policy

SHARE: Final = 20  # by default a run may send a twentieth of the documents' text,
FEWEST_BYTES: Final = 8_000  # and of any corpus, however small, two digests
_BYTES_PER_TOKEN: Final = 4
_ITEMS: Final = re.compile(r"\s*[,;]\s*")
_TYPED: Final = frozenset({"number", "date"})


def default_limit(policy: Policy, contents: Contents) -> int | None:
    """The bytes of the documents' text that a run may send where the user set no limit; None: as many as it likes."""
    return max(FEWEST_BYTES, contents.tokens * _BYTES_PER_TOKEN // SHARE) if policy == "findings" else None


class Outgoing:
    """The gate of one run. Under ``strict`` an answer goes up as far as it is made of numbers and of words that the
    planner knows; other words are held, a placeholder each answer. Under ``findings`` its words go up that stand in the
    grounded lines of its round. Under ``open`` all do.

    ``limit_bytes`` of the documents' text (names, headings, answers, lines) may go up; None for no limit. ``cloud``:
    whether anything goes up at all; nothing that stays on the device is kept back.
    """

    def __init__(
        self,
        policy: Policy,
        question: str = "",
        *,
        placeholders: Placeholders | None = None,
        limit_bytes: int | None = None,
        cloud: bool = True,
    ) -> None:
        self.policy = policy
        self.placeholders = placeholders or Placeholders()
        self._question = words_of(question)
        self._limit = limit_bytes
        self._cloud = cloud
        self._sent = 0
        self._kept_findings = 0
        self._answers: set[str] = set()
        self._quotes: set[str] = set()

    @property
    def room_bytes(self) -> int | None:
        """Bytes of the documents' text that may still go up; None for no limit."""
        return None if self._limit is None or not self._cloud else max(0, self._limit - self._sent)

    def said(self, task: Task, finding: Finding, lines: Lines) -> Finding:
        """A finding with what of its answer may go up; ``lines`` are those of the round."""
        if not self._cloud or self.policy == "open" or not finding.answer:
            return finding
        answer = self._said(task, lines, finding.answer)
        if answer == finding.answer:
            return finding
        self._answers.add(finding.id)
        return finding.model_copy(update={"answer": answer})

    def sent(self, text: str) -> None:
        """So much of the documents' text goes up."""
        self._sent += len(text.encode("utf-8", "replace")) if self._cloud else 0

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
        withheld = Withheld(findings=self._kept_findings, answers=len(self._answers), quotes=len(self._quotes))
        return Egress(
            sent_bytes=self._sent,
            limit_bytes=self._limit if self._cloud else None,
            withheld=withheld,
            redacted=self.placeholders.redacted,
        )

    def _said(self, task: Task, lines: Lines, answer: str) -> str:
        # What a task names by a placeholder, the planner does not know.
        told = (self.placeholders.redact(text, held=True) for text in (task.instruction, *task.options, *task.search))
        known = self._question | words_of(*told)
        if shows_quotes(self.policy):
            return grounded_words(answer, lines, known)
        if task.output in _TYPED:
            return plain_pieces(answer, known)
        if plain_value(answer, known) is not None:
            return answer
        items = _ITEMS.split(answer) if task.output == "list" else [answer]
        return ", ".join(plain_value(item, known) or self.placeholders.hold(item) for item in items if item)


def lines_of(findings: Iterable[Finding]) -> Lines:
    """The lines that findings show: quotes, their neighbours and header rows, headings."""
    return Lines(
        part
        for one in findings
        for part in (*one.headings, one.table_header or "", one.before, one.citation.quote, one.after)
    )
