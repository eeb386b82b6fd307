"""The texts of a session file as types, and how much of everything it may have; docs/session.md describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from ganviz.engine.game import Layout
from ganviz.experiment.files import MOST_LANES

from .codec import ChangeEntry, Line, Name, Plain, Step
from .container import BRANCHES, LOGS, Damaged
from .room import MOST_BRANCHES, MOST_TABLES, measurable

FORMAT, WITHOUT_PIECES = 2, 1
"""Of files, and of those whose logs are short enough to stand with the rest: earlier versions read these."""
LONGEST_NOTES = 500_000
"""Characters of the notes at most."""
MOST_PARTS = 131_072
"""Keyframes, and blocks of metrics, of all branches at most, those that several have counted for each."""
MOST_PIECES = 1000
"""Texts of the changes of a branch at most."""
MOST_EVIDENCE = 32
"""Numbers that speak for a diagnosis at most."""
MOST_FOUND, MOST_TOLD = 65_536, 262_144
"""Diagnoses of all branches, and numbers that speak for them, at most."""
MOST_COUNTED = 2**60
MOST_SECONDS = 1e9
"""Seconds of training at most: thirty years."""
FASTEST, AT_ONCE = 1e7, 65_536
"""Steps per second that nobody trains, and steps that are believed without a time."""
NAMED = 16
"""Bytes of the name of an array."""

Hexadecimal = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Length = Annotated[int, Meta(ge=0, le=2**31)]
Pair = Annotated[list[float], Meta(min_length=2, max_length=2)]
Anything = NDArray[Any]


class ArrayEntry(Struct):
    """Little-endian numbers, row by row."""

    member: Hexadecimal
    shape: Annotated[list[Length], Meta(max_length=2)]


class FindingEntry(Struct):
    """A diagnosis over the steps at which it was seen; evidence of null is not a number.

    JSON has no infinite numbers: ``infinite`` has the places of those that are, from 1 on, negative for negative ones.
    """

    name: Name
    good: bool
    since: Step
    first_seen: Step
    last_seen: Step
    sentence: Line
    evidence: Annotated[list[tuple[Name, float | None]], Meta(max_length=MOST_EVIDENCE)] = []
    infinite: Annotated[list[int], Meta(max_length=MOST_EVIDENCE)] = []


class TableEntry(Struct):
    """The numbers (rows, columns) of a file of data, and what is known of the file."""

    points: ArrayEntry
    columns: Annotated[list[Line], Meta(min_length=1, max_length=2)]
    rows: Length
    left_out: Length
    source: Line = ""
    first: Line = ""


class BranchEntry(Struct):
    """``shared`` groups of changes are the first ones of the parent; ``log`` and ``pieces`` texts have the others.

    ``known`` diagnoses are the parent's, by their places; -1 stands for the next of ``findings``.
    """

    name: Name
    first: dict[Name, Plain]
    end: Step
    step: Step
    shift: Pair
    scale: Pair
    steps: ArrayEntry
    numbers: ArrayEntry
    seconds: ArrayEntry
    counters: ArrayEntry
    last: ArrayEntry
    blocks: ArrayEntry
    metrics: ArrayEntry
    measured_steps: ArrayEntry
    measured: ArrayEntry
    shared: Annotated[int, Meta(ge=0)] = 0
    log: list[ChangeEntry] = []
    pieces: Annotated[int, Meta(ge=0, le=MOST_PIECES)] = 0
    findings: list[FindingEntry] = []
    known: list[int] | None = None
    parent: int = -1
    since: Step = 0
    table: int = -1
    host: Line = ""
    diverged: Line = ""


class BookmarkEntry(Struct):
    """A step of a branch, by its place, and its name."""

    branch: Annotated[int, Meta(ge=0)]
    step: Step
    name: Name


class Manifest(Struct):
    """What there is in a file: how many branches, and the names of the columns of all their metrics."""

    format: int
    version: Line
    branches: Annotated[int, Meta(ge=1, le=MOST_BRANCHES)]
    step_metrics: list[Name]
    sample_metrics: list[Name]
    recorded: list[Name]
    shown: Annotated[list[int], Meta(min_length=1, max_length=MOST_LANES)]
    tables: Annotated[list[TableEntry], Meta(max_length=MOST_TABLES)] = []
    bookmarks: list[BookmarkEntry] = []
    notes: Annotated[str, Meta(max_length=LONGEST_NOTES)] = ""


class Head(Struct):
    """What every format has."""

    format: int = 0
    version: str = ""


def allow(count: int, most: int, what: str) -> None:
    """Refuse more of something than a file may have, when it is written as when it is read."""
    if count > most:
        raise Damaged(f"it has {count:,} {what}, more than the {most:,} that a file holds")


def check_units(shift: Sequence[float], scale: Sequence[float]) -> None:
    """Refuse units of data in which nothing can be measured."""
    if not measurable(shift, scale):
        raise Damaged(f"its data is shifted by {shift} and scaled by {scale}, which is no unit to measure in")


def parameter_parts(places: Layout) -> tuple[tuple[int, int], ...]:
    """Return where the parameters of all players begin and end."""
    return tuple((player.parameters, player.parameters + player.network.size) for player in places.players)


def check_finite(numbers: Anything, parts: Sequence[tuple[int, int]]) -> None:
    """Refuse a kept state with a parameter that is not finite."""
    if not all(np.isfinite(numbers[start:stop]).all() for start, stop in parts):
        raise Damaged("a parameter in one of its kept states is not finite")


def page(place: int) -> str:
    """Return the name of the text of a branch."""
    return f"{BRANCHES}{place}.json"


def piece(place: int, number: int) -> str:
    """Return the name of a text of the changes of a branch."""
    return f"{LOGS}{place}-{number}.json"
