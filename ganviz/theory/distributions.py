"""The known distribution of an experiment's data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganviz.engine import data as lowered
from ganviz.engine.data import data_plan, modes_of
from ganviz.experiment import Experiment
from ganviz.experiment import data as kinds

from .line import Exponentials, Line, Normals, Pieces, PointMasses
from .plane import Board, Curves, Plane, PlaneNormals, Segment
from .student import StudentT

Floats = NDArray[np.float64]
Distribution = Line | Plane


def distribution_of(experiment: Experiment) -> Distribution | None:
    """Return the distribution of an experiment's data, in the data's own units.

    Returns
    -------
    Line, Plane or None
        A `Line` has density, distribution function and quantiles, a `Plane` has the density. None where the
        distribution is not known in closed form: a file, and the pinwheel.
    """
    match experiment.data:
        case kinds.File() | kinds.Pinwheel():
            return None
        case kinds.Uniform(low=low, high=high):
            return Pieces(np.array([[low, high]]))
        case kinds.Disjoint(gap=gap, width=width):
            return Pieces(np.array([[-gap / 2 - width, -gap / 2], [gap / 2, gap / 2 + width]]))
        case kinds.Laplace(mean=mean, scale=scale):
            return Exponentials(mean, scale, two_sided=True)
        case kinds.Exponential(low=low, scale=scale):
            return Exponentials(low, scale)
        case kinds.StudentT(mean=mean, scale=scale, dof=dof):
            return StudentT(mean, scale, dof)
        case kinds.Checkerboard(side=side, spacing=spacing):
            return Board(side, spacing, np.zeros(2))
        case kinds.Line(position=position, length=length, std=std):
            return Segment(position, length, np.full(2, std))
        case kinds.Circle() | kinds.Moons() | kinds.Spiral() | kinds.SwissRoll():
            return _curves(experiment)
        case _:
            modes = modes_of(experiment)
            assert modes is not None
            centres, stds, shares = modes
            if experiment.dimension == 2:
                return PlaneNormals(centres, stds, shares)
            if (stds == 0).all():
                return PointMasses(centres[:, 0], shares)
            return Normals(centres[:, 0], stds[:, 0], shares)


def _curves(experiment: Experiment) -> Curves:
    """Return the curves that the engine's numbers describe, see `ganviz.engine.data._curve`."""
    p = data_plan(experiment).p
    offset, factor = p[lowered.OFFSET : lowered.OFFSET + 2], p[lowered.FACTOR : lowered.FACTOR + 2]
    turns, radii = p[lowered.TURNS : lowered.TURNS + 4], p[lowered.RADIUS : lowered.RADIUS + 4]
    centre = p[lowered.CENTRE : lowered.CENTRE + 2]
    arms = np.arange(p[lowered.ARMS])[:, None]
    # Where places depend on the root of u they are smooth in that root.
    rooted = bool(turns[2] or radii[2])

    def point(parameter: Floats) -> Floats:
        u, root = (parameter**2, parameter) if rooted else (parameter, np.sqrt(parameter))
        angle = 2 * np.pi * (turns[0] + turns[1] * u + turns[2] * root + turns[3] * arms)
        radius = radii[0] + radii[1] * u + radii[2] * root + radii[3] * arms
        shape = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1) + centre * arms[:, :, None]
        return offset + factor * shape

    return Curves(point, np.full(2, p[lowered.SPREAD]), rooted)
