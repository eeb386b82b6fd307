"""The instructions of each operation of an expression, once it is known where its matrices lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .graph import Node, Shape
from .operation import Operation
from .program import Program

Emit = Callable[[Program, Node, int, list[int]], None]


def _numbers(operation: Operation, *constants: str) -> Emit:
    """Emit an instruction that goes number by number, with the options that it has as constants."""

    def emit(program: Program, node: Node, y: int, places: list[int]) -> None:
        x, *more = places
        values = [node.options[name] for name in constants]
        program.add(operation, x=x, y=y, w=more[0] if more else 0, m=node.shape.size, constants=values)

    return emit


def _shaped(operation: Operation, of: str = "input") -> Emit:
    """Emit an instruction that knows rows, columns and samples, those of its first input or of its output."""

    def emit(program: Program, node: Node, y: int, places: list[int]) -> None:
        shape: Shape = node.inputs[0].shape if of == "input" else node.shape
        x, *more = [*places, 0]
        constants = (node.options["value"],) if "value" in node.options else (0.0,)
        program.add(operation, x=x, y=y, w=more[0] if more else 0, constants=constants, **_samples(shape))

    return emit


def _samples(shape: Shape) -> dict[str, int]:
    return {"m": shape.rows, "n": shape.stored, "v": shape.columns, "g": max(shape.groups, 1)}


def _emit_combine(program: Program, node: Node, y: int, places: list[int]) -> None:
    o = node.options
    program.add(
        Operation.COMBINE, x=places[0], w=places[-1], y=y, m=node.shape.size, t=len(places) - 1,
        constants=(o["a"], o["b"], o["c"]),
    )  # fmt: skip


def _emit_pull(program: Program, node: Node, y: int, places: list[int]) -> None:
    start, value = places
    if start != y:
        _block(program, start, y, 1, node.shape.size, 0, 0)
    program.add(Operation.PULL, x=value, y=y, m=node.shape.size, t=node.options["code"], q=node.options["order"])


def _emit_row_sum(program: Program, node: Node, y: int, places: list[int]) -> None:
    shape = node.inputs[0].shape
    if shape.columns < shape.line:
        # What lies in the padding of a value is of no concern, whatever it is.
        program.add(Operation.ROW_SUM, x=places[0], y=y, constants=(), **_samples(shape))
        return
    # Without padding several rows at once: their scalar products with ones.
    ones = program.allocate(shape.stored)
    program.add(Operation.FILL, y=ones, m=1, n=shape.stored, v=shape.stored, constants=(1.0,))
    program.add(Operation.OUTER, x=places[0], w=ones, y=y, m=shape.rows, k=shape.stored, n=1)
    program.release(ones, shape.stored)


def _emit_activate(program: Program, node: Node, y: int, places: list[int]) -> None:
    program.add(Operation.ACTIVATE, x=places[0], y=y, m=node.shape.size, t=node.options["code"])


def _emit_add_bias(program: Program, node: Node, y: int, places: list[int]) -> None:
    program.add(Operation.ADD_BIAS, x=places[0], w=places[1], y=y, m=node.shape.rows, n=node.shape.stored)


def _emit_within(program: Program, node: Node, y: int, places: list[int]) -> None:
    bound = (node.options["bound"],)
    program.add(Operation.WITHIN, x=places[1], w=places[0], y=y, m=node.shape.size, constants=bound)


def _block(program: Program, x: int, y: int, m: int, n: int, before: int, after: int) -> None:
    program.add(Operation.COPY, x=x, y=y, m=m, n=n, k=before, v=after)


def _zero(program: Program, node: Node, y: int) -> None:
    program.add(Operation.FILL, y=y, constants=(0.0,), **_samples(node.shape))


def _emit_join(program: Program, node: Node, y: int, places: list[int]) -> None:
    line, stored = node.shape.line, node.shape.stored
    for group, place in enumerate(places):
        _block(program, place, y + group * line, node.shape.rows, line, line, stored)


def _emit_part(program: Program, node: Node, y: int, places: list[int]) -> None:
    shape = node.inputs[0].shape
    _block(program, places[0] + node.options["group"] * shape.line, y, shape.rows, shape.line, shape.stored, shape.line)


def _emit_embed(program: Program, node: Node, y: int, places: list[int]) -> None:
    shape = node.shape
    _zero(program, node, y)
    _block(program, places[0], y + node.options["group"] * shape.line, shape.rows, shape.line, shape.line, shape.stored)


def _emit_stack(program: Program, node: Node, y: int, places: list[int]) -> None:
    for source, place in zip(node.inputs, places, strict=True):
        _block(program, place, y, 1, source.shape.size, 0, 0)
        y += source.shape.size


def _emit_pad_rows(program: Program, node: Node, y: int, places: list[int]) -> None:
    _zero(program, node, y)
    start = node.options["start"] * node.shape.stored
    _block(program, places[0], y + start, 1, node.inputs[0].shape.size, 0, 0)


def _emit_pack(program: Program, node: Node, y: int, places: list[int]) -> None:
    source, size = node.inputs[0].shape, node.options["size"]
    _zero(program, node, y)
    for j in range(size):
        block = y + j * source.rows * node.shape.stored
        _block(program, places[0] + j * node.shape.columns, block, source.rows, node.shape.columns, source.stored,
               node.shape.stored)  # fmt: skip


def _emit_unpack(program: Program, node: Node, y: int, places: list[int]) -> None:
    source, size = node.inputs[0].shape, node.options["size"]
    _zero(program, node, y)
    for j in range(size):
        block = places[0] + j * node.shape.rows * source.stored
        _block(
            program, block, y + j * source.columns, node.shape.rows, source.columns, source.stored, node.shape.stored
        )


def _emit_select(program: Program, node: Node, y: int, places: list[int]) -> None:
    program.add(Operation.SELECT, x=places[1], w=places[0], y=y, m=node.shape.rows, n=node.shape.stored)


def _emit_unselect(program: Program, node: Node, y: int, places: list[int]) -> None:
    program.add(Operation.UNSELECT, x=places[1], w=places[0], y=y, m=node.shape.rows // 2, n=node.shape.stored)


def _emit_closeness(program: Program, node: Node, y: int, places: list[int]) -> None:
    x, *directions = places
    features = node.shape.rows
    _closeness(program, Operation.CLOSENESS, node, y, x, 0, directions, features, node.inputs[0].shape.rows // features)


def _emit_closeness_pull(program: Program, node: Node, y: int, places: list[int]) -> None:
    x, weights, *directions = places
    features = node.inputs[1].shape.rows
    _closeness(
        program, Operation.CLOSENESS_PULL, node, y, x, weights, directions, features, node.shape.rows // features
    )


def _closeness(
    program: Program, operation: Operation, node: Node, y: int, x: int, weights: int, directions: list[int],
    features: int, block: int,
) -> None:  # fmt: skip
    if len(directions) > 3:
        raise NotImplementedError("minibatch features are differentiated three times at most")
    first, second, third = [*directions, 0, 0, 0][:3]
    program.add(
        operation, x=x, y=y, w=first, b=second, s=third, q=weights, t=len(directions), m=features, k=block,
        n=node.shape.stored, v=node.shape.columns,
    )  # fmt: skip


def _emit_nearness(program: Program, node: Node, y: int, places: list[int]) -> None:
    x, others = node.inputs[0].shape, node.inputs[1].shape
    pull = node.name == "nearness_pull"
    features = node.inputs[2].shape.rows if pull else node.shape.rows
    program.add(
        Operation.NEARNESS_PULL if pull else Operation.NEARNESS, x=places[0], w=places[1], b=places[-1], y=y,
        m=features, k=x.rows // features, n=x.stored, v=x.columns, g=others.stored, t=others.columns,
    )  # fmt: skip


def _emit_drawn(program: Program, node: Node, y: int, places: list[int]) -> None:
    shape = node.shape
    # Room for four random words a sample.
    words = program.allocate(4 * shape.stored)
    program.add(
        node.options["operation"], y=y, w=words, m=shape.rows, n=shape.stored, v=shape.columns, **node.options["fields"]
    )
    program.release(words, 4 * shape.stored)


def _emit_computed(program: Program, node: Node, y: int, places: list[int]) -> None:
    fields: dict[str, Any] = {**dict(zip("xwb", places, strict=False)), **node.options["fields"]}
    program.add(node.options["operation"], y=y, **fields)


EMIT: dict[str, Emit] = {
    "drawn": _emit_drawn,
    "computed": _emit_computed,
    "fill": _shaped(Operation.FILL, of="output"),
    "combine": _emit_combine,
    "multiply": _numbers(Operation.MULTIPLY),
    "activate": _emit_activate,
    "pull": _emit_pull,
    "exp": _numbers(Operation.EXP),
    "expm1": _numbers(Operation.EXPM1),
    "power": _numbers(Operation.POWER, "exponent"),
    "clamp": _numbers(Operation.CLAMP, "bound"),
    "within": _emit_within,
    "add_bias": _emit_add_bias,
    "row_sum": _emit_row_sum,
    "spread_rows": _shaped(Operation.SPREAD_ROWS, of="output"),
    "row_dot": _shaped(Operation.ROW_DOT),
    "scale_rows": _shaped(Operation.SCALE_ROWS),
    "column_sum": _shaped(Operation.COLUMN_SUM),
    "spread_columns": _shaped(Operation.SPREAD_COLUMNS, of="output"),
    "column_dot": _shaped(Operation.COLUMN_DOT),
    "scale_columns": _shaped(Operation.SCALE_COLUMNS),
    "total": _shaped(Operation.TOTAL),
    "spread": _shaped(Operation.SPREAD, of="output"),
    "dot": _shaped(Operation.DOT),
    "scale_by": _numbers(Operation.SCALE_BY),
    "join": _emit_join,
    "part": _emit_part,
    "embed": _emit_embed,
    "stack": _emit_stack,
    "pad_rows": _emit_pad_rows,
    "pack": _emit_pack,
    "unpack": _emit_unpack,
    "select": _emit_select,
    "unselect": _emit_unselect,
    "nearness": _emit_nearness,
    "nearness_pull": _emit_nearness,
    "closeness": _emit_closeness,
    "closeness_pull": _emit_closeness_pull,
}
