"""The instructions of the machine: what each does and which fields it reads.

An instruction is a row of integers: the operation, places in the array of numbers (the *arena*), sizes, and places
among the constants and the columns of the record. A batch matrix (m, n) has n stored columns in ``g`` groups, of each
of which the first ``v`` are samples; the rest is padding. Operations are ordered: the machine sends ranges of them to
the modules that carry them out.
"""

from __future__ import annotations

from enum import IntEnum


class Operation(IntEnum):
    """What an instruction does; x, y, w, b, s are places in the arena, c constants, the rest numbers."""

    PRODUCT = 0
    """y (m, n) = x (m, k) w (k, n), entry (i, p) of x at x + i g + p v; bias b; t, q: start and end; mask s."""
    OUTER = 1
    """y (m, n), compact, = x (m, k) times the transpose of w (n, k), added if t."""
    TRANSPOSE = 2
    """y (n, g) = transpose of x (m, n), zero beyond its columns."""
    COMBINE = 3
    """y (m) = c0 x + c1 w + c2, without w unless t."""
    MULTIPLY = 4
    """y (m) = x w."""
    ACTIVATE = 5
    """y (m) = function t of x."""
    PULL = 6
    """y (m) times the q-th derivative of function t where its value (or what went in) is x, in place."""
    EXP = 7
    """y (m) = exp x."""
    EXPM1 = 8
    """y (m) = exp x - 1."""
    POWER = 9
    """y (m) = x to the power c0."""
    CLAMP = 10
    """y (m) = x cut to c0 on both sides."""
    WITHIN = 11
    """y (m) = w where x is within c0, else 0."""
    ADD_BIAS = 12
    """y (m, n) = x + w (m)."""
    ROW_SUM = 13
    """y (m) = sum over the samples of x (m, n)."""
    SPREAD_ROWS = 14
    """y (m, n) = x (m) in every sample, 0 in the padding."""
    ROW_DOT = 15
    """y (m) = sum over the samples of x w (m, n)."""
    SCALE_ROWS = 16
    """y (m, n) = x times w (m)."""
    COLUMN_SUM = 17
    """y (n) = sum over the rows of x (m, n)."""
    SPREAD_COLUMNS = 18
    """y (m, n) = x (n)."""
    COLUMN_DOT = 19
    """y (n) = sum over the rows of x w (m, n)."""
    SCALE_COLUMNS = 20
    """y (m, n) = x times w (n)."""
    TOTAL = 21
    """y (1) = sum over rows and samples of x (m, n)."""
    SPREAD = 22
    """y (m, n) = x (1) in every sample, 0 in the padding."""
    FILL = 23
    """y (m, n) = c0 in every sample, 0 in the padding."""
    DOT = 24
    """y (1) = sum over rows and samples of x w (m, n)."""
    SCALE_BY = 25
    """y (m) = x times w (1)."""
    COPY = 26
    """y (m, n) = x; rows lie k apart in x and v in y."""
    ADD_ROWS = 27
    """y (m, n) += x; rows lie k apart in x and v in y."""
    SELECT = 28
    """y (m, n) = the rows of w (2 m, n) where x is larger in a pair (i, m + i)."""
    UNSELECT = 29
    """y (2 m, n) = w (m, n) where x is larger in a pair, else 0."""
    CLOSENESS = 30
    """y (m, n): how close each sample of x (m k, n) is to the others; t directions at w, b, s."""
    CLOSENESS_PULL = 31
    """y (m k, n): the derivative of that weighted by q (m, n); t directions at w, b, s."""
    NEARNESS = 32
    """y (m, n): how close each sample of x (m k, n) is to those of w (m k, g), t of them, and to itself."""
    NEARNESS_PULL = 33
    """y (m k, n): the derivative of that weighted by b (m, n)."""
    DEVIATION = 34
    """y (1) = standard deviation of all numbers of x (m, n)."""
    PLANE = 35
    """y (m, n) = x (m) times the transpose of w (n)."""
    POWER_ITERATION = 36
    """k times: w (n) = x'b, b (m) = x w, each to length 1, for x (m, n)."""
    STEP_SIZE = 37
    """y (1) = rate c0 by schedule c1 of c2 steps, over 1 - c3 to the power of counter q plus t."""
    ROOT_CORRECTION = 38
    """y (1) = 1 over the root of 1 - c0 to the power of counter q plus t."""
    REAL = 39
    """Real samples into y (m, n), v of them; stream s, update t, pool k with cursor q; of step 0 unless b."""
    NOISE = 40
    """Noise of kind g into y (m, n), c0 + c1 times the base, v samples; the rest as REAL; scratch w."""
    INSTANCE_NOISE = 41
    """Normal noise into y (m, n), v samples; c0: standard deviation, c1: decay steps; the rest as REAL."""
    UNIFORM = 42
    """Numbers uniform on (0, 1) into y (m, n), v samples; the rest as REAL."""
    FLAT_UNIFORM = 43
    """Numbers uniform between c0 and c1 into y (m); stream s, update t."""
    FLAT_NORMAL = 44
    """Normal numbers, standard deviation c0, into y (m); stream s, update t."""
    RECORD = 45
    """x (1) into the record."""
    MEANS = 46
    """Means of x (1, n) and of its sigmoid into two columns of the record, the second q behind the first."""
    NORM = 47
    """Euclidean norm of x (m) into the record."""
    UPDATE = 48
    """Optimizer t: parameters x (m), gradient y, moments w, b and s, counter q; c: see `optimizer.constants`."""
    CLIP = 49
    """Cut x (m) to c0 on both sides."""
    SHARE_AT_BOUND = 50
    """Share of x (m) at c0 or beyond, into the record."""
    FINITE = 51
    """End the program unless all of x (m) is finite."""
    NEXT = 52
    """Count a finished step."""
    REPEAT = 53
    """Carry out the next n instructions, END the last, m times, in warm steps k times; draws count the turns."""
    END = 54
    """End of what is repeated."""
    FORGET = 55
    """Draws from here on count from their own update again; what is drawn again (q) counts from these turns on."""


WIDTH = 16
OP, X, Y, W, B, S, M, K, N, V, G, T, Q, C, R, _ = range(WIDTH)
FIELDS = ("op", "x", "y", "w", "b", "s", "m", "k", "n", "v", "g", "t", "q", "c", "record")
