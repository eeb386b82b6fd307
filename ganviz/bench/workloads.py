"""The four fixed workloads, and the arithmetic that one iteration of each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ganviz.experiment import Experiment

Settings = Mapping[str, Any]
BITS = 32
"""The precision of all workloads."""


def _settings(
    hidden: Sequence[int], batch: int, discriminator_steps: int, objective: str, optimizer: Settings, **more: Any
) -> Settings:
    """Return an experiment's fields: eight Gaussians on a ring, ReLU networks of one shape, one optimizer for both."""
    settings: dict[str, Any] = {
        "precision": BITS,
        "data.kind": "ring",
        "data.modes": 8,
        "data.radius": 1.0,
        "data.std": 0.05,
        "noise.kind": "normal",
        "noise.dimension": 2,
        "objective.kind": objective,
        "schedule.batch": batch,
        "schedule.discriminator_steps": discriminator_steps,
    }
    for player in ("generator", "discriminator"):
        settings |= {f"{player}.hidden": list(hidden), f"{player}.activation": "relu"}
        settings |= {f"optimizer.{player}.{name}": value for name, value in optimizer.items()}
    return settings | {name.replace("__", "."): value for name, value in more.items()}


_SGD = {"kind": "sgd", "learning_rate": 0.01}
_ADAM = {"kind": "adam", "learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.9}
_RMSPROP = {"kind": "rmsprop", "learning_rate": 5e-5, "decay": 0.99}

WORKLOADS: Mapping[str, Settings] = {
    # The size of GAN Lab's networks (Kahng et al. 2018).
    "ganlab": _settings([8] * 2, 150, 2, "non-saturating", _SGD),
    "ring128": _settings([128] * 2, 256, 1, "non-saturating", _ADAM),
    # The networks of the toys of Gulrajani et al. 2017.
    "clip512": _settings([512] * 3, 256, 5, "wasserstein", _RMSPROP, discriminator__clip=0.01),
    "gp512": _settings([512] * 3, 256, 5, "wasserstein", _ADAM, penalty__kind="gradient", penalty__weight=0.1),
}
"""By name, the fields of an experiment that describe them; the others have their defaults."""


def workload(name: str) -> Experiment:
    """Make the experiment of a workload."""
    return Experiment.from_mapping(WORKLOADS[name])


def flops(experiment: Experiment) -> int:
    """Count the floating point operations of one iteration that no implementation can do without.

    Two for each multiply-add of a matrix product, and none for anything else. With G and D the multiply-adds that one
    sample takes through all layers, G' and D' without the first layer, D* without the last, it is

    - in an update of the discriminator G for the fakes; 2 D forward, for real and fake; 2 D for the gradients of the
      weights; 2 D' for those of the layers' inputs;
    - with a gradient penalty 4 D* more: forward at the point between; the gradient there; the directional derivative
      along the penalty's own gradient, and its outer products with that gradient;
    - in an update of the generator G + D forward; D for the gradient of the samples; G for the gradients of the
      weights, and G' for those of the layers' inputs.

    That holds for what the workloads are made of: dense networks whose activations have no second derivative,
    alternating updates, and as penalty none or one at a single point of each pair.
    """
    schedule = experiment.schedule
    g = _multiply_adds(experiment.noise.dimension, experiment.generator.hidden, experiment.dimension)
    d = _multiply_adds(experiment.dimension, experiment.discriminator.hidden, 1)
    generator, discriminator = sum(g), sum(d)
    discriminator_update = generator + 4 * discriminator + 2 * (discriminator - d[0])
    if experiment.penalty.kind != "none":
        discriminator_update += 4 * (discriminator - d[-1])
    generator_update = 3 * generator - g[0] + 2 * discriminator
    updates = schedule.discriminator_steps * discriminator_update + schedule.generator_steps * generator_update
    return 2 * schedule.batch * updates


def _multiply_adds(inputs: int, hidden: Sequence[int], outputs: int) -> list[int]:
    """Return the multiply-adds that each layer takes for a sample."""
    return [before * after for before, after in pairwise((inputs, *hidden, outputs))]
