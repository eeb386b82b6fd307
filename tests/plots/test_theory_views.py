"""Views of what theory says, against closed forms."""

import dataclasses

import numpy as np
import pytest
from handmade import CRITIC, LINE, PLANE, handmade, line_surface, named, names
from hypothesis import given
from hypothesis import strategies as st

from ganviz.metrics.optimum import Optimum
from ganviz.metrics.plan import Plan
from ganviz.metrics.spectrum import Spectrum
from ganviz.plots import VIEWS, Image, Line, Points, Segments, Text
from ganviz.plots.optimal import at_points
from ganviz.run import Surface

X = np.linspace(-4, 4, 801)
NONE = np.empty(0)
APART = 1.5
"""Distance of the two normals whose optimal discriminator is known."""


def optimum(outputs, x=X, y=NONE):
    return Optimum(x, y, outputs, "by hand")


def log_ratio(x):
    return -APART * x + APART**2 / 2


def best_probability(x):
    p, q = np.exp(-(x**2) / 2), np.exp(-((x - APART) ** 2) / 2)
    return p / (p + q)


# The optimal discriminator on the line


def test_the_optimal_discriminator_is_dashed_beside_the_learned_one():
    frame = handmade(LINE, surface=line_surface(X, 0.5 * log_ratio(X)), optimum=optimum(log_ratio(X)))
    scene = VIEWS["line"].draw(frame)
    best, learned = named(scene, "optimum"), named(scene, "discriminator")
    assert best.y == pytest.approx(best_probability(X), abs=1e-12)
    assert np.array_equal(best.x, X)
    assert (best.style, best.role, best.side) == ("dashed", learned.role, learned.side)
    assert best.label == "optimal D*"
    assert scene.right.range == (-0.02, 1.02)
    slope = VIEWS["slope"].draw(frame)
    exact = -APART * best_probability(X) * (1 - best_probability(X))
    assert named(slope, "optimum").style == "dashed"
    assert named(slope, "optimum").y[1:-1] == pytest.approx(exact[1:-1], abs=1e-4)


@pytest.mark.parametrize("slope", [3.2, 0.05])
def test_the_optimal_critic_takes_the_learned_ones_scale_and_mean(slope):
    """A learned critic that is the potential times its slope, and moved, has the optimum right upon it."""
    frame = handmade({**LINE, **CRITIC}, box=(-6.0, 6.0))
    x = np.linspace(-6, 6, 801)
    frame = dataclasses.replace(
        frame,
        surface=line_surface(x, -slope * np.abs(x) + 7.0),
        optimum=optimum(-np.abs(x) + np.mean(np.abs(frame.real)), x),
        metrics={"slope_grid": slope},
    )
    scene = VIEWS["line"].draw(frame)
    best, learned = named(scene, "optimum"), named(scene, "discriminator")
    assert best.y == pytest.approx(learned.y, abs=1e-9)
    assert best.label == f"optimal critic × {slope}"
    slopes = VIEWS["slope"].draw(frame)
    assert np.abs(named(slopes, "optimum").y).max() == pytest.approx(slope)
    assert "f" in named(slopes, "slope").label
    # Without the slope it keeps its own scale, and says so.
    steepless = dataclasses.replace(frame.surface, slopes=np.full(801, np.nan))
    bare = named(VIEWS["line"].draw(dataclasses.replace(frame, surface=steepless, metrics={})), "optimum")
    assert bare.label == "optimal critic"
    assert np.ptp(bare.y) == pytest.approx(6.0, abs=1e-9)


def test_an_optimum_without_limits_does_not_hide_the_learned_curve():
    raw = {**LINE, "objective.kind": "hinge"}
    wild = np.where(np.abs(X) > 3.9, 1e30 * X, np.tanh(X))
    frame = handmade(raw, surface=line_surface(X, 0.5 * np.tanh(X)), optimum=optimum(wild))
    scene = VIEWS["line"].draw(frame)
    low, high = scene.right.range
    assert -3 < low <= -0.9 and 0.9 <= high < 3
    assert named(scene, "optimum").y[-1] == wild[-1]
    low, high = VIEWS["slope"].draw(frame).left.range
    assert -5 < low < high < 5
    # Where the optimum is as steep as the learned curve the axis is fitted to both.
    tame = dataclasses.replace(frame, optimum=optimum(np.tanh(X)))
    assert VIEWS["slope"].draw(tame).left.range is None


@pytest.mark.parametrize("outputs", [np.full(801, np.nan), np.full(801, np.inf), np.where(X > 0, np.inf, -np.inf)])
@pytest.mark.parametrize("objective", ["non-saturating", "wasserstein", "hinge"])
def test_an_optimum_that_is_no_number_can_be_drawn(outputs, objective):
    frame = handmade({**LINE, "objective.kind": objective}, surface=line_surface(X, X), optimum=optimum(outputs))
    for view in ("line", "slope"):
        scene = VIEWS[view].draw(dataclasses.replace(frame, metrics={"slope_grid": 2.0}))
        assert scene.layers
        for axis in (scene.left, scene.right):
            assert axis is None or axis.range is None or axis.range[0] < axis.range[1]
        for layer in scene.layers:
            assert not isinstance(layer, Text) or "nan" not in layer.text


# In the plane

GRID = np.linspace(-5, 5, 121)
WIDE, HIGH = np.meshgrid(GRID, np.linspace(-4, 4, 81))


def plane(setup=PLANE, **fields):
    surface = Surface(GRID, HIGH[:, 0], 0.5 * log_ratio(WIDE), NONE)
    return handmade(setup, surface=surface, **fields)


def test_the_optimum_has_the_colours_of_the_learned_surface():
    coarse = np.linspace(-4, 4, 33)
    best = optimum(np.broadcast_to(log_ratio(coarse), (33, 33)).copy(), coarse, coarse)
    frame = plane(optimum=best)
    scene = VIEWS["optimum"].draw(frame)
    image, learned = named(scene, "optimum"), named(VIEWS["plane"].draw(frame), "surface")
    assert isinstance(image, Image)
    assert image.levels == learned.levels == (0.0, 1.0)
    assert image.role == learned.role
    assert image.values == pytest.approx(np.broadcast_to(best_probability(coarse), (33, 33)), abs=1e-12)
    assert image.extent == pytest.approx((-4.125, 4.125, -4.125, 4.125))
    # Both grids are linear in x but for the sigmoid: the difference is near that of the formulas.
    points = np.concatenate([frame.real, frame.fake])
    inside = points[np.all(np.abs(points) <= 4, axis=1), 0]
    half = 1 / (1 + np.exp(-0.5 * log_ratio(inside)))
    expected = np.mean(np.abs(half - best_probability(inside)))
    assert named(scene, "difference").text == f"mean |D − D*| {expected:.2g}"


def test_the_optimal_critic_in_the_plane_has_the_levels_of_the_learned_one():
    best = optimum(WIDE.copy(), GRID, HIGH[:, 0])
    frame = plane({**PLANE, **CRITIC}, optimum=best, metrics={"slope_grid": APART / 2})
    image = named(VIEWS["optimum"].draw(frame), "optimum")
    assert image.levels == named(VIEWS["plane"].draw(frame), "surface").levels
    learned = frame.surface.outputs
    assert np.ptp(image.values) == pytest.approx(np.ptp(learned), rel=1e-9)
    # They fall in opposite directions and agree in their means over the real samples.
    middle = 0.5 * log_ratio(frame.real[:, 0].mean())
    assert image.values[0] == pytest.approx(APART / 2 * (GRID - frame.real[:, 0].mean()) + middle, abs=1e-9)
    assert image.label.startswith("optimal critic × 0.75")


def test_values_between_grid_points_are_interpolated():
    x, y = np.array([0.0, 1.0, 3.0]), np.array([-1.0, 0.0, 0.5, 2.0])

    def plane_of(x, y):
        return 2.0 + 3.0 * x - y + 0.5 * x * y

    rng = np.random.default_rng(3)
    points = np.stack([rng.uniform(0, 3, 50), rng.uniform(-1, 2, 50)], axis=1)
    wide, high = np.meshgrid(x, y)
    values = plane_of(wide, high)
    assert at_points(x, y, values, points) == pytest.approx(plane_of(*points.T), abs=1e-12)
    corners = np.array([[0.0, -1.0], [3.0, 2.0], [3.1, 0.0], [1.0, -1.1]])
    np.testing.assert_allclose(at_points(x, y, values, corners), [plane_of(0, -1), plane_of(3, 2), np.nan, np.nan])
    np.testing.assert_allclose(at_points(x, NONE, x**2, np.array([[2.0], [-1.0]])), [5.0, np.nan])


def test_without_an_optimum_the_picture_says_that_it_comes():
    scene = VIEWS["optimum"].draw(plane())
    assert named(scene, "hint").text == "computing …"
    assert {"real", "fake"} < set(names(scene))


# Transport


def line_plan(moved=0.25, n=1000):
    rng = np.random.default_rng(1)
    real = np.sort(rng.normal(size=n))
    fake = np.sort(np.where(rng.uniform(size=n) < moved, real - 2.0, real))
    return Plan(fake[:, None], real[:, None], float(np.mean(np.abs(real - fake))), moved)


def test_rails_join_the_quantiles():
    plan = line_plan()
    scene = VIEWS["transport"].draw(handmade(LINE, plan=plan))
    lines = [layer for layer in scene.layers if isinstance(layer, Segments)]
    start, end = (np.concatenate([getattr(layer, name) for layer in lines]) for name in ("start", "end"))
    assert 100 <= len(start) <= 200
    assert set(start[:, 1]) == {0.0} and set(end[:, 1]) == {1.0}
    order = np.argsort(start[:, 0], kind="stable")
    shares = (np.arange(len(start)) + 0.5) / len(start)
    for ends, samples in ((start, plan.fake[:, 0]), (end, plan.real[:, 0])):
        expected = np.quantile(samples, shares)
        assert np.abs(np.sort(ends[order, 0]) - expected).mean() < 0.02
    # Optimal on the line: no two lines cross.
    assert np.all(np.diff(end[order, 0]) >= -1e-12)
    assert scene.left.ticks == ((0.0, "fake"), (1.0, "real"))
    assert named(scene, "cost").text == f"W1 = {plan.cost:.3g}"
    assert named(scene, "moved").label == "25% moves beyond chance"
    near, moved = named(scene, "near"), named(scene, "moved")
    assert len(moved.start) / len(start) == pytest.approx(0.25, abs=0.06)
    assert np.abs(near.end - near.start)[:, 0].max() <= np.abs(moved.end - moved.start)[:, 0].min()
    rough = dataclasses.replace(plan, exact=False)
    assert named(VIEWS["transport"].draw(handmade(LINE, plan=rough)), "cost").text.startswith("W1 ≈")


def test_the_hills_beside_the_rails_are_densities():
    frame = handmade(LINE, rows=20_000, plan=line_plan())
    scene = VIEWS["transport"].draw(frame)
    for name, centre in (("real", 0.0), ("fake", 1.0)):
        hill = named(scene, name)
        height = hill.high - hill.low
        assert np.average(hill.x, weights=height) == pytest.approx(centre, abs=0.05)
        assert hill.role == name
    assert named(scene, "real").low.min() == 1.0
    assert named(scene, "fake").high.max() == 0.0


@pytest.mark.parametrize("moved", [0.0, 0.4, 1.0])
def test_the_assignment_in_the_plane(moved):
    rng = np.random.default_rng(2)
    real = rng.normal(size=(50, 2))
    reach = rng.uniform(0.1, 1.0, 50)
    angle = rng.uniform(0, 2 * np.pi, 50)
    plan = Plan(real + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), real, reach.mean(), moved)
    scene = VIEWS["transport"].draw(handmade(PLANE, plan=plan))
    lines = {layer.name: layer for layer in scene.layers if isinstance(layer, Segments)}
    count = round(50 * moved)
    far = np.sort(np.argsort(-reach)[:count])
    assert set(lines) == {name for name, n in (("near", 50 - count), ("moved", count)) if n}
    if count:
        assert np.array_equal(lines["moved"].start, plan.fake[far])
        assert np.array_equal(lines["moved"].end, plan.real[far])
    assert sum(len(layer.start) for layer in lines.values()) == 50
    labels = [layer.label for layer in lines.values() if layer.label]
    assert labels == [f"{moved:.0%} moves beyond chance"]
    assert np.array_equal(named(scene, "real").xy, plan.real)
    assert np.array_equal(named(scene, "fake").xy, plan.fake)
    assert scene.equal


@pytest.mark.parametrize("setup", [LINE, PLANE])
def test_the_picture_widens_to_where_the_fakes_are(setup):
    frame = handmade(setup)
    d = frame.experiment.dimension
    near = VIEWS["transport"].draw(frame)
    assert near.x.range == (-4.0, 4.0)
    for shift, expected in ((-5.0, (-6.0, 4.0)), (7.5, (-4.0, 8.0)), (1e30, (-4.0, 16.0))):
        fake = frame.fake * 0.1 + shift
        scene = VIEWS["transport"].draw(dataclasses.replace(frame, fake=fake))
        assert scene.x.range == expected
        assert d == 1 or scene.left.range == expected
    lost = VIEWS["transport"].draw(dataclasses.replace(frame, fake=np.full_like(frame.fake, np.nan)))
    assert lost.x.range == (-4.0, 4.0)


def test_standardised_data_move_in_standard_deviations():
    frame = handmade({"data": {"kind": "ring", "standardize": True}})
    real = np.zeros((2, 2))
    # The second pair is further apart in the data's own units, the first in standard deviations.
    plan = Plan(np.array([[0.0, 1.0], [10.0, 0.0]]), real, 1.0, 0.5)
    frame = dataclasses.replace(frame, real=frame.real * [100.0, 1.0], plan=plan)
    moved = named(VIEWS["transport"].draw(frame), "moved")
    assert np.array_equal(moved.start, [[0.0, 1.0]])
    plain = dataclasses.replace(frame, experiment=handmade(PLANE).experiment)
    assert np.array_equal(named(VIEWS["transport"].draw(plain), "moved").start, [[10.0, 0.0]])


@pytest.mark.parametrize("setup", [LINE, PLANE])
def test_without_a_plan_the_picture_says_that_it_comes(setup):
    scene = VIEWS["transport"].draw(handmade(setup))
    assert named(scene, "hint").text == "computing …"
    assert {"real", "fake"} < set(names(scene))
    d = 1 if setup is LINE else 2
    empty = Plan(np.empty((0, d)), np.empty((0, d)), 0.0, 0.0)
    assert VIEWS["transport"].draw(handmade(setup, plan=empty)).layers


# The spectrum


def spectrum(values, rate=0.1, largest=0.5, verdict="rotating", step=100):
    return Spectrum(step, np.asarray(values, dtype=np.complex128), 10, True, 4096, rate, largest, verdict, "Words.")


def test_eigenvalues_are_coloured_by_the_sign_of_their_real_part():
    values = np.array([0.5 + 1j, 0.5 - 1j, 0j, -0.25 + 2j, -0.25 - 2j, -3.0])
    scene = VIEWS["spectrum"].draw(handmade(PLANE, spectrum=spectrum(values, verdict="diverging", largest=0.0)))
    stable, unstable = named(scene, "stable"), named(scene, "unstable")
    assert isinstance(stable, Points)
    assert {complex(*xy) for xy in stable.xy} == set(values[values.real < 0])
    assert {complex(*xy) for xy in unstable.xy} == set(values[values.real >= 0])
    assert stable.role != unstable.role
    zero = named(scene, "zero")
    assert isinstance(zero, Line)
    assert np.array_equal(zero.x, [0, 0])
    assert (scene.x.label, scene.left.label) == ("real part", "imaginary part")
    for axis, part in ((scene.x, values.real), (scene.left, values.imag)):
        assert axis.range[0] < min(part.min(), 0) and max(part.max(), 0) < axis.range[1]
    assert scene.title == "Spectrum: locally diverging"
    assert named(scene, "rates").text == "no rate is stable"


@pytest.mark.parametrize(
    ("largest", "words"),
    [(0.0125, "stable below rate 0.013"), (np.inf, "every rate is stable"), (0.0, "no rate is stable")],
)
def test_the_largest_rate_and_the_step_are_said(largest, words):
    found = spectrum([-1.0, -2.0 + 1j], largest=largest, step=1200)
    scene = VIEWS["spectrum"].draw(handmade(PLANE, step=1300, spectrum=found))
    assert named(scene, "rates").text == words
    assert scene.title == "Spectrum of step 1,200: locally rotating"


@given(
    rate=st.floats(1e-5, 10.0),
    real=st.floats(-10.0, 1.0),
    imaginary=st.floats(-10.0, 10.0),
    scale=st.sampled_from([1e-3, 1.0, 30.0]),
)
def test_the_region_is_where_a_step_of_the_present_rate_shrinks(rate, real, imaginary, scale):
    values = scale * np.array([1 + 10j, 1 - 10j, -10.0])
    scene = VIEWS["spectrum"].draw(handmade(PLANE, spectrum=spectrum(values, rate=rate)))
    point = scale * complex(real, imaginary)
    region = next((layer for layer in scene.layers if layer.name == "region"), None)
    assert region is not None
    for layer in scene.layers:
        if layer.name.endswith("edge"):
            edge = (layer.x + 1j * layer.y)[np.isfinite(layer.y)]
            # Of a huge circle a place on the edge is known to the last bits of its radius.
            assert np.abs(np.abs(1 + rate * edge) ** 2 - 1).max() < 1e-9
    growth = abs(1 + rate * point) ** 2 - 1
    # The outline has corners: what is next to it may lie on either side.
    if abs(growth) > 0.02 * min(1.0, rate * scale):
        inside = region.x[0] <= point.real <= region.x[-1]
        inside = inside and abs(point.imag) < np.interp(point.real, region.x, region.high)
        assert inside == (growth < 0)


def test_rounding_does_not_fill_the_picture():
    real = VIEWS["spectrum"].draw(handmade(PLANE, spectrum=spectrum([-5.0 + 1e-14j, 10.0 - 1e-14j])))
    assert real.left.range[1] > 0.09
    imaginary = VIEWS["spectrum"].draw(handmade(PLANE, spectrum=spectrum([1e-17 + 0.5j, -1e-17 - 0.5j])))
    assert imaginary.x.range[0] < -0.004 and imaginary.x.range[1] > 0.004


def test_zeros_stand_apart_and_what_was_not_found_is_not_promised():
    values = np.array([1e-17, -1e-17, -1.0 + 1j, -1.0 - 1j])
    found = dataclasses.replace(spectrum(values, largest=0.25), zeros=2, complete=False)
    scene = VIEWS["spectrum"].draw(handmade(PLANE, spectrum=found))
    assert len(named(scene, "null").xy) == 2
    assert "unstable" not in names(scene)
    assert len(named(scene, "stable").xy) == 2
    assert named(scene, "rates").text == "unstable above rate 0.25"
    assert named(scene, "count").text == "4 of 10 eigenvalues"


def test_why_there_is_no_spectrum_is_said():
    note = "the game has no Jacobian that could be computed: both players stand still at these rates"
    (hint,) = VIEWS["spectrum"].draw(handmade(PLANE, spectrum_note=note)).layers
    assert hint.text.replace("\n", " ") == note
    assert max(map(len, hint.text.split("\n"))) <= 30


def test_without_a_spectrum_the_picture_says_that_it_comes():
    for found in (None, spectrum([]), spectrum([np.nan])):
        (hint,) = VIEWS["spectrum"].draw(handmade(PLANE, spectrum=found)).layers
        assert hint.text == "computing …"
    assert VIEWS["spectrum"].draw(handmade(PLANE, spectrum=spectrum([0j]))).x.range is not None
    assert VIEWS["spectrum"].draw(handmade(PLANE, spectrum=spectrum([np.nan, -1.0], rate=np.nan))).layers
