"""The server's side of two protocols: requests read from JSON, completions written as JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from minions.values.chat import Completion

Protocol = Literal["openai", "ollama"]


def read_openai(body: dict[str, Any]) -> ChatRequest:
    """A Chat Completions request. Raises KeyError, TypeError or ValueError when it is none."""
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
        first_token_candidates=int(body.get("top_logprobs") or 0) if body.get("logprobs") else 0,
    )


def read_ollama(body: dict[str, Any]) -> ChatRequest:
    """An /api/chat request. Raises KeyError, TypeError or ValueError when it is none."""
    form, options = body.get("format"), body.get("options") or {}
    schema = form if isinstance(form, dict) else None
    return ChatRequest(
        messages=_messages(body),
        max_output_tokens=int(options.get("num_predict", 0)),
        temperature=float(options.get("temperature", 0.8)),
        json_schema=schema,
        response_format="json_schema" if schema else "json_object" if form == "json" else "text",
        first_token_candidates=int(body.get("top_logprobs") or 0) if body.get("logprobs") else 0,
    )


def write_openai(completion: Completion, *, model: str, usage: bool) -> dict[str, Any]:
    """A Chat Completions reply; without ``usage`` where a server leaves it out."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": completion.text},
        "finish_reason": "tool_calls"
        if completion.finish_reason == "other"
        else completion.finish_reason,
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
    """An /api/chat reply; without ``usage`` where a server leaves it out."""
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
    """A refusal's body."""
    if protocol == "ollama":
        return {"error": message}
    return {"error": {"message": message, "type": code, "code": code, "param": None}}


def _messages(body: dict[str, Any]) -> tuple[Message, ...]:
    return tuple(Message(role=item["role"], content=item["content"]) for item in body["messages"])


def _token(completion: Completion) -> dict[str, Any]:
    ranked = sorted((completion.first_token or {}).items(), key=lambda item: -item[1])
    candidates = [{"token": token, "logprob": logprob} for token, logprob in ranked]
    return {**candidates[0], "top_logprobs": candidates}
