"""Products of matrices against NumPy, for all sizes: right numbers, and not one written or read outside its place."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import run_process

from ganviz.engine import linear, simd
from ganviz.engine.data import data_plan
from ganviz.engine.machine import FIRST_PLAYER, execute, new_arena
from ganviz.engine.operation import Operation
from ganviz.engine.program import Program, up
from ganviz.engine.step import RECORDED
from ganviz.engine.training import Training
from ganviz.experiment import Experiment

many = settings(deadline=None, max_examples=150)
PLAN = data_plan(Experiment())
BITS = st.sampled_from([32, 64])
SMALL = st.integers(1, 70)
STORED = st.integers(1, 33).map(lambda lines: 16 * lines)
STARTS = [linear.FROM_ZERO, linear.FROM_BIAS, linear.FROM_OUTPUT]
ENDS = [linear.NOTHING, linear.RELU, linear.LEAKY, linear.MASK_RELU, linear.MASK_LEAKY]
GAP = 32
"""Numbers between matrices, more than a vector register holds; all of them are NaN, so that reading one shows."""


class Bench:
    """An arena with matrices in it, and NaN all around them."""

    def __init__(self, bits: int, **matrices: np.ndarray) -> None:
        self.places, place = {}, GAP
        for name, matrix in matrices.items():
            self.places[name] = place
            place += up(matrix.size) + GAP
        self.arena = new_arena(place, bits)
        self.arena[:] = np.nan
        self.shapes = {name: matrix.shape for name, matrix in matrices.items()}
        for name, matrix in matrices.items():
            self[name][:] = matrix

    def __getitem__(self, name: str) -> np.ndarray:
        place, shape = self.places[name], self.shapes[name]
        return self.arena[place : place + np.prod(shape)].reshape(shape)

    def run(self, operation: Operation, **fields: int) -> np.ndarray:
        """Carry out an instruction that writes y; check that nothing else has changed."""
        before = self.arena.copy()
        program = Program()
        program.add(operation, **self.places, **fields)
        counters, records = np.zeros(FIRST_PLAYER, np.int64), np.zeros((1, len(RECORDED)))
        execute(program.instructions, program.constants, self.arena, counters, PLAN, 0, records, 1)
        y = self["y"].astype(np.float64)
        start, end = self.places["y"], self.places["y"] + self["y"].size
        for part in (slice(0, start), slice(end, None)):
            assert before[part].tobytes() == self.arena[part].tobytes()
        return y


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Draw numbers of several sizes and both signs, among them zeros."""
    return rng.normal(size=shape) * rng.choice([0, 0.1, 1, 1, 10], size=shape)


@dataclass
class Product:
    """One product with all its inputs, and its answer in NumPy."""

    bits: int
    m: int
    k: int
    n: int
    start: int
    end: int
    transposed: bool
    seed: int

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.a, self.x = numbers(rng, self.m, self.k), numbers(rng, self.k, self.n)
        self.bias, self.y, self.mask = numbers(rng, self.m), numbers(rng, self.m, self.n), numbers(rng, self.m, self.n)
        dtype = np.float32 if self.bits == 32 else np.float64
        for name in ("a", "x", "bias", "y", "mask"):
            setattr(self, name, getattr(self, name).astype(dtype))

    def run(self) -> np.ndarray:
        stored = np.ascontiguousarray(self.a.T) if self.transposed else self.a
        bench = Bench(self.bits, x=stored, w=self.x, y=self.y, b=self.bias, s=self.mask)
        row, column = (1, self.m) if self.transposed else (self.k, 1)
        return bench.run(
            Operation.PRODUCT, m=self.m, k=self.k, n=self.n, g=row, v=column, t=self.start, q=self.end
        )  # fmt: skip

    def answer(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the product in 64 bits, and what rounding may make of it in whatever order it is summed."""
        a, x, mask = (part.astype(np.float64) for part in (self.a, self.x, self.mask))
        first = {
            linear.FROM_ZERO: np.zeros_like(mask), linear.FROM_BIAS: self.bias[:, None] + np.zeros_like(mask),
            linear.FROM_OUTPUT: self.y.astype(np.float64),
        }[self.start]  # fmt: skip
        y = first + a @ x
        error = (self.k + 3) * np.finfo(self.a.dtype).eps * (np.abs(first) + np.abs(a) @ np.abs(x))
        low = {linear.NOTHING: 1.0, linear.RELU: 0.0, linear.LEAKY: 0.2, linear.MASK_RELU: 0.0, linear.MASK_LEAKY: 0.2}
        positive = mask > 0 if self.end >= linear.MASK_RELU else y > 0
        return np.where(positive, y, low[self.end] * y), error


def products(**fixed):
    return st.builds(
        Product,
        **{
            "bits": BITS, "m": SMALL, "k": SMALL, "n": STORED, "start": st.sampled_from(STARTS),
            "end": st.sampled_from(ENDS), "transposed": st.booleans(), "seed": st.integers(0, 2**32), **fixed,
        },
    )  # fmt: skip


@many
@given(products())
def test_a_product_is_numpys(case):
    expected, error = case.answer()
    assert (np.abs(case.run() - expected) <= error).all()


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("end", ENDS)
def test_every_start_goes_with_every_end_in_every_tile(bits, start, end):
    """Rows that are cut into tiles of 8, 4, 2 and 1, and columns into those of 3, 2 and 1 vectors of any processor."""
    for lines in range(1, 9):
        for k in (3, 40):
            case = Product(bits, 15, k, 16 * lines, start, end, lines % 2 == 0, lines)
            expected, error = case.answer()
            assert (np.abs(case.run() - expected) <= error).all()


@many
@given(products(end=st.sampled_from(ENDS[:3])), st.data())
def test_not_a_number_passes_through_a_product_and_spreads_no_further(case, data):
    row, column = data.draw(st.integers(0, case.m - 1)), data.draw(st.integers(0, case.n - 1))
    case.x[data.draw(st.integers(0, case.k - 1)), column] = np.nan
    case.a[row, data.draw(st.integers(0, case.k - 1))] = np.nan
    bad = np.isnan(case.run())
    expected = np.zeros_like(bad)
    expected[:, column] = expected[row] = True
    assert np.array_equal(bad, expected)


@many
@given(BITS, SMALL, SMALL, STORED, st.booleans(), st.integers(0, 2**32))
def test_an_outer_product_is_numpys(bits, m, n, k, add, seed):
    rng = np.random.default_rng(seed)
    dtype = np.float32 if bits == 32 else np.float64
    x, w, y = (numbers(rng, *shape).astype(dtype) for shape in ((m, k), (n, k), (m, n)))
    found = Bench(bits, x=x, w=w, y=y).run(Operation.OUTER, m=m, n=n, k=k, t=int(add))
    x, w, first = x.astype(np.float64), w.astype(np.float64), add * y.astype(np.float64)
    error = (k + 3) * np.finfo(dtype).eps * (np.abs(first) + np.abs(x) @ np.abs(w.T))
    assert (np.abs(found - (first + x @ w.T)) <= error).all()


@many
@given(BITS, SMALL, STORED, st.integers(0, 2), st.integers(0, 2**32))
def test_a_transpose_is_exact_and_zero_in_the_columns_beyond(bits, m, n, more, seed):
    x = numbers(np.random.default_rng(seed), m, n).astype(np.float32)
    x.flat[seed % x.size] = np.nan
    wide = up(m) + 16 * more
    found = Bench(bits, x=x, y=np.full((n, wide), np.nan)).run(Operation.TRANSPOSE, m=m, n=n, g=wide)
    assert np.array_equal(found[:, :m], x.T, equal_nan=True)
    assert not found[:, m:].any()


# The plain path.

SEVERAL = {
    "mlp": {"discriminator__activation": "leaky-relu"},
    "wgan-gp": {
        "objective__kind": "wasserstein", "penalty__kind": "gradient", "discriminator__activation": "relu",
        "penalty__weight": 0.1, "discriminator__bias": False,
    },
    "normalised": {
        "generator__normalization": "batch", "discriminator__normalization": "layer", "discriminator__packing": 2,
        "generator__activation": "tanh", "discriminator__activation": "softplus",
    },
    "spectral": {
        "discriminator__spectral_norm": True, "objective__kind": "hinge", "discriminator__minibatch_features": 3,
        "generator__residual": True,
    },
}  # fmt: skip


def some_products(bits: int) -> list[Product]:
    rng = np.random.default_rng(bits)
    return [
        Product(
            bits, *rng.integers(1, 71, 2).tolist(), 16 * int(rng.integers(1, 34)), STARTS[i % 3], ENDS[i % 5],
            i % 2 == 0, i,
        )
        for i in range(30)
    ]  # fmt: skip


def trained(name: str, bits: int) -> np.ndarray:
    fields = {
        "generator__hidden": [24, 24, 8], "discriminator__hidden": [20, 33], "schedule__batch": 34,
        "optimizer__generator__kind": "sgd", "optimizer__generator__learning_rate": 0.02,
        "optimizer__discriminator__kind": "momentum", "optimizer__discriminator__learning_rate": 0.01,
        **SEVERAL[name],
    }  # fmt: skip
    values = {path.replace("__", "."): value for path, value in fields.items()}
    training = Training(Experiment.from_mapping({"precision": bits, **values}))
    assert training.advance(20, np.zeros((20, len(RECORDED)))) == 20
    return np.concatenate([training.flat(player) for player in ("generator", "discriminator")]).astype(np.float64)


def save(path: str) -> None:
    """Compute everything in this process."""
    found = {f"{name}-{bits}": trained(name, bits) for name in SEVERAL for bits in (32, 64)}
    for bits in (32, 64):
        found |= {f"product-{bits}-{i}": case.run() for i, case in enumerate(some_products(bits))}
    np.savez(path, **found)


PLAINLY = """
from ganviz.engine import simd
import test_linear
assert simd.PLAIN
test_linear.save({path!r})
"""


@pytest.fixture(scope="module")
def plainly(tmp_path_factory):
    """Return what a process without tiles computes."""
    if simd.PLAIN:
        pytest.skip("this process has no tiles itself")
    path = tmp_path_factory.mktemp("plain") / "found.npz"
    run_process(PLAINLY.format(path=str(path)), "plain", GANVIZ_PLAIN="1")
    return np.load(path)


@pytest.mark.parametrize("bits", [32, 64])
def test_plain_loops_give_the_products_of_the_tiles(plainly, bits):
    for i, case in enumerate(some_products(bits)):
        _, error = case.answer()
        assert (np.abs(plainly[f"product-{bits}-{i}"] - case.run()) <= 2 * error).all()


@pytest.mark.parametrize(("bits", "relative"), [(32, 1e-4), (64, 1e-10)])
@pytest.mark.parametrize("name", SEVERAL)
def test_plain_loops_train_as_the_tiles_do(plainly, name, bits, relative):
    here, there = trained(name, bits), plainly[f"{name}-{bits}"]
    assert np.linalg.norm(here - there) <= relative * np.linalg.norm(here)
    # The same code would have given the same bits.
    assert not np.array_equal(here, there)
