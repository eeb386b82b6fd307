"""A thread that makes something of the newest job, so that the one who gives it need not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ganviz.run.priority import stand_back

NICE = 5
"""How far such a thread stands back behind the training where both want the same core (Linux counts it by thread)."""

Job = Callable[[], None]


class Watcher:
    """Does one job at a time on a thread of its own; there is no queue.

    Parameters
    ----------
    name : str
        Of the thread.
    failed : callable
        Told of an exception that ended a job.
    finished : callable, optional
        Called after each job, once another would be begun.
    """

    def __init__(
        self, name: str, failed: Callable[[Exception], None], finished: Callable[[], None] | None = None
    ) -> None:
        self._job: Job | None = None
        self._failed = failed
        self._finished = finished
        self._wanted = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether a job would be begun at once."""
        return self._job is None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def do(self, job: Job) -> None:
        """Begin a job; only for an idle watcher."""
        with self._wanted:
            self._job = job
            self._wanted.notify()

    def stop(self, wait: float) -> bool:
        """Take no more jobs; return whether the thread ended in time."""
        with self._wanted:
            self._stopping = True
            self._wanted.notify()
        if self._thread.ident is not None:
            self._thread.join(wait)
        return not self._thread.is_alive()

    def _main(self) -> None:
        stand_back(NICE)
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._job is not None or self._stopping)
                job = self._job
            if self._stopping or job is None:
                return
            try:
                job()
            except Exception as error:
                self._failed(error)
            self._job = None
            if self._finished is not None:
                self._finished()
