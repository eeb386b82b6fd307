"""What the training thread tells the window."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ganviz.experiment import Value
from ganviz.run import Frame, Mark
from ganviz.run.recorded import Made

if TYPE_CHECKING:
    from ganviz.run.recorded import SessionState


class Status(Enum):
    """What the thread is doing."""

    STARTING = "starting"
    COMPILING = "compiling"
    OPENING = "opening"
    RUNNING = "running"
    PAUSED = "paused"
    SEEKING = "seeking"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass(frozen=True)
class Lane:
    """What is shown of one branch: its number in the session, its settings that differ from the others', its frame."""

    branch: int
    name: str
    different: Mapping[str, Value]
    frame: Frame


@dataclass(frozen=True)
class BranchInfo:
    """A branch of the session: by its number its parent, -1 for none, from which step, and how far it was trained."""

    number: int
    name: str
    parent: int
    since: int
    end: int


@dataclass(frozen=True)
class Report:
    """What the window needs to know at one moment.

    Attributes
    ----------
    frame : Frame or None
        Of the current branch, the first of the lanes.
    run : int
        Counts the orders to begin or open a session, so that an answer to the newest can be told from one before it.
    session : int
        Counts the sessions that were begun; where a file could not be opened the one before goes on.
    playing : int
        1 forwards, -1 backwards, 0 standing.
    position, end : int
        Where the time's slider stands, which may be between two kept states that are shown, and how far it goes.
    marks : tuple of Mark
        What is marked on the time of the current branch.
    branches : tuple of BranchInfo
        All of the session.
    opened : str
        The file that the session was opened from.
    orders, changes : int
        Orders that were carried out so far: all of them, and those that make something of the session.
    began, made : Made
        What a person had made of the session when it began, and has now.
    token : Hashable
        Tells the session from what it was when anything in it has changed, further steps too.
    note : str
        Where a replay left what was recorded.
    """

    status: Status
    message: str = ""
    frame: Frame | None = None
    steps_per_second: float = 0.0
    progress: float = 0.0
    run: int = 0
    session: int = 0
    playing: int = 0
    position: int = 0
    end: int = 0
    lanes: tuple[Lane, ...] = ()
    marks: tuple[Mark, ...] = ()
    branches: tuple[BranchInfo, ...] = ()
    opened: str = ""
    orders: int = 0
    changes: int = 0
    began: Made = field(default_factory=Made)
    made: Made = field(default_factory=Made)
    token: Hashable = None
    notes: str = ""
    note: str = ""
    epoch: int = field(default=0, compare=False)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A session as plain data at one moment, with what tells it from others; see `Report`."""

    state: SessionState
    session: int
    made: Made
    token: Hashable
