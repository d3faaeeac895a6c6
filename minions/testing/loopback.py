"""A model server on this machine without a model: two protocols over real sockets, faults to order."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from minions.errors import (
    AuthenticationError,
    ContextOverflowError,
    DeadlineError,
    FormatUnsupportedError,
    MalformedReplyError,
    ModelError,
    ModelNotFoundError,
    RateLimitedError,
    ServerError,
    UnreachableError,
)
from minions.models.scripted import Script
from minions.models.usage import estimated_prompt_tokens
from minions.testing import faults, protocols
from minions.testing.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from minions.models.scripted import Replier, Reply, Rule
    from minions.testing.protocols import Protocol
    from minions.values.chat import ChatRequest, Completion, Usage

_CHATS: dict[str, Protocol] = {
    "/v1/chat/completions": "openai",
    "/chat/completions": "openai",
    "/api/chat": "ollama",
}
_RESET = struct.pack("ii", 1, 0)
_POLL_S = 0.02


@dataclass(frozen=True)
class Received:
    """A request as it came: header names in lower case, the body's exact bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class LoopbackServer:
    """A context manager: a server on 127.0.0.1 that answers chats from a script, as ScriptedModel does.

    ``url`` is for Ollama clients, ``openai_url`` (``url`` and ``/v1``) for OpenAI ones; both speak to the same script.
    ``requests`` and ``usages`` keep, in order, each chat request (refused ones too) and each usage that was reported;
    ``other_requests`` the rest. A ModelError in the script becomes the matching HTTP reply.

    ``api_key``: others get 401. ``models``: others get 404 (empty: all are served). ``refuses``: response formats and
    parameters that get 400, e.g. ``{"json_schema", "logprobs", "max_tokens"}``. ``context_tokens``: longer prompts get
    400 from the OpenAI side and are cut in silence by the Ollama side. ``reports_usage``: False leaves the usage out.
    ``faulty``: called with the number of each chat request, those that ``fail_next`` fails left out; a fault that it
    returns is the answer (`minions.testing.faults.storm` makes one). ``slots``: requests at a time, as llama.cpp tells
    them; no limit. ``port``: 0 takes any; a fixed one is for a server that comes back to its address: it may be entered
    again after it was left.
    """

    def __init__(  # noqa: PLR0913 - what a server can be like, all of it optional
        self,
        replies: Iterable[Reply | Replier] | Replier = (),
        *,
        rules: Sequence[Rule] = (),
        default: Reply | None = None,
        api_key: str | None = None,
        models: Collection[str] = (),
        refuses: Collection[str] = (),
        context_tokens: int | None = None,
        reports_usage: bool = True,
        faulty: Callable[[int], Fault | None] | None = None,
        slots: int = 1,
        port: int = 0,
    ) -> None:
        self._script = Script(replies, rules=rules, default=default)
        self.api_key = api_key
        self.models = tuple(models)
        self.refuses = frozenset(refuses)
        self.context_tokens = context_tokens
        self.reports_usage = reports_usage
        self.faulty = faulty
        self.slots = slots
        self.port = port
        self.requests: list[Received] = []
        self.other_requests: list[Received] = []
        self.usages: list[Usage] = []
        self._faults: deque[Fault] = deque()
        self._asked = 0  # of the weather; ``requests`` may be cleared
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL_S},
            name="loopback",
            daemon=True,
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
            self._server = self._thread = None

    @property
    def url(self) -> str:
        """The server's root, e.g. ``http://127.0.0.1:40123``. Raises RuntimeError outside of the ``with`` block."""
        if self._server is None:
            raise RuntimeError("a LoopbackServer answers inside its `with` block only")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """The base URL for OpenAI clients."""
        return f"{self.url}/v1"

    def fail_next(self, *planned: Fault) -> None:
        """Answer the next chat requests with these faults, one each; then properly again."""
        self._faults.extend(planned)

    def chat(self, protocol: Protocol, received: Received) -> Fault | dict[str, Any]:
        """Decide about one chat request: the JSON of a reply, or a fault."""
        with self._lock:  # scripts and records keep their order, whatever the clients' concurrency
            self.requests.append(received)
            fault = self._faults.popleft() if self._faults else self._weather()
            if fault is not None:
                return fault
            if (
                self.api_key is not None
                and received.headers.get("authorization") != f"Bearer {self.api_key}"
            ):
                return faults.wrong_key()
            try:
                body = received.json
                request = (
                    protocols.read_openai(body)
                    if protocol == "openai"
                    else protocols.read_ollama(body)
                )
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                return faults.refused(f"not a chat request: {error}")
            return self._unfit(protocol, body, request) or self._reply(protocol, body, request)

    def get(self, path: str) -> dict[str, Any] | list[Any] | None:
        """The JSON of the protocols' other pages; None where there is none."""
        names = self.models or ("scripted",)
        window = self.context_tokens or 4096
        pages: dict[str, dict[str, Any] | list[Any]] = {
            "/v1/models": {
                "object": "list",
                "data": [{"id": name, "object": "model"} for name in names],
            },
            "/props": {
                "default_generation_settings": {"n_ctx": window},
                "total_slots": self.slots,
                "model_path": names[0],
            },
            "/slots": [
                {"id": number, "n_ctx": window, "is_processing": False}
                for number in range(self.slots)
            ],
            "/health": {"status": "ok"},
            "/api/tags": {"models": [{"name": name, "model": name, "size": 1} for name in names]},
            "/api/ps": {
                "models": [
                    {"name": name, "model": name, "context_length": window} for name in names
                ]
            },
            "/api/version": {"version": "0.0.0-loopback"},
        }
        return pages.get(path)

    def post(self, path: str, body: Any) -> dict[str, Any] | Fault | None:
        """The JSON of the protocols' other commands; None where there is none."""
        if path == "/tokenize":
            return {"tokens": list(str(body.get("content", "")).encode())}
        if path == "/api/show":
            name = body.get("model") or body.get("name")
            if self.models and name not in self.models:
                return faults.unknown_model()
            window = self.context_tokens or 4096
            return {
                "details": {"family": "loopback"},
                "model_info": {"loopback.context_length": window},
            }
        return None

    def _weather(self) -> Fault | None:
        number, self._asked = self._asked, self._asked + 1
        return self.faulty(number) if self.faulty is not None else None

    def _unfit(
        self, protocol: Protocol, body: dict[str, Any], request: ChatRequest
    ) -> Fault | None:
        if self.models and body.get("model") not in self.models:
            return Fault(
                status=404, message=f"model '{body.get('model')}' not found", code="model_not_found"
            )
        if body.get("stream"):
            return faults.refused("streaming is not supported here")
        for name in sorted(self.refuses):
            if request.response_format == name:
                return faults.refused(
                    f"response_format of type {name} is not supported by this model"
                )
            if name in body:
                return faults.refused(
                    f"Unsupported parameter: '{name}' is not supported with this model"
                )
        if (
            protocol == "openai"
            and self.context_tokens
            and estimated_prompt_tokens(request) > self.context_tokens
        ):
            return faults.too_long()
        return None

    def _reply(
        self, protocol: Protocol, body: dict[str, Any], request: ChatRequest
    ) -> Fault | dict[str, Any]:
        try:
            completion = self._script.reply(request, name="the loopback server")
        except ModelError as error:
            return _fault_of(error)
        completion = self._told(protocol, body, request, completion)
        if self.reports_usage:
            self.usages.append(completion.usage)
        write = protocols.write_openai if protocol == "openai" else protocols.write_ollama
        return write(completion, model=str(body.get("model", "")), usage=self.reports_usage)

    def _told(
        self, protocol: Protocol, body: dict[str, Any], request: ChatRequest, completion: Completion
    ) -> Completion:
        """The completion as the server tells it: usage counted, head of the prompt lost, candidates only when asked."""
        usage = completion.usage.model_copy(update={"estimated": False})
        if protocol == "ollama":
            asked = int((body.get("options") or {}).get("num_ctx") or 4096)
            window = min(asked, self.context_tokens or asked)
            usage = usage.model_copy(
                update={
                    "input_tokens": min(usage.input_tokens, window),
                    "cached_input_tokens": 0,
                    "reasoning_tokens": 0,
                }
            )
        first_token = completion.first_token if request.first_token_candidates else None
        return completion.model_copy(update={"usage": usage, "first_token": first_token})


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, owner: LoopbackServer) -> None:
        super().__init__(("127.0.0.1", owner.port), _Handler)
        self.owner = owner
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop listening, end the connections that clients keep alive, and wait for their threads."""
        self.closing.set()
        self.shutdown()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer the pages."""
        received = self._received()
        self.server.owner.other_requests.append(received)
        self._answer("openai", self.server.owner.get(received.path))

    def do_POST(self) -> None:
        """Answer chats and commands."""
        received, owner = self._received(), self.server.owner
        protocol = _CHATS.get(received.path)
        if protocol is not None:
            self._answer(protocol, owner.chat(protocol, received))
            return
        owner.other_requests.append(received)
        family: Protocol = "ollama" if received.path.startswith("/api/") else "openai"
        try:
            self._answer(family, owner.post(received.path, received.json))
        except ValueError:
            self._answer(family, faults.refused("the body is not JSON"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class named it
        """Say nothing: the records are on the server object."""

    def _received(self) -> Received:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client died in the middle of its request")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Received(self.command, self.path.partition("?")[0], headers, body)

    def _answer(self, protocol: Protocol, reply: Fault | dict[str, Any] | list[Any] | None) -> None:
        if reply is None:
            reply = Fault(status=404, message="no such page", code="not_found_error")
        if not isinstance(reply, Fault):
            self._send(200, json.dumps(reply, ensure_ascii=False).encode())
        elif reply.then == "reset":
            self._reset()
        elif reply.then == "stall":
            self.server.closing.wait(reply.seconds)
            self.close_connection = True
        elif reply.then == "cut_off":
            self._send(200, b'{"choices": [{"message": {"con', promised=1000)
            self.close_connection = True
        else:
            body = reply.body
            if body is None:
                body = json.dumps(
                    protocols.write_error(protocol, reply.message, reply.code)
                ).encode()
            self._send(reply.status, body, headers=reply.headers)

    def _send(
        self,
        status: int,
        body: bytes,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        promised: int | None = None,
    ) -> None:
        length = str(len(body) if promised is None else promised)
        fields = (("Content-Type", "application/json"), ("Content-Length", length), *headers)
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in fields),
        ]
        # One write for head and body: two would wait for each other's acknowledgement.
        self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.connection.close()


_FAULTS: dict[type[ModelError], Fault] = {
    AuthenticationError: faults.wrong_key(),
    ModelNotFoundError: faults.unknown_model(),
    UnreachableError: faults.reset(),
    ServerError: faults.server_error(),
    DeadlineError: faults.stall(60.0),
    MalformedReplyError: faults.garbage(),
    ContextOverflowError: faults.too_long(),
    FormatUnsupportedError: faults.refused("response_format is not supported"),
}


def _fault_of(error: ModelError) -> Fault:
    if isinstance(error, RateLimitedError):
        return faults.rate_limited(
            None if error.retry_after_s is None else f"{error.retry_after_s:g}"
        )
    return _FAULTS.get(type(error)) or faults.refused(error.message)
