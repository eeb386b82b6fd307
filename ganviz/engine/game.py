"""An experiment as a game: its players, and where their numbers lie in the arena."""

from __future__ import annotations

from dataclasses import dataclass

from ganviz.experiment import Experiment
from ganviz.experiment.players import Network as Settings

from . import random
from .machine import FIRST_PLAYER
from .network import Network
from .operation import Operation
from .program import Program

GENERATOR, DISCRIMINATOR = "generator", "discriminator"


@dataclass(frozen=True)
class Player:
    """A player: its network, and where what belongs to it lies in the arena.

    Attributes
    ----------
    parameters, first, second, third : int
        Parameters and the moments of the optimizer.
    average : int
        The averaged parameters of a generator.
    running : int
        Running statistics of batch normalisation.
    vectors : tuple of (int, int)
        For each layer with spectral normalisation the places of its singular vectors, left and right.
    gradient, saved : int
        The gradient, and the parameters that an extragradient step starts from.
    counter : int
        Which counter counts its updates.
    """

    name: str
    network: Network
    parameters: int
    first: int
    second: int
    third: int
    average: int
    running: int
    vectors: tuple[tuple[int, int], ...]
    gradient: int
    saved: int
    counter: int


@dataclass(frozen=True)
class Layout:
    """All players, and how far reaches what shows what the networks do, what is kept from step to step, and all."""

    players: tuple[Player, ...]
    shown: int
    kept: int
    size: int

    def __getitem__(self, name: str) -> Player:
        """Find a player by its name."""
        return next(player for player in self.players if player.name == name)


def networks(experiment: Experiment) -> dict[str, Network]:
    """Lay out the network of each player."""
    generator, discriminator, d = experiment.generator, experiment.discriminator, experiment.dimension
    return {
        GENERATOR: Network.dense(experiment.noise.dimension, d, generator, generator.output),
        DISCRIMINATOR: Network.dense(d * discriminator.packing, 1, discriminator),
    }


def settings_of(experiment: Experiment, player: str) -> Settings:
    """Return the section that describes a player's network."""
    return experiment.generator if player == GENERATOR else experiment.discriminator


def layout(experiment: Experiment) -> Layout:
    """Place the players' numbers: first what their networks compute with, then what else must be kept, then the rest.

    So whoever looks on copies one piece, and whoever goes back one.
    """
    space = Program()
    nets = networks(experiment)
    shown: dict[str, tuple[int, int, int, tuple[tuple[int, int], ...]]] = {}
    for name, net in nets.items():
        places = space.allocate(net.size), space.allocate(net.size), space.allocate(net.statistics)
        normed = name == DISCRIMINATOR and experiment.discriminator.spectral_norm
        layers = net.layers if normed else ()
        vectors = tuple((space.allocate(layer.inputs), space.allocate(layer.outputs)) for layer in layers)
        shown[name] = (*places, vectors)
    seen = space.size
    moments = {name: tuple(space.allocate(net.size) for _ in range(3)) for name, net in nets.items()}
    kept = space.size
    players: list[Player] = []
    for counter, (name, net) in enumerate(nets.items(), start=FIRST_PLAYER):
        parameters, average, running, vectors = shown[name]
        first, second, third = moments[name]
        gradient, saved = space.allocate(net.size), space.allocate(net.size)
        players.append(
            Player(
                name, net, parameters, first, second, third, average, running, vectors, gradient, saved, counter
            )
        )  # fmt: skip
    return Layout(tuple(players), seen, kept, space.size)


def initial_program(experiment: Experiment, places: Layout) -> Program:
    """Draw the parameters of both players, all but orthogonal ones; each player has its own stream.

    Layer l draws its weights as update 2 l of the stream and its biases as update 2 l + 1. Averages start at the
    parameters, running statistics at mean 0 and variance 1, singular vectors at random directions.
    """
    program = Program(places.size)
    streams = {GENERATOR: random.GENERATOR_INIT, DISCRIMINATOR: random.DISCRIMINATOR_INIT}
    for player in places.players:
        _draw_parameters(program, settings_of(experiment, player.name), player, streams[player.name])
        place = player.running
        for layer in player.network.hidden if player.network.statistics else ():
            ones = place + layer.outputs
            program.add(Operation.FILL, y=ones, m=1, n=layer.outputs, v=layer.outputs, constants=(1.0,))
            place = ones + layer.outputs
        for index, (layer, (left, _)) in enumerate(zip(player.network.layers, player.vectors, strict=False)):
            program.add(Operation.FLAT_NORMAL, y=left, m=layer.inputs, s=random.POWER, t=index, constants=(1.0,))
    return program


def _draw_parameters(program: Program, section: Settings, player: Player, stream: int) -> None:
    for index, layer in enumerate(player.network.layers):
        bound = layer.inputs**-0.5
        uniform = {"pytorch": bound, "glorot": (6.0 / (layer.inputs + layer.outputs)) ** 0.5}.get(section.init)
        std = {"he": 2.0**0.5 * bound, "normal": 0.02, "orthogonal": 1.0}.get(section.init)
        weight = player.parameters + layer.weight
        count = layer.inputs * layer.outputs
        if uniform is not None:
            limits = (-uniform * section.gain, uniform * section.gain)
            program.add(Operation.FLAT_UNIFORM, y=weight, m=count, s=stream, t=2 * index, constants=limits)
        elif std is not None:
            scale = (std * section.gain,)
            program.add(Operation.FLAT_NORMAL, y=weight, m=count, s=stream, t=2 * index, constants=scale)
        if layer.bias is not None and section.init == "pytorch":
            # torch.nn.Linear draws biases like weights, U(-1/sqrt(n_in), 1/sqrt(n_in)).
            program.add(
                Operation.FLAT_UNIFORM, y=player.parameters + layer.bias, m=layer.outputs, s=stream, t=2 * index + 1,
                constants=(-bound, bound),
            )  # fmt: skip
