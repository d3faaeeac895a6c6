"""Progress on stderr while a question is answered: bars on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from minions.cli.render.answers import counted, duration, money, saved_usd, shortened
from minions.text.visible import one_line

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

    from minions.values.answers import Baseline
    from minions.values.events import BatchEvent, Event, PlanEvent

LINE_EVERY_S = 5.0
_TELLING_S = 1.0  # a rate over less says nothing


@dataclass
class Tally:
    """What the events told so far. ``spent_usd`` is None once a call's cost is unknown."""

    files: int = 0
    files_total: int = 0
    round: int = 0
    jobs: int = 0
    jobs_total: int = 0
    found: int = 0
    cloud_calls: int = 0
    spent_usd: Decimal | None = Decimal(0)
    baseline: Baseline | None = None
    planner: str = ""
    worker: str = ""
    batch: BatchEvent | None = None
    done_before: int = 0
    started_s: float | None = None

    def add(self, event: Event) -> None:
        """Count an event."""
        if event.kind == "index":
            self.files, self.files_total = event.done, event.total
        elif event.kind == "start":
            self.planner, self.worker, self.baseline = event.planner, event.worker, event.baseline
        elif event.kind == "batch":
            self.batch = event
        elif event.kind == "plan":
            self._begin(event)
        elif event.kind == "job":
            self.jobs += 1
            self.found += event.status == "found"
        elif event.kind == "cloud_call":
            self.cloud_calls += 1
            known = self.spent_usd is not None and event.cost_usd is not None
            self.spent_usd = self.spent_usd + event.cost_usd if known else None  # type: ignore[operator]

    def _begin(self, event: PlanEvent) -> None:
        """Jobs of a round: instead of those of the round before; in a batch, with those of other questions."""
        self.round = event.round
        if self.batch is None:
            self.jobs, self.jobs_total = 0, event.jobs
        else:
            self.jobs_total += event.jobs
        if self.started_s is None or self.batch is None:
            self.started_s, self.done_before = (
                time.monotonic(),
                self.batch.done if self.batch else 0,
            )

    def pace(self) -> str:
        """Jobs a second, and about how long the rest takes; empty while nobody knows."""
        elapsed_s = time.monotonic() - self.started_s if self.started_s is not None else 0.0
        if elapsed_s < _TELLING_S or not self.jobs:
            return ""
        done, total = self.jobs, self.jobs_total
        if self.batch is not None:
            done, total = self.batch.done - self.done_before, self.batch.total - self.done_before
        left = (
            f", about {duration(elapsed_s / done * (total - done))} left"
            if 0 < done < total
            else ""
        )
        return f"{self.jobs / elapsed_s:.3g} jobs/s{left}"

    def questions(self) -> str:
        """How far a batch is."""
        batch = self.batch
        if batch is None:
            return ""
        failed = f", {batch.failed:,} failed" if batch.failed else ""
        spent = f"cloud {money(batch.spent_usd)}" if self.cloud_calls else "nothing went to a cloud"
        return f"{batch.done:,} of {batch.total:,} questions, {batch.answered:,} answered{failed}; {spent}"

    def money(self) -> str:
        """Cloud dollars spent so far, and saved against reading everything in the cloud (an estimate)."""
        if not self.cloud_calls:
            return "nothing went to a cloud"
        text = f"cloud {money(self.spent_usd)}"
        saved = saved_usd(self.baseline, self.spent_usd)
        return f"{text}, saved about {money(saved)}" if saved is not None and saved > 0 else text


class Progress:
    """An observer that counts and shows nothing; ``tally`` stays readable after the ``with`` block."""

    def __init__(self) -> None:
        self.tally = Tally()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Count the event."""
        self.tally.add(event)


def progress_for(stream: TextIO, *, quiet: bool) -> Progress:
    """The progress that suits the stream."""
    if quiet:
        return Progress()
    return Bars() if stream.isatty() else Lines(stream)


class Lines(Progress):
    """A line when something begins or ends, and one every few seconds in between. For logs and pipes."""

    def __init__(self, stream: TextIO, *, every_s: float = LINE_EVERY_S) -> None:
        super().__init__()
        self._stream = stream
        self._every_s = every_s
        self._last_s = time.monotonic()
        self._reading = False

    def __call__(self, event: Event) -> None:
        """Count the event, and write a line where it is worth one."""
        super().__call__(event)
        tally = self.tally
        if event.kind == "warning":
            self._write(f"warning: {event.message}")
        elif event.kind == "batch":
            self._now_and_then(self._state(), last=event.done == event.total)
        elif event.kind == "plan" and tally.batch is None:
            self._write(
                f"round {event.round}: {counted(len(event.plan.tasks), 'task')}, {counted(event.jobs, 'job')}"
            )
        elif event.kind == "index":
            self._reading = self._reading or event.path is not None
            if self._reading:
                line = f"reading files: {tally.files} of {tally.files_total}"
                self._now_and_then(line, last=event.done == event.total)
        elif event.kind == "job":
            self._now_and_then(
                self._state(), last=tally.batch is None and tally.jobs == tally.jobs_total
            )

    def _state(self) -> str:
        tally = self.tally
        jobs = f"jobs: {tally.jobs} of {tally.jobs_total}, found {tally.found}"
        whole = (
            [tally.questions(), jobs, tally.pace()]
            if tally.batch
            else [jobs, tally.money(), tally.pace()]
        )
        return "; ".join(part for part in whole if part)

    def _now_and_then(self, line: str, *, last: bool) -> None:
        if last or time.monotonic() - self._last_s >= self._every_s:
            self._write(line)

    def _write(self, line: str) -> None:
        self._last_s = time.monotonic()
        self._stream.write(one_line(line) + "\n")
        self._stream.flush()


class Bars(Progress):
    """On a terminal: one bar for files and one for each round's jobs; in a batch, for questions and for all jobs."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Any = None
        self._files: Any = None
        self._jobs: Any = None
        self._questions: Any = None

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as RichProgress

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}", markup=False),
        )
        console = Console(file=sys.stderr, markup=False, highlight=False, emoji=False)
        self._bars = RichProgress(*columns, console=console, redirect_stdout=False, transient=True)
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Count the event and move the bars."""
        super().__call__(event)
        tally = self.tally
        if event.kind == "warning":
            self._bars.console.print(one_line(f"warning: {event.message}"))
        elif event.kind == "index":
            self._index(event.done, event.total, event.path)
        elif event.kind == "batch":
            self._batch(event)
        elif tally.batch is not None:
            self._batch(tally.batch)
        elif event.kind == "start":
            self._jobs = self._bar("planning", total=None)
        elif event.kind == "plan":
            self._end_of_round()
            self._jobs = self._bar(f"round {event.round}", total=event.jobs)
        if (
            tally.batch is None
            and self._jobs is not None
            and event.kind in {"plan", "job", "cloud_call"}
        ):
            state = f"found {tally.found}   {tally.money()}   {tally.pace()}"
            self._bars.update(self._jobs, completed=tally.jobs, state=state)
            if event.kind == "job" and tally.jobs == tally.jobs_total:
                self._bars.update(self._jobs, description=f"round {tally.round}, deciding")

    def _batch(self, batch: BatchEvent) -> None:
        """One bar for the questions, one for the jobs known so far."""
        tally = self.tally
        if self._jobs is None:
            self._questions, self._jobs = (
                self._bar("questions", total=batch.total),
                self._bar("jobs"),
            )
        self._bars.update(
            self._questions, completed=batch.done, state=tally.questions().partition(", ")[2]
        )
        state = f"found {tally.found}   {tally.pace()}"
        self._bars.update(self._jobs, completed=tally.jobs, total=tally.jobs_total, state=state)

    def _index(self, done: int, total: int, path: str | None) -> None:
        if self._files is None and path is not None:
            self._files = self._bar("reading")
        if self._files is not None:
            self._bars.update(
                self._files, completed=done, total=total, state=shortened(path or "", 40)
            )

    def _bar(self, description: str, total: int | None = 0) -> Any:
        return self._bars.add_task(description, total=total, state="")

    def _end_of_round(self) -> None:
        if self._jobs is not None:
            self._bars.remove_task(self._jobs)
