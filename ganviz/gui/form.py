"""The form: every parameter of the table that means something for the experiment, in groups that fold."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ganviz.experiment import TABLE, Experiment, Parameter, Value

from .fields import Field, make_field

GROUPS: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("data", "Data", ("data.",), True),
    ("objective", "Objective", ("objective.", "discriminator.clip", "instance_noise."), True),
    ("optimizer.discriminator", "Discriminator's optimizer", ("optimizer.discriminator.",), True),
    ("optimizer.generator", "Generator's optimizer", ("optimizer.generator.",), True),
    ("schedule", "Schedule", ("schedule.",), True),
    ("generator", "Generator", ("noise.", "generator."), False),
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
        # In the order of the groups' beginnings, and of the table within them; the kind of data first.
        rows = sorted(TABLE, key=_order)
        for place, row in enumerate(rows):
            group = _group_of(row)
            if group is None:
                continue
            shown = row.path in values and row.applies(values)
            if shown:
                self._field(place, row, group).show_value(values[row.path])
                self._fields[place].mark(values[row.path] != other.get(row.path))
            if place in self._fields:
                self._fields[place].setVisible(shown)

    def field(self, path: str) -> Field:
        """Find the visible field of a path."""
        return next(field for field in self._fields.values() if field.row.path == path and not field.isHidden())

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


def _group_of(row: Parameter) -> str | None:
    for name, _, beginnings, _ in GROUPS:
        if any(row.path.startswith(beginning) for beginning in beginnings):
            return name
    return None


def _order(row: Parameter) -> tuple[int, bool]:
    beginnings = [beginning for _, _, group, _ in GROUPS for beginning in group]
    place = next((at for at, beginning in enumerate(beginnings) if row.path.startswith(beginning)), len(beginnings))
    return place, row.path != "data.kind"


def differences(draft: Experiment, running: Experiment) -> Mapping[str, Value]:
    """Return the fields of a draft that the running experiment does not have so."""
    other = running.values()
    return {path: value for path, value in draft.values().items() if other.get(path) != value}
