"""The main window: shows what the training thread reports and sends it what the person wants."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QInputDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from ganviz.experiment import ColumnsNeeded, Experiment, ExperimentError, Preset, Value, find_parameter, load, presets
from ganviz.plots import DARK, LIGHT, THEMES, VIEWS, Theme

from . import icons, style
from .banner import Banner
from .exporting import export_scenes
from .form import Form, differences
from .stage import Stage
from .trainer import Report, Status, Trainer

PULL_EVERY = 16
"""Milliseconds between two looks into the mailbox."""
SPEEDS: tuple[tuple[str, float | None], ...] = (
    ("as fast as possible", None),
    ("1,000 steps/s", 1000.0),
    ("100 steps/s", 100.0),
    ("10 steps/s", 10.0),
    ("1 step/s", 1.0),
)
FORM_WIDTH = 300


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
        self.running = experiment
        self.draft = experiment
        self.trainer = Trainer()
        self.theme = THEMES.get(str(QSettings().value("theme", "light")), LIGHT)
        self._playing = True
        self._latest: Report | None = None
        self._run_shown = 0

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
        self.stage = Stage(self.theme, self)
        self.stage.needs_changed.connect(self._on_needs_changed)
        self._make_toolbar()
        self._make_menus()
        self._lay_out()
        self._make_status_bar()

        self.form.show_experiment(experiment, experiment)
        self.stage.arrange(experiment)
        self._set_icons()
        self._select_preset(name)
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

    def _make_toolbar(self) -> None:
        bar = QToolBar("Training", self)
        bar.setObjectName("training")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.addToolBar(bar)
        self.preset_box = QComboBox(bar)
        self.preset_box.setAccessibleName("Preset")
        self.preset_box.setToolTip("Preset: what to train")
        self.preset_box.setMinimumContentsLength(24)
        self.preset_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.preset_box.addItem("Choose a preset …", "")
        for preset in presets():
            self.preset_box.addItem(preset.title, preset.name)
            self.preset_box.setItemData(self.preset_box.count() - 1, _describe(preset), Qt.ItemDataRole.ToolTipRole)
        self.preset_box.view().setMinimumWidth(self.preset_box.view().sizeHintForColumn(0) + 24)
        self.preset_box.activated.connect(self._on_preset)
        bar.addWidget(self.preset_box)
        bar.addSeparator()
        self.play_action = self._action("Pause", "Space", "Pause or go on (Space)", self.toggle_playing)
        self.step_action = self._action("Step", "Right", "Train one step and pause (→)", self.single_step)
        self.reset_action = self._action(
            "Reset", "Ctrl+R", "Start again from step 0 with all settings as they are (Ctrl+R)", self.restart
        )
        for action in (self.play_action, self.step_action, self.reset_action):
            bar.addAction(action)
        bar.addSeparator()
        label = QLabel(" Speed ", bar)
        bar.addWidget(label)
        self.speed_box = QComboBox(bar)
        self.speed_box.setAccessibleName("Speed")
        self.speed_box.setToolTip("How fast the training may run")
        for text, speed in SPEEDS:
            self.speed_box.addItem(text, speed)
        self.speed_box.activated.connect(self._on_speed)
        bar.addWidget(self.speed_box)
        spacer = QWidget(bar)
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(spacer)
        self.theme_action = self._action("Theme", "Ctrl+T", "Light or dark (Ctrl+T)", self.switch_theme)
        self.export_action = self._action(
            "Export", "Ctrl+E", "Save all views as one figure: SVG, PDF or PNG (Ctrl+E)", self.export_all
        )
        bar.addAction(self.theme_action)
        bar.addAction(self.export_action)

    def _make_menus(self) -> None:
        file_menu = self.menuBar().addMenu("&File")
        file_menu.addAction(self._action("&Open …", QKeySequence.StandardKey.Open, "Open a file", self.open_file))
        file_menu.addAction(
            self._action("&Save experiment …", QKeySequence.StandardKey.Save, "Save as TOML", self.save_experiment)
        )
        file_menu.addSeparator()
        file_menu.addAction(self.export_action)
        self.export_menu = file_menu.addMenu("Export &view")
        for name, view in VIEWS.items():
            action = QAction(view.title + " …", self)
            action.setData(name)
            action.triggered.connect(self._on_export_view)
            self.export_menu.addAction(action)
        file_menu.addSeparator()
        file_menu.addAction(self._action("&Quit", QKeySequence.StandardKey.Quit, "Quit", self.close))
        run_menu = self.menuBar().addMenu("&Training")
        for action in (self.play_action, self.step_action, self.reset_action):
            run_menu.addAction(action)
        view_menu = self.menuBar().addMenu("&View")
        group = QActionGroup(self)
        for theme in (LIGHT, DARK):
            action = QAction(theme.name.capitalize(), self, checkable=True)
            action.setData(theme.name)
            action.setChecked(theme == self.theme)
            action.triggered.connect(self._on_theme)
            group.addAction(action)
            view_menu.addAction(action)
        self._theme_group = group
        self.form_action = QAction("Settings", self, checkable=True)
        self.form_action.setChecked(True)
        self.form_action.setShortcut("F2")
        self.form_action.toggled.connect(self._on_form_toggled)
        view_menu.addSeparator()
        view_menu.addAction(self.form_action)

    def _action(self, text: str, shortcut: str | QKeySequence.StandardKey, tip: str, slot: object) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(shortcut))
        action.setToolTip(tip)
        action.triggered.connect(slot)
        return action

    def _lay_out(self) -> None:
        side = QWidget(self)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.restart_button)
        column.addWidget(self.discard_button)
        column.addWidget(self.form, 1)
        side.setMinimumWidth(260)
        self._side = side
        middle = QWidget(self)
        rows = QVBoxLayout(middle)
        rows.setContentsMargins(4, 4, 4, 0)
        rows.setSpacing(4)
        rows.addWidget(self.banner)
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
        """Start from step 0 with all settings of the form."""
        self._start(self.draft)

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
            chosen = self._choose_columns(needed)
            if chosen is None:
                return
            try:
                experiment = Experiment.from_mapping(
                    {"title": path.stem, "data": {"kind": "file", "path": str(path), "columns": chosen}}
                )
            except ExperimentError as error:
                self._refuse(str(error))
                return
        except ExperimentError as error:
            self._refuse(str(error))
            return
        self._select_preset("")
        self._start(experiment)

    @Slot()
    def save_experiment(self) -> None:
        """Save the settings of the form as TOML."""
        from ganviz.experiment import to_toml

        name, _ = QFileDialog.getSaveFileName(self, "Save experiment", "experiment.toml", "Experiment (*.toml)")
        if not name:
            return
        try:
            Path(name).write_text(to_toml(self.draft), encoding="utf-8")
        except OSError as error:
            self._refuse(f"{name}: the experiment cannot be saved: {error.strerror or error}")

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
        self._set_icons()
        for action in self._theme_group.actions():
            action.setChecked(action.data() == theme.name)
        QSettings().setValue("theme", theme.name)

    def _set_icons(self) -> None:
        named = {"step": self.step_action, "reset": self.reset_action, "theme": self.theme_action}
        named |= {"export": self.export_action, "pause" if self._playing else "play": self.play_action}
        for name, action in named.items():
            action.setIcon(icons.icon(name, self.theme.text))

    # What Qt tells

    def closeEvent(self, event: QCloseEvent) -> None:
        """End the training, in the middle of a compilation too."""
        self._timer.stop()
        self.trainer.stop()
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
        report = self.trainer.take()
        if report is None:
            return
        self._latest = report
        match report.status:
            case Status.STARTING | Status.COMPILING:
                self.banner.show_progress(report.message, report.progress)
                return
            case Status.DIVERGED | Status.FAILED:
                self._show_playing(False)
                self.banner.show_error(report.message)
            case Status.RUNNING | Status.PAUSED:
                if self.banner.shows_progress:
                    self.banner.hide()
                    self._show_notice()
        if report.frame is None:
            return
        if report.run != self._run_shown:
            self._run_shown = report.run
            for canvas in self.stage.canvases.values():
                canvas.fit()
        self.stage.show_frame(report.frame)
        self._show_status(report)

    @Slot()
    def _on_needs_changed(self) -> None:
        self.trainer.look(self.stage.needs)
        shown = {view.name for view in self.stage.views}
        for action in self.export_menu.actions():
            action.setVisible(action.data() in shown)

    @Slot(str, object)
    def _on_edited(self, path: str, value: Value) -> None:
        """Carry out an edit of the form: at once where that is possible, else with the next restart."""
        try:
            changed = self.draft.replace(self._with_company(path, value))
            row = find_parameter(path, changed.data.kind)
            live = (
                row.live and changed.dimension == self.running.dimension and changed.data.kind == self.running.data.kind
            )
        except ColumnsNeeded as needed:
            chosen = self._choose_columns(needed)
            if chosen is not None:
                self._on_columns(path, value, chosen)
            else:
                self._show_draft()
            return
        except ExperimentError as error:
            self._refuse(str(error))
            self._show_draft()
            return
        self.draft = changed
        if live:
            self.running = self.running.replace({path: value})
            self.trainer.change(path, value)
        self._show_draft()
        self.stage.arrange(self.running)

    def _with_company(self, path: str, value: Value) -> dict[str, Value]:
        """Return a change with what must go with it: data from a file needs one, another file has other columns."""
        if path == "data.kind" and value == "file":
            return {path: value, "data.path": "faithful.csv"}
        if path == "data.path":
            return {path: value, "data.columns": ()}
        return {path: value}

    def _on_columns(self, path: str, value: Value, columns: tuple[str, ...]) -> None:
        try:
            self.draft = self.draft.replace({path: value, "data.columns": columns})
        except ExperimentError as error:
            self._refuse(str(error))
        self._show_draft()

    @Slot(int)
    def _on_preset(self, index: int) -> None:
        name = self.preset_box.itemData(index)
        if not name:
            return
        try:
            experiment = load(name)
        except ExperimentError as error:
            self._refuse(str(error))
            return
        self._start(experiment)

    @Slot(int)
    def _on_speed(self, index: int) -> None:
        self.trainer.limit(self.speed_box.itemData(index))

    @Slot()
    def _on_theme(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.set_theme(THEMES[action.data()])

    @Slot(bool)
    def _on_form_toggled(self, shown: bool) -> None:
        self._side.setVisible(shown)

    @Slot()
    def _on_export_view(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._export([action.data()])

    @Slot()
    def _discard(self) -> None:
        self.draft = self.running
        self._show_draft()

    @Slot(str)
    def _refuse(self, sentence: str) -> None:
        """Show why something was not done; the training goes on."""
        box = QMessageBox(QMessageBox.Icon.Warning, "ganviz", sentence, QMessageBox.StandardButton.Ok, self)
        box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    # What follows from it

    def _start(self, experiment: Experiment) -> None:
        self.running = self.draft = experiment
        self._show_draft()
        self._show_notice()
        self.trainer.restart(experiment)
        self._set_playing(True)

    def _set_playing(self, playing: bool) -> None:
        self.trainer.play(playing)
        self._show_playing(playing)

    def _show_playing(self, playing: bool) -> None:
        self._playing = playing
        self.play_action.setText("Pause" if playing else "Play")
        self.play_action.setIcon(icons.icon("pause" if playing else "play", self.theme.text))

    def _show_draft(self) -> None:
        self.form.show_experiment(self.draft, self.running)
        waiting = differences(self.draft, self.running)
        count = len([path for path in waiting if path not in ("title", "source")])
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

    def _select_preset(self, name: str) -> None:
        self.preset_box.setCurrentIndex(max(0, self.preset_box.findData(name)))

    def _choose_columns(self, needed: ColumnsNeeded) -> tuple[str, ...] | None:
        """Ask for one or two columns of a file; None: neither."""
        first, given = QInputDialog.getItem(
            self, "Columns", "First column (or the only one):", list(needed.columns), 0, editable=False
        )
        if not given:
            return None
        others = ["none: train in one dimension", *(name for name in needed.columns if name != first)]
        second, given = QInputDialog.getItem(self, "Columns", "Second column:", others, 1, editable=False)
        if not given:
            return None
        return (first,) if second == others[0] else (first, second)

    def _export(self, names: list[str]) -> None:
        frame = self.stage.frame_shown
        if frame is None:
            self._refuse("there is nothing to export yet: the first step is still to come")
            return
        problem = export_scenes(self, [VIEWS[name].draw(frame) for name in names])
        if problem:
            self._refuse(problem)


def _describe(preset: Preset) -> str:
    return f"{preset.name}: {preset.source}"
