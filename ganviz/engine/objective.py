"""Objectives: what each player minimises, as expressions of the discriminator's raw outputs.

y is the discriminator's raw output (a logit under cross entropy), sp(t) = log(1 + exp(t)), a and b the labels of real
and fake samples. Each objective is three functions of y: r on real samples and f on fake ones, whose means the
discriminator minimises the sum of, and g on fake ones, whose mean the generator minimises. Derivatives are
`ganviz.engine.graph`'s.

minimax and non-saturating: Goodfellow et al., "Generative adversarial nets" (2014), equation 1 and section 3, with
targets that need not be 1 and 0 as the full two-term cross entropy (one-sided label smoothing: Salimans et al. 2016,
section 3.4); wasserstein: Arjovsky, Chintala and Bottou, "Wasserstein GAN" (2017), equation 3; least-squares: Mao et
al. (2017), equation 9 with c = a; hinge: Lim and Ye (2017), Miyato et al. (2018), equations 16 and 17; relativistic:
Jolicoeur-Martineau (2018), equations 9 and 10, with pairs in batch order as in Huang et al. (2024); kl, reverse-kl,
pearson, hellinger: Nowozin, Cseke and Tomioka, "f-GAN" (2016), equation 5, tables 2 and 6; alpha: Sypherd et al.
(2019) and Kurri et al. (2021), with an alpha for each player as in Welfert et al. (2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganviz.experiment.sections import Objective

from . import activation
from .graph import Graph, Node

Term = Callable[[Graph, Node, Objective], Node]


@dataclass(frozen=True)
class Terms:
    """The functions r, f and g of an objective."""

    real: Term
    fake: Term
    generator: Term


def softplus(g: Graph, y: Node) -> Node:
    """Return log(1 + exp(y))."""
    return g.activate(activation.SOFTPLUS, y)


def relu(g: Graph, y: Node) -> Node:
    """Return max(0, y)."""
    return g.activate(activation.RELU, y)


def negative(g: Graph, y: Node) -> Node:
    """Return -y."""
    return g.scale(y, -1.0)


def cross_entropy(g: Graph, y: Node, target: float) -> Node:
    """Return target sp(-y) + (1 - target) sp(y)."""
    if target == 1.0:
        return softplus(g, negative(g, y))
    if target == 0.0:
        return softplus(g, y)
    return g.combine(softplus(g, negative(g, y)), softplus(g, y), target, 1.0 - target)


def half_square(g: Graph, y: Node, target: float) -> Node:
    """Return (y - target)^2 / 2."""
    distance = g.combine(y, c=-target)
    return g.scale(g.multiply(distance, distance), 0.5)


def alpha_loss(g: Graph, y: Node, alpha: float) -> Node:
    """Return alpha / (alpha - 1) (1 - s(y)^((alpha - 1) / alpha)), the log loss sp(-y) at alpha = 1."""
    surprise = softplus(g, negative(g, y))
    power = (alpha - 1.0) / alpha
    if power == 0.0:
        return surprise
    return g.scale(g.expm1(g.scale(g.masked(surprise), -power)), -1.0 / power)


def _exp_of(g: Graph, y: Node, a: float, c: float) -> Node:
    return g.exp(g.combine(g.masked(y), a=a, c=c))


def _quarter_square(g: Graph, y: Node) -> Node:
    return g.combine(g.multiply(y, y), y, 0.25)


def _smoothed(generator: Term) -> Terms:
    return Terms(
        lambda g, y, o: cross_entropy(g, y, o.real_label), lambda g, y, o: cross_entropy(g, y, o.fake_label), generator
    )


def _saddle(real: Term, fake: Term) -> Terms:
    """Terms of a game in which the generator maximises what the discriminator minimises."""
    return Terms(real, fake, lambda g, y, o: negative(g, fake(g, y, o)))


TERMS: dict[str, Terms] = {
    "minimax": _smoothed(lambda g, y, o: negative(g, softplus(g, y))),
    "non-saturating": _smoothed(lambda g, y, o: softplus(g, negative(g, y))),
    "wasserstein": _saddle(lambda g, y, o: negative(g, y), lambda g, y, o: y),
    "least-squares": Terms(
        lambda g, y, o: half_square(g, y, o.real_label),
        lambda g, y, o: half_square(g, y, o.fake_label),
        lambda g, y, o: half_square(g, y, o.real_label),
    ),
    "hinge": Terms(
        lambda g, y, o: relu(g, g.combine(y, a=-1.0, c=1.0)),
        lambda g, y, o: relu(g, g.combine(y, c=1.0)),
        lambda g, y, o: negative(g, y),
    ),
    "kl": _saddle(lambda g, y, o: negative(g, y), lambda g, y, o: _exp_of(g, y, 1.0, -1.0)),
    "reverse-kl": _saddle(lambda g, y, o: _exp_of(g, y, -1.0, 0.0), lambda g, y, o: g.combine(y, c=-1.0)),
    "pearson": _saddle(lambda g, y, o: negative(g, y), lambda g, y, o: _quarter_square(g, y)),
    "hellinger": _saddle(lambda g, y, o: g.expm1(negative(g, g.masked(y))), lambda g, y, o: g.expm1(g.masked(y))),
    "alpha": Terms(
        lambda g, y, o: alpha_loss(g, y, o.discriminator_alpha),
        lambda g, y, o: alpha_loss(g, negative(g, y), o.discriminator_alpha),
        lambda g, y, o: negative(g, alpha_loss(g, negative(g, y), o.generator_alpha)),
    ),
}
"""The objectives that judge samples one by one."""

RELATIVISTIC = "relativistic"


def discriminator_loss(g: Graph, objective: Objective, on_real: Node, on_fake: Node) -> Node:
    """Return the discriminator's loss, without penalties, for outputs (1, batch) on real and fake samples."""
    if objective.kind == RELATIVISTIC:
        return g.mean(softplus(g, g.combine(on_fake, on_real, 1.0, -1.0)))
    terms = TERMS[objective.kind]
    return g.combine(g.mean(terms.real(g, on_real, objective)), g.mean(terms.fake(g, on_fake, objective)))


def generator_loss(g: Graph, objective: Objective, on_real: Node | None, on_fake: Node) -> Node:
    """Return the generator's loss; only the relativistic one reads the outputs on real samples."""
    if objective.kind == RELATIVISTIC:
        assert on_real is not None
        return g.mean(softplus(g, g.combine(on_real, on_fake, 1.0, -1.0)))
    return g.mean(TERMS[objective.kind].generator(g, on_fake, objective))
