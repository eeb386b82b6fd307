"""Sessions as files; docs/session.md describes the format."""

from __future__ import annotations

import errno
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from ganviz import __version__
from ganviz.engine.game import layout
from ganviz.engine.step import RECORDED
from ganviz.experiment import ExperimentError, to_toml
from ganviz.experiment.table import Table

from .codec import Allowance, ChangeEntry, pieces, plain, plain_log
from .container import EXPERIMENT, MANIFEST, Container, Damaged, bytes_of, digest, write
from .memory import SAMPLE_METRICS
from .metrics import STEP_METRICS
from .recorded import Block, BranchState, Finding, Keyframe, Measurements, Recorded, SessionState
from .room import MOST_BRANCHES, MOST_SHARED, MOST_TABLED, MOST_TABLES
from .schema import (
    FORMAT,
    LONGEST_NOTES,
    MOST_EVIDENCE,
    MOST_PARTS,
    NAMED,
    WITHOUT_PIECES,
    Anything,
    ArrayEntry,
    BookmarkEntry,
    BranchEntry,
    FindingEntry,
    Manifest,
    TableEntry,
    allow,
    check_finite,
    check_units,
    page,
    parameter_parts,
    piece,
)
from .session_reader import Reader

LONGEST_REASON = 500
BAD = (
    Damaged, msgspec.MsgspecError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError,
    RuntimeError, OverflowError, RecursionError, UnicodeError, ValueError, KeyError, IndexError, MemoryError,
)  # fmt: skip
"""What a file that is no session, or not whole, may lead to in the libraries that read it."""


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
        texts |= {page(place): msgspec.json.encode(branch) for place, branch in enumerate(writer.branches)}
        texts |= writer.logs
    except (Damaged, UnicodeError) as error:
        raise OSError(errno.EINVAL, f"the session could not be saved: {error}", str(path)) from error
    write(path, texts, writer.arrays)


class _Writer:
    """Turns a session into texts and arrays; what occurs twice is written once."""

    def __init__(self, state: SessionState) -> None:
        self.arrays: dict[str, Anything] = {}
        self._tables: dict[Table, int] = {}
        self._kept: list[TableEntry] = []
        self._tabled = 0
        self._finite: set[Keyframe] = set()
        self._state = state
        self._allowance = Allowance()
        self.logs: dict[str, bytes] = {}
        recorded = [branch.recorded for branch in state.branches]
        for count, most, what in (
            (len(recorded), MOST_BRANCHES, "branches"),
            (len(state.notes), LONGEST_NOTES, "characters of notes"),
            (sum(len(kept.keyframes) + len(kept.blocks) for kept in recorded), MOST_PARTS, "kept states"),
            (sum(len(kept.after) for kept in recorded), MOST_SHARED, "changes in its branches"),
        ):
            allow(count, most, what)
        self.branches = [self._branch(place, branch) for place, branch in enumerate(state.branches)]
        self.manifest = Manifest(
            FORMAT if self.logs else WITHOUT_PIECES,
            __version__,
            len(self.branches),
            list(STEP_METRICS),
            list(SAMPLE_METRICS),
            list(RECORDED),
            list(state.shown),
            self._kept,
            [BookmarkEntry(mark.branch, mark.step, _text(mark.name, 200)) for mark in state.bookmarks],
            _text(state.notes, LONGEST_NOTES),
        )

    def _branch(self, place: int, branch: BranchState) -> BranchEntry:
        kept, frames = branch.recorded, branch.recorded.keyframes
        measured = kept.measurements or Measurements(np.empty(0, np.int64), np.empty((0, len(SAMPLE_METRICS))))
        check_units(kept.shift.tolist(), kept.scale.tolist())
        parts = parameter_parts(layout(kept.first))
        for frame in frames:
            if frame not in self._finite:
                check_finite(frame.numbers, parts)
                self._finite.add(frame)
        if any(not found.first_seen <= found.last_seen <= kept.end for found in kept.findings):
            raise Damaged("a diagnosis lies outside the time of its run")
        shared, log = self._log(branch)
        texts = pieces(log)
        self.logs |= {piece(place, number): text for number, text in enumerate(texts)}
        known, findings = self._findings(branch)
        blocks, metrics = self._blocks(kept.blocks)
        return BranchEntry(
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
            log=[] if texts else log,
            pieces=len(texts),
            findings=[_finding(found) for found in findings],
            known=known,
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
        log = plain_log((x for x in kept.log if x.group >= shared), kept.after, self._table)
        self._allowance.take(log)
        return shared, log

    def _findings(self, branch: BranchState) -> tuple[list[int] | None, list[Finding]]:
        """Return where among the parent's diagnoses each of a branch's is, and those that are not there."""
        found = branch.recorded.findings
        parents = self._state.branches[branch.parent].recorded.findings if branch.parent >= 0 else ()
        places = {finding: place for place, finding in enumerate(parents)}
        known = [places.get(finding, -1) for finding in found]
        if all(place < 0 for place in known):
            return None, list(found)
        return known, [finding for finding, place in zip(found, known, strict=True) if place < 0]

    def _blocks(self, blocks: Sequence[Block]) -> tuple[ArrayEntry, ArrayEntry]:
        """Return what tells of the blocks, and the names of their arrays: three for each, least, mean and greatest."""
        about = np.array([(block.first, block.stride, len(block.mean)) for block in blocks], np.int64).reshape(-1, 3)
        names: list[str] = []
        for block in blocks:
            mean = self._member(block.mean)
            names += [mean] * 3 if block.stride == 1 else [self._member(block.low), mean, self._member(block.high)]
        return self._array(about), self._names(names)

    def _names(self, names: Sequence[str]) -> ArrayEntry:
        return self._array(np.frombuffer(bytes.fromhex("".join(names)), np.uint8).reshape(-1, NAMED))

    def _table(self, table: Table | None) -> int:
        if table is None:
            return -1
        if table not in self._tables:
            allow(len(self._kept) + 1, MOST_TABLES, "files of data")
            self._tabled += table.points.size
            allow(self._tabled, MOST_TABLED, "numbers in files of data")
            self._tables[table] = len(self._kept)
            self._kept.append(
                TableEntry(
                    self._array(table.points), [column[:2000] for column in table.columns], table.rows, table.left_out,
                    table.source[:2000], table.first[:2000],
                )
            )  # fmt: skip
        return self._tables[table]

    def _array(self, values: Anything) -> ArrayEntry:
        return ArrayEntry(self._member(values), list(values.shape))

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


def _finding(found: Finding) -> FindingEntry:
    evidence = [(_text(name, 200), float(value)) for name, value in found.evidence[:MOST_EVIDENCE]]
    return FindingEntry(
        _text(found.name, 200), found.good, found.since, found.first_seen, found.last_seen, _text(found.sentence, 2000),
        [(name, value if math.isfinite(value) else None) for name, value in evidence],
        [int(math.copysign(place, value)) for place, (_, value) in enumerate(evidence, 1) if math.isinf(value)],
    )  # fmt: skip


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
            return Reader(Container(file)).session()
    except ExperimentError as error:
        text = str(error)
        known = text.startswith(str(ExperimentError(str(path))))
        # The fields that are allowed are more than a sentence about a damaged file needs.
        text = text if len(text) <= LONGEST_REASON + len(str(path)) else text[:LONGEST_REASON] + "..."
        raise ExperimentError(text if known else f"{path}: {text}") from error
    except OSError as error:
        raise ExperimentError(f"{path}: the session cannot be read: {error.strerror or error}") from error
    except BAD as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ExperimentError(f"{path}: this is not a session that can be opened: {reason}") from error
