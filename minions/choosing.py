"""Which models a run uses, by its settings: chosen, and refused where the settings do not allow them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.endpoints import (
    api_key_of,
    endpoint_of,
    is_elsewhere,
    refuse_remote_worker,
    refuse_several_planners,
)
from minions.errors import EgressRefusedError
from minions.network.reference import ModelRef, is_cloud_tag, is_loopback_url
from minions.run.protocols import refuse_to_send

if TYPE_CHECKING:
    from minions.settings import Settings

LOCAL = "local"
DEFAULT_CLOUD_PLANNER = "openai:gpt-5.4"
DEFAULT_EMBEDDED_WORKER = "llamacpp:qwen2.5-coder-1.5b"
DEFAULT_OLLAMA_WORKER = "ollama:llama3.2:3b"


def choose_models(settings: Settings) -> tuple[str, str, tuple[str, ...]]:
    """References of planner and worker, and notes on what was chosen for want of a setting."""
    worker = settings.worker or (
        DEFAULT_OLLAMA_WORKER if settings.ollama_host or not has_embedded() else DEFAULT_EMBEDDED_WORKER
    )
    if settings.protocol == "local":
        return LOCAL, worker, ()
    if settings.local_only and settings.planner not in {None, LOCAL} and is_cloud(settings.planner or "", settings):
        raise EgressRefusedError(
            f"--local-only forbids the cloud planner {recorded(settings.planner or '')}",
            hint="leave --planner out, or use --planner local",
        )
    if settings.planner is not None:
        return settings.planner, worker, ()
    if settings.local_only:
        return LOCAL, worker, ()
    if settings.openai_api_key is not None or settings.openai_base_url is not None:
        return DEFAULT_CLOUD_PLANNER, worker, ()
    note = (
        f"no cloud planner is configured: {recorded(worker)} plans and decides locally, which answers less well. "
        "For a cloud planner: export OPENAI_API_KEY=..., or --planner openai:MODEL with OPENAI_BASE_URL"
    )
    return LOCAL, worker, (note,)


def is_cloud(planner: str, settings: Settings) -> bool:
    """Whether calls to this planner leave the device, for the ledger, budget and egress log.

    An ``openai:`` planner counts as cloud wherever its endpoint is: a loopback address may be a gateway.
    """
    if planner == LOCAL:
        return False
    ref = ModelRef.parse(planner)
    if ref.provider == "openai":
        return True
    return ref.provider == "ollama" and (is_cloud_tag(ref) or not is_loopback_url(endpoint_of(ref, settings)))


def priced_planner(settings: Settings) -> tuple[str, str]:
    """Reference and endpoint of the cloud planner in use, or of the default one when the run is local: for the
    baselines.
    """
    planner, _, _ = choose_models(settings)
    ref = ModelRef.parse(planner if is_cloud(planner, settings) else DEFAULT_CLOUD_PLANNER)
    return str(ref), endpoint_of(ref, settings)


def check_models(settings: Settings) -> None:
    """Refuse what can be refused before a document is read or a model opened.

    Raises ConfigError (a missing key, too), EgressRefusedError, PriceUnknownError.
    """
    planner, worker, _ = choose_models(settings)
    if is_cloud(planner, settings):
        refuse_to_send(settings.protocol, settings.policy, to=recorded(planner))
    worker_ref = ModelRef.parse(worker)
    refuse_remote_worker(worker_ref, settings)
    metered = [each for each in worker_ref.each() if is_elsewhere(each, settings)]
    if planner != LOCAL:
        ref = planner_ref(planner)
        api_key_of(ref, settings)
        metered += [ref] if is_cloud(planner, settings) else []
    api_key_of(worker_ref, settings)
    if settings.max_cost is not None:
        _require_prices(metered, settings)


def _require_prices(refs: list[ModelRef], settings: Settings) -> None:
    from minions.ledger.budgets import price_unknown
    from minions.ledger.prices import PriceBook

    prices = PriceBook.parse(settings.prices)
    for ref in refs:
        if prices.bound_usd(str(ref), endpoint_of(ref, settings), input_tokens=1, output_tokens=1) is None:
            raise price_unknown(str(ref))


def recorded(model: str) -> str:
    """A planner or worker as it is told of: without its URL, which may hold credentials. Raises ConfigError."""
    return model if model == LOCAL else str(ModelRef.parse(model))


def planner_ref(planner: str) -> ModelRef:
    """A planner's reference, which names one endpoint. Raises ConfigError."""
    ref = ModelRef.parse(planner)
    refuse_several_planners(ref)
    return ref


def has_embedded() -> bool:
    """Whether models can run in this process."""
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None
