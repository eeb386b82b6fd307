"""What the players do at one moment: samples, outputs and slopes, computed beside the training and without a trace.

An `Evaluator` has an arena of its own. It copies parameters in and never writes to the training's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment

from . import objective, random
from .data import DataPlan
from .field import batch_size
from .game import layout
from .graph import Graph, Node, Shape
from .inside import layer_nodes, layer_states
from .layers import LayerState
from .lowering import Sink, write
from .machine import new_arena
from .network import Floats
from .operation import Operation
from .position import Position
from .program import Program
from .step import NOISE_KINDS
from .training import Training, draw_real, parameters_in, rows_in, run_program

Float64 = NDArray[np.float64]
Write = Callable[[Graph, Mapping[str, Node]], dict[str, Node]]

LAYERS_BATCH = 512
"""Samples that gradients and activations of layers are shown for."""


class Evaluator:
    """Evaluates a training's networks at given points; everything goes in and comes out in the data's own units.

    Batch normalisation uses running statistics. A discriminator that judges packs sees a point as a pack of copies
    of it, and minibatch features compare each point with real samples for show, as many as it had for company.

    Parameters
    ----------
    experiment : Experiment
        The experiment whose networks, objective and seed count.
    data : DataPlan
        Its data with shift and scale.
    """

    def __init__(self, experiment: Experiment, data: DataPlan) -> None:
        self.experiment = experiment
        self.data = data
        self._layout = layout(experiment)
        self._arena = new_arena(self._layout.size, experiment.precision)
        self._programs: dict[tuple[str, int], tuple[Program, dict[str, int], dict[str, tuple[int, Shape]]]] = {}
        d = experiment.dimension
        self._shift, self._scale = data.shift[:d], data.scale[:d]

    def load(self, training: Training) -> None:
        """Copy the parameters of a training with the same networks, and what else their use asks for."""
        self.take(training.arena[: self._layout.shown])

    def take(self, numbers: Floats) -> None:
        """Copy what `load` copies from a copy of it: the first ``Layout.shown`` numbers of a training, or more."""
        self._arena[: self._layout.shown] = numbers[: self._layout.shown]

    def real(self, count: int) -> Float64:
        """Draw real samples (count, d) for show: the same ones at every step."""
        seed, bits = self.experiment.seed, self.experiment.precision
        return draw_real(self.data, seed, count, random.SHOWN_REAL, bits).astype(np.float64)

    def noise(self, count: int) -> Float64:
        """Draw noise (count, dimension) for show: the same at every step."""
        noise = self.experiment.noise

        def write(graph: Graph, inputs: Mapping[str, Node]) -> dict[str, Node]:
            return {
                "z": graph.drawn(
                    Operation.NOISE, Shape(noise.dimension, count, 1), s=random.SHOWN_NOISE, g=NOISE_KINDS[noise.kind],
                    constants=(noise.mean, noise.std),
                )
            }  # fmt: skip

        return self._run("noise", count, write)["z"]

    def generate(self, z: Float64, average: bool = False) -> Float64:
        """Return the generator's samples (n, d) for noise (n, dimension); ``average``: the averaged generator's."""

        def write(graph: Graph, inputs: Mapping[str, Node]) -> dict[str, Node]:
            position = Position.at(graph, self.experiment, self._layout, average)
            return {"x": position.generate(inputs["z"], running=True)}

        name = "average" if average else "generate"
        return self._run(name, len(z), write, z=z)["x"] * self._scale + self._shift

    def discriminate(self, points: Float64) -> Float64:
        """Return the discriminator's raw outputs (n,) at points (n, d)."""

        def write(graph: Graph, inputs: Mapping[str, Node]) -> dict[str, Node]:
            return {"y": self._judge(graph, inputs["x"])}

        return self._run("discriminate", len(points), write, x=self._to_training_units(points))["y"][:, 0]

    def slopes(self, points: Float64) -> tuple[Float64, Float64]:
        """Return raw outputs (n,) at points (n, d) and their derivatives (n, d) in the data's own units."""

        def write(graph: Graph, inputs: Mapping[str, Node]) -> dict[str, Node]:
            x = inputs["x"]
            y = self._judge(graph, x)
            (slope,) = graph.gradient(y, [x], graph.fill(1.0, y.shape))
            return {"y": y, "slope": slope or graph.fill(0.0, x.shape)}

        found = self._run("slopes", len(points), write, x=self._to_training_units(points))
        return found["y"][:, 0], found["slope"] / self._scale

    def pulls(self, samples: Float64, real: Float64) -> tuple[Float64, Float64]:
        """Return where gradient descent on the generator's loss pulls each of its samples.

        Parameters
        ----------
        samples : ndarray (n, d)
            Samples of the generator.
        real : ndarray (n, d)
            Real samples that a relativistic loss compares them with.

        Returns
        -------
        pulls : ndarray (n, d)
            The negative gradient of each sample's own share of the generator's loss (n times that of the mean) in
            the sample, without instance noise. Gradient and descent are those of training units, in which the
            generator lives; the result is that displacement, expressed in the data's own units.
        norms : ndarray (n,)
            The gradient's Euclidean norm in training units.
        """

        def write(graph: Graph, inputs: Mapping[str, Node]) -> dict[str, Node]:
            x = inputs["x"]
            on_real = self._judge(graph, inputs["real"])
            loss = objective.generator_loss(graph, self.experiment.objective, on_real, self._judge(graph, x))
            (slope,) = graph.gradient(loss, [x])
            return {"slope": slope or graph.fill(0.0, x.shape)}

        found = self._run(
            "pulls", len(samples), write, x=self._to_training_units(samples), real=self._to_training_units(real)
        )
        gradient = len(samples) * found["slope"]
        # Just before a divergence a gradient may be too large to be squared.
        with np.errstate(over="ignore"):
            return -gradient * self._scale, np.sqrt((gradient**2).sum(axis=1))

    def layers(self, count: int = LAYERS_BATCH) -> tuple[LayerState, ...]:
        """Look into every layer, the generator's first, on the batch for show.

        Parameters
        ----------
        count : int
            Samples, rounded up to whole packs; with minibatch features they are as many as in training.

        Returns
        -------
        tuple of LayerState
            Gradients are those of each player's loss with its penalty, without instance noise and unrolled updates,
            with the batch's own statistics where there is batch normalisation. The discriminator's activations are
            those for real and fake samples together.
        """
        size = batch_size(self.experiment, count)

        def write(graph: Graph, inputs: Mapping[str, Node]) -> dict[str, Node]:
            return layer_nodes(graph, self.experiment, self._layout, size)

        found = self._run("layers", size, write)
        states: list[LayerState] = []
        for player in self._layout.players:
            parameters = parameters_in(self._arena, self._layout, player.name)
            states += layer_states(self.experiment, player, parameters, found)
        return tuple(states)

    def _judge(self, graph: Graph, x: Node) -> Node:
        settings, position = self.experiment.discriminator, Position.at(graph, self.experiment, self._layout)
        pack = x
        for _ in range(settings.packing - 1):
            pack = graph.stack(pack, x)
        beside: Node | None = None
        if settings.minibatch_features:
            others = self.experiment.schedule.batch // settings.packing - 1
            real = Shape(self.experiment.dimension, others * settings.packing, 1)
            beside = position.pack(graph.drawn(Operation.REAL, real, s=random.SHOWN_REAL))
        return position.judge(pack, running=True, beside=beside)

    def _to_training_units(self, points: Float64) -> Float64:
        return (points - self._shift) / self._scale

    def _run(self, name: str, count: int, write_nodes: Write, **inputs: Float64) -> dict[str, Float64]:
        """Carry out a program, written at its first use for this number of rows, and return its matrices by rows."""
        key = (name, count)
        if key not in self._programs:
            program, graph = Program(self._layout.size), Graph()
            shapes = {label: Shape(rows.shape[1], len(rows), 1) for label, rows in inputs.items()}
            given = {label: program.allocate(shape.size) for label, shape in shapes.items()}
            nodes = write_nodes(graph, {label: graph.given(given[label], shape) for label, shape in shapes.items()})
            results = {label: (program.allocate(node.shape.size), node.shape) for label, node in nodes.items()}
            write(graph, program, [Sink(node, results[label][0]) for label, node in nodes.items()])
            self._programs[key] = (program, given, results)
            if program.size > self._arena.size:
                arena = new_arena(program.size, self.experiment.precision)
                arena[: self._layout.size] = self._arena[: self._layout.size]
                self._arena = arena
        program, given, results = self._programs[key]
        for label, rows in inputs.items():
            rows_in(self._arena, given[label], Shape(rows.shape[1], len(rows), 1))[:] = rows
        run_program(program, self._arena, self.data, self.experiment.seed)
        return {
            label: np.array(rows_in(self._arena, place, shape), dtype=np.float64, order="C")
            for label, (place, shape) in results.items()
        }
