"""Makes the screenshots of the documentation: ``python docs/screenshots.py [FOLDER]``.

Each opens the window on a preset, lets it train to a step, and saves what is to be seen. It works without a display.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings, QStandardPaths
from PySide6.QtWidgets import QApplication

from ganviz.experiment import load
from ganviz.gui.app import make_application
from ganviz.gui.window import Window
from ganviz.plots import THEMES
from ganviz.run import Need

SHOTS = (
    ("ring-wgan-clip", "overview", "light", 3000, (1920, 1080), "window-light"),
    ("faithful", "quality", "dark", 4000, (1920, 1080), "window-dark"),
    ("galaxies", "overview", "light", 4000, (1280, 720), "window-1d"),
    ("two-gaussians-gan", "overview", "dark", 1500, (1280, 720), "vanishing-gradient"),
    ("ring-wgan-gp", "optimum", "light", 400, (1920, 1080), "optimum"),
    ("ring-wgan-clip", "inside", "light", 1500, (1280, 720), "inside"),
)
LONGEST = 120.0


def shoot(
    application: QApplication, preset: str, page: str, theme: str, step: int, size: tuple[int, int], path: Path
) -> None:
    """Save one screenshot."""
    window = Window(load(preset), preset)
    window.stage.turn_to(page)
    window.resize(*size)
    window.set_theme(THEMES[theme])
    window.show()
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.005)
        frame = window.stage.frame_shown
        if frame is not None and frame.step >= step and _complete(window):
            break
    window.grab().save(str(path))
    window.close()
    window.deleteLater()
    application.processEvents()


def _complete(window: Window) -> bool:
    """Whether all that the page shows is there, and the noise floors too."""
    frame = window.stage.frame_shown
    assert frame is not None
    needs = window.stage.needs
    return bool(frame.floors) and (Need.SPECTRUM not in needs or frame.spectrum is not None)


def main() -> None:
    """Make all screenshots."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    folder.mkdir(parents=True, exist_ok=True)
    QStandardPaths.setTestModeEnabled(True)
    application = make_application()
    QSettings().clear()
    for preset, page, theme, step, size, name in SHOTS:
        shoot(application, preset, page, theme, step, size, folder / f"{name}.png")
        print(folder / f"{name}.png")


if __name__ == "__main__":
    main()
