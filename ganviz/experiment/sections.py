"""The sections of an experiment that say what is played for and how: objective, penalty, optimizers and schedule."""

from __future__ import annotations

from dataclasses import dataclass, field

from .parameter import choice, integer, number, switch

OBJECTIVES = (
    "minimax", "non-saturating", "wasserstein", "least-squares", "hinge", "relativistic",
    "kl", "reverse-kl", "pearson", "hellinger", "alpha",
)  # fmt: skip
LABELLED = ("minimax", "non-saturating", "least-squares")
PROBABILISTIC = ("minimax", "non-saturating", "alpha")
PENALTIES = ("none", "gradient", "one-sided", "dragan", "r1", "r2", "r1-r2", "consensus")
TARGETED = ("gradient", "one-sided", "dragan")
OPTIMIZERS = (
    "sgd", "momentum", "rmsprop", "rmsprop-tf1", "adam", "optimistic-adam", "extragradient", "optimistic",
)  # fmt: skip
ADAM = ("adam", "optimistic-adam")
RMSPROP = ("rmsprop", "rmsprop-tf1")


@dataclass(frozen=True)
class Objective:
    """What the players minimise; the formulas stand in docs/definitions.md."""

    kind: str = choice(
        "non-saturating",
        "Objective",
        "minimax: the generator minimises log(1 - D); non-saturating: it maximises log D (both Goodfellow et al. "
        "2014); wasserstein: a critic estimates the distance W1 (Arjovsky et al. 2017); least-squares (Mao et al. "
        "2017); hinge (Lim and Ye 2017); relativistic: real against fake in pairs (Jolicoeur-Martineau 2019); kl, "
        "reverse-kl, pearson, hellinger: f-divergences (Nowozin et al. 2016); alpha: the losses of Sypherd et al., an "
        "alpha for each player (Welfert et al. 2023).",
        choices=OBJECTIVES,
    )
    real_label: float = number(
        1.0, "Real label", "Target of the discriminator on real samples; below 1: label smoothing.",
        low=0, high=1, symbol="a", when={"kind": LABELLED},
    )  # fmt: skip
    fake_label: float = number(
        0.0, "Fake label", "Target of the discriminator on fake samples; above 0: label smoothing.",
        low=0, high=1, symbol="b", when={"kind": LABELLED},
    )  # fmt: skip
    discriminator_alpha: float = number(
        1.0,
        "Discriminator's alpha",
        "1: cross entropy, as minimax; below 1: more weight on what is judged wrong.",
        low=0, high=100, above=True, symbol="α_D", scale="log", usual=(0.1, 10), when={"kind": ("alpha",)},
    )  # fmt: skip
    generator_alpha: float = number(
        1.0,
        "Generator's alpha",
        "1: as minimax, saturating; above 1: a smaller gradient from fakes that deceive already.",
        low=0, high=100, above=True, symbol="α_G", scale="log", usual=(0.1, 10), when={"kind": ("alpha",)},
    )  # fmt: skip

    @property
    def critic(self) -> bool:
        """Whether the discriminator is a critic, whose output estimates W1."""
        return self.kind == "wasserstein"

    @property
    def probability(self) -> bool:
        """Whether 1 / (1 + exp(-D(x))) is a probability of being real; otherwise the raw output is shown."""
        return self.kind in PROBABILISTIC


@dataclass(frozen=True)
class Penalty:
    """What is added to the discriminator's loss, by consensus to both; the formulas stand in docs/definitions.md."""

    kind: str = choice(
        "none",
        "Penalty",
        "On the slope of D. gradient: towards the target, between real and fake (WGAN-GP, Gulrajani et al. 2017); "
        "one-sided: only above the target; dragan: around real samples (Kodali et al. 2017); r1, r2, r1-r2: towards 0 "
        "at real, fake, both (Mescheder et al. 2018). consensus: on the gradients of both players' losses (Mescheder "
        "et al. 2017).",
        choices=PENALTIES,
    )
    weight: float = number(
        10.0, "Weight", "Factor on the penalty.",
        low=0, high=1e4, symbol="λ", scale="log", usual=(1e-3, 1e3), when={"kind": PENALTIES[1:]},
    )  # fmt: skip
    target: float = number(
        1.0, "Target", "Slope that the discriminator is to have, or not to exceed.",
        low=0, high=100, symbol="k", usual=(0, 5), when={"kind": TARGETED},
    )  # fmt: skip


@dataclass(frozen=True)
class InstanceNoise:
    """Noise added to real and fake samples before the discriminator sees them."""

    std: float = number(
        0.0, "Instance noise", "Standard deviation of what is added, in the units of training; 0: off.",
        low=0, high=100, symbol="σ", scale="log", usual=(1e-3, 3.0),
    )  # fmt: skip
    decay_steps: int = integer(
        0, "Noise decay steps", "The standard deviation falls in a line to zero over these steps; 0: it stays.",
        low=0, high=1_000_000_000, scale="log", usual=(100, 1e6),
    )  # fmt: skip


@dataclass(frozen=True)
class Optimizer:
    """How a player's parameters follow its gradient."""

    kind: str = choice(
        "adam",
        "Optimizer",
        "sgd, momentum, rmsprop and adam as in PyTorch; rmsprop-tf1 as in TensorFlow 1; optimistic: twice the gradient "
        "less the last one; optimistic-adam: the same for Adam's step (Daskalakis et al. 2018); extragradient: the "
        "gradient where a first step would lead, for both players at once (Korpelevich 1976). A change of kind starts "
        "the optimizer's moments afresh.",
        choices=OPTIMIZERS,
    )
    learning_rate: float = number(
        2e-4, "Learning rate", "Step size; 0 freezes the player.",
        low=0, high=10, symbol="η", scale="log", usual=(1e-6, 1.0),
    )  # fmt: skip
    rate_schedule: str = choice(
        "constant",
        "Rate schedule",
        "How the learning rate falls to 0 over the rate steps: not at all, in a line, or as half a cosine wave.",
        choices=("constant", "linear", "cosine"),
    )
    rate_steps: int = integer(
        10_000, "Rate steps", "Steps after which the learning rate is 0.",
        low=1, high=1_000_000_000, scale="log", usual=(100, 1e6), when={"rate_schedule": ("linear", "cosine")},
    )  # fmt: skip
    beta1: float = number(
        0.5, "Beta 1", "Decay of the mean of gradients.", low=0, high=0.999999, symbol="β₁", when={"kind": ADAM}
    )
    beta2: float = number(
        0.999, "Beta 2", "Decay of the mean of squared gradients.", low=0, high=0.999999, symbol="β₂",
        when={"kind": ADAM},
    )  # fmt: skip
    momentum: float = number(
        0.9, "Momentum", "Share of the last update that is kept.", low=0, high=0.999999, symbol="μ",
        when={"kind": ("momentum",)},
    )  # fmt: skip
    decay: float = number(
        0.99, "Decay", "Decay of the mean of squared gradients.", low=0, high=0.999999, symbol="α",
        when={"kind": RMSPROP}, default_for={"kind": {"rmsprop-tf1": 0.9}},
    )  # fmt: skip
    epsilon: float = number(
        1e-8, "Epsilon", "Added to the divisor; with rmsprop-tf1 inside its root.",
        low=1e-30, high=1, symbol="ε", scale="log", usual=(1e-10, 1e-2),
        when={"kind": (*RMSPROP, *ADAM)}, default_for={"kind": {"rmsprop-tf1": 1e-10}},
    )  # fmt: skip
    tensorflow_epsilon: bool = switch(
        False, "TensorFlow's epsilon", "Adds epsilon before the correction of the second moment, as TensorFlow does.",
        when={"kind": ADAM},
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
        64, "Batch", "Real samples, and as many fakes, in each update.",
        low=1, high=8192, symbol="m", scale="log", usual=(1, 1024),
    )  # fmt: skip
    discriminator_steps: int = integer(
        1, "Discriminator steps", "Updates of the discriminator in each step (n_critic).",
        low=1, high=1000, scale="log", usual=(1, 100),
    )  # fmt: skip
    generator_steps: int = integer(
        1, "Generator steps", "Updates of the generator in each step.", low=1, high=1000, scale="log", usual=(1, 100)
    )
    reuse_fakes: bool = switch(
        False,
        "Reuse fakes",
        "The generator's update sees the fakes of the discriminator's last update, not fresh ones.",
    )
    unroll: int = integer(
        0,
        "Unrolled steps",
        "Updates of the discriminator that the generator looks ahead, with the gradient through them (Metz et al. "
        "2017); 0: none.",
        low=0,
        high=50,
    )
    warmup: bool = switch(
        False,
        "Warm-up",
        "100 discriminator updates in each of the first 25 steps and in every 500th, as in the WGAN authors' code.",
    )
