"""Timing a training, and the processor's arithmetic beside it."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from ganviz.engine import simd
from ganviz.experiment import Experiment
from ganviz.run import Run

from .workloads import flops

TIMINGS = 7
"""Timings, of which the median counts."""
BURST = 0.1
"""Seconds that the training goes on without a look at the clock, or at an interrupt, about."""
PEAK_SECONDS, PEAK_RUNS = 0.005, 4
"""How long one run of multiply-adds lasts, about, and how many make one measurement, of which the best counts."""


class Timing(NamedTuple):
    """What one timing found: iterations per second, and the share of the core's time that the training had."""

    rate: float
    presence: float


@dataclass(frozen=True)
class Measurement:
    """How fast a workload trains.

    Attributes
    ----------
    timings : tuple of Timing
        In the order of time. An iteration is a step of the run.
    flops : int
        Floating point operations of an iteration: see `ganviz.bench.flops`.
    peak : float
        Floating point operations per second of multiply-adds alone, the best that was met between the timings.
    """

    timings: tuple[Timing, ...]
    flops: int
    peak: float

    @property
    def rate(self) -> float:
        """Iterations per second: the median."""
        return statistics.median(timing.rate for timing in self.timings)

    @property
    def presence(self) -> float:
        """Share of the core's time that the training had: well below 1 where others were at work on it."""
        return statistics.median(timing.presence for timing in self.timings)

    @property
    def speed(self) -> float:
        """Floating point operations per second."""
        return self.rate * self.flops

    @property
    def share(self) -> float:
        """Share of the peak."""
        return self.speed / self.peak


class Pace:
    """An experiment in training whose speed is taken again and again."""

    def __init__(self, experiment: Experiment) -> None:
        self._run = Run(experiment)
        self._steps = 1
        # The first step touches all memory for the first time.
        self._run.advance(1)
        while self._burst() < BURST / 2:
            self._steps *= 2

    def time(self, seconds: float) -> Timing:
        """Train for about so long."""
        steps, elapsed = 0, 0.0
        worked = time.thread_time()
        while elapsed < seconds:
            elapsed += self._burst()
            steps += self._steps
        return Timing(steps / elapsed, (time.thread_time() - worked) / elapsed)

    def _burst(self) -> float:
        began = time.perf_counter()
        self._run.advance(self._steps)
        return time.perf_counter() - began


class Peak:
    """The floating point operations per second of a core that does nothing but multiply-adds in registers."""

    def __init__(self, bits: int) -> None:
        self._work = simd.measure_peak(bits)
        self._operations = simd.peak_work(bits)
        self._rounds = 1
        # The first compiles.
        self._seconds()
        while self._seconds() < PEAK_SECONDS / 2:
            self._rounds *= 2

    def measure(self) -> float:
        """Return the best of some short runs: the clock drifts, and others may be at work."""
        return self._rounds * self._operations / min(self._seconds() for _ in range(PEAK_RUNS))

    def _seconds(self) -> float:
        began = time.perf_counter()
        self._work(self._rounds)
        return time.perf_counter() - began


def measure(
    experiment: Experiment, seconds: float, peak: Peak, report: Callable[[int], None] | None = None
) -> Measurement:
    """Time a training.

    Parameters
    ----------
    experiment : Experiment
        Of the kind that `ganviz.bench.flops` can count.
    seconds : float
        How long each timing lasts, about.
    peak : Peak
        In the experiment's precision.
    report : callable, optional
        Called with the number of finished timings.
    """
    pace = Pace(experiment)
    timings: list[Timing] = []
    peaks = [peak.measure()]
    for index in range(TIMINGS):
        timings.append(pace.time(seconds))
        peaks.append(peak.measure())
        if report:
            report(index + 1)
    return Measurement(tuple(timings), flops(experiment), max(peaks))


@contextmanager
def pinned() -> Generator[int | None]:
    """Keep this thread on one core, where the system can, and give its number; afterwards it is free again."""
    core, before = None, set[int]()
    if hasattr(os, "sched_setaffinity"):
        before = os.sched_getaffinity(0)
        # The system's own work tends to be on the first.
        core = max(before)
        os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        if before:
            os.sched_setaffinity(0, before)
