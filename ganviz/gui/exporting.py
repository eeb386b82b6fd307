"""Asking where a figure goes, and having the paper's painter draw it there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from ganviz.plots import Scene

FILTERS = {"SVG (*.svg)": ".svg", "PDF (*.pdf)": ".pdf", "PNG, 300 dpi (*.png)": ".png"}


def export_scenes(parent: QWidget, scenes: Sequence[Scene]) -> str:
    """Ask for a file and draw scenes into it; return what went wrong as a sentence, or nothing."""
    name, chosen = QFileDialog.getSaveFileName(parent, "Export", f"{scenes[0].view}.svg", ";;".join(FILTERS))
    if not name:
        return ""
    path = Path(name)
    if path.suffix.lower() not in FILTERS.values():
        path = path.with_name(path.name + FILTERS.get(chosen, ".svg"))
    return save_scenes(scenes, path)


def save_scenes(scenes: Sequence[Scene], path: Path) -> str:
    """Draw scenes into a file; return what went wrong as a sentence, or nothing."""
    from ganviz.export import draw

    try:
        draw(scenes, path)
    except (OSError, ValueError) as error:
        return " ".join(str(error).split())
    return ""
