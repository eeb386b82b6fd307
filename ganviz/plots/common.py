"""What several views share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganviz.metrics import METRICS
from ganviz.run import Frame

from .scene import Axis, Band, Layer, Line, Role, Side

Floats = NDArray[np.float64]


def data_axes(frame: Frame) -> tuple[Axis, Axis]:
    """Return the axes of the data: named by the file's columns where there are some."""
    table = frame.experiment.table
    names = table.columns if table else ("x", "y")
    ranges = (*frame.box, None)
    return Axis(names[0], range=ranges[0]), Axis(names[-1], range=ranges[1])


def is_critic(frame: Frame) -> bool:
    """Whether the discriminator is a critic: its output is a height, not a probability."""
    return frame.experiment.objective.critic


def judgement(frame: Frame, outputs: Floats) -> Floats:
    """Turn raw outputs into what is shown: the critic's value, or the probability of being real."""
    if is_critic(frame):
        return outputs
    # Beyond 40 the probability is 0 or 1 to the last bit; the cut avoids overflow.
    return 1.0 / (1.0 + np.exp(-np.clip(outputs, -40.0, 40.0)))


def judgement_axis(frame: Frame) -> Axis:
    """Return the axis of what is shown of the discriminator."""
    if is_critic(frame):
        return Axis("critic f(x)")
    return Axis("discriminator D(x)", range=(-0.02, 1.02))


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


STEPS = Axis("step")
