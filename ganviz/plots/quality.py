"""How far the generated samples are from the real ones, over steps, with the noise floor of each number."""

from __future__ import annotations

from collections.abc import Mapping

from ganviz.run import Frame

from .common import curve, curve_axis, floors, hint, infinite, over_steps
from .options import PLAIN, CurveOptions
from .scene import Axis, Layer, Role, Scene, Side

SHARE = (-0.02, 1.02)


def divergences(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw KL, reverse KL and JS in nats; where one is infinite, a strip along the upper edge says so."""
    shown: dict[str, tuple[Role, str]] = {
        "kl": ("accent", "KL"),
        "reverse_kl": ("generator", "reverse KL"),
        "js": ("real", "JS"),
    }
    axis, beyond = curve_axis(frame, options, "divergence", tuple(shown), unit="nats", scale="log")
    layers = [*_curves(frame, options, shown), *infinite(frame, options, shown), *beyond]
    return _whole(frame, options, "divergences", "Divergences", axis, layers)


def distances(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw the transport distances and the energy distance, each with its standard error."""
    shown: dict[str, tuple[Role, str]] = {
        "w1": ("neutral", "W1"),
        "w2": ("real", "W2"),
        "sliced_w2": ("generator", "sliced W2"),
        "energy": ("discriminator", "energy"),
    }
    axis, beyond = curve_axis(frame, options, "distance", tuple(shown), scale="log")
    layers = [*_curves(frame, options, shown), *beyond]
    return _whole(frame, options, "distances", "Distances", axis, layers)


def fidelity(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw the shares from 0 to 1: precision, recall, high-quality samples and total variation."""
    shown: dict[str, tuple[Role, str]] = {
        "precision": ("fake", "precision"),
        "recall": ("real", "recall"),
        "high_quality": ("average", "high quality"),
        "tv": ("neutral", "TV"),
    }
    layers = _curves(frame, options, shown)
    return _whole(frame, options, "fidelity", "Fidelity", Axis("share", range=SHARE), layers)


def modes(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw the modes captured, and how unevenly they are used."""
    right: dict[str, tuple[Role, str]] = {"mode_kl": ("real", "KL over modes")}
    layers = [*_curves(frame, options, right, "right"), *curve(frame, options, "modes", "accent", "modes captured")]
    # With no mode captured at all there is no share to compare.
    layers += infinite(frame, options, right)
    most = max(1, frame.mode_count)
    count = Axis(f"modes of {most}", range=(SHARE[0] * most, SHARE[1] * most))
    return _whole(frame, options, "modes", "Modes", count, layers, Axis("KL over modes", "nats"))


def _curves(
    frame: Frame, options: CurveOptions, shown: Mapping[str, tuple[Role, str]], side: Side = "left"
) -> list[Layer]:
    """Return the noise floors of metrics, and the metrics above them."""
    layers = floors(frame, options, {name: role for name, (role, _) in shown.items()}, side)
    for name, (role, label) in shown.items():
        layers += curve(frame, options, name, role, label, side)
    return layers


def _whole(
    frame: Frame,
    options: CurveOptions,
    view: str,
    title: str,
    axis: Axis,
    layers: list[Layer],
    right: Axis | None = None,
) -> Scene:
    return over_steps(frame, options, view, title, axis, layers or [hint("not measured yet")], right)
