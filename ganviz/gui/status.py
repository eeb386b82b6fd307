"""The line at the foot of the window: where the training is, and what was done."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QLabel, QStatusBar

from .reports import Report, Status

SHOWN_FOR = 8000
"""Milliseconds that it is said what was saved."""


class StatusLine(QObject):
    """Step, speed and state of what is shown, and on the right what all of it depends on."""

    def __init__(self, bar: QStatusBar) -> None:
        super().__init__(bar)
        self._bar = bar
        self.step_label = QLabel("step 0", bar)
        self.step_label.setObjectName("step")
        self.speed_label, self.state_label, self.seed_label = (QLabel("", bar) for _ in range(3))
        for label in (self.speed_label, self.state_label, self.seed_label):
            label.setObjectName("status")
        for label in (self.step_label, self.speed_label, self.state_label):
            bar.addWidget(label)
        bar.addPermanentWidget(self.seed_label)
        bar.setContentsMargins(6, 0, 6, 0)

    def show(self, report: Report) -> None:
        """Show where the training is."""
        assert report.frame is not None
        experiment = report.frame.experiment
        self.step_label.setText(f"step {report.position:,}")
        self.speed_label.setText(f"{report.steps_per_second:,.0f} steps/s" if report.steps_per_second else "")
        self.state_label.setText("" if report.status is Status.RUNNING else report.status.value)
        self.seed_label.setText(f"seed {experiment.seed}, {experiment.precision} bits")

    def show_progress(self, message: str, share: float) -> None:
        """Show how far something is."""
        self.state_label.setText(f"{message}: {share:.0%}")

    @Slot(str)
    def tell(self, sentence: str) -> None:
        """Say for some seconds what was done."""
        self._bar.showMessage(sentence, SHOWN_FOR)
