"""Collects garbage on the window's thread alone."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

EVERY = 500
"""Milliseconds between two looks."""


class Collector(QObject):
    """Takes the collection of garbage away from whoever happens to allocate, for as long as the process lives.

    Widgets in a cycle of references, such as the menus of pyqtgraph's plots, would be deleted by that thread, holding
    a lock of Qt and waiting for the interpreter, while the window's thread holds the interpreter and waits for the
    lock: for ever. The window's own thread may not collect at any moment either: while Qt deletes an object it holds a
    lock, and an object that is collected meanwhile may want the same one.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_time)
        self._timer.start(EVERY)

    def stop(self) -> None:
        """Collect no more; what is garbage by then goes with the process."""
        self._timer.stop()

    @Slot()
    def _on_time(self) -> None:
        collect()


def collect() -> None:
    """Collect the garbage that is due; only where no object of Qt is being deleted."""
    for generation in (2, 1, 0):
        if gc.get_count()[generation] > gc.get_threshold()[generation]:
            gc.collect(generation)
            return
