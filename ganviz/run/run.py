"""An experiment in progress."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.game import DISCRIMINATOR, GENERATOR
from ganviz.engine.network import Floats
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Snapshot, Training
from ganviz.experiment import Experiment, ExperimentError, Value, find_parameter
from ganviz.metrics import Reference

from .frame import Frame, Need
from .glance import Glance
from .history import History, Series
from .measurer import Measurer
from .observer import Observer, surface_grid

CHUNK = 1024
"""Steps between two copies of the state, to which a diverging run goes back, at most."""
COPY_EVERY = 0.25
"""Seconds of training between two such copies, about: of large networks they take longer than the steps between."""

RECENT = 2048
"""Newest steps whose metrics are kept one by one: there is seen what goes round within a bucket of the history."""

STEP_METRICS = (
    "generator_loss", "discriminator_loss", "mean_real", "mean_fake", "output_real", "output_fake", "critic_w1",
    "generator_gradient_norm", "discriminator_gradient_norm", "clip_fraction",
)  # fmt: skip


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
        self._history = History(STEP_METRICS)
        self._recent = np.empty((0, len(STEP_METRICS)))
        self._last = np.full(len(RECORDED), np.nan)
        self._diverged: TrainingDiverged | None = None
        self._copy: tuple[int, float, Snapshot] | None = None
        self.log: list[Change] = []
        start = self.glance(Need.SAMPLES)
        reference = Reference(experiment, self._training.data)
        self.observer = Observer(start, reference.box)
        self.measurer = Measurer(start, reference, surface_grid(self.observer.box))

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
        self._diverged = None
        # What was trained under other rules is not to be trained again under these.
        self._copy = None

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
        # Diagnoses look back.
        glance = self.glance(needs | Need.HISTORY if Need.METRICS in needs else needs)
        self.measurer.measure(glance, needs)
        return self.observer.frame(glance, needs, self.measurer.at(self.step))

    def glance(self, needs: Need) -> Glance:
        """Copy what frames and measurements are made of, so that they can be made while the run goes on.

        A frame of the glance is ``run.observer.frame(glance, needs, run.measurer.newest)``, a measurement
        ``run.measurer.measure(glance, needs)``; each may be made on a thread of its own, one at a time.
        """
        training = self._training
        reach = training.layout.kept if Need.SPECTRUM in needs else training.layout.shown
        return Glance(
            step=self.step,
            experiment=self.experiment,
            data=training.data,
            numbers=training.arena[:reach].copy(),
            counters=training.counters.copy(),
            metrics=self._step_metrics(),
            history=self._all_series() if Need.HISTORY in needs else None,
            recent=self._recent_series() if Need.METRICS in needs else None,
            diverged="" if self._diverged is None else str(self._diverged),
        )

    def _advance_burst(self, steps: int) -> None:
        training, first = self._training, self.step
        now = time.perf_counter()
        if self._copy is None or first + steps - self._copy[0] > CHUNK or now - self._copy[1] > COPY_EVERY:
            self._copy = first, now, training.snapshot()
        since, _, before = self._copy
        records = np.zeros((steps, len(RECORDED)))
        done = training.advance(steps, records)
        diverged: TrainingDiverged | None = None
        if done < steps:
            diverged = TrainingDiverged(*training.find_divergence(), critic=self.experiment.objective.critic)
            # The last finite step is reached again from the copy: training is exact in its repetition.
            training.restore(before)
            again = np.zeros((first + done - since, len(RECORDED)))
            training.advance(len(again), again)
        if done:
            self._last = records[done - 1].copy()
            rows = _as_metrics(records[:done], self.experiment)
            self._history.add(first + 1, rows)
            self._recent = np.concatenate([self._recent, rows])[-RECENT:]
        if diverged is not None:
            self._diverged = diverged
            raise diverged

    def _step_metrics(self) -> dict[str, float]:
        values = _as_metrics(self._last[None, :], self.experiment)[0]
        return {name: float(value) for name, value in zip(STEP_METRICS, values, strict=True) if not np.isnan(value)}

    def _recent_series(self) -> Mapping[str, Series]:
        steps = np.arange(self.step - len(self._recent) + 1, self.step + 1, dtype=np.float64)
        return {name: Series(steps, *[self._recent[:, at].copy()] * 3) for at, name in enumerate(STEP_METRICS)}

    def _all_series(self) -> Mapping[str, Any]:
        return {name: self._history.series(name) for name in self._history.names}


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
