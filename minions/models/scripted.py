"""A ChatModel without a model: replies from a list, a function or rules. Public, for tests, examples and offline
trials.
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

_SHOWN = 80


class Rule(Value):
    """A reply for requests whose prompt holds ``contains`` and matches ``matches`` (a regular expression); both may be
    left out.

    ``where``: in all messages, or in the last user message only. ``reply``: text, or a JSON object. ``first_token``:
    log probabilities, given when a request asks for candidates; the text is then the likeliest of them. A rule with
    ``first_token`` and no ``reply`` answers such requests only.
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
        """Whether this rule answers the request."""
        if self.reply is None and not request.first_token_candidates:
            return False
        text = (
            _last_user(request)
            if self.where == "last_user"
            else "\n".join(m.content for m in request.messages)
        )
        contained = self.contains is None or self.contains in text
        return contained and (self.matches is None or re.search(self.matches, text) is not None)

    def answer(self, request: ChatRequest) -> Completion:
        """The completion of a request to which the rule applies."""
        if self.first_token and request.first_token_candidates:
            text = max(self.first_token, key=self.first_token.__getitem__)
            return Completion(
                text=text,
                finish_reason=self.finish_reason,
                usage=estimated_usage(request, text),
                first_token=self.first_token,
            )
        return _completed(self.reply, request).model_copy(
            update={"finish_reason": self.finish_reason}
        )


class ScriptFile(Value):
    """What a ``scripted:PATH.json`` file holds: rules, tried in order, and a reply for the rest."""

    rules: tuple[Rule, ...] = ()
    default: Any = None


class Script:
    """Decides replies: from a list in order, from a function of the request, or from rules and a ``default``."""

    def __init__(
        self,
        replies: Iterable[Reply | Replier] | Replier = (),
        *,
        rules: Sequence[Rule] = (),
        default: Reply | None = None,
    ) -> None:
        self._replier = replies if callable(replies) else None
        self._replies = [] if callable(replies) else list(replies)
        self._rules = tuple(rules)
        self._default = default
        self._given = 0

    def reply(self, request: ChatRequest, *, name: str = "the script") -> Completion:
        """The completion for a request. Raises the scripted ModelError, or RequestRefusedError when none is."""
        reply = self._choose(request, name)
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, ModelError):
            raise reply
        return reply if isinstance(reply, Completion) else _completed(reply, request)

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
            f"{name} has no reply: {len(self._replies)} replies are used up, and none of its {len(self._rules)} rules "
            f"matches the request that ends in {asked!r}",
            hint='add a rule for it, or a "default"',
        )


class ScriptedModel:
    """A ChatModel that answers from a script; ``requests`` keeps what it was asked, in order.

    ``replies``: a list of texts, JSON objects, Completions, ModelErrors (raised) or functions of the request that
    return one of those; or one such function for all. ``rules`` come before the list, ``default`` after it. Usage is
    estimated from the texts.
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
        """The model of a reference ``scripted:PATH.json``. Raises ConfigError when the file cannot be used."""
        script = _read_script(Path(ref.model).expanduser())
        return cls(rules=script.rules, default=script.default, reference=str(ref))

    def __repr__(self) -> str:
        return f"ScriptedModel({self._reference!r})"

    @property
    def reference(self) -> str:
        """``scripted:name``."""
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
    return next(
        (message.content for message in reversed(request.messages) if message.role == "user"), ""
    )


def _read_script(path: Path) -> ScriptFile:
    shape = '{"rules": [{"contains": "...", "reply": "..."}], "default": "..."}'
    try:
        return ScriptFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"cannot read the script {path}: {error.strerror}",
            hint=f"scripted:PATH names a JSON file: {shape}",
        ) from error
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ConfigError(
            f"{path} is not a script: {place}: {problem['msg']}", hint=f"its shape is {shape}"
        ) from error
