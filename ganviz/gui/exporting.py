"""What leaves the window as files: figures of what is shown, and the settings of the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from ganviz.experiment import Experiment
from ganviz.plots import VIEWS
from ganviz.plots.scene import Scene
from ganviz.plots.shared import share_axes, share_boxes

from .curve_settings import CurveSettings
from .dialogs import ask_for_figure, save_scenes
from .lanes import Lane
from .stage import Stage


class Exporting(QObject):
    """Asks for a file and writes it.

    Signals
    -------
    told(str)
        What was saved.
    refused(str)
        Why something was not.
    """

    told = Signal(str)
    refused = Signal(str)

    def __init__(self, stage: Stage, window: QWidget) -> None:
        super().__init__(window)
        self._stage, self._window = stage, window
        self._folder = Path()

    def export(self, names: Sequence[str], name: str) -> None:
        """Save views of all that is shown as one figure, which carries the state of the current lane.

        Parameters
        ----------
        names : sequence of str
            Of the views.
        name : str
            Of the file that is suggested.
        """
        frame = self._stage.frame_shown
        if frame is None:
            self.refused.emit("There is nothing to export yet: the first step is still to come.")
            return
        path = ask_for_figure(self._window, self._folder / f"{name}.svg")
        if path is None:
            return
        self._folder = path.parent
        lanes = self._stage.lanes
        several = len(lanes) > 1
        curves = self._stage.curves
        scenes = beside(lanes, names, curves) if several else [curves.scene(VIEWS[name], frame) for name in names]
        problem = save_scenes(scenes, path, frame, columns=len(lanes) if several else 0)
        if problem:
            self.refused.emit(problem)
        else:
            self.told.emit(f"saved: {path}")

    def save_experiment(self, experiment: Experiment) -> None:
        """Save settings as TOML."""
        from ganviz.experiment import to_toml

        name, _ = QFileDialog.getSaveFileName(self._window, "Save experiment", "experiment.toml", "Experiment (*.toml)")
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() != ".toml":
            path = path.with_name(path.name + ".toml")
        try:
            path.write_text(to_toml(experiment), encoding="utf-8")
        except OSError as error:
            self.refused.emit(f"{path}: the experiment cannot be saved: {error.strerror or error}")
            return
        self.told.emit(f"saved: {path}")


def beside(lanes: Sequence[Lane], names: Sequence[str], curves: CurveSettings) -> list[Scene]:
    """Return views of several lanes, a row for each view and in it the same axes; each names its lane."""
    frames = share_boxes([lane.frame for lane in lanes])
    scenes: list[Scene] = []
    for name in names:
        # A view without a meaning for one of the lanes would leave a hole.
        if all(VIEWS[name].applies(frame.experiment) for frame in frames):
            row = share_axes([curves.scene(VIEWS[name], frame) for frame in frames])
            title = VIEWS[name].title
            scenes += [
                replace(scene, title=f"{lane.name}: {title[0].lower()}{title[1:]}")
                for lane, scene in zip(lanes, row, strict=True)
            ]
    return scenes
