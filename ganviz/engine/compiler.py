"""How kernels are compiled: without the GIL, never at import, and kept in a cache that an upgrade invalidates."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba import config

from ganviz._version import __version__

# Without "nnan" and "ninf": under full fast-math isfinite is always true and divergence goes unseen (numba#2919).
FASTMATH = {"contract", "reassoc", "nsz", "arcp"}
WITHOUT_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Nobody calls what is inlined from Python, and wrappers take a part of the compile time."""
UNUSED_DAYS = 30

_functions: list[str] = []


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into each kernel that calls it, and nowhere else.

    A function of its own would be a symbol that several compiled kernels share; which of its copies, and so which
    last bits, a run gets would depend on the order in which they were loaded.
    """
    _functions.append(function.__qualname__)
    return numba.njit(
        nogil=True, error_model="numpy", fastmath=FASTMATH, forceinline=True, **WITHOUT_WRAPPERS
    )(function)  # fmt: skip


def strict(function: Callable[..., Any]) -> Any:
    """Inline like `inlined`, but keep every rounding as it is written.

    A constant in a high and a low part, for one, is of no use to a compiler that may reassociate. Sums of products
    are fused where they are written so and nowhere else, so a number has the same bits in every lane of a vector.
    """
    _functions.append(function.__qualname__)
    # What is not said here would be taken from the function that is compiled around this one.
    return numba.njit(
        nogil=True, error_model="numpy", fastmath=False, forceinline=True, **WITHOUT_WRAPPERS
    )(function)  # fmt: skip


def spliced(function: Callable[..., Any]) -> Any:
    """Make the lines of a function part of those that call it, before anything is compiled.

    For long functions with a single caller: compiled by themselves first, as `inlined` ones are, they would cost most
    of the compile time.
    """
    return numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH, inline="always")(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call for each precision, without the GIL, and keep the result on disk."""
    before: str = getattr(config, "CACHE_DIR", "")
    # Numba settles the place when it decorates. It is set for that moment only, so that other users of Numba in
    # this process keep theirs.
    setattr(config, "CACHE_DIR", str(cache_folder()))  # noqa: B010
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FASTMATH)(function)
    finally:
        setattr(config, "CACHE_DIR", before)  # noqa: B010


def function_count() -> int:
    """Return how many functions are compiled into the kernels."""
    return len(_functions)


def cache_folder() -> Path:
    """Return the folder of compiled kernels, named by version and content of the package's sources.

    Numba looks at the date of the file that holds a kernel, not at those of the kernels that it calls (numba#1833),
    so every edit must lead to a fresh folder. It lies in NUMBA_CACHE_DIR where that is set, else in the user's cache.
    Where that cannot be written, a folder that lasts as long as the temporary ones serves instead.
    """
    return _place()[0]


def cache_note() -> str:
    """Return a sentence about compiled kernels that lie elsewhere than they should; empty if they do not."""
    return _place()[1]


@cache
def _place() -> tuple[Path, str]:
    # Whether products are ordinary loops is settled when the engine is imported; see `ganviz.engine.simd`.
    name = f"{__version__}-{_digest()}" + ("-plain" if os.environ.get("GANVIZ_PLAIN") else "")
    given: str = getattr(config, "CACHE_DIR", "")
    wanted = (
        Path(given).absolute() if given else Path(platformdirs.user_cache_dir("ganviz", appauthor=False), "kernels")
    )
    folder = wanted / name
    try:
        _make_writable(folder)
    except OSError as error:
        spare = _temporary() / "kernels" / name
        spare.mkdir(parents=True, exist_ok=True)
        why = error.strerror or error
        return spare, f"{wanted} cannot be written ({why}): the compiled engine is kept in {spare} for the time being."
    if not given:
        _forget_old(folder)
    return folder, ""


def _make_writable(folder: Path) -> None:
    """Make a folder; raise an OSError if nothing can be written into it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _temporary() -> Path:
    """Return a folder for temporary files that nobody else can write: what lies in it is run as code."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"ganviz-{user}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700 and status.st_uid == user
        # Windows has no such modes; its temporary folder is the user's own.
        if private or os.name == "nt":
            return folder
    return Path(tempfile.mkdtemp(prefix="ganviz-"))


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old(current: Path) -> None:
    """Remove folders of other versions that were not used for a month; another start may be doing the same."""
    limit = time.time() - UNUSED_DAYS * 86_400
    with contextlib.suppress(OSError):
        os.utime(current)
        for folder in current.parent.iterdir():
            with contextlib.suppress(OSError):
                if folder != current and folder.is_dir() and folder.stat().st_mtime < limit:
                    shutil.rmtree(folder, ignore_errors=True)
