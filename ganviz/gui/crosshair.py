"""The crosshair: one step, shown in all plots over steps at once, with the values there."""

from __future__ import annotations

import html
import math
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPen
from PySide6.QtWidgets import QGraphicsLineItem, QGraphicsRectItem, QGraphicsTextItem

from ganviz.plots.readout import Reading, read, said
from ganviz.plots.scene import Scene
from ganviz.plots.theme import Theme

ABOVE = 1000
"""Above all layers."""
GAP = 6.0
"""Pixels between the line and its words."""


class Crosshair:
    """An upright line at a step of one plot, and beside it what the curves say there.

    Attributes
    ----------
    step : int or None
        Where it is; None: nowhere.
    text : str
        What is read out, as plain text.
    """

    def __init__(self, box: pg.ViewBox) -> None:
        self.step: int | None = None
        self.text = ""
        self._box = box
        self._scene: Scene | None = None
        self._theme: Theme | None = None
        self._said = ""
        self._width = 0.0
        # Children of the box itself count in pixels; the box's other children count in data.
        self._line, self._ground = QGraphicsLineItem(box), QGraphicsRectItem(box)
        self._words = QGraphicsTextItem(self._ground)
        self._words.document().setDocumentMargin(3)
        for item in (self._line, self._ground, self._words):
            item.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
            item.setZValue(ABOVE)
        self._show(False)

    @property
    def visible(self) -> bool:
        """Whether it stands in the picture."""
        return bool(self._line.isVisible())

    def step_at(self, place: QPointF) -> float | None:
        """Return the step at a place of the widget's graphics scene; None beside the curves, or where none are."""
        if self._scene is None or not self._scene.over_steps or not self._box.sceneBoundingRect().contains(place):
            return None
        x = float(self._box.mapSceneToView(place).x())
        return 10.0 ** min(x, 300.0) if self._log else x

    def follow(self, scene: Scene, theme: Theme, font: QFont) -> None:
        """Stay at the step in another picture."""
        self._scene = scene
        if theme is not self._theme:
            self._theme = theme
            colour = QColor(theme.surface)
            colour.setAlphaF(0.88)
            self._ground.setBrush(colour)
            self._ground.setPen(QPen(QColor(theme.grid), 0))
            self._line.setPen(QPen(QColor(theme.roles["cursor"]), 0, Qt.PenStyle.DashLine))
            self._words.setDefaultTextColor(QColor(theme.text))
        if self._words.font() != font:
            self._words.setFont(font)
            self._width = 0.0
        self.refresh()

    def refresh(self) -> None:
        """Read the curves anew."""
        scene, theme = self._scene, self._theme
        if self.step is None or scene is None or theme is None or not scene.over_steps:
            self.text = ""
            self._show(False)
            return
        readings = read(scene, self.step)
        self.text = "; ".join([f"step {self.step:,}", *(f"{reading.label} {_values(reading)}" for reading in readings)])
        words = "<br>".join([f"<b>step {self.step:,}</b>", *(_row(reading, theme) for reading in readings)])
        if words != self._said:
            self._said = words
            self._words.setHtml(words)
            self._width = 0.0
        self._fit()
        self._show(True)
        self.moved()

    def _fit(self) -> None:
        """Break the words where the plot is narrower."""
        width = self._box.rect().width()
        if width != self._width:
            self._width = width
            self._words.setTextWidth(-1)
            self._words.setTextWidth(min(self._words.document().idealWidth() + 1, max(width, 1.0)))
            self._ground.setRect(self._words.boundingRect())

    def moved(self, *_: Any) -> None:
        """Stand at the step in another range or size of the plot."""
        if self.step is None or not self._ground.isVisible():
            return
        self._fit()
        low, high = map(float, self._box.viewRange()[0])
        box, own = self._box.rect(), self._ground.rect()
        x = self._place()
        across = QRectF(box).width() * (x - low) / (high - low) if x is not None and high > low else -1.0
        inside = 0.0 <= across <= box.width()
        self._line.setVisible(inside)
        if inside:
            self._line.setLine(across, 0.0, across, box.height())
        right = across + GAP + own.width() <= box.width() or across < box.width() / 2
        left = across + GAP if right else across - GAP - own.width()
        self._ground.setPos(max(0.0, min(left, box.width() - own.width())), GAP)

    def _place(self) -> float | None:
        """Return where the step is on the plot's own scale; None where it has no place."""
        assert self.step is not None
        if not self._log:
            return float(self.step)
        return math.log10(self.step) if self.step > 0 else None

    @property
    def _log(self) -> bool:
        return self._scene is not None and self._scene.x.scale == "log"

    def _show(self, shown: bool) -> None:
        self._line.setVisible(shown)
        self._ground.setVisible(shown)


def _values(reading: Reading) -> str:
    others = ", ".join(f"{number}: {said(value)}" for number, value in reading.pinned)
    return said(reading.value) + (f" ({others})" if others else "")


def _row(reading: Reading, theme: Theme) -> str:
    label = html.escape(reading.label).replace(" ", "&nbsp;")
    sign = f'<span style="color:{theme.roles[reading.role]}">━</span>&nbsp;{label}&nbsp; <b>{said(reading.value)}</b>'
    return " &nbsp;".join([sign, *(f"{number}:&nbsp;{said(value)}" for number, value in reading.pinned)])
