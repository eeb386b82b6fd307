"""What the training thread tells the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from ganviz.experiment import Value
from ganviz.run import Frame, Mark


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
    """What is shown of one branch: its place in the session, its settings that differ from the others', its frame."""

    branch: int
    name: str
    different: Mapping[str, Value]
    frame: Frame


@dataclass(frozen=True)
class BranchInfo:
    """A branch of the session: by its place its parent, -1 for none, from which step on, and how far it was trained."""

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
        Counts the sessions that were begun, so that a frame can be told from one of the session before it.
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
    changes : int
        Orders to change something that were carried out so far.
    touched : bool
        Whether there is something in the session that a person made: changes, bookmarks, branches, notes.
    note : str
        Where a replay left what was recorded.
    """

    status: Status
    message: str = ""
    frame: Frame | None = None
    steps_per_second: float = 0.0
    progress: float = 0.0
    run: int = 0
    playing: int = 0
    position: int = 0
    end: int = 0
    lanes: tuple[Lane, ...] = ()
    marks: tuple[Mark, ...] = ()
    branches: tuple[BranchInfo, ...] = ()
    opened: str = ""
    changes: int = 0
    touched: bool = False
    notes: str = ""
    note: str = ""
    epoch: int = field(default=0, compare=False)
