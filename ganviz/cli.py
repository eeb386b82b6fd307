"""The command line: opens the window, lists presets, trains without a window, times the engine."""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from ganviz import __version__
from ganviz.experiment import Experiment, ExperimentError, load, load_with, presets, to_toml

if TYPE_CHECKING:
    from ganviz.run import Run

ROWS = 101
"""Rows that metrics.csv has at most, the first and the last step among them."""
BURST = 0.2
"""Seconds of training between two looks at progress and interrupts, about."""
PROGRESS_EVERY = 2.0
"""Seconds between two lines of progress where there is no terminal."""
LONGEST_TIMING = 3600

WINDOW_HELP = """\
Opens the window and trains a preset (see "ganviz presets"), a .toml experiment, or the numbers of a .csv or .npy
file. Other commands: "ganviz presets" lists the presets; "ganviz run" trains without a window; "ganviz bench" times
the engine.

example:
  ganviz faithful
"""
RUN_HELP = """\
Trains without a window. With --out, writes experiment.toml, metrics.csv, samples.csv and figure.svg into a folder.

example:
  ganviz run faithful --steps 5000 --set optimizer.generator.learning_rate=1e-4 --out results
"""
BENCH_HELP = """\
Times the engine on fixed workloads, on one core: the median of seven timings each. Beside it stands how many
multiply-adds the core can do at most, measured between the timings, and the share of it that the matrix products of
the training reach. docs/performance.md says what is counted.

example:
  ganviz bench ring128 clip512 --seconds 1
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 2 after one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[[list[str]], int]] = {"presets": _presets, "run": _run, "bench": _bench}
    command = commands.get(given[0]) if given else None
    try:
        return command(given[1:]) if command else _window(given)
    except ExperimentError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted")
    finally:
        _say()


def _say(*lines: str) -> None:
    """Print lines at once; whoever reads them may have had enough ("| head"), which is no error."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
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
    # What is wrong with a name or a file is said here, before there is a window.
    experiment = load(name) if name else None
    preset = name if name in {entry.name for entry in presets()} else ""
    try:
        from ganviz.gui.app import open_window
    except ImportError as error:
        return _fail(_missing_library(error))
    return open_window(experiment, preset)


def _missing_library(error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"the window cannot open: {error}. Install ganviz again (docs/install.md)"
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
    _say(*(f"{preset.name:{width}}  {preset.title}" for preset in shipped))
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
        _say(experiment.notice)
    folder: Path | None = options.out
    if folder is not None:
        _make_folder(folder)
    try:
        return _train(experiment, options.steps, folder)
    except MemoryError:
        return _fail(
            "there is not enough memory for this experiment; "
            "make schedule.batch, generator.hidden or discriminator.hidden smaller"
        )


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
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ExperimentError(f"--out {folder}: the folder cannot be written: {error.strerror or error}") from error


def _train(experiment: Experiment, steps: int, folder: Path | None) -> int:
    from ganviz.run import Run, TrainingDiverged

    _compile(experiment.precision, _say)
    run = Run(experiment)
    rows: list[dict[str, float]] = []
    every = max(1, -(-steps // (ROWS - 1)))
    problem = ""
    began = time.perf_counter()
    with _progress(steps) as report:
        bursts = _Bursts(run, report)
        try:
            _measure(run, rows)
            while run.step < steps:
                bursts.advance_to(min(run.step + every, steps))
                _measure(run, rows)
        except TrainingDiverged as error:
            problem = str(error)
        except KeyboardInterrupt:
            problem = f"interrupted after step {run.step:,} of {steps:,}"
            if folder is not None:
                problem += f"; the results until then are in {folder}"
        if problem:
            _measure(run, rows)
    _summarize(run.step, bursts.seconds, time.perf_counter() - began, rows)
    if folder is not None:
        _write(run, rows, folder)
        _say(f"written to {folder}: experiment.toml, metrics.csv, samples.csv, figure.svg")
    return _fail(problem) if problem else 0


def _compile(bits: int, say: Callable[[str], None]) -> None:
    """Compile the engine if it is not in its cache, and say so."""
    from ganviz.engine import warmup
    from ganviz.engine.compiler import cache_note

    if cache_note():
        say(cache_note())
    if not warmup.is_ready(bits):
        say("Compiling the engine for this computer. This happens once and takes some seconds.")
    with _heeding_interrupts():
        warmup.warm(bits)


@contextmanager
def _heeding_interrupts() -> Generator[None]:
    """Have an interrupt end what compiles, at the latest when it is done: Numba may lose it or make an error of it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        # Interrupts are somebody else's.
        yield
        return
    met = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal met
        met = True
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception:
        if not met:
            raise
    finally:
        signal.signal(signal.SIGINT, before)
    if met:
        raise KeyboardInterrupt


def _measure(run: Run, rows: list[dict[str, float]]) -> None:
    from ganviz.run import Need

    if not rows or rows[-1]["step"] != run.step:
        rows.append({"step": float(run.step), **run.frame(Need.METRICS).metrics})


class _Bursts:
    """Trains in bursts of about `BURST` seconds; what comes out does not depend on their lengths."""

    def __init__(self, run: Run, report: Callable[[int], None]) -> None:
        self.seconds = 0.0
        self._run = run
        self._report = report
        self._steps = 1

    def advance_to(self, step: int) -> None:
        """Train until this step is finished."""
        while self._run.step < step:
            steps = min(self._steps, step - self._run.step)
            began = time.perf_counter()
            self._run.advance(steps)
            took = time.perf_counter() - began
            self.seconds += took
            if took > BURST:
                self._steps = max(1, steps // 2)
            elif took < BURST / 2 and steps == self._steps:
                self._steps *= 2
            self._report(self._run.step)


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
        if now - last >= PROGRESS_EVERY:
            last = now
            _say(f"step {step:,} of {steps:,}, {step / (now - began):,.0f} steps/s")

    yield line


def _summarize(step: int, training: float, whole: float, rows: Sequence[dict[str, float]]) -> None:
    from ganviz.metrics import METRICS

    speed = f", {step / training:,.0f} steps/s" if training else ""
    _say(f"{step:,} steps in {whole:.1f} s with measuring{speed} in training alone")
    first, last = rows[0], rows[-1]
    for name, value in last.items():
        if name != "step":
            start = f"{first[name]:.4g} -> " if name in first else ""
            unit = f" {METRICS[name].unit}" if METRICS[name].unit else ""
            _say(f"  {METRICS[name].label}: {start}{value:.4g}{unit}")
    estimated: dict[str, list[str]] = {}
    for name in last:
        if name in METRICS and METRICS[name].estimator:
            estimated.setdefault(METRICS[name].estimator, []).append(METRICS[name].label)
    for estimator, labels in estimated.items():
        _say(f"  estimator of {', '.join(labels)}: {estimator}")


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


def _bench(arguments: list[str]) -> int:
    from ganviz.bench import WORKLOADS

    parser = _parser("ganviz bench", BENCH_HELP)
    names = ", ".join(WORKLOADS)
    parser.add_argument("workloads", nargs="*", type=_workload, metavar="WORKLOAD", help=f"of {names}; default: all")
    parser.add_argument(
        "--seconds", type=_seconds, default=0.5, metavar="S", help="length of each timing, about (default: 0.5)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of lines")
    options = parser.parse_args(arguments)
    return _time(list(dict.fromkeys(options.workloads)) or list(WORKLOADS), options.seconds, options.json)


def _workload(text: str) -> str:
    from ganviz.bench import WORKLOADS

    if text not in WORKLOADS:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a workload of {', '.join(WORKLOADS)}")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMING:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a number above 0, {LONGEST_TIMING} at most")
    return seconds


def _time(names: Sequence[str], seconds: float, as_json: bool) -> int:
    from ganviz.bench import BITS, Peak, measure, pinned, workload
    from ganviz.bench.report import conditions, entry, heading, row
    from ganviz.run import TrainingDiverged

    def tell(*lines: str) -> None:
        if not as_json:
            _say(*lines)

    entries: list[dict[str, Any]] = []
    with pinned() as core:
        _compile(BITS, tell)
        with _heeding_interrupts():
            peak = Peak(BITS)
        told = conditions(core, seconds)
        tell(*heading(told))
        for name in names:
            try:
                with _timings(name, tell) as report:
                    measured = measure(workload(name), seconds, peak, report)
            except TrainingDiverged as error:
                return _fail(f"{name}: {error}")
            entries.append(entry(name, measured))
            tell(row(name, measured))
    if as_json:
        _say(json.dumps({**told, "workloads": entries}, indent=2))
    return 0


@contextmanager
def _timings(name: str, tell: Callable[..., None]) -> Generator[Callable[[int], None]]:
    """Show which timing of a workload has ended: a bar on a terminal, a line every few seconds elsewhere."""
    from ganviz.bench import TIMINGS

    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=TIMINGS, desc=name, unit=" timings", leave=False, dynamic_ncols=True) as bar:
            yield lambda done: (bar.update(done - bar.n), None)[1]
        return
    last = time.perf_counter()

    def line(done: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last >= PROGRESS_EVERY and done < TIMINGS:
            last = now
            tell(f"{name}: timing {done} of {TIMINGS}")

    yield line
