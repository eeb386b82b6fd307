"""How the views over steps are to be drawn: what the person chose, for the window and for figures made of it."""

from __future__ import annotations

from dataclasses import dataclass

from .pins import Pin
from .scene import Scale


@dataclass(frozen=True)
class CurveOptions:
    """Choices for one view over steps.

    Attributes
    ----------
    steps : {"linear", "log"}
        Scale of the steps.
    values : {"linear", "log"}, optional
        Scale of the values, on both sides where there are two; None: as the view is drawn by itself.
    window : int
        Steps over which curves are smoothed; 0: not at all. See ``ganviz.plots.smoothing``.
    pins : tuple of Pin
        Curves of other runs that lie below, at most `ganviz.plots.pins.MOST`.
    """

    steps: Scale = "linear"
    values: Scale | None = None
    window: int = 0
    pins: tuple[Pin, ...] = ()


PLAIN = CurveOptions()
"""A view as it is drawn by itself."""
