"""What goes on inside the networks, layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 60
"""Bins of a histogram of weights."""
BEYOND_BOUND = 1.05
"""A histogram of clipped weights reaches beyond the bound by this factor."""
SILENT = {"relu": 0.0, "softplus": -math.log(1e6), "gelu": -5.2}
"""What goes into a rectifier, at or below which output and slope are 0, for the smooth ones about a millionth."""
_FLAT = math.atanh(math.sqrt(0.99))
FLAT = {"tanh": _FLAT, "sigmoid": 2.0 * _FLAT}
"""What goes into a bounded activation, beyond which on both sides its slope is less than 1 % of that at 0.

tanh' = 1 - tanh^2, and the sigmoid is (1 + tanh(x / 2)) / 2.
"""


@dataclass(frozen=True)
class LayerState:
    """One layer of a player at one step.

    Attributes
    ----------
    player : str
    index : int
        From 1.
    gradient_norm : float
        Euclidean norm of the gradient of the player's loss in the layer's weight and bias, on the batch for show.
    weight_norm : float
        Euclidean norm of its weight and bias.
    edges, counts : (bins + 1,), (bins,)
        Histogram of its weights and biases.
    bound : float
        The clip bound; 0 where there is none.
    activation : str
        Name of the activation; "output" for the last layer, "features" for the weights of minibatch features.
    dead : float
        Share of its units that are silent: a rectifier's (relu, softplus, gelu) output and slope are 0, for the smooth
        ones about a millionth, for every sample of the batch. NaN where the activation cannot be silent, and for
        output layers.
    saturated : float
        Share of (unit, sample) pairs on a flat part of a bounded activation (tanh, sigmoid; not sine), where its
        derivative is below 1 % of its largest, that of a generator's bounded output included. NaN where it has none.
    """

    player: str
    index: int
    gradient_norm: float
    weight_norm: float
    edges: Floats
    counts: NDArray[np.int64]
    bound: float
    activation: str
    dead: float
    saturated: float


def weight_histogram(weights: NDArray[np.floating], bound: float = 0.0) -> tuple[Floats, NDArray[np.int64]]:
    """Return edges (bins + 1,) and counts (bins,) of a histogram that is symmetric about 0 and leaves no weight out.

    It reaches to 1, 2 or 5 times a power of ten, so that it stays while the weights move a little; with a clip bound
    a little beyond that, as long as all weights lie within.
    """
    largest = float(np.abs(weights).max(initial=0.0))
    reach = BEYOND_BOUND * bound
    if largest > reach or bound == 0:
        reach = _round_up(largest)
    counts, edges = np.histogram(weights, bins=BINS, range=(-reach, reach))
    return edges.astype(np.float64), counts.astype(np.int64)


def _round_up(value: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below a value; 1 for 0."""
    if value == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    # The logarithm may round to the next power.
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0, 20.0) if step * power >= value)


def silent_share(activation: str, sums: NDArray[np.floating]) -> float:
    """Return the share of units that are silent for every sample; ``sums`` (n, units) go into their activation."""
    if activation not in SILENT:
        return math.nan
    return float((sums.max(axis=0) <= SILENT[activation]).mean())


def saturated_share(activation: str, sums: NDArray[np.floating]) -> float:
    """Return the share of (unit, sample) pairs on a flat part; ``sums`` (n, units) go into the activation."""
    if activation not in FLAT:
        return math.nan
    return float((np.abs(sums) > FLAT[activation]).mean())
