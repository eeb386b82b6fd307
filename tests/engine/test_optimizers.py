"""Optimizers, schedules, clipping and the search for divergence, through programs for the machine."""

import math

import numpy as np
import numpy_gan as plain
import pytest

from ganviz.engine import optimizer
from ganviz.engine.data import data_plan
from ganviz.engine.machine import FIRST_PLAYER, STEP, execute, new_arena
from ganviz.engine.operation import Operation
from ganviz.engine.optimizer import second_moment_start
from ganviz.engine.program import Program
from ganviz.engine.step import RECORDED
from ganviz.experiment import Experiment

PLAN = data_plan(Experiment())
COUNTER = FIRST_PLAYER + 1
FAST = {"rate_schedule": "linear", "rate_steps": 1500}
SETTINGS = {
    "sgd": ({}, {"learning_rate": 0.03}, FAST),
    "momentum": ({}, {"learning_rate": 0.01}, {"learning_rate": 0.01, "momentum": 0.0}),
    "rmsprop": ({}, {"decay": 0.9, "epsilon": 1e-4}, {"decay": 0.0}, FAST),
    "rmsprop-tf1": ({}, {"decay": 0.5, "epsilon": 1e-2}, {"learning_rate": 0.01}),
    "adam": (
        {},
        {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3},
        {"beta1": 0.0, "beta2": 0.99},
        {"beta1": 0.0, "beta2": 0.0},
        {"tensorflow_epsilon": True},
        {"tensorflow_epsilon": True, "beta1": 0.9, "epsilon": 0.1},
        {"rate_schedule": "cosine", "rate_steps": 900},
    ),
    "optimistic": ({}, {"learning_rate": 0.02}, FAST),
    "optimistic-adam": (
        {}, {"beta1": 0.0, "beta2": 0.9}, {"tensorflow_epsilon": True, "epsilon": 1e-4}, {"beta1": 0.9, **FAST},
    ),
    "extragradient": ({}, {"learning_rate": 0.03}),
}  # fmt: skip


def section(kind: str, **values: object):
    """Return a player's section of an experiment, so that its own defaults hold."""
    both = ("generator", "discriminator") if kind == "extragradient" else ("generator",)
    fields = {f"optimizer.{player}.{name}": value
              for player in both for name, value in {"kind": kind, **values}.items()}  # fmt: skip
    shape = {"schedule.updates": "simultaneous"} if kind == "extragradient" else {}
    return Experiment.from_mapping({**fields, **shape}).optimizer.generator


class Machine:
    """A program over one vector of parameters, its gradient and three moments."""

    def __init__(self, size: int, bits: int = 64) -> None:
        self.program = Program()
        self.parts = {name: self.program.allocate(size) for name in ("x", "y", "w", "b", "s")}
        self.size, self.bits = size, bits
        self.arena = new_arena(self.program.size, bits)
        self.counters = np.zeros(COUNTER + 1, np.int64)
        self.record = np.zeros((1, len(RECORDED)))

    def __getitem__(self, part: str) -> np.ndarray:
        return self.arena[self.parts[part] : self.parts[part] + self.size]

    def add(self, operation: Operation, **more) -> None:
        self.program.add(operation, m=self.size, **{**self.parts, **more})

    def update(self, settings) -> None:
        self.add(Operation.UPDATE, t=optimizer.CODES[settings.kind], q=COUNTER, constants=optimizer.constants(settings))
        self["b"][:] = second_moment_start(settings.kind)

    def run(self) -> int:
        program = self.program
        return execute(program.instructions, program.constants, self.arena, self.counters, PLAN, 0, self.record, 1)


def settings():
    for kind, variants in SETTINGS.items():
        for index, variant in enumerate(variants):
            yield pytest.param(section(kind, **{"learning_rate": 1e-3, **variant}), id=f"{kind}-{index}")


def gradient_sequence(steps: int, size: int) -> np.ndarray:
    """Gradients over eight decades, one component of them always zero, one that changes sign, one constant."""
    rng = np.random.default_rng(5)
    sequence = rng.normal(size=(steps, size)) * 10.0 ** rng.uniform(-6, 2, (steps, size))
    sequence[:, 0] = 0
    sequence[:, 1] = (-1.0) ** np.arange(steps)
    sequence[:, 2] = 0.01
    return sequence


@pytest.mark.parametrize("own", list(settings()))
@pytest.mark.parametrize(("bits", "tolerance"), [(64, 1e-12), (32, 1e-6)])
def test_a_thousand_updates_follow_the_formulas(own, bits, tolerance):
    size = 19
    machine = Machine(size, bits)
    dtype = machine.arena.dtype
    machine.update(own)
    machine.add(Operation.NEXT)
    # The formulas in the same precision: what rounding alone adds up to is no disagreement.
    formulas = plain.Optimizer.of(own)
    theta = np.random.default_rng(1).normal(size=size).astype(dtype)
    machine["x"][:] = theta
    for finished, g in enumerate(gradient_sequence(1000, size).astype(dtype)):
        machine["y"][:] = g
        machine.run()
        # A step does not depend on where it is taken: the place is rounded once.
        theta = theta + formulas.step(np.zeros_like(theta), g, finished)
        assert theta.dtype == dtype
        assert np.array_equal(machine["y"], g)
    if bits == 64:
        np.testing.assert_allclose(machine["x"], theta, rtol=tolerance, atol=1e-15)
    else:
        # In the norm: a component near zero is known no better than the rounding of its path.
        assert np.linalg.norm(machine["x"] - theta) <= tolerance * np.linalg.norm(theta)
    assert machine["x"][0] == theta[0]
    assert machine.counters[STEP] == machine.counters[COUNTER] == 1000


# The first step at a gradient of 0.01 and a learning rate of 1e-4, in closed form; see REFERENCES.md.
FIRST_STEPS = [
    ("sgd", {}, 1e-4 * 0.01),
    ("momentum", {}, 1e-4 * 0.01),
    ("extragradient", {}, 1e-4 * 0.01),
    ("optimistic", {}, 2e-4 * 0.01),
    # lr g / (sqrt(0.01 g^2) + eps).
    ("rmsprop", {}, 1e-4 * 0.01 / (math.sqrt(0.01 * 0.01**2) + 1e-8)),
    # lr g / sqrt(0.9 + 0.1 g^2 + eps), with the kind's own decay and epsilon.
    ("rmsprop-tf1", {}, 1e-4 * 0.01 / math.sqrt(0.9 + 0.1 * 0.01**2 + 1e-10)),
    # lr g / (|g| + eps).
    ("adam", {}, 1e-4 * 0.01 / (0.01 + 1e-8)),
    ("adam", {"beta1": 0.0, "beta2": 0.9}, 1e-4 * 0.01 / (0.01 + 1e-8)),
    # eps is not made smaller with the square root of 1 - beta2.
    ("adam", {"tensorflow_epsilon": True, "beta2": 0.99, "epsilon": 1e-3}, 1e-4 * 0.01 / (0.01 + 1e-2)),
    ("optimistic-adam", {}, 2e-4 * 0.01 / (0.01 + 1e-8)),
]


@pytest.mark.parametrize(("kind", "values", "step"), FIRST_STEPS)
def test_first_step_is_the_published_one(kind, values, step):
    machine = Machine(1)
    machine.update(section(kind, learning_rate=1e-4, **values))
    machine["y"][:] = 0.01
    machine.run()
    assert -machine["x"][0] == pytest.approx(step, rel=1e-12)
    published = {"rmsprop": "9.9999e-04", "rmsprop-tf1": "1.0541e-06"}
    if kind in published:
        assert f"{-machine['x'][0]:.4e}" == published[kind]


def test_moments_lie_where_the_next_update_finds_them():
    """Two players' updates in one program do not touch each other's moments or counts."""
    machine = Machine(2)
    machine.update(section("adam", learning_rate=1e-2, beta1=0.9))
    other = machine.program.allocate(2)
    machine.program.add(
        Operation.UPDATE, x=other, y=other, w=other, b=other, s=other, m=2, t=0, q=FIRST_PLAYER, constants=(0,) * 7
    )
    machine.arena = new_arena(machine.program.size, 64)
    machine["y"][:] = [1, -3]
    machine.run()
    assert machine["w"] == pytest.approx([0.1, -0.3])
    assert machine["b"] == pytest.approx([0.001, 0.009])
    assert machine.counters[FIRST_PLAYER:].tolist() == [1, 1]


# Schedules.


@pytest.mark.parametrize("kind", ["sgd", "optimistic-adam", "rmsprop-tf1"])
@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("constant", {0: 1, 50: 1, 10**9: 1}),
        ("linear", {0: 1, 25: 0.75, 99: 0.01, 100: 0, 101: 0, 10**9: 0}),
        ("cosine", {0: 1, 25: (1 + math.sqrt(0.5)) / 2, 50: 0.5, 100: 0, 101: 0, 10**9: 0}),
    ],
)
def test_the_rate_falls_with_the_finished_steps(kind, schedule, shares):
    """Of steps, not of updates: a discriminator with five updates a step does not slow down five times as fast."""
    for step, share in shares.items():
        moves = []
        for name in ("constant", schedule):
            machine = Machine(1)
            machine.update(section(kind, learning_rate=0.1, rate_schedule=name, rate_steps=100))
            machine.counters[STEP] = step
            machine.counters[COUNTER] = 7
            machine["y"][:] = 0.3
            machine.run()
            moves.append(machine["x"][0])
        assert moves[1] == pytest.approx(share * moves[0], rel=1e-12, abs=1e-17)


# Clipping, and numbers that are not finite.


@pytest.mark.parametrize("bits", [32, 64])
def test_clip_cuts_both_sides_and_nothing_between(bits):
    machine = Machine(7, bits)
    machine.add(Operation.CLIP, constants=(0.25,))
    machine["x"][:] = [-1, -0.25, -0.1, 0, 0.1, 0.25, np.inf]
    machine.run()
    number = machine["x"].dtype.type
    assert machine["x"].tolist() == [-0.25, -0.25, number(-0.1), 0, number(0.1), 0.25, 0.25]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("place", [0, 5, 12])
def test_not_a_number_survives_the_clip_and_ends_the_program(bits, place):
    machine = Machine(13, bits)
    machine.add(Operation.CLIP, constants=(1.0,))
    machine.add(Operation.FINITE)
    machine.add(Operation.NEXT)
    assert machine.run() == 1
    assert machine.counters[STEP] == 1
    machine["x"][place] = np.nan
    assert machine.run() == 0
    assert machine.counters[STEP] == 1
    assert np.isnan(machine["x"][place])
    assert np.count_nonzero(np.isnan(machine["x"])) == 1


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_finite_finds_one_bad_number_among_many(bits, value):
    machine = Machine(1000, bits)
    machine.add(Operation.FINITE)
    machine["x"][:] = np.finfo(machine.arena.dtype).max
    assert machine.run() == 1
    for place in (0, 1, 500, 998, 999):
        machine["x"][:] = 1
        machine["x"][place] = value
        assert machine.run() == 0


def test_two_infinities_of_opposite_sign_do_not_cancel():
    machine = Machine(2)
    machine.add(Operation.FINITE)
    machine["x"][:] = [np.inf, -np.inf]
    assert machine.run() == 0


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_leaves_parameters_that_are_not(kind, value):
    machine = Machine(3)
    machine.update(section(kind))
    machine.add(Operation.FINITE)
    machine["y"][:] = [0.5, value, 0.5]
    assert machine.run() == 0
    assert np.isfinite(machine["x"]).tolist() == [True, False, True]


def test_share_at_the_bound_counts_both_sides():
    machine = Machine(8, 32)
    machine.add(Operation.SHARE_AT_BOUND, constants=(0.01,), record=3)
    machine["x"][:] = [0.01, -0.01, 0.02, 0.0, 0.0099, -0.0099, np.nan, 0.005]
    machine.run()
    assert machine.record[0, 3] == 3 / 8


def test_norm_is_euclids_without_loss_in_32_bits():
    machine = Machine(10_001, 32)
    machine.add(Operation.NORM, record=1)
    machine["x"][:] = np.random.default_rng(0).normal(size=10_001)
    machine.run()
    assert machine.record[0, 1] == pytest.approx(np.linalg.norm(machine["x"].astype(np.float64)), rel=1e-12)
