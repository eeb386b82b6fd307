"""Which colour each role has, on a light screen, on a dark one and on paper.

Real, fake, the fakes of an averaged generator, discriminator and generator stay apart for people who lack one kind of
cone; the tests hold that with the matrices of Machado, Oliveira and Fernandes (2009).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ganviz.plots.scene import Role

# How much of a role's colour an image may take on: points of the same role must stay visible upon it.
TINT = 0.45


@dataclass(frozen=True)
class Theme:
    """The colours of one way to show a scene, each as ``#rrggbb``.

    Attributes
    ----------
    name : str
        Unique; painters compare themes by it.
    background : str
        Around the plots.
    surface : str
        Behind the data, and the neutral middle of images.
    text : str
        Titles and the labels of axes.
    muted : str
        The numbers beside axes, and what may stand back; readable as text.
    grid : str
        Lines of axes and grids.
    roles : mapping
        Colour of each role.
    """

    name: str
    background: str
    surface: str
    text: str
    muted: str
    grid: str
    roles: Mapping[Role, str]

    @property
    def dark(self) -> bool:
        """Whether light text stands on a dark ground."""
        return sum(rgb(self.background)) < sum(rgb(self.text))


LIGHT = Theme(
    name="light",
    background="#f4f6f9",
    surface="#ffffff",
    text="#1b2430",
    muted="#566272",
    grid="#c3cad4",
    roles=MappingProxyType(
        {
            "real": "#1668c7",
            "fake": "#f08a00",
            "average": "#5a1e3c",
            "discriminator": "#b3122e",
            "generator": "#3fae6e",
            "gradient": "#2a1458",
            "neutral": "#7f8a96",
            "accent": "#8f2a72",
            "cursor": "#1b2430",
        }
    ),
)

DARK = Theme(
    name="dark",
    background="#0f1318",
    surface="#161a21",
    text="#e8edf4",
    muted="#98a4b3",
    grid="#3d4754",
    roles=MappingProxyType(
        {
            "real": "#4da3ff",
            "fake": "#ffb03a",
            "average": "#884dff",
            "discriminator": "#ff4d5e",
            "generator": "#3fe0a4",
            "gradient": "#e9e2ff",
            "neutral": "#9aa6b5",
            "accent": "#d873b4",
            "cursor": "#e8edf4",
        }
    ),
)

PAPER = replace(LIGHT, name="paper", background="#ffffff", text="#000000", muted="#3a434e")

THEMES: Mapping[str, Theme] = MappingProxyType({theme.name: theme for theme in (LIGHT, DARK, PAPER)})


def by_name(name: str) -> Theme:
    """Look a theme up by its name."""
    try:
        return THEMES[name]
    except KeyError:
        raise ValueError(f"there is no theme {name!r}; there are {', '.join(THEMES)}") from None


def rgb(colour: str) -> tuple[int, int, int]:
    """Split ``#rrggbb`` into its three bytes."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def diverging(theme: Theme) -> NDArray[np.uint8]:
    """Make the colours of an image, (256, 3): from fake's tint over the plot's own ground to real's."""
    middle, fake, real = (
        np.asarray(rgb(colour), dtype=np.float64)
        for colour in (theme.surface, theme.roles["fake"], theme.roles["real"])
    )
    position = np.linspace(-1.0, 1.0, 256)[:, None]
    towards = np.where(position < 0, fake, real)
    return np.rint(middle + TINT * np.abs(position) * (towards - middle)).astype(np.uint8)
