"""The changes of a run, and what its experiment was at any step."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby

from ganviz.experiment import Experiment

from .recorded import Change, Logged


class Log:
    """Changes in the order in which they were made, and the experiment after each.

    Parameters
    ----------
    first : Experiment
        At step 0.
    changes : iterable of Change
        Those that are known; each group in a row.
    after : sequence of Experiment
        The experiment after each group, where it is known.

    Raises
    ------
    ExperimentError
        If one of the changes is not allowed after those before it.
    """

    def __init__(self, first: Experiment, changes: Iterable[Change] = (), after: Sequence[Experiment] = ()) -> None:
        self.first = first
        self.changes: list[Change] = []
        self._logged = Logged(first)
        self._steps: list[int] = []
        self._after: list[Experiment] = []
        for place, group in enumerate(grouped(changes)):
            if after:
                # What is known need not be compared again: there may be thousands of them.
                self.changes += group
                self._steps.append(group[0].step)
                self._after.append(after[place])
            else:
                known = self.newest.replace({change.path: change.after for change in group})
                self.add(group[0].step, known, [change.path for change in group])

    @property
    def logged(self) -> Logged:
        """All of it, as plain data."""
        if len(self._logged.after) != len(self._after):
            self._logged = Logged(self.first, tuple(self.changes), tuple(self._after))
        return self._logged

    @property
    def newest(self) -> Experiment:
        """The experiment after all changes."""
        return self._after[-1] if self._after else self.first

    def __len__(self) -> int:
        """Return the number of groups of changes."""
        return len(self._steps)

    def add(self, step: int, after: Experiment, given: Iterable[str] = ()) -> None:
        """Add what changed together after a step: the fields that were given, and those that followed them."""
        self.changes += self.changed(step, after, given)
        self._steps.append(step)
        self._after.append(after)

    def changed(self, step: int, after: Experiment, given: Iterable[str] = ()) -> list[Change]:
        """Return the changes that `add` adds."""
        old, new = self.newest.values(), after.values()
        new = {path: new[path] for path in (*given, *new) if path in new}
        # Another kind may have fields of the same names, and a file other numbers than before.
        other_data = new["data.kind"] != old["data.kind"] or after.table != self.newest.table
        return [
            Change(step, path, old.get(path, value), value, len(self._steps))
            for path, value in new.items()
            if path not in old or old[path] != value or (path.startswith("data.") and other_data)
        ]

    def before(self, step: int) -> Experiment:
        """Return the experiment that was trained in a step's own training: changes made after the step left out."""
        place = bisect_left(self._steps, step)
        return self._after[place - 1] if place else self.first

    def at(self, step: int) -> Experiment:
        """Return the experiment after a step and all changes made there."""
        place = bisect_right(self._steps, step)
        return self._after[place - 1] if place else self.first

    def changes_at(self, step: int) -> list[Experiment]:
        """Return the experiments after each of the groups of changes made after a step, in their order."""
        return self._after[bisect_left(self._steps, step) : bisect_right(self._steps, step)]

    def next_step(self, step: int) -> int | None:
        """Return the first step after one at which something changed, if there is one."""
        place = bisect_right(self._steps, step)
        return self._steps[place] if place < len(self._steps) else None

    def until(self, step: int) -> Log:
        """Return the log up to a step, with the changes made there."""
        count = bisect_right(self._steps, step)
        changes = [change for change in self.changes if change.group < count]
        return Log(self.first, changes, self._after[:count])

    @property
    def after(self) -> tuple[Experiment, ...]:
        """The experiment after each group of changes."""
        return tuple(self._after)


def grouped(changes: Iterable[Change]) -> list[list[Change]]:
    """Return changes in the groups that were made together, each of which stands in a row."""
    return [list(together) for _, together in groupby(changes, key=lambda change: (change.step, change.group))]
