"""The marks of the timeline: their words and how they look."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from ganviz.plots.theme import Theme
from ganviz.run.frame import Mark, MarkKind

WEIGHT: dict[MarkKind, int] = {"bookmark": 3, "diagnosis": 2, "branch": 1, "change": 0}
"""Which of the marks in one place stands for all: the heaviest."""


class Group(NamedTuple):
    """Marks that are drawn as one: the place across in pixels, the first and the end index, which stands for all."""

    x: float
    first: int
    end: int
    chief: Mark


def mark_text(mark: Mark) -> str:
    """Name a mark and its step."""
    return f"step {mark.step:,}: {mark.label}"


def paint_group(painter: QPainter, group: Group, theme: Theme, *, em: float, foot: float, groove: float) -> None:
    """Draw the sign of one or several marks: each kind has a shape of its own, not a colour alone.

    Parameters
    ----------
    em : float
        Height of a letter in pixels.
    foot, groove : float
        Where the sign ends below, and where the line on which it stands does.
    """
    mark, x = group.chief, group.x
    size = 0.66 * em
    colour = QColor(mark_colour(mark, theme))
    top, middle, half = foot - size, foot - size / 2, size / 2
    painter.setPen(QPen(colour, 1.0))
    painter.drawLine(QPointF(x, foot), QPointF(x, groove))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if mark.kind == "change":
        painter.drawRect(QRectF(x - size / 5, top, 0.4 * size, size))
    elif mark.kind == "branch":
        places = [(x, top), (x + half, middle), (x, foot), (x - half, middle)]
        painter.drawPolygon(QPolygonF([QPointF(*place) for place in places]))
    elif mark.kind == "bookmark":
        wide = 0.36 * size
        places = [(x - wide, top), (x + wide, top), (x + wide, foot), (x, foot - 0.3 * size), (x - wide, foot)]
        painter.drawPolygon(QPolygonF([QPointF(*place) for place in places]))
    elif mark.good:
        painter.drawEllipse(QPointF(x, middle), 0.9 * half, 0.9 * half)
    else:
        places = [(x - half, foot), (x, top), (x + half, foot)]
        painter.drawPolygon(QPolygonF([QPointF(*place) for place in places]))
    if group.end - group.first > 1:
        # A lid over more than one.
        painter.drawRect(QRectF(x - half, top - 0.2 * size - 1.0, size, 0.2 * size))


def mark_colour(mark: Mark, theme: Theme) -> str:
    """Return the colour of a mark."""
    if mark.kind == "diagnosis":
        return theme.roles["generator" if mark.good else "discriminator"]
    return {"change": theme.muted, "bookmark": theme.roles["accent"], "branch": theme.roles["real"]}[mark.kind]
