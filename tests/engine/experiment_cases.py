"""Experiments of all kinds with networks and batches, drawn by hypothesis or by a seed, and their answers in NumPy."""

import copy

import numpy as np
import numpy_gan as plain
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from ganviz.engine.gradients import gradients
from ganviz.experiment import Experiment

ACTIVATIONS = (
    "linear", "tanh", "sigmoid", "softplus", "gelu", "sine", "relu", "leaky-relu", "elu", "maxout",
)  # fmt: skip
OBJECTIVES = (
    "minimax", "non-saturating", "wasserstein", "least-squares", "hinge", "relativistic",
    "kl", "reverse-kl", "pearson", "hellinger", "alpha",
)  # fmt: skip
MIXED = ("gradient", "one-sided", "dragan")
# Consensus has to be differentiated by differences of whole gradients: it has its own, smaller cases.
PENALTIES = ("none", *MIXED, "r1", "r2", "r1-r2")
NORMALIZATIONS = ("none", "batch", "layer")
ALPHAS = st.sampled_from([0.5, 1.0, 1.0000001, 2.0, 20.0])
WIDTHS = st.sampled_from([1, 2, 3, 5, 8, 9])
TINY = st.sampled_from([1, 2, 3])
DIFFERENCES = 5e-3
"""Distance from kinks that steps of differences do not cross."""

thorough = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def experiment_of(**fields: object) -> Experiment:
    """Make an experiment in 64 bits from paths with underscores doubled for dots."""
    values = {path.replace("__", "."): value for path, value in fields.items()}
    return Experiment.from_mapping({"precision": 64, **values})


class Case:
    """One experiment with networks and batches."""

    def __init__(self, experiment: Experiment, seed: int, wide_mix: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.experiment, self.seed = experiment, seed
        self.game, self.shaken = plain.Game(experiment), plain.Game(experiment, jitter=1e-12)
        self.generator, self.discriminator = (
            [
                (rng.normal(0, 1.2 / np.sqrt(len(weight)), weight.shape), rng.normal(0, 0.5, bias.shape))
                for weight, bias in network
            ]
            for network in self.game.like
        )
        batch, d, packing = experiment.schedule.batch, experiment.dimension, experiment.discriminator.packing
        self.real, self.fake = rng.normal(0.5, 1.5, (2, batch, d))
        self.noise = rng.normal(size=(batch, experiment.noise.dimension))
        self.mix = rng.uniform(size=(batch // packing, d * packing if wide_mix else 1))

    def __repr__(self) -> str:
        plainly = Experiment().values()
        fields = {path: value for path, value in self.experiment.values().items() if plainly.get(path) != value}
        return f"Case({fields}, seed={self.seed})"

    @property
    def arguments(self):
        return self.generator, self.discriminator, self.real, self.noise

    @property
    def batch(self):
        return *self.arguments, None, self.mix

    def answer(self, fake=None):
        return self.game.answer(*self.arguments, fake, self.mix)

    def engine(self, fake=None, bits=64):
        return gradients(self.experiment.replace({"precision": bits}), *self.arguments, fake, self.mix)

    def distance_from_kinks(self):
        return self.game.distance_from_kinks(*self.arguments, self.fake, self.mix)

    def nudged(self, size: float, seed: int = 0) -> "Case":
        """Return a case whose every number is changed by about this share of it."""
        rng, other = np.random.default_rng(seed), copy.copy(self)

        def nudge(x):
            return x * (1 + size * rng.normal(size=x.shape))

        for name in ("real", "fake", "noise", "mix"):
            setattr(other, name, nudge(getattr(self, name)))
        for name in ("generator", "discriminator"):
            setattr(other, name, [(nudge(weight), nudge(bias)) for weight, bias in getattr(self, name)])
        return other

    def is_sure(self) -> bool:
        """Whether rounding, and differences where they are taken, leave enough of the losses and gradients."""
        own = self.answer()
        for player, loss in zip(("generator", "discriminator"), self.shaken.losses(*self.batch), strict=True):
            exact, gradient = getattr(own, f"{player}_loss"), getattr(own, player)
            flat = plain.flatten(getattr(self, player))
            error = getattr(own, f"{player}_error")
            if not self.game.by_differences:
                # Rounding is 1e4 times as small as the jitter.
                error = np.linalg.norm(plain.derivative(loss, flat) - gradient) / 1e3
            change, size = abs(loss(flat) - exact), np.linalg.norm(gradient)
            # An unrolled discriminator may diverge: nothing is sure then, and no comparison true.
            if not (change <= 1e-8 * abs(exact) + 1e-9 and error <= 3e-7 * size + 1e-11):
                return False
        return True


def case_of(experiment: Experiment, margin: float = 1e-6, start: int = 0, wide_mix: bool = False) -> Case | None:
    """Draw networks and batches that are far from kinks, where rounding could decide for the other side."""
    # Differences need room for their steps.
    margin = max(margin, DIFFERENCES) if plain.Game(experiment).by_differences else margin
    with np.errstate(all="ignore"):
        for seed in range(start, start + 100):
            case = Case(experiment, seed, wide_mix)
            if case.distance_from_kinks() > margin and case.is_sure():
                return case
    return None


@st.composite
def networks(draw, player: str, inputs: int, widths=WIDTHS, depth: int = 3):
    """Draw the fields of one player's network."""
    normalization = draw(st.sampled_from(NORMALIZATIONS))
    activation = draw(st.sampled_from(ACTIVATIONS))
    if normalization == "layer":
        # Of two features little but a sign is left, and the next batch normalisation makes much of its rounding.
        widths = widths.filter(lambda width: width > 2)
    hidden = draw(st.lists(widths, min_size=normalization != "none", max_size=depth))
    residual = draw(st.booleans())
    if residual:
        # At least one layer as wide as its input, which may be the first.
        again = draw(st.integers(0, len(hidden)))
        hidden.insert(again, hidden[again - 1] if again else inputs)
        if normalization == "layer" and hidden[again] == 1:
            residual, hidden = False, [3]
    return {
        f"{player}__hidden": hidden,
        f"{player}__activation": activation,
        f"{player}__normalization": normalization,
        f"{player}__residual": residual,
        f"{player}__bias": draw(st.booleans()),
    }


@st.composite
def experiments(draw, widths=WIDTHS, depth: int = 3, penalties=PENALTIES, **more):
    """Draw an experiment; more fields take the place of those drawn."""
    d = draw(st.sampled_from([1, 2]))
    packing = draw(st.sampled_from([1, 1, 2, 3]))
    noise = draw(widths)
    generator = draw(networks("generator", noise, widths, depth))
    discriminator = draw(networks("discriminator", d * packing, widths, depth))
    features = draw(st.sampled_from([0, 0, 1, 2])) if discriminator["discriminator__hidden"] else 0
    # Of two alike inputs, batch normalisation leaves little but rounding.
    batch = draw(st.integers(3 if "batch" in (*generator.values(), *discriminator.values()) else 1 + (features > 0), 6))
    fields = {
        "data__kind": "uniform" if d == 1 else "ring",
        "noise__dimension": noise,
        "generator__output": draw(st.sampled_from(["linear", "tanh", "sigmoid"])),
        "discriminator__packing": packing,
        "discriminator__minibatch_features": features,
        "discriminator__spectral_norm": draw(st.sampled_from([False, False, True])),
        "schedule__batch": batch * packing,
        "objective__kind": draw(st.sampled_from(OBJECTIVES)),
        "objective__real_label": draw(st.sampled_from([1.0, 0.9, 0.5, 0.0])),
        "objective__fake_label": draw(st.sampled_from([0.0, 0.1, 1.0])),
        "objective__discriminator_alpha": draw(ALPHAS),
        "objective__generator_alpha": draw(ALPHAS),
        "penalty__kind": draw(st.sampled_from(penalties)),
        "penalty__weight": draw(st.sampled_from([0.0, 0.1, 10.0])),
        "penalty__target": draw(st.sampled_from([0.0, 0.3, 1.0])),
    }
    return experiment_of(**{**fields, **generator, **discriminator, **more})


@st.composite
def cases(draw, margin: float = 1e-6, **more):
    """Draw an experiment with networks and batches far from kinks."""
    experiment = draw(experiments(**more))
    wide_mix = experiment.penalty.kind == "dragan" and draw(st.booleans())
    # Near a kink other random numbers are taken, so that every combination of the above is met.
    case = case_of(experiment, margin, draw(st.integers(0, 2**20)), wide_mix)
    assume(case is not None)
    return case
