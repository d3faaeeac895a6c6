"""Turn an HTTP refusal into an error of the tree, with a hint what to type next.

Every adapter that speaks HTTP uses it.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from minions.errors import (
    AuthenticationError,
    ContextOverflowError,
    DeadlineError,
    FormatUnsupportedError,
    ModelError,
    ModelNotFoundError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)
from minions.network.credentials import without, without_login

_LONGEST_MESSAGE = 300
_LONGEST_WAIT_S = 3600.0
# The only addresses that are quoted where a user may type them.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._:/\[\]-]{1,200}")
_KEY = re.compile(r"\b(?:sk|pk|rk)-[\w*.-]{4,}|Bearer\s+\S+")
_OVERFLOW_STATUSES = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error"}
_OVERFLOW = re.compile(
    r"context (?:length|size|window)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|exceeds? the (?:available )?context",
    re.IGNORECASE,
)
_PASSED_ON = re.compile(r"\bError code: (?P<status>4\d\d)\b")
_FORMAT = re.compile(
    r"response_format|json_schema|json_object|json mode|structured output|grammar|\bformat\b"
    r"|schema",
    re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"max_completion_tokens|max_tokens|temperature|top_logprobs|logprobs", re.IGNORECASE
)
_UNSUPPORTED = re.compile(
    r"not support|unsupported|not (?:allowed|permitted|available|recogni[sz]ed|enabled)"
    r"|unrecogni[sz]ed|unknown|unexpected|extra",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Refusal:
    """An HTTP reply that is not a success.

    ``message``, ``code`` (several, if there are, with spaces between) and ``parameter`` are from
    its body, as far as it has them. ``retry_after`` and ``location`` are its headers, as they came.
    """

    status: int
    message: str = ""
    code: str = ""
    parameter: str = ""
    retry_after: str | None = None
    location: str | None = None

    @classmethod
    def read(
        cls,
        status: int,
        body: bytes,
        *,
        retry_after: str | None = None,
        location: str | None = None,
    ) -> Refusal:
        """Read the error bodies of OpenAI, llama.cpp, vLLM and Ollama; any other body is text."""
        text = body.decode("utf-8", "replace").strip()
        error: Any = None
        with suppress(ValueError, RecursionError):
            parsed = json.loads(text)
            if isinstance(parsed, dict):
                error = parsed.get("error", parsed)
        code = ""
        parameter = ""
        if isinstance(error, dict):
            text = str(error.get("message") or error.get("detail") or text)
            code = f"{error.get('code') or ''} {error.get('type') or ''}"
            parameter = str(error.get("param") or "")
        elif isinstance(error, str):
            text = error
        return cls(status, text, code, parameter, retry_after, location)

    def without(self, credentials: tuple[str, ...]) -> Refusal:
        """The refusal without these credentials: an endpoint may repeat parts of a request.

        A new location is kept without its login.
        """
        moved: str | None = None
        if self.location is not None:
            moved = without(without_login(self.location), credentials)
        return replace(
            self,
            message=without(self.message, credentials),
            code=without(self.code, credentials),
            parameter=without(self.parameter, credentials),
            location=moved,
        )


@dataclass(frozen=True)
class Target:
    """The endpoint that refused, and hints for the user.

    ``key_hint``: what to type if the key is missing or wrong. ``model_hint``: what to type if the
    model is not there.
    """

    endpoint: str
    key_hint: str
    model_hint: str


def classify(refusal: Refusal, target: Target) -> ModelError:  # noqa: PLR0911 - a table, one line a kind
    """The error of the tree for a refusal. The adapter raises it; it never tries again itself."""
    if refusal.status == HTTPStatus.BAD_GATEWAY:
        # A gateway's 502 may only pass on the refusal of the server behind it.
        passed_on = _PASSED_ON.search(refusal.message)
        if passed_on is not None:
            refusal = replace(refusal, status=int(passed_on["status"]))
    status = refusal.status
    message = scrub(refusal.message) or "no reason given"
    text = f"{target.endpoint} ({status}): {message}"
    overflows = status in _OVERFLOW_STATUSES and _OVERFLOW.search(refusal.message) is not None
    if overflows or _OVERFLOW_CODES.intersection(refusal.code.split()):
        return ContextOverflowError(
            text, hint="give the model less at once, or serve it with a larger context"
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return AuthenticationError(text, hint=target.key_hint)
    if status == HTTPStatus.NOT_FOUND:
        return _not_found(refusal, target, text)
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT}:
        return DeadlineError(text)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(refusal, text)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _server(refusal, text)
    return _refused(refusal, text)


def retry_after_s(header: str | None, *, now: datetime | None = None) -> float | None:
    """The seconds to wait by a Retry-After header, which is a number or an HTTP date (RFC 9110).

    None if the header is absent or makes no sense; an hour at most.
    """
    if header is None:
        return None
    with suppress(ValueError):
        seconds = float(header)
        if 0 <= seconds < float("inf"):
            return min(seconds, _LONGEST_WAIT_S)
        return None
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(header)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        wait = when - (now or datetime.now(UTC))
        return min(max(0.0, wait.total_seconds()), _LONGEST_WAIT_S)
    return None


def scrub(text: str) -> str:
    """An endpoint's message as one short line, without anything that looks like a key."""
    line = " ".join(_KEY.sub("***", text).split())
    if len(line) <= _LONGEST_MESSAGE:
        return line
    return line[: _LONGEST_MESSAGE - 1] + "…"


def _not_found(refusal: Refusal, target: Target, text: str) -> ModelError:
    if "model" in f"{refusal.message} {refusal.code}".lower():
        return ModelNotFoundError(text, hint=target.model_hint)
    return RequestRefusedError(
        text,
        hint=f"is {target.endpoint} the right address? "
        "OpenAI-compatible endpoints mostly end in /v1",
    )


def _too_many(refusal: Refusal, text: str) -> ModelError:
    if "insufficient_quota" in refusal.code.split():
        return RequestRefusedError(
            text,
            hint="the account has no credit left, and waiting does not help: "
            "add credit, or run with --local-only",
        )
    return RateLimitedError(
        text,
        hint="wait and try again, or ask for less at once: --concurrency 1",
        retry_after_s=retry_after_s(refusal.retry_after),
    )


def _server(refusal: Refusal, text: str) -> ModelError:
    if "system memory" in refusal.message or refusal.status == HTTPStatus.NOT_IMPLEMENTED:
        return RequestRefusedError(text, hint="choose a smaller model, or another server")
    return ServerError(
        text,
        hint="the server may be loading or overloaded: try again",
        retry_after_s=retry_after_s(refusal.retry_after),
    )


def _refused(refusal: Refusal, text: str) -> ModelError:
    if refusal.location is not None:
        hint = "the endpoint has moved; if you trust it, use its new address"
        if _PLAIN_URL.fullmatch(refusal.location):
            hint = f"the endpoint has moved; if you trust it, use {refusal.location}"
        return RequestRefusedError(text, hint=hint)
    named = _PARAMETER.search(refusal.parameter) or _PARAMETER.search(refusal.message)
    unsupported = "unsupported" in refusal.code or _UNSUPPORTED.search(refusal.message) is not None
    if named and unsupported:
        error = FormatUnsupportedError(text)
        error.parameter = named.group().lower()
        return error
    if _FORMAT.search(f"{refusal.parameter} {refusal.message}"):
        return FormatUnsupportedError(text)
    return RequestRefusedError(text)
