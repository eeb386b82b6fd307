"""``ganviz bench``: times the engine."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from .console import PROGRESS_EVERY, compile_engine, fail, heeding_interrupts, new_parser, say

LONGEST_TIMING = 3600

HELP = """\
Times the engine on fixed workloads, on one core: the median of seven timings each. Beside it stands how many
multiply-adds the core can do at most, measured between the timings, and the share of it that the matrix products of
the training reach. docs/performance.md says what is counted.

example:
  ganviz bench ring128 clip512 --seconds 1
"""


def bench(arguments: list[str]) -> int:
    """Carry out the command; return the exit code."""
    from ganviz.bench import WORKLOADS

    parser = new_parser("ganviz bench", HELP)
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
            say(*lines)

    entries: list[dict[str, Any]] = []
    with pinned() as core:
        compile_engine(BITS, tell)
        with heeding_interrupts():
            peak = Peak(BITS)
        told = conditions(core, seconds)
        tell(*heading(told))
        for name in names:
            try:
                with _timings(name, tell) as report:
                    measured = measure(workload(name), seconds, peak, report)
            except TrainingDiverged as error:
                return fail(f"{name}: {error}")
            entries.append(entry(name, measured))
            tell(row(name, measured))
    if as_json:
        say(json.dumps({**told, "workloads": entries}, indent=2))
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
