"""How often a perfect generator lies inside its noise floor: ``python benchmarks/floors.py [KIND ...]``.

For each kind of data, at the size at which runs are measured: the bands from 199 perfect generators, and the share of
100 further ones inside them, as the mean over the metrics and as the least of them. 95 % are meant; of 100 draws 91 to
99 are usual. A metric that takes few values, such as the modes captured, lies inside more often.
"""

from __future__ import annotations

import argparse

import numpy as np

from ganviz.experiment import KINDS, Experiment
from ganviz.metrics import Reference
from ganviz.metrics.floor import Floor
from ganviz.metrics.transport import LIVE_ASSIGNED

COUNT, BANDS, FURTHER = 4096, 199, 100
FILES = ("faithful.csv", "galaxies.csv")


def experiments(kinds: list[str]) -> dict[str, Experiment]:
    """Make an experiment for each kind; of files, one for each in `FILES`."""
    found: dict[str, Experiment] = {}
    for kind in kinds or list(KINDS):
        if kind == "file":
            found |= {name: Experiment.from_mapping({"data": {"kind": kind, "path": name}}) for name in FILES}
        else:
            found[kind] = Experiment.from_mapping({"data.kind": kind})
    return found


def coverage(experiment: Experiment) -> dict[str, float]:
    """Return the share of perfect generators inside the band of each metric."""
    reference = Reference(experiment)
    floor = Floor(reference, COUNT, BANDS)
    while not floor.refine():
        pass
    bands = floor.bands()
    inside: dict[str, list[bool]] = {name: [] for name in bands}
    for draw in range(FURTHER):
        values = reference.evaluate(reference.perfect(COUNT, 10_000 + draw), LIVE_ASSIGNED, errors=False)
        for name, (low, high) in bands.items():
            inside[name].append(low <= values[name] <= high)
    return {name: float(np.mean(hits)) for name, hits in inside.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    print("| data | mean over the metrics | least | of |")
    print("| --- | --- | --- | --- |", flush=True)
    every: list[float] = []
    for name, experiment in experiments(parser.parse_args().kinds).items():
        shares = coverage(experiment)
        least = min(shares, key=lambda metric: shares[metric])
        every += shares.values()
        print(f"| {name} | {np.mean(list(shares.values())):.1%} | {shares[least]:.0%} | {least} |", flush=True)
    print(f"| all | {np.mean(every):.1%} | | |")


if __name__ == "__main__":
    main()
