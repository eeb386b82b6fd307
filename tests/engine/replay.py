"""Training once more in NumPy: the rules of a step, with the gradients and optimizers of numpy_gan.

Only the random numbers are the engine's: `Draws` asks for those at the addresses where training must meet them.
"""

import numpy as np
import numpy_gan as plain
from numpy_network import Pass

from ganviz.engine import random
from ganviz.engine.graph import Graph, Shape
from ganviz.engine.lowering import Sink, write
from ganviz.engine.machine import DATA_CURSOR, FIRST_PLAYER, NOISE_CURSOR, STEP, execute, new_arena
from ganviz.engine.operation import Operation
from ganviz.engine.program import Program
from ganviz.engine.step import GENERATORS, NOISE_KINDS, RECORDED
from ganviz.engine.training import Training, rows_in

PLAYERS = ("generator", "discriminator")


def drawn(
    training: Training, operation: Operation, shape: tuple[int, int], stream: int, update: int, step: int,
    cursor: int = 0, **fields: object,
) -> np.ndarray:  # fmt: skip
    """Draw samples (count, components) that training meets at one address of the random streams."""
    count, components = shape
    program, graph, layout = Program(), Graph(), Shape(components, count, 1)
    out = program.allocate(layout.size)
    write(graph, program, [Sink(graph.drawn(operation, layout, s=stream, t=update, b=1, **fields), out)])
    arena = new_arena(program.size, training.experiment.precision)
    counters = np.zeros(FIRST_PLAYER + 2, np.int64)
    counters[[STEP, DATA_CURSOR, NOISE_CURSOR]] = step, cursor, cursor
    records = np.zeros((1, len(RECORDED)))
    execute(
        program.instructions, program.constants, arena, counters, training.data, training.experiment.seed, records, 1
    )
    return rows_in(arena, out, layout).astype(np.float64)


class Draws:
    """What a step meets, ordered so that consecutive samples make a pack, and where it is in finite pools."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.step = self.data_cursor = self.noise_cursor = 0

    @property
    def e(self):
        return self.training.experiment

    def _batch(self, operation, components, stream, update, **fields):
        batch, packing = self.e.schedule.batch, self.e.discriminator.packing
        found = drawn(self.training, operation, (batch, components), stream, update, self.step, **fields)
        # Pack p of the engine holds the samples p, p + packs, p + 2 packs ...
        return found.reshape(packing, batch // packing, components).swapaxes(0, 1).reshape(batch, components)

    def real(self, stream, update):
        size = self.e.data.size
        found = self._batch(
            Operation.REAL, self.e.dimension, stream, update, cursor=self.data_cursor, k=size
        )  # fmt: skip
        self.data_cursor += self.e.schedule.batch if size else 0
        return found

    def noise(self, stream, update, again=False):
        own = self.e.noise
        if own.size and again:
            self.noise_cursor -= self.e.schedule.batch
        found = self._batch(
            Operation.NOISE, own.dimension, stream, update, cursor=self.noise_cursor, k=own.size,
            g=NOISE_KINDS[own.kind], constants=(0.0, 1.0),
        )  # fmt: skip
        self.noise_cursor += self.e.schedule.batch if own.size else 0
        return own.mean + own.std * found

    def instance(self, stream, update):
        own = self.e.instance_noise
        if own.std == 0:
            return 0.0
        left = max(0.0, 1 - self.step / own.decay_steps) if own.decay_steps else 1.0
        found = self._batch(Operation.INSTANCE_NOISE, self.e.dimension, stream, update, constants=(1.0, 0.0))
        return own.std * left * found

    def mix(self, update):
        kind, packing = self.e.penalty.kind, self.e.discriminator.packing
        if kind not in ("gradient", "one-sided", "dragan"):
            return None
        stream, width = (random.MIX, 1) if kind != "dragan" else (random.DRAGAN, packing * self.e.dimension)
        shape = self.e.schedule.batch // packing, width
        return drawn(self.training, Operation.UNIFORM, shape, stream, update, self.step)


class Game(plain.Game):
    """The losses, with instance noise on what the generator makes."""

    blur: np.ndarray | float = 0.0

    def generate(self, generator, noise, statistics=None):
        return super().generate(generator, noise, statistics) + self.blur


class Replay:
    """A training in NumPy that starts where another one stands at its step 0."""

    def __init__(self, training: Training) -> None:
        self.training, self.draws = training, Draws(training)
        self.generator, self.discriminator = (training.flat(player).astype(np.float64) for player in PLAYERS)
        self.average = self.generator
        place = training.layout["discriminator"]
        self.vectors = [
            tuple(training.arena[start : start + n].astype(np.float64) for start, n in zip(pair, sizes, strict=True))
            for pair, sizes in zip(
                place.vectors, [(layer.inputs, layer.outputs) for layer in place.network.layers], strict=False
            )
        ]
        self.running: dict[str, list] = {player: [] for player in PLAYERS}
        for player in PLAYERS:
            network = training.layout[player].network
            if network.statistics:
                self.running[player] = [(np.zeros(layer.outputs), np.ones(layer.outputs)) for layer in network.hidden]
        self.optimizers: dict[str, plain.Optimizer] = {}
        self.follow()
        self.record: dict[str, float] = {}

    def follow(self) -> None:
        """Go on under the training's present experiment."""
        self.e = self.training.experiment
        self.game = Game(self.e)
        for player in PLAYERS:
            own = plain.Optimizer.of(getattr(self.e.optimizer, player))
            before = self.optimizers.get(player)
            if before is not None and before.kind == own.kind:
                own.count, own.m, own.v, own.last = before.count, before.m, before.v, before.last
            self.optimizers[player] = own

    # ---------------------------------------------------------------- gradients

    def network(self, player, flat=None):
        flat = getattr(self, player) if flat is None else flat
        return plain.unflatten(flat, self.game.like[PLAYERS.index(player)])

    @property
    def singular(self):
        return self.vectors or None

    def turn_vectors(self):
        """Turn the singular vectors by one power iteration."""
        weights = [weight for weight, _ in self.network("discriminator")]
        for index, (weight, (u, _)) in enumerate(zip(weights, self.vectors, strict=False)):
            right = weight.T @ u
            right /= np.linalg.norm(right)
            left = weight @ right
            self.vectors[index] = left / np.linalg.norm(left), right

    def meet(self, player, met: Pass):
        """Move the running statistics towards those of a batch."""
        for index, (kept, new) in enumerate(zip(self.running[player], met.statistics, strict=False)):
            self.running[player][index] = tuple(
                0.9 * before + 0.1 * now[0] for before, now in zip(kept, new, strict=True)
            )

    def discriminator_gradient(self, update):
        game, draws = self.game, self.draws
        self.turn_vectors()
        real = draws.real(random.REAL, update) + draws.instance(random.INSTANCE_REAL, update)
        z = draws.noise(random.DISCRIMINATOR_NOISE, update)
        game.blur = draws.instance(random.INSTANCE_FAKE, update)
        mix, fake = draws.mix(update), game.generate(self.network("generator"), z)

        def loss(flat):
            critic = self.network("discriminator", flat)
            value = game.discriminator_loss(critic, real, fake, mix, self.singular)
            return value + self.consensus(self.generator, flat, real, z)

        met = [Pass(game.forms[1], self.network("discriminator"), x, self.singular) for x in (real, fake)]
        for one in met:
            self.meet("discriminator", one)
        self.record |= {
            "output_real": met[0].output.mean(), "output_fake": met[1].output.mean(),
            "probability_real": (1 / (1 + np.exp(-met[0].output))).mean(),
            "probability_fake": (1 / (1 + np.exp(-met[1].output))).mean(),
        }  # fmt: skip
        return self.differentiate("discriminator", loss, self.e.penalty.kind == "consensus")

    def generator_gradient(self, update, last):
        """Differentiate the generator's loss; ``last`` is the number of the discriminator's last update."""
        game, draws = self.game, self.draws
        if self.e.schedule.reuse_fakes:
            z, blur = draws.noise(random.DISCRIMINATOR_NOISE, last, again=True), (random.INSTANCE_FAKE, last)
        else:
            z, blur = draws.noise(random.GENERATOR_NOISE, update), (random.INSTANCE_GENERATOR, update)
        game.blur = draws.instance(*blur)
        unroll, real = self.e.schedule.unroll, None
        if unroll or self.e.objective.kind == "relativistic" or self.e.penalty.kind == "consensus":
            real = draws.real(random.GENERATOR_REAL, update) + draws.instance(random.INSTANCE_GENERATOR_REAL, update)
        mix = draws.mix(GENERATORS + update) if unroll else None

        def loss(flat):
            fake, critic = game.generate(self.network("generator", flat), z), self.discriminator
            if unroll:
                own = self.optimizers["discriminator"]
                ahead = game.unrolled(critic, real, fake, mix, self.singular, optimizer=own, finished=draws.step)
                critic = ahead[-1][0]
            value = game.generator_loss(self.network("discriminator", critic), real, fake, self.singular)
            return value + self.consensus(flat, self.discriminator, real, z)

        self.meet("generator", Pass(game.forms[0], self.network("generator"), z))
        return self.differentiate("generator", loss, game.by_differences)

    def consensus(self, generator, discriminator, real, z):
        if self.e.penalty.kind != "consensus":
            return 0.0
        return self.game.consensus(generator, discriminator, real, z, self.singular)

    def differentiate(self, player, loss, nested):
        flat = getattr(self, player)
        gradient = plain.central_differences(loss, flat)[0] if nested else plain.derivative(loss, flat)
        self.record |= {f"{player}_loss": loss(flat), f"{player}_gradient_norm": np.linalg.norm(gradient)}
        return gradient

    # ---------------------------------------------------------------- updates

    def move(self, player, gradient, start=None):
        start = getattr(self, player) if start is None else start
        flat = self.optimizers[player].step(start, gradient, self.draws.step)
        clip = self.e.discriminator.clip
        setattr(self, player, np.clip(flat, -clip, clip) if clip and player == "discriminator" else flat)

    def move_generator(self, gradient, start=None):
        self.move("generator", gradient, start)
        decay = self.e.generator.ema
        if decay:
            self.average = decay * self.average + (1 - decay) * self.generator

    def advance(self):
        if self.optimizers["generator"].kind == "extragradient":
            self.look_ahead()
        else:
            self.take_turns()
        clip = self.e.discriminator.clip
        self.record["clip_fraction"] = np.mean(np.abs(self.discriminator) >= clip) if clip else 0.0
        self.draws.step += 1

    def look_ahead(self):
        start = self.generator, self.discriminator
        for update, move in enumerate((lambda *own: self.move("generator", *own), self.move_generator)):
            critic, generator = self.discriminator_gradient(update), self.generator_gradient(update, update)
            self.move("discriminator", critic, start[1])
            move(generator, start[0])

    def take_turns(self):
        schedule, step = self.e.schedule, self.draws.step
        together = schedule.updates == "simultaneous"
        warm = schedule.warmup and (step < 25 or step % 500 == 0)
        count = 100 if warm else schedule.discriminator_steps
        for update in range(count):
            critic = self.discriminator_gradient(update)
            if together and update == count - 1:
                # Both gradients are taken at the same point.
                generator = self.generator_gradient(0, update)
                self.move("discriminator", critic)
                self.move_generator(generator)
            else:
                self.move("discriminator", critic)
        for update in range(int(together), schedule.generator_steps):
            self.move_generator(self.generator_gradient(update, count - 1))

    # ---------------------------------------------------------------- comparison

    def assert_same(self, record, tolerance):
        """Hold all that the training carries to this replay, and its last record."""
        training, close = self.training, {"rtol": tolerance, "atol": tolerance / 100}
        for player in PLAYERS:
            np.testing.assert_allclose(training.flat(player), getattr(self, player), **close)
            place = training.layout[player]
            running = [number for pair in self.running[player] for part in pair for number in part]
            kept = training.arena[place.running : place.running + place.network.statistics]
            np.testing.assert_allclose(kept, running, **close)
        if self.e.generator.ema:
            place = training.layout["generator"]
            kept = training.arena[place.average : place.average + place.network.size]
            np.testing.assert_allclose(kept, self.average, **close)
        for places, pair in zip(training.layout["discriminator"].vectors, self.vectors, strict=True):
            for place, vector in zip(places, pair, strict=True):
                np.testing.assert_allclose(training.arena[place : place + vector.size], vector, **close)
        np.testing.assert_allclose(record, [self.record[column] for column in RECORDED], **close)
        cursors = training.counters[[STEP, DATA_CURSOR, NOISE_CURSOR]]
        assert cursors.tolist() == [self.draws.step, self.draws.data_cursor, self.draws.noise_cursor]
