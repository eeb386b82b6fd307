"""What a person opens: presets, experiments, data, sessions and pictures that carry one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from ganviz.experiment import ColumnsNeeded, ExperimentError, for_data, lanes_of
from ganviz.experiment.files import DATA_FILES, SESSION, STATE_FILES, preset_path

from .dialogs import choose_columns
from .keeper import Keeper
from .trainer import Named


class Opening(QObject):
    """Reads what is to be opened, and asks before something is lost.

    Signals
    -------
    named_wanted(object, str)
        Names and experiments to be trained side by side, and the preset that they are, or empty.
    state_wanted(object)
        A file that holds a state, a Path.
    refused(str)
        Why something is not opened; what is trained goes on.
    stayed()
        The person would rather keep what there is.
    """

    named_wanted = Signal(object, str)
    state_wanted = Signal(object)
    refused = Signal(str)
    stayed = Signal()

    def __init__(self, keeper: Keeper, window: QWidget) -> None:
        super().__init__(window)
        self._keeper, self._window = keeper, window

    @Slot()
    def ask(self) -> None:
        """Ask for a file and open it."""
        kinds = " ".join(f"*{ending}" for ending in (*STATE_FILES, ".toml", *DATA_FILES))
        name, _ = QFileDialog.getOpenFileName(
            self._window, "Open", "", f"Sessions, figures, experiments and data ({kinds})"
        )
        if name:
            self.open_path(Path(name))

    @Slot(object)
    def open_path(self, path: Path) -> None:
        """Open what a file holds; a file that cannot be used leaves what is trained untouched."""
        if path.suffix.lower() in STATE_FILES:
            if self._keeper.may_leave():
                self.state_wanted.emit(path)
            return
        try:
            named = self._read(path)
        except ExperimentError as error:
            self.refused.emit(str(error))
            return
        if named and self._keeper.may_leave():
            self.named_wanted.emit(named, "")
            self._keeper.recent.add(path)

    @Slot(str)
    def open_preset(self, name: str) -> None:
        """Open a preset."""
        path = preset_path(name)
        if path is not None and path.suffix == SESSION:
            if self._keeper.may_leave():
                self.state_wanted.emit(path)
            else:
                self.stayed.emit()
            return
        try:
            named = lanes_of(name)
        except ExperimentError as error:
            self.refused.emit(str(error))
            return
        if self._keeper.may_leave():
            self.named_wanted.emit(named, name)
        else:
            self.stayed.emit()

    def _read(self, path: Path) -> Named:
        """Return what a file of settings or data holds; nothing where the person would not choose columns."""
        try:
            return lanes_of(path)
        except ColumnsNeeded as needed:
            chosen = choose_columns(self._window, needed)
            return [] if chosen is None else [("", for_data(path, {"data.columns": chosen}))]
