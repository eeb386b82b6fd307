"""Finds the sessions that processes which ended unexpectedly have left behind.

Each of them is ``<32 hexadecimal digits>.ganviz`` with a lock beside it (`ganviz.gui.locks`), made by
`ganviz.gui.autosave`. Of what else lies in the folder nothing is touched.
"""

from __future__ import annotations

import contextlib
import re
import stat
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .autosave import recovery_folder
from .locks import Lock, is_held, read_lock

OWN = re.compile(r"[0-9a-f]{32}")
TITLE = 200
"""Characters of a title at most."""


@dataclass(frozen=True)
class Leftover:
    """A session that was left.

    Attributes
    ----------
    saved_at : datetime
        When it was saved last, in local time.
    title : str
        Of its experiment; empty where that is not known.
    size : int
        Bytes.
    step : int
        Its last step.
    """

    path: Path
    saved_at: datetime
    title: str
    size: int
    step: int = 0


def leftovers(folder: Path | None = None) -> list[Leftover]:
    """Find the sessions of processes that live no more, the latest first.

    Parts of files that such processes have left, and what they were done with, are removed. An unreadable folder has
    none.
    """
    folder = folder or recovery_folder()
    found: list[Leftover] = []
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return found
    for key in dict.fromkeys(match[0] for path in paths if (match := OWN.search(path.name))):
        lock = folder / f"{key}.lock"
        said = read_lock(lock)
        if is_held(lock, said):
            continue
        # Only now: a process that ends well removes its session before its lock.
        left = None if said.get("done") is True else _leftover(folder / f"{key}.ganviz", said)
        _sweep([path for path in paths if key in path.name], left)
        if left is not None:
            found.append(left)
    return sorted(found, key=lambda left: left.saved_at, reverse=True)


def claim(left: Path) -> Path | None:
    """Take a session that was left for this process; None if another one was faster, or it cannot be moved.

    It has another path from then on and counts as this process's: should this one end unexpectedly as well, it is found
    again. `Autosaver.adopt` removes it when the session is safe elsewhere.
    """
    said = read_lock(left.with_suffix(".lock"))
    path = left.with_name(f"{uuid.uuid4().hex}.ganviz")
    lock = Lock(path.with_suffix(".lock"))
    try:
        lock.write(title=said.get("title"), step=said.get("step"))
        # Of several processes only one can move it.
        left.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            lock.remove()
        return None
    with contextlib.suppress(OSError):
        left.with_suffix(".lock").unlink(missing_ok=True)
    return path


def discard(left: Path) -> bool:
    """Remove a session that was left; return whether it was there and is gone."""
    path = claim(left)
    if path is None:
        return False
    try:
        path.unlink()
        path.with_suffix(".lock").unlink()
    except OSError:
        return False
    return True


def _leftover(path: Path, said: dict[str, object]) -> Leftover | None:
    try:
        about = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(about.st_mode) or about.st_size == 0:
        return None
    title, step = said.get("title"), said.get("step")
    return Leftover(
        path,
        datetime.fromtimestamp(about.st_mtime),
        " ".join(title.split())[:TITLE] if isinstance(title, str) else "",
        about.st_size,
        step if isinstance(step, int) and 0 <= step < 1 << 63 else 0,
    )


def _sweep(paths: list[Path], left: Leftover | None) -> None:
    """Remove what a dead process has left of one session, but for the session itself and its lock."""
    kept = [] if left is None else [left.path, left.path.with_suffix(".lock")]
    for path in paths:
        if path not in kept and not path.is_dir():
            with contextlib.suppress(OSError):
                path.unlink()
