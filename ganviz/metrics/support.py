"""Where the real density is exactly zero.

There the divergence KL(generated ‖ real) is infinite, however little a generator puts there, and no finite sample of
the real data can show it: it follows from the kind of data alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.data import modes_of
from ganviz.experiment import Experiment
from ganviz.experiment.data import (
    Checkerboard,
    Circle,
    Grid,
    Line,
    Moons,
    Pinwheel,
    Ring,
    Spiral,
    SwissRoll,
)
from ganviz.theory.distributions import distribution_of
from ganviz.theory.line import Line as TheLine

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROUNDING = 1e-5
"""Share of the support's largest coordinate within which a sample counts as on it: samples are made in 32 bits."""


def outside(experiment: Experiment, points: Floats) -> Bools | None:
    """Tell which of some points lie where the data has no density.

    Parameters
    ----------
    experiment : Experiment
    points : (n, d)
        In the data's own units.

    Returns
    -------
    (n,) or None
        None where the density is positive everywhere, or not known, as for the rows of a file. On supports without
        volume, such as point masses or a circle without noise, all that is further from them than rounding counts.
    """
    if experiment.dimension == 1:
        return _outside_on_the_line(experiment, points[:, 0])
    x, y = points.T
    match experiment.data:
        case Checkerboard(side=side, spacing=spacing):
            return ~_on_board(points / spacing + side / 2, side)
        case Ring(std=0) | Grid(std=0):
            return _off_modes(experiment, points)
        case Line(std=0, position=position, length=length):
            slack = ROUNDING * max(abs(position), length)
            return (np.abs(x - position) > slack) | (y < -slack) | (y > length + slack)
        case Circle(std=0, radius=radius):
            return np.abs(np.hypot(x, y) - radius) > ROUNDING * radius
        case Moons(std=0):
            return _off(points, [_half_circle(x, y), (1.0, 0.5) - _half_circle(1 - x, 0.5 - y)], 2.0)
        case Spiral(std=0, arms=arms, turns=turns, radius=radius):
            along = np.minimum(np.hypot(x, y) / radius, 1.0)
            curves = (_polar(radius * along, 2 * np.pi * (turns * along + arm / arms)) for arm in range(arms))
            return _off(points, curves, radius)
        case SwissRoll(std=0, scale=scale):
            angle = np.clip(np.hypot(x, y) / scale, 1.5 * np.pi, 4.5 * np.pi)
            return _off(points, [_polar(scale * angle, angle)], 4.5 * np.pi * scale)
        case Pinwheel() as pinwheel if pinwheel.radial_std == 0 or pinwheel.tangential_std == 0:
            return _off(points, _pinwheel(pinwheel, x, y), 1.0)
        case _:
            return None


def _outside_on_the_line(experiment: Experiment, x: Floats) -> Bools | None:
    line = distribution_of(experiment)
    if not isinstance(line, TheLine) or not np.isfinite(line.support).any():
        return None
    ends = line.support
    slack = ROUNDING * np.abs(ends[np.isfinite(ends)]).max()
    # Intervals are sorted and apart: x can only be in the last one that starts before it.
    interval = np.maximum(np.searchsorted(ends[:, 0] - slack, x, side="right") - 1, 0)
    return (x < ends[interval, 0] - slack) | (x > ends[interval, 1] + slack)


def _off_modes(experiment: Experiment, points: Floats) -> Bools:
    """Return which points (n, d) lie on none of the point masses."""
    from scipy.spatial import KDTree

    modes = modes_of(experiment)
    assert modes is not None
    distance, _ = KDTree(modes[0]).query(points)
    return distance > ROUNDING * np.abs(modes[0]).max()


def _off(points: Floats, curves: Iterable[Floats], size: float) -> Bools:
    """Return which points (n, 2) lie on none of the curves, each given by its candidate (n, 2) for each point."""
    away = np.ones(len(points), np.bool_)
    for candidate in curves:
        away &= np.hypot(*(points - candidate).T) > ROUNDING * size
    return away


def _polar(radius: Floats, angle: Floats) -> Floats:
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _half_circle(x: Floats, y: Floats) -> Floats:
    """Return the point (n, 2) of the upper half of the unit circle in the direction of each point."""
    angle = np.arctan2(y, x)
    return _polar(np.ones(len(x)), np.where(angle >= 0, angle, np.where(x < 0, np.pi, 0.0)))


def _pinwheel(pinwheel: Pinwheel, x: Floats, y: Floats) -> Iterable[Floats]:
    """Yield for each arm the nearest candidates (n, 2) on a pinwheel that lacks one of its two spreads."""
    for arm in range(pinwheel.arms):
        turn = 2 * np.pi * arm / pinwheel.arms
        for sign in (1.0, -1.0):
            # Without tangential spread a point is s times the direction of its arm, turned by rate exp(s).
            along = np.ones(len(x)) if pinwheel.radial_std == 0 else sign * np.hypot(x, y)
            with np.errstate(over="ignore"):
                angle = turn + pinwheel.rate * np.exp(np.minimum(along, 100.0))
            cosine, sine = np.cos(angle), np.sin(angle)
            across = x * sine + y * cosine if pinwheel.tangential_std > 0 else np.zeros(len(x))
            yield np.stack([along * cosine + across * sine, across * cosine - along * sine], axis=1)


def _on_board(places: Floats, side: int) -> Bools:
    """Tell which places (n, 2), in fields from the corner, lie on a dark field; the corner's own is dark."""
    slack = ROUNDING * side
    on = np.zeros(len(places), np.bool_)
    for shift in ((-slack, -slack), (-slack, slack), (slack, -slack), (slack, slack)):
        moved = places + shift
        inside = np.all((moved >= 0) & (moved < side), axis=1)
        field = np.floor(moved[inside]).sum(axis=1)
        on[inside] |= field % 2 == 0
    return on
