"""Views: pure functions from a frame to a scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganviz.experiment import Experiment
from ganviz.metrics import METRICS
from ganviz.run import Frame, Need

from . import curves
from .line import line
from .mapping import mapping
from .plane import plane
from .scene import Arrows, Axis, Band, Histogram, Image, Layer, Line, Points, Role, Scene, Text
from .slope import slope
from .theme import DARK, LIGHT, PAPER, THEMES, Theme


@dataclass(frozen=True)
class View:
    """A kind of picture.

    Attributes
    ----------
    needs : Need
        What it needs of a frame.
    draw : callable
        Makes the scene.
    dimensions : tuple of int
        Dimensions of the data that it is for.
    metrics : tuple of str
        Names of the metrics that it shows; `notes` tells how they are estimated.
    """

    name: str
    title: str
    needs: Need
    draw: Callable[[Frame], Scene]
    dimensions: tuple[int, ...] = (1, 2)
    metrics: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What each metric is and how it is estimated, a line for each."""
        return [METRICS[name].note for name in self.metrics]

    def applies(self, experiment: Experiment) -> bool:
        """Whether the view has something to show for an experiment."""
        if self.name == "modes":
            return experiment.data.kind in ("ring", "grid", "mixture", "diracs")
        if self.name == "clipping":
            return experiment.discriminator.clip > 0
        return experiment.dimension in self.dimensions


_CURVES = Need.METRICS | Need.HISTORY

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View("plane", "Samples and discriminator", Need.SAMPLES | Need.SURFACE | Need.PULLS, plane, (2,)),
        View("line", "Densities and discriminator", Need.SAMPLES | Need.SURFACE, line, (1,)),
        View("slope", "Slope of the discriminator", Need.SURFACE, slope, (1,)),
        View("map", "Map from noise to samples", Need.SAMPLES | Need.MAP, mapping, (1,)),
        View("losses", "Losses", Need.HISTORY, curves.losses, metrics=("generator_loss", "discriminator_loss")),
        View(
            "scores",
            "Judgement of the discriminator",
            _CURVES,
            curves.scores,
            metrics=("mean_real", "mean_fake", "output_real", "output_fake", "critic_w1", "w1"),
        ),
        View("divergences", "Divergences", _CURVES, curves.divergences, metrics=("kl", "js", "w1")),
        View(
            "gradients",
            "Gradient norms",
            Need.HISTORY,
            curves.gradients,
            metrics=("generator_gradient_norm", "discriminator_gradient_norm"),
        ),
        View("modes", "Modes", _CURVES, curves.modes, metrics=("modes", "high_quality")),
        View("clipping", "Clipped weights", Need.HISTORY, curves.clipping, metrics=("clip_fraction",)),
    )
}
"""Every view by its name; the first that applies to an experiment is its stage."""


def views_for(experiment: Experiment) -> list[View]:
    """List the views that apply to an experiment, the stage first."""
    return [view for view in VIEWS.values() if view.applies(experiment)]


__all__ = [
    "DARK", "LIGHT", "PAPER", "THEMES", "VIEWS",
    "Arrows", "Axis", "Band", "Histogram", "Image", "Layer", "Line", "Points",
    "Role", "Scene", "Text", "Theme", "View", "views_for",
]  # fmt: skip
