"""Cycles in curves: sines of known period and amplitude, and noise of every colour."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganviz.metrics.cycles import PERIODS, POINTS, SHORTEST, find_cycle, stretches

CLEAR = 0.5


def sampled(function, points=POINTS, inner=32):
    """Return the means of a function over unit stretches."""
    t = (np.arange(points * inner) + 0.5) / inner
    return function(t).reshape(points, inner).mean(axis=1)


def power_noise(exponent, length, rng):
    """Return noise whose power falls as f^-exponent, from a period eight times as long."""
    f = np.fft.rfftfreq(8 * length)[1:]
    amplitude = f ** (-exponent / 2) * (rng.normal(size=len(f)) + 1j * rng.normal(size=len(f)))
    return np.fft.irfft(np.concatenate([[0], amplitude]))[:length]


def markov_noise(memory, length, rng):
    """Return noise in which each value keeps a share of the last one."""
    values = rng.normal(size=length + 1000)
    for place in range(1, len(values)):
        values[place] += memory * values[place - 1]
    return values[1000:]


@settings(deadline=None, max_examples=200)
@given(
    period=st.floats(SHORTEST + 0.5, POINTS / PERIODS - 0.5),
    amplitude=st.floats(1e-6, 1e6),
    phase=st.floats(0, 2 * np.pi),
    level=st.floats(-10, 10),
    slope=st.floats(-0.1, 0.1),
    spacing=st.sampled_from([1.0, 4.0, 512.0]),
)
def test_a_sine_is_found_within_five_percent(period, amplitude, phase, level, slope, spacing):
    def wave(t):
        return amplitude * (level + slope * t + np.sin(2 * np.pi * t / period + phase))

    found = find_cycle(sampled(wave), 100.0, spacing)
    assert found is not None
    assert found.period == pytest.approx(period * spacing, rel=0.05)
    # A trend of the third degree takes a little of what there are only four of.
    assert found.amplitude == pytest.approx(amplitude, rel=0.05 if period < POINTS / 6 else 0.15)
    assert found.score > 0.8
    assert (found.first, found.last) == (100.0, 100.0 + POINTS * spacing)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), period=st.floats(8.0, 28.0))
def test_a_sine_in_noise_is_found(seed, period):
    rng = np.random.default_rng(seed)
    noise = 0.3 * rng.normal(size=POINTS)
    found = find_cycle(sampled(lambda t: np.sin(2 * np.pi * t / period)) + noise, 0.0, 1.0)
    assert found is not None
    assert found.period == pytest.approx(period, rel=0.1)
    assert found.amplitude == pytest.approx(1.0, rel=0.35)


def test_a_square_wave_and_a_zigzag_have_their_period():
    for shape in (lambda t: np.sign(np.sin(2 * np.pi * t / 20 + 0.1)), lambda t: np.abs((t / 20) % 1.0 - 0.5)):
        found = find_cycle(sampled(shape), 0.0, 1.0)
        assert found is not None
        assert found.period == pytest.approx(20, rel=0.05)
        assert found.score > CLEAR


@pytest.mark.parametrize("decay", [0.25, 1.0, 3.0])
def test_a_cycle_that_dies_away_is_known_by_its_decay(decay):
    found = find_cycle(sampled(lambda t: decay ** (t / 64) * np.sin(2 * np.pi * t / 12)), 0.0, 1.0)
    assert found is not None
    assert found.decay == pytest.approx(decay, rel=0.15)


@pytest.mark.parametrize("values", [np.zeros(POINTS), np.full(POINTS, 7.0), np.linspace(0, 1, POINTS)])
def test_nothing_comes_back_in_a_line(values):
    found = find_cycle(values, 0.0, 1.0)
    assert found is None or found.score < CLEAR


@pytest.mark.parametrize("curve", [lambda t: np.exp(-t / 20), lambda t: 1 / (1 + np.exp((60 - t) / 5)), np.sqrt])
def test_a_trend_is_no_cycle(curve):
    found = find_cycle(sampled(curve), 0.0, 1.0)
    assert found is None or found.score < CLEAR


COLOURS = {
    **{f"power {exponent}": (power_noise, exponent) for exponent in (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)},
    **{f"memory {memory}": (markov_noise, memory) for memory in (0.5, 0.8, 0.9, 0.95, 0.98)},
}


@pytest.mark.parametrize("colour", COLOURS)
def test_noise_of_any_colour_seldom_looks_like_a_cycle(colour):
    noise, parameter = COLOURS[colour]
    rng = np.random.default_rng(5)
    long = noise(parameter, 600 * POINTS, rng).reshape(600, POINTS)
    found = [find_cycle(part, 0.0, 1.0) for part in long]
    assert np.mean([cycle is not None and cycle.score >= CLEAR for cycle in found]) < 0.01


def test_stretches_are_means_of_the_newest_values():
    values = np.arange(300.0)
    parts = list(stretches(values, 50.0, 2.0))
    assert [spacing for _, _, spacing in parts] == [2.0, 4.0]
    for points, first, spacing in parts:
        width = int(spacing / 2)
        assert len(points) == POINTS
        assert first == 50 + 2 * (300 - POINTS * width)
        assert points[-1] == values[-width:].mean()
    assert [spacing for _, _, spacing in stretches(np.zeros(3 * POINTS), 0.0, 1.0)] == [1.0, 2.0, 3.0]
    assert not list(stretches(np.zeros(POINTS - 1), 0.0, 1.0))
