"""What was measured and diagnosed in the past of a run, beside the metrics of its steps."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ganviz.metrics.diagnosis import Diagnosis

from .recorded import Finding, Measurements, Values

SAMPLE_METRICS = (
    "kl", "reverse_kl", "js", "tv", "w1", "w2", "sliced_w2", "energy", "precision", "recall",
    "high_quality", "modes", "mode_kl", "slope_data", "slope_grid", "critic_bound",
)  # fmt: skip
"""Metrics that have curves; estimates of their errors do not."""

MOST = 65_536
"""Measurements that are kept; where there are more, every second one goes where they are nearest to each other."""


MOST_FINDINGS = 512
"""Diagnoses that are kept; where there are more, of the older half the one goes that held for the shortest time."""


class Memory:
    """Sample metrics at the steps at which they were measured, and the diagnoses. Any thread may ask it."""

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._rows: list[Values] = []
        self._findings: dict[tuple[str, int], Finding] = {}
        self._lock = threading.Lock()

    def add(self, step: int, row: Values) -> bool:
        """Keep a row (metrics,) unless there is one of its step; return whether it is kept."""
        with self._lock:
            place = bisect_left(self._steps, step)
            if place < len(self._steps) and self._steps[place] == step:
                return False
            self._steps.insert(place, step)
            self._rows.insert(place, row)
            if len(self._steps) > MOST:
                self._thin()
            return True

    def _thin(self) -> None:
        """Leave out a quarter about, so that what is left lies as evenly as it can; the first and the last stay."""
        steps = np.array(self._steps)
        gaps = steps[2:] - steps[:-2]
        near = np.zeros(len(steps), np.bool_)
        near[1:-1] = gaps <= np.median(gaps)
        near[::2] = False
        self._steps = [step for step, gone in zip(self._steps, near, strict=True) if not gone]
        self._rows = [row for row, gone in zip(self._rows, near, strict=True) if not gone]

    def knows(self, step: int) -> bool:
        """Whether there are measurements of a step."""
        return self.at(step)[0] == step

    def at(self, step: int) -> tuple[int, Mapping[str, float]]:
        """Return the newest metrics that were measured by a step, and at which; -1 where there are none."""
        with self._lock:
            place = bisect_right(self._steps, step) - 1
            if place < 0:
                return -1, {}
            found, row = self._steps[place], self._rows[place]
        return found, {name: float(x) for name, x in zip(SAMPLE_METRICS, row, strict=True) if not np.isnan(x)}

    def rows(self) -> Iterator[tuple[int, Values]]:
        """Go through all measurements."""
        with self._lock:
            known = list(zip(self._steps, self._rows, strict=True))
        return iter(known)

    def find(self, step: int, diagnoses: Iterable[Diagnosis]) -> None:
        """Keep what was diagnosed at a step."""
        with self._lock:
            for found in diagnoses:
                key = found.name, found.since
                made = Finding(found.name, found.good, found.since, step, step, found.sentence, found.evidence)
                before = self._findings.get(key)
                if before is not None:
                    # What was told last counts; a step in the past may be measured after later ones.
                    newer = made if step >= before.last_seen else before
                    seen = min(step, before.first_seen), max(step, before.last_seen)
                    made = replace(newer, first_seen=seen[0], last_seen=seen[1])
                self._findings[key] = made
            self._forget()

    def _forget(self) -> None:
        while len(self._findings) > MOST_FINDINGS:
            older = list(self._findings.items())[: MOST_FINDINGS // 2]
            del self._findings[min(older, key=lambda item: item[1].last_seen - item[1].since)[0]]

    def diagnoses(self, step: int) -> tuple[Diagnosis, ...]:
        """Return what held at a step, as it was last told."""
        with self._lock:
            held = [found for found in self._findings.values() if found.since <= step <= found.last_seen]
        return tuple(Diagnosis(found.name, found.since, found.sentence, found.evidence, found.good) for found in held)

    def recall(self, measurements: Measurements | None, findings: Sequence[Finding]) -> None:
        """Take over what another memory held."""
        if measurements is not None:
            for step, row in zip(measurements.steps, measurements.values, strict=True):
                self.add(int(step), row)
        with self._lock:
            self._findings |= {(found.name, found.since): found for found in findings}
            self._forget()

    def until(self, end: int) -> tuple[Measurements, tuple[Finding, ...]]:
        """Return what was measured and found up to a step."""
        with self._lock:
            count = bisect_right(self._steps, end)
            rows = np.array(self._rows[:count]).reshape(count, len(SAMPLE_METRICS))
            measured = Measurements(np.array(self._steps[:count], np.int64), rows)
            found = tuple(
                replace(found, last_seen=min(end, found.last_seen))
                for found in self._findings.values()
                if found.first_seen <= end
            )
        return measured, found

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was diagnosed so far."""
        with self._lock:
            return tuple(self._findings.values())
