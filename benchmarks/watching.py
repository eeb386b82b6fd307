"""What measuring costs the training: ``python benchmarks/watching.py [PRESET ...]``.

Each preset trains twice on the program's training thread, in turns of some seconds: unwatched, and with everything
measured that any view can show, the spectrum of the game included, at the window's own refresh (a taker comes for the
newest frame every 16 ms, as the window does). Prints the steps per second of both and the median of their ratio over
the rounds. Exit code 1 where watching costs more than a tenth.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

# As the program does: eigenvalues on several threads would take the training its core.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from ganviz.engine import warmup
from ganviz.experiment import Experiment, load
from ganviz.gui.trainer import Trainer
from ganviz.run import Need

PRESETS = ("ring-wgan-gp", "ring-non-saturating", "mixture-1d", "faithful")
TAKE_EVERY = 0.016
ALLOWED = 0.10


def speed(experiment: Experiment, needs: Need, seconds: float) -> tuple[float, int, int]:
    """Train for some seconds; return steps per second, frames and measurements."""
    trainer = Trainer()
    trainer.start(experiment)
    trainer.look(needs)
    while trainer._run is None or trainer._run.step < 50:
        time.sleep(0.01)
    # The first measurements load libraries.
    until = time.perf_counter() + 1.5
    frames = 0
    measured: set[int] = set()
    start = began = 0.0
    while True:
        now = time.perf_counter()
        if not began and now >= until:
            start, began, frames = trainer._run.step, now, 0
            measured.clear()
        if began and now >= began + seconds:
            break
        report = trainer.take() if needs else None
        if report is not None and report.frame is not None:
            frames += 1
            measured.add(report.frame.metrics_step)
        time.sleep(TAKE_EVERY)
    rate = (trainer._run.step - start) / (time.perf_counter() - began)
    trainer.stop(5)
    return rate, frames, len(measured)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    missed = False
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    for name in options.presets:
        experiment = load(name)
        warmup.warm(experiment.precision)
        rounds = [
            (
                speed(experiment, Need(0), options.seconds),
                speed(experiment, Need.all() | Need.SPECTRUM | Need.FLOORS, options.seconds),
            )
            for _ in range(options.rounds)
        ]
        ratio = statistics.median(watched[0] / alone[0] for alone, watched in rounds)
        alone, watched = (statistics.median(pair[side][0] for pair in rounds) for side in (0, 1))
        frames, measured = (statistics.median(pair[1][place] for pair in rounds) / options.seconds for place in (1, 2))
        print(
            f"{name}: {alone:,.0f} steps/s unwatched, {watched:,.0f} watched ({frames:.0f} frames and {measured:.1f} "
            f"measurements a second): {ratio:.1%} of the speed",
            flush=True,
        )
        missed |= ratio < 1 - ALLOWED
    if missed:
        print("missed: watching costs more than a tenth", file=sys.stderr)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
