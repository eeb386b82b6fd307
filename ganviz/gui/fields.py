"""Editors: one widget for each kind of parameter. It shows a value and sends a change; it owns nothing."""

from __future__ import annotations

import math
from typing import Any, cast

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ganviz.experiment import ExperimentError, Parameter, Value, resources

TICKS = 1000
OWN_KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)
ZERO_TICKS = 40
"""The left end of a logarithmic slider whose parameter may be 0."""


class Guard(QObject):
    """Keeps the mouse wheel from changing a value in passing, and an editor's own keys from being shortcuts."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hand wheel events on to the form; claim arrows and space for the editor that has the focus."""
        if isinstance(event, QWheelEvent):
            event.ignore()
            return True
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in OWN_KEYS:
            event.accept()
            return True
        return super().eventFilter(watched, event)


class Field(QWidget):
    """A label with an editor beneath or beside it.

    Signals
    -------
    edited(str, object)
        The path and the new value.
    refused(str)
        A sentence about a text that is no value.
    """

    edited = Signal(str, object)
    refused = Signal(str)

    def __init__(self, row: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = row
        self.value: Value | None = None
        self._guard = Guard(self)
        self._label = QLabel(_named(row), self)
        self._label.setObjectName("field")
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._default: Value | None = None
        self.show_default(row.default)
        self.setAccessibleName(row.label)

    def show_value(self, value: Value) -> None:
        """Show a value without sending it."""
        raise NotImplementedError

    def show_default(self, default: Value) -> None:
        """Say in the tooltip what the default is: some depend on other fields."""
        if default != self._default:
            self._default = default
            self.setToolTip(_tooltip(self.row, default))

    def mark(self, pending: bool) -> None:
        """Show whether the value waits for a restart."""
        self._label.setProperty("pending", pending)
        self._label.style().unpolish(self._label)
        self._label.style().polish(self._label)

    def _lay_out(self, *widgets: QWidget, below: QWidget | None = None) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 1, 0, 1)
        outer.setSpacing(0)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self._label, 1)
        for widget in widgets:
            line.addWidget(widget)
            widget.installEventFilter(self._guard)
        outer.addLayout(line)
        if below is not None:
            outer.addWidget(below)
            below.installEventFilter(self._guard)
        for widget in (*widgets, *([below] if below else [])):
            widget.setAccessibleName(self.row.label)

    def _send(self, value: Value) -> None:
        if value != self.value:
            self.value = value
            self.edited.emit(self.row.path, value)


class SwitchField(Field):
    """True or false."""

    def __init__(self, row: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(row, parent)
        self.box = QCheckBox(self)
        self._lay_out(self.box)
        self.box.toggled.connect(self._on_toggled)

    def show_value(self, value: Value) -> None:
        """Show a value without sending it."""
        self.value = value
        self.box.setChecked(bool(value))

    @Slot(bool)
    def _on_toggled(self, checked: bool) -> None:
        self._send(checked)


class ChoiceField(Field):
    """One of several names; what is not available yet stands there greyed out."""

    def __init__(self, row: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(row, parent)
        self.box = QComboBox(self)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.setMinimumContentsLength(12)
        for option in row.choices:
            self.box.addItem(str(option), option)
        self._lay_out(self.box)
        self.box.activated.connect(self._on_activated)

    def show_value(self, value: Value) -> None:
        """Show a value without sending it."""
        self.value = value
        self.box.setCurrentIndex(self.box.findData(value))

    @Slot(int)
    def _on_activated(self, index: int) -> None:
        self._send(cast(Value, self.box.itemData(index)))


class TextField(Field):
    """A value that is typed: texts, names, lists of numbers."""

    def __init__(self, row: Parameter, parent: QWidget | None = None, wide: bool = True) -> None:
        super().__init__(row, parent)
        self.edit = QLineEdit(self)
        self.edit.editingFinished.connect(self._on_finished)
        # So that space and arrows are the program's again.
        self.edit.returnPressed.connect(self._on_returned)
        if row.kind in ("names", "array"):
            self._lay_out(below=self.edit)
        elif wide:
            self._lay_out(self.edit)
            self.edit.setFixedWidth(120)

    def show_value(self, value: Value) -> None:
        """Show a value without sending it."""
        self.value = value
        text = typed(value)
        if self.edit.text() != text:
            self.edit.setText(text)
            self.edit.setCursorPosition(0)

    @Slot()
    def _on_returned(self) -> None:
        self.edit.clearFocus()

    @Slot()
    def _on_finished(self) -> None:
        if self.value is not None and self.edit.text() == typed(self.value):
            return
        try:
            value = self.row.parse(self.edit.text())
        except ExperimentError as error:
            shown = self.value
            self.refused.emit(str(error))
            if shown is not None:
                self.show_value(shown)
            return
        before = self.value
        # First shown, then sent: whoever refuses the value shows the old one again.
        self.show_value(value)
        if value != before:
            self.edited.emit(self.row.path, value)


class PathField(TextField):
    """A file: typed, one of the shipped ones, or looked for."""

    def __init__(self, row: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(row, parent, wide=False)
        self.box = QComboBox(self)
        self.box.setEditable(True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.setFixedWidth(120)
        # The box brings an entry of its own.
        self.edit.hide()
        self.edit.deleteLater()
        for path in sorted((resources() / "data").glob("*.csv")):
            self.box.addItem(path.name)
        self.edit = cast(QLineEdit, self.box.lineEdit())
        self.edit.editingFinished.connect(self._on_finished)
        self.edit.returnPressed.connect(self._on_returned)
        self.box.activated.connect(self._on_chosen)
        self.button = QToolButton(self)
        self.button.setText("…")
        self.button.setToolTip("Look for a .csv or .npy file")
        self.button.clicked.connect(self._on_browse)
        self._lay_out(self.box, self.button)

    @Slot(int)
    def _on_chosen(self, _index: int) -> None:
        self._on_finished()

    @Slot()
    def _on_browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Data", "", "Data (*.csv *.npy)")
        if name:
            self.edit.setText(name)
            self._on_finished()


class NumberField(TextField):
    """A number: a slider for the hand and an exact entry."""

    def __init__(self, row: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(row, parent, wide=False)
        self.edit.setFixedWidth(84)
        self.edit.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, TICKS)
        self.slider.setPageStep(TICKS // 20)
        self.slider.setMinimumWidth(60)
        self.slider.valueChanged.connect(self._on_slid)
        self._showing = False
        # A seed's size says nothing: only the entry makes sense.
        if row.high > 1e15:
            self.slider.hide()
            self._lay_out(self.edit)
        else:
            self._lay_out(self.edit, below=self.slider)

    def show_value(self, value: Value) -> None:
        """Show a value without sending it."""
        super().show_value(value)
        self._showing = True
        self.slider.setValue(tick_of(self.row, float(cast(float, value))))
        self._showing = False

    @Slot(int)
    def _on_slid(self, tick: int) -> None:
        if self._showing:
            return
        value = value_at(self.row, tick)
        if self.row.kind == "integer":
            value = round(value)
        self.edit.setText(typed(value))
        self._send(value)


def make_field(row: Parameter, parent: QWidget | None = None) -> Field:
    """Make the editor that fits a parameter."""
    if row.path == "data.path":
        return PathField(row, parent)
    kinds: dict[str, type[Field]] = {
        "switch": SwitchField,
        "choice": ChoiceField,
        "number": NumberField,
        "integer": NumberField,
    }
    return kinds.get(row.kind, TextField)(row, parent)


def typed(value: Any) -> str:
    """Show a value as a person would type it."""
    if isinstance(value, tuple):
        entries = cast(tuple[Any, ...], value)
        nested = any(isinstance(entry, tuple) for entry in entries)
        if nested:
            entries = tuple(
                f"[{', '.join(map(typed, entry))}]" if isinstance(entry, tuple) else entry for entry in entries
            )
        words = ", ".join(map(typed, entries))
        # Without its brackets a list of one number would be a number.
        return f"[{words}]" if nested or (len(entries) == 1 and isinstance(entries[0], float)) else words
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def value_at(row: Parameter, tick: int) -> float:
    """Return the value at a slider's tick: three significant digits, within the bounds."""
    low, high = row.usual or (row.low, row.high)
    zero = row.scale == "log" and row.low <= 0 and not row.above
    if zero and tick < ZERO_TICKS:
        return 0.0
    if tick >= TICKS:
        return high
    if row.scale == "log":
        start = ZERO_TICKS if zero else 0
        low = low if low > 0 else high * 1e-4
        value = low * (high / low) ** ((tick - start) / (TICKS - start))
    else:
        value = low + (high - low) * tick / TICKS
    rounded = float(f"{value:.3g}")
    if row.scale == "linear":
        step = 10.0 ** math.floor(math.log10((high - low) / 200.0))
        rounded = round(value / step) * step
        rounded = float(f"{rounded:.10g}")
    return min(max(rounded, low), high)


def tick_of(row: Parameter, value: float) -> int:
    """Return the slider's tick nearest to a value; values beyond the usual range stand at its ends."""
    low, high = row.usual or (row.low, row.high)
    zero = row.scale == "log" and row.low <= 0 and not row.above
    if row.scale == "log":
        start = ZERO_TICKS if zero else 0
        low = low if low > 0 else high * 1e-4
        if value <= 0:
            return 0
        share = math.log(value / low) / math.log(high / low)
        return round(start + (TICKS - start) * min(max(share, 0.0), 1.0))
    share = (value - low) / (high - low)
    return round(TICKS * min(max(share, 0.0), 1.0))


def _named(row: Parameter) -> str:
    """Return label and symbol, what follows a ``_`` as a subscript."""
    if not row.symbol:
        return row.label
    symbol, _, below = row.symbol.partition("_")
    return f"{row.label}&nbsp;&nbsp;{symbol}<sub>{below}</sub>" if below else f"{row.label}  {symbol}"


def _tooltip(row: Parameter, default: Value) -> str:
    effect = "acts at once" if row.live else "needs a restart"
    unit = f" {row.unit}" if row.unit else ""
    shown = typed(default) or "empty"
    return f"<p>{row.help}</p><p>{row.allowed}{unit}; default {shown}; {effect}</p><p><i>{row.path}</i></p>"
