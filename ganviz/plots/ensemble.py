"""Many seeds in one picture: every run as a faint line, the band of most of them, and their median above."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from ganviz.experiment import Experiment
from ganviz.run.ensemble import HIGH, LOW, EnsembleResult

from .common import FAINT, Floats, hint
from .scene import Axis, Band, Layer, Line, Role, Scale, Scene, Segments, Strip, Text

STEPS = Axis("step")
SHARE = (-0.02, 1.02)
BAND = 0.3
THIN, FADED = 0.5, 0.3
"""Width in points and opacity of a single run's line."""
EXTREME = 20.0
"""The axis leaves out single runs that reach beyond the band by this many times its height."""
WITH_MODES = ("ring", "grid", "mixture", "diracs")

Shown = Mapping[str, tuple[Role, str]]


@dataclass(frozen=True)
class EnsembleView:
    """A kind of picture of an ensemble.

    Attributes
    ----------
    draw : callable
        Makes the scene.
    metrics : tuple of str
        Names of the metrics that it shows.
    """

    name: str
    title: str
    draw: Callable[[EnsembleResult], Scene]
    metrics: tuple[str, ...]
    needs_modes: bool = False

    def applies(self, experiment: Experiment) -> bool:
        """Whether the view has something to show for an experiment."""
        return not self.needs_modes or experiment.data.kind in WITH_MODES


def _scene(result: EnsembleResult, view: str, title: str, axis: Axis, shown: Shown) -> Scene:
    known = {name: look for name, look in shown.items() if name in result.names}
    whole = f"{title}, {_seeds(result, list(known))}"
    if not known:
        return Scene(view, whole, STEPS, axis, (hint("not measured yet"),))
    layers: list[Layer] = [*_floors(result, known)]
    tops = [_top(result.values[name]) for name in known]
    for place, (name, (role, label)) in enumerate(known.items()):
        layers += _runs(result, name, role, "" if place else "single seeds")
        layers += _summary(result, name, role, label, max(tops), first=not place)
    layers += _infinite(result, known)
    if axis.range is None and axis.scale == "linear":
        axis = _axis(result, axis, list(known))
    return Scene(view, whole, STEPS, axis, tuple(layers))


def _seeds(result: EnsembleResult, names: list[str]) -> str:
    """Say how many seeds are behind each point, and how many of them diverged."""
    total = len(result.seeds)
    counts = np.concatenate([np.empty(0, np.int64), *(result.counts(name) for name in names)])
    counts = counts[counts > 0]
    words = f"{total} seeds" if total > 1 else "1 seed"
    if len(counts) and counts.min() < total:
        low, high = int(counts.min()), int(counts.max())
        words = f"{low} of {words}" if low == high else f"{low} to {high} of {words}"
    return f"{words}, {len(result.diverged)} diverged" if result.diverged else words


def _top(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else -np.inf


def _floors(result: EnsembleResult, shown: Shown) -> list[Layer]:
    layers: list[Layer] = []
    ends_of_steps = result.steps[[0, -1]].astype(np.float64)
    for name, (role, _) in shown.items():
        ends = result.floors.get(name)
        if ends is not None and np.isfinite(ends).all():
            low, high = (np.full(2, end) for end in ends)
            key = "" if layers else "noise floor"
            layers.append(Band(f"{name} floor", role, key, x=ends_of_steps, low=low, high=high, opacity=FAINT))
    return layers


def _runs(result: EnsembleResult, name: str, role: Role, key: str) -> list[Layer]:
    """Return all single runs as one layer, with gaps where values are not finite."""
    values = result.values[name]
    points = np.stack([np.broadcast_to(result.steps.astype(np.float64), values.shape), values], axis=-1)
    start, end = points[:, :-1].reshape(-1, 2), points[:, 1:].reshape(-1, 2)
    drawn = np.isfinite(start[:, 1]) & np.isfinite(end[:, 1])
    return [Segments(f"{name} runs", role, key, start=start[drawn], end=end[drawn], width=THIN, opacity=FADED)]


def _summary(result: EnsembleResult, name: str, role: Role, label: str, top: float, first: bool) -> list[Layer]:
    """Return the band and the median; where the band reaches to infinity it goes as high as anything finite."""
    steps = result.steps.astype(np.float64)
    low, median, high = result.quantiles(name)
    high = np.where(np.isposinf(high) & np.isfinite(low), top, high)
    shown = f"{label}, median"
    if np.isposinf(median).any():
        shown += ", ∞ at the top"
    key = f"{100 * LOW:.0f} % to {100 * HIGH:.0f} %" if first else ""
    middle = np.where(np.isfinite(median), median, np.nan)
    layers: list[Layer] = [Band(f"{name} band", role, key, x=steps, low=_finite(low), high=_finite(high), opacity=BAND)]
    if np.isfinite(middle).any():
        layers.append(Line(f"{name} median", role, shown, x=steps, y=middle, width=2.0))
    return layers


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _infinite(result: EnsembleResult, shown: Shown) -> list[Layer]:
    """Return strips along the upper edge where medians are infinite, and words on how many seeds are at the end."""
    layers: list[Layer] = []
    now: list[str] = []
    steps = result.steps.astype(np.float64)
    edges = np.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2, steps[-1:]])
    for name, (role, label) in shown.items():
        values, median = result.values[name], result.quantiles(name, (0.5,))[0]
        change = np.diff(np.isposinf(median).astype(np.int8), prepend=0, append=0)
        spans = np.stack([edges[np.flatnonzero(change == 1)], edges[np.flatnonzero(change == -1)]], axis=1)
        if len(spans):
            key = "" if np.isfinite(median).any() else f"{label}, median = ∞"
            layers.append(Strip(f"{name} infinite", role, key, spans=spans, row=len(layers)))
        measured = np.flatnonzero(~np.isnan(median))
        last = values[:, measured[-1]] if len(measured) else np.empty(0)
        count = int(np.isposinf(last).sum())
        if count:
            now.append(f"{label} = ∞ for {count} of {int((~np.isnan(last)).sum())}")
    if now:
        layers.append(Text("infinite", "accent", text=", ".join(now), at=(0.98, 0.84)))
    return layers


def _axis(result: EnsembleResult, axis: Axis, names: list[str]) -> Axis:
    """Leave single runs out that are far beyond all others: the losses of one that diverges may be 10³⁰."""
    ends = np.concatenate([result.quantiles(name, (LOW, HIGH)).ravel() for name in names])
    ends = ends[np.isfinite(ends)]
    everything = np.concatenate([result.values[name].ravel() for name in names])
    everything = everything[np.isfinite(everything)]
    if not len(ends):
        return axis
    low, high = np.quantile(ends, [0.05, 0.95])
    if not everything.max() - everything.min() > EXTREME * (high - low) > 0:
        return axis
    # Round ends, so that the axis changes rarely.
    step = 2.0 ** np.ceil(np.log2(high - low))
    bounds = float(np.floor(low / step - 0.5) * step), float(np.ceil(high / step + 0.5) * step)
    return Axis(axis.label, axis.unit, bounds, axis.scale, axis.ticks)


def _view(
    name: str,
    title: str,
    label: str,
    shown: Shown,
    unit: str = "",
    scale: Scale = "linear",
    span: tuple[float, float] | None = None,
    needs_modes: bool = False,
) -> EnsembleView:
    draw = partial(_scene, view=name, title=title, axis=Axis(label, unit, span, scale), shown=shown)
    return EnsembleView(name, title, draw, tuple(shown), needs_modes)


ENSEMBLE_VIEWS: Mapping[str, EnsembleView] = {
    view.name: view
    for view in (
        _view("ensemble_w1", "W1", "W1", {"w1": ("neutral", "W1")}, scale="log"),
        _view(
            "ensemble_divergences", "Divergences", "divergence",
            {"kl": ("accent", "KL"), "js": ("real", "JS")}, "nats", "log",
        ),
        _view(
            "ensemble_losses", "Losses", "loss",
            {"discriminator_loss": ("discriminator", "D"), "generator_loss": ("generator", "G")},
        ),
        _view("ensemble_modes", "Modes captured", "modes", {"modes": ("accent", "modes")}, needs_modes=True),
        _view(
            "ensemble_high_quality", "High-quality samples", "share",
            {"high_quality": ("average", "share")}, span=SHARE, needs_modes=True,
        ),
        _view(
            "ensemble_fidelity", "Fidelity", "share",
            {"precision": ("fake", "precision"), "recall": ("real", "recall")}, span=SHARE,
        ),
    )
}  # fmt: skip
"""Every view of an ensemble by its name."""


def ensemble_views_for(experiment: Experiment) -> list[EnsembleView]:
    """List the views of an ensemble that apply to an experiment."""
    return [view for view in ENSEMBLE_VIEWS.values() if view.applies(experiment)]
