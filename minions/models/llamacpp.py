"""A GGUF model in this process: llama.cpp's own server on a loopback port, behind a key that nobody else knows.

The server is the one that llama.cpp users run, so its prompt cache, schemas and token probabilities are the same
(docs/adr/0003). Models are loaded on first use, once a process, and freed when their last user closes.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from minions.errors import ConfigError, ModelError
from minions.weights import catalogue, resolving

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.models.openai import OpenAIModel
    from minions.network.reference import ModelRef
    from minions.network.timeouts import Timeouts
    from minions.values.chat import ChatRequest, Completion
    from minions.weights.files import Progress

DEFAULT_CONTEXT_TOKENS = 4096
PROMPT_CACHE_MIB = 512
_log = structlog.get_logger()


class EngineSettings(NamedTuple):
    """What one loaded model depends on: two references with equal settings share it."""

    path: str
    name: str
    context_tokens: int
    slots: int
    threads: int
    prompt_cache_mib: int


class Engine:
    """One loaded model and its loopback server, shared by ``users``. Thread-safe; ``start`` and ``release`` block."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.api_key = secrets.token_urlsafe(32)
        self.users = 0
        self._server: Any = None
        self._lock = threading.Lock()

    def start(self) -> str:
        """The server's address; loads the model the first time, which takes seconds. Raises ModelError."""
        with self._lock:
            if self._server is None:
                self._server = _serve(self.settings, self.api_key)
            address: str = self._server.listening_address
            return address

    def stop(self) -> None:
        """Free the model. A request in flight is broken off."""
        with self._lock:
            self._server = None


_engines: dict[EngineSettings, Engine] = {}
_engines_lock = threading.Lock()


def _acquire(settings: EngineSettings) -> Engine:
    with _engines_lock:
        engine = _engines.setdefault(settings, Engine(settings))
        engine.users += 1
        return engine


def _release(engine: Engine) -> None:
    with _engines_lock:
        engine.users -= 1
        if engine.users:
            return
        del _engines[engine.settings]
    engine.stop()


class LlamaCppModel:
    """A ChatModel that runs in this process. Made by ``open_llamacpp``; loads on the first ``complete``."""

    def __init__(self, ref: ModelRef, engine: Engine, *, timeouts: Timeouts | None = None) -> None:
        self._ref = ref
        self._engine: Engine | None = engine
        self._timeouts = timeouts
        self._client: OpenAIModel | None = None
        self._opening = asyncio.Lock()
        self.settings = engine.settings

    def __repr__(self) -> str:
        return f"LlamaCppModel({self.reference!r})"

    @property
    def reference(self) -> str:
        """``llamacpp:name``."""
        return str(self._ref)

    @property
    def endpoint(self) -> str:
        """``in-process``: nothing leaves this machine."""
        return "in-process"

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer one request. Raises ModelError and nothing else."""
        return await (await self._open()).complete(request)

    async def warm(self) -> None:
        """Load the model now, so that the first request does not pay for it. Raises ModelError."""
        await self._open()

    async def aclose(self) -> None:
        """Close the connection, and free the model's memory if nobody else uses it. May be called twice."""
        client, self._client = self._client, None
        engine, self._engine = self._engine, None
        if client is not None:
            await client.aclose()
        if engine is not None:
            await asyncio.to_thread(_release, engine)

    def release(self) -> None:
        """Free the model's memory if nobody else uses it, without an event loop: for one that never completed."""
        engine, self._engine = self._engine, None
        if engine is not None:
            _release(engine)

    async def _open(self) -> OpenAIModel:
        async with self._opening:
            if self._engine is None:
                raise ModelError(f"{self.reference} was closed")
            if self._client is None:
                self._client = await self._connect(self._engine)
            return self._client

    async def _connect(self, engine: Engine) -> OpenAIModel:
        from minions.models.openai import OpenAIModel

        address = await asyncio.to_thread(engine.start)
        return OpenAIModel(
            self._ref.model_copy(update={"model": engine.settings.name}),
            base_url=f"{address}/v1",
            api_key=engine.api_key,
            timeout=self._timeouts,
            extra_body={"cache_prompt": True},
        )


async def open_llamacpp(
    ref: ModelRef,
    *,
    home: Path,
    context_tokens: int = DEFAULT_CONTEXT_TOKENS,
    slots: int = 1,
    threads: int | None = None,
    prompt_cache_mib: int = PROMPT_CACHE_MIB,
    timeouts: Timeouts | None = None,
    progress: Progress | None = None,
) -> LlamaCppModel:
    """A model by registry name or .gguf path; its file is found and verified here, and loaded on first use.

    ``context_tokens`` are for each of ``slots`` requests at a time. ``threads`` defaults to the physical cores this
    process may use. ``prompt_cache_mib`` of memory keep the prompts of chunks that other chunks pushed out of a slot;
    0 keeps none. ``progress`` hears of copying and hashing. Raises ConfigError without xllamacpp or for an unknown
    name, ModelNotFoundError without (right) weights.
    """
    if find_spec("xllamacpp") is None:
        raise ConfigError(
            f"{ref} needs the embedded llama.cpp, which is not installed",
            hint="pip install 'local-minions[embedded]'",
        )
    entry = catalogue.find(ref.model)
    if entry is not None and context_tokens > entry.context_tokens:
        raise ConfigError(
            f"{entry.name} reads {entry.context_tokens} tokens at most, not {context_tokens}"
        )
    path = await asyncio.to_thread(resolving.resolve, ref.model, home=home, progress=progress)
    settings = EngineSettings(
        path=str(path.resolve()),
        name=entry.name if entry else path.stem,
        context_tokens=context_tokens,
        slots=slots,
        threads=threads or physical_cores(),
        prompt_cache_mib=prompt_cache_mib,
    )
    return LlamaCppModel(ref, _acquire(settings), timeouts=timeouts)


def physical_cores() -> int:
    """The physical cores that this process may use, at least 1. llama.cpp spins its threads: siblings do not help."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    usable = affinity(0) if affinity else set(range(os.cpu_count() or 1))
    return max(1, len({_siblings(cpu) for cpu in usable}))


def _siblings(cpu: int) -> str:
    try:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        return (topology / "thread_siblings_list").read_text(encoding="ascii").strip()
    except OSError:
        return str(cpu)


def _serve(settings: EngineSettings, api_key: str) -> Any:
    import xllamacpp

    parameters = _parameters(xllamacpp.CommonParams(), settings, api_key)
    try:
        server = xllamacpp.Server(parameters)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"llama.cpp cannot load {settings.path}: {error}",
            hint="is it a whole GGUF file, and is there memory for it? A smaller context helps",
        ) from error
    _log.info(
        "model_loaded",
        model=settings.name,
        context_tokens=settings.context_tokens,
        threads=settings.threads,
    )
    return server


def _parameters(parameters: Any, settings: EngineSettings, api_key: str) -> Any:
    """Loopback only, any free port, a key, no web page, no introspection, no log, no shifting of the context."""
    parameters.model.path = settings.path
    parameters.model_alias = {settings.name}
    parameters.n_ctx = settings.context_tokens * settings.slots
    parameters.n_parallel = settings.slots
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
    parameters.cache_ram_mib = settings.prompt_cache_mib
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [api_key]
    parameters.ui = parameters.endpoint_slots = parameters.endpoint_metrics = (
        parameters.ctx_shift
    ) = False
    parameters.warmup = False
    parameters.verbosity = -1
    return parameters
