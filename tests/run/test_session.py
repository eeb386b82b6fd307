"""Sessions: a tree of branches, what is shown of it, and what is marked."""

import re

import pytest

from ganviz.experiment import Experiment, ExperimentError
from ganviz.experiment.files import MOST_LANES
from ganviz.metrics.diagnosis import Diagnosis
from ganviz.run import Run, Session, record
from ganviz.run.keyframes import LIMIT
from ganviz.run.recorded import Bookmark
from ganviz.run.session import different

SMALL = {"generator.hidden": [4], "discriminator.hidden": [4], "schedule.batch": 4}


def session_of(steps=20, **fields):
    run = Run(Experiment.from_mapping({**SMALL, **fields}))
    run.advance(steps)
    return Session(run)


def room(run):
    """Return how many bytes the kept states of a run may take, those on its way among them, and its metrics."""
    near = run._near_most * run.recorded().keyframes[0].size
    return run._keyframes._limit + near, run._record._limit


def tree():
    """Return a session with a main branch, two branches of it, one of them with a branch of its own."""
    session = session_of()
    main = session.current
    one = session.branch({"objective.kind": "hinge"}, "one")
    main.run.seek(10)
    two = session.branch(name="two")
    one.run.advance(5)
    deep = session.branch({"discriminator.clip": 0.1}, "deep", parent=one)
    return session, main, one, two, deep


def test_branches_know_where_they_come_from():
    session, main, one, two, deep = tree()
    assert session.branches == [main, one, two, deep]
    assert [branch.parent for branch in session.branches] == [None, main, main, one]
    assert [branch.since for branch in session.branches] == [0, 20, 10, 25]
    assert [branch.run.end for branch in session.branches] == [20, 25, 10, 25]
    assert session.current is main
    assert [room(branch.run) for branch in session.branches] == [(LIMIT // 4, record.LIMIT // 2)] * 4
    with pytest.raises(ExperimentError, match=r"generator\.hidden"):
        session.branch({"generator.hidden": [9]})
    assert len(session.branches) == 4


def test_names_are_free():
    session = session_of()
    assert session.branch().name == "branch 1"
    assert session.branch().name == "branch 2"
    assert session.free_name("seed") == "seed"
    assert session.branch(name="seed").name == "seed"
    assert session.free_name("seed") == "seed 2"
    other = session.add(Run(Experiment.from_mapping({**SMALL, "seed": 3})), "apart")
    assert other.parent is None


def test_a_branch_is_removed_with_all_that_came_from_it():
    session, main, one, two, deep = tree()
    session.show([two, deep])
    session.bookmark(8, "kept")
    session.show([one])
    session.bookmark(22, "gone")
    session.show([deep, two])
    session.remove(one)
    assert session.branches == [main, two]
    assert session.shown == [two]
    assert session.bookmarks == [Bookmark(1, 8, "kept")]
    assert [room(branch.run) for branch in session.branches] == [(LIMIT // 2, record.LIMIT)] * 2
    session.remove(two)
    assert session.shown == [main]
    assert session.bookmarks == []
    with pytest.raises(ValueError, match='"main" cannot be removed'):
        session.remove(main)
    assert session.branches == [main]


def test_one_to_four_are_shown():
    session = session_of()
    branches = [session.current, *(session.branch() for _ in range(MOST_LANES))]
    session.show(branches[:MOST_LANES])
    assert session.shown == branches[:MOST_LANES]
    for bad in ([], branches):
        with pytest.raises(ValueError, match="1 to 4"):
            session.show(bad)
    assert session.shown == branches[:MOST_LANES]


def test_marks_are_in_the_order_of_their_steps():
    session = session_of()
    run = session.current.run
    run.change("optimizer.generator.learning_rate", 0.25)
    run.advance(10)
    run.measurer._memory.find(28, [Diagnosis("collapse", 24, "It collapsed.", ())])
    run.measurer._memory.find(29, [Diagnosis("convergence", 26, "It is well.", (), good=True)])
    session.bookmark(25, "here")
    session.bookmark(3)
    run.seek(22)
    other = session.branch(name="aside")
    assert [(mark.step, mark.kind, mark.label, mark.good) for mark in session.marks(session.current)] == [
        (3, "bookmark", "step 3", False),
        (20, "change", "optimizer.generator.learning_rate 0.0002 → 0.25", False),
        (22, "branch", "aside", False),
        (24, "diagnosis", "It collapsed.", False),
        (25, "bookmark", "here", False),
        (26, "diagnosis", "It is well.", True),
    ]
    assert [mark.kind for mark in session.marks(other)] == ["change"]


def test_what_a_person_made_is_known():
    session = session_of()
    began = session.made
    session.current.run.advance(3)
    session.notes = " \n"
    assert session.made == began
    for make in (
        lambda: setattr(session, "notes", "mind the third mode"),
        lambda: session.bookmark(2),
        lambda: session.current.run.change("discriminator.clip", 0.3),
        lambda: session.branch(name="aside"),
        lambda: setattr(session.branches[0], "name", "first"),
        lambda: session.remove(session.branches[1]),
    ):
        before = session.made
        make()
        assert session.made != before


def test_branches_have_numbers_of_their_own():
    session = session_of()
    numbers = [branch.number for branch in session.branches]
    assert len(set(numbers)) == len(numbers)
    other = session.branch()
    session.remove(other)
    again = session.branch()
    assert again.number not in {*numbers, other.number}
    assert session.find(again.number) is again
    with pytest.raises(ValueError, match="not there any more"):
        session.find(other.number)
    assert session.free_seed() not in {branch.run.experiment.seed for branch in session.branches}
    assert session_of().branches != session.branches


@pytest.mark.parametrize("by_file", [False, True])
def test_a_session_is_set_up_again(by_file, tmp_path):
    session, _, one, two, deep = tree()
    session.show([deep, two])
    session.bookmark(4, "early")
    session.notes = "two lines\nof notes"
    if by_file:
        session.save(tmp_path / "a.ganviz")
        again = Session.open(tmp_path / "a.ganviz")
    else:
        again = Session.from_state(session.state())
    assert [branch.name for branch in again.branches] == ["main", "one", "two", "deep"]
    assert [branch.since for branch in again.branches] == [0, 20, 10, 25]
    assert again.branches[3].parent is again.branches[1]
    assert again.branches[0].parent is None
    assert [branch.name for branch in again.shown] == ["deep", "two"]
    assert (again.bookmarks, again.notes) == (session.bookmarks, session.notes)
    for mine, theirs in zip(session.branches, again.branches, strict=True):
        assert (mine.run.step, mine.run.end) == (theirs.run.step, theirs.run.end)
        assert mine.run.log == theirs.run.log
        assert mine.run.experiment == theirs.run.experiment
        for run in (mine.run, theirs.run):
            run.advance(run.end + 15 - run.step)
        for ours, others in zip(mine.run._training.snapshot(), theirs.run._training.snapshot(), strict=True):
            assert ours.tobytes() == others.tobytes()
    assert session.marks(one) == again.marks(again.branches[1])


def test_a_state_does_not_change_when_its_runs_go_on():
    session = session_of()
    state = session.state()
    kept = [(frame.step, frame.digest) for frame in state.branches[0].recorded.keyframes]
    session.current.run.change("objective.kind", "hinge")
    session.current.run.advance(100)
    session.bookmark(50)
    recorded = state.branches[0].recorded
    assert (recorded.end, recorded.step, len(recorded.log), state.bookmarks) == (20, 20, 0, ())
    assert [(frame.step, frame.digest) for frame in recorded.keyframes] == kept
    assert sum(block.stride * len(block.mean) for block in recorded.blocks) == 20


def test_only_what_differs_is_told():
    first = Experiment.from_mapping({**SMALL, "title": "a"})
    second = first.replace({"objective.kind": "wasserstein", "discriminator.clip": 0.1, "title": "b"})
    third = first.replace({"data.kind": "grid"})
    assert different([first, second]) == [
        {"discriminator.clip": 0.0, "objective.kind": "non-saturating"},
        {"discriminator.clip": 0.1, "objective.kind": "wasserstein"},
    ]
    assert different([first, first.replace({"title": "other"})]) == [{}, {}]
    found = different([first, second, third])
    assert [fields["data.kind"] for fields in found] == ["ring", "ring", "grid"]
    assert "data.radius" in found[0]
    assert "data.radius" not in found[2]
    assert not any(re.match("title|source", path) for fields in found for path in fields)
