"""Metrics over steps."""

from __future__ import annotations

from ganviz.run import Frame

from .common import STEPS, curve, curve_axis, is_critic, is_probability
from .scene import Axis, Layer, Scene


def losses(frame: Frame) -> Scene:
    """Draw both players' losses."""
    layers = [
        *curve(frame, "discriminator_loss", "discriminator", "critic" if is_critic(frame) else "discriminator"),
        *curve(frame, "generator_loss", "generator", "generator"),
    ]
    axis, beyond = curve_axis(frame, "loss", ("discriminator_loss", "generator_loss"))
    return Scene("losses", "Losses", STEPS, axis, (*layers, *beyond))


def scores(frame: Frame) -> Scene:
    """Draw how the discriminator judges real and fake, or the critic's estimate of W1 beside W1 itself.

    Where it gives no probability the judgement is its mean raw output.
    """
    if is_critic(frame):
        layers = [
            *curve(frame, "critic_w1", "discriminator", "critic's estimate"),
            *curve(frame, "w1", "neutral", "W1", "right"),
        ]
        axis, beyond = curve_axis(frame, "E f(real) − E f(fake)", ("critic_w1",))
        return Scene("scores", "Critic", STEPS, axis, (*layers, *beyond), Axis("W1"))
    if is_probability(frame):
        real, fake = "mean_real", "mean_fake"
        axis, beyond = Axis("mean probability of real", range=(-0.02, 1.02)), list[Layer]()
    else:
        real, fake = "output_real", "output_fake"
        axis, beyond = curve_axis(frame, "mean raw output", (real, fake))
    layers = [*curve(frame, real, "real", "D(x)"), *curve(frame, fake, "fake", "D(G(z))"), *beyond]
    return Scene("scores", "Mean judgement", STEPS, axis, tuple(layers))


def divergences(frame: Frame) -> Scene:
    """Draw KL and JS in nats, and W1 on its own axis."""
    layers = [
        *curve(frame, "kl", "accent", "KL"),
        *curve(frame, "js", "real", "JS"),
        *curve(frame, "w1", "neutral", "W1", "right"),
    ]
    return Scene(
        "divergences",
        "Divergences",
        STEPS,
        Axis("KL, JS", "nats", scale="log"),
        tuple(layers),
        Axis("W1", scale="log"),
    )


def gradients(frame: Frame) -> Scene:
    """Draw the norm of each player's gradient."""
    layers = [
        *curve(
            frame,
            "discriminator_gradient_norm",
            "discriminator",
            "critic" if is_critic(frame) else "discriminator",
        ),
        *curve(frame, "generator_gradient_norm", "generator", "generator"),
    ]
    return Scene("gradients", "Gradient norms", STEPS, Axis("norm", scale="log"), tuple(layers))


def modes(frame: Frame) -> Scene:
    """Draw modes captured and the share of high-quality samples."""
    layers = [
        *curve(frame, "modes", "accent", "modes captured"),
        *curve(frame, "high_quality", "fake", "high-quality share", "right"),
    ]
    most = max(1, frame.mode_count)
    count = Axis(f"modes of {most}", range=(-0.02 * most, 1.02 * most))
    return Scene("modes", "Modes", STEPS, count, tuple(layers), Axis("high-quality share", range=(-0.02, 1.02)))


def clipping(frame: Frame) -> Scene:
    """Draw the share of the discriminator's parameters at the clip bound."""
    layers = curve(frame, "clip_fraction", "discriminator", "at the clip bound")
    return Scene("clipping", "Clipped weights", STEPS, Axis("share", range=(-0.02, 1.02)), tuple(layers))
