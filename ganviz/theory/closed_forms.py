"""Closed forms: what a correct estimate has to come to. All divergences in nats.

"Gaussian" functions compare N(0, 1) with N(mean, std²) where they take one mean and one standard deviation; any two
Gaussians on the line are brought to that by an affine map, which leaves KL, JS and TV alone and scales the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import divergence
from .line import Normals
from .quadrature import integrate

Floats = NDArray[np.float64]


def gaussian_kl(mean: float, std: float = 1.0) -> float:
    """Return KL(N(0, 1) ‖ N(mean, std²)) = log std + (1 + mean²) / 2 std² - ½."""
    _positive(std)
    return math.log(std) + (1.0 + mean**2) / (2.0 * std**2) - 0.5


def gaussian_js(mean: float, std: float = 1.0) -> float:
    """Return JS(N(0, 1), N(mean, std²)). There is no closed form; by quadrature, to 1e-12."""
    _positive(std)
    return divergence.js(_normal(0.0, 1.0), _normal(mean, std))


def gaussian_tv(mean: float, std: float = 1.0) -> float:
    """Return TV(N(0, 1), N(mean, std²)): the difference of both masses on the set where one density is the larger.

    The densities cross where (1 - std⁻²) x² + 2 mean x / std² - mean² / std² - 2 log std = 0; for std = 1 at mean / 2,
    which gives 2 Φ(|mean| / 2) - 1.
    """
    _positive(std)
    if std == 1.0:
        return math.erf(abs(mean) / 2 / math.sqrt(2.0))
    a, b = 1.0 - std**-2, 2.0 * mean / std**2
    c = -(mean**2) / std**2 - 2.0 * math.log(std)
    # The stable form of the roots of a x² + b x + c: with std near 1 one of them lies far out.
    q = -0.5 * (b + math.copysign(math.sqrt(b * b - 4.0 * a * c), b))
    low, high = sorted((q / a, c / q))
    first = _normal_cdf(high) - _normal_cdf(low)
    second = _normal_cdf((high - mean) / std) - _normal_cdf((low - mean) / std)
    return abs(first - second)


def gaussian_w1(mean: float, std: float = 1.0) -> float:
    """Return W1(N(0, 1), N(mean, std²)) = E|m + s Z| with m = mean, s = std - 1: a folded normal's mean.

    s √(2/π) exp(-m²/2s²) + m (1 - 2 Φ(-m/s)) for s > 0.
    """
    _positive(std)
    s = abs(std - 1.0)
    if s == 0:
        return abs(mean)
    return s * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * (mean / s) ** 2) + mean * math.erf(mean / s / math.sqrt(2.0))


def gaussian_w2(mean: float, std: float = 1.0) -> float:
    """Return W2(N(0, 1), N(mean, std²)) = (mean² + (std - 1)²)^½."""
    _positive(std)
    return math.hypot(mean, std - 1.0)


def gaussian_energy(mean: float, std: float = 1.0) -> float:
    """Return the energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| of N(0, 1) and N(mean, std²).

    Székely and Rizzo (2013), "Energy statistics"; E|m + s Z| is that of `gaussian_w1`.
    """
    _positive(std)
    across = math.hypot(1.0, std)
    between = across * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * (mean / across) ** 2)
    between += mean * math.erf(mean / across / math.sqrt(2.0))
    return 2.0 * between - 2.0 * (1.0 + std) / math.sqrt(math.pi)


def multivariate_kl(mean_p: ArrayLike, cov_p: ArrayLike, mean_q: ArrayLike, cov_q: ArrayLike) -> float:
    """Return KL(N(mean_p, cov_p) ‖ N(mean_q, cov_q)) for means (d,) and covariances (d, d).

    ½ (tr(Q⁻¹ P) + δᵀ Q⁻¹ δ - d + log det Q / det P).
    """
    delta, p, q = _moments(mean_p, cov_p, mean_q, cov_q)
    trace = float(np.trace(np.linalg.solve(q, p)))
    square = float(delta @ np.linalg.solve(q, delta))
    return 0.5 * (trace + square - len(delta) + float(np.linalg.slogdet(q)[1] - np.linalg.slogdet(p)[1]))


def multivariate_w2(mean_p: ArrayLike, cov_p: ArrayLike, mean_q: ArrayLike, cov_q: ArrayLike) -> float:
    """Return W2 between two Gaussians: (‖δ‖² + tr(P + Q - 2 (P^½ Q P^½)^½))^½.

    Dowson and Landau (1982); Givens and Shortt (1984). Covariances (d, d) may be singular.
    """
    delta, p, q = _moments(mean_p, cov_p, mean_q, cov_q)
    values, vectors = np.linalg.eigh(p)
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    inner = np.linalg.eigvalsh(root @ q @ root)
    square = float(delta @ delta + np.trace(p) + np.trace(q) - 2.0 * np.sqrt(np.maximum(inner, 0.0)).sum())
    return math.sqrt(max(square, 0.0))


@dataclass(frozen=True)
class Divergences:
    """Divergences of two distributions: KL(p ‖ q), KL(q ‖ p), JS, total variation and W1."""

    kl: float
    reverse_kl: float
    js: float
    tv: float
    w1: float


def parallel_lines(gap: float) -> Divergences:
    """Return the divergences of two parallel segments, one moved across by a gap.

    Arjovsky, Chintala and Bottou (2017), "Wasserstein GAN", example 1: only W1 is continuous in the gap.
    """
    if gap == 0:
        return Divergences(0.0, 0.0, 0.0, 0.0, 0.0)
    return Divergences(math.inf, math.inf, math.log(2.0), 1.0, abs(gap))


def mode_kl(captured: int, modes: int) -> float:
    """Return the reverse KL over modes, log(K / k), where k of K equal modes are used, evenly."""
    if not 1 <= captured <= modes:
        raise ValueError(f"{captured} captured modes of {modes} do not exist; from 1 to {modes} are allowed")
    return math.log(modes / captured)


def mode_kl_floor(modes: int, samples: int) -> float:
    """Return about what n samples of all K modes, drawn evenly, score: (K - 1) / 2n.

    2n times the divergence of the observed shares is Wilks's statistic, χ² with K - 1 degrees of freedom.
    """
    return (modes - 1) / (2.0 * samples)


def high_quality_share(dimension: int = 2, radius: float = 3.0) -> float:
    """Return the share of a Gaussian within so many standard deviations of its centre.

    P(χ²_d ≤ r²); in two dimensions 1 - exp(-r²/2) = 98.889 % for r = 3.
    """
    from scipy.special import gammainc

    if dimension == 2:
        return -math.expm1(-0.5 * radius**2)
    return float(gammainc(dimension / 2.0, 0.5 * radius**2))


def optimal_discriminator_value(js: float) -> float:
    """Return V(D*) = 2 JS - 2 ln 2, which the discriminator's loss is the negative of.

    Goodfellow et al. (2014), theorem 1.
    """
    return 2.0 * js - 2.0 * math.log(2.0)


def minimax_gradient(mean: float) -> float:
    """Return the minimax generator's gradient in the mean μ of N(μ, 1) against N(0, 1) under D*: 2 dJS/dμ.

    ∫ ∂q/∂μ log(1 - D*) over x, with 1 - D* = q / (p + q). It vanishes as μ grows: Arjovsky and Bottou (2017), theorem
    2.4.
    """
    # E_q of the derivative of -sp(y) is -s(y) y', and the logit y of D* has the slope -μ.
    return _gradient(mean, lambda x: _sigmoid(_logit(x, mean)) * mean)


def non_saturating_gradient(mean: float) -> float:
    """Return the non-saturating generator's gradient in the mean μ of N(μ, 1) against N(0, 1) under D*.

    d/dμ of E_q[-log D*] with D* held: E_q[(1 - D*) μ], since the logit of D* falls with slope μ. It is that of
    KL(q ‖ p) - 2 JS: Arjovsky and Bottou (2017), theorem 2.5.
    """
    return _gradient(mean, lambda x: _sigmoid(-_logit(x, mean)) * mean)


def wasserstein_gradient(mean: float) -> float:
    """Return dW1/dμ of N(μ, 1) against N(0, 1): the sign of μ, however far away it is."""
    return math.copysign(1.0, mean) if mean else 0.0


def _gradient(mean: float, pull: Callable[[Floats], Floats]) -> float:
    p, q = _normal(0.0, 1.0), _normal(mean, 1.0)
    return integrate(lambda x: q.pdf(x) * pull(x), np.union1d(p.knots, q.knots))


def _logit(x: Floats, mean: float) -> Floats:
    """Return log p(x)/q(x) of N(0, 1) and N(mean, 1)."""
    return mean * (mean / 2.0 - x)


def _sigmoid(t: Floats) -> Floats:
    from scipy.special import expit

    return expit(t)


def _normal(mean: float, std: float) -> Normals:
    return Normals(np.array([float(mean)]), np.array([float(std)]), np.ones(1))


def _positive(std: float) -> None:
    if not std > 0:
        raise ValueError(f"the standard deviation is {std:g}; a number above 0 is needed")


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _moments(mean_p: ArrayLike, cov_p: ArrayLike, mean_q: ArrayLike, cov_q: ArrayLike) -> tuple[Floats, Floats, Floats]:
    delta = np.atleast_1d(np.asarray(mean_q, dtype=np.float64) - np.asarray(mean_p, dtype=np.float64))
    p, q = (np.atleast_2d(np.asarray(cov, dtype=np.float64)) for cov in (cov_p, cov_q))
    if delta.ndim != 1 or p.shape != (len(delta), len(delta)) or q.shape != p.shape:
        raise ValueError(f"means differ by {delta.shape} and covariances are {p.shape} and {q.shape}: (d,) and (d, d)")
    return delta, p, q
