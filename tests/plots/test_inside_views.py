"""Views of what goes on in the layers."""

import numpy as np
import pytest
from handmade import CRITIC, PLANE, handmade, named, names

from ganviz.engine.layers import LayerState
from ganviz.plots import VIEWS, Band, Line, Points, Segments

NAN = np.nan


def state(player, index, *, gradient=1.0, counts=(1, 4, 2), bound=0.0, activation="relu", dead=NAN, saturated=NAN):
    edges = np.linspace(-0.3, 0.3, len(counts) + 1)
    return LayerState(player, index, gradient, 1.0, edges, np.array(counts), bound, activation, dead, saturated)


LAYERS = (
    state("generator", 1, gradient=0.01, dead=0.25),
    state("generator", 2, gradient=0.1, activation="output"),
    state("discriminator", 1, gradient=3.0, bound=0.05, activation="tanh", saturated=0.5),
    state("discriminator", 2, gradient=2.0, bound=0.05, activation="tanh", saturated=0.0, counts=(0, 0, 9)),
    state("discriminator", 3, gradient=0.0, bound=0.05, activation="output"),
)


def draw(view, layers=LAYERS, setup=PLANE):
    return VIEWS[view].draw(handmade(setup, layers=layers))


def test_histograms_of_weights_stand_in_rows_the_first_layer_at_the_top():
    scene = draw("weights_discriminator", setup={**PLANE, **CRITIC})
    assert scene.title == "Weights of the critic"
    assert scene.left.ticks == ((2.0, "layer 1"), (1.0, "layer 2"), (0.0, "output"))
    for row, index in ((2, 1), (1, 2), (0, 3)):
        ridge = named(scene, f"layer {index}")
        assert isinstance(ridge, Band)
        assert set(ridge.low) == {row}
        counts = LAYERS[index + 1].counts
        # Heights in proportion to the counts, and none as high as its row.
        heights = (ridge.high - row)[1:-1:2]
        assert heights == pytest.approx(counts / counts.max() * heights.max())
        assert 0.5 < heights.max() < 1.0
        assert np.array_equal(ridge.x, np.repeat(LAYERS[index + 1].edges, 2))
    low, high = scene.x.range
    assert low < -0.3 and high > 0.3


def test_the_weights_of_minibatch_features_are_called_so():
    layers = (state("discriminator", 1), state("discriminator", 2, activation="features"))
    assert draw("weights_discriminator", layers).left.ticks == ((1.0, "layer 1"), (0.0, "features"))
    assert [name for _, name in draw("layer_gradients", layers).x.ticks] == ["1", "feat"]


def test_clip_bounds_are_upright_lines():
    scene = draw("weights_discriminator")
    bounds = [layer for layer in scene.layers if isinstance(layer, Line) and layer.role == "accent"]
    assert sorted(float(line.x[0]) for line in bounds) == [-0.05, 0.05]
    assert all(line.x[0] == line.x[1] and np.array_equal(line.y, [0, 3]) for line in bounds)
    assert [line.label for line in bounds if line.label] == ["clip ±0.05"]
    assert not any(layer.role == "accent" for layer in draw("weights_generator").layers)


def test_gradient_norms_of_both_players():
    scene = draw("layer_gradients")
    generator, discriminator = named(scene, "generator"), named(scene, "discriminator")
    assert isinstance(generator, Points)
    assert np.array_equal(generator.xy[:, 1], [0.01, 0.1])
    assert np.array_equal(discriminator.xy[:, 1], [3.0, 2.0, 0.0])
    assert (generator.role, discriminator.role) == ("generator", "discriminator")
    ticks = dict(scene.x.ticks)
    assert [ticks[x] for x in generator.xy[:, 0]] == ["1", "out"]
    assert [ticks[x] for x in discriminator.xy[:, 0]] == ["1", "2", "out"]
    assert generator.xy[:, 0].max() < discriminator.xy[:, 0].min()
    assert scene.left.scale == "log"
    low, high = scene.left.range
    assert low < 0.01 and high > 3.0
    assert np.log10([low, high]) == pytest.approx(np.round(np.log10([low, high])))
    # 0 has no place on the axis.
    assert named(scene, "vanished").text == "gradient 0 in 1 of 5"


def test_dead_and_saturated_units():
    scene = draw("units")
    dead, saturated = named(scene, "generator, dead"), named(scene, "discriminator, saturated")
    assert np.array_equal(dead.xy[:, 1], [0.25])
    assert np.array_equal(saturated.xy[:, 1], [0.5, 0.0])
    stems = named(scene, "discriminator, saturated stems")
    assert isinstance(stems, Segments)
    assert np.array_equal(stems.end, saturated.xy)
    assert np.array_equal(stems.start[:, 1], [0, 0])
    assert not {"generator, saturated", "discriminator, dead"} & set(names(scene))
    assert scene.left.range[0] <= 0 and scene.left.range[1] >= 1
    ticks = dict(scene.x.ticks)
    assert [ticks[x] for x in saturated.xy[:, 0]] == ["1", "2"]


def test_pictures_with_nothing_to_show_say_so():
    (hint,) = draw("units", (state("generator", 1, activation="linear"), state("discriminator", 1))).layers
    assert hint.text == "no layer can die or saturate"
    for view in ("weights_generator", "weights_discriminator", "layer_gradients", "units"):
        for layers in (None, ()):
            (hint,) = draw(view, layers).layers
            assert hint.text == "computing …"


@pytest.mark.parametrize("value", [np.inf, NAN, 0.0])
def test_numbers_that_are_none_can_be_drawn(value):
    layers = tuple(state(player, 1, gradient=value, counts=(0, 0, 0)) for player in ("generator", "discriminator"))
    for view in ("weights_generator", "layer_gradients", "units"):
        scene = draw(view, layers)
        for axis in (scene.x, scene.left):
            assert axis.range is None or np.isfinite(axis.range).all()
