"""Has pictures and measurements of the runs made by threads of their own, while the training goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ganviz.run import Frame, Need

from .pace import Resting
from .watcher import Watcher

if TYPE_CHECKING:
    from ganviz.run import Glance, Run

GLANCE_SHARE = 0.03
"""Largest share of the training's time that goes into copies for those who look on."""
FRAME_SHARE, METRICS_SHARE, SPECTRUM_SHARE = 0.4, 0.2, 0.2
"""Largest shares of the time that frames, measurements and spectra are made, on threads of their own."""
SPECTRUM_PAUSE = 1.0
"""Seconds between two spectra."""
REFINING = 0.03
"""Seconds of work on the noise floors in one go."""
FRAME_EVERY, METRICS_EVERY = 1 / 30, 1 / 10
METRICS_AT_LEAST = 1.0
"""Longest pause between two measurements in seconds, however long one takes: the first loads libraries as well."""
FIRST_METRICS = 0.3
"""Seconds that the first pictures of a run go before its first measurement."""
MEASURED = Need.METRICS | Need.OPTIMUM | Need.TRANSPORT | Need.LAYERS
"""What is measured beside the frames."""

Glances = Sequence[tuple["Run", "Glance"]]
Stop = Callable[[], bool]


class Onlooker:
    """Asked by the training thread between two bursts; decides what is due and gives it to a watcher.

    Parameters
    ----------
    tell : callable
        Told of an exception that has nothing to do with a run.
    wake : callable
        Called when a watcher is idle again.
    failed : callable
        Told of an exception, and of the runs with which it came.
    """

    def __init__(
        self,
        tell: Callable[[Exception], None],
        wake: Callable[[], None],
        failed: Callable[[Exception, Sequence[Run]], None],
    ) -> None:
        self.needs = Need.SAMPLES
        self._failed = failed
        # Whether the state has not been drawn since it last changed, and of which runs it has not been measured.
        self.stale = self._unanalysed = True
        self._measured: set[int] = set()
        self._turn = 0
        self._frame_due = self._metrics_due = self._spectrum_due = 0.0
        self._showing = Watcher("showing", tell, wake)
        self._measuring = Watcher("measuring", tell, wake)
        self._analysing = Watcher("analysing", tell, wake)
        self._watchers = self._showing, self._measuring, self._analysing

    def start(self) -> None:
        """Start the threads."""
        for watcher in self._watchers:
            watcher.start()

    def stop(self, until: float) -> None:
        """End the threads, by a moment of the monotonic clock about."""
        for watcher in self._watchers:
            watcher.stop(max(0.05, until - time.monotonic()))

    @property
    def alive(self) -> bool:
        """Whether one of the threads runs."""
        return any(watcher.alive for watcher in self._watchers)

    def touch(self) -> None:
        """Take note that the state has changed."""
        self.stale = self._unanalysed = True
        self._measured.clear()

    def renew(self) -> None:
        """Have the state drawn and measured as soon as possible."""
        self._frame_due = self._metrics_due = self._spectrum_due = 0.0
        self.touch()

    def welcome(self) -> None:
        """Give the first pictures of other runs their time before anything is measured."""
        self.renew()
        self._metrics_due = time.perf_counter() + FIRST_METRICS

    def show(self, glances: Callable[[Need], Glances], put: Callable[[list[Frame]], None], moving: bool) -> None:
        """Have a frame of each run made if the time for it is there."""
        now = time.perf_counter()
        if not self.stale or not self._showing.idle or (moving and now < self._frame_due):
            return
        needs = self.needs
        seen = glances(needs & ~Need.SPECTRUM)
        copied = time.perf_counter() - now
        due = self._frame_due = now + max(FRAME_EVERY, copied / GLANCE_SHARE)
        self.stale = False

        def make() -> None:
            began = time.perf_counter()
            frames = [run.observer.frame(glance, needs, run.measurer.shown(glance)) for run, glance in seen]
            if self._frame_due == due:
                # Others may look more often than the thread has time for.
                self._frame_due = max(due, began + (time.perf_counter() - began) / FRAME_SHARE)
            put(frames)

        self._give(self._showing, [run for run, _ in seen], make)

    def measure(self, runs: Sequence[Run], moving: bool, should_stop: Stop) -> None:
        """Have one of the runs measured if the time for it is there; meanwhile work on its noise floors."""
        now = time.perf_counter()
        needs = self.needs & MEASURED
        if not self._measuring.idle or not needs:
            return
        self._turn += 1
        waiting = [run for run in runs if id(run) not in self._measured and not (moving and run.step < run.end)]
        if not waiting or (moving and now < self._metrics_due):
            coarse = [run for run in runs if not run.measurer.floor_done]
            if coarse:
                run = coarse[self._turn % len(coarse)]
                self._give(self._measuring, [run], lambda: self._refine(run, should_stop))
            return
        run = waiting[self._turn % len(waiting)]
        glance = run.glance(needs | Need.HISTORY)
        self._measured.add(id(run))

        def make() -> None:
            began = time.perf_counter()
            run.measurer.measure(glance, needs, should_stop)
            cost = time.perf_counter() - began
            if not should_stop():
                self._metrics_due = began + min(max(METRICS_EVERY, cost / METRICS_SHARE), METRICS_AT_LEAST)
                self.stale = True

        self._give(self._measuring, [run], make)

    def analyse(self, run: Run, moving: bool, should_stop: Stop) -> None:
        """Have the spectrum of the game computed if somebody looks at it and the time for it is there."""
        now = time.perf_counter()
        if Need.SPECTRUM not in self.needs or not self._analysing.idle or not self._unanalysed:
            return
        if moving and now < self._spectrum_due:
            return
        glance = run.glance(Need.SPECTRUM)
        self._unanalysed = False
        resting = Resting(SPECTRUM_SHARE, lambda: should_stop() or Need.SPECTRUM not in self.needs)

        def make() -> None:
            run.measurer.measure_spectrum(glance, resting)
            if not should_stop():
                self._spectrum_due = time.perf_counter() + SPECTRUM_PAUSE
                self.stale = True

        self._give(self._analysing, [run], make)

    def _refine(self, run: Run, should_stop: Stop) -> None:
        floors = run.measurer.newest.floors
        run.measurer.refine(REFINING, should_stop)
        if run.measurer.newest.floors != floors and not should_stop():
            self.stale = True

    def _give(self, watcher: Watcher, runs: Sequence[Run], job: Callable[[], None]) -> None:
        """Have a job done for some runs."""

        def guarded() -> None:
            try:
                job()
            except Exception as error:
                self._failed(error, runs)

        watcher.do(guarded)
