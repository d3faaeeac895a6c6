"""Which models are chosen for want of a setting, and which are refused."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import ConfigError, EgressRefusedError, ModelNotFoundError, PriceUnknownError
from minions.models.slots import Room
from minions.network.reference import ModelRef
from minions.network.timeouts import Timeouts
from minions.settings import Settings
from minions.store.store import Store
from minions.testing import LoopbackServer
from minions.values.limits import Limits
from minions.weights import files, resolving
from minions.wiring import lineup, recruit
from minions.wiring.adapters import Adapters
from minions.wiring.lineup import Lineup
from tests.books import books_in

if TYPE_CHECKING:
    from pathlib import Path


def _settings(**values: Any) -> Settings:
    return Settings.load(values)


@pytest.mark.parametrize("embedded", [True, False])
def test_without_settings_everything_is_local(
    monkeypatch: pytest.MonkeyPatch, embedded: bool
) -> None:
    """No key: the worker plans too, and a note says so; the embedded model is the worker where it is installed."""
    monkeypatch.setattr(lineup, "has_embedded", lambda: embedded)
    chosen = Lineup.of(_settings())
    assert chosen.planner_name == "local"
    default = lineup.DEFAULT_EMBEDDED_WORKER if embedded else lineup.DEFAULT_OLLAMA_WORKER
    assert chosen.worker_name == default
    assert "OPENAI_API_KEY" in chosen.notes[0]


def test_a_key_or_an_endpoint_brings_the_cloud_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either variable that everyone sets is enough."""
    for name, value in (("OPENAI_API_KEY", "sk-x"), ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert Lineup.unchecked(_settings()).planner_name == lineup.DEFAULT_CLOUD_PLANNER


def test_an_ollama_host_brings_an_ollama_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who set OLLAMA_HOST wants Ollama."""
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:11434")
    assert Lineup.unchecked(_settings()).worker_name == lineup.DEFAULT_OLLAMA_WORKER


def test_local_only_wins_over_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment does not open a way out."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert Lineup.unchecked(_settings(local_only=True)).planner_name == "local"
    with pytest.raises(EgressRefusedError):
        Lineup.unchecked(_settings(local_only=True, planner="openai:gpt-5.4"))


@pytest.mark.parametrize(
    ("planner", "cloud"),
    [
        ("local", False),
        ("openai:gpt-5.4", True),
        ("openai:gpt-5.4@http://127.0.0.1:9/v1", True),
        ("ollama:llama3.2:3b", False),
        ("ollama:gpt-oss:120b-cloud", True),
        ("ollama:llama3.2:3b@http://192.0.2.1:11434", True),
        ("llamacpp:qwen2.5-coder-1.5b", False),
    ],
)
def test_what_counts_as_cloud(planner: str, cloud: bool) -> None:
    """A planner behind an OpenAI-compatible URL is metered as cloud, even on loopback: it may be a gateway."""
    assert Lineup.unchecked(_settings(planner=planner)).planner_is_cloud is cloud


@pytest.mark.parametrize(
    "worker",
    [
        "openai:x@http://192.0.2.1/v1",
        "openai:x",
        "ollama:x:120b-cloud",
        "ollama:x@http://ollama.example.com:11434",
    ],
)
def test_workers_elsewhere_are_refused_unless_allowed(worker: str) -> None:
    """Documents are read on this machine."""
    with pytest.raises(EgressRefusedError, match="would read your documents"):
        Lineup.unchecked(_settings(worker=worker)).refuse_remote_worker()
    Lineup.unchecked(_settings(worker=worker, allow_remote_workers=True)).refuse_remote_worker()


def test_one_endpoint_elsewhere_makes_a_worker_remote() -> None:
    """A list of servers is as private as the worst of them: it is refused by name, and needs a price under a limit."""
    mixed = Lineup.unchecked(
        _settings(worker="openai:x@http://127.0.0.1:1/v1,http://me:secret@192.0.2.1/v1")
    )
    with pytest.raises(
        EgressRefusedError, match=r"http://192\.0\.2\.1/v1, which is not on this machine"
    ):
        mixed.refuse_remote_worker()
    assert mixed.worker_is_remote
    here = Lineup.unchecked(
        _settings(worker="openai:x@http://127.0.0.1:1/v1,http://localhost:2/v1")
    )
    assert not here.worker_is_remote
    several = {"planner": "local", "worker": "openai:x@http://127.0.0.1:1/v1,http://192.0.2.1/v1"}
    with pytest.raises(ConfigError, match=r"API key for http://192\.0\.2\.1/v1"):
        Lineup.of(_settings(**several, allow_remote_workers=True))
    with pytest.raises(PriceUnknownError):
        Lineup.of(
            _settings(**several, allow_remote_workers=True, openai_api_key="sk-x", max_cost="1")
        )


def test_a_planner_has_one_endpoint() -> None:
    """Several are refused with the reason, before anything is read."""
    with pytest.raises(ConfigError, match="2 endpoints") as caught:
        Lineup.of(_settings(planner="openai:p@http://127.0.0.1:1/v1,http://127.0.0.1:2/v1"))
    assert "--worker" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:9999", "http://127.0.0.1:9999"),
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - what servers set it to
        ("http://localhost:11434", "http://localhost:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(host: str, url: str) -> None:
    """Scheme and port may be missing; an address to listen on is one of this machine."""
    chosen = Lineup.unchecked(_settings(worker="ollama:x", ollama_host=host))
    assert chosen.endpoints.url_of(chosen.worker) == url
    chosen.refuse_remote_worker()


def test_an_ollama_host_elsewhere_is_refused() -> None:
    """The variable does not open a way out."""
    with pytest.raises(EgressRefusedError):
        Lineup.unchecked(
            _settings(worker="ollama:x", ollama_host="192.0.2.1:11434")
        ).refuse_remote_worker()


@pytest.mark.parametrize(
    "flags", [{"max_rounds": 0}, {"policy": "secret"}, {"max_cost": "-1"}, {"nonsense": 1}]
)
def test_a_wrong_setting_is_named(flags: dict[str, Any]) -> None:
    """The message names the setting, and nothing starts."""
    with pytest.raises(ConfigError, match=next(iter(flags))):
        Settings.load(flags)


LOCAL_WORKER = "openai:w@http://127.0.0.1:1/v1"


def test_a_missing_key_is_told_first() -> None:
    """Nobody waits for a thousand files to hear that OPENAI_API_KEY is not set; an endpoint here may need none."""
    with pytest.raises(ConfigError, match="API key") as caught:
        Lineup.of(_settings(planner="openai:gpt-5.4", worker=LOCAL_WORKER))
    assert "OPENAI_API_KEY" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="API key"):
        Lineup.of(_settings(planner="local", worker="openai:x", allow_remote_workers=True))
    Lineup.of(_settings(planner="openai:x@http://127.0.0.1:1/v1", worker=LOCAL_WORKER))


def test_a_cost_limit_without_a_price_is_told_first() -> None:
    """Every model that is billed needs a known or stated price under a limit in dollars; without a limit none does."""
    billed = {"planner": "openai:nobody-knows-it@http://127.0.0.1:1/v1", "worker": LOCAL_WORKER}
    with pytest.raises(PriceUnknownError, match="nobody-knows-it") as caught:
        Lineup.of(_settings(**billed, max_cost="1"))
    assert "--price openai:nobody-knows-it=IN/OUT" in (caught.value.hint or "")
    Lineup.of(_settings(**billed, max_cost="1", prices=["nobody-knows-it=1/2"]))
    Lineup.of(_settings(**billed))
    Lineup.of(_settings(planner="local", worker=LOCAL_WORKER, max_cost="1"))
    elsewhere = {
        "worker": "openai:nobody-knows-it@http://192.0.2.1/v1",
        "allow_remote_workers": True,
    }
    with pytest.raises(PriceUnknownError, match="nobody-knows-it"):
        Lineup.of(_settings(planner="local", **elsewhere, openai_api_key="sk-x", max_cost="1"))


@pytest.mark.parametrize(("concurrency", "jobs"), [(None, 5), (4, 8)])
async def test_as_many_jobs_at_a_time_as_the_servers_have_slots(
    concurrency: int | None, jobs: int
) -> None:
    """Slots are asked for and added up; --concurrency is for each server. The smallest context is that of all."""
    with LoopbackServer(slots=3, context_tokens=3_000) as first, LoopbackServer(slots=2) as second:
        settings = _settings(
            planner="local",
            worker=f"openai:w@{first.openai_url},{second.openai_url}",
            concurrency=concurrency,
        )
        with Store.memory() as store:
            crew = await recruit.recruit(Lineup.of(settings), settings, books_in(store))
            await crew.aclose()
    assert (crew.executor.concurrency, crew.worker_name) == (jobs, "openai:w")
    assert crew.within(Limits(context_tokens=4_000, max_jobs=7)) == Limits(
        context_tokens=3_000, max_jobs=7
    )
    assert crew.within(Limits(context_tokens=2_000)) == Limits(context_tokens=2_000)


async def test_who_does_not_tell_its_context_is_believed_to_have_what_the_settings_say() -> None:
    """Most servers tell none."""
    settings = _settings(planner="local", worker="openai:w@http://127.0.0.1:1/v1")
    with Store.memory() as store:
        crew = await recruit.recruit(Lineup.of(settings), settings, books_in(store))
        await crew.aclose()
    assert crew.within(Limits(context_tokens=4_000)) == Limits(context_tokens=4_000)


async def test_only_the_endpoint_elsewhere_is_metered_as_a_cloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stays on this machine costs nothing, whoever else reads."""

    async def room_of(*_: Any, **__: Any) -> Room:
        return Room(1)

    monkeypatch.setattr(recruit, "room_of", room_of)
    worker = "openai:x@http://127.0.0.1:1/v1,http://192.0.2.1/v1"
    settings = _settings(allow_remote_workers=True, openai_api_key="sk-x", worker=worker)
    chosen = Lineup.of(settings)
    with Store.memory() as store:
        bench = recruit._Bench.of(chosen, settings, books_in(store))
        async with AsyncExitStack() as opened:
            served = await bench.serve(chosen.worker, opened)
            assert [endpoint.cloud for endpoint in served] == [False, True]
            assert [endpoint.adapter.endpoint for endpoint in served] == worker.partition("@")[
                2
            ].split(",")


@pytest.mark.parametrize("worker", ["openai:x@http://127.0.0.1:1/v1", "ollama:x"])
async def test_timeouts_are_those_of_the_settings(worker: str) -> None:
    """Connecting, the first byte and the whole: each as it was set, for every provider over a network."""
    settings = _settings(connect_timeout_s=1, first_token_timeout_s=2, call_timeout_s=3)
    model: Any = await Adapters.of(settings, settings.endpoints()).open(
        ModelRef.parse(worker), slots=1
    )
    timeouts = model._timeout if worker.startswith("openai") else model._timeouts
    assert timeouts == Timeouts(connect_s=1, first_token_s=2, total_s=3)
    await model.aclose()


async def test_what_was_opened_is_closed_when_the_rest_cannot_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A planner that cannot be built does not leave the worker's model in memory."""

    class Worker:
        closed = False

        async def aclose(self) -> None:
            self.closed = True

    worker = Worker()

    async def adapter(_: Adapters, ref: ModelRef, **__: object) -> Any:
        if ref.provider == "openai":
            return worker
        raise ModelNotFoundError("no weights")

    monkeypatch.setattr(Adapters, "open", adapter)
    settings = _settings(planner="llamacpp:planner", worker=LOCAL_WORKER)
    with Store.memory() as store:
        books = books_in(store)
        with pytest.raises(ModelNotFoundError):
            await recruit.recruit(Lineup.of(settings), settings, books)
    assert worker.closed


async def test_missing_weights_are_fetched_when_first_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A first question with the embedded default needs no other command; told to stay local, nothing is fetched."""
    fetched: list[str] = []
    told: list[Any] = []
    monkeypatch.setattr(
        resolving, "pull", lambda name, *, home: fetched.append(f"{name} into {home.name}")
    )
    for module in (lineup, recruit):
        monkeypatch.setattr(module, "has_embedded", lambda: True)
    monkeypatch.setattr(files, "installed_parts", lambda _: None)
    for flags in ({"fetch_weights": False}, {"local_only": True}, {"worker": "ollama:x"}):
        settings = _settings(**{"fetch_weights": True, "home": tmp_path, **flags})
        await recruit.fetch_weights(Lineup.of(settings), settings, told.append)
    assert fetched == told == []
    settings = _settings(fetch_weights=True, home=tmp_path)
    await recruit.fetch_weights(Lineup.of(settings), settings, told.append)
    assert fetched == [f"qwen2.5-coder-1.5b into {tmp_path.name}"]
    assert "1.1 GB" in told[0].message


def test_a_blank_key_is_no_key() -> None:
    """``OPENAI_API_KEY=""`` is how many shells unset it: it chooses no cloud planner, which then lacks a key."""
    assert Settings.load({"openai_api_key": ""}).openai_api_key is None
    assert Lineup.of(Settings.load({"openai_api_key": " "})).planner_name == "local"


def test_a_planner_without_a_cloud_is_told_once_and_only_where_nobody_chose_it() -> None:
    """A user who said `local` needs no advice."""
    assert Lineup.unchecked(_settings(planner="local")).notes == ()
    assert Lineup.unchecked(_settings(local_only=True)).notes == ()
    assert Lineup.unchecked(_settings(protocol="local")).notes == ()
    assert len(Lineup.unchecked(_settings()).notes) == 1


def test_the_egress_refusal_comes_before_a_wrong_worker() -> None:
    """What would leave the device is said first."""
    wrong = {"planner": "openai:x", "worker": "foo", "local_only": True}
    with pytest.raises(EgressRefusedError):
        Lineup.unchecked(_settings(**wrong))
    with pytest.raises(ConfigError, match="bar"):
        Lineup.unchecked(_settings(planner="bar", worker="foo"))


def test_a_pattern_that_cannot_be_used_is_refused_before_a_document_is_read() -> None:
    """It would hide nothing, and that is said at once; an estimate, which sends nothing, needs no pattern."""
    settings = _settings(planner="local", worker=LOCAL_WORKER, redact_patterns=["("])
    with pytest.raises(ConfigError):
        Lineup.of(settings)
    lineup.terms_of(Lineup.unchecked(settings), settings)
