"""How each kind of layer stands in a view of pyqtgraph: one item, made once, then only given new data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsPathItem, QGraphicsSimpleTextItem

from ganviz.plots.scene import Array, Arrows, Band, Histogram, Image, Layer, Line, Points, Segments, Strip, Text
from ganviz.plots.theme import Theme, diverging

STYLES = {"solid": Qt.PenStyle.SolidLine, "dashed": Qt.PenStyle.DashLine, "dotted": Qt.PenStyle.DotLine}
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


class _SmoothImage(pg.ImageItem):
    """An image interpolated between its cells, which Qt also draws in half the time."""

    def paint(self, painter: Any, *more: Any) -> None:
        """Draw it."""
        painter.setRenderHint(painter.RenderHint.SmoothPixmapTransform)
        super().paint(painter, *more)


class DrawnImage(Drawn[Image]):
    """An image of 256 colours, looked up here: Qt then draws the bytes as they are."""

    kind = Image

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = _SmoothImage(axisOrder="row-major")
        super().__init__(view)

    def set_style(self, layer: Image, look: Look, colour: QColor) -> None:  # noqa: D102
        self.item.setLookupTable(diverging(look.theme))

    def put(self, layer: Image, look: Look) -> None:  # noqa: D102
        # The cells of an image are equally wide: they have no place on a logarithmic axis.
        if layer.values.size == 0 or look.log_x or look.log_y:
            self.item.clear()
            return
        low, high = layer.levels
        share = (np.clip(layer.values, low, high) - low) * (255.0 / max(high - low, 1e-300))
        # What is no number takes the neutral middle.
        colours = np.nan_to_num(share, nan=127.5).astype(np.uint8)
        self.item.setImage(colours, levels=(0, 255), autoLevels=False)
        left, right, bottom, top = layer.extent
        self.item.setRect(QRectF(left, bottom, right - left, top - bottom))


class DrawnPoints(Drawn[Points]):
    """Dots of one colour, sized in pixels: the only fast way to draw thousands."""

    kind = Points

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.ScatterPlotItem(pxMode=True, pen=None, antialias=True)
        super().__init__(view)

    def key(self, layer: Points) -> tuple[object, ...]:  # noqa: D102
        return layer.size, layer.opacity, layer.mark

    def set_style(self, layer: Points, look: Look, colour: QColor) -> None:  # noqa: D102
        colour.setAlphaF(layer.opacity)
        hollow = layer.mark == "missing"
        self.item.setSymbol(_crossed_ring() if hollow else "o")
        self.item.setPen(pg.mkPen(colour, width=1.3 * look.unit) if hollow else None)
        self.item.setBrush(None if hollow else pg.mkBrush(colour))
        self.item.setSize(max(2.0, layer.size * look.unit))

    def put(self, layer: Points, look: Look) -> None:  # noqa: D102
        x, y = scaled(layer.xy[:, 0], look.log_x), scaled(layer.xy[:, 1], look.log_y)
        real = np.isfinite(x) & np.isfinite(y)
        self.item.setData(x=x[real], y=y[real])


class _Reaching(Drawn[AnyLayer]):
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
        if self._cut and self.layer is not None and self.item.isVisible():
            self.put(self.layer, look)


class DrawnLine(_Reaching[Line]):
    """A curve with gaps, thinned to the pixels there are."""

    kind = Line

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.PlotCurveItem(antialias=True, skipFiniteCheck=True)
        super().__init__(view)

    def key(self, layer: Line) -> tuple[object, ...]:  # noqa: D102
        return layer.width, layer.style

    def set_style(self, layer: Line, look: Look, colour: QColor) -> None:  # noqa: D102
        self.item.setPen(_pen(colour, layer.width * look.unit, STYLES[layer.style]))
        # Qt strokes a wide smooth curve piece by piece three times faster; dashes must run through.
        self.item.setSegmentedLineMode("on" if layer.style == "solid" else "off")

    def put(self, layer: Line, look: Look) -> None:  # noqa: D102
        self._cut = False
        y = self.cut(scaled(layer.y, look.log_y))
        x, y = _thinned(scaled(layer.x, look.log_x), y, int(self.view.width()))
        kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        joined = np.append(np.diff(kept) == 1, False) if len(kept) else np.empty(0, dtype=bool)
        connect = "all" if joined[:-1].all() else joined
        self.item.setData(x=x[kept], y=y[kept], connect=connect)


class DrawnBand(_Reaching[Band]):
    """The area between two curves, one polygon for each run of finite values."""

    kind = Band

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = QGraphicsPathItem()
        self.item.setPen(QPen(Qt.PenStyle.NoPen))
        super().__init__(view)

    def key(self, layer: Band) -> tuple[object, ...]:  # noqa: D102
        return (layer.opacity,)

    def set_style(self, layer: Band, look: Look, colour: QColor) -> None:  # noqa: D102
        colour.setAlphaF(layer.opacity)
        self.item.setBrush(pg.mkBrush(colour))

    def put(self, layer: Band, look: Look) -> None:  # noqa: D102
        x, low, high = (
            scaled(values, log)
            for values, log in ((layer.x, look.log_x), (layer.low, look.log_y), (layer.high, look.log_y))
        )
        self._cut = False
        low, high = self.cut(low), self.cut(high)
        # A band that reaches down to zero goes on to the lower edge of a logarithmic axis.
        low = np.where(np.isnan(low) & np.isfinite(high) & look.log_y, LOG_FLOOR, low)
        kept = np.flatnonzero(np.isfinite(x) & np.isfinite(low) & np.isfinite(high))
        path = QPainterPath()
        for run in np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1):
            if len(run) > 1:
                around = np.concatenate([low[run], high[run][::-1]])
                path.addPath(pg.arrayToQPath(np.concatenate([x[run], x[run][::-1]]), around, finiteCheck=False))
        self.item.setPath(path)


class DrawnHistogram(Drawn[Histogram]):
    """Filled bars with one outline."""

    kind = Histogram

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.PlotCurveItem(stepMode="center", fillLevel=0.0, x=np.zeros(2), y=np.zeros(1))
        super().__init__(view)

    def key(self, layer: Histogram) -> tuple[object, ...]:  # noqa: D102
        return (layer.opacity,)

    def set_style(self, layer: Histogram, look: Look, colour: QColor) -> None:  # noqa: D102
        self.item.setPen(_pen(colour, 1.0, Qt.PenStyle.SolidLine))
        colour.setAlphaF(layer.opacity)
        self.item.setBrush(pg.mkBrush(colour))
        self.item.setFillLevel(LOG_FLOOR if look.log_y else 0.0)

    def put(self, layer: Histogram, look: Look) -> None:  # noqa: D102
        edges, heights = scaled(layer.edges, look.log_x), scaled(layer.heights, look.log_y)
        if len(heights) == 0 or not np.isfinite(edges).all():
            edges, heights = np.zeros(2), np.zeros(1)
        self.item.setData(x=edges, y=np.nan_to_num(heights, nan=LOG_FLOOR if look.log_y else 0.0))


class DrawnArrows(Drawn[Arrows]):
    """All arrows as one curve of separate strokes: a shaft and two strokes of a head for each."""

    kind = Arrows

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.PlotCurveItem(antialias=True, connect="pairs", skipFiniteCheck=True)
        self.item.setSegmentedLineMode("on")
        super().__init__(view)

    def set_style(self, layer: Arrows, look: Look, colour: QColor) -> None:  # noqa: D102
        self.item.setPen(_pen(colour, 1.0 * look.unit, Qt.PenStyle.SolidLine))

    def moved(self, look: Look) -> None:  # noqa: D102
        if self.layer is not None and self.item.isVisible():
            self.put(self.layer, look)

    def put(self, layer: Arrows, look: Look) -> None:  # noqa: D102
        ends = np.stack([layer.tail, layer.tail + layer.vector])
        ends = np.stack([scaled(ends[..., 0], look.log_x), scaled(ends[..., 1], look.log_y)], axis=-1)
        tail, tip = ends[:, np.isfinite(ends).all(axis=(0, 2))]
        # Heads are drawn in pixels, so that their angle is right whatever the two scales are.
        pixel = np.array(self.view.viewPixelSize())
        # A view without a size yet has none.
        pixel = np.where(np.isfinite(pixel) & (pixel > 0), pixel, 1.0)
        shaft = (tip - tail) / pixel
        length = np.hypot(shaft[:, 0], shaft[:, 1])
        moves = length > 0.5
        tail, tip, shaft, length = tail[moves], tip[moves], shaft[moves], length[moves]
        back = -shaft * (np.minimum(0.4 * length, 5.0 * look.unit) / length)[:, None]
        aside = 0.5 * np.stack([-back[:, 1], back[:, 0]], axis=-1)
        strokes = np.empty((len(tail), 6, 2))
        strokes[:, 0] = tail
        strokes[:, 1] = strokes[:, 3] = strokes[:, 5] = tip
        strokes[:, 2] = tip + (back + aside) * pixel
        strokes[:, 4] = tip + (back - aside) * pixel
        flat = strokes.reshape(-1, 2)
        self.item.setData(x=flat[:, 0].copy(), y=flat[:, 1].copy())


class DrawnSegments(_Reaching[Segments]):
    """All segments as one curve of separate strokes."""

    kind = Segments

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.PlotCurveItem(antialias=True, connect="pairs", skipFiniteCheck=True)
        self.item.setSegmentedLineMode("on")
        super().__init__(view)

    def key(self, layer: Segments) -> tuple[object, ...]:  # noqa: D102
        return layer.width, layer.opacity

    def set_style(self, layer: Segments, look: Look, colour: QColor) -> None:  # noqa: D102
        colour.setAlphaF(layer.opacity)
        self.item.setPen(_pen(colour, layer.width * look.unit, Qt.PenStyle.SolidLine))

    def put(self, layer: Segments, look: Look) -> None:  # noqa: D102
        self._cut = False
        ends = np.stack([layer.start, layer.end], axis=1)
        x, y = scaled(ends[..., 0], look.log_x), self.cut(scaled(ends[..., 1], look.log_y))
        whole = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
        self.item.setData(x=x[whole].ravel(), y=y[whole].ravel())


class DrawnStrip(Drawn[Strip]):
    """Bars along the upper edge of the view, at least as wide as they are high: a single step must be seen."""

    kind = Strip
    HEIGHT = 3.5
    """In points."""

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = QGraphicsPathItem()
        self.item.setPen(QPen(Qt.PenStyle.NoPen))
        super().__init__(view)

    def _add(self) -> None:
        # Its height is in pixels, as that of words.
        self.item.setParentItem(self.view)

    def remove(self) -> None:  # noqa: D102
        _take_out(self.item)

    def set_style(self, layer: Strip, look: Look, colour: QColor) -> None:  # noqa: D102
        self.item.setBrush(pg.mkBrush(colour))

    def put(self, layer: Strip, look: Look) -> None:  # noqa: D102
        self.moved(look)

    def moved(self, look: Look) -> None:  # noqa: D102
        if self.layer is None:
            return
        height, width = self.HEIGHT * look.unit, self.view.rect().width()
        low, high = self.view.viewRange()[0]
        spans = scaled(self.layer.spans, look.log_x)
        spans = (spans[np.isfinite(spans).all(axis=1)] - low) * (width / (high - low))
        path = QPainterPath()
        for left, right in spans[(spans[:, 1] >= 0) & (spans[:, 0] <= width)]:
            wider = max(0.0, height - (right - left)) / 2
            first, last = max(left - wider, -height), min(right + wider, width + height)
            path.addRect(QRectF(first, self.layer.row * (height + look.unit), last - first, height))
        self.item.setPath(path)


class DrawnText(Drawn[Text]):
    """A word at a fixed place of the view, whatever its range."""

    kind = Text

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = QGraphicsSimpleTextItem()
        super().__init__(view)

    def _add(self) -> None:
        # A child of the box itself counts in pixels; the box's other children count in data.
        self.item.setParentItem(self.view)

    def remove(self) -> None:  # noqa: D102
        _take_out(self.item)

    def set_style(self, layer: Text, look: Look, colour: QColor) -> None:  # noqa: D102
        self.item.setBrush(pg.mkBrush(colour))

    def put(self, layer: Text, look: Look) -> None:  # noqa: D102
        if self.item.text() != layer.text:
            self.item.setText(layer.text)
        font = self.view.font()
        if self.item.font() != font:
            self.item.setFont(font)
        self.moved(look)

    def moved(self, look: Look) -> None:  # noqa: D102
        if self.layer is None:
            return
        box, own = self.view.rect(), self.item.boundingRect()
        across, up = self.layer.at
        # The word stands inwards of its place, so that none is cut at an edge.
        left = 0.0 if across < 1 / 3 else 0.5 if across <= 2 / 3 else 1.0
        below = 1.0 if up < 1 / 3 else 0.5 if up <= 2 / 3 else 0.0
        self.item.setPos(across * box.width() - left * own.width(), (1 - up) * box.height() - below * own.height())


_KINDS: dict[type[Layer], Callable[[pg.ViewBox], Drawn[Any]]] = {
    drawn.kind: drawn
    for drawn in (
        DrawnImage, DrawnPoints, DrawnLine, DrawnBand, DrawnHistogram, DrawnArrows, DrawnSegments, DrawnStrip,
        DrawnText,
    )
}  # fmt: skip


def make_drawn(layer: Layer, view: pg.ViewBox) -> Drawn[Any]:
    """Make the item for a layer's kind and add it to a view."""
    return _KINDS[type(layer)](view)


def _take_out(item: QGraphicsItem) -> None:
    """Take an item out of its scene for good."""
    item.setParentItem(None)
    if item.scene() is not None:
        item.scene().removeItem(item)


def _crossed_ring() -> QPainterPath:
    """Return the mark of what is missing, one unit wide."""
    path = QPainterPath()
    path.addEllipse(QRectF(-0.5, -0.5, 1.0, 1.0))
    for x in (0.25, -0.25):
        path.moveTo(x, 0.25)
        path.lineTo(-x, -0.25)
    return path


def _pen(colour: QColor, width: float, style: Qt.PenStyle) -> QPen:
    pen = QPen(colour, width, style)
    pen.setCosmetic(True)
    return pen


def _thinned(x: Array, y: Array, pixels: int) -> tuple[Array, Array]:
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
