"""Densities of one-dimensional data, where they are known."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.data import modes_of
from ganviz.experiment import Experiment
from ganviz.experiment.data import Disjoint, Exponential, Gaussian, Laplace, Mixture, StudentT, Uniform

Floats = NDArray[np.float64]


def density(experiment: Experiment, x: Floats) -> Floats | None:
    """Return the density of the data at x (n,), per unit of x; None for points, files and the plane."""
    if experiment.dimension != 1:
        return None
    match experiment.data:
        case Gaussian() | Mixture():
            modes = modes_of(experiment)
            assert modes is not None
            centres, stds, shares = modes
            return normal(x[:, None], centres[:, 0], stds[:, 0]) @ shares
        case Uniform(low=low, high=high):
            return np.where((x >= low) & (x <= high), 1.0 / (high - low), 0.0)
        case Disjoint(gap=gap, width=width):
            distance = np.abs(x)
            return np.where((distance >= gap / 2) & (distance <= gap / 2 + width), 0.5 / width, 0.0)
        case Laplace(mean=mean, scale=scale):
            return np.exp(-np.abs(x - mean) / scale) / (2.0 * scale)
        case StudentT(mean=mean, scale=scale, dof=dof):
            return student_t((x - mean) / scale, dof) / scale
        case Exponential(low=low, scale=scale):
            # The minimum keeps what lies before the start from overflowing; its density is 0.
            return np.where(x >= low, np.exp(-np.maximum(x - low, 0.0) / scale) / scale, 0.0)
        case _:
            return None


def normal(x: Floats, mean: Floats, std: Floats) -> Floats:
    """Return the density of N(mean, std²) at x."""
    return np.exp(-0.5 * ((x - mean) / std) ** 2) / (math.sqrt(2.0 * math.pi) * std)


def student_t(x: Floats, dof: float) -> Floats:
    """Return the density of Student's t distribution with ``dof`` degrees of freedom at x."""
    log_factor = math.lgamma((dof + 1.0) / 2.0) - math.lgamma(dof / 2.0) - 0.5 * math.log(dof * math.pi)
    return np.exp(log_factor - (dof + 1.0) / 2.0 * np.log1p(x**2 / dof))
