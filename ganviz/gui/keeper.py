"""Sees to it that nothing is lost: saving, autosaving, recovery after a crash, and the question before leaving."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QMenu, QWidget

from ganviz.experiment.files import SESSION, preset_path

from .autosave import Autosaver
from .dialogs import SessionFile, ask_for_session, ask_to_save
from .recent import RecentFiles
from .recovery import claim, discard, leftovers
from .recovery_bar import RecoveryBar
from .reports import Report
from .trainer import Trainer

if TYPE_CHECKING:
    from ganviz.run.recorded import SessionState

LONGEST_WAIT = 30_000
"""Milliseconds that leaving waits for a file to be written."""


@dataclass(frozen=True)
class Saved:
    """A session that was written, or why it could not be."""

    path: Path
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
    """

    told = Signal(str)
    refused = Signal(str)
    open_wanted = Signal(object)

    def __init__(self, trainer: Trainer, recent_menu: QMenu, parent: QWidget) -> None:
        super().__init__(parent)
        self._trainer = trainer
        self._window = parent
        self.file: SessionFile | None = None
        self._report: Report | None = None
        self._made: Hashable = None
        self._run = 0
        self._recovered: set[Path] = set()
        self._problems: deque[str] = deque()
        self._saved: deque[Saved] = deque()
        self._pending = False
        self.recent = RecentFiles(recent_menu, self)
        self.recent.chosen.connect(self.open_wanted)
        self.bar = RecoveryBar(parent)
        self.bar.recover_wanted.connect(self._on_recover)
        self.bar.discard_wanted.connect(self._on_discard)
        self.autosaver = Autosaver(lambda: trainer.save(self.autosaver.give), self._problems.append)

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
            if report.run != self._run:
                self._run = report.run
                self._begin(report)
            self._report = report
            self.autosaver.see(_everything(report) if report.end else None)
        self.pull()

    def pull(self) -> None:
        """Tell what the writing threads have to say."""
        while self._problems:
            self.refused.emit(self._problems.popleft())
        while self._saved:
            saved = self._saved.popleft()
            self._pending = False
            if saved.problem:
                self.refused.emit(saved.problem)
                continue
            self.file = SessionFile.now(saved.path)
            self.recent.add(saved.path)
            self.told.emit(f"saved: {saved.path}")

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

    def may_leave(self) -> bool:
        """Return whether the session may be left: at once if nothing that was made is lost, else after a question."""
        report = self._report
        if report is None or not report.touched or _made(report) == self._made:
            return True
        answer = ask_to_save(self._window, f"the session “{self.name}”" if self.name else "this session")
        if answer == "discard":
            self._made = _made(report)
            return True
        return answer == "save" and self.save() and self._wait()

    def close(self) -> None:
        """End the saving; what was autosaved is not needed any more."""
        self._wait()
        self.autosaver.close(clean=True)

    def _begin(self, report: Report) -> None:
        """Begin with another session."""
        self.file = None
        self._made = _made(report)
        if report.opened:
            path = Path(report.opened)
            if path in self._recovered:
                self.autosaver.adopt(path)
                # It is in no file that the person knows of.
                self._made = None
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
        report = self._report
        saved = self._saved

        def write(state: SessionState) -> None:
            from ganviz.run.session_file import write_session

            problem = ""
            try:
                write_session(path, state)
            except (OSError, MemoryError) as error:
                problem = " ".join(str(error).split()) or "there is not enough memory to save the session"
            else:
                if report is not None:
                    self.autosaver.settle(_everything(report))
                    self._made = _made(report)
            saved.append(Saved(path, problem))

        def hand_over(state: SessionState) -> None:
            # The training goes on while the file is written.
            threading.Thread(target=write, args=[state], name="saving").start()

        self._pending = True
        self._trainer.save(hand_over)
        return True

    def _wait(self) -> bool:
        """Wait until what is being saved is written; return whether it is."""
        if not self._pending:
            return True
        loop, timer, limit = QEventLoop(), QTimer(), QTimer()
        timer.timeout.connect(lambda: loop.quit() if self._saved else None)
        timer.start(10)
        limit.setSingleShot(True)
        limit.timeout.connect(loop.quit)
        limit.start(LONGEST_WAIT)
        loop.exec()
        done = bool(self._saved) and not self._saved[-1].problem
        self.pull()
        return done

    @Slot()
    def _offer(self) -> None:
        self.bar.show_leftovers(leftovers())

    @Slot(object)
    def _on_recover(self, path: Path) -> None:
        mine = claim(path)
        if mine is None:
            self.refused.emit(f"{path}: this session is not there any more.")
            return
        self._recovered.add(mine)
        self.open_wanted.emit(mine)

    @Slot(object)
    def _on_discard(self, path: Path) -> None:
        if not discard(path):
            self.refused.emit(f"{path}: this session could not be removed.")


def _made(report: Report) -> Hashable:
    """Return what of a session a person made."""
    bookmarks = tuple(mark for mark in report.marks if mark.kind == "bookmark")
    return tuple((b.name, b.parent, b.since) for b in report.branches), bookmarks, report.notes


def _everything(report: Report) -> Hashable:
    """Return what of a session may be lost."""
    return report.run, report.changes, tuple(branch.end for branch in report.branches), _made(report)
