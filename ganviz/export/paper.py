"""The paper's painter: scenes as a figure for a page, through Matplotlib and without a display.

Matplotlib is imported on the first use only, and its figures are made here one by one, so that nothing that
others set in ``pyplot`` shows and nothing of this stays behind.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import textwrap
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganviz.plots.scene import Scene
from ganviz.plots.theme import PAPER, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".svg", ".pdf", ".pgf", ".png")
MILLIMETRES = 25.4

# DejaVu Sans comes with Matplotlib: a figure has the same letters on every machine. Dollars stay dollars.
SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": 7.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 7.0,
    "legend.fontsize": 6.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": True,
    "lines.dash_capstyle": "butt",
    "path.simplify": True,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "ganviz",
    "pdf.fonttype": 42,
    "pgf.rcfonts": False,
}
METADATA: dict[str, dict[str, str | None]] = {
    ".svg": {"Date": None, "Creator": "ganviz"},
    ".pdf": {"CreationDate": None, "ModDate": None, "Creator": "ganviz"},
    ".png": {"Software": "ganviz"},
    ".pgf": {},
}
# Matplotlib's settings belong to the whole process.
_LOCK = threading.Lock()


def draw(
    scenes: Sequence[Scene],
    path: Path,
    *,
    size_mm: tuple[float, float] | None = None,
    dpi: int = 300,
    theme: Theme = PAPER,
    caption: str = "",
    ticket: str = "",
    columns: int = 0,
) -> None:
    """Draw scenes into a file whose suffix names the format.

    Parameters
    ----------
    scenes : sequence of Scene
        One fills the figure; of several the first stands large on the left.
    path : Path
        Ends in .svg, .pdf, .pgf or .png.
    size_mm : (float, float), optional
        Width and height of the figure; by default a journal's column, or its page for several scenes.
    dpi : int
        Dots per inch of a .png, and of images within the other formats.
    caption : str
        A sentence below everything.
    ticket : str
        What the file carries of the run that it shows; see ``ganviz.run.ticket``.
    columns : int
        Scenes of the same size in so many columns, row by row; 0: the first of several is larger.

    Raises
    ------
    ValueError
        The suffix or the size cannot be used.
    OSError
        The file cannot be written; whatever stood there before is untouched.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    size = _checked_size(scenes, path, size_mm, dpi, columns)
    try:
        # Beside its goal, so that it only needs to be renamed: a reader never sees half a file.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=suffix)
    except OSError as error:
        raise _sentence(error, path) from error
    os.close(handle)
    try:
        _write(scenes, name, size=size, dpi=dpi, theme=theme, caption=caption, ticket=ticket, columns=columns)
        os.chmod(name, 0o666 & ~_umask())  # noqa: PTH101
        Path(name).replace(path)
    except OSError as error:
        raise _sentence(error, path) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _checked_size(
    scenes: Sequence[Scene], path: Path, size_mm: tuple[float, float] | None, dpi: int, wanted: int
) -> tuple[float, float]:
    if path.suffix.lower() not in FORMATS:
        ending = f"{path.suffix!r} is no format of a figure" if path.suffix else "it has no ending"
        raise ValueError(f"cannot draw into {path.name}: {ending}; allowed are {', '.join(FORMATS)}")
    if path.suffix.lower() == ".pgf" and shutil.which("xelatex") is None:
        raise ValueError(f"cannot draw {path.name}: .pgf needs xelatex, which is not installed; use .pdf or .svg")
    if not scenes:
        raise ValueError("there is nothing to draw: no view was given")
    rows, columns = _grid(len(scenes), wanted)
    one = (85.0, 88.0) if scenes[0].equal else (85.0, 66.0)
    page = one if len(scenes) == 1 else (180.0, 180.0 / columns * rows * 0.9)
    width, height = size_mm if size_mm is not None else page
    if not all(20 <= side <= 2000 for side in (width, height)):
        raise ValueError(f"a figure of {width:g} x {height:g} mm cannot be drawn; allowed are 20 to 2000 mm a side")
    if not 30 <= dpi <= 2400:
        raise ValueError(f"{dpi} dots per inch cannot be drawn; allowed are 30 to 2400")
    return width / MILLIMETRES, height / MILLIMETRES


def _sentence(error: OSError, path: Path) -> OSError:
    reason = error.strerror or str(error)
    return OSError(error.errno, f"the figure could not be saved: {reason}", str(path))


def _umask() -> int:
    # A temporary file is private at first; the figure gets the rights of any new file.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _write(
    scenes: Sequence[Scene],
    name: str,
    *,
    size: tuple[float, float],
    dpi: int,
    theme: Theme,
    caption: str,
    ticket: str,
    columns: int,
) -> None:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ganviz.export.plot import Plot

    with _LOCK, mpl.rc_context(), warnings.catch_warnings():
        # A figure too small for its words is drawn all the same, as tightly as it goes.
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        # The person's own matplotlibrc must not change a figure.
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(SETTINGS)
        cell = size[0] * MILLIMETRES / _grid(len(scenes), columns)[1]
        scale = min(1.0, max(0.75, cell / 58)) if len(scenes) > 1 else 1.0
        settings.update({name: scale * SETTINGS[name] for name in SETTINGS if name.endswith("size")})
        figure = Figure(figsize=size, dpi=dpi, layout="constrained", facecolor=theme.background)
        FigureCanvasAgg(figure)
        drawn = [
            Plot(axes, scene, theme) for axes, scene in zip(_places(figure, len(scenes), columns), scenes, strict=True)
        ]
        if caption:
            characters = max(20, int(size[0] * 72 / (0.58 * SETTINGS["legend.fontsize"] * scale)))
            text = "\n".join(textwrap.wrap(caption, characters))
            figure.supxlabel(text, x=0.01, ha="left", fontsize=scale * SETTINGS["legend.fontsize"], color=theme.muted)
        # What fits where is known only when everything has its place: lay out, fit the words, lay out again.
        before: list[tuple[str, ...]] = []
        for _ in range(3):
            figure.draw_without_rendering()
            boxes = [axes.get_tightbbox() for axes in figure.axes]
            lefts = [box.x0 for box in boxes if box is not None] + [size[0] * dpi]
            now = [plot.fit_words(lefts) for plot in drawn]
            if now == before:
                break
            before = now
        suffix = Path(name).suffix
        figure.savefig(name, format=suffix[1:], dpi=dpi, metadata=_metadata(suffix, ticket) or None)
    if ticket and suffix == ".pgf":
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(as_comment(ticket))


def as_comment(ticket: str) -> str:
    """Write a ticket as a comment of TeX, which reads lines of limited length."""
    return "".join(f"% {line}\n" for line in textwrap.wrap(ticket, 100, break_on_hyphens=False))


def _metadata(suffix: str, ticket: str) -> dict[str, Any]:
    found: dict[str, Any] = dict(METADATA[suffix])
    if ticket:
        # Each format has a place of its own for words that are not seen.
        found |= {".png": {"ganviz": ticket}, ".svg": {"Keywords": [ticket]}, ".pdf": {"Keywords": ticket}}.get(
            suffix, {}
        )
    return found


def _grid(count: int, wanted: int) -> tuple[int, int]:
    """Rows and columns; where no number of these is wanted, the first of several scenes takes two of each."""
    if wanted:
        return math.ceil(count / wanted), wanted
    if count <= 2:
        return 1, count
    rows = 2 if count <= 5 else 3 if count <= 12 else math.ceil(math.sqrt(count + 3))
    return rows, max(3, math.ceil((count + 3) / rows))


def _places(figure: Figure, count: int, wanted: int) -> list[Axes]:
    rows, columns = _grid(count, wanted)
    grid = figure.add_gridspec(rows, columns)
    if wanted or count <= 2:
        return [figure.add_subplot(grid[place // columns, place % columns]) for place in range(count)]
    cells = [(row, column) for column in range(2, columns) for row in range(rows)]
    cells += [(row, column) for row in range(2, rows) for column in range(2)]
    places = [grid[0:2, 0:2], *(grid[row, column] for row, column in cells[: count - 1])]
    return [figure.add_subplot(place) for place in places]
