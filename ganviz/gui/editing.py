"""The settings in the window: what runs, what the form shows, and the edits that lead from one to the other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import starmap
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from ganviz.experiment import ColumnsNeeded, Experiment, ExperimentError, Value, retitled
from ganviz.experiment.files import preset_path

from .banner import Banner
from .dialogs import choose_columns, explain
from .edits import changed_live, waiting, with_company
from .form import Form, differences, paths_in, said
from .reports import Report
from .trainer import Trainer
from .undo import EditHistory, changed
from .undo_actions import UndoActions


class Editing(QObject):
    """Carries out edits of the form: at once where that is possible, else with the next restart.

    Signals
    -------
    shown()
        The form shows other settings than before, or others run.
    restart_wanted()
        What waits is to be trained.

    Attributes
    ----------
    origin : Experiment
        What was opened, under the name `preset` if it is one.
    running, draft : Experiment
        What is trained, and what the form shows: the same but for what waits for a restart.
    goes_on : bool
        Whether the training does, so that the line above the stage is not needed for why it stopped.
    """

    shown = Signal()
    restart_wanted = Signal()

    def __init__(self, experiment: Experiment, preset: str, trainer: Trainer, banner: Banner, window: QWidget) -> None:
        super().__init__(window)
        self._trainer, self._banner, self._window = trainer, banner, window
        self.origin = self.running = self.draft = experiment
        self.preset = preset
        self.goes_on = self._refused = False
        self._branch = 0
        self._history = EditHistory()
        self._histories = {0: self._history}
        self.undo_actions = UndoActions(self._history, self)
        self.undo_actions.undo_action.triggered.connect(self.undo)
        self.undo_actions.redo_action.triggered.connect(self.redo)
        self._make_panel()
        self.show_draft()

    def _make_panel(self) -> None:
        self.panel = QWidget(self._window)
        self.form = Form(self.panel)
        self.form.edited.connect(self.edit_field)
        self.form.refused.connect(self._explain)
        self.restart_button = QPushButton(self.panel)
        self.restart_button.setObjectName("restart")
        self.restart_button.clicked.connect(self.restart_wanted)
        self.discard_button = QPushButton("Discard these changes", self.panel)
        self.discard_button.clicked.connect(self.discard)
        column = QVBoxLayout(self.panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.form, 1)
        # Below, so that they move nothing that the hand is about to touch.
        column.addWidget(self.restart_button)
        column.addWidget(self.discard_button)

    # What the person does

    @Slot(str, object)
    def edit_field(self, path: str, value: Value, columns: tuple[str, ...] = ()) -> None:
        """Carry out an edit of one field, with what must go along with it."""
        try:
            together = with_company(self.draft, path, value, columns)
            self.edit(together)
            self._tell_consequences(path, together)
        except ColumnsNeeded as needed:
            chosen = choose_columns(self._window, needed)
            if chosen is not None:
                self.edit_field("data.path", value, chosen)
        except ExperimentError as error:
            self._explain_edit(path, str(error))
        self.show_draft()

    def edit(self, changes: dict[str, Value], remember: bool = True) -> None:
        """Change the draft, and the running experiment too where that is possible at once.

        Raises
        ------
        ExperimentError
            For what is not allowed; nothing is changed then.
        """
        before, after = self.draft, retitled(self.draft.replace(changes), self.origin)
        running = changed_live(self.running, changes)
        self.draft = after
        if remember:
            self._history.record(before, after)
        if running is not None:
            running = retitled(running, self.origin)
            # What follows from a change goes with it, such as a default that depends on a choice.
            followed = differences(running, self.running)
            self._trainer.change_together({**{path: running[path] for path in changes}, **followed})
            self.running = running

    @Slot()
    def undo(self) -> None:
        """Take the last edit of the form back, from now on: what was trained stays."""
        self._go_to(self._history.undo(self.draft), self._history.redo)

    @Slot()
    def redo(self) -> None:
        """Make an edit again that was taken back."""
        self._go_to(self._history.redo(self.draft), self._history.undo)

    @Slot()
    def discard(self) -> None:
        """Have the form show what runs."""
        self._history.record(self.draft, self.running)
        self.draft = self.running
        self.show_draft()

    def _go_to(self, goal: Experiment | None, back: Callable[[Experiment], Experiment | None]) -> None:
        if goal is None:
            return
        try:
            self.edit(changed(self.draft, goal), remember=False)
        except ExperimentError as error:
            # It stays where it can be tried again.
            back(self.draft)
            self._explain(str(error))
        self.show_draft()

    # What follows from it

    def begin(self, experiment: Experiment) -> None:
        """Train something from the start."""
        self.running = self.draft = experiment
        self._refused = False
        self.show_draft()
        self.show_notice()

    def name(self, experiment: Experiment, preset: str) -> None:
        """Take note of what was opened."""
        self.origin, self.preset = experiment, preset
        self._forget()
        self.show_draft()

    def stay(self) -> None:
        """Leave in the form what was refused, for the run goes on without it."""
        self._refused = True

    def follow(self, report: Report, fresh: bool) -> None:
        """Show the settings of what is shown, once all that was ordered is carried out."""
        frame = report.frame
        assert frame is not None
        if fresh:
            self._forget()
            if report.opened:
                opened = Path(report.opened)
                self.preset = opened.stem if opened == preset_path(opened.stem) else ""
                self.origin = frame.experiment
        self._follow_branch(report)
        settled = report.changes >= self._trainer.changes
        if self._refused or fresh or (settled and frame.experiment != self.running):
            self.draft = self._draft_beside(frame.experiment, fresh)
            self.running = frame.experiment
            self._refused = False
            self.show_draft()

    def _draft_beside(self, experiment: Experiment, fresh: bool) -> Experiment:
        """Return what the form is to show beside an experiment: that, and what waits for a restart."""
        waits = differences(self.draft, self.running)
        if self._refused and not fresh:
            return self.draft
        if fresh or not waits:
            return experiment
        try:
            return experiment.replace(waits)
        except ExperimentError:
            # Beside these settings it means nothing; it stays as the person left it.
            return self.draft

    def _follow_branch(self, report: Report) -> None:
        """Undo and redo the edits of the branch that controls are about."""
        assert report.frame is not None
        number = report.lanes[0].branch if report.lanes else 0
        if number == self._branch:
            return
        if number not in self._histories:
            # What led to a branch was edited in its parent.
            parent = next((branch.parent for branch in report.branches if branch.number == number), -1)
            history = self._histories.get(parent, EditHistory()).copy()
            history.settle(report.frame.experiment)
            self._histories[number] = history
        self._branch, self._history = number, self._histories[number]
        self.show_draft()

    def _forget(self) -> None:
        self._branch, self._history = 0, EditHistory()
        self._histories = {0: self._history}

    def show_draft(self) -> None:
        """Show the draft in the form, and what of it waits."""
        self.form.show_experiment(self.draft, self.running)
        count = waiting(self.draft, self.running)
        self.restart_button.setText(f"Restart with {count} change{'s' if count != 1 else ''}")
        self.restart_button.setVisible(count > 0)
        self.discard_button.setVisible(count > 0)
        self.undo_actions.refresh(self._history)
        self.shown.emit()

    def show_notice(self) -> None:
        """Say what is to be known about the data, in place of what was said before."""
        self._banner.hide()
        if self.running.notice:
            self._banner.show_notice(self.running.notice)

    def _tell_consequences(self, path: str, together: dict[str, Value]) -> None:
        """Say what an edit took along, and what it leaves on that belongs to what was before."""
        if self.goes_on:
            # What was said of the edit before is over.
            self.show_notice()
        others = {other: value for other, value in together.items() if other != path and not other.startswith("data.")}
        if others:
            self._banner.show_notice(f"Changed along with it: {', '.join(starmap(said, others.items()))}.")
        clip = self.draft.discriminator.clip
        if path == "objective.kind" and clip > 0 and not self.draft.objective.critic:
            self._banner.show_notice(
                f"Weight clipping (c = {clip:g}) is still on. It is made for the Wasserstein objective; under another "
                "one it flattens the discriminator. Clip 0 turns it off."
            )

    def _explain_edit(self, path: str, sentence: str) -> None:
        """Show why a field cannot have a value, and bring the fields that stand in its way into view."""
        places = self.form.reveal(other for other in paths_in(sentence) if other != path)
        explain(self._window, sentence, f"In the form: {', '.join(places)}." if places else "")

    @Slot(str)
    def _explain(self, sentence: str) -> None:
        explain(self._window, sentence)
