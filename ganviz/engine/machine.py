# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""The machine: one compiled loop that carries out programs of matrix instructions on one flat array of numbers.

All that training and measuring compute are programs for this machine, written by `ganviz.engine.lowering`. So no
change of depth, width, loss or optimizer compiles anything, there is one compiled kernel for each precision, and
every program gives the same bits whatever else was compiled or loaded before.

The instructions are those of `ganviz.engine.operation`.
"""

from __future__ import annotations

import contextlib
import math
import mmap

import numpy as np

from . import activation, linear, matrices, optimizer, random
from .compiler import kernel, spliced
from .data import fill_real
from .operation import OP, B, C, G, K, M, N, Operation, Q, R, S, T, V, W, X, Y

STEP, DATA_CURSOR, NOISE_CURSOR, FIRST_PLAYER = range(4)
"""Places among the counters: finished steps, places in the visits of finite pools, then each player's updates."""
WARM_STEPS, WARM_EVERY = 25, 500
"""Warm steps are the first 25 and every 500th (the code of Arjovsky, Chintala and Bottou 2017)."""


@kernel
def execute(program, constants, arena, counters, data, seed, records, steps):
    """Carry out a program a number of times.

    Parameters
    ----------
    program : int64 (instructions, 16)
    constants : float64 (c,)
    arena : float32 or float64 (size,)
    counters : int64 (3 + players,)
    data : DataPlan
    seed : int
    records : float64 (at least steps, columns)
        Pass i of the program leaves its record in row i.
    steps : int

    Returns
    -------
    int
        Passes that ended; fewer than ``steps`` if a FINITE instruction met a number that is not.
    """
    for index in range(steps):
        record = records[index]
        turn = 0
        last = 0
        turns = 0
        start = 0
        place = 0
        while place < program.shape[0]:
            row = program[place]
            place += 1
            op = row[OP]
            if op <= Operation.ADD_BIAS:
                _numbers(op, row, arena, constants)
            elif op <= Operation.POWER_ITERATION:
                matrices.work(op, row, arena, constants)
            elif op == Operation.STEP_SIZE or op == Operation.ROOT_CORRECTION:
                arena[row[Y]] = _correction(op, row, constants, counters)
            elif op <= Operation.FLAT_NORMAL:
                _draw(op, row, arena, constants, counters, data, seed, last if row[Q] else turn)
            elif op <= Operation.SHARE_AT_BOUND:
                _play(op, row, arena, constants, counters, record)
            elif op == Operation.FINITE:
                if not optimizer.finite(arena[row[X] : row[X] + row[M]]):
                    return index
            elif op == Operation.NEXT:
                counters[STEP] += 1
            elif op == Operation.REPEAT:
                step = counters[STEP]
                warm = step < WARM_STEPS or step % WARM_EVERY == 0
                turn = 0
                turns = row[K] if warm else row[M]
                start = place
                if turns == 0:
                    place += row[N]
            elif op == Operation.END:
                turn += 1
                if turn < turns:
                    place = start
            else:
                last = turn
                turn = 0
    return steps


@spliced
def _numbers(op, row, arena, constants):
    """Carry out products, and what is done number by number."""
    x, y, w, m, c = row[X], row[Y], row[W], row[M], row[C]
    if op == Operation.PRODUCT:
        linear.product(
            arena, x, row[G], row[V], w, y, row[B], m, row[K], row[N], row[T], row[Q], row[S]
        )  # fmt: skip
    elif op == Operation.OUTER:
        linear.outer(arena, x, w, y, row[K], m, row[N], row[T])
    elif op == Operation.TRANSPOSE:
        linear.transpose(arena, x, y, m, row[N], row[G])
    else:
        one, out = arena[x : x + m], arena[y : y + m]
        if op == Operation.COMBINE:
            matrices.combine(constants[c], constants[c + 1], constants[c + 2], one, arena[w : w + m], out, row[T])
        elif op == Operation.MULTIPLY:
            other = arena[w : w + m]
            for i in range(m):
                out[i] = one[i] * other[i]
        elif op == Operation.ACTIVATE:
            activation.activate(row[T], one, out)
        elif op == Operation.PULL:
            activation.pull(row[T], row[Q], one, out)
        elif op == Operation.EXP or op == Operation.EXPM1:
            activation.exponential(op == Operation.EXPM1, one, out)
        elif op == Operation.POWER:
            activation.power(constants[c], one, out)
        elif op == Operation.CLAMP:
            bound = out.dtype.type(constants[c])
            for i in range(m):
                # Comparisons that leave not-a-number as it is, so that it is found.
                value = bound if one[i] > bound else one[i]
                out[i] = -bound if value < -bound else value
        elif op == Operation.WITHIN:
            bound = out.dtype.type(constants[c])
            other = arena[w : w + m]
            zero = out.dtype.type(0)
            for i in range(m):
                out[i] = other[i] if abs(one[i]) <= bound else zero
        else:
            n = row[N]
            for i in range(m):
                bias = arena[w + i]
                for j in range(n):
                    arena[y + i * n + j] = arena[x + i * n + j] + bias


@spliced
def _correction(op, row, constants, counters):
    """Return what an unrolled optimizer needs of the number of its update."""
    c = row[C]
    count = counters[row[Q]] + row[T]
    if op == Operation.STEP_SIZE:
        rate = optimizer.rate_after(constants[c], constants[c + 1], constants[c + 2], counters[STEP])
        return rate / (1.0 - constants[c + 3] ** count)
    return 1.0 / math.sqrt(1.0 - constants[c] ** count)


@spliced
def _draw(op, row, arena, constants, counters, data, seed, turn):
    """Draw random numbers; those of training belong to its step and to the turn of what is repeated."""
    y, m, n, v, c, s = row[Y], row[M], row[N], row[V], row[C], row[S]
    update = row[T] + turn
    step = counters[STEP] * row[B]
    if op == Operation.FLAT_UNIFORM:
        random.fill_flat_uniform(arena[y : y + m], constants[c], constants[c + 1], s, row[T], 0, seed)
    elif op == Operation.FLAT_NORMAL:
        random.fill_flat_normal(arena[y : y + m], constants[c], s, row[T], 0, seed)
    else:
        out = arena[y : y + m * n].reshape((m, n))
        words = arena[row[W] : row[W] + 4 * n]
        pool = row[K]
        if op == Operation.REAL:
            cursor = counters[DATA_CURSOR] - (v if row[Q] else 0)
            fill_real(data, out, v, pool, cursor, s, update, step, seed, words)
            if pool and not row[Q]:
                counters[DATA_CURSOR] += v
        elif op == Operation.UNIFORM:
            random.fill_uniform01(out, v, s, update, step, seed, words)
        else:
            cursor = counters[NOISE_CURSOR] - (v if row[Q] else 0)
            mean, std, kind = constants[c], constants[c + 1], row[G]
            if op == Operation.INSTANCE_NOISE:
                kind = 0
                mean, std = 0.0, constants[c]
                if constants[c + 1] > 0:
                    std *= max(0.0, 1.0 - counters[STEP] / constants[c + 1])
            random.fill_noise(out, v, kind, mean, std, pool, cursor, s, update, step, seed, words)
            if pool and not row[Q]:
                counters[NOISE_CURSOR] += v


@spliced
def _play(op, row, arena, constants, counters, record):
    """Record, and move players."""
    x, y, w, b, s, m, r, c = row[X], row[Y], row[W], row[B], row[S], row[M], row[R], row[C]
    if op == Operation.RECORD:
        record[r] = arena[x]
    elif op == Operation.MEANS:
        record[r], record[r + row[Q]] = matrices.means(arena[x : x + row[V]])
    elif op == Operation.NORM:
        record[r] = optimizer.norm(arena[x : x + m])
    elif op == Operation.UPDATE:
        counters[row[Q]] += 1
        optimizer.update(
            row[T], constants[c : c + optimizer.CONSTANTS], arena[x : x + m], arena[y : y + m], arena[w : w + m],
            arena[b : b + m], arena[s : s + m], counters[row[Q]], counters[STEP],
        )  # fmt: skip
    elif op == Operation.CLIP:
        optimizer.clip(arena[x : x + m], constants[c])
    else:
        record[r] = optimizer.share_at_bound(arena[x : x + m], constants[c])


LINE = 64
"""Bytes of a cache line."""
HUGE = 2**21
"""Bytes of a huge page."""


def new_arena(size: int, bits: int) -> np.ndarray[tuple[int], np.dtype[np.floating]]:
    """Make an arena of zeros whose first number lies at the start of a cache line.

    A large one asks for huge pages where the system has them: products of wide layers step over more small pages
    than a processor remembers the places of.
    """
    dtype = np.dtype(np.float32 if bits == 32 else np.float64)
    needed = size * dtype.itemsize
    if needed > HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        pages = mmap.mmap(-1, needed + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # A system may be built without them: then the pages stay small.
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
        raw = np.frombuffer(pages, np.uint8)
        start = -raw.ctypes.data % HUGE
    else:
        raw = np.zeros(needed + LINE, np.uint8)
        start = -raw.ctypes.data % LINE
    return raw[start : start + needed].view(dtype)
