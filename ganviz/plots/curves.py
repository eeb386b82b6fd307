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
from .options import PLAIN, CurveOptions
from .pins import pinned
from .scene import Axis, Band, Layer, Line, Scene
from .smoothing import smoothed


def losses(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw both players' losses."""
    layers = [
        *curve(frame, options, "discriminator_loss", "discriminator", _discriminator(frame)),
        *curve(frame, options, "generator_loss", "generator", "generator"),
    ]
    axis, beyond = curve_axis(frame, options, "loss", ("discriminator_loss", "generator_loss"))
    return over_steps(frame, options, "losses", "Losses", axis, (*layers, *beyond))


def scores(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw how the discriminator judges real and fake, or what the critic knows of W1.

    Where it gives no probability the judgement is its mean raw output.
    """
    if is_critic(frame):
        return _critic(frame, options)
    if is_probability(frame):
        real, fake = "mean_real", "mean_fake"
        axis, beyond = Axis("mean probability of real", range=(-0.02, 1.02)), list[Layer]()
    else:
        real, fake = "output_real", "output_fake"
        axis, beyond = curve_axis(frame, options, "mean raw output", (real, fake))
    layers = [*curve(frame, options, real, "real", "D(x)"), *curve(frame, options, fake, "fake", "D(G(z))"), *beyond]
    return over_steps(frame, options, "scores", "Mean judgement", axis, layers)


def _critic(frame: Frame, options: CurveOptions) -> Scene:
    """Draw W1, the critic's lower bound of it and the gap between the two; its raw estimate has an axis of its own.

    A critic divided by its largest slope is 1-Lipschitz, so its estimate divided by that slope is at most W1
    (Kantorovich and Rubinstein's duality), for the same samples.
    """
    steps, bound = _bound(frame)
    if options.window:
        bound = smoothed(steps, bound, options.window)
    layers = [
        *floors(frame, options, {"w1": "neutral"}),
        *_gap(frame, options, steps, bound),
        *curve(frame, options, "w1", "neutral", "W1"),
        *pinned(options.pins, "critic_bound", "discriminator", "left", options.window),
        *_bound_line(steps, bound),
        *curve(frame, options, "critic_w1", "accent", "raw estimate", "right"),
    ]
    axis, beyond = curve_axis(frame, options, "raw estimate", ("critic_w1",))
    return over_steps(frame, options, "scores", "Critic", Axis("W1"), (*layers, *beyond), axis)


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


def _bound_line(steps: Floats, bound: Floats) -> list[Layer]:
    if not np.isfinite(bound).any():
        return []
    return [Line("critic_bound", "discriminator", "critic's bound", x=steps, y=bound)]


def _gap(frame: Frame, options: CurveOptions, steps: Floats, bound: Floats) -> list[Layer]:
    truth = series_of(frame, "w1")
    if truth is None:
        return []
    values = at_steps(truth, steps)
    if options.window:
        values = smoothed(steps, values, options.window)
    ends = np.stack([values, bound])
    low, high = ends.min(axis=0), ends.max(axis=0)
    if not np.isfinite(low).any():
        return []
    return [Band("gap", "discriminator", "gap", x=steps, low=low, high=high, opacity=0.16)]


def gradients(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw the norm of each player's gradient."""
    layers = [
        *curve(frame, options, "discriminator_gradient_norm", "discriminator", _discriminator(frame)),
        *curve(frame, options, "generator_gradient_norm", "generator", "generator"),
    ]
    names = ("discriminator_gradient_norm", "generator_gradient_norm")
    axis, beyond = curve_axis(frame, options, "norm", names, scale="log")
    return over_steps(frame, options, "gradients", "Gradient norms", axis, (*layers, *beyond))


def clipping(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw the share of the discriminator's parameters at the clip bound."""
    layers = curve(frame, options, "clip_fraction", "discriminator", "at the clip bound")
    return over_steps(frame, options, "clipping", "Clipped weights", Axis("share", range=(-0.02, 1.02)), layers)


def lipschitz(frame: Frame, options: CurveOptions = PLAIN) -> Scene:
    """Draw the discriminator's largest slope, at the samples and over the whole picture."""
    layers = [
        *curve(frame, options, "slope_grid", "discriminator", "anywhere"),
        *curve(frame, options, "slope_data", "real", "at samples", style="dashed"),
    ]
    if not layers:
        layers.append(hint("not measured yet"))
    elif is_critic(frame):
        ends = all_steps(frame, options)
        layers.insert(0, Line("one", "neutral", "1-Lipschitz", x=ends, y=np.ones(2), style="dotted"))
    title = f"Largest slope of the {_discriminator(frame)}"
    axis, beyond = curve_axis(frame, options, "slope", ("slope_grid", "slope_data"), scale="log")
    return over_steps(frame, options, "lipschitz", title, axis, (*layers, *beyond))


def _discriminator(frame: Frame) -> str:
    return "critic" if is_critic(frame) else "discriminator"
