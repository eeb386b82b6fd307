"""Cells that follow the real data: on the line with known masses, else shaped by samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMALLEST = 16
"""Real points that a cell is built around at least."""
MARGIN = 0.5
"""A cell reaches beyond its points by this share of their extent on each side."""


class LineCells:
    """A partition of the line into intervals of about equal mass, whose masses are known exactly.

    Parameters
    ----------
    quantiles : (n,)
        Sorted; each stands for 1/n of the mass. The intervals' ends lie halfway between two of them, so that none
        runs through a point mass. What lies beyond all of them are two further intervals, of little mass.
    cdf : callable
        The distribution function, of places (m,).
    count : int
        Intervals; fewer where point masses are larger than one's share.
    """

    def __init__(self, quantiles: Floats, cdf: Callable[[Floats], Floats], count: int) -> None:
        wanted = np.round(np.arange(1, count) * len(quantiles) / count).astype(np.int64)
        distinct = np.flatnonzero(np.diff(quantiles) > 0) + 1
        places = np.searchsorted(distinct, wanted)
        chosen = np.unique(distinct[places[places < len(distinct)]])
        self._ends = (quantiles[chosen - 1] + quantiles[chosen]) / 2
        below, above = cdf(quantiles[:1])[0], 1 - cdf(quantiles[-1:])[0]
        if 0 < below * len(quantiles) < 1:
            self._ends = np.concatenate([quantiles[:1], self._ends])
        if 0 < above * len(quantiles) < 1:
            self._ends = np.concatenate([self._ends, quantiles[-1:]])
        self.masses = np.diff(cdf(self._ends), prepend=0.0, append=1.0)
        self.least = np.zeros(len(self.masses))

    def counts(self, samples: Floats) -> Ints:
        """Count samples (n, 1) in each cell."""
        return np.bincount(np.searchsorted(self._ends, samples[:, 0]), minlength=len(self.masses))


class Cells:
    """A partition of the space into cells of about equal real mass, and one cell for all that lies around them.

    Real points are split at medians, always across the axis that is wider in standard deviations, as in a k-d tree;
    a cell is what a leaf's points span, with a margin, inside the leaf. So the cells are small where the data is
    dense, and a generated sample far from all real ones falls into the cell around them, whatever the box of a
    picture is. A cell without any weighing sample is taken to have half of one, where generated samples lie in it.

    Parameters
    ----------
    points : (n, d)
        Real samples that shape the cells.
    weighing : (m, d), optional
        Real samples, independent of ``points``, that measure the cells' real mass. None: the points are the whole
        population, as the rows of a file are, and measure it themselves.
    count : int
        Cells, rounded down to a power of two; fewer for few points.
    """

    def __init__(self, points: Floats, weighing: Floats | None, count: int) -> None:
        self._depth = int(np.log2(max(1, min(count, len(points) // SMALLEST))))
        inner = 2**self._depth - 1
        unit = np.where(points.std(axis=0) > 0, points.std(axis=0), 1.0)
        self._axis = np.zeros(inner, np.int64)
        self._split = np.zeros(inner)
        leaf = np.zeros(len(points), np.int64)
        for node in range(inner):
            members = leaf == node
            inside = points[members]
            if len(inside):
                self._axis[node] = np.argmax(np.ptp(inside, axis=0) / unit)
                self._split[node] = _halfway(inside[:, self._axis[node]])
            leaf[members] = 2 * node + 1 + (inside[:, self._axis[node]] > self._split[node])
        leaf -= inner
        self._low = np.full((2**self._depth + 1, points.shape[1]), np.inf)
        self._high = -self._low
        # Measurements are rounded: a leaf of equal values stands for all that would be rounded to them. What is
        # computed in 32 bits is rounded, too.
        rounding = _rounding(points) if weighing is None else 4 * np.finfo(np.float32).eps * np.abs(points).max(axis=0)
        for cell in np.unique(leaf):
            inside = points[leaf == cell]
            margin = np.maximum(MARGIN * np.ptp(inside, axis=0), rounding)
            self._low[cell] = inside.min(axis=0) - margin
            self._high[cell] = inside.max(axis=0) + margin
        weights = self.counts(points if weighing is None else weighing)
        self.masses = weights / weights.sum()
        self.least = np.full(len(weights), 0.5 / weights.sum())

    def counts(self, samples: Floats) -> Ints:
        """Count samples (n, d) in each cell; the last entry counts those around all cells."""
        node = np.zeros(len(samples), np.int64)
        rows = np.arange(len(samples))
        for _ in range(self._depth):
            node = 2 * node + 1 + (samples[rows, self._axis[node]] > self._split[node])
        leaf = node - (2**self._depth - 1)
        inside = ((samples >= self._low[leaf]) & (samples <= self._high[leaf])).all(axis=1)
        around = len(self._low) - 1
        return np.bincount(np.where(inside, leaf, around), minlength=around + 1)


def _rounding(points: Floats) -> Floats:
    """Return half the least distance between two different values on each axis (d,)."""
    gaps = [np.diff(np.unique(column)) for column in points.T]
    return np.array([gap.min() / 2 if len(gap) else 0.0 for gap in gaps])


def _halfway(values: Floats) -> float:
    """Return a place near the median and halfway between two different values, so that rounding moves none across."""
    median, largest = np.median(values), values.max()
    below = values[values <= median] if median < largest else values[values < largest]
    above = values[values > median] if median < largest else values[values == largest]
    return float((below.max() + above.min()) / 2) if len(below) else float(largest)
