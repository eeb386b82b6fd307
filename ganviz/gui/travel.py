"""How the runs that are shown go through time together: forwards, backwards, and to any step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ganviz.run import Need, ReplayDiverged
from ganviz.run.lockstep import Lockstep, Progress, seek_each

if TYPE_CHECKING:
    from ganviz.run import Glance, Run, Session
    from ganviz.run.recorded import Keyframe

    from .pace import Clock

EXACT = 120.0
"""Steps per second up to which a way back shows every step; faster ones go from one kept state to the next."""
WHOLE = 10.0
"""Seconds that the way back to the beginning takes where no speed is given."""
LONGEST = 0.1
"""Seconds of a way back in one go at most, so that a delay does not become a jump."""
TOLD_AFTER = 0.3
"""Seconds after which the progress of a way to a step is told."""

Stop = Callable[[], bool]


class Travel:
    """The runs that a session shows, and where on their time they stand.

    Attributes
    ----------
    epoch : int
        Counts the jumps, so that a frame of before a jump can be told from one of after it.
    position : int
        The step that is shown. Where `exact` is not true, the runs do not stand there: kept states near it are shown.
    goal : int
        The step that is sought.
    """

    def __init__(self, session: Session, epoch: int = 0) -> None:
        self.runs: list[Run] = [branch.run for branch in session.shown]
        self._names = [branch.name for branch in session.shown]
        self._lockstep: Lockstep | None = None
        self._told: set[int] = set()
        self._lost: list[str] = []
        self._kept: list[Keyframe] | None = None
        self.epoch = epoch
        self.position = self.goal = min(run.step for run in self.runs)
        if len(self.runs) > 1:
            self._lockstep = Lockstep(self.runs)
            if any(run.step != min(self.position, run.end) for run in self.runs):
                self._stand_near(self.position)

    @property
    def exact(self) -> bool:
        """Whether the runs stand where the slider does."""
        return self._kept is None

    @property
    def past(self) -> bool:
        """Whether what is shown lies before the end of a run."""
        return any(self.position < run.end for run in self.runs)

    @property
    def diverged(self) -> str:
        """The sentence where none of the runs can go on."""
        if any(self.position < run.end or not run.diverged for run in self.runs):
            return ""
        return self.runs[0].diverged

    def advance(self, steps: int) -> None:
        """Go on with all runs."""
        if self._lockstep is None:
            try:
                self.runs[0].advance(steps)
            except ReplayDiverged as lost:
                # It goes on at the next state that was kept.
                self._lost.append(str(lost))
                self.runs[0].seek(lost.next)
            finally:
                self.position = self.runs[0].step
            return
        until = time.perf_counter() + LONGEST
        # Those that lie behind catch up first; between two goes there is time for pictures and orders.
        self._lockstep.advance(steps, lambda: time.perf_counter() > until)
        if len(self._lockstep.diverged) == len(self.runs):
            self.position = self.runs[0].step
            raise self._lockstep.diverged[0]
        self.position = self._lockstep.step

    def losses(self) -> list[str]:
        """Return a sentence for each run that newly cannot go on while others do, or not on the recorded way."""
        if self._lockstep is None:
            told, self._lost = self._lost, []
            return told
        lost = {place: error for place, error in self._lockstep.diverged.items() if place not in self._told}
        self._told |= lost.keys()
        return [f"“{self._names[place]}”: {error}" for place, error in lost.items()]

    def seek(self, step: int, should_stop: Stop, progress: Progress | None = None) -> bool:
        """Go to a step exactly, each run as far as it was trained; return whether they are there.

        Where that was stopped on the way, kept states near the step are shown.
        """
        self.epoch += 1
        return self._go(step, should_stop, progress)

    def settle(self, should_stop: Stop, progress: Progress | None = None) -> bool:
        """Go exactly to where the slider stands; return whether the runs are there."""
        return self.exact or self.seek(self.position, should_stop, progress)

    def _go(self, step: int, should_stop: Stop, progress: Progress | None = None) -> bool:
        self.goal = max(0, min(step, max(run.end for run in self.runs)))
        began = time.perf_counter()

        def told(share: float) -> None:
            if progress is not None and time.perf_counter() - began > TOLD_AFTER:
                progress(share)

        # Where a replay leaves what was recorded, the run says so and stands as near as it comes.
        if not seek_each([(run, min(self.goal, run.end)) for run in self.runs], should_stop, told) and should_stop():
            self._stand_near(self.goal)
            return False
        self.position, self._kept = max(run.step for run in self.runs), None
        return True

    def scrub(self, step: int) -> None:
        """Show kept states near a step, at once."""
        self.epoch += 1
        self._stand_near(step)

    def _stand_near(self, step: int) -> None:
        self.position = max(0, min(step, max(run.end for run in self.runs)))
        self._kept = [run.nearest(self.position) for run in self.runs]

    def back(self, clock: Clock, speed: float | None, should_stop: Stop) -> bool:
        """Go back as far as the time since the last call allows; return whether it goes on."""
        speed = speed or max(EXACT, max(run.end for run in self.runs) / WHOLE)
        steps = min(clock.due(speed, 1.0), max(1, int(speed * LONGEST)))
        if steps < 1:
            time.sleep(min(0.01, 0.5 / speed))
            return True
        clock.spend(steps)
        step = max(0, self.position - steps)
        if speed <= EXACT or step == 0:
            self._go(step, should_stop)
        else:
            self._stand_near(step)
            time.sleep(0.005)
        return step > 0

    def glances(self, needs: Need) -> list[tuple[Run, Glance]]:
        """Return what frames of all runs are made of."""
        if self._kept is None:
            return [(run, run.glance(needs)) for run in self.runs]
        return [(run, run.glance_at(kept, needs)) for run, kept in zip(self.runs, self._kept, strict=True)]

    def close(self) -> None:
        """End the threads of the runs."""
        if self._lockstep is not None:
            self._lockstep.close()
            self._lockstep = None
