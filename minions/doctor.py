"""Checks before a question is asked, and what to type where one fails. Spends no token."""

from __future__ import annotations

import difflib
import platform
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minions._version import __version__
from minions.errors import MinionsError
from minions.network import probes
from minions.network.reference import ModelRef, is_loopback_url, shown_url
from minions.values.base import Value
from minions.wiring.lineup import (
    LOCAL,
    choose_models,
    endpoint_of,
    is_cloud,
    is_elsewhere,
    refuse_remote_worker,
    refuse_several_planners,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.settings import Settings

CheckStatus = Literal["ok", "warning", "problem"]
_SAMPLE_TOKENS = 1_000  # long prompts cost more per token
_MILLION = 1_000_000
_LITTLE_DISK_BYTES = 2_000_000_000
_SHOWN_MODELS = 6


class Check(Value):
    """The result of one check.

    ``fix`` says what to type. Only a ``problem`` keeps questions from being asked.
    """

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None


class Report(Value):
    """All checks; ``ready`` where a question could be asked."""

    ready: bool
    checks: tuple[Check, ...]


def examine(settings: Settings) -> Report:
    """Check this machine and the servers that the settings name, a few seconds each at most."""
    from minions.wiring.confine import within_reach

    version = f"minions {__version__}, Python {platform.python_version()}"
    checks = [Check(name="python", status="ok", detail=version), _home(settings)]
    try:
        planner, worker, notes = choose_models(settings)
        with within_reach(settings):
            checks += [
                *_planner(planner, settings, notes),
                *_price(planner, settings),
                *_worker(worker, settings),
            ]
    except MinionsError as error:
        checks.append(_problem("models", error.message, error.hint))
    ready = all(check.status != "problem" for check in checks)
    return Report(ready=ready, checks=tuple(checks))


def _problem(name: str, detail: str, fix: str | None) -> Check:
    return Check(name=name, status="problem", detail=detail, fix=fix)


def _home(settings: Settings) -> Check:
    home = settings.home_folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
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


def _planner(planner: str, settings: Settings, notes: tuple[str, ...]) -> Iterator[Check]:
    if planner == LOCAL:
        detail = "local: the worker also plans and decides, nothing is sent to a cloud"
        if notes:  # chosen for want of a planner, not by the user
            fix = "for a cloud planner: export OPENAI_API_KEY=..., or --planner openai:MODEL"
            yield Check(name="planner", status="warning", detail=detail, fix=fix)
        else:
            yield Check(name="planner", status="ok", detail=detail)
        return
    ref = ModelRef.parse(planner)
    try:
        refuse_several_planners(ref)
    except MinionsError as error:
        yield _problem("planner", error.message, error.hint)
        return
    yield from _model("planner", ref, settings)


def _price(planner: str, settings: Settings) -> Iterator[Check]:
    """Check that the price of a cloud planner is known."""
    if not is_cloud(planner, settings):
        return
    from minions.ledger.prices import PriceBook

    ref = ModelRef.parse(planner)
    book = PriceBook.parse(settings.prices)
    endpoint = endpoint_of(ref, settings)
    cost = book.bound_usd(str(ref), endpoint, input_tokens=_SAMPLE_TOKENS, output_tokens=0)
    if cost is None:
        detail = f"the price of {ref} is unknown: costs are not counted, and --max-cost is refused"
        fix = f"give it in dollars per million tokens, input/output: --price {ref}=2.50/15.00"
        yield Check(name="price", status="warning", detail=detail, fix=fix)
    else:
        million_usd = cost * (_MILLION // _SAMPLE_TOKENS)
        detail = f"{ref}: ${million_usd:.2f} per million input tokens"
        yield Check(name="price", status="ok", detail=detail)


def _worker(worker: str, settings: Settings) -> Iterator[Check]:
    """Check each server of the worker: its place, its model and its context."""
    reference = ModelRef.parse(worker)
    try:
        refuse_remote_worker(reference, settings)
    except MinionsError as error:
        yield _problem("worker", error.message, error.hint)
        return
    for ref in reference.each():
        if ref.provider in {"openai", "ollama"}:
            endpoint = endpoint_of(ref, settings)
            detail = f"{shown_url(endpoint)} is on this machine"
            status: CheckStatus = "ok"
            if not is_loopback_url(endpoint):
                detail = f"{shown_url(endpoint)} is NOT on this machine: it will read your "
                detail += "documents there"
                status = "warning"
            yield Check(name="locality", status=status, detail=detail)
        yield from _model("worker", ref, settings)


def _model(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    """Check that the model of a reference can be used."""
    if ref.provider == "openai":
        yield from _openai(role, ref, settings)
    elif ref.provider == "ollama":
        yield from _ollama(role, ref, settings)
    elif ref.provider == "llamacpp":
        yield from _embedded(role, ref, settings)
    elif Path(ref.model).expanduser().is_file():
        yield Check(name=role, status="ok", detail=f"{ref}: a script that stands in for a model")
    else:
        fix = "scripted:PATH names a JSON file with replies"
        yield _problem(role, f"{ref}: there is no such script", fix)


def _openai(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    """Check a server that speaks OpenAI's API: its address, the key, the model, its context."""
    endpoint = endpoint_of(ref, settings)
    shown = shown_url(endpoint)
    local = is_loopback_url(endpoint)
    key = ""
    if settings.openai_api_key is not None:
        key = settings.openai_api_key.get_secret_value()
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
        yield _slots(endpoint, key, settings)


def _among_served(role: str, ref: ModelRef, page: probes.Page, *, shown: str, local: bool) -> Check:
    """Check that a server's list of models holds the model."""
    names = probes.served_models(page)
    if names is None:
        detail = f"{shown} answers without a list of its models (HTTP {page.status}), so it is "
        detail += f"unknown if it has {ref.model}"
        fix = f"check that this is the address of the API: curl {shown}/models"
        return Check(name=role, status="warning", detail=detail, fix=fix)
    if local and len(names) == 1 and names != [ref.model]:
        served = names[0]
        detail = f"{shown} serves {served}; llama.cpp uses it, whatever name is asked for"
        fix = f"--{role} {ref.provider}:{served}@{shown}"
        return Check(name=role, status="warning", detail=detail, fix=fix)
    return _listed(role, ref, names, f"{shown} serves it", "choose one that is served:")


def _slots(endpoint: str, key: str, settings: Settings) -> Check:
    """Check the context and the slots of a llama.cpp server; other servers do not tell them."""
    given = probes.llama_slots(endpoint, api_key=key)
    if given is None:
        detail = "the server does not tell its context size and number of slots (llama.cpp does)"
        return Check(name="context", status="ok", detail=detail)
    slots = given.slots or 1
    context = given.context_tokens
    detail = f"{_slots_text(slots)}, context unknown"
    if context is not None:
        detail = f"{_slots_text(slots)}, {context:,} tokens of context each"
        if context < settings.context_tokens:
            wanted = settings.context_tokens
            return Check(
                name="context",
                status="warning",
                detail=f"{detail}; --context-tokens is {wanted:,}",
                fix=f"--context-tokens {context}, or start the server with -c {wanted * slots}",
            )
    jobs = settings.concurrency or 1
    if jobs > slots:
        detail += f"; of {jobs} jobs at the same time some would wait"
        fix = f"--concurrency {slots}, or start the server with --parallel {jobs}"
        return Check(name="context", status="warning", detail=detail, fix=fix)
    return Check(name="context", status="ok", detail=detail)


def _slots_text(slots: int) -> str:
    return "1 slot" if slots == 1 else f"{slots} slots"


def _ollama(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    """Check an Ollama server: that it runs, has the model, and runs it here; its context."""
    host = endpoint_of(ref, settings).rstrip("/")
    shown = shown_url(host)
    page = probes.fetch(f"{host}/api/version")
    if page.status is None:
        fix = "start it: ollama serve   (or give its address: export OLLAMA_HOST=...)"
        yield _problem(role, f"no Ollama answers at {shown}", fix)
        return
    version = "?"
    if isinstance(page.body, dict):
        version = page.body.get("version", "?")
    names: list[str] = []
    for name in probes.ollama_models(probes.fetch(f"{host}/api/tags")) or []:
        if probes.same_model(name, ref.model):
            names.append(name.removesuffix(":latest"))
        else:
            names.append(name)
    has_it = f"Ollama {version} at {shown} has it"
    listed = _listed(role, ref, names, has_it, f"ollama pull {ref.model}   or")
    yield listed
    if listed.status != "ok":
        return
    trained, loaded, is_remote = probes.ollama_context(host, ref.model)
    if is_remote and not is_elsewhere(ref, settings):
        fix = "choose a model that runs here, or name the cloud model itself: its tag ends in "
        fix += "-cloud"
        yield _problem("locality", f"{ref} does not run here: Ollama passes it on", fix)
    if role == "worker":
        yield _ollama_context(trained, loaded, settings)


def _ollama_context(trained: int | None, loaded: int | None, settings: Settings) -> Check:
    """Compare the context of a model of Ollama with that of the settings."""
    facts: list[str] = []
    if trained:
        facts.append(f"trained for {trained:,} tokens")
    if loaded:
        facts.append(f"loaded with {loaded:,}")
    known = ", ".join(facts) or "context unknown"
    detail = (
        f"{known}; --context-tokens is {settings.context_tokens:,}. "
        "Ollama does not tell how many requests it runs at the same time"
    )
    if trained is not None and trained < settings.context_tokens:
        fix = f"--context-tokens {trained}"
        return Check(name="context", status="warning", detail=detail, fix=fix)
    fix = "set that number before ollama serve: export OLLAMA_NUM_PARALLEL=N (default 1)"
    return Check(name="context", status="ok", detail=detail, fix=fix)


def _embedded(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    """Check a model that runs in this process: llama.cpp and the weights."""
    from minions.weights import catalogue, resolving

    if find_spec("xllamacpp") is None:
        fix = "pip install 'local-minions[embedded]'"
        yield _problem(role, f"{ref}: the built-in llama.cpp is not installed", fix)
    entry = catalogue.find(ref.model)
    if entry is None:
        yield _own_file(role, ref)
        return
    origin = None
    for status in resolving.list_models(settings.home_folder()):
        if status.entry == entry:
            origin = status.origin
    if origin is None:
        detail = f"{ref}: its weights are not on this machine"
        fix = f"minions models pull {entry.name}   ({entry.size_bytes / 1e9:.1f} GB)"
        if settings.fetch_weights and not settings.local_only:
            detail += ", and are downloaded when first used"
            yield Check(name=role, status="warning", detail=detail, fix=fix)
        else:
            yield _problem(role, detail, fix)
        return
    place = "downloaded" if origin == "cache" else "in installed packages"
    context = f"{settings.context_tokens:,} of {entry.context_tokens:,} tokens of context"
    slots = _slots_text(settings.concurrency or 1)
    detail = f"{ref}: runs in this process, weights {place}, {context}, {slots}"
    yield Check(name=role, status="ok", detail=detail)


def _own_file(role: str, ref: ModelRef) -> Check:
    """Check a model that is no known name, but may be a file of the user's."""
    if Path(ref.model).expanduser().is_file():
        return Check(name=role, status="ok", detail=f"{ref}: a file of your own")
    detail = f"{ref}: no such file, and no model known by this name"
    return _problem(role, detail, "minions models   lists the models known by name")


def _listed(role: str, ref: ModelRef, names: list[str], found: str, fix: str) -> Check:
    """Check that a list of names holds the model; the fix proposes the nearest name in it."""
    if ref.model in names:
        return Check(name=role, status="ok", detail=f"{ref}: {found}")
    near = difflib.get_close_matches(ref.model, names, n=_SHOWN_MODELS, cutoff=0.4)
    if not near:
        near = names[:_SHOWN_MODELS]
    if not near:
        detail = f"{ref} is not there; the server has no models"
        return _problem(role, detail, fix.removesuffix("   or"))
    place = f"@{ref.endpoint}" if ref.endpoint else ""
    detail = f"{ref} is not there; the server has {', '.join(near)}"
    return _problem(role, detail, f"{fix} --{role} {ref.provider}:{near[0]}{place}")
