"""Nothing is lost without a question: saving, leaving and recovering, through the window."""

import time
from datetime import datetime
from pathlib import Path

import pytest
from driving import SMALL, enter
from PySide6.QtCore import Qt

from ganviz.experiment import Experiment
from ganviz.gui import keeper as keeper_module
from ganviz.gui.app import make_application
from ganviz.gui.recovery import Leftover
from ganviz.gui.window import Window
from ganviz.run import Run, Session, session_file
from ganviz.run.observer import Observer

pytestmark = pytest.mark.usefixtures("compiled")

CONTROL = Qt.KeyboardModifier.ControlModifier


class Answers:
    """What the person answers, and what they were asked."""

    def __init__(self):
        self.answer, self.path, self.asked = "cancel", None, []

    def about_saving(self, _, what):
        self.asked.append(what)
        return self.answer

    def about_the_file(self, *_):
        return self.path


@pytest.fixture
def answers(monkeypatch, tmp_path):
    made = Answers()
    made.path = tmp_path / "kept.ganviz"
    monkeypatch.setattr(keeper_module, "ask_to_save", made.about_saving)
    monkeypatch.setattr(keeper_module, "ask_for_session", made.about_the_file)
    return made


@pytest.fixture
def window(qtbot, answers):
    make_application()
    made = Window(Experiment.from_mapping(SMALL))
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: shown(made) is not None and shown(made).step > 20, timeout=20_000)
    made.toggle_playing()
    paused(qtbot, made)
    yield made
    answers.answer = "discard"
    made.close()


def shown(window):
    return window.stage.frame_shown


def paused(qtbot, window):
    qtbot.waitUntil(lambda: window.status.state_label.text() == "paused", timeout=10_000)


def bookmark(qtbot, window):
    before, step = len(marks(window)), shown(window).step
    qtbot.keyClick(window, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: shown(window).step == step + 1)
    qtbot.keyClick(window, Qt.Key.Key_B, CONTROL)
    qtbot.waitUntil(lambda: len(marks(window)) > before)


def marks(window):
    return [mark for mark in shown(window).marks if mark.kind == "bookmark"]


def branched(qtbot, window, count):
    qtbot.waitUntil(lambda: len(window._latest.branches) == count, timeout=10_000)


def a_session(path, **settings):
    session = Session(Run(Experiment.from_mapping({**SMALL, **settings})))
    session.current.run.advance(40)
    session.save(path)
    return path


def test_save_before_leaving_is_leaving(window, qtbot, answers, tmp_path):
    answers.answer = "save"
    for round_ in range(6):
        answers.path = tmp_path / f"{round_}.ganviz"
        bookmark(qtbot, window)
        window.keeper.file = None
        began = time.perf_counter()
        assert window.keeper.may_leave()
        assert time.perf_counter() - began < 5
        assert len(Session.open(answers.path).bookmarks) == round_ + 1
        assert window.keeper.may_leave()
        assert len(answers.asked) == round_ + 1


@pytest.mark.parametrize("saved", [False, True])
def test_a_change_while_it_trains_is_asked_for(window, qtbot, answers, saved):
    if saved:
        qtbot.keyClick(window, Qt.Key.Key_S, CONTROL)
        qtbot.waitUntil(answers.path.exists)
        qtbot.waitUntil(lambda: window.keeper.name == "kept.ganviz")
    assert window.keeper.may_leave()
    assert answers.asked == []
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    assert not window.close()
    assert answers.asked == ["the session “kept.ganviz”" if saved else "this session"]
    # The window and its training go on.
    first = shown(window).step
    window.toggle_playing()
    qtbot.waitUntil(lambda: shown(window).step > first + 5)


def test_further_steps_of_a_file_are_asked_for(window, qtbot, answers, tmp_path):
    window.open_path(a_session(tmp_path / "a.ganviz"))
    qtbot.waitUntil(lambda: window.keeper.name == "a.ganviz")
    assert window.keeper.may_leave()
    window.single_step()
    qtbot.waitUntil(lambda: shown(window).step == 41)
    assert not window.keeper.may_leave()


def test_a_reset_asks_for_what_is_not_in_the_form(window, qtbot, answers):
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    qtbot.keyClick(window, Qt.Key.Key_R, CONTROL)
    qtbot.waitUntil(lambda: shown(window).step == 0)
    assert answers.asked == []
    bookmark(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_R, CONTROL)
    assert answers.asked == ["this session"]
    assert marks(window)


def test_an_order_on_its_way_is_asked_for(window, qtbot, answers):
    qtbot.keyClick(window, Qt.Key.Key_B, CONTROL)
    assert not window.close()
    assert answers.asked == ["this session"]


def test_bookmarks_of_a_branch_that_is_not_shown_are_asked_for(window, qtbot, answers):
    qtbot.keyClick(window, Qt.Key.Key_D, CONTROL)
    branched(qtbot, window, 2)
    qtbot.keyClick(window, Qt.Key.Key_S, CONTROL)
    qtbot.waitUntil(lambda: window.keeper.name == "kept.ganviz")
    assert window.keeper.may_leave()
    bookmark(qtbot, window)
    window.trainer.show_branches([0])
    qtbot.waitUntil(lambda: [lane.branch for lane in window._latest.lanes] == [0])
    assert marks(window) == []
    assert not window.keeper.may_leave()
    # Looking at another branch alone changes nothing that could be lost.
    answers.answer = "save"
    assert window.keeper.may_leave()
    window.trainer.show_branches([1])
    qtbot.waitUntil(lambda: [lane.branch for lane in window._latest.lanes] == [1])
    answers.asked.clear()
    assert window.keeper.may_leave()
    assert answers.asked == []


def test_what_is_written_late_belongs_to_the_session_that_it_is_of(window, qtbot, answers, monkeypatch):
    write = session_file.write_session

    def slowly(path, state):
        time.sleep(0.4)
        write(path, state)

    monkeypatch.setattr(session_file, "write_session", slowly)
    bookmark(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_S, CONTROL)
    window.trainer.restart(Experiment.from_mapping({**SMALL, "seed": 8}), playing=False)
    qtbot.waitUntil(lambda: shown(window).experiment.seed == 8)
    qtbot.waitUntil(lambda: "saved" in window.statusBar().currentMessage(), timeout=10_000)
    assert window.keeper.file is None
    assert Session.open(answers.path).current.run.experiment.seed == 0


def test_a_file_that_cannot_be_opened_leaves_all_as_it_was(window, qtbot, answers, tmp_path):
    window.open_path(a_session(tmp_path / "a.ganviz"))
    qtbot.waitUntil(lambda: window.keeper.name == "a.ganviz")
    bookmark(qtbot, window)
    answers.answer = "save"
    answers.path = tmp_path / "b.ganviz"
    window.keeper.save_as()
    qtbot.waitUntil(lambda: window.keeper.name == "b.ganviz")
    enter(qtbot, window, "seed", "7")
    bookmark_count = len(marks(window))
    bookmark(qtbot, window)
    answers.answer = "discard"
    (tmp_path / "bad.ganviz").write_bytes(b"nonsense")
    window.open_path(tmp_path / "bad.ganviz")
    qtbot.waitUntil(lambda: "bad.ganviz" in window.banner.label.text())
    qtbot.waitUntil(lambda: window._latest.run == window._wanted)
    assert window.keeper.name == "b.ganviz"
    assert len(marks(window)) == bookmark_count + 1
    assert window.draft.seed == 7 and window.restart_button.isVisibleTo(window)
    assert window.editing.undo_actions.undo_action.isEnabled()
    answers.answer = "cancel"
    assert not window.keeper.may_leave()


def test_a_full_disk_keeps_the_window_open(window, qtbot, answers, monkeypatch):
    def full(path, _):
        raise OSError(f"{path}: the session cannot be saved: No space left on device")

    told = []
    window.keeper.refused.connect(told.append)
    monkeypatch.setattr(session_file, "write_session", full)
    bookmark(qtbot, window)
    answers.answer = "save"
    assert not window.close()
    qtbot.keyClick(window, Qt.Key.Key_S, CONTROL)
    assert not window.close()
    assert all("No space left" in sentence for sentence in told)
    assert len(told) == 2
    assert window.trainer.alive and marks(window)


def test_what_fails_beside_the_training_loses_nothing(window, qtbot, answers, monkeypatch, capsys):
    bookmark(qtbot, window)

    def fail(*_):
        raise RuntimeError("no picture today")

    with monkeypatch.context() as patch:
        patch.setattr(Observer, "frame", fail)
        window.single_step()
        qtbot.waitUntil(lambda: "no picture today" in window.banner.label.text())
        answers.answer = "save"
        assert window.keeper.may_leave()
    assert len(Session.open(answers.path).bookmarks) == 1
    first = shown(window).step
    window.toggle_playing()
    qtbot.waitUntil(lambda: shown(window).step > first + 5)
    assert len(marks(window)) == 1
    capsys.readouterr()


def test_a_recovered_session_is_asked_for(window, qtbot, answers, tmp_path, monkeypatch):
    path = a_session(tmp_path / ("a" * 32 + ".ganviz"), seed=5)
    left = Leftover(path, datetime.now(), "", path.stat().st_size, 40)
    monkeypatch.setattr(keeper_module, "claim", lambda wanted: wanted)
    bar = window.keeper.bar
    bar.show_leftovers([left])
    bookmark(qtbot, window)
    qtbot.mouseClick(bar.recover_button, Qt.MouseButton.LeftButton)
    # The person would rather keep what there is: the offer stands.
    assert bar.asked is left
    assert shown(window).experiment.seed == 0
    answers.answer = "discard"
    qtbot.mouseClick(bar.recover_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(window).experiment.seed == 5)
    assert bar.isHidden()
    answers.answer = "cancel"
    answers.asked.clear()
    for leave in (window.keeper.may_leave, window.close):
        assert not leave()
    qtbot.keyClick(window, Qt.Key.Key_R, CONTROL)
    assert len(answers.asked) == 3
    assert path.exists()
    answers.answer = "save"
    assert window.keeper.may_leave()
    assert Path(answers.path).exists()
