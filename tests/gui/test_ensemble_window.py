import csv
import threading
import time

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from ganviz.experiment import Experiment
from ganviz.gui.collector import Collector
from ganviz.gui.ensemble import EnsembleWindow
from ganviz.run import Need, Run
from ganviz.run.recorded import Change

SMALL = {
    "data.kind": "ring", "generator.hidden": [4], "discriminator.hidden": [4], "schedule.batch": 16,
}  # fmt: skip
RATE = "optimizer.generator.learning_rate"


@pytest.fixture
def opened(qtbot):
    Run(Experiment.from_mapping(SMALL)).frame(Need.METRICS)
    # Only the window's thread may collect garbage; the main window sees to it in the program.
    owner = QObject()
    collector = Collector(owner)
    windows = []

    def make(log=(), seeds=3, steps=20):
        window = EnsembleWindow(Experiment.from_mapping(SMALL), log)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        windows.append(window)
        qtbot.addWidget(window)
        window.seeds_box.setValue(seeds)
        window.steps_box.setValue(steps)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in windows:
        window.close()
    collector.stop()


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def trained(qtbot, window):
    click(qtbot, window.start_button)
    qtbot.waitUntil(lambda: not window.running, timeout=30_000)


def test_it_trains_and_shows_every_seed(qtbot, opened):
    window = opened()
    assert not window.log_box.isVisible()
    trained(qtbot, window)
    result = window.result_shown
    assert result.counts("w1").tolist() == [3] * len(result.steps)
    run = Run(Experiment.from_mapping({**SMALL, "seed": 2}))
    run.advance(20)
    assert result.values["w1"][2, -1] == run.frame(Need.METRICS).metrics["w1"]
    assert window.canvases[0].shown.title == "W1, 3 seeds"
    assert window.progress.value() == 1000
    assert window.figure_button.isEnabled()


def test_it_repeats_a_log_if_that_is_wanted(qtbot, opened):
    window = opened(log=[Change(5, RATE, 5e-5, 0.05, 0)])
    assert window.log_box.isVisible()
    trained(qtbot, window)
    with_log = window.result_shown
    window.log_box.setChecked(False)
    trained(qtbot, window)
    assert (with_log.values["w1"][:, -1] != window.result_shown.values["w1"][:, -1]).all()


def test_plots_fill_in_while_it_trains_and_cancelling_keeps_them(qtbot, opened):
    window = opened(seeds=4, steps=200_000)
    click(qtbot, window.start_button)
    qtbot.waitUntil(lambda: window.result_shown is not None and "w1" in window.result_shown.names, timeout=20_000)
    assert window.running
    assert not window.start_button.isEnabled()
    click(qtbot, window.cancel_button)
    qtbot.waitUntil(lambda: not window.running, timeout=5_000)
    assert window.result_shown.counts("w1")[-1] == 0
    assert "Stopped" in window.status_label.text()


def test_closing_ends_the_threads_in_time(qtbot, opened, a_second):
    window = opened(seeds=4, steps=10_000_000)
    click(qtbot, window.start_button)
    qtbot.wait(300)
    began = time.perf_counter()
    window.close()
    assert time.perf_counter() - began < 0.8 * a_second
    assert not window.running
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ensemble")]


def test_figure_and_tables_are_saved(qtbot, opened, monkeypatch, tmp_path):
    window = opened()
    trained(qtbot, window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "all"), "PNG, 300 dpi (*.png)"))
    click(qtbot, window.figure_button)
    assert (tmp_path / "all.png").stat().st_size > 10_000
    click(qtbot, window.csv_button)
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    result = window.result_shown
    assert [int(row["seed"]) for row in rows] == np.repeat(result.seeds, len(result.steps)).tolist()
    assert [float(row["w1"]) for row in rows] == result.values["w1"].ravel().tolist()
    assert (tmp_path / "all_summary.csv").is_file()


@pytest.mark.parametrize("how", ["close", "escape"])
def test_it_closes_while_it_trains(qtbot, opened, how):
    window = opened(steps=100_000)
    click(qtbot, window.start_button)
    assert window.running
    if how == "close":
        window.close()
    else:
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()
    qtbot.waitUntil(lambda: not window.running, timeout=10_000)
