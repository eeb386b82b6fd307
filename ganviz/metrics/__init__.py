"""What is measured: divergences, transport and modes, each with its estimator named and its noise floor."""

from typing import TYPE_CHECKING

from ganviz._lazy import attach

from .definitions import METRICS, Metric

if TYPE_CHECKING:
    from .densities import density
    from .evaluation import Reference, evaluate
    from .floor import Band, Floor, distance_from_floor, noise_floor, worse
    from .plan import Plan, transport_plan

# These need the engine; the table of metrics does not.
__getattr__ = attach(
    __name__,
    {
        "Band": "floor",
        "Floor": "floor",
        "Plan": "plan",
        "Reference": "evaluation",
        "density": "densities",
        "distance_from_floor": "floor",
        "evaluate": "evaluation",
        "noise_floor": "floor",
        "transport_plan": "plan",
        "worse": "floor",
    },
)

__all__ = [
    "METRICS", "Band", "Floor", "Metric", "Plan", "Reference", "density", "distance_from_floor", "evaluate",
    "noise_floor", "transport_plan", "worse",
]  # fmt: skip
