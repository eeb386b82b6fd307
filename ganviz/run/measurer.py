"""What is measured of a run, beside the frames: metrics, their floors, diagnoses, and what theory has to say.

A measurer works on glances, on whatever thread it is asked; it takes longer than a frame may.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.evaluation import Evaluator
from ganviz.engine.jacobian import GameJacobian
from ganviz.engine.layers import LayerState
from ganviz.engine.training import Snapshot
from ganviz.experiment import ExperimentError
from ganviz.metrics import Reference
from ganviz.metrics.diagnosis import Diagnosis, Diagnostician, spread
from ganviz.metrics.evidence import RECENTLY, SAMPLES
from ganviz.metrics.floor import Floor
from ganviz.metrics.optimum import Optimum, optimum
from ganviz.metrics.plan import Plan
from ganviz.metrics.spectrum import Spectrum, spectrum
from ganviz.metrics.transport import LIVE_ASSIGNED

from .frame import Need
from .glance import Glance
from .history import History, Series
from .memory import SAMPLE_METRICS, Memory
from .recorded import Finding, Measurements

JUDGED = 1000
"""Real and fake samples at which the slope of the discriminator is taken."""
THINNED = 2
"""The slope is taken at every other place of the picture's grid on each axis."""
NEAR = 3.0
"""W1, in standard deviations of the data, up to which samples lie where the data does."""
DENSE = 16_384
"""Samples that the generator's density is estimated from."""
MEASURABLE = 1e100
"""Samples beyond this are not measured."""

Floats = NDArray[np.float64]
Stop = Callable[[], bool]


def never() -> bool:
    """Tell a measurement that nobody wants it to stop."""
    return False


@dataclass(frozen=True)
class Measured:
    """The newest there is of everything that was measured.

    Attributes
    ----------
    step : int
        The step that the metrics are of; -1 before any.
    history : dict
        Series of the metrics by name.
    spectrum_note : str
        Why there is no spectrum, where there can be none.
    """

    step: int = -1
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    history: Mapping[str, Series] = field(default_factory=dict[str, Series])
    floors: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    diagnoses: tuple[Diagnosis, ...] = ()
    missing: Floats = field(default_factory=lambda: np.empty((0, 1)))
    optimum: Optimum | None = None
    plan: Plan | None = None
    spectrum: Spectrum | None = None
    spectrum_note: str = ""
    layers: tuple[LayerState, ...] | None = None


NOTHING = Measured()
FIELDS: Mapping[Need, tuple[str, ...]] = {
    Need.METRICS: ("step", "metrics", "missing"),
    Need.OPTIMUM: ("optimum",),
    Need.TRANSPORT: ("plan",),
    Need.SPECTRUM: ("spectrum", "spectrum_note"),
    Need.LAYERS: ("layers",),
}
"""What belongs to the step at which it was measured."""


class Measurer:
    """Measures a run at the glances that it is given, and remembers the metrics of each.

    One thread at a time may call `measure` and `refine`, and one `measure_spectrum`, which takes longer than all else;
    ``newest`` may be read by any.

    Parameters
    ----------
    start : Glance
        The run at its first step, which is measured with the first measurement that is asked for.
    reference : Reference
        The data's side of all comparisons.
    grid : (x, y)
        Axes of the grid on which the picture shows the discriminator.
    """

    def __init__(self, start: Glance, reference: Reference, grid: tuple[Floats, Floats]) -> None:
        self._start: Glance | None = start
        self._experiment = self._judged = start.experiment
        self._reference = reference
        self._grid = grid
        self._evaluator = Evaluator(start.experiment, start.data)
        self._floor = Floor(reference, SAMPLES)
        self._jacobian: GameJacobian | None = None
        self._diagnostician = Diagnostician(start.experiment, {})
        self._history = History(SAMPLE_METRICS)
        self._steps: dict[Need, int] = {}
        self._told_diverged = False
        self._memory = Memory()
        self._lock = threading.Lock()
        self.newest = NOTHING

    @property
    def floor_done(self) -> bool:
        """Whether the noise floors are as good as they get."""
        return self._floor.done

    def refine(self, seconds: float = math.inf, should_stop: Stop = never) -> None:
        """Work on the noise floors for some seconds, a draw at least, or until they are as good as they get."""
        end = time.perf_counter() + seconds
        while not should_stop() and not self._floor.refine() and time.perf_counter() < end:
            pass
        floors = self._floor.bands()
        if floors != self.newest.floors:
            self._diagnostician.set_floors(floors)
            self._renew(floors=floors)

    def measure(self, glance: Glance, needs: Need, should_stop: Stop = never) -> Measured:
        """Measure what is needed of a glance, and return the newest there is of everything."""
        self._follow(glance)
        start, self._start = self._start, None
        if start is not None and start.step < glance.step and not self._memory.knows(start.step):
            self._evaluator.take(start.numbers)
            self._remember(start.step, self._metrics(start, self._samples()))
        self._evaluator.take(glance.numbers)
        due = Need(0)
        for need in needs & ~Need.FLOORS:
            if self._steps.get(need) != glance.step:
                due |= need
        if due & (Need.METRICS | Need.OPTIMUM | Need.TRANSPORT):
            samples = self._samples()
            if Need.METRICS in due:
                self._measure_samples(glance, samples)
            self._measure_beside(glance, due, samples)
        if Need.LAYERS in due:
            self._keep(glance, Need.LAYERS, layers=self._evaluator.layers())
        if Need.SPECTRUM in due and not should_stop():
            self.measure_spectrum(glance, should_stop)
        if Need.FLOORS in needs:
            self.refine(should_stop=should_stop)
        return self.newest

    def at(self, glance: Glance) -> Measured:
        """Return what was measured at a glance's step, with what belongs to no step: histories, floors, diagnoses."""
        with self._lock:
            found, steps = self.newest, dict(self._steps)
        for need, fields in FIELDS.items():
            if steps.get(need) != glance.step:
                found = replace(found, **{name: getattr(NOTHING, name) for name in fields})
        return replace(found, diagnoses=self._memory.diagnoses(glance.step)) if glance.past else found

    def shown(self, glance: Glance) -> Measured:
        """Return what a picture of a glance shows: the newest there is, or of the past what was measured by then."""
        if not glance.past:
            return self.newest
        found = self.at(glance)
        if found.step == glance.step:
            return found
        step, values = self._memory.at(glance.step)
        return replace(found, step=step, metrics=values)

    def recall(self, measurements: Measurements | None, findings: Sequence[Finding]) -> None:
        """Take over what was measured and found in the past of a run that is set up anew."""
        self._memory.recall(measurements, findings)
        for step, values in self._memory.rows():
            self._history.add(step, values[None, :])
        self._renew(history=self._series())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was diagnosed so far."""
        return self._memory.findings

    def remembered(self, end: int) -> tuple[Measurements, tuple[Finding, ...]]:
        """Return what was measured and found up to a step."""
        return self._memory.until(end)

    def _keep(self, glance: Glance, need: Need, **fields: Any) -> None:
        with self._lock:
            self.newest = replace(self.newest, **fields)
            self._steps[need] = glance.step

    def _renew(self, **fields: Any) -> None:
        with self._lock:
            self.newest = replace(self.newest, **fields)

    def forget_spectrum(self) -> None:
        """Leave out a spectrum that is too old to be looked at."""
        self._renew(spectrum=None, spectrum_note="")

    # ---------------------------------------------------------------- what is measured

    def _samples(self) -> Floats | None:
        """Return the samples that are measured, or None if nothing can be.

        Just before a divergence finite parameters may give samples of which nothing can be measured: infinite ones, or
        such as cannot be squared.
        """
        samples = self._evaluator.generate(self._evaluator.noise(SAMPLES))
        return samples if np.all(np.abs(samples) < MEASURABLE) else None

    def _measure_samples(self, glance: Glance, samples: Floats | None) -> None:
        values = self._metrics(glance, samples)
        modes = self._reference.modes
        missing = np.empty((0, glance.experiment.dimension))
        # One mode that is not met is no mode that is missing.
        if modes is not None and len(modes) > 1 and samples is not None:
            missing = modes.missing(samples)
        self._keep(glance, Need.METRICS, step=glance.step, metrics=values, missing=missing)
        if glance.past:
            return
        if glance.experiment != self._judged:
            self._diagnostician.change(glance.experiment, glance.step)
            self._judged = glance.experiment
        self._remember(glance.step, values)
        series = self._series()
        if glance.diverged:
            self._diagnostician.diverged(glance.step, glance.diverged)
        elif self._told_diverged:
            # A change that was taken back before anybody looked has set it going again.
            self._diagnostician.change(glance.experiment, glance.step)
        self._told_diverged = bool(glance.diverged)
        recent = {RECENTLY + name: newest for name, newest in (glance.recent or {}).items() if len(newest.steps)}
        known = {**series, **(glance.history or {}), **recent}
        evidence = {**values, **glance.metrics}
        if samples is not None and self._is_near(values):
            evidence["spread"] = spread(samples, self._reference.points)
        diagnoses = self._diagnostician.observe(glance.step, evidence, known, missing)
        self._memory.find(glance.step, diagnoses)
        self._renew(history=series, diagnoses=diagnoses)

    def _is_near(self, values: Mapping[str, float]) -> bool:
        """Whether samples lie about where the data does: elsewhere their spread says nothing about a collapse."""
        extent = float((self._reference.points.std(axis=0) / self._reference.unit).max())
        return values.get("w1", math.inf) < NEAR * extent

    def _metrics(self, glance: Glance, samples: Floats | None) -> dict[str, float]:
        if samples is None:
            return {}
        return self._reference.evaluate(samples, LIVE_ASSIGNED) | self._slopes(glance, samples)

    def _slopes(self, glance: Glance, samples: Floats) -> dict[str, float]:
        """Return the discriminator's largest slopes, and what a critic so steep says of W1."""
        evaluator = self._evaluator
        real, fake = evaluator.real(JUDGED), samples[:JUDGED]
        on_real, slopes_real = evaluator.slopes(real)
        on_fake, slopes_fake = evaluator.slopes(fake)
        on_data = self._steepest(np.concatenate([slopes_real, slopes_fake]))
        x, y = self._grid
        grid = x[:, None] if not len(y) else grid_points(x[::THINNED], y[::THINNED])
        on_grid = max(on_data, self._steepest(evaluator.slopes(grid)[1]))
        found = {"slope_data": on_data, "slope_grid": on_grid}
        if glance.experiment.objective.critic and on_grid > 0:
            # Divided by its largest slope the critic has slope 1 at most: what it says is a lower bound of W1.
            found["critic_bound"] = float(on_real.mean() - on_fake.mean()) / on_grid
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def _steepest(self, slopes: Floats) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.sqrt(((slopes * self._reference.unit) ** 2).sum(axis=1)).max())

    def _measure_beside(self, glance: Glance, needs: Need, samples: Floats | None) -> None:
        """Let theory say what the best discriminator and the shortest transport are."""
        if Need.TRANSPORT in needs:
            plan = None if samples is None else self._reference.plan(samples, LIVE_ASSIGNED)
            self._keep(glance, Need.TRANSPORT, plan=plan)
        if Need.OPTIMUM in needs:
            self._keep(glance, Need.OPTIMUM, optimum=None if samples is None else self._optimum(glance))

    def _optimum(self, glance: Glance) -> Optimum | None:
        evaluator, settings, noise = self._evaluator, glance.experiment.instance_noise, glance.experiment.noise
        masses = None
        # A critic's optimum is made of equally likely samples.
        if glance.experiment.dimension == noise.dimension == 1 and not glance.experiment.objective.critic:
            places, masses = noise_masses(noise.kind)
            fake = evaluator.generate(noise.mean + noise.std * places[:, None])
        else:
            fake = evaluator.generate(evaluator.noise(DENSE))
        if not np.all(np.abs(fake) < MEASURABLE):
            return None
        std = settings.std
        if settings.decay_steps > 0:
            std *= max(0.0, 1.0 - glance.step / settings.decay_steps)
        scale = glance.data.scale[: glance.experiment.dimension]
        return optimum(
            glance.experiment, self._reference.points, fake, *self._grid, self._reference.unit, std * scale, masses
        )  # fmt: skip

    def measure_spectrum(self, glance: Glance, should_stop: Stop = never) -> None:
        """Measure the spectrum of the game at a glance, which must hold all that is kept from step to step."""
        note = ""
        found: Spectrum | None = None
        try:
            game = self._game(glance)
            game.take(Snapshot(glance.numbers, glance.counters), glance.experiment)
            found = spectrum(game, should_stop=should_stop)
            if found is None:
                return
        except (ExperimentError, ValueError, RuntimeError) as error:
            # Of the last kind are ARPACK's.
            note = str(error)
        self._keep(glance, Need.SPECTRUM, spectrum=found, spectrum_note=note)

    def _game(self, glance: Glance) -> GameJacobian:
        if self._jacobian is None or not self._jacobian.experiment.same_data(glance.experiment):
            self._jacobian = GameJacobian(glance.experiment, glance.data)
        return self._jacobian

    # ---------------------------------------------------------------- what is kept

    def _follow(self, glance: Glance) -> None:
        """Take over a change of the run's experiment."""
        before = self._experiment
        if glance.experiment == before:
            return
        self._experiment = glance.experiment
        self._evaluator = Evaluator(glance.experiment, glance.data)
        self._steps.clear()
        if not glance.experiment.same_data(before):
            self._reference = Reference(glance.experiment, glance.data)
            self._floor = Floor(self._reference, SAMPLES)
            self._diagnostician.set_floors({})
            self._renew(floors={}, optimum=None, plan=None)

    def _remember(self, step: int, values: Mapping[str, float]) -> None:
        """Keep what was measured, once for each step."""
        row = np.array([values.get(name, np.nan) for name in SAMPLE_METRICS])
        if self._memory.add(step, row):
            self._history.add(step, row[None, :])

    def _series(self) -> dict[str, Series]:
        return {name: self._history.series(name) for name in SAMPLE_METRICS}


def noise_masses(kind: str) -> tuple[Floats, Floats]:
    """Return places (m,) in a row on the axis of the base noise, and the probabilities (m - 1,) between them."""
    from scipy.special import ndtr

    reach = {"uniform": 1.0, "truncated-normal": 2.0}.get(kind, 8.0)
    places = np.linspace(-reach, reach, DENSE + 1)
    if kind == "uniform":
        return places, np.full(DENSE, 1 / DENSE)
    # From the nearer end, where the differences are not lost beside 1.
    left = np.diff(ndtr(places[: DENSE // 2 + 1]))
    masses = np.concatenate([left, left[::-1]])
    return places, masses / masses.sum()


def grid_points(x: Floats, y: Floats) -> Floats:
    """Return the points (n m, 2) of a grid, row by row."""
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
