"""What the presets are diagnosed with: the table of docs/diagnoses.md.

    python benchmarks/diagnoses.py [PRESET ...] [--steps 20000] [--looks 100]

Each preset trains for so many steps and is measured at so many equal distances, as ``ganviz run`` does. The table names
every diagnosis that appeared, the step since when, the step at which it was told, and the step at which it was gone.
"""

from __future__ import annotations

import argparse
import time

import ganviz
from ganviz.engine.evaluation import Evaluator
from ganviz.metrics import Reference
from ganviz.metrics.diagnosis import Diagnosis, Diagnostician, spread
from ganviz.metrics.floor import Floor
from ganviz.metrics.transport import LIVE_ASSIGNED
from ganviz.run import Need, TrainingDiverged

SAMPLES = 4096
FLOOR_DRAWS = 199


def floors(reference: Reference) -> dict[str, tuple[float, float]]:
    """Return the band of a perfect generator for each metric."""
    floor = Floor(reference, SAMPLES, FLOOR_DRAWS)
    while not floor.refine():
        pass
    return dict(floor.bands())


def watch(experiment: ganviz.Experiment, steps: int, looks: int) -> list[tuple[Diagnosis, int, int | None]]:
    """Train and diagnose; return each diagnosis as last told, the step when it was first told, and when it went."""
    run = ganviz.Run(experiment)
    glance = run.glance(Need.SAMPLES)
    reference, evaluator = Reference(experiment, glance.data), Evaluator(experiment, glance.data)
    diagnostician = Diagnostician(experiment, floors(reference))
    told: list[tuple[Diagnosis, int, int | None]] = []

    def look() -> None:
        glance = run.glance(Need.METRICS | Need.HISTORY)
        evaluator.take(glance.numbers)
        samples = evaluator.generate(evaluator.noise(SAMPLES))
        metrics = reference.evaluate(samples, LIVE_ASSIGNED, errors=False) | dict(glance.metrics)
        metrics["spread"] = spread(samples, reference.points)
        missing = None if reference.modes is None else reference.modes.missing(samples)
        keep(diagnostician.observe(run.step, metrics, glance.history, missing))

    def keep(found: tuple[Diagnosis, ...]) -> None:
        now = {(diagnosis.name, diagnosis.since): diagnosis for diagnosis in found}
        for place, (diagnosis, first, gone) in enumerate(told):
            if gone is None:
                newer = now.pop((diagnosis.name, diagnosis.since), None)
                told[place] = (newer or diagnosis, first, None if newer else run.step)
        told.extend((diagnosis, run.step, None) for diagnosis in now.values())

    look()
    try:
        while run.step < steps:
            run.advance(min(max(1, steps // looks), steps - run.step))
            look()
    except TrainingDiverged as diverged:
        diagnostician.diverged(diverged.step, str(diverged))
        keep(diagnostician.found)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", help="all by default; FILE.toml works, too")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--looks", type=int, default=100)
    options = parser.parse_args()
    print("| preset | steps | diagnosis | since | told | gone | as told at last |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name in options.presets or [preset.name for preset in ganviz.presets()]:
        start = time.perf_counter()
        told = watch(ganviz.load(name), options.steps, options.looks)
        for diagnosis, first, gone in told:
            cells = [name, f"{options.steps:,}", diagnosis.name, f"{diagnosis.since:,}", f"{first:,}"]
            cells += ["" if gone is None else f"{gone:,}", diagnosis.sentence]
            print("| " + " | ".join(cells) + " |", flush=True)
        if not told:
            print(f"| {name} | {options.steps:,} | none | | | | {time.perf_counter() - start:.0f} s |", flush=True)


if __name__ == "__main__":
    main()
