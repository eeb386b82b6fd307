"""Four ways to a step that end in the same bits, whatever is trained and however it is changed on the way."""

import hashlib
import multiprocessing
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from ganviz.engine.training import Training
from ganviz.experiment import Experiment, ExperimentError, sections
from ganviz.run import Need, ReplayDiverged, Run, Session, TrainingDiverged, keyframes, timemachine
from ganviz.run.keyframes import LIMIT, Keyframes

BASE = {
    "data.kind": "ring", "noise.dimension": 2, "generator.hidden": [5], "discriminator.hidden": [4],
    "generator.activation": "tanh", "discriminator.activation": "softplus", "schedule.batch": 6,
}  # fmt: skip
CRAZY = {
    "generator.hidden": [], "discriminator.hidden": [], "objective.kind": "wasserstein",
    **{f"optimizer.{player}.kind": "sgd" for player in ("generator", "discriminator")},
    **{f"optimizer.{player}.learning_rate": 10.0 for player in ("generator", "discriminator")},
}  # fmt: skip


def experiment_of(**fields):
    return Experiment.from_mapping({**BASE, **{path.replace("__", "."): value for path, value in fields.items()}})


def both(field, value):
    return {f"optimizer.{player}.{field}": value for player in ("generator", "discriminator")}


def state(run):
    """All that training carries from step to step, and what the last step measured."""
    kept, counters = run._training.snapshot()
    return kept.tobytes(), counters.tobytes(), run._last.tobytes(), run.experiment


def digest(run):
    found = hashlib.blake2b()
    for part in state(run)[:3]:
        found.update(part)
    return run.step, found.hexdigest()


def trained(experiment, steps, changes=()):
    """Train without any going back; changes as (step, fields)."""
    run = Run(experiment)
    go_on(run, steps, changes)
    return run


def go_on(run, steps, changes):
    for at, fields in changes:
        if run.end <= at <= steps:
            reach(run, at)
            run.change_together(fields)
    reach(run, steps)


def reach(run, step):
    try:
        run.advance(step - run.step)
    except TrainingDiverged:
        # It stays where it is, on every way alike.
        assert run.diverged


def serve(pipe):
    """Open files in another process, train on and answer with what that led to."""
    while (asked := pipe.recv()) is not None:
        path, steps, changes = asked
        try:
            run = Run.open(path)
            go_on(run, steps, changes)
            pipe.send(digest(run))
        except Exception as error:
            pipe.send(repr(error))


@pytest.fixture(scope="module")
def elsewhere():
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=[there], daemon=True)
    process.start()

    def ask(*what):
        here.send(what)
        return here.recv()

    yield ask
    here.send(None)
    process.join(30)
    here.close()
    there.close()


def check(elsewhere, folder, experiment, way, changes=()):
    """Compare a training without stops with one that goes over a file, one that goes back, and a branch."""
    back, kept, goal = way
    straight = trained(experiment, goal, changes)
    travelled = trained(experiment, kept, changes)
    path = folder / "run.ganviz"
    travelled.save(path)
    assert elsewhere(path, goal, changes) == digest(straight)
    go_on(travelled, goal, changes)
    assert state(travelled) == state(straight)
    end = travelled.end
    assert travelled.seek(min(back, end))
    # Where a training diverged, what was to be changed later is changed at once.
    assert state(travelled) == (state(trained(experiment, back, changes)) if back < end else state(straight))
    branch = travelled.branch()
    later = [change for change in changes if change[0] > branch.step]
    travelled.advance(end - travelled.step)
    assert state(travelled) == state(straight)
    assert travelled.note == ""
    if branch.step < end:
        go_on(branch, goal, later)
    assert state(branch) == state(straight)
    assert branch.note == ""


@pytest.mark.parametrize("kind", sections.OBJECTIVES)
def test_every_objective(elsewhere, tmp_path, kind):
    check(elsewhere, tmp_path, experiment_of(objective__kind=kind), (7, 20, 45))


@pytest.mark.parametrize("kind", sections.PENALTIES)
def test_every_penalty(elsewhere, tmp_path, kind):
    fields = {"optimizer.generator.kind": "sgd", "optimizer.discriminator.kind": "sgd"}
    check(elsewhere, tmp_path, experiment_of(penalty__kind=kind, penalty__weight=0.5, **fields), (7, 20, 45))


@pytest.mark.parametrize("kind", sections.OPTIMIZERS)
def test_every_optimizer_before_and_after_it_is_changed(elsewhere, tmp_path, kind):
    own = {"schedule.updates": "simultaneous", **both("kind", kind)}
    other = "rmsprop-tf1" if kind != "rmsprop-tf1" else "adam"
    changes = [(20, both("kind", other)), (32, both("kind", kind))]
    for way in ((20, 20, 45), (32, 27, 45), (7, 33, 45)):
        check(elsewhere, tmp_path, experiment_of(**own), way, changes)


SCHEDULES = {
    "simultaneous": {"schedule__updates": "simultaneous"},
    "several": {"schedule__discriminator_steps": 3, "schedule__generator_steps": 2},
    "reused": {"schedule__reuse_fakes": True},
    "unrolled": {"schedule__unroll": 2, **both("kind", "sgd")},
    "warm": {"schedule__warmup": True},
    "falling": {**both("rate_schedule", "cosine"), **both("rate_steps", 30)},
    "linear": {**both("rate_schedule", "linear"), **both("rate_steps", 30)},
    "pools": {"data__size": 11, "noise__size": 13},
    "blurred": {"instance_noise__std": 0.3, "instance_noise__decay_steps": 30},
    "averaged": {"generator__ema": 0.9},
    "normal": {"generator__normalization": "batch", "discriminator__normalization": "layer"},
    "spectral": {"discriminator__spectral_norm": True},
    "packed": {"discriminator__packing": 2},
    "precise": {"precision": 64},
    "standardized": {"data__standardize": True},
    "file": {"data__kind": "file", "data__path": "faithful.csv"},
}


@pytest.mark.parametrize("fields", SCHEDULES.values(), ids=SCHEDULES)
def test_every_schedule_and_all_that_a_step_can_carry(elsewhere, tmp_path, fields):
    check(elsewhere, tmp_path, experiment_of(**fields), (7, 20, 45))


PATHS = {
    "objective.kind": st.sampled_from(sections.OBJECTIVES),
    "penalty.kind": st.sampled_from(sections.PENALTIES),
    "penalty.weight": st.sampled_from([0.0, 0.1, 10.0]),
    "discriminator.clip": st.sampled_from([0.0, 0.05]),
    "generator.ema": st.sampled_from([0.0, 0.5, 0.99]),
    "instance_noise.std": st.sampled_from([0.0, 0.2]),
    "schedule.batch": st.sampled_from([2, 4, 8]),
    "schedule.updates": st.sampled_from(["alternating", "simultaneous"]),
    "schedule.discriminator_steps": st.integers(1, 3),
    "schedule.reuse_fakes": st.booleans(),
    "data.radius": st.sampled_from([0.5, 1.0]),
    **{
        f"optimizer.{player}.kind": st.sampled_from([kind for kind in sections.OPTIMIZERS if kind != "extragradient"])
        for player in ("generator", "discriminator")
    },
    "optimizer.generator.learning_rate": st.sampled_from([0.0, 1e-4, 1e-2, 10.0]),
    "optimizer.discriminator.rate_schedule": st.sampled_from(["constant", "linear", "cosine"]),
}
FIXED = {
    "seed": st.integers(0, 1000),
    "precision": st.sampled_from([32, 64]),
    "discriminator.spectral_norm": st.booleans(),
    "generator.normalization": st.sampled_from(["none", "batch", "layer"]),
    "data.size": st.sampled_from([0, 7]),
    "noise.size": st.sampled_from([0, 9]),
}


@st.composite
def stories(draw):
    """Draw an experiment, changes of it at steps, and a way through them."""

    def fields(table, most):
        paths = draw(st.lists(st.sampled_from(sorted(table)), max_size=most, unique=True))
        return {path: draw(table[path]) for path in paths}

    first = {**BASE, **fields(PATHS, 6), **fields(FIXED, 3)}
    goal = draw(st.integers(2, 60))
    steps = sorted(draw(st.lists(st.integers(0, goal), max_size=4)))
    changes = [(step, found) for step in steps if (found := fields(PATHS, 3))]
    kept = draw(st.integers(1, goal))
    # A change in the last step of the first part would be made there already.
    back = draw(st.one_of(st.integers(0, goal), st.sampled_from([step for step, _ in changes] or [0])))
    return first, (back, kept, goal), changes


@settings(
    deadline=None, max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)  # fmt: skip
@given(stories())
def test_drawn_experiments_and_changes(elsewhere, tmp_path, story):
    first, way, changes = story
    try:
        experiment = Experiment.from_mapping(first)
        run = Run(experiment)
        for _, fields in changes:
            run.change_together(fields)
    except ExperimentError:
        # Not all that can be drawn goes together.
        reject()
    check(elsewhere, tmp_path, experiment, way, changes)


# Long runs


def states_at(experiment, steps, changes):
    """Return what a training without stops carries at each of some steps."""
    run, found = Run(experiment), {}
    for step in sorted(steps):
        go_on(run, step, changes)
        found[step] = state(run)
    return found


def test_a_run_that_was_thinned_while_it_trained_comes_back_over_file_and_branch(tmp_path, monkeypatch):
    """Kept states arise by themselves and go again, between changes, over a file, and in a branch."""
    made = []
    add = Keyframes.add
    # A clock of steps: on a computer that others use, too, real seconds would keep others.
    now, advance = [0.0], Training.advance

    def ticking(training, steps, records):
        done = advance(training, steps, records)
        now[0] += 2e-5 * done
        return done

    monkeypatch.setattr(Training, "advance", ticking)
    monkeypatch.setattr(timemachine, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(keyframes, "SPACING", 2e-4)
    monkeypatch.setattr(Keyframes, "add", lambda self, frame: made.append(frame.step) or add(self, frame))
    experiment = experiment_of(generator__ema=0.9, schedule__discriminator_steps=2)
    changes = [
        (400, {"data.radius": 0.5}), (1100, both("kind", "rmsprop-tf1")), (1100, {"objective.kind": "hinge"}),
        (2300, both("kind", "adam")),
    ]  # fmt: skip
    other = [*changes[:3], (1700, {"discriminator.clip": 0.1})]
    size = Run(experiment).recorded().keyframes[0].size
    run = Run(experiment)
    run.limit(16 * size)
    made.clear()
    go_on(run, 3000, changes)
    # Many were kept for a while, at steps that nobody has chosen.
    assert len(set(made) - {at for at, _ in changes}) > 40
    assert 8 < len(run._keyframes) <= 14
    session = Session(run)
    run.seek(1700)
    branch = session.branch({"discriminator.clip": 0.1})
    # Two share the room, and the branch is thinned as well.
    for one in session.branches:
        one.run.limit(16 * size)
    branch.run.advance(1000)
    assert len(branch.run._keyframes) <= 14
    session.save(tmp_path / "a.ganviz")
    again = Session.open(tmp_path / "a.ganviz")
    steps = [0, 1, 399, 400, 401, 1099, 1100, 1101, 1699, 1700, 1701, 2299, 2300, 2301, 2999, 3000, 3100]
    rng = np.random.default_rng(8)
    steps += rng.integers(0, 3000, 12).tolist()
    for place, log in enumerate((changes, other)):
        expected = states_at(experiment, steps, log)
        for one in (session.branches[place].run, again.branches[place].run):
            for step in rng.permutation([step for step in steps if step <= one.end]).tolist():
                assert one.seek(step)
                assert state(one) == expected[step]
            one.advance(3100 - one.step)
            assert state(one) == expected[3100]
            assert one.note == ""


# Watching


def test_looking_measuring_and_saving_while_it_trains_changes_no_bit(tmp_path):
    experiment = experiment_of(generator__ema=0.9)
    alone, watched = trained(experiment, 90), Run(experiment)
    for steps in (1, 4, 25, 60):
        watched.frame(Need.all())
        watched.advance(steps)
        watched.save(tmp_path / "a.ganviz")
        watched.measurer.measure(watched.glance(Need.METRICS), Need.METRICS)
        for keyframe in watched._keyframes:
            watched.observer.frame(
                watched.glance_at(keyframe, Need.SAMPLES), Need.SAMPLES | Need.PULLS, watched.measurer.newest
            )
        watched.recorded()
        watched.branch({"objective.kind": "hinge"}).advance(10)
    assert state(watched) == state(alone)


def test_a_glance_at_each_kept_state_is_that_of_a_run_trained_to_its_step():
    experiment = experiment_of(generator__ema=0.9)
    changes = [(13, {"data.radius": 0.5}), (29, both("kind", "sgd")), (29, {"objective.kind": "hinge"})]
    run = trained(experiment, 40, changes)
    run.seek(21)
    run.advance(2)
    steps = [keyframe.step for keyframe in run._keyframes]
    assert set(steps) >= {0, 13, 29, 40}
    for keyframe in run._keyframes:
        there = trained(experiment, keyframe.step, changes)
        shown, expected = (
            one.observer.frame(glance, Need.SAMPLES | Need.SURFACE | Need.PULLS, one.measurer.at(glance))
            for one, glance in (
                (run, run.glance_at(keyframe, Need.SAMPLES)), (there, there.glance(Need.SAMPLES))
            )
        )  # fmt: skip
        assert shown.step == keyframe.step
        assert shown.experiment == expected.experiment
        assert shown.metrics == expected.metrics
        for name in ("real", "fake", "noise", "average", "pulls"):
            assert np.array_equal(getattr(shown, name), getattr(expected, name))
        assert np.array_equal(shown.surface.outputs, expected.surface.outputs)


# Branches


def test_a_branch_shares_the_past_and_goes_its_own_way():
    experiment = experiment_of()
    run = trained(experiment, 60, [(10, {"data.radius": 0.5})])
    before = state(run)
    run.seek(30)
    branch = run.branch({"objective.kind": "hinge"})
    assert (branch.step, branch.end) == (30, 30)
    assert [change.path for change in branch.log] == ["data.radius", "objective.kind"]
    branch.advance(30)
    again = trained(experiment, 60, [(10, {"data.radius": 0.5}), (30, {"objective.kind": "hinge"})])
    assert state(branch) == state(again)
    series, own = (one.frame(Need.HISTORY).history["generator_loss"] for one in (again, branch))
    assert np.array_equal(series.mean, own.mean)
    for step in (0, 7, 10, 29, 30):
        branch.seek(step)
        assert state(branch)[:2] == state(trained(experiment, step, [(10, {"data.radius": 0.5})]))[:2]
    second = branch.branch(seed=99)
    assert second.experiment.seed == 99
    second.seek(10)
    assert state(second)[:2] == state(trained(experiment, 10))[:2]
    second.advance(40)
    branch.advance(branch.end - branch.step)
    assert second.step == 50
    assert second.note == branch.note == ""
    run.advance(30)
    assert state(run) == before


def test_a_branch_with_another_seed_draws_other_data():
    run = trained(experiment_of(), 20)
    same, other = run.branch(), run.branch(seed=5)
    for one in (run, same, other):
        one.advance(1)
    assert state(same) == state(run)
    assert state(other)[0] != state(run)[0]
    twin = run.branch(seed=5)
    assert twin.experiment.seed == 5


def test_a_branch_that_is_refused_leaves_everything_as_it_was():
    run = trained(experiment_of(), 20)
    run.seek(8)
    before = state(run)
    for bad in ({"generator.hidden": [3]}, {"schedule.batch": 0}, {"seed": 3}):
        with pytest.raises(ExperimentError):
            run.branch(bad)
    assert state(run) == before


def test_a_branch_from_a_step_whose_kept_state_was_thinned_out():
    """What is kept in its place was taken after the change of that step, and is no departure from the recording."""
    experiment, changes = experiment_of(), [(30, both("kind", "rmsprop-tf1"))]
    run = Run(experiment)
    go_on(run, 80, changes)
    run.recorded()
    run.limit(0)
    assert [keyframe.step for keyframe in run._keyframes] == [0, 80]
    run.seek(30)
    branch = run.branch()
    branch.seek(0)
    branch.advance(30)
    assert branch.note == ""
    branch.advance(50)
    assert state(branch) == state(trained(experiment, 80, changes))


# Going back


def test_a_change_in_the_past_is_refused_with_a_sentence():
    run = trained(experiment_of(), 20)
    run.seek(8)
    before = state(run)
    with pytest.raises(ExperimentError, match=r"objective\.kind cannot change at step 8, .* past.* step 20\. Branch"):
        run.change("objective.kind", "hinge")
    assert state(run) == before
    assert run.log == []
    # Nothing to change is nothing to refuse.
    run.change("objective.kind", run.experiment.objective.kind)
    run.advance(12)
    run.change("objective.kind", "hinge")


@pytest.mark.parametrize("step", [-1, 21])
def test_a_step_that_was_not_trained_cannot_be_sought(step):
    run = trained(experiment_of(), 20)
    with pytest.raises(ValueError, match=rf"step {step} was not trained: there are steps 0 to 20"):
        run.seek(step)
    assert run.step == 20


def test_a_way_that_is_stopped_ends_somewhere_on_it_and_can_be_gone_on(monkeypatch):
    experiment = experiment_of()
    run, told = trained(experiment, 3000), []
    run.limit(0)
    monkeypatch.setattr(run, "_fitting", lambda: 100)
    end = state(run)
    assert not run.seek(2500, should_stop=lambda: len(told) == 7, progress=told.append)
    assert run.step == told[-1] < 2500
    assert told == sorted(told)
    assert state(run) == state(trained(experiment, run.step))
    assert run.seek(2500)
    assert state(run) == state(trained(experiment, 2500))
    run.advance(500)
    assert state(run) == end


def test_the_step_before_is_near_once_a_run_has_been_sought(monkeypatch):
    run = trained(experiment_of(), 3000)
    # The first and the last state alone, and room for all on the way.
    run.limit(LIMIT, 2)
    monkeypatch.setattr(run, "_fitting", lambda: 70)
    run.seek(2900)
    made = []
    advance = run._training.advance
    monkeypatch.setattr(run._training, "advance", lambda steps, records: made.append(steps) or advance(steps, records))
    for step in range(2899, 2880, -1):
        run.seek(step)
    assert sum(made) <= 20 * -(-2900 // 16)
    assert state(run) == state(trained(experiment_of(), 2881))


@pytest.mark.parametrize(("states", "near"), [(0, 1), (16, 2), (100, 12), (1000, 16)])
def test_the_states_on_the_way_take_part_in_the_bound_of_the_kept_ones(states, near):
    run = trained(experiment_of(), 3000)
    size = run.recorded().keyframes[0].size
    run.limit(states * size, 2)
    run.seek(2999)
    steps = [frame.step for frame in run._near]
    assert len(steps) == near
    # Equally far apart, up to the step itself.
    assert len(set(np.diff([*steps, 2999]).tolist())) == 1
    assert steps[0] <= 3000 / (near + 1) + 1
    run.limit(states * size)
    assert run._keyframes.size + near * size <= max(states, 3) * size
    run.limit(0)
    assert [frame.step for frame in run._near] == steps[-1:]
    # They go where the run does not come by again.
    run.seek(3000)
    assert run._near
    run.advance(1)
    assert run._near == []


def test_a_run_that_stands_in_the_past_is_saved_with_its_future(tmp_path):
    run = trained(experiment_of(), 50)
    end = state(run)
    run.seek(20)
    run.save(tmp_path / "a.ganviz")
    again = Run.open(tmp_path / "a.ganviz")
    assert (again.step, again.end) == (20, 50)
    assert state(again) == state(run)
    again.advance(30)
    assert state(again) == end
    assert again.note == ""


# Recordings that a replay leaves


@pytest.mark.parametrize("place", [0, 20, 40])
def test_a_tampered_state_is_told_once_and_the_recorded_ones_count(place):
    experiment = experiment_of()
    run = Run(experiment)
    for step in (20, 40, 50):
        run.advance(step - run.step)
        run.recorded()
    end = state(run)
    recorded = run.recorded()
    frames = list(recorded.keyframes)
    at = next(i for i, frame in enumerate(frames) if frame.step == place)
    numbers = frames[at].numbers.copy()
    bits = numbers.view(np.int32)
    # A parameter of the discriminator.
    bits[run._training.layout["discriminator"].parameters] ^= 1
    frames[at] = type(frames[at])(place, numbers, frames[at].counters, frames[at].last, frames[at].seconds)
    kept = type(recorded)(**{**vars(recorded), "keyframes": tuple(frames)})
    again = Run.from_recorded(kept)
    assert again.note == ""
    again.seek(0)
    again.advance(place)
    assert again._training.snapshot().kept.tobytes() == numbers.tobytes()
    again.advance(50 - place)
    assert state(again) == end
    note = again.note
    assert note.count(".") == 2
    assert f"step {place or frames[at + 1].step}:" in note
    again.seek(0)
    again.advance(50)
    assert again.note == note
    assert state(again) == end
    other = Run.from_recorded(type(kept)(**{**vars(kept), "host": "some other processor"}))
    other.seek(0)
    other.advance(50)
    assert "another processor (some other processor)" in other.note
    assert state(other) == end


def barred(kept=(50,), step=50):
    """Return a run of 50 steps whose first kept state is not finite, and what it recorded of itself."""
    run = Run(experiment_of())
    for at in kept:
        run.advance(at - run.step)
        run.recorded()
    recorded = run.recorded()
    first, *rest = recorded.keyframes
    numbers = np.full_like(first.numbers, np.nan)
    broken = type(first)(0, numbers, first.counters, first.last, first.seconds)
    frames = broken, *(frame for frame in rest if frame.step in kept)
    return Run.from_recorded(type(recorded)(**{**vars(recorded), "keyframes": frames, "step": step})), run


def test_a_replay_that_is_not_finite_ends_in_the_recorded_end():
    again, run = barred()
    again.seek(0)
    again.advance(50)
    assert state(again) == state(run)
    assert "leaves the recording" in again.note


def test_a_step_that_no_replay_reaches_is_not_said_to_be_reached():
    again, run = barred()
    assert not again.seek(20)
    assert again.step == 0
    assert "leaves the recording" in again.note
    assert again.seek(50)
    assert state(again) == state(run)
    assert not again.seek(49)
    assert again.end == 50
    # In bursts that end long before the next kept state, too.
    again._fitting = lambda: 3
    assert again.seek(0)
    assert again.seek(50)
    assert state(again) == state(run)


def test_going_on_never_goes_further_than_was_asked():
    again, run = barred()
    again.seek(0)
    for _ in range(2):
        with pytest.raises(ReplayDiverged, match=r"Step 5 is not reached.* back at step 0.* kept is 50\.") as raised:
            again.advance(5)
        assert (again.step, again.end, raised.value.next) == (0, 50, 50)
    assert isinstance(raised.value, TrainingDiverged)
    assert again.seek(raised.value.next)
    again.advance(5)
    run.advance(5)
    assert state(again) == state(run)


def test_a_lost_way_ends_at_the_last_kept_state_before_its_goal():
    again, run = barred(kept=(20, 30, 50))
    assert again.seek(0)
    # By way of the states that were kept it goes on.
    again.advance(40)
    assert again.note
    run.seek(40)
    assert state(again) == state(run)
    again.seek(0)
    with pytest.raises(ReplayDiverged):
        again.advance(19)
    again.advance(20)
    assert again.step == 20
    assert again.seek(45)


def test_a_run_whose_step_is_not_reached_is_set_up_at_the_kept_state_before_it():
    again, _ = barred(step=20)
    assert (again.step, again.end) == (0, 50)
    assert not again.seek(20)
    assert again.note


# Interrupts


def interrupted(run, monkeypatch):
    """Let an interrupt come while steps are made, as it does: when they are."""
    advance = run._training.advance

    def made_and_interrupted(steps, records):
        advance(steps, records)
        raise KeyboardInterrupt

    monkeypatch.setattr(run._training, "advance", made_and_interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.advance(20)
    monkeypatch.undo()


def test_an_interrupt_while_it_trains_loses_nothing_of_what_was_trained(tmp_path, monkeypatch):
    experiment = experiment_of()
    run = trained(experiment, 30)
    interrupted(run, monkeypatch)
    assert run.step == run.end > 30
    run.save(tmp_path / "a.ganviz")
    for one in (run, Run.open(tmp_path / "a.ganviz")):
        one.advance(80 - one.step)
        straight = trained(experiment, 80)
        assert state(one) == state(straight)
        for series, expected in (
            (one.frame(Need.HISTORY).history["generator_loss"], straight.frame(Need.HISTORY).history["generator_loss"]),
            (one._recent_series()["discriminator_loss"], straight._recent_series()["discriminator_loss"]),
        ):
            assert np.array_equal(series.steps, expected.steps)
            assert np.array_equal(series.mean, expected.mean)


def test_an_interrupt_in_the_step_of_a_change_leaves_the_change_to_be_made(monkeypatch):
    experiment, changes = experiment_of(), [(20, {"objective.kind": "hinge"})]
    run = trained(experiment, 40, changes)
    run.seek(0)
    interrupted(run, monkeypatch)
    run.advance(40 - run.step)
    run.advance(10)
    assert run.note == ""
    assert state(run) == state(trained(experiment, 50, changes))


# Divergence


def test_a_diverged_run_goes_back_and_forward_and_is_diverged_again(tmp_path):
    experiment = experiment_of(**CRAZY)
    run = trained(experiment, 10_000)
    sentence, end, stands = run.diverged, run.end, state(run)
    assert 2 < end < 10_000
    assert f"step {end + 1:,}" in sentence
    assert state(trained(experiment, end)) == stands
    path = tmp_path / "a.ganviz"
    run.save(path)
    for one in (run, Run.open(path)):
        assert one.diverged == sentence
        for _ in range(2):
            one.seek(1)
            assert one.step == 1
            with pytest.raises(TrainingDiverged) as raised:
                one.advance(10_000)
            assert str(raised.value) == sentence
            assert state(one) == stands
        one.seek(1)
        calm = one.branch(both("learning_rate", 0.0))
        assert calm.diverged == ""
        calm.advance(30)
        assert calm.step == 31
        one.seek(end)
        one.change_together(both("learning_rate", 0.0))
        assert one.diverged == ""
        one.advance(10)
        assert one.end == end + 10


@pytest.mark.parametrize("fields", [both("kind", "momentum"), {"generator.ema": 0.5}], ids=["moments", "average"])
def test_a_divergence_soon_after_a_change_ends_in_the_state_that_the_change_began(fields):
    """The last finite step is reached again from the state before the change, with the change."""
    experiment = experiment_of(**{**CRAZY, **both("kind", "rmsprop"), **both("learning_rate", 1e-3)})
    change = {**both("kind", "sgd"), **both("learning_rate", 10.0), **fields}
    run = trained(experiment, 5000, [(50, change)])
    assert run.diverged
    assert run.end > 51
    assert state(run) == state(trained(experiment, run.end, [(50, change)]))
