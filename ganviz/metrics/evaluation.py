"""All metrics of generated samples against an experiment's data."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganviz.engine import random
from ganviz.engine.data import ROWS, DataPlan, modes_of
from ganviz.engine.training import draw_real, standardized
from ganviz.experiment import Experiment

from .comparison import Line, Plane
from .divergences import EVIDENT
from .modes import Modes
from .plan import Plan, reach_of, transport_plan
from .transport import ASSIGNED

Floats = NDArray[np.float64]

SHAPING, WEIGHING = 16_384, 65_536
"""Real samples that shape the cells, and further ones that measure the cells' real mass."""
LARGEST = 1e100
"""Numbers beyond this cannot be squared and summed."""


class Reference:
    """The real side of all comparisons for one experiment: computed once, used at every measurement.

    Made in a few milliseconds; what measuring needs beyond that is made at the first measurement.

    Parameters
    ----------
    experiment : Experiment
    data : DataPlan, optional
        Its data with shift and scale, where they are known already.

    Attributes
    ----------
    experiment : Experiment
    points : (n, d)
        Real samples, or all rows of a file, in the data's own units.
    unit : (d,)
        Unit of the metric W1 on each axis, in the data's own: 1, but a standard deviation for standardised data in
        the plane.
    modes : Modes, optional
        None where the data has none.
    """

    def __init__(self, experiment: Experiment, data: DataPlan | None = None) -> None:
        data = standardized(experiment) if data is None else data
        d = experiment.dimension
        self.experiment = experiment
        self._data = data
        self.unit: Floats = data.scale[:d] if d == 2 else np.ones(d)
        modes = modes_of(experiment)
        self.modes = Modes(*modes) if modes else None
        self._reach: tuple[tuple[int, int], float] = ((0, 0), 0.0)
        self.points = data.rows if data.kind == ROWS else self._draw(SHAPING, random.REFERENCE)

    def evaluate(self, samples: ArrayLike, assigned: int = ASSIGNED, errors: bool = True) -> dict[str, float]:
        """Measure samples (n, d) in the data's own units; see `evaluate`.

        Parameters
        ----------
        samples : (n, d)
        assigned : int
            Samples a side at most that the assignments in the plane take.
        errors : bool
            Whether the standard errors are wanted, too.
        """
        given = self.check(samples)
        values = self._comparison.evaluate(given, assigned, errors)
        if self.modes is not None:
            values |= self.modes.evaluate(given)
            if values["modes"] < len(self.modes) and self.modes.loses(given, EVIDENT):
                values["kl"] = math.inf
        return values if errors else {name: value for name, value in values.items() if not name.endswith("_error")}

    def plan(self, samples: ArrayLike, points: int = ASSIGNED) -> Plan:
        """Return the transport plan between samples (n, d) and real points; at most ``points`` in the plane."""
        given = self.check(samples)
        if given.shape[1] == 2:
            # The same ones that the metric W1 matches.
            given = np.random.default_rng(0).permutation(given)
        # Several threads may ask: what one of them has found is not looked up again.
        key, reach = self._reach
        if key != (points, len(given)):
            perfect = self.perfect(min(len(given), SHAPING), 0)
            reach = reach_of(self._real_for_plans, perfect, self.unit, points)
            self._reach = ((points, len(given)), reach)
        return transport_plan(self._real_for_plans, given, self.unit, reach, points)

    def perfect(self, count: int, draw: int) -> Floats:
        """Draw samples (count, d) as a perfect generator would; of a file, any row each time.

        Independent of all that the reference is made of, and of other numbers ``draw``.
        """
        # The stream's number is its lowest byte; what lies above it counts updates.
        return self._draw(count, random.PERFECT + 256 * draw)

    def check(self, samples: ArrayLike) -> Floats:
        """Return samples as an array (n, d), or raise a ValueError that says what is wrong with them."""
        given = np.asarray(samples, dtype=np.float64)
        given = given[:, None] if given.ndim == 1 else given
        if given.ndim != 2 or given.shape[1] != self.points.shape[1] or not len(given):
            raise ValueError(
                f"samples have the shape {given.shape}; (n, {self.points.shape[1]}) with at least one row is needed"
            )
        if not np.isfinite(given).all():
            raise ValueError("samples hold numbers that are not finite")
        if np.abs(given).max() > LARGEST:
            raise ValueError(
                f"samples hold the number {np.abs(given).max():.3g}; numbers up to {LARGEST:g} are allowed"
            )
        return given

    @property
    def mode_count(self) -> int:
        """Return the number of modes; 0 where none are defined."""
        return 0 if self.modes is None else len(self.modes)

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        """Return the range of each axis that a picture of the data shows; far tails are left out."""
        low, high = np.quantile(self.points, [0.005, 0.995], axis=0)
        extent = np.where(high > low, high - low, np.maximum(1.0, np.abs(low)))
        if len(extent) == 2 and np.all(self._data.scale == 1.0):
            extent[:] = extent.max()
        middle = (low + high) / 2
        return tuple((float(m - 0.75 * e), float(m + 0.75 * e)) for m, e in zip(middle, extent, strict=True))

    @cached_property
    def _comparison(self) -> Line | Plane:
        weighing = None
        if self._data.kind != ROWS:
            weighing = self._draw(SHAPING + WEIGHING, random.REFERENCE)[SHAPING:]
        if self.points.shape[1] == 1:
            return Line(self.experiment, self.points)
        return Plane(self.experiment, self.points, weighing, self.unit)

    @cached_property
    def _real_for_plans(self) -> Floats:
        if isinstance(self._comparison, Line):
            return self._comparison.values[:, None]
        # The first rows of a file may be sorted; an assignment takes the first.
        return np.random.default_rng(0).permutation(self.points)

    def _draw(self, count: int, stream: int) -> Floats:
        # In the precision of training, whose kernel is compiled anyway.
        bits, seed = self.experiment.precision, self.experiment.seed
        return draw_real(self._data, seed, count, stream, bits).astype(np.float64)


def evaluate(experiment: Experiment, samples: ArrayLike, assigned: int = ASSIGNED) -> dict[str, float]:
    """Measure how far samples are from an experiment's data.

    Parameters
    ----------
    experiment : Experiment
    samples : (n, d), or (n,) for d = 1
        Generated samples in the data's own units, independent of each other. Their order has no meaning.
    assigned : int
        Samples a side at most that the assignments in the plane take.

    Returns
    -------
    dict
        ``kl``, ``reverse_kl``, ``js`` (nats), ``tv``, ``w1``, ``w2``, ``energy``, ``precision``, ``recall``; in the
        plane ``sliced_w2``; where the data has modes ``high_quality``, ``modes`` and ``mode_kl``. The first two and
        the last may be infinite. Standard errors are called ``NAME_error``. What needs more samples is left out: the
        energy distance of one, recall of three, the errors of ``w1``, ``w2`` and ``sliced_w2`` of three. `METRICS`
        names the estimators.

    Raises
    ------
    ValueError
        For samples of another dimension, none at all, not finite, or beyond 1e100.
    """
    return _reference(experiment).evaluate(samples, assigned)


@lru_cache(maxsize=8)
def _reference(experiment: Experiment) -> Reference:
    return Reference(experiment)
