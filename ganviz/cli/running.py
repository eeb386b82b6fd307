"""``ganviz run``: trains without a window."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ganviz.experiment import Experiment, ExperimentError, load_with, to_toml

from .console import PROGRESS_EVERY, compile_engine, fail, new_parser, say

if TYPE_CHECKING:
    from ganviz.export.tables import Row
    from ganviz.run import Run

Floors = Mapping[str, tuple[float, float]]

ROWS = 101
"""Rows that metrics.csv has at most, the first and the last step among them."""
BURST = 0.2
"""Seconds of training between two looks at progress and interrupts, about."""

HELP = """\
Trains without a window. With --out, writes experiment.toml, metrics.csv (with what was diagnosed), metrics_notes.csv
(estimators, and what a perfect generator scores), samples.csv, figure.svg and session.ganviz into a folder.

example:
  ganviz run faithful --steps 5000 --set optimizer.generator.learning_rate=1e-4 --out results
"""


def run(arguments: list[str]) -> int:
    """Carry out the command; return the exit code."""
    parser = new_parser("ganviz run", HELP)
    parser.add_argument("experiment", metavar="EXPERIMENT", help="a preset's name, or a .toml, .csv or .npy file")
    parser.add_argument("--steps", type=count, default=5000, metavar="N", help="steps to train (default: 5000)")
    parser.add_argument("--seed", type=count, metavar="S", help="seed of all random numbers")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", dest="settings", help="change a field; repeatable"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; made if it is missing")
    options = parser.parse_args(arguments)

    settings = settings_of(options.settings)
    if options.seed is not None:
        settings["seed"] = str(options.seed)
    experiment = load_with(options.experiment, settings)
    if experiment.notice:
        say(experiment.notice)
    folder: Path | None = options.out
    if folder is not None:
        make_folder(folder)
    try:
        return _train(experiment, options.steps, folder)
    except MemoryError:
        return fail(
            "there is not enough memory for this experiment; "
            "make schedule.batch, generator.hidden or discriminator.hidden smaller"
        )


def count(text: str) -> int:
    """Read a whole number from 0 on."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a whole number from 0 on")
    return int(text)


def settings_of(texts: Sequence[str]) -> dict[str, str]:
    """Read settings of the form PATH=VALUE."""
    settings: dict[str, str] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals:
            raise ExperimentError(f"--set {text} is not allowed: PATH=VALUE, such as discriminator.clip=0.01")
        settings[path.strip()] = value
    return settings


def make_folder(folder: Path) -> None:
    """Make a folder for results, and see that it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExperimentError(f"--out {folder}: the folder cannot be made: {error.strerror or error}") from error
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ExperimentError(f"--out {folder}: the folder cannot be written: {error.strerror or error}") from error


def _train(experiment: Experiment, steps: int, folder: Path | None) -> int:
    from ganviz.run import Run, TrainingDiverged

    compile_engine(experiment.precision, say)
    run = Run(experiment)
    rows: list[Row] = []
    every = max(1, -(-steps // (ROWS - 1)))
    problem = ""
    began = time.perf_counter()
    with progress(steps) as report:
        try:
            # So that the training can be found to have converged, and at the same step on every computer.
            _refine(run, whole=folder is not None)
            _measure(run, rows)
            while run.step < steps:
                _advance(run, min(run.step + every, steps), report)
                _measure(run, rows)
        except TrainingDiverged as error:
            problem = str(error)
        except KeyboardInterrupt:
            problem = f"interrupted after step {run.step:,} of {steps:,}"
            if folder is not None:
                problem += f"; the results until then are in {folder}"
        if problem:
            _measure(run, rows)
    floors = run.measurer.newest.floors
    _summarize(run.step, run.seconds, time.perf_counter() - began, rows, floors)
    if folder is not None:
        _write(run, rows, floors, folder)
        say(
            f"written to {folder}: experiment.toml, metrics.csv, metrics_notes.csv, samples.csv, figure.svg, "
            "session.ganviz"
        )
    return fail(problem) if problem else 0


def _refine(run: Run, whole: bool) -> None:
    """Compute the noise floors: the first bands, or as good as they get, which takes some seconds."""
    measurer = run.measurer
    while not measurer.floor_done and (whole or not measurer.newest.floors):
        measurer.refine(seconds=0.1)


def _measure(run: Run, rows: list[Row]) -> None:
    from ganviz.export.tables import Row
    from ganviz.run import Need

    if not rows or rows[-1].step != run.step:
        frame = run.frame(Need.METRICS)
        rows.append(Row(run.step, frame.metrics, frame.diagnoses))


def advance_measured(run: Run, steps: int, report: Callable[[int], None]) -> None:
    """Train up to a step, and measure at `ROWS` steps on the way, for the curves."""
    from ganviz.run import Need

    every = max(1, -(-steps // (ROWS - 1)))
    run.frame(Need.METRICS)
    while run.step < steps:
        _advance(run, min(run.step + every, steps), report)
        run.frame(Need.METRICS)


def _advance(run: Run, step: int, report: Callable[[int], None]) -> None:
    for done in run.bursts(step, BURST):
        report(done)


@contextmanager
def progress(steps: int) -> Generator[Callable[[int], None]]:
    """Show how far the training is: a bar on a terminal, a line every few seconds elsewhere."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=steps, unit=" steps", unit_scale=True, dynamic_ncols=True) as bar:
            yield lambda step: (bar.update(step - bar.n), None)[1]
        return
    began = last = time.perf_counter()

    def line(step: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last >= PROGRESS_EVERY:
            last = now
            say(f"step {step:,} of {steps:,}, {step / (now - began):,.0f} steps/s")

    yield line


def _summarize(step: int, training: float, whole: float, rows: Sequence[Row], floors: Floors) -> None:
    from ganviz.export.tables import known_metrics
    from ganviz.metrics import METRICS

    speed = f", {step / training:,.0f} steps/s" if step and training else ""
    say(f"{step:,} steps in {whole:.1f} s with measuring{speed} in training alone")
    first, last = rows[0].metrics, rows[-1].metrics
    for name in known_metrics(rows[-1:]):
        metric = METRICS[name]
        start = f"{first[name]:.4g} -> " if name in first else ""
        unit = f" {metric.unit}" if metric.unit else ""
        error = f" ± {last[name + '_error']:.2g}" if name + "_error" in last else ""
        band = floors.get(name)
        perfect = f" (a perfect generator: {band[0]:.4g} to {band[1]:.4g})" if band else ""
        if not name.endswith("_error"):
            say(f"  {metric.label}: {start}{last[name]:.4g}{error}{unit}{perfect}")
    for found in rows[-1].diagnoses:
        say(f"  {found.sentence}")


def _write(run: Run, rows: Sequence[Row], floors: Floors, folder: Path) -> None:
    from ganviz.export import draw
    from ganviz.export.tables import write_metrics, write_notes, write_samples
    from ganviz.plots import views_for
    from ganviz.plots.pages import on_paper
    from ganviz.run.ticket import ticket_of, to_token

    frame = run.frame()
    scenes = [view.draw(frame) for view in views_for(run.experiment) if on_paper(view.name)]
    try:
        (folder / "experiment.toml").write_text(to_toml(run.experiment), encoding="utf-8")
        write_metrics(rows, folder / "metrics.csv")
        write_notes(rows, floors, folder / "metrics_notes.csv")
        write_samples(frame, folder / "samples.csv")
        draw(scenes, folder / "figure.svg", ticket=to_token(ticket_of(frame)))
        run.save(folder / "session.ganviz")
    except OSError as error:
        raise ExperimentError(f"--out {folder}: the results cannot be written: {error.strerror or error}") from error
