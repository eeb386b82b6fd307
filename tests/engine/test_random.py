"""The random numbers: published vectors, distributions, and independence of whatever they are addressed by."""

import itertools

import numba
import numpy as np
import pytest
from scipy import stats

from ganviz.engine import random
from ganviz.engine.data import data_plan
from ganviz.engine.machine import NOISE_KINDS, Operation, execute, new_arena
from ganviz.engine.program import Program
from ganviz.experiment import Experiment

PLAN = data_plan(Experiment())
SURE = 1e-4
"""Below this probability a test fails; the numbers are fixed by their seeds, so it fails always or never."""


@numba.njit
def blocks(places, stream, update, step, seed):
    out = np.empty((places.size, 4), np.uint64)
    for i in range(places.size):
        out[i] = random.philox(places[i], stream, update, step, seed)
    return out


def vector(place=0, stream=1, update=0, step=0, seed=0) -> list[int]:
    numbers = np.array([place]), np.uint64(stream), np.uint64(update), np.uint64(step), np.uint64(seed)
    return [int(number) for number in blocks(*numbers)[0]]


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
        "stream": list(range(12)),
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


def numbers(operation=Operation.NORMAL, count=1000, bits=64, stream=3, update=0, step=0, seed=0, low=0.0, high=1.0):
    """Draw with the machine, as training does."""
    program = Program()
    out = program.matrix(1, count)
    constants = (low, high) if operation == Operation.UNIFORM else (1.0, 0.0)
    program.add(operation, y=out.place, m=count, s=stream, t=update, k=1, constants=constants)
    arena, counters = new_arena(program.size, bits), np.array([step], np.int64)
    execute(program.instructions, program.constants, arena, counters, PLAN, seed, np.zeros((1, 9)), 1)
    return arena[:count].astype(np.float64)


@pytest.mark.parametrize("bits", [32, 64])
def test_uniform_numbers_are_uniform(bits):
    found = numbers(Operation.UNIFORM, 200_000, bits, low=-2.0, high=3.0)
    assert stats.kstest(found, stats.uniform(-2, 5).cdf).pvalue > SURE
    assert found.min() >= -2
    assert found.max() <= 3
    assert found.mean() == pytest.approx(0.5, abs=4 * 5 / np.sqrt(12 * 200_000))
    # Each of the four numbers of a block by itself.
    for part in found.reshape(-1, 4).T:
        assert stats.kstest(part, stats.uniform(-2, 5).cdf).pvalue > SURE


@pytest.mark.parametrize("bits", [32, 64])
def test_normal_numbers_are_normal(bits):
    found = numbers(Operation.NORMAL, 400_000, bits)
    n = found.size
    for part in (found, *found.reshape(-1, 4).T):
        assert stats.kstest(part, stats.norm.cdf).pvalue > SURE
    # Moments of the normal distribution, with the standard errors of their estimates.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert (found**power).mean() == pytest.approx(moment, abs=4 * np.sqrt(variance / n))
    # Both tails are there: beyond four deviations 6.3e-5 of the numbers.
    tail = np.count_nonzero(np.abs(found) > 4)
    assert stats.binomtest(int(tail), n, 2 * stats.norm.sf(4)).pvalue > SURE


def test_noise_kinds_are_what_they_say():
    program = Program()
    n = 100_000
    places = {kind: program.matrix(1, n) for kind in NOISE_KINDS}
    for kind, out in places.items():
        program.add(Operation.NOISE, y=out.place, m=n, n=NOISE_KINDS[kind], s=2)
    arena = new_arena(program.size, 64)
    execute(program.instructions, program.constants, arena, np.zeros(1, np.int64), PLAN, 4, np.zeros((1, 9)), 1)
    for kind, law in (("normal", stats.norm), ("uniform", stats.uniform(-1, 2))):
        assert stats.kstest(arena[places[kind].place :][:n], law.cdf).pvalue > SURE


BASE = {"stream": 3, "update": 0, "step": 0, "seed": 0}


@pytest.mark.parametrize("operation", [Operation.NORMAL, Operation.UNIFORM])
@pytest.mark.parametrize(
    "other",
    [{"stream": s} for s in range(1, 12) if s != 3]
    + [{"update": u} for u in (1, 2, 256)]
    + [{"step": t} for t in (1, 2, 2**32, 10**9)]
    + [{"seed": s} for s in (1, 2, 2**32, 2**63 - 1)],
    ids=str,
)
def test_no_correlation_with_any_other_address(operation, other):
    n = 40_000
    one, two = numbers(operation, n, **BASE), numbers(operation, n, **{**BASE, **other})
    for shift in range(5):
        for a, b in ((one, two), (one**2, two**2)):
            r = np.corrcoef(a[shift:], b[: n - shift])[0, 1]
            assert abs(r) < 4.5 / np.sqrt(n)


def test_no_correlation_within_a_stream():
    n = 200_000
    found = numbers(count=n)
    for lag in (1, 2, 3, 4, 5, 8, 64):
        for values in (found, found**2):
            assert abs(np.corrcoef(values[lag:], values[:-lag])[0, 1]) < 4.5 / np.sqrt(n)


def test_consecutive_steps_are_independent_at_one_place():
    """The same sample over many steps is as random as many samples of one step."""
    found = np.array([numbers(count=4, step=step) for step in range(3000)])
    for column in found.T:
        assert stats.kstest(column, stats.norm.cdf).pvalue > SURE
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 4.5 / np.sqrt(3000)


@pytest.mark.parametrize("operation", [Operation.NORMAL, Operation.UNIFORM])
@pytest.mark.parametrize("bits", [32, 64])
def test_a_place_has_its_number_whatever_the_batch(operation, bits):
    most = numbers(operation, 1000, bits)
    for count in (1, 2, 3, 4, 5, 10, 999):
        assert np.array_equal(numbers(operation, count, bits), most[:count])


def test_32_bits_round_the_numbers_of_64():
    for operation in (Operation.NORMAL, Operation.UNIFORM):
        assert np.array_equal(
            numbers(operation, bits=32), numbers(operation, bits=64).astype(np.float32).astype(np.float64)
        )


def test_k_zero_ignores_the_step():
    program = Program()
    out = program.matrix(1, 8)
    program.add(Operation.NOISE, y=out.place, m=8, s=2)
    found = []
    for step in (0, 77):
        arena, counters = new_arena(program.size, 64), np.array([step], np.int64)
        execute(program.instructions, program.constants, arena, counters, PLAN, 4, np.zeros((1, 9)), 1)
        found.append(arena.copy())
    assert np.array_equal(*found)
