"""Scenes of several runs side by side: the same axes for all, so that what looks larger is larger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ganviz.run import Frame

from .common import rounded_range
from .scene import STEP, Array, Arrows, Axis, Band, Histogram, Image, Layer, Line, Points, Scene, Segments, Side

Span = tuple[float, float]


def share_boxes(frames: Sequence[Frame]) -> list[Frame]:
    """Give all frames the box that holds each one's; those of another dimension keep theirs."""
    dimension = len(frames[0].box)
    alike = [frame.box for frame in frames if len(frame.box) == dimension]
    box = tuple((min(low for low, _ in sides), max(high for _, high in sides)) for sides in zip(*alike, strict=True))
    return [replace(frame, box=box) if len(frame.box) == dimension else frame for frame in frames]


def share_axes(scenes: Sequence[Scene]) -> list[Scene]:
    """Give scenes of one view the same axes and the same levels of their images, where these are of the same thing.

    A probability and a critic's output have nothing in common but their place: each keeps its own axis.
    """
    across = _shared([(scene.x, _values(scene, None)) for scene in scenes])
    left = _shared([(scene.left, _values(scene, "left")) for scene in scenes])
    right = _shared([(scene.right, _values(scene, "right")) for scene in scenes])
    levels = _levels(scenes)
    return [
        replace(
            scene,
            x=x or scene.x,
            left=y or scene.left,
            right=z,
            layers=tuple(_levelled(layer, levels) for layer in scene.layers),
        )
        for scene, x, y, z in zip(scenes, across, left, right, strict=True)
    ]


def _shared(known: Sequence[tuple[Axis | None, Array]]) -> list[Axis | None]:
    """Return each axis with the range that holds what all axes of the same title and scale have to hold."""
    found: list[Axis | None] = []
    for axis, _ in known:
        alike = [
            (other, values)
            for other, values in known
            if other is not None and axis is not None and (other.title, other.scale) == (axis.title, axis.scale)
        ]
        found.append(axis if axis is None else _common(axis, alike))
    return found


def _common(axis: Axis, alike: Sequence[tuple[Axis, Array]]) -> Axis:
    spans = [other.range for other, _ in alike if other.range is not None]
    if len(spans) < len(alike):
        needed = _span(np.concatenate([values for other, values in alike if other.range is None]), axis)
        spans += [needed] if needed is not None else []
    if not spans:
        return axis
    return replace(axis, range=(min(low for low, _ in spans), max(high for _, high in spans)))


def _span(values: Array, axis: Axis) -> Span | None:
    if axis.scale == "log":
        positive = np.log10(values[values > 0])
        if not len(positive):
            return None
        low, high = np.floor(positive.min() * 2) / 2, np.ceil(positive.max() * 2) / 2
        return float(10**low), float(10 ** (high if high > low else low + 1))
    if not len(values):
        return None
    least, greatest = float(values.min()), float(values.max())
    if axis.title == STEP:
        return (least, greatest) if greatest > least else None
    found = rounded_range(values)
    return found if found is None or least < 0 else (max(0.0, found[0]), found[1])


def _values(scene: Scene, side: Side | None) -> Array:
    """Return the finite numbers that the layers of a side need upwards, or along the bottom for no side."""
    parts = [np.empty(0)]
    for layer in scene.layers:
        if side is None:
            parts += _across(layer)
        elif (layer.side if scene.right is not None else "left") == side:
            parts += _upwards(layer)
    values = np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])
    return values[np.isfinite(values)]


def _across(layer: Layer) -> list[Array]:
    match layer:
        case Line(x=x) | Band(x=x) | Histogram(edges=x):
            return [x]
        case Points(xy=xy):
            return [xy[:, 0]]
        case Segments(start=start, end=end):
            return [start[:, 0], end[:, 0]]
        case Arrows(tail=tail, vector=vector):
            return [tail[:, 0], tail[:, 0] + vector[:, 0]]
        case _:
            return []


def _upwards(layer: Layer) -> list[Array]:
    match layer:
        case Line(y=y):
            return [y]
        case Band(low=low, high=high):
            return [low, high]
        case Histogram(heights=heights):
            return [heights, np.zeros(1)]
        case Points(xy=xy):
            return [xy[:, 1]]
        case Segments(start=start, end=end):
            return [start[:, 1], end[:, 1]]
        case Arrows(tail=tail, vector=vector):
            return [tail[:, 1], tail[:, 1] + vector[:, 1]]
        case _:
            return []


def _levels(scenes: Sequence[Scene]) -> dict[tuple[str, str], Span]:
    """Return for images of the same thing the levels that hold all of theirs."""
    found: dict[tuple[str, str], Span] = {}
    for scene in scenes:
        for layer in scene.layers:
            if isinstance(layer, Image):
                low, high = found.get((layer.name, layer.label), layer.levels)
                found[layer.name, layer.label] = min(low, layer.levels[0]), max(high, layer.levels[1])
    return found


def _levelled(layer: Layer, levels: dict[tuple[str, str], Span]) -> Layer:
    return replace(layer, levels=levels[layer.name, layer.label]) if isinstance(layer, Image) else layer
