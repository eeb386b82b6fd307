# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Activations: each a function and its derivative, the derivative in terms of the function's value."""

from __future__ import annotations

import math

from .compiler import inlined

CODES = {"linear": 0, "relu": 1, "leaky-relu": 2, "tanh": 3, "sigmoid": 4, "softplus": 5}
LINEAR, RELU, LEAKY_RELU, TANH, SIGMOID, SOFTPLUS = range(6)
LEAK = 0.2
"""Slope of leaky-relu below zero."""


@inlined
def sigmoid(t):
    """1 / (1 + exp(-t)), without overflow."""
    if t >= 0:
        return 1 / (1 + math.exp(-t))
    e = math.exp(t)
    return e / (1 + e)


@inlined
def softplus(t):
    """log(1 + exp(t)), without overflow."""
    return max(t, 0) + math.log1p(math.exp(-abs(t)))


@inlined
def activate(code, y):
    """Apply an activation in place to a one-dimensional array."""
    number = y.dtype.type
    if code == RELU:
        zero = number(0)
        for i in range(y.size):
            # Written so that not-a-number passes through and is found.
            y[i] = zero if y[i] < zero else y[i]
    elif code == LEAKY_RELU:
        zero, leak = number(0), number(LEAK)
        for i in range(y.size):
            y[i] = y[i] * leak if y[i] < zero else y[i]
    elif code == TANH:
        for i in range(y.size):
            y[i] = math.tanh(y[i])
    elif code == SIGMOID:
        for i in range(y.size):
            y[i] = sigmoid(y[i])
    elif code == SOFTPLUS:
        for i in range(y.size):
            y[i] = softplus(y[i])


@inlined
def pull_back(code, y, delta):
    """Multiply delta in place by the activation's derivative where its value is y; relu has derivative 0 at 0."""
    number = y.dtype.type
    one = number(1)
    if code == RELU:
        zero = number(0)
        for i in range(y.size):
            delta[i] = delta[i] if y[i] > zero else zero
    elif code == LEAKY_RELU:
        zero, leak = number(0), number(LEAK)
        for i in range(y.size):
            delta[i] = delta[i] if y[i] > zero else delta[i] * leak
    elif code == TANH:
        for i in range(y.size):
            delta[i] *= one - y[i] * y[i]
    elif code == SIGMOID:
        for i in range(y.size):
            delta[i] *= y[i] * (one - y[i])
    elif code == SOFTPLUS:
        for i in range(y.size):
            delta[i] *= -math.expm1(-y[i])
