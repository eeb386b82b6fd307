import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog

from ganviz.experiment import TABLE, Experiment, find_parameter
from ganviz.gui.fields import (
    TICKS,
    ChoiceField,
    NumberField,
    PathField,
    SwitchField,
    TextField,
    make_field,
    tick_of,
    typed,
    value_at,
)
from ganviz.gui.form import GROUPS, Form, paths_in, place_of

NUMBERS = [row for row in TABLE if row.kind in ("number", "integer") and row.high <= 1e15]
LOGARITHMIC = [row for row in NUMBERS if row.scale == "log"]
LINEAR = [row for row in NUMBERS if row.scale == "linear"]
RATE = find_parameter("optimizer.generator.learning_rate")


def range_of(row):
    return row.usual or (row.low, row.high)


def rounding(row):
    """Return how far the rounding of whole numbers may move a value."""
    return 0.5 if row.kind == "integer" else 0.0


# Values and ticks


@given(st.sampled_from(LOGARITHMIC), st.floats(0, 1))
@settings(max_examples=300)
def test_logarithmic_sliders_give_a_value_back_within_one_percent(row, share):
    low, high = range_of(row)
    low = low if low > 0 else high * 1e-4
    value = low * (high / low) ** share
    assert value_at(row, tick_of(row, value)) == pytest.approx(value, rel=0.015)
    # A slider of 1,000 ticks over k decades moves by k/1000 decades a tick: half of that is lost, and the rounding.
    decades = math.log10(high / low)
    assert abs(math.log10(value_at(row, tick_of(row, value)) / value)) < 0.6 * decades / (TICKS - 40) + 0.0025


def test_the_learning_rate_within_one_percent():
    for exponent in range(-60, 1):
        value = 10 ** (exponent / 10)
        assert value_at(RATE, tick_of(RATE, value)) == pytest.approx(value, rel=0.01)


@given(st.sampled_from(LINEAR), st.floats(0, 1))
@settings(max_examples=200)
def test_linear_sliders_give_a_value_back_within_one_percent_of_the_range(row, share):
    low, high = range_of(row)
    value = low + share * (high - low)
    assert abs(value_at(row, tick_of(row, value)) - value) <= 0.01 * (high - low)


@given(st.sampled_from(NUMBERS), st.integers(0, TICKS))
@settings(max_examples=500)
def test_every_tick_is_an_allowed_value_and_comes_back(row, tick):
    value = value_at(row, tick)
    value = round(value) if row.kind == "integer" else value
    assert row.check(value) == value
    low, high = range_of(row)
    zero = row.scale == "log" and row.low <= 0 and not row.above
    assert low <= value <= high or (zero and value == 0)
    if row.kind == "number":
        again = value_at(row, tick_of(row, value))
        assert again == pytest.approx(value, rel=0.015, abs=0.011 * (high - low) if row.scale == "linear" else 0)


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: f"{'-'.join(row.when.get('data.kind', ()))} {row.path}")
def test_ticks_grow_and_reach_both_ends(row):
    low, high = range_of(row)
    values = [value_at(row, tick) for tick in range(TICKS + 1)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(high)
    zero = row.scale == "log" and row.low <= 0 and not row.above
    assert values[0] == (0.0 if zero else pytest.approx(low if low > 0 or row.scale == "linear" else high * 1e-4))
    assert tick_of(row, high) == TICKS
    # Values beyond the usual range stand at the ends.
    assert tick_of(row, high * 1e9 + 1) == TICKS
    assert tick_of(row, values[0]) == 0
    assert len({f"{value:.3g}" for value in values}) > (1 if row.kind == "integer" else 150)


def test_zero_has_a_place_of_its_own():
    assert tick_of(RATE, 0.0) == 0
    assert value_at(RATE, 0) == 0.0
    assert value_at(RATE, tick_of(RATE, 1e-6)) == pytest.approx(1e-6, rel=0.01)
    assert tick_of(RATE, 1e-6) > 20
    above = find_parameter("generator.gain")
    assert value_at(above, 0) > 0


def test_three_digits():
    for tick in range(0, TICKS + 1, 7):
        value = value_at(RATE, tick)
        assert float(f"{value:.3g}") == value


entries = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.6g}")))
flat = st.lists(entries, min_size=1, max_size=4)


@given(st.one_of(entries, flat, st.lists(flat, min_size=1, max_size=4)))
def test_what_is_typed_means_the_same(value):
    row = find_parameter("data.means", "mixture")
    checked = row.check(value)
    assert row.parse(typed(checked)) == checked


# Widgets


@pytest.fixture
def field(qtbot):
    """Make the field of a path, with what it sends."""

    def make(path, kind="ring"):
        made = make_field(find_parameter(path, kind))
        qtbot.addWidget(made)
        made.sent, made.sentences = [], []
        made.edited.connect(lambda *edit: made.sent.append(edit))
        made.refused.connect(made.sentences.append)
        made.show()
        qtbot.waitExposed(made)
        return made

    return make


def enter(qtbot, edit, text):
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClicks(edit, text)
    qtbot.keyClick(edit, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("generator.bias", "ring", SwitchField),
        ("objective.kind", "ring", ChoiceField),
        ("precision", "ring", ChoiceField),
        ("schedule.batch", "ring", NumberField),
        ("discriminator.clip", "ring", NumberField),
        ("generator.hidden", "ring", TextField),
        ("data.means", "mixture", TextField),
        ("data.path", "file", PathField),
        ("data.columns", "file", TextField),
    ],
)
def test_each_kind_of_parameter_has_its_field(field, path, kind, expected):
    made = field(path, kind)
    assert type(made) is expected
    assert made.row.help in made.toolTip()
    assert path in made.toolTip()
    assert made.accessibleName() == made.row.label


def test_every_row_of_the_table_has_a_field_that_shows_its_default_without_sending(qtbot):
    for row in TABLE:
        made = make_field(row)
        qtbot.addWidget(made)
        sent = []
        made.edited.connect(lambda *edit, sent=sent: sent.append(edit))
        made.refused.connect(sent.append)
        made.show_value(row.default)
        assert made.value == row.default
        assert sent == [], row.path
        made.deleteLater()


def test_a_switch_sends_its_path_and_value(field, qtbot):
    switch = field("generator.bias")
    switch.show_value(True)
    qtbot.mouseClick(switch.box, Qt.MouseButton.LeftButton, pos=QPoint(8, switch.box.height() // 2))
    assert switch.sent == [("generator.bias", False)]
    switch.show_value(True)
    assert switch.sent == [("generator.bias", False)]


def test_a_choice_sends_its_path_and_value(field, qtbot):
    choice = field("objective.kind")
    choice.show_value("non-saturating")
    assert [choice.box.itemData(index) for index in range(choice.box.count())] == list(choice.row.choices)
    choice.box.setFocus()
    qtbot.keyClick(choice.box, Qt.Key.Key_Down)
    assert choice.sent == [("objective.kind", "wasserstein")]
    whole = field("precision")
    whole.show_value(32)
    qtbot.keyClick(whole.box, Qt.Key.Key_Down)
    assert whole.sent == [("precision", 64)]


def test_a_number_is_typed(field, qtbot):
    rate = field("optimizer.generator.learning_rate")
    rate.show_value(2e-4)
    assert rate.edit.text() == "0.0002"
    enter(qtbot, rate.edit, "3e-3")
    assert rate.sent == [("optimizer.generator.learning_rate", 3e-3)]
    assert rate.slider.value() == tick_of(rate.row, 3e-3)
    enter(qtbot, rate.edit, "0.003")
    assert len(rate.sent) == 1
    # Beyond the slider, within the bounds.
    enter(qtbot, rate.edit, "7.5")
    assert rate.sent[-1] == ("optimizer.generator.learning_rate", 7.5)
    assert rate.slider.value() == TICKS
    batch = field("schedule.batch")
    batch.show_value(64)
    enter(qtbot, batch.edit, "100")
    assert batch.sent == [("schedule.batch", 100)]
    assert type(batch.sent[0][1]) is int


def test_a_number_is_slid(field, qtbot):
    rate = field("optimizer.generator.learning_rate")
    rate.show_value(2e-4)
    rate.slider.setFocus()
    qtbot.keyClick(rate.slider, Qt.Key.Key_Right)
    assert len(rate.sent) == 1
    path, value = rate.sent[0]
    assert path == "optimizer.generator.learning_rate"
    assert 2e-4 < value < 2.2e-4
    assert rate.edit.text() == typed(value)
    qtbot.keyClick(rate.slider, Qt.Key.Key_Home)
    assert rate.sent[-1] == ("optimizer.generator.learning_rate", 0.0)
    qtbot.keyClick(rate.slider, Qt.Key.Key_End)
    assert rate.sent[-1] == ("optimizer.generator.learning_rate", 1.0)
    modes = field("data.modes")
    modes.show_value(8)
    qtbot.keyClick(modes.slider, Qt.Key.Key_PageUp)
    assert modes.sent
    assert type(modes.sent[-1][1]) is int
    assert modes.sent[-1][1] > 8


def test_showing_a_value_neither_sends_nor_rounds_it(field):
    rate = field("optimizer.generator.learning_rate")
    rate.show_value(1.23456e-4)
    assert rate.sent == []
    assert rate.value == 1.23456e-4
    assert rate.edit.text() == "0.000123456"


def test_a_seed_has_no_slider(field, qtbot):
    seed = field("seed")
    seed.show_value(0)
    assert not seed.slider.isVisible()
    enter(qtbot, seed.edit, str(2**62 + 1))
    assert seed.sent == [("seed", 2**62 + 1)]


@pytest.mark.parametrize(
    ("path", "kind", "shown", "text", "words"),
    [
        ("schedule.batch", "ring", 64, "a lot", ("schedule.batch", "a lot", "whole number")),
        ("schedule.batch", "ring", 64, "0", ("schedule.batch = 0", "from 1 to 8192")),
        ("schedule.batch", "ring", 64, "2.5", ("schedule.batch", "2.5")),
        ("optimizer.generator.learning_rate", "ring", 2e-4, "-1", ("learning_rate", "-1", "from 0 to 10")),
        ("optimizer.generator.learning_rate", "ring", 2e-4, "nan", ("learning_rate", "nan")),
        ("optimizer.generator.learning_rate", "ring", 2e-4, "", ("learning_rate",)),
        ("generator.hidden", "ring", (8, 8), "8, x", ("generator.hidden", "8, x")),
        ("generator.hidden", "ring", (8, 8), "9999", ("generator.hidden", "9999", "1024")),
        ("data.means", "mixture", (-2.0, 2.0), "[1, 2", ("data.means", "[1, 2")),
    ],
)
def test_what_is_no_value_is_refused_with_a_sentence(field, qtbot, path, kind, shown, text, words):
    made = field(path, kind)
    made.show_value(shown)
    enter(qtbot, made.edit, text or " ")
    assert made.sent == []
    assert len(made.sentences) == 1
    for word in words:
        assert word in made.sentences[0]
    assert "\n" not in made.sentences[0]
    assert made.edit.text() == typed(shown)
    assert made.value == shown


def test_lists_are_typed(field, qtbot):
    hidden = field("generator.hidden")
    hidden.show_value((128, 128))
    assert hidden.edit.text() == "128, 128"
    enter(qtbot, hidden.edit, "64, 32,16")
    assert hidden.sent == [("generator.hidden", (64, 32, 16))]
    assert hidden.edit.text() == "64, 32, 16"
    enter(qtbot, hidden.edit, "")
    qtbot.keyClick(hidden.edit, Qt.Key.Key_Backspace)
    qtbot.keyClick(hidden.edit, Qt.Key.Key_Return)
    assert hidden.sent[-1] == ("generator.hidden", ())
    means = field("data.means", "mixture")
    means.show_value((-2.0, 2.0))
    enter(qtbot, means.edit, "[[0, 1], [2, 3]]")
    assert means.sent == [("data.means", ((0.0, 1.0), (2.0, 3.0)))]
    assert means.edit.text() == "[[0, 1], [2, 3]]"
    columns = field("data.columns", "file")
    columns.show_value(())
    enter(qtbot, columns.edit, "bill_length_mm, 4")
    assert columns.sent == [("data.columns", ("bill_length_mm", "4"))]


def test_a_path_is_typed_chosen_or_looked_for(field, qtbot, monkeypatch):
    path = field("data.path", "file")
    path.show_value("faithful.csv")
    shipped = [path.box.itemText(index) for index in range(path.box.count())]
    assert {"faithful.csv", "galaxies.csv", "penguins.csv"} <= set(shipped)
    assert path.edit.text() == "faithful.csv"
    path.box.setFocus()
    qtbot.keyClick(path.box, Qt.Key.Key_Down)
    assert path.sent == [("data.path", path.box.currentText())]
    enter(qtbot, path.edit, "/tmp/own.csv")
    assert path.sent[-1] == ("data.path", "/tmp/own.csv")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/tmp/other.npy", ""))
    qtbot.mouseClick(path.button, Qt.MouseButton.LeftButton)
    assert path.sent[-1] == ("data.path", "/tmp/other.npy")
    count = len(path.sent)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    qtbot.mouseClick(path.button, Qt.MouseButton.LeftButton)
    assert len(path.sent) == count


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        ("optimizer.generator.learning_rate", 2e-4, "slider"),
        ("optimizer.generator.learning_rate", 2e-4, "edit"),
        ("objective.kind", "minimax", "box"),
    ],
)
def test_the_wheel_changes_nothing(field, path, value, part):
    made = field(path)
    made.show_value(value)
    target = getattr(made, part)
    for delta in (120, -120):
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(target.mapToGlobal(QPoint(5, 5))),
            QPoint(),
            QPoint(0, delta),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(target, event)
    assert made.sent == []
    assert made.value == value


# The form


@pytest.fixture
def form(qtbot):
    made = Form()
    qtbot.addWidget(made)
    made.resize(300, 700)
    made.show()
    qtbot.waitExposed(made)
    return made


def shown_paths(form):
    return {field.row.path for field in form._fields.values() if not field.isHidden()}


@pytest.mark.parametrize("kind", ["ring", "gaussian", "mixture", "diracs", "checkerboard"])
def test_the_form_has_what_applies_and_nothing_else(form, kind):
    experiment = Experiment.from_mapping({"data.kind": kind})
    form.show_experiment(experiment, experiment)
    values = experiment.values()
    expected = {row.path for row in TABLE if row.path in values and row.applies(values)} - {"title", "source"}
    assert shown_paths(form) == expected
    for path in expected:
        assert form.field(path).value == experiment[path] if path != "data.kind" else kind


def test_the_form_follows_choices(form):
    adam = Experiment.from_mapping({})
    form.show_experiment(adam, adam)
    assert {"optimizer.generator.beta1", "objective.real_label"} <= shown_paths(form)
    other = adam.replace({"optimizer.generator.kind": "momentum", "objective.kind": "wasserstein"})
    form.show_experiment(other, other)
    assert "optimizer.generator.momentum" in shown_paths(form)
    assert not {"optimizer.generator.beta1", "objective.real_label", "objective.fake_label"} & shown_paths(form)
    form.show_experiment(adam, adam)
    assert "optimizer.generator.beta1" in shown_paths(form)


def test_every_parameter_stands_in_exactly_one_group(form):
    for row in TABLE:
        groups = [name for name, _, beginnings, _ in GROUPS if row.path.startswith(beginnings)]
        if row.path in ("title", "source"):
            assert groups == []
        else:
            # What bounds the discriminator stands beside the objective; the first group counts.
            assert groups in ([groups[0]], ["objective", "discriminator"]), row.path
    names = [name for name, *_ in GROUPS]
    assert names[names.index("objective") + 1] == "penalty"
    assert place_of(find_parameter("penalty.weight")) == "Penalty › Weight"
    assert place_of(find_parameter("noise.size")) == "Noise › Noise pool"


def test_the_penalty_is_there_and_shows_what_its_kind_has(form):
    plain = Experiment.from_mapping({})
    form.show_experiment(plain, plain)
    fields = {"penalty.kind", "penalty.weight", "penalty.target"}
    assert fields & shown_paths(form) == {"penalty.kind"}
    for kind, expected in (
        ("gradient", fields),
        ("r1", fields - {"penalty.target"}),
        ("consensus", fields - {"penalty.target"}),
    ):
        with_penalty = plain.replace({"penalty.kind": kind})
        form.show_experiment(with_penalty, with_penalty)
        assert fields & shown_paths(form) == expected
    assert form.field("penalty.kind").isVisible()


def test_the_tooltip_tells_the_default_beside_the_other_values(form):
    for kind, decay, epsilon in (
        ("rmsprop", "0.99", "1e-08"),
        ("rmsprop-tf1", "0.9", "1e-10"),
        ("rmsprop", "0.99", "1e-08"),
    ):
        experiment = Experiment.from_mapping({"optimizer.generator.kind": kind})
        form.show_experiment(experiment, experiment)
        assert f"default {decay};" in form.field("optimizer.generator.decay").toolTip()
        assert f"default {epsilon};" in form.field("optimizer.generator.epsilon").toolTip()
        # The other player's own kind counts.
        assert experiment.optimizer.discriminator.kind == "adam"
        assert "default 1e-08;" in form.field("optimizer.discriminator.epsilon").toolTip()


def test_what_a_sentence_names_is_brought_into_view(form, qtbot):
    experiment = Experiment.from_mapping({})
    form.show_experiment(experiment, experiment)
    assert paths_in("schedule.batch = 9 is not allowed with discriminator.packing = 2: set schedule.batch to 8.") == [
        "schedule.batch",
        "discriminator.packing",
    ]
    assert paths_in("own.toml: nothing.here = 3, seed") == []
    packing = form.field("discriminator.packing")
    assert not packing.isVisible()
    # Of a field that does not show nothing is said.
    assert form.reveal(["discriminator.packing", "penalty.weight", "schedule.batch"]) == [
        "Discriminator › Packing",
        "Schedule › Batch",
    ]
    qtbot.waitUntil(lambda: not packing.visibleRegion().isEmpty())
    assert form.reveal([]) == []


def test_the_form_passes_edits_and_refusals_on(form, qtbot):
    experiment = Experiment.from_mapping({})
    form.show_experiment(experiment, experiment)
    sent, sentences = [], []
    form.edited.connect(lambda *edit: sent.append(edit))
    form.refused.connect(sentences.append)
    enter(qtbot, form.field("schedule.batch").edit, "32")
    enter(qtbot, form.field("data.modes").edit, "many")
    assert sent == [("schedule.batch", 32)]
    assert len(sentences) == 1
    assert "data.modes" in sentences[0]


def test_what_waits_for_a_restart_is_marked(form):
    running = Experiment.from_mapping({})
    form.show_experiment(running.replace({"seed": 3}), running)
    marks = {field.row.path for field in form._fields.values() if field._label.property("pending")}
    assert marks == {"seed"}
    form.show_experiment(running, running)
    assert not any(field._label.property("pending") for field in form._fields.values())


def test_groups_fold(form, qtbot):
    experiment = Experiment.from_mapping({})
    form.show_experiment(experiment, experiment)
    for group in form.groups.values():
        unfolded = group.body.isVisible()
        qtbot.mouseClick(group.button, Qt.MouseButton.LeftButton)
        assert group.body.isVisible() != unfolded
        qtbot.mouseClick(group.button, Qt.MouseButton.LeftButton)
        assert group.body.isVisible() == unfolded


def test_a_live_and_a_restarting_parameter_say_so(field):
    assert "acts at once" in field("schedule.batch").toolTip()
    assert "needs a restart" in field("seed").toolTip()
    assert dataclasses.is_dataclass(RATE)
