"""Networks as a layout of parameters: which layer has its weight and bias where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from . import activation

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Layer:
    """A dense layer: sizes, activation code, and places of weight and bias in the network's flat parameters."""

    inputs: int
    outputs: int
    activation: int
    weight: int
    bias: int | None


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron over flat parameters."""

    layers: tuple[Layer, ...]

    @classmethod
    def dense(cls, widths: Sequence[int], hidden: str, output: str, bias: bool) -> Network:
        """Lay out a network with the given widths from input to output, and activations by name."""
        layers: list[Layer] = []
        place = 0
        for index, (inputs, outputs) in enumerate(pairwise(widths)):
            code = activation.CODES[output if index == len(widths) - 2 else hidden]
            end = place + inputs * outputs
            layers.append(Layer(inputs, outputs, code, place, end if bias else None))
            place = end + (outputs if bias else 0)
        return cls(tuple(layers))

    @property
    def inputs(self) -> int:
        """Numbers that go in for one sample."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Numbers that come out for one sample."""
        return self.layers[-1].outputs

    @property
    def size(self) -> int:
        """Number of weights and biases."""
        return sum(layer.outputs * (layer.inputs + (layer.bias is not None)) for layer in self.layers)

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
