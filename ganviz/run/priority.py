"""How threads beside the training stand back behind it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading


def stand_back(nice: int) -> None:
    """Have the calling thread stand back where the training wants the same core; Linux alone counts that by thread."""
    if nice and sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
