"""Asking where a figure goes, and having the paper's painter draw it there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from ganviz.plots import Scene

FILTERS = {"SVG (*.svg)": ".svg", "PDF (*.pdf)": ".pdf", "PNG, 300 dpi (*.png)": ".png"}


def ask_for_figure(parent: QWidget, suggested: Path) -> Path | None:
    """Ask where a figure goes; None: nowhere."""
    name, chosen = QFileDialog.getSaveFileName(parent, "Export", str(suggested), ";;".join(FILTERS))
    if not name:
        return None
    path = Path(name)
    if path.suffix.lower() not in FILTERS.values():
        path = path.with_name(path.name + FILTERS.get(chosen, ".svg"))
    return path


def save_scenes(scenes: Sequence[Scene], path: Path) -> str:
    """Draw scenes into a file; return what went wrong as a sentence, or nothing."""
    from ganviz.export import draw

    try:
        draw(scenes, path)
    except (OSError, ValueError) as error:
        return " ".join(str(error).split())
    return ""
