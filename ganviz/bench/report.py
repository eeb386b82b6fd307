"""What is told of the timings: lines for a person, a mapping for a machine."""

from __future__ import annotations

import platform
from typing import Any

import numba
from llvmlite import binding

from ganviz import __version__
from ganviz.engine import simd

from .timing import Measurement

GIGA = 1e9
DISTURBED = 0.97
"""Less of the core's time than this is too little for the figures to be the engine's."""


def conditions(core: int | None, seconds: float) -> dict[str, Any]:
    """Return what the timings depend on beside the engine."""
    return {
        "ganviz": __version__,
        "python": platform.python_version(),
        "numba": numba.__version__,
        "processor": binding.get_host_cpu_name(),
        "vector_bits": 8 * simd.REGISTERS.width,
        "core": core,
        "seconds": seconds,
    }


def heading(conditions: dict[str, Any]) -> list[str]:
    """Return the lines before the first row."""
    core = conditions["core"]
    place = "not pinned to a core: the system offers no way" if core is None else f"pinned to core {core}"
    return [
        f"ganviz {conditions['ganviz']}, processor {conditions['processor']} with vectors of "
        f"{conditions['vector_bits']} bits, {place}",
        f"{'workload':10}{'iterations/s':>14}{'GFLOP/s':>10}{'FMA peak':>10}{'share':>9}",
    ]


def row(name: str, measured: Measurement) -> str:
    """Return the line of a workload."""
    figures = f"{name:10}{measured.rate:14,.1f}{measured.speed / GIGA:10.1f}{measured.peak / GIGA:10.1f}"
    others = 1.0 - measured.presence
    note = f"   others had {others:.0%} of the core: too low" if measured.presence < DISTURBED else ""
    return f"{figures}{measured.share:9.1%}{note}"


def entry(name: str, measured: Measurement) -> dict[str, Any]:
    """Return a workload's figures by name."""
    return {
        "workload": name,
        "iterations_per_second": measured.rate,
        "timings": [timing.rate for timing in measured.timings],
        "core_share": measured.presence,
        "flops_per_iteration": measured.flops,
        "gflops": measured.speed / GIGA,
        "peak_gflops": measured.peak / GIGA,
        "share": measured.share,
    }
