"""What the quadrature does where it cannot reach its tolerance."""

import math

import numpy as np
import pytest

from ganviz.theory.quadrature import integrate


def test_it_settles_on_tails_and_powers():
    assert integrate(lambda x: np.exp(-np.abs(x)), [-1.0, 0.0, 1.0]) == pytest.approx(2.0, rel=1e-12)
    assert integrate(lambda x: np.cos(50 * x), [0.0, 1.0], low=False, high=False) == pytest.approx(
        math.sin(50) / 50, rel=1e-10
    )


@pytest.mark.parametrize("wild", [
    lambda x: np.random.default_rng(0).normal(size=x.shape) * (abs(x) < 1),
    lambda x: np.cos(1e9 * x),
])  # fmt: skip
def test_an_integral_that_does_not_settle_is_a_sentence(wild):
    with pytest.raises(ArithmeticError, match=r"^an integral between -1 and 1 and beyond has not settled: [^\n]+$"):
        integrate(wild, [-1.0, 1.0], low=False, high=False)


def test_a_panel_that_never_agrees_is_a_sentence():
    """1/x beside a place that is no break: each halving leaves the same to be halved."""
    with pytest.raises(ArithmeticError, match="48 halvings"):
        integrate(lambda x: 1 / np.abs(x - 1 / 3), [0.0, 1.0], low=False, high=False)
