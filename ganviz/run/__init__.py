"""An experiment in progress, and what is measured of it."""

from typing import TYPE_CHECKING

from ganviz._lazy import attach

from .frame import Frame, Mark, Need, Surface
from .history import History, Series

if TYPE_CHECKING:
    from .divergence import ReplayDiverged, TrainingDiverged
    from .glance import Glance
    from .measurer import Measured, Measurer
    from .memory import SAMPLE_METRICS
    from .metrics import STEP_METRICS
    from .observer import Observer
    from .recorded import Change
    from .run import Run
    from .session import Session

# These need the engine; what views look at does not.
__getattr__ = attach(
    __name__,
    {
        "Glance": "glance",
        "Measured": "measurer",
        "Measurer": "measurer",
        "Observer": "observer",
        "SAMPLE_METRICS": "memory",
        "Change": "recorded",
        "Session": "session",
        **{"Run": "run", "STEP_METRICS": "metrics"},
        **dict.fromkeys(("ReplayDiverged", "TrainingDiverged"), "divergence"),
    },
)

__all__ = [
    "SAMPLE_METRICS",
    "STEP_METRICS",
    "Change",
    "Frame",
    "Glance",
    "History",
    "Mark",
    "Measured",
    "Measurer",
    "Need",
    "Observer",
    "ReplayDiverged",
    "Run",
    "Series",
    "Session",
    "Surface",
    "TrainingDiverged",
]
