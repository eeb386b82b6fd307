"""Frames made by hand, of numbers that the tests know."""

import numpy as np

from ganviz.experiment import Experiment
from ganviz.run import Frame, Series, Surface

LINE = {"data": {"kind": "gaussian", "mean": 0.0, "std": 1.0}}
PLANE = {"data": {"kind": "ring", "modes": 8, "radius": 1.0}}
CRITIC = {"objective.kind": "wasserstein"}


def series(steps, mean, spread=0.0):
    steps, mean = np.asarray(steps, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    return Series(steps, mean, mean - spread, mean + spread)


def handmade(setup, *, step=100, rows=400, box=(-4.0, 4.0), **fields):
    """Return a frame with normal samples, real ones around 0 and fakes around 1 in the first axis."""
    experiment = Experiment.from_mapping(setup)
    d = experiment.dimension
    rng = np.random.default_rng(0)
    real, noise = rng.normal(size=(rows, d)), rng.normal(size=(rows, 2))
    fake = rng.normal(size=(rows, d)) + np.eye(d)[0]
    whole = {"real": real, "fake": fake, "noise": noise, "box": (box,) * d, "metrics": {}, **fields}
    return Frame(step=step, experiment=experiment, **whole)


def line_surface(x, outputs):
    return Surface(x, np.empty(0), outputs, np.gradient(outputs, x))


def named(scene, name):
    return next(layer for layer in scene.layers if layer.name == name)


def names(scene):
    return [layer.name for layer in scene.layers]
