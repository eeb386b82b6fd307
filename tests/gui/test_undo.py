"""Undo and redo of edits."""

from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QObject

from ganviz.experiment import Experiment
from ganviz.gui.undo import LIMIT, EditHistory, edit_label
from ganviz.gui.undo_actions import UndoActions

BASE = Experiment.from_mapping({"discriminator.clip": 0.01})


def clipped(value):
    return BASE.replace({"discriminator.clip": value})


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@settings(deadline=None)
@given(st.lists(st.one_of(st.floats(0.001, 0.9), st.sampled_from(["undo", "redo"])), max_size=40))
def test_it_goes_as_a_list_of_states_with_a_place_in_it(orders):
    clock, present = Clock(), BASE
    history, states, place = EditHistory(clock), [BASE], 0
    for order in orders:
        clock.now += 5
        if order == "undo":
            moved = history.undo(present)
            assert (moved is None) == (place == 0)
            place = max(0, place - 1)
        elif order == "redo":
            moved = history.redo(present)
            assert (moved is None) == (place == len(states) - 1)
            place = min(len(states) - 1, place + 1)
        else:
            moved = clipped(order)
            history.record(present, moved)
            if moved != present:
                states[place + 1 :] = [moved]
                place += 1
        present = moved or present
        assert present == states[place]


def test_a_drag_is_one_edit_and_one_back_to_its_beginning_is_none():
    clock = Clock()
    history = EditHistory(clock)
    for before, after in ((0.01, 0.02), (0.02, 0.03), (0.03, 0.04)):
        history.record(clipped(before), clipped(after))
        clock.now += 0.9
    assert history.undo_text == "Undo Clip c 0.01 → 0.04"
    assert history.undo() == clipped(0.01)
    assert history.undo() is None
    assert history.redo() == clipped(0.04)
    clock.now += 5
    history.record(clipped(0.04), clipped(0.05))
    history.record(clipped(0.05), clipped(0.04))
    assert history.undo_text == "Undo Clip c 0.01 → 0.04"
    other = clipped(0.04).replace({"seed": 3})
    history.record(clipped(0.04), other)
    assert history.undo() == clipped(0.04)


def test_no_more_than_the_limit_is_kept():
    clock = Clock()
    history = EditHistory(clock)
    for seed in range(LIMIT + 50):
        clock.now += 5
        history.record(BASE.replace({"seed": seed}), BASE.replace({"seed": seed + 1}))
    undone = 0
    while history.undo() is not None:
        undone += 1
    assert undone == LIMIT


def test_elsewhere_only_the_edits_own_fields_go_back():
    history = EditHistory()
    history.record(BASE, clipped(0.02))
    elsewhere = clipped(0.02).replace({"seed": 9})
    assert history.undo(elsewhere) == BASE.replace({"seed": 9})


def test_other_data_come_back_with_their_fields():
    ring = BASE.replace({"data.modes": 5})
    history = EditHistory()
    gaussian = ring.replace({"data.kind": "gaussian"})
    history.record(ring, gaussian)
    assert edit_label(ring, gaussian) == "Data ring → gaussian"
    assert history.undo(gaussian.replace({"seed": 4})) == ring.replace({"seed": 4})


def test_the_actions_say_what_they_would_do(qapp):
    parent, history = QObject(), EditHistory()
    actions = UndoActions(history, parent)
    assert not actions.undo_action.isEnabled()
    history.record(BASE, clipped(0.02), "this & that")
    actions.refresh(history)
    assert actions.undo_action.text() == "Undo this && that"
    history.undo()
    actions.refresh(history)
    assert actions.redo_action.isEnabled() and not actions.undo_action.isEnabled()
    keys = [key.toString() for key in actions.redo_action.shortcuts()]
    assert keys == ["Ctrl+Shift+Z", "Ctrl+Y"]
