"""Sees to it that nothing is lost: saving, autosaving, recovery after a crash, and the question before leaving."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QMenu, QProgressDialog, QWidget

from ganviz.experiment.files import SESSION, preset_path
from ganviz.run.recorded import Made

from .autosave import Autosaver
from .dialogs import SessionFile, ask_for_session, ask_to_save
from .recent import RecentFiles
from .recovery import claim, discard, leftovers
from .recovery_bar import RecoveryBar
from .reports import Report, Snapshot
from .trainer import Trainer

TOLD_AFTER = 0.4
"""Seconds of waiting for a file to be written after which that is told."""
LOOK_EVERY = 0.005
"""Seconds between two looks whether it is written."""


@dataclass(frozen=True, eq=False)
class Saved:
    """A session that was written, or why it could not be."""

    path: Path
    snapshot: Snapshot | None = None
    problem: str = ""


class Keeper(QObject):
    """Keeps the session of a window.

    Signals
    -------
    told(str)
        What was done, for the status bar.
    refused(str)
        Why something was not done.
    open_wanted(object)
        A file, a Path.
    recovered(object)
        A recovery file, a Path, to be opened; what there was before may be left.
    """

    told = Signal(str)
    refused = Signal(str)
    open_wanted = Signal(object)
    recovered = Signal(object)

    def __init__(self, trainer: Trainer, recent_menu: QMenu, parent: QWidget) -> None:
        super().__init__(parent)
        self._trainer = trainer
        self._window = parent
        self.file: SessionFile | None = None
        self._report: Report | None = None
        # What of the session is safe: what a person made, and all of it; and whether it came out of no file of theirs.
        self._safe = Made()
        self._safe_token: Hashable = None
        self._recovered = False
        self._session = 0
        self._recoveries: set[Path] = set()
        self._problems: deque[str] = deque()
        self._saved: deque[Saved] = deque()
        self._pending = self._leaving = False
        self._problem = ""
        self.recent = RecentFiles(recent_menu, self)
        self.recent.chosen.connect(self.open_wanted)
        self.bar = RecoveryBar(parent)
        self.bar.recover_wanted.connect(self._on_recover)
        self.bar.discard_wanted.connect(self._on_discard)
        self.autosaver = Autosaver(self._request, self._problems.append)

    def start(self) -> None:
        """Begin to save now and then, and offer what a crash has left."""
        self.autosaver.start()
        QTimer.singleShot(0, self._offer)

    @property
    def name(self) -> str:
        """The name of the file that the session is saved in; empty where there is none."""
        return "" if self.file is None else self.file.path.name

    def follow(self, report: Report) -> None:
        """Take note of what there is to be lost, and tell what was written meanwhile."""
        if report.frame is not None:
            if report.session != self._session:
                self._session = report.session
                self._begin(report)
            self._report = report
            self.autosaver.see((report.session, report.token) if report.end else None)
        self.pull()

    def pull(self) -> None:
        """Tell what the writing threads have to say."""
        while self._problems:
            self.refused.emit(self._problems.popleft())
        while self._saved:
            saved = self._saved.popleft()
            self._pending, self._problem = False, saved.problem
            if saved.snapshot is None:
                self.refused.emit(saved.problem)
                continue
            self.recent.add(saved.path)
            self.told.emit(f"saved: {saved.path}")
            # Meanwhile another session may have begun, of which nothing was saved.
            if saved.snapshot.session == self._session:
                self.file = SessionFile.now(saved.path)
                self._safe, self._safe_token = saved.snapshot.made, saved.snapshot.token
                self._recovered = False
                self.autosaver.settle((saved.snapshot.session, saved.snapshot.token))

    @Slot()
    def save(self) -> bool:
        """Save the session in its file, or ask for one; return whether it is being written."""
        if self.file is None:
            return self.save_as()
        return self.file.may_be_written(self._window) and self._write(self.file.path)

    @Slot()
    def save_as(self) -> bool:
        """Ask for a file and save the session in it; return whether it is being written."""
        start = Path("session.ganviz") if self.file is None else self.file.path
        path = ask_for_session(self._window, start)
        return path is not None and self._write(path)

    def may_leave(self, settings_stay: bool = False) -> bool:
        """Return whether the session may be left: at once if nothing that was made is lost, else after a question.

        Parameters
        ----------
        settings_stay : bool
            All settings stay as they are in the form: changes alone are no loss then.
        """
        if self._leaving:
            # The question stands already.
            return False
        self._leaving = True
        try:
            return self._may_leave(settings_stay)
        finally:
            self._leaving = False

    def _may_leave(self, settings_stay: bool) -> bool:
        # What was ordered to be saved is to be written, or it is not to be left.
        if not self._wait():
            return False
        if not self._is_unsaved(settings_stay):
            return True
        answer = ask_to_save(self._window, f"the session “{self.name}”" if self.name else "this session")
        if answer == "discard":
            # An answer for now: where it is not left after all, it is asked again.
            return True
        return answer == "save" and self.save() and self._wait()

    def _is_unsaved(self, settings_stay: bool) -> bool:
        """Return whether something would be lost: what a person made, or further steps of a session that has a file."""
        report = self._report
        if report is None:
            return False
        if self._recovered or (self.file is not None and report.token != self._safe_token):
            return True
        if settings_stay:
            return replace(report.made, changes=()) != replace(self._safe, changes=())
        return report.made != self._safe or self._trainer.changes > report.changes

    def close(self) -> None:
        """End the saving; what was autosaved is not needed any more."""
        self.autosaver.close(clean=True)

    def _begin(self, report: Report) -> None:
        """Begin with another session."""
        self.file = None
        self._safe, self._safe_token = report.began, report.token
        self._recovered = False
        if report.opened:
            path = Path(report.opened)
            if path in self._recoveries:
                self.autosaver.adopt(path)
                # It is in no file that the person knows of.
                self._recovered = True
                return
            if path == preset_path(path.stem):
                # A preset is never overwritten.
                return
            if path.suffix.lower() == SESSION:
                self.file = SessionFile.now(path)
            self.recent.add(path)

    def _write(self, path: Path) -> bool:
        if self._pending:
            self.refused.emit("The session is still being saved.")
            return False
        saved = self._saved

        def write(snapshot: Snapshot) -> None:
            from ganviz.run.session_file import write_session

            try:
                write_session(path, snapshot.state)
            except Exception as error:
                told = " ".join(str(error).split()) or type(error).__name__
                saved.append(Saved(path, problem=told))
            else:
                saved.append(Saved(path, snapshot))

        def hand_over(snapshot: Snapshot) -> None:
            # The training goes on while the file is written.
            threading.Thread(target=write, args=[snapshot], name="saving").start()

        def refuse(sentence: str) -> None:
            saved.append(Saved(path, problem=sentence))

        self._pending = True
        self._trainer.save(hand_over, refuse)
        return True

    def _wait(self) -> bool:
        """Wait until what is being saved is written; return whether it is, and the person did not give up waiting."""
        if not self._pending:
            return True
        began, dialog = time.monotonic(), None
        while self._pending and not (dialog is not None and dialog.wasCanceled()):
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
            time.sleep(LOOK_EVERY)
            self.pull()
            if dialog is None and time.monotonic() - began > TOLD_AFTER:
                dialog = self._waiting()
        if dialog is not None:
            dialog.reset()
            dialog.deleteLater()
        return not self._pending and not self._problem

    def _waiting(self) -> QProgressDialog:
        """Return a dialog that says what is waited for, and lets the person give up."""
        dialog = QProgressDialog("Saving the session …", "Do not wait", 0, 0, self._window)
        dialog.setWindowModality(Qt.WindowModality.WindowModal)
        dialog.setMinimumDuration(0)
        dialog.show()
        return dialog

    def _request(self) -> None:
        """Have the session given to the thread that saves it now and then; where there is none, it asks again."""
        self._trainer.save(lambda snapshot: self.autosaver.give(snapshot.state), lambda sentence: None)

    @Slot()
    def _offer(self) -> None:
        self.bar.show_leftovers(leftovers())

    @Slot(object)
    def _on_recover(self, path: Path) -> None:
        if not self.may_leave():
            return
        mine = claim(path)
        self.bar.settle(path)
        if mine is None:
            self.refused.emit(f"{path}: this session is not there any more.")
            return
        self._recoveries.add(mine)
        self.recovered.emit(mine)

    @Slot(object)
    def _on_discard(self, path: Path) -> None:
        self.bar.settle(path)
        if not discard(path):
            self.refused.emit(f"{path}: this session could not be removed.")
