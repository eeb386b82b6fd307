"""The optimal discriminator of the picture: against known densities, and at the borders of what is known."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from ganviz.experiment import KINDS, Experiment
from ganviz.metrics import Reference
from ganviz.metrics.optimum import kernel_density, optimum

COUNT = 16_384


def setup(kind, objective="minimax", **fields):
    experiment = Experiment.from_mapping({"data": {"kind": kind, **fields}, "objective": {"kind": objective}})
    reference = Reference(experiment)
    box = reference.box
    x = np.linspace(*box[0], 512 if len(box) == 1 else 120)
    return experiment, reference, x, np.linspace(*box[1], 120) if len(box) == 2 else np.empty(0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "file"])
def test_a_perfect_generator_leaves_nothing_to_tell(kind):
    experiment, reference, x, y = setup(kind)
    fake = reference.perfect(COUNT, 1)
    best = optimum(experiment, reference.points, fake, x, y, reference.unit)
    assert best.outputs.shape == ((120, 120) if len(y) else (512,))
    # At the samples; a narrow mode may lie between all points of the grid.
    column = np.clip(np.searchsorted(x, fake[:, 0]), 0, len(x) - 1)
    row = np.clip(np.searchsorted(y, fake[:, 1]), 0, len(y) - 1) if len(y) else None
    logits = best.outputs[column] if row is None else best.outputs[row, column]
    assert np.nanmedian(np.abs(1 / (1 + np.exp(-logits)) - 0.5)) < 0.08


def test_gaussians_with_and_without_instance_noise():
    experiment, reference, _, y = setup("gaussian")
    fake = 1 + np.random.default_rng(0).normal(size=(COUNT, 1))
    x = np.linspace(-1.5, 2.5, 512)
    for noise in (0.0, 1.5):
        best = optimum(experiment, reference.points, fake, x, y, np.ones(1), noise)
        std = math.hypot(1, noise)
        p, q = norm.pdf(x, 0, std), norm.pdf(x, 1, std)
        assert np.abs(1 / (1 + np.exp(-best.outputs)) - p / (p + q)).max() < 0.06
        assert "known density" in best.estimator


def test_nothing_is_said_where_nobody_is():
    experiment, reference, _, y = setup("gaussian")
    best = optimum(experiment, reference.points, np.full((COUNT, 1), 3.0), np.linspace(-20, 20, 801), y, np.ones(1))
    assert np.isnan(best.outputs[[0, -1]]).all()
    assert best.outputs[400] > 5
    assert best.outputs[460] < -2


def test_kernel_densities_against_the_sum_of_kernels():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(300, 2))
    x, y, width = np.linspace(-3, 3, 40), np.linspace(-2, 2, 30), np.array([0.3, 0.2])
    kernels = [norm.pdf(g[:, None], column, w) for g, column, w in zip((x, y), samples.T, width, strict=True)]
    exact = kernels[1] @ kernels[0].T / 300
    assert np.abs(kernel_density(samples, (x, y), width) - exact).max() < 0.03 * exact.max()
    exact = kernels[0].mean(axis=1)
    assert np.abs(kernel_density(samples[:, :1], (x,), width[:1]) - exact).max() < 0.03 * exact.max()


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_critics_on_the_line(noise):
    experiment, reference, _, y = setup("gaussian", "wasserstein")
    x = np.linspace(-5, 8, 512)
    best = optimum(experiment, reference.points, reference.perfect(COUNT, 1) + 3, x, y, np.ones(1), noise)
    assert np.abs(np.diff(best.outputs) / np.diff(x)).max() <= 1 + 1e-9
    # Generated samples lie to the right: the potential falls with slope 1 between them, and is 0 on average over real.
    inner = (x > -1) & (x < 4)
    assert np.diff(best.outputs[inner]) / np.diff(x[inner]) == pytest.approx(-1, abs=1e-9)
    assert np.interp(reference.points[:, 0], x, best.outputs).mean() == pytest.approx(0, abs=0.01)


def test_critics_in_the_plane_in_units():
    experiment, reference, x, y = setup("moons", "wasserstein", standardize=True)
    unit = reference.unit
    best = optimum(experiment, reference.points, reference.perfect(COUNT, 1) + 1, x, y, unit)
    along_x = np.diff(best.outputs, axis=1) / np.diff(x / unit[0])
    along_y = np.diff(best.outputs, axis=0) / np.diff(y / unit[1])[:, None]
    assert max(np.abs(along_x).max(), np.abs(along_y).max()) <= 1 + 1e-9
    assert np.abs(along_x).max() > 0.7
