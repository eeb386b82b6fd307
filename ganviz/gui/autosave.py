"""Writes the session into a recovery file again and again, so that a crash costs the last interval at most.

It knows nothing of Qt. A thread of its own asks for the session when something has changed since the last saving; the
training thread gives it; this thread writes it, behind the training where both want the same core.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING

from ganviz.run.priority import stand_back

from .locks import HEARTBEAT, Lock
from .watcher import NICE

if TYPE_CHECKING:
    from ganviz.run.recorded import SessionState

Write = Callable[[Path, "SessionState"], None]

INTERVAL = 60.0
"""Seconds between two savings, at least."""
SPARING = 20
"""How many times the duration of a saving the time to the next one lasts, at least: a share of less than 5 %."""
LONGEST_WAIT = 3600.0
LOOK_EVERY = 1.0
"""Seconds between two looks for a change once the interval is over."""


def recovery_folder() -> Path:
    """Return where recovery files are."""
    import platformdirs

    return Path(platformdirs.user_state_dir("ganviz", appauthor=False), "recovery")


class Autosaver:
    """Keeps a recovery file of one window's session up to date.

    All methods may be called from any thread, and return at once but for `close`.

    Parameters
    ----------
    request : callable
        Called on this thread when the session is wanted; whoever holds it answers with `give`. It must not wait.
    failed : callable
        Told on this thread, in one sentence, that saving fails; once until it has succeeded again.
    folder : Path, optional
        Instead of `recovery_folder`.
    interval : float
        Seconds between two savings, at least.
    write : callable, optional
        Instead of `ganviz.run.session_file.write_session`.

    Attributes
    ----------
    path : Path
        The recovery file. It is there from the first saving on.
    """

    def __init__(
        self,
        request: Callable[[], None],
        failed: Callable[[str], None],
        folder: Path | None = None,
        interval: float = INTERVAL,
        write: Write | None = None,
    ) -> None:
        self.path = (folder or recovery_folder()) / f"{uuid.uuid4().hex}.ganviz"
        self._lock_file = Lock(self.path.with_suffix(".lock"))
        self._request, self._failed, self._write = request, failed, write
        self._interval = interval
        self._state: SessionState | None = None
        self._present: Hashable = None
        self._saved: Hashable = None
        self._asked_for: Hashable = None
        self._next = time.monotonic() + interval
        self._failing = self._stopping = self._removing = self._clean = False
        self._adopted: list[Path] = []
        self._covered: list[Path] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._main, name="autosave", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def see(self, token: Hashable) -> None:
        """Take note of the present session: whatever tells it from what it was when something has changed.

        The token of a session in which nothing is to be lost is None.
        """
        # No need to wake the thread: it looks by itself when it is time.
        self._present = token

    def give(self, state: SessionState) -> None:
        """Give the session to be written."""
        with self._news:
            self._state = state
            self._news.notify()

    def settle(self, token: Hashable) -> None:
        """Say that nothing can be lost of the session as it was under a token: it was saved elsewhere or given up.

        The recovery file is removed, unless more has changed since, or a session is on its way into it.
        """
        with self._news:
            self._saved = token
            self._removing = True
            self._news.notify()

    def adopt(self, path: Path) -> None:
        """Take over a recovered file, out of `ganviz.gui.recovery.claim`, that has become this window's session.

        It is removed as soon as the session is in this one's own file, or has been saved or given up.
        """
        with self._news:
            self._adopted.append(path)

    def close(self, clean: bool = True, wait: float = 5.0) -> bool:
        """End the thread; return whether it ended in time.

        Parameters
        ----------
        clean : bool
            Nothing is left to recover: the recovery file is removed. Else it stays for the next start.
        """
        if clean and self._lock_file.path.exists():
            # First of all, for this process may end before the thread does.
            with contextlib.suppress(OSError):
                self._lock_file.write(done=True)
        with self._news:
            self._stopping, self._clean = True, clean
            self._news.notify()
        if self._thread.ident is not None:
            self._thread.join(wait)
        if self._thread.is_alive():
            return False
        if clean:
            self._remove()
        return True

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    # ---------------------------------------------------------------- the thread

    def _main(self) -> None:
        stand_back(NICE)
        beat = time.monotonic() + HEARTBEAT
        while True:
            now = time.monotonic()
            with self._news:
                until = min(self._next if self._next > now else now + min(self._interval, LOOK_EVERY), beat)
                self._news.wait_for(lambda: self._state or self._stopping or self._removing, max(until - now, 0.001))
                state, self._state = self._state, None
                removing, self._removing = self._removing, False
                if self._stopping:
                    return
            now = time.monotonic()
            if now >= beat:
                beat = now + HEARTBEAT
                with contextlib.suppress(OSError):
                    self._lock_file.touch()
            if state is not None:
                self._save(state)
            elif removing and self._present == self._saved:
                self._remove()
            elif now >= self._next and self._present not in (None, self._saved):
                # Asked again after an interval where nobody has answered.
                self._next = now + self._interval
                self._asked_for = self._present
                # A session that was asked for before a file was adopted is another one than the file's.
                self._covered = list(self._adopted)
                self._request()

    def _save(self, state: SessionState) -> None:
        began = time.monotonic()
        token = self._asked_for
        try:
            title, step = _about(state)
            if not self._lock_file.path.exists():
                # First: a session without a lock is one that was left.
                self._lock_file.write(title=title, step=step)
            self._writer()(self.path, state)
            if not self._clean:
                self._lock_file.write(title=title, step=step)
            self._forget(self._covered)
        except Exception as error:
            self._tell(error)
        else:
            self._saved, self._failing = token, False
        now = time.monotonic()
        self._next = now + min(max(self._interval, SPARING * (now - began)), LONGEST_WAIT)

    def _writer(self) -> Write:
        if self._write is None:
            from ganviz.run.session_file import write_session

            self._write = write_session
        return self._write

    def _tell(self, error: Exception) -> None:
        if self._failing:
            return
        self._failing = True
        told = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        self._failed(
            f"The session cannot be kept safe against a crash: {self.path.parent}: {told}. The training goes on, and "
            "saving is tried again."
        )

    def _remove(self) -> None:
        """Remove the session and what belongs to it; the lock last, for a session without one is one that was left."""
        with contextlib.suppress(OSError):
            self._forget(list(self._adopted))
            self.path.unlink(missing_ok=True)
            if self.path.parent.is_dir():
                for rest in self.path.parent.glob(f"*{self.path.stem}*"):
                    if rest != self._lock_file.path:
                        rest.unlink(missing_ok=True)
            self._lock_file.remove()

    def _forget(self, adopted: list[Path]) -> None:
        for path in adopted:
            path.unlink(missing_ok=True)
            path.with_suffix(".lock").unlink(missing_ok=True)
        with self._news:
            self._adopted = [path for path in self._adopted if path not in adopted]


def _about(state: SessionState) -> tuple[str, int]:
    """Return what a session is known by: the title of what is shown first, and its last step."""
    recorded = state.branches[state.shown[0]].recorded
    return recorded.first.title, recorded.end
