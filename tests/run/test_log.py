"""The log of changes and the experiment at any step."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganviz.experiment import Experiment, ExperimentError
from ganviz.run.log import Log, grouped
from ganviz.run.recorded import Change

FIRST = Experiment()
RATE = "optimizer.generator.learning_rate"


def test_an_experiment_before_and_after_the_changes_of_a_step():
    log = Log(FIRST)
    log.add(10, one := FIRST.replace({RATE: 0.1}), [RATE])
    log.add(10, two := one.replace({"objective.kind": "hinge"}), ["objective.kind"])
    log.add(25, three := two.replace({RATE: 0.2}), [RATE])
    assert log.changes == [
        Change(10, RATE, FIRST[RATE], 0.1), Change(10, "objective.kind", "non-saturating", "hinge"),
        Change(25, RATE, 0.1, 0.2),
    ]  # fmt: skip
    assert [change.group for change in log.changes] == [0, 1, 2]
    assert [log.before(step) for step in (0, 10, 11, 25, 26)] == [FIRST, FIRST, two, two, three]
    assert [log.at(step) for step in (0, 9, 10, 24, 25, 99)] == [FIRST, FIRST, two, two, three, three]
    assert log.changes_at(10) == [one, two]
    assert log.changes_at(11) == []
    assert [log.next_step(step) for step in (0, 10, 25)] == [10, 25, None]
    assert log.newest == three
    assert len(log) == 3
    early = log.until(10)
    assert early.newest == two
    assert early.changes == log.changes[:2]
    assert early.logged.after == (one, two)


def test_what_follows_a_change_is_in_its_group():
    log = Log(FIRST)
    after = FIRST.replace({"optimizer.generator.kind": "rmsprop-tf1"})
    log.add(3, after, ["optimizer.generator.kind"])
    assert log.changes[0].path == "optimizer.generator.kind"
    assert {change.path for change in log.changes[1:]} == {"optimizer.generator.decay", "optimizer.generator.epsilon"}
    assert {change.group for change in log.changes} == {0}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.fixed_dictionaries(
                {},
                optional={
                    RATE: st.floats(0, 10), "objective.kind": st.sampled_from(["hinge", "kl", "minimax"]),
                    "optimizer.generator.kind": st.sampled_from(["adam", "rmsprop-tf1", "sgd"]),
                    "data.kind": st.sampled_from(["ring", "grid", "moons"]),
                    "schedule.batch": st.integers(1, 9),
                },
            ),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_a_log_is_set_up_again_from_its_changes(story):
    log, step, after = Log(FIRST), 0, FIRST
    for later, fields in story:
        step += later
        changed = after.replace(fields)
        if changed == after:
            continue
        after = changed
        log.add(step, after, fields)
    for known in ((), log.after):
        again = Log(FIRST, log.changes, known)
        assert again.changes == log.changes
        assert again.after == log.after
        assert [again.at(at) for at in range(step + 2)] == [log.at(at) for at in range(step + 2)]
    assert log.logged is log.logged
    assert log.logged.after == log.after


def test_what_was_made_together_is_one_group():
    made = [Change(3, "a", 0, 1, 0), Change(3, "b", 0, 1, 0), Change(3, "a", 1, 2, 1), Change(8, "a", 2, 3, 2)]
    assert grouped(made) == [made[:2], made[2:3], made[3:]]
    # Whoever writes changes down by hand need not count the groups of different steps.
    by_hand = [Change(3, RATE, FIRST[RATE], 0.1), Change(8, RATE, 0.1, 0.2)]
    assert grouped(by_hand) == [by_hand[:1], by_hand[1:]]
    log = Log(FIRST, by_hand)
    assert [log.at(step)[RATE] for step in (2, 3, 7, 8)] == [FIRST[RATE], 0.1, 0.1, 0.2]
    assert grouped([]) == []


def test_a_change_that_is_not_allowed_is_an_error():
    with pytest.raises(ExperimentError, match=r"schedule\.batch = 0"):
        Log(FIRST, [Change(3, "schedule.batch", 64, 0)])
