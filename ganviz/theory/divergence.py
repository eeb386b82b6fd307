"""Divergences between two known distributions on the line, by quadrature; in nats. Infinite where they are.

Errors are below 1e-8 but for heavy tails at the border of divergence, which are followed to where the density is about
1e-300: for Student's t with 2 + ε degrees of freedom, W2 and KL against a Gaussian are short by a share of about
exp(-240 ε).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .line import Line
from .quadrature import integrate

Floats = NDArray[np.float64]
Integrand = Callable[[Floats, Floats], Floats]
_PROBES = np.array([200.0, 300.0])


def kl(p: Line, q: Line) -> float:
    """Return KL(p ‖ q) = ∫ p log(p/q), in nats.

    Infinite where p has mass that q has not, where one has a density and the other point masses, and where the tails
    of q are too light for those of p.
    """
    if p.atoms is not None or q.atoms is not None:
        return _from_atoms(p, q, lambda a, b: np.where(a > 0, _xlogy(a, a) - _xlogy(a, b), 0.0), math.inf)
    if not _covered(p, q) or not _vanishes(lambda a, b: a + _log(np.abs(a - b)), p, q):
        return math.inf
    # p log(p/q) - p + q is nowhere negative, and has the same integral: nothing cancels.
    return max(_integral(lambda a, b: _product(a, a - b) - np.exp(a) + np.exp(b), p, q), 0.0)


def reverse_kl(p: Line, q: Line) -> float:
    """Return KL(q ‖ p), in nats."""
    return kl(q, p)


def js(p: Line, q: Line) -> float:
    """Return the Jensen-Shannon divergence, in nats: ½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q)/2; at most ln 2."""

    def integrand(a: Floats, b: Floats) -> Floats:
        both = _log_add(a, b) - math.log(2.0)
        return 0.5 * (_product(a, a - both) + _product(b, b - both))

    if p.atoms is not None or q.atoms is not None:
        return _from_atoms(p, q, lambda a, b: integrand(_log(a), _log(b)), math.log(2.0))
    return max(_integral(integrand, p, q), 0.0)


def tv(p: Line, q: Line) -> float:
    """Return the total variation distance ½ ∫ |p - q|, at most 1."""
    if p.atoms is not None or q.atoms is not None:
        return _from_atoms(p, q, lambda a, b: 0.5 * np.abs(a - b), 1.0)

    def excess(x: Floats) -> Floats:
        return p.pdf(x) - q.pdf(x)

    # The integrand has a kink wherever the densities cross.
    crossings = _crossings(excess, _breaks(p, q))
    return min(_integral(lambda a, b: 0.5 * np.abs(np.exp(a) - np.exp(b)), p, q, crossings), 1.0)


def pearson(p: Line, q: Line) -> float:
    """Return Pearson's χ²(p ‖ q) = ∫ (p - q)²/q; infinite as `kl`, and for heavier tails of p sooner."""
    if p.atoms is not None or q.atoms is not None:
        return _from_atoms(p, q, lambda a, b: (a - b) ** 2 / np.where(b > 0, b, 1.0), math.inf)
    if not _covered(p, q) or not _vanishes(lambda a, b: 2 * a - b, p, q):
        return math.inf

    def integrand(a: Floats, b: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            # Where p is the smaller one the first form is exact, where q is the second.
            small = np.exp(b) * np.expm1(np.minimum(a - b, 0.0)) ** 2
            large = np.exp(2 * a - b) * np.expm1(np.minimum(b - a, 0.0)) ** 2
        return np.where(a == b, 0.0, np.where(a < b, small, large))

    return _integral(integrand, p, q)


def squared_hellinger(p: Line, q: Line) -> float:
    """Return ∫ (√p - √q)², at most 2."""
    if p.atoms is not None or q.atoms is not None:
        return _from_atoms(p, q, lambda a, b: (np.sqrt(a) - np.sqrt(b)) ** 2, 2.0)
    return _integral(lambda a, b: (np.exp(a / 2) - np.exp(b / 2)) ** 2, p, q)


def w1(p: Line, q: Line) -> float:
    """Return the Wasserstein-1 distance ∫ |F_p - F_q|; infinite where heavy tails that differ have no mean."""
    if _tails_apart(p, q, 1.0):
        return math.inf
    breaks = _breaks(p, q)

    def integrand(x: Floats) -> Floats:
        low, high = np.abs(p.cdf(x) - q.cdf(x)), np.abs(p.sf(x) - q.sf(x))
        return np.where(x < breaks[len(breaks) // 2], low, high)

    bounded = _bounded(p) and _bounded(q)
    kinks = np.union1d(breaks, _crossings(lambda x: p.cdf(x) - q.cdf(x), breaks))
    return integrate(integrand, kinks, low=not bounded, high=not bounded)


def w2(p: Line, q: Line) -> float:
    """Return the Wasserstein-2 distance (∫ (F_p⁻¹(u) - F_q⁻¹(u))² du)^½; infinite where heavy tails that differ have
    no variance.
    """  # noqa: D205
    if _tails_apart(p, q, 2.0):
        return math.inf
    if p.atoms is not None and q.atoms is not None:
        return _w2_of_atoms(p.atoms, q.atoms)
    if p.atoms is not None:
        p, q = q, p
    # With u = F_p(x) both tails are ordinary functions of the place, and nothing is infinite.
    places = p.knots
    levels = q.cdf(q.knots)
    mapped = p.quantile(levels[(levels > 1e-12) & (levels < 1 - 1e-12)])
    breaks = np.union1d(places, np.clip(mapped, places[0], places[-1]))

    def integrand(x: Floats) -> Floats:
        density, below, above = p.pdf(x), p.cdf(x), p.sf(x)
        squared = np.zeros_like(x)
        some = (density > 0) & (below > 0) & (above > 0)
        at, below, above = x[some], below[some], above[some]
        gap = at - q.quantile(below, above)
        # Far out a constant gap is lost in rounding, which would be squared; by then it weighs nothing.
        gap[np.abs(gap) < 1e-11 * np.abs(at)] = 0.0
        # The root of the density is taken inside, so that the square does not overflow.
        squared[some] = (gap * np.sqrt(density[some])) ** 2
        return squared

    bounded = _bounded(p)
    return math.sqrt(integrate(integrand, breaks, low=not bounded, high=not bounded))


def _integral(integrand: Integrand, p: Line, q: Line, kinks: Floats | None = None) -> float:
    breaks = _breaks(p, q) if kinks is None else np.union1d(_breaks(p, q), kinks)
    bounded = _bounded(p) and _bounded(q)

    def at(x: Floats) -> Floats:
        # Where neither has mass their logarithms are -inf, and the difference of these is no number, nor used.
        with np.errstate(invalid="ignore", over="ignore"):
            return integrand(p.log_pdf(x), q.log_pdf(x))

    return integrate(at, breaks, low=not bounded, high=not bounded)


def _breaks(p: Line, q: Line) -> Floats:
    return np.union1d(p.knots, q.knots)


def _crossings(difference: Callable[[Floats], Floats], breaks: Floats) -> Floats:
    """Return where a function changes its sign, between the breaks and to as far again on both sides."""
    reach = breaks[-1] - breaks[0]
    ends = np.concatenate([[breaks[0] - reach], breaks, [breaks[-1] + reach]])
    fine = np.concatenate([np.linspace(a, b, 9)[:-1] for a, b in pairwise(ends)])
    ahead = difference(fine)
    at = np.flatnonzero(ahead[:-1] * ahead[1:] < 0)
    low, high, sign = fine[at], fine[at + 1], np.sign(ahead[at])
    for _ in range(60):
        middle = (low + high) / 2
        same = np.sign(difference(middle)) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return high


def _bounded(p: Line) -> bool:
    return bool(np.isfinite(p.support).all())


def _log(x: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x)


def _xlogy(x: Floats, y: Floats) -> Floats:
    from scipy.special import xlogy

    with np.errstate(divide="ignore"):
        return np.asarray(xlogy(x, y))


def _log_add(a: Floats, b: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.logaddexp(a, b)


def _product(log: Floats, factor: Floats) -> Floats:
    """Return exp(log) times a factor, 0 where the first is 0, whatever the second is."""
    value = np.exp(log)
    return np.where(value > 0, value * np.where(value > 0, factor, 0.0), 0.0)


def _covered(p: Line, q: Line) -> bool:
    """Tell whether the support of q contains that of p."""
    return all(bool(((q.support[:, 0] <= low) & (q.support[:, 1] >= high)).any()) for low, high in p.support)


def _vanishes(log_integrand: Integrand, p: Line, q: Line) -> bool:
    """Tell whether an integrand, given by its logarithm, falls faster than 1/|x| on both sides."""
    breaks = _breaks(p, q)
    for side, edge in ((-1.0, breaks[0]), (1.0, breaks[-1])):
        x = edge + side * np.exp(_PROBES)
        log_p, log_q = p.log_pdf(x), q.log_pdf(x)
        if not np.isfinite(log_p).all():
            continue
        if not np.isfinite(log_q).all():
            return False
        with np.errstate(invalid="ignore"):
            near, far = log_integrand(log_p, log_q) + _PROBES
        # The margin is for rounding: where the product is constant the integral is infinite.
        if far > near - 1e-6 and far > -np.inf:
            return False
    return True


def _tails_apart(p: Line, q: Line, power: float) -> bool:
    """Tell whether tails differ in their leading term, and one of them has no moment of this power."""
    if p.tail == q.tail:
        return False
    return any(tail is not None and tail[0] <= power for tail in (p.tail, q.tail))


def _from_atoms(p: Line, q: Line, term: Integrand, apart: float) -> float:
    """Sum a term of two masses over all point masses; ``apart`` where only one of two distributions has such.

    Where the second mass is 0 and the first is not, ``apart`` infinite makes the sum infinite.
    """
    if p.atoms is None or q.atoms is None:
        return apart
    places = np.union1d(p.atoms[0], q.atoms[0])
    first, second = (_on(places, *atoms) for atoms in (p.atoms, q.atoms))
    if math.isinf(apart) and bool(((first > 0) & (second == 0)).any()):
        return apart
    return max(float(term(first, second).sum()), 0.0)


def _on(places: Floats, at: Floats, masses: Floats) -> Floats:
    found = np.zeros(len(places))
    found[np.searchsorted(places, at)] = masses
    return found


def _w2_of_atoms(p: tuple[Floats, Floats], q: tuple[Floats, Floats]) -> float:
    below_p, below_q = np.cumsum(p[1])[:-1], np.cumsum(q[1])[:-1]
    levels = np.concatenate([[0.0], np.sort(np.concatenate([below_p, below_q])), [1.0]])
    middles = (levels[1:] + levels[:-1]) / 2
    gaps = p[0][np.searchsorted(below_p, middles)] - q[0][np.searchsorted(below_q, middles)]
    return math.sqrt(float(np.diff(levels) @ gaps**2))
