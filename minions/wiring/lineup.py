"""Which models a run uses, by its settings: chosen, and refused where the settings do not allow them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from minions.errors import ConfigError, EgressRefusedError
from minions.network.reference import ModelRef, is_cloud_tag, is_loopback_url, shown_url
from minions.run.protocols import refuse_to_send

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.settings import Settings


LOCAL = "local"
DEFAULT_CLOUD_PLANNER = "openai:gpt-5.4"
DEFAULT_EMBEDDED_WORKER = "llamacpp:qwen2.5-coder-1.5b"
DEFAULT_OLLAMA_WORKER = "ollama:llama3.2:3b"


def choose_models(settings: Settings) -> tuple[str, str, tuple[str, ...]]:
    """References of planner and worker, and notes on what was chosen for want of a setting."""
    worker = settings.worker or (
        DEFAULT_OLLAMA_WORKER
        if settings.ollama_host or not has_embedded()
        else DEFAULT_EMBEDDED_WORKER
    )
    if settings.protocol == "local":
        return LOCAL, worker, ()
    if (
        settings.local_only
        and settings.planner not in {None, LOCAL}
        and is_cloud(settings.planner or "", settings)
    ):
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
    return ref.provider == "ollama" and (
        is_cloud_tag(ref) or not is_loopback_url(endpoint_of(ref, settings))
    )


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
        if (
            prices.bound_usd(str(ref), endpoint_of(ref, settings), input_tokens=1, output_tokens=1)
            is None
        ):
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


OPENAI_URL = "https://api.openai.com/v1"

OLLAMA_URL = "http://127.0.0.1:11434"

_PROXIED = frozenset({"http", "https", "all"})

_PORT = re.compile(r":\d+/?$")


def endpoint_of(ref: ModelRef, settings: Settings) -> str:
    """The URL a reference talks to, by its settings, the first of several; a loopback address for models in this
    process.
    """
    if ref.endpoint is not None:
        return ref.endpoint
    if ref.provider == "openai":
        return settings.openai_base_url or OPENAI_URL
    if ref.provider == "ollama":
        return _ollama_url(settings.ollama_host) if settings.ollama_host else OLLAMA_URL
    return "http://127.0.0.1"


def is_elsewhere(ref: ModelRef, settings: Settings) -> bool:
    """Whether the model of a reference to one endpoint runs on another machine."""
    return is_cloud_tag(ref) or not is_loopback_url(endpoint_of(ref, settings))


def is_remote_worker(ref: ModelRef, settings: Settings) -> bool:
    """Whether this worker reads elsewhere, at any of its endpoints: what does is metered, limited and logged like any
    cloud call.
    """
    return any(is_elsewhere(each, settings) for each in ref.each())


def refuse_remote_worker(ref: ModelRef, settings: Settings) -> None:
    """Workers read the documents: they must be on this machine, at each of their endpoints. Raises EgressRefusedError
    unless the user allowed others.
    """
    if settings.allow_remote_workers and not settings.local_only:
        return
    if is_cloud_tag(ref):
        raise EgressRefusedError(
            f"the worker {ref} runs in its provider's cloud and would read your documents there",
            hint="choose a local model, or allow it: --allow-remote-workers",
        )
    for endpoint in (endpoint_of(each, settings) for each in ref.each()):
        if not is_loopback_url(endpoint):
            raise EgressRefusedError(
                f"the worker {ref} is at {shown_url(endpoint)}, which is not on this machine, "
                "and would read your documents there",
                hint="use an endpoint on 127.0.0.1, or allow it: --allow-remote-workers",
            )


def api_key_of(ref: ModelRef, settings: Settings) -> str:
    """The key for a reference, which may be empty on this machine. Raises ConfigError where one is missing."""
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    if ref.provider != "openai" or key:
        return key
    for endpoint in (endpoint_of(each, settings) for each in ref.each()):
        if not is_loopback_url(endpoint):
            raise ConfigError(
                f"{ref} needs an API key for {shown_url(endpoint)}",
                hint="export OPENAI_API_KEY=..., or run without a cloud: --local-only",
            )
    return key


def hosts_of(refs: Iterable[ModelRef], settings: Settings) -> set[str]:
    """The hosts that calls to these models go to, each at all its endpoints, and the proxies that the environment puts
    before those that are elsewhere.
    """
    urls = [endpoint_of(each, settings) for ref in refs for each in ref.each()]
    if not all(map(is_loopback_url, urls)):
        from urllib.request import getproxies

        urls += [url for scheme, url in getproxies().items() if scheme in _PROXIED]
    return {host for url in urls if (host := urlsplit(url if "//" in url else f"//{url}").hostname)}


def refuse_several_planners(ref: ModelRef) -> None:
    """A planner has one endpoint. Raises ConfigError for more."""
    if len(ref.endpoints) > 1:
        raise ConfigError(
            f"the planner {ref} is given {len(ref.endpoints)} endpoints: it makes few calls, whose price and record "
            "are those of one endpoint",
            hint="name one; several are for --worker",
        )


def _ollama_url(host: str) -> str:
    """``OLLAMA_HOST`` as Ollama reads it: the scheme and port may be missing, and 0.0.0.0 is where a server listens."""
    url = host if "://" in host else f"http://{host}" + ("" if _PORT.search(host) else ":11434")
    return url.replace("//0.0.0.0", "//127.0.0.1")
