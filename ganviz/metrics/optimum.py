"""The best discriminator against the present generator, beside the learned one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganviz.experiment import Experiment

Floats = NDArray[np.float64]

MATCHED = 256
"""Samples a side that a critic's potential in the plane is made of."""
_ASKED = 256
CLEAR = 20.0
"""Where no sample of the generator lies, the optimum is defined where the data is denser than half a sample so much."""
_SMALLEST_MASS = 1e-15
"""Probability that a map's density can tell from 0: what lies beyond 8 standard deviations of the noise."""
_PARTS = 256
"""Pieces that the stretch between two values of a map is cut into at most."""
_LEAST = 1e-300


@dataclass(frozen=True)
class Optimum:
    """What an optimal discriminator would say over a grid.

    Attributes
    ----------
    x : (n,)
        Grid of the first axis, in the data's own units.
    y : (m,)
        Grid of the second axis; empty in one dimension.
    outputs : (n,) or (m, n)
        Raw outputs of the optimal discriminator; for a critic the Kantorovich potential (slope at most 1 in the unit
        of the metric W1), moved so that its mean over the real samples is 0. NaN where it is not defined.
    estimator : str
        How the two densities were had, in a few words.
    """

    x: Floats
    y: Floats
    outputs: Floats
    estimator: str


def optimum(
    experiment: Experiment, real: Floats, fake: Floats, x: Floats, y: Floats, unit: ArrayLike,
    noise_std: ArrayLike = 0.0, masses: Floats | None = None,
) -> Optimum:  # fmt: skip
    """Return the optimal discriminator against samples of the generator, over a grid.

    Generated samples become a density by a kernel estimate. Its bandwidth is half the median distance, over samples,
    to the k-th nearest one, k = n^(4/(4 + d))/4, the rate that is best for nearest neighbours (Silverman 1986, section
    5.2): it follows the width of modes and not the distance between them. The known density of the data is blurred by
    the smaller one of this bandwidth and that of the real samples, so that a perfect generator has D* = 1/2; else it is
    estimated likewise. Instance noise is added to both without an estimate. Fewer than half a sample within a kernel
    counts as half of one; where that would decide, since the data is less than `CLEAR` times as dense, the optimum is
    not defined. On the line a generator of one-dimensional noise needs no estimate: see ``masses``.

    Parameters
    ----------
    experiment : Experiment
        Its objective and its data count.
    real, fake : (n, d), (m, d)
        Samples in the data's own units.
    x, y : (n,), (m,)
        The grid; y is empty in one dimension.
    unit : (d,)
        Length of one unit of bandwidths and of the metric W1 on each axis, in the data's own.
    noise_std : float or (d,)
        Standard deviation of the instance noise that is on, in the data's own units.
    masses : (m - 1,), optional
        On the line, for a map of one-dimensional noise: ``fake`` are its values at places of the noise in a row, and
        these the probabilities between them. The density is then that of the map, linear between the places.
    """
    d = experiment.dimension
    length = np.broadcast_to(np.asarray(unit, dtype=np.float64), d)
    noise = np.broadcast_to(np.asarray(noise_std, dtype=np.float64), d)
    if experiment.objective.critic:
        if d == 1:
            return _line_critic(experiment, real[:, 0], fake[:, 0], x, float(noise[0]))
        return _plane_critic(real, fake, x, y, length, noise)
    return _discriminator(experiment, real, fake, x, y, length, noise, masses)


def _discriminator(
    experiment: Experiment, real: Floats, fake: Floats, x: Floats, y: Floats, unit: Floats, noise: Floats,
    masses: Floats | None,
) -> Optimum:  # fmt: skip
    from ganviz.theory.distributions import distribution_of
    from ganviz.theory.line import Line
    from ganviz.theory.optimal import optimal_output

    d = experiment.dimension
    axes = (x,) if d == 1 else (x, y)
    # Narrower kernels would fall between the grid's points.
    finest = max(0.5 * float(np.ptp(axis)) / (len(axis) - 1) / length for axis, length in zip(axes, unit, strict=True))
    of_real = max(bandwidth(real / unit), finest)
    of_fake = finest if masses is not None else max(bandwidth(fake / unit), finest)
    known = distribution_of(experiment)
    narrow = min(of_real, of_fake) if known is not None else of_real
    width_p, width_q = np.hypot(narrow * unit, noise), np.hypot(of_fake * unit, noise)
    if known is None:
        p = kernel_density(real, axes, width_p)
    elif isinstance(known, Line):
        p = known.blurred(float(width_p[0])).pdf(x)
    else:
        p = known.blurred(width_p).on_grid(x, y)
    one = 0.5 / len(fake) if masses is None else _SMALLEST_MASS
    q = kernel_density(fake, axes, width_q) if masses is None else map_density(fake[:, 0], masses, x, float(width_q[0]))
    least_q = one / float(np.prod(np.sqrt(2 * np.pi) * width_q))
    least_p = 0.5 / (len(real) * float(np.prod(np.sqrt(2 * np.pi) * width_p))) if known is None else _LEAST
    nothing = (p < max(CLEAR * least_q, least_p)) & (q < least_q)
    outputs = optimal_output(experiment.objective, np.maximum(p, least_p), np.maximum(q, least_q))
    data = "known density" if known is not None else f"kernel estimate of {len(real):,} samples"
    widths = f"{narrow:.2g} and {of_fake:.2g}" + (" training units" if np.any(unit != 1) else "")
    generator = f"kernel estimate of {len(fake):,} samples; nearest-neighbour bandwidths {widths}"
    if masses is not None:
        generator = f"its map at {len(fake):,} places of the noise; both blurred by {of_fake:.2g}"
    return Optimum(x, y, np.where(nothing, np.nan, outputs), f"data: {data}; generator: {generator}")


def map_density(values: Floats, masses: Floats, axis: Floats, width: float) -> Floats:
    """Return the density (n,) of a map of one-dimensional noise, blurred by a normal kernel.

    Parameters
    ----------
    values : (m,)
        The map at places of the noise in a row.
    masses : (m - 1,)
        Probability between neighbouring places. It is spread evenly between the two values: the density |dz/dx| φ(z)
        of a map that is linear there.
    axis : (n,)
        Evenly spaced places.
    width : float
        Standard deviation of the kernel.
    """
    steps = np.diff(values)
    parts = np.clip(np.ceil(np.abs(steps) / (0.5 * width)), 1, _PARTS).astype(np.int64)
    which = np.repeat(np.arange(len(steps)), parts)
    within = (np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts) + 0.5) / parts[which]
    points = values[which] + within * steps[which]
    return kernel_density(points[:, None], (axis,), np.array([width]), masses[which] / parts[which])


def bandwidth(samples: Floats) -> float:
    """Return the standard deviation of the kernel for samples (n, d): see `optimum`. 0 for equal samples."""
    n, d = samples.shape
    k = min(max(1, round(n ** (4 / (4 + d)) / 4)), n - 1)
    if k < 1:
        return 0.0
    if d == 1:
        line = np.sort(samples[:, 0])
        return float(np.median(line[k:] - line[:-k])) / 4
    from scipy.spatial import KDTree

    # Neighbours are sought in a part of the samples, and proportionally fewer.
    part = samples[:: max(1, n // 4096)]
    k = min(max(1, round(k * len(part) / n)), len(part) - 1)
    distance, _ = KDTree(part).query(part[:: max(1, len(part) // _ASKED)], k=k + 1)
    return float(np.median(distance[:, k])) / 2


def kernel_density(samples: Floats, axes: tuple[Floats, ...], width: Floats, masses: Floats | None = None) -> Floats:
    """Return the density of samples (n, d), each blurred by a normal kernel, over a grid: (n,) or (m, n).

    Samples are shared between the two nearest of fine bins on each axis, half a standard deviation wide, which
    widens the kernel's variance by a 24th.

    Parameters
    ----------
    samples : (n, d)
    axes : tuple of (n,)
        Evenly spaced places on each axis.
    width : (d,)
        Standard deviation of the kernel on each axis.
    masses : (n,), optional
        On the line, the probability of each sample; equal ones by default.
    """
    places: list[NDArray[np.int64]] = []
    shares: list[Floats] = []
    kernels: list[Floats] = []
    inside = np.ones(len(samples), np.bool_)
    for column, axis, std in zip(samples.T, axes, width, strict=True):
        low, high = axis[0] - 6 * std, axis[-1] + 6 * std
        count = int(np.ceil((high - low) / (0.5 * std))) + 1
        bins = np.linspace(low, high, count)
        position = np.clip((column - low) / (bins[1] - bins[0]), -1.0, float(count))
        inside &= (position >= 0) & (position < count - 1)
        index = np.clip(position.astype(np.int64), 0, count - 2)
        places.append(index)
        shares.append(position - index)
        kernels.append(np.exp(-0.5 * ((axis[:, None] - bins) / std) ** 2) / (np.sqrt(2 * np.pi) * std))
    total = len(samples)
    if len(axes) == 1:
        i, u = places[0][inside], shares[0][inside]
        count = kernels[0].shape[1]
        each = np.full(len(i), 1 / total) if masses is None else masses[inside]
        return kernels[0] @ (np.bincount(i, each * (1 - u), count) + np.bincount(i + 1, each * u, count))
    (i, j), (u, v) = (part[inside] for part in places), (part[inside] for part in shares)
    columns, rows = kernels[0].shape[1], kernels[1].shape[1]
    mass = np.zeros(rows * columns)
    for down, on_y in ((0, 1 - v), (1, v)):
        for right, on_x in ((0, 1 - u), (1, u)):
            mass += np.bincount((j + down) * columns + i + right, on_x * on_y, rows * columns)
    return kernels[1] @ mass.reshape(rows, columns) @ kernels[0].T / total


def _line_critic(experiment: Experiment, real: Floats, fake: Floats, x: Floats, noise: float) -> Optimum:
    from ganviz.theory.distributions import distribution_of
    from ganviz.theory.line import Line
    from ganviz.theory.potential import line_potential

    known = distribution_of(experiment)
    # The mean over real samples is taken on the same broken line, which has to reach them.
    outer = [real.min(), real.max()]
    places = np.unique(np.concatenate([x, outer]))
    if isinstance(known, Line):
        of_real = (known.blurred(noise) if noise > 0 else known).cdf(places)
    else:
        of_real = _sample_cdf(real, places, noise)
    ahead = _sample_cdf(fake, places, noise) - of_real
    # Less than one sample of difference is none: where neither side has mass its sign would be that of a rounding.
    values = line_potential(places, np.where(np.abs(ahead) < 1 / len(fake), 0.0, ahead))
    values -= np.interp(real, places, values).mean()
    data = "known distribution" if isinstance(known, Line) else f"{len(real):,} samples"
    return Optimum(
        x, np.empty(0), np.interp(x, places, values), f"Kantorovich potential; data: {data}; generator: {len(fake):,}"
        " samples",
    )  # fmt: skip


def _sample_cdf(samples: Floats, x: Floats, noise: float) -> Floats:
    """Return the distribution function of samples, with normal noise, at sorted places x."""
    if noise == 0:
        return np.searchsorted(np.sort(samples), x, side="right") / len(samples)
    from scipy.special import ndtr

    edges = np.linspace(x[0] - 6 * noise, x[-1] + 6 * noise, int(min(4096, 4 * (np.ptp(x) / noise + 12))))
    count = np.histogram(samples, np.concatenate([[-np.inf], edges, [np.inf]]))[0]
    middles = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])
    return ndtr((x[:, None] - middles) / noise) @ count / len(samples)


def _plane_critic(real: Floats, fake: Floats, x: Floats, y: Floats, unit: Floats, noise: Floats) -> Optimum:
    from ganviz.theory.potential import plane_potential

    # The first rows of a file may be sorted. The same noise at every step, or the picture would flicker.
    rng = np.random.default_rng(0)
    count = min(MATCHED, len(real), len(fake))
    sides: list[Floats] = []
    for samples in (real, fake):
        chosen = samples[rng.permutation(len(samples))[:count]]
        sides.append((chosen + noise * rng.normal(size=chosen.shape)) / unit)
    potential = plane_potential(*sides)
    grid = np.stack(np.meshgrid(x / unit[0], y / unit[1]), axis=-1).reshape(-1, 2)
    values = potential(grid) - potential(sides[0]).mean()
    return Optimum(
        x,
        y,
        values.reshape(len(y), len(x)),
        f"Kantorovich potential of the optimal assignment of {count} samples a side",
    )
