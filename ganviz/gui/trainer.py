"""The training thread: takes commands, trains in short bursts, and leaves the newest frame where the window finds it.

It knows nothing of Qt. The window puts commands into a queue and pulls reports from a one-slot mailbox on its own
timer; nobody waits for anybody.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import ganviz
from ganviz.experiment import Experiment, ExperimentError, Value
from ganviz.run import Frame, Need

from .watcher import Watcher

if TYPE_CHECKING:
    from ganviz.run import Measurer, Run

BURST = 0.008
"""Seconds that a burst of training is meant to last."""
GLANCE_SHARE = 0.03
"""Largest share of the training's time that goes into copies for those who look on."""
FRAME_SHARE, METRICS_SHARE, SPECTRUM_SHARE = 0.4, 0.2, 0.2
"""Largest shares of the time that frames, measurements and spectra are made, on threads of their own."""
SPECTRUM_PAUSE = 1.0
"""Seconds between two spectra."""
LONGEST_REST = 0.25
"""Seconds that such a work rests at most, so that it can be stopped."""
REFINING = 0.03
"""Seconds of work on the noise floors in one go."""
FRAME_EVERY, METRICS_EVERY = 1 / 30, 1 / 10
METRICS_AT_LEAST = 1.0
"""Longest pause between two measurements in seconds, however long one takes: the first loads libraries as well."""
PAUSED_WAIT, SHORT_WAIT = 0.5, 0.003
"""Seconds without a command after which a paused thread looks around, and if something is still to be shown."""
MEASURED = Need.METRICS | Need.OPTIMUM | Need.TRANSPORT | Need.LAYERS
"""What is measured beside the frames."""

FIRST_METRICS = 0.3
"""Seconds that the first pictures of a run go before its first measurement."""

Command = Callable[[], None]


class Status(Enum):
    """What the thread is doing."""

    STARTING = "starting"
    COMPILING = "compiling"
    RUNNING = "running"
    PAUSED = "paused"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass(frozen=True)
class Report:
    """What the window needs to know at one moment.

    ``run`` counts the runs that were started, so that a frame can be told from one of the run before it.
    """

    status: Status
    message: str = ""
    frame: Frame | None = None
    steps_per_second: float = 0.0
    progress: float = 0.0
    run: int = 0


class Trainer:
    """Trains one run at a time on a thread of its own.

    All methods may be called from the window's thread and return at once.
    """

    def __init__(self) -> None:
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._slot: Report | None = None
        self._lock = threading.Lock()
        self._messages: deque[str] = deque()
        self._changes: dict[str, Value] = {}
        self._needs = Need.SAMPLES
        self._run: Run | None = None
        self._runs = 0
        self._playing = True
        self._diverged = ""
        self._limit: float | None = None
        self._stopping = False
        self._compiler: subprocess.Popen[str] | None = None
        self._frame_due = self._metrics_due = self._spectrum_due = 0.0
        # Whether the state has not been drawn, and not been measured, since it last changed.
        self._stale = self._unmeasured = self._unanalysed = True
        self._clock = _Clock()
        self._showing = Watcher("showing", self._tell, self._wake)
        self._measuring = Watcher("measuring", self._tell, self._wake)
        self._analysing = Watcher("analysing", self._tell, self._wake)
        self._watchers = self._showing, self._measuring, self._analysing
        self._thread = threading.Thread(target=self._main, name="training", daemon=True)

    def start(self, experiment: Experiment, playing: bool = True) -> None:
        """Start the thread on an experiment."""
        self._playing = playing
        self.restart(experiment)
        for watcher in self._watchers:
            watcher.start()
        self._thread.start()

    def restart(self, experiment: Experiment) -> None:
        """Leave the present run, and the changes that it has not met yet, and start a new one."""
        with self._lock:
            self._changes = {}
        self._commands.put(lambda: self._begin(experiment))

    def change(self, path: str, value: Value) -> None:
        """Change a parameter of the running experiment at the next step; see `change_together`."""
        self.change_together({path: value})

    def change_together(self, changes: Mapping[str, Value]) -> None:
        """Change parameters of the running experiment at the next step: all of them, or none if one is refused.

        Changes that wait are carried out together with them: of several values of a parameter the last counts.
        """
        with self._lock:
            waiting = self._changes
            waiting.update(changes)
        self._commands.put(lambda: self._change(waiting))

    def play(self, playing: bool) -> None:
        """Go on, or pause."""
        self._commands.put(lambda: self._set_playing(playing))

    def step(self, steps: int = 1) -> None:
        """Train for some steps and pause."""
        self._commands.put(lambda: self._single(steps))

    def limit(self, steps_per_second: float | None) -> None:
        """Train at most this fast; None: as fast as possible."""
        self._commands.put(lambda: self._set_limit(steps_per_second))

    def look(self, needs: Need) -> None:
        """Say what the next frames must hold."""
        self._commands.put(lambda: self._set_needs(needs))

    def take(self) -> Report | None:
        """Take the newest report, if there is one since the last call."""
        with self._lock:
            report, self._slot = self._slot, None
        return report

    def messages(self) -> list[str]:
        """Take all sentences for the person since the last call; none is ever dropped."""
        taken: list[str] = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._messages.popleft())
        return taken

    def stop(self, wait: float = 0.7) -> bool:
        """End the thread, in the middle of a compilation too; return whether it ended in time."""
        self._stopping = True
        compiler = self._compiler
        if compiler is not None:
            with contextlib.suppress(OSError):
                compiler.kill()
        self._wake()
        until = time.monotonic() + wait
        if self._thread.ident is not None:
            self._thread.join(wait)
        for watcher in self._watchers:
            watcher.stop(max(0.05, until - time.monotonic()))
        return not self.alive

    @property
    def alive(self) -> bool:
        """Whether one of the threads runs."""
        return self._thread.is_alive() or any(watcher.alive for watcher in self._watchers)

    def _main(self) -> None:
        while not self._stopping:
            try:
                self._work_until_diverged()
            except Exception as error:
                # Whatever goes wrong reaches the person as a sentence; the thread lives on for the next command.
                self._fail(error)

    def _work_until_diverged(self) -> None:
        # The engine takes half a second to load; the window is there already.
        from ganviz.run import TrainingDiverged

        try:
            self._work()
        except TrainingDiverged as diverged:
            self._playing = False
            self._diverged = str(diverged)
            self._renew()

    def _work(self) -> None:
        if self._playing and self._run is not None:
            self._carry_out(0.0)
        else:
            # The window takes a frame without a word.
            self._carry_out(SHORT_WAIT if self._run is not None and self._stale else PAUSED_WAIT)
        if self._run is None or self._stopping:
            return
        if self._playing:
            self._clock.burst(self._run, self._limit)
            self._stale = self._unmeasured = self._unanalysed = True
        self._show()
        self._measure()
        self._take_spectrum()

    def _carry_out(self, wait: float) -> None:
        with contextlib.suppress(queue.Empty):
            command = self._commands.get(timeout=wait) if wait else self._commands.get_nowait()
            while True:
                command()
                command = self._commands.get_nowait()

    def _renew(self) -> None:
        """Have the state drawn and measured as soon as possible."""
        self._frame_due = self._metrics_due = self._spectrum_due = 0.0
        self._stale = self._unmeasured = self._unanalysed = True

    def _wake(self) -> None:
        """Have the thread look at what there is to do."""
        self._commands.put(lambda: None)

    def _show(self) -> None:
        """Have a frame made if the last one was taken and the time for it is there."""
        assert self._run is not None
        now = time.perf_counter()
        if not self._stale or self._slot is not None or not self._showing.idle:
            return
        if self._playing and now < self._frame_due:
            return
        run, needs = self._run, self._needs
        glance = run.glance(needs & ~Need.SPECTRUM)
        copied = time.perf_counter() - now
        self._frame_due = now + max(FRAME_EVERY, copied / GLANCE_SHARE)
        status = Status.RUNNING if self._playing else Status.PAUSED
        if self._diverged:
            status = Status.DIVERGED
        report = Report(
            status, self._diverged, None, self._clock.rate if self._playing else 0.0, 1.0, self._runs
        )  # fmt: skip
        self._stale = False

        def make() -> None:
            began = time.perf_counter()
            frame = run.observer.frame(glance, needs, run.measurer.newest)
            if self._run is run:
                # Others may look more often than the thread has time for.
                self._frame_due = max(self._frame_due, began + (time.perf_counter() - began) / FRAME_SHARE)
            self._put(replace(report, frame=frame), run)

        self._give(self._showing, run, make)

    def _give(self, watcher: Watcher, run: Run, job: Callable[[], None]) -> None:
        """Have a job done for a run; what goes wrong with it matters as long as the run does."""

        def guarded() -> None:
            try:
                job()
            except Exception as error:
                failure = error
                self._commands.put(lambda: self._fail(failure) if self._run is run else None)

        watcher.do(guarded)

    def _measure(self) -> None:
        """Have the state measured if the time for it is there; meanwhile work on the noise floors."""
        assert self._run is not None
        now = time.perf_counter()
        needs = self._needs & MEASURED
        if not self._measuring.idle or not needs:
            return
        run, should_stop = self._run, self._until_left()
        measurer = run.measurer
        if not self._unmeasured or (self._playing and now < self._metrics_due):
            if not measurer.floor_done:
                self._give(self._measuring, run, lambda: self._refine(measurer, should_stop))
            return
        glance = run.glance(needs | Need.HISTORY)
        self._unmeasured = False

        def make() -> None:
            began = time.perf_counter()
            measurer.measure(glance, needs, should_stop)
            cost = time.perf_counter() - began
            if not should_stop():
                self._metrics_due = began + min(max(METRICS_EVERY, cost / METRICS_SHARE), METRICS_AT_LEAST)
                self._stale = True

        self._give(self._measuring, run, make)

    def _refine(self, measurer: Measurer, should_stop: Callable[[], bool]) -> None:
        floors = measurer.newest.floors
        measurer.refine(REFINING, should_stop)
        if measurer.newest.floors != floors and not should_stop():
            self._stale = True

    def _take_spectrum(self) -> None:
        """Have the spectrum of the game computed if somebody looks at it and the time for it is there."""
        assert self._run is not None
        now = time.perf_counter()
        if Need.SPECTRUM not in self._needs or not self._analysing.idle or not self._unanalysed:
            return
        if self._playing and now < self._spectrum_due:
            return
        run, should_stop = self._run, self._until_left()
        glance = run.glance(Need.SPECTRUM)
        self._unanalysed = False
        resting = _Resting(SPECTRUM_SHARE, lambda: should_stop() or Need.SPECTRUM not in self._needs)

        def make() -> None:
            run.measurer.measure_spectrum(glance, resting)
            if not should_stop():
                self._spectrum_due = time.perf_counter() + SPECTRUM_PAUSE
                self._stale = True

        self._give(self._analysing, run, make)

    def _tell(self, error: Exception) -> None:
        self._messages.append(_sentence(error))

    def _until_left(self) -> Callable[[], bool]:
        """Return what tells whether the present run was left."""
        number = self._runs
        return lambda: self._stopping or self._runs != number

    def _fail(self, error: Exception) -> None:
        traceback.print_exception(error)
        self._playing = False
        with self._lock:
            self._run = None
        self._put(Report(Status.FAILED, _sentence(error), run=self._runs))

    def _put(self, report: Report, run: Run | None = None) -> None:
        """Leave a report in the mailbox; one that was made of a run, only as long as that is the present one."""
        with self._lock:
            if report.run == self._runs and (run is None or run is self._run):
                self._slot = report

    def _begin(self, experiment: Experiment) -> None:
        self._run = None
        self._runs += 1
        self._diverged = ""
        self._put(Report(Status.STARTING, "Starting", run=self._runs))
        if not self._compile(experiment.precision):
            return
        from ganviz.run import Run

        self._run = Run(experiment)
        self._clock = _Clock()
        self._renew()
        self._metrics_due = time.perf_counter() + FIRST_METRICS

    def _compile(self, bits: int) -> bool:
        """Have the engine compiled by another process if it is not in the cache; return whether to go on."""
        from ganviz.engine import warmup

        if warmup.is_ready(bits):
            return not self._stopping
        message = "Compiling the engine for this computer. This happens once"
        self._put(Report(Status.COMPILING, message, run=self._runs))
        # Not from the current folder, whatever lies there; and an interrupt in the terminal is for this process.
        command = [sys.executable, "-P", "-m", "ganviz.engine.warmup", str(bits)]
        package = str(Path(ganviz.__file__).resolve().parent.parent)
        paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._compiler = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,
        )
        with self._compiler as process:
            assert process.stdout is not None
            # Whoever stopped while the process was being started found nothing to kill.
            if self._stopping:
                process.kill()
            for line in process.stdout:
                done, total = line.split()
                self._put(Report(Status.COMPILING, message, progress=int(done) / int(total), run=self._runs))
                if self._stopping:
                    process.kill()
        self._compiler = None
        # Where the other process failed, the run itself compiles, or fails with a sentence of its own.
        return not self._stopping

    def _change(self, pending: dict[str, Value]) -> None:
        with self._lock:
            changes = dict(pending)
            pending.clear()
        if self._run is None:
            return
        if not changes:
            return
        try:
            self._run.change_together(changes)
        except ExperimentError as error:
            self._messages.append(str(error))
        else:
            self._diverged = ""
            # Steps may take longer from now on: the next bursts are short until that is known.
            self._clock = _Clock()
        self._renew()

    def _set_playing(self, playing: bool) -> None:
        if playing and self._diverged:
            self._messages.append(self._diverged)
            self._stale = True
            return
        self._playing = playing
        self._stale = self._unmeasured = self._unanalysed = True

    def _single(self, steps: int) -> None:
        self._playing = False
        self._stale = self._unmeasured = self._unanalysed = True
        if self._run is not None:
            self._run.advance(steps)

    def _set_limit(self, steps_per_second: float | None) -> None:
        self._limit = steps_per_second
        self._clock = _Clock()

    def _set_needs(self, needs: Need) -> None:
        if Need.SPECTRUM in needs & ~self._needs and self._run is not None:
            self._run.measurer.forget_spectrum()
        self._needs = needs
        self._renew()


class _Resting:
    """Asked between the pieces of a long work: sleeps so that the work has only its share of the time.

    A piece is what lies between two questions.
    """

    def __init__(self, share: float, should_stop: Callable[[], bool]) -> None:
        self._pause = (1.0 - share) / share
        self._should_stop = should_stop
        self._asked = time.perf_counter()

    def __call__(self) -> bool:
        worked = time.perf_counter() - self._asked
        if not self._should_stop():
            time.sleep(min(worked * self._pause, LONGEST_REST))
        self._asked = time.perf_counter()
        return self._should_stop()


class _Clock:
    """Sizes bursts to their time and the training to its speed limit, and measures its rate."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._steps = 1
        self._counted = 0
        self._since = time.perf_counter()
        self._allowed = 1.0
        self._last = self._since

    def burst(self, run: Run, limit: float | None) -> None:
        """Train for one burst, or wait a little where the limit allows no step yet."""
        now = time.perf_counter()
        steps = self._steps
        if limit is not None:
            self._allowed = min(self._allowed + (now - self._last) * limit, max(1.0, limit * 0.1))
            self._last = now
            steps = min(steps, int(self._allowed))
            if steps == 0:
                time.sleep(min(0.01, (1.0 - self._allowed) / limit))
                self._measure(0)
                return
            self._allowed -= steps
        run.advance(steps)
        elapsed = time.perf_counter() - now
        fitting = steps * BURST / max(elapsed, 1e-6)
        # Growth is slow, so that one burst that was measured short does not make the next a long one.
        self._steps = max(1, min(int(fitting), 2 * self._steps))
        self._measure(steps)

    def _measure(self, steps: int) -> None:
        self._counted += steps
        elapsed = time.perf_counter() - self._since
        if elapsed > 0.5:
            self.rate = self._counted / elapsed
            self._counted, self._since = 0, time.perf_counter()


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"The training stopped: {text}"
