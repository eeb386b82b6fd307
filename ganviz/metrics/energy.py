"""The energy distance, without bias, and its standard error.

Between real X and generated Y it is 2 E|X - Y| - E|X - X'| - E|Y - Y'| (Székely and Rizzo 2013, "Energy statistics: a
class of statistics based on distances"), 0 if and only if both are distributed alike. It is twice the squared MMD
whose kernel is minus half the distance (Sejdinovic et al. 2013). The mean over different pairs of the sample has no
bias, so that for a perfect generator it lies as often below 0 as it should for its mean to be 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def energy(across: Floats, sums: Floats, own: float) -> tuple[float, Floats]:
    """Estimate the energy distance from distances.

    Parameters
    ----------
    across : (n,)
        Mean distance of each of n > 1 generated samples to the real data.
    sums : (n,)
        Sum of the distances of each to all other generated ones.
    own : float
        Mean distance between two independent real samples.

    Returns
    -------
    value : float
    parts : (n,)
        The estimate without each one of the generated samples; empty for fewer than three.
    """
    n = len(across)
    value = float(2 * across.mean() - own - sums.sum() / (n * (n - 1)))
    if n < 3:
        return value, np.empty(0)
    without = 2 * (across.sum() - across) / (n - 1) - own - (sums.sum() - 2 * sums) / ((n - 1) * (n - 2))
    return value, without


def jackknife(parts: Floats) -> float:
    """Return the jackknife's variance for estimates (n,), each without one of n samples (Efron and Stein 1981)."""
    return float((len(parts) - 1) * parts.var()) if len(parts) else math.nan


def line_sums(samples: Floats) -> Floats:
    """Return the sum of distances (n,) of each of the sorted numbers (n,) to all others."""
    n = len(samples)
    # Around the mean, so that little is lost of a small spread far from zero.
    moved = samples - samples.mean()
    before = np.cumsum(moved) - moved
    rank = np.arange(n)
    return moved * (2 * rank + 1 - n) + moved.sum() - 2 * before - moved
