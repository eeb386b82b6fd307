# Numba types the arguments of kernels at their first call.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownLambdaType=false
"""Elementary functions of one number, written so that the loops which call them become vector instructions.

The C library's functions keep a loop from being vectorised, and in 32 bits most of them cost ten times as much as
what stands here. Each function has one algorithm without a branch for both precisions; only the tables of
coefficients differ, and the type of the argument chooses. Errors are a few units in the last place of the result, of
sine and cosine beyond some hundred thousands of that of their argument. Not-a-number passes through, so that
divergence is seen.

The polynomials are weighted minimax fits of our own unless a source is named; the tests hold them to references.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .compiler import strict

Table = tuple[float, ...]


def inserted(function: Callable[..., Any]) -> Any:
    """Make a function of what writes its instructions: Numba's `intrinsic`, whose type says nothing of the result."""
    return intrinsic(function)


def _typed(generate: Callable[[Any, Any, Any], Any], arguments: int = 1) -> Any:
    """Make a function of floating point numbers of one type, its result's too, from what writes its instructions.

    ``generate`` gets LLVM's builder, the type, and the arguments.
    """

    def define(*given: Any) -> Any:
        number = given[0]
        if not isinstance(number, types.Float) or any(other != number for other in given):
            return None

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return generate(builder, context.get_value_type(number), values)

        return number(*given), codegen

    if arguments == 1:
        return intrinsic(lambda typingctx, x: define(x))
    return intrinsic(lambda typingctx, x, y, z: define(x, y, z))


def _constant(single: float, double: float) -> Any:
    """Make a function that returns a constant in the type of its argument."""
    return _typed(lambda builder, kind, values: kind(single if isinstance(kind, ir.FloatType) else double))


def _polynomial(single: Table, double: Table) -> Any:
    """Make a function that evaluates a polynomial by Horner's rule; the coefficient of x^0 comes first."""

    def generate(builder: Any, kind: Any, values: Any) -> Any:
        table = single if isinstance(kind, ir.FloatType) else double
        total = kind(table[-1])
        for coefficient in reversed(table[:-1]):
            total = _call(builder, "fmuladd", kind, [total, values[0], kind(coefficient)])
        return total

    return _typed(generate)


def _call(builder: Any, name: str, kind: Any, values: Any) -> Any:
    """Call one of LLVM's own functions on numbers of one type."""
    function = ir.FunctionType(kind, [kind] * len(values))
    full = f"llvm.{name}.{kind.intrinsic_name}"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, full), values)


def _layout(kind: Any) -> tuple[Any, int, int]:
    """Return the integer as wide as a floating point type, the bits of its fraction, and its exponent's bias."""
    return (ir.IntType(32), 23, 127) if isinstance(kind, ir.FloatType) else (ir.IntType(64), 52, 1023)


def _power_of_two(builder: Any, kind: Any, values: Any) -> Any:
    whole, fraction, bias = _layout(kind)
    # Processors before AVX-512 convert vectors to and from 32-bit integers only.
    exponent = builder.fptosi(values[0], ir.IntType(32))
    if whole.width > 32:
        exponent = builder.sext(exponent, whole)
    return builder.bitcast(builder.shl(builder.add(exponent, whole(bias)), whole(fraction)), kind)


fma = _typed(lambda builder, kind, values: _call(builder, "fmuladd", kind, values), 3)
"""x * y + z, in one rounding where the processor can."""
round_even = _typed(lambda builder, kind, values: _call(builder, "rint", kind, values))
"""The nearest integer, halves to the even one, as a floating point number."""
power_of_two = _typed(_power_of_two)
"""2 to an integer that is given as a floating point number; the result is a normal number."""


@inserted
def split(typingctx, x):
    """Return (m, k) with x = m 2^k and m from the root of 1/2 to that of 2; x is positive, finite and normal."""
    if not isinstance(x, types.Float):
        return None

    def codegen(context, builder, signature, values):
        kind = context.get_value_type(x)
        whole, fraction, bias = _layout(kind)
        low = 0x3F3504F3 if whole.width == 32 else 0x3FE6A09E667F3BCD
        bits = builder.add(builder.bitcast(values[0], whole), whole((bias << fraction) - low))
        exponent = builder.sub(builder.lshr(bits, whole(fraction)), whole(bias))
        mantissa = builder.add(builder.and_(bits, whole((1 << fraction) - 1)), whole(low))
        if whole.width > 32:
            exponent = builder.trunc(exponent, ir.IntType(32))
        pair = [builder.bitcast(mantissa, kind), builder.sitofp(exponent, kind)]
        return context.make_tuple(builder, signature.return_type, pair)

    return types.UniTuple(x, 2)(x), codegen


_zero, _half, _one, _two = _constant(0.0, 0.0), _constant(0.5, 0.5), _constant(1.0, 1.0), _constant(2.0, 2.0)
_infinity, _nan = _constant(math.inf, math.inf), _constant(math.nan, math.nan)

# exp(x) is 0 below the first and infinite above the second; expm1(x) is -1 below the third.
_exp_low, _exp_high = _constant(-104.5, -746.0), _constant(89.0, 710.0)
_expm1_low = _constant(-20.0, -45.0)
_log2_e = _constant(1 / math.log(2), 1 / math.log(2))
# The high part has so few bits that its product with an exponent is exact (Cody and Waite 1980).
_ln2_high = _constant(0.693359375, 0.6931471803691238)
_ln2_low = _constant(-0.00021219444170128554, 1.9082149292705877e-10)
# (exp(r) - 1 - r) / r^2 for |r| up to half of log 2.
_exp_tail = _polynomial(
    (0.5, 0.16666539013385773, 0.041666429489851, 0.008367149159312248, 0.0013938343618065119),
    (
        0.5000000000000007, 0.16666666666666682, 0.04166666666656176, 0.008333333333317062,
        0.0013888888936061882, 0.00019841269897519584, 2.4801500116391776e-05, 2.755723290813688e-06,
        2.7628033403042784e-07, 2.511291837772018e-08,
    ),
)  # fmt: skip


@strict
def _reduce(x):
    """Return (n, p) with exp(x) = 2^n (1 + p), n an integer, and p precise however small it is."""
    n = round_even(x * _log2_e(x))
    r = fma(n, -_ln2_low(x), fma(n, -_ln2_high(x), x))
    return n, fma(r * r, _exp_tail(r), r)


@strict
def _clamp(x, low, high):
    """Keep a number between two others; not-a-number becomes the lower one."""
    raised = x if x > low else low
    return raised if raised < high else high


@strict
def exp(x):
    """Return e to the x; infinite from overflow on."""
    n, p = _reduce(_clamp(x, _exp_low(x), _exp_high(x)))
    # Two factors, of which neither leaves the normal numbers.
    half = round_even(n * _half(x))
    result = (p + _one(x)) * power_of_two(half) * power_of_two(n - half)
    return x if math.isnan(x) else result


@strict
def expm1(x):
    """Return exp(x) - 1, precise near 0."""
    n, p = _reduce(_clamp(x, _expm1_low(x), _exp_high(x)))
    # Half of the result first: the largest finite ones have n one beyond the normal numbers.
    scale = power_of_two(n - _one(x))
    result = fma(scale, p, scale - _half(x))
    return x if math.isnan(x) else result + result


@strict
def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    return _one(x) / (_one(x) + exp(-x))


@strict
def tanh(x):
    """Return the hyperbolic tangent."""
    e = expm1(-_two(x) * abs(x))
    result = e / (_two(x) + e)
    return -result if x > _zero(x) else result


# log(1 + f) = f - f^2/2 + s (f^2/2 + z R(z)), s = f / (2 + f), z = s^2: FreeBSD's e_log.c and k_logf.h.
_log_tail = _polynomial(
    (0.66666662693023682, 0.40000972151756287, 0.28498786687850952, 0.24279078841209412),
    (
        6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
        1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
    ),
)  # fmt: skip
_smallest, _raise = _constant(2.0**-126, 2.0**-1022), _constant(2.0**32, 2.0**64)
_raised = _constant(32.0, 64.0)
_root_two_less_one = _constant(0.41421357, math.sqrt(2) - 1)


@strict
def log_near_one(f, k):
    """Return log((1 + f) 2^k) for 1 + f from the root of 1/2 to that of 2, precise however small f is."""
    s = f / (_two(f) + f)
    z = s * s
    h = _half(f) * f * f
    small = fma(k, _ln2_low(f), s * fma(z, _log_tail(z), h))
    return fma(k, _ln2_high(f), f - (h - small))


@strict
def log(x):
    """Return the natural logarithm."""
    subnormal = x < _smallest(x)
    m, k = split(x * _raise(x) if subnormal else x)
    result = log_near_one(m - _one(x), k - _raised(x) if subnormal else k)
    result = result if x > _zero(x) else (-_infinity(x) if x == _zero(x) else _nan(x))
    return result if x < _infinity(x) else x


@strict
def softplus(x):
    """Return log(1 + exp(x)), without overflow."""
    e = exp(-abs(x))
    far = e > _root_two_less_one(x)
    low = log_near_one(_half(x) * (e - _one(x)) if far else e, _one(x) if far else _zero(x))
    return low + (x if x > _zero(x) else _zero(x))


# pi in three parts, the first two so short that their products with the numbers of half turns below are exact.
_pi_high = _constant(3.140625, 3.1415926534682512)
_pi_middle = _constant(0.0009675025939941406, 1.2154201012607932e-10)
_pi_low = _constant(1.5099580252808664e-07, 4.044532497591901e-21)
_per_pi = _constant(1 / math.pi, 1 / math.pi)
_turn = _constant(2 * math.pi, 2 * math.pi)
_quarter = _constant(1.5708, 1.5708)
# (sin(r) / r - 1) / r^2 and (cos(r) - 1 + r^2/2) / r^4 in r^2, for |r| up to a quarter of a turn.
_sine_tail = _polynomial(
    (-0.16666659712791443, 0.008333069272339344, -0.00019809773948509246, 2.6060799882543506e-06),
    (
        -0.16666666666666666, 0.008333333333333207, -0.00019841269841212487, 2.7557319211572455e-06,
        -2.5052106904820105e-08, 1.60589410272055e-10, -7.643020114237384e-13, 2.7214280507114587e-15,
    ),
)  # fmt: skip
_cosine_tail = _polynomial(
    (0.041666656732559204, -0.001388858538120985, 2.477018097124528e-05, -2.620909071993083e-07),
    (
        0.041666666666665825, -0.0013888888888829516, 2.480158728565755e-05, -2.755731705411927e-07,
        2.0876591742956863e-09, -1.1463610385806723e-11, 4.615843266555593e-14,
    ),
)  # fmt: skip


@strict
def _alternate(n):
    """Return 1 for even integers and -1 for odd ones."""
    return fma(-_two(n), abs(fma(-_two(n), round_even(_half(n) * n), n)), _one(n))


@strict
def _sine_beyond(x, n):
    """Return the sine of x - n pi, which lies within a quarter of a turn."""
    r = fma(-n, _pi_low(x), fma(-n, _pi_middle(x), fma(-n, _pi_high(x), x)))
    # An angle beyond all precision gives some number between -1 and 1; an infinite one gives not-a-number.
    r = _quarter(x) if r > _quarter(x) else (-_quarter(x) if r < -_quarter(x) else r)
    z = r * r
    return fma(r * z, _sine_tail(z), r)


@strict
def sine(x):
    """Return the sine of an angle in radians."""
    n = round_even(x * _per_pi(x))
    return _alternate(n) * _sine_beyond(x, n)


@strict
def cosine(x):
    """Return the cosine of an angle in radians."""
    n = round_even(fma(x, _per_pi(x), -_half(x)))
    return -_alternate(n) * _sine_beyond(x, n + _half(x))


@strict
def unit_circle(u):
    """Return cosine and sine of an angle of u turns."""
    n = round_even(u + u)
    r = fma(-_half(u), n, u) * _turn(u)
    z = r * r
    sign = _alternate(n)
    return sign * fma(z * z, _cosine_tail(z), fma(-_half(u), z, _one(u))), sign * fma(r * z, _sine_tail(z), r)


# erf(x) / x - 1 in x^2 for small x; beyond, -log(1 - erf(x)) in x. Those for 32 bits are Norbert Juffa's (my_erff).
_erf_near = _polynomial(
    (0.128379166, -0.376125336, 0.112819925, -0.0267681349, 0.00499119423, -0.000596761703),
    (
        0.1283791670955125, -0.3761263890318173, 0.11283791670860353, -0.026866170627809244,
        0.005223977462664021, -0.0008548318072956022, 0.00012055025034986507, -1.491881184638713e-05,
        1.6363786655637224e-06, -1.5474869387573937e-07, 1.0081645421957622e-08,
    ),
)  # fmt: skip
_erf_far = _polynomial(
    (0.0, 1.128717512, 0.634846687, 0.106777877, -0.0242546219, 0.00388396438, -0.000383197126, 1.72853470e-5),
    (
        5.855070694362687e-07, 1.1283730719735479, 0.6366492021509724, 0.10268516081857595,
        -0.01894969238139017, -0.0004752115493631901, 0.001993017356202946, -0.0008410860286660847,
        0.0001850492002792504, -7.484374332515994e-06, -1.0766468883092734e-05, 4.5878279096104895e-06,
        -1.0731137597044972e-06, 1.6460235583879878e-07, -1.6559068639417844e-08, 9.993588129476755e-10,
        -2.7560730241410685e-11,
    ),
)  # fmt: skip
_erf_border, _erf_one = _constant(0.92, 0.92), _constant(4.0, 5.95)


@strict
def erf(x):
    """Return the error function."""
    z = x * x
    near = fma(x, _erf_near(z), x)
    size = abs(x)
    far = -expm1(-_erf_far(size if size < _erf_one(x) else _erf_one(x)))
    result = near if size < _erf_border(x) else (far if x > _zero(x) else -far)
    return x if math.isnan(x) else result


# x / p for the standard normal number x at 1/2 + p of the distribution within 2 deviations, in c^2 - p^2: a fraction.
_quantile_end = _constant(0.4772498680518208, 0.4772498680518208)
_quantile_above = _polynomial(
    (4.190676689147949, 223.23683166503906, 3011.941650390625, 9638.8984375, 3424.96435546875),
    (
        4.190676905085776, 563.3342703220668, 29595.065829705225, 775664.0847582519, 10784914.343146347,
        78733618.15297961, 283142629.32745385, 439341325.65815187, 223332307.4770743, 16424847.076534692,
    ),
)  # fmt: skip
_quantile_below = _polynomial(
    (1.0, 60.7767333984375, 1011.50537109375, 4684.5146484375, 3989.332275390625),
    (
        1.0, 141.93264551941158, 7964.06660065568, 226410.25170584783, 3487888.8363586497, 29075821.23288245,
        124940264.37098958, 249786762.27229816, 190494482.41968015, 34670350.82297908,
    ),
)  # fmt: skip


@strict
def truncated_normal(v):
    """Turn a number uniform on (-1, 1) into a standard normal one on condition of at most 2 in size."""
    p = _quantile_end(v) * v
    r = fma(-p, p, _quantile_end(v) * _quantile_end(v))
    return p * _quantile_above(r) / _quantile_below(r)
