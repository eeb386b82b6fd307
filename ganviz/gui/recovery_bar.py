"""The line that asks what is to become of sessions which were left by a crash; it keeps nobody from working."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from .recovery import Leftover


class RecoveryBar(QFrame):
    """Asks about one session after the other, the latest first.

    Signals
    -------
    recover_wanted(Path)
        The session is to be opened.
    discard_wanted(Path)
        The session is to be removed.
    """

    recover_wanted = Signal(object)
    discard_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._waiting: list[Leftover] = []
        self.label = QLabel(self)
        self.label.setWordWrap(True)
        # Titles come out of files.
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.recover_button = QPushButton("&Recover", self)
        self.discard_button = QPushButton("&Discard", self)
        self.later_button = QPushButton("&Later", self)
        self.later_button.setToolTip("Ask again at the next start")
        line = QHBoxLayout(self)
        line.setContentsMargins(10, 5, 6, 5)
        line.addWidget(self.label, 1)
        for button in (self.recover_button, self.discard_button, self.later_button):
            line.addWidget(button)
        self.recover_button.clicked.connect(self._on_recover)
        self.discard_button.clicked.connect(self._on_discard)
        self.later_button.clicked.connect(self._on_later)
        self.hide()

    @property
    def asked(self) -> Leftover | None:
        """The session that is asked about."""
        return self._waiting[0] if self._waiting else None

    def show_leftovers(self, found: Sequence[Leftover]) -> None:
        """Ask about sessions; none: ask nothing."""
        self._waiting = list(found)
        self._show()

    def settle(self, path: Path) -> None:
        """Ask no more about a session."""
        self._waiting = [left for left in self._waiting if left.path != path]
        self._show()

    def _show(self) -> None:
        left = self.asked
        if left is not None:
            more = len(self._waiting) - 1
            self.label.setText(question(left) + (f" ({more} more)" if more else ""))
        self.setVisible(left is not None)

    @Slot()
    def _on_recover(self) -> None:
        left = self.asked
        if left is not None:
            self.recover_wanted.emit(left.path)

    @Slot()
    def _on_discard(self) -> None:
        left = self.asked
        if left is not None:
            self.discard_wanted.emit(left.path)

    @Slot()
    def _on_later(self) -> None:
        left = self.asked
        if left is not None:
            self.settle(left.path)


def question(left: Leftover, now: datetime | None = None) -> str:
    """Say what was left."""
    saved, now = left.saved_at, now or datetime.now()
    day = "" if saved.date() == now.date() else f"on {saved.day} {saved:%B} {saved.year} "
    title = f"“{left.title}”" if left.title else "a session without a title"
    return (
        f"ganviz ended unexpectedly {day}at {saved:%H:%M} with {title}, step {left.step:,} "
        f"({max(0.1, left.size / 1e6):,.1f} MB)."
    )
