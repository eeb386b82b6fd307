"""The elementary functions against NumPy's in extended precision and SciPy's, in both precisions."""

import re

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from ganviz.engine import elementary
from ganviz.engine.compiler import FASTMATH

DTYPES = {32: np.float32, 64: np.float64}


def kernel(function, results=1):
    """Apply a function to an array, in a loop under the rules of the engine's kernels."""
    if results == 1:

        @numba.njit(error_model="numpy", fastmath=FASTMATH)
        def apply(x, y):
            for i in range(x.size):
                y[0, i] = function(x[i])

    else:

        @numba.njit(error_model="numpy", fastmath=FASTMATH)
        def apply(x, y):
            for i in range(x.size):
                y[0, i], y[1, i] = function(x[i])

    return apply


NAMES = ["exp", "expm1", "log", "sigmoid", "softplus", "tanh", "sine", "cosine", "erf", "truncated_normal"]
KERNELS = {name: kernel(getattr(elementary, name)) for name in NAMES} | {
    "unit_circle": kernel(elementary.unit_circle, 2)
}


def apply(name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty((2, x.size), x.dtype)
    KERNELS[name](x, y)
    return y if name == "unit_circle" else y[0]


def call(name: str, bits: int, *numbers: float) -> np.ndarray:
    return apply(name, np.array(numbers, DTYPES[bits]))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def truncated_normal(v):
    return np.sqrt(2) * special.erfinv(special.erf(np.sqrt(2)) * v.astype(np.float64))


# Reference, largest size of the argument in 32 and 64 bits, and the relative error allowed in units of the last place.
REFERENCES = {
    "exp": (np.exp, 87, 708, 2),
    "expm1": (np.expm1, 87, 708, 2),
    "log": (np.log, 3e38, 1e308, 2),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 87, 708, 2),
    "softplus": (softplus, 87, 708, 2),
    "tanh": (np.tanh, 50, 50, 3),
    "sine": (np.sin, 1e4, 1e5, 2),
    "cosine": (np.cos, 1e4, 1e5, 2),
    "erf": (lambda x: special.erf(x.astype(np.float64)), 10, 10, 4),
    "truncated_normal": (truncated_normal, 1, 1, 8),
}


def assert_close(name: str, bits: int, x: np.ndarray) -> None:
    reference, _, _, units = REFERENCES[name]
    expected = reference(x.astype(np.longdouble))
    found = apply(name, x).astype(np.longdouble)
    eps = np.finfo(DTYPES[bits]).eps
    size = np.abs(expected)
    if name in ("sine", "cosine"):
        # Where the function is near 0, 32 bits leave an error that is small beside 1 only.
        size = np.maximum(size, 1 if bits == 32 else 1e-3)
    wrong = np.abs(found - expected) > units * eps * size + np.finfo(DTYPES[bits]).tiny
    assert not wrong.any(), (x[wrong][:5], found[wrong][:5], expected[wrong][:5])


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_precise_to_few_units_in_the_last_place(name, bits):
    limit = REFERENCES[name][1 if bits == 32 else 2]
    rng = np.random.default_rng(1)
    sizes = np.concatenate([np.exp(rng.uniform(np.log(1e-30), np.log(limit), 30_000)), rng.uniform(0, limit, 30_000)])
    # The largest size itself may round up to one more.
    sizes = np.minimum(sizes, limit * (1 - 1e-6))
    x = sizes if name == "log" else np.concatenate([sizes, -sizes])
    assert_close(name, bits, x.astype(DTYPES[bits]))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(deadline=None)  # the first example compiles
def test_any_single_value_is_precise(name, bits, data):
    limit = float(DTYPES[bits](REFERENCES[name][1 if bits == 32 else 2] * (1 - 1e-6)))
    low = float(np.finfo(DTYPES[bits]).tiny) if name == "log" else -limit
    x = data.draw(st.floats(low, limit, width=bits))
    assert_close(name, bits, np.array([x], DTYPES[bits]))


@pytest.mark.parametrize("bits", [32, 64])
def test_logarithm_of_subnormal_numbers(bits):
    tiny = np.finfo(DTYPES[bits]).smallest_subnormal
    x = tiny * np.array([1, 2, 3, 1000, 2**20], DTYPES[bits])
    np.testing.assert_allclose(apply("log", x), np.log(x.astype(np.longdouble)).astype(float), rtol=2e-7)


@pytest.mark.parametrize("bits", [32, 64])
def test_exp_falls_to_zero_through_the_subnormal_numbers(bits):
    lowest = -103 if bits == 32 else -744
    x = np.linspace(lowest, lowest + 16, 500).astype(DTYPES[bits])
    step = float(np.finfo(DTYPES[bits]).smallest_subnormal)
    error = np.abs(apply("exp", x).astype(np.longdouble) - np.exp(x.astype(np.longdouble)))
    # Two roundings to a coarse step.
    assert (error <= step).all()


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", [*NAMES, "unit_circle"])
def test_not_a_number_passes_through(name, bits):
    assert np.isnan(call(name, bits, np.nan)).all()
    # Beside other numbers too, in a lane of a vector.
    found = call(name, bits, *[0.5] * 40, np.nan, *[0.5] * 40)
    assert np.flatnonzero(np.isnan(np.atleast_2d(found)[0])).tolist() == [40]


ENDS = {
    "exp": ((-np.inf, 0), (np.inf, np.inf), (-1e5, 0), (1e5, np.inf), (0, 1)),
    "expm1": ((-np.inf, -1), (np.inf, np.inf), (-1e5, -1), (1e5, np.inf), (0, 0)),
    "log": ((0, -np.inf), (-1, np.nan), (-np.inf, np.nan), (np.inf, np.inf), (1, 0)),
    "sigmoid": ((-np.inf, 0), (np.inf, 1), (-1e5, 0), (1e5, 1), (0, 0.5)),
    "softplus": ((-np.inf, 0), (np.inf, np.inf), (-1e5, 0), (1e5, 1e5)),
    "tanh": ((-np.inf, -1), (np.inf, 1), (-1e5, -1), (1e5, 1), (0, 0)),
    "sine": ((-np.inf, np.nan), (np.inf, np.nan), (0, 0)),
    "cosine": ((-np.inf, np.nan), (np.inf, np.nan), (0, 1)),
    "erf": ((-np.inf, -1), (np.inf, 1), (-1e5, -1), (1e5, 1), (0, 0)),
}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", ENDS)
def test_ends_are_what_they_must_be(name, bits):
    arguments, values = zip(*ENDS[name], strict=True)
    np.testing.assert_array_equal(call(name, bits, *arguments), np.array(values, DTYPES[bits]))


@pytest.mark.parametrize("bits", [32, 64])
def test_overflow_comes_where_the_numbers_end(bits):
    largest = np.log(np.longdouble(np.finfo(DTYPES[bits]).max))
    for name in ("exp", "expm1"):
        below, above = call(name, bits, largest * (1 - 2e-7), largest * (1 + 2e-7))
        assert np.isfinite(below)
        assert np.isinf(above)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", ["sine", "cosine"])
@given(x=st.floats(1e4, 1e30))
@settings(deadline=None)
def test_angles_beyond_precision_give_some_number_within_one(name, bits, x):
    assert np.abs(call(name, bits, x, -x)).max() <= 1


@pytest.mark.parametrize("bits", [32, 64])
def test_the_unit_circle_is_measured_in_turns(bits):
    eps = np.finfo(DTYPES[bits]).eps
    u = np.linspace(-3, 3, 20_001).astype(DTYPES[bits])
    # The fraction of a turn is exact: the reference is not spoilt by a rounded multiple of pi.
    exact = u.astype(np.longdouble)
    angle = 2 * np.arctan2(np.longdouble(0), np.longdouble(-1)) * (exact - np.rint(exact))
    x, y = apply("unit_circle", u).astype(np.longdouble)
    assert np.abs(x - np.cos(angle)).max() < 2 * eps
    assert np.abs(y - np.sin(angle)).max() < 2 * eps
    corners = call("unit_circle", bits, 0, 0.25, 0.5, 0.75, -0.25)
    np.testing.assert_allclose(corners, [[1, 0, -1, 0, 0], [0, 1, 0, -1, -1]], atol=eps)


@pytest.mark.parametrize("bits", [32, 64])
def test_truncated_normal_numbers_end_at_two(bits):
    eps = np.finfo(DTYPES[bits]).eps
    np.testing.assert_allclose(call("truncated_normal", bits, -1, 0, 1), [-2, 0, 2], rtol=8 * eps)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", NAMES)
def test_a_number_is_the_same_in_every_lane_and_in_the_remainder(name, bits):
    x = np.random.default_rng(2).uniform(0.01, 0.99, 77).astype(DTYPES[bits])
    together = apply(name, x)
    assert np.array_equal(together, [apply(name, x[i : i + 1])[0] for i in range(x.size)])


def code(name: str) -> str:
    call(name, 32, 0.5)
    (text,) = (text for kinds, text in KERNELS[name].inspect_llvm().items() if kinds[0].dtype == numba.float32)
    return text


@pytest.mark.parametrize("name", [*NAMES, "unit_circle"])
def test_loops_become_vector_instructions(name):
    assert re.search(r"fmul <\d+ x float>", code(name))
    assert not re.search(r"call .*@(\w*(exp|log|tanh|sin|cos|erf)f?)\(", code(name))


@pytest.mark.parametrize("name", [*NAMES, "unit_circle"])
def test_the_rules_of_the_kernel_around_a_function_are_not_its_own(name):
    """Numba gives what a function does not say itself from the function around it."""
    assert re.search(r"= fmul ", code(name))
    assert not re.search("reassoc|contract", code(name))
