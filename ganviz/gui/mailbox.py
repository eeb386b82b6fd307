"""Where the training thread leaves what the window is to know: the newest report, and every sentence."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable

from .reports import Report


class Mailbox:
    """A slot for the newest report, and two queues of sentences of which none is ever dropped.

    Parameters
    ----------
    fresh : callable
        Whether a report is still of what is shown; others are left out.
    """

    def __init__(self, fresh: Callable[[Report], bool]) -> None:
        self._fresh = fresh
        self._slot: Report | None = None
        self._lock = threading.Lock()
        self._messages: deque[str] = deque()
        self._notices: deque[str] = deque()

    @property
    def empty(self) -> bool:
        """Whether the newest report was taken."""
        return self._slot is None

    def put(self, report: Report) -> bool:
        """Leave a report in place of the one before; return whether it is fresh."""
        with self._lock:
            fresh = self._fresh(report)
            if fresh:
                self._slot = report
        return fresh

    def take(self) -> Report | None:
        """Take the newest report, if there is one since the last call."""
        with self._lock:
            report, self._slot = self._slot, None
        return report

    def refuse(self, sentence: str) -> None:
        """Tell what went wrong."""
        self._messages.append(sentence)

    def tell(self, sentence: str) -> None:
        """Tell what was done."""
        self._notices.append(sentence)

    def messages(self) -> list[str]:
        """Take all sentences about what went wrong since the last call."""
        return _taken(self._messages)

    def notices(self) -> list[str]:
        """Take all sentences about what was done since the last call."""
        return _taken(self._notices)


def _taken(sentences: deque[str]) -> list[str]:
    taken: list[str] = []
    with contextlib.suppress(IndexError):
        while True:
            taken.append(sentences.popleft())
    return taken
