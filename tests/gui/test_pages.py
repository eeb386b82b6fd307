"""The pages of views beside the stage, and the line of diagnoses, in a window."""

import gc
import threading

import pytest
from driving import SMALL
from PySide6.QtCore import QPoint, QSettings, Qt

from ganviz.experiment import Experiment
from ganviz.gui.app import make_application
from ganviz.gui.findings import Findings
from ganviz.gui.window import Window
from ganviz.metrics.diagnosis import Diagnosis
from ganviz.plots import PAGES, views_for
from ganviz.plots.pages import MOST
from ganviz.run import Need

LINE = {**SMALL, "data.kind": "gaussian", "noise.dimension": 1}
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(qtbot):
    make_application()
    windows = []

    def make(settings):
        window = Window(Experiment.from_mapping(settings))
        windows.append(window)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        qtbot.waitUntil(lambda: window.stage.frame_shown is not None, timeout=10_000)
        return window

    return make


def click_tab(qtbot, window, page):
    tabs = window.stage.tabs
    place = tabs.tabRect(list(PAGES).index(page)).center()
    qtbot.mouseClick(tabs, LEFT, pos=QPoint(place.x(), place.y()))


@pytest.mark.parametrize("settings", [SMALL, LINE], ids=["plane", "line"])
def test_each_page_shows_its_views_with_what_they_need(opened, qtbot, settings):
    window = opened(settings)
    applying = {view.name for view in views_for(window.running)}
    data = applying - {name for page in PAGES.values() for name in page.views}
    assert data
    for name in reversed(PAGES):
        click_tab(qtbot, window, name)
        assert window.stage.page == name
        expected = data | set([view for view in PAGES[name].views if view in applying][:MOST])
        qtbot.waitUntil(
            lambda expected=expected: (
                {key for key, canvas in window.stage.canvases.items() if canvas.isVisible()} == expected
            )
        )
        for view in window.stage.views:
            assert view.needs & ~Need.SPECTRUM in window.stage.needs
            qtbot.waitUntil(lambda view=view: window.stage.canvases[view.name].shown is not None)
            assert window.stage.canvases[view.name].shown.view == view.name


def test_a_page_gets_what_it_shows(opened, qtbot):
    window = opened(SMALL)
    assert window.stage.frame_shown.plan is None
    window.stage.turn_to("optimum")
    qtbot.waitUntil(lambda: window.stage.frame_shown.plan is not None, timeout=10_000)
    qtbot.waitUntil(lambda: window.stage.frame_shown.optimum is not None, timeout=10_000)
    qtbot.waitUntil(lambda: window.stage.frame_shown.spectrum is not None, timeout=20_000)
    window.stage.turn_to("inside")
    qtbot.waitUntil(lambda: window.stage.frame_shown.layers is not None, timeout=10_000)


def test_the_menu_turns_pages_and_the_page_is_remembered(opened, qtbot):
    window = opened(SMALL)
    actions = {action.data(): action for action in window.findChildren(type(window.menus.open_action))}
    actions["quality"].trigger()
    assert window.stage.page == "quality"
    assert QSettings().value("page") == "quality"
    again = opened(SMALL)
    assert again.stage.page == "quality"


def test_floors_come_by_themselves(opened, qtbot):
    window = opened(LINE)
    qtbot.waitUntil(lambda: "w1" in window.stage.frame_shown.floors, timeout=20_000)


# Diagnoses


def found(name="mode_collapse", since=100, good=False):
    return Diagnosis(name, since, f"{name} since step {since}: 2 of 8 modes", (("modes", 2.0),), good)


@pytest.fixture
def findings(qtbot):
    made = Findings()
    qtbot.addWidget(made)
    return made


def test_diagnoses_are_told_until_they_are_dismissed(findings, qtbot):
    assert findings.isHidden()
    findings.show_diagnoses((found(),))
    assert not findings.isHidden()
    assert "2 of 8 modes" in findings.label.text()
    assert "modes 2" in findings.label.toolTip()
    qtbot.mouseClick(findings.button, LEFT)
    assert findings.isHidden()
    findings.show_diagnoses((found(),))
    assert findings.isHidden()
    findings.show_diagnoses((found(), found("oscillation", 300)))
    assert not findings.isHidden()
    findings.show_diagnoses(())
    assert findings.isHidden()


def test_what_comes_back_is_told_again(findings, qtbot):
    findings.show_diagnoses((found(),))
    qtbot.mouseClick(findings.button, LEFT)
    findings.show_diagnoses(())
    findings.show_diagnoses((found(since=500),))
    assert not findings.isHidden()


def test_many_diagnoses_are_counted(findings):
    findings.show_diagnoses(tuple(found(name, place) for place, name in enumerate("abcde")))
    assert "And 2 more" in findings.label.text()
    findings.forget()
    assert findings.isHidden()


def test_good_news_has_another_sign(findings):
    findings.show_diagnoses((found("converged", good=True),))
    assert "✓" in findings.label.text()


def test_a_collapsed_run_says_so_in_the_window(opened, qtbot, monkeypatch):
    window = opened(SMALL)
    measurer = window.trainer._run.measurer
    monkeypatch.setattr(measurer._diagnostician, "observe", lambda *_: (found(),))
    qtbot.waitUntil(lambda: not window.findings.isHidden(), timeout=10_000)
    assert "2 of 8 modes" in window.findings.label.text()
    window.restart()
    qtbot.waitUntil(window.findings.isHidden, timeout=10_000)


def test_garbage_is_collected_on_the_windows_thread_alone(opened, qtbot):
    """A widget in a cycle, deleted by another thread, has been seen to stop the program for ever."""
    window = opened(SMALL)
    assert not gc.isenabled()
    threads = set()

    class Noticed:
        def __del__(self):
            threads.add(threading.current_thread().name)

    for _ in range(gc.get_threshold()[0] + 100):
        one = Noticed()
        one.itself = one
    del one
    qtbot.waitUntil(lambda: bool(threads), timeout=5000)
    assert threads == {threading.main_thread().name}
    window.close()
    # Objects of Qt are still to be deleted: a collection in the middle of that has been seen to stop it, too.
    assert not gc.isenabled()
