"""What was measured at one step: an immutable record that views turn into pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganviz.engine.layers import LayerState
from ganviz.experiment import Experiment
from ganviz.metrics.diagnosis import Diagnosis
from ganviz.metrics.optimum import Optimum
from ganviz.metrics.plan import Plan
from ganviz.metrics.spectrum import Spectrum

from .history import Series
from .recorded import Logged

Floats = NDArray[np.float64]


class Need(Flag):
    """What somebody looks at; only that is computed."""

    SAMPLES = auto()
    SURFACE = auto()
    PULLS = auto()
    MAP = auto()
    METRICS = auto()
    HISTORY = auto()
    OPTIMUM = auto()
    TRANSPORT = auto()
    SPECTRUM = auto()
    LAYERS = auto()
    FLOORS = auto()

    @classmethod
    def all(cls) -> Need:
        """Everything that takes no longer than a blink: all but the spectrum of the game and the noise floors."""
        return ~(cls.SPECTRUM | cls.FLOORS)


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


MarkKind = Literal["change", "diagnosis", "bookmark", "branch"]


@dataclass(frozen=True)
class Mark:
    """Something at a step that is worth finding again.

    Attributes
    ----------
    step : int
        Finished steps at which it is.
    kind : str
        A change of a parameter, a diagnosis that begins, a bookmark of the person's or a branch that leaves.
    label : str
        What it is, without the step.
    good : bool
        Whether a diagnosis is a good one.
    """

    step: int
    kind: MarkKind
    label: str
    good: bool = False


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
    optimum, plan, spectrum : optional
        The best discriminator, the transport plan and the spectrum of the game: the newest there are, of
        ``metrics_step`` or before it.
    spectrum_note : str
        Why there is no spectrum, where there can be none.
    layers : tuple of LayerState, optional
        What goes on in each layer, the generator's first.
    floors : dict
        For metrics by name the band (low, high) in which 95 % of perfect generators' values lie.
    diagnoses : tuple of Diagnosis
        What is going wrong or well.
    missing : (k, d)
        Centres of the modes that are not captured.
    metrics_step : int
        The step whose samples the metrics are of; -1 where nothing was measured yet.
    logged : Logged, optional
        What led to it: with this a picture of it is a save file.
    end : int
        The last step that is recorded; -1: the frame's own.
    marks : tuple of Mark
        What is worth finding again in the whole of the run, in the order of steps.
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
    optimum: Optimum | None = None
    plan: Plan | None = None
    spectrum: Spectrum | None = None
    spectrum_note: str = ""
    layers: tuple[LayerState, ...] | None = None
    floors: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    diagnoses: tuple[Diagnosis, ...] = ()
    missing: Floats = field(default_factory=lambda: np.empty((0, 1)))
    metrics_step: int = -1
    end: int = -1
    logged: Logged | None = None
    marks: tuple[Mark, ...] = ()

    @property
    def past(self) -> bool:
        """Whether the run is recorded beyond this step."""
        return self.end > self.step
