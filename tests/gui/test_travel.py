"""The training thread goes through time: there and back, along branches, several runs at once."""

import time

import numpy as np
import pytest
from driving import SMALL, wait_for, wait_for_frame

from ganviz.experiment import Experiment
from ganviz.gui.reports import Status
from ganviz.gui.trainer import Trainer
from ganviz.run import Need, Run

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture
def trainer():
    made = Trainer()
    yield made
    assert made.stop(wait=5)


def experiment_of(**changes):
    return Experiment.from_mapping({**SMALL, **{key.replace("__", "."): value for key, value in changes.items()}})


def trained(trainer, steps=600, **changes):
    """Start and train some steps, and pause; return the report of the pause."""
    trainer.start(experiment_of(**changes), playing=False)
    trainer.look(Need.SAMPLES | Need.METRICS | Need.HISTORY)
    trainer.step(steps)
    return wait_for_frame(trainer, lambda report: report.frame.step == steps)


def fakes_at(step, changes=(), **settings):
    """Return what a run of its own shows at a step."""
    run = Run(experiment_of(**settings))
    for at, path, value in changes:
        run.advance(at - run.step)
        run.change(path, value)
    run.advance(step - run.step)
    return run.frame(Need.SAMPLES).fake


def test_any_step_is_shown_exactly(trainer):
    trained(trainer)
    for step in (0, 1, 317, 599, 42, 600):
        trainer.seek(step)
        report = wait_for_frame(trainer, lambda report, step=step: report.frame.step == step)
        assert (report.position, report.end, report.playing) == (step, 600, 0)
        assert report.frame.end == 600
        assert np.array_equal(report.frame.fake, fakes_at(step))


def test_dragging_shows_a_kept_state_at_once_and_the_step_itself_after_it(trainer):
    trained(trainer, 2000)
    kept = [frame.step for frame in trainer._run._keyframes]
    trainer.scrub(1234)
    report = wait_for_frame(trainer, lambda report: report.position == 1234)
    assert report.frame.step == min(kept, key=lambda step: abs(step - 1234))
    assert np.array_equal(report.frame.fake, fakes_at(report.frame.step))
    trainer.seek(1234)
    assert wait_for_frame(trainer, lambda report: report.frame.step == 1234).position == 1234


def test_play_goes_along_the_recording_and_then_trains(trainer):
    trained(trainer, 300)
    trainer.seek(100)
    wait_for_frame(trainer, lambda report: report.frame.step == 100)
    trainer.limit_replay(400.0)
    trainer.play(1)
    report = wait_for_frame(trainer, lambda report: 120 < report.frame.step < 290)
    assert report.frame.past
    assert report.end == 300
    later = wait_for_frame(trainer, lambda report: report.frame.step > 320)
    assert later.end == later.frame.step
    trainer.play(0)
    end = wait_for_frame(trainer, lambda report: report.status is Status.PAUSED).frame
    assert np.array_equal(end.fake, fakes_at(end.step))


@pytest.mark.parametrize("speed", [60.0, None])
def test_play_backwards(trainer, speed):
    trained(trainer, 400)
    trainer.limit_replay(speed)
    trainer.play(-1)
    seen = []
    wait_for_frame(trainer, lambda report: seen.append(report.position) or report.position < 380)
    assert seen == sorted(seen, reverse=True)
    trainer.play(0)
    report = wait_for_frame(trainer, lambda report: report.playing == 0 and report.frame.step == report.position)
    assert np.array_equal(report.frame.fake, fakes_at(report.position))
    trainer.limit_replay(None)
    trainer.play(-1)
    report = wait_for_frame(trainer, lambda report: report.position == 0 and report.playing == 0, seconds=20)
    assert report.frame.step == 0


def test_single_steps_back_and_on(trainer):
    trained(trainer, 50)
    for steps, there in ((-1, 49), (-1, 48), (1, 49), (-60, 0), (-1, 0), (1, 1)):
        trainer.step(steps)
        report = wait_for_frame(trainer, lambda report, there=there: report.frame.step == there)
        assert report.end == 50


def test_a_change_in_the_past_makes_a_branch(trainer):
    trained(trainer, 300)
    before = trainer._run
    trainer.seek(100)
    wait_for_frame(trainer, lambda report: report.frame.step == 100)
    trainer.change("optimizer.generator.learning_rate", 0.01)
    report = wait_for_frame(trainer, lambda report: len(report.branches) == 2)
    assert [(b.parent, b.since, b.end) for b in report.branches] == [(-1, 0, 300), (0, 100, 100)]
    (sentence,) = trainer.notices()
    assert "branches from “main” at step 100" in sentence
    assert trainer._run is not before
    assert (before.end, before.log) == (300, [])
    trainer.step(150)
    report = wait_for_frame(trainer, lambda report: report.frame.step == 250)
    assert np.array_equal(report.frame.fake, fakes_at(250, [(100, "optimizer.generator.learning_rate", 0.01)]))
    trainer.show_branches([0])
    report = wait_for_frame(trainer, lambda report: report.lanes[0].branch == 0)
    assert report.frame.step == 250
    assert np.array_equal(report.frame.fake, fakes_at(250))


def test_lanes_train_in_step_and_say_what_differs(trainer):
    trained(trainer, 100)
    trainer.branch("steeper")
    trainer.change("discriminator.clip", 0.5)
    report = wait_for_frame(
        trainer, lambda report: len(report.lanes) == 2 and "discriminator.clip" in report.lanes[0].different
    )
    assert [lane.name for lane in report.lanes] == ["steeper", "main"]
    assert [lane.different for lane in report.lanes] == [{"discriminator.clip": 0.5}, {"discriminator.clip": 0.0}]
    trainer.play(1)
    report = wait_for_frame(trainer, lambda report: report.frame.step > 400)
    assert len({lane.frame.step for lane in report.lanes}) == 1
    trainer.play(0)
    report = wait_for_frame(trainer, lambda report: report.status is Status.PAUSED)
    step = report.frame.step
    assert np.array_equal(report.lanes[0].frame.fake, fakes_at(step, [(100, "discriminator.clip", 0.5)]))
    assert np.array_equal(report.lanes[1].frame.fake, fakes_at(step))
    assert np.array_equal(report.lanes[0].frame.real, report.lanes[1].frame.real)
    trainer.seek(50)
    report = wait_for_frame(trainer, lambda report: report.position == 50 and report.frame.step == 50)
    assert np.array_equal(report.lanes[0].frame.fake, report.lanes[1].frame.fake)
    trainer.remove_branch(1)
    assert len(wait_for_frame(trainer, lambda report: len(report.branches) == 1).lanes) == 1


def test_bookmarks_and_changes_are_marked(trainer):
    trained(trainer, 20)
    trainer.change("optimizer.generator.learning_rate", 0.01)
    trainer.step(10)
    trainer.bookmark(30, "here")
    report = wait_for_frame(trainer, lambda report: any(mark.kind == "bookmark" for mark in report.marks))
    assert [(mark.step, mark.kind) for mark in report.marks if mark.kind != "diagnosis"] == [
        (20, "change"), (30, "bookmark"),
    ]  # fmt: skip
    assert report.made != report.began
    assert report.frame.marks == report.marks


def test_sessions_are_saved_and_opened(trainer, tmp_path):
    from ganviz.run.session_file import write_session

    trained(trainer, 200)
    trainer.branch("other")
    trainer.change("discriminator.clip", 0.5)
    trainer.step(50)
    wait_for_frame(trainer, lambda report: report.frame.step == 250)
    path, saved = tmp_path / "a.ganviz", []
    trainer.save(saved.append, saved.append)
    end = time.perf_counter() + 5
    while not saved and time.perf_counter() < end:
        time.sleep(0.01)
    write_session(path, saved[0].state)
    trainer.restart(experiment_of(seed=7))
    wait_for_frame(trainer, lambda report: report.frame.experiment.seed == 7)
    number = trainer.open(path)
    report = wait_for_frame(trainer, lambda report: report.run == number)
    assert report.opened == str(path)
    assert [branch.name for branch in report.branches] == ["main", "other"]
    assert [lane.name for lane in report.lanes] == ["other", "main"]
    assert report.position == 250
    assert np.array_equal(report.frame.fake, fakes_at(250, [(200, "discriminator.clip", 0.5)]))
    trainer.open(tmp_path / "missing.ganviz")
    later = wait_for_frame(trainer, lambda report: report.run == number + 1)
    assert later.frame.step == 250
    assert later.session == report.session
    assert any("missing.ganviz" in sentence for sentence in trainer.messages())


WIDE = {"generator__hidden": [256, 256], "discriminator__hidden": [256, 256]}


def test_a_branch_leaves_where_the_slider_stands(trainer):
    """Whatever keys are pressed after it: the way there is gone to its end."""
    trained(trainer, 400, **WIDE)
    for number, make in enumerate((lambda: trainer.branch("aside"), lambda: trainer.change("discriminator.clip", 0.4))):
        step = 377 - number
        trainer.show_branches([0])
        trainer.seek(step)
        make()
        for _ in range(3):
            trainer.play(0)
        report = wait_for_frame(trainer, lambda report, n=number: len(report.branches) == n + 2, seconds=60)
        assert report.branches[-1].since == step


def test_lanes_whose_way_was_cut_off_are_not_called_exact(trainer):
    trained(trainer, 400, **WIDE)
    trainer.branch()
    wait_for_frame(trainer, lambda report: len(report.lanes) == 2)
    travel = trainer._conductor.travel
    stops = iter([False, True])
    assert not travel.seek(251, lambda: next(stops, True))
    assert (travel.position, travel.exact) == (251, False)
    assert travel.settle(lambda: False)
    assert [run.step for run in travel.runs] == [251, 251]


def test_a_branch_that_is_gone_is_told_and_nothing_else_happens(trainer):
    trained(trainer, 20)
    trainer.branch("other")
    wait_for_frame(trainer, lambda report: len(report.branches) == 2)
    trainer.remove_branch(1)
    trainer.show_branches([1])
    trainer.rename_branch(1, "late")
    trainer.remove_branch(9)
    report = wait_for_frame(trainer, lambda report: report.orders == trainer.orders)
    assert len(report.branches) == 1
    assert report.status is Status.PAUSED
    sentences = trainer.messages()
    assert len(sentences) == 3
    assert all("not there any more" in sentence for sentence in sentences)


def test_a_diverged_lane_stops_no_other(trainer):
    trained(trainer, 20, generator__hidden=[], discriminator__hidden=[], objective__kind="wasserstein")
    trainer.branch("wild")
    rates = {f"optimizer.{player}.learning_rate": 10.0 for player in ("generator", "discriminator")}
    trainer.change_together({**rates, **{path.replace("learning_rate", "kind"): "sgd" for path in rates}})
    trainer.play(1)
    report = wait_for_frame(trainer, lambda report: report.end > 600)
    assert report.branches[1].end < 200
    trainer.play(0)
    wait_for_frame(trainer, lambda report: report.status is Status.PAUSED)
    trainer.show_branches([1, 0])
    wait_for_frame(trainer, lambda report: [lane.branch for lane in report.lanes] == [1, 0])
    trainer.play(1)
    again = wait_for_frame(trainer, lambda more: more.end > report.end + 200)
    assert again.status is Status.RUNNING
    trainer.play(0)
    trainer.show_branches([1])
    wait_for_frame(trainer, lambda report: report.status is Status.DIVERGED)


def test_other_noise_is_other_noise_however_fast_it_is_asked_for(trainer):
    trained(trainer, 20)
    for _ in range(3):
        trainer.branch(fresh=True)
    report = wait_for_frame(trainer, lambda report: len(report.lanes) == 4)
    assert len({lane.frame.experiment.seed for lane in report.lanes}) == 4


def test_whatever_a_file_does_to_its_reader_the_session_stays(trainer, tmp_path, monkeypatch):
    from ganviz.run import opening

    def fail(_):
        raise RecursionError("too deep")

    trained(trainer, 60)
    session = trainer._sessions
    monkeypatch.setattr(opening, "read_held", fail)
    number = trainer.open(tmp_path / "a.ganviz")
    report = wait_for_frame(trainer, lambda report: report.run == number)
    assert (report.session, report.frame.step, report.status) == (session, 60, Status.PAUSED)
    assert trainer.messages() == [f"{tmp_path / 'a.ganviz'}: the file could not be opened: too deep."]


def test_an_opening_is_seen_and_ended_by_another_one_alone(trainer, tmp_path, monkeypatch):
    from ganviz.run import opening

    seen = []

    class Held:
        precisions = ()

        def session(self, progress, should_stop):
            for share in range(1, 100):
                progress(share / 100)
                time.sleep(0.005)
                if should_stop():
                    seen.append(share)
                    return
            return

    trained(trainer, 60)
    monkeypatch.setattr(opening, "read_held", lambda _: Held())
    number = trainer.open(tmp_path / "long.ganviz")
    trainer.play(0)
    report = wait_for(trainer, lambda report: report.status is Status.OPENING and report.progress > 0.3)
    assert report.run == number
    assert "long.ganviz" in report.message
    trainer.restart(experiment_of(seed=3), playing=False)
    wait_for_frame(trainer, lambda report: report.frame.experiment.seed == 3)
    assert len(seen) == 1


def test_where_a_replay_leaves_what_was_recorded_is_told(trainer):
    trained(trainer, 200)
    trainer.branch("other")
    wait_for_frame(trainer, lambda report: len(report.lanes) == 2)
    trainer._conductor.travel.runs[1].note = "It went another way."
    trainer.seek(100)
    assert wait_for_frame(trainer, lambda report: report.note).note == "It went another way."


def test_a_session_is_always_given_or_refused(trainer, monkeypatch):
    from ganviz.run import Session

    def fail(_):
        raise MemoryError

    trained(trainer, 20)
    given, refused = [], []
    with monkeypatch.context() as patch:
        patch.setattr(Session, "state", fail)
        trainer.save(given.append, refused.append)
        end = time.perf_counter() + 5
        while not refused and time.perf_counter() < end:
            time.sleep(0.01)
    assert (given, refused) == ([], ["The session cannot be saved: there is not enough memory."])
    trainer.seek(3)
    wait_for_frame(trainer, lambda report: report.frame.step == 3)


def test_where_a_replay_ends_it_is_told_and_gone_on_at_the_next_kept_state(monkeypatch):
    from ganviz.gui.travel import Travel
    from ganviz.run import ReplayDiverged, Session

    run = Run(experiment_of())
    run.advance(400)
    travel = Travel(Session(run))
    travel.seek(0, lambda: False)

    def lost(steps):
        raise ReplayDiverged(steps, 5, 400)

    with monkeypatch.context() as patch:
        patch.setattr(run, "advance", lost)
        travel.advance(10)
    assert (travel.position, run.step) == (400, 400)
    (sentence,) = travel.losses()
    assert "Step 10 is not reached" in sentence
    assert travel.losses() == []
