"""The comparisons of samples with real data, on the line and in the plane: what both sides need, kept."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

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
from .transport import ASSIGNED, DIRECTIONS, block_error, distances, matched

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
        return precision_recall(self._judged, self._reach, shuffled[:JUDGED] / self._deviation)


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
        values |= _transport(self._transport, shuffled.T, errors)
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

    def _transport(self, samples: Floats) -> dict[str, Floats]:
        return {"w1": self._quantiles.w1(samples)[0], "w2": np.sqrt(self._quantiles.w2_squared(samples)[0])}


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
        values |= _transport(self._slices, self._projected(shuffled), errors)
        if len(samples) > 1:
            values |= self._energy(shuffled[:ASSIGNED] / self._unit, errors)
        return values | self._precision_recall(shuffled)

    def _make_cells(self, count: int) -> Cells | LineCells:
        return Cells(self._points, self._weighing, count)

    def _projected(self, samples: Floats) -> Floats:
        return np.ascontiguousarray((samples / self._unit @ self._directions).T)

    def _slices(self, samples: Floats) -> dict[str, Floats]:
        return {"sliced_w2": np.sqrt(self._sliced.w2_squared(samples).mean(axis=0))}

    def _assignments(self, shuffled: Floats, assigned: int, errors: bool) -> dict[str, float]:
        """Return exact W1 and W2 between equally many real and generated samples, with errors of both sides."""
        cost = distances(self._real, shuffled[: len(self._real)] / self._unit, assigned)
        values: dict[str, float] = {}
        for name, power in (("w1", 1), ("w2", 2)):
            powers = cost**power

            def blocks(count: int, powers: Floats = powers, power: int = power) -> Floats:
                size = len(powers) // count
                parts = [powers[i * size : (i + 1) * size, i * size : (i + 1) * size] for i in range(count)]
                return np.array([matched(part).mean() for part in parts]) ** (1 / power)

            values[name] = float(matched(powers).mean() ** (1 / power))
            error = block_error(blocks, len(powers)) if errors else None
            if error is not None:
                values[name + "_error"] = float(error)
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


def _transport(measure: Callable[[Floats], dict[str, Floats]], lines: Floats, errors: bool) -> dict[str, float]:
    """Return distances of samples (L, n) and their standard errors, from disjoint parts of the sample.

    ``measure`` gives distances (...) by name for samples (L, ..., m).
    """
    count = lines.shape[1]
    values = {name: float(value) for name, value in measure(lines).items()}
    for name in tuple(values) if errors else ():

        def blocks(number: int, name: str = name) -> Floats:
            size = count // number
            return measure(lines[:, : number * size].reshape(len(lines), number, size))[name]

        error = block_error(blocks, count)
        if error is not None:
            values[name + "_error"] = float(error)
    return values
