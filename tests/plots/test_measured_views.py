"""Views of metrics over steps, of frames whose numbers are known."""

import dataclasses

import numpy as np
import pytest
from handmade import CRITIC, LINE, PLANE, handmade, named, names, series

from ganviz.metrics import METRICS
from ganviz.plots import PAGES, VIEWS, Band, Line, Segments, Strip, Text, views_for
from ganviz.plots.pages import MOST

INF, NAN = np.inf, np.nan
AGREED = {
    "kl", "reverse_kl", "js", "tv", "w1", "w2", "sliced_w2", "energy", "precision", "recall", "high_quality", "modes",
    "mode_kl", "slope_data", "slope_grid", "critic_bound",
}  # fmt: skip


def draw(view, setup=PLANE, **fields):
    return VIEWS[view].draw(handmade(setup, **fields))


# Pages


@pytest.mark.parametrize("setup", [LINE, PLANE, {**LINE, **CRITIC}, {**PLANE, **CRITIC, "discriminator.clip": 0.01}])
def test_every_view_that_is_not_of_the_data_stands_on_a_page(setup):
    applying = [view.name for view in views_for(handmade(setup).experiment)]
    paged = {name for page in PAGES.values() for name in page.views}
    assert paged <= set(VIEWS)
    # The stage comes first, and what is on no page stands below it.
    assert applying[0] in ("line", "plane")
    assert {name for name in applying if name not in paged} <= {"line", "slope", "map", "plane"}
    for page in PAGES.values():
        assert sum(name in applying for name in page.views) >= 2
    for name, page in PAGES.items():
        # None is cut off but on the overview, whose last ones stand elsewhere too.
        assert name == "overview" or len(page.views) <= MOST
    rest = PAGES["overview"].views[MOST - 1 :]
    assert all(any(name in page.views for key, page in PAGES.items() if key != "overview") for name in rest)


def test_views_name_metrics_that_there_are():
    for view in VIEWS.values():
        assert set(view.metrics) <= AGREED | set(METRICS)
        assert len(view.notes) == len(set(view.metrics) & set(METRICS))


# Noise floors

FLOORED = [
    ("divergences", "kl", "left"), ("divergences", "reverse_kl", "left"), ("divergences", "js", "left"),
    ("distances", "w1", "left"), ("distances", "w2", "left"), ("distances", "sliced_w2", "left"),
    ("distances", "energy", "left"), ("fidelity", "precision", "left"), ("fidelity", "recall", "left"),
    ("fidelity", "high_quality", "left"), ("fidelity", "tv", "left"), ("modes", "mode_kl", "right"),
]  # fmt: skip


@pytest.mark.parametrize(("view", "name", "side"), FLOORED)
def test_a_metric_has_its_floor_in_its_own_colour_over_all_steps(view, name, side):
    history = {name: series([0, 50, 100], [0.9, 0.5, 0.4], 0.01)}
    scene = draw(view, history=history, floors={name: (0.02, 0.07)}, mode_count=8)
    floor, curve = named(scene, f"{name} floor"), named(scene, name)
    assert isinstance(floor, Band)
    assert (floor.x[0], floor.x[-1]) == (0, 100)
    assert np.array_equal(floor.low, [0.02, 0.02])
    assert np.array_equal(floor.high, [0.07, 0.07])
    assert floor.role == curve.role
    assert floor.side == curve.side == side
    assert floor.label == "noise floor"
    assert floor.opacity < named(scene, f"{name} range").opacity
    assert names(scene).index(f"{name} floor") < names(scene).index(name)
    assert np.array_equal(curve.x, [0, 50, 100])
    assert np.array_equal(curve.y, [0.9, 0.5, 0.4])


def test_the_legend_names_the_floor_once_and_colours_tell_the_curves_apart():
    for view in ("divergences", "distances", "fidelity"):
        metrics = [name for at, name, _ in FLOORED if at == view]
        history = {name: series([0, 100], [0.9, 0.5]) for name in metrics}
        floors = {name: (0.0, 0.1) for name in metrics}
        scene = draw(view, history=history, floors=floors)
        labels = [layer.label for layer in scene.layers if layer.label]
        assert labels.count("noise floor") == 1
        assert len(labels) == len(set(labels)) == len(metrics) + 1
        roles = [named(scene, name).role for name in metrics]
        assert len(set(roles)) == len(roles)
        # A few letters each: a plot may be 250 pixels wide.
        assert all(len(label) <= 14 for label in labels)


def test_a_floor_that_is_no_number_is_left_out():
    scene = draw("divergences", floors={"kl": (NAN, 1.0), "js": (0.0, INF)})
    assert names(scene) == ["hint"]


# Infinite divergences


def test_an_infinite_divergence_is_a_strip_and_not_a_number():
    steps, kl = [0, 10, 20, 30, 40, 50], [INF, INF, 2.0, 1.0, INF, 0.5]
    scene = draw("divergences", step=50, history={"kl": series(steps, kl), "js": series(steps, np.full(6, 0.5))})
    curve, strip = named(scene, "kl"), named(scene, "kl infinite")
    assert isinstance(strip, Strip)
    # Half way to the neighbours that are finite.
    assert np.array_equal(strip.spans, [[0, 15], [35, 45]])
    assert strip.role == curve.role
    np.testing.assert_array_equal(curve.y, [NAN, NAN, 2.0, 1.0, NAN, 0.5])
    band = named(scene, "kl range")
    assert not np.isinf([band.low, band.high]).any()
    assert curve.label == "KL, ∞ at the top"
    assert named(scene, "js").label == "JS"
    # Now it is finite.
    assert "infinite" not in names(scene)


def test_divergences_that_are_infinite_throughout_are_said_in_words():
    steps = [0, 64, 128]
    history = {"kl": series(steps, [INF] * 3), "reverse_kl": series(steps, [1.0, INF, INF])}
    scene = draw("divergences", step=128, history=history)
    assert "kl" not in names(scene)
    strips = [layer for layer in scene.layers if isinstance(layer, Strip)]
    assert [strip.row for strip in strips] == [0, 1]
    assert strips[0].label == "KL = ∞"
    assert np.array_equal(strips[0].spans, [[0, 128]])
    assert np.array_equal(strips[1].spans, [[32, 128]])
    assert named(scene, "infinite").text == "KL, reverse KL = ∞"
    single = draw("divergences", step=0, history={"kl": series([0], [INF])})
    assert np.array_equal(named(single, "kl infinite").spans, [[0, 0]])


def test_the_divergence_over_no_modes_is_infinite():
    history = {"mode_kl": series([0, 50, 100], [INF, 1.0, 0.5]), "modes": series([0, 50, 100], [0, 2, 5])}
    scene = draw("modes", mode_count=8, history=history)
    assert np.array_equal(named(scene, "mode_kl infinite").spans, [[0, 25]])
    assert named(scene, "mode_kl").side == "right"


def test_other_curves_keep_their_finite_parts():
    losses = series([1, 2, 3, 4], [1.0, INF, -INF, 2.0])
    scene = draw("losses", history={"generator_loss": losses})
    np.testing.assert_array_equal(named(scene, "generator_loss").y, [1.0, NAN, NAN, 2.0])
    assert np.array_equal(named(scene, "generator_loss").x, [1, 2, 3, 4])


# Errors


def test_errors_are_a_band_where_they_have_a_history():
    history = {"w1": series([0, 50, 100], [0.9, 0.5, 0.4]), "w1_error": series([0, 50, 100], [0.1, 0.05, 0.02])}
    band = named(draw("distances", history=history), "w1 error")
    assert isinstance(band, Band)
    assert band.low == pytest.approx([0.8, 0.45, 0.38])
    assert band.high == pytest.approx([1.0, 0.55, 0.42])


def test_the_newest_error_is_a_bar_at_the_newest_value():
    scene = draw("distances", history={"w2": series([0, 90], [0.9, 0.5])}, metrics={"w2_error": 0.125})
    bar = named(scene, "w2 error")
    assert isinstance(bar, Segments)
    assert np.array_equal(bar.start, [[90, 0.375]])
    assert np.array_equal(bar.end, [[90, 0.625]])
    assert bar.role == named(scene, "w2").role


# The critic


def critic(**history):
    whole = {"w1": series([0, 50, 100], [1.0, 0.8, 0.6], 0.0), **history}
    return draw("scores", {**PLANE, **CRITIC}, history=whole, floors={"w1": (0.02, 0.06)})


def test_the_critics_bound_is_its_estimate_over_its_largest_slope():
    # The estimate is known at every step, the slope where the metrics are.
    estimate = series(np.arange(1, 101), np.arange(1, 101) / 50)
    slope = series([0, 50, 100], [2.0, 4.0, 8.0])
    scene = critic(critic_w1=estimate, slope_grid=slope)
    bound = named(scene, "critic_bound")
    assert np.array_equal(bound.x, [0, 50, 100])
    assert bound.y == pytest.approx([0.02 / 2, 1.0 / 4, 2.0 / 8])
    assert bound.side == "left"
    gap = named(scene, "gap")
    assert isinstance(gap, Band)
    assert gap.label == "gap"
    assert gap.low == pytest.approx(bound.y)
    assert gap.high == pytest.approx([1.0, 0.8, 0.6])
    raw = named(scene, "critic_w1")
    assert raw.side == "right"
    assert scene.right is not None
    assert scene.right.label == raw.label == "raw estimate"
    assert named(scene, "w1 floor").label == "noise floor"
    assert scene.left.label == "W1"


def test_a_measured_bound_comes_first():
    scene = critic(
        critic_bound=series([0, 50, 100], [0.5, 0.7, 0.65]),
        critic_w1=series([0, 50, 100], [9.0, 9.0, 9.0]),
        slope_grid=series([0, 50, 100], [1.0, 1.0, 1.0]),
    )
    assert np.array_equal(named(scene, "critic_bound").y, [0.5, 0.7, 0.65])
    # On another batch the estimate may lie above the truth by chance.
    gap = named(scene, "gap")
    assert gap.low == pytest.approx([0.5, 0.7, 0.6])
    assert gap.high == pytest.approx([1.0, 0.8, 0.65])


def test_no_bound_without_a_slope():
    assert "critic_bound" not in names(critic(critic_w1=series([0, 50], [1.0, 2.0])))
    flat = critic(critic_w1=series([0, 50], [1.0, 2.0]), slope_grid=series([0, 50], [0.0, 0.0]))
    assert not {"critic_bound", "gap"} & set(names(flat))
    # A slope of another era than the estimate's says nothing about it.
    apart = critic(critic_w1=series(np.arange(1, 11), np.ones(10)), slope_grid=series([0, 50, 100], [2.0, 4.0, 8.0]))
    np.testing.assert_array_equal(named(apart, "critic_bound").y, [0.5, NAN, NAN])


def test_the_largest_slope():
    history = {"slope_grid": series([0, 100], [3.0, 2.0]), "slope_data": series([0, 100], [1.0, 1.5])}
    for setup, called in (({**LINE, **CRITIC}, "critic"), (LINE, "discriminator")):
        scene = draw("lipschitz", setup, history=history)
        assert scene.title == f"Largest slope of the {called}"
        assert scene.left.scale == "log"
        assert np.array_equal(named(scene, "slope_grid").y, [3.0, 2.0])
        assert np.array_equal(named(scene, "slope_data").y, [1.0, 1.5])
        assert ("one" in names(scene)) == (called == "critic")
    one = named(draw("lipschitz", {**LINE, **CRITIC}, history=history), "one")
    assert isinstance(one, Line)
    assert one.style == "dotted"
    assert np.array_equal(one.y, [1, 1])


def test_views_without_measurements_say_so():
    for view in ("divergences", "distances", "fidelity", "modes", "lipschitz"):
        (hint,) = draw(view, {**PLANE, **CRITIC}).layers
        assert isinstance(hint, Text)
        assert hint.text == "not measured yet"


# Missing modes


@pytest.mark.parametrize(("modes", "shown"), [(6.0, True), (8.0, False), (None, False)])
@pytest.mark.parametrize("view", ["plane", "optimum"])
def test_missing_modes_are_rings_where_the_metrics_say_so(view, modes, shown):
    missing = np.array([[1.0, 0.0], [0.0, -1.0]])
    metrics = {} if modes is None else {"modes": modes}
    scene = draw(view, missing=missing, mode_count=8, metrics=metrics)
    rings = [layer for layer in scene.layers if layer.name == "missing"]
    assert len(rings) == shown
    for ring in rings:
        assert np.array_equal(ring.xy, missing)
        assert ring.mark == "missing"
        assert ring.label == "missing mode"
    none = draw(view, missing=missing[:0], mode_count=8, metrics=metrics)
    assert "missing" not in names(none)


def test_missing_modes_of_a_line_are_ticks_at_the_foot():
    frame = handmade(LINE, missing=np.array([[-2.0], [1.5]]), mode_count=3, metrics={"modes": 1.0})
    scene = VIEWS["line"].draw(frame)
    ticks = named(scene, "missing")
    assert np.array_equal(ticks.start, [[-2.0, 0.0], [1.5, 0.0]])
    assert np.array_equal(ticks.end[:, 0], [-2.0, 1.5])
    top = scene.left.range[1]
    assert np.all((ticks.end[:, 1] > 0.05 * top) & (ticks.end[:, 1] < 0.15 * top))
    whole = dataclasses.replace(frame, metrics={"modes": 3.0})
    assert "missing" not in names(VIEWS["line"].draw(whole))
