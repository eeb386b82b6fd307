"""Real samples against SciPy's distributions and against geometry."""

import itertools

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ganviz.engine import random
from ganviz.engine.data import ROWS, data_plan, fill_real, modes_of
from ganviz.experiment import KINDS, Experiment

N = 40_000
SURE = 1e-4

DTYPES = {32: np.float32, 64: np.float64}


def experiment_of(kind: str, **fields: object) -> Experiment:
    return Experiment.from_mapping({"precision": 64, "data": {"kind": kind, **fields}})


@numba.njit(error_model="numpy")
def fill(plan, out, count, pool, cursor, stream, update, step, seed, words):
    fill_real(plan, out, count, pool, cursor, stream, update, step, seed, words)


def sample(plan, n=N, seed=0, stream=random.REAL, bits=64, pool=0, cursor=0, update=0, step=0) -> np.ndarray:
    """Draw samples (n, d) in training units, and see that the rest is set to 0 and nothing else is touched."""
    stored = -(-n // 16) * 16 + 16
    around = np.full((plan.dimension + 2, stored), 7, DTYPES[bits])
    words = np.full(4 * stored + 16, 7, DTYPES[bits])
    fill(plan, around[1:-1], n, pool, cursor, stream, update, step, seed, words[:-16])
    assert (around[1:-1, n:] == 0).all()
    assert (around[[0, -1]] == 7).all()
    assert (words[-16:] == 7).all()
    return around[1:-1, :n].T.astype(np.float64)


def draw(kind: str, n: int = N, seed: int = 0, stream: int = random.REAL, bits: int = 64, **fields: object):
    return sample(data_plan(experiment_of(kind, **fields)), n, seed, stream, bits)


def in_training_units(experiment: Experiment, n: int = N) -> np.ndarray:
    from ganviz.engine.training import standardized

    return sample(standardized(experiment), n, experiment.seed, bits=experiment.precision)


def assert_follows(samples: np.ndarray, law) -> None:
    assert stats.kstest(samples, law.cdf).pvalue > SURE


def assert_shares(counts: np.ndarray, shares: np.ndarray | None = None) -> None:
    counts = np.asarray(counts)
    expected = None if shares is None else np.asarray(shares) * counts.sum()
    assert stats.chisquare(counts, expected).pvalue > SURE


def assert_noise(residuals: np.ndarray, std: float) -> None:
    for axis in residuals.T:
        assert_follows(axis, stats.norm(0, std))
    assert abs(np.corrcoef(residuals.T)[0, 1]) < 4.5 / np.sqrt(len(residuals))


class Disjoint:
    """Uniform on [-gap/2 - width, -gap/2] and [gap/2, gap/2 + width]."""

    def __init__(self, gap, width):
        self.gap, self.width = gap, width

    def cdf(self, x):
        left = np.clip((x + self.gap / 2) / self.width + 1, 0, 1)
        return (left + np.clip((x - self.gap / 2) / self.width, 0, 1)) / 2


LINES = [
    ("gaussian", {}, stats.norm()),
    ("gaussian", {"mean": 3.0, "std": 0.2}, stats.norm(3, 0.2)),
    ("gaussian", {"mean": [-1.0], "std": [2.0]}, stats.norm(-1, 2)),
    ("uniform", {"low": -2.0, "high": 7.0}, stats.uniform(-2, 9)),
    ("laplace", {"mean": 1.0, "scale": 0.3}, stats.laplace(1, 0.3)),
    ("student-t", {}, stats.t(3)),
    ("student-t", {"mean": -1.0, "scale": 2.0, "dof": 1.0}, stats.cauchy(-1, 2)),
    ("student-t", {"dof": 0.5}, stats.t(0.5)),
    ("student-t", {"dof": 200.0}, stats.t(200)),
    ("exponential", {"low": 2.0, "scale": 3.0}, stats.expon(2, 3)),
    ("disjoint", {"gap": 2.0, "width": 0.5}, Disjoint(2.0, 0.5)),
    ("disjoint", {"gap": 0.0, "width": 3.0}, stats.uniform(-3, 6)),
]


@pytest.mark.parametrize(("kind", "fields", "law"), LINES)
@pytest.mark.parametrize("bits", [32, 64])
def test_one_dimensional_kinds_follow_scipys_laws(kind, fields, law, bits):
    samples = draw(kind, bits=bits, **fields)
    assert samples.shape == (N, 1)
    assert_follows(samples[:, 0], law)


def test_a_disjoint_distribution_leaves_its_gap_empty():
    samples = draw("disjoint", gap=1.0, width=0.25)
    assert np.abs(samples).min() >= 0.5
    assert np.abs(samples).max() <= 0.75


def test_uniform_and_exponential_keep_to_their_support():
    uniform = draw("uniform", low=5.0, high=5.5)
    assert uniform.min() >= 5
    assert uniform.max() <= 5.5
    assert draw("exponential", low=2.0).min() >= 2


def test_diracs_lie_where_they_are_said_to_with_their_shares():
    means, weights = [-1.0, 0.5, 4.0], [1.0, 2.0, 5.0]
    samples = draw("diracs", means=means, weights=weights)[:, 0]
    assert set(samples) == set(means)
    assert_shares([np.count_nonzero(samples == mean) for mean in means], np.array(weights) / 8)


def test_equal_diracs_have_equal_shares():
    samples = draw("diracs", means=list(range(7)))[:, 0]
    assert_shares(np.bincount(samples.astype(int), minlength=7))


def test_gaussian_in_the_plane_has_a_deviation_for_each_axis():
    samples = draw("gaussian", mean=[1.0, -2.0], std=[0.5, 3.0])
    assert_follows(samples[:, 0], stats.norm(1, 0.5))
    assert_follows(samples[:, 1], stats.norm(-2, 3))
    assert abs(np.corrcoef(samples.T)[0, 1]) < 4.5 / np.sqrt(N)


def test_one_deviation_serves_both_axes():
    samples = draw("gaussian", mean=[0.0, 0.0], std=0.5)
    assert_noise(samples, 0.5)


def test_a_mixture_on_the_line_has_the_sum_of_its_parts_for_distribution():
    means, stds, weights = [-2.0, 0.0, 3.0], [0.2, 1.0, 0.5], [1.0, 3.0, 4.0]
    samples = draw("mixture", means=means, stds=stds, weights=weights)[:, 0]

    def cdf(x):
        parts = zip(means, stds, weights, strict=True)
        return sum(w / 8 * stats.norm.cdf(x, m, s) for m, s, w in parts)

    assert stats.kstest(samples, cdf).pvalue > SURE


MIXTURES = [
    ({"stds": 0.1}, [[0.1, 0.1]] * 3),
    ({"stds": [0.1, 0.2, 0.3]}, [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]),
    ({"stds": [[0.1, 0.2], [0.3, 0.1], [0.2, 0.4]]}, [[0.1, 0.2], [0.3, 0.1], [0.2, 0.4]]),
]


@pytest.mark.parametrize(("fields", "stds"), MIXTURES)
def test_a_mixture_in_the_plane_has_its_modes(fields, stds):
    means, weights = [[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]], [1.0, 2.0, 1.0]
    samples = draw("mixture", means=means, weights=weights, **fields)
    nearest = np.linalg.norm(samples[:, None] - means, axis=2).argmin(1)
    assert_shares(np.bincount(nearest), np.array(weights) / 4)
    for mode in range(3):
        own = samples[nearest == mode] - means[mode]
        for axis in range(2):
            assert_follows(own[:, axis], stats.norm(0, stds[mode][axis]))


@pytest.mark.parametrize("modes", [1, 2, 3, 8, 11])
def test_ring_has_as_many_modes_as_said_none_of_double_weight(modes):
    samples = draw("ring", modes=modes, radius=3.0, std=0.01)
    angles = np.angle(samples[:, 0] + 1j * samples[:, 1])
    mode = np.round(angles * modes / (2 * np.pi)).astype(int) % modes
    assert_shares(np.bincount(mode, minlength=modes)) if modes > 1 else None
    assert np.bincount(mode, minlength=modes).min() > 0
    exact = 2 * np.pi * mode / modes
    assert_noise(samples - 3.0 * np.stack([np.cos(exact), np.sin(exact)], axis=1), 0.01)


def test_ring_samples_are_high_quality_as_often_as_a_gaussian_in_the_plane():
    """REFERENCES.md: within 3 standard deviations 98.889 %, not 99.7 %."""
    experiment = experiment_of("ring")
    samples = draw("ring")
    centres, stds, shares = modes_of(experiment)
    assert shares == pytest.approx(np.full(8, 1 / 8))
    near = np.linalg.norm(samples[:, None] - centres, axis=2).min(1) < 3 * stds[0, 0]
    assert stats.binomtest(int(near.sum()), N, 1 - np.exp(-4.5)).pvalue > SURE


@pytest.mark.parametrize("side", [1, 2, 5])
def test_grid_lies_around_the_origin_with_equal_shares(side):
    samples = draw("grid", side=side, spacing=2.0, std=0.05)
    cell = np.round(samples / 2 + (side - 1) / 2).astype(int)
    assert cell.min() == 0
    assert cell.max() == side - 1
    if side > 1:
        assert_shares(np.bincount(cell[:, 0] * side + cell[:, 1], minlength=side**2))
    assert_noise(samples - (cell - (side - 1) / 2) * 2, 0.05)


def test_pacgans_grid_has_its_published_centres():
    centres, stds, _ = modes_of(experiment_of("grid"))
    axis = [-4, -2, 0, 2, 4]
    assert sorted(map(tuple, centres)) == sorted(itertools.product(axis, axis))
    assert (stds == 0.05).all()


def test_swiss_roll_is_scikit_learns():
    """sklearn: t = 1.5 pi (1 + 2 u), (t cos t, t sin t); the WGAN-GP toys divide by 7.5 and so does the noise."""
    scale = 1 / 7.5
    exact = draw("swiss-roll", scale=scale, std=0.0)
    t = np.linalg.norm(exact, axis=1) / scale
    assert_follows(t, stats.uniform(1.5 * np.pi, 3 * np.pi))
    np.testing.assert_allclose(exact, scale * np.stack([t * np.cos(t), t * np.sin(t)], axis=1), atol=1e-12)
    assert_noise(draw("swiss-roll", scale=scale, std=0.25 / 7.5) - exact, 0.25 / 7.5)


def test_moons_are_scikit_learns_two_half_circles():
    exact = draw("moons", std=0.0)
    x, y = exact.T
    # The outer moon is centred at the origin and open below, the inner one at (1, 1/2) and open above.
    outer = np.isclose(np.hypot(x, y), 1) & (y >= 0)
    inner = np.isclose(np.hypot(x - 1, y - 0.5), 1) & (y <= 0.5)
    assert (outer ^ inner).all()
    assert_shares([outer.sum(), inner.sum()])
    assert_follows(np.arctan2(y, x)[outer], stats.uniform(0, np.pi))
    assert_follows(np.arctan2(0.5 - y, 1 - x)[inner], stats.uniform(0, np.pi))
    assert_noise(draw("moons", std=0.1) - exact, 0.1)


@pytest.mark.parametrize(("arms", "turns", "radius"), [(1, 1.5, 2.0), (2, 1.0, 1.0), (5, 0.3, 1.0)])
def test_spiral_has_arms_of_archimedes(arms, turns, radius):
    exact = draw("spiral", arms=arms, turns=turns, radius=radius, std=0.0)
    r = np.linalg.norm(exact, axis=1) / radius
    assert r.max() <= 1
    assert_follows(r**2, stats.uniform())
    # Archimedes: the angle grows with the radius; what is left is the arm's.
    left = np.angle((exact[:, 0] + 1j * exact[:, 1]) * np.exp(-2j * np.pi * turns * r)) * arms / (2 * np.pi)
    arm = np.round(left)
    far = r > 1e-6
    np.testing.assert_allclose(left[far], arm[far], atol=1e-6)
    if arms > 1:
        assert_shares(np.bincount(arm.astype(int) % arms, minlength=arms))
    assert_noise(draw("spiral", arms=arms, turns=turns, radius=radius, std=0.03) - exact, 0.03)


def test_circle_is_even_in_its_angle():
    exact = draw("circle", radius=2.0, std=0.0)
    np.testing.assert_allclose(np.linalg.norm(exact, axis=1), 2)
    assert_follows(np.arctan2(exact[:, 1], exact[:, 0]), stats.uniform(-np.pi, 2 * np.pi))
    assert_noise(draw("circle", radius=2.0, std=0.1) - exact, 0.1)


@pytest.mark.parametrize("side", [2, 3, 4, 5, 8, 9, 32])
def test_checkerboard_fills_its_dark_fields_evenly_and_no_other(side):
    spacing = 0.5
    samples = draw("checkerboard", side=side, spacing=spacing)
    place = samples / spacing + side / 2
    field = np.floor(place).astype(int)
    assert field.min() >= 0
    assert field.max() <= side - 1
    assert (field.sum(axis=1) % 2 == 0).all()
    counts = np.zeros((side, side), int)
    np.add.at(counts, tuple(field.T), 1)
    dark = counts[np.indices((side, side)).sum(0) % 2 == 0]
    assert len(dark) == (side**2 + 1) // 2
    assert_shares(dark)
    for axis in (place - field).T:
        assert_follows(axis, stats.uniform())


@pytest.mark.parametrize(("arms", "rate"), [(1, 0.25), (3, -0.1), (5, 0.25)])
def test_pinwheel_is_wound_with_the_exponential_of_the_radius(arms, rate):
    exact = draw("pinwheel", arms=arms, rate=rate, radial_std=0.1, tangential_std=0.0)
    radius = np.linalg.norm(exact, axis=1)
    assert_follows(radius, stats.norm(1, 0.1))
    # Clockwise, as in the authors' code; what the winding leaves is the arm's own angle.
    turned = (exact[:, 0] + 1j * exact[:, 1]) * np.exp(1j * rate * np.exp(radius))
    left = -np.angle(turned) * arms / (2 * np.pi)
    arm = np.round(left)
    np.testing.assert_allclose(left, arm, atol=1e-9)
    if arms > 1:
        assert_shares(np.bincount(arm.astype(int) % arms, minlength=arms))


def test_straight_pinwheel_has_a_normal_distribution_on_each_arm():
    samples = draw("pinwheel", arms=3, rate=0.0, radial_std=0.1, tangential_std=0.02)
    z = samples[:, 0] + 1j * samples[:, 1]
    arm = np.round(-np.angle(z) * 3 / (2 * np.pi))
    own = z * np.exp(2j * np.pi * arm / 3)
    assert_follows(own.real, stats.norm(1, 0.1))
    assert_follows(own.imag, stats.norm(0, 0.02))
    assert abs(np.corrcoef(own.real, own.imag)[0, 1]) < 4.5 / np.sqrt(N)


def test_line_is_the_wgan_papers():
    exact = draw("line", position=0.7, length=2.0)
    assert set(exact[:, 0]) == {0.7}
    assert_follows(exact[:, 1], stats.uniform(0, 2))
    assert_noise(draw("line", position=0.7, length=2.0, std=0.1) - exact, 0.1)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_file_gives_its_rows_each_about_equally_often(tmp_path, columns):
    rows = np.random.default_rng(3).normal(100, 5, (30, columns))
    np.save(tmp_path / "rows.npy", rows)
    samples = draw("file", path=str(tmp_path / "rows.npy"))
    known = {tuple(row): index for index, row in enumerate(rows)}
    assert_shares(np.bincount([known[tuple(row)] for row in samples], minlength=len(rows)))


def test_every_kind_of_data_has_a_sampler(tmp_path):
    np.save(tmp_path / "rows.npy", np.eye(2))
    for kind in KINDS:
        fields = {"path": str(tmp_path / "rows.npy")} if kind == "file" else {}
        experiment = experiment_of(kind, **fields)
        samples = draw(kind, n=10, **fields)
        assert samples.shape == (10, experiment.dimension)
        assert np.isfinite(samples).all()


MADE_UP = [kind for kind in KINDS if kind != "file"]
WEIGHTED = {"means": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], "stds": 0.1, "weights": [1.0, 2.0, 5.0]}


@pytest.mark.parametrize("kind", MADE_UP)
@pytest.mark.parametrize("bits", [32, 64])
def test_sample_i_is_the_same_whatever_the_batch(kind, bits):
    most = draw(kind, n=1000, bits=bits)
    for n in (1, 7, 16, 33, 100, 999):
        assert np.array_equal(draw(kind, n=n, bits=bits), most[:n])


@pytest.mark.parametrize(("kind", "fields"), [*((kind, {}) for kind in MADE_UP), ("mixture", WEIGHTED)])
def test_32_bits_round_the_samples_of_64(kind, fields):
    single, double = (draw(kind, bits=bits, **fields) for bits in (32, 64))
    size = 1 if kind == "student-t" else np.abs(double).max()
    np.testing.assert_allclose(single, double, rtol=3e-6, atol=3e-6 * size)


@given(st.lists(st.floats(1e-9, 1e6), min_size=1, max_size=40))
@settings(deadline=None)
def test_the_table_of_a_mixture_gives_each_mode_its_share(weights):
    plan = data_plan(experiment_of("mixture", means=list(range(len(weights))), weights=weights))
    keep, instead = plan.rows[:, -2], plan.rows[:, -1].astype(int)
    assert (keep >= 0).all()
    shares = np.minimum(keep, 1)
    np.add.at(shares, instead, 1 - np.minimum(keep, 1))
    np.testing.assert_allclose(shares / len(weights), weights / np.sum(weights), atol=1e-13)
    found = modes_of(experiment_of("mixture", means=list(range(len(weights))), weights=weights))
    assert found is not None
    np.testing.assert_allclose(found[2], weights / np.sum(weights), atol=1e-13)


@pytest.mark.parametrize("bits", [32, 64])
def test_many_modes_of_unequal_shares_are_drawn_by_their_shares(bits):
    weights = np.random.default_rng(0).uniform(0.1, 2, 300)
    samples = draw("diracs", bits=bits, means=list(range(300)), weights=weights.tolist())[:, 0]
    assert_shares(np.bincount(samples.astype(int), minlength=300), weights / weights.sum())


@pytest.mark.parametrize("bits", [32, 64])
def test_every_row_of_a_large_file_can_be_drawn(bits):
    """In 32 bits an index made of a rounded number would miss every second row, or more."""
    rows = 7_000_001
    plan = data_plan(experiment_of("gaussian"))._replace(kind=ROWS, rows=np.arange(rows, dtype=np.float64)[:, None])
    samples = sample(plan, 200_000, bits=bits)[:, 0]
    assert_follows(samples, stats.uniform(0, rows))
    for divisor in (2, 8, 125):
        assert_shares(np.bincount(samples.astype(int) % divisor))
    assert np.array_equal(samples, sample(plan, 200_000, bits=64)[:, 0])


@pytest.mark.parametrize("kind", MADE_UP)
def test_a_pool_has_the_samples_of_its_places_at_every_visit(kind):
    plan, size = data_plan(experiment_of(kind)), 57
    members = sample(plan, size, stream=random.DATA_POOL)
    for cursor, place in ((0, {}), (4 * size, {"stream": random.SHOWN_REAL, "update": 3, "step": 8})):
        epoch = sample(plan, size, pool=size, cursor=cursor, **place)
        # Which member stands where is the same for all kinds; the line tells them apart.
        order = sample(data_plan(experiment_of("uniform")), size, pool=size, cursor=cursor)[:, 0]
        all_of_them = sample(data_plan(experiment_of("uniform")), size, stream=random.DATA_POOL)[:, 0]
        where = [int(np.flatnonzero(all_of_them == x)[0]) for x in order]
        assert sorted(where) == list(range(size))
        assert where != list(range(size))
        assert np.array_equal(epoch, members[where])


def test_a_pool_of_a_file_is_its_rows(tmp_path):
    rows = np.random.default_rng(3).normal(100, 5, (30, 2))
    np.save(tmp_path / "rows.npy", rows)
    plan = data_plan(experiment_of("file", path=str(tmp_path / "rows.npy")))

    def of(samples):
        return sorted(map(tuple, samples))

    for epoch in range(3):
        assert of(sample(plan, 30, pool=30, cursor=30 * epoch)) == of(rows)
    first = sample(plan, 8, pool=8)
    assert len(set(of(first))) == 8
    assert set(of(first)) < set(of(rows))
    assert of(sample(plan, 8, pool=8, cursor=16, step=5)) == of(first)
    assert of(sample(plan, 8, pool=8, seed=1)) != of(first)


def test_a_pool_of_a_file_is_drawn_without_return_within_an_epoch_across_its_border(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(10.0))
    plan = data_plan(experiment_of("file", path=str(tmp_path / "rows.npy")))
    long = sample(plan, 40, pool=10)[:, 0]
    assert np.array_equal(sample(plan, 13, pool=10, cursor=5)[:, 0], long[5:18])
    for epoch in long.reshape(4, 10):
        assert sorted(epoch) == list(range(10))


@pytest.mark.parametrize("kind", ["ring", "student-t", "moons", "checkerboard"])
def test_streams_seeds_updates_and_steps_differ(kind):
    one, plan = draw(kind, n=1000), data_plan(experiment_of(kind))
    changes = ({"seed": 1}, {"stream": random.SHOWN_REAL}, {"update": 1}, {"step": 1})
    for other in (sample(plan, 1000, **change) for change in changes):
        assert not np.array_equal(one, other)
        for axis in range(one.shape[1]):
            assert abs(stats.spearmanr(one[:, axis], other[:, axis]).statistic) < 4.5 / np.sqrt(1000)


@pytest.mark.parametrize(("kind", "fields"), [*((kind, {}) for kind in MADE_UP), ("mixture", WEIGHTED)])
def test_samples_in_training_units_are_those_of_the_own_units_shifted_and_scaled(kind, fields):
    plan = data_plan(experiment_of(kind, **fields))
    shift, scale = np.array([3.0, -2.0]), np.array([0.5, 4.0])
    moved = sample(plan._replace(shift=shift, scale=scale), 500)
    own = (sample(plan, 500) - shift[: plan.dimension]) / scale[: plan.dimension]
    np.testing.assert_allclose(moved, own, rtol=1e-12, atol=1e-12)


FAR = [
    ("gaussian", {"mean": 1e6 - 2e-3, "std": 1e-3}),
    ("uniform", {"low": 1e6 - 2e-3, "high": 1e6}),
    ("exponential", {"low": 1e6 - 2e-3, "scale": 1e-3}),
    ("line", {"position": 1e6, "length": 0.1, "std": 1e-3}),
]


@pytest.mark.parametrize(("kind", "fields"), FAR)
def test_a_small_spread_far_from_zero_survives_32_bits(kind, fields):
    plan = data_plan(experiment_of(kind, **fields))._replace(shift=np.full(2, 1e6), scale=np.full(2, 1e-3))
    single, double = (sample(plan, 1000, bits=bits)[:, 0] for bits in (32, 64))
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-5)
    assert double.std() > 0.3


STANDARDIZED = [
    ("gaussian", {"mean": 100.0, "std": 0.5}),
    ("gaussian", {"mean": [1e6, -3.0], "std": [1e-3, 40.0]}),
    ("mixture", {"means": [-20.0, 30.0], "stds": 0.1}),
    ("uniform", {"low": 10.0, "high": 11.0}),
    ("exponential", {}),
    ("diracs", {"means": [3.0, 9.0]}),
    ("swiss-roll", {}),
    ("line", {"position": 5.0, "std": 0.1}),
]


@pytest.mark.parametrize(("kind", "fields"), STANDARDIZED)
@pytest.mark.parametrize("bits", [32, 64])
def test_standardised_data_has_mean_zero_and_deviation_one(kind, fields, bits):
    experiment = experiment_of(kind, standardize=True, **fields).replace({"precision": bits})
    samples = in_training_units(experiment)
    # The estimates of shift and scale come from other samples; both have errors.
    assert samples.mean(0) == pytest.approx(np.zeros(samples.shape[1]), abs=6 / np.sqrt(N))
    assert samples.std(0) == pytest.approx(np.ones(samples.shape[1]), abs=0.05)


def test_a_file_is_standardised_by_its_own_moments(tmp_path):
    from ganviz.engine.training import standardized

    rows = np.random.default_rng(3).normal([1e5, -2], [3, 0.01], (50, 2))
    np.save(tmp_path / "rows.npy", rows)
    plan = standardized(experiment_of("file", path=str(tmp_path / "rows.npy")))
    np.testing.assert_allclose(plan.shift, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(plan.scale, rows.std(0), rtol=1e-9)
    # All of them, once.
    samples = sample(plan, 50, pool=50)
    np.testing.assert_allclose(samples.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(samples.std(0), 1, rtol=1e-9)


def test_what_is_shown_comes_back_in_its_own_units():
    from ganviz.engine.evaluation import Evaluator
    from ganviz.engine.training import Training

    experiment = experiment_of("gaussian", mean=[50.0, -7.0], std=[2.0, 0.1], standardize=True)
    training = Training(experiment)
    real = Evaluator(experiment, training.data).real(N)
    assert_follows(real[:, 0], stats.norm(50, 2))
    assert_follows(real[:, 1], stats.norm(-7, 0.1))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("line", {"position": 3.0}),
        ("diracs", {"means": [0.0, 1.0], "weights": [1e6, 1e-9]}),
        ("ring", {"radius": 0.0, "std": 0.0}),
        ("gaussian", {"std": 1e-300}),
    ],
)
@pytest.mark.parametrize("bits", [32, 64])
def test_data_without_spread_stays_finite_when_standardised(kind, fields, bits):
    experiment = experiment_of(kind, standardize=True, **fields).replace({"precision": bits})
    assert np.isfinite(in_training_units(experiment)).all()
