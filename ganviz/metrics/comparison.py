"""The comparisons of samples with real data, on the line and in the plane: what both sides need, kept."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment

from . import known
from .cells import Cells, LineCells
from .divergences import UNREACHED, cells_for, divergences
from .energy import energy, jackknife, line_sums
from .manifolds import JUDGED, NEIGHBOUR, precision_recall, radii
from .quantiles import Quantiles
from .support import outside
from .transport import (
    ASSIGNED,
    DIRECTIONS,
    SQUARED_BLOCKS,
    block_error,
    distances,
    matched,
    root_error,
)

Floats = NDArray[np.float64]


EVEN = ("uniform", "disjoint", "diracs", "checkerboard")
"""Data as dense at its ends as everywhere: what has no sample there is missing, not thin."""


class _Comparison(ABC):
    """What the line and the plane have in common.

    Parameters
    ----------
    experiment : Experiment
    points : (n, d)
        Real samples, or all rows of a file.
    """

    def __init__(self, experiment: Experiment, points: Floats) -> None:
        self._experiment = experiment
        self._cells: dict[int, Cells | LineCells] = {}
        # The first rows of a file may be sorted; sub-samples are the first rows of this.
        self._shuffled = np.random.default_rng(0).permutation(points)
        spread = points.std(axis=0)
        widest = float(spread.max()) or 1.0
        self._deviation = np.where(spread > 0, spread, widest)
        judged = self._shuffled[:JUDGED] / self._deviation
        self._judged = judged
        self._reach = radii(judged) if len(judged) > NEIGHBOUR else np.zeros(len(judged))

    def _divergences(self, samples: Floats) -> dict[str, float]:
        count = cells_for(len(samples))
        if count not in self._cells:
            self._cells[count] = self._make_cells(count)
        cells = self._cells[count]
        off = outside(self._experiment, samples)
        inside = samples if off is None else samples[~off]
        generated = np.append(cells.counts(inside), len(samples) - len(inside))
        share = 0.0 if self._experiment.data.kind in EVEN else UNREACHED
        return divergences(np.append(cells.masses, 0.0), np.append(cells.least, 0.0), generated, share)

    @abstractmethod
    def _make_cells(self, count: int) -> Cells | LineCells:
        """Make about so many cells of equal real mass."""

    def _precision_recall(self, shuffled: Floats) -> dict[str, float]:
        generated = shuffled[:JUDGED] / self._deviation
        return precision_recall(self._judged, self._reach, generated)


class Line(_Comparison):
    """Comparisons on the line, with the known distribution or with the rows of a file.

    Parameters
    ----------
    experiment : Experiment
    points : (n, 1)
        Real samples, or all rows of a file.
    """

    def __init__(self, experiment: Experiment, points: Floats) -> None:
        super().__init__(experiment, points)
        self._points = points
        self._line = known.known_line(experiment)
        values = points[:, 0] if self._line is None else known.quantiles_of(experiment, self._line)
        self._quantiles = Quantiles(values[None, :])
        self._own = float(self._quantiles.own_distance()[0])

    def evaluate(self, samples: Floats, assigned: int, errors: bool) -> dict[str, float]:
        """Measure samples (n, 1); ``assigned`` matters only in the plane."""
        shuffled = np.random.default_rng(0).permutation(samples)
        values = self._divergences(samples)
        values |= _transport(self._quantiles, shuffled.T, errors)
        if len(samples) > 1:
            line = np.sort(samples[:, 0])
            values["energy"], parts = energy(
                self._quantiles.mean_distances(line[None, :])[0], line_sums(line), self._own
            )
            if len(parts):
                values["energy_error"] = math.sqrt(jackknife(parts))
        return values | self._precision_recall(shuffled)

    @property
    def values(self) -> Floats:
        """The equally likely values (n,), sorted, that stand for the data."""
        return self._quantiles.values[0]

    def _make_cells(self, count: int) -> Cells | LineCells:
        if self._line is None:
            return Cells(self._points, None, count)
        return LineCells(self.values, self._line.cdf, count)


class Plane(_Comparison):
    """Comparisons in the plane, with samples or with the rows of a file.

    Parameters
    ----------
    experiment : Experiment
    points : (n, 2)
        Real samples, or all rows of a file.
    weighing : (m, 2), optional
        Further real samples; None for a file.
    unit : (2,)
        Unit of distances on each axis.
    """

    def __init__(self, experiment: Experiment, points: Floats, weighing: Floats | None, unit: Floats) -> None:
        super().__init__(experiment, points)
        self._points, self._weighing, self._unit = points, weighing, unit
        angles = np.arange(DIRECTIONS) * (np.pi / DIRECTIONS)
        self._directions = np.stack([np.cos(angles), np.sin(angles)])
        self._sliced = Quantiles(self._projected(points if weighing is None else weighing))
        self._real = self._shuffled[:ASSIGNED] / unit
        between = distances(self._real, self._real, ASSIGNED)
        n = len(self._real)
        self._sums = between.sum(axis=1)
        # All rows of a file are the whole population: two draws may be the same row. Else two samples are different.
        self._whole = weighing is None and len(points) <= ASSIGNED
        self._own = float(self._sums.sum() / (n * n if self._whole else max(n * (n - 1), 1)))

    def evaluate(self, samples: Floats, assigned: int, errors: bool) -> dict[str, float]:
        """Measure samples (n, 2), with at most ``assigned`` of a side in the assignments."""
        shuffled = np.random.default_rng(0).permutation(samples)
        values = self._divergences(samples)
        values |= self._assignments(shuffled, assigned, errors)
        drawn = 0 if self._weighing is None else len(self._weighing)
        values |= _squared("sliced_w2", self._sliced, self._projected(shuffled), errors, drawn)
        if len(samples) > 1:
            values |= self._energy(shuffled[:ASSIGNED] / self._unit, errors)
        return values | self._precision_recall(shuffled)

    def _make_cells(self, count: int) -> Cells | LineCells:
        return Cells(self._points, self._weighing, count)

    def _projected(self, samples: Floats) -> Floats:
        return np.ascontiguousarray((samples / self._unit @ self._directions).T)

    def _assignments(self, shuffled: Floats, assigned: int, errors: bool) -> dict[str, float]:
        """Return exact W1 and W2 between equally many real and generated samples, with errors of both sides."""
        cost = distances(self._real, shuffled[: len(self._real)] / self._unit, assigned)
        squares = cost**2
        square = float(matched(squares).mean())
        values = {"w1": float(matched(cost).mean()), "w2": math.sqrt(square)}
        if errors and (error := block_error(lambda number: _blocks(cost, number), len(cost))) is not None:
            values["w1_error"] = float(error)
            error = root_error(square, _blocks(squares, min(SQUARED_BLOCKS, len(cost) // 2)))
            values["w2_error"] = 0.0 if error is None else error
        return values

    def _energy(self, generated: Floats, errors: bool) -> dict[str, float]:
        from scipy.spatial.distance import cdist

        across = cdist(self._real, generated)
        value, parts = energy(across.mean(axis=0), cdist(generated, generated).sum(axis=1), self._own)
        values = {"energy": value}
        if errors and len(parts):
            variance = jackknife(parts)
            n = len(self._real)
            if not self._whole and n > 2:
                means = across.mean(axis=1)
                own = (self._sums.sum() - 2 * self._sums) / ((n - 1) * (n - 2))
                variance += jackknife(2 * (means.sum() - means) / (n - 1) - own)
            values["energy_error"] = math.sqrt(variance)
        return values


def _blocks(cost: Floats, number: int) -> Floats:
    """Return the mean costs (number,) of the best assignments within blocks on the diagonal of costs (n, n)."""
    size = len(cost) // number
    parts = (slice(i * size, (i + 1) * size) for i in range(number))
    return np.array([matched(cost[part, part]).mean() for part in parts])


def _parts(lines: Floats, number: int) -> Floats:
    """Return disjoint parts (L, number, m) of samples (L, n)."""
    size = lines.shape[1] // number
    return lines[:, : number * size].reshape(len(lines), number, size)


def _transport(quantiles: Quantiles, line: Floats, errors: bool) -> dict[str, float]:
    """Return W1 and W2 of samples (1, n) on the line and their standard errors, from disjoint parts of the sample."""
    values = {"w1": float(quantiles.w1(line)[0])}
    if errors:
        error = block_error(lambda number: quantiles.w1(_parts(line, number))[0], line.shape[1])
        if error is not None:
            values["w1_error"] = float(error)
    return values | _squared("w2", quantiles, line, errors)


def _squared(name: str, quantiles: Quantiles, lines: Floats, errors: bool, drawn: int = 0) -> dict[str, float]:
    """Return the root of the mean W2² of samples (L, n) over the lines, as ``name``, and its standard error.

    ``drawn`` is the number of real samples that the quantiles are of; 0 where they are the distribution itself.
    """
    square = float(quantiles.w2_squared(lines).mean())
    values = {name: math.sqrt(square)}
    number = min(SQUARED_BLOCKS, lines.shape[1] // 2)
    if errors and number > 1:
        # The deviation of a mean over the lines is at most the mean of the deviations.
        real = float(quantiles.own_spread(lines).mean()) / math.sqrt(drawn) if drawn else 0.0
        error = root_error(square, quantiles.w2_squared(_parts(lines, number)).mean(axis=0), real)
        if error is not None:
            values[f"{name}_error"] = error
    return values
