"""The best discriminator against the present generator, brought to what is shown of the learned one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ganviz.run import Frame

from .common import Floats, data_axes, hint, is_critic, judgement
from .plane import missing_rings, surface_image
from .scene import Layer, Points, Scene, Text


def _largest_slope(frame: Frame) -> float:
    """Return the largest slope of what is shown: on the line of the curve itself, in the plane as it was measured."""
    slopes = np.empty(0) if frame.surface is None else frame.surface.slopes
    if len(slopes) and np.isfinite(slopes).all():
        return float(np.abs(slopes).max())
    return frame.metrics.get("slope_grid", math.nan)


def optimal_outputs(frame: Frame) -> tuple[Floats, str] | None:
    """Return the optimum's outputs over its own grid as the learned ones are shown, and what they are called.

    A potential has slope 1 at most and its mean over the real samples is 0; a critic has any slope and any mean. The
    potential is drawn times the critic's largest slope (where that is known), and moved so that the two means agree.
    """
    optimum = frame.optimum
    if optimum is None or not np.isfinite(optimum.outputs).any():
        return None
    if not is_critic(frame):
        return judgement(frame, optimum.outputs), "optimal D*"
    slope = _largest_slope(frame)
    known = math.isfinite(slope) and slope > 0
    outputs = optimum.outputs * slope if known else optimum.outputs
    label = f"optimal critic × {slope:.2g}" if known else "optimal critic"
    surface = frame.surface
    if surface is None:
        return outputs, label
    learned = at_points(surface.x, surface.y, surface.outputs, frame.real)
    best = at_points(optimum.x, optimum.y, outputs, frame.real)
    both = np.isfinite(learned) & np.isfinite(best)
    return (outputs + np.mean(learned[both] - best[both]) if both.any() else outputs), label


def at_points(x: Floats, y: Floats, values: Floats, points: Floats) -> Floats:
    """Interpolate values (n,) or (m, n) over a grid linearly at points (k, d); NaN beyond it."""
    if not len(y):
        return np.interp(points[:, 0], x, values, left=np.nan, right=np.nan)
    column, right = _cells(x, points[:, 0])
    row, up = _cells(y, points[:, 1])
    lower = values[row, column] * (1 - right) + values[row, column + 1] * right
    upper = values[row + 1, column] * (1 - right) + values[row + 1, column + 1] * right
    return lower * (1 - up) + upper * up


def _cells(grid: Floats, places: Floats) -> tuple[np.ndarray, Floats]:
    """Return for places the grid point below them, and how far they are on the way to the next; NaN beyond."""
    index = np.clip(np.searchsorted(grid, places, side="right") - 1, 0, len(grid) - 2)
    inside = (places >= grid[0]) & (places <= grid[-1])
    share = np.where(inside, (places - grid[index]) / (grid[index + 1] - grid[index]), np.nan)
    return index, share


def optimum(frame: Frame) -> Scene:
    """Draw the optimal discriminator of a two-dimensional frame in the colours of the learned one on the stage."""
    x, y = data_axes(frame)
    title = "Optimal critic" if is_critic(frame) else "Optimal discriminator"
    best = optimal_outputs(frame)
    layers: list[Layer] = []
    if best is None or frame.optimum is None:
        layers.append(hint("computing …"))
    else:
        values, label = best
        image = surface_image(frame, "optimum", label, frame.optimum.x, frame.optimum.y, values)
        # What the colours mean stands on the stage; with the scale of a critic the line would be too long.
        layers.append(replace(image, label=label) if is_critic(frame) else image)
    layers.append(Points("real", "real", xy=frame.real, size=1.8, opacity=0.6))
    layers.append(Points("fake", "fake", xy=frame.fake, size=1.8, opacity=0.5))
    layers += missing_rings(frame)
    layers += _difference(frame, best)
    return Scene("optimum", title, x, y, tuple(layers), equal=frame.experiment.table is None)


def _difference(frame: Frame, best: tuple[Floats, str] | None) -> list[Layer]:
    """Say how far the learned discriminator is from the optimum, over the samples."""
    if best is None or frame.optimum is None or frame.surface is None:
        return []
    places = np.concatenate([frame.real, frame.fake])
    learned = judgement(frame, frame.surface.outputs)
    off = at_points(frame.surface.x, frame.surface.y, learned, places)
    off = np.abs(off - at_points(frame.optimum.x, frame.optimum.y, best[0], places))
    if not np.isfinite(off).any():
        return []
    symbol = "f − f*" if is_critic(frame) else "D − D*"
    size = float(np.mean(off[np.isfinite(off)]))
    return [Text("difference", "accent", text=f"mean |{symbol}| {size:.2g}", at=(0.02, 0.97))]
