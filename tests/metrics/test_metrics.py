"""Metrics against closed forms, SciPy, brute force, and samplers written anew in NumPy."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from samplers import COUNT, PERFECT, experiment_of, line, measured, on_modes, ring, setup_of
from scipy import integrate

from ganviz.experiment import KINDS
from ganviz.metrics import METRICS, Reference, density, evaluate
from ganviz.metrics.modes import Modes
from ganviz.run import SAMPLE_METRICS, STEP_METRICS

DIVERGENCES = ("kl", "reverse_kl", "js", "tv", "w1", "w2", "energy")
UNBOUNDED = ("kl", "reverse_kl", "mode_kl")


def test_every_kind_has_its_sampler():
    assert {name.split(" ")[0] for name in PERFECT} == set(KINDS)


@pytest.mark.parametrize("name", PERFECT)
def test_perfect_dead_and_far_samples_of_every_kind(name):
    experiment, perfect = setup_of(name)
    extent = np.ptp(perfect, axis=0).max()
    scores = measured(experiment, perfect)
    assert 0 <= scores["js"] < 0.006
    assert 0 <= scores["kl"] < 0.02
    assert 0 <= scores["reverse_kl"] < 0.02
    assert scores["w1"] < 0.2 * np.ptp(perfect, axis=0).max()
    if "modes" in scores:
        assert scores["high_quality"] > 0.98
    nearest = perfect[np.abs(perfect - perfect.mean(axis=0)).sum(axis=1).argmin()]
    for point in (perfect.mean(axis=0), perfect[0], nearest):
        dead = measured(experiment, np.tile(point, (COUNT, 1)))
        for metric in DIVERGENCES:
            assert dead[metric] > (2 if metric == "w2" else 3) * scores[metric], metric
        assert dead["js"] > 0.2
        if scores.get("modes", 1.0) > 1:
            assert dead["modes"] <= 1
    for way in (1e3, -1e6):
        far = measured(experiment, perfect + way * extent)
        assert far["js"] == pytest.approx(math.log(2), abs=2e-3)
        assert far["tv"] == pytest.approx(1, abs=1e-3)
        assert far["kl"] == math.inf
        assert far["reverse_kl"] > 2
        assert far["w1"] > 100 * scores["w1"]
        assert far["precision"] == far["recall"] == far.get("high_quality", 0) == far.get("modes", 0) == 0
        assert far.get("mode_kl", math.inf) == math.inf
        assert all(math.isfinite(value) for name, value in far.items() if name not in UNBOUNDED)


def test_a_single_point_mass_is_met_exactly():
    experiment = experiment_of("diracs", means=[2.0])
    assert measured(experiment, np.full(COUNT, 2.0))["js"] < 1e-9
    assert measured(experiment, np.full(COUNT, 2.0))["w1"] == 0
    missed = measured(experiment, np.full(COUNT, 5.0))
    assert missed["w1"] == pytest.approx(3.0)
    assert missed["js"] == pytest.approx(math.log(2), abs=2e-3)
    assert missed["modes"] == 0


@pytest.mark.parametrize("means", [[-1.0, 1.0], [1.0, -1.0], [0.0, 1.0, 2.0, 5.0]])
@pytest.mark.parametrize("heavy", [0.1, 1.0, 1.5, 30.0])
def test_point_masses_are_told_apart_however_unequal_they_are(means, heavy):
    """A median that is the largest value itself parts nothing."""
    weights = np.array([heavy] + [1.0] * (len(means) - 1))
    shares = weights / weights.sum()
    for experiment in (
        experiment_of("diracs", means=means, weights=weights.tolist()),
        experiment_of("diracs", means=means[::-1], weights=weights[::-1].tolist()),
    ):
        perfect = np.repeat(means, np.round(shares * COUNT).astype(int))
        assert measured(experiment, perfect)["js"] < 1e-3
        for place, share in zip(means, shares, strict=True):
            dead = measured(experiment, np.full(COUNT, place))
            # JS between a point of the given share and all of it, in closed form.
            middle = (1 + share) / 2
            js = (share * math.log(share / middle) + (1 - share) * math.log(2) - math.log(middle)) / 2
            assert dead["js"] == pytest.approx(js, abs=5e-3)
            assert dead["reverse_kl"] == pytest.approx(-math.log(share), abs=0.05)


# Closed forms


@pytest.mark.parametrize(
    ("m", "s", "js", "distance"),
    [
        (1, 1, 0.11142148218474, 1.0),
        (2, 1, 0.33683082034683, 2.0),
        (3, 1, 0.52677730652137, 3.0),
        (0, 2, 0.092733381666413, 0.7978845608),
    ],
)
def test_gaussians_against_closed_forms(m, s, js, distance):
    rng = np.random.default_rng(0)
    found = []
    for seed in range(4):
        found.append(measured(experiment_of("gaussian", seed), rng.normal(m, s, COUNT)))
        turned = experiment_of("gaussian", seed, mean=float(m), std=float(s))
        found.append(measured(turned, rng.normal(0, 1, COUNT)))
    for scores in found:
        assert scores["js"] == pytest.approx(js, abs=0.012)
        # The mean of 4,096 samples is off by 1/64 at one standard error.
        assert scores["w1"] == pytest.approx(distance, abs=0.07)
    assert np.mean([scores["js"] for scores in found]) == pytest.approx(js, abs=0.005)
    assert np.mean([scores["w1"] for scores in found]) == pytest.approx(distance, rel=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_both_kls_against_closed_forms(seed):
    rng = np.random.default_rng(seed)
    near = measured(experiment_of("gaussian", seed), rng.normal(1, 1, COUNT))
    assert near["kl"] == pytest.approx(0.5, abs=0.06)
    assert near["reverse_kl"] == pytest.approx(0.5, abs=0.06)
    # KL(N(0,1) || N(0,2)) = 0.318, the other way 0.807, of which cells see less: outside them the ratio is lost.
    wide = measured(experiment_of("gaussian", seed), rng.normal(0, 2, COUNT))
    assert wide["kl"] == pytest.approx(0.3181471806, abs=0.03)
    assert 0.45 < wide["reverse_kl"] < 0.8069
    narrow = measured(experiment_of("gaussian", seed, std=2.0), rng.normal(0, 1, COUNT))
    assert narrow["reverse_kl"] == pytest.approx(0.3181471806, abs=0.03)
    assert narrow["kl"] > 2 * 0.3


def test_js_in_the_plane_against_integration():
    """Two round Gaussians one standard deviation apart: the same JS as on the line."""
    found = []
    for seed in range(3):
        samples = np.random.default_rng(seed).normal((1.0, 0.0), 1.0, (COUNT, 2))
        found.append(measured(experiment_of("gaussian", seed, mean=[0.0, 0.0]), samples)["js"])
    assert np.mean(found) == pytest.approx(0.11142148218474, abs=0.015)


def test_half_the_mass_missing():
    """Samples from one of two equal modes: JS = 3/2 ln 2 - 3/4 ln 3, reverse KL = ln 2."""
    experiment = experiment_of("mixture", means=[-5.0, 5.0], stds=0.5)
    found = measured(experiment, np.random.default_rng(0).normal(5.0, 0.5, COUNT))
    assert found["js"] == pytest.approx(1.5 * math.log(2) - 0.75 * math.log(3), abs=0.01)
    assert found["reverse_kl"] == pytest.approx(math.log(2), abs=0.02)
    assert found["w1"] == pytest.approx(5.0, rel=0.03)
    assert found["modes"] == 1


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_k_of_eight_modes(k):
    rng = np.random.default_rng(k)
    found = measured(experiment_of("ring"), on_modes(rng, ring(8)[:k], 0.02))
    assert found["modes"] == k
    assert found["reverse_kl"] == pytest.approx(math.log(8 / k), abs=0.05)
    assert found["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.006)


def test_metrics_do_not_depend_on_the_units():
    rng = np.random.default_rng(0)
    samples = rng.normal(0.5, 1.2, COUNT)
    small = measured(experiment_of("gaussian"), samples)
    large = measured(experiment_of("gaussian", mean=1000.0, std=100.0), 1000 + 100 * samples)
    assert large["js"] == pytest.approx(small["js"], abs=1e-3)
    assert large["kl"] == pytest.approx(small["kl"], abs=1e-2)
    assert large["w1"] == pytest.approx(100 * small["w1"], rel=1e-3)
    assert large["high_quality"] == small["high_quality"]


def test_divergences_grow_with_the_distance():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=COUNT)
    found = [measured(experiment_of("gaussian"), noise + m) for m in (0, 0.5, 1, 2, 4)]
    for metric in DIVERGENCES:
        values = [scores[metric] for scores in found]
        assert values == sorted(values), metric
        assert values[0] < values[1] / 3


# Transport


@pytest.mark.parametrize("theta", [-2.0, 0.5, 1.0, 3.0])
def test_two_parallel_lines(theta):
    """Example 1 of the WGAN paper: W1 = |theta| and JS = ln 2 however near the lines are."""
    found = measured(experiment_of("line"), line(np.random.default_rng(0), theta))
    assert found["w1"] == pytest.approx(abs(theta), rel=0.01)
    assert found["js"] == pytest.approx(math.log(2), abs=2e-3)
    near = measured(experiment_of("line"), line(np.random.default_rng(0), 1e-3))
    assert near["js"] == pytest.approx(math.log(2), abs=2e-3)
    assert near["w1"] < 0.04


def test_w1_of_standardised_data_is_in_standard_deviations():
    experiment = experiment_of("file", path="faithful.csv")
    rows = experiment.table.points
    assert measured(experiment, rows + rows.std(axis=0) * (3.0, 4.0))["w1"] == pytest.approx(5.0, abs=0.05)
    plain = experiment_of("file", path="faithful.csv", standardize=False)
    assert evaluate(plain, rows + np.array([30.0, 40.0]))["w1"] == pytest.approx(50.0, abs=0.05)


# Modes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["ring", "grid", "mixture in the plane"])
def test_the_true_mixture_scores_98_889_percent(name, seed):
    experiment, perfect = setup_of(name, seed)
    found = measured(experiment, perfect)
    assert found["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.006)
    assert found["modes"] == {"ring": 8, "grid": 25}.get(name, 2)


def test_the_true_mixture_on_the_line_scores_99_73_percent():
    experiment, perfect = setup_of("mixture")
    assert measured(experiment, perfect)["high_quality"] == pytest.approx(math.erf(3 / math.sqrt(2)), abs=0.004)


def test_three_standard_deviations_are_the_border():
    centres, stds = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[1.0, 1.0], [0.1, 0.2]])
    good = np.array([[0.0, 2.99], [-2.0, 2.2], [10.29, 0.0], [10.0, -0.59]])
    bad = np.array([[0.0, 3.01], [-2.2, 2.2], [10.31, 0.0], [10.29, 0.59], [5.0, 0.0]])
    for samples, counts in ((good, [2, 2]), (bad, [0, 0]), (np.concatenate([good[:2], bad]), [2, 0])):
        found = Modes(centres, stds).evaluate(samples)
        assert found["high_quality"] == pytest.approx(sum(counts) / len(samples))
        assert found["modes"] == np.count_nonzero(counts)
        assert list(Modes(centres, stds).counts(samples)) == counts
        assert Modes(centres, stds).missing(samples).tolist() == centres[np.array(counts) == 0].tolist()


def test_kl_over_modes_against_its_formula():
    centres, stds, shares = np.array([[0.0], [5.0], [9.0]]), np.full((3, 1), 0.1), np.array([0.2, 0.3, 0.5])
    modes = Modes(centres, stds, shares)
    samples = np.concatenate([np.repeat(centres[:2, 0], (1, 3)), [2.0, 100.0]])[:, None]
    expected = 0.25 * math.log(0.25 / 0.2) + 0.75 * math.log(0.75 / 0.3)
    assert modes.evaluate(samples)["mode_kl"] == pytest.approx(expected, rel=1e-12)
    assert modes.evaluate(np.repeat(centres, (2, 3, 5), axis=0))["mode_kl"] == pytest.approx(0, abs=1e-15)
    assert modes.evaluate(samples[-2:])["mode_kl"] == math.inf
    for k in (1, 2, 4, 8):
        ring_modes = Modes(np.array(ring(8)), np.full((8, 2), 0.02))
        assert ring_modes.evaluate(np.array(ring(8)[:k]))["mode_kl"] == pytest.approx(math.log(8 / k), abs=1e-12)


def test_unequal_shares_and_one_sample_are_enough_for_a_mode():
    samples = np.tile(ring(8)[0], (COUNT, 1))
    samples[7] = ring(8)[3]
    samples[8] = (0.0, 0.0)
    found = measured(experiment_of("ring"), samples)
    assert found["modes"] == 2
    assert found["high_quality"] == pytest.approx(1 - 1 / COUNT)


@pytest.mark.parametrize("kind", ["uniform", "student-t", "disjoint", "moons", "checkerboard", "pinwheel", "line"])
def test_data_without_modes_has_no_mode_metrics(kind):
    experiment, perfect = setup_of(kind)
    found = {name for name in measured(experiment, perfect) if not name.endswith("_error")}
    in_the_plane = {"sliced_w2"} if experiment.dimension == 2 else set()
    assert found == {*DIVERGENCES, "precision", "recall"} | in_the_plane


# Density


def normal(x, mean, std):
    return np.exp(-(((x - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))


DENSITIES = {
    "gaussian": ({"mean": 1.0, "std": 0.5}, lambda x: normal(x, 1.0, 0.5)),
    "mixture": (
        {"means": [-2.0, 1.0], "stds": [0.5, 0.2], "weights": [1.0, 3.0]},
        lambda x: 0.25 * normal(x, -2, 0.5) + 0.75 * normal(x, 1, 0.2),
    ),
    "uniform": ({"low": -1.0, "high": 3.0}, lambda x: np.where((x >= -1) & (x <= 3), 0.25, 0.0)),
    "disjoint": (
        {"gap": 1.5, "width": 0.8},
        lambda x: np.where((np.abs(x) >= 0.75) & (np.abs(x) <= 1.55), 0.625, 0.0),
    ),
    "laplace": ({"mean": 1.0, "scale": 0.5}, lambda x: np.exp(-2 * np.abs(x - 1))),
    "student-t": (
        {"mean": 1.0, "scale": 2.0, "dof": 3.0},
        lambda x: 2 / (math.pi * math.sqrt(3)) / (1 + ((x - 1) / 2) ** 2 / 3) ** 2 / 2,
    ),
    "exponential": ({"low": 1.0, "scale": 2.0}, lambda x: np.where(x >= 1, np.exp(-(x - 1) / 2) / 2, 0.0)),
}


@pytest.mark.parametrize("kind", DENSITIES)
def test_density_against_its_formula_and_as_a_density(kind):
    fields, formula = DENSITIES[kind]
    experiment = experiment_of(kind, **fields)
    # None of the points is an edge of a support, where the value is a matter of taste.
    x = np.linspace(-6.0137, 8.0, 500)
    assert density(experiment, x) == pytest.approx(formula(x), rel=1e-9, abs=1e-12)
    whole, _ = integrate.quad(
        lambda place: density(experiment, np.array([place]))[0],
        -400,
        400,
        points=[-2, -1.55, -1, -0.75, 0.75, 1, 1.55, 3],
        limit=500,
    )
    assert whole == pytest.approx(1, abs=1e-5)
    # The samples that are trained on follow it.
    points = Reference(experiment).points[:, 0]
    edges = np.linspace(*np.quantile(points, [0.01, 0.99]), 30)
    counts = np.histogram(points, edges)[0] / len(points)
    expected = [integrate.quad(formula, a, b)[0] for a, b in itertools.pairwise(edges)]
    assert counts == pytest.approx(expected, abs=5 * math.sqrt(max(counts) / len(points)))


@pytest.mark.parametrize("name", ["ring", "diracs", "file with one column", "gaussian in the plane", "line"])
def test_no_density_for_points_files_and_the_plane(name):
    experiment, _ = setup_of(name)
    assert density(experiment, np.linspace(-1, 1, 5)) is None


# What is refused, and what is left alone


@pytest.mark.parametrize(
    ("name", "samples", "word"),
    [
        ("ring", np.zeros((5, 3)), "(5, 3)"),
        ("ring", np.zeros(5), "(n, 2)"),
        ("ring", np.zeros((0, 2)), "at least one row"),
        ("ring", np.zeros((2, 2, 2)), "(2, 2, 2)"),
        ("gaussian", np.zeros((5, 2)), "(n, 1)"),
        ("gaussian", 1.0, "()"),
        ("gaussian", [], "at least one row"),
        ("ring", [[0.0, math.nan]], "not finite"),
        ("gaussian", [0.0, -math.inf], "not finite"),
        ("gaussian", [0.0, -1e101], "1e+101"),
    ],
)
def test_samples_that_cannot_be_measured_are_refused(name, samples, word):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as raised:
        evaluate(setup_of(name)[0], samples)
    assert word in str(raised.value)


def test_measuring_leaves_everything_as_it_was():
    experiment, perfect = setup_of("ring")
    before = perfect.copy()
    first = measured(experiment, perfect)
    assert np.array_equal(perfect, before)
    measured(experiment, np.zeros((10, 2)))
    assert measured(experiment, perfect) == first
    assert measured(experiment, perfect.tolist()) == first
    reference = Reference(experiment)
    assert reference.evaluate(perfect, 128) == first
    assert reference.evaluate(perfect.astype(np.float32), 128)["js"] == pytest.approx(first["js"], abs=1e-3)


def test_a_vector_is_a_column():
    experiment, perfect = setup_of("gaussian")
    assert measured(experiment, perfect[:, 0]) == measured(experiment, perfect)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 100])
def test_few_samples(n):
    needed = {"energy": 2, "recall": 4, "energy_error": 3, "recall_error": 4}
    needed |= dict.fromkeys(("w1_error", "w2_error", "sliced_w2_error"), 4)
    for name in ("ring", "gaussian", "file with two"):
        experiment, perfect = setup_of(name)
        found = measured(experiment, perfect[:n])
        every = set(measured(experiment, perfect))
        assert set(found) == {metric for metric in every if n >= needed.get(metric, 1)}
        assert all(math.isfinite(value) for metric, value in found.items() if metric not in UNBOUNDED)
        # With one cell for all there is no cell that could be empty.
        assert n >= 32 or math.isfinite(found["kl"])
        assert 0 <= found["js"] <= math.log(2)


def test_every_metric_is_described():
    beside = {"slope_data", "slope_grid", "critic_bound"}
    errors = {name for name in METRICS if name.endswith("_error")}
    assert set(METRICS) - errors - beside == {*STEP_METRICS, *SAMPLE_METRICS} - beside
    assert beside <= set(METRICS)
    assert {name.removesuffix("_error") for name in errors} <= set(METRICS)
    for name in {*SAMPLE_METRICS, *beside, *errors}:
        assert METRICS[name].estimator, name
    for name in set(SAMPLE_METRICS) - beside:
        assert METRICS[name].best in ("low", "high", "data"), name
    nats = {"kl", "reverse_kl", "js", "mode_kl"}
    assert {name for name, metric in METRICS.items() if metric.unit == "nats"} == nats
    experiment, perfect = setup_of("ring")
    assert set(measured(experiment, perfect)) - errors == set(SAMPLE_METRICS) - beside
    assert set(measured(experiment, perfect)) & errors == errors


def test_a_reference_is_made_without_scipy():
    """A window waits for it: what takes half a second to import comes with the first measurement."""
    code = (
        "import sys; from ganviz.experiment import Experiment; from ganviz.metrics import Reference\n"
        "for kind in ('ring', 'student-t'):\n"
        "    reference = Reference(Experiment.from_mapping({'data': {'kind': kind}}))\n"
        "    assert len(reference.box) == reference.points.shape[1]\n"
        "assert not {'scipy.optimize', 'scipy.spatial', 'scipy.special'} & set(sys.modules)\n"
        "assert reference.evaluate(reference.points[:50])['w1'] > 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# Infinite or not


def test_kl_of_a_shifted_gaussian_is_finite():
    """The true value is m²/2 (REFERENCES.md: 0.5 and 2); joining empty cells takes from it, finite samples add."""
    rng, experiment = np.random.default_rng(1), experiment_of("gaussian")
    for m, expected, tolerance in ((1.0, 0.5, 0.05), (2.0, 2.0, 0.35)):
        found = [evaluate(experiment, rng.normal(m, 1, COUNT))["kl"] for _ in range(10)]
        assert np.mean(found) == pytest.approx(expected, abs=tolerance)


def test_kl_of_what_never_meets_the_data_is_infinite():
    rng, experiment = np.random.default_rng(1), experiment_of("gaussian")
    assert evaluate(experiment, rng.normal(6, 1, COUNT))["kl"] == math.inf
    assert evaluate(experiment, np.zeros(COUNT))["kl"] == math.inf
    # Half of the data is never met.
    assert evaluate(experiment, np.abs(rng.normal(0, 1, COUNT)))["kl"] == math.inf


@pytest.mark.parametrize("captured", range(1, 8))
def test_kl_is_infinite_without_a_whole_mode(captured):
    rng, experiment = np.random.default_rng(1), experiment_of("ring", modes=8, radius=1.0, std=0.02)
    samples = on_modes(rng, ring(8)[:captured], 0.02)
    assert evaluate(experiment, samples)["kl"] == math.inf
    assert math.isfinite(evaluate(experiment, on_modes(rng, ring(8), 0.02))["kl"])
    # A single sample of seven is no evidence about a mode.
    assert math.isfinite(evaluate(experiment, on_modes(rng, ring(8), 0.02, n=7))["kl"])
