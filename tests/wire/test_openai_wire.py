"""The exact JSON that is sent to OpenAI-compatible endpoints, and how their replies are read."""

from __future__ import annotations

from typing import Any

import pytest

from minions.errors import (
    AuthenticationError,
    ConfigError,
    ContextOverflowError,
    FormatUnsupportedError,
    MalformedReplyError,
    ModelError,
    ModelNotFoundError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)
from minions.models.openai import OpenAIModel
from minions.network.reference import ModelRef
from minions.network.wire import capturing
from minions.values.chat import ChatRequest, Message, Usage

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
KEY = "sk-verysecretkey1234"


def model_at(
    wire: Any, base_url: str = "http://127.0.0.1:1/v1", name: str = "m", **settings: Any
) -> OpenAIModel:
    """An adapter over a mocked wire."""
    return OpenAIModel(
        ModelRef.parse(f"openai:{name}"),
        base_url=base_url,
        api_key=KEY,
        http_client=wire.httpx2(),
        **settings,
    )


def asking(**changes: Any) -> ChatRequest:
    """A request of two messages."""
    messages = (Message(role="system", content="s"), Message(role="user", content="q"))
    return ChatRequest(messages=messages, max_output_tokens=50, **changes)


async def test_a_schema_goes_out_strict(openai_wire: Any) -> None:
    """A local server gets the whole request in the spelling that all of them know."""
    await model_at(openai_wire).complete(asking(json_schema=SCHEMA, schema_name="plan"))
    assert openai_wire.urls == ["http://127.0.0.1:1/v1/chat/completions"]
    assert openai_wire.sent == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
        "max_tokens": 50,
        "temperature": 0.0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "plan", "strict": True, "schema": SCHEMA},
        },
    }


@pytest.mark.parametrize(
    ("form", "sent"), [("json_object", {"type": "json_object"}), ("text", None)]
)
async def test_simpler_formats_carry_no_schema(openai_wire: Any, form: Any, sent: Any) -> None:
    """If the server takes no schema, none is sent; the prompt describes it in words."""
    await model_at(openai_wire).complete(asking(json_schema=SCHEMA, response_format=form))
    assert openai_wire.sent.get("response_format") == sent


async def test_openai_itself_gets_its_own_spelling(openai_wire: Any) -> None:
    """OpenAI's reasoning models refuse max_tokens and a temperature, so neither is sent to them."""
    model = model_at(openai_wire, "https://api.openai.com/v1", "gpt-5.4")
    await model.complete(asking(first_token_candidates=3))
    assert openai_wire.sent == {
        "model": "gpt-5.4",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
        "max_completion_tokens": 50,
    }


async def test_candidates_are_asked_for_at_most_twenty(openai_wire: Any) -> None:
    """The protocol's own limit is kept, so that a larger number is no error."""
    await model_at(openai_wire).complete(asking(first_token_candidates=40))
    assert (openai_wire.sent["logprobs"], openai_wire.sent["top_logprobs"]) == (True, 20)


async def test_extra_fields_go_out_when_asked_for(openai_wire: Any) -> None:
    """llama.cpp's own switches can be set; by default they are not sent."""
    await model_at(openai_wire, extra_body={"cache_prompt": True}).complete(asking())
    assert openai_wire.sent["cache_prompt"] is True


async def test_the_bytes_noted_are_the_bytes_sent(openai_wire: Any) -> None:
    """The egress log can show exactly what left the device, and how much came back."""
    with capturing() as exchange:
        await model_at(openai_wire).complete(asking())
    assert exchange.bodies == openai_wire.raw
    assert exchange.bytes_in == len(openai_wire.body)


async def test_cached_and_reasoning_tokens_are_read(openai_wire: Any) -> None:
    """The bill depends on cached input and on hidden reasoning."""
    openai_wire.reply["usage"] = {
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    completion = await model_at(openai_wire).complete(asking())
    assert completion.usage == Usage(
        input_tokens=100, cached_input_tokens=64, output_tokens=40, reasoning_tokens=30
    )
    assert completion.model == "served"


async def test_missing_usage_is_estimated_and_says_so(openai_wire: Any) -> None:
    """A server that counts nothing does not make the ledger say zero."""
    del openai_wire.reply["usage"]
    usage = (await model_at(openai_wire).complete(asking())).usage
    assert usage.estimated
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


async def test_the_first_token_keeps_its_candidates(openai_wire: Any) -> None:
    """Log probabilities come back by token; reasoning text beside the reply is ignored."""
    choice = openai_wire.reply["choices"][0]
    choice["message"]["reasoning_content"] = "hm"
    top = [{"token": "yes", "logprob": -0.2}, {"token": "no", "logprob": -1.7}]
    choice["logprobs"] = {"content": [{"token": "yes", "logprob": -0.2, "top_logprobs": top}]}
    completion = await model_at(openai_wire).complete(asking(first_token_candidates=2))
    assert completion.first_token == {"yes": -0.2, "no": -1.7}
    assert completion.text == "hi"


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "other"),
    ],
)
async def test_finish_reasons_map(openai_wire: Any, finish: str, expected: str) -> None:
    """The reasons for which a reply ended become the project's four words."""
    openai_wire.reply["choices"][0]["finish_reason"] = finish
    assert (await model_at(openai_wire).complete(asking())).finish_reason == expected


@pytest.mark.parametrize(
    "reply",
    [
        b"<html>",
        b"",
        b"[]",
        {"choices": []},
        {"choices": None},
        {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]},
        {"error": "surprise"},
    ],
)
async def test_what_is_no_reply_is_malformed(openai_wire: Any, reply: Any) -> None:
    """Garbage with status 200 is an error of its own, never an empty answer."""
    openai_wire.reply = reply
    with pytest.raises(MalformedReplyError):
        await model_at(openai_wire).complete(asking())


async def test_a_refusal_in_words_is_refused(openai_wire: Any) -> None:
    """A model that declines has been paid for, and asking again would not help."""
    openai_wire.reply["choices"][0]["message"] = {
        "content": None,
        "refusal": "I can't help with that.",
    }
    with pytest.raises(RequestRefusedError) as caught:
        await model_at(openai_wire).complete(asking())
    assert caught.value.usage is not None
    assert caught.value.usage.input_tokens == 9


REFUSALS: list[tuple[int, dict[str, Any], type[ModelError]]] = [
    (401, {"message": "bad key"}, AuthenticationError),
    (403, {"message": "no"}, AuthenticationError),
    (
        404,
        {"message": "The model `m` does not exist", "code": "model_not_found"},
        ModelNotFoundError,
    ),
    (404, {"message": "Not Found"}, RequestRefusedError),
    (429, {"message": "slow down", "code": "rate_limit_exceeded"}, RateLimitedError),
    (429, {"message": "pay", "code": "insufficient_quota"}, RequestRefusedError),
    (500, {"message": "oops"}, ServerError),
    (503, {"message": "Loading model", "type": "unavailable_error"}, ServerError),
    (400, {"message": "too long", "code": "context_length_exceeded"}, ContextOverflowError),
    (
        400,
        {"message": "too long", "type": "exceed_context_size_error", "n_ctx": 4096},
        ContextOverflowError,
    ),
    (400, {"message": "response_format type is unavailable now"}, FormatUnsupportedError),
    (400, {"message": "Invalid parameter", "param": "response_format"}, FormatUnsupportedError),
    (400, {"message": "messages must not be empty"}, RequestRefusedError),
    (400, {"message": "flagged", "code": "content_filter"}, RequestRefusedError),
    (422, {"message": "field required"}, RequestRefusedError),
    (307, {"message": "moved"}, RequestRefusedError),
    (
        502,
        {"message": "Error code: 400 - exceeds the available context size"},
        ContextOverflowError,
    ),
]


@pytest.mark.parametrize(("status", "error", "kind"), REFUSALS)
async def test_refusals_have_their_class(
    openai_wire: Any, status: int, error: dict[str, Any], kind: type[ModelError]
) -> None:
    """Each refusal becomes the error that says what to do."""
    openai_wire.status, openai_wire.reply = status, {"error": error}
    with pytest.raises(ModelError) as caught:
        await model_at(openai_wire).complete(asking())
    assert type(caught.value) is kind


async def test_a_refused_parameter_is_left_out_next_time(openai_wire: Any) -> None:
    """A server with another spelling costs one refused request, not one each."""
    model = model_at(openai_wire)
    good, openai_wire.status = openai_wire.reply, 400
    openai_wire.reply = {
        "error": {"message": "Unsupported parameter: 'max_tokens'", "code": "unsupported_parameter"}
    }
    with pytest.raises(FormatUnsupportedError) as caught:
        await model.complete(asking())
    openai_wire.status, openai_wire.reply = 200, good
    await model.complete(asking())
    assert caught.value.parameter == "max_tokens"
    assert openai_wire.sent["max_completion_tokens"] == 50
    assert "max_tokens" not in openai_wire.sent


async def test_a_key_is_never_shown(openai_wire: Any) -> None:
    """Neither an error, nor its cause, nor a repr gives the key away, even if the server repeats
    it.
    """
    openai_wire.status, openai_wire.reply = (
        401,
        {"error": {"message": f"Incorrect API key provided: {KEY}"}},
    )
    model = model_at(openai_wire, "http://user:hunter2@127.0.0.1:1/v1")
    with pytest.raises(AuthenticationError) as caught:
        await model.complete(asking())
    shown = f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r} {model!r} {model.endpoint}"
    assert KEY not in shown
    assert "hunter2" not in shown
    assert "OPENAI_API_KEY" in shown


async def test_a_redirect_is_not_followed(openai_wire: Any) -> None:
    """The prompt goes to the host that the user named and to no other."""
    openai_wire.status, openai_wire.headers = (
        307,
        {"location": "https://elsewhere.example/v1/chat/completions"},
    )
    with pytest.raises(RequestRefusedError) as caught:
        await model_at(openai_wire).complete(asking())
    assert len(openai_wire.urls) == 1
    assert "elsewhere.example" in str(caught.value.hint)


async def test_other_endpoints_learn_nothing_of_an_openai_account(
    openai_wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Organisation and project of the environment are sent to OpenAI only."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-private")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-private")
    await model_at(openai_wire).complete(asking())
    assert "private" not in str(openai_wire.sent_headers)


def test_an_address_without_scheme_is_refused(openai_wire: Any) -> None:
    """A mistyped endpoint is refused at once, with the right spelling."""
    with pytest.raises(ConfigError) as caught:
        model_at(openai_wire, "127.0.0.1:8080")
    assert "http://" in str(caught.value.hint)
