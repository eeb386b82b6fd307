"""Collects garbage on the window's thread alone."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

EVERY = 500
"""Milliseconds between two looks."""


class Collector(QObject):
    """Takes the collection of garbage away from whichever thread happens to allocate, until it is stopped.

    Widgets in a cycle of references, such as the menus of pyqtgraph's plots, would be deleted by that thread, holding
    a lock of Qt and waiting for the interpreter, while the window's thread holds the interpreter and waits for the
    lock: for ever.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_time)
        self._timer.start(EVERY)

    def stop(self) -> None:
        """Leave garbage to the interpreter again; only when no other thread works any more."""
        self._timer.stop()
        gc.enable()

    @Slot()
    def _on_time(self) -> None:
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > gc.get_threshold()[generation]:
                gc.collect(generation)
                return
