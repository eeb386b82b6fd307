"""``ganviz figure``: draws any step of a session, of a figure, or of an experiment."""

from xml.etree import ElementTree

import numpy as np
import pytest

from ganviz.cli import main
from ganviz.experiment import Experiment, to_toml
from ganviz.run import Run
from ganviz.run.ticket import find_ticket, restore

SMALL = {"generator.hidden": [8], "discriminator.hidden": [8], "schedule.batch": 16}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Save a session of 60 steps, which stands at step 50."""
    path = tmp_path_factory.mktemp("saved") / "a.ganviz"
    run = Run(Experiment.from_mapping(SMALL))
    run.advance(30)
    run.change("discriminator.clip", 0.05)
    run.advance(30)
    run.seek(50)
    run.save(path)
    return path


def digest_at(path, step):
    run = Run.open(path)
    run.seek(step)
    return run.recorded(until=step).keyframes[-1].digest


def digest_in(figure):
    run = restore(find_ticket(figure))
    return run.recorded(until=run.step).keyframes[-1].digest


@pytest.mark.parametrize(("at", "step"), [([], 50), (["--at", "40"], 40), (["--at", "0"], 0), (["--at", "60"], 60)])
def test_a_step_of_a_session_is_drawn_and_carried(saved, tmp_path, capsys, at, step):
    out = tmp_path / "a.svg"
    assert main(["figure", str(saved), *at, "--view", "plane", "--size", "60x50mm", "-o", str(out)]) == 0
    root = ElementTree.parse(out).getroot()
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(60 / 25.4 * 72, rel=1e-3)
    assert digest_in(out) == digest_at(saved, step)
    assert f"step {step} drawn to {out}" in "".join(capsys.readouterr())


def test_a_figure_of_a_figure_shows_the_same(saved, tmp_path):
    one, two, three = (tmp_path / name for name in ("a.png", "b.pdf", "c.png"))
    for source, out in ((saved, one), (one, two), (two, three)):
        assert main(["figure", str(source), "--view", "plane", "--dpi", "50", "-o", str(out)]) == 0
    from matplotlib.image import imread

    assert np.array_equal(imread(one), imread(three))


def test_an_experiment_is_trained_up_to_the_step(tmp_path):
    toml = tmp_path / "a.toml"
    toml.write_text(to_toml(Experiment.from_mapping(SMALL)))
    out = tmp_path / "a.png"
    assert main(["figure", str(toml), "--at", "25", "--view", "plane", "--dpi", "50", "-o", str(out)]) == 0
    run = Run(Experiment.from_mapping(SMALL))
    run.advance(25)
    assert digest_in(out) == run.recorded().keyframes[-1].digest


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["SESSION", "--at", "61", "-o", "a.png"], "--at 61 is not allowed"),
        (["SESSION", "-o", "a.gif"], "allowed are"),
        (["SESSION", "-o", "none/a.png"], "the figure could not be saved"),
        (["SESSION", "--size", "1x1mm", "-o", "a.png"], "20 to 2000 mm"),
        (["SESSION", "--size", "wide", "-o", "a.png"], "such as 85x60mm"),
        (["SESSION", "--view", "line", "-o", "a.png"], ""),
        (["none.ganviz", "-o", "a.png"], "there is no such file"),
        (["none.svg", "-o", "a.png"], "there is no such file"),
        (["ring-wgan-clip", "-o", "a.png"], "--at is needed"),
        (["SESSION"], "required"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(saved, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    words = [str(saved) if word == "SESSION" else word for word in words]
    try:
        code = main(["figure", *words])
    except SystemExit as stop:
        code = stop.code
    told = capsys.readouterr().err
    assert code == 2
    assert sentence in " ".join(told.split())
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_no_replay_reaches_is_not_drawn(saved, tmp_path, monkeypatch, capsys):
    def seek(run, *_):
        run.note = "The replay leaves the recording."
        return False

    monkeypatch.setattr(Run, "seek", seek)
    assert main(["figure", str(saved), "--at", "40", "-o", str(tmp_path / "a.png")]) == 2
    assert "--at 40 cannot be drawn: The replay leaves the recording." in "".join(capsys.readouterr())
    assert not (tmp_path / "a.png").exists()


def test_a_damaged_session_is_a_sentence(saved, tmp_path, capsys):
    broken = tmp_path / "b.ganviz"
    broken.write_bytes(saved.read_bytes()[:-30])
    assert main(["figure", str(broken), "-o", str(tmp_path / "a.png")]) == 2
    assert "it is not whole: its end is missing" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()
