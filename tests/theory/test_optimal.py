"""Optimal discriminators against numeric minimisation of the losses as docs/definitions.md states them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist

from ganviz.experiment import Experiment
from ganviz.experiment.sections import OBJECTIVES, Objective
from ganviz.theory import (
    closed_forms,
    distribution_of,
    divergence,
    generator_gradient,
    line_potential,
    optimal_loss,
    optimal_output,
    plane_potential,
    sample_line_potential,
)  # fmt: skip
from ganviz.theory.quadrature import integrate

POINTWISE = [kind for kind in OBJECTIVES if kind not in ("wasserstein", "relativistic", "hinge")]


def sp(t):
    return np.logaddexp(0, t)


def losses(o, y):
    """The discriminator's losses on a real and on a fake sample, and the generator's."""
    a, b = o.real_label, o.fake_label

    def alpha(y, alpha):
        power = (alpha - 1) / alpha
        return sp(-y) if power == 0 else -np.expm1(-power * sp(-y)) / power

    real, fake = a * sp(-y) + (1 - a) * sp(y), b * sp(-y) + (1 - b) * sp(y)
    return {
        "minimax": lambda: (real, fake, -sp(y)),
        "non-saturating": lambda: (real, fake, sp(-y)),
        "least-squares": lambda: ((y - a) ** 2 / 2, (y - b) ** 2 / 2, (y - a) ** 2 / 2),
        "hinge": lambda: (np.maximum(0, 1 - y), np.maximum(0, 1 + y), -y),
        "kl": lambda: (-y, np.exp(y - 1), -np.exp(y - 1)),
        "reverse-kl": lambda: (np.exp(-y), y - 1, 1 - y),
        "pearson": lambda: (-y, y * y / 4 + y, -(y * y / 4 + y)),
        "hellinger": lambda: (np.exp(-y) - 1, np.exp(y) - 1, 1 - np.exp(y)),
        "alpha": lambda: (
            alpha(y, o.discriminator_alpha), alpha(-y, o.discriminator_alpha), -alpha(-y, o.generator_alpha),
        ),
    }[o.kind]()  # fmt: skip


@pytest.mark.parametrize("kind", POINTWISE)
@settings(max_examples=30)
@given(st.floats(0.05, 5), st.floats(0.05, 5), st.floats(0.6, 1), st.floats(0, 0.4), st.floats(0.3, 4))
def test_outputs_minimise_the_loss_at_each_place(kind, p, q, a, b, alpha):
    o = Objective(kind=kind, real_label=a, fake_label=b, discriminator_alpha=alpha)
    found = float(optimal_output(o, p, q))

    def loss(y):
        real, fake, _ = losses(o, y)
        return p * real + q * fake

    best = minimize_scalar(loss, bounds=(found - 3, found + 2.5), method="bounded", options={"xatol": 1e-10})
    assert loss(found) <= best.fun + 1e-11 * max(1, abs(best.fun))
    assert found == pytest.approx(best.x, abs=2e-5 * max(1, abs(found)))


@given(st.floats(0.05, 5), st.floats(0.05, 5))
def test_hinge(p, q):
    o = Objective(kind="hinge")
    y = np.linspace(-3, 3, 601)
    real, fake, _ = losses(o, y)
    at = float(optimal_output(o, p, q))
    assert p * max(0, 1 - at) + q * max(0, 1 + at) <= (p * real + q * fake).min() + 1e-12


def test_relativistic_over_a_finite_set():
    # Any distribution of pairs of four places: the loss is convex, and its gradient has to vanish at log p/q.
    p, q = np.array([0.1, 0.4, 0.3, 0.2]), np.array([0.5, 0.1, 0.2, 0.2])
    y = optimal_output(Objective(kind="relativistic"), p, q)
    pull = np.outer(p, q) / (1 + np.exp(y[:, None] - y))
    assert pull.sum(axis=1) == pytest.approx(pull.sum(axis=0), abs=1e-12)


def test_wasserstein_has_no_pointwise_optimum_and_nothing_is_nan():
    with pytest.raises(ValueError, match="potential"):
        optimal_output(Objective(kind="wasserstein"), 1.0, 1.0)
    assert np.isnan(optimal_output(Objective(kind="minimax"), 0.0, 0.0))
    assert optimal_output(Objective(kind="minimax", real_label=0.9), 1.0, 0.0) == pytest.approx(math.log(9))


def line(kind, **fields):
    return distribution_of(Experiment.from_mapping({"data": {"kind": kind, **fields}}))


P, Q = line("gaussian"), line("gaussian", mean=1.0, std=0.8)


@pytest.mark.parametrize("kind", [k for k in OBJECTIVES if k != "relativistic"])
def test_least_losses(kind):
    o = Objective(kind=kind, real_label=0.9, fake_label=0.05, discriminator_alpha=2.0)
    found = optimal_loss(o, P, Q)
    if kind == "wasserstein":
        assert found == pytest.approx(-divergence.w1(P, Q))
        return

    def integrand(x):
        p, q = P.pdf(x), Q.pdf(x)
        y = optimal_output(o, np.maximum(p, 1e-290), np.maximum(q, 1e-290))
        real, fake, _ = losses(o, np.clip(y, -500, 1e100 if kind == "pearson" else 500))
        return np.where(p > 1e-200, p * real, 0) + np.where(q > 1e-200, q * fake, 0)

    assert found == pytest.approx(integrate(integrand, np.linspace(-20, 20, 161), False, False), abs=1e-8)
    if kind == "minimax":
        plain = optimal_loss(Objective(kind=kind), P, Q)
        assert plain == pytest.approx(-closed_forms.optimal_discriminator_value(divergence.js(P, Q)), abs=1e-12)


@pytest.mark.parametrize("kind", POINTWISE)
def test_generators_gradient_by_differences(kind):
    o = Objective(kind=kind, real_label=0.9, fake_label=0.05, discriminator_alpha=2.0, generator_alpha=0.7)
    x, step = np.linspace(-2, 2, 21), 1e-5

    def loss(x):
        return losses(o, optimal_output(o, P.pdf(x), Q.pdf(x)))[2]

    wanted = (loss(x + step) - loss(x - step)) / (2 * step)
    assert generator_gradient(o, P, Q, x) == pytest.approx(wanted, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("kind", ["minimax", "non-saturating", "wasserstein"])
def test_generators_gradient_in_the_mean(kind):
    q = line("gaussian", mean=2.0)
    o = Objective(kind=kind)
    found = integrate(lambda x: q.pdf(x) * generator_gradient(o, P, q, x), np.linspace(-10, 14, 49), False, False)
    wanted = {"minimax": 0.449599509, "non-saturating": 2 - 0.449599509, "wasserstein": 1}[kind]
    assert found == pytest.approx(wanted, abs=1e-8)


def test_potentials_on_the_line():
    x = np.linspace(-12, 12, 4001)
    f = line_potential(x, Q.cdf(x) - P.cdf(x))
    assert np.abs(np.diff(f) / np.diff(x)).max() <= 1 + 1e-9
    assert np.trapezoid(f * (P.pdf(x) - Q.pdf(x)), x) == pytest.approx(divergence.w1(P, Q), abs=1e-5)
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=200), rng.standard_cauchy(200)
    at = [sample_line_potential(real, fake, side).mean() for side in (real, fake)]
    assert at[0] - at[1] == pytest.approx(np.abs(np.sort(real) - np.sort(fake)).mean(), abs=1e-9)


@given(st.integers(1, 60), st.integers(0, 1000), st.floats(0, 3))
def test_potentials_in_the_plane(n, seed, shift):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) * 0.5 + shift
    f = plane_potential(real, fake)
    assert f(real).mean() - f(fake).mean() == pytest.approx(f.cost, abs=1e-9)
    points = np.concatenate([real, fake, rng.normal(size=(50, 2))])
    assert (np.abs(np.subtract.outer(f(points), f(points))) - cdist(points, points)).max() < 1e-12


def test_unequal_sides_are_refused():
    with pytest.raises(ValueError, match="equal ones"):
        plane_potential(np.zeros((3, 2)), np.zeros((4, 2)))
