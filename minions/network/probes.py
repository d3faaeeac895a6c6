"""Short requests about a model server's models, slots and context. They use no tokens."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, NamedTuple

from minions.network.credentials import login_of
from minions.network.reference import is_loopback_url
from minions.text.visible import clean_line
from minions.values.base import Value

TIMEOUT_S = 3.0
_LONGEST_PAGE_BYTES = 8 * 1024 * 1024
# What a server says of itself is believed up to here.
_MOST_NAMES = 10_000
_LONGEST_NAME = 200  # characters
_MOST_SLOTS = 1_024
_CONTEXTS = range(128, 100_000_001)  # tokens; the longest today are ten million


class Page(NamedTuple):
    """A server's reply."""

    status: int | None
    """The HTTP status; None if nothing answered."""
    body: Any = None
    """The parsed JSON; None if the body was not JSON."""

    @property
    def ok(self) -> bool:
        """True if the server answered with status 200 and JSON."""
        return self.status == HTTPStatus.OK and self.body is not None

    @property
    def refused_key(self) -> bool:
        """True if the server refused the key."""
        return self.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Slots(Value):
    """The capacity of a llama.cpp server."""

    slots: int | None
    """Requests at the same time; None if the server does not say."""
    context_tokens: int | None
    """Context tokens of each slot; None if the server does not say."""


def fetch(
    url: str, *, api_key: str = "", post: dict[str, Any] | None = None, timeout_s: float = TIMEOUT_S
) -> Page:
    """Send one GET, or one POST of JSON, and return the reply.

    It follows no redirect, and uses no proxy for an address of this machine. A failed connection is
    a page without a status. Raises EgressRefusedError where the connection is not allowed.
    """
    if not url.startswith(("http://", "https://")):
        return Page(None)
    headers = {"Accept": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    data = None
    if post is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(post).encode()
    proxies: dict[str, str] | None = None  # those of the environment
    if is_loopback_url(url):
        proxies = {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies), _NoRedirect)
    try:
        bare, login = login_of(url)  # urllib would take a login for a part of the host's name
        if login:
            headers["Authorization"] = login
        request = urllib.request.Request(bare, data=data, headers=headers)  # noqa: S310 - http(s)
        with opener.open(request, timeout=timeout_s) as reply:
            status = reply.status
            content = reply.read(_LONGEST_PAGE_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return Page(error.code)
    except (OSError, ValueError, http.client.HTTPException):
        return Page(None)  # refused, timed out, no such host, or not HTTP
    try:
        return Page(status, json.loads(content))
    except (ValueError, RecursionError):
        return Page(status)


def served_models(page: Page) -> list[str] | None:
    """Return the model names in a reply to GET /v1/models; None for any other reply."""
    return _names(_object(page.body).get("data"), "id")


def ollama_models(page: Page) -> list[str] | None:
    """Return the model names in a reply to GET /api/tags; None for any other reply."""
    return _names(_object(page.body).get("models"), "name")


def llama_slots(endpoint: str, *, api_key: str = "", timeout_s: float = TIMEOUT_S) -> Slots | None:
    """Ask a llama.cpp server for its slots and their context, by /props and /slots.

    None if the endpoint is another server, or does not answer these requests.
    """
    root = endpoint.rstrip("/").removesuffix("/v1")
    props = fetch(f"{root}/props", api_key=api_key, timeout_s=timeout_s)
    slots = fetch(f"{root}/slots", api_key=api_key, timeout_s=timeout_s)
    count = None
    context = None
    if props.ok:
        facts = _object(props.body)
        count = _within(range(1, _MOST_SLOTS + 1), facts.get("total_slots"))
        context = _context(_object(facts.get("default_generation_settings")).get("n_ctx"))
    if slots.ok and isinstance(slots.body, list) and slots.body:
        count = count or min(len(slots.body), _MOST_SLOTS)
        sizes = [_context(_object(slot).get("n_ctx")) for slot in slots.body]
        context = min(filter(None, sizes), default=context)
    if not count and not context:
        return None
    return Slots(slots=count, context_tokens=context)


def ollama_context(host: str, model: str) -> tuple[int | None, int | None, bool]:
    """Ask an Ollama server about the context of a model.

    Returns the context that the model was trained for, the context that it is loaded with (each
    None if unknown), and whether the model runs on another machine.
    """
    shown = _object(fetch(f"{host}/api/show", post={"model": model}).body)
    loaded = _object(fetch(f"{host}/api/ps").body)
    trained = None
    for key, value in _object(shown.get("model_info")).items():
        if key.endswith(".context_length"):
            trained = value
            break
    current = None
    running = loaded.get("models")
    for item in running if isinstance(running, list) else ():
        if isinstance(item, dict) and same_model(item.get("name"), model):
            current = item.get("context_length")
            break
    return _context(trained), _context(current), _remote(shown) is not None


def ollama_remote(
    host: str, model: str, *, timeout_s: float = TIMEOUT_S
) -> tuple[int | None, str | None]:
    """Ask an Ollama server whether it passes a model's requests on to another machine.

    Returns the HTTP status of the reply (None if nothing answered), and the host or model that the
    server names (None if it runs the model itself, or does not say).
    """
    shown = fetch(f"{host}/api/show", post={"model": model}, timeout_s=timeout_s)
    return shown.status, _remote(shown.body)


def remote_of(reply: bytes) -> str | None:
    """Return the other host or model that answered, according to a reply of Ollama; else None."""
    try:
        return _remote(json.loads(reply))
    except (ValueError, RecursionError):
        return None


def same_model(name: object, wanted: str) -> bool:
    """Return whether an Ollama name is the wanted one; a name without a tag means ``latest``."""
    return name in {wanted, f"{wanted}:latest"}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: it would carry the key to a server that the user did not choose."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return no new request."""


def _remote(facts: object) -> str | None:
    """Return the host or model to which Ollama passes requests on, from /api/show or a reply."""
    reply = _object(facts)
    where = reply.get("remote_host") or reply.get("remote_model")
    if not where:
        return None
    return clean_line(str(where), _LONGEST_NAME) or "another machine"


def _object(value: object) -> dict[str, Any]:
    """Return a JSON object as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _names(items: object, key: str) -> list[str] | None:
    """Return the names in a list of objects: printable ones only, and not endlessly many."""
    if not isinstance(items, list):
        return None
    names: list[str] = []
    for item in items:
        name = _object(item).get(key)
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
            continue
        if name.isprintable():
            names.append(name)
        if len(names) == _MOST_NAMES:
            break
    return names


def _context(value: object) -> int | None:
    """Return a stated context in tokens; None if it is no possible one."""
    return _within(_CONTEXTS, value)


def _within(possible: range, value: object) -> int | None:
    """Return a whole number in a range; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in possible:
        return None
    return value
