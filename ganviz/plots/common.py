"""What several views share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganviz.metrics import METRICS
from ganviz.run import Frame

from .scene import Axis, Band, Layer, Line, Role, Side, Text

Floats = NDArray[np.float64]

EXPLODED = 200.0
"""An axis leaves values out where they reach beyond the others by this many times the others' extent."""
AVERAGED = "averaged fake"
"""What samples of the averaged generator are called."""


def data_axes(frame: Frame) -> tuple[Axis, Axis]:
    """Return the axes of the data: named by the file's columns where there are some."""
    table = frame.experiment.table
    names = table.columns if table else ("x", "y")
    ranges = (*frame.box, None)
    return Axis(names[0], range=ranges[0]), Axis(names[-1], range=ranges[1])


def is_critic(frame: Frame) -> bool:
    """Whether the discriminator is a critic, whose output estimates W1."""
    return frame.experiment.objective.critic


def is_probability(frame: Frame) -> bool:
    """Whether what is shown of the discriminator is a probability of being real; otherwise it is the raw output."""
    return frame.experiment.objective.probability


def judgement_label(frame: Frame) -> str:
    """Return what is shown of the discriminator in a few letters."""
    if is_critic(frame):
        return "critic f(x)"
    return "D(x)" if is_probability(frame) else "D(x), raw output"


def judgement(frame: Frame, outputs: Floats) -> Floats:
    """Turn raw outputs into what is shown: the probability of being real where there is one."""
    if not is_probability(frame):
        return outputs
    # Beyond 40 the probability is 0 or 1 to the last bit; the cut avoids overflow.
    return 1.0 / (1.0 + np.exp(-np.clip(outputs, -40.0, 40.0)))


def judgement_axis(frame: Frame) -> Axis:
    """Return the axis of what is shown of the discriminator."""
    label = judgement_label(frame) if is_critic(frame) else f"discriminator {judgement_label(frame)}"
    return Axis(label, range=(-0.02, 1.02) if is_probability(frame) else None)


def curve(frame: Frame, name: str, role: Role, label: str = "", side: Side = "left") -> list[Layer]:
    """Return the layers of one metric over steps: its mean in each bucket, and the band it stayed in."""
    series = (frame.history or {}).get(name)
    if series is None or not len(series.steps):
        return []
    known = np.isfinite(series.mean)
    x, mean = series.steps[known], series.mean[known]
    low, high = series.low[known], series.high[known]
    band = Band(f"{name} range", role, side=side, x=x, low=low, high=high)
    return [band, Line(name, role, label or METRICS[name].label, side, x, mean)]


def curve_axis(frame: Frame, label: str, names: Sequence[str]) -> tuple[Axis, list[Layer]]:
    """Return the axis of some metrics over steps, and words about what lies beyond it.

    The losses of f-divergences are exponentials: a single step may be 10³⁰ times as high as all others. The axis then
    leaves it out, so that the others can still be seen.
    """
    shown = [series for series in ((frame.history or {}).get(name) for name in names) if series is not None]
    values = np.concatenate([np.empty(0), *(end for series in shown for end in (series.low, series.high))])
    values = values[np.isfinite(values)]
    if not len(values):
        return Axis(label), []
    lowest, low, high, highest = np.quantile(values, [0.0, 0.1, 0.9, 1.0])
    if not highest - lowest > EXPLODED * (high - low) > 0:
        return Axis(label), []
    # Round ends, so that the axis changes rarely.
    step = 2.0 ** math.ceil(math.log2(high - low))
    low, high = math.floor(low / step - 0.5) * step, math.ceil(high / step + 0.5) * step
    ends = (("above", "up to", highest, 0.97), ("below", "down to", lowest, 0.04))
    words: list[Layer] = [
        Text(name, "neutral", text=f"{word} {end:.1e}".replace("-", "−"), at=(0.98, place))
        for name, word, end, place in ends
        if not low <= end <= high
    ]
    return Axis(label, range=(low, high)), words


STEPS = Axis("step")
