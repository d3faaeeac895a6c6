"""Model references, ``provider:model[@URL[,URL...]]``, and the question whether a URL is local."""

from __future__ import annotations

import difflib
import re
from typing import Literal, get_args
from urllib.parse import urlsplit

from minions.errors import ConfigError
from minions.network.credentials import without_login
from minions.network.reach import is_here
from minions.values.base import Value

Provider = Literal["openai", "ollama", "llamacpp", "scripted"]
PROVIDERS: tuple[str, ...] = get_args(Provider)

_EXAMPLES = (
    "e.g. openai:gpt-5.4, ollama:llama3.2:3b, llamacpp:qwen2.5-coder-1.5b,"
    " openai:NAME@http://127.0.0.1:8080/v1"
)
_ENDPOINT = re.compile(r"(?P<model>.*?)@(?P<urls>https?://.*)", re.IGNORECASE | re.DOTALL)
_OTHER_SCHEME = re.compile(r"@[\w+.-]+://")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_SCHEMELESS = re.compile(
    r".*@(?P<host>(?:localhost|[\w.-]+:\d+|\[[0-9a-fA-F:]+\](?::\d+)?)(?:/.*)?)"
)
_CLOSE_ENOUGH = 0.7


class ModelRef(Value):
    """A model, and the endpoints that serve it."""

    provider: Provider
    model: str
    """The model's name at the provider."""
    endpoints: tuple[str, ...] = ()
    """URLs that serve the model; empty for the provider's usual endpoint."""

    @property
    def endpoint(self) -> str | None:
        """The first endpoint; None for the provider's usual one."""
        return self.endpoints[0] if self.endpoints else None

    def each(self) -> tuple[ModelRef, ...]:
        """Return one reference for each endpoint; the reference itself if it names none."""
        if not self.endpoints:
            return (self,)
        return tuple(self.model_copy(update={"endpoints": (url,)}) for url in self.endpoints)

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Read ``provider:model[@URL[,URL...]]``; the model may contain colons and slashes.

        Raises ConfigError with examples.
        """
        provider, colon, rest = text.strip().partition(":")
        if not colon or not rest.strip():
            raise ConfigError(
                f"{without_login(text)!r} is not a model reference (provider:model)",
                hint=_EXAMPLES,
            )
        if provider not in PROVIDERS:
            raise _unknown_provider(provider, rest)
        if provider == "scripted":
            return cls(provider="scripted", model=rest)
        model, endpoints = _split_endpoints(rest)
        return cls.model_validate({"provider": provider, "model": model, "endpoints": endpoints})

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


def is_loopback_url(url: str) -> bool:
    """Return whether a URL, or ``host:port``, is on this machine: localhost, 127.0.0.0/8 or ::1.

    No name is looked up.
    """
    if re.search(r"[\s\\\x00-\x1f]", url):
        return False  # parsers disagree about the host of such a URL
    try:
        return is_here(urlsplit(url if "//" in url else f"//{url}").hostname or "")
    except ValueError:
        return False


def names_host(url: str) -> bool:
    """Return whether a URL, or ``host:port``, has a host, and a valid port if it has one."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        return bool(parts.hostname) and (parts.port or 1) > 0 and not re.search(r"\s", url)
    except ValueError:
        return False


def is_cloud_tag(ref: ModelRef) -> bool:
    """Return whether Ollama runs this model in its own cloud, even through a local server.

    The tags of such models are ``cloud``, or end in ``-cloud``.
    """
    tag = ref.model.rsplit(":", 1)[-1].lower()
    return ref.provider == "ollama" and (tag == "cloud" or tag.endswith("-cloud"))


def shown_url(url: str) -> str:
    """Return a URL for logs and messages, without its user, password, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _unknown_provider(provider: str, rest: str) -> ConfigError:
    rest = without_login(rest)
    close = difflib.get_close_matches(
        provider.lower().replace(".", ""), PROVIDERS, n=1, cutoff=_CLOSE_ENOUGH
    )
    has_digit = any(letter.isdigit() for letter in provider)
    if close and not has_digit:
        hint = (
            f"did you mean {close[0]}:{rest}? "
            f"If {provider}:{rest} is a model of Ollama, type ollama:{provider}:{rest}"
        )
    else:
        hint = f"if it is a model of Ollama, type ollama:{provider}:{rest} ({_EXAMPLES})"
    return ConfigError(
        f"unknown provider {provider!r}: the providers are {', '.join(PROVIDERS)}", hint=hint
    )


def _split_endpoints(rest: str) -> tuple[str, tuple[str, ...]]:
    """Split ``model[@URL[,URL...]]`` into the model and its endpoints. Raises ConfigError."""
    found = _ENDPOINT.fullmatch(rest)
    if found is None:
        schemeless = _SCHEMELESS.fullmatch(rest)
        if schemeless:
            raise _without_scheme(schemeless["host"])
        if _OTHER_SCHEME.search(rest):
            raise ConfigError(
                f"the endpoint in {without_login(rest)!r} is not an http:// or https:// URL",
                hint=_EXAMPLES,
            )
        return rest.strip(), ()
    model = found["model"].strip()
    if not model:
        raise ConfigError(
            f"{without_login(rest)!r} names an endpoint, but no model", hint=_EXAMPLES
        )
    endpoints: list[str] = []
    for part in found["urls"].split(","):
        endpoint = _endpoint(part.strip(), rest)
        if endpoint in endpoints:
            raise ConfigError(
                f"the endpoint {shown_url(endpoint)} is named twice",
                hint="name each endpoint once; --concurrency is the number of jobs at each",
            )
        endpoints.append(endpoint)
    return model, tuple(endpoints)


def _endpoint(url: str, rest: str) -> str:
    """Return one endpoint of a list, without its last slash. Raises ConfigError."""
    if not url:
        raise ConfigError(
            f"{without_login(rest)!r} has an empty endpoint between its commas",
            hint=f"write MODEL@URL,URL,... ({_EXAMPLES})",
        )
    if not _SCHEME.match(url):
        raise _without_scheme(url)
    if not names_host(url):
        raise ConfigError(
            f"the endpoint in {without_login(rest)!r} needs a host, and a valid port if it has one",
            hint=_EXAMPLES,
        )
    return url.rstrip("/")


def _without_scheme(host: str) -> ConfigError:
    host = without_login(f"@{host}").removeprefix("@")
    return ConfigError(
        f"the endpoint {host!r} lacks its scheme, http:// or https://",
        hint=f"write it as @http://{host}",
    )
