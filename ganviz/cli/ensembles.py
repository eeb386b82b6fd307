"""``ganviz ensemble``: trains the same experiment under many seeds."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ganviz.experiment import ExperimentError, load_with, to_toml

from .console import compile_engine, fail, new_parser, say
from .running import count, make_folder, progress, settings_of

if TYPE_CHECKING:
    from ganviz.run.ensemble import Ensemble, EnsembleResult

MOST = 10_000
"""Seeds of an ensemble at most."""

HELP = """\
Trains the same experiment under many seeds, several at the same time, and says where most of them are. With --out,
writes experiment.toml, ensemble.csv (a line for each seed and step), ensemble_summary.csv (median and quantiles for
each step and metric) and figure.svg into a folder.

example:
  ganviz ensemble ring-wgan-clip --seeds 10 --steps 5000 --out results
"""


def ensemble(arguments: list[str]) -> int:
    """Carry out the command; return the exit code."""
    parser = new_parser("ganviz ensemble", HELP)
    parser.add_argument("experiment", metavar="EXPERIMENT", help="a preset's name, or a .toml, .csv or .npy file")
    parser.add_argument("--seeds", type=_positive, default=10, metavar="N", help="number of seeds (default: 10)")
    parser.add_argument("--first-seed", type=count, default=0, metavar="S", help="the first of them (default: 0)")
    parser.add_argument("--steps", type=count, default=5000, metavar="N", help="steps to train (default: 5000)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", dest="settings", help="change a field; repeatable"
    )
    parser.add_argument("--workers", type=_positive, metavar="N", help="runs at the same time (default: one a core)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; made if it is missing")
    options = parser.parse_args(arguments)

    experiment = load_with(options.experiment, settings_of(options.settings))
    if experiment.notice:
        say(experiment.notice)
    folder: Path | None = options.out
    if folder is not None:
        make_folder(folder)

    from ganviz.run.ensemble import Ensemble

    seeds = range(options.first_seed, options.first_seed + options.seeds)
    many = Ensemble(experiment, seeds, options.steps, workers=options.workers)
    compile_engine(experiment.precision, say)
    try:
        return _train(many, folder)
    except MemoryError:
        return fail("there is not enough memory for so many runs at the same time; fewer --workers need less")


def _positive(text: str) -> int:
    number = count(text)
    if not 1 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a whole number from 1 to {MOST:,}")
    return number


def _train(many: Ensemble, folder: Path | None) -> int:
    problem = ""
    began = time.perf_counter()
    with progress(many.total) as report:
        try:
            result = many.run(lambda done, total: report(done))
        except KeyboardInterrupt:
            result = many.result()
            problem = "interrupted"
            if folder is not None:
                problem += f"; the results until then are in {folder}"
    _summarize(result, time.perf_counter() - began)
    if folder is not None:
        _write(result, folder)
        say(f"written to {folder}: experiment.toml, ensemble.csv, ensemble_summary.csv, figure.svg")
    return fail(problem) if problem else 0


def _summarize(result: EnsembleResult, seconds: float) -> None:
    from ganviz.metrics import METRICS
    from ganviz.run.ensemble import HIGH, LOW

    total = len(result.seeds)
    say(f"{total} seed{'s' if total != 1 else ''}, {int(result.steps[-1]):,} steps each, in {seconds:.1f} s")
    for name in result.names:
        known = result.counts(name).nonzero()[0]
        if name.endswith("_error") or not len(known):
            continue
        at = int(known[-1])
        low, median, high = result.quantiles(name)[:, at]
        metric = METRICS[name]
        unit = f" {metric.unit}" if metric.unit else ""
        seeds = int(result.counts(name)[at])
        note = "" if seeds == total and at == len(result.steps) - 1 else f", {seeds} seeds, step {result.steps[at]:,}"
        band = f"{100 * LOW:.0f} % to {100 * HIGH:.0f} %: {low:.4g} to {high:.4g}"
        say(f"  {metric.label}: median {median:.4g}, {band}{unit}{note}")
    for seed, sentence in result.diverged.items():
        say(f"  seed {seed}: {sentence}")


def _write(result: EnsembleResult, folder: Path) -> None:
    from ganviz.export import draw
    from ganviz.export.ensembles import write_summary, write_values
    from ganviz.plots.ensemble import ensemble_views_for

    scenes = [view.draw(result) for view in ensemble_views_for(result.experiment)]
    try:
        (folder / "experiment.toml").write_text(to_toml(result.experiment), encoding="utf-8")
        write_values(result, folder / "ensemble.csv")
        write_summary(result, folder / "ensemble_summary.csv")
        draw(scenes, folder / "figure.svg")
    except OSError as error:
        raise ExperimentError(f"--out {folder}: the results cannot be written: {error.strerror or error}") from error
