"""The line that says what is going wrong or well with the training."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from ganviz.metrics.diagnosis import Diagnosis

MOST = 3
"""Sentences that are shown at once; the others are counted."""


class Findings(QFrame):
    """Diagnoses, one a line, until they are dismissed or there are none; others show it again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findings")
        self.setAccessibleName("Diagnoses")
        self.label = QLabel(self)
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QToolButton(self)
        self.button.setText("✕")
        self.button.setToolTip("Dismiss these; another finding shows the line again")
        self.button.setAccessibleName("Dismiss diagnoses")
        self.button.setAutoRaise(True)
        self.button.clicked.connect(self._on_dismissed)
        line = QHBoxLayout(self)
        line.setContentsMargins(10, 3, 6, 3)
        line.addWidget(self.label, 1)
        line.addWidget(self.button)
        self._known: set[tuple[str, int]] = set()
        self._shown: tuple[Diagnosis, ...] = ()
        self.hide()

    def show_diagnoses(self, diagnoses: tuple[Diagnosis, ...]) -> None:
        """Show what was found; nothing of it hides the line."""
        names = {(found.name, found.since) for found in diagnoses}
        self._known &= names
        if not names - self._known:
            self.hide()
            return
        if diagnoses == self._shown and not self.isHidden():
            return
        self._shown = diagnoses
        lines = [_line(found) for found in diagnoses[:MOST]]
        if len(diagnoses) > MOST:
            lines[-1] += f" And {len(diagnoses) - MOST} more."
        self.label.setText("<br>".join(lines))
        self.label.setToolTip("".join(f"<p>{_evidence(found)}</p>" for found in diagnoses))
        self.show()

    def forget(self) -> None:
        """Start anew with another run."""
        self._known.clear()
        self.show_diagnoses(())

    @Slot()
    def _on_dismissed(self) -> None:
        self._known = {(found.name, found.since) for found in self._shown}
        self.hide()


def _line(found: Diagnosis) -> str:
    sign = "✓" if found.good else "⚠"
    return f"<b>{sign}</b>&nbsp;{html.escape(found.sentence)}"


def _evidence(found: Diagnosis) -> str:
    numbers = ", ".join(f"{html.escape(name.replace('_', ' '))} {value:.4g}" for name, value in found.evidence)
    return f"<b>{html.escape(found.name.replace('_', ' '))}</b>, since step {found.since:,}: {numbers}"
