"""The track of the timeline: all recorded steps as a line, with a handle for the one that is shown, and marks."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ganviz.plots.theme import LIGHT, Theme
from ganviz.run.frame import Mark

from .timeline_marks import WEIGHT, Group, mark_text, paint_group

SCRUB_EVERY = 16
"""Milliseconds between two signals of a hand that drags."""
RESTS_AFTER = 150
"""Milliseconds without motion after which a hand rests."""
WAITS_FOR = 2000
"""Milliseconds for which the handle stays where it was let go, for the run to get there."""
NAMED = 8
"""Marks that a tooltip names; the others are counted."""
PAGE = 0.05
"""The share of the run that one page goes."""
PLAIN = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
Key = Qt.Key


class Track(QWidget):
    """A slider over all recorded steps. Owns no state of the run: it shows a step and says which one is wanted.

    Signals
    -------
    scrubbed(object)
        A step, an int, while the hand drags: at most one every 16 ms, the latest.
    sought(object)
        A step where the hand rests, or to which a key leads.
    stepped(int)
        One step forwards (1) or backwards (-1).
    mark_activated(object)
        A Mark, by a double click or Enter.
    moved()
        The handle is at another step than before.
    """

    # Qt's own int has 32 bits.
    scrubbed = Signal(object)
    sought = Signal(object)
    stepped = Signal(int)
    mark_activated = Signal(object)
    moved = Signal()

    def __init__(self, parent: QWidget | None = None, theme: Theme = LIGHT) -> None:
        super().__init__(parent)
        self.theme = theme
        self.step = self.end = 0
        self._pointed: int | None = None
        self.marks: tuple[Mark, ...] = ()
        self._steps = np.empty(0, dtype=np.int64)
        self._ordered: list[Mark] = []
        self._reported = (0, 0, self.marks)
        self._dragging = False
        self._told: int | None = None
        self._rested: int | None = None
        self._awaited: int | None = None
        self._pressed_at = QPointF()
        self._weights = np.empty(0, dtype=np.int8)
        self._groups: list[Group] = []
        self._grouped_for: tuple[object, ...] = ()
        self._pace = self._timer(SCRUB_EVERY, self._tell)
        self._rest = self._timer(RESTS_AFTER, self._on_rest)
        self._patience = self._timer(WAITS_FOR, self._give_up)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Timeline")

    def _timer(self, milliseconds: int, slot: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    # What is shown

    @property
    def dragging(self) -> bool:
        """Whether the hand holds the handle."""
        return self._dragging

    def show_time(self, step: int, end: int, marks: tuple[Mark, ...]) -> None:
        """Show a step of a run; a handle in the hand, or on its way to where the hand let it go, stays."""
        self._reported = (step, max(step, end), marks)
        if self._dragging:
            return
        if self._awaited is not None:
            if step != self._awaited:
                step = self._awaited
            else:
                self._arrive()
        self._set(step, max(step, end), marks)

    def point_at(self, step: int | None) -> None:
        """Show a step that is pointed at elsewhere; None: none is."""
        if step != self._pointed:
            self._pointed = step
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Change the colours."""
        self.theme = theme
        self.update()

    def go_to(self, step: int) -> None:
        """Ask for a step, and show it until the run is there."""
        step = max(0, min(step, self.end))
        self._await(step)
        self._move(step)
        self.sought.emit(step)

    def be_patient(self) -> None:
        """Wait on for the run, which is on its way."""
        if self._awaited is not None:
            self._patience.start()

    def let_go(self) -> None:
        """Follow the run again."""
        self._arrive()
        if not self._dragging:
            self._set(*self._reported)

    def neighbour(self, direction: int) -> Mark | None:
        """Return the nearest mark before (-1) or after (1) the step shown; None where there is none."""
        if direction > 0:
            place = int(np.searchsorted(self._steps, self.step, side="right"))
        else:
            place = int(np.searchsorted(self._steps, self.step, side="left")) - 1
        return self._ordered[place] if 0 <= place < len(self._ordered) else None

    def _set(self, step: int, end: int, marks: tuple[Mark, ...]) -> None:
        if marks is not self.marks:
            self._order(marks)
        if (step, end) != (self.step, self.end):
            self.end = end
            self._move(step)
        self.update()

    def _order(self, marks: tuple[Mark, ...]) -> None:
        self.marks = marks
        steps = np.fromiter((mark.step for mark in marks), dtype=np.int64, count=len(marks))
        order = np.argsort(steps, kind="stable")
        self._steps = steps[order]
        self._ordered = [marks[place] for place in order.tolist()]
        self._weights = np.fromiter((WEIGHT[mark.kind] for mark in self._ordered), dtype=np.int8, count=len(marks))
        self._grouped_for = ()

    def _move(self, step: int) -> None:
        self.step = step
        self.setAccessibleDescription(f"step {step:,} of {self.end:,}")
        self.moved.emit()
        self.update()

    def _await(self, step: int) -> None:
        self._awaited = step
        self._patience.start()

    def _arrive(self) -> None:
        self._awaited = None
        self._patience.stop()

    @Slot()
    def _give_up(self) -> None:
        self.let_go()

    # Places

    @property
    def em(self) -> float:
        """Height of a letter, by which everything here is sized."""
        return QFontMetricsF(self.font()).height()

    @property
    def _radius(self) -> float:
        return 0.42 * self.em

    def _x(self, steps: np.ndarray | int) -> np.ndarray:
        """Return the places of steps across the widget, in pixels."""
        room = self.width() - 2 * self._radius - 2
        return self._radius + 1 + np.asarray(steps) * (room / max(self.end, 1))

    def _step_at(self, x: float) -> int:
        room = max(self.width() - 2 * self._radius - 2, 1.0)
        share = (x - self._radius - 1) / room
        return round(max(0.0, min(1.0, share)) * self.end)

    def groups(self) -> list[Group]:
        """Return what is drawn of the marks: those that would lie upon each other are one group."""
        key = (self.end, self.width(), self.em)
        if key != self._grouped_for:
            self._grouped_for = key
            self._groups = []
            x = self._x(self._steps)
            apart, first = 0.8 * self.em, 0
            while first < len(x):
                end = int(np.searchsorted(x, x[first] + apart))
                chief = first + int(self._weights[first:end].argmax())
                self._groups.append(Group(float(x[first]), first, end, self._ordered[chief]))
                first = end
        return self._groups

    def _group_near(self, x: float) -> Sequence[Mark]:
        """Return the marks of the group nearest to a place; none where none is near."""
        groups = self.groups()
        nearest = min(groups, key=lambda group: abs(group.x - x), default=None)
        if nearest is None or abs(nearest.x - x) > 0.45 * self.em:
            return []
        return self._ordered[nearest.first : nearest.end]

    def _tip(self, marks: Sequence[Mark]) -> str:
        lines = [f"<b>{len(marks)} marks</b>"] if len(marks) > 1 else []
        lines += [html.escape(mark_text(mark)) for mark in marks[:NAMED]]
        if len(marks) > NAMED:
            lines.append(f"and {len(marks) - NAMED} more")
        return f"<qt>{'<br>'.join(lines)}</qt>"

    # The hand

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle, to where the hand is; on a mark to its step."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        QToolTip.hideText()
        self._arrive()
        self._dragging, self._told, self._rested = True, None, None
        self._pressed_at = event.position()
        on_mark = self._group_near(event.position().x()) if event.position().y() < self._groove - self._radius else []
        self._drag_to(on_mark[0].step if on_mark else self._step_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Take the handle along, or name the marks below the pointer."""
        place = event.position()
        if self._dragging:
            # A click trembles.
            if (place - self._pressed_at).manhattanLength() > 2:
                self._pressed_at = QPointF(-1e6, -1e6)
                self._drag_to(self._step_at(place.x()))
            return
        near = self._group_near(place.x())
        if near:
            QToolTip.showText(event.globalPosition().toPoint(), self._tip(near), self)
        elif QToolTip.isVisible():
            QToolTip.hideText()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the handle go: there the run is to be."""
        if event.button() != Qt.MouseButton.LeftButton or not self._dragging:
            super().mouseReleaseEvent(event)
            return
        self._dragging = False
        self._pace.stop()
        self._rest.stop()
        step = self.step
        self._await(step)
        if self._rested != step:
            self.sought.emit(step)
        reported, end, marks = self._reported
        if reported == step:
            self._arrive()
        self._set(step, max(step, end), marks)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open what is marked; elsewhere a double click is a click."""
        near = self._group_near(event.position().x()) if event.position().y() < self._groove - self._radius else []
        if event.button() == Qt.MouseButton.LeftButton and near:
            self.mark_activated.emit(max(near, key=lambda mark: WEIGHT[mark.kind]))
        else:
            self.mousePressEvent(event)

    def _drag_to(self, step: int) -> None:
        if step != self.step:
            self._move(step)
        self._rest.start()
        if not self._pace.isActive():
            self._tell()

    @Slot()
    def _tell(self) -> None:
        if self._dragging and self.step != self._told:
            self._told, self._rested = self.step, None
            self._pace.start()
            self.scrubbed.emit(self.step)

    @Slot()
    def _on_rest(self) -> None:
        if self._dragging and self.step != self._rested:
            self._rested = self.step
            self.sought.emit(self.step)

    # The keys

    def _wanted(self, event: QKeyEvent) -> int | None:
        """Return the step to which a key leads; None for other keys."""
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = event.key()
        if modifiers == CONTROL and key in (Key.Key_Left, Key.Key_Right):
            mark = self.neighbour(1 if key == Key.Key_Right else -1)
            return self.step if mark is None else mark.step
        if modifiers != PLAIN:
            return None
        page = max(1, round(PAGE * self.end))
        steps = {
            Key.Key_Home: 0,
            Key.Key_End: self.end,
            Key.Key_PageUp: self.step + page,
            Key.Key_PageDown: self.step - page,
        }
        return steps.get(Key(key))

    def event(self, event: QEvent) -> bool:
        """Keep the keys of the track from the window's shortcuts, and tell the step below a pointer that rests."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            sideways = event.key() in (Key.Key_Left, Key.Key_Right) and event.modifiers() in (
                PLAIN,
                Qt.KeyboardModifier.KeypadModifier,
            )
            if sideways or self._wanted(event) is not None:
                event.accept()
                return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            near = self._group_near(event.pos().x())
            text = self._tip(near) if near else f"step {self._step_at(event.pos().x()):,}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go by steps, pages and marks."""
        wanted, key = self._wanted(event), event.key()
        here = self._ordered[np.searchsorted(self._steps, self.step) : np.searchsorted(self._steps, self.step, "right")]
        if self._dragging:
            event.accept()
        elif wanted is not None:
            if max(0, min(wanted, self.end)) != self.step:
                self.go_to(wanted)
        elif key in (Key.Key_Left, Key.Key_Right):
            self.let_go()
            self.stepped.emit(1 if key == Key.Key_Right else -1)
        elif key in (Key.Key_Return, Key.Key_Enter) and here:
            self.mark_activated.emit(max(here, key=lambda mark: WEIGHT[mark.kind]))
        else:
            super().keyPressEvent(event)

    # The picture

    def sizeHint(self) -> QSize:
        """One line high."""
        return QSize(round(40 * self.em), round(2.4 * self.em))

    def minimumSizeHint(self) -> QSize:
        """Wide enough to hit something."""
        return QSize(round(7 * self.em), round(2.4 * self.em))

    @property
    def _groove(self) -> float:
        return self.height() - self._radius - 3.0

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw groove, marks and handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, radius, y = self.theme, self._radius, self._groove
        left, right, here = (float(self._x(step)) for step in (0, max(self.end, 1), self.step))
        thick = max(3.0, 0.22 * self.em)
        painter.setPen(Qt.PenStyle.NoPen)
        for end, colour in ((right, theme.grid), (here, theme.roles["real"])):
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(QRectF(left, y - thick / 2, end - left, thick), thick / 2, thick / 2)
        for group in self.groups():
            paint_group(painter, group, theme, em=self.em, foot=y - radius - 1.0, groove=y)
        if self._pointed is not None:
            x = float(self._x(min(self._pointed, self.end)))
            painter.setPen(QPen(QColor(theme.roles["cursor"]), max(1.0, 0.07 * self.em)))
            painter.drawLine(QPointF(x, 1.0), QPointF(x, self.height() - 1.0))
        edge = theme.roles["fake"] if self.hasFocus() else theme.roles["real"]
        painter.setPen(QPen(QColor(edge), max(2.0, 0.13 * self.em)))
        painter.setBrush(QColor(theme.surface))
        painter.drawEllipse(QPointF(here, y), radius - 1, radius - 1)
        painter.end()
