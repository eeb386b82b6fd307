"""Recent files, and the questions before a file is overwritten or work is lost."""

import os
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox, QWidget

from ganviz.gui.dialogs import SessionFile, ask_for_session, ask_to_save
from ganviz.gui.recent import KEY, LIMIT, RecentFiles


@pytest.fixture
def recent(qtbot, qapp):
    # As the program names itself; settings go by these names.
    qapp.setApplicationName("ganviz")
    qapp.setOrganizationName("ganviz")
    menu = QMenu()
    qtbot.addWidget(menu)
    files = RecentFiles(menu)
    files.menu = menu
    return files


def test_the_latest_is_first_and_ten_are_kept(recent, tmp_path):
    paths = [tmp_path / f"{i}.ganviz" for i in range(LIMIT + 3)]
    for path in [*paths, paths[5]]:
        path.touch()
        recent.add(path)
    recent.add(tmp_path / "a.exe")
    expected = [paths[5], *(path for path in reversed(paths) if path != paths[5])][:LIMIT]
    assert recent.paths() == expected


def test_what_is_gone_is_grey_once(recent, tmp_path):
    there, gone = tmp_path / "there & then.ganviz", tmp_path / "gone.toml"
    there.touch()
    recent.add(there)
    recent.add(gone)
    recent.menu.aboutToShow.emit()
    first, second = recent.menu.actions()[:2]
    assert not first.isEnabled() and second.isEnabled()
    assert "there && then" in second.text()
    said = []
    recent.chosen.connect(said.append)
    second.trigger()
    assert said == [there]
    assert recent.paths() == [there]
    recent.clear_action.trigger()
    assert recent.paths() == [] and not recent.menu.isEnabled()


@pytest.mark.parametrize("rubbish", ["", "{", "[1, null, 2]", "3", 5, ["a"], "[" * 100000])
def test_rubbish_in_the_settings_is_no_list(recent, rubbish, tmp_path):
    QSettings().setValue(KEY, rubbish)
    assert recent.paths() == []
    recent.add(tmp_path / "a.csv")
    assert recent.paths() == [tmp_path / "a.csv"]


def press(name):
    def answer():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        next(button for button in box.buttons() if button.text().replace("&", "") == name).click()

    QTimer.singleShot(50, answer)


@pytest.mark.parametrize(("button", "answer"), [("Save", "save"), ("Discard", "discard"), ("Cancel", "cancel")])
def test_the_question_before_work_is_lost(qtbot, button, answer):
    parent = QWidget()
    qtbot.addWidget(parent)
    press(button)
    assert ask_to_save(parent, 'the session "ring"') == answer


def test_another_file_is_not_overwritten_without_a_question(qtbot, tmp_path, monkeypatch):
    parent = QWidget()
    qtbot.addWidget(parent)
    names = [str(tmp_path / "ring"), str(tmp_path / "other.v2"), ""]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (names.pop(0), ""))
    (tmp_path / "ring.ganviz").touch()
    press("Cancel")
    assert ask_for_session(parent, tmp_path) == tmp_path / "other.v2.ganviz"
    assert ask_for_session(parent, tmp_path) is None


def test_a_file_that_someone_else_has_written_is_noticed(qtbot, tmp_path):
    parent, path = QWidget(), Path(tmp_path / "a.ganviz")
    qtbot.addWidget(parent)
    path.write_bytes(b"one")
    known = SessionFile.now(path)
    assert not known.changed_on_disk() and known.may_be_written(parent)
    os.utime(path, (1, 1))
    assert known.changed_on_disk()
    press("Cancel")
    assert not known.may_be_written(parent)
    press("Overwrite")
    assert known.may_be_written(parent)
    path.unlink()
    assert not known.changed_on_disk()
