"""Networks: which layer has its weight and bias where, and what a network makes of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment.players import Discriminator
from ganviz.experiment.players import Network as Settings

from . import activation
from .graph import Graph, Node

Floats = NDArray[np.floating]

MAXOUT = "maxout"
PIECES = 2
"""Values of which maxout takes the largest (Goodfellow et al. 2013, "Maxout networks")."""
KERNEL = 5
"""Numbers that make up one minibatch feature."""
EPSILON = 1e-5
"""Added to variances before the root, as in torch.nn.BatchNorm1d and LayerNorm."""


@dataclass(frozen=True)
class Layer:
    """A weight (inputs, outputs), its place and that of its bias in the network's flat parameters.

    ``activation`` is a code, or None for maxout, which halves the outputs.
    """

    inputs: int
    outputs: int
    activation: int | None
    weight: int
    bias: int | None

    @property
    def width(self) -> int:
        """Numbers that the layer passes on for one sample."""
        return self.outputs // PIECES if self.activation is None else self.outputs


@dataclass(frozen=True)
class Parameters:
    """Where a network's parameters are in an expression: (weight, bias or None) for each layer."""

    layers: tuple[tuple[Node, Node | None], ...]

    @property
    def nodes(self) -> list[Node]:
        """All of them, in the order of the flat parameters."""
        return [node for pair in self.layers for node in pair if node is not None]

    def replace(self, nodes: Sequence[Node]) -> Parameters:
        """Put other nodes in the places of `nodes`."""
        fresh = iter(nodes)
        return Parameters(tuple((next(fresh), None if bias is None else next(fresh)) for _, bias in self.layers))


@dataclass(frozen=True)
class Statistics:
    """Mean and variance of a layer's features over a batch, before normalisation: (outputs, 1) each."""

    mean: Node
    variance: Node


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron over flat parameters.

    ``features`` counts the minibatch features; their weight is the last layer but one.
    """

    layers: tuple[Layer, ...]
    normalization: str = "none"
    residual: bool = False
    features: int = 0

    @classmethod
    def dense(cls, inputs: int, outputs: int, settings: Settings, output: str = "linear") -> Network:
        """Lay out the network that an experiment's settings describe."""
        features = settings.minibatch_features if isinstance(settings, Discriminator) else 0
        code = activation.CODES.get(settings.activation)
        plan = [(i, o, code, settings.bias) for i, o in pairwise((inputs, *settings.hidden))]
        last = settings.hidden[-1] if settings.hidden else inputs
        if features:
            plan.append((last, features * KERNEL, activation.LINEAR, False))
        plan.append((last + features, outputs, activation.CODES[output], settings.bias))
        layers: list[Layer] = []
        place = 0
        for i, width, code, bias in plan:
            columns = width * PIECES if code is None else width
            end = place + i * columns
            layers.append(Layer(i, columns, code, place, end if bias else None))
            place = end + (columns if bias else 0)
        return cls(tuple(layers), settings.normalization, settings.residual, features)

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """The hidden layers."""
        return self.layers[: -2 if self.features else -1]

    @property
    def size(self) -> int:
        """Number of weights and biases."""
        return sum(layer.outputs * (layer.inputs + (layer.bias is not None)) for layer in self.layers)

    @property
    def statistics(self) -> int:
        """Numbers of the running means and variances that batch normalisation keeps."""
        return sum(2 * layer.outputs for layer in self.hidden) if self.normalization == "batch" else 0

    @property
    def couples(self) -> bool:
        """Whether what becomes of a sample depends on the others of its batch."""
        return self.features > 0 or self.statistics > 0

    def parameters(self, graph: Graph, place: int) -> Parameters:
        """Return the parameters that lie at a place of the arena."""
        return Parameters(
            tuple(
                (
                    graph.parameter(place + layer.weight, layer.inputs, layer.outputs),
                    None if layer.bias is None else graph.parameter(place + layer.bias, layer.outputs, 1),
                )
                for layer in self.layers
            )
        )

    def forward(
        self, graph: Graph, parameters: Parameters, x: Node, *,
        running: int | None = None, met: list[Statistics] | None = None, beside: Node | None = None,
        sums: list[Node] | None = None,
    ) -> Node:  # fmt: skip
        """Return what the network makes of a batch (inputs, batch).

        Parameters
        ----------
        running : int, optional
            Place of running means and variances that stand in for the batch's own.
        met : list, optional
            Receives the batch's own, hidden layer by hidden layer.
        beside : Node, optional
            A batch whose company each sample has for minibatch features, instead of that of its own batch.
        sums : list, optional
            Receives what each layer's activation is given, (outputs, batch) each.
        """
        sums = [] if sums is None else sums
        if beside is not None:
            beside = self._hidden(graph, parameters, beside, running, None, [])
        x = self._hidden(graph, parameters, x, running, met, sums)
        if self.features:
            weight, _ = parameters.layers[-2]
            kernels = graph.apply(weight, x)
            sums.append(kernels)
            if beside is None:
                close = graph.closeness(kernels, [], self.features)
            else:
                close = graph.nearness(kernels, graph.apply(weight, beside), self.features)
            x = graph.stack(x, close)
        weight, bias = parameters.layers[-1]
        y = graph.apply(weight, x)
        y = y if bias is None else graph.add_bias(y, bias)
        sums.append(y)
        code = self.layers[-1].activation
        assert code is not None
        return graph.activate(code, y)

    def _hidden(
        self, graph: Graph, parameters: Parameters, x: Node, running: int | None, met: list[Statistics] | None,
        sums: list[Node],
    ) -> Node:  # fmt: skip
        """Return what the last hidden layer makes of a batch."""
        for layer, (weight, bias) in zip(self.hidden, parameters.layers, strict=False):
            y = graph.apply(weight, x)
            if self.normalization != "none":
                if self.normalization == "layer":
                    y = _normalized_samples(graph, y)
                else:
                    y = _normalized_features(graph, y, running, met)
                    running = None if running is None else running + 2 * layer.outputs
            if bias is not None:
                y = graph.add_bias(y, bias)
            sums.append(y)
            y = graph.select(y, y) if layer.activation is None else graph.activate(layer.activation, y)
            if self.residual and layer.inputs == layer.width:
                y = graph.combine(y, x)
            x = y
        return x

    def split(self, parameters: Floats) -> list[tuple[Floats, Floats]]:
        """Show flat parameters as (weight (inputs, outputs), bias (outputs,)) pairs: views, not copies.

        The bias of a layer without one is empty.
        """
        pairs: list[tuple[Floats, Floats]] = []
        for layer in self.layers:
            end = layer.weight + layer.inputs * layer.outputs
            matrix = parameters[layer.weight : end].reshape(layer.inputs, layer.outputs)
            pairs.append((matrix, parameters[end : end + layer.outputs] if layer.bias is not None else parameters[:0]))
        return pairs

    def join(self, pairs: Sequence[tuple[Floats, Floats]], dtype: type[np.floating] = np.float64) -> Floats:
        """Make flat parameters of (weight, bias) pairs.

        Raises
        ------
        ValueError
            If a shape is not the layer's.
        """
        flat = np.zeros(self.size, dtype)
        if len(pairs) != len(self.layers):
            raise ValueError(f"{len(pairs)} layers were given; the network has {len(self.layers)}")
        for index, ((weight, bias), (own_weight, own_bias)) in enumerate(zip(pairs, self.split(flat), strict=True)):
            if np.shape(weight) != own_weight.shape or np.size(bias) != own_bias.size:
                raise ValueError(
                    f"layer {index + 1} was given a weight {np.shape(weight)} and a bias {np.shape(bias)}; it has "
                    f"{own_weight.shape} and {own_bias.shape}"
                )
            own_weight[:] = weight
            own_bias[:] = np.ravel(bias)
        return flat


def _normalized_features(graph: Graph, x: Node, running: int | None, met: list[Statistics] | None) -> Node:
    """Batch normalisation (Ioffe and Szegedy 2015, algorithm 1), without scale and shift."""
    if running is not None:
        mean = graph.parameter(running, x.shape.rows, 1)
        variance = graph.parameter(running + x.shape.rows, x.shape.rows, 1)
        centred = graph.combine(x, graph.spread_rows(mean, x.shape), 1.0, -1.0)
    else:
        mean = graph.scale(graph.row_sum(x), 1.0 / x.shape.columns)
        centred = graph.combine(x, graph.spread_rows(mean, x.shape), 1.0, -1.0)
        variance = graph.scale(graph.row_dot(centred, centred), 1.0 / x.shape.columns)
        if met is not None:
            met.append(Statistics(mean, variance))
    return graph.scale_rows(centred, graph.power(graph.combine(variance, c=EPSILON), -0.5))


def _normalized_samples(graph: Graph, x: Node) -> Node:
    """Layer normalisation (Ba, Kiros and Hinton 2016, equation 3), without gain and bias."""
    mean = graph.scale(graph.column_sum(x), 1.0 / x.shape.rows)
    centred = graph.combine(x, graph.spread_columns(mean, x.shape.rows), 1.0, -1.0)
    variance = graph.scale(graph.column_dot(centred, centred), 1.0 / x.shape.rows)
    return graph.scale_columns(centred, graph.power(graph.combine(variance, c=EPSILON), -0.5))
