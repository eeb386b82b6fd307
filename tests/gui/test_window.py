import gc
import struct
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from driving import SMALL, enter
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QInputDialog,
    QMessageBox,
    QToolBar,
)

from ganviz.engine import warmup
from ganviz.experiment import Experiment, load, presets
from ganviz.experiment.sections import OBJECTIVES
from ganviz.gui.app import make_application
from ganviz.gui.trainer import Status
from ganviz.gui.window import Window
from ganviz.plots import DARK, LIGHT, PAGES, views_for
from ganviz.run import Observer, Run, TrainingDiverged

pytestmark = pytest.mark.usefixtures("compiled")

LINE = {**SMALL, "data.kind": "gaussian", "noise.dimension": 1}
DIVERGING = {
    "generator.hidden": [],
    "discriminator.hidden": [],
    "objective.kind": "wasserstein",
    "optimizer.generator.kind": "sgd",
    "optimizer.discriminator.kind": "sgd",
    "optimizer.generator.learning_rate": 10.0,
    "optimizer.discriminator.learning_rate": 10.0,
}
DIVERGING_DEEP = {**DIVERGING, **SMALL, "schedule.discriminator_steps": 2}
FILE = {**SMALL, "data.kind": "file", "data.path": "faithful.csv"}
LEFT = Qt.MouseButton.LeftButton


def with_infinite_samples(setup):
    """Return the setup with a seed with which the samples are infinite at the last finite step."""
    for seed in range(20):
        run = Run(Experiment.from_mapping({**setup, "seed": seed}))
        with pytest.raises(TrainingDiverged):
            run.advance(1000)
        if not np.isfinite(run.frame().fake).all():
            return {**setup, "seed": seed}
    pytest.fail("no seed gives infinite samples")


@pytest.fixture
def opened(qtbot):
    """Open a window on settings, or on an experiment."""
    make_application()
    # pytest-qt refers to widgets weakly; a window that is dropped is not closed.
    windows = []

    def make(given=SMALL, name="", training=True):
        experiment = given if isinstance(given, Experiment) else Experiment.from_mapping(given)
        window = Window(experiment, name)
        windows.append(window)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        if training:
            trains(qtbot, window)
        return window

    make.windows = windows
    return make


def step(window):
    return -1 if window.stage.frame_shown is None else window.stage.frame_shown.step


def trains(qtbot, window, more=1):
    """Wait until some more steps are shown."""
    start = max(0, step(window))
    qtbot.waitUntil(lambda: step(window) >= start + more, timeout=10_000)


def stands(qtbot, window):
    """Wait until the window shows a paused run; return its step."""
    qtbot.waitUntil(lambda: window.status.state_label.text() != "", timeout=10_000)
    before = step(window)
    qtbot.wait(120)
    assert step(window) == before
    return before


def started_anew(qtbot, window, run):
    """Wait until a frame of the given run is shown."""
    qtbot.waitUntil(lambda: window._session == run and window._latest.frame is not None, timeout=10_000)


def button(window, action):
    return window.findChild(QToolBar, "training").widgetForAction(action)


def click(qtbot, window, action):
    qtbot.mouseClick(button(window, action), LEFT)


def choose(qtbot, box, row):
    """Open a combo box with the mouse, at its arrow, and choose a row with the keyboard."""
    qtbot.mouseClick(box, LEFT, pos=QPoint(box.width() - 8, box.height() // 2))
    qtbot.waitUntil(box.view().isVisible)
    box.view().setCurrentIndex(box.model().index(row, 0))
    qtbot.keyClick(box.view(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not box.view().isVisible())


def pick(qtbot, window, path, value):
    """Choose a value in a combo box of the form."""
    box = window.form.field(path).box
    window.form.ensureWidgetVisible(box)
    choose(qtbot, box, box.findData(value))


def refusal(qtbot, window):
    """Wait for the box with a sentence, dismiss it with the mouse, and return the sentence."""
    boxes = []

    def shown():
        boxes[:] = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
        return bool(boxes)

    qtbot.waitUntil(shown)
    assert len(boxes) == 1
    sentence = boxes[0].text()
    qtbot.mouseClick(boxes[0].button(QMessageBox.StandardButton.Ok), LEFT)
    qtbot.waitUntil(lambda: not [box for box in window.findChildren(QMessageBox) if box.isVisible()])
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def drop(window, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, buttons, keys = QPointF(400, 300), LEFT, Qt.KeyboardModifier.NoModifier
    enters = QDragEnterEvent(where.toPoint(), Qt.DropAction.CopyAction, mime, buttons, keys)
    QApplication.sendEvent(window, enters)
    assert enters.isAccepted()
    QApplication.sendEvent(window, QDropEvent(where, Qt.DropAction.CopyAction, mime, buttons, keys))


# Opening, training, stopping


@pytest.mark.parametrize("setup", [SMALL, LINE, FILE], ids=["plane", "line", "file"])
def test_it_opens_and_trains(opened, qtbot, setup):
    window = opened(setup)
    assert window.windowTitle() == "ganviz"
    assert window.running == Experiment.from_mapping(setup)
    trains(qtbot, window, 50)
    assert window.status.step_label.text() == f"step {step(window):,}"
    assert window.status.state_label.text() == ""
    qtbot.waitUntil(lambda: "steps/s" in window.status.speed_label.text(), timeout=5000)
    visible = {name for name, canvas in window.stage.canvases.items() if canvas.isVisible()}
    assert visible == {view.name for view in window.stage.views}
    applying = {view.name for view in views_for(window.running)}
    assert [name for name in PAGES["overview"].views if name in applying][:4] == [
        view.name for view in window.stage.views if view.name in PAGES["overview"].views
    ]
    assert visible < applying
    for name in visible:
        assert window.stage.canvases[name].shown.view == name
    assert not window.banner.isVisible()
    assert not window.restart_button.isVisible()


def test_what_is_shown_is_what_a_run_without_a_window_gives(opened, qtbot):
    window = opened({**SMALL, "seed": 11})
    trains(qtbot, window, 30)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    at = stands(qtbot, window)
    headless = Run(Experiment.from_mapping({**SMALL, "seed": 11}))
    headless.advance(at)
    assert np.array_equal(headless.frame().fake, window.stage.frame_shown.fake)
    layers = {layer.name: layer for layer in window.stage.canvases["plane"].shown.layers}
    assert np.array_equal(layers["fake"].xy, headless.frame().fake)


def test_pause_step_and_reset_by_mouse(opened, qtbot):
    window = opened()
    assert window.controls.play_action.text() == "Pause"
    click(qtbot, window, window.controls.play_action)
    at = stands(qtbot, window)
    assert window.controls.play_action.text() == "Play"
    assert window.status.state_label.text() == "paused"
    for more in range(1, 4):
        click(qtbot, window, window.controls.step_action)
        qtbot.waitUntil(lambda more=more: step(window) == at + more)
    assert stands(qtbot, window) == at + 3
    click(qtbot, window, window.controls.play_action)
    assert window.controls.play_action.text() == "Pause"
    trains(qtbot, window, 20)
    before = step(window)
    click(qtbot, window, window.controls.step_action)
    assert stands(qtbot, window) > before
    assert window.controls.play_action.text() == "Play"
    click(qtbot, window, window.controls.reset_action)
    started_anew(qtbot, window, 2)
    # A paused training stays paused, so that its beginning can be shown.
    assert stands(qtbot, window) == 0
    assert window.controls.play_action.text() == "Play"
    click(qtbot, window, window.controls.play_action)
    trains(qtbot, window, 5)


def test_pause_step_and_reset_by_keys(opened, qtbot):
    window = opened()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    at = stands(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: step(window) == at + 1)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    trains(qtbot, window, 10)
    before = step(window)
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    started_anew(qtbot, window, 2)
    assert step(window) < before + 1000
    trains(qtbot, window, 5)


def test_typing_a_space_or_an_arrow_into_a_field_does_not_pause(opened, qtbot):
    window = opened()
    edit = window.form.field("schedule.batch").edit
    edit.setFocus()
    qtbot.keyClick(edit, Qt.Key.Key_Space)
    qtbot.keyClick(edit, Qt.Key.Key_Right)
    assert window.controls.play_action.text() == "Pause"
    edit.undo()
    slider = window.form.field("optimizer.generator.learning_rate").slider
    window.form.ensureWidgetVisible(slider)
    slider.setFocus()
    tick = slider.value()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == tick + 1
    assert window.controls.play_action.text() == "Pause"
    trains(qtbot, window, 5)


def test_the_speed(opened, qtbot):
    window = opened()
    rows = {window.controls.speed_box.itemData(row): row for row in range(window.controls.speed_box.count())}
    choose(qtbot, window.controls.speed_box, rows[10.0])
    qtbot.wait(300)
    before, began = step(window), time.perf_counter()
    qtbot.wait(1200)
    assert step(window) - before <= 12 * (time.perf_counter() - began) + 3
    assert step(window) > before
    choose(qtbot, window.controls.speed_box, rows[None])
    trains(qtbot, window, 200)


@pytest.mark.parametrize("setup", [SMALL, {**SMALL, "schedule.batch": 2048, "schedule.discriminator_steps": 20}])
def test_closing_ends_the_thread_within_a_second(opened, a_second, setup):
    window = opened(setup)
    began = time.perf_counter()
    window.close()
    assert time.perf_counter() - began < a_second
    assert not window.trainer.alive


def test_closing_before_the_first_step(opened, a_second):
    window = opened(training=False)
    began = time.perf_counter()
    window.close()
    assert time.perf_counter() - began < a_second
    assert not window.trainer.alive


def test_closing_in_the_middle_of_a_compilation(opened, qtbot, a_second, monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 1 4\nexec sleep 63.5\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(warmup, "is_ready", lambda bits: False)
    window = opened(training=False)
    qtbot.waitUntil(lambda: window.banner.bar.value() == 25)
    assert window.banner.shows_progress
    assert "ompiling" in window.banner.label.text()
    began = time.perf_counter()
    window.close()
    assert time.perf_counter() - began < a_second
    assert not window.trainer.alive


def test_the_end_of_a_compilation_clears_the_banner(opened, qtbot, monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 1 4\nsleep 0.3\necho 4 4\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(warmup, "is_ready", lambda bits: False)
    window = opened(training=False)
    qtbot.waitUntil(lambda: window.banner.shows_progress)
    trains(qtbot, window, 5)
    assert not window.banner.isVisible()


def test_windows_leave_nothing_behind(opened):
    counts = []
    for _ in range(3):
        opened().close()
        opened.windows.pop().deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
        counts.append(len(QApplication.allWidgets()))
    assert counts[2] <= counts[1]


# Settings of the person


def test_a_live_edit_reaches_the_run(opened, qtbot):
    window = opened()
    slider = window.form.field("optimizer.generator.learning_rate").slider
    window.form.ensureWidgetVisible(slider)
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert window.draft.optimizer.generator.learning_rate == 0
    assert window.running.optimizer.generator.learning_rate == 0
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment.optimizer.generator.learning_rate == 0)
    frozen = window.stage.frame_shown
    trains(qtbot, window, 30)
    assert np.array_equal(window.stage.frame_shown.fake, frozen.fake)
    assert not window.restart_button.isVisible()
    log = window.trainer._run.log
    assert [(change.path, change.before, change.after) for change in log] == [
        ("optimizer.generator.learning_rate", 2e-4, 0.0)
    ]
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    qtbot.waitUntil(lambda: not np.array_equal(window.stage.frame_shown.fake, frozen.fake))


def test_dragging_a_slider_with_the_mouse(opened, qtbot):
    window = opened()
    field = window.form.field("schedule.batch")
    window.form.ensureWidgetVisible(field)
    middle = field.slider.rect().center()
    qtbot.mouseClick(field.slider, LEFT, pos=middle)
    assert window.draft.schedule.batch != 16
    batch = window.draft.schedule.batch
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment.schedule.batch == batch)
    assert field.edit.text() == str(batch)
    trains(qtbot, window, 3)


def test_a_change_of_the_objective_changes_the_views_at_once(opened, qtbot):
    window = opened()
    window.stage.turn_to("training")
    qtbot.waitUntil(lambda: window.stage.canvases["scores"].shown is not None)
    assert any("D(x)" in layer.label for layer in window.stage.canvases["scores"].shown.layers)
    pick(qtbot, window, "objective.kind", "wasserstein")
    enter(qtbot, window, "discriminator.clip", "0.05")
    qtbot.waitUntil(window.stage.canvases["clipping"].isVisible)
    qtbot.waitUntil(lambda: window.stage.frame_shown.metrics.get("clip_fraction", 0) > 0)
    assert window.stage.canvases["scores"].shown.title == "Critic"
    assert window._session == 1


def test_an_edit_that_needs_a_restart_waits_for_it(opened, qtbot):
    window = opened()
    window.form.groups["generator"].button.click()
    enter(qtbot, window, "generator.hidden", "4")
    assert window.restart_button.isVisible()
    assert window.restart_button.text() == "Restart with 1 change"
    assert window.form.field("generator.hidden")._label.property("pending")
    trains(qtbot, window, 5)
    assert window.stage.frame_shown.experiment.generator.hidden == (16, 8)
    assert window.running.generator.hidden == (16, 8)
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.005")
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment.optimizer.generator.learning_rate == 0.005)
    assert window.restart_button.text() == "Restart with 1 change"
    window.form.groups["run"].button.click()
    enter(qtbot, window, "seed", "5")
    assert window.restart_button.text() == "Restart with 2 changes"
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 2)
    experiment = window.stage.frame_shown.experiment
    assert experiment.generator.hidden == (4,)
    assert experiment.seed == 5
    assert experiment.optimizer.generator.learning_rate == 0.005
    assert experiment.discriminator.hidden == (8,)
    assert not window.restart_button.isVisible()
    assert not window.form.field("generator.hidden")._label.property("pending")
    trains(qtbot, window, 5)


def test_discarding(opened, qtbot):
    window = opened()
    window.form.groups["run"].button.click()
    enter(qtbot, window, "seed", "5")
    qtbot.mouseClick(window.discard_button, LEFT)
    assert not window.restart_button.isVisible()
    assert not window.discard_button.isVisible()
    assert window.draft == window.running
    assert window.form.field("seed").edit.text() == "0"


def test_reset_keeps_all_settings(opened, qtbot):
    window = opened()
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.003")
    enter(qtbot, window, "data.radius", "2")
    window.form.groups["run"].button.click()
    enter(qtbot, window, "seed", "9")
    trains(qtbot, window, 5)
    click(qtbot, window, window.controls.reset_action)
    started_anew(qtbot, window, 2)
    experiment = window.stage.frame_shown.experiment
    assert (experiment.optimizer.generator.learning_rate, experiment.data.radius, experiment.seed) == (0.003, 2.0, 9)
    assert np.linalg.norm(window.stage.frame_shown.real, axis=1).mean() == pytest.approx(2, abs=0.05)


def test_an_edit_that_is_no_value_is_explained_and_taken_back(opened, qtbot):
    window = opened()
    enter(qtbot, window, "schedule.batch", "nothing")
    assert "schedule.batch" in refusal(qtbot, window)
    assert window.form.field("schedule.batch").edit.text() == "16"
    # Allowed by itself, but not beside the other values.
    window.editing.draft = window.draft.replace({"data.kind": "uniform"})
    window.editing.show_draft()
    enter(qtbot, window, "data.low", "3")
    assert "data.low = 3" in refusal(qtbot, window)
    assert window.form.field("data.low").edit.text() == "-1"
    trains(qtbot, window, 5)


def test_a_combination_that_is_refused_says_why_and_where(opened, qtbot):
    window = opened({**SMALL, "discriminator.clip": 0.05})
    before = window.draft
    group = window.form.groups["discriminator"]
    group.button.click()
    spectral = window.form.field("discriminator.spectral_norm").box
    window.form.ensureWidgetVisible(spectral)
    window.form.groups["objective"].button.click()
    assert not window.form.field("discriminator.clip").isVisible()
    qtbot.mouseClick(spectral, LEFT, pos=QPoint(8, spectral.height() // 2))
    box = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    assert box.informativeText() == "In the form: Objective › Clip."
    sentence = refusal(qtbot, window)
    assert sentence.startswith("discriminator.spectral_norm = true is not allowed with discriminator.clip = 0.05")
    assert window.draft == window.running == before
    assert not spectral.isChecked()
    assert not window.restart_button.isVisible()
    # What stands in the way is there to be set; then the other can be chosen.
    assert window.form.field("discriminator.clip").isVisible()
    enter(qtbot, window, "discriminator.clip", "0")
    window.form.ensureWidgetVisible(spectral)
    qtbot.mouseClick(spectral, LEFT, pos=QPoint(8, spectral.height() // 2))
    assert window.draft.discriminator.spectral_norm
    assert window.restart_button.text() == "Restart with 1 change"
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 2)
    assert window.stage.frame_shown.experiment.discriminator.spectral_norm
    trains(qtbot, window, 3)


def test_a_refusal_of_a_file_does_not_move_the_form(opened, qtbot, tmp_path):
    window = opened()
    window.form.groups["schedule"].button.click()
    path = tmp_path / "own.toml"
    path.write_text("[schedule]\nbatch = -3\n")
    drop(window, path)
    assert "schedule.batch = -3" in refusal(qtbot, window)
    assert not window.form.field("schedule.batch").isVisible()


def test_both_players_take_extragradient_and_leave_it_together(opened, qtbot):
    window = opened({**SMALL, "schedule.discriminator_steps": 2, "schedule.unroll": 0})
    pick(qtbot, window, "optimizer.generator.kind", "extragradient")
    for path, value in (
        ("optimizer.discriminator.kind", "extragradient"),
        ("schedule.updates", "simultaneous"),
        ("schedule.discriminator_steps", 1),
    ):
        assert window.draft[path] == window.running[path] == window.form.field(path).value == value
    assert window.banner.isVisible()
    assert window.banner.label.text() == (
        "Changed along with it: Discriminator's optimizer › Optimizer: extragradient, "
        "Schedule › Updates: simultaneous, Schedule › Discriminator steps: 1."
    )
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment == window.running)
    log = window.trainer._run.log
    assert {change.path for change in log} == {
        "optimizer.generator.kind",
        "optimizer.discriminator.kind",
        "schedule.updates",
        "schedule.discriminator_steps",
    }
    assert len({change.step for change in log}) == 1
    trains(qtbot, window, 10)
    # A part of it alone is refused, and stays as it was.
    enter(qtbot, window, "schedule.discriminator_steps", "3")
    assert "extragradient" in refusal(qtbot, window)
    assert window.form.field("schedule.discriminator_steps").edit.text() == "1"
    pick(qtbot, window, "optimizer.discriminator.kind", "adam")
    assert window.draft.optimizer.generator.kind == "adam"
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment.optimizer.generator.kind == "adam")
    assert window.stage.frame_shown.experiment == window.running == window.draft
    trains(qtbot, window, 10)
    assert window._session == 1
    assert not window.restart_button.isVisible()


def test_defaults_that_depend_on_the_optimizer_reach_the_run_with_it(opened, qtbot):
    window = opened({**SMALL, "optimizer.generator.kind": "rmsprop"})
    pick(qtbot, window, "optimizer.generator.kind", "rmsprop-tf1")
    assert window.form.field("optimizer.generator.decay").edit.text() == "0.9"
    assert "default 0.9;" in window.form.field("optimizer.generator.decay").toolTip()
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment.optimizer.generator.kind == "rmsprop-tf1")
    assert window.stage.frame_shown.experiment == window.running == window.draft
    log = {change.path: change.after for change in window.trainer._run.log}
    assert log["optimizer.generator.decay"] == 0.9
    assert log["optimizer.generator.epsilon"] == 1e-10


@pytest.mark.parametrize(
    ("group", "path", "value"),
    [
        ("discriminator", "discriminator.packing", 2),
        ("generator", "generator.normalization", "batch"),
        ("noise", "noise.size", 100),
        ("data", "data.size", 1000),
    ],
)
def test_what_shapes_the_game_waits_for_a_restart(opened, qtbot, group, path, value):
    window = opened()
    window.form.groups[group].button.setChecked(True)
    if isinstance(value, str):
        pick(qtbot, window, path, value)
    else:
        enter(qtbot, window, path, str(value))
    assert window.restart_button.text() == "Restart with 1 change"
    assert window.draft[path] == value != window.running[path]
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 2)
    assert window.stage.frame_shown.experiment[path] == value
    trains(qtbot, window, 3)


def test_penalty_noise_and_average_act_at_once(opened, qtbot):
    window = opened()
    pick(qtbot, window, "penalty.kind", "gradient")
    enter(qtbot, window, "penalty.target", "0.5")
    window.form.groups["noise"].button.click()
    pick(qtbot, window, "noise.kind", "uniform")
    window.form.groups["generator"].button.click()
    enter(qtbot, window, "generator.ema", "0.99")
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment == window.running == window.draft)
    assert not window.restart_button.isVisible()
    assert window.running.penalty.target == 0.5
    frame = window.stage.frame_shown
    assert frame.average.shape == frame.fake.shape
    assert "averaged fake" in [layer.label for layer in window.stage.canvases["plane"].shown.layers]
    trains(qtbot, window, 5)
    assert window._session == 1


@pytest.mark.parametrize("setup", [SMALL, LINE], ids=["plane", "line"])
def test_every_objective_in_turn(opened, qtbot, setup):
    window = opened(setup)
    for kind in OBJECTIVES:
        pick(qtbot, window, "objective.kind", kind)
        qtbot.waitUntil(lambda kind=kind: window.stage.frame_shown.experiment.objective.kind == kind)
        trains(qtbot, window, 3)
        visible = {row.path for row in map(lambda field: field.row, window.form._fields.values())} - {
            field.row.path for field in window.form._fields.values() if field.isHidden()
        }
        assert ("objective.real_label" in visible) == (kind in ("minimax", "non-saturating", "least-squares"))
        assert ("objective.generator_alpha" in visible) == (kind == "alpha")
    assert window._session == 1
    assert not window.restart_button.isVisible()


# Data


def test_from_the_plane_to_the_line_and_back(opened, qtbot):
    window = opened()
    pick(qtbot, window, "data.kind", "gaussian")
    assert window.restart_button.isVisible()
    trains(qtbot, window, 3)
    assert window.stage.canvases["plane"].isVisible()
    assert window.stage.frame_shown.fake.shape[1] == 2
    # Another field of the new kind waits too; nothing of it may reach the run.
    enter(qtbot, window, "data.mean", "3")
    trains(qtbot, window, 3)
    assert window.stage.frame_shown.experiment.data.kind == "ring"
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 2)
    trains(qtbot, window, 3)
    assert window.stage.frame_shown.fake.shape[1] == 1
    assert window.stage.frame_shown.real.mean() == pytest.approx(3, abs=0.1)
    assert window.stage.canvases["line"].isVisible()
    assert window.stage.canvases["slope"].isVisible()
    assert not window.stage.canvases["plane"].isVisible()
    pick(qtbot, window, "data.kind", "moons")
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 3)
    trains(qtbot, window, 3)
    assert window.stage.canvases["plane"].isVisible()
    assert not window.stage.canvases["line"].isVisible()
    assert window.stage.canvases["plane"].shown.view == "plane"


def test_a_mean_of_two_numbers_waits_for_a_restart(opened, qtbot):
    window = opened({**SMALL, "data.kind": "gaussian"})
    enter(qtbot, window, "data.mean", "1, 2")
    assert window.restart_button.isVisible()
    trains(qtbot, window, 3)
    assert window.trainer.messages() == []
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 2)
    assert window.stage.frame_shown.fake.shape[1] == 2


def test_from_made_up_data_to_a_file_and_back(opened, qtbot):
    window = opened()
    pick(qtbot, window, "data.kind", "file")
    assert window.form.field("data.path").edit.text() == "faithful.csv"
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 2)
    trains(qtbot, window, 3)
    scene = window.stage.canvases["plane"].shown
    assert (scene.x.label, scene.left.label) == ("eruption_min", "waiting_min")
    assert 40 < window.stage.frame_shown.real[:, 1].mean() < 100
    path = window.form.field("data.path").box
    choose(qtbot, path, path.findText("galaxies.csv"))
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 3)
    trains(qtbot, window, 3)
    assert window.stage.canvases["line"].shown.x.label == "velocity_km_per_s"
    pick(qtbot, window, "data.kind", "ring")
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 4)
    trains(qtbot, window, 3)
    assert window.stage.canvases["plane"].shown.x.label == "x"


def test_a_file_with_many_columns_asks_for_two(opened, qtbot, monkeypatch):
    window = opened(FILE)
    asked = []

    def answer(parent, title, label, items, *more, **others):
        asked.append(items)
        return ("bill_length_mm" if len(asked) == 1 else "bill_depth_mm", True)

    monkeypatch.setattr(QInputDialog, "getItem", answer)
    path = window.form.field("data.path").box
    choose(qtbot, path, path.findText("penguins.csv"))
    assert len(asked) == 2
    assert "bill_length_mm" in asked[0]
    assert "bill_length_mm" not in asked[1]
    assert window.draft.data.columns == ("bill_length_mm", "bill_depth_mm")
    qtbot.mouseClick(window.restart_button, LEFT)
    started_anew(qtbot, window, 2)
    trains(qtbot, window, 3)
    assert "2 of 344 rows left out" in window.banner.label.text()
    assert window.banner.isVisible()
    # Dismissed, it stays away while the same run goes on.
    qtbot.mouseClick(window.banner.button, LEFT)
    trains(qtbot, window, 10)
    assert not window.banner.isVisible()


def test_asked_for_columns_the_person_may_decline(opened, qtbot, monkeypatch):
    window = opened(FILE)
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_, **__: ("", False))
    path = window.form.field("data.path").box
    choose(qtbot, path, path.findText("penguins.csv"))
    assert window.draft == window.running
    assert window.form.field("data.path").edit.text() == "faithful.csv"
    assert not window.restart_button.isVisible()
    trains(qtbot, window, 3)


def test_a_notice_is_there_from_the_start(opened):
    columns = ["bill_length_mm", "bill_depth_mm"]
    window = opened({**SMALL, "data.kind": "file", "data.path": "penguins.csv", "data.columns": columns})
    assert window.banner.isVisible()
    assert "2 of 344 rows left out" in window.banner.label.text()


# Files


TOML = """
title = "Own"
seed = 4
[data]
kind = "grid"
[generator]
hidden = [8]
"""


def test_opening_and_saving_an_experiment(opened, qtbot, tmp_path, monkeypatch):
    window = opened()
    path = tmp_path / "own.toml"
    path.write_text(TOML)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    qtbot.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    started_anew(qtbot, window, 2)
    trains(qtbot, window, 3)
    assert window.stage.frame_shown.experiment == load(path)
    assert window.stage.canvases["plane"].shown.title == "Own"
    saved = tmp_path / "saved.toml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.004")
    window.menus.save_action.trigger()
    assert load(saved) == window.draft
    assert load(saved).optimizer.generator.learning_rate == 0.004
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "where.toml"), ""))
    window.menus.save_action.trigger()
    assert "cannot be saved" in refusal(qtbot, window)
    trains(qtbot, window, 3)


def test_dropping_data(opened, qtbot, tmp_path):
    window = opened()
    path = tmp_path / "own.csv"
    rows = np.random.default_rng(0).normal((10, 20), (1, 3), (200, 2))
    path.write_text("length,width\n" + "\n".join(f"{x},{y}" for x, y in rows))
    drop(window, path)
    started_anew(qtbot, window, 2)
    trains(qtbot, window, 3)
    assert window.stage.frame_shown.experiment.data.path == str(path)
    assert window.stage.canvases["plane"].shown.x.label == "length"
    numbers = tmp_path / "own.npy"
    np.save(numbers, rows[:, 0])
    drop(window, numbers)
    started_anew(qtbot, window, 3)
    trains(qtbot, window, 3)
    assert window.stage.canvases["line"].isVisible()
    experiment = tmp_path / "own.toml"
    experiment.write_text(TOML)
    drop(window, experiment)
    started_anew(qtbot, window, 4)
    assert window.stage.frame_shown.experiment.data.kind == "grid"


BAD = {
    "unknown.toml": ("[generator]\nhiden = [3]\n", ("hiden", "did you mean generator.hidden?")),
    "value.toml": ("[schedule]\nbatch = -3\n", ("schedule.batch = -3", "from 1 to 8192")),
    "broken.toml": ("[schedule\n", ("not valid TOML",)),
    "words.csv": ("name\nAnna\nBert\n", ("no column holds only numbers", "Anna")),
    "empty.csv": ("", ("is empty",)),
    "broken.npy": ("no numbers", ("not a NumPy array file",)),
    "picture.jpg": ("", ("not a file that ganviz opens",)),
    "missing.toml": (None, ("there is no such file",)),
    "missing.csv": (None, ("there is no such file",)),
}


def test_bad_files_are_explained_and_the_training_goes_on(opened, qtbot, tmp_path):
    window = opened()
    before = window.running
    for name, (content, words) in BAD.items():
        path = tmp_path / name
        if content is not None:
            path.write_text(content)
        drop(window, path)
        sentence = refusal(qtbot, window)
        assert name in sentence
        for word in words:
            assert word in sentence
        trains(qtbot, window, 5)
        assert window.running == window.draft == before
        assert window._session == 1
        assert not window.restart_button.isVisible()


# Presets


def test_every_preset_trains(opened, qtbot):
    window = opened()
    run = 1
    for preset in presets():
        row = window.controls.preset_box.findData(preset.name)
        assert window.controls.preset_box.itemText(row) == preset.title
        choose(qtbot, window.controls.preset_box, row)
        run += 1
        started_anew(qtbot, window, run)
        assert window.stage.frame_shown.logged.first == load(preset.name)
        assert window.controls.preset_box.currentData() == preset.name
        assert window.banner.isVisible() == bool(load(preset.name).notice)
    assert run > 1


def test_a_window_opens_on_a_preset(opened, qtbot):
    name = presets()[0].name
    window = opened(load(name), name)
    assert window.controls.preset_box.currentData() == name
    trains(qtbot, window, 1)
    assert window.stage.frame_shown.experiment == load(name)


# What goes wrong


@pytest.mark.parametrize("setup", [DIVERGING, DIVERGING_DEEP], ids=["shallow", "deep"])
def test_divergence(opened, qtbot, tmp_path, monkeypatch, setup):
    window = opened(with_infinite_samples(setup) if setup is DIVERGING_DEEP else setup, training=False)
    qtbot.waitUntil(lambda: window.status.state_label.text() == "diverged", timeout=10_000)
    assert window.banner.isVisible()
    assert "Training diverged in step" in window.banner.label.text()
    assert f"Step {step(window):,}, the last finite one, was kept" in window.banner.label.text()
    assert window.controls.play_action.text() == "Play"
    at = step(window)
    assert at >= 1
    if setup is DIVERGING_DEEP:
        assert not np.isfinite(window.stage.frame_shown.fake).all()
        path = tmp_path / "all.pdf"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
        click(qtbot, window, window.controls.export_action)
        check_figure(path)
        assert not [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    # To play on without a change is refused in words, and the button tells the truth.
    qtbot.mouseClick(window.banner.button, LEFT)
    click(qtbot, window, window.controls.play_action)
    qtbot.waitUntil(window.banner.isVisible)
    qtbot.waitUntil(lambda: window.controls.play_action.text() == "Play")
    qtbot.wait(50)
    assert step(window) == at


def test_a_diverged_run_goes_on_after_a_change(opened, qtbot):
    window = opened(DIVERGING, training=False)
    qtbot.waitUntil(lambda: window.status.state_label.text() == "diverged", timeout=10_000)
    at = step(window)
    enter(qtbot, window, "optimizer.generator.learning_rate", "0")
    enter(qtbot, window, "optimizer.discriminator.learning_rate", "0")
    qtbot.waitUntil(lambda: window.status.state_label.text() == "paused")
    click(qtbot, window, window.controls.play_action)
    qtbot.waitUntil(lambda: step(window) > at + 5)
    # The sentence is no longer true, so it is no longer there.
    assert not window.banner.isVisible()
    click(qtbot, window, window.controls.reset_action)
    started_anew(qtbot, window, 2)
    trains(qtbot, window, 5)


def test_a_reset_leaves_divergence_behind(opened, qtbot):
    window = opened(DIVERGING, training=False)
    qtbot.waitUntil(lambda: window.status.state_label.text() == "diverged", timeout=10_000)
    window.open_path(Path("nowhere.toml"))
    assert "nowhere.toml" in refusal(qtbot, window)
    window._start([("", Experiment.from_mapping(SMALL))])
    started_anew(qtbot, window, 2)
    assert not window.banner.isVisible()
    trains(qtbot, window, 20)


def test_a_failing_training_is_explained_and_can_be_reset(opened, qtbot, monkeypatch, capsys):
    window = opened()

    def fail(*_):
        raise MemoryError("no room for a frame")

    with monkeypatch.context() as patch:
        patch.setattr(Observer, "frame", fail)
        qtbot.waitUntil(lambda: window._latest.status is Status.FAILED)
        qtbot.waitUntil(lambda: "no room for a frame" in window.banner.label.text())
    assert window.controls.play_action.text() == "Play"
    click(qtbot, window, window.controls.reset_action)
    started_anew(qtbot, window, 2)
    trains(qtbot, window, 5)
    assert not window.banner.isVisible()
    capsys.readouterr()


# Export and themes


def check_figure(path):
    content = path.read_bytes()
    match path.suffix:
        case ".svg":
            assert ET.fromstring(content).tag.endswith("svg")
        case ".pdf":
            assert content.startswith(b"%PDF")
            assert content.rstrip().endswith(b"%%EOF")
        case ".png":
            assert content.startswith(b"\x89PNG")
            width, height = struct.unpack(">II", content[16:24])
            assert width > 300
            assert height > 200


def export(window, monkeypatch, path, action):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    action.trigger()
    check_figure(path)


def test_exporting_each_view(opened, qtbot, tmp_path, monkeypatch):
    window = opened(LINE)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    at = stands(qtbot, window)
    names = [view.name for view in window.stage.views]
    actions = {action.data(): action for action in window.menus._exports if action.isVisible()}
    assert set(actions) == set(names)
    for place, name in enumerate(names):
        suffix = (".svg", ".pdf", ".png")[place % 3]
        export(window, monkeypatch, tmp_path / f"{name}{suffix}", actions[name])
    assert "D(x)" in (tmp_path / "line.svg").read_text()
    assert step(window) == at


def test_exporting_the_plane_and_all_views(opened, tmp_path, monkeypatch):
    window = opened({**SMALL, "discriminator.clip": 0.1})
    window.stage.turn_to("training")
    actions = {action.data(): action for action in window.menus._exports if action.isVisible()}
    export(window, monkeypatch, tmp_path / "plane.pdf", actions["plane"])
    export(window, monkeypatch, tmp_path / "clipping.png", actions["clipping"])
    export(window, monkeypatch, tmp_path / "all.svg", window.controls.export_action)
    content = (tmp_path / "all.svg").read_text()
    for view in window.stage.views:
        assert window.stage.canvases[view.name].shown.title in content
    assert "line" not in actions


def test_exports_that_cannot_be_written_or_are_cancelled(opened, qtbot, tmp_path, monkeypatch):
    window = opened()
    window.stage.turn_to("training")
    action = next(action for action in window.menus._exports if action.data() == "gradients")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "where.svg"), ""))
    action.trigger()
    assert "where.svg" in refusal(qtbot, window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    action.trigger()
    click(qtbot, window, window.controls.export_action)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "bare"), "PDF (*.pdf)"))
    action.trigger()
    check_figure(tmp_path / "bare.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.pdf"]
    trains(qtbot, window, 3)


def test_exporting_before_the_first_frame(opened, qtbot):
    window = opened()
    window.stage.frame_shown = None
    window.export_all()
    assert "nothing to export yet" in refusal(qtbot, window)


def colour_of(canvas):
    image = canvas.grab().toImage()
    return image.pixelColor(2, image.height() // 2).lightness()


def test_themes(opened, qtbot):
    window = opened()
    canvas = window.stage.canvases["plane"]
    assert window.theme == LIGHT
    assert colour_of(canvas) > 200
    click(qtbot, window, window.controls.theme_action)
    assert window.theme == DARK
    assert colour_of(canvas) < 60
    assert window.palette().window().color().lightness() < 80
    assert QSettings().value("theme") == "dark"
    window.close()
    again = opened()
    assert again.theme == DARK
    assert colour_of(again.stage.canvases["plane"]) < 60
    qtbot.keyClick(again, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert again.theme == LIGHT
    assert colour_of(again.stage.canvases["plane"]) > 200
    dark = next(action for action in again.menus._themes.actions() if action.data() == "dark")
    dark.trigger()
    assert again.theme == DARK
    again.set_theme(LIGHT)


def test_a_senseless_setting_does_not_stop_the_start(opened):
    make_application()
    QSettings().setValue("theme", "plaid")
    QSettings().setValue("geometry", "somewhere")
    window = opened()
    assert window.theme == LIGHT


def test_the_size_is_remembered(opened, qtbot):
    window = opened()
    assert window.width() <= 1280
    window.resize(720, 600)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == (720, 600))
    window.close()
    again = opened()
    assert (again.width(), again.height()) == (720, 600)


def test_the_form_can_be_put_away(opened, qtbot):
    window = opened()
    assert window.form.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F2)
    assert not window.form.isVisible()
    trains(qtbot, window, 3)
    qtbot.keyClick(window, Qt.Key.Key_F2)
    assert window.form.isVisible()


# What waits for a restart, and what does not


def test_live_fields_act_while_other_data_wait_for_a_restart(opened, qtbot):
    window = opened()
    window.editing.edit_field("data.kind", "moons")
    assert window.restart_button.isVisible()
    window.editing.edit_field("optimizer.generator.learning_rate", 0.0)
    qtbot.waitUntil(
        lambda: window.stage.frame_shown.experiment["optimizer.generator.learning_rate"] == 0.0, timeout=20_000
    )
    assert window.stage.frame_shown.experiment.data.kind == "ring"
    assert window.running["optimizer.generator.learning_rate"] == 0.0


def test_what_means_nothing_beside_the_running_experiment_waits(opened, qtbot):
    window = opened({**LINE, "data.kind": "student-t", "data.standardize": True})
    window.editing.edit_field("data.standardize", False)
    window.editing.edit_field("data.dof", 1.5)
    assert (window.draft["data.dof"], window.running["data.dof"]) == (1.5, 3.0)
    assert "2 changes" in window.restart_button.text()


def test_a_changed_preset_is_no_longer_called_by_its_name(opened, qtbot):
    window = opened(load("mixture-1d"), "mixture-1d")
    title = window.editing.origin.title
    rate = window.draft["optimizer.generator.learning_rate"]
    window.editing.edit_field("optimizer.generator.learning_rate", rate / 2)
    assert window.controls.preset_box.currentData() == ""
    qtbot.waitUntil(lambda: window.stage.frame_shown.experiment.title == f"{title} (changed)", timeout=20_000)
    window.editing.edit_field("optimizer.generator.learning_rate", rate)
    assert window.controls.preset_box.currentData() == "mixture-1d"
    assert window.running.title == title


def test_what_was_said_of_an_edit_goes_with_the_next(opened, qtbot):
    window = opened({**SMALL, "objective.kind": "wasserstein", "discriminator.clip": 0.1})
    pick(qtbot, window, "objective.kind", "non-saturating")
    assert "Weight clipping (c = 0.1) is still on" in window.banner.label.text()
    assert window.banner.isVisible()
    enter(qtbot, window, "discriminator.clip", "0")
    assert not window.banner.isVisible()
