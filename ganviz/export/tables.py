"""What was measured of a run, as tables in the form of CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ganviz.metrics import METRICS
from ganviz.metrics.diagnosis import Diagnosis, as_column
from ganviz.run import Frame


class Row(NamedTuple):
    """What was measured at one step."""

    step: int
    metrics: Mapping[str, float]
    diagnoses: tuple[Diagnosis, ...]


def write_metrics(rows: Sequence[Row], path: Path) -> None:
    """Write a line for each step: its metrics, and what was diagnosed, such as ``mode_collapse@1200``.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    names = known_metrics(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *names, "diagnoses"])
        for row in rows:
            writer.writerow([row.step, *(row.metrics.get(name, "") for name in names), as_column(row.diagnoses)])


def write_notes(rows: Sequence[Row], floors: Mapping[str, tuple[float, float]], path: Path) -> None:
    """Write a line for each metric: name, label, unit, estimator, and the band of a perfect generator's values.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["metric", "label", "unit", "estimator", "floor_low", "floor_high"])
        for name in known_metrics(rows):
            metric = METRICS[name]
            writer.writerow([name, metric.label, metric.unit, metric.estimator, *floors.get(name, ("", ""))])


def write_samples(frame: Frame, path: Path) -> None:
    """Write the generated samples of a frame, a line each, in the data's own units.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    table = frame.experiment.table
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns if table else ("x", "y")[: frame.experiment.dimension])
        writer.writerows(frame.fake.tolist())


def known_metrics(rows: Sequence[Row]) -> list[str]:
    """List the metrics that at least one row has, in the order of their table."""
    return [name for name in METRICS if any(name in row.metrics for row in rows)]
