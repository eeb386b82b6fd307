"""The tree of branches: which there are, which are shown side by side, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ganviz.experiment.files import MOST_LANES

from .reports import BranchInfo

NUMBER = Qt.ItemDataRole.UserRole
NAME, SINCE, END = range(3)


class Tree(QTreeWidget):
    """A tree that keeps the key which renames for itself while it has the focus."""

    def event(self, event: QEvent) -> bool:
        """Claim F2, which is the form's elsewhere."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_F2
        ):
            event.accept()
            return True
        return super().event(event)


class Branches(QWidget):
    """Shows the branches of a session and sends what is wanted of them.

    Signals
    -------
    branch_wanted(bool)
        A branch from the step that is shown; True: with other data and noise.
    shown_wanted(object)
        Numbers of the branches to show side by side; the first is the current one.
    remove_wanted(int), rename_wanted(int, str)
        The number of a branch.
    refused(str)
        Why something cannot be done.
    """

    branch_wanted = Signal(bool)
    shown_wanted = Signal(object)
    remove_wanted = Signal(int)
    rename_wanted = Signal(int, str)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.branch_action = self._make_action(
            "Branch here", "Ctrl+D", "Start a branch at this step: same data, same noise, other settings if you like"
        )
        self.fresh_action = self._make_action(
            "Branch with other noise", "Ctrl+Shift+D", "Start a branch at this step that draws other data and noise"
        )
        self.remove_action = self._make_action(
            "Remove branch", "", "Forget the chosen branch and what branched from it"
        )
        # As the buttons below the tree say it.
        self.branch_action.setIconText("Branch")
        self.fresh_action.setIconText("Other noise")
        self.remove_action.setIconText("Remove")
        self.branch_action.triggered.connect(self._on_branch)
        self.fresh_action.triggered.connect(self._on_fresh)
        self.remove_action.triggered.connect(self._on_remove)
        self.tree = self._make_tree()
        buttons = QHBoxLayout()
        buttons.setContentsMargins(4, 0, 4, 4)
        for action in (self.branch_action, self.fresh_action, self.remove_action):
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            buttons.addWidget(button)
        buttons.addStretch(1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.tree, 1)
        rows.addLayout(buttons)
        self._branches: dict[int, BranchInfo] = {}
        self._shown: tuple[int, ...] = ()
        self._built: list[tuple[int, int]] = []

    def show_branches(self, branches: Sequence[BranchInfo], shown: Sequence[int]) -> None:
        """Show the branches of a session, and which of them are seen; the first of these is the current one."""
        # While a name is being written nothing is taken from under the hand.
        if self.tree.state() == QAbstractItemView.State.EditingState:
            return
        found = {branch.number: branch for branch in branches}
        if found == self._branches and tuple(shown) == self._shown:
            return
        self._branches, self._shown = found, tuple(shown)
        with QSignalBlocker(self.tree):
            tree = [(branch.number, branch.parent) for branch in branches]
            if tree != self._built:
                self._built = tree
                self._build()
            for item in self._items():
                self._show(item)
        self.remove_action.setEnabled(len(branches) > 1)

    def _build(self) -> None:
        chosen = self._chosen()
        self.tree.clear()
        made: dict[int, QTreeWidgetItem] = {}
        for number, branch in self._branches.items():
            item = QTreeWidgetItem(made.get(branch.parent, self.tree))
            item.setData(NAME, NUMBER, number)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable)
            item.setTextAlignment(SINCE, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setTextAlignment(END, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            made[number] = item
        self.tree.expandAll()
        if made:
            self.tree.setCurrentItem(made.get(chosen, made[max(made)]))

    def _show(self, item: QTreeWidgetItem) -> None:
        number = item.data(NAME, NUMBER)
        branch = self._branches[number]
        item.setText(NAME, branch.name)
        item.setText(SINCE, f"{branch.since:,}")
        item.setText(END, f"{branch.end:,}")
        item.setCheckState(NAME, Qt.CheckState.Checked if number in self._shown else Qt.CheckState.Unchecked)
        font = item.font(NAME)
        font.setBold(bool(self._shown) and number == self._shown[0])
        item.setFont(NAME, font)

    def _items(self) -> list[QTreeWidgetItem]:
        found: list[QTreeWidgetItem] = []
        waiting = [self.tree.topLevelItem(i) for i in range(self.tree.topLevelItemCount())]
        while waiting:
            item = waiting.pop()
            found.append(item)
            waiting += [item.child(i) for i in range(item.childCount())]
        return found

    def _chosen(self) -> int:
        item = self.tree.currentItem()
        return -1 if item is None else int(item.data(NAME, NUMBER))

    def _make_tree(self) -> QTreeWidget:
        tree = Tree(self)
        tree.setAccessibleName("Branches")
        tree.setHeaderLabels(["Branch", "from", "to step"])
        tree.setToolTip(
            "Tick up to four branches to see them side by side; double click one to see it alone; F2 renames it"
        )
        tree.setUniformRowHeights(True)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        header = tree.header()
        header.setStretchLastSection(False)
        for column in (NAME, SINCE, END):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        tree.setIndentation(12)
        tree.itemChanged.connect(self._on_changed)
        tree.itemDoubleClicked.connect(self._on_double_click)
        return tree

    def _make_action(self, text: str, shortcut: str, tip: str) -> QAction:
        action = QAction(text, self)
        action.setShortcut(shortcut)
        action.setToolTip(f"{tip} ({shortcut})" if shortcut else tip)
        return action

    @Slot(QTreeWidgetItem, int)
    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        number = item.data(NAME, NUMBER)
        if column != NAME or number not in self._branches:
            return
        name = item.text(NAME).strip()
        if name != self._branches[number].name:
            if name:
                self.rename_wanted.emit(number, name)
            else:
                item.setText(NAME, self._branches[number].name)
            return
        ticked = item.checkState(NAME) == Qt.CheckState.Checked
        wanted = [other for other in self._shown if other != number] + [number] * ticked
        if not 1 <= len(wanted) <= MOST_LANES:
            self.refused.emit(f"{len(wanted)} branches cannot be shown side by side: allowed are 1 to {MOST_LANES}.")
            with QSignalBlocker(self.tree):
                self._show(item)
            return
        self.shown_wanted.emit(wanted)

    @Slot(QTreeWidgetItem)
    def _on_double_click(self, item: QTreeWidgetItem) -> None:
        self.shown_wanted.emit([item.data(NAME, NUMBER)])

    @Slot()
    def _on_branch(self) -> None:
        self.branch_wanted.emit(False)

    @Slot()
    def _on_fresh(self) -> None:
        self.branch_wanted.emit(True)

    @Slot()
    def _on_remove(self) -> None:
        number = self._chosen()
        if number not in self._branches:
            return
        gone = [number]
        for other, branch in self._branches.items():
            if branch.parent in gone:
                gone.append(other)
        if len(gone) == len(self._branches):
            self.refused.emit(f"“{self._branches[number].name}” cannot be removed: a session has at least one branch.")
            return
        names = ", ".join(f"“{self._branches[i].name}”" for i in gone)
        box = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self, "Remove branch", f"Forget {names} with all that was recorded of it?", box.Yes | box.No, box.No
        )
        if answer == box.Yes:
            self.remove_wanted.emit(number)
