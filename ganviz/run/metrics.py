"""What each step's own batches measure, by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.step import RECORDED
from ganviz.experiment import Experiment

STEP_METRICS = (
    "generator_loss", "discriminator_loss", "mean_real", "mean_fake", "output_real", "output_fake", "critic_w1",
    "generator_gradient_norm", "discriminator_gradient_norm", "clip_fraction",
)  # fmt: skip


def step_metrics(last: NDArray[np.float64], experiment: Experiment) -> dict[str, float]:
    """Return the metrics of one record (recorded,), those that have a meaning."""
    values = as_metrics(last[None, :], experiment)[0]
    return {name: float(value) for name, value in zip(STEP_METRICS, values, strict=True) if not np.isnan(value)}


def as_metrics(records: NDArray[np.float64], experiment: Experiment) -> NDArray[np.float64]:
    """Turn records (n, recorded) into step metrics (n, metrics); NaN where a metric has no meaning."""
    column = {name: records[:, index] for index, name in enumerate(RECORDED)}
    none = np.full(len(records), np.nan)
    rules = experiment.objective
    values = {
        **column,
        "mean_real": column["probability_real"] if rules.probability else none,
        "mean_fake": column["probability_fake"] if rules.probability else none,
        "output_real": none if rules.probability or rules.critic else column["output_real"],
        "output_fake": none if rules.probability or rules.critic else column["output_fake"],
        "critic_w1": column["output_real"] - column["output_fake"] if rules.critic else none,
        "clip_fraction": column["clip_fraction"] if experiment.discriminator.clip > 0 else none,
    }
    return np.stack([values[name] for name in STEP_METRICS], axis=1)
