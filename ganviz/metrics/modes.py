"""Which modes a generator has found, how much of what it makes lies in one, and how evenly."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .shares import share_error

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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
    shares : (k,), optional
        The mass of each; equal ones by default.
    """

    def __init__(self, centres: Floats, stds: Floats, shares: Floats | None = None) -> None:
        self._centres = centres
        self._shares = np.full(len(centres), 1 / len(centres)) if shares is None else shares
        points = (stds == 0).any()
        self._radius = np.where(
            stds > 0, HIGH_QUALITY * stds, POINT_RADIUS * _least_distance(centres) if points else 1.0
        )

    def __len__(self) -> int:
        return len(self._centres)

    def evaluate(self, samples: Floats) -> dict[str, float]:
        """Measure samples (n, d).

        Returns
        -------
        dict
            ``high_quality``, the share of high-quality samples, with its binomial standard error as
            ``high_quality_error``; ``modes``, the number of modes with at least one; ``mode_kl`` (nats), the reverse
            KL over modes: Σ q log(q/p) with p the modes' shares and q those of the high-quality samples, each
            counted for its nearest mode; infinite without any high-quality sample.
        """
        counts = self.counts(samples)
        good = int(counts.sum())
        share = good / len(samples)
        q = counts[counts > 0] / max(good, 1)
        kl = float(np.sum(q * np.log(q / self._shares[counts > 0]))) if good else math.inf
        return {
            "high_quality": share,
            "high_quality_error": share_error(share, len(samples)),
            "modes": float(np.count_nonzero(counts)),
            "mode_kl": max(kl, 0.0),
        }

    def missing(self, samples: Floats) -> Floats:
        """Return the centres (m, d) of the modes without any high-quality sample among samples (n, d)."""
        return self._centres[self.counts(samples) == 0]

    def loses(self, samples: Floats, evident: float) -> bool:
        """Tell whether a mode has no sample of so many that ``evident`` were to be expected in it."""
        return bool(((self.counts(samples) == 0) & (len(samples) * self._shares >= evident)).any())

    def counts(self, samples: Floats) -> Ints:
        """Return how many high-quality samples each mode (k,) has; each counts for its nearest mode."""
        rows = max(1, CHUNK // len(self._centres))
        found = [self._nearest(samples[start : start + rows]) for start in range(0, len(samples), rows)]
        nearest = np.concatenate([mode for mode, _ in found])
        good = np.concatenate([distance for _, distance in found]) <= 1.0
        return np.bincount(nearest[good], minlength=len(self._centres))

    def _nearest(self, samples: Floats) -> tuple[Ints, Floats]:
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
