"""Where the views are: the stage large, the other views of the data below it, and beside it one page of the others."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSettings, Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QSplitter, QTabBar, QVBoxLayout, QWidget

from ganviz.experiment import Experiment
from ganviz.plots import PAGES, VIEWS, Theme, View, views_for
from ganviz.plots.pages import MOST
from ganviz.run import Frame, Need

from .curve_settings import CurveSettings
from .lanes import Lane, LaneStage
from .painter import PlotCanvas

COLUMNS = 2
QWIDGETSIZE_MAX = (1 << 24) - 1
"""No limit of a widget's size, as Qt has it."""
SHARES = (1, 1)
"""Widths of the stage and of the page beside it."""


class Canvases(dict[str, PlotCanvas]):
    """A canvas for each view by its name, made when it is first asked for: most views are seldom looked at."""

    def __init__(self, parent: QWidget, theme: Theme, made: Callable[[str, PlotCanvas], None]) -> None:
        super().__init__()
        self._parent, self.theme, self._made = parent, theme, made

    def __missing__(self, name: str) -> PlotCanvas:
        canvas = PlotCanvas(self._parent, self.theme)
        canvas.setMinimumSize(120, 90)
        canvas.setAccessibleName(VIEWS[name].title)
        canvas.setToolTip("".join(f"<p>{html.escape(note)}</p>" for note in VIEWS[name].notes))
        canvas.hide()
        self[name] = canvas
        self._made(name, canvas)
        return canvas


class Stage(QSplitter):
    """One canvas for each view; those of the data, and those of the page that is chosen, are visible.

    Signals
    -------
    needs_changed()
        Other views are visible than before; see `needs`.
    canvas_made(str, PlotCanvas)
        The name of a view that is shown for the first time, and its canvas.
    """

    needs_changed = Signal()
    canvas_made = Signal(str, PlotCanvas)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._data, self._beside = QWidget(self), QWidget(self)
        self._page = QWidget(self._beside)
        # A splitter makes a pane of every child of its own.
        self.canvases = Canvases(self._data, theme, self.canvas_made.emit)
        self._data_grid, self._page_grid = QGridLayout(self._data), QGridLayout(self._page)
        for grid in (self._data_grid, self._page_grid):
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setSpacing(2)
        self.tabs = self._make_tabs()
        column = QVBoxLayout(self._beside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._tab_line = QHBoxLayout()
        self._tab_line.addWidget(self.tabs, 1)
        column.addLayout(self._tab_line)
        column.addWidget(self._page, 1)
        self.addWidget(self._data)
        self.addWidget(self._beside)
        for place, share in enumerate(SHARES):
            self.setStretchFactor(place, share)
        self.setChildrenCollapsible(False)
        self.setSizes([SHARES[0] * 1000, SHARES[1] * 1000])
        self.curves = CurveSettings(self)
        self.curves.changed.connect(self._on_curves_changed)
        self.lane_stage = LaneStage(theme, self.curves, self._data)
        self.lane_stage.hide()
        self.lanes: list[Lane] = []
        self.views: list[View] = []
        self.frame_shown: Frame | None = None
        self._experiment: Experiment | None = None

    @property
    def needs(self) -> Need:
        """What the visible views need of a frame."""
        if len(self.lanes) > 1:
            return self.lane_stage.needs
        needs = Need.SAMPLES
        for view in self.views:
            needs |= view.needs
        return needs

    @property
    def page(self) -> str:
        """The name of the page that is shown."""
        return str(self.tabs.tabData(self.tabs.currentIndex()))

    def turn_to(self, page: str) -> None:
        """Show a page."""
        self.tabs.setCurrentIndex(list(PAGES).index(page))

    def arrange(self, experiment: Experiment) -> None:
        """Lay out the views of the data and of the page that apply to an experiment."""
        if len(self.lanes) > 1:
            return
        self._experiment = experiment
        applying = {view.name: view for view in views_for(experiment)}
        paged = {name for page in PAGES.values() for name in page.views}
        data = [view for name, view in applying.items() if name not in paged]
        page = [applying[name] for name in PAGES[self.page].views if name in applying][:MOST]
        if [*data, *page] == self.views:
            return
        self.views = [*data, *page]
        shown = {view.name: self.canvases[view.name] for view in self.views}
        for name, canvas in self.canvases.items():
            self._data_grid.removeWidget(canvas)
            self._page_grid.removeWidget(canvas)
            canvas.setVisible(name in shown)
        stage, *others = [view.name for view in data]
        self._data_grid.addWidget(self.canvases[stage], 0, 0, 1, max(1, len(others)))
        for column, name in enumerate(others):
            self._data_grid.addWidget(self.canvases[name], 1, column)
        self._data_grid.setRowStretch(0, 3)
        self._data_grid.setRowStretch(1, 2 if others else 0)
        for place, view in enumerate(page):
            # The last one takes the place that is left in its row.
            span = COLUMNS if place == len(page) - 1 and place % COLUMNS == 0 else 1
            self._page_grid.addWidget(self.canvases[view.name], place // COLUMNS, place % COLUMNS, 1, span)
        for row in range(MOST // COLUMNS):
            self._page_grid.setRowStretch(row, 1 if row * COLUMNS < len(page) else 0)
        for column in range(COLUMNS):
            self._page_grid.setColumnStretch(column, 1)
        self.needs_changed.emit()

    def add_beside_tabs(self, widget: QWidget) -> None:
        """Put a widget in the line of the pages' names; it makes that line no higher."""
        widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self._tab_line.addWidget(widget)

    def show_lanes(self, lanes: Sequence[Lane]) -> None:
        """Draw one run in every view, or several side by side, the current one first."""
        several, before = len(lanes) > 1, len(self.lanes) > 1
        self.lanes = list(lanes)
        if not several:
            if before:
                self._leave_lanes()
            self.show_frame(lanes[0].frame)
            return
        if not before:
            self._enter_lanes()
        self.frame_shown = lanes[0].frame
        self._experiment = self.frame_shown.experiment
        changed = self.lane_stage.arrange(lanes, self.page)
        self.views = [view for view in self.lane_stage.views[0] if view is not None]
        if changed or not before:
            self.needs_changed.emit()
        self.lane_stage.show_lanes(lanes)

    def fit(self) -> None:
        """Show everything in every view, and follow the data again."""
        for canvas in self.canvases.values():
            canvas.fit()
        self.lane_stage.fit()

    def _enter_lanes(self) -> None:
        for canvas in self.canvases.values():
            canvas.hide()
            self._data_grid.removeWidget(canvas)
            self._page_grid.removeWidget(canvas)
        self._page.hide()
        self.setOrientation(Qt.Orientation.Vertical)
        self._beside.setMaximumHeight(self.tabs.sizeHint().height())
        self.insertWidget(0, self._beside)
        self._data_grid.addWidget(self.lane_stage, 0, 0)
        self._data_grid.setRowStretch(1, 0)
        self.lane_stage.show()

    def _leave_lanes(self) -> None:
        self.lane_stage.hide()
        self._data_grid.removeWidget(self.lane_stage)
        self.setOrientation(Qt.Orientation.Horizontal)
        self._beside.setMaximumHeight(QWIDGETSIZE_MAX)
        self.insertWidget(0, self._data)
        self._page.show()
        self.setSizes([SHARES[0] * 1000, SHARES[1] * 1000])
        self.views = []

    def show_frame(self, frame: Frame) -> None:
        """Draw a frame in every view."""
        self.arrange(frame.experiment)
        self.frame_shown = frame
        for view in self.views:
            self.canvases[view.name].show_scene(self.curves.scene(view, frame))

    def set_theme(self, theme: Theme) -> None:
        """Colour all canvases."""
        self.canvases.theme = theme
        for canvas in self.canvases.values():
            canvas.set_theme(theme)
        self.lane_stage.set_theme(theme)

    def _make_tabs(self) -> QTabBar:
        tabs = QTabBar(self._beside)
        tabs.setAccessibleName("Page of views")
        tabs.setDocumentMode(True)
        tabs.setExpanding(False)
        for number, (name, page) in enumerate(PAGES.items(), start=1):
            index = tabs.addTab(page.title)
            tabs.setTabData(index, name)
            tabs.setTabToolTip(index, f"{page.help} (Ctrl+{number})")
        wanted = str(QSettings().value("page", ""))
        if wanted in PAGES:
            tabs.setCurrentIndex(list(PAGES).index(wanted))
        tabs.currentChanged.connect(self._on_turned)
        return tabs

    @Slot()
    def _on_curves_changed(self) -> None:
        if len(self.lanes) > 1:
            self.show_lanes(self.lanes)
        elif self.frame_shown is not None:
            self.show_frame(self.frame_shown)

    @Slot()
    def _on_turned(self) -> None:
        QSettings().setValue("page", self.page)
        if len(self.lanes) > 1:
            self.show_lanes(self.lanes)
            return
        if self._experiment is not None:
            self.arrange(self._experiment)
        if self.frame_shown is not None:
            # What a frame holds is drawn at once; what it lacks comes with the next.
            self.show_frame(self.frame_shown)
