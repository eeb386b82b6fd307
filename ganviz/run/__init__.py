"""An experiment in progress, and what is measured of it."""

from .frame import Frame, Need, Surface
from .history import History, Series
from .run import SAMPLE_METRICS, STEP_METRICS, Change, Run, TrainingDiverged

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
