"""The stage in two dimensions: samples over the discriminator's surface, and where the fakes are pulled."""

from __future__ import annotations

import numpy as np

from ganviz.run import Frame

from .common import AVERAGED, data_axes, is_critic, is_probability, judgement, judgement_label
from .scene import Arrows, Image, Layer, Points, Scene, Text

ARROWS = 80
SHORTEST = 1e-6
"""Arrows shorter than this share of the longest do not settle the scale."""
LONGEST = 0.07
"""Length of all but the longest arrows, as a share of the picture's width."""


def plane(frame: Frame) -> Scene:
    """Draw samples, surface and pulls of a two-dimensional frame."""
    x, y = data_axes(frame)
    layers: list[Layer] = [*_surface(frame)]
    layers.append(Points("real", "real", "real", xy=frame.real, size=2.6, opacity=0.75))
    layers.append(Points("fake", "fake", "fake", xy=frame.fake, size=2.4, opacity=0.6))
    if frame.average is not None:
        layers.append(Points("average", "average", AVERAGED, xy=frame.average, size=2.4, opacity=0.6))
    layers += _arrows(frame)
    layers += _outside(frame)
    title = frame.experiment.title or "Samples and discriminator"
    return Scene("plane", title, x, y, tuple(layers), equal=bool(frame.experiment.table is None))


def _surface(frame: Frame) -> list[Layer]:
    surface = frame.surface
    if surface is None:
        return []
    values = judgement(frame, surface.outputs)
    levels = (0.0, 1.0)
    if not is_probability(frame):
        # Inside the box, for the corners beyond it would take most of the colours. Just before a divergence some
        # outputs may be infinite.
        inside = [
            (grid >= low) & (grid <= high) for grid, (low, high) in zip((surface.x, surface.y), frame.box, strict=True)
        ]
        known = values[np.ix_(inside[1], inside[0])]
        known = known[np.isfinite(known)]
        levels = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        if not levels[1] > levels[0]:
            half = max(1.0, abs(levels[0]))
            levels = (levels[0] - half, levels[0] + half)
    # Grid points are the middles of the cells.
    dx, dy = (surface.x[1] - surface.x[0]) / 2, (surface.y[1] - surface.y[0]) / 2
    extent = (surface.x[0] - dx, surface.x[-1] + dx, surface.y[0] - dy, surface.y[-1] + dy)
    label = "critic f" if is_critic(frame) else judgement_label(frame)
    label += ", 0 to 1" if is_probability(frame) else ", low to high"
    return [Image("surface", "discriminator", label, values=values, extent=extent, levels=levels)]


def _outside(frame: Frame) -> list[Layer]:
    """Say how many fakes the picture does not show."""
    low, high = np.array(frame.box).T
    with np.errstate(invalid="ignore"):
        share = 1.0 - float(np.mean(((frame.fake >= low) & (frame.fake <= high)).all(axis=1)))
    if share < 0.02:
        return []
    return [Text("outside", "fake", text=f"{share:.0%} of the fakes lie outside", at=(0.02, 0.04))]


def _arrows(frame: Frame) -> list[Layer]:
    pulls, norms = frame.pulls, frame.pull_norms
    if pulls is None or norms is None:
        return []
    pulls = pulls[:ARROWS]
    if not np.isfinite(pulls).all():
        return [Text("pull", "gradient", text="generator's gradient: not finite", at=(0.02, 0.97))]
    extent = np.array([high - low for low, high in frame.box])
    # Only their ratios are shown: before a divergence the lengths themselves may be too large to be squared.
    largest = float(np.abs(pulls / extent).max())
    if largest == 0.0:
        return [Text("pull", "gradient", text="generator's gradient: 0", at=(0.02, 0.97))]
    pulls = pulls / largest
    lengths = np.sqrt(((pulls / extent) ** 2).sum(axis=1))
    # Where most fakes have next to no gradient, the others' arrows are compared with the longest of them.
    typical = max(float(np.quantile(lengths, 0.9)), SHORTEST * float(lengths.max()))
    vectors = pulls * (LONGEST / typical)
    vectors *= np.minimum(1.0, 1.5 * typical / np.maximum(lengths, 1e-300))[:, None]
    # The arrows' lengths are relative, so that they can be seen at all; the size itself is said in words.
    size = float(np.median(norms))
    label = "−∇ of the generator's loss"
    if frame.experiment.instance_noise.std > 0:
        label += ", without instance noise"
    return [
        Arrows("pulls", "gradient", label, tail=frame.fake[: len(pulls)], vector=vectors),
        Text("pull", "gradient", text=f"median |∇| {size:.2g}", at=(0.02, 0.97)),
    ]
