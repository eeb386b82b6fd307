"""Several runs that go on together, each on a thread of its own, from step to step in lockstep."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ganviz.experiment.files import MOST_LANES

from .measurer import Stop, never
from .run import Run, TrainingDiverged


class _Worker:
    """Advances one run whenever it is told to."""

    def __init__(self, run: Run, place: int) -> None:
        self.run = run
        self.error: BaseException | None = None
        self._steps = 0
        self._begin, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._main, name=f"lane {place + 1}", daemon=True)
        self._thread.start()

    def begin(self, steps: int) -> None:
        """Begin to advance; `wait` returns when that is done."""
        self._steps = steps
        self._begin.release()

    def wait(self) -> None:
        """Wait until the run has advanced."""
        self._done.acquire()

    def close(self) -> None:
        """End the thread."""
        self._steps = -1
        self._begin.release()
        self._thread.join()

    def _main(self) -> None:
        while True:
            self._begin.acquire()
            if self._steps < 0:
                return
            self.error = _advance(self.run, self._steps)
            self._done.release()


class Lockstep:
    """Runs that go on together.

    The first of them is trained on the thread that asks, the others on threads of their own: the engine's compiled code
    lets them run at the same time. What a run becomes does not depend on the others.

    Parameters
    ----------
    runs : sequence of Run
        One to four. Those that stand before the foremost catch up with the first advance.

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
        self._workers = [_Worker(run, place) for place, run in enumerate(self.runs) if place > 0]

    @property
    def step(self) -> int:
        """The step at which those stand that go on, the foremost of them where they have not caught up yet."""
        going = [run.step for place, run in enumerate(self.runs) if place not in self.diverged]
        return max(going or [run.step for run in self.runs])

    def advance(self, steps: int) -> None:
        """Let all runs go on to the same step, so many beyond the foremost."""
        self._forget_past()
        goal = self.step + steps
        going = [worker for worker in self._workers if self._place(worker.run) not in self.diverged]
        for worker in going:
            worker.begin(goal - worker.run.step)
        error = None if 0 in self.diverged else _advance(self.runs[0], goal - self.runs[0].step)
        for worker in going:
            worker.wait()
        errors = [(0, error), *((self._place(worker.run), worker.error) for worker in going)]
        for place, found in errors:
            if isinstance(found, TrainingDiverged):
                self.diverged[place] = found
            elif found is not None:
                raise found

    def seek(self, step: int, should_stop: Stop = never, progress: Callable[[int], None] | None = None) -> bool:
        """Go to a step with all runs, each as far as it was trained; see `Run.seek`."""
        self.diverged.clear()
        return all(run.seek(min(step, run.end), should_stop, progress) for run in self.runs)

    def close(self) -> None:
        """End the threads."""
        for worker in self._workers:
            worker.close()
        self._workers = []

    def _forget_past(self) -> None:
        """Let runs go on that were taken back from where they diverged, or changed since."""
        for place in list(self.diverged):
            run = self.runs[place]
            if run.step < run.end or not run.diverged:
                del self.diverged[place]

    def _place(self, run: Run) -> int:
        return next(place for place, other in enumerate(self.runs) if other is run)


def _advance(run: Run, steps: int) -> BaseException | None:
    try:
        run.advance(max(0, steps))
    except Exception as error:
        return error
    return None
