"""The same experiment under many seeds, trained side by side on the cores there are."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment, ExperimentError, Value, find_parameter
from ganviz.metrics import METRICS

from .frame import Need
from .log import grouped
from .priority import stand_back
from .recorded import Change

if TYPE_CHECKING:
    from .run import Run

ROWS = 101
"""Steps that are measured at most, the first and the last step among them."""
MOST_WORKERS = 8
BURST = 0.1
"""Seconds of training, about, after which a run looks whether it is to stop."""
KEPT = 4 * 2**20
"""Bytes of keyframes that each run may keep: nobody goes back in it."""
LOOK_EVERY = 0.05
"""Seconds between two reports of progress."""
LOW, HIGH = 0.1, 0.9
"""The band holds the seeds between these quantiles."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Progress = Callable[[int, int], None]


def _never() -> bool:
    return False


@dataclass(frozen=True, eq=False)
class EnsembleResult:
    """What the runs of an ensemble measured, as far as they are; all arrays are read-only.

    Attributes
    ----------
    experiment : Experiment
        Of all runs at step 0, but for the seed.
    seeds : tuple of int
    steps : (k,)
        The steps that are measured, rising from 0.
    values : mapping of (seeds, k)
        Metrics by name; see ``ganviz.metrics.METRICS``. NaN: not measured, not yet or never.
    diverged : dict
        By the seed, a sentence about each run that diverged. Its values are NaN from then on.
    floors : dict
        For metrics by name the band (low, high) in which 95 % of perfect generators' values lie.
    """

    experiment: Experiment
    seeds: tuple[int, ...]
    steps: Integers
    values: Mapping[str, Floats]
    diverged: Mapping[int, str]
    floors: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    @property
    def names(self) -> list[str]:
        """The metrics that at least one run has, in the order of their table."""
        return [name for name in METRICS if name in self.values and not np.isnan(self.values[name]).all()]

    def counts(self, name: str) -> Integers:
        """Return how many seeds are behind each point (k,) of a metric; infinite values count."""
        return np.asarray((~np.isnan(self.values[name])).sum(axis=0), dtype=np.int64)

    def quantiles(self, name: str, shares: Sequence[float] = (LOW, 0.5, HIGH)) -> Floats:
        """Return quantiles (shares, k) of a metric over the seeds; see `quantiles`."""
        return quantiles(self.values[name], shares)


def quantiles(values: Floats, shares: Sequence[float]) -> Floats:
    """Return quantiles over the rows of each column, NaN left out, linear between neighbours in rank.

    `numpy.nanquantile` gives NaN next to an infinite value; here what lies between a number and an infinity is that
    infinity, and between the two infinities it is the nearer one, the positive one in the middle.

    Parameters
    ----------
    values : (n, k)
    shares : sequence of float
        From 0 to 1.

    Returns
    -------
    (shares, k)
        NaN in columns without any value.
    """
    ordered = np.sort(values, axis=0)
    counts = (~np.isnan(values)).sum(axis=0)
    columns = np.arange(values.shape[1])
    found = np.full((len(shares), values.shape[1]), np.nan)
    if not len(values):
        return found
    for row, share in enumerate(shares):
        place = share * np.maximum(counts - 1, 0)
        below = np.floor(place).astype(np.int64)
        left, right = ordered[below, columns], ordered[np.minimum(below + 1, np.maximum(counts - 1, 0)), columns]
        part = place - below
        opposite = np.isneginf(left) & np.isposinf(right)
        with np.errstate(invalid="ignore"):
            between = np.where(opposite, np.where(part < 0.5, left, right), (1 - part) * left + part * right)
        found[row] = np.where((part == 0) | (left == right), left, between)
    return found


class Ensemble:
    """The same experiment under many seeds; each run is what `Run` of the experiment with that seed is, to the bit.

    Parameters
    ----------
    experiment : Experiment
        At step 0; its own seed has no meaning.
    seeds : sequence of int
        All different.
    steps : int
        That each run trains.
    rows : int
        Steps that are measured at most, 0 and the last one among them.
    changes : sequence of Change
        What changes on the way in every run, such as another run's log. A change of the seed is left out, and so is
        all that comes at the last step or later.
    workers : int, optional
        Runs that train at the same time, each on a thread of its own; by default as many as there are cores, at most
        8. What comes out does not depend on it.
    nice : int
        How far the threads stand back behind others (on Linux, which counts it by thread).

    Raises
    ------
    ExperimentError
        For seeds, steps or changes that are not allowed.

    Examples
    --------
    >>> import ganviz
    >>> from ganviz.run.ensemble import Ensemble
    >>> result = Ensemble(ganviz.load("ring-wgan-clip"), range(10), 2000).run()  # doctest: +SKIP
    >>> low, median, high = result.quantiles("w1")  # doctest: +SKIP
    """

    def __init__(
        self,
        experiment: Experiment,
        seeds: Sequence[int],
        steps: int,
        rows: int = ROWS,
        changes: Sequence[Change] = (),
        workers: int | None = None,
        nice: int = 0,
    ) -> None:
        self._check(seeds, steps, rows, workers)
        # Refused here, in one sentence, what a run would refuse in the middle.
        self._experiments = [experiment.replace({"seed": seed}) for seed in seeds]
        self.experiment, self.seeds = experiment, tuple(seeds)
        every = max(1, -(-steps // (rows - 1)))
        self.steps: Integers = np.unique(np.append(np.arange(0, steps + 1, every), steps)).astype(np.int64)
        self.workers = min(workers or min(os.cpu_count() or 1, MOST_WORKERS), len(seeds))
        self._changes = _together(experiment, changes, steps)
        self._nice = nice
        self._lock = threading.Lock()
        self._values: dict[str, Floats] = {}
        self._diverged: dict[int, str] = {}
        self._floors: dict[str, tuple[float, float]] = {}
        self._at = np.zeros(len(seeds), np.int64)
        self._version = 0
        self._error: BaseException | None = None
        self._begun = False

    @staticmethod
    def _check(seeds: Sequence[int], steps: int, rows: int, workers: int | None) -> None:
        if not len(seeds):
            raise ExperimentError("seeds: there are none; at least one is needed")
        if len(set(seeds)) < len(seeds):
            raise ExperimentError("seeds: one of them is there twice; all must be different")
        for name, value, least in (("steps", steps, 0), ("rows", rows, 2), ("workers", workers, 1)):
            if value is not None and value < least:
                raise ExperimentError(f"{name} = {value} is not allowed: a whole number from {least} on")

    @property
    def total(self) -> int:
        """Steps of all runs together."""
        return int(self.steps[-1]) * len(self.seeds)

    @property
    def version(self) -> int:
        """Rises whenever `result` has something new."""
        return self._version

    def run(self, progress: Progress | None = None, should_stop: Callable[[], bool] = _never) -> EnsembleResult:
        """Train and measure all runs; wait for them.

        Parameters
        ----------
        progress : callable, optional
            Called by this thread with the steps done and the steps in all; a diverged run is done.
        should_stop : callable, optional
            Asked again and again by each thread; True ends the work, with what is there.

        Raises
        ------
        RuntimeError
            If it ran already.
        MemoryError
            If a run does not fit into memory; the others are stopped then.
        """
        if self._begun:
            raise RuntimeError("an ensemble runs once; make another")
        self._begun = True
        ended = threading.Event()

        def stopping() -> bool:
            return ended.is_set() or should_stop()

        waiting = iter(range(len(self.seeds)))
        threads = [
            threading.Thread(target=self._work, args=(waiting, stopping, ended), name=f"ensemble {number}", daemon=True)
            for number in range(self.workers)
        ]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                next(thread for thread in threads if thread.is_alive() or thread is threads[-1]).join(LOOK_EVERY)
                if progress is not None:
                    progress(int(self._at.sum()), self.total)
        finally:
            # An interrupt ends the threads, too.
            ended.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        if self._error is not None:
            raise self._error
        return self.result()

    def result(self) -> EnsembleResult:
        """Return what is there by now; any thread may ask."""
        with self._lock:
            values = {name: rows.copy() for name, rows in self._values.items()}
            diverged = {seed: self._diverged[seed] for seed in self.seeds if seed in self._diverged}
            floors = dict(self._floors)
        for rows in values.values():
            rows.setflags(write=False)
        steps = self.steps.copy()
        steps.setflags(write=False)
        return EnsembleResult(
            self.experiment, self.seeds, steps,
            MappingProxyType(values), MappingProxyType(diverged), MappingProxyType(floors),
        )  # fmt: skip

    # ---------------------------------------------------------------- on the threads

    def _work(self, waiting: Iterator[int], stopping: Callable[[], bool], ended: threading.Event) -> None:
        stand_back(self._nice)
        try:
            while not stopping():
                with self._lock:
                    place = next(waiting, None)
                if place is None:
                    return
                self._one(place, stopping)
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
            ended.set()

    def _one(self, place: int, stopping: Callable[[], bool]) -> None:
        """Train and measure the run of one seed."""
        from .divergence import TrainingDiverged
        from .run import Run

        run = Run(self._experiments[place])
        run.limit(KEPT)
        if place == 0:
            self._measure_floors(run, stopping)
        try:
            for row, step in enumerate(self.steps.tolist()):
                for at, changes in self._changes:
                    # What changes at a step that is measured does so after it was measured.
                    if run.step <= at < step:
                        if not self._advance(place, run, at, stopping):
                            return
                        run.change_together(changes)
                if stopping() or not self._advance(place, run, step, stopping):
                    return
                self._keep(place, row, run.frame(Need.METRICS).metrics)
        except TrainingDiverged as error:
            with self._lock:
                self._diverged[self.seeds[place]] = str(error)
                self._version += 1
            self._at[place] = self.steps[-1]

    def _advance(self, place: int, run: Run, step: int, stopping: Callable[[], bool]) -> bool:
        for done in run.bursts(step, BURST):
            self._at[place] = done
            if done < step and stopping():
                return False
        return True

    def _measure_floors(self, run: Run, stopping: Callable[[], bool]) -> None:
        """Compute the noise floors, which hardly depend on the seed: their first bands."""
        measurer = run.measurer
        while not measurer.newest.floors and not measurer.floor_done and not stopping():
            measurer.refine(seconds=BURST, should_stop=stopping)
        with self._lock:
            self._floors.update(measurer.newest.floors)
            self._version += 1

    def _keep(self, place: int, row: int, metrics: Mapping[str, float]) -> None:
        with self._lock:
            for name, value in metrics.items():
                rows = self._values.get(name)
                if rows is None:
                    rows = self._values[name] = np.full((len(self.seeds), len(self.steps)), np.nan)
                rows[place, row] = value
            self._version += 1


def _together(experiment: Experiment, changes: Sequence[Change], steps: int) -> list[tuple[int, dict[str, Value]]]:
    """Return what changes after which step, in that order; refuse what is not allowed."""
    found: list[tuple[int, dict[str, Value]]] = []
    for group in grouped(changes):
        step = group[0].step
        if step < 0 or (found and step < found[-1][0]):
            raise ExperimentError(f"changes: one after step {step:,} is out of order; their steps must rise from 0 on")
        together = {change.path: change.after for change in group if change.path != "seed"}
        if step >= steps or not together:
            continue
        for path, value in together.items():
            if not find_parameter(path, experiment.data.kind, value).live:
                raise ExperimentError(f"changes: {path} cannot change in a running training")
        experiment = experiment.replace(together)
        found.append((step, together))
    return found
