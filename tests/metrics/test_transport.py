"""Transport against permutations, linear programs and SciPy; against known distributions by quadrature."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from samplers import experiment_of
from scipy import integrate, optimize, sparse, stats

from ganviz.metrics import Reference
from ganviz.metrics.quantiles import Quantiles
from ganviz.metrics.shares import share_error
from ganviz.metrics.transport import block_error, root_error, w1, w1_line, w2, w2_line

numbers = st.floats(-1e6, 1e6, allow_nan=False)
samples = st.integers(1, 12).flatmap(lambda n: arrays(np.float64, n, elements=numbers))


def program(cost):
    """Solve the transport problem between equally weighted points as a linear program."""
    n, m = cost.shape
    rows = sparse.kron(sparse.eye(n), np.ones(m))
    columns = sparse.kron(np.ones(n), sparse.eye(m))
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    found = optimize.linprog(cost.ravel(), A_eq=sparse.vstack([rows, columns]), b_eq=masses, method="highs")
    assert found.success
    return found.fun


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_both_distances_against_all_permutations(n, d):
    rng = np.random.default_rng(n)
    real, fake = rng.normal(size=(n, d)), rng.normal(1, 2, size=(n, d))
    apart = np.linalg.norm(real[:, None] - fake, axis=2)
    orders = np.array(list(itertools.permutations(range(n))))
    for measure, power in ((w1, 1), (w2, 2)):
        best = (apart[np.arange(n), orders] ** power).mean(axis=1).min() ** (1 / power)
        assert measure(real, fake) == pytest.approx(best, rel=1e-12)
        assert measure(fake, real) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("n", [20, 60])
def test_the_plane_against_a_linear_program(n):
    rng = np.random.default_rng(n)
    real, fake = rng.normal(size=(n, 2)), rng.normal(0.5, 2, size=(n, 2))
    apart = np.linalg.norm(real[:, None] - fake, axis=2)
    assert w1(real, fake) == pytest.approx(program(apart), rel=1e-9)
    assert w2(real, fake) == pytest.approx(math.sqrt(program(apart**2)), rel=1e-9)


def test_the_line_with_unequal_sizes_against_a_linear_program():
    rng = np.random.default_rng(0)
    for n, m in ((5, 7), (12, 4), (9, 30)):
        real, fake = rng.normal(size=n), rng.normal(1, 2, size=m)
        apart = np.abs(real[:, None] - fake)
        lines = Quantiles(real[None, :])
        for found in (w1_line(real, fake), lines.w1(fake[None, :])[0]):
            assert found == pytest.approx(program(apart), rel=1e-9)
        for found in (w2_line(real, fake), math.sqrt(lines.w2_squared(fake[None, :])[0])):
            assert found == pytest.approx(math.sqrt(program(apart**2)), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(samples, samples)
def test_two_ways_on_the_line_agree(real, fake):
    lines = Quantiles(real[None, :])
    scale = 1 + np.abs(real).max() + np.abs(fake).max()
    expected = stats.wasserstein_distance(real, fake)
    assert lines.w1(fake[None, :])[0] == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale)
    assert w1_line(real, fake) == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale)
    assert math.sqrt(lines.w2_squared(fake[None, :])[0]) == pytest.approx(
        w2_line(real, fake), rel=1e-6, abs=1e-6 * scale
    )
    distances = np.abs(fake[:, None] - real).mean(axis=1)
    assert lines.mean_distances(fake[None, :])[0] == pytest.approx(distances, rel=1e-9, abs=1e-12 * scale)
    own = np.abs(real[:, None] - real).mean()
    assert lines.own_distance()[0] == pytest.approx(own, rel=1e-9, abs=1e-12 * scale)


def test_many_lines_and_parts_at_once():
    rng = np.random.default_rng(0)
    values, parts = rng.normal(size=(3, 50)), rng.normal(size=(3, 4, 7))
    lines = Quantiles(values)
    for line, part in itertools.product(range(3), range(4)):
        assert lines.w1(parts)[line, part] == pytest.approx(w1_line(values[line], parts[line, part]))
        assert lines.w2_squared(parts)[line, part] == pytest.approx(w2_line(values[line], parts[line, part]) ** 2)


def test_a_shift_costs_its_length():
    points = np.random.default_rng(0).normal(size=(300, 2))
    for measure in (w1, w2):
        assert measure(points, points) == 0
        assert measure(points, points[::-1] + np.array([3.0, -4.0])) == pytest.approx(5.0)
        assert measure(points[:, :1], points[::-1, :1] + 0.7) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("kind", "fields", "law"),
    [
        ("gaussian", {"mean": 1.0, "std": 0.5}, stats.norm(1, 0.5)),
        ("uniform", {"low": -1.0, "high": 3.0}, stats.uniform(-1, 4)),
        ("laplace", {"scale": 2.0}, stats.laplace(0, 2)),
        ("exponential", {"low": 1.0}, stats.expon(1, 1)),
        ("student-t", {"dof": 5.0}, stats.t(5)),
    ],
)
def test_distances_to_a_known_distribution_by_quadrature(kind, fields, law):
    """W1 = the area between the distribution functions; W2 between quantile functions; both in pieces."""
    values = np.sort(law.rvs(12, random_state=0) * 1.3 + 0.2)
    found = Reference(experiment_of(kind, **fields)).evaluate(values)
    steps = np.arange(len(values) + 1) / len(values)
    first, second = 0.0, 0.0
    for value, low, high in zip(values, steps, steps[1:], strict=False):
        middle = min(max(law.cdf(value), low), high)
        for a, b in ((low, middle), (middle, high)):
            if b > a:
                first += integrate.quad(lambda u, v=value: abs(law.ppf(u) - v), a, b, limit=200)[0]
        second += integrate.quad(lambda u, v=value: (law.ppf(u) - v) ** 2, low, high, limit=200)[0]
    assert found["w1"] == pytest.approx(first, rel=2e-4)
    assert found["w2"] == pytest.approx(math.sqrt(second), rel=2e-3)


def test_the_sliced_distance_against_directions_one_by_one():
    experiment = experiment_of("file", path="faithful.csv")
    rows = experiment.table.points
    fake = rows[::3] + rows.std(axis=0) * np.array([0.3, -0.2])
    squares = []
    for angle in np.arange(32) * math.pi / 32:
        direction = np.array([math.cos(angle), math.sin(angle)])
        squares.append(w2_line(rows / rows.std(axis=0) @ direction, fake / rows.std(axis=0) @ direction) ** 2)
    found = Reference(experiment).evaluate(fake)
    assert found["sliced_w2"] == pytest.approx(math.sqrt(np.mean(squares)), rel=1e-6)
    # A shift by s moves each direction by its share: root mean square s / sqrt(2).
    shifted = Reference(experiment).evaluate(rows + rows.std(axis=0) * np.array([3.0, 4.0]))
    assert shifted["sliced_w2"] == pytest.approx(5 / math.sqrt(2), rel=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "ring"])
def test_errors_are_the_spread_over_many_draws(kind):
    """Away from the truth the estimates spread as the stated errors say; the real side of the plane stays the same."""
    reference, rng = Reference(experiment_of(kind)), np.random.default_rng(0)
    d = reference.points.shape[1]
    names = ("w1", "w2") if d == 1 else ("w1", "w2", "sliced_w2")
    runs = [reference.evaluate(rng.normal(2.0, 0.7, (256, d)), 64) for _ in range(120)]
    for name in names:
        values, errors = (np.array([run[key] for run in runs]) for key in (name, name + "_error"))
        spread = values.std(ddof=1)
        # In the plane the real side, one sample, adds to the error and not to the spread.
        assert 0.8 * spread < math.sqrt((errors**2).mean()) < (1.25 if d == 1 or name == "sliced_w2" else 2.5) * spread


def test_the_error_of_a_mean_from_parts():
    rng = np.random.default_rng(0)
    draws = rng.normal(3, 2, (400, 320))
    errors = [block_error(lambda b, row=row: row.reshape(b, -1).mean(axis=1), len(row)) for row in draws]
    assert math.sqrt(np.mean(np.square(errors))) == pytest.approx(2 / math.sqrt(320), rel=0.05)
    assert block_error(np.zeros, 3) is None


@pytest.mark.parametrize(("m", "s", "first", "second"), [
    (1, 1, 1.0, 1.0), (2, 1, 2.0, 2.0), (3, 1, 3.0, 3.0), (0, 2, 0.7978845608, 1.0), (1, 2, None, math.sqrt(2)),
])  # fmt: skip
def test_gaussians_are_unbiased_within_their_stated_error(m, s, first, second):
    """1,000 draws against closed forms: W1 = d √(2/π) exp(-m²/2d²) + m (1 - 2Φ(-m/d)), W2² = m² + d², d = s - 1."""
    d = s - 1
    if first is None:
        first = d * math.sqrt(2 / math.pi) * math.exp(-(m**2) / 2 / d**2) + m * (1 - 2 * stats.norm.cdf(-m / d))
    reference, rng = Reference(experiment_of("gaussian")), np.random.default_rng(m)
    lines, found = reference._comparison._quantiles, []
    for _ in range(1000):
        samples = rng.normal(m, s, (1, 4096))
        found.append({"w1": lines.w1(samples)[0], "w2": math.sqrt(lines.w2_squared(samples)[0])})
    one = reference.evaluate(rng.normal(m, s, 4096))
    for name, truth in (("w1", first), ("w2", second)):
        values = np.array([float(run[name]) for run in found])
        assert abs(values.mean() - truth) < 4 * one[name + "_error"] / math.sqrt(1000) + 1.5e-3
        assert abs(values.mean() - truth) < one[name + "_error"]


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.5])
def test_the_error_of_the_root_for_pieces(shift):
    """|mean| stands for W2² of pieces: at the floor its spread is that of a half-normal, away that of a mean."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        z = rng.normal(shift, 1.0, 400)
        value, parts = abs(z.mean()), np.abs(z.reshape(4, -1).mean(axis=1))
        found.append((math.sqrt(value), root_error(value, parts)))
    values, errors = np.array(found).T
    assert 0.7 < math.sqrt((errors**2).mean()) / values.std() < 1.5


def test_the_error_of_the_root_for_a_smooth_floor():
    """A sum of squared means stands for W2² of equal smooth distributions: chi-squared over the sample's size."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(1000):
        z = rng.normal(size=(5, 400))
        value, parts = (z.mean(axis=1) ** 2).sum(), (z.reshape(5, 4, -1).mean(axis=2) ** 2).sum(axis=0)
        found.append((math.sqrt(value), root_error(value, parts)))
    values, errors = np.array(found).T
    assert 0.7 < math.sqrt((errors**2).mean()) / values.std() < 1.5
    assert root_error(1.0, np.ones(1)) is None
    assert root_error(0.0, np.zeros(4)) == 0.0


@pytest.mark.parametrize(("kind", "fields"), [
    ("gaussian", {}), ("mixture", {}), ("disjoint", {}), ("diracs", {"means": [-1.0, 0.0, 2.0]}), ("ring", {}),
])  # fmt: skip
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_stated_errors_of_w2_at_and_off_the_floor(kind, fields, shift):
    """300 draws of both sides, where the real one is drawn."""
    d = 2 if kind == "ring" else 1
    found = []
    for seed in range(10):
        reference = Reference(experiment_of(kind, seed, **fields))
        for draw in range(30):
            samples = reference.perfect(1024, 500 + draw) + shift
            found.append(reference.evaluate(samples, 64))
    for name in ("w2", "sliced_w2")[:d]:
        values, errors = (np.array([run[key] for run in found]) for key in (name, name + "_error"))
        # Of ten real sides and 300 draws the spread is known to a tenth.
        assert 0.6 < math.sqrt((errors**2).mean()) / values.std(ddof=1) < 1.65, name


def test_the_sliced_error_knows_that_the_real_side_is_drawn():
    """A generator without any spread: all that varies is the real side."""
    found = []
    for seed in range(20):
        reference = Reference(experiment_of("gaussian", seed, mean=[0.0, 0.0]))
        found.append(reference.evaluate(np.full((64, 2), 0.5), 4))
    values, errors = (np.array([run[key] for run in found]) for key in ("sliced_w2", "sliced_w2_error"))
    assert 0.6 < math.sqrt((errors**2).mean()) / values.std(ddof=1) < 2.2


def plugin(rng, shift, n):
    real, fake = rng.normal(size=(n, 2)), rng.normal((shift, 0.0), 1.0, (n, 2))
    return w1(real, fake), w2(real, fake)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_plane_is_unbiased_for_the_distance_between_samples_of_its_size(shift):
    """1,000 draws of the estimator against an independent 1,000 of SciPy's linear sums on other draws."""
    rng, reference = np.random.default_rng(0), Reference(experiment_of("gaussian", mean=[0.0, 0.0]))
    own = np.array([plugin(rng, shift, 32) for _ in range(1000)])
    other = []
    for _ in range(1000):
        apart = np.linalg.norm(rng.normal(size=(32, 1, 2)) - rng.normal(size=(32, 2)) - (shift, 0.0), axis=2)
        costs = [power[optimize.linear_sum_assignment(power)].mean() for power in (apart, apart**2)]
        other.append((costs[0], math.sqrt(costs[1])))
    for column, name in enumerate(("w1", "w2")):
        a, b = own[:, column], np.array(other)[:, column]
        assert abs(a.mean() - b.mean()) < 4 * math.hypot(a.std(), b.std()) / math.sqrt(1000), name
        # Of the distributions' distance it is not: that is what the noise floor tells.
        assert a.mean() > shift + (0.3 if shift == 0 else 0.02)
    errors = [reference.evaluate(rng.normal((shift, 0.0), 1.0, (32, 2)), 32)["w1_error"] for _ in range(100)]
    assert 0.6 < math.sqrt(np.mean(np.square(errors))) / own[:, 0].std() < 1.65


@pytest.mark.parametrize("p", [0.0, 0.002, 0.3, 1.0])
def test_the_error_of_a_share_covers_what_it_is_the_share_of(p):
    n, rng = 400, np.random.default_rng(0)
    shares = rng.binomial(n, p, 2000) / n
    errors = np.array([share_error(share, n) for share in shares])
    assert errors.min() > 0
    assert np.mean(np.abs(shares - p) <= 2 * errors) > 0.93
    if p == 0.3:
        assert errors.mean() == pytest.approx(math.sqrt(p * (1 - p) / n), rel=0.02)


@pytest.mark.parametrize("unit", [1e-150, 1e-20, 1e99])
def test_errors_of_w2_in_any_unit(unit):
    rng = np.random.default_rng(0)
    square, parts = 1.3, rng.random(4)
    assert root_error(square * unit**2, parts * unit**2, 0.2 * unit**2) == pytest.approx(
        unit * root_error(square, parts, 0.2), rel=1e-12
    )
    values, samples = rng.normal(size=(2, 50)), rng.normal(1, 2, (2, 20))
    expected = unit**2 * Quantiles(values).own_spread(samples)
    assert Quantiles(values * unit).own_spread(samples * unit) == pytest.approx(expected, rel=1e-9)


def test_the_spread_of_the_potential_of_a_shift_and_a_stretch():
    """From y to a y + b the potential is (1 - a) y² - 2 b y."""
    values = np.random.default_rng(0).normal(size=(1, 4000))
    for a, b in ((1.0, 3.0), (2.0, 0.0), (0.5, -1.0)):
        expected = ((1 - a) * values**2 - 2 * b * values).std()
        assert Quantiles(values).own_spread(a * values + b)[0] == pytest.approx(expected, rel=1e-3)
