"""Model references, ``provider:model[@URL[,URL...]]``: which model a user means, and whether it is on this machine."""

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

_EXAMPLES = "e.g. openai:gpt-5.4, ollama:llama3.2:3b, llamacpp:qwen2.5-coder-1.5b, openai:NAME@http://127.0.0.1:8080/v1"
_ENDPOINT = re.compile(r"(?P<model>.*?)@(?P<urls>https?://.*)", re.IGNORECASE | re.DOTALL)
_OTHER_SCHEME = re.compile(r"@[\w+.-]+://")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_SCHEMELESS = re.compile(
    r".*@(?P<host>(?:localhost|[\w.-]+:\d+|\[[0-9a-fA-F:]+\](?::\d+)?)(?:/.*)?)"
)
_CLOSE_ENOUGH = 0.7


class ModelRef(Value):
    """A model of a provider, and where it is served (empty: the provider's usual place)."""

    provider: Provider
    model: str
    endpoints: tuple[str, ...] = ()

    @property
    def endpoint(self) -> str | None:
        """The first of the endpoints; None for the provider's usual place."""
        return self.endpoints[0] if self.endpoints else None

    def each(self) -> tuple[ModelRef, ...]:
        """The same model at each of its endpoints; itself where it names none."""
        return tuple(self.model_copy(update={"endpoints": (url,)}) for url in self.endpoints) or (
            self,
        )

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Read ``provider:model[@URL[,URL...]]``; the model may hold colons and slashes. Raises ConfigError with
        examples.
        """
        provider, colon, rest = text.strip().partition(":")
        if not colon or not rest.strip():
            raise ConfigError(
                f"{without_login(text)!r} is not a model reference: provider:model", hint=_EXAMPLES
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
    """Whether a URL (or ``host:port``) names this machine: localhost, 127.0.0.0/8 or ::1. Resolves no name."""
    if re.search(r"[\s\\\x00-\x1f]", url):
        return False  # parsers disagree on where such a URL's host begins
    try:
        return is_here(urlsplit(url if "//" in url else f"//{url}").hostname or "")
    except ValueError:
        return False


def names_host(url: str) -> bool:
    """Whether a URL (or ``host:port``) has a host, and a port that can be one if any."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        return bool(parts.hostname) and (parts.port or 1) > 0 and not re.search(r"\s", url)
    except ValueError:
        return False


def is_cloud_tag(ref: ModelRef) -> bool:
    """Whether Ollama runs this model in its own cloud: tags ``:cloud`` and ``-cloud``, through a local server too."""
    tag = ref.model.rsplit(":", 1)[-1].lower()
    return ref.provider == "ollama" and (tag == "cloud" or tag.endswith("-cloud"))


def shown_url(url: str) -> str:
    """A URL fit for logs and messages: without user, password, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _unknown_provider(provider: str, rest: str) -> ConfigError:
    rest = without_login(rest)
    close = difflib.get_close_matches(
        provider.lower().replace(".", ""), PROVIDERS, n=1, cutoff=_CLOSE_ENOUGH
    )
    if close and not any(letter.isdigit() for letter in provider):
        hint = (
            f"did you mean {close[0]}:{rest}? "
            f"If {provider}:{rest} is a model of Ollama, type ollama:{provider}:{rest}"
        )
    else:
        hint = f"is it a model of Ollama? Type ollama:{provider}:{rest} ({_EXAMPLES})"
    return ConfigError(
        f"unknown provider {provider!r}: the providers are {', '.join(PROVIDERS)}", hint=hint
    )


def _split_endpoints(rest: str) -> tuple[str, tuple[str, ...]]:
    found = _ENDPOINT.fullmatch(rest)
    if found is None:
        if schemeless := _SCHEMELESS.fullmatch(rest):
            raise _without_scheme(schemeless["host"])
        if _OTHER_SCHEME.search(rest):
            raise ConfigError(f"{without_login(rest)!r} is not MODEL@URL", hint=_EXAMPLES)
        return rest.strip(), ()
    model, urls = found["model"].strip(), [part.strip() for part in found["urls"].split(",")]
    if not model:
        raise ConfigError(f"{without_login(rest)!r} is not MODEL@URL", hint=_EXAMPLES)
    endpoints = tuple(_endpoint(url, rest) for url in urls)
    if twice := next((url for url in endpoints if endpoints.count(url) > 1), None):
        raise ConfigError(
            f"{shown_url(twice)!r} is named twice",
            hint="name each endpoint once: --concurrency is for each",
        )
    return model, endpoints


def _endpoint(url: str, rest: str) -> str:
    """One endpoint of a list, without its last slash."""
    if not url:
        raise ConfigError(
            f"{without_login(rest)!r} has an empty endpoint",
            hint=f"write MODEL@URL,URL,... ({_EXAMPLES})",
        )
    if not _SCHEME.match(url):
        raise _without_scheme(url)
    if not names_host(url):
        raise ConfigError(f"{without_login(rest)!r} is not MODEL@URL", hint=_EXAMPLES)
    return url.rstrip("/")


def _without_scheme(host: str) -> ConfigError:
    host = without_login(f"@{host}").removeprefix("@")
    return ConfigError(
        f"{host!r} is not a URL", hint=f"write the endpoint with its scheme: @http://{host}"
    )
