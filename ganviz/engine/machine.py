# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""The machine: one compiled loop that carries out programs of matrix instructions on one flat array of numbers.

All that training and measuring compute are programs for this machine, written by `ganviz.engine.program`. So no
change of depth, width, loss or optimizer compiles anything, there is one compiled kernel for each precision, and
every program gives the same bits whatever else was compiled or loaded before.

An instruction is a row of twelve integers: the operation, places in the array of numbers (the *arena*), sizes, and
places among the constants and the columns of the record. The table of operations below says what each one reads.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from . import activation, linear, objective, optimizer, random
from .compiler import inlined, kernel
from .data import fill_real


class Operation(IntEnum):
    """What an instruction does; X, Y, W, B are places in the arena, M, K, N sizes unless said otherwise."""

    AFFINE = 0
    """y (m, n) = x (m, k) @ w (k, n) + b (n), where b is a place or -1; s: scratch (k)."""
    WEIGHT_GRADIENT = 1
    """y (k, n) = transpose of x (m, k) @ w (m, n); s: scratch (k m + m)."""
    INPUT_GRADIENT = 2
    """y (m, k) = x (m, n) @ transpose of w (k, n); s: scratch (n k + n)."""
    COLUMN_SUM = 3
    """y (n) = sum over the rows of x (m, n)."""
    ACTIVATE = 4
    """Activation n on x (m) in place."""
    PULL_BACK = 5
    """y (m) times the derivative of activation n where its value is x (m), in place."""
    COPY = 6
    """y (m) = x (m)."""
    REAL = 7
    """Real samples into y (m, n); stream s, update t, of the current step if k is 1, else of step 0."""
    NOISE = 8
    """Noise of kind n into y (m); stream s, update t, step as for REAL."""
    INSTANCE_NOISE = 9
    """Instance noise onto y (m); x: scratch (m); constants: standard deviation, decay steps; stream s, update t."""
    DISCRIMINATOR_LOSS = 10
    """Loss n of outputs x (2 m), reals first, derivative into y (2 m); constants: both labels; record: loss, then
    means of raw outputs on real and fake and of their sigmoids."""
    GENERATOR_LOSS = 11
    """Loss n of outputs x (m), derivative into y (m); record: loss."""
    NORM = 12
    """Euclidean norm of x (m) into the record."""
    UPDATE = 13
    """Optimizer n: parameters x (m), gradient y, moments w and b; constants: rate, decays, epsilon; counter s."""
    CLIP = 14
    """Cut x (m) to the constant on both sides."""
    SHARE_AT_BOUND = 15
    """Share of x (m) at the constant or beyond, into the record."""
    FINITE = 16
    """End the program unless all of x (m) is finite."""
    NEXT = 17
    """Count a finished step."""
    UNIFORM = 18
    """Numbers uniform between the two constants into y (m); stream s, update t."""
    NORMAL = 19
    """Normal numbers, standard deviation the constant, into y (m); stream s, update t."""


WIDTH = 12
OP, X, Y, W, B, M, K, N, S, T, F, R = range(WIDTH)
STEP = 0
"""Place of the number of finished steps among the counters; the others count each player's updates."""

NOISE_KINDS = {"normal": 0, "uniform": 1}

# Numba sees plain integers.
_AFFINE, _WEIGHT_GRADIENT, _INPUT_GRADIENT, _COLUMN_SUM, _ACTIVATE, _PULL_BACK, _COPY = range(7)
_REAL, _NOISE, _INSTANCE_NOISE, _DISCRIMINATOR_LOSS, _GENERATOR_LOSS, _NORM, _UPDATE = range(7, 14)
_CLIP, _SHARE_AT_BOUND, _FINITE, _NEXT, _UNIFORM, _NORMAL = range(14, 20)


@kernel
def execute(program, constants, arena, counters, data, seed, records, steps):
    """Carry out a program a number of times.

    Parameters
    ----------
    program : int64 (instructions, 12)
    constants : float64 (c,)
    arena : float32 or float64 (size,)
    counters : int64 (1 + players,)
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
        for place in range(program.shape[0]):
            row = program[place]
            op, x, y, w, b = row[OP], row[X], row[Y], row[W], row[B]
            m, k, n, s, t, f, r = row[M], row[K], row[N], row[S], row[T], row[F], row[R]
            step = counters[STEP]
            if op == _AFFINE or op == _WEIGHT_GRADIENT or op == _INPUT_GRADIENT:
                _product(op, arena, x, y, w, b, m, k, n, s)
            elif op == _COLUMN_SUM:
                linear.column_sum(arena[x : x + m * n].reshape((m, n)), arena[y : y + n])
            elif op == _ACTIVATE:
                activation.activate(n, arena[x : x + m])
            elif op == _PULL_BACK:
                activation.pull_back(n, arena[x : x + m], arena[y : y + m])
            elif op == _COPY:
                _copy(arena[x : x + m], arena[y : y + m])
            elif op == _REAL:
                fill_real(data, arena[y : y + m * n].reshape((m, n)), s, t, step * k, seed)
            elif op == _NOISE or op == _UNIFORM or op == _NORMAL:
                _draw(op, arena[y : y + m], constants, f, n, s, t, step * k, seed)
            elif op == _INSTANCE_NOISE:
                _instance_noise(arena[x : x + m], arena[y : y + m], constants, f, s, t, step, seed)
            elif op == _DISCRIMINATOR_LOSS:
                record[r] = objective.discriminator_loss(
                    n, constants[f], constants[f + 1], arena[x : x + 2 * m], m, arena[y : y + 2 * m],
                    record[r + 1 : r + 5],
                )  # fmt: skip
            elif op == _GENERATOR_LOSS:
                record[r] = objective.generator_loss(n, arena[x : x + m], m, arena[y : y + m])
            elif op == _NORM:
                record[r] = optimizer.norm(arena[x : x + m])
            elif op == _UPDATE:
                counters[s] += 1
                optimizer.update(
                    n, constants[f], constants[f + 1], constants[f + 2], constants[f + 3],
                    arena[x : x + m], arena[y : y + m], arena[w : w + m], arena[b : b + m], counters[s],
                )  # fmt: skip
            elif op == _CLIP:
                optimizer.clip(arena[x : x + m], constants[f])
            elif op == _SHARE_AT_BOUND:
                record[r] = optimizer.share_at_bound(arena[x : x + m], constants[f])
            elif op == _FINITE:
                if not optimizer.finite(arena[x : x + m]):
                    return index
            else:
                counters[STEP] = step + 1
    return steps


@inlined
def _product(op, arena, x, y, w, b, m, k, n, s):
    """Turn each of the three products into one of plain rows: a transposed factor is copied transposed first."""
    none = arena[:0]
    if op == _AFFINE:
        left = arena[x : x + m * k].reshape((m, k))
        right = arena[w : w + k * n].reshape((k, n))
        bias = arena[b : b + n] if b >= 0 else none
        out = arena[y : y + m * n].reshape((m, n))
        column = arena[s : s + k]
    elif op == _WEIGHT_GRADIENT:
        left = arena[s : s + k * m].reshape((k, m))
        linear.transpose(arena[x : x + m * k].reshape((m, k)), left)
        right = arena[w : w + m * n].reshape((m, n))
        bias = none
        out = arena[y : y + k * n].reshape((k, n))
        column = arena[s + k * m : s + k * m + m]
    else:
        right = arena[s : s + n * k].reshape((n, k))
        linear.transpose(arena[w : w + k * n].reshape((k, n)), right)
        left = arena[x : x + m * n].reshape((m, n))
        bias = none
        out = arena[y : y + m * k].reshape((m, k))
        column = arena[s + n * k : s + n * k + n]
    linear.affine(left, right, bias, out, column)


@inlined
def _copy(source, out):
    for i in range(out.size):
        out[i] = source[i]


@inlined
def _draw(op, out, constants, f, kind, stream, update, step, seed):
    if op == _NOISE and kind == 1:
        random.fill_uniform(out, -1.0, 1.0, stream, update, step, seed)
    elif op == _UNIFORM:
        random.fill_uniform(out, constants[f], constants[f + 1], stream, update, step, seed)
    else:
        random.fill_normal(out, stream, update, step, seed)
        if op == _NORMAL:
            std = out.dtype.type(constants[f])
            for i in range(out.size):
                out[i] *= std


@inlined
def _instance_noise(noise, out, constants, f, stream, update, step, seed):
    std = constants[f]
    decay_steps = constants[f + 1]
    if decay_steps > 0:
        std *= max(0.0, 1.0 - step / decay_steps)
    if std > 0:
        factor = out.dtype.type(std)
        random.fill_normal(noise, stream, update, step, seed)
        for i in range(out.size):
            out[i] += factor * noise[i]


def new_arena(size: int, bits: int) -> np.ndarray[tuple[int], np.dtype[np.floating]]:
    """Make an arena of zeros whose first number lies at the start of a cache line."""
    dtype = np.dtype(np.float32 if bits == 32 else np.float64)
    line = 64
    raw = np.zeros(size * dtype.itemsize + line, np.uint8)
    start = -raw.ctypes.data % line
    return raw[start : start + size * dtype.itemsize].view(dtype)
