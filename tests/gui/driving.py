"""How tests drive the window and the training thread."""

import time

import pytest
from PySide6.QtCore import Qt

SMALL = {"generator.hidden": [16, 8], "discriminator.hidden": [8], "schedule.batch": 16}
"""Settings of networks that train fast."""


def enter(qtbot, window, path, text):
    """Type a value into the form."""
    field = window.form.field(path)
    window.form.ensureWidgetVisible(field)
    field.edit.setFocus()
    field.edit.selectAll()
    qtbot.keyClicks(field.edit, text)
    qtbot.keyClick(field.edit, Qt.Key.Key_Return)


def wait_for(trainer, condition, seconds=10.0):
    """Take reports until one meets the condition."""
    seen = None
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        report = trainer.take()
        if report is not None:
            seen = report
            if condition(report):
                return report
        time.sleep(0.001)
    pytest.fail(f"no such report came; the last: {seen.status if seen else None} {seen.message if seen else ''}")


def wait_for_frame(trainer, condition, seconds=10.0):
    """Take reports until one with a frame meets the condition."""
    return wait_for(trainer, lambda report: report.frame is not None and condition(report), seconds)
