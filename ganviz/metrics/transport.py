"""Wasserstein distances between samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ASSIGNED = 512
"""Samples a side that an assignment in the plane takes; the work grows with the third power."""


def w1(real: Floats, generated: Floats) -> float:
    """Return the Wasserstein-1 distance between two samples (n, d) and (m, d), in their units.

    On the line it is exact for the two samples: the area between their distribution functions. In the plane it is
    the cost of the best assignment (Hungarian method) of equally many samples of each side, the first ones, at most
    `ASSIGNED`.
    """
    # SciPy takes a fifth of a second to import, which the first picture need not wait for.
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist
    from scipy.stats import wasserstein_distance

    if real.shape[1] == 1:
        return float(wasserstein_distance(real[:, 0], generated[:, 0]))
    count = min(len(real), len(generated), ASSIGNED)
    cost = cdist(real[:count], generated[:count])
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].mean())
