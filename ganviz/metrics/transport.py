"""Wasserstein distances between samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ASSIGNED = 512
"""Samples a side that an assignment in the plane takes; the work grows with the third power."""


def w1(real: Floats, generated: Floats) -> float:
    """Return the Wasserstein-1 distance between two samples (n, d) and (m, d), in their units.

    On the line it is exact for the two samples. In the plane it is the cost of the best assignment (Hungarian method)
    of equally many samples of each side, the first ones, at most `ASSIGNED`.
    """
    if real.shape[1] == 1:
        return w1_line(real[:, 0], generated[:, 0])
    # SciPy takes half a second to import, which the first picture need not wait for.
    from scipy.optimize import linear_sum_assignment

    count = min(len(real), len(generated), ASSIGNED)
    between = real[:count, None, :] - generated[None, :count, :]
    cost = np.sqrt((between**2).sum(axis=2))
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].mean())


def w1_line(real: Floats, generated: Floats) -> float:
    """Return W1 between two samples (n,) and (m,) on the line: the area between their distribution functions.

    Vallender (1974), "Calculation of the Wasserstein distance between probability distributions on the line".
    """
    places = np.sort(np.concatenate([real, generated]))
    below_real = np.searchsorted(np.sort(real), places[:-1], side="right") / len(real)
    below_generated = np.searchsorted(np.sort(generated), places[:-1], side="right") / len(generated)
    return float(np.sum(np.abs(below_real - below_generated) * np.diff(places)))
