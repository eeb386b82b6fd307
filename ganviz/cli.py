"""The command line: opens the window, lists presets, trains without a window."""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ganviz import __version__
from ganviz.experiment import Experiment, ExperimentError, load, load_with, presets, to_toml

if TYPE_CHECKING:
    from ganviz.run import Run

ROWS = 101
"""Rows that metrics.csv has at most, the first and the last step among them."""

WINDOW_HELP = """\
Opens the window and trains a preset (see "ganviz presets"), a .toml experiment, or the numbers of a .csv or .npy
file. Other commands: "ganviz presets" lists the presets; "ganviz run" trains without a window.

example:
  ganviz faithful
"""
RUN_HELP = """\
Trains without a window. With --out, writes experiment.toml, metrics.csv, samples.csv and figure.svg into a folder.

example:
  ganviz run faithful --steps 5000 --set optimizer.generator.learning_rate=1e-4 --out results
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 2 after one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[[list[str]], int]] = {"presets": _presets, "run": _run}
    command = commands.get(given[0]) if given else None
    try:
        return command(given[1:]) if command else _window(given)
    except ExperimentError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """End with the message and exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser(name: str, description: str) -> _Parser:
    return _Parser(prog=name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def _fail(sentence: str) -> int:
    print(f"ganviz: {sentence}", file=sys.stderr)
    return 2


def _window(arguments: list[str]) -> int:
    parser = _parser("ganviz", WINDOW_HELP)
    parser.add_argument("experiment", nargs="?", metavar="PRESET | FILE", help="what to train; default: ring-wgan-clip")
    parser.add_argument("--version", action="version", version=f"ganviz {__version__}")
    name = parser.parse_args(arguments).experiment
    # The window explains what is wrong with a file; a name that leads nowhere ends here.
    experiment = load(name) if name else None
    preset = name if name in {entry.name for entry in presets()} else ""
    try:
        from ganviz.gui.app import open_window
    except ImportError as error:
        return _fail(_missing_library(error))
    return open_window(experiment, preset)


def _missing_library(error: ImportError) -> str:
    packages = "libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libdbus-1-3 libfontconfig1"
    return (
        f"the window cannot open: {' '.join(str(error).split())}. On Debian or Ubuntu: apt-get install {packages} "
        "(docs/install.md lists them all)"
    )


def _presets(arguments: list[str]) -> int:
    parser = _parser("ganviz presets", "Lists the shipped presets.\n\nexample:\n  ganviz presets\n")
    parser.parse_args(arguments)
    shipped = presets()
    width = max(len(preset.name) for preset in shipped)
    for preset in shipped:
        print(f"{preset.name:{width}}  {preset.title}")
    return 0


def _run(arguments: list[str]) -> int:
    parser = _parser("ganviz run", RUN_HELP)
    parser.add_argument("experiment", metavar="EXPERIMENT", help="a preset's name, or a .toml, .csv or .npy file")
    parser.add_argument("--steps", type=_count, default=5000, metavar="N", help="steps to train (default: 5000)")
    parser.add_argument("--seed", type=_count, metavar="S", help="seed of all random numbers")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", dest="settings", help="change a field; repeatable"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results; made if it is missing")
    options = parser.parse_args(arguments)

    settings = _settings(options.settings)
    if options.seed is not None:
        settings["seed"] = str(options.seed)
    experiment = load_with(options.experiment, settings)
    if experiment.notice:
        print(experiment.notice)
    folder: Path | None = options.out
    if folder is not None:
        _make_folder(folder)
    return _train(experiment, options.steps, folder)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a whole number from 0 on")
    return int(text)


def _settings(texts: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals:
            raise ExperimentError(f"--set {text} is not allowed: PATH=VALUE, such as discriminator.clip=0.01")
        settings[path.strip()] = value
    return settings


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExperimentError(f"--out {folder}: the folder cannot be made: {error.strerror or error}") from error


def _train(experiment: Experiment, steps: int, folder: Path | None) -> int:
    from ganviz.engine import warmup
    from ganviz.run import Need, Run, TrainingDiverged

    if not warmup.is_ready(experiment.precision):
        print("Compiling the engine for this computer. This happens once and takes some seconds.", flush=True)
        warmup.warm(experiment.precision)
    run = Run(experiment)
    rows: list[dict[str, float]] = []
    every = max(1, -(-steps // (ROWS - 1)))
    diverged = ""
    began = time.perf_counter()
    training = 0.0
    with _progress(steps) as report:
        try:
            while True:
                rows.append({"step": float(run.step), **run.frame(Need.METRICS).metrics})
                if run.step >= steps:
                    break
                before = time.perf_counter()
                run.advance(min(every, steps - run.step))
                training += time.perf_counter() - before
                report(run.step)
        except TrainingDiverged as error:
            diverged = str(error)
            rows.append({"step": float(run.step), **run.frame(Need.METRICS).metrics})
    _summarize(run.step, training, time.perf_counter() - began, rows)
    if folder is not None:
        _write(run, rows, folder)
        print(f"written to {folder}: experiment.toml, metrics.csv, samples.csv, figure.svg")
    return _fail(diverged) if diverged else 0


@contextmanager
def _progress(steps: int) -> Generator[Callable[[int], None]]:
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
        if now - last >= 2.0:
            last = now
            print(f"step {step:,} of {steps:,}, {step / (now - began):,.0f} steps/s", flush=True)

    yield line


def _summarize(step: int, training: float, whole: float, rows: Sequence[dict[str, float]]) -> None:
    from ganviz.metrics import METRICS

    speed = f", {step / training:,.0f} steps/s" if training else ""
    print(f"{step:,} steps in {whole:.1f} s with measuring{speed} in training alone")
    first, last = rows[0], rows[-1]
    for name, value in last.items():
        if name != "step":
            start = f"{first[name]:.4g} -> " if name in first else ""
            unit = f" {METRICS[name].unit}" if METRICS[name].unit else ""
            print(f"  {METRICS[name].label}: {start}{value:.4g}{unit}")


def _write(run: Run, rows: Sequence[dict[str, float]], folder: Path) -> None:
    from ganviz.export import draw
    from ganviz.plots import views_for
    from ganviz.run import SAMPLE_METRICS, STEP_METRICS

    frame = run.frame()
    experiment = run.experiment
    scenes = [view.draw(frame) for view in views_for(experiment)]
    names = experiment.table.columns if experiment.table else ("x", "y")[: experiment.dimension]
    known = [name for name in (*STEP_METRICS, *SAMPLE_METRICS) if any(name in row for row in rows)]
    try:
        (folder / "experiment.toml").write_text(to_toml(experiment), encoding="utf-8")
        with (folder / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["step", *known], restval="")
            writer.writeheader()
            writer.writerows({**row, "step": int(row["step"])} for row in rows)
        with (folder / "samples.csv").open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(names)
            lines.writerows(frame.fake.tolist())
        draw(scenes, folder / "figure.svg")
    except OSError as error:
        raise ExperimentError(f"--out {folder}: the results cannot be written: {error.strerror or error}") from error
