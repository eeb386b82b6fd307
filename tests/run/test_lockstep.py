"""Runs in lockstep: the same bits as alone, the same step, and a diverged one does not hold the others."""

import threading
import time

import numpy as np
import pytest

from ganviz.experiment import Experiment
from ganviz.run import ReplayDiverged, Run, TrainingDiverged
from ganviz.run.lockstep import Lockstep

SMALL = {"generator.hidden": [6], "discriminator.hidden": [6], "schedule.batch": 8}
OTHERS = ({}, {"objective.kind": "wasserstein", "discriminator.clip": 0.1}, {"seed": 4}, {"penalty.kind": "r1"})
CRAZY = {
    "generator.hidden": [], "discriminator.hidden": [], "objective.kind": "wasserstein",
    **{f"optimizer.{player}.kind": "sgd" for player in ("generator", "discriminator")},
    **{f"optimizer.{player}.learning_rate": 10.0 for player in ("generator", "discriminator")},
}  # fmt: skip


def run_of(fields, steps=0):
    run = Run(Experiment.from_mapping({**SMALL, **fields}))
    run.advance(steps)
    return run


def bits(run):
    return [array.tobytes() for array in run._training.snapshot()]


@pytest.fixture
def together(request):
    made = []

    def make(*runs):
        made.append(Lockstep(runs))
        return made[-1]

    yield make
    for lockstep in made:
        lockstep.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane")]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_each_run_ends_in_the_bits_that_it_has_alone(together, count):
    runs = [run_of(fields) for fields in OTHERS[:count]]
    lockstep = together(*runs)
    assert len([thread for thread in threading.enumerate() if thread.name.startswith("lane")]) == count - 1
    for steps in (1, 30, 7, 0, 62):
        lockstep.advance(steps)
        assert len({run.step for run in runs}) == 1
    assert lockstep.step == 100
    assert lockstep.diverged == {}
    for run, fields in zip(runs, OTHERS, strict=False):
        assert bits(run) == bits(run_of(fields, 100))


@pytest.mark.parametrize("steps", [(40, 12, 0), (0, 12, 40)])
def test_those_behind_catch_up_with_the_foremost(together, steps):
    runs = [run_of(fields, done) for fields, done in zip(OTHERS, steps, strict=False)]
    lockstep = together(*runs)
    assert lockstep.step == 40
    lockstep.advance(5)
    assert [run.step for run in runs] == [45] * 3
    assert all(bits(run) == bits(run_of(fields, 45)) for run, fields in zip(runs, OTHERS, strict=False))


@pytest.mark.parametrize("behind", [0, 1])
def test_catching_up_is_stopped_between_bursts_and_gone_on_with(together, monkeypatch, behind):
    runs = [run_of({}, 5000), run_of({"seed": 3}, 10)]
    runs[0].seek(4000)
    if not behind:
        runs.reverse()
    lockstep = together(*runs)
    late, ahead = runs[behind], runs[1 - behind]
    advance, bursts, asked = late.advance, [], []

    def slowly(steps):
        bursts.append(steps)
        time.sleep(0.02)
        advance(steps)

    monkeypatch.setattr(late, "advance", slowly)
    monkeypatch.setattr(late, "steps_within", lambda seconds: 50)
    assert not lockstep.advance(1, lambda: asked.append(1) or len(asked) > 1)
    assert max(bursts) == 50
    assert 10 < late.step < 4000
    assert ahead.step == lockstep.step == 4000
    # Nothing goes on by itself.
    stands = late.step
    time.sleep(0.05)
    assert late.step == stands
    monkeypatch.undo()
    assert lockstep.advance(1)
    assert [run.step for run in runs] == [4001, 4001]
    assert bits(ahead) == bits(run_of({}, 4001))
    assert bits(late) == bits(run_of({"seed": 3}, 4001))


def test_going_on_is_stopped_between_bursts(together, monkeypatch):
    runs = [run_of({}), run_of({"seed": 3})]
    lockstep = together(*runs)
    for run in runs:
        monkeypatch.setattr(run, "steps_within", lambda seconds: 20)
    asked = []
    assert not lockstep.advance(10**9, lambda: asked.append(1) or len(asked) == 10)
    assert runs[0].step == 200
    assert 0 < lockstep.step < 10**6
    assert lockstep.advance(3)
    assert runs[0].step == runs[1].step == lockstep.step


@pytest.mark.parametrize("where", ["training", "waiting", "ending"])
def test_an_interrupt_leaves_runs_that_go_on_together(together, monkeypatch, where):
    runs = [run_of({}, 10), run_of({"seed": 3}, 10)]
    lockstep = together(*runs)

    def interrupt(*_):
        raise KeyboardInterrupt

    stop = None
    if where == "training":
        monkeypatch.setattr(runs[0], "advance", interrupt)
    elif where == "waiting":
        stop = interrupt
    else:
        stop = [False, True].pop
        monkeypatch.setattr(lockstep._workers[1], "idle", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lockstep.advance(10**7, *[stop] if stop else ())
    monkeypatch.undo()
    for steps in (300, 100, 1):
        before = lockstep.step
        assert lockstep.advance(steps)
        assert {run.step for run in runs} == {lockstep.step}
        assert before + steps <= lockstep.step < 10**6
    assert bits(runs[1]) == bits(run_of({"seed": 3}, lockstep.step))


@pytest.mark.parametrize("place", [0, 1])
def test_one_that_no_replay_leads_on_stays_and_the_others_go_on(together, place):
    recorded = run_of({}, 50).recorded()
    first, *rest = recorded.keyframes
    broken = type(first)(0, np.full_like(first.numbers, np.nan), first.counters, first.last, first.seconds)
    lost = Run.from_recorded(type(recorded)(**{**vars(recorded), "keyframes": (broken, rest[-1])}))
    other = run_of({"seed": 3}, 50)
    runs = [other]
    runs.insert(place, lost)
    lockstep = together(*runs)
    assert lockstep.seek(0)
    for steps in (5, 10):
        assert lockstep.advance(steps)
        assert isinstance(lockstep.diverged[place], ReplayDiverged)
    assert (lost.step, other.step) == (0, 15)
    # All are sought, though one does not arrive.
    assert not lockstep.seek(20)
    assert (lost.step, other.step) == (0, 20)
    lockstep.advance(1)
    lost.seek(50)
    lockstep.advance(1)
    assert lockstep.diverged == {}
    assert lost.step == other.step == 51


@pytest.mark.parametrize("place", [0, 1])
def test_one_that_diverges_stays_and_the_others_go_on(together, place):
    runs = [run_of({}), run_of({"seed": 3})]
    runs.insert(place, run_of(CRAZY))
    lockstep = together(*runs)
    for _ in range(10):
        lockstep.advance(100)
    end = runs[place].end
    assert list(lockstep.diverged) == [place]
    assert isinstance(lockstep.diverged[place], TrainingDiverged)
    assert str(lockstep.diverged[place]) == runs[place].diverged
    assert end < 1000
    assert [run.step for run in runs] == [end if at == place else 1000 for at in range(3)]
    assert lockstep.step == 1000
    # Each goes as far as it was trained.
    assert lockstep.seek(end + 10)
    assert [run.step for run in runs] == [end if at == place else end + 10 for at in range(3)]
    assert lockstep.seek(3)
    assert [run.step for run in runs] == [3, 3, 3]
    assert lockstep.diverged == {}
    lockstep.advance(1)
    assert [run.step for run in runs] == [4, 4, 4]
    lockstep.advance(1000)
    assert list(lockstep.diverged) == [place]
    assert {run.step for run in runs} == {end, 1004}
    # A change sets it going again, and it catches up.
    runs[place].change_together({f"optimizer.{player}.learning_rate": 0.0 for player in ("generator", "discriminator")})
    lockstep.advance(2)
    assert lockstep.diverged == {}
    assert [run.step for run in runs] == [1006] * 3


def test_a_way_back_is_stopped_for_all(together):
    runs = [run_of({}, 50), run_of({"seed": 3}, 50)]
    lockstep = together(*runs)
    asked = []
    assert not lockstep.seek(40, should_stop=lambda: asked.append(1) or True)
    assert runs[0].step <= 40
    assert runs[1].step == 50
    assert lockstep.seek(40)
    assert [run.step for run in runs] == [40, 40]
    assert bits(runs[0]) == bits(run_of({}, 40))


@pytest.mark.parametrize("count", [0, 5])
def test_one_to_four_go_together(count):
    with pytest.raises(ValueError, match="1 to 4"):
        Lockstep([run_of({})] * count)


@pytest.mark.parametrize("place", [0, 1])
def test_what_else_goes_wrong_reaches_whoever_asks(together, monkeypatch, place):
    runs = [run_of({}), run_of({"seed": 3})]
    lockstep = together(*runs)

    def fail(steps):
        raise MemoryError("no room")

    monkeypatch.setattr(runs[place], "advance", fail)
    with pytest.raises(MemoryError, match="no room"):
        lockstep.advance(1)
    monkeypatch.undo()
    lockstep.advance(1)
    assert {run.step for run in runs} == {lockstep.step}
