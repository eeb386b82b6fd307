"""``ganviz run`` and ``ganviz presets`` where they succeed, and where something ends them in the middle."""

import csv
import errno
import os
import signal
import subprocess
import sys
import tempfile
from itertools import count, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import ganviz
from ganviz import cli
from ganviz.cli import running
from ganviz.engine import compiler, warmup
from ganviz.metrics import METRICS
from ganviz.run import Run

DIVERGING = (
    "discriminator.clip=0",
    "optimizer.generator.kind=sgd",
    "optimizer.discriminator.kind=sgd",
    "optimizer.generator.learning_rate=10",
    "optimizer.discriminator.learning_rate=10",
)
FILES = ["experiment.toml", "figure.svg", "metrics.csv", "metrics_notes.csv", "samples.csv", "session.ganviz"]


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def samples_of(path):
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def settings(*texts):
    return [word for text in texts for word in ("--set", text)]


@pytest.fixture(autouse=True)
def _first_bands(monkeypatch):
    """Spare the tests the last digits of the noise floors, which take seconds; what `faithful` wrote has them."""
    refine = running._refine
    monkeypatch.setattr(running, "_refine", lambda run, whole: refine(run, whole=False))


@pytest.fixture(scope="module")
def faithful(tmp_path_factory):
    """Train 60 steps on Old Faithful from the command line; return the folder of the results."""
    folder = tmp_path_factory.mktemp("faithful") / "made" / "by it"
    assert cli.main(["run", "faithful", "--steps", "60", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def same():
    """Train the same with the library."""
    run = Run(ganviz.load("faithful"))
    run.advance(60)
    return run


def test_it_writes_its_files(faithful):
    assert files_in(faithful) == FILES


def test_the_samples_are_those_of_the_library_to_the_last_bit(faithful, same):
    assert np.array_equal(samples_of(faithful / "samples.csv"), same.frame().fake)


def test_the_samples_are_in_minutes(faithful):
    lines = (faithful / "samples.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "eruption_min,waiting_min"
    eruptions, waits = samples_of(faithful / "samples.csv").mean(axis=0)
    # The data's own: 1.6 to 5.1 and 43 to 96 minutes. Standardised ones would be around 0.
    assert 1 < eruptions < 6
    assert 40 < waits < 100


def test_the_metrics_go_from_the_first_to_the_last_step(faithful, same):
    rows = rows_of(faithful / "metrics.csv")
    steps = [int(row["step"]) for row in rows]
    assert (steps[0], steps[-1]) == (0, 60)
    assert all(a < b for a, b in pairwise(steps))
    assert len(rows) <= running.ROWS
    names = set(rows[0]) - {"step", "diagnoses"}
    assert names <= set(METRICS)
    assert {"generator_loss", "discriminator_loss", "kl", "reverse_kl", "js", "w1"} <= names
    expected = same.frame().metrics
    assert {name: float(value) for name, value in rows[-1].items() if value and name in names} == expected
    notes = {row["metric"]: row for row in rows_of(faithful / "metrics_notes.csv")}
    assert set(notes) == names
    assert notes["w1"]["estimator"] == METRICS["w1"].estimator
    assert 0 < float(notes["w1"]["floor_low"]) < float(notes["w1"]["floor_high"])
    assert notes["generator_loss"]["floor_low"] == ""


def test_the_experiment_is_read_back(faithful):
    assert ganviz.load(faithful / "experiment.toml") == ganviz.load("faithful")


def test_the_figure_is_an_image_with_something_in_it(faithful):
    root = ElementTree.parse(faithful / "figure.svg").getroot()
    assert root.tag.endswith("svg")
    assert len(list(root.iter())) > 100


def test_seed_and_settings_reach_the_run(tmp_path, capsys):
    given = ["--seed", "7", *settings("discriminator.clip=0.02", "generator.hidden=[8, 8]")]
    assert cli.main(["run", "ring-wgan-clip", "--steps", "5", *given, "--out", str(tmp_path)]) == 0
    changes = {"seed": 7, "discriminator.clip": 0.02, "generator.hidden": (8, 8)}
    experiment = ganviz.load("ring-wgan-clip").replace(changes)
    written = ganviz.load(tmp_path / "experiment.toml")
    # Title and source may say that something was changed.
    assert written.replace({"title": experiment.title, "source": experiment.source}) == experiment
    run = Run(experiment)
    run.advance(5)
    assert np.array_equal(samples_of(tmp_path / "samples.csv"), run.frame().fake)
    out, err = capsys.readouterr()
    assert "5 steps in" in out
    assert err == ""


def test_no_step_at_all_gives_the_start(tmp_path):
    assert cli.main(["run", "ring-wgan-clip", "--steps", "0", "--out", str(tmp_path)]) == 0
    assert [row["step"] for row in rows_of(tmp_path / "metrics.csv")] == ["0"]
    assert np.array_equal(samples_of(tmp_path / "samples.csv"), Run(ganviz.load("ring-wgan-clip")).frame().fake)


def test_rows_without_a_value_are_told(capsys):
    assert cli.main(["run", "penguins", "--steps", "1"]) == 0
    assert "2 of 344 rows" in capsys.readouterr().out


def test_off_a_terminal_lines_tell_the_progress(capsys, monkeypatch):
    # Ten seconds from one look at the clock to the next: each burst is long enough for a line.
    monkeypatch.setattr(running.time, "perf_counter", count(step=10.0).__next__)
    assert cli.main(["run", "ring-wgan-clip", "--steps", "3"]) == 0
    out, err = capsys.readouterr()
    assert [line.partition(",")[0] for line in out.splitlines() if " of 3" in line] == [
        "step 1 of 3",
        "step 2 of 3",
        "step 3 of 3",
    ]
    assert err == ""


def test_a_divergence_ends_in_a_sentence_and_keeps_the_last_finite_step(tmp_path, capsys):
    given = ["run", "two-gaussians-wgan", "--steps", "60", *settings(*DIVERGING)]
    assert cli.main([*given, "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert err.startswith("ganviz: Training diverged in step ")
    run = Run(ganviz.load(tmp_path / "experiment.toml"))
    with pytest.raises(ganviz.TrainingDiverged):
        run.advance(60)
    assert int(rows_of(tmp_path / "metrics.csv")[-1]["step"]) == run.step
    samples = samples_of(tmp_path / "samples.csv")
    assert np.isfinite(samples).all()
    assert np.array_equal(samples, run.frame().fake)
    assert files_in(tmp_path) == FILES


@pytest.fixture
def interrupted(monkeypatch):
    """Interrupt the training after some bursts."""
    advance, calls = Run.advance, []

    def then_interrupt(self, steps):
        calls.append(steps)
        if len(calls) > 3:
            raise KeyboardInterrupt
        advance(self, steps)

    monkeypatch.setattr(Run, "advance", then_interrupt)
    return calls


def test_an_interrupt_writes_the_results_so_far(interrupted, tmp_path, capsys):
    assert cli.main(["run", "faithful", "--steps", "60", "--out", str(tmp_path)]) == 2
    done = sum(interrupted[:3])
    err = capsys.readouterr().err
    assert err == f"ganviz: interrupted after step {done} of 60; the results until then are in {tmp_path}\n"
    assert files_in(tmp_path) == FILES
    assert int(rows_of(tmp_path / "metrics.csv")[-1]["step"]) == done


def test_an_interrupt_without_a_folder_says_where(interrupted, capsys):
    assert cli.main(["run", "faithful", "--steps", "60"]) == 2
    assert capsys.readouterr().err == f"ganviz: interrupted after step {sum(interrupted[:3])} of 60\n"


def test_an_interrupt_while_the_engine_compiles_is_one_line(monkeypatch, capsys):
    def interrupt(bits):
        raise KeyboardInterrupt

    monkeypatch.setattr(warmup, "is_ready", lambda bits: False)
    monkeypatch.setattr(warmup, "warm", interrupt)
    assert cli.main(["run", "faithful", "--steps", "60"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("Compiling the engine")
    assert err == "ganviz: interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other interrupts")
def test_a_real_interrupt_writes_the_results_so_far(tmp_path):
    command = [sys.executable, "-m", "ganviz", "run", "ring-wgan-clip", "--steps", "100000000", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # The first line comes once the training runs.
        for line in process.stdout:
            if line.startswith("step "):
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.startswith("ganviz: interrupted after step ")
    assert len(err.splitlines()) == 1
    assert files_in(tmp_path) == FILES


def test_too_little_memory_ends_in_one_line(monkeypatch, capsys):
    def ask_too_much(self, steps):
        raise MemoryError

    monkeypatch.setattr(Run, "advance", ask_too_much)
    assert cli.main(["run", "faithful", "--steps", "60"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    for field in ("schedule.batch", "generator.hidden", "discriminator.hidden"):
        assert field in err


def test_a_folder_that_cannot_be_written_is_noticed_before_the_training(monkeypatch, tmp_path, capsys):
    # Not by the folder's mode: root may write everywhere.
    really_make = tempfile.TemporaryFile

    def refuse(*arguments, dir=None, **options):
        if dir == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied", str(dir))
        return really_make(*arguments, dir=dir, **options)

    def train(self, steps):
        raise AssertionError("trained")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(Run, "advance", train)
    assert cli.main(["run", "faithful", "--steps", "60", "--out", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"ganviz: --out {tmp_path}: the folder cannot be written: Permission denied\n"
    assert files_in(tmp_path) == []


def test_a_cache_elsewhere_is_told(monkeypatch, capsys):
    monkeypatch.setattr(compiler, "cache_note", lambda: "the engine is kept elsewhere")
    assert cli.main(["run", "faithful", "--steps", "1"]) == 0
    assert capsys.readouterr().out.startswith("the engine is kept elsewhere\n")


def test_all_presets_are_listed(capsys):
    assert cli.main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[preset.name, preset.title] for preset in ganviz.presets()]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")
@pytest.mark.parametrize(
    "arguments", [["presets"], ["--help"], ["run", "ring-wgan-clip", "--steps", "2"]], ids=lambda words: words[0]
)
def test_a_reader_who_has_had_enough_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        command = [sys.executable, "-m", "ganviz", *arguments]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")
def test_the_results_are_written_though_nobody_reads(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "ganviz", "run", "penguins", "--steps", "2", "--out", str(tmp_path)]
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_in(tmp_path) == FILES


# The window's start


@pytest.mark.parametrize("module", ["pyqtgraph", "ganviz.gui.window"])
def test_a_window_that_lacks_a_module_ends_in_one_line(monkeypatch, capsys, module):
    for name in [name for name in sys.modules if name.startswith(("ganviz.gui", "pyqtgraph"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    assert cli.main([]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert err.startswith("ganviz: the window cannot open: ")
    assert module in err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 has DISPLAY")
def test_a_display_that_does_not_answer_ends_in_one_line():
    environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
    environment |= {"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":6199"}
    command = [sys.executable, "-m", "ganviz"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    # Without Qt's libraries the sentence is about them.
    assert ":6199" in done.stderr or "apt-get install" in done.stderr
