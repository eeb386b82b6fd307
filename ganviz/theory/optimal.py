"""The optimal discriminator of every objective, what it is worth, and where it pulls the generator.

For fixed densities p of real and q of generated samples the discriminator's loss is ∫ p r(y) + q f(y) dx, r and f being
the objective's functions of the raw output y (docs/definitions.md). Without a bound on the network the loss is least
where the integrand is at each place, so that y there is a function of log p and log q alone. Two objectives are no such
integral: the relativistic loss compares pairs, and a critic is bound by its slope (see `ganviz.theory.potential`).
With instance noise p and q are the blurred densities: ``distribution.blurred(std)``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganviz.experiment.sections import Objective

from . import divergence
from .line import Line
from .quadrature import integrate

Floats = NDArray[np.float64]


def optimal_output(objective: Objective, p: ArrayLike, q: ArrayLike) -> Floats:
    """Return the raw output of the optimal discriminator where the densities are p and q, arrays of one shape.

    NaN where both are 0. See `optimal_output_of_logs`, which does not underflow.
    """
    with np.errstate(divide="ignore"):
        return optimal_output_of_logs(
            objective, np.log(np.asarray(p, dtype=np.float64)), np.log(np.asarray(q, dtype=np.float64))
        )


def optimal_output_of_logs(objective: Objective, log_p: ArrayLike, log_q: ArrayLike) -> Floats:
    """Return the raw output y of the optimal discriminator, by the logarithms of both densities.

    With ρ = log p/q, s the logistic function, a and b the labels of real and fake, the minimum of p r(y) + q f(y):

    =========================  ==========================================================================
    minimax, non-saturating    logit of b + (a - b) s(ρ) = (a p + b q)/(p + q); ρ for labels 1 and 0
                               (Goodfellow et al. 2014, proposition 1; Salimans et al. 2016, section 3.4)
    least-squares              b + (a - b) s(ρ) (Mao et al. 2017, equation 5)
    hinge                      sign ρ (Lim and Ye 2017); where p = q all of [-1, 1] are as good, 0 is returned
    relativistic               ρ, up to a constant (Jolicoeur-Martineau 2019)
    kl, reverse-kl             1 + ρ, ρ      (Nowozin et al. 2016, table 2: T* = f'(p/q), brought to the raw
    pearson, hellinger         2 (e^ρ - 1), ρ/2      output by the inverse of table 6's activation)
    alpha                      α_D ρ (Sypherd et al. 2022: the α-tilted posterior)
    =========================  ==========================================================================

    Raises
    ------
    ValueError
        For wasserstein, whose optimum is no function of the densities at one place.
    """
    log_p, log_q = np.asarray(log_p, dtype=np.float64), np.asarray(log_q, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        ratio = log_p - log_q
        match objective.kind:
            case "minimax" | "non-saturating":
                return _labelled_logit(objective, ratio)
            case "least-squares":
                return _mean_label(objective, ratio)
            case "hinge":
                return np.sign(ratio)
            case "relativistic" | "reverse-kl":
                return ratio
            case "kl":
                return 1.0 + ratio
            case "pearson":
                return 2.0 * np.expm1(ratio)
            case "hellinger":
                return 0.5 * ratio
            case "alpha":
                return objective.discriminator_alpha * ratio
            case kind:
                raise ValueError(
                    f"the optimum of the objective {kind} is no function of the densities at one place: "
                    "it is a potential, see ganviz.theory.potential"
                )


def optimal_loss(objective: Objective, p: Line, q: Line) -> float:
    """Return the least value of the discriminator's loss, in 1-D, from the divergence that it is a form of.

    =========================  =============================================
    minimax, non-saturating    2 ln 2 - 2 JS for labels 1 and 0
    least-squares              (a - b)² (2 - ∫ (p - q)²/(p + q)) / 8
    wasserstein                -W1, for slopes up to 1
    hinge                      2 (1 - TV)
    kl, reverse-kl, pearson    -KL(p ‖ q), -KL(q ‖ p), -χ²(p ‖ q)
    hellinger                  -∫ (√p - √q)²
    =========================  =============================================

    Other labels and alpha by quadrature of the pointwise minimum. -inf where the divergence is infinite.

    Raises
    ------
    ValueError
        For relativistic, whose least loss is no such integral; and for point masses where densities are needed.
    """
    match objective.kind:
        case "wasserstein":
            return -divergence.w1(p, q)
        case "hinge":
            return 2.0 * (1.0 - divergence.tv(p, q))
        case "kl":
            return -divergence.kl(p, q)
        case "reverse-kl":
            return -divergence.kl(q, p)
        case "pearson":
            return -divergence.pearson(p, q)
        case "hellinger":
            return -divergence.squared_hellinger(p, q)
        case "minimax" | "non-saturating" if (objective.real_label, objective.fake_label) == (1.0, 0.0):
            return 2.0 * math.log(2.0) - 2.0 * divergence.js(p, q)
        case "relativistic":
            raise ValueError("the least loss of the objective relativistic is no integral of a function of p and q")
        case _:
            return _integrated_loss(objective, p, q)


def generator_gradient(objective: Objective, p: Line, q: Line, x: ArrayLike) -> Floats:
    """Return the derivative in x (n,) of a generated sample's share of the generator's loss under the optimum, in 1-D.

    The discriminator is held: this is g'(y) dy/dx with g the generator's loss and y the optimal output. Descent moves a
    sample against it. Its mean over q is the gradient in the mean of q. NaN where neither p nor q has mass; the optimum
    of hinge has steps, and slope 0 elsewhere.
    """
    places = np.asarray(x, dtype=np.float64)
    if objective.kind == "wasserstein":
        # g = -f, and f rises where F_q exceeds F_p.
        return -np.sign(q.cdf(places) - p.cdf(places))
    log_p, log_q = p.log_pdf(places), q.log_pdf(places)
    with np.errstate(invalid="ignore", over="ignore"):
        ratio = log_p - log_q
        steepness = p.score(places) - q.score(places)
        if objective.kind == "relativistic":
            return _relativistic_pull(p, q, ratio) * steepness
        return _pull(objective, ratio) * steepness


def _mean_label(objective: Objective, ratio: Floats) -> Floats:
    from scipy.special import expit

    a, b = objective.real_label, objective.fake_label
    return a * expit(ratio) + b * expit(-ratio)


def _labelled_logit(objective: Objective, ratio: Floats) -> Floats:
    """Return log (a p + b q) - log ((1 - a) p + (1 - b) q), both divided by q or, where it is larger, by p."""
    a, b = objective.real_label, objective.fake_label
    if (a, b) == (1.0, 0.0):
        return ratio
    over_p, over_q = np.exp(np.minimum(-ratio, 0.0)), np.exp(np.minimum(ratio, 0.0))
    large = ratio > 0
    of_p, of_q = np.where(large, 1.0, over_q), np.where(large, over_p, 1.0)
    logit = np.log(a * of_p + b * of_q) - np.log((1 - a) * of_p + (1 - b) * of_q)
    return np.where(np.isnan(ratio), np.nan, logit)


def _integrated_loss(objective: Objective, p: Line, q: Line) -> float:
    from scipy.special import xlog1py, xlogy

    breaks = np.union1d(p.knots, q.knots)
    bounded = bool(np.isfinite(p.support).all() and np.isfinite(q.support).all())

    def integrand(x: Floats) -> Floats:
        log_p, log_q = p.log_pdf(x), q.log_pdf(x)
        on_p, on_q = np.exp(log_p), np.exp(log_q)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            ratio = np.where(on_p + on_q > 0, log_p - log_q, 0.0)
            a, b = objective.real_label, objective.fake_label
            label = _mean_label(objective, ratio)
            if objective.kind == "least-squares":
                return 0.5 * on_p * (label - a) ** 2 + 0.5 * on_q * (label - b) ** 2
            if objective.kind == "alpha":
                power = (objective.discriminator_alpha - 1.0) / objective.discriminator_alpha
                logit = objective.discriminator_alpha * ratio
                return _weighted_alpha(on_p, logit, power) + _weighted_alpha(on_q, -logit, power)
            total = on_p + on_q
            return -total * (xlogy(label, label) + xlog1py(1.0 - label, -label))

    return integrate(integrand, breaks, low=not bounded, high=not bounded)


def _weighted_alpha(weight: Floats, y: Floats, power: float) -> Floats:
    """Return a density times (1 - s(y)^power) / power, with the limit -log s(y) at 0; 0 where the density is 0."""
    surprise = np.logaddexp(0.0, -y)
    loss = surprise if power == 0 else -np.expm1(-power * surprise) / power
    return np.where(weight > 0, weight * np.where(weight > 0, loss, 0.0), 0.0)


def _pull(objective: Objective, ratio: Floats) -> Floats:
    """Return d g(y*(ρ)) / dρ, g the generator's loss as a function of the raw output y."""
    from scipy.special import expit

    rising, falling = expit(ratio), expit(-ratio)
    a, b = objective.real_label, objective.fake_label
    label = _mean_label(objective, ratio)
    match objective.kind:
        case "minimax":
            # -s(y) dy/dρ, where s(y) is the label and its logit's derivative label' / label (1 - label).
            slope = (a - b) * rising * falling
            return -rising if (a, b) == (1.0, 0.0) else -slope / (1.0 - label)
        case "non-saturating":
            slope = (a - b) * rising * falling
            return -falling if (a, b) == (1.0, 0.0) else -slope / label
        case "least-squares":
            return (label - a) * (a - b) * rising * falling
        case "hinge":
            return np.where(np.isnan(ratio), np.nan, 0.0)
        case "kl":
            return -np.exp(ratio)
        case "reverse-kl":
            return np.where(np.isnan(ratio), np.nan, -1.0)
        case "pearson":
            # g = -(y²/4 + y) = 1 - e^2ρ at y = 2 (e^ρ - 1).
            return -2.0 * np.exp(2.0 * ratio)
        case "hellinger":
            return -0.5 * np.exp(0.5 * ratio)
        case "alpha":
            # g = -(1 - s(-y)^b)/b, whose derivative in y is -s(-y)^b s(y).
            power = (objective.generator_alpha - 1.0) / objective.generator_alpha
            y = objective.discriminator_alpha * ratio
            return -objective.discriminator_alpha * np.exp(-power * np.logaddexp(0.0, y)) * expit(y)
        case kind:
            raise ValueError(f"the objective {kind} has no generator's loss of a single output")


def _relativistic_pull(p: Line, q: Line, ratio: Floats) -> Floats:
    """Return dE_x sp(D(x) - y)/dy = -E_x s(D(x) - y), x real and D = log p/q, at y (n,)."""
    from scipy.special import expit

    breaks = np.union1d(p.knots, q.knots)

    def mean(y: float) -> float:
        def integrand(x: Floats) -> Floats:
            log_p = p.log_pdf(x)
            with np.errstate(invalid="ignore"):
                share = expit(log_p - q.log_pdf(x) - y)
            return np.where(np.isfinite(log_p), np.exp(log_p) * np.where(np.isfinite(log_p), share, 0.0), 0.0)

        return integrate(integrand, breaks)

    return np.array([math.nan if math.isnan(y) else -mean(float(y)) for y in ratio])
