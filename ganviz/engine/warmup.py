"""Compiling the machine, once for each version, processor and precision.

A window has this done by a process of its own, so that it stays responsive and can be closed in the middle:
``python -m ganviz.engine.warmup 32`` compiles into the cache and prints how far it is, a line ``done total`` each time.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from llvmlite import binding
from numba.core import event

from . import machine
from .compiler import cache_folder, function_count
from .data import DataPlan
from .machine import FIRST_PLAYER, execute, new_arena
from .operation import WIDTH

OPTIMIZING = 1.6
"""Total work in units of the functions' own: the last of it is their joint optimisation, which reports nothing."""


def is_ready(bits: int) -> bool:
    """Whether the machine for this precision lies compiled in the cache."""
    return _mark(bits).is_file()


def warm(bits: int, report: Callable[[int, int], None] | None = None) -> None:
    """Compile the machine for a precision, or load it from the cache, by carrying out an empty program.

    Parameters
    ----------
    bits : int
        32 or 64.
    report : callable, optional
        Called with the work done and the work in all.
    """
    total = int(function_count() * OPTIMIZING)
    listener = _Progress(lambda done: report(min(done, total), total) if report else None)
    with event.install_listener("numba:compile", listener):
        none = np.zeros((1, 1))
        data = DataPlan(0, 1, np.zeros(4), none, np.ones(1), np.zeros(2), np.ones(2))
        program = np.zeros((0, WIDTH), np.int64)
        execute(program, np.zeros(1), new_arena(1, bits), np.zeros(FIRST_PLAYER, np.int64), data, 0, none, 1)
    try:
        _mark(bits).touch()
    except OSError:
        # Without the mark the next start looks into the cache once more, and that is all.
        return


class _Progress(event.Listener):
    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self._done = 0

    def on_start(self, event: event.Event) -> None:
        pass

    def on_end(self, event: event.Event) -> None:
        self._done += 1
        self._report(self._done)


def _mark(bits: int) -> Path:
    # Numba compiles again where the source file's date has changed, its content or not: a new installation, say.
    date = Path(machine.__file__).stat().st_mtime_ns
    host = f"{platform.python_version()}-{numba.__version__}-{binding.get_host_cpu_name()}"
    return cache_folder() / f"ready-{bits}-{host}-{date}"


def main() -> None:
    """Compile for the precisions named on the command line."""
    for bits in sys.argv[1:]:
        warm(int(bits), lambda done, total: print(done, total, flush=True))


if __name__ == "__main__":
    main()
