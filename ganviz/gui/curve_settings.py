"""How the person wants the plots over steps: scales, smoothing and pinned curves; kept from session to session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, QSettings, Signal, Slot

from ganviz.experiment import Experiment
from ganviz.plots import VIEWS, CurveOptions, Pin, Scene, View, pin_of
from ganviz.plots.pins import MOST
from ganviz.plots.scene import Scale
from ganviz.run import Frame

from .form import differences
from .wording import difference_text

WINDOWS = (0, *(digit * 10**power for power in range(7) for digit in (1, 2, 5) if digit * 10**power > 1))
"""Windows of smoothing to choose from, in steps; 0: none."""
SAME = "same settings"
NAMES = ("title", "source")
"""What an experiment is called makes no difference."""
OVER_STEPS = tuple(name for name, view in VIEWS.items() if view.curves is not None)
"""Names of the views over steps."""


class CurveSettings(QObject):
    """The options of every view over steps. Scales and smoothing are remembered, pins last as long as the window.

    Signals
    -------
    changed()
        What is shown is to be drawn anew.
    refused(str)
        A sentence about something that was not done.

    Attributes
    ----------
    window : int
        Steps over which all curves are smoothed; 0: not at all.
    pins : tuple of Pin
        The oldest first.
    """

    changed = Signal()
    refused = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        settings = QSettings()
        self._steps = {name: _scale(settings.value(f"curves/{name}/steps")) for name in OVER_STEPS}
        self._values = {name: _scale(settings.value(f"curves/{name}/values")) for name in OVER_STEPS}
        self.window = _window(settings.value("curves/window"))
        self.pins: tuple[Pin, ...] = ()
        self._labelled: list[tuple[Experiment, tuple[Pin, ...]]] = []

    def scene(self, view: View, frame: Frame) -> Scene:
        """Make a view's scene as the person wants it."""
        return view.scene(frame, self.options(view.name, frame.experiment))

    def options(self, view: str, experiment: Experiment) -> CurveOptions:
        """Return the options of a view for what trains an experiment."""
        if view not in self._steps:
            return CurveOptions()
        steps = self._steps[view] or "linear"
        return CurveOptions(steps, self._values[view], self.window, self.labelled(experiment))

    def logarithmic(self, view: str, direction: str) -> bool:
        """Whether the steps or the values of a view are shown on a logarithmic axis."""
        chosen = self._steps[view] if direction == "steps" else self._values[view]
        return (chosen or ("linear" if direction == "steps" else VIEWS[view].scale)) == "log"

    def set_logarithmic(self, view: str, direction: str, log: bool) -> None:
        """Choose the scale of the steps or of the values of a view."""
        scale: Scale = "log" if log else "linear"
        (self._steps if direction == "steps" else self._values)[view] = scale
        QSettings().setValue(f"curves/{view}/{direction}", scale)
        self.changed.emit()

    def set_window(self, window: int) -> None:
        """Smooth all curves over so many steps; 0: not at all."""
        if window != self.window:
            self.window = window
            QSettings().setValue("curves/window", window)
            self.changed.emit()

    def pin(self, frame: Frame | None) -> None:
        """Keep the curves of a frame."""
        if frame is None or not frame.history:
            self.refused.emit(
                "There are no curves to pin: the page that is shown has no plot over steps, or nothing was trained "
                "yet. Turn to a page such as Training first."
            )
        elif len(self.pins) == MOST:
            self.refused.emit(f"{MOST} runs are pinned, and more could not be told apart. Remove one of them first.")
        else:
            self._set_pins((*self.pins, pin_of(frame)))

    def unpin(self, place: int) -> None:
        """Let a pin go."""
        self._set_pins((*self.pins[:place], *self.pins[place + 1 :]))

    @Slot()
    def unpin_all(self) -> None:
        """Let all pins go."""
        self._set_pins(())

    def labelled(self, experiment: Experiment) -> tuple[Pin, ...]:
        """Return the pins, each with those of its settings that the experiment does not have."""
        if not self.pins:
            return ()
        for known, pins in self._labelled:
            if known is experiment:
                return pins
        pins = _labelled(self.pins, experiment)
        # As many lanes as there are at most, and what was shown before.
        self._labelled = [(experiment, pins), *self._labelled[:7]]
        return pins

    def _set_pins(self, pins: tuple[Pin, ...]) -> None:
        self.pins = pins
        self._labelled = []
        self.changed.emit()


def _labelled(pins: Sequence[Pin], experiment: Experiment) -> tuple[Pin, ...]:
    return tuple(replace(pin, label=_difference(pin.experiment, experiment)) for pin in pins)


def _difference(pinned: Experiment, shown: Experiment) -> str:
    fields = {path: value for path, value in differences(pinned, shown).items() if path not in NAMES}
    return difference_text(fields, pinned.data.kind) or SAME


def _scale(kept: object) -> Scale | None:
    """Read a scale from the settings, which may hold anything."""
    return kept if kept in ("linear", "log") else None


def _window(kept: object) -> int:
    """Read a window from the settings, which may hold anything."""
    text = str(kept)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 and int(text) in WINDOWS else 0
