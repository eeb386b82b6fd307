"""Experiments that want to be trained side by side."""

import pytest

from ganviz.experiment import ExperimentError, lanes_of, load

BASE = 'title = "Two"\n[discriminator]\nclip = 0.01\n'


def written(tmp_path, text):
    path = tmp_path / "lanes.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_lane_changes_the_experiment(tmp_path):
    path = written(
        tmp_path, BASE + '[[lanes]]\nname = "a"\n[[lanes]]\nname = "b"\ndiscriminator.clip = 0.1\nseed = 3\n'
    )
    (first, one), (second, other) = lanes_of(path)
    assert (first, second) == ("a", "b")
    assert (one.discriminator.clip, one.seed) == (0.01, 0)
    assert (other.discriminator.clip, other.seed) == (0.1, 3)
    assert load(path) == one


def test_without_lanes_there_is_the_experiment_alone(tmp_path):
    path = written(tmp_path, BASE)
    assert lanes_of(path) == [("", load(path))]
    assert lanes_of("ring-wgan-clip") == [("", load("ring-wgan-clip"))]


def test_the_shipped_lanes_share_all_but_the_game():
    (_, gan), (_, wgan) = lanes_of("gan-beside-wgan")
    assert (gan.seed, gan.data, gan.noise, gan.generator) == (wgan.seed, wgan.data, wgan.noise, wgan.generator)
    assert (gan.objective.critic, wgan.objective.critic) == (False, True)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[[lanes]]\nname = "a"\n', "2 to 4 tables"),
        ("lanes = 3\n", "2 to 4 tables"),
        ('[[lanes]]\nname = "a"\n[[lanes]]\nname = "a"\n', 'name = "a" of lane 2'),
        ('[[lanes]]\nname = "a"\n[[lanes]]\nseed = 1\n', "of lane 2"),
        ('[[lanes]]\nname = "a"\n[[lanes]]\nname = "b"\nseed = -1\n', 'lane 2, "b": seed = -1'),
        ('[[lanes]]\nname = "a"\n[[lanes]]\nname = "b"\nsed = 1\n', "did you mean seed"),
    ],
)
def test_bad_lanes_are_a_sentence(tmp_path, text, word):
    path = written(tmp_path, text if text.startswith("lanes") else BASE + text)
    with pytest.raises(ExperimentError) as raised:
        lanes_of(path)
    sentence = str(raised.value)
    assert word in sentence
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
