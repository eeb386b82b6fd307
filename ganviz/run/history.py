"""Values over steps in bounded memory: buckets that keep minimum, mean and maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .recorded import Block

Floats = NDArray[np.float64]

BUCKETS = 1024


@dataclass(frozen=True)
class Series:
    """One quantity over steps: in each bucket of steps its mean, minimum and maximum; all arrays are (n,)."""

    steps: Floats
    mean: Floats
    low: Floats
    high: Floats


class History:
    """Columns of values over steps. When the buckets run out, each takes in its neighbour: nothing is dropped.

    Memory stays the same however long a run is; a bucket covers `stride` steps, a power of two.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.stride = 1
        shape = (BUCKETS, len(self.names))
        self._low = np.full(shape, np.inf)
        self._high = np.full(shape, -np.inf)
        self._sum = np.zeros(shape)
        self._count = np.zeros(shape, np.int64)

    def add(self, first_step: int, rows: Floats) -> None:
        """Add the values (n, columns) of n steps in a row, the first of them ``first_step``; NaN: no value."""
        if not len(rows):
            return
        while (first_step + len(rows) - 1) // self.stride >= BUCKETS:
            self._merge()
        self._take(np.arange(first_step, first_step + len(rows)), rows, rows, rows)

    def add_block(self, block: Block) -> None:
        """Add what was recorded of steps in a row."""
        if not len(block.mean):
            return
        while (block.end - 1) // self.stride >= BUCKETS:
            self._merge()
        steps = block.first + block.stride * np.arange(len(block.mean))
        # What a file holds may be numbers of any kind.
        with np.errstate(invalid="ignore"):
            low, mean, high = (values.astype(np.float64) for values in (block.low, block.mean, block.high))
        self._take(steps, low, mean, high, block.stride)

    def _take(self, steps: NDArray[np.int64], low: Floats, rows: Floats, high: Floats, weight: int = 1) -> None:
        buckets, starts = np.unique(steps // self.stride, return_index=True)
        known = ~np.isnan(rows)
        self._low[buckets] = np.minimum(
            self._low[buckets], np.minimum.reduceat(np.where(known, low, np.inf), starts, axis=0)
        )
        self._high[buckets] = np.maximum(
            self._high[buckets], np.maximum.reduceat(np.where(known, high, -np.inf), starts, axis=0)
        )
        # Losses on both sides of a divergence may be infinite of either sign: their mean is not a number.
        with np.errstate(invalid="ignore"):
            self._sum[buckets] += weight * np.add.reduceat(np.where(known, rows, 0.0), starts, axis=0)
        self._count[buckets] += weight * np.add.reduceat(known.astype(np.int64), starts, axis=0)

    def series(self, name: str) -> Series:
        """Return what is known of one column; ``steps`` are the middles of the buckets."""
        column = self.names.index(name)
        filled = np.flatnonzero(self._count[:, column])
        return Series(
            np.asarray(filled * float(self.stride) + (self.stride - 1) / 2, dtype=np.float64),
            self._sum[filled, column] / self._count[filled, column],
            self._low[filled, column],
            self._high[filled, column],
        )

    def _merge(self) -> None:
        half = BUCKETS // 2
        self._low[:half] = np.minimum(self._low[::2], self._low[1::2])
        self._high[:half] = np.maximum(self._high[::2], self._high[1::2])
        with np.errstate(invalid="ignore"):
            self._sum[:half] = self._sum[::2] + self._sum[1::2]
        self._count[:half] = self._count[::2] + self._count[1::2]
        self._low[half:], self._high[half:] = np.inf, -np.inf
        self._sum[half:], self._count[half:] = 0.0, 0
        self.stride *= 2
