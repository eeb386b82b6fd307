"""An experiment in progress, which records itself, so that any of its steps can be shown and gone on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.data import data_plan
from ganviz.engine.game import DISCRIMINATOR, GENERATOR
from ganviz.engine.machine import STEP
from ganviz.engine.network import Floats
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Snapshot, Training
from ganviz.experiment import Experiment, ExperimentError, Value, find_parameter
from ganviz.metrics import Reference

from .divergence import TrainingDiverged, diverged_again
from .frame import Frame, Need
from .glance import Glance
from .history import History, Series
from .host import host
from .keyframes import MOST, Keyframes
from .log import Log
from .measurer import Measurer, Stop, never
from .metrics import STEP_METRICS, as_metrics, step_metrics
from .observer import Observer, surface_grid
from .record import Record
from .recorded import Change, Keyframe, Logged, Recorded
from .room import LARGEST_UNIT, SMALLEST_UNIT, Room, measurable

CHUNK = 1024
"""Steps of one burst at most."""
BURST = 0.1
"""Seconds of a burst, about, where whoever trains does not ask for fewer steps."""
NEAR = 16
"""States kept of the way from a keyframe to where a run was last sought, so that the steps before are near too."""

RECENT = 2048
"""Newest steps whose metrics are kept one by one: there is seen what goes round within a bucket of the history."""


class Run:
    """An experiment in progress: advance it, change it, look at it, go back. Looking never changes it.

    It stands at `step`, which `seek` moves to any step that was trained. Until `end`, the newest of them, `advance`
    goes once more along what was recorded, with all changes; beyond it trains on and records.

    Parameters
    ----------
    experiment : Experiment
        What to train. The run starts at step 0 with what the experiment's seed gives. Data in units in which nothing
        can be measured is an `ExperimentError`.

    Attributes
    ----------
    note : str
        A sentence where a replay left what was recorded; else empty.
    room : Room
        What changes may still take; runs of a session have one together.

    Examples
    --------
    >>> import ganviz
    >>> run = ganviz.Run(ganviz.load("ring-wgan-clip"))
    >>> run.advance(1000)
    >>> run.change("discriminator.clip", 0.02)
    >>> run.frame().metrics["w1"]  # doctest: +SKIP
    >>> run.seek(400)
    True
    >>> other = run.branch({"discriminator.clip": 0.1})
    """

    def __init__(self, experiment: Experiment) -> None:
        training = Training(experiment)
        start = Keyframe(0, *_copies(training), np.full(len(RECORDED), np.nan))
        shift, scale = training.data.shift, training.data.scale
        if not measurable(shift.tolist(), scale.tolist()):
            raise ExperimentError(
                f"its data lies around {_listed(shift)} and spreads over {_listed(scale)}, where nothing can be "
                f"measured: allowed are places up to {LARGEST_UNIT:g}, and spreads from {SMALLEST_UNIT:g} to as much"
            )
        self._set_up(training, Recorded(experiment, 0, 0, shift, scale, (), (start,), (), None, (), host()))

    @classmethod
    def from_recorded(cls, recorded: Recorded) -> Run:
        """Set a run up from what another has recorded.

        It stands at the last kept state at or before the step where that one stood: a way from there, which may be long
        in what a file claims, is for whoever can stop it.
        """
        run = cls.__new__(cls)
        training = Training(recorded.first)
        training.data = training.data._replace(shift=recorded.shift.copy(), scale=recorded.scale.copy())
        run._set_up(training, recorded)
        return run

    def _set_up(self, training: Training, recorded: Recorded) -> None:
        self._training = training
        self._log = Log(recorded.first, recorded.log, recorded.after)
        self._keyframes = Keyframes(recorded.keyframes)
        self._record = Record(len(STEP_METRICS), recorded.blocks)
        self._history = History(STEP_METRICS)
        for block in recorded.blocks:
            self._history.add_block(block)
        self._near: list[Keyframe] = []
        self._end = recorded.end
        self._seconds = self._keyframes.last.seconds
        self._since_keyframe = 0.0
        self._pace = BURST
        self._diverged: TrainingDiverged | None = None
        self._host = recorded.host
        self.room = Room.of(self._log.logged)
        self.note = ""
        first = self._keyframes.before(0)
        self._last = first.last
        start = self.glance_at(first, Need.SAMPLES)
        reference = Reference(recorded.first, training.data)
        self.observer = Observer(start, reference.box)
        self.measurer = Measurer(start, reference, surface_grid(self.observer.box))
        self.measurer.recall(recorded.measurements, recorded.findings)
        self._restore(self._keyframes.before(recorded.step))
        if recorded.diverged:
            self._diverged = diverged_again(recorded.diverged, self._end)

    @property
    def experiment(self) -> Experiment:
        """The experiment with all changes up to where the run stands."""
        return self._training.experiment

    @property
    def step(self) -> int:
        """Number of finished steps where the run stands."""
        return self._training.step

    @property
    def end(self) -> int:
        """The newest step that was trained."""
        return self._end

    @property
    def log(self) -> list[Change]:
        """All changes, those beyond `step` too."""
        return self._log.changes

    @property
    def logged(self) -> Logged:
        """What led to where the run is, as plain data: the same object as long as nothing changes."""
        return self._log.logged

    @property
    def first(self) -> Experiment:
        """The experiment at step 0."""
        return self._log.first

    # ---------------------------------------------------------------- going on

    def advance(self, steps: int) -> None:
        """Go on for a number of steps: along what was recorded as far as that goes, then by training.

        Raises
        ------
        TrainingDiverged
            If a parameter becomes infinite or not a number. The run is then back at the last step with finite
            parameters, and every further call raises the same until a parameter is changed.
        """
        goal = self.step + steps
        self._follow(min(goal, self._end))
        while self.step < goal:
            if self._diverged is not None:
                raise self._diverged
            began, first = time.perf_counter(), self.step
            self._train(min(goal - self.step, CHUNK, self._fitting()))
            self._pace = max(time.perf_counter() - began, 1e-9) / (self.step - first)

    def change(self, path: str, value: Value | list[Any]) -> None:
        """Change a parameter from the next step on; the log keeps what and when.

        Raises
        ------
        ExperimentError
            For an unknown field, a value that is not allowed, a parameter that needs a restart, or a step that has a
            future already, which is never overwritten: `branch` there instead.
        """
        self.change_together({path: value})

    def change_together(self, changes: Mapping[str, Value | list[Any]]) -> None:
        """Change several parameters at once: all of them, or none if one is refused; see `change`."""
        changed = self._changed(changes)
        if changed == self.experiment:
            return
        if self.step < self._end:
            raise ExperimentError(
                f"{', '.join(changes)} cannot change at step {self.step:,}, which lies in the past: the run goes on to "
                f"step {self._end:,}. Branch from here, and change the branch"
            )
        self._change(changed, changes)

    def _changed(self, changes: Mapping[str, Value | list[Any]]) -> Experiment:
        before = self.experiment
        for path, value in changes.items():
            if not find_parameter(path, before.data.kind, value).live:
                raise ExperimentError(f"{path} cannot change in a running training: start anew with it")
        changed = before.replace(changes)
        if changed.dimension != before.dimension:
            raise ExperimentError(
                f"{', '.join(changes)} cannot change the data's dimension in a running training: start anew with it"
            )
        return changed

    def _change(self, changed: Experiment, given: Iterable[str] = ()) -> None:
        made = self._log.changed(self.step, changed, given)
        self.room.take(made, changed.table)
        # Under the rules that led to it: what is kept after a change may have fresh moments already.
        self._keep()
        self._training.change(changed)
        self._log.add(self.step, changed, given)
        self._diverged = None

    def adopt(self, experiment: Experiment) -> None:
        """Go on under another experiment with the same networks, as a log tells it; another seed may be among it.

        Raises
        ------
        ValueError
            If networks or precision differ, or the run has gone on from here.
        """
        if self.step < self._end:
            raise ValueError(f"step {self.step:,} lies in the past of this run, which goes on to step {self._end:,}")
        if experiment != self.experiment:
            self._change(experiment)

    # ---------------------------------------------------------------- going back

    def seek(self, step: int, should_stop: Stop = never, progress: Callable[[int], None] | None = None) -> bool:
        """Go to any step from 0 to `end`, exactly: from the nearest keyframe before it by training again.

        Parameters
        ----------
        step : int
        should_stop : callable, optional
            Asked every tenth of a second; True leaves the run somewhere on the way.
        progress : callable, optional
            Told the steps on the way.

        Returns
        -------
        bool
            Whether the run is there.

        Raises
        ------
        ValueError
            If that step was not trained.
        """
        if not 0 <= step <= self._end:
            raise ValueError(f"step {step:,} was not trained: there are steps 0 to {self._end:,}")
        if self.step == self._end:
            # A way back to the end comes to the very state that is left here.
            self._keep()
        start = max(
            (frame for frame in (self._keyframes.before(step), *self._near) if frame.step <= step),
            key=lambda frame: frame.step,
        )
        if not start.step < self.step <= step:
            self._restore(start)
        if self.step < step:
            self._near = []
        stride = max(1, -(-(step - self.step) // NEAR))
        while self.step < step:
            self._follow(self.step + min((step - self.step) % stride or stride, self._fitting()))
            if step - self.step and (step - self.step) % stride == 0:
                self._near.append(self._state())
            if progress is not None:
                progress(self.step)
            if should_stop():
                return False
        return True

    @property
    def diverged(self) -> str:
        """The sentence where training diverged after `end`; else empty."""
        return "" if self._diverged is None else str(self._diverged)

    def before(self, step: int) -> int:
        """Return the step of the last kept state at a step or before it, from which a way to it starts."""
        return self._keyframes.before(step).step

    def nearest(self, step: int) -> Keyframe:
        """Return the kept state nearest to a step, of which `glance_at` gives a picture at once."""
        return self._keyframes.nearest(step)

    def branch(self, changes: Mapping[str, Value | list[Any]] | None = None, seed: int | None = None) -> Run:
        """Start another run with the same past up to here, and the same data and noise from here on.

        Parameters
        ----------
        changes : dict, optional
            What is different in the branch from the next step on.
        seed : int, optional
            Lets the branch draw other data and noise from here on.

        Raises
        ------
        ExperimentError
            See `change`.
        """
        changed = self._changed(changes or {})
        other = Run.from_recorded(self.recorded(until=self.step))
        if seed is not None:
            changed = changed.replace({"seed": seed})
        if changed != other.experiment:
            other._change(changed, changes or {})
        return other

    # ---------------------------------------------------------------- keeping

    def recorded(self, until: int | None = None) -> Recorded:
        """Return all that was recorded, or what was recorded up to the step at which the run stands.

        Nothing of it changes when the run goes on.
        """
        step = self.step
        if until is None:
            keyframes, end = self._keyframes, self._end
            if step == end:
                self._keep()
            elif not self.note:
                keyframes = self._with_present()
        else:
            keyframes, end = self._keyframes.until(step), step
            keyframes.add(self._state())
        log = self._log.until(end)
        measurements, findings = self.measurer.remembered(end)
        sentence = str(self._diverged) if self._diverged is not None and end == self._end else ""
        return Recorded(
            log.first, end, step, self._training.data.shift.copy(), self._training.data.scale.copy(),
            tuple(log.changes), tuple(keyframes), self._record.until(end), measurements, findings, self._host, sentence,
            log.after,
        )  # fmt: skip

    def _with_present(self) -> list[Keyframe]:
        """Return the kept states with the one at which the run stands, so that it stands there again at once."""
        frames, here = list(self._keyframes), self._state()
        place = 1 + frames.index(self._keyframes.before(self.step))
        if frames[place - 1].step < self.step:
            frames.insert(place, replace(here, seconds=min(here.seconds, frames[place].seconds)))
        return frames

    def limit(self, size: int, count: int = MOST) -> None:
        """Let the kept states take so many bytes, and be so many, at most."""
        self._keyframes.set_limit(size, count)

    def save(self, path: Path | str) -> None:
        """Save the run with all its past as a session file, whole or not at all.

        Raises
        ------
        OSError
            If the file cannot be written; what stood there before is untouched.
        """
        from .recorded import BranchState, SessionState
        from .session_file import write_session

        write_session(Path(path), SessionState((BranchState("run", self.recorded()),)))

    @classmethod
    def open(cls, path: Path | str, should_stop: Stop = never) -> Run:
        """Open the run of a session file; of several, the one that was shown. It stands where that one stood.

        Files hold the state there; where an older one does not, the way to it can be stopped; see `seek`.

        Raises
        ------
        ExperimentError
            One sentence, where the file cannot be used.
        """
        from .session_file import read_session

        state = read_session(Path(path))
        recorded = state.branches[state.shown[0]].recorded
        run = cls.from_recorded(recorded)
        run.seek(recorded.step, should_stop)
        return run

    # ---------------------------------------------------------------- looking

    def parameters(self, player: str) -> list[tuple[Floats, Floats]]:
        """Copy a player's parameters: (weight (n_in, n_out), bias (n_out,)) for each layer."""
        if player not in (GENERATOR, DISCRIMINATOR):
            raise ValueError(f'there is no player "{player}"; there are "{GENERATOR}" and "{DISCRIMINATOR}"')
        return self._training.layout[player].network.split(self._training.flat(player).copy())

    def frame(self, needs: Need | None = None) -> Frame:
        """Measure the step at which the run stands.

        Parameters
        ----------
        needs : Need, optional
            What is wanted; everything by default.
        """
        needs = Need.all() if needs is None else needs
        # Diagnoses look back.
        glance = self.glance(needs | Need.HISTORY if Need.METRICS in needs else needs)
        self.measurer.measure(glance, needs)
        return self.observer.frame(glance, needs, self.measurer.at(glance))

    def glance(self, needs: Need) -> Glance:
        """Copy what frames and measurements are made of, so that they can be made while the run goes on.

        A frame of the glance is ``run.observer.frame(glance, needs, run.measurer.shown(glance))``, a measurement
        ``run.measurer.measure(glance, needs)``; each may be made on a thread of its own, one at a time.
        """
        training = self._training
        reach = training.layout.kept if Need.SPECTRUM in needs else training.layout.shown
        state = Snapshot(training.arena[:reach].copy(), training.counters.copy())
        return self._glance(state, self.experiment, self._last, needs)

    def glance_at(self, keyframe: Keyframe, needs: Need) -> Glance:
        """Return a glance at a kept state, without going there."""
        state = Snapshot(keyframe.numbers, keyframe.counters)
        return self._glance(state, self._log.at(keyframe.step), keyframe.last, needs)

    def _glance(self, state: Snapshot, experiment: Experiment, last: NDArray[np.float64], needs: Need) -> Glance:
        training = self._training
        data = training.data
        if experiment.data != self.experiment.data:
            data = data_plan(experiment)._replace(shift=data.shift, scale=data.scale)
        step = int(state.counters[STEP])
        live = step == self._end
        return Glance(
            step=step,
            experiment=experiment,
            data=data,
            numbers=state.kept,
            counters=state.counters,
            metrics=step_metrics(last, experiment),
            end=self._end,
            logged=self._log.logged,
            history=self._all_series() if Need.HISTORY in needs else None,
            recent=self._recent_series() if Need.METRICS in needs and live else None,
            diverged="" if self._diverged is None or not live else str(self._diverged),
        )

    # ---------------------------------------------------------------- how

    def _train(self, steps: int) -> None:
        """Train beyond the end, and record it."""
        training, first = self._training, self.step
        if self._since_keyframe >= self._keyframes.spacing:
            self._keep()
        records = np.zeros((steps, len(RECORDED)))
        began = time.perf_counter()
        done = training.advance(steps, records)
        took = time.perf_counter() - began
        self._since_keyframe += took
        self._seconds += took
        diverged: TrainingDiverged | None = None
        if done < steps:
            diverged = TrainingDiverged(*training.find_divergence(), critic=self.experiment.objective.critic)
            # The last finite step is reached again from the last keyframe, with what was changed there: training is
            # exact in its repetition.
            last = self._last
            self._restore(self._keyframes.last)
            again = np.zeros((first + done - self.step, len(RECORDED)))
            training.advance(len(again), again)
            self._last = last
        if done:
            self._last = records[done - 1].copy()
            rows = as_metrics(records[:done], self.experiment)
            self._history.add(first + 1, rows)
            self._record.add(rows)
        self._end = first + done
        if diverged is not None:
            self._diverged = diverged
            raise diverged

    def _follow(self, goal: int) -> None:
        """Go along what was recorded, to a step that is not beyond the end."""
        while self.step < goal:
            stops = [goal, self.step + CHUNK]
            stops += [stop for stop in (self._log.next_step(self.step), self._keyframes.next_step(self.step)) if stop]
            steps = min(stops) - self.step
            records = np.zeros((steps, len(RECORDED)))
            began = time.perf_counter()
            done = self._training.advance(steps, records)
            self._pace = max(time.perf_counter() - began, 1e-9) / steps
            if done == steps:
                self._last = records[-1].copy()
            self._compare(done < steps, min(stops))
            self._catch_up()

    def _compare(self, lost: bool, stop: int) -> None:
        """Compare the state that a replay has led to with what was recorded there, which counts if they differ."""
        kept = self._keyframes.find(stop)
        if not lost:
            if kept is None or _same(kept, self._training):
                return
            # Where states were thinned out, one may have been kept again after the changes of its step.
            self._catch_up()
            if _same(kept, self._training):
                return
        if kept is None:
            # A replay that is not finite where the recorded one was: it goes on at the next state that was kept.
            kept = self._keyframes.before(self._keyframes.next_step(stop) or self._end)
        if not self.note:
            other = f" It was recorded on another processor ({self._host})." if self._host != host() else ""
            self.note = (
                f"The replay leaves the recording at step {stop:,}: its numbers differ from those that were kept."
                f"{other} Kept steps are shown as they were recorded; steps between them may differ."
            )
        self._restore(kept)

    def _restore(self, keyframe: Keyframe) -> None:
        experiment = self._log.before(keyframe.step)
        if experiment != self.experiment:
            self._training.change(experiment)
        self._training.restore(_snapshot(keyframe))
        self._last = keyframe.last
        self._catch_up()

    def _catch_up(self) -> None:
        """Make the changes that were made at the step at which the run stands."""
        changes = self._log.changes_at(self.step)
        if changes:
            self._training.change(*changes)

    def _keep(self) -> None:
        self._keyframes.add(self._state())
        self._since_keyframe = 0.0

    def _state(self) -> Keyframe:
        return Keyframe(self.step, *_copies(self._training), self._last, self._seconds_at(self.step))

    def _seconds_at(self, step: int) -> float:
        if step == self._end:
            return self._seconds
        before = self._keyframes.before(step)
        return before.seconds + (step - before.step) * self._pace

    def steps_within(self, seconds: float) -> int:
        """Return how many steps are made within some seconds, by what the last ones took; at least one."""
        return max(1, int(seconds / self._pace))

    def _fitting(self) -> int:
        """Return how many steps a burst has that whoever waits for it does not notice."""
        return self.steps_within(min(BURST, self._keyframes.spacing))

    def _recent_series(self) -> Mapping[str, Series]:
        rows = self._record.newest(RECENT)
        steps = np.arange(self._end - len(rows) + 1, self._end + 1, dtype=np.float64)
        return {name: Series(steps, *[rows[:, at].copy()] * 3) for at, name in enumerate(STEP_METRICS)}

    def _all_series(self) -> Mapping[str, Any]:
        return {name: self._history.series(name) for name in self._history.names}


def _listed(values: Floats) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _copies(training: Training) -> tuple[Floats, NDArray[np.int64]]:
    kept, counters = training.snapshot()
    kept.setflags(write=False)
    counters.setflags(write=False)
    return kept, counters


def _snapshot(keyframe: Keyframe) -> Snapshot:
    return Snapshot(keyframe.numbers, keyframe.counters)


def _same(keyframe: Keyframe, training: Training) -> bool:
    """Whether a training's state is a keyframe's to the last bit."""
    now = training.arena[: training.layout.kept]
    whole = f"i{now.itemsize}"
    return np.array_equal(now.view(whole), keyframe.numbers.view(whole)) and np.array_equal(
        training.counters, keyframe.counters
    )
