"""Has the engine compiled by another process, so that the window stays alive meanwhile."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ganviz

MESSAGE = "Compiling the engine for this computer. This happens once"


class Compilation:
    """Compiles where that is needed; `stop` ends it, from any thread and for good."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stopping = False

    def stop(self) -> None:
        """End what is being compiled, and compile no more."""
        self._stopping = True
        process = self._process
        if process is not None:
            with contextlib.suppress(OSError):
                process.kill()

    def make(self, bits: int, progress: Callable[[float], None]) -> bool:
        """Compile the engine for numbers of some bits if it is not in the cache; return whether to go on.

        ``progress`` is told the share that is done, first 0, if there is something to do.
        """
        from ganviz.engine import warmup

        if warmup.is_ready(bits):
            return not self._stopping
        progress(0.0)
        # Not from the current folder, whatever lies there; and an interrupt in the terminal is for this process.
        command = [sys.executable, "-P", "-m", "ganviz.engine.warmup", str(bits)]
        package = str(Path(ganviz.__file__).resolve().parent.parent)
        paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,
        )
        with self._process as process:
            assert process.stdout is not None
            # Whoever stopped while the process was being started found nothing to kill.
            if self._stopping:
                process.kill()
            for line in process.stdout:
                done, total = line.split()
                progress(int(done) / int(total))
                if self._stopping:
                    process.kill()
        self._process = None
        # Where the other process failed, the run itself compiles, or fails with a sentence of its own.
        return not self._stopping
