"""How long the engine compiles, and how soon it trains once it has: ``python benchmarks/compile.py [PRESET]``.

Starts fresh processes that import the engine and train the first step of a preset, ring-wgan-clip without an argument:
one with an empty cache, then five with what that left in it. Prints the seconds of each part, of the warm starts the
median, beside the limits, and in brackets those of processor time: much less where others are at work on the machine.
Exit code 1 where a limit is passed.

- import: from the start of importing the engine to its end; neither the interpreter's start nor a window
- compile: compiling the engine, or loading it from the cache
- first step: making the run and training one step
- frame: measuring and drawing all that the window shows of it
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

DEFAULT = "ring-wgan-clip"
WARM_STARTS = 5
COLD_LIMIT, WARM_LIMIT = 25.0, 1.0
PARTS = ("import", "compile", "first step", "frame")
CHILD = """
import json, sys, time
times = []
def lap(): times.append((time.perf_counter(), time.process_time()))
lap()
import ganviz
from ganviz.engine import warmup
from ganviz.run import Run
lap()
experiment = ganviz.load(sys.argv[1])
warmup.warm(experiment.precision)
lap()
run = Run(experiment)
run.advance(1)
lap()
run.frame()
lap()
print(json.dumps([[b - a for a, b in zip(*pair)] for pair in zip(times, times[1:])]))
"""
Seconds = tuple[float, float]
"""Of the clock and of the processor."""


def start(preset: str, cache: str) -> dict[str, Seconds]:
    """Return the seconds of each part of a start with this cache."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, preset],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {part: (clock, own) for part, (clock, own) in zip(PARTS, json.loads(done.stdout), strict=True)}


def show(name: str, times: dict[str, Seconds], parts: tuple[str, ...], limit: float) -> bool:
    """Print the parts of a start and the sum of those that are limited; return whether it is within."""
    print(name)
    clock, own = (sum(times[part][which] for part in parts) for which in range(2))
    for part, (seconds, busy) in {**times, " + ".join(parts): (clock, own)}.items():
        print(f"  {part:32}{seconds:7.2f} s ({busy:.2f})")
    print(f"  limit{limit:34.2f} s{'' if clock <= limit else '   BEYOND'}")
    return clock <= limit


def main() -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    preset = sys.argv[1] if len(sys.argv) > 1 else DEFAULT
    with tempfile.TemporaryDirectory() as cache:
        cold = start(preset, cache)
        warm = [start(preset, cache) for _ in range(WARM_STARTS)]
    typical: dict[str, Seconds] = {}
    for part in PARTS:
        clock, own = (statistics.median(times[part][which] for times in warm) for which in range(2))
        typical[part] = clock, own
    within = [
        show("empty cache", cold, PARTS[1:], COLD_LIMIT),
        show(f"full cache, median of {WARM_STARTS}", typical, PARTS[:3], WARM_LIMIT),
    ]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
