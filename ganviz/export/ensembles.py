"""What an ensemble measured, as tables in the form of CSV."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from ganviz.run.ensemble import HIGH, LOW, EnsembleResult


def write_values(result: EnsembleResult, path: Path) -> None:
    """Write a line for each seed and step: ``seed, step``, its metrics, and the sentence of a divergence before it.

    A metric that was not measured is empty, an infinite one ``inf``.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    names = result.names
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["seed", "step", *names, "diverged"])
        for place, seed in enumerate(result.seeds):
            rows = [result.values[name][place] for name in names]
            for column, step in enumerate(result.steps.tolist()):
                values = [_shown(float(row[column])) for row in rows]
                gone = result.diverged.get(seed, "") if not any(values) else ""
                writer.writerow([seed, step, *values, gone])


def write_summary(result: EnsembleResult, path: Path) -> None:
    """Write a line for each step and metric: how many seeds are behind it, quantiles, the noise floor's band.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        band = f"q{LOW:.0%}".rstrip("%"), f"q{HIGH:.0%}".rstrip("%")
        writer.writerow(["step", "metric", "seeds", "infinite", band[0], "median", band[1], "floor_low", "floor_high"])
        for name in result.names:
            counts, infinite = result.counts(name), np.isposinf(result.values[name]).sum(axis=0)
            parts = result.quantiles(name).T
            for column, step in enumerate(result.steps.tolist()):
                row = [step, name, int(counts[column]), int(infinite[column])]
                quantiles = [_shown(float(value)) for value in parts[column]]
                writer.writerow([*row, *quantiles, *result.floors.get(name, ("", ""))])


def _shown(value: float) -> float | str:
    return "" if math.isnan(value) else str(value)
