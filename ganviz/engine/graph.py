"""Expressions of matrices that are differentiated as often as one likes, and written as programs for the machine.

A `Graph` grows by calls that read like the mathematics and return nodes. `Graph.gradient` adds the nodes of a
derivative (reverse accumulation: Griewank and Walther, "Evaluating Derivatives", 2008, chapter 3). Every operation's
derivative is made of operations of the same list, so a derivative can be differentiated again: a penalty on the
discriminator's slope, the gradient through unrolled updates, and consensus optimization need nothing of their own.
Where a function has no second derivative, as relu, the nodes that would carry it never come to be.

`Graph` knows shapes and derivatives only; `ganviz.engine.lowering` chooses places and instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import activation
from .operation import Operation
from .program import LINE


@dataclass(frozen=True)
class Shape:
    """Rows and columns of a matrix.

    A batch matrix holds ``groups`` batches of ``columns`` samples side by side, each padded to whole lines; what lies
    in the padding of a value is finite and without meaning, in the padding of a derivative it is zero. Without groups
    the matrix is compact.
    """

    rows: int
    columns: int
    groups: int = 0

    @property
    def line(self) -> int:
        """Stored columns of one group."""
        return -(-self.columns // LINE) * LINE if self.groups else self.columns

    @property
    def stored(self) -> int:
        """Stored columns of all groups."""
        return self.line * max(self.groups, 1)

    @property
    def size(self) -> int:
        """Stored numbers."""
        return self.rows * self.stored

    def with_rows(self, rows: int) -> Shape:
        """Return the shape of as large a batch with other features."""
        return Shape(rows, self.columns, self.groups)


SCALAR = Shape(1, 1)


class Node:
    """A matrix that an operation makes of others.

    Attributes
    ----------
    name : str
        The operation, a method of `Graph`.
    inputs : tuple of Node
    options : dict
        What else the operation needs to know.
    place : int or None
        Where the matrix lies in the arena, for parameters.
    number : int
        Nodes are numbered as they are made: inputs come before what is made of them.
    """

    __slots__ = ("inputs", "name", "number", "options", "place", "shape")

    def __init__(
        self, number: int, name: str, shape: Shape, inputs: tuple[Node, ...], options: dict[str, Any],
        place: int | None = None,
    ) -> None:  # fmt: skip
        self.number, self.name, self.shape, self.inputs = number, name, shape, inputs
        self.options, self.place = options, place

    def __repr__(self) -> str:
        inputs = ", ".join(str(node.number) for node in self.inputs)
        return f"{self.number}: {self.name}({inputs}) {self.shape.rows}x{self.shape.stored} {self.options or ''}"


class Graph:
    """An expression under construction."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def _add(self, name: str, shape: Shape, inputs: Sequence[Node] = (), **options: Any) -> Node:
        node = Node(len(self.nodes), name, shape, tuple(inputs), options)
        self.nodes.append(node)
        return node

    # ---------------------------------------------------------------- leaves

    def parameter(self, place: int, rows: int, columns: int) -> Node:
        """Return a compact matrix that lies in the arena."""
        node = self._add("parameter", Shape(rows, columns))
        node.place = place
        return node

    def given(self, place: int, shape: Shape) -> Node:
        """Return a matrix that somebody else puts into the arena."""
        node = self._add("parameter", shape)
        node.place = place
        return node

    def drawn(self, operation: Operation, shape: Shape, **fields: Any) -> Node:
        """Return random numbers; ``fields`` are those of the instruction beside its output."""
        return self._add("drawn", shape, operation=operation, fields=fields)

    def computed(self, operation: Operation, shape: Shape, inputs: Sequence[Node], **fields: Any) -> Node:
        """Return what an instruction makes of inputs x, w and b, a constant as far as derivatives go."""
        return self._add("computed", shape, inputs, operation=operation, fields=fields)

    def fill(self, value: float, shape: Shape) -> Node:
        """Return a constant."""
        return self._add("fill", shape, value=value)

    # ---------------------------------------------------------------- products

    def apply(self, weight: Node, x: Node) -> Node:
        """Return the transpose of weight (k, n) times x (k, batch)."""
        return self._add("apply", x.shape.with_rows(weight.shape.columns), (weight, x))

    def lift(self, weight: Node, x: Node) -> Node:
        """Return weight (k, n) times x (n, batch)."""
        return self._add("lift", x.shape.with_rows(weight.shape.rows), (weight, x))

    def outer(self, x: Node, y: Node) -> Node:
        """Return x (k, batch) times the transpose of y (n, batch)."""
        return self._add("outer", Shape(x.shape.rows, y.shape.rows), (x, y))

    # ---------------------------------------------------------------- number by number

    def combine(self, x: Node, y: Node | None = None, a: float = 1.0, b: float = 1.0, c: float = 0.0) -> Node:
        """Return a x + b y + c."""
        if y is None and a == 1.0 and c == 0.0:
            return x
        if y is None and c == 0.0 and x.name == "fill":
            return self.fill(a * x.options["value"], x.shape)
        if y is not None and c == 0.0 and y.name == "combine" and len(y.inputs) == 1 and y.options["c"] == 0.0:
            # A multiple of a node that is added: one instruction instead of two.
            return self.combine(x, y.inputs[0], a, b * y.options["a"])
        inputs = (x,) if y is None else (x, y)
        return self._add("combine", x.shape, inputs, a=a, b=b, c=c)

    def scale(self, x: Node, factor: float) -> Node:
        """Return a multiple of x."""
        return self.combine(x, a=factor)

    def multiply(self, x: Node, y: Node) -> Node:
        """Return the product, number by number."""
        return self._add("multiply", x.shape, (x, y))

    def activate(self, code: int, x: Node) -> Node:
        """Return a function of each number; see `ganviz.engine.activation`."""
        if code == activation.LINEAR:
            return x
        return self._add("activate", x.shape, (x,), code=code)

    def pull(self, code: int, order: int, x: Node, y: Node) -> Node:
        """Return y times the derivative of some order of a function at x."""
        return self._add("pull", x.shape, (y, x), code=code, order=order)

    def exp(self, x: Node) -> Node:
        """Return the exponential of each number."""
        return self._add("exp", x.shape, (x,))

    def expm1(self, x: Node) -> Node:
        """Return the exponential of each number less one, also where that is small."""
        return self._add("expm1", x.shape, (x,))

    def power(self, x: Node, exponent: float) -> Node:
        """Return a power of each number; see `ganviz.engine.activation.power` for that of 0."""
        return self._add("power", x.shape, (x,), exponent=exponent)

    def clamp(self, x: Node, bound: float) -> Node:
        """Return each number cut to the bound on both sides."""
        return self._add("clamp", x.shape, (x,), bound=bound)

    def within(self, x: Node, y: Node, bound: float) -> Node:
        """Return y where x is within the bound, else 0: the derivative of `clamp`."""
        return self._add("within", x.shape, (y, x), bound=bound)

    # ---------------------------------------------------------------- rows, columns, all

    def add_bias(self, x: Node, bias: Node) -> Node:
        """Add a number to each row of a batch."""
        return self._add("add_bias", x.shape, (x, bias))

    def row_sum(self, x: Node) -> Node:
        """Return the sum over the samples: (rows, 1)."""
        return self._add("row_sum", Shape(x.shape.rows, 1), (x,))

    def spread_rows(self, x: Node, shape: Shape) -> Node:
        """Return x (rows, 1) in every sample of a batch."""
        return self._add("spread_rows", shape.with_rows(x.shape.rows), (x,))

    def row_dot(self, x: Node, y: Node) -> Node:
        """Return the scalar product of the samples row by row: (rows, 1)."""
        return self._add("row_dot", Shape(x.shape.rows, 1), (x, y))

    def scale_rows(self, x: Node, factors: Node) -> Node:
        """Return x with each row multiplied by its factor (rows, 1), and zero in the padding."""
        return self._add("scale_rows", x.shape, (x, factors))

    def column_sum(self, x: Node) -> Node:
        """Return the sum over the features: (1, batch)."""
        return self._add("column_sum", x.shape.with_rows(1), (x,))

    def spread_columns(self, x: Node, rows: int) -> Node:
        """Return x (1, batch) in every feature."""
        return self._add("spread_columns", x.shape.with_rows(rows), (x,))

    def column_dot(self, x: Node, y: Node) -> Node:
        """Return the scalar product of the features sample by sample: (1, batch)."""
        return self._add("column_dot", x.shape.with_rows(1), (x, y))

    def scale_columns(self, x: Node, factors: Node) -> Node:
        """Return x with each sample multiplied by its factor (1, batch)."""
        return self._add("scale_columns", x.shape, (x, factors))

    def total(self, x: Node) -> Node:
        """Return the sum over all samples and features."""
        return self._add("total", SCALAR, (x,))

    def spread(self, x: Node, shape: Shape) -> Node:
        """Return a scalar in every sample and feature."""
        return self._add("spread", shape, (x,))

    def dot(self, x: Node, y: Node) -> Node:
        """Return the scalar product of all numbers of compact matrices."""
        assert not x.shape.groups
        return self._add("dot", SCALAR, (x, y))

    def scale_by(self, x: Node, factor: Node) -> Node:
        """Return x times a scalar."""
        if factor.name == "fill":
            return self.scale(x, factor.options["value"])
        return self._add("scale_by", x.shape, (x, factor))

    def masked(self, x: Node) -> Node:
        """Return x (1, batch) with zero in the padding, where a function of what lies there could overflow."""
        return self.scale_rows(x, self.fill(1.0, SCALAR))

    def mean(self, x: Node) -> Node:
        """Return the mean over the samples of a batch of numbers (1, batch)."""
        return self.scale(self.total(x), 1.0 / (x.shape.columns * max(x.shape.groups, 1)))

    # ---------------------------------------------------------------- parts

    def same(self, x: Node) -> Node:
        """Return x as a node of its own: derivatives in it leave out what else depends on x."""
        return self._add("same", x.shape, (x,))

    def join(self, parts: Sequence[Node]) -> Node:
        """Put batches side by side."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0].shape
        return self._add("join", Shape(first.rows, first.columns, len(parts)), parts)

    def part(self, x: Node, group: int) -> Node:
        """Return one batch of several."""
        if x.shape.groups == 1:
            return x
        return self._add("part", Shape(x.shape.rows, x.shape.columns, 1), (x,), group=group)

    def embed(self, x: Node, group: int, groups: int) -> Node:
        """Put a batch among others that are zero."""
        return self._add("embed", Shape(x.shape.rows, x.shape.columns, groups), (x,), group=group)

    def stack(self, x: Node, y: Node) -> Node:
        """Put the features of one batch below another's."""
        return self._add("stack", x.shape.with_rows(x.shape.rows + y.shape.rows), (x, y))

    def rows(self, x: Node, start: int, count: int) -> Node:
        """Return some of the features."""
        return self._add("rows", x.shape.with_rows(count), (x,), start=start)

    def pad_rows(self, x: Node, start: int, rows: int) -> Node:
        """Put features among others that are zero."""
        return self._add("pad_rows", x.shape.with_rows(rows), (x,), start=start)

    def pack(self, x: Node, size: int) -> Node:
        """Put ``size`` samples on top of each other: sample i of the j-th part becomes feature block j of pack i."""
        if size == 1:
            return x
        return self._add("pack", Shape(size * x.shape.rows, x.shape.columns // size, 1), (x,), size=size)

    def unpack(self, x: Node, size: int) -> Node:
        """Undo `pack`."""
        return self._add("unpack", Shape(x.shape.rows // size, x.shape.columns * size, 1), (x,), size=size)

    # ---------------------------------------------------------------- pairs of numbers, pairs of samples

    def select(self, y: Node, x: Node) -> Node:
        """Return of y (2 n, batch) the entry of each pair (j, n + j) where x is larger: maxout where y is x."""
        return self._add("select", x.shape.with_rows(x.shape.rows // 2), (y, x))

    def unselect(self, y: Node, x: Node) -> Node:
        """Put y (n, batch) where x (2 n, batch) is the larger of a pair, 0 elsewhere."""
        return self._add("unselect", x.shape, (y, x))

    def closeness(self, x: Node, directions: Sequence[Node], features: int) -> Node:
        """Return how close each sample is to the others, or a derivative along directions.

        With x (features * c, batch): the sum over j of exp(-|x_i - x_j|_1), where the norm runs over the c rows of
        each feature (Salimans et al. 2016, section 3.2); along each direction v that sum's terms are multiplied by
        -sum_c sign(x_i - x_j) (v_i - v_j).
        """
        return self._add("closeness", x.shape.with_rows(features), (x, *directions))

    def closeness_pull(self, x: Node, y: Node, directions: Sequence[Node]) -> Node:
        """Return the derivative of `closeness` weighted by y (features, batch) in x (features * c, batch)."""
        return self._add("closeness_pull", x.shape, (x, y, *directions))

    def nearness(self, x: Node, others: Node, features: int) -> Node:
        """Return what `closeness` gives each sample of x by itself among others, a constant for derivatives."""
        return self._add("nearness", x.shape.with_rows(features), (x, others))

    def nearness_pull(self, x: Node, others: Node, y: Node) -> Node:
        """Return the derivative of `nearness` weighted by y (features, batch) in x."""
        return self._add("nearness_pull", x.shape, (x, others, y))

    # ---------------------------------------------------------------- derivatives

    def gradient(self, loss: Node, wanted: Sequence[Node], seed: Node | None = None) -> list[Node | None]:
        """Return the derivatives of a scalar in some nodes; None where it does not depend on one.

        ``seed`` is the derivative of something else in ``loss``, which then need not be a scalar.
        """
        low = min(node.number for node in wanted)
        depends = {node.number for node in wanted}
        for node in self.nodes[low : loss.number + 1]:
            if any(source.number in depends for source in node.inputs):
                depends.add(node.number)
        found: dict[int, Node] = {loss.number: seed or self.fill(1.0, loss.shape)}
        if loss.number not in depends:
            return [None] * len(wanted)
        for node in reversed(self.nodes[low : loss.number + 1]):
            derivative = found.get(node.number)
            if derivative is None or not node.inputs or node.number not in depends:
                continue
            for index, source in enumerate(node.inputs):
                if source.number not in depends:
                    continue
                share = RULES[node.name](self, node, derivative, index)
                if share is not None:
                    before = found.get(source.number)
                    found[source.number] = share if before is None else self.combine(before, share)
        return [found.get(node.number) for node in wanted]


Rule = Callable[[Graph, Node, Node, int], "Node | None"]


def _pull_rule(g: Graph, node: Node, d: Node, index: int) -> Node | None:
    y, x = node.inputs
    code, order = node.options["code"], node.options["order"]
    if index == 0:
        return g.pull(code, order, x, d)
    if code in activation.PIECEWISE_LINEAR:
        return None
    if order == activation.ORDERS:
        raise NotImplementedError(f"derivatives above order {order} of a function are not known")
    return g.pull(code, order + 1, x, g.multiply(d, y))


def _closeness_rule(g: Graph, node: Node, d: Node, index: int) -> Node | None:
    x, *directions = node.inputs
    return g.closeness_pull(x, d, [v for place, v in enumerate(directions, start=1) if place != index])


def _closeness_pull_rule(g: Graph, node: Node, d: Node, index: int) -> Node | None:
    x, y, *directions = node.inputs
    if index == 1:
        return g.closeness(x, [*directions, d], y.shape.rows)
    return g.closeness_pull(x, y, [*(v for place, v in enumerate(directions, start=2) if place != index), d])


def _scale_by_rule(g: Graph, node: Node, d: Node, index: int) -> Node:
    x, factor = node.inputs
    if index == 0:
        return g.scale_by(d, factor)
    return g.total(g.multiply(d, x)) if x.shape.groups else g.dot(d, x)


def _combine_rule(g: Graph, node: Node, d: Node, index: int) -> Node:
    return g.scale(d, node.options["ab"[index]])


RULES: dict[str, Rule] = {
    # Y = W'X, Y = WX and Y = XZ' are closed among themselves.
    "apply": lambda g, n, d, i: g.outer(n.inputs[1], d) if i == 0 else g.lift(n.inputs[0], d),
    "lift": lambda g, n, d, i: g.outer(d, n.inputs[1]) if i == 0 else g.apply(n.inputs[0], d),
    "outer": lambda g, n, d, i: g.lift(d, n.inputs[1]) if i == 0 else g.apply(d, n.inputs[0]),
    "combine": _combine_rule,
    "multiply": lambda g, n, d, i: g.multiply(d, n.inputs[1 - i]),
    "activate": lambda g, n, d, i: g.pull(n.options["code"], 1, n.inputs[0], d),
    "pull": _pull_rule,
    "exp": lambda g, n, d, i: g.multiply(d, n),
    "expm1": lambda g, n, d, i: g.multiply(d, g.exp(n.inputs[0])),
    "power": lambda g, n, d, i: g.scale(
        g.multiply(d, g.power(n.inputs[0], n.options["exponent"] - 1.0)), n.options["exponent"]
    ),
    "clamp": lambda g, n, d, i: g.within(n.inputs[0], d, n.options["bound"]),
    "within": lambda g, n, d, i: g.within(n.inputs[1], d, n.options["bound"]) if i == 0 else None,
    "add_bias": lambda g, n, d, i: d if i == 0 else g.row_sum(d),
    "row_sum": lambda g, n, d, i: g.spread_rows(d, n.inputs[0].shape),
    "spread_rows": lambda g, n, d, i: g.row_sum(d),
    "row_dot": lambda g, n, d, i: g.scale_rows(n.inputs[1 - i], d),
    "scale_rows": lambda g, n, d, i: g.scale_rows(d, n.inputs[1]) if i == 0 else g.row_dot(d, n.inputs[0]),
    "column_sum": lambda g, n, d, i: g.spread_columns(d, n.inputs[0].shape.rows),
    "spread_columns": lambda g, n, d, i: g.column_sum(d),
    "column_dot": lambda g, n, d, i: g.scale_columns(n.inputs[1 - i], d),
    "scale_columns": lambda g, n, d, i: g.scale_columns(d, n.inputs[1]) if i == 0 else g.column_dot(d, n.inputs[0]),
    "total": lambda g, n, d, i: (
        # A constant stays one: nothing is computed that is known before.
        g.fill(d.options["value"], n.inputs[0].shape) if d.name == "fill" else g.spread(d, n.inputs[0].shape)
    ),
    "spread": lambda g, n, d, i: g.total(d),
    "dot": lambda g, n, d, i: g.scale_by(n.inputs[1 - i], d),
    "scale_by": _scale_by_rule,
    "same": lambda g, n, d, i: d,
    "join": lambda g, n, d, i: g.part(d, i),
    "part": lambda g, n, d, i: g.embed(d, n.options["group"], n.inputs[0].shape.groups),
    "embed": lambda g, n, d, i: g.part(d, n.options["group"]),
    "stack": lambda g, n, d, i: g.rows(d, 0 if i == 0 else n.inputs[0].shape.rows, n.inputs[i].shape.rows),
    "rows": lambda g, n, d, i: g.pad_rows(d, n.options["start"], n.inputs[0].shape.rows),
    "pad_rows": lambda g, n, d, i: g.rows(d, n.options["start"], n.inputs[0].shape.rows),
    "pack": lambda g, n, d, i: g.unpack(d, n.options["size"]),
    "unpack": lambda g, n, d, i: g.pack(d, n.options["size"]),
    "select": lambda g, n, d, i: g.unselect(d, n.inputs[1]) if i == 0 else None,
    "unselect": lambda g, n, d, i: g.select(d, n.inputs[1]) if i == 0 else None,
    "closeness": _closeness_rule,
    # Only what is shown asks for it, and not for more than a slope.
    "nearness": lambda g, n, d, i: g.nearness_pull(n.inputs[0], n.inputs[1], d) if i == 0 else None,
    "closeness_pull": _closeness_pull_rule,
}
"""The derivative of each operation: rule(graph, node, derivative in the node, which input)."""
