import dataclasses
import functools
import subprocess
import sys

import numpy as np
import pytest

from ganviz.experiment import Experiment
from ganviz.experiment.sections import OBJECTIVES
from ganviz.plots import (
    VIEWS,
    Arrows,
    Band,
    Histogram,
    Image,
    Line,
    Points,
    Scene,
    Text,
    views_for,
)
from ganviz.run import Need, Run, TrainingDiverged

SMALL = {
    "generator": {"hidden": [16, 8]},
    "discriminator": {"hidden": [8]},
    "schedule": {"batch": 16},
}
LINE = {**SMALL, "data": {"kind": "mixture", "means": [-2.0, 1.0], "stds": 0.4}, "noise.dimension": 1}
CRITIC = {"objective.kind": "wasserstein", "discriminator.clip": 0.05}
RAW = {"objective.kind": "relativistic", "generator.ema": 0.9}
PENGUINS = {"kind": "file", "path": "penguins.csv", "columns": ["bill_length_mm", "bill_depth_mm"]}
SETUPS = {
    "plane": SMALL,
    "plane with a critic": {**SMALL, **CRITIC},
    "line": LINE,
    "line with a critic": {**LINE, **CRITIC},
    "plane with raw outputs and an average": {**SMALL, **RAW, "discriminator.packing": 2},
    "line with raw outputs and an average": {**LINE, **RAW},
    "pieces on a line": {**SMALL, "data": {"kind": "disjoint"}},
    "points on a line": {**SMALL, "data": {"kind": "diracs", "means": [-1.0, 1.0]}},
    "heavy tails": {**SMALL, "data": {"kind": "student-t", "dof": 0.6}},
    "one column": {**SMALL, "data": {"kind": "file", "path": "galaxies.csv"}},
    "two columns": {**SMALL, "data": {"kind": "file", "path": "faithful.csv"}},
    "two columns with a critic": {**SMALL, **CRITIC, "data": PENGUINS},
}
EVERYWHERE = {
    "losses", "scores", "gradients", "divergences", "distances", "fidelity", "transport", "lipschitz", "spectrum",
    "weights_generator", "weights_discriminator", "layer_gradients", "units",
}  # fmt: skip
NAMES = {
    "plane": {"plane", "optimum", "modes", *EVERYWHERE},
    "line": {"line", "slope", "map", "modes", *EVERYWHERE},
    "one column": {"line", "slope", "map", *EVERYWHERE},
    "two columns with a critic": {"plane", "optimum", "clipping", *EVERYWHERE},
}


@functools.cache
def run_of(name):
    run = Run(Experiment.from_mapping(SETUPS[name]))
    run.frame(Need.METRICS)
    for _ in range(4):
        run.advance(10)
        run.frame(Need.METRICS)
    return run


@functools.cache
def frame_of(name):
    return run_of(name).frame()


CASES = [
    pytest.param(name, view.name, id=f"{name}: {view.name}")
    for name, setup in SETUPS.items()
    for view in views_for(Experiment.from_mapping(setup))
]


def numbers(value):
    """Yield every array and number of a scene, wherever it is."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from numbers(getattr(value, field.name))
    elif isinstance(value, tuple):
        for entry in value:
            yield from numbers(entry)
    elif isinstance(value, np.ndarray | float | int):
        yield np.asarray(value)


def named(scene, name):
    return next(layer for layer in scene.layers if layer.name == name)


def test_views_for_each_experiment():
    for name, expected in NAMES.items():
        assert {view.name for view in views_for(Experiment.from_mapping(SETUPS[name]))} == expected
    for name, setup in SETUPS.items():
        views = views_for(Experiment.from_mapping(setup))
        assert views[0].name == ("plane" if "plane" in name or "two" in name else "line")
        assert [view.name for view in views] == [view for view in VIEWS if view in {view.name for view in views}]


@pytest.mark.parametrize(("name", "view"), CASES)
def test_every_view_makes_a_whole_scene(name, view):
    scene = VIEWS[view].draw(frame_of(name))
    assert isinstance(scene, Scene)
    assert scene.view == view
    assert scene.title
    axes = [scene.x, scene.left, *([scene.right] if scene.right else [])]
    for axis in axes:
        assert axis.label
        if axis.range is not None:
            low, high = axis.range
            assert np.isfinite([low, high]).all()
            assert low < high
    assert scene.layers
    assert len({layer.name for layer in scene.layers}) == len(scene.layers)
    for layer in scene.layers:
        assert layer.side == "left" or scene.right is not None
        sizes = [array.size for array in numbers(layer) if array.ndim]
        assert all(sizes), layer.name
    assert_whole(scene)


def assert_whole(scene):
    """Curves, bands and the picture of an optimum may have gaps; everything else is finite."""
    for layer in scene.layers:
        for array in numbers(layer):
            assert np.isfinite(array).any()
            gaps = isinstance(layer, Line | Band) or (isinstance(layer, Image) and layer.name == "optimum")
            assert np.isfinite(array).all() or (gaps and not np.isinf(array).any())
    for array in numbers(dataclasses.replace(scene, layers=())):
        assert np.isfinite(array).all()


@pytest.mark.parametrize(("name", "view"), CASES)
def test_views_are_pure(name, view):
    frame = frame_of(name)
    before = [array.copy() for array in numbers(frame)]
    one, two = VIEWS[view].draw(frame), VIEWS[view].draw(frame)
    assert [type(layer) for layer in one.layers] == [type(layer) for layer in two.layers]
    assert [layer.name for layer in one.layers] == [layer.name for layer in two.layers]
    for a, b in zip(numbers(one), numbers(two), strict=True):
        assert np.array_equal(a, b, equal_nan=True)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, numbers(frame), strict=True))


@pytest.mark.parametrize(("name", "view"), CASES)
def test_a_view_asks_for_all_that_it_shows(name, view):
    """A frame with what the view says that it needs gives the same picture as one with everything."""
    run = run_of(name)
    # What takes its time is asked for once, below.
    whole, bare = VIEWS[view].draw(frame_of(name)), VIEWS[view].draw(run.frame(VIEWS[view].needs & Need.all()))
    assert [layer.name for layer in bare.layers] == [layer.name for layer in whole.layers]
    for a, b in zip(numbers(bare), numbers(whole), strict=True):
        assert np.array_equal(a, b, equal_nan=True)


def test_floors_and_the_spectrum_are_asked_for_by_those_who_show_them():
    few = {"generator.hidden": [4], "discriminator.hidden": [4]}
    run = Run(Experiment.from_mapping({**LINE, **CRITIC}).replace(few))
    run.advance(5)
    for view, shown in (("spectrum", "region"), *((view, f"{name} floor") for view, name in FLOORED.items())):
        assert shown in [layer.name for layer in VIEWS[view].draw(run.frame(VIEWS[view].needs)).layers]


FLOORED = {"scores": "w1", "divergences": "js", "distances": "w2", "fidelity": "tv", "modes": "mode_kl"}


@pytest.mark.parametrize(("name", "view"), CASES)
def test_views_work_before_the_first_step_and_with_next_to_nothing(name, view):
    for frame in first_frames(name):
        scene = VIEWS[view].draw(frame)
        assert scene.view == view
        assert scene.x.label
        assert scene.left.label
        assert_whole(scene)
    # What is measured of samples has a first value before the first step.
    if view in ("divergences", "distances", "fidelity", "modes"):
        assert VIEWS[view].draw(first_frames(name)[0]).layers


@functools.cache
def first_frames(name):
    """Return what there is before the first step: everything, and next to nothing."""
    run = Run(run_of(name).experiment)
    return run.frame(), run.frame(Need.SAMPLES)


# Runs at the brink of divergence: parameters are finite, what comes out of them is not


@functools.cache
def diverged(name):
    """Return a run at its last finite step: of several seeds one with infinite samples, if there is one."""
    runs = (diverged_from(seed, name) for seed in range(8))
    return next((run for run in runs if not np.isfinite(run.frame(Need.SAMPLES).fake).all()), diverged_from(0, name))


def diverged_from(seed, name):
    deep = {"seed": seed, "generator.hidden": [16, 16, 16], "discriminator.hidden": [16, 16, 16]}
    run = Run(Experiment.from_mapping(SETUPS[name]).replace(deep))
    for player in ("generator", "discriminator"):
        run.change(f"optimizer.{player}.kind", "sgd")
        run.change(f"optimizer.{player}.learning_rate", 10.0)
    clip = run.experiment.discriminator.clip
    run.change("objective.kind", "wasserstein")
    run.change("discriminator.clip", 0.0)
    with pytest.raises(TrainingDiverged):
        run.advance(5000)
    run.change("discriminator.clip", clip)
    run.change("objective.kind", SETUPS[name].get("objective.kind", "non-saturating"))
    return run


def test_some_diverged_runs_have_infinite_samples():
    assert sum(not np.isfinite(diverged(name).frame().fake).all() for name in SETUPS) >= 3


@pytest.mark.parametrize(("name", "view"), CASES)
def test_a_diverged_run_can_be_drawn(name, view):
    for needs in (None, VIEWS[view].needs & Need.all(), Need.SAMPLES):
        assert_drawable(VIEWS[view].draw(diverged(name).frame(needs)))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e30])
@pytest.mark.parametrize(("name", "view"), [case for case in CASES if VIEWS[case.values[1]].needs & Need.SAMPLES])
def test_numbers_that_are_none_can_be_drawn(name, view, value):
    frame = frame_of(name)
    fake, outputs, slopes = frame.fake.copy(), frame.surface.outputs.copy(), frame.surface.slopes.copy()
    some = np.full_like(frame.pulls, value)
    z, samples = frame.map
    for share in (2, 1):
        fake[::share], outputs[::share], slopes[::share] = value, value, value
        surface = dataclasses.replace(frame.surface, outputs=outputs, slopes=slopes)
        broken = (z, np.full_like(samples, value))
        assert_drawable(
            VIEWS[view].draw(dataclasses.replace(frame, fake=fake, surface=surface, pulls=some, map=broken))
        )


def assert_drawable(scene):
    """Curves may have gaps and points may be missing; ranges and the levels of an image must be finite."""
    for axis in (scene.x, scene.left, scene.right):
        if axis is not None and axis.range is not None:
            assert np.isfinite(axis.range).all()
            assert axis.range[0] < axis.range[1]
    for layer in scene.layers:
        if isinstance(layer, Image):
            assert np.isfinite(layer.levels).all()
            assert layer.levels[0] < layer.levels[1]
        if isinstance(layer, Text):
            assert "nan" not in layer.text
            assert "inf" not in layer.text


# The plane


@pytest.mark.parametrize("name", ["plane", "two columns"])
def test_the_surface_is_a_probability_on_its_grid(name):
    frame = frame_of(name)
    image = named(VIEWS["plane"].draw(frame), "surface")
    assert isinstance(image, Image)
    assert image.levels == (0.0, 1.0)
    assert image.values.min() >= 0
    assert image.values.max() <= 1
    assert np.ptp(image.values) > 0
    outputs = frame.surface.outputs
    assert image.values == pytest.approx(1 / (1 + np.exp(-outputs)), abs=1e-12)
    left, right, bottom, top = image.extent
    rows, columns = image.values.shape
    assert left + (right - left) / columns / 2 == pytest.approx(frame.surface.x[0])
    assert right - (right - left) / columns / 2 == pytest.approx(frame.surface.x[-1])
    assert bottom + (top - bottom) / rows / 2 == pytest.approx(frame.surface.y[0])
    # Rows go along y: the value at a grid point is the discriminator's there.
    run = run_of(name)
    row, column = rows // 4, columns // 3
    point = np.array([[frame.surface.x[column], frame.surface.y[row]]])
    output = run.observer._evaluator.discriminate(point)[0]
    assert image.values[row, column] == pytest.approx(1 / (1 + np.exp(-output)), rel=1e-5)


def test_a_critics_surface_reaches_over_its_own_range():
    frame = frame_of("plane with a critic")
    image = named(VIEWS["plane"].draw(frame), "surface")
    assert np.array_equal(image.values, frame.surface.outputs)
    shown = [
        output
        for y, row in zip(frame.surface.y, frame.surface.outputs, strict=True)
        for x, output in zip(frame.surface.x, row, strict=True)
        if frame.box[0][0] <= x <= frame.box[0][1] and frame.box[1][0] <= y <= frame.box[1][1]
    ]
    assert 0 < len(shown) < frame.surface.outputs.size
    assert image.levels == (min(shown), max(shown))
    assert "critic" in image.label
    flat = dataclasses.replace(
        frame, surface=dataclasses.replace(frame.surface, outputs=np.full_like(frame.surface.outputs, 2.0))
    )
    low, high = named(VIEWS["plane"].draw(flat), "surface").levels
    assert low < 2.0 < high


@pytest.mark.parametrize("name", ["plane", "plane with a critic", "two columns", "two columns with a critic"])
def test_arrows_start_at_fakes_and_point_along_the_pull(name):
    frame = frame_of(name)
    arrows = named(VIEWS["plane"].draw(frame), "pulls")
    assert isinstance(arrows, Arrows)
    n = len(arrows.tail)
    assert n > 20
    assert np.array_equal(arrows.tail, frame.fake[:n])
    pulls = frame.pulls[:n]
    moving = np.linalg.norm(pulls, axis=1) > 0
    cross = pulls[:, 0] * arrows.vector[:, 1] - pulls[:, 1] * arrows.vector[:, 0]
    norms = np.linalg.norm(pulls, axis=1) * np.linalg.norm(arrows.vector, axis=1)
    assert np.abs(cross[moving] / norms[moving]).max() < 1e-9
    assert ((pulls * arrows.vector).sum(axis=1)[moving] > 0).all()
    # Longer pulls never have shorter arrows, in shares of the picture.
    extent = np.array([high - low for low, high in frame.box])
    order = np.argsort(np.linalg.norm(pulls / extent, axis=1))
    drawn = np.linalg.norm(arrows.vector / extent, axis=1)[order]
    assert np.all(np.diff(drawn) >= -1e-12)
    assert 0.02 < drawn[-1] < 0.2


def test_the_arrows_point_downhill():
    """The pull is minus the gradient of the generator's loss: a step along it lowers the loss of that sample."""
    frame, run = frame_of("plane"), run_of("plane")
    arrows = named(VIEWS["plane"].draw(frame), "pulls")

    def losses(points):
        return np.logaddexp(0, -run.observer._evaluator.discriminate(points))

    assert np.mean(losses(arrows.tail + 0.05 * arrows.vector) < losses(arrows.tail)) > 0.95


def test_no_pull_is_said_in_words():
    frame = dataclasses.replace(frame_of("plane"), pulls=np.zeros((200, 2)))
    scene = VIEWS["plane"].draw(frame)
    assert not any(isinstance(layer, Arrows) for layer in scene.layers)
    assert named(scene, "pull").text == "generator's gradient: 0"
    scene = VIEWS["plane"].draw(dataclasses.replace(frame, pulls=np.full((200, 2), np.inf)))
    assert not any(isinstance(layer, Arrows) for layer in scene.layers)
    assert "not finite" in named(scene, "pull").text


def test_the_plane_shows_the_samples():
    for name, columns in (("plane", ("x", "y")), ("two columns", ("eruption_min", "waiting_min"))):
        frame = frame_of(name)
        scene = VIEWS["plane"].draw(frame)
        real, fake = named(scene, "real"), named(scene, "fake")
        assert isinstance(real, Points)
        assert (real.role, fake.role) == ("real", "fake")
        assert np.array_equal(real.xy, frame.real)
        assert np.array_equal(fake.xy, frame.fake)
        assert (scene.x.label, scene.left.label) == columns
        assert scene.equal == (name == "plane")
        order = [layer.name for layer in scene.layers]
        assert order.index("surface") < order.index("real") < order.index("fake") < order.index("pulls")


@pytest.mark.parametrize("name", ["plane with raw outputs and an average", "line with raw outputs and an average"])
def test_the_averaged_generator_is_shown_beside_the_raw_one(name):
    frame, view = frame_of(name), name.split(" ")[0]
    scene = VIEWS[view].draw(frame)
    average = named(scene, "average")
    assert average.label == "averaged fake"
    assert average.role == "average"
    order = [layer.name for layer in scene.layers]
    assert order.index("average") == order.index("fake") + 1
    assert not np.array_equal(frame.average, frame.fake)
    if view == "plane":
        assert isinstance(average, Points)
        assert np.array_equal(average.xy, frame.average)
    else:
        # The outline goes up and down at the bins' edges and holds the samples that lie between them.
        edges = named(scene, "fake").edges
        inside = np.mean((frame.average >= edges[0]) & (frame.average <= edges[-1]))
        assert np.trapezoid(average.y, average.x) == pytest.approx(inside, abs=1e-9)
        assert set(average.x) == set(edges)
        assert (average.x[0], average.y[0], average.x[-1], average.y[-1]) == (edges[0], 0, edges[-1], 0)
        tall = np.full_like(frame.average, edges[40:42].mean())
        level, high = (
            VIEWS[view].draw(dataclasses.replace(frame, fake=frame.real, average=each)) for each in (frame.real, tall)
        )
        assert high.left.range[1] > level.left.range[1]
    bare = VIEWS[view].draw(dataclasses.replace(frame, average=None))
    assert [layer.name for layer in bare.layers] == [layer for layer in order if layer != "average"]


@pytest.mark.parametrize("name", ["plane with raw outputs and an average", "line with raw outputs and an average"])
@pytest.mark.parametrize("value", [np.inf, np.nan, 1e300])
def test_an_average_that_is_no_number_can_be_drawn(name, value):
    frame = frame_of(name)
    average = frame.average.copy()
    for share in (2, 1):
        average[::share] = value
        assert_drawable(VIEWS[name.split(" ")[0]].draw(dataclasses.replace(frame, average=average)))


# The objectives


@functools.cache
def frame_under(kind, data):
    run = Run(Experiment.from_mapping({**(LINE if data == "mixture" else SMALL), "objective.kind": kind}))
    run.advance(20)
    return run.frame()


PROBABILITY, CRITICS = ("minimax", "non-saturating", "alpha"), ("wasserstein",)


@pytest.mark.parametrize("data", ["ring", "mixture"])
@pytest.mark.parametrize("kind", OBJECTIVES)
def test_every_view_of_every_objective(kind, data):
    frame = frame_under(kind, data)
    scenes = {view.name: view.draw(frame) for view in views_for(frame.experiment)}
    for scene in scenes.values():
        assert_drawable(scene)
        assert scene.layers
    outputs, raw = frame.surface.outputs, kind not in PROBABILITY
    stage = scenes["plane" if data == "ring" else "line"]
    shown = named(stage, "surface").values if data == "ring" else named(stage, "discriminator").y
    assert shown == pytest.approx(outputs if raw else 1 / (1 + np.exp(-outputs)), abs=1e-12)
    label = named(stage, "surface" if data == "ring" else "discriminator").label
    assert label.startswith("critic f" if kind in CRITICS else "D(x), raw output" if raw else "D(x)")
    assert ("raw output" in label) == (raw and kind not in CRITICS)
    scores = [layer.name for layer in scenes["scores"].layers if isinstance(layer, Line)]
    expected = ["mean_real", "mean_fake"] if not raw else ["output_real", "output_fake"]
    critic = ["w1", "critic_bound", "critic_w1"] if "slope_grid" in frame.metrics else ["w1", "critic_w1"]
    assert scores == (critic if kind in CRITICS else expected)
    assert (scenes["scores"].left.range == (-0.02, 1.02)) == (not raw)
    if data == "mixture":
        assert ("raw output" in scenes["slope"].left.label) == ("raw output" in label)
        assert (stage.right.range == (-0.02, 1.02)) == (not raw)


@pytest.mark.parametrize(
    ("kind", "view", "names"),
    [
        ("kl", "losses", ("generator_loss", "discriminator_loss")),
        ("pearson", "scores", ("output_real", "output_fake")),
        ("wasserstein", "scores", ("critic_w1",)),
    ],
)
def test_a_single_huge_value_is_said_in_words_and_leaves_the_others_visible(kind, view, names):
    frame = frame_under(kind, "ring")
    plain = VIEWS[view].draw(frame)
    assert plain.left.range is None
    assert not any(isinstance(layer, Text) for layer in plain.layers)
    history = dict(frame.history)
    ends = []
    for name, huge in zip(names, (-3.6e34, 4.3e31), strict=False):
        series = history[name]
        mean, low, high = series.mean.copy(), series.low.copy(), series.high.copy()
        ends += [np.delete(low, 5), np.delete(high, 5)]
        mean[5] = low[5] = high[5] = huge
        history[name] = dataclasses.replace(series, mean=mean, low=low, high=high)
    scene = VIEWS[view].draw(dataclasses.replace(frame, history=history))
    axis = scene.right if kind == "wasserstein" else scene.left
    low, high = axis.range
    assert low <= np.min(ends)
    assert np.max(ends) <= high
    assert high - low < 6 * np.ptp(ends)
    assert named(scene, "below").text == "down to −3.6e+34"
    words = [layer.text for layer in scene.layers if layer.name == "above"]
    assert words == (["up to 4.3e+31"] if len(names) == 2 else [])
    assert scene.left.label == plain.left.label
    # The curve itself is whole.
    assert named(scene, names[0]).y[5] == -3.6e34


def test_the_discriminator_axis_follows_outputs_that_explode():
    frame = frame_under("hellinger", "mixture")
    surface = dataclasses.replace(frame.surface, outputs=1e30 * frame.surface.outputs)
    scene = VIEWS["line"].draw(dataclasses.replace(frame, surface=surface, optimum=None))
    assert scene.right.range is None
    held = VIEWS["line"].draw(dataclasses.replace(frame, surface=surface)).right.range
    assert held is None or held[0] < surface.outputs.min() < surface.outputs.max() < held[1]
    assert np.isfinite(named(scene, "discriminator").y).all()
    assert_drawable(scene)


# The line


def test_densities_are_densities():
    frame = frame_of("line")
    scene = VIEWS["line"].draw(frame)
    fake = named(scene, "fake")
    assert isinstance(fake, Histogram)
    inside = np.mean((frame.fake >= fake.edges[0]) & (frame.fake <= fake.edges[-1]))
    assert (fake.heights * np.diff(fake.edges)).sum() == pytest.approx(inside, abs=1e-9)
    real = named(scene, "real")
    assert np.trapezoid(real.y, real.x) == pytest.approx(1, abs=0.02)
    area = named(scene, "real area")
    assert isinstance(area, Band)
    assert np.array_equal(area.high, real.y)
    top = scene.left.range[1]
    assert real.y.max() < top
    assert scene.left.range[0] == 0
    points = VIEWS["line"].draw(frame_of("points on a line"))
    bars = named(points, "real")
    assert isinstance(bars, Histogram)
    assert (bars.heights * np.diff(bars.edges)).sum() == pytest.approx(1, abs=1e-9)
    assert np.count_nonzero(bars.heights) == 2


def test_the_discriminator_has_its_own_axis():
    for name in ("line", "one column", "points on a line"):
        scene = VIEWS["line"].draw(frame_of(name))
        curve = named(scene, "discriminator")
        assert curve.side == "right"
        assert 0 <= curve.y.min() <= curve.y.max() <= 1
        low, high = scene.right.range
        assert low <= 0
        assert high >= 1
        assert "D(x)" in scene.right.label
    critic = VIEWS["line"].draw(frame_of("line with a critic"))
    assert np.array_equal(named(critic, "discriminator").y, frame_of("line with a critic").surface.outputs)
    assert "critic" in critic.right.label
    low, high = critic.right.range
    assert low < named(critic, "discriminator").y.min() < named(critic, "discriminator").y.max() < high
    bare = VIEWS["line"].draw(dataclasses.replace(frame_of("line with a critic"), optimum=None))
    assert bare.right.range is None


def test_fakes_outside_are_said_in_words():
    frame = frame_of("line")
    fake = frame.fake.copy()
    fake[: len(fake) // 4] = 1e6
    scene = VIEWS["line"].draw(dataclasses.replace(frame, fake=fake))
    text = named(scene, "outside")
    assert isinstance(text, Text)
    outside = np.mean((fake < frame.box[0][0]) | (fake > frame.box[0][1]))
    assert f"{outside:.0%}" in text.text


def test_the_slope_is_that_of_the_curve():
    frame = frame_of("line with a critic")
    slope = named(VIEWS["slope"].draw(frame), "slope")
    curve = named(VIEWS["line"].draw(frame), "discriminator")
    middle = (curve.y[2:] - curve.y[:-2]) / (curve.x[2:] - curve.x[:-2])
    # A piecewise linear critic has kinks, at which the two differ.
    assert np.median(np.abs(slope.y[1:-1] - middle)) < 1e-3 * np.abs(middle).max()
    assert VIEWS["slope"].draw(frame).x.label == "x"


def test_the_map():
    frame = frame_of("line")
    scene = VIEWS["map"].draw(frame)
    curve = named(scene, "map")
    assert isinstance(curve, Line)
    assert np.array_equal(curve.x, frame.map[0])
    assert np.array_equal(curve.y, frame.map[1][:, 0])
    assert not any(isinstance(layer, Points) for layer in scene.layers)
    more = VIEWS["map"].draw(frame_of("one column"))
    dots = named(more, "samples")
    assert np.array_equal(dots.xy[:, 0], frame_of("one column").noise[: len(dots.xy), 0])
    assert np.array_equal(dots.xy[:, 1], frame_of("one column").fake[: len(dots.xy), 0])
    assert more.left.label == "velocity_km_per_s"


# Curves


@pytest.mark.parametrize("name", ["plane", "plane with a critic", "line"])
def test_curves_show_the_history(name):
    frame = frame_of(name)
    losses = VIEWS["losses"].draw(frame)
    for metric in ("generator_loss", "discriminator_loss"):
        series = frame.history[metric]
        curve, band = named(losses, metric), named(losses, f"{metric} range")
        assert np.array_equal(curve.x, series.steps)
        assert np.array_equal(curve.y, series.mean)
        assert np.array_equal(band.low, series.low)
        assert np.array_equal(band.high, series.high)
        assert curve.x[-1] == frame.step == 40
    divergences = VIEWS["divergences"].draw(frame)
    assert np.array_equal(named(divergences, "js").x, [0, 10, 20, 30, 40])
    assert named(divergences, "js").y[-1] == frame.metrics["js"]
    assert divergences.left.unit == "nats"
    distances = VIEWS["distances"].draw(frame)
    assert named(distances, "w1").y[-1] == frame.metrics["w1"]
    for curve in (layer for layer in divergences.layers if isinstance(layer, Line)):
        assert curve.label
    gradients = VIEWS["gradients"].draw(frame)
    assert (named(gradients, "generator_gradient_norm").y > 0).all()
    modes = VIEWS["modes"].draw(frame)
    assert named(modes, "modes").y[-1] == frame.metrics["modes"] <= modes.left.range[1]
    assert 0 <= named(VIEWS["fidelity"].draw(frame), "high_quality").y[-1] <= 1


def test_scores_of_a_discriminator_and_of_a_critic():
    scores = VIEWS["scores"].draw(frame_of("plane"))
    for metric in ("mean_real", "mean_fake"):
        assert 0 <= named(scores, metric).y.min() <= named(scores, metric).y.max() <= 1
    assert scores.left.range[0] <= 0
    assert scores.left.range[1] >= 1
    critic = frame_of("plane with a critic")
    scores = VIEWS["scores"].draw(critic)
    loss = critic.history["discriminator_loss"].mean
    # Both are sums of the same outputs in 32 bits, in another order.
    size = max(1e-3, np.abs(critic.surface.outputs).max())
    assert named(scores, "critic_w1").y == pytest.approx(-loss, rel=1e-5, abs=1e-6 * size)
    clipped = named(VIEWS["clipping"].draw(critic), "clip_fraction")
    assert 0 <= clipped.y.min() <= clipped.y.max() <= 1
    assert "critic" in named(VIEWS["losses"].draw(critic), "discriminator_loss").label


def test_a_change_of_objective_keeps_old_curves_apart():
    run = Run(Experiment.from_mapping(SMALL))
    run.advance(10)
    run.change("objective.kind", "wasserstein")
    run.advance(5)
    scores = VIEWS["scores"].draw(run.frame())
    assert np.array_equal(named(scores, "critic_w1").x, np.arange(11, 16))
    assert not any(layer.name == "mean_real" for layer in scores.layers)


def test_no_qt_is_needed():
    script = (
        "import sys, ganviz; from ganviz.plots import views_for; "
        "from ganviz.experiment import Experiment; experiment = Experiment.from_mapping({}); views_for(experiment); "
        "print([name for name in sys.modules if name.startswith(('PySide6', 'pyqtgraph', 'matplotlib'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
