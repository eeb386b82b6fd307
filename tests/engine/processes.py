"""Other processes with an engine of their own."""

import os
import subprocess
import sys
from pathlib import Path

import ganviz
from ganviz.engine import compiler

ROOT = Path(ganviz.__file__).parents[1]


def run_process(script: str, cache: Path | str, **environment: str) -> str:
    """Run a script that may import the tests' modules; return what it prints.

    Parameters
    ----------
    script : str
    cache : Path or str
        Folder of compiled kernels; a name is one of a folder within this process's own, which lasts as long.
    **environment : str
        Variables that are set besides.
    """
    folder = cache if isinstance(cache, Path) else compiler.cache_folder() / cache
    own = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "GANVIZ_"))}
    paths = f"import sys\nsys.path[:0] = {[str(ROOT), str(Path(__file__).parent)]!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", paths + script],
        env={**own, "NUMBA_CACHE_DIR": str(folder), **environment},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
