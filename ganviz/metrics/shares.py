"""Shares of samples, and how certain they are."""

from __future__ import annotations

import math


def share_error(share: float, count: int) -> float:
    """Return the standard error of a share of independent samples, which is 0 for no share.

    Two more samples that are and two that are not are added, as Agresti and Coull (1998), "Approximate is better than
    'exact' for interval estimation of binomial proportions": none of n is no proof that there are none, and so is all.
    """
    likely = (share * count + 2) / (count + 4)
    return math.sqrt(likely * (1 - likely) / (count + 4))
