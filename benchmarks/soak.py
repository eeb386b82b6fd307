"""Whether the window's memory stays where it is: ``python benchmarks/soak.py [PRESET] [STEPS]``.

Trains with the window open, prints the process's resident memory every few seconds, and at the end by how much it grew
after the first minute. It lasts a minute and a half at least. Without arguments: ring-wgan-clip, 200,000 steps. Exit
code 1 where it grew beyond the limit.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QTimer

from ganviz.experiment import load
from ganviz.gui import style
from ganviz.gui.app import FIRST, make_application
from ganviz.gui.window import Window

SETTLED = 60.0
EVERY = 10.0
SAVED_EVERY = 15.0
LIMIT = 20.0
"""Megabytes that the memory may grow by."""


def main() -> int:
    """Train, watch, print; return the exit code."""
    name = sys.argv[1] if len(sys.argv) > 1 else FIRST
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    application = make_application()
    window = Window(load(name), name)
    style.apply(application, window.theme)
    window.resize(1920, 1080)
    window.show()
    # Often enough that what saving takes is part of the first minute, as it is of all others.
    saver = window.keeper.autosaver
    saver._interval, saver._next = SAVED_EVERY, time.monotonic() + SAVED_EVERY
    process = psutil.Process()
    began = time.monotonic()
    readings: list[tuple[float, float]] = []

    def look() -> None:
        elapsed = time.monotonic() - began
        resident = process.memory_info().rss / 1e6
        frame = window.stage.frame_shown
        step = frame.step if frame else 0
        readings.append((elapsed, resident))
        print(f"{elapsed:7.0f} s  step {step:9,}  {resident:7.1f} MB", flush=True)
        if step >= steps and elapsed >= SETTLED + 3 * EVERY:
            window.close()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(int(1000 * EVERY))
    application.exec()
    after = [resident for elapsed, resident in readings if elapsed >= SETTLED]
    growth = after[-1] - after[0]
    print(f"after the first minute: {after[0]:.1f} MB, at the end {after[-1]:.1f} MB, largest {max(after):.1f} MB")
    print(f"growth: {growth:+.1f} MB over {readings[-1][0] - SETTLED:.0f} s, limit {LIMIT:.1f} MB")
    return 0 if growth < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
