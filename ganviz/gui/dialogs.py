"""What the window asks and explains: columns of a file, where a figure goes, why something was not done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from ganviz.experiment import ColumnsNeeded
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


def choose_columns(parent: QWidget, needed: ColumnsNeeded) -> tuple[str, ...] | None:
    """Ask for one or two columns of a file; None: neither."""
    first, given = QInputDialog.getItem(
        parent, "Columns", "First column (or the only one):", list(needed.columns), 0, editable=False
    )
    if not given:
        return None
    others = ["none: train in one dimension", *(name for name in needed.columns if name != first)]
    second, given = QInputDialog.getItem(parent, "Columns", "Second column:", others, 1, editable=False)
    if not given:
        return None
    return (first,) if second == others[0] else (first, second)


def explain(parent: QWidget, sentence: str, hint: str = "") -> None:
    """Show why something was not done, and a hint below; what runs behind goes on."""
    box = QMessageBox(QMessageBox.Icon.Warning, "ganviz", sentence, QMessageBox.StandardButton.Ok, parent)
    box.setInformativeText(hint)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setWindowModality(Qt.WindowModality.WindowModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
