"""Integrals over the line to nearly full precision, for integrands with jumps at known places and tails of any kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ORDER = 16
TOLERANCE = 1e-12
"""Error that a panel may have, as a share of the whole integral (or of 1 where that is smaller)."""
FARTHEST = 690.0
"""Logarithm of how far the tails are followed, in units of the width of what lies between the breaks."""
_LEVELS = 48
_MOST = 2000
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(ORDER)


def integrate(f: Callable[[Floats], Floats], breaks: ArrayLike, low: bool = True, high: bool = True) -> float:
    """Integrate a function over the line.

    Panels are halved until Gauss-Legendre's rule on both halves agrees with the rule on the whole. Beyond the outer
    breaks x = edge ± width (exp(s) - 1) is put for x, in which a power of x becomes exponential and smooth.

    Parameters
    ----------
    f : callable
        Of places (n,); finite everywhere but at the breaks.
    breaks : (k,)
        Places between which the integrand is smooth, and narrow features hidden nowhere but between close breaks.
    low, high : bool
        Whether the integral reaches beyond the first and the last break.

    Raises
    ------
    ArithmeticError
        Where the rules still disagree on more than 2,000 panels, or on panels halved 48 times.
    """
    places = np.unique(np.asarray(breaks, dtype=np.float64))
    width = float(places[-1] - places[0]) / 16 or 1.0
    steps = np.concatenate([[0.0, 0.25, 0.5], 2.0 ** np.arange(9.0), [FARTHEST]])
    left, right, side = [places[:-1]], [places[1:]], [np.zeros(len(places) - 1)]
    for wanted, sign in ((low, -1.0), (high, 1.0)):
        if wanted:
            left.append(steps[:-1])
            right.append(steps[1:])
            side.append(np.full(len(steps) - 1, sign))
    a, b, s = np.concatenate(left), np.concatenate(right), np.concatenate(side)

    def panels(a: Floats, b: Floats, s: Floats) -> Floats:
        half = (b - a) / 2
        t = (a + b)[:, None] / 2 + half[:, None] * _NODES
        tail = s[:, None] != 0
        grown = np.expm1(np.where(tail, t, 0.0))
        edge = np.where(s > 0, places[-1], places[0])[:, None]
        x = np.where(tail, edge + s[:, None] * width * grown, t)
        values = f(x.ravel()).reshape(x.shape) * np.where(tail, width * (grown + 1.0), 1.0)
        return half * (values @ _WEIGHTS)

    coarse, total = panels(a, b, s), 0.0
    for _ in range(_LEVELS):
        middle = (a + b) / 2
        fine = panels(np.concatenate([a, middle]), np.concatenate([middle, b]), np.concatenate([s, s]))
        first, second = np.split(fine, 2)
        bound = TOLERANCE * max(1.0, abs(total + float(fine.sum())))
        # What cannot be told apart in floating point is not halved further, nor is noise, which would have no end.
        off = np.abs(first + second - coarse) > np.maximum(bound, 1e-13 * (np.abs(first) + np.abs(second)))
        if np.count_nonzero(off) > _MOST:
            left = float(np.abs(first + second - coarse)[off].sum())
            raise ArithmeticError(
                f"an integral between {places[0]:.6g} and {places[-1]:.6g} and beyond has not settled: {_MOST:,} "
                f"panels are allowed, {np.count_nonzero(off):,} still differ from their halves, by {left:.2g} in all"
            )
        total += float((first + second)[~off].sum())
        if not off.any():
            return total
        a, b = np.concatenate([a[off], middle[off]]), np.concatenate([middle[off], b[off]])
        s, coarse = np.concatenate([s[off], s[off]]), np.concatenate([first[off], second[off]])
    raise ArithmeticError(
        f"an integral between {places[0]:.6g} and {places[-1]:.6g} and beyond has not settled: {_LEVELS} halvings are "
        f"allowed, after which {len(coarse):,} panels still differ from their halves"
    )
