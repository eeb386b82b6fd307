"""Cycles in a curve: the period and the amplitude of what comes back, and how sure it is that something does.

A curve is cut down to `POINTS` means of equal stretches, freed of its trend, and compared with itself some time later:
its autocorrelation. A cycle of period P comes back after P and 2 P, and is upside down after P/2 and 3 P/2. Noise of
any colour does so at one of these places by chance, seldom at all four.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POINTS = 128
"""Means that a stretch of the curve is cut down to."""
TREND = 3
"""Degree of the polynomial that is taken away as trend; it can follow one cycle and a half, not four."""
SHORTEST = 6
"""Points in a period, at least: with fewer, noise from point to point looks like a cycle."""
PERIODS = 4
"""Periods in a stretch, at least."""
FIRST = 0.7
"""A return counts as the first if its correlation is this share of the best one's."""
SECOND = 1.25
"""What the second return is multiplied with: a cycle whose period wanders is out of step by then."""


@dataclass(frozen=True)
class Cycle:
    """What comes back in a stretch of a curve.

    Attributes
    ----------
    period : float
        In the unit of the curve's abscissa.
    amplitude : float
        Half of the distance from top to bottom of the sine that has the variance of what comes back.
    score : float
        The least of the four (anti)correlations at half a period, one, one and a half and two; 1: a pure sine.
    decay : float
        Standard deviation in the later half of the stretch over that in the earlier half.
    first, last : float
        Where the stretch begins and ends.
    """

    period: float
    amplitude: float
    score: float
    decay: float
    first: float
    last: float


def find_cycle(values: Floats, first: float, spacing: float) -> Cycle | None:
    """Find the cycle in `POINTS` values at equal distances; None where nothing comes back.

    Parameters
    ----------
    values : (POINTS,)
        Means over stretches of the curve.
    first, spacing : float
        Where the first stretch begins, and the length of each.
    """
    rest = _without_trend(values)
    covariance = _autocovariance(rest)
    if not covariance[0] > 1e-24 * float(np.mean(values**2)):
        return None
    r = covariance / covariance[0]
    longest = len(values) // PERIODS
    below = np.flatnonzero(r[:longest] < 0)
    if not len(below):
        return None
    start = int(below[0])
    lag = _first_return(r, start, longest)
    if lag < SHORTEST:
        return None
    second = slice(int(1.8 * lag), int(2.2 * lag) + 2)
    turned = slice(int(1.3 * lag), int(1.7 * lag) + 2)
    score = min(r[lag], -r[start:lag].min(), SECOND * r[second].max(), -SECOND * r[turned].min())
    period = _period(r, lag)
    # The mean over a stretch takes from a sine what its length takes of the period.
    seen = np.sinc(1 / period)
    half = len(rest) // 2
    early, late = rest[:half].std(), rest[half:].std()
    return Cycle(
        period=float(period * spacing),
        amplitude=float(np.sqrt(2 * max(_peak(covariance, lag)[1], 0.0)) / seen),
        score=float(score),
        decay=float(late / early) if early > 0 else np.inf,
        first=first,
        last=first + len(values) * spacing,
    )


def stretches(values: Floats, first: float, spacing: float) -> Iterator[tuple[Floats, float, float]]:
    """Cut the newest of values (n,) down to `POINTS` means, over 1, 2, 4 ... values each, and over all that fit.

    Yields arguments of `find_cycle`, the shortest stretch first.
    """
    most = len(values) // POINTS
    widths = [1 << k for k in range(most.bit_length())]
    if most and widths[-1] != most:
        widths.append(most)
    for width in widths:
        start = len(values) - POINTS * width
        yield values[start:].reshape(POINTS, width).mean(axis=1), first + start * spacing, width * spacing


def _without_trend(values: Floats) -> Floats:
    powers = np.polynomial.legendre.legvander(np.linspace(-1, 1, len(values)), TREND)
    orthonormal = np.linalg.qr(powers)[0]
    return values - orthonormal @ (orthonormal.T @ values)


def _autocovariance(values: Floats) -> Floats:
    """Return the unbiased autocovariance at lags 0, 1, 2 ..."""
    n = len(values)
    spectrum = np.fft.rfft(values, 2 * n)
    return np.fft.irfft(np.abs(spectrum) ** 2)[:n] / np.arange(n, 0, -1)


def _first_return(r: Floats, start: int, longest: int) -> int:
    """Return the lag of the first maximum that is about as high as the highest; 0: there is none."""
    lags = np.arange(start + 1, longest + 1)
    tops = lags[(r[lags] > 0) & (r[lags] >= r[lags - 1]) & (r[lags] >= r[lags + 1])]
    # What comes back after a period does so after each multiple of it, and there by chance a little better.
    return int(tops[r[tops] >= FIRST * r[tops].max()][0]) if len(tops) else 0


def _peak(values: Floats, place: int) -> tuple[float, float]:
    """Return place and height of the parabola through a local maximum and its neighbours."""
    left, middle, right = values[place - 1 : place + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return place + shift, float(middle - 0.25 * (left - right) * shift)


def _period(r: Floats, lag: int) -> float:
    """Return the period in points from the last return within half of the stretch that is still clear."""
    period, count = _peak(r, lag)[0], 1
    while (count + 1) * period + 0.2 * period < len(r) / 2:
        low, high = int((count + 0.8) * period), int((count + 1.2) * period) + 2
        place = low + int(np.argmax(r[low:high]))
        if r[place] < r[lag] / 2 or r[place] < max(r[place - 1], r[place + 1]):
            break
        count += 1
        period = _peak(r, place)[0] / count
    return float(period)
