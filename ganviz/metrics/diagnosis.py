"""Diagnoses: what is going wrong or well, in words, with the evidence and the step since when.

The diagnostician keeps the evidence, asks the rules, and lets no diagnosis come or go on a whim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ganviz.experiment import Experiment

from .evidence import Curve, Evidence, Floats, Floors, Truths
from .oscillation import OscillationWatch
from .rules_of_diagnosis import APPEARS, RULES, STAYS, Growth, Rule

OF_THE_GAME = ("data", "objective", "penalty", "discriminator", "generator", "instance_noise", "noise")
"""Sections that say what the gradient is; the others say what is made of it."""
GAP = 2
"""Measurements in a row without the symptom that do not end it, when looking back for where it began."""


@dataclass(frozen=True)
class Diagnosis:
    """One finding.

    Attributes
    ----------
    name : str
        "mode_collapse", "vanishing_gradient", "saturated_discriminator", "clip_saturation", "oscillation",
        "divergence" or "converged".
    since : int
        The step since when.
    sentence : str
        For the person: what, with the evidence in numbers.
    evidence : tuple of (name, value)
        The numbers.
    good : bool
        Whether it is good news.
    """

    name: str
    since: int
    sentence: str
    evidence: tuple[tuple[str, float], ...] = ()
    good: bool = False


def as_column(diagnoses: Iterable[Diagnosis]) -> str:
    """Return diagnoses as one cell of a table, such as ``mode_collapse@1200 oscillation@3400``; empty for none."""
    return " ".join(f"{diagnosis.name}@{diagnosis.since}" for diagnosis in diagnoses)


class Diagnostician:
    """Tells what is going wrong or well in a run, from its measurements alone: deterministic in what it observed.

    Parameters
    ----------
    experiment : Experiment
    floors : dict
        For metrics by name the band of a perfect generator; empty where not known yet, see `set_floors`.

    Examples
    --------
    >>> import ganviz
    >>> run = ganviz.Run(ganviz.load("two-gaussians-gan"))
    >>> diagnostician = Diagnostician(run.experiment, {})
    >>> for _ in range(20):  # doctest: +SKIP
    ...     run.advance(100)
    ...     frame = run.frame()
    ...     found = diagnostician.observe(frame.step, frame.metrics, frame.history, frame.missing)
    """

    def __init__(self, experiment: Experiment, floors: Floors) -> None:
        self._floors = dict(floors)
        self._evidence = Evidence(experiment)
        self._watch = OscillationWatch()
        self._found: dict[str, Diagnosis] = {}
        self._diverged: Diagnosis | None = None

    @property
    def found(self) -> tuple[Diagnosis, ...]:
        """The diagnoses that stand now."""
        first = () if self._diverged is None else (self._diverged,)
        return first + tuple(d for d in self._found.values() if self._diverged is None or d.name != Growth.name)

    def set_floors(self, floors: Floors) -> None:
        """Take the noise floors, which count from the next observation on, for what was observed before too."""
        self._floors = dict(floors)

    def observe(
        self,
        step: int,
        metrics: Mapping[str, float],
        history: Mapping[str, Curve] | None = None,
        missing: Floats | None = None,
    ) -> tuple[Diagnosis, ...]:
        """Take one measurement, and return the diagnoses that stand.

        Parameters
        ----------
        step : int
            Finished steps. A step before the last one observed (a run that was set back) makes all evidence void; the
            same step again is not counted twice.
        metrics : dict
            Value by name; see ``ganviz.metrics.METRICS``. What is not there is not judged.
        history : dict, optional
            Curves over all steps by name.
        missing : (k, d), optional
            Centres of the modes that are not captured.
        """
        evidence = self._evidence
        if evidence.steps and step < evidence.step:
            self._restart(evidence.experiment, min(evidence.first, step))
            evidence = self._evidence
        if metrics and (not evidence.steps or step > evidence.step):
            evidence.add(step, metrics, history, missing)
        evidence.floors = self._floors
        if evidence.steps:
            # On the way to a divergence there are infinities of either sign, and numbers that cannot be squared.
            with np.errstate(over="ignore", invalid="ignore"):
                self._judge()
        return self.found

    def change(self, experiment: Experiment, step: int) -> None:
        """Begin anew: the rules changed after ``step`` steps, and what was found under the old ones is void.

        Of the scales, the run's first W1 stays unless the data changed, and the largest norm of the generator's
        gradient stays unless the game did.
        """
        before, old = self._evidence.experiment, self._evidence
        same_game = all(getattr(before, name) == getattr(experiment, name) for name in OF_THE_GAME)
        self._restart(
            experiment,
            step,
            old.start_w1 if before.same_data(experiment) else np.nan,
            old.peak_norm if same_game else np.nan,
        )

    def diverged(self, step: int, sentence: str) -> None:
        """Take note that the run diverged in a step; it stands until something is changed."""
        self._diverged = Diagnosis("divergence", step, sentence, (("step", float(step)),))

    def _restart(self, experiment: Experiment, step: int, start_w1: float = np.nan, peak_norm: float = np.nan) -> None:
        self._evidence = Evidence(experiment, step, start_w1, peak_norm)
        self._watch = OscillationWatch()
        self._found.clear()
        self._diverged = None

    def _judge(self) -> None:
        found: dict[str, Diagnosis] = {}
        for rule in RULES:
            diagnosis = self._ask(rule)
            if diagnosis is not None:
                found[rule.name] = diagnosis
        oscillation = self._watch.look(self._evidence)
        if oscillation is not None:
            since, sentence, numbers = oscillation
            found[self._watch.name] = Diagnosis(self._watch.name, since, sentence, numbers)
        self._found = found

    def _ask(self, rule: Rule) -> Diagnosis | None:
        evidence, standing = self._evidence, self._found.get(rule.name)
        truths = rule.holds(evidence, standing is not None)
        if truths is None:
            return None
        share = float(np.mean(truths[evidence.window]))
        if standing is not None:
            if share < STAYS:
                return None
            since = standing.since
        else:
            if not evidence.ripe or not truths[-1] or share < APPEARS or rule.waits(evidence):
                return None
            since = evidence.steps[_beginning(truths)]
        sentence, numbers = rule.tell(evidence, since)
        return Diagnosis(rule.name, since, sentence, numbers, rule.good)


def spread(samples: Floats, real: Floats) -> float:
    """Return the extent of samples (n, d) over that of real points (m, d), on the axis where it is largest.

    The metric ``spread``, by which a collapse is seen where the data has no modes. Extents reach from the 5 % to the
    95 % quantile: heavy tails have no standard deviation, and a sample of them any.
    """
    ends = [np.quantile(points, [0.05, 0.95], axis=0) for points in (real, samples)]
    of_data, of_samples = (high - low for low, high in ends)
    known = of_data > 0
    return float((of_samples[known] / of_data[known]).max()) if known.any() else np.nan


def _beginning(truths: Truths) -> int:
    """Return the first place of the newest run of truths, over gaps of up to `GAP`."""
    places = np.flatnonzero(truths)
    breaks = np.flatnonzero(np.diff(places) > GAP + 1)
    return int(places[breaks[-1] + 1] if len(breaks) else places[0])
