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
        label = "x = G(z)" if frame.experiment.noise.dimension == 1 else "G along z₁, the others 0"
        layers.append(Line("map", "generator", label, x=z, y=samples[:, 0], width=2.0))
    label = "noise z" if frame.experiment.noise.dimension == 1 else "noise z₁"
    reach = 1.05 if frame.experiment.noise.kind == "uniform" else 3.15
    return Scene("map", "Map from noise to samples", Axis(label, range=(-reach, reach)), x, tuple(layers))


def _beside(left: Floats, right: Floats) -> Floats:
    return np.concatenate([left, right], axis=1)
