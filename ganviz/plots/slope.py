"""The slope of the discriminator's curve in one dimension: where it is flat, a saturating generator learns nothing."""

from __future__ import annotations

import numpy as np

from ganviz.run import Frame

from .common import data_axes, is_critic, is_probability, judgement
from .scene import Axis, Line, Scene


def slope(frame: Frame) -> Scene:
    """Draw the derivative in x of what is shown of the discriminator: D as a probability or raw, or the critic's f."""
    x, _ = data_axes(frame)
    zero = Line("zero", "neutral", x=np.array(frame.box[0]), y=np.zeros(2), width=1.0, style="dotted")
    layers = [zero]
    symbol = "f" if is_critic(frame) else "D"
    if frame.surface is not None:
        slopes = frame.surface.slopes
        if is_probability(frame):
            probability = judgement(frame, frame.surface.outputs)
            # A diverging discriminator may be infinitely steep where it is certain.
            with np.errstate(invalid="ignore"):
                slopes = probability * (1.0 - probability) * slopes
        layers.append(Line("slope", "discriminator", f"d{symbol}/dx", x=frame.surface.x, y=slopes))
    title = "Slope of the critic" if is_critic(frame) else "Slope of the discriminator"
    raw = "" if is_critic(frame) or is_probability(frame) else ", raw output"
    return Scene("slope", title, x, Axis(f"d{symbol}/dx{raw}"), tuple(layers))
