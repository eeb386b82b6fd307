"""Penalties on the discriminator's slope, as expressions that are added to its loss.

gradient: Gulrajani et al. (2017), equation 3; one-sided: their section 4 and Petzka, Fischer and Lukovnikov (2018);
dragan: Kodali et al. (2017); r1, r2: Mescheder, Geiger and Nowozin (2018), equations 9 and 10, both as in Huang et
al. (2024); consensus: Mescheder, Nowozin and Geiger, "The numerics of GANs" (2017), section 4, is
`ganviz.engine.position.Position.consensus`, for it concerns both players.
"""

from __future__ import annotations

from ganviz.experiment.sections import Penalty

from .graph import Graph, Node
from .objective import relu

BETWEEN = ("gradient", "one-sided")
"""Penalties at points between real and fake samples, which need weights for mixing them."""
DRAGAN = "dragan"
ON_REAL = ("r1", "r1-r2")
ON_FAKE = ("r2", "r1-r2")
CONSENSUS = "consensus"
SPREAD = 0.5
"""Points of dragan lie within this many standard deviations of the real samples."""


def squared_slope(g: Graph, outputs: Node, points: Node) -> Node:
    """Return the squared length of the derivative of the outputs' sum at each point: (1, batch)."""
    (slope,) = g.gradient(outputs, [points], g.fill(1.0, outputs.shape))
    if slope is None:
        return g.fill(0.0, outputs.shape)
    return g.column_dot(slope, slope)


def slope_penalty(g: Graph, penalty: Penalty, outputs: Node, points: Node) -> Node:
    """Return weight E (|slope| - target)^2, one-sided: of what the slope exceeds the target by."""
    distance = g.combine(g.power(squared_slope(g, outputs, points), 0.5), c=-penalty.target)
    if penalty.kind == "one-sided":
        distance = relu(g, distance)
    return g.scale(g.mean(g.multiply(distance, distance)), penalty.weight)


def zero_penalty(g: Graph, penalty: Penalty, outputs: Node, points: Node) -> Node:
    """Return weight / 2 E |slope|^2."""
    return g.scale(g.mean(squared_slope(g, outputs, points)), 0.5 * penalty.weight)
