"""A training that records itself, so that any of its steps can be shown and gone on from."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.network import Floats
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Snapshot, Training
from ganviz.experiment import Experiment

from .divergence import ReplayDiverged, TrainingDiverged
from .history import History
from .host import host
from .keyframes import LIMIT, MOST, Keyframes
from .log import Log
from .measurer import Stop, never
from .metrics import STEP_METRICS, as_metrics
from .record import LIMIT as METRICS_LIMIT
from .record import Record
from .recorded import Change, Keyframe, Logged, Recorded

CHUNK = 1024
"""Steps of one burst at most."""
BURST = 0.1
"""Seconds of a burst, about, where whoever trains does not ask for fewer steps."""
NEAR = 16
"""States kept of the way from a keyframe to where a run was last sought, so that the steps before are near too."""
NEAR_SHARE = 8
"""The part of the kept states' bytes, one in so many, that those may take; one of them is kept in any case."""


class TimeMachine:
    """A training that records itself, and stands at any of its steps that is asked for.

    Parameters
    ----------
    training : Training
        At the beginning, under the experiment of step 0.
    recorded : Recorded
        What is known of it. It is for whoever sets it up to go to the step where that stood.

    Attributes
    ----------
    note : str
        A sentence where a replay left what was recorded; else empty.
    """

    def __init__(self, training: Training, recorded: Recorded) -> None:
        self._training = training
        self._log = Log(recorded.first, recorded.log, recorded.after)
        self._keyframes = Keyframes(recorded.keyframes)
        self._record = Record(len(STEP_METRICS), recorded.blocks)
        self._history = History(STEP_METRICS)
        for block in recorded.blocks:
            self._history.add_block(block)
        self._near: list[Keyframe] = []
        self.limit(LIMIT)
        self._end = recorded.end
        self._seconds = self._keyframes.last.seconds
        self._since_keyframe = 0.0
        self._pace = BURST
        self._last = self._keyframes.before(0).last
        self._diverged: TrainingDiverged | None = None
        self._host = recorded.host
        self.note = ""

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
    def seconds(self) -> float:
        """Seconds of training from step 0 to the end, about."""
        return self._seconds

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

    @property
    def diverged(self) -> str:
        """The sentence where training diverged after `end`; else empty."""
        return "" if self._diverged is None else str(self._diverged)

    # ---------------------------------------------------------------- going on and back

    def advance(self, steps: int) -> None:
        """Go on for a number of steps: along what was recorded as far as that goes, then by training.

        Raises
        ------
        TrainingDiverged
            If a parameter becomes infinite or not a number. The run is then back at the last step with finite
            parameters, and every further call raises the same until a parameter is changed.
        ReplayDiverged
            If a replay becomes so where the recorded training did not, and nothing was kept from there to the goal. The
            run is then back at the last kept state.
        """
        goal = self.step + steps
        known = min(goal, self._end)
        if not self._follow(known):
            raise ReplayDiverged(known, self.step, self._keyframes.next_step(known) or self._end)
        while self.step < goal:
            if self._diverged is not None:
                raise self._diverged
            began, first = time.perf_counter(), self.step
            self._train(min(goal - self.step, CHUNK, self._fitting()))
            self._pace = max(time.perf_counter() - began, 1e-9) / (self.step - first)

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
            Whether the run is there: not, where it was stopped, or where a replay is not finite though the recorded
            training was. Then it stands at the last kept state before the step, and the note says so.

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
        stride = max(1, -(-(step - self.step) // (1 + self._near_most)))
        while self.step < step:
            if not self._follow(step, min((step - self.step) % stride or stride, self._fitting())):
                return False
            if step - self.step and (step - self.step) % stride == 0:
                self._near.append(self._state())
            if progress is not None:
                progress(self.step)
            if should_stop():
                return False
        return True

    def before(self, step: int) -> int:
        """Return the step of the last kept state at a step or before it, from which a way to it starts."""
        return self._keyframes.before(step).step

    def nearest(self, step: int) -> Keyframe:
        """Return the kept state nearest to a step, of which `glance_at` gives a picture at once."""
        return self._keyframes.nearest(step)

    def steps_within(self, seconds: float) -> int:
        """Return how many steps are made within some seconds, by what the last ones took; at least one."""
        return max(1, int(seconds / self._pace))

    def limit(self, size: int, count: int = MOST, metrics: int = METRICS_LIMIT) -> None:
        """Let the kept states take so many bytes, and be so many, at most; and the metrics of each step so many bytes.

        The first and the last state are kept in any case, and one on the way to where the run was last sought.
        """
        state = self._keyframes.last.size
        self._near_most = max(1, min(NEAR, size // NEAR_SHARE // state))
        self._near = self._near[-self._near_most :]
        self._keyframes.set_limit(max(0, size - self._near_most * state), count)
        self._record.set_limit(metrics)

    # ---------------------------------------------------------------- how

    def _train(self, steps: int) -> None:
        """Train beyond the end, and record it."""
        training, first = self._training, self.step
        # What is trained from here on is nowhere near the way to where the run was sought.
        self._near = []
        if self._since_keyframe >= self._keyframes.spacing:
            self._keep()
        records = np.zeros((steps, len(RECORDED)))
        began = time.perf_counter()
        try:
            done = training.advance(steps, records)
        finally:
            # An interrupt comes when steps are made already, and what they measured belongs to them.
            self._write_down(first, records[: self.step - first], time.perf_counter() - began)
        if done < steps:
            diverged = TrainingDiverged(*training.find_divergence(), critic=self.experiment.objective.critic)
            # The last finite step is reached again from the last keyframe, with what was changed there: training is
            # exact in its repetition.
            last = self._last
            self._restore(self._keyframes.last)
            again = np.zeros((self._end - self.step, len(RECORDED)))
            training.advance(len(again), again)
            self._last = last
            self._diverged = diverged
            raise diverged

    def _write_down(self, first: int, records: NDArray[np.float64], took: float) -> None:
        """Record what the steps after one have measured, and how many seconds they took."""
        self._since_keyframe += took
        self._seconds += took
        if len(records):
            self._last = records[-1].copy()
            rows = as_metrics(records, self.experiment)
            self._history.add(first + 1, rows)
            self._record.add(rows)
        self._end = first + len(records)

    def _follow(self, goal: int, most: int | None = None) -> bool:
        """Go along what was recorded to a step that is not beyond the end, or at most so many steps of that way.

        False: the way is lost, and the run is back at the last kept state before the goal.
        """
        until = goal if most is None else min(goal, self.step + most)
        while self.step < until:
            stops = [until, self.step + CHUNK]
            stops += [at for at in (self._log.next_step(self.step), self._keyframes.next_step(self.step)) if at]
            stop = min(stops)
            steps = stop - self.step
            records = np.zeros((steps, len(RECORDED)))
            began = time.perf_counter()
            try:
                done = self._training.advance(steps, records)
            except KeyboardInterrupt:
                # The changes of the step that it stands at may not be made.
                self._restore(self._keyframes.before(self.step))
                raise
            self._pace = max(time.perf_counter() - began, 1e-9) / steps
            if done < steps:
                if not self._skip(stop, goal):
                    return False
            else:
                self._last = records[-1].copy()
                self._compare()
            self._catch_up()
        return True

    def _compare(self) -> None:
        """Compare the state that a replay has led to with what was recorded there, which counts if they differ."""
        kept = self._keyframes.find(self.step)
        if kept is None or _same(kept, self._training):
            return
        # Where states were thinned out, one may have been kept again after the changes of its step.
        self._catch_up()
        if not _same(kept, self._training):
            self._note_departure(kept.step)
            self._restore(kept)

    def _skip(self, step: int, goal: int) -> bool:
        """Go on at the next kept state where a replay is not finite by a step, though the recorded one was.

        False: that lies beyond the goal, and the run goes back to the one before it.
        """
        self._note_departure(step)
        ahead = self._keyframes.next_step(step - 1) or self._end
        self._restore(self._keyframes.before(min(ahead, goal)))
        return ahead <= goal

    def _note_departure(self, step: int) -> None:
        if not self.note:
            other = f" It was recorded on another processor ({self._host})." if self._host != host() else ""
            self.note = (
                f"The replay leaves the recording at step {step:,}: its numbers differ from those that were kept."
                f"{other} Kept steps are shown as they were recorded; steps between them may differ."
            )

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

    def _fitting(self) -> int:
        """Return how many steps a burst has that whoever waits for it does not notice."""
        return self.steps_within(min(BURST, self._keyframes.spacing))


def beginning(training: Training) -> Recorded:
    """Return what is recorded of a training that has not begun yet."""
    start = Keyframe(0, *_copies(training), np.full(len(RECORDED), np.nan))
    shift, scale = training.data.shift, training.data.scale
    return Recorded(training.experiment, 0, 0, shift, scale, (), (start,), (), None, (), host())


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
