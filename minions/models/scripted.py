"""A ChatModel without a model: its replies come from a list, a function or rules.

It is public, for tests, examples and offline trials.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError, model_validator

from minions.errors import ConfigError, ModelError, RequestRefusedError
from minions.models.usage import estimated_usage
from minions.values.base import Value
from minions.values.chat import ChatRequest, Completion, FinishReason

if TYPE_CHECKING:
    from minions.network.reference import ModelRef

Reply = str | Mapping[str, Any] | Completion | ModelError
Replier = Callable[[ChatRequest], Reply]

_SHAPE = '{"rules": [{"contains": "...", "reply": "..."}], "default": "..."}'
_SHOWN = 80  # characters of a request that an error quotes


class Rule(Value):
    """A reply for the requests that match.

    ``contains``, ``matches``: a text and a regular expression that the prompt has to contain; both
    may be left out. ``where``: they are looked for in all messages, or in the last user message
    only. ``reply``: text, or a JSON object. ``first_token``: log probabilities, given if a request
    asks for candidates; the text is then the likeliest of them. A rule with ``first_token`` and
    without ``reply`` answers such requests only.
    """

    contains: str | None = None
    matches: str | None = None
    where: Literal["prompt", "last_user"] = "prompt"
    reply: Any = None
    first_token: Mapping[str, float] | None = None
    finish_reason: FinishReason = "stop"

    @model_validator(mode="after")
    def _answers(self) -> Rule:
        if self.reply is None and not self.first_token:
            raise ValueError("a rule needs a reply or a first_token")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is not a regular expression: {error}") from error
        return self

    def applies(self, request: ChatRequest) -> bool:
        """True if this rule answers the request."""
        if self.reply is None and not request.first_token_candidates:
            return False
        if self.where == "last_user":
            text = _last_user(request)
        else:
            text = "\n".join(message.content for message in request.messages)
        if self.contains is not None and self.contains not in text:
            return False
        return self.matches is None or re.search(self.matches, text) is not None

    def answer(self, request: ChatRequest) -> Completion:
        """The completion for a request that the rule answers."""
        if self.first_token and request.first_token_candidates:
            text = max(self.first_token, key=self.first_token.__getitem__)
            return Completion(
                text=text,
                finish_reason=self.finish_reason,
                usage=estimated_usage(request, text),
                first_token=self.first_token,
            )
        completion = _completed(self.reply, request)
        return completion.model_copy(update={"finish_reason": self.finish_reason})


class ScriptFile(Value):
    """The content of a ``scripted:PATH.json`` file: rules, tried in order, and a default reply."""

    rules: tuple[Rule, ...] = ()
    default: Any = None


class Script:
    """Decides replies: from a list, from a function of the request, or from rules and a default."""

    def __init__(
        self,
        replies: Iterable[Reply | Replier] | Replier = (),
        *,
        rules: Sequence[Rule] = (),
        default: Reply | None = None,
    ) -> None:
        self._replier: Replier | None = None
        self._replies: list[Reply | Replier] = []
        if callable(replies):
            self._replier = replies
        else:
            self._replies = list(replies)
        self._rules = tuple(rules)
        self._default = default
        self._given = 0

    def reply(self, request: ChatRequest, *, name: str = "the script") -> Completion:
        """The completion for a request.

        Raises the scripted ModelError if the reply is one, and RequestRefusedError if there is no
        reply.
        """
        reply = self._choose(request, name)
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, ModelError):
            raise reply
        if isinstance(reply, Completion):
            return reply
        return _completed(reply, request)

    def _choose(self, request: ChatRequest, name: str) -> Reply | Replier:
        if self._replier is not None:
            return self._replier
        for rule in self._rules:
            if rule.applies(request):
                return rule.answer(request)
        if self._given < len(self._replies):
            self._given += 1
            return self._replies[self._given - 1]
        if self._default is not None:
            return self._default
        asked = _last_user(request)[-_SHOWN:]
        raise RequestRefusedError(
            f"{name} has no reply: {len(self._replies)} replies are used up, "
            f"and none of its {len(self._rules)} rules matches the request that ends in {asked!r}",
            hint='add a rule for it, or a "default"',
        )


class ScriptedModel:
    """A ChatModel that answers from a script; ``requests`` keeps its requests, in order.

    ``replies``: a list of texts, JSON objects, Completions, ModelErrors (which are raised), or
    functions of the request that return one of those; or one such function for all requests.
    ``rules`` come before the list, ``default`` after it. Usage is estimated from the texts.
    """

    def __init__(
        self,
        replies: Iterable[Reply | Replier] | Replier = (),
        *,
        rules: Sequence[Rule] = (),
        default: Reply | None = None,
        reference: str = "scripted:test",
        endpoint: str = "in-process",
    ) -> None:
        self._script = Script(replies, rules=rules, default=default)
        self._reference = reference
        self._endpoint = endpoint
        self.requests: list[ChatRequest] = []
        self.closed = False

    @classmethod
    def from_file(cls, ref: ModelRef) -> ScriptedModel:
        """The model of a reference ``scripted:PATH.json``.

        Raises ConfigError if the file cannot be used.
        """
        path = Path(ref.model).expanduser()
        try:
            script = ScriptFile.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigError(
                f"cannot read the script {path}: {error.strerror}",
                hint=f"scripted:PATH names a JSON file: {_SHAPE}",
            ) from error
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in problem["loc"]) or "the file"
            raise ConfigError(
                f"{path} is not a script: {place}: {problem['msg']}", hint=f"its shape is {_SHAPE}"
            ) from error
        return cls(rules=script.rules, default=script.default, reference=str(ref))

    def __repr__(self) -> str:
        return f"ScriptedModel({self._reference!r})"

    @property
    def reference(self) -> str:
        """The model's reference: ``scripted:name``."""
        return self._reference

    @property
    def endpoint(self) -> str:
        """``in-process``, unless another was given."""
        return self._endpoint

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer from the script. Raises ModelError and nothing else."""
        self.requests.append(request)
        return self._script.reply(request, name=self._reference)

    async def aclose(self) -> None:
        """Set ``closed``. May be called twice."""
        self.closed = True


def _completed(reply: Any, request: ChatRequest) -> Completion:
    text = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
    return Completion(text=text, finish_reason="stop", usage=estimated_usage(request, text))


def _last_user(request: ChatRequest) -> str:
    """The text of the last user message; empty if there is none."""
    for message in reversed(request.messages):
        if message.role == "user":
            return message.content
    return ""
