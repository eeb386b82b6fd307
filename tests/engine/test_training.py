"""Training: an independent replay in NumPy, the same bits under all circumstances, and what watching shows."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy_gan as plain
import pytest
from scipy import stats

from ganviz.engine import random
from ganviz.engine.data import data_plan
from ganviz.engine.evaluation import Evaluator
from ganviz.engine.game import RECORDED
from ganviz.engine.machine import NOISE_KINDS, STEP, Operation, execute, new_arena
from ganviz.engine.program import Program
from ganviz.engine.training import Training
from ganviz.experiment import Experiment

ROOT = Path(__file__).parents[2]
PLAYERS = ("generator", "discriminator")
SURE = 1e-4


def experiment_of(**fields: object) -> Experiment:
    """Make an experiment in 64 bits from paths with underscores doubled for dots."""
    values = {path.replace("__", "."): value for path, value in fields.items()}
    return Experiment.from_mapping({"precision": 64, **values})


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


def drawn(experiment: Experiment, operation: Operation, stream: int, update: int, step: int) -> np.ndarray:
    """Draw what training meets at one address of the random streams."""
    program, batch = Program(), experiment.schedule.batch
    width = experiment.noise.dimension if operation == Operation.NOISE else experiment.dimension
    out = program.matrix(batch, width)
    sizes = {"m": batch, "n": width} if operation == Operation.REAL else {"m": out.size}
    if operation == Operation.NOISE:
        sizes["n"] = NOISE_KINDS[experiment.noise.kind]
    program.add(operation, y=out.place, s=stream, t=update, k=1, constants=(1.0,), **sizes)
    arena, counters = new_arena(program.size, experiment.precision), np.array([step], np.int64)
    execute(
        program.instructions, program.constants, arena, counters, data_plan(experiment), experiment.seed,
        np.zeros((1, len(RECORDED))), 1,
    )  # fmt: skip
    return arena[: out.size].reshape(batch, width).astype(np.float64)


class Replay:
    """Training once more, in NumPy, with gradients by central differences."""

    def __init__(self, training: Training) -> None:
        self.e = training.experiment
        self.generator, self.discriminator = (network(training, player) for player in PLAYERS)
        self.optimizers = {}
        for player in PLAYERS:
            own = getattr(self.e.optimizer, player)
            self.optimizers[player] = plain.Optimizer(
                own.kind, own.learning_rate, own.beta1, own.beta2, own.momentum, own.decay, own.epsilon
            )
        self.step = 0
        self.record: dict[str, float] = {}

    def generate(self, generator, z):
        return plain.forward(generator, self.e.generator.activation, self.e.generator.output, z)

    def judge(self, discriminator, x):
        return plain.forward(discriminator, self.e.discriminator.activation, "linear", x)

    def blur(self, x, stream, update):
        settings = self.e.instance_noise
        if settings.std == 0:
            return x
        left = max(0.0, 1 - self.step / settings.decay_steps) if settings.decay_steps else 1.0
        return x + settings.std * left * drawn(self.e, Operation.NORMAL, stream, update, self.step)

    def discriminator_gradient(self, update):
        rules, e = self.e.objective, self.e
        real = self.blur(drawn(e, Operation.REAL, random.REAL, update, self.step), random.INSTANCE_REAL, update)
        z = drawn(e, Operation.NOISE, random.DISCRIMINATOR_NOISE, update, self.step)
        fake = self.blur(self.generate(self.generator, z), random.INSTANCE_FAKE, update)

        def loss(network):
            on_real, on_fake = self.judge(network, real), self.judge(network, fake)
            return plain.discriminator_loss(rules.kind, on_real, on_fake, rules.real_label, rules.fake_label)

        on_real, on_fake = self.judge(self.discriminator, real), self.judge(self.discriminator, fake)
        gradient = self.differentiate(loss, self.discriminator)
        self.record |= {
            "discriminator_loss": loss(self.discriminator),
            "output_real": on_real.mean(),
            "output_fake": on_fake.mean(),
            "probability_real": (1 / (1 + np.exp(-on_real))).mean(),
            "probability_fake": (1 / (1 + np.exp(-on_fake))).mean(),
            "discriminator_gradient_norm": np.linalg.norm(gradient),
        }
        return gradient

    def generator_gradient(self, update):
        z = drawn(self.e, Operation.NOISE, random.GENERATOR_NOISE, update, self.step)

        def loss(network):
            fake = self.blur(self.generate(network, z), random.INSTANCE_GENERATOR, update)
            return plain.generator_loss(self.e.objective.kind, self.judge(self.discriminator, fake))

        gradient = self.differentiate(loss, self.generator)
        self.record |= {
            "generator_loss": loss(self.generator),
            "generator_gradient_norm": np.linalg.norm(gradient),
        }
        return gradient

    @staticmethod
    def differentiate(loss, network):
        flat = plain.flatten(network)
        return plain.central_differences(lambda f: loss(plain.unflatten(f, network)), flat).astype(float)

    def move(self, player, gradient):
        like = getattr(self, player)
        flat = self.optimizers[player].step(plain.flatten(like), gradient)
        if player == "discriminator" and self.e.discriminator.clip:
            flat = np.clip(flat, -self.e.discriminator.clip, self.e.discriminator.clip)
        setattr(self, player, plain.unflatten(flat, like))

    def advance(self):
        schedule = self.e.schedule
        simultaneous = schedule.updates == "simultaneous"
        for update in range(schedule.discriminator_steps):
            critic = self.discriminator_gradient(update)
            if simultaneous and update == schedule.discriminator_steps - 1:
                # Both gradients are taken at the same point.
                generator = self.generator_gradient(0)
                self.move("discriminator", critic)
                self.move("generator", generator)
            else:
                self.move("discriminator", critic)
        for update in range(1 if simultaneous else 0, schedule.generator_steps):
            self.move("generator", self.generator_gradient(update))
        clip = self.e.discriminator.clip
        flat = np.abs(plain.flatten(self.discriminator))
        self.record["clip_fraction"] = np.mean(flat >= clip) if clip else 0.0
        self.step += 1


TINY = {
    "schedule__batch": 5, "noise__dimension": 2, "data__kind": "uniform",
    "generator__hidden": [], "discriminator__hidden": [],
}  # fmt: skip
DEEP = {
    "schedule__batch": 6, "noise__dimension": 3, "generator__hidden": [4, 3], "discriminator__hidden": [3, 9],
    "generator__activation": "tanh", "discriminator__activation": "softplus",
}  # fmt: skip
SGD = {
    "optimizer__generator__kind": "sgd", "optimizer__generator__learning_rate": 0.05,
    "optimizer__discriminator__kind": "sgd", "optimizer__discriminator__learning_rate": 0.1,
}  # fmt: skip
DIRAC = {"data__kind": "diracs", "generator__bias": False, "discriminator__bias": False, "noise__dimension": 1}
GAMES = {
    "alternating": {**TINY, **SGD},
    "alternating-2-2": {**TINY, **SGD, "schedule__discriminator_steps": 2, "schedule__generator_steps": 2},
    "alternating-dirac-2-2": {
        **TINY, **SGD, **DIRAC, "schedule__discriminator_steps": 2, "schedule__generator_steps": 2,
    },
    "simultaneous": {**TINY, **SGD, "schedule__updates": "simultaneous"},
    "simultaneous-2-2": {
        **TINY, **SGD, "schedule__updates": "simultaneous", "schedule__discriminator_steps": 2,
        "schedule__generator_steps": 2,
    },
    "simultaneous-1-3": {**DEEP, **SGD, "schedule__updates": "simultaneous", "schedule__generator_steps": 3},
    "adam-smoothed": {**DEEP, "objective__real_label": 0.9, "objective__fake_label": 0.1,
                      "optimizer__generator__learning_rate": 1e-2, "schedule__generator_steps": 2},
    # A critic's last bias has no gradient, only its rounding, which RMSProp would blow up: so no biases.
    "wgan-clip": {
        **DEEP, "objective__kind": "wasserstein", "discriminator__clip": 0.3, "noise__kind": "uniform",
        "discriminator__bias": False,
        "optimizer__generator__kind": "rmsprop", "optimizer__discriminator__kind": "rmsprop",
        "optimizer__discriminator__learning_rate": 2e-2, "schedule__discriminator_steps": 5,
    },
    "minimax-momentum": {
        **DEEP, "objective__kind": "minimax", "generator__output": "tanh", "data__kind": "moons",
        "optimizer__generator__kind": "momentum", "optimizer__discriminator__kind": "momentum",
        "optimizer__generator__learning_rate": 0.05, "optimizer__discriminator__learning_rate": 0.05,
    },
    "instance-noise": {
        **DEEP, **SGD, "instance_noise__std": 0.5, "instance_noise__decay_steps": 3,
        "schedule__discriminator_steps": 2, "schedule__generator_steps": 2,
    },
    "instance-noise-constant": {**DEEP, **SGD, "instance_noise__std": 0.5, "generator__output": "sigmoid",
                                "schedule__updates": "simultaneous"},
}  # fmt: skip


@pytest.mark.parametrize("name", GAMES)
def test_training_is_what_numpy_replays(name):
    """Update order, batches, losses, optimizers, clipping and records, for four steps."""
    training = Training(experiment_of(seed=3, **GAMES[name]))
    replay = Replay(training)
    for _ in range(4):
        (record,) = train(training, 1)
        replay.advance()
        for player in PLAYERS:
            expected = plain.flatten(getattr(replay, player))
            np.testing.assert_allclose(training.flat(player), expected, rtol=1e-7, atol=1e-9)
        expected = [replay.record[column] for column in RECORDED]
        np.testing.assert_allclose(record, expected, rtol=1e-7, atol=1e-9)
    assert training.step == 4


def test_the_order_of_updates_matters_to_this_test():
    """Were the replay deaf to order, simultaneous and alternating games would agree."""
    ends = []
    for name in ("alternating-2-2", "simultaneous-2-2"):
        training = Training(experiment_of(seed=3, **GAMES[name]))
        train(training, 4)
        ends.append(training.flat("generator").copy())
    assert np.abs(ends[0] - ends[1]).max() > 1e-4


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
REFERENCE_STEPS = 300


@pytest.mark.parametrize("bits", [32, 64])
def test_bursts_of_any_length_give_the_same_bits(bits):
    ends, tables = set(), []
    for burst in (1, 7, 1000):
        training = Training(experiment_of(**{**BUSY, "precision": bits}))
        left, records = REFERENCE_STEPS, []
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
    evaluator.discriminate(evaluator.real(333))
    evaluator.slopes(samples)
    evaluator.pulls(samples)


def test_watching_never_changes_the_run():
    ends = set()
    for watched in (False, True):
        training = Training(experiment_of(**BUSY))
        evaluator = Evaluator(training.experiment, training.data)
        for _ in range(20):
            if watched:
                evaluator.load(training)
                watch(evaluator)
            train(training, 15)
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


def test_a_snapshot_leads_to_the_same_future():
    training = Training(experiment_of(**BUSY))
    train(training, 50)
    snapshot = training.snapshot()
    records = train(training, 50)
    end = bits_of(training)
    training.restore(snapshot)
    assert training.step == 50
    assert np.array_equal(train(training, 50), records)
    assert bits_of(training) == end


PROCESS = """
import hashlib, sys
sys.path[:0] = {paths!r}
from test_training import BUSY, bits_of, experiment_of, train
from ganviz.engine.training import Training
training = Training(experiment_of(**BUSY))
train(training, 50)
print(hashlib.sha256(bits_of(training)).hexdigest())
"""
BOUNDS = """
import sys
sys.path[:0] = {paths!r}
from test_training import *
import numba
assert numba.config.BOUNDSCHECK == 1
for kind in ("uniform", "swiss-roll"):
    for hidden in ([], [1, 3, 17]):
        for objective in ("minimax", "wasserstein"):
            experiment = experiment_of(
                precision=32, data__kind=kind, generator__hidden=hidden, discriminator__hidden=hidden[::-1],
                schedule__batch=5, noise__dimension=3, discriminator__clip=0.5, instance_noise__std=0.1,
                objective__kind=objective, discriminator__bias=objective == "minimax",
                data__standardize=kind == "uniform", generator__activation="softplus", generator__output="tanh",
                schedule__updates="simultaneous" if hidden else "alternating", schedule__discriminator_steps=2,
                noise__kind="uniform" if hidden else "normal",
            )
            training = Training(experiment)
            train(training, 3)
            evaluator = Evaluator(experiment, training.data)
            evaluator.load(training)
            watch(evaluator)
            samples = evaluator.generate(evaluator.noise(7))
            assert samples.shape == (7, experiment.dimension)
for kind in KINDS:
    if kind != "file":
        train(Training(experiment_of(precision=32, data__kind=kind, **SGD)), 2)
print("in bounds")
"""


def run_process(script: str, cache: Path, **environment: str) -> str:
    paths = [str(ROOT), str(Path(__file__).parent)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", script.format(paths=paths)],
        env={**own, "NUMBA_CACHE_DIR": str(cache), **environment},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_compiled_loaded_and_in_this_process_the_bits_are_the_same(tmp_path):
    training = Training(experiment_of(**BUSY))
    train(training, 50)
    here = hashlib.sha256(bits_of(training)).hexdigest()
    compiled = run_process(PROCESS, tmp_path)
    kept = {path.name for path in tmp_path.rglob("*.nbc")}
    assert kept
    loaded = run_process(PROCESS, tmp_path)
    # The second process compiled nothing.
    assert {path.name for path in tmp_path.rglob("*.nbc")} == kept
    assert compiled == loaded == here


def test_no_kernel_reads_or_writes_beyond_its_arrays(tmp_path):
    script = BOUNDS.replace("import numba\n", "import numba\nfrom ganviz.experiment import KINDS\n")
    assert run_process(script, tmp_path, NUMBA_BOUNDSCHECK="1") == "in bounds"


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


class Shown:
    """An evaluator, and the same things in NumPy, in the data's own units."""

    def __init__(self, **fields: object) -> None:
        training = Training(experiment_of(seed=5, noise__dimension=3, **fields))
        train(training, 3)
        self.e, d = training.experiment, training.experiment.dimension
        self.shift, self.scale = training.data.shift[:d], training.data.scale[:d]
        self.generator, self.discriminator = (network(training, player) for player in PLAYERS)
        self.evaluator = Evaluator(self.e, training.data)
        self.evaluator.load(training)
        self.points = self.shift + self.scale * np.random.default_rng(2).normal(size=(37, d))

    def generate(self, z):
        made = plain.forward(self.generator, self.e.generator.activation, self.e.generator.output, z)
        return made * self.scale + self.shift

    def discriminate(self, points):
        x = (points - self.shift) / self.scale
        return plain.forward(self.discriminator, self.e.discriminator.activation, "linear", x)[..., 0]

    def differences(self, function):
        """Differentiate a function of single points (n, d) -> (n,) along each axis."""
        points, axes = self.points.astype(np.longdouble), np.eye(self.points.shape[1], dtype=np.longdouble)
        h = np.longdouble(1e-7)
        return np.stack([(function(points + h * a) - function(points - h * a)) / (2 * h) for a in axes], axis=1)


@pytest.mark.parametrize("fields", SHOWN, ids=["plane", "standardized-plane", "standardized-line"])
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "tanh", "sigmoid", "softplus", "linear"])
@pytest.mark.parametrize("output", ["linear", "tanh", "sigmoid"])
def test_an_evaluator_shows_what_numpy_computes(fields, activation, output):
    networks = {"generator__hidden": [9, 6], "discriminator__hidden": [6, 17]}
    shown = Shown(
        **fields, **networks, generator__activation=activation, discriminator__activation=activation,
        generator__output=output,
    )  # fmt: skip
    z = np.random.default_rng(1).normal(size=(23, 3))
    np.testing.assert_allclose(shown.evaluator.generate(z), shown.generate(z), rtol=1e-11, atol=1e-11)
    expected = shown.discriminate(shown.points)
    np.testing.assert_allclose(shown.evaluator.discriminate(shown.points), expected, rtol=1e-11, atol=1e-12)
    outputs, slopes = shown.evaluator.slopes(shown.points)
    np.testing.assert_allclose(outputs, expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(slopes, shown.differences(shown.discriminate).astype(float), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("fields", SHOWN, ids=["plane", "standardized-plane", "standardized-line"])
@pytest.mark.parametrize("objective", ["minimax", "non-saturating", "wasserstein"])
def test_pulls_are_what_the_generators_samples_descend(fields, objective):
    shown = Shown(
        **fields, objective__kind=objective, generator__hidden=[4], discriminator__hidden=[9],
        discriminator__activation="tanh",
    )  # fmt: skip
    own_loss = {
        "minimax": lambda y: -np.logaddexp(0, y),
        "non-saturating": lambda y: np.logaddexp(0, -y),
        "wasserstein": lambda y: -y,
    }[objective]
    gradient = shown.differences(lambda points: own_loss(shown.discriminate(points))).astype(float)
    # In training units the gradient is scale times that in own units; the step that it asks for is scaled back.
    expected = -(shown.scale**2) * gradient
    np.testing.assert_allclose(shown.evaluator.pulls(shown.points)[0], expected, rtol=1e-6, atol=1e-9)


def test_a_pull_moves_a_sample_downhill_whatever_the_batch():
    shown = Shown(generator__hidden=[4], discriminator__hidden=[9], objective__kind="non-saturating")
    many, one = shown.evaluator.pulls(shown.points)[0], shown.evaluator.pulls(shown.points[:1])[0]
    np.testing.assert_allclose(many[:1], one, rtol=1e-12)
    moved = shown.points + 1e-4 * many
    assert (shown.discriminate(moved) >= shown.discriminate(shown.points)).all()


# Instance noise, clipping, divergence.


def blurred(std: float, decay: int, step: int, n: int = 20_000, bits: int = 64) -> np.ndarray:
    program = Program()
    out, scratch = program.matrix(1, n), program.matrix(1, n)
    program.add(Operation.INSTANCE_NOISE, x=scratch.place, y=out.place, m=n, s=4, constants=(std, decay))
    arena, counters = new_arena(program.size, bits), np.array([step], np.int64)
    arena[:n] = 0.75
    execute(
        program.instructions, program.constants, arena, counters, data_plan(Experiment()), 0,
        np.zeros((1, len(RECORDED))), 1,
    )  # fmt: skip
    return arena[:n] - arena.dtype.type(0.75)


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


def kept_moments(training: Training, player: str) -> tuple[np.ndarray, np.ndarray, int]:
    place = training.layout[player]
    arena, size = training.arena, place.network.size
    first, second = arena[place.first : place.first + size], arena[place.second : place.second + size]
    return first.copy(), second.copy(), int(training.counters[place.counter])


def test_a_new_kind_of_optimizer_starts_its_own_moments_afresh():
    training = Training(experiment_of(**DEEP))
    train(training, 5)
    parameters = {player: training.flat(player).copy() for player in PLAYERS}
    kept = kept_moments(training, "generator")
    training.change(training.experiment.replace({"optimizer.discriminator.kind": "rmsprop"}))
    first, second, count = kept_moments(training, "discriminator")
    assert not first.any()
    assert not second.any()
    assert count == 0
    assert all(np.array_equal(*pair) for pair in zip(kept, kept_moments(training, "generator"), strict=True))
    assert kept[2] == 5
    assert all(np.array_equal(parameters[player], training.flat(player)) for player in PLAYERS)
    assert training.step == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer.generator.learning_rate": 1e-3},
        {"schedule.batch": 200, "schedule.discriminator_steps": 3},
        {"objective.kind": "wasserstein", "discriminator.clip": 1.0},
        {"instance_noise.std": 0.5},
        {"data.std": 0.5},
        {"noise.kind": "uniform"},
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
