"""What `ganviz.engine.evaluation.Evaluator.layers` looks at inside the networks, and what it makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment

from . import random
from .field import fixed_batch, losses
from .game import DISCRIMINATOR, GENERATOR, Layout, Player, settings_of
from .graph import Graph, Node
from .layers import FLAT, SILENT, LayerState, saturated_share, silent_share, weight_histogram
from .network import Floats
from .position import Position

OUTPUT, FEATURES = "output", "features"
"""Names of what comes after the hidden layers, in place of their activation's."""


def layer_nodes(graph: Graph, experiment: Experiment, places: Layout, count: int) -> dict[str, Node]:
    """Return each player's gradient, parameter by parameter, and what goes into activations that may be silent or flat.

    The batch is the one for show, without instance noise and unrolled updates; see `_gradient_key` and `_sums_key`.
    """
    position = Position.at(graph, experiment, places)
    batch = fixed_batch(graph, experiment, count, random.SHOWN_REAL, random.SHOWN_NOISE, blurred=False, pools=False)
    found: dict[str, Node] = {}
    players = ((GENERATOR, position.generator), (DISCRIMINATOR, position.discriminator))
    for (name, parameters), loss in zip(players, losses(position, batch), strict=True):
        nodes = parameters.nodes
        for index, (node, slope) in enumerate(zip(nodes, graph.gradient(loss, nodes), strict=True)):
            found[_gradient_key(name, index)] = slope or graph.fill(0.0, node.shape)
    for name, sums in position.sums.items():
        # The discriminator's first passes are those over real and fake samples: one for both, or one each.
        count = 2 if name == DISCRIMINATOR and sums[0][0].shape.groups == 1 else 1
        for layer, passes in enumerate(zip(*sums[:count], strict=True)):
            if _activation(experiment, places[name], layer)[1] not in (*SILENT, *FLAT):
                continue
            parts = [graph.part(node, group) for node in passes for group in range(node.shape.groups)]
            found |= {_sums_key(name, layer, index): part for index, part in enumerate(parts)}
    return found


def layer_states(
    experiment: Experiment, player: Player, parameters: Floats, found: Mapping[str, NDArray[np.float64]]
) -> Iterator[LayerState]:
    """Yield the state of each of a player's layers, given its flat parameters and the values of `layer_nodes`."""
    bound = experiment.discriminator.clip if player.name == DISCRIMINATOR else 0.0
    node = 0
    for index, (weight, bias) in enumerate(player.network.split(parameters)):
        numbers = np.concatenate([np.ravel(weight), bias]).astype(np.float64)
        slopes = [found[_gradient_key(player.name, node + place)] for place in range(2 if bias.size else 1)]
        node += len(slopes)
        name, code = _activation(experiment, player, index)
        parts = [found[key] for part in range(2) if (key := _sums_key(player.name, index, part)) in found]
        sums = np.concatenate(parts) if parts else np.zeros((1, 1))
        edges, counts = weight_histogram(numbers, bound)
        yield LayerState(
            player.name, index + 1, _norm(slopes), _norm([numbers]), edges, counts, bound, name,
            math.nan if name == OUTPUT else silent_share(code, sums), saturated_share(code, sums),
        )  # fmt: skip


def _activation(experiment: Experiment, player: Player, index: int) -> tuple[str, str]:
    """Return what a layer's activation is called, and what it is."""
    network = player.network
    if index < len(network.hidden):
        name = settings_of(experiment, player.name).activation
        return name, name
    if index < len(network.layers) - 1:
        return FEATURES, "linear"
    return OUTPUT, experiment.generator.output if player.name == GENERATOR else "linear"


def _norm(arrays: list[NDArray[np.float64]]) -> float:
    # Just before a divergence a gradient may be too large to be squared.
    with np.errstate(over="ignore"):
        return math.sqrt(sum(float((array * array).sum()) for array in arrays))


def _gradient_key(player: str, node: int) -> str:
    return f"{player}: gradient of parameter {node}"


def _sums_key(player: str, layer: int, part: int) -> str:
    return f"{player}: sums of layer {layer}, part {part}"
