"""Sessions as files; docs/session.md describes the format."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from itertools import pairwise
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

from .codec import MOST_CHANGES, ChangeEntry, Line, Name, Step, experiment_of, plain, plain_log, read_log
from .container import ARRAYS, EXPERIMENT, MANIFEST, Container, Damaged, digest, write
from .memory import SAMPLE_METRICS
from .metrics import STEP_METRICS
from .recorded import (
    Block,
    Bookmark,
    BranchState,
    Finding,
    Keyframe,
    Measurements,
    Recorded,
    SessionState,
)

FORMAT = 1
MOST_BRANCHES = 1000
LANES = 4

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


class _Block(Struct):
    first: Step
    stride: Annotated[int, Meta(ge=1, le=2**40)]
    mean: _Array
    low: _Array | None = None
    high: _Array | None = None


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
    name: Name
    first: dict[str, Any]
    end: Step
    step: Step
    shift: Pair
    scale: Pair
    steps: list[Step]
    numbers: list[Hexadecimal]
    seconds: _Array
    counters: _Array
    last: _Array
    measured_steps: _Array
    measured: _Array
    blocks: list[_Block] = []
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
    branches: Annotated[list[_Branch], Meta(min_length=1, max_length=MOST_BRANCHES)]
    step_metrics: list[Name]
    sample_metrics: list[Name]
    recorded: list[Name]
    shown: Annotated[list[int], Meta(min_length=1, max_length=LANES)]
    tables: Annotated[list[_Table], Meta(max_length=MOST_CHANGES)] = []
    bookmarks: list[_Bookmark] = []
    notes: str = ""


class _Format(Struct):
    format: int = 0
    version: str = ""


# ---------------------------------------------------------------- writing


def write_session(path: Path, state: SessionState) -> None:
    """Write a session, whole or not at all.

    Raises
    ------
    OSError
        With a sentence, where the file cannot be written; what stood there before is untouched.
    """
    writer = _Writer()
    manifest = writer.manifest(state)
    members = {
        MANIFEST: msgspec.json.encode(manifest),
        EXPERIMENT: to_toml(state.branches[state.shown[0]].recorded.first).encode(),
        **writer.members,
    }
    write(path, members)


class _Writer:
    """Turns a session into a manifest and arrays; what occurs twice is written once."""

    def __init__(self) -> None:
        self.members: dict[str, bytes] = {}
        self._tables: dict[Table, int] = {}
        self._kept: list[_Table] = []

    def manifest(self, state: SessionState) -> _Manifest:
        branches = [self._branch(branch) for branch in state.branches]
        return _Manifest(
            FORMAT,
            __version__,
            branches,
            list(STEP_METRICS),
            list(SAMPLE_METRICS),
            list(RECORDED),
            list(state.shown),
            self._kept,
            [_Bookmark(mark.branch, mark.step, mark.name[:200]) for mark in state.bookmarks],
            state.notes,
        )

    def _branch(self, branch: BranchState) -> _Branch:
        kept, frames = branch.recorded, branch.recorded.keyframes
        measured = kept.measurements or Measurements(np.empty(0, np.int64), np.empty((0, len(SAMPLE_METRICS))))
        return _Branch(
            name=branch.name[:200],
            first=plain(kept.first),
            table=self._table(kept.first.table),
            end=kept.end,
            step=kept.step,
            shift=kept.shift.tolist(),
            scale=kept.scale.tolist(),
            steps=[frame.step for frame in frames],
            numbers=[self._member(frame.numbers) for frame in frames],
            seconds=self._array(np.array([frame.seconds for frame in frames])),
            counters=self._array(np.array([frame.counters for frame in frames])),
            last=self._array(np.array([frame.last for frame in frames])),
            measured_steps=self._array(measured.steps),
            measured=self._array(measured.values),
            blocks=[self._block(block) for block in kept.blocks],
            log=self._log(kept),
            findings=[
                _Finding(
                    found.name, found.good, found.since, found.first_seen, found.last_seen, found.sentence[:2000],
                    [(name, float(value)) for name, value in found.evidence],
                )
                for found in kept.findings
            ],
            parent=branch.parent,
            since=branch.since,
            host=kept.host,
            diverged=kept.diverged,
        )  # fmt: skip

    def _log(self, kept: Recorded) -> list[ChangeEntry]:
        if len(kept.after) > MOST_CHANGES:
            raise OSError(
                f"the session could not be saved: it has {len(kept.after):,} changes, more than the {MOST_CHANGES:,} "
                "that a file holds"
            )
        return plain_log(kept.log, kept.after, self._table)

    def _block(self, block: Block) -> _Block:
        if block.stride == 1:
            return _Block(block.first, 1, self._array(block.mean))
        return _Block(
            block.first, block.stride, self._array(block.mean), self._array(block.low), self._array(block.high)
        )

    def _table(self, table: Table | None) -> int:
        if table is None:
            return -1
        if table not in self._tables:
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
        data = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        name = digest(data)
        self.members[ARRAYS + name] = data
        return name


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
        raise ExperimentError(text if text.startswith(str(path)) else f"{path}: {text}") from error
    except OSError as error:
        raise ExperimentError(f"{path}: the session cannot be read: {error.strerror or error}") from error
    except BAD as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ExperimentError(f"{path}: this is not a session that can be opened: {reason}") from error


class _Reader:
    def __init__(self, container: Container) -> None:
        self._container = container
        self._numbers: dict[tuple[str, str], Anything] = {}
        content = container.manifest()
        head = msgspec.json.decode(content, type=_Format)
        if head.format > FORMAT:
            raise Damaged(
                f"it is of format {head.format}, written by ganviz {head.version[:40]}; this is ganviz {__version__}, "
                f"which reads formats up to {FORMAT}"
            )
        self._manifest = msgspec.json.decode(content, type=_Manifest)
        self._tables = [self._table(table) for table in self._manifest.tables]

    def session(self) -> SessionState:
        manifest = self._manifest
        branches: list[BranchState] = []
        for place, branch in enumerate(manifest.branches):
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
        changes, after = read_log(first, kept.log, kept.end, self._table_at)
        return Recorded(
            first, kept.end, kept.step, np.array(kept.shift, np.float64), np.array(kept.scale, np.float64),
            changes, self._keyframes(kept, first), self._blocks(kept), self._measured(kept),
            tuple(_finding(found, kept.end) for found in kept.findings), kept.host, kept.diverged, after,
        )  # fmt: skip

    def _keyframes(self, kept: _Branch, first: Experiment) -> tuple[Keyframe, ...]:
        count, steps = len(kept.steps), kept.steps
        if not count or steps[0] != 0 or steps[-1] != kept.end or len(kept.numbers) != count:
            raise Damaged("its kept states do not reach from the beginning to the end")
        if any(later <= sooner for sooner, later in pairwise(steps)):
            raise Damaged("its kept states are not in order")
        places = layout(first)
        seconds = self._array(kept.seconds, np.float64, (count,))
        counters = self._array(kept.counters, np.int64, (count, FIRST_PLAYER + len(places.players)))
        if not np.array_equal(counters[:, STEP], np.array(steps)) or (counters < 0).any():
            raise Damaged("its kept states are of other steps than they say")
        if not np.isfinite(seconds).all() or (np.diff(seconds) < 0).any():
            raise Damaged("the times of its kept states are not in order")
        measured = _columns(
            self._array(kept.last, np.float64, (count, len(self._manifest.recorded))), self._manifest.recorded, RECORDED
        )
        kind = np.float32 if first.precision == 32 else np.float64
        return tuple(
            Keyframe(step, self._named(name, kind, (places.kept,)), counters[i], measured[i], float(seconds[i]))
            for i, (step, name) in enumerate(zip(steps, kept.numbers, strict=True))
        )

    def _blocks(self, kept: _Branch) -> tuple[Block, ...]:
        found: list[Block] = []
        step = 1
        for block in kept.blocks:
            shape = (block.mean.shape[0], len(self._manifest.step_metrics)) if len(block.mean.shape) == 2 else (0, 0)
            mean = self._metrics(block.mean, shape)
            whole = block.stride == 1
            if not whole and (block.low is None or block.high is None):
                raise Damaged("the extremes of its metrics are missing")
            low = mean if whole or block.low is None else self._metrics(block.low, shape)
            high = mean if whole or block.high is None else self._metrics(block.high, shape)
            made = Block(block.first, block.stride, low, mean, high)
            if not len(mean) or made.first != step or made.end > kept.end + 1:
                raise Damaged("its metrics are not in order")
            step = made.end
            found.append(made)
        return tuple(found)

    def _metrics(self, array: _Array, shape: tuple[int, ...]) -> Anything:
        return _columns(self._array(array, np.float32, shape), self._manifest.step_metrics, STEP_METRICS)

    def _measured(self, kept: _Branch) -> Measurements:
        shape = kept.measured_steps.shape
        steps = self._array(kept.measured_steps, np.int64, tuple(shape) if len(shape) == 1 else (-1,))
        if len(steps) and (steps[0] < 0 or steps[-1] > kept.end or (np.diff(steps) <= 0).any()):
            raise Damaged("its measurements are not in order")
        names = self._manifest.sample_metrics
        values = self._array(kept.measured, np.float64, (len(steps), len(names)))
        return Measurements(steps, _columns(values, names, SAMPLE_METRICS))

    def _table(self, kept: _Table) -> Table:
        shape = (kept.points.shape[0], len(kept.columns)) if len(kept.points.shape) == 2 else (0, 0)
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

    def _array(self, array: _Array, kind: Any, shape: tuple[int, ...]) -> Anything:
        if tuple(array.shape) != shape:
            raise Damaged(f"an array has the shape {tuple(array.shape)} instead of {shape}")
        return self._named(array.member, kind, shape)

    def _named(self, name: str, kind: Any, shape: tuple[int, ...]) -> Anything:
        kind = np.dtype(kind)
        key = name, kind.str
        if key not in self._numbers:
            size = kind.itemsize * int(np.prod(shape, dtype=object))
            data = np.frombuffer(self._container.array(name, size), kind.newbyteorder("<"))
            self._numbers[key] = data.astype(kind, copy=False)
        found = self._numbers[key].reshape(shape)
        found.setflags(write=False)
        return found


def _finding(kept: _Finding, end: int) -> Finding:
    if not kept.first_seen <= kept.last_seen <= end:
        raise Damaged("a diagnosis lies outside the time of its run")
    evidence = tuple((name, float("nan") if value is None else value) for name, value in kept.evidence)
    return Finding(
        kept.name, kept.good, kept.since, kept.first_seen, kept.last_seen, kept.sentence, evidence
    )  # fmt: skip


def _columns(values: Anything, names: Sequence[str], wanted: Sequence[str]) -> Anything:
    """Return columns by their names: those that a file does not have are not numbers."""
    if list(names) == list(wanted):
        return values
    if len(set(names)) != len(names):
        raise Damaged("a metric occurs twice in it")
    found = np.full((len(values), len(wanted)), np.nan, values.dtype)
    for place, name in enumerate(wanted):
        if name in names:
            found[:, place] = values[:, list(names).index(name)]
    found.setflags(write=False)
    return found
