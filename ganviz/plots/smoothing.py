"""Smoothed curves, and the envelope of what they were made of.

A window of w steps ends at each step and reaches back to those less than w steps before it. Values are at any steps in
rising order, not always equally far apart; those that are not finite are left out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Join = Callable[[Floats, Floats, Floats], Floats]

DECAY = 3.0
"""Weights fall by e to this power from the end of a window to its beginning."""


def smoothed(steps: Floats, values: Floats, window: float) -> Floats:
    """Return the exponentially weighted mean (n,) of the values in the window that ends at each step.

    A value that is s steps old weighs exp(-3 s / window). No value that is older than the window has a say, so that
    the mean never leaves the `envelope` of the same window. Where there is no value there is no mean: NaN.
    """
    known = np.isfinite(values)
    sums = np.stack([np.where(known, values, 0.0), known.astype(np.float64)])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        total = _joined(steps, sums, window, lambda new, old, lag: new + old * np.exp(lag * (-DECAY / window)), 0.0)
        mean = total[0] / total[1]
    return np.where(known & np.isfinite(mean), mean, np.nan)


def envelope(steps: Floats, low: Floats, high: Floats, window: float) -> tuple[Floats, Floats]:
    """Return the least of ``low`` and the greatest of ``high`` in the window that ends at each step, both (n,)."""
    known = np.isfinite(low) & np.isfinite(high)
    ends = np.where(known, np.stack([low, -high]), np.inf)
    least = np.where(known, _joined(steps, ends, window, lambda new, old, _: np.minimum(new, old), np.inf), np.nan)
    return least[0], -least[1]


def _joined(steps: Floats, values: Floats, window: float, join: Join, nothing: float) -> Floats:
    """Join the columns of values (k, n) within each window.

    Blocks of 1, 2, 4 … neighbours are joined from the blocks before them, and each window from the blocks that its
    number of columns is made of: n log n steps, and nothing that was added is taken away again, where an outlier
    would leave its rounding behind. ``join`` takes what is newer, what is older and how many steps lie between the
    ends of the two.
    """
    ends = np.arange(len(steps))
    counts = ends + 1 - np.searchsorted(steps, steps - window, side="right")
    found = np.full_like(values, nothing)
    most, width = int(counts.max(initial=0)), 1
    while width <= most:
        taken = np.flatnonzero(counts & width)
        at = ends[taken]
        found[:, taken] = join(found[:, taken], values[:, at], steps[taken] - steps[at])
        ends[taken] -= width
        if 2 * width <= most:
            older = join(values[:, width:], values[:, :-width], steps[width:] - steps[:-width])
            values = np.concatenate([values[:, :width], older], axis=1)
        width *= 2
    return found
