"""What is known exactly: closed forms, known distributions, optimal discriminators, small games."""

from typing import TYPE_CHECKING

from ganviz._lazy import attach

if TYPE_CHECKING:
    from . import closed_forms, divergence, games
    from .distributions import Distribution, distribution_of
    from .line import Line
    from .optimal import generator_gradient, optimal_loss, optimal_output
    from .plane import Plane
    from .potential import PlanePotential, line_potential, plane_potential, sample_line_potential

__getattr__ = attach(
    __name__,
    {
        "Distribution": "distributions",
        "Line": "line",
        "Plane": "plane",
        "PlanePotential": "potential",
        "closed_forms": "closed_forms",
        "distribution_of": "distributions",
        "divergence": "divergence",
        "games": "games",
        "generator_gradient": "optimal",
        "line_potential": "potential",
        "optimal_loss": "optimal",
        "optimal_output": "optimal",
        "plane_potential": "potential",
        "sample_line_potential": "potential",
    },
)

__all__ = [
    "Distribution", "Line", "Plane", "PlanePotential", "closed_forms", "distribution_of", "divergence", "games",
    "generator_gradient", "line_potential", "optimal_loss", "optimal_output", "plane_potential",
    "sample_line_potential",
]  # fmt: skip
