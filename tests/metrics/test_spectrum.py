"""The spectrum of the game against closed forms, against the map that training is, and of made-up matrices."""

import math

import numpy as np
import pytest
from scipy.stats import ortho_group

from ganviz.engine.jacobian import GameJacobian
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Training
from ganviz.experiment import Experiment
from ganviz.metrics import spectrum as module
from ganviz.metrics.spectrum import spectrum


def experiment_of(**fields):
    return Experiment.from_mapping(
        {"precision": 64, **{path.replace("__", "."): value for path, value in fields.items()}}
    )


def train(training, steps):
    assert training.advance(steps, np.zeros((steps, len(RECORDED)))) == steps


# The Dirac-GAN: a point at theta against a point at 0, judged by psi x.

RATE = 0.2
DIRAC = {
    "data__kind": "diracs", "data__means": [0.0], "noise__dimension": 1, "schedule__batch": 4,
    "generator__hidden": [1], "generator__activation": "relu", "discriminator__hidden": [],
    "discriminator__bias": False, "optimizer__generator__kind": "sgd", "optimizer__discriminator__kind": "sgd",
    "optimizer__generator__learning_rate": RATE, "optimizer__discriminator__learning_rate": RATE,
}  # fmt: skip
POINTS = [(0.0, 0.0), (1.0, 1.0), (0.3, -0.7), (-1.2, 0.4)]


def put(training, theta, psi):
    # A hidden unit that is dead for every z leaves the last bias alone: a point that ignores its noise.
    training.flat("generator")[:] = 0, -1, 0, theta
    training.flat("discriminator")[:] = psi


def dirac(theta=0.0, psi=0.0, **fields):
    training = Training(experiment_of(**{**DIRAC, **fields}))
    put(training, theta, psi)
    jacobian = GameJacobian(training.experiment, training.data, 16)
    jacobian.load(training)
    return training, jacobian


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def plain_field(kind, theta, psi):
    """Return v = (-dL_G/dtheta, -dL_D/dpsi), by hand from the losses; t is D's output for the fake."""
    t = theta * psi
    return np.array({
        "minimax": (psi * sigmoid(t), -theta * sigmoid(t)),
        "non-saturating": (psi * sigmoid(-t), -theta * sigmoid(t)),
        "wasserstein": (psi, -theta),
        "least-squares": (psi * (1 - t), -theta * t),
    }[kind])  # fmt: skip


def plain_jacobian(kind, theta, psi):
    """Return the derivatives of `plain_field`, by hand."""
    t = theta * psi
    s, up, down = sigmoid(t) * sigmoid(-t), sigmoid(t), sigmoid(-t)
    return np.array({
        "minimax": [[psi**2 * s, up + t * s], [-up - t * s, -(theta**2) * s]],
        "non-saturating": [[-(psi**2) * s, down - t * s], [-up - t * s, -(theta**2) * s]],
        "wasserstein": [[0, 1], [-1, 0]],
        "least-squares": [[-(psi**2), 1 - 2 * t], [-2 * t, -(theta**2)]],
    }[kind])  # fmt: skip


def consensus_jacobian(kind, theta, psi, weight):
    """Return the derivative of v - weight J'v by complex steps of the formulas above."""
    columns = []
    for unit in np.eye(2) * 1e-30j:
        point = np.array([theta, psi]) + unit
        field = plain_field(kind, *point) - weight * plain_jacobian(kind, *point).T @ plain_field(kind, *point)
        columns.append(field.imag / 1e-30)
    return np.stack(columns, axis=1)


def by_falling_real_part(values):
    """Sort pairs; equal parts differ by rounding."""
    return np.array(sorted(values, key=lambda value: (-round(value.real, 9), -round(value.imag, 9))))


def assert_eigenvalues(found, matrix, zeros=3):
    """Hold all eigenvalues to those of a matrix, beside the zeros of the dead unit."""
    expected = by_falling_real_part([*np.linalg.eigvals(matrix), *np.zeros(zeros)])
    assert np.abs(by_falling_real_part(found.eigenvalues) - expected).max() < 1e-10


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("objective", ["minimax", "non-saturating", "wasserstein", "least-squares"])
def test_the_dirac_gan_without_penalty(objective, point):
    found = spectrum(dirac(*point, objective__kind=objective)[1])
    assert_eigenvalues(found, plain_jacobian(objective, *point))
    assert found.field_norm == pytest.approx(np.linalg.norm(plain_field(objective, *point)), abs=1e-14)
    assert (found.parameters, found.complete, found.batch, found.rate) == (5, True, 16, RATE)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("objective", ["minimax", "non-saturating", "wasserstein"])
@pytest.mark.parametrize(("penalty", "times"), [("r1", 1), ("r2", 1), ("r1-r2", 2)])
def test_the_dirac_gan_with_zero_centred_penalties(objective, point, penalty, times):
    found = spectrum(dirac(*point, objective__kind=objective, penalty__kind=penalty, penalty__weight=0.7)[1])
    assert_eigenvalues(found, plain_jacobian(objective, *point) - np.diag([0, 0.7 * times]))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("objective", ["minimax", "non-saturating", "wasserstein"])
def test_the_dirac_gan_with_consensus(objective, point):
    fields = {"objective__kind": objective, "penalty__kind": "consensus", "penalty__weight": 0.7}
    assert_eigenvalues(spectrum(dirac(*point, **fields)[1]), consensus_jacobian(objective, *point, 0.7))


@pytest.mark.parametrize("point", [point for point in POINTS if point[1]])
@pytest.mark.parametrize("penalty", ["gradient", "dragan"])
def test_the_dirac_gan_with_a_gradient_penalty(penalty, point):
    """The penalty weight (|psi| - 1)^2 has a corner at psi = 0."""
    fields = {"objective__kind": "wasserstein", "penalty__kind": penalty, "penalty__weight": 0.7}
    found = spectrum(dirac(*point, **fields)[1])
    assert_eigenvalues(found, plain_jacobian("wasserstein", *point) - np.diag([0, 1.4]))


TABLE = [
    # Mescheder, Geiger and Nowozin (2018): eigenvalues at equilibrium.
    ("minimax", "none", 0.0, (0.5j, -0.5j), "rotating"),
    ("non-saturating", "none", 0.0, (0.5j, -0.5j), "rotating"),
    ("wasserstein", "none", 0.0, (1j, -1j), "rotating"),
    *((kind, penalty, g, tuple(-g / 2 + sign * (g * g / 4 - 0.25 + 0j) ** 0.5 for sign in (1, -1)), "stable")
      for kind in ("minimax", "non-saturating") for penalty in ("r1", "r2") for g in (0.3, 1.0, 3.0)),
    *((kind, "consensus", g, (-g / 4 + 0.5j, -g / 4 - 0.5j), "stable")
      for kind in ("minimax", "non-saturating") for g in (0.3, 3.0)),
]  # fmt: skip


@pytest.mark.parametrize(("objective", "penalty", "weight", "expected", "verdict"), TABLE)
def test_the_table_of_the_dirac_gan_at_equilibrium(objective, penalty, weight, expected, verdict):
    fields = {"objective__kind": objective, "penalty__kind": penalty, "penalty__weight": weight}
    found = spectrum(dirac(**fields, schedule__updates="simultaneous")[1])
    # Two equal eigenvalues are sensitive to rounding as its root.
    accuracy = 1e-6 if expected[0] == expected[1] else 1e-12
    moving = by_falling_real_part(found.eigenvalues[np.abs(found.eigenvalues) > 1e-9])
    assert np.abs(moving - by_falling_real_part(expected)).max() < accuracy
    assert (found.verdict, found.zeros, found.field_norm) == (verdict, 3, 0)
    limit = min(-2 * value.real / abs(value) ** 2 for value in expected)
    assert found.largest_rate == pytest.approx(max(limit, 0), rel=accuracy)
    assert np.abs(found.multipliers).max() == pytest.approx(
        max(1.0, *(abs(1 + RATE * value) for value in expected)), rel=1e-9
    )


@pytest.mark.parametrize(("penalty", "weight"), [("r1", 0.5), ("r1", 3.0), ("consensus", 1.0)])
def test_below_the_largest_rate_training_comes_back_and_above_it_does_not(penalty, weight):
    fields = {"penalty__kind": penalty, "penalty__weight": weight, "schedule__updates": "simultaneous"}
    limit = spectrum(dirac(**fields)[1]).largest_rate
    assert 0.5 < limit < 10
    for factor, comes_back in ((0.95, True), (1.05, False)):
        rates = {f"optimizer__{player}__learning_rate": factor * limit for player in ("generator", "discriminator")}
        training, _ = dirac(1e-7, 1e-7, **fields, **rates)
        train(training, 400)
        end = np.hypot(training.flat("generator")[-1], training.flat("discriminator")[0])
        assert (end < 1e-7) == comes_back


def test_two_time_scales_scale_the_discriminators_rows():
    point = (0.3, -0.7)
    jacobian = dirac(*point, penalty__kind="r1", penalty__weight=0.7, optimizer__discriminator__learning_rate=0.8)[1]
    found = spectrum(jacobian)
    ratio = np.diag([1, 4])
    own = ratio @ (plain_jacobian("non-saturating", *point) - np.diag([0, 0.7]))
    assert_eigenvalues(found, own)
    assert found.rate == RATE
    assert found.field_norm == pytest.approx(
        np.linalg.norm(ratio @ (plain_field("non-saturating", *point) - [0, 0.7 * point[1]]))
    )


def test_a_frozen_generator_leaves_the_discriminators_rate():
    fields = {"penalty__kind": "r1", "penalty__weight": 0.7, "optimizer__generator__learning_rate": 0.0}
    found = spectrum(dirac(**fields)[1])
    assert_eigenvalues(found, np.diag([0, -0.7]))
    assert (found.verdict, found.zeros, found.rate) == ("stable", 4, RATE)
    assert found.largest_rate == pytest.approx(2 / 0.7)
    assert "below a learning rate of the discriminator of 2.86, the present one is 0.2" in found.sentence


# Multipliers: the map that a step of training is.

ORDERS = {
    "simultaneous": {"schedule__updates": "simultaneous"},
    "alternating": {},
    "three to one": {"schedule__discriminator_steps": 3},
    "two to two": {"schedule__discriminator_steps": 2, "schedule__generator_steps": 2},
    "two to three, together": {
        "schedule__discriminator_steps": 2, "schedule__generator_steps": 3, "schedule__updates": "simultaneous",
    },
    "extragradient": {
        "schedule__updates": "simultaneous",
        **{f"optimizer__{player}__kind": "extragradient" for player in ("generator", "discriminator")},
    },
}  # fmt: skip


@pytest.mark.parametrize("penalty", ["none", "r1"])
@pytest.mark.parametrize("order", ORDERS)
def test_multipliers_are_those_of_the_step_that_training_takes(order, penalty):
    fields = {**ORDERS[order], "penalty__kind": penalty, "penalty__weight": 0.7,
              "optimizer__discriminator__learning_rate": 0.5}  # fmt: skip
    training, jacobian = dirac(**fields)
    start = training.snapshot()

    def step(theta, psi):
        training.restore(start)
        put(training, theta, psi)
        train(training, 1)
        return np.array([training.flat("generator")[-1], training.flat("discriminator")[0]])

    tiny = 1e-5
    own = np.stack([(step(*unit) - step(*-unit)) / (2 * tiny) for unit in tiny * np.eye(2)], axis=1)
    found = by_falling_real_part(spectrum(jacobian).multipliers)
    expected = by_falling_real_part([*np.linalg.eigvals(own), 1, 1, 1])
    assert np.abs(found - expected).max() < 1e-8


@pytest.mark.parametrize("steps", [1, 4])
def test_alternating_steps_of_the_bilinear_game_neither_come_nor_go(steps):
    """Psi first: (theta, psi) is multiplied by [[1 - k h^2, h], [-k h, 1]], whose determinant is 1."""
    found = spectrum(dirac(objective__kind="wasserstein", schedule__discriminator_steps=steps)[1])
    trace = 2 - steps * RATE**2
    expected = trace / 2 + 1j * math.sqrt(1 - trace**2 / 4)
    moving = found.multipliers[np.abs(found.multipliers.imag) > 1e-6]
    assert np.abs(by_falling_real_part(moving) - [expected, expected.conjugate()]).max() < 1e-12
    assert np.abs(moving) == pytest.approx(1, abs=1e-12)
    assert found.verdict == "rotating"


# What adaptive optimizers make of it.


@pytest.mark.parametrize("kind", ["adam", "rmsprop"])
def test_adaptive_optimizers_scale_the_field(kind):
    kinds = {f"optimizer__{player}__kind": kind for player in ("generator", "discriminator")}
    rates = {"optimizer__generator__learning_rate": 0.01, "optimizer__discriminator__learning_rate": 0.02}
    training, jacobian = dirac(0.8, 0.9, **kinds, **rates)
    at_start = spectrum(jacobian)
    assert not at_start.preconditioned
    assert_eigenvalues(at_start, np.diag([1, 2]) @ plain_jacobian("non-saturating", 0.8, 0.9))
    with pytest.raises(ValueError, match="step 0 no optimizer scales"):
        spectrum(jacobian, preconditioned=True)
    train(training, 3)
    jacobian.load(training)
    point = training.flat("generator")[-1], training.flat("discriminator")[0]
    second = [training.arena[training.layout[name].second + place]
              for name, place in (("generator", 3), ("discriminator", 0))]  # fmt: skip
    correction = 1 - 0.999**3 if kind == "adam" else 1
    scale = np.diag([rate / (math.sqrt(v / correction) + 1e-8) for rate, v in zip((1, 2), second, strict=True)])
    found, plainly = spectrum(jacobian), spectrum(jacobian, preconditioned=False)
    own = plain_jacobian("non-saturating", *point)
    assert_eigenvalues(found, scale @ own)
    assert_eigenvalues(plainly, np.diag([1, 2]) @ own)
    assert (found.preconditioned, plainly.preconditioned) == (True, False)
    assert f"parameters are scaled as {kind} now does, without momentum" in found.sentence
    assert "scaled as" not in plainly.sentence


# Verdicts and sentences, of made-up matrices.


class MadeUp:
    """A game that is a matrix."""

    batch, step = 8, 1234

    def __init__(self, matrix, rates=(0.1, 0.1), precision=64, **fields):
        self.jacobian = np.asarray(matrix, dtype=float)
        n = len(self.jacobian)
        self.sizes, self.rates, self.precision = (n // 2, n - n // 2), rates, precision
        self.experiment = experiment_of(schedule__updates="simultaneous", **fields)

    def scales(self):
        return None

    def field(self):
        return np.zeros(len(self.jacobian))

    def transposed(self, w):
        return self.jacobian.T @ w

    def matrix(self, should_stop=None, progress=None):
        return self.jacobian


def turned(values, seed=0):
    """Make a real matrix with some eigenvalues; of complex ones the conjugates come by themselves."""
    n = sum(2 if np.imag(value) else 1 for value in values)
    matrix, place = np.zeros((n, n)), 0
    for value in values:
        if np.imag(value):
            matrix[place : place + 2, place : place + 2] = [[value.real, value.imag], [-value.imag, value.real]]
            place += 2
        else:
            matrix[place, place] = np.real(value)
            place += 1
    q = ortho_group.rvs(n, random_state=seed)
    return q @ matrix @ q.T


@pytest.mark.parametrize(("values", "verdict", "zeros", "largest", "words"), [
    ([-1, -2 + 3j, -0.5, 0, 0], "stable", 2, 4 / 13,
     "Stable: 4 of 6 eigenvalues have a negative real part, 2 are 0 within 5e-08; simultaneous steps converge below a "
     "learning rate of 0.308, the present one is 0.1; this run's simultaneous steps multiply deviations by at most "
     "1 − 0.05."),
    ([-1, -2 + 3j], "stable", 0, 4 / 13, "Stable: 3 of 3 eigenvalues have a negative real part; simultaneous"),
    ([-1, 2j, 0], "rotating", 1, 0,
     "Rotating: 2 of 4 eigenvalues have a real part of 0 beside an imaginary one of up to 2, none has a positive one, "
     "1 is 0 within 3e-08; simultaneous steps spiral outwards at any learning rate; this run's simultaneous steps "
     "multiply deviations by at most 1 + 0.02."),
    ([-1, 0.25, 2j], "diverging", 0, 0,
     "Diverging: 1 of 4 eigenvalues has a positive real part, the largest 0.25; the point repels at any learning rate"),
    ([-1, 0.25 + 1j], "diverging", 0, 0, "Diverging: 2 of 3 eigenvalues have a positive real part, the largest 0.25;"),
    ([0, 0, 0], "marginal", 3, math.inf, "Marginal: all of 3 eigenvalues are 0; nothing near this point attracts or"),
])  # fmt: skip
def test_verdicts(values, verdict, zeros, largest, words):
    found = spectrum(MadeUp(turned(values)))
    assert (found.verdict, found.zeros) == (verdict, zeros)
    assert found.largest_rate == pytest.approx(largest, rel=1e-9)
    assert found.sentence.startswith(words)
    assert found.sentence.endswith(".")
    assert found.sentence.count(". ") == 0
    assert (found.eigenvalues.real[:-1] >= found.eigenvalues.real[1:]).all()


def test_what_is_near_0_is_judged_by_the_precision():
    values = [-1, 1e-5, -1e-6 + 1e-2j]
    fine, coarse = spectrum(MadeUp(turned(values))), spectrum(MadeUp(turned(values), precision=32))
    assert (fine.verdict, fine.zeros) == ("diverging", 0)
    assert (coarse.verdict, coarse.zeros) == ("rotating", 1)


def test_what_is_not_finite_or_does_not_move_has_no_spectrum():
    with pytest.raises(ValueError, match=r"Jacobian is not finite at step 1,234: 1 of 4 numbers.*smaller learning"):
        spectrum(MadeUp([[1, np.nan], [0, 1]]))
    with pytest.raises(ValueError, match=r"step 1,234 both learning rates are 0.*above 0"):
        spectrum(MadeUp(np.eye(2), rates=(0.0, 0.0)))
    training, jacobian = dirac(objective__kind="kl")
    put(training, 1e300, 1e300)
    jacobian.load(training)
    with pytest.raises(ValueError, match="field is not finite at step 0"):
        spectrum(jacobian)


# Krylov's method.

NETS = {
    "data__kind": "ring", "noise__dimension": 2, "generator__hidden": [6], "discriminator__hidden": [6, 4],
    "generator__activation": "tanh", "discriminator__activation": "tanh", "penalty__kind": "r1",
    "optimizer__discriminator__learning_rate": 5e-4,
}  # fmt: skip


def networks(precision=64, steps=300):
    training = Training(experiment_of(**{**NETS, "precision": precision}))
    train(training, steps)
    jacobian = GameJacobian(training.experiment, training.data, 64)
    jacobian.load(training)
    return jacobian


def is_among(values, others, tolerance):
    return all(np.abs(others - value).min() < tolerance for value in values)


@pytest.mark.parametrize("preconditioned", [False, True])
def test_krylovs_method_finds_the_extreme_ones_of_all(preconditioned):
    jacobian = networks()
    told = []
    whole = spectrum(jacobian, preconditioned=preconditioned)
    found = spectrum(jacobian, preconditioned=preconditioned, whole=10, progress=lambda *far: told.append(far))
    assert (whole.complete, found.complete, found.missing) == (True, False, ())
    size = np.abs(whole.eigenvalues).max()
    assert is_among(found.eigenvalues, whole.eigenvalues, 1e-6 * size)
    # Small imaginary parts in the midst of others are hidden from it.
    for part, count in ((np.abs, 6), (np.real, 6), (np.imag, 1)):
        wanted = np.sort(part(whole.eigenvalues))[-count:]
        assert is_among(wanted, part(found.eigenvalues), 1e-6 * size)
    assert len(found.eigenvalues) < len(whole.eigenvalues)
    assert found.verdict == whole.verdict
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert f"eigenvalues found of {found.parameters}" in found.sentence
    again = spectrum(jacobian, preconditioned=preconditioned, whole=10)
    assert np.array_equal(again.eigenvalues, found.eigenvalues)


@pytest.mark.parametrize(("values", "verdict"), [
    ([-3 + 1j, -1, *np.linspace(-0.9, -0.01, 80)], "stable"),
    ([-3, 2j, *np.linspace(-0.9, -0.5, 80)], "rotating"),
    ([-3, 0.1, *np.zeros(80)], "diverging"),
    (np.zeros(80), "marginal"),
])  # fmt: skip
def test_krylovs_method_sees_what_the_whole_says(values, verdict):
    game = MadeUp(turned(values))
    found, whole = spectrum(game, whole=10), spectrum(game)
    assert found.verdict == whole.verdict == verdict
    assert found.largest_rate == pytest.approx(whole.largest_rate, rel=1e-6)
    assert np.allclose(found.eigenvalues[0], whole.eigenvalues[0], atol=1e-7)
    assert len(found.multipliers) == 0


def test_what_did_not_converge_is_said_and_what_did_is_kept(monkeypatch):
    monkeypatch.setattr(module, "RESTARTS", 1)
    # The largest stands out; at the other end they lie close together.
    found = spectrum(MadeUp(turned([-30, *np.linspace(-1, -0.9999, 300)])), whole=10)
    assert "real part" in found.missing
    assert found.verdict == "uncertain"
    assert found.eigenvalues[-1] == pytest.approx(-30)
    assert found.largest_rate == pytest.approx(2 / 30)
    assert found.sentence.startswith("Uncertain: none of the ")
    assert "those of largest real part did not converge" in found.sentence
    # One positive eigenvalue settles it.
    found = spectrum(MadeUp(turned([30, *np.linspace(-1, -0.9999, 300)])), whole=10)
    assert found.verdict == "diverging"
    assert "not all of largest" in found.sentence


@pytest.mark.parametrize("whole", [2000, 10])
def test_a_spectrum_is_given_up_between_products(whole):
    jacobian = networks(steps=1)
    calls = []
    assert spectrum(jacobian, whole=whole, should_stop=lambda: calls.append(1) or len(calls) == 4) is None
    assert len(calls) == 4


def test_eigenvalues_are_not_begun_once_somebody_asks_to_stop():
    calls = []
    assert spectrum(MadeUp(np.eye(3)), should_stop=lambda: calls.append(1) or True) is None
    assert len(calls) == 1


def test_32_bits_show_the_same_spectrum():
    fine = networks(steps=1)
    training = Training(fine.experiment.replace({"precision": 32}))
    for name in ("generator", "discriminator"):
        place = training.layout[name].parameters
        size = training.layout[name].network.size
        training.flat(name)[:] = fine._point.kept[place : place + size]
    coarse = GameJacobian(training.experiment, training.data, 64)
    coarse.load(training)
    one, other = spectrum(fine, preconditioned=False), spectrum(coarse, preconditioned=False)
    # A normal matrix would lose 1e-7; these are not normal.
    assert is_among(other.eigenvalues, one.eigenvalues, 1e-4 * np.abs(one.eigenvalues).max())
