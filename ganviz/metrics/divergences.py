"""Divergences between two distributions over the same cells."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = 64
"""Cells of about equal real mass at most."""
EXPECTED = 16
"""Samples that a perfect generator puts into each of these cells at least: fewer samples get fewer cells."""
UNREACHED = 1 / 4
"""KL is infinite where the cells without any generated sample hold this share of the real mass (any share of data that
does not thin out towards its ends, such as uniform data),"""
EVIDENT = 12.0
"""and a perfect generator would have this many samples in them: the chance of that is e⁻¹²."""


def cells_for(count: int) -> int:
    """Return how many cells of equal mass a sample of some size can fill."""
    return int(np.clip(count // EXPECTED, 1, CELLS))


def divergences(real: Floats, least: Floats, generated: Ints, unreached: float = UNREACHED) -> dict[str, float]:
    """Compare a sample with a distribution on the same cells.

    Parameters
    ----------
    real : (c,)
        Real mass of each cell.
    least : (c,)
        The mass that a cell without real mass is taken to have, where generated samples lie in it. 0: it has exactly
        none, and the reverse KL is infinite.
    generated : (c,)
        Generated samples in each cell.
    unreached : float
        Share of the real mass whose cells must be empty for KL to be infinite.

    Returns
    -------
    dict
        ``kl``, ``reverse_kl``, ``js`` (nats) and ``tv`` (total variation, from 0 to 1) between the shares; plug-in
        estimates, never negative. For KL empty cells are one with the thinnest of those that are not, unless they are
        so many that it is infinite: see `UNREACHED`.
    """
    count = generated.sum()
    p, q = real / real.sum(), generated / count
    middle = (p + q) / 2
    granted = np.where((p == 0) & (generated > 0), least, p)
    return {
        "kl": _forward(p, q, int(count), unreached),
        "reverse_kl": math.inf if ((granted == 0) & (generated > 0)).any() else _kl(q, granted / granted.sum()),
        "js": (_kl(p, middle) + _kl(q, middle)) / 2,
        "tv": float(np.abs(p - q).sum() / 2),
    }


def _forward(p: Floats, q: Floats, count: int, share: float) -> float:
    """Return KL from real shares p to generated shares q, some of which are 0."""
    missed = (p > 0) & (q == 0)
    if not missed.any():
        return _kl(p, q)
    unreached = p[missed].sum()
    if unreached >= share and count * unreached >= EVIDENT:
        return math.inf
    met = np.flatnonzero((p > 0) & (q > 0))
    if not len(met):
        # Too few samples to say that there are none.
        return _kl(np.array([unreached]), np.array([0.5 / count]))
    # Of all cells to join with, the thinnest loses the least. What is lost makes the value smaller, never larger.
    thinnest = met[np.argmin(q[met] / p[met])]
    joined = np.where(missed, 0.0, p)
    joined[thinnest] += unreached
    return _kl(joined, q)


def _kl(p: Floats, q: Floats) -> float:
    mass = p > 0
    # A share compared with itself may come out a rounding error below zero; the ratio itself might overflow.
    return max(0.0, float(np.sum(p[mass] * (np.log(p[mass]) - np.log(q[mass])))))
