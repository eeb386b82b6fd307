"""Runs in lockstep: the same bits as alone, the same step, and a diverged one does not hold the others."""

import threading

import pytest

from ganviz.experiment import Experiment
from ganviz.run import Run, TrainingDiverged
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
