"""How fast the engine is on fixed workloads, and which share of the processor's arithmetic it uses.

The names below are imported at their first use, so that the command line can list workloads without the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganviz._lazy import attach

from .workloads import BITS, WORKLOADS, flops, workload

if TYPE_CHECKING:
    from .timing import TIMINGS, Measurement, Pace, Peak, Timing, measure, pinned

_TIMING = ("TIMINGS", "Measurement", "Pace", "Peak", "Timing", "measure", "pinned")

__getattr__ = attach(__name__, dict.fromkeys(_TIMING, "timing"))

__all__ = [
    "BITS",
    "TIMINGS",
    "WORKLOADS",
    "Measurement",
    "Pace",
    "Peak",
    "Timing",
    "flops",
    "measure",
    "pinned",
    "workload",
]
