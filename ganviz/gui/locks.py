"""Files that say whether the process that made them lives: its number, and when it began, for numbers are used again.

A lock is a small file of JSON, replaced as a whole each time, and touched again and again while its process lives. The
touches tell of processes that cannot be asked for: those of other computers and containers that share the folder.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

HEARTBEAT = 60.0
"""Seconds after which a living process has touched its lock again."""
SILENCE = 600.0
"""Seconds without a touch after which a process that cannot be asked for counts as dead."""
LONGEST = 1 << 16
"""Bytes of a lock at most; what is longer is none."""


class Lock:
    """A lock of this process.

    Parameters
    ----------
    path : Path
        Of the file; its folder is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **notes: Any) -> None:
        """Say that this process lives, and something else, whole or not at all.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.getpid()
        said = {**notes, "pid": number, "began": began(number), "place": place()}
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text(json.dumps(said), encoding="utf-8")
        fresh.replace(self.path)

    def touch(self) -> None:
        """Say that this process still lives.

        Raises
        ------
        OSError
            If the file is gone or cannot be touched.
        """
        os.utime(self.path)

    def remove(self) -> None:
        """Remove the file, if it is there.

        Raises
        ------
        OSError
            If it cannot be removed.
        """
        self.path.with_name(self.path.name + ".new").unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def read_lock(path: Path) -> dict[str, Any]:
    """Return what a lock says; nothing where there is none, or something else in its place."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1)
        said = json.loads(text) if len(text) <= LONGEST else None
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], said) if isinstance(said, dict) else {}


def is_held(path: Path, said: Mapping[str, Any], now: float | None = None) -> bool:
    """Return whether the process of a lock lives.

    Parameters
    ----------
    path : Path
        Of the lock.
    said : mapping
        What `read_lock` has read there.
    now : float, optional
        Seconds since 1970, instead of the clock's.
    """
    number, since = said.get("pid"), said.get("began")
    if not isinstance(number, int) or not isinstance(since, str):
        # A living process' lock is whole at all times.
        return False
    if said.get("place") == place():
        return 0 < number < 1 << 31 and since != "" and began(number) == since
    try:
        touched = path.stat().st_mtime
    except OSError:
        return False
    return (time.time() if now is None else now) - touched < SILENCE


def place() -> str:
    """Name where process numbers mean what they mean here: the computer, and on Linux the container."""
    try:
        inside = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  (it leads to no path)
    except (OSError, AttributeError):
        inside = ""
    return f"{platform.node()} {inside}".strip()


def began(number: int) -> str:
    """Return when the process of a number began, in whatever way the system tells it; empty if there is none."""
    if sys.platform == "linux":
        return _began_linux(number)
    if sys.platform == "win32":
        return _began_windows(number)
    try:
        told = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(number)],
            capture_output=True, text=True, timeout=5, check=False, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(told.stdout.split())


def _began_linux(number: int) -> str:
    """Return the clock ticks from the start of the system to the start of a process (proc(5): ``starttime``)."""
    try:
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        system = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    # The second field is the program's name in brackets, which may hold brackets and blanks itself.
    fields = status.rpartition(")")[2].split()
    # A process that has ended and was not collected yet lives no more.
    return "" if len(fields) < 20 or fields[0] in "ZX" else f"{system} {fields[19]}"


def _began_windows(number: int) -> str:
    import ctypes

    # Named by a string, for these exist under Windows alone.
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009
    kernel.OpenProcess.restype = ctypes.c_void_p
    # PROCESS_QUERY_LIMITED_INFORMATION
    handle = ctypes.c_void_p(kernel.OpenProcess(0x1000, False, number))
    if not handle.value:
        return ""
    try:
        code = ctypes.c_ulong()
        times = [ctypes.c_ulonglong() for _ in range(4)]
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        # STILL_ACTIVE; an ended process exists as long as someone holds it.
        if code.value != 259 or not kernel.GetProcessTimes(handle, *map(ctypes.byref, times)):
            return ""
        return str(times[0].value)
    finally:
        kernel.CloseHandle(handle)
