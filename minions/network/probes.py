"""Bounded questions to model servers that cost no tokens: what they serve, and how much context they really give."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, NamedTuple

from minions.network.credentials import login_of
from minions.network.reference import is_loopback_url
from minions.values.base import Value

TIMEOUT_S = 3.0
_LONGEST_PAGE_BYTES = 8 * 1024 * 1024


class Page(NamedTuple):
    """A server's reply: ``status`` is None when nothing answered, ``body`` None when it was no JSON."""

    status: int | None
    body: Any = None

    @property
    def ok(self) -> bool:
        """Whether it answered with JSON."""
        return self.status == HTTPStatus.OK and self.body is not None

    @property
    def refused_key(self) -> bool:
        """Whether the key is what is wrong."""
        return self.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Slots(Value):
    """What a llama.cpp server really gives: requests at a time, context tokens for each; None where it does not say."""

    slots: int | None
    context_tokens: int | None


def fetch(
    url: str, *, api_key: str = "", post: dict[str, Any] | None = None, timeout_s: float = TIMEOUT_S
) -> Page:
    """One GET, or POST of JSON; no redirect is followed, and no proxy used for an address of this machine. Raises
    EgressRefusedError where the connection is not allowed.
    """
    if not url.startswith(("http://", "https://")):
        return Page(None)
    headers = {"Accept": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    if post is not None:
        headers["Content-Type"] = "application/json"
    data = None if post is None else json.dumps(post).encode()
    proxies = urllib.request.ProxyHandler({} if is_loopback_url(url) else None)
    opener = urllib.request.build_opener(proxies, _NoRedirect)
    try:
        bare, login = login_of(url)  # urllib would take a login for a part of the host's name
        headers |= {"Authorization": login} if login else {}
        request = urllib.request.Request(bare, data=data, headers=headers)  # noqa: S310 - the scheme was checked
        with opener.open(request, timeout=timeout_s) as reply:
            status, content = reply.status, reply.read(_LONGEST_PAGE_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return Page(error.code)
    except (
        OSError,
        ValueError,
        http.client.HTTPException,
    ):  # refused, timed out, no such host, not HTTP
        return Page(None)
    try:
        return Page(status, json.loads(content))
    except ValueError:
        return Page(status)


def served_models(page: Page) -> list[str] | None:
    """The names in a reply to GET /v1/models; None when it is none."""
    data = page.body.get("data") if isinstance(page.body, dict) else None
    return _names(data, "id")


def ollama_models(page: Page) -> list[str] | None:
    """The names in a reply to GET /api/tags; None when it is none."""
    data = page.body.get("models") if isinstance(page.body, dict) else None
    return _names(data, "name")


def llama_slots(endpoint: str, *, api_key: str = "", timeout_s: float = TIMEOUT_S) -> Slots | None:
    """What llama.cpp's /props and /slots say; None where the server is another one or hides both."""
    root = endpoint.rstrip("/").removesuffix("/v1")
    props, slots = (
        fetch(f"{root}/{page}", api_key=api_key, timeout_s=timeout_s) for page in ("props", "slots")
    )
    count = context = None
    if props.ok and isinstance(props.body, dict):
        count = _positive(props.body.get("total_slots"))
        settings = props.body.get("default_generation_settings")
        context = _positive(settings.get("n_ctx")) if isinstance(settings, dict) else None
    if slots.ok and isinstance(slots.body, list) and slots.body:
        count = count or len(slots.body)
        sizes = [_positive(slot.get("n_ctx")) for slot in slots.body if isinstance(slot, dict)]
        context = min((size for size in sizes if size), default=context)
    return Slots(slots=count, context_tokens=context) if count or context else None


def ollama_context(host: str, model: str) -> tuple[int | None, int | None, bool]:
    """Of a model at an Ollama server: context trained for, context loaded with, and whether it runs elsewhere."""
    shown, loaded = fetch(f"{host}/api/show", post={"model": model}), fetch(f"{host}/api/ps")
    facts = shown.body if isinstance(shown.body, dict) else {}
    info = facts.get("model_info")
    sizes = (
        [value for key, value in info.items() if key.endswith(".context_length")]
        if isinstance(info, dict)
        else []
    )
    running = loaded.body.get("models") if isinstance(loaded.body, dict) else None
    current = next(
        (
            item.get("context_length")
            for item in running or ()
            if isinstance(item, dict) and same_model(item.get("name"), model)
        ),
        None,
    )
    return _positive(sizes[0] if sizes else None), _positive(current), _remote(facts) is not None


def ollama_remote(
    host: str, model: str, *, timeout_s: float = TIMEOUT_S
) -> tuple[int | None, str | None]:
    """The status with which an Ollama server answers for a model (None: it does not), and where it passes it on to
    (None: it runs it itself, or does not say).
    """
    shown = fetch(f"{host}/api/show", post={"model": model}, timeout_s=timeout_s)
    return shown.status, _remote(shown.body)


def remote_of(reply: bytes) -> str | None:
    """Where a reply of Ollama says that it comes from; None for one of its own."""
    try:
        return _remote(json.loads(reply))
    except ValueError:
        return None


def same_model(name: object, wanted: str) -> bool:
    """Whether an Ollama name is the wanted one; no tag means ``latest``."""
    return name in {wanted, f"{wanted}:latest"}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to a place that nobody chose."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


def _remote(facts: object) -> str | None:
    """The host or the model that Ollama names, in /api/show and in replies, for what it passes on."""
    told = facts if isinstance(facts, dict) else {}
    where = told.get("remote_host") or told.get("remote_model")
    return str(where) if where else None


def _names(items: object, key: str) -> list[str] | None:
    if not isinstance(items, list):
        return None
    return [str(item[key]) for item in items if isinstance(item, dict) and item.get(key)]


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
