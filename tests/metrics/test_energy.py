"""The energy distance against brute force, closed forms and its own spread."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from samplers import experiment_of
from scipy import stats

from ganviz.metrics import Reference
from ganviz.metrics.energy import energy, jackknife, line_sums


def mean_absolute(m, s):
    """E|N(m, s²)|."""
    return s * math.sqrt(2 / math.pi) * math.exp(-(m**2) / 2 / s**2) + m * (1 - 2 * stats.norm.cdf(-m / s))


def on_the_line(m, s):
    """Energy distance of N(0, 1) and N(m, s²), in closed form."""
    own = 2 / math.sqrt(math.pi)
    return 2 * mean_absolute(m, math.sqrt(1 + s * s)) - own - s * own


def in_the_plane(m, s):
    """The same of round Gaussians, from the mean of Rice's distribution."""
    spread = math.sqrt(1 + s * s)
    across = stats.rice(m / spread, scale=spread).mean()
    return 2 * across - (1 + s) * math.sqrt(math.pi)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 15).flatmap(lambda n: arrays(np.float64, n, elements=st.floats(-1e6, 1e6))))
def test_sums_of_distances_against_all_pairs(values):
    values = np.sort(values)
    expected = np.abs(values[:, None] - values).sum(axis=1)
    assert line_sums(values) == pytest.approx(expected, rel=1e-9, abs=1e-9 * (1 + np.abs(values).max()))


def test_the_parts_are_the_estimates_without_one_sample():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=40), np.sort(rng.normal(1, 2, 9))
    own = np.abs(real[:, None] - real).mean()
    value, parts = energy(np.abs(fake[:, None] - real).mean(axis=1), line_sums(fake), own)
    for left in range(len(fake)):
        kept = np.delete(fake, left)
        pairs = np.abs(kept[:, None] - kept)[~np.eye(len(kept), dtype=bool)].mean()
        expected = 2 * np.abs(kept[:, None] - real).mean() - own - pairs
        assert parts[left] == pytest.approx(expected, rel=1e-12)
    assert value == pytest.approx(parts.mean(), abs=1e-12)
    # Of a mean the jackknife's variance is s²/n, exactly.
    means = (fake.sum() - fake) / (len(fake) - 1)
    assert jackknife(means) == pytest.approx(fake.var(ddof=1) / len(fake))


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("shift", [np.zeros(1), np.array([1.5])])
def test_it_is_without_bias_for_files(shift, d):
    """The rows are the whole distribution: the mean over draws is the energy distance of the row distribution."""
    experiment = experiment_of("file", path="faithful.csv", standardize=False, columns=[1, 2][:d])
    rows, rng = experiment.table.points, np.random.default_rng(0)
    moved = rows + shift * rows.std(axis=0)
    across, own = (np.linalg.norm(rows[:, None] - other, axis=2).mean() for other in (moved, rows))
    truth = 2 * across - 2 * own
    reference = Reference(experiment)
    runs = [reference.evaluate(moved[rng.integers(0, len(rows), 60)], 2) for _ in range(1000)]
    values = np.array([run["energy"] for run in runs])
    errors = np.array([run["energy_error"] for run in runs])
    assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(1000)
    assert abs(values.mean() - truth) < 4 * math.sqrt((errors**2).mean() / 1000)
    # The jackknife errs on the large side where nothing but the second order is left: at most by the root of 2.
    assert 0.85 < math.sqrt((errors**2).mean()) / values.std() < 1.6


@pytest.mark.parametrize(("m", "s"), [(0.0, 1.0), (1.0, 1.0), (0.5, 2.0)])
def test_gaussians_against_closed_forms_at_a_thousand_draws(m, s):
    rng = np.random.default_rng(0)
    reference = Reference(experiment_of("gaussian"))
    line = reference._comparison
    values = []
    for _ in range(1000):
        fake = np.sort(rng.normal(m, s, 300))
        across = line._quantiles.mean_distances(fake[None, :])[0]
        values.append(energy(across, line_sums(fake), line._own)[0])
    error = reference.evaluate(rng.normal(m, s, 300))["energy_error"]
    assert abs(np.mean(values) - on_the_line(m, s)) < 4 * np.std(values) / math.sqrt(1000)
    assert np.std(values) < 2 * error
    # In the plane the real sample is drawn, too: a new one for each draw.
    values = []
    for _ in range(1000):
        real, fake = rng.normal(size=(40, 2)), rng.normal((m, 0.0), s, (50, 2))
        own = np.linalg.norm(real[:, None] - real, axis=2).sum() / (40 * 39)
        across = np.linalg.norm(real[:, None] - fake, axis=2).mean(axis=0)
        values.append(energy(across, np.linalg.norm(fake[:, None] - fake, axis=2).sum(axis=1), own)[0])
    assert abs(np.mean(values) - in_the_plane(m, s)) < 4 * np.std(values) / math.sqrt(1000)
    assert (np.mean(values) < 0.05) == (m == 0 and s == 1)


def test_the_stated_error_in_the_plane_covers_both_sides():
    """Over many references and samples the estimates spread about the closed form as the stated errors say."""
    rng = np.random.default_rng(0)
    runs = []
    for seed in range(24):
        reference = Reference(experiment_of("gaussian", seed, mean=[0.0, 0.0]))
        runs.append(reference.evaluate(rng.normal((1.0, 0.0), 1.0, (1000, 2)), 2))
    scores = [(run["energy"] - in_the_plane(1.0, 1.0)) / run["energy_error"] for run in runs]
    assert abs(np.mean(scores)) < 4 / math.sqrt(24)
    assert 0.55 < np.std(scores) < 1.5
