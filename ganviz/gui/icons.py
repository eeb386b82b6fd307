"""Icons drawn as shapes, so that they need no font, follow the theme and are sharp at any size."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QIcon,
    QPainter,
    QPainterPath,
    QPainterPathStroker,
    QPen,
    QPixmap,
    QPolygonF,
    QTransform,
)

SIZE = 96


def _play(path: QPainterPath) -> None:
    path.addPolygon(QPolygonF([QPointF(0.25, 0.15), QPointF(0.85, 0.5), QPointF(0.25, 0.85)]))
    path.closeSubpath()


def _pause(path: QPainterPath) -> None:
    path.addRect(QRectF(0.22, 0.15, 0.2, 0.7))
    path.addRect(QRectF(0.58, 0.15, 0.2, 0.7))


def _step(path: QPainterPath) -> None:
    path.addPolygon(QPolygonF([QPointF(0.18, 0.15), QPointF(0.66, 0.5), QPointF(0.18, 0.85)]))
    path.closeSubpath()
    path.addRect(QRectF(0.68, 0.15, 0.14, 0.7))


def _reset(path: QPainterPath) -> None:
    ring = QPainterPath()
    ring.arcMoveTo(QRectF(0.18, 0.18, 0.64, 0.64), 60)
    ring.arcTo(QRectF(0.18, 0.18, 0.64, 0.64), 60, 290)
    path.addPath(_stroked(ring, 0.13))
    tip = QPointF(0.5 + 0.32 * math.cos(math.radians(60)), 0.5 - 0.32 * math.sin(math.radians(60)))
    path.addPolygon(QPolygonF([tip + QPointF(-0.22, -0.13), tip + QPointF(0.1, -0.14), tip + QPointF(-0.03, 0.17)]))
    path.closeSubpath()


def _theme(path: QPainterPath) -> None:
    circle = QPainterPath()
    circle.addEllipse(QRectF(0.16, 0.16, 0.68, 0.68))
    path.addPath(_stroked(circle, 0.1))
    path.moveTo(0.5, 0.16)
    path.arcTo(QRectF(0.16, 0.16, 0.68, 0.68), 90, 180)
    path.closeSubpath()


def _export(path: QPainterPath) -> None:
    path.addRect(QRectF(0.43, 0.1, 0.14, 0.4))
    path.addPolygon(QPolygonF([QPointF(0.24, 0.44), QPointF(0.76, 0.44), QPointF(0.5, 0.72)]))
    path.closeSubpath()
    path.addRect(QRectF(0.14, 0.78, 0.72, 0.12))


def _fast(path: QPainterPath) -> None:
    for left in (0.08, 0.48):
        path.addPolygon(QPolygonF([QPointF(left, 0.2), QPointF(left + 0.42, 0.5), QPointF(left, 0.8)]))
        path.closeSubpath()


def _end(path: QPainterPath) -> None:
    for left in (0.06, 0.42):
        path.addPolygon(QPolygonF([QPointF(left, 0.2), QPointF(left + 0.38, 0.5), QPointF(left, 0.8)]))
        path.closeSubpath()
    path.addRect(QRectF(0.82, 0.2, 0.12, 0.6))


def _bookmark(path: QPainterPath) -> None:
    ribbon = [(0.24, 0.1), (0.76, 0.1), (0.76, 0.9), (0.5, 0.66), (0.24, 0.9)]
    path.addPolygon(QPolygonF([QPointF(*place) for place in ribbon]))
    path.closeSubpath()


def _mirrored(shape: Callable[[QPainterPath], None]) -> Callable[[QPainterPath], None]:
    """Return a shape the other way round."""

    def draw(path: QPainterPath) -> None:
        other = QPainterPath()
        shape(other)
        path.addPath(QTransform(-1, 0, 0, 1, 1, 0).map(other))

    return draw


SHAPES: dict[str, Callable[[QPainterPath], None]] = {
    "play": _play,
    "pause": _pause,
    "step": _step,
    "reset": _reset,
    "theme": _theme,
    "export": _export,
    "start": _mirrored(_end),
    "play-back": _mirrored(_play),
    "step-back": _mirrored(_step),
    "fast": _fast,
    "end": _end,
    "bookmark": _bookmark,
}


def icon(name: str, colour: str) -> QIcon:
    """Draw an icon in a colour."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    SHAPES[name](path)
    pixmap = QPixmap(SIZE, SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(SIZE, SIZE)
    painter.fillPath(path, QColor(colour))
    painter.end()
    return QIcon(pixmap)


def _stroked(path: QPainterPath, width: float) -> QPainterPath:
    stroker = QPainterPathStroker(QPen(Qt.GlobalColor.black, width))
    return stroker.createStroke(path)
