"""Closed forms and quadrature against the published numbers and against each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import chi2, norm

from ganviz.experiment import Experiment
from ganviz.theory import closed_forms, distribution_of, divergence
from ganviz.theory.line import Line

TABLE = [
    (1, 1, 0.5, 0.11142148218474, 1, 1),
    (2, 1, 2, 0.33683082034683, 2, 2),
    (3, 1, 4.5, 0.52677730652137, 3, 3),
    (0, 2, 0.3181471806, 0.092733381666413, 0.7978845608, 1),
]


def line(kind, **fields):
    return distribution_of(Experiment.from_mapping({"data": {"kind": kind, **fields}}))


def gaussian(mean=0.0, std=1.0):
    return line("gaussian", mean=float(mean), std=float(std))


@pytest.mark.parametrize(("mean", "std", "kl", "js", "w1", "w2"), TABLE)
def test_gaussians_against_the_table_and_quadrature(mean, std, kl, js, w1, w2):
    assert closed_forms.gaussian_kl(mean, std) == pytest.approx(kl, abs=1e-10)
    assert closed_forms.gaussian_js(mean, std) == pytest.approx(js, abs=1e-10)
    assert closed_forms.gaussian_w1(mean, std) == pytest.approx(w1, abs=1e-10)
    assert closed_forms.gaussian_w2(mean, std) == pytest.approx(w2, abs=1e-10)


@given(st.floats(-6, 6), st.floats(0.3, 3))
def test_quadrature_meets_the_closed_forms(mean, std):
    p, q = gaussian(), gaussian(mean, std)
    assert divergence.kl(p, q) == pytest.approx(closed_forms.gaussian_kl(mean, std), abs=1e-8)
    assert divergence.tv(p, q) == pytest.approx(closed_forms.gaussian_tv(mean, std), abs=1e-8)
    assert divergence.w1(p, q) == pytest.approx(closed_forms.gaussian_w1(mean, std), abs=1e-8)
    assert divergence.w2(p, q) == pytest.approx(closed_forms.gaussian_w2(mean, std), abs=1e-8)


@pytest.mark.parametrize(("mean", "std"), [(0, 1), (1, 1), (-2, 0.5), (3, 2)])
def test_energy_distance_is_twice_the_squared_distance_of_distribution_functions(mean, std):
    wanted = 2 * quad(lambda x: (norm.cdf(x) - norm.cdf(x, mean, std)) ** 2, -20, 20, epsabs=1e-13, limit=200)[0]
    assert closed_forms.gaussian_energy(mean, std) == pytest.approx(wanted, abs=1e-10)


def test_gaussians_in_more_dimensions():
    rng = np.random.default_rng(0)
    stds_p, stds_q, delta = rng.uniform(0.5, 2, 4), rng.uniform(0.5, 2, 4), rng.normal(size=4)
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    p, q = turn @ np.diag(stds_p**2) @ turn.T, turn @ np.diag(stds_q**2) @ turn.T
    # Along the common axes both are products, so that KL and W2² are sums.
    kl = sum(closed_forms.gaussian_kl(d / a, b / a) for d, a, b in zip(turn.T @ delta, stds_p, stds_q, strict=True))
    w2 = math.sqrt(delta @ delta + ((stds_p - stds_q) ** 2).sum())
    assert closed_forms.multivariate_kl(np.zeros(4), p, delta, q) == pytest.approx(kl, abs=1e-10)
    assert closed_forms.multivariate_w2(np.zeros(4), p, delta, q) == pytest.approx(w2, abs=1e-10)
    # For covariances that do not commute: tr (P Q)^½ through the eigenvalues of P Q, another way to the same number.
    other = rng.normal(size=(4, 4))
    other = other @ other.T
    cross = np.sqrt(np.linalg.eigvals(p @ other).real).sum()
    wanted = math.sqrt(np.trace(p) + np.trace(other) - 2 * cross)
    assert closed_forms.multivariate_w2(np.zeros(4), p, np.zeros(4), other) == pytest.approx(wanted, abs=1e-9)
    with pytest.raises(ValueError, match=r"\(d, d\)"):
        closed_forms.multivariate_kl(np.zeros(2), np.eye(3), np.zeros(2), np.eye(3))


def test_parallel_lines_modes_and_high_quality():
    assert closed_forms.parallel_lines(0.0) == closed_forms.Divergences(0, 0, 0, 0, 0)
    assert closed_forms.parallel_lines(-0.3) == closed_forms.Divergences(math.inf, math.inf, math.log(2), 1, 0.3)
    assert closed_forms.mode_kl(2, 8) == pytest.approx(math.log(4), abs=1e-12)
    shares = np.random.default_rng(0).multinomial(4000, np.full(25, 1 / 25), size=4000) / 4000
    measured = (shares * np.log(shares * 25)).sum(axis=1).mean()
    assert closed_forms.mode_kl_floor(25, 4000) == pytest.approx(measured, rel=0.03)
    assert closed_forms.high_quality_share() == pytest.approx(0.98889100346, abs=1e-10)
    for d in (1, 2, 3, 7):
        assert closed_forms.high_quality_share(d) == pytest.approx(chi2.cdf(9, d), abs=1e-12)
    with pytest.raises(ValueError, match="9 captured modes of 8"):
        closed_forms.mode_kl(9, 8)
    with pytest.raises(ValueError, match="above 0"):
        closed_forms.gaussian_w1(1.0, 0.0)


@pytest.mark.parametrize(
    ("mean", "wanted"),
    [(1, 0.397972867), (2, 0.449599509), (4, 0.137194818), (6, 0.0124532), (8, 3.92875e-4)],
)
def test_vanishing_gradients(mean, wanted):
    assert closed_forms.minimax_gradient(mean) == pytest.approx(wanted, rel=4e-6)
    step = 1e-4
    slope = (closed_forms.gaussian_js(mean + step) - closed_forms.gaussian_js(mean - step)) / (2 * step)
    assert closed_forms.minimax_gradient(mean) == pytest.approx(2 * slope, abs=1e-7)
    # Non-saturating: KL(q ‖ p) - 2 JS, whose first part has the slope μ.
    assert closed_forms.non_saturating_gradient(mean) == pytest.approx(mean - wanted, rel=1e-6)
    assert closed_forms.wasserstein_gradient(mean) == 1
    assert closed_forms.optimal_discriminator_value(math.log(2)) == 0


def test_disjoint_supports():
    p, q = line("uniform", low=0.0, high=1.0), line("uniform", low=2.0, high=3.0)
    assert divergence.kl(p, q) == math.inf
    assert divergence.pearson(p, q) == math.inf
    assert divergence.js(p, q) == pytest.approx(math.log(2), abs=1e-12)
    assert divergence.tv(p, q) == pytest.approx(1, abs=1e-12)
    assert divergence.w1(p, q) == pytest.approx(2, abs=1e-12)
    assert divergence.w2(p, q) == pytest.approx(2, abs=1e-10)
    wide = line("uniform", low=0.0, high=2.0)
    assert divergence.kl(p, wide) == pytest.approx(math.log(2), abs=1e-12)
    assert divergence.reverse_kl(p, wide) == math.inf
    assert divergence.kl(line("exponential"), gaussian()) == pytest.approx(
        -1 + 0.5 * math.log(2 * math.pi) + 1, abs=1e-9
    )
    assert divergence.kl(gaussian(), line("exponential")) == math.inf


def test_heavy_tails():
    t = {nu: line("student-t", dof=nu) for nu in (1.0, 1.5, 2.0, 2.5, 3.0)}
    # Chyzak and Nielsen (2019): KL of Cauchy distributions log(((s + s')² + δ²) / 4 s s').
    assert divergence.kl(t[1.0], line("student-t", dof=1.0, mean=1.0, scale=2.0)) == pytest.approx(
        math.log(10 / 8), abs=1e-8
    )
    assert divergence.kl(t[2.0], gaussian()) == math.inf
    assert math.isfinite(divergence.kl(t[3.0], gaussian()))
    assert divergence.kl(t[1.0], line("laplace")) == math.inf
    assert math.isfinite(divergence.kl(t[1.5], line("laplace")))
    assert math.isfinite(divergence.kl(gaussian(), t[1.0]))
    for nu in (1.0, 3.0):
        moved = line("student-t", dof=nu, mean=3.0)
        assert divergence.w1(t[nu], moved) == pytest.approx(3, abs=1e-8)
        assert divergence.w2(t[nu], moved) == pytest.approx(3, abs=1e-7)
    assert divergence.w1(t[1.0], line("student-t", dof=1.0, scale=2.0)) == math.inf
    assert divergence.w2(t[2.0], gaussian()) == math.inf
    nu = 1.5
    mean = math.sqrt(nu / math.pi) * math.gamma((nu - 1) / 2) / math.gamma(nu / 2)
    assert divergence.w1(t[nu], line("student-t", dof=nu, scale=2.0)) == pytest.approx(mean, abs=1e-8)
    assert divergence.w2(t[2.5], line("student-t", dof=2.5, scale=2.0)) == pytest.approx(math.sqrt(5), abs=1e-7)


def test_point_masses():
    p = line("diracs", means=[0.0, 1.0])
    q = line("diracs", means=[1.0, 2.0], weights=[1.0, 3.0])
    assert divergence.kl(p, q) == math.inf
    assert divergence.kl(p, p) == 0
    assert divergence.w1(p, q) == pytest.approx(1.25, abs=1e-12)
    assert divergence.w2(p, q) == pytest.approx(math.sqrt(0.25 * 1 + 0.25 * 4 + 0.5 * 1), abs=1e-12)
    assert divergence.tv(p, q) == pytest.approx(0.75, abs=1e-12)
    assert divergence.js(p, gaussian()) == math.log(2)
    assert divergence.w1(line("diracs"), gaussian()) == pytest.approx(math.sqrt(2 / math.pi), abs=1e-9)
    assert divergence.w2(line("diracs"), gaussian()) == pytest.approx(1, abs=1e-9)
    with pytest.raises(ValueError, match="no density"):
        p.pdf(np.zeros(1))


LINES = ["gaussian", "mixture", "uniform", "laplace", "student-t", "exponential", "disjoint", "diracs"]


@pytest.mark.parametrize("std", [0.0, 0.2, 3.0])
@pytest.mark.parametrize("kind", LINES)
def test_distributions_on_the_line(kind, std):
    plain = line(kind)
    blurred = plain.blurred(std)
    assert isinstance(blurred, Line)
    levels = np.array([1e-6, 0.1, 0.5, 0.77, 1 - 1e-6])
    places = blurred.quantile(levels)
    if blurred.atoms is None:
        assert blurred.cdf(places) == pytest.approx(levels, abs=1e-12)
        x = np.linspace(-6, 6, 37) + 0.0137
        step = 1e-5
        slope = (blurred.cdf(x + step) - blurred.cdf(x - step)) / (2 * step)
        assert blurred.pdf(x) == pytest.approx(slope, abs=1e-7)
        assert blurred.cdf(x) + blurred.sf(x) == pytest.approx(1, abs=1e-12)
        inside = blurred.pdf(x) > 1e-8
        rise = (blurred.log_pdf(x[inside] + step) - blurred.log_pdf(x[inside] - step)) / (2 * step)
        assert blurred.score(x)[inside] == pytest.approx(rise, abs=1e-6, rel=1e-5)
    if std and plain.atoms is None:
        # The convolution, by its definition.
        edges = sorted({float(e) for e in plain.support.ravel() if math.isfinite(e)} | {-2.0, 0.0, 2.0})
        for x in (-1.3, 0.4, 2.2):
            whole = 0.0
            for low, high in zip([x - 12 * std - 40, *edges], [*edges, x + 12 * std + 40], strict=True):
                whole += quad(
                    lambda t, x=x: plain.pdf(np.array([t]))[0] * norm.pdf(x - t, 0, std), low, high,
                    points=[x] if low < x < high else None, limit=400, epsabs=1e-12,
                )[0]  # fmt: skip
            assert blurred.pdf(np.array([x]))[0] == pytest.approx(whole, abs=1e-8)


PLANES = [
    {"kind": "gaussian", "mean": (0.0, 1.0)}, {"kind": "ring", "std": 0.1}, {"kind": "grid", "side": 2, "std": 0.2},
    {"kind": "swiss-roll", "std": 0.1}, {"kind": "moons", "std": 0.1}, {"kind": "spiral", "std": 0.1},
    {"kind": "circle", "std": 0.1}, {"kind": "line", "std": 0.1}, {"kind": "checkerboard"},
]  # fmt: skip


@pytest.mark.parametrize("data", PLANES, ids=lambda data: data["kind"])
def test_distributions_in_the_plane_follow_the_samples(data):
    from ganviz.metrics import Reference

    experiment = Experiment.from_mapping({"data": data})
    found = distribution_of(experiment)
    axis = np.linspace(-7, 7, 701) + 0.0003
    grid = found.blurred((0.05, 0.1)).on_grid(axis, axis)
    assert grid.sum() * 0.02**2 == pytest.approx(1, abs=1e-6)
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    on_grid = np.array([found.on_grid(x[None], y[None])[0, 0] for x, y in points])
    assert found.pdf(points) == pytest.approx(on_grid, abs=1e-12)
    samples = Reference(experiment).perfect(65536, 1) + np.random.default_rng(1).normal(size=(65536, 2)) * (0.05, 0.1)
    edges = np.linspace(-2.5, 2.5, 26)
    counts = np.histogram2d(samples[:, 1], samples[:, 0], (edges, edges))[0] / len(samples)
    fine = (np.arange(250) + 0.5) / 50 - 2.5
    expected = found.blurred((0.05, 0.1)).on_grid(fine, fine).reshape(25, 10, 25, 10).sum(axis=(1, 3)) * 0.02**2
    assert np.abs(counts - expected).max() < 5.5 * math.sqrt(expected.max() / len(samples)) + 1e-4
