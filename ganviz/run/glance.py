"""What an onlooker takes of a run at one step: copies, so that the run may go on meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.data import DataPlan
from ganviz.engine.network import Floats
from ganviz.experiment import Experiment

from .history import Series
from .recorded import Logged


@dataclass(frozen=True)
class Glance:
    """A run at one step.

    Attributes
    ----------
    experiment : Experiment
        With all changes so far.
    data : DataPlan
        Its data with shift and scale.
    numbers : (n,)
        What the engine keeps from step to step; only what the networks compute with where no more was asked for.
    counters : (k,)
        Steps, cursors and updates.
    metrics : dict
        Those of the step's own batches.
    end : int
        The newest step that was trained: what is measured before it is not remembered, for it was.
    logged : Logged
        What led to it.
    history, recent : dict, optional
        Series of these metrics by name, where they were asked for: over all steps, and one by one over the newest.
    diverged : str
        The sentence where the run has diverged.
    """

    step: int
    experiment: Experiment
    data: DataPlan
    numbers: Floats
    counters: NDArray[np.int64]
    metrics: Mapping[str, float]
    end: int
    logged: Logged
    history: Mapping[str, Series] | None = None
    recent: Mapping[str, Series] | None = None
    diverged: str = ""

    @property
    def past(self) -> bool:
        """Whether the run has gone on from there."""
        return self.step < self.end
