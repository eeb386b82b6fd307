"""GANs and Wasserstein GANs that train live in one and two dimensions.

>>> import ganviz
>>> run = ganviz.Run(ganviz.load("ring-wgan-clip"))
>>> run.advance(100)
>>> run.frame().fake.shape
(1000, 2)

The names below are imported at their first use, so that a window can appear before the engine is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import attach
from ._version import __version__

if TYPE_CHECKING:
    from . import metrics, run, theory
    from .engine.gradients import gradients
    from .experiment import Experiment, ExperimentError, load, presets
    from .run import Frame, Run, TrainingDiverged


__getattr__ = attach(
    __name__,
    {
        "Experiment": "experiment",
        "ExperimentError": "experiment",
        "Frame": "run",
        "Run": "run",
        "TrainingDiverged": "run",
        "gradients": "engine.gradients",
        "load": "experiment",
        "metrics": "metrics",
        "presets": "experiment",
        "run": "run",
        "theory": "theory",
    },
)

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
    "run",
    "theory",
]
