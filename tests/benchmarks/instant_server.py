"""A model server that answers at once, in a process of its own: what is measured over it is the client.

It speaks just enough HTTP/1.1 to keep connections alive: the first of two canned chat completions goes to requests for
a single token, the second to all others. Prints its port; ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys

_SAID = {"id": "c", "object": "chat.completion", "created": 0, "model": "instant"}
_USAGE = {"prompt_tokens": 250, "completion_tokens": 12, "total_tokens": 262}
_CANDIDATES = [
    {"token": "yes", "logprob": -0.1, "bytes": None},
    {"token": "no", "logprob": -2.4, "bytes": None},
]


def _reply(content: str, logprobs: object = None) -> bytes:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": logprobs}
    body = json.dumps({**_SAID, "choices": [choice], "usage": _USAGE}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


_LOOK = _reply("yes", {"content": [{**_CANDIDATES[0], "top_logprobs": _CANDIDATES}]})
_FINDING = _reply(json.dumps({"lines": [2], "answer": "the second line"}))


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._received = transport, b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._received) < end + 4 + length:
                return
            body, self._received = (
                self._received[end + 4 : end + 4 + length],
                self._received[end + 4 + length :],
            )
            self._transport.write(_LOOK if b'"top_logprobs"' in body else _FINDING)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
