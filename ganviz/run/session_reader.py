"""From the texts and arrays of a session file to a session; nothing in it is believed unchecked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from ganviz import __version__
from ganviz.engine.game import layout
from ganviz.engine.machine import FIRST_PLAYER, STEP
from ganviz.engine.step import RECORDED
from ganviz.experiment import Experiment
from ganviz.experiment.table import Table

from .codec import Allowance, experiment_of, read_log
from .container import MANIFEST, SAVED, Bytes, Container, Damaged
from .memory import MOST as MOST_MEASURED
from .memory import SAMPLE_METRICS
from .metrics import STEP_METRICS
from .recorded import (
    Block,
    Bookmark,
    BranchState,
    Change,
    Finding,
    Keyframe,
    Logged,
    Measurements,
    Recorded,
    SessionState,
)
from .room import MOST_SHARED, MOST_TABLED
from .schema import (
    AT_ONCE,
    FASTEST,
    FORMAT,
    MOST_COUNTED,
    MOST_FOUND,
    MOST_PARTS,
    MOST_SECONDS,
    MOST_TOLD,
    NAMED,
    Anything,
    ArrayEntry,
    BranchEntry,
    FindingEntry,
    Head,
    Manifest,
    TableEntry,
    allow,
    check_finite,
    check_units,
    page,
    parameter_parts,
    piece,
)


class Reader:
    """Reads the session of a container; raises `Damaged` and `ExperimentError`, and what the libraries raise."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._members: dict[str, Bytes] = {}
        self._spread: dict[tuple[str, tuple[int, ...]], Anything] = {}
        self._made = self._shared = self._parts = self._tabled = 0
        self._found = self._told = self._known = 0
        self._allowance = Allowance()
        self._finite: set[tuple[str, tuple[tuple[int, int], ...]]] = set()
        self._branches: list[BranchState] = []
        content = container.text(MANIFEST)
        head = msgspec.json.decode(content, type=Head)
        if head.format < 1:
            raise Damaged("there is no format of this number")
        if head.format > FORMAT:
            raise Damaged(
                f"it is of format {head.format}, written by ganviz {head.version[:40]}; this is ganviz {__version__}, "
                f"which reads formats up to {FORMAT}"
            )
        self._manifest = msgspec.json.decode(content, type=Manifest)
        self._tables = [self._table(table) for table in self._manifest.tables]

    def session(self) -> SessionState:
        """Read all of it."""
        manifest, branches = self._manifest, self._branches
        for place in range(manifest.branches):
            branch = msgspec.json.decode(self._container.text(page(place)), type=BranchEntry)
            if not -1 <= branch.parent < place:
                raise Damaged(f"branch {place + 1} has no parent before it")
            if branch.parent >= 0 and branch.since > branches[branch.parent].recorded.end:
                raise Damaged(f"branch {place + 1} begins after the end of its parent")
            branches.append(BranchState(branch.name, self._recorded(place, branch), branch.parent, branch.since))
        count = len(branches)
        if len(set(manifest.shown)) != len(manifest.shown) or not all(0 <= place < count for place in manifest.shown):
            raise Damaged("it shows branches that it does not have")
        marks = tuple(Bookmark(mark.branch, mark.step, mark.name) for mark in manifest.bookmarks)
        if any(mark.branch >= count or mark.step > branches[mark.branch].recorded.end for mark in marks):
            raise Damaged("a bookmark lies outside its branches")
        return SessionState(tuple(branches), marks, manifest.notes, tuple(manifest.shown))

    def _recorded(self, place: int, kept: BranchEntry) -> Recorded:
        first = experiment_of(kept.first, self._table_at(kept.table))
        if not 0 <= kept.step <= kept.end:
            raise Damaged("a run stands outside its time")
        check_units(kept.shift, kept.scale)
        changes, after = self._log(place, kept, first)
        return Recorded(
            first, kept.end, kept.step, np.array(kept.shift, np.float64), np.array(kept.scale, np.float64),
            changes, self._keyframes(kept, first), self._blocks(kept), self._measured(kept),
            self._findings(kept), kept.host, kept.diverged, after,
        )  # fmt: skip

    def _findings(self, kept: BranchEntry) -> tuple[Finding, ...]:
        self._found += len(kept.findings)
        allow(self._found, MOST_FOUND, "diagnoses")
        self._told += sum(len(found.evidence) for found in kept.findings)
        allow(self._told, MOST_TOLD, "numbers in its diagnoses")
        own = [_finding(found, kept.end) for found in kept.findings]
        if kept.known is None:
            return tuple(own)
        parents = self._branches[kept.parent].recorded.findings if kept.parent >= 0 else ()
        self._known += len(kept.known)
        allow(self._known, MOST_SHARED, "diagnoses in its branches")
        if kept.known.count(-1) != len(own) or not all(-1 <= place < len(parents) for place in kept.known):
            raise Damaged("its diagnoses are not those of its parent and its own")
        others = iter(own)
        found = tuple(next(others) if place < 0 else parents[place] for place in kept.known)
        if any(finding.last_seen > kept.end for finding in found):
            raise Damaged("a diagnosis lies outside the time of its run")
        return found

    def _log(
        self, place: int, kept: BranchEntry, first: Experiment
    ) -> tuple[tuple[Change, ...], tuple[Experiment, ...]]:
        self._shared += kept.shared
        allow(self._shared, MOST_SHARED, "changes in its branches")
        past = None
        if kept.shared:
            parent = self._branches[kept.parent].recorded if kept.parent >= 0 else None
            if parent is None or kept.shared > len(parent.after) or parent.first != first:
                raise Damaged("its changes begin with those of another run, which are not there")
            shared = tuple(change for change in parent.log if change.group < kept.shared)
            if shared[-1].step > kept.end:
                raise Damaged("a change lies outside the time of its run")
            past = Logged(first, shared, tuple(parent.after[: kept.shared]))
        self._allowance.take(kept.log)
        texts = (self._container.text(piece(place, number)) for number in range(kept.pieces))
        log = chain(kept.log, self._allowance.unpack(texts))
        changes, after = read_log(first, log, kept.end, self._table_at, past)
        self._shared += len(after) - kept.shared
        return changes, after

    def _count(self, parts: int) -> None:
        self._parts += parts
        allow(self._parts, MOST_PARTS, "kept states")

    def _keyframes(self, kept: BranchEntry, first: Experiment) -> tuple[Keyframe, ...]:
        count = kept.steps.shape[0] if kept.steps.shape else 0
        self._count(count)
        steps = self._array(kept.steps, np.int64, (count,))
        if not count or steps[0] != 0 or steps[-1] != kept.end:
            raise Damaged("its kept states do not reach from the beginning to the end")
        if (steps[1:] <= steps[:-1]).any():
            raise Damaged("its kept states are not in order")
        names = self._names(kept.numbers, count)
        places = layout(first)
        seconds = self._array(kept.seconds, np.float64, (count,))
        counters = self._array(kept.counters, np.int64, (count, FIRST_PLAYER + len(places.players)))
        if not np.array_equal(counters[:, STEP], steps) or (counters < 0).any() or (counters > MOST_COUNTED).any():
            raise Damaged("its kept states are of other steps than they say")
        if not (seconds <= MOST_SECONDS).all() or seconds[0] < 0 or (seconds[1:] < seconds[:-1]).any():
            raise Damaged("the times of its kept states are not in order")
        if (np.diff(steps) > AT_ONCE + FASTEST * np.diff(seconds)).any():
            # Whoever goes to one of the steps between would train for longer than there is time.
            raise Damaged("it claims more steps than anybody trains in the time that they took")
        measured = self._columns(kept.last, np.float64, count, self._manifest.recorded, RECORDED)
        kind = np.float32 if first.precision == 32 else np.float64
        parts = parameter_parts(places)
        frames: list[Keyframe] = []
        for i, name in enumerate(names):
            numbers = self._named(name, kind, (places.kept,))
            if (name, parts) not in self._finite:
                # Training ends before it keeps such a state, and what looks at one relies on that.
                check_finite(numbers, parts)
                self._finite.add((name, parts))
            frames.append(Keyframe(int(steps[i]), numbers, counters[i], measured[i], float(seconds[i])))
        return tuple(frames)

    def _blocks(self, kept: BranchEntry) -> tuple[Block, ...]:
        count = kept.blocks.shape[0] if kept.blocks.shape else 0
        self._count(count)
        about: list[list[int]] = self._array(kept.blocks, np.int64, (count, 3)).tolist()
        names = self._names(kept.metrics, 3 * count)
        found: list[Block] = []
        end = 1
        for place, (first, stride, rows) in enumerate(about):
            if first != end or stride < 1 or rows < 1 or first + stride * rows > kept.end + 1:
                raise Damaged("its metrics are not in order")
            end = first + stride * rows
            low, mean, high = (
                self._columns(ArrayEntry(name, [rows, len(self._manifest.step_metrics)]), np.float32, rows,
                              self._manifest.step_metrics, STEP_METRICS)
                for name in names[3 * place : 3 * place + 3]
            )  # fmt: skip
            if stride == 1 and not (low is mean is high):
                raise Damaged("the metrics of a step are not one number each")
            found.append(Block(first, stride, low, mean, high))
        if end != kept.end + 1:
            raise Damaged("its metrics do not reach to its end")
        return tuple(found)

    def _measured(self, kept: BranchEntry) -> Measurements:
        shape = kept.measured_steps.shape
        allow(math.prod(shape), MOST_MEASURED, "measurements")
        steps = self._array(kept.measured_steps, np.int64, tuple(shape) if len(shape) == 1 else (-1,))
        if len(steps) and (steps[0] < 0 or steps[-1] > kept.end or (steps[1:] <= steps[:-1]).any()):
            raise Damaged("its measurements are not in order")
        names = self._manifest.sample_metrics
        return Measurements(steps, self._columns(kept.measured, np.float64, len(steps), names, SAMPLE_METRICS))

    def _table(self, kept: TableEntry) -> Table:
        shape = (kept.points.shape[0], len(kept.columns)) if len(kept.points.shape) == 2 else (0, 0)
        self._tabled += math.prod(shape)
        allow(self._tabled, MOST_TABLED, "numbers in files of data")
        points = self._array(kept.points, np.float64, shape)
        if len(points) < 2 or not np.isfinite(points).all():
            raise Damaged("the numbers of its data are not all finite")
        return Table(points, tuple(kept.columns), kept.rows, kept.left_out, kept.source, kept.first)

    def _table_at(self, place: int) -> Table | None:
        if place < 0:
            return None
        if place >= len(self._tables):
            raise Damaged("a table of its data is missing")
        return self._tables[place]

    def _columns(
        self, array: ArrayEntry, kind: Any, rows: int, names: Sequence[str], wanted: Sequence[str]
    ) -> Anything:
        """Return columns (rows, wanted) by their names: those that a file does not have are not numbers."""
        if not names or len(set(names)) != len(names):
            raise Damaged("the names of its metrics are not those of columns")
        values = self._array(array, kind, (rows, len(names)))
        key = array.member, values.shape
        if list(names) == list(wanted):
            return self._spread.setdefault(key, values)
        if key not in self._spread:
            self._made += rows * len(wanted) * values.itemsize
            if self._made > SAVED:
                raise Damaged("it has too few columns of metrics for so many steps")
            places = {name: place for place, name in enumerate(names)}
            found = np.full((rows, len(wanted)), np.nan, values.dtype)
            for place, name in enumerate(wanted):
                if name in places:
                    found[:, place] = values[:, places[name]]
            found.setflags(write=False)
            self._spread[key] = found
        return self._spread[key]

    def _names(self, array: ArrayEntry, count: int) -> list[str]:
        """Return the names of arrays out of an array of names."""
        return [bytes(name).hex() for name in self._array(array, np.uint8, (count, NAMED))]

    def _array(self, array: ArrayEntry, kind: Any, shape: tuple[int, ...]) -> Anything:
        if tuple(array.shape) != shape:
            raise Damaged(f"an array has the shape {tuple(array.shape)} instead of {shape}")
        return self._named(array.member, kind, shape)

    def _named(self, name: str, kind: Any, shape: tuple[int, ...]) -> Anything:
        kind = np.dtype(kind)
        size = kind.itemsize * math.prod(shape)
        if name not in self._members:
            self._members[name] = self._container.array(name, size)
        data = self._members[name]
        if len(data) != size:
            raise Damaged(f"the array {name} has {len(data):,} bytes instead of {size:,}")
        # On processors that keep numbers the other way round this is a copy.
        found = data.view(kind.newbyteorder("<")).astype(kind, copy=False).reshape(shape)
        found.setflags(write=False)
        return found


def _finding(kept: FindingEntry, end: int) -> Finding:
    if not kept.first_seen <= kept.last_seen <= end:
        raise Damaged("a diagnosis lies outside the time of its run")
    numbers = [math.nan if value is None else value for _, value in kept.evidence]
    for place in kept.infinite:
        if not 1 <= abs(place) <= len(numbers):
            raise Damaged("an infinite number of a diagnosis is nowhere in it")
        numbers[abs(place) - 1] = math.copysign(math.inf, place)
    evidence = tuple((name, value) for (name, _), value in zip(kept.evidence, numbers, strict=True))
    return Finding(
        kept.name, kept.good, kept.since, kept.first_seen, kept.last_seen, kept.sentence, evidence
    )  # fmt: skip
