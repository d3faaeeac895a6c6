"""A model server on this machine without a model: two protocols, real sockets, faults on demand."""

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

from minions.errors import ModelError
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
    """One request that the server received."""

    method: str
    path: str
    headers: Mapping[str, str]
    """The headers; their names are in lower case."""
    body: bytes
    """The exact bytes of the body."""

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


class LoopbackServer:
    """A server on 127.0.0.1 that answers chats from a script, as ScriptedModel does.

    It is a context manager, and serves inside the ``with`` block. ``url`` is for Ollama clients,
    ``openai_url`` for OpenAI clients; both use the same script. A ModelError in the script becomes
    the HTTP reply from which an adapter makes that error.

    Args:
        replies: the replies in order, or a function that makes them.
        rules: replies by the text of the request.
        default: the reply to any other request.
        api_key: the key that clients must send; others get 401.
        models: the models that are served; others get 404. Empty: all are served.
        refuses: response formats and parameters that get 400, e.g. ``{"json_schema", "logprobs"}``.
        context_tokens: the longest prompt. The OpenAI side answers a longer one with 400, and the
            Ollama side silently cuts it.
        reports_usage: False leaves the usage out of the replies.
        faulty: called with the number of each chat request, apart from those that ``fail_next``
            fails; a fault that it returns is the answer (`minions.testing.faults.storm` makes one).
        slots: the requests at a time that the server claims to serve, as llama.cpp does. It is no
            limit.
        port: 0 for any free port. With a fixed port, a server that was left may be entered again.

    Attributes:
        requests: all chat requests in order, refused ones too.
        usages: the usage of each reply that reported one, in order.
        other_requests: all other requests in order.
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
        self._asked = 0  # requests without a planned fault; ``requests`` may be cleared
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
            self._server = None
            self._thread = None

    @property
    def url(self) -> str:
        """The server's URL, e.g. ``http://127.0.0.1:40123``.

        Raises RuntimeError outside of the ``with`` block.
        """
        if self._server is None:
            raise RuntimeError("a LoopbackServer serves only inside its `with` block")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """The base URL for OpenAI clients: ``url`` and ``/v1``."""
        return f"{self.url}/v1"

    def fail_next(self, *planned: Fault) -> None:
        """Answer the next chat requests with these faults, one each."""
        self._faults.extend(planned)

    def chat(self, protocol: Protocol, received: Received) -> Fault | dict[str, Any]:
        """Return the JSON of a reply to one chat request, or a fault."""
        with self._lock:  # concurrent clients must not mix up the script and the records
            self.requests.append(received)
            fault: Fault | None = None
            if self._faults:
                fault = self._faults.popleft()
            else:
                if self.faulty is not None:
                    fault = self.faulty(self._asked)
                self._asked += 1
            if fault is not None:
                return fault
            sent_key = received.headers.get("authorization")
            if self.api_key is not None and sent_key != f"Bearer {self.api_key}":
                return faults.wrong_key()
            read = protocols.read_openai if protocol == "openai" else protocols.read_ollama
            try:
                body = received.json
                request = read(body)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                return faults.refused(f"not a chat request: {error}")
            return self._refusal(protocol, body, request) or self._reply(protocol, body, request)

    def get(self, path: str) -> dict[str, Any] | list[Any] | None:
        """Return the JSON of a page that is not a chat; None for an unknown path."""
        pages = protocols.pages(
            self.models or ("scripted",), window=self.context_tokens or 4096, slots=self.slots
        )
        return pages.get(path)

    def post(self, path: str, body: Any) -> dict[str, Any] | Fault | None:
        """Return the JSON of a POST that is not a chat; None for an unknown path."""
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

    def _refusal(
        self, protocol: Protocol, body: dict[str, Any], request: ChatRequest
    ) -> Fault | None:
        """Return the fault for a request that this server does not take; None for any other."""
        model = body.get("model")
        if self.models and model not in self.models:
            return Fault(status=404, message=f"model '{model}' not found", code="model_not_found")
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
        window = self.context_tokens
        if protocol == "openai" and window and estimated_prompt_tokens(request) > window:
            return faults.too_long()
        return None

    def _reply(
        self, protocol: Protocol, body: dict[str, Any], request: ChatRequest
    ) -> Fault | dict[str, Any]:
        try:
            completion = self._script.reply(request, name="the loopback server")
        except ModelError as error:
            return faults.of_error(error)
        completion = self._reported(protocol, body, request, completion)
        if self.reports_usage:
            self.usages.append(completion.usage)
        write = protocols.write_openai if protocol == "openai" else protocols.write_ollama
        return write(completion, model=str(body.get("model", "")), usage=self.reports_usage)

    def _reported(
        self, protocol: Protocol, body: dict[str, Any], request: ChatRequest, completion: Completion
    ) -> Completion:
        """Return the completion as a server of this protocol would report it.

        The usage counts as exact, Ollama cuts a long prompt, and candidates of the first token are
        there only if the request asks for them.
        """
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
        """Stop listening, end all open connections, and wait for their threads."""
        self.closing.set()
        self.shutdown()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client has closed it already
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up: some tests make them."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer a request for a page."""
        received = self._received()
        self.server.owner.other_requests.append(received)
        self._answer("openai", self.server.owner.get(received.path))

    def do_POST(self) -> None:
        """Answer a chat or another command."""
        received = self._received()
        owner = self.server.owner
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
        """Print nothing: the server object keeps the requests."""

    def _received(self) -> Received:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client hung up in the middle of its request")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Received(self.command, self.path.partition("?")[0], headers, body)

    def _answer(self, protocol: Protocol, reply: Fault | dict[str, Any] | list[Any] | None) -> None:
        if reply is None:
            reply = Fault(status=404, message="no such page", code="not_found_error")
        if not isinstance(reply, Fault):
            self._send(200, json.dumps(reply, ensure_ascii=False).encode())
        elif reply.then == "reset":
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.connection.close()
        elif reply.then == "stall":
            self.server.closing.wait(reply.seconds)
            self.close_connection = True
        elif reply.then == "cut_off":
            self._send(200, b'{"choices": [{"message": {"con', promised=1000)
            self.close_connection = True
        else:
            body = reply.body
            if body is None:
                error = protocols.write_error(protocol, reply.message, reply.code)
                body = json.dumps(error).encode()
            self._send(reply.status, body, headers=reply.headers)

    def _send(
        self,
        status: int,
        body: bytes,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        promised: int | None = None,
    ) -> None:
        """Send a reply; ``promised`` is a false Content-Length."""
        length = len(body) if promised is None else promised
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {length}",
        ]
        for name, value in headers:
            lines.append(f"{name}: {value}")
        # Head and body are one write: two would wait for each other's acknowledgement.
        self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
