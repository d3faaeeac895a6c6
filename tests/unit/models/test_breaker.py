"""A circuit breaker: an endpoint that is down is left alone for a while, then tried with one
request.
"""

from __future__ import annotations

import pytest

from minions.errors import (
    AuthenticationError,
    DeadlineError,
    MalformedReplyError,
    ModelError,
    RateLimitedError,
    ServerError,
    UnreachableError,
)
from minions.models.breaker import Breaker
from minions.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """Time that the test moves."""
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    """A closed breaker."""
    return Breaker(clock)


def fail(breaker: Breaker, error: ModelError | None = None) -> None:
    breaker.failure(breaker.enter(), error or UnreachableError("down"))


@pytest.mark.parametrize("error", [ServerError("x"), DeadlineError("x")], ids=repr)
def test_a_stumble_is_forgiven_and_three_in_a_row_are_not(
    breaker: Breaker, error: ModelError
) -> None:
    """A server that fails twice and then answers is still used; one that fails three times in a row
    is left alone.
    """
    for _ in range(2):
        fail(breaker, error)
    breaker.reply()
    for _ in range(2):
        fail(breaker, error)
    assert (breaker.state, breaker.admits) == ("closed", True)
    fail(breaker, error)
    assert (breaker.state, breaker.admits) == ("open", False)


def test_where_nothing_answers_nobody_knocks_twice(breaker: Breaker) -> None:
    """One refused connection opens the breaker."""
    fail(breaker)
    assert breaker.state == "open"
    assert breaker.wait_s == 1.0


def test_one_probe_goes_when_the_cooldown_is_over(breaker: Breaker, clock: FakeClock) -> None:
    """A server that may be back gets one request, not the whole queue."""
    fail(breaker)
    clock.advance(0.9)
    assert not breaker.admits
    clock.advance(0.1)
    assert (breaker.state, breaker.admits) == ("half_open", True)
    breaker.enter()
    assert (breaker.admits, breaker.probing) == (False, True)
    breaker.reply()
    assert (breaker.state, breaker.admits) == ("closed", True)


def test_cooldowns_double_to_half_a_minute_and_start_over_after_a_reply(
    breaker: Breaker, clock: FakeClock
) -> None:
    """A machine that is off for the night is asked twice a minute; one that was back is asked again
    after a second.
    """
    waits = []
    for _ in range(7):
        fail(breaker)
        waits.append(breaker.wait_s)
        clock.advance(breaker.wait_s)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    breaker.reply()
    fail(breaker)
    assert breaker.wait_s == 1


def test_a_longer_wait_that_the_server_asks_for_is_kept(breaker: Breaker) -> None:
    """A 503 with Retry-After states when to come back."""
    for _ in range(3):
        fail(breaker, ServerError("loading", retry_after_s=20))
    assert breaker.wait_s == 20


@pytest.mark.parametrize(
    "error", [RateLimitedError("x"), AuthenticationError("x"), MalformedReplyError("x")], ids=repr
)
def test_any_reply_closes_it_a_refusal_too(
    breaker: Breaker, clock: FakeClock, error: ModelError
) -> None:
    """An endpoint that refuses a request is alive."""
    fail(breaker)
    clock.advance(1)
    fail(breaker, error)
    assert breaker.state == "closed"


def test_what_was_sent_before_it_opened_is_no_news(breaker: Breaker, clock: FakeClock) -> None:
    """Ten requests that fail with their server open the breaker once, and do not lengthen its
    cooldown.
    """
    turns = [breaker.enter() for _ in range(10)]
    for turn in turns[:5]:
        breaker.failure(turn, UnreachableError("down"))
    assert breaker.wait_s == 1
    clock.advance(1)
    probe = breaker.enter()
    for turn in turns[5:]:
        breaker.failure(turn, UnreachableError("down"))
    assert (breaker.state, breaker.probing) == ("half_open", True)
    breaker.failure(probe, UnreachableError("down"))
    assert breaker.wait_s == 2


def test_a_late_reply_is_good_news(breaker: Breaker) -> None:
    """A request that got through although others did not shows that the server is alive."""
    slow = breaker.enter()
    fail(breaker)
    breaker.reply()
    breaker.failure(slow, ServerError("x"))
    assert breaker.state == "closed"


def test_a_probe_that_was_cancelled_is_made_again(breaker: Breaker, clock: FakeClock) -> None:
    """A run that ends in the middle of a probe does not lock the server out."""
    fail(breaker)
    clock.advance(1)
    breaker.withdraw(breaker.enter())
    assert breaker.admits


def test_a_second_request_is_not_taken_for_the_probe(breaker: Breaker, clock: FakeClock) -> None:
    """A request that is sent although the breaker is open changes nothing for the probe."""
    fail(breaker)
    clock.advance(1)
    breaker.enter()
    second = breaker.enter()
    breaker.failure(second, UnreachableError("down"))
    breaker.withdraw(second)
    assert breaker.probing
