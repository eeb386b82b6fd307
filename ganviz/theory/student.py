"""Student's t distribution, with and without normal noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .line import LOG_ROOT_TAU, SPANS, Line

Floats = NDArray[np.float64]

_FAR = 1e7
"""In units of scale and noise: beyond, noise changes the density by less than 1e-9 of it, and is left out."""
_CHUNK = 2048


@dataclass(frozen=True, eq=False)
class StudentT(Line):
    """Student's t distribution around a mean, with normal noise of a standard deviation.

    With noise it is taken as the normal distribution whose variance is scale² / w + std², w drawn from the gamma
    distribution with mean 1 and shape dof / 2. The integral over log w, whose integrand is analytic and falls on both
    sides, is a sum over equal steps: the trapezoidal rule, which converges exponentially there (Trefethen and Weideman
    2014, "The exponentially convergent trapezoidal rule").
    """

    mean: float
    scale: float
    dof: float
    std: float = 0.0

    @property
    def tail(self) -> tuple[float, float]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The exponent and the scale of both tails; noise does not change them."""
        return self.dof, self.scale

    @cached_property
    def _mixture(self) -> tuple[Floats, Floats]:
        """Standard deviations and logarithms of the shares (k,) of the normal distributions."""
        n = self.dof
        step = min(0.2, 0.6 * math.sqrt(2 / n))
        low = min(-90.0 / n, -2.0 * math.log(_FAR * (1 + self.std / self.scale))) - 10.0 * math.sqrt(2 / n)
        t = np.arange(low, 6.0 + math.log1p(100.0 / n), step)
        log = n / 2 * (t - np.exp(t)) + n / 2 * math.log(n / 2) - math.lgamma(n / 2) + math.log(step)
        kept = log > -800.0
        return np.sqrt(self.scale**2 * np.exp(-t[kept]) + self.std**2), log[kept]

    def _plain(self, x: Floats) -> Floats:
        n = self.dof
        factor = math.lgamma((n + 1) / 2) - math.lgamma(n / 2) - 0.5 * math.log(n * math.pi) - math.log(self.scale)
        return factor - (n + 1) * np.log(np.hypot(1.0, (x - self.mean) / (self.scale * math.sqrt(n))))

    def _near(self, x: Floats) -> NDArray[np.bool_]:
        return np.abs(x - self.mean) < _FAR * (self.scale + self.std)

    def _blurred(self, x: Floats) -> tuple[Floats, Floats]:
        """Return log density and its derivative at x, not too far out."""
        stds, shares = self._mixture
        log, slope = np.empty_like(x), np.empty_like(x)
        for first in range(0, len(x), _CHUNK):
            part = slice(first, first + _CHUNK)
            t = x[part, None] - self.mean
            parts = -0.5 * (t / stds) ** 2 - np.log(stds) - LOG_ROOT_TAU + shares
            top = parts.max(axis=1, keepdims=True)
            terms = np.exp(parts - top)
            total = terms.sum(axis=1)
            log[part] = top[:, 0] + np.log(total)
            slope[part] = -(terms * t / stds**2).sum(axis=1) / total
        return log, slope

    def log_pdf(self, x: Floats) -> Floats:  # noqa: D102
        log = self._plain(x)
        if self.std > 0:
            near = self._near(x)
            log[near] = self._blurred(x[near])[0]
        return log

    def score(self, x: Floats) -> Floats:  # noqa: D102
        t = (x - self.mean) / self.scale
        slope = -(self.dof + 1) / self.scale * np.divide(1.0, t + self.dof / np.where(t == 0, 1.0, t))
        slope[t == 0] = 0.0
        if self.std > 0:
            near = self._near(x)
            slope[near] = self._blurred(x[near])[1]
        return slope

    def cdf(self, x: Floats) -> Floats:  # noqa: D102
        return self.sf(2 * self.mean - x)

    def sf(self, x: Floats) -> Floats:  # noqa: D102
        t = (x - self.mean) / self.scale
        tail = self._tail(np.abs(t))
        if self.std > 0:
            near = self._near(x)
            tail[near] = self._blurred_tail(np.abs(x[near] - self.mean))
        return np.where(t > 0, tail, 1.0 - tail)

    def _tail(self, t: Floats) -> Floats:
        """Return P(T > t) for t ≥ 0, by the incomplete beta function and far out by its leading power."""
        from scipy.special import betainc, betaln

        n = self.dof
        far = t > 1e50 * math.sqrt(n)
        with np.errstate(under="ignore", divide="ignore", over="ignore"):
            share = 1.0 / np.hypot(1.0, t / math.sqrt(n)) ** 2
            power = np.exp(-n * np.log(t / math.sqrt(n)) - math.log(n) - betaln(n / 2, 0.5))
            return np.where(far, power, 0.5 * betainc(n / 2, 0.5, share))

    def _blurred_tail(self, t: Floats) -> Floats:
        from scipy.special import ndtr

        stds, shares = self._mixture
        weights = np.exp(shares)
        return np.concatenate(
            [ndtr(-t[first : first + _CHUNK, None] / stds) @ weights for first in range(0, len(t), _CHUNK)] or [t]
        )

    def blurred(self, std: float) -> StudentT:  # noqa: D102
        return replace(self, std=math.hypot(self.std, std))

    @property
    def knots(self) -> Floats:  # noqa: D102
        spans = np.array(SPANS)
        return np.unique(self.mean + np.concatenate([self.scale * spans, math.hypot(self.scale, self.std) * spans]))

    @property
    def support(self) -> Floats:  # noqa: D102
        return np.array([[-np.inf, np.inf]])
