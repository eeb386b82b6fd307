"""Views: pure functions from a frame to a scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganviz.experiment import Experiment
from ganviz.metrics import METRICS
from ganviz.run import Frame, Need

from . import curves, inside, quality
from .line import line
from .mapping import mapping
from .optimal import optimum
from .options import PLAIN, CurveOptions
from .pages import PAGES, Page
from .pins import Pin, pin_of
from .plane import plane
from .scene import (
    Arrows,
    Axis,
    Band,
    Histogram,
    Image,
    Layer,
    Line,
    Points,
    Role,
    Rule,
    Scale,
    Scene,
    Segments,
    Strip,
    Text,
)
from .slope import slope
from .spectrum import spectrum
from .theme import DARK, LIGHT, PAPER, THEMES, Theme
from .transport import transport

WITH_MODES = ("ring", "grid", "mixture", "diracs")


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
    curves : callable, optional
        Makes the scene of a view over steps as options want it.
    scale : {"linear", "log"}
        Scale of the values where options do not choose another.
    """

    name: str
    title: str
    needs: Need
    draw: Callable[[Frame], Scene]
    dimensions: tuple[int, ...] = (1, 2)
    metrics: tuple[str, ...] = ()
    curves: Callable[[Frame, CurveOptions], Scene] | None = None
    scale: Scale = "linear"

    @property
    def notes(self) -> list[str]:
        """What each metric is and how it is estimated, a line for each."""
        return [METRICS[name].note for name in self.metrics]

    def scene(self, frame: Frame, options: CurveOptions = PLAIN) -> Scene:
        """Make the scene; where it is over steps, with options."""
        return self.draw(frame) if self.curves is None else self.curves(frame, options)

    def applies(self, experiment: Experiment) -> bool:
        """Whether the view has something to show for an experiment."""
        if self.name == "modes":
            return experiment.data.kind in WITH_MODES
        if self.name == "clipping":
            return experiment.discriminator.clip > 0
        return experiment.dimension in self.dimensions


_CURVES = Need.METRICS | Need.HISTORY
_FLOORED = _CURVES | Need.FLOORS
_STAGE = Need.SAMPLES | Need.SURFACE | Need.METRICS


def _over_steps(
    name: str,
    title: str,
    needs: Need,
    draw: Callable[..., Scene],
    scale: Scale = "linear",
    metrics: tuple[str, ...] = (),
) -> View:
    """Return a view that is drawn with options or without."""
    return View(name, title, needs, draw, metrics=metrics, curves=draw, scale=scale)


VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View("plane", "Samples and discriminator", _STAGE | Need.PULLS, plane, (2,)),
        View("line", "Densities and discriminator", _STAGE | Need.OPTIMUM, line, (1,)),
        View("slope", "Slope of the discriminator", _STAGE | Need.OPTIMUM, slope, (1,)),
        View("map", "Map from noise to samples", Need.SAMPLES | Need.MAP, mapping, (1,)),
        _over_steps(
            "losses",
            "Losses",
            Need.HISTORY,
            curves.losses,
            metrics=("generator_loss", "discriminator_loss"),
        ),
        _over_steps(
            "scores",
            "Judgement of the discriminator",
            _FLOORED,
            curves.scores,
            metrics=(
                "mean_real",
                "mean_fake",
                "output_real",
                "output_fake",
                "w1",
                "critic_w1",
                "critic_bound",
                "slope_grid",
            ),
        ),
        _over_steps(
            "gradients",
            "Gradient norms",
            Need.HISTORY,
            curves.gradients,
            "log",
            metrics=("generator_gradient_norm", "discriminator_gradient_norm"),
        ),
        _over_steps("clipping", "Clipped weights", Need.HISTORY, curves.clipping, metrics=("clip_fraction",)),
        _over_steps(
            "divergences",
            "Divergences",
            _FLOORED,
            quality.divergences,
            "log",
            metrics=("kl", "reverse_kl", "js"),
        ),
        _over_steps(
            "distances",
            "Distances",
            _FLOORED,
            quality.distances,
            "log",
            metrics=("w1", "w2", "sliced_w2", "energy"),
        ),
        _over_steps(
            "fidelity",
            "Fidelity",
            _FLOORED,
            quality.fidelity,
            metrics=("precision", "recall", "high_quality", "tv"),
        ),
        _over_steps("modes", "Modes", _FLOORED, quality.modes, metrics=("modes", "mode_kl")),
        View("optimum", "Optimal discriminator", _STAGE | Need.OPTIMUM, optimum, (2,)),
        View("transport", "Optimal transport", Need.SAMPLES | Need.TRANSPORT, transport, metrics=("w1",)),
        _over_steps(
            "lipschitz",
            "Largest slope",
            _CURVES,
            curves.lipschitz,
            "log",
            metrics=("slope_data", "slope_grid"),
        ),
        View("spectrum", "Spectrum of the game", Need.SPECTRUM, spectrum),
        View("weights_generator", "Weights of the generator", Need.LAYERS, inside.weights_generator),
        View("weights_discriminator", "Weights of the discriminator", Need.LAYERS, inside.weights_discriminator),
        View("layer_gradients", "Gradient of each layer", Need.LAYERS, inside.layer_gradients),
        View("units", "Dead and saturated units", Need.LAYERS, inside.units),
    )
}
"""Every view by its name; the first that applies to an experiment is its stage."""


def views_for(experiment: Experiment) -> list[View]:
    """List the views that apply to an experiment, the stage first."""
    return [view for view in VIEWS.values() if view.applies(experiment)]


__all__ = [
    "DARK", "LIGHT", "PAGES", "PAPER", "THEMES", "VIEWS",
    "Arrows", "Axis", "Band", "CurveOptions", "Histogram", "Image", "Layer", "Line", "Page", "Pin", "Points",
    "Role", "Rule", "Scene", "Segments", "Strip", "Text", "Theme", "View", "pin_of", "views_for",
]  # fmt: skip
