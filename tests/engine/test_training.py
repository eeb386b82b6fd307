"""Training: a replay in NumPy of every rule of a step, the same bits under all circumstances, what watching shows."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy_gan as plain
import pytest
from games import (
    BLUR,
    DEEP,
    EXTRAGRADIENT,
    GAMES,
    NORMED,
    POOLS,
    RELATIVISTIC,
    SGD,
    SMALL,
    TINY,
    TOGETHER,
    TWICE,
    WASSERSTEIN,
    experiment_of,
    optimizers,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_network import Pass
from processes import run_process
from replay import PLAYERS, Replay, drawn
from scipy import stats

from ganviz.engine import random
from ganviz.engine.evaluation import Evaluator
from ganviz.engine.machine import DATA_CURSOR, NOISE_CURSOR, STEP, execute
from ganviz.engine.operation import OP, M, N, Operation, S, T, V, Y
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Training
from ganviz.experiment import KINDS, Experiment

SURE = 1e-4


def train(training: Training, steps: int) -> np.ndarray:
    records = np.zeros((steps, len(RECORDED)))
    assert training.advance(steps, records) == steps
    return records


def network(training: Training, player: str) -> list:
    pairs = training.layout[player].network.split(training.flat(player).astype(np.float64))
    return [(weight.copy(), bias.copy()) for weight, bias in pairs]


def bits_of(training: Training) -> bytes:
    kept, counters = training.snapshot()
    return kept.tobytes() + counters.tobytes()


# The rules of a step.


def follow(training: Training, replay: Replay, steps: int) -> None:
    # Second derivatives by complex steps are exact, those by differences are not.
    tolerance = 1e-7 if replay.game.by_differences else 1e-9
    for _ in range(steps):
        (record,) = train(training, 1)
        replay.advance()
        replay.assert_same(record, tolerance)


@pytest.mark.parametrize("name", GAMES)
def test_training_is_what_numpy_replays(name):
    """Order of updates, batches, losses, optimizers, all that is kept, and the records, for four steps."""
    training = Training(experiment_of(seed=3, **GAMES[name]))
    follow(training, Replay(training), 4)
    assert training.step == 4


WARM = {**TINY, **optimizers("sgd", 0.01), **WASSERSTEIN, "schedule__warmup": True, "discriminator__clip": 0.5}
WARM_GAMES = {
    "alternating": {**WARM, "schedule__discriminator_steps": 3, "generator__ema": 0.5, **POOLS},
    "simultaneous": {**WARM, **TOGETHER, "schedule__discriminator_steps": 2},
    "simultaneous-alone": {**WARM, **TOGETHER},
    "reuse": {**WARM, **BLUR, **POOLS, "schedule__reuse_fakes": True},
    "reuse-together": {**WARM, **TOGETHER, **POOLS, "schedule__reuse_fakes": True},
}


@pytest.mark.parametrize("name", WARM_GAMES)
def test_warm_steps_are_the_first_25_and_every_500th(name):
    training = Training(experiment_of(seed=3, **WARM_GAMES[name]))
    replay = Replay(training)
    for start, steps in ((0, 1), (24, 2), (499, 3), (1000, 1)):
        training.counters[STEP] = replay.draws.step = start
        follow(training, replay, steps)


LIVE_CHANGES = {
    "rates": {"optimizer.generator.learning_rate": 0.01, "optimizer.discriminator.rate_schedule": "linear",
              "optimizer.discriminator.rate_steps": 4},
    "kind": {"optimizer.discriminator.kind": "rmsprop-tf1"},
    "both kinds": {"optimizer.generator.kind": "optimistic-adam", "optimizer.discriminator.kind": "momentum"},
    "extragradient": {"optimizer.generator.kind": "extragradient", "optimizer.discriminator.kind": "extragradient",
                      "schedule.updates": "simultaneous"},
    "average": {"generator.ema": 0.6},
    "batch": {"schedule.batch": 20, "schedule.discriminator_steps": 2},
    "objective": {"objective.kind": "relativistic", "discriminator.clip": 0.4},
    "penalty": {"penalty.kind": "gradient", "penalty.weight": 0.5},
    "noise": {"noise.kind": "uniform", "noise.mean": 1.0, "instance_noise.std": 0.3},
    "unroll": {"schedule.unroll": 1, "optimizer.discriminator.epsilon": 1e-2},
    "data": {"data.std": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("name", LIVE_CHANGES)
def test_a_change_in_mid_flight_is_what_numpy_does(name):
    """Moments stay but for a new kind of optimizer; an average starts at the generator; data stays as it was scaled."""
    training = Training(experiment_of(seed=3, **SMALL, **optimizers("adam", 0.02)))
    replay = Replay(training)
    follow(training, replay, 3)
    training.change(training.experiment.replace(LIVE_CHANGES[name]))
    replay.follow()
    if name == "average":
        replay.average = replay.generator
    follow(training, replay, 3)
    # And back.
    training.change(experiment_of(seed=3, **SMALL, **optimizers("adam", 0.02)))
    replay.follow()
    follow(training, replay, 2)


def test_the_order_of_updates_matters_to_this_test():
    """Were the replay deaf to order, simultaneous and alternating games would agree."""
    ends = []
    for name in ("alternating-2-2", "simultaneous-2-2"):
        training = Training(experiment_of(seed=3, **GAMES[name]))
        train(training, 4)
        ends.append(training.flat("generator").copy())
    assert np.abs(ends[0] - ends[1]).max() > 1e-4


def test_pools_are_visited_in_shuffled_epochs_whatever_the_bursts():
    """Through training: the cursor goes on from batch to batch, and in an epoch each member comes once."""
    training = Training(experiment_of(**{**DEEP, **SGD, **POOLS, "schedule__batch": 5}))
    visits, z = [], []
    for step in range(7):
        assert training.counters[[DATA_CURSOR, NOISE_CURSOR]].tolist() == [5 * step, 10 * step]
        found = met(training)
        visits.append(found["REAL", random.REAL, 0])
        z += [found["NOISE", random.DISCRIMINATOR_NOISE, 0], found["NOISE", random.GENERATOR_NOISE, 0]]
        train(training, 1)
    for points, size in ((np.concatenate(visits), 7), (np.concatenate(z), 11)):
        epochs = points[: len(points) // size * size].reshape(-1, size, points.shape[1])
        members = [np.unique(epoch, axis=0) for epoch in epochs]
        assert all(len(one) == size for one in members)
        assert all(np.array_equal(one, members[0]) for one in members)
        assert not np.array_equal(epochs[0], epochs[1])


# What runs with one seed share.


DRAWS = (Operation.REAL, Operation.NOISE, Operation.INSTANCE_NOISE, Operation.UNIFORM)


def met(training: Training) -> dict[tuple, np.ndarray]:
    """Return what the next step would draw first at each address: by instruction, stream and update.

    The program is cut off behind the draw and carried out on copies.
    """
    found = {}
    for index, row in enumerate(training._instructions):
        if row[OP] in DRAWS:
            arena, counters = training.arena.copy(), training.counters.copy()
            records = np.zeros((1, len(RECORDED)))
            execute(
                training._instructions[: index + 1], training._constants, arena, counters, training.data,
                training.experiment.seed, records, 1,
            )  # fmt: skip
            matrix = arena[row[Y] : row[Y] + row[M] * row[N]].reshape(row[M], row[N])
            assert not matrix[:, row[V] :].any()
            found.setdefault((Operation(row[OP]).name, int(row[S]), int(row[T])), matrix[:, : row[V]].T.copy())
    return found


SHARED = {
    "batch": {"schedule__batch": 35},
    "objective": {"objective__kind": "relativistic"},
    "penalty": {"penalty__kind": "gradient", "objective__kind": "hinge"},
    "networks": {"generator__hidden": [31], "discriminator__hidden": [], "discriminator__activation": "relu"},
    "normalisation": {"generator__normalization": "batch", "discriminator__normalization": "layer"},
    "packing": {"schedule__batch": 34, "discriminator__packing": 2, "discriminator__minibatch_features": 4},
    "spectral": {"discriminator__spectral_norm": True, "generator__init": "orthogonal"},
    "optimizers": {**optimizers("rmsprop-tf1", 0.1, "optimistic"), "generator__ema": 0.9},
    "extragradient": EXTRAGRADIENT,
    "order": {**TWICE, **TOGETHER},
    "unroll": {"schedule__unroll": 2},
    "warm": {"schedule__warmup": True},
}


@pytest.mark.parametrize("pool", [{}, POOLS], ids=["fresh", "pools"])
@pytest.mark.parametrize("name", SHARED)
def test_runs_with_one_seed_meet_the_same_samples_and_noise_whatever_else_differs(name, pool):
    usual = {"schedule__batch": 21, "instance_noise__std": 0.5, **DEEP, **pool}
    one, other = (Training(experiment_of(seed=11, **fields)) for fields in (usual, {**usual, **SHARED[name]}))
    if not pool:
        for training in (one, other):
            training.counters[STEP] = 6
    first, second = met(one), met(other)
    both = first.keys() & second.keys()
    # With pools, what comes after a larger batch lies further on.
    streams = {random.REAL, random.DISCRIMINATOR_NOISE} | (set() if pool else {random.GENERATOR_NOISE})
    assert {stream for _, stream, _ in both} >= streams
    for key in both if not pool else [("REAL", random.REAL, 0), ("NOISE", random.DISCRIMINATOR_NOISE, 0)]:
        count = min(len(first[key]), len(second[key]))
        assert np.array_equal(first[key][:count], second[key][:count])
    for stream in streams - {random.REAL}:
        key = "NOISE", stream, 0
        assert not np.array_equal(first[key][:5], first["NOISE", random.DISCRIMINATOR_NOISE, 0][5:10])


@pytest.mark.parametrize(
    ("more", "draws"),
    [
        # Of both players' samples, noise and instance noise, in two updates.
        (EXTRAGRADIENT, 2 * 8),
        # The discriminator's with a mix, and the generator's with one for its unrolled updates.
        ({"penalty__kind": "gradient", "schedule__unroll": 1}, 10),
        ({"penalty__kind": "dragan", "schedule__unroll": 1}, 10),
    ],
    ids=["extragradient", "gradient", "dragan"],
)
def test_no_two_draws_of_a_step_are_alike(more, draws):
    """Not of two streams, not of two updates, not of two steps."""
    fields = {**DEEP, **BLUR, **RELATIVISTIC, "data__kind": "gaussian", "data__mean": [0.0, 0.0],
              "data__std": [1.0, 1.0], "noise__dimension": 2}  # fmt: skip
    training = Training(experiment_of(**{**fields, **more}))
    found = []
    for step in range(3):
        training.counters[STEP] = step
        found += met(training).values()
    assert len(found) == 3 * draws
    # Of normal numbers scaled in three ways: their quotients tell them apart.
    shapes = {(np.round(draw / draw[0, 0], 9)).tobytes() for draw in found}
    assert len(shapes) == len(found)


def test_a_replayed_draw_is_what_training_meets():
    training = Training(experiment_of(**{**DEEP, **SGD, "schedule__batch": 21}))
    training.counters[STEP] = 9
    found = met(training)["REAL", random.REAL, 0]
    assert np.array_equal(found, drawn(training, Operation.REAL, (21, 2), random.REAL, 0, 9))
    assert not np.array_equal(found, drawn(training, Operation.REAL, (21, 2), random.REAL, 0, 8))


# The Dirac-GAN of REFERENCES.md.

DIRAC_GAN = {
    "data__kind": "diracs", "noise__dimension": 1, "schedule__batch": 4,
    "generator__hidden": [1], "generator__activation": "relu",
    "discriminator__hidden": [], "discriminator__bias": False,
    "optimizer__generator__kind": "sgd", "optimizer__generator__learning_rate": 0.2,
    "optimizer__discriminator__kind": "sgd", "optimizer__discriminator__learning_rate": 0.2,
}  # fmt: skip
DIRAC_ENDS = [
    ("minimax", "simultaneous", 0, (-2.16161128, -2.21777540)),
    ("minimax", "alternating", 0, (0.686833661, 1.24400729)),
    ("non-saturating", "simultaneous", 0, (0.548337319, 0.330441056)),
    ("non-saturating", "alternating", 0, (0.204888492, 0.196553333)),
    ("wasserstein", "simultaneous", 1, (-0.0656407822, 1)),
    ("wasserstein", "alternating", 1, (0.979076297, 0.300381520)),
]


@pytest.mark.parametrize(("objective", "updates", "clip", "end"), DIRAC_ENDS)
def test_the_dirac_gan_ends_where_the_theory_says(objective, updates, clip, end):
    experiment = experiment_of(
        **DIRAC_GAN, objective__kind=objective, schedule__updates=updates, discriminator__clip=clip
    )
    training = Training(experiment)
    # A hidden unit that is dead for every z leaves the last bias alone: a point at theta that ignores its noise.
    (w1, b1), (w2, b2) = training.layout["generator"].network.split(training.flat("generator"))
    w1[:], b1[:], w2[:], b2[:] = 0, -1, 0, 1
    # In the paper D is high on fakes, here on reals.
    training.flat("discriminator")[:] = -1
    if updates == "simultaneous":
        train(training, 500)
    else:
        # The table moves the generator first; here the discriminator does: so it sits out once, at first.
        training.change(experiment.replace({"optimizer.discriminator.learning_rate": 0.0}))
        train(training, 1)
        training.change(experiment)
        train(training, 499)
        training.change(experiment.replace({"optimizer.generator.learning_rate": 0.0}))
        train(training, 1)
    theta, psi = training.flat("generator")[-1], -training.flat("discriminator")[0]
    assert (theta, psi) == pytest.approx(end, rel=1e-8)


# The same bits.

BUSY = {
    "precision": 32, "generator__hidden": [17, 8], "discriminator__hidden": [9, 33], "schedule__batch": 21,
    "schedule__discriminator_steps": 2, "instance_noise__std": 0.1, "instance_noise__decay_steps": 40,
}  # fmt: skip
RUNS = {
    "busy": BUSY,
    "warm": {**BUSY, "schedule__warmup": True, "objective__kind": "wasserstein", "discriminator__clip": 0.1},
    "pools": {**BUSY, "data__size": 50, "noise__size": 33, "schedule__reuse_fakes": True,
              **optimizers("rmsprop-tf1", 0.01)},
    "extragradient": {**BUSY, **EXTRAGRADIENT, "schedule__discriminator_steps": 1, "generator__ema": 0.9,
                      "discriminator__spectral_norm": True, "data__size": 50},
    "normed": {**BUSY, **NORMED, "discriminator__packing": 4, "discriminator__minibatch_features": 3,
               "penalty__kind": "dragan", **optimizers("optimistic-adam", 0.01)},
    "unrolled": {**BUSY, "schedule__unroll": 2, "objective__kind": "relativistic", "schedule__batch": 16},
}  # fmt: skip
STEPS = 60


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", RUNS)
def test_bursts_of_any_length_give_the_same_bits(name, bits):
    ends, tables = set(), []
    for burst in (1, 7, 1000):
        training = Training(experiment_of(**{**RUNS[name], "precision": bits}))
        left, records = STEPS, []
        while left:
            records.append(train(training, min(burst, left)))
            left -= len(records[-1])
        ends.add(bits_of(training))
        tables.append(np.concatenate(records))
    assert len(ends) == 1
    assert np.array_equal(tables[0], tables[1])
    assert np.array_equal(tables[0], tables[2])


def watch(evaluator: Evaluator) -> None:
    z = evaluator.noise(50)
    samples = evaluator.generate(z)
    evaluator.generate(z, average=True)
    evaluator.discriminate(evaluator.real(333))
    evaluator.slopes(samples)
    evaluator.pulls(samples, evaluator.real(50))


@pytest.mark.parametrize("name", RUNS)
def test_watching_never_changes_the_run(name):
    ends = set()
    for watched in (False, True):
        training = Training(experiment_of(**RUNS[name]))
        evaluator = Evaluator(training.experiment, training.data)
        for _ in range(10):
            if watched:
                evaluator.load(training)
                watch(evaluator)
            train(training, 3)
        ends.add(bits_of(training))
    assert len(ends) == 1


def test_what_is_watched_is_the_same_at_every_look():
    training = Training(experiment_of(**BUSY))
    evaluator, other = (Evaluator(training.experiment, training.data) for _ in range(2))
    evaluator.load(training)
    first = evaluator.noise(40), evaluator.real(60), evaluator.generate(evaluator.noise(40))
    watch(evaluator)
    evaluator.discriminate(np.zeros((5000, 2)))  # a larger arena
    other.load(training)
    for again in (evaluator, other):
        found = again.noise(40), again.real(60), again.generate(again.noise(40))
        assert all(np.array_equal(*pair) for pair in zip(first, found, strict=True))


def test_two_runs_of_one_experiment_are_equal_and_of_two_seeds_are_not():
    ends = []
    for seed in (0, 0, 1):
        training = Training(experiment_of(**{**BUSY, "seed": seed}))
        train(training, 20)
        ends.append(bits_of(training))
    assert ends[0] == ends[1] != ends[2]


@pytest.mark.parametrize("name", RUNS)
def test_a_snapshot_leads_to_the_same_future(name):
    training, other = (Training(experiment_of(**RUNS[name])) for _ in range(2))
    train(training, 22)
    snapshot = training.snapshot()
    records = train(training, 20)
    end = bits_of(training)
    for again in (training, other):
        again.restore(snapshot)
        assert again.step == 22
        assert np.array_equal(train(again, 20), records)
        assert bits_of(again) == end


def test_any_number_of_threads_gives_the_same_bits():
    def run(name: str) -> bytes:
        training = Training(experiment_of(**RUNS[name]))
        records = train(training, STEPS)
        return bits_of(training) + records.tobytes()

    alone = [run(name) for name in RUNS]
    for threads in (2, 5):
        with ThreadPoolExecutor(threads) as pool:
            assert list(pool.map(run, [*RUNS, *RUNS])) == 2 * alone


PROCESS = """
import test_training
print(test_training.digest())
"""
BOUNDS = """
import numba
import test_training
assert numba.config.BOUNDSCHECK == 1
test_training.go_everywhere()
print("in bounds")
"""


def digest() -> str:
    """Return a digest of all that some runs carry."""
    found = hashlib.sha256()
    for fields in RUNS.values():
        training = Training(experiment_of(**fields))
        train(training, 20)
        found.update(bits_of(training))
    return found.hexdigest()


def go_everywhere() -> None:
    """Carry out every instruction on matrices of many sizes, in 32 bits."""
    for fields in (*GAMES.values(), *WARM_GAMES.values(), *RUNS.values()):
        training = Training(experiment_of(**{**fields, "precision": 32}))
        train(training, 2)
        evaluator = Evaluator(training.experiment, training.data)
        evaluator.load(training)
        watch(evaluator)
        assert evaluator.generate(evaluator.noise(7)).shape == (7, training.experiment.dimension)
    for kind in KINDS:
        if kind != "file":
            for size in (0, 9):
                train(Training(experiment_of(precision=32, data__kind=kind, data__size=size, **SGD)), 2)
    for init in ("pytorch", "glorot", "he", "orthogonal", "normal", "zeros"):
        initial(init, precision=32)


def test_compiled_loaded_and_in_this_process_the_bits_are_the_same(tmp_path):
    compiled = run_process(PROCESS, tmp_path)
    kept = {path.name for path in tmp_path.rglob("*.nbc")}
    assert kept
    loaded = run_process(PROCESS, tmp_path)
    # The second process compiled nothing.
    assert {path.name for path in tmp_path.rglob("*.nbc")} == kept
    assert compiled == loaded == digest()


def test_no_kernel_reads_or_writes_beyond_its_arrays():
    """All but products, which address memory themselves: see test_linear."""
    assert run_process(BOUNDS, "bounds", NUMBA_BOUNDSCHECK="1") == "in bounds"


# Initial parameters.


def initial(init: str, seed: int = 0, **more: object) -> Training:
    fields = {"generator__init": init, "discriminator__init": init, **more}
    return Training(
        experiment_of(
            seed=seed, noise__dimension=32, generator__hidden=[256, 128], discriminator__hidden=[64, 256], **fields
        )
    )


LAWS = {
    "pytorch": lambda n, m: stats.uniform(-1 / np.sqrt(n), 2 / np.sqrt(n)),
    "glorot": lambda n, m: stats.uniform(-np.sqrt(6 / (n + m)), 2 * np.sqrt(6 / (n + m))),
    "he": lambda n, m: stats.norm(0, np.sqrt(2 / n)),
    "normal": lambda n, m: stats.norm(0, 0.02),
}


@pytest.mark.parametrize("init", LAWS)
@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_initial_weights_follow_their_law(init, gain):
    training = initial(init, generator__gain=gain, discriminator__gain=gain)
    for player in PLAYERS:
        for weight, bias in network(training, player):
            n, m = weight.shape
            assert stats.kstest(weight.ravel() / gain, LAWS[init](n, m).cdf).pvalue > SURE
            if init == "pytorch":
                # torch.nn.Linear: biases from the weights' own interval.
                assert np.abs(bias).max() <= 1 / np.sqrt(n)
                assert np.abs(weight).max() <= gain / np.sqrt(n)
                assert stats.kstest(bias, LAWS[init](n, m).cdf).pvalue > SURE
            else:
                assert not bias.any()


def test_zeros_are_zero():
    training = initial("zeros")
    assert not any(training.flat(player).any() for player in PLAYERS)


@pytest.mark.parametrize("gain", [1.0, 1.5])
@pytest.mark.parametrize("bits", [32, 64])
def test_orthogonal_weights_keep_lengths(gain, bits):
    training = initial("orthogonal", generator__gain=gain, discriminator__gain=gain, precision=bits)
    for player in PLAYERS:
        for weight, bias in network(training, player):
            tall = weight if weight.shape[0] >= weight.shape[1] else weight.T
            square = np.eye(tall.shape[1]) * gain**2
            np.testing.assert_allclose(tall.T @ tall, square, atol=1e-5 if bits == 32 else 1e-12)
            if min(weight.shape) > 20:
                entries = tall.ravel() * np.sqrt(tall.shape[0]) / gain
                assert stats.kstest(entries, stats.norm.cdf).pvalue > SURE
            assert not bias.any()


def test_orthogonal_weights_have_no_preferred_sign():
    """A plain QR decomposition makes the first entry always negative (Mezzadri 2007)."""
    small = {"generator__init": "orthogonal", "generator__hidden": [8]}
    signs = [Training(experiment_of(seed=seed, **small)).flat("generator")[0] > 0 for seed in range(40)]
    assert 8 <= sum(signs) <= 32


def test_layers_and_players_start_independently():
    training = Training(experiment_of(noise__dimension=64, generator__hidden=[64, 64], discriminator__hidden=[64, 64]))
    square = [
        weight.ravel() for player in PLAYERS for weight, _ in network(training, player) if weight.shape == (64, 64)
    ]
    assert len(square) == 3
    for i, one in enumerate(square):
        for other in square[:i]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / 64


def test_networks_start_the_same_whatever_the_rest_of_the_experiment():
    one, two = (
        initial("pytorch"),
        initial("pytorch", objective__kind="wasserstein", schedule__batch=7, data__kind="grid"),
    )
    assert all(np.array_equal(one.flat(player), two.flat(player)) for player in PLAYERS)


# What an Evaluator shows.

SHOWN = [
    {},
    {"data__kind": "gaussian", "data__mean": [5.0, -2.0], "data__std": [3.0, 0.5], "data__standardize": True},
    {"data__kind": "gaussian", "data__mean": 7.0, "data__std": 4.0, "data__standardize": True},
]
ACTIVATIONS = ["relu", "leaky-relu", "tanh", "sigmoid", "softplus", "elu", "gelu", "sine", "maxout", "linear"]


class Shown:
    """An evaluator, and the same things in NumPy, in the data's own units."""

    def __init__(self, steps: int = 3, **fields: object) -> None:
        training = Training(experiment_of(seed=5, noise__dimension=3, **fields))
        train(training, steps)
        self.e, d = training.experiment, training.experiment.dimension
        self.shift, self.scale = training.data.shift[:d], training.data.scale[:d]
        self.generator, self.discriminator = (network(training, player) for player in PLAYERS)
        self.forms = plain.Game(self.e).forms
        self.evaluator = Evaluator(self.e, training.data)
        self.evaluator.load(training)
        self.points = self.shift + self.scale * np.random.default_rng(2).normal(size=(37, d))
        self.replay = Replay(training)
        place = training.layout["generator"]
        average = training.arena[place.average : place.average + place.network.size]
        self.average = [(weight.copy(), bias.copy()) for weight, bias in place.network.split(average)]
        self.running = {player: self.statistics(training, player) for player in PLAYERS}

    def statistics(self, training: Training, player: str) -> list | None:
        place = training.layout[player]
        if not place.network.statistics:
            return None
        sizes = np.repeat([layer.outputs for layer in place.network.hidden], 2)
        kept = training.arena[place.running : place.running + place.network.statistics]
        parts = np.split(kept.copy()[None, :], np.cumsum(sizes)[:-1], axis=1)
        return list(zip(parts[::2], parts[1::2], strict=True))

    def generate(self, z, network=None):
        made = Pass(self.forms[0], network or self.generator, z, None, self.running["generator"]).output
        return made * self.scale + self.shift

    def judge(self, points) -> Pass:
        """Judge each point as a pack of copies of it."""
        x = np.repeat((points - self.shift) / self.scale, self.forms[1].packing, axis=0)
        return Pass(self.forms[1], self.discriminator, x, self.replay.singular, self.running["discriminator"])

    def company(self) -> np.ndarray:
        """Return the real samples that a point has beside it for minibatch features, in the data's own units."""
        packing = self.forms[1].packing
        others = self.e.schedule.batch // packing - 1
        shape = others * packing, self.e.dimension
        found = drawn(self.replay.training, Operation.REAL, shape, random.SHOWN_REAL, 0, 0)
        return found.reshape(packing, others, -1).swapaxes(0, 1)[:, 0] * self.scale + self.shift

    def discriminate(self, points):
        if not self.forms[1].features:
            return self.judge(points).output[:, 0]
        assert self.forms[1].packing == 1
        company = self.company()
        return np.array([self.judge(np.concatenate([point[None], company])).output[0, 0] for point in points])

    def slopes(self, points):
        if self.forms[1].features:
            moves = 1e-30j * np.eye(points.shape[1])
            return np.stack([self.discriminate(points + move).imag / 1e-30 for move in moves], axis=1)
        # What moves a point moves all copies of it.
        slopes = self.judge(points).slopes()
        return slopes.reshape(len(points), self.forms[1].packing, -1).sum(1) / self.scale


NORMALIZED = {
    "batch": {"generator__normalization": "batch", "discriminator__normalization": "batch"},
    "layer": {"generator__normalization": "layer", "discriminator__normalization": "layer"},
    "spectral": {"discriminator__spectral_norm": True},
    "packing": {"discriminator__packing": 4},
    "features": {"discriminator__minibatch_features": 3},
    "average": {"generator__ema": 0.5, **optimizers("sgd", 0.5)},
    "residual": {"generator__residual": True, "discriminator__residual": True, "generator__hidden": [9, 9],
                 "discriminator__hidden": [6, 6, 17]},
}  # fmt: skip


def assert_shown(shown: Shown) -> None:
    z = np.random.default_rng(1).normal(size=(23, 3))
    np.testing.assert_allclose(shown.evaluator.generate(z), shown.generate(z), rtol=1e-10, atol=1e-11)
    if shown.e.generator.ema:
        averaged = shown.evaluator.generate(z, average=True)
        np.testing.assert_allclose(averaged, shown.generate(z, shown.average), rtol=1e-10, atol=1e-11)
        assert np.abs(averaged - shown.evaluator.generate(z)).max() > 1e-3
    expected = shown.discriminate(shown.points)
    np.testing.assert_allclose(shown.evaluator.discriminate(shown.points), expected, rtol=1e-10, atol=1e-11)
    outputs, slopes = shown.evaluator.slopes(shown.points)
    np.testing.assert_allclose(outputs, expected, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(slopes, shown.slopes(shown.points), rtol=1e-9, atol=1e-11)
    # Nothing of what is shown depends on what else is asked for.
    np.testing.assert_allclose(shown.evaluator.discriminate(shown.points[:3]), outputs[:3], rtol=1e-12, atol=1e-13)
    assert np.ptp(outputs) > 0
    assert np.abs(slopes).max() > 0


@pytest.mark.parametrize("fields", SHOWN, ids=["plane", "standardized-plane", "standardized-line"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("output", ["linear", "tanh", "sigmoid"])
def test_an_evaluator_shows_what_numpy_computes(fields, activation, output):
    assert_shown(
        Shown(
            **fields, generator__hidden=[9, 6], discriminator__hidden=[6, 17], generator__activation=activation,
            discriminator__activation=activation, generator__output=output,
        )
    )  # fmt: skip


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("fields", SHOWN, ids=["plane", "standardized-plane", "standardized-line"])
@pytest.mark.parametrize("name", NORMALIZED)
def test_an_evaluator_knows_every_kind_of_network(name, fields, steps):
    networks = {"generator__hidden": [9, 6], "discriminator__hidden": [6, 17], **NORMALIZED[name]}
    if steps == 0:
        networks["generator__ema"] = 0.0
    assert_shown(Shown(steps, **fields, **networks))


def test_a_fresh_discriminator_with_spectral_norm_is_seen_as_it_is():
    """Before the first power iteration of training too its weights are divided by something like their norm."""
    training = Training(experiment_of(discriminator__spectral_norm=True))
    evaluator = Evaluator(training.experiment, training.data)
    evaluator.load(training)
    assert np.ptp(evaluator.discriminate(np.random.default_rng(0).normal(size=(50, 2)))) > 1e-3


OWN_LOSSES = {
    "minimax": lambda y, on_real: -1 / (1 + np.exp(-y)),
    "non-saturating": lambda y, on_real: -1 / (1 + np.exp(y)),
    "wasserstein": lambda y, on_real: -np.ones_like(y),
    "relativistic": lambda y, on_real: -1 / (1 + np.exp(y - on_real)),
}
"""The derivative of a sample's own loss in the output for it."""


@pytest.mark.parametrize("fields", SHOWN, ids=["plane", "standardized-plane", "standardized-line"])
@pytest.mark.parametrize("objective", OWN_LOSSES)
@pytest.mark.parametrize("network", [{}, {"discriminator__packing": 2, "discriminator__spectral_norm": True}])
def test_pulls_are_what_the_generators_samples_descend(fields, objective, network):
    shown = Shown(
        **fields, **network, objective__kind=objective, generator__hidden=[4], discriminator__hidden=[9],
        discriminator__activation="tanh",
    )  # fmt: skip
    real = shown.points[::-1] + 0.5
    weight = OWN_LOSSES[objective](shown.discriminate(shown.points), shown.discriminate(real))
    gradient = weight[:, None] * shown.slopes(shown.points)
    # In training units the gradient is scale times that in own units; the step that it asks for is scaled back.
    pulls, norms = shown.evaluator.pulls(shown.points, real)
    np.testing.assert_allclose(pulls, -(shown.scale**2) * gradient, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(norms, np.linalg.norm(shown.scale * gradient, axis=1), rtol=1e-9)


def test_a_pull_moves_a_sample_downhill_whatever_the_batch():
    shown = Shown(generator__hidden=[4], discriminator__hidden=[9], objective__kind="non-saturating")
    many, one = (shown.evaluator.pulls(points, points)[0] for points in (shown.points, shown.points[:1]))
    np.testing.assert_allclose(many[:1], one, rtol=1e-12)
    moved = shown.points + 1e-4 * many
    assert (shown.discriminate(moved) >= shown.discriminate(shown.points)).all()


# Instance noise, clipping, divergence.


def blurred(std: float, decay: int, step: int, bits: int = 64) -> np.ndarray:
    training = Training(experiment_of(precision=bits, **TINY))
    constants = (float(std), float(decay))
    return drawn(training, Operation.INSTANCE_NOISE, (20_000, 1), 4, 0, step, constants=constants).ravel()


@pytest.mark.parametrize("bits", [32, 64])
def test_instance_noise_falls_in_a_line_and_is_gone(bits):
    for step in (0, 25, 50, 99):
        found = blurred(2.0, 100, step, bits=bits)
        expected = 2.0 * (1 - step / 100)
        assert stats.kstest(found, stats.norm(0, expected).cdf).pvalue > SURE
        assert found.std() == pytest.approx(expected, rel=0.03)
    for step in (100, 101, 10**9):
        assert not blurred(2.0, 100, step, bits=bits).any()


def test_instance_noise_without_decay_stays():
    for step in (0, 10**6):
        assert blurred(0.5, 0, step).std() == pytest.approx(0.5, rel=0.03)


def test_clip_holds_after_every_step_and_its_share_is_recorded():
    training = Training(experiment_of(**{**GAMES["wgan-clip"], "discriminator__clip": 0.05}))
    shares = []
    for _ in range(50):
        (record,) = train(training, 1)
        size = np.abs(training.flat("discriminator"))
        assert size.max() <= 0.05
        shares.append(np.mean(size == 0.05))
        assert record[RECORDED.index("clip_fraction")] == pytest.approx(shares[-1])
    assert max(shares) > 0.2
    assert np.abs(training.flat("generator")).max() > 0.05


STEEP = {
    "precision": 32, "objective__kind": "wasserstein", "generator__hidden": [32, 32],
    "discriminator__hidden": [32, 32, 32], "discriminator__activation": "linear",
    "optimizer__generator__kind": "sgd", "optimizer__generator__learning_rate": 10.0,
    "optimizer__discriminator__kind": "sgd", "optimizer__discriminator__learning_rate": 10.0,
}  # fmt: skip


@pytest.mark.parametrize("bits", [32, 64])
def test_divergence_ends_the_burst_and_is_found(bits):
    training = Training(experiment_of(**{**STEEP, "precision": bits}))
    good, records = None, np.zeros((1, len(RECORDED)))
    while training.advance(1, records) == 1:
        good = training.snapshot()
        assert all(np.isfinite(training.flat(player)).all() for player in PLAYERS)
        assert training.step < 1000
    step = training.step
    found = training.find_divergence()
    bad = {
        player: [not (np.isfinite(w).all() and np.isfinite(b).all()) for w, b in network(training, player)]
        for player in PLAYERS
    }
    assert found.step == step + 1
    assert bad[found.player].index(True) + 1 == found.layer
    assert found.player == "discriminator" or not any(bad["discriminator"])
    # A whole burst ends at the same step, and the last good state can be had back.
    other = Training(experiment_of(**{**STEEP, "precision": bits}))
    assert other.advance(1000, np.zeros((1000, len(RECORDED)))) == step
    assert other.counters[STEP] == step
    training.restore(good)
    assert training.step == step
    assert all(np.isfinite(training.flat(player)).all() for player in PLAYERS)


OVERFLOWING = {
    # The slope of the outputs of D in x, which is 7 for all samples and 0 where there are none.
    "reverse-kl": 1, "hellinger": 1, "kl": -1, "alpha": 1,
}  # fmt: skip


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("objective", OVERFLOWING)
def test_what_is_no_sample_cannot_overflow(objective, bits):
    """Batches are padded with zeros, of which the discriminator may think what it likes."""
    training = Training(
        experiment_of(
            **{**TINY, **optimizers("sgd", 1e-6)}, precision=bits, objective__kind=objective, noise__mean=5.0,
            noise__std=1e-3, objective__discriminator_alpha=0.5, objective__generator_alpha=0.5, data__low=6.99,
            data__high=7.01,
        )
    )  # fmt: skip
    slope = OVERFLOWING[objective] * 200.0
    training.flat("generator")[:] = 0.7, 0.7, 0
    training.flat("discriminator")[:] = slope, -7 * slope
    assert np.isfinite(train(training, 1)).all()


@pytest.mark.parametrize(("player", "layer"), [("generator", 2), ("generator", 3), ("discriminator", 1)])
@pytest.mark.parametrize("part", [0, 1])
def test_divergence_names_player_and_layer(player, layer, part):
    training = Training(experiment_of(generator__hidden=[3, 4], discriminator__hidden=[5]))
    with pytest.raises(ValueError, match="finite"):
        training.find_divergence()
    pair = training.layout[player].network.split(training.flat(player))[layer - 1]
    pair[part][..., -1] = np.inf
    assert training.find_divergence() == (1, player, layer)
    # The discriminator moves first: where both are lost, it is the origin.
    training.layout["discriminator"].network.split(training.flat("discriminator"))[1][0][:] = np.nan
    found = training.find_divergence()
    assert found.player == "discriminator"
    assert found.layer == (layer if player == "discriminator" else 2)


# Changes in mid-flight.


def moved(training: Training, player: str) -> np.ndarray:
    before = training.flat(player).copy()
    train(training, 1)
    return training.flat(player) - before


def test_a_learning_rate_takes_effect_at_the_next_step():
    training = Training(experiment_of(**TINY, **SGD))
    train(training, 5)
    snapshot = training.snapshot()
    usual = moved(training, "discriminator")
    training.restore(snapshot)
    faster = training.experiment.replace({"optimizer.discriminator.learning_rate": 0.3})
    training.change(faster)
    np.testing.assert_allclose(moved(training, "discriminator"), 3 * usual, rtol=1e-9)
    training.change(faster.replace({"optimizer.discriminator.learning_rate": 0.0}))
    assert not moved(training, "discriminator").any()


def kept_moments(training: Training, player: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    place = training.layout[player]
    first, second, third = (
        training.arena[start : start + place.network.size].copy() for start in (place.first, place.second, place.third)
    )
    return first, second, third, int(training.counters[place.counter])


@pytest.mark.parametrize(("kind", "start"), [("rmsprop", 0), ("rmsprop-tf1", 1), ("optimistic-adam", 0)])
def test_a_new_kind_of_optimizer_starts_its_own_moments_afresh(kind, start):
    training = Training(experiment_of(**DEEP, **optimizers("adam", 0.01)))
    train(training, 5)
    parameters = {player: training.flat(player).copy() for player in PLAYERS}
    kept = kept_moments(training, "generator")
    training.change(training.experiment.replace({"optimizer.discriminator.kind": kind}))
    first, second, third, count = kept_moments(training, "discriminator")
    assert not first.any()
    assert (second == start).all()
    assert not third.any()
    assert count == 0
    assert all(np.array_equal(*pair) for pair in zip(kept, kept_moments(training, "generator"), strict=True))
    assert kept[1].any()
    assert kept[-1] == 5
    assert all(np.array_equal(parameters[player], training.flat(player)) for player in PLAYERS)
    assert training.step == 5


def test_moments_start_where_the_kind_says():
    for kind, start in (("rmsprop-tf1", 1), ("rmsprop", 0), ("adam", 0)):
        training = Training(experiment_of(**DEEP, **optimizers(kind, 0.01)))
        for player in PLAYERS:
            assert (kept_moments(training, player)[1] == start).all()


def test_an_average_that_is_switched_on_starts_from_the_present_generator():
    training = Training(experiment_of(**DEEP, **SGD))
    train(training, 5)
    training.change(training.experiment.replace({"generator.ema": 0.9}))
    place = training.layout["generator"]

    def average():
        return training.arena[place.average : place.average + place.network.size].copy()

    before = training.flat("generator").copy()
    assert np.array_equal(average(), before)
    train(training, 1)
    now = average()
    np.testing.assert_allclose(now, 0.9 * before + 0.1 * training.flat("generator"), rtol=1e-12)
    # Another decay goes on from where it is.
    training.change(training.experiment.replace({"generator.ema": 0.5}))
    assert np.array_equal(average(), now)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer.generator.learning_rate": 1e-3},
        {"schedule.batch": 200, "schedule.discriminator_steps": 3},
        {"objective.kind": "wasserstein", "discriminator.clip": 1.0},
        {"instance_noise.std": 0.5},
        {"data.std": 0.5},
        {"noise.kind": "uniform"},
        {"penalty.kind": "r1"},
        {"optimizer.generator.beta1": 0.0},
        {"schedule.unroll": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_changes_keep_all_that_is_kept(changes):
    training = Training(experiment_of(**DEEP))
    train(training, 5)
    before = bits_of(training)
    training.change(training.experiment.replace(changes))
    assert bits_of(training) == before
    # From here on it runs like one that was so from the start and was put into the same state.
    other = Training(training.experiment)
    other.restore(training.snapshot())
    assert np.array_equal(train(training, 5), train(other, 5))
    assert bits_of(training) == bits_of(other) != before


@pytest.mark.parametrize(
    "changes",
    [
        {"generator.hidden": [5]},
        {"discriminator.hidden": []},
        {"discriminator.activation": "tanh"},
        {"generator.output": "tanh"},
        {"generator.bias": False},
        {"noise.dimension": 7},
        {"precision": 32},
        {"data.kind": "uniform"},
    ],
    ids=str,
)
def test_other_networks_are_refused_and_the_training_goes_on(changes):
    training = Training(experiment_of(**DEEP))
    other = Training(experiment_of(**DEEP))
    experiment = training.experiment
    with pytest.raises(ValueError, match="networks and precision"):
        training.change(experiment.replace(changes))
    assert training.experiment is experiment
    train(training, 3)
    train(other, 3)
    assert bits_of(training) == bits_of(other)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "optimizer.generator.kind": st.sampled_from(["sgd", "adam", "rmsprop"]),
        "optimizer.discriminator.kind": st.sampled_from(["sgd", "adam", "rmsprop-tf1"]),
        "generator.ema": st.sampled_from([0.0, 0.9]),
        "schedule.batch": st.integers(2, 9),
    },
)


@settings(max_examples=25, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=6), st.sampled_from([0.0, 0.5]))
def test_several_changes_at_once_are_as_one_after_the_other(stories, ema):
    fields = {"generator.hidden": [6], "discriminator.hidden": [6], "schedule.batch": 8, "generator.ema": ema}
    experiment = Experiment.from_mapping(fields)
    one, other = Training(experiment), Training(experiment)
    for training in (one, other):
        training.advance(5, np.zeros((5, len(RECORDED))))
    path = []
    for changes in stories:
        experiment = experiment.replace(changes)
        path.append(experiment)
        one.change(experiment)
    other.change(*path)
    for training in (one, other):
        training.advance(3, np.zeros((3, len(RECORDED))))
    assert other.experiment == one.experiment
    for found, expected in zip(other.snapshot(), one.snapshot(), strict=True):
        assert found.tobytes() == expected.tobytes()


def test_shift_and_scale_stay_when_data_changes():
    experiment = experiment_of(
        data__kind="gaussian", data__mean=10.0, data__std=2.0, data__standardize=True, generator__hidden=[4]
    )
    training = Training(experiment)
    shift, scale = training.data.shift.copy(), training.data.scale.copy()
    training.change(experiment.replace({"data.mean": 50.0}))
    assert np.array_equal(training.data.shift, shift)
    assert np.array_equal(training.data.scale, scale)
    assert Evaluator(training.experiment, training.data).real(1000).mean() == pytest.approx(50, abs=0.5)
