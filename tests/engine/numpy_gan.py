"""A GAN in plain NumPy, written from the papers and docs/definitions.md: the independent answer for the engine.

As in numpy_network, everything works on stacks and on complex numbers.
"""

import copy
import math
from dataclasses import dataclass, fields

import numpy as np
from numpy_network import (
    Form,
    Pass,
    above,
    central_differences,
    derivative,
    flatten,
    positive,
    singular_vectors,
    softplus,
    unflatten,
)

# Objectives: what the discriminator minimises on real and on fake outputs, and the generator on fake ones.


def alpha_loss(alpha, y):
    b = (alpha - 1) / alpha
    return softplus(-y) if b == 0 else -np.expm1(-b * softplus(-y)) / b


def discriminator_terms(rules, x, f):
    """Return the means' terms for raw outputs on real x and fake f; see the table of definitions."""
    a, b = rules.real_label, rules.fake_label
    match rules.kind:
        case "minimax" | "non-saturating":
            return a * softplus(-x) + (1 - a) * softplus(x), b * softplus(-f) + (1 - b) * softplus(f)
        case "wasserstein":
            return -x, f
        case "least-squares":
            return (x - a) ** 2 / 2, (f - b) ** 2 / 2
        case "hinge":
            return above(1 - x), above(1 + f)
        case "relativistic":
            return softplus(f - x), np.zeros_like(f)
        case "kl":
            return -x, np.exp(f - 1)
        case "reverse-kl":
            return np.exp(-x), f - 1
        case "pearson":
            return -x, f**2 / 4 + f
        case "hellinger":
            return np.exp(-x) - 1, np.exp(f) - 1
        case "alpha":
            alpha = rules.discriminator_alpha
            return alpha_loss(alpha, x), alpha_loss(alpha, -f)
    raise AssertionError(rules.kind)


def generator_terms(rules, x, f):
    match rules.kind:
        case "minimax":
            return -softplus(f)
        case "non-saturating":
            return softplus(-f)
        case "wasserstein" | "hinge":
            return -f
        case "least-squares":
            return (f - rules.real_label) ** 2 / 2
        case "relativistic":
            return softplus(x - f)
        case "kl":
            return -np.exp(f - 1)
        case "reverse-kl":
            return 1 - f
        case "pearson":
            return -(f**2) / 4 - f
        case "hellinger":
            return 1 - np.exp(f)
        case "alpha":
            return -alpha_loss(rules.generator_alpha, -f)
    raise AssertionError(rules.kind)


def length(squares):
    """Return the root, with the derivative 0 at 0."""
    return np.where(positive(squares), np.sqrt(np.where(positive(squares), squares, 1)), 0)


def mean(terms):
    return terms.mean((-2, -1))


# One experiment's losses.


@dataclass(frozen=True)
class Answer:
    """Both losses and their gradients, flat, with what is unsure of these."""

    generator_loss: float
    discriminator_loss: float
    generator: np.ndarray
    generator_error: float
    discriminator: np.ndarray
    discriminator_error: float


class Game:
    """The losses of an experiment's two players, for given networks and batches."""

    def __init__(self, experiment, jitter=0.0) -> None:
        self.e, self.rules, self.penalty = experiment, experiment.objective, experiment.penalty
        self.forms = Form.of(experiment.generator, jitter), Form.of(experiment.discriminator, jitter)
        sizes = (experiment.noise.dimension, experiment.dimension), (experiment.dimension, 1)
        self.like = [
            [(np.zeros(shape), np.zeros(shape[1] if bias else 0)) for shape, bias in form.shapes(n, player, m)]
            for form, player, (n, m) in zip(
                self.forms, (experiment.generator, experiment.discriminator), sizes, strict=True
            )
        ]

    @property
    def by_differences(self) -> bool:
        """Whether the answer takes derivatives of derivatives in parameters: complex steps would meet each other."""
        return self.penalty.kind == "consensus" or self.e.schedule.unroll > 0

    def generate(self, generator, noise, statistics=None):
        return Pass(self.forms[0], generator, noise, None, statistics).output

    def judge(self, discriminator, x, singular=None, statistics=None):
        return Pass(self.forms[1], discriminator, x, singular, statistics).output

    def generator_loss(self, discriminator, real, fake, singular=None):
        """Return the generator's loss, without consensus; only relativistic objectives look at the real batch."""
        on_real = self.judge(discriminator, real, singular) if self.rules.kind == "relativistic" else None
        return mean(generator_terms(self.rules, on_real, self.judge(discriminator, fake, singular)))

    def discriminator_loss(self, discriminator, real, fake, mix=None, singular=None):
        """Return the discriminator's loss with its penalty, but for consensus, which both players share."""
        on_real, on_fake = (self.judge(discriminator, x, singular) for x in (real, fake))
        loss = sum(mean(terms) for terms in discriminator_terms(self.rules, on_real, on_fake))
        for x, price, _ in self.penalized(real, fake, mix):
            slopes = Pass(self.forms[1], discriminator, x, singular).slopes()
            loss = loss + self.penalty.weight * price((slopes * slopes).sum(-1)).mean(-1)
        return loss

    def penalized(self, real, fake, mix):
        """List batches at which slopes are penalised, the price of their squares, and that price's kinks."""
        kind, target = self.penalty.kind, self.penalty.target
        if kind in ("none", "consensus"):
            return []
        if kind in ("r1", "r2", "r1-r2"):
            batches = {"r1": [real], "r2": [fake], "r1-r2": [real, fake]}[kind]
            return [(x, lambda squares: squares / 2, ()) for x in batches]
        mix = 0.5 if mix is None else mix
        m = self.forms[1].packing
        packs = real.reshape(len(real) // m, -1)
        if kind == "dragan":
            x = packs + 0.5 * real.std() * mix * np.ones_like(packs)
        else:
            x = mix * packs + (1 - mix) * fake.reshape(*fake.shape[:-2], *packs.shape)
        # Each row of x is a pack already: cut into samples, it is packed again.
        x = x.reshape(*x.shape[:-2], *real.shape)
        if kind == "one-sided":
            return [(x, lambda squares: above(length(squares) - target) ** 2, (0.0, target))]
        return [(x, lambda squares: (length(squares) - target) ** 2, (0.0,))]

    def consensus(self, generator, discriminator, real, noise, singular=None):
        """Return weight/2 of the squared lengths of both gradients, for stacks of both players' flat parameters."""

        def generator_loss(flat):
            critic = unflatten(discriminator[..., None, :], self.like[1])
            return self.generator_loss(critic, real, self.generate(unflatten(flat, self.like[0]), noise), singular)

        def discriminator_loss(flat):
            fake = self.generate(unflatten(generator[..., None, :], self.like[0]), noise)
            return self.discriminator_loss(unflatten(flat, self.like[1]), real, fake, None, singular)

        squares = [
            (derivative(function, flat) ** 2).sum(-1)
            for function, flat in ((generator_loss, generator), (discriminator_loss, discriminator))
        ]
        return self.penalty.weight / 2 * sum(squares)

    def kept_vectors(self, discriminator):
        """Return the vectors of a spectral norm, which are constants to derivatives of derivatives, or None."""
        wanted = self.forms[1].spectral and self.by_differences
        return [singular_vectors(weight) for weight, _ in discriminator] if wanted else None

    def unrolled(self, discriminator, real, fake, mix=None, singular=None, optimizer=None, finished=0):
        """List the flat discriminators after each update against given fakes, and what the clip was given.

        Parameters
        ----------
        discriminator : (n,)
            Flat parameters at the start.
        fake : (..., batch, d)
            Stacks of fakes make stacks of discriminators.
        optimizer : Optimizer, optional
            Where its moments stand; afresh if None.
        """
        own = Optimizer.of(self.e.optimizer.discriminator) if optimizer is None else copy.copy(optimizer)
        clip, path = self.e.discriminator.clip, []
        for _ in range(self.e.schedule.unroll):
            gradient = derivative(
                lambda flat: self.discriminator_loss(
                    unflatten(flat, self.like[1]), real, fake[..., None, :, :], mix, singular
                ),
                discriminator,
            )
            before = own.step(discriminator, gradient, finished)
            discriminator = np.clip(before, -clip, clip) if clip else before
            path.append((discriminator, before))
        return path

    def losses(self, generator, discriminator, real, noise, fake=None, mix=None):
        """Return both players' losses as functions of their own flat parameters, in the order of the arguments."""
        start, critic = flatten(generator), flatten(discriminator)
        made = self.generate(generator, noise)
        consensus, unroll = self.penalty.kind == "consensus", self.e.schedule.unroll
        singular = self.kept_vectors(discriminator)

        def generator_loss(flat):
            fakes, opponent = self.generate(unflatten(flat, self.like[0]), noise), discriminator
            if unroll:
                opponent = unflatten(self.unrolled(critic, real, fakes, mix, singular)[-1][0], self.like[1])
            loss = self.generator_loss(opponent, real, fakes, singular)
            return loss + self.consensus(flat, critic, real, noise, singular) if consensus else loss

        def discriminator_loss(flat):
            opponent, fakes = unflatten(flat, self.like[1]), made if fake is None else fake
            loss = self.discriminator_loss(opponent, real, fakes, mix, singular)
            return loss + self.consensus(start, flat, real, noise, singular) if consensus else loss

        return generator_loss, discriminator_loss

    def answer(self, generator, discriminator, real, noise, fake=None, mix=None) -> Answer:
        """Return what the engine's `gradients` must find."""
        values, gradients = [], []
        functions = self.losses(generator, discriminator, real, noise, fake, mix)
        for function, network, nested in zip(
            functions, (generator, discriminator), (self.by_differences, self.penalty.kind == "consensus"), strict=True
        ):
            flat = flatten(network)
            values.append(float(function(flat)))
            gradients += central_differences(function, flat) if nested else (derivative(function, flat), 0.0)
        return Answer(*values, *gradients)

    def distance_from_kinks(self, generator, discriminator, real, noise, fake=None, mix=None):
        """Return how near any value comes to where a derivative jumps."""
        made = Pass(self.forms[0], generator, noise)
        critics, singular = [discriminator], self.kept_vectors(discriminator)
        found = list(made.kinks)
        for critic, before in self.unrolled(flatten(discriminator), real, made.output, mix, singular):
            critics.append(unflatten(critic, self.like[1]))
            if self.e.discriminator.clip:
                found.append(np.abs(np.abs(before) - self.e.discriminator.clip))
        for critic in critics:
            for fakes in (made.output,) if fake is None else (made.output, fake):
                on_real, on_fake = (Pass(self.forms[1], critic, x, singular) for x in (real, fakes))
                found += on_real.kinks + on_fake.kinks
                if self.rules.kind == "hinge":
                    found += [np.abs(1 - on_real.output), np.abs(1 + on_fake.output)]
                for x, _, corners in self.penalized(real, fakes, mix):
                    between = Pass(self.forms[1], critic, x, singular)
                    slopes = between.slopes()
                    size = np.sqrt((slopes * slopes).sum(-1))
                    # A slope of exactly zero is that of dead units, whatever moves, unless rounding made it.
                    moving = size[size > 0] if self.forms[1].normalization == "none" else size
                    found += [*between.kinks, *(np.abs(moving - corner) for corner in corners)]
        return min((distance.min() for distance in found if distance.size), default=np.inf)


# Optimizers.


def rate(learning_rate, schedule="constant", steps=0, finished=0):
    """Return the learning rate after so many finished steps of the training."""
    done = min(finished / steps, 1) if schedule != "constant" else 0
    match schedule:
        case "constant":
            return learning_rate
        case "linear":
            return learning_rate * (1 - done)
        case "cosine":
            return learning_rate * (1 + math.cos(math.pi * done)) / 2
    raise AssertionError(schedule)


@dataclass
class Optimizer:
    """One player's optimizer after the formulas of PyTorch, TensorFlow 1 and the papers."""

    kind: str
    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    momentum: float = 0.9
    decay: float = 0.99
    epsilon: float = 1e-8
    tensorflow_epsilon: bool = False
    rate_schedule: str = "constant"
    rate_steps: int = 0
    count: int = 0
    m: np.ndarray | None = None
    v: np.ndarray | None = None
    last: np.ndarray | None = None
    """F_{t-1} or d_{t-1} of the optimistic ones."""

    @classmethod
    def of(cls, section) -> "Optimizer":
        """Read it from a player's section of an experiment."""
        settings = [entry.name for entry in fields(cls)][: [entry.name for entry in fields(cls)].index("count")]
        return cls(**{name: getattr(section, name) for name in settings})

    def step(self, theta, g, finished=0):
        """Return the new parameters.

        Extragradient moves to its half step and from the old parameters to the new ones by the same formula.
        """
        if self.m is None:
            self.m, self.last = np.zeros_like(g), np.zeros_like(g)
            # tf.train.RMSPropOptimizer's accumulator starts at one.
            self.v = np.ones_like(g) if self.kind == "rmsprop-tf1" else np.zeros_like(g)
        lr = rate(self.learning_rate, self.rate_schedule, self.rate_steps, finished)
        self.count += 1
        match self.kind:
            case "sgd" | "extragradient":
                return theta - lr * g
            case "momentum":
                # torch.optim.SGD: b_t = mu b_{t-1} + g_t, no dampening.
                self.m = self.momentum * self.m + g
                return theta - lr * self.m
            case "optimistic":
                last, self.last = self.last, g
                return theta - 2 * lr * g + lr * last
            case "rmsprop":
                # torch.optim.RMSprop: v_t = alpha v_{t-1} + (1 - alpha) g_t^2; theta - lr g_t / (sqrt(v_t) + eps).
                self.v = self.decay * self.v + (1 - self.decay) * g**2
                return theta - lr * g / (np.sqrt(self.v) + self.epsilon)
            case "rmsprop-tf1":
                # The same v; theta - lr g_t / sqrt(v_t + eps).
                self.v = self.decay * self.v + (1 - self.decay) * g**2
                return theta - lr * g / np.sqrt(self.v + self.epsilon)
            case "adam":
                return theta - lr * self.direction(g)
            case "optimistic-adam":
                # Daskalakis et al. (2018), algorithm 1.
                last, self.last = self.last, self.direction(g)
                return theta - 2 * lr * self.last + lr * last
        raise AssertionError(self.kind)

    def direction(self, g):
        """Return where Adam goes."""
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        first, second = 1 - self.beta1**self.count, 1 - self.beta2**self.count
        if self.tensorflow_epsilon:
            # The "epsilon hat" of Kingma and Ba (2015), end of section 2.
            return math.sqrt(second) / first * self.m / (np.sqrt(self.v) + self.epsilon)
        return self.m / first / (np.sqrt(self.v / second) + self.epsilon)
