"""How much a session may change: what its file would not hold is refused when it is made, not when it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ganviz.experiment import ExperimentError
from ganviz.experiment.table import Table

from .log import grouped
from .recorded import Change, Logged

MOST_CHANGES = 50_000
"""Groups of changes of a session, those that branches share counted once; each is checked when a file is opened."""
MOST_CHANGED = 2**20
"""What `weight` gives of all changes of a session at most: those of a mixture of 64 modes may be 5,300."""
MOST_SHARED = 1_000_000
"""Groups of changes of all branches at most, those that several have counted for each."""
MOST_BRANCHES = 1000
MOST_TABLES = 256
"""Files of data that a session may use."""
MOST_TABLED = 2**25
"""Numbers of all of them at most."""
SMALLEST_UNIT, LARGEST_UNIT = 1e-60, 1e40
"""Between these lies the scale of data that can be measured, and below the larger one their shift."""
NAMED = 4
"""What a change weighs beside its value."""


def measurable(shift: Sequence[float], scale: Sequence[float]) -> bool:
    """Whether something can be measured of data in these units."""
    return all(abs(x) <= LARGEST_UNIT for x in shift) and all(SMALLEST_UNIT <= x <= LARGEST_UNIT for x in scale)


def weight(value: object) -> int:
    """Return how much room a value takes in a file, in numbers."""
    if isinstance(value, list | tuple):
        return sum(map(weight, value)) + 1  # pyright: ignore[reportUnknownArgumentType]
    return len(value) // 4 + 1 if isinstance(value, str) else 1


class Room:
    """Counts what the logs of the runs of a session hold."""

    def __init__(self) -> None:
        self.changes = self.numbers = self.tabled = 0
        self.tables: set[Table] = set()

    def take(self, group: Iterable[Change], table: Table | None) -> None:
        """Take the room of what changes together, and of the numbers of its data.

        Raises
        ------
        ExperimentError
            Where there is no room left; nothing is taken then.
        """
        numbers = self.numbers + sum(NAMED + weight(change.after) for change in group)
        if self.changes >= MOST_CHANGES or numbers > MOST_CHANGED:
            raise ExperimentError(
                f"no more can change in this session: its log has {self.changes:,} changes, as many as its file holds. "
                "It stays as it is; start anew with what is to change"
            )
        if table is not None:
            self.hold(table)
        self.changes += 1
        self.numbers = numbers

    @classmethod
    def of(cls, logged: Logged) -> Room:
        """Return the room of which a log takes its part."""
        room = cls()
        room.take_all(logged)
        return room

    def take_all(self, logged: Logged, start: int = 0) -> None:
        """Take the room of a whole log, from a group of changes on."""
        if logged.first.table is not None:
            self.hold(logged.first.table)
        for group, after in list(zip(grouped(logged.changes), logged.after, strict=True))[start:]:
            self.take(group, after.table)

    def hold(self, table: Table) -> None:
        """Take the room of the numbers of a file of data, unless they are held."""
        if table in self.tables:
            return
        tabled = self.tabled + table.points.size
        if len(self.tables) >= MOST_TABLES or tabled > MOST_TABLED:
            raise ExperimentError(
                f"no more data can be used in this session: it has {len(self.tables):,} files of data with "
                f"{self.tabled:,} numbers, and its file holds {MOST_TABLES:,} with {MOST_TABLED:,}. It stays as it is; "
                "start anew with the other data"
            )
        self.tables.add(table)
        self.tabled = tabled
