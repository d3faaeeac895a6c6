"""The Chat Completions protocol: a request as JSON, and a reply read back. It opens no connection.

https://platform.openai.com/docs/api-reference/chat, as OpenAI, llama.cpp, vLLM and LM Studio
implement it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ValidationError

from minions.errors import MalformedReplyError, RequestRefusedError
from minions.models.usage import estimated_usage, possible_candidates
from minions.values.chat import Completion, FinishReason, Usage

if TYPE_CHECKING:
    from minions.values.chat import ChatRequest

_MOST_CANDIDATES = 20
_OPENAI = re.compile(r"https://(?:[\w-]+\.)?api\.openai\.com(?:[:/]|$)")
_REASONING = re.compile(r"(?:o\d|gpt-[5-9])(?!.*chat)")
_FINISH: dict[str | None, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
}


@dataclass(frozen=True)
class Dialect:
    """The parameters that an endpoint takes.

    ``tokens``: the spelling of the limit of output tokens. ``temperature``, ``logprobs``: False if
    the endpoint refuses them.
    """

    tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    logprobs: bool = True

    @classmethod
    def of(cls, endpoint: str, model: str) -> Dialect:
        """The dialect as far as it is known before the first request.

        OpenAI's own endpoint spells the limit in its own way, and its reasoning models take neither
        a temperature nor logprobs.
        """
        if _OPENAI.match(endpoint) is None:
            return cls()
        reasoning = _REASONING.match(model) is not None
        return cls("max_completion_tokens", temperature=not reasoning, logprobs=not reasoning)

    def without(self, parameter: str) -> Dialect:
        """The dialect after the endpoint refused a parameter."""
        if parameter == "max_tokens":
            return replace(self, tokens="max_completion_tokens")
        if parameter == "max_completion_tokens":
            return replace(self, tokens="max_tokens")
        if parameter == "temperature":
            return replace(self, temperature=False)
        return replace(self, logprobs=False)


def request_body(request: ChatRequest, *, model: str, dialect: Dialect) -> dict[str, Any]:
    """The JSON of a request.

    Only the format ``json_schema`` carries the schema; with the others the prompt has to describe
    it.
    """
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        dialect.tokens: request.max_output_tokens,
    }
    if dialect.temperature:
        body["temperature"] = request.temperature
    if request.json_schema is not None and request.response_format == "json_schema":
        schema = {"name": request.schema_name, "strict": True, "schema": dict(request.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif request.response_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    if request.first_token_candidates > 0 and dialect.logprobs:
        body["logprobs"] = True
        body["top_logprobs"] = min(request.first_token_candidates, _MOST_CANDIDATES)
    return body


def read_completion(body: bytes | str, request: ChatRequest) -> Completion:
    """The reply to a request.

    Raises MalformedReplyError, and RequestRefusedError if the model declined to answer.
    """
    try:
        reply = _Reply.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "body"
        raise MalformedReplyError(
            f"the reply is not a chat completion: {place}: {problem['msg']}"
        ) from None
    if not reply.choices:
        raise MalformedReplyError("the reply holds no choice", usage=_usage(reply, request, ""))
    choice = reply.choices[0]
    finish = _FINISH.get(choice.finish_reason, "other")
    text = choice.message.content
    usage = _usage(reply, request, text or "")
    if choice.message.refusal and not text:
        raise RequestRefusedError("the model declined to answer", usage=usage)
    if text is None and finish not in {"length", "content_filter"}:
        raise MalformedReplyError("the reply's choice has no content", usage=usage)
    first_token = _first_token(choice) if request.first_token_candidates > 0 else None
    return Completion(
        text=text or "",
        finish_reason=finish,
        usage=usage,
        model=reply.model,
        first_token=first_token,
    )


def _integer(value: object) -> int | None:
    """Return a count as it is; None for all that is no JSON integer, as if it was not given."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


_Count = Annotated[int | None, BeforeValidator(_integer)]


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Candidate(BaseModel):
    token: str
    logprob: float | None = None


class _Token(_Candidate):
    top_logprobs: list[_Candidate] | None = None


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _InputDetails(BaseModel):
    cached_tokens: _Count = None


class _OutputDetails(BaseModel):
    reasoning_tokens: _Count = None


class _Usage(BaseModel):
    prompt_tokens: _Count = None
    completion_tokens: _Count = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Reply(BaseModel):
    choices: list[_Choice]
    model: str | None = None
    usage: _Usage | None = None


def _usage(reply: _Reply, request: ChatRequest, text: str) -> Usage:
    """The usage that the server counted; an estimate if it counted none."""
    counted = reply.usage
    if counted is None or counted.prompt_tokens is None or counted.completion_tokens is None:
        return estimated_usage(request, text)
    cached = 0
    if counted.prompt_tokens_details is not None:
        cached = counted.prompt_tokens_details.cached_tokens or 0
    reasoning = 0
    if counted.completion_tokens_details is not None:
        reasoning = counted.completion_tokens_details.reasoning_tokens or 0
    return Usage(
        input_tokens=counted.prompt_tokens,
        cached_input_tokens=cached,
        output_tokens=counted.completion_tokens,
        reasoning_tokens=reasoning,
    )


def _first_token(choice: _Choice) -> dict[str, float] | None:
    """The log probability of each candidate of the first token; None if the server gave none."""
    if choice.logprobs is None or not choice.logprobs.content:
        return None
    first = choice.logprobs.content[0]
    given = [(candidate.token, candidate.logprob) for candidate in first.top_logprobs or ()]
    return possible_candidates([(first.token, first.logprob), *given])
