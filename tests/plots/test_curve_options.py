"""Scales, smoothing, pins and readings of the views over steps, against NumPy, of frames whose numbers are known."""

import dataclasses
import math

import numpy as np
import pytest
from handmade import CRITIC, PLANE, handmade, named, names, series
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ganviz.export.plot import Plot
from ganviz.plots import VIEWS, Band, CurveOptions, Line, Strip, Text, pin_of
from ganviz.plots.pins import MOST, POINTS, coarse
from ganviz.plots.readout import read, said, value_at
from ganviz.plots.shared import share_axes
from ganviz.plots.smoothing import envelope, smoothed
from ganviz.plots.theme import PAPER
from ganviz.run import Series
from ganviz.run.frame import Mark

INF, NAN = np.inf, np.nan
OVER_STEPS = [name for name, view in VIEWS.items() if view.curves is not None]
METRICS = (
    "discriminator_loss", "generator_loss", "mean_real", "mean_fake", "discriminator_gradient_norm",
    "generator_gradient_norm", "clip_fraction", "kl", "reverse_kl", "js", "w1", "w2", "sliced_w2", "energy",
    "precision", "recall", "high_quality", "tv", "modes", "mode_kl", "slope_grid", "slope_data", "critic_w1",
    "critic_bound",
)  # fmt: skip
FALLING = [0.5, 0.4, 0.3, 0.2, 0.1, 0.05]


def history(mean=FALLING, steps=(1, 100, 200, 300, 400, 500), spread=0.01):
    return {name: series(steps, mean, spread) for name in METRICS}


def draw(view, options=None, setup=PLANE, **fields):
    whole = {"history": history(), "mode_count": 8, "step": 500, **fields}
    return VIEWS[view].scene(handmade(setup, **whole), options or CurveOptions())


def words(scene):
    return " ".join(" ".join(layer.text.split()) for layer in scene.layers if isinstance(layer, Text))


def pin(label="", setup=PLANE, **fields):
    return dataclasses.replace(pin_of(handmade(setup, **{"history": history(), "step": 500, **fields})), label=label)


# Smoothing

irregular = st.lists(
    st.tuples(st.integers(1, 40), st.floats(-1e6, 1e6) | st.sampled_from([NAN, INF, -INF])), min_size=1, max_size=70
)


def in_window(steps, place, window):
    return (steps <= steps[place]) & (steps > steps[place] - window)


@given(irregular, st.floats(0.5, 3000.0))
def test_the_smoothed_curve_is_the_weighted_mean_of_the_window_and_stays_within_its_envelope(pairs, window):
    steps = np.cumsum([gap for gap, _ in pairs]).astype(np.float64)
    values = np.array([value for _, value in pairs])
    found = smoothed(steps, values, window)
    low, high = envelope(steps, values, values, window)
    for place in range(len(steps)):
        inside = in_window(steps, place, window) & np.isfinite(values)
        if not np.isfinite(values[place]):
            assert np.isnan([found[place], low[place], high[place]]).all()
            continue
        weights = np.exp(-3 * (steps[place] - steps[inside]) / window)
        assert found[place] == pytest.approx(np.average(values[inside], weights=weights), rel=1e-9, abs=1e-6)
        assert (low[place], high[place]) == (values[inside].min(), values[inside].max())
        slack = 1e-9 * np.abs(values[inside]).max()
        assert low[place] - slack <= found[place] <= high[place] + slack


def test_an_outlier_leaves_nothing_behind_when_the_window_has_passed():
    steps, values = np.arange(1.0, 200.0), np.ones(199)
    values[50] = 1e30
    found = smoothed(steps, values, 20)
    assert (found[50:70] > 1e27).all()
    assert np.array_equal(found[70:], np.ones(129))
    assert np.array_equal(found[:50], np.ones(50))
    assert envelope(steps, values, values, 20)[1][[49, 50, 69, 70]].tolist() == [1.0, 1e30, 1e30, 1.0]


def test_nothing_is_smoothed_where_the_window_holds_one_value_and_empty_curves_stay_empty():
    steps, values = np.array([10.0, 20.0, 40.0]), np.array([3.0, 1.0, 2.0])
    assert np.array_equal(smoothed(steps, values, 10), values)
    assert smoothed(np.empty(0), np.empty(0), 5).shape == (0,)
    assert [len(end) for end in envelope(np.empty(0), np.empty(0), np.empty(0), 5)] == [0, 0]


def test_a_smoothed_view_shows_the_mean_the_band_of_the_raw_values_and_the_window():
    rng = np.random.default_rng(3)
    steps, mean = np.arange(1.0, 401.0), rng.normal(size=400)
    noisy = Series(steps, mean, mean - 0.5, mean + 2.0)
    frame = handmade(PLANE, step=400, history={"generator_loss": noisy})
    scene = VIEWS["losses"].scene(frame, CurveOptions(window=50))
    line, band = named(scene, "generator_loss"), named(scene, "generator_loss range")
    kept = np.arange(300, 350)
    weights = np.exp(-3 * (349 - kept) / 50)
    assert line.y[349] == pytest.approx(np.average(mean[kept], weights=weights))
    assert (band.low[349], band.high[349]) == (mean[kept].min() - 0.5, mean[kept].max() + 2.0)
    assert "smoothed over 50 steps" in scene.title
    plain = VIEWS["losses"].scene(frame)
    assert np.array_equal(named(plain, "generator_loss").y, mean)
    assert "smoothed" not in plain.title


def test_errors_lie_around_the_smoothed_curve():
    values = {"w1": series(np.arange(1, 7), FALLING), "w1_error": series(np.arange(1, 7), [0.02] * 6)}
    scene = draw("distances", CurveOptions(window=3), history=values)
    line, band = named(scene, "w1"), named(scene, "w1 error")
    assert band.low == pytest.approx(line.y - 0.02)
    assert band.high == pytest.approx(line.y + 0.02)


def test_the_critics_bound_and_its_gap_are_smoothed_together():
    scene = draw("scores", CurveOptions(window=250), {**PLANE, **CRITIC})
    truth, bound, gap = named(scene, "w1"), named(scene, "critic_bound"), named(scene, "gap")
    assert bound.y == pytest.approx(smoothed(bound.x, np.array(FALLING), 250))
    assert gap.low == pytest.approx(np.minimum(truth.y, bound.y))
    assert gap.high == pytest.approx(np.maximum(truth.y, bound.y))


# Scales


@pytest.mark.parametrize("view", OVER_STEPS)
def test_each_view_says_which_scale_it_has_by_itself(view):
    setup = {**PLANE, **CRITIC, "discriminator.clip": 0.01} if view == "clipping" else PLANE
    scene = draw(view, None, setup)
    assert scene.left.scale == VIEWS[view].scale
    assert scene.x.scale == "linear"
    assert scene.over_steps
    assert names(scene) == names(VIEWS[view].draw(handmade(setup, history=history(), mode_count=8, step=500)))


@pytest.mark.parametrize("view", OVER_STEPS)
@pytest.mark.parametrize("setup", [PLANE, {**PLANE, **CRITIC}])
def test_both_axes_take_the_scales_that_are_chosen(view, setup):
    for steps in ("linear", "log"):
        for values in ("linear", "log"):
            for past in (500, 900):
                scene = draw(view, CurveOptions(steps, values), setup, end=past)
                assert scene.x.scale == steps
                sides = [axis for axis in (scene.left, scene.right) if axis is not None]
                assert {axis.scale for axis in sides} == {values}
                for axis in (scene.x, *sides):
                    # What has no place on its own scale is no range.
                    assert axis.range is None or axis.scale == "linear" or axis.range[0] > 0
                if past == 900:
                    assert scene.x.range == (1.0 if steps == "log" else 0.0, 900.0)


def test_what_a_logarithmic_axis_leaves_out_is_counted_in_words():
    mixed = {
        "generator_loss": series([1, 2, 3, 4], [-1.0, 0.0, 2.0, NAN]),
        "discriminator_loss": series([1, 2], [1, 1]),
    }
    scene = draw("losses", CurveOptions(values="log"), history=mixed)
    assert words(scene) == "generator: 2 of 3 values ≤ 0 left out"
    negative = {"generator_loss": series([1, 2, 3], [-1.0, -2.0, -3.0])}
    assert words(draw("losses", CurveOptions(values="log"), history=negative)) == "generator: all 3 values ≤ 0 left out"
    assert words(draw("losses", CurveOptions(values="linear"), history=mixed)) == ""
    start = {"generator_loss": series([0, 100], [1.0, 2.0])}
    assert words(draw("losses", CurveOptions(steps="log"), history=start)) == "step 0 left out"
    assert words(draw("losses", CurveOptions(steps="log"), history={"generator_loss": series([1, 2], [1, 2])})) == ""


def test_words_count_the_curve_that_is_drawn_on_its_own_side():
    counts = {"modes": series([1, 2, 3], [0.0, 4.0, 8.0]), "mode_kl": series([1, 2, 3], [2.0, 1.0, 0.5])}
    assert words(draw("modes", CurveOptions(values="log"), history=counts)) == (
        "modes captured: 1 of 3 values ≤ 0 left out"
    )


def test_a_divergence_that_is_0_is_said_where_the_axis_is_logarithmic_by_itself():
    assert words(draw("divergences", history={"kl": series([1, 2], [0.0, 0.5])})) == "KL: 1 of 2 values ≤ 0 left out"


def test_floors_strips_and_reference_lines_begin_where_the_axis_does():
    kl = {"kl": series([0, 100, 200], [INF, INF, 0.5])}
    options = CurveOptions(steps="log")
    scene = draw("divergences", options, history=kl, floors={"kl": (0.01, 0.02)})
    assert named(scene, "kl floor").x.tolist() == [1.0, 500.0]
    (strip,) = [layer for layer in scene.layers if isinstance(layer, Strip)]
    assert strip.spans.tolist() == [[1.0, 150.0]]
    assert named(draw("lipschitz", options, {**PLANE, **CRITIC}), "one").x.tolist() == [1.0, 500.0]


def test_an_explosion_is_left_out_of_a_linear_axis_alone():
    wild = {"kl": series(np.arange(1, 31), [*np.linspace(0.1, 0.2, 29), 1e30])}
    linear = draw("divergences", CurveOptions(values="linear"), history=wild)
    assert linear.left.range is not None
    assert linear.left.range[1] < 1.0
    assert "up to 1.0e+30" in words(linear)
    assert draw("divergences", CurveOptions(values="log"), history=wild).left.range is None


def test_lanes_share_logarithmic_axes():
    options = CurveOptions("log", "log")
    scenes = [draw("losses", options, step=step, history=history([x, x / 10])) for step, x in ((100, 1.0), (100, 7.0))]
    shared = share_axes(scenes)
    assert shared[0].x == shared[1].x
    assert shared[0].left == shared[1].left
    low, high = shared[0].left.range
    assert 0 < low <= 0.1
    assert high >= 7.0


# Pins


@pytest.mark.parametrize("count", [1, 5, POINTS, POINTS + 1, 1024])
def test_a_pin_keeps_means_of_neighbours(count):
    rng = np.random.default_rng(count)
    steps, mean = np.arange(count) * 4.0 + 1.5, rng.normal(size=count)
    kept = coarse(Series(steps, mean, mean - 1, mean + 1))
    assert len(kept.steps) <= POINTS
    size = math.ceil(count / POINTS)
    groups = [slice(start, start + size) for start in range(0, count, size)]
    assert kept.steps == pytest.approx([steps[group].mean() for group in groups])
    assert kept.mean == pytest.approx([mean[group].mean() for group in groups])
    assert np.array_equal(kept.low, [mean[group].min() - 1 for group in groups])
    assert np.array_equal(kept.high, [mean[group].max() + 1 for group in groups])


def test_pins_lie_thin_below_the_curves_of_their_colour_each_with_its_dashes():
    pins = tuple(pin(f"Seed {number}") for number in range(MOST))
    scene = draw("losses", CurveOptions(pins=pins))
    own = named(scene, "generator_loss")
    lines = [layer for layer in scene.layers if isinstance(layer, Line) and layer.name.endswith(" generator_loss")]
    assert len(lines) == MOST
    assert len({line.style for line in lines} | {own.style}) == MOST + 1
    for line in lines:
        assert (line.role, line.side, line.label) == (own.role, own.side, "")
        assert line.width < own.width
        assert names(scene).index(line.name) < names(scene).index("generator_loss")
        assert np.array_equal(line.y, FALLING)
    keys = {layer.label: layer.style for layer in scene.layers if isinstance(layer, Line) and layer.role == "neutral"}
    assert list(keys) == ["1: Seed 0", "2: Seed 1", "3: Seed 2", "4: Seed 3"]
    assert list(keys.values()) == [line.style for line in lines]


@pytest.mark.parametrize("view", OVER_STEPS)
def test_pins_are_seen_before_the_new_run_has_a_value(view):
    setup = {**PLANE, "discriminator.clip": 0.01}
    scene = draw(view, CurveOptions(pins=(pin("Clip 0.1"),)), setup, history={}, step=0)
    assert any(layer.label == "1: Clip 0.1" for layer in scene.layers)
    assert "not measured yet" not in words(scene)


def test_a_pin_that_says_nothing_about_a_view_has_no_key_there():
    other = pin("x", history={"kl": series([1, 2], [1.0, 0.5])})
    assert not any("1: x" in layer.label for layer in draw("losses", CurveOptions(pins=(other,))).layers)
    assert any("1: x" in layer.label for layer in draw("divergences", CurveOptions(pins=(other,))).layers)


def test_the_axis_of_steps_holds_a_longer_pin_and_pins_are_smoothed_as_the_run():
    longer = pin(step=2000, history=history(FALLING[:2], steps=(1, 2000)))
    scene = draw("losses", CurveOptions(pins=(longer,)), end=900)
    assert scene.x.range == (0.0, 2000.0)
    smooth = draw("losses", CurveOptions(window=250, pins=(pin(),)))
    assert np.array_equal(named(smooth, "pin 1 generator_loss").y, named(smooth, "generator_loss").y)


def test_a_long_label_is_cut_between_settings():
    long = "D Clip 0.01, G Learning rate 0.0001, Batch 64"
    scene = draw("losses", CurveOptions(pins=(pin(long),)))
    assert "1: D Clip 0.01 …" in [layer.label for layer in scene.layers]


def test_what_is_pinned_with_infinities_is_drawn_with_gaps():
    broken = pin(history={"generator_loss": series([1, 2, 3], [1.0, INF, 2.0])})
    line = named(draw("losses", CurveOptions(pins=(broken,))), "pin 1 generator_loss")
    assert np.array_equal(line.y, [1.0, NAN, 2.0], equal_nan=True)


# Readings


@given(irregular, st.floats(0, 3000))
def test_a_reading_is_the_value_at_the_nearest_step(pairs, step):
    x = np.cumsum([gap for gap, _ in pairs]).astype(np.float64)
    y = np.array([value for _, value in pairs])
    value = value_at(Line("kl", "accent", x=x, y=y), step)
    if x[0] <= step <= x[-1]:
        apart = np.abs(x - step)
        near = np.isclose(apart, apart.min(), rtol=0, atol=1e-9)
        assert any(value == known or (np.isnan(value) and np.isnan(known)) for known in y[near])
    elif step > x[-1] + 41 or step < x[0] - 41:
        assert math.isnan(value)


def test_readings_have_labels_colours_and_the_values_of_pins():
    other = pin(history=history([5.0, 4.0], steps=(1, 100)))
    scene = draw("losses", CurveOptions(pins=(pin(), other)))
    first, second = read(scene, 104)
    assert (first.label, first.role, first.value) == ("discriminator", "discriminator", 0.4)
    assert (second.label, second.role) == ("generator", "generator")
    assert second.pinned == ((1, 0.4), (2, 4.0))
    # The shorter run has nothing to say there.
    assert read(scene, 500)[1].pinned == ((1, 0.05),)


def test_an_infinite_value_is_read_as_infinite():
    values = {"kl": series([100, 200, 300], [INF, 0.5, 0.4]), "js": series([100, 200, 300], [0.6, 0.5, 0.4])}
    scene = draw("divergences", history=values)
    assert [(reading.label, reading.value) for reading in read(scene, 120)] == [("KL", INF), ("JS", 0.6)]
    assert [reading.value for reading in read(scene, 290)] == [0.4, 0.4]


def test_reference_lines_are_not_read():
    assert [reading.label for reading in read(draw("lipschitz", None, {**PLANE, **CRITIC}), 100)] == [
        "anywhere", "at samples",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.1235"), (-0.5, "−0.5"), (INF, "∞"), (NAN, "–"), (12345.6, "1.235e+04")]
)
def test_values_are_said_with_four_digits(value, text):
    assert said(value) == text


# On paper


@pytest.mark.parametrize("view", OVER_STEPS)
@pytest.mark.parametrize("steps", ["linear", "log"])
@pytest.mark.parametrize("values", ["linear", "log"])
def test_figures_are_drawn_as_the_options_want(view, steps, values):
    pins = tuple(pin(f"Seed {number}") for number in range(MOST))
    marks = (Mark(0, "change", "a"), Mark(200, "bookmark", "b"))
    setup = {**PLANE, "discriminator.clip": 0.01}
    values_at = history([-0.1, *FALLING[1:]], steps=(0, 100, 200, 300, 400, 500))
    scene = draw(view, CurveOptions(steps, values, 150, pins), setup, history=values_at, marks=marks, end=900)
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    plot = Plot(axes, scene, PAPER)
    figure.draw_without_rendering()
    assert axes.get_xscale() == steps
    assert axes.get_yscale() == values
    assert any(text.startswith("4: Seed") for text in plot.legend.labels)
    dashes = {str(line.get_linestyle()) for line in axes.get_lines()} | {
        str(line._unscaled_dash_pattern) for line in axes.get_lines()
    }
    assert len(dashes) > MOST
    band = [layer for layer in scene.layers if isinstance(layer, Band)]
    assert band
