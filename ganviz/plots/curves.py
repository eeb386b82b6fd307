"""What the training does, over steps."""

from __future__ import annotations

import numpy as np

from ganviz.run import Frame

from .common import (
    Floats,
    all_steps,
    at_steps,
    curve,
    curve_axis,
    floors,
    hint,
    is_critic,
    is_probability,
    over_steps,
    series_of,
)
from .scene import Axis, Band, Layer, Line, Scene


def losses(frame: Frame) -> Scene:
    """Draw both players' losses."""
    layers = [
        *curve(frame, "discriminator_loss", "discriminator", _discriminator(frame)),
        *curve(frame, "generator_loss", "generator", "generator"),
    ]
    axis, beyond = curve_axis(frame, "loss", ("discriminator_loss", "generator_loss"))
    return over_steps(frame, "losses", "Losses", axis, (*layers, *beyond))


def scores(frame: Frame) -> Scene:
    """Draw how the discriminator judges real and fake, or what the critic knows of W1.

    Where it gives no probability the judgement is its mean raw output.
    """
    if is_critic(frame):
        return _critic(frame)
    if is_probability(frame):
        real, fake = "mean_real", "mean_fake"
        axis, beyond = Axis("mean probability of real", range=(-0.02, 1.02)), list[Layer]()
    else:
        real, fake = "output_real", "output_fake"
        axis, beyond = curve_axis(frame, "mean raw output", (real, fake))
    layers = [*curve(frame, real, "real", "D(x)"), *curve(frame, fake, "fake", "D(G(z))"), *beyond]
    return over_steps(frame, "scores", "Mean judgement", axis, layers)


def _critic(frame: Frame) -> Scene:
    """Draw W1, the critic's lower bound of it and the gap between the two; its raw estimate has an axis of its own.

    A critic divided by its largest slope is 1-Lipschitz, so its estimate divided by that slope is at most W1
    (Kantorovich and Rubinstein's duality), for the same samples.
    """
    bound = _bound(frame)
    layers = [
        *floors(frame, {"w1": "neutral"}),
        *_gap(frame, bound),
        *curve(frame, "w1", "neutral", "W1"),
        *_bound_line(bound),
        *curve(frame, "critic_w1", "accent", "raw estimate", "right"),
    ]
    axis, beyond = curve_axis(frame, "raw estimate", ("critic_w1",))
    return over_steps(frame, "scores", "Critic", Axis("W1"), (*layers, *beyond), axis)


def _bound(frame: Frame) -> tuple[Floats, Floats]:
    """Return the critic's bound of W1 over steps: its estimate for a critic of slope 1."""
    series = series_of(frame, "critic_bound")
    if series is not None:
        return series.steps, np.where(np.isfinite(series.mean), series.mean, np.nan)
    estimate, slope = series_of(frame, "critic_w1"), series_of(frame, "slope_grid")
    if estimate is None or slope is None:
        return np.empty(0), np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = at_steps(estimate, slope.steps) / slope.mean
    return slope.steps, np.where(np.isfinite(values), values, np.nan)


def _bound_line(bound: tuple[Floats, Floats]) -> list[Layer]:
    steps, values = bound
    if not np.isfinite(values).any():
        return []
    return [Line("critic_bound", "discriminator", "critic's bound", x=steps, y=values)]


def _gap(frame: Frame, bound: tuple[Floats, Floats]) -> list[Layer]:
    truth = series_of(frame, "w1")
    if truth is None:
        return []
    ends = np.stack([at_steps(truth, bound[0]), bound[1]])
    low, high = ends.min(axis=0), ends.max(axis=0)
    if not np.isfinite(low).any():
        return []
    return [Band("gap", "discriminator", "gap", x=bound[0], low=low, high=high, opacity=0.16)]


def gradients(frame: Frame) -> Scene:
    """Draw the norm of each player's gradient."""
    layers = [
        *curve(frame, "discriminator_gradient_norm", "discriminator", _discriminator(frame)),
        *curve(frame, "generator_gradient_norm", "generator", "generator"),
    ]
    return over_steps(frame, "gradients", "Gradient norms", Axis("norm", scale="log"), layers)


def clipping(frame: Frame) -> Scene:
    """Draw the share of the discriminator's parameters at the clip bound."""
    layers = curve(frame, "clip_fraction", "discriminator", "at the clip bound")
    return over_steps(frame, "clipping", "Clipped weights", Axis("share", range=(-0.02, 1.02)), layers)


def lipschitz(frame: Frame) -> Scene:
    """Draw the discriminator's largest slope, at the samples and over the whole picture."""
    layers = [
        *curve(frame, "slope_grid", "discriminator", "anywhere"),
        *curve(frame, "slope_data", "real", "at samples", style="dashed"),
    ]
    if not layers:
        layers.append(hint("not measured yet"))
    elif is_critic(frame):
        layers.insert(0, Line("one", "neutral", "1-Lipschitz", x=all_steps(frame), y=np.ones(2), style="dotted"))
    title = f"Largest slope of the {_discriminator(frame)}"
    return over_steps(frame, "lipschitz", title, Axis("slope", scale="log"), layers)


def _discriminator(frame: Frame) -> str:
    return "critic" if is_critic(frame) else "discriminator"
