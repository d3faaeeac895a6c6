"""The public Python API: ask questions of local documents. Every command is a method here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from minions.batch.asking import answers, patience, session_in
from minions.batch.estimate import estimate_batch
from minions.batch.items import as_items, read_items
from minions.batch.session import placed
from minions.clock import SystemClock
from minions.corpus.fts.erase import forget_documents
from minions.errors import EgressRefusedError, StoppedError, UsageError
from minions.estimate import estimate_question, speed_of
from minions.execution.cache import ResultCache
from minions.folder_settings import file_of
from minions.home import Home, check_question, ignore, listed
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.network.reference import ModelRef
from minions.run.run import Asked, Record, run
from minions.settings import Settings
from minions.stop_signal import Brake
from minions.store.deletion import delete_runs, purge
from minions.store.runs import Runs, new_run_id
from minions.store.trusted import TrustedFiles
from minions.wiring.confine import within_reach
from minions.wiring.lineup import LOCAL, Lineup, terms_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
    from types import TracebackType

    from minions.batch.estimate import BatchEstimate
    from minions.batch.results import BatchSummary
    from minions.corpus.fts.query import SearchHit
    from minions.corpus.index import IndexReport
    from minions.doctor import Report as Examination
    from minions.estimate import Estimate
    from minions.evals.report import Report
    from minions.execution.cache import CachedModel
    from minions.home import Paths
    from minions.ledger.egress import Departure, EgressSummary
    from minions.ledger.ledger import Grouping, SummaryRow
    from minions.preview import Preview
    from minions.store.deletion import Removed
    from minions.store.runs import Run
    from minions.store.trusted import TrustedFile
    from minions.values.answers import Answer
    from minions.values.events import Event, Observer
    from minions.values.plans import Plan
    from minions.verify import CitationCheck
    from minions.weights.files import Progress
    from minions.weights.resolving import ModelStatus

_DAY_S = 86_400.0  # no process waits longer for a reply: an older open call is lost
T = TypeVar("T")


class Minions:
    """Asks questions of local documents: a planner that never reads them, workers on this machine
    that do.

    ``planner`` and ``worker`` are model references (``provider:model[@URL]``), or ``local`` for a
    planner without a cloud. ``settings`` are the fields of `minions.settings.Settings` and win over
    environment and files. All methods raise MinionsError. Use it as a context manager, or call
    ``close``, to free a model that runs in this process.
    """

    def __init__(
        self,
        planner: str | None = None,
        worker: str | None = None,
        *,
        config: Path | None = None,
        **settings: Any,
    ) -> None:
        chosen = {"planner": planner, "worker": worker, **settings}
        self.settings = Settings.load(chosen, config=config)
        self._config = config
        self._clock = SystemClock()
        self._home = Home(self.settings.home_folder(), self._clock)
        self._runner: asyncio.Runner | None = None

    @property
    def home(self) -> Path:
        """The folder that holds all state."""
        return self._home.folder

    def close(self) -> None:
        """Free the model that is kept loaded between questions. The object stays usable."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None
        self._home.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Answer:
        """Answer a question from the documents at ``paths`` (files or folders).

        Blocks; ``aask`` is its asyncio twin. ``settings`` apply to this question only
        (``max_cost=0.05``, say). ``observe`` is called with each event.
        """
        return self._await(self.aask(question, paths, observe=observe, **settings))

    async def aask(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Answer:
        """Answer a question; see ``ask``. Cancelling it records the run as interrupted."""
        check_question(question)
        chosen = self._with(settings)
        lineup = Lineup.of(chosen)
        reach = within_reach(lineup.hosts, local_only=chosen.local_only)
        with reach, self._home.store() as store:
            books = self._home.books(store, chosen, observe)
            longest = timedelta(seconds=max(_DAY_S, 2 * chosen.call_timeout_s))
            lost_before = self._now() - longest
            books.ledger.enter_lost(before=lost_before.isoformat(timespec="seconds"))
            async with self._home.at_work(paths, lineup, chosen, books) as (corpus, crew):
                asked = Asked(question, new_run_id(self._clock))
                record = Record(Runs(store, retain_text=chosen.retain_text), books)
                return await run(asked, corpus, crew, terms_of(lineup, chosen), record)

    async def stream(self, question: str, paths: Paths, **settings: Any) -> AsyncGenerator[Event]:
        """Yield events as they happen (index, plan, job, finding, cloud call, warning), the answer
        last.

        Leaving the loop early stops the run and records it as interrupted.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        asking = asyncio.create_task(
            self.aask(question, paths, observe=events.put_nowait, **settings)
        )
        asking.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def map(
        self,
        questions: Iterable[str | Mapping[str, Any]],
        paths: Paths = (),
        *,
        output: str | Path | None = None,
        retry_errors: bool = False,
        plans: Mapping[str, Plan] | None = None,
        cache_scope: str = "",
        observe: Observer | None = None,
        **settings: Any,
    ) -> AsyncGenerator[Answer]:
        """Yield answers to many questions, as they come; a chunk is read once for all of them.

        A question is a text, or a mapping with the fields of `minions.batch.items.Item`. The answer
        of a question that failed has ``stop_reason`` ``error`` and the reason among ``warnings``.
        With ``output``, a file to append to, the batch resumes: questions answered there are
        neither asked nor yielded again. All questions share ``max_cost``. ``plans`` replace the
        planner's first plans; their keys are ids or texts of questions. With a ``cache_scope``,
        only results that were cached under the same scope are used.
        """
        if isinstance(questions, str | Mapping):
            raise UsageError(
                "map() takes several questions",
                hint="put them in a list, or await aask(...) for one",
            )
        items, chosen_paths = placed(as_items(questions), listed(paths), Path())
        chosen = self._patient(settings)
        opened = session_in(
            self._home,
            items,
            chosen,
            observe,
            brake=Brake(),
            output=_path(output),
            retry_errors=retry_errors,
            cache_scope=cache_scope,
        )
        with opened as session:
            results = answers(self._home, chosen_paths, session, chosen, plans)
            async with aclosing(results):
                async for answer in results:
                    yield answer

    def batch(self, questions: str | Path, paths: Paths = (), **options: Any) -> BatchSummary:
        """Answer the questions of a file. Blocks; ``abatch`` is its asyncio twin."""
        return self._await(self.abatch(questions, paths, **options))

    async def abatch(
        self,
        questions: str | Path,
        paths: Paths = (),
        *,
        output: str | Path,
        retry_errors: bool = False,
        brake: Brake | None = None,
        observe: Observer | None = None,
        **settings: Any,
    ) -> BatchSummary:
        """Answer the questions of a file (a JSON object a line), and append a line to ``output``
        for each as it ends.

        It resumes: questions answered in ``output`` are not asked again, and failed ones only with
        ``retry_errors``. Without ``paths``, each line names its ``documents``, relative to the
        file's folder. Pulling ``brake`` is a graceful stop: questions under way may end. Raises
        errors that every question would meet (a wrong key, a full disk).
        """
        source = Path(questions)
        items, chosen_paths = placed(read_items(source), listed(paths), source.parent)
        chosen = self._patient(settings)
        opened = session_in(
            self._home,
            items,
            chosen,
            observe,
            brake=brake or Brake(),
            output=_path(output),
            retry_errors=retry_errors,
        )
        with opened as session:
            try:
                async for _ in answers(self._home, chosen_paths, session, chosen):
                    pass
            except StoppedError:
                return session.results.summary(interrupted=True)
            return session.results.summary(interrupted=False)

    def estimate_batch(
        self,
        questions: str | Path,
        paths: Paths = (),
        *,
        output: str | Path | None = None,
        retry_errors: bool = False,
        observe: Observer | None = None,
        **settings: Any,
    ) -> BatchEstimate:
        """Estimate what ``batch`` would take for the questions that ``output`` does not answer.

        Calls no model.
        """
        source = Path(questions)
        chosen = self._with(settings)
        items, chosen_paths = placed(read_items(source), listed(paths), source.parent)
        lineup = Lineup.unchecked(chosen)
        documents = self._home.corpus(chosen_paths, chosen, observe or ignore)
        with documents as (corpus, _), self._home.store() as store:
            return estimate_batch(
                items,
                corpus,
                lineup,
                terms_of(lineup, chosen),
                chosen.price_book(),
                Ledger(store),
                output=_path(output),
                retry_errors=retry_errors,
            )

    def evaluate(self, dataset: str | Path, documents: str | Path, **options: Any) -> Report:
        """Score answers to questions with known answers. Blocks; ``aevaluate`` is its twin."""
        return self._await(self.aevaluate(dataset, documents, **options))

    async def aevaluate(  # noqa: PLR0913 - one parameter an option of the command
        self,
        dataset: str | Path,
        documents: str | Path,
        *,
        protocols: Sequence[str] = ("minions",),
        output: str | Path | None = None,
        limit: int | None = None,
        plans: str | Path | None = None,
        judge: str | None = None,
        retry_errors: bool = False,
        observe: Observer | None = None,
        **settings: Any,
    ) -> Report:
        """Ask a data set's questions (docs/evaluation.md) under each protocol, and score the
        answers.

        Answers are kept in the folder ``output`` (by default ``NAME.eval`` in the working
        directory), so that an evaluation resumes; with ``retry_errors`` it asks failed questions
        again. ``protocols`` may name ``rag:5``, which sends 5 chunks. ``plans`` is a file of first
        plans, by question; ``judge`` is a model that marks free text.
        """
        from minions.evals.columns import read_columns
        from minions.evals.evaluate import Wanted, evaluate

        columns = {}
        for column in read_columns(protocols):
            columns[column] = self._with({**settings, **column.settings})
        wanted = Wanted(
            dataset=Path(dataset),
            documents=Path(documents),
            columns=columns,
            output=_path(output),
            limit=limit,
            plans=_path(plans),
            judge=judge,
            retry_errors=retry_errors,
        )
        chosen = self._with(settings)
        models = {ref for each in columns.values() for ref in Lineup.unchecked(each).models}
        if judge is not None and judge != LOCAL:
            models.add(ModelRef.parse(judge))
        hosts = chosen.endpoints().hosts_of(models)
        with within_reach(hosts, local_only=chosen.local_only):
            return await evaluate(self, wanted, observe or ignore, **settings)

    def index(self, paths: Paths, *, observe: Observer | None = None) -> IndexReport:
        """Read and index new and changed files at ``paths``."""
        with self._home.corpus(paths, self.settings, observe or ignore) as (_, report):
            return report

    def search(
        self, query: str, paths: Paths, *, limit: int = 10, observe: Observer | None = None
    ) -> list[SearchHit]:
        """Search the index for words, "exact phrases" and prefix* words, best first."""
        with self._home.corpus(paths, self.settings, observe or ignore) as (corpus, _):
            return corpus.search_scored(query, limit=limit)

    def estimate(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Estimate:
        """Estimate what asking would take in tokens, minutes and dollars. Calls no model."""
        chosen = self._with(settings)
        lineup = Lineup.unchecked(chosen)
        documents = self._home.corpus(paths, chosen, observe or ignore)
        with documents as (corpus, _), self._home.store() as store:
            speed = speed_of(lineup.worker, Ledger(store))
            terms = terms_of(lineup, chosen)
            return estimate_question(question, corpus, lineup, terms, chosen.price_book(), speed)

    def preview(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Preview:
        """Show what ``ask`` would send to a cloud, to the byte, without sending it.

        Documents are read, and workers on this machine asked; it needs neither a key nor a price.
        Blocks; ``apreview`` is its asyncio twin.
        """
        return self._await(self.apreview(question, paths, observe=observe, **settings))

    async def apreview(
        self, question: str, paths: Paths, *, observe: Observer | None = None, **settings: Any
    ) -> Preview:
        """Show what would be sent for a question; see ``preview``."""
        from minions.preview import Rehearsal, described
        from minions.store.store import Store

        check_question(question)
        chosen = self._with(settings)
        lineup = Lineup.unchecked(chosen).with_key("none").without_notes()
        if lineup.sends_nothing:
            return described(question, lineup)
        lineup.refuse_unusable()
        reach = within_reach(local_only=chosen.local_only)
        with reach, self._home.store() as store, Store.memory() as scratch:
            rehearsal = Rehearsal(scratch, self._home.books(store, chosen, observe))
            work = self._home.at_work(paths, lineup, chosen, rehearsal.books)
            async with work as (corpus, crew):
                return await rehearsal.run(question, corpus, crew, lineup, terms_of(lineup, chosen))

    def runs(self, *, limit: int = 20, since: str | None = None) -> list[Run]:
        """Recent runs, the last first; ``since`` is the start of a UTC time (``2026-11-01``)."""
        with self._home.store() as store:
            return Runs(store).recent(limit=limit, since=since)

    def show(self, run: str = "last") -> Run:
        """A run by its id, a unique beginning of its id, or ``last``.

        Raises UsageError if no run matches, or several do.
        """
        with self._home.store() as store:
            return Runs(store).get(run)

    def ledger(self, by: Grouping = "model", *, since: str | None = None) -> list[SummaryRow]:
        """Calls, tokens and dollars, summed by model, role, day or run."""
        with self._home.store() as store:
            return Ledger(store).summary(by, since)

    def egress(self, run: str = "last") -> list[bytes]:
        """The exact bytes that a run sent to the cloud, one item a request."""
        with self._home.store() as store:
            return EgressLog(store).bodies(Runs(store).find(run))

    def departures(self, run: str = "last") -> list[Departure]:
        """The requests that a run sent to the cloud: time, endpoint, bytes by kind, sha256."""
        with self._home.store() as store:
            return EgressLog(store).departures(Runs(store).find(run))

    def egress_summary(self, *, since: str | None = None) -> EgressSummary:
        """The bytes that all runs sent, by endpoint and kind; ``since`` as for ``runs``."""
        with self._home.store() as store:
            return EgressLog(store).summary(since)

    def verify(self, answer: Answer, *, folder: Path | None = None) -> list[CitationCheck]:
        """Check an answer's citations against the files; relative paths are below ``folder``, by
        default the working directory.
        """
        from minions.verify import verify_answer

        return verify_answer(answer, folder=folder)

    def cache(self) -> list[CachedModel]:
        """The cached results of workers, by model; with them, no chunk is read twice."""
        with self._home.store() as store:
            return ResultCache(store, self._clock).contents()

    def clear_cache(self, *, before: str | None = None) -> int:
        """Delete workers' cached results (all, or those before a UTC time); return their number."""
        with self._home.store() as store:
            return ResultCache(store, self._clock).clear(before=before)

    def models(self) -> list[ModelStatus]:
        """The embedded models, and whether their weights are on this machine."""
        from minions.weights.resolving import list_models

        return list_models(self.home)

    def pull_model(self, name: str, *, progress: Progress | None = None) -> Path:
        """Download an embedded model's weights, verify them by sha256, and return the file.

        Raises EgressRefusedError under ``local_only``, ModelError.
        """
        from minions.weights.resolving import pull

        if self.settings.local_only:
            raise EgressRefusedError(
                f"local_only is set, and the weights of {name} come from the network",
                hint="unset it for this command: MINIONS_LOCAL_ONLY=false minions models pull "
                + name,
            )
        return pull(name, home=self.home, progress=progress)

    def delete_run(self, run: str, *, even_running: bool = False) -> Removed:
        """Delete a run: its question, answer, sent texts and workers' results. Its cost stays in
        the ledger.

        Raises UsageError for a run that has not ended, unless ``even_running``: its process may
        have died.
        """
        with self._home.store() as store:
            return delete_runs(store, [run], even_running=even_running)

    def purge(
        self, *, older_than: timedelta | datetime, index: bool = False, dry_run: bool = False
    ) -> Removed:
        """Delete all runs and cached results from before a time; with ``index`` also the index.

        A time without a zone is local. ``dry_run`` only counts.
        """
        if isinstance(older_than, timedelta):
            then = self._now() - older_than
        else:
            then = older_than.astimezone(UTC)
        with self._home.store() as store:
            removed = purge(store, before=then.isoformat(timespec="seconds"), dry_run=dry_run)
        if not index:
            return removed
        documents, erased = forget_documents(self._home.index_file, dry_run=dry_run)
        return removed.model_copy(
            update={"documents": documents, "erased": removed.erased and erased}
        )

    @staticmethod
    def trust(path: str | Path = ".", *, home: Path | None = None) -> TrustedFile:
        """Say that the ``minions.toml`` of a folder is the user's own: it may set everything.

        It is trusted at this place and with this content. Needs no object, since none can be made
        in a folder whose file is refused; ``home`` is the folder of all state. Raises ConfigError.
        """
        return _trusted_files(home).add(file_of(Path(path)))

    @staticmethod
    def distrust(path: str | Path = ".", *, home: Path | None = None) -> bool:
        """Trust the ``minions.toml`` of a folder no more; whether it was trusted."""
        return _trusted_files(home).remove(file_of(Path(path)))

    @staticmethod
    def trusted(*, home: Path | None = None) -> list[TrustedFile]:
        """The files that ``trust`` was called for, and whether they changed since."""
        return _trusted_files(home).all()

    def doctor(self) -> Examination:
        """Check models, keys and disk, and say how to fix each problem. Calls no model."""
        from minions.doctor import examine

        return examine(self.settings)

    def _with(self, changes: dict[str, Any]) -> Settings:
        """These settings with changes, validated."""
        if not changes:
            return self.settings
        known = {name: getattr(self.settings, name) for name in self.settings.model_fields_set}
        return Settings.load({**known, **changes}, config=self._config)

    def _patient(self, changes: dict[str, Any]) -> Settings:
        """The settings of a batch, which waits longer for endpoints if the user set no wait."""
        return self._with({**patience(self.settings.model_fields_set), **changes})

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._runner is None:
            # Whatever policy is in force: Python does not see the connections of other loops.
            self._runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
        try:
            return self._runner.run(coroutine)
        except RuntimeError as error:
            coroutine.close()
            if "running event loop" not in str(error):
                raise
            raise UsageError(
                "ask() was called inside a running event loop", hint="await aask(...) there"
            ) from None

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._clock.now_iso())


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _trusted_files(home: Path | None) -> TrustedFiles:
    return TrustedFiles(Settings.own({"home": home}).home_folder())
