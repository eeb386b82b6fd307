"""How fast the window starts, stays awake and closes: ``python benchmarks/startup.py``.

Prints, for a start with an empty cache (the engine compiles) and for two with a full one, beside the limit of each:

- window: seconds from the interpreter's start to the window being shown
- compiling: seconds from the interpreter's start to the end of the compilation
- first frame: seconds from the interpreter's start to the first frame of a trained step
- after compiling: seconds from the end of the compilation to that frame
- wait: the longest that the window did not answer until then, in milliseconds
- wait compiling: the same while the engine compiled
- click compiling: the longest from a click on Pause to what it does while the engine compiled, in milliseconds
- close: seconds from asking the window to close to the end of the process
- exit code

Exit code 1 where one is beyond its limit. It runs without a display, or in a real window where QT_QPA_PLATFORM=xcb is
set and there is one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if TYPE_CHECKING:
    from ganviz.gui.window import Window

HEARTBEAT = 5
LONGEST = 180.0
CLICK_EVERY = 0.15
ALWAYS_LIMITS = {"close": 1.0, "exit code": 0.0}
COMPILING_LIMITS = {**ALWAYS_LIMITS, "wait compiling": 100.0, "click compiling": 100.0}
EMPTY_LIMITS = {**COMPILING_LIMITS, "after compiling": 3.0}
FULL_LIMITS = {**ALWAYS_LIMITS, "first frame": 2.0}
FIGURES = (
    "window", "compiling", "first frame", "after compiling", "wait", "wait compiling", "click compiling", "close",
    "exit code",
)  # fmt: skip


class Clicks:
    """Clicks on Pause while the engine compiles, an even number of times, and notes how long each took.

    A thread of its own clicks, so that a window that sleeps is clicked, too.
    """

    def __init__(self, window: Window) -> None:
        self.longest = 0.0
        self.count = 0
        self._window = window
        self._action = window.controls.play_action
        self._button = window.controls.widgetForAction(self._action)
        self._waiting: deque[float] = deque()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._click_often, daemon=True)
        # After the window's own slot: what the click does is done by then.
        self._action.triggered.connect(self._note)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()

    def _click_often(self) -> None:
        from ganviz.gui.trainer import Status

        while not self._over.wait(CLICK_EVERY):
            report = self._window._latest
            if (report is not None and report.status is Status.COMPILING) or self.count % 2:
                self._click()

    def _click(self) -> None:
        from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
        from PySide6.QtGui import QMouseEvent

        left, none, keys = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
        place = QPointF(self._button.rect().center())
        anywhere = QPointF(self._button.mapToGlobal(place))
        self.count += 1
        self._waiting.append(time.perf_counter())
        for kind, held in ((QEvent.Type.MouseButtonPress, left), (QEvent.Type.MouseButtonRelease, none)):
            QCoreApplication.postEvent(self._button, QMouseEvent(kind, place, anywhere, left, held, keys))

    def _note(self) -> None:
        self.longest = max(self.longest, time.perf_counter() - self._waiting.popleft())


def child(close_in: str, spawned: float) -> None:
    """Open the window, note the times, close it while training or while compiling."""
    from PySide6.QtCore import QTimer

    from ganviz.experiment import load
    from ganviz.gui import style
    from ganviz.gui.app import FIRST, make_application
    from ganviz.gui.trainer import Status
    from ganviz.gui.window import Window

    application = make_application()
    window = Window(load(FIRST), FIRST)
    style.apply(application, window.theme)
    window.show()
    times: dict[str, float] = {"window": time.time() - spawned}
    clicks = Clicks(window)
    last = time.perf_counter()
    longest = longest_compiling = 0.0

    def beat() -> None:
        nonlocal last, longest, longest_compiling
        now = time.perf_counter()
        longest = max(longest, now - last)
        report = window._latest
        status = report.status if report else None
        if status is Status.COMPILING:
            times["compiling"] = time.time() - spawned
            longest_compiling = max(longest_compiling, now - last)
            times["wait compiling"] = 1000 * longest_compiling
        last = now
        frame = window.stage.frame_shown
        trained = frame is not None and frame.step > 0
        compiling = status is Status.COMPILING and report is not None and report.progress > 0.2
        if trained:
            times["first frame"] = time.time() - spawned
        if trained or (close_in == "compiling" and compiling) or time.time() - spawned > LONGEST:
            timer.stop()
            clicks.stop()
            if clicks.count:
                times["click compiling"] = 1000 * clicks.longest
            times["wait"] = 1000 * longest
            times["asked to close"] = time.time()
            print(json.dumps(times), flush=True)
            window.close()

    timer = QTimer()
    timer.timeout.connect(beat)
    timer.start(HEARTBEAT)
    sys.exit(application.exec())


def measure(cache: Path, close_in: str) -> dict[str, float]:
    """Run a child with its own cache and settings; a figure that it does not reach is missing."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_CONFIG_HOME": str(cache / "config")}
    environment.pop("NUMBA_CACHE_DIR", None)
    spawned = time.time()
    process = subprocess.run(
        [sys.executable, __file__, "--child", close_in, repr(spawned)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    ended = time.time()
    if process.stderr.strip():
        print(process.stderr, file=sys.stderr)
    times: dict[str, float] = {"exit code": process.returncode}
    if process.stdout:
        times |= json.loads(process.stdout.splitlines()[-1])
        times["close"] = ended - times.pop("asked to close")
    if "compiling" in times and "first frame" in times:
        times["after compiling"] = times["first frame"] - times["compiling"]
    return times


def show(name: str, times: dict[str, float], limits: dict[str, float]) -> bool:
    """Print the figures of one start beside their limits; return whether all are within."""
    print(name)
    good = True
    for figure in FIGURES:
        if figure not in times and figure not in limits:
            continue
        value = times.get(figure)
        line = f"  {figure:16}" + (f"{value:10.2f}" if value is not None else f"{'none':>10}")
        if figure in limits:
            within = value is not None and 0 <= value <= limits[figure]
            good = good and within
            line += f"   limit {limits[figure]:6.2f}" + ("" if within else "   BEYOND")
        print(line)
    return good


def main() -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    if "--child" in sys.argv:
        child(sys.argv[-2], float(sys.argv[-1]))
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        within = [
            show("closed while compiling", measure(cache / "other", "compiling"), COMPILING_LIMITS),
            show("empty cache", measure(cache, "training"), EMPTY_LIMITS),
            show("full cache", measure(cache, "training"), FULL_LIMITS),
            show("full cache again", measure(cache, "training"), FULL_LIMITS),
        ]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
