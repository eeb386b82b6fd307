"""The random numbers: published vectors, distributions, and independence of whatever they are addressed by."""

import itertools
import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ganviz.engine import random
from ganviz.engine.random import NORMAL, TRUNCATED, UNIFORM

SURE = 1e-4
"""Below this probability a test fails; the numbers are fixed by their seeds, so it fails always or never."""

DTYPES = {32: np.float32, 64: np.float64}
LAWS = {NORMAL: stats.norm(), UNIFORM: stats.uniform(-1, 2), TRUNCATED: stats.truncnorm(-2, 2)}


@numba.njit
def blocks(places, stream, update, step, seed):
    out = np.empty((places.size, 4), np.uint64)
    for i in range(places.size):
        out[i] = random.philox(places[i], stream, update, step, seed)
    return out


@numba.njit(error_model="numpy")
def fill_noise(out, count, kind, mean, std, pool, cursor, stream, update, step, seed, words):
    random.fill_noise(out, count, kind, mean, std, pool, cursor, stream, update, step, seed, words)


@numba.njit(error_model="numpy")
def fill_others(out, flat, count, low, high, std, stream, update, step, seed, words):
    random.fill_uniform01(out, count, stream, update, step, seed, words)
    random.fill_flat_uniform(flat[0], low, high, stream, update, step, seed)
    random.fill_flat_normal(flat[1], std, stream, update, step, seed)


@numba.njit
def fill_members(out, words, cursor, size, seed):
    random.pool_members(words, cursor, size, random.NOISE_POOL, seed)
    for i in range(out.size):
        out[i] = random.unpack(words[i])


@numba.njit
def fill_rows(out, words, size, rows, seed):
    for i in range(out.size):
        words[i] = random.pack(np.uint64(i % size), words[i])
    random.pool_rows(words, rows, random.DATA_POOL, seed)
    for i in range(out.size):
        out[i] = random.unpack(words[i])


@numba.njit(error_model="numpy")
def convert(words, out):
    for i in range(words.size):
        packed = random.pack(words[i], out[0, 0])
        out[0, i] = random.symmetric(packed)
        out[1, i] = random.log_uniform(packed)
        out[2, i], out[3, i] = random.normal_pair(packed, packed)


def vector(place=0, stream=1, update=0, step=0, seed=0) -> list[int]:
    numbers = np.array([place]), np.uint64(stream), np.uint64(update), np.uint64(step), np.uint64(seed)
    return [int(number) for number in blocks(*numbers)[0]]


def noise(
    dimension=1, count=1000, kind=NORMAL, bits=64, mean=0.0, std=1.0, pool=0, cursor=0,
    stream=3, update=0, step=0, seed=0, spare=0,
):  # fmt: skip
    """Draw noise (dimension, count), and see that the rest is set to 0 and nothing else is touched."""
    stored = -(-count // 16) * 16 + spare
    around = np.full((dimension + 2, stored), 7, DTYPES[bits])
    words = np.full(4 * stored + 32, 7, DTYPES[bits])
    out = around[1:-1]
    fill_noise(out, count, kind, mean, std, pool, cursor, stream, update, step, seed, words[16:-16])
    assert (out[:, count:] == 0).all()
    assert (around[[0, -1]] == 7).all()
    assert (words[:16] == 7).all()
    assert (words[-16:] == 7).all()
    return out[:, :count].astype(np.float64)


def numbers(**address):
    """Draw noise in one dimension (count,)."""
    return noise(1, **address)[0]


def members(count, cursor, size, seed=0):
    out = np.empty(count, np.int64)
    fill_members(out, np.empty(count), cursor, size, seed)
    return out


# Random123, tests/kat_vectors: philox4x32, 10 rounds; counter, key, output.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_philox_gives_the_published_vectors(counter, key, output):
    c = [int(word, 16) for word in counter.split()]
    k = [int(word, 16) for word in key.split()]
    found = vector(place=c[0], update=c[1] >> 8, stream=c[1] & 0xFF, step=c[2] | c[3] << 32, seed=k[0] | k[1] << 32)
    assert found == [int(word, 16) for word in output.split()]


def test_every_part_of_the_address_counts():
    """No two neighbours in any part of the address have the same numbers, the largest ones included."""
    parts = {
        "place": [0, 1, 2, 2**32 - 1],
        "stream": list(range(20)),
        "update": [0, 1, 2, 999, 2**24 - 1],
        "step": [0, 1, 2**31, 2**32, 2**32 + 1, 2**62],
        "seed": [0, 1, 2**31, 2**32, 2**32 + 1, 2**63 - 1],
    }
    addresses = {(("place", 0), ("stream", 1), ("update", 0), ("step", 0), ("seed", 0))}
    for one, other in itertools.combinations(parts, 2):
        for a, b in itertools.product(parts[one], parts[other]):
            fixed = {"place": 0, "stream": 1, "update": 0, "step": 0, "seed": 0}
            addresses.add(tuple({**fixed, one: a, other: b}.items()))
    assert len({tuple(vector(**dict(address))) for address in addresses}) == len(addresses)


@pytest.mark.parametrize("bits", [32, 64])
def test_words_become_numbers_symmetric_around_zero_to_both_ends(bits):
    """The uniform numbers are centres of 2^32 equal pieces: never an end, never 0, so each logarithm is finite."""
    words = [0, 1, 2, 2**30, 2**31 - 2, 2**31 - 1, 2**31, 2**31 + 1, 3 * 2**30, 2**32 - 2, 2**32 - 1, 0x49F00001]
    out = np.zeros((4, len(words)), DTYPES[bits])
    convert(np.array(words, np.uint64), out)
    signed = np.array([word - 2**32 if word >= 2**31 else word for word in words], np.float64)
    tolerance = {"rtol": 3e-7 if bits == 32 else 1e-14}
    np.testing.assert_allclose(out[0], (signed + 0.5) / 2**31, **tolerance)
    half = (signed + 0.5) / 2**32
    np.testing.assert_allclose(out[1], np.where(half > 0, np.log(np.abs(half)), np.log1p(-np.abs(half))), **tolerance)
    assert np.isfinite(out).all()
    assert (out[1] < 0).all()
    assert np.abs(out[2:]).max() < np.sqrt(66 * np.log(2)) + 1e-6


def test_streams_have_numbers_of_their_own_that_fit_a_byte():
    names = [name for name in vars(random) if name.isupper() and not name.startswith("_")]
    streams = [getattr(random, name) for name in names if name not in ("NORMAL", "UNIFORM", "TRUNCATED", "LANES")]
    streams = [number for number in streams if isinstance(number, int)]
    assert len(streams) >= 18
    assert len(set(streams)) == len(streams)
    assert 0 < min(streams) <= max(streams) < 256


@pytest.mark.parametrize("bits", [32, 64])
def test_normal_numbers_are_normal(bits):
    found = numbers(count=400_000, bits=bits)
    n = found.size
    # Each of the four samples of a block by itself, too.
    for part in (found, *found.reshape(-1, 4, 16).swapaxes(0, 1).reshape(4, -1)):
        assert stats.kstest(part, stats.norm.cdf).pvalue > SURE
    # Moments of the normal distribution, with the standard errors of their estimates.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert (found**power).mean() == pytest.approx(moment, abs=4 * np.sqrt(variance / n))
    # Both tails are there: beyond four deviations 6.3e-5 of the numbers.
    tail = np.count_nonzero(np.abs(found) > 4)
    assert stats.binomtest(int(tail), n, 2 * stats.norm.sf(4)).pvalue > SURE


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("dimension", [1, 2, 3, 6])
@pytest.mark.parametrize("pool", [0, 30_000])
def test_noise_kinds_are_what_they_say(kind, dimension, bits, pool):
    n = 30_000
    found = noise(dimension, n, kind, bits, pool=pool, cursor=pool)
    law = LAWS[kind]
    for row in found:
        assert stats.kstest(row, law.cdf).pvalue > SURE
        for half in row.reshape(2, -1):
            assert half.mean() == pytest.approx(law.mean(), abs=4.5 * law.std() / np.sqrt(n / 2))
            assert half.std() == pytest.approx(law.std(), rel=0.03)
    assert np.abs(found).max() <= {NORMAL: 7, UNIFORM: 1, TRUNCATED: 2}[kind]
    # Components of a sample have nothing to do with each other, nor have their squares.
    if dimension > 1:
        for values in (found, found**2):
            between = np.corrcoef(values) - np.eye(dimension)
            assert np.abs(between).max() < 4.5 / np.sqrt(n)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("kind", LAWS)
def test_noise_is_moved_and_scaled(kind, bits):
    base = noise(2, 100, kind, bits)
    moved = noise(2, 100, kind, bits, mean=0.5, std=0.25)
    np.testing.assert_allclose(moved, 0.5 + 0.25 * base, atol=1e-6 if bits == 32 else 1e-15)


BASE = {"stream": 3, "update": 0, "step": 0, "seed": 0}


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize(
    "other",
    [{"stream": s} for s in range(1, 19) if s != 3]
    + [{"update": u} for u in (1, 2, 256)]
    + [{"step": t} for t in (1, 2, 2**32, 10**9)]
    + [{"seed": s} for s in (1, 2, 2**32, 2**63 - 1)],
    ids=str,
)
def test_no_correlation_with_any_other_address(kind, other):
    n = 40_000
    one, two = numbers(count=n, kind=kind, **BASE), numbers(count=n, kind=kind, **{**BASE, **other})
    # Neighbours in the block's order lie 16 apart.
    for shift in (0, 1, 2, 3, 4, 16, 32):
        for a, b in ((one, two), (one**2, two**2)):
            r = np.corrcoef(a[shift:], b[: n - shift])[0, 1]
            assert abs(r) < 4.5 / np.sqrt(n)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_no_correlation_within_a_stream(dimension):
    n = 200_000
    for found in noise(dimension, n):
        for lag in (1, 2, 3, 4, 5, 8, 15, 16, 17, 32, 48, 64):
            for values in (found, found**2):
                assert abs(np.corrcoef(values[lag:], values[:-lag])[0, 1]) < 4.5 / np.sqrt(n)


def test_no_two_numbers_are_the_same():
    """No stream, update, step, sample or component overlaps with another: all their numbers differ."""
    drawn = [
        noise(dimension, 160, stream=stream, update=update, step=step)
        for dimension, stream, update, step in itertools.product((1, 2, 5), (1, 2, 3, 12), (0, 1, 255), (0, 1, 2**31))
    ]
    for dimension in (1, 2, 5):
        values = np.concatenate([found.ravel() for found in drawn if len(found) == dimension])
        assert len(np.unique(values)) == len(values)


def test_consecutive_steps_are_independent_at_one_place():
    """The same sample over many steps is as random as many samples of one step."""
    found = np.array([numbers(count=4, step=step) for step in range(3000)])
    for column in found.T:
        assert stats.kstest(column, stats.norm.cdf).pvalue > SURE
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 4.5 / np.sqrt(3000)


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("pool", [0, 700])
def test_a_place_has_its_number_whatever_the_batch(kind, bits, pool):
    for dimension in (1, 2, 3, 4, 7, 9):
        most = noise(dimension, 300, kind, bits, pool=pool, cursor=5)
        for count in (1, 2, 3, 4, 5, 10, 16, 17, 31, 33, 64, 65, 299):
            found = noise(dimension, count, kind, bits, pool=pool, cursor=5, spare=16 * (count % 3))
            assert np.array_equal(found, most[:, :count])


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_32_bits_round_the_numbers_of_64(kind, dimension):
    single, double = (noise(dimension, 20_000, kind, bits) for bits in (32, 64))
    np.testing.assert_allclose(single, double, rtol=1e-6, atol=1e-6)


def test_large_normal_numbers_are_as_precise_in_32_bits_as_small_ones():
    single, double = (numbers(count=1_000_000, bits=bits) for bits in (32, 64))
    far = np.abs(double) > 4
    assert far.any()
    np.testing.assert_allclose(single[far], double[far], rtol=1e-6)
    # The smallest radii come from uniform numbers next to 1, which 32 bits cannot tell from 1.
    radii = [np.hypot(pair[:, 0], pair[:, 1]) for pair in (x.reshape(-1, 2, 16) for x in (single, double))]
    near = radii[1] < 1e-2
    assert near.any()
    np.testing.assert_allclose(radii[0][near], radii[1][near], rtol=1e-5)


def test_flat_arrays_of_any_size_and_uniform_matrices():
    """For initial weights and for mixing weights."""
    for bits in (32, 64):
        flat, out = np.zeros((2, 40_003), DTYPES[bits]), np.full((3, 5_008), 7, DTYPES[bits])
        words = np.zeros(4 * 5_008, DTYPES[bits])
        fill_others(out, flat, 5_000, -2.0, 3.0, 0.5, 7, 0, 0, 1, words)
        laws = (stats.uniform(-2, 5), stats.norm(0, 0.5))
        for row, law in zip(flat.astype(np.float64), laws, strict=True):
            assert stats.kstest(row, law.cdf).pvalue > SURE
            assert row.mean() == pytest.approx(law.mean(), abs=4 * law.std() / np.sqrt(row.size))
            assert abs(np.corrcoef(row[1:], row[:-1])[0, 1]) < 4.5 / np.sqrt(row.size)
        assert -2 <= flat[0].min() < -1.99
        assert 2.99 < flat[0].max() <= 3
        assert (out[:, 5_000:] == 0).all()
        for row in out[:, :5_000].astype(np.float64):
            assert stats.kstest(row, stats.uniform().cdf).pvalue > SURE
            assert 0 <= row.min() < 0.002
            assert 0.998 < row.max() <= 1
        assert np.abs(np.corrcoef(out[:, :5_000]) - np.eye(3)).max() < 4.5 / np.sqrt(5_000)
        again = np.zeros((2, 100), DTYPES[bits])
        fill_others(out, again, 10, -2.0, 3.0, 0.5, 7, 0, 0, 1, words)
        assert np.array_equal(again, flat[:, :100])
        for other in ((8, 0, 0, 1), (7, 1, 0, 1), (7, 0, 1, 1), (7, 0, 0, 2)):
            fill_others(out, again, 10, -2.0, 3.0, 0.5, *other, words)
            assert not np.isclose(again, flat[:, :100]).any()


@given(st.integers(1, 300), st.integers(0, 2**40), st.integers(0, 2**63 - 1))
@settings(deadline=None)  # the first example compiles
def test_each_epoch_of_a_pool_visits_each_member_once(size, epoch, seed):
    assert sorted(members(size, epoch * size, size, seed)) == list(range(size))


@given(st.integers(1, 50), st.integers(0, 1000), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_a_pool_is_visited_in_the_same_order_in_bursts_of_any_size(size, cursor, count):
    together = members(count, cursor, size)
    assert together.tolist() == [members(1, cursor + i, size)[0] for i in range(count)]


@pytest.mark.parametrize("size", [10_000, 65_537, 10_000_000])
def test_large_pools_too_are_visited_whole(size):
    assert np.array_equal(np.sort(members(size, 3 * size, size)), np.arange(size))


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_order_of_a_small_pool_is_equally_likely(size):
    epochs = 24_000
    order = members(size * epochs, 0, size, seed=5).reshape(epochs, size)
    _, counts = np.unique(order, axis=0, return_counts=True)
    assert len(counts) == math.factorial(size)
    assert stats.chisquare(counts).pvalue > SURE
    # The next epoch knows nothing of this one.
    table = np.histogram2d(order[:-1, 0], order[1:, 0], bins=size)[0]
    assert stats.chi2_contingency(table).pvalue > SURE


def test_orders_of_a_large_pool_are_random_and_unlike_each_other():
    size, epochs = 100, 20_000
    order = members(size * epochs, 0, size, seed=2).reshape(epochs, size)
    # Each position meets each member equally often; sums over (size - 1)^2 independent cells.
    seen = np.array([np.bincount(column, minlength=size) for column in order.T])
    statistic = ((seen - epochs / size) ** 2 / (epochs / size)).sum()
    assert stats.chi2((size - 1) ** 2).sf(statistic) > SURE
    # Neighbours in an epoch are any two different members.
    apart = np.bincount(((order[:, 1:] - order[:, :-1]) % size).ravel(), minlength=size)
    assert apart[0] == 0
    assert stats.chisquare(apart[1:]).pvalue > SURE
    # A position in this epoch says nothing about the next one, nor does the seed about another.
    other = members(size * epochs, 0, size, seed=3).reshape(epochs, size)
    for one, two in ((order[:-1], order[1:]), (order, other)):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 4.5 / np.sqrt(one.size)
        assert np.mean(one == two) == pytest.approx(1 / size, abs=4.5 / size / 10 / np.sqrt(one.size / 1e4))


@pytest.mark.parametrize("dimension", [1, 2, 3, 6])
def test_a_pool_gives_the_same_vectors_at_every_visit(dimension):
    size = 37
    first = noise(dimension, size, pool=size, stream=2)
    later = noise(dimension, size, pool=size, cursor=5 * size, stream=3, update=4, step=9)
    assert not np.array_equal(first, later)
    assert np.array_equal(np.unique(first, axis=1), np.unique(later, axis=1))
    assert np.unique(first, axis=1).shape == first.shape
    order = members(size, 5 * size, size)
    where = members(size, 0, size)
    assert np.array_equal(later, first[:, np.argsort(where)[order]])


@given(st.integers(1, 200), st.integers(0, 100))
@settings(max_examples=50, deadline=None)
def test_a_smaller_pool_takes_distinct_rows_of_a_file_always_the_same(size, more):
    rows = size + more
    out, words = np.empty(2 * size, np.int64), np.empty(2 * size)
    fill_rows(out, words, size, rows, 4)
    assert len(set(out[:size])) == size
    assert 0 <= out.min() <= out.max() < rows
    assert np.array_equal(out[:size], out[size:])


def test_the_rows_of_a_smaller_pool_depend_on_the_seed_and_are_spread():
    out, words = np.empty(100, np.int64), np.empty(100)
    counts = np.zeros(1000, int)
    for seed in range(500):
        fill_rows(out, words, 100, 1000, seed)
        counts[out] += 1
    assert stats.chisquare(counts).pvalue > SURE
