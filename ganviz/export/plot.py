"""One scene on the axes of a Matplotlib figure.

Only the paper's painter imports this module, and only when it draws: Matplotlib takes its time to load.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any, Literal, cast

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, LogLocator
from matplotlib.transforms import offset_copy

from ganviz.plots.scene import (
    Array,
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
    Scene,
    Segments,
    Strip,
    Style,
    Text,
)
from ganviz.plots.theme import TINT, Theme, diverging

SHORT = 2.0
"""Decades below which a logarithmic axis has plain numbers, at 2 and 5 as well."""
DASHES: dict[Style, Any] = {
    "solid": "-", "dashed": "--", "dotted": ":", "dash-dotted": "-.", "dash-dot-dotted": (0, (4, 2, 1, 2, 1, 2)),
}  # fmt: skip
# Values beyond it are drawn at it: a run that diverged must not overflow in Matplotlib's arithmetic.
LARGEST = 1e100
# A curve that leads further outside than this many heights of its axis is cut off: not every reader of SVG could draw
# its coordinates.
FURTHEST = 1000.0
STRIP = 3.0
"""Height of a strip in points."""
_CROSS = Path(np.array([[0.5, 0.5], [-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5]]), [1, 2, 1, 2])
MARKS: dict[str, Any] = {"dot": "o", "missing": Path.make_compound_path(Path.unit_circle(), _CROSS)}


class Plot:
    """One scene on its axes."""

    def __init__(self, axes: Axes, scene: Scene, theme: Theme) -> None:
        self.scene, self.theme, self.axes = scene, theme, axes
        self.sides = {"left": axes}
        if scene.right is not None:
            self.sides["right"] = axes.twinx()
        self._deep: list[tuple[Axes, Band, float]] = []
        self._set_frame()
        for order, layer in enumerate(scene.layers):
            side = layer.side if layer.side in self.sides else "left"
            self._add(layer, self.sides[side], 2 + 0.01 * order)
        for side, vertical in self._verticals:
            _set_range(self.sides[side].set_ylim, vertical)
        _set_range(axes.set_xlim, scene.x)
        for holder, band, order in self._deep:
            self._reach_down(holder, band, order)
        if scene.equal:
            axes.set_aspect("equal", adjustable="box")
        self.legend = _Legend(self)

    @property
    def _verticals(self) -> list[tuple[str, Axis]]:
        pairs = [("left", self.scene.left), ("right", self.scene.right)]
        return [(side, axis) for side, axis in pairs if axis is not None]

    def _set_frame(self) -> None:
        theme, scene, axes = self.theme, self.scene, self.axes
        axes.set_facecolor(theme.surface)
        axes.set_title(scene.title, loc="left", color=theme.text, fontweight="bold")
        axes.set_xlabel(scene.x.title, color=theme.text)
        if scene.x.scale == "log":
            _set_log(axes, "x")
        elif scene.x.ticks:
            axes.set_xticks(*_named(scene.x))
        else:
            axes.locator_params(axis="x", nbins=6)
        roles: set[Role] = {layer.role for layer in scene.layers if layer.side == "right"}
        for side, vertical in self._verticals:
            shared = theme.roles[next(iter(roles))] if side == "right" and len(roles) == 1 else theme.text
            self.sides[side].set_ylabel(vertical.title, color=shared)
            if vertical.scale == "log":
                _set_log(self.sides[side], "y")
            elif vertical.ticks:
                self.sides[side].set_yticks(*_named(vertical))
        has_image = any(isinstance(layer, Image) for layer in scene.layers)
        if not has_image:
            axes.grid(True, color=theme.grid, linewidth=0.4, alpha=0.5)
        axes.set_axisbelow(True)
        for each in self.sides.values():
            each.tick_params(which="both", colors=theme.muted, width=0.6, length=2.5)
            each.margins(0.03)
            for name, spine in each.spines.items():
                spine.set_color(theme.grid if theme.dark else theme.muted)
                spine.set_visible(has_image or name in ("left", "bottom") or (name == "right" and each is not axes))
            if each is not axes:
                each.spines["left"].set_visible(False)

    def _add(self, layer: Layer, axes: Axes, order: float) -> None:
        colour = self.theme.roles[layer.role]
        log_x = self.scene.x.scale == "log"
        log_y = axes.get_yscale() == "log"
        vertical = self.scene.right if axes is self.sides.get("right") and self.scene.right else self.scene.left
        match layer:
            case Image():
                self._add_image(layer, axes, order)
            case Points():
                xy = _real_rows(_masked(layer.xy, [log_x, log_y]))
                style: dict[str, Any] = {"ms": layer.size, "alpha": layer.opacity, **_mark(layer, colour)}
                axes.plot(xy[:, 0], xy[:, 1], ls="", zorder=order, **style)
            case Segments():
                ends = _real_rows(_masked(np.hstack([layer.start, layer.end]), [log_x, log_y] * 2))
                ends[:, 1::2] = _cut(ends[:, 1::2], vertical)
                style = {"lw": layer.width, "alpha": layer.opacity, "colors": colour, "zorder": order}
                axes.add_collection(LineCollection(list(ends.reshape(-1, 2, 2)), **style))
                axes.autoscale_view()
            case Strip():
                self._add_strip(layer, axes, order)
            case Rule():
                self._add_rules(layer, axes, order)
            case Line():
                x, y = _masked(layer.x, log_x), _cut(_masked(layer.y, log_y), vertical)
                style = {"lw": layer.width, "solid_joinstyle": "round"}
                axes.plot(x, y, ls=DASHES[layer.style], color=colour, zorder=order, **style)
            case Band():
                x = _masked(layer.x, log_x)
                low, high = (_cut(_masked(ends, log_y), vertical) for ends in (layer.low, layer.high))
                if log_y and np.any(layer.low <= 0):
                    # Down to the axis's end, which is known only when everything has been added.
                    self._deep.append((axes, layer, order))
                    low = np.where(np.isnan(low), high, low)
                real = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
                low, high = np.where(real, low, 0.5), np.where(real, high, 0.5)
                x = np.where(real, x, x[real][0] if real.any() else 0.5)
                if real.any():
                    axes.fill_between(
                        x, low, high, where=real, color=colour, alpha=layer.opacity, lw=0, zorder=order
                    )  # fmt: skip
            case Histogram():
                heights = _masked(layer.heights, log_y)
                if len(heights) and np.isfinite(layer.edges).all() and np.isfinite(heights).any():
                    floor = 0 if not log_y else np.nanmin(heights) / 10
                    style = {"baseline": floor, "color": colour, "zorder": order}
                    axes.stairs(heights, layer.edges, fill=True, alpha=layer.opacity, lw=0, **style)
                    axes.stairs(heights, layer.edges, lw=0.6, **style)
            case Arrows():
                self._add_arrows(layer, axes, order)
            case Text():
                across, up = layer.at
                axes.text(
                    across, up, layer.text, transform=axes.transAxes, color=colour, zorder=order + 1,
                    ha="left" if across < 1 / 3 else "center" if across <= 2 / 3 else "right",
                    va="bottom" if up < 1 / 3 else "center" if up <= 2 / 3 else "top",
                )  # fmt: skip
            case _:
                raise TypeError(f"the paper's painter cannot draw a layer {type(layer).__name__}")

    def _add_image(self, layer: Image, axes: Axes, order: float) -> None:
        # The cells of an image are equally wide: they have no place on a logarithmic axis.
        if layer.values.size == 0 or "log" in (axes.get_xscale(), axes.get_yscale()):
            return
        colours = ListedColormap(diverging(self.theme) / 255.0)
        low, high = layer.levels
        values = np.ma.masked_invalid(np.clip(layer.values, low, high))
        axes.imshow(
            values, cmap=colours, vmin=low, vmax=high, extent=layer.extent, origin="lower", aspect="auto",
            interpolation="bilinear", zorder=order,
        )  # fmt: skip

    def _add_strip(self, layer: Strip, axes: Axes, order: float) -> None:
        spans = _real_rows(_masked(layer.spans, self.scene.x.scale == "log"))
        # Along the axis in its own units, down from the upper edge in points.
        below = -(STRIP / 2 + layer.row * (STRIP + 1))
        place = offset_copy(axes.get_xaxis_transform(), cast(Any, axes.figure), y=below, units="points")
        # A square at each end: a single step has no length, and must be seen.
        ends = {"marker": "s", "ms": STRIP, "mew": 0.0}
        style: dict[str, Any] = {"lw": STRIP, "solid_capstyle": "butt", "transform": place, "zorder": order, **ends}
        for span in spans:
            axes.plot(span, (1.0, 1.0), color=self.theme.roles[layer.role], **style)
        if len(spans):
            axes.update_datalim(np.stack([spans.ravel(), np.ones(spans.size)], axis=1), updatey=False)
            axes.autoscale_view(scaley=False)

    def _add_rules(self, layer: Rule, axes: Axes, order: float) -> None:
        places = _masked(layer.x, self.scene.x.scale == "log")
        lines = [[(x, 0.0), (x, 1.0)] for x in places[np.isfinite(places)].tolist()]
        # Along the axis in its own units, up it as a share of its height; without a say in its range.
        place = axes.get_xaxis_transform()
        style: dict[str, Any] = {"lw": layer.width, "ls": DASHES[layer.style], "alpha": layer.opacity}
        colour = self.theme.roles[layer.role]
        rules = LineCollection(lines, colors=colour, transform=place, zorder=order, **style)
        axes.add_collection(rules, autolim=False)

    def _reach_down(self, axes: Axes, layer: Band, order: float) -> None:
        """Fill a band from its upper end down to the end of the logarithmic axis where it has no lower end there."""
        bottom, top = axes.get_ylim()
        high = _masked(layer.high, True)
        deep = (layer.low <= 0) & np.isfinite(high) & np.isfinite(layer.x)
        colour, opacity = self.theme.roles[layer.role], layer.opacity
        high = np.where(deep, high, bottom)
        axes.fill_between(layer.x, bottom, high, where=deep, color=colour, alpha=opacity, lw=0, zorder=order)
        axes.set_ylim(bottom, top)

    def _add_arrows(self, layer: Arrows, axes: Axes, order: float) -> None:
        both = _real_rows(_masked(np.hstack([layer.tail, layer.vector]), False))
        both = both[np.any(both[:, 2:] != 0, axis=1)]
        if not len(both):
            return
        axes.quiver(
            *both.T, angles="xy", scale_units="xy", scale=1, units="inches", width=0.7 / 72, headwidth=4,
            headlength=4.5, headaxislength=4, minlength=0, color=self.theme.roles[layer.role], zorder=order,
        )  # fmt: skip
        # Matplotlib fits the axes to the tails alone.
        axes.update_datalim(both[:, :2] + both[:, 2:])
        axes.autoscale_view()

    def fit_words(self, lefts: Sequence[float]) -> tuple[str, ...]:
        """Break what is longer than its place into lines, and put the legend into rows.

        ``lefts`` are the left edges of all plots and the right edge of the figure, in pixels: what stands
        above the axes may reach up to the next of them. Returns what the words look like now.
        """
        box = self.axes.get_window_extent()
        room = min((left for left in lefts if left > box.x1 - 1), default=box.x1) - box.x0 - 4
        _fit(self.axes._left_title, room)  # pyright: ignore[reportAttributeAccessIssue]
        _fit(self.axes.xaxis.label, box.width)
        for axes in self.sides.values():
            _fit(axes.yaxis.label, box.height)
        pad = self.legend.fit(room) * 72 / self.axes.figure.dpi + 4
        self.axes.set_title(self.axes.get_title(loc="left"), loc="left", pad=pad, fontweight="bold")
        labels = [self.axes.xaxis.label, *(axes.yaxis.label for axes in self.sides.values())]
        return (self.axes.get_title(loc="left"), *(label.get_text() for label in labels), self.legend.shape)


class _Legend:
    """A row of keys between title and axes, where it hides no data."""

    def __init__(self, plot: Plot) -> None:
        self.axes = plot.axes
        self.handles: list[Any] = []
        self.labels: list[str] = []
        self.theme = plot.theme
        self.legend: Any = None
        self._width = 0.0
        self.shape = ""
        for layer in plot.scene.layers:
            if layer.label and layer.label not in self.labels:
                self.handles.append(_key(layer, plot.theme))
                self.labels.append(layer.label)

    def fit(self, width: float) -> float:
        """Use as many columns as the width allows, and return the height in pixels."""
        if not self.labels:
            return 0.0
        if self.legend is not None and self.legend.get_window_extent().width <= width < 1.1 * self._width:
            return float(self.legend.get_window_extent().height)
        self._width = width
        points = width * 72 / self.axes.figure.dpi
        characters = max(8, int(points / (0.6 * float(mpl.rcParams["legend.fontsize"]))) - 4)
        labels = ["\n".join(textwrap.wrap(label, characters)) for label in self.labels]
        for columns in range(len(labels), 0, -1):
            self.legend = self.axes.legend(
                self.handles, labels, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1), frameon=False,
                borderaxespad=0.0, borderpad=0.25, handlelength=1.4, columnspacing=1.0, handletextpad=0.5,
                labelcolor=self.theme.text, handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
            )  # fmt: skip
            extent = self.legend.get_window_extent()
            if extent.width <= width or columns == 1:
                self.shape = f"{columns} columns of {labels}"
                return float(extent.height)
        return 0.0


def _key(layer: Layer, theme: Theme) -> Artist | tuple[Artist, ...]:
    """Make the sign that stands for a layer in the legend."""
    colour = theme.roles[layer.role]
    match layer:
        case Points():
            return Line2D([], [], ls="", ms=max(4.0, min(layer.size, 6.0)), **_mark(layer, colour))
        case Segments():
            return Line2D([], [], lw=max(layer.width, 1.0), color=colour)
        case Strip():
            return Line2D([], [], lw=STRIP, solid_capstyle="butt", color=colour)
        case Rule():
            return Line2D([], [], ls=DASHES[layer.style], lw=layer.width, color=colour, alpha=layer.opacity)
        case Line():
            return Line2D([], [], ls=DASHES[layer.style], lw=layer.width, color=colour)
        case Arrows():
            return Line2D([], [], lw=0.8, marker=">", markevery=[1], ms=3.5, color=colour)
        case Band():
            return Patch(facecolor=colour, alpha=max(layer.opacity, 0.3), lw=0)
        case Image():
            ends = (theme.roles["fake"], theme.roles["real"])
            return tuple(Patch(facecolor=end, alpha=TINT, lw=0) for end in ends)
        case Histogram():
            return Patch(facecolor=(colour, layer.opacity), edgecolor=colour, lw=0.6)
        case _:
            return Line2D([], [], ls="", marker="s", ms=4, mew=0, color=colour)


def _mark(layer: Points, colour: str) -> dict[str, Any]:
    """Return what makes a point a dot, or a hollow ring with a cross in it."""
    hollow = layer.mark == "missing"
    filling = {"mfc": "none", "mew": 1.0} if hollow else {"mfc": colour, "mew": 0.0}
    return {"marker": MARKS[layer.mark], "mec": colour, **filling}


def _fit(text: Any, room: float) -> None:
    """Break a text into lines of at most ``room`` pixels; where a single word is longer, make it smaller."""
    upright = text.get_rotation() in (90, 270)
    extent = text.get_window_extent()
    length = extent.height if upright else extent.width
    if length <= room or room <= 0:
        return
    lines = text.get_text().split("\n")
    characters = int(room / length * max(map(len, lines)))
    text.set_text("\n".join(textwrap.wrap(" ".join(lines), max(1, characters), break_long_words=False)))
    extent = text.get_window_extent()
    length = extent.height if upright else extent.width
    text.set_fontsize(text.get_fontsize() * min(1.0, max(0.6, room / length)))


def _set_log(axes: Axes, name: Literal["x", "y"]) -> None:
    """Set a logarithmic axis: plain numbers over a short range, 10⁻² and the like over a long one.

    In plain letters that every reader of SVG shows.
    """

    def span() -> float:
        low, high = axis.get_view_interval()
        return math.log10(high / low) if 0 < low < high else math.inf

    def number(value: float, _: object = None) -> str:
        exponent = math.floor(math.log10(value) + 1e-9) if value > 0 else 0
        if span() < SHORT and -4 <= exponent < 5:
            return f"{value:.0f}" if value >= 1 else f"{value:.2g}"
        return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))

    def between(value: float, _: object) -> str:
        leading = round(value / 10.0 ** math.floor(math.log10(value) + 1e-9)) if value > 0 else 0
        shown = range(2, 10) if span() < 0.6 else (2, 5) if span() < SHORT else ()
        return number(value) if leading in shown else ""

    (axes.set_xscale if name == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if name == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(number))
    axis.set_minor_locator(LogLocator(subs=range(2, 10)))
    axis.set_minor_formatter(FuncFormatter(between))


def _masked(values: Array, log: bool | Sequence[bool]) -> Array:
    """Leave a gap where a value is not finite, or has no place on a logarithmic axis."""
    values = np.asarray(values, dtype=np.float64)
    usable = np.isfinite(values) & ((values > 0) | ~np.asarray(log))
    return np.where(usable, np.clip(values, -LARGEST, LARGEST), np.nan)


def _cut(values: Array, axis: Axis) -> Array:
    """Bring values nearer that lie too far outside the range of their axis, where that is fixed."""
    if axis.scale == "log" or not _usable(axis):
        return values
    low, high = cast(tuple[float, float], axis.range)
    return np.clip(values, low - FURTHEST * (high - low), high + FURTHEST * (high - low))


def _real_rows(rows: Array) -> Array:
    return rows[np.isfinite(rows).all(axis=1)]


def _set_range(setter: Any, axis: Axis) -> None:
    if _usable(axis):
        setter(*cast(tuple[float, float], axis.range))


def _named(axis: Axis) -> tuple[list[float], list[str]]:
    """Return the places of the ticks, and their names."""
    return [place for place, _ in axis.ticks], [name for _, name in axis.ticks]


def _usable(axis: Axis) -> bool:
    """Whether an axis has a range that can be drawn."""
    if axis.range is None:
        return False
    low, high = axis.range
    return math.isfinite(low) and math.isfinite(high) and low < high and (axis.scale != "log" or low > 0)
