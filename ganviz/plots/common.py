"""What several views share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ganviz.metrics import METRICS
from ganviz.run import Frame, Series
from ganviz.run.frame import MarkKind

from .options import PLAIN, CurveOptions
from .pins import keys, pinned
from .scales import BEYOND_TOP, left_out, on_scale
from .scene import STEP, Axis, Band, Layer, Line, Role, Rule, Scale, Scene, Segments, Side, Strip, Style, Text
from .smoothing import envelope, smoothed

Floats = NDArray[np.float64]

EXPLODED = 200.0
"""An axis leaves values out where they reach beyond the others by this many times the others' extent."""
FAINT = 0.14
"""Opacity of the noise floors: they lie below everything else."""
AVERAGED = "averaged fake"
"""What samples of the averaged generator are called."""
MARKED: dict[MarkKind, tuple[Role, Style]] = {"change": ("neutral", "dotted"), "bookmark": ("accent", "dashed")}
"""Which marks stand in the views over steps, and how."""


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


def series_of(frame: Frame, name: str) -> Series | None:
    """Return a metric over steps; None where it has no value yet."""
    series = (frame.history or {}).get(name)
    return series if series is not None and len(series.steps) else None


def at_steps(series: Series, steps: Floats) -> Floats:
    """Return a metric's values at steps of another series: those of the nearest bucket; NaN where none is near."""
    spacing = float(np.diff(series.steps).min()) if len(series.steps) > 1 else 1.0
    middles = (series.steps[1:] + series.steps[:-1]) / 2
    nearest = np.searchsorted(middles, steps)
    near = np.abs(series.steps[nearest] - steps) <= spacing
    values = series.mean[nearest]
    return np.where(near & np.isfinite(values), values, np.nan)


def curve(
    frame: Frame,
    options: CurveOptions,
    name: str,
    role: Role,
    label: str = "",
    side: Side = "left",
    style: Style = "solid",
) -> list[Layer]:
    """Return the layers of one metric over steps: its mean in each bucket, and the band it stayed in.

    Where curves are smoothed it is the smoothed mean, and the band holds all values of the same window. Where the
    estimator has a standard error its band is added. Values that are not finite leave a gap; `infinite` shows them.
    Below are the same metric's lines of pinned runs.
    """
    layers = pinned(options.pins, name, role, side, options.window)
    series = series_of(frame, name)
    if series is None or not np.isfinite(series.mean).any():
        return layers
    finite = np.isfinite(series.mean)
    mean, low, high = (np.where(finite, values, np.nan) for values in (series.mean, series.low, series.high))
    if options.window:
        mean = smoothed(series.steps, mean, options.window)
        low, high = envelope(series.steps, low, high, options.window)
    layers.append(Band(f"{name} range", role, side=side, x=series.steps, low=low, high=high))
    layers += _error(frame, name, role, side, series.steps, mean)
    shown = label or METRICS[name].label
    if np.isposinf(series.mean).any():
        shown += BEYOND_TOP
    return [*layers, Line(name, role, shown, side, series.steps, mean, style=style)]


def _error(frame: Frame, name: str, role: Role, side: Side, steps: Floats, mean: Floats) -> list[Layer]:
    """Return one standard error on both sides: as a band where there is a history of it, else at the newest value."""
    error = series_of(frame, f"{name}_error")
    if error is not None:
        half = at_steps(error, steps)
        return [Band(f"{name} error", role, side=side, x=steps, low=mean - half, high=mean + half)]
    half, now = frame.metrics.get(f"{name}_error", math.nan), _now(frame, steps)
    if not (math.isfinite(half) and math.isfinite(mean[now])):
        return []
    ends = (np.array([[steps[now], mean[now] + sign * half]]) for sign in (-1.0, 1.0))
    return [Segments(f"{name} error", role, side=side, start=next(ends), end=next(ends), width=2.5, opacity=1.0)]


def _now(frame: Frame, steps: Floats) -> int:
    """Return which of the steps of a series is the frame's: in the past not the last one."""
    if not frame.past:
        return len(steps) - 1
    return int(np.searchsorted((steps[1:] + steps[:-1]) / 2, frame.step))


def floors(frame: Frame, options: CurveOptions, roles: Mapping[str, Role], side: Side = "left") -> list[Layer]:
    """Return for each metric the band in which a perfect generator would lie at the same sample size."""
    layers: list[Layer] = []
    steps = all_steps(frame, options)
    for name, role in roles.items():
        ends = frame.floors.get(name)
        if ends is None or not np.isfinite(ends).all():
            continue
        low, high = (np.full(2, end) for end in ends)
        label = "" if layers else "noise floor"
        layers.append(Band(f"{name} floor", role, label, side, steps, low, high, opacity=FAINT))
    return layers


def infinite(frame: Frame, options: CurveOptions, metrics: Mapping[str, tuple[Role, str]]) -> list[Layer]:
    """Return strips along the upper edge for the steps at which metrics are infinite, and words if they are now."""
    layers: list[Layer] = []
    now: list[str] = []
    for name, (role, label) in metrics.items():
        series = series_of(frame, name)
        if series is None or not np.isposinf(series.mean).any():
            continue
        # Where there is a curve too, its key tells of the strip.
        key = "" if np.isfinite(series.mean).any() else f"{label} = ∞"
        spans = np.maximum(_stretches(series), _first(options))
        layers.append(Strip(f"{name} infinite", role, key, spans=spans, row=len(layers)))
        if np.isposinf(series.mean[_now(frame, series.steps)]):
            now.append(label)
    if now:
        layers.append(Text("infinite", "accent", text=f"{', '.join(now)} = ∞", at=(0.98, 0.84)))
    return layers


def _stretches(series: Series) -> Floats:
    """Return the ends (n, 2) of the stretches of steps at which a metric is infinite.

    A value stands for the steps from half way to the one before until half way to the one after.
    """
    steps = series.steps
    edges = np.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2, steps[-1:]])
    change = np.diff(np.isposinf(series.mean).astype(np.int8), prepend=0, append=0)
    return np.stack([edges[np.flatnonzero(change == 1)], edges[np.flatnonzero(change == -1)]], axis=1)


def hint(text: str) -> Text:
    """Return words in the middle of a picture that has nothing else to show."""
    return Text("hint", "neutral", text=text, at=(0.5, 0.5))


def curve_axis(
    frame: Frame, options: CurveOptions, label: str, names: Sequence[str], *, unit: str = "", scale: Scale = "linear"
) -> tuple[Axis, list[Layer]]:
    """Return the axis of some metrics over steps, and words about what lies beyond it.

    The losses of f-divergences are exponentials: a single step may be 10³⁰ times as high as all others. A linear axis
    then leaves it out, so that the others can still be seen.
    """
    axis = Axis(label, unit, scale=options.values or scale)
    if axis.scale == "log":
        return axis, []
    histories = [frame.history or {}, *(pin.history for pin in options.pins)]
    shown = [series for series in (history.get(name) for history in histories for name in names) if series is not None]
    values = np.concatenate([np.empty(0), *(end for series in shown for end in (series.low, series.high))])
    values = values[np.isfinite(values)]
    if not len(values):
        return axis, []
    lowest, low, high, highest = np.quantile(values, [0.0, 0.1, 0.9, 1.0])
    if not highest - lowest > EXPLODED * (high - low) > 0:
        return axis, []
    # Round ends, so that the axis changes rarely.
    step = 2.0 ** math.ceil(math.log2(high - low))
    low, high = math.floor(low / step - 0.5) * step, math.ceil(high / step + 0.5) * step
    ends = (("above", "up to", highest, 0.97), ("below", "down to", lowest, 0.04))
    words: list[Layer] = [
        Text(name, "neutral", text=f"{word} {end:.1e}".replace("-", "−"), at=(0.98, place))
        for name, word, end, place in ends
        if not low <= end <= high
    ]
    return replace(axis, range=(low, high)), words


def missing_modes(frame: Frame) -> Floats:
    """Return the centres (k, d) of modes that are not captured, where the metrics say that there are some."""
    captured = frame.metrics.get("modes", math.nan)
    return frame.missing if captured < frame.mode_count else frame.missing[:0]


def rounded_range(values: Floats) -> tuple[float, float] | None:
    """Return a range around the finite values with round ends, so that it changes rarely; None where there are none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    step = 2.0 ** math.ceil(math.log2(max(high - low, 1e-6 * max(abs(low), abs(high), 1e-6)))) / 4
    return math.floor(low / step - 0.1) * step, math.ceil(high / step + 0.1) * step


def all_steps(frame: Frame, options: CurveOptions = PLAIN) -> Floats:
    """Return the first and the last step shown: what is the same at every step goes from one to the other."""
    return np.array([_first(options), float(max(frame.step, frame.end, *(pin.end for pin in options.pins)))])


def _first(options: CurveOptions) -> float:
    """Return the first step that has a place on the axis."""
    return 1.0 if options.steps == "log" else 0.0


def over_steps(
    frame: Frame,
    options: CurveOptions,
    view: str,
    title: str,
    left: Axis,
    layers: Sequence[Layer],
    right: Axis | None = None,
) -> Scene:
    """Return the scene of metrics over steps: below them rules at the marks, above them the place in time.

    Where the run was once further than the frame the axis ends with the recording, and a rule stands at the frame's
    step. What a logarithmic axis leaves out is said in words.
    """
    first, last = all_steps(frame, options)
    x = Axis(STEP, range=(first, last) if frame.past and last > first else None, scale=options.steps)
    left, right = on_scale(left, options.values), None if right is None else on_scale(right, options.values)
    if options.window:
        title += f", smoothed over {options.window:,} steps"
    marks: list[Layer] = []
    for kind, (role, style) in MARKED.items():
        places = np.array(sorted({mark.step for mark in frame.marks if mark.kind == kind and 0 <= mark.step <= last}))
        if len(places):
            marks.append(Rule(f"{kind} marks", role, x=places.astype(np.float64), style=style, opacity=0.6))
    cursor = [Rule("cursor", "cursor", x=np.array([float(frame.step)]), width=1.5)] if frame.past else []
    words = left_out(layers, x, left, right)
    return Scene(view, title, x, left, (*marks, *layers, *keys(options.pins, layers), *words, *cursor), right)
