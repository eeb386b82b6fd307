"""Training: the arena of a run's numbers, and the one call that moves it forward."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment, ExperimentError

from . import random
from .data import ROWS, DataPlan, data_plan
from .game import DISCRIMINATOR, GENERATOR, Layout, Player, initial_program, layout, settings_of
from .graph import Graph, Shape
from .lowering import Sink, write
from .machine import FIRST_PLAYER, STEP, execute, new_arena
from .network import Floats
from .operation import Operation
from .optimizer import second_moment_start
from .program import Program
from .step import RECORDED, training_program, turn_vectors

MOMENT_SAMPLES = 100_000
"""Samples that settle shift and scale where standardisation is asked for and no file gives the points."""


LARGEST = 4 * 2**30
"""Bytes that an arena may have."""


class Diverged(NamedTuple):
    """Where training left the finite numbers."""

    step: int
    player: str
    layer: int


class Snapshot(NamedTuple):
    """All that training carries from step to step."""

    kept: Floats
    counters: NDArray[np.int64]


class Training:
    """The numbers of a run and the program that moves them; knows nothing of logs, files or windows.

    Parameters
    ----------
    experiment : Experiment
        What to train. Parameters start as its seed says.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.layout = layout(experiment)
        self.data = standardized(experiment)
        self.counters = np.zeros(FIRST_PLAYER + len(self.layout.players), np.int64)
        self._write_program(experiment)
        run_program(initial_program(experiment, self.layout), self.arena, self.data, experiment.seed)
        self._orthogonalize()
        turning = Program(self.layout.size)
        turn_vectors(turning, self.layout[DISCRIMINATOR])
        run_program(turning, self.arena, self.data, experiment.seed)
        for player in self.layout.players:
            self._start_moments(player)
        self._start_average()

    @property
    def step(self) -> int:
        """Number of finished steps."""
        return int(self.counters[STEP])

    def advance(self, steps: int, records: NDArray[np.float64]) -> int:
        """Train for a number of steps; return how many ended with finite parameters.

        Row i of ``records`` (steps, len(RECORDED)) receives what step i of this call measured. After a step that left
        a parameter not finite the numbers are of no further use: `find_divergence` says where, `restore` goes back.
        """
        return execute(
            self._instructions, self._constants, self.arena, self.counters, self.data, self.experiment.seed,
            records, steps,
        )  # fmt: skip

    def change(self, *experiments: Experiment) -> None:
        """Go on under another experiment whose networks and precision are the same; shift and scale stay.

        A player whose optimizer changes its kind starts with fresh moments. Of several experiments the last counts; to
        the same bits as if each had followed the one before.
        """
        experiment, path = experiments[-1], list(pairwise((self.experiment, *experiments)))
        places = layout(experiment)
        if places != self.layout or experiment.precision != self.experiment.precision:
            raise ValueError("networks and precision cannot change in a running training")
        fresh: list[str] = []
        for player in places.players:
            optimizers = [[getattr(one.optimizer, player.name).kind for one in change] for change in path]
            if any(before != after for before, after in optimizers):
                fresh.append(player.name)
        averaging = any(before.generator.ema == 0 and after.generator.ema > 0 for before, after in path)
        data = data_plan(experiment)._replace(shift=self.data.shift, scale=self.data.scale)
        kept = self.arena[: self.layout.kept]
        # The last that can fail: until here nothing has changed.
        self._write_program(experiment)
        self.arena[: self.layout.kept] = kept
        self.experiment, self.data = experiment, data
        for name in fresh:
            self._start_moments(self.layout[name])
        if averaging:
            self._start_average()

    def snapshot(self) -> Snapshot:
        """Copy what training carries from step to step."""
        return Snapshot(self.arena[: self.layout.kept].copy(), self.counters.copy())

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this training."""
        self.arena[: self.layout.kept] = snapshot.kept
        self.counters[:] = snapshot.counters

    def flat(self, player: str) -> Floats:
        """Show a player's flat parameters: a view, not a copy."""
        return parameters_in(self.arena, self.layout, player)

    def _start_moments(self, player: Player) -> None:
        """Give an optimizer the moments and the count that it starts with."""
        kind = self.experiment[f"optimizer.{player.name}.kind"]
        for place, value in ((player.first, 0.0), (player.second, second_moment_start(str(kind))), (player.third, 0.0)):
            self.arena[place : place + player.network.size] = value
        self.counters[player.counter] = 0

    def _start_average(self) -> None:
        """Let the generator's average start at the generator."""
        player = self.layout[GENERATOR]
        self.arena[player.average : player.average + player.network.size] = self.flat(GENERATOR)

    def find_divergence(self) -> Diverged:
        """Say which player's which layer (from 1) is not finite after the step that ended `advance`."""
        # The discriminator moves first, so where both are not finite it is the origin.
        for name in (DISCRIMINATOR, GENERATOR):
            for index, (weight, bias) in enumerate(self.layout[name].network.split(self.flat(name)), start=1):
                if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                    return Diverged(self.step + 1, name, index)
        raise ValueError("all parameters are finite")

    def _write_program(self, experiment: Experiment) -> None:
        program = training_program(experiment, self.layout)
        arena = arena_of(program, experiment.precision)
        self.arena, self._instructions, self._constants = arena, program.instructions, program.constants

    def _orthogonalize(self) -> None:
        """Make normal matrices orthogonal, evenly spread (Saxe et al. 2014; signs as in Mezzadri 2007)."""
        for name in (GENERATOR, DISCRIMINATOR):
            section = settings_of(self.experiment, name)
            if section.init == "orthogonal":
                for weight, _ in self.layout[name].network.split(self.flat(name)):
                    tall = weight if weight.shape[0] >= weight.shape[1] else weight.T
                    q, r = np.linalg.qr(tall.astype(np.float64))
                    q = section.gain * q * np.sign(np.diag(r))
                    weight[:] = q if tall is weight else q.T


def arena_of(program: Program, bits: int) -> Floats:
    """Make the arena of a program.

    Raises
    ------
    ExperimentError
        If it is larger than `LARGEST` or than the memory that is left.
    """
    size = program.size * bits // 8
    try:
        if size <= LARGEST:
            return new_arena(program.size, bits)
    except MemoryError:
        pass
    raise ExperimentError(
        f"this experiment needs {size / 2**30:.1f} GB for its numbers, more than there is or than the "
        f"{LARGEST / 2**30:g} GB that are allowed; make schedule.batch, schedule.unroll, generator.hidden or "
        "discriminator.hidden smaller"
    )


def parameters_in(arena: Floats, places: Layout, player: str) -> Floats:
    """Show a player's flat parameters in an arena: a view, not a copy."""
    start = places[player].parameters
    return arena[start : start + places[player].network.size]


def run_program(
    program: Program, arena: Floats, data: DataPlan, seed: int, record: NDArray[np.float64] | None = None
) -> None:
    """Carry out a program once that does not depend on the step."""
    records = np.zeros((1, len(RECORDED))) if record is None else record.reshape(1, -1)
    counters = np.zeros(FIRST_PLAYER + 2, np.int64)
    execute(program.instructions, program.constants, arena, counters, data, seed, records, 1)


def rows_in(arena: Floats, place: int, shape: Shape) -> Floats:
    """Show the samples (columns, rows) of a batch matrix in an arena, one in each row: a view, not a copy."""
    return arena[place : place + shape.size].reshape(shape.rows, shape.stored)[:, : shape.columns].T


def draw_real(data: DataPlan, seed: int, count: int, stream: int, bits: int) -> Floats:
    """Draw real samples (count, d) in the data's own units: always the same ones for a seed and a stream."""
    return _draw_in_training_units(data._replace(shift=np.zeros(2), scale=np.ones(2)), seed, count, stream, bits)


def _draw_in_training_units(data: DataPlan, seed: int, count: int, stream: int, bits: int) -> Floats:
    program, graph = Program(), Graph()
    shape = Shape(data.dimension, count, 1)
    out = program.allocate(shape.size)
    write(graph, program, [Sink(graph.drawn(Operation.REAL, shape, s=stream), out)])
    arena = new_arena(program.size, bits)
    run_program(program, arena, data, seed)
    return np.ascontiguousarray(rows_in(arena, out, shape))


def standardized(experiment: Experiment) -> DataPlan:
    """Lower an experiment's data, with the shift and scale that standardisation asks for."""
    plan = data_plan(experiment)
    if not experiment.data.standardize:
        return plan
    if plan.kind == ROWS:
        return _centred(plan, plan.rows)
    # Twice: in 32 bits a small spread far from zero is seen only once the centre is known.
    for _ in range(2):
        points = _draw_in_training_units(plan, experiment.seed, MOMENT_SAMPLES, random.REFERENCE, experiment.precision)
        plan = _centred(plan, points)
    return plan


def _centred(plan: DataPlan, points: Floats) -> DataPlan:
    """Move shift and scale so that points in training units get mean 0 and standard deviation 1."""
    shift, scale = plan.shift.copy(), plan.scale.copy()
    deviations = points.std(axis=0, dtype=np.float64)
    # An axis without spread, such as the horizontal one of a vertical line, keeps its scale.
    spread = (points.max(axis=0) > points.min(axis=0)) & (deviations > 0)
    shift[: plan.dimension] += scale[: plan.dimension] * points.mean(axis=0, dtype=np.float64)
    scale[: plan.dimension] *= np.where(spread, deviations, 1.0)
    return plan._replace(shift=shift, scale=scale)
