# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Random numbers that are addressed, not stored: each is a function of seed, stream, step and place.

Philox 4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The key is
the seed; the counter holds place, stream, update within the step, and step. Nothing has to be saved to go on, and
two runs with the same seed meet the same real samples and the same noise whatever else differs between them.

A place has a block of four 32-bit words. Blocks are drawn for many samples at once into four *planes*: word s of the
sample's block b is entry b of plane s. Everything that is made of the words is made plane by plane, in loops that
become vector instructions. In both precisions the same words make the same numbers, up to rounding.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from .compiler import inlined, spliced, strict
from .elementary import fma, inserted, log_near_one, split, truncated_normal, unit_circle

# Streams. A new use takes a new number; an old number never changes its meaning.
REAL, DISCRIMINATOR_NOISE, GENERATOR_NOISE = 1, 2, 3
INSTANCE_REAL, INSTANCE_FAKE, INSTANCE_GENERATOR = 4, 5, 6
GENERATOR_INIT, DISCRIMINATOR_INIT = 7, 8
SHOWN_REAL, SHOWN_NOISE, REFERENCE = 9, 10, 11
NOISE_POOL, DATA_POOL = 12, 13
GENERATOR_REAL, MIX, DRAGAN, POWER = 14, 15, 16, 17
INSTANCE_GENERATOR_REAL = 18
FIELD_REAL, FIELD_NOISE, FIELD_BETWEEN = 19, 20, 21
PERFECT = 22

NORMAL, UNIFORM, TRUNCATED = range(3)
"""Kinds of noise: standard normal, uniform from -1 to 1, standard normal on condition of at most 2 in size."""

LANES = 16
"""Samples whose blocks lie side by side; those after them use up the blocks' other words first."""

# Typed, because Numba compiles a function anew for each literal number that it is called with.
MEMBERS, ORDER, ROWS = np.int64(0), np.int64(1), np.int64(2)
"""Updates of a pool's stream: the members' own numbers, the order of each epoch, the choice of rows of a file."""
_FIRST = np.int64(0)
_ROUNDS = 24

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


@inserted
def pack(typingctx, word, like):
    """Put a 32-bit word, given as uint64, into the bits of a floating point number of the type of ``like``."""
    if not isinstance(like, types.Float):
        return None

    def codegen(context, builder, signature, values):
        kind = context.get_value_type(like)
        bits = builder.trunc(values[0], ir.IntType(32))
        if like.bitwidth == 64:
            bits = builder.zext(bits, ir.IntType(64))
        return builder.bitcast(bits, kind)

    return like(types.uint64, like), codegen


@inserted
def unpack(typingctx, x):
    """Return the word, as uint64, that lies in the bits of a floating point number."""
    if not isinstance(x, types.Float):
        return None

    def codegen(context, builder, signature, values):
        bits = builder.bitcast(values[0], ir.IntType(x.bitwidth))
        return builder.zext(bits, ir.IntType(64)) if x.bitwidth == 32 else bits

    return types.uint64(x), codegen


@inserted
def _signed(typingctx, x):
    """Return the word in the bits of x as a number from -2^31 to 2^31 - 1, of the type of x."""
    if not isinstance(x, types.Float):
        return None

    def codegen(context, builder, signature, values):
        bits = builder.bitcast(values[0], ir.IntType(x.bitwidth))
        if x.bitwidth == 64:
            bits = builder.trunc(bits, ir.IntType(32))
        return builder.sitofp(bits, context.get_value_type(x))

    return x(x), codegen


@inserted
def _scale_lanes(typingctx, source, first, centre, spread, out, start):
    """Set LANES numbers of ``out`` from ``start`` on to centre + spread times those of ``source`` from ``first`` on."""

    def codegen(context, builder, signature, values):
        source, first, centre, spread, out, start = values
        kind = context.get_value_type(signature.args[0].dtype)
        vector, index = ir.VectorType(kind, LANES), ir.IntType(32)
        undefined, same = vector(ir.Undefined), ir.VectorType(index, LANES)([0] * LANES)

        def at(array, type_, place):
            data = cgutils.create_struct_proxy(type_)(context, builder, array).data
            return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())

        def fill(number):
            return builder.shuffle_vector(builder.insert_element(undefined, number, index(0)), undefined, same)

        align = signature.args[0].dtype.bitwidth // 8
        numbers = builder.load(at(source, signature.args[0], first), align=align)
        name = f"llvm.fmuladd.v{LANES}f{8 * align}"
        add = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        scaled = builder.call(add, [fill(spread), numbers, fill(centre)])
        builder.store(scaled, at(out, signature.args[4], start), align=align)
        return context.get_dummy_value()

    return types.void(source, types.int64, source.dtype, source.dtype, out, types.int64), codegen


@inlined
def philox(place, stream, update, step, seed):
    """Return four independent 32-bit numbers (in uint64) for one place of a stream."""
    c0 = np.uint64(place)
    c1 = (np.uint64(update) << np.uint64(8)) | np.uint64(stream)
    c2 = np.uint64(step)
    c3 = np.uint64(step) >> _SHIFT
    k0 = np.uint64(seed) & _MASK
    k1 = np.uint64(seed) >> _SHIFT
    for _ in range(10):
        # The upper halves of c0 ... c3 are of no meaning: a product of lower halves is a single instruction.
        p0 = _M0 * (c0 & _MASK)
        p1 = _M1 * (c2 & _MASK)
        c0 = (p1 >> _SHIFT) ^ c1 ^ k0
        c1 = p1
        c2 = (p0 >> _SHIFT) ^ c3 ^ k1
        c3 = p0
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0 & _MASK, c1 & _MASK, c2 & _MASK, c3 & _MASK


@inlined
def draw_words(planes, size, stream, update, step, seed):
    """Fill four planes of some size with the words of the places that are packed in the first one."""
    first, second = planes[:size], planes[size : 2 * size]
    third, fourth = planes[2 * size : 3 * size], planes[3 * size : 4 * size]
    for i in range(size):
        a, b, c, d = philox(unpack(first[i]), stream, update, step, seed)
        like = first[i]
        first[i] = pack(a, like)
        second[i] = pack(b, like)
        third[i] = pack(c, like)
        fourth[i] = pack(d, like)


@strict
def symmetric(x):
    """Turn a packed word into a number uniform on the open interval (-1, 1)."""
    number = type(x)
    return (_signed(x) + number(0.5)) * number(2.0**-31)


@strict
def log_uniform(x):
    """Turn a packed word into the logarithm of a number uniform on (0, 1), precise at both ends in 32 bits too."""
    number = type(x)
    t = number(0.5) * symmetric(x)
    # The uniform number is t or, for negative ones, 1 + t, which rounds badly next to 1.
    near = t > number(-0.29) and t < number(0)
    m, k = split(t if t > number(0) else number(1) + t)
    return log_near_one(t if near else m - number(1), number(0) if near else k)


@strict
def normal_pair(first, second):
    """Turn two packed words into two independent standard normal numbers (Box and Muller 1958)."""
    number = type(first)
    radius = math.sqrt(number(-2) * log_uniform(first))
    x, y = unit_circle(number(0.5) * symmetric(second))
    return radius * x, radius * y


@strict
def normal_pairs(first, second):
    """Turn two planes of words into independent standard normal numbers."""
    for i in range(first.size):
        first[i], second[i] = normal_pair(first[i], second[i])


@inlined
def _permute(members, size, stream, update, epoch, seed):
    """Move each of some packed integers below ``size`` to where a random permutation takes it.

    Hoang, Morris and Rogaway, "An enciphering scheme based on a card shuffle" (CRYPTO 2012): a round pairs each
    member with another, by a random reflection, and exchanges the two or not. It works for any size, without trials.
    """
    whole = np.uint64(size)
    for turn in range(_ROUNDS // 2):
        a, b, c, d = philox(np.uint64(turn), stream, update, epoch, seed)
        for half in range(2):
            centre = ((a if half == 0 else c) * whole) >> _SHIFT
            key = b if half == 0 else d
            for i in range(members.size):
                own = unpack(members[i])
                other = centre - own if own <= centre else centre + whole - own
                mixed = ((own if own > other else other) ^ key) * _M0
                mixed = ((mixed ^ (mixed >> _SHIFT)) & _MASK) * _M1
                members[i] = pack(other if (mixed >> np.uint64(47)) & np.uint64(1) else own, members[i])


@spliced
def pool_members(members, cursor, size, stream, seed):
    """Set packed integers to the members of a pool at positions from cursor on.

    Each epoch visits each of ``size`` members once, in an order of its own.
    """
    start = 0
    while start < members.size:
        epoch = (cursor + start) // size
        first = cursor + start - epoch * size
        stop = min(members.size, start + size - first)
        part = members[start:stop]
        for i in range(part.size):
            part[i] = pack(np.uint64(first + i), part[i])
        _permute(part, size, stream, ORDER, epoch, seed)
        start = stop


@inlined
def pool_rows(members, rows, stream, seed):
    """Turn packed members of a pool into the rows of a file that belong to it: distinct ones, and always the same."""
    _permute(members, rows, stream, ROWS, _FIRST, seed)


@inlined
def blocks(count, samples):
    """Return how many blocks serve a number of samples if each serves so many."""
    group = LANES * samples
    return (count + group - 1) // group * LANES


@spliced
def fill_noise(out, count, kind, mean, std, pool, cursor, stream, update, step, seed, words):
    """Fill the first columns of out (dimension, columns) with samples of noise, mean + std * base; the others with 0.

    Parameters
    ----------
    out : (dimension, columns)
        Sample i is column i. It is the same whatever ``count`` and the number of columns are.
    count : int
        Samples.
    kind : int
        NORMAL, UNIFORM or TRUNCATED.
    mean, std : float
    pool, cursor : int
        0: fresh samples from the stream, update and step. N: the members of a pool of N at positions cursor,
        cursor + 1, ... of its shuffled epochs.
    words : (at least 4 * count rounded up to a multiple of 16,)
        Scratch.
    """
    number = out.dtype.type
    centre, spread = number(mean), number(std)
    dimension, columns = out.shape
    groups = (dimension + 3) // 4
    # In one and two dimensions a block serves four and two samples.
    samples = 4 // dimension if dimension <= 2 and pool == 0 else 1
    size = blocks(count, samples)
    members = out[dimension - 1, :size]
    if pool > 0:
        # The last row is free until the end.
        pool_members(members, cursor, pool, np.int64(NOISE_POOL), seed)
        stream, update, step = NOISE_POOL, MEMBERS, _FIRST
    for group in range(groups):
        for i in range(size):
            place = unpack(members[i]) if pool > 0 else np.uint64(i)
            words[i] = pack(place * np.uint64(groups) + np.uint64(group), words[i])
        draw_words(words, size, stream, update, step, seed)
        used = 4 if samples > 1 else min(4, dimension - 4 * group)
        if kind == NORMAL:
            for pair in range((used + 1) // 2):
                start = 2 * pair * size
                normal_pairs(words[start : start + size], words[start + size : start + 2 * size])
        elif kind == UNIFORM:
            for i in range(used * size):
                words[i] = symmetric(words[i])
        else:
            for i in range(used * size):
                words[i] = truncated_normal(symmetric(words[i]))
        for plane in range(used):
            row = out[4 * group + (plane % dimension if samples > 1 else plane)]
            slot = plane // dimension if samples > 1 else 0
            source = words[plane * size : (plane + 1) * size]
            for first in range(0, size, LANES):
                start = first * samples + slot * LANES
                if start + LANES <= columns:
                    _scale_lanes(source, first, centre, spread, row, start)
                else:
                    for i in range(columns - start):
                        row[start + i] = fma(spread, source[first + i], centre)
            for i in range(count, columns):
                row[i] = number(0)


@inlined
def fill_uniform01(out, count, stream, update, step, seed, words):
    """Fill the first columns of out with numbers uniform on (0, 1); see `fill_noise`."""
    fill_noise(out, count, np.int64(UNIFORM), 0.5, 0.5, _FIRST, _FIRST, stream, update, step, seed, words)


@strict
def fill_flat_uniform(out, low, high, stream, update, step, seed):
    """Fill a one-dimensional array with numbers uniform on (low, high); each takes a place of its own."""
    number = out.dtype.type
    centre, spread = number(0.5 * (low + high)), number(0.5 * (high - low))
    for i in range(out.size):
        a, _, _, _ = philox(np.uint64(i), stream, update, step, seed)
        out[i] = fma(spread, symmetric(pack(a, centre)), centre)


@strict
def fill_flat_normal(out, std, stream, update, step, seed):
    """Fill a one-dimensional array with normal numbers; each takes a place of its own."""
    spread = out.dtype.type(std)
    for i in range(out.size):
        a, b, _, _ = philox(np.uint64(i), stream, update, step, seed)
        x, _ = normal_pair(pack(a, spread), pack(b, spread))
        out[i] = spread * x
