"""Mock transports that keep what was sent, one for each HTTP stack."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import httpx
import httpx2
import pytest

OPENAI_REPLY = {
    "model": "served",
    "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}
OLLAMA_REPLY = {
    "model": "served",
    "message": {"role": "assistant", "content": "hi"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 9,
    "eval_count": 2,
}


@dataclass
class Wire:
    """The other end of a mocked connection: set ``status``, ``reply``, ``headers``; read ``sent``,
    ``raw`` and ``urls``.
    """

    reply: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    sent_headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def sent(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.raw[-1])

    @property
    def body(self) -> bytes:
        """The reply as bytes."""
        return self.reply if isinstance(self.reply, bytes) else json.dumps(self.reply).encode()

    def note(self, url: Any, headers: Any, content: bytes) -> None:
        """Keep a request."""
        self.raw.append(content)
        self.urls.append(str(url))
        self.sent_headers.append({key.lower(): value for key, value in headers.items()})

    def httpx2(self) -> httpx2.AsyncClient:
        """A client of the openai package's stack."""

        def handle(request: httpx2.Request) -> httpx2.Response:
            self.note(request.url, request.headers, request.content)
            return httpx2.Response(self.status, content=self.body, headers=self.headers)

        return httpx2.AsyncClient(transport=httpx2.MockTransport(handle))

    def httpx(self) -> httpx.AsyncBaseTransport:
        """A transport of the ollama package's stack."""

        def handle(request: httpx.Request) -> httpx.Response:
            self.note(request.url, request.headers, request.content)
            return httpx.Response(self.status, content=self.body, headers=self.headers)

        return httpx.MockTransport(handle)


@pytest.fixture
def openai_wire() -> Wire:
    """A mocked Chat Completions endpoint."""
    return Wire(deepcopy(OPENAI_REPLY))


@pytest.fixture
def ollama_wire() -> Wire:
    """A mocked Ollama."""
    return Wire(deepcopy(OLLAMA_REPLY))
