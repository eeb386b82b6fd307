"""The scale of an axis over steps, and what has no place on it, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .pins import pin_in
from .scene import Axis, Layer, Line, Scale, Text

BEYOND_TOP = ", ∞ at the top"
"""What the legend adds where a curve is infinite at some steps."""
LINE = 38
"""Letters of a line of words in the picture, which may be small."""


def on_scale(axis: Axis, scale: Scale | None) -> Axis:
    """Return the axis with another scale; a range that has no place on it is left to the painter."""
    if scale is None:
        return axis
    fits = scale == "linear" or axis.range is None or axis.range[0] > 0
    return replace(axis, scale=scale, range=axis.range if fits else None)


def left_out(layers: Sequence[Layer], x: Axis, left: Axis, right: Axis | None) -> list[Layer]:
    """Return words that say which values have no place on logarithmic axes: those that are not above 0."""
    lines = [layer for layer in layers if isinstance(layer, Line) and layer.label and pin_in(layer) is None]
    words: list[str] = []
    for line in lines:
        axis = right if right is not None and line.side == "right" else left
        known = np.isfinite(line.y)
        none = int((line.y[known] <= 0).sum()) if axis.scale == "log" else 0
        if none:
            count = f"{none:,} of {int(known.sum()):,}" if none < known.sum() else f"all {none:,}"
            words.append(f"{line.label.removesuffix(BEYOND_TOP)}: {count} values ≤ 0 left out")
    if x.scale == "log" and any((line.x <= 0).any() for line in lines):
        words.append("step 0 left out")
    if not words:
        return []
    text = "\n".join(textwrap.fill(sentence, LINE) for sentence in words)
    return [Text("left out", "neutral", text=text, at=(0.02, 0.04))]
