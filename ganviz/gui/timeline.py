"""The timeline at the bottom of the window: one slider for everything shown, and what plays it."""

from __future__ import annotations

import math
import re
from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QFocusEvent, QFontMetricsF, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QToolButton, QToolTip, QWidget

from ganviz.plots.theme import LIGHT, Theme
from ganviz.run.frame import Mark

from . import icons
from .timeline_bar import Track

FASTEST = "fastest"
SPEEDS: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0, 10000.0)
"""Speeds to choose from, in steps per second; others can be typed."""
NARROW = 38
"""Heights of a letter below which the timeline leaves something out."""
FIRST_SPEED = 1000.0


class StepField(QLineEdit):
    """The step shown, as a number that can be typed over; Enter asks for it, Escape takes it back.

    Signals
    -------
    wanted(object)
        A step, an int from 0 to the end.
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("0", parent)
        self._step = self._end = 0
        self._typing = False
        self.setAccessibleName("Step")
        self.setToolTip("The step shown; type another and press Enter")
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.textEdited.connect(self._on_typed)
        self.returnPressed.connect(self._on_entered)

    def show_step(self, step: int, end: int) -> None:
        """Show a step, unless another is being typed."""
        self._step, self._end = step, end
        if not self._typing and self.text() != f"{step:,}":
            self.setText(f"{step:,}")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take back what was typed on Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self._restore()
            self.selectAll()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take back what was typed and not entered."""
        super().focusOutEvent(event)
        self._restore()

    @Slot(str)
    def _on_typed(self, _: str) -> None:
        self._typing = True

    @Slot()
    def _on_entered(self) -> None:
        digits = re.sub(r"[\s,.'_\u202f\u2019]", "", self.text())
        # A number of a hundred digits is beyond every run, and Python refuses to read one of many thousands.
        step = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 100 else -1
        if 0 <= step <= self._end:
            self._typing = False
            self.wanted.emit(step)
        else:
            sentence = f"A step is a whole number from 0 to {self._end:,}."
            QToolTip.showText(self.mapToGlobal(QPoint(0, -3 * self.height())), sentence, self)
        self.selectAll()

    @Slot()
    def _restore(self) -> None:
        """Show the run's own step again."""
        self._typing = False
        self.show_step(self._step, self._end)


class Timeline(QWidget):
    """A slider over the recorded steps with marks, and buttons that play it. Owns no state of the run.

    Signals
    -------
    scrubbed(object)
        A step, an int, while the hand drags: at most one every 16 ms, the latest.
    sought(object)
        A step, an int, that is wanted exactly: the hand rests, or a key, a button or a number leads there.
    play_wanted(int)
        Play backwards (-1), pause (0) or play forwards (1).
    stepped(int)
        One step backwards (-1) or forwards (1).
    bookmark_wanted()
        Keep the step shown as a bookmark.
    speed_chosen(float)
        Steps per second of a replay; 0: as fast as possible.
    mark_activated(object)
        A Mark, by a double click or Enter.

    Attributes
    ----------
    actions_ : list of QAction
        What the buttons and the keys do, most of it with a shortcut in the whole window.
    """

    # Qt's own int has 32 bits.
    scrubbed = Signal(object)
    sought = Signal(object)
    play_wanted = Signal(int)
    stepped = Signal(int)
    bookmark_wanted = Signal()
    speed_chosen = Signal(float)
    mark_activated = Signal(object)

    def __init__(self, parent: QWidget | None = None, theme: Theme = LIGHT) -> None:
        super().__init__(parent)
        self.theme = theme
        self.speed = FIRST_SPEED
        self._playing = 0
        self._digits = 0
        self.actions_: list[QAction] = []
        self._icons: dict[QAction, str] = {}
        self.track = Track(self, theme)
        self.step_field = StepField(self)
        self.step_label, self.end_label = QLabel("step", self), QLabel("of 0", self)
        self.speed_box = self._make_speed_box()
        self._make_actions()
        self._lay_out()
        self.track.scrubbed.connect(self.scrubbed)
        self.track.sought.connect(self.sought)
        self.track.stepped.connect(self.stepped)
        self.track.mark_activated.connect(self.mark_activated)
        self.track.moved.connect(self._on_moved)
        self.step_field.wanted.connect(self._on_step_wanted)
        self.set_theme(theme)
        self._follow_font()
        self._on_moved()

    def show_time(self, step: int, end: int, marks: tuple[Mark, ...], playing: int) -> None:
        """Show where the run stands.

        Parameters
        ----------
        step, end : int
            The step shown, and the last one that is recorded.
        marks : tuple of Mark
            In any order.
        playing : int
            -1: backwards, 0: paused, 1: forwards, be it a replay or the training.
        """
        if playing != self._playing:
            self._playing = playing
            self._show_playing()
        self.track.show_time(step, end, marks)
        self._show_step()

    def set_theme(self, theme: Theme) -> None:
        """Change the colours."""
        self.theme = theme
        self.track.set_theme(theme)
        self._show_playing()
        for action, name in self._icons.items():
            if action is not self.play_action:
                action.setIcon(icons.icon(name, theme.text))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what a narrow window has no room for."""
        super().resizeEvent(event)
        wide = self.width() > NARROW * QFontMetricsF(self.font()).height()
        self.speed_box.setVisible(wide)
        self.step_label.setVisible(wide)
        self.buttons[self.fast_action].setVisible(wide)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the widget's font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "step_field"):
            self._follow_font()

    # The parts

    def _make_actions(self) -> None:
        make = self._make_action
        self.start_action = make("To the start", "start", "Ctrl+Home", self._to_start)
        self.play_back_action = make("Play backwards", "play-back", "Shift+Space", self._play_back)
        self.back_action = make("One step back", "step-back", "Shift+Left", self._step_back)
        # The window has keys for these two: they train where there is no recording.
        self.play_action = make("Play", "play", "", self._play)
        self.forward_action = make("One step forward", "step", "", self._step_forward)
        self.fast_action = make("Play to the end as fast as possible", "fast", "", self._play_fast)
        self.end_action = make("To the live end", "end", "Ctrl+End", self._to_end)
        self.bookmark_action = make("Bookmark this step", "bookmark", "Ctrl+B", self.bookmark_wanted)
        self.previous_mark_action = make("Previous mark", "", "Ctrl+Left", self._to_previous)
        self.next_mark_action = make("Next mark", "", "Ctrl+Right", self._to_next)

    def _make_action(self, text: str, icon: str, shortcut: str, slot: object) -> QAction:
        action = QAction(text, self)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        action.setToolTip(f"{text} ({shortcut})" if shortcut else text)
        action.triggered.connect(slot)
        if icon:
            self._icons[action] = icon
        self.addAction(action)
        self.actions_.append(action)
        return action

    def _make_speed_box(self) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName("Speed of replays")
        box.setToolTip("How fast a recording is played; other steps per second can be typed")
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for speed in (*SPEEDS, 0.0):
            box.addItem(speed_text(speed), speed)
        box.setCurrentText(speed_text(self.speed))
        box.activated.connect(self._on_speed)
        box.lineEdit().editingFinished.connect(self._on_speed)
        return box

    def _lay_out(self) -> None:
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        line = QHBoxLayout(self)
        line.setContentsMargins(6, 1, 6, 1)
        line.setSpacing(2)
        self.buttons = {action: self._make_button(action) for action in self._icons}
        for action, button in self.buttons.items():
            if action is not self.bookmark_action:
                line.addWidget(button)
        line.addSpacing(4)
        line.addWidget(self.speed_box)
        line.addSpacing(4)
        line.addWidget(self.track, 1)
        line.addSpacing(4)
        for widget in (self.step_label, self.step_field, self.end_label, self.buttons[self.bookmark_action]):
            line.addWidget(widget)
        places = [line.itemAt(place).widget() for place in range(line.count())]
        order = [widget for widget in places if widget is not None]
        for before, after in pairwise(order):
            self.setTabOrder(before, after)

    def _make_button(self, action: QAction) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(action)
        button.setAutoRaise(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.text())
        return button

    def _follow_font(self) -> None:
        em = round(QFontMetricsF(self.font()).height())
        for button in self.buttons.values():
            button.setIconSize(QSize(em, em))
        letters = self.speed_box.fontMetrics()
        widest = max(letters.horizontalAdvance(self.speed_box.itemText(at)) for at in range(self.speed_box.count()))
        self.speed_box.setFixedWidth(widest + 2 * em + 12)
        self._digits = 0
        # With less room than everything needs, some of it is left out.
        self.setMinimumWidth(20 * em)
        self._show_step()

    # What is shown

    def _show_playing(self) -> None:
        playing = self._playing != 0
        self.play_action.setText("Pause" if playing else "Play")
        self.play_action.setToolTip("Pause" if playing else "Play on from this step")
        self.play_action.setIcon(icons.icon("pause" if playing else "play", self.theme.text))
        if hasattr(self, "buttons"):
            self.buttons[self.play_action].setAccessibleName(self.play_action.text())

    def _show_step(self) -> None:
        step, end = self.track.step, self.track.end
        self.step_field.show_step(step, end)
        text = f"of {end:,}"
        if text != self.end_label.text():
            self.end_label.setText(text)
        if len(text) != self._digits:
            # As wide as the widest number of so many digits: nothing trembles as it counts.
            self._digits = len(text)
            letters = self.end_label.fontMetrics()
            number = re.sub(r"\d", "8", f"{end:,}")
            self.end_label.setFixedWidth(letters.horizontalAdvance(f"of {number}") + 2)
            own = self.step_field.fontMetrics()
            self.step_field.setFixedWidth(own.horizontalAdvance(number) + own.averageCharWidth() + 14)

    @Slot()
    def _on_moved(self) -> None:
        step, end = self.track.step, self.track.end
        for action in (self.start_action, self.play_back_action, self.back_action):
            _enable(action, step > 0)
        for action in (self.fast_action, self.end_action):
            _enable(action, step < end)
        self._show_step()

    # What the person does

    @Slot()
    def _to_start(self) -> None:
        self.track.go_to(0)

    @Slot()
    def _to_end(self) -> None:
        self.track.go_to(self.track.end)

    @Slot()
    def _to_previous(self) -> None:
        self._to_mark(-1)

    @Slot()
    def _to_next(self) -> None:
        self._to_mark(1)

    def _to_mark(self, direction: int) -> None:
        mark = self.track.neighbour(direction)
        if mark is not None and not self.track.dragging:
            self.track.go_to(mark.step)

    @Slot()
    def _step_back(self) -> None:
        self.track.let_go()
        self.stepped.emit(-1)

    @Slot()
    def _step_forward(self) -> None:
        self.track.let_go()
        self.stepped.emit(1)

    @Slot()
    def _play(self) -> None:
        self._want(0 if self._playing else 1)

    @Slot()
    def _play_back(self) -> None:
        self._want(0 if self._playing < 0 else -1)

    @Slot()
    def _play_fast(self) -> None:
        self._choose(0.0)
        self._want(1)

    def _want(self, playing: int) -> None:
        self.track.let_go()
        self.play_wanted.emit(playing)

    @Slot(object)
    def _on_step_wanted(self, step: int) -> None:
        self.track.go_to(step)
        self.track.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _on_speed(self, *_: object) -> None:
        speed = read_speed(self.speed_box.currentText())
        if speed is None:
            QToolTip.showText(
                self.speed_box.mapToGlobal(QPoint(0, -3 * self.speed_box.height())),
                f"A speed is a number of steps per second above 0, or “{FASTEST}”.",
                self.speed_box,
            )
            speed = self.speed
        self._choose(speed)

    def _choose(self, speed: float) -> None:
        self.speed_box.setCurrentIndex(self.speed_box.findData(speed))
        self.speed_box.setEditText(speed_text(speed))
        self.speed_box.lineEdit().setCursorPosition(0)
        if speed != self.speed:
            self.speed = speed
            self.speed_chosen.emit(speed)


def speed_text(speed: float) -> str:
    """Write a speed in steps per second; 0: as fast as possible."""
    if speed == 0:
        return FASTEST
    number = f"{speed:,.0f}" if speed >= 1 and speed == round(speed) else f"{speed:g}"
    return f"{number} step{'' if speed == 1 else 's'}/s"


def read_speed(text: str) -> float | None:
    """Read a speed as it is shown, or a number alone; None where it is neither."""
    text = text.strip().lower()
    if text == FASTEST:
        return 0.0
    try:
        speed = float(re.sub(r"\s*steps?/s$", "", text).replace(",", ""))
    except ValueError:
        return None
    return speed if math.isfinite(speed) and speed > 0 else None


def _enable(action: QAction, enabled: bool) -> None:
    if action.isEnabled() != enabled:
        action.setEnabled(enabled)
