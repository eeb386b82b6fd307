"""Known distributions, cells and the divergences on them, against SciPy and against formulas written anew."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from samplers import experiment_of, measured, setup_of
from scipy import integrate, stats

from ganviz.metrics import Reference
from ganviz.metrics.cells import Cells, LineCells
from ganviz.metrics.divergences import cells_for, divergences
from ganviz.metrics.known import QUANTILES, known_line, quantiles_of

LAWS = {
    "gaussian": ({"mean": 1.0, "std": 0.5}, stats.norm(1, 0.5).cdf),
    "uniform": ({"low": -1.0, "high": 3.0}, stats.uniform(-1, 4).cdf),
    "laplace": ({"mean": 1.0, "scale": 0.5}, stats.laplace(1, 0.5).cdf),
    "student-t": ({"mean": 1.0, "scale": 2.0, "dof": 3.0}, stats.t(3, 1, 2).cdf),
    "exponential": ({"low": 1.0, "scale": 2.0}, stats.expon(1, 2).cdf),
    "mixture": (
        {"means": [-2.0, 1.0], "stds": [0.5, 0.2], "weights": [1.0, 3.0]},
        lambda x: 0.25 * stats.norm(-2, 0.5).cdf(x) + 0.75 * stats.norm(1, 0.2).cdf(x),
    ),
    "disjoint": (
        {"gap": 1.5, "width": 0.8},
        lambda x: 0.5 * stats.uniform(-1.55, 0.8).cdf(x) + 0.5 * stats.uniform(0.75, 0.8).cdf(x),
    ),
    "diracs": (
        {"means": [2.0, -1.0, 0.5], "weights": [3.0, 1.0, 1.0]},
        lambda x: 0.2 * (x >= -1) + 0.2 * (x >= 0.5) + 0.6 * (x >= 2),
    ),
}


@pytest.mark.parametrize("kind", LAWS)
def test_known_distributions_against_scipy(kind):
    fields, expected = LAWS[kind]
    experiment = experiment_of(kind, **fields)
    line = known_line(experiment)
    x = np.concatenate([np.linspace(-8, 12, 1000), [-1e9, 1e9]])
    assert line.cdf(x) == pytest.approx(expected(x), abs=1e-13)
    values = quantiles_of(experiment, line)
    assert values.shape == (QUANTILES,)
    every = slice(None, None, 97)
    assert values[every] == pytest.approx(line.quantile(((np.arange(QUANTILES) + 0.5) / QUANTILES)[every]), rel=1e-9)
    assert (np.diff(values) >= 0).all()
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    if kind == "diracs":
        assert [np.mean(values == place) for place in (-1, 0.5, 2)] == pytest.approx([0.2, 0.2, 0.6], abs=1e-4)
    else:
        assert expected(values) == pytest.approx(levels, abs=1e-11)


@pytest.mark.parametrize("name", ["file with one column", "ring", "line"])
def test_files_and_the_plane_are_not_known(name):
    assert known_line(setup_of(name)[0]) is None


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_cells_on_the_line_have_their_exact_mass(kind, count):
    fields, expected = LAWS[kind]
    experiment = experiment_of(kind, **fields)
    line = known_line(experiment)
    cells = LineCells(quantiles_of(experiment, line), line.cdf, count)
    assert cells.masses.sum() == pytest.approx(1, abs=1e-12)
    assert cells.masses == pytest.approx(np.diff([0, *expected(cells._ends), 1]), abs=1e-12)
    if kind != "diracs":
        inner = cells.masses[cells.masses > 1e-3]
        assert inner == pytest.approx(np.full(count, 1 / count), abs=1e-4)
    places = Reference(experiment).perfect(5000, 0)
    assert cells.counts(places) == pytest.approx(
        5000 * cells.masses, abs=5 * math.sqrt(5000 * min(0.25, cells.masses.max())) + 5
    )
    assert cells.counts(places).sum() == 5000


def test_fewer_samples_get_fewer_cells():
    assert [cells_for(n) for n in (1, 7, 31, 32, 160, 1023, 1024, 4096, 10**6)] == [1, 1, 1, 2, 10, 63, 64, 64, 64]
    rng = np.random.default_rng(0)
    points = rng.normal(size=(16_384, 2))
    for n in (7, 100, 500, 4096):
        cells = Cells(points, rng.normal(size=(65_536, 2)), cells_for(n))
        expected = n * cells.masses[:-1]
        assert len(expected) == 1 or expected.min() > 12


@pytest.mark.parametrize("name", ["file with one column", "file with two", "file with gaps"])
def test_rounding_moves_no_row_into_another_cell(name):
    """Rows that were drawn in 32 bits are the same rows."""
    rows = setup_of(name)[0].table.points
    cells = Cells(rows, None, 64)
    assert len(cells.masses) > 2
    assert np.array_equal(cells.counts(rows), cells.counts(rows.astype(np.float32).astype(np.float64)))
    assert cells.counts(rows)[-1] == 0


shares = st.integers(1, 6).flatmap(
    lambda c: st.tuples(
        arrays(np.int64, c, elements=st.integers(1, 50)), arrays(np.int64, c, elements=st.integers(1, 50))
    )
)


@settings(max_examples=80, deadline=None)
@given(shares)
def test_divergences_between_shares_against_scipy(both):
    real, generated = both
    p, q = real / real.sum(), generated / generated.sum()
    found = divergences(p, np.zeros(len(p)), generated)
    assert found["kl"] == pytest.approx(stats.entropy(p, q), abs=1e-12)
    assert found["reverse_kl"] == pytest.approx(stats.entropy(q, p), abs=1e-12)
    middle = (p + q) / 2
    js = (stats.entropy(p, middle) + stats.entropy(q, middle)) / 2
    assert found["js"] == pytest.approx(js, abs=1e-12)
    assert found["tv"] == pytest.approx(np.abs(p - q).sum() / 2, abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 8).flatmap(
        lambda c: st.tuples(
            arrays(np.float64, c, elements=st.floats(0, 1)), arrays(np.int64, c, elements=st.integers(0, 10**6))
        )
    )
)
def test_divergences_stay_in_their_bounds(both):
    real, generated = both
    if real.sum() < 1e-300 or generated.sum() == 0:
        return
    found = divergences(real, np.full(len(real), 1e-5), generated)
    assert 0 <= found["js"] <= math.log(2) + 1e-12
    assert 0 <= found["tv"] <= 1 + 1e-12
    assert found["kl"] >= 0
    assert 0 <= found["reverse_kl"] < math.inf


def test_what_is_infinite():
    p, none = np.array([0.5, 0.397, 0.1, 0.003, 0.0]), np.zeros(5)
    # Less than a quarter of the mass is empty: it is one cell with the thinnest of the others.
    found = divergences(p, none, np.array([500, 500, 0, 0, 0]))
    assert found["kl"] == pytest.approx(stats.entropy([0.603, 0.397], [0.5, 0.5]), rel=1e-12)
    found = divergences(p, none, np.array([500, 490, 0, 10, 0]))
    assert found["kl"] == pytest.approx(stats.entropy([0.6, 0.397, 0.003], [0.5, 0.49, 0.01]), rel=1e-12)
    assert math.isfinite(found["reverse_kl"])
    # Here 40 % of it is, and 400 samples were to be expected there.
    assert divergences(p, none, np.array([990, 0, 0, 10, 0]))["kl"] == math.inf
    # Twenty samples are no evidence of that; none at all is none of anything.
    assert math.isfinite(divergences(p, none, np.array([19, 0, 0, 1, 0]))["kl"])
    assert divergences(p, none, np.array([0, 0, 0, 0, 7]))["kl"] == pytest.approx(math.log(14))
    p, none = np.array([0.5, 0.497, 0.003, 0.0]), np.zeros(4)
    # One sample where the data has no mass.
    assert divergences(p, none, np.array([500, 496, 3, 1]))["reverse_kl"] == math.inf
    least = np.array([0, 0, 0, 1e-4])
    found = divergences(p, least, np.array([500, 496, 3, 1]))
    granted = np.array([0.5, 0.497, 0.003, 1e-4]) / 1.0001
    assert found["reverse_kl"] == pytest.approx(stats.entropy([0.5, 0.496, 0.003, 0.001], granted), rel=1e-12)
    assert math.isfinite(found["kl"])


def exact_on_cells(cells, cdf):
    p, q = cells.masses, np.diff(cdf(cells._ends), prepend=0.0, append=1.0)
    middle = (p + q) / 2
    return {
        "kl": stats.entropy(p, q),
        "reverse_kl": stats.entropy(q, p),
        "js": (stats.entropy(p, middle) + stats.entropy(q, middle)) / 2,
        "tv": np.abs(p - q).sum() / 2,
    }


@pytest.mark.parametrize(("m", "s"), [(0.0, 1.0), (0.5, 1.0), (0.0, 1.3)])
def test_the_bias_of_divergences_is_the_documented_one(m, s):
    """1,000 draws of 4,096: KL is too high by about (c - 1)/2n, JS by (c - 1)/8n for a perfect generator."""
    experiment, rng, n = experiment_of("gaussian"), np.random.default_rng(0), 4096
    line = known_line(experiment)
    cells = LineCells(quantiles_of(experiment, line), line.cdf, 64)
    exact = exact_on_cells(cells, stats.norm(m, s).cdf)
    runs = [divergences(cells.masses, cells.least, cells.counts(rng.normal(m, s, (n, 1)))) for _ in range(1000)]
    mean = {name: np.mean([run[name] for run in runs]) for name in exact}
    error = {name: np.std([run[name] for run in runs]) / math.sqrt(1000) for name in exact}
    assert 0 <= mean["js"] - exact["js"] < 63 / 8 / n * 1.2 + 4 * error["js"]
    assert 0 <= mean["kl"] - exact["kl"] < 63 / 2 / n * (1.25 if m == 0 else 3) + 4 * error["kl"]
    assert 0 <= mean["reverse_kl"] - exact["reverse_kl"] < 63 / 2 / n * 1.25 + 4 * error["reverse_kl"]
    if m == 0 and s == 1:
        assert mean["kl"] == pytest.approx(63 / 2 / n, rel=0.08)
        assert mean["js"] == pytest.approx(63 / 8 / n, rel=0.08)


@pytest.mark.parametrize(("m", "s", "js"), [(1, 1, 0.11142148218474), (2, 1, 0.33683082034683)])
def test_cells_lose_little_of_the_divergence(m, s, js):
    experiment = experiment_of("gaussian")
    line = known_line(experiment)
    exact = exact_on_cells(LineCells(quantiles_of(experiment, line), line.cdf, 64), stats.norm(m, s).cdf)
    assert exact["js"] == pytest.approx(js, rel=0.01)
    assert exact["js"] < js
    assert exact["tv"] == pytest.approx(2 * stats.norm.cdf(m / 2) - 1, rel=5e-3)
    assert exact["kl"] == pytest.approx(m * m / 2, rel=0.02)


@pytest.mark.parametrize("m", [0.5, 1.0, 3.0])
def test_total_variation_against_quadrature(m):
    rng = np.random.default_rng(0)
    truth = integrate.quad(lambda x: abs(stats.norm.pdf(x) - stats.norm.pdf(x, m)) / 2, -9, 12, limit=200)[0]
    found = [measured(experiment_of("gaussian"), rng.normal(m, 1, 4096))["tv"] for _ in range(4)]
    assert np.mean(found) == pytest.approx(truth, abs=0.02)


def test_point_masses_met_exactly_in_either_precision():
    """Atoms that 32 bits round differently are the same atoms."""
    means = [-1.3, 0.1, 2.7]
    experiment = experiment_of("diracs", means=means)
    exact = np.repeat(means, 1000)
    for samples in (exact, exact.astype(np.float32)):
        found = measured(experiment, samples)
        assert found["js"] < 1e-9
        assert found["reverse_kl"] < 1e-9
        assert found["precision"] == found["recall"] == 1
    off = measured(experiment, exact + 0.01)
    assert off["js"] == pytest.approx(math.log(2))
    assert off["tv"] == 1
    assert off["kl"] == off["reverse_kl"] == math.inf
    assert off["w1"] == pytest.approx(0.01, rel=0.02)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_numbers_can_be_measured(data):
    name = data.draw(st.sampled_from(["gaussian", "student-t", "diracs", "ring", "file with two", "checkerboard"]))
    experiment = EXPERIMENTS[name]
    d = experiment.dimension
    size = st.integers(1, 40)
    wide = st.floats(-1e100, 1e100)
    near = st.floats(-3, 3)
    element = data.draw(st.sampled_from([wide, near]))
    samples = data.draw(size.flatmap(lambda n: arrays(np.float64, (n, d), elements=element)))
    found = measured(experiment, samples)
    for metric, value in found.items():
        assert not math.isnan(value), metric
        assert math.isfinite(value) or metric in ("kl", "reverse_kl", "mode_kl"), metric
        assert value >= 0 or metric == "energy", metric


EXPERIMENTS = {
    name: setup_of(name)[0] for name in ("gaussian", "student-t", "diracs", "ring", "file with two", "checkerboard")
}
