import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganviz.run import History
from ganviz.run.history import BUCKETS

value = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32))
additions = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 40), st.integers(0, 3000), st.just(BUCKETS - 1)),
        st.lists(st.tuples(value, value), min_size=1, max_size=12),
        st.integers(1, 60),
    ),
    min_size=1,
    max_size=12,
)


def brute_force(steps, values, stride):
    """Return the rows of (middle, mean, low, high) of each bucket of a column with any value."""
    known = ~np.isnan(values)
    steps, values = steps[known], values[known]
    rows = []
    for bucket in sorted(set(steps // stride)):
        inside = values[steps // stride == bucket]
        middle = np.arange(bucket * stride, (bucket + 1) * stride).mean()
        rows.append((middle, inside.mean(), inside.min(), inside.max()))
    return np.array(rows).reshape(-1, 4)


def assert_equal(series, rows):
    assert np.array_equal(series.steps, rows[:, 0])
    assert np.array_equal(series.low, rows[:, 2])
    assert np.array_equal(series.high, rows[:, 3])
    assert series.mean == pytest.approx(rows[:, 1], rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(additions)
def test_series_are_those_of_brute_force(chunks):
    """Runs add steps one after another, but gaps, metrics of a step again and steps of any order must not hurt."""
    history = History(("a", "b"))
    steps, rows = [], []
    for gap, chunk, repeat in chunks:
        first = (max(steps) if steps else 0) + gap
        block = np.array(chunk * repeat)
        history.add(first, block)
        steps.extend(range(first, first + len(block)))
        rows.extend(block)
    steps, rows = np.array(steps), np.array(rows)
    assert history.stride == 1 or steps.max() >= BUCKETS * history.stride // 2
    assert steps.max() < BUCKETS * history.stride
    for column, name in enumerate(("a", "b")):
        assert_equal(history.series(name), brute_force(steps, rows[:, column], history.stride))


@pytest.mark.parametrize("chunk", [1, 7, 1000, 4096])
def test_the_way_of_adding_does_not_matter(chunk):
    values = np.random.default_rng(chunk).normal(size=(5000, 1))
    whole, parts = History(("a",)), History(("a",))
    whole.add(1, values)
    for start in range(0, len(values), chunk):
        parts.add(1 + start, values[start : start + chunk])
    one, two = whole.series("a"), parts.series("a")
    assert np.array_equal(one.steps, two.steps)
    assert np.array_equal(one.low, two.low)
    assert np.array_equal(one.high, two.high)
    assert one.mean == pytest.approx(two.mean, rel=1e-9, abs=1e-12)


def test_extremes_survive_ten_million_steps_in_bounded_memory():
    history = History(("a", "b"))
    arrays = {name: array.shape for name, array in vars(history).items() if isinstance(array, np.ndarray)}
    rng = np.random.default_rng(0)
    spikes = {17: 50.0, 1_000_003: -70.0, 9_999_999: 60.0}
    chunk, total = 500_000, 0.0
    block = rng.normal(size=(chunk, 2))
    for start in range(0, 10_000_000, chunk):
        rows = block.copy()
        for at, spike in spikes.items():
            if start <= at < start + chunk:
                rows[at - start, 0] = spike
        history.add(start, rows)
        total += rows[:, 0].sum()
    series = history.series("a")
    for at, spike in spikes.items():
        bucket = np.argmin(np.abs(series.steps - at))
        assert (series.low if spike < 0 else series.high)[bucket] == spike
        assert abs(series.steps[bucket] - at) <= history.stride / 2
    assert series.low.min() == -70.0
    assert series.high.max() == 60.0
    assert history.stride == 16_384
    assert BUCKETS // 2 < len(series.steps) <= BUCKETS
    # All buckets but the last are full, so the mean of means is nearly that of the values.
    counts = np.full(len(series.steps), float(history.stride))
    counts[-1] = 10_000_000 - history.stride * (len(series.steps) - 1)
    assert series.mean @ counts == pytest.approx(total, abs=1e-5)
    after = {name: array.shape for name, array in vars(history).items() if isinstance(array, np.ndarray)}
    assert after == arrays
    assert sum(sys.getsizeof(array) for array in vars(history).values()) < 200_000


def test_series_are_no_views_of_the_history():
    history = History(("a",))
    history.add(1, np.array([[1.0], [2.0]]))
    series = history.series("a")
    history.add(2, np.array([[9.0]]))
    assert np.array_equal(series.high, [1.0, 2.0])
    assert np.array_equal(history.series("a").high, [1.0, 9.0])


def test_empty():
    history = History(("a", "b"))
    history.add(5, np.empty((0, 2)))
    history.add(6, np.array([[np.nan, 1.0]]))
    assert history.series("a").steps.size == 0
    assert np.array_equal(history.series("b").steps, [6.0])
    with pytest.raises(ValueError, match="tuple"):
        history.series("c")
