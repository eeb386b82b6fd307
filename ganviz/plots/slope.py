"""The slope of the discriminator's raw output in one dimension: what moves the generator's samples."""

from __future__ import annotations

import numpy as np

from ganviz.run import Frame

from .common import data_axes
from .scene import Axis, Line, Scene


def slope(frame: Frame) -> Scene:
    """Draw the derivative of the raw output in x."""
    x, _ = data_axes(frame)
    zero = Line("zero", "neutral", x=np.array(frame.box[0]), y=np.zeros(2), width=1.0, style="dotted")
    layers = [zero]
    if frame.surface is not None:
        layers.append(
            Line("slope", "discriminator", "slope of the raw output", x=frame.surface.x, y=frame.surface.slopes)
        )
    return Scene("slope", "Slope of the discriminator", x, Axis("d output / dx"), tuple(layers))
