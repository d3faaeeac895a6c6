"""Adapter for OpenAI-compatible endpoints (OpenAI, llama.cpp, vLLM, LM Studio, gateways)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from minions.errors import (
    ConfigError,
    DeadlineError,
    FormatUnsupportedError,
    MalformedReplyError,
    ServerError,
    UnreachableError,
)
from minions.models.chat_completions import Dialect, read_completion, request_body
from minions.models.classification import Refusal, Target, classify
from minions.network.credentials import credentials_of, without_login
from minions.network.reference import is_loopback_url, shown_url
from minions.network.replies import ENCODING, read_bounded
from minions.network.timeouts import Timeouts, verification_for
from minions.network.wire import note_request, refusal_within

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI

    from minions.errors import ModelError
    from minions.network.reference import ModelRef
    from minions.values.chat import ChatRequest, Completion


class OpenAIModel:
    """A ChatModel at an OpenAI-compatible endpoint. One ``complete`` is one request.

    It neither retries nor follows redirects. ``base_url`` ends in ``/v1`` as a rule. ``extra_body``
    is merged into every request (for example ``cache_prompt`` for llama.cpp). An ``http_client``
    becomes the model's own: it gets the hooks that note what is sent, and is closed with the model.

    Raises ConfigError if ``base_url`` is not an http(s) URL.
    """

    def __init__(
        self,
        ref: ModelRef,
        *,
        base_url: str,
        api_key: str,
        timeout: Timeouts | None = None,
        http_client: httpx2.AsyncClient | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            shown = without_login(f"@{base_url}")[1:]
            raise ConfigError(
                f"{shown!r} is not the URL of an endpoint",
                hint="write it with its scheme: http://127.0.0.1:8080/v1",
            )
        self._ref = ref
        self._base_url = base_url
        self._endpoint = shown_url(base_url)
        self._api_key = api_key
        self._timeout = timeout or Timeouts()
        self._http_client = http_client
        self._extra_body = dict(extra_body or {})
        self._dialect = Dialect.of(base_url, ref.model)
        self._client: AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"OpenAIModel({self.reference!r}, {self.endpoint!r})"

    @property
    def reference(self) -> str:
        """The model's reference: ``openai:model``."""
        return str(self._ref)

    @property
    def endpoint(self) -> str:
        """The base URL, without credentials."""
        return self._endpoint

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer one request.

        Raises ModelError, and EgressRefusedError if the connection is not allowed.
        """
        import httpx2
        import openai

        body = request_body(request, model=self._ref.model, dialect=self._dialect)
        body |= self._extra_body
        # The SDK's errors hold the request, with the key and the prompt: they are not chained.
        try:
            async with asyncio.timeout(self._timeout.total_s):
                # Not chat.completions.create: it walks through every message and schema, which is
                # a quarter of a call's work.
                response = await self._connect().post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body=body,
                    options={"security": {"bearer_auth": True}},
                )
        except TimeoutError:
            raise self._too_slow(self._timeout.total_s) from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APIConnectionError as error:
            raise refusal_within(error) or self._disconnected(error) from None
        except ExceptionGroup as group:  # of the task group in which the client connects
            raise refusal_within(group) or self._unreachable() from None
        except openai.OpenAIError as error:
            raise MalformedReplyError(f"{self.endpoint}: {type(error).__name__}") from None
        return read_completion(response.content, request)

    async def aclose(self) -> None:
        """Release the connections. May be called twice."""
        client = self._client
        self._client = None
        if client is not None:
            await client.close()

    def _connect(self) -> AsyncOpenAI:
        """The client, made on first use: the SDK takes a while to import."""
        if self._client is None:
            from openai import AsyncOpenAI

            http_client = self._http_client or _http_client(self._base_url, self._timeout)
            http_client.event_hooks["request"].append(_note_request)
            http_client.event_hooks["response"].append(self._note_response)
            self._client = AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._api_key or "none",
                max_retries=0,
                timeout=http_client.timeout,
                http_client=http_client,
            )
            if self._dialect.tokens == "max_tokens":
                # The SDK reads these from OPENAI_* variables. They are meant for OpenAI alone, and
                # are not sent to any other endpoint.
                self._client.organization = None
                self._client.project = None
        return self._client

    async def _note_response(self, response: httpx2.Response) -> None:
        await read_bounded(response, self.endpoint)

    def _refused(self, error: APIStatusError) -> ModelError:
        response = error.response
        refusal = Refusal.read(
            error.status_code,
            response.content,
            retry_after=response.headers.get("retry-after"),
            location=response.headers.get("location") if response.is_redirect else None,
        ).without(credentials_of(self._base_url, self._api_key))
        if is_loopback_url(self._base_url):
            model_hint = f"see what it serves: curl {self.endpoint}/models"
        else:
            model_hint = f"is {self._ref.model!r} spelt right, and may your key use it?"
        target = Target(
            endpoint=self.endpoint,
            key_hint="export OPENAI_API_KEY=... (the key that this endpoint expects)",
            model_hint=model_hint,
        )
        classified = classify(refusal, target)
        if isinstance(classified, FormatUnsupportedError) and classified.parameter:
            self._dialect = self._dialect.without(classified.parameter)
        return classified

    def _disconnected(self, error: APIConnectionError) -> ModelError:
        """The error of the tree for a connection that failed, or was never made."""
        import httpx2

        cause = error.__cause__
        if isinstance(cause, MalformedReplyError):
            return cause
        if isinstance(cause, (httpx2.ConnectTimeout, httpx2.ConnectError)):
            return self._unreachable()
        if isinstance(cause, httpx2.TimeoutException):
            return self._too_slow(self._timeout.first_token_s)
        if isinstance(cause, (httpx2.NetworkError, httpx2.ProtocolError)):
            return ServerError(
                f"{self.endpoint} closed the connection before its reply was complete"
            )
        if isinstance(cause, httpx2.DecodingError):
            return MalformedReplyError(f"{self.endpoint} sent a body that cannot be decoded")
        return self._unreachable()

    def _unreachable(self) -> ModelError:
        first = "start the server" if is_loopback_url(self._base_url) else "check the network"
        return UnreachableError(
            f"nothing answers at {self.endpoint}",
            hint=f"{first}, or correct the address: export OPENAI_BASE_URL=...",
        )

    def _too_slow(self, limit_s: float) -> DeadlineError:
        return DeadlineError(
            f"{self.endpoint} did not answer within {limit_s:g} s",
            hint="the server is overloaded or the model too slow for it: "
            "try a smaller model, or --chunk-tokens N",
        )


def _http_client(base_url: str, timeout: Timeouts) -> httpx2.AsyncClient:
    import httpx2

    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout.first_token_s, connect=timeout.connect_s),
        verify=verification_for(base_url),
        follow_redirects=False,
        # Requests to this machine itself do not take a detour through a proxy.
        trust_env=not is_loopback_url(base_url),
    )


async def _note_request(request: httpx2.Request) -> None:
    name, value = ENCODING
    request.headers[name] = value
    note_request(request.content)
