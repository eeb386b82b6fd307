"""The place in time and the marks in the views over steps, of frames whose numbers are known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from handmade import CRITIC, LINE, PLANE, handmade, named, names, series
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ganviz.export.plot import Plot
from ganviz.plots import VIEWS
from ganviz.plots.scene import Axis, Line, Rule, Scene, Segments
from ganviz.plots.theme import PAPER
from ganviz.run.frame import Mark

INF = np.inf
OVER_STEPS = [
    "losses", "scores", "gradients", "clipping", "divergences", "distances", "fidelity", "modes", "lipschitz",
]  # fmt: skip
MARKS = (
    Mark(20, "change", "Clip c 0.01 → 0.02"),
    Mark(20, "change", "Batch 64 → 128"),
    Mark(450, "change", "Batch 128 → 64"),
    Mark(60, "diagnosis", "mode collapse"),
    Mark(70, "bookmark", "here"),
    Mark(80, "branch", "other"),
)
HISTORY = {
    name: series([0, 100, 200, 300, 400, 500], [0.5, 0.4, 0.3, 0.2, 0.1, 0.05])
    for name in (
        "discriminator_loss", "generator_loss", "mean_real", "mean_fake", "discriminator_gradient_norm",
        "clip_fraction", "kl", "w1", "precision", "modes", "slope_grid", "critic_w1",
    )
}  # fmt: skip


def draw(view, setup=PLANE, **fields):
    return VIEWS[view].draw(handmade(setup, **{"history": HISTORY, "mode_count": 8, **fields}))


def rules(scene):
    return {layer.name: layer for layer in scene.layers if isinstance(layer, Rule)}


@pytest.mark.parametrize("view", OVER_STEPS)
@pytest.mark.parametrize("setup", [PLANE, {**LINE, **CRITIC}])
def test_a_past_frame_shows_its_place_in_the_whole_recording(view, setup):
    scene = draw(view, setup, end=500, marks=MARKS)
    found = rules(scene)
    assert set(found) == {"cursor", "change marks", "bookmark marks"}
    assert found["cursor"].x.tolist() == [100.0]
    assert found["cursor"].style == "solid"
    assert found["change marks"].x.tolist() == [20.0, 450.0]
    assert (found["change marks"].role, found["change marks"].style) == ("neutral", "dotted")
    assert found["bookmark marks"].x.tolist() == [70.0]
    assert all(found[name].opacity < found["cursor"].opacity for name in found if name != "cursor")
    assert scene.x.range == (0.0, 500.0)
    # Marks lie below the curves, the place in time above them; none is in the legend.
    order = names(scene)
    curves = [layer.name for layer in scene.layers if isinstance(layer, Line)]
    assert order.index("change marks") < min(map(order.index, curves))
    assert max(map(order.index, curves)) < order.index("cursor") == len(order) - 1
    assert not any(rule.label for rule in found.values())
    # Nothing of the recording is left out.
    assert max(layer.x.max() for layer in scene.layers if isinstance(layer, Line)) == 500


@pytest.mark.parametrize("view", OVER_STEPS)
@pytest.mark.parametrize("end", [-1, 100])
def test_a_live_frame_has_no_cursor_and_fits_its_axis(view, end):
    scene = draw(view, end=end, marks=MARKS)
    assert set(rules(scene)) == {"change marks", "bookmark marks"}
    # What is to come is not marked.
    assert rules(scene)["change marks"].x.tolist() == [20.0]
    assert scene.x == Axis("step")


def test_views_that_are_not_over_steps_have_no_rules():
    for setup in (LINE, PLANE):
        for name, view in VIEWS.items():
            if name not in OVER_STEPS and view.applies(handmade(setup).experiment):
                assert rules(view.draw(handmade(setup, end=500, marks=MARKS))) == {}, name


def test_an_unmeasured_view_still_says_so():
    scene = draw("divergences", history={}, end=500, marks=MARKS)
    assert "hint" in names(scene)


def test_what_is_the_same_at_every_step_reaches_the_end_of_the_recording():
    floor = named(draw("distances", floors={"w1": (0.0, 0.1)}, end=500), "w1 floor")
    assert floor.x.tolist() == [0.0, 500.0]
    one = named(draw("lipschitz", {**LINE, **CRITIC}, end=500), "one")
    assert one.x.tolist() == [0.0, 500.0]
    assert named(draw("lipschitz", {**LINE, **CRITIC}), "one").x.tolist() == [0.0, 100.0]


@given(step=st.integers(0, 500))
def test_an_error_stands_at_the_frames_own_step(step):
    history = {"w1": series([0, 100, 200, 300, 400, 500], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0])}
    scene = draw("distances", history=history, metrics={"w1_error": 0.5}, step=step, end=501)
    bar = named(scene, "w1 error")
    assert isinstance(bar, Segments)
    (at, low), (_, high) = bar.start[0], bar.end[0]
    # The nearest value that was measured.
    assert abs(at - step) <= 50
    assert (low, high) == (5.0 - at / 100 - 0.5, 5.0 - at / 100 + 0.5)


def test_infinite_now_means_at_the_frames_own_step():
    history = {"kl": series([0, 100, 200], [INF, INF, 1.0])}
    assert "infinite" in names(draw("divergences", history=history, step=90, end=200))
    assert "infinite" not in names(draw("divergences", history=history, step=190, end=200))
    assert "infinite" not in names(draw("divergences", history=history, step=200, end=200))


def test_the_past_is_before_the_end():
    frame = handmade(LINE, step=7)
    assert not frame.past
    assert [dataclasses.replace(frame, end=end).past for end in (6, 7, 8)] == [False, False, True]


# On paper


def plotted(*layers, x=None):
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    Plot(axes, Scene("test", "Title", x or Axis("x"), Axis("y"), layers), PAPER)
    return figure, axes


def test_rules_on_paper_span_the_height_and_widen_no_axis():
    line = Line("line", "real", x=np.array([0.0, 10.0]), y=np.array([0.0, 1.0]))
    rule = Rule("rule", "accent", x=np.array([5.0, 1000.0, np.nan]), width=2.0, style="dotted", opacity=0.5)
    _, bare = plotted(line)
    figure, axes = plotted(line, rule)
    assert axes.get_xlim() == bare.get_xlim()
    assert axes.get_ylim() == bare.get_ylim()
    (drawn,) = [found for found in axes.collections if isinstance(found, LineCollection)]
    ends = [drawn.get_transform().transform(segment) for segment in drawn.get_segments()]
    box = axes.get_window_extent()
    np.testing.assert_allclose([end[1] for end in ends[0]], [box.y0, box.y1])
    across = axes.transData.transform((5.0, 0.0))[0]
    np.testing.assert_allclose([end[0] for end in ends[0]], across)
    assert len(ends) == 2
    assert drawn.get_alpha() == 0.5
    figure.canvas.draw()


def test_a_past_view_is_drawn_on_paper(tmp_path: Path):
    from ganviz.export import draw as export

    scenes = [draw(view, end=500, marks=MARKS) for view in ("losses", "divergences")]
    live = [draw(view) for view in ("losses", "divergences")]
    for name, drawn in (("past.svg", scenes), ("live.svg", live)):
        export(drawn, tmp_path / name)
    past, now = ((tmp_path / name).read_text() for name in ("past.svg", "live.svg"))
    cursor, neutral = PAPER.roles["cursor"], PAPER.roles["neutral"]
    assert cursor in past
    assert cursor not in now
    assert past.count(neutral) > now.count(neutral)
