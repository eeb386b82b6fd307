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
    for_data,
    lanes_of,
    retitled,
)
from ganviz.experiment.files import DATA_FILES, SESSION, STATE_FILES, preset_path
from ganviz.plots import DARK, LIGHT, THEMES, VIEWS, Theme
from ganviz.run import Need

from . import style
from .banner import Banner
from .collector import Collector
from .controls import Controls
from .crosshairs import Crosshairs
from .curve_menu import CurveMenu
from .dialogs import ask_for_figure, choose_columns, explain, save_scenes
from .edits import changed_live, waiting, with_company
from .ensemble import EnsembleWindow
from .findings import Findings
from .form import Form, differences, paths_in, said
from .keeper import Keeper
from .lanes import Lane
from .menus import Menus
from .reports import Lane as LaneReport
from .reports import Report, Status
from .stage import Stage
from .steering import Steering
from .trainer import Named, Trainer
from .undo import EditHistory, changed
from .undo_actions import UndoActions
from .wording import difference_text

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
    lanes : sequence of (str, Experiment), optional
        Where several are trained side by side, all of them with their names; the experiment is the first one's.
    """

    def __init__(self, experiment: Experiment, name: str = "", lanes: Named = ()) -> None:
        super().__init__()
        self.setWindowTitle("ganviz")
        self.setAcceptDrops(True)
        self.origin, self._preset = experiment, name
        self._lanes = lanes
        self.running = experiment
        self.draft = experiment
        self.trainer = Trainer()
        self._collector = Collector(self)
        self.theme = THEMES.get(str(QSettings().value("theme", "light")), LIGHT)
        self._sent = 0
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
        steering = self.steering = Steering(self.trainer, self.stage.lane_stage, self.theme, self)
        self.timeline, self.branches = steering.timeline, steering.branches
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
        self.trainer.start_lanes(self._lanes or [("", self.running)])
        self.steering.begin()
        self.keeper.start()
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
        keeper = self.keeper = Keeper(self.trainer, menus.recent_menu, self)
        menus.save_session_action.triggered.connect(keeper.save)
        menus.save_as_action.triggered.connect(keeper.save_as)
        menus.seeds_action.triggered.connect(self.open_seeds)
        keeper.told.connect(self._tell)
        keeper.refused.connect(self._refuse)
        keeper.open_wanted.connect(self.open_path)
        self._edits = EditHistory()
        self._undo = UndoActions(self._edits, self)
        self._undo.undo_action.triggered.connect(self.undo)
        self._undo.redo_action.triggered.connect(self.redo)
        menus.edit_menu.addActions([self._undo.undo_action, self._undo.redo_action])
        menus.export_wanted.connect(self._on_export_view)
        menus.theme_chosen.connect(self._on_theme)
        menus.form_action.toggled.connect(self._on_form_toggled)
        menus.page_wanted.connect(self.stage.turn_to)
        menus.show_theme(self.theme.name)
        menus.add_time(self.timeline, self.branches, self.steering.dock)
        self.curve_menu = CurveMenu(self.stage, self)
        menus.add_curves(self.curve_menu)
        self.stage.curves.refused.connect(self._refuse)
        self.crosshairs = Crosshairs(self.stage, self.steering, self)
        self.branches.refused.connect(self._refuse)
        self.steering.playing_changed.connect(self._on_playing)

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
        rows.addWidget(self.keeper.bar)
        rows.addWidget(self.banner)
        rows.addWidget(self.findings)
        rows.addWidget(self.stage, 1)
        rows.addWidget(self.timeline)
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
        self.steering.play(0 if self.steering.playing else 1)

    @Slot()
    def single_step(self) -> None:
        """Train one step and pause."""
        self.steering.step(1)

    @Slot()
    def restart(self) -> None:
        """Start from step 0 with all settings of the form; a paused training stays paused."""
        if not self.keeper.may_leave():
            return
        stopped = self._latest is not None and self._latest.status in (Status.DIVERGED, Status.FAILED)
        self._start([("", self.draft)], playing=bool(self.steering.playing) or stopped)

    @Slot()
    def switch_theme(self) -> None:
        """Change between light and dark."""
        self.set_theme(LIGHT if self.theme.dark else DARK)

    @Slot()
    def open_file(self) -> None:
        """Ask for an experiment or data and train it."""
        kinds = " ".join(f"*{ending}" for ending in (*STATE_FILES, ".toml", *DATA_FILES))
        name, _ = QFileDialog.getOpenFileName(self, "Open", "", f"Sessions, figures, experiments and data ({kinds})")
        if name:
            self.open_path(Path(name))

    def open_path(self, path: Path) -> None:
        """Open what a file holds; a file that cannot be used leaves the running experiment untouched."""
        if path.suffix.lower() in STATE_FILES:
            if self.keeper.may_leave():
                self._open_state(path)
            return
        try:
            named = lanes_of(path)
        except ColumnsNeeded as needed:
            chosen = choose_columns(self, needed)
            if chosen is None:
                return
            try:
                named = [("", for_data(path, {"data.columns": chosen}))]
            except ExperimentError as error:
                self._refuse(str(error))
                return
        except ExperimentError as error:
            self._refuse(str(error))
            return
        if self._open(named):
            self.keeper.recent.add(path)

    def _open_state(self, path: Path) -> None:
        """Go to the state that a session or a picture holds."""
        self._run_wanted = self.trainer.open(path)

    @Slot()
    def undo(self) -> None:
        """Take the last edit of the form back, from now on: what was trained stays."""
        self._go_to(self._edits.undo(self.draft))

    @Slot()
    def redo(self) -> None:
        """Make an edit again that was taken back."""
        self._go_to(self._edits.redo(self.draft))

    def _go_to(self, goal: Experiment | None) -> None:
        if goal is not None:
            try:
                self._edit(changed(self.draft, goal), remember=False)
            except ExperimentError as error:
                self._refuse(str(error))
            self._show_draft()
        self._undo.refresh()

    @Slot()
    def open_seeds(self) -> None:
        """Train the experiment under many seeds, in a window of its own."""
        frame = self.stage.frame_shown
        logged = frame.logged if frame is not None else None
        first, log = (self.running, ()) if logged is None else (logged.first, logged.changes)
        seeds = EnsembleWindow(first, log, self.theme, self)
        seeds.show()
        seeds.activateWindow()

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
        self.timeline.set_theme(theme)
        for seeds in self.findChildren(EnsembleWindow):
            seeds.set_theme(theme)
        self.controls.set_colour(theme.text)
        self.menus.show_theme(theme.name)
        QSettings().setValue("theme", theme.name)

    # What Qt tells

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the training, in the middle of a compilation too, after a question where something would be lost."""
        if not self.keeper.may_leave():
            event.ignore()
            return
        self._timer.stop()
        for seeds in self.findChildren(EnsembleWindow):
            seeds.close()
        self.keeper.close()
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
        for notice in self.trainer.notices():
            self.banner.show_notice(notice)
        report = self.trainer.take()
        self.keeper.pull()
        if report is None or report.run < self._run_wanted:
            return
        recovered = self._latest is not None and self._latest.status in (Status.DIVERGED, Status.FAILED)
        self._latest = report
        match report.status:
            case Status.SEEKING:
                self.status_label.setText(f"{report.message}: {report.progress:.0%}")
                return
            case Status.STARTING | Status.COMPILING | Status.OPENING:
                self.banner.show_progress(report.message, report.progress)
                return
            case Status.DIVERGED | Status.FAILED:
                self.steering.stopped()
                self.banner.show_error(report.message)
            case Status.RUNNING | Status.PAUSED:
                if self.banner.shows_progress or recovered:
                    self.banner.hide()
                    self._show_notice()
        if report.frame is None:
            return
        self._follow(report)
        self.keeper.follow(report)
        self.stage.show_lanes([_lane(lane) for lane in report.lanes])
        self.steering.show(report, settled=report.changes >= self._sent)
        # A divergence that has stopped the run stands in the banner already.
        told = report.status is Status.DIVERGED
        self.findings.show_diagnoses(
            tuple(found for found in report.frame.diagnoses if not (told and found.name == "divergence"))
        )
        self._show_status(report)

    def _follow(self, report: Report) -> None:
        """Let the form show the settings of what is shown, once all that was ordered is carried out."""
        frame = report.frame
        assert frame is not None
        fresh = report.run != self._run_shown
        if fresh:
            self._run_shown = report.run
            self._sent = report.changes
            self.findings.forget()
            if report.opened:
                self._edits.clear()
                self._undo.refresh()
                opened = Path(report.opened)
                self._preset = opened.stem if opened == preset_path(opened.stem) else ""
                self.origin = frame.experiment
                self.controls.show_preset(self._preset)
        elsewhere = frame.experiment != self.running and report.changes >= self._sent
        if self._refused or elsewhere:
            # What was refused stands in the form as waiting for a restart, for the run goes on without it.
            keep = self._refused or self.draft != self.running
            self._refused = False
            self.running = frame.experiment
            if not keep or fresh:
                self.draft = frame.experiment
            self._show_draft()
        if fresh:
            self.stage.fit()

    @Slot()
    def _on_needs_changed(self) -> None:
        # Diagnoses are made whatever is looked at.
        self.trainer.look(self.stage.needs | Need.METRICS)
        self.menus.show_views(view.name for view in self.stage.views)

    @Slot(str, object)
    def _on_edited(self, path: str, value: Value, columns: tuple[str, ...] = ()) -> None:
        """Carry out an edit of the form: at once where that is possible, else with the next restart."""
        try:
            together = with_company(self.draft, path, value, columns)
            self._edit(together)
            self._tell_consequences(path, together)
        except ColumnsNeeded as needed:
            chosen = choose_columns(self, needed)
            if chosen is not None:
                self._on_edited("data.path", value, chosen)
        except ExperimentError as error:
            self._refuse_edit(path, str(error))
        self._show_draft()

    def _edit(self, changes: dict[str, Value], remember: bool = True) -> None:
        """Change the draft, and the running experiment too where that is possible at once."""
        before, after = self.draft, retitled(self.draft.replace(changes), self.origin)
        running = changed_live(self.running, changes)
        self.draft = after
        if remember:
            self._edits.record(before, after)
            self._undo.refresh()
        if running is not None:
            running = retitled(running, self.origin)
            # What follows from a change goes with it, such as a default that depends on a choice.
            followed = differences(running, self.running)
            self._sent += 1
            self.trainer.change_together({**{path: running[path] for path in changes}, **followed})
            self.running = running
            self.stage.arrange(running)
        self.controls.show_preset(self._preset if after == self.origin else "")

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

    @Slot(str)
    def _on_preset(self, name: str) -> None:
        path = preset_path(name)
        if path is not None and path.suffix == SESSION:
            if self.keeper.may_leave():
                self._open_state(path)
            return
        try:
            named = lanes_of(name)
        except ExperimentError as error:
            self._refuse(str(error))
            return
        if not self._open(named, name):
            self.controls.show_preset(self._preset)

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
    def _tell(self, sentence: str) -> None:
        self.statusBar().showMessage(sentence, SHOWN_FOR)

    @Slot(str)
    def _refuse(self, sentence: str) -> None:
        """Show why something was not done; the training goes on."""
        explain(self, sentence)

    def _refuse_edit(self, path: str, sentence: str) -> None:
        """Show why a field cannot have a value, and bring the fields that stand in its way into view."""
        places = self.form.reveal(other for other in paths_in(sentence) if other != path)
        explain(self, sentence, f"In the form: {', '.join(places)}." if places else "")

    # What follows from it

    def _open(self, named: Named, preset: str = "") -> bool:
        """Train what was opened, one experiment or several side by side; return whether the session before was left."""
        if not self.keeper.may_leave():
            return False
        self.origin, self._preset = named[0][1], preset
        self.controls.show_preset(preset)
        self._edits.clear()
        self._undo.refresh()
        self._start(named)
        return True

    def _start(self, named: Named, playing: bool = True) -> None:
        self.running = self.draft = named[0][1]
        self._refused = False
        self._show_draft()
        self._show_notice()
        self._run_wanted = self.trainer.restart_lanes(named)
        self.steering.play(int(playing))

    @Slot(int)
    def _on_playing(self, playing: int) -> None:
        self.controls.show_playing(playing != 0, self.theme.text)

    def _show_draft(self) -> None:
        self.form.show_experiment(self.draft, self.running)
        count = waiting(self.draft, self.running)
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
        self.step_label.setText(f"step {report.position:,}")
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
        problem = save_scenes([self.stage.curves.scene(VIEWS[name], frame) for name in names], path, frame)
        if problem:
            self._refuse(problem)
        else:
            self.statusBar().showMessage(f"saved: {path}", SHOWN_FOR)


def _lane(report: LaneReport) -> Lane:
    kind = report.frame.experiment.data.kind
    return Lane(report.name, difference_text(report.different, kind), report.frame)
