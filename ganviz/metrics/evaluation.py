"""All metrics of generated samples against an experiment's data."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganviz.engine import random
from ganviz.engine.data import ROWS, DataPlan, modes_of
from ganviz.engine.training import draw_real, standardized
from ganviz.experiment import Experiment

from .cells import Cells
from .modes import Modes
from .transport import ASSIGNED, w1

Floats = NDArray[np.float64]

SHAPING, WEIGHING = 16_384, 65_536
"""Real samples that shape the cells, and those that measure the cells' real mass."""


class Reference:
    """The real side of all comparisons for one experiment: computed once, used at every measurement.

    Parameters
    ----------
    experiment : Experiment
    data : DataPlan, optional
        Its data with shift and scale, where they are known already.
    """

    def __init__(self, experiment: Experiment, data: DataPlan | None = None) -> None:
        data = standardized(experiment) if data is None else data
        d = experiment.dimension
        self._shift, self._scale = data.shift[:d], data.scale[:d]
        modes = modes_of(experiment)
        self._modes = Modes(modes[0], modes[1]) if modes else None
        if data.kind == ROWS:
            self.points = data.rows
            self._cells = Cells(self.points)
            # The first rows of a file may be sorted; an assignment takes the first.
            self._assigned = np.random.default_rng(0).permutation(self.points)[:ASSIGNED]
        else:
            # In the precision of training, whose kernel is compiled anyway.
            bits, count = experiment.precision, SHAPING + WEIGHING
            sample = draw_real(data, experiment.seed, count, random.REFERENCE, bits).astype(np.float64)
            self.points = sample[:SHAPING]
            self._cells = Cells(self.points, sample[SHAPING:])
            self._assigned = self.points[:ASSIGNED]

    def evaluate(self, samples: ArrayLike) -> dict[str, float]:
        """Measure samples (n, d) in the data's own units; see `evaluate`."""
        given = np.asarray(samples, dtype=np.float64)
        given = given[:, None] if given.ndim == 1 else given
        if given.ndim != 2 or given.shape[1] != self.points.shape[1] or not len(given):
            raise ValueError(
                f"samples have the shape {given.shape}; (n, {self.points.shape[1]}) with at least one row is needed"
            )
        if not np.isfinite(given).all():
            raise ValueError("samples hold numbers that are not finite")
        values = self._cells.divergences(given)
        if given.shape[1] == 1:
            values["w1"] = w1(self.points, given)
        else:
            values["w1"] = w1(self._assigned / self._scale, given / self._scale)
        if self._modes is not None:
            values |= self._modes.evaluate(given)
        return values

    @property
    def mode_count(self) -> int:
        """Return the number of modes; 0 where none are defined."""
        return 0 if self._modes is None else len(self._modes)

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        """Return the range of each axis that a picture of the data shows; far tails are left out."""
        low, high = np.quantile(self.points, [0.005, 0.995], axis=0)
        extent = np.where(high > low, high - low, np.maximum(1.0, np.abs(low)))
        if len(extent) == 2 and np.all(self._scale == 1.0):
            extent[:] = extent.max()
        middle = (low + high) / 2
        return tuple((float(m - 0.75 * e), float(m + 0.75 * e)) for m, e in zip(middle, extent, strict=True))


def evaluate(experiment: Experiment, samples: ArrayLike) -> dict[str, float]:
    """Measure how far samples are from an experiment's data.

    Parameters
    ----------
    experiment : Experiment
    samples : (n, d), or (n,) for d = 1
        Generated samples in the data's own units.

    Returns
    -------
    dict
        ``kl``, ``reverse_kl``, ``js`` (nats), ``w1`` and, where the data has modes, ``high_quality`` and ``modes``;
        `METRICS` names the estimators.

    Raises
    ------
    ValueError
        For samples of another dimension, none at all, or not finite.
    """
    return _reference(experiment).evaluate(samples)


@lru_cache(maxsize=8)
def _reference(experiment: Experiment) -> Reference:
    return Reference(experiment)
