"""How honest the stated standard errors are: ``python benchmarks/errors.py [KIND ...]``.

For kinds of data and generators that are perfect, shifted, short of half the data, and dead, many independent samples
are measured, and for each metric two numbers are compared: the error that was stated (root mean square over the draws)
and the standard deviation of the values. Their ratio is 1 where errors are honest, below 1 where they are too small.
Both sides are drawn afresh: the real side, of which many samples are measured, `REFERENCES` times (the rows of a file
are all there is). Dots stand for what spreads by less than a thousandth of its value, which is rounding, or is not
defined.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment
from ganviz.metrics import Reference
from ganviz.metrics.transport import ASSIGNED, LIVE_ASSIGNED

Floats = NDArray[np.float64]

LIVE, REFERENCES = 4096, 50
NAMES = ("w1", "w2", "sliced_w2", "energy", "precision", "recall", "high_quality")
KINDS: dict[str, dict[str, object]] = {
    "gaussian": {},
    "mixture": {},
    "disjoint": {},
    "diracs": {"means": [-1.0, 0.0, 2.0]},
    "student-t": {},
    "plane": {"kind": "gaussian", "mean": [0.0, 0.0]},
    "ring": {},
    "grid": {},
    "moons": {},
    "checkerboard": {},
    "galaxies": {"kind": "file", "path": "galaxies.csv"},
    "faithful": {"kind": "file", "path": "faithful.csv"},
}


def shifted(samples: Floats, middle: Floats, spread: Floats) -> Floats:
    """Move everything by half a standard deviation on each axis."""
    return samples + spread / 2


def halved(samples: Floats, middle: Floats, spread: Floats) -> Floats:
    """Leave only what lies above the middle of the first axis: every other mode is lost."""
    return samples[samples[:, 0] > middle[0]]


def dead(samples: Floats, middle: Floats, spread: Floats) -> Floats:
    """Crowd around one place, a hundredth of the data wide."""
    return middle + 0.3 * spread + 0.01 * (samples - middle)


GENERATORS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "perfect": lambda samples, middle, spread: samples,
    "shifted": shifted,
    "halved": halved,
    "dead": dead,
}


def references(kind: str, count: int) -> Iterator[Reference]:
    """Make references with real sides of their own."""
    for seed in range(count):
        yield Reference(Experiment.from_mapping({"seed": seed, "data": {"kind": kind, **KINDS[kind]}}))


def measure(kind: str, draws: int, count: int, assigned: int) -> dict[str, dict[str, list[float]]]:
    """Return all values and errors by generator and metric, for samples of ``count``."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in GENERATORS}
    number = min(REFERENCES, draws)
    # The same for all draws, or the samples of one draw would depend on each other.
    points = next(references(kind, 1)).points
    middle, spread = points.mean(axis=0), points.std(axis=0)
    for reference in references(kind, number):
        for draw in range(draws // number):
            # More than are measured, for the generator that loses half of them.
            samples = reference.perfect(4 * count, 10_000 + draw)
            for name, generator in GENERATORS.items():
                values = reference.evaluate(generator(samples, middle, spread)[:count], assigned)
                for metric, value in values.items():
                    found[name].setdefault(metric, []).append(value)
    return found


def ratio(values: dict[str, list[float]], name: str) -> str:
    """Return stated error, actual error and their ratio as the cell of a table."""
    if f"{name}_error" not in values:
        return "..."
    stated = float(np.sqrt(np.mean(np.square(values[f"{name}_error"]))))
    actual = float(np.std(values[name], ddof=1))
    if actual <= 1e-3 * abs(np.mean(values[name])) or actual < 1e-9:
        return f"{stated:.2g} · {actual:.2g} ..."
    return f"{stated:.2g} · {actual:.2g} = **{stated / actual:.2f}**"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all by default")
    parser.add_argument("--draws", type=int, default=1000, metavar="N")
    parser.add_argument("--count", type=int, default=LIVE, metavar="N", help="samples that are measured")
    parser.add_argument("--evaluate", action="store_true", help="up to 1,000 assigned, as `evaluate` does; 256 else")
    given = parser.parse_args()
    if unknown := [kind for kind in given.kinds if kind not in KINDS]:
        parser.error(f"KIND {', '.join(unknown)} is unknown: allowed are {', '.join(KINDS)}")
    assigned = ASSIGNED if given.evaluate else LIVE_ASSIGNED
    print(f"{given.count} samples, {assigned} assigned, {given.draws} draws; stated · actual = ratio\n")
    print("| data | generator | " + " | ".join(NAMES) + " | seconds |")
    print("| --- " * (len(NAMES) + 3) + "|", flush=True)
    for kind in given.kinds or KINDS:
        start = time.perf_counter()
        found = measure(kind, given.draws, given.count, assigned)
        seconds = time.perf_counter() - start
        for name, values in found.items():
            print(f"| {kind} | {name} | " + " | ".join(ratio(values, metric) for metric in NAMES), end="")
            print(f" | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
