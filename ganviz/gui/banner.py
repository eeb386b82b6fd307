"""The line above the stage: what the person should know, what is being prepared, what went wrong."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget


class Banner(QFrame):
    """A sentence with a button that dismisses it, or with a progress bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.label = QLabel(self)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 100)
        self.bar.setFixedWidth(220)
        self.button = QToolButton(self)
        self.button.setText("✕")
        self.button.setToolTip("Dismiss")
        self.button.setAccessibleName("Dismiss")
        self.button.setAutoRaise(True)
        self.button.clicked.connect(self._on_dismissed)
        line = QHBoxLayout(self)
        line.setContentsMargins(10, 5, 6, 5)
        line.addWidget(self.label, 1)
        line.addWidget(self.bar)
        line.addWidget(self.button)
        self.hide()

    @property
    def shows_progress(self) -> bool:
        """Whether it tells of something being prepared."""
        return not self.isHidden() and not self.bar.isHidden()

    def show_notice(self, sentence: str) -> None:
        """Show what the person should know."""
        self._show(sentence)

    def show_error(self, sentence: str) -> None:
        """Show what went wrong."""
        self._show(sentence)

    def show_progress(self, sentence: str, share: float) -> None:
        """Show what is being prepared and how far it is, from 0 to 1; 0: nobody knows."""
        self._show(sentence)
        self.bar.show()
        self.button.hide()
        self.bar.setRange(0, 100 if share > 0 else 0)
        self.bar.setValue(round(100 * share))

    def _show(self, sentence: str) -> None:
        self.bar.hide()
        self.button.show()
        self.label.setText(sentence)
        self.show()

    @Slot()
    def _on_dismissed(self) -> None:
        self.hide()
