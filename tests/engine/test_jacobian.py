"""The joint field and its Jacobian against the formulas in NumPy, their differences, and each other."""

import numpy as np
import numpy_gan as plain
import pytest
from experiment_cases import TINY, experiment_of, experiments
from games import BLUR, DEEP, GAMES, POOLS, SGD, optimizers
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy_network import flatten, singular_vectors, unflatten

from ganviz.engine import training as training_module
from ganviz.engine.gradients import gradients
from ganviz.engine.jacobian import GameJacobian
from ganviz.engine.machine import STEP
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Training
from ganviz.experiment import ExperimentError

PLAYERS = ("generator", "discriminator")
SMOOTH = ("linear", "tanh", "sigmoid", "softplus", "gelu", "sine")
BATCH = 7
many = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def train(training, steps):
    assert training.advance(steps, np.zeros((steps, len(RECORDED)))) == steps


def place(training, vector):
    """Put both players' parameters, one after the other, into a training."""
    first = training.flat("generator").size
    training.flat("generator")[:], training.flat("discriminator")[:] = vector[:first], vector[first:]
    player = training.layout["discriminator"]
    for (weight, _), (left, right) in zip(network(training, "discriminator"), player.vectors, strict=False):
        u, v = singular_vectors(weight)
        training.arena[left : left + u.size], training.arena[right : right + v.size] = u, v


def network(training, player):
    return training.layout[player].network.split(training.flat(player).astype(np.float64))


def point_of(experiment, seed=0, batch=BATCH):
    """Return a training with random parameters, a Jacobian that has loaded it, and the parameters."""
    training = Training(experiment)
    rng = np.random.default_rng(seed)
    parts = []
    for name in PLAYERS:
        for weight, bias in network(training, name):
            parts += [rng.normal(0, 1.2 / np.sqrt(len(weight)), weight.size), rng.normal(0, 0.5, bias.size)]
    vector = np.concatenate(parts)
    place(training, vector)
    jacobian = GameJacobian(experiment, training.data, batch)
    jacobian.load(training)
    return training, jacobian, vector


class Answer:
    """The field in NumPy, on the Jacobian's batch, or by `ganviz.gradients` where NumPy has only differences."""

    def __init__(self, jacobian):
        self.experiment, self.game = jacobian.experiment, plain.Game(jacobian.experiment)
        found = jacobian.samples()
        # Here consecutive samples make a pack.
        packs = jacobian.batch // self.experiment.discriminator.packing
        self.real, self.noise = (
            found[name].reshape(-1, packs, found[name].shape[1]).swapaxes(0, 1).reshape(found[name].shape)
            for name in ("real", "noise")
        )
        self.mix = found.get("mix")
        self.first = jacobian.sizes[0]

    def networks(self, vector):
        parts = vector[: self.first], vector[self.first :]
        return [unflatten(part, like) for part, like in zip(parts, self.game.like, strict=True)]

    def __call__(self, vector, engine=None):
        networks = self.networks(vector)
        batch = *networks, self.real, self.noise, None, self.mix
        if self.game.by_differences if engine is None else engine:
            found = gradients(self.experiment, *batch)
            return -np.concatenate([flatten(found.generator), flatten(found.discriminator)])
        functions = self.game.losses(*batch)
        return -np.concatenate([plain.derivative(f, flatten(own)) for f, own in zip(functions, networks, strict=True)])

    def along(self, vector, direction, step=1e-4):
        """Return the derivative along a direction, and how far its two estimates lie apart."""
        ends = [self(vector + factor * step * direction) for factor in (1, -1, 2, -2)]
        fine, coarse = (ends[0] - ends[1]) / (2 * step), (ends[2] - ends[3]) / (4 * step)
        return (4 * fine - coarse) / 3, float(np.linalg.norm(fine - coarse))


def close(found, expected, relative):
    return np.linalg.norm(found - expected) <= relative * np.linalg.norm(expected) + 1e-9


# The field.


@many
@given(experiments(widths=TINY, depth=2), st.integers(0, 2**20))
def test_the_field_is_minus_each_players_gradient(experiment, seed):
    _, jacobian, vector = point_of(experiment, seed)
    found = jacobian.field()
    assume(np.abs(found).max() < 1e4)
    with np.errstate(all="ignore"):
        assert close(found, Answer(jacobian)(vector), 1e-6)


@settings(many, max_examples=15)
@given(
    st.one_of(
        experiments(widths=TINY, depth=1, penalties=("consensus",)),
        experiments(widths=TINY, depth=1, schedule__unroll=2, **optimizers("sgd", 0.05)),
    ),
    st.integers(0, 2**20),
)
def test_consensus_and_unrolled_updates_are_part_of_the_field(experiment, seed):
    _, jacobian, vector = point_of(experiment, seed)
    found = jacobian.field()
    assume(np.abs(found).max() < 1e4)
    assert close(found, Answer(jacobian)(vector, engine=True), 1e-9)


def test_unrolled_updates_start_from_the_moments_and_the_count_that_training_has():
    """At the training's own batch: the generator's last gradient, up to sampling, is the field's."""
    experiment = experiment_of(
        **{**DEEP, **optimizers("adam", 0.02, epsilon=1e-2), "schedule__unroll": 2, "schedule__batch": 4000}
    )
    training = Training(experiment)
    train(training, 3)
    jacobian = GameJacobian(experiment, training.data, 4000)
    jacobian.load(training)
    own = jacobian.field()[: jacobian.sizes[0]]
    # The gradient of the next step is taken where the discriminator has moved by one more update; hold it.
    frozen = experiment.replace({"optimizer.generator.learning_rate": 0.0})
    training.change(frozen)
    before = training.snapshot()
    place_of = training.layout["generator"].gradient
    still = Training(frozen.replace({"schedule.updates": "simultaneous"}))
    still.restore(before)
    train(still, 1)
    gradient = still.arena[place_of : place_of + jacobian.sizes[0]]
    assert np.linalg.norm(own + gradient) < 0.15 * np.linalg.norm(gradient)
    # Afresh, the field is another one: the moments count.
    fresh = before.counters.copy()
    fresh[3:] = 0
    jacobian.take(before._replace(counters=fresh))
    assert np.linalg.norm(jacobian.field()[: jacobian.sizes[0]] - own) > 1e-3 * np.linalg.norm(own)


# Products.


@st.composite
def smooth_games(draw, **more):
    nets = {f"{player}__activation": draw(st.sampled_from(SMOOTH)) for player in PLAYERS}
    return draw(experiments(widths=TINY, depth=2, **{"discriminator__spectral_norm": False, **nets, **more}))


def products_are_differences(experiment, seed) -> bool:
    """Hold products along two directions to differences; return whether these say enough."""
    _, jacobian, vector = point_of(experiment, seed)
    whole, answer, rng = jacobian.matrix(), Answer(jacobian), np.random.default_rng(seed)
    if not np.abs(whole).max() < 1e4:
        return False
    for _ in range(2):
        u = rng.normal(size=vector.size)
        assert close(jacobian.product(u), whole @ u, 1e-9)
        assert close(jacobian.transposed(u), whole.T @ u, 1e-9)
        with np.errstate(all="ignore"):
            expected, error = answer.along(vector, u)
        # A kink nearby, or little but rounding, says nothing.
        if not error <= 1e-4 * np.linalg.norm(expected) + 1e-10:
            return False
        assert close(whole @ u, expected, 1e-5)
    return True


@settings(many, max_examples=50)
@given(smooth_games(), st.integers(0, 2**20))
def test_products_are_the_fields_differences(experiment, seed):
    assume(products_are_differences(experiment, seed))


@settings(many, max_examples=10)
@given(
    st.one_of(
        smooth_games(penalty__kind="consensus"),
        smooth_games(penalty__kind="none", schedule__unroll=2, **optimizers("sgd", 0.05)),
    ),
    st.integers(0, 2**20),
)
def test_products_of_consensus_and_of_unrolled_games_are_the_fields_differences(experiment, seed):
    assume(products_are_differences(experiment, seed))


@pytest.mark.parametrize("objective", ["minimax", "wasserstein", "relativistic", "least-squares", "pearson", "alpha"])
@pytest.mark.parametrize("penalty", ["none", "gradient", "dragan", "r1-r2"])
def test_every_objective_goes_with_every_penalty(objective, penalty):
    experiment = experiment_of(
        **{**DEEP, "objective__kind": objective, "penalty__kind": penalty, "penalty__weight": 0.7},
        objective__discriminator_alpha=1.7,
    )
    assert products_are_differences(experiment, 3)


def test_the_whole_matrix_entry_by_entry():
    experiment = experiment_of(
        noise__dimension=2, generator__hidden=[3], discriminator__hidden=[3], generator__activation="tanh",
        discriminator__activation="softplus", penalty__kind="r1", schedule__batch=4,
    )  # fmt: skip
    _, jacobian, vector = point_of(experiment)
    answer = Answer(jacobian)
    expected = np.stack([answer.along(vector, unit)[0] for unit in np.eye(vector.size)], axis=1)
    np.testing.assert_allclose(jacobian.matrix(), expected, rtol=1e-6, atol=1e-9)


@many
@given(experiments(widths=TINY, depth=2), st.integers(0, 2**20))
def test_the_two_products_are_adjoint(experiment, seed):
    _, jacobian, vector = point_of(experiment, seed)
    u, w = np.random.default_rng(seed).normal(size=(2, vector.size))
    forward, backward = jacobian.product(u), jacobian.transposed(w)
    assume(np.isfinite(forward).all())
    size = np.linalg.norm(forward) * np.linalg.norm(w) + np.linalg.norm(backward) * np.linalg.norm(u)
    assert abs(w @ forward - u @ backward) <= 1e-10 * size + 1e-12


def test_a_spectral_norms_vectors_are_held():
    experiment = experiment_of(**{**DEEP, "discriminator__spectral_norm": True, "penalty__kind": "r1"})
    training, jacobian, vector = point_of(experiment)
    u = np.random.default_rng(1).normal(size=vector.size)
    product = jacobian.product(u)

    def field(moved):
        training.flat("generator")[:], training.flat("discriminator")[:] = np.split(moved, [jacobian.sizes[0]])
        jacobian.load(training)
        return jacobian.field()

    step = 1e-5
    assert close((field(vector + step * u) - field(vector - step * u)) / (2 * step), product, 1e-7)


# Nothing else is touched, and the point is a point.


@pytest.mark.parametrize("name", ["adam", "pools", "instance-noise", "batch-norm-busy", "consensus", "unrolled-adam"])
def test_the_training_is_neither_written_to_nor_led_astray(name):
    experiment = experiment_of(**GAMES[name])
    training, twin = Training(experiment), Training(experiment)
    train(training, 3)
    train(twin, 3)
    before = training.arena.tobytes(), training.counters.tobytes()
    jacobian = GameJacobian(experiment, training.data, 8)
    jacobian.load(training)
    u = np.ones(jacobian.size)
    for call in (jacobian.field, jacobian.matrix, jacobian.samples, jacobian.scales):
        call()
    first = jacobian.product(u), jacobian.transposed(u), jacobian.field()
    assert (training.arena.tobytes(), training.counters.tobytes()) == before
    train(training, 3)
    train(twin, 3)
    assert training.arena.tobytes() == twin.arena.tobytes()
    # What was loaded stays while the training goes on.
    for found, again in zip(first, (jacobian.product(u), jacobian.transposed(u), jacobian.field()), strict=True):
        assert found.tobytes() == again.tobytes()


def test_the_batch_is_the_same_at_every_step_and_no_batch_of_the_trainings():
    experiment = experiment_of(**{**DEEP, **SGD, "penalty__kind": "gradient"})
    training = Training(experiment)
    jacobian = GameJacobian(experiment, training.data, 50)
    found = []
    for _ in range(3):
        train(training, 1)
        jacobian.load(training)
        found.append(jacobian.samples())
    assert all(np.array_equal(found[0][name], later[name]) for later in found for name in found[0])
    assert set(found[0]) == {"real", "noise", "mix"}
    assert found[0]["real"].shape == (50, 2)
    assert found[0]["noise"].shape == (50, 3)
    assert found[0]["mix"].shape == (50, 1)
    columns = np.concatenate([found[0]["real"], found[0]["noise"], found[0]["mix"]], axis=1)
    assert np.unique(columns).size == columns.size


def test_samples_are_those_of_data_and_noise():
    experiment = experiment_of(
        data__kind="gaussian", data__mean=[3.0, -1.0], data__std=[2.0, 0.5], noise__kind="uniform", noise__std=2.0,
        instance_noise__std=0.5, instance_noise__decay_steps=4, penalty__kind="gradient",
    )  # fmt: skip
    training, jacobian, _ = point_of(experiment, batch=8000)
    found = jacobian.samples()
    assert np.allclose(found["real"].mean(0), [3, -1], atol=0.15)
    assert np.allclose(found["real"].std(0), np.sqrt(np.square([2, 0.5]) + 0.25), rtol=0.05)
    assert np.abs(found["noise"]).max() == pytest.approx(2, abs=0.01)
    assert found["blur"].std() == pytest.approx(0.5, rel=0.05)
    assert found["mix"].min() > 0
    assert found["mix"].mean() == pytest.approx(0.5, abs=0.03)
    # Instance noise is as strong as it is at the step, and the same but for that.
    training.counters[STEP] = 3
    jacobian.load(training)
    assert np.allclose(jacobian.samples()["blur"], found["blur"] / 4)


def test_samples_of_finite_pools_are_their_members():
    experiment = experiment_of(**{**DEEP, **POOLS, **SGD})
    training = Training(experiment)
    jacobian = GameJacobian(experiment, training.data, 100)
    jacobian.load(training)
    first = jacobian.samples()
    for name, size in (("real", 7), ("noise", 11)):
        assert len(np.unique(first[name], axis=0)) == size
    train(training, 5)
    jacobian.load(training)
    jacobian.field()
    for name, rows in jacobian.samples().items():
        assert np.array_equal(rows, first[name])


@pytest.mark.parametrize(("fields", "size"), [
    ({}, 100), ({"discriminator__packing": 3, "schedule__batch": 6}, 102),
    ({"discriminator__minibatch_features": 2}, 6),
])  # fmt: skip
def test_a_batch_is_whole_packs_and_with_minibatch_features_the_trainings(fields, size):
    experiment = experiment_of(**{**DEEP, **fields})
    training = Training(experiment)
    jacobian = GameJacobian(experiment, training.data, 100)
    jacobian.load(training)
    assert jacobian.batch == size
    assert len(jacobian.samples()["real"]) == size


def test_a_change_of_rules_is_seen():
    experiment = experiment_of(**{**DEEP, **SGD, **BLUR})
    training, jacobian, _ = point_of(experiment)
    before = jacobian.field()
    training.change(experiment.replace({"penalty.kind": "r1", "instance_noise.std": 0.0, "objective.kind": "hinge"}))
    jacobian.load(training)
    assert not np.allclose(jacobian.field(), before)
    fresh = GameJacobian(training.experiment, training.data, BATCH)
    fresh.load(training)
    assert jacobian.field().tobytes() == fresh.field().tobytes()
    assert jacobian.matrix().tobytes() == fresh.matrix().tobytes()


# What optimizers do to the field.


@pytest.mark.parametrize("kind", ["rmsprop", "rmsprop-tf1", "adam", "adam-tensorflow"])
def test_scales_are_what_the_optimizer_multiplies_by(kind):
    fields = optimizers(
        kind.removesuffix("-tensorflow"), 0.02, epsilon=1e-3, tensorflow_epsilon=kind.endswith("tensorflow")
    )
    training = Training(experiment_of(**{**DEEP, **fields, "schedule__updates": "simultaneous"}))
    train(training, 4)
    before = {name: training.flat(name).copy() for name in PLAYERS}
    train(training, 1)
    jacobian = GameJacobian(training.experiment, training.data, 8)
    jacobian.load(training)
    scales = dict(zip(PLAYERS, np.split(jacobian.scales(), [jacobian.sizes[0]]), strict=True))
    for name, rate in zip(PLAYERS, jacobian.rates, strict=True):
        player = training.layout[name]
        place_of, weight = player.gradient, 1.0
        if kind.startswith("adam"):
            place_of, weight = player.first, 1 / (1 - training.experiment.optimizer.generator.beta1**5)
        direction = weight * training.arena[place_of : place_of + player.network.size]
        np.testing.assert_allclose(training.flat(name) - before[name], -rate * scales[name] * direction, atol=1e-14)


def test_scales_are_of_players_that_have_moved_and_adapt():
    training = Training(experiment_of(**{**DEEP, **optimizers("adam", 0.02, "sgd")}))
    jacobian = GameJacobian(training.experiment, training.data, 8)
    jacobian.load(training)
    assert jacobian.scales() is None
    train(training, 1)
    jacobian.load(training)
    generator, discriminator = np.split(jacobian.scales(), [jacobian.sizes[0]])
    assert (generator == 1).all()
    assert (discriminator > 1).all()
    plainly = Training(experiment_of(**{**DEEP, **SGD}))
    train(plainly, 1)
    jacobian = GameJacobian(plainly.experiment, plainly.data, 8)
    jacobian.load(plainly)
    assert jacobian.scales() is None


def test_rates_follow_their_schedules():
    fields = {
        "optimizer__generator__rate_schedule": "linear", "optimizer__generator__rate_steps": 4,
        "optimizer__discriminator__rate_schedule": "cosine", "optimizer__discriminator__rate_steps": 8,
    }  # fmt: skip
    training = Training(experiment_of(**{**DEEP, **SGD, **fields}))
    jacobian = GameJacobian(training.experiment, training.data, 8)
    for step, generator, discriminator in ((0, 0.05, 0.1), (2, 0.025, 0.05 * (1 + np.sqrt(0.5))), (9, 0.0, 0.0)):
        training.counters[STEP] = step
        jacobian.load(training)
        assert jacobian.rates == pytest.approx((generator, discriminator))
        assert jacobian.step == step


# Sentences, and giving up.


def test_a_matrix_is_given_up_between_products_and_tells_how_far_it_is():
    _, jacobian, _ = point_of(experiment_of(**DEEP))
    told, asked = [], []
    assert jacobian.matrix(progress=lambda done, of: told.append((done, of))) is not None
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (jacobian.size, jacobian.size)
    assert jacobian.matrix(should_stop=lambda: asked.append(1) or len(asked) == 3) is None
    assert len(asked) == 3


def test_a_fourth_derivative_is_refused_in_a_sentence():
    fields = {**DEEP, **SGD, "schedule__unroll": 1, "penalty__kind": "r2"}
    _, jacobian, _ = point_of(experiment_of(**fields))
    assert np.isfinite(jacobian.field()).all()
    with pytest.raises(ExperimentError, match=r"schedule.unroll = 1 with penalty.kind = 'r2'.*softplus.*set"):
        jacobian.matrix()
    # Piecewise linear ones have none beyond the first.
    _, jacobian, vector = point_of(experiment_of(**{**fields, "discriminator__activation": "leaky-relu"}))
    assert jacobian.matrix().shape == (vector.size, vector.size)


def test_wrong_use_is_answered_in_sentences(monkeypatch):
    experiment = experiment_of(**DEEP)
    training = Training(experiment)
    jacobian = GameJacobian(experiment, training.data, 8)
    with pytest.raises(ValueError, match="no point was loaded"):
        jacobian.field()
    jacobian.load(training)
    with pytest.raises(ValueError, match=r"shape \(3,\); the game has \(\d+,\)"):
        jacobian.product(np.ones(3))
    monkeypatch.setattr(training_module, "LARGEST", 1 << 10)
    with pytest.raises(ExperimentError, match="GB"):
        jacobian.matrix()


def test_32_bits_are_as_good_as_their_rounding():
    experiment = experiment_of(**{**DEEP, "penalty__kind": "gradient"})
    _, jacobian, vector = point_of(experiment, batch=200)
    training = Training(experiment.replace({"precision": 32}))
    place(training, vector)
    other = GameJacobian(training.experiment, training.data, 200)
    other.load(training)
    assert other.field().dtype == np.float64
    assert close(other.field(), jacobian.field(), 1e-5)
    assert close(other.matrix(), jacobian.matrix(), 1e-5)
