"""Frames of a run, made from glances at it; whoever looks may do so on a thread of his own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.evaluation import Evaluator
from ganviz.experiment import Experiment
from ganviz.metrics import density
from ganviz.metrics.rules_of_diagnosis import count_modes

from .frame import Frame, Need, Surface
from .glance import Glance
from .history import Series
from .measurer import Measured, grid_points

SHOWN_LINE, SHOWN_PLANE = 4096, 1000
"""Samples of a frame in one and in two dimensions."""
PULLED = 200
"""Fakes of a frame whose pull is computed."""
LINE_POINTS, PLANE_POINTS, MAP_POINTS = 512, 120, 256
"""Grid points of the discriminator's curve, of each side of its surface, and of the map from noise to samples."""
BEYOND = 0.4
"""The surface reaches beyond the box by this share of its sides: with equal units a picture may be wider."""
WIDEST = 3.0
"""The box reaches beyond the data's own by this many times its side at most, to show where the generator starts."""

Floats = NDArray[np.float64]
Box = tuple[tuple[float, float], ...]


class Observer:
    """Makes frames. Nothing that it does reaches the run: it works on copies.

    Parameters
    ----------
    start : Glance
        The run at its first step.
    data_box : tuple of (low, high)
        The range of each axis in which the data lies.
    """

    def __init__(self, start: Glance, data_box: Box) -> None:
        self._evaluator = Evaluator(start.experiment, start.data)
        self._evaluator.take(start.numbers)
        self._experiment = start.experiment
        self.box = self._whole_box(data_box)
        self._density = self._real_density(start.experiment)
        self._mode_count = count_modes(start.experiment)

    def frame(self, glance: Glance, needs: Need, measured: Measured) -> Frame:
        """Make the frame of a glance, with the newest there is of what was measured."""
        self._follow(glance)
        evaluator, d = self._evaluator, glance.experiment.dimension
        count = SHOWN_LINE if d == 1 else SHOWN_PLANE
        noise = evaluator.noise(count)
        fake = evaluator.generate(noise)
        real = evaluator.real(count)
        average = evaluator.generate(noise, average=True) if glance.experiment.generator.ema > 0 else None
        # A frame is what was measured: nobody may change it afterwards.
        for array in (real, fake, noise, average):
            if array is not None:
                array.setflags(write=False)
        pulls, norms = evaluator.pulls(fake[:PULLED], real[:PULLED]) if Need.PULLS in needs else (None, None)
        return Frame(
            step=glance.step,
            experiment=glance.experiment,
            real=real,
            fake=fake,
            noise=noise,
            average=average,
            box=self.box,
            metrics={**measured.metrics, **glance.metrics},
            end=glance.end,
            logged=glance.logged,
            surface=self._surface() if Need.SURFACE in needs else None,
            pulls=pulls,
            pull_norms=norms,
            map=self._map() if Need.MAP in needs else None,
            density=self._density,
            history=self._history(glance, measured) if Need.HISTORY in needs else None,
            mode_count=self._mode_count,
            notice=glance.experiment.notice,
            optimum=measured.optimum,
            plan=measured.plan,
            spectrum=measured.spectrum,
            spectrum_note=measured.spectrum_note,
            layers=measured.layers,
            floors=measured.floors,
            diagnoses=measured.diagnoses,
            missing=measured.missing,
            metrics_step=measured.step,
        )

    def _follow(self, glance: Glance) -> None:
        before = self._experiment
        if glance.experiment != before:
            self._evaluator = Evaluator(glance.experiment, glance.data)
            self._experiment = glance.experiment
            if not glance.experiment.same_data(before):
                self._density = self._real_density(glance.experiment)
                self._mode_count = count_modes(glance.experiment)
        self._evaluator.take(glance.numbers)

    def _history(self, glance: Glance, measured: Measured) -> dict[str, Series]:
        return {**measured.history, **(glance.history or {})}

    def _surface(self) -> Surface:
        evaluator, none = self._evaluator, np.empty(0)
        x, y = surface_grid(self.box)
        if self._experiment.dimension == 1:
            outputs, slopes = evaluator.slopes(x[:, None])
            return Surface(x, none, outputs, slopes[:, 0])
        return Surface(x, y, evaluator.discriminate(grid_points(x, y)).reshape(len(y), len(x)), none)

    def _map(self) -> tuple[Floats, Floats]:
        noise = self._experiment.noise
        z = np.full((MAP_POINTS, noise.dimension), noise.mean)
        first, last = noise.span
        z[:, 0] = np.linspace(first, last, MAP_POINTS)
        return z[:, 0], self._evaluator.generate(z)

    def _whole_box(self, data_box: Box) -> Box:
        """Return the data's box, widened to show where the generator starts, if that is not too far away."""
        start = self._evaluator.generate(self._evaluator.noise(SHOWN_PLANE))
        sides: list[tuple[float, float]] = []
        for axis, (low, high) in enumerate(data_box):
            first, last = np.quantile(start[:, axis], [0.005, 0.995])
            reach = WIDEST * (high - low)
            margin = 0.1 * (high - low)
            sides.append((max(min(low, first - margin), low - reach), min(max(high, last + margin), high + reach)))
        return tuple(sides)

    def _real_density(self, experiment: Experiment) -> tuple[Floats, Floats] | None:
        x = np.linspace(*self.box[0], LINE_POINTS)
        values = density(experiment, x)
        if values is None:
            return None
        x.setflags(write=False)
        values.setflags(write=False)
        return x, values


def surface_grid(box: Box) -> tuple[Floats, Floats]:
    """Return the axes of the grid over which the discriminator is shown; the second is empty in one dimension."""
    if len(box) == 1:
        return np.linspace(*box[0], LINE_POINTS), np.empty(0)
    x, y = (np.linspace(*_grown(side), PLANE_POINTS) for side in box)
    return x, y


def _grown(side: tuple[float, float]) -> tuple[float, float]:
    margin = BEYOND * (side[1] - side[0])
    return side[0] - margin, side[1] + margin
