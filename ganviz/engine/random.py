# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Random numbers that are addressed, not stored: each is a function of seed, stream, step and place.

Philox 4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The key is
the seed; the counter holds place, stream, update within the step, and step. Nothing has to be saved to go on, and
two runs with the same seed meet the same real samples and the same noise whatever else differs between them.
"""

from __future__ import annotations

import math

import numpy as np

from .compiler import inlined

# Streams. A new use takes a new number; an old number never changes its meaning.
REAL, DISCRIMINATOR_NOISE, GENERATOR_NOISE = 1, 2, 3
INSTANCE_REAL, INSTANCE_FAKE, INSTANCE_GENERATOR = 4, 5, 6
GENERATOR_INIT, DISCRIMINATOR_INIT = 7, 8
SHOWN_REAL, SHOWN_NOISE, REFERENCE = 9, 10, 11

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_UNIT = 2.0**-32


@inlined
def philox(place, stream, update, step, seed):
    """Return four independent 32-bit numbers (in uint64) for one place of a stream."""
    c0 = np.uint64(place)
    c1 = (np.uint64(update) << np.uint64(8)) | np.uint64(stream)
    c2 = np.uint64(step) & _MASK
    c3 = np.uint64(step) >> _SHIFT
    k0 = np.uint64(seed) & _MASK
    k1 = np.uint64(seed) >> _SHIFT
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _SHIFT) ^ c1 ^ k0
        c1 = p1 & _MASK
        c2 = (p0 >> _SHIFT) ^ c3 ^ k1
        c3 = p0 & _MASK
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@inlined
def uniforms(place, stream, update, step, seed):
    """Return four independent numbers, uniform on the open interval (0, 1)."""
    a, b, c, d = philox(place, stream, update, step, seed)
    return (
        (np.float64(a) + 0.5) * _UNIT,
        (np.float64(b) + 0.5) * _UNIT,
        (np.float64(c) + 0.5) * _UNIT,
        (np.float64(d) + 0.5) * _UNIT,
    )


@inlined
def normal_pair(u, v):
    """Turn two uniform numbers into two independent normal ones (Box and Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(u))
    angle = 2.0 * math.pi * v
    return radius * math.cos(angle), radius * math.sin(angle)


@inlined
def fill_uniform(out, low, high, stream, update, step, seed):
    """Fill a one-dimensional array with numbers uniform on (low, high)."""
    n = out.size
    width = high - low
    for block in range((n + 3) // 4):
        a, b, c, d = uniforms(block, stream, update, step, seed)
        i = 4 * block
        out[i] = low + width * a
        if i + 1 < n:
            out[i + 1] = low + width * b
        if i + 2 < n:
            out[i + 2] = low + width * c
        if i + 3 < n:
            out[i + 3] = low + width * d


@inlined
def fill_normal(out, stream, update, step, seed):
    """Fill a one-dimensional array with standard normal numbers."""
    n = out.size
    for block in range((n + 3) // 4):
        a, b, c, d = uniforms(block, stream, update, step, seed)
        p, q = normal_pair(a, b)
        r, s = normal_pair(c, d)
        i = 4 * block
        out[i] = p
        if i + 1 < n:
            out[i + 1] = q
        if i + 2 < n:
            out[i + 2] = r
        if i + 3 < n:
            out[i + 3] = s
