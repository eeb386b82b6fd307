"""Real samples against SciPy's distributions and against geometry."""

import itertools

import numpy as np
import pytest
from scipy import stats

from ganviz.engine import random
from ganviz.engine.data import data_plan, modes_of
from ganviz.engine.evaluation import Evaluator
from ganviz.engine.machine import Operation, new_arena
from ganviz.engine.program import Program
from ganviz.engine.training import Training, draw_real, run_program, standardized
from ganviz.experiment import KINDS, Experiment

N = 40_000
SURE = 1e-4


def experiment_of(kind: str, **fields: object) -> Experiment:
    return Experiment.from_mapping({"precision": 64, "data": {"kind": kind, **fields}})


def draw(kind: str, n: int = N, seed: int = 0, stream: int = random.REAL, bits: int = 64, **fields: object):
    plan = data_plan(experiment_of(kind, **fields))
    return draw_real(plan, seed, n, stream, bits).astype(np.float64)


def in_training_units(experiment: Experiment, n: int = N) -> np.ndarray:
    program, plan = Program(), standardized(experiment)
    out = program.matrix(n, plan.dimension)
    program.add(Operation.REAL, y=out.place, m=n, n=out.columns, s=random.REAL)
    arena = new_arena(program.size, experiment.precision)
    run_program(program, arena, plan, experiment.seed)
    return arena[: out.size].reshape(n, -1).astype(np.float64)


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
]


@pytest.mark.parametrize(("kind", "fields", "law"), LINES)
@pytest.mark.parametrize("bits", [32, 64])
def test_one_dimensional_kinds_follow_scipys_laws(kind, fields, law, bits):
    samples = draw(kind, bits=bits, **fields)
    assert samples.shape == (N, 1)
    assert_follows(samples[:, 0], law)


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


def test_line_is_the_wgan_papers():
    exact = draw("line", position=0.7, length=2.0)
    assert set(exact[:, 0]) == {0.7}
    assert_follows(exact[:, 1], stats.uniform(0, 2))
    assert_noise(draw("line", position=0.7, length=2.0, std=0.1) - exact, 0.1)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_file_gives_its_rows_each_about_equally_often(tmp_path, columns):
    rows = np.random.default_rng(3).normal(100, 5, (30, columns))
    np.save(tmp_path / "rows.npy", rows)
    plan = standardized(experiment_of("file", path=str(tmp_path / "rows.npy")))
    samples = draw_real(plan, 0, N, random.REAL, 64)
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


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "file"])
def test_sample_i_is_the_same_whatever_the_batch(kind):
    assert np.array_equal(draw(kind, n=7), draw(kind, n=1000)[:7])


@pytest.mark.parametrize("kind", ["ring", "student-t", "moons", "checkerboard"])
def test_streams_and_seeds_differ(kind):
    one = draw(kind, n=1000)
    for other in (draw(kind, n=1000, seed=1), draw(kind, n=1000, stream=random.SHOWN_REAL)):
        assert not np.array_equal(one, other)
        for axis in range(one.shape[1]):
            assert abs(stats.spearmanr(one[:, axis], other[:, axis]).statistic) < 4.5 / np.sqrt(1000)


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
    rows = np.random.default_rng(3).normal([1e5, -2], [3, 0.01], (50, 2))
    np.save(tmp_path / "rows.npy", rows)
    plan = standardized(experiment_of("file", path=str(tmp_path / "rows.npy")))
    np.testing.assert_allclose(plan.shift, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(plan.scale, rows.std(0), rtol=1e-9)
    assert draw_real(plan, 0, 50, random.REAL, 64).mean() > 1e4  # in its own units


def test_what_is_shown_comes_back_in_its_own_units():
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
