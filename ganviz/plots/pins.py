"""Pinned curves: those of a run that is over, kept as thin lines below those of later ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganviz.experiment import Experiment
from ganviz.run import Frame, Series

from .scene import Layer, Line, Role, Side, Style
from .smoothing import smoothed

MOST = 4
"""Pins that can be told apart, by the dashes of their lines."""
POINTS = 256
"""Points of a pinned curve at most: it is a reference, and dashes are slow to paint."""
WIDTH = 0.75
LETTERS = 30
"""Letters of a pin's label in the legend."""
STYLES: tuple[Style, ...] = ("dashed", "dotted", "dash-dotted", "dash-dot-dotted")
_FIRST = "pin"


@dataclass(frozen=True, eq=False)
class Pin:
    """The curves of a run as they were when they were pinned.

    Attributes
    ----------
    end : int
        Its last recorded step.
    label : str
        In which settings it differs from what is shown with it.
    """

    experiment: Experiment
    history: Mapping[str, Series]
    end: int
    label: str = ""


def pin_of(frame: Frame) -> Pin:
    """Keep the curves of a frame."""
    history = {name: coarse(series) for name, series in (frame.history or {}).items() if len(series.steps)}
    return Pin(frame.experiment, history, max(frame.step, frame.end))


def coarse(series: Series) -> Series:
    """Return a series of at most `POINTS` points, each the mean of as many neighbours, with their extremes."""
    size = -(-len(series.steps) // POINTS)
    if size < 2:
        return series
    starts = np.arange(0, len(series.steps), size)
    counts = np.diff(np.append(starts, len(series.steps)))
    with np.errstate(invalid="ignore", over="ignore"):
        steps, mean = (np.add.reduceat(values, starts) / counts for values in (series.steps, series.mean))
    return Series(steps, mean, np.minimum.reduceat(series.low, starts), np.maximum.reduceat(series.high, starts))


def pinned(pins: Sequence[Pin], name: str, role: Role, side: Side, window: int) -> list[Layer]:
    """Return the lines of a metric in all pins, smoothed as the run's own."""
    layers: list[Layer] = []
    for place, pin in enumerate(pins[:MOST]):
        series = pin.history.get(name)
        if series is None or not np.isfinite(series.mean).any():
            continue
        mean = np.where(np.isfinite(series.mean), series.mean, np.nan)
        y = smoothed(series.steps, mean, window) if window else mean
        style = STYLES[place]
        layers.append(Line(f"{_FIRST} {place + 1} {name}", role, "", side, series.steps, y, width=WIDTH, style=style))
    return layers


def keys(pins: Sequence[Pin], layers: Sequence[Layer]) -> list[Layer]:
    """Return for each pin that has a line among the layers an empty one that tells in the legend whose dashes it is."""
    drawn = {found[0] for found in (pin_in(layer) for layer in layers) if found is not None}
    return [
        Line(f"{_FIRST} {number}", "neutral", f"{number}: {_short(pin.label)}", width=WIDTH, style=STYLES[number - 1])
        for number, pin in enumerate(pins[:MOST], start=1)
        if number in drawn
    ]


def _short(label: str) -> str:
    """Cut a label between two settings, or else between two words: half a number would be another one."""
    if len(label) <= LETTERS:
        return label
    kept = label[: LETTERS - 2]
    return f"{kept.rpartition(', ')[0] or kept.rpartition(' ')[0] or kept} …"


def pin_in(layer: Layer) -> tuple[int, str] | None:
    """Return the number of the pin and the name of the metric that a layer shows; None where it is no pin's."""
    first, _, rest = layer.name.partition(" ")
    number, _, metric = rest.partition(" ")
    return (int(number), metric) if first == _FIRST and number.isdecimal() and metric else None
