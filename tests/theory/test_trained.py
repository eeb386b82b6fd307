"""A trained discriminator against what theory says of it: the engine and the theory, each the other's judge."""

import functools

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from ganviz import Run
from ganviz.experiment import Experiment

GRADIENTS = {1: 0.397972867, 2: 0.449599509, 4: 0.137194818, 6: 0.0124532, 8: 3.92875e-4}


@functools.cache
def trained(mean, seed, hidden=(), steps=15000):
    """Train a discriminator between N(0, 1) and a generator that stays at N(mean, 1).

    The logit of D* is linear in x here, so that a discriminator without hidden layers contains it. Most samples lie
    where D* is 0 or 1 for means beyond 4; its slope is decided by the few between, and asks for large batches.
    """
    experiment = Experiment.from_mapping(
        {
            "seed": seed,
            "precision": 64,
            "data": {"kind": "gaussian", "mean": 0.0, "std": 1.0},
            "noise": {"dimension": 1},
            "generator": {"hidden": []},
            "discriminator": {"hidden": list(hidden), "activation": "tanh"},
            "objective": {"kind": "minimax"},
            "optimizer": {
                "generator": {"kind": "sgd", "learning_rate": 0.0},
                "discriminator": {
                    "kind": "adam", "learning_rate": 0.3 if not hidden else 0.01, "beta1": 0.9, "beta2": 0.999,
                    "rate_schedule": "cosine", "rate_steps": steps,
                },
            },
            "schedule": {"batch": 8192 if not hidden else 1024},
        }
    )  # fmt: skip
    run = Run(experiment)
    run._training.flat("generator")[:] = (1.0, mean)
    run.advance(steps)
    (weight, bias), *_ = run.parameters("generator")
    assert (weight[0, 0], bias[0]) == (1.0, mean)
    return run


def outputs(run, x):
    """The discriminator's raw outputs, from its parameters and not by the engine."""
    layers = run.parameters("discriminator")
    values = x[:, None]
    for index, (weight, bias) in enumerate(layers):
        values = values @ weight + bias
        if index < len(layers) - 1:
            values = np.tanh(values)
    return values[:, 0]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("mean", [1, 2, 4])
def test_a_discriminator_trained_to_optimality_is_the_optimal_one(mean, seed):
    x = np.linspace(-6, 6 + mean, 2001)
    p, q = norm.pdf(x), norm.pdf(x, mean)
    seen = p + q > 0.01 * (p + q).max()
    learned = expit(outputs(trained(mean, seed, (16, 16), 2000), x))
    assert np.abs(learned - p / (p + q))[seen].max() < 0.02


@pytest.mark.parametrize(("mean", "seed"), [(1, 0), (2, 0), (4, 0), (4, 1), (6, 0), (8, 0)])
def test_the_minimax_generators_gradient_under_a_trained_discriminator(mean, seed):
    run = trained(mean, seed)
    x = np.linspace(mean - 12, mean + 12, 20001)
    values = outputs(run, x)
    slope = np.gradient(values, x)
    # The loss is -E sp(D(x)), whose derivative in the mean of the generator is that of its samples.
    gradient = np.trapezoid(norm.pdf(x, mean) * -expit(values) * slope, x)
    assert gradient == pytest.approx(GRADIENTS[mean], rel=0.1)
