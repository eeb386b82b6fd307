"""GANs and Wasserstein GANs that train live in one and two dimensions.

>>> import ganviz
>>> run = ganviz.Run(ganviz.load("ring-wgan-clip"))
>>> run.advance(100)
>>> run.frame().fake.shape
(1000, 2)

The names below are imported at their first use, so that a window can appear before the engine is loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import metrics
    from .engine.gradients import gradients
    from .experiment import Experiment, ExperimentError, load, presets
    from .run import Frame, Run, TrainingDiverged


_PLACES = {
    "Experiment": "experiment",
    "ExperimentError": "experiment",
    "load": "experiment",
    "presets": "experiment",
    "Frame": "run",
    "Run": "run",
    "TrainingDiverged": "run",
    "gradients": "engine.gradients",
}

__all__ = [
    "Experiment",
    "ExperimentError",
    "Frame",
    "Run",
    "TrainingDiverged",
    "__version__",
    "gradients",
    "load",
    "metrics",
    "presets",
]


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return import_module(".metrics", __name__)
    if name in _PLACES:
        return getattr(import_module(f".{_PLACES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
