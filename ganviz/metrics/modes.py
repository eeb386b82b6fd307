"""Which modes a generator has found, and how much of what it makes lies in one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HIGH_QUALITY = 3.0
"""Standard deviations within which a sample is of high quality (VEEGAN, Srivastava et al. 2017)."""
POINT_RADIUS = 0.1
"""For point masses: share of the least distance between two of them; of 1 where there is only one."""


CHUNK = 2_000_000
"""Distances that are held at once."""


class Modes:
    """The modes of a distribution.

    Parameters
    ----------
    centres, stds : (k, d)
        Of each mode; a standard deviation of 0 makes it a point mass.
    """

    def __init__(self, centres: Floats, stds: Floats) -> None:
        self._centres = centres
        points = (stds == 0).any()
        self._radius = np.where(
            stds > 0, HIGH_QUALITY * stds, POINT_RADIUS * _least_distance(centres) if points else 1.0
        )

    def __len__(self) -> int:
        return len(self._centres)

    def evaluate(self, samples: Floats) -> dict[str, float]:
        """Return the share of high-quality samples (n, d) and the number of modes with at least one."""
        rows = max(1, CHUNK // len(self._centres))
        found = [self._nearest(samples[start : start + rows]) for start in range(0, len(samples), rows)]
        nearest = np.concatenate([mode for mode, _ in found])
        good = np.concatenate([distance for _, distance in found]) <= 1.0
        return {"high_quality": float(good.mean()), "modes": float(len(np.unique(nearest[good])))}

    def _nearest(self, samples: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Return the nearest mode of each sample and its distance, in units of the mode's own radius on each axis."""
        distance = np.sqrt((((samples[:, None, :] - self._centres) / self._radius) ** 2).sum(axis=2))
        nearest = distance.argmin(axis=1)
        return nearest, distance[np.arange(len(samples)), nearest]


def _least_distance(centres: Floats) -> float:
    """Return the least distance between two different centres; 1 where there is only one."""
    distinct = np.unique(centres, axis=0)
    if len(distinct) < 2:
        return 1.0
    if distinct.shape[1] == 1:
        return float(np.diff(distinct[:, 0]).min())
    gaps = np.sqrt(((distinct[:, None, :] - distinct) ** 2).sum(axis=2))
    return float(gaps[gaps > 0].min())
