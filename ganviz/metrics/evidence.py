"""What diagnoses are made from: the measurements since the last change of the rules, in bounded memory.

Measurements come at irregular steps: every other step of a large network, every ten thousandth of a small one. So a
rule looks at a *window*: the newest quarter of the steps since the last change, at least `SHORTEST` steps and at least
`FEWEST` measurements. What holds in a share of the window does not depend on how fast the training runs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Floors = Mapping[str, tuple[float, float]]

SHORTEST = 400
"""Steps in a window, at least."""
WINDOW = 0.25
"""Share of the steps since the last change that a window reaches back."""
FEWEST = 6
"""Measurements in a window, at least."""
MOST = 1024
"""Measurements that are remembered; then every other one of the older half is let go."""
LASTING = 16
"""Buckets of a curve (steps, at first) over half of which a gradient's norm must have been as large as it was."""

SAMPLES = 4096
"""Generated samples of a measurement of a run."""
RECENTLY = "recently "
"""Before the name of a curve: its newest steps, one by one."""


class Curve(Protocol):
    """One quantity over steps: buckets of equal length with mean, least and greatest value; all arrays are (n,)."""

    @property
    def steps(self) -> Floats:
        """Middles of the buckets."""
        ...

    @property
    def mean(self) -> Floats:
        """Means."""
        ...

    @property
    def low(self) -> Floats:
        """Least values."""
        ...

    @property
    def high(self) -> Floats:
        """Greatest values."""
        ...


class Evidence:
    """Measurements of one experiment without changes.

    Parameters
    ----------
    experiment : Experiment
    first : int
        The step from which on it counts.
    start_w1, peak_norm : float
        The first W1 of the run, and the largest generator's gradient norm; NaN where not known yet. They stay as
        scales when what they measure does not change.

    Attributes
    ----------
    steps : list of int
        Steps of the measurements.
    missing : list of frozenset
        Centres of the missing modes at each.
    history : dict
        The newest curves over all steps.
    floors : dict
        Band of a perfect generator by metric; may be empty.
    """

    def __init__(
        self, experiment: Experiment, first: int = 0, start_w1: float = np.nan, peak_norm: float = np.nan
    ) -> None:
        self.experiment, self.first = experiment, first
        self.start_w1, self.peak_norm = start_w1, peak_norm
        self.steps: list[int] = []
        self.missing: list[frozenset[tuple[float, ...]]] = []
        self.history: Mapping[str, Curve] = {}
        self.floors: Floors = {}
        self._columns: dict[str, Floats] = {}

    def add(
        self, step: int, metrics: Mapping[str, float], history: Mapping[str, Curve] | None, missing: Floats | None
    ) -> None:
        """Remember one measurement."""
        for name, value in metrics.items():
            if name not in self._columns:
                self._columns[name] = np.full(MOST + 1, np.nan)
            self._columns[name][len(self.steps)] = value
        self.steps.append(step)
        self.missing.append(_as_set(missing))
        self.history = {} if history is None else history
        if np.isnan(self.start_w1):
            self.start_w1 = metrics.get("w1", np.nan)
        self._remember_peak(metrics)
        if len(self.steps) > MOST:
            self._thin()

    @property
    def step(self) -> int:
        """The newest step."""
        return self.steps[-1]

    @property
    def age(self) -> int:
        """Steps since the last change."""
        return self.step - self.first

    @property
    def ripe(self) -> bool:
        """Whether there is a whole window after the first measurement, which may lie before the first step."""
        return self.age >= SHORTEST and len(self.steps) > FEWEST

    @property
    def window(self) -> slice:
        """The newest measurements that a rule looks at."""
        return self._window_before(len(self.steps))

    @property
    def window_before(self) -> slice:
        """Those of as many steps before the window; empty where it reaches back to the start."""
        return self._window_before(self.window.start)

    def values(self, name: str, part: slice = slice(None)) -> Floats:
        """Return a metric (n,) at the measurements; NaN where it was not measured."""
        column = self._columns.get(name)
        if column is None:
            column = np.full(len(self.steps), np.nan)
        return column[: len(self.steps)][part]

    def median(self, name: str, part: slice | None = None) -> float:
        """Return the median of a metric over the window, or over a part; NaN where it was never measured."""
        values = self.values(name, self.window if part is None else part)
        known = values[~np.isnan(values)]
        return float(np.median(known)) if len(known) else np.nan

    def measured(self, name: str) -> bool:
        """Whether a metric is in the newest measurement."""
        return not np.isnan(self.values(name)[-1])

    def floored(self) -> list[str]:
        """Return the names of metrics that have a floor and were measured."""
        return [name for name in self.floors if self.measured(name)]

    def curve(self, name: str) -> Curve | None:
        """Return the curve of a metric, where there is one."""
        curve = self.history.get(name)
        return curve if curve is not None and len(curve.steps) else None

    def _remember_peak(self, metrics: Mapping[str, float]) -> None:
        """Keep the largest norm that lasted: a single step may have had one a thousand times as large."""
        curve = self.curve("generator_gradient_norm")
        norms = np.empty(0) if curve is None else curve.mean[_after(curve, self.first)]
        runs = len(norms) // LASTING
        if runs:
            lasting = np.median(norms[: runs * LASTING].reshape(runs, LASTING), axis=1)
        else:
            lasting = np.array([metrics.get("generator_gradient_norm", np.nan)])
        known = [float(norm) for norm in (self.peak_norm, *lasting) if np.isfinite(norm)]
        self.peak_norm = max(known, default=np.nan)

    def _window_before(self, end: int) -> slice:
        if end <= 0:
            return slice(0, 0)
        reach = self.steps[end - 1] - max(SHORTEST, WINDOW * self.age)
        start = bisect_left(self.steps, reach, 0, end)
        return slice(max(0, min(start, end - FEWEST)), end)

    def _thin(self) -> None:
        kept = [*range(0, MOST // 2, 2), *range(MOST // 2, len(self.steps))]
        self.steps = [self.steps[place] for place in kept]
        self.missing = [self.missing[place] for place in kept]
        for name, column in self._columns.items():
            self._columns[name] = np.full_like(column, np.nan)
            self._columns[name][: len(kept)] = column[kept]


def _after(curve: Curve, first: int) -> Truths:
    """Return which buckets (n,) hold no step up to ``first``."""
    stride = curve.steps[-1] - curve.steps[-2] if len(curve.steps) > 1 else 1.0
    return curve.steps - (stride - 1) / 2 > first


def curve_after(curve: Curve, first: int) -> tuple[slice, float] | None:
    """Return the buckets after a step and their length, where they follow each other without gaps."""
    if len(curve.steps) < 3:
        return None
    # The first bucket and the newest may be filled in part.
    gaps = np.diff(curve.steps)
    if not np.all(gaps == gaps[0]):
        return None
    start = int(np.argmax(_after(curve, first))) if _after(curve, first)[-1] else len(curve.steps)
    return slice(start, len(curve.steps)), float(gaps[0])


def _as_set(missing: Floats | None) -> frozenset[tuple[float, ...]]:
    if missing is None:
        return frozenset()
    return frozenset(tuple(float(part) for part in centre) for centre in missing)
