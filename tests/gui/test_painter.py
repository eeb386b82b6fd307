import gc

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtWidgets import QApplication

from ganviz.gui.painter import PlotCanvas, fitted_range
from ganviz.plots.scene import (
    Arrows,
    Axis,
    Band,
    Histogram,
    Image,
    Line,
    Points,
    Scene,
    Segments,
    Strip,
    Text,
)
from ganviz.plots.theme import DARK, LIGHT, rgb


@pytest.fixture
def canvas(qtbot):
    widget = PlotCanvas()
    qtbot.addWidget(widget)
    widget.resize(640, 480)
    widget.show()
    QApplication.processEvents()
    return widget


def scene_of(*layers, x=None, left=None, right=None, equal=False, view="test", title="Title"):
    return Scene(view, title, x or Axis("x"), left or Axis("y", "nats"), tuple(layers), right, equal)


def everything(seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    grid = np.linspace(0, 1, 50)
    xy = rng.uniform(0, scale, (100, 2))
    return scene_of(
        Image("image", "discriminator", "D", values=rng.normal(size=(8, 6)), levels=(-1, 1)),
        Band("band", "neutral", "floor", x=grid, low=0 * grid, high=0 * grid + 0.1),
        Histogram("bars", "real", "real bars", edges=np.linspace(0, 1, 11), heights=xy[:10, 0]),
        Points("points", "fake", "fake <points>", xy=xy),
        Line("line", "generator", "loss", x=grid, y=rng.uniform(0, scale, 50), style="dashed"),
        Arrows("arrows", "gradient", "gradient", tail=xy, vector=0.1 * xy),
        Line("right", "discriminator", "D(x)", side="right", x=grid, y=100 * grid),
        Segments("pairs", "fake", "moves", start=xy, end=0.5 * xy),
        Strip("strip", "real", "KL = ∞", spans=np.array([[0.0, 0.2], [0.5, 0.5 + 0.1 * scale]])),
        Points("rings", "accent", "missing", xy=xy[:3], size=10.0, mark="missing"),
        Text("word", "accent", text="5 of 8 modes", at=(0.95, 0.95)),
        right=Axis("D(x)"),
    )  # fmt: skip


def items(canvas):
    return {name: drawn.item for name, (_, drawn) in canvas._drawn.items()}


def view_range(canvas):
    return np.array(canvas.getPlotItem().vb.viewRange())


def colours(canvas):
    QApplication.processEvents()
    image = canvas.grab().toImage()
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(0, image.height())}


def test_items_are_made_once(canvas):
    canvas.show_scene(everything(0))
    QApplication.processEvents()
    before, count = items(canvas), len(canvas.items())
    for seed in range(1, 51):
        canvas.show_scene(everything(seed, scale=1 + 0.2 * seed))
        QApplication.processEvents()
    assert len(before) == 11
    assert items(canvas) == before
    assert len(canvas.items()) == count
    gc.collect()
    curves = [thing for thing in gc.get_objects() if type(thing) is pg.PlotCurveItem]
    assert len(curves) == len([item for item in canvas.items() if type(item) is pg.PlotCurveItem])


def test_data_reach_the_items(canvas):
    canvas.show_scene(everything(3))
    shown = items(canvas)
    scene = canvas.shown
    by_name = {layer.name: layer for layer in scene.layers}
    x, y = shown["points"].getData()
    np.testing.assert_array_equal(np.stack([x, y], axis=1), by_name["points"].xy)
    np.testing.assert_array_equal(shown["line"].getData()[1], by_name["line"].y)
    np.testing.assert_array_equal(shown["bars"].getData()[1], by_name["bars"].heights)
    x, y = shown["arrows"].getData()
    np.testing.assert_allclose(np.stack([x, y], axis=1)[0::6], by_name["arrows"].tail)
    np.testing.assert_allclose(np.stack([x, y], axis=1)[1::6], 1.1 * by_name["arrows"].tail)
    x, y = shown["pairs"].getData()
    np.testing.assert_array_equal(np.stack([x, y], axis=1)[0::2], by_name["pairs"].start)
    np.testing.assert_array_equal(np.stack([x, y], axis=1)[1::2], by_name["pairs"].end)
    expected = np.clip((by_name["image"].values + 1) / 2 * 255, 0, 255)
    np.testing.assert_allclose(shown["image"].image, expected, atol=1.0)
    assert shown["image"].image.dtype == np.uint8
    assert shown["word"].text() == "5 of 8 modes"


def test_first_row_of_an_image_is_at_the_lower_edge(canvas):
    values = np.array([[-1.0, -1.0], [1.0, 1.0]])
    image = Image("image", "discriminator", values=values, extent=(0, 2, 0, 2), levels=(-1, 1))
    canvas.show_scene(scene_of(image, x=Axis("x", range=(0, 2)), left=Axis("y", range=(0, 2))))
    QApplication.processEvents()
    grabbed = canvas.grab().toImage()

    def colour_at(x, y):
        place = canvas.mapFromScene(canvas.getPlotItem().vb.mapViewToScene(QPointF(x, y)))
        ratio = grabbed.devicePixelRatio()
        return grabbed.pixelColor(int(place.x() * ratio), int(place.y() * ratio))

    low, high = colour_at(1, 0.2), colour_at(1, 1.8)
    assert low.red() > low.blue() and high.blue() > high.red()


def test_non_finite_data_are_left_out(canvas):
    bad = np.array([np.nan, 1.0, 2.0, np.inf, 4.0, 5.0, -np.inf, 1e300])
    x = np.arange(8.0)
    canvas.show_scene(
        scene_of(
            Line("line", "real", x=x, y=bad),
            Points("points", "fake", xy=np.stack([x, bad], axis=1)),
            Band("band", "neutral", x=x, low=bad, high=bad + 1),
            Histogram("bars", "real", edges=np.append(x, 8.0), heights=bad),
            Arrows("arrows", "gradient", tail=np.stack([x, bad], axis=1), vector=np.ones((8, 2))),
            Image("image", "discriminator", values=bad.reshape(2, 4), extent=(0, 7, 0, 5), levels=(0, 1)),
            Segments("pairs", "real", start=np.stack([x, bad], axis=1), end=np.stack([bad, x], axis=1)),
            Strip("strip", "real", spans=np.stack([bad, bad + 1], axis=1)),
        )
    )
    QApplication.processEvents()
    assert np.isfinite(view_range(canvas)).all()
    for name in ("line", "points", "bars", "arrows"):
        for data in items(canvas)[name].getData():
            assert np.isfinite(data).all()
    joined = items(canvas)["line"].opts["connect"]
    np.testing.assert_array_equal(items(canvas)["line"].getData()[0], [1, 2, 4, 5, 7])
    np.testing.assert_array_equal(joined, [True, False, True, False, False])


def test_segments_are_drawn_each_by_itself(canvas):
    start = np.array([[0.0, 0.2], [0.0, 0.8], [np.nan, 0.0], [0.5, np.inf]])
    end = np.array([[1.0, 0.2], [1.0, 0.8], [1.0, 1.0], [0.5, 0.5]])
    canvas.show_scene(
        scene_of(
            Segments("pairs", "discriminator", start=start, end=end, width=3.0, opacity=1.0),
            x=Axis("x", range=(0, 1)), left=Axis("y", range=(0, 1)),
        )
    )  # fmt: skip
    assert colour_in(canvas, 0.5, 0.2) == colour_in(canvas, 0.5, 0.8) == LIGHT.roles["discriminator"]
    # Nothing joins one with the next.
    assert colour_in(canvas, 0.5, 0.5) == LIGHT.surface
    for height in (0.4, 0.5, 0.6):
        assert colour_in(canvas, 0.05, height) == colour_in(canvas, 0.95, height) == LIGHT.surface
    assert len(items(canvas)["pairs"].getData()[0]) == 4


def colour_in(canvas, x, y):
    """Return the colour at a place in data coordinates, without the grid."""
    canvas._grid.hide()
    QApplication.processEvents()
    grabbed = canvas.grab().toImage()
    place = canvas.mapFromScene(canvas.getPlotItem().vb.mapViewToScene(QPointF(x, y)))
    ratio = grabbed.devicePixelRatio()
    return grabbed.pixelColor(int(place.x() * ratio), int(place.y() * ratio)).name()


def test_a_strip_lies_along_the_upper_edge_and_in_no_range(canvas):
    x = np.linspace(0, 100, 5)
    line = Line("line", "real", x=x, y=0.001 * x)
    spans = np.array([[0.0, 30.0], [60.0, 60.0], [np.nan, 80.0]])
    strip = Strip("strip", "accent", "KL = ∞", spans=spans)
    for range_given in (None, (0.0, 200.0)):
        canvas.show_scene(scene_of(line, strip, x=Axis("step", range=range_given)))
        low, high = view_range(canvas)[1]
        assert (low, high) == pytest.approx((0.0, 0.1))
        pixel = canvas.getPlotItem().vb.viewPixelSize()[1]
        just_below = high - 2 * pixel
        for place, there in ((1, True), (29, True), (60, True), (45, False), (75, False)):
            expected = LIGHT.roles["accent"] if there else LIGHT.surface
            assert colour_in(canvas, place, just_below) == expected, place
        assert colour_in(canvas, 15, 0.5 * high) == LIGHT.surface
    other = Strip("other", "real", spans=spans, row=1)
    canvas.show_scene(scene_of(line, strip, other, x=Axis("step", range=(0.0, 100.0))))
    look = canvas._looks["left"].unit
    assert colour_in(canvas, 20, high - 2 * pixel) == LIGHT.roles["accent"]
    assert colour_in(canvas, 20, high - (4.5 * look + 2) * pixel) == LIGHT.roles["real"]
    # It follows the view, and alone it still has the steps to stand on.
    canvas.getPlotItem().vb.setXRange(20.0, 40.0, padding=0)
    assert colour_in(canvas, 25, high - 2 * pixel) == LIGHT.roles["accent"]
    assert colour_in(canvas, 35, high - 2 * pixel) == LIGHT.surface
    canvas.fit()
    canvas.show_scene(scene_of(strip, view="another"))
    assert view_range(canvas)[0] == pytest.approx((0.0, 60.0))


def test_a_missing_mark_is_hollow(canvas):
    ring = Points("ring", "accent", xy=np.array([[0.5, 0.5]]), size=30.0, opacity=1.0, mark="missing")
    axes = {"x": Axis("x", range=(0, 1)), "left": Axis("y", range=(0, 1))}
    canvas.show_scene(scene_of(ring, **axes))
    across = canvas.getPlotItem().vb.viewPixelSize()[0]
    radius = 15 * canvas._looks["left"].unit * across
    assert colour_in(canvas, 0.5, 0.5) == LIGHT.roles["accent"]
    assert colour_in(canvas, 0.5 + 0.6 * radius, 0.5) == LIGHT.surface
    ringed = [colour_in(canvas, 0.5 + share * radius, 0.5) for share in np.linspace(0.9, 1.1, 15)]
    assert min(QColor(colour).lightness() for colour in ringed) < QColor(LIGHT.roles["accent"]).lightness() + 30
    canvas.show_scene(scene_of(Points("ring", "accent", xy=ring.xy, size=30.0, opacity=1.0), **axes))
    assert colour_in(canvas, 0.5 + 0.6 * radius, 0.5) == LIGHT.roles["accent"]


def test_names_stand_in_place_of_numbers(canvas):
    x = np.arange(3.0)
    axis = canvas.getPlotItem().getAxis("bottom")
    names = Axis("layers", range=(-0.5, 2.5), ticks=((0.0, "1"), (1.0, "2"), (2.0, "out"), (7.0, "far")))
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=x), x=names))
    QApplication.processEvents()
    assert axis.tickValues(-0.5, 2.5, 400) == [(1.0, [0.0, 1.0, 2.0])]
    assert axis.tickStrings([0.0, 1.0, 2.0, 1.5], 1.0, 1.0) == ["1", "2", "out", ""]
    # The grid follows, the other axis keeps its numbers.
    assert set(canvas._grid.getData()[0]) >= {0.0, 1.0, 2.0}
    assert canvas.getPlotItem().getAxis("left").tickStrings([1.0], 1.0, 1.0) == ["1"]
    before = canvas.grab().toImage()
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=x), x=Axis("layers", range=(-0.5, 2.5))))
    canvas.getPlotItem().vb.setRange(xRange=(-0.4, 2.4), padding=0, disableAutoRange=False)
    QApplication.processEvents()
    assert axis.tickStrings([0.0, 2.0], 1.0, 1.0) == ["0", "2"]
    assert canvas.grab().toImage() != before


def test_a_band_from_zero_reaches_the_end_of_a_logarithmic_axis(canvas):
    x = np.array([0.0, 100.0])
    floor = Band("floor", "discriminator", x=x, low=np.zeros(2), high=np.full(2, 0.1), opacity=1.0)
    line = Line("line", "real", x=x, y=np.array([0.01, 1.0]))
    canvas.show_scene(scene_of(floor, line, left=Axis("kl", scale="log"), x=Axis("step", range=(0, 100))))
    assert view_range(canvas)[1] == pytest.approx((-2, 0))
    assert colour_in(canvas, 90, -1.97) == colour_in(canvas, 90, -1.1) == LIGHT.roles["discriminator"]
    assert colour_in(canvas, 10, -0.9) == LIGHT.surface


def test_a_curve_that_leads_far_out_of_the_view_is_still_drawn(canvas):
    """Qt drops what is 10³⁰ heights of the view away, and the rest of the curve with it."""
    x = np.arange(100.0)
    y = np.where(x == 50, -3.6e34, np.where(x == 80, 4e31, 0.5))
    line, band = Line("line", "fake", x=x, y=y, width=3.0), Band("band", "real", x=x, low=y - 1, high=y - 0.7)
    canvas.show_scene(scene_of(band, line, x=Axis("x", range=(0, 99)), left=Axis("y", range=(-1, 1))))
    QApplication.processEvents()

    def role_at(place, height):
        grabbed = canvas.grab().toImage()
        point = canvas.mapFromScene(canvas.getPlotItem().vb.mapViewToScene(QPointF(place, height)))
        ratio = grabbed.devicePixelRatio()
        colour = grabbed.pixelColor(int(point.x() * ratio), int(point.y() * ratio))
        return "fake" if colour.red() > colour.blue() + 60 else "real" if colour.blue() > colour.red() + 20 else ""

    for place in (10, 30, 70, 95):
        assert role_at(place, 0.5) == "fake", place
        assert role_at(place, -0.35) == "real", place
        assert role_at(place, 0.0) == "", place
    assert role_at(49, -0.9) == "fake"
    assert role_at(79, 0.9) == "fake"
    shown = items(canvas)["line"].getData()[1]
    assert np.abs(shown).max() <= 2001
    # The person moves far out: it is cut off anew.
    canvas.getPlotItem().vb.setYRange(-1e6, 1e6)
    QApplication.processEvents()
    assert items(canvas)["line"].getData()[1].min() < -1e9
    canvas.show_scene(scene_of(Line("line", "fake", x=x, y=np.sin(x)), left=Axis("y", range=(-1, 1))))
    np.testing.assert_array_equal(items(canvas)["line"].getData()[1], np.sin(x))


def test_nothing_finite_and_nothing_at_all(canvas):
    nothing = np.full(4, np.nan)
    canvas.show_scene(scene_of(Line("line", "real", x=nothing, y=nothing), Points("none", "fake")))
    QApplication.processEvents()
    assert np.isfinite(view_range(canvas)).all()
    canvas.show_scene(
        scene_of(
            *(kind(kind.__name__, "real") for kind in (Line, Band, Histogram, Arrows, Image, Points, Segments, Strip))
        )
    )
    QApplication.processEvents()
    assert np.isfinite(view_range(canvas)).all()


def test_vanishing_layer_is_hidden_and_comes_back(canvas):
    x = np.linspace(0, 1, 5)
    line, other = Line("line", "real", x=x, y=x), Points("points", "fake", xy=np.stack([x, x], axis=1))
    canvas.show_scene(scene_of(line, other))
    item = items(canvas)["points"]
    canvas.show_scene(scene_of(line))
    assert not item.isVisible() and items(canvas)["line"].isVisible()
    canvas.show_scene(scene_of(line, other))
    assert item.isVisible() and items(canvas)["points"] is item


def test_a_layer_of_another_kind_replaces_the_item(canvas):
    x = np.linspace(0, 1, 5)
    canvas.show_scene(scene_of(Line("thing", "real", x=x, y=x)))
    old = items(canvas)["thing"]
    canvas.show_scene(scene_of(Points("thing", "real", xy=np.stack([x, x], axis=1))))
    assert isinstance(items(canvas)["thing"], pg.ScatterPlotItem)
    assert old.scene() is None


def test_fixed_ranges_are_kept_and_fitted_ones_change_rarely(canvas):
    changes = []
    canvas.getPlotItem().vb.sigRangeChanged.connect(lambda *_: changes.append(1))
    for step in range(1, 200):
        x = np.arange(step + 1.0)
        canvas.show_scene(
            scene_of(Line("line", "real", x=x, y=np.sin(x)), left=Axis("y", range=(-2, 3)))
        )  # fmt: skip
        low, high = view_range(canvas)[0]
        assert low <= 0 and step <= high <= 2.1 * step + 1
    assert len(changes) < 60
    np.testing.assert_allclose(view_range(canvas)[1], (-2, 3))


def test_a_changing_title_moves_nothing(canvas):
    x = np.linspace(0, 1, 5)
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=x), title="step 1"))
    before = view_range(canvas)
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=0.6 * x), title="step 2"))
    np.testing.assert_array_equal(view_range(canvas), before)


@pytest.mark.parametrize(
    ("low", "high", "current", "expected"),
    [
        (0.0, 0.93, None, (0.0, 0.95)),
        (0.0, 20000.0, None, (0.0, 20000.0)),
        (0.1, 0.9, (0.0, 1.0), (0.0, 1.0)),
        (0.0, 0.4, (0.0, 1.0), (0.0, 0.4)),
        (5.0, 5.0, None, (4.5, 5.5)),
        (0.0, 0.0, None, (-0.5, 0.5)),
    ],
)
def test_fitted_range(low, high, current, expected):
    np.testing.assert_allclose(fitted_range(low, high, current), expected, atol=1e-2)


@pytest.mark.parametrize("low", [-1e100, -1.0, 0.0, 1e-300, 1.0, 1e15])
@pytest.mark.parametrize("span", [0.0, 1e-300, 1e-9, 1.0, 1e99])
def test_fitted_range_holds_the_data_whatever_they_are(low, span):
    bottom, top = fitted_range(low, low + span, None)
    assert np.isfinite([bottom, top]).all() and bottom < top
    slack = 1e-8 * (span + abs(low))
    assert bottom <= low + slack and top >= low + span - slack


def wheel(canvas):
    middle = canvas.viewport().rect().center()
    event = QWheelEvent(
        QPointF(middle), QPointF(canvas.mapToGlobal(middle)), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas.viewport(), event)


@pytest.mark.parametrize("right", [None, Axis("D(x)", range=(0, 1))])
def test_the_persons_zoom_stays_until_a_double_click(canvas, qtbot, right):
    def scene(scale):
        x = np.linspace(0, scale, 9)
        return scene_of(Line("line", "real", x=x, y=x), Line("d", "discriminator", side="right", x=x, y=x), right=right)

    canvas.show_scene(scene(1.0))
    QApplication.processEvents()
    fitted = view_range(canvas)
    wheel(canvas)
    zoomed = view_range(canvas)
    assert canvas.held
    assert (np.ptp(zoomed, axis=1) < np.ptp(fitted, axis=1)).all()
    if right is not None:
        np.testing.assert_allclose(canvas._overlay.viewRange()[0], zoomed[0])
        np.testing.assert_allclose(canvas._overlay.viewRange()[1], (0, 1))
    canvas.show_scene(scene(50.0))
    np.testing.assert_array_equal(view_range(canvas), zoomed)
    centre = canvas.viewport().rect().center()
    for action in (qtbot.mouseClick, qtbot.mouseDClick, qtbot.mouseRelease):
        action(canvas.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    assert not canvas.held
    np.testing.assert_allclose(view_range(canvas)[0], (0, 50), atol=1)


def test_the_menu_and_the_button_release_the_view(canvas):
    x = np.linspace(0, 1, 9)
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=x)))
    for release in (canvas.getPlotItem().vb.menu.viewAll.trigger, canvas.getPlotItem().autoBtnClicked):
        wheel(canvas)
        assert canvas.held
        release()
        assert not canvas.held
        np.testing.assert_allclose(view_range(canvas)[0], (0, 1), atol=0.1)


def test_another_view_gets_its_own_range(canvas):
    x = np.linspace(0, 1, 9)
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=x)))
    wheel(canvas)
    canvas.show_scene(scene_of(Line("line", "real", x=100 * x, y=x), view="other"))
    assert not canvas.held
    np.testing.assert_allclose(view_range(canvas)[0], (0, 100), atol=5)


def test_log_axis_places_data_by_their_logarithms(canvas):
    x = np.arange(1.0, 6.0)
    y = np.array([0.01, 0.1, 0.0, -1.0, 100.0])
    axis = Axis("kl", "nats", scale="log")
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=y), left=axis))
    QApplication.processEvents()
    shown_x, shown_y = items(canvas)["line"].getData()
    np.testing.assert_allclose(shown_y, [-2, -1, 2])
    np.testing.assert_allclose(shown_x, [1, 2, 5])
    np.testing.assert_allclose(view_range(canvas)[1], (-2, 2))
    left = canvas.getPlotItem().getAxis("left")
    assert left.tickStrings([-2.0, np.log10(0.03), 0.0, 1.0], 1.0, 1.0) == ["10⁻²", "", "10⁰", "10¹"]
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=y), left=Axis("kl", scale="log", range=(0.1, 10))))
    np.testing.assert_allclose(view_range(canvas)[1], (-1, 1))
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=y)))
    np.testing.assert_allclose(items(canvas)["line"].getData()[1], y)
    assert not left.logMode


def test_right_axis_lies_over_the_plot_at_every_size(canvas):
    canvas.show_scene(everything())
    for size in ((640, 480), (300, 200), (1000, 700)):
        canvas.resize(*size)
        QApplication.processEvents()
        assert canvas._overlay.sceneBoundingRect() == canvas.getPlotItem().vb.sceneBoundingRect()
    assert canvas.getPlotItem().getAxis("right").isVisible()
    np.testing.assert_allclose(canvas._overlay.viewRange()[1], (0, 100), atol=6)
    assert LIGHT.roles["discriminator"] in canvas.getPlotItem().getAxis("right").labelString()
    canvas.show_scene(scene_of(Line("right", "discriminator", side="right", x=np.arange(3.0), y=np.arange(3.0))))
    assert not canvas.getPlotItem().getAxis("right").isVisible()
    np.testing.assert_allclose(view_range(canvas)[1], (0, 2), atol=0.2)


def test_equal_units(canvas):
    xy = np.array([[0.0, 0.0], [1.0, 3.0]])
    canvas.show_scene(scene_of(Points("points", "real", xy=xy), equal=True))
    QApplication.processEvents()
    across, up = canvas.getPlotItem().vb.viewPixelSize()
    assert across == pytest.approx(up, rel=1e-3)


def test_words_stand_around_the_plot(canvas):
    canvas.show_scene(everything())
    words = canvas._header._words.toPlainText().replace("\xa0", " ")
    for word in ("Title", "fake <points>", "real bars", "D(x)", "floor", "gradient", "loss"):
        assert word in words
    assert "y (nats)" in canvas.getPlotItem().getAxis("left").label.toPlainText()
    word = items(canvas)["word"]
    inside = canvas.getPlotItem().vb.sceneBoundingRect()
    assert inside.contains(word.sceneBoundingRect())


def test_a_low_plot_names_its_axis_by_the_unit(canvas, qtbot):
    """Which is never cut: at every height the label lies beside the plot."""
    axis = canvas.getPlotItem().getAxis("left")
    for height, title in ((480, "divergence (nats)"), (150, "nats"), (480, "divergence (nats)")):
        canvas.resize(640, height)
        canvas.show_scene(scene_of(everything().layers[1], left=Axis("divergence", "nats")))
        # On a display a size comes some time after it is asked for.
        qtbot.waitUntil(lambda title=title: axis.label.toPlainText().strip() == title)
        label = axis.label.mapRectToItem(axis, axis.label.boundingRect())
        # A text item has a margin that holds no letters.
        margin = axis.label.document().documentMargin()
        assert label.top() + margin >= 0
        assert label.bottom() - margin <= axis.height()


def test_a_long_legend_breaks_and_stays_in_the_widget(canvas):
    x = np.arange(3.0)
    lines = [Line(f"line{k}", "real", f"a rather long label number {k}", x=x, y=x) for k in range(8)]
    canvas.resize(330, 300)
    canvas.show_scene(scene_of(*lines))
    QApplication.processEvents()
    header = canvas._header._words.sceneBoundingRect()
    assert header.right() <= canvas.width() + 1
    assert canvas.getPlotItem().vb.sceneBoundingRect().top() >= header.bottom() - 1


def test_themes_colour_what_is_shown(canvas):
    canvas.show_scene(everything())
    canvas.set_theme(DARK)
    shown = colours(canvas)
    assert {DARK.background, DARK.surface} <= shown
    pen = items(canvas)["line"].opts["pen"]
    assert pen.color() == QColor(*rgb(DARK.roles["generator"]))
    canvas.set_theme(LIGHT)
    assert DARK.background not in colours(canvas)


def test_the_font_of_the_widget_is_the_font_of_the_plot(canvas):
    canvas.show_scene(everything())
    QApplication.processEvents()
    before = canvas._header._words.boundingRect().height()
    font = canvas.font()
    font.setPointSizeF(24)
    canvas.setFont(font)
    QApplication.processEvents()
    assert canvas._header._words.boundingRect().height() > before
    for side in ("left", "bottom", "right"):
        assert canvas.getPlotItem().getAxis(side).label.font().pointSizeF() == 24


def test_long_curves_are_thinned_but_keep_their_extremes(canvas):
    x = np.arange(100_000.0)
    y = np.sin(x / 900)
    y[54_321], y[7_777] = 40.0, -30.0
    canvas.show_scene(scene_of(Line("line", "real", x=x, y=y)))
    shown_x, shown_y = items(canvas)["line"].getData()
    assert len(shown_x) < 5_000
    assert shown_y.max() == 40.0 and shown_y.min() == -30.0
    assert shown_x[0] == 0 and shown_x[-1] == 99_999


def test_a_scene_may_come_before_the_window(qtbot):
    widget = PlotCanvas(theme=DARK)
    qtbot.addWidget(widget)
    widget.show_scene(everything())
    widget.resize(500, 400)
    widget.show()
    QApplication.processEvents()
    assert np.isfinite(view_range(widget)).all()
    assert widget._overlay.sceneBoundingRect() == widget.getPlotItem().vb.sceneBoundingRect()


def test_a_plot_whose_header_once_needed_more_fills_its_widget_again(qtbot):
    widget = PlotCanvas()
    qtbot.addWidget(widget)
    # So narrow that every word has a line of its own.
    widget.resize(60, 60)
    widget.show_scene(scene_of(title="A title of quite some words that break into many more lines"))
    widget.show()
    QApplication.processEvents()
    assert widget.getPlotItem().size().height() > 200
    widget.resize(640, 150)
    QApplication.processEvents()
    assert widget.getPlotItem().size().height() == pytest.approx(widget.viewport().height(), abs=1)
