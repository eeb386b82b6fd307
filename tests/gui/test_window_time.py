"""The window's timeline, branches, lanes, sessions and undo, by the clicks and keys of a person."""

import numpy as np
import pytest
from driving import SMALL, enter
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog

from ganviz.experiment import Experiment, lanes_of
from ganviz.gui import exporting
from ganviz.gui import keeper as keeper_module
from ganviz.gui.app import make_application
from ganviz.gui.window import Window
from ganviz.run import Need, Run

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture
def window(qtbot, monkeypatch):
    make_application()
    asked = []
    monkeypatch.setattr(keeper_module, "ask_to_save", lambda _, what: asked.append(what) or "discard")
    made = Window(Experiment.from_mapping(SMALL))
    made.asked = asked
    qtbot.addWidget(made)
    made.resize(1280, 720)
    made.show()
    qtbot.waitUntil(lambda: shown(made) is not None and shown(made).step > 300, timeout=20_000)
    made.toggle_playing()
    qtbot.waitUntil(lambda: made.status.state_label.text() == "paused", timeout=10_000)
    yield made
    made.close()


def shown(window):
    return window.stage.frame_shown


def at(qtbot, window, step):
    qtbot.waitUntil(lambda: shown(window).step == step and window.timeline.track.step == step, timeout=10_000)


def fakes(step, changes=(), **settings):
    """Return what a run of its own shows at a step."""
    run = Run(Experiment.from_mapping({**SMALL, **settings}))
    for when, path, value in changes:
        run.advance(when - run.step)
        run.change(path, value)
    run.advance(step - run.step)
    return run.frame(Need.SAMPLES).fake


def type_step(qtbot, window, step):
    field = window.timeline.step_field
    field.selectAll()
    qtbot.keyClicks(field, str(step))
    qtbot.keyClick(field, Qt.Key.Key_Return)
    at(qtbot, window, step)


def test_dragging_the_timeline_goes_to_the_step(window, qtbot):
    track, end = window.timeline.track, window.timeline.track.end
    middle = track.height() // 2
    start = QPoint(track.width() - 8, middle)
    qtbot.mousePress(track, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.8, 0.6, 0.4):
        qtbot.mouseMove(track, QPoint(int(track.width() * share), middle))
        qtbot.wait(30)
    qtbot.mouseRelease(track, Qt.MouseButton.LeftButton, pos=QPoint(int(track.width() * 0.4), middle))
    qtbot.waitUntil(lambda: 0.35 * end < shown(window).step < 0.45 * end and shown(window).step == track.step)
    qtbot.wait(300)
    step = track.step
    at(qtbot, window, step)
    assert np.array_equal(shown(window).fake, fakes(step))
    assert shown(window).end == end
    assert window.status.step_label.text() == f"step {step:,}"


def test_keys_go_through_time(window, qtbot):
    type_step(qtbot, window, 100)
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    at(qtbot, window, 99)
    qtbot.keyClick(window, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    at(qtbot, window, 0)
    qtbot.keyClick(window, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    at(qtbot, window, window.timeline.track.end)
    type_step(qtbot, window, 300)
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Space, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: shown(window).step == 0, timeout=20_000)
    qtbot.waitUntil(lambda: window.controls.play_action.text() == "Play")


def test_the_form_shows_the_settings_of_the_step_that_is_shown(window, qtbot):
    end = window.timeline.track.end
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    window.single_step()
    at(qtbot, window, end + 1)
    type_step(qtbot, window, end - 10)
    qtbot.waitUntil(lambda: window.running.optimizer.generator.learning_rate == 2e-4)
    assert window.draft == window.running
    type_step(qtbot, window, end + 1)
    qtbot.waitUntil(lambda: window.draft.optimizer.generator.learning_rate == 0.01)


def test_an_edit_in_the_past_branches(window, qtbot):
    end = window.timeline.track.end
    type_step(qtbot, window, 120)
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    qtbot.waitUntil(lambda: not window.steering.dock.isHidden())
    assert "branches from “main” at step 120" in window.banner.label.text()
    assert window.draft.optimizer.generator.learning_rate == 0.01
    for _ in range(3):
        window.single_step()
    at(qtbot, window, 123)
    assert np.array_equal(shown(window).fake, fakes(123, [(120, "optimizer.generator.learning_rate", 0.01)]))
    tree = window.branches.tree
    main = tree.topLevelItem(0)
    assert (main.text(0), main.text(2), main.child(0).text(0)) == ("main", f"{end:,}", "branch 1")
    main.setCheckState(0, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: len(window.stage.lanes) == 2)
    assert {lane.difference for lane in window.stage.lanes} == {"G Learning rate 0.01", "G Learning rate 0.0002"}
    assert window.stage.lane_stage.isVisible()
    head = window.stage.lane_stage._heads[1]
    qtbot.mouseClick(head.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.stage.lanes) == 1)
    assert not window.stage.lane_stage.isVisible()
    assert window.stage.canvases["plane"].isVisible()


def test_undo_and_redo_of_an_edit(window, qtbot):
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    qtbot.waitUntil(lambda: shown(window).experiment.optimizer.generator.learning_rate == 0.01)
    window.setFocus()
    assert "0.01" in window.editing.undo_actions.undo_action.text()
    window.editing.undo_actions.undo_action.trigger()
    qtbot.waitUntil(lambda: shown(window).experiment.optimizer.generator.learning_rate == 2e-4)
    assert window.draft.optimizer.generator.learning_rate == 2e-4
    window.editing.undo_actions.redo_action.trigger()
    qtbot.waitUntil(lambda: shown(window).experiment.optimizer.generator.learning_rate == 0.01)


def drop(window, path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)


def test_a_session_is_saved_and_opened_again(window, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "a.ganviz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    type_step(qtbot, window, 150)
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: any(mark.kind == "bookmark" for mark in shown(window).marks))
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: "saved" in window.statusBar().currentMessage())
    assert window.asked == []
    window.opening.open_preset("mixture-1d")
    qtbot.waitUntil(lambda: shown(window).experiment.data.kind != "ring", timeout=20_000)
    assert window.asked == []
    drop(window, path)
    qtbot.waitUntil(lambda: shown(window).experiment.data.kind == "ring", timeout=20_000)
    at(qtbot, window, 150)
    assert np.array_equal(shown(window).fake, fakes(150))
    assert any(mark.kind == "bookmark" for mark in shown(window).marks)
    assert window.controls.play_action.text() == "Play"


def test_an_exported_picture_is_a_save_file(window, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    type_step(qtbot, window, 90)
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    window.single_step()
    at(qtbot, window, 91)
    monkeypatch.setattr(exporting, "ask_for_figure", lambda *_: path)
    window.exporting.export(["plane"], "plane")
    before = shown(window).fake.copy()
    window.opening.open_preset("mixture-1d")
    qtbot.waitUntil(lambda: shown(window).experiment.data.kind != "ring", timeout=20_000)
    assert window.asked == ["this session"]
    drop(window, path)
    qtbot.waitUntil(lambda: shown(window).experiment.data.kind == "ring", timeout=20_000)
    at(qtbot, window, 91)
    assert np.array_equal(shown(window).fake, before)


def test_bookmarks_that_are_not_saved_are_asked_for(window, qtbot, monkeypatch):
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: any(mark.kind == "bookmark" for mark in shown(window).marks))
    with monkeypatch.context() as patch:
        patch.setattr(keeper_module, "ask_to_save", lambda *_: "cancel")
        assert not window.close()
    assert window.isVisible()
    assert window.trainer.alive


def test_the_preset_of_two_lanes(window, qtbot):
    window.opening.open_preset("gan-beside-wgan")
    qtbot.waitUntil(lambda: len(window.stage.lanes) == 2, timeout=20_000)
    assert [lane.name for lane in window.stage.lanes] == [name for name, _ in lanes_of("gan-beside-wgan")]
    qtbot.waitUntil(lambda: shown(window).step > 20, timeout=20_000)
    assert len({lane.frame.step for lane in window.stage.lanes}) == 1
    one, other = (lane.frame.real for lane in window.stage.lanes)
    assert np.array_equal(one, other)


def test_the_preset_that_is_a_session(window, qtbot):
    window.opening.open_preset("one-step-before-collapse")
    qtbot.waitUntil(lambda: shown(window).end == 4000, timeout=20_000)
    step = shown(window).step
    assert 2500 <= step < 2520
    assert window.controls.preset_box.currentData() == "one-step-before-collapse"
    qtbot.waitUntil(lambda: "modes" in shown(window).metrics)
    assert shown(window).metrics["modes"] >= 3
    window.single_step()
    at(qtbot, window, step + 1)
    qtbot.waitUntil(lambda: shown(window).metrics_step == step + 1)
    assert shown(window).metrics["modes"] <= 2
