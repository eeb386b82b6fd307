"""Precision and recall against loops over all pairs, and against what their sides mean."""

import math

import numpy as np
import pytest
from samplers import experiment_of, measured, on_modes, ring

from ganviz.metrics import Reference
from ganviz.metrics.manifolds import NEIGHBOUR, precision_recall, radii


def on_manifold(samples, members):
    """Share of samples within the ball to the k-th neighbour of any member, written out."""
    apart = np.linalg.norm(members[:, None] - members, axis=2)
    reach = np.sort(apart, axis=1)[:, NEIGHBOUR]
    hits = 0
    for sample in samples:
        hits += any(math.dist(sample, member) <= r + 1e-6 for member, r in zip(members, reach, strict=True))
    return hits / len(samples)


@pytest.mark.parametrize("d", [1, 2])
def test_against_all_pairs(d):
    rng = np.random.default_rng(d)
    real, fake = rng.normal(size=(60, d)), rng.normal(0.7, 0.6, (45, d))
    found = precision_recall(real, radii(real), fake)
    assert found["precision"] == pytest.approx(on_manifold(fake, real))
    assert found["recall"] == pytest.approx(on_manifold(real, fake))
    for name, count in (("precision", 45), ("recall", 60)):
        # Agresti and Coull's: two more that are, and two that are not.
        likely = (found[name] * count + 2) / (count + 4)
        assert found[f"{name}_error"] == pytest.approx(math.sqrt(likely * (1 - likely) / (count + 4)))


def test_too_few_to_have_neighbours():
    real = np.random.default_rng(0).normal(size=(60, 2))
    assert set(precision_recall(real, radii(real), real[:3])) == {"precision", "precision_error"}


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_missing_modes_cost_recall_and_not_precision(k):
    rng = np.random.default_rng(k)
    found = measured(experiment_of("ring"), on_modes(rng, ring(8)[:k], 0.02))
    assert found["precision"] > 0.93
    assert found["recall"] == pytest.approx(k / 8, abs=0.06)


def test_noise_costs_precision_and_not_recall():
    rng = np.random.default_rng(0)
    good = on_modes(rng, ring(8), 0.02)
    bad = rng.uniform(-30, 30, good.shape)
    found = measured(experiment_of("ring"), np.concatenate([good, bad]))
    assert found["precision"] == pytest.approx(0.5, abs=0.07)
    assert found["recall"] > 0.85


def test_axes_are_in_standard_deviations():
    rng = np.random.default_rng(0)
    fake = rng.normal((0.5, 0.0), 1.0, (1000, 2))
    plain = measured(experiment_of("gaussian", mean=[0.0, 0.0]), fake)
    stretched = measured(experiment_of("gaussian", mean=[0.0, 0.0], std=[1.0, 1000.0]), fake * (1.0, 1000.0))
    for name in ("precision", "recall"):
        assert stretched[name] == pytest.approx(plain[name], abs=0.03)


def test_a_share_of_high_quality_spreads_as_its_error_says():
    rng, reference = np.random.default_rng(0), Reference(experiment_of("gaussian"))
    runs = [reference.modes.evaluate(rng.normal(0, 2, (500, 1))) for _ in range(1000)]
    truth = math.erf(1.5 / math.sqrt(2))
    values, errors = ([run[name] for run in runs] for name in ("high_quality", "high_quality_error"))
    assert abs(np.mean(values) - truth) < 4 * np.mean(errors) / math.sqrt(1000)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.1)


def test_precision_spreads_as_its_error_says():
    rng, reference = np.random.default_rng(0), Reference(experiment_of("uniform"))
    runs = [reference.evaluate(rng.uniform(-2, 2, 400), 2) for _ in range(300)]
    values, errors = ([run[name] for run in runs] for name in ("precision", "precision_error"))
    assert abs(np.mean(values) - 0.5) < 4 * np.mean(errors) / math.sqrt(300) + 0.005
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.15)
