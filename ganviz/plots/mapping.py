"""The generator as a map from noise to samples."""

from __future__ import annotations

import numpy as np

from ganviz.run import Frame

from .common import Floats, data_axes
from .scene import Axis, Layer, Line, Points, Scene

DOTS = 1000


def mapping(frame: Frame) -> Scene:
    """Draw samples over the first component of their noise, and the map itself along that component."""
    x, _ = data_axes(frame)
    layers: list[Layer] = []
    if frame.experiment.noise.dimension > 1:
        first = frame.noise[:DOTS, :1]
        dots = _beside(first, frame.fake[:DOTS, :1])
        layers.append(Points("samples", "fake", "fake samples", xy=dots, size=2.5, opacity=0.5))
    if frame.map is not None:
        z, samples = frame.map
        label = "x = G(z)" if frame.experiment.noise.dimension == 1 else _others(frame.experiment.noise.mean)
        layers.append(Line("map", "generator", label, x=z, y=samples[:, 0], width=2.0))
    label = "noise z" if frame.experiment.noise.dimension == 1 else "noise z₁"
    low, high = frame.experiment.noise.span
    margin = 0.025 * (high - low)
    axis = Axis(label, range=(low - margin, high + margin))
    return Scene("map", "Map from noise to samples", axis, x, tuple(layers))


def _others(mean: float) -> str:
    return "G along z₁, the others " + ("0" if mean == 0 else "at their mean")


def _beside(left: Floats, right: Floats) -> Floats:
    return np.concatenate([left, right], axis=1)
