"""Addresses of providers, tests for addresses on this machine, and the key that a call needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from minions.errors import ConfigError
from minions.network.reference import is_cloud_tag, is_loopback_url, shown_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.network.reference import ModelRef

OPENAI_URL: Final = "https://api.openai.com/v1"
OLLAMA_URL: Final = "http://127.0.0.1:11434"
_IN_PROCESS_URL: Final = "http://127.0.0.1"
_PROXIED: Final = frozenset({"http", "https", "all"})
_PORT: Final = re.compile(r":\d+/?$")


@dataclass(frozen=True)
class Endpoints:
    """The providers' addresses, for references that name none of their own, and the API key.

    ``openai_key`` is empty where none is set, and is never printed.
    """

    openai_url: str = OPENAI_URL
    ollama_url: str = OLLAMA_URL
    openai_key: str = field(default="", repr=False)

    def url_of(self, ref: ModelRef) -> str:
        """The URL of a model: the first where its reference names several, a loopback address for
        a model in this process.
        """
        if ref.endpoint is not None:
            return ref.endpoint
        if ref.provider == "openai":
            return self.openai_url
        if ref.provider == "ollama":
            return self.ollama_url
        return _IN_PROCESS_URL

    def remote_urls(self, ref: ModelRef) -> list[str]:
        """The URLs of a model that are not on this machine."""
        urls = [self.url_of(each) for each in ref.each()]
        return [url for url in urls if not is_loopback_url(url)]

    def is_elsewhere(self, ref: ModelRef) -> bool:
        """True if a model runs on another machine, at any of its endpoints.

        A model elsewhere is metered, limited and logged like any cloud model.
        """
        return is_cloud_tag(ref) or bool(self.remote_urls(ref))

    def is_cloud(self, planner: ModelRef) -> bool:
        """True if a planner's calls count as leaving the device, for ledger, budget and egress log.

        Calls of an ``openai:`` planner do so wherever its endpoint is: a loopback address may be a
        gateway.
        """
        if planner.provider == "openai":
            return True
        if planner.provider != "ollama":
            return False
        # A planner has one endpoint; of several the first counts until they are refused.
        return is_cloud_tag(planner) or not is_loopback_url(self.url_of(planner))

    def key_of(self, ref: ModelRef) -> str:
        """The API key for a model; it may be empty for one on this machine.

        Raises ConfigError where a key is needed and missing.
        """
        if ref.provider != "openai" or self.openai_key:
            return self.openai_key
        for url in self.remote_urls(ref):
            raise ConfigError(
                f"{ref} needs an API key for {shown_url(url)}",
                hint="export OPENAI_API_KEY=..., or run without a cloud: --local-only",
            )
        return self.openai_key

    def hosts_of(self, refs: Iterable[ModelRef]) -> set[str]:
        """The hosts that calls to these models connect to.

        The environment's proxies are among them where a model is on another machine.
        """
        urls = [self.url_of(each) for ref in refs for each in ref.each()]
        if not all(map(is_loopback_url, urls)):
            from urllib.request import getproxies

            urls += [url for scheme, url in getproxies().items() if scheme in _PROXIED]
        hosts = {urlsplit(url if "//" in url else f"//{url}").hostname for url in urls}
        return {host for host in hosts if host}


def ollama_url(host: str) -> str:
    """``OLLAMA_HOST`` as a URL, read as Ollama reads it.

    Scheme and port may be missing; 0.0.0.0, where a server listens, is this machine.
    """
    if "://" in host:
        url = host
    elif _PORT.search(host):
        url = f"http://{host}"
    else:
        url = f"http://{host}:11434"
    return url.replace("//0.0.0.0", "//127.0.0.1")
