# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Activations and the other functions of one number: each with its first three derivatives.

A derivative is taken from what is at hand: for most functions from their value y, so that what went in need not be
kept; for softplus, gelu and sine, whose value does not tell the place (or not well), from what went in. Every
function here is closed under differentiation up to the third order, which is what a penalty on gradients inside an
unrolled update asks for.
"""

from __future__ import annotations

import math

from . import elementary
from .compiler import inlined

CODES = {
    "linear": 0, "relu": 1, "leaky-relu": 2, "tanh": 3, "sigmoid": 4, "softplus": 5, "elu": 6, "gelu": 7, "sine": 8,
}  # fmt: skip
"""maxout is not among them: it takes two numbers, see `ganviz.engine.graph.Graph.select`."""
LINEAR, RELU, LEAKY_RELU, TANH, SIGMOID, SOFTPLUS, ELU, GELU, SINE = range(9)
PIECEWISE_LINEAR = frozenset({LINEAR, RELU, LEAKY_RELU})
FROM_INPUT = frozenset({SOFTPLUS, GELU, SINE})
"""Functions whose derivatives are taken from what went in; those of the others from their value."""
ORDERS = 3
"""Derivatives that are known."""
LEAK = 0.2
"""Slope of leaky-relu below zero."""

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


@inlined
def activate(code, x, y):
    """Set y to a function of x; both are one-dimensional and may be the same array."""
    number = y.dtype.type
    zero, one = number(0), number(1)
    if code == RELU:
        for i in range(y.size):
            # Written so that not-a-number passes through and is found.
            y[i] = zero if x[i] < zero else x[i]
    elif code == LEAKY_RELU:
        leak = number(LEAK)
        for i in range(y.size):
            y[i] = x[i] * leak if x[i] < zero else x[i]
    elif code == TANH:
        for i in range(y.size):
            y[i] = elementary.tanh(x[i])
    elif code == SIGMOID:
        for i in range(y.size):
            y[i] = elementary.sigmoid(x[i])
    elif code == SOFTPLUS:
        for i in range(y.size):
            y[i] = elementary.softplus(x[i])
    elif code == ELU:
        for i in range(y.size):
            low = elementary.expm1(min(x[i], zero))
            y[i] = low if x[i] < zero else x[i]
    elif code == GELU:
        half, root = number(0.5), number(_ROOT_HALF)
        for i in range(y.size):
            y[i] = half * x[i] * (one + elementary.erf(root * x[i]))
    elif code == SINE:
        for i in range(y.size):
            y[i] = elementary.sine(x[i])
    else:
        for i in range(y.size):
            y[i] = x[i]


@inlined
def pull(code, order, v, out):
    """Multiply out by a function's derivative of some order, in place.

    ``v`` is the function's value, or what went in for the codes in FROM_INPUT. relu has derivative 0 at 0, leaky-relu
    0.2.
    """
    number = out.dtype.type
    zero, one, two = number(0), number(1), number(2)
    if code == RELU:
        for i in range(out.size):
            out[i] = out[i] if v[i] > zero else zero
    elif code == LEAKY_RELU:
        leak = number(LEAK)
        for i in range(out.size):
            out[i] = out[i] if v[i] > zero else out[i] * leak
    elif code == TANH:
        if order == 1:
            for i in range(out.size):
                out[i] *= one - v[i] * v[i]
        elif order == 2:
            for i in range(out.size):
                out[i] *= two * v[i] * (v[i] * v[i] - one)
        else:
            six = number(6)
            for i in range(out.size):
                square = v[i] * v[i]
                out[i] *= (one - square) * (six * square - two)
    elif code == SIGMOID or code == SOFTPLUS:
        _pull_logistic(code, order, v, out)
    elif code == ELU:
        for i in range(out.size):
            out[i] *= v[i] + one if v[i] <= zero else (one if order == 1 else zero)
    elif code == GELU:
        _pull_gelu(order, v, out)
    elif code == SINE:
        if order == 2:
            for i in range(out.size):
                out[i] *= -elementary.sine(v[i])
        else:
            sign = one if order == 1 else -one
            for i in range(out.size):
                out[i] *= sign * elementary.cosine(v[i])


@inlined
def _pull_logistic(code, order, v, out):
    """Multiply by a derivative of sigmoid, or of softplus, whose first derivative it is."""
    number = out.dtype.type
    one, two, six = number(1), number(2), number(6)
    if code == SOFTPLUS:
        for i in range(out.size):
            s = elementary.sigmoid(v[i])
            # Not 1 - s, of which nothing is left where s is near 1.
            first = s * elementary.sigmoid(-v[i])
            out[i] *= s if order == 1 else (first if order == 2 else first * (one - two * s))
    else:
        for i in range(out.size):
            s = v[i]
            first = s * (one - s)
            second = first * (one - two * s)
            out[i] *= first if order == 1 else (second if order == 2 else first * (one - six * first))


@inlined
def _pull_gelu(order, v, out):
    """Multiply by a derivative of x Phi(x): Phi + x phi, (2 - x^2) phi, (x^3 - 4 x) phi."""
    number = out.dtype.type
    half, one, two, four = number(0.5), number(1), number(2), number(4)
    root, scale = number(_ROOT_HALF), number(_DENSITY)
    for i in range(out.size):
        x = v[i]
        density = scale * elementary.exp(-half * x * x)
        if order == 1:
            out[i] *= half * (one + elementary.erf(root * x)) + x * density
        else:
            out[i] *= density * (two - x * x if order == 2 else x * (x * x - four))


@inlined
def power(exponent, x, y):
    """Set y to x to a power; not-a-number passes, and 0 to a negative power is 0.

    That last value is a derivative's at the root of a norm, where it is multiplied by 0.
    """
    number = y.dtype.type
    zero, one = number(0), number(1)
    if exponent == 0.5:
        for i in range(y.size):
            y[i] = math.sqrt(x[i])
    elif exponent == -0.5:
        for i in range(y.size):
            y[i] = zero if x[i] == zero else one / math.sqrt(x[i])
    elif exponent == -1.0:
        for i in range(y.size):
            y[i] = zero if x[i] == zero else one / x[i]
    else:
        for i in range(y.size):
            y[i] = zero if x[i] == zero else number(x[i] ** exponent)


@inlined
def exponential(less_one, x, y):
    """Set y to exp(x), or to exp(x) - 1."""
    if less_one:
        for i in range(y.size):
            y[i] = elementary.expm1(x[i])
    else:
        for i in range(y.size):
            y[i] = elementary.exp(x[i])
