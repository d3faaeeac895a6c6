"""The server's side of two protocols: read requests from JSON, write completions as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.values.chat import Completion, ResponseFormat

Protocol = Literal["openai", "ollama"]


def read_openai(body: dict[str, Any]) -> ChatRequest:
    """Read an OpenAI Chat Completions request.

    Raises KeyError, TypeError, ValueError or AttributeError for any other body.
    """
    form = body.get("response_format") or {"type": "text"}
    wanted = form.get("json_schema") or {}
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    return ChatRequest(
        messages=_messages(body),
        max_output_tokens=int(limit),
        temperature=float(body.get("temperature", 1.0)),
        json_schema=wanted.get("schema"),
        schema_name=wanted.get("name", "reply"),
        response_format=form["type"],
        first_token_candidates=_candidates(body),
    )


def read_ollama(body: dict[str, Any]) -> ChatRequest:
    """Read an Ollama /api/chat request.

    Raises KeyError, TypeError, ValueError or AttributeError for any other body.
    """
    form = body.get("format")
    options = body.get("options") or {}
    schema: dict[str, Any] | None = None
    response_format: ResponseFormat = "text"
    if isinstance(form, dict):
        schema = form
        if schema:
            response_format = "json_schema"
    elif form == "json":
        response_format = "json_object"
    return ChatRequest(
        messages=_messages(body),
        max_output_tokens=int(options.get("num_predict", 0)),
        temperature=float(options.get("temperature", 0.8)),
        json_schema=schema,
        response_format=response_format,
        first_token_candidates=_candidates(body),
    )


def write_openai(completion: Completion, *, model: str, usage: bool) -> dict[str, Any]:
    """Write an OpenAI Chat Completions reply; ``usage`` says whether it states the usage."""
    finish_reason: str = completion.finish_reason
    if finish_reason == "other":
        finish_reason = "tool_calls"
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": completion.text},
        "finish_reason": finish_reason,
    }
    if completion.first_token is not None:
        choice["logprobs"] = {"content": [_token(completion)]}
    reply: dict[str, Any] = {
        "object": "chat.completion",
        "model": completion.model or model,
        "choices": [choice],
    }
    if usage:
        counted = completion.usage
        reply["usage"] = {
            "prompt_tokens": counted.input_tokens,
            "completion_tokens": counted.output_tokens,
            "total_tokens": counted.input_tokens + counted.output_tokens,
            "prompt_tokens_details": {"cached_tokens": counted.cached_input_tokens},
            "completion_tokens_details": {"reasoning_tokens": counted.reasoning_tokens},
        }
    return reply


def write_ollama(completion: Completion, *, model: str, usage: bool) -> dict[str, Any]:
    """Write an Ollama /api/chat reply; ``usage`` says whether it states the usage."""
    reply: dict[str, Any] = {
        "model": completion.model or model,
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": completion.text},
        "done": True,
        "done_reason": completion.finish_reason,
    }
    if completion.first_token is not None:
        reply["logprobs"] = [_token(completion)]
    if usage:
        reply["prompt_eval_count"] = completion.usage.input_tokens
        reply["eval_count"] = completion.usage.output_tokens
    return reply


def write_error(protocol: Protocol, message: str, code: str | None) -> dict[str, Any]:
    """Write the body of an error reply."""
    if protocol == "ollama":
        return {"error": message}
    return {"error": {"message": message, "type": code, "code": code, "param": None}}


def pages(
    names: Sequence[str], *, window: int, slots: int
) -> dict[str, dict[str, Any] | list[Any]]:
    """Write the pages that both protocols serve by GET, by their paths.

    ``names`` are the models, ``window`` the context tokens of each, ``slots`` the requests at a
    time.
    """
    data: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    loaded: list[dict[str, Any]] = []
    for name in names:
        data.append({"id": name, "object": "model"})
        tags.append({"name": name, "model": name, "size": 1})
        loaded.append({"name": name, "model": name, "context_length": window})
    return {
        "/v1/models": {"object": "list", "data": data},
        "/props": {
            "default_generation_settings": {"n_ctx": window},
            "total_slots": slots,
            "model_path": names[0],
        },
        "/slots": [
            {"id": number, "n_ctx": window, "is_processing": False} for number in range(slots)
        ],
        "/health": {"status": "ok"},
        "/api/tags": {"models": tags},
        "/api/ps": {"models": loaded},
        "/api/version": {"version": "0.0.0-loopback"},
    }


def _candidates(body: dict[str, Any]) -> int:
    """Return the number of candidates wanted for each token."""
    if not body.get("logprobs"):
        return 0
    return int(body.get("top_logprobs") or 0)


def _messages(body: dict[str, Any]) -> tuple[Message, ...]:
    return tuple(Message(role=item["role"], content=item["content"]) for item in body["messages"])


def _token(completion: Completion) -> dict[str, Any]:
    ranked = sorted((completion.first_token or {}).items(), key=lambda item: -item[1])
    candidates = [{"token": token, "logprob": logprob} for token, logprob in ranked]
    return {**candidates[0], "top_logprobs": candidates}
