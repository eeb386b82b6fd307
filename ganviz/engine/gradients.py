"""Losses and gradients of both players for given networks and batches: what others can check the engine with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganviz.experiment import Experiment

from .data import data_plan
from .game import DISCRIMINATOR, GENERATOR, Player, initial_program, layout
from .graph import Graph, Shape
from .lowering import write
from .network import Floats
from .optimizer import second_moment_start
from .penalty import BETWEEN, DRAGAN
from .position import Batch, Position
from .program import Program
from .step import RECORDED, discriminator_sinks, generator_sinks
from .training import arena_of, rows_in, run_program

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
    mix : (packs, 1), optional
        Weight of the real sample in the interpolation of a gradient penalty, 0.5 if left out. For dragan the numbers
        from 0 to 1 that spread its points: (packs, 1), or one for each component. There are as many packs as samples
        in the batch, or the ``discriminator.packing``-th part of them: consecutive samples make a pack.

    Returns
    -------
    Gradients
        In the experiment's precision. Instance noise is not added.

    Raises
    ------
    ValueError
        For a shape that does not fit the experiment.
    """
    places = layout(experiment)
    z, x = np.asarray(noise), np.asarray(real)
    packing, d = experiment.discriminator.packing, experiment.dimension
    _check("noise", z, (max(len(np.atleast_1d(z)), 1), experiment.noise.dimension))
    batch = len(z)
    if batch % packing:
        raise ValueError(f"noise has {batch} rows; with discriminator.packing = {packing} a multiple of it is needed")
    _check("real", x, (batch, d))
    given = {"real": x, "noise": z}
    if fake is not None:
        given["fake"] = np.asarray(fake)
        _check("fake", given["fake"], x.shape)
    # The engine puts samples j, j + packs, j + 2 packs ... into pack j.
    order = np.arange(batch).reshape(-1, packing).T.ravel()
    given = {name: rows[order] for name, rows in given.items()}
    mixing = _mix(experiment, mix, batch // packing)
    if mixing is not None:
        given["mix"] = mixing

    program, graph = Program(places.size), Graph()
    shapes = {name: Shape(rows.shape[1], len(rows), 1) for name, rows in given.items()}
    inputs = {name: program.allocate(shape.size) for name, shape in shapes.items()}
    nodes = {name: graph.given(inputs[name], shape) for name, shape in shapes.items()}
    position = Position.at(graph, experiment, places)
    made = position.generate(nodes["noise"])
    own = Batch(nodes["real"], made, nodes.get("mix"))
    given_fakes = replace(own, fake=nodes["fake"]) if "fake" in nodes else own
    sinks = discriminator_sinks(program, position, given_fakes, own)
    judged_at = position.unrolled(own, experiment.schedule.unroll) if experiment.schedule.unroll else position
    sinks += generator_sinks(program, position, own, judged_at)
    write(graph, program, sinks)

    arena = arena_of(program, experiment.precision)
    run_program(initial_program(experiment, places), arena, data_plan(experiment), experiment.seed)
    dtype = arena.dtype.type
    players = {GENERATOR: generator, DISCRIMINATOR: discriminator}
    for name, pairs in players.items():
        player = places[name]
        try:
            arena[player.parameters : player.parameters + player.network.size] = player.network.join(pairs, dtype)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        start = second_moment_start(str(experiment[f"optimizer.{name}.kind"]))
        arena[player.second : player.second + player.network.size] = start
    _turn_vectors(arena, places[DISCRIMINATOR])
    for name, rows in given.items():
        rows_in(arena, inputs[name], shapes[name])[:] = rows

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


def _turn_vectors(arena: Floats, player: Player) -> None:
    """Put the singular vectors of the largest singular value where spectral normalisation looks for them."""
    pairs = player.network.split(arena[player.parameters : player.parameters + player.network.size])
    for (weight, _), (left, right) in zip(pairs, player.vectors, strict=False):
        u, _, v = np.linalg.svd(weight.astype(np.float64), full_matrices=False)
        arena[left : left + len(u)] = u[:, 0]
        arena[right : right + v.shape[1]] = v[0]


def _mix(experiment: Experiment, mix: ArrayLike | None, packs: int) -> NDArray[np.generic] | None:
    """Return the mixing weights of the experiment's penalty (packs, columns), or None if it needs none."""
    kind = experiment.penalty.kind
    width = experiment.dimension * experiment.discriminator.packing
    weights = None if mix is None else np.asarray(mix)
    if weights is not None and not (kind == DRAGAN and weights.shape == (packs, width)):
        _check("mix", weights, (packs, 1))
    if kind not in (*BETWEEN, DRAGAN):
        return None
    if weights is None:
        weights = np.full((packs, 1), 0.5)
    return np.broadcast_to(weights, (packs, width)) if kind == DRAGAN else weights


def _check(name: str, value: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise ValueError(f"{name} has the shape {value.shape}; {shape} is needed")
