"""Writes programs for the machine: forward and backward passes, losses, updates.

A `Program` grows by calls that read like the mathematics; each appends an instruction and returns the matrix that
the result will lie in.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import activation
from .machine import WIDTH, Operation
from .network import Network

LINE = 16
"""Matrices start at multiples of this many numbers: whole cache lines in both precisions."""


@dataclass(frozen=True)
class Matrix:
    """A place in the arena that holds a row-major matrix; a vector has one row."""

    place: int
    rows: int
    columns: int

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.rows * self.columns

    def top(self, rows: int) -> Matrix:
        """Return the first rows."""
        return Matrix(self.place, rows, self.columns)

    def bottom(self, rows: int) -> Matrix:
        """Return the last rows."""
        return Matrix(self.place + (self.rows - rows) * self.columns, rows, self.columns)


class Program:
    """A list of instructions, the constants that they read, and the size of the arena that they need.

    Parameters
    ----------
    start : int
        The part of the arena before this place belongs to others; what the program allocates lies behind it.
    """

    def __init__(self, start: int = 0) -> None:
        self._rows: list[list[int]] = []
        self._constants: list[float] = []
        self._next = start
        self.size = start

    @property
    def instructions(self) -> NDArray[np.int64]:
        """The program as the machine reads it."""
        return np.array(self._rows, dtype=np.int64).reshape(-1, WIDTH)

    @property
    def constants(self) -> NDArray[np.float64]:
        """The constants that the instructions refer to."""
        return np.array(self._constants or [0.0], dtype=np.float64)

    def matrix(self, rows: int, columns: int) -> Matrix:
        """Allocate a matrix."""
        place = -(-self._next // LINE) * LINE
        self._next = place + rows * columns
        self.size = max(self.size, self._next)
        return Matrix(place, rows, columns)

    @contextmanager
    def temporary(self) -> Generator[None]:
        """Give back, at its end, what was allocated inside."""
        before = self._next
        yield
        self._next = before

    def add(
        self, op: Operation, *, x: int = 0, y: int = 0, w: int = 0, b: int = 0, m: int = 0, k: int = 0, n: int = 0,
        s: int = 0, t: int = 0, constants: Sequence[float] = (), record: int = 0,
    ) -> None:  # fmt: skip
        """Append an instruction; the letters are those of `Operation`."""
        self._rows.append([int(op), x, y, w, b, m, k, n, s, t, len(self._constants), record])
        self._constants += [float(number) for number in constants]

    def copy(self, source: Matrix, out: Matrix) -> None:
        """Copy one matrix into another of the same size."""
        self.add(Operation.COPY, x=source.place, y=out.place, m=source.size)

    def forward(self, network: Network, parameters: int, x: Matrix) -> list[Matrix]:
        """Run a batch x (batch, inputs) through a network; return the values of all its layers."""
        values: list[Matrix] = []
        for layer in network.layers:
            y = self.matrix(x.rows, layer.outputs)
            with self.temporary():
                scratch = self.matrix(1, layer.inputs)
                bias = -1 if layer.bias is None else parameters + layer.bias
                self.add(
                    Operation.AFFINE, x=x.place, y=y.place, w=parameters + layer.weight, b=bias,
                    m=x.rows, k=layer.inputs, n=layer.outputs, s=scratch.place,
                )  # fmt: skip
            if layer.activation != activation.LINEAR:
                self.add(Operation.ACTIVATE, x=y.place, m=y.size, n=layer.activation)
            values.append(y)
            x = y
        return values

    def backward(
        self, network: Network, parameters: int, x: Matrix, values: Sequence[Matrix], delta: Matrix,
        *, gradient: int | None = None, inputs: bool = False,
    ) -> Matrix | None:  # fmt: skip
        """Take a loss's derivative back from a network's outputs.

        Parameters
        ----------
        x, values
            The batch, and what `forward` returned for it.
        delta : Matrix
            Derivative of the loss in the outputs; overwritten.
        gradient : int, optional
            Place that receives the derivative in the parameters.
        inputs : bool
            Whether the derivative in x is wanted.

        Returns
        -------
        Matrix or None
            The derivative in x, if wanted.
        """
        for index in range(len(network.layers) - 1, -1, -1):
            layer, y = network.layers[index], values[index]
            below = values[index - 1] if index else x
            if layer.activation != activation.LINEAR:
                self.add(Operation.PULL_BACK, x=y.place, y=delta.place, m=y.size, n=layer.activation)
            if gradient is not None:
                self._parameter_gradient(layer.weight, layer.bias, below, delta, gradient)
            if index == 0 and not inputs:
                return None
            lower = self.matrix(x.rows, layer.inputs)
            with self.temporary():
                scratch = self.matrix(1, layer.outputs * (layer.inputs + 1))
                self.add(
                    Operation.INPUT_GRADIENT, x=delta.place, y=lower.place, w=parameters + layer.weight,
                    m=x.rows, k=layer.inputs, n=layer.outputs, s=scratch.place,
                )  # fmt: skip
            delta = lower
        return delta

    def _parameter_gradient(self, weight: int, bias: int | None, below: Matrix, delta: Matrix, gradient: int) -> None:
        with self.temporary():
            scratch = self.matrix(1, below.rows * (below.columns + 1))
            self.add(
                Operation.WEIGHT_GRADIENT, x=below.place, y=gradient + weight, w=delta.place,
                m=below.rows, k=below.columns, n=delta.columns, s=scratch.place,
            )  # fmt: skip
        if bias is not None:
            self.add(Operation.COLUMN_SUM, x=delta.place, y=gradient + bias, m=delta.rows, n=delta.columns)
