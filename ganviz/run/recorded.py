"""What a run keeps of itself, as plain data: what a session file holds and a run is set up from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment, Value

Floats = NDArray[np.floating]

Values = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Change:
    """A parameter changed after ``step`` finished steps.

    Those that changed together, and those that followed them, have the same ``group``, which counts from 0.
    """

    step: int
    path: str
    before: Value
    after: Value
    group: int = field(default=0, compare=False)


@dataclass(frozen=True, eq=False)
class Logged:
    """What led to a state, and maybe to later ones: the experiment at step 0, all changes, and what each group made."""

    first: Experiment
    changes: tuple[Change, ...] = ()
    after: tuple[Experiment, ...] = ()

    def until(self, step: int) -> Logged:
        """Leave out what was changed after a step."""
        changes = tuple(change for change in self.changes if change.step <= step)
        return Logged(self.first, changes, self.after[: changes[-1].group + 1 if changes else 0])


@dataclass(frozen=True, eq=False)
class Keyframe:
    """All that is needed to go on from a step, under the experiment as the log gives it there.

    Attributes
    ----------
    numbers : (n,)
        What the engine keeps from step to step, in the experiment's precision; read-only.
    counters : (k,)
        Steps, cursors and updates; read-only.
    last : (m,)
        What the step's own batches measured; read-only.
    seconds : float
        Training time from step 0, about.
    """

    step: int
    numbers: Floats
    counters: Integers
    last: Values
    seconds: float = 0.0

    @cached_property
    def digest(self) -> str:
        """What tells this state from every other: the same bits have the same digest."""
        found = hashlib.blake2b(self.numbers.tobytes(), digest_size=16)
        found.update(self.counters.tobytes())
        return found.hexdigest()

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return self.numbers.nbytes + self.counters.nbytes + self.last.nbytes


@dataclass(frozen=True, eq=False)
class Block:
    """Metrics of steps in a row: of each ``stride`` steps the least, the mean and the greatest value.

    Row i is about the steps from ``first + i * stride`` on. With a stride of 1 all three are the same array.

    Attributes
    ----------
    low, mean, high : (n, metrics)
        A column for each name of ``STEP_METRICS``; NaN where a metric has no meaning. Read-only.
    """

    first: int
    stride: int
    low: Singles
    mean: Singles
    high: Singles

    @property
    def end(self) -> int:
        """The first step after these."""
        return self.first + self.stride * len(self.mean)


@dataclass(frozen=True, eq=False)
class Measurements:
    """Sample metrics at the steps at which they were measured.

    Attributes
    ----------
    steps : (n,)
        Rising.
    values : (n, metrics)
        A column for each name of ``SAMPLE_METRICS``; NaN: not measured.
    """

    steps: Integers
    values: Values


@dataclass(frozen=True)
class Finding:
    """A diagnosis over the steps at which it was seen, both included."""

    name: str
    good: bool
    since: int
    first_seen: int
    last_seen: int
    sentence: str
    evidence: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Recorded:
    """All that a run has recorded.

    Attributes
    ----------
    first : Experiment
        At step 0. Changes are in the log.
    end : int
        The last step that was trained; there is a keyframe of it.
    step : int
        Where the run stands: at the end or before it.
    shift, scale : (2,)
        Of standardised data: own units = shift + scale * training units.
    diverged : str
        The sentence where training diverged in the step after ``end``.
    after : sequence of Experiment
        The experiment after each group of changes; empty: as `Experiment.replace` gives it.
    """

    first: Experiment
    end: int
    step: int
    shift: Values
    scale: Values
    log: Sequence[Change]
    keyframes: Sequence[Keyframe]
    blocks: Sequence[Block]
    measurements: Measurements | None
    findings: Sequence[Finding]
    host: str = ""
    diverged: str = ""
    after: Sequence[Experiment] = ()


@dataclass(frozen=True)
class Bookmark:
    """A step that the person wants to find again."""

    branch: int
    step: int
    name: str


@dataclass(frozen=True)
class Made:
    """What a person has made of a session: its branches, how many changes there are in each, bookmarks and notes."""

    branches: tuple[tuple[int, str, int], ...] = ()
    changes: tuple[int, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()
    notes: str = ""


@dataclass(frozen=True, eq=False)
class BranchState:
    """A run of a session: its name, and of which other run, by its place, it is a branch from which step on."""

    name: str
    recorded: Recorded
    parent: int = -1
    since: int = 0


@dataclass(frozen=True, eq=False)
class SessionState:
    """A session as plain data.

    Attributes
    ----------
    shown : tuple of int
        Which branches are shown side by side, by their places.
    """

    branches: Sequence[BranchState]
    bookmarks: Sequence[Bookmark] = ()
    notes: str = ""
    shown: tuple[int, ...] = (0,)
