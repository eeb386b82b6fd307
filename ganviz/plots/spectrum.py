"""The spectrum of the game: where the eigenvalues lie, and what they say of the present learning rate."""

from __future__ import annotations

import math
import textwrap

import numpy as np

from ganviz.metrics.spectrum import Spectrum
from ganviz.run import Frame

from .common import Floats, hint
from .scene import Axis, Band, Layer, Line, Points, Scene, Text

ARC = 512
FLATTEST = 0.01
"""The picture reaches at least this share of the largest eigenvalue to each side."""
LINE = 30
"""Letters of a line of words in the picture, which may be small."""


def spectrum(frame: Frame) -> Scene:
    """Draw the eigenvalues of the joint update field in the complex plane.

    Those with a negative real part shrink, the others grow in continuous time. A simultaneous step of rate h
    multiplies by 1 + h times the eigenvalue: it shrinks within the circle of radius 1/h around -1/h.
    """
    found = frame.spectrum
    title = "Spectrum"
    x, y = Axis("real part"), Axis("imaginary part")
    if found is None or not np.isfinite(found.eigenvalues).any():
        words = textwrap.fill(frame.spectrum_note, LINE) if frame.spectrum_note else "computing …"
        return Scene("spectrum", title, x, y, (hint(words),))
    title += ("" if found.step == frame.step else f" of step {found.step:,}") + f": locally {found.verdict}"
    values = found.eigenvalues[np.isfinite(found.eigenvalues)]
    # Where all are real, what the imaginary parts are by rounding is not to fill the picture, and the other way round.
    least = FLATTEST * float(np.abs(values).max())
    across, up = _range(np.real(values), least, 0.08), _range(np.imag(values), least, 0.12)
    up = (-max(-up[0], up[1]), max(-up[0], up[1]))
    layers = [
        *_region(found.rate, across, up),
        Line("zero", "neutral", x=np.zeros(2), y=np.array(up), width=1.0),
        *_eigenvalues(values, found.zeros),
        Text("rates", "accent", text=_rates(found), at=(0.02, 0.98)),
    ]
    if not found.complete:
        count = f"{len(values):,} of {found.parameters:,} eigenvalues"
        layers.append(Text("count", "accent", text=count, at=(0.02, 0.03)))
    x, y = Axis(x.label, range=across), Axis(y.label, range=up)
    return Scene("spectrum", title, x, y, tuple(layers))


def _eigenvalues(values: np.ndarray, zeros: int) -> list[Layer]:
    """Return the eigenvalues as points; those that are 0 but for rounding say nothing, and stand back."""
    order = np.argsort(np.abs(values), kind="stable")
    null = np.zeros(len(values), dtype=np.bool_)
    null[order[:zeros]] = True
    xy = np.stack([np.real(values), np.imag(values)], axis=1)
    stable = xy[:, 0] < 0
    points = (
        Points("null", "neutral", "0", xy=xy[null], size=4.0),
        Points("stable", "generator", "Re < 0", xy=xy[stable & ~null], size=4.0),
        Points("unstable", "discriminator", "Re ≥ 0", xy=xy[~stable & ~null], size=5.0),
    )
    return [layer for layer in points if len(layer.xy)]


def _region(rate: float, across: tuple[float, float], up: tuple[float, float]) -> list[Layer]:
    """Return the part of the disc |1 + rate z| < 1 that the picture shows, and its edge."""
    if not (math.isfinite(rate) and rate > 0):
        return []
    left, right = max(across[0], -2.0 / rate), min(across[1], 0.0)
    if not left < right:
        return []
    # Closer to both ends, where the edge is steepest.
    x = left + (right - left) * (1.0 - np.cos(np.linspace(0.0, np.pi, ARC))) / 2
    # (x + 1/h)² + y² = 1/h² is y² = -x (x + 2/h); in this form nothing cancels where h is small.
    height = np.sqrt(np.maximum(-x * (x + 2.0 / rate), 0.0))
    shown = np.minimum(height, up[1])
    layers: list[Layer] = [
        Band("region", "generator", f"shrinks at rate {_number(rate)}", x=x, low=-shown, high=shown, opacity=0.12)
    ]
    edge = np.where(height <= up[1], height, np.nan)
    if np.isfinite(edge).any():
        for name, sign in (("upper edge", 1.0), ("lower edge", -1.0)):
            layers.append(Line(name, "generator", x=x, y=sign * edge, width=1.0, style="dashed"))
    return layers


def _range(values: Floats, least: float, margin: float) -> tuple[float, float]:
    """Return a round range around the values and 0, at least twice ``least`` wide, with a margin as a share of it."""
    low, high = min(float(values.min()), -least), max(float(values.max()), least)
    span = max(high - low, 1e-12)
    step = 2.0 ** math.floor(math.log2(span)) / 4
    return math.floor((low - margin * span) / step) * step, math.ceil((high + margin * span) / step) * step


def _rates(found: Spectrum) -> str:
    """Return which learning rates are stable."""
    if found.largest_rate <= 0:
        return "no rate is stable"
    if math.isinf(found.largest_rate):
        return "every rate is stable"
    # Those that Krylov's method did not find may be stricter.
    word = "stable below" if found.complete else "unstable above"
    return f"{word} rate {_number(found.largest_rate)}"


def _number(value: float) -> str:
    return f"{value:.2g}".replace("-", "−")
