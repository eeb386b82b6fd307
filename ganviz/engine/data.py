# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Real samples: every kind of data as a function of four uniform numbers.

One sample needs one place of the random stream, so that sample i of an update is the same whatever the batch is.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment
from ganviz.experiment.data import (
    Checkerboard,
    Circle,
    Diracs,
    Exponential,
    File,
    Gaussian,
    Grid,
    Laplace,
    Line,
    Mixture,
    Moons,
    Ring,
    Spiral,
    StudentT,
    SwissRoll,
    Uniform,
)

from . import random
from .compiler import inlined

(
    MIXTURE, UNIFORM, LAPLACE, STUDENT_T, EXPONENTIAL,
    SWISS_ROLL, MOONS, SPIRAL, CIRCLE, CHECKERBOARD, LINE, ROWS,
) = range(12)  # fmt: skip

Floats = NDArray[np.float64]


class DataPlan(NamedTuple):
    """A kind of data as numbers.

    Attributes
    ----------
    kind : int
        One of the codes of this module.
    dimension : int
        1 or 2.
    p : (4,)
        The kind's own numbers.
    rows : (k, 2 d) or (n, d)
        Means and standard deviations of the modes, or the rows of a file.
    cumulative : (k,)
        Cumulative shares of the rows.
    shift, scale : (2,)
        Training units are (own units - shift) / scale.
    """

    kind: int
    dimension: int
    p: Floats
    rows: Floats
    cumulative: Floats
    shift: Floats
    scale: Floats


def data_plan(experiment: Experiment) -> DataPlan:
    """Lower an experiment's data to numbers, in its own units."""
    d = experiment.dimension
    match experiment.data:
        case Gaussian(mean=mean, std=std):
            return _mixture(d, np.reshape(mean, (1, d)), np.broadcast_to(std, (1, d)))
        case Mixture(means=means, stds=stds, weights=weights):
            centres = np.reshape(np.asarray(means, dtype=np.float64), (-1, d))
            spread = np.asarray(stds, dtype=np.float64)
            spread = np.broadcast_to(spread[:, None] if spread.ndim == 1 else spread, centres.shape)
            return _mixture(d, centres, spread, weights)
        case Diracs(means=means, weights=weights):
            centres = np.reshape(np.asarray(means, dtype=np.float64), (-1, 1))
            return _mixture(1, centres, np.zeros_like(centres), weights)
        case Ring(modes=modes, radius=radius, std=std):
            # The end point is left out: the angle 2 pi is the angle 0.
            angles = np.arange(modes) * (2 * np.pi / modes)
            centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            return _mixture(2, centres, np.full_like(centres, std))
        case Grid(side=side, spacing=spacing, std=std):
            axis = (np.arange(side) - (side - 1) / 2) * spacing
            centres = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
            return _mixture(2, centres, np.full_like(centres, std))
        case Uniform(low=low, high=high):
            return _numbers(UNIFORM, d, low, high)
        case Laplace(mean=mean, scale=scale):
            return _numbers(LAPLACE, d, mean, scale)
        case StudentT(mean=mean, scale=scale, dof=dof):
            return _numbers(STUDENT_T, d, mean, scale, dof)
        case Exponential(low=low, scale=scale):
            return _numbers(EXPONENTIAL, d, low, scale)
        case SwissRoll(scale=scale, std=std):
            return _numbers(SWISS_ROLL, d, scale, std)
        case Moons(std=std):
            return _numbers(MOONS, d, std)
        case Spiral(arms=arms, turns=turns, radius=radius, std=std):
            return _numbers(SPIRAL, d, arms, turns, radius, std)
        case Circle(radius=radius, std=std):
            return _numbers(CIRCLE, d, radius, std)
        case Checkerboard(side=side, spacing=spacing):
            return _numbers(CHECKERBOARD, d, side, spacing)
        case Line(position=position, length=length, std=std):
            return _numbers(LINE, d, position, length, std)
        case File():
            table = experiment.table
            assert table is not None
            points = np.array(table.points)
            shares = np.arange(1, len(points) + 1) / len(points)
            return DataPlan(ROWS, d, np.zeros(4), points, shares, np.zeros(2), np.ones(2))
        case other:
            raise TypeError(f"data of kind {other.kind} has no sampler")


def modes_of(experiment: Experiment) -> tuple[Floats, Floats, Floats] | None:
    """Return centres (k, d), standard deviations (k, d) and shares (k,) of the modes; None: it has none."""
    plan = data_plan(experiment)
    if plan.kind != MIXTURE:
        return None
    d = plan.dimension
    return plan.rows[:, :d], plan.rows[:, d:], np.diff(plan.cumulative, prepend=0.0)


def _numbers(kind: int, dimension: int, *p: float) -> DataPlan:
    padded = np.zeros(4)
    padded[: len(p)] = p
    return DataPlan(kind, dimension, padded, np.zeros((1, 1)), np.ones(1), np.zeros(2), np.ones(2))


def _mixture(dimension: int, centres: Any, spread: Any, weights: Any = 1.0) -> DataPlan:
    rows = np.ascontiguousarray(np.concatenate([centres, spread], axis=1), dtype=np.float64)
    shares = np.broadcast_to(np.asarray(weights, dtype=np.float64), len(rows))
    cumulative = np.cumsum(shares / shares.sum())
    cumulative[-1] = 1.0
    return DataPlan(MIXTURE, dimension, np.zeros(4), rows, cast(Floats, cumulative), np.zeros(2), np.ones(2))


@inlined
def _row(cumulative, u):
    """Index of the first entry that exceeds u: row i is drawn with probability cumulative[i] - cumulative[i - 1]."""
    low, high = 0, cumulative.size - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > u:
            high = middle
        else:
            low = middle + 1
    return low


@inlined
def _draw(kind, p, rows, cumulative, dimension, a, b, c, d):
    """Turn four uniform numbers into one sample (x, y); y is 0 in one dimension."""
    x = y = 0.0
    if kind == MIXTURE:
        row = rows[_row(cumulative, a)]
        u, v = random.normal_pair(b, c)
        x = row[0] + row[dimension] * u
        if dimension == 2:
            y = row[1] + row[3] * v
    elif kind == ROWS:
        row = rows[min(int(a * rows.shape[0]), rows.shape[0] - 1)]
        x = row[0]
        if dimension == 2:
            y = row[1]
    elif kind == UNIFORM:
        x = p[0] + (p[1] - p[0]) * a
    elif kind == LAPLACE:
        # Inverse of the distribution function.
        x = p[0] + (p[1] * math.log(2 * a) if a < 0.5 else -p[1] * math.log(2 * (1 - a)))
    elif kind == STUDENT_T:
        # Bailey (1994), "Polar generation of random variates with the t-distribution".
        x = p[0] + p[1] * math.sqrt(p[2] * (a ** (-2 / p[2]) - 1)) * math.cos(2 * math.pi * b)
    elif kind == EXPONENTIAL:
        x = p[0] - p[1] * math.log(a)
    elif kind == CHECKERBOARD:
        side = int(p[0])
        # Dark fields are counted row by row; row j holds every second field, from field j % 2 on.
        field = int(a * ((side * side + 1) // 2))
        full = 2 * field
        row_number = full // side if side % 2 else field // (side // 2)
        column = full % side if side % 2 else 2 * (field % (side // 2)) + row_number % 2
        x = (column + b - side / 2) * p[1]
        y = (row_number + c - side / 2) * p[1]
    else:
        u, v = random.normal_pair(c, d)
        if kind == SWISS_ROLL:
            t = 1.5 * math.pi * (1 + 2 * a)
            x, y, std = p[0] * t * math.cos(t), p[0] * t * math.sin(t), p[1]
        elif kind == MOONS:
            t = math.pi * b
            x, y, std = math.cos(t), math.sin(t), p[0]
            if a >= 0.5:
                x, y = 1 - x, 0.5 - y
        elif kind == SPIRAL:
            # The square root spreads the samples evenly over the length of an arm.
            t = math.sqrt(b)
            angle = 2 * math.pi * (p[1] * t + int(a * p[0]) / p[0])
            x, y, std = p[2] * t * math.cos(angle), p[2] * t * math.sin(angle), p[3]
        elif kind == CIRCLE:
            x, y, std = p[0] * math.cos(2 * math.pi * a), p[0] * math.sin(2 * math.pi * a), p[1]
        else:
            x, y, std = p[0], p[1] * a, p[2]
        x += std * u
        y += std * v
    return x, y


@inlined
def fill_real(plan, out, stream, update, step, seed):
    """Fill out (n, d) with real samples in training units."""
    for i in range(out.shape[0]):
        a, b, c, d = random.uniforms(i, stream, update, step, seed)
        x, y = _draw(plan.kind, plan.p, plan.rows, plan.cumulative, plan.dimension, a, b, c, d)
        out[i, 0] = (x - plan.shift[0]) / plan.scale[0]
        if plan.dimension == 2:
            out[i, 1] = (y - plan.shift[1]) / plan.scale[1]
