"""What the window asks and explains: columns of a file, where things go, what may be lost, why it did not do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from ganviz.experiment import ColumnsNeeded
from ganviz.experiment.files import SESSION
from ganviz.plots import Scene
from ganviz.run import Frame

Answer = Literal["save", "discard", "cancel"]
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


def save_scenes(scenes: Sequence[Scene], path: Path, frame: Frame | None = None, columns: int = 0) -> str:
    """Draw scenes; the file carries the state of a frame. Return what went wrong as a sentence, or nothing."""
    from ganviz.export import draw
    from ganviz.run.ticket import ticket_of, to_token

    try:
        ticket = to_token(ticket_of(frame)) if frame is not None and frame.logged is not None else ""
        draw(scenes, path, ticket=ticket, columns=columns)
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


def ask_to_save(parent: QWidget, what: str) -> Answer:
    """Ask what is to become of unsaved work.

    Parameters
    ----------
    what : str
        What it is, as the end of a question: ``the session "Eight Gaussians"``.
    """
    button = QMessageBox.StandardButton
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("ganviz")
    # Names come out of files.
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(f"Save {what}?")
    box.setInformativeText("What is not saved is lost.")
    box.setStandardButtons(button.Save | button.Discard | button.Cancel)
    box.setDefaultButton(button.Save)
    box.setEscapeButton(button.Cancel)
    chosen = box.exec()
    box.deleteLater()
    return "save" if chosen == button.Save else "discard" if chosen == button.Discard else "cancel"


def ask_to_overwrite(parent: QWidget, path: Path, why: str = "is there already") -> bool:
    """Ask whether a file may be overwritten."""
    button = QMessageBox.StandardButton
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("ganviz")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(f"{path.name} {why}. Overwrite it?")
    box.setInformativeText(str(path.parent))
    yes = box.addButton("&Overwrite", QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(button.Cancel))
    box.exec()
    box.deleteLater()
    return box.clickedButton() is yes


def ask_for_session(parent: QWidget, start: Path) -> Path | None:
    """Ask where a session goes; None: nowhere. Another file is not overwritten without a question.

    Parameters
    ----------
    start : Path
        The file or folder that is suggested.
    """
    while True:
        name, _ = QFileDialog.getSaveFileName(parent, "Save session", str(start), f"Session (*{SESSION})")
        if not name:
            return None
        path = Path(name)
        if path.suffix.lower() == SESSION:
            # The dialog has asked.
            return path
        path = path.with_name(path.name + SESSION)
        if not path.exists() or ask_to_overwrite(parent, path):
            return path
        start = path


@dataclass(frozen=True)
class SessionFile:
    """A file that a window has read or written, as it was then.

    Attributes
    ----------
    stamp : tuple of int, or None
        When it was changed in nanoseconds and its size in bytes; None if it was not there.
    """

    path: Path
    stamp: tuple[int, int] | None

    @classmethod
    def now(cls, path: Path) -> SessionFile:
        """Take note of a file that was just read or written."""
        return cls(path, _stamp(path))

    def changed_on_disk(self) -> bool:
        """Return whether someone else has written the file since; one that is gone cannot be overwritten."""
        there = _stamp(self.path)
        return there is not None and there != self.stamp

    def may_be_written(self, parent: QWidget) -> bool:
        """Return whether to save into the file, after a question if someone else has written it since."""
        return not self.changed_on_disk() or ask_to_overwrite(parent, self.path, "was changed by another program")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size
