"""Progress on stderr while a question is answered: bars on a terminal, elsewhere lines."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from minions.cli.render.answers import counted, duration, money, shortened
from minions.text.visible import one_line

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

    from minions.values.answers import Baseline
    from minions.values.events import BatchEvent, Event, PlanEvent

LINE_EVERY_S = 5.0
_MINUTE = 60
_SHORTEST_S = 1.0  # a rate over less time would mislead
_PATH_CHARACTERS = 40
_COUNTED_KINDS = frozenset({"plan", "job", "cloud_call"})


@dataclass
class Tally:
    """Counts of the events so far. ``spent_usd`` is None once a call's cost is unknown."""

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
            self.files = event.done
            self.files_total = event.total
        elif event.kind == "start":
            self.planner = event.planner
            self.worker = event.worker
            self.baseline = event.baseline
        elif event.kind == "batch":
            self.batch = event
        elif event.kind == "plan":
            self._begin_round(event)
        elif event.kind == "job":
            self.jobs += 1
            self.found += event.status == "found"
        elif event.kind == "cloud_call":
            self.cloud_calls += 1
            if self.spent_usd is None or event.cost_usd is None:
                self.spent_usd = None
            else:
                self.spent_usd += event.cost_usd

    def _begin_round(self, event: PlanEvent) -> None:
        """Count the jobs of a round; in a batch together with the jobs of other questions."""
        self.round = event.round
        if self.batch is None:
            self.jobs = 0
            self.jobs_total = event.jobs
            self.started_s = time.monotonic()
            self.done_before = 0
            return
        self.jobs_total += event.jobs
        if self.started_s is None:
            self.started_s = time.monotonic()
            self.done_before = self.batch.done

    def jobs_text(self) -> str:
        """The state of the jobs: ``3 of 9 jobs done, 1 with a finding``."""
        jobs = f"{self.jobs:,} of {counted(self.jobs_total, 'job')} done"
        return f"{jobs}, {self.found_text()}"

    def found_text(self) -> str:
        """The number of jobs that found something: ``1 with a finding``."""
        return f"{self.found:,} with a finding"

    def pace(self) -> str:
        """The speed of the jobs and the time left; empty while too little is known."""
        if self.started_s is None or not self.jobs:
            return ""
        elapsed_s = time.monotonic() - self.started_s
        if elapsed_s < _SHORTEST_S:
            return ""
        done = self.jobs
        total = self.jobs_total
        if self.batch is not None:
            done = self.batch.done - self.done_before
            total = self.batch.total - self.done_before
        pace = rate_text(self.jobs / elapsed_s)
        if 0 < done < total:
            pace += f", about {_rounded(elapsed_s / done * (total - done))} left"
        return pace

    def questions(self) -> str:
        """The state of a batch: how many questions are done, how they ended, and the cloud cost."""
        batch = self.batch
        if batch is None:
            return ""
        text = f"{batch.done:,} of {counted(batch.total, 'question')} done, "
        text += f"{batch.answered:,} answered"
        if batch.failed:
            text += f", {batch.failed:,} failed"
        return f"{text}; {self._cloud_text(batch.spent_usd)}"

    def money(self) -> str:
        """Cloud dollars spent so far, and the cost of sending all the text (an estimate)."""
        text = self._cloud_text(self.spent_usd)
        if not self.cloud_calls or self.spent_usd is None or self.baseline is None:
            return text
        whole_usd = self.baseline.remote_only.cost_usd
        if whole_usd is None:
            return text
        return f"{text} (sending all the text: about {money(whole_usd)})"

    def _cloud_text(self, spent_usd: Decimal | None) -> str:
        if not self.cloud_calls:
            return "nothing sent to a cloud"
        if spent_usd is None:
            return "cloud cost unknown"
        return f"cloud cost {money(spent_usd)}"


def rate_text(jobs_per_s: float) -> str:
    """Jobs per second, or per minute or hour where that is less than one."""
    rate = jobs_per_s
    unit = "second"
    for longer in ("minute", "hour"):
        if rate < 1:
            rate *= _MINUTE
            unit = longer
    digits = 0 if rate >= 10 else 1  # noqa: PLR2004 - two digits are enough
    return f"{rate:,.{digits}f} jobs per {unit}"


class Progress:
    """An observer that counts and shows nothing; ``tally`` can be read after the ``with`` block."""

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
    """The progress display for a stream: bars on a terminal, lines elsewhere, or nothing."""
    if quiet:
        return Progress()
    return Bars() if stream.isatty() else Lines(stream)


class Lines(Progress):
    """Progress for logs and pipes: a line when a round begins or ends, and every few seconds."""

    def __init__(self, stream: TextIO, *, every_s: float = LINE_EVERY_S) -> None:
        super().__init__()
        self._stream = stream
        self._every_s = every_s
        self._last_s = time.monotonic()
        self._reading = False

    def __call__(self, event: Event) -> None:
        """Count the event, and write a line if one is due."""
        super().__call__(event)
        tally = self.tally
        if event.kind == "warning":
            self._write(f"warning: {event.message}")
        elif event.kind == "batch":
            self._now_and_then(self._state(), last=event.done == event.total)
        elif event.kind == "plan" and tally.batch is None:
            tasks = counted(len(event.plan.tasks), "task")
            self._write(f"round {event.round}: {tasks}, {counted(event.jobs, 'job')}")
        elif event.kind == "index":
            self._reading = self._reading or event.path is not None
            if self._reading:
                line = f"reading files: {tally.files} of {tally.files_total}"
                self._now_and_then(line, last=event.done == event.total)
        elif event.kind == "job":
            is_last = tally.batch is None and tally.jobs == tally.jobs_total
            self._now_and_then(self._state(), last=is_last)

    def _state(self) -> str:
        tally = self.tally
        parts = [tally.jobs_text(), tally.money(), tally.pace()]
        if tally.batch is not None:
            parts = [tally.questions(), tally.jobs_text(), tally.pace()]
        return "; ".join(filter(None, parts))

    def _now_and_then(self, line: str, *, last: bool) -> None:
        if last or time.monotonic() - self._last_s >= self._every_s:
            self._write(line)

    def _write(self, line: str) -> None:
        self._last_s = time.monotonic()
        self._stream.write(one_line(line) + "\n")
        self._stream.flush()


class Bars(Progress):
    """Progress for a terminal: a bar for files, and a bar for each round's jobs.

    In a batch: a bar for files, one for questions, and one for all jobs.
    """

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
            if self._jobs is not None:
                self._bars.remove_task(self._jobs)
            self._jobs = self._bar(f"round {event.round}", total=event.jobs)
        if tally.batch is None and self._jobs is not None and event.kind in _COUNTED_KINDS:
            state = f"{tally.found_text()}   {tally.money()}   {tally.pace()}"
            self._bars.update(self._jobs, completed=tally.jobs, state=state)
            if event.kind == "job" and tally.jobs == tally.jobs_total:
                self._bars.update(self._jobs, description=f"round {tally.round}, deciding")

    def _batch(self, batch: BatchEvent) -> None:
        """One bar for the questions, one for the jobs known so far."""
        tally = self.tally
        if self._jobs is None:
            self._questions = self._bar("questions", total=batch.total)
            self._jobs = self._bar("jobs")
        answered = tally.questions().partition(", ")[2]
        self._bars.update(self._questions, completed=batch.done, state=answered)
        state = f"{tally.found_text()}   {tally.pace()}"
        self._bars.update(self._jobs, completed=tally.jobs, total=tally.jobs_total, state=state)

    def _index(self, done: int, total: int, path: str | None) -> None:
        if self._files is None and path is not None:
            self._files = self._bar("reading")
        if self._files is not None:
            state = shortened(path or "", _PATH_CHARACTERS)
            self._bars.update(self._files, completed=done, total=total, state=state)

    def _bar(self, description: str, total: int | None = 0) -> Any:
        return self._bars.add_task(description, total=total, state="")


def _rounded(seconds: float) -> str:
    """A rough duration: ``48 s``, ``7 min 45 s``, ``2 h 5 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    return duration(seconds)
