"""Views of ensembles: median, band, single runs, floors, infinite values and how many seeds there are."""

import math

import numpy as np
import pytest

from ganviz.experiment import Experiment
from ganviz.export import draw
from ganviz.plots.ensemble import ENSEMBLE_VIEWS, ensemble_views_for
from ganviz.plots.scene import Band, Line, Segments, Strip, Text
from ganviz.run.ensemble import EnsembleResult

STEPS = np.arange(0, 50, 10)


def result(values, diverged=None, floors=None, kind="ring"):
    count = len(next(iter(values.values())))
    experiment = Experiment.from_mapping({"data.kind": kind})
    arrays = {name: np.asarray(rows, dtype=np.float64) for name, rows in values.items()}
    return EnsembleResult(experiment, tuple(range(count)), STEPS, arrays, diverged or {}, floors or {})


def layer(scene, name):
    return next(layer for layer in scene.layers if layer.name == name)


def drawn(view, *arguments, **fields):
    return ENSEMBLE_VIEWS[view].draw(result(*arguments, **fields))


@pytest.fixture
def w1():
    return np.random.default_rng(0).uniform(0.1, 1.0, (11, 5))


def test_median_and_band_are_those_of_the_seeds(w1):
    scene = drawn("ensemble_w1", {"w1": w1})
    ordered = np.sort(w1, axis=0)
    line, band = layer(scene, "w1 median"), layer(scene, "w1 band")
    assert isinstance(line, Line)
    assert isinstance(band, Band)
    # Of eleven seeds the second, the sixth and the tenth.
    assert np.allclose(band.low, ordered[1])
    assert np.allclose(line.y, ordered[5])
    assert np.allclose(band.high, ordered[9])
    assert np.array_equal(line.x, STEPS)
    assert scene.title == "W1, 11 seeds"
    assert (line.label, band.label) == ("W1, median", "10 % to 90 %")


def test_single_runs_lie_below_the_band_and_the_median(w1):
    scene = drawn("ensemble_w1", {"w1": w1}, floors={"w1": (0.01, 0.02)})
    order = [layer.name for layer in scene.layers]
    assert order == ["w1 floor", "w1 runs", "w1 band", "w1 median"]
    runs = layer(scene, "w1 runs")
    assert isinstance(runs, Segments)
    assert len(runs.start) == 11 * 4
    assert {(x, y) for x, y in runs.start} == {(x, y) for row in w1 for x, y in zip(STEPS[:-1], row[:-1], strict=True)}
    assert {(x, y) for x, y in runs.end} == {(x, y) for row in w1 for x, y in zip(STEPS[1:], row[1:], strict=True)}
    assert (layer(scene, "w1 floor").low[0], layer(scene, "w1 floor").high[0]) == (0.01, 0.02)


def test_a_diverged_run_ends_and_is_counted(w1):
    w1[3, 2:] = math.nan
    scene = drawn("ensemble_w1", {"w1": w1}, diverged={3: "Training diverged."})
    assert scene.title == "W1, 10 to 11 of 11 seeds, 1 diverged"
    assert len(layer(scene, "w1 runs").start) == 11 * 4 - 3
    assert layer(scene, "w1 median").y[4] == pytest.approx(np.median(np.delete(w1[:, 4], 3)))


def test_an_infinite_median_is_a_strip_and_the_line_has_a_gap():
    kl = np.tile([[math.inf, math.inf, 0.5, 0.4, 0.3]], (5, 1))
    kl[0] = 0.2
    kl[1, 4] = math.inf
    scene = drawn("ensemble_divergences", {"kl": kl})
    strip, line, band = layer(scene, "kl infinite"), layer(scene, "kl median"), layer(scene, "kl band")
    assert isinstance(strip, Strip)
    assert np.array_equal(strip.spans, [[0.0, 15.0]])
    assert np.array_equal(line.y, [math.nan, math.nan, 0.5, 0.4, 0.3], equal_nan=True)
    assert line.label == "KL, median, ∞ at the top"
    # As high as anything finite.
    assert band.high[4] == 0.5
    words = layer(scene, "infinite")
    assert isinstance(words, Text)
    assert words.text == "KL = ∞ for 1 of 5"


def test_a_single_exploding_run_does_not_flatten_the_others():
    rng = np.random.default_rng(1)
    loss = rng.normal(size=(20, 5))
    loss[4, 2] = 1e30
    scene = drawn("ensemble_losses", {"generator_loss": loss})
    low, high = scene.left.range
    assert -20 < low < np.quantile(loss, 0.1) < np.quantile(loss, 0.9) < high < 20
    calm = drawn("ensemble_losses", {"generator_loss": rng.normal(size=(20, 5))})
    assert calm.left.range is None


def test_nothing_measured_yet_is_said():
    scene = drawn("ensemble_w1", {"w1": np.full((2, 5), math.nan)})
    assert [layer.name for layer in scene.layers] == ["hint"]


def test_modes_are_shown_where_the_data_has_some():
    names = [view.name for view in ensemble_views_for(Experiment.from_mapping({"data.kind": "gaussian"}))]
    assert "ensemble_modes" not in names
    assert "ensemble_w1" in names
    assert len(ensemble_views_for(Experiment.from_mapping({"data.kind": "ring"}))) == len(names) + 2


def test_all_can_be_drawn_on_paper(w1, tmp_path):
    kl = w1.copy()
    kl[:8, 3:] = math.inf
    whole = {"w1": w1, "kl": kl, "js": w1 / 2, "generator_loss": -w1, "modes": np.round(8 * w1), "precision": w1}
    scenes = [view.draw(result(whole)) for view in ENSEMBLE_VIEWS.values()]
    draw(scenes, tmp_path / "all.svg")
    text = (tmp_path / "all.svg").read_text(encoding="utf-8")
    assert "11 seeds" in text
    assert "KL = ∞ for 8 of 11" in text
