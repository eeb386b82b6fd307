"""An experiment in progress: what a person does with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.data import data_plan
from ganviz.engine.game import DISCRIMINATOR, GENERATOR
from ganviz.engine.machine import STEP
from ganviz.engine.network import Floats
from ganviz.engine.training import Snapshot, Training
from ganviz.experiment import Experiment, ExperimentError, Value, find_parameter
from ganviz.metrics import Reference

from .divergence import TrainingDiverged, diverged_again
from .frame import Frame, Need
from .glance import Glance
from .history import Series
from .measurer import Measurer, Stop, never
from .metrics import STEP_METRICS, step_metrics
from .observer import Observer, surface_grid
from .recorded import Keyframe, Recorded
from .room import LARGEST_UNIT, SMALLEST_UNIT, Room, measurable
from .timemachine import BURST, TimeMachine, beginning

__all__ = ["BURST", "Run", "TrainingDiverged"]

RECENT = 2048
"""Newest steps whose metrics are kept one by one: there is seen what goes round within a bucket of the history."""


class Run(TimeMachine):
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
        shift, scale = training.data.shift.tolist(), training.data.scale.tolist()
        if not measurable(shift, scale):
            raise ExperimentError(
                f"its data lies around {_listed(shift)} and spreads over {_listed(scale)}, where nothing can be "
                f"measured: allowed are places up to {LARGEST_UNIT:g}, and spreads from {SMALLEST_UNIT:g} to as much"
            )
        self._set_up(training, beginning(training))

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
        super().__init__(training, recorded)
        self._room: Room | None = None
        first = self._keyframes.before(0)
        start = self.glance_at(first, Need.SAMPLES)
        reference = Reference(recorded.first, training.data)
        self.observer = Observer(start, reference.box)
        self.measurer = Measurer(start, reference, surface_grid(self.observer.box))
        self.measurer.recall(recorded.measurements, recorded.findings)
        self._restore(self._keyframes.before(recorded.step))
        if recorded.diverged:
            self._diverged = diverged_again(recorded.diverged, self._end)

    @property
    def room(self) -> Room:
        """What changes may still take; runs of a session have one together."""
        if self._room is None:
            self._room = Room.of(self._log.logged)
        return self._room

    @room.setter
    def room(self, room: Room) -> None:
        self._room = room

    # ---------------------------------------------------------------- going on

    def bursts(self, goal: int, seconds: float = BURST) -> Iterator[int]:
        """Go on to a step in bursts of about so many seconds, and tell the step after each; see `advance`.

        What the run becomes does not depend on how long they are.
        """
        while self.step < goal:
            self.advance(min(goal - self.step, self.steps_within(seconds)))
            yield self.step

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

    # ---------------------------------------------------------------- branching

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
        if not experiment.same_data(self.experiment):
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

    def _recent_series(self) -> Mapping[str, Series]:
        rows = self._record.newest(RECENT)
        steps = np.arange(self._end - len(rows) + 1, self._end + 1, dtype=np.float64)
        return {name: Series(steps, *[rows[:, at].copy()] * 3) for at, name in enumerate(STEP_METRICS)}

    def _all_series(self) -> Mapping[str, Any]:
        return {name: self._history.series(name) for name in self._history.names}


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
