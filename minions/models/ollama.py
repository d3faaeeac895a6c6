"""Ollama's native chat API through the ``ollama`` client.

Ollama cuts the head off a prompt that is longer than its context, and answers 200 all the same. So
each request asks for the context it needs, and the number of tokens that were read is checked.
"""

from __future__ import annotations

import asyncio
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from minions.errors import (
    ConfigError,
    ContextOverflowError,
    DeadlineError,
    EgressRefusedError,
    MalformedReplyError,
    ServerError,
    UnreachableError,
)
from minions.models.classification import Refusal, Target, classify
from minions.models.usage import estimated_prompt_tokens, possible_candidates
from minions.network import probes
from minions.network.credentials import credentials_of
from minions.network.reference import is_loopback_url, shown_url
from minions.network.replies import ENCODING, read_bounded
from minions.network.timeouts import Timeouts, verification_for
from minions.network.wire import note_request, refusal_within
from minions.text.tokens import estimate_tokens
from minions.values.chat import Completion, FinishReason, Usage

if TYPE_CHECKING:
    import httpx
    from ollama import AsyncClient, ChatResponse

    from minions.errors import ModelError
    from minions.network.reference import ModelRef
    from minions.values.chat import ChatRequest

_SMALLEST_CONTEXT = 2048  # tokens that are asked for
_SMALLEST_MODEL_CONTEXT = 512  # tokens that a model may have of its own
_ESTIMATE_MARGIN = 1.25  # room for an estimate that is too low
_MOST_CANDIDATES = 20
# Shares of a prompt's estimated tokens.
_FAR_BELOW = 0.5  # read less than this: a part was lost, or was cached
_CERTAINLY = 0.8  # a prompt has at least this many
_FINISH: dict[str | None, FinishReason] = {"stop": "stop", "length": "length"}


class OllamaModel:
    """A ChatModel of an Ollama server at ``host``. One ``complete`` is one request.

    It neither retries nor follows redirects. ``num_ctx``: the context to ask for, in tokens; None
    sizes it for the longest prompt so far, in coarse steps, because the server loads the model anew
    whenever it changes. ``keep_alive``: how long the model stays loaded. ``think``: models that can
    reason do so before they reply. ``must_be_here``: the server is asked first if it runs the model
    itself, and nothing is sent to a model that it passes on. ``transport`` replaces the HTTP
    transport, for tests.
    """

    def __init__(
        self,
        ref: ModelRef,
        *,
        host: str,
        num_ctx: int | None = None,
        keep_alive: float | str | None = "30m",
        timeouts: Timeouts | None = None,
        think: bool | None = False,
        must_be_here: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._ref = ref
        self._host = host if "://" in host else f"http://{host}"
        self._num_ctx = num_ctx
        self._largest_num_ctx = _SMALLEST_CONTEXT
        self._keep_alive = keep_alive
        self._timeouts = timeouts or Timeouts()
        self._think = think
        self._must_be_here = must_be_here
        self._is_here = not must_be_here
        self._transport = transport
        self._client: AsyncClient | None = None

    def __repr__(self) -> str:
        return f"OllamaModel({self.reference!r}, {self.endpoint!r})"

    @property
    def reference(self) -> str:
        """The model's reference: ``ollama:model``."""
        return str(self._ref)

    @property
    def endpoint(self) -> str:
        """The server's address, without credentials."""
        return shown_url(self._host)

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer one request.

        Raises ModelError, and EgressRefusedError if the model or the connection is not allowed.
        """
        import httpx

        await self.require_here()
        num_ctx = self._context_for(request)
        try:
            async with asyncio.timeout(self._timeouts.total_s):
                response = await self._connect().chat(**self._arguments(request, num_ctx))
        except TimeoutError:
            raise self._too_slow(self._timeouts.total_s) from None
        except (httpx.ConnectTimeout, ConnectionError):
            raise self._unreachable() from None
        except httpx.TimeoutException:
            raise self._too_slow(self._timeouts.first_token_s) from None
        except (httpx.NetworkError, httpx.ProtocolError):
            raise ServerError(
                f"{self.endpoint} closed the connection before its reply was complete"
            ) from None
        except ExceptionGroup as group:  # of the task group in which the client connects
            raise refusal_within(group) or self._unreachable() from None
        except (httpx.HTTPError, ValueError, TypeError, RecursionError) as error:
            # The client builds its reply from any JSON, and fails in its own ways if that is not a
            # chat reply.
            raise MalformedReplyError(
                f"{self.endpoint}: not a chat reply ({type(error).__name__})"
            ) from None
        return _read(response, request, num_ctx)

    async def require_here(self) -> None:
        """Ask once if the server runs the model itself, if ``must_be_here`` is set.

        Raises EgressRefusedError if it does not, and UnreachableError if nothing answers: a model
        that is not known to be here may be anywhere.
        """
        if self._is_here:
            return
        status, remote = await asyncio.to_thread(
            probes.ollama_remote,
            self._host.rstrip("/"),
            self._ref.model,
            timeout_s=self._timeouts.connect_s,
        )
        if remote is not None:
            raise self._passed_on(remote)
        if status is None:
            raise self._unreachable()
        # A model that the server does not have yet may come from anywhere: it is asked again.
        self._is_here = status == HTTPStatus.OK

    async def aclose(self) -> None:
        """Release the connections. May be called twice."""
        client = self._client
        self._client = None
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]  # untyped there

    def _context_for(self, request: ChatRequest) -> int:
        """The context to ask for, in tokens."""
        if self._num_ctx is not None:
            return self._num_ctx
        prompt = int(estimated_prompt_tokens(request) * _ESTIMATE_MARGIN)
        needed = prompt + request.max_output_tokens
        self._largest_num_ctx = max(self._largest_num_ctx, context_bucket(needed))
        return self._largest_num_ctx

    def _arguments(self, request: ChatRequest, num_ctx: int) -> dict[str, Any]:
        """The arguments of the client's ``chat``."""
        reply_format: Any = None
        if request.json_schema is not None and request.response_format == "json_schema":
            reply_format = dict(request.json_schema)
        elif request.response_format == "json_object":
            reply_format = "json"
        candidates = min(request.first_token_candidates, _MOST_CANDIDATES)
        messages = [
            {"role": message.role, "content": message.content} for message in request.messages
        ]
        return {
            "model": self._ref.model,
            "messages": messages,
            "stream": False,
            "format": reply_format,
            "options": {
                "num_ctx": num_ctx,
                "num_predict": request.max_output_tokens,
                "temperature": request.temperature,
            },
            "keep_alive": self._keep_alive,
            "think": self._think,
            "logprobs": True if candidates else None,
            "top_logprobs": candidates or None,
        }

    def _connect(self) -> AsyncClient:
        """The client, made on first use. Raises ConfigError if the proxies cannot be used."""
        if self._client is None:
            import httpx

            try:
                # The package makes a client of its own as it loads, with the environment's proxies.
                from ollama import AsyncClient
            except (ImportError, ValueError, httpx.InvalidURL) as error:
                raise ConfigError(
                    f"the ollama client cannot be loaded with this environment's proxies: {error}",
                    hint="unset ALL_PROXY, HTTP_PROXY and HTTPS_PROXY, or set NO_PROXY='*' "
                    "(SOCKS: pip install 'httpx[socks]')",
                ) from None
            self._client = AsyncClient(
                host=self._host,
                timeout=httpx.Timeout(
                    self._timeouts.first_token_s, connect=self._timeouts.connect_s
                ),
                verify=verification_for(self._host),
                follow_redirects=False,
                # Requests to this machine itself do not take a detour through a proxy.
                trust_env=not is_loopback_url(self._host),
                transport=self._transport,
                event_hooks={"request": [_note_request], "response": [self._check]},
            )
        return self._client

    async def _check(self, response: httpx.Response) -> None:
        """Note the bytes that came, and raise the error of a refusal.

        It is raised here because the client's own error loses the headers, such as Retry-After.
        """
        await read_bounded(response, self.endpoint)
        if response.is_success:
            if self._must_be_here and b'"remote_' in response.content:
                # The model may have become another since the server was asked.
                remote = probes.remote_of(response.content)
                if remote is not None:
                    raise self._passed_on(remote)
            return
        refusal = Refusal.read(
            response.status_code,
            response.content,
            retry_after=response.headers.get("retry-after"),
            location=response.headers.get("location") if response.is_redirect else None,
        )
        api_key = os.environ.get("OLLAMA_API_KEY")  # the client reads it by itself
        refusal = refusal.without(credentials_of(self._host, api_key))
        target = Target(
            endpoint=self.endpoint,
            key_hint="export OLLAMA_API_KEY=... (this server asks for a key)",
            model_hint=f"ollama pull {self._ref.model}",
        )
        raise classify(refusal, target)

    def _passed_on(self, remote: str) -> EgressRefusedError:
        return EgressRefusedError(
            f"{self.endpoint} does not run {self.reference} itself but passes it on to {remote}",
            hint="choose a model that runs here, or name the cloud model itself (its tag ends in "
            "-cloud): then all that is sent to it is limited, counted and logged; "
            "a worker needs --allow-remote-workers, too",
        )

    def _unreachable(self) -> ModelError:
        return UnreachableError(
            f"nothing answers at {self.endpoint}",
            hint="ollama serve (or correct the address: export OLLAMA_HOST=...)",
        )

    def _too_slow(self, limit_s: float) -> DeadlineError:
        return DeadlineError(
            f"{self.endpoint} did not answer within {limit_s:g} s",
            hint="the server is overloaded or the model too slow for it: "
            "try a smaller model, or --chunk-tokens N",
        )


def context_bucket(tokens: int) -> int:
    """The context to ask for: the next of 2048, 3072, 4096, 6144, 8192, ... tokens."""
    bucket = _SMALLEST_CONTEXT
    while bucket < tokens:
        half_step = bucket + bucket // 2
        if half_step >= tokens:
            return half_step
        bucket *= 2
    return bucket


def was_cut(read: int | None, *, num_ctx: int, estimate: int) -> bool:
    """True if the server lost a part of the prompt.

    ``read``: the tokens that it reports to have read; None if it does not say. ``estimate``: the
    prompt's estimated tokens.

    A cut prompt fills the context exactly. A model whose own context is smaller than ``num_ctx``
    fills that one: a power of two, far below the estimate. A small count alone is no sign: some
    servers leave out the tokens that they had cached, and proxies count words.
    """
    overlong = estimate * _CERTAINLY > num_ctx
    if not read:
        return overlong
    if read >= num_ctx:
        return True
    power_of_two = read >= _SMALLEST_MODEL_CONTEXT and read & (read - 1) == 0
    return read < estimate * _FAR_BELOW and (overlong or power_of_two)


def _read(response: ChatResponse, request: ChatRequest, num_ctx: int) -> Completion:
    """The reply to a request. Raises ContextOverflowError if the prompt was cut."""
    usage = _usage(response, request)
    estimate = estimated_prompt_tokens(request)
    if was_cut(response.prompt_eval_count, num_ctx=num_ctx, estimate=estimate):
        raise ContextOverflowError(
            f"the prompt was cut to fit the context of {num_ctx} tokens",
            hint="give the model less at once, or ask for a larger context: --context-tokens N",
            usage=usage,
        )
    text = response.message.content
    finish = _FINISH.get(response.done_reason, "other")
    if text is None and finish != "length":
        raise MalformedReplyError("the reply's message has no content", usage=usage)
    return Completion(
        text=text or "",
        finish_reason=finish,
        usage=usage,
        model=response.model,
        first_token=_first_token(response) if request.first_token_candidates else None,
    )


def _usage(response: ChatResponse, request: ChatRequest) -> Usage:
    """The usage that the server counted; an estimate if it did not count."""
    read = response.prompt_eval_count
    written = response.eval_count
    estimated = read is None or written is None
    if read is None:
        read = estimated_prompt_tokens(request)
    if written is None:
        written = estimate_tokens(response.message.content or "")
    return Usage(input_tokens=read, output_tokens=written, estimated=estimated)


def _first_token(response: ChatResponse) -> dict[str, float] | None:
    """The log probability of each candidate of the first token; None if the server gave none."""
    if not response.logprobs:
        return None
    first = response.logprobs[0]
    given = [(candidate.token, candidate.logprob) for candidate in first.top_logprobs or ()]
    return possible_candidates([(first.token, first.logprob), *given])


async def _note_request(request: httpx.Request) -> None:
    name, value = ENCODING
    request.headers[name] = value
    note_request(request.content)
