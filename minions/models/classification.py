"""From what an endpoint said when it refused to the error tree. Shared by every adapter that speaks HTTP."""

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
_KEY = re.compile(r"\b(?:sk|pk|rk)-[\w*.-]{4,}|Bearer\s+\S+")
_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error"}
_OVERFLOW = re.compile(
    r"context (?:length|size|window)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|exceeds? the (?:available )?context",
    re.IGNORECASE,
)
_PASSED_ON = re.compile(r"\bError code: (?P<status>4\d\d)\b")
_FORMAT = re.compile(
    r"response_format|json_schema|json_object|json mode|structured output|grammar|\bformat\b|schema",
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
    """An HTTP reply that is not a success: ``message`` and ``code`` from its body, ``retry_after`` as the header had
    it.
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
        """Understand the bodies of OpenAI, llama.cpp, vLLM and Ollama, and take any other as text."""
        text = body.decode("utf-8", "replace").strip()
        error: Any = None
        with suppress(ValueError):
            parsed = json.loads(text)
            error = parsed.get("error", parsed) if isinstance(parsed, dict) else None
        if isinstance(error, dict):
            text = str(error.get("message") or error.get("detail") or text)
            codes = f"{error.get('code') or ''} {error.get('type') or ''}"
            return cls(status, text, codes, str(error.get("param") or ""), retry_after, location)
        return cls(status, error if isinstance(error, str) else text, "", "", retry_after, location)

    def without(self, credentials: tuple[str, ...]) -> Refusal:
        """The refusal, should it repeat what it was sent; an endpoint that has moved is told without its login."""
        moved = (
            None if self.location is None else without(without_login(self.location), credentials)
        )
        return replace(
            self,
            message=without(self.message, credentials),
            code=without(self.code, credentials),
            parameter=without(self.parameter, credentials),
            location=moved,
        )


@dataclass(frozen=True)
class Target:
    """Whom the request was for, and what to type when it is not there."""

    endpoint: str
    key_hint: str
    model_hint: str


def classify(refusal: Refusal, target: Target) -> ModelError:  # noqa: PLR0911 - a table, one line a kind
    """The error of the tree for a refusal; it is raised by the adapter and never tried again there."""
    refusal = _unwrapped(refusal)
    text = f"{target.endpoint} ({refusal.status}): {scrub(refusal.message) or 'no reason given'}"
    status = refusal.status
    if _overflows(refusal):
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
    """Seconds to wait from a Retry-After header: a number, or an HTTP date. None when absent or nonsense."""
    if header is None:
        return None
    with suppress(ValueError):
        seconds = float(header)
        return seconds if 0 <= seconds < float("inf") else None
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(header)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
    return None


def scrub(text: str) -> str:
    """An endpoint's words in one short line, without anything that looks like a key."""
    line = " ".join(_KEY.sub("***", text).split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def _unwrapped(refusal: Refusal) -> Refusal:
    """A gateway's 502 that only passes on the refusal of the server behind it, as that server's."""
    passed_on = (
        _PASSED_ON.search(refusal.message) if refusal.status == HTTPStatus.BAD_GATEWAY else None
    )
    return replace(refusal, status=int(passed_on["status"])) if passed_on else refusal


def _overflows(refusal: Refusal) -> bool:
    if any(code in _OVERFLOW_CODES for code in refusal.code.split()):
        return True
    bad = {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
    return refusal.status in bad and _OVERFLOW.search(refusal.message) is not None


def _not_found(refusal: Refusal, target: Target, text: str) -> ModelError:
    if "model" in f"{refusal.message} {refusal.code}".lower():
        return ModelNotFoundError(text, hint=target.model_hint)
    return RequestRefusedError(
        text,
        hint=f"is {target.endpoint} the right address? OpenAI-compatible endpoints mostly end in /v1",
    )


def _too_many(refusal: Refusal, text: str) -> ModelError:
    if "insufficient_quota" in refusal.code.split():
        return RequestRefusedError(
            text,
            hint="the account has no credit left, and waiting does not help: add credit, or run with --local-only",
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
        return RequestRefusedError(
            text, hint=f"the endpoint has moved; if you trust it, use {refusal.location}"
        )
    named = _PARAMETER.search(refusal.parameter) or _PARAMETER.search(refusal.message)
    unsupported = "unsupported" in refusal.code or _UNSUPPORTED.search(refusal.message) is not None
    if named and unsupported:
        error = FormatUnsupportedError(text)
        error.parameter = named.group().lower()
        return error
    if _FORMAT.search(f"{refusal.parameter} {refusal.message}"):
        return FormatUnsupportedError(text)
    return RequestRefusedError(text)
