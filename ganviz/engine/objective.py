# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
"""Objectives: losses of both players and their derivatives in the discriminator's raw outputs.

y is the discriminator's raw output (a logit under cross entropy), sp(t) = log(1 + exp(t)), a and b the labels of real
and fake samples. With targets t in {a, b} the discriminator minimises the full two-term cross entropy
E[t sp(-y) + (1 - t) sp(y)].

minimax and non-saturating: Goodfellow et al., "Generative adversarial nets" (2014), equation 1 and section 3;
one-sided label smoothing: Salimans et al. (2016), section 3.4; wasserstein: Arjovsky, Chintala and Bottou,
"Wasserstein GAN" (2017), equation 3 and algorithm 1.
"""

from __future__ import annotations

import numpy as np

from .activation import sigmoid, softplus
from .compiler import inlined

CODES = {"minimax": 0, "non-saturating": 1, "wasserstein": 2}
MINIMAX, NON_SATURATING, WASSERSTEIN = range(3)


@inlined
def discriminator_loss(code, real_label, fake_label, y, batch, delta, means):
    """Return the discriminator's loss on outputs y (2 * batch,), reals first; put its derivative into delta.

    ``means`` (4,) receives the mean raw output on reals and fakes and the mean probability of being real that the
    discriminator gives to reals and fakes.
    """
    loss = 0.0
    means[:] = 0.0
    share = 1.0 / batch
    for i in range(2 * batch):
        value = np.float64(y[i])
        probability = sigmoid(value)
        side = 0 if i < batch else 1
        means[side] += share * value
        means[side + 2] += share * probability
        if code == WASSERSTEIN:
            sign = -share if i < batch else share
            loss += sign * value
            delta[i] = sign
        else:
            target = real_label if i < batch else fake_label
            loss += share * (target * softplus(-value) + (1.0 - target) * softplus(value))
            delta[i] = share * (probability - target)
    return loss


@inlined
def generator_loss(code, y, batch, delta):
    """Return the generator's loss on the outputs y (batch,) for its samples; put its derivative into delta."""
    loss = 0.0
    share = 1.0 / batch
    for i in range(batch):
        value = np.float64(y[i])
        if code == WASSERSTEIN:
            loss -= share * value
            delta[i] = -share
        elif code == NON_SATURATING:
            loss += share * softplus(-value)
            delta[i] = -share * sigmoid(-value)
        else:
            loss -= share * softplus(value)
            delta[i] = -share * sigmoid(value)
    return loss
