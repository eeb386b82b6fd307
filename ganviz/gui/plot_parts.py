"""The parts of a plot around its layers: the boxes that hold them, axes, grid, and the line above."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF
from PySide6.QtWidgets import QGraphicsTextItem

FEW_DECADES = 1.6
"""A logarithmic scale shorter than this has numbers at 2 and 5 as well."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Box(pg.ViewBox):
    """A view box that tells its canvas when the person takes the view over, and when they give it back."""

    def __init__(self) -> None:
        super().__init__(defaultPadding=0.0)
        super().enableAutoRange(enable=False)
        self.taken: Callable[[], None] = lambda: None
        self.released: Callable[[], None] = lambda: None

    def setRange(self, *args: Any, disableAutoRange: bool = True, **more: Any) -> None:
        """Set the range; every call but the canvas's own comes from the person."""
        super().setRange(*args, disableAutoRange=False, **more)
        if disableAutoRange:
            self.taken()

    def autoRange(self, *_: Any, **__: Any) -> None:
        """Show everything: the menu's "View all"."""
        self.released()

    def enableAutoRange(self, *args: Any, **more: Any) -> None:
        """Show everything, where the button or the menu asks for it; the canvas fits the ranges itself."""
        asked = [*args[1:], *more.values()] or [True]
        if any(value is not False and value is not None for value in asked):
            self.released()

    def mouseClickEvent(self, event: Any) -> None:
        """Show everything on a double click."""
        if event.double() and event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.released()
        else:
            super().mouseClickEvent(event)


class Overlay(pg.ViewBox):
    """The box of the right axis: it lies over the other one and leaves the mouse to it."""

    def __init__(self) -> None:
        super().__init__(enableMouse=False, enableMenu=False, defaultPadding=0.0)
        super().enableAutoRange(enable=False)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setFlag(self.GraphicsItemFlag.ItemIsFocusable, False)

    def mouseClickEvent(self, event: Any) -> None:
        """Leave clicks to the box below."""
        event.ignore()

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Leave drags to the box below."""
        event.ignore()


class Scale(pg.AxisItem):
    """An axis whose numbers read as in print: a true minus, 10⁻² on a logarithmic scale; or with names for numbers."""

    def __init__(self, orientation: str) -> None:
        self._titles = ("", "")
        super().__init__(orientation)
        self._names: dict[float, str] = {}

    def set_title(self, title: str, short: str, colour: str) -> None:
        """Name the axis; where the title is longer than the axis, by the short one."""
        self._titles = title, short
        self.labelText, self.labelStyle = "", {"color": colour}
        self.resizeEvent()

    def resizeEvent(self, ev: Any = None) -> None:
        """Choose the title that fits, and place it."""
        if self.label is None:
            # As it is while the plot is being closed.
            return
        title, short = self._titles
        length = self.width() if self.orientation in ("bottom", "top") else self.height()
        letters = QFontMetricsF(self.label.font())
        fits = not short or letters.horizontalAdvance(title) <= length
        # The label is rich text: a "<" in it is meant as one.
        text = html.escape(title if fits else short)
        if text != self.labelText:
            self.setLabel(text, **self.labelStyle)
        super().resizeEvent(ev)

    def set_names(self, names: dict[float, str]) -> None:
        """Call places by names instead of numbers; none: numbers. A logarithmic axis has none."""
        if names != self._names:
            self._names = names
            self.picture = None
            self.update()

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Write the numbers beside the ticks."""
        names = {} if self.logMode else self._names
        if names:
            return [names.get(value, "") for value in values]
        if not self.logMode:
            return [text.replace("-", "−") for text in super().tickStrings(values, scale, spacing)]
        low, high = self.range
        return [self._power(value, high - low) for value in values]

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Choose the ticks; on a logarithmic scale powers of ten, and 2 and 5 between them where there are few."""
        names = {} if self.logMode else self._names
        if names:
            return [(1.0, [place for place in names if minVal <= place <= maxVal])]
        if not self.logMode:
            return self._thinned(super().tickValues(minVal, maxVal, size), size)
        first, last = math.floor(minVal), math.ceil(maxVal)
        if last - first > 40:
            return super().tickValues(minVal, maxVal, size)
        shown = max(1, math.ceil((maxVal - minVal) * 28 / max(size, 1.0)))
        powers = [float(power) for power in range(first, last + 1) if power % shown == 0]
        between = [power + math.log10(digit) for power in range(first, last + 1) for digit in range(2, 10)]
        main = [value for value in powers if minVal <= value <= maxVal]
        if maxVal - minVal < FEW_DECADES:
            main += [value for value in between if minVal <= value <= maxVal and _digit(value) in (2, 5)]
        rest = [value for value in between if minVal <= value <= maxVal and value not in main] if shown == 1 else []
        return [(1.0, sorted(main)), (0.1, rest)]

    def _thinned(self, levels: list[tuple[float, Any]], size: float) -> list[tuple[float, Any]]:
        """Leave out every other number along the bottom until those that stay have room beside each other."""
        if self.orientation != "bottom" or not levels:
            return levels
        spacing, values = levels[0]
        letters = QFontMetricsF(self.style["tickFont"] or self.font())
        width = max((letters.horizontalAdvance(f"{value:g}  ") for value in values), default=0.0)
        thinned = list(values)
        while len(thinned) > 2 and len(thinned) * width > size:
            spacing, thinned = 2 * spacing, thinned[::2]
        return levels if len(thinned) == len(values) else [(spacing, thinned)]

    @staticmethod
    def _power(value: float, span: float) -> str:
        digit = _digit(value)
        if span < FEW_DECADES and -4 < value < 5:
            number = 10**value
            return (f"{number:.0f}" if number >= 1 else f"{number:.2g}") if digit in (1, 2, 5) else ""
        exponent = math.floor(value + 1e-6)
        return "10" + str(exponent).translate(SUPERSCRIPTS) if digit == 1 else ""


def _digit(value: float) -> int:
    """Return the leading digit of ten to a power."""
    return round(10 ** (value - math.floor(value + 1e-6)))


class Grid(pg.PlotCurveItem):
    """Lines at the larger ticks, one item for all: pyqtgraph's own grid took 9 ms a frame, full screen."""

    def __init__(self, box: pg.ViewBox, bottom: pg.AxisItem, left: pg.AxisItem) -> None:
        super().__init__(connect="pairs", skipFiniteCheck=True)
        self._box, self._bottom, self._left = box, bottom, left
        self.setZValue(-1)
        box.addItem(self, ignoreBounds=True)

    def follow(self) -> None:
        """Draw the lines for the range that the view has now."""
        (left, right), (low, high) = self._box.viewRange()
        across = self._ticks(self._bottom, left, right, self._box.width())
        up = self._ticks(self._left, low, high, self._box.height())
        x = np.concatenate([np.repeat(across, 2), np.tile([left, right], len(up))])
        y = np.concatenate([np.tile([low, high], len(across)), np.repeat(up, 2)])
        self.setData(x=x, y=y)

    @staticmethod
    def _ticks(axis: pg.AxisItem, low: float, high: float, length: float) -> np.ndarray:
        levels = [np.asarray(values, dtype=float) for _, values in axis.tickValues(low, high, max(length, 1.0))]
        # The coarsest level may hold one tick or none.
        return next((level for level in levels if len(level) >= 3), np.concatenate([np.empty(0), *levels[:2]]))


class Header(pg.GraphicsWidget):
    """Title and legend in a line above the plot, in several where the widget is narrow."""

    def __init__(self) -> None:
        super().__init__()
        self._words = QGraphicsTextItem(self)
        self._words.document().setDocumentMargin(3)

    def set_words(self, words: str, font: QFont) -> None:
        """Set the rich text and the font."""
        self._words.setFont(font)
        self._words.setHtml(words)
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Break the line anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.width() != self._words.textWidth():
            self._words.setTextWidth(self.width())
        # The topmost number beside the plot reaches above it by half a line.
        height = self._words.boundingRect().height() + QFontMetricsF(self._words.font()).height() / 2
        if height != self.minimumHeight():
            self.setFixedHeight(height)
