"""The stage in two dimensions: samples over the discriminator's surface, and where the fakes are pulled."""

from __future__ import annotations

import numpy as np

from ganviz.run import Frame

from .common import AVERAGED, Floats, data_axes, is_critic, is_probability, judgement, judgement_label, missing_modes
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
    layers += missing_rings(frame)
    layers += _outside(frame)
    title = frame.experiment.title or "Samples and discriminator"
    return Scene("plane", title, x, y, tuple(layers), equal=bool(frame.experiment.table is None))


def _surface(frame: Frame) -> list[Layer]:
    surface = frame.surface
    if surface is None:
        return []
    values = judgement(frame, surface.outputs)
    label = "critic f" if is_critic(frame) else judgement_label(frame)
    return [surface_image(frame, "surface", label, surface.x, surface.y, values)]


def surface_image(frame: Frame, name: str, label: str, x: Floats, y: Floats, values: Floats) -> Image:
    """Return the image of what a discriminator says over a grid, in the colours of the learned one."""
    # Grid points are the middles of the cells.
    dx, dy = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    extent = (x[0] - dx, x[-1] + dx, y[0] - dy, y[-1] + dy)
    label += ", 0 to 1" if is_probability(frame) else ", low to high"
    return Image(name, "discriminator", label, values=values, extent=extent, levels=_levels(frame))


def _levels(frame: Frame) -> tuple[float, float]:
    surface = frame.surface
    if is_probability(frame) or surface is None:
        return (0.0, 1.0)
    # Inside the box, for the corners beyond it would take most of the colours. Just before a divergence some
    # outputs may be infinite.
    inside = [
        (grid >= low) & (grid <= high) for grid, (low, high) in zip((surface.x, surface.y), frame.box, strict=True)
    ]
    known = surface.outputs[np.ix_(inside[1], inside[0])]
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    half = 0.0 if high > low else max(1.0, abs(low))
    return low - half, high + half


def missing_rings(frame: Frame) -> list[Layer]:
    """Return the marks of the modes that are not captured."""
    missing = missing_modes(frame)
    if not len(missing):
        return []
    return [Points("missing", "accent", "missing mode", xy=missing, size=11.0, opacity=1.0, mark="missing")]


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
