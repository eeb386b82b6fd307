"""Diagnoses, on runs that show each and on healthy ones, and each rule at its borders on made-up measurements."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cycles import COLOURS

import ganviz
from ganviz.engine.evaluation import Evaluator
from ganviz.metrics import Reference
from ganviz.metrics.diagnosis import Diagnosis, Diagnostician, as_column, spread
from ganviz.metrics.floor import Floor
from ganviz.metrics.transport import LIVE_ASSIGNED
from ganviz.run import History, Need, TrainingDiverged

SAMPLES = 4096


class Watched:
    """A run that is measured and diagnosed at equal distances."""

    def __init__(self, experiment, floor_draws=0):
        self.run = ganviz.Run(experiment)
        data = self.run.glance(Need.SAMPLES).data
        self.reference, self.evaluator = Reference(experiment, data), Evaluator(experiment, data)
        self.diagnostician = Diagnostician(experiment, {})
        if floor_draws:
            floor = Floor(self.reference, SAMPLES, floor_draws)
            while not floor.refine():
                pass
            self.diagnostician.set_floors(floor.bands())
        self.seen = {}
        self.look()

    def look(self):
        glance = self.run.glance(Need.METRICS | Need.HISTORY)
        self.evaluator.take(glance.numbers)
        self.samples = self.evaluator.generate(self.evaluator.noise(SAMPLES))
        self.metrics = self.reference.evaluate(self.samples, LIVE_ASSIGNED, errors=False) | dict(glance.metrics)
        self.metrics["spread"] = spread(self.samples, self.reference.points)
        self.history = glance.history
        modes = self.reference.modes
        self.missing = None if modes is None else modes.missing(self.samples)
        self.found = {
            d.name: d for d in self.diagnostician.observe(self.run.step, self.metrics, self.history, self.missing)
        }
        for name in self.found:
            self.seen.setdefault(name, self.run.step)

    def train(self, steps, every):
        for _ in range(steps // every):
            self.run.advance(every)
            self.look()
        return self


# ------------------------------------------------------------------------------------------------ runs that show each


def test_mode_collapse_of_a_run():
    watched = Watched(ganviz.load("ring-minimax-collapse")).train(1600, 100)
    assert set(watched.found) == {"mode_collapse"}
    found = watched.found["mode_collapse"]
    assert 0 <= found.since <= watched.seen["mode_collapse"] <= 1600
    numbers = dict(found.evidence)
    assert numbers["of"] == 8
    assert numbers["modes"] <= 1
    # Its radius is 2: the whole ring of samples fits into a third of it.
    assert numbers["spread"] < 1 / 3
    assert watched.samples.std(axis=0).max() < 0.5 * math.sqrt(2)
    assert f"{numbers['modes']:.0f} of 8 modes captured; missing" in found.sentence
    assert "more" in found.sentence
    assert not found.good


def test_vanishing_gradient_and_saturated_discriminator_of_a_run():
    watched = Watched(ganviz.load("two-gaussians-gan")).train(1200, 50)
    assert set(watched.found) == {"vanishing_gradient", "saturated_discriminator"}
    numbers = dict(watched.found["vanishing_gradient"].evidence)
    norms = watched.history["generator_gradient_norm"].mean
    assert numbers["generator_gradient_norm"] < norms[:20].max() / 100
    assert numbers["generator_gradient_norm"] == pytest.approx(np.median(norms[-400:]), rel=9)
    assert norms[:200].min() < numbers["largest"] <= norms.max()
    # The generator has not moved from 8 standard deviations away.
    assert numbers["w1"] == pytest.approx(8, abs=0.1)
    sure = dict(watched.found["saturated_discriminator"].evidence)
    assert sure["mean_real"] > 0.99
    assert sure["mean_fake"] < 0.01


def test_clip_saturation_of_a_run():
    watched = Watched(ganviz.load("two-gaussians-wgan")).train(1000, 50)
    assert set(watched.found) == {"clip_saturation"}
    weights = np.concatenate([part.ravel() for pair in watched.run.parameters("discriminator") for part in pair])
    at_bound = np.mean(np.abs(weights) == np.float32(0.1))
    assert dict(watched.found["clip_saturation"].evidence)["clip_fraction"] == pytest.approx(at_bound, abs=0.02)
    assert "±0.1" in watched.found["clip_saturation"].sentence


def test_oscillation_of_a_run():
    watched = Watched(ganviz.load("dirac-wgan-clip")).train(3000, 100)
    assert set(watched.found) == {"oscillation"}
    found = watched.found["oscillation"]
    numbers = dict(found.evidence)
    # Alternating steps of the bilinear game turn it by arccos(1 - h²/2); a product of both players has half the period.
    assert numbers["period"] == pytest.approx(np.pi / np.arccos(1 - 0.02**2 / 2), rel=0.03)
    # ψ θ on a circle of the bound's radius: half of its square.
    assert numbers["amplitude"] == pytest.approx(0.3**2 / 2, rel=0.1)
    assert found.since < 200


def test_a_cycle_stays_when_the_buckets_outgrow_it():
    watched = Watched(ganviz.load("dirac-wgan-clip")).train(20_000, 400)
    assert watched.history["critic_w1"].steps[1] - watched.history["critic_w1"].steps[0] > 157 / 6
    assert set(watched.found) == {"oscillation"}


def test_r1_ends_the_oscillation():
    settled = {"penalty.kind": "r1", "penalty.weight": 1.0, "optimizer.generator.learning_rate": 0.05}
    watched = Watched(ganviz.load("dirac-wgan-clip").replace(settled)).train(3000, 100)
    assert "oscillation" not in watched.seen


def test_divergence_of_a_run():
    watched = Watched(ganviz.load("dirac-wgan-simultaneous")).train(14_000, 200)
    assert "divergence" in watched.found
    numbers = dict(watched.found["divergence"].evidence)
    assert numbers["w1"] > 10 * numbers["first_w1"]
    assert watched.seen["divergence"] < 13_000


def test_a_run_that_is_no_longer_finite():
    experiment = ganviz.load("mixture-1d").replace(
        {f"optimizer.{player}.{name}": value for player in ("generator", "discriminator")
         for name, value in {"kind": "sgd", "learning_rate": 5.0}.items()}
    )  # fmt: skip
    watched = Watched(experiment)
    with pytest.raises(TrainingDiverged) as caught:
        watched.run.advance(2000)
    watched.diagnostician.diverged(caught.value.step, str(caught.value))
    (found,) = watched.diagnostician.found
    assert (found.name, found.since, found.sentence) == ("divergence", caught.value.step, str(caught.value))
    watched.look()
    assert "divergence" in watched.found
    watched.diagnostician.change(experiment.replace({"optimizer.generator.learning_rate": 1e-3}), watched.run.step)
    assert watched.diagnostician.found == ()


def test_convergence_of_a_run():
    experiment = ganviz.load("two-gaussians-wgan").replace(
        {
            "data.mean": 2.0, "objective.kind": "non-saturating", "discriminator.clip": 0.0, "penalty.kind": "r1",
            "penalty.weight": 0.1, "discriminator.hidden": [32], "schedule.discriminator_steps": 1,
            **{f"optimizer.{player}.kind": "adam" for player in ("generator", "discriminator")},
            **{f"optimizer.{player}.learning_rate": 3e-3 for player in ("generator", "discriminator")},
            "optimizer.generator.rate_schedule": "cosine", "optimizer.generator.rate_steps": 4000,
        }
    )  # fmt: skip
    watched = Watched(experiment, floor_draws=79).train(4000, 100)
    assert set(watched.found) == {"converged"}
    found = watched.found["converged"]
    assert found.good
    numbers = dict(found.evidence)
    assert numbers["w1"] <= numbers["floor_high"]
    # W1 between 4,096 samples and N(2, 1) is about 0.8 / √4096 at its typical.
    assert 0.01 < numbers["floor_high"] < 0.06
    assert f"since step {found.since:,}" in found.sentence


@cache
def healthy(name, steps, every):
    return Watched(ganviz.load(name), floor_draws=39).train(steps, every)


@pytest.mark.parametrize("name", ["mixture-1d", "galaxies"])
def test_no_false_alarm_in_20_000_steps(name):
    assert healthy(name, 20_000, 400).seen == {}


def test_no_false_alarm_on_a_ring_and_on_moons():
    assert healthy("ring-wgan-clip", 2000, 200).seen == {}
    assert healthy("moons-gan", 2000, 200).seen == {}


# ------------------------------------------------------------------------------------------------- made-up measurements

RING = ganviz.load("ring-wgan-clip")
MINIMAX = ganviz.load("ring-minimax-collapse")
LINE = ganviz.load("mixture-1d")


def tell(experiment, values, *, every=100, count=40, floors=None, missing=None):
    """Observe metrics that are functions of the step; return what was found at each measurement."""
    diagnostician = Diagnostician(experiment, floors or {})
    found = []
    for step in range(0, every * count + 1, every):
        metrics = {name: float(value(step)) for name, value in values.items()}
        found.append(diagnostician.observe(step, metrics, None, missing(step) if missing else None))
    return found


def names(found):
    return [{d.name for d in some} for some in found]


def constant(value):
    return lambda step: value


HEALTHY = {
    "w1": lambda step: 0.1 + np.exp(-step / 1000), "modes": constant(8), "high_quality": constant(0.9),
    "spread": constant(1.0), "mean_real": constant(0.55), "mean_fake": constant(0.45),
    "generator_gradient_norm": constant(0.3), "generator_loss": constant(0.7),
}  # fmt: skip
CENTRES = np.array([(np.cos(a), np.sin(a)) for a in 2 * np.pi * np.arange(8) / 8])


def test_nothing_is_told_of_healthy_measurements():
    assert all(not some for some in tell(MINIMAX, HEALTHY))


def test_nothing_is_told_of_nothing():
    diagnostician = Diagnostician(RING, {})
    assert diagnostician.observe(0, {}) == ()
    assert diagnostician.observe(100, {}, {}, None) == ()
    assert diagnostician.found == ()


def test_few_modes_and_missing_ones_are_named():
    values = HEALTHY | {"w1": lambda step: 1.0 - 0.5 * (step > 0), "modes": constant(2)}
    found = tell(MINIMAX, values, missing=lambda step: CENTRES[2:])[-1]
    assert [d.name for d in found] == ["mode_collapse"]
    assert "2 of 8 modes captured; missing all the time: (-1, 0), (-0.707, -0.707)" in found[0].sentence
    assert "and 1 more" in found[0].sentence
    # The last value before what changed at step 100 was another: it counts from there.
    assert found[0].since in (0, 100)


def test_one_mode_that_is_always_missing_is_told_and_one_now_and_then_is_not():
    values = HEALTHY | {"w1": lambda step: 1.0 - 0.5 * (step > 0), "modes": constant(7)}
    always = tell(MINIMAX, values, missing=lambda step: CENTRES[3:4])
    assert "7 of 8 modes captured; missing all the time: (-0.707, 0.707)." in always[-1][0].sentence
    changing = tell(MINIMAX, values, missing=lambda step: CENTRES[step // 100 % 8][None])
    assert all(not some for some in changing)


def test_too_few_good_samples_tell_nothing_about_modes():
    values = HEALTHY | {"w1": lambda step: 1.0 - 0.5 * (step > 0), "modes": constant(2), "high_quality": constant(0.01)}
    assert all(not some for some in tell(MINIMAX, values))
    enough = values | {"high_quality": constant(80.5 / 4096)}
    assert "mode_collapse" in names(tell(MINIMAX, enough))[-1]


def test_slow_is_not_collapsed():
    few = HEALTHY | {"modes": constant(2)}
    assert all(not some for some in tell(MINIMAX, few | {"w1": lambda step: 2 ** (-step / 300)}))
    assert all(not some for some in tell(MINIMAX, few | {"w1": constant(1.0)})), "it has not moved yet"
    rising = few | {"w1": lambda step: 1.0 - 0.5 * (step > 0), "modes": lambda step: min(4, step // 400)}
    assert all(not some for some in tell(MINIMAX, rising, count=18))


@pytest.mark.parametrize("name", ["moons-gan", "penguins", "two-gaussians-gan"])
def test_a_blob_is_told_without_modes_too(name):
    values = {"w1": lambda step: 1.0 + 0.3 * (step > 0), "spread": constant(0.1)}
    found = tell(ganviz.load(name), values)
    assert names(found)[-1] == {"mode_collapse"}
    assert "extend over 0.1 of" in found[-1][0].sentence
    assert all(not some for some in tell(ganviz.load(name), values | {"spread": constant(0.4)}))


def fallen(step):
    return 1.0 if step < 500 else 5e-3


@pytest.mark.parametrize(("w1", "norm", "told"), [
    (1.0, 5e-3, True), (1.0, 2e-2, False), (0.2, 5e-3, False), (1.0, 0.0, True),
])  # fmt: skip
def test_vanishing_gradient_wants_distance(w1, norm, told):
    values = {"w1": lambda step: 1.0 if step < 500 else w1,
              "generator_gradient_norm": lambda step: 1.0 if step < 500 else norm}  # fmt: skip
    assert ("vanishing_gradient" in names(tell(MINIMAX, values))[-1]) == told


def test_a_gradient_near_the_floor_has_not_vanished():
    values = {"w1": constant(0.5), "generator_gradient_norm": fallen}
    assert names(tell(MINIMAX, values))[-1] == {"vanishing_gradient"}
    assert names(tell(MINIMAX, values, floors={"w1": (0.1, 0.2)}))[-1] == set()
    assert names(tell(MINIMAX, values, floors={"w1": (0.01, 0.02)}))[-1] == {"vanishing_gradient"}


@pytest.mark.parametrize(("real", "fake", "told"), [(0.995, 0.005, True), (0.985, 0.005, False), (0.995, 0.02, False)])
def test_saturated_discriminator_wants_both_ends(real, fake, told):
    values = {"mean_real": constant(real), "mean_fake": constant(fake)}
    assert ("saturated_discriminator" in names(tell(MINIMAX, values))[-1]) == told


@pytest.mark.parametrize(("share", "told"), [(0.76, True), (0.74, False)])
def test_clip_saturation(share, told):
    assert ("clip_saturation" in names(tell(RING, {"clip_fraction": constant(share)}))[-1]) == told
    assert "clip_saturation" not in names(tell(MINIMAX, {"clip_fraction": constant(share)}))[-1]


def test_a_slope_is_told_where_it_is_known():
    found = tell(RING, {"clip_fraction": constant(0.9), "slope_data": constant(0.004)})[-1]
    assert "largest slope on the data is 0.004" in found[0].sentence


def test_growth_over_decades_is_divergence():
    grows = tell(RING, {"critic_w1": lambda step: np.exp(step / 300)})
    assert names(grows)[-1] == {"divergence"}
    assert "critic's estimate of W1" in grows[-1][0].sentence
    assert all(not some for some in tell(RING, {"critic_w1": lambda step: 1 + step}, count=10))
    assert all(not some for some in tell(RING, {"critic_w1": constant(1e6)}))
    far = tell(RING, {"w1": lambda step: 1.0 if step < 500 else 11.0})
    assert names(far)[-1] == {"divergence"}
    assert all(not some for some in tell(RING, {"w1": lambda step: 1.0 if step < 500 else 9.0}))
    # One that begins at the data has no distance that it could be a multiple of.
    begins = {"w1": lambda step: 0.02 if step < 500 else 0.5}
    assert all(not some for some in tell(RING, begins, floors={"w1": (0.01, 0.03)}))


def test_infinite_numbers_are_borne():
    values = {"w1": lambda step: 10.0**step if step < 300 else math.inf, "generator_loss": lambda step: -math.inf,
              "kl": constant(math.inf), "generator_gradient_norm": constant(math.nan)}  # fmt: skip
    floors = {"w1": (0.0, 0.1), "kl": (0.0, math.inf)}
    assert "divergence" in names(tell(RING, values, floors=floors))[-1]


FLOORS = {
    "w1": (0.01, 0.03),
    "js": (0.0, 0.01),
    "kl": (0.0, math.inf),
    "recall": (0.97, 1.0),
    "high_quality": (0.98, 0.99),
}
PERFECT = {"w1": constant(0.02), "js": constant(0.005), "kl": constant(math.inf), "recall": constant(0.99),
           "high_quality": constant(0.985)}  # fmt: skip


@pytest.mark.parametrize(("changed", "told"), [
    ({}, True), ({"w1": 0.031}, False), ({"w1": 0.005}, True), ({"js": 0.1}, True),
    ({"js": 0.1, "recall": 0.5}, False), ({"recall": 0.5, "high_quality": 1.0}, False),
])  # fmt: skip
def test_converged_wants_w1_and_most_others_in_their_bands(changed, told):
    values = PERFECT | {name: constant(value) for name, value in changed.items()}
    found = tell(RING, values, floors=FLOORS)[-1]
    assert (names([found])[0] == {"converged"}) == told
    if told:
        assert "a perfect generator scores 0.01 to 0.03" in found[0].sentence
        assert found[0].good


def test_converged_wants_floors_which_may_come_later():
    diagnostician = Diagnostician(RING, {})
    for step in range(0, 2000, 100):
        metrics = {name: value(step) for name, value in PERFECT.items()}
        if step == 1500:
            assert diagnostician.found == ()
            diagnostician.set_floors(FLOORS)
        diagnostician.observe(step, metrics)
    (found,) = diagnostician.found
    # What was measured before the floors were known counts.
    assert found.since == 0


# ------------------------------------------------------------------------------------------------- coming and going


SATURATED = {"mean_real": constant(0.999), "mean_fake": constant(0.001)}


@settings(deadline=None, max_examples=60)
@given(every=st.integers(1, 20_000), start=st.integers(0, 10_000))
def test_evidence_must_last_at_any_speed(every, start):
    """Whatever the steps between two measurements are, one or two of them and fewer than 320 steps tell nothing."""
    diagnostician = Diagnostician(MINIMAX, {})
    told = None
    for step in range(0, start + 60 * every + 1200, every):
        held = step >= start
        metrics = {"mean_real": 0.999 if held else 0.6, "mean_fake": 0.001 if held else 0.4}
        if diagnostician.observe(step, metrics) and told is None:
            told = step
            (found,) = diagnostician.found
            break
    assert told is not None
    first = -(-start // every) * every
    # Of long runs of measurements every second one is kept.
    assert first <= found.since <= first + every
    assert told - first >= 320 - every
    assert (told - first) / every >= 3


def test_a_short_episode_is_not_told_and_a_short_break_does_not_end_it():
    short = {
        name: (lambda step, value=value: value(step) if 2000 <= step < 2300 else 0.5)
        for name, value in SATURATED.items()
    }
    assert all(not some for some in tell(MINIMAX, short))
    broken = {
        name: (lambda step, value=value: 0.5 if 2000 <= step < 2200 else value(step))
        for name, value in SATURATED.items()
    }
    found = tell(MINIMAX, broken)
    first = next(place for place, some in enumerate(found) if some)
    assert all(some and some[0].since == 0 for some in found[first:])


def test_a_diagnosis_goes_when_it_is_over():
    ends = {name: (lambda step, value=value: value(step) if step < 2000 else 0.5) for name, value in SATURATED.items()}
    found = names(tell(MINIMAX, ends))
    assert found[19] == {"saturated_discriminator"}
    assert found[21] == {"saturated_discriminator"}
    assert found[-1] == set()


def test_looser_bounds_hold_what_stands():
    between = {"mean_real": lambda step: 0.995 if step < 1500 else 0.985, "mean_fake": constant(0.005)}
    assert names(tell(MINIMAX, between))[-1] == {"saturated_discriminator"}
    never = {"mean_real": constant(0.985), "mean_fake": constant(0.005)}
    assert names(tell(MINIMAX, never))[-1] == set()


def test_a_change_makes_the_evidence_void():
    diagnostician = Diagnostician(MINIMAX, {})
    metrics = {name: value(0) for name, value in SATURATED.items()}
    for step in range(0, 1001, 100):
        diagnostician.observe(step, metrics)
    assert diagnostician.found
    diagnostician.change(MINIMAX.replace({"optimizer.generator.learning_rate": 1e-3}), 1000)
    assert diagnostician.found == ()
    for step in range(1100, 1400, 100):
        assert diagnostician.observe(step, metrics) == ()
    for step in range(1400, 2001, 100):
        diagnostician.observe(step, metrics)
    (found,) = diagnostician.found
    assert found.since > 1000


def test_the_largest_gradient_is_remembered_when_only_the_optimizer_changes():
    for path, value, told in (("optimizer.generator.learning_rate", 1e-3, True), ("data.std", 0.5, False)):
        diagnostician = Diagnostician(MINIMAX, {})
        for step in range(0, 500, 100):
            diagnostician.observe(step, {"w1": 1.0, "generator_gradient_norm": 1.0})
        diagnostician.change(MINIMAX.replace({path: value}), 500)
        for step in range(600, 3000, 100):
            diagnostician.observe(step, {"w1": 1.0, "generator_gradient_norm": 1e-3})
        assert bool(diagnostician.found) == told


def test_the_same_step_counts_once_and_an_earlier_one_begins_anew():
    diagnostician = Diagnostician(MINIMAX, {})
    metrics = {name: value(0) for name, value in SATURATED.items()}
    for _ in range(50):
        assert diagnostician.observe(500, metrics) == ()
    for step in range(600, 1200, 100):
        diagnostician.observe(step, metrics)
    assert diagnostician.found
    assert diagnostician.observe(300, metrics) == ()


def test_memory_is_bounded_and_long_runs_stay_told():
    diagnostician = Diagnostician(MINIMAX, {})
    metrics = {name: value(0) for name, value in SATURATED.items()} | {"w1": 1.0, "modes": 8.0, "high_quality": 0.9}
    for step in range(1600):
        diagnostician.observe(step, metrics, None, CENTRES[:0])
    assert len(diagnostician._evidence.steps) <= 1024
    (found,) = diagnostician.found
    assert (found.name, found.since) == ("saturated_discriminator", 0)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_the_same_observations_give_the_same_diagnoses(data):
    number = st.floats(allow_nan=True, allow_infinity=True, width=32)
    keys = [
        "w1",
        "modes",
        "high_quality",
        "spread",
        "mean_real",
        "mean_fake",
        "generator_gradient_norm",
        "clip_fraction",
    ]
    observed = data.draw(
        st.lists(st.tuples(st.integers(1, 500), st.dictionaries(st.sampled_from(keys), number)), max_size=30)
    )
    results = []
    for _ in range(2):
        diagnostician, step = Diagnostician(RING, FLOORS), 0
        for more, metrics in observed:
            step += more
            diagnostician.observe(step, metrics)
        results.append(repr(diagnostician.found))
    assert results[0] == results[1]


# ------------------------------------------------------------------------------------------------- oscillation


def swings(curve, steps=6000, every=100, experiment=LINE, name="mean_fake", change_at=None):
    """Observe a curve (steps,) as the history of a run; return the diagnoses at each measurement."""
    history, diagnostician, found = History((name,)), Diagnostician(experiment, {}), []
    for step in range(every, steps + 1, every):
        history.add(step - every + 1, curve[step - every : step, None])
        if change_at == step:
            diagnostician.change(experiment.replace({"optimizer.generator.learning_rate": 1e-5}), step)
        found.append(diagnostician.observe(step, {"w1": 1.0}, {name: history.series(name)}))
    return found


@settings(deadline=None, max_examples=25)
@given(
    period=st.floats(30, 600),
    amplitude=st.floats(0.08, 0.4),
    phase=st.floats(0, 6.3),
    noise=st.floats(0, 0.3),
    every=st.sampled_from([50, 200, 700]),
)
def test_a_swing_is_told_with_period_and_amplitude(period, amplitude, phase, noise, every):
    t = np.arange(1, 6301)
    rng = np.random.default_rng(round(1e6 * amplitude))
    curve = 0.5 + amplitude * (np.sin(2 * np.pi * t / period + phase) + noise * rng.normal(size=len(t)))
    found = swings(curve, 6300, every)[-1]
    assert [d.name for d in found] == ["oscillation"]
    numbers = dict(found[0].evidence)
    assert numbers["period"] == pytest.approx(period, rel=0.05)
    assert numbers["amplitude"] == pytest.approx(amplitude, rel=0.1)
    assert "mean D(G(z))" in found[0].sentence


def test_a_swing_that_matters_little_is_not_told():
    t = np.arange(1, 6001)
    assert not swings(0.5 + 0.03 * np.sin(t / 20))[-1]


def test_a_swing_that_dies_away_is_not_told():
    t = np.arange(1, 6001)
    assert not any(swings(0.5 + 0.4 * np.exp(-t / 150) * np.sin(t / 10)))


def test_a_swing_that_ends_is_no_longer_told():
    t = np.arange(1, 9001)
    found = swings(0.5 + 0.2 * np.sin(t / 20) * (t < 4000), 9000)
    assert found[39]
    assert not found[-1]


def test_a_swing_before_a_change_is_not_held_against_the_time_after():
    t = np.arange(1, 9001)
    found = swings(0.5 + 0.2 * np.sin(t / 20) * (t < 4000), 9000, change_at=4000)
    assert found[38]
    assert not any(found[39:])


def test_the_rhythm_of_the_warm_up_is_no_oscillation():
    t = np.arange(1, 12_001)
    curve = np.sin(2 * np.pi * t / 500)
    warm = ganviz.load("ring-wgan-warmup")
    assert not any(swings(curve, 12_000, 200, warm, "critic_w1"))
    assert swings(curve, 12_000, 200, RING, "critic_w1")[-1]


def test_noise_of_any_colour_is_no_oscillation():
    told = 0
    for seed, (noise, parameter) in enumerate(COLOURS.values()):
        rng = np.random.default_rng(seed)
        for _ in range(5):
            values = noise(parameter, 6000, rng)
            told += any(swings(0.5 + 0.2 * values / values.std(), every=300))
    assert told <= 1


# ------------------------------------------------------------------------------------------------- small things


def test_column():
    found = (Diagnosis("mode_collapse", 1200, "x"), Diagnosis("oscillation", 3400, "y"))
    assert as_column(found) == "mode_collapse@1200 oscillation@3400"
    assert as_column(()) == ""


@given(scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_spread(scale, shift):
    real = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 5.0]
    assert spread(shift + scale * real * [0.5, 1.0], real) == pytest.approx(scale)
    assert math.isnan(spread(real, np.zeros((5, 2))))
