"""The kinds of data: one class a kind, each with the fields that describe it.

Lengths are in the data's own units. A kind whose centre is a number is one-dimensional, one whose centre is a
pair is two-dimensional.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .parameter import array, integer, names, number, switch, text

LARGE = 1e6
MAX_POOL = 10_000_000


def _std(default: float, help: str) -> float:
    return number(default, "Standard deviation", help, low=0, high=1e3, symbol="σ", scale="log", usual=(1e-3, 3.0))


@dataclass(frozen=True)
class Data:
    """What every kind has."""

    kind: ClassVar[str]

    standardize: bool = switch(
        False,
        "Standardise",
        "Train on data shifted and scaled to mean 0 and standard deviation 1; shown in its own units all the same.",
        live=False,
    )
    size: int = integer(
        0,
        "Pool",
        "Samples in a fixed training set, visited in shuffled epochs; 0: drawn afresh for ever (from a file: any row).",
        low=0,
        high=MAX_POOL,
        symbol="N",
        scale="log",
        usual=(10, 100_000),
        live=False,
    )


@dataclass(frozen=True)
class Gaussian(Data):
    """A normal distribution; a pair as mean makes it two-dimensional."""

    kind: ClassVar[str] = "gaussian"

    mean: Any = array(0.0, "Mean", "Centre: a number (1-D) or a pair (2-D).", symbol="μ", low=-LARGE, high=LARGE)
    std: Any = array(
        1.0,
        "Standard deviation",
        "Spread: a number, or one for each axis.",
        symbol="σ",
        low=0,
        high=1e3,
        above=True,
    )


@dataclass(frozen=True)
class Mixture(Data):
    """A weighted sum of normal distributions, in one or two dimensions."""

    kind: ClassVar[str] = "mixture"

    means: Any = array(
        (-2.0, 2.0),
        "Means",
        "Centres of the modes: a list of numbers (1-D) or of pairs (2-D).",
        symbol="μ",
        low=-LARGE,
        high=LARGE,
    )
    stds: Any = array(
        0.5,
        "Standard deviations",
        "One for all modes, one for each, or one for each mode and axis.",
        symbol="σ",
        low=0,
        high=1e3,
        above=True,
    )
    weights: Any = array(
        1.0, "Weights", "Share of each mode, up to a common factor; a single number: equal shares.",
        symbol="w", low=0, high=1e6, above=True,
    )  # fmt: skip


@dataclass(frozen=True)
class Uniform(Data):
    """The uniform distribution on an interval."""

    kind: ClassVar[str] = "uniform"

    low: float = number(
        -1.0, "Lower end", "Left end of the interval.", low=-LARGE, high=LARGE, usual=(-5, 5), symbol="a"
    )
    high: float = number(
        1.0, "Upper end", "Right end of the interval.", low=-LARGE, high=LARGE, usual=(-5, 5), symbol="b"
    )


@dataclass(frozen=True)
class Laplace(Data):
    """The Laplace distribution: exponential tails on both sides."""

    kind: ClassVar[str] = "laplace"

    mean: float = number(0.0, "Mean", "Centre.", low=-LARGE, high=LARGE, usual=(-5, 5), symbol="μ")
    scale: float = number(
        1.0,
        "Scale",
        "Mean distance from the centre.",
        low=0,
        high=1e3,
        above=True,
        symbol="b",
        scale="log",
        usual=(0.01, 10),
    )


@dataclass(frozen=True)
class StudentT(Data):
    """Student's t distribution: tails that fall like a power."""

    kind: ClassVar[str] = "student-t"

    mean: float = number(0.0, "Location", "Centre.", low=-LARGE, high=LARGE, usual=(-5, 5), symbol="μ")
    scale: float = number(
        1.0, "Scale", "Width.", low=0, high=1e3, above=True, symbol="s", scale="log", usual=(0.01, 10)
    )
    dof: float = number(
        3.0, "Degrees of freedom", "Fewer make heavier tails; 1 is the Cauchy distribution.",
        low=0.5, high=1e3, symbol="ν", scale="log", usual=(0.5, 100),
    )  # fmt: skip


@dataclass(frozen=True)
class Exponential(Data):
    """The exponential distribution on the right of its start."""

    kind: ClassVar[str] = "exponential"

    low: float = number(0.0, "Start", "Left end of the support.", low=-LARGE, high=LARGE, usual=(-5, 5), symbol="a")
    scale: float = number(
        1.0,
        "Scale",
        "Mean distance from the start.",
        low=0,
        high=1e3,
        above=True,
        symbol="β",
        scale="log",
        usual=(0.01, 10),
    )


@dataclass(frozen=True)
class Diracs(Data):
    """Point masses on the line."""

    kind: ClassVar[str] = "diracs"

    means: Any = array((0.0,), "Positions", "Where the point masses are.", symbol="x", low=-LARGE, high=LARGE)
    weights: Any = array(
        1.0, "Weights", "Share of each point, up to a common factor; a single number: equal shares.",
        symbol="w", low=0, high=1e6, above=True,
    )  # fmt: skip


@dataclass(frozen=True)
class Disjoint(Data):
    """Two uniform pieces on the line, on both sides of a gap around the origin."""

    kind: ClassVar[str] = "disjoint"

    gap: float = number(
        2.0, "Gap", "Distance between the pieces.", low=0, high=1e3, symbol="g", scale="log", usual=(0.01, 10)
    )
    width: float = number(
        1.0, "Width", "Width of each piece.", low=0, high=1e3, above=True, symbol="w", scale="log", usual=(0.01, 10)
    )


@dataclass(frozen=True)
class Ring(Data):
    """Gaussians spread evenly on a ring; the first lies at angle 0 and none is counted twice."""

    kind: ClassVar[str] = "ring"

    modes: int = integer(8, "Modes", "Gaussians on the ring.", low=1, high=1000, usual=(1, 32), symbol="K")
    radius: float = number(
        1.0,
        "Radius",
        "Distance of the modes from the centre.",
        low=0,
        high=1e3,
        symbol="r",
        scale="log",
        usual=(0.01, 10),
    )
    std: float = _std(0.02, "Spread of each mode, on each axis.")


@dataclass(frozen=True)
class Grid(Data):
    """Gaussians on a square grid around the origin."""

    kind: ClassVar[str] = "grid"

    side: int = integer(
        5, "Modes a side", "The grid has this number squared of Gaussians.", low=1, high=30, usual=(1, 10)
    )
    spacing: float = number(
        2.0,
        "Spacing",
        "Distance between neighbours.",
        low=0,
        high=1e3,
        above=True,
        symbol="a",
        scale="log",
        usual=(0.01, 10),
    )
    std: float = _std(0.05, "Spread of each mode, on each axis.")


@dataclass(frozen=True)
class SwissRoll(Data):
    """Scikit-learn's swiss roll without its height: a spiral with noise, from the WGAN-GP toys."""

    kind: ClassVar[str] = "swiss-roll"

    scale: float = number(
        1.0 / 7.5, "Scale", "Factor on the coordinates; the roll itself is 14 wide.",
        low=0, high=1e3, above=True, scale="log", usual=(0.01, 10),
    )  # fmt: skip
    std: float = _std(0.25 / 7.5, "Noise on each axis.")


@dataclass(frozen=True)
class Moons(Data):
    """Two interleaved half circles of radius 1."""

    kind: ClassVar[str] = "moons"

    std: float = _std(0.05, "Noise on each axis.")


@dataclass(frozen=True)
class Spiral(Data):
    """Arms of an Archimedean spiral."""

    kind: ClassVar[str] = "spiral"

    arms: int = integer(2, "Arms", "Arms of the spiral.", low=1, high=12)
    turns: float = number(1.0, "Turns", "Turns of each arm.", low=0.05, high=5)
    radius: float = number(
        1.0,
        "Radius",
        "Distance of the outer ends from the centre.",
        low=0,
        high=1e3,
        above=True,
        scale="log",
        usual=(0.01, 10),
    )
    std: float = _std(0.02, "Noise on each axis.")


@dataclass(frozen=True)
class Circle(Data):
    """Points spread evenly on a circle."""

    kind: ClassVar[str] = "circle"

    radius: float = number(
        1.0, "Radius", "Radius of the circle.", low=0, high=1e3, above=True, scale="log", usual=(0.01, 10)
    )
    std: float = _std(0.02, "Noise on each axis.")


@dataclass(frozen=True)
class Checkerboard(Data):
    """The uniform distribution on the dark fields of a checkerboard around the origin."""

    kind: ClassVar[str] = "checkerboard"

    side: int = integer(
        4, "Fields a side", "Fields in each row; half of them carry data.", low=2, high=32, usual=(2, 12)
    )
    spacing: float = number(
        0.5,
        "Field",
        "Length of a field's side.",
        low=0,
        high=1e3,
        above=True,
        symbol="a",
        scale="log",
        usual=(0.01, 10),
    )


@dataclass(frozen=True)
class Pinwheel(Data):
    """Arms of a pinwheel (Johnson et al. 2016, "Composing graphical models with neural networks").

    A normal pair (x, y) of the two standard deviations is moved to (1 + x, y) and turned by the arm's own angle and
    by rate times exp(1 + x), as in the authors' code: (u, v) becomes (u cos t + v sin t, v cos t - u sin t).
    """

    kind: ClassVar[str] = "pinwheel"

    arms: int = integer(5, "Arms", "Arms of the pinwheel.", low=1, high=32, usual=(1, 12), symbol="K")
    radial_std: float = number(
        0.3, "Radial spread", "Standard deviation along an arm, whose middle is 1 from the centre.",
        low=0, high=10, symbol="σᵣ", scale="log", usual=(0.01, 1.0),
    )  # fmt: skip
    tangential_std: float = number(
        0.05, "Tangential spread", "Standard deviation across an arm.",
        low=0, high=10, symbol="σₜ", scale="log", usual=(1e-3, 1.0),
    )  # fmt: skip
    rate: float = number(0.25, "Rate", "How strongly the arms are wound; 0: straight.", low=-5, high=5, usual=(-1, 1))


@dataclass(frozen=True)
class Line(Data):
    """A vertical segment, as in example 1 of the WGAN paper."""

    kind: ClassVar[str] = "line"

    position: float = number(
        0.0,
        "Position",
        "Where the segment stands on the horizontal axis.",
        low=-LARGE,
        high=LARGE,
        usual=(-5, 5),
        symbol="θ",
    )
    length: float = number(
        1.0, "Length", "Length, from 0 upwards.", low=0, high=1e3, above=True, scale="log", usual=(0.01, 10)
    )
    std: float = _std(0.0, "Noise on each axis.")


@dataclass(frozen=True)
class File(Data):
    """Measurements from a file: one or two columns of numbers."""

    kind: ClassVar[str] = "file"

    path: str = text("", "File", "A .csv or .npy file; the shipped ones go by their bare name.", live=False)
    columns: tuple[str, ...] = names(
        (),
        "Columns",
        "One or two column names or numbers (from 1); empty: the file's only numeric ones.",
        live=False,
    )
    standardize: bool = switch(
        True,
        "Standardise",
        "Train on data shifted and scaled to mean 0 and standard deviation 1; shown in its own units all the same.",
        live=False,
    )


KINDS: dict[str, type[Data]] = {
    kind.kind: kind
    for kind in (
        Gaussian, Mixture, Uniform, Laplace, StudentT, Exponential, Diracs, Disjoint,
        Ring, Grid, SwissRoll, Moons, Spiral, Circle, Checkerboard, Pinwheel, Line, File,
    )
}  # fmt: skip

KINDS_TO_COME = ("drawing", "image")
