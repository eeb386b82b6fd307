"""Modes that three losses reach on 25 Gaussians, over seeds: the table of docs/modes.md.

    python benchmarks/modes.py [--steps 20000] [--seeds 5]

Non-saturating alone, with R1 and R2, and relativistic with R1 and R2 (R3GAN, Huang et al. 2024), everything else the
same. A mode is captured if one sample lies within 3 standard deviations of it, which depends on how many samples are
drawn: the table shows several numbers, and the share of the poorest mode, 1 where all modes have theirs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import ganviz

LOSSES = {
    "non-saturating": {"objective.kind": "non-saturating", "penalty.kind": "none"},
    "non-saturating, R1 and R2": {"objective.kind": "non-saturating", "penalty.kind": "r1-r2"},
    "relativistic, R1 and R2": {"objective.kind": "relativistic", "penalty.kind": "r1-r2"},
}
SETTINGS = {
    "data.kind": "grid", "data.side": 5, "data.spacing": 2.0, "data.std": 0.05, "noise.dimension": 64,
    "generator.hidden": [256, 256], "discriminator.hidden": [256, 256],
    "generator.activation": "relu", "discriminator.activation": "leaky-relu",
    "penalty.weight": 1.0, "schedule.batch": 256,
    **{
        f"optimizer.{player}.{name}": value
        for player in ("generator", "discriminator")
        for name, value in {"kind": "adam", "learning_rate": 2e-4, "beta1": 0.0, "beta2": 0.99}.items()
    },
}  # fmt: skip


CENTRES = np.stack(np.meshgrid(*[(np.arange(5) - 2) * 2.0] * 2), axis=-1).reshape(-1, 2)
STD = 0.05
COUNTS = (4_096, 20_000, 100_000)
"""Samples among which the modes are looked for."""


def samples(run: ganviz.Run, count: int) -> np.ndarray:
    """Return samples (count, 2) of the generator, computed in NumPy from its parameters."""
    x = np.random.default_rng(0).normal(size=(count, 64))
    *hidden, (weight, bias) = run.parameters("generator")
    for w, b in hidden:
        x = np.maximum(x @ w + b, 0.0)
    return x @ weight + bias


def shares(points: np.ndarray) -> np.ndarray:
    """Return the share of samples (n, 2) that lie within 3 standard deviations of each mode."""
    return np.array([(np.linalg.norm(points - centre, axis=1) <= 3 * STD).mean() for centre in CENTRES])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=tuple(LOSSES), help="one of the losses")
    options = parser.parse_args()
    columns = ["loss", "seed", *(f"modes in {count:,}" for count in COUNTS), "high-quality", "smallest share x 25", "s"]
    print("| " + " | ".join(columns) + " |")
    print("| " + " | ".join("---" for _ in columns) + " |", flush=True)
    for name in [options.only] if options.only else LOSSES:
        for seed in range(options.seeds):
            run = ganviz.Run(ganviz.Experiment.from_mapping({**SETTINGS, **LOSSES[name], "seed": seed}))
            began = time.perf_counter()
            run.advance(options.steps)
            took = time.perf_counter() - began
            points = samples(run, max(COUNTS))
            modes = [f"{np.count_nonzero(shares(points[:count]))}" for count in COUNTS]
            found = shares(points)
            cells = [name, str(seed), *modes, f"{found.sum():.3f}", f"{25 * found.min():.4f}", f"{took:.0f}"]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
