"""The sections of an experiment that say who plays: noise, generator and discriminator."""

from __future__ import annotations

from dataclasses import dataclass

from .data import MAX_POOL
from .parameter import choice, integer, integers, number, switch

ACTIVATIONS = (
    "relu", "leaky-relu", "tanh", "sigmoid", "softplus", "elu", "gelu", "sine", "maxout", "linear",
)  # fmt: skip
ACTIVATION_HELP = (
    "Nonlinearity after each hidden layer; leaky-relu has slope 0.2 below zero, maxout takes the larger of two values."
)


@dataclass(frozen=True)
class Noise:
    """What the generator turns into samples."""

    kind: str = choice(
        "normal",
        "Distribution",
        "normal: mean 0, standard deviation 1; uniform: from -1 to 1; truncated-normal: a normal within -2 and 2; each "
        "component, before scaling.",
        choices=("normal", "uniform", "truncated-normal"),
    )
    dimension: int = integer(
        2, "Dimension", "Components of the noise z.",
        low=1, high=1024, symbol="dim z", scale="log", usual=(1, 256), live=False,
    )  # fmt: skip
    mean: float = number(
        0.0, "Noise mean", "Added to each component of the scaled noise.",
        low=-1e3, high=1e3, symbol="μ_z", usual=(-2, 2),
    )  # fmt: skip
    std: float = number(
        1.0, "Noise scale", "Factor on each component: of normal noise the standard deviation.",
        low=0, high=1e3, above=True, symbol="σ_z", scale="log", usual=(0.01, 10),
    )  # fmt: skip
    size: int = integer(
        0, "Noise pool", "Noise vectors in a fixed pool, visited in shuffled epochs; 0: drawn afresh for ever.",
        low=0, high=MAX_POOL, scale="log", usual=(10, 100_000), live=False,
    )  # fmt: skip

    @property
    def span(self) -> tuple[float, float]:
        """The interval that all but 0.3 % of a component's values lie in."""
        reach = self.std * {"uniform": 1.0, "truncated-normal": 2.0}.get(self.kind, 3.0)
        return self.mean - reach, self.mean + reach


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron."""

    hidden: tuple[int, ...] = integers(
        (128, 128), "Hidden layers", "Width of each hidden layer; empty: a linear map.", low=1, high=1024, live=False
    )
    activation: str = choice("relu", "Activation", ACTIVATION_HELP, choices=ACTIVATIONS, live=False)
    bias: bool = switch(True, "Biases", "Whether each layer adds a learned constant.", live=False)
    init: str = choice(
        "pytorch",
        "Initial weights",
        "pytorch: uniform within 1/√(inputs), biases too; the others: He, Glorot (uniform), orthogonal or "
        "normal (standard deviation 0.02) weights with zero biases; zeros: all zero.",
        choices=("pytorch", "glorot", "he", "orthogonal", "normal", "zeros"),
        live=False,
    )
    gain: float = number(
        1.0, "Gain", "Factor on the initial weights.",
        low=0, high=100, above=True, scale="log", usual=(0.1, 10), live=False,
    )  # fmt: skip
    normalization: str = choice(
        "none",
        "Normalisation",
        "Of the hidden layers, before bias and nonlinearity. batch: each feature over the batch, real and fake apart; "
        "layer: each sample over its features.",
        choices=("none", "batch", "layer"),
        live=False,
    )
    residual: bool = switch(
        False, "Residual", "Hidden layers as wide as their input add it to their output.", live=False
    )


@dataclass(frozen=True)
class Generator(Network):
    """The network that makes fake samples out of noise."""

    output: str = choice(
        "linear", "Output", "Nonlinearity after the last layer, in the units of training.",
        choices=("linear", "tanh", "sigmoid"), live=False,
    )  # fmt: skip
    ema: float = number(
        0.0,
        "Average",
        "Decay of the averaged generator that is shown beside the raw one; 0: none.",
        low=0,
        high=0.999999,
        symbol="β",
    )


@dataclass(frozen=True)
class Discriminator(Network):
    """The network that tells real from fake: the critic where the objective is Wasserstein."""

    activation: str = choice("leaky-relu", "Activation", ACTIVATION_HELP, choices=ACTIVATIONS, live=False)
    clip: float = number(
        0.0,
        "Clip",
        "After each update every weight and bias is cut to this distance from zero (WGAN, algorithm 1); 0: off.",
        low=0,
        high=10,
        symbol="c",
        scale="log",
        usual=(1e-3, 1.0),
    )
    spectral_norm: bool = switch(
        False,
        "Spectral norm",
        "Divides each weight matrix by its largest singular value (Miyato et al. 2018).",
        live=False,
    )
    packing: int = integer(
        1, "Packing", "Samples that are judged together, as one input (PacGAN, Lin et al. 2018); 1: each alone.",
        low=1, high=16, live=False,
    )  # fmt: skip
    minibatch_features: int = integer(
        0,
        "Minibatch features",
        "Measures of each input's closeness to the rest of its batch that the last layer sees (Salimans et al. 2016); "
        "0: none.",
        low=0,
        high=256,
        scale="log",
        usual=(1, 64),
        live=False,
    )
