"""Saving ended by force, a full disk or a folder without rights: the file is the old or the new one, and whole.

The default tests kill 20 processes; ``python -m pytest -m kill tests/run/test_session_kill.py`` kills 100.
Run as a program, ``python tests/run/test_session_kill.py FILE COUNT``, this file kills so many processes that save a
session again and again, with a number that rises in its notes.

"""

import dataclasses
import errno
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganviz.experiment import Experiment
from ganviz.run import Run, container
from ganviz.run.session import Session
from ganviz.run.session_file import read_session, write_session

SETTINGS = {"generator.hidden": [8], "discriminator.hidden": [8], "schedule.batch": 16}


def state(steps=60, notes=""):
    run = Run(Experiment.from_mapping(SETTINGS))
    run.advance(steps)
    made = Session(run)
    made.notes = notes
    return made.state()


def save_forever(path, kept):
    # 400 kB of text that hardly packs, so that a kill finds it writing more often than not.
    for number in itertools.count(1):
        notes = f"{number} " + random.Random(number).randbytes(200_000).hex()
        write_session(path, dataclasses.replace(kept, notes=notes))
        print(number, flush=True)


def kill_while_saving(path, kills):
    """Kill a process that saves at random moments; return the numbers of the files that were left, and what was left
    over beside them at its most.
    """
    kept, found, rest = state(), [], 0
    rng = random.Random()
    # One process imports everything; what is killed are its copies, made in no time.
    for _ in range(kills):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                os.dup2(writer, 1)
                sys.stdout = os.fdopen(1, "w")
                save_forever(path, kept)
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader) as told:
            first = told.readline()
            time.sleep(rng.uniform(0, 0.08))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            done = [int(line) for line in (first + told.read()).splitlines(keepends=True) if line.endswith("\n")]
        number = int(read_session(path).notes.split()[0])
        # What was told is on the disk; the one after it may be.
        assert number in (done[-1], done[-1] + 1)
        found.append((number, done[-1]))
        rest = max(rest, len(list(path.parent.iterdir())) - 1)
    return found, rest


def program(path, kills):
    done = subprocess.run(
        [sys.executable, __file__, str(path), str(kills)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def killed(path, kills):
    told = program(path, kills)
    assert f"{kills} kills" in told
    # Those that were killed in the middle leave a file beside it, which the next one that saves removes.
    assert len(list(path.parent.iterdir())) <= 2
    write_session(path, state(5, "after"))
    assert [left.name for left in path.parent.iterdir()] == [path.name]
    assert read_session(path).notes == "after"
    return told


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no processes that can be copied here")
def test_after_twenty_kills_the_file_is_whole(tmp_path):
    killed(tmp_path / "a.ganviz", 20)


@pytest.mark.kill
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no processes that can be copied here")
def test_after_a_hundred_kills_the_file_is_whole(tmp_path):
    print(killed(tmp_path / "a.ganviz", 100))


INTERVAL = 0.3
AUTOSAVING = """
import sys, time
from pathlib import Path
from ganviz.experiment import Experiment
from ganviz.gui.autosave import Autosaver
from ganviz.run import Run
from ganviz.run.session import Session

run = Run(Experiment.from_mapping({settings}))
made = Session(run)
wanted = []
saver = Autosaver(lambda: wanted.append(1), print, folder=Path(sys.argv[1]), interval={interval})
saver.start()
while True:
    run.advance(1)
    saver.see(run.step)
    # When each step was there is told first: what is lost is what was there an interval before.
    print(run.step, time.monotonic(), flush=True)
    if wanted:
        wanted.clear()
        saver.give(made.state())
    time.sleep(0.005)
"""


def test_a_killed_process_loses_the_last_interval_of_its_autosaving_at_most(tmp_path):
    """Beside the interval itself: a look at the clock, the time that writing takes, and a loaded computer."""
    rng = random.Random(5)
    code = AUTOSAVING.format(settings=SETTINGS, interval=INTERVAL)
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        child = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
        with child, child.stdout as told:
            lines = [told.readline()]
            until = time.monotonic() + 3 * INTERVAL + rng.uniform(0, INTERVAL)
            while time.monotonic() < until:
                lines.append(told.readline())
            child.kill()
            lines += told.read().splitlines(keepends=True)
        times = dict(map(float, line.split()) for line in lines if line.endswith("\n"))
        (left,) = folder.glob("*.ganviz")
        kept = read_session(left).branches[0].recorded
        lost = max(times.values()) - times[float(kept.end)]
        print(f"{lost:.2f} s lost, at step {kept.end} of {int(max(times))}")
        assert lost < INTERVAL + 1.0
        assert kept.end > 1


# ---------------------------------------------------------------- what fails while it is saved


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "a.ganviz"
    write_session(path, state(5, "old"))
    return path


def refused(path, kept, words):
    """Save in vain: one sentence, the old file as it was, and nothing beside it."""
    before = path.read_bytes()
    with pytest.raises(OSError, match=words) as caught:
        write_session(path, kept)
    sentence = caught.value.strerror
    assert sentence.startswith("the session could not be saved: ")
    assert "\n" not in sentence
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert [left.name for left in path.parent.iterdir()] == [path.name]
    assert read_session(path).notes == "old"


@pytest.mark.parametrize("after", [0, 100, 3000])
def test_a_full_disk_is_a_sentence(saved, monkeypatch, after):
    def fdopen(handle, mode):
        return Full(open(handle, mode), after)  # noqa: PTH123

    monkeypatch.setattr(container.os, "fdopen", fdopen)
    refused(saved, state(), "No space left on device")


class Full:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_disk_that_is_full_only_when_it_is_flushed_is_a_sentence(saved, monkeypatch):
    def fsync(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(container.os, "fsync", fsync)
    refused(saved, state(), "No space left on device")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_small_disk_is_a_sentence(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        path = tmp_path / "a.ganviz"
        write_session(path, state(5, "old"))
        refused(path, dataclasses.replace(state(), notes=random.Random(1).randbytes(100_000).hex()), "No space left")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_folder_without_rights_is_a_sentence(saved, monkeypatch):
    opened = os.open

    def forbidden(path, flags, *rest):
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, flags, *rest)

    monkeypatch.setattr(container.os, "open", forbidden)
    refused(saved, state(), "Permission denied")


def test_a_file_that_cannot_be_replaced_is_a_sentence(saved, monkeypatch):
    def replace(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "replace", replace)
    refused(saved, state(), "Permission denied")


@pytest.mark.parametrize("name", ["none/a.ganviz", "a\0b.ganviz", "x" * 300 + ".ganviz"])
def test_a_goal_that_cannot_be_is_a_sentence(tmp_path, name):
    with pytest.raises(OSError, match="the session could not be saved") as caught:
        write_session(tmp_path / name, state(2))
    assert "\n" not in caught.value.strerror
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_never_replaced(tmp_path):
    (tmp_path / "a.ganviz").mkdir()
    with pytest.raises(OSError, match="the session could not be saved"):
        write_session(tmp_path / "a.ganviz", state(2))
    assert [left.name for left in tmp_path.iterdir()] == ["a.ganviz"]


def test_the_longest_name_of_a_file_can_be_saved(tmp_path):
    path = tmp_path / ("n" * 248 + ".ganviz")
    write_session(path, state(2, "long"))
    assert read_session(path).notes == "long"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "a.ganviz"
    link.symlink_to(tmp_path / "real" / "b.ganviz")
    write_session(link, state(2, "linked"))
    assert link.is_symlink()
    assert read_session(tmp_path / "real" / "b.ganviz").notes == "linked"


def test_what_another_living_process_writes_is_left_alone(saved):
    here = container._computer()
    living = saved.with_name(f".{saved.name}.{os.getppid()}-{here}0123abcd.part")
    dead = saved.with_name(f".{saved.name}.{2**30}-{here}0123abcd.part")
    foreign = saved.with_name(f".{saved.name}.part")
    # A folder that computers share: that this one has no such process says nothing about another one.
    elsewhere = saved.with_name(f".{saved.name}.{2**30}-{'0' * 16}.part")
    left = saved.with_name(f".{saved.name}.{os.getpid()}-{'1' * 16}.part")
    for path in (living, dead, foreign, elsewhere, left):
        path.write_bytes(b"half")
    os.utime(left, (time.time() - 7200,) * 2)
    write_session(saved, state(2))
    assert living.exists()
    assert foreign.exists()
    assert elsewhere.exists()
    assert not dead.exists()
    assert not left.exists()


def test_a_file_that_is_replaced_keeps_its_rights(saved):
    for rights in (0o600, 0o640, 0o666):
        saved.chmod(rights)
        write_session(saved, state(2))
        assert saved.stat().st_mode & 0o777 == rights


def test_on_windows_no_signal_is_sent(saved, monkeypatch):
    def kill(*_):
        raise AssertionError("os.kill ends a process on Windows")

    monkeypatch.setattr(container.os, "kill", kill)
    young = saved.with_name(f".{saved.name}.{2**30}-0123abcd.part")
    old = saved.with_name(f".{saved.name}.{2**30}-4567abcd.part")
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    monkeypatch.setattr(container.os, "name", "nt")
    assert container._written(young, 2**30, True)
    assert not container._written(old, 2**30, True)


# ---------------------------------------------------------------- what would not be read again


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("MOST_MEMBERS", 5, "parts, more than the 5"),
        ("LARGEST_TEXT", 1000, "more than the 1,000 allowed"),
        ("LARGEST_TEXTS", 3000, "more than the 3,000 allowed"),
        ("LARGEST", 10_000, "more than the 10,000"),
    ],
)
def test_a_container_that_would_be_too_large_is_refused(saved, monkeypatch, limit, value, words):
    kept = state()
    before = saved.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(container, limit, value)
        with pytest.raises(OSError, match=words):
            write_session(saved, kept)
    assert saved.read_bytes() == before


def test_notes_that_are_too_long_are_refused(saved):
    refused(
        saved, dataclasses.replace(state(), notes="n" * 500_001), "500,001 characters of notes, more than the 500,000"
    )


def test_too_many_branches_are_refused(saved):
    kept = state(2)
    refused(saved, dataclasses.replace(kept, branches=kept.branches * 1001), "1,001 branches, more than the 1,000")


def test_too_many_kept_states_are_refused(saved):
    kept = state(2)
    one = kept.branches[0]
    full = dataclasses.replace(
        one, recorded=dataclasses.replace(one.recorded, keyframes=one.recorded.keyframes * 70_000)
    )
    refused(saved, dataclasses.replace(kept, branches=(full,)), "kept states, more than the 131,072")


if __name__ == "__main__":
    numbers, beside = kill_while_saving(Path(sys.argv[1]), int(sys.argv[2]))
    early = sum(number > told for number, told in numbers)
    print(f"{len(numbers)} kills; {early} between renaming and telling; at most {beside} files beside it")
