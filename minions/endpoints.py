"""Where references lead: the URL of a model, whether it is on this machine, and the key it needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from minions.errors import ConfigError, EgressRefusedError
from minions.network.reference import ModelRef, is_cloud_tag, is_loopback_url, shown_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.settings import Settings

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
