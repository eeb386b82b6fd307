"""Transport plans: optimal, of the cost that the metric shows, and honest about how much mass moves."""

import itertools

import numpy as np
import pytest
from samplers import PERFECT, experiment_of, setup_of

from ganviz.metrics import Reference, transport_plan
from ganviz.metrics.plan import reach_of
from ganviz.metrics.transport import w1_line


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_plane_against_all_permutations(n):
    rng = np.random.default_rng(n)
    real, fake, unit = rng.normal(size=(n, 2)), rng.normal(1, 2, (n, 2)), np.array([2.0, 0.5])
    plan = transport_plan(real, fake, unit, reach=1.0)
    orders = itertools.permutations(range(n))
    best = min(np.hypot(*((real[list(order)] - fake) / unit).T).mean() for order in orders)
    apart = np.hypot(*((plan.real - plan.fake) / unit).T)
    assert plan.cost == pytest.approx(best, rel=1e-12)
    assert apart.mean() == pytest.approx(best, rel=1e-12)
    assert plan.moved == np.mean(apart > 1.0)
    assert sorted(plan.fake.tolist()) == sorted(fake.tolist())
    assert sorted(plan.real.tolist()) == sorted(real.tolist())
    assert plan.exact


def test_more_points_than_can_be_assigned():
    rng = np.random.default_rng(0)
    plan = transport_plan(rng.normal(size=(50, 2)), rng.normal(size=(40, 2)), np.ones(2), 1.0, points=20)
    assert plan.fake.shape == plan.real.shape == (20, 2)
    assert not plan.exact


def test_quantiles_are_matched_on_the_line():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(100_000, 1)), rng.normal(2, 0.5, (60_000, 1))
    plan = transport_plan(real, fake, np.ones(1), reach=2.0)
    assert plan.fake.shape == plan.real.shape == (200, 1)
    assert (np.diff(plan.fake[:, 0]) >= 0).all()
    assert (np.diff(plan.real[:, 0]) >= 0).all()
    levels = (np.arange(200) + 0.5) / 200
    for shown, whole in ((plan.fake, fake), (plan.real, real)):
        assert shown[:, 0] == pytest.approx(np.quantile(whole[:, 0], levels), rel=0.01)
    assert plan.cost == pytest.approx(w1_line(real[:, 0], fake[:, 0]))
    assert plan.cost == pytest.approx(np.abs(plan.fake - plan.real).mean(), rel=0.01)
    # q(u) = 2 + t/2 and p(u) = t are more than 2 apart where t < 0: for half of the mass.
    assert plan.moved == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", ["gaussian", "ring", "checkerboard", "file with two", "file with one column"])
def test_a_perfect_generator_moves_little_and_a_far_one_all(name):
    experiment, _ = setup_of(name)
    reference = Reference(experiment)
    moved = [reference.plan(setup_of(name, seed)[1][:1000], 300).moved for seed in range(8)]
    assert 0.0 <= np.mean(moved) < 0.2
    perfect = setup_of(name)[1]
    far = reference.plan(perfect + 10 * np.ptp(perfect, axis=0).max(), 300)
    assert far.moved == 1
    assert far.exact == (experiment.dimension == 1 or len(reference.points) <= 300)


def test_half_of_the_mass_on_the_other_side():
    """Of two equal point masses one gets all: half of the mass moves, over their distance."""
    reference = Reference(experiment_of("diracs", means=[-5.0, 5.0]))
    plan = reference.plan(np.full(4096, 5.0))
    assert plan.moved == pytest.approx(0.5, abs=0.01)
    assert plan.cost == pytest.approx(5.0, rel=1e-3)


@pytest.mark.parametrize("name", PERFECT)
def test_the_cost_is_in_the_unit_of_the_metric(name):
    experiment, perfect = setup_of(name)
    reference = Reference(experiment)
    shift = 100 * reference.points.std(axis=0).max()
    fake = perfect + shift
    assert reference.plan(fake, 64).cost == pytest.approx(reference.evaluate(fake, 64)["w1"], rel=0.02)


def test_the_usual_distance_is_the_95_percent_quantile_of_a_perfect_plan():
    rng = np.random.default_rng(0)
    real, perfect = rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    reach = reach_of(real, perfect, np.array([1.0, 3.0]))
    plan = transport_plan(real, perfect, np.array([1.0, 3.0]), reach)
    assert plan.moved == pytest.approx(0.05, abs=0.005)
