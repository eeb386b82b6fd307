"""Densities of one-dimensional data, where they are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.data import modes_of
from ganviz.experiment import Experiment
from ganviz.experiment.data import Exponential, Gaussian, Laplace, Mixture, StudentT, Uniform

Floats = NDArray[np.float64]


def density(experiment: Experiment, x: Floats) -> Floats | None:
    """Return the density of the data at x (n,), per unit of x; None for points, files and the plane."""
    from scipy import stats

    if experiment.dimension != 1:
        return None
    match experiment.data:
        case Gaussian() | Mixture():
            modes = modes_of(experiment)
            assert modes is not None
            centres, stds, shares = modes
            return stats.norm.pdf(x[:, None], centres[:, 0], stds[:, 0]) @ shares
        case Uniform(low=low, high=high):
            return stats.uniform.pdf(x, low, high - low)
        case Laplace(mean=mean, scale=scale):
            return stats.laplace.pdf(x, mean, scale)
        case StudentT(mean=mean, scale=scale, dof=dof):
            return stats.t.pdf(x, dof, mean, scale)
        case Exponential(low=low, scale=scale):
            return stats.expon.pdf(x, low, scale)
        case _:
            return None
