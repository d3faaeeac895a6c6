"""Checks before a question is asked, and what to type where one fails. Spends no token."""

from __future__ import annotations

import difflib
import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minions._version import __version__
from minions.errors import MinionsError
from minions.network import probes
from minions.network.reference import is_loopback_url, shown_url
from minions.store.private import private_folder
from minions.values.base import Value
from minions.wiring.confine import within_reach
from minions.wiring.lineup import Lineup, refuse_several_endpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.ledger.prices import PriceBook
    from minions.network.endpoints import Endpoints
    from minions.network.reference import ModelRef
    from minions.settings import Settings

CheckStatus = Literal["ok", "warning", "problem"]
_SAMPLE_TOKENS = 1_000  # long prompts cost more per token
_MILLION = 1_000_000
_LITTLE_DISK_BYTES = 2_000_000_000
_SHOWN_MODELS = 6
_COMPARED_MODELS = 1_000
# People paste a fix into a shell: of all that a server says, only plain names are quoted there.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,100}")


class Check(Value):
    """The result of one check.

    ``fix`` says what to type. Only a ``problem`` keeps questions from being asked.
    """

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None


class Report(Value):
    """All checks; ``ready`` is true if a question could be asked."""

    ready: bool
    checks: tuple[Check, ...]


def examine(settings: Settings) -> Report:
    """Check this machine and the servers that the settings name, a few seconds each at most."""
    version = f"minions {__version__}, Python {platform.python_version()}"
    checks = [Check(name="python", status="ok", detail=version), _home(settings)]
    try:
        lineup = Lineup.unchecked(settings)
        wanted = _Wanted.of(settings, lineup.endpoints)
        with within_reach(lineup.hosts, local_only=settings.local_only):
            checks += [
                *_planner(lineup, wanted),
                *_price(lineup, settings.price_book()),
                *_worker(lineup, wanted),
            ]
    except MinionsError as error:
        checks.append(_problem("models", error.message, error.hint))
    ready = all(check.status != "problem" for check in checks)
    return Report(ready=ready, checks=tuple(checks))


@dataclass(frozen=True)
class _Wanted:
    """The requirements of the settings, to compare with the capacity of the models' servers.

    ``jobs`` is the number of jobs at the same time; ``downloads``: missing weights are downloaded
    when first used.
    """

    endpoints: Endpoints
    context_tokens: int
    jobs: int
    home: Path
    downloads: bool

    @classmethod
    def of(cls, settings: Settings, endpoints: Endpoints) -> _Wanted:
        return cls(
            endpoints=endpoints,
            context_tokens=settings.context_tokens,
            jobs=settings.concurrency or 1,
            home=settings.home_folder(),
            downloads=settings.fetch_weights and not settings.local_only,
        )


def _problem(name: str, detail: str, fix: str | None) -> Check:
    return Check(name=name, status="problem", detail=detail, fix=fix)


def _home(settings: Settings) -> Check:
    home = settings.home_folder()
    try:
        private_folder(home)
        with tempfile.TemporaryFile(dir=home):
            free = shutil.disk_usage(home).free
    except OSError as error:
        return _problem(
            "home",
            f"{home} cannot be written: {error.strerror}",
            "choose another folder: --home DIR, or export MINIONS_HOME=DIR",
        )
    detail = f"{home}, {free / 1e9:.1f} GB free"
    if free < _LITTLE_DISK_BYTES:
        fix = "free some space, or choose another disk: --home DIR"
        return Check(name="home", status="warning", detail=detail, fix=fix)
    return Check(name="home", status="ok", detail=detail)


def _planner(lineup: Lineup, wanted: _Wanted) -> Iterator[Check]:
    """Check the model that plans and decides."""
    if lineup.planner is None:
        detail = "local: the worker also plans and decides, nothing is sent to a cloud"
        if lineup.notes:  # chosen for want of a planner, not by the user
            fix = "for a cloud planner: export OPENAI_API_KEY=..., or --planner openai:MODEL"
            yield Check(name="planner", status="warning", detail=detail, fix=fix)
        else:
            yield Check(name="planner", status="ok", detail=detail)
        return
    try:
        refuse_several_endpoints(lineup.planner)
    except MinionsError as error:
        yield _problem("planner", error.message, error.hint)
        return
    yield from _model("planner", lineup.planner, wanted)


def _price(lineup: Lineup, prices: PriceBook) -> Iterator[Check]:
    """Check that the price of a cloud planner is known."""
    if not lineup.planner_is_cloud:
        return
    ref = lineup.planner_name
    cost = prices.bound_usd(*lineup.priced, input_tokens=_SAMPLE_TOKENS, output_tokens=0)
    if cost is None:
        detail = f"the price of {ref} is unknown: costs are not counted, and --max-cost is refused"
        fix = f"give it in dollars per million tokens, input/output: --price {ref}=2.50/15.00"
        yield Check(name="price", status="warning", detail=detail, fix=fix)
    else:
        million_usd = cost * (_MILLION // _SAMPLE_TOKENS)
        detail = f"{ref}: ${million_usd:.2f} per million input tokens"
        yield Check(name="price", status="ok", detail=detail)


def _worker(lineup: Lineup, wanted: _Wanted) -> Iterator[Check]:
    """Check each server of the worker: its place, its model and its context."""
    try:
        lineup.refuse_remote_worker()
    except MinionsError as error:
        yield _problem("worker", error.message, error.hint)
        return
    for ref in lineup.worker.each():
        if ref.provider in {"openai", "ollama"}:
            endpoint = wanted.endpoints.url_of(ref)
            detail = f"{shown_url(endpoint)} is on this machine"
            status: CheckStatus = "ok"
            if not is_loopback_url(endpoint):
                detail = f"{shown_url(endpoint)} is NOT on this machine: it will read your "
                detail += "documents there"
                status = "warning"
            yield Check(name="locality", status=status, detail=detail)
        yield from _model("worker", ref, wanted)


def _model(role: str, ref: ModelRef, wanted: _Wanted) -> Iterator[Check]:
    """Check that the model of a reference can be used."""
    if ref.provider == "openai":
        yield from _openai(role, ref, wanted)
    elif ref.provider == "ollama":
        yield from _ollama(role, ref, wanted)
    elif ref.provider == "llamacpp":
        yield from _embedded(role, ref, wanted)
    elif Path(ref.model).expanduser().is_file():
        yield Check(name=role, status="ok", detail=f"{ref}: a script that stands in for a model")
    else:
        fix = "scripted:PATH names a JSON file with replies"
        yield _problem(role, f"{ref}: there is no such script", fix)


def _openai(role: str, ref: ModelRef, wanted: _Wanted) -> Iterator[Check]:
    """Check a server that speaks OpenAI's API: its address, the key, the model, its context."""
    endpoint = wanted.endpoints.url_of(ref)
    shown = shown_url(endpoint)
    local = is_loopback_url(endpoint)
    key = wanted.endpoints.openai_key
    if not key and not local:
        fix = "export OPENAI_API_KEY=..., or stay on this machine: --local-only"
        yield _problem(role, f"{ref} needs an API key for {shown}", fix)
        return
    page = probes.fetch(f"{endpoint.rstrip('/')}/models", api_key=key)
    if page.status is None:
        start = "start the server" if local else "check the network"
        fix = f"{start}, or correct the address: export OPENAI_BASE_URL=..."
        yield _problem(role, f"no server answers at {shown}", fix)
        return
    if page.refused_key:
        fix = "export OPENAI_API_KEY=... (the key that this server expects)"
        yield _problem(role, f"{shown} rejects the API key (HTTP {page.status})", fix)
        return
    yield _among_served(role, ref, page, shown=shown, local=local)
    if role == "worker":
        yield _slots(endpoint, key, wanted)


def _among_served(role: str, ref: ModelRef, page: probes.Page, *, shown: str, local: bool) -> Check:
    """Check that a server's list of models holds the model."""
    names = probes.served_models(page)
    if names is None:
        detail = f"{shown} answers without a list of its models (HTTP {page.status}), so it is "
        detail += f"unknown if it has {ref.model}"
        address = f"check that this is the address of the API: curl {shown}/models"
        return Check(name=role, status="warning", detail=detail, fix=address)
    if local and len(names) == 1 and names != [ref.model]:
        served = names[0]
        detail = f"{shown} serves {_quoted(served)}; llama.cpp uses it, whatever name is asked for"
        fix: str | None = None
        if _PLAIN_NAME.fullmatch(served):
            fix = f"--{role} {ref.provider}:{served}@{shown}"
        return Check(name=role, status="warning", detail=detail, fix=fix)
    return _listed(role, ref, names, f"{shown} serves it", "choose one that is served")


def _slots(endpoint: str, key: str, wanted: _Wanted) -> Check:
    """Check the context and the slots of a llama.cpp server; other servers do not report them."""
    given = probes.llama_slots(endpoint, api_key=key)
    if given is None:
        detail = "the server does not tell its context size and number of slots (llama.cpp does)"
        return Check(name="context", status="ok", detail=detail)
    slots = given.slots or 1
    context = given.context_tokens
    detail = f"{_slots_text(slots)}, context unknown"
    if context is not None:
        detail = f"{_slots_text(slots)}, {context:,} tokens of context each"
        if context < wanted.context_tokens:
            size = wanted.context_tokens * slots
            return Check(
                name="context",
                status="warning",
                detail=f"{detail}; --context-tokens is {wanted.context_tokens:,}",
                fix=f"--context-tokens {context}, or start the server with -c {size}",
            )
    jobs = wanted.jobs
    if jobs > slots:
        detail += f"; of {jobs} jobs at the same time some would wait"
        fix = f"--concurrency {slots}, or start the server with --parallel {jobs}"
        return Check(name="context", status="warning", detail=detail, fix=fix)
    return Check(name="context", status="ok", detail=detail)


def _slots_text(slots: int) -> str:
    return "1 slot" if slots == 1 else f"{slots} slots"


def _ollama(role: str, ref: ModelRef, wanted: _Wanted) -> Iterator[Check]:
    """Check an Ollama server: that it runs, has the model, and runs it here; its context."""
    host = wanted.endpoints.url_of(ref).rstrip("/")
    shown = shown_url(host)
    page = probes.fetch(f"{host}/api/version")
    if page.status is None:
        fix = "start it: ollama serve   (or give its address: export OLLAMA_HOST=...)"
        yield _problem(role, f"no Ollama answers at {shown}", fix)
        return
    version = "?"
    if isinstance(page.body, dict):
        stated = page.body.get("version")
        if isinstance(stated, str) and _PLAIN_NAME.fullmatch(stated):
            version = stated
    names: list[str] = []
    for name in probes.ollama_models(probes.fetch(f"{host}/api/tags")) or []:
        if probes.same_model(name, ref.model):
            names.append(name.removesuffix(":latest"))
        else:
            names.append(name)
    has_it = f"Ollama {version} at {shown} has it"
    listed = _listed(role, ref, names, has_it, f"ollama pull {ref.model}")
    yield listed
    if listed.status != "ok":
        return
    trained, loaded, is_remote = probes.ollama_context(host, ref.model)
    if is_remote and not wanted.endpoints.is_elsewhere(ref):
        fix = "choose a model that runs here, or name the cloud model itself: its tag ends in "
        fix += "-cloud"
        yield _problem("locality", f"{ref} does not run here: Ollama passes it on", fix)
    if role == "worker":
        yield _ollama_context(trained, loaded, wanted)


def _ollama_context(trained: int | None, loaded: int | None, wanted: _Wanted) -> Check:
    """Compare the context of a model of Ollama with that of the settings."""
    facts: list[str] = []
    if trained:
        facts.append(f"trained for {trained:,} tokens")
    if loaded:
        facts.append(f"loaded with {loaded:,}")
    known = ", ".join(facts) or "context unknown"
    detail = (
        f"{known}; --context-tokens is {wanted.context_tokens:,}. "
        "Ollama does not tell how many requests it runs at the same time"
    )
    if trained is not None and trained < wanted.context_tokens:
        fix = f"--context-tokens {trained}"
        return Check(name="context", status="warning", detail=detail, fix=fix)
    fix = "set that number before ollama serve: export OLLAMA_NUM_PARALLEL=N (default 1)"
    return Check(name="context", status="ok", detail=detail, fix=fix)


def _embedded(role: str, ref: ModelRef, wanted: _Wanted) -> Iterator[Check]:
    """Check a model that runs in this process: llama.cpp and the weights."""
    from minions.weights import catalogue, resolving

    if find_spec("xllamacpp") is None:
        fix = "pip install 'local-minions[embedded]'"
        yield _problem(role, f"{ref}: the built-in llama.cpp is not installed", fix)
    entry = catalogue.find(ref.model)
    if entry is None:
        if Path(ref.model).expanduser().is_file():
            yield Check(name=role, status="ok", detail=f"{ref}: a file of your own")
        else:
            detail = f"{ref}: no such file, and no model known by this name"
            yield _problem(role, detail, "minions models   lists the models known by name")
        return
    origin = None
    for status in resolving.list_models(wanted.home):
        if status.entry == entry:
            origin = status.origin
    if origin is None:
        detail = f"{ref}: its weights are not on this machine"
        fix = f"minions models pull {entry.name}   ({entry.size_bytes / 1e9:.1f} GB)"
        if wanted.downloads:
            detail += ", and are downloaded when first used"
            yield Check(name=role, status="warning", detail=detail, fix=fix)
        else:
            yield _problem(role, detail, fix)
        return
    place = "downloaded" if origin == "cache" else "in installed packages"
    context = f"{wanted.context_tokens:,} of {entry.context_tokens:,} tokens of context"
    slots = _slots_text(wanted.jobs)
    detail = f"{ref}: runs in this process, weights {place}, {context}, {slots}"
    yield Check(name=role, status="ok", detail=detail)


def _listed(role: str, ref: ModelRef, names: list[str], found: str, fix: str) -> Check:
    """Check that a list of names holds the model; the fix proposes the nearest plain name in it."""
    if ref.model in names:
        return Check(name=role, status="ok", detail=f"{ref}: {found}")
    compared = names[:_COMPARED_MODELS]
    near = difflib.get_close_matches(ref.model, compared, n=_SHOWN_MODELS, cutoff=0.4)
    if not near:
        near = names[:_SHOWN_MODELS]
    if not near:
        detail = f"{ref} is not there; the server has no models"
        return _problem(role, detail, fix)
    place = f"@{ref.endpoint}" if ref.endpoint else ""
    detail = f"{ref} is not there; the server has {', '.join(map(_quoted, near))}"
    for name in near:
        if _PLAIN_NAME.fullmatch(name):
            joint = "   or" if ref.provider == "ollama" else ":"
            fix = f"{fix}{joint} --{role} {ref.provider}:{name}{place}"
            break
    return _problem(role, detail, fix)


def _quoted(name: str) -> str:
    """Return a server's name for a sentence: in quotes if it could be taken for a part of it."""
    return name if _PLAIN_NAME.fullmatch(name) else repr(name)
