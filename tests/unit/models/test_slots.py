"""A server gets as many jobs at a time as it has room for."""

from __future__ import annotations

import socket
import time

import pytest

from minions.models import slots as module
from minions.models.slots import Room, default_slots, room_of
from minions.network.reference import ModelRef
from minions.testing import LoopbackServer

OPENAI = ModelRef.parse("openai:m@http://127.0.0.1:1/v1")
OLLAMA = ModelRef.parse("ollama:m")


async def test_llama_cpp_is_asked_for_its_slots() -> None:
    """A server started with --parallel 3 gets three jobs at a time, and states how long each may
    be; it is asked with its key, and no token is spent.
    """
    with LoopbackServer(slots=3, context_tokens=2048) as server:
        assert await room_of(OPENAI, endpoint=server.openai_url, api_key="k") == Room(3, 2048)
    assert server.requests == []
    assert {request.headers["authorization"] for request in server.other_requests} == {"Bearer k"}


async def test_who_does_not_answer_gets_the_default() -> None:
    """A server that is down now may be up when it is needed."""
    assert await room_of(OPENAI, endpoint="http://127.0.0.1:1/v1") == Room(4)


async def test_who_answers_nonsense_gets_the_default() -> None:
    """Something else than HTTP at the address is no reason to fail."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"SSH-2.0 hello\r\n\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        assert await room_of(
            OPENAI, endpoint=f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        ) == Room(4)
        thread.join()


async def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer delays a run by three seconds at most."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started_s = time.monotonic()
        assert await room_of(
            OPENAI, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        ) == Room(4)
    assert time.monotonic() - started_s < 3


async def test_openai_itself_is_not_asked() -> None:
    """Its endpoint has no slots to state, and gets no such request."""
    assert await room_of(
        ModelRef.parse("openai:m"), endpoint="https://api.openai.com/v1", api_key="k"
    ) == Room(4)


@pytest.mark.parametrize(
    ("stated", "endpoint", "slots"),
    [
        ("3", "http://127.0.0.1:11434", 3),
        ("3", "http://192.0.2.1:11434", 1),
        ("0", "http://127.0.0.1:11434", 1),
        ("many", "http://127.0.0.1:11434", 1),
        ("", "http://127.0.0.1:11434", 1),
    ],
)
async def test_ollama_is_believed_to_have_our_environment(
    monkeypatch: pytest.MonkeyPatch, stated: str, endpoint: str, slots: int
) -> None:
    """OLLAMA_NUM_PARALLEL counts for a server on this machine; that of a server elsewhere is
    unknown.
    """
    monkeypatch.setenv("OLLAMA_NUM_PARALLEL", stated)
    assert await room_of(OLLAMA, endpoint=endpoint) == Room(slots)


def test_models_in_this_process_run_one_job_at_a_time() -> None:
    """Unless --concurrency says otherwise."""
    assert default_slots(ModelRef.parse("llamacpp:x")) == 1


async def test_a_server_elsewhere_is_not_asked() -> None:
    """All requests elsewhere are in the egress log, and this one would not be; nothing listens at
    the address, so the test is quick.
    """
    elsewhere = ModelRef.parse("openai:m@http://192.0.2.1/v1")
    assert await room_of(elsewhere, endpoint="http://192.0.2.1/v1", api_key="k") == Room(4)
