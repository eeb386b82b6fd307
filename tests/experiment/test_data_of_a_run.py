"""The data of an experiment never changes by itself, and its title says what it is."""

from pathlib import Path

import numpy as np
import pytest

import ganviz
from ganviz.experiment import load, retitled


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.csv"
    path.write_text("x\n" + "\n".join(str(value) for value in range(40)))
    return path


def test_a_file_that_is_gone_does_not_stop_a_change(numbers: Path) -> None:
    run = ganviz.Run(load(numbers).replace({"schedule.batch": 8, "generator.hidden": [4], "discriminator.hidden": [4]}))
    run.advance(2)
    before = run.frame().real.copy()
    numbers.unlink()
    run.change("optimizer.generator.learning_rate", 1e-3)
    run.advance(2)
    np.testing.assert_array_equal(run.frame().real, before)


def test_another_content_makes_another_experiment(numbers: Path) -> None:
    first = load(numbers)
    changed = first.replace({"schedule.batch": 8})
    numbers.write_text("x\n" + "\n".join(str(value) for value in range(1000, 1040)))
    assert changed.table is first.table
    second = load(numbers)
    assert second != first
    assert second == load(numbers)
    samples = np.arange(1000.0, 1040.0)
    assert ganviz.metrics.evaluate(second, samples)["js"] < 0.05 < ganviz.metrics.evaluate(first, samples)["js"]


def test_titles_stay_true() -> None:
    origin = load("ring-wgan-clip")
    other_rule = retitled(origin.replace({"objective.kind": "minimax"}), origin)
    assert other_rule.title == f"{origin.title} (changed)"
    assert other_rule.source == f"{origin.source} (changed)"
    back = retitled(other_rule.replace({"objective.kind": "wasserstein"}), origin)
    assert back == origin
    other_seed = retitled(origin.replace({"seed": 7}), origin)
    assert (other_seed.title, other_seed.source) == (origin.title, origin.source)
    other_data = retitled(load("faithful").replace({"data.kind": "moons"}), load("faithful"))
    assert "Faithful" not in other_data.title
    assert "moons" in other_data.title
    assert other_data.source == ""


def test_changes_together_meet_no_half_of_them() -> None:
    small = {"generator.hidden": [4], "discriminator.hidden": [4], "schedule.batch": 8}
    run = ganviz.Run(ganviz.Experiment.from_mapping({"data.kind": "uniform", **small}))
    with pytest.raises(ganviz.ExperimentError, match=r"data\.low"):
        run.change("data.low", 2.0)
    assert run.log == []
    run.change_together({"data.low": 2.0, "data.high": 3.0})
    assert (run.experiment["data.low"], run.experiment["data.high"]) == (2.0, 3.0)
    assert [change.path for change in run.log] == ["data.low", "data.high"]
    real = run.frame().real
    assert real.min() >= 2.0
    assert real.max() <= 3.0
