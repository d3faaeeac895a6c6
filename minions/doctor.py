"""What works and what does not, before a question is asked, and what to type to mend it. Spends no token."""

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
_SAMPLE_TOKENS = 1_000  # long prompts cost more a token
_LITTLE_DISK_BYTES = 2_000_000_000
_SHOWN_MODELS = 6


class Check(Value):
    """One thing looked at. ``fix`` says what to type. Only a ``problem`` keeps questions from being asked."""

    name: str
    status: CheckStatus
    detail: str
    fix: str | None = None


class Report(Value):
    """All checks; ``ready`` when a question could be asked."""

    ready: bool
    checks: tuple[Check, ...]


def examine(settings: Settings) -> Report:
    """Look at this machine and at the endpoints that ``settings`` choose, a few seconds each at most."""
    from minions.wiring.confine import within_reach

    checks = [_python(), *_home(settings)]
    try:
        planner, worker, notes = choose_models(settings)
        from minions.wiring.lineup import Lineup

        with within_reach(Lineup.unchecked(settings).hosts, local_only=settings.local_only):
            checks += [
                *_planner(planner, settings, notes),
                *_price(planner, settings),
                *_worker(worker, settings),
            ]
    except MinionsError as error:
        checks.append(Check(name="models", status="problem", detail=error.message, fix=error.hint))
    return Report(ready=all(check.status != "problem" for check in checks), checks=tuple(checks))


def _python() -> Check:
    return Check(
        name="python",
        status="ok",
        detail=f"minions {__version__}, Python {platform.python_version()}",
    )


def _home(settings: Settings) -> Iterator[Check]:
    home = settings.home_folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            free = shutil.disk_usage(home).free
    except OSError as error:
        fix = "choose another folder: --home DIR, or export MINIONS_HOME=DIR"
        yield Check(
            name="home",
            status="problem",
            detail=f"{home} cannot be written: {error.strerror}",
            fix=fix,
        )
        return
    little = free < _LITTLE_DISK_BYTES
    yield Check(
        name="home",
        status="warning" if little else "ok",
        detail=f"{home}, {free / 1e9:.1f} GB free",
        fix="free some space, or choose another disk: --home DIR" if little else None,
    )


def _planner(planner: str, settings: Settings, notes: tuple[str, ...]) -> Iterator[Check]:
    if planner == LOCAL:
        detail = "local: the worker plans and decides, nothing goes to a cloud"
        fix = (
            "for a cloud planner: export OPENAI_API_KEY=..., or --planner openai:MODEL"
            if notes
            else None
        )
        yield Check(name="planner", status="warning" if notes else "ok", detail=detail, fix=fix)
        return
    ref = ModelRef.parse(planner)
    try:
        refuse_several_planners(ref)
    except MinionsError as error:
        yield Check(name="planner", status="problem", detail=error.message, fix=error.hint)
        return
    yield from _served("planner", ref, settings)


def _price(planner: str, settings: Settings) -> Iterator[Check]:
    if not is_cloud(planner, settings):
        return
    from minions.ledger.prices import PriceBook

    ref = ModelRef.parse(planner)
    book = PriceBook.parse(settings.prices)
    cost = book.bound_usd(
        str(ref), endpoint_of(ref, settings), input_tokens=_SAMPLE_TOKENS, output_tokens=0
    )
    if cost is None:
        fix = f"state it, in dollars per million tokens: --price {ref}=2.50/15.00"
        detail = f"the price of {ref} is unknown: costs are not counted, and --max-cost is refused"
        yield Check(name="price", status="warning", detail=detail, fix=fix)
    else:
        yield Check(
            name="price",
            status="ok",
            detail=f"{ref}: ${cost * (1_000_000 // _SAMPLE_TOKENS):.2f} per million input tokens",
        )


def _worker(worker: str, settings: Settings) -> Iterator[Check]:
    ref = ModelRef.parse(worker)
    try:
        refuse_remote_worker(ref, settings)
    except MinionsError as error:
        yield Check(name="worker", status="problem", detail=error.message, fix=error.hint)
        return
    for each in ref.each():
        endpoint = endpoint_of(each, settings)
        if ref.provider in {"openai", "ollama"}:
            local = is_loopback_url(endpoint)
            where = (
                "is on this machine"
                if local
                else "is NOT on this machine: it will read your documents there"
            )
            yield Check(
                name="locality",
                status="ok" if local else "warning",
                detail=f"{shown_url(endpoint)} {where}",
            )
        yield from _served("worker", each, settings)


def _served(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    """Whether the model of a reference can be had."""
    if ref.provider == "openai":
        yield from _openai(role, ref, settings)
    elif ref.provider == "ollama":
        yield from _ollama(role, ref, settings)
    elif ref.provider == "llamacpp":
        yield from _embedded(role, ref, settings)
    else:
        found = Path(ref.model).expanduser().is_file()
        detail = f"{ref}: a script, no model" if found else f"{ref}: there is no such script"
        fix = None if found else "scripted:PATH names a JSON file with replies"
        yield Check(name=role, status="ok" if found else "problem", detail=detail, fix=fix)


def _openai(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    endpoint = endpoint_of(ref, settings)
    shown, local = shown_url(endpoint), is_loopback_url(endpoint)
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    if not key and not local:
        fix = "export OPENAI_API_KEY=..., or stay on this machine: --local-only"
        yield Check(
            name=role, status="problem", detail=f"{ref} needs an API key for {shown}", fix=fix
        )
        return
    page = probes.fetch(f"{endpoint.rstrip('/')}/models", api_key=key)
    if page.status is None:
        start = "start the server, or " if local else "check the network, or "
        fix = f"{start}correct the address: export OPENAI_BASE_URL=..."
        yield Check(name=role, status="problem", detail=f"nothing answers at {shown}", fix=fix)
        return
    if page.refused_key:
        fix = "export OPENAI_API_KEY=... (the key that this endpoint expects)"
        yield Check(
            name=role, status="problem", detail=f"{shown} refuses the key ({page.status})", fix=fix
        )
        return
    names = probes.served_models(page)
    if names is None:
        detail = f"{shown} answers, but does not list its models ({page.status}): whether it has {ref.model} is unknown"
        yield Check(
            name=role,
            status="warning",
            detail=detail,
            fix=f"is this the API's address? curl {shown}/models",
        )
    elif local and len(names) == 1 and names != [ref.model]:
        detail = f"{shown} serves {names[0]}; llama.cpp answers with it whatever name is asked for"
        yield Check(
            name=role,
            status="warning",
            detail=detail,
            fix=f"--{role} {ref.provider}:{names[0]}@{shown}",
        )
    else:
        yield _listed(role, ref, names, f"{shown} serves it", "choose one that is served:")
    if role == "worker":
        yield from _slots(endpoint, key, settings)


def _slots(endpoint: str, key: str, settings: Settings) -> Iterator[Check]:
    given = probes.llama_slots(endpoint, api_key=key)
    if given is None:
        detail = "the server does not say how much context and how many slots it gives (llama.cpp does: /props, /slots)"
        yield Check(name="context", status="ok", detail=detail)
        return
    slots, context = given.slots or 1, given.context_tokens
    each = f"{context:,} tokens of context each" if context else "context unknown"
    detail = f"{slots} slot{'s' * (slots != 1)}, {each}"
    if context is not None and context < settings.context_tokens:
        yield Check(
            name="context",
            status="warning",
            detail=f"{detail}; {settings.context_tokens:,} are asked for",
            fix=f"--context-tokens {context}, or start the server with -c {settings.context_tokens * slots}",
        )
        return
    wanted = settings.concurrency or 1
    if wanted > slots:
        fix = f"--concurrency {slots}, or start the server with --parallel {wanted}"
        detail = f"{detail}; {wanted} jobs at a time would wait for each other"
        yield Check(name="context", status="warning", detail=detail, fix=fix)
        return
    yield Check(name="context", status="ok", detail=detail, fix=None)


def _ollama(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    host = endpoint_of(ref, settings).rstrip("/")
    page = probes.fetch(f"{host}/api/version")
    if page.status is None:
        fix = "start it: ollama serve   (or say where it is: export OLLAMA_HOST=...)"
        yield Check(
            name=role, status="problem", detail=f"no Ollama answers at {shown_url(host)}", fix=fix
        )
        return
    version = page.body.get("version", "?") if isinstance(page.body, dict) else "?"
    names = probes.ollama_models(probes.fetch(f"{host}/api/tags")) or []
    matching = [
        name.removesuffix(":latest") if probes.same_model(name, ref.model) else name
        for name in names
    ]
    listed = _listed(
        role,
        ref,
        matching,
        f"Ollama {version} at {shown_url(host)} has it",
        f"ollama pull {ref.model}   or",
    )
    yield listed
    if listed.status != "ok":
        return
    trained, loaded, remote = probes.ollama_context(host, ref.model)
    if remote and not is_elsewhere(ref, settings):
        fix = (
            "choose a model that runs here, or name the cloud model itself: its tag ends in -cloud"
        )
        yield Check(
            name="locality",
            status="problem",
            detail=f"{ref} does not run here: Ollama passes it on",
            fix=fix,
        )
    if role != "worker":
        return
    parts = [
        f"trained for {trained:,} tokens" if trained else "",
        f"loaded with {loaded:,}" if loaded else "",
    ]
    facts = ", ".join(part for part in parts if part) or "context unknown"
    detail = (
        f"{facts}; {settings.context_tokens:,} are asked for. "
        "Ollama does not say how many requests it runs at a time"
    )
    small = trained is not None and trained < settings.context_tokens
    fix = (
        f"--context-tokens {trained}"
        if small
        else "export OLLAMA_NUM_PARALLEL=N sets it (default 1), for ollama serve"
    )
    yield Check(name="context", status="warning" if small else "ok", detail=detail, fix=fix)


def _embedded(role: str, ref: ModelRef, settings: Settings) -> Iterator[Check]:
    from minions.weights import catalogue, resolving

    if find_spec("xllamacpp") is None:
        fix = "pip install 'local-minions[embedded]'"
        yield Check(
            name=role,
            status="problem",
            detail=f"{ref}: the embedded llama.cpp is not installed",
            fix=fix,
        )
    entry = catalogue.find(ref.model)
    if entry is None:
        path = Path(ref.model).expanduser()
        detail = f"{ref}: {'a file of your own' if path.is_file() else 'no such file, and no model known by this name'}"
        known = None if path.is_file() else "minions models   lists the models known by name"
        yield Check(
            name=role, status="ok" if path.is_file() else "problem", detail=detail, fix=known
        )
        return
    found = next(
        item for item in resolving.list_models(settings.home_folder()) if item.entry == entry
    )
    if found.origin is None:
        fix = f"minions models pull {entry.name}   ({entry.size_bytes / 1e9:.1f} GB)"
        fetched = settings.fetch_weights and not settings.local_only
        detail = f"{ref}: its weights are not on this machine" + (
            ", and are fetched when first used" if fetched else ""
        )
        yield Check(name=role, status="warning" if fetched else "problem", detail=detail, fix=fix)
        return
    origin = "in the cache" if found.origin == "cache" else "in installed packages"
    context = f"{settings.context_tokens:,} of {entry.context_tokens:,} tokens of context"
    slots = settings.concurrency or 1
    detail = f"{ref}: runs in this process, weights {origin}, {context}, {slots} slot{'s' * (slots != 1)}"
    yield Check(name=role, status="ok", detail=detail)


def _listed(role: str, ref: ModelRef, names: list[str], here: str, fix: str) -> Check:
    """Whether a list of names holds the model; where not, the nearest names that it holds."""
    if ref.model in names:
        return Check(name=role, status="ok", detail=f"{ref}: {here}")
    near = (
        difflib.get_close_matches(ref.model, names, n=_SHOWN_MODELS, cutoff=0.4)
        or names[:_SHOWN_MODELS]
    )
    at = f"@{ref.endpoint}" if ref.endpoint else ""
    return Check(
        name=role,
        status="problem",
        detail=f"{ref} is not there; the server has {', '.join(near) or 'nothing'}",
        fix=f"{fix} --{role} {ref.provider}:{near[0]}{at}" if near else fix.removesuffix("   or"),
    )
