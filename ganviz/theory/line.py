"""Distributions on the line, known exactly: densities, distribution functions, and what noise makes of them.

All of them are closed under the addition of normal noise. Logarithms of densities are exact far out, where the
densities themselves are 0 in floating point, since a divergence is made of their differences.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LOG_ROOT_TAU = 0.5 * math.log(2.0 * math.pi)
SPANS = (-12.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 12.0)
"""Where quadrature breaks a feature of width 1."""
_HALVINGS = 64


class Line(ABC):
    """A distribution on the line.

    Attributes
    ----------
    tail : tuple of (exponent, scale), optional
        Where the distribution has heavy tails on both sides: P(|x| > t) falls as (scale / t) to this exponent, up to a
        factor that the exponent determines. None: it falls faster than any power.
    """

    tail: tuple[float, float] | None = None

    @abstractmethod
    def log_pdf(self, x: Floats) -> Floats:
        """Return the logarithm of the density at x (n,); -inf where there is none."""

    @abstractmethod
    def score(self, x: Floats) -> Floats:
        """Return the derivative of the logarithm of the density at x (n,); 0 where there is no density."""

    @abstractmethod
    def cdf(self, x: Floats) -> Floats:
        """Return the distribution function P(X ≤ x) at x (n,)."""

    @abstractmethod
    def sf(self, x: Floats) -> Floats:
        """Return P(X > x) at x (n,), exact where it is small."""

    @abstractmethod
    def blurred(self, std: float) -> Line:
        """Return the distribution of X + N(0, std²)."""

    @property
    @abstractmethod
    def knots(self) -> Floats:
        """Places (k,), sorted, between which the density is smooth and has no narrow features."""

    @property
    @abstractmethod
    def support(self) -> Floats:
        """Intervals (k, 2), sorted and apart, whose union carries the density."""

    @property
    def atoms(self) -> tuple[Floats, Floats] | None:
        """Places and masses (k,) of a distribution of point masses; None: it has a density."""
        return None

    def pdf(self, x: Floats) -> Floats:
        """Return the density at x (n,), per unit of x."""
        return np.exp(self.log_pdf(x))

    def quantile(self, lower: ArrayLike, upper: ArrayLike | None = None) -> Floats:
        """Return the smallest x with P(X ≤ x) ≥ lower.

        Parameters
        ----------
        lower : (n,)
            Levels.
        upper : (n,), optional
            1 - lower, where it is known better than by this difference: the far upper quantiles need it.
        """
        below = np.asarray(lower, dtype=np.float64)
        above = 1.0 - below if upper is None else np.asarray(upper, dtype=np.float64)
        knots = self.knots
        centre, width = float(knots[len(knots) // 2]), float(knots[-1] - knots[0]) or 1.0
        # Halving the area hyperbolic sine finds near and far places alike.
        left, right = np.full(below.shape, -690.0), np.full(below.shape, 690.0)
        for _ in range(_HALVINGS):
            middle = (left + right) / 2
            x = centre + width * np.sinh(middle)
            further = np.where(below <= 0.5, self.cdf(x) < below, self.sf(x) > above)
            left, right = np.where(further, middle, left), np.where(further, right, middle)
        return centre + width * np.sinh(right)


def _normal_log_pdf(t: Floats, std: Floats | float) -> Floats:
    with np.errstate(over="ignore"):
        return -0.5 * (t / std) ** 2 - np.log(std) - LOG_ROOT_TAU


def _log_sum(parts: Floats) -> tuple[Floats, Floats]:
    """Return log Σ exp over the last axis, and each summand's share of the sum."""
    top = parts.max(axis=-1, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    terms = np.exp(parts - safe)
    total = terms.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        log = (safe + np.log(total))[..., 0]
    return log, terms / np.where(total > 0, total, 1.0)


@dataclass(frozen=True, eq=False)
class Normals(Line):
    """A mixture of normal distributions: centres, standard deviations and shares, all (k,)."""

    centres: Floats
    stds: Floats
    shares: Floats

    def _parts(self, x: Floats) -> tuple[Floats, Floats]:
        return _log_sum(_normal_log_pdf(x[:, None] - self.centres, self.stds) + np.log(self.shares))

    def log_pdf(self, x: Floats) -> Floats:  # noqa: D102
        return self._parts(x)[0]

    def score(self, x: Floats) -> Floats:  # noqa: D102
        weights = self._parts(x)[1]
        return (weights * (self.centres - x[:, None]) / self.stds**2).sum(axis=1)

    def cdf(self, x: Floats) -> Floats:  # noqa: D102
        from scipy.special import ndtr

        return ndtr((x[:, None] - self.centres) / self.stds) @ self.shares

    def sf(self, x: Floats) -> Floats:  # noqa: D102
        from scipy.special import ndtr

        return ndtr((self.centres - x[:, None]) / self.stds) @ self.shares

    def blurred(self, std: float) -> Normals:  # noqa: D102
        return replace(self, stds=np.hypot(self.stds, std))

    @property
    def knots(self) -> Floats:  # noqa: D102
        return np.unique(self.centres[:, None] + self.stds[:, None] * np.array(SPANS))

    @property
    def support(self) -> Floats:  # noqa: D102
        return np.array([[-np.inf, np.inf]])


@dataclass(frozen=True, eq=False)
class PointMasses(Line):
    """Point masses: places and masses (k,)."""

    places: Floats
    masses: Floats

    def _refuse(self) -> Floats:
        raise ValueError("point masses have no density; one that is blurred has, as distribution.blurred(std)")

    def log_pdf(self, x: Floats) -> Floats:  # noqa: D102
        return self._refuse()

    def score(self, x: Floats) -> Floats:  # noqa: D102
        return self._refuse()

    def cdf(self, x: Floats) -> Floats:  # noqa: D102
        return (x[:, None] >= self.places) @ self.masses

    def sf(self, x: Floats) -> Floats:  # noqa: D102
        return (x[:, None] < self.places) @ self.masses

    def blurred(self, std: float) -> Line:  # noqa: D102
        return Normals(self.places, np.full_like(self.places, std), self.masses) if std > 0 else self

    @property
    def atoms(self) -> tuple[Floats, Floats]:
        """Places, sorted and different, and their masses (k,)."""
        places, which = np.unique(self.places, return_inverse=True)
        return places, np.bincount(which, self.masses).astype(np.float64)

    @property
    def knots(self) -> Floats:  # noqa: D102
        return np.unique(self.places)

    @property
    def support(self) -> Floats:  # noqa: D102
        return np.stack([self.knots, self.knots], axis=1)


@dataclass(frozen=True, eq=False)
class Pieces(Line):
    """Uniform pieces, each with the same mass: ends (k, 2), sorted; with normal noise of a standard deviation."""

    ends: Floats
    std: float = 0.0

    def _log_parts(self, x: Floats) -> Floats:
        low, high = self.ends.T
        x = x[:, None]
        if self.std == 0:
            with np.errstate(divide="ignore"):
                inside = np.log(((x >= low) & (x <= high)).astype(np.float64))
        else:
            inside = _log_between((x - high) / self.std, (x - low) / self.std)
        return inside - np.log((high - low) * len(self.ends))

    def log_pdf(self, x: Floats) -> Floats:  # noqa: D102
        return _log_sum(self._log_parts(x))[0]

    def score(self, x: Floats) -> Floats:  # noqa: D102
        if self.std == 0:
            return np.zeros_like(x)
        log = self.log_pdf(x)[:, None]
        low, high = self.ends.T
        height = np.log((high - low) * len(self.ends))
        rise = np.exp(_normal_log_pdf(x[:, None] - low, self.std) - height - log)
        fall = np.exp(_normal_log_pdf(x[:, None] - high, self.std) - height - log)
        return (rise - fall).sum(axis=1)

    def cdf(self, x: Floats) -> Floats:  # noqa: D102
        low, high = self.ends.T
        return self._below(x[:, None] - low, x[:, None] - high)

    def sf(self, x: Floats) -> Floats:  # noqa: D102
        low, high = self.ends.T
        return self._below(high - x[:, None], low - x[:, None])

    def _below(self, beyond_near: Floats, beyond_far: Floats) -> Floats:
        """Return the mass on this side of a place that lies so far beyond the near and the far ends of the pieces."""
        widths = self.ends[:, 1] - self.ends[:, 0]
        if self.std == 0:
            return np.clip(beyond_near / widths, 0.0, 1.0).mean(axis=1)
        ramp = _ramp(beyond_near / self.std) - _ramp(beyond_far / self.std)
        ramp *= self.std / widths
        # Far beyond the pieces the two ramps are too long to be subtracted.
        return np.where(beyond_far > 40 * self.std, 1.0, np.clip(ramp, 0.0, 1.0)).mean(axis=1)

    def blurred(self, std: float) -> Pieces:  # noqa: D102
        return replace(self, std=math.hypot(self.std, std))

    @property
    def knots(self) -> Floats:  # noqa: D102
        return np.unique(self.ends.reshape(-1, 1) + self.std * np.array(SPANS))

    @property
    def support(self) -> Floats:  # noqa: D102
        if self.std > 0:
            return np.array([[-np.inf, np.inf]])
        joined = [self.ends[0].copy()]
        for low, high in self.ends[1:]:
            if low <= joined[-1][1]:
                joined[-1][1] = max(high, joined[-1][1])
            else:
                joined.append(np.array([low, high]))
        return np.array(joined)


def _log_between(a: Floats, b: Floats) -> Floats:
    """Return log(Φ(b) - Φ(a)) for a < b without loss in either tail."""
    from scipy.special import log_ndtr

    flip = a > 0
    low, high = log_ndtr(np.where(flip, -b, a)), log_ndtr(np.where(flip, -a, b))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(high), high + np.log(-np.expm1(low - high)), -np.inf)


def _ramp(t: Floats) -> Floats:
    """Return the integral of Φ from -∞ to t, t Φ(t) + φ(t), without cancellation on the left."""
    from scipy.special import erfcx

    size = np.abs(t)
    with np.errstate(under="ignore", over="ignore"):
        left = np.exp(-0.5 * size**2 - LOG_ROOT_TAU) * (
            1.0 - size * math.sqrt(math.pi / 2) * erfcx(size / math.sqrt(2))
        )
    return np.maximum(t, 0.0) + np.maximum(left, 0.0)


@dataclass(frozen=True, eq=False)
class Exponentials(Line):
    """An exponential distribution from a start to the right, or Laplace's to both sides; with normal noise."""

    start: float
    scale: float
    two_sided: bool = False
    std: float = 0.0

    @property
    def _sides(self) -> tuple[tuple[float, float], ...]:
        return ((1.0, 0.5), (-1.0, 0.5)) if self.two_sided else ((1.0, 1.0),)

    def _log_side(self, t: Floats) -> Floats:
        """Return the log density of the exponential to the right, t from its start.

        With noise the exponentially modified normal distribution, exp(σ²/2b² - t/b) Φ(t/σ - σ/b) / b; left of its
        zero the exponents are joined before they can overflow.
        """
        from scipy.special import erfcx, log_ndtr

        b, s = self.scale, self.std
        if s == 0:
            return np.where(t >= 0, -t / b, -np.inf) - math.log(b)
        z = t / s - s / b
        with np.errstate(over="ignore", divide="ignore"):
            left = -0.5 * (t / s) ** 2 + np.log(0.5 * erfcx(np.maximum(-z, 0.0) / math.sqrt(2)))
        right = log_ndtr(np.maximum(z, 0.0)) - t / b + 0.5 * (s / b) ** 2
        return np.where(z < 0, left, right) - math.log(b)

    def _logs(self, x: Floats) -> Floats:
        t = x - self.start
        return np.stack([self._log_side(sign * t) + math.log(share) for sign, share in self._sides], axis=-1)

    def log_pdf(self, x: Floats) -> Floats:  # noqa: D102
        return _log_sum(self._logs(x))[0]

    def score(self, x: Floats) -> Floats:  # noqa: D102
        logs = self._logs(x)
        weights = _log_sum(logs)[1]
        total = np.zeros_like(x)
        for index, (sign, share) in enumerate(self._sides):
            slope = np.full_like(x, -1.0)
            if self.std > 0:
                # f' = (N(t; σ) - f) / b, as for any convolution with an exponential.
                noise = _normal_log_pdf(x - self.start, self.std) + math.log(share)
                slope += np.exp(noise - logs[:, index])
            total += weights[:, index] * sign * slope / self.scale
        return total

    def _mass(self, t: Floats, above: bool) -> Floats:
        """Return the mass of the exponential to the right above or below t from its start."""
        from scipy.special import ndtr

        if self.std == 0:
            tail = -np.maximum(t, 0.0) / self.scale
            return np.exp(tail) if above else -np.expm1(tail)
        rest = self.scale * np.exp(self._log_side(t))
        return ndtr(-t / self.std) + rest if above else np.maximum(ndtr(t / self.std) - rest, 0.0)

    def cdf(self, x: Floats) -> Floats:  # noqa: D102
        t = x - self.start
        return sum((share * self._mass(sign * t, sign < 0) for sign, share in self._sides), np.zeros_like(x))

    def sf(self, x: Floats) -> Floats:  # noqa: D102
        t = x - self.start
        return sum((share * self._mass(sign * t, sign > 0) for sign, share in self._sides), np.zeros_like(x))

    def blurred(self, std: float) -> Exponentials:  # noqa: D102
        return replace(self, std=math.hypot(self.std, std))

    @property
    def knots(self) -> Floats:  # noqa: D102
        spans = np.array(SPANS)
        tails = 4.0 * self.scale * spans
        reach = np.concatenate([self.std * spans, tails if self.two_sided else tails[spans >= 0]])
        return np.unique(self.start + reach)

    @property
    def support(self) -> Floats:  # noqa: D102
        return np.array([[-np.inf if self.two_sided or self.std > 0 else self.start, np.inf]])
