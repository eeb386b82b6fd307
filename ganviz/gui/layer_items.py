"""How each kind of layer stands in a view of pyqtgraph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsSimpleTextItem

from ganviz.plots.scene import Arrows, Band, Histogram, Image, Layer, Line, Points, Rule, Segments, Strip, Text
from ganviz.plots.theme import diverging

from .layer_base import LOG_FLOOR, STYLES, Drawn, Look, Reaching, extent, make_pen, scaled, take_out, thinned

__all__ = ["Drawn", "Look", "extent", "make_drawn"]

APART = 3.0
"""Rules nearer than this many pixels to the one before are left out: more of them would be a grey area."""


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

    def set_style(self, layer: Image, look: Look, colour: QColor) -> None:
        self.item.setLookupTable(diverging(look.theme))

    def put(self, layer: Image, look: Look) -> None:
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

    def key(self, layer: Points) -> tuple[object, ...]:
        return layer.size, layer.opacity, layer.mark

    def set_style(self, layer: Points, look: Look, colour: QColor) -> None:
        colour.setAlphaF(layer.opacity)
        hollow = layer.mark == "missing"
        self.item.setSymbol(_crossed_ring() if hollow else "o")
        self.item.setPen(pg.mkPen(colour, width=1.3 * look.unit) if hollow else None)
        self.item.setBrush(None if hollow else pg.mkBrush(colour))
        self.item.setSize(max(2.0, layer.size * look.unit))

    def put(self, layer: Points, look: Look) -> None:
        x, y = scaled(layer.xy[:, 0], look.log_x), scaled(layer.xy[:, 1], look.log_y)
        real = np.isfinite(x) & np.isfinite(y)
        self.item.setData(x=x[real], y=y[real])


class DrawnLine(Reaching[Line]):
    """A curve with gaps, thinned to the pixels there are."""

    kind = Line

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.PlotCurveItem(antialias=True, skipFiniteCheck=True)
        super().__init__(view)

    def key(self, layer: Line) -> tuple[object, ...]:
        return layer.width, layer.style

    def set_style(self, layer: Line, look: Look, colour: QColor) -> None:
        self.item.setPen(make_pen(colour, layer.width * look.unit, STYLES[layer.style]))
        # Qt strokes a wide smooth curve piece by piece three times faster; dashes must run through.
        self.item.setSegmentedLineMode("on" if layer.style == "solid" else "off")
        # Smooth dashes take Qt ten times as long; a hairline hardly shows the difference.
        self.item.opts["antialias"] = layer.style == "solid" or layer.width >= 1.0

    def put(self, layer: Line, look: Look) -> None:
        self._cut = False
        y = self.cut(scaled(layer.y, look.log_y))
        x, y = thinned(scaled(layer.x, look.log_x), y, int(self.view.width()))
        kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        joined = np.append(np.diff(kept) == 1, False) if len(kept) else np.empty(0, dtype=bool)
        connect = "all" if joined[:-1].all() else joined
        self.item.setData(x=x[kept], y=y[kept], connect=connect)


class DrawnBand(Reaching[Band]):
    """The area between two curves, one polygon for each run of finite values."""

    kind = Band

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = QGraphicsPathItem()
        self.item.setPen(QPen(Qt.PenStyle.NoPen))
        super().__init__(view)

    def key(self, layer: Band) -> tuple[object, ...]:
        return (layer.opacity,)

    def set_style(self, layer: Band, look: Look, colour: QColor) -> None:
        colour.setAlphaF(layer.opacity)
        self.item.setBrush(pg.mkBrush(colour))

    def put(self, layer: Band, look: Look) -> None:
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

    def key(self, layer: Histogram) -> tuple[object, ...]:
        return (layer.opacity,)

    def set_style(self, layer: Histogram, look: Look, colour: QColor) -> None:
        self.item.setPen(make_pen(colour, 1.0, Qt.PenStyle.SolidLine))
        colour.setAlphaF(layer.opacity)
        self.item.setBrush(pg.mkBrush(colour))
        self.item.setFillLevel(LOG_FLOOR if look.log_y else 0.0)

    def put(self, layer: Histogram, look: Look) -> None:
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

    def set_style(self, layer: Arrows, look: Look, colour: QColor) -> None:
        self.item.setPen(make_pen(colour, 1.0 * look.unit, Qt.PenStyle.SolidLine))

    def moved(self, look: Look) -> None:
        if self.layer is not None and self.item.isVisible():
            self.put(self.layer, look)

    def put(self, layer: Arrows, look: Look) -> None:
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


class DrawnSegments(Reaching[Segments]):
    """All segments as one curve of separate strokes."""

    kind = Segments

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.PlotCurveItem(antialias=True, connect="pairs", skipFiniteCheck=True)
        self.item.setSegmentedLineMode("on")
        super().__init__(view)

    def key(self, layer: Segments) -> tuple[object, ...]:
        return layer.width, layer.opacity

    def set_style(self, layer: Segments, look: Look, colour: QColor) -> None:
        colour.setAlphaF(layer.opacity)
        self.item.setPen(make_pen(colour, layer.width * look.unit, Qt.PenStyle.SolidLine))

    def put(self, layer: Segments, look: Look) -> None:
        self._cut = False
        ends = np.stack([layer.start, layer.end], axis=1)
        x, y = scaled(ends[..., 0], look.log_x), self.cut(scaled(ends[..., 1], look.log_y))
        whole = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
        self.item.setData(x=x[whole].ravel(), y=y[whole].ravel())


class DrawnRule(Drawn[Rule]):
    """Upright lines from the lower edge of the view to the upper one, all as one curve of separate strokes."""

    kind = Rule

    def __init__(self, view: pg.ViewBox) -> None:
        self.item = pg.PlotCurveItem(connect="pairs", skipFiniteCheck=True)
        super().__init__(view)

    def key(self, layer: Rule) -> tuple[object, ...]:
        return layer.width, layer.style, layer.opacity

    def set_style(self, layer: Rule, look: Look, colour: QColor) -> None:
        colour.setAlphaF(layer.opacity)
        self.item.setPen(make_pen(colour, layer.width * look.unit, STYLES[layer.style]))

    def moved(self, look: Look) -> None:
        if self.layer is not None and self.item.isVisible():
            self.put(self.layer, look)

    def put(self, layer: Rule, look: Look) -> None:
        (left, right), height = self.view.viewRange()
        x = np.unique(scaled(layer.x, look.log_x))
        x = x[np.isfinite(x) & (x >= left) & (x <= right)]
        cells = np.floor((x - left) * (max(self.view.width(), 1.0) / APART / (right - left)))
        x = x[np.append(True, np.diff(cells) > 0)[: len(x)]]
        self.item.setData(x=np.repeat(x, 2), y=np.tile(height, len(x)))


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

    def remove(self) -> None:
        take_out(self.item)

    def set_style(self, layer: Strip, look: Look, colour: QColor) -> None:
        self.item.setBrush(pg.mkBrush(colour))

    def put(self, layer: Strip, look: Look) -> None:
        self.moved(look)

    def moved(self, look: Look) -> None:
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

    def remove(self) -> None:
        take_out(self.item)

    def set_style(self, layer: Text, look: Look, colour: QColor) -> None:
        self.item.setBrush(pg.mkBrush(colour))

    def put(self, layer: Text, look: Look) -> None:
        if self.item.text() != layer.text:
            self.item.setText(layer.text)
        font = self.view.font()
        if self.item.font() != font:
            self.item.setFont(font)
        self.moved(look)

    def moved(self, look: Look) -> None:
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
        DrawnImage, DrawnPoints, DrawnLine, DrawnBand, DrawnHistogram, DrawnArrows, DrawnSegments, DrawnRule,
        DrawnStrip, DrawnText,
    )
}  # fmt: skip


def make_drawn(layer: Layer, view: pg.ViewBox) -> Drawn[Any]:
    """Make the item for a layer's kind and add it to a view."""
    return _KINDS[type(layer)](view)


def _crossed_ring() -> QPainterPath:
    """Return the mark of what is missing, one unit wide."""
    path = QPainterPath()
    path.addEllipse(QRectF(-0.5, -0.5, 1.0, 1.0))
    for x in (0.25, -0.25):
        path.moveTo(x, 0.25)
        path.lineTo(-x, -0.25)
    return path
