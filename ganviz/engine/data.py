# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Real samples: every kind of data as a function of four random words.

One sample needs one place of the random stream, so that sample i of an update is the same whatever the batch is. A
member of a pool has its place in a stream of pools, and is the same at every visit.

Each kind is a shape, made of the words plane by plane (see `ganviz.engine.random`), which is then scaled, moved and,
for most, blurred by normal numbers. Scale and place are brought into training units in 64 bits before the samples are
made, so that a small spread far from zero survives standardisation in 32 bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment
from ganviz.experiment.data import (
    Checkerboard,
    Circle,
    Diracs,
    Disjoint,
    Exponential,
    File,
    Gaussian,
    Grid,
    Laplace,
    Line,
    Mixture,
    Moons,
    Pinwheel,
    Ring,
    Spiral,
    StudentT,
    SwissRoll,
    Uniform,
)

from . import random
from .compiler import spliced, strict
from .elementary import exp, expm1, fma, round_even, unit_circle

MIXTURE, ROWS, PIECES, EXPONENTIALS, STUDENT_T, CURVES, CHECKERBOARD, PINWHEEL = range(8)

# Places among a plan's numbers: the kind's own come first, then what every kind but mixtures and rows has.
ARMS, TURNS, RADIUS, CENTRE = 0, 1, 5, 9
OFFSET, FACTOR, SPREAD, NUMBERS = 11, 13, 15, 16

Floats = NDArray[np.float64]


class DataPlan(NamedTuple):
    """A kind of data as numbers.

    Attributes
    ----------
    kind : int
        One of the codes of this module.
    dimension : int
        1 or 2.
    p : (16,)
        Numbers of the kind's shape, for a mixture whether all shares are equal; then, for each axis, where the
        shape's origin lies and its unit's length, and last the standard deviation of the noise.
    rows : (k, 2 d + 2) or (n, d)
        Means and standard deviations of the modes, and their columns of Walker's table; or the rows of a file.
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
            return _shape(PIECES, d, 0, 1, offset=(low + high) / 2, factor=(high - low) / 2)
        case Disjoint(gap=gap, width=width):
            return _shape(PIECES, d, gap / 2, width)
        case Line(position=position, length=length, std=std):
            return _shape(PIECES, d, 0, 1, offset=(position, length / 2), factor=(0, length / 2), spread=std)
        case Laplace(mean=mean, scale=scale):
            return _shape(EXPONENTIALS, d, 0, offset=mean, factor=scale)
        case Exponential(low=low, scale=scale):
            return _shape(EXPONENTIALS, d, -1, offset=low, factor=scale)
        case StudentT(mean=mean, scale=scale, dof=dof):
            return _shape(STUDENT_T, d, dof, offset=mean, factor=scale * np.sqrt(dof))
        case SwissRoll(scale=scale, std=std):
            radius = (1.5 * np.pi, 3 * np.pi)
            return _shape(CURVES, d, *_curve(turns=(0.75, 1.5), radius=radius), factor=scale, spread=std)
        case Moons(std=std):
            # Two half circles; the second is turned around and stands at (1, 1/2).
            own = _curve(2, turns=(0, 0.5), radius=(1, 0, 0, -2), centre=(1, 0.5))
            return _shape(CURVES, d, *own, spread=std)
        case Spiral(arms=arms, turns=turns, radius=radius, std=std):
            # The square root spreads the samples evenly over the length of an arm.
            own = _curve(arms, turns=(0, 0, turns, 1 / arms), radius=(0, 0, 1))
            return _shape(CURVES, d, *own, factor=radius, spread=std)
        case Circle(radius=radius, std=std):
            return _shape(CURVES, d, *_curve(turns=(0, 1), radius=(1,)), factor=radius, spread=std)
        case Checkerboard(side=side, spacing=spacing):
            return _shape(CHECKERBOARD, d, side, factor=spacing)
        case Pinwheel(arms=arms, radial_std=radial, tangential_std=tangential, rate=rate):
            return _shape(PINWHEEL, d, arms, radial, tangential, rate)
        case File():
            table = experiment.table
            assert table is not None
            points = np.array(table.points)
            shares = np.arange(1, len(points) + 1) / len(points)
            return DataPlan(ROWS, d, np.zeros(NUMBERS), points, shares, np.zeros(2), np.ones(2))
        case other:
            raise TypeError(f"data of kind {other.kind} has no sampler")


def modes_of(experiment: Experiment) -> tuple[Floats, Floats, Floats] | None:
    """Return centres (k, d), standard deviations (k, d) and shares (k,) of the modes; None: it has none."""
    plan = data_plan(experiment)
    if plan.kind != MIXTURE:
        return None
    d = plan.dimension
    return plan.rows[:, :d], plan.rows[:, d : 2 * d], np.diff(plan.cumulative, prepend=0.0)


def _shape(
    kind: int, dimension: int, *own: float, offset: Any = 0.0, factor: Any = 1.0, spread: float = 0.0
) -> DataPlan:
    p = np.zeros(NUMBERS)
    p[: len(own)] = own
    p[OFFSET : OFFSET + 2] = offset
    p[FACTOR : FACTOR + 2] = factor
    p[SPREAD] = spread
    return DataPlan(kind, dimension, p, np.zeros((1, 1)), np.ones(1), np.zeros(2), np.ones(2))


def _curve(
    arms: int = 1,
    turns: tuple[float, ...] = (),
    radius: tuple[float, ...] = (),
    centre: tuple[float, ...] = (),
) -> list[float]:
    """Return the numbers of a curve of some arms.

    The point at u, from 0 to 1, of an arm, counted from 0, has an angle in turns and a radius that are sums of 1, u,
    the root of u and the arm, with these factors; the arm's own centre is the arm times ``centre``.
    """
    numbers = np.zeros(OFFSET)
    numbers[ARMS] = arms
    for place, values in ((TURNS, turns), (RADIUS, radius), (CENTRE, centre)):
        numbers[place : place + len(values)] = values
    return numbers.tolist()


def _mixture(dimension: int, centres: Any, spread: Any, weights: Any = 1.0) -> DataPlan:
    weights = np.broadcast_to(np.asarray(weights, dtype=np.float64), len(centres))
    shares = weights / weights.sum()
    rows = np.concatenate([centres, spread, _walker(shares)], axis=1)
    cumulative = np.cumsum(shares)
    cumulative[-1] = 1.0
    p = np.zeros(NUMBERS)
    p[0] = np.ptp(weights) == 0
    return DataPlan(MIXTURE, dimension, p, np.ascontiguousarray(rows), cumulative, np.zeros(2), np.ones(2))


def _walker(shares: Floats) -> Floats:
    """Return a table (k, 2) that draws i with probability shares[i] from two uniform numbers, however many there are.

    Walker (1977), "An efficient method for generating discrete random variables with general distributions": a row
    is drawn, each equally often; with the probability in its first column it is kept, else it gives way to the row
    named in the second.
    """
    size = len(shares)
    table = np.stack([np.ones(size), np.arange(size, dtype=np.float64)], axis=1)
    left = shares * size
    small, large = [int(i) for i in np.flatnonzero(left < 1)], [int(i) for i in np.flatnonzero(left >= 1)]
    while small and large:
        low, high = small.pop(), large[-1]
        table[low] = left[low], high
        left[high] -= 1 - left[low]
        if left[high] < 1:
            small.append(large.pop())
    return table


@spliced
def fill_real(plan, out, count, pool, cursor, stream, update, step, seed, words):
    """Fill the first columns of out (d, columns) with real samples in training units, the others with 0.

    See `ganviz.engine.random.fill_noise` for the arguments.
    """
    kind = plan.kind
    size = random.blocks(count, 1)
    a, b = words[:size], words[size : 2 * size]
    c, d = words[2 * size : 3 * size], words[3 * size : 4 * size]
    if pool > 0:
        random.pool_members(a, cursor, pool, np.int64(random.DATA_POOL), seed)
        stream, update, step = random.DATA_POOL, random.MEMBERS, 0
    else:
        for i in range(size):
            a[i] = random.pack(np.uint64(i), a[i])
    if kind == ROWS and pool > 0:
        random.pool_rows(a, plan.rows.shape[0], np.int64(random.DATA_POOL), seed)
    else:
        random.draw_words(words, size, stream, update, step, seed)
        if kind == CHECKERBOARD:
            _checkerboard(plan.p, a, b, c)
        random.normal_pairs(c, d)
        if kind == MIXTURE or kind == ROWS:
            _choose(plan, a, b)
        else:
            _draw_shape(kind, plan.p, a, b, c, d)
    if kind == MIXTURE or kind == ROWS:
        _place_rows(plan, out, count, a, c, d)
    else:
        _place_shape(plan, out, count, a, b, c, d)
    for row in range(plan.dimension):
        for i in range(count, out.shape[1]):
            out[row, i] = 0


@strict
def _choose(plan, a, b):
    """Draw rows: every row equally often, or by Walker's table."""
    rows = plan.rows
    whole = np.uint64(rows.shape[0])
    for i in range(a.size):
        a[i] = random.pack((random.unpack(a[i]) * whole) >> np.uint64(32), a[i])
    if plan.kind == MIXTURE and plan.p[0] == 0:
        keep = 2 * plan.dimension
        for i in range(a.size):
            row = random.unpack(a[i])
            u = (np.float64(random.unpack(b[i])) + 0.5) * 2.0**-32
            a[i] = random.pack(row if u < rows[row, keep] else np.uint64(rows[row, keep + 1]), a[i])


@strict
def _place_rows(plan, out, count, a, c, d):
    """Set out to the drawn rows, and add each mode's noise."""
    number = out.dtype.type
    rows, dimension = plan.rows, plan.dimension
    for axis in range(dimension):
        shift, scale = plan.shift[axis], 1.0 / plan.scale[axis]
        line, normal = out[axis], c if axis == 0 else d
        if plan.kind == ROWS:
            for i in range(count):
                line[i] = number((rows[random.unpack(a[i]), axis] - shift) * scale)
        else:
            for i in range(count):
                row = random.unpack(a[i])
                std = number(rows[row, dimension + axis] * scale)
                line[i] = fma(std, normal[i], number((rows[row, axis] - shift) * scale))


@strict
def _place_shape(plan, out, count, a, b, c, d):
    """Set out to the shape, scaled, moved and blurred."""
    number = out.dtype.type
    p = plan.p
    for axis in range(plan.dimension):
        scale = 1.0 / plan.scale[axis]
        offset = number((p[OFFSET + axis] - plan.shift[axis]) * scale)
        factor, spread = number(p[FACTOR + axis] * scale), number(p[SPREAD] * scale)
        line, shape, normal = out[axis], a if axis == 0 else b, c if axis == 0 else d
        for i in range(count):
            line[i] = fma(spread, normal[i], fma(factor, shape[i], offset))


@strict
def _uniform(x):
    """Turn a packed word into a number uniform on (0, 1)."""
    number = type(x)
    return fma(number(0.5), random.symmetric(x), number(0.5))


@strict
def _checkerboard(p, a, b, c):
    """Turn three planes of words into points on a board of unit fields around the origin."""
    number = a.dtype.type
    side = number(p[0])
    fields = np.uint64((p[0] * p[0] + 1) // 2)
    even = number(1) if p[0] % 2 == 0 else number(0)
    for i in range(a.size):
        # Dark fields are counted row by row; row j holds every second field, from field j % 2 on.
        field = number((random.unpack(a[i]) * fields) >> np.uint64(32))
        full = number(2) * field
        row = round_even((full + number(0.5)) / side - number(0.5))
        odd = abs(row - number(2) * round_even(number(0.5) * row))
        column = full - row * side + even * odd
        x = column + _uniform(b[i]) - number(0.5) * side
        b[i] = row + _uniform(c[i]) - number(0.5) * side
        a[i] = x


@strict
def _draw_shape(kind, p, a, b, c, d):
    """Turn planes of words a, b and normal numbers c, d into the shape's coordinates, in a and b."""
    number = a.dtype.type
    if kind == PIECES:
        # Uniform on both sides of a gap; of a line this is the second coordinate, and the first one's unit is 0.
        gap, width = number(p[0]), number(p[1])
        for i in range(a.size):
            v = random.symmetric(a[i])
            a[i] = fma(width, v, gap if v > number(0) else -gap)
            b[i] = a[i]
    elif kind == EXPONENTIALS:
        border = number(p[0])
        for i in range(a.size):
            size = random.log_uniform(a[i])
            a[i] = -size if random.symmetric(b[i]) > border else size
    elif kind == STUDENT_T:
        # Bailey (1994), "Polar generation of random variates with the t-distribution": the radius is the root of
        # exp(2 t) - 1, here without overflow and without loss near 0.
        share = number(-1 / p[0])
        for i in range(a.size):
            t = share * random.log_uniform(a[i])
            x, _ = unit_circle(number(0.5) * random.symmetric(b[i]))
            a[i] = exp(t) * math.sqrt(-expm1(number(-2) * t)) * x
    elif kind == CURVES:
        _curves(p, a, b)
    elif kind == PINWHEEL:
        _pinwheel(p, a, b, c, d)


@strict
def _curves(p, a, b):
    """Turn two planes of words into points of the curve that `_curve` describes."""
    number = a.dtype.type
    arms = np.uint64(p[ARMS])
    turn0, turn1, turn2, turn3 = number(p[1]), number(p[2]), number(p[3]), number(p[4])
    radius0, radius1, radius2, radius3 = number(p[5]), number(p[6]), number(p[7]), number(p[8])
    x0, y0 = number(p[9]), number(p[10])
    for i in range(a.size):
        arm = number((random.unpack(a[i]) * arms) >> np.uint64(32))
        u = _uniform(b[i])
        root = math.sqrt(u)
        x, y = unit_circle(fma(turn3, arm, fma(turn2, root, fma(turn1, u, turn0))))
        radius = fma(radius3, arm, fma(radius2, root, fma(radius1, u, radius0)))
        a[i] = fma(radius, x, x0 * arm)
        b[i] = fma(radius, y, y0 * arm)


@strict
def _pinwheel(p, a, b, c, d):
    number = a.dtype.type
    arms, share = np.uint64(p[0]), number(1 / p[0])
    radial, tangential, rate = number(p[1]), number(p[2]), number(p[3] / (2 * np.pi))
    for i in range(a.size):
        along, across = number(1) + radial * c[i], tangential * d[i]
        arm = share * number((random.unpack(a[i]) * arms) >> np.uint64(32))
        x, y = unit_circle(arm + rate * exp(along))
        a[i] = along * x + across * y
        b[i] = across * x - along * y
