"""What goes on inside the networks, layer by layer."""

from __future__ import annotations

import numpy as np

from ganviz.engine.layers import LayerState
from ganviz.run import Frame

from .common import Floats, hint, is_critic, rounded_range
from .scene import Axis, Band, Layer, Line, Points, Role, Scene, Segments, Text

PLAYERS: tuple[Role, Role] = ("generator", "discriminator")
"""Both players: their names in the game are those of their roles in a picture."""
NAMED = {"output": "out", "features": "feat"}
"""Layers that are called by what they do, and how where there is little room."""
RIDGE = 0.85
"""Height of a layer's histogram, as a share of its row."""


def weights_generator(frame: Frame) -> Scene:
    """Draw histograms of the weights of the generator's layers, the first at the top."""
    return _weights(frame, "weights_generator", "generator", "generator")


def weights_discriminator(frame: Frame) -> Scene:
    """Draw histograms of the weights of the discriminator's layers, with the clip bounds."""
    return _weights(frame, "weights_discriminator", "discriminator", called("discriminator", frame))


def layer_gradients(frame: Frame) -> Scene:
    """Draw the norm of the gradient in each layer, both players side by side."""
    places, axis = _places(frame)
    layers: list[Layer] = []
    vanished = 0
    for player in PLAYERS:
        xy = np.array([[x, state.gradient_norm] for state, x in places if state.player == player]).reshape(-1, 2)
        vanished += int(np.sum(xy[:, 1] == 0))
        if len(xy):
            layers.append(Line(f"{player} line", player, x=xy[:, 0], y=xy[:, 1], width=1.2))
            layers.append(Points(player, player, called(player, frame), xy=xy, size=7.0, opacity=1.0))
    if vanished:
        layers.append(Text("vanished", "neutral", text=f"gradient 0 in {vanished} of {len(places)}", at=(0.5, 0.04)))
    layers = layers or [hint("computing …")]
    return Scene("layer_gradients", "Gradient of each layer", axis, _decades(places), tuple(layers))


def _decades(places: list[tuple[LayerState, float]]) -> Axis:
    """Return a logarithmic axis that ends at powers of ten, a little beyond all norms."""
    norms = np.array([state.gradient_norm for state, _ in places])
    norms = np.log10(norms[np.isfinite(norms) & (norms > 0)])
    if not len(norms):
        return Axis("norm", scale="log")
    low, high = np.floor(norms.min() - 0.1), np.ceil(norms.max() + 0.1)
    return Axis("norm", range=(float(10.0**low), float(10.0**high)), scale="log")


def units(frame: Frame) -> Scene:
    """Draw the share of silent units and of saturated activations in each layer, both players side by side."""
    places, axis = _places(frame)
    layers: list[Layer] = []
    for player in PLAYERS:
        for kind in ("dead", "saturated"):
            xy = np.array([[x, getattr(state, kind)] for state, x in places if state.player == player]).reshape(-1, 2)
            xy = xy[np.isfinite(xy[:, 1])]
            if not len(xy):
                continue
            name = f"{called(player, frame)}, {kind}"
            feet = xy * [1.0, 0.0]
            layers.append(Segments(f"{name} stems", player, start=feet, end=xy, width=3.0, opacity=0.6))
            layers.append(Points(name, player, name, xy=xy, size=7.0, opacity=1.0))
    if not layers:
        layers.append(hint("no layer can die or saturate" if places else "computing …"))
    share = Axis("share", range=(-0.04, 1.04))
    return Scene("units", "Dead and saturated units", axis, share, tuple(layers))


def called(player: Role, frame: Frame) -> str:
    """Return what a player is called where a discriminator may be a critic."""
    return "critic" if player == "discriminator" and is_critic(frame) else player


def _states(frame: Frame, player: Role) -> list[LayerState]:
    return [state for state in frame.layers or () if state.player == player]


def _weights(frame: Frame, view: str, player: Role, name: str) -> Scene:
    states = _states(frame, player)
    layers: list[Layer] = []
    for row, state in enumerate(states):
        foot = float(len(states) - 1 - row)
        x, heights = _outline(state.edges, state.counts)
        low = np.full_like(x, foot)
        layers.append(Band(f"layer {state.index}", player, x=x, low=low, high=foot + heights, opacity=0.45))
        layers.append(Line(f"layer {state.index} edge", player, x=x, y=foot + heights, width=1.0))
    top = max(1, len(states))
    bounds = sorted({state.bound for state in states if state.bound > 0})
    for number, bound in enumerate(bounds):
        for side, place in (("low", -bound), ("high", bound)):
            label = f"clip ±{bound:g}" if side == "high" else ""
            x, y = np.full(2, place), np.array([0.0, top])
            layers.append(Line(f"clip {side} {number}", "accent", label, x=x, y=y, width=1.4, style="dashed"))
    ticks = tuple(
        (float(len(states) - 1 - row), state.activation if state.activation in NAMED else f"layer {state.index}")
        for row, state in enumerate(states)
    )
    layers = layers or [hint("computing …")]
    ends = np.concatenate([np.empty(0), *([*state.edges, -state.bound, state.bound] for state in states)])
    rows = Axis("share of weights", range=(-0.06, top), ticks=ticks)
    across = Axis("weight", range=rounded_range(ends))
    return Scene(view, f"Weights of the {name}", across, rows, tuple(layers))


def _outline(edges: Floats, counts: np.ndarray) -> tuple[Floats, Floats]:
    """Return a histogram's outline, its highest bar as high as a row allows."""
    heights = RIDGE * counts / max(float(counts.max(initial=0)), 1.0)
    return np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])


def _places(frame: Frame) -> tuple[list[tuple[LayerState, float]], Axis]:
    """Return each layer with its place along an axis, the players side by side, and that axis."""
    places: list[tuple[LayerState, float]] = []
    ticks: list[tuple[float, str]] = []
    words: list[str] = []
    for player in PLAYERS:
        states = _states(frame, player)
        # A gap between the players.
        start = len(places) + (1.0 if places else 0.0)
        for row, state in enumerate(states):
            places.append((state, start + row))
            ticks.append((start + row, NAMED.get(state.activation, str(state.index))))
        words.append(f"{player[0].upper()} ({len(states)})")
    end = places[-1][1] if places else 1.0
    return places, Axis(f"layers of {' and '.join(words)}", range=(-0.6, end + 0.6), ticks=tuple(ticks))
