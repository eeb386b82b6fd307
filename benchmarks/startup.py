"""How fast the window starts, stays awake and closes: ``python benchmarks/startup.py``.

Prints, for a start with an empty cache (the engine compiles) and for two with a full one:

- window: seconds from the interpreter's start to the window being shown
- first frame: seconds from the interpreter's start to the first frame of a trained step
- after compiling: seconds from the end of the compilation to that frame
- waits: the longest that the window did not answer, in milliseconds, until then, and while the engine compiled
- close: seconds from asking the window to close to the end of the process, and its exit code

It runs without a display, or in a real window where QT_QPA_PLATFORM=xcb is set and there is one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
HEARTBEAT = 5
LONGEST = 180.0


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
        if trained or (close_in == "compiling" and compiling) or time.time() - spawned > LONGEST:
            times["first frame"] = time.time() - spawned
            times["wait"] = 1000 * longest
            times["asked to close"] = time.time()
            print(json.dumps(times), flush=True)
            timer.stop()
            window.close()

    timer = QTimer()
    timer.timeout.connect(beat)
    timer.start(HEARTBEAT)
    sys.exit(application.exec())


def measure(cache: Path, close_in: str) -> dict[str, float]:
    """Run a child with its own cache and settings."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_CONFIG_HOME": str(cache / "config")}
    spawned = time.time()
    process = subprocess.run(
        [sys.executable, __file__, "--child", close_in, repr(spawned)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    times: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    times["close"] = time.time() - times.pop("asked to close")
    times["exit code"] = process.returncode
    if "compiling" in times:
        times["after compiling"] = times["first frame"] - times["compiling"]
    if process.stderr.strip():
        print(process.stderr, file=sys.stderr)
    return times


def main() -> None:
    """Print the table."""
    if "--child" in sys.argv:
        child(sys.argv[-2], float(sys.argv[-1]))
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        rows = {
            "closed while compiling": measure(cache / "other", "compiling"),
            "empty cache": measure(cache, "training"),
            "full cache": measure(cache, "training"),
            "full cache again": measure(cache, "training"),
        }
    columns = ("window", "compiling", "first frame", "after compiling", "wait", "wait compiling", "close", "exit code")
    print(f"{'':24}" + "".join(f"{column:>16}" for column in columns))
    for name, times in rows.items():
        cells = (f"{times[column]:16.2f}" if column in times else f"{'':16}" for column in columns)
        print(f"{name:24}" + "".join(cells))


if __name__ == "__main__":
    main()
