import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ganviz.export import paper
from ganviz.export.paper import draw
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
from ganviz.plots.theme import DARK

BAD = np.array([np.nan, 1.0, 2.0, np.inf, 4.0, 5.0, -np.inf, 1e300])
LABELS = ("surface", "noise floor", "real bars", "fake dots", "loss < 1 & $x$", "gradient", "D(x)", "moves",
          "KL = ∞", "missing mode")  # fmt: skip


def everything(x=None, left=None):
    rng = np.random.default_rng(0)
    grid = np.linspace(0.1, 1, 50)
    xy = rng.uniform(0.1, 1, (30, 2))
    layers = (
        Image("image", "discriminator", "surface", values=rng.normal(size=(8, 6)), levels=(-1, 1)),
        Band("band", "neutral", "noise floor", x=grid, low=0 * grid, high=0 * grid + 0.2),
        Histogram("bars", "real", "real bars", edges=np.linspace(0.1, 1, 11), heights=rng.uniform(0, 1, 10)),
        Points("points", "fake", "fake dots", xy=xy),
        Line("line", "generator", "loss < 1 & $x$", x=grid, y=grid**2, style="dashed"),
        Arrows("arrows", "gradient", "gradient", tail=xy, vector=0.1 * xy),
        Line("right", "discriminator", "D(x)", side="right", x=grid, y=100 * grid),
        Segments("pairs", "fake", "moves", start=xy, end=0.5 * xy),
        Strip("strip", "real", "KL = ∞", spans=np.array([[0.2, 0.4], [0.7, 0.7]])),
        Points("rings", "accent", "missing mode", xy=xy[:3], size=10.0, mark="missing"),
        Text("word", "accent", text="5 of 8 modes", at=(0.95, 0.95)),
    )
    left = left or Axis("divergence", "nats")
    return Scene("all", "A title", x or Axis("position x₁"), left, layers, right=Axis("D(x)"))


def non_finite(scale="linear"):
    x = np.arange(8.0)
    layers = (
        Line("line", "real", "line", x=x, y=BAD),
        Points("points", "fake", "points", xy=np.stack([x, BAD], axis=1)),
        Band("band", "neutral", "band", x=x, low=BAD, high=BAD + 1),
        Histogram("bars", "real", "bars", edges=np.append(x, 8.0), heights=BAD),
        Arrows("arrows", "gradient", "arrows", tail=np.stack([x, BAD], axis=1), vector=np.ones((8, 2))),
        Image("image", "discriminator", values=BAD.reshape(2, 4), extent=(0, 7, 0.1, 5)),
        Segments("pairs", "real", "pairs", start=np.stack([x, BAD], axis=1), end=np.stack([BAD, x], axis=1)),
        Strip("strip", "real", "strip", spans=np.stack([BAD, BAD + 1], axis=1)),
    )
    return Scene("bad", "Bad", Axis("x"), Axis("y", scale=scale), layers)


def words_of(svg: Path) -> str:
    tree = ElementTree.parse(svg)
    return "\n".join("".join(each.itertext()) for each in tree.iter("{http://www.w3.org/2000/svg}text"))


def size_of(png: Path) -> tuple[int, int]:
    head = png.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def test_svg_holds_every_word_as_text(tmp_path):
    goal = tmp_path / "figure.svg"
    draw([everything()], goal, caption="A caption that says where this comes from.")
    words = words_of(goal)
    for word in (
        *LABELS,
        "A title",
        "position x₁",
        "divergence (nats)",
        "5 of 8 modes",
        "A caption that says",
    ):
        assert word in words
    text = goal.read_text(encoding="utf-8")
    assert "sans-serif" in text
    assert "<dc:date>" not in text


def test_the_same_figure_is_the_same_file(tmp_path):
    for suffix in ("svg", "pdf", "png"):
        one, other = tmp_path / f"one.{suffix}", tmp_path / f"other.{suffix}"
        draw([everything()], one)
        draw([everything()], other)
        assert one.read_bytes() == other.read_bytes()


def test_pdf_embeds_its_letters(tmp_path):
    goal = tmp_path / "figure.PDF"
    draw([everything()], goal)
    content = goal.read_bytes()
    assert content.startswith(b"%PDF") and content.rstrip().endswith(b"%%EOF")
    assert b"/FontFile2" in content and b"/Type3" not in content


@pytest.mark.parametrize(("size", "dpi"), [((85.0, 60.0), 300), ((120.0, 80.0), 100)])
def test_png_has_the_size_that_was_asked_for(tmp_path, size, dpi):
    goal = tmp_path / "figure.png"
    draw([everything()], goal, size_mm=size, dpi=dpi)
    expected = [side / 25.4 * dpi for side in size]
    np.testing.assert_allclose(size_of(goal), expected, atol=1)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 13])
def test_several_scenes_stand_in_a_grid(tmp_path, count):
    goal = tmp_path / "figure.svg"
    scenes = [replace(everything(), title=f"View {k}") for k in range(count)]
    draw(scenes, goal, theme=DARK)
    words = words_of(goal)
    assert all(f"View {k}" in words for k in range(count))


def test_the_first_of_several_is_the_largest():
    from matplotlib.figure import Figure

    places = paper._places(Figure(), 5, 0)
    areas = [place.get_position().width * place.get_position().height for place in places]
    assert areas[0] > 3 * max(areas[1:])
    assert all(place.get_position().x0 > places[0].get_position().x1 for place in places[1:])


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_what_is_not_finite_makes_no_warning(tmp_path, suffix, scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw([non_finite(scale)], tmp_path / f"figure.{suffix}")
        empty = Scene("empty", "Empty", Axis("x", scale=scale), Axis("y", scale=scale), ())
        nothing = np.full(3, np.nan)
        only = replace(empty, layers=(Line("line", "real", x=nothing, y=nothing), Points("points", "fake")))
        none = replace(
            empty, layers=tuple(kind("k", "real") for kind in (Line, Band, Histogram, Arrows, Image, Segments, Strip))
        )
        draw([empty, only, none], tmp_path / f"empty.{suffix}")


def test_gaps_stay_gaps_and_images_stand_upright():
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from ganviz.export.plot import Plot

    with mpl.rc_context(paper.SETTINGS):
        axes = Figure().add_subplot()
        Plot(axes, non_finite(), paper.PAPER)
        line, points = axes.lines[:2]
        assert np.isnan(line.get_ydata()[[0, 3, 6]]).all() and np.isfinite(line.get_ydata()[[1, 2, 4, 5]]).all()
        assert len(points.get_xdata()) == 5
        assert axes.images[0].origin == "lower"
        assert axes.images[0].get_extent() == [0, 7, 0.1, 5]
        assert (axes.images[0].norm.vmin, axes.images[0].norm.vmax) == (0.0, 1.0)


def test_a_curve_that_leads_far_out_of_the_picture_is_cut_off(tmp_path):
    x = np.arange(20.0)
    y = np.where(x == 10, -3.6e34, np.where(x == 15, 4e31, np.sin(x)))
    layers = (Band("band", "real", x=x, low=y - 1, high=y + 1), Line("line", "fake", x=x, y=y))
    goal = tmp_path / "figure.svg"
    draw([Scene("losses", "Losses", Axis("step"), Axis("loss", range=(-2.0, 2.0)), layers)], goal)
    paths = [path.get("d", "") for path in ElementTree.parse(goal).iter("{http://www.w3.org/2000/svg}path")]
    numbers = [[float(number) for number in re.findall(r"-?[0-9.]+(?:e[+-]?[0-9]+)?", path)] for path in paths]
    assert max(map(len, numbers)) >= 40
    assert max(abs(number) for path in numbers for number in path) < 1e7


def plot_of(scene):
    """Return the axes of a drawn scene, and what is seen at places of theirs, as colours."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ganviz.export.plot import Plot

    with mpl.rc_context(paper.SETTINGS):
        figure = Figure(figsize=(4, 3), dpi=100)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        Plot(axes, scene, paper.PAPER)
        axes.grid(False)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())

    def colour(x, y, above=0.0):
        column, row = axes.transData.transform((x, y))
        return "#" + bytes(pixels[len(pixels) - 1 - int(row + above), int(column), :3]).hex()

    return axes, colour


ROLES = paper.PAPER.roles


def test_segments_are_drawn_each_by_itself():
    start, end = np.array([[0.0, 0.2], [0.0, 0.8], [np.nan, 0]]), np.array([[1.0, 0.2], [1.0, 0.8], [1, 1]])
    pairs = Segments("pairs", "discriminator", start=start, end=end, width=3.0, opacity=1.0)
    axes, colour = plot_of(Scene("v", "t", Axis("x"), Axis("y"), (pairs,)))
    assert colour(0.5, 0.2) == colour(0.5, 0.8) == ROLES["discriminator"]
    assert colour(0.05, 0.5) == colour(0.5, 0.5) == colour(0.95, 0.5) == "#ffffff"
    # The axes are fitted to them.
    assert axes.get_xlim()[0] <= 0 and axes.get_xlim()[1] >= 1
    assert axes.get_ylim()[0] < 0.2 and 0.8 < axes.get_ylim()[1] < 1


def test_a_missing_mark_is_hollow():
    middle = np.array([[0.5, 0.5]])
    places = []
    for mark in ("missing", "dot"):
        ring = Points("ring", "accent", xy=middle, size=40.0, opacity=1.0, mark=mark)
        axes, colour = plot_of(Scene("v", "t", Axis("x", range=(0, 1)), Axis("y", range=(0, 1)), (ring,)))
        radius = 20 / 72 * 100 / axes.get_window_extent().width
        places.append([colour(0.5 + share * radius, 0.5) != "#ffffff" for share in (0.0, 0.6)])
    # A cross in the middle, nothing between it and the ring.
    assert places == [[True, False], [True, True]]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_strip_lies_along_the_upper_edge_and_in_no_range(scale):
    x = np.linspace(0, 100, 5)
    line = Line("line", "real", x=x, y=0.02 + 0.001 * x)
    strip = Strip("strip", "accent", "KL = ∞", spans=np.array([[0.0, 30.0], [60.0, 60.0]]))
    other = Strip("other", "real", "", spans=np.array([[0.0, 30.0]]), row=1)
    axes, colour = plot_of(Scene("v", "t", Axis("step"), Axis("kl", scale=scale), (line, strip, other)))
    low, high = axes.get_ylim()
    assert 0.01 < low <= 0.02 and 0.12 <= high < 0.2
    for place, there in ((1, True), (29, True), (60, True), (45, False), (75, False)):
        assert (colour(place, high, -2) == ROLES["accent"]) == there, place
    assert colour(20, high, -8) == ROLES["real"]
    alone, _ = plot_of(Scene("v", "t", Axis("step"), Axis("kl"), (strip,)))
    assert alone.get_xlim()[0] <= 0 and 60 <= alone.get_xlim()[1] < 70


def test_a_band_from_zero_reaches_the_end_of_a_logarithmic_axis():
    x = np.array([0.0, 100.0])
    floor = Band("floor", "discriminator", x=x, low=np.array([0.0, -1.0]), high=np.full(2, 0.1), opacity=1.0)
    line = Line("line", "real", x=x, y=np.array([0.01, 1.0]))
    axes, colour = plot_of(Scene("v", "t", Axis("step"), Axis("kl", scale="log"), (floor, line)))
    low, high = axes.get_ylim()
    assert 0.005 < low <= 0.01 and 1.0 <= high < 2
    assert colour(90, 1.1 * low) == colour(90, 0.09) == ROLES["discriminator"]
    assert colour(20, 0.15) == "#ffffff"
    # Where only a part is that deep the others keep their lower ends.
    part = replace(floor, x=np.arange(4.0) * 100 / 3, low=np.array([0.05, 0.05, 0.0, 0.0]), high=np.full(4, 0.1))
    _, colour = plot_of(Scene("v", "t", Axis("step"), Axis("kl", scale="log"), (part, line)))
    assert colour(15, 0.03) == "#ffffff" and colour(15, 0.08) == colour(90, 0.02) == ROLES["discriminator"]


def test_names_stand_in_place_of_numbers(tmp_path):
    goal = tmp_path / "figure.svg"
    names = ((0.0, "fake"), (1.0, "real"))
    x = np.arange(3.0)
    left, across = Axis("samples", range=(-0.5, 1.5), ticks=names), Axis("layers", ticks=((0.0, "one"), (2.0, "out")))
    draw([Scene("v", "t", across, left, (Line("line", "real", x=x, y=x / 2),))], goal)
    words = words_of(goal).splitlines()
    assert {"fake", "real", "one", "out"} <= set(words)
    assert not {"0.0", "0.5", "1.0", "1", "2"} & set(words)


def test_log_and_fixed_axes(tmp_path):
    goal = tmp_path / "figure.svg"
    draw([everything(left=Axis("divergence", scale="log", range=(1e-3, 10)))], goal)
    words = words_of(goal).splitlines()
    assert {"10⁻³", "10⁻¹", "10⁰"} <= set(words)
    draw([everything(x=Axis("x", scale="log", range=(-1, 2)), left=Axis("y", range=(np.nan, 1)))], goal)


def test_words_stay_inside_the_figure(tmp_path):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    long = "a very long label that goes on and on, about the generator and the discriminator"
    scene = everything(x=Axis(long), left=Axis(long))
    longer = tuple(replace(layer, label=f"{layer.label}, {long}") for layer in scene.layers[:3])
    scene = replace(scene, title=long, layers=longer + scene.layers[3:])
    figures = []
    original = FigureCanvasAgg.__init__

    def spy(self, figure=None):
        figures.append(figure)
        original(self, figure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "__init__", spy)
        draw([scene], tmp_path / "figure.png", size_mm=(85, 120), dpi=100, caption=long * 3)
    figure = figures[0]
    box = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert box.x0 >= -1 and box.y0 >= -1
    assert box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.svgz"])
def test_another_format_is_named_with_those_allowed(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.svg, \.pdf, \.pgf, \.png"):
        draw([everything()], tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [{"size_mm": (0, 60)}, {"size_mm": (1e9, 60)}, {"dpi": 0}])
def test_senseless_sizes_are_refused(tmp_path, arguments):
    with pytest.raises(ValueError, match="allowed are"):
        draw([everything()], tmp_path / "figure.png", **arguments)
    with pytest.raises(ValueError, match="nothing to draw"):
        draw([], tmp_path / "figure.png")


def test_pgf_draws_or_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="xelatex"):
        draw([everything()], tmp_path / "figure.pgf")


def test_a_missing_folder_is_a_sentence(tmp_path):
    with pytest.raises(OSError, match="could not be saved: No such file"):
        draw([everything()], tmp_path / "nowhere" / "figure.svg")


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_an_error_leaves_no_half_file_and_the_old_one(tmp_path, monkeypatch, suffix):
    from matplotlib.figure import Figure

    goal = tmp_path / f"figure.{suffix}"
    goal.write_text("old")

    def full(self, name, **_):
        Path(name).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="could not be saved: No space left"):
        draw([everything()], goal)
    assert [each.name for each in tmp_path.iterdir()] == [goal.name]
    assert goal.read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="rights are another matter on Windows")
def test_the_figure_has_the_rights_of_any_new_file(tmp_path):
    draw([everything()], tmp_path / "figure.svg")
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "figure.svg").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_settings_of_others_neither_show_nor_change(tmp_path):
    import matplotlib as mpl

    draw([everything()], tmp_path / "one.svg")
    with mpl.rc_context({"font.size": 31.0, "axes.facecolor": "red", "lines.linewidth": 9}):
        before = dict(mpl.rcParams)
        draw([everything()], tmp_path / "other.svg")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_neither_qt_nor_pyplot_is_loaded_and_matplotlib_late(tmp_path):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "import ganviz.export.paper as paper\n"
        "from ganviz.plots.scene import Axis, Scene\n"
        "assert 'matplotlib' not in sys.modules\n"
        "paper.draw([Scene('v', 't', Axis('x'), Axis('y'), ())], Path(sys.argv[1]))\n"
        "unwanted = ('PySide', 'PyQt', 'pyqtgraph', 'matplotlib.pyplot')\n"
        "print([name for name in sys.modules if name.startswith(unwanted)])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "figure.svg")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
