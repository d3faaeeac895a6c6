"""Intervals by bootstrap: what a few dozen questions can tell, and what not."""

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
    """A mean, and the bounds between which 95 % of the resampled means lie (percentile bootstrap, Efron 1979)."""

    mean: float
    low: float
    high: float


def interval(values: Sequence[float]) -> Interval | None:
    """The mean of values with its 95 % interval, the same every time; None for no values."""
    if not values:
        return None
    chance = random.Random(_SEED)  # noqa: S311 - resampling, no secret
    means = sorted(fmean(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return Interval(
        fmean(values), means[int(_TAIL * _RESAMPLES)], means[int((1 - _TAIL) * _RESAMPLES) - 1]
    )


def paired(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """The mean difference, second less first, over the same questions in the same order."""
    return interval([two - one for one, two in zip(first, second, strict=True)])
