"""An experiment in progress, and what is measured of it."""

from typing import TYPE_CHECKING

from ganviz._lazy import attach

from .frame import Frame, Need, Surface
from .history import History, Series

if TYPE_CHECKING:
    from .run import SAMPLE_METRICS, STEP_METRICS, Change, Run, TrainingDiverged

# These need the engine; what views look at does not.
__getattr__ = attach(
    __name__, dict.fromkeys(("SAMPLE_METRICS", "STEP_METRICS", "Change", "Run", "TrainingDiverged"), "run")
)

__all__ = [
    "SAMPLE_METRICS",
    "STEP_METRICS",
    "Change",
    "Frame",
    "History",
    "Need",
    "Run",
    "Series",
    "Surface",
    "TrainingDiverged",
]
