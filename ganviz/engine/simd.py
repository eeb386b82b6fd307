# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false
"""The inner loops of matrix products, written as vector instructions that fit the host's registers.

A product is cut into tiles whose accumulators stay in registers: on a processor with 32 registers of 16 numbers
(AVX-512) 8 rows by 3 vectors, on others fewer. Each step of the inner loop loads the vectors of one row of the right
factor once and multiplies them by the tile's numbers of the left factor, so nearly every instruction is a fused
multiply-add. What follows a product anyway (activation, or multiplication by its derivative) is done while the
tile is still in registers.

Where ``GANVIZ_PLAIN`` is set in the environment, `ganviz.engine.plain` serves instead: ordinary loops, which run on any
processor; tests hold both to the same answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .activation import LEAK

PLAIN = bool(os.environ.get("GANVIZ_PLAIN"))
"""Whether products are made of ordinary loops."""

# How a tile starts and ends; numbers, because a compiled program reads them.
FROM_ZERO, FROM_BIAS, FROM_OUTPUT = range(3)
NOTHING, RELU, LEAKY, MASK_RELU, MASK_LEAKY = range(5)


class Registers(NamedTuple):
    """What a processor's vector registers hold: their width in bytes, and the largest tile that fits them."""

    width: int
    rows: int
    vectors: int


def _registers() -> Registers:
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return Registers(64, 8, 3)
    if features.get("avx2") or features.get("avx"):
        return Registers(32, 4, 2)
    if features.get("neon") or "aarch64" in binding.get_default_triple():
        return Registers(16, 8, 2)
    return Registers(16, 4, 2)


REGISTERS = _registers()
ROWS = REGISTERS.rows
VECTORS = REGISTERS.vectors


class _Writer:
    """Writes vector instructions for arrays of one type into the function that is being compiled."""

    def __init__(self, context: Any, builder: Any, array: Any) -> None:
        self.b = builder
        self.number: Any = context.get_value_type(array.dtype)
        self.bytes = array.dtype.bitwidth // 8
        self.lanes = REGISTERS.width // self.bytes
        self.vector = ir.VectorType(self.number, self.lanes)
        self.index = ir.IntType(64)
        if REGISTERS.width == 64:
            # Without it LLVM cuts 512-bit vectors into halves on processors that it thinks prefer them.
            set.add(builder.function.attributes, '"min-legal-vector-width"="512"')

    def int(self, value: int) -> Any:
        return ir.Constant(self.index, value)

    def real(self, value: float) -> Any:
        return ir.Constant(self.number, value)

    def same(self, value: float) -> Any:
        """Return a vector of equal numbers."""
        return ir.Constant(self.vector, [value] * self.lanes)

    def spread(self, number: Any) -> Any:
        """Fill a vector with one number."""
        first = ir.Constant(ir.IntType(32), 0)
        undefined = ir.Constant(self.vector, ir.Undefined)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.b.shuffle_vector(self.b.insert_element(undefined, number, first), undefined, lanes)

    def at(self, pointer: Any, *terms: Any) -> Any:
        """Return the pointer moved by the sum of some numbers of elements."""
        place = terms[0]
        for term in terms[1:]:
            place = self.b.add(place, term)
        return self.b.gep(pointer, [place])

    def load(self, pointer: Any) -> Any:
        return self.b.load(self.b.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def store(self, vector: Any, pointer: Any) -> None:
        self.b.store(vector, self.b.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """Return x * y + z, fused where the processor can."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.bytes}"
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, name), [x, y, z])

    def total(self, vector: Any) -> Any:
        """Return the sum of a vector's numbers, in pairs of pairs."""
        kind = ir.FunctionType(self.number, [self.number, self.vector])
        name = f"llvm.vector.reduce.fadd.v{self.lanes}f{8 * self.bytes}"
        function = cgutils.get_or_insert_function(self.b.module, kind, name)
        return self.b.call(function, [self.real(0.0), vector], fastmath=("reassoc", "nsz"))

    def shuffle(self, x: Any, y: Any, lanes: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
        return self.b.shuffle_vector(x, y, mask)

    @contextmanager
    def count(self, stop: Any, step: int = 1) -> Generator[Any]:
        """Write a loop over 0, step, ... below stop."""
        with cgutils.for_range_slice(self.b, self.int(0), stop, self.int(step), self.index) as (index, _):
            yield index

    def variables(self, rows: int, vectors: int) -> list[list[Any]]:
        """Return accumulators, which LLVM keeps in registers."""
        return [[cgutils.alloca_once(self.b, self.vector) for _ in range(vectors)] for _ in range(rows)]


def _pointer(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return cgutils.create_struct_proxy(kind)(context, builder, array).data


def tile(rows: int, vectors: int) -> Any:
    """Make the inner loop for a tile of some rows and vectors.

    The function that is returned takes (arena, a, row step, column step, x, stride of x and y, y, bias, start, end,
    mask, k): it sets the tile at ``y`` to the product of the rows at ``a``, whose entry (i, p) lies at
    ``a + i * row step + p * column step``, with the k rows at ``x``, and then does what ``end`` says. ``start`` is
    one of FROM_ZERO, FROM_BIAS, FROM_OUTPUT.
    """

    @intrinsic
    def multiply(typingctx, arena, a, row_step, column_step, x, stride, y, bias, start, end, mask, k):
        whole = types.int64
        signature = types.void(arena, *[whole] * 11)

        def generate(context, builder, signature, arguments):
            w = _Writer(context, builder, signature.args[0])
            data = _pointer(context, builder, signature.args[0], arguments[0])
            a, row_step, column_step, x, stride, y, bias, start, end, mask, k = arguments[1:]
            tiles = w.variables(rows, vectors)
            _start_tile(w, tiles, data, y, stride, bias, start)
            with w.count(k) as p:
                row = builder.mul(p, stride)
                right = [w.load(w.at(data, x, row, w.int(v * w.lanes))) for v in range(vectors)]
                column = builder.mul(p, column_step)
                for r in range(rows):
                    left = w.spread(builder.load(w.at(data, a, column, builder.mul(w.int(r), row_step))))
                    for v in range(vectors):
                        place = tiles[r][v]
                        builder.store(w.multiply_add(left, right[v], builder.load(place)), place)
            _end_tile(w, tiles, data, y, stride, end, mask)
            return context.get_dummy_value()

        return signature, generate

    return multiply


def _places(w: _Writer, tiles: list[list[Any]], y: Any, stride: Any) -> Iterator[tuple[int, int, Any]]:
    for r, row in enumerate(tiles):
        for v in range(len(row)):
            yield r, v, w.b.add(w.b.add(y, w.b.mul(w.int(r), stride)), w.int(v * w.lanes))


def _start_tile(w: _Writer, tiles: list[list[Any]], data: Any, y: Any, stride: Any, bias: Any, start: Any) -> None:
    b = w.b
    for row in tiles:
        for place in row:
            b.store(w.same(0.0), place)
    with b.if_then(b.icmp_signed("==", start, w.int(FROM_BIAS))):
        for r, row in enumerate(tiles):
            number = w.spread(b.load(w.at(data, bias, w.int(r))))
            for place in row:
                b.store(number, place)
    with b.if_then(b.icmp_signed("==", start, w.int(FROM_OUTPUT))):
        for r, v, place in _places(w, tiles, y, stride):
            b.store(w.load(w.at(data, place)), tiles[r][v])


def _end_tile(w: _Writer, tiles: list[list[Any]], data: Any, y: Any, stride: Any, end: Any, mask: Any) -> None:
    b = w.b
    zero, leak = w.same(0.0), w.same(LEAK)
    for code in (RELU, LEAKY):
        with b.if_then(b.icmp_signed("==", end, w.int(code))):
            for row in tiles:
                for place in row:
                    value = b.load(place)
                    low = zero if code == RELU else b.fmul(value, leak)
                    # An ordered comparison: not-a-number passes through and is found.
                    b.store(b.select(b.fcmp_ordered("<", value, zero), low, value), place)
    with b.if_then(b.icmp_signed(">=", end, w.int(MASK_RELU))):
        low = w.spread(b.select(b.icmp_signed("==", end, w.int(MASK_RELU)), w.real(0.0), w.real(LEAK)))
        for r, v, place in _places(w, tiles, mask, stride):
            positive = b.fcmp_ordered(">", w.load(w.at(data, place)), zero)
            value = b.load(tiles[r][v])
            b.store(b.select(positive, value, b.fmul(value, low)), tiles[r][v])
    for r, v, place in _places(w, tiles, y, stride):
        w.store(b.load(tiles[r][v]), w.at(data, place))


def dot_tile(rows: int, columns: int) -> Any:
    """Make the inner loop for rows times columns scalar products of long rows.

    The function that is returned takes (arena, x, w, stride, length, y, stride of y, add): entry (i, j) at ``y``
    becomes the scalar product of row i at ``x`` and row j at ``w``, added to what is there if ``add`` is not 0.
    """

    @intrinsic
    def multiply(typingctx, arena, x, w, stride, length, y, y_stride, add):
        whole = types.int64
        signature = types.void(arena, *[whole] * 7)

        def generate(context, builder, signature, arguments):
            write = _Writer(context, builder, signature.args[0])
            data = _pointer(context, builder, signature.args[0], arguments[0])
            x, w, stride, length, y, y_stride, add = arguments[1:]
            sums = write.variables(rows, columns)
            for row in sums:
                for place in row:
                    builder.store(write.same(0.0), place)
            with write.count(length, write.lanes) as p:
                left = [write.load(write.at(data, x, p, builder.mul(write.int(i), stride))) for i in range(rows)]
                right = [write.load(write.at(data, w, p, builder.mul(write.int(j), stride))) for j in range(columns)]
                for i in range(rows):
                    for j in range(columns):
                        place = sums[i][j]
                        builder.store(write.multiply_add(left[i], right[j], builder.load(place)), place)
            again = builder.icmp_signed("!=", add, write.int(0))
            for i in range(rows):
                for j in range(columns):
                    place = write.at(data, y, builder.mul(write.int(i), y_stride), write.int(j))
                    before = builder.select(again, builder.load(place), write.real(0.0))
                    builder.store(builder.fadd(before, write.total(builder.load(sums[i][j]))), place)
            return context.get_dummy_value()

        return signature, generate

    return multiply


@intrinsic
def transpose_square(typingctx, arena, x, stride, y, y_stride):
    """Write the transpose of a square as wide as a vector from place x to place y, row by row of shuffles."""
    whole = types.int64
    signature = types.void(arena, *[whole] * 4)

    def generate(context, builder, signature, arguments):
        w = _Writer(context, builder, signature.args[0])
        data = _pointer(context, builder, signature.args[0], arguments[0])
        x, stride, y, y_stride = arguments[1:]
        n = w.lanes
        rows = [w.load(w.at(data, x, builder.mul(w.int(i), stride))) for i in range(n)]
        half = n // 2
        while half:
            # Exchange the off-diagonal quarters of every square of twice this size.
            swapped = list(rows)
            for i in range(n):
                if not i & half:
                    upper, lower = rows[i], rows[i + half]
                    swapped[i] = w.shuffle(upper, lower, [j if not j & half else n + j - half for j in range(n)])
                    swapped[i + half] = w.shuffle(upper, lower, [j + half if not j & half else n + j for j in range(n)])
            rows = swapped
            half //= 2
        for i in range(n):
            w.store(rows[i], w.at(data, y, builder.mul(w.int(i), y_stride)))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def lanes(typingctx, arena):
    """Return how many numbers a vector holds, a constant of the compiled code."""
    signature = types.int64(arena)
    count = REGISTERS.width // (arena.dtype.bitwidth // 8)

    def generate(context, builder, signature, arguments):
        return ir.Constant(ir.IntType(64), count)

    return signature, generate


def measure_peak(bits: int) -> Callable[[int], float]:
    """Make a function of a number of rounds that does nothing but fused multiply-adds in registers.

    Each round does ``peak_work(bits)`` floating point operations; the result keeps the compiler from dropping them.
    """
    dtype = types.float32 if bits == 32 else types.float64

    @intrinsic
    def work(typingctx: Any, rounds: Any, array: Any) -> Any:
        signature = dtype(types.int64, array)

        def generate(context, builder, signature, arguments):
            w = _Writer(context, builder, signature.args[1])
            data = _pointer(context, builder, signature.args[1], arguments[1])
            sums = w.variables(1, PEAK_CHAINS)[0]
            for place in sums:
                builder.store(w.load(data), place)
            factor = w.load(data)
            with w.count(arguments[0]):
                for _ in range(PEAK_REPEAT):
                    for place in sums:
                        builder.store(w.multiply_add(factor, builder.load(place), factor), place)
            result = builder.load(sums[0])
            for place in sums[1:]:
                result = builder.fadd(result, builder.load(place))
            return w.total(result)

        return signature, generate

    @numba.njit(nogil=True)
    def run(rounds, array):
        return work(rounds, array)  # pyright: ignore[reportCallIssue]

    zeros = np.zeros(64, np.float32 if bits == 32 else np.float64)
    return lambda rounds: float(run(rounds, zeros))


PEAK_CHAINS, PEAK_REPEAT = 12, 8


def peak_work(bits: int) -> int:
    """Return the floating point operations of one round of `measure_peak`."""
    return 2 * PEAK_CHAINS * PEAK_REPEAT * (REGISTERS.width * 8 // bits)
