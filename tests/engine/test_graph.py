"""Expressions: values and derivatives of every operation against NumPy, and programs that never overwrite what is read.

`REFERENCE` says in NumPy what each operation means, on matrices without padding; whole graphs, derivatives included,
are evaluated by it node by node and held against what the machine computes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st
from numpy_network import ACTIVATIONS

from ganviz.engine import activation, lowering
from ganviz.engine.data import data_plan
from ganviz.engine.graph import RULES, SCALAR, Graph, Node, Shape
from ganviz.engine.lowering import Sink, write
from ganviz.engine.machine import FIRST_PLAYER, execute, new_arena
from ganviz.engine.operation import Operation
from ganviz.engine.program import Program
from ganviz.engine.step import RECORDED
from ganviz.experiment import Experiment

PLAN = data_plan(Experiment())
NAMES = {code: name for name, code in activation.CODES.items()}
SMOOTH = ("tanh", "sigmoid", "softplus", "elu", "gelu", "sine")

# What the operations mean.


def function_of(code: int, order: int, x: np.ndarray) -> np.ndarray:
    """Return a derivative of some order of an activation, by Cauchy's integral where it is smooth."""
    name = NAMES[code]
    if order == 0:
        return ACTIVATIONS[name][0](x)
    if name in ("relu", "leaky-relu"):
        return np.where(x > 0, 1.0, 0.0 if name == "relu" else 0.2)
    if name == "elu":
        return np.where(x > 0, 1.0 if order == 1 else 0.0, np.exp(np.minimum(x, 0)))
    count, radius = 32, 0.6
    around = np.exp(2j * np.pi * np.arange(count) / count)
    values = np.stack([ACTIVATIONS[name][0](x + radius * turn) for turn in around])
    weights = around.reshape(-1, *[1] * x.ndim) ** -order
    return [1, 1, 2, 6][order] * np.real((values * weights).mean(0)) / radius**order


def power(x, exponent):
    return np.where(x == 0, 0.0 if exponent < 0 else x, np.where(x == 0, 1.0, x) ** exponent)


def groups_of(x, count):
    return x.reshape(len(x), count, -1)


def embedded(x, group, count):
    found = np.zeros((len(x), count, x.shape[1]))
    found[:, group] = x
    return found.reshape(len(x), -1)


def padded(x, start, rows):
    found = np.zeros((rows, x.shape[1]))
    found[start : start + len(x)] = x
    return found


def packed(x, size):
    return x.reshape(len(x), size, -1).swapaxes(0, 1).reshape(size * len(x), -1)


def unpacked(x, size):
    return x.reshape(size, len(x) // size, -1).swapaxes(0, 1).reshape(len(x) // size, -1)


def select(y, x):
    first, second = np.split(x, 2)
    return np.where(first < second, *reversed(np.split(y, 2)))


def unselect(y, x):
    first, second = np.split(x, 2)
    return np.concatenate([np.where(first < second, 0, y), np.where(first < second, y, 0)])


def neighbours(x, directions, features):
    """Return exp(-|x_i - x_j|) times what the directions ask for, and the signs of x_i - x_j."""
    apart = [v.reshape(features, -1, v.shape[1]) for v in (x, *directions)]
    apart = [v[:, :, :, None] - v[:, :, None, :] for v in apart]
    signs = np.sign(apart[0])
    near = np.exp(-np.abs(apart[0]).sum(1))
    for v in apart[1:]:
        near = near * -(signs * v).sum(1)
    return near, signs


def closeness(x, *directions, features):
    return neighbours(x, directions, features)[0].sum(-1)


def closeness_pull(x, y, *directions):
    near, signs = neighbours(x, directions, len(y))
    weighted = near * (y[:, :, None] + y[:, None, :])
    return -(weighted[:, None] * signs).sum(-1).reshape(x.shape)


def nearness(x, others, features):
    """Return exp(-|x_i - o_j|) for others o_j, and the signs of x_i - o_j."""
    apart = x.reshape(features, -1, x.shape[1], 1) - others.reshape(features, -1, 1, others.shape[1])
    return np.exp(-np.abs(apart).sum(1)), np.sign(apart)


def nearness_pull(x, others, y):
    near, signs = nearness(x, others, len(y))
    return -((near * y[:, :, None])[:, None] * signs).sum(-1).reshape(x.shape)


REFERENCE: dict[str, Callable] = {
    "fill": lambda n: np.full((n.shape.rows, dense_columns(n.shape)), n.options["value"]),
    "apply": lambda n, w, x: w.T @ x,
    "lift": lambda n, w, x: w @ x,
    "outer": lambda n, x, y: x @ y.T,
    "combine": lambda n, x, y=0.0: n.options["a"] * x + n.options["b"] * y + n.options["c"],
    "multiply": lambda n, x, y: x * y,
    "activate": lambda n, x: function_of(n.options["code"], 0, x),
    "pull": lambda n, y, x: y * function_of(n.options["code"], n.options["order"], x),
    "exp": lambda n, x: np.exp(x),
    "expm1": lambda n, x: np.expm1(x),
    "power": lambda n, x: power(x, n.options["exponent"]),
    "clamp": lambda n, x: np.clip(x, -n.options["bound"], n.options["bound"]),
    "within": lambda n, y, x: np.where(np.abs(x) <= n.options["bound"], y, 0),
    "add_bias": lambda n, x, b: x + b,
    "row_sum": lambda n, x: x.sum(1, keepdims=True),
    "spread_rows": lambda n, x: np.broadcast_to(x, (len(x), dense_columns(n.shape))),
    "row_dot": lambda n, x, y: (x * y).sum(1, keepdims=True),
    "scale_rows": lambda n, x, f: x * f,
    "column_sum": lambda n, x: x.sum(0, keepdims=True),
    "spread_columns": lambda n, x: np.broadcast_to(x, (n.shape.rows, x.shape[1])),
    "column_dot": lambda n, x, y: (x * y).sum(0, keepdims=True),
    "scale_columns": lambda n, x, f: x * f,
    "total": lambda n, x: x.sum(keepdims=True),
    "spread": lambda n, x: np.broadcast_to(x, (n.shape.rows, dense_columns(n.shape))),
    "dot": lambda n, x, y: (x * y).sum(keepdims=True),
    "scale_by": lambda n, x, f: x * f,
    "same": lambda n, x: x,
    "join": lambda n, *parts: np.concatenate(parts, 1),
    "part": lambda n, x: groups_of(x, n.inputs[0].shape.groups)[:, n.options["group"]],
    "embed": lambda n, x: embedded(x, n.options["group"], n.shape.groups),
    "stack": lambda n, x, y: np.concatenate([x, y]),
    "rows": lambda n, x: x[n.options["start"] : n.options["start"] + n.shape.rows],
    "pad_rows": lambda n, x: padded(x, n.options["start"], n.shape.rows),
    "pack": lambda n, x: packed(x, n.options["size"]),
    "unpack": lambda n, x: unpacked(x, n.options["size"]),
    "select": lambda n, y, x: select(y, x),
    "unselect": lambda n, y, x: unselect(y, x),
    "nearness": lambda n, x, others: 1 + nearness(x, others, n.shape.rows)[0].sum(-1),
    "nearness_pull": lambda n, x, others, y: nearness_pull(x, others, y),
    "closeness": lambda n, x, *vs: closeness(x, *vs, features=n.shape.rows),
    "closeness_pull": lambda n, x, y, *vs: closeness_pull(x, y, *vs),
}


def dense_columns(shape: Shape) -> int:
    return shape.columns * max(shape.groups, 1)


def evaluate(graph: Graph, values: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Evaluate all nodes of a graph in NumPy, for values of its inputs by their numbers."""
    found = dict(values)
    for node in graph.nodes:
        if node.number not in found:
            found[node.number] = np.asarray(
                REFERENCE[node.name](node, *(found[source.number] for source in node.inputs))
            )
    return found


# What the machine makes of them.


@dataclass(repr=False)
class Table:
    """A graph with inputs that have values.

    Garbage in the padding of a batch is what values may have there; that of a derivative is zero.
    """

    seed: int = 0
    graph: Graph = field(default_factory=Graph)
    inputs: dict[int, Node] = field(default_factory=dict)
    values: dict[int, np.ndarray] = field(default_factory=dict)
    garbage: dict[int, bool] = field(default_factory=dict)
    constants: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.space = Program()

    def __repr__(self) -> str:
        return "\n".join(["", *map(repr, self.graph.nodes)])

    def input(self, rows: int, columns: int, groups: int = 0, value=None, garbage: bool = True) -> Node:
        """Make an input: a compact matrix, or with groups a batch."""
        shape = Shape(rows, columns, groups)
        node = self.graph.given(self.space.allocate(shape.size), shape)
        self.inputs[node.number] = node
        numbers = self.rng.normal(size=(rows, dense_columns(shape)))
        self.values[node.number] = numbers if value is None else np.asarray(value, float).reshape(numbers.shape)
        self.garbage[node.number] = garbage
        return node

    def like(self, node: Node) -> Node:
        """Make an input of the shape of another node, as a derivative is: zero in the padding."""
        return self.input(node.shape.rows, node.shape.columns, node.shape.groups, garbage=False)

    def program(
        self, sinks: list[Node], program_type: type[Program] = Program, read: bool = False
    ) -> tuple[Program, list[int]]:  # fmt: skip
        """Write a program that stores nodes where they are wanted, or that reads them where they happen to lie."""
        program = program_type(self.space.size)
        places = [program.allocate(node.shape.size) for node in sinks]

        def copy(to: int, size: int) -> Callable[[int], None]:
            return lambda place: program.add(Operation.COPY, x=place, y=to, m=1, n=size)

        wanted = [
            Sink(node, use=copy(place, node.shape.size)) if read else Sink(node, place)
            for node, place in zip(sinks, places, strict=True)
        ]
        write(self.graph, program, wanted)
        return program, places

    def run(
        self, sinks: list[Node], bits: int = 64, program_type: type[Program] = Program, read: bool = False
    ) -> list[np.ndarray]:  # fmt: skip
        """Return the stored numbers of some nodes, (rows, groups, line)."""
        program, places = self.program(sinks, program_type, read)
        arena = new_arena(program.size, bits)
        # Whatever is read before it is written shows.
        arena[:] = np.nan
        for number, node in self.inputs.items():
            shape = node.shape
            assert node.place is not None
            matrix = arena[node.place : node.place + shape.size].reshape(shape.rows, max(shape.groups, 1), shape.line)
            rng = np.random.default_rng(number)
            # Of numbers that are positive, as variances are, garbage is positive too.
            least = 0.1 if (self.values[number] > 0).all() else -3.0
            matrix[:] = rng.uniform(least, 3, matrix.shape) if self.garbage[number] else 0.0
            matrix[:, :, : shape.columns] = groups_of(self.values[number], max(shape.groups, 1))
        counters, records = np.zeros(FIRST_PLAYER, np.int64), np.zeros((1, len(RECORDED)))
        execute(program.instructions, program.constants, arena, counters, PLAN, 0, records, 1)
        return [
            arena[place : place + node.shape.size]
            .reshape(node.shape.rows, max(node.shape.groups, 1), node.shape.line)
            .copy()
            for node, place in zip(sinks, places, strict=True)
        ]

    def check(self, *sinks: Node, tolerance: float = 1e-11) -> None:
        """Hold nodes to what NumPy makes of them."""
        expected = evaluate(self.graph, self.values)
        for read in (False, True):
            for node, found in zip(sinks, self.run(list(sinks), read=read), strict=True):
                assert_close(samples(node, found), expected[node.number], tolerance)


def samples(node: Node, stored: np.ndarray) -> np.ndarray:
    return stored[:, :, : node.shape.columns].reshape(len(stored), -1)


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * (1 + np.abs(expected).max()))


# Every operation: its value, its derivative, and the derivatives of that.

Case = Callable[[Table, int], Node]


def nearness_to(t: Table, n: int, others: int) -> Node:
    constant = t.input(6, others, 1)
    t.constants.add(constant.number)
    return t.graph.nearness(t.input(6, n, 1, apart(6, n, t.seed)), constant, 2)


def apart(rows: int, columns: int, seed: int) -> np.ndarray:
    """Return numbers of which no two of a row are closer than a tenth."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(columns) for _ in range(rows)]) * 0.2 + rng.uniform(-0.05, 0.05, (rows, columns))


def away(t: Table, rows: int, batch: int, *points: float, groups: int = 1) -> Node:
    """Make an input that stays away from some numbers, and has both signs."""
    value = t.rng.normal(size=(rows, batch * groups))
    for point in points:
        near = np.abs(value - point) < 0.02
        value = np.where(near, value + 0.1, value)
    return t.input(rows, batch, groups, value)


def positive(t: Table, rows: int, batch: int) -> Node:
    return t.input(rows, batch, 1, t.rng.uniform(0.5, 2, (rows, batch)))


def pull_of(name: str, order: int) -> Case:
    def case(t: Table, n: int) -> Node:
        x = away(t, 3, n, 0.0)
        t.graph.activate(activation.CODES[name], x)
        return t.graph.pull(activation.CODES[name], order, x, t.input(3, n, 1))

    return case


def activate(name: str) -> Case:
    return lambda t, n: t.graph.activate(activation.CODES[name], away(t, 3, n, 0.0))


def on_pairs(operation: str) -> Case:
    def case(t: Table, n: int) -> Node:
        x = t.input(6, n, 1, apart(n, 6, t.seed).T)
        return getattr(t.graph, operation)(t.input(6 if operation == "select" else 3, n, 1), x)

    return case


CASES: dict[str, Case] = {
    "apply": lambda t, n: t.graph.apply(t.input(3, 4), t.input(3, n, 1)),
    "apply-wide": lambda t, n: t.graph.apply(t.input(17, 18), t.input(17, n, 1)),
    "apply-groups": lambda t, n: t.graph.apply(t.input(3, 4), t.input(3, n, 2)),
    "lift": lambda t, n: t.graph.lift(t.input(3, 4), t.input(4, n, 1)),
    "outer": lambda t, n: t.graph.outer(t.input(3, n, 1), t.input(4, n, 1, garbage=False)),
    "outer-wide": lambda t, n: t.graph.outer(t.input(19, n, 1, garbage=False), t.input(17, n, 1)),
    "outer-whole": lambda t, n: t.graph.outer(t.input(16, n, 1), t.input(32, n, 1, garbage=False)),
    "outer-groups": lambda t, n: t.graph.outer(t.input(3, n, 3, garbage=False), t.input(18, n, 3)),
    "combine": lambda t, n: t.graph.combine(t.input(3, n, 1), t.input(3, n, 1), 2.0, -3.0, 0.5),
    "combine-one": lambda t, n: t.graph.combine(t.input(3, n, 1), a=2.0, c=0.5),
    "multiply": lambda t, n: t.graph.multiply(t.input(3, n, 1), t.input(3, n, 1)),
    "exp": lambda t, n: t.graph.exp(t.input(3, n, 1)),
    "expm1": lambda t, n: t.graph.expm1(t.input(3, n, 1)),
    **{f"power-{e}": lambda t, n, e=e: t.graph.power(positive(t, 3, n), e) for e in (0.5, -0.5, -1.0, 3.0)},
    "clamp": lambda t, n: t.graph.clamp(away(t, 3, n, 0.7, -0.7), 0.7),
    "within": lambda t, n: t.graph.within(away(t, 3, n, 0.7, -0.7), t.input(3, n, 1), 0.7),
    **{f"activate-{name}": activate(name) for name in activation.CODES if name != "linear"},
    **{f"pull-{name}-1": pull_of(name, 1) for name in activation.CODES if name != "linear"},
    **{f"pull-{name}-2": pull_of(name, 2) for name in SMOOTH},
    "add_bias": lambda t, n: t.graph.add_bias(t.input(3, n, 2), t.input(3, 1)),
    "row_sum": lambda t, n: t.graph.row_sum(t.input(3, n, 2)),
    "spread_rows": lambda t, n: t.graph.spread_rows(t.input(3, 1), Shape(1, n, 2)),
    "row_dot": lambda t, n: t.graph.row_dot(t.input(3, n, 2), t.input(3, n, 2)),
    "scale_rows": lambda t, n: t.graph.scale_rows(t.input(3, n, 2), t.input(3, 1)),
    "column_sum": lambda t, n: t.graph.column_sum(t.input(3, n, 2)),
    "spread_columns": lambda t, n: t.graph.spread_columns(t.input(1, n, 2), 3),
    "column_dot": lambda t, n: t.graph.column_dot(t.input(3, n, 2), t.input(3, n, 2)),
    "scale_columns": lambda t, n: t.graph.scale_columns(t.input(3, n, 2), t.input(1, n, 2)),
    "total": lambda t, n: t.graph.total(t.input(3, n, 2)),
    "mean": lambda t, n: t.graph.mean(t.input(1, n, 2)),
    "spread": lambda t, n: t.graph.spread(t.input(1, 1), Shape(3, n, 2)),
    "dot": lambda t, n: t.graph.dot(t.input(3, n), t.input(3, n)),
    "scale_by": lambda t, n: t.graph.scale_by(t.input(3, n), t.input(1, 1)),
    "scale_by-batch": lambda t, n: t.graph.scale_by(t.input(3, n, 1), t.input(1, 1)),
    "same": lambda t, n: t.graph.same(t.input(3, n, 1)),
    "join": lambda t, n: t.graph.join([t.input(3, n, 1), t.input(3, n, 1), t.input(3, n, 1)]),
    "part": lambda t, n: t.graph.part(t.input(3, n, 3), 1),
    "part-of-a-row": lambda t, n: t.graph.part(t.input(1, n, 3), 2),
    "embed": lambda t, n: t.graph.embed(t.input(3, n, 1), 1, 3),
    "stack": lambda t, n: t.graph.stack(t.input(3, n, 1), t.input(2, n, 1)),
    "rows": lambda t, n: t.graph.rows(t.input(5, n, 1), 2, 2),
    "pad_rows": lambda t, n: t.graph.pad_rows(t.input(2, n, 1), 2, 5),
    "pack": lambda t, n: t.graph.pack(t.input(2, 3 * n, 1), 3),
    "unpack": lambda t, n: t.graph.unpack(t.input(6, n, 1), 3),
    "select": on_pairs("select"),
    "unselect": on_pairs("unselect"),
    "nearness": lambda t, n: nearness_to(t, n, 7),
    "nearness-to-many": lambda t, n: nearness_to(t, n, 33),
    "closeness": lambda t, n: t.graph.closeness(t.input(6, n, 1, apart(6, n, t.seed)), [], 2),
    "closeness-along": lambda t, n: t.graph.closeness(
        t.input(4, n, 1, apart(4, n, t.seed)), [t.input(4, n, 1)], 2
    ),
    "closeness_pull": lambda t, n: t.graph.closeness_pull(
        t.input(6, n, 1, apart(6, n, t.seed)), t.input(2, n, 1), []
    ),
    "closeness_pull-along": lambda t, n: t.graph.closeness_pull(
        t.input(4, n, 1, apart(4, n, t.seed)), t.input(2, n, 1), [t.input(4, n, 1)]
    ),
}  # fmt: skip
ORDERS = {"nearness": 1, "nearness-to-many": 1, "closeness-along": 2, "closeness_pull": 2, "closeness_pull-along": 1}
"""Derivatives that are taken where it is not three: minibatch features are differentiated three times in all, once
where they are only shown."""
ORDERS |= {f"pull-{name}-{order}": 3 - order for name in SMOOTH for order in (1, 2)}


def scalar(graph: Graph, x: Node, y: Node) -> Node:
    """Return the scalar product of two matrices of one shape."""
    return graph.total(graph.multiply(x, y)) if x.shape.groups else graph.dot(x, y)


@dataclass
class Derived:
    """An operation on inputs with its derivatives of several orders: the loss of each order and its gradient."""

    table: Table
    value: Node
    wanted: list[Node]
    losses: list[Node]
    gradients: list[list[Node | None]]

    @property
    def slopes(self) -> list[Node]:
        return [slope for gradient in self.gradients for slope in gradient if slope is not None]


def derived(name: str, batch: int) -> Derived:
    t = Table(len(name) + batch)
    value = CASES[name](t, batch)
    wanted = [node for node in t.inputs.values() if node.number not in t.constants]
    found = Derived(t, value, wanted, [scalar(t.graph, value, t.like(value))], [])
    for order in range(ORDERS.get(name, 3)):
        found.gradients.append(t.graph.gradient(found.losses[order], wanted))
        # The derivative along a direction is differentiated next.
        loss = None
        for slope in found.gradients[order]:
            if slope is not None:
                share = scalar(t.graph, slope, t.like(slope))
                loss = share if loss is None else t.graph.combine(loss, share)
        if loss is None or order + 1 == ORDERS.get(name, 3):
            break
        found.losses.append(loss)
    return found


def differences(t: Table, loss: Node, wanted: Node) -> np.ndarray:
    """Differentiate what NumPy makes of a loss in one input, with an error of the fourth power of the step."""
    value, step = t.values[wanted.number], 2e-4
    found = np.zeros_like(value)
    for place in np.ndindex(value.shape):
        ends = []
        for factor in (-2, -1, 1, 2):
            moved = value.copy()
            moved[place] += factor * step
            ends.append(evaluate(t.graph, {**t.values, wanted.number: moved})[loss.number].item())
        found[place] = (8 * (ends[2] - ends[1]) - (ends[3] - ends[0])) / (12 * step)
    return found


@pytest.mark.parametrize("name", CASES)
def test_derivatives_of_an_operation_are_those_of_numpy(name):
    """Of three orders, where there are; those of NumPy are by differences."""
    own = derived(name, 3)
    for loss, slopes in zip(own.losses, own.gradients, strict=True):
        for node, slope in zip(own.wanted, slopes, strict=True):
            expected = differences(own.table, loss, node)
            if slope is None:
                assert not expected.any()
            else:
                (found,) = own.table.run([slope])
                assert_close(samples(slope, found), expected, 1e-7)


@pytest.mark.parametrize("batch", [1, 5, 16, 17])
@pytest.mark.parametrize("name", CASES)
def test_what_lies_in_the_padding_never_leaks(name, batch):
    """Neither into what an operation gives nor into its derivatives; in those the padding is zero."""
    own = derived(name, batch)
    wanted = [own.value, *own.slopes]
    # The derivative in a derivative is a value again.
    zero = {slope.number for slopes in own.gradients for node, slope in zip(own.wanted, slopes, strict=True)
            if slope is not None and own.table.garbage[node.number]}  # fmt: skip
    expected = evaluate(own.table.graph, own.table.values)
    for bits, tolerance in ((64, 1e-10), (32, 1e-3)):
        for node, found in zip(wanted, own.table.run(wanted, bits), strict=True):
            assert np.isfinite(found).all()
            assert_close(samples(node, found), expected[node.number], tolerance)
            if node.number in zero:
                assert not found[:, :, node.shape.columns :].any()


def test_every_operation_with_a_derivative_is_among_these():
    met = {node.name for name in CASES for node in derived(name, 2).table.graph.nodes}
    assert set(RULES) <= met
    assert set(REFERENCE) == {*RULES, "fill", "nearness_pull"}


def test_a_function_has_no_derivatives_that_are_not_known():
    g = Graph()
    x = g.given(0, Shape(1, 1, 1))
    y = x
    for _ in range(activation.ORDERS):
        y = g.activate(activation.TANH, x) if y is x else g.gradient(g.total(y), [x])[0]
    third = g.gradient(g.total(y), [x])[0]
    with pytest.raises(NotImplementedError, match="order 3"):
        g.gradient(g.total(third), [x])


def test_a_loss_that_does_not_depend_on_a_node_has_no_derivative_in_it():
    g = Graph()
    x, y = (g.given(16 * place, Shape(1, 1, 1)) for place in range(2))
    loss = g.total(g.exp(x))
    assert g.gradient(loss, [y]) == [None]
    slopes = g.gradient(loss, [x, y])
    assert slopes[0] is not None
    assert slopes[1] is None
    # Of relu and maxout nothing is left but what they choose.
    kinked = g.total(g.activate(activation.RELU, g.scale(x, 2.0)))
    (slope,) = g.gradient(kinked, [x])
    assert g.gradient(g.total(slope), [x]) == [None]


# What could go wrong when a program is written. x is no input, so that it may be overwritten.


def hazards(t: Table, n: int) -> dict[str, list[Node]]:
    g = t.graph
    square, wide, bias = t.input(3, 3), t.input(3, 17), t.input(3, 1)
    given = t.input(3, n, 1)
    relu, leaky, tanh, softplus = (activation.RELU, activation.LEAKY_RELU, activation.TANH, activation.SOFTPLUS)

    def x() -> Node:
        """Make a matrix whose place is free after its last use."""
        return g.exp(g.scale(given, 0.3 + 0.01 * len(g.nodes)))

    def zero_padded() -> Node:
        return g.scale_rows(x(), bias)

    a, b, c, d, e, f, h, i, j, k, m, o, p, q, r = (x() for _ in range(15))
    product, sum_, stacked = g.apply(square, a), g.lift(square, b), g.stack(c, d)
    before = g.add_bias(g.apply(square, e), bias)
    outer = g.outer(zero_padded(), zero_padded())
    again = g.combine(outer, square)
    activated = g.activate(relu, g.apply(square, f))
    g.activate(tanh, r)
    g.activate(softplus, q)
    joined = g.join([g.rows(h, 0, 1), g.rows(h, 1, 1)])
    return {
        "a product that is added to what it reads": [g.combine(sum_, b)],
        "the same the other way round": [g.combine(i, g.apply(square, i))],
        "a product that is added to another of the same": [g.combine(g.apply(square, j), g.lift(square, j))],
        "a product that is added to itself": [g.combine(product, product)],
        "a product that is stored and goes on": [product, g.activate(relu, product)],
        "a sum with a bias that is stored and goes on": [before, g.activate(leaky, before)],
        "a product whose activation is used twice": [g.multiply(activated, activated), activated],
        "one matrix twice": [g.multiply(k, k)],
        "one matrix twice in a sum": [g.combine(m, m, 2.0, -0.5)],
        "one matrix twice in a stack": [g.stack(o, o)],
        "one matrix twice side by side": [g.join([p, p])],
        "parts of a stack": [g.combine(g.rows(stacked, 0, 3), g.rows(stacked, 3, 3)), g.rows(stacked, 1, 4)],
        "a row of a matrix as its columns' factors": [g.scale_columns(x_ := x(), g.rows(x_, 0, 1))],
        "its last row as well": [g.scale_columns(x_ := x(), g.rows(x_, 2, 1))],
        "a row added to a row of the same matrix": [g.combine(g.rows(x_ := x(), 0, 1), g.rows(x_, 1, 1))],
        "a matrix times its own sum": [g.scale_by(x_ := x(), g.total(x_))],
        "rows times their own sums": [g.scale_rows(x_ := x(), g.row_sum(x_))],
        "columns times their own sums": [g.scale_columns(x_ := x(), g.column_sum(x_))],
        "part of a row of several batches": [g.part(joined, 1), g.exp(g.part(joined, 0)), joined],
        "the same matrix under another name": [g.combine(g.same(x_ := x()), g.exp(x_))],
        "a part that is read after the whole is gone": [
            g.multiply(g.rows(x_ := x(), 1, 1), g.column_sum(g.exp(x_))), g.multiply(y_ := g.rows(z_ := x(), 0, 1),
                                                                                     g.column_sum(g.exp(z_))), y_,
        ],
        "another name of another name": [g.exp(g.rows(g.same(g.rows(x(), 1, 2)), 1, 1))],
        "other names alone": [g.same(given), g.rows(given, 1, 1)],
        "an input": [given],
        "one node twice": [again, again],
        "a sum that starts from a stored product": [outer, again],
        "sums of three": [
            g.combine(g.combine(g.outer(zero_padded(), x()), square), g.outer(x(), zero_padded())),
            g.combine(g.combine(g.combine(square, g.outer(zero_padded(), x())), outer), again),
        ],
        "a wide sum of three": [
            g.combine(g.combine(g.outer(zero_padded(), y_ := g.apply(wide, x())), wide), g.outer(zero_padded(), y_))
        ],
        "a derivative of what it multiplies": [g.pull(tanh, 1, r, r), g.pull(softplus, 1, q, q)],
        "a derivative's multiple of a product": [g.pull(relu, 1, g.nodes[activated.number].inputs[0], x())],
        "a bound of what it cuts": [g.within(x_ := x(), x_, 1.0), g.within(x(), g.clamp(x(), 0.9), 0.95)],
        "maxout of itself": [g.select(x_ := g.stack(x(), x()), x_), g.unselect(x(), g.stack(x(), x()))],
        "several products of one": [
            g.lift(square, y_ := g.activate(relu, g.apply(square, x()))), g.apply(square, y_),
            g.outer(zero_padded(), y_),
        ],
    }  # fmt: skip


HAZARDS = list(hazards(Table(), 5))


@pytest.mark.parametrize("batch", [1, 5, 16, 40])
@pytest.mark.parametrize("name", HAZARDS)
def test_nothing_is_overwritten_that_is_still_read(name, batch):
    t = Table(batch)
    t.check(*hazards(t, batch)[name])


def test_all_hazards_at_once():
    t = Table(3)
    t.check(*(node for nodes in hazards(t, 5).values() for node in nodes))


# Graphs at random.


class Hoarder(Program):
    """Never gives the same place twice."""

    def release(self, place: int, size: int) -> None:
        """Keep what is given back."""


def one_row(draw, pool: list[Node]) -> Node:
    return draw(st.sampled_from([node for node in pool if node.shape.rows == 1]))


def like_it(draw, pool: list[Node], x: Node) -> Node:
    return draw(st.sampled_from([node for node in pool if node.shape == x.shape]))


def layer(t: Table, x: Node, draw) -> Node:
    """Make what networks are made of, some parts of it left out."""
    g, width = t.graph, draw(st.sampled_from([1, 2, 3, 18]))
    y = g.apply(t.input(x.shape.rows, width), x) if draw(st.booleans()) else g.lift(t.input(width, x.shape.rows), x)
    if draw(st.booleans()):
        y = g.add_bias(y, t.input(width, 1))
    return g.activate(draw(st.sampled_from([*range(9)])), y)


def squashed(t: Table, x: Node, draw) -> Node:
    return t.graph.activate(draw(st.sampled_from([activation.TANH, activation.SINE, activation.SIGMOID])), x)


STEPS: list[Callable] = [
    layer, layer, squashed,
    lambda t, x, draw, pool: t.graph.combine(
        x, like_it(draw, pool, x), *(draw(st.sampled_from([1.0, 1.0, -0.5])) for _ in range(2))
    ),
    lambda t, x, draw: t.graph.combine(t.graph.lift(t.input(x.shape.rows, x.shape.rows), x), x),
    lambda t, x, draw, pool: t.graph.multiply(x, like_it(draw, pool, x)),
    lambda t, x, draw, pool: t.graph.scale_columns(x, one_row(draw, pool)),
    lambda t, x, draw: t.graph.scale_columns(x, t.graph.rows(x, draw(st.integers(0, x.shape.rows - 1)), 1)),
    lambda t, x, draw, pool: t.graph.spread_columns(one_row(draw, pool), 3),
    lambda t, x, draw, pool: t.graph.column_dot(x, like_it(draw, pool, x)),
    lambda t, x, draw: t.graph.column_sum(x),
    lambda t, x, draw: t.graph.same(x),
    lambda t, x, draw: t.graph.rows(x, draw(st.integers(0, x.shape.rows - 1)), 1),
    lambda t, x, draw, pool: t.graph.stack(x, draw(st.sampled_from(pool))),
    lambda t, x, draw: t.graph.pad_rows(x, 1, x.shape.rows + 2),
    lambda t, x, draw, pool: t.graph.part(t.graph.join([x, like_it(draw, pool, x)]), draw(st.integers(0, 1))),
    lambda t, x, draw: t.graph.scale_rows(x, t.graph.row_dot(x, x)),
    lambda t, x, draw: t.graph.combine(x, t.graph.spread_rows(t.graph.row_sum(x), x.shape), 1.0, -0.2),
    lambda t, x, draw: t.graph.multiply(x, t.graph.spread(t.graph.mean(t.graph.column_dot(x, x)), x.shape)),
    lambda t, x, draw, pool: t.graph.select(t.graph.stack(x, y := like_it(draw, pool, x)), t.graph.stack(x, y)),
]  # fmt: skip


@st.composite
def graphs(draw) -> tuple[Table, list[Node]]:
    """Draw a graph with first and second derivatives, and some of its nodes that are wanted."""
    t = Table(draw(st.integers(0, 2**16)))
    batch = draw(st.sampled_from([1, 2, 5, 16, 17]))
    pool = [t.input(rows, batch, 1) for rows in (1, *draw(st.lists(st.integers(1, 4), max_size=2)))]
    for _ in range(draw(st.integers(1, 12))):
        step, x = draw(st.sampled_from(STEPS)), draw(st.sampled_from(pool[-3:]))
        pool.append(step(t, x, draw, pool) if step.__code__.co_argcount == 4 else step(t, x, draw))
    sinks = draw(st.lists(st.sampled_from(pool), max_size=3))
    places = draw(st.lists(st.sampled_from([*pool, *t.inputs.values()]), min_size=1, max_size=4))
    loss = scalar(t.graph, pool[-1], t.like(pool[-1]))
    for _ in range(draw(st.integers(0, 2))):
        slopes = [slope for slope in t.graph.gradient(loss, places) if slope is not None]
        if not slopes:
            break
        sinks += slopes
        loss = scalar(t.graph, slopes[0], t.like(slopes[0]))
    return t, [*sinks, loss]


@settings(deadline=None, max_examples=300)
@given(graphs(), st.booleans())
def test_graphs_at_random_are_numpys_and_no_two_matrices_overlap(drawn, read):
    t, sinks = drawn
    note(repr(t))
    with np.errstate(all="ignore"):
        expected = evaluate(t.graph, t.values)
        # Where kinks are near, or little is left of large numbers, rounding decides.
        rng = np.random.default_rng(0)
        moved = {n: value * (1 + 1e-12 * rng.normal(size=value.shape)) for n, value in t.values.items()}
        other = evaluate(t.graph, moved)
        assume(all(np.abs(value).max(initial=0) < 1e6 for value in expected.values()))
        assume(all(np.abs(expected[n] - other[n]).max(initial=0) < 1e-7 for n in expected))
    found = t.run(sinks, read=read)
    for node, stored in zip(sinks, found, strict=True):
        assert_close(samples(node, stored), expected[node.number], 1e-7)
    # Memory that is never used again: the same bits. Nothing done in place: the same numbers.
    for one, another in zip(found, t.run(sinks, program_type=Hoarder, read=read), strict=True):
        assert one.tobytes() == another.tobytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lowering, "IN_PLACE", frozenset())
        for one, another in zip(found, t.run(sinks, read=read), strict=True):
            np.testing.assert_allclose(one, another, rtol=1e-12, atol=1e-12)


# Memory.


@given(st.lists(st.one_of(st.integers(1, 300), st.integers(-20, -1)), max_size=60))
def test_what_is_allocated_overlaps_nothing_that_is(sizes):
    """A negative number gives back what was allocated so many before."""
    program, live, most = Program(40), [], 0
    for size in sizes:
        if size > 0:
            place = program.allocate(size)
            assert place % 16 == 0
            assert place >= 40
            assert all(place + size <= start or start + other <= place for start, other in live)
            assert place + size <= program.size
            live.append((place, size))
            most = max(most, sum(-(-other // 16) * 16 for _, other in live))
        elif live:
            program.release(*live.pop(size % len(live)))
    for place, size in live:
        program.release(place, size)
    # All is one piece again.
    assert program.allocate(program.size - 48) == 48
    assert program.size <= 48 + 60 * 304
    assert most <= program.size


def test_a_program_gives_back_all_that_it_took():
    t = Table()
    nodes = [node for nodes in hazards(t, 17).values() for node in nodes]
    program, places = t.program(nodes)
    size = program.size
    taken = sum(-(-node.shape.size // 16) * 16 for node in nodes)
    assert program.allocate(size - t.space.size - taken) + size - t.space.size - taken <= size
    assert len(set(places)) == len(places)


def test_instructions_that_nobody_wants_are_not_written():
    t = Table()
    x = t.input(3, 5, 1)
    t.graph.exp(t.graph.exp(x))
    program, _ = t.program([t.graph.total(x)])
    assert program.instructions[:, 0].tolist() == [Operation.TOTAL]
    assert SCALAR.size == 1
