"""The game at one point: what both players compute there, and their losses, as expressions.

A `Position` is a point in the space of all players' parameters. Losses, penalties, consensus and unrolled updates read
here like the equations they come from; the derivatives follow from `ganviz.engine.graph.Graph.gradient`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ganviz.experiment import Experiment
from ganviz.experiment.sections import Optimizer

from . import objective, optimizer, penalty
from .game import DISCRIMINATOR, GENERATOR, Layout, Player
from .graph import SCALAR, Graph, Node, Shape
from .network import Parameters, Statistics
from .operation import Operation


@dataclass(frozen=True)
class Batch:
    """What the discriminator meets in one update.

    Attributes
    ----------
    real, fake : Node
        Samples (d, batch), as the discriminator sees them: with instance noise.
    mix : Node or None
        Weights (1, packs) of the real samples in a penalty's interpolation; for dragan uniform numbers (d, packs).
    """

    real: Node
    fake: Node
    mix: Node | None = None


@dataclass(frozen=True)
class Position:
    """The game at one point.

    Attributes
    ----------
    generator, discriminator : Parameters
        The discriminator's weights before spectral normalisation.
    judging : Parameters
        The discriminator's weights that are used: normalised ones where that is asked for.
    met : dict
        Receives the batch statistics of each player's forward passes.
    sums : dict
        Receives, pass by pass of each player, what its layers' activations are given.
    """

    graph: Graph
    experiment: Experiment
    places: Layout
    generator: Parameters
    discriminator: Parameters
    judging: Parameters
    met: dict[str, list[list[Statistics]]] = field(default_factory=lambda: {GENERATOR: [], DISCRIMINATOR: []})
    sums: dict[str, list[list[Node]]] = field(default_factory=lambda: {GENERATOR: [], DISCRIMINATOR: []})

    @classmethod
    def at(cls, graph: Graph, experiment: Experiment, places: Layout, average: bool = False) -> Position:
        """Return the position that the arena holds; ``average``: of the averaged generator."""
        own, other = places[GENERATOR], places[DISCRIMINATOR]
        generator = own.network.parameters(graph, own.average if average else own.parameters)
        discriminator = other.network.parameters(graph, other.parameters)
        position = cls(graph, experiment, places, generator, discriminator, discriminator)
        return position.moved(discriminator)

    def moved(self, discriminator: Parameters) -> Position:
        """Return the position with other parameters of the discriminator."""
        judging = discriminator
        vectors = self.places[DISCRIMINATOR].vectors
        if vectors:
            judging = Parameters(
                tuple(
                    (spectrally_normalized(self.graph, weight, left, right), bias)
                    for (weight, bias), (left, right) in zip(discriminator.layers, vectors, strict=True)
                )
            )
        return replace(self, discriminator=discriminator, judging=judging)

    # ---------------------------------------------------------------- what the networks make

    def generate(self, z: Node, running: bool = False) -> Node:
        """Return the generator's samples (d, batch) of noise (dimension, batch)."""
        return self._forward(self.places[GENERATOR], self.generator, z, running)

    def judge(self, x: Node, running: bool = False, beside: Node | None = None) -> Node:
        """Return raw outputs (1, packs) for the discriminator's inputs (packing d, packs).

        ``beside``: inputs in whose company each is judged where minibatch features look at company.
        """
        return self._forward(self.places[DISCRIMINATOR], self.judging, x, running, beside)

    def _forward(
        self, player: Player, parameters: Parameters, x: Node, running: bool, beside: Node | None = None
    ) -> Node:
        met: list[Statistics] = []
        sums: list[Node] = []
        place = player.running if running else None
        y = player.network.forward(self.graph, parameters, x, running=place, met=met, beside=beside, sums=sums)
        self.sums[player.name].append(sums)
        if met:
            self.met[player.name].append(met)
        return y

    def pack(self, x: Node) -> Node:
        """Return samples (d, batch) as the discriminator's inputs."""
        return self.graph.pack(x, self.experiment.discriminator.packing)

    # ---------------------------------------------------------------- losses

    def discriminator_loss(self, batch: Batch) -> tuple[Node, Node, Node]:
        """Return the discriminator's loss with its penalty, and its outputs on real and fake samples."""
        g, rules = self.graph, self.experiment.penalty
        real, fake = self.pack(batch.real), self.pack(batch.fake)
        active = rules.kind != "none" and rules.weight > 0
        apart = self.places[DISCRIMINATOR].network.couples or (
            active and rules.kind in (*penalty.ON_REAL, *penalty.ON_FAKE)
        )
        if apart:
            # Slopes are taken in these alone: after an unrolled update the weights depend on the samples too.
            real, fake = g.same(real), g.same(fake)
            on_real, on_fake = self.judge(real), self.judge(fake)
        else:
            # One pass for both: longer rows, half the instructions.
            both = self.judge(g.join([real, fake]))
            on_real, on_fake = g.part(both, 0), g.part(both, 1)
        loss = objective.discriminator_loss(g, self.experiment.objective, on_real, on_fake)
        for term in self._penalties(batch, real, fake, on_real, on_fake) if active else []:
            loss = g.combine(loss, term)
        return loss, on_real, on_fake

    def _penalties(self, batch: Batch, real: Node, fake: Node, on_real: Node, on_fake: Node) -> list[Node]:
        g, rules = self.graph, self.experiment.penalty
        found: list[Node] = []
        if rules.kind in penalty.ON_REAL:
            found.append(penalty.zero_penalty(g, rules, on_real, real))
        if rules.kind in penalty.ON_FAKE:
            found.append(penalty.zero_penalty(g, rules, on_fake, fake))
        if rules.kind in penalty.BETWEEN:
            assert batch.mix is not None
            # h = mix x + (1 - mix) f
            points = g.combine(fake, g.scale_columns(g.combine(real, fake, 1.0, -1.0), batch.mix))
            found.append(penalty.slope_penalty(g, rules, self.judge(points), points))
        if rules.kind == penalty.DRAGAN:
            assert batch.mix is not None
            shape = batch.real.shape
            sizes = {"m": shape.rows, "n": shape.stored, "v": shape.columns, "g": shape.groups}
            std = g.computed(Operation.DEVIATION, SCALAR, [batch.real], **sizes)
            points = g.combine(real, g.scale_by(batch.mix, std), 1.0, penalty.SPREAD)
            found.append(penalty.slope_penalty(g, rules, self.judge(points), points))
        return found

    def generator_loss(self, seen: Node, real: Node | None) -> Node:
        """Return the generator's loss for its samples as the discriminator sees them; real where it is compared."""
        g, rules = self.graph, self.experiment.objective
        compared = rules.kind == objective.RELATIVISTIC
        assert real is not None or not compared
        on_real = self.judge(self.pack(real)) if compared and real is not None else None
        return objective.generator_loss(g, rules, on_real, self.judge(self.pack(seen)))

    def consensus(self, generator_loss: Node, discriminator_loss: Node) -> Node:
        """Return weight / 2 times the squared length of the game's gradient field (Mescheder et al. 2017)."""
        g = self.graph
        total: Node | None = None
        for loss, parameters in ((generator_loss, self.generator), (discriminator_loss, self.discriminator)):
            for slope in g.gradient(loss, parameters.nodes):
                if slope is not None:
                    square = g.dot(slope, slope)
                    total = square if total is None else g.combine(total, square)
        if total is None:
            return g.fill(0.0, SCALAR)
        return g.scale(total, 0.5 * self.experiment.penalty.weight)

    # ---------------------------------------------------------------- unrolled updates

    def unrolled(self, batch: Batch, steps: int) -> Position:
        """Return the position after some updates of the discriminator alone (Metz et al. 2017, equation 6).

        All updates are taken on one batch, by the discriminator's optimizer from its moments in the arena on.
        """
        position = self
        mover = UnrolledOptimizer(self.graph, self.places[DISCRIMINATOR], self.experiment.optimizer.discriminator)
        bound = self.experiment.discriminator.clip
        for _ in range(steps):
            loss, _, _ = position.discriminator_loss(batch)
            nodes = position.discriminator.nodes
            moved = mover.step(nodes, self.graph.gradient(loss, nodes))
            if bound > 0:
                moved = [self.graph.clamp(node, bound) for node in moved]
            position = position.moved(position.discriminator.replace(moved))
        return position


class UnrolledOptimizer:
    """An optimizer as an expression, so that later losses can be differentiated through its steps.

    Formulas and sources are those of `ganviz.engine.optimizer`.
    """

    def __init__(self, graph: Graph, player: Player, settings: Optimizer) -> None:
        self.graph, self.player, self.settings, self.count = graph, player, settings, 0
        self.first: list[Node] = []
        self.second: list[Node] = []

    def step(self, parameters: Sequence[Node], gradient: Sequence[Node | None]) -> list[Node]:
        """Return the parameters after one more update."""
        if not self.count:
            self.first, self.second = (
                [self._moment(node, place) for node in parameters] for place in (self.player.first, self.player.second)
            )
        self.count += 1
        decay = self.settings.beta1 if self.settings.kind == "adam" else 0.0
        rate = self._constant(Operation.STEP_SIZE, *optimizer.schedule(self.settings), decay)
        moved: list[Node] = []
        for index, (node, slope) in enumerate(zip(parameters, gradient, strict=True)):
            direction = self._direction(index, slope or self.graph.fill(0.0, node.shape))
            moved.append(self.graph.combine(node, self.graph.scale_by(direction, rate), 1.0, -1.0))
        return moved

    def _moment(self, node: Node, place: int) -> Node:
        assert node.place is not None
        offset = node.place - self.player.parameters
        return self.graph.parameter(place + offset, node.shape.rows, node.shape.columns)

    def _constant(self, operation: Operation, *constants: float) -> Node:
        return self.graph.computed(
            operation, SCALAR, [], q=self.player.counter, t=self.count, constants=constants
        )  # fmt: skip

    def _direction(self, index: int, slope: Node) -> Node:
        g, o = self.graph, self.settings
        if o.kind == "sgd":
            return slope
        if o.kind == "momentum":
            self.first[index] = g.combine(self.first[index], slope, o.momentum)
            return self.first[index]
        decay = o.beta2 if o.kind == "adam" else o.decay
        self.second[index] = second = g.combine(self.second[index], g.multiply(slope, slope), decay, 1.0 - decay)
        if o.kind == "rmsprop-tf1":
            return g.multiply(slope, g.power(g.combine(second, c=o.epsilon), -0.5))
        root = g.power(second, 0.5)
        if o.kind == "rmsprop":
            return g.multiply(slope, g.power(g.combine(root, c=o.epsilon), -1.0))
        if o.kind != "adam":
            raise ValueError(f"updates of the optimizer {o.kind} are not unrolled")
        self.first[index] = first = g.combine(self.first[index], slope, o.beta1, 1.0 - o.beta1)
        correction = self._constant(Operation.ROOT_CORRECTION, o.beta2)
        if o.tensorflow_epsilon:
            divisor = g.scale_by(g.combine(root, c=o.epsilon), correction)
        else:
            divisor = g.combine(g.scale_by(root, correction), c=o.epsilon)
        return g.multiply(first, g.power(divisor, -1.0))


def spectrally_normalized(graph: Graph, weight: Node, left: int, right: int) -> Node:
    """Return a weight divided by u'Wv, for singular vectors u and v that lie in the arena (Miyato et al. 2018)."""
    rows, columns = weight.shape.rows, weight.shape.columns
    u, v = graph.parameter(left, rows, 1), graph.parameter(right, columns, 1)
    plane = graph.computed(Operation.PLANE, Shape(rows, columns), [u, v], m=rows, n=columns)
    return graph.scale_by(weight, graph.power(graph.dot(weight, plane), -1.0))
