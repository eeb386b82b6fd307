"""The plots over steps as a hand and a keyboard meet them: scales, smoothing, the crosshair and pins."""

import numpy as np
import pytest
from driving import SMALL, enter
from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox, QToolTip

from ganviz.experiment import Experiment
from ganviz.gui import keeper as keeper_module
from ganviz.gui.app import make_application
from ganviz.gui.curve_menu import smoothing_text
from ganviz.gui.curve_settings import OVER_STEPS, WINDOWS, CurveSettings
from ganviz.gui.window import Window
from ganviz.plots import Line, Rule
from ganviz.plots.pins import MOST

pytestmark = pytest.mark.usefixtures("compiled")

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
Key, Modifier = Qt.Key, Qt.KeyboardModifier
BOTH = Modifier.ControlModifier | Modifier.ShiftModifier


@pytest.fixture
def window(qtbot, monkeypatch):
    """Return a window that has trained some hundred steps and stands, on the page of the training."""
    make_application()
    monkeypatch.setattr(keeper_module, "ask_to_save", lambda *_: "discard")
    QSettings().setValue("page", "training")
    made = Window(Experiment.from_mapping(SMALL))
    # Steps that can be told apart in a plot.
    made.trainer.limit(1000.0)
    qtbot.addWidget(made)
    made.resize(1280, 720)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    qtbot.waitUntil(lambda: frame(made) is not None and frame(made).step > 200, timeout=20_000)
    stands(qtbot, made)
    yield made
    made.close()


def stands(qtbot, window):
    window.toggle_playing()
    qtbot.waitUntil(lambda: window.status.state_label.text() == "paused", timeout=10_000)
    qtbot.waitUntil(lambda: frame(window).step == window.timeline.track.end, timeout=10_000)


def frame(window):
    return window.stage.frame_shown


def canvas(window, name):
    return window.stage.canvases[name]


def scene(window, name):
    return canvas(window, name).shown


def named(shown, name):
    return next(layer for layer in shown.layers if layer.name == name)


def popup():
    """Return the menu that is open."""
    found = QApplication.activePopupWidget()
    assert isinstance(found, QMenu)
    return found


def choose(qtbot, menu, text):
    """Click an entry of an open menu."""
    action = next(action for action in menu.actions() if action.text().replace("&", "") == text and action.isVisible())
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    return action


def enter_menu(qtbot, menu, text):
    """Open a menu within an open one, with the keyboard."""
    action = next(action for action in menu.actions() if action.text().replace("&", "") == text)
    menu.setActiveAction(action)
    qtbot.keyClick(menu, Key.Key_Right)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is action.menu())


def close_popups(qtbot):
    while QApplication.activePopupWidget() is not None:
        qtbot.keyClick(QApplication.activePopupWidget(), Key.Key_Escape)


def place_of(shown_canvas, step):
    """Return where a step is, in pixels of the viewport, half way up."""
    box = shown_canvas.getViewBox()
    x = np.log10(step) if shown_canvas.shown.x.scale == "log" else step
    middle = float(np.mean(box.viewRange()[1]))
    return shown_canvas.mapFromScene(box.mapViewToScene(QPointF(float(x), middle)))


def hover(shown_canvas, step):
    """Move the mouse over a plot to a step, as Qt tells of it."""
    viewport, place = shown_canvas.viewport(), QPointF(place_of(shown_canvas, step))
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, viewport.mapToGlobal(place), Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
        Modifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def leave(shown_canvas):
    QApplication.sendEvent(shown_canvas.viewport(), QEvent(QEvent.Type.Leave))


def visible(window):
    """Return the canvases over steps that are shown."""
    return [canvas(window, view.name) for view in window.stage.views if view.name in OVER_STEPS]


def values_at(window, name, step):
    """Return the recorded value of a metric that is nearest to a step."""
    known = frame(window).history[name]
    return float(known.mean[np.abs(known.steps - step).argmin()])


# Scales


def test_the_plots_own_menu_switches_its_axes(window, qtbot):
    losses = canvas(window, "losses")
    for text, axis in (("Logarithmic values", "left"), ("Logarithmic steps", "x")):
        qtbot.mouseClick(losses.viewport(), RIGHT, pos=place_of(losses, 100))
        assert choose(qtbot, popup(), text).isChecked()
        assert getattr(losses.shown, axis).scale == "log"
        # Each plot has its own.
        assert getattr(scene(window, "scores"), axis).scale == "linear"
    low, high = losses.getViewBox().viewRange()[0]
    assert -1 <= low < high < 4
    qtbot.mouseClick(losses.viewport(), RIGHT, pos=place_of(losses, 100))
    assert not choose(qtbot, popup(), "Logarithmic values").isChecked()
    assert losses.shown.left.scale == "linear"
    assert losses.shown.x.scale == "log"


def test_the_menu_of_the_window_switches_them_too_and_they_are_remembered(window, qtbot):
    bar = window.menuBar()
    view = next(action for action in bar.actions() if action.text() == "&View")
    qtbot.mouseClick(bar, LEFT, pos=bar.actionGeometry(view).center())
    enter_menu(qtbot, popup(), "Curves")
    assert popup() is window.curve_menu
    enter_menu(qtbot, popup(), "Gradient norms")
    # It is logarithmic by itself.
    assert window.curve_menu.scale_actions["gradients", "values"].isChecked()
    choose(qtbot, popup(), "Logarithmic values")
    close_popups(qtbot)
    assert scene(window, "gradients").left.scale == "linear"
    kept = CurveSettings()
    assert not kept.logarithmic("gradients", "values")
    assert kept.logarithmic("divergences", "values")
    assert not kept.logarithmic("losses", "values")


def test_the_menu_names_the_plots_that_are_shown(window, qtbot):
    def offered():
        return {menu.title() for menu in window.curve_menu._scale_menus.values() if menu.menuAction().isVisible()}

    assert offered() == {"Losses", "Judgement of the discriminator", "Gradient norms"}
    qtbot.keyClick(window, Key.Key_3, Modifier.ControlModifier)
    assert offered() == {"Divergences", "Distances", "Fidelity", "Modes"}


def test_a_view_that_a_person_has_zoomed_is_shown_whole_on_another_scale(window, qtbot):
    losses = canvas(window, "losses")
    losses.getViewBox().setRange(xRange=(50, 60))
    assert losses.held
    window.curve_menu.scale_actions["losses", "steps"].trigger()
    assert not losses.held
    assert losses.getViewBox().viewRange()[0][1] >= 2


@pytest.mark.parametrize("nonsense", ["", "3", "-1", "twenty", "9" * 400, 2.5, [1], b"x"])
def test_settings_that_hold_nonsense_are_as_none(qtbot, nonsense):
    make_application()
    QSettings().setValue("curves/window", nonsense)
    QSettings().setValue("curves/losses/values", nonsense)
    kept = CurveSettings()
    assert kept.window == 0
    assert not kept.logarithmic("losses", "values")


# Smoothing


def test_keys_smooth_all_curves(window, qtbot):
    for place in (1, 2, 3):
        qtbot.keyClick(window, Key.Key_Up, BOTH)
        assert window.stage.curves.window == WINDOWS[place]
    for shown in visible(window):
        assert f"smoothed over {WINDOWS[3]} steps" in shown.shown.title
    assert CurveSettings().window == WINDOWS[3]
    raw = frame(window).history["generator_loss"]
    line, band = (named(scene(window, "losses"), name) for name in ("generator_loss", "generator_loss range"))
    assert np.diff(line.y).std() < np.diff(raw.mean).std()
    # Nothing that was measured is outside of the band.
    assert (band.low <= raw.mean).all()
    assert (band.high >= raw.mean).all()
    qtbot.keyClick(window, Key.Key_Down, BOTH)
    assert window.stage.curves.window == WINDOWS[2]


def test_the_slider_beside_the_plots_smooths(window, qtbot):
    menu = window.curve_menu
    qtbot.mouseClick(menu.button, LEFT)
    qtbot.waitUntil(menu.isVisible)
    slider = menu.smoothing.slider
    qtbot.mouseClick(slider, LEFT, pos=QPoint(slider.width() - 3, slider.height() // 2))
    assert window.stage.curves.window > 0
    slider.setFocus()
    qtbot.keyClick(slider, Key.Key_End)
    assert window.stage.curves.window == WINDOWS[-1]
    assert menu.smoothing.label.text() == "Smoothed over 5,000,000 steps"
    assert not menu.smoother_action.isEnabled()
    qtbot.keyClick(slider, Key.Key_Home)
    assert menu.smoothing.label.text() == smoothing_text(0) == "Not smoothed"
    assert slider.accessibleDescription() == "Not smoothed"
    close_popups(qtbot)
    assert "smoothed" not in scene(window, "losses").title


def test_the_figure_looks_like_the_window(window, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "losses.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    window.stage.curves.set_window(50)
    window.stage.curves.set_logarithmic("losses", "values", log=True)
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier)
    export = next(action for action in window.menus._exports if action.data() == "losses")
    export.trigger()
    text = path.read_text()
    assert "smoothed over 50 steps" in text.replace("\n", " ") or "smoothed over 50" in text
    assert "1: same settings" in text


# The crosshair


def test_the_mouse_over_one_plot_shows_its_step_in_all(window, qtbot):
    step = 120
    hover(canvas(window, "losses"), step)
    pointed = canvas(window, "losses").crosshair.step
    assert abs(pointed - step) <= frame(window).step / 100
    plots = visible(window)
    assert len(plots) == 3
    for shown in plots:
        assert shown.crosshair.visible
        assert shown.crosshair.text.startswith(f"step {pointed:,}; ")
        assert shown.accessibleDescription() == shown.crosshair.text
        # The line stands at the step.
        across = shown.crosshair._line.line().x1()
        place = shown.getViewBox().mapToView(QPointF(across, 10.0)).x()
        assert place == pytest.approx(pointed, abs=0.5)
    value = f"{values_at(window, 'generator_loss', pointed):.4g}".replace("-", "−")
    assert f"generator {value}" in canvas(window, "losses").crosshair.text
    assert window.timeline.track._pointed == pointed
    leave(canvas(window, "losses"))
    assert not any(shown.crosshair.visible for shown in plots)
    assert window.timeline.track._pointed is None


def test_the_crosshair_follows_scales_and_stays_with_new_frames(window, qtbot):
    losses = canvas(window, "losses")
    window.stage.curves.set_logarithmic("losses", "steps", log=True)
    hover(losses, 50)
    assert abs(losses.crosshair.step - 50) <= 2
    step = losses.crosshair.step
    across = losses.crosshair._line.line().x1()
    assert losses.getViewBox().mapToView(QPointF(across, 0.0)).x() == pytest.approx(np.log10(step), abs=0.02)
    window.single_step()
    end = frame(window).step
    qtbot.waitUntil(lambda: frame(window).step > end)
    assert losses.crosshair.step == step
    assert losses.crosshair.visible


def test_beside_the_curves_there_is_no_crosshair(window, qtbot):
    losses = canvas(window, "losses")
    QTest.mouseMove(losses.viewport(), QPoint(3, 3))
    qtbot.wait(20)
    assert not losses.crosshair.visible
    plane = canvas(window, "plane")
    event = QPointF(plane.viewport().rect().center())
    assert plane.crosshair.step_at(plane.mapToScene(event.toPoint())) is None


def test_no_tip_hides_the_curves_that_are_read(window, qtbot):
    losses = canvas(window, "losses")

    def rest(place):
        QToolTip.hideText()
        qtbot.waitUntil(lambda: not QToolTip.isVisible())
        viewport = losses.viewport()
        QApplication.sendEvent(viewport, QHelpEvent(QEvent.Type.ToolTip, place, viewport.mapToGlobal(place)))
        return QToolTip.isVisible()

    hover(losses, 90)
    assert not rest(place_of(losses, 90))
    # The title still tells what the curves are.
    QApplication.sendEvent(losses.viewport(), QEvent(QEvent.Type.Leave))
    assert rest(QPoint(20, 8))
    QToolTip.hideText()


def test_a_click_goes_to_the_step(window, qtbot):
    losses = canvas(window, "losses")
    hover(losses, 90)
    step = losses.crosshair.step
    qtbot.mouseClick(losses.viewport(), LEFT, pos=place_of(losses, 90))
    qtbot.waitUntil(lambda: frame(window).step == step, timeout=5000)
    assert window.timeline.track.step == step
    assert isinstance(named(losses.shown, "cursor"), Rule)


def test_two_clicks_show_everything_and_go_nowhere(window, qtbot):
    losses = canvas(window, "losses")
    losses.getViewBox().setRange(xRange=(50, 100))
    assert losses.held
    end = frame(window).step
    place = place_of(losses, 70)
    for action in (qtbot.mouseClick, qtbot.mouseDClick, qtbot.mouseRelease):
        action(losses.viewport(), LEFT, pos=place)
    qtbot.wait(QApplication.styleHints().mouseDoubleClickInterval() + 100)
    assert not losses.held
    assert frame(window).step == end == window.timeline.track.step


def test_a_drag_goes_nowhere(window, qtbot):
    losses, end = canvas(window, "losses"), frame(window).step
    place = place_of(losses, 90)
    qtbot.mousePress(losses.viewport(), LEFT, pos=place)
    qtbot.mouseRelease(losses.viewport(), LEFT, pos=place + QPoint(30, 0))
    qtbot.wait(QApplication.styleHints().mouseDoubleClickInterval() + 100)
    assert frame(window).step == end


def test_the_keys_of_the_timeline_move_the_crosshair(window, qtbot):
    track = window.timeline.track
    track.setFocus()
    for key in (Key.Key_PageDown, Key.Key_Left, Key.Key_Home):
        before = track.step
        qtbot.keyClick(track, key)
        qtbot.waitUntil(lambda before=before: track.step < before and frame(window).step == track.step)
        qtbot.waitUntil(lambda: not window.steering.playing)
        for shown in visible(window):
            assert shown.crosshair.step == track.step
            assert shown.crosshair.text.startswith(f"step {track.step:,};")
    # Nobody points: the timeline has its own handle there.
    assert track._pointed is None
    qtbot.keyClick(track, Key.Key_End)
    qtbot.waitUntil(lambda: frame(window).step == track.end)
    assert not any(shown.crosshair.visible for shown in visible(window))


# Pins


def restarted(qtbot, window):
    run = window._session
    qtbot.keyClick(window, Key.Key_R, Modifier.ControlModifier)
    qtbot.waitUntil(lambda: window._session > run and frame(window) is not None, timeout=10_000)


def keys(shown):
    return [layer.label for layer in shown.layers if isinstance(layer, Line) and layer.label[:2] in ("1:", "2:")]


def test_pinned_curves_stay_under_a_run_with_other_settings_and_are_removed_one_by_one(window, qtbot):
    known = frame(window).history["generator_loss"].mean
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier)
    assert keys(scene(window, "losses")) == ["1: same settings"]
    enter(qtbot, window, "optimizer.generator.learning_rate", "0.01")
    enter(qtbot, window, "schedule.batch", "32")
    restarted(qtbot, window)
    pinned = named(scene(window, "losses"), "pin 1 generator_loss")
    assert pinned.y[:5] == pytest.approx(known[:5]) or len(pinned.y) < len(known)
    assert window.stage.curves.labelled(frame(window).experiment)[0].label == "G Learning rate 0.0002, Batch 16"
    assert keys(scene(window, "gradients")) == ["1: G Learning rate 0.0002 …"]
    window.single_step()
    qtbot.waitUntil(lambda: frame(window).step > 0)
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier)
    assert keys(scene(window, "losses")) == ["1: G Learning rate 0.0002 …", "2: same settings"]
    qtbot.mouseClick(window.curve_menu.button, LEFT)
    qtbot.waitUntil(window.curve_menu.isVisible)
    choose(qtbot, popup(), "Remove pin 1: G Learning rate 0.0002, Batch 16")
    assert keys(scene(window, "losses")) == ["1: same settings"]
    assert [pin.experiment.schedule.batch for pin in window.stage.curves.pins] == [32]
    qtbot.mouseClick(window.curve_menu.button, LEFT)
    choose(qtbot, popup(), "Remove pin 1: same settings")
    assert not any(layer.name.startswith("pin") for layer in scene(window, "losses").layers)


def sentence(qtbot, window):
    qtbot.waitUntil(lambda: any(box.isVisible() for box in window.findChildren(QMessageBox)))
    box = next(box for box in window.findChildren(QMessageBox) if box.isVisible())
    text = box.text()
    qtbot.mouseClick(box.button(QMessageBox.StandardButton.Ok), LEFT)
    return text


def test_more_pins_than_can_be_told_apart_are_refused(window, qtbot):
    for _ in range(MOST):
        qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier)
    assert len(window.stage.curves.pins) == MOST
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier)
    assert sentence(qtbot, window).startswith("4 runs are pinned")
    assert len(window.stage.curves.pins) == MOST
    window.curve_menu.unpin_all_action.trigger()
    assert window.stage.curves.pins == ()


def test_where_no_curve_is_shown_none_is_pinned(window, qtbot):
    qtbot.keyClick(window, Key.Key_5, Modifier.ControlModifier)
    qtbot.waitUntil(lambda: not frame(window).history)
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier)
    assert sentence(qtbot, window).startswith("There are no curves to pin")


# Lanes


def test_lanes_have_the_same_scales_pins_and_crosshair(window, qtbot):
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier)
    window.stage.curves.set_logarithmic("losses", "steps", log=True)
    window.stage.curves.set_window(20)
    qtbot.keyClick(window, Key.Key_D, Modifier.ControlModifier)
    qtbot.waitUntil(
        lambda: window.branches.tree.topLevelItemCount() and window.branches.tree.topLevelItem(0).childCount()
    )
    window.branches.tree.topLevelItem(0).child(0).setCheckState(0, Qt.CheckState.Checked)
    window.branches.tree.topLevelItem(0).setCheckState(0, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: len(window.stage.lanes) == 2, timeout=5000)
    lanes = [canvases["losses"] for canvases in window.stage.lane_stage._canvases[:2]]
    qtbot.waitUntil(lambda: all(lane.shown is not None for lane in lanes))
    for lane in lanes:
        assert lane.shown.x.scale == "log"
        assert "smoothed over 20 steps" in lane.shown.title
        assert keys(lane.shown) == ["1: same settings"]
    assert lanes[0].shown.x == lanes[1].shown.x
    assert lanes[0].shown.left == lanes[1].shown.left
    hover(lanes[1], 60)
    assert lanes[0].crosshair.visible
    assert lanes[0].crosshair.step == lanes[1].crosshair.step
    qtbot.mouseClick(lanes[1].viewport(), RIGHT, pos=place_of(lanes[1], 60))
    choose(qtbot, popup(), "Logarithmic steps")
    assert [lane.shown.x.scale for lane in lanes] == ["linear", "linear"]
