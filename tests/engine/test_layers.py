"""What is shown of the inside of networks: against `ganviz.gradients`, and against the same passes in NumPy."""

import math
from itertools import pairwise

import numpy as np
import pytest
from experiment_cases import experiment_of
from games import BLUR, DEEP, POOLS, SGD, optimizers
from numpy_network import Form, over_sigma

from ganviz.engine.evaluation import Evaluator
from ganviz.engine.gradients import gradients
from ganviz.engine.jacobian import GameJacobian
from ganviz.engine.layers import BINS, saturated_share, silent_share, weight_histogram
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Training

COUNT = 48
PLAYERS = ("generator", "discriminator")


def network(training, player):
    return training.layout[player].network.split(training.flat(player).astype(np.float64))


def looked_into(steps=2, **fields):
    """Train a little; return the training, an evaluator that has loaded it, and the layers by player."""
    training = Training(experiment_of(**fields))
    assert training.advance(steps, np.zeros((steps, len(RECORDED)))) == steps
    evaluator = Evaluator(training.experiment, training.data)
    evaluator.load(training)
    found = evaluator.layers(COUNT)
    return training, evaluator, {name: [layer for layer in found if layer.player == name] for name in PLAYERS}


def batch_of(training, evaluator, count):
    """Return the batch for show in training units, consecutive samples in a pack, and the mixing weights."""
    packing = training.experiment.discriminator.packing
    d = training.experiment.dimension
    real = (evaluator.real(count) - training.data.shift[:d]) / training.data.scale[:d]
    jacobian = GameJacobian(training.experiment, training.data, count)
    jacobian.load(training)

    def packed(rows):
        return rows.reshape(packing, -1, rows.shape[1]).swapaxes(0, 1).reshape(rows.shape)

    return packed(real), packed(evaluator.noise(count)), jacobian.samples().get("mix")


GAMES = {
    "plain": {},
    "gradient": {"penalty__kind": "gradient", "objective__kind": "wasserstein"},
    "dragan": {"penalty__kind": "dragan", "data__standardize": True},
    "r1-r2": {"penalty__kind": "r1-r2", "objective__kind": "relativistic"},
    "consensus": {"penalty__kind": "consensus", "penalty__weight": 1.0},
    "packing": {"discriminator__packing": 3, "objective__real_label": 0.9},
    "features": {"discriminator__minibatch_features": 2, "schedule__batch": 12},
    "batch": {"generator__normalization": "batch", "discriminator__normalization": "batch"},
    "layer": {"generator__normalization": "layer", "discriminator__normalization": "layer"},
    "maxout": {"generator__activation": "maxout", "discriminator__activation": "maxout"},
    "no bias": {"generator__bias": False, "discriminator__bias": False},
    "pools": POOLS,
}  # fmt: skip


@pytest.mark.parametrize("name", GAMES)
def test_gradient_norms_are_those_of_gradients(name):
    training, evaluator, found = looked_into(**{**DEEP, **SGD, **GAMES[name]})
    count = 12 if name == "features" else COUNT
    batch = batch_of(training, evaluator, count)
    own = gradients(
        training.experiment, network(training, "generator"), network(training, "discriminator"), *batch[:2],
        mix=batch[2],
    )  # fmt: skip
    for player in PLAYERS:
        expected = [math.hypot(np.linalg.norm(weight), np.linalg.norm(bias)) for weight, bias in getattr(own, player)]
        assert [layer.gradient_norm for layer in found[player]] == pytest.approx(expected, rel=1e-9)
        sizes = [math.hypot(np.linalg.norm(w), np.linalg.norm(b)) for w, b in network(training, player)]
        assert [layer.weight_norm for layer in found[player]] == pytest.approx(sizes, rel=1e-12)
        assert [layer.index for layer in found[player]] == list(range(1, len(expected) + 1))
        for layer, (weight, bias) in zip(found[player], network(training, player), strict=True):
            assert layer.counts.sum() == weight.size + bias.size


def test_instance_noise_and_unrolled_updates_are_left_out():
    fields = {**DEEP, **SGD}
    training, _, plainly = looked_into(steps=0, **fields)
    for more in (BLUR, {"schedule__unroll": 2}):
        other, _, found = looked_into(steps=0, **fields, **more)
        assert np.array_equal(other.flat("generator"), training.flat("generator"))
        for player in PLAYERS:
            assert [layer.gradient_norm for layer in found[player]] == [
                layer.gradient_norm for layer in plainly[player]
            ]


# Silent and saturated units.

ATANH = 0.5 * math.log((1 + math.sqrt(0.99)) / (1 - math.sqrt(0.99)))


def sums_of(section, weights, x, spectral=False):
    """Return what goes into each activation, in NumPy; x are the network's inputs."""
    form, sums = Form.of(section), []
    for index, (weight, bias) in enumerate(weights):
        used = over_sigma(weight) if spectral else weight
        a = x @ used
        if index < len(weights) - 1:
            axis = {"batch": 0, "layer": 1}.get(form.normalization)
            if axis is not None:
                a = (a - a.mean(axis, keepdims=True)) / np.sqrt(a.var(axis, keepdims=True) + 1e-5)
        a = a + bias if bias.size else a
        sums.append(a)
        if index < len(weights) - 1:
            y = {"relu": lambda t: np.maximum(t, 0), "tanh": np.tanh, "softplus": lambda t: np.logaddexp(t, 0),
                 "sigmoid": lambda t: 1 / (1 + np.exp(-t))}[form.hidden](a)  # fmt: skip
            x = y + x if form.residual and y.shape == x.shape else y
    return sums


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("residual", [False, True])
def test_shares_are_those_of_numpy(activation, normalization, residual):
    fields = {f"{player}__{name}": value for player in PLAYERS for name, value in {
        "activation": activation, "normalization": normalization, "residual": residual, "hidden": [16, 16],
    }.items()}  # fmt: skip
    training = Training(experiment_of(**DEEP | fields | {"generator__output": "tanh", "data__kind": "moons"}))
    rng = np.random.default_rng(0)
    for player in PLAYERS:
        for weight, bias in training.layout[player].network.split(training.flat(player)):
            weight[:], bias[:] = rng.normal(0, 1, weight.shape), rng.normal(0, 2, bias.shape)
            if len(bias) == 16:
                # Some units that no sample reaches.
                bias[:5] = -60
    evaluator = Evaluator(training.experiment, training.data)
    evaluator.load(training)
    found = evaluator.layers(COUNT)
    real, noise, _ = batch_of(training, evaluator, COUNT)
    generator = sums_of(training.experiment.generator, network(training, "generator"), noise)
    fake = np.tanh(generator[-1])
    # Batch normalisation looks at real and fake samples apart.
    on_real, on_fake = (
        sums_of(training.experiment.discriminator, network(training, "discriminator"), x) for x in (real, fake)
    )
    judged = [np.concatenate(pair) for pair in zip(on_real, on_fake, strict=True)]
    seen = set()
    for layer, sums in zip(found, [*generator, *judged], strict=True):
        if layer.activation == "output":
            assert math.isnan(layer.dead)
            slopes = 1 - np.tanh(sums) ** 2
            expected = (slopes < 0.01).mean() if layer.player == "generator" else math.nan
            assert layer.saturated == pytest.approx(expected, nan_ok=True)
            continue
        assert layer.activation == activation
        if activation == "relu":
            expected = (np.maximum(sums, 0) == 0).all(axis=0).mean()
        elif activation == "softplus":
            expected = (np.exp(sums) <= 1e-6).all(axis=0).mean()
        else:
            expected = math.nan
        assert layer.dead == pytest.approx(expected, nan_ok=True)
        if activation == "tanh":
            expected = (1 - np.tanh(sums) ** 2 < 0.01).mean()
        elif activation == "sigmoid":
            s = 1 / (1 + np.exp(-sums))
            expected = (s * (1 - s) < 0.01 * 0.25).mean()
        else:
            expected = math.nan
        assert layer.saturated == pytest.approx(expected, nan_ok=True)
        seen.add(layer.dead if activation in ("relu", "softplus") else layer.saturated)
    # Not all or nothing everywhere.
    assert any(0 < share < 1 for share in seen)


@pytest.mark.parametrize("activation", ["leaky-relu", "elu", "sine", "maxout", "linear", "gelu"])
def test_what_cannot_be_silent_or_flat_is_no_number(activation):
    _, _, found = looked_into(**{**DEEP, "discriminator__activation": activation})
    for layer in found["discriminator"]:
        assert math.isnan(layer.saturated)
        assert math.isnan(layer.dead) == (activation != "gelu" or layer.activation == "output")
    assert [layer.activation for layer in found["discriminator"]] == [activation, activation, "output"]


def test_layers_of_minibatch_features_have_their_name():
    _, _, found = looked_into(**{**DEEP, "discriminator__minibatch_features": 2})
    assert [layer.activation for layer in found["discriminator"]] == ["softplus", "softplus", "features", "output"]
    assert math.isnan(found["discriminator"][2].dead)


def test_bounds_of_silence_and_flatness():
    sums = np.array([[-1.0, 0.0, 0.1], [-2.0, -1.0, -3.0]])
    assert silent_share("relu", sums) == pytest.approx(2 / 3)
    assert silent_share("softplus", np.array([[-13.9, -13.7]])) == 0.5
    gelu = -5.2 * 0.5 * math.erfc(5.2 / math.sqrt(2))
    assert -1e-6 < gelu < 0
    assert silent_share("gelu", np.array([[-5.3, -5.1]])) == 0.5
    assert saturated_share("tanh", np.array([[-ATANH - 1e-9, ATANH - 1e-9, 0.0, 9.0]])) == 0.5
    assert saturated_share("sigmoid", np.array([[-2 * ATANH - 1e-9, 2 * ATANH - 1e-9, 0.0, 9.0]])) == 0.5


# Histograms.


@pytest.mark.parametrize("bound", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("size", [1e-9, 0.004, 0.0099, 0.01, 0.3, 1.0, 1.7, 9.99, 1e6])
def test_a_histogram_is_symmetric_and_holds_every_weight(size, bound):
    weights = np.concatenate([np.random.default_rng(0).uniform(-size, size, 999), [size]]).astype(np.float32)
    edges, counts = weight_histogram(weights, bound)
    assert (len(edges), len(counts), counts.sum()) == (BINS + 1, BINS, 1000)
    assert np.allclose(edges, -edges[::-1])
    expected = [np.count_nonzero((weights >= low) & (weights < high)) for low, high in pairwise(edges)]
    expected[-1] += np.count_nonzero(weights == edges[-1])
    # An edge may fall between a number and its rounding.
    assert np.abs(counts - expected).sum() <= 2
    if bound and size <= bound:
        assert edges[-1] == pytest.approx(1.05 * bound)
    else:
        assert size * 0.999999 <= edges[-1] < 2.51 * size * (1 + 1e-6)


def test_a_histogram_of_zeros_has_a_range():
    edges, counts = weight_histogram(np.zeros(7))
    assert edges[-1] == 1
    assert counts.sum() == 7


def test_clipped_weights_pile_up_at_the_bounds_of_the_discriminator_alone():
    fields = {**DEEP, **optimizers("rmsprop", 0.05), "discriminator__clip": 0.1, "discriminator__bias": False}
    training, _, found = looked_into(steps=20, **{**fields, "objective__kind": "wasserstein"})
    assert {layer.bound for layer in found["generator"]} == {0.0}
    at_bound = 0
    for layer in found["discriminator"]:
        assert layer.bound == 0.1
        assert layer.edges[-1] == pytest.approx(0.105)
        low, high = layer.edges[:-1], layer.edges[1:]
        at_bound += layer.counts[((low <= 0.1) & (high >= 0.1)) | ((low <= -0.1) & (high >= -0.1))].sum()
        assert layer.counts[(low > 0.1) | (high < -0.1)].sum() == 0
    assert at_bound >= np.count_nonzero(np.abs(training.flat("discriminator")) >= 0.1) > 0


def test_looking_changes_nothing():
    fields = {**DEEP, **optimizers("adam", 0.01), "generator__normalization": "batch"}
    training, evaluator, found = looked_into(**fields)
    before = training.arena.tobytes(), training.counters.tobytes()
    again = evaluator.layers(COUNT)
    assert (training.arena.tobytes(), training.counters.tobytes()) == before
    norms = [layer.gradient_norm for player in PLAYERS for layer in found[player]]
    assert [layer.gradient_norm for layer in again] == norms
