"""The program of one training step: who draws what, who moves when, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ganviz.experiment import Experiment
from ganviz.experiment.sections import Optimizer

from . import optimizer, penalty, random
from .game import DISCRIMINATOR, GENERATOR, Layout, Player
from .graph import Graph, Node, Shape
from .lowering import Sink, write
from .network import Statistics
from .operation import Operation
from .position import Batch, Position
from .program import Program

RECORDED = (
    "generator_loss",
    "discriminator_loss",
    "output_real",
    "output_fake",
    "probability_real",
    "probability_fake",
    "generator_gradient_norm",
    "discriminator_gradient_norm",
    "clip_fraction",
)
"""What every step leaves in its record, in this order; of several updates in a step, the last."""

NOISE_KINDS = {"normal": random.NORMAL, "uniform": random.UNIFORM, "truncated-normal": random.TRUNCATED}
WARM_DISCRIMINATOR_STEPS = 100
"""Updates of the discriminator in a warm step (the code of Arjovsky, Chintala and Bottou 2017)."""
KEPT_STATISTICS = 0.9
"""Share of the running statistics of batch normalisation that an update keeps."""
GENERATORS = 1 << 20
"""Mixing weights of the generator's update t are those of update GENERATORS + t."""


def training_program(experiment: Experiment, places: Layout) -> Program:
    """Write the program of one step.

    A step is ``discriminator_steps`` updates of the discriminator and then ``generator_steps`` of the generator.
    Simultaneous updates take the gradients of the discriminator's last and the generator's first update at the same
    point. With extragradient both players step from where they are along the gradient field at the point that a
    first such step leads to (Korpelevich 1976; Gidel et al. 2019, algorithm 2), on another batch.
    """
    return _StepWriter(experiment, places).write()


def discriminator_sinks(program: Program, position: Position, batch: Batch, own: Batch | None = None) -> list[Sink]:
    """Return what puts loss and gradient of the discriminator into their places.

    ``own`` has the generator's own fakes where others stand in for them: consensus is about the players as they are.
    """
    loss, on_real, on_fake = position.discriminator_loss(batch)
    loss = _with_consensus(position, loss, own or batch, discriminator=None if own else loss)
    player = position.places[DISCRIMINATOR]
    sinks = _gradient_sinks(position.graph, loss, position.discriminator.nodes, player)
    sinks.append(_record(program, loss, "discriminator_loss"))
    for name, outputs in (("output_real", on_real), ("output_fake", on_fake)):
        sinks.append(_means(program, outputs, name))
    return sinks


def generator_sinks(program: Program, position: Position, batch: Batch, judged_at: Position) -> list[Sink]:
    """Return what puts loss and gradient of the generator into their places, judged by another discriminator."""
    loss = judged_at.generator_loss(batch.fake, batch.real)
    loss = _with_consensus(position, loss, batch, generator=loss)
    sinks = _gradient_sinks(position.graph, loss, position.generator.nodes, position.places[GENERATOR])
    sinks.append(_record(program, loss, "generator_loss"))
    return sinks


def turn_vectors(program: Program, player: Player, times: int = 1) -> None:
    """Turn the vectors of spectral normalisation by some power iterations."""
    for layer, (left, right) in zip(player.network.layers, player.vectors, strict=False):
        program.add(
            Operation.POWER_ITERATION, x=player.parameters + layer.weight, w=right, b=left,
            m=layer.inputs, n=layer.outputs, k=times,
        )  # fmt: skip


def _with_consensus(
    position: Position, loss: Node, batch: Batch, generator: Node | None = None, discriminator: Node | None = None
) -> Node:
    rules = position.experiment.penalty
    if rules.kind != penalty.CONSENSUS or rules.weight == 0:
        return loss
    generator = generator or position.generator_loss(batch.fake, batch.real)
    discriminator = discriminator or position.discriminator_loss(batch)[0]
    return position.graph.combine(loss, position.consensus(generator, discriminator))


def _gradient_sinks(graph: Graph, loss: Node, nodes: Sequence[Node], player: Player) -> list[Sink]:
    sinks: list[Sink] = []
    for node, slope in zip(nodes, graph.gradient(loss, nodes), strict=True):
        assert node.place is not None
        place = player.gradient + node.place - player.parameters
        sinks.append(Sink(slope or graph.fill(0.0, node.shape), place))
    return sinks


def _record(program: Program, node: Node, name: str) -> Sink:
    column = RECORDED.index(name)
    return Sink(node, use=lambda place: program.add(Operation.RECORD, x=place, record=column))


def _means(program: Program, outputs: Node, name: str) -> Sink:
    column = RECORDED.index(name)
    apart = RECORDED.index(name.replace("output", "probability")) - column
    count = outputs.shape.columns
    return Sink(outputs, use=lambda place: program.add(Operation.MEANS, x=place, v=count, record=column, q=apart))


class _StepWriter:
    def __init__(self, experiment: Experiment, places: Layout) -> None:
        self.experiment = experiment
        self.places = places
        self.generator = places[GENERATOR]
        self.discriminator = places[DISCRIMINATOR]
        self.program = Program(places.size)

    def write(self) -> Program:
        if self.experiment.optimizer.generator.kind == "extragradient":
            self._extragradient()
        else:
            self._updates()
        for player in self.places.players:
            self.program.add(Operation.FINITE, x=player.parameters, m=player.network.size)
        clip = self.experiment.discriminator.clip
        if clip > 0:
            player = self.discriminator
            self.program.add(
                Operation.SHARE_AT_BOUND, x=player.parameters, m=player.network.size, constants=(clip,),
                record=RECORDED.index("clip_fraction"),
            )  # fmt: skip
        self.program.add(Operation.NEXT)
        return self.program

    # ---------------------------------------------------------------- who moves when

    def _updates(self) -> None:
        schedule = self.experiment.schedule
        together = int(schedule.updates == "simultaneous")
        alone = schedule.discriminator_steps - together
        with self.program.repeat(alone, WARM_DISCRIMINATOR_STEPS - together if schedule.warmup else alone):
            self._differentiate_discriminator(0)
            self._update_discriminator()
        if together:
            self._differentiate_discriminator(0)
        self.program.add(Operation.FORGET)
        if together:
            self._differentiate_generator(0, last=0)
            self._update_discriminator()
            self._update_generator()
        rest = schedule.generator_steps - together
        with self.program.repeat(rest, rest):
            # What is drawn again counts from the discriminator's turns on: its last was the one before.
            self._differentiate_generator(together, last=-1)
            self._update_generator()

    def _extragradient(self) -> None:
        players = self.places.players
        for update in range(2):
            self._differentiate_discriminator(update)
            self._differentiate_generator(update, last=update)
            for player in players:
                source, place = (player.parameters, player.saved) if update == 0 else (player.saved, player.parameters)
                self.program.add(Operation.COPY, x=source, y=place, m=1, n=player.network.size)
            self._update_discriminator()
            if update == 0:
                self._move(self.generator, self.experiment.optimizer.generator)
            else:
                self._update_generator()

    # ---------------------------------------------------------------- what is drawn

    def _real(self, graph: Graph, stream: int, update: int) -> Node:
        experiment = self.experiment
        shape = Shape(experiment.dimension, experiment.schedule.batch, 1)
        return graph.drawn(Operation.REAL, shape, s=stream, t=update, k=experiment.data.size, b=1)

    def _noise(self, graph: Graph, stream: int, update: int, again: bool = False) -> Node:
        noise = self.experiment.noise
        return graph.drawn(
            Operation.NOISE, Shape(noise.dimension, self.experiment.schedule.batch, 1), s=stream, t=update,
            g=NOISE_KINDS[noise.kind], k=noise.size, q=int(again), b=1, constants=(noise.mean, noise.std),
        )  # fmt: skip

    def _seen(self, graph: Graph, samples: Node, stream: int, update: int, again: bool = False) -> Node:
        """Return samples with instance noise."""
        settings = self.experiment.instance_noise
        if settings.std == 0:
            return samples
        constants = (settings.std, float(settings.decay_steps))
        noise = graph.drawn(
            Operation.INSTANCE_NOISE, samples.shape, s=stream, t=update, q=int(again), b=1, constants=constants
        )  # fmt: skip
        return graph.combine(samples, noise)

    def _mix(self, graph: Graph, update: int) -> Node | None:
        kind, packing = self.experiment.penalty.kind, self.experiment.discriminator.packing
        packs = self.experiment.schedule.batch // packing
        if kind in penalty.BETWEEN:
            return graph.drawn(Operation.UNIFORM, Shape(1, packs, 1), s=random.MIX, t=update, b=1)
        if kind == penalty.DRAGAN:
            rows = packing * self.experiment.dimension
            return graph.drawn(Operation.UNIFORM, Shape(rows, packs, 1), s=random.DRAGAN, t=update, b=1)
        return None

    # ---------------------------------------------------------------- gradients

    def _differentiate_discriminator(self, update: int) -> None:
        program, graph = self.program, Graph()
        turn_vectors(program, self.discriminator)
        position = Position.at(graph, self.experiment, self.places)
        real = self._seen(graph, self._real(graph, random.REAL, update), random.INSTANCE_REAL, update)
        z = self._noise(graph, random.DISCRIMINATOR_NOISE, update)
        fake = self._seen(graph, position.generate(z), random.INSTANCE_FAKE, update)
        sinks = discriminator_sinks(program, position, Batch(real, fake, self._mix(graph, update)))
        # The first two passes of the discriminator are those over real and fake samples.
        for met in position.met[DISCRIMINATOR][:2]:
            sinks += self._running_sinks(self.discriminator, met)
        write(graph, program, sinks)
        self._record_norm(self.discriminator)

    def _differentiate_generator(self, update: int, last: int) -> None:
        """Write the generator's gradient; ``last`` is the discriminator's last update, whose fakes may be reused."""
        program, graph = self.program, Graph()
        position = Position.at(graph, self.experiment, self.places)
        schedule = self.experiment.schedule
        if schedule.reuse_fakes:
            z = self._noise(graph, random.DISCRIMINATOR_NOISE, last, again=True)
            fake = self._seen(graph, position.generate(z), random.INSTANCE_FAKE, last, again=True)
        else:
            z = self._noise(graph, random.GENERATOR_NOISE, update)
            fake = self._seen(graph, position.generate(z), random.INSTANCE_GENERATOR, update)
        real = self._seen(
            graph, self._real(graph, random.GENERATOR_REAL, update), random.INSTANCE_GENERATOR_REAL, update
        )
        batch = Batch(real, fake, self._mix(graph, GENERATORS + update))
        judged_at = position.unrolled(batch, schedule.unroll) if schedule.unroll else position
        sinks = generator_sinks(program, position, batch, judged_at)
        for met in position.met[GENERATOR][:1]:
            sinks += self._running_sinks(self.generator, met)
        write(graph, program, sinks)
        self._record_norm(self.generator)

    def _running_sinks(self, player: Player, met: Sequence[Statistics]) -> list[Sink]:
        sinks: list[Sink] = []
        place = player.running
        for statistics in met:
            for node in (statistics.mean, statistics.variance):
                sinks.append(Sink(node, use=self._running(place, node.shape.rows)))
                place += node.shape.rows
        return sinks

    def _running(self, place: int, count: int) -> Callable[[int], None]:
        constants = (KEPT_STATISTICS, 1.0 - KEPT_STATISTICS, 0.0)

        def mix(batch: int) -> None:
            self.program.add(Operation.COMBINE, x=place, w=batch, y=place, m=count, t=1, constants=constants)

        return mix

    def _record_norm(self, player: Player) -> None:
        column = RECORDED.index(f"{player.name}_gradient_norm")
        self.program.add(Operation.NORM, x=player.gradient, m=player.network.size, record=column)

    # ---------------------------------------------------------------- updates

    def _update_discriminator(self) -> None:
        player, bound = self.discriminator, self.experiment.discriminator.clip
        self._move(player, self.experiment.optimizer.discriminator)
        if bound > 0:
            # Clipping would make a finite number of an infinite one.
            self.program.add(Operation.FINITE, x=player.parameters, m=player.network.size)
            self.program.add(Operation.CLIP, x=player.parameters, m=player.network.size, constants=(bound,))

    def _update_generator(self) -> None:
        player, decay = self.generator, self.experiment.generator.ema
        self._move(player, self.experiment.optimizer.generator)
        if decay > 0:
            self.program.add(
                Operation.COMBINE, x=player.average, w=player.parameters, y=player.average, m=player.network.size, t=1,
                constants=(decay, 1.0 - decay, 0.0),
            )  # fmt: skip

    def _move(self, player: Player, settings: Optimizer) -> None:
        self.program.add(
            Operation.UPDATE, x=player.parameters, y=player.gradient, w=player.first, b=player.second, s=player.third,
            m=player.network.size, t=optimizer.CODES[settings.kind], q=player.counter,
            constants=optimizer.constants(settings),
        )  # fmt: skip
