"""An experiment as a game: its players, where their numbers lie, and the program of one step."""

from __future__ import annotations

from dataclasses import dataclass

from ganviz.experiment import Experiment
from ganviz.experiment.sections import Optimizer

from . import objective, optimizer, random
from .machine import NOISE_KINDS, Operation
from .network import Network
from .program import Matrix, Program

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

GENERATOR, DISCRIMINATOR = "generator", "discriminator"


@dataclass(frozen=True)
class Player:
    """A player: its network, and where parameters, optimizer moments and gradient lie in the arena."""

    name: str
    network: Network
    parameters: int
    first: int
    second: int
    gradient: int
    counter: int


@dataclass(frozen=True)
class Layout:
    """All players, and how far what must be kept from step to step reaches."""

    players: tuple[Player, ...]
    kept: int
    size: int

    def __getitem__(self, name: str) -> Player:
        """Find a player by its name."""
        return next(player for player in self.players if player.name == name)


def networks(experiment: Experiment) -> dict[str, Network]:
    """Lay out the network of each player."""
    generator, discriminator, d = experiment.generator, experiment.discriminator, experiment.dimension
    return {
        GENERATOR: Network.dense(
            (experiment.noise.dimension, *generator.hidden, d),
            generator.activation,
            generator.output,
            generator.bias,
        ),
        DISCRIMINATOR: Network.dense(
            (d, *discriminator.hidden, 1), discriminator.activation, "linear", discriminator.bias
        ),
    }


def layout(experiment: Experiment) -> Layout:
    """Place the players' numbers: first all that must be kept, then the gradients."""
    space = Program()
    nets = networks(experiment)
    kept = {name: [space.matrix(1, net.size).place for _ in range(3)] for name, net in nets.items()}
    end = space.matrix(1, 0).place
    gradients = {name: space.matrix(1, net.size).place for name, net in nets.items()}
    players = tuple(
        Player(name, net, kept[name][0], kept[name][1], kept[name][2], gradients[name], counter)
        for counter, (name, net) in enumerate(nets.items(), start=1)
    )
    return Layout(players, end, space.size)


def initial_program(experiment: Experiment, places: Layout) -> Program:
    """Draw the parameters of both players, all but orthogonal ones; each player has its own stream.

    Layer l draws its weights as update 2 l of the stream and its biases as update 2 l + 1.
    """
    program = Program(places.size)
    streams = {GENERATOR: random.GENERATOR_INIT, DISCRIMINATOR: random.DISCRIMINATOR_INIT}
    for player in places.players:
        section = experiment.generator if player.name == GENERATOR else experiment.discriminator
        stream = streams[player.name]
        for index, layer in enumerate(player.network.layers):
            bound = layer.inputs**-0.5
            uniform = {"pytorch": bound, "glorot": (6.0 / (layer.inputs + layer.outputs)) ** 0.5}.get(section.init)
            std = {"he": 2.0**0.5 * bound, "normal": 0.02, "orthogonal": 1.0}.get(section.init)
            weight = player.parameters + layer.weight
            count = layer.inputs * layer.outputs
            if uniform is not None:
                limits = (-uniform * section.gain, uniform * section.gain)
                program.add(Operation.UNIFORM, y=weight, m=count, s=stream, t=2 * index, constants=limits)
            elif std is not None:
                scale = (std * section.gain,)
                program.add(Operation.NORMAL, y=weight, m=count, s=stream, t=2 * index, constants=scale)
            if layer.bias is not None and section.init == "pytorch":
                # torch.nn.Linear draws biases like weights, U(-1/sqrt(n_in), 1/sqrt(n_in)).
                place = player.parameters + layer.bias
                program.add(
                    Operation.UNIFORM,
                    y=place,
                    m=layer.outputs,
                    s=stream,
                    t=2 * index + 1,
                    constants=(-bound, bound),
                )
    return program


def training_program(experiment: Experiment, places: Layout) -> Program:
    """Write the program of one step.

    A step is ``discriminator_steps`` updates of the discriminator and then ``generator_steps`` of the generator.
    Simultaneous updates take the gradients of the discriminator's last and the generator's first update at the same
    point.
    """
    return _StepWriter(experiment, places).write()


class _StepWriter:
    def __init__(self, experiment: Experiment, places: Layout) -> None:
        self.experiment = experiment
        self.places = places
        self.generator = places[GENERATOR]
        self.discriminator = places[DISCRIMINATOR]
        self.program = Program(places.size)

    def write(self) -> Program:
        schedule = self.experiment.schedule
        simultaneous = schedule.updates == "simultaneous"
        for update in range(schedule.discriminator_steps):
            with self.program.temporary():
                self._differentiate_discriminator(update)
            together = simultaneous and update == schedule.discriminator_steps - 1
            if together:
                with self.program.temporary():
                    self._differentiate_generator(0)
            self._update_discriminator()
            if together:
                self._update(self.generator, self.experiment.optimizer.generator)
        for update in range(int(simultaneous), schedule.generator_steps):
            with self.program.temporary():
                self._differentiate_generator(update)
            self._update(self.generator, self.experiment.optimizer.generator)
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

    def _draw_noise(self, stream: int, update: int) -> Matrix:
        noise = self.experiment.noise
        z = self.program.matrix(self.experiment.schedule.batch, noise.dimension)
        self.program.add(Operation.NOISE, y=z.place, m=z.size, n=NOISE_KINDS[noise.kind], s=stream, t=update, k=1)
        return z

    def _add_instance_noise(self, samples: Matrix, stream: int, update: int) -> None:
        settings = self.experiment.instance_noise
        if settings.std > 0:
            with self.program.temporary():
                scratch = self.program.matrix(samples.rows, samples.columns)
                self.program.add(
                    Operation.INSTANCE_NOISE, x=scratch.place, y=samples.place, m=samples.size,
                    s=stream, t=update, constants=(settings.std, settings.decay_steps),
                )  # fmt: skip

    def _differentiate_discriminator(self, update: int) -> None:
        program, batch = self.program, self.experiment.schedule.batch
        pair = program.matrix(2 * batch, self.experiment.dimension)
        real, fake = pair.top(batch), pair.bottom(batch)
        program.add(Operation.REAL, y=real.place, m=batch, n=real.columns, s=random.REAL, t=update, k=1)
        self._add_instance_noise(real, random.INSTANCE_REAL, update)
        with program.temporary():
            z = self._draw_noise(random.DISCRIMINATOR_NOISE, update)
            made = program.forward(self.generator.network, self.generator.parameters, z)
            program.copy(made[-1], fake)
        self._add_instance_noise(fake, random.INSTANCE_FAKE, update)
        discriminator_gradient(program, self.experiment, self.discriminator, pair)
        self._record_norm(self.discriminator)

    def _differentiate_generator(self, update: int) -> None:
        program = self.program
        z = self._draw_noise(random.GENERATOR_NOISE, update)
        made = program.forward(self.generator.network, self.generator.parameters, z)
        judged = made[-1]
        if self.experiment.instance_noise.std > 0:
            # The generator's own values are needed once more on the way back.
            judged = program.matrix(made[-1].rows, made[-1].columns)
            program.copy(made[-1], judged)
            self._add_instance_noise(judged, random.INSTANCE_GENERATOR, update)
        generator_gradient(program, self.experiment, self.generator, self.discriminator, z, made, judged)
        self._record_norm(self.generator)

    def _record_norm(self, player: Player) -> None:
        column = RECORDED.index(f"{player.name}_gradient_norm")
        self.program.add(Operation.NORM, x=player.gradient, m=player.network.size, record=column)

    def _update_discriminator(self) -> None:
        player, bound = self.discriminator, self.experiment.discriminator.clip
        self._update(player, self.experiment.optimizer.discriminator)
        if bound > 0:
            # Clipping would make a finite number of an infinite one.
            self.program.add(Operation.FINITE, x=player.parameters, m=player.network.size)
            self.program.add(Operation.CLIP, x=player.parameters, m=player.network.size, constants=(bound,))

    def _update(self, player: Player, settings: Optimizer) -> None:
        decay1 = {"adam": settings.beta1, "momentum": settings.momentum}.get(settings.kind, 0.0)
        decay2 = {"adam": settings.beta2, "rmsprop": settings.decay}.get(settings.kind, 0.0)
        self.program.add(
            Operation.UPDATE, x=player.parameters, y=player.gradient, w=player.first, b=player.second,
            m=player.network.size, n=optimizer.CODES[settings.kind], s=player.counter,
            constants=(settings.learning_rate, decay1, decay2, settings.epsilon),
        )  # fmt: skip


def discriminator_gradient(program: Program, experiment: Experiment, player: Player, pair: Matrix) -> None:
    """Put the gradient of the discriminator's loss on pair (2 batch, d), reals first, into the player's place."""
    values = program.forward(player.network, player.parameters, pair)
    delta = program.matrix(pair.rows, 1)
    labels = (experiment.objective.real_label, experiment.objective.fake_label)
    program.add(
        Operation.DISCRIMINATOR_LOSS, x=values[-1].place, y=delta.place, m=pair.rows // 2,
        n=objective.CODES[experiment.objective.kind], constants=labels, record=RECORDED.index("discriminator_loss"),
    )  # fmt: skip
    program.backward(player.network, player.parameters, pair, values, delta, gradient=player.gradient)


def generator_gradient(
    program: Program, experiment: Experiment, generator: Player, discriminator: Player,
    z: Matrix, made: list[Matrix], judged: Matrix,
) -> Matrix:  # fmt: skip
    """Put the gradient of the generator's loss into its place; return that in the samples (batch, d).

    ``made`` are the values of the generator's layers for the noise z, ``judged`` what the discriminator sees of its
    samples.
    """
    values = program.forward(discriminator.network, discriminator.parameters, judged)
    delta = program.matrix(judged.rows, 1)
    program.add(
        Operation.GENERATOR_LOSS, x=values[-1].place, y=delta.place, m=judged.rows,
        n=objective.CODES[experiment.objective.kind], record=RECORDED.index("generator_loss"),
    )  # fmt: skip
    pulled = program.backward(discriminator.network, discriminator.parameters, judged, values, delta, inputs=True)
    assert pulled is not None
    own = program.matrix(pulled.rows, pulled.columns)
    program.copy(pulled, own)
    program.backward(generator.network, generator.parameters, z, made, own, gradient=generator.gradient)
    return pulled
