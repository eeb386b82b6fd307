"""What importing a part of the package brings along: a script needs no Qt, a listing no compiler."""

import subprocess
import sys

import pytest

WINDOW = {"PySide6", "shiboken6", "pyqtgraph"}
SLOW = {"numba", "llvmlite", "matplotlib", "scipy"}


def loaded_by(code: str) -> set[str]:
    """Run some code in a fresh process; return the packages that are loaded at its end."""
    code += "\nimport sys; print('loaded', *sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    first, *packages = done.stdout.splitlines()[-1].split()
    assert first == "loaded"
    return set(packages)


@pytest.mark.parametrize(
    "module", ["ganviz", "ganviz.run", "ganviz.export", "ganviz.plots", "ganviz.metrics", "ganviz.cli"]
)
def test_only_the_window_loads_qt(module):
    assert not loaded_by(f"import {module}") & WINDOW


@pytest.mark.parametrize(
    "code",
    ["import ganviz.cli", "import ganviz.cli; assert ganviz.cli.main(['presets']) == 0", "import ganviz.experiment"],
    ids=["the command line", "presets", "the experiment"],
)
def test_what_compiles_nothing_loads_neither_compiler_nor_matplotlib(code):
    assert not loaded_by(code) & (SLOW | WINDOW)


def test_the_package_itself_loads_nothing():
    assert not loaded_by("import ganviz") & (SLOW | WINDOW | {"numpy"})


def test_a_window_is_there_before_the_compiler_is_loaded():
    code = (
        "from ganviz.gui.app import make_application\n"
        "from ganviz.gui.window import Window\n"
        "from ganviz.experiment import load\n"
        "app = make_application(); window = Window(load('ring-wgan-clip')); window.show()"
    )
    code = "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n" + code
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys, os; print(*sys.modules, flush=True); os._exit(0)"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert not {name.partition(".")[0] for name in done.stdout.split()} & SLOW
