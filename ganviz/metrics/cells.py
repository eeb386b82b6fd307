"""Divergences between real and generated samples on cells that follow the real data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = 64
SMALLEST = 16
"""Real points that a cell is built around at least."""
MARGIN = 0.5
"""A cell reaches beyond its points by this share of their extent on each side."""


class Cells:
    """A partition of the space into cells of about equal real mass, and one cell for all that lies around them.

    Real points are split at medians, always across the axis that is wider in standard deviations, as in a k-d tree;
    a cell is what a leaf's points span, with a margin, inside the leaf. So the cells are small where the data is
    dense, and a generated sample far from all real ones falls into the cell around them, whatever the box of a
    picture is.

    Parameters
    ----------
    points : (n, d)
        Real samples that shape the cells.
    weighing : (m, d), optional
        Real samples, independent of ``points``, that measure the cells' real mass. None: the points are the whole
        population, as the rows of a file are, and measure it themselves.
    """

    def __init__(self, points: Floats, weighing: Floats | None = None) -> None:
        self._depth = int(np.log2(min(CELLS, max(1, len(points) // SMALLEST))))
        inner = 2**self._depth - 1
        unit = np.where(points.std(axis=0) > 0, points.std(axis=0), 1.0)
        self._axis = np.zeros(inner, np.int64)
        self._split = np.zeros(inner)
        leaf = np.zeros(len(points), np.int64)
        for node in range(inner):
            inside = points[leaf == node]
            if len(inside):
                self._axis[node] = np.argmax(np.ptp(inside, axis=0) / unit)
                self._split[node] = _halfway(inside[:, self._axis[node]])
            members = leaf == node
            leaf[members] = 2 * node + 1 + (points[members, self._axis[node]] > self._split[node])
        leaf -= inner
        self.count = 2**self._depth + 1
        self._low = np.full((self.count, points.shape[1]), np.inf)
        self._high = -self._low
        # Measurements are rounded: a leaf of equal values stands for all that would be rounded to them.
        rounding = _rounding(points) if weighing is None else np.zeros(points.shape[1])
        for cell in np.unique(leaf):
            inside = points[leaf == cell]
            margin = np.maximum(MARGIN * np.ptp(inside, axis=0), rounding)
            self._low[cell] = inside.min(axis=0) - margin
            self._high[cell] = inside.max(axis=0) + margin
        self._real = self.counts(points if weighing is None else weighing)

    def counts(self, samples: Floats) -> Ints:
        """Count samples (n, d) in each cell; the last entry counts those around all cells."""
        node = np.zeros(len(samples), np.int64)
        rows = np.arange(len(samples))
        for _ in range(self._depth):
            node = 2 * node + 1 + (samples[rows, self._axis[node]] > self._split[node])
        leaf = node - (2**self._depth - 1)
        inside = ((samples >= self._low[leaf]) & (samples <= self._high[leaf])).all(axis=1)
        return np.bincount(np.where(inside, leaf, self.count - 1), minlength=self.count)

    def divergences(self, samples: Floats) -> dict[str, float]:
        """Estimate KL, reverse KL and JS (nats) between the real distribution and that of samples (n, d).

        JS uses the plain shares. In the KLs an empty cell on the side of the divisor counts as half a sample, so that
        they are finite.
        """
        generated = self.counts(samples)
        p = self._real / self._real.sum()
        q = generated / generated.sum()
        middle = (p + q) / 2
        return {
            "kl": _kl(p, _smoothed(generated)),
            "reverse_kl": _kl(q, _smoothed(self._real)),
            "js": (_kl(p, middle) + _kl(q, middle)) / 2,
        }


def _rounding(points: Floats) -> Floats:
    """Return half the least distance between two different values on each axis (d,)."""
    gaps = [np.diff(np.unique(column)) for column in points.T]
    return np.array([gap.min() / 2 if len(gap) else 0.0 for gap in gaps])


def _halfway(values: Floats) -> float:
    """Return the median, or where that is the largest value itself a number below it, so that something lies above."""
    median, largest = np.median(values), values.max()
    below = values[values < largest]
    return float((below.max() + largest) / 2 if median == largest and len(below) else median)


def _smoothed(counts: Ints) -> Floats:
    raised = np.maximum(counts, 0.5)
    return raised / raised.sum()


def _kl(p: Floats, q: Floats) -> float:
    mass = p > 0
    # A share compared with itself may come out a rounding error below zero.
    return max(0.0, float(np.sum(p[mass] * np.log(p[mass] / q[mass]))))
