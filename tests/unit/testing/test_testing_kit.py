"""The public testing kit does what its documentation says, for tests of users' own setups."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from minions.testing import FakeClock, LoopbackServer, Rule, faults

if TYPE_CHECKING:
    from minions.ports import Clock


def fetch(server: LoopbackServer, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def chat(text: str = "q", **fields: Any) -> dict[str, Any]:
    """A chat request that both protocols take."""
    return {
        "model": "m",
        "messages": [{"role": "user", "content": text}],
        "stream": False,
        **fields,
    }


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/models", "data"),
        ("/props", "default_generation_settings"),
        ("/health", "status"),
        ("/api/tags", "models"),
        ("/api/ps", "models"),
        ("/api/version", "version"),
    ],
)
def test_the_pages_that_clients_look_at_are_there(path: str, key: str) -> None:
    """Requests of doctor and similar clients are answered."""
    with LoopbackServer() as server:
        status, page = fetch(server, "GET", path)
    assert status == 200
    assert key in page
    assert [request.path for request in server.other_requests] == [path]


def test_models_and_context_are_told_everywhere_alike() -> None:
    """A server made with a model list and a context says so on each page."""
    with LoopbackServer(models=["a"], context_tokens=2048) as server:
        assert fetch(server, "GET", "/v1/models")[1]["data"][0]["id"] == "a"
        assert fetch(server, "GET", "/slots")[1][0]["n_ctx"] == 2048
        assert (
            fetch(server, "POST", "/api/show", {"model": "a"})[1]["model_info"][
                "loopback.context_length"
            ]
            == 2048
        )
        assert fetch(server, "POST", "/api/show", {"model": "b"})[0] == 404
        assert fetch(server, "POST", "/api/chat", chat())[0] == 404
        assert fetch(server, "POST", "/tokenize", {"content": "abc"})[1] == {"tokens": [97, 98, 99]}
        assert fetch(server, "GET", "/nowhere")[0] == 404


def test_both_protocols_share_one_script() -> None:
    """The same rules answer OpenAI's clients and Ollama's, and what was reported is kept."""
    with LoopbackServer(rules=[Rule(contains="cards", reply="108")], default="none") as server:
        openai = fetch(server, "POST", "/v1/chat/completions", chat("cards"))[1]
        ollama = fetch(server, "POST", "/api/chat", chat("cards"))[1]
    assert openai["choices"][0]["message"]["content"] == ollama["message"]["content"] == "108"
    assert [usage.output_tokens for usage in server.usages] == [
        openai["usage"]["completion_tokens"],
        ollama["eval_count"],
    ]


def test_requests_are_kept_to_the_byte() -> None:
    """A test can say exactly what a client sent."""
    with LoopbackServer(default="x", api_key="right") as server:
        status, _ = fetch(server, "POST", "/v1/chat/completions", chat("ü"))
    assert status == 401
    assert server.requests[0].body == json.dumps(chat("ü")).encode()
    assert server.requests[0].json == chat("ü")
    assert server.requests[0].headers["content-length"] == str(len(server.requests[0].body))


def test_usage_can_be_left_out() -> None:
    """Servers that count nothing can be played."""
    with LoopbackServer(default="x", reports_usage=False) as server:
        assert "usage" not in fetch(server, "POST", "/v1/chat/completions", chat())[1]
        assert "eval_count" not in fetch(server, "POST", "/api/chat", chat())[1]
    assert server.usages == []


@pytest.mark.parametrize(
    "body", [{}, {"messages": 1}, [], {"messages": [{"role": "x", "content": "y"}]}]
)
def test_what_is_no_chat_request_is_refused(body: Any) -> None:
    """A client's mistake is told with status 400, not with a broken connection."""
    with LoopbackServer(default="x") as server:
        assert fetch(server, "POST", "/v1/chat/completions", body)[0] == 400


def test_a_server_can_come_back_to_its_address() -> None:
    """A restart is a block left and entered again at a fixed port; the records go on."""
    server = LoopbackServer(default="x", slots=3)
    with server:
        server.port = int(server.url.rpartition(":")[2])
        fetch(server, "POST", "/v1/chat/completions", chat())
        left = server.url
    with server:
        assert server.url == left
        fetch(server, "POST", "/v1/chat/completions", chat())
        assert fetch(server, "GET", "/props", None)[1]["total_slots"] == 3
    assert len(server.requests) == 2


def test_outside_of_its_block_there_is_no_server() -> None:
    """A forgotten ``with`` is told as such."""
    with pytest.raises(RuntimeError, match="with"):
        _ = LoopbackServer().url


async def test_the_fake_clock_waits_without_waiting() -> None:
    """A test of waits takes no time, and the calendar moves along."""
    clock: Clock = FakeClock()
    before = clock.now_iso()
    await clock.sleep(90)
    assert (before, clock.now_iso()) == ("2026-01-01T00:00:00+00:00", "2026-01-01T00:01:30+00:00")
    assert clock.monotonic_s() == 90


def test_the_fake_clock_never_goes_back() -> None:
    """Monotonic time is monotonic."""
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)


def test_a_storm_hits_the_same_requests_with_the_same_seed() -> None:
    """Its share of the requests meets a fault, each kind now and then; the same seed makes the same weather."""
    kinds = (faults.reset(), faults.server_error())
    first, again = faults.storm(0.2, kinds, seed=1), faults.storm(0.2, kinds, seed=1)
    weather = [first(number) for number in range(1000)]
    assert weather == [again(number) for number in range(1000)]
    assert set(weather) == {None, *kinds}
    assert 150 < sum(fault is not None for fault in weather) < 250


def test_a_server_asks_for_a_fault_with_each_request() -> None:
    """A fault that ``faulty`` returns is the answer; planned faults come first."""
    with LoopbackServer(
        default="x", faulty=lambda number: faults.loading() if number == 2 else None
    ) as server:
        server.fail_next(faults.server_error())
        statuses = [fetch(server, "POST", "/v1/chat/completions", chat())[0] for _ in range(4)]
    assert statuses == [500, 200, 200, 503]
