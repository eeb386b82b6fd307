"""An experiment in progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.evaluation import Evaluator
from ganviz.engine.game import DISCRIMINATOR, GENERATOR
from ganviz.engine.network import Floats
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Training
from ganviz.experiment import Experiment, ExperimentError, Value, find_parameter
from ganviz.metrics import Reference, density

from .frame import Frame, Need, Surface
from .history import History

CHUNK = 1024
"""Steps between two copies of the state, to which a diverging run goes back, at most."""
SHOWN_LINE, SHOWN_PLANE, MEASURED = 4096, 1000, 4096
"""Samples of a frame in one and in two dimensions, and those that metrics are computed from."""
PULLED = 200
"""Fakes of a frame whose pull is computed."""
LINE_POINTS, PLANE_POINTS, MAP_POINTS = 512, 120, 256
"""Grid points of the discriminator's curve, of each side of its surface, and of the map from noise to samples."""
BEYOND = 0.4
"""The surface reaches beyond the box by this share of its sides: with equal units a picture may be wider."""
WIDEST = 3.0
"""The box reaches beyond the data's own by this many times its side at most, to show where the generator starts."""
MEASURABLE = 1e100
"""Samples beyond this are not measured."""

STEP_METRICS = (
    "generator_loss", "discriminator_loss", "mean_real", "mean_fake", "output_real", "output_fake", "critic_w1",
    "generator_gradient_norm", "discriminator_gradient_norm", "clip_fraction",
)  # fmt: skip
SAMPLE_METRICS = ("kl", "reverse_kl", "js", "w1", "high_quality", "modes")


class TrainingDiverged(RuntimeError):
    """Parameters became non-finite; the run is back at its last finite step. The text is a sentence for the person."""

    def __init__(self, step: int, player: str, layer: int, critic: bool = False) -> None:
        called = "critic" if critic and player == DISCRIMINATOR else player
        super().__init__(
            f"Training diverged in step {step:,}: the {called}'s layer {layer} is no longer finite. "
            f"Step {step - 1:,}, the last finite one, was kept. A smaller learning rate may help."
        )
        self.step, self.player, self.layer = step, player, layer


@dataclass(frozen=True)
class Change:
    """A parameter changed after ``step`` finished steps."""

    step: int
    path: str
    before: Value
    after: Value


class Run:
    """An experiment in progress: advance it, change it, look at it. Looking never changes it.

    Parameters
    ----------
    experiment : Experiment
        What to train. The run starts at step 0 with what the experiment's seed gives.

    Examples
    --------
    >>> import ganviz
    >>> run = ganviz.Run(ganviz.load("ring-wgan-clip"))
    >>> run.advance(1000)
    >>> run.change("discriminator.clip", 0.02)
    >>> run.frame().metrics["w1"]  # doctest: +SKIP
    """

    def __init__(self, experiment: Experiment) -> None:
        self._training = Training(experiment)
        self._evaluator = Evaluator(experiment, self._training.data)
        self._reference = Reference(experiment, self._training.data)
        self._evaluator.load(self._training)
        self._box = self._whole_box()
        self._density = self._real_density()
        self._history = History((*STEP_METRICS, *SAMPLE_METRICS))
        self._last = np.full(len(RECORDED), np.nan)
        self._measured: tuple[int, dict[str, float]] = (-1, {})
        # Where the run began is measured with the first measurement that is asked for, so that it is in every history.
        self._first: NDArray[np.float64] | None = self._evaluator.generate(self._evaluator.noise(MEASURED))
        self._diverged: TrainingDiverged | None = None
        self.log: list[Change] = []

    @property
    def experiment(self) -> Experiment:
        """The experiment with all changes so far."""
        return self._training.experiment

    @property
    def step(self) -> int:
        """Number of finished steps."""
        return self._training.step

    def advance(self, steps: int) -> None:
        """Train for a number of steps.

        Raises
        ------
        TrainingDiverged
            If a parameter becomes infinite or not a number. The run is then back at the last step with finite
            parameters, and every further call raises the same until a parameter is changed.
        """
        if self._diverged is not None:
            raise self._diverged
        while steps > 0:
            burst = min(steps, CHUNK)
            self._advance_burst(burst)
            steps -= burst

    def change(self, path: str, value: Value | list[Any]) -> None:
        """Change a parameter from the next step on; the log keeps what and when.

        Raises
        ------
        ExperimentError
            For an unknown field, a value that is not allowed, or a parameter that needs a restart.
        """
        self.change_together({path: value})

    def change_together(self, changes: Mapping[str, Value | list[Any]]) -> None:
        """Change several parameters at once: all of them, or none if one is refused; see `change`."""
        before = self.experiment
        for path, value in changes.items():
            if not find_parameter(path, before.data.kind, value).live:
                raise ExperimentError(f"{path} cannot change in a running training: start anew with it")
        changed = before.replace(changes)
        if changed.dimension != before.dimension:
            raise ExperimentError(
                f"{', '.join(changes)} cannot change the data's dimension in a running training: start anew with it"
            )
        if changed == before:
            return
        self._training.change(changed)
        self.log += [
            Change(self.step, path, before[path], changed[path]) for path in changes if before[path] != changed[path]
        ]
        self._evaluator = Evaluator(changed, self._training.data)
        self._diverged = None
        self._measured = (-1, {})
        if changed.data != before.data:
            self._reference = Reference(changed, self._training.data)
            self._density = self._real_density()

    def parameters(self, player: str) -> list[tuple[Floats, Floats]]:
        """Copy a player's parameters: (weight (n_in, n_out), bias (n_out,)) for each layer."""
        if player not in (GENERATOR, DISCRIMINATOR):
            raise ValueError(f'there is no player "{player}"; there are "{GENERATOR}" and "{DISCRIMINATOR}"')
        return self._training.layout[player].network.split(self._training.flat(player).copy())

    def frame(self, needs: Need | None = None) -> Frame:
        """Measure the current step.

        Parameters
        ----------
        needs : Need, optional
            What is wanted; everything by default.
        """
        needs = Need.all() if needs is None else needs
        evaluator, d = self._evaluator, self.experiment.dimension
        evaluator.load(self._training)
        count = SHOWN_LINE if d == 1 else SHOWN_PLANE
        noise = evaluator.noise(count)
        fake = evaluator.generate(noise)
        real = evaluator.real(count)
        average = evaluator.generate(noise, average=True) if self.experiment.generator.ema > 0 else None
        # A frame is what was measured: nobody may change it afterwards.
        for array in (real, fake, noise, average):
            if array is not None:
                array.setflags(write=False)
        pulls, norms = evaluator.pulls(fake[:PULLED], real[:PULLED]) if Need.PULLS in needs else (None, None)
        metrics = self._step_metrics()
        if Need.METRICS in needs:
            metrics |= self._sample_metrics()
        return Frame(
            step=self.step,
            experiment=self.experiment,
            real=real,
            fake=fake,
            noise=noise,
            average=average,
            box=self._box,
            metrics=metrics,
            surface=self._surface() if Need.SURFACE in needs else None,
            pulls=pulls,
            pull_norms=norms,
            map=self._map() if Need.MAP in needs else None,
            density=self._density,
            history=self._all_series() if Need.HISTORY in needs else None,
            mode_count=self._reference.mode_count,
            notice=self.experiment.notice,
        )

    def _advance_burst(self, steps: int) -> None:
        training, first = self._training, self.step
        before = training.snapshot()
        records = np.zeros((steps, len(RECORDED)))
        done = training.advance(steps, records)
        diverged: TrainingDiverged | None = None
        if done < steps:
            diverged = TrainingDiverged(*training.find_divergence(), critic=self.experiment.objective.critic)
            # The last finite step is reached again from the copy: training is exact in its repetition.
            training.restore(before)
            done = training.advance(done, records)
        if done:
            self._last = records[done - 1].copy()
            self._history.add(first + 1, self._history_rows(records[:done]))
        if diverged is not None:
            self._diverged = diverged
            raise diverged

    def _history_rows(self, records: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = np.full((len(records), len(self._history.names)), np.nan)
        rows[:, : len(STEP_METRICS)] = _as_metrics(records, self.experiment)
        return rows

    def _step_metrics(self) -> dict[str, float]:
        values = _as_metrics(self._last[None, :], self.experiment)[0]
        return {name: float(value) for name, value in zip(STEP_METRICS, values, strict=True) if not np.isnan(value)}

    def _sample_metrics(self) -> dict[str, float]:
        """Measure samples of the loaded evaluator, once for each step, and remember them in the history."""
        step, values = self._measured
        if step != self.step:
            evaluator = self._evaluator
            values = self._measure(evaluator.generate(evaluator.noise(MEASURED)), self.step)
            self._measured = (self.step, values)
            first, self._first = self._first, None
            if first is not None and self.step > 0:
                self._measure(first, 0)
        return values

    def _measure(self, samples: NDArray[np.float64], step: int) -> dict[str, float]:
        # Just before a divergence finite parameters may give samples of which nothing can be measured: infinite ones,
        # or such as cannot be squared.
        values = self._reference.evaluate(samples) if np.all(np.abs(samples) < MEASURABLE) else {}
        row = [np.nan] * len(STEP_METRICS) + [values.get(name, np.nan) for name in SAMPLE_METRICS]
        self._history.add(step, np.array([row]))
        return values

    def _surface(self) -> Surface:
        evaluator, none = self._evaluator, np.empty(0)
        if self.experiment.dimension == 1:
            x = np.linspace(*self._box[0], LINE_POINTS)
            outputs, slopes = evaluator.slopes(x[:, None])
            return Surface(x, none, outputs, slopes[:, 0])
        x, y = (np.linspace(*_grown(side), PLANE_POINTS) for side in self._box)
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        return Surface(x, y, evaluator.discriminate(points).reshape(len(y), len(x)), none)

    def _map(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        noise = self.experiment.noise
        z = np.full((MAP_POINTS, noise.dimension), noise.mean)
        z[:, 0] = np.linspace(*noise.span, MAP_POINTS)
        return z[:, 0], self._evaluator.generate(z)

    def _whole_box(self) -> tuple[tuple[float, float], ...]:
        """Return the data's box, widened to show where the generator starts, if that is not too far away."""
        start = self._evaluator.generate(self._evaluator.noise(SHOWN_PLANE))
        sides: list[tuple[float, float]] = []
        for axis, (low, high) in enumerate(self._reference.box):
            first, last = np.quantile(start[:, axis], [0.005, 0.995])
            reach = WIDEST * (high - low)
            margin = 0.1 * (high - low)
            sides.append((max(min(low, first - margin), low - reach), min(max(high, last + margin), high + reach)))
        return tuple(sides)

    def _real_density(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        x = np.linspace(*self._box[0], LINE_POINTS)
        values = density(self.experiment, x)
        if values is None:
            return None
        x.setflags(write=False)
        values.setflags(write=False)
        return x, values

    def _all_series(self) -> Mapping[str, Any]:
        return {name: self._history.series(name) for name in self._history.names}


def _grown(side: tuple[float, float]) -> tuple[float, float]:
    margin = BEYOND * (side[1] - side[0])
    return side[0] - margin, side[1] + margin


def _as_metrics(records: NDArray[np.float64], experiment: Experiment) -> NDArray[np.float64]:
    """Turn records (n, recorded) into step metrics (n, metrics); NaN where a metric has no meaning."""
    column = {name: records[:, index] for index, name in enumerate(RECORDED)}
    none = np.full(len(records), np.nan)
    rules = experiment.objective
    values = {
        **column,
        "mean_real": column["probability_real"] if rules.probability else none,
        "mean_fake": column["probability_fake"] if rules.probability else none,
        "output_real": none if rules.probability or rules.critic else column["output_real"],
        "output_fake": none if rules.probability or rules.critic else column["output_fake"],
        "critic_w1": column["output_real"] - column["output_fake"] if rules.critic else none,
        "clip_fraction": column["clip_fraction"] if experiment.discriminator.clip > 0 else none,
    }
    return np.stack([values[name] for name in STEP_METRICS], axis=1)
