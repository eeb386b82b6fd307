"""The states that a run goes back to, thinned so that they stay within their bytes however long the run is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import numpy as np

from .recorded import Keyframe

LIMIT = 128 * 2**20
"""Bytes of the keyframes of a session."""
MOST = 2048
"""Keyframes of a run at most."""
SPACING = 0.02
"""Seconds of training between two keyframes at least."""


class Keyframes:
    """Keyframes in the order of their steps; the first and the last one are always kept.

    What lies between is thinned where least is lost: there goes the keyframe whose neighbours are the nearest to each
    other in training time, so that replaying from one to the next takes about equally long everywhere.

    Parameters
    ----------
    limit : int
        Bytes that they may take, beyond the first and the last one.
    """

    def __init__(self, frames: Iterable[Keyframe] = (), limit: int = LIMIT) -> None:
        self._frames: list[Keyframe] = []
        self._steps: list[int] = []
        self._size = 0
        self._limit, self._most = limit, MOST
        for frame in frames:
            self.add(frame)

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Keyframe]:
        return iter(list(self._frames))

    @property
    def size(self) -> int:
        """Bytes that they take."""
        return self._size

    @property
    def last(self) -> Keyframe:
        """The one with the highest step."""
        return self._frames[-1]

    @property
    def spacing(self) -> float:
        """Seconds of training after which the next keyframe is due."""
        full = self._size + self._frames[-1].size > self._limit or len(self._frames) >= self._most
        return max(SPACING, self.last.seconds / len(self._frames) / 2) if full else SPACING

    def set_limit(self, limit: int, most: int = MOST) -> None:
        """Let them take more or fewer bytes, and be more or fewer, from now on."""
        self._limit, self._most = limit, most
        self._thin()

    def add(self, frame: Keyframe) -> None:
        """Keep a keyframe, unless there is one of its step."""
        place = bisect_right(self._steps, frame.step)
        if place and self._steps[place - 1] == frame.step:
            return
        self._frames.insert(place, frame)
        self._steps.insert(place, frame.step)
        self._size += frame.size
        self._thin()

    def find(self, step: int) -> Keyframe | None:
        """Return the keyframe of a step, if there is one."""
        found = self.before(step)
        return found if found.step == step else None

    def before(self, step: int) -> Keyframe:
        """Return the last keyframe at a step or before it."""
        return self._frames[bisect_right(self._steps, step) - 1]

    def nearest(self, step: int) -> Keyframe:
        """Return the keyframe whose step is the nearest."""
        place = bisect_right(self._steps, step)
        around = self._frames[max(0, place - 1) : place + 1]
        return min(around, key=lambda frame: abs(frame.step - step))

    def next_step(self, step: int) -> int | None:
        """Return the step of the first keyframe after a step, if there is one."""
        place = bisect_right(self._steps, step)
        return self._steps[place] if place < len(self._steps) else None

    def until(self, step: int) -> Keyframes:
        """Return the keyframes up to a step."""
        return Keyframes(self._frames[: bisect_right(self._steps, step)], self._limit)

    def _thin(self) -> None:
        while len(self._frames) > 2 and (self._size > self._limit or len(self._frames) > self._most):
            seconds = np.array([frame.seconds for frame in self._frames])
            place = 1 + int(np.argmin(seconds[2:] - seconds[:-2]))
            self._size -= self._frames[place].size
            del self._frames[place], self._steps[place]
