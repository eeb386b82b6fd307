"""An experiment in progress, and what is measured of it."""

from typing import TYPE_CHECKING

from ganviz._lazy import attach

from .frame import Frame, Need, Surface
from .history import History, Series

if TYPE_CHECKING:
    from .glance import Glance
    from .measurer import SAMPLE_METRICS, Measured, Measurer
    from .observer import Observer
    from .run import STEP_METRICS, Change, Run, TrainingDiverged

# These need the engine; what views look at does not.
__getattr__ = attach(
    __name__,
    {
        "Glance": "glance",
        "Measured": "measurer",
        "Measurer": "measurer",
        "Observer": "observer",
        "SAMPLE_METRICS": "measurer",
        **dict.fromkeys(("STEP_METRICS", "Change", "Run", "TrainingDiverged"), "run"),
    },
)

__all__ = [
    "SAMPLE_METRICS",
    "STEP_METRICS",
    "Change",
    "Frame",
    "Glance",
    "History",
    "Measured",
    "Measurer",
    "Need",
    "Observer",
    "Run",
    "Series",
    "Surface",
    "TrainingDiverged",
]
