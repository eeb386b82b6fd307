"""Modes that three losses reach on 25 Gaussians, over seeds: the table of docs/modes.md.

    python benchmarks/modes.py [--steps 20000] [--seeds 5]

Non-saturating alone, with R1 and R2, and relativistic with R1 and R2 (R3GAN, Huang et al. 2024), everything else the
same. The modes are the program's own metric: those within 3 standard deviations of which lies at least one sample, of
4,096 every 1,000 steps and of 20,000 fresh ones at the end.
"""

from __future__ import annotations

import argparse

import numpy as np

import ganviz
from ganviz.run import Need

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


LOOKS = 1_000
"""Steps between two counts of the modes."""
FRESH = 20_000
"""Samples of the count at the end."""


def fresh_samples(run: ganviz.Run) -> np.ndarray:
    """Draw samples (FRESH, 2) with noise of no stream of the run, through the generator's layers."""
    noise = run.experiment.noise
    x = noise.mean + noise.std * np.random.default_rng(run.step).standard_normal((FRESH, noise.dimension))
    *hidden, (weight, bias) = run.parameters("generator")
    for inner, shift in hidden:
        x = np.maximum(x @ inner + shift, 0.0)
    return x @ weight + bias


def reached(run: ganviz.Run, steps: int) -> tuple[list[int], dict[str, float]]:
    """Train; return the modes found at each look, and the metrics at the end."""
    found: list[int] = []
    metrics: dict[str, float] = {}
    while run.step < steps:
        run.advance(min(LOOKS, steps - run.step))
        metrics = dict(run.frame(Need.METRICS).metrics)
        found.append(int(metrics["modes"]))
    return found, metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=tuple(LOSSES), help="one of the losses")
    options = parser.parse_args()
    columns = [
        "loss",
        "seed",
        "most modes",
        "25 first at step",
        "looks with 25",
        "modes at the end",
        f"of {FRESH:,} samples",
        "high-quality",
        "W1",
    ]
    print("| " + " | ".join(columns) + " |")
    print("| " + " | ".join("---" for _ in columns) + " |", flush=True)
    for name in [options.only] if options.only else LOSSES:
        for seed in range(options.seeds):
            run = ganviz.Run(ganviz.Experiment.from_mapping({**SETTINGS, **LOSSES[name], "seed": seed}))
            found, metrics = reached(run, options.steps)
            first = f"{(found.index(25) + 1) * LOOKS:,}" if 25 in found else "never"
            fresh = ganviz.metrics.evaluate(run.experiment, fresh_samples(run))
            cells = [
                name, str(seed), str(max(found)), first, f"{found.count(25)} of {len(found)}", str(found[-1]),
                f"{fresh['modes']:.0f}", f"{metrics['high_quality']:.3f}", f"{metrics['w1']:.3f}",
            ]  # fmt: skip
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
