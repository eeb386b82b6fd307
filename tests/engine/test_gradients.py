"""Losses and gradients against central differences of the formulas in REFERENCES.md."""

import itertools

import numpy as np
import numpy_gan as plain
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ganviz.engine.gradients import gradients
from ganviz.experiment import Experiment

KINK = 1e-4
WIDTHS = st.sampled_from([1, 2, 3, 5, 7, 8, 9, 13])
ACTIVATIONS = st.sampled_from(["relu", "leaky-relu", "tanh", "sigmoid", "softplus", "linear"])
LABELS = st.tuples(st.sampled_from([1.0, 0.9, 0.5, 0.0]), st.sampled_from([0.0, 0.1, 1.0]))


def experiment_of(**fields: object) -> Experiment:
    """Make an experiment from paths with underscores doubled for dots."""
    return Experiment.from_mapping({path.replace("__", "."): value for path, value in fields.items()})


def draw_network(rng, widths, bias, scale=1.2):
    return [
        (rng.normal(0, scale / np.sqrt(n), (n, m)), rng.normal(0, 0.5, m if bias else 0))
        for n, m in itertools.pairwise(widths)
    ]


class Case:
    """One experiment with networks and batches, and NumPy's losses of them."""

    def __init__(self, experiment, batch, seed):
        rng = np.random.default_rng(seed)
        e, d = experiment, experiment.dimension
        self.experiment = e
        self.generator = draw_network(rng, (e.noise.dimension, *e.generator.hidden, d), e.generator.bias)
        self.discriminator = draw_network(rng, (d, *e.discriminator.hidden, 1), e.discriminator.bias)
        self.real, self.fake = rng.normal(0.5, 1.5, (2, batch, d))
        self.noise = rng.normal(size=(batch, e.noise.dimension))

    def generate(self, generator):
        return plain.layers(
            generator, self.experiment.generator.activation, self.experiment.generator.output, self.noise
        )

    def judge(self, discriminator, x):
        return plain.layers(discriminator, self.experiment.discriminator.activation, "linear", x)

    def discriminator_loss(self, discriminator, fake=None):
        fake = self.generate(self.generator)[1] if fake is None else fake
        rules = self.experiment.objective
        on_real, on_fake = self.judge(discriminator, self.real)[1], self.judge(discriminator, fake)[1]
        return plain.discriminator_loss(rules.kind, on_real, on_fake, rules.real_label, rules.fake_label)

    def generator_loss(self, generator):
        fake = self.generate(generator)[1]
        return plain.generator_loss(self.experiment.objective.kind, self.judge(self.discriminator, fake)[1])

    def differences(self, fake=None):
        """Return the central differences of both losses, generator's first."""
        return (
            plain.central_differences(
                lambda flat: self.generator_loss(plain.unflatten(flat, self.generator)),
                plain.flatten(self.generator),
            ),
            plain.central_differences(
                lambda flat: self.discriminator_loss(plain.unflatten(flat, self.discriminator), fake),
                plain.flatten(self.discriminator),
            ),
        )

    def far_from_kinks(self, fake=None):
        """Whether no preactivation before a kink is so near that a step of the differences could cross it."""
        before, made = self.generate(self.generator)
        hidden = before[:-1] if self.experiment.generator.activation in plain.KINKED else []
        if self.experiment.discriminator.activation in plain.KINKED:
            for x in (self.real, made, made if fake is None else fake):
                hidden += self.judge(self.discriminator, x)[0][:-1]
        return all(np.abs(values).min() > KINK for values in hidden)

    def engine(self, fake=None, bits=64):
        return gradients(
            self.experiment.replace({"precision": bits}), self.generator, self.discriminator,
            self.real, self.noise, fake,
        )  # fmt: skip


@st.composite
def cases(draw):
    d = draw(st.sampled_from([1, 2]))
    labels = draw(LABELS)
    experiment = experiment_of(
        precision=64,
        data__kind="uniform" if d == 1 else "ring",
        noise__dimension=draw(WIDTHS),
        generator__hidden=draw(st.lists(WIDTHS, max_size=4)),
        generator__activation=draw(ACTIVATIONS),
        generator__output=draw(st.sampled_from(["linear", "tanh", "sigmoid"])),
        generator__bias=draw(st.booleans()),
        discriminator__hidden=draw(st.lists(WIDTHS, max_size=4)),
        discriminator__activation=draw(ACTIVATIONS),
        discriminator__bias=draw(st.booleans()),
        objective__kind=draw(st.sampled_from(["minimax", "non-saturating", "wasserstein"])),
        objective__real_label=labels[0],
        objective__fake_label=labels[1],
    )
    batch = draw(st.sampled_from([1, 2, 3, 4, 5, 9]))
    # Near a kink other random numbers are taken, so that every combination of the above is met.
    start = draw(st.integers(0, 2**20))
    for seed in range(start, start + 50):
        case = Case(experiment, batch, seed)
        if case.far_from_kinks() and case.far_from_kinks(case.fake):
            return case
    assume(False)
    raise AssertionError


def assert_close(found, expected, relative):
    found = plain.flatten(found)
    assert found.shape == expected.shape
    assert np.linalg.norm(found - expected) <= relative * np.linalg.norm(expected.astype(float)) + 1e-11


thorough = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@thorough
@given(cases())
def test_gradients_are_the_derivatives_of_the_losses(case):
    found = case.engine()
    generator, discriminator = case.differences()
    assert_close(found.generator, generator, 1e-6)
    assert_close(found.discriminator, discriminator, 1e-6)


@thorough
@given(cases())
def test_losses_are_those_of_the_formulas(case):
    for fake in (None, case.fake):
        found = case.engine(fake)
        expected = case.discriminator_loss(case.discriminator, fake)
        assert found.discriminator_loss == pytest.approx(expected, rel=1e-12, abs=1e-14)
        assert found.generator_loss == pytest.approx(case.generator_loss(case.generator), rel=1e-12, abs=1e-14)


@settings(thorough, max_examples=60)
@given(cases())
def test_given_fakes_stand_in_in_the_discriminators_loss_alone(case):
    found, without = case.engine(case.fake), case.engine()
    assert_close(found.discriminator, case.differences(case.fake)[1], 1e-6)
    assert found.generator_loss == without.generator_loss
    for with_fake, plainly in zip(found.generator, without.generator, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(with_fake, plainly, strict=True))


@settings(thorough, max_examples=100)
@given(cases())
def test_32_bits_agree_with_64(case):
    wide, narrow = case.engine(), case.engine(bits=32)
    assert narrow.generator_loss == pytest.approx(wide.generator_loss, rel=1e-4, abs=1e-5)
    assert narrow.discriminator_loss == pytest.approx(wide.discriminator_loss, rel=1e-4, abs=1e-5)
    for player in ("generator", "discriminator"):
        own, other = getattr(narrow, player), getattr(wide, player)
        assert all(weight.dtype == np.float32 for weight, _ in own)
        assert all(weight.dtype == np.float64 for weight, _ in other)
        expected = plain.flatten(other)
        assert np.linalg.norm(plain.flatten(own) - expected) <= 1e-4 * np.linalg.norm(expected) + 1e-5


def test_every_combination_of_activation_and_objective_is_right():
    """What hypothesis samples, once over the whole table."""
    for objective in ("minimax", "non-saturating", "wasserstein"):
        for activation in ("relu", "leaky-relu", "tanh", "sigmoid", "softplus", "linear"):
            for output in ("linear", "tanh", "sigmoid"):
                experiment = experiment_of(
                    precision=64, generator__hidden=[9, 4], discriminator__hidden=[9, 4],
                    generator__activation=activation, discriminator__activation=activation,
                    generator__output=output, objective__kind=objective,
                    objective__real_label=0.9, objective__fake_label=0.2,
                )  # fmt: skip
                case = next(c for c in (Case(experiment, 6, seed) for seed in range(100)) if c.far_from_kinks())
                found = case.engine()
                assert_close(found.generator, case.differences()[0], 1e-6)
                assert_close(found.discriminator, case.differences()[1], 1e-6)


@pytest.mark.parametrize("activation", ["relu", "leaky-relu"])
def test_derivative_at_a_kink_is_the_left_one(activation):
    """With a preactivation of exactly zero, torch's derivatives are 0 and the leak."""
    experiment = experiment_of(
        precision=64, data__kind="uniform", discriminator__hidden=[1], discriminator__activation=activation,
        discriminator__bias=False, generator__hidden=[], generator__bias=False, noise__dimension=1,
        objective__kind="wasserstein",
    )  # fmt: skip
    one, none = np.ones((1, 1)), np.zeros(0)
    found = gradients(experiment, [(one, none)], [(0 * one, none), (one, none)], 3 * one, 2 * one, fake=5 * one)
    slope = {"relu": 0.0, "leaky-relu": 0.2}[activation]
    assert found.discriminator[0][0][0, 0] == pytest.approx((5 - 3) * slope, abs=1e-15)


def test_large_outputs_neither_overflow_nor_lose_the_gradient():
    experiment = experiment_of(
        precision=64, data__kind="uniform", discriminator__hidden=[], generator__hidden=[], noise__dimension=1,
        discriminator__bias=False, generator__bias=False, objective__kind="non-saturating",
    )  # fmt: skip
    one, none = np.ones((1, 1)), np.zeros(0)
    found = gradients(experiment, [(one, none)], [(one, none)], -1000 * one, -1000 * one, fake=1000 * one)
    # -log sigmoid(-1000) = 1000 for the generator, and as much for each half of the discriminator's loss.
    assert (found.generator_loss, found.discriminator_loss) == (1000.0, 2000.0)
    assert found.generator[0][0][0, 0] == pytest.approx(1000.0)  # -sigmoid(1000) times z
    assert found.discriminator[0][0][0, 0] == pytest.approx(2000.0)


WRONG = {
    "noise": {"noise": np.zeros((4, 3))},
    "real": {"real": np.zeros((4, 1))},
    "real shorter": {"real": np.zeros((3, 2))},
    "flat real": {"real": np.zeros(4)},
    "fake": {"fake": np.zeros((4, 1))},
    "fake shorter": {"fake": np.zeros((1, 2))},
    "mix": {"mix": np.zeros((4, 1))},
    "generator layer": {"generator": [(np.zeros((2, 3)), np.zeros(3))]},
    "generator weight": {"generator": [(np.zeros((3, 2)), np.zeros(3)), (np.zeros((3, 2)), np.zeros(2))]},
    "discriminator bias": {"discriminator": [(np.zeros((2, 3)), np.zeros(0)), (np.zeros((3, 1)), np.zeros(1))]},
    "discriminator weight": {"discriminator": [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((1, 3)), np.zeros(1))]},
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_shapes_are_refused_by_name(name):
    experiment = experiment_of(generator__hidden=[3], discriminator__hidden=[3])
    arguments = {
        "generator": [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 2)), np.zeros(2))],
        "discriminator": [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))],
        "real": np.zeros((4, 2)),
        "noise": np.zeros((4, 2)),
    }
    gradients(experiment, **arguments)
    word = name.replace("flat ", "").split()[0]
    with pytest.raises(ValueError, match=word) as caught:
        gradients(experiment, **{**arguments, **WRONG[name]})
    assert len(str(caught.value).splitlines()) == 1


def test_noise_without_rows_or_columns_is_refused():
    experiment = experiment_of(generator__hidden=[3], discriminator__hidden=[3])
    network = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 2)), np.zeros(2))]
    critic = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]
    for noise, real in (
        (np.zeros((0, 2)), np.zeros((0, 2))),
        (0.0, np.zeros((1, 2))),
        (np.zeros(2), np.zeros((2, 2))),
    ):
        with pytest.raises(ValueError, match="noise"):
            gradients(experiment, network, critic, real, noise)
