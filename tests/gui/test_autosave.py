"""Saving by itself: when, what it costs, what happens where it fails."""

import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest

from ganviz.gui import autosave
from ganviz.gui.autosave import Autosaver
from ganviz.gui.locks import is_held, read_lock


def state(step=7, title="ring"):
    recorded = SimpleNamespace(first=SimpleNamespace(title=title), end=step)
    return SimpleNamespace(branches=[SimpleNamespace(recorded=recorded)], shown=(0,))


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


class Desk:
    """An autosaver with someone who answers it, and a disk that may be full."""

    def __init__(self, folder, interval=0.05):
        self.full, self.answers, self.took = False, True, 0.0
        self.requests, self.told, self.writes = [], [], []
        self.saver = Autosaver(self.request, self.told.append, folder, interval, self.write)
        self.saver.start()

    def request(self):
        self.requests.append(time.monotonic())
        if self.answers:
            self.saver.give(state(len(self.requests)))

    def write(self, path, given):
        self.writes.append((time.monotonic(), threading.current_thread().name))
        time.sleep(self.took)
        if self.full:
            raise OSError(28, "No space left on device")
        path.write_bytes(b"%d" % given.branches[0].recorded.end)


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path / "deep" / "recovery")
    yield made
    assert made.saver.close()
    assert not made.saver.alive


def test_only_what_has_changed_is_saved(desk):
    time.sleep(0.2)
    assert not desk.requests
    desk.saver.see(1)
    wait_for(desk.saver.path.exists)
    time.sleep(0.3)
    assert len(desk.writes) == 1
    assert desk.writes[0][1] == "autosave"
    desk.saver.see(2)
    wait_for(lambda: len(desk.writes) == 2)
    lock = desk.saver.path.with_suffix(".lock")
    wait_for(lambda: read_lock(lock).get("step") == 2)
    assert read_lock(lock)["title"] == "ring"
    assert is_held(lock, read_lock(lock))


def test_saving_takes_less_than_a_twentieth_of_the_time(desk):
    desk.took = 0.05
    for token in range(1, 4):
        desk.saver.see(token)
        wait_for(lambda token=token: len(desk.writes) == token)
    times = [moment for moment, _ in desk.writes]
    assert min(after - before for before, after in pairwise(times)) >= 20 * 0.05


def test_a_full_disk_is_told_once_and_tried_again(desk):
    desk.full = True
    desk.saver.see(1)
    wait_for(lambda: len(desk.writes) >= 3)
    assert len(desk.told) == 1
    assert "No space left on device" in desk.told[0]
    desk.full = False
    wait_for(desk.saver.path.exists)
    desk.full = True
    desk.saver.see(2)
    wait_for(lambda: len(desk.told) == 2)


def test_a_request_that_nobody_answers_is_made_again(desk):
    desk.answers = False
    desk.saver.see(1)
    wait_for(lambda: len(desk.requests) >= 3)
    assert not desk.writes


def test_what_was_saved_elsewhere_needs_no_recovery(desk):
    desk.saver.see(1)
    wait_for(lambda: desk.saver.path.exists() and desk.saver._saved == 1)
    desk.saver.settle(1)
    wait_for(lambda: not any(desk.saver.path.parent.iterdir()))
    desk.saver.see(2)
    wait_for(desk.saver.path.exists)


def test_an_adopted_file_goes_once_the_session_is_safe(desk):
    desk.saver.path.parent.mkdir(parents=True)
    taken = desk.saver.path.parent / "taken.ganviz"
    taken.write_bytes(b"old")
    desk.full = True
    desk.saver.adopt(taken)
    desk.saver.see(1)
    wait_for(lambda: desk.told)
    assert taken.exists()
    desk.full = False
    wait_for(lambda: not taken.exists())
    assert desk.saver.path.exists()


def test_a_session_asked_for_before_does_not_stand_for_an_adopted_file(desk):
    desk.answers = False
    desk.saver.see(1)
    wait_for(lambda: desk.requests)
    desk.saver.path.parent.mkdir(parents=True)
    taken = desk.saver.path.parent / "taken.ganviz"
    taken.write_bytes(b"old")
    desk.saver._interval = 60
    desk.saver._next = time.monotonic() + 60
    desk.saver.adopt(taken)
    desk.saver.give(state())
    wait_for(lambda: desk.saver._saved == 1)
    assert taken.exists()


@pytest.mark.parametrize("clean", [True, False])
def test_closing_leaves_something_only_where_it_is_to(tmp_path, clean):
    desk = Desk(tmp_path)
    desk.saver.see(1)
    wait_for(lambda: desk.saver._saved == 1)
    assert desk.saver.close(clean)
    assert len(list(tmp_path.iterdir())) == (0 if clean else 2)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    desk = Desk(tmp_path / "file" / "recovery")
    desk.saver.see(1)
    wait_for(lambda: desk.told)
    assert not desk.writes
    assert desk.saver.close()


def test_the_folder_is_the_systems(monkeypatch):
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_state_dir", lambda name, **_: f"/state/{name}")
    assert autosave.recovery_folder().as_posix() == "/state/ganviz/recovery"
