"""The main window: shows what the training thread reports and sends it what the person wants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QVBoxLayout, QWidget

from ganviz.experiment import Experiment
from ganviz.plots import DARK, LIGHT, THEMES, Theme
from ganviz.run import Need

from . import style
from .banner import Banner
from .collector import Collector
from .controls import Controls
from .crosshairs import Crosshairs
from .curve_menu import CurveMenu
from .dialogs import explain
from .editing import Editing
from .ensemble import EnsembleWindow
from .exporting import Exporting
from .findings import Findings
from .keeper import Keeper
from .lanes import Lane
from .menus import Menus
from .opening import Opening
from .reports import Lane as LaneReport
from .reports import Report, Status
from .stage import Stage
from .status import StatusLine
from .steering import Steering
from .trainer import Named, Trainer
from .wording import difference_text

PULL_EVERY = 16
"""Milliseconds between two looks into the mailbox."""
FORM_WIDTH = 300
STOPPED = (Status.DIVERGED, Status.FAILED)


class Window(QMainWindow):
    """The window of one session.

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
        self._lanes = lanes
        self.trainer = Trainer()
        self._collector = Collector(self)
        self.theme = THEMES.get(str(QSettings().value("theme", "light")), LIGHT)
        self._latest: Report | None = None
        self._session = 0
        self._wanted = 1
        self._note = ""

        self.banner = Banner(self)
        self.findings = Findings(self)
        self.stage = Stage(self.theme, self)
        self.stage.needs_changed.connect(self._on_needs_changed)
        self.status = StatusLine(self.statusBar())
        self.editing = Editing(experiment, name, self.trainer, self.banner, self)
        self.form = self.editing.form
        self.restart_button, self.discard_button = self.editing.restart_button, self.editing.discard_button
        self.steering = Steering(self.trainer, self.stage.lane_stage, self.theme, self)
        self.timeline, self.branches = self.steering.timeline, self.steering.branches
        self._make_controls()
        self._make_parts()
        self._lay_out()

        self.stage.arrange(experiment)
        self.controls.set_colour(self.theme.text)
        self._on_settings_shown()
        self.editing.show_notice()
        self.resize(1280, 720)
        geometry = QSettings().value("geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._pull)
        self._timer.start(PULL_EVERY)
        # The window is to be seen first; the engine takes half a second to load.
        QTimer.singleShot(0, self._begin)

    @property
    def running(self) -> Experiment:
        """What is trained."""
        return self.editing.running

    @property
    def draft(self) -> Experiment:
        """What the form shows."""
        return self.editing.draft

    @Slot()
    def _begin(self) -> None:
        self.trainer.start_lanes(self._lanes or [("", self.running)])
        self.steering.begin()
        self.keeper.start()
        self._on_needs_changed()

    def _make_controls(self) -> None:
        controls = self.controls = Controls(self)
        self.addToolBar(controls)
        controls.speed_chosen.connect(self.trainer.limit)
        controls.play_action.triggered.connect(self.toggle_playing)
        controls.step_action.triggered.connect(self.single_step)
        controls.reset_action.triggered.connect(self.restart)
        controls.theme_action.triggered.connect(self.switch_theme)
        menus = self.menus = Menus(self.menuBar(), controls)
        menus.quit_action.triggered.connect(self.close)
        menus.seeds_action.triggered.connect(self.open_seeds)
        undo = self.editing.undo_actions
        menus.edit_menu.addActions([undo.undo_action, undo.redo_action])
        menus.theme_chosen.connect(self._on_theme)
        menus.page_wanted.connect(self.stage.turn_to)
        menus.show_theme(self.theme.name)
        menus.add_time(self.timeline, self.branches, self.steering.dock)
        self.curve_menu = CurveMenu(self.stage, self)
        menus.add_curves(self.curve_menu)
        self.stage.curves.refused.connect(self._refuse)
        self.crosshairs = Crosshairs(self.stage, self.steering, self)
        self.branches.refused.connect(self._refuse)
        self.steering.playing_changed.connect(self._on_playing)

    def _make_parts(self) -> None:
        """Make what keeps, opens and exports, and connect it."""
        controls, menus = self.controls, self.menus
        keeper = self.keeper = Keeper(self.trainer, menus.recent_menu, self)
        opening = self.opening = Opening(keeper, self)
        exporting = self.exporting = Exporting(self.stage, self)
        editing = self.editing
        for part in (keeper, opening, exporting):
            part.refused.connect(self._refuse)
        for part in (keeper, exporting):
            part.told.connect(self.status.tell)
        keeper.open_wanted.connect(opening.open_path)
        keeper.recovered.connect(self._open_state)
        opening.state_wanted.connect(self._open_state)
        opening.named_wanted.connect(self._open_named)
        for signal in (opening.refused, opening.stayed):
            signal.connect(self._on_settings_shown)
        controls.preset_chosen.connect(opening.open_preset)
        menus.open_action.triggered.connect(opening.ask)
        menus.save_action.triggered.connect(self.save_experiment)
        menus.save_session_action.triggered.connect(keeper.save)
        menus.save_as_action.triggered.connect(keeper.save_as)
        controls.export_action.triggered.connect(self.export_all)
        menus.export_wanted.connect(self._on_export_view)
        editing.shown.connect(self._on_settings_shown)
        editing.restart_wanted.connect(self.restart)

    def _lay_out(self) -> None:
        middle = QWidget(self)
        rows = QVBoxLayout(middle)
        rows.setContentsMargins(4, 4, 4, 0)
        rows.setSpacing(4)
        rows.addWidget(self.keeper.bar)
        rows.addWidget(self.banner)
        rows.addWidget(self.findings)
        rows.addWidget(self.stage, 1)
        rows.addWidget(self.timeline)
        side = self.editing.panel
        side.setMinimumWidth(260)
        self.menus.form_action.toggled.connect(side.setVisible)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.addWidget(side)
        splitter.addWidget(middle)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([FORM_WIDTH, 980])
        splitter.setCollapsible(1, False)
        self.setCentralWidget(splitter)

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
        """Start all that is shown from step 0, the current lane with all settings of the form; paused stays paused."""
        if not self.keeper.may_leave(settings_stay=True):
            return
        report = self._latest
        stopped = report is not None and report.status in STOPPED
        lanes = report.lanes if report is not None else ()
        others = [(lane.name, lane.frame.experiment) for lane in lanes[1:]]
        name = lanes[0].name if others else ""
        self._start([(name, self.draft), *others], playing=bool(self.steering.playing) or stopped)

    @Slot()
    def switch_theme(self) -> None:
        """Change between light and dark."""
        self.set_theme(LIGHT if self.theme.dark else DARK)

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
        self.exporting.save_experiment(self.draft)

    @Slot()
    def export_all(self) -> None:
        """Save all views as one figure."""
        self.exporting.export([view.name for view in self.stage.views], self.editing.preset or "ganviz")

    def open_path(self, path: Path) -> None:
        """Open what a file holds; a file that cannot be used leaves what is trained untouched."""
        self.opening.open_path(path)

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

    # What the training thread tells

    @Slot()
    def _pull(self) -> None:
        """Show the newest report of the training thread."""
        messages = self.trainer.messages()
        if messages:
            self.banner.show_error("\n".join(messages))
            self.editing.stay()
        notices = self.trainer.notices()
        if notices:
            self.banner.show_notice("\n".join(notices))
        report = self.trainer.take()
        self.keeper.pull()
        if report is not None and report.run >= self._wanted:
            self._take(report)

    def _take(self, report: Report) -> None:
        recovered = self._latest is not None and self._latest.status in STOPPED
        match report.status:
            case Status.SEEKING:
                self.status.show_progress(report.message, report.progress)
                self.timeline.track.be_patient()
                return
            case Status.STARTING | Status.COMPILING | Status.OPENING:
                self.banner.show_progress(report.message, report.progress)
                return
            case Status.DIVERGED | Status.FAILED:
                self.steering.took(0)
                self.banner.show_error(report.message)
            case Status.RUNNING | Status.PAUSED:
                if self.banner.shows_progress or recovered:
                    self.editing.show_notice()
        self.editing.goes_on = report.status not in STOPPED
        if report.frame is None:
            self._latest = report if self._latest is None else replace(self._latest, status=report.status)
            return
        self._latest = report
        self._show(report)

    def _show(self, report: Report) -> None:
        """Show frames and all that belongs to them."""
        frame = report.frame
        assert frame is not None
        fresh = report.session != self._session
        self._session = report.session
        if fresh:
            self.findings.forget()
        self.editing.follow(report, fresh)
        if fresh:
            self.stage.fit()
        self.keeper.follow(report)
        self.stage.show_lanes([_lane(lane) for lane in report.lanes])
        self.steering.show(report)
        self._tell_note(report.note)
        # A divergence that has stopped the run stands in the banner already.
        told = report.status is Status.DIVERGED
        self.findings.show_diagnoses(
            tuple(found for found in frame.diagnoses if not (told and found.name == "divergence"))
        )
        self.status.show(report)

    def _tell_note(self, note: str) -> None:
        """Say once where a replay left what was recorded."""
        if note and note != self._note:
            self.banner.show_notice(note)
        self._note = note

    @Slot()
    def _on_needs_changed(self) -> None:
        # Diagnoses are made whatever is looked at.
        self.trainer.look(self.stage.needs | Need.METRICS)
        self.menus.show_views(view.name for view in self.stage.views)

    @Slot()
    def _on_settings_shown(self) -> None:
        editing = self.editing
        self.stage.arrange(editing.running)
        self.controls.show_preset(editing.preset if editing.draft == editing.origin else "")

    @Slot(int)
    def _on_playing(self, playing: int) -> None:
        self.controls.show_playing(playing != 0, self.theme.text)

    @Slot(str)
    def _on_theme(self, name: str) -> None:
        self.set_theme(THEMES[name])

    @Slot(str)
    def _on_export_view(self, name: str) -> None:
        self.exporting.export([name], name)

    @Slot(str)
    def _refuse(self, sentence: str) -> None:
        """Show why something was not done; the training goes on."""
        explain(self, sentence)

    @Slot(object)
    def _open_state(self, path: Path) -> None:
        """Go to the state that a session or a picture holds."""
        self._wanted = self.trainer.open(path)

    @Slot(object, str)
    def _open_named(self, named: Named, preset: str) -> None:
        """Train what was opened, one experiment or several side by side."""
        self.editing.name(named[0][1], preset)
        self._start(named)

    def _start(self, named: Named, playing: bool = True) -> None:
        self.editing.begin(named[0][1])
        self._wanted = self.trainer.restart_lanes(named, playing)
        self.steering.took(int(playing))


def _lane(report: LaneReport) -> Lane:
    kind = report.frame.experiment.data.kind
    return Lane(report.name, difference_text(report.different, kind), report.frame)
