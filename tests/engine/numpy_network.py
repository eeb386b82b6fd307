"""Networks and derivatives in plain NumPy, written from docs/definitions.md alone.

Networks are lists of (weight (n_in, n_out), bias (n_out,) or empty). Every function works on stacks of networks as
well, with leading axes before those of the matrices, and on complex numbers: the derivative of a real function f is
Im f(x + ih) / h, exact to rounding however small h is (Squire and Trapp 1998). For that everything here is analytic
but at its kinks, which the real part decides: no conjugate, no np.abs, no np.linalg.norm.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

LEAK = 0.2
EPSILON = 1e-5
KERNELS = 5
"""Dimensions of each minibatch feature's kernel (Salimans et al. 2016)."""
IMAGINARY = 1e-30


# Functions of one number, each with its derivative.


def positive(t):
    return np.real(t) > 0


def above(t):
    """Return t where it is positive, else 0."""
    return np.where(positive(t), t, 0)


def sigmoid(t):
    small = np.exp(np.where(positive(t), -t, t))
    return np.where(positive(t), 1, small) / (1 + small)


def log1p(t):
    """Numpy's, for complex numbers too, whose real part it takes from the rounded 1 + t."""
    if not np.iscomplexobj(t):
        return np.log1p(t)
    return np.log1p(t.real * (2 + t.real) + t.imag**2) / 2 + 1j * np.arctan2(t.imag, 1 + t.real)


def softplus(t):
    return above(t) + log1p(np.exp(np.where(positive(t), -t, t)))


def normal_cdf(t):
    return (1 + special.erf(t / math.sqrt(2))) / 2


def normal_pdf(t):
    return np.exp(-t * t / 2) / math.sqrt(2 * math.pi)


def elu(t):
    return np.where(positive(t), t, np.expm1(np.where(positive(t), 0, t)))


ACTIVATIONS = {
    "linear": (lambda t: t, np.ones_like),
    "relu": (above, lambda t: np.where(positive(t), 1.0, 0.0)),
    "leaky-relu": (lambda t: np.where(positive(t), t, LEAK * t), lambda t: np.where(positive(t), 1.0, LEAK)),
    "elu": (elu, lambda t: np.exp(np.where(positive(t), 0, t))),
    "tanh": (np.tanh, lambda t: 1 - np.tanh(t) ** 2),
    "sigmoid": (sigmoid, lambda t: sigmoid(t) * sigmoid(-t)),
    "softplus": (softplus, sigmoid),
    "gelu": (lambda t: t * normal_cdf(t), lambda t: normal_cdf(t) + t * normal_pdf(t)),
    "sine": (np.sin, np.cos),
}
KINKED = ("relu", "leaky-relu", "elu", "maxout")
"""Activations whose first or second derivative jumps."""


# Networks. Each part returns its value and a function that pulls a cotangent of the value back to its input.


@dataclass(frozen=True)
class Form:
    """What a network does with its parameters.

    Jitter changes every preactivation by about this share of it, to learn what rounding makes of a network.
    """

    hidden: str
    output: str = "linear"
    normalization: str = "none"
    residual: bool = False
    spectral: bool = False
    packing: int = 1
    features: int = 0
    jitter: float = 0.0

    @classmethod
    def of(cls, player, jitter=0.0) -> "Form":
        """Read it from a player's section of an experiment."""
        return cls(
            player.activation,
            getattr(player, "output", "linear"),
            player.normalization,
            player.residual,
            getattr(player, "spectral_norm", False),
            getattr(player, "packing", 1),
            getattr(player, "minibatch_features", 0),
            jitter,
        )

    def shapes(self, inputs, player, outputs):
        """List the shapes of all weights, and whether each has a bias beside it."""
        found, inputs = [], inputs * self.packing
        for width in player.hidden:
            found.append(((inputs, width * (2 if self.hidden == "maxout" else 1)), player.bias))
            inputs = width
        if self.features:
            found.append(((inputs, KERNELS * self.features), False))
        return [*found, ((inputs + self.features, outputs), player.bias)]


def transposed(matrix):
    return np.swapaxes(matrix, -1, -2)


def plus(x, bias):
    return x + bias[..., None, :] if bias.shape[-1] else x


def normalize(kind, a, known=None):
    """Centre and scale over the batch or over the features; mean and variance are known, or those of a itself."""
    if kind == "none":
        return a, lambda g: g, None
    if known is not None:
        centre, variance = known
        scale = 1 / np.sqrt(variance + EPSILON)
        return (a - centre) * scale, lambda g: g * scale, known
    axis = {"batch": -2, "layer": -1}[kind]
    centre = a.mean(axis, keepdims=True)
    variance = ((a - centre) ** 2).mean(axis, keepdims=True)
    scale = 1 / np.sqrt(variance + EPSILON)
    n = (a - centre) * scale

    def pull(g):
        return scale * (g - g.mean(axis, keepdims=True) - n * (g * n).mean(axis, keepdims=True))

    return n, pull, (centre, variance)


def activate(kind, a):
    if kind != "maxout":
        function, slope = ACTIVATIONS[kind]
        return function(a), lambda g: g * slope(a)
    one, other = np.split(a, 2, axis=-1)
    first = np.real(one) >= np.real(other)
    return np.where(first, one, other), lambda g: np.concatenate([np.where(first, g, 0), np.where(first, 0, g)], -1)


def crowding(f, kernels):
    """Minibatch features: for each sample and feature, how near the others are."""
    m = f @ kernels
    m = m.reshape(*m.shape[:-1], -1, KERNELS)
    apart = m[..., :, None, :, :] - m[..., None, :, :, :]
    sign = np.sign(np.real(apart))
    near = np.exp(-(sign * apart).sum(-1))

    def pull(g):
        weighted = (g[..., :, None, :] + g[..., None, :, :]) * near
        on_m = -(weighted[..., None] * sign).sum(-3)
        return on_m.reshape(*on_m.shape[:-2], -1) @ transposed(kernels)

    # A kink lies where two samples meet, not where one meets itself.
    others = ~np.eye(m.shape[-3], dtype=bool)
    return near.sum(-2), pull, apart[..., others, :, :]


def singular_vectors(weight):
    u, _, v = np.linalg.svd(np.real(weight))
    return u[..., :, 0], v[..., 0, :]


def over_sigma(weight, vectors=None):
    """Divide by the largest singular value, or by u'Wv for given vectors."""
    if vectors is None and not np.iscomplexobj(weight):
        return weight / np.linalg.svd(weight, compute_uv=False)[..., 0, None, None]
    # The derivative of a singular value W -> sigma is u'dWv.
    u, v = singular_vectors(weight) if vectors is None else vectors
    return weight / np.einsum("...i,...ij,...j->...", u, weight, v)[..., None, None]


class Pass:
    """One batch on its way through a network: its output, and how far what is met on the way lies from kinks.

    Parameters
    ----------
    singular : list of (u, v), optional
        Fixed vectors for the spectral norm of each layer instead of the singular vectors themselves.
    statistics : list of (mean, variance), optional
        For the batch normalisation of each hidden layer, each (1, n), instead of those of the batch, which the
        attribute of the same name keeps.
    """

    def __init__(self, form: Form, network, x, singular=None, statistics=None) -> None:
        if form.spectral:
            vectors = singular or [None] * len(network)
            network = [(over_sigma(w, pair), b) for (w, b), pair in zip(network, vectors, strict=True)]
        self.form, self.kinks, self.pulls, self.statistics = form, [], [], []
        x = x.reshape(*x.shape[:-2], x.shape[-2] // form.packing, -1)
        layers = list(network)
        weight, bias = layers.pop()
        kernels = layers.pop()[0] if form.features else None
        for layer, known in zip(layers, statistics or [None] * len(layers), strict=True):
            x = self.hidden(*layer, x, known)
        if kernels is not None:
            x = self.crowd(kernels, x)
        self.output, pull = activate(form.output, plus(x @ weight, bias))
        self.pulls.append(lambda g: pull(g) @ transposed(weight))

    def hidden(self, weight, bias, x, known):
        form = self.form
        a = x @ weight
        if form.jitter:
            a = a * (1 + form.jitter * np.random.default_rng(len(self.pulls)).normal(size=a.shape[-2:]))
        a, unnormalize, used = normalize(form.normalization, a, known)
        self.statistics.append(used)
        a = plus(a, bias)
        y, pull = activate(form.hidden, a)
        skip = form.residual and x.shape[-1] == y.shape[-1]
        self.pulls.append(lambda g: unnormalize(pull(g)) @ transposed(weight) + (g if skip else 0))
        if form.hidden in KINKED:
            self.kink(np.subtract(*np.split(a, 2, axis=-1)) if form.hidden == "maxout" else a)
        return y + x if skip else y

    def crowd(self, kernels, x):
        o, pull, apart = crowding(x, kernels)
        n = x.shape[-1]
        self.pulls.append(lambda g: g[..., :n] + pull(g[..., n:]))
        self.kink(apart)
        return np.concatenate([x, o], -1)

    def kink(self, distance):
        """Note distances; without normalisation an exact zero comes from zeros alone, and stays whatever moves."""
        distance = np.abs(np.real(distance)).ravel()
        self.kinks.append(distance if self.form.normalization != "none" else distance[distance > 0])

    def slopes(self):
        """Return the gradient of the sum of all outputs in each input."""
        g = np.ones_like(self.output)
        for pull in reversed(self.pulls):
            g = pull(g)
        return g


# Parameters as one vector, and derivatives in it.


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


def derivative(function, flat, directions=None):
    """Differentiate a function of stacked parameters (..., n) -> (...) by complex steps: (..., n).

    Directions (k, n) give the derivatives along them, (..., k), instead of those in each parameter.
    """
    flat = np.asarray(flat, dtype=float)
    directions = np.eye(flat.shape[-1]) if directions is None else directions
    return function(flat[..., None, :] + 1j * IMAGINARY * directions).imag / IMAGINARY


def central_differences(function, flat, step=1e-4):
    """Differentiate a real function of a stack of parameters (k, n) -> (k,), to the fourth power of the step.

    Returns
    -------
    (n,), float
        The gradient, and the norm of its change with a step twice as long: more than its error, unless that is
        rounding.
    """
    around = step * np.eye(flat.size)
    values = function(np.concatenate([flat + factor * around for factor in (1, -1, 2, -2, 4, -4)])).reshape(6, -1)
    short, middle, long = values[::2] - values[1::2]
    fine, coarse = (8 * short - middle) / (12 * step), (8 * middle - long) / (24 * step)
    return fine, float(np.linalg.norm(fine - coarse))
