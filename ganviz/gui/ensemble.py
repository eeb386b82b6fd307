"""A window beside the main one: the same experiment under many seeds, drawn while they train."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ganviz.experiment import Experiment, ExperimentError
from ganviz.plots import LIGHT, Axis, Scene, Theme
from ganviz.plots.common import hint
from ganviz.plots.ensemble import ensemble_views_for
from ganviz.run.ensemble import MOST_WORKERS, Ensemble, EnsembleResult
from ganviz.run.recorded import Change

from .dialogs import ask_for_figure, explain
from .painter import PlotCanvas
from .watcher import NICE

PULL_EVERY = 200
"""Milliseconds between two looks at what the threads have measured."""
STOPPING = 0.7
"""Seconds that closing waits for the threads."""
COLUMNS = 3
SEEDS, STEPS = 10, 5000
MOST_SEEDS, MOST_STEPS = 1000, 100_000_000


class EnsembleWindow(QDialog):
    """Trains an experiment under many seeds on threads that stand back behind all else, and draws them.

    The interpreter's garbage must be collected by the window's thread alone as long as it is open; see `Collector`.

    Parameters
    ----------
    experiment : Experiment
        At step 0.
    log : sequence of Change
        What changed on the way in the run that the ensemble is to repeat.
    """

    def __init__(
        self,
        experiment: Experiment,
        log: Sequence[Change] = (),
        theme: Theme = LIGHT,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(f"Seeds: {experiment.title}" if experiment.title else "Seeds")
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.experiment, self._log = experiment, tuple(log)
        self._ensemble: Ensemble | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._done = 0
        self._failed: list[str] = []
        self._version = -1
        self._views = ensemble_views_for(experiment)
        self.canvases = [PlotCanvas(self, theme) for _ in self._views]
        self.result_shown: EnsembleResult | None = None
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._pull)
        self._show_running(False)
        # Before anything is trained the plots say what they are going to show.
        for view, canvas in zip(self._views, self.canvases, strict=True):
            canvas.show_scene(Scene(view.name, view.title, Axis("step"), Axis(""), (hint("not trained yet"),)))
        self.status_label.setText("Start trains this experiment under every seed; medians and bands grow as they go.")
        self.resize(1000, 640)

    def _lay_out(self) -> None:
        self.seeds_box = self._number("Number of seeds", 2, MOST_SEEDS, SEEDS)
        self.first_box = self._number("First seed", 0, 1_000_000, 0)
        self.steps_box = self._number("Steps of each run", 1, MOST_STEPS, STEPS)
        self.log_box = QCheckBox("Repeat the changes of the run", self)
        self.log_box.setChecked(True)
        self.log_box.setVisible(bool(self._log))
        self.start_button, self.cancel_button = QPushButton("Start", self), QPushButton("Cancel", self)
        self.figure_button, self.csv_button = QPushButton("Export figure …", self), QPushButton("Export CSV …", self)
        for button, slot in (
            (self.start_button, self.start), (self.cancel_button, self.cancel),
            (self.figure_button, self.export_figure), (self.csv_button, self.export_csv),
        ):  # fmt: skip
            button.clicked.connect(slot)
            button.setAutoDefault(False)
        self.start_button.setDefault(True)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 1000)
        self.status_label = QLabel("", self)
        self.status_label.setWordWrap(True)
        top, bottom = QHBoxLayout(), QHBoxLayout()
        for words, box in (("Seeds", self.seeds_box), ("from", self.first_box), ("Steps", self.steps_box)):
            top.addWidget(QLabel(words, self))
            top.addWidget(box)
        top.addWidget(self.log_box)
        top.addStretch(1)
        for button in (self.start_button, self.cancel_button):
            top.addWidget(button)
        bottom.addWidget(self.progress, 1)
        bottom.addWidget(self.figure_button)
        bottom.addWidget(self.csv_button)
        grid = QGridLayout()
        grid.setSpacing(2)
        columns = COLUMNS if len(self.canvases) > 4 else 2
        for place, canvas in enumerate(self.canvases):
            canvas.setMinimumSize(120, 90)
            canvas.setAccessibleName(self._views[place].title)
            left = place == len(self.canvases) - 1 and columns - place % columns
            grid.addWidget(canvas, place // columns, place % columns, 1, left or 1)
        whole = QVBoxLayout(self)
        whole.addLayout(top)
        whole.addLayout(grid, 1)
        whole.addWidget(self.status_label)
        whole.addLayout(bottom)

    def _number(self, name: str, low: int, high: int, value: int) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(low, high)
        box.setValue(value)
        box.setGroupSeparatorShown(True)
        box.setAccessibleName(name)
        box.setToolTip(name)
        return box

    @property
    def running(self) -> bool:
        """Whether seeds train."""
        return self._thread is not None

    @Slot()
    def start(self) -> None:
        """Train all seeds anew."""
        if self.running:
            return
        first = self.first_box.value()
        seeds = range(first, first + self.seeds_box.value())
        changes = self._log if self.log_box.isChecked() else ()
        # One core stays for the window and the run that it shows.
        workers = max(1, min(MOST_WORKERS, (os.cpu_count() or 1) - 1))
        try:
            ensemble = Ensemble(
                self.experiment, seeds, self.steps_box.value(), changes=changes, workers=workers, nice=NICE
            )
        except ExperimentError as error:
            explain(self, str(error))
            return
        self._ensemble, self._version, self._done = ensemble, -1, 0
        self._failed.clear()
        self._stop = threading.Event()
        for canvas in self.canvases:
            canvas.fit()
        self._thread = threading.Thread(
            target=self._train, args=(ensemble, self._stop), name="ensemble window", daemon=True
        )
        self._thread.start()
        self._timer.start(PULL_EVERY)
        self._show_running(True)

    @Slot()
    def cancel(self) -> None:
        """End the training; what is measured stays."""
        self._stop.set()

    def stop(self, wait: float = STOPPING) -> bool:
        """End the training and wait for its threads; return whether they ended in time."""
        self._stop.set()
        self._timer.stop()
        if self._thread is not None:
            self._thread.join(wait)
            if self._thread.is_alive():
                return False
            self._thread = None
        return True

    def set_theme(self, theme: Theme) -> None:
        """Colour all plots."""
        for canvas in self.canvases:
            canvas.set_theme(theme)

    def reject(self) -> None:
        """End the training and close, by Escape or by any other way: Qt asks this of a dialog that is closed."""
        self.stop()
        super().reject()

    def _train(self, ensemble: Ensemble, stop: threading.Event) -> None:
        """Carry an ensemble out, on a thread of its own."""
        try:
            ensemble.run(self._note, stop.is_set)
        except MemoryError:
            self._failed.append("There is not enough memory for so many runs at the same time.")
        except Exception as error:
            self._failed.append(f"The training ended: {error}")

    def _note(self, done: int, _total: int) -> None:
        self._done = done

    @Slot()
    def _pull(self) -> None:
        """Show what is new, and whether all is done."""
        ensemble = self._ensemble
        if ensemble is None:
            return
        ended = self._thread is None or not self._thread.is_alive()
        if ensemble.version != self._version:
            self._version = ensemble.version
            self._show(ensemble.result())
        self.progress.setValue(int(1000 * self._done / max(1, ensemble.total)))
        if ended:
            self._timer.stop()
            self._thread = None
            self._show_running(False)
            if self._failed:
                explain(self, self._failed[0])

    def _show(self, result: EnsembleResult) -> None:
        self.result_shown = result
        for view, canvas in zip(self._views, self.canvases, strict=True):
            canvas.show_scene(view.draw(result))

    def _show_running(self, running: bool) -> None:
        self.start_button.setEnabled(not running)
        self.cancel_button.setEnabled(running)
        for widget in (self.seeds_box, self.first_box, self.steps_box, self.log_box):
            widget.setEnabled(not running)
        known = self.result_shown is not None
        self.figure_button.setEnabled(known and not running)
        self.csv_button.setEnabled(known and not running)
        words = "Training; the runs of the main window come first." if running else ""
        if not running and self.result_shown is not None:
            words = "Stopped before the end." if self._stop.is_set() else "Done."
            words += "".join(f" Seed {seed}: {text}" for seed, text in list(self.result_shown.diverged.items())[:1])
            if len(self.result_shown.diverged) > 1:
                words += f" So did {len(self.result_shown.diverged) - 1} more."
        self.status_label.setText(words)

    @Slot()
    def export_figure(self) -> None:
        """Save all plots as one figure."""
        result = self.result_shown
        path = None if result is None else ask_for_figure(self, Path("ensemble.svg"))
        if result is None or path is None:
            return
        from ganviz.export import draw

        problem = ""
        try:
            draw([view.draw(result) for view in self._views], path)
        except (OSError, ValueError) as error:
            problem = " ".join(str(error).split())
        self._tell(problem, path)

    @Slot()
    def export_csv(self) -> None:
        """Save a line for each seed and step, and beside it the medians and bands."""
        from ganviz.export.ensembles import write_summary, write_values

        result = self.result_shown
        name = "" if result is None else QFileDialog.getSaveFileName(self, "Export", "ensemble.csv", "CSV (*.csv)")[0]
        if result is None or not name:
            return
        path = Path(name)
        path = path if path.suffix.lower() == ".csv" else path.with_name(path.name + ".csv")
        problem = ""
        writers: tuple[tuple[Callable[[EnsembleResult, Path], None], Path], ...] = (
            (write_values, path), (write_summary, path.with_name(path.stem + "_summary.csv")),
        )  # fmt: skip
        try:
            for write, where in writers:
                write(result, where)
        except OSError as error:
            problem = f"{path}: the numbers cannot be saved: {error.strerror or error}"
        self._tell(problem, path)

    def _tell(self, problem: str, path: Path) -> None:
        if problem:
            explain(self, problem)
        else:
            self.status_label.setText(f"saved: {path}")
