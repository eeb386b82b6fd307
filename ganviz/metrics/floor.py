"""The noise floor: what a perfect generator would score at the same sample size.

A metric of finitely many samples is not 0 even where the generator is perfect. Fresh samples of the data, as many as
are measured, are drawn again and again and measured in the same way; the band is cut from their values by order
statistics, without assuming any distribution. Of R = 40 j - 1 values that are exchangeable with a further one, the
further one lies between the j-th smallest and the j-th largest with probability (R + 1 - 2 j) / (R + 1) = 95 %, on
average over the draws, and more often where values are equal.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ganviz.experiment import Experiment

from .definitions import METRICS
from .evaluation import Reference
from .transport import ASSIGNED, LIVE_ASSIGNED

DRAWS = 199
"""Perfect generators that a complete band is made of."""
STEP = 40
"""One more value is cut off at each end for each so many draws: 95 % are left."""


class Band(NamedTuple):
    """The band in which 95 % of perfect generators' values lie."""

    low: float
    high: float


class Floor:
    """The noise floor of an experiment's metrics, computed step by step.

    Parameters
    ----------
    reference : Reference
        The real side.
    count : int
        Samples that are measured.
    draws : int
        Perfect generators, rounded up to one less than a multiple of 40.
    assigned : int
        Samples a side at most that the assignments in the plane take: the same as in what is compared with the floor.

    Examples
    --------
    >>> while not floor.refine():  # doctest: +SKIP
    ...     show(floor.bands())
    """

    def __init__(self, reference: Reference, count: int, draws: int = DRAWS, assigned: int = LIVE_ASSIGNED) -> None:
        self._reference, self._count, self._assigned = reference, count, assigned
        self._draws = STEP * max(1, math.ceil((draws + 1) / STEP)) - 1
        self._values: dict[str, list[float]] = {}
        self._drawn = 0

    @property
    def drawn(self) -> int:
        """Number of perfect generators measured so far."""
        return self._drawn

    @property
    def done(self) -> bool:
        """Whether all draws are measured."""
        return self._drawn >= self._draws

    def refine(self) -> bool:
        """Measure one more perfect generator, unless all are; return whether all are."""
        if not self.done:
            samples = self._reference.perfect(self._count, self._drawn + 1)
            for name, value in self._reference.evaluate(samples, self._assigned, errors=False).items():
                self._values.setdefault(name, []).append(value)
            self._drawn += 1
        return self.done

    def bands(self) -> dict[str, Band]:
        """Return each metric's band from the largest usable number of draws; empty before there are 39."""
        cut = (self._drawn + 1) // STEP
        if cut == 0:
            return {}
        ordered = {name: np.sort(values[: STEP * cut - 1]) for name, values in self._values.items()}
        return {name: Band(float(values[cut - 1]), float(values[-cut])) for name, values in ordered.items()}


def noise_floor(experiment: Experiment, count: int, draws: int = DRAWS, assigned: int = ASSIGNED) -> dict[str, Band]:
    """Return the band of each metric in which 95 % of perfect generators' values lie.

    Parameters
    ----------
    experiment : Experiment
    count : int
        Samples that are measured.
    draws : int
        Perfect generators that the band is made of, rounded up to one less than a multiple of 40.
    assigned : int
        As in `ganviz.metrics.evaluate`, whose default it has; smaller ones are much faster in the plane.
    """
    floor = Floor(Reference(experiment), count, draws, assigned)
    while not floor.refine():
        pass
    return floor.bands()


def distance_from_floor(name: str, value: float, band: tuple[float, float]) -> float:
    """Return how far a metric's value lies outside its band on a bad side; 0 within the band or better.

    Too high is bad where low values are best, too low where high ones are; both are where the best value is what the
    data itself scores.
    """
    best = METRICS[name].best
    low, high = band
    above = value - high if value > high and best != "high" else 0.0
    below = low - value if value < low and best != "low" else 0.0
    return max(above, below)


def worse(name: str, value: float, other: float, band: tuple[float, float]) -> bool:
    """Tell whether a metric's value is further outside its band, on a bad side, than another value is."""
    return distance_from_floor(name, value, band) > distance_from_floor(name, other, band)
