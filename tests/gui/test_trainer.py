"""The training thread, without Qt."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from driving import SMALL, wait_for

from ganviz.engine import warmup
from ganviz.experiment import Experiment
from ganviz.gui import compiling
from ganviz.gui.reports import Report, Status
from ganviz.gui.trainer import Trainer
from ganviz.run import Measurer, Need, Observer, Run

pytestmark = pytest.mark.usefixtures("compiled")

DIVERGING = {
    "generator.hidden": [],
    "discriminator.hidden": [],
    "objective.kind": "wasserstein",
    "optimizer.generator.kind": "sgd",
    "optimizer.discriminator.kind": "sgd",
    "optimizer.generator.learning_rate": 10.0,
    "optimizer.discriminator.learning_rate": 10.0,
}


@pytest.fixture
def trainer(a_second):
    made = Trainer()
    yield made
    began = time.perf_counter()
    assert made.stop(wait=5)
    assert time.perf_counter() - began < a_second
    assert not made.alive


def experiment_of(**changes):
    return Experiment.from_mapping({**SMALL, **{key.replace("__", "."): value for key, value in changes.items()}})


def quiet(trainer):
    """Take reports until none comes any more, as from a run that stands still."""
    silent = time.perf_counter()
    while time.perf_counter() - silent < 0.3:
        if trainer.take() is not None:
            silent = time.perf_counter()
        time.sleep(0.01)


def has_step(step):
    return lambda report: report.frame is not None and report.frame.step >= step


def is_(status):
    return lambda report: report.status is status


def pause(trainer):
    trainer.play(False)
    return wait_for(trainer, is_(Status.PAUSED))


def bits(run):
    return [
        array.tobytes()
        for player in ("generator", "discriminator")
        for layer in run.parameters(player)
        for array in layer
    ]


def test_it_trains_and_frames_arrive(trainer):
    trainer.start(experiment_of())
    first = wait_for(trainer, has_step(1))
    assert first.status is Status.RUNNING
    assert first.run == 1
    assert first.frame.fake.shape == (1000, 2)
    later = wait_for(trainer, has_step(first.frame.step + 100))
    assert later.frame.step > first.frame.step
    assert wait_for(trainer, lambda report: report.steps_per_second > 0).steps_per_second > 10
    assert trainer.alive


def test_it_starts_paused_where_that_is_wanted(trainer):
    trainer.start(experiment_of(), playing=False)
    report = wait_for(trainer, lambda report: report.frame is not None)
    assert report.status is Status.PAUSED
    assert report.frame.step == 0
    time.sleep(0.1)
    assert trainer.take() is None


def test_pause_and_go_on(trainer, a_second):
    trainer.start(experiment_of())
    wait_for(trainer, has_step(50))
    began = time.perf_counter()
    step = pause(trainer).frame.step
    assert time.perf_counter() - began < a_second
    time.sleep(0.2)
    report = trainer.take()
    assert report is None or report.frame.step == step
    trainer.play(True)
    assert wait_for(trainer, has_step(step + 1)).status is Status.RUNNING


def test_single_steps_are_exact(trainer):
    trainer.start(experiment_of(), playing=False)
    wait_for(trainer, has_step(0))
    for step in range(1, 6):
        trainer.step()
        report = wait_for(trainer, has_step(step))
        assert report.frame.step == step
        assert report.status is Status.PAUSED
    trainer.step(37)
    assert wait_for(trainer, has_step(6)).frame.step == 42
    trainer.play(True)
    wait_for(trainer, has_step(100))
    trainer.step()
    assert wait_for(trainer, is_(Status.PAUSED)).frame.step > 100


def test_the_same_bits_as_a_run_without_thread_window_and_watching(trainer):
    trainer.start(experiment_of(seed=3), playing=False)
    trainer.look(Need.all())
    trainer.play(True)
    for step in (20, 60, 300):
        wait_for(trainer, has_step(step))
    trainer.change("optimizer.discriminator.learning_rate", 1e-3)
    wait_for(trainer, lambda report: report.frame.experiment.optimizer.discriminator.learning_rate == 1e-3)
    trainer.change("objective.kind", "wasserstein")
    trainer.change("discriminator.clip", 0.05)
    wait_for(trainer, lambda report: report.frame.experiment.discriminator.clip == 0.05)
    trainer.limit(500.0)
    time.sleep(0.1)
    step = pause(trainer).frame.step
    own = trainer._run
    headless = Run(experiment_of(seed=3))
    assert [change.path for change in own.log] == [
        "optimizer.discriminator.learning_rate",
        "objective.kind",
        "discriminator.clip",
    ]
    for change in own.log:
        headless.advance(change.step - headless.step)
        headless.change(change.path, change.after)
    headless.advance(step - headless.step)
    assert headless.step == step == own.step
    assert bits(headless) == bits(own)


def test_a_change_acts_and_a_bad_one_is_explained(trainer):
    trainer.start(experiment_of())
    wait_for(trainer, has_step(10))
    trainer.change("optimizer.generator.learning_rate", 0.0)
    frozen = wait_for(trainer, lambda report: report.frame.experiment.optimizer.generator.learning_rate == 0.0)
    later = wait_for(trainer, has_step(frozen.frame.step + 20))
    assert np.array_equal(later.frame.fake, frozen.frame.fake)
    sentences = []
    for path, value in (("generator.hidden", (4,)), ("schedule.batch", -1)):
        trainer.change(path, value)
        wait_for(trainer, has_step(trainer._run.step + 20))
        sentences += trainer.messages()
    assert len(sentences) == 2
    assert "generator.hidden" in sentences[0]
    assert "schedule.batch = -1" in sentences[1]
    assert trainer.messages() == []
    wait_for(trainer, has_step(trainer._run.step + 1))


def test_changes_that_belong_together_are_one(trainer):
    """However they fall between the thread's looks into its queue: none of these is allowed alone."""
    trainer.start(experiment_of())
    wait_for(trainer, has_step(5))
    both = ("optimizer.generator.kind", "optimizer.discriminator.kind")
    for turn in range(60):
        kind = ("extragradient", "adam")[turn % 2]
        trainer.change_together({path: kind for path in both} | {"schedule.updates": "simultaneous"})
        time.sleep(0.002)
    trainer.change_together({path: "extragradient" for path in both})
    report = wait_for(trainer, lambda report: report.frame.experiment.optimizer.discriminator.kind == "extragradient")
    assert report.frame.experiment.optimizer.generator.kind == "extragradient"
    assert trainer.messages() == []
    trainer.change("optimizer.generator.kind", "adam")
    wait_for(trainer, has_step(trainer._run.step + 20))
    (sentence,) = trainer.messages()
    assert "both players look ahead together" in sentence


def test_of_many_changes_the_last_counts(trainer):
    trainer.start(experiment_of())
    wait_for(trainer, has_step(5))
    for tick in range(200):
        trainer.change("optimizer.generator.learning_rate", 1e-5 * (tick + 1))
    wait_for(trainer, lambda report: report.frame.experiment.optimizer.generator.learning_rate == 1e-5 * 200)
    assert len(trainer._run.log) <= 200


def test_restart(trainer):
    trainer.start(experiment_of())
    wait_for(trainer, has_step(200))
    trainer.play(False)
    trainer.restart(experiment_of(data__kind="gaussian", noise__dimension=1), playing=False)
    report = wait_for(trainer, lambda report: report.run == 2 and report.frame is not None)
    assert report.status is Status.PAUSED
    assert report.frame.step == 0
    assert report.frame.fake.shape[1] == 1
    trainer.play(True)
    assert wait_for(trainer, has_step(3)).run == 2


def test_frames_hold_what_is_looked_at(trainer):
    trainer.start(experiment_of())
    bare = wait_for(trainer, has_step(1)).frame
    assert (bare.surface, bare.pulls, bare.history) == (None, None, None)
    trainer.look(Need.SAMPLES | Need.SURFACE | Need.METRICS)
    wait_for(trainer, lambda report: report.frame.surface is not None)
    seen = wait_for(trainer, lambda report: {"kl", "js", "w1", "w2"} <= set(report.frame.metrics)).frame
    assert seen.surface is not None
    assert seen.pulls is None
    pause(trainer)
    trainer.look(Need.PULLS)
    assert wait_for(trainer, lambda report: report.frame.pulls is not None).frame.surface is None


def test_the_mailbox_has_one_slot_and_nobody_waits(trainer, monkeypatch):
    made = []
    frame = Observer.frame

    def counted(observer, glance, needs, measured):
        made.append(glance.step)
        return frame(observer, glance, needs, measured)

    monkeypatch.setattr(Observer, "frame", counted)
    trainer.start(experiment_of())
    wait_for(trainer, has_step(10))
    time.sleep(0.1)
    first, before = trainer._run.step, len(made)
    time.sleep(0.4)
    # Nobody takes reports: the training goes on, and at most one more frame is made.
    assert trainer._run.step > first + 20
    assert len(made) <= before + 1
    waiting = trainer.take()
    assert waiting is not None
    assert wait_for(trainer, has_step(0)).frame.step > waiting.frame.step
    trainer.play(False)
    time.sleep(0.1)
    # What waits in the slot is from before the pause; the paused step follows it.
    end = wait_for(trainer, is_(Status.PAUSED))
    assert end.frame.step == trainer._run.step
    assert trainer.take() is None


@pytest.mark.parametrize("speed", [20.0, 100.0])
def test_the_speed_limit(trainer, speed):
    trainer.start(experiment_of())
    trainer.limit(speed)
    wait_for(trainer, has_step(1))
    time.sleep(0.3)
    began, first = time.perf_counter(), trainer._run.step
    time.sleep(1.5)
    rate = (trainer._run.step - first) / (time.perf_counter() - began)
    assert 0.6 * speed < rate < 1.4 * speed
    assert wait_for(trainer, lambda report: report.steps_per_second > 0).steps_per_second < 1.6 * speed
    trainer.limit(None)
    step = trainer._run.step
    wait_for(trainer, has_step(step + 200), seconds=3)


def test_a_slow_speed_still_obeys_at_once(trainer, a_second):
    trainer.start(experiment_of())
    trainer.limit(1.0)
    wait_for(trainer, has_step(1))
    began = time.perf_counter()
    pause(trainer)
    assert time.perf_counter() - began < a_second


# What goes wrong


@pytest.mark.parametrize(
    ("owner", "method"), [(Run, "glance"), (Run, "advance"), (Observer, "frame"), (Measurer, "measure")]
)
def test_an_exception_in_a_thread_reaches_the_person(trainer, monkeypatch, owner, method, capsys):
    trainer.start(experiment_of())
    trainer.look(Need.all())
    wait_for(trainer, has_step(5))

    def fail(*_):
        raise OSError("the disk\nis full")

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, fail)
        report = wait_for(trainer, is_(Status.FAILED))
    assert report.message == "The training stopped: the disk is full"
    assert "OSError" in capsys.readouterr().err
    assert trainer.alive
    trainer.play(True)
    trainer.step()
    trainer.change("schedule.batch", 8)
    trainer.restart(experiment_of())
    trainer.play(True)
    assert wait_for(trainer, has_step(5)).run == 2


def test_a_late_failure_of_a_run_that_was_left_does_not_end_the_next(trainer, monkeypatch, capsys):
    trainer.start(experiment_of())
    trainer.look(Need.all())
    wait_for(trainer, has_step(5))
    gate, begun = threading.Event(), threading.Event()

    def fail(*_):
        begun.set()
        gate.wait(10)
        raise OSError("old")

    with monkeypatch.context() as patch:
        patch.setattr(Measurer, "measure", fail)
        assert begun.wait(10)
    trainer.restart(experiment_of(seed=3))
    wait_for(trainer, lambda report: report.run == 2 and report.frame is not None)
    gate.set()
    time.sleep(0.2)
    trainer.take()
    assert wait_for(trainer, has_step(10)).status is Status.RUNNING
    assert trainer._run is not None


def test_a_frame_in_the_making_does_not_hide_a_failure(trainer, monkeypatch, capsys):
    trainer.start(experiment_of())
    wait_for(trainer, has_step(5))
    gate, begun = threading.Event(), threading.Event()
    frame = Observer.frame

    def slow(*given):
        begun.set()
        gate.wait(10)
        return frame(*given)

    def fail(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Observer, "frame", slow)
        trainer.take()
        assert begun.wait(10)
        patch.setattr(Run, "advance", fail)
        wait_for(trainer, is_(Status.FAILED))
        gate.set()
        time.sleep(0.2)
    report = trainer.take()
    assert report is None or report.status is Status.FAILED
    capsys.readouterr()


def test_a_spectrum_rests_between_its_pieces():
    from ganviz.gui.pace import Resting

    stops = []
    resting = Resting(0.25, lambda: bool(stops))
    time.sleep(0.03)
    began = time.perf_counter()
    assert not resting()
    # Three times as long as the piece before it.
    assert 0.08 < time.perf_counter() - began < 0.5
    stops.append(1)
    time.sleep(0.05)
    began = time.perf_counter()
    assert resting()
    assert time.perf_counter() - began < 0.03


def test_an_exception_without_words_still_makes_a_sentence(trainer, monkeypatch, capsys):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Run, "__init__", fail)
    trainer.start(experiment_of())
    assert wait_for(trainer, is_(Status.FAILED)).message == "The training stopped: ZeroDivisionError"
    assert trainer.alive
    capsys.readouterr()


def test_divergence_keeps_the_last_finite_step_and_recovers(trainer):
    experiment = Experiment.from_mapping(DIVERGING)
    trainer.start(experiment)
    trainer.look(Need.all())
    report = wait_for(trainer, is_(Status.DIVERGED))
    assert "diverged in step" in report.message
    report = report if report.frame else wait_for(trainer, is_(Status.DIVERGED))
    step = report.frame.step
    assert f"Step {step:,}, the last finite one" in report.message
    headless = Run(experiment)
    headless.advance(step)
    assert bits(headless) == bits(trainer._run)
    trainer.messages()
    quiet(trainer)
    trainer.play(True)
    # The person is told again, and shown that it does not run.
    assert wait_for(trainer, is_(Status.DIVERGED)).message == report.message
    assert trainer._run.step == step
    trainer.step()
    wait_for(trainer, is_(Status.DIVERGED))
    for player in ("generator", "discriminator"):
        trainer.change(f"optimizer.{player}.learning_rate", 0.0)
    assert wait_for(trainer, is_(Status.PAUSED)).message == ""
    trainer.play(True)
    assert wait_for(trainer, has_step(step + 5)).status is Status.RUNNING


# Compiling


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    """Put a script in the place of the process that compiles."""

    def install(*lines):
        script = tmp_path / "python"
        script.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        monkeypatch.setattr(warmup, "is_ready", lambda bits: False)

    return install


def running(script_line):
    found = subprocess.run(["pgrep", "-f", script_line], capture_output=True, text=True, check=False)
    return found.stdout.split()


def test_stopping_in_the_middle_of_a_compilation(compiler, a_second):
    compiler("echo 1 8", "echo 2 8", "exec sleep 61.25")
    trainer = Trainer()
    trainer.start(experiment_of())
    report = wait_for(trainer, lambda report: report.progress == 0.25)
    assert report.status is Status.COMPILING
    assert "once" in report.message
    end = time.perf_counter() + 10
    while not running("sleep 61.25") and time.perf_counter() < end:
        time.sleep(0.02)
    assert running("sleep 61.25")
    began = time.perf_counter()
    assert trainer.stop()
    assert time.perf_counter() - began < a_second
    assert not running("sleep 61.25")


def test_stopping_just_as_a_compilation_begins(compiler, monkeypatch, a_second):
    compiler("exec sleep 62.25")
    starting, go_on = threading.Event(), threading.Event()
    popen = subprocess.Popen

    def slow(*args, **more):
        starting.set()
        go_on.wait(5)
        return popen(*args, **more)

    monkeypatch.setattr(compiling.subprocess, "Popen", slow)
    trainer = Trainer()
    trainer.start(experiment_of())
    assert starting.wait(5)
    threading.Timer(0.1, go_on.set).start()
    began = time.perf_counter()
    assert trainer.stop()
    assert time.perf_counter() - began < a_second
    assert not running("sleep 62.25")


def test_a_compiler_that_fails_leaves_the_work_to_the_run(trainer, compiler):
    compiler("echo 1 4", "exit 3")
    trainer.start(experiment_of())
    assert wait_for(trainer, has_step(5)).status is Status.RUNNING


def test_commands_wait_for_the_end_of_a_compilation(trainer, compiler):
    compiler("echo 1 4", "sleep 0.3", "echo 4 4")
    trainer.start(experiment_of())
    trainer.look(Need.SURFACE)
    trainer.step(3)
    trainer.change("schedule.batch", 8)
    report = wait_for(trainer, lambda report: report.frame is not None and report.status is Status.PAUSED)
    assert report.frame.step == 3
    assert report.frame.surface is not None
    assert report.frame.experiment.schedule.batch == 8


# Life and death


def test_stop_may_come_first_and_twice(a_second):
    never = Trainer()
    assert never.stop()
    trainer = Trainer()
    trainer.start(experiment_of())
    wait_for(trainer, has_step(1))
    began = time.perf_counter()
    assert trainer.stop()
    assert trainer.stop()
    assert time.perf_counter() - began < a_second
    assert not trainer.alive
    trainer.play(True)
    trainer.change("schedule.batch", 8)


def test_reports_are_frozen():
    with pytest.raises(AttributeError):
        Report(Status.RUNNING).status = Status.FAILED


def test_no_qt():
    script = "import sys, ganviz.gui.trainer; print([name for name in sys.modules if 'PySide' in name or 'Qt' in name])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
