"""The files that were used last, in a menu and in the settings."""

from __future__ import annotations

import json
import os
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

LIMIT = 10
SUFFIXES = (".ganviz", ".toml", ".csv", ".npy", ".png", ".svg", ".pdf")
KEY = "recent"


class RecentFiles(QObject):
    """Fills a menu whenever it is opened.

    Files that are gone are grey, once: the next time they are gone from the menu as well.

    Signals
    -------
    chosen(Path)
        A file that is to be opened.
    """

    chosen = Signal(object)

    def __init__(self, menu: QMenu, parent: QObject | None = None) -> None:
        super().__init__(parent or menu)
        self._menu = menu
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)
        # An empty menu would not open.
        self._fill_with([])
        menu.setEnabled(bool(self.paths()))

    def paths(self) -> list[Path]:
        """Return the files, the latest first."""
        # Other windows may have added some: the settings are the one place where the list is.
        kept = QSettings().value(KEY, "[]")
        try:
            names = json.loads(kept) if isinstance(kept, str) else []
        except (ValueError, RecursionError):
            return []
        if not isinstance(names, list):
            return []
        return [Path(name) for name in names if isinstance(name, str) and name and "\0" not in name][:LIMIT]

    def add(self, path: Path) -> None:
        """Put a file first; files that the program does not open are left out."""
        path = Path(os.path.abspath(path))  # noqa: PTH100  (a link is kept as the person named it)
        if path.suffix.lower() in SUFFIXES:
            self._keep([path, *(other for other in self.paths() if not _same(other, path))])

    def remove(self, path: Path) -> None:
        """Forget a file."""
        self._keep([other for other in self.paths() if not _same(other, path)])

    def clear(self) -> None:
        """Forget all files."""
        self._keep([])

    def _keep(self, paths: list[Path]) -> None:
        QSettings().setValue(KEY, json.dumps([str(path) for path in paths[:LIMIT]]))
        self._menu.setEnabled(bool(paths))

    @Slot()
    def _fill(self) -> None:
        self._fill_with(self.paths())

    def _fill_with(self, paths: list[Path]) -> None:
        self._menu.clear()
        there = [path for path in paths if _is_file(path)]
        for number, path in enumerate(paths, start=1):
            name = f"{path.name}    {path.parent}".replace("&", "&&")
            action = self._menu.addAction(f"&{number % 10} {name}")
            action.setToolTip(str(path))
            action.setData(str(path))
            action.setEnabled(path in there)
            action.triggered.connect(self._on_chosen)
        self._menu.addSeparator()
        self.clear_action = self._menu.addAction("&Clear")
        self.clear_action.triggered.connect(self._on_clear)
        if len(there) < len(paths):
            self._keep(there)
            # What is grey is still to be seen.
            self._menu.setEnabled(True)

    @Slot()
    def _on_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.chosen.emit(Path(action.data()))

    @Slot()
    def _on_clear(self) -> None:
        self.clear()


def _same(one: Path, other: Path) -> bool:
    return os.path.normcase(one) == os.path.normcase(other)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
