"""Where the results of a batch go: to the output, the runs' records and the counts, each once.

The order keeps a result from being lost or doubled whenever the process dies: the run is recorded, then its line is
appended and synced, then the run counts as delivered and the replies kept for it are forgotten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from minions.batch.items import BadLine, Item
from minions.batch.output import is_asked_again, kind_of
from minions.errors import MinionsError, UsageError
from minions.values.answers import Answer
from minions.values.base import Value
from minions.values.events import BatchEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from minions.batch.output import Output
    from minions.run.crew import Books
    from minions.store.batches import Batches, ItemRun
    from minions.store.runs import Runs

_FINAL = {"answered", "no_answer", "timeout"}


class BatchSummary(Value):
    """What a batch came to: ``finished``, or stopped by the shared budget or by the user.

    ``answered`` to ``failed`` count what this process did, ``done`` all that stands in the output, ``left`` what is to
    be begun yet. ``cost_usd`` is of the whole batch, earlier processes included, and counts calls of unknown cost at
    the most they can be; ``saved_usd`` (an estimate, of this process's answers) is against everything in the prompt.
    """

    stop_reason: Literal["finished", "budget", "interrupted"]
    total: int
    done: int
    answered: int
    abstained: int
    stopped: int
    failed: int
    left: int
    cost_usd: Decimal
    saved_usd: Decimal | None
    elapsed_s: float
    output: str | None = None


@dataclass
class _Counts:
    answered: int = 0
    abstained: int = 0
    stopped: int = 0
    failed: int = 0
    saved_usd: Decimal | None = Decimal(0)

    def add(self, answer: Answer) -> None:
        match answer.stop_reason:
            case "answered":
                self.answered += 1
            case "no_answer":
                self.abstained += 1
            case "error" | "timeout":
                self.failed += 1
            case _:
                self.stopped += 1
        if answer.stop_reason == "answered" and answer.baseline is not None:
            instead, spent = answer.baseline.remote_only.cost_usd, answer.usage.planner.cost_usd
            known = self.saved_usd is not None and instead is not None and spent is not None
            self.saved_usd = self.saved_usd + instead - spent if known else None  # type: ignore[operator]


class Results:
    """The results of one batch; without ``output`` and ``batches`` they are only counted. Raises StoreError."""

    def __init__(
        self,
        books: Books,
        runs: Runs,
        *,
        total: int,
        output: Output | None = None,
        batches: Batches | None = None,
    ) -> None:
        self._books, self._runs, self._output, self._batches = books, runs, output, batches
        self._total, self._counts = total, _Counts()
        self._before = 0
        self._started_s = books.clock.monotonic_s()

    def finish(self, answer: Answer) -> Answer:
        """A question ended, answered or not. One that a limit stopped stays open: the batch may resume it."""
        self._write(answer)
        if answer.stop_reason in _FINAL:
            self._deliver(answer.run_id)
        return self._counted(answer)

    def fail(self, item: Item, run_id: str, error: Exception) -> Answer:
        """A question ended in an error."""
        kept = self._kept(run_id)
        blank = Answer(
            run_id=run_id, question=item.question, answer=None, confidence=0.0, stop_reason="error"
        )
        answer = (kept or blank).model_copy(update={"id": item.id, "stop_reason": "error"})
        self._write(answer, error=_told(error))
        self._deliver(run_id)
        return self._counted(answer)

    def refuse(self, bad: BadLine) -> Answer:
        """A line was no question."""
        answer = Answer(
            run_id="",
            id=bad.id,
            question="",
            answer=None,
            confidence=0.0,
            stop_reason="error",
            warnings=(bad.reason,),
        )
        where = f"line {bad.line}: " if bad.line is not None else ""
        problem = {"type": "BadLine", "message": f"{where}{bad.reason}", "hint": "correct the line"}
        self._write(answer, error=problem)
        return self._counted(answer)

    def skip(
        self, items: Iterable[Item | BadLine], *, retry_errors: bool, begun: Collection[str] = ()
    ) -> list[Item | BadLine]:
        """The items without a result in the output, and those ``begun`` again since; with ``retry_errors``, those that
        failed, too.
        """
        recorded = self._output.recorded if self._output is not None else {}
        open_again = {
            id_
            for id_, kind in recorded.items()
            if is_asked_again(kind, retry_errors=retry_errors or id_ in begun)
        }
        left = [item for item in items if item.id not in recorded or item.id in open_again]
        self._before = self._total - len(left)
        return left

    def recover(self, items: Sequence[Item | BadLine], found: Iterable[ItemRun]) -> dict[str, str]:
        """Bring to the output what an ended process had finished and not written; the runs to resume, by question."""
        asked = {item.id: item.question for item in items if isinstance(item, Item)}
        resumed: dict[str, str] = {}
        for run in found:
            recorded = self._output.recorded.get(run.item) if self._output is not None else None
            written = self._output is not None and self._output.runs.get(run.item) == run.run_id
            if (
                recorded == "done"
                or (recorded == "failed" and written)
                or asked.get(run.item) != run.question
            ):
                # Its result stands there, or nobody asks for it any more: what it lost and kept is settled.
                self._deliver(run.run_id)
            elif run.status in _FINAL and run.answer is not None:
                self._write(run.answer)
                self._deliver(run.run_id)
            else:
                resumed[run.item] = run.run_id
        return resumed

    def event(self) -> BatchEvent:
        """The counts so far."""
        counts = self._counts
        ended = counts.answered + counts.abstained + counts.failed
        return BatchEvent(
            total=self._total,
            done=self._before + ended,
            answered=counts.answered,
            abstained=counts.abstained,
            stopped=counts.stopped,
            failed=counts.failed,
            spent_usd=self._books.budget.spent_usd,
        )

    def summary(self, *, interrupted: bool) -> BatchSummary:
        """What the batch came to."""
        told = self.event()
        over = self._books.budget.refused
        return BatchSummary(
            stop_reason="interrupted" if interrupted else "budget" if over else "finished",
            **told.model_dump(
                include={"total", "done", "answered", "abstained", "stopped", "failed"}
            ),
            left=told.total - told.done - told.stopped,
            cost_usd=told.spent_usd,
            saved_usd=self._counts.saved_usd,
            elapsed_s=round(self._books.clock.monotonic_s() - self._started_s, 3),
            output=str(self._output.path) if self._output is not None else None,
        )

    def _write(self, answer: Answer, *, error: dict[str, Any] | None = None) -> None:
        if self._output is None:
            return
        record = json.loads(answer.model_dump_json())
        if error is not None:
            record["error"] = error
        kind = kind_of(record)
        if kind == "open" and self._output.recorded.get(record["id"]) == "open":
            return  # stopped once more, with nothing new to say
        line = json.dumps(record, ensure_ascii=False)
        self._output.append(line, id_=str(answer.id), kind=kind, run_id=answer.run_id)

    def _deliver(self, run_id: str) -> None:
        if self._batches is None or self._books.recovery is None:
            return
        with self._books.ledger.transaction():
            self._books.recovery.finish(run_id)
            self._batches.deliver(run_id)

    def _kept(self, run_id: str) -> Answer | None:
        try:
            return self._runs.get(run_id).answer
        except UsageError:  # it failed before it began
            return None

    def _counted(self, answer: Answer) -> Answer:
        self._counts.add(answer)
        self._books.observe(self.event())
        return answer


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, MinionsError):
        return {"type": type(error).__name__, "message": error.message, "hint": error.hint}
    return {
        "type": type(error).__name__,
        "message": f"a bug in minions: {error}",
        "hint": "report it",
    }
