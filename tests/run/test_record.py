"""The record of every step's metrics, against NumPy, and the memory of measurements."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganviz.metrics.diagnosis import Diagnosis
from ganviz.run import History, memory, record
from ganviz.run.memory import SAMPLE_METRICS, Memory
from ganviz.run.record import Record

VALUES = st.sampled_from([0.0, -1.5, 2.25, 1e30, -1e30, np.inf, -np.inf, np.nan])


def rows_of(seed, count, columns=3):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, columns)).astype(np.float32)
    # Spikes, gaps, and a column that has no meaning for a while.
    rows[rng.random(rows.shape) < 0.002] = 1e6
    rows[rng.random(rows.shape) < 0.01] = np.nan
    rows[: count // 3, -1] = np.nan
    return rows.astype(np.float64)


def check(blocks, rows):
    """Compare blocks with what NumPy says of the rows (steps, columns), of which the first is step 1."""
    step = 1
    for block in blocks:
        assert block.first == step
        for at in range(len(block.mean)):
            part = rows[step - 1 : step - 1 + block.stride]
            for column in range(rows.shape[1]):
                known = part[~np.isnan(part[:, column]), column]
                found = block.low[at, column], block.mean[at, column], block.high[at, column]
                if not len(known):
                    assert np.isnan(found).all()
                    continue
                assert found[0] == known.min()
                assert found[2] == known.max()
                if block.stride == 1:
                    assert found[1] == known[0]
            step += block.stride
        assert block.end == step
    return step - 1


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(0, 4))
def test_no_extreme_is_lost_however_the_rows_come(seed, counts, scale):
    rows_per_block, limit = record.ROWS, 500 * scale
    record.ROWS = 16
    try:
        rows = rows_of(seed, sum(counts))
        kept = Record(3, limit=limit)
        first = 0
        for count in counts:
            kept.add(rows[first : first + count])
            first += count
        assert kept.end == len(rows) + 1
        blocks = kept.blocks()
        assert check(blocks, rows) == len(rows)
        strides = [block.stride for block in blocks]
        assert strides == sorted(strides, reverse=True)
        # What is newest is whole.
        assert sum(len(block.mean) for block in blocks if block.stride == 1) >= min(len(rows), 16)
        again = Record(3, blocks, limit=limit)
        again.add(rows[:40])
        assert check(again.blocks(), np.concatenate([rows, rows[:40]])) == len(rows) + len(rows[:40])
    finally:
        record.ROWS = rows_per_block


def test_means_are_those_of_the_steps():
    rows = np.random.default_rng(3).normal(size=(64 * 5 + 3, 2))
    one = record.fold([record.Block(1, 1, *[rows.astype(np.float32)] * 3)])
    two = record.fold(one[:1])
    assert [block.stride for block in (*one, *two)] == [8, 1, 64]
    assert len(one[1].mean) == 3
    assert two[0].mean == pytest.approx(rows[: 64 * 5].reshape(5, 64, 2).mean(axis=1), rel=1e-4, abs=1e-6)
    spike = rows.copy()
    spike[5] = 1e30, -1e30
    folded = record.fold([record.Block(1, 1, *[spike.astype(np.float32)] * 3)])[0]
    assert (folded.high[0, 0], folded.low[0, 1]) == (np.float32(1e30), np.float32(-1e30))


def test_bytes_stay_within_the_limit_and_the_newest_steps_whole():
    kept, columns, limit = Record(10, limit=8 * 2**20), 10, 8 * 2**20
    chunk = np.random.default_rng(0).normal(size=(4 * record.ROWS, columns))
    for _ in range(150):
        kept.add(chunk)
        # A block of each of the finest strides may be over.
        assert sum(block.mean.nbytes * (1 if block.stride == 1 else 3) for block in kept._blocks) <= limit + 2**20
    assert kept.end == 150 * len(chunk) + 1
    assert len(kept.newest(10**9)) >= record.ROWS
    assert np.array_equal(kept.newest(100), chunk[-100:].astype(np.float32))


def test_what_overflows_single_precision_is_infinite():
    kept = Record(1)
    kept.add(np.array([[1e300], [-1e300], [np.nan]]))
    assert kept.newest(3)[:2, 0].tolist() == [np.inf, -np.inf]
    assert np.isnan(kept.at(3)[0])
    assert kept.at(4) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 2500), st.data())
def test_what_is_known_up_to_a_step_can_be_gone_on_with(seed, count, data):
    """The steps of a branch are counted from where it branched, whatever was folded there."""
    rows_per_block = record.ROWS
    record.ROWS = 16
    try:
        rows = rows_of(seed, count)
        kept = Record(3, limit=1500)
        kept.add(rows)
        step = data.draw(st.integers(0, count))
        blocks = kept.until(step)
        assert sum(block.stride * len(block.mean) for block in blocks) == step
        # Only a folded row that reaches beyond is left out.
        ends = [block.first - 1 + block.stride * at for block in kept.blocks() for at in range(len(block.mean) + 1)]
        known = rows[:step].copy()
        known[max((end for end in ends if end <= step), default=0) :] = np.nan
        check(blocks, known)
        branch = Record(3, blocks, limit=1500)
        assert branch.end == step + 1
        branch.add(rows[:50])
        check(branch.blocks(), np.concatenate([known, rows[:50]]))
    finally:
        record.ROWS = rows_per_block


def test_a_smaller_limit_of_the_record_holds_at_once(monkeypatch):
    monkeypatch.setattr(record, "ROWS", 16)
    rows = rows_of(4, 4000)
    kept = Record(3)
    kept.add(rows)
    assert all(block.stride == 1 for block in kept.blocks())
    whole, row = kept.blocks(), 3 * 4
    kept.set_limit(1000 * row)
    blocks = kept.blocks()
    assert check(blocks, rows) == len(rows)
    # The block that is filled just now is not counted.
    assert sum(len(block.mean) * row * (3 if block.stride > 1 else 1) for block in blocks) <= (1000 + 16) * row
    assert blocks[-1].stride == 1
    # What another run shares of it stays.
    assert check(whole, rows) == len(rows)


def test_a_record_goes_on_where_the_last_block_was_left():
    rows = rows_of(1, 3 * record.ROWS + 50)
    kept, first = record.Record(3), 0
    while first < len(rows):
        kept.add(rows[first : first + 37])
        first += 37
        # As a chain of branches does.
        kept = record.Record(3, kept.until(kept.end - 1))
    blocks = kept.blocks()
    assert check(blocks, rows) == len(rows)
    assert [len(block.mean) for block in blocks] == [record.ROWS] * 3 + [50]
    pieces = [record.Block(1 + i, 1, *[rows[i : i + 1].astype(np.float32)] * 3) for i in range(2 * record.ROWS + 5)]
    again = record.Record(3, pieces).blocks()
    assert check(again, rows[: 2 * record.ROWS + 5]) == 2 * record.ROWS + 5
    assert len(again) == 3


@given(st.integers(1, 2**53), st.integers(0, 2**53))
def test_what_is_not_known_takes_a_few_rows_however_long_it_is(first, steps):
    blocks = record.unknown(first, first + steps, 3)
    at = first
    for block in blocks:
        assert block.first == at
        at = block.end
        assert np.isnan(block.low).all()
        assert np.isnan(block.mean).all()
    assert at == first + steps
    assert sum(len(block.mean) for block in blocks) <= (record.FOLD - 1) * 18


def test_a_history_of_blocks_has_the_extremes_of_the_steps():
    rows = rows_of(5, 9000, 2)
    kept, direct, anew = Record(2, limit=20_000), History(("a", "b")), History(("a", "b"))
    kept.add(rows)
    direct.add(1, rows)
    for block in kept.blocks():
        anew.add_block(block)
    assert anew.stride == direct.stride
    for name in ("a", "b"):
        found, exact = anew.series(name), direct.series(name)
        assert found.low.min() == exact.low.min()
        assert found.high.max() == exact.high.max()
        assert abs(len(found.steps) - len(exact.steps)) <= len(exact.steps) * 0.05


# Memory


def row(value):
    return np.full(len(SAMPLE_METRICS), float(value))


def test_measurements_are_found_by_their_step():
    kept = Memory()
    for step in (10, 0, 30, 20):
        assert kept.add(step, row(step))
    assert not kept.add(20, row(-1))
    assert [step for step, _ in kept.rows()] == [0, 10, 20, 30]
    assert kept.at(25) == (20, dict.fromkeys(SAMPLE_METRICS, 20.0))
    assert kept.at(-1) == (-1, {})
    assert kept.knows(30)
    assert not kept.knows(31)
    partly = row(np.nan)
    partly[2] = 7.0
    kept.add(40, partly)
    assert kept.at(50) == (40, {SAMPLE_METRICS[2]: 7.0})
    until, _ = kept.until(20)
    assert until.steps.tolist() == [0, 10, 20]
    assert until.values.shape == (3, len(SAMPLE_METRICS))


def test_measurements_are_thinned_where_they_are_old(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 64)
    kept = Memory()
    for step in range(1000):
        kept.add(step, row(step))
    steps = np.array([step for step, _ in kept.rows()])
    assert len(steps) <= 64
    assert steps[0] == 0
    assert steps[-1] == 999
    assert all(values[0] == step for step, values in kept.rows())
    # They lie evenly: nowhere is there nothing for long.
    assert len(steps) > 32
    assert np.diff(steps).max() <= 8 * 1000 / len(steps)


def test_diagnoses_stay_few_and_the_longest_of_the_old_ones_stay():
    kept = Memory()
    for step in range(0, 30_000, 2):
        kept.find(step, [Diagnosis("collapse", step, "Seen.", ())])
        if step % 1000 == 0:
            kept.find(step + 1, [Diagnosis("collapse", step, "Seen again.", ())])
    found = kept.findings
    assert len(found) == memory.MOST_FINDINGS
    assert {f.since for f in found if f.last_seen > f.since} == set(range(0, 30_000, 1000))
    assert [f.since for f in found][-200:] == list(range(30_000 - 400, 30_000, 2))
    other = Memory()
    other.recall(None, [*found, *(dataclasses.replace(found[0], since=-step) for step in range(1, 600))])
    assert len(other.findings) == memory.MOST_FINDINGS


def test_a_step_that_is_measured_after_later_ones_widens_what_was_found():
    kept = Memory()
    kept.find(100, [Diagnosis("collapse", 40, "Seen at 100.", ())])
    kept.find(90, [Diagnosis("collapse", 40, "Seen at 90.", ())])
    (found,) = kept.findings
    assert (found.first_seen, found.last_seen, found.sentence) == (90, 100, "Seen at 100.")


def test_diagnoses_hold_from_their_beginning_to_where_they_were_last_seen():
    kept = Memory()
    kept.find(50, [Diagnosis("collapse", 40, "Seen at 50.", (("modes", 1.0),))])
    kept.find(60, [Diagnosis("collapse", 40, "Seen at 60.", (("modes", 2.0),))])
    kept.find(90, [Diagnosis("collapse", 85, "Again.", ())])
    assert [found.first_seen for found in kept.findings] == [50, 90]
    assert [found.last_seen for found in kept.findings] == [60, 90]
    assert [found.sentence for found in kept.diagnoses(45)] == ["Seen at 60."]
    assert kept.diagnoses(39) == kept.diagnoses(70) == ()
    measured, findings = kept.until(55)
    assert [(found.first_seen, found.last_seen) for found in findings] == [(50, 55)]
    other = Memory()
    other.recall(measured, findings)
    assert [found.sentence for found in other.diagnoses(55)] == ["Seen at 60."]
    assert other.diagnoses(56) == ()
