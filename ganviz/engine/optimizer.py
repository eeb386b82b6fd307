# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Optimizers, each as PyTorch defines it, and weight clipping.

sgd and momentum: torch.optim.SGD; rmsprop: torch.optim.RMSprop without centring; adam: torch.optim.Adam, Kingma and
Ba (2015), algorithm 1. All state starts at zero.
"""

from __future__ import annotations

import math

import numpy as np

from .compiler import inlined

CODES = {"sgd": 0, "momentum": 1, "rmsprop": 2, "adam": 3}
SGD, MOMENTUM, RMSPROP, ADAM = range(4)


@inlined
def update(kind, learning_rate, decay1, decay2, epsilon, parameters, gradient, first, second, count):
    """Move parameters (n,) along their gradient; ``count`` is the number of this update, from 1.

    ``decay1`` is Adam's beta 1 or the momentum, ``decay2`` beta 2 or RMSProp's decay.
    """
    number = parameters.dtype.type
    rate = number(learning_rate)
    keep1, keep2 = number(decay1), number(decay2)
    rest1, rest2 = number(1.0 - decay1), number(1.0 - decay2)
    small = number(epsilon)
    n = parameters.size
    if kind == SGD:
        for i in range(n):
            parameters[i] -= rate * gradient[i]
    elif kind == MOMENTUM:
        for i in range(n):
            first[i] = keep1 * first[i] + gradient[i]
            parameters[i] -= rate * first[i]
    elif kind == RMSPROP:
        for i in range(n):
            second[i] = keep2 * second[i] + rest2 * gradient[i] * gradient[i]
            parameters[i] -= rate * gradient[i] / (math.sqrt(second[i]) + small)
    else:
        # Bias corrections in 64 bits, as PyTorch computes them.
        rate = number(learning_rate / (1.0 - decay1**count))
        root = number(1.0 / math.sqrt(1.0 - decay2**count))
        for i in range(n):
            first[i] = keep1 * first[i] + rest1 * gradient[i]
            second[i] = keep2 * second[i] + rest2 * gradient[i] * gradient[i]
            parameters[i] -= rate * first[i] / (math.sqrt(second[i]) * root + small)


@inlined
def clip(parameters, bound):
    """Cut every parameter to [-bound, bound] in place (WGAN, algorithm 1, line 7)."""
    high = parameters.dtype.type(bound)
    low = -high
    for i in range(parameters.size):
        value = parameters[i]
        # Comparisons that leave not-a-number as it is, so that it is found.
        value = high if value > high else value
        parameters[i] = low if value < low else value


@inlined
def share_at_bound(parameters, bound):
    """Return the share of parameters at the clip bound or beyond it."""
    high = parameters.dtype.type(bound)
    count = 0
    for i in range(parameters.size):
        if abs(parameters[i]) >= high:
            count += 1
    return count / parameters.size


@inlined
def norm(gradient):
    """Return the Euclidean norm."""
    total = 0.0
    for i in range(gradient.size):
        value = np.float64(gradient[i])
        total += value * value
    return math.sqrt(total)


@inlined
def finite(parameters):
    """Tell whether all parameters are finite: zero times anything else is not zero."""
    zero = parameters.dtype.type(0)
    total = zero
    for i in range(parameters.size):
        total += zero * parameters[i]
    return total == zero
