"""How long the training thread works at a time, and how those rest who work beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

BURST = 0.008
"""Seconds that a burst of training is meant to last."""
LONGEST_REST = 0.25
"""Seconds that a long work beside the training rests at most, so that it can be stopped."""


class Trained(Protocol):
    """What can be trained for some steps."""

    def advance(self, steps: int) -> None:
        """Train."""


class Clock:
    """Sizes bursts to their time and the training to its speed limit, and measures its rate."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._steps = 1
        self._counted = 0
        self._since = time.perf_counter()
        self._allowed = 1.0
        self._last = self._since

    def burst(self, run: Trained, limit: float | None) -> None:
        """Train for one burst, or wait a little where the limit allows no step yet."""
        now = time.perf_counter()
        steps = self._steps
        if limit is not None:
            steps = min(steps, self.due(limit, 1.0))
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

    def due(self, limit: float, least: float) -> int:
        """Return how many steps a speed allows by now; those that are not made stay allowed, up to a tenth second's."""
        now = time.perf_counter()
        self._allowed = min(self._allowed + (now - self._last) * limit, max(least, limit * 0.1))
        self._last = now
        return int(self._allowed)

    def spend(self, steps: int) -> None:
        """Count steps that were made."""
        self._allowed -= steps
        self._measure(steps)

    def _measure(self, steps: int) -> None:
        self._counted += steps
        elapsed = time.perf_counter() - self._since
        if elapsed > 0.5:
            self.rate = self._counted / elapsed
            self._counted, self._since = 0, time.perf_counter()


class Resting:
    """Asked between the pieces of a long work: sleeps so that the work has only its share of the time.

    A piece is what lies between two questions.
    """

    def __init__(self, share: float, should_stop: Callable[[], bool]) -> None:
        self._pause = (1.0 - share) / share
        self._should_stop = should_stop
        self._asked = time.perf_counter()

    def __call__(self) -> bool:
        """Rest, and return whether to stop."""
        worked = time.perf_counter() - self._asked
        if not self._should_stop():
            time.sleep(min(worked * self._pause, LONGEST_REST))
        self._asked = time.perf_counter()
        return self._should_stop()
