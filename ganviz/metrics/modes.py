"""Which modes a generator has found, and how much of what it makes lies in one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HIGH_QUALITY = 3.0
"""Standard deviations within which a sample is of high quality (VEEGAN, Srivastava et al. 2017)."""
POINT_RADIUS = 0.1
"""For point masses: share of the least distance between two of them; of 1 where there is only one."""


def mode_metrics(centres: Floats, stds: Floats, samples: Floats) -> dict[str, float]:
    """Return the share of high-quality samples and the number of modes with at least one.

    Parameters
    ----------
    centres, stds : (k, d)
        Of each mode; a standard deviation of 0 makes it a point mass.
    samples : (n, d)
        Generated samples.
    """
    radius = np.where(stds > 0, HIGH_QUALITY * stds, POINT_RADIUS * _least_distance(centres))
    # Distances in units of each mode's own radius, on each axis.
    distance = np.sqrt((((samples[:, None, :] - centres) / radius) ** 2).sum(axis=2))
    nearest = distance.argmin(axis=1)
    good = distance[np.arange(len(samples)), nearest] <= 1.0
    return {"high_quality": float(good.mean()), "modes": float(len(np.unique(nearest[good])))}


def _least_distance(centres: Floats) -> float:
    distinct = np.unique(centres, axis=0)
    if len(distinct) < 2:
        return 1.0
    gaps = np.sqrt(((distinct[:, None, :] - distinct) ** 2).sum(axis=2))
    return float(gaps[gaps > 0].min())
