"""Sessions that a process has left which was killed, and the question about them."""

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from ganviz.gui.locks import began, is_held, read_lock
from ganviz.gui.recovery import Leftover, claim, discard, leftovers
from ganviz.gui.recovery_bar import RecoveryBar, question

CHILD = """
import sys, time
from pathlib import Path
from types import SimpleNamespace as N
from ganviz.gui.autosave import Autosaver
state = N(branches=[N(recorded=N(first=N(title="Eight & <b>"), end=12345))], shown=(0,))
saver = Autosaver(lambda: saver.give(state), print, Path(sys.argv[1]), 0.02, lambda path, _: path.write_bytes(b"whole"))
saver.start()
saver.see(1)
while saver._saved != 1:
    time.sleep(0.002)
print("saved", flush=True)
time.sleep(60)
"""


@pytest.fixture
def begin(tmp_path):
    children = []

    def start():
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        children.append(child)
        assert child.stdout.readline() == "saved\n"
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def test_what_a_killed_process_leaves_is_found_and_taken_once(tmp_path, begin):
    killed, living = begin(), begin()
    assert leftovers(tmp_path) == []
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    (left,) = leftovers(tmp_path)
    assert (left.title, left.step, left.size) == ("Eight & <b>", 12345, 5)
    assert abs((datetime.now() - left.saved_at).total_seconds()) < 60
    taken = claim(left.path)
    assert taken is not None and taken.read_bytes() == b"whole"
    # It is this process's now, and another one that has seen it too comes too late.
    assert claim(left.path) is None
    assert not discard(left.path)
    assert leftovers(tmp_path) == []
    assert living.poll() is None
    assert len(list(tmp_path.iterdir())) == 4


def test_discarding_leaves_nothing(tmp_path, begin):
    killed = begin()
    killed.kill()
    killed.wait()
    (left,) = leftovers(tmp_path)
    (tmp_path / f".{left.path.stem}.ganviz.tmp").write_bytes(b"half")
    assert leftovers(tmp_path) == [left]
    assert discard(left.path)
    assert list(tmp_path.iterdir()) == []


def test_rubbish_is_left_alone_and_a_reused_number_is_not_a_life(tmp_path):
    assert leftovers(tmp_path / "missing") == []
    mine = began(os.getpid())
    assert mine and began(2**22 + 5) == ""
    (tmp_path / "notes.ganviz").write_bytes(b"x")
    (tmp_path / ("a" * 32 + ".ganviz")).mkdir()
    for digit, lock in zip("bcde", (b"\xff", b"[" * 60000, b"{}", b'{"pid": 1, "began": 2}'), strict=True):
        (tmp_path / (digit * 32 + ".ganviz")).write_bytes(b"x")
        (tmp_path / (digit * 32 + ".lock")).write_bytes(lock)
    (tmp_path / ("f" * 32 + ".ganviz")).write_bytes(b"")
    assert sorted(left.path.name[0] for left in leftovers(tmp_path)) == ["b", "c", "d", "e"]
    assert (tmp_path / "notes.ganviz").exists()
    taken = claim(tmp_path / ("b" * 32 + ".ganviz"))
    lock = taken.with_suffix(".lock")
    said = read_lock(lock)
    assert is_held(lock, said)
    assert not is_held(lock, {**said, "began": mine + "0"})
    # Of another computer only the touches tell.
    elsewhere = {**said, "place": "elsewhere"}
    assert is_held(lock, elsewhere)
    assert not is_held(lock, elsewhere, lock.stat().st_mtime + 601)


def test_the_question_is_asked_for_one_after_the_other(qtbot):
    bar = RecoveryBar()
    qtbot.addWidget(bar)
    now = datetime(2026, 3, 2, 14, 3)
    first, second, third = (
        Leftover(Path(name), now, "Eight <b>", 10_000_000, 12345) for name in ("one", "two", "three")
    )
    assert "at 14:03 with “Eight <b>”, step 12,345 (10.0 MB)" in question(first, now)
    assert "on 2 March 2026 at 14:03" in question(first, datetime(2026, 3, 3))
    said = []
    bar.recover_wanted.connect(lambda path: said.append(("recover", path)))
    bar.discard_wanted.connect(lambda path: said.append(("discard", path)))
    bar.discard_wanted.connect(bar.settle)
    bar.show_leftovers([])
    assert bar.isHidden()
    bar.show_leftovers([first, second, third])
    assert "(2 more)" in bar.label.text()
    bar.recover_button.click()
    # It may be that what there is shall not be left for it.
    assert bar.asked is first
    bar.settle(first.path)
    bar.later_button.click()
    assert not bar.isHidden()
    bar.discard_button.click()
    assert bar.isHidden()
    assert said == [("recover", Path("one")), ("discard", Path("three"))]
