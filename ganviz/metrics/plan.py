"""An optimal transport plan between generated and real points, for show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .transport import ASSIGNED, distances, w1_line

Floats = NDArray[np.float64]

QUANTILES = 200
"""Matched quantiles of a plan on the line."""
USUAL = 0.95
"""Share of the mass that a perfect generator's plan moves over no more than the usual distance."""


@dataclass(frozen=True)
class Plan:
    """Which generated point goes to which real one.

    Attributes
    ----------
    fake, real : (k, d)
        Matched points, row by row, in the data's own units. In one dimension sorted: the matched quantiles.
    cost : float
        Mean distance over which the mass moves, in the unit of the metric W1.
    moved : float
        Share of the mass that moves further than 95 % of a perfect generator's would between as many points: about
        0.05 for a perfect generator, 1 where all is out of place. (Between finite samples all mass moves a little.)
    exact : bool
        False where the points are too many for an exact assignment, which is then that of some of them.
    """

    fake: Floats
    real: Floats
    cost: float
    moved: float
    exact: bool = True


def transport_plan(real: Floats, fake: Floats, unit: Floats, reach: float, points: int = ASSIGNED) -> Plan:
    """Match generated with real points so that the mean distance is least.

    Parameters
    ----------
    real, fake : (n, d), (m, d)
        In the data's own units, in an order without meaning.
    unit : (d,)
        Unit of distances on each axis, in the data's own.
    reach : float
        Distance, in these units, beyond which mass counts as moved; see `reach_of`.
    points : int
        In the plane the first of each side are matched, equally many, at most this number. On the line all are, and
        `QUANTILES` of the matched pairs are shown.
    """
    if real.shape[1] == 1:
        levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
        pairs = [np.sort(side[:, 0])[(levels * len(side)).astype(np.int64)][:, None] for side in (fake, real)]
        cost = w1_line(real[:, 0] / unit[0], fake[:, 0] / unit[0])
        moved = np.abs(pairs[0] - pairs[1])[:, 0] / unit[0] > reach
        return Plan(pairs[0], pairs[1], cost, float(moved.mean()))
    from scipy.optimize import linear_sum_assignment

    between = distances(fake / unit, real / unit, points)
    rows, columns = linear_sum_assignment(between)
    apart = between[rows, columns]
    exact = len(between) == min(len(fake), len(real))
    return Plan(fake[rows], real[columns], float(apart.mean()), float((apart > reach).mean()), exact)


def reach_of(real: Floats, perfect: Floats, unit: Floats, points: int = ASSIGNED) -> float:
    """Return the distance that 95 % of the mass does not exceed in the plan of a perfect generator's samples.

    The arguments are those of `transport_plan`, with samples of the data as the generated ones.
    """
    plan = transport_plan(real, perfect, unit, 0.0, points)
    return float(np.quantile(np.sqrt((((plan.fake - plan.real) / unit) ** 2).sum(axis=1)), USUAL))
