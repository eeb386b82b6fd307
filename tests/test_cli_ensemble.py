"""``ganviz ensemble``: its files, what it says, and what it refuses."""

import csv

import numpy as np
import pytest

import ganviz
from ganviz.cli import ensembles
from ganviz.experiment import ExperimentError
from ganviz.run import Need, Run
from ganviz.run.ensemble import Ensemble

FILES = ["ensemble.csv", "ensemble_summary.csv", "experiment.toml", "figure.svg"]
DIVERGING = (
    "discriminator.clip=0",
    "optimizer.generator.kind=sgd",
    "optimizer.discriminator.kind=sgd",
    "optimizer.generator.learning_rate=10",
    "optimizer.discriminator.learning_rate=10",
)


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds") / "made"
    given = ["faithful", "--seeds", "3", "--first-seed", "5", "--steps", "20", "--workers", "2", "--out", str(folder)]
    assert ensembles.ensemble(given) == 0
    return folder


def test_it_writes_its_files(written):
    assert sorted(path.name for path in written.iterdir()) == FILES
    assert "W1, 3 seeds" in (written / "figure.svg").read_text(encoding="utf-8")


def test_every_seed_has_the_numbers_of_its_own_run(written):
    rows = rows_of(written / "ensemble.csv")
    assert [int(row["seed"]) for row in rows] == np.repeat([5, 6, 7], 21).tolist()
    run = Run(ganviz.load("faithful").replace({"seed": 6}))
    run.advance(20)
    metrics = run.frame(Need.METRICS).metrics
    row = rows[2 * 21 - 1]
    assert int(row["step"]) == 20
    assert {name: float(row[name]) for name in metrics} == metrics
    assert row["diverged"] == ""


def test_the_summary_is_of_the_values(written):
    values = [[float(row["w1"]) for row in rows_of(written / "ensemble.csv") if row["step"] == "20"]]
    row = next(
        row for row in rows_of(written / "ensemble_summary.csv") if row["metric"] == "w1" and row["step"] == "20"
    )
    low, median, high = np.quantile(values, [0.1, 0.5, 0.9])
    assert [float(row[name]) for name in ("q10", "median", "q90")] == pytest.approx([low, median, high], rel=1e-12)
    assert (row["seeds"], row["infinite"]) == ("3", "0")
    assert 0 < float(row["floor_low"]) < float(row["floor_high"])


def test_it_says_medians_and_bands(capsys):
    assert ensembles.ensemble(["faithful", "--seeds", "2", "--steps", "0"]) == 0
    said = capsys.readouterr().out
    assert "2 seeds, 0 steps each" in said
    assert "W1: median " in said
    assert "10 % to 90 %" in said


def test_diverged_seeds_are_told_and_kept(capsys, tmp_path):
    settings = [word for text in DIVERGING for word in ("--set", text)]
    given = ["ring-wgan-clip", "--seeds", "2", "--steps", "40", *settings, "--out", str(tmp_path)]
    assert ensembles.ensemble(given) == 0
    assert "seed 0: Training diverged in step " in capsys.readouterr().out
    rows = rows_of(tmp_path / "ensemble.csv")
    assert rows[40]["diverged"].startswith("Training diverged in step ")
    assert rows[40]["w1"] == rows[40]["generator_loss"] == rows[0]["diverged"] == ""


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--seeds", "99999"], ["--workers", "0"], ["--steps", "-1"]])
def test_what_is_not_allowed_is_a_line(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        ensembles.ensemble(["faithful", *arguments])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_wrong_setting_is_a_sentence():
    with pytest.raises(ExperimentError, match="no_such"):
        ensembles.ensemble(["faithful", "--set", "no_such=1"])


def test_an_interrupt_keeps_what_is_there(monkeypatch, capsys, tmp_path):
    whole = Ensemble.run

    def interrupted(self, progress=None, should_stop=None):
        whole(self, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(Ensemble, "run", interrupted)
    assert ensembles.ensemble(["faithful", "--seeds", "2", "--steps", "5", "--out", str(tmp_path)]) == 2
    assert "interrupted; the results until then are in" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
