"""Distributions in the plane whose density is known: sums of normal distributions, and boards.

Data along a curve with noise is an integral of normal distributions over the curve; by Gauss-Legendre's rule it is a
sum of so many that each stretch between two of them is shorter than the noise is wide.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_RULE = 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_RULE)
_MOST = 40_000
_CHUNK = 1024


class Plane(ABC):
    """A distribution in the plane, with normal noise along both axes."""

    @property
    @abstractmethod
    def has_density(self) -> bool:
        """Whether there is a density, and not only masses on points or curves."""

    @abstractmethod
    def factors(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return matrices (n, k) and (m, k): the density at (x_i, y_j) is Σ_k of their rows' products."""

    @abstractmethod
    def blurred(self, std: ArrayLike) -> Plane:
        """Return the distribution with normal noise added, of one standard deviation or one for each axis (2,)."""

    def pdf(self, points: Floats) -> Floats:
        """Return the density (n,) at points (n, 2)."""
        self.require_density()
        parts = [points[first : first + _CHUNK] for first in range(0, len(points), _CHUNK)]
        found = [np.einsum("nk,nk->n", *self.factors(part[:, 0], part[:, 1])) for part in parts]
        return np.concatenate([np.empty(0), *found])

    def on_grid(self, x: Floats, y: Floats) -> Floats:
        """Return the density (m, n) over a grid of places x (n,) and y (m,)."""
        self.require_density()
        on_x, on_y = self.factors(x, y)
        return on_y @ on_x.T

    def require_density(self) -> None:
        """Raise a ValueError where there is no density."""
        if not self.has_density:
            raise ValueError("data on points or curves has no density; with noise it has: distribution.blurred(std)")


def _std_of(std: ArrayLike) -> Floats:
    return np.broadcast_to(np.asarray(std, dtype=np.float64), 2)


@dataclass(frozen=True, eq=False)
class PlaneNormals(Plane):
    """A mixture of normal distributions: centres (k, 2), standard deviations (k, 2), shares (k,)."""

    centres: Floats
    stds: Floats
    shares: Floats

    @property
    def has_density(self) -> bool:  # noqa: D102
        return bool((self.stds > 0).all())

    def factors(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        on_x, on_y = (
            np.exp(-0.5 * ((places[:, None] - centre) / std) ** 2) / (math.sqrt(2 * math.pi) * std)
            for places, centre, std in zip((x, y), self.centres.T, self.stds.T, strict=True)
        )
        return on_x * self.shares, on_y

    def blurred(self, std: ArrayLike) -> PlaneNormals:  # noqa: D102
        return replace(self, stds=np.hypot(self.stds, _std_of(std)))


@dataclass(frozen=True, eq=False)
class Curves(Plane):
    """Curves with noise: a point on one of the curves, each equally often, plus normal noise.

    Attributes
    ----------
    point : callable
        Takes parameters (k,) from 0 to 1 to points (curves, k, 2), one for each curve.
    std : (2,)
        Standard deviation of the noise on each axis.
    rooted : bool
        Whether the parameter is the root of a uniform number, and not one itself.
    """

    point: Callable[[Floats], Floats]
    std: Floats
    rooted: bool = False

    @property
    def has_density(self) -> bool:  # noqa: D102
        return bool((self.std > 0).all())

    def factors(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        return self._normals().factors(x, y)

    def _normals(self) -> PlaneNormals:
        path = self.point(np.linspace(0.0, 1.0, 2049)) / self.std
        steps = np.linalg.norm(np.diff(path, axis=1), axis=2).max(axis=0)
        # Eight nodes for every two standard deviations are exact to 1e-9. Panels end at places of equal length.
        length = np.concatenate([[0.0], np.cumsum(steps)])
        panels = int(min(max(8, math.ceil(length[-1] / 2)), _MOST // (_RULE * len(path))))
        ends = np.interp(np.linspace(0.0, length[-1], panels + 1), length, np.linspace(0.0, 1.0, 2049))
        half = np.diff(ends) / 2
        u = (ends[:-1, None] + half[:, None] * (1 + _NODES)).ravel()
        weights = (half[:, None] * _WEIGHTS).ravel() * (2 * u if self.rooted else 1.0)
        centres = self.point(u)
        return PlaneNormals(
            centres.reshape(-1, 2), np.broadcast_to(self.std, (centres.shape[0] * len(u), 2)),
            np.tile(weights / len(centres), len(centres)),
        )  # fmt: skip

    def blurred(self, std: ArrayLike) -> Curves:  # noqa: D102
        return replace(self, std=np.hypot(self.std, _std_of(std)))


@dataclass(frozen=True, eq=False)
class Board(Plane):
    """The uniform distribution on the dark fields of a checkerboard around the origin, the corner's own being dark."""

    side: int
    spacing: float
    std: Floats

    @property
    def has_density(self) -> bool:  # noqa: D102
        return True

    def factors(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        fields = (self.side**2 + 1) // 2
        on_x, on_y = self._stripes(x, self.std[0]), self._stripes(y, self.std[1])
        return on_x / (fields * self.spacing**2), on_y

    def _stripes(self, places: Floats, std: float) -> Floats:
        """Return how much of even and of odd columns (n, 2) is at some places: a field is dark where both agree."""
        from scipy.special import ndtr

        edges = (np.arange(self.side + 1) - self.side / 2) * self.spacing
        if std > 0:
            steps = ndtr((places[:, None] - edges) / std)
            # Behind the middle the differences are taken of the other tail, which is the smaller one.
            other = ndtr((edges - places[:, None]) / std)
            columns = np.where(steps[:, :-1] > 0.5, other[:, 1:] - other[:, :-1], steps[:, :-1] - steps[:, 1:])
        else:
            columns = ((places[:, None] >= edges[:-1]) & (places[:, None] < edges[1:])).astype(np.float64)
        return np.stack([columns[:, 0::2].sum(axis=1), columns[:, 1::2].sum(axis=1)], axis=1)

    def blurred(self, std: ArrayLike) -> Board:  # noqa: D102
        return replace(self, std=np.hypot(self.std, _std_of(std)))


@dataclass(frozen=True, eq=False)
class Segment(Plane):
    """A vertical segment from y = 0 upwards with normal noise: the WGAN paper's example 1."""

    position: float
    length: float
    std: Floats

    @property
    def has_density(self) -> bool:  # noqa: D102
        return bool(self.std[0] > 0)

    def factors(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:  # noqa: D102
        from .line import Normals, Pieces

        across = Normals(np.array([self.position]), self.std[:1], np.ones(1))
        along = Pieces(np.array([[0.0, self.length]]), float(self.std[1]))
        return across.pdf(x)[:, None], along.pdf(y)[:, None]

    def blurred(self, std: ArrayLike) -> Segment:  # noqa: D102
        return replace(self, std=np.hypot(self.std, _std_of(std)))
