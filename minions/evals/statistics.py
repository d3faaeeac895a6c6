"""Bootstrap intervals: the uncertainty of a mean over a few dozen questions."""

from __future__ import annotations

import random
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_RESAMPLES = 2_000
_TAIL = 0.025
_SEED = 0


class Interval(NamedTuple):
    """A mean, and the bounds of its 95 % interval.

    Between the bounds lie 95 % of the resampled means (percentile bootstrap, Efron 1979).
    """

    mean: float
    low: float
    high: float


def interval(values: Sequence[float]) -> Interval | None:
    """The mean of values with its 95 % interval, reproducible; None for no values."""
    if not values:
        return None
    chance = random.Random(_SEED)  # noqa: S311 - resampling, no secret
    means = [fmean(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES)]
    means.sort()
    low = means[int(_TAIL * _RESAMPLES)]
    high = means[int((1 - _TAIL) * _RESAMPLES) - 1]
    return Interval(fmean(values), low, high)


def paired(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """The mean difference (second less first) over the same questions in the same order.

    Raises ValueError for sequences of different length.
    """
    return interval([after - before for before, after in zip(first, second, strict=True)])
