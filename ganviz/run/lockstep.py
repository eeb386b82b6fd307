"""Several runs that go on together, each on a thread of its own, from step to step in lockstep."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ganviz.experiment.files import MOST_LANES

from .divergence import TrainingDiverged
from .measurer import Stop, never
from .run import Run
from .timemachine import BURST

Progress = Callable[[float], None]
"""Told the share of a way that is done."""


@dataclass(eq=False)
class _Way:
    """The way of a run to a step, and what kept it from getting there."""

    run: Run
    goal: int
    ended: threading.Event
    error: Exception | None = None

    def go(self, should_stop: Stop = never) -> None:
        """Go it in bursts, until it is ended."""
        try:
            for _ in self.run.bursts(self.goal):
                if should_stop():
                    self.ended.set()
                if self.ended.is_set():
                    return
        except Exception as error:
            self.error = error

    @property
    def done(self) -> bool:
        """Whether there is nothing more to go."""
        return self.error is not None or self.run.step >= self.goal


class _Worker:
    """Does what it is given, one thing after the other, on a thread of its own."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def begin(self, work: Callable[[], None]) -> None:
        """Give it something to do."""
        self._work.put(work)

    def idle(self) -> threading.Event:
        """Return what tells when all is done that it was given by now."""
        reached = threading.Event()
        self._work.put(reached.set)
        return reached

    def close(self) -> None:
        """End the thread."""
        self._work.put(None)
        self._thread.join()

    def _main(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def seek_each(ways: Sequence[tuple[Run, int]], should_stop: Stop = never, progress: Progress | None = None) -> bool:
    """Go to a step with each of several runs, one after the other; see `Run.seek`.

    Parameters
    ----------
    ways : sequence of (Run, int)
        Each with its step.
    should_stop : callable, optional
        True leaves a run somewhere on its way, and those after it where they are.
    progress : callable, optional
        Told the share of all ways that is done.

    Returns
    -------
    bool
        Whether all are there. A run that a replay does not lead there says so in its note.
    """
    arrived = True
    for done, (run, goal) in enumerate(ways):
        start = run.before(goal)

        def told(now: int, done: int = done, start: int = start, goal: int = goal) -> None:
            if progress is not None:
                progress((done + (now - start) / max(1, goal - start)) / len(ways))

        if not run.seek(goal, should_stop, told):
            arrived = False
            if should_stop():
                break
    return arrived


class Lockstep:
    """Runs that go on together.

    The first of them is trained on the thread that asks, the others on threads of their own: the engine's compiled code
    lets them run at the same time. What a run becomes does not depend on the others.

    Parameters
    ----------
    runs : sequence of Run
        One to four. Those that stand before the foremost catch up with it, while it waits.

    Attributes
    ----------
    diverged : dict
        By its place the error of each run that cannot go on; the others do.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        if not 1 <= len(runs) <= MOST_LANES:
            raise ValueError(f"{len(runs)} runs cannot go on together: allowed are 1 to {MOST_LANES}")
        self.runs = list(runs)
        self.diverged: dict[int, TrainingDiverged] = {}
        self._workers = {place: _Worker(f"lane {place + 1}") for place in range(1, len(runs))}
        self._ended = threading.Event()
        self._busy = False

    @property
    def step(self) -> int:
        """The step at which those stand that go on, the foremost of them where they have not caught up yet."""
        going = [run.step for place, run in enumerate(self.runs) if place not in self.diverged]
        return max(going or [run.step for run in self.runs])

    def advance(self, steps: int, should_stop: Stop = never) -> bool:
        """Let all runs go on to the same step, so many beyond the foremost; those behind catch up with it first.

        Parameters
        ----------
        steps : int
        should_stop : callable, optional
            Asked every tenth of a second; True leaves each run where it is by then. The next call goes on from there.

        Returns
        -------
        bool
            Whether all are there that can go on.
        """
        self._settle()
        self._forget_past()
        foremost = self.step
        return self._go(foremost, should_stop) and self._go(foremost + steps, should_stop)

    def seek(self, step: int, should_stop: Stop = never, progress: Progress | None = None) -> bool:
        """Go to a step with all runs, each as far as it was trained; see `seek_each`."""
        self._settle()
        self.diverged.clear()
        return seek_each([(run, min(step, run.end)) for run in self.runs], should_stop, progress)

    def close(self) -> None:
        """End the threads, each at the end of its burst."""
        self._settle()
        for worker in self._workers.values():
            worker.close()
        self._workers = {}

    def _go(self, goal: int, should_stop: Stop) -> bool:
        """Let those that stand before a step go there at the same time; return whether they arrived."""
        self._ended = threading.Event()
        behind = [place for place, run in enumerate(self.runs) if run.step < goal and place not in self.diverged]
        ways = {place: _Way(self.runs[place], goal, self._ended) for place in behind}
        try:
            self._busy = True
            others = [place for place in behind if place > 0]
            for place in others:
                self._workers[place].begin(ways[place].go)
            if 0 in ways:
                ways[0].go(should_stop)
            for place in others:
                idle = self._workers[place].idle()
                while not idle.wait(BURST):
                    if should_stop():
                        self._ended.set()
            self._busy = False
        finally:
            self._settle()
        errors = {place: way.error for place, way in ways.items() if way.error is not None}
        self.diverged |= {place: error for place, error in errors.items() if isinstance(error, TrainingDiverged)}
        for place, error in errors.items():
            if place not in self.diverged:
                raise error
        return all(way.done for way in ways.values())

    def _settle(self) -> None:
        """End what is under way, each run at the end of its burst; an interrupt may come while it is waited for."""
        if self._busy:
            self._ended.set()
            for idle in [worker.idle() for worker in self._workers.values()]:
                idle.wait()
            self._busy = False

    def _forget_past(self) -> None:
        """Let runs go on that do not stand any more where they could not, or were changed since."""
        for place, error in list(self.diverged.items()):
            run = self.runs[place]
            if run.step != error.step - 1 or (run.step == run.end and not run.diverged):
                del self.diverged[place]
