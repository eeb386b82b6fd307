"""Lanes: two to four runs side by side, each a column, with the same axes in each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ganviz.experiment.files import MOST_LANES
from ganviz.plots import PAGES, VIEWS, Theme, View, views_for
from ganviz.plots.shared import share_axes, share_boxes
from ganviz.run import Frame, Need

from .curve_settings import CurveSettings
from .painter import PlotCanvas

ROWS = 3
"""Views of a lane: its stage, and two of the page."""


@dataclass(frozen=True)
class Lane:
    """A run beside others: its name, and in words the settings in which it differs from them."""

    name: str
    difference: str
    frame: Frame


class _Head(QFrame):
    """Name and difference of a lane."""

    chosen = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("lane")
        self.setToolTip("Click: controls and changes are about this lane")
        self.name, self.difference = QLabel(self), QLabel(self)
        self.name.setObjectName("laneName")
        self.difference.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.button = QToolButton(self)
        self.button.setText("✕")
        self.button.setAutoRaise(True)
        self.button.setToolTip("Show this lane no more; the branch is kept")
        self.button.setAccessibleName("Close lane")
        self.button.clicked.connect(self.closed)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.name)
        words.addWidget(self.difference)
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 2, 2, 2)
        line.addLayout(words, 1)
        line.addWidget(self.button)
        self._name = self._text = ""
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_lane(self, lane: Lane, current: bool) -> None:
        """Show whose lane it is."""
        self._name = f"▸ {lane.name}" if current else lane.name
        self.setAccessibleName(f"Lane {lane.name}")
        self._text = lane.difference or "same settings"
        self.name.setToolTip(lane.name)
        self.difference.setToolTip(self._text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the words to the width there is."""
        super().resizeEvent(event)
        self._elide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the lane."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the lane."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    def _elide(self) -> None:
        for label, text in ((self.name, self._name), (self.difference, self._text)):
            label.setText(label.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, max(40, label.width())))


class LaneStage(QWidget):
    """Shows up to four runs in columns.

    Signals
    -------
    lane_chosen(int), lane_closed(int)
        The place of a lane.
    canvas_made(str, PlotCanvas)
        A canvas that was not there before, and the name of its view.
    """

    lane_chosen = Signal(int)
    lane_closed = Signal(int)
    canvas_made = Signal(str, PlotCanvas)

    def __init__(self, theme: Theme, curves: CurveSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._curves = curves
        self.lanes: list[Lane] = []
        self.views: list[list[View | None]] = []
        self._heads: list[_Head] = []
        self._canvases: list[dict[str, PlotCanvas]] = [{} for _ in range(MOST_LANES)]
        self._laid_out: list[list[str]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        for row, share in enumerate((0, 3, 2, 2)):
            self._grid.setRowStretch(row, share)
        for _ in range(MOST_LANES):
            head = _Head(self)
            head.chosen.connect(self._on_chosen)
            head.closed.connect(self._on_closed)
            head.hide()
            self._heads.append(head)

    @property
    def needs(self) -> Need:
        """What the visible views need of a frame."""
        needs = Need.SAMPLES
        for views in self.views:
            for view in views:
                needs |= view.needs if view is not None else Need(0)
        return needs

    def arrange(self, lanes: Sequence[Lane], page: str) -> bool:
        """Choose the views of each lane; return whether others are shown than before."""
        self.views = _views(lanes, page)
        names = [["" if view is None else view.name for view in views] for views in self.views]
        if names == self._laid_out:
            return False
        self._laid_out = names
        for column in range(MOST_LANES):
            shown = names[column] if column < len(names) else []
            self._heads[column].setVisible(column < len(names))
            self._grid.setColumnStretch(column, 1 if column < len(names) else 0)
            for name, canvas in self._canvases[column].items():
                self._grid.removeWidget(canvas)
                canvas.setVisible(name in shown)
            if column < len(names):
                self._grid.addWidget(self._heads[column], 0, column)
            for row, name in enumerate(shown, start=1):
                if not name:
                    continue
                canvas = self._canvas(column, name)
                self._grid.addWidget(canvas, row, column)
                canvas.show()
        return True

    def show_lanes(self, lanes: Sequence[Lane]) -> None:
        """Draw all lanes as they were arranged, the current one first; in each row the same axes."""
        self.lanes = list(lanes)
        frames = share_boxes([lane.frame for lane in lanes])
        for place, lane in enumerate(lanes):
            self._heads[place].show_lane(lane, current=place == 0)
        for row in range(ROWS):
            rows = [(column, views[row]) for column, views in enumerate(self.views) if row < len(views)]
            cells = [(column, view) for column, view in rows if view is not None]
            for name in dict.fromkeys(view.name for _, view in cells):
                alike = [(column, view) for column, view in cells if view.name == name]
                scenes = share_axes([self._curves.scene(view, frames[column]) for column, view in alike])
                if not row:
                    # The lane's head says whose it is.
                    scenes = [replace(scene, title=alike[0][1].title) for scene in scenes]
                for (column, view), scene in zip(alike, scenes, strict=True):
                    self._canvas(column, view.name).show_scene(scene)

    def set_theme(self, theme: Theme) -> None:
        """Colour all canvases."""
        self.theme = theme
        for canvases in self._canvases:
            for canvas in canvases.values():
                canvas.set_theme(theme)

    def fit(self) -> None:
        """Show everything in all canvases."""
        for canvases in self._canvases:
            for canvas in canvases.values():
                canvas.fit()

    def _canvas(self, column: int, name: str) -> PlotCanvas:
        canvases = self._canvases[column]
        if name not in canvases:
            canvas = PlotCanvas(self, self.theme)
            canvas.setMinimumSize(120, 90)
            canvas.setAccessibleName(f"{VIEWS[name].title}, lane {column + 1}")
            canvases[name] = canvas
            self.canvas_made.emit(name, canvas)
        return canvases[name]

    @Slot()
    def _on_chosen(self) -> None:
        self.lane_chosen.emit(self._heads.index(self.sender()))

    @Slot()
    def _on_closed(self) -> None:
        self.lane_closed.emit(self._heads.index(self.sender()))


def _views(lanes: Sequence[Lane], page: str) -> list[list[View | None]]:
    """Return for each lane the stage of its data and two views of the page, the same in each row; None: not for it."""
    applying = [{view.name: view for view in views_for(lane.frame.experiment)} for lane in lanes]
    names = [name for name in PAGES[page].views if any(name in views for views in applying)]
    # What all lanes have comes first.
    names.sort(key=lambda name: sum(name not in views for views in applying))
    return [[next(iter(views.values())), *(views.get(name) for name in names[: ROWS - 1])] for views in applying]
