"""What is measured: divergences, transport and modes, each with its estimator named."""

from typing import TYPE_CHECKING

from ganviz._lazy import attach

from .definitions import METRICS, Metric

if TYPE_CHECKING:
    from .densities import density
    from .evaluation import Reference, evaluate

# These need the engine; the table of metrics does not.
__getattr__ = attach(__name__, {"Reference": "evaluation", "density": "densities", "evaluate": "evaluation"})

__all__ = ["METRICS", "Metric", "Reference", "density", "evaluate"]
