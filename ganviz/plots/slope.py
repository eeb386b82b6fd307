"""The slope of the discriminator's curve in one dimension: where it is flat, a saturating generator learns nothing."""

from __future__ import annotations

import numpy as np

from ganviz.run import Frame

from .common import Floats, data_axes, is_critic, is_probability, judgement, rounded_range
from .optimal import optimal_outputs
from .scene import Axis, Layer, Line, Scene

STEEPER = 2.5
"""Where the optimum is steeper than the learned curve by more than this many times,"""
STEEPEST = 0.05
"""the axis leaves out this share of the places, those where the optimum is steepest."""


def slope(frame: Frame) -> Scene:
    """Draw the derivative in x of what is shown of the discriminator: D as a probability or raw, or the critic's f."""
    x, _ = data_axes(frame)
    zero = Line("zero", "neutral", x=np.array(frame.box[0]), y=np.zeros(2), width=1.0, style="dotted")
    layers: list[Layer] = [zero]
    symbol = "f" if is_critic(frame) else "D"
    learned = _learned(frame)
    if learned is not None and frame.surface is not None:
        layers.append(Line("slope", "discriminator", f"d{symbol}/dx", x=frame.surface.x, y=learned))
    title = "Slope of the critic" if is_critic(frame) else "Slope of the discriminator"
    raw = "" if is_critic(frame) or is_probability(frame) else ", raw output"
    axis = Axis(f"d{symbol}/dx{raw}")
    best = optimal_outputs(frame)
    if best is not None and frame.optimum is not None:
        values, label = best
        # Infinite on both sides of a place it has no slope there.
        with np.errstate(invalid="ignore"):
            steep = np.gradient(values, frame.optimum.x)
        layers.append(Line("optimum", "discriminator", label, x=frame.optimum.x, y=steep, style="dashed"))
        axis = Axis(axis.label, range=_range(learned, steep))
    return Scene("slope", title, x, axis, tuple(layers))


def _learned(frame: Frame) -> Floats | None:
    if frame.surface is None:
        return None
    slopes = frame.surface.slopes
    if not is_probability(frame):
        return slopes
    probability = judgement(frame, frame.surface.outputs)
    # A diverging discriminator may be infinitely steep where it is certain.
    with np.errstate(invalid="ignore"):
        return probability * (1.0 - probability) * slopes


def _range(learned: Floats | None, best: Floats) -> tuple[float, float] | None:
    """Return a range that leaves out where the best slope is so steep that it would hide all else."""
    known = np.empty(0) if learned is None else learned[np.isfinite(learned)]
    best = best[np.isfinite(best)]
    if not len(best):
        return None
    largest = float(np.abs(known).max(initial=0.0))
    reach = max(float(np.quantile(np.abs(best), 1 - STEEPEST)), largest)
    if reach == 0.0 or np.abs(best).max() <= max(reach, STEEPER * largest):
        return None
    return rounded_range(np.concatenate([known, np.clip(best, -reach, reach)]))
