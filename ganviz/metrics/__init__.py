"""What is measured: divergences, transport and modes, each with its estimator named."""

from .definitions import METRICS, Metric
from .densities import density
from .evaluate import Reference, evaluate

__all__ = ["METRICS", "Metric", "Reference", "density", "evaluate"]
