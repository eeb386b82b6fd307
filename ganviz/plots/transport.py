"""The optimal transport plan: which generated point goes to which real one, and how much moves how far."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ganviz.metrics.plan import Plan
from ganviz.run import Frame

from .common import Floats, data_axes, hint
from .scene import Axis, Band, Layer, Points, Scene, Segments, Text

RAILS = 200
"""Quantiles that are joined in one dimension, at most."""
FURTHEST = 1.5
"""The picture reaches beyond the data's box by this many times its side at most, to show where the fakes are."""
BINS = 72
HILL = 0.42
"""Height of the densities beside the rails, whose distance is 1."""


def transport(frame: Frame) -> Scene:
    """Draw the plan: in one dimension between two rails, in two over the samples."""
    return _rails(frame) if frame.experiment.dimension == 1 else _assignment(frame)


def _rails(frame: Frame) -> Scene:
    """Draw lines from the quantiles of the generated samples up to those of the real ones.

    Where nothing is to move they stand upright; where mass moves their bundle leans over.
    """
    x, _ = _axes(frame)
    edges = np.linspace(*(x.range or frame.box[0]), BINS + 1)
    layers: list[Layer] = [
        _hill("real", frame.real[:, 0], edges, 1.0, HILL),
        _hill("fake", frame.fake[:, 0], edges, 0.0, -HILL),
    ]
    plan = frame.plan
    if plan is None:
        layers.append(hint("computing …"))
    else:
        # The middles of equally heavy shares of the sorted points.
        rows = np.unique(((np.arange(RAILS) + 0.5) / RAILS * len(plan.fake)).astype(np.int64))[: len(plan.fake)]
        start, end = (
            np.stack([points[rows, 0], np.full(len(rows), height)], axis=1)
            for points, height in ((plan.fake, 0.0), (plan.real, 1.0))
        )
        layers += _lines(plan, start, end, _far(frame, plan)[rows])
        layers.append(_cost(plan))
    heights = Axis("samples", range=(-HILL - 0.04, 1.35 + HILL), ticks=((0.0, "fake"), (1.0, "real")))
    return Scene("transport", "Optimal transport", x, heights, tuple(layers))


def _assignment(frame: Frame) -> Scene:
    """Draw lines from each generated point to its real one."""
    x, y = _axes(frame)
    layers: list[Layer] = []
    plan = frame.plan
    if plan is not None:
        layers += _lines(plan, plan.fake, plan.real, _far(frame, plan))
    layers.append(Points("real", "real", "real", xy=frame.real if plan is None else plan.real, size=2.4))
    layers.append(Points("fake", "fake", "fake", xy=frame.fake if plan is None else plan.fake, size=2.4))
    layers.append(hint("computing …") if plan is None else _cost(plan))
    return Scene("transport", "Optimal transport", x, y, tuple(layers), equal=frame.experiment.table is None)


def _axes(frame: Frame) -> list[Axis]:
    """Return the data's axes, widened in quarters of their sides until they show nearly all fakes."""
    axes: list[Axis] = []
    for column, (axis, (low, high)) in enumerate(zip(data_axes(frame), frame.box, strict=False)):
        fakes = frame.fake[:, column]
        fakes = fakes[np.isfinite(fakes)]
        first, last = np.quantile(fakes, [0.02, 0.98]) if len(fakes) else (low, high)
        side = high - low
        below, above = (
            side / 4 * math.ceil(min(max(beyond / side, 0.0), FURTHEST) * 4) for beyond in (low - first, last - high)
        )
        axes.append(replace(axis, range=(low - below, high + above)))
    return axes if len(axes) == 2 else [*axes, Axis("")]


def _far(frame: Frame, plan: Plan) -> np.ndarray:
    """Tell the pairs (k,) that move further than chance: those of the largest distances, as many as the plan says."""
    # Standardised data are compared in standard deviations.
    unit = frame.real.std(axis=0) if frame.experiment.data.standardize else np.ones(plan.real.shape[1])
    unit = np.where(unit > 0, unit, 1.0)
    distances = np.sqrt((((plan.real - plan.fake) / unit) ** 2).sum(axis=1))
    far = np.zeros(len(distances), dtype=np.bool_)
    count = round(plan.moved * len(distances))
    far[np.argsort(distances, kind="stable")[len(distances) - count :]] = True
    return far


def _lines(plan: Plan, start: Floats, end: Floats, far: np.ndarray) -> list[Layer]:
    """Return the lines of the pairs, those that move further than chance in the colour of the fakes."""
    words = f"{plan.moved:.0%} moves beyond chance"
    near = Segments("near", "neutral", "" if far.any() else words, start=start[~far], end=end[~far], opacity=0.45)
    moved = Segments("moved", "fake", words, start=start[far], end=end[far], opacity=0.75)
    return [layer for layer in (near, moved) if len(layer.start)]


def _cost(plan: Plan) -> Text:
    sign = "=" if plan.exact else "≈"
    return Text("cost", "accent", text=f"W1 {sign} {plan.cost:.3g}", at=(0.02, 0.98))


def _hill(name: str, samples: Floats, edges: Floats, foot: float, height: float) -> Band:
    """Return the samples' density beside a rail."""
    counts, _ = np.histogram(samples, edges)
    shape = foot + height * np.repeat(counts / max(int(counts.max()), 1), 2)
    foots = np.full_like(shape, foot)
    low, high = np.minimum(shape, foots), np.maximum(shape, foots)
    role = "real" if name == "real" else "fake"
    return Band(name, role, role, x=np.repeat(edges, 2)[1:-1], low=low, high=high, opacity=0.55)
