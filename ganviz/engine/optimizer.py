# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Optimizers, each as its source defines it, learning-rate schedules, and weight clipping.

sgd and momentum: torch.optim.SGD; rmsprop: torch.optim.RMSprop without centring; adam: torch.optim.Adam, Kingma and
Ba (2015), algorithm 1, or with TensorFlow's epsilon, their section 2; rmsprop-tf1: tf.train.RMSPropOptimizer of
TensorFlow 1, which the code of the WGAN papers used: epsilon inside the root, mean square starting at one;
optimistic: Daskalakis et al. (2018), equation 5; optimistic-adam: their algorithm 1; extragradient: Korpelevich
(1976), whose two half steps are steps of sgd.
"""

from __future__ import annotations

import math

import numpy as np

from ganviz.experiment.sections import Optimizer

from .compiler import inlined

CODES = {
    "sgd": 0, "momentum": 1, "rmsprop": 2, "adam": 3, "rmsprop-tf1": 4, "optimistic": 5, "optimistic-adam": 6,
    "extragradient": 0,
}  # fmt: skip
SGD, MOMENTUM, RMSPROP, ADAM, RMSPROP_TF1, OPTIMISTIC, OPTIMISTIC_ADAM = range(7)
SCHEDULES = {"constant": 0, "linear": 1, "cosine": 2}
CONSTANT, LINEAR, COSINE = range(3)
CONSTANTS = 7


def constants(settings: Optimizer) -> tuple[float, ...]:
    """Return what `update` reads: rate, two decays, epsilon, whether it is TensorFlow's, schedule and its steps."""
    decay1 = {"adam": settings.beta1, "optimistic-adam": settings.beta1, "momentum": settings.momentum}
    decay2 = {
        "adam": settings.beta2, "optimistic-adam": settings.beta2, "rmsprop": settings.decay,
        "rmsprop-tf1": settings.decay,
    }  # fmt: skip
    return (
        settings.learning_rate,
        decay1.get(settings.kind, 0.0),
        decay2.get(settings.kind, 0.0),
        settings.epsilon,
        float(settings.tensorflow_epsilon and settings.kind in ("adam", "optimistic-adam")),
        float(SCHEDULES[settings.rate_schedule]),
        float(settings.rate_steps),
    )


def schedule(settings: Optimizer) -> tuple[float, ...]:
    """Return the learning rate, its schedule and the schedule's steps, as `rate_after` takes them."""
    return settings.learning_rate, float(SCHEDULES[settings.rate_schedule]), float(settings.rate_steps)


def second_moment_start(kind: str) -> float:
    """Return where the mean square of the gradient starts."""
    return 1.0 if kind == "rmsprop-tf1" else 0.0


@inlined
def rate_after(rate, schedule, steps, step):
    """Return the learning rate after some finished steps."""
    if schedule == CONSTANT:
        return rate
    share = min(step / steps, 1.0)
    return rate * (1.0 - share) if schedule == LINEAR else rate * 0.5 * (1.0 + math.cos(math.pi * share))


@inlined
def update(kind, values, parameters, gradient, first, second, third, count, step):
    """Move parameters (n,) along their gradient.

    ``values`` are `constants`; ``count`` is the number of this update, from 1; ``step`` the number of finished steps.
    """
    number = parameters.dtype.type
    learning_rate = rate_after(values[0], values[5], values[6], step)
    decay1, decay2, epsilon = values[1], values[2], values[3]
    rate = number(learning_rate)
    keep1, keep2 = number(decay1), number(decay2)
    rest1, rest2 = number(1.0 - decay1), number(1.0 - decay2)
    small, two = number(epsilon), number(2)
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
    elif kind == RMSPROP_TF1:
        for i in range(n):
            second[i] = keep2 * second[i] + rest2 * gradient[i] * gradient[i]
            parameters[i] -= rate * gradient[i] / math.sqrt(second[i] + small)
    elif kind == OPTIMISTIC:
        for i in range(n):
            parameters[i] -= rate * (two * gradient[i] - third[i])
            third[i] = gradient[i]
    else:
        # Bias corrections in 64 bits, as PyTorch computes them.
        correction = 1.0 / (1.0 - decay1**count)
        root64 = 1.0 / math.sqrt(1.0 - decay2**count)
        if values[4]:
            # TensorFlow adds epsilon before the bias correction of the root.
            epsilon /= math.sqrt(1.0 - decay2**count)
        size, root, small = number(correction), number(root64), number(epsilon)
        if kind == ADAM:
            rate = number(learning_rate * correction)
            for i in range(n):
                first[i] = keep1 * first[i] + rest1 * gradient[i]
                second[i] = keep2 * second[i] + rest2 * gradient[i] * gradient[i]
                parameters[i] -= rate * first[i] / (math.sqrt(second[i]) * root + small)
        else:
            for i in range(n):
                first[i] = keep1 * first[i] + rest1 * gradient[i]
                second[i] = keep2 * second[i] + rest2 * gradient[i] * gradient[i]
                direction = size * first[i] / (math.sqrt(second[i]) * root + small)
                parameters[i] -= rate * (two * direction - third[i])
                third[i] = direction


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
