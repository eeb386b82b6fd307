"""One crosshair for all plots over steps and the timeline: what points at one of them points at all."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QMouseEvent

from .curve_settings import OVER_STEPS
from .painter import PlotCanvas
from .stage import Stage
from .steering import Steering

TREMBLE = 3
"""Pixels that the mouse may move during a click."""
PLAIN = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


class Crosshairs(QObject):
    """Watches the plots over steps.

    The mouse above one of them points at a step; where it is above none, the timeline does while time stands still in
    the past. A click goes to the step, unless a second one follows: that shows everything in the plot.
    """

    def __init__(self, stage: Stage, steering: Steering, parent: QObject) -> None:
        super().__init__(parent)
        self._steering = steering
        self._track = steering.timeline.track
        self._canvases: list[PlotCanvas] = []
        self._watched: dict[QObject, PlotCanvas] = {}
        self._pointing: PlotCanvas | None = None
        self._pressed: QPointF | None = None
        self._clicked = 0
        self._shown: int | None = None
        # The second click of two would come too late.
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._go)
        for name, canvas in stage.canvases.items():
            self._on_canvas_made(name, canvas)
        for signal in (stage.canvas_made, stage.lane_stage.canvas_made):
            signal.connect(self._on_canvas_made)
        self._track.moved.connect(self._on_time_moved)
        steering.playing_changed.connect(self._on_time_moved)

    def watch(self, canvas: PlotCanvas) -> None:
        """Have a plot take part."""
        self._canvases.append(canvas)
        self._watched[canvas.viewport()] = canvas
        canvas.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at what the mouse does; the plots get all of it, but no tip hides the curves that are read."""
        kind = event.type()
        if kind in MOUSE and isinstance(event, QMouseEvent) and watched in self._watched:
            self._on_mouse(self._watched[watched], kind, event)
        elif kind in (QEvent.Type.Leave, QEvent.Type.Hide) and self._watched.get(watched) is self._pointing:
            self._pointing = None
            self._on_time_moved()
        return (
            kind == QEvent.Type.ToolTip and self._pointing is not None and self._watched.get(watched) is self._pointing
        )

    def _on_mouse(self, canvas: PlotCanvas, kind: QEvent.Type, event: QMouseEvent) -> None:
        place = event.position()
        if kind == QEvent.Type.MouseMove and event.buttons() == Qt.MouseButton.NoButton:
            self._point(canvas, place)
        elif kind == QEvent.Type.MouseButtonPress:
            self._pressed = place if event.button() == LEFT and event.modifiers() == PLAIN else None
        elif kind == QEvent.Type.MouseButtonDblClick:
            self._pressed = None
            self._pause.stop()
        elif kind == QEvent.Type.MouseButtonRelease and self._pressed is not None:
            still = (place - self._pressed).manhattanLength() <= TREMBLE
            self._pressed = None
            step = self._step_at(canvas, place) if still else None
            if step is not None:
                self._clicked = step
                self._pause.start(QGuiApplication.styleHints().mouseDoubleClickInterval())

    def _point(self, canvas: PlotCanvas, place: QPointF) -> None:
        step = self._step_at(canvas, place)
        self._pointing = None if step is None else canvas
        if step is None:
            self._on_time_moved()
        else:
            self._show(step)

    def _step_at(self, canvas: PlotCanvas, place: QPointF) -> int | None:
        step = canvas.crosshair.step_at(canvas.mapToScene(place.toPoint()))
        return None if step is None else round(max(0.0, min(step, float(self._track.end))))

    @Slot()
    def _go(self) -> None:
        self._track.go_to(self._clicked)

    @Slot()
    def _on_time_moved(self, *_: object) -> None:
        if self._pointing is None:
            standing = not self._steering.playing and self._track.step < self._track.end
            self._show(self._track.step if standing else None)

    @Slot(str, PlotCanvas)
    def _on_canvas_made(self, name: str, canvas: PlotCanvas) -> None:
        if name in OVER_STEPS:
            canvas.crosshair.step = self._shown
            self.watch(canvas)

    def _show(self, step: int | None) -> None:
        if step == self._shown:
            return
        self._shown = step
        for canvas in self._canvases:
            canvas.crosshair.step = step
            # Whoever is not seen reads the curves with the next picture.
            if canvas.isVisible():
                canvas.crosshair.refresh()
                canvas.setAccessibleDescription(canvas.crosshair.text)
        self._track.point_at(None if self._pointing is None else step)


MOUSE = (
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonRelease,
    QEvent.Type.MouseButtonDblClick,
)
