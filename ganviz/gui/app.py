"""Opens the window."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from ganviz import __version__
from ganviz.experiment import load

from . import style, system
from .trainer import Named
from .window import Window

FIRST = "ring-wgan-clip"
"""The preset that a window opens with where nothing else is named."""


def open_window(lanes: Named = (), name: str = "", path: Path | None = None) -> int:
    """Open the window on experiments with their names, or on a file that holds a state; return when it is closed.

    The value is the process's exit code.
    """
    problem = system.problem()
    if problem:
        print(f"ganviz: {problem}", file=sys.stderr)
        return 2
    application = make_application()
    if not lanes:
        lanes, name = [("", load(FIRST))], FIRST
    window = Window(lanes[0][1], name, lanes)
    style.apply(application, window.theme)
    window.show()
    if path is not None:
        QTimer.singleShot(0, lambda: window.open_path(path))
    # Python sees an interrupt only between two of its own steps: give it some.
    signal.signal(signal.SIGINT, lambda *_: window.close())
    heartbeat = QTimer()
    heartbeat.timeout.connect(_beat)
    heartbeat.start(200)
    return application.exec()


def make_application() -> QApplication:
    """Return the process's one application, with the names that its settings go by."""
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("ganviz")
    application.setOrganizationName("ganviz")
    application.setApplicationVersion(__version__)
    return application


def _beat() -> None:
    pass
