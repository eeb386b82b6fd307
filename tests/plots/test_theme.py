import itertools
from typing import get_args

import numpy as np
import pytest

from ganviz.plots.scene import Role
from ganviz.plots.theme import DARK, LIGHT, PAPER, THEMES, TINT, by_name, diverging, rgb

# Machado, Oliveira and Fernandes (2009), severity 1; they act on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colour: str) -> np.ndarray:
    share = np.array(rgb(colour)) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    ratio = SRGB_TO_XYZ @ light / WHITE
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def difference(one: str, other: str, vision: str) -> float:
    seen = [lab(np.clip(VISIONS[vision] @ linear(colour), 0, 1)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def contrast(one: str, other: str) -> float:
    dark, light = sorted(float(SRGB_TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def test_the_measures_themselves():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0, abs=1e-3)
    np.testing.assert_allclose(lab(linear("#ff0000")), [53.24, 80.09, 67.20], atol=0.02)
    # Red and green of equal lightness are hard to tell without medium cones, easy with them.
    assert difference("#a06000", "#708000", "deuteranopia") < 0.5 * difference("#a06000", "#708000", "normal")


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
@pytest.mark.parametrize("vision", VISIONS)
def test_players_stay_apart_in_every_vision(theme, vision):
    for one, other in itertools.combinations(("real", "fake", "average", "discriminator", "generator"), 2):
        assert difference(theme.roles[one], theme.roles[other], vision) >= 20, (one, other)
    # Arrows start at fakes of the generator itself, among those of its average.
    assert difference(theme.roles["average"], theme.roles["gradient"], vision) >= 20


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_text_is_readable(theme):
    for text in (theme.text, theme.muted):
        for ground in (theme.background, theme.surface):
            assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_role_has_a_colour_seen_on_the_plot(theme):
    assert set(theme.roles) == set(get_args(Role))
    for role, colour in theme.roles.items():
        assert difference(colour, theme.surface, "normal") > 40, role


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_image_colours_run_from_fake_over_the_ground_to_real(theme):
    table = diverging(theme)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    ground = np.array(rgb(theme.surface))
    for end, role in ((table[0], "fake"), (table[-1], "real")):
        np.testing.assert_allclose(end, ground + TINT * (np.array(rgb(theme.roles[role])) - ground), atol=1)
    assert np.abs(table[127].astype(int) - ground).max() <= 2
    # Points of each player stand out from the strongest tint, their own above all.
    for end in (table[0], table[-1]):
        tint = "#" + bytes(end).hex()
        for role in ("real", "fake", "average", "gradient"):
            assert difference(theme.roles[role], tint, "normal") >= 25, role


def test_lookup_by_name():
    assert by_name("dark") is DARK and by_name("light") is LIGHT and by_name("paper") is PAPER
    with pytest.raises(ValueError, match=r"'sepia'.*light, dark, paper"):
        by_name("sepia")
    assert DARK.dark and not LIGHT.dark and not PAPER.dark
