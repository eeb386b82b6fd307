"""What the curves of a scene say at one step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ganviz.metrics import METRICS

from .pins import pin_in
from .scales import BEYOND_TOP
from .scene import Line, Role, Scene, Strip


@dataclass(frozen=True)
class Reading:
    """The value of a curve at the recorded step that is nearest.

    Attributes
    ----------
    value : float
        NaN where the curve does not reach so far, or has a gap there.
    pinned : tuple of (int, float)
        Values of the same metric in pinned runs, each with the number of the pin.
    """

    label: str
    role: Role
    value: float
    pinned: tuple[tuple[int, float], ...] = ()


def read(scene: Scene, step: float) -> tuple[Reading, ...]:
    """Read all curves of a view over steps at a step, in their order in the legend."""
    pinned: dict[str, list[tuple[int, float]]] = {}
    own: dict[str, Line] = {}
    for layer in scene.layers:
        if not isinstance(layer, Line):
            continue
        pin = pin_in(layer)
        if pin is not None:
            pinned.setdefault(pin[1], []).append((pin[0], value_at(layer, step)))
        elif layer.name in METRICS and layer.label:
            own[layer.name] = layer
    found: list[Reading] = []
    for name, line in own.items():
        value = math.inf if _infinite(scene, line.role, step) else value_at(line, step)
        known = tuple((number, x) for number, x in pinned.get(name, []) if not math.isnan(x))
        found.append(Reading(line.label.removesuffix(BEYOND_TOP), line.role, value, known))
    return tuple(found)


def value_at(line: Line, step: float) -> float:
    """Return a curve's value at the nearest of its steps; NaN where it ends more than a step of its own before."""
    if not len(line.x):
        return math.nan
    place = int(np.searchsorted((line.x[1:] + line.x[:-1]) / 2, step))
    spacing = float(np.diff(line.x[max(place - 1, 0) : place + 2]).max(initial=0.0))
    return float(line.y[place]) if abs(line.x[place] - step) <= max(spacing, 1.0) else math.nan


def said(value: float) -> str:
    """Write a value as it is read out: four digits, a true minus, a dash where there is none."""
    if math.isnan(value):
        return "–"
    return "∞" if value == math.inf else f"{value:.4g}".replace("-", "−")


def _infinite(scene: Scene, role: Role, step: float) -> bool:
    """Whether the strip of a curve, which has its colour, says that it is infinite at a step."""
    strips = [layer.spans for layer in scene.layers if isinstance(layer, Strip) and layer.role == role]
    return any(bool(((spans[:, 0] <= step) & (step <= spans[:, 1])).any()) for spans in strips)
