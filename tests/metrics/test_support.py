"""Where there is no real mass: the data's own samples are never there, and what is off the support always is."""

import math

import numpy as np
import pytest
from samplers import PERFECT, experiment_of, measured, setup_of

from ganviz.metrics import Reference
from ganviz.metrics.support import outside

BOUNDED = {
    "uniform": {"low": 3.0, "high": 5.0},
    "disjoint": {"gap": 1.0, "width": 0.3},
    "exponential": {"low": 2.0},
    "diracs": {"means": [-1.3, 0.1, 2.7]},
    "checkerboard": {"side": 5, "spacing": 0.3},
    "checkerboard even": {"side": 4},
    "ring": {"std": 0.0},
    "grid": {"std": 0.0, "side": 3},
    "line": {"position": 3.0, "length": 2.0},
    "circle": {"std": 0.0, "radius": 2.0},
    "moons": {"std": 0.0},
    "spiral": {"std": 0.0, "arms": 3, "turns": 2.5},
    "swiss-roll": {"std": 0.0},
    "pinwheel": {"tangential_std": 0.0},
    "pinwheel straight": {"radial_std": 0.0, "rate": -1.5, "arms": 4},
}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", BOUNDED)
def test_the_data_is_on_its_support_and_a_little_aside_is_off(name, standardize):
    experiment = experiment_of(name.split(" ")[0], standardize=standardize, **BOUNDED[name])
    reference = Reference(experiment)
    samples = reference.perfect(4096, 3)
    assert not outside(experiment, samples).any()
    # What a generator makes has gone to training units and back, in 32 bits.
    shift, scale = samples.mean(axis=0), samples.std(axis=0) + 1e-3
    back = ((samples - shift) / scale).astype(np.float32) * scale + shift
    assert not outside(experiment, back).any()
    clean = measured(experiment, samples)
    assert math.isfinite(clean["reverse_kl"])
    angle = 2 * math.pi * np.random.default_rng(0).random(len(samples))
    aside = np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, : samples.shape[1]]
    off = outside(experiment, samples + 0.05 * aside)
    # Where the support has a volume, what is well inside stays inside.
    thin = name not in ("uniform", "disjoint", "exponential", "checkerboard", "checkerboard even")
    assert off.mean() > (0.9 if thin else 0.005)
    one = samples.copy()
    one[7] = samples.max(axis=0) + 20
    one[7, 0] = samples[:, 0].min() - 20
    assert list(np.flatnonzero(outside(experiment, one))) == [7]
    stray = measured(experiment, one)
    assert stray["reverse_kl"] == math.inf
    assert stray["js"] == pytest.approx(clean["js"], abs=1e-3)


@pytest.mark.parametrize(
    "name", ["gaussian", "mixture", "laplace", "student-t", "ring", "pinwheel", "moons", "file with two"]
)
def test_where_the_density_is_positive_everywhere_nothing_is_infinite(name):
    experiment, perfect = setup_of(name)
    assert outside(experiment, perfect) is None
    stray = perfect.copy()
    stray[7] = perfect.max(axis=0) + 1000
    assert math.isfinite(measured(experiment, stray)["reverse_kl"])


@pytest.mark.parametrize("name", PERFECT)
def test_samplers_of_numpy_are_on_the_support(name):
    experiment, perfect = setup_of(name)
    off = outside(experiment, perfect)
    assert off is None or not off.any()


def test_gaps_and_light_fields_are_off():
    disjoint = experiment_of("disjoint", gap=2.0, width=1.0)
    places = np.array([-2.1, -2.0, -1.5, -1.0, -0.9, 0.0, 0.9, 1.0, 2.0, 2.1])[:, None]
    assert outside(disjoint, places).tolist() == [True, False, False, False, True, True, True, False, False, True]
    # Two fields a side, the lower left one and the upper right one dark.
    board = experiment_of("checkerboard", side=2, spacing=1.0)
    places = np.array([[-0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [0.5, -0.5], [1.5, 1.5], [0.0, 0.0], [-1.0, -1.0]])
    assert outside(board, places).tolist() == [False, False, True, True, True, False, False]


def test_ends_of_the_half_circles():
    moons = experiment_of("moons", std=0.0)
    on = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [1.0, -0.5], [0.0, 0.5], [2.0, 0.5]])
    off = np.array([[0.0, -1.0], [0.0, 0.0], [1.0, 1.5], [0.7, -0.8]])
    assert not outside(moons, on).any()
    assert outside(moons, off).all()
