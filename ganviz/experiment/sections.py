"""The sections of an experiment but for its data: noise, networks, objective, optimizers and schedule."""

from __future__ import annotations

from dataclasses import dataclass, field

from .parameter import choice, integer, integers, number, switch

ACTIVATIONS = ("relu", "leaky-relu", "tanh", "sigmoid", "softplus", "linear")
ACTIVATIONS_TO_COME = ("elu", "gelu", "sine", "maxout")
OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam")
OPTIMIZERS_TO_COME = ("rmsprop-tf1", "optimistic-adam", "extragradient", "optimistic")
OBJECTIVES = ("minimax", "non-saturating", "wasserstein")
OBJECTIVES_TO_COME = (
    "least-squares",
    "hinge",
    "relativistic",
    "kl",
    "reverse-kl",
    "pearson",
    "hellinger",
    "alpha",
)
CROSS_ENTROPY = ("minimax", "non-saturating")


@dataclass(frozen=True)
class Noise:
    """What the generator turns into samples."""

    kind: str = choice(
        "normal", "Distribution", "normal: mean 0, standard deviation 1; uniform: from -1 to 1, each component.",
        choices=("normal", "uniform"), reserved=("truncated-normal",),
    )  # fmt: skip
    dimension: int = integer(
        2,
        "Dimension",
        "Components of the noise z.",
        low=1,
        high=1024,
        symbol="dim z",
        scale="log",
        usual=(1, 256),
        live=False,
    )


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron."""

    hidden: tuple[int, ...] = integers(
        (128, 128),
        "Hidden layers",
        "Width of each hidden layer; empty: a linear map.",
        low=1,
        high=1024,
        live=False,
    )
    activation: str = choice(
        "relu", "Activation", "Nonlinearity after each hidden layer; leaky-relu has slope 0.2 below zero.",
        choices=ACTIVATIONS, reserved=ACTIVATIONS_TO_COME, live=False,
    )  # fmt: skip
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
        1.0,
        "Gain",
        "Factor on the initial weights.",
        low=0,
        high=100,
        above=True,
        scale="log",
        usual=(0.1, 10),
        live=False,
    )


@dataclass(frozen=True)
class Generator(Network):
    """The network that makes fake samples out of noise."""

    output: str = choice(
        "linear", "Output", "Nonlinearity after the last layer, in the units of training.",
        choices=("linear", "tanh", "sigmoid"), live=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Discriminator(Network):
    """The network that tells real from fake: the critic where the objective is Wasserstein."""

    activation: str = choice(
        "leaky-relu", "Activation", "Nonlinearity after each hidden layer; leaky-relu has slope 0.2 below zero.",
        choices=ACTIVATIONS, reserved=ACTIVATIONS_TO_COME, live=False,
    )  # fmt: skip
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


@dataclass(frozen=True)
class Objective:
    """What the players minimise; the formulas stand in docs/definitions.md."""

    kind: str = choice(
        "non-saturating",
        "Objective",
        "minimax: the generator minimises log(1 - D); non-saturating: it maximises log D (both Goodfellow et al. "
        "2014); wasserstein: a critic estimates the distance W1 (Arjovsky et al. 2017).",
        choices=OBJECTIVES,
        reserved=OBJECTIVES_TO_COME,
    )
    real_label: float = number(
        1.0, "Real label", "Target of the discriminator on real samples; below 1: label smoothing.",
        low=0, high=1, symbol="a", when={"kind": CROSS_ENTROPY},
    )  # fmt: skip
    fake_label: float = number(
        0.0, "Fake label", "Target of the discriminator on fake samples; above 0: label smoothing.",
        low=0, high=1, symbol="b", when={"kind": CROSS_ENTROPY},
    )  # fmt: skip

    @property
    def critic(self) -> bool:
        """Whether the discriminator is a critic: its output is a height, not a probability."""
        return self.kind == "wasserstein"


@dataclass(frozen=True)
class InstanceNoise:
    """Noise added to real and fake samples before the discriminator sees them."""

    std: float = number(
        0.0,
        "Instance noise",
        "Standard deviation of what is added, in the units of training; 0: off.",
        low=0,
        high=100,
        symbol="σ",
        scale="log",
        usual=(1e-3, 3.0),
    )
    decay_steps: int = integer(
        0, "Noise decay steps", "The standard deviation falls in a line to zero over these steps; 0: it stays.",
        low=0, high=1_000_000_000, scale="log", usual=(100, 1e6),
    )  # fmt: skip


@dataclass(frozen=True)
class Optimizer:
    """How a player's parameters follow its gradient; each kind as PyTorch defines it."""

    kind: str = choice(
        "adam", "Optimizer", "A change of kind starts the optimizer's moments afresh.",
        choices=OPTIMIZERS, reserved=OPTIMIZERS_TO_COME,
    )  # fmt: skip
    learning_rate: float = number(
        2e-4,
        "Learning rate",
        "Step size; 0 freezes the player.",
        low=0,
        high=10,
        symbol="η",
        scale="log",
        usual=(1e-6, 1.0),
    )
    beta1: float = number(
        0.5,
        "Beta 1",
        "Decay of the mean of gradients.",
        low=0,
        high=0.999999,
        symbol="β₁",
        when={"kind": ("adam",)},
    )
    beta2: float = number(
        0.999, "Beta 2", "Decay of the mean of squared gradients.", low=0, high=0.999999, symbol="β₂",
        when={"kind": ("adam",)},
    )  # fmt: skip
    momentum: float = number(
        0.9, "Momentum", "Share of the last update that is kept.", low=0, high=0.999999, symbol="μ",
        when={"kind": ("momentum",)},
    )  # fmt: skip
    decay: float = number(
        0.99, "Decay", "Decay of the mean of squared gradients.", low=0, high=0.999999, symbol="α",
        when={"kind": ("rmsprop",)},
    )  # fmt: skip
    epsilon: float = number(
        1e-8, "Epsilon", "Added to the divisor.", low=0, high=1, above=True, symbol="ε", scale="log",
        usual=(1e-10, 1e-2), when={"kind": ("adam", "rmsprop")},
    )  # fmt: skip


@dataclass(frozen=True)
class Optimizers:
    """The optimizer of each player."""

    generator: Optimizer = field(default_factory=Optimizer)
    discriminator: Optimizer = field(default_factory=Optimizer)


@dataclass(frozen=True)
class Schedule:
    """Who moves when."""

    updates: str = choice(
        "alternating",
        "Updates",
        "alternating: the generator meets the updated discriminator; simultaneous: both gradients are taken at the "
        "same point.",
        choices=("alternating", "simultaneous"),
    )
    batch: int = integer(
        64,
        "Batch",
        "Real samples, and as many fakes, in each update.",
        low=1,
        high=8192,
        symbol="m",
        scale="log",
        usual=(1, 1024),
    )
    discriminator_steps: int = integer(
        1,
        "Discriminator steps",
        "Updates of the discriminator in each step (n_critic).",
        low=1,
        high=1000,
        scale="log",
        usual=(1, 100),
    )
    generator_steps: int = integer(
        1,
        "Generator steps",
        "Updates of the generator in each step.",
        low=1,
        high=1000,
        scale="log",
        usual=(1, 100),
    )


RESERVED = frozenset(
    {
        "data.size", "noise.size",
        "generator.normalization", "generator.residual", "generator.ema",
        "discriminator.normalization", "discriminator.residual", "discriminator.spectral_norm",
        "discriminator.packing", "discriminator.minibatch_features",
        "objective.alpha",
        "penalty.kind", "penalty.weight", "penalty.target",
        "optimizer.generator.rate_schedule", "optimizer.discriminator.rate_schedule",
        "schedule.reuse_fakes", "schedule.unroll", "schedule.warmup",
    }
)  # fmt: skip
DATA_KINDS_TO_COME = ("drawing", "image", "pinwheel", "disjoint")
