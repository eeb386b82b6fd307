"""The rules by which a run is diagnosed, each with its thresholds; docs/diagnoses.md tells what they are based on.

A rule tells of each measurement whether its symptom shows (`Rule.holds`). The diagnosis appears when it shows in
`APPEARS` of the window (see `ganviz.metrics.evidence`) and goes when it shows in less than `STAYS`; while it stands,
the thresholds are looser. Oscillation has its own rule, in `ganviz.metrics.oscillation`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import ClassVar

import numpy as np

from ganviz.experiment import Experiment

from .definitions import METRICS
from .evidence import SAMPLES, Evidence, Truths

APPEARS, STAYS = 0.8, 0.5
"""Share of the window in which a symptom shows for a diagnosis to appear, and to stay."""

ENOUGH = 10
"""High-quality samples for each mode of the data, below which a mode may go without one by chance (e^-10)."""
FEW, STILL_FEW = 0.5, 0.75
"""Share of all modes of which no more are captured: few, whichever they are."""
NARROW, STILL_NARROW = 1 / 3, 0.45
"""Standard deviation of the samples over that of the data, on the axis where it is largest: one blob."""
PATIENCE = 1000
"""Steps that a generator has for finding the modes."""
BETTER = 0.9
"""W1 fell to this share of the window's before and of the run's first, or below: slow, not collapsed."""
MOVED = 0.15
"""W1 was once away from the run's first by this share: before that, the generator has not begun."""
NAMED = 5
"""Missing modes that a sentence names."""

VANISHED, STILL_VANISHED = 1e-2, 3e-2
"""Norm of the generator's gradient over the largest it had."""
FAR = 0.25
"""Share of the run's first W1 above which the samples are far from the data ..."""
ABOVE_FLOOR = 3.0
"""... if it is also this many times the upper end of the noise floor, where one is known."""

SURE, STILL_SURE = 0.01, 0.02
"""Distance of mean D(x) from 1 and of mean D(G(z)) from 0 within which the discriminator is saturated."""

PILED, STILL_PILED = 0.75, 0.6
"""Share of the critic's parameters at the clip bound."""

LOST = 10.0
"""W1 over the run's first (or over that many times the noise floor's upper end): the samples fly off."""
PARTS = 3
"""Quantities that a sentence on divergence names."""
GROWN, GROWING = 1e3, 2.0
"""A loss or gradient norm over its first, at least 1, and over the window before: growing over decades."""

INSIDE, MOSTLY = 1.0, 0.75
"""W1 over the upper end of its floor, and share of the other metrics inside theirs, at a converged measurement."""
STILL_INSIDE = 1.25
"""W1 over the upper end of its floor, to stay."""

Told = tuple[str, tuple[tuple[str, float], ...]]


class Rule(ABC):
    """One diagnosis: when its symptom shows, and what to say of it."""

    name: ClassVar[str]
    good: ClassVar[bool] = False

    @abstractmethod
    def holds(self, evidence: Evidence, held: bool) -> Truths | None:
        """Return whether the symptom shows at each measurement (n,), by the looser thresholds if the diagnosis stands.

        None where the rule has no meaning.
        """

    def waits(self, evidence: Evidence) -> bool:
        """Return whether the diagnosis is not to appear yet although the symptom shows in the window."""
        return False

    @abstractmethod
    def tell(self, evidence: Evidence, since: int) -> Told:
        """Return the sentence and the numbers."""


class ModeCollapse(Rule):
    """Fewer modes than the data has, for long, or all samples in one place.

    Three symptoms. *Few*: at most half of the modes have a high-quality sample, whichever they are, though there are
    enough such samples for all. *Lost*: the same mode has none in four measurements of five. *Narrow*: the samples
    extend over less than a third of the data's width on every axis (wants the metric ``spread``). A
    generator that gets better, in W1 or in modes, or that has not moved yet, is slow and not collapsed.
    """

    name = "mode_collapse"

    def holds(self, evidence: Evidence, held: bool) -> Truths | None:
        """See `Rule`."""
        narrow = evidence.values("spread") < (STILL_NARROW if held else NARROW)
        count = count_modes(evidence.experiment)
        if count < 2:
            return narrow
        enough = evidence.values("high_quality") * SAMPLES >= ENOUGH * count / (2 if held else 1)
        few = evidence.values("modes") <= count * (STILL_FEW if held else FEW)
        lost = self._lost(evidence)
        misses = np.array([not lost.isdisjoint(missing) for missing in evidence.missing], dtype=np.bool_)
        return narrow | (enough & (few | misses))

    def waits(self, evidence: Evidence) -> bool:
        """Wait while there was no time, while the generator has not begun, and while it gets better."""
        now, before = evidence.window, evidence.window_before
        if evidence.age < PATIENCE or not before.stop:
            return True
        w1, start = evidence.median("w1", now), evidence.start_w1
        better = w1 < BETTER * min(evidence.median("w1", before), start)
        moved = np.any(np.abs(evidence.values("w1") / start - 1) > MOVED) if start > 0 else True
        return better or not moved or evidence.median("modes", now) > evidence.median("modes", before)

    def tell(self, evidence: Evidence, since: int) -> Told:
        """See `Rule`."""
        count, spread, w1 = count_modes(evidence.experiment), evidence.median("spread"), evidence.median("w1")
        parts: list[str] = []
        numbers: list[tuple[str, float]] = [("w1", w1)]
        if count >= 2:
            modes = evidence.median("modes")
            lost, now = self._lost(evidence), evidence.missing[-1]
            listed = _listed("missing all the time", lost) if lost else _listed("missing now", now)
            parts.append(f"{modes:.0f} of {count} modes captured" + listed)
            numbers += [("modes", modes), ("of", float(count))]
        if spread < STILL_NARROW:
            parts.append(f"the samples extend over {spread:.2g} of the data's width")
            numbers.append(("spread", spread))
        return f"Mode collapse since step {since:,}: " + "; ".join(parts) + f". W1 is {w1:.3g}.", tuple(numbers)

    @staticmethod
    def _lost(evidence: Evidence) -> frozenset[tuple[float, ...]]:
        """Return the modes that are missing in nearly the whole window."""
        missing = evidence.missing[evidence.window]
        every = frozenset[tuple[float, ...]]().union(*missing)
        return frozenset(mode for mode in every if sum(mode in some for some in missing) >= APPEARS * len(missing))


class VanishingGradient(Rule):
    """The generator's gradient fell by two orders of magnitude while the samples are far from the data.

    Arjovsky and Bottou (2017), figure 2: under a discriminator that tells all samples apart, the minimax generator's
    gradient falls over decades. A gradient that is small because the samples fit is none.
    """

    name = "vanishing_gradient"

    def holds(self, evidence: Evidence, held: bool) -> Truths | None:
        """See `Rule`."""
        norm, w1 = evidence.values("generator_gradient_norm"), evidence.values("w1")
        far = w1 > FAR * evidence.start_w1
        if "w1" in evidence.floors:
            far &= w1 > ABOVE_FLOOR * evidence.floors["w1"][1]
        return far & (norm <= (STILL_VANISHED if held else VANISHED) * evidence.peak_norm)

    def tell(self, evidence: Evidence, since: int) -> Told:
        """See `Rule`."""
        norm, w1 = evidence.median("generator_gradient_norm"), evidence.median("w1")
        numbers = [("generator_gradient_norm", norm), ("largest", evidence.peak_norm), ("w1", w1)]
        sentence = (
            f"Vanishing gradient since step {since:,}: the generator's gradient has norm {norm:.2g}, at its largest "
            f"{evidence.peak_norm:.2g}, while W1 is still {w1:.3g}"
        )
        real, fake = evidence.median("mean_real"), evidence.median("mean_fake")
        if not np.isnan(real + fake):
            sentence += f"; mean D(x) is {real:.4g}, mean D(G(z)) {fake:.2g}"
            numbers += [("mean_real", real), ("mean_fake", fake)]
        return sentence + ".", tuple(numbers)


class SaturatedDiscriminator(Rule):
    """The discriminator is sure of every sample: mean D(x) is pinned at 1 and mean D(G(z)) at 0."""

    name = "saturated_discriminator"

    def holds(self, evidence: Evidence, held: bool) -> Truths | None:
        """See `Rule`; only where the discriminator gives probabilities."""
        if not evidence.experiment.objective.probability:
            return None
        bound = STILL_SURE if held else SURE
        return (evidence.values("mean_real") > 1 - bound) & (evidence.values("mean_fake") < bound)

    def tell(self, evidence: Evidence, since: int) -> Told:
        """See `Rule`."""
        real, fake = evidence.median("mean_real"), evidence.median("mean_fake")
        return (
            f"Saturated discriminator since step {since:,}: it is sure of every sample, "
            f"mean D(x) is {real:.4g}, mean D(G(z)) {fake:.2g}.",
            (("mean_real", real), ("mean_fake", fake)),
        )


class ClipSaturation(Rule):
    """Most of the critic's parameters are at the clip bound, so that the bound and not the data shapes the critic.

    Gulrajani et al. (2017), figure 1 and section 3: under clipping the weights pile up at both ends, and the critic
    becomes about as simple as it can be.
    """

    name = "clip_saturation"

    def holds(self, evidence: Evidence, held: bool) -> Truths | None:
        """See `Rule`; only where weights are clipped."""
        if evidence.experiment.discriminator.clip <= 0:
            return None
        return evidence.values("clip_fraction") > (STILL_PILED if held else PILED)

    def tell(self, evidence: Evidence, since: int) -> Told:
        """See `Rule`."""
        share, bound = evidence.median("clip_fraction"), evidence.experiment.discriminator.clip
        sentence = f"Clip saturation since step {since:,}: {share:.0%} of the weights are at the bound ±{bound:g}"
        numbers = [("clip_fraction", share), ("clip", bound)]
        slope = evidence.median("slope_data")
        if not np.isnan(slope):
            sentence += f"; the largest slope on the data is {slope:.2g}, where W1 wants 1"
            numbers.append(("slope_data", slope))
        return sentence + ".", tuple(numbers)


class Growth(Rule):
    """Samples, losses or gradients grow without bound; what is no longer finite is told by the run itself."""

    name = "divergence"

    QUANTITIES = (
        ("generator_loss", "the generator's loss"),
        ("discriminator_loss", "the discriminator's loss"),
        ("critic_w1", "the critic's estimate of W1"),
        ("generator_gradient_norm", "the generator's gradient"),
        ("discriminator_gradient_norm", "the discriminator's gradient"),
    )

    def holds(self, evidence: Evidence, held: bool) -> Truths | None:
        """See `Rule`."""
        symptom = evidence.values("w1") > self._bound(evidence) / (2 if held else 1)
        for name, _ in self.QUANTITIES:
            values = np.abs(evidence.values(name))
            over = values > GROWN * self._first(evidence, name) / (2 if held else 1)
            if held or self._grows(evidence, name):
                symptom |= over
        return symptom

    def tell(self, evidence: Evidence, since: int) -> Told:
        """See `Rule`."""
        w1, bound = evidence.median("w1"), self._bound(evidence)
        parts: list[str] = []
        numbers: list[tuple[str, float]] = [("w1", w1), ("first_w1", evidence.start_w1)]
        if w1 > bound / 2:
            parts.append(f"W1 is {w1:.3g}, at the start it was {evidence.start_w1:.3g}")
        for name, label in self.QUANTITIES:
            now, first = evidence.median(name), self._first(evidence, name)
            if abs(now) > GROWN * first / 2:
                parts.append(f"{label} is {now:.3g}, at first {first:.3g}")
                numbers.append((name, now))
        return f"Divergence since step {since:,}: " + "; ".join(parts[:PARTS]) + ".", tuple(numbers)

    @staticmethod
    def _bound(evidence: Evidence) -> float:
        floor = evidence.floors.get("w1", (0.0, 0.0))[1]
        return LOST * max(evidence.start_w1, LOST * floor)

    @staticmethod
    def _first(evidence: Evidence, name: str) -> float:
        """Return the typical size at first, at least 1."""
        values = np.abs(evidence.values(name)[:10])
        known = values[np.isfinite(values)]
        return max(1.0, float(np.median(known))) if len(known) else np.inf

    @staticmethod
    def _grows(evidence: Evidence, name: str) -> bool:
        now, before = (np.abs(evidence.values(name, part)) for part in (evidence.window, evidence.window_before))
        return bool(len(before) and np.median(now) > GROWING * np.median(before))


class Converged(Rule):
    """W1 and most other metrics are where a perfect generator's are, at the same number of samples."""

    name = "converged"
    good = True

    def holds(self, evidence: Evidence, held: bool) -> Truths | None:
        """See `Rule`; only where noise floors are known."""
        floors, names = evidence.floors, evidence.floored()
        if "w1" not in names:
            return None
        within = evidence.values("w1") <= (STILL_INSIDE if held else INSIDE) * floors["w1"][1]
        others = [name for name in names if name != "w1"]
        if others:
            inside = np.mean([self._inside(evidence, name) for name in others], axis=0)
            within &= inside >= (STAYS if held else MOSTLY)
        return within

    def tell(self, evidence: Evidence, since: int) -> Told:
        """See `Rule`."""
        w1, (low, high) = evidence.median("w1"), evidence.floors["w1"]
        names = evidence.floored()
        inside = sum(bool(np.mean(self._inside(evidence, name)[evidence.window]) >= STAYS) for name in names)
        return (
            f"Converged: sits within the noise floor since step {since:,}: W1 {w1:.3g}, a perfect generator scores "
            f"{low:.3g} to {high:.3g}; {inside} of {len(names)} metrics are in their bands.",
            (
                ("w1", w1),
                ("floor_low", low),
                ("floor_high", high),
                ("inside", float(inside)),
                ("of", float(len(names))),
            ),
        )

    @staticmethod
    def _inside(evidence: Evidence, name: str) -> Truths:
        """Return whether a metric is no worse than a perfect generator's at each measurement."""
        (low, high), values = evidence.floors[name], evidence.values(name)
        best = METRICS[name].best if name in METRICS else "low"
        return ((values >= low) | (best == "low")) & ((values <= high) | (best == "high"))


RULES: tuple[Rule, ...] = (
    Growth(), ModeCollapse(), VanishingGradient(), SaturatedDiscriminator(), ClipSaturation(), Converged(),
)  # fmt: skip


@lru_cache(maxsize=8)
def count_modes(experiment: Experiment) -> int:
    """Return the number of modes of an experiment's data; 0 where none are defined."""
    from ganviz.engine.data import modes_of

    modes = modes_of(experiment)
    return 0 if modes is None else len(modes[0])


def _listed(label: str, missing: frozenset[tuple[float, ...]]) -> str:
    if not missing:
        return ""
    centres = sorted(missing)
    # What trigonometry leaves of a zero is none.
    size = max(abs(part) for centre in centres for part in centre) or 1.0
    rounded = [[round(part / size, 9) * size + 0.0 for part in centre] for centre in centres[:NAMED]]
    named = ", ".join(f"({', '.join(f'{part:.3g}' for part in centre)})" for centre in rounded)
    more = f", and {len(centres) - NAMED} more" if len(centres) > NAMED else ""
    return f"; {label}: {named}{more}"
