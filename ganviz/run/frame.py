"""What was measured at one step: an immutable record that views turn into pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, auto

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment

from .history import Series

Floats = NDArray[np.float64]


class Need(Flag):
    """What somebody looks at; only that is computed."""

    SAMPLES = auto()
    SURFACE = auto()
    PULLS = auto()
    MAP = auto()
    METRICS = auto()
    HISTORY = auto()

    @classmethod
    def all(cls) -> Need:
        """Everything."""
        return cls.SAMPLES | cls.SURFACE | cls.PULLS | cls.MAP | cls.METRICS | cls.HISTORY


@dataclass(frozen=True)
class Surface:
    """The discriminator's raw output over the data's box.

    Attributes
    ----------
    x : (n,)
        Grid of the first axis, in the data's own units.
    y : (m,)
        Grid of the second axis; empty in one dimension.
    outputs : (n,) or (m, n)
        Raw outputs.
    slopes : (n,)
        In one dimension their derivative in x; else empty.
    """

    x: Floats
    y: Floats
    outputs: Floats
    slopes: Floats


@dataclass(frozen=True)
class Frame:
    """One step of a run; samples and places in the data's own units.

    Attributes
    ----------
    step : int
        Finished steps.
    real, fake : (n, d)
        Samples for show: the same real ones, and fakes of the same noise, at every step.
    noise : (n, dimension)
        What the fakes were made of.
    box : tuple of (low, high)
        The range of each axis worth showing; the same throughout a run.
    metrics : dict
        Value by name; see ``ganviz.metrics.METRICS``. Losses and norms are those of the step's own batches.
    surface, pulls, pull_norms, map : optional
        None where nobody needed them. ``pulls`` (k, d) and ``pull_norms`` (k,) belong to the first k fakes: see
        ``ganviz.engine.evaluation.Evaluator.pulls``. ``map`` is (noise (n,), samples (n, d)), the generator along
        the first component of the noise, the others at 0.
    average : (n, d), optional
        What the averaged generator makes of the same noise, where there is one.
    density : tuple of (n,), optional
        In one dimension, where it is known: places and the real density there.
    history : dict
        Series by name.
    mode_count : int
        Modes of the data; 0 where none are defined.
    notice : str
        What the person should know about the data.
    """

    step: int
    experiment: Experiment
    real: Floats
    fake: Floats
    noise: Floats
    box: tuple[tuple[float, float], ...]
    metrics: Mapping[str, float]
    surface: Surface | None = None
    pulls: Floats | None = None
    pull_norms: Floats | None = None
    map: tuple[Floats, Floats] | None = None
    average: Floats | None = None
    density: tuple[Floats, Floats] | None = None
    history: Mapping[str, Series] | None = None
    mode_count: int = 0
    notice: str = ""
