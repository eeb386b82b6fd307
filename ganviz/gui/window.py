"""The main window: shows what the training thread reports and sends it what the person wants."""

from __future__ import annotations

from itertools import starmap
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QMainWindow,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ganviz.experiment import (
    ColumnsNeeded,
    Experiment,
    ExperimentError,
    Value,
    company,
    find_parameter,
    for_data,
    load,
    retitled,
)
from ganviz.plots import DARK, LIGHT, THEMES, VIEWS, Theme
from ganviz.run import Need

from . import style
from .banner import Banner
from .collector import Collector
from .controls import Controls
from .dialogs import ask_for_figure, choose_columns, explain, save_scenes
from .findings import Findings
from .form import Form, differences, paths_in, said
from .menus import Menus
from .stage import Stage
from .reports import Report, Status
from .trainer import Trainer

PULL_EVERY = 16
"""Milliseconds between two looks into the mailbox."""
FORM_WIDTH = 300
SHOWN_FOR = 8000
"""Milliseconds that the status bar says what was saved."""


class Window(QMainWindow):
    """The window of one run.

    Parameters
    ----------
    experiment : Experiment
        What to train first.
    name : str
        Name of the preset that it is, or empty.
    """

    def __init__(self, experiment: Experiment, name: str = "") -> None:
        super().__init__()
        self.setWindowTitle("ganviz")
        self.setAcceptDrops(True)
        self.origin, self._preset = experiment, name
        self.running = experiment
        self.draft = experiment
        self.trainer = Trainer()
        self._collector = Collector(self)
        self.theme = THEMES.get(str(QSettings().value("theme", "light")), LIGHT)
        self._playing = True
        self._latest: Report | None = None
        self._run_shown = 0
        self._run_wanted = 1
        self._refused = False
        self._folder = Path()

        self.form = Form(self)
        self.form.edited.connect(self._on_edited)
        self.form.refused.connect(self._refuse)
        self.restart_button = QPushButton(self)
        self.restart_button.setObjectName("restart")
        self.restart_button.clicked.connect(self.restart)
        self.restart_button.hide()
        self.discard_button = QPushButton("Discard these changes", self)
        self.discard_button.clicked.connect(self._discard)
        self.discard_button.hide()
        self.banner = Banner(self)
        self.findings = Findings(self)
        self.stage = Stage(self.theme, self)
        self.stage.needs_changed.connect(self._on_needs_changed)
        self._make_controls()
        self._lay_out()
        self._make_status_bar()

        self.form.show_experiment(experiment, experiment)
        self.stage.arrange(experiment)
        self.controls.set_colour(self.theme.text)
        self.controls.show_preset(name)
        self._show_notice()
        self.resize(1280, 720)
        geometry = QSettings().value("geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._pull)
        self._timer.start(PULL_EVERY)
        # The window is to be seen first; the engine takes half a second to load.
        QTimer.singleShot(0, self._begin)

    @Slot()
    def _begin(self) -> None:
        self.trainer.start(self.running)
        self._on_needs_changed()

    def _make_controls(self) -> None:
        controls = self.controls = Controls(self)
        self.addToolBar(controls)
        controls.preset_chosen.connect(self._on_preset)
        controls.speed_chosen.connect(self._on_speed)
        controls.play_action.triggered.connect(self.toggle_playing)
        controls.step_action.triggered.connect(self.single_step)
        controls.reset_action.triggered.connect(self.restart)
        controls.theme_action.triggered.connect(self.switch_theme)
        controls.export_action.triggered.connect(self.export_all)
        menus = self.menus = Menus(self.menuBar(), controls)
        menus.open_action.triggered.connect(self.open_file)
        menus.save_action.triggered.connect(self.save_experiment)
        menus.quit_action.triggered.connect(self.close)
        menus.export_wanted.connect(self._on_export_view)
        menus.theme_chosen.connect(self._on_theme)
        menus.form_action.toggled.connect(self._on_form_toggled)
        menus.page_wanted.connect(self.stage.turn_to)
        menus.show_theme(self.theme.name)

    def _lay_out(self) -> None:
        side = QWidget(self)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.form, 1)
        # Below, so that they move nothing that the hand is about to touch.
        column.addWidget(self.restart_button)
        column.addWidget(self.discard_button)
        side.setMinimumWidth(260)
        self._side = side
        middle = QWidget(self)
        rows = QVBoxLayout(middle)
        rows.setContentsMargins(4, 4, 4, 0)
        rows.setSpacing(4)
        rows.addWidget(self.banner)
        rows.addWidget(self.findings)
        rows.addWidget(self.stage, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.addWidget(side)
        splitter.addWidget(middle)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([FORM_WIDTH, 980])
        splitter.setCollapsible(1, False)
        self.setCentralWidget(splitter)

    def _make_status_bar(self) -> None:
        self.step_label = QLabel("step 0", self)
        self.step_label.setObjectName("step")
        self.speed_label = QLabel("", self)
        self.status_label = QLabel("", self)
        for label in (self.speed_label, self.status_label):
            label.setObjectName("status")
        for label in (self.step_label, self.speed_label, self.status_label):
            self.statusBar().addWidget(label)
        self.count_label = QLabel("", self)
        self.count_label.setObjectName("status")
        self.statusBar().addPermanentWidget(self.count_label)
        self.statusBar().setContentsMargins(6, 0, 6, 0)

    # What the person does

    @Slot()
    def toggle_playing(self) -> None:
        """Pause, or go on."""
        self._set_playing(not self._playing)

    @Slot()
    def single_step(self) -> None:
        """Train one step and pause."""
        self._set_playing(False)
        self.trainer.step()

    @Slot()
    def restart(self) -> None:
        """Start from step 0 with all settings of the form; a paused training stays paused."""
        stopped = self._latest is not None and self._latest.status in (Status.DIVERGED, Status.FAILED)
        self._start(self.draft, playing=self._playing or stopped)

    @Slot()
    def switch_theme(self) -> None:
        """Change between light and dark."""
        self.set_theme(LIGHT if self.theme.dark else DARK)

    @Slot()
    def open_file(self) -> None:
        """Ask for an experiment or data and train it."""
        name, _ = QFileDialog.getOpenFileName(self, "Open", "", "Experiments and data (*.toml *.csv *.npy)")
        if name:
            self.open_path(Path(name))

    def open_path(self, path: Path) -> None:
        """Train what a file holds; a file that cannot be used leaves the running experiment untouched."""
        try:
            experiment = load(path)
        except ColumnsNeeded as needed:
            chosen = choose_columns(self, needed)
            if chosen is None:
                return
            try:
                experiment = for_data(path, {"data.columns": chosen})
            except ExperimentError as error:
                self._refuse(str(error))
                return
        except ExperimentError as error:
            self._refuse(str(error))
            return
        self._open(experiment)

    @Slot()
    def save_experiment(self) -> None:
        """Save the settings of the form as TOML."""
        from ganviz.experiment import to_toml

        name, _ = QFileDialog.getSaveFileName(self, "Save experiment", "experiment.toml", "Experiment (*.toml)")
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() != ".toml":
            path = path.with_name(path.name + ".toml")
        try:
            path.write_text(to_toml(self.draft), encoding="utf-8")
        except OSError as error:
            self._refuse(f"{path}: the experiment cannot be saved: {error.strerror or error}")
            return
        self.statusBar().showMessage(f"saved: {path}", SHOWN_FOR)

    @Slot()
    def export_all(self) -> None:
        """Save all views as one figure."""
        self._export([view.name for view in self.stage.views])

    def set_theme(self, theme: Theme) -> None:
        """Colour the window and all plots."""
        self.theme = theme
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        style.apply(application, theme)
        self.stage.set_theme(theme)
        self.controls.set_colour(theme.text)
        self.menus.show_theme(theme.name)
        QSettings().setValue("theme", theme.name)

    # What Qt tells

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the training, in the middle of a compilation too."""
        self._timer.stop()
        if self.trainer.stop():
            self._collector.stop()
        QSettings().setValue("geometry", self.saveGeometry())
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first dropped file."""
        urls = event.mimeData().urls()
        if urls and urls[0].isLocalFile():
            event.acceptProposedAction()
            self.open_path(Path(urls[0].toLocalFile()))

    @Slot()
    def _pull(self) -> None:
        """Show the newest report of the training thread."""
        for message in self.trainer.messages():
            self.banner.show_error(message)
            self._refused = True
        report = self.trainer.take()
        if report is None or report.run < self._run_wanted:
            return
        recovered = self._latest is not None and self._latest.status in (Status.DIVERGED, Status.FAILED)
        self._latest = report
        match report.status:
            case Status.STARTING | Status.COMPILING:
                self.banner.show_progress(report.message, report.progress)
                return
            case Status.DIVERGED | Status.FAILED:
                self._show_playing(False)
                self.banner.show_error(report.message)
            case Status.RUNNING | Status.PAUSED:
                if self.banner.shows_progress or recovered:
                    self.banner.hide()
                    self._show_notice()
        if report.frame is None:
            return
        if self._refused:
            # What was refused stands in the form as waiting for a restart, for the run goes on without it.
            self._refused = False
            self.running = report.frame.experiment
            self._show_draft()
        if report.run != self._run_shown:
            self._run_shown = report.run
            self.findings.forget()
            for canvas in self.stage.canvases.values():
                canvas.fit()
        self.stage.show_frame(report.frame)
        # A divergence that has stopped the run stands in the banner already.
        told = report.status is Status.DIVERGED
        self.findings.show_diagnoses(
            tuple(found for found in report.frame.diagnoses if not (told and found.name == "divergence"))
        )
        self._show_status(report)

    @Slot()
    def _on_needs_changed(self) -> None:
        # Diagnoses are made whatever is looked at.
        self.trainer.look(self.stage.needs | Need.METRICS)
        self.menus.show_views(view.name for view in self.stage.views)

    @Slot(str, object)
    def _on_edited(self, path: str, value: Value, columns: tuple[str, ...] = ()) -> None:
        """Carry out an edit of the form: at once where that is possible, else with the next restart."""
        try:
            together = self._with_company(path, value, columns)
            self._edit(together)
            self._tell_consequences(path, together)
        except ColumnsNeeded as needed:
            chosen = choose_columns(self, needed)
            if chosen is not None:
                self._on_edited("data.path", value, chosen)
        except ExperimentError as error:
            self._refuse_edit(path, str(error))
        self._show_draft()

    def _edit(self, changes: dict[str, Value]) -> None:
        """Change the draft, and the running experiment too where that is possible at once."""
        changed = retitled(self.draft.replace(changes), self.origin)
        running = self._changed_live(changes)
        self.draft = changed
        if running is not None:
            running = retitled(running, self.origin)
            # What follows from a change goes with it, such as a default that depends on a choice.
            followed = differences(running, self.running)
            self.trainer.change_together({**{path: running[path] for path in changes}, **followed})
            self.running = running
            self.stage.arrange(running)
        self.controls.show_preset(self._preset if changed == self.origin else "")

    def _tell_consequences(self, path: str, together: dict[str, Value]) -> None:
        """Say what an edit took along, and what it leaves on that belongs to what was before."""
        if self._latest is not None and self._latest.status in (Status.RUNNING, Status.PAUSED):
            # What was said of the edit before is over.
            self._show_notice()
        others = {other: value for other, value in together.items() if other != path and not other.startswith("data.")}
        if others:
            self.banner.show_notice(f"Changed along with it: {', '.join(starmap(said, others.items()))}.")
        clip = self.draft.discriminator.clip
        if path == "objective.kind" and clip > 0 and not self.draft.objective.critic:
            self.banner.show_notice(
                f"Weight clipping (c = {clip:g}) is still on. It is made for the Wasserstein objective; under another "
                "one it flattens the discriminator. Clip 0 turns it off."
            )

    def _changed_live(self, changes: dict[str, Value]) -> Experiment | None:
        """Return the running experiment with changes, or None if they need a restart."""
        try:
            if not all(find_parameter(path, self.running.data.kind).live for path in changes):
                return None
            changed = self.running.replace(changes)
        except ExperimentError:
            # Beside what runs it means nothing; beside what waits for a restart it does.
            return None
        return changed if changed.dimension == self.running.dimension else None

    def _with_company(self, path: str, value: Value, columns: tuple[str, ...]) -> dict[str, Value]:
        """Return a change with what must go with it.

        Data from a file needs one, another file has other columns, and some optimizers both players have together.
        """
        if path == "data.kind" and value == "file":
            return {path: value, "data.path": "faithful.csv"}
        if path == "data.path":
            return {path: value, "data.columns": columns}
        return {path: value, **company(self.draft, path, value)}

    @Slot(str)
    def _on_preset(self, name: str) -> None:
        try:
            experiment = load(name)
        except ExperimentError as error:
            self._refuse(str(error))
            return
        self._open(experiment, name)

    @Slot(object)
    def _on_speed(self, steps_per_second: float | None) -> None:
        self.trainer.limit(steps_per_second)

    @Slot(str)
    def _on_theme(self, name: str) -> None:
        self.set_theme(THEMES[name])

    @Slot(bool)
    def _on_form_toggled(self, shown: bool) -> None:
        self._side.setVisible(shown)

    @Slot(str)
    def _on_export_view(self, name: str) -> None:
        self._export([name])

    @Slot()
    def _discard(self) -> None:
        self.draft = self.running
        self._show_draft()

    @Slot(str)
    def _refuse(self, sentence: str) -> None:
        """Show why something was not done; the training goes on."""
        explain(self, sentence)

    def _refuse_edit(self, path: str, sentence: str) -> None:
        """Show why a field cannot have a value, and bring the fields that stand in its way into view."""
        places = self.form.reveal(other for other in paths_in(sentence) if other != path)
        explain(self, sentence, f"In the form: {', '.join(places)}." if places else "")

    # What follows from it

    def _open(self, experiment: Experiment, preset: str = "") -> None:
        self.origin, self._preset = experiment, preset
        self.controls.show_preset(preset)
        self._start(experiment)

    def _start(self, experiment: Experiment, playing: bool = True) -> None:
        self.running = self.draft = experiment
        self._run_wanted += 1
        self._refused = False
        self._show_draft()
        self._show_notice()
        self.trainer.restart(experiment)
        self._set_playing(playing)

    def _set_playing(self, playing: bool) -> None:
        self.trainer.play(playing)
        self._show_playing(playing)

    def _show_playing(self, playing: bool) -> None:
        self._playing = playing
        self.controls.show_playing(playing, self.theme.text)

    def _show_draft(self) -> None:
        self.form.show_experiment(self.draft, self.running)
        waiting = differences(self.draft, self.running)
        # Other data bring their own fields: that is one change.
        other_data = "data.kind" in waiting
        count = sum(
            path not in ("title", "source") and not (other_data and path.startswith("data.") and path != "data.kind")
            for path in waiting
        )
        self.restart_button.setText(f"Restart with {count} change{'s' if count != 1 else ''}")
        self.restart_button.setVisible(count > 0)
        self.discard_button.setVisible(count > 0)

    def _show_notice(self) -> None:
        self.banner.hide()
        if self.running.notice:
            self.banner.show_notice(self.running.notice)

    def _show_status(self, report: Report) -> None:
        frame = report.frame
        assert frame is not None
        self.step_label.setText(f"step {frame.step:,}")
        self.speed_label.setText(f"{report.steps_per_second:,.0f} steps/s" if report.steps_per_second else "")
        self.status_label.setText("" if report.status is Status.RUNNING else report.status.value)
        self.count_label.setText(f"seed {frame.experiment.seed}, {frame.experiment.precision} bits")

    def _export(self, names: list[str]) -> None:
        frame = self.stage.frame_shown
        if frame is None:
            self._refuse("there is nothing to export yet: the first step is still to come")
            return
        name = names[0] if len(names) == 1 else self._preset or "ganviz"
        path = ask_for_figure(self, self._folder / f"{name}.svg")
        if path is None:
            return
        self._folder = path.parent
        problem = save_scenes([VIEWS[name].draw(frame) for name in names], path)
        if problem:
            self._refuse(problem)
        else:
            self.statusBar().showMessage(f"saved: {path}", SHOWN_FOR)
