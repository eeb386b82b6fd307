"""The optimal critic: a Kantorovich potential, the function of slope at most 1 that attains W1 = E f(x) - E f(G(z)).

Kantorovich and Rubinstein (1958); Villani (2009), "Optimal transport: old and new", theorem 5.10 and 5.16. A potential
is determined up to a constant, and where no mass passes not even up to that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LARGEST = 1000
"""Samples a side at most in the plane."""
_CHUNK = 2_000_000


def line_potential(x: ArrayLike, excess: ArrayLike) -> Floats:
    """Return a potential at sorted places, from the difference of the two distribution functions there.

    W1 = ∫ |F_q - F_p| = ∫ f' (F_q - F_p) where the slope f' is the sign of F_q - F_p.

    Parameters
    ----------
    x : (n,)
        Places, rising.
    excess : (n,)
        F_q - F_p there, q being the generated distribution. Between two places of different sign it is taken to
        cross zero on the straight line.

    Returns
    -------
    (n,)
        0 at the first place.
    """
    places, ahead = np.asarray(x, dtype=np.float64), np.asarray(excess, dtype=np.float64)
    a, b = ahead[:-1], ahead[1:]
    size = np.abs(a) + np.abs(b)
    # The mean sign of a straight line from a to b.
    slope = np.divide(np.abs(b) - np.abs(a), b - a, out=np.sign(a + b), where=(a * b < 0) & (size > 0))
    return np.concatenate([[0.0], np.cumsum(np.diff(places) * slope)])


def sample_excess(real: Floats, fake: Floats, x: Floats) -> Floats:
    """Return F_q - F_p at x (n,), the distribution functions being those of samples real (k,) and fake (m,)."""
    below = [np.searchsorted(np.sort(side), x, side="right") / len(side) for side in (fake, real)]
    return below[0] - below[1]


def sample_line_potential(real: Floats, fake: Floats, x: Floats) -> Floats:
    """Return at x (n,) the potential between samples real (k,) and fake (m,) on the line, exactly; 0 at its least one.

    The slope is constant between two neighbouring samples, and 0 beyond all of them.
    """
    ends = np.unique(np.concatenate([real, fake]))
    slope = np.sign(sample_excess(real, fake, ends[:-1]))
    values = np.concatenate([[0.0], np.cumsum(np.diff(ends) * slope)])
    return np.interp(x, ends, values)


@dataclass(frozen=True, eq=False)
class PlanePotential:
    """A potential between two samples of equal size in the plane.

    Attributes
    ----------
    fake : (n, d)
        Generated samples.
    values : (n,)
        The potential at them.
    cost : float
        W1 between the samples, the mean distance of the optimal assignment.
    """

    fake: Floats
    values: Floats
    cost: float

    def __call__(self, points: Floats) -> Floats:
        """Return the potential at points (k, d): min_j f(y_j) + |x - y_j|, the largest extension of slope 1.

        McShane (1934), "Extension of range of functions". At the fakes it takes their values again.
        """
        from scipy.spatial.distance import cdist

        found = np.empty(len(points))
        size = max(1, _CHUNK // len(self.fake))
        for first in range(0, len(points), size):
            part = cdist(points[first : first + size], self.fake)
            part += self.values
            found[first : first + size] = part.min(axis=1)
        return found


def plane_potential(real: Floats, fake: Floats) -> PlanePotential:
    """Return the potential between samples real and fake, both (n, d) with n ≤ 1,000.

    The optimal assignment matches real x_i with fake y_σ(i). With f(x) = min_j f(y_j) + |x - y_j| the dual attains the
    cost where that minimum is at j = σ(i) for each real sample: f(y_σ(i)) ≤ f(y_j) + |x_i - y_j| - |x_i - y_σ(i)|.
    These are the inequalities of shortest paths between fakes (Bellman and Ford), without a negative cycle because the
    assignment is optimal; they are relaxed all at once until none is violated.

    Raises
    ------
    ValueError
        For sides of different sizes, none, or more than 1,000 samples.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    if real.shape != fake.shape or not 1 <= len(real) <= LARGEST:
        raise ValueError(
            f"real and fake samples have the shapes {real.shape} and {fake.shape}; "
            f"equal ones of 1 to {LARGEST:,} rows are allowed"
        )
    cost = cdist(real, fake)
    _, column = linear_sum_assignment(cost)
    matched = cost[np.arange(len(cost)), column]
    # lengths[i, j]: what the value at the fake of real sample i may exceed that at fake j by.
    lengths = cost - matched[:, None]
    values = np.zeros(len(fake))
    slack = 4 * np.finfo(np.float64).eps * max(1.0, float(cost.max()))
    for _ in range(len(fake)):
        nearest = (lengths + values).min(axis=1)
        if not (nearest < values[column] - slack).any():
            break
        values[column] = np.minimum(values[column], nearest)
    return PlanePotential(fake, values, float(matched.mean()))
