"""The rule of oscillation: what goes round and round in the curves of the game, with period and amplitude."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ganviz.experiment import Experiment

from .cycles import POINTS, SHORTEST, Cycle, find_cycle, stretches
from .evidence import RECENTLY, Curve, Evidence, curve_after

CLEAR, STILL_CLEAR = 0.5, 0.35
"""Score of a cycle (see `ganviz.metrics.cycles`) to be one, and to go on as one."""
SEEN_AGAIN = 2.0
"""Periods from the first stretch that shows a cycle to the last, at least."""
RENEWED = 0.5
"""Share of the first stretch that has been followed by new steps, at least."""
LOOKS = 4
"""Looks that show it, at least."""
AGREES = 1.3
"""Periods of one cycle differ at most by this factor."""
MISSED = 0.5
"""Share of the looks since the first that may not show it."""
SETTLES = 0.5
"""Ratio of the later to the earlier half of a stretch below which a cycle dies away of itself."""
VISIBLE, VISIBLE_RANGE = 0.5, 0.25
"""Amplitude over the curve's standard deviation in the stretch, and over half of the range within a bucket."""
EVERY, EVERY_SHARE = 16, 0.01
"""Steps between two looks, at least, and the share of the steps so far."""
WARM_UP, WARM_UP_AGREES = 500.0, 0.1
"""Every so many steps the warm-up of the WGAN authors' code trains the critic for longer: no cycle of the game."""

PROBABILITIES, OUTPUTS = ("mean_fake", "mean_real"), ("output_fake", "output_real")
LABELS = {
    "mean_fake": "mean D(G(z))", "mean_real": "mean D(x)", "critic_w1": "the critic's estimate of W1",
    "output_fake": "the raw output on generated samples", "output_real": "the raw output on real samples",
}  # fmt: skip
SMALLEST_PROBABILITY, SMALLEST_OUTPUT, SMALLEST_SHARE = 0.05, 0.1, 0.1
"""Amplitudes that matter: of probabilities, of raw outputs, and of a critic's estimate as a share of its largest."""


@dataclass(frozen=True)
class _Sighting:
    name: str
    cycle: Cycle
    band: float


class OscillationWatch:
    """Looks at the curves since the last change for a cycle that stays.

    A cycle is *seen* where its score is at least `CLEAR`, it does not die away, and its amplitude matters and stands
    out of the noise, in a curve over all steps or in that of the newest steps one by one. It is an oscillation once it
    was seen `LOOKS` times with about the same period, in stretches that reach over two periods more than the first and
    over half as much again, and in half of the looks. It goes when it is seen in fewer, or for four periods not at all.
    A curve whose buckets have outgrown the period can no longer show it: then it stays as long as the range within the
    buckets does.
    """

    name = "oscillation"

    def __init__(self) -> None:
        self._first: _Sighting | None = None
        self._newest: _Sighting | None = None
        self._looks = self._seen = 0
        self._last_look = -np.inf
        self.stands = False

    def look(self, evidence: Evidence) -> tuple[int, str, tuple[tuple[str, float], ...]] | None:
        """Look at the newest curves; return since when, sentence and numbers where there is an oscillation."""
        if evidence.step >= self._last_look + max(EVERY, EVERY_SHARE * evidence.step):
            self._last_look = evidence.step
            self._judge(evidence)
        if not self.stands or self._first is None or self._newest is None:
            return None
        name, cycle = self._newest.name, self._newest.cycle
        since = max(evidence.first, round(self._first.cycle.first))
        sentence = (
            f"Oscillation since step {since:,}: {LABELS[name]} goes round with a period of {cycle.period:,.0f} steps "
            f"and an amplitude of {cycle.amplitude:.2g}."
        )
        numbers = (("period", cycle.period), ("amplitude", cycle.amplitude), ("score", cycle.score))
        return since, sentence, numbers

    def _judge(self, evidence: Evidence) -> None:
        seen = self._sight(evidence)
        if seen is None and self.stands and self._newest is not None and _hidden(evidence, self._newest):
            return
        if self._first is None:
            self._first, self._newest, self._looks, self._seen = seen, seen, int(seen is not None), 1
            return
        self._looks += 1
        if seen is not None:
            self._seen += 1
            self._newest = seen
        assert self._newest is not None
        period, last = self._newest.cycle.period, self._newest.cycle.last
        reach = last - self._first.cycle.last
        if not self.stands:
            new = max(SEEN_AGAIN * period, RENEWED * (self._first.cycle.last - self._first.cycle.first))
            self.stands = self._seen >= LOOKS and reach >= new
        gone = evidence.step - last > max(2 * SEEN_AGAIN * period, EVERY_SHARE * LOOKS * evidence.step)
        if gone or self._seen < MISSED * self._looks:
            self._first, self._newest, self.stands = None, None, False
        elif self._looks >= 4 * LOOKS:
            self._looks, self._seen = self._looks // 2, self._seen // 2

    def _sight(self, evidence: Evidence) -> _Sighting | None:
        """Return the clearest cycle, of the curve that shows one already if there is one."""
        best: _Sighting | None = None
        names = _curves(evidence.experiment) if self._newest is None else (self._newest.name,)
        for name, curve in ((name, evidence.curve(part + name)) for name in names for part in ("", RECENTLY)):
            found = None if curve is None else self._sight_in(evidence, name, curve)
            if found is not None and (best is None or found.cycle.score > best.cycle.score):
                best = found
        return best

    def _sight_in(self, evidence: Evidence, name: str, curve: Curve) -> _Sighting | None:
        part = curve_after(curve, evidence.first)
        if part is None:
            return None
        buckets, stride = part
        values, ranges = curve.mean[buckets], (curve.high - curve.low)[buckets]
        if len(values) < POINTS or not np.all(np.isfinite(values)):
            return None
        first = float(curve.steps[buckets][0] - (stride - 1) / 2)
        for points, start, spacing in stretches(values, first, stride):
            cycle = find_cycle(points, start, spacing)
            if cycle is None or cycle.score < (STILL_CLEAR if self.stands else CLEAR) or cycle.decay < SETTLES:
                continue
            whole = slice(len(values) - round(POINTS * spacing / stride), None)
            noise = max(VISIBLE * float(values[whole].std()), VISIBLE_RANGE * float(np.median(ranges[whole])) / 2)
            if cycle.amplitude < max(noise, self._smallest(name, values)):
                continue
            if self._agrees(cycle) and not _forced(evidence.experiment, cycle):
                return _Sighting(name, cycle, _band(curve, stride, cycle.period))
        return None

    def _agrees(self, cycle: Cycle) -> bool:
        if self._newest is None:
            return True
        return 1 / AGREES <= cycle.period / self._newest.cycle.period <= AGREES

    @staticmethod
    def _smallest(name: str, values: np.ndarray) -> float:
        if name in PROBABILITIES:
            return SMALLEST_PROBABILITY
        return SMALLEST_OUTPUT if name in OUTPUTS else SMALLEST_SHARE * float(np.abs(values).max())


def _curves(experiment: Experiment) -> tuple[str, ...]:
    if experiment.objective.critic:
        return ("critic_w1",)
    return PROBABILITIES if experiment.objective.probability else OUTPUTS


def _forced(experiment: Experiment, cycle: Cycle) -> bool:
    """Tell whether the schedule makes the cycle."""
    times = WARM_UP / cycle.period
    return experiment.schedule.warmup and round(times) >= 1 and abs(times / round(times) - 1) < WARM_UP_AGREES


def _hidden(evidence: Evidence, seen: _Sighting) -> bool:
    """Tell whether the curve can no longer show a cycle, but still has its range within the buckets."""
    curve = evidence.curve(seen.name)
    part = None if curve is None else curve_after(curve, evidence.first)
    if curve is None or part is None or seen.cycle.period >= SHORTEST * part[1]:
        return False
    return _band(curve, part[1], seen.cycle.period) >= seen.band / 2


def _band(curve: Curve, stride: float, period: float) -> float:
    """Return the distance from the least to the greatest value in the newest two periods."""
    newest = slice(-max(LOOKS, math.ceil(2 * period / stride)), None)
    return float(curve.high[newest].max() - curve.low[newest].min())
