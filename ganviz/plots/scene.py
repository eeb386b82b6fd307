"""What a picture consists of: axes and layers of plain data, with no word about who draws it.

Colours are roles (who is meant), never values: the painters look them up in their theme, so that a window and a
page show the same thing in their own way. Everything is in data coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Role = Literal["real", "fake", "average", "discriminator", "generator", "gradient", "neutral", "accent", "cursor"]
Side = Literal["left", "right"]
Scale = Literal["linear", "log"]
Style = Literal["solid", "dashed", "dotted", "dash-dotted", "dash-dot-dotted"]
Symbol = Literal["dot", "missing"]
STEP = "step"
"""What the horizontal axis of a view over steps is called."""


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, in which unit, over which range.

    ``range`` is None where the painter is to fit the axis to the data that the layers hold. ``ticks`` are places with
    their names, instead of numbers.
    """

    label: str
    unit: str = ""
    range: tuple[float, float] | None = None
    scale: Scale = "linear"
    ticks: tuple[tuple[float, str], ...] = ()

    @property
    def title(self) -> str:
        """Label with its unit, as it stands beside the axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Layer:
    """What every layer has: a name that stays the same from frame to frame, and a label for the legend.

    An empty label keeps the layer out of the legend.
    """

    name: str
    role: Role
    label: str = ""
    side: Side = "left"


@dataclass(frozen=True)
class Image(Layer):
    """A field of values on a rectangle, between two colours that meet at a neutral middle.

    ``values`` is (rows, columns), the first row at the lower edge; ``extent`` is (left, right, bottom, top), the
    outer edges of the outer cells; ``levels`` are the values of the two end colours: the lower end has the colour of
    fake, the upper that of real.
    """

    values: Array = field(default_factory=lambda: np.empty((0, 0)))
    extent: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    levels: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Points(Layer):
    """Dots; ``xy`` is (n, 2), ``size`` their diameter in typographic points, ``opacity`` from 0 to 1.

    The ``mark`` "missing" is a hollow ring with a cross in it: what should be there and is not.
    """

    xy: Array = field(default_factory=lambda: np.empty((0, 2)))
    size: float = 3.0
    opacity: float = 0.8
    mark: Symbol = "dot"


@dataclass(frozen=True)
class Arrows(Layer):
    """Arrows from ``tail`` (n, 2) to ``tail + vector`` (n, 2)."""

    tail: Array = field(default_factory=lambda: np.empty((0, 2)))
    vector: Array = field(default_factory=lambda: np.empty((0, 2)))


@dataclass(frozen=True)
class Segments(Layer):
    """Straight lines, each from a row of ``start`` (n, 2) to that of ``end`` (n, 2); ``width`` in points."""

    start: Array = field(default_factory=lambda: np.empty((0, 2)))
    end: Array = field(default_factory=lambda: np.empty((0, 2)))
    width: float = 0.75
    opacity: float = 0.6


@dataclass(frozen=True)
class Line(Layer):
    """A curve through ``x`` (n,) and ``y`` (n,); a value that is not finite leaves a gap. ``width`` in points."""

    x: Array = field(default_factory=lambda: np.empty(0))
    y: Array = field(default_factory=lambda: np.empty(0))
    width: float = 1.5
    style: Style = "solid"


@dataclass(frozen=True)
class Band(Layer):
    """The area between ``low`` (n,) and ``high`` (n,) over ``x`` (n,).

    On a logarithmic axis a ``low`` of 0 or less reaches down to the axis's end.
    """

    x: Array = field(default_factory=lambda: np.empty(0))
    low: Array = field(default_factory=lambda: np.empty(0))
    high: Array = field(default_factory=lambda: np.empty(0))
    opacity: float = 0.25


@dataclass(frozen=True)
class Histogram(Layer):
    """Bars: ``heights`` (n,) between neighbouring ``edges`` (n + 1,)."""

    edges: Array = field(default_factory=lambda: np.empty(0))
    heights: Array = field(default_factory=lambda: np.empty(0))
    opacity: float = 0.5


@dataclass(frozen=True)
class Strip(Layer):
    """Bars along the upper edge of the axes: where a value is infinite, and so beyond every range.

    ``spans`` (n, 2) are the ends of each along the horizontal axis. Strips of another ``row`` lie below each other.
    """

    spans: Array = field(default_factory=lambda: np.empty((0, 2)))
    row: int = 0


@dataclass(frozen=True)
class Rule(Layer):
    """Upright lines through the whole height of the axes, at places ``x`` (n,) of the horizontal one.

    They make no axis wider. ``width`` in points.
    """

    x: Array = field(default_factory=lambda: np.empty(0))
    width: float = 0.75
    style: Style = "solid"
    opacity: float = 1.0


@dataclass(frozen=True)
class Text(Layer):
    """Words at a place inside the axes, given as shares of their width and height from the lower left corner."""

    text: str = ""
    at: tuple[float, float] = (0.5, 0.5)


@dataclass(frozen=True)
class Scene:
    """One picture: layers from back to front between axes.

    Attributes
    ----------
    view : str
        Name of the view that made it.
    right : Axis or None
        A second vertical axis, for the layers whose side is ``right``.
    equal : bool
        One unit is as long on the horizontal axis as on the vertical one.
    """

    view: str
    title: str
    x: Axis
    left: Axis
    layers: tuple[Layer, ...]
    right: Axis | None = None
    equal: bool = False

    @property
    def over_steps(self) -> bool:
        """Whether what is shown goes along the steps of a run."""
        return self.x.label == STEP
