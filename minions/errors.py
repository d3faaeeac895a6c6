"""Everything this project raises, as one tree. To add an error, draw it here first.

MinionsError                    exit 1   anything that ends a run
├── UsageError                  exit 2   the caller asked for something that cannot be done
│   ├── ConfigError                      a setting, flag or model reference is wrong
│   ├── CorpusError                      the paths hold no readable document
│   └── PriceUnknownError                a cost limit was set, but a model's price is unknown
├── BudgetExceededError         exit 4   the next call could pass a limit the user set
├── ModelError                  exit 6   a model backend failed; carries the usage of the attempt
│   ├── AuthenticationError              the key is missing or refused
│   ├── ModelNotFoundError               the endpoint does not serve this model
│   ├── UnreachableError                 nothing answers at the endpoint
│   ├── RateLimitedError                 the endpoint asked us to wait
│   ├── ServerError                      the endpoint failed (5xx), or reset the connection
│   ├── DeadlineError                    no reply came in time
│   ├── MalformedReplyError              the reply is not what the protocol promises
│   ├── RequestRefusedError              the endpoint refused this request (4xx), or its content
│   ├── FormatUnsupportedError           the endpoint does not take this response format
│   └── ContextOverflowError             the prompt is longer than the model's context
├── EgressRefusedError          exit 7   the policy does not allow this to leave the device
│   └── EgressLimitError                 this question would send more than a run may
├── StoppedError                exit 130 the user asked to stop; calls in flight were finished
├── UnreadableError             (data)   one file could not be read; the run goes on and lists it
├── PlanError                   exit 1   the planner wrote no valid plan in two attempts
├── CalculationError            (data)   arithmetic in an answer cannot be evaluated
├── ReplyError                  (data)   a worker's reply cannot be understood; the job has failed
└── StoreError                  exit 1   the database on disk cannot be used
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from decimal import Decimal

    from minions.values.chat import Usage


class MinionsError(Exception):
    """Anything that ends a run.

    ``hint`` says what to do next, with the words to type if possible.
    ``systemic``: every other job and question would meet the same error, so the whole batch ends.
    """

    exit_code: ClassVar[int] = 1
    systemic: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MinionsError):
    """The caller asked for something that cannot be done."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting, flag or model reference is wrong."""


class CorpusError(UsageError):
    """The paths hold no readable document."""


class PriceUnknownError(UsageError):
    """A cost limit was set, but a model's price is unknown."""


class BudgetExceededError(MinionsError):
    """The next call could pass a limit the user set, so it was not made.

    ``limit``, ``spent`` and ``next_call`` are in ``unit``: "USD" or "tokens". ``next_call`` is the
    most that the call could have taken.
    """

    exit_code = 4

    def __init__(
        self, *, unit: str, limit: Decimal | int, spent: Decimal | int, next_call: Decimal | int
    ) -> None:
        super().__init__(
            f"budget: {spent} of {limit} {unit} are spent, and the next cloud call could take up to"
            f" {next_call} {unit}",
            hint="raise it with "
            + (
                f"--max-cost {limit + next_call}"
                if unit == "USD"
                else f"--max-cloud-tokens {limit + next_call}"
            ),
        )
        self.unit, self.limit, self.spent, self.next_call = unit, limit, spent, next_call


class ModelError(MinionsError):
    """A model backend failed; ``usage`` is the usage of the failed attempt as far as it is known.

    ``retryable``: the same request may succeed later. ``billable``: the provider may charge for the
    attempt although no usable reply came, for example because the reply was lost on the way.
    """

    exit_code = 6
    retryable: ClassVar[bool] = False
    billable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        usage: Usage | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.usage = usage
        self.retry_after_s = retry_after_s


class AuthenticationError(ModelError):
    """The key is missing or refused."""

    systemic = True


class ModelNotFoundError(ModelError):
    """The endpoint does not serve this model."""

    systemic = True


class UnreachableError(ModelError):
    """Nothing answers at the endpoint."""

    systemic = True
    retryable = True


class RateLimitedError(ModelError):
    """The endpoint asked us to wait, for ``retry_after_s`` seconds if it said so."""

    retryable = True


class ServerError(ModelError):
    """The endpoint failed (5xx), or reset the connection."""

    retryable = True
    billable = True


class DeadlineError(ModelError):
    """No reply came in time."""

    retryable = True
    billable = True


class MalformedReplyError(ModelError):
    """The reply is not what the protocol promises."""

    retryable = True
    billable = True


class RequestRefusedError(ModelError):
    """The endpoint refused this request (4xx), or its content."""


class FormatUnsupportedError(ModelError):
    """The endpoint does not take this response format; a simpler one may do.

    ``parameter`` is another parameter, if that was refused instead: from now on, the adapter leaves
    it out or spells it differently.
    """

    parameter: str | None = None


class ContextOverflowError(ModelError):
    """The prompt is longer than the model's context."""


class EgressRefusedError(MinionsError):
    """The policy does not allow this to leave the device."""

    exit_code = 7
    systemic = True


class EgressLimitError(EgressRefusedError):
    """This question would send more than a run may; another may send less."""

    systemic = False


class StoppedError(MinionsError):
    """The user asked to stop: calls in flight were finished, and no new one was made."""

    exit_code = 130


class UnreadableError(MinionsError):
    """One file could not be read; the run goes on and lists it. ``reason`` is a short sentence."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class PlanError(MinionsError):
    """The planner wrote no valid plan in two attempts."""


class CalculationError(MinionsError):
    """Arithmetic in an answer cannot be evaluated, for example because it divides by zero."""


class ReplyError(MinionsError):
    """A worker's reply cannot be understood; the job is counted as failed."""


class StoreError(MinionsError):
    """The database on disk cannot be used."""

    systemic = True
