"""A GAN in plain NumPy, written from REFERENCES.md: the independent answer that the engine is held to.

Networks are lists of (weight (n_in, n_out), bias (n_out,) or empty). Every function works on stacks of networks as
well, with leading axes before those of the matrices.
"""

from dataclasses import dataclass, field

import numpy as np

LEAK = 0.2


def sigmoid(t):
    return np.exp(-np.logaddexp(0, -t))


def softplus(t):
    return np.logaddexp(0, t)


ACTIVATIONS = {
    "linear": lambda t: t,
    "relu": lambda t: np.where(t > 0, t, 0 * t),
    "leaky-relu": lambda t: np.where(t > 0, t, LEAK * t),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
}
KINKED = ("relu", "leaky-relu")


def layers(network, hidden, output, x):
    """Return the preactivations of all layers and the output."""
    before = []
    for index, (weight, bias) in enumerate(network):
        before.append(x @ weight + (bias[..., None, :] if bias.shape[-1] else 0))
        x = ACTIVATIONS[output if index == len(network) - 1 else hidden](before[-1])
    return before, x


def forward(network, hidden, output, x):
    return layers(network, hidden, output, x)[1]


def discriminator_loss(kind, on_real, on_fake, real_label, fake_label):
    """Means over the last two axes of raw outputs (..., batch, 1)."""
    axes = (-2, -1)
    if kind == "wasserstein":
        return on_fake.mean(axes) - on_real.mean(axes)
    a, b = real_label, fake_label
    return (a * softplus(-on_real) + (1 - a) * softplus(on_real)).mean(axes) + (
        b * softplus(-on_fake) + (1 - b) * softplus(on_fake)
    ).mean(axes)


def generator_loss(kind, on_fake):
    value = {"minimax": -softplus(on_fake), "non-saturating": softplus(-on_fake), "wasserstein": -on_fake}[kind]
    return value.mean((-2, -1))


def flatten(network):
    return np.concatenate([np.concatenate([weight.ravel(), bias.ravel()]) for weight, bias in network])


def unflatten(flat, like):
    """Cut flat parameters (..., n) into a network, or a stack of them, shaped like another."""
    network, place = [], 0
    for weight, bias in like:
        matrix = flat[..., place : place + weight.size].reshape(*flat.shape[:-1], *weight.shape)
        place += weight.size
        network.append((matrix, flat[..., place : place + bias.size]))
        place += bias.size
    return network


def central_differences(function, flat, step=1e-6):
    """Differentiate a function of a stack of flat parameters (k, n) -> (k,), in long doubles."""
    flat = np.asarray(flat, dtype=np.longdouble)
    around = step * np.eye(flat.size, dtype=np.longdouble)
    values = function(np.concatenate([flat + around, flat - around]))
    return (values[: flat.size] - values[flat.size :]) / (2 * np.longdouble(step))


@dataclass
class Optimizer:
    """One player's optimizer after the formulas in PyTorch's documentation; everything starts at zero."""

    kind: str
    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    momentum: float = 0.9
    decay: float = 0.99
    epsilon: float = 1e-8
    count: int = 0
    m: np.ndarray = field(default_factory=lambda: np.zeros(1))
    v: np.ndarray = field(default_factory=lambda: np.zeros(1))

    def step(self, theta, g):
        self.count += 1
        match self.kind:
            case "sgd":
                return theta - self.learning_rate * g
            case "momentum":
                # torch.optim.SGD: b_t = mu b_{t-1} + g_t, no dampening.
                self.m = self.momentum * self.m + g
                return theta - self.learning_rate * self.m
            case "rmsprop":
                # torch.optim.RMSprop: v_t = alpha v_{t-1} + (1 - alpha) g_t^2; theta - lr g_t / (sqrt(v_t) + eps).
                self.v = self.decay * self.v + (1 - self.decay) * g**2
                return theta - self.learning_rate * g / (np.sqrt(self.v) + self.epsilon)
            case "adam":
                self.m = self.beta1 * self.m + (1 - self.beta1) * g
                self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
                m = self.m / (1 - self.beta1**self.count)
                v = self.v / (1 - self.beta2**self.count)
                return theta - self.learning_rate * m / (np.sqrt(v) + self.epsilon)
        raise AssertionError(self.kind)
