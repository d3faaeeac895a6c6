"""The exact JSON that is sent to Ollama, and how its replies are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import (
    AuthenticationError,
    ContextOverflowError,
    EgressRefusedError,
    FormatUnsupportedError,
    MalformedReplyError,
    ModelError,
    ModelNotFoundError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnreachableError,
)
from minions.models.ollama import OllamaModel
from minions.network.reference import ModelRef
from minions.network.wire import capturing
from minions.testing import LoopbackServer, faults
from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def model_at(wire: Any, **settings: Any) -> OllamaModel:
    """An adapter over a mocked wire."""
    ref = ModelRef.parse("ollama:llama3.2:3b")
    return OllamaModel(ref, host="127.0.0.1:1", transport=wire.httpx(), **settings)


def asking(text: str = "q", **changes: Any) -> ChatRequest:
    """A request of one message."""
    return ChatRequest(
        messages=(Message(role="user", content=text),), max_output_tokens=50, **changes
    )


async def test_the_whole_request(ollama_wire: Any) -> None:
    """Context, schema and limits are always stated: Ollama's defaults are too small, and change."""
    await model_at(ollama_wire).complete(asking(json_schema=SCHEMA, first_token_candidates=5))
    assert ollama_wire.urls == ["http://127.0.0.1:1/api/chat"]
    assert ollama_wire.sent == {
        "model": "llama3.2:3b",
        "messages": [{"role": "user", "content": "q"}],
        "stream": False,
        "format": SCHEMA,
        "options": {"num_ctx": 2048, "num_predict": 50, "temperature": 0.0},
        "keep_alive": "30m",
        "think": False,
        "logprobs": True,
        "top_logprobs": 5,
        "tools": [],
    }


@pytest.mark.parametrize(("form", "sent"), [("json_object", "json"), ("text", None)])
async def test_simpler_formats_carry_no_schema(ollama_wire: Any, form: Any, sent: Any) -> None:
    """JSON mode and text are sent as such; the prompt describes the shape in words."""
    await model_at(ollama_wire).complete(asking(json_schema=SCHEMA, response_format=form))
    assert ollama_wire.sent.get("format") == sent


async def test_the_context_grows_in_steps_and_never_shrinks(ollama_wire: Any) -> None:
    """The server loads a model anew whenever its context changes, so a short prompt keeps the long
    one's.
    """
    model = model_at(ollama_wire)
    sizes = []
    for words in (10, 3000, 10):
        ollama_wire.reply["prompt_eval_count"] = words + 5
        await model.complete(asking("word " * words))
        sizes.append(ollama_wire.sent["options"]["num_ctx"])
    assert sizes == [2048, 4096, 4096]


async def test_a_prompt_that_was_cut_is_an_error(ollama_wire: Any) -> None:
    """Ollama answers 200 to a prompt whose head it cut off; such a reply never becomes an answer."""
    ollama_wire.reply["prompt_eval_count"] = 2048
    with pytest.raises(ContextOverflowError) as caught:
        await model_at(ollama_wire, num_ctx=2048).complete(asking("word " * 3000))
    assert caught.value.usage is not None
    assert caught.value.usage.input_tokens == 2048


async def test_a_count_of_words_is_no_sign_of_a_cut(ollama_wire: Any) -> None:
    """A proxy that counts words, or a server that leaves out its cache, does not fail good replies."""
    ollama_wire.reply["prompt_eval_count"] = 100
    completion = await model_at(ollama_wire, num_ctx=4096).complete(asking("1,234.56 " * 300))
    assert completion.text == "hi"


async def test_counts_that_are_missing_are_estimated(ollama_wire: Any) -> None:
    """A server that counts nothing does not make the ledger say zero."""
    del ollama_wire.reply["prompt_eval_count"], ollama_wire.reply["eval_count"]
    usage = (await model_at(ollama_wire).complete(asking())).usage
    assert usage.estimated
    assert usage.input_tokens > 0


async def test_the_bytes_noted_are_the_bytes_sent(ollama_wire: Any) -> None:
    """A request to a local server is recorded as exactly as one to a cloud."""
    with capturing() as exchange:
        await model_at(ollama_wire).complete(asking())
    assert exchange.bodies == ollama_wire.raw
    assert exchange.bytes_in == len(ollama_wire.body)


@pytest.mark.parametrize(
    "reply", [b"<html>", b"", [], {"error": "surprise"}, {"message": {"role": "assistant"}}]
)
async def test_what_is_no_reply_is_malformed(ollama_wire: Any, reply: Any) -> None:
    """Garbage with status 200 is an error of its own, never an empty answer."""
    ollama_wire.reply = reply
    with pytest.raises(MalformedReplyError):
        await model_at(ollama_wire).complete(asking())


REFUSALS: list[tuple[int, Any, type[ModelError], str]] = [
    (
        404,
        {"error": "model 'llama3.2:3b' not found"},
        ModelNotFoundError,
        "ollama pull llama3.2:3b",
    ),
    (401, {"error": "unauthorized"}, AuthenticationError, "OLLAMA_API_KEY"),
    (429, {"error": "too many"}, RateLimitedError, ""),
    (500, {"error": "llama runner process has terminated"}, ServerError, ""),
    (
        500,
        {"error": "model requires more system memory (9 GiB)"},
        RequestRefusedError,
        "smaller model",
    ),
    (400, {"error": "invalid JSON schema in format"}, FormatUnsupportedError, ""),
    (400, {"error": "input length exceeds the context length"}, ContextOverflowError, "context"),
    (400, b"plain words", RequestRefusedError, ""),
    (
        502,
        {"error": "Error code: 400 - the request exceeds the available context size"},
        ContextOverflowError,
        "",
    ),
]


@pytest.mark.parametrize(("status", "reply", "kind", "hint"), REFUSALS)
async def test_refusals_have_their_class_and_say_what_to_type(
    ollama_wire: Any, status: int, reply: Any, kind: type[ModelError], hint: str
) -> None:
    """A model that is not there comes with the command that brings it, and so on."""
    ollama_wire.status, ollama_wire.reply = status, reply
    with pytest.raises(ModelError) as caught:
        await model_at(ollama_wire).complete(asking())
    assert type(caught.value) is kind
    assert hint in str(caught.value.hint)


async def test_the_wait_that_was_asked_for_survives_the_client(ollama_wire: Any) -> None:
    """The ollama client drops a refusal's headers; Retry-After is read before it does."""
    ollama_wire.status, ollama_wire.headers = 429, {"retry-after": "3"}
    with pytest.raises(RateLimitedError) as caught:
        await model_at(ollama_wire).complete(asking())
    assert caught.value.retry_after_s == 3


class Showing(LoopbackServer):
    """An Ollama that states where its model runs, in ``/api/show`` as ``shown`` and in replies as
    ``replied``.
    """

    shown: Any = {}  # noqa: RUF012 - set on the instance
    replied: Any = {}  # noqa: RUF012 - likewise

    def post(self, path: str, body: Any) -> Any:
        assert (path, body) == ("/api/show", {"model": "llama3.2:3b"})
        return self.shown

    def chat(self, protocol: Any, received: Any) -> Any:
        reply = super().chat(protocol, received)
        return {**reply, **self.replied} if isinstance(reply, dict) else reply


@pytest.fixture
def showing() -> Iterator[Showing]:
    """An Ollama with one model on this machine."""
    with Showing(default="hi") as server:
        yield server


@pytest.fixture
async def strict_model(showing: Showing) -> AsyncIterator[OllamaModel]:
    """An adapter that sends nothing to a model that is passed on."""
    model = OllamaModel(ModelRef.parse("ollama:llama3.2:3b"), host=showing.url, must_be_here=True)
    yield model
    await model.aclose()


@pytest.mark.parametrize(
    "shown",
    [
        {"remote_host": "https://ollama.com:443", "remote_model": "m"},
        {"remote_model": "https://ollama.com:443"},
    ],
)
async def test_nothing_is_sent_to_a_model_that_is_passed_on(
    showing: Showing, strict_model: OllamaModel, shown: Any
) -> None:
    """The server says where its model runs; the error repeats it, and no prompt is sent, however
    often it is tried.
    """
    showing.shown = shown
    for _ in range(2):
        with pytest.raises(EgressRefusedError, match=r"passes it on to https://ollama\.com:443"):
            await strict_model.complete(asking())
    assert showing.requests == []


@pytest.mark.parametrize("shown", [{"details": {}}, [], "words"])
async def test_a_model_that_runs_here_is_asked_about_once(
    showing: Showing, strict_model: OllamaModel, shown: Any
) -> None:
    """A server that answers with something else says nothing of elsewhere."""
    showing.shown = shown
    assert [(await strict_model.complete(asking())).text for _ in range(3)] == ["hi"] * 3
    assert len(showing.other_requests) == 1


async def test_a_model_that_is_not_there_yet_is_asked_about_again(
    showing: Showing, strict_model: OllamaModel
) -> None:
    """It may be pulled meanwhile, from anywhere."""
    showing.shown, showing.models = faults.unknown_model(), ("another",)
    with pytest.raises(ModelNotFoundError):
        await strict_model.complete(asking())
    showing.shown, showing.models = {"remote_host": "far"}, ()
    with pytest.raises(EgressRefusedError):
        await strict_model.complete(asking())


async def test_a_reply_from_elsewhere_is_refused(
    showing: Showing, strict_model: OllamaModel
) -> None:
    """The model has become another since the server was asked: there is no second prompt."""
    await strict_model.complete(asking())
    showing.replied = {"remote_model": "far"}
    with pytest.raises(EgressRefusedError, match="far"):
        await strict_model.complete(asking())


async def test_who_does_not_say_where_a_model_runs_gets_no_prompt() -> None:
    """A server that does not say where its model runs is sent no prompt; it may come back."""
    with Showing(default="hi") as server:
        model = OllamaModel(
            ModelRef.parse("ollama:llama3.2:3b"), host=server.url, must_be_here=True
        )
    with pytest.raises(UnreachableError):
        await model.complete(asking())


async def test_a_model_that_may_be_elsewhere_is_not_asked_about(showing: Showing) -> None:
    """A model that is metered and logged as a cloud gets its prompt at once."""
    showing.shown = {"remote_host": "far"}
    model = OllamaModel(ModelRef.parse("ollama:llama3.2:3b"), host=showing.url)
    assert (await model.complete(asking())).text == "hi"
    await model.aclose()
    assert showing.other_requests == []
