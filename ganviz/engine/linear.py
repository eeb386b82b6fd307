# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Matrix products, written so that the compiler turns their inner loops into vector instructions.

All matrices are row-major and contiguous. A product with a transposed factor copies the factor transposed first:
the copy is one part in (rows of the other factor) of the product's work.
"""

from __future__ import annotations

from .compiler import inlined

NARROW = 8
"""Below this number of columns a row is too short for vectors: such products are made of dot products."""


@inlined
def affine(x, w, bias, y, column):
    """Set y (m, n) to x (m, k) @ w (k, n) + bias; bias has n entries, or none.

    ``column`` is scratch space of at least k entries.
    """
    m, k = x.shape
    n = w.shape[1]
    if n < NARROW:
        _affine_narrow(x, w, bias, y, column)
        return
    for i in range(0, m - m % 4, 4):
        _four_rows(x, w, bias, y, i, k, n)
    for i in range(m - m % 4, m):
        _one_row(x[i], w, bias, y[i], k, n)


@inlined
def _start(row, bias, n):
    if bias.size:
        for j in range(n):
            row[j] = bias[j]
    else:
        for j in range(n):
            row[j] = 0


@inlined
def _four_rows(x, w, bias, y, i, k, n):
    """Four rows of the product at once: each row of w that is loaded serves four times."""
    x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
    y0, y1, y2, y3 = y[i], y[i + 1], y[i + 2], y[i + 3]
    _start(y0, bias, n)
    _start(y1, bias, n)
    _start(y2, bias, n)
    _start(y3, bias, n)
    last = k - k % 4
    for p in range(0, last, 4):
        w0, w1, w2, w3 = w[p], w[p + 1], w[p + 2], w[p + 3]
        a0, a1, a2, a3 = x0[p], x0[p + 1], x0[p + 2], x0[p + 3]
        b0, b1, b2, b3 = x1[p], x1[p + 1], x1[p + 2], x1[p + 3]
        c0, c1, c2, c3 = x2[p], x2[p + 1], x2[p + 2], x2[p + 3]
        d0, d1, d2, d3 = x3[p], x3[p + 1], x3[p + 2], x3[p + 3]
        for j in range(n):
            y0[j] += a0 * w0[j] + a1 * w1[j] + a2 * w2[j] + a3 * w3[j]
            y1[j] += b0 * w0[j] + b1 * w1[j] + b2 * w2[j] + b3 * w3[j]
            y2[j] += c0 * w0[j] + c1 * w1[j] + c2 * w2[j] + c3 * w3[j]
            y3[j] += d0 * w0[j] + d1 * w1[j] + d2 * w2[j] + d3 * w3[j]
    for p in range(last, k):
        row = w[p]
        a0, b0, c0, d0 = x0[p], x1[p], x2[p], x3[p]
        for j in range(n):
            y0[j] += a0 * row[j]
            y1[j] += b0 * row[j]
            y2[j] += c0 * row[j]
            y3[j] += d0 * row[j]


@inlined
def _one_row(x, w, bias, y, k, n):
    _start(y, bias, n)
    for p in range(k):
        row = w[p]
        a = x[p]
        for j in range(n):
            y[j] += a * row[j]


@inlined
def _affine_narrow(x, w, bias, y, column):
    m, k = x.shape
    for j in range(w.shape[1]):
        for p in range(k):
            column[p] = w[p, j]
        for i in range(m):
            row = x[i]
            total = column[0] * 0
            for p in range(k):
                total += row[p] * column[p]
            y[i, j] = total
        if bias.size:
            for i in range(m):
                y[i, j] += bias[j]


@inlined
def transpose(a, out):
    """Set out (n, m) to the transpose of a (m, n), in tiles that stay in the first cache."""
    m, n = a.shape
    for i0 in range(0, m, 16):
        for j0 in range(0, n, 16):
            for i in range(i0, min(i0 + 16, m)):
                for j in range(j0, min(j0 + 16, n)):
                    out[j, i] = a[i, j]


@inlined
def column_sum(a, out):
    """Set out (n) to the sum over the rows of a (m, n)."""
    for j in range(out.size):
        out[j] = 0
    for i in range(a.shape[0]):
        row = a[i]
        for j in range(out.size):
            out[j] += row[j]
