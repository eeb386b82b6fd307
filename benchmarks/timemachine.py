"""What the time machine costs and how fast it is: ``python benchmarks/timemachine.py [WORKLOAD ...]``.

For each workload, by default ganlab and ring128:

- **recording**: the speed of a run that records itself against the same training without any record, in turns of
  bursts of about 8 ms; the median of the ratio over pairs of turns. Allowed: 5 % less.
- **seek**: training of so many steps (``--steps`` for all; by default a million of ganlab, 100,000 of the others) and
  then 50 ways to random steps, each on a run that comes from the end: median and worst. Allowed: 300 ms for ganlab, 2 s
  for the others, for the worst.
- **memory and file**: resident memory of the process afterwards, bytes of the session file. Allowed: 700 MB, 200 MB.
- **frame**: the time from a kept state to what the window draws (samples, surface, pulls). Allowed: 16 ms, a frame of
  the screen.
- **lanes**: the speed of two runs in lockstep against one alone, in turns; the speed of each is that of both, for they
  go together. Allowed: 80 %. Needs two cores that nobody else uses: beside it stands the share of two cores' time that
  they had. Where that is far below 100 %, others were at work and the speed says nothing.

Prints a table a workload; exit code 1 where something is not within what is allowed.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# As the program does: other libraries' threads would take the training its cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psutil

from ganviz.bench import workload
from ganviz.engine import warmup
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Training
from ganviz.experiment import Experiment
from ganviz.run import Need, Run
from ganviz.run.lockstep import Lockstep

BURST = 0.008
STEPS = {"ganlab": 1_000_000}
OTHER_STEPS = 100_000
WAYS = 50
SOUGHT = {"ganlab": 0.3}
OTHER_SOUGHT = 2.0
RECORDING, LANES, MEMORY, FILE, FRAME = 0.05, 0.8, 700.0, 200.0, 0.016
SHOWN = Need.SAMPLES | Need.SURFACE | Need.PULLS


def burst_steps(advance: Callable[[int], object]) -> int:
    """Return how many steps a burst has, about."""
    steps = 1
    while True:
        began = time.perf_counter()
        advance(steps)
        elapsed = time.perf_counter() - began
        if elapsed > BURST / 2:
            return max(1, round(steps * BURST / elapsed))
        steps *= 2


def rate(advance: Callable[[int], object], steps: int, seconds: float) -> float:
    """Return the steps per second of bursts."""
    done, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        advance(steps)
        done += steps
    return done / elapsed


def ratio(one: Callable[[int], object], other: Callable[[int], object], options: argparse.Namespace) -> float:
    """Return the speed of one of two trainings, in parts of the other's: the median over turns."""
    steps = burst_steps(other)
    burst_steps(one)
    found: list[float] = []
    for turn in range(options.rounds):
        pair = (one, other) if turn % 2 else (other, one)
        rates = {advance: rate(advance, steps, options.seconds) for advance in pair}
        found.append(rates[one] / rates[other])
    return statistics.median(found)


def recording(experiment: Experiment, options: argparse.Namespace) -> float:
    """Return the speed of a run in parts of its training's."""
    run, bare = Run(experiment), Training(experiment)
    return ratio(run.advance, lambda steps: bare.advance(steps, np.zeros((steps, len(RECORDED)))), options)


def lanes(experiment: Experiment, options: argparse.Namespace) -> tuple[float, float]:
    """Return the speed of each of two runs in lockstep in parts of that of one alone, and their share of two cores."""
    alone = Run(experiment)
    lockstep = Lockstep([Run(experiment), Run(experiment.replace({"seed": experiment.seed + 1}))])
    worked = passed = 0.0

    def both(steps: int) -> None:
        nonlocal worked, passed
        processor, began = time.process_time(), time.perf_counter()
        lockstep.advance(steps)
        worked += time.process_time() - processor
        passed += time.perf_counter() - began

    try:
        return ratio(both, alone.advance, options), worked / passed / 2
    finally:
        lockstep.close()


def travel(run: Run, steps: int) -> list[float]:
    """Train so many steps in bursts, and return the seconds of ways from the end to random steps."""
    burst = burst_steps(run.advance)
    while run.step < steps:
        run.advance(min(burst, steps - run.step))
    rng, found = random.Random(0), []
    for _ in range(WAYS):
        run.seek(run.end)
        goal = rng.randint(0, run.end)
        began = time.perf_counter()
        run.seek(goal)
        found.append(time.perf_counter() - began)
    run.seek(run.end)
    if run.note:
        raise RuntimeError(run.note)
    return found


def frames(run: Run) -> list[float]:
    """Return the seconds from kept states to their pictures."""
    found: list[float] = []
    for at in range(WAYS + 1):
        keyframe = run.nearest(run.end * at // WAYS)
        began = time.perf_counter()
        glance = run.glance_at(keyframe, SHOWN)
        run.observer.frame(glance, SHOWN, run.measurer.shown(glance))
        found.append(time.perf_counter() - began)
    return found[1:]


def saved(run: Run) -> float:
    """Return the megabytes of the run's session file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.ganviz"
        run.save(path)
        return path.stat().st_size / 1e6


def report(what: str, value: str, good: bool, allowed: str) -> bool:
    print(f"  {what:<32}{value:>22}   {'' if good else 'MISSED: '}allowed {allowed}", flush=True)
    return good


def measure(name: str, options: argparse.Namespace) -> bool:
    """Measure a workload, print what was found, and return whether it is all within what is allowed."""
    experiment = workload(name)
    warmup.warm(experiment.precision)
    steps = options.steps or STEPS.get(name, OTHER_STEPS)
    print(name, flush=True)
    good = True
    if "recording" not in options.skip:
        share = recording(experiment, options)
        good &= report("speed while recording", f"{share:.1%}", share > 1 - RECORDING, f"{1 - RECORDING:.0%}")
    if "lanes" not in options.skip:
        share, presence = lanes(experiment, options)
        found = f"{share:.1%} (had {presence:.0%})"
        good &= report("speed of each of two lanes", found, share >= LANES, f"{LANES:.0%}")
    if "travel" in options.skip:
        return good
    run = Run(experiment)
    began = time.perf_counter()
    ways = travel(run, steps)
    limit = SOUGHT.get(name, OTHER_SOUGHT)
    kept = run.recorded().keyframes
    print(f"  {run.end:,} steps and {WAYS} ways in {time.perf_counter() - began:.0f} s; {len(kept):,} states kept")
    typical = statistics.median(ways)
    good &= report("a random step, median, worst", f"{typical * 1e3:.0f}, {max(ways) * 1e3:.0f} ms", max(ways) <= limit,
                   f"{limit * 1e3:.0f} ms")  # fmt: skip
    shown = frames(run)
    good &= report("a kept state's picture", f"{statistics.median(shown) * 1e3:.1f} ms",
                   statistics.median(shown) <= FRAME, f"{FRAME * 1e3:.0f} ms")  # fmt: skip
    size = saved(run)
    good &= report("session file", f"{size:.0f} MB", size < FILE, f"{FILE:.0f} MB")
    resident = psutil.Process().memory_info().rss / 1e6
    return report("resident memory", f"{resident:.0f} MB", resident < MEMORY, f"{MEMORY:.0f} MB") and good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="Example: benchmarks/timemachine.py ganlab --steps 1000000"
    )
    parser.add_argument("workloads", nargs="*", default=["ganlab", "ring128"])
    parser.add_argument("--steps", type=int, default=0, help="steps that are trained before random ones are sought")
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds of each turn of a comparison")
    parser.add_argument("--rounds", type=int, default=15, help="turns of a comparison")
    parser.add_argument("--skip", nargs="*", default=[], choices=("recording", "lanes", "travel"))
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    good = [measure(name, options) for name in options.workloads]
    if not all(good):
        print("missed: see above", file=sys.stderr)
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
