"""The menus: everything that the controls do, and what is needed more rarely."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QDockWidget, QMenu, QMenuBar

from ganviz.plots import DARK, LIGHT, PAGES, VIEWS

from .branches import Branches
from .controls import Controls
from .timeline import Timeline

Standard = QKeySequence.StandardKey


class Menus(QObject):
    """Fills a menu bar.

    Signals
    -------
    export_wanted(str)
        The name of a view.
    theme_chosen(str)
        The name of a theme.
    page_wanted(str)
        The name of a page of views.
    """

    export_wanted = Signal(str)
    theme_chosen = Signal(str)
    page_wanted = Signal(str)

    def __init__(self, bar: QMenuBar, controls: Controls) -> None:
        super().__init__(bar)
        file_menu = bar.addMenu("&File")
        self.open_action = file_menu.addAction("&Open …")
        self.open_action.setShortcut(Standard.Open)
        self.recent_menu = file_menu.addMenu("Open &recent")
        file_menu.addSeparator()
        self.save_session_action = file_menu.addAction("&Save session")
        self.save_session_action.setShortcut(Standard.Save)
        self.save_as_action = file_menu.addAction("Save session &as …")
        self.save_as_action.setShortcut("Ctrl+Shift+S")
        self.save_action = file_menu.addAction("Save e&xperiment …")
        self.save_action.setShortcut("Ctrl+Alt+S")
        file_menu.addSeparator()
        file_menu.addAction(controls.export_action)
        export_menu = file_menu.addMenu("Export &view")
        self._exports = [export_menu.addAction(view.title + " …") for view in VIEWS.values()]
        for action, name in zip(self._exports, VIEWS, strict=True):
            action.setData(name)
            action.triggered.connect(self._on_export)
        file_menu.addSeparator()
        self.quit_action = file_menu.addAction("&Quit")
        self.quit_action.setShortcut(Standard.Quit)

        self.edit_menu = bar.addMenu("&Edit")
        training_menu = bar.addMenu("&Training")
        training_menu.addActions([controls.play_action, controls.step_action, controls.reset_action])
        training_menu.addSeparator()
        self.seeds_action = training_menu.addAction("Many &seeds …")
        self.seeds_action.setShortcut("Ctrl+M")
        self._time_menu = bar.addMenu("T&ime")

        view_menu = bar.addMenu("&View")
        self._themes = QActionGroup(self)
        for theme in (LIGHT, DARK):
            action = view_menu.addAction(theme.name.capitalize())
            action.setCheckable(True)
            action.setData(theme.name)
            action.triggered.connect(self._on_theme)
            self._themes.addAction(action)
        view_menu.addSeparator()
        for number, (name, page) in enumerate(PAGES.items(), start=1):
            action = view_menu.addAction(page.title)
            action.setShortcut(f"Ctrl+{number}")
            action.setData(name)
            action.triggered.connect(self._on_page)
        view_menu.addSeparator()
        self._view_menu = view_menu
        self.form_action = view_menu.addAction("Settings")
        self.form_action.setCheckable(True)
        self.form_action.setChecked(True)
        self.form_action.setShortcut("F2")

    def add_time(self, timeline: Timeline, branches: Branches, dock: QDockWidget) -> None:
        """Offer what can be done with time and branches."""
        self._time_menu.addActions([action for action in timeline.actions_ if action.text()])
        self._time_menu.addSeparator()
        self._time_menu.addActions([branches.branch_action, branches.fresh_action, branches.remove_action])
        shown = dock.toggleViewAction()
        shown.setShortcut("F3")
        self._view_menu.addAction(shown)

    def add_curves(self, menu: QMenu) -> None:
        """Offer what can be chosen about the plots over steps."""
        self._view_menu.addSeparator()
        self._view_menu.addMenu(menu)

    def show_views(self, names: Iterable[str]) -> None:
        """Offer these views for export."""
        shown = set(names)
        for action in self._exports:
            action.setVisible(action.data() in shown)

    def show_theme(self, name: str) -> None:
        """Mark the theme in use."""
        for action in self._themes.actions():
            action.setChecked(action.data() == name)

    @Slot()
    def _on_export(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.export_wanted.emit(action.data())

    @Slot()
    def _on_page(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.page_wanted.emit(action.data())

    @Slot()
    def _on_theme(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.theme_chosen.emit(action.data())
