"""Matrix products of feature-major batches: samples lie along the rows, so vectors run along the samples.

All arrays are places in one arena. A batch matrix (rows, columns) is row-major with a multiple of 16 columns; a weight
(inputs, outputs) is row-major and compact. With samples along the vectors, a weight is only ever read number by
number, so neither the forward nor the backward product needs a transposed copy of it, and narrow layers fill the
vectors as well as wide ones.

There are two implementations with the same answers to rounding: tiles in vector registers, and ordinary loops where
``GANVIZ_PLAIN`` is set in the environment.
"""

from __future__ import annotations

from .simd import (
    FROM_BIAS,
    FROM_OUTPUT,
    FROM_ZERO,
    LEAKY,
    MASK_LEAKY,
    MASK_RELU,
    NOTHING,
    PLAIN,
    RELU,
)  # fmt: skip

if PLAIN:
    from .plain import outer, product, transpose
else:
    from .tiled import outer, product, transpose

__all__ = [
    "FROM_BIAS", "FROM_OUTPUT", "FROM_ZERO", "LEAKY", "MASK_LEAKY", "MASK_RELU", "NOTHING", "RELU",
    "is_narrow", "outer", "product", "transpose",
]  # fmt: skip

NARROW = 16
"""Outer products with fewer rows or columns than this are made of scalar products, without a transposed copy."""


def is_narrow(m: int, n: int) -> bool:
    """Whether `outer` is best for a product (m, n) of long rows; else a product with a transposed factor is."""
    return m < NARROW or n < NARROW
