"""The menu of the plots over steps: smoothing, the scales of each, and pinned curves."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QWidget, QWidgetAction

from ganviz.plots import VIEWS
from ganviz.plots.pins import MOST

from .curve_settings import OVER_STEPS, WINDOWS, CurveSettings
from .painter import PlotCanvas
from .stage import Stage

DIRECTIONS = {
    "values": ("Logarithmic values", "Powers of ten up the sides; values that are not above 0 are counted in words"),
    "steps": ("Logarithmic steps", "Powers of ten along the bottom: the beginning of the training is drawn out"),
}
SLIDER = 12
"""Width of the slider in letters."""


class SmoothingSlider(QWidget):
    """Over how many steps all curves are smoothed."""

    def __init__(self, curves: CurveSettings, parent: QWidget) -> None:
        super().__init__(parent)
        self._curves = curves
        self.label = QLabel(self)
        self.slider = _MenuSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, len(WINDOWS) - 1)
        self.slider.setPageStep(3)
        self.slider.setAccessibleName("Smoothing of all curves")
        tip = (
            "Each curve is the mean of so many steps up to each step, the newer ones weighing more; the band around it "
            "reaches from their least value to their greatest"
        )
        self.slider.setToolTip(tip)
        self.setToolTip(tip)
        line = QHBoxLayout(self)
        line.setContentsMargins(10, 4, 10, 4)
        line.addWidget(self.label)
        line.addWidget(self.slider, 1)
        letters = self.label.fontMetrics()
        self.label.setMinimumWidth(max(letters.horizontalAdvance(smoothing_text(window)) for window in WINDOWS) + 4)
        self.slider.setMinimumWidth(SLIDER * letters.averageCharWidth())
        self.slider.valueChanged.connect(self._on_moved)
        curves.changed.connect(self._show)
        self._show()

    def go(self, by: int) -> None:
        """Go some windows further."""
        self.slider.setValue(self.slider.value() + by)

    @Slot()
    def _show(self) -> None:
        text = smoothing_text(self._curves.window)
        if text != self.label.text():
            self.label.setText(text)
            self.slider.setAccessibleDescription(text)
            self.slider.setValue(WINDOWS.index(self._curves.window))

    @Slot(int)
    def _on_moved(self, place: int) -> None:
        self._curves.set_window(WINDOWS[place])


class _MenuSlider(QSlider):
    """A slider in a menu: up and down lead out of it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the menu's own keys to the menu."""
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Escape):
            event.ignore()
        else:
            super().keyPressEvent(event)


class CurveMenu(QMenu):
    """Everything that can be chosen about the plots over steps; what is about one plot is in its own menu, too."""

    def __init__(self, stage: Stage, parent: QWidget) -> None:
        super().__init__("&Curves", parent)
        self._stage, self._curves = stage, stage.curves
        self.setToolTipsVisible(True)
        self.smoothing = SmoothingSlider(self._curves, self)
        holder = QWidgetAction(self)
        holder.setDefaultWidget(self.smoothing)
        self.addAction(holder)
        self.smoother_action = self._make("Smoother", "Ctrl+Shift+Up", self._on_smoother)
        self.rougher_action = self._make("Less smooth", "Ctrl+Shift+Down", self._on_rougher)
        self.addSeparator()
        self.scale_actions: dict[tuple[str, str], QAction] = {}
        self._scale_menus = {name: self._make_scales(name) for name in OVER_STEPS}
        self.addSeparator()
        self.pin_action = self._make("&Pin these curves", "Ctrl+P", self._on_pin)
        self.pin_action.setToolTip(
            f"Keep the curves of this run as thin lines below those of later ones; up to {MOST} (Ctrl+P)"
        )
        self.pin_actions = [self._make("", "", self._on_unpin) for _ in range(MOST)]
        self.unpin_all_action = self._make("Remove all pins", "", self._curves.unpin_all)
        self._curves.changed.connect(self._refresh)
        stage.needs_changed.connect(self._refresh)
        self.aboutToShow.connect(self._refresh)
        for name, canvas in stage.canvases.items():
            self._add_to_canvas(name, canvas)
        for signal in (stage.canvas_made, stage.lane_stage.canvas_made):
            signal.connect(self._add_to_canvas)
        self.button = self._make_button()
        self._refresh()

    def _make(self, text: str, shortcut: str, slot: object) -> QAction:
        action = QAction(text, self)
        if shortcut:
            action.setShortcut(shortcut)
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _make_scales(self, view: str) -> QMenu:
        menu = self.addMenu(VIEWS[view].title)
        menu.setToolTipsVisible(True)
        for direction, (text, tip) in DIRECTIONS.items():
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setToolTip(tip)
            action.setData((view, direction))
            action.triggered.connect(self._on_scale)
            self.scale_actions[view, direction] = action
        return menu

    def _make_button(self) -> QToolButton:
        """Return a button that opens the menu, for beside the plots."""
        button = QToolButton(self._stage)
        button.setText("Curves ▾")
        button.setAutoRaise(True)
        # A button's own menu waits in a loop of its own.
        button.clicked.connect(self._on_button)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName("Curves: smoothing, axes and pins")
        button.setToolTip("Smoothing, logarithmic axes and pinned curves")
        self._stage.add_beside_tabs(button)
        return button

    @Slot(str, PlotCanvas)
    def _add_to_canvas(self, view: str, canvas: PlotCanvas) -> None:
        """Offer in a plot's own menu what is about it."""
        if view in OVER_STEPS:
            menu = canvas.getViewBox().menu
            actions = [self.scale_actions[view, direction] for direction in DIRECTIONS]
            menu.insertActions(menu.viewAll, [*actions, self.pin_action])
            menu.insertSeparator(menu.viewAll)

    @Slot()
    def _refresh(self) -> None:
        """Show how things are."""
        shown = {view.name for view in self._stage.views}
        for view, menu in self._scale_menus.items():
            menu.menuAction().setVisible(view in shown)
        for (view, direction), action in self.scale_actions.items():
            action.setChecked(self._curves.logarithmic(view, direction))
        window = WINDOWS.index(self._curves.window)
        self.smoother_action.setEnabled(window < len(WINDOWS) - 1)
        self.rougher_action.setEnabled(window > 0)
        frame = self._stage.frame_shown
        pins = self._curves.pins if frame is None else self._curves.labelled(frame.experiment)
        for place, action in enumerate(self.pin_actions):
            action.setVisible(place < len(pins))
            if place < len(pins):
                # A single "&" would underline the next letter.
                action.setText(f"Remove pin {place + 1}: {pins[place].label}".replace("&", "&&"))
        self.unpin_all_action.setVisible(len(pins) > 1)

    @Slot()
    def _on_button(self) -> None:
        below = QPoint(self.button.width() - self.sizeHint().width(), self.button.height())
        self.popup(self.button.mapToGlobal(below))

    @Slot()
    def _on_scale(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._curves.set_logarithmic(*action.data(), action.isChecked())

    @Slot()
    def _on_smoother(self) -> None:
        self.smoothing.go(1)

    @Slot()
    def _on_rougher(self) -> None:
        self.smoothing.go(-1)

    @Slot()
    def _on_pin(self) -> None:
        self._curves.pin(self._stage.frame_shown)

    @Slot()
    def _on_unpin(self) -> None:
        self._curves.unpin(self.pin_actions.index(self.sender()))


def smoothing_text(window: int) -> str:
    """Say over how many steps curves are smoothed."""
    return f"Smoothed over {window:,} steps" if window else "Not smoothed"
