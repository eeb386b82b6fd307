"""What every step measured, at full resolution as long as that fits, and never without its extremes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .recorded import Block, Singles

ROWS = 4096
"""Rows of a whole block."""
LIMIT = 48 * 2**20
"""Bytes that the blocks of a run may take: those of about 1.2 million steps with ten metrics each."""
FOLD = 8
"""Rows that become one where the bytes run out."""

Floats = NDArray[np.float64]


class Record:
    """Metrics of steps in a row, a row of single precision for each step.

    Where the bytes run out, the oldest of the finest blocks are folded: `FOLD` rows become one, with the least, the
    mean and the greatest value. So what is newest stays whole, the last block of all in any case, and no extreme is
    ever lost.
    """

    def __init__(self, columns: int, blocks: Iterable[Block] = (), limit: int = LIMIT) -> None:
        self._columns = columns
        self._limit = limit
        self._blocks = _joined(blocks)
        self._open = np.empty((ROWS, columns), np.float32)
        self._filled = 0
        self._first = self._blocks[-1].end if self._blocks else 1
        if self._blocks and self._blocks[-1].stride == 1 and len(self._blocks[-1].mean) < ROWS:
            # It goes on where the last block was left: branches of branches would be all pieces else.
            last = self._blocks.pop()
            self._first, self._filled = last.first, len(last.mean)
            self._open[: self._filled] = last.mean

    @property
    def end(self) -> int:
        """The first step that is not in it."""
        return self._first + self._filled

    def add(self, rows: Floats) -> None:
        """Add the metrics (n, columns) of the next n steps."""
        place = 0
        while place < len(rows):
            count = min(len(rows) - place, ROWS - self._filled)
            with np.errstate(over="ignore"):
                self._open[self._filled : self._filled + count] = rows[place : place + count]
            self._filled += count
            place += count
            if self._filled == ROWS:
                self._blocks.append(_whole(self._first, self._open))
                self._open = np.empty((ROWS, self._columns), np.float32)
                self._first, self._filled = self._first + ROWS, 0
                self._fold()

    def newest(self, count: int) -> Floats:
        """Return the rows (n, columns) of the newest steps that are kept one by one, at most so many."""
        parts = [np.empty((0, self._columns), np.float32)]
        for block in reversed(self.blocks()):
            if block.stride > 1 or sum(map(len, parts)) >= count:
                break
            parts.insert(0, block.mean)
        return np.concatenate(parts)[-count:].astype(np.float64)

    def blocks(self) -> tuple[Block, ...]:
        """Return all of it, in the order of the steps."""
        rest = (_whole(self._first, self._open[: self._filled].copy()),) if self._filled else ()
        return (*self._blocks, *rest)

    def until(self, step: int) -> tuple[Block, ...]:
        """Return what is about the steps up to one.

        Of a folded row that reaches beyond it nothing is known for certain: its steps have no values.
        """
        found: list[Block] = []
        for block in self.blocks():
            rows = min(len(block.mean), (step + 1 - block.first) // block.stride)
            if rows > 0:
                found.append(_part(block, 0, rows))
        # Whoever goes on from there counts the steps from the end of the last block.
        known = found[-1].end if found else 1
        return (*found, *unknown(known, min(step, self.end - 1) + 1, self._columns))

    def at(self, step: int) -> Singles | None:
        """Return the metrics (columns,) of a step, the mean of those around it where they are folded."""
        for block in reversed(self.blocks()):
            if block.first <= step < block.end:
                return block.mean[(step - block.first) // block.stride]
        return None

    def set_limit(self, limit: int) -> None:
        """Let the blocks take more or fewer bytes from now on."""
        self._limit = limit
        self._fold()

    def _fold(self) -> None:
        while sum(map(_size, self._blocks)) > self._limit:
            place = self._foldable()
            if place is None:
                return
            self._blocks[place : place + FOLD] = fold(self._blocks[place : place + FOLD])

    def _foldable(self) -> int | None:
        """Return where the oldest blocks begin of the finest stride that can spare them: one stays."""
        stop = len(self._blocks)
        while stop:
            start = stop - 1
            while start and self._blocks[start - 1].stride == self._blocks[stop - 1].stride:
                start -= 1
            if stop - start > FOLD:
                return start
            stop = start
        return None


def unknown(first: int, end: int, columns: int) -> list[Block]:
    """Return blocks without values, from a step to the one before ``end``: a few rows, however many steps those are."""
    found: list[Block] = []
    stride = 1
    while stride * FOLD <= end - first:
        stride *= FOLD
    while first < end:
        rows = (end - first) // stride
        if rows:
            values = _read_only(np.full((rows, columns), np.nan, np.float32))
            found.append(Block(first, stride, values, values, values))
            first += rows * stride
        stride //= FOLD
    return found


def fold(blocks: Sequence[Block]) -> list[Block]:
    """Fold neighbouring blocks of one stride into one of `FOLD` times the stride; rows that are left stay."""
    first, stride = blocks[0].first, blocks[0].stride
    low, mean, high = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("low", "mean", "high"))
    count = len(mean) // FOLD
    shape = (count, FOLD, mean.shape[1])
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Where a metric has no meaning in any of the rows it has none in their fold.
        warnings.simplefilter("ignore", RuntimeWarning)
        folded = [
            np.nanmin(low[: count * FOLD].reshape(shape), axis=1),
            np.nanmean(mean[: count * FOLD].reshape(shape), axis=1, dtype=np.float64),
            np.nanmax(high[: count * FOLD].reshape(shape), axis=1),
        ]
    found = [Block(first, stride * FOLD, *[_read_only(np.asarray(x, np.float32)) for x in folded])] if count else []
    rest = [_read_only(values[count * FOLD :].copy()) for values in (low, mean, high)]
    if len(rest[1]):
        kept = (rest[1],) * 3 if stride == 1 else rest
        found.append(Block(first + count * FOLD * stride, stride, *kept))
    return found


def _joined(blocks: Iterable[Block]) -> list[Block]:
    """Join neighbours of one stride as long as they are no more than a whole block; whole ones stay as they are."""
    found: list[Block] = []
    for block in blocks:
        last = found[-1] if found else None
        if last is None or last.stride != block.stride or len(last.mean) + len(block.mean) > ROWS:
            found.append(block)
            continue
        low, mean, high = (
            _read_only(np.concatenate([getattr(last, name), getattr(block, name)])) for name in ("low", "mean", "high")
        )
        kept = (mean,) * 3 if block.stride == 1 else (low, mean, high)
        found[-1] = Block(last.first, last.stride, *kept)
    return found


def _whole(first: int, rows: Singles) -> Block:
    return Block(first, 1, *[_read_only(rows)] * 3)


def _part(block: Block, start: int, stop: int) -> Block:
    if start == 0 and stop == len(block.mean):
        return block
    first = block.first + start * block.stride
    if block.stride == 1:
        return Block(first, 1, *[block.mean[start:stop]] * 3)
    return Block(first, block.stride, block.low[start:stop], block.mean[start:stop], block.high[start:stop])


def _size(block: Block) -> int:
    return block.mean.nbytes * (1 if block.stride == 1 else 3)


def _read_only(values: Singles) -> Singles:
    values.setflags(write=False)
    return values
