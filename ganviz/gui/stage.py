"""Where the views are: the stage large, the other views of the data below it, curves over steps beside it."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QSplitter, QWidget

from ganviz.experiment import Experiment
from ganviz.plots import VIEWS, Theme, View, views_for
from ganviz.run import Frame, Need

from .painter import PlotCanvas

BESIDE = ("losses", "scores", "divergences", "gradients", "modes", "clipping")
COLUMNS = 2
SHARES = (1, 1)
"""Widths of the stage and of the curves beside it."""


class Stage(QSplitter):
    """One canvas for each view that applies to the experiment.

    Signals
    -------
    needs_changed()
        Other views are visible than before; see `needs`.
    """

    needs_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._data, self._curves = QWidget(self), QWidget(self)
        # A splitter makes a pane of every child of its own.
        self.canvases = {name: PlotCanvas(self._data, theme) for name in VIEWS}
        for name, canvas in self.canvases.items():
            canvas.setMinimumSize(120, 90)
            canvas.setAccessibleName(VIEWS[name].title)
            canvas.setToolTip("".join(f"<p>{html.escape(note)}</p>" for note in VIEWS[name].notes))
        self._data_grid, self._curve_grid = QGridLayout(self._data), QGridLayout(self._curves)
        for grid in (self._data_grid, self._curve_grid):
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setSpacing(2)
        self.addWidget(self._data)
        self.addWidget(self._curves)
        for place, share in enumerate(SHARES):
            self.setStretchFactor(place, share)
        self.setChildrenCollapsible(False)
        self.setSizes([SHARES[0] * 1000, SHARES[1] * 1000])
        self.views: list[View] = []
        self.frame_shown: Frame | None = None

    @property
    def needs(self) -> Need:
        """What the visible views need of a frame."""
        needs = Need.SAMPLES
        for view in self.views:
            needs |= view.needs
        return needs

    def arrange(self, experiment: Experiment) -> None:
        """Lay out the views that apply to an experiment."""
        views = views_for(experiment)
        if views == self.views:
            return
        self.views = views
        shown = {view.name for view in views}
        for name, canvas in self.canvases.items():
            self._data_grid.removeWidget(canvas)
            self._curve_grid.removeWidget(canvas)
            canvas.setVisible(name in shown)
        stage, *others = [view.name for view in views if view.name not in BESIDE]
        self._data_grid.addWidget(self.canvases[stage], 0, 0, 1, max(1, len(others)))
        for column, name in enumerate(others):
            self._data_grid.addWidget(self.canvases[name], 1, column)
        self._data_grid.setRowStretch(0, 3)
        self._data_grid.setRowStretch(1, 2 if others else 0)
        curves = [name for name in BESIDE if name in shown]
        for place, name in enumerate(curves):
            # The last one takes the place that is left in its row.
            span = COLUMNS if place == len(curves) - 1 and place % COLUMNS == 0 else 1
            self._curve_grid.addWidget(self.canvases[name], place // COLUMNS, place % COLUMNS, 1, span)
        for row in range(3):
            self._curve_grid.setRowStretch(row, 1 if row * COLUMNS < len(curves) else 0)
        for column in range(COLUMNS):
            self._curve_grid.setColumnStretch(column, 1)
        self.needs_changed.emit()

    def show_frame(self, frame: Frame) -> None:
        """Draw a frame in every view."""
        self.arrange(frame.experiment)
        self.frame_shown = frame
        for view in self.views:
            self.canvases[view.name].show_scene(view.draw(frame))

    def set_theme(self, theme: Theme) -> None:
        """Colour all canvases."""
        for canvas in self.canvases.values():
            canvas.set_theme(theme)
