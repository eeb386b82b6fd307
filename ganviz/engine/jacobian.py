"""The joint field of the game at one point, and exact products with its Jacobian.

The field is minus each player's gradient of its own loss, v = (-dL_G/dθ, -dL_D/dψ) (Mescheder, Nowozin and Geiger,
"The numerics of GANs", 2017, section 2): θ are the generator's parameters, ψ the discriminator's. It is no gradient
itself, so its Jacobian J is not symmetric. The scalar <v, w> differentiated in all parameters is J'w; J'w is linear in
w, and <J'w, u> differentiated in w is J u. Nothing is a difference; compare Pearlmutter (1994), "Fast exact
multiplication by the Hessian".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganviz.experiment import Experiment, ExperimentError
from ganviz.experiment.sections import Optimizer

from . import optimizer
from .data import DataPlan
from .field import batch_size, fixed_batch, losses
from .game import DISCRIMINATOR, GENERATOR, layout
from .graph import Graph, Node, Shape
from .lowering import Sink, write
from .machine import DATA_CURSOR, NOISE_CURSOR, STEP, execute
from .position import Position
from .program import Program
from .step import RECORDED
from .training import Snapshot, Training, arena_of, rows_in

Float64 = NDArray[np.float64]
PLAYERS = (GENERATOR, DISCRIMINATOR)
BATCH = 1024
"""Samples that the field is the mean over, unless told."""
AT_ONCE = 8
"""Rows of the Jacobian that one pass computes."""
ADAPTIVE = ("rmsprop", "rmsprop-tf1", "adam", "optimistic-adam")
"""Optimizers that scale each parameter's gradient."""

Sinks = Callable[[Graph, Position, dict[str, Node]], list[Sink]]


class GameJacobian:
    """The joint field of a training's players on a fixed batch, and products with its Jacobian.

    It has an arena of its own and never writes to the training's numbers. The losses are those of
    `ganviz.engine.position.Position`, with labels, penalties, consensus, instance noise as strong as it is at the step,
    and the generator's loss after unrolled updates. The batch consists of the same real samples, noise and mixing
    weights at every step. Batch normalisation takes the statistics of that batch; spectral normalisation holds its
    singular vectors, as a step does. Clipping is no part of the field.

    Vectors hold the generator's flat parameters, then the discriminator's. Numbers are computed in the experiment's
    own precision.

    Parameters
    ----------
    experiment : Experiment
        The experiment whose networks, data and precision count.
    data : DataPlan
        Its data with shift and scale.
    batch : int
        Samples that are wanted; see ``batch``.

    Attributes
    ----------
    batch : int
        Samples that the field is the mean over: whole packs, and with minibatch features, which are sums over a batch,
        the training's own number.
    sizes : (int, int)
        Parameters of the generator and of the discriminator.
    step : int
        The step that was loaded.

    Raises
    ------
    ExperimentError
        By all that computes: if the batch needs more memory than is allowed, or an unrolled update of a penalised
        discriminator a derivative that is not known.

    Notes
    -----
    `load` and `take` are for the moment when the training rests; everything else may run on any thread, one call at a
    time, and leaves the GIL free while it computes.
    """

    def __init__(self, experiment: Experiment, data: DataPlan, batch: int = BATCH) -> None:
        self.experiment, self.data = experiment, data
        self._wanted, self._layout = batch, layout(experiment)
        generator, discriminator = (self._layout[name].network.size for name in PLAYERS)
        self.sizes = generator, discriminator
        self._snapshot: Snapshot | None = None
        self._prepare()

    # ---------------------------------------------------------------- the point

    def load(self, training: Training) -> None:
        """Copy the point that a training with the same networks has reached, and the rules in force there."""
        self.take(training.snapshot(), training.experiment)

    def take(self, snapshot: Snapshot, experiment: Experiment | None = None) -> None:
        """Take a snapshot of a training for the point; ``experiment``: the rules there, if they have changed."""
        if experiment is not None and experiment != self.experiment:
            self.experiment = experiment
            self._prepare()
        self._snapshot, self._fresh = snapshot, False

    @property
    def size(self) -> int:
        """Number of parameters of the whole game."""
        return sum(self.sizes)

    @property
    def precision(self) -> int:
        """Bits of the numbers that it computes with: 32 or 64."""
        return self.experiment.precision

    @property
    def batch(self) -> int:
        """Number of samples that the field is the mean over."""
        return batch_size(self.experiment, self._wanted)

    @property
    def step(self) -> int:
        """The step that was loaded."""
        return int(self._point.counters[STEP])

    @property
    def rates(self) -> tuple[float, float]:
        """The learning rates of generator and discriminator at the step, schedules included."""
        generator, discriminator = (_rate(self._optimizer(name), self.step) for name in PLAYERS)
        return generator, discriminator

    def scales(self) -> Float64 | None:
        """Return what the optimizers multiply each parameter's gradient by, beside the learning rate.

        Returns
        -------
        (n,) or None
            1 for optimizers that do not adapt; for rmsprop and adam one over the root of the mean square of past
            gradients, plus epsilon, as it is now. None if no optimizer adapts, or none has moved yet.
        """
        adapts = [
            self._optimizer(name).kind in ADAPTIVE and self._point.counters[self._layout[name].counter] > 0
            for name in PLAYERS
        ]
        if not any(adapts):
            return None
        found: list[Float64] = []
        for name, size, own in zip(PLAYERS, self.sizes, adapts, strict=True):
            player = self._layout[name]
            second = self._point.kept[player.second : player.second + size].astype(np.float64)
            count = int(self._point.counters[player.counter])
            found.append(_scale(self._optimizer(name), second, count) if own else np.ones(size))
        return np.concatenate(found)

    def samples(self) -> dict[str, Float64]:
        """Return the fixed batch, a sample in each row, in training units.

        "real" (batch, d), "noise" (batch, dimension), and where there is such a thing "blur" (batch, d), the instance
        noise of fakes, and "mix" (packs, 1), for dragan (packs, packing d). Pack j is made of the samples j, j +
        packs, j + 2 packs and so on.
        """
        self._refresh()
        return {
            name: np.array(rows_in(self._arena, place, shape), dtype=np.float64)
            for name, (place, shape) in self._batch_places.items()
        }

    # ---------------------------------------------------------------- the field and its products

    def field(self) -> Float64:
        """Return the joint field (n,): minus the gradient of each player's loss in its own parameters.

        It may be infinite or not a number where the losses are.
        """

        def sinks(graph: Graph, position: Position, batch: dict[str, Node]) -> list[Sink]:
            return self._flat_sinks(graph, position, self._field(graph, position, batch), 0)

        self._run("field", sinks)
        return self._result(0)

    def product(self, u: ArrayLike) -> Float64:
        """Return J u (n,) for u (n,)."""

        def sinks(graph: Graph, position: Position, batch: dict[str, Node]) -> list[Sink]:
            direction, w = (self._given(graph, position, slot) for slot in range(2))
            transposed = self._transposed_nodes(graph, position, batch, w)
            return self._flat_sinks(graph, position, _gradient(graph, _dot(graph, transposed, direction), w), 0)

        return self._multiply("product", sinks, u)

    def transposed(self, w: ArrayLike) -> Float64:
        """Return J'w (n,) for w (n,), where J' is the transpose."""

        def sinks(graph: Graph, position: Position, batch: dict[str, Node]) -> list[Sink]:
            given = self._given(graph, position, 0)
            return self._flat_sinks(graph, position, self._transposed_nodes(graph, position, batch, given), 0)

        return self._multiply("transposed", sinks, w)

    def matrix(
        self, should_stop: Callable[[], bool] | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Float64 | None:
        """Return the whole Jacobian (n, n); its row i is the gradient of the field's entry i.

        Parameters
        ----------
        should_stop : callable, optional
            Asked between products; once it says so, None is returned.
        progress : callable, optional
            Told the number of finished rows, and of all.
        """
        found = np.empty((self.size, self.size))
        done = 0
        for player, size in zip(PLAYERS, self.sizes, strict=True):
            for start in range(done, done + size, AT_ONCE):
                if should_stop is not None and should_stop():
                    return None
                stop = min(start + AT_ONCE, done + size)
                found[start:stop] = self._rows(player, range(start, stop))
                if progress is not None:
                    progress(stop, self.size)
            done += size
        return found

    def _rows(self, player: str, indices: Iterable[int]) -> Float64:
        """Return some rows of the Jacobian that belong to one player's part of the field."""

        def sinks(graph: Graph, position: Position, batch: dict[str, Node]) -> list[Sink]:
            field = self._field(graph, position, batch, (player,))
            found: list[Sink] = []
            for slot in range(AT_ONCE):
                scalar = _dot(graph, field, self._given(graph, position, slot))
                slopes = _gradient(graph, scalar, _parameters(position))
                found += self._flat_sinks(graph, position, slopes, slot)
            return found

        self._refresh()
        chosen = list(indices)
        for slot in range(AT_ONCE):
            vector = self._vector(self._vectors[slot])
            vector[:] = 0
            if slot < len(chosen):
                vector[chosen[slot]] = 1
        self._run(f"rows of {player}", sinks)
        return np.stack([self._result(slot) for slot in range(len(chosen))])

    # ---------------------------------------------------------------- expressions

    def _field(
        self, graph: Graph, position: Position, batch: dict[str, Node], players: Iterable[str] = PLAYERS
    ) -> list[Node | None]:
        """Return the field's entries, node by node of `_parameters`; None where they are 0 or not asked for."""
        own = dict(zip(PLAYERS, losses(position, batch, self.experiment.schedule.unroll), strict=True))
        found: list[Node | None] = []
        for name, parameters in zip(PLAYERS, (position.generator, position.discriminator), strict=True):
            if name not in players:
                found += [None] * len(parameters.nodes)
                continue
            slopes = graph.gradient(own[name], parameters.nodes)
            found += [None if slope is None else graph.scale(slope, -1.0) for slope in slopes]
        return found

    def _transposed_nodes(
        self, graph: Graph, position: Position, batch: dict[str, Node], w: list[Node]
    ) -> list[Node | None]:
        """Return J'w, the gradient of <v, w>, node by node."""
        scalar = _dot(graph, self._field(graph, position, batch), w)
        return _gradient(graph, scalar, _parameters(position))

    def _offset(self, node: Node) -> int:
        """Return where a parameter's entries lie in a vector."""
        assert node.place is not None
        start = 0
        for name, size in zip(PLAYERS, self.sizes, strict=True):
            offset = node.place - self._layout[name].parameters
            if 0 <= offset < size:
                return start + offset
            start += size
        raise ValueError(f"no player has a parameter at {node.place}")

    def _given(self, graph: Graph, position: Position, slot: int) -> list[Node]:
        """Return a vector that lies in the arena, cut to the shapes of the parameters."""
        place = self._vectors[slot]
        return [
            graph.given(place + self._offset(node), Shape(node.shape.rows, node.shape.columns))
            for node in _parameters(position)
        ]

    def _flat_sinks(self, graph: Graph, position: Position, nodes: list[Node | None], slot: int) -> list[Sink]:
        """Put what belongs to the parameters into a vector of results."""
        return [
            Sink(node or graph.fill(0.0, own.shape), self._results[slot] + self._offset(own))
            for node, own in zip(nodes, _parameters(position), strict=True)
        ]

    # ---------------------------------------------------------------- the arena

    def _prepare(self) -> None:
        """Lay out batch, vectors and results behind the parameters; programs are written at their first use."""
        space, graph = Program(self._layout.size), Graph()
        drawn = fixed_batch(graph, self.experiment, self.batch)
        self._batch_places = {name: (space.allocate(node.shape.size), node.shape) for name, node in drawn.items()}
        self._vectors, self._results = ([space.allocate(self.size) for _ in range(AT_ONCE)] for _ in range(2))
        self._space = space.size
        self._programs: dict[str, tuple[NDArray[np.int64], Float64]] = {}
        self._fresh = False
        program = Program(self._space)
        write(graph, program, [Sink(node, self._batch_places[name][0]) for name, node in drawn.items()])
        self._arena = arena_of(program, self.precision)
        self._draw = program.instructions, program.constants

    @property
    def _point(self) -> Snapshot:
        if self._snapshot is None:
            raise ValueError("no point was loaded yet: call load first")
        return self._snapshot

    def _optimizer(self, player: str) -> Optimizer:
        settings = self.experiment.optimizer
        return settings.generator if player == GENERATOR else settings.discriminator

    def _refresh(self) -> None:
        """Bring the point and its batch into the arena."""
        if self._fresh:
            return
        self._arena[: self._layout.kept] = self._point.kept
        self._execute(*self._draw)
        self._fresh = True

    def _execute(self, instructions: NDArray[np.int64], constants: Float64) -> None:
        counters = self._point.counters.copy()
        counters[[DATA_CURSOR, NOISE_CURSOR]] = 0
        records = np.zeros((1, len(RECORDED)))
        execute(instructions, constants, self._arena, counters, self.data, self.experiment.seed, records, 1)

    def _run(self, name: str, sinks: Sinks) -> None:
        """Carry out a program, written at its first use."""
        if name not in self._programs:
            program, graph = Program(self._space), Graph()
            position = Position.at(graph, self.experiment, self._layout)
            batch = {label: graph.given(place, shape) for label, (place, shape) in self._batch_places.items()}
            try:
                write(graph, program, sinks(graph, position, batch))
            except NotImplementedError as error:
                raise ExperimentError(
                    f"schedule.unroll = {self.experiment.schedule.unroll} with penalty.kind = "
                    f"{self.experiment.penalty.kind!r}: the Jacobian of the game needs a fourth derivative of the "
                    f"discriminator's {self.experiment.discriminator.activation}, and there are three; set "
                    'schedule.unroll = 0 or penalty.kind = "none", or use relu or leaky-relu'
                ) from error
            if program.size > self._arena.size:
                arena = arena_of(program, self.precision)
                arena[: self._space] = self._arena[: self._space]
                self._arena = arena
            self._programs[name] = program.instructions, program.constants
        self._refresh()
        self._execute(*self._programs[name])

    def _multiply(self, name: str, sinks: Sinks, vector: ArrayLike) -> Float64:
        given = np.asarray(vector, dtype=np.float64)
        if given.shape != (self.size,):
            raise ValueError(f"the vector has the shape {given.shape}; the game has ({self.size},) parameters")
        self._vector(self._vectors[0])[:] = given
        self._run(name, sinks)
        return self._result(0)

    def _vector(self, place: int) -> NDArray[np.floating]:
        return self._arena[place : place + self.size]

    def _result(self, slot: int) -> Float64:
        return self._vector(self._results[slot]).astype(np.float64)


def _parameters(position: Position) -> list[Node]:
    return [*position.generator.nodes, *position.discriminator.nodes]


def _gradient(graph: Graph, scalar: Node | None, wanted: list[Node]) -> list[Node | None]:
    """Return the derivatives of a scalar in some nodes; of none, and where there are none, None."""
    return [None for _ in wanted] if scalar is None else graph.gradient(scalar, wanted)


def _dot(graph: Graph, left: list[Node | None], right: list[Node]) -> Node | None:
    """Return the scalar product of two vectors that are cut into matrices; None of the first are 0."""
    total: Node | None = None
    for one, other in zip(left, right, strict=True):
        if one is not None:
            term = graph.dot(one, other)
            total = term if total is None else graph.combine(total, term)
    return total


def _rate(settings: Optimizer, step: int) -> float:
    return float(optimizer.rate_after.py_func(*optimizer.schedule(settings), step))


def _scale(settings: Optimizer, second: Float64, count: int) -> Float64:
    """Return what an adaptive optimizer multiplies gradients by, given their mean squares and its updates so far.

    Formulas and sources are those of `ganviz.engine.optimizer`.
    """
    if settings.kind == "rmsprop-tf1":
        return 1.0 / np.sqrt(second + settings.epsilon)
    root = np.sqrt(second)
    if settings.kind == "rmsprop":
        return 1.0 / (root + settings.epsilon)
    correction = 1.0 / np.sqrt(1.0 - settings.beta2**count)
    if settings.tensorflow_epsilon:
        return 1.0 / ((root + settings.epsilon) * correction)
    return 1.0 / (root * correction + settings.epsilon)
