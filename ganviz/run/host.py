"""Which processor computes: on another the last bits of a training may differ."""

from __future__ import annotations

from functools import cache


@cache
def host() -> str:
    """Return the processor's name and the width of the vectors that the engine computes with."""
    from llvmlite import binding

    from ganviz.engine.simd import PLAIN, REGISTERS

    return f"{binding.get_host_cpu_name()}, {8 * REGISTERS.width} bits{', plain' if PLAIN else ''}"
