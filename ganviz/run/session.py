"""A session: runs and their branches, what is shown of them, bookmarks and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganviz.experiment import Experiment, ExperimentError, Value
from ganviz.experiment.files import MOST_LANES

from . import record
from .frame import Mark
from .keyframes import LIMIT, MOST
from .lockstep import seek_each
from .measurer import Stop, never
from .recorded import Bookmark, BranchState, Finding, Logged, Made, Recorded, SessionState
from .room import MOST_BRANCHES, MOST_SHARED, Room
from .run import Run

KEPT = 50_000
"""Kept states of a session: a file holds somewhat more parts."""
METRICS_LIMIT = 2 * record.LIMIT
"""Bytes of the metrics of each step of a session: two branches may have as much as a run by itself."""


class Branch:
    """A run with a name.

    Parameters
    ----------
    name : str
    run : Run or Recorded
        Of what was only recorded a run is set up when it is asked for, at the last kept state at or before the step
        where that one stood: a session may have many branches that are never looked at.
    parent : Branch, optional
        The one that it branched from, after ``since`` steps.
    since : int

    Attributes
    ----------
    number : int
        Its own for as long as the session lasts.
    marked : tuple, optional
        The marks that were last made of it, after what they were made of.
    """

    def __init__(self, name: str, run: Run | Recorded, parent: Branch | None = None, since: int = 0) -> None:
        self.name = name
        self.parent = parent
        self.since = since
        self.number = 0
        self.marked: tuple[Any, tuple[Mark, ...]] | None = None
        self._run = run
        self._logged: Logged | None = None
        self._limits: tuple[int, ...] = ()
        self._room = Room()

    @property
    def run(self) -> Run:
        """The run, set up if it was not."""
        if isinstance(self._run, Recorded):
            self._run = Run.from_recorded(self._run)
            self._run.limit(*self._limits)
            self._run.room = self._room
        return self._run

    @property
    def end(self) -> int:
        """The newest step that was trained."""
        return self._run.end

    @property
    def logged(self) -> Logged:
        """What led to where the run is."""
        if isinstance(self._run, Run):
            return self._run.logged
        if self._logged is None:
            self._logged = Logged(self._run.first, tuple(self._run.log), tuple(self._run.after))
        return self._logged

    def join(self, room: Room) -> None:
        """Have its run count its changes in a room that it shares with others."""
        self._room = room
        if isinstance(self._run, Run):
            self._run.room = room

    def recorded(self) -> Recorded:
        """Return all that its run has recorded; see `Run.recorded`."""
        return self._run if isinstance(self._run, Recorded) else self._run.recorded()

    def limit(self, *limits: int) -> None:
        """Let its run keep so much at most, now or once there is one; see `Run.limit`."""
        self._limits = limits
        if isinstance(self._run, Run):
            self._run.limit(*limits)


class Session:
    """A tree of branches, each of them a run that goes its own way from where it left its parent.

    Parameters
    ----------
    run : Run
        The first branch.

    Attributes
    ----------
    shown : list of Branch
        What is shown side by side; the first one is what controls and changes are about.
    """

    def __init__(self, run: Run, name: str = "main") -> None:
        self.room = Room()
        self.branches: list[Branch] = []
        self._numbered = 0
        self.shown = [self._add(Branch(name, run))]
        self.bookmarks: list[Bookmark] = []
        self.notes = ""

    @property
    def current(self) -> Branch:
        """What controls and changes are about."""
        return self.shown[0]

    def branch(
        self,
        changes: Mapping[str, Value | list[Any]] | None = None,
        name: str = "",
        seed: int | None = None,
        parent: Branch | None = None,
    ) -> Branch:
        """Branch from where a run stands, by default the current one; see `Run.branch`.

        Raises
        ------
        ExperimentError
            For a change that is not allowed, or if a file would not hold one more.
        """
        parent = parent or self.current
        self._check_room(len(parent.run.logged.after))
        run = parent.run.branch(changes, seed)
        return self._add(Branch(name or self.free_name(), run, parent, run.step))

    def add(self, run: Run, name: str = "") -> Branch:
        """Add a run that shares no past with another.

        Raises
        ------
        ExperimentError
            If a file would not hold it.
        """
        self._check_room(len(run.logged.after))
        return self._add(Branch(name or self.free_name(), run))

    def remove(self, branch: Branch) -> None:
        """Forget a branch and what branched from it.

        Raises
        ------
        ValueError
            If nothing would be left.
        """
        gone = [branch]
        for other in self.branches:
            if other.parent in gone:
                gone.append(other)
        if len(gone) == len(self.branches):
            raise ValueError(f'"{branch.name}" cannot be removed: a session has at least one branch')
        places = {id(other): place for place, other in enumerate(self.branches)}
        kept = [other for other in self.branches if other not in gone]
        moved = {places[id(other)]: place for place, other in enumerate(kept)}
        self.bookmarks = [Bookmark(moved[b.branch], b.step, b.name) for b in self.bookmarks if b.branch in moved]
        self.branches = kept
        self.shown = [other for other in self.shown if other in kept] or kept[:1]
        self._measure()
        self._share_memory()

    def show(self, branches: Iterable[Branch]) -> None:
        """Show branches side by side.

        Raises
        ------
        ValueError
            For none, or more than `MOST_LANES`.
        """
        shown = list(branches)
        if not 1 <= len(shown) <= MOST_LANES:
            raise ValueError(f"{len(shown)} branches cannot be shown side by side: allowed are 1 to {MOST_LANES}")
        self.shown = shown

    def find(self, number: int) -> Branch:
        """Return the branch of a number.

        Raises
        ------
        ValueError
            Where it is not there any more.
        """
        found = next((branch for branch in self.branches if branch.number == number), None)
        if found is None:
            raise ValueError("this branch is not there any more: it was removed")
        return found

    def free_seed(self) -> int:
        """Return a seed under which no branch draws its data and noise."""
        logs = [branch.logged for branch in self.branches]
        return 1 + max(experiment.seed for logged in logs for experiment in (logged.first, *logged.after))

    @property
    def made(self) -> Made:
        """What a person has made of it and would miss."""
        return Made(
            tuple((branch.number, branch.name, branch.since) for branch in self.branches),
            tuple(len(branch.logged.changes) for branch in self.branches),
            tuple(self.bookmarks),
            self.notes.strip(),
        )

    def bookmark(self, step: int, name: str = "") -> Bookmark:
        """Mark a step of the current branch."""
        place = self.branches.index(self.current)
        made = Bookmark(place, step, name or f"step {step:,}")
        self.bookmarks = sorted({*self.bookmarks, made}, key=lambda b: (b.branch, b.step))
        return made

    def free_name(self, wanted: str = "") -> str:
        """Return a name that no branch has: the wanted one, or that with a number."""
        names = {branch.name for branch in self.branches}
        if wanted and wanted not in names:
            return wanted
        stem = wanted or "branch"
        return next(name for i in range(1 if not wanted else 2, len(names) + 3) if (name := f"{stem} {i}") not in names)

    def marks(self, branch: Branch) -> tuple[Mark, ...]:
        """Return what is marked on the time of a branch, in the order of the steps."""
        place = self.branches.index(branch)
        marked = (
            branch.run.logged,
            branch.run.measurer.findings,
            tuple(b for b in self.bookmarks if b.branch == place),
            tuple((other.since, other.name) for other in self.branches if other.parent is branch),
        )
        # Asked for with each picture, and there may be thousands of changes.
        if branch.marked is None or branch.marked[0] != marked:
            branch.marked = marked, _marks(*marked)
        return branch.marked[1]

    def state(self) -> SessionState:
        """Return the session as plain data, which does not change when its runs go on."""
        places = {id(branch): place for place, branch in enumerate(self.branches)}
        return SessionState(
            tuple(
                BranchState(
                    branch.name,
                    branch.recorded(),
                    -1 if branch.parent is None else places[id(branch.parent)],
                    branch.since,
                )
                for branch in self.branches
            ),
            tuple(self.bookmarks),
            self.notes,
            tuple(places[id(branch)] for branch in self.shown),
        )

    @classmethod
    def from_state(
        cls, state: SessionState, should_stop: Stop = never, progress: Callable[[float], None] | None = None
    ) -> Session:
        """Set a session up from plain data; the runs that it shows stand where they stood.

        Parameters
        ----------
        state : SessionState
        should_stop : callable, optional
            Asked on the way to where they stood; True leaves them somewhere before.
        progress : callable, optional
            Told the share of the way that is done.
        """
        session = cls.__new__(cls)
        session.branches = []
        session._numbered = 0
        for kept in state.branches:
            parent = session.branches[kept.parent] if kept.parent >= 0 else None
            session._number(Branch(kept.name, kept.recorded, parent, kept.since))
        session.room = Room()
        session._measure()
        session.shown = [session.branches[place] for place in state.shown]
        session.bookmarks = list(state.bookmarks)
        session.notes = state.notes
        session._share_memory()
        ways = [(session.branches[place].run, state.branches[place].recorded.step) for place in state.shown]
        seek_each(ways, should_stop, progress)
        return session

    def save(self, path: Path | str) -> None:
        """Save the session, whole or not at all; see `Run.save`."""
        from .session_file import write_session

        write_session(Path(path), self.state())

    @classmethod
    def open(cls, path: Path | str) -> Session:
        """Open a session file.

        Raises
        ------
        ExperimentError
            One sentence, where the file cannot be used.
        """
        from .session_file import read_session

        return cls.from_state(read_session(Path(path)))

    def _add(self, branch: Branch) -> Branch:
        self._number(branch)
        try:
            self._measure()
        except ExperimentError:
            self.branches.pop()
            self._measure()
            raise
        self._share_memory()
        return branch

    def _number(self, branch: Branch) -> None:
        branch.number = self._numbered
        self._numbered += 1
        self.branches.append(branch)

    def _check_room(self, changes: int) -> None:
        """Refuse one more branch with so many changes where a file would not hold it."""
        if len(self.branches) >= MOST_BRANCHES:
            raise ExperimentError(
                f"no more branches can be made: this session has {MOST_BRANCHES:,}, as many as its file holds. Remove "
                "branches that are not needed"
            )
        if sum(len(branch.logged.after) for branch in self.branches) + changes > MOST_SHARED:
            raise ExperimentError(
                f"no more branches can be made from here: those of this session have {MOST_SHARED:,} changes together, "
                "as many as its file holds. Remove branches that are not needed"
            )

    def _measure(self) -> None:
        """Count what the logs of all branches take, what they share once, and have all runs go on counting together."""
        room = Room()
        for branch in self.branches:
            logged = branch.logged
            parents = branch.parent.logged.after if branch.parent is not None else ()
            shared = 0
            for own, other in zip(logged.after, parents, strict=False):
                if own is not other:
                    break
                shared += 1
            room.take_all(logged, shared)
        self.room = room
        for branch in self.branches:
            branch.join(room)

    def _share_memory(self) -> None:
        count = len(self.branches)
        for branch in self.branches:
            metrics = min(record.LIMIT, METRICS_LIMIT // count)
            branch.limit(LIMIT // count, max(2, min(MOST, KEPT // count)), metrics)


def different(experiments: Iterable[Experiment]) -> list[dict[str, Value]]:
    """Return for each of several experiments the fields in which they are not all the same, by path."""
    values = [experiment.values() for experiment in experiments]
    paths = dict.fromkeys(path for fields in values for path in fields if path not in ("title", "source"))
    differing = [path for path in paths if any(fields.get(path) != values[0].get(path) for fields in values)]
    return [{path: fields[path] for path in differing if path in fields} for fields in values]


def _marks(
    logged: Logged, findings: Sequence[Finding], bookmarks: Sequence[Bookmark], branches: Sequence[tuple[int, str]]
) -> tuple[Mark, ...]:
    found = [
        Mark(change.step, "change", f"{change.path} {_short(change.before)} → {_short(change.after)}")
        for change in logged.changes
        if change.path not in ("title", "source")
    ]
    found += [Mark(finding.since, "diagnosis", finding.sentence, finding.good) for finding in findings]
    found += [Mark(bookmark.step, "bookmark", bookmark.name) for bookmark in bookmarks]
    found += [Mark(since, "branch", name) for since, name in branches]
    return tuple(sorted(found, key=lambda mark: mark.step))


def _short(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
