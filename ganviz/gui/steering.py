"""Time and branches in the window: what timeline, tree and lanes want goes to the training thread from here."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QDockWidget, QMainWindow

from ganviz.plots import Theme
from ganviz.run import Mark

from .branches import Branches
from .lanes import LaneStage
from .reports import BranchInfo, Report
from .timeline import Timeline
from .trainer import Trainer

BRANCHES_WIDTH = 250


class Steering(QObject):
    """Owns the timeline and the tree of branches.

    Signals
    -------
    playing_changed(int)
        1 forwards, -1 backwards, 0 standing: as ordered, or as the thread reports it.
    """

    playing_changed = Signal(int)

    def __init__(self, trainer: Trainer, lanes: LaneStage, theme: Theme, window: QMainWindow) -> None:
        super().__init__(window)
        self._trainer, self._window = trainer, window
        self.timeline, self.branches = Timeline(window, theme), Branches(window)
        self.dock = QDockWidget("Branches", window)
        self.dock.setObjectName("branches")
        self.dock.setWidget(self.branches)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()
        self.playing = 1
        self._known: tuple[BranchInfo, ...] = ()
        self._shown: list[int] = [0]
        self._session = 0
        timeline = self.timeline
        timeline.scrubbed.connect(self._scrub)
        timeline.sought.connect(self.seek)
        timeline.stepped.connect(self.step)
        timeline.play_wanted.connect(self.play)
        timeline.bookmark_wanted.connect(self._bookmark)
        timeline.speed_chosen.connect(self._limit_replay)
        timeline.mark_activated.connect(self._go_to_mark)
        self.branches.branch_wanted.connect(self._branch)
        self.branches.shown_wanted.connect(trainer.show_branches)
        self.branches.remove_wanted.connect(trainer.remove_branch)
        self.branches.rename_wanted.connect(trainer.rename_branch)
        lanes.lane_chosen.connect(self._choose_lane)
        lanes.lane_closed.connect(self._close_lane)

    def begin(self) -> None:
        """Tell the thread what stands in the controls."""
        self._limit_replay(self.timeline.speed)

    @Slot(int)
    def play(self, playing: int) -> None:
        """Go on, pause, or go backwards."""
        self._trainer.play(playing)
        self.took(playing)

    @Slot(int)
    def step(self, steps: int) -> None:
        """Go some steps on or back, and pause."""
        self.took(0)
        self._trainer.step(steps)

    @Slot(object)
    def seek(self, step: int) -> None:
        """Go to a step, and pause."""
        self.took(0)
        self._trainer.seek(step)

    def show(self, report: Report) -> None:
        """Show where the time stands, which branches there are, and, if no order is under way, whether it plays."""
        self.timeline.show_time(report.position, report.end, report.marks, report.playing)
        if len(report.branches) > len(self._known) == 1 and report.session == self._session:
            # The first branch; whoever closes the dock afterwards does not want it.
            self.dock.show()
            self._window.resizeDocks([self.dock], [BRANCHES_WIDTH], Qt.Orientation.Horizontal)
        self._session = report.session
        self._known, self._shown = report.branches, [lane.branch for lane in report.lanes]
        self.branches.show_branches(self._known, self._shown)
        if report.orders >= self._trainer.orders and report.playing != self.playing:
            self.took(report.playing)

    def took(self, playing: int) -> None:
        """Take note of what was ordered, or of what the thread does by itself."""
        self.playing = playing
        self.playing_changed.emit(playing)

    @Slot(object)
    def _scrub(self, step: int) -> None:
        self.took(0)
        self._trainer.scrub(step)

    @Slot(float)
    def _limit_replay(self, steps_per_second: float) -> None:
        self._trainer.limit_replay(steps_per_second or None)

    @Slot()
    def _bookmark(self) -> None:
        self._trainer.bookmark(self.timeline.track.step)

    @Slot(object)
    def _go_to_mark(self, mark: Mark) -> None:
        self.seek(mark.step)

    @Slot(bool)
    def _branch(self, fresh: bool) -> None:
        self._trainer.branch(fresh=fresh)

    @Slot(int)
    def _choose_lane(self, lane: int) -> None:
        if lane:
            chosen = self._shown[lane]
            self._trainer.show_branches([chosen, *self._without(lane)])

    @Slot(int)
    def _close_lane(self, lane: int) -> None:
        self._trainer.show_branches(self._without(lane))

    def _without(self, lane: int) -> Sequence[int]:
        return [number for i, number in enumerate(self._shown) if i != lane]
