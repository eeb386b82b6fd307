import dataclasses
import re
import time

import numpy as np
import pytest

from ganviz.engine import training
from ganviz.experiment import Experiment, ExperimentError
from ganviz.run import SAMPLE_METRICS, STEP_METRICS, Change, Need, Run, TrainingDiverged

SMALL = {
    "generator": {"hidden": [16, 8]},
    "discriminator": {"hidden": [8]},
    "schedule": {"batch": 16, "discriminator_steps": 2},
}
LINE = {**SMALL, "data": {"kind": "mixture", "means": [-2.0, 1.0], "stds": 0.4}, "noise.dimension": 1}
CLIPPED = {
    **SMALL,
    "objective.kind": "wasserstein",
    "discriminator.clip": 0.05,
    "optimizer.generator.kind": "rmsprop",
    "optimizer.discriminator.kind": "rmsprop",
}
FAITHFUL = {**SMALL, "data": {"kind": "file", "path": "faithful.csv"}}
SETUPS = {"ring": SMALL, "line": LINE, "clipped": CLIPPED, "file": FAITHFUL}

DIVERGING = {
    **SMALL,
    # A seed that diverges only after some steps, and leaves infinite samples behind.
    "seed": 2,
    "optimizer.generator.kind": "sgd",
    "optimizer.discriminator.kind": "sgd",
    "optimizer.generator.learning_rate": 10.0,
    "optimizer.discriminator.learning_rate": 10.0,
    "objective.kind": "wasserstein",
}


def run_of(setup, **more):
    return Run(Experiment.from_mapping({**setup, **{key.replace("__", "."): value for key, value in more.items()}}))


def bits(run):
    return [
        (weight.tobytes(), bias.tobytes())
        for player in ("generator", "discriminator")
        for weight, bias in run.parameters(player)
    ]


def arrays(run):
    return [array for player in ("generator", "discriminator") for layer in run.parameters(player) for array in layer]


# Determinism


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_bits_do_not_depend_on_bursts_or_on_watching(setup):
    whole, single, bursts, watched = (run_of(setup, seed=5) for _ in range(4))
    start = bits(whole)
    whole.advance(60)
    for _ in range(60):
        single.advance(1)
    for burst in (7, 0, 1, 30, 22):
        bursts.advance(burst)
    watched.frame()
    for burst in (1, 2, 17, 40):
        watched.frame()
        watched.frame(Need.SURFACE | Need.PULLS)
        watched.advance(burst)
        watched.frame(Need.HISTORY)
        watched.parameters("generator")[0][0][:] = 0
    assert [run.step for run in (whole, single, bursts, watched)] == [60] * 4
    assert bits(whole) == bits(single) == bits(bursts) == bits(watched) != start
    one, two = whole.frame(), watched.frame()
    assert one.metrics == two.metrics
    assert np.array_equal(one.fake, two.fake)
    assert np.array_equal(one.real, two.real)
    for name in STEP_METRICS:
        assert np.array_equal(one.history[name].mean, two.history[name].mean)


def test_bits_across_the_copies_of_the_state():
    """More than the 1,024 steps of a burst in one call."""
    whole, parts = run_of(LINE), run_of(LINE)
    whole.advance(2500)
    for _ in range(25):
        parts.advance(100)
    assert bits(whole) == bits(parts)
    assert whole.step == parts.step == 2500


def test_seeds_differ():
    one, two = run_of(SMALL, seed=1), run_of(SMALL, seed=2)
    assert bits(one) != bits(two)


CHANGES = (
    (0, "schedule.batch", 24),
    (10, "optimizer.discriminator.learning_rate", 1e-2),
    (10, "objective.kind", "minimax"),
    (25, "data.radius", 2.0),
    (25, "instance_noise.std", 0.1),
    (30, "optimizer.generator.kind", "rmsprop"),
    (41, "discriminator.clip", 0.1),
    (44, "schedule.discriminator_steps", 3),
)


def test_bits_under_changes_at_the_same_steps():
    plain, watched = run_of(SMALL), run_of(SMALL)
    for at, path, value in CHANGES:
        plain.advance(at - plain.step)
        plain.change(path, value)
        while watched.step < at:
            watched.frame(Need.SURFACE | Need.PULLS)
            watched.advance(1)
        watched.change(path, value)
        watched.frame()
    assert bits(plain) == bits(watched)
    plain.advance(20)
    for _ in range(20):
        watched.advance(1)
    assert bits(plain) == bits(watched)
    assert plain.log == watched.log
    assert plain.experiment == watched.experiment
    late = run_of(SMALL)
    late.advance(11)
    for _, path, value in CHANGES:
        late.change(path, value)
    late.advance(53)
    assert late.step == plain.step
    assert bits(late) != bits(plain)


# Changes


def test_the_log_holds_step_path_before_and_after():
    run = run_of(SMALL)
    run.advance(3)
    run.change("optimizer.generator.learning_rate", 1e-3)
    run.change("optimizer.generator.learning_rate", 1e-3)
    run.advance(4)
    run.change("objective.kind", "wasserstein")
    assert run.log == [
        Change(3, "optimizer.generator.learning_rate", 2e-4, 1e-3),
        Change(7, "objective.kind", "non-saturating", "wasserstein"),
    ]
    assert run.experiment["optimizer.generator.learning_rate"] == 1e-3
    assert run.experiment.objective.kind == "wasserstein"


@pytest.mark.parametrize(("frozen", "moving"), [("generator", "discriminator"), ("discriminator", "generator")])
def test_a_change_acts_from_the_next_step(frozen, moving):
    run = run_of(SMALL)
    run.advance(5)
    run.change(f"optimizer.{frozen}.learning_rate", 0.0)

    def flat(player):
        return np.concatenate([part.ravel() for layer in run.parameters(player) for part in layer])

    still, other = flat(frozen), flat(moving)
    run.advance(10)
    assert np.array_equal(flat(frozen), still)
    assert not np.array_equal(flat(moving), other)
    run.change(f"optimizer.{frozen}.learning_rate", 0.01)
    run.advance(1)
    assert not np.array_equal(flat(frozen), still)


def test_a_clip_acts_from_the_next_step():
    run = run_of(SMALL)
    run.advance(5)
    assert "clip_fraction" not in run.frame().metrics
    assert max(abs(array).max() for layer in run.parameters("discriminator") for array in layer) > 0.05
    run.change("discriminator.clip", 0.02)
    run.advance(1)
    assert max(abs(array).max() for layer in run.parameters("discriminator") for array in layer) == np.float32(0.02)
    assert run.frame().metrics["clip_fraction"] > 0.1


def test_several_changes_at_once_are_all_made_or_none():
    run = run_of(LINE)
    run.advance(4)
    good = {"data.means": [1.0, 2.0, 3.0], "data.stds": [0.1, 0.2, 0.3], "schedule.batch": 16}
    # Neither means nor deviations could change alone.
    with pytest.raises(ExperimentError):
        run.change("data.stds", [0.1, 0.2, 0.3])
    for bad in ({"seed": 3}, {"schedule.batch": 0}, {"data.radius": 2.0}):
        before = run.experiment
        with pytest.raises(ExperimentError):
            run.change_together({**good, **bad})
        assert run.experiment == before
        assert run.log == []
    run.change_together(good)
    assert run.log == [
        Change(4, "data.means", (-2.0, 1.0), (1.0, 2.0, 3.0)),
        Change(4, "data.stds", 0.4, (0.1, 0.2, 0.3)),
    ]
    run.advance(1)
    assert run.frame().real.mean() == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("generator.hidden", [4]),
        ("discriminator.activation", "tanh"),
        ("seed", 4),
        ("precision", 64),
        ("noise.dimension", 3),
        ("data.standardize", True),
    ],
)
def test_a_change_that_needs_a_restart_is_refused(path, value):
    run, other = run_of(SMALL), run_of(SMALL)
    run.advance(2)
    with pytest.raises(ExperimentError, match=re.escape(path)) as raised:
        run.change(path, value)
    assert "start anew" in str(raised.value)
    assert run.log == []
    run.advance(3)
    other.advance(5)
    assert bits(run) == bits(other)


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("optimizer.generator.learning_rate", -1.0, "optimizer.generator.learning_rate = -1"),
        ("optimizer.generator.learning_rate", float("nan"), "optimizer.generator.learning_rate"),
        ("optimizer.generator.learningrate", 1e-3, "did you mean optimizer.generator.learning_rate"),
        ("objective.kind", "huber", 'objective.kind = "huber" is not allowed'),
        ("data.means", [1.0, 2.0], "not a field of ring data"),
        ("schedule.batch", 0, "schedule.batch = 0"),
    ],
)
def test_a_bad_change_is_refused(path, value, word):
    run = run_of(SMALL)
    run.advance(2)
    with pytest.raises(ExperimentError, match=re.escape(word)):
        run.change(path, value)
    assert run.log == []
    run.advance(1)


def test_a_change_of_the_datas_dimension_is_refused():
    run = run_of(LINE)
    with pytest.raises(ExperimentError, match=re.escape("data.means")):
        run.change("data.means", [[0.0, 1.0], [2.0, 3.0]])
    run.advance(1)
    assert run.frame().fake.shape[1] == 1


def test_changed_data_is_what_is_shown_and_measured():
    run = run_of(LINE)
    before = run.frame()
    run.change("data.means", [8.0, 9.0])
    after = run.frame()
    assert before.real.mean() == pytest.approx(-0.5, abs=0.2)
    assert after.real.mean() == pytest.approx(8.5, abs=0.1)
    assert after.metrics["w1"] == pytest.approx(8.5 - after.fake.mean(), abs=0.3)
    place, height = after.density
    assert np.trapezoid(height[(place > 7) & (place < 10)], place[(place > 7) & (place < 10)]) < 1.01
    assert after.box == before.box


# Divergence


LINEAR = {**DIVERGING, "generator": {"hidden": []}, "discriminator": {"hidden": []}}
"""Grows by a constant factor a step, so that the last finite numbers are not yet too large to compute with."""


def diverged(setup=DIVERGING):
    run = run_of(setup)
    with pytest.raises(TrainingDiverged) as raised:
        run.advance(10_000)
    return run, raised.value


def test_a_change_that_needs_too_much_memory_changes_nothing(monkeypatch):
    run, other = run_of(SMALL), run_of(SMALL)
    run.advance(2)
    monkeypatch.setattr(training, "LARGEST", 10_000)
    with pytest.raises(ExperimentError, match=r"schedule\.batch.* smaller"):
        run.change("schedule.batch", 4096)
    monkeypatch.undo()
    assert run.experiment["schedule.batch"] == SMALL["schedule"]["batch"]
    assert run.log == []
    run.advance(3)
    other.advance(5)
    assert bits(run) == bits(other)


def test_divergence_ends_in_a_sentence():
    run, error = diverged()
    sentence = str(error)
    assert error.step == run.step + 1
    assert error.player in ("generator", "discriminator")
    assert f"step {error.step:,}" in sentence
    called = "critic" if error.player == "discriminator" and run.experiment.objective.critic else error.player
    assert f"the {called}'s layer {error.layer}" in sentence
    assert f"Step {run.step:,}, the last finite one" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("precision", [32, 64])
@pytest.mark.parametrize("burst", [1, 3, 10_000])
def test_a_diverged_run_stands_at_its_last_finite_step(burst, precision):
    run = run_of(DIVERGING, precision=precision)
    with pytest.raises(TrainingDiverged) as raised:
        while run.step < 10_000:
            run.advance(burst)
    step = run.step
    assert step == raised.value.step - 1
    assert step > 1
    assert all(np.isfinite(array).all() for array in arrays(run))
    fresh = run_of(DIVERGING, precision=precision)
    fresh.advance(step)
    assert bits(run) == bits(fresh)
    assert run.frame().metrics == fresh.frame().metrics
    for name in STEP_METRICS:
        assert np.array_equal(run.frame().history[name].mean, fresh.frame().history[name].mean)
    with pytest.raises(TrainingDiverged):
        fresh.advance(1)


def test_the_named_layer_is_the_one_that_is_not_finite():
    run, error = diverged()
    # The step after the last finite one, taken without the run's protection.
    run._training.advance(1, np.zeros((1, 9)))
    layers = run._training.layout[error.player].network.split(run._training.flat(error.player))
    finite = [bool(np.isfinite(weight).all() and np.isfinite(bias).all()) for weight, bias in layers]
    assert finite.index(False) + 1 == error.layer


def test_a_diverged_run_can_be_looked_at_refuses_to_go_on_and_recovers():
    run, _ = diverged(LINEAR)
    step, before = run.step, bits(run)
    frame = run.frame()
    assert frame.step == step
    assert frame.fake.shape == (1000, 2)
    for _ in range(2):
        with pytest.raises(TrainingDiverged):
            run.advance(1)
    assert (run.step, bits(run)) == (step, before)
    with pytest.raises(ExperimentError):
        run.change("optimizer.generator.learning_rate", -1.0)
    run.change("optimizer.generator.learning_rate", 10.0)
    with pytest.raises(TrainingDiverged):
        run.advance(1)
    run.change("optimizer.generator.learning_rate", 0.0)
    run.change("optimizer.discriminator.learning_rate", 0.0)
    run.advance(20)
    assert run.step == step + 20
    assert all(np.isfinite(array).all() for array in arrays(run))
    assert run.frame().step == step + 20


def test_finite_parameters_with_infinite_samples_can_be_looked_at():
    """A network of three layers and weights of 1e30: nothing can be measured, and that is no error."""
    run, _ = diverged()
    frame = run.frame()
    assert frame.step == run.step
    assert not np.isfinite(frame.fake).all()
    assert not set(SAMPLE_METRICS) & set(frame.metrics)
    run.change("optimizer.generator.learning_rate", 0.0)
    run.change("optimizer.discriminator.learning_rate", 0.0)
    with pytest.raises(TrainingDiverged):
        run.advance(1)
    run.frame()


def test_divergence_beyond_the_first_copy_of_the_state():
    run = run_of(SMALL)
    run.advance(1500)
    for path, value in DIVERGING.items():
        if path.startswith(("optimizer", "objective")):
            run.change(path, value)
    with pytest.raises(TrainingDiverged) as raised:
        run.advance(5000)
    assert run.step == raised.value.step - 1 > 1500
    assert all(np.isfinite(array).all() for array in arrays(run))


# Frames


@pytest.mark.parametrize(("setup", "d", "count"), [(SMALL, 2, 1000), (LINE, 1, 4096), (FAITHFUL, 2, 1000)])
def test_shapes(setup, d, count):
    run = run_of(setup)
    run.advance(3)
    frame = run.frame()
    assert frame.step == 3
    assert frame.experiment is run.experiment
    assert frame.real.shape == frame.fake.shape == (count, d)
    assert frame.noise.shape == (count, run.experiment.noise.dimension)
    assert frame.pulls.ndim == 2
    assert frame.pulls.shape[1] == d
    assert len(frame.box) == d
    assert all(low < high for low, high in frame.box)
    z, samples = frame.map
    assert samples.shape == (len(z), d)
    surface = frame.surface
    if d == 1:
        assert surface.outputs.shape == surface.slopes.shape == surface.x.shape
        assert surface.y.size == 0
        assert np.all(np.diff(frame.density[0]) > 0)
    else:
        assert surface.outputs.shape == (len(surface.y), len(surface.x))
        assert surface.slopes.size == 0
        assert frame.density is None
    # What is looked at has a surface behind it.
    for side, grid in zip(frame.box, (surface.x, surface.y), strict=False):
        assert grid[0] <= side[0] < side[1] <= grid[-1]
    assert set(frame.history) == {*STEP_METRICS, *SAMPLE_METRICS}
    for array in (frame.real, frame.fake, frame.pulls, surface.outputs, samples):
        assert array.dtype == np.float64
        assert np.isfinite(array).all()


def test_file_data_is_in_its_own_units():
    """Old Faithful: eruptions of 1.6 to 5.1 minutes, waits of 43 to 96."""
    run = run_of(FAITHFUL)
    table = run.experiment.table.points
    frame = run.frame()
    rows = {tuple(row) for row in np.float32(table).tolist()}
    assert {tuple(row) for row in np.float32(frame.real).tolist()} <= rows
    assert frame.real.mean(axis=0) == pytest.approx(table.mean(axis=0), rel=0.03)
    # An untrained generator sits around 0 of the training's units: the data's mean.
    offset = (frame.fake.mean(axis=0) - table.mean(axis=0)) / table.std(axis=0)
    assert np.all(np.abs(offset) < 1.5)
    for axis, (low, high) in enumerate(frame.box):
        inside = (table[:, axis] >= low) & (table[:, axis] <= high)
        assert inside.mean() > 0.98
        assert high - low < 3 * np.ptp(table[:, axis])
    run.change("optimizer.generator.learning_rate", 2e-3)
    run.change("optimizer.discriminator.learning_rate", 2e-3)
    run.advance(1500)
    fake = run.frame().fake
    assert fake.mean(axis=0) == pytest.approx(table.mean(axis=0), rel=0.15)


def test_pulls_and_slopes_are_derivatives_in_the_datas_own_units():
    """The pull is minus the gradient of the generator's loss, by finite differences of the surface itself."""
    run = run_of(FAITHFUL, precision=64, discriminator__activation="tanh")
    run.advance(20)
    frame = run.frame()
    evaluator, scale = run.observer._evaluator, run.experiment.table.points.std(axis=0)
    points = frame.fake[: len(frame.pulls)]
    found = np.empty_like(points)
    for axis in range(2):
        step = np.zeros(2)
        step[axis] = 1e-5 * scale[axis]
        high, low = (np.logaddexp(0, -evaluator.discriminate(points + sign * step)) for sign in (1, -1))
        found[:, axis] = -(high - low) / 2e-5 * scale[axis]
    assert frame.pulls == pytest.approx(found, rel=1e-4, abs=1e-6 * np.abs(found).max())
    line = run_of(LINE, precision=64, discriminator__activation="softplus")
    line.advance(50)
    surface = line.frame().surface
    middle = (surface.outputs[2:] - surface.outputs[:-2]) / (surface.x[2:] - surface.x[:-2])
    assert surface.slopes[1:-1] == pytest.approx(middle, rel=1e-3, abs=1e-4 * np.abs(middle).max())


def test_the_map_is_the_generator():
    run = run_of(LINE)
    run.advance(30)
    frame = run.frame()
    z, samples = frame.map
    # In one dimension the fakes lie on the curve of the map.
    inside = np.abs(frame.noise[:, 0]) < z[-1]
    drawn = np.interp(frame.noise[inside, 0], z, samples[:, 0])
    assert frame.fake[inside, 0] == pytest.approx(drawn, abs=0.02 * np.ptp(samples))


def test_only_what_is_needed_is_computed():
    run = run_of(LINE)
    run.advance(2)
    bare = run.frame(Need.SAMPLES)
    assert (bare.surface, bare.pulls, bare.map, bare.history) == (None, None, None, None)
    assert not set(SAMPLE_METRICS) & set(bare.metrics)
    assert bare.metrics["generator_loss"] > 0
    for need, name in ((Need.SURFACE, "surface"), (Need.PULLS, "pulls"), (Need.MAP, "map"), (Need.HISTORY, "history")):
        frame = run.frame(need)
        given = {field for field in ("surface", "pulls", "map", "history") if getattr(frame, field) is not None}
        assert given == {name}
    assert set(run.frame(Need.METRICS).metrics) >= {"kl", "js", "w1", "w2", "precision", "slope_data"}


@pytest.mark.parametrize("cost", [1e-5, 0.003, 0.03, 5.0])
@pytest.mark.parametrize("seconds", [0.1, 0.2])
def test_bursts_last_about_as_long_as_they_should(monkeypatch, cost, seconds):
    run, now, sizes = run_of(SMALL), [0.0], []
    training = run._training

    def clockwork(steps, records):
        training.counters[0] += steps
        now[0] += cost * steps
        return steps

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(training, "advance", clockwork)
    steps = 20 * max(1, round(seconds / cost))
    for goal in (steps // 2, steps):
        before = run.step
        for done in run.bursts(goal, seconds):
            sizes.append(done - before)
            before = done
        assert run.step == goal
    # How long a step takes is not known before the first burst.
    assert sizes[0] <= 2
    assert max(sizes[1:]) == 1 or cost * max(sizes) <= seconds * (1 + 1e-9)
    assert cost * max(sizes) >= seconds / 4
    assert len(sizes) < 26
    assert run.seconds == pytest.approx(cost * steps)


def test_the_lengths_of_bursts_change_no_bit():
    bits = set()
    for seconds in (1e-9, 1e-3, 1.0):
        run = run_of(SMALL)
        assert list(run.bursts(0)) == []
        assert list(run.bursts(300, seconds))[-1] == 300
        bits.add(run._training.snapshot().kept.tobytes())
    assert len(bits) == 1


def test_a_file_with_other_numbers_is_other_data(tmp_path):
    """A run whose file was read again is what a run is that went on with another file of the same numbers."""
    rng = np.random.default_rng(3)
    first, then = rng.normal(size=(90, 2)), rng.normal(size=(90, 2)) + 4
    path, other = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(path, first)
    np.save(other, then)
    fields = {"data.kind": "file", "data.path": str(path), "generator.hidden": [6], "discriminator.hidden": [6]}
    runs = [Run(Experiment.from_mapping(fields)) for _ in range(2)]
    needs = Need.METRICS | Need.SPECTRUM
    for run in runs:
        run.advance(5)
        run.frame(needs)
    np.save(path, then)
    for run, file in zip(runs, (path, other), strict=True):
        run.adopt(run.experiment.replace({"data.path": str(file)}))
        run.advance(5)
    one, same = (run.frame(needs) for run in runs)
    assert np.isin(one.real, np.float32(then)).all()
    assert np.array_equal(one.real, same.real)
    assert one.metrics == same.metrics
    assert np.array_equal(one.spectrum.eigenvalues, same.spectrum.eigenvalues)
    starts = [run.measurer._diagnostician._evidence.start_w1 for run in runs]
    assert starts[0] == starts[1]
    # A picture of the past has the data of then.
    for run in runs:
        for step, numbers in ((0, first), (5, then)):
            glance = run.glance_at(run.nearest(step), Need.SAMPLES)
            assert glance.step == step
            frame = run.observer.frame(glance, Need.SAMPLES, run.measurer.newest)
            assert np.isin(frame.real, np.float32(numbers)).all()


def test_frames_are_immutable_records():
    run = run_of(SMALL)
    run.advance(2)
    frame = run.frame()
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.step = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.surface.x = None
    kept = [frame.real.copy(), frame.fake.copy(), frame.surface.outputs.copy(), frame.pulls.copy()]
    mean = frame.history["generator_loss"].mean.copy()
    metrics = dict(frame.metrics)
    run.change("optimizer.generator.learning_rate", 0.1)
    run.advance(20)
    later = run.frame()
    assert not np.array_equal(later.fake, frame.fake)
    now = [frame.real, frame.fake, frame.surface.outputs, frame.pulls]
    assert all(np.array_equal(a, b) for a, b in zip(kept, now, strict=True))
    assert np.array_equal(frame.history["generator_loss"].mean, mean)
    assert frame.metrics == metrics
    assert frame.step == 2


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_the_box_stays_and_holds_the_data(setup):
    run = run_of(setup)
    box = run.frame().box
    run.advance(300)
    frame = run.frame()
    assert frame.box == box
    low, high = np.transpose(box)
    assert ((frame.real > low) & (frame.real < high)).all(axis=1).mean() > 0.97


def test_step_metrics_have_their_names_and_meaning():
    gan, critic = run_of(SMALL), run_of(CLIPPED)
    assert not set(STEP_METRICS) & set(gan.frame().metrics)
    gan.advance(20)
    critic.advance(20)
    metrics = gan.frame().metrics
    assert 0 < metrics["mean_real"] < 1
    assert 0 < metrics["mean_fake"] < 1
    assert "critic_w1" not in metrics
    metrics = critic.frame().metrics
    assert metrics["critic_w1"] == pytest.approx(-metrics["discriminator_loss"], rel=1e-5)
    assert "mean_real" not in metrics
    assert 0 < metrics["clip_fraction"] <= 1
    weights = np.concatenate([part.ravel() for layer in critic.parameters("discriminator") for part in layer])
    assert metrics["clip_fraction"] == pytest.approx(np.mean(np.abs(weights) >= np.float32(0.05)), abs=1e-6)


def test_the_history_follows_the_steps():
    run, slow = run_of(LINE), run_of(LINE)
    values = []
    for _ in range(30):
        slow.advance(1)
        values.append(slow.frame(Need.SAMPLES).metrics["generator_loss"])
    run.advance(30)
    series = run.frame(Need.HISTORY).history["generator_loss"]
    assert np.array_equal(series.steps, np.arange(1, 31))
    assert np.array_equal(series.mean, values)
    # The beginning is measured with the first measurement.
    run.frame(Need.METRICS)
    run.frame(Need.METRICS)
    run.advance(5)
    history = run.frame(Need.METRICS | Need.HISTORY).history
    assert np.array_equal(history["js"].steps, [0, 30, 35])
    assert history["js"].mean[0] == run_of(LINE).frame(Need.METRICS).metrics["js"]


def test_parameters_are_copies_with_the_networks_shapes():
    run = run_of(SMALL)
    shapes = [(weight.shape, bias.shape) for weight, bias in run.parameters("generator")]
    assert shapes == [((2, 16), (16,)), ((16, 8), (8,)), ((8, 2), (2,))]
    shapes = [(weight.shape, bias.shape) for weight, bias in run.parameters("discriminator")]
    assert shapes == [((2, 8), (8,)), ((8, 1), (1,))]
    with pytest.raises(ValueError, match='no player "critic"'):
        run.parameters("critic")


def test_the_notice_tells_of_rows_left_out():
    penguins = {"kind": "file", "path": "penguins.csv", "columns": ["bill_length_mm", "bill_depth_mm"]}
    run = run_of({**SMALL, "data": penguins})
    assert "2 of 344 rows left out" in run.frame().notice
    assert run_of(SMALL).frame().notice == ""
