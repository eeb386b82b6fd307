"""What is measured beside a run: on copies, on any thread, and without a trace in the training."""

import dataclasses
import math
import threading

import numpy as np
import pytest
from scipy import stats

from ganviz.experiment import Experiment, load
from ganviz.metrics import evaluate
from ganviz.run import Need, Run, TrainingDiverged, keyframes
from ganviz.run.measurer import noise_masses
from ganviz.run.run import RECENT

CRITIC = {
    "data.kind": "gaussian", "data.mean": 2.0, "data.std": 1.0, "noise.dimension": 1, "precision": 64,
    "generator.hidden": [], "discriminator.hidden": [16, 16], "discriminator.activation": "tanh",
    "objective.kind": "wasserstein", "discriminator.clip": 0.3, "schedule.batch": 64,
}  # fmt: skip
RING = {
    "data.kind": "ring", "generator.hidden": [16, 16], "discriminator.hidden": [16], "schedule.batch": 32,
    "generator.ema": 0.9,
}  # fmt: skip
FAITHFUL = {**RING, "data": {"kind": "file", "path": "faithful.csv"}}
FAITHFUL.pop("data.kind")
EVERYTHING = Need.all() | Need.SPECTRUM


def run_of(settings, **changes):
    return Run(
        Experiment.from_mapping({**settings, **{key.replace("__", "."): value for key, value in changes.items()}})
    )


def state(run):
    return run._training.snapshot()


def test_measuring_on_other_threads_leaves_every_bit_as_it_is():
    alone, watched = run_of(RING), run_of(RING)
    alone.advance(60)
    failures = []

    def work(job):
        try:
            job()
        except Exception as error:
            failures.append(error)

    for _ in range(20):
        glance = watched.glance(EVERYTHING | Need.HISTORY)
        threads = [
            threading.Thread(target=work, args=[lambda g=glance: watched.measurer.measure(g, EVERYTHING)]),
            threading.Thread(
                target=work, args=[lambda g=glance: watched.observer.frame(g, Need.all(), watched.measurer.newest)]
            ),
        ]
        for thread in threads:
            thread.start()
        watched.advance(3)
        for thread in threads:
            thread.join()
    assert not failures
    for one, other in zip(state(alone), state(watched), strict=True):
        assert np.array_equal(one, other)


def test_a_glance_is_a_copy():
    run = run_of(RING)
    glance = run.glance(Need.SPECTRUM)
    before = glance.numbers.copy()
    assert not np.shares_memory(glance.numbers, run._training.arena)
    run.advance(5)
    assert np.array_equal(glance.numbers, before)
    assert not np.array_equal(run.glance(Need.SPECTRUM).numbers, before)
    assert glance.step == 0


def test_a_late_measurement_is_that_of_its_glance():
    late, at_once = run_of(RING), run_of(RING)
    late.advance(10)
    glance = late.glance(Need.METRICS)
    late.advance(10)
    at_once.advance(10)
    found = late.measurer.measure(glance, Need.METRICS)
    assert found.step == 10
    assert found.metrics == {
        name: value for name, value in at_once.frame(Need.METRICS).metrics.items() if name in found.metrics
    }
    assert late.measurer.at(late.glance(Need.SAMPLES)).metrics == {}


def test_metrics_are_those_of_the_samples():
    run = run_of(RING)
    run.advance(20)
    evaluator = run.measurer._evaluator
    metrics = run.frame(Need.METRICS).metrics
    expected = evaluate(run.experiment, evaluator.generate(evaluator.noise(4096)), 512)
    for name in ("kl", "js", "tv", "sliced_w2", "precision", "modes"):
        assert metrics[name] == expected[name]


def test_the_largest_slope_is_found_and_bounds_the_distance():
    run = run_of(CRITIC)
    run.advance(300)
    frame = run.frame(Need.METRICS | Need.SURFACE | Need.SAMPLES)
    surface = frame.surface
    numeric = np.abs(np.diff(surface.outputs) / np.diff(surface.x)).max()
    assert frame.metrics["slope_grid"] == pytest.approx(numeric, rel=0.02)
    assert 0 < frame.metrics["slope_data"] <= frame.metrics["slope_grid"]
    # Both are means over finite samples, the bound over fewer.
    assert 0 < frame.metrics["critic_bound"] < frame.metrics["w1"] + 0.15


def test_a_linear_critic_has_its_weight_for_slope_and_finds_the_whole_distance():
    run = run_of(CRITIC, discriminator__hidden=[], generator__bias=False)
    weight = run._training.flat("discriminator")
    weight[0] = -0.25
    mine = run._training.flat("generator")
    mine[0] = 1.0
    metrics = run.frame(Need.METRICS).metrics
    assert metrics["slope_grid"] == metrics["slope_data"] == pytest.approx(0.25)
    # The potential between two Gaussians that differ in place is linear; this one has the wrong sign.
    assert metrics["critic_bound"] == pytest.approx(-2.0, abs=0.15)


def test_each_thing_is_measured_once_a_step(monkeypatch):
    run = run_of(RING)
    run.advance(1)
    made = []
    samples = run.measurer._samples
    monkeypatch.setattr(run.measurer, "_samples", lambda: made.append(run.step) or samples())
    run.frame(Need.METRICS)
    assert made == [0, 1] or made == [1, 1]
    run.frame(Need.METRICS)
    assert len(made) == 2
    assert run.frame(Need.TRANSPORT).plan is not None
    assert len(made) == 3
    run.frame(Need.TRANSPORT | Need.METRICS)
    assert len(made) == 3
    run.advance(1)
    assert run.frame(Need.SAMPLES).plan is None
    assert "w1" not in run.frame(Need.SAMPLES).metrics


def test_floors_come_in_pieces_and_change_with_the_data():
    run = run_of(CRITIC)
    assert run.frame().floors == {}
    run.measurer.refine(seconds=0.0)
    assert not run.measurer.floor_done
    # However little time there is, it comes to an end.
    assert run.measurer._floor.drawn == 1
    run.measurer.refine(seconds=0.0)
    assert run.measurer._floor.drawn == 2
    floors = run.frame(Need.FLOORS).floors
    assert run.measurer.floor_done
    low, high = floors["w1"]
    # W1 of 4,096 samples of N(2, 1): about 1/sqrt(4096) on its own scale.
    assert 0.005 < low < high < 0.1
    run.change("data.std", 10.0)
    assert run.frame(Need.SAMPLES | Need.METRICS).floors == {}
    wider = run.frame(Need.FLOORS).floors["w1"]
    assert wider[0] == pytest.approx(10 * low, rel=0.5)


def test_layers_and_spectrum_are_of_the_step():
    run = run_of(RING)
    run.advance(3)
    frame = run.frame(Need.LAYERS | Need.SPECTRUM)
    assert [(layer.player, layer.index) for layer in frame.layers] == [
        ("generator", 1), ("generator", 2), ("generator", 3), ("discriminator", 1), ("discriminator", 2),
    ]  # fmt: skip
    weight, bias = run.parameters("generator")[1]
    assert frame.layers[1].weight_norm == pytest.approx(
        math.hypot(np.linalg.norm(weight), np.linalg.norm(bias)), rel=1e-5
    )
    assert frame.spectrum.step == 3
    assert len(frame.spectrum.eigenvalues) == frame.spectrum.parameters
    run.advance(1)
    assert run.frame(Need.SAMPLES).spectrum is None


def test_a_spectrum_that_cannot_be_had_is_explained():
    frozen = {f"optimizer.{player}.learning_rate": 0.0 for player in ("generator", "discriminator")}
    frame = Run(Experiment.from_mapping({**RING, **frozen})).frame(Need.SPECTRUM)
    assert frame.spectrum is None
    assert frame.spectrum_note


def test_the_state_that_a_divergence_goes_back_to_is_older_than_the_burst(monkeypatch):
    """States are kept rarely; whatever lies between the last and the divergence is trained again, to the same bits."""
    diverging = {
        "generator.hidden": [], "discriminator.hidden": [], "objective.kind": "wasserstein",
        **{f"optimizer.{player}.kind": "sgd" for player in ("generator", "discriminator")},
        **{f"optimizer.{player}.learning_rate": 10.0 for player in ("generator", "discriminator")},
    }  # fmt: skip
    monkeypatch.setattr(keyframes, "SPACING", math.inf)
    run, whole = run_of(diverging), run_of(diverging)
    with pytest.raises(TrainingDiverged):
        while True:
            run.advance(1)
    assert [keyframe.step for keyframe in run._keyframes] == [0]
    assert run.step > 2
    whole.advance(run.step)
    for one, other in zip(state(run), state(whole), strict=True):
        assert np.array_equal(one, other)


def test_the_optimum_is_exact_where_the_generator_is_a_map_of_one_number():
    """q = N(2, 0.5²) through a linear generator, p = N(0, 1): D* = p / (p + q) far into both tails."""
    run = Run(
        Experiment.from_mapping(
            {
                "data.kind": "gaussian", "data.mean": 0.0, "data.std": 1.0, "noise.dimension": 1, "precision": 64,
                "generator.hidden": [], "discriminator.hidden": [4], "schedule.batch": 16,
            }
        )
    )  # fmt: skip
    run._training.flat("generator")[:2] = 0.5, 2.0
    found = run.frame(Need.OPTIMUM).optimum
    x = found.x
    p, q = stats.norm(0, 1).pdf(x), stats.norm(2, 0.5).pdf(x)
    known = np.isfinite(found.outputs)
    shown, exact = 1 / (1 + np.exp(-found.outputs[known])), (p / (p + q))[known]
    assert shown == pytest.approx(exact, abs=0.01)
    assert known[(p + q) > 1e-3 * (p + q).max()].all()


@pytest.mark.parametrize("kind", ["normal", "uniform", "truncated-normal"])
def test_masses_of_the_noise_add_up_and_are_those_of_its_distribution(kind):
    places, masses = noise_masses(kind)
    assert masses.sum() == pytest.approx(1, abs=1e-12)
    exact = {
        "normal": stats.norm(), "uniform": stats.uniform(-1, 2), "truncated-normal": stats.truncnorm(-2, 2),
    }[kind]  # fmt: skip
    for place in (3, 5000, 9000, 16000):
        assert masses[:place].sum() == pytest.approx(exact.cdf(places[place]), rel=1e-6, abs=1e-15)


def test_slopes_count_at_real_samples_and_in_the_unit_of_the_distance(monkeypatch):
    run = run_of(FAITHFUL)
    measurer = run.measurer
    scale = run.experiment.table.points.std(axis=0)
    assert measurer._reference.unit == pytest.approx(scale, rel=1e-6)
    slopes = {"real": np.array([[0.0, 2.0 / scale[1]]]), "fake": np.array([[1.0 / scale[0], 0.0]])}
    order = iter(("real", "fake", "grid"))
    monkeypatch.setattr(
        measurer._evaluator, "slopes",
        lambda points: (np.zeros(len(points)), slopes.get(next(order), np.zeros((1, 2)))),
    )  # fmt: skip
    found = measurer._slopes(run.glance(Need.METRICS), np.zeros((1000, 2)))
    assert found["slope_data"] == pytest.approx(2.0)
    assert found["slope_grid"] == pytest.approx(2.0)


def test_the_optimum_forgets_instance_noise_that_has_decayed():
    noisy = {**CRITIC, "objective.kind": "non-saturating", "discriminator.clip": 0.0}
    noise = {"instance_noise.std": 2.0, "instance_noise.decay_steps": 10}
    bare, decayed = run_of(noisy), run_of({**noisy, **noise})
    blurred = decayed.frame(Need.OPTIMUM).optimum.outputs
    sharp = bare.frame(Need.OPTIMUM).optimum.outputs
    both = np.isfinite(blurred) & np.isfinite(sharp)
    assert np.abs(blurred[both] - sharp[both]).max() > 1
    for run in (bare, decayed):
        run.change("optimizer.generator.learning_rate", 0.0)
        run.advance(10)
    sharp, late = (run.frame(Need.OPTIMUM).optimum.outputs for run in (bare, decayed))
    assert late == pytest.approx(sharp, nan_ok=True)


def test_a_divergence_that_was_taken_back_unseen_is_no_diagnosis():
    run = run_of(RING)
    run.advance(5)
    glance = run.glance(Need.METRICS)
    told = run.measurer.measure(dataclasses.replace(glance, diverged="Training diverged in step 6."), Need.METRICS)
    assert [found.name for found in told.diagnoses] == ["divergence"]
    run.advance(5)
    assert run.frame(Need.METRICS).diagnoses == ()


def test_samples_elsewhere_are_not_said_to_have_collapsed():
    run = run_of(CRITIC, data__mean=50.0)
    seen = []
    observe = run.measurer._diagnostician.observe
    run.measurer._diagnostician.observe = lambda step, metrics, *more: (
        seen.append(metrics) or observe(step, metrics, *more)
    )
    run.frame(Need.METRICS)
    assert "spread" not in seen[-1]


def test_an_orbit_faster_than_the_buckets_of_the_history_is_seen():
    """The bilinear game turns by the rate in each step, and the product of its players twice as fast: π / 0.02."""
    run = Run(load("dirac-wgan-clip"))
    for _ in range(8):
        run.advance(20_000)
        found = run.frame(Need.METRICS).diagnoses
    (orbit,) = [one for one in found if one.name == "oscillation"]
    assert dict(orbit.evidence)["period"] == pytest.approx(math.pi / 0.02, rel=0.03)
    assert len(run.glance(Need.METRICS).recent["critic_w1"].steps) == RECENT
