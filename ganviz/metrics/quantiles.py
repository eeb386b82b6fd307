"""Transport on the line against a fixed distribution, exact by sorting, for many lines at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KEPT = 8
"""Sizes of samples whose steps are kept."""


class Quantiles:
    """Distributions on L lines, each given by n equally weighted values, and distances of samples to them.

    The quantile function Q of a distribution is a step function, and so is a sample's. The distance between them is a
    sum over the sample's steps; of Q it needs the integrals of Q and Q² over each step, which are kept for every
    size of sample that was asked for.

    Parameters
    ----------
    values : (L, n)
        Need not be sorted.
    """

    def __init__(self, values: Floats) -> None:
        # Around the mean, so that little is lost of a small spread far from zero.
        self._centre = values.mean(axis=1)[:, None]
        self._values = np.sort(values - self._centre, axis=1)
        zero = np.zeros((len(values), 1))
        self._integral = np.concatenate([zero, np.cumsum(self._values, axis=1)], axis=1) / values.shape[1]
        self._steps: dict[int, tuple[Floats, Floats]] = {}

    @property
    def values(self) -> Floats:
        """The values (L, n), sorted."""
        return self._values + self._centre

    def w1(self, samples: Floats) -> Floats:
        """Return W1 (L, ...) of samples (L, ..., m), m of them in each.

        Vallender (1974), "Calculation of the Wasserstein distance between probability distributions on the line".
        """
        sorted_, count = self._sorted(samples), samples.shape[-1]
        return np.stack([self._w1(line, one, count) for line, one in enumerate(sorted_)])

    def w2_squared(self, samples: Floats) -> Floats:
        """Return W2² (L, ...) of samples (L, ..., m), m of them in each."""
        sorted_, count = self._sorted(samples), samples.shape[-1]
        means, within = self._step(count)
        shape = (len(means),) + (1,) * (samples.ndim - 2)
        apart = ((sorted_ - means.reshape(*shape, count)) ** 2).mean(axis=-1)
        return apart + within.reshape(shape)

    def own_spread(self, samples: Floats) -> Floats:
        """Return the standard deviation (L,) of the potential of W2² to samples (L, m) among each line's own values.

        Divided by the root of their number it is the error of W2² that comes from the values being a sample: ψ with
        ψ'(y) = 2 (y - T(y)), T the best transport (del Barrio and Loubes 2019). The values stand together in m steps.
        """
        count = samples.shape[1]
        means, _ = self._step(count)
        slope = 2 * (means - self._sorted(samples))
        rise = (slope[:, 1:] + slope[:, :-1]) / 2 * np.diff(means, axis=1)
        potential = np.concatenate([np.zeros((len(means), 1)), np.cumsum(rise, axis=1)], axis=1)
        # In units of the largest: squares of squares of large numbers are none.
        unit = np.abs(potential).max(axis=1)
        unit[unit == 0] = 1.0
        return (potential / unit[:, None]).std(axis=1) * unit

    def mean_distances(self, samples: Floats) -> Floats:
        """Return the mean distance (L, m) of each sample (L, m) to the values of its line."""
        moved = samples - self._centre
        total = self._values.shape[1]
        found: list[Floats] = []
        for line, places in enumerate(moved):
            below = np.searchsorted(self._values[line], places, side="right")
            integral = self._integral[line]
            found.append(places * (2 * below / total - 1) + integral[-1] - 2 * integral[below])
        return np.stack(found)

    def own_distance(self) -> Floats:
        """Return the mean distance (L,) between two independent draws of the values."""
        total = self._values.shape[1]
        ranks = 2 * np.arange(1, total + 1) - total - 1
        return 2 * (self._values @ ranks) / total**2

    def _sorted(self, samples: Floats) -> Floats:
        centre = self._centre.reshape(len(samples), *(1,) * (samples.ndim - 1))
        return np.sort(samples - centre, axis=-1)

    def _w1(self, line: int, samples: Floats, count: int) -> Floats:
        """Return W1 (...) of sorted samples (..., m): each one's step is parted where Q passes it."""
        total = self._values.shape[1]
        first, last = np.arange(count) / count, np.arange(1, count + 1) / count
        at_first, at_last = self._integrate(line, first), self._integrate(line, last)
        below = np.searchsorted(self._values[line], samples.ravel()).reshape(samples.shape)
        part = np.clip(below / total, first, last)
        inside = (below / total > first) & (below / total < last)
        at = np.where(inside, self._integral[line][below], np.where(below / total <= first, at_first, at_last))
        cost = samples * (2 * part - first - last) + at_first + at_last - 2 * at
        return np.maximum(cost.sum(axis=-1), 0.0)

    def _integrate(self, line: int, levels: Floats) -> Floats:
        """Return the integral (m,) of the line's Q from 0 to each level (m,)."""
        total = self._values.shape[1]
        whole = np.minimum((levels * total).astype(np.int64), total - 1)
        return self._integral[line][whole] + (levels - whole / total) * self._values[line][whole]

    def _step(self, count: int) -> tuple[Floats, Floats]:
        """Return the means (L, m) of Q over the steps of a sample of m, and the mean square (L,) of Q around them."""
        kept = self._steps.get(count)
        if kept is None:
            levels = np.arange(count + 1) / count
            means = np.stack([count * np.diff(self._integrate(line, levels)) for line in range(len(self._values))])
            within = (self._values**2).mean(axis=1) - (means**2).mean(axis=1)
            # One step for each value, or several: nothing is left within a step but rounding.
            within = np.zeros_like(within) if count % self._values.shape[1] == 0 else np.maximum(within, 0.0)
            kept = (means, within)
            # Several threads may measure: one dictionary gives way to the next, none is emptied.
            self._steps = {**(self._steps if len(self._steps) < KEPT else {}), count: kept}
        return kept
