"""Writes an expression as a program: which of its nodes are needed, where each lies, and by which instructions.

What a product feeds anyway is done in its tile's registers: a bias, a piecewise linear activation or the
multiplication by its derivative, and the sum with what another product left. A derivative that can be had from a
function's value is, so that what went into the function need not be kept. A matrix lies where it is needed until its
last use, and what is done number by number happens in place where its input is used for the last time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import activation, linear
from .emission import EMIT
from .graph import Graph, Node
from .operation import Operation
from .program import Program, up

PRODUCTS = ("apply", "lift", "outer")
IN_PLACE = frozenset(
    {"combine", "multiply", "activate", "pull", "exp", "expm1", "power", "clamp", "within", "add_bias", "scale_rows",
     "scale_columns", "scale_by"}
)  # fmt: skip
"""Operations whose output may take the place of their first input."""


@dataclass(frozen=True)
class Sink:
    """What becomes of a node: it is stored at a place, or read by an instruction that is written for its place."""

    node: Node
    place: int | None = None
    use: Callable[[int], None] | None = None


def write(graph: Graph, program: Program, sinks: Sequence[Sink]) -> None:
    """Append to a program what computes some nodes of a graph.

    Parameters
    ----------
    graph : Graph
    program : Program
        Scratch space that it allocates for this graph is free again afterwards.
    sinks : sequence of Sink
        What is wanted.
    """
    _Writer(graph, program, sinks).write()


class _Writer:
    def __init__(self, graph: Graph, program: Program, sinks: Sequence[Sink]) -> None:
        self.graph, self.program, self.sinks = graph, program, sinks
        self.values: dict[tuple[int, int], Node] = {}
        for node in graph.nodes:
            if node.name == "activate":
                # The first: what pulls at it may come before another of the same.
                self.values.setdefault((node.options["code"], node.inputs[0].number), node)
        self.uses: dict[int, int] = {}
        self.fused: set[int] = set()
        self.start: dict[int, tuple[Node, Node | None]] = {}
        """By the number of the node that is written: the product in it, and the bias or the sum it starts from."""
        self.places: dict[int, int] = {}
        self.alias: dict[int, Node] = {}

    def write(self) -> None:
        live = self._count_uses()
        self._fuse(live)
        order = [node for node in live if node.number not in self.fused]
        last: dict[int, int] = {}
        for position, node in enumerate(order):
            for source in self._sources(node):
                last[self._owner(source).number] = position
        for sink in self.sinks:
            last[self._owner(sink.node).number] = len(order)
        targets: dict[int, int] = {}
        for sink in self.sinks:
            node = sink.node
            if sink.place is not None and node.number not in self.alias and node.name != "parameter":
                targets.setdefault(node.number, sink.place)
        self._extend(targets)
        own: dict[int, int] = {}
        for position, node in enumerate(order):
            if node.name == "parameter":
                assert node.place is not None
                self.places[node.number] = node.place
            elif node.number in self.alias:
                self.places[node.number] = self._alias_place(node)
            else:
                dying = [
                    source
                    for source in dict.fromkeys(self._owner(source) for source in self._sources(node))
                    if last[source.number] == position and source.number in own
                ]
                place = targets.get(node.number)
                taken = None
                if place is None:
                    taken = self._in_place(node, dying)
                    place = self.places[taken.number] if taken else self.program.allocate(node.shape.size)
                    own[node.number] = node.shape.size
                self.places[node.number] = place
                self._emit(node, place)
                for source in dying:
                    size = own.pop(source.number)
                    if source is not taken:
                        self.program.release(self.places[source.number], size)
                if node.number in own and node.number not in last:
                    self.program.release(place, own.pop(node.number))
        for sink in self.sinks:
            place = self.places[sink.node.number]
            if sink.place is not None and sink.place != place:
                self._copy(place, sink.place, sink.node.shape.size)
            if sink.use is not None:
                sink.use(place)
        for number, size in own.items():
            self.program.release(self.places[number], size)

    def _extend(self, targets: dict[int, int]) -> None:
        """Let what a stored sum starts from come to be where the sum is wanted."""
        for number in sorted(targets, reverse=True):
            end = number
            while end in self.start and self.graph.nodes[end].name == "combine":
                product, other = self.start[end]
                assert other is not None
                if not self._only(other) or other.place is not None or other.number in self.alias:
                    break
                if other.number in targets or other in product.inputs:
                    break
                targets[other.number] = targets[number]
                end = other.number

    # ---------------------------------------------------------------- what is needed, and what is one instruction

    def _inputs(self, node: Node) -> tuple[Node, ...]:
        """Return what a node reads: the function's value where its derivative can be had from that."""
        if node.name == "pull" and node.options["code"] not in activation.FROM_INPUT:
            value = self.values[(node.options["code"], node.inputs[1].number)]
            return (node.inputs[0], value)
        return node.inputs

    def _count_uses(self) -> list[Node]:
        live: dict[int, Node] = {}
        waiting = [sink.node for sink in self.sinks]
        for node in waiting:
            self.uses[node.number] = self.uses.get(node.number, 0) + 1
        while waiting:
            node = waiting.pop()
            if node.number in live:
                continue
            live[node.number] = node
            for source in self._inputs(node):
                self.uses[source.number] = self.uses.get(source.number, 0) + 1
                waiting.append(source)
        ordered = [live[number] for number in sorted(live)]
        for node in ordered:
            if (node.name == "part" and node.shape.rows == 1) or node.name in ("rows", "same"):
                self.alias[node.number] = node.inputs[0]
        return ordered

    def _fuse(self, live: Sequence[Node]) -> None:
        """Mark the nodes that a later one does along with its own work."""
        for node in live:
            if node.name == "combine":
                self._fuse_sum(node)
            elif node.name == "add_bias":
                product, bias = node.inputs
                if product.name in ("apply", "lift") and self._only(product):
                    self._absorb(node, product, product, bias)
            elif node.name in ("activate", "pull") and node.options["code"] in activation.PIECEWISE_LINEAR:
                inner = self._inputs(node)[0]
                if not self._only(inner):
                    continue
                if inner.name in ("apply", "lift"):
                    self._absorb(node, inner, inner, None)
                elif inner.name == "add_bias" and node.name == "activate" and inner.number in self.start:
                    self._absorb(node, inner, *self.start.pop(inner.number))

    def _absorb(self, node: Node, inner: Node, product: Node, other: Node | None) -> None:
        self.fused |= {inner.number, product.number}
        self.start[node.number] = (product, other)

    def _fuse_sum(self, node: Node) -> None:
        """Let a product start from what it is added to."""
        plain = node.options["a"] == 1.0 and node.options["b"] == 1.0 and node.options["c"] == 0.0
        if len(node.inputs) < 2 or not plain:
            return
        first, second = node.inputs
        for product, other in ((second, first), (first, second)):
            if product.name in PRODUCTS and self._only(product) and product.number not in self.fused:
                self._absorb(node, product, product, other)
                return

    def _only(self, node: Node) -> bool:
        return self.uses[node.number] == 1 and not any(sink.node is node for sink in self.sinks)

    def _sources(self, node: Node) -> list[Node]:
        """Return what the instructions of a node read, those of the nodes fused into it included."""
        if node.number not in self.start:
            return list(self._inputs(node))
        product, other = self.start[node.number]
        found = list(product.inputs)
        if other is not None:
            found.insert(0, other)
        if node.name == "pull":
            found.append(self._inputs(node)[1])
        return found

    # ---------------------------------------------------------------- where things lie

    def _owner(self, node: Node) -> Node:
        while node.number in self.alias:
            node = self.alias[node.number]
        return node

    def _alias_place(self, node: Node) -> int:
        source = node.inputs[0]
        place = self.places[source.number]
        if node.name == "part":
            return place + node.options["group"] * source.shape.line
        return place + node.options.get("start", 0) * source.shape.stored

    def _in_place(self, node: Node, dying: Sequence[Node]) -> Node | None:
        """Return the input whose place the output may take, if there is one."""
        reads: tuple[Node, ...] = ()
        first: Node | None = None
        if node.number in self.start:
            product, other = self.start[node.number]
            # A product cannot be added where it reads.
            first, reads = (other if node.name == "combine" else None), product.inputs
        elif node.name in IN_PLACE:
            first = self._inputs(node)[0]
        if first is None or first not in dying or first.shape.size != node.shape.size:
            return None
        # Nor can anything be written over a part of it that is read at other places.
        parts = [source for source in self._inputs(node)[1:] if source is not first]
        return None if any(self._owner(source) is first for source in (*reads, *parts)) else first

    # ---------------------------------------------------------------- instructions

    def _emit(self, node: Node, place: int) -> None:
        if node.number in self.start:
            self._emit_product(node, place)
        elif node.name in PRODUCTS:
            self._product(node, place, linear.FROM_ZERO, 0, linear.NOTHING, 0)
        else:
            EMIT[node.name](self.program, node, place, [self.places[source.number] for source in self._inputs(node)])

    def _emit_product(self, node: Node, place: int) -> None:
        product, other = self.start[node.number]
        start, bias, end, mask = linear.FROM_ZERO, 0, linear.NOTHING, 0
        if node.name == "combine":
            assert other is not None
            if self.places[other.number] != place:
                self._copy(self.places[other.number], place, node.shape.size)
            start = linear.FROM_OUTPUT
        elif other is not None:
            start, bias = linear.FROM_BIAS, self.places[other.number]
        if node.name in ("activate", "pull"):
            relu = node.options["code"] == activation.RELU
            if node.name == "activate":
                end = linear.RELU if relu else linear.LEAKY
            else:
                end = linear.MASK_RELU if relu else linear.MASK_LEAKY
                mask = self.places[self._inputs(node)[1].number]
        self._product(product, place, start, bias, end, mask)

    def _product(self, node: Node, place: int, start: int, bias: int, end: int, mask: int) -> None:
        left, right = node.inputs
        x, w = self.places[left.number], self.places[right.number]
        if node.name == "outer":
            self._outer(x, w, place, left.shape.rows, right.shape.rows, left.shape.stored, start)
            return
        inputs, outputs = left.shape.rows, left.shape.columns
        m, k, row_step, column_step = (
            (outputs, inputs, 1, outputs) if node.name == "apply" else (inputs, outputs, outputs, 1)
        )
        self.program.add(
            Operation.PRODUCT, x=x, w=w, y=place, b=bias, s=mask, m=m, k=k, n=node.shape.stored,
            g=row_step, v=column_step, t=start, q=end,
        )  # fmt: skip

    def _outer(self, x: int, w: int, y: int, m: int, n: int, k: int, start: int) -> None:
        """Write x (m, k) times the transpose of w (n, k), whose result is compact."""
        program, adds = self.program, start == linear.FROM_OUTPUT
        if linear.is_narrow(m, n):
            program.add(Operation.OUTER, x=x, w=w, y=y, m=m, k=k, n=n, t=int(adds))
            return
        wide = up(n)
        turned = program.allocate(k * wide)
        program.add(Operation.TRANSPOSE, x=w, y=turned, m=n, n=k, g=wide)
        fits = wide == n
        result = y if fits else program.allocate(m * wide)
        program.add(
            Operation.PRODUCT,
            x=x,
            w=turned,
            y=result,
            m=m,
            k=k,
            n=wide,
            g=k,
            v=1,
            t=start if fits else linear.FROM_ZERO,
        )
        if not fits:
            # Rows of whole vectors are cut to the compact rows of a weight.
            if adds:
                program.add(Operation.ADD_ROWS, x=result, y=y, m=m, n=n, k=wide, v=n)
            else:
                program.add(Operation.COPY, x=result, y=y, m=m, n=n, k=wide, v=n)
            program.release(result, m * wide)
        program.release(turned, k * wide)

    def _copy(self, source: int, place: int, size: int) -> None:
        self.program.add(Operation.COPY, x=source, y=place, m=1, n=size)
