"""The form: every parameter of the table that means something for the experiment, in groups that fold."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import cast

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ganviz.experiment import TABLE, Data, Experiment, Parameter, Value

from .fields import Field, make_field, typed

GROUPS: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("data", "Data", ("data.",), True),
    ("objective", "Objective", ("objective.", "discriminator.clip", "instance_noise."), True),
    ("penalty", "Penalty", ("penalty.",), True),
    ("optimizer.discriminator", "Discriminator's optimizer", ("optimizer.discriminator.",), True),
    ("optimizer.generator", "Generator's optimizer", ("optimizer.generator.",), True),
    ("schedule", "Schedule", ("schedule.",), True),
    ("noise", "Noise", ("noise.",), False),
    ("generator", "Generator", ("generator.",), False),
    ("discriminator", "Discriminator", ("discriminator.",), False),
    ("run", "Run", ("seed", "precision"), False),
)
"""Groups from top to bottom: name, title, beginnings of the paths that belong to it, and whether it starts unfolded."""


class Group(QWidget):
    """A title that folds and unfolds what is below it."""

    def __init__(self, title: str, unfolded: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QToolButton(self)
        self.button.setObjectName("group")
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setChecked(unfolded)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.setAccessibleName(title)
        self.body = QWidget(self)
        self.rows = QVBoxLayout(self.body)
        self.rows.setContentsMargins(10, 2, 4, 6)
        self.rows.setSpacing(3)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.button)
        outer.addWidget(self.body)
        self.button.toggled.connect(self._on_toggled)
        self._on_toggled(unfolded)

    @Slot(bool)
    def _on_toggled(self, unfolded: bool) -> None:
        self.button.setArrowType(Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow)
        self.body.setVisible(unfolded)


class Form(QScrollArea):
    """All parameters, grouped.

    Signals
    -------
    edited(str, object)
        A path and its new value.
    refused(str)
        A sentence about a text that is no value.
    """

    edited = Signal(str, object)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget(self)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(2)
        self.groups: dict[str, Group] = {}
        for name, title, _, unfolded in GROUPS:
            self.groups[name] = Group(title, unfolded, content)
            layout.addWidget(self.groups[name])
        layout.addStretch(1)
        self.setWidget(content)
        # Rows are told apart by path and condition: kinds of data share paths.
        self._fields: dict[int, Field] = {}

    def show_experiment(self, experiment: Experiment, running: Experiment | None = None) -> None:
        """Show the values of an experiment; those that differ from the running one are marked as waiting."""
        values = experiment.values()
        other = running.values() if running is not None else values
        # In the order of the groups' beginnings, and of the table within them; the kind of data first, what all kinds
        # have last.
        rows = sorted(TABLE, key=_order)
        for place, row in enumerate(rows):
            group = _group_of(row)
            if group is None:
                continue
            shown = row.path in values and row.applies(values)
            if shown:
                field = self._field(place, row, group)
                field.show_default(row.default_beside(values))
                field.show_value(values[row.path])
                field.mark(values[row.path] != other.get(row.path))
            if place in self._fields:
                self._fields[place].setVisible(shown)

    def field(self, path: str) -> Field:
        """Find the visible field of a path."""
        return next(field for field in self._fields.values() if field.row.path == path and not field.isHidden())

    def reveal(self, paths: Iterable[str]) -> list[str]:
        """Unfold the groups of some fields and bring the first field into view; return where each stands, in words."""
        found = {field.row.path: field for field in self._fields.values() if not field.isHidden()}
        fields = [found[path] for path in dict.fromkeys(paths) if path in found]
        for field in fields:
            self.groups[cast(str, _group_of(field.row))].button.setChecked(True)
        if fields:
            # What was unfolded has its place only when the layout has run.
            QTimer.singleShot(0, fields[0], partial(self.ensureWidgetVisible, fields[0]))
        return [place_of(field.row) for field in fields]

    def _field(self, place: int, row: Parameter, group: str) -> Field:
        if place not in self._fields:
            made = make_field(row, self.groups[group].body)
            made.edited.connect(self._on_edited)
            made.refused.connect(self.refused)
            rows = self.groups[group].rows
            before = sum(1 for known, field in self._fields.items() if known < place and _group_of(field.row) == group)
            rows.insertWidget(before, made)
            self._fields[place] = made
        return self._fields[place]

    @Slot(str, object)
    def _on_edited(self, path: str, value: Value) -> None:
        self.edited.emit(path, value)


def place_of(row: Parameter) -> str:
    """Return where a field stands in the form, in words."""
    title = next((title for name, title, _, _ in GROUPS if name == _group_of(row)), "")
    return f"{title} › {row.label}"


def said(path: str, value: Value) -> str:
    """Say a field's value as the form shows it."""
    row = next(row for row in TABLE if row.path == path)
    shown = ("on" if value else "off") if isinstance(value, bool) else typed(value)
    return f"{place_of(row)}: {shown}"


def paths_in(sentence: str) -> list[str]:
    """Return the fields that a sentence names, each once."""
    known = {row.path for row in TABLE}
    words = re.findall(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*", sentence)
    return [word for word in dict.fromkeys(words) if "." in word and word in known]


def _group_of(row: Parameter) -> str | None:
    for name, _, beginnings, _ in GROUPS:
        if any(row.path.startswith(beginning) for beginning in beginnings):
            return name
    return None


COMMON = tuple(f"data.{entry.name}" for entry in dataclasses.fields(Data))
"""What every kind of data has."""


def _order(row: Parameter) -> tuple[int, int]:
    beginnings = [beginning for _, _, group, _ in GROUPS for beginning in group]
    place = next((at for at, beginning in enumerate(beginnings) if row.path.startswith(beginning)), len(beginnings))
    return place, 0 if row.path == "data.kind" else 2 if row.path in COMMON else 1


def differences(draft: Experiment, running: Experiment) -> Mapping[str, Value]:
    """Return the fields of a draft that the running experiment does not have so."""
    other = running.values()
    return {path: value for path, value in draft.values().items() if other.get(path) != value}
