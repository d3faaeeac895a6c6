"""Retries have one owner, and end."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import stamina
from structlog.testing import capture_logs

from minions.errors import (
    AuthenticationError,
    BudgetExceededError,
    ContextOverflowError,
    DeadlineError,
    FormatUnsupportedError,
    MalformedReplyError,
    MinionsError,
    ModelNotFoundError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnreachableError,
)
from minions.models.retrying import _patience, retrying
from minions.models.scripted import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.values.chat import ChatRequest, Completion


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Stamina's test mode: as many attempts as asked for, without waits."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.mark.parametrize(
    "error",
    [UnreachableError, RateLimitedError, ServerError, DeadlineError, MalformedReplyError],
    ids=lambda error: error.__name__,
)
async def test_passing_trouble_is_tried_again(asking: Any, error: Any) -> None:
    """A hiccup does not reach the user."""
    model = ScriptedModel([error("x"), error("x"), "ok"])
    assert (await retrying(model, attempts=3).complete(asking())).text == "ok"


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError,
        ModelNotFoundError,
        RequestRefusedError,
        FormatUnsupportedError,
        ContextOverflowError,
    ],
    ids=lambda e: e.__name__,
)
async def test_lasting_trouble_is_not(asking: Any, error: Any) -> None:
    """An error that would come again is not retried."""
    model = ScriptedModel([error("x"), "ok"])
    with pytest.raises(error):
        await retrying(model, attempts=3).complete(asking())
    assert len(model.requests) == 1


async def test_a_budget_is_never_tried_again(asking: Any) -> None:
    """A call that a limit stopped is not retried."""

    class Stopped(ScriptedModel):
        async def complete(self, request: ChatRequest) -> Completion:
            self.requests.append(request)
            raise BudgetExceededError(
                unit="USD", limit=Decimal(1), spent=Decimal(1), next_call=Decimal(1)
            )

    model = Stopped()
    with pytest.raises(BudgetExceededError):
        await retrying(model, attempts=3).complete(asking())
    assert len(model.requests) == 1


async def test_attempts_are_bounded_and_the_last_error_is_raised(asking: Any) -> None:
    """A server that stays down is given up after the stated number of attempts."""
    model = ScriptedModel([ServerError(f"down {number}") for number in range(9)])
    with pytest.raises(ServerError, match="down 2"):
        await retrying(model, attempts=3).complete(asking())
    assert len(model.requests) == 3


async def test_a_wait_beyond_patience_is_not_begun(asking: Any) -> None:
    """A server that asks for an hour's wait is reported at once."""
    model = ScriptedModel([RateLimitedError("x", retry_after_s=3600), "ok"])
    with pytest.raises(RateLimitedError):
        await retrying(model, attempts=3, total_wait_s=60).complete(asking())
    assert len(model.requests) == 1


def test_the_servers_own_wait_is_honoured() -> None:
    """Retry-After overrides our own pace, zero included, until patience is used up."""
    wait = _patience(longest_wait_s=8, total_wait_s=20)
    pauses: list[bool | float] = [
        wait(RateLimitedError("x", retry_after_s=seconds)) for seconds in (12.5, 0, 7.5, 0.1)
    ]
    assert pauses == [12.5, 0.0, 7.5, False]
    assert [type(pause) for pause in pauses] == [float, float, float, bool]


def test_our_own_waits_count_too() -> None:
    """The waits of one request are bounded in all, our own and those that the server states."""
    wait = _patience(longest_wait_s=8, total_wait_s=20)
    errors: list[MinionsError] = [ServerError("x")] * 3
    assert [wait(error) for error in errors] == [True, True, False]


async def test_each_retry_is_logged_without_content(asking: Any) -> None:
    """The log names the model and the trouble, never the prompt."""
    with capture_logs() as logs:
        await retrying(ScriptedModel([ServerError("down"), "ok"]), attempts=3).complete(
            asking("a secret question")
        )
    assert len(logs) == 1
    assert "scripted:test" in str(logs)
    assert "down" in str(logs)
    assert "secret" not in str(logs)


async def test_wrapping_keeps_the_name_and_closes_the_model() -> None:
    """A wrapped model is called what the model is called, and closing it closes the model."""
    model = ScriptedModel()
    wrapped = retrying(model, attempts=1)
    await wrapped.aclose()
    assert (wrapped.reference, wrapped.endpoint, model.closed) == (
        "scripted:test",
        "in-process",
        True,
    )
