"""Undo and redo as menu entries with their keys."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from .undo import EditHistory


class UndoActions(QObject):
    """Two actions that say what they would do; `refresh` after each change of the history."""

    def __init__(self, history: EditHistory, parent: QObject) -> None:
        super().__init__(parent)
        self.undo_action = QAction("Undo", self)
        self.undo_action.setShortcuts([QKeySequence("Ctrl+Z")])
        self.redo_action = QAction("Redo", self)
        self.redo_action.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        self.refresh(history)

    def refresh(self, history: EditHistory) -> None:
        """Say what can be undone and done again now."""
        for action, text, possible in (
            (self.undo_action, history.undo_text, history.can_undo),
            (self.redo_action, history.redo_text, history.can_redo),
        ):
            # A single one would underline the next letter.
            action.setText(text.replace("&", "&&"))
            action.setEnabled(possible)
