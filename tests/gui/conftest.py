"""Windows are tested without a screen unless the environment names one; no test leaves a window or thread behind."""

import gc
import os
import shutil
import threading

import pytest

# pytest-xdist's workers inherit what is set below: the person's own choice is kept beside it.
CHOSEN = os.environ.setdefault("GANVIZ_TESTS_PLATFORM", os.environ.get("QT_QPA_PLATFORM", ""))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# A cleared display variable would stop the program; offscreen windows need none.
# Only where they are asked for: they press keys and move the mouse, on whatever desktop there is.
REAL_WINDOWS = bool(os.environ.get("DISPLAY")) and CHOSEN == "xcb" and shutil.which("xdotool") is not None


def pytest_collection_modifyitems(config, items):
    """Leave out the tests of real windows unless QT_QPA_PLATFORM=xcb asks for them, on a display and with xdotool."""
    if REAL_WINDOWS:
        return
    without = [item for item in items if item.get_closest_marker("window")]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory, monkeypatch):
    """Give each test settings of its own, empty ones, and a folder of its own for what is autosaved."""
    from PySide6.QtCore import QSettings

    folder = str(tmp_path_factory.mktemp("settings"))
    monkeypatch.setenv("XDG_STATE_HOME", folder)
    for form in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(form, QSettings.Scope.UserScope, folder)


@pytest.fixture(autouse=True)
def _unsaved_work_is_given_up(monkeypatch):
    """Answer the question before leaving, which would wait for ever; those that ask about it answer otherwise."""
    from ganviz.gui import keeper

    monkeypatch.setattr(keeper, "ask_to_save", lambda *_: "discard")


@pytest.fixture(scope="package", autouse=True)
def _garbage():
    """Collect garbage between tests alone, where nothing of Qt is being deleted, as the window does."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def _nothing_is_left(_own_settings):
    """Fail a test whose windows or threads outlive it.

    Menus of pyqtgraph's plots have no parent and live until the plots are collected; they do not count.
    """
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication, QMenu

    from ganviz.gui.collector import collect

    def left():
        return [widget for widget in QApplication.topLevelWidgets() if not isinstance(widget, QMenu) and shows(widget)]

    def shows(widget):
        return widget.isVisible() or widget.inherits("QMainWindow") or widget.inherits("QDialog")

    threads = set(threading.enumerate())
    yield
    new_threads = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in new_threads:
        # On a computer that others use, too, a thread may need a moment to end.
        thread.join(5)
    alive = [thread.name for thread in new_threads if thread.is_alive()]
    assert not alive, f"threads are left: {alive}"
    if QApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert not left(), f"windows are left: {left()}"
        collect()


@pytest.fixture(scope="session")
def compiled():
    """Compile what runs need, so that no test waits for it."""
    from ganviz.experiment import Experiment
    from ganviz.run import Run

    Run(Experiment.from_mapping({})).frame()


@pytest.fixture
def a_second():
    """Return the seconds that a second of this computer takes while others use it, too."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
