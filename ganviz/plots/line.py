"""The stage in one dimension: densities of real and fake, and the discriminator's curve on its own axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ganviz.run import Frame

from .common import (
    AVERAGED,
    Floats,
    data_axes,
    judgement,
    judgement_axis,
    judgement_label,
    missing_modes,
    rounded_range,
)
from .optimal import at_points, optimal_outputs
from .scene import Axis, Band, Histogram, Layer, Line, Role, Scene, Segments, Text

BINS = 96
MOST = 8.0
"""The density axis reaches at most this many times beyond the highest real density."""


def line(frame: Frame) -> Scene:
    """Draw densities and discriminator of a one-dimensional frame."""
    x, _ = data_axes(frame)
    edges = np.linspace(*frame.box[0], BINS + 1)
    fake = _heights(frame.fake[:, 0], edges)
    layers: list[Layer] = []
    if frame.density is not None:
        place, height = frame.density
        layers.append(Band("real area", "real", x=place, low=np.zeros_like(height), high=height))
        layers.append(Line("real", "real", "real density", x=place, y=height, width=2.0))
    else:
        height = _heights(frame.real[:, 0], edges)
        layers.append(Histogram("real", "real", "real", edges=edges, heights=height, opacity=0.4))
    layers.append(Histogram("fake", "fake", "fake", edges=edges, heights=fake, opacity=0.5))
    highest = float(fake.max())
    if frame.average is not None:
        average = _heights(frame.average[:, 0], edges)
        highest = max(highest, float(average.max()))
        layers.append(_outline("average", "average", AVERAGED, edges, average))
    if frame.surface is not None:
        values, label = judgement(frame, frame.surface.outputs), judgement_label(frame)
        layers.append(Line("discriminator", "discriminator", label, "right", frame.surface.x, values, 2.0))
    layers += _best(frame)
    outside = float(np.mean((frame.fake[:, 0] < edges[0]) | (frame.fake[:, 0] > edges[-1])))
    if outside > 0.005:
        layers.append(Text("outside", "fake", text=f"{outside:.0%} of the fakes lie outside", at=(0.02, 0.97)))
    title = frame.experiment.title or "Densities and discriminator"
    top = _top(float(height.max()), highest)
    layers += _missing(frame, top)
    return Scene("line", title, x, Axis("density", range=(0.0, top)), tuple(layers), _right_axis(frame))


def _best(frame: Frame) -> list[Layer]:
    """Return the optimal discriminator, dashed."""
    best = optimal_outputs(frame)
    if best is None or frame.optimum is None:
        return []
    values, label = best
    return [Line("optimum", "discriminator", label, "right", frame.optimum.x, values, 2.0, "dashed")]


def _right_axis(frame: Frame) -> Axis:
    """Return the discriminator's axis: it holds the learned curve, and the best one where there are samples.

    Where there are next to none the best one may be as large as it likes: the logarithm of a ratio of densities is.
    """
    axis, best, surface = judgement_axis(frame), optimal_outputs(frame), frame.surface
    if axis.range is not None or best is None or surface is None or frame.optimum is None:
        return axis
    samples = np.concatenate([frame.real, frame.fake])
    there = at_points(frame.optimum.x, frame.optimum.y, best[0], samples)
    there = there[np.isfinite(there)]
    ends = np.quantile(there, [0.02, 0.98]) if len(there) else there
    return replace(axis, range=rounded_range(np.concatenate([surface.outputs, ends])))


def _missing(frame: Frame, top: float) -> list[Layer]:
    """Return a tick at the foot of the picture for each mode that is not captured."""
    places = missing_modes(frame)[:, 0]
    if not len(places):
        return []
    start, end = (np.stack([places, np.full_like(places, height)], axis=1) for height in (0.0, 0.09 * top))
    return [Segments("missing", "accent", "missing mode", start=start, end=end, width=4.0, opacity=1.0)]


def _heights(samples: Floats, edges: Floats) -> Floats:
    """Return the density in each bin, per unit of x; samples outside count in the whole but have no bin."""
    counts, _ = np.histogram(samples, edges)
    return counts / (len(samples) * (edges[1] - edges[0]))


def _outline(name: str, role: Role, label: str, edges: Floats, heights: Floats) -> Line:
    """Return a histogram's outline: not filled, so that what lies below stays visible."""
    return Line(name, role, label, x=np.repeat(edges, 2), y=np.concatenate([[0.0], np.repeat(heights, 2), [0.0]]))


def _top(real: float, fake: float) -> float:
    """Return the end of the density axis: in steps of two, so that it does not twitch."""
    base = 1.2 * real if real > 0 else 1.0
    steps = np.ceil(np.log2(max(1.05 * fake / base, 1.0)))
    return base * float(min(2.0**steps, MOST))
