# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Matrix products as ordinary loops, which run on any processor; tests hold `ganviz.engine.tiled` to their answers."""

from __future__ import annotations

from .activation import LEAK
from .compiler import inlined
from .simd import FROM_BIAS, FROM_OUTPUT, LEAKY, MASK_RELU, NOTHING, RELU


@inlined
def product(arena, a, row_step, column_step, x, y, bias, m, k, n, start, end, mask):
    """Set y to a product and go on with it; the arguments are those of `ganviz.engine.tiled.product`."""
    number = arena.dtype.type
    zero, leak = number(0), number(LEAK)
    for i in range(m):
        row = arena[y + i * n : y + i * n + n]
        if start != FROM_OUTPUT:
            row[:] = arena[bias + i] if start == FROM_BIAS else zero
        for p in range(k):
            factor = arena[a + i * row_step + p * column_step]
            other = arena[x + p * n : x + p * n + n]
            for j in range(n):
                row[j] += factor * other[j]
        if end == RELU:
            for j in range(n):
                row[j] = zero if row[j] < zero else row[j]
        elif end == LEAKY:
            for j in range(n):
                row[j] = row[j] * leak if row[j] < zero else row[j]
        elif end != NOTHING:
            low = zero if end == MASK_RELU else leak
            value = arena[mask + i * n : mask + i * n + n]
            for j in range(n):
                row[j] = row[j] if value[j] > zero else row[j] * low


@inlined
def transpose(arena, x, y, m, n, stride):
    """Copy x (m, n) transposed to y (n, stride), whose last columns beyond m become zero."""
    zero = arena.dtype.type(0)
    for i in range(stride):
        for j in range(n):
            arena[y + j * stride + i] = arena[x + i * n + j] if i < m else zero


@inlined
def outer(arena, x, w, y, k, m, n, add):
    """Set y (m, n), compact, to x (m, k) times the transpose of w (n, k), or add it to what is there."""
    for i in range(m):
        for j in range(n):
            total = arena[y + i * n + j] if add else arena.dtype.type(0)
            one, other = arena[x + i * k : x + i * k + k], arena[w + j * k : w + j * k + k]
            for p in range(k):
                total += one[p] * other[p]
            arena[y + i * n + j] = total
