"""The window's painter: a plot widget that shows one scene after the other.

Items live as long as the widget and only get new data; ranges change rarely, because drawing the axes anew is
what costs most; and once a person has zoomed, the view is theirs until they ask for all of it again.
"""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Slot
from PySide6.QtGui import QFont, QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QWidget

from ganviz.gui.crosshair import Crosshair
from ganviz.gui.layer_items import Drawn, Look, extent, make_drawn
from ganviz.gui.plot_parts import Box, Grid, Header, Overlay, Scale
from ganviz.plots.scene import (
    Arrows,
    Axis,
    Band,
    Histogram,
    Image,
    Layer,
    Line,
    Points,
    Role,
    Scene,
    Segments,
    Strip,
    Style,
)
from ganviz.plots.theme import LIGHT, TINT, Theme, rgb

Range = tuple[float, float]
# Twice, for an image runs between two colours.
IMAGE_SIGN = "◼"
# Titles, scales, roles of the right side, whether there is an image, equal units: what axes depend on.
NO_FRAME: tuple[Any, ...] = ([], [], frozenset(), False, False)
ENDS: tuple[Role, Role] = ("fake", "real")
# The signs that stand for layers in the line above the plot.
SIGNS: dict[type[Layer], str] = {
    Points: "●", Arrows: "➜", Band: "■", Histogram: "■", Segments: "╱", Strip: "▀", Image: IMAGE_SIGN,
}  # fmt: skip
MISSING_SIGN = "⊗"
LINE_SIGNS: dict[Style, str] = {
    "solid": "━━", "dashed": "╺╸╺╸", "dotted": "••••", "dash-dotted": "╺╸•╺╸•", "dash-dot-dotted": "╺╸••╺╸••",
}  # fmt: skip


class PlotCanvas(pg.PlotWidget):
    """A widget that shows scenes.

    Attributes
    ----------
    shown : Scene or None
        The last scene. (``scene`` is the name of Qt's own graphics scene.)
    theme : Theme
        The colours in use.
    crosshair : Crosshair
        The step that is pointed at.
    """

    def __init__(self, parent: QWidget | None = None, theme: Theme = LIGHT) -> None:
        self._box = Box()
        axes = {side: Scale(side) for side in ("left", "bottom", "right")}
        super().__init__(parent, viewBox=self._box, axisItems=axes)
        self.shown: Scene | None = None
        self.theme = theme
        self._axes = axes
        self._drawn: dict[str, tuple[str, Drawn[Any]]] = {}
        self._ranges: dict[str, Range] = {}
        self._words = ""
        self._frame: tuple[Any, ...] = NO_FRAME
        self._held = False
        self._looks: dict[str, Look] = {}

        plot = self.getPlotItem()
        plot.setMenuEnabled(False, enableViewBoxMenu=True)
        plot.hideButtons()
        plot.layout.setContentsMargins(4, 2, 10, 4)
        # pyqtgraph's exporters draw thin lines and no legend; the program has its own.
        self.sceneObj.contextMenu = []
        self._header = Header()
        plot.layout.removeItem(plot.titleLabel)
        plot.layout.addItem(self._header, 0, 0, 1, 3)
        self._overlay = Overlay()
        self._overlay.setParentItem(plot)
        self._overlay.setZValue(-50)
        self._overlay.setXLink(self._box)
        axes["right"].linkToView(self._overlay)
        plot.hideAxis("right")
        for axis in axes.values():
            axis.enableAutoSIPrefix(False)
            # An axis that grew stays: a plot that trembles with its numbers cannot be watched.
            axis.setStyle(autoReduceTextSpace=False, tickTextOffset=4, tickLength=-4, maxTickLevel=1)
            # Numbers up the side may reach beyond the axis a little; along the bottom they would run together.
            axis.setStyle(hideOverlappingLabels=axis is axes["bottom"])
        # Steps have many digits: fewer of them along the bottom.
        axes["bottom"].setTickDensity(0.6)
        self._grid = Grid(self._box, axes["bottom"], axes["left"])
        self.crosshair = Crosshair(self._box)
        self._box.taken, self._box.released = self._hold, self.fit
        self._box.sigResized.connect(self._on_resized)
        self._box.sigRangeChanged.connect(self._on_moved)
        self.set_theme(theme)

    @property
    def held(self) -> bool:
        """Whether the person has chosen the view; new scenes then leave the ranges alone."""
        return self._held

    def show_scene(self, scene: Scene) -> None:
        """Draw a scene in place of the last one."""
        if self.shown is None or self.shown.view != scene.view:
            self._release()
        # What a diverged run measured may overflow in a sum; it is left out of the picture then.
        with np.errstate(all="ignore"):
            self._show(scene)

    def _show(self, scene: Scene) -> None:
        self.shown = scene
        self._looks = {side: self._look(scene, side) for side in ("left", "right")}
        self._set_header(scene)
        self._set_axes(scene)
        self._fill()
        if not self._held:
            self._set_ranges(scene)
        for order, layer in enumerate(scene.layers):
            self._draw(layer, order)
        names = {layer.name for layer in scene.layers}
        for name, (_, drawn) in self._drawn.items():
            if name not in names:
                drawn.hide()
        self.crosshair.follow(scene, self.theme, self.font())

    def set_theme(self, theme: Theme) -> None:
        """Change the colours, of what is shown too."""
        self.theme = theme
        self.setBackground(theme.background)
        self._box.setBackgroundColor(theme.surface)
        for axis in self._axes.values():
            axis.setPen(pg.mkPen(theme.grid))
            axis.setTextPen(pg.mkPen(theme.muted))
        self._grid.setPen(pg.mkPen(_mixed(theme.surface, theme.grid, 0.45)))
        self._restyle()

    @Slot()
    def fit(self) -> None:
        """Show everything, and follow the data again."""
        self._release()
        for side in ("left", "right"):
            # What the numbers of another run needed is given back.
            self._axes[side].textWidth = 0
        if self.shown is not None:
            self._set_ranges(self.shown)

    def close(self) -> bool:
        """Close as any widget does: pyqtgraph takes its plot apart here, and a late event then crashes."""
        return QWidget.close(self)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the widget's font."""
        super().changeEvent(event)
        # Qt may ask before the widget is complete.
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_header"):
            self._restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the plots their new size."""
        super().resizeEvent(event)
        if hasattr(self, "_overlay"):
            self._fill()
            self._on_resized()

    def _fill(self) -> None:
        """Let the plot be as large as the widget: once the header needed more, it stays larger by itself."""
        plot = self.getPlotItem()
        if plot.size() != self.range.size():
            plot.layout.activate()
            plot.setGeometry(self.range)

    def _restyle(self) -> None:
        self._words, self._frame = "", ([], self._frame[1], *self._frame[2:])
        font = QFont(self.font())
        for axis in self._axes.values():
            axis.setStyle(tickFont=font)
            axis.label.setFont(font)
        # By itself the axis leaves too little room for its label where letters are large.
        self._axes["bottom"].setHeight(2 * QFontMetricsF(font).height() + 8)
        self._box.setFont(font)
        self._overlay.setFont(font)
        if self.shown is not None:
            self.show_scene(self.shown)

    def _look(self, scene: Scene, side: str) -> Look:
        # Where the person chose large letters, for a hall, lines and points grow with them.
        grown = max(1.0, self.font().pointSizeF() / 10)
        vertical = scene.right if side == "right" and scene.right is not None else scene.left
        # pyqtgraph's pens and points count the screen's own pixels, of which a sharp screen has several for one.
        unit = self.logicalDpiY() / 72 * grown * self.devicePixelRatioF()
        return Look(self.theme, unit, scene.x.scale == "log", vertical.scale == "log")

    def _draw(self, layer: Layer, order: int) -> None:
        side = layer.side if self.shown is not None and self.shown.right is not None else "left"
        place, drawn = self._drawn.get(layer.name, ("", None))
        if drawn is None or place != side or drawn.kind is not type(layer):
            if drawn is not None:
                drawn.remove()
            drawn = make_drawn(layer, self._overlay if side == "right" else self._box)
            self._drawn[layer.name] = side, drawn
        drawn.show(layer, self._looks[side], order)

    # The words around the plot.

    def _set_header(self, scene: Scene) -> None:
        keys = dict.fromkeys((layer.label, layer.role, _sign(layer)) for layer in scene.layers if layer.label)
        words = _header(scene.title, keys, self.theme)
        if words != self._words:
            self._words = words
            self._header.set_words(words, self.font())

    def _set_axes(self, scene: Scene) -> None:
        roles = frozenset(layer.role for layer in scene.layers if layer.side == "right")
        has_image = any(isinstance(layer, Image) for layer in scene.layers)
        axes = {"bottom": scene.x, "left": scene.left, "right": scene.right}
        titles = [None if axis is None else axis.title for axis in axes.values()]
        scales = [None if axis is None else axis.scale for axis in axes.values()]
        ticks = [() if axis is None else axis.ticks for axis in axes.values()]
        frame = (titles, scales, roles, has_image, scene.equal, ticks)
        if frame == self._frame:
            return
        if scales != self._frame[1] or scene.equal != self._frame[4]:
            # A range that a person chose on another scale means nothing on this one.
            self._release()
        self._frame = frame
        self.getPlotItem().showAxis("right", scene.right is not None)
        self._overlay.setVisible(scene.right is not None)
        self._grid.setVisible(not has_image)
        self._box.setAspectLocked(scene.equal)
        for name, axis in axes.items():
            if axis is not None:
                own = name == "right" and len(roles) == 1
                colour = self.theme.roles[next(iter(roles))] if own else self.theme.text
                self._axes[name].set_title(axis.title, axis.unit, colour)
                self._axes[name].setLogMode(axis.scale == "log")
                self._axes[name].set_names(dict(axis.ticks))
        self._grid.follow()

    # Ranges.

    def _hold(self) -> None:
        self._held = True
        self.getPlotItem().showButtons()

    def _release(self) -> None:
        self._held = False
        self._ranges.clear()
        self.getPlotItem().hideButtons()

    def _set_ranges(self, scene: Scene) -> None:
        extents = [
            (layer.side, *extent(layer, self._looks["right" if layer.side == "right" else "left"]))
            for layer in scene.layers
        ]
        horizontal = [x for _, x, _ in extents]
        sides = {side: [y for at, _, y in extents if at == side] for side in ("left", "right")}
        if scene.right is None:
            sides = {"left": sides["left"] + sides["right"], "right": []}
        wanted = {
            "x": self._fitted("x", scene.x, horizontal),
            "left": self._fitted("left", scene.left, sides["left"]),
        }
        if any(self._ranges.get(name) != value for name, value in wanted.items()):
            self._ranges.update(wanted)
            self._box.setRange(xRange=wanted["x"], yRange=wanted["left"], padding=0, disableAutoRange=False)
        if scene.right is not None:
            right = self._fitted("right", scene.right, sides["right"])
            if right != self._ranges.get("right"):
                self._ranges["right"] = right
                self._overlay.setRange(yRange=right, padding=0, disableAutoRange=False)

    def _fitted(self, name: str, axis: Axis, values: list[np.ndarray]) -> Range:
        log = axis.scale == "log"
        if axis.range is not None:
            low, high = axis.range
            if math.isfinite(low) and math.isfinite(high) and low < high and (not log or low > 0):
                return (math.log10(low), math.log10(high)) if log else (low, high)
        together = np.concatenate(values) if values else np.empty(0)
        together = together[np.isfinite(together)]
        if not len(together):
            return self._ranges.get(name, (0.0, 1.0))
        return fitted_range(float(together.min()), float(together.max()), self._ranges.get(name), log)

    @Slot()
    def _on_resized(self, *_: object) -> None:
        self._overlay.setGeometry(self._box.geometry())
        self._on_moved()

    @Slot()
    def _on_moved(self, *_: object) -> None:
        self._grid.follow()
        for side, drawn in self._drawn.values():
            drawn.moved(self._looks[side])
        self.crosshair.moved()


def fitted_range(low: float, high: float, current: Range | None, log: bool = False) -> Range:
    """Choose a range for data from ``low`` to ``high``, the current one as long as it fits.

    It fits while it holds the data and they fill at least half of it: a range that follows every frame costs
    more than the curves, and hides that something moves.
    """
    span = high - low
    if current is not None and current[0] <= low and high <= current[1] and 2 * span >= current[1] - current[0]:
        return current
    if log:
        low, high = math.floor(2 * low + 1e-9) / 2, math.ceil(2 * high - 1e-9) / 2
        return low, max(high, low + 1.0)
    if span <= 1e-12 * max(abs(low), abs(high), 1e-300):
        margin = 0.1 * abs(low) or 0.5
        return low - margin, high + margin
    # Data that grow out of their range get more room at once, or the range would soon change again.
    rough = span / (20 if current is None else 8)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(nice for nice in (1, 2, 5, 10) if rough <= nice * power * (1 + 1e-9))
    # A little air, but none beyond a round number: a density starts at zero, a run of 20,000 steps ends so.
    below, above = (0.0 if _is_whole(end / step) else 0.02 * span for end in (low, high))
    return math.floor((low - below) / step + 1e-9) * step, math.ceil((high + above) / step - 1e-9) * step


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-9


def _sign(layer: Layer) -> str:
    if isinstance(layer, Points) and layer.mark == "missing":
        return MISSING_SIGN
    return LINE_SIGNS[layer.style] if isinstance(layer, Line) else SIGNS.get(type(layer), "■")


def _mixed(ground: str, colour: str, share: float) -> str:
    pairs = zip(rgb(ground), rgb(colour), strict=True)
    return "#" + bytes(round(below + share * (above - below)) for below, above in pairs).hex()


def _header(title: str, keys: dict[tuple[str, Role, str], None], theme: Theme) -> str:
    """Write title and legend as rich text, with no break inside a key."""
    parts: list[str] = []
    for label, role, sign in keys:
        shown = html.escape(label).replace(" ", "&nbsp;").replace("-", "\u2011")
        colours = [theme.roles[role]]
        if sign == IMAGE_SIGN:
            colours = [_mixed(theme.surface, theme.roles[end], TINT) for end in ENDS]
        signs = "".join(f'<span style="color:{colour}">{sign}</span>' for colour in colours)
        parts.append(f"{signs}&nbsp;{shown}")
    name = f"<b>{html.escape(title)}</b>"
    # One place to break the line, or the next would begin with a gap.
    words = "&nbsp;&nbsp;&nbsp; ".join([f"{name}&nbsp;", *parts])
    return f'<span style="color:{theme.text}">{words}</span>'
