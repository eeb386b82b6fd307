"""Where compiled kernels are kept: never where an edit or somebody else could slip in other ones."""

import os
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from numba import config

from ganviz import __version__
from ganviz.engine import compiler, warmup

NAME = f"{__version__}-{compiler._digest()}"
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give the person a cache and a folder for temporary files, both empty; return the folder of the two."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(compiler.platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    compiler._place.cache_clear()
    yield tmp_path
    compiler._place.cache_clear()


@pytest.fixture
def read_only(home):
    """Make the person's cache one that cannot be written, not by its mode: root may write everywhere."""
    (home / "cache").write_text("a file in the folder's place")
    return home


def mode_of(folder):
    return stat.S_IMODE(folder.stat().st_mode)


def test_kernels_are_in_the_persons_cache(home):
    assert compiler.cache_folder() == home / "cache" / "kernels" / NAME
    assert compiler.cache_folder().is_dir()
    assert compiler.cache_note() == ""


def test_the_mark_is_with_the_kernels(home, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(home / "given"))
    assert warmup._mark(32).parent == home / "given" / NAME == compiler.cache_folder()


def test_a_folder_that_the_person_names_has_one_for_each_version(home):
    code = (
        "from ganviz.engine import machine, warmup\n"
        "print(machine.execute.stats.cache_path)\nprint(warmup._mark(32).parent)\nprint(warmup.is_ready(32))"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(home / "given")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    kernels, mark, ready = done.stdout.splitlines()
    assert Path(kernels).parent == Path(mark) == home / "given" / NAME
    assert ready == "False"


def test_kernels_without_tiles_lie_elsewhere(home, monkeypatch):
    """Else the first of the two to be compiled would serve both."""
    monkeypatch.setenv("GANVIZ_PLAIN", "1")
    assert compiler.cache_folder().parent == home / "cache" / "kernels"
    assert compiler.cache_folder().name != NAME


def test_a_relative_folder_stays_where_it_is(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setattr(config, "CACHE_DIR", "given")
    assert compiler.cache_folder() == home / "given" / NAME


def test_a_kernel_leaves_numbas_own_settings_alone(home, monkeypatch):
    for given in ("", str(home / "given")):
        monkeypatch.setattr(config, "CACHE_DIR", given)
        compiler._place.cache_clear()
        compiler.kernel(lambda x: x)
        assert given == config.CACHE_DIR


def test_where_the_cache_cannot_be_written_a_temporary_one_serves(read_only):
    folder = compiler.cache_folder()
    assert folder.is_dir()
    assert folder.name == NAME
    assert folder.is_relative_to(read_only / "temporary")
    note = compiler.cache_note()
    assert str(folder) in note
    assert str(read_only / "cache") in note
    assert len(note.splitlines()) == 1
    # The next start finds what this one compiled.
    compiler._place.cache_clear()
    assert compiler.cache_folder() == folder


@posix
def test_the_temporary_folder_is_private(read_only):
    compiler.cache_folder()
    (own,) = (read_only / "temporary").iterdir()
    assert own.name == f"ganviz-{os.getuid()}"
    assert mode_of(own) == 0o700


@posix
@pytest.mark.parametrize("trap", ["open", "link", "file", "another's"])
def test_a_temporary_folder_that_others_could_write_is_not_used(read_only, monkeypatch, trap):
    temporary = read_only / "temporary"
    taken = temporary / f"ganviz-{os.getuid()}"
    if trap == "open":
        taken.mkdir()
        taken.chmod(0o777)
    elif trap == "link":
        (read_only / "elsewhere").mkdir(mode=0o700)
        taken.symlink_to(read_only / "elsewhere")
    elif trap == "file":
        taken.write_text("")
    else:
        user = os.getuid() + 1
        taken = temporary / f"ganviz-{user}"
        taken.mkdir(mode=0o700)
        monkeypatch.setattr(compiler.os, "getuid", lambda: user)
    folder = compiler.cache_folder()
    assert folder.is_dir()
    assert not folder.is_relative_to(taken)
    assert not folder.resolve().is_relative_to(taken.resolve())
    first = temporary / folder.relative_to(temporary).parts[0]
    assert mode_of(first) == 0o700


def aged(folder, days):
    folder.mkdir(parents=True)
    (folder / "kernel").write_text("")
    then = time.time() - days * 86_400
    os.utime(folder, (then, then))
    return folder


def test_versions_that_were_long_not_used_are_removed(home):
    old = aged(home / "cache" / "kernels" / "0.0.1-a", compiler.UNUSED_DAYS + 1)
    recent = aged(home / "cache" / "kernels" / "0.0.1-b", compiler.UNUSED_DAYS - 1)
    current = aged(home / "cache" / "kernels" / NAME, compiler.UNUSED_DAYS + 1)
    assert compiler.cache_folder() == current
    assert not old.exists()
    assert recent.exists()
    assert (current / "kernel").exists()
    assert time.time() - current.stat().st_mtime < 3600


def test_nothing_is_removed_from_a_folder_that_the_person_names(home, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(home / "given"))
    old = aged(home / "given" / "somebody's", 1000)
    compiler.cache_folder()
    assert old.exists()


def test_many_starts_at_once(home):
    for number in range(50):
        aged(home / "cache" / "kernels" / f"0.0.{number}-a", 1000)
    with ThreadPoolExecutor(16) as pool:
        places = [future.result() for future in [pool.submit(compiler._place.__wrapped__) for _ in range(16)]]
    assert set(places) == {(home / "cache" / "kernels" / NAME, "")}


def test_a_folder_that_vanishes_meanwhile_is_no_error(home, monkeypatch):
    aged(home / "cache" / "kernels" / "0.0.1-a", 1000)
    seen = []

    def gone(path):
        seen.append(path)
        raise FileNotFoundError(path)

    with monkeypatch.context() as patched:
        patched.setattr(compiler.os, "utime", gone)
        assert compiler.cache_folder().name == NAME
    assert seen
