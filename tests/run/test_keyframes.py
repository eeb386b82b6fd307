"""Kept states: within their bytes, the first and the last among them, and equally far apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganviz.run.keyframes import SPACING, Keyframes
from ganviz.run.recorded import Keyframe

SIZE = 4 * 100 + 8 * 3 + 8 * 2


def frame(step, seconds=None, size=100):
    return Keyframe(
        step, np.zeros(size, np.float32), np.full(3, step), np.zeros(2), step * 0.01 if seconds is None else seconds
    )


def test_their_size_is_that_of_their_arrays():
    assert frame(0).size == SIZE
    kept = Keyframes([frame(0), frame(5)])
    assert (kept.size, len(kept)) == (2 * SIZE, 2)
    # There is one for each step: the one that was first.
    first = kept.find(5)
    kept.add(frame(5))
    assert kept.find(5) is first
    assert kept.size == 2 * SIZE


def test_they_are_found_by_their_steps():
    kept = Keyframes(frame(step) for step in (20, 0, 10))
    assert [one.step for one in kept] == [0, 10, 20]
    assert [kept.before(step).step for step in (0, 9, 10, 19, 20, 99)] == [0, 0, 10, 10, 20, 20]
    assert [kept.nearest(step).step for step in (0, 4, 6, 14, 16, 99)] == [0, 0, 10, 10, 20, 20]
    assert [kept.next_step(step) for step in (0, 9, 10, 20)] == [10, 10, 20, None]
    assert kept.find(11) is None
    assert kept.last.step == 20
    assert [one.step for one in kept.until(15)] == [0, 10]


@given(st.lists(st.integers(1, 10_000), unique=True, min_size=1, max_size=120), st.integers(2, 40))
def test_the_first_and_the_last_stay_and_the_bytes_are_kept_to(steps, many):
    kept = Keyframes([frame(0)], limit=many * SIZE)
    for step in steps:
        kept.add(frame(step))
        found = [one.step for one in kept]
        assert found == sorted(found)
        assert found[0] == 0
        assert found[-1] == kept.last.step
        assert kept.size == len(found) * SIZE <= max(2, many) * SIZE
    assert kept.last.step == max(steps)
    if len(steps) < many:
        assert len(kept) == len(steps) + 1


@pytest.mark.parametrize("pace", ["even", "slower", "bursts"])
def test_replays_take_about_equally_long_everywhere(pace):
    kept, seconds = Keyframes([frame(0, 0.0)], limit=64 * SIZE), 0.0
    rng = np.random.default_rng(1)
    due = 0.0
    for step in range(1, 20_000):
        seconds += {"even": 1.0, "slower": step / 5000, "bursts": rng.exponential()}[pace] * 1e-3
        # As a run does it.
        if seconds - due >= kept.spacing:
            kept.add(frame(step, seconds))
            due = seconds
    times = np.array([one.seconds for one in kept])
    gaps = np.diff(times)
    assert len(times) <= 64
    assert len(times) >= 32
    assert gaps.max() <= 3 * gaps.mean()
    assert seconds - times[-1] <= 2 * gaps.mean()


def test_spacing_grows_only_once_there_is_no_more_room(monkeypatch):
    kept = Keyframes([frame(0, 0.0)], limit=8 * SIZE)
    for step in range(1, 7):
        assert kept.spacing == SPACING
        kept.add(frame(step, step * 1.0))
    kept.add(frame(7, 7.0))
    assert kept.spacing == pytest.approx(7.0 / 8 / 2)
    kept.set_limit(8 * SIZE, 4)
    kept.add(frame(8, 8.0))
    assert len(kept) == 4
    assert kept.spacing == pytest.approx(8.0 / 4 / 2)


def test_a_smaller_limit_holds_at_once():
    kept = Keyframes(frame(step) for step in range(50))
    kept.set_limit(10 * SIZE)
    assert kept.size == 10 * SIZE
    kept.set_limit(0)
    assert [one.step for one in kept] == [0, 49]
    # A copy of the past is thinned by itself.
    other = kept.until(30)
    other.add(frame(30))
    assert [one.step for one in other] == [0, 30]
    assert [one.step for one in kept] == [0, 49]


def test_digests_tell_every_bit():
    one, same = frame(3), frame(3)
    assert one.digest == same.digest
    numbers = one.numbers.copy()
    numbers.view(np.int32)[7] ^= 1
    assert Keyframe(3, numbers, one.counters, one.last).digest != one.digest
    assert Keyframe(3, one.numbers, one.counters + 1, one.last).digest != one.digest
