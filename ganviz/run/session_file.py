"""Sessions as files; docs/session.md describes the format."""

from __future__ import annotations

import errno
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from ganviz import __version__
from ganviz.engine.game import layout
from ganviz.engine.machine import FIRST_PLAYER, STEP
from ganviz.engine.step import RECORDED
from ganviz.experiment import Experiment, ExperimentError, to_toml
from ganviz.experiment.table import Table

from .codec import MOST_CHANGES, ChangeEntry, Line, Name, Plain, Step, experiment_of, plain, plain_log, read_log
from .container import BRANCHES, EXPERIMENT, MANIFEST, SAVED, Bytes, Container, Damaged, bytes_of, digest, write
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

FORMAT = 1
MOST_BRANCHES = 1000
LANES = 4
LONGEST_NOTES = 500_000
"""Characters of the notes at most."""
MOST_TABLES = 256
MOST_TABLED = 2**25
"""Numbers of all files of data at most."""
MOST_PARTS = 131_072
"""Keyframes, and blocks of metrics, of all branches at most, those that several have counted for each."""
MOST_SHARED = 1_000_000
"""Groups of changes of all branches at most, counted in the same way."""
MOST_COUNTED = 2**60
NAMED = 16
"""Bytes of the name of an array."""

Hexadecimal = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Length = Annotated[int, Meta(ge=0, le=2**31)]
Pair = Annotated[list[float], Meta(min_length=2, max_length=2)]
Anything = NDArray[Any]

BAD = (
    Damaged, msgspec.MsgspecError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError,
    RuntimeError, OverflowError, RecursionError, UnicodeError, ValueError, KeyError, IndexError, MemoryError,
)  # fmt: skip
"""What a file that is no session, or not whole, may lead to in the libraries that read it."""


class _Array(Struct):
    """Little-endian numbers, row by row."""

    member: Hexadecimal
    shape: Annotated[list[Length], Meta(max_length=2)]


class _Finding(Struct):
    name: Name
    good: bool
    since: Step
    first_seen: Step
    last_seen: Step
    sentence: Line
    evidence: list[tuple[Name, float | None]] = []


class _Table(Struct):
    points: _Array
    columns: Annotated[list[Line], Meta(min_length=1, max_length=2)]
    rows: Length
    left_out: Length
    source: Line = ""
    first: Line = ""


class _Branch(Struct):
    """``shared`` groups of changes are the first ones of the parent, ``log`` has those after them."""

    name: Name
    first: dict[Name, Plain]
    end: Step
    step: Step
    shift: Pair
    scale: Pair
    steps: _Array
    numbers: _Array
    seconds: _Array
    counters: _Array
    last: _Array
    blocks: _Array
    metrics: _Array
    measured_steps: _Array
    measured: _Array
    shared: Annotated[int, Meta(ge=0)] = 0
    log: list[ChangeEntry] = []
    findings: list[_Finding] = []
    parent: int = -1
    since: Step = 0
    table: int = -1
    host: Line = ""
    diverged: Line = ""


class _Bookmark(Struct):
    branch: Annotated[int, Meta(ge=0)]
    step: Step
    name: Name


class _Manifest(Struct):
    format: int
    version: Line
    branches: Annotated[int, Meta(ge=1, le=MOST_BRANCHES)]
    step_metrics: list[Name]
    sample_metrics: list[Name]
    recorded: list[Name]
    shown: Annotated[list[int], Meta(min_length=1, max_length=LANES)]
    tables: Annotated[list[_Table], Meta(max_length=MOST_TABLES)] = []
    bookmarks: list[_Bookmark] = []
    notes: Annotated[str, Meta(max_length=LONGEST_NOTES)] = ""


class _Format(Struct):
    format: int = 0
    version: str = ""


def _allow(count: int, most: int, what: str) -> None:
    """Refuse more of something than a file may have, when it is written as when it is read."""
    if count > most:
        raise Damaged(f"it has {count:,} {what}, more than the {most:,} that a file holds")


# ---------------------------------------------------------------- writing


def write_session(path: Path, state: SessionState) -> None:
    """Write a session, whole or not at all.

    Raises
    ------
    OSError
        With a sentence, where the file cannot be written, or the session has more than is read again; what stood there
        before is untouched.
    """
    try:
        writer = _Writer(state)
        texts = {
            MANIFEST: msgspec.json.encode(writer.manifest),
            EXPERIMENT: to_toml(state.branches[state.shown[0]].recorded.first).encode(),
        }
        texts |= {_page(place): msgspec.json.encode(branch) for place, branch in enumerate(writer.branches)}
    except (Damaged, UnicodeError) as error:
        raise OSError(errno.EINVAL, f"the session could not be saved: {error}", str(path)) from error
    write(path, texts, writer.arrays)


def _page(place: int) -> str:
    return f"{BRANCHES}{place}.json"


class _Writer:
    """Turns a session into texts and arrays; what occurs twice is written once."""

    def __init__(self, state: SessionState) -> None:
        self.arrays: dict[str, Anything] = {}
        self._tables: dict[Table, int] = {}
        self._kept: list[_Table] = []
        self._state = state
        self._changes = 0
        recorded = [branch.recorded for branch in state.branches]
        for count, most, what in (
            (len(recorded), MOST_BRANCHES, "branches"),
            (len(state.notes), LONGEST_NOTES, "characters of notes"),
            (sum(len(kept.keyframes) + len(kept.blocks) for kept in recorded), MOST_PARTS, "kept states"),
            (sum(len(kept.after) for kept in recorded), MOST_SHARED, "changes in its branches"),
        ):
            _allow(count, most, what)
        self.branches = [self._branch(branch) for branch in state.branches]
        self.manifest = _Manifest(
            FORMAT,
            __version__,
            len(self.branches),
            list(STEP_METRICS),
            list(SAMPLE_METRICS),
            list(RECORDED),
            list(state.shown),
            self._kept,
            [_Bookmark(mark.branch, mark.step, _text(mark.name, 200)) for mark in state.bookmarks],
            _text(state.notes, LONGEST_NOTES),
        )

    def _branch(self, branch: BranchState) -> _Branch:
        kept, frames = branch.recorded, branch.recorded.keyframes
        measured = kept.measurements or Measurements(np.empty(0, np.int64), np.empty((0, len(SAMPLE_METRICS))))
        shared, log = self._log(branch)
        blocks, metrics = self._blocks(kept.blocks)
        return _Branch(
            name=_text(branch.name, 200),
            first=plain(kept.first),
            table=self._table(kept.first.table),
            end=kept.end,
            step=kept.step,
            shift=kept.shift.tolist(),
            scale=kept.scale.tolist(),
            steps=self._array(np.array([frame.step for frame in frames], np.int64)),
            numbers=self._names([self._member(frame.numbers) for frame in frames]),
            seconds=self._array(np.array([frame.seconds for frame in frames], np.float64)),
            counters=self._array(np.array([frame.counters for frame in frames], np.int64)),
            last=self._array(np.array([frame.last for frame in frames], np.float64)),
            blocks=blocks,
            metrics=metrics,
            measured_steps=self._array(measured.steps),
            measured=self._array(measured.values),
            shared=shared,
            log=log,
            findings=[
                _Finding(
                    _text(found.name, 200), found.good, found.since, found.first_seen, found.last_seen,
                    _text(found.sentence, 2000), [(_text(name, 200), float(value)) for name, value in found.evidence],
                )
                for found in kept.findings
            ],
            parent=branch.parent,
            since=branch.since,
            host=_text(kept.host, 2000),
            diverged=_text(kept.diverged, 2000),
        )  # fmt: skip

    def _log(self, branch: BranchState) -> tuple[int, list[ChangeEntry]]:
        """Return how many groups of changes are those of the parent, and the others."""
        kept = branch.recorded
        if len({change.group for change in kept.log}) != len(kept.after):
            raise Damaged("a change in it does not say what it changed")
        shared = 0
        if branch.parent >= 0:
            shared = _common(kept, self._state.branches[branch.parent].recorded)
        self._changes += len(kept.after) - shared
        _allow(self._changes, MOST_CHANGES, "changes")
        return shared, plain_log((x for x in kept.log if x.group >= shared), kept.after, self._table)

    def _blocks(self, blocks: Sequence[Block]) -> tuple[_Array, _Array]:
        """Return what tells of the blocks, and the names of their arrays: three for each, least, mean and greatest."""
        about = np.array([(block.first, block.stride, len(block.mean)) for block in blocks], np.int64).reshape(-1, 3)
        names: list[str] = []
        for block in blocks:
            mean = self._member(block.mean)
            names += [mean] * 3 if block.stride == 1 else [self._member(block.low), mean, self._member(block.high)]
        return self._array(about), self._names(names)

    def _names(self, names: Sequence[str]) -> _Array:
        return self._array(np.frombuffer(bytes.fromhex("".join(names)), np.uint8).reshape(-1, NAMED))

    def _table(self, table: Table | None) -> int:
        if table is None:
            return -1
        if table not in self._tables:
            _allow(len(self._kept) + 1, MOST_TABLES, "files of data")
            self._tables[table] = len(self._kept)
            self._kept.append(
                _Table(
                    self._array(table.points), [column[:2000] for column in table.columns], table.rows, table.left_out,
                    table.source[:2000], table.first[:2000],
                )
            )  # fmt: skip
        return self._tables[table]

    def _array(self, values: Anything) -> _Array:
        return _Array(self._member(values), list(values.shape))

    def _member(self, values: Anything) -> str:
        name = digest(bytes_of(values))
        self.arrays[name] = values
        return name


def _common(kept: Recorded, parent: Recorded) -> int:
    """Return how many of the first groups of changes two runs have in common."""
    if kept.first != parent.first:
        return 0
    most = 0
    for own, other in zip(kept.after, parent.after, strict=False):
        if own != other:
            break
        most += 1
    for own, other in zip(kept.log, parent.log, strict=False):
        if own != other or own.group != other.group:
            return min(most, own.group, other.group)
    # Of the last group that both logs have, one may have more.
    count = min(len(kept.log), len(parent.log))
    return min([most, *(log[count].group for log in (kept.log, parent.log) if count < len(log))])


def _text(text: str, length: int) -> str:
    """Cut a text to what is read again; half characters, which some keyboards make, become question marks."""
    return text[:length].encode("utf-8", "replace").decode()


# ---------------------------------------------------------------- reading


def read_session(path: Path) -> SessionState:
    """Read a session file; nothing in it is believed unchecked.

    Raises
    ------
    ExperimentError
        One sentence that names the file and what is wrong with it.
    """
    try:
        if not path.is_file():
            what = "this is not a file" if path.exists() else "there is no such file"
            raise ExperimentError(f"{path}: {what}; a .ganviz session is needed")
        with path.open("rb") as file:
            return _Reader(Container(file)).session()
    except ExperimentError as error:
        text = str(error)
        known = text.startswith(str(ExperimentError(str(path))))
        raise ExperimentError(text if known else f"{path}: {text}") from error
    except OSError as error:
        raise ExperimentError(f"{path}: the session cannot be read: {error.strerror or error}") from error
    except BAD as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ExperimentError(f"{path}: this is not a session that can be opened: {reason}") from error


class _Reader:
    def __init__(self, container: Container) -> None:
        self._container = container
        self._members: dict[str, Bytes] = {}
        self._spread: dict[tuple[str, tuple[int, ...]], Anything] = {}
        self._made = self._changes = self._shared = self._parts = self._tabled = 0
        self._branches: list[BranchState] = []
        content = container.text(MANIFEST)
        head = msgspec.json.decode(content, type=_Format)
        if head.format > FORMAT:
            raise Damaged(
                f"it is of format {head.format}, written by ganviz {head.version[:40]}; this is ganviz {__version__}, "
                f"which reads formats up to {FORMAT}"
            )
        self._manifest = msgspec.json.decode(content, type=_Manifest)
        self._tables = [self._table(table) for table in self._manifest.tables]

    def session(self) -> SessionState:
        manifest, branches = self._manifest, self._branches
        for place in range(manifest.branches):
            branch = msgspec.json.decode(self._container.text(_page(place)), type=_Branch)
            if not -1 <= branch.parent < place:
                raise Damaged(f"branch {place + 1} has no parent before it")
            if branch.parent >= 0 and branch.since > branches[branch.parent].recorded.end:
                raise Damaged(f"branch {place + 1} begins after the end of its parent")
            branches.append(BranchState(branch.name, self._recorded(branch), branch.parent, branch.since))
        count = len(branches)
        if len(set(manifest.shown)) != len(manifest.shown) or not all(0 <= place < count for place in manifest.shown):
            raise Damaged("it shows branches that it does not have")
        marks = tuple(Bookmark(mark.branch, mark.step, mark.name) for mark in manifest.bookmarks)
        if any(mark.branch >= count or mark.step > branches[mark.branch].recorded.end for mark in marks):
            raise Damaged("a bookmark lies outside its branches")
        return SessionState(tuple(branches), marks, manifest.notes, tuple(manifest.shown))

    def _recorded(self, kept: _Branch) -> Recorded:
        first = experiment_of(kept.first, self._table_at(kept.table))
        if not 0 <= kept.step <= kept.end:
            raise Damaged("a run stands outside its time")
        if not all(np.isfinite([*kept.shift, *kept.scale])) or not all(scale > 0 for scale in kept.scale):
            raise Damaged("the scale of its data is no positive number")
        changes, after = self._log(kept, first)
        return Recorded(
            first, kept.end, kept.step, np.array(kept.shift, np.float64), np.array(kept.scale, np.float64),
            changes, self._keyframes(kept, first), self._blocks(kept), self._measured(kept),
            tuple(_finding(found, kept.end) for found in kept.findings), kept.host, kept.diverged, after,
        )  # fmt: skip

    def _log(self, kept: _Branch, first: Experiment) -> tuple[tuple[Change, ...], tuple[Experiment, ...]]:
        own = len({change.group for change in kept.log})
        self._changes, self._shared = self._changes + own, self._shared + kept.shared + own
        _allow(self._changes, MOST_CHANGES, "changes")
        _allow(self._shared, MOST_SHARED, "changes in its branches")
        past = None
        if kept.shared:
            parent = self._branches[kept.parent].recorded if kept.parent >= 0 else None
            if parent is None or kept.shared > len(parent.after) or parent.first != first:
                raise Damaged("its changes begin with those of another run, which are not there")
            shared = tuple(change for change in parent.log if change.group < kept.shared)
            if shared[-1].step > kept.end:
                raise Damaged("a change lies outside the time of its run")
            past = Logged(first, shared, tuple(parent.after[: kept.shared]))
        return read_log(first, kept.log, kept.end, self._table_at, past)

    def _count(self, parts: int) -> None:
        self._parts += parts
        _allow(self._parts, MOST_PARTS, "kept states")

    def _keyframes(self, kept: _Branch, first: Experiment) -> tuple[Keyframe, ...]:
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
        if not np.isfinite(seconds).all() or seconds[0] < 0 or (seconds[1:] < seconds[:-1]).any():
            raise Damaged("the times of its kept states are not in order")
        measured = self._columns(kept.last, np.float64, count, self._manifest.recorded, RECORDED)
        kind = np.float32 if first.precision == 32 else np.float64
        return tuple(
            Keyframe(
                int(steps[i]), self._named(name, kind, (places.kept,)), counters[i], measured[i], float(seconds[i])
            )
            for i, name in enumerate(names)
        )

    def _blocks(self, kept: _Branch) -> tuple[Block, ...]:
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
                self._columns(_Array(name, [rows, len(self._manifest.step_metrics)]), np.float32, rows,
                              self._manifest.step_metrics, STEP_METRICS)
                for name in names[3 * place : 3 * place + 3]
            )  # fmt: skip
            if stride == 1 and not (low is mean is high):
                raise Damaged("the metrics of a step are not one number each")
            found.append(Block(first, stride, low, mean, high))
        return tuple(found)

    def _measured(self, kept: _Branch) -> Measurements:
        shape = kept.measured_steps.shape
        _allow(math.prod(shape), MOST_MEASURED, "measurements")
        steps = self._array(kept.measured_steps, np.int64, tuple(shape) if len(shape) == 1 else (-1,))
        if len(steps) and (steps[0] < 0 or steps[-1] > kept.end or (steps[1:] <= steps[:-1]).any()):
            raise Damaged("its measurements are not in order")
        names = self._manifest.sample_metrics
        return Measurements(steps, self._columns(kept.measured, np.float64, len(steps), names, SAMPLE_METRICS))

    def _table(self, kept: _Table) -> Table:
        shape = (kept.points.shape[0], len(kept.columns)) if len(kept.points.shape) == 2 else (0, 0)
        self._tabled += math.prod(shape)
        _allow(self._tabled, MOST_TABLED, "numbers in files of data")
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

    def _columns(self, array: _Array, kind: Any, rows: int, names: Sequence[str], wanted: Sequence[str]) -> Anything:
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

    def _names(self, array: _Array, count: int) -> list[str]:
        """Return the names of arrays out of an array of names."""
        return [bytes(name).hex() for name in self._array(array, np.uint8, (count, NAMED))]

    def _array(self, array: _Array, kind: Any, shape: tuple[int, ...]) -> Anything:
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


def _finding(kept: _Finding, end: int) -> Finding:
    if not kept.first_seen <= kept.last_seen <= end:
        raise Damaged("a diagnosis lies outside the time of its run")
    evidence = tuple((name, float("nan") if value is None else value) for name, value in kept.evidence)
    return Finding(
        kept.name, kept.good, kept.since, kept.first_seen, kept.last_seen, kept.sentence, evidence
    )  # fmt: skip
