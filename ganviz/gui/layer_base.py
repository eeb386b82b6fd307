"""What every kind of layer has in a view of pyqtgraph: one item, made once, then only given new data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QGraphicsItem

from ganviz.plots.scene import Array, Arrows, Band, Histogram, Image, Layer, Line, Points, Segments, Strip, Style
from ganviz.plots.theme import Theme

STYLES: dict[Style, Qt.PenStyle] = {
    "solid": Qt.PenStyle.SolidLine,
    "dashed": Qt.PenStyle.DashLine,
    "dotted": Qt.PenStyle.DotLine,
    "dash-dotted": Qt.PenStyle.DashDotLine,
    "dash-dot-dotted": Qt.PenStyle.DashDotDotLine,
}
# Far below every value on a logarithmic axis, and still harmless to Qt's arithmetic.
LOG_FLOOR = -30.0
# Values beyond it are drawn at it: a run that diverges must not take the painting along.
LARGEST = 1e100
# Likewise what lies further outside than this many heights of the view: Qt drops a curve that leads too far away.
FURTHEST = 1000.0

AnyLayer = TypeVar("AnyLayer", bound=Layer)


@dataclass(frozen=True)
class Look:
    """What the drawing of a layer depends on beside the layer.

    Attributes
    ----------
    unit : float
        Pixels of one typographic point.
    log_x, log_y : bool
        The data are drawn as their decimal logarithms.
    """

    theme: Theme
    unit: float
    log_x: bool
    log_y: bool


def scaled(values: Array, log: bool) -> Array:
    """Bring values to the axis's scale; what has no place on it becomes NaN."""
    values = np.asarray(values, dtype=np.float64)
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(np.where(values > 0, values, np.nan))
    bounded = np.clip(values, -LARGEST, LARGEST)
    return np.where(np.isfinite(values), bounded, np.nan)


def extent(layer: Layer, look: Look) -> tuple[Array, Array]:
    """Return the values that the horizontal and the vertical axis are to hold, some of them perhaps NaN."""
    match layer:
        case Image():
            horizontal, vertical = np.array(layer.extent[:2]), np.array(layer.extent[2:])
        case Points():
            horizontal, vertical = layer.xy[:, 0], layer.xy[:, 1]
        case Arrows():
            ends = np.concatenate([layer.tail, layer.tail + layer.vector])
            horizontal, vertical = ends[:, 0], ends[:, 1]
        case Segments():
            ends = np.concatenate([layer.start, layer.end])
            horizontal, vertical = ends[:, 0], ends[:, 1]
        case Strip():
            horizontal, vertical = layer.spans[np.isfinite(layer.spans).all(axis=1)].ravel(), np.empty(0)
        case Line():
            horizontal, vertical = layer.x, layer.y
        case Band():
            horizontal, vertical = layer.x, np.concatenate([layer.low, layer.high])
        case Histogram():
            horizontal, vertical = layer.edges, np.append(layer.heights, [] if look.log_y else [0.0])
        case _:
            horizontal = vertical = np.empty(0)
    return scaled(horizontal, look.log_x), scaled(vertical, look.log_y)


class Drawn(Generic[AnyLayer]):
    """A layer's item in a view.

    ``put`` gives it new data; pens and brushes are set only when what they depend on has changed.
    """

    item: Any
    kind: type[Layer]

    def __init__(self, view: pg.ViewBox) -> None:
        self.view = view
        self.layer: AnyLayer | None = None
        self._style: tuple[object, ...] = ()
        self._add()

    def _add(self) -> None:
        # Bounds are the canvas's affair: pyqtgraph would ask every item for them on every change.
        self.view.addItem(self.item, ignoreBounds=True)

    def remove(self) -> None:
        """Take the item out of its view for good."""
        self.view.removeItem(self.item)

    def show(self, layer: AnyLayer, look: Look, order: int) -> None:
        """Draw a layer of this kind, in its place among the others."""
        self.layer = layer
        style = (layer.role, look.theme.name, look.unit, look.log_y, *self.key(layer))
        if style != self._style:
            self._style = style
            self.set_style(layer, look, QColor(look.theme.roles[layer.role]))
        if self.item.zValue() != order:
            self.item.setZValue(order)
        self.put(layer, look)
        self.item.setVisible(True)

    def hide(self) -> None:
        """Leave the layer out of the picture, ready to come back."""
        self.item.setVisible(False)

    def moved(self, look: Look) -> None:
        """Follow a change of the view's range or size, for what is drawn in pixels."""

    def key(self, layer: AnyLayer) -> tuple[object, ...]:
        """Return the layer's own part of the style."""
        return ()

    def set_style(self, layer: AnyLayer, look: Look, colour: QColor) -> None:
        """Set pens and brushes."""

    def put(self, layer: AnyLayer, look: Look) -> None:
        """Set the data."""


class Reaching(Drawn[AnyLayer]):
    """A layer that may lead far out of the view; there it is cut off, anew when the view moves."""

    _cut = False

    def cut(self, values: Array) -> Array:
        """Bring values that lie too far outside nearer."""
        low, high = self.view.viewRange()[1]
        reach = FURTHEST * (high - low)
        inside = np.clip(values, low - reach, high + reach)
        self._cut |= not np.array_equal(inside, values, equal_nan=True)
        return inside

    def moved(self, look: Look) -> None:
        """Cut what lies far outside the view as it is now."""
        if self._cut and self.layer is not None and self.item.isVisible():
            self.put(self.layer, look)


def take_out(item: QGraphicsItem) -> None:
    """Take an item out of its scene for good."""
    item.setParentItem(None)
    if item.scene() is not None:
        item.scene().removeItem(item)


def make_pen(colour: QColor, width: float, style: Qt.PenStyle) -> QPen:
    """Make a pen whose width, in pixels, is the same however the view is stretched."""
    pen = QPen(colour, width, style)
    pen.setCosmetic(True)
    return pen


def thinned(x: Array, y: Array, pixels: int) -> tuple[Array, Array]:
    """Keep the highest and the lowest point of each group, where a curve has many more points than pixels."""
    size = len(x) // max(pixels, 200)
    if size < 2 or not np.all(np.diff(x) >= 0):
        return x, y
    whole = len(x) // size * size
    groups = np.where(np.isfinite(y[:whole]), y[:whole], 0.0).reshape(-1, size)
    starts = np.arange(0, whole, size)
    kept = np.sort(np.concatenate([starts + groups.argmin(axis=1), starts + groups.argmax(axis=1)]))
    kept = np.unique(np.concatenate([[0], kept, np.arange(whole, len(x)), [len(x) - 1]]))
    return x[kept], y[kept]
