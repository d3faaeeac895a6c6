"""A GGUF model in this process: llama.cpp's own server on a loopback port.

The server is the one that llama.cpp users run, so its prompt cache, schemas and token probabilities
are the same (docs/adr/0003). It is behind a key that only this process knows. A model is loaded on
first use, once per process, and freed when its last user closes.
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
    """All that one loaded model depends on: references with equal settings share the model.

    ``context_tokens`` are for each of the ``slots``; ``prompt_cache_mib`` is memory in MiB.
    """

    path: str
    name: str
    context_tokens: int
    slots: int
    threads: int
    prompt_cache_mib: int


class Engine:
    """One loaded model and its loopback server; ``users`` is the number of its users.

    Thread-safe. ``start`` and ``stop`` block.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.api_key = secrets.token_urlsafe(32)
        self.users = 0
        self._server: Any = None
        self._lock = threading.Lock()

    def start(self) -> str:
        """The server's address. The first call loads the model, which takes seconds.

        Raises ModelError.
        """
        with self._lock:
            if self._server is None:
                self._server = _serve(self.settings, self.api_key)
            address: str = self._server.listening_address
            return address

    def stop(self) -> None:
        """Free the model. A request in flight fails."""
        with self._lock:
            self._server = None


_engines: dict[EngineSettings, Engine] = {}
_engines_lock = threading.Lock()


def _release(engine: Engine) -> None:
    with _engines_lock:
        engine.users -= 1
        if engine.users:
            return
        del _engines[engine.settings]
    engine.stop()


class LlamaCppModel:
    """A ChatModel that runs in this process.

    ``open_llamacpp`` makes it. Its model is loaded by the first ``complete``, or by ``warm``.
    """

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
        """The model's reference: ``llamacpp:name``."""
        return str(self._ref)

    @property
    def endpoint(self) -> str:
        """``in-process``: nothing is sent to another machine."""
        return "in-process"

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer one request. Raises ModelError and nothing else."""
        return await (await self._open()).complete(request)

    async def warm(self) -> None:
        """Load the model now, so that the first request does not pay for it. Raises ModelError."""
        await self._open()

    async def aclose(self) -> None:
        """Close the connection, and free the model's memory if nothing else uses the model.

        May be called twice.
        """
        client = self._client
        engine = self._engine
        self._client = None
        self._engine = None
        if client is not None:
            await client.aclose()
        if engine is not None:
            await asyncio.to_thread(_release, engine)

    def release(self) -> None:
        """Free the model's memory if nothing else uses the model.

        It needs no event loop, and is for a model that never completed a request.
        """
        engine = self._engine
        self._engine = None
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
    """A model by its catalogue name or the path of a .gguf file.

    The file is found and verified here, and loaded on first use. ``context_tokens`` are for each of
    ``slots`` requests at a time. ``threads``: by default the physical cores that this process may
    use. ``prompt_cache_mib``: memory for the prompts of chunks that other chunks pushed out of a
    slot; 0 keeps none. ``progress`` is called while a file is copied or hashed.

    Raises ConfigError without xllamacpp or for an unknown name, ModelNotFoundError if the weights
    are missing or do not match the known hash.
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
        name=path.stem if entry is None else entry.name,
        context_tokens=context_tokens,
        slots=slots,
        threads=threads or physical_cores(),
        prompt_cache_mib=prompt_cache_mib,
    )
    with _engines_lock:
        engine = _engines.setdefault(settings, Engine(settings))
        engine.users += 1
    return LlamaCppModel(ref, engine, timeouts=timeouts)


def physical_cores() -> int:
    """The number of physical cores that this process may use, at least 1.

    llama.cpp's threads spin while they wait, so a second thread on the same core does not help.
    """
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    usable = affinity(0) if affinity else set(range(os.cpu_count() or 1))
    cores = {_siblings(cpu) for cpu in usable}
    return max(1, len(cores))


def _siblings(cpu: int) -> str:
    """The logical processors on the core of this one, as Linux lists them."""
    topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
    try:
        return (topology / "thread_siblings_list").read_text(encoding="ascii").strip()
    except OSError:
        return str(cpu)


def _serve(settings: EngineSettings, api_key: str) -> Any:
    """Start a private server with the model loaded. Raises ModelError.

    It listens on a free loopback port, asks for the key, has no web page, does not report its
    state, writes no log, and refuses a prompt that is too long instead of shifting its context.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings.path
    parameters.model_alias = {settings.name}
    parameters.n_ctx = settings.context_tokens * settings.slots
    parameters.n_parallel = settings.slots
    parameters.cpuparams.n_threads = settings.threads
    parameters.cpuparams_batch.n_threads = settings.threads
    parameters.cache_ram_mib = settings.prompt_cache_mib
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [api_key]
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.endpoint_metrics = False
    parameters.ctx_shift = False
    parameters.warmup = False
    parameters.verbosity = -1
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
