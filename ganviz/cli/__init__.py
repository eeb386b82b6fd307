"""The command line: opens the window, lists presets, trains without a window, times the engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Before NumPy is loaded: eigenvalues on several threads would take the training its core, and a program that ends
# while they are computed has been seen to hang.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from ganviz import __version__
from ganviz.experiment import ExperimentError, lanes_of, presets
from ganviz.experiment.files import SESSION, STATE_FILES, preset_path
from ganviz.experiment.resources import expand_user

from .console import fail, new_parser, say
from .ensembles import ensemble
from .figures import figure
from .running import run
from .timing import bench

WINDOW_HELP = """\
Opens the window and trains a preset (see "ganviz presets"), a .toml experiment, or the numbers of a .csv or .npy
file; or opens a .ganviz session, or a figure (.png, .svg, .pdf) at the state that it shows. Other commands: "ganviz
presets" lists the presets; "ganviz run" trains without a window; "ganviz figure" draws any step of a session; "ganviz
ensemble" trains under many seeds; "ganviz bench" times the engine.

example:
  ganviz faithful
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 2 after one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[[list[str]], int]] = {
        "presets": _presets,
        "run": run,
        "figure": figure,
        "ensemble": ensemble,
        "bench": bench,
    }
    command = commands.get(given[0]) if given else None
    try:
        return command(given[1:]) if command else _window(given)
    except ExperimentError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("interrupted")
    finally:
        say()


def _window(arguments: list[str]) -> int:
    parser = new_parser("ganviz", WINDOW_HELP)
    parser.add_argument("experiment", nargs="?", metavar="PRESET | FILE", help="what to train; default: ring-wgan-clip")
    parser.add_argument("--version", action="version", version=f"ganviz {__version__}")
    name = parser.parse_args(arguments).experiment
    # What is wrong with a name or a file is said here, before there is a window.
    path = expand_user(name) if name and Path(name).suffix.lower() in STATE_FILES else None
    shipped = preset_path(name) if name else None
    if shipped is not None and shipped.suffix == SESSION:
        path = shipped
    if path is not None:
        from ganviz.run.opening import read_held

        lanes = [("", read_held(path).experiment)]
    else:
        lanes = lanes_of(name) if name else []
    preset = name if name in {entry.name for entry in presets()} else ""
    try:
        from ganviz.gui.app import open_window
    except ImportError as error:
        return fail(_missing_library(error))
    return open_window(lanes, preset, path)


def _missing_library(error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"the window cannot open: {error}. Install ganviz again (docs/install.md)"
    packages = "libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libdbus-1-3 libfontconfig1"
    return (
        f"the window cannot open: {' '.join(str(error).split())}. On Debian or Ubuntu: apt-get install {packages} "
        "(docs/install.md lists them all)"
    )


def _presets(arguments: list[str]) -> int:
    parser = new_parser("ganviz presets", "Lists the shipped presets.\n\nexample:\n  ganviz presets\n")
    parser.parse_args(arguments)
    shipped = presets()
    width = max(len(preset.name) for preset in shipped)
    say(*(f"{preset.name:{width}}  {preset.title}" for preset in shipped))
    return 0
