"""A program for the machine under construction: its instructions, constants, and the arena that it needs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from .operation import FIELDS, WIDTH, Operation

LINE = 16
"""Matrices start at multiples of this many numbers, whole cache lines in both precisions, and so do their rows."""


class Program:
    """A list of instructions, the constants that they read, and the size of the arena that they need.

    Parameters
    ----------
    start : int
        The part of the arena before this place belongs to others; what the program allocates lies behind it.
    """

    def __init__(self, start: int = 0) -> None:
        self._rows: list[list[int]] = []
        self._constants: list[float] = []
        self._free: list[tuple[int, int]] = []
        self._next = up(start)
        self.size = up(start)

    @property
    def instructions(self) -> NDArray[np.int64]:
        """The program as the machine reads it."""
        return np.array(self._rows, dtype=np.int64).reshape(-1, WIDTH)

    @property
    def constants(self) -> NDArray[np.float64]:
        """The constants that the instructions refer to."""
        return np.array(self._constants or [0.0], dtype=np.float64)

    def allocate(self, size: int) -> int:
        """Return the place of some free numbers: the smallest gap that holds them, or the end."""
        size = up(size)
        fitting = [gap for gap in self._free if gap[1] >= size]
        if fitting:
            place, room = min(fitting, key=lambda gap: gap[1])
            self._free.remove((place, room))
            if room > size:
                self._free.append((place + size, room - size))
            return place
        place = self._next
        self._next += size
        self.size = max(self.size, self._next)
        return place

    def release(self, place: int, size: int) -> None:
        """Give back what `allocate` returned; neighbouring gaps become one."""
        size = up(size)
        for gap in list(self._free):
            if gap[0] + gap[1] == place:
                self._free.remove(gap)
                place, size = gap[0], gap[1] + size
            elif place + size == gap[0]:
                self._free.remove(gap)
                size += gap[1]
        self._free.append((place, size))

    def add(
        self, op: Operation, *, x: int = 0, y: int = 0, w: int = 0, b: int = 0, s: int = 0, m: int = 0, k: int = 0,
        n: int = 0, v: int = 0, g: int = 1, t: int = 0, q: int = 0, constants: Sequence[float] = (), record: int = 0,
    ) -> None:  # fmt: skip
        """Append an instruction; the letters are those of `Operation`."""
        fields = [int(op), x, y, w, b, s, m, k, n, v, g, t, q, len(self._constants), record]
        self._rows.append([*fields, *[0] * (WIDTH - len(FIELDS))])
        self._constants += [float(number) for number in constants]

    @contextmanager
    def repeat(self, times: int, warm: int) -> Generator[None]:
        """Have what is appended inside carried out some times, in warm steps another number of times."""
        self.add(Operation.REPEAT, m=times, k=warm)
        first = len(self._rows)
        yield
        self.add(Operation.END)
        self._rows[first - 1][FIELDS.index("n")] = len(self._rows) - first


def up(size: int) -> int:
    """Round a size up to whole lines, at least one."""
    return max(-(-size // LINE), 1) * LINE
