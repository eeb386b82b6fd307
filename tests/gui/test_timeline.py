"""The timeline as a hand and a keyboard meet it."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QToolTip, QVBoxLayout, QWidget

from ganviz.gui import icons
from ganviz.gui.painter import PlotCanvas
from ganviz.gui.timeline import FASTEST, Timeline, read_speed, speed_text
from ganviz.gui.timeline_marks import mark_colour
from ganviz.plots.scene import Axis, Line, Rule, Scene
from ganviz.plots.theme import DARK, LIGHT
from ganviz.run.frame import Mark

LEFT = Qt.MouseButton.LeftButton
Key, Modifier = Qt.Key, Qt.KeyboardModifier
MARKS = (
    Mark(900, "diagnosis", "mode collapse"),
    Mark(100, "change", "Clip c 0.01 → 0.02"),
    Mark(500, "bookmark", "<before> it fell"),
    Mark(700, "branch", "with dropout"),
    Mark(101, "change", "Batch 64 → 128"),
)


class Heard(QObject):
    """Everything that a timeline has said, in order."""

    def __init__(self, timeline):
        super().__init__(timeline)
        self.all = []
        for name in (
            "scrubbed",
            "sought",
            "play_wanted",
            "stepped",
            "bookmark_wanted",
            "speed_chosen",
            "mark_activated",
        ):
            getattr(timeline, name).connect(self._hear(name))

    def _hear(self, name):
        return lambda *values: self.all.append((name, *values))

    def take(self, name=None):
        taken = [said for said in self.all if name in (None, said[0])]
        self.all.clear()
        return taken if name is None else [said[1] for said in taken]


@pytest.fixture
def window(qtbot):
    """Return a window with a text field above a timeline, as the main window has many."""
    widget = QWidget()
    rows = QVBoxLayout(widget)
    widget.field = QLineEdit(widget)
    widget.timeline = Timeline(widget)
    rows.addWidget(widget.field)
    rows.addWidget(widget.timeline)
    qtbot.addWidget(widget)
    widget.resize(1280, 140)
    widget.show()
    # On a display it is the window manager that makes it active, without which nothing has the focus.
    with qtbot.waitActive(widget, timeout=10_000):
        widget.activateWindow()
        widget.raise_()
    yield widget
    QToolTip.hideText()


@pytest.fixture
def timeline(window):
    window.timeline.show_time(300, 1000, MARKS, 0)
    window.timeline.track.setFocus()
    QApplication.processEvents()
    return window.timeline


@pytest.fixture
def heard(timeline):
    return Heard(timeline)


def place(timeline, step, height=0.8):
    """Return where a step is on the track, counted from both ends of the groove."""
    track = timeline.track
    margin = 0.42 * track.em + 1
    across = margin + step / track.end * (track.width() - 2 * margin)
    return QPoint(round(across), int(height * track.height()))


# A hand


def test_a_click_asks_for_the_step_below_it(timeline, heard):
    QTest.mouseClick(timeline.track, LEFT, pos=place(timeline, 800))
    said = heard.take()
    pixel = 1000 / timeline.track.width()
    assert [name for name, _ in said] == ["scrubbed", "sought"]
    assert all(abs(step - 800) <= pixel for _, step in said)
    assert said[0][1] == said[1][1] == timeline.track.step


def test_a_drag_tells_the_latest_step_at_a_pace_and_asks_when_the_hand_rests(timeline, heard, qtbot):
    track = timeline.track
    QTest.mousePress(track, LEFT, pos=place(timeline, 300))
    start = heard.take("scrubbed")
    assert len(start) == 0 or abs(start[0] - 300) <= 1
    # A hundred motions at once: one is told now or none, the last one soon.
    for step in range(301, 401):
        QTest.mouseMove(track, place(timeline, step))
    assert len(heard.take("scrubbed")) <= 3
    last = track.step
    qtbot.waitUntil(lambda: ("scrubbed", last) in heard.all or timeline.track._told == last, timeout=2000)
    # It rests in the hand.
    qtbot.waitUntil(lambda: ("sought", last) in heard.all, timeout=2000)
    heard.take()
    # What the run tells meanwhile does not take the handle out of the hand, nor the scale from below it.
    timeline.show_time(950, 2000, MARKS, 1)
    assert (track.step, track.end) == (last, 1000)
    assert timeline.step_field.text() == f"{last:,}"
    # Letting go where it rested asks nothing anew.
    QTest.mouseRelease(track, LEFT, pos=place(timeline, last))
    assert heard.take("sought") == []
    # Now the newest length is shown, and the handle waits for the run to come.
    assert (track.step, track.end) == (last, 2000)
    timeline.show_time(950, 2000, MARKS, 0)
    assert track.step == last
    timeline.show_time(last, 2000, MARKS, 0)
    timeline.show_time(1234, 2000, MARKS, 0)
    assert track.step == 1234


def test_letting_go_in_motion_asks_once_for_the_last_step(timeline, heard):
    track = timeline.track
    QTest.mousePress(track, LEFT, pos=place(timeline, 300))
    for step in (350, 420, 640):
        QTest.mouseMove(track, place(timeline, step))
    QTest.mouseRelease(track, LEFT, pos=place(timeline, 640))
    sought = heard.take("sought")
    assert sought == [track.step]
    assert abs(track.step - 640) <= 1000 / track.width()


def test_beyond_the_ends_are_the_ends(timeline, heard):
    track = timeline.track
    QTest.mousePress(track, LEFT, pos=place(timeline, 300))
    for across, expected in ((-500, 0), (5000, 1000)):
        QTest.mouseMove(track, QPoint(across, 10))
        assert track.step == expected
    QTest.mouseRelease(track, LEFT, pos=QPoint(5000, 10))
    assert heard.take("sought") == [1000]


def test_a_handle_that_waits_in_vain_follows_the_run_again(timeline, qtbot):
    track = timeline.track
    QTest.mouseClick(track, LEFT, pos=place(timeline, 800))
    timeline.show_time(310, 1000, MARKS, 0)
    assert abs(track.step - 800) <= 1
    qtbot.waitUntil(lambda: track.step == 310, timeout=6000)


def test_a_click_on_a_mark_goes_to_its_very_step(timeline, heard):
    timeline.show_time(0, 1_000_000, (Mark(123_456, "change", "x"),), 0)
    spot = place(timeline, 123_456, 0.3)
    for off in (-3, 0, 4):
        timeline.show_time(0, 1_000_000, timeline.track.marks, 0)
        QTest.mouseClick(timeline.track, LEFT, pos=spot + QPoint(off, 0))
        assert heard.take("sought") == [123_456]
        timeline.track.let_go()
    # On the groove it is the place that counts.
    QTest.mouseClick(timeline.track, LEFT, pos=place(timeline, 123_456) + QPoint(4, 0))
    assert heard.take("sought") != [123_456]


def test_a_double_click_on_a_mark_opens_it(timeline, heard):
    QTest.mouseDClick(timeline.track, LEFT, pos=place(timeline, 500, 0.3))
    assert heard.take("mark_activated") == [MARKS[2]]
    QTest.mouseDClick(timeline.track, LEFT, pos=place(timeline, 600, 0.3))
    assert heard.take("mark_activated") == []


def test_hovering_names_the_marks_near_the_pointer(timeline):
    QTest.mouseMove(timeline.track, place(timeline, 600, 0.3))
    QTest.mouseMove(timeline.track, place(timeline, 500, 0.3))
    assert QToolTip.text() == "<qt>step 500: &lt;before&gt; it fell</qt>"
    # Those that would lie upon each other are one, and counted.
    QTest.mouseMove(timeline.track, place(timeline, 100, 0.3))
    assert QToolTip.text() == "<qt><b>2 marks</b><br>step 100: Clip c 0.01 → 0.02<br>step 101: Batch 64 → 128</qt>"
    QTest.mouseMove(timeline.track, place(timeline, 300, 0.3))
    QTest.qWait(350)
    assert not QToolTip.isVisible()
    timeline.show_time(0, 1000, tuple(Mark(600, "change", f"number {n}") for n in range(20)), 0)
    QTest.mouseMove(timeline.track, place(timeline, 600, 0.3))
    assert QToolTip.text().startswith("<qt><b>20 marks</b><br>step 600: number 0<br>")
    assert QToolTip.text().endswith("<br>and 12 more</qt>")


# Keys


@pytest.mark.parametrize(
    ("key", "modifiers", "said"),
    [
        (Key.Key_Left, Modifier.NoModifier, ("stepped", -1)),
        (Key.Key_Right, Modifier.NoModifier, ("stepped", 1)),
        (Key.Key_PageUp, Modifier.NoModifier, ("sought", 350)),
        (Key.Key_PageDown, Modifier.NoModifier, ("sought", 250)),
        (Key.Key_Home, Modifier.NoModifier, ("sought", 0)),
        (Key.Key_End, Modifier.NoModifier, ("sought", 1000)),
        (Key.Key_Home, Modifier.ControlModifier, ("sought", 0)),
        (Key.Key_End, Modifier.ControlModifier, ("sought", 1000)),
        (Key.Key_Left, Modifier.ControlModifier, ("sought", 101)),
        (Key.Key_Right, Modifier.ControlModifier, ("sought", 500)),
        (Key.Key_Left, Modifier.ShiftModifier, ("stepped", -1)),
        (Key.Key_Space, Modifier.ShiftModifier, ("play_wanted", -1)),
        (Key.Key_B, Modifier.ControlModifier, ("bookmark_wanted",)),
    ],
)
@pytest.mark.parametrize("on_track", [True, False])
def test_keys(window, timeline, heard, key, modifiers, said, on_track):
    if not on_track:
        if modifiers == Modifier.NoModifier:
            return
        # Shortcuts hold wherever nothing else takes the key.
        window.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        window.setFocus()
    focused = QApplication.focusWidget()
    assert focused is (timeline.track if on_track else window)
    QTest.keyClick(focused, key, modifiers)
    assert heard.take() == [said]


def test_pages_and_marks_go_on_from_the_step_that_is_wanted(timeline, heard):
    track = timeline.track
    for _ in range(3):
        QTest.keyClick(track, Key.Key_PageUp)
        timeline.show_time(300, 1000, MARKS, 0)
    assert heard.take("sought") == [350, 400, 450]
    for _ in range(5):
        QTest.keyClick(track, Key.Key_Right, Modifier.ControlModifier)
    # At the last mark there is no next one, and nothing is asked.
    assert heard.take("sought") == [500, 700, 900]
    QTest.keyClick(track, Key.Key_Return)
    assert heard.take("mark_activated") == [MARKS[0]]


def test_a_text_field_keeps_its_own_keys(window, timeline, heard):
    window.field.setFocus()
    window.field.setText("abc")
    for key in (Key.Key_Home, Key.Key_End, Key.Key_Left):
        QTest.keyClick(window.field, key)
    assert heard.take() == []


def test_shortcuts_are_no_others_of_the_window(window, timeline):
    mine = [action.shortcut().toString() for action in timeline.actions_ if not action.shortcut().isEmpty()]
    assert len(mine) == len(set(mine))
    taken = {"Space", "Right", "F2", "Ctrl+R", "Ctrl+T", "Ctrl+E", "Ctrl+O", "Ctrl+S", "Ctrl+Q"}
    taken |= {f"Ctrl+{number}" for number in range(1, 6)}
    assert set(mine).isdisjoint(taken)


# The step as a number


def test_a_step_can_be_typed(timeline, heard):
    field = timeline.step_field
    assert (field.text(), timeline.end_label.text()) == ("300", "of 1,000")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "64")
    # What the run does meanwhile leaves the typing alone.
    timeline.show_time(301, 2500, MARKS, 1)
    QTest.keyClicks(field, "2")
    assert field.text() == "642"
    QTest.keyClick(field, Key.Key_Return)
    assert heard.take() == [("sought", 642)]
    assert timeline.track.step == 642
    assert timeline.track.hasFocus()
    assert timeline.end_label.text() == "of 2,500"


@pytest.mark.parametrize("typed", ["1,001", "-1", "1e2", "", "word", "٣", "9" * 200, "1.5e3"])
def test_what_is_no_step_is_refused_in_a_sentence(timeline, heard, typed):
    field = timeline.step_field
    field.setFocus()
    field.selectAll()
    QTest.keyClick(field, Key.Key_Delete)
    if typed.isascii():
        QTest.keyClicks(field, typed)
    else:
        # Qt's tests press no other keys.
        field.insert(typed)
    QTest.keyClick(field, Key.Key_Return)
    assert heard.take() == []
    assert QToolTip.text() == "A step is a whole number from 0 to 1,000."
    QTest.keyClick(field, Key.Key_Escape)
    assert field.text() == "300"


def test_typing_that_is_left_is_forgotten(timeline, heard):
    field = timeline.step_field
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "7")
    timeline.track.setFocus()
    assert (field.text(), heard.take()) == ("300", [])


@pytest.mark.parametrize("typed", ["1 000", "1,000", "1.000", "1000 "])
def test_thousands_are_read_as_people_write_them(timeline, heard, typed):
    field = timeline.step_field
    field.setFocus()
    field.setText("")
    QTest.keyClicks(field, typed)
    QTest.keyClick(field, Key.Key_Enter)
    assert heard.take("sought") == [1000]


# Buttons


def test_buttons_say_what_is_wanted(timeline, heard):
    expected = {
        timeline.start_action: [("sought", 0)],
        timeline.play_back_action: [("play_wanted", -1)],
        timeline.back_action: [("stepped", -1)],
        timeline.play_action: [("play_wanted", 1)],
        timeline.forward_action: [("stepped", 1)],
        timeline.fast_action: [("speed_chosen", 0.0), ("play_wanted", 1)],
        timeline.end_action: [("sought", 1000)],
        timeline.bookmark_action: [("bookmark_wanted",)],
    }
    for action, said in expected.items():
        QTest.mouseClick(timeline.buttons[action], LEFT)
        assert heard.take() == said, action.text()
        timeline.track.let_go()
    for playing in (1, -1):
        timeline.show_time(300, 1000, MARKS, playing)
        assert timeline.buttons[timeline.play_action].accessibleName() == "Pause"
        QTest.mouseClick(timeline.buttons[timeline.play_action], LEFT)
        assert heard.take() == [("play_wanted", 0)]
    QTest.mouseClick(timeline.buttons[timeline.play_back_action], LEFT)
    assert heard.take() == [("play_wanted", 0)]


def test_buttons_that_lead_nowhere_are_off(timeline):
    def on():
        names = ("start", "play_back", "back", "play", "forward", "fast", "end", "bookmark")
        return [name for name in names if getattr(timeline, f"{name}_action").isEnabled()]

    assert len(on()) == 8
    timeline.show_time(1000, 1000, MARKS, 0)
    assert on() == ["start", "play_back", "back", "play", "forward", "bookmark"]
    timeline.show_time(0, 1000, MARKS, 0)
    assert on() == ["play", "forward", "fast", "end", "bookmark"]
    timeline.show_time(0, 0, (), 0)
    assert on() == ["play", "forward", "bookmark"]


def test_a_speed_is_chosen_or_typed(timeline, heard):
    box = timeline.speed_box
    assert box.currentText() == "1,000 steps/s"
    box.setFocus()
    for typed, speed, shown in (
        ("250", 250.0, "250 steps/s"), ("0.5 steps/s", 0.5, "0.5 steps/s"), ("1 step/s", 1.0, "1 step/s"),
        (FASTEST, 0.0, FASTEST),
    ):  # fmt: skip
        box.lineEdit().selectAll()
        QTest.keyClicks(box.lineEdit(), typed)
        QTest.keyClick(box.lineEdit(), Key.Key_Return)
        assert heard.take() == [("speed_chosen", speed)]
        assert (box.currentText(), timeline.speed) == (shown, speed)
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "-3")
    QTest.keyClick(box.lineEdit(), Key.Key_Return)
    assert heard.take() == []
    assert QToolTip.text() == f"A speed is a number of steps per second above 0, or “{FASTEST}”."
    assert box.currentText() == FASTEST
    assert all(read_speed(bad) is None for bad in ("nan", "inf", "0", "fast", ""))
    assert all(read_speed(speed_text(speed)) == speed for speed in (0.0, 0.25, 1.0, 12.0, 10000.0))


# The picture


def image_of(widget):
    QApplication.processEvents()
    return widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def names_of_colours(image):
    return {image.pixelColor(x, y).name() for x, y in itertools.product(range(image.width()), range(image.height()))}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_every_kind_of_mark_is_seen_at_its_place(timeline, theme):
    marks = (
        Mark(200, "change", ""), Mark(400, "diagnosis", ""), Mark(500, "diagnosis", "", good=True),
        Mark(600, "bookmark", ""), Mark(800, "branch", ""),
    )  # fmt: skip
    timeline.set_theme(theme)
    timeline.show_time(0, 1000, marks, 0)
    image, ratio = image_of(timeline.track), timeline.track.devicePixelRatioF()
    shapes = []
    for mark in marks:
        middle = place(timeline, mark.step)
        span = round(0.5 * timeline.track.em)
        around = image.copy(
            round((middle.x() - span) * ratio), 0, round(2 * span * ratio), round(0.7 * image.height())
        )  # fmt: skip
        colour = mark_colour(mark, theme)
        assert colour in names_of_colours(around), mark.kind
        bits = [
            around.pixelColor(x, y).name() == colour for y in range(around.height()) for x in range(around.width())
        ]  # fmt: skip
        shapes.append(tuple(bits))
    # Without colours, too, one is not another.
    assert len(set(shapes)) == len(shapes)
    far = image.copy(place(timeline, 300).x() - 3, 0, 6, image.height() // 2)
    assert len(names_of_colours(far)) == 1


def test_marks_upon_each_other_are_merged_and_none_is_lost(timeline):
    steps = np.random.default_rng(3).integers(0, 1_000_001, 10_000).tolist()
    timeline.show_time(0, 1_000_000, tuple(Mark(step, "change", "") for step in steps), 0)
    groups = timeline.track.groups()
    places = [group.x for group in groups]
    assert np.diff(places).min() >= 0.8 * timeline.track.em * (1 - 1e-9)
    assert [group.first for group in groups[1:]] == [group.end for group in groups[:-1]]
    assert (groups[0].first, groups[-1].end) == (0, 10_000)
    # The heaviest stands for all.
    marks = (Mark(10, "change", ""), Mark(11, "bookmark", "kept"), Mark(12, "diagnosis", ""))
    timeline.show_time(0, 1_000_000, marks, 0)
    assert [group.chief for group in timeline.track.groups()] == [marks[1]]


def test_a_step_beyond_the_end_makes_the_run_longer(timeline):
    timeline.show_time(5, 3, (), 0)
    assert (timeline.track.step, timeline.track.end) == (5, 5)
    assert timeline.track.accessibleDescription() == "step 5 of 5"


@pytest.mark.parametrize("points", [10, 20])
@pytest.mark.parametrize("width", [1280, 3840])
def test_every_word_is_whole(timeline, window, points, width):
    font = timeline.font()
    font.setPointSize(points)
    timeline.setFont(font)
    window.resize(width, 200)
    timeline.show_time(1_234_567, 9_876_543, MARKS, 0)
    QApplication.processEvents()
    for label in (timeline.step_label, timeline.end_label):
        assert label.width() >= label.fontMetrics().horizontalAdvance(label.text())
    for field in (timeline.step_field, timeline.speed_box.lineEdit()):
        assert field.width() >= field.fontMetrics().horizontalAdvance(field.text())
    assert timeline.width() <= width
    assert timeline.track.width() >= 7 * timeline.track.em - 1
    assert timeline.height() <= 3.5 * timeline.track.em


def test_every_part_has_a_name_and_can_be_reached(timeline):
    parts = [*timeline.buttons.values(), timeline.speed_box, timeline.track, timeline.step_field]
    assert len({part.accessibleName() for part in parts}) == len(parts)
    assert all(part.accessibleName() for part in parts)
    assert all(part.focusPolicy() & Qt.FocusPolicy.TabFocus for part in parts)


def test_the_icons_are_all_different():
    names = ("start", "play-back", "step-back", "play", "pause", "step", "fast", "end", "bookmark")
    pictures = [icons.icon(name, "#000000").pixmap(48, 48).toImage() for name in names]
    assert all(one != other for one, other in itertools.combinations(pictures, 2))
    for name, back in (("step", "step-back"), ("play", "play-back"), ("end", "start")):
        forth = icons.icon(name, "#000000").pixmap(96, 96).toImage().convertToFormat(QImage.Format.Format_Alpha8)
        other = icons.icon(back, "#000000").pixmap(96, 96).toImage().convertToFormat(QImage.Format.Format_Alpha8)
        one, two = (
            np.frombuffer(image.constBits(), np.uint8).reshape(96, -1)[:, :96].astype(int) for image in (forth, other)
        )  # fmt: skip
        assert abs(one[:, ::-1] - two).mean() < 2


# Rules in the plots


def test_rules_span_the_view_in_every_range_and_widen_none(qtbot):
    canvas = PlotCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    QApplication.processEvents()
    line = Line("line", "real", x=np.array([0.0, 10.0]), y=np.array([0.0, 1.0]))

    def show(*layers):
        canvas.show_scene(Scene("test", "Title", Axis("x"), Axis("y"), (line, *layers)))
        QApplication.processEvents()
        return np.array(canvas.getPlotItem().vb.viewRange())

    bare = show()
    np.testing.assert_array_equal(show(Rule("rule", "cursor", x=np.array([5.0, 3.0, 1000.0, np.nan]))), bare)
    item = canvas._drawn["rule"][1].item
    x, y = item.getData()
    assert x.tolist() == [3.0, 3.0, 5.0, 5.0]
    assert y.tolist() == [*bare[1], *bare[1]]
    # It follows the person's own view, and is the same item ever after.
    canvas.getPlotItem().vb.setRange(xRange=(0.0, 2000.0), yRange=(-5.0, 7.0), padding=0)
    x, y = item.getData()
    # Those nearer than three pixels are one.
    assert x.tolist() == [3.0, 3.0, 1000.0, 1000.0]
    assert y.tolist() == [-5.0, 7.0, -5.0, 7.0]
    canvas.fit()
    show(Rule("rule", "cursor", x=np.array([6.0]), style="dotted"))
    assert canvas._drawn["rule"][1].item is item
    assert item.getData()[0].tolist() == [6.0, 6.0]
    show()
    assert not item.isVisible()
    assert show(Rule("rule", "cursor")).tolist() == bare.tolist()
    assert len(item.getData()[0]) == 0
