"""Ensembles: each seed is a single run to the bit, whatever the workers; quantiles; divergence; changes; stopping."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ganviz.experiment import Experiment, ExperimentError
from ganviz.run import Need, Run, TrainingDiverged
from ganviz.run.ensemble import Ensemble, quantiles
from ganviz.run.recorded import Change

SMALL = {
    "data.kind": "gaussian", "noise.dimension": 1, "generator.hidden": [4], "discriminator.hidden": [4],
    "schedule.batch": 16,
}  # fmt: skip
RATE = "optimizer.generator.learning_rate"
# Under plain gradient steps with such a rate some runs diverge, sooner or later, and others do not.
WILD = {
    **SMALL, "objective.kind": "wasserstein",
    "optimizer.generator.kind": "sgd", "optimizer.discriminator.kind": "sgd",
    "optimizer.generator.learning_rate": 10.0, "optimizer.discriminator.learning_rate": 10.0,
}  # fmt: skip


def experiment(**settings):
    return Experiment.from_mapping({**SMALL, **settings})


def single(setup, seed, steps, changes=()):
    """Train one run on its own; return its metrics at the steps."""
    run = Run(setup.replace({"seed": seed}))
    rows = []
    for step in steps:
        for at, path, value in changes:
            if run.step <= at < step:
                run.advance(at - run.step)
                run.change(path, value)
        run.advance(step - run.step)
        rows.append(run.frame(Need.METRICS).metrics)
    return rows


def same(result, place, rows):
    """Whether an ensemble's row has exactly these metrics."""
    for name, values in result.values.items():
        expected = np.array([row.get(name, math.nan) for row in rows])
        assert np.array_equal(values[place, : len(rows)], expected, equal_nan=True), name
    assert {name for row in rows for name in row} <= set(result.values)


@pytest.fixture(scope="module")
def three():
    return Ensemble(experiment(), (3, 0, 11), 40, rows=5, workers=2).run()


def test_each_seed_is_the_single_run_to_the_bit(three):
    assert three.seeds == (3, 0, 11)
    assert three.steps.tolist() == [0, 10, 20, 30, 40]
    for place, seed in enumerate(three.seeds):
        same(three, place, single(experiment(), seed, three.steps.tolist()))
    assert len(np.unique(three.values["w1"][:, -1])) == 3


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_no_bit(three, workers):
    other = Ensemble(experiment(), (3, 0, 11), 40, rows=5, workers=workers).run()
    assert set(other.values) == set(three.values)
    for name, values in three.values.items():
        assert np.array_equal(values, other.values[name], equal_nan=True), name
    assert other.floors == three.floors


def test_the_floors_are_those_of_perfect_generators(three):
    run = Run(experiment(seed=3))
    run.measurer.refine(0.0)
    while not run.measurer.newest.floors:
        run.measurer.refine(0.0)
    assert set(three.floors) == set(run.measurer.newest.floors)
    low, high = three.floors["w1"]
    assert 0 < low < high < 0.2


def test_what_is_measured_cannot_be_changed(three):
    with pytest.raises(TypeError):
        three.values["w1"] = None
    with pytest.raises(ValueError, match="read-only"):
        three.values["w1"][0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        three.steps[0] = 1


def test_an_ensemble_repeats_a_log():
    setup = experiment()
    first = setup.values()[RATE]
    log = (Change(7, RATE, first, 0.05, 0), Change(10, RATE, 0.05, 0.001, 1), Change(99, RATE, 0.001, 0.5, 2))
    result = Ensemble(setup, (0, 1), 20, rows=3, changes=log, workers=2).run()
    for place, seed in enumerate(result.seeds):
        same(result, place, single(setup, seed, [0, 10, 20], [(7, RATE, 0.05), (10, RATE, 0.001)]))
    without = Ensemble(setup, (0, 1), 20, rows=3).run()
    assert np.array_equal(result.values["w1"][:, 0], without.values["w1"][:, 0])
    assert (result.values["w1"][:, 1:] != without.values["w1"][:, 1:]).all()


def test_a_change_of_the_seed_belongs_to_the_other_run():
    changed = Ensemble(experiment(), (4,), 10, rows=2, changes=(Change(5, "seed", 0, 77, 0),)).run()
    assert np.array_equal(changed.values["w1"], Ensemble(experiment(), (4,), 10, rows=2).run().values["w1"])


def test_diverged_seeds_are_kept_with_their_sentence():
    setup = Experiment.from_mapping(WILD)
    seeds = tuple(range(8))
    result = Ensemble(setup, seeds, 60, rows=61, workers=2).run()
    ends = {}
    for seed in seeds:
        run = Run(setup.replace({"seed": seed}))
        try:
            run.advance(60)
        except TrainingDiverged as error:
            ends[seed] = (run.step, str(error))
    assert ends
    assert dict(result.diverged) == {seed: sentence for seed, (_, sentence) in ends.items()}
    counts = result.counts("generator_loss")
    known = sum((np.arange(61) >= 1) & (np.arange(61) <= ends.get(seed, (60, ""))[0]) for seed in seeds)
    assert np.array_equal(counts, known)


def test_a_diverged_seed_is_kept_up_to_the_last_step_that_was_measured_before():
    setup = Experiment.from_mapping({**WILD, **{path: 1.0 for path in WILD if path.endswith("learning_rate")}})
    run = Run(setup)
    with pytest.raises(TrainingDiverged):
        run.advance(60)
    assert run.step % 3
    result = Ensemble(setup, (0,), 60, rows=21).run()
    assert list(result.diverged) == [0]
    known = ~np.isnan(result.values["generator_loss"][0])
    assert np.array_equal(known, (result.steps > 0) & (result.steps <= run.step))
    assert 1 < known.sum() < 20


def test_stopping_leaves_what_is_there():
    ensemble = Ensemble(experiment(), range(4), 10**7, rows=10**5 + 1, workers=2)
    stop = threading.Event()
    told = []

    def progress(done, total):
        told.append((done, total))
        if done > 300:
            stop.set()

    result = ensemble.run(progress, stop.is_set)
    assert told[-1][1] == 4 * 10**7
    assert 300 < told[-1][0] < 4 * 10**7
    counts = result.counts("w1")
    assert counts[0] >= 1
    assert counts[-1] == 0
    # Which of the workers came how far is the system's affair.
    known = (~np.isnan(result.values["w1"])).sum(axis=1)
    place = int(known.argmax())
    same(result, place, single(experiment(), result.seeds[place], result.steps[: min(3, known[place])].tolist()))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ensemble")]


def test_partial_results_can_be_seen_while_it_runs():
    ensemble = Ensemble(experiment(), (0, 1), 400, workers=1)
    seen = []
    ensemble.run(lambda done, total: seen.append((ensemble.version, ensemble.result())))
    assert seen[0][0] <= seen[-1][0] == ensemble.version
    assert seen[-1][1].counts("w1").tolist() == [2] * 101


def test_what_fails_on_a_thread_reaches_the_caller(monkeypatch):
    def broken(self, needs=None):
        raise MemoryError

    monkeypatch.setattr(Run, "frame", broken)
    with pytest.raises(MemoryError):
        Ensemble(experiment(), range(4), 100, workers=2).run()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((), 10), "at least one"),
        (((1, 1), 10), "different"),
        (((-1,), 10), "seed"),
        (((1,), -1), "steps = -1"),
        (((1,), 10, 1), "rows = 1"),
        (((1,), 10, 3, (), 0), "workers = 0"),
        (((1,), 10, 3, (Change(5, "no.such", 0, 1, 0),)), "no.such"),
        (((1,), 10, 3, (Change(5, RATE, 0, -1.0, 0),)), RATE),
        (((1,), 10, 3, (Change(5, "precision", 32, 64, 0),)), "precision"),
        (((1,), 10, 3, (Change(5, RATE, 0, 0.1, 0), Change(4, RATE, 0, 0.2, 1))), "step 4"),
    ],
)
def test_what_is_not_allowed_is_a_sentence(arguments, words):
    with pytest.raises(ExperimentError, match=words):
        Ensemble(experiment(), *arguments)


@given(
    arrays(np.float64, (7, 5), elements=st.floats(-1e6, 1e6) | st.just(math.nan)),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_quantiles_are_those_of_numpy_where_all_is_finite(values, shares):
    for column, found in enumerate(quantiles(values, shares).T):
        known = values[:, column][~np.isnan(values[:, column])]
        if len(known):
            assert found == pytest.approx(np.quantile(known, shares), rel=1e-12, abs=1e-6)
        else:
            assert np.isnan(found).all()


def test_quantiles_beside_infinity():
    values = np.array([[1.0, 2.0, np.nan], [np.inf, 3.0, np.nan], [np.inf, np.inf, np.nan], [0.0, np.nan, np.nan]])
    low, median, high = quantiles(values, (0.0, 0.5, 1.0))
    assert np.array_equal(low, [0.0, 2.0, np.nan], equal_nan=True)
    assert np.array_equal(median, [np.inf, 3.0, np.nan], equal_nan=True)
    assert np.array_equal(high, [np.inf, np.inf, np.nan], equal_nan=True)
    assert np.array_equal(quantiles(np.full((3, 1), np.inf), (0.3,)), [[np.inf]])
    mixed = np.array(
        [[-np.inf, -np.inf, -np.inf, -1.7e308], [1.0, -np.inf, np.inf, 1.7e308], [2.0, 5.0, np.inf, 1.7e308]]
    )
    low, early, late, high = quantiles(mixed, (0.0, 0.2, 0.3, 1.0))
    assert np.array_equal(low, [-np.inf, -np.inf, -np.inf, -1.7e308])
    assert np.array_equal(early[:3], [-np.inf, -np.inf, -np.inf])
    assert early[3] == pytest.approx(-0.2 * 1.7e308)
    assert np.array_equal(late[:3], [-np.inf, -np.inf, np.inf])
    assert np.array_equal(high, [2.0, 5.0, np.inf, 1.7e308])
    # In the middle between the two infinities, and where that is a rank of its own.
    assert np.array_equal(
        quantiles(np.array([[-np.inf], [np.inf]]), (0.25, 0.5, 0.75)).ravel(), [-np.inf, np.inf, np.inf]
    )
    assert np.array_equal(
        quantiles(np.array([[-np.inf], [1.0], [2.0]]), (0.1, 0.25, 0.5)).ravel(), [-np.inf, -np.inf, 1]
    )


@given(arrays(np.float64, (5, 3), elements=st.sampled_from([-np.inf, -1.0, 0.0, 2.0, np.inf])))
def test_quantiles_rise_with_their_shares_and_none_is_missing(values):
    found = quantiles(values, np.linspace(0, 1, 17))
    assert not np.isnan(found).any()
    assert (found[1:] >= found[:-1]).all()
