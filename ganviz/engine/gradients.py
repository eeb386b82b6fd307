"""Losses and gradients of both players for given networks and batches: what others can check the engine with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganviz.experiment import Experiment

from .data import data_plan
from .game import DISCRIMINATOR, GENERATOR, RECORDED, discriminator_gradient, generator_gradient, layout
from .machine import new_arena
from .network import Floats
from .program import Matrix, Program
from .training import run_program

Pairs = Sequence[tuple[Floats, Floats]]


@dataclass(frozen=True)
class Gradients:
    """Both losses, and the gradient of each player's loss in its own parameters as (weight, bias) pairs."""

    generator_loss: float
    discriminator_loss: float
    generator: list[tuple[Floats, Floats]]
    discriminator: list[tuple[Floats, Floats]]


def gradients(
    experiment: Experiment,
    generator: Pairs,
    discriminator: Pairs,
    real: ArrayLike,
    noise: ArrayLike,
    fake: ArrayLike | None = None,
    mix: ArrayLike | None = None,
) -> Gradients:
    """Compute losses and gradients with the code that trains.

    Parameters
    ----------
    experiment : Experiment
        Objective, labels, networks and precision.
    generator, discriminator : list of (weight, bias)
        Parameters, layer by layer: weight (n_in, n_out), bias (n_out,), empty where the network has no biases.
    real : (batch, d)
        Real samples, in training units.
    noise : (batch, noise dimension)
        Noise; the generator's loss is taken on its samples.
    fake : (batch, d), optional
        Stands in for the generator's samples in the discriminator's loss.
    mix : (batch, 1), optional
        Weight of the real sample in a gradient penalty's interpolation; there is no penalty yet, so it must be None.

    Returns
    -------
    Gradients
        In the experiment's precision. Instance noise is not added.

    Raises
    ------
    ValueError
        For a shape that does not fit the experiment.
    """
    if mix is not None:
        raise ValueError("mix is not available yet: there is no gradient penalty that would use it")
    places = layout(experiment)
    players = {GENERATOR: generator, DISCRIMINATOR: discriminator}
    z = np.asarray(noise)
    x = np.asarray(real)
    _check("noise", z, (max(len(np.atleast_1d(z)), 1), experiment.noise.dimension))
    _check("real", x, (len(z), experiment.dimension))

    program = Program(places.size)
    own_z = program.matrix(*z.shape)
    pair = program.matrix(2 * len(z), experiment.dimension)
    given = program.matrix(len(z), experiment.dimension)
    made = program.forward(places[GENERATOR].network, places[GENERATOR].parameters, own_z)
    program.copy(made[-1] if fake is None else given, pair.bottom(len(z)))
    discriminator_gradient(program, experiment, places[DISCRIMINATOR], pair)
    generator_gradient(program, experiment, places[GENERATOR], places[DISCRIMINATOR], own_z, made, made[-1])

    arena = new_arena(program.size, experiment.precision)
    dtype = arena.dtype.type
    for name, pairs in players.items():
        player = places[name]
        try:
            arena[player.parameters : player.parameters + player.network.size] = player.network.join(pairs, dtype)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    _view(arena, own_z)[:] = z
    _view(arena, pair.top(len(z)))[:] = x
    if fake is not None:
        _check("fake", np.asarray(fake), x.shape)
        _view(arena, given)[:] = fake

    record = np.zeros(len(RECORDED))
    run_program(program, arena, data_plan(experiment), experiment.seed, record)
    found: dict[str, list[tuple[Floats, Floats]]] = {}
    for name in players:
        player = places[name]
        flat = arena[player.gradient : player.gradient + player.network.size].copy()
        found[name] = player.network.split(flat)
    return Gradients(
        float(record[RECORDED.index("generator_loss")]),
        float(record[RECORDED.index("discriminator_loss")]),
        found[GENERATOR],
        found[DISCRIMINATOR],
    )


def _check(name: str, value: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise ValueError(f"{name} has the shape {value.shape}; {shape} is needed")


def _view(arena: Floats, matrix: Matrix) -> Floats:
    return arena[matrix.place : matrix.place + matrix.size].reshape(matrix.rows, matrix.columns)
