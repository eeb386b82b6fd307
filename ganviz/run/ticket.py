"""What a picture carries of the run that it shows: the experiment, the changes and the step, as one word of text."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct

from ganviz import __version__
from ganviz.experiment import Experiment, ExperimentError
from ganviz.experiment.table import Table, read_table

from .codec import ChangeEntry, Line, Step, experiment_of, plain, plain_log, read_log
from .container import Damaged
from .frame import Frame, Need
from .measurer import Stop, never
from .recorded import Change
from .run import BURST, Run, TrainingDiverged

FORMAT = 1
MOST_NUMBERS = 65_536
"""Numbers of a data file that a picture carries; of larger files it names where they lie."""
LARGEST = 256 * 2**20
"""Bytes of a picture that is searched."""
LARGEST_TOKEN, LARGEST_TEXT = 16 * 2**20, 32 * 2**20
"""Characters of the word, and bytes of what it unpacks to, at most."""
LOOKS = 100
"""Times that a run is measured on the way to what a picture shows, about."""
PIECE = 2**20
BEGIN = b"ganviz:"
TOKEN = re.compile(rb"ganviz:(\d{1,4}):([0-9a-f]{16}):([A-Za-z0-9_-]*={0,2}):end")
BLANK = re.compile(rb"[\s\\%]+")
"""What editors and the format of PGF put between the characters of a long word."""


@dataclass(frozen=True, eq=False)
class Ticket:
    """All that leads to a state from nothing.

    Attributes
    ----------
    first : Experiment
        At step 0.
    log : sequence of Change
        Up to the step.
    after : sequence of Experiment
        The experiment after each group of changes.
    """

    first: Experiment
    step: int
    log: Sequence[Change] = ()
    after: Sequence[Experiment] = ()


class _Table(Struct):
    columns: Annotated[list[Line], Meta(min_length=1, max_length=2)]
    rows: Annotated[int, Meta(ge=0)]
    left_out: Annotated[int, Meta(ge=0)]
    digest: Line
    source: Line = ""
    first: Line = ""
    points: list[list[float]] | None = None


class _Content(Struct):
    version: Line
    first: dict[str, Any]
    step: Step
    log: list[ChangeEntry] = []
    tables: list[_Table] = []
    table: int = -1


def ticket_of(frame: Frame) -> Ticket:
    """Return what leads to a frame's state.

    Raises
    ------
    ValueError
        For a frame that is of no run.
    """
    if frame.logged is None:
        raise ValueError("this frame is of no run: nothing is known of what led to it")
    logged = frame.logged.until(frame.step)
    return Ticket(logged.first, frame.step, logged.changes, logged.after)


def to_token(ticket: Ticket) -> str:
    """Return a ticket as one word without a character that a file format would write in another way."""
    tables: list[Table] = []

    def place(table: Table | None) -> int:
        if table is None:
            return -1
        if table not in tables:
            tables.append(table)
        return tables.index(table)

    first = place(ticket.first.table)
    log = plain_log(ticket.log, ticket.after, place)
    content = _Content(
        __version__, plain(ticket.first), ticket.step, log, [_plain_table(table) for table in tables], first
    )
    packed = zlib.compress(msgspec.json.encode(content), 9)
    return f"ganviz:{FORMAT}:{_check(packed)}:{base64.urlsafe_b64encode(packed).decode()}:end"


def find_ticket(path: Path) -> Ticket | None:
    """Find what a picture carries; None: nothing.

    Raises
    ------
    ExperimentError
        One sentence that names the file, where it cannot be read or what it carries is damaged.
    """
    try:
        if not path.is_file():
            what = "this is not a file" if path.exists() else "there is no such file"
            raise ExperimentError(f"{path}: {what}; a figure that ganviz exported is needed")
        found = _find(path)
        return None if found is None else _read(*found, folder=path.parent)
    except ExperimentError as error:
        text = str(error)
        raise ExperimentError(text if text.startswith(str(path)) else f"{path}: {text}") from error
    except OSError as error:
        raise ExperimentError(f"{path}: the file cannot be read: {error.strerror or error}") from error
    except (Damaged, msgspec.MsgspecError, zlib.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ExperimentError(f"{path}: the state that this picture carries is damaged: {reason}") from error


def restore(ticket: Ticket, progress: Callable[[int], None] | None = None, should_stop: Stop = never) -> Run:
    """Train up to the state that a ticket leads to; a run that was stopped stands on the way.

    On the way it is measured now and then, for the curves.

    Where training diverges on the way, which another processor may bring about, the run's note says so.
    """
    run = Run(ticket.first)
    steps = [group[0].step for group in _grouped(ticket.log)]
    pace, every = 1, max(1, ticket.step // LOOKS)
    run.frame(Need.METRICS)
    for goal, after in [*zip(steps, ticket.after, strict=True), (ticket.step, None)]:
        while run.step < goal:
            try:
                run.advance(min(pace, goal - run.step, every - run.step % every))
            except TrainingDiverged as error:
                run.note = f"The picture shows step {ticket.step:,}, which is not reached here. {error}"
                return run
            pace = min(run.steps_within(BURST), every)
            if run.step % every == 0:
                run.frame(Need.METRICS)
            if progress is not None:
                progress(run.step)
            if should_stop():
                return run
        if after is not None:
            run.adopt(after)
    return run


def _grouped(log: Sequence[Change]) -> list[list[Change]]:
    groups: list[list[Change]] = []
    for change in log:
        if change.group == len(groups):
            groups.append([])
        groups[-1].append(change)
    return groups


def _check(packed: bytes) -> str:
    return hashlib.blake2b(packed, digest_size=8).hexdigest()


def _find(path: Path) -> tuple[int, str, bytes] | None:
    """Search a file piece by piece for the word."""
    size = path.stat().st_size
    if size > LARGEST:
        raise ExperimentError(f"{path}: the file has {size:,} bytes; pictures up to {LARGEST:,} bytes are searched")
    kept = b""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            kept += BLANK.sub(b"", piece)
            found = TOKEN.search(kept)
            if found is not None:
                return int(found[1]), found[2].decode(), found[3]
            # Of what was searched only a word that has begun can matter.
            start = kept.rfind(BEGIN)
            kept = kept[start:] if start >= 0 and len(kept) - start < LARGEST_TOKEN else kept[-len(BEGIN) :]
    return None


def _read(version: int, check: str, text: bytes, folder: Path) -> Ticket:
    if version > FORMAT:
        raise Damaged(f"it is of format {version}; this ganviz {__version__} reads formats up to {FORMAT}")
    packed = base64.urlsafe_b64decode(text)
    if _check(packed) != check:
        raise Damaged("it was changed or cut off")
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(packed, LARGEST_TEXT)
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise Damaged("it unpacks to more than is allowed")
    kept = msgspec.json.decode(content, type=_Content)
    tables = [_table(table, folder) for table in kept.tables]

    def at(place: int) -> Table | None:
        return tables[place] if 0 <= place < len(tables) else None

    first = experiment_of(kept.first, at(kept.table))
    changes, after = read_log(first, kept.log, kept.step, at)
    return Ticket(first, kept.step, changes, after)


def _plain_table(table: Table) -> _Table:
    carried = table.points.size <= MOST_NUMBERS
    # A published figure need not tell in which folder its data lay.
    source = Path(table.source).name if carried else table.source
    return _Table(
        [column[:2000] for column in table.columns], table.rows, table.left_out, table.digest, source[:2000],
        table.first[:2000], table.points.tolist() if carried else None,
    )  # fmt: skip


def _table(kept: _Table, folder: Path) -> Table:
    columns = tuple(kept.columns)
    if kept.points is None:
        source = Path(kept.source)
        beside = folder / source.name
        table = read_table(beside if beside.is_file() else source, columns)
        if table.digest != kept.digest:
            raise ExperimentError(f"{source.name}: the numbers in this file are not those that were trained on")
        return table
    points = np.array(kept.points, np.float64)
    if points.ndim != 2 or points.shape[1] != len(columns) or len(points) < 2 or not np.isfinite(points).all():
        raise Damaged("the numbers of its data are not all there")
    points.setflags(write=False)
    return Table(points, columns, kept.rows, kept.left_out, kept.source, kept.first)
