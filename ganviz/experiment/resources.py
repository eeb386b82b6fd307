"""Where the shipped presets and data are: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is such a file; not if the system refuses to look, as for a name that is too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; not if the system refuses to look."""
    try:
        return path.exists()
    except OSError:
        return False


def expand_user(path: str | Path) -> Path:
    """Replace a leading ``~`` or ``~user``; without such a user it is a name like others."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@cache
def resources() -> Path:
    """Return the folder of shipped files."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "resources"
    return installed if installed.is_dir() else package.parent / "resources"
