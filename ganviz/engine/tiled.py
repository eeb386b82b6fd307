# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false
"""Matrix products as tiles of vectors; see `ganviz.engine.simd` for the inner loops."""

from __future__ import annotations

from .compiler import inlined
from .simd import ROWS, VECTORS, dot_tile, lanes, tile, transpose_square

SHORT = 16
"""Inner dimension up to which a product is bound by writing its result."""
BLOCK = 128
"""Rows of the left factor that tiles go down before they go on along the columns: they stay in the second cache."""
_tile_8_3, _tile_8_2, _tile_8_1 = tile(8, 3), tile(8, 2), tile(8, 1)
_tile_4_3, _tile_4_2, _tile_4_1 = tile(4, 3), tile(4, 2), tile(4, 1)
_tile_2_3, _tile_2_2, _tile_2_1 = tile(2, 3), tile(2, 2), tile(2, 1)
_tile_1_3, _tile_1_2, _tile_1_1 = tile(1, 3), tile(1, 2), tile(1, 1)
_dot_4_4, _dot_4_1 = dot_tile(4, 4), dot_tile(4, 1)
_dot_2_4, _dot_2_1 = dot_tile(2, 4), dot_tile(2, 1)
_dot_1_4, _dot_1_1 = dot_tile(1, 4), dot_tile(1, 1)


@inlined
def product(arena, a, row_step, column_step, x, y, bias, m, k, n, start, end, mask):
    """Set y (m, n) to the product of the (m, k) matrix at a with x (k, n), and go on with it in registers.

    Parameters
    ----------
    a, row_step, column_step : int
        Entry (i, p) of the left factor lies at ``a + i * row_step + p * column_step``.
    bias : int
        Place of m numbers, the start of each row where ``start`` is FROM_BIAS.
    start : int
        FROM_ZERO, FROM_BIAS, or FROM_OUTPUT to add to what is there.
    end : int
        NOTHING; RELU or LEAKY: apply the activation; MASK_RELU or MASK_LEAKY: multiply by its derivative where
        its value is ``mask`` (m, n).
    """
    # Where much is summed, the columns of x that a tile reads stay in the first cache while the tiles go down the
    # rows. Where little is read and much is written, they go along the rows, as the result lies in memory.
    down = k > SHORT
    width = lanes(arena)
    top = i = j = 0
    bottom = min(m, BLOCK) if down else m
    while i < m and j < n:
        rows, vectors = _rows(m - i), _vectors((n - j) // width)
        _one_tile(
            arena, rows, vectors, a + i * row_step, row_step, column_step, x + j, n, y + i * n + j, bias + i,
            start, end, mask + i * n + j, k,
        )  # fmt: skip
        if down:
            i += rows
            if i >= bottom:
                i = top
                j += vectors * width
                if j >= n:
                    j = 0
                    i = top = bottom
                    bottom = min(m, top + BLOCK)
        else:
            j += vectors * width
            if j >= n:
                j = 0
                i += rows


@inlined
def _vectors(left):
    # Two and two keep more sums under way than three and one.
    return 2 if left == 4 and VECTORS == 3 else min(left, VECTORS)


@inlined
def _rows(left):
    rows = min(left, ROWS)
    return 8 if rows >= 8 else 4 if rows >= 4 else 2 if rows >= 2 else 1


@inlined
def _one_tile(arena, rows, vectors, a, row_step, column_step, x, n, y, bias, start, end, mask, k):
    if vectors == 3:
        if rows == 8:
            _tile_8_3(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
        elif rows == 4:
            _tile_4_3(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
        elif rows == 2:
            _tile_2_3(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
        else:
            _tile_1_3(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
    elif vectors == 2:
        if rows == 8:
            _tile_8_2(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
        elif rows == 4:
            _tile_4_2(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
        elif rows == 2:
            _tile_2_2(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
        else:
            _tile_1_2(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
    elif rows == 8:
        _tile_8_1(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
    elif rows == 4:
        _tile_4_1(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
    elif rows == 2:
        _tile_2_1(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)
    else:
        _tile_1_1(arena, a, row_step, column_step, x, n, y, bias, start, end, mask, k)


@inlined
def transpose(arena, x, y, m, n, stride):
    """Copy x (m, n) transposed to y (n, stride), whose last columns beyond m become zero."""
    width = lanes(arena)
    # Row by row of the result: what is written stays in the cache, and so do the pages that it lies in.
    for j in range(0, n, width):
        for i in range(0, m - m % width, width):
            transpose_square(arena, x + i * n + j, n, y + j * stride + i, stride)
    zero = arena.dtype.type(0)
    for i in range(m - m % width, stride):
        for j in range(n):
            arena[y + j * stride + i] = arena[x + i * n + j] if i < m else zero


@inlined
def outer(arena, x, w, y, k, m, n, add):
    """Set y (m, n), compact, to x (m, k) times the transpose of w (n, k), or add it to what is there."""
    i = 0
    while i < m:
        rows = 4 if m - i >= 4 else 2 if m - i >= 2 else 1
        j = 0
        while j < n:
            columns = 4 if n - j >= 4 else 1
            left, right, at = x + i * k, w + j * k, y + i * n + j
            if rows == 4:
                if columns == 4:
                    _dot_4_4(arena, left, right, k, k, at, n, add)
                else:
                    _dot_4_1(arena, left, right, k, k, at, n, add)
            elif rows == 2:
                if columns == 4:
                    _dot_2_4(arena, left, right, k, k, at, n, add)
                else:
                    _dot_2_1(arena, left, right, k, k, at, n, add)
            elif columns == 4:
                _dot_1_4(arena, left, right, k, k, at, n, add)
            else:
                _dot_1_1(arena, left, right, k, k, at, n, add)
            j += columns
        i += rows
