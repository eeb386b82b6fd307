"""Wasserstein distances: between two samples, on the line by sorting and in the plane by assignment."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ASSIGNED, LIVE_ASSIGNED = 1000, 256
"""Samples a side that an assignment in the plane takes at most, and while a run is watched.

The work grows with the third power: both distances of 1,000 take about 0.1 s, of 256 about 5 ms.
"""
BLOCKS, SQUARED_BLOCKS = 16, 4
"""Disjoint sub-samples from whose values the standard error of W1 is estimated, and that of W2.

Few and large ones for W2, since nobody knows how fast its spread falls; many would make more of a wrong guess.
"""
DIRECTIONS = 32
"""Directions of the sliced distance, spread evenly over half a turn."""


def w1(real: Floats, generated: Floats, assigned: int = ASSIGNED) -> float:
    """Return the Wasserstein-1 distance between two samples (n, d) and (m, d), in their units.

    On the line it is exact for the two samples. In the plane it is the cost of the best assignment of equally many
    samples of each side, the first ones, at most ``assigned``.
    """
    if real.shape[1] == 1:
        return w1_line(real[:, 0], generated[:, 0])
    return float(matched(distances(real, generated, assigned)).mean())


def w2(real: Floats, generated: Floats, assigned: int = ASSIGNED) -> float:
    """Return the Wasserstein-2 distance between two samples; see `w1`."""
    if real.shape[1] == 1:
        return w2_line(real[:, 0], generated[:, 0])
    return float(np.sqrt(matched(distances(real, generated, assigned) ** 2).mean()))


def w1_line(real: Floats, generated: Floats) -> float:
    """Return W1 between two samples (n,) and (m,) on the line: the area between their distribution functions.

    Vallender (1974), "Calculation of the Wasserstein distance between probability distributions on the line".
    """
    places = np.sort(np.concatenate([real, generated]))
    below_real = np.searchsorted(np.sort(real), places[:-1], side="right") / len(real)
    below_generated = np.searchsorted(np.sort(generated), places[:-1], side="right") / len(generated)
    return float(np.sum(np.abs(below_real - below_generated) * np.diff(places)))


def w2_line(real: Floats, generated: Floats) -> float:
    """Return W2 between two samples (n,) and (m,) on the line, from their quantile functions."""
    levels = np.unique(np.concatenate([np.arange(1, len(side) + 1) / len(side) for side in (real, generated)]))
    middles = levels - np.diff(levels, prepend=0.0) / 2
    of_real = np.sort(real)[(middles * len(real)).astype(np.int64)]
    of_generated = np.sort(generated)[(middles * len(generated)).astype(np.int64)]
    return float(np.sqrt(np.sum(np.diff(levels, prepend=0.0) * (of_real - of_generated) ** 2)))


def distances(real: Floats, generated: Floats, most: int) -> Floats:
    """Return the distances (k, k) between the first samples of each side, equally many, at most ``most``."""
    # SciPy takes half a second to import, which the first picture need not wait for.
    from scipy.spatial.distance import cdist

    count = min(len(real), len(generated), most)
    return np.asarray(cdist(real[:count], generated[:count]), dtype=np.float64)


def matched(cost: Floats) -> Floats:
    """Return the costs (k,) of the pairs of the best assignment, row by row, for costs (k, k).

    The assignment is SciPy's: Crouse (2016), "On implementing 2D rectangular assignment algorithms".
    """
    from scipy.optimize import linear_sum_assignment

    return cost[linear_sum_assignment(cost)]


def block_error(values: Callable[[int], Floats], count: int) -> Floats | None:
    """Return the standard error of an estimate from a sample, from estimates on disjoint parts of it.

    An estimate whose spread falls with the root of the sample's size spreads on one of B parts √B times as much as
    on the whole.

    Parameters
    ----------
    values : callable
        Gives the estimates (..., B) on B parts, for a number B.
    count : int
        Size of the whole sample.

    Returns
    -------
    (...) or None
        None for fewer than four samples.
    """
    blocks = min(BLOCKS, count // 2)
    if blocks < 2:
        return None
    return values(blocks).std(axis=-1, ddof=1) / np.sqrt(blocks)


def root_error(value: float, parts: Floats, other: float = 0.0) -> float | None:
    """Return the standard error of W2 from the squares W2² of a sample and of disjoint parts of it.

    The spread of W2² falls with the root of the sample's size where the distributions differ or lie in separate
    pieces, but as fast as W2² itself, with the size, where they are equal and smooth (del Barrio and Loubes 2019,
    "Central limit theorems for empirical transportation cost in general dimension", whose limit is degenerate there).
    How much smaller W2² is of the whole than of its B parts tells: the spread σ over the parts falls by that share,
    by at least √B and by at most B. From the square V the error goes to the root as half of √(V + σ) - √(V - σ), V - σ
    not below 0: the delta method's σ / 2 W2 where σ is small, and finite where V may be anything down to zero.

    Parameters
    ----------
    value : float
        W2² of the whole sample.
    parts : (B,)
        W2² of its parts.
    other : float
        Standard error of W2² from what the parts have in common, the other side.

    Returns
    -------
    float or None
        None for fewer than two parts.
    """
    count = len(parts)
    if count < 2:
        return None
    # In units of the largest, whose square is a number however large or small the samples are.
    unit = max(value, float(parts.max()), other)
    if unit == 0:
        return 0.0
    value, parts = value / unit, parts / unit
    share = min(max(value / mean, 1 / count), count**-0.5) if (mean := float(parts.mean())) > 0 else 0.0
    spread = math.hypot(float(parts.std(ddof=1)) * share, other / unit)
    return (math.sqrt(value + spread) - math.sqrt(max(value - spread, 0.0))) / 2 * math.sqrt(unit)
