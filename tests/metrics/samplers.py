"""Perfect generators for every kind of data, written anew in NumPy from the kinds' descriptions."""

import itertools
import math

import numpy as np

from ganviz.experiment import Experiment
from ganviz.metrics import evaluate

COUNT = 4096


def experiment_of(kind, seed=0, **fields):
    return Experiment.from_mapping({"seed": seed, "data": {"kind": kind, **fields}})


# Samplers, from each kind's description and not from the engine


def on_modes(rng, centres, std, n=COUNT, weights=None):
    centres = np.asarray(centres, dtype=float)
    chosen = rng.choice(len(centres), n, p=weights)
    return centres[chosen] + np.asarray(std) * rng.normal(size=(n, centres.shape[1]))


def ring(modes, radius=1.0):
    return [
        (radius * math.cos(2 * math.pi * k / modes), radius * math.sin(2 * math.pi * k / modes)) for k in range(modes)
    ]


def swiss_roll(rng):
    t = 1.5 * np.pi * (1 + 2 * rng.random(COUNT))
    return np.stack([t * np.cos(t), t * np.sin(t)], 1) / 7.5 + 0.25 / 7.5 * rng.normal(size=(COUNT, 2))


def moons(rng):
    t = np.pi * rng.random(COUNT)
    outer, inner = np.stack([np.cos(t), np.sin(t)], 1), np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)
    return np.where(rng.random((COUNT, 1)) < 0.5, outer, inner) + 0.05 * rng.normal(size=(COUNT, 2))


def spiral(rng):
    t = np.sqrt(rng.random(COUNT))
    angle = 2 * np.pi * t + np.pi * rng.integers(0, 2, COUNT)
    return np.stack([t * np.cos(angle), t * np.sin(angle)], 1) + 0.02 * rng.normal(size=(COUNT, 2))


def circle(rng):
    angle = 2 * np.pi * rng.random(COUNT)
    return np.stack([np.cos(angle), np.sin(angle)], 1) + 0.02 * rng.normal(size=(COUNT, 2))


def checkerboard(rng):
    points = rng.uniform(-1, 1, (4 * COUNT, 2))
    column, row = np.floor((points + 1) / 0.5).astype(int).T
    return points[(column + row) % 2 == 0][:COUNT]


def pinwheel(rng):
    angle = 2 * np.pi * rng.integers(0, 5, COUNT) / 5
    radial, tangential = 1 + 0.3 * rng.normal(size=COUNT), 0.05 * rng.normal(size=COUNT)
    angle = angle + 0.25 * np.exp(radial)
    x = radial * np.cos(angle) + tangential * np.sin(angle)
    return np.stack([x, tangential * np.cos(angle) - radial * np.sin(angle)], 1)


def disjoint(rng, gap=2.0, width=1.0):
    return column(rng.choice([-1.0, 1.0], COUNT) * (gap / 2 + width * rng.random(COUNT)))


def line(rng, position=0.0):
    return np.stack([np.full(COUNT, position), rng.random(COUNT)], 1)


def column(values):
    return values[:, None]


PERFECT = {
    "gaussian": ({}, lambda rng: rng.normal(size=(COUNT, 1))),
    "gaussian in the plane": (
        {"mean": [1.0, -2.0], "std": [0.5, 2.0]},
        lambda rng: on_modes(rng, [(1.0, -2.0)], (0.5, 2.0)),
    ),
    "mixture": ({}, lambda rng: on_modes(rng, [[-2.0], [2.0]], 0.5)),
    "mixture in the plane": (
        {"means": [[0.0, 0.0], [3.0, 1.0]], "stds": 0.3, "weights": [1.0, 3.0]},
        lambda rng: on_modes(rng, [(0, 0), (3, 1)], 0.3, weights=[0.25, 0.75]),
    ),
    "uniform": ({}, lambda rng: rng.uniform(-1, 1, (COUNT, 1))),
    "laplace": ({}, lambda rng: rng.laplace(size=(COUNT, 1))),
    "student-t": ({}, lambda rng: rng.standard_t(3, (COUNT, 1))),
    "exponential": ({}, lambda rng: rng.exponential(size=(COUNT, 1))),
    "diracs": (
        {"means": [-1.0, 0.0, 2.0], "weights": [1.0, 1.0, 2.0]},
        lambda rng: column(rng.choice([-1.0, 0.0, 2.0], COUNT, p=[0.25, 0.25, 0.5])),
    ),
    "disjoint": ({}, disjoint),
    "disjoint and narrow": ({"gap": 10.0, "width": 0.01}, lambda rng: disjoint(rng, 10.0, 0.01)),
    "ring": ({}, lambda rng: on_modes(rng, ring(8), 0.02)),
    "grid": ({}, lambda rng: on_modes(rng, list(itertools.product((-4, -2, 0, 2, 4), repeat=2)), 0.05)),
    "swiss-roll": ({}, swiss_roll),
    "moons": ({}, moons),
    "spiral": ({}, spiral),
    "circle": ({}, circle),
    "checkerboard": ({}, checkerboard),
    "pinwheel": ({}, pinwheel),
    "grid with a pool": (
        {"size": 50},
        lambda rng: on_modes(rng, list(itertools.product((-4, -2, 0, 2, 4), repeat=2)), 0.05),
    ),
    "line": ({}, line),
    "file with one column": ({"path": "galaxies.csv"}, None),
    "file with two": ({"path": "faithful.csv"}, None),
    "file with gaps": ({"path": "penguins.csv", "columns": ["bill_length_mm", "body_mass_g"]}, None),
}


def setup_of(name, seed=0):
    fields, sampler = PERFECT[name]
    experiment = experiment_of(name.split(" ")[0], **fields)
    rng = np.random.default_rng(1000 + seed)
    if sampler is None:
        rows = experiment.table.points
        return experiment, rows[rng.integers(0, len(rows), COUNT)]
    return experiment, sampler(rng)


def measured(experiment, samples):
    """Evaluate with small assignments, which are fast."""
    return evaluate(experiment, samples, assigned=128)
