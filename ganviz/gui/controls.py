"""The row of controls above everything: what to train, how fast, and what is done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QToolBar, QWidget

from ganviz.experiment import Preset, presets

from . import icons

SPEEDS: tuple[tuple[str, float | None], ...] = (
    ("as fast as possible", None),
    ("1,000 steps/s", 1000.0),
    ("100 steps/s", 100.0),
    ("10 steps/s", 10.0),
    ("1 step/s", 1.0),
)


class Controls(QToolBar):
    """Presets, play, step, reset, speed, theme and export.

    Signals
    -------
    preset_chosen(str)
        The name of a preset.
    speed_chosen(object)
        Steps per second, or None for no limit.
    """

    preset_chosen = Signal(str)
    speed_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Training", parent)
        self.setObjectName("training")
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.preset_box = self._make_preset_box()
        self.addWidget(self.preset_box)
        self.addSeparator()
        self.play_action = self._make_action("Pause", "Space", "Pause or go on (Space)")
        self.step_action = self._make_action("Step", "Right", "Train one step and pause (→)")
        self.reset_action = self._make_action(
            "Reset", "Ctrl+R", "Start again from step 0 with all settings as they are (Ctrl+R)"
        )
        self.addSeparator()
        self.addWidget(QLabel(" Speed ", self))
        self.speed_box = self._make_speed_box()
        self.addWidget(self.speed_box)
        spacer = QWidget(self)
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spacer)
        self.theme_action = self._make_action("Theme", "Ctrl+T", "Light or dark (Ctrl+T)")
        self.export_action = self._make_action(
            "Export", "Ctrl+E", "Save all views as one figure: SVG, PDF or PNG (Ctrl+E)"
        )
        self._playing = True

    def show_preset(self, name: str) -> None:
        """Show which preset is trained; an empty name: none."""
        self.preset_box.setCurrentIndex(max(0, self.preset_box.findData(name)))

    def show_playing(self, playing: bool, colour: str) -> None:
        """Show whether the training runs; icons are drawn in the colour."""
        self.play_action.setText("Pause" if playing else "Play")
        self.play_action.setIcon(icons.icon("pause" if playing else "play", colour))
        self._playing = playing

    def set_colour(self, colour: str) -> None:
        """Draw all icons in a colour."""
        self.show_playing(self._playing, colour)
        named = {"step": self.step_action, "reset": self.reset_action}
        named |= {"theme": self.theme_action, "export": self.export_action}
        for name, action in named.items():
            action.setIcon(icons.icon(name, colour))

    def _make_action(self, text: str, shortcut: str, tip: str) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(shortcut))
        action.setToolTip(tip)
        self.addAction(action)
        return action

    def _make_preset_box(self) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName("Preset")
        box.setToolTip("Preset: what to train")
        box.setMinimumContentsLength(34)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.addItem("Choose a preset …", "")
        for place, preset in enumerate(sorted(presets(), key=_by_title), start=1):
            box.addItem(preset.title, preset.name)
            box.setItemData(place, f"{preset.name}: {preset.source}", Qt.ItemDataRole.ToolTipRole)
        box.view().setMinimumWidth(box.view().sizeHintForColumn(0) + 24)
        box.activated.connect(self._on_preset)
        return box

    def _make_speed_box(self) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName("Speed")
        box.setToolTip("How fast the training may run")
        for text, speed in SPEEDS:
            box.addItem(text, speed)
        box.activated.connect(self._on_speed)
        return box

    @Slot(int)
    def _on_preset(self, index: int) -> None:
        name = self.preset_box.itemData(index)
        if name:
            self.preset_chosen.emit(name)

    @Slot(int)
    def _on_speed(self, index: int) -> None:
        self.speed_chosen.emit(self.speed_box.itemData(index))


def _by_title(preset: Preset) -> str:
    return preset.title.lower()
