"""What a picture carries of the run that it shows: the experiment, the changes and the step, as one word of text."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct

from ganviz import __version__
from ganviz.experiment import Experiment, ExperimentError
from ganviz.experiment.data import File
from ganviz.experiment.table import Table, read_table

from .codec import Allowance, ChangeEntry, Line, Step, experiment_of, pieces, plain, plain_log, read_log
from .container import Damaged
from .frame import Frame, Need
from .host import host
from .log import Log, grouped
from .measurer import Stop, never
from .metrics import STEP_METRICS
from .recorded import Change
from .room import MOST_TABLES
from .run import BURST, Run, TrainingDiverged

FORMAT, WITHOUT_LINES = 2, 1
"""Of tickets, and of those whose changes are few enough to stand with the rest."""
MOST_NUMBERS = 65_536
"""Numbers of data files that a picture carries; larger ones it only names."""
LARGEST = 256 * 2**20
"""Bytes of a picture that is searched."""
LARGEST_TOKEN, LARGEST_TEXT, LONGEST_LINE = 16 * 2**20, 32 * 2**20, 4 * 2**20
"""Characters of the word, bytes of what it unpacks to, and of one line of that, at most."""
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
    digest : str
        What tells the state from others: of the samples and of what its step measured. Empty: not known.
    host : str
        The program and the processor that the picture was made with.
    """

    first: Experiment
    step: int
    log: Sequence[Change] = ()
    after: Sequence[Experiment] = ()
    digest: str = ""
    host: str = ""


Row = Annotated[list[float], Meta(min_length=1, max_length=2)]


class _Table(Struct):
    columns: Annotated[list[Line], Meta(min_length=1, max_length=2)]
    rows: Annotated[int, Meta(ge=0)]
    left_out: Annotated[int, Meta(ge=0)]
    digest: Line
    source: Line = ""
    first: Line = ""
    points: Annotated[list[Row], Meta(max_length=MOST_NUMBERS)] | None = None


class _Content(Struct):
    version: Line
    first: dict[str, Any]
    step: Step
    log: list[ChangeEntry] = []
    tables: Annotated[list[_Table], Meta(max_length=MOST_TABLES)] = []
    table: int = -1
    state: Line = ""
    host: Line = ""


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
    return Ticket(logged.first, frame.step, logged.changes, logged.after, _digest(frame), _maker())


def to_token(ticket: Ticket) -> str:
    """Return a ticket as one word without a character that a file format would write in another way."""
    ticket = _without_folders(ticket)
    tables: dict[Table, int] = {}

    def place(table: Table | None) -> int:
        return -1 if table is None else tables.setdefault(table, len(tables))

    first = place(ticket.first.table)
    log = plain_log(ticket.log, ticket.after, place)
    lines = pieces(log)
    content = _Content(
        __version__, plain(ticket.first), ticket.step, [] if lines else log, _plain_tables(tables), first,
        ticket.digest, ticket.host,
    )  # fmt: skip
    packed = zlib.compress(b"\n".join([msgspec.json.encode(content), *lines]), 9)
    number = FORMAT if lines else WITHOUT_LINES
    return f"ganviz:{number}:{_check(packed)}:{base64.urlsafe_b64encode(packed).decode()}:end"


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
    steps = [group[0].step for group in grouped(ticket.log)]
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
    if ticket.digest and _digest(run.frame(Need.SAMPLES)) != ticket.digest:
        other = f" It was made by {ticket.host}; here is {_maker()}." if ticket.host != _maker() else ""
        run.note = f"Training up to step {ticket.step:,} leads to other numbers here than the picture shows.{other}"
    return run


def _digest(frame: Frame) -> str:
    """Return what tells a frame's state from others: fakes of the same noise, and what both players' losses were."""
    found = hashlib.blake2b(np.ascontiguousarray(frame.fake, "<f8").tobytes(), digest_size=16)
    found.update(np.array([frame.metrics.get(name, math.nan) for name in STEP_METRICS], "<f8").tobytes())
    return found.hexdigest()


def _maker() -> str:
    return f"ganviz {__version__} on {host()}"


def _without_folders(ticket: Ticket) -> Ticket:
    """Return a ticket that tells names of data files and not in which folder they lay: a picture may be published."""
    if not any(isinstance(experiment.data, File) for experiment in (ticket.first, *ticket.after)):
        return ticket
    log = Log(_without_folder(ticket.first))
    for group, experiment in zip(grouped(ticket.log), ticket.after, strict=True):
        after = _without_folder(experiment)
        # The same numbers out of another folder are no change.
        if after != log.newest:
            log.add(group[0].step, after, [change.path for change in group])
    return replace(ticket, first=log.first, log=log.changes, after=log.after)


def _without_folder(experiment: Experiment) -> Experiment:
    if not isinstance(experiment.data, File):
        return experiment
    return replace(experiment, data=replace(experiment.data, path=_name(experiment.data.path)))


def _name(path: str) -> str:
    """Return the last part of a path, of whatever system it is."""
    return re.split(r"[/\\]", path)[-1] or "data"


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
    lines, allowance = _lines(content), Allowance()
    kept = msgspec.json.decode(next(lines), type=_Content)
    allowance.take(kept.log)
    tables = [_table(table, folder) for table in kept.tables]

    def at(place: int) -> Table | None:
        return tables[place] if 0 <= place < len(tables) else None

    first = experiment_of(kept.first, at(kept.table))
    changes, after = read_log(first, chain(kept.log, allowance.unpack(lines)), kept.step, at)
    return Ticket(first, kept.step, changes, after, kept.state, kept.host)


def _lines(content: bytes) -> Iterator[bytes]:
    """Give one line after the other, each no longer than what can be unpacked at once."""
    start = 0
    while start <= len(content):
        stop = content.find(b"\n", start)
        stop = len(content) if stop < 0 else stop
        if stop - start > LONGEST_LINE:
            raise Damaged("a line of it is longer than is allowed")
        yield content[start:stop]
        start = stop + 1


def _plain_tables(tables: Iterable[Table]) -> list[_Table]:
    found: list[_Table] = []
    room = MOST_NUMBERS
    for table in tables:
        carried = table.points.size <= room
        room -= table.points.size if carried else 0
        found.append(
            _Table(
                [column[:2000] for column in table.columns], table.rows, table.left_out, table.digest,
                _name(table.source)[:2000], table.first[:2000], table.points.tolist() if carried else None,
            )
        )  # fmt: skip
    return found


def _table(kept: _Table, folder: Path) -> Table:
    columns = tuple(kept.columns)
    if kept.points is None:
        # Only there: a picture from anywhere does not decide which other files are opened.
        beside = folder / _name(kept.source)
        if not beside.is_file():
            raise ExperimentError(
                f"the picture carries its state without the {kept.rows:,} rows of its data, which is too large: put "
                f"{_name(kept.source)} beside it"
            )
        table = read_table(beside, columns)
        if table.digest != kept.digest:
            raise ExperimentError(f"{beside.name}: the numbers in this file are not those that were trained on")
        return table
    points = np.array(kept.points, np.float64)
    if points.ndim != 2 or points.shape[1] != len(columns) or len(points) < 2 or not np.isfinite(points).all():
        raise Damaged("the numbers of its data are not all there")
    points.setflags(write=False)
    return Table(points, columns, kept.rows, kept.left_out, kept.source, kept.first)
