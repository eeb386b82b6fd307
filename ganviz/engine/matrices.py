# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""What the machine does with rows, columns and parts of batch matrices, beside products and functions of numbers.

A batch matrix (m, n) has n stored columns in groups of equal length, the first ``valid`` of each group are samples.
What is summed over samples leaves the padding out; what is spread over samples sets the padding to zero.
"""

from __future__ import annotations

import math

import numpy as np

from . import elementary
from .compiler import inlined, spliced
from .operation import B, C, G, K, M, N, Operation, Q, S, T, V, W, X, Y


@inlined
def combine(a, b, c, x, w, y, both):
    """Set y to a x + b w + c, or to a x + c."""
    number = y.dtype.type
    a, b, c = number(a), number(b), number(c)
    if both:
        for i in range(y.size):
            y[i] = a * x[i] + b * w[i] + c
    else:
        for i in range(y.size):
            y[i] = a * x[i] + c


@inlined
def means(x):
    """Return the mean of raw outputs, and the mean of their sigmoids."""
    total = probability = 0.0
    for i in range(x.size):
        total += x[i]
        probability += elementary.sigmoid(x[i])
    return total / x.size, probability / x.size


@spliced
def work(op, row, arena, constants):
    """Carry out one of the instructions ROW_SUM to POWER_ITERATION; see `ganviz.engine.operation`."""
    x, y, w, m, k, n, valid, groups, c = row[X], row[Y], row[W], row[M], row[K], row[N], row[V], row[G], row[C]
    if op <= Operation.SCALE_ROWS:
        _rows(op, arena, x, y, w, m, n, valid, groups)
    elif op <= Operation.SCALE_COLUMNS:
        _columns(op, arena, x, y, w, m, n)
    elif op == Operation.SCALE_BY:
        _scale_by(arena[x : x + m], arena[w], arena[y : y + m])
    elif op <= Operation.DOT:
        _all(op, arena, constants[c], x, y, w, m, n, valid, groups)
    elif op <= Operation.UNSELECT:
        _parts(op, arena, x, y, w, m, k, n, valid)
    elif op <= Operation.CLOSENESS_PULL:
        _closeness(op, arena, x, y, w, row[B], row[S], row[Q], row[T], m, k, n, valid)
    elif op <= Operation.NEARNESS_PULL:
        _nearness(op, arena, x, y, w, row[B], m, k, n, valid, groups, row[T])
    elif op == Operation.DEVIATION:
        arena[y] = _deviation(arena, x, m, n, valid, groups)
    elif op == Operation.PLANE:
        for i in range(m):
            for j in range(n):
                arena[y + i * n + j] = arena[x + i] * arena[w + j]
    else:
        _power_iteration(arena, x, row[B], w, m, n, k)


@inlined
def _scale_by(x, factor, y):
    for i in range(y.size):
        y[i] = x[i] * factor


@inlined
def _rows(op, arena, x, y, w, m, n, valid, groups):
    line = n // groups
    zero = arena.dtype.type(0)
    if op == Operation.SCALE_ROWS:
        for i in range(m):
            factor = arena[w + i]
            for start in range(i * n, i * n + n, line):
                one, out = arena[x + start : x + start + line], arena[y + start : y + start + line]
                for j in range(line):
                    out[j] = one[j] * factor if j < valid else zero
        return
    for i in range(m):
        total = zero
        for g in range(groups):
            start = i * n + g * line
            if op == Operation.ROW_SUM:
                one = arena[x + start : x + start + valid]
                for j in range(valid):
                    total += one[j]
            elif op == Operation.ROW_DOT:
                one, other = arena[x + start : x + start + valid], arena[w + start : w + start + valid]
                for j in range(valid):
                    total += one[j] * other[j]
            else:
                value = arena[x + i]
                out = arena[y + start : y + start + line]
                for j in range(line):
                    out[j] = value if j < valid else zero
        if op != Operation.SPREAD_ROWS:
            arena[y + i] = total


@inlined
def _columns(op, arena, x, y, w, m, n):
    zero = arena.dtype.type(0)
    if op == Operation.COLUMN_SUM or op == Operation.COLUMN_DOT:
        out = arena[y : y + n]
        for j in range(n):
            out[j] = zero
    for i in range(m):
        start = i * n
        if op == Operation.COLUMN_SUM:
            out, one = arena[y : y + n], arena[x + start : x + start + n]
            for j in range(n):
                out[j] += one[j]
        elif op == Operation.SPREAD_COLUMNS:
            out, one = arena[y + start : y + start + n], arena[x : x + n]
            for j in range(n):
                out[j] = one[j]
        else:
            one = arena[x + start : x + start + n]
            if op == Operation.COLUMN_DOT:
                out, other = arena[y : y + n], arena[w + start : w + start + n]
                for j in range(n):
                    out[j] += one[j] * other[j]
            else:
                out, other = arena[y + start : y + start + n], arena[w : w + n]
                for j in range(n):
                    out[j] = one[j] * other[j]


@inlined
def _all(op, arena, constant, x, y, w, m, n, valid, groups):
    line = n // groups
    zero = arena.dtype.type(0)
    total = 0.0
    value = arena[x] if op == Operation.SPREAD else arena.dtype.type(constant)
    for i in range(m):
        for g in range(groups):
            start = i * n + g * line
            if op == Operation.TOTAL:
                one = arena[x + start : x + start + valid]
                for j in range(valid):
                    total += one[j]
            elif op == Operation.DOT:
                one, other = arena[x + start : x + start + valid], arena[w + start : w + start + valid]
                for j in range(valid):
                    total += one[j] * other[j]
            else:
                out = arena[y + start : y + start + line]
                for j in range(line):
                    out[j] = value if j < valid else zero
    if op == Operation.TOTAL or op == Operation.DOT:
        arena[y] = arena.dtype.type(total)


@inlined
def _parts(op, arena, x, y, w, m, k, n, stride):
    zero = arena.dtype.type(0)
    for i in range(m):
        if op == Operation.COPY:
            one, out = arena[x + i * k : x + i * k + n], arena[y + i * stride : y + i * stride + n]
            for j in range(n):
                out[j] = one[j]
        elif op == Operation.ADD_ROWS:
            one, out = arena[x + i * k : x + i * k + n], arena[y + i * stride : y + i * stride + n]
            for j in range(n):
                out[j] += one[j]
        else:
            upper, lower = arena[x + i * n : x + i * n + n], arena[x + (m + i) * n : x + (m + i) * n + n]
            one = arena[w + i * n : w + i * n + n]
            if op == Operation.SELECT:
                other, out = arena[w + (m + i) * n : w + (m + i) * n + n], arena[y + i * n : y + i * n + n]
                for j in range(n):
                    out[j] = other[j] if upper[j] < lower[j] else one[j]
            else:
                out, below = arena[y + i * n : y + i * n + n], arena[y + (m + i) * n : y + (m + i) * n + n]
                for j in range(n):
                    second = upper[j] < lower[j]
                    out[j] = zero if second else one[j]
                    below[j] = one[j] if second else zero


@inlined
def _closeness(op, arena, x, y, w, b, s, weights, directions, m, k, n, valid):
    """See `ganviz.engine.graph.Graph.closeness`; features are blocks of k rows. Vectors run along the company."""
    number = arena.dtype.type
    zero = number(0)
    rows = m if op == Operation.CLOSENESS else m * k
    for i in range(rows * n):
        arena[y + i] = zero
    close, along = np.empty(valid, arena.dtype), np.empty(valid, arena.dtype)
    for feature in range(m):
        block = x + feature * k * n
        for i in range(valid):
            _distances(arena, block, i, k, n, close)
            for j in range(valid):
                close[j] = elementary.exp(-close[j])
            for direction in range(directions):
                place = (w if direction == 0 else b if direction == 1 else s) + feature * k * n
                for j in range(valid):
                    along[j] = zero
                for r in range(0, k * n, n):
                    row, other = arena[block + r : block + r + valid], arena[place + r : place + r + valid]
                    for j in range(valid):
                        difference, change = row[i] - row[j], other[i] - other[j]
                        along[j] -= change if difference > zero else (-change if difference < zero else zero)
                for j in range(valid):
                    close[j] *= along[j]
            if op == Operation.CLOSENESS:
                total = zero
                for j in range(valid):
                    total += close[j]
                arena[y + feature * n + i] = total
                continue
            weight = arena[weights + feature * n : weights + feature * n + valid]
            for j in range(valid):
                close[j] *= weight[i] + weight[j]
            for r in range(0, k * n, n):
                row = arena[block + r : block + r + valid]
                total = zero
                for j in range(valid):
                    difference = row[i] - row[j]
                    total += close[j] if difference > zero else (-close[j] if difference < zero else zero)
                arena[y + feature * k * n + r + i] = -total


@inlined
def _distances(arena, block, i, k, n, out):
    """Put the sum over k rows of how far sample i is from each sample into out (valid,)."""
    for j in range(out.size):
        out[j] = 0
    for r in range(block, block + k * n, n):
        row = arena[r : r + out.size]
        for j in range(out.size):
            out[j] += abs(row[i] - row[j])


@inlined
def _nearness(op, arena, x, y, w, weights, m, k, n, valid, stride, others):
    """See `ganviz.engine.graph.Graph.nearness`; the others' rows lie ``stride`` apart."""
    for i in range((m if op == Operation.NEARNESS else m * k) * n):
        arena[y + i] = 0
    for feature in range(m):
        for i in range(valid):
            if op == Operation.NEARNESS:
                # The sample itself, at no distance.
                arena[y + feature * n + i] = 1
            for j in range(others):
                distance = 0.0
                for r in range(feature * k, feature * k + k):
                    distance += abs(arena[x + r * n + i] - arena[w + r * stride + j])
                close = math.exp(-distance)
                if op == Operation.NEARNESS:
                    arena[y + feature * n + i] += arena.dtype.type(close)
                    continue
                close *= arena[weights + feature * n + i]
                for r in range(feature * k, feature * k + k):
                    difference = arena[x + r * n + i] - arena[w + r * stride + j]
                    sign = 1.0 if difference > 0 else (-1.0 if difference < 0 else 0.0 * difference)
                    arena[y + r * n + i] -= arena.dtype.type(close * sign)


@inlined
def _deviation(arena, x, m, n, valid, groups):
    line = n // groups
    count = m * groups * valid
    mean = 0.0
    square = 0.0
    for again in range(2):
        for i in range(m):
            for g in range(groups):
                start = x + i * n + g * line
                for j in range(start, start + valid):
                    if again:
                        square += (arena[j] - mean) ** 2
                    else:
                        mean += arena[j]
        if not again:
            mean /= count
    return arena.dtype.type(math.sqrt(square / count))


@inlined
def _power_iteration(arena, x, u, v, m, n, times):
    """Turn u (m) and v (n) towards the singular vectors of the largest singular value (Miyato et al. 2018, 2.1)."""
    for _ in range(times):
        for j in range(n):
            arena[v + j] = arena.dtype.type(0)
        for i in range(m):
            factor = arena[u + i]
            row, out = arena[x + i * n : x + i * n + n], arena[v : v + n]
            for j in range(n):
                out[j] += factor * row[j]
        _to_length_one(arena[v : v + n])
        for i in range(m):
            row, other = arena[x + i * n : x + i * n + n], arena[v : v + n]
            total = arena.dtype.type(0)
            for j in range(n):
                total += row[j] * other[j]
            arena[u + i] = total
        _to_length_one(arena[u : u + m])


@inlined
def _to_length_one(vector):
    total = 0.0
    for i in range(vector.size):
        total += np.float64(vector[i]) * np.float64(vector[i])
    factor = vector.dtype.type(1.0 / math.sqrt(total)) if total > 0 else vector.dtype.type(0)
    for i in range(vector.size):
        vector[i] *= factor
