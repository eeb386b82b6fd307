"""The edits of the form, to be undone and done again. It knows nothing of Qt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ganviz.experiment import TABLE, Experiment, ExperimentError, Value, display

LIMIT = 200
"""Edits that are kept."""
TOGETHER = 1.0
"""Seconds within which edits of the same fields are one, such as those of a slider that is dragged."""
TOLD = ("title", "source")
"""Fields that change by themselves with others."""


@dataclass(frozen=True)
class Edit:
    """What the form showed before and after."""

    before: Experiment
    after: Experiment
    label: str


class EditHistory:
    """Edits one after the other, and where among them the form stands.

    Parameters
    ----------
    clock : callable
        Seconds from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._last = -float("inf")

    def record(self, before: Experiment, after: Experiment, label: str = "") -> None:
        """Take note of an edit; what was undone cannot be done again from then on.

        Parameters
        ----------
        label : str
            What it is called; by default `edit_label` says it.
        """
        if before == after:
            return
        self._undone.clear()
        now = self._clock()
        previous = self._done[-1] if self._done else None
        together = (
            previous is not None
            and now - self._last <= TOGETHER
            and previous.after == before
            and _paths(previous.before, previous.after) & _paths(before, after)
            and _choice(previous) == _choice(Edit(before, after, ""))
        )
        self._last = now
        if together and previous is not None:
            self._done.pop()
            before = previous.before
            if before == after:
                # It went back to where it began.
                return
            # What the label says of the value before is no longer so.
            label = edit_label(before, after) if not label or label == edit_label(previous.after, after) else label
        self._done.append(Edit(before, after, label or edit_label(before, after)))
        del self._done[:-LIMIT]

    def undo(self, present: Experiment | None = None) -> Experiment | None:
        """Go back by an edit; return what the form is to show, or None where there is nothing to undo.

        Parameters
        ----------
        present : Experiment, optional
            What the form shows. Where that is not what the edit led to, such as after going to another step, only the
            fields of the edit are set back in it, if that is allowed.
        """
        if not self._done:
            return None
        edit = self._done.pop()
        self._undone.append(edit)
        self._last = -float("inf")
        return _moved(present, edit.after, edit.before)

    def redo(self, present: Experiment | None = None) -> Experiment | None:
        """Do again what was undone last; see `undo`."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._done.append(edit)
        self._last = -float("inf")
        return _moved(present, edit.before, edit.after)

    def copy(self) -> EditHistory:
        """Return another history with the same edits."""
        other = EditHistory(self._clock)
        other._done, other._undone = list(self._done), list(self._undone)
        return other

    def settle(self, present: Experiment) -> None:
        """Forget the last edits that do not hold in what the form shows now."""
        while self._done and not _holds(self._done[-1].after, self._done[-1], present):
            self._done.pop()
        while self._undone and not _holds(self._undone[-1].before, self._undone[-1], present):
            self._undone.pop()

    def clear(self) -> None:
        """Forget all edits: the form is about something else."""
        self._done.clear()
        self._undone.clear()

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return bool(self._undone)

    @property
    def undo_text(self) -> str:
        """What `undo` does, such as ``Undo Clip c 0.01 → 0.02``."""
        return f"Undo {self._done[-1].label}" if self._done else "Undo"

    @property
    def redo_text(self) -> str:
        """What `redo` does."""
        return f"Redo {self._undone[-1].label}" if self._undone else "Redo"


def edit_label(before: Experiment, after: Experiment) -> str:
    """Name what differs, such as ``Clip c 0.01 → 0.02``; of several fields the first, for it was edited."""
    old, new = before.values(), after.values()
    paths = [row.path for row in TABLE if row.path in _paths(before, after)]
    # A choice stands for what follows it.
    paths = sorted(dict.fromkeys(paths), key=lambda path: path != "data.kind" and not path.endswith(".kind"))
    if not paths:
        return "title"
    path = paths[0]
    row = next(row for row in TABLE if row.path == path)
    name = " ".join(filter(None, (row.label, row.symbol)))
    label = f"{name} {_said(old.get(path))} → {_said(new.get(path))}"
    alone = len(paths) == 1 or path == "data.kind"
    return label if alone else f"{label} and {len(paths) - 1} more"


def changed(before: Experiment, after: Experiment) -> dict[str, Value]:
    """Return the fields that make one experiment of another, by path."""
    old = before.values()
    return {path: value for path, value in after.values().items() if path not in old or old[path] != value}


def _moved(present: Experiment | None, start: Experiment, goal: Experiment) -> Experiment:
    if present is None or present == start:
        return goal
    try:
        return present.replace(changed(start, goal))
    except ExperimentError:
        # Those fields have no meaning in what is shown now; the whole of what was shown then has one.
        return goal


def _holds(wanted: Experiment, edit: Edit, present: Experiment) -> bool:
    there, values = wanted.values(), present.values()
    return all(there.get(path) == values.get(path) for path in _paths(edit.before, edit.after))


def _paths(before: Experiment, after: Experiment) -> set[str]:
    old, new = before.values(), after.values()
    return {path for path in {*old, *new} if old.get(path) != new.get(path)} - set(TOLD)


def _choice(edit: Edit) -> frozenset[str]:
    """Return the fields of an edit without those that may follow others by themselves."""
    followers = {row.path for row in TABLE if row.default_for}
    paths = _paths(edit.before, edit.after)
    return frozenset(paths - followers or paths)


def _said(value: Value | None) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    shown = f"{value:.6g}" if isinstance(value, float) else value if isinstance(value, str) else display(value)
    return shown if len(shown) <= 30 else shown[:27] + "…"
