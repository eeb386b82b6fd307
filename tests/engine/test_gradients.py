"""Losses and gradients of every experiment against complex steps and differences of the formulas in NumPy."""

import itertools

import numpy as np
import numpy_gan as plain
import numpy_network
import pytest
from experiment_cases import (
    ACTIVATIONS,
    DIFFERENCES,
    MIXED,
    NORMALIZATIONS,
    OBJECTIVES,
    PENALTIES,
    TINY,
    Case,
    case_of,
    cases,
    experiment_of,
    thorough,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ganviz.engine.gradients import gradients


def assert_close(found, expected, relative=1e-6):
    found = plain.flatten(found)
    assert found.shape == expected.shape
    assert np.linalg.norm(found - expected) <= relative * np.linalg.norm(expected) + 1e-10


def assert_right(case: Case, fake=None) -> None:
    found, expected = case.engine(fake), case.answer(fake)
    assert found.discriminator_loss == pytest.approx(expected.discriminator_loss, rel=1e-10, abs=1e-12)
    assert found.generator_loss == pytest.approx(expected.generator_loss, rel=1e-10, abs=1e-12)
    assert_close(found.discriminator, expected.discriminator)
    assert_close(found.generator, expected.generator)


@thorough
@given(cases())
def test_losses_and_gradients_are_those_of_the_formulas(case):
    assert_right(case)


@settings(thorough, max_examples=60)
@given(cases())
def test_given_fakes_stand_in_in_the_discriminators_loss_alone(case):
    found, without = case.engine(case.fake), case.engine()
    expected = case.answer(case.fake)
    assert_close(found.discriminator, expected.discriminator)
    assert found.discriminator_loss == pytest.approx(expected.discriminator_loss, rel=1e-10, abs=1e-12)
    assert found.generator_loss == without.generator_loss
    for with_fake, plainly in zip(found.generator, without.generator, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(with_fake, plainly, strict=True))


@settings(thorough, max_examples=40)
@given(cases(widths=TINY, depth=2, penalties=("consensus",), schedule__updates="simultaneous"))
def test_consensus_belongs_to_both_losses(case):
    assert_right(case)


UNROLLED = {
    "sgd": {}, "momentum": {"momentum": 0.7}, "rmsprop": {"epsilon": 0.1, "decay": 0.8},
    "rmsprop-tf1": {"decay": 0.5}, "adam": {"epsilon": 0.1}, "adam-tensorflow": {"epsilon": 0.1},
}  # fmt: skip


def unrolling(kind: str, steps: int, **fields: object) -> dict[str, object]:
    own = {"kind": kind.removesuffix("-tensorflow"), "tensorflow_epsilon": kind.endswith("-tensorflow")}
    own |= {"learning_rate": 0.05, **UNROLLED[kind]}
    return {**{f"optimizer__discriminator__{name}": value for name, value in own.items()},
            "schedule__unroll": steps, "penalty__weight": 0.5, **fields}  # fmt: skip


@settings(thorough, max_examples=50)
@given(st.data(), st.sampled_from(list(UNROLLED)), st.integers(1, 3), st.sampled_from([0.0, 0.0, 0.7]))
def test_the_generators_gradient_flows_through_unrolled_updates(data, kind, steps, clip):
    # Clipping and the spectral norm exclude each other.
    more = unrolling(
        kind, steps, **({"discriminator__clip": clip, "discriminator__spectral_norm": False} if clip else {})
    )
    assert_right(data.draw(cases(widths=TINY, depth=1, **more)))


# Tables: what hypothesis samples, once over.

NETS = {
    "noise__dimension": 2, "generator__hidden": [5], "discriminator__hidden": [5, 4],
    "generator__activation": "tanh", "discriminator__activation": "tanh", "schedule__batch": 4,
    "objective__real_label": 0.9, "objective__fake_label": 0.2, "penalty__target": 0.4,
    "objective__discriminator_alpha": 1.7, "objective__generator_alpha": 0.6,
}  # fmt: skip
SMALL = {"generator__hidden": [2], "discriminator__hidden": [3], "schedule__updates": "simultaneous"}


def check(**fields: object) -> None:
    """Hold the engine to the formulas in one experiment."""
    consensus = fields.get("penalty__kind") == "consensus"
    case = case_of(experiment_of(**{**NETS, **(SMALL if consensus else {}), **fields}))
    assert case is not None
    assert_right(case)


@pytest.mark.parametrize("penalty", [*PENALTIES, "consensus"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_goes_with_every_penalty(objective, penalty):
    check(objective__kind=objective, penalty__kind=penalty)


@pytest.mark.parametrize("penalty", [*PENALTIES, "consensus"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_goes_with_every_penalty(activation, penalty):
    """R1 and the two-sided penalty, for smooth activations and relu, among them."""
    check(generator__activation=activation, discriminator__activation=activation, penalty__kind=penalty)


@pytest.mark.parametrize("penalty", [*PENALTIES, "consensus"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("residual", [False, True])
def test_every_normalization_goes_with_every_penalty(normalization, residual, penalty):
    hidden = [3, 3] if residual else [3]
    check(
        generator__normalization=normalization, discriminator__normalization=normalization, penalty__kind=penalty,
        generator__residual=residual, discriminator__residual=residual, generator__hidden=hidden,
        discriminator__hidden=hidden, schedule__batch=5,
    )  # fmt: skip


@pytest.mark.parametrize(("activation", "width"), [("tanh", 2), ("maxout", 1)])
def test_layer_normalization_of_two_features_goes_with_a_penalty(activation, width):
    check(
        generator__normalization="layer", discriminator__normalization="layer", penalty__kind="gradient",
        generator__hidden=[width], discriminator__hidden=[width], generator__activation=activation,
        discriminator__activation=activation,
    )  # fmt: skip


PARTS = {
    "packing": {"discriminator__packing": 2, "schedule__batch": 6},
    "spectral": {"discriminator__spectral_norm": True},
    "features": {"discriminator__minibatch_features": 2},
    "line": {"data__kind": "uniform"},
    "output": {"generator__output": "tanh"},
    "all": {
        "discriminator__packing": 2, "schedule__batch": 8, "discriminator__spectral_norm": True,
        "discriminator__minibatch_features": 1, "discriminator__normalization": "layer", "generator__bias": False,
        "generator__output": "sigmoid",
    },
}  # fmt: skip


@pytest.mark.parametrize("penalty", [*PENALTIES, "consensus"])
@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_network_goes_with_every_penalty(part, penalty):
    check(**PARTS[part], penalty__kind=penalty)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("kind", UNROLLED)
def test_every_penalty_is_unrolled_with_every_optimizer(kind, penalty):
    check(**SMALL, **unrolling(kind, 2, penalty__kind=penalty))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_is_unrolled(objective):
    check(**SMALL, **unrolling("momentum", 3, objective__kind=objective))


@pytest.mark.parametrize("part", [name for name in PARTS if name != "all"])
def test_every_part_of_a_network_is_unrolled(part):
    check(**{**SMALL, **PARTS[part]}, **unrolling("sgd", 2, penalty__kind="r1-r2"))


@pytest.mark.parametrize("penalty", ["none", "gradient", "r1-r2"])
@pytest.mark.parametrize("batch", [15, 16, 17, 37, 70])
@pytest.mark.parametrize("activation", ["relu", "tanh", "maxout"])
def test_sizes_about_the_edges_of_tiles_are_right_along_any_direction(activation, batch, penalty):
    experiment = experiment_of(
        schedule__batch=batch, noise__dimension=batch, generator__hidden=[batch + 1, 33],
        discriminator__hidden=[70, batch, 31], generator__activation=activation,
        discriminator__activation=activation, penalty__kind=penalty,
    )  # fmt: skip
    case = next(case for case in (Case(experiment, seed) for seed in range(99)) if case.distance_from_kinks() > 1e-8)
    found, rng = case.engine(), np.random.default_rng(1)
    for function, network, gradient in zip(
        case.game.losses(*case.batch), (case.generator, case.discriminator),
        (found.generator, found.discriminator), strict=True,
    ):  # fmt: skip
        flat, own = plain.flatten(network), plain.flatten(gradient)
        # The gradient itself is one of the directions, so that none of it is missed; the others see what is too much.
        directions = np.stack([own / np.linalg.norm(own), *rng.normal(size=(4, flat.size))])
        expected = plain.derivative(function, flat, directions)
        assert np.abs(directions @ own - expected).max() <= 1e-9 * np.abs(expected).max()


def test_penalties_at_a_half_where_no_mix_is_given():
    for penalty in MIXED:
        case = case_of(experiment_of(**NETS, penalty__kind=penalty))
        case.mix = np.full_like(case.mix, 0.5)
        expected = case.engine()
        case.mix = None
        found = case.engine()
        assert found.discriminator_loss == expected.discriminator_loss
        assert_close(found.discriminator, plain.flatten(expected.discriminator), 1e-14)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer.discriminator.kind": "optimistic-adam"},
        {f"optimizer.{player}.kind": "extragradient" for player in ("generator", "discriminator")}
        | {"schedule.updates": "simultaneous"},
        {"optimizer.generator.rate_schedule": "cosine", "generator.ema": 0.9, "discriminator.clip": 0.01},
        {"instance_noise.std": 0.5, "schedule.discriminator_steps": 5, "schedule.warmup": True},
        {"schedule.reuse_fakes": True, "data.size": 100, "noise.size": 10, "noise.mean": 3.0, "seed": 5},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_concerns_training_alone_is_no_part_of_the_gradients(changes):
    case = case_of(experiment_of(**NETS, penalty__kind="gradient"))
    expected = case.engine()
    case.experiment = case.experiment.replace(changes)
    found = case.engine()
    assert (found.generator_loss, found.discriminator_loss) == (expected.generator_loss, expected.discriminator_loss)
    for player in ("generator", "discriminator"):
        assert np.array_equal(*(plain.flatten(getattr(one, player)) for one in (found, expected)))


# Precision.


def rounded(case: Case) -> None:
    """Round everything to 32 bits, so that both precisions are asked the same."""
    for name in ("real", "fake", "noise", "mix"):
        setattr(case, name, getattr(case, name).astype(np.float32).astype(float))
    for name in ("generator", "discriminator"):
        pairs = [tuple(part.astype(np.float32).astype(float) for part in pair) for pair in getattr(case, name)]
        setattr(case, name, pairs)


@settings(thorough, max_examples=80)
@given(cases(1e-3))
def test_32_bits_agree_with_64_as_far_as_rounding_allows(case):
    rounded(case)
    wide, narrow = case.engine(), case.engine(bits=32)
    others = [case.nudged(3e-7, seed).engine(bits=32) for seed in range(4)]
    for player in ("generator", "discriminator"):
        own, exact = getattr(narrow, player), getattr(wide, player)
        assert all(part.dtype == np.float32 for pair in own for part in pair)
        assert all(part.dtype == np.float64 for pair in exact for part in pair)
        flat, expected = plain.flatten(own), plain.flatten(exact)
        # How rounding scatters them says how far they can be trusted, where terms cancel.
        scatter = max(np.linalg.norm(plain.flatten(getattr(other, player)) - flat) for other in others)
        assert np.linalg.norm(flat - expected) <= 1e-5 * np.linalg.norm(expected) + 1e-6 + 10 * scatter
        loss = getattr(narrow, f"{player}_loss")
        scatter = max(abs(getattr(other, f"{player}_loss") - loss) for other in others)
        assert loss == pytest.approx(getattr(wide, f"{player}_loss"), rel=1e-5, abs=1e-6 + 10 * scatter)


# Kinks, zeros and large numbers.

LINE = {
    "data__kind": "uniform", "noise__dimension": 1, "generator__hidden": [], "generator__bias": False,
    "discriminator__hidden": [], "discriminator__bias": False, "objective__kind": "wasserstein", "schedule__batch": 1,
}  # fmt: skip
ONE, NONE = np.ones((1, 1)), np.zeros(0)
POINT = [(ONE, NONE)]


@pytest.mark.parametrize(("activation", "slope"), [("relu", 0.0), ("leaky-relu", 0.2), ("elu", 1.0)])
def test_derivative_at_a_kink_is_the_left_one(activation, slope):
    """With a preactivation of exactly zero, torch's derivatives are 0 and the leak."""
    experiment = experiment_of(**{**LINE, "discriminator__hidden": [1], "discriminator__activation": activation})
    found = gradients(experiment, POINT, [(0 * ONE, NONE), (ONE, NONE)], 3 * ONE, 2 * ONE, fake=5 * ONE)
    assert found.discriminator[0][0][0, 0] == pytest.approx((5 - 3) * slope, abs=1e-15)


def test_at_a_tie_the_first_of_maxouts_pair_has_the_derivative():
    experiment = experiment_of(**{**LINE, "discriminator__hidden": [1], "discriminator__activation": "maxout"})
    critic = [(np.array([[2.0, 2.0]]), NONE), (ONE, NONE)]
    found = gradients(experiment, POINT, critic, 3 * ONE, 2 * ONE, fake=5 * ONE)
    assert found.discriminator[0][0].tolist() == [[5.0 - 3.0, 0.0]]
    assert found.generator[0][0].tolist() == [[-2.0 * 2.0]]


@pytest.mark.parametrize("penalty", ["gradient", "one-sided", "dragan", "r1", "r1-r2", "consensus"])
@pytest.mark.parametrize("hidden", [[], [3]])
@pytest.mark.parametrize("bits", [32, 64])
def test_a_slope_of_zero_has_the_derivative_zero(penalty, hidden, bits):
    """A discriminator that is zero everywhere: the penalty's derivative is 0, not 0 / 0."""
    experiment = experiment_of(
        **{**LINE, "discriminator__hidden": hidden, "discriminator__activation": "relu"},
        penalty__kind=penalty, schedule__updates="simultaneous",
    ).replace({"precision": bits})  # fmt: skip
    widths = [1, *hidden, 1]
    critic = [(np.zeros(shape), NONE) for shape in itertools.pairwise(widths)]
    found = gradients(experiment, POINT, critic, 3 * ONE, 2 * ONE)
    # Consensus: L_D = w (f - x) has the slope 2 - 3 in w, and L_G = -w z g the slope 0 in g.
    squared = {"gradient": 10.0, "dragan": 10.0, "consensus": 5.0 if not hidden else 0.0}.get(penalty, 0.0)
    assert found.discriminator_loss == pytest.approx(squared)
    flat = plain.flatten(found.discriminator)
    assert flat == pytest.approx([0.0] * flat.size if hidden else [2.0 - 3.0], abs=1e-7)


@pytest.mark.parametrize("kind", UNROLLED)
def test_dead_units_do_not_spoil_what_is_unrolled(kind):
    """The root of their second moment, 0, has no finite derivative; nothing flows through it."""
    fields = {**NETS, **SMALL, "discriminator__activation": "relu"}
    case = case_of(experiment_of(**fields, **unrolling(kind, 2)))
    (weight, bias), *rest = case.discriminator
    weight[:, 0], bias[0] = 0, -50.0
    case.discriminator = [(weight, bias), *rest]
    assert case.distance_from_kinks() > DIFFERENCES
    assert_right(case)


def test_samples_that_are_the_same_have_no_slope_between_them():
    """Minibatch features of a batch that has collapsed: |0| has the derivative 0."""
    case = case_of(experiment_of(**NETS, discriminator__minibatch_features=2, penalty__kind="r1"))
    case.real[:] = case.real[0]
    case.noise[:] = case.noise[0]
    assert_right(case)


# Raw outputs on real samples, on given fakes and on the generator's, and the two losses. Where a true value is finite,
# no exponential on the way to it may overflow.
E = 1000.0
LARGE = {
    "minimax": [(-E, E, -E, 2 * E, 0.0), (-E, E, E, 2 * E, -E)],
    "non-saturating": [(-E, E, -E, 2 * E, E), (E, -E, E, 0.0, 0.0)],
    "wasserstein": [(-E, E, -E, 2 * E, E)],
    "least-squares": [(-E, E, -E, 1001**2 / 2 + E**2 / 2, 1001**2 / 2)],
    "hinge": [(-E, E, -E, 2002.0, E), (E, -E, E, 0.0, -E)],
    "relativistic": [(-E, E, E, 2 * E, 0.0), (E, -E, -E, 0.0, 2 * E)],
    "kl": [(E, -E, -E, -E, 0.0)],
    "reverse-kl": [(E, E, -E, E - 1, E + 1)],
    "pearson": [(-E, E, E, E + E**2 / 4 + E, -(E**2) / 4 - E)],
    "hellinger": [(E, -E, -E, -2.0, 1.0)],
    "alpha": [(-E, E, -E, 2 * E, 0.0), (-E, E, E, 2 * E, -E)],
    "alpha-2": [(-E, E, -E, 4.0, 0.0), (-E, E, E, 4.0, -2.0)],
    "alpha-0.5": [(E, -E, -E, 0.0, 0.0)],
}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", LARGE)
def test_large_outputs_neither_overflow_nor_lose_the_gradient(name, bits):
    kind, _, alpha = name.partition("-") if name.startswith("alpha") else (name, "", "")
    experiment = experiment_of(
        **{**LINE, "objective__kind": kind}, objective__discriminator_alpha=float(alpha or 1),
        objective__generator_alpha=float(alpha or 1),
    )  # fmt: skip
    for real, fake, made, discriminator_loss, generator_loss in LARGE[name]:
        batch = (POINT, POINT, real * ONE, made * ONE)
        found = gradients(experiment.replace({"precision": bits}), *batch, fake=fake * ONE)
        relative = {32: 1e-5, 64: 1e-12}[bits]
        assert found.discriminator_loss == pytest.approx(discriminator_loss, rel=relative, abs=1e-300)
        assert found.generator_loss == pytest.approx(generator_loss, rel=relative, abs=1e-300)
        expected = plain.Game(experiment).answer(*batch, fake * ONE)
        assert_close(found.generator, expected.generator, relative)
        assert_close(found.discriminator, expected.discriminator, relative)


def test_a_loss_that_is_truly_infinite_is_reported_so():
    found = gradients(experiment_of(**{**LINE, "objective__kind": "kl"}), POINT, POINT, ONE, ONE, fake=E * ONE)
    assert found.discriminator_loss == np.inf


# Wrong shapes.

GENERATOR = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 2)), np.zeros(2))]
DISCRIMINATOR = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]
WRONG = {
    "noise": {"noise": np.zeros((4, 3))},
    "real": {"real": np.zeros((4, 1))},
    "real shorter": {"real": np.zeros((3, 2))},
    "flat real": {"real": np.zeros(4)},
    "fake": {"fake": np.zeros((4, 1))},
    "fake shorter": {"fake": np.zeros((1, 2))},
    "mix wider": {"mix": np.zeros((4, 2))},
    "mix shorter": {"mix": np.zeros((3, 1))},
    "flat mix": {"mix": np.zeros(4)},
    "generator layer": {"generator": GENERATOR[:1]},
    "generator weight": {"generator": [(np.zeros((3, 2)), np.zeros(3)), GENERATOR[1]]},
    "discriminator bias": {"discriminator": [(np.zeros((2, 3)), np.zeros(0)), DISCRIMINATOR[1]]},
    "discriminator weight": {"discriminator": [DISCRIMINATOR[0], (np.zeros((1, 3)), np.zeros(1))]},
}


def arguments(batch: int = 4, **changed: object) -> dict[str, object]:
    return {
        "generator": GENERATOR, "discriminator": DISCRIMINATOR, "real": np.ones((batch, 2)),
        "noise": np.zeros((batch, 2)), **changed,
    }  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_shapes_are_refused_by_name(name):
    experiment = experiment_of(generator__hidden=[3], discriminator__hidden=[3], penalty__kind="gradient")
    gradients(experiment, **arguments())
    with pytest.raises(ValueError, match=name.replace("flat ", "").split()[0]) as caught:
        gradients(experiment, **arguments(**WRONG[name]))
    assert len(str(caught.value).splitlines()) == 1


def test_dragan_has_a_share_for_each_component_or_one_for_each_sample():
    experiment = experiment_of(generator__hidden=[3], discriminator__hidden=[3], penalty__kind="dragan")
    for columns in (1, 2):
        gradients(experiment, **arguments(mix=np.zeros((4, columns))))
    with pytest.raises(ValueError, match="mix"):
        gradients(experiment, **arguments(mix=np.zeros((4, 3))))


def test_packs_have_whole_samples_and_each_its_own_share():
    experiment = experiment_of(
        generator__hidden=[3], discriminator__hidden=[3], penalty__kind="gradient", discriminator__packing=2
    )
    critic = [(np.zeros((4, 3)), np.zeros(3)), DISCRIMINATOR[1]]
    gradients(experiment, **arguments(discriminator=critic, mix=np.zeros((2, 1))))
    with pytest.raises(ValueError, match="mix"):
        gradients(experiment, **arguments(discriminator=critic, mix=np.zeros((4, 1))))
    with pytest.raises(ValueError, match="pack"):
        gradients(experiment, **arguments(5, discriminator=critic))


@pytest.mark.parametrize("penalty", ["none", "r1", "r2", "r1-r2", "consensus"])
def test_a_mix_that_no_penalty_uses_changes_nothing(penalty):
    """So that one call serves whoever walks through all penalties."""
    experiment = experiment_of(**NETS, **{"penalty__kind": penalty, "schedule__updates": "simultaneous"})
    case = Case(experiment, 0)
    with_mix = case.engine()
    case.mix = None
    without = case.engine()
    assert with_mix.discriminator_loss == without.discriminator_loss
    assert np.array_equal(plain.flatten(with_mix.discriminator), plain.flatten(without.discriminator))


def test_noise_without_rows_or_columns_is_refused():
    experiment = experiment_of(generator__hidden=[3], discriminator__hidden=[3])
    for noise, real in (
        (np.zeros((0, 2)), np.zeros((0, 2))),
        (0.0, np.zeros((1, 2))),
        (np.zeros(2), np.zeros((2, 2))),
    ):
        with pytest.raises(ValueError, match="noise"):
            gradients(experiment, **arguments(real=real, noise=noise))


# The answers that the engine is held to, held to differences of nothing but the forward pass.


@settings(thorough, max_examples=60)
@given(cases(DIFFERENCES, widths=TINY))
def test_slopes_in_numpy_are_differences_of_its_outputs(case):
    form = case.game.forms[1]

    def outputs(flat):
        return case.game.judge(case.discriminator, flat.reshape(-1, *case.real.shape)).sum((-2, -1))

    slopes = numpy_network.Pass(form, case.discriminator, case.real).slopes()
    expected, error = plain.central_differences(outputs, case.real.ravel())
    assume(error <= 1e-4 * np.linalg.norm(expected) + 1e-9)
    assert np.linalg.norm(slopes.ravel() - expected) <= 1e-6 * np.linalg.norm(expected) + 3 * error + 1e-9


@settings(thorough, max_examples=60)
@given(cases(DIFFERENCES, widths=TINY))
def test_complex_steps_in_numpy_are_differences_of_its_losses(case):
    game, answer = case.game, case.answer()

    def generator_loss(flat):
        fake = game.generate(plain.unflatten(flat, game.like[0]), case.noise)
        return game.generator_loss(case.discriminator, case.real, fake)

    def discriminator_loss(flat):
        fake = game.generate(case.generator, case.noise)
        return game.discriminator_loss(plain.unflatten(flat, game.like[1]), case.real, fake, case.mix)

    for function, network, found in (
        (generator_loss, case.generator, answer.generator),
        (discriminator_loss, case.discriminator, answer.discriminator),
    ):
        expected, error = plain.central_differences(function, plain.flatten(network))
        # Where a normalisation divides by next to nothing, differences say nothing.
        assume(error <= 1e-4 * np.linalg.norm(expected) + 1e-9)
        assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected) + 3 * error + 1e-9
