"""The lineup of a run: its planner and worker, their places, and the combinations refused.

It is decided once, from the settings, and passed on: no later code reads those settings again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from minions.errors import ConfigError, EgressRefusedError
from minions.network.reference import ModelRef, is_cloud_tag, shown_url
from minions.run.protocols import SENDS_CHUNKS, refuse_to_send
from minions.run.terms import Priced, Terms
from minions.wiring.redact import detector_for

if TYPE_CHECKING:
    from minions.ledger.prices import PriceBook
    from minions.network.endpoints import Endpoints
    from minions.settings import Settings
    from minions.values.policy import Policy

LOCAL: Final = "local"
DEFAULT_CLOUD_PLANNER: Final = "openai:gpt-5.4"
DEFAULT_EMBEDDED_WORKER: Final = "llamacpp:qwen2.5-coder-1.5b"
DEFAULT_OLLAMA_WORKER: Final = "ollama:llama3.2:3b"
_NO_PLANNER: Final = (
    "no cloud planner is configured: {worker} plans and decides locally, which answers less well. "
    "For a cloud planner: export OPENAI_API_KEY=..., or --planner openai:MODEL with "
    "OPENAI_BASE_URL"
)


@dataclass(frozen=True)
class Lineup:
    """The models that answer a question.

    ``planner`` is None where the worker plans and decides, too. ``notes`` tell the user which
    models were chosen because no setting named one.
    """

    planner: ModelRef | None
    worker: ModelRef
    protocol: str
    policy: Policy
    endpoints: Endpoints
    allow_remote_workers: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Lineup:
        """The models of a run, checked before a document is read or a model opened.

        Raises ConfigError (also for a missing key, or a pattern to redact that cannot be used),
        EgressRefusedError, PriceUnknownError.
        """
        lineup = cls.unchecked(settings)
        lineup.refuse_unusable()
        detector_for(settings.redaction())  # raises for words and patterns that cannot be used
        if settings.max_cost is not None:
            lineup.require_prices(settings.price_book())
        return lineup

    @classmethod
    def unchecked(cls, settings: Settings) -> Lineup:
        """The models that the settings choose, without the checks of ``of``.

        For estimates, reports and the doctor, which call none. A preview makes checks of its own:
        it needs no key and no price. A judge was checked by `minions.evals.verdicts.check_judge`.

        Raises ConfigError for an invalid model reference, EgressRefusedError for a cloud planner
        under ``local_only``.
        """
        local_only = settings.local_only
        protocol = settings.protocol
        endpoints = settings.endpoints()
        planner = _chosen_planner(settings)
        if local_only and planner is not None and endpoints.is_cloud(planner):
            raise EgressRefusedError(
                f"--local-only forbids the cloud planner {planner}",
                hint="leave --planner out, or use --planner local",
            )
        default_worker = DEFAULT_EMBEDDED_WORKER
        if settings.ollama_host or not has_embedded():
            default_worker = DEFAULT_OLLAMA_WORKER
        worker = ModelRef.parse(settings.worker or default_worker)
        notes = []
        chosen_by_user = settings.planner or protocol == "local" or local_only
        if planner is None and not chosen_by_user:
            notes.append(_NO_PLANNER.format(worker=worker))
        return cls(
            planner=planner,
            worker=worker,
            protocol=protocol,
            policy=settings.policy,
            endpoints=endpoints,
            allow_remote_workers=settings.allow_remote_workers and not local_only,
            notes=tuple(notes),
        )

    @property
    def planner_name(self) -> str:
        """The planner's name for records: without its URL, which may hold credentials."""
        return LOCAL if self.planner is None else str(self.planner)

    @property
    def worker_name(self) -> str:
        """The worker's name for records, without its URL."""
        return str(self.worker)

    @property
    def models(self) -> tuple[ModelRef, ...]:
        """The models that calls go to."""
        return (self.worker,) if self.planner is None else (self.planner, self.worker)

    @property
    def planner_is_cloud(self) -> bool:
        """True if the planner's calls leave the device."""
        return self.planner is not None and self.endpoints.is_cloud(self.planner)

    @property
    def worker_is_remote(self) -> bool:
        """True if the worker reads on another machine, at any of its endpoints."""
        return self.endpoints.is_elsewhere(self.worker)

    @property
    def sends_nothing(self) -> bool:
        """True if planner and worker are on this machine."""
        return not self.planner_is_cloud and not self.worker_is_remote

    @property
    def priced(self) -> Priced:
        """The model whose prices the baselines use: the cloud planner, or the default one."""
        if self.planner is not None and self.planner_is_cloud:
            ref = self.planner
        else:
            ref = ModelRef.parse(DEFAULT_CLOUD_PLANNER)
        return Priced(reference=str(ref), endpoint=self.endpoints.url_of(ref))

    @property
    def hosts(self) -> set[str]:
        """The hosts that calls connect to."""
        return self.endpoints.hosts_of(self.models)

    def with_key(self, key: str) -> Lineup:
        """The same models, with a key where none is set."""
        if self.endpoints.openai_key:
            return self
        return replace(self, endpoints=replace(self.endpoints, openai_key=key))

    def without_notes(self) -> Lineup:
        """The same models, without the notes for the user."""
        return replace(self, notes=())

    def refuse_unusable(self) -> None:
        """Refuse models that the policy forbids or that cannot work.

        Raises EgressRefusedError, ConfigError.
        """
        self.refuse_to_send()
        self.refuse_remote_worker()
        if self.planner is not None:
            refuse_several_endpoints(self.planner)
            self.endpoints.key_of(self.planner)
        self.endpoints.key_of(self.worker)

    def refuse_to_send(self) -> None:
        """Raise EgressRefusedError for a protocol that sends chunks where the policy forbids it."""
        if self.planner_is_cloud:
            refuse_to_send(self.protocol, self.policy, to=self.planner_name)

    def refuse_remote_worker(self) -> None:
        """Raise EgressRefusedError for a worker on another machine, unless the user allowed it.

        Workers read the documents: all their endpoints must be on this machine.
        """
        if self.allow_remote_workers:
            return
        if is_cloud_tag(self.worker):
            raise EgressRefusedError(
                f"the worker {self.worker} runs in its provider's cloud and would read your "
                "documents there",
                hint="choose a local model, or allow it: --allow-remote-workers",
            )
        for url in self.endpoints.remote_urls(self.worker):
            raise EgressRefusedError(
                f"the worker {self.worker} is at {shown_url(url)}, which is not on this "
                "machine, and would read your documents there",
                hint="use an endpoint on 127.0.0.1, or allow it: --allow-remote-workers",
            )

    def require_prices(self, prices: PriceBook) -> None:
        """Raise PriceUnknownError for a model that costs money and has no known price."""
        from minions.ledger.budgets import price_unknown

        billed = [each for each in self.worker.each() if self.endpoints.is_elsewhere(each)]
        if self.planner is not None and self.planner_is_cloud:
            billed.append(self.planner)
        for ref in billed:
            bound = prices.bound_usd(
                str(ref), self.endpoints.url_of(ref), input_tokens=1, output_tokens=1
            )
            if bound is None:
                raise price_unknown(str(ref))


def terms_of(lineup: Lineup, settings: Settings) -> Terms:
    """The terms of a run under these settings, with these models.

    Raises ConfigError for words or patterns to redact that cannot be used.
    """
    reads_elsewhere = lineup.worker_is_remote and lineup.protocol not in SENDS_CHUNKS
    return Terms(
        protocol=lineup.protocol,
        policy=lineup.policy,
        limits=settings.limits(),
        planner_is_cloud=lineup.planner_is_cloud,
        workers_are_remote=reads_elsewhere,
        priced=lineup.priced,
        chunk_tokens=settings.chunk_size(),
    )


def refuse_several_endpoints(planner: ModelRef) -> None:
    """Raise ConfigError for a planner with more than one endpoint."""
    if len(planner.endpoints) > 1:
        raise ConfigError(
            f"the planner {planner} is given {len(planner.endpoints)} endpoints: it makes few "
            "calls, whose price and record are those of one endpoint",
            hint="name one; several are for --worker",
        )


def has_embedded() -> bool:
    """True if models can run in this process."""
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None


def _chosen_planner(settings: Settings) -> ModelRef | None:
    """The planner's reference; None: the worker plans, too. Raises ConfigError."""
    name = settings.planner
    if settings.protocol == "local" or name == LOCAL:
        return None
    if name is not None:
        return ModelRef.parse(name)
    has_cloud = settings.openai_api_key is not None or settings.openai_base_url is not None
    if settings.local_only or not has_cloud:
        return None
    return ModelRef.parse(DEFAULT_CLOUD_PLANNER)
