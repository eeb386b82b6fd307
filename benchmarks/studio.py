"""What the window costs and how soon it answers: ``python benchmarks/studio.py [--sizes 1920x1080 3840x2160]``.

The workload ring128 (128-128 networks, 256 samples, Adam) trains in the whole window, with the views that it starts
with. For each size of the window it prints

- frames: milliseconds of the window's own work for one frame (taking the report, updating, painting to the last pixel),
  the median and the value that 95 % stay below, beside the limit;
- training: steps per second with the window open, as a share of those of a thread that nobody looks at, in turns;
- answer: milliseconds from a change in the form to the frame of the changed run on the stage, the median and the worst.

With ``--start`` instead: seconds from the interpreter's start until the window is shown, as a multiple of what a bare
window with PySide6 and pyqtgraph takes, and from then to the first trained frame, with the kernels in the cache.

Exit code 1 where a figure is beyond its limit. It runs without a display, or in a real window where
QT_QPA_PLATFORM=xcb is set and there is one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganviz.gui.window import Window

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

LIMITS = {"1920x1080": 16.7, "3840x2160": 25.0}
"""Milliseconds that 95 % of the frames stay below."""
SHARE, ANSWER = 0.90, 100.0
BARE, TRAINED = 2.0, 1.5
RING128 = {
    "data.kind": "ring",
    "generator.hidden": [128, 128],
    "discriminator.hidden": [128, 128],
    "discriminator.clip": 0.0,
    "objective.kind": "non-saturating",
    "optimizer.generator.kind": "adam",
    "optimizer.discriminator.kind": "adam",
    "schedule.batch": 256,
    "schedule.discriminator_steps": 1,
}
BARE_WINDOW = """
import sys, time
from PySide6.QtWidgets import QApplication, QMainWindow
import pyqtgraph as pg
app = QApplication(sys.argv[:1])
window = QMainWindow()
window.setCentralWidget(pg.PlotWidget())
window.resize(1280, 720)
window.show()
app.processEvents()
print(time.time(), flush=True)
"""
OWN_WINDOW = """
import sys, time
from PySide6.QtCore import QTimer
from ganviz.gui.app import make_application
from ganviz.gui.window import Window
from ganviz.gui import style
from ganviz.experiment import load
app = make_application()
window = Window(load("ring-wgan-clip"), "ring-wgan-clip")
style.apply(app, window.theme)
window.show()
app.processEvents()
print(time.time(), flush=True)
def look():
    frame = window.stage.frame_shown
    if frame is not None and frame.step > 0:
        print(time.time(), flush=True)
        timer.stop()
        window.trainer.stop()
        import os; os._exit(0)
timer = QTimer()
timer.timeout.connect(look)
timer.start(5)
app.exec()
"""


def frames_at(size: str, seconds: float) -> tuple[list[float], float, list[float]]:
    """Train in a window; return each frame's milliseconds, the steps per second, and those from change to stage."""
    from PySide6.QtWidgets import QApplication

    from ganviz.experiment import Experiment
    from ganviz.gui import style
    from ganviz.gui.app import make_application
    from ganviz.gui.window import Window

    application = QApplication.instance() or make_application()
    assert isinstance(application, QApplication)
    window = Window(Experiment.from_mapping(RING128))
    style.apply(application, window.theme)
    width, height = map(int, size.split("x"))
    window.resize(width, height)
    window.show()
    took: list[float] = []
    pull = window._pull

    def timed() -> None:
        shown = window.stage.frame_shown
        began = time.perf_counter()
        pull()
        if window.stage.frame_shown is not shown:
            # Paint at once what would be painted in the next turn of the loop.
            for canvas in window.stage.canvases.values():
                if canvas.isVisible():
                    canvas.viewport().repaint()
            took.append(1000 * (time.perf_counter() - began))

    window._timer.timeout.disconnect()
    window._timer.timeout.connect(timed)
    while window.stage.frame_shown is None or window.stage.frame_shown.step < 200:
        rest(0.02)
    rest(2.0)
    took.clear()
    run = window.trainer._run
    assert run is not None
    first, began = run.step, time.perf_counter()
    rest(seconds)
    speed = (run.step - first) / (time.perf_counter() - began)
    frames = list(took)
    answers = [_answer(window, 0.1 + 0.01 * (k % 2)) for k in range(21)]
    window.trainer.stop(10)
    window._timer.stop()
    window.keeper.close()
    window._collector.stop()
    window.hide()
    window.deleteLater()
    rest(0.05)
    return frames, speed, answers


def rest(seconds: float) -> None:
    """Let the window live for some seconds, in which others train: QTest.qWait would hold the interpreter's lock."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()


def _answer(window: Window, std: float) -> float:
    """Change the data's width in the form; return the milliseconds until the stage shows it."""
    began = time.perf_counter()
    window.form.edited.emit("data.std", std)
    while (frame := window.stage.frame_shown) is None or frame.experiment["data.std"] != std:
        rest(0.001)
    window.stage.canvases["plane"].viewport().repaint()
    return 1000 * (time.perf_counter() - began)


def alone(seconds: float) -> float:
    """Return the steps per second of the training thread when nobody looks."""
    from ganviz.experiment import Experiment
    from ganviz.gui.trainer import Trainer
    from ganviz.run import Need

    trainer = Trainer()
    trainer.start(Experiment.from_mapping(RING128))
    trainer.look(Need(0))
    while trainer._run is None or trainer._run.step < 200:
        time.sleep(0.01)
    first, began = trainer._run.step, time.perf_counter()
    time.sleep(seconds)
    speed = (trainer._run.step - first) / (time.perf_counter() - began)
    trainer.stop(10)
    return speed


def started(code: str, folder: str) -> list[float]:
    """Run a window in a process of its own; return the seconds from the interpreter's start of all it prints."""
    began = time.time()
    environment = {**os.environ, "XDG_CONFIG_HOME": folder, "XDG_STATE_HOME": folder}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return [float(word) - began for word in told.stdout.split()]


def start(rounds: int) -> bool:
    """Print what the start takes; return whether all is within its limit."""
    with tempfile.TemporaryDirectory() as folder:
        started(OWN_WINDOW, folder)
        bare, own, trained = [], [], []
        for _ in range(rounds):
            bare.append(started(BARE_WINDOW, folder)[0])
            shown, frame = started(OWN_WINDOW, folder)
            own.append(shown / bare[-1])
            trained.append(frame - shown)
    ratio, after = statistics.median(own), statistics.median(trained)
    print(f"window shown: {ratio:.2f} times a bare window's {statistics.median(bare):.2f} s (limit {BARE:g})")
    print(f"first trained frame {after:.2f} s after it (limit {TRAINED:g})")
    return ratio <= BARE and after <= TRAINED


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=list(LIMITS))
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--start", action="store_true")
    arguments = parser.parse_args()
    if arguments.start:
        return 0 if start(arguments.rounds) else 1
    good = True
    for size in arguments.sizes:
        frames, shares, answers = list[float](), list[float](), list[float]()
        for _ in range(arguments.rounds):
            before = alone(arguments.seconds)
            some, speed, waits = frames_at(size, arguments.seconds)
            frames += some
            answers += waits
            shares.append(speed / (0.5 * (before + alone(arguments.seconds))))
        worst = statistics.quantiles(frames, n=20)[-1]
        share, wait = statistics.median(shares), statistics.median(answers)
        limit = LIMITS.get(size, max(LIMITS.values()))
        print(
            f"{size}: {len(frames)} frames, median {statistics.median(frames):.1f} ms, 95 % within {worst:.1f} ms "
            f"(limit {limit:g}); training {share:.1%} of its speed alone (at least {SHARE:.0%}); "
            f"a change is shown after {wait:.0f} ms, at most {max(answers):.0f} ms (limit {ANSWER:g})",
            flush=True,
        )
        good &= worst <= limit and share >= SHARE and max(answers) <= ANSWER
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
