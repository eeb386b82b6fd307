"""Precision and recall: how much of each distribution lies on the manifold of the other.

Kynkäänniemi et al. (2019), "Improved precision and recall metric for assessing generative models": a sample lies on
the manifold of a set if it lies in the ball around one of its members that reaches to the member's k-th neighbour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .shares import share_error

Floats = NDArray[np.float64]

NEIGHBOUR = 3
"""The neighbour that a ball reaches to, as in the paper."""
JUDGED = 1000
"""Samples of each side at most."""
SLACK = 1e-6
"""Added to each radius, in standard deviations: equal samples may differ by rounding in 32 bits."""


def radii(points: Floats) -> Floats:
    """Return the radius (n,) of the ball around each of more than `NEIGHBOUR` points (n, d)."""
    from scipy.spatial import KDTree

    distance, _ = KDTree(points).query(points, k=NEIGHBOUR + 1)
    return distance[:, -1] + SLACK


def precision_recall(real: Floats, reach: Floats, generated: Floats) -> dict[str, float]:
    """Return the share of generated samples on the real manifold, and of real ones on the generated one.

    Parameters
    ----------
    real, generated : (n, d), (m, d)
        With axes of the same scale.
    reach : (n,)
        The radii of the real samples.

    Returns
    -------
    dict
        ``precision`` and ``recall``, each with its standard error as ``NAME_error``; without recall for too
        few generated samples to have neighbours.
    """
    from scipy.spatial.distance import cdist

    apart = cdist(real, generated)
    precision = float(np.mean(np.any(apart <= reach[:, None], axis=0)))
    values = {"precision": precision, "precision_error": share_error(precision, len(generated))}
    if len(generated) > NEIGHBOUR:
        recall = float(np.mean(np.any(apart <= radii(generated), axis=1)))
        values |= {"recall": recall, "recall_error": share_error(recall, len(real))}
    return values
