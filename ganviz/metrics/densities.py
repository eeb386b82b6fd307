"""Densities of one-dimensional data, where they are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment
from ganviz.theory.distributions import distribution_of
from ganviz.theory.line import Line

Floats = NDArray[np.float64]


def density(experiment: Experiment, x: Floats) -> Floats | None:
    """Return the density of the data at x (n,), per unit of x; None for points, files and the plane."""
    if experiment.dimension != 1:
        return None
    known = distribution_of(experiment)
    return known.pdf(x) if isinstance(known, Line) and known.atoms is None else None
