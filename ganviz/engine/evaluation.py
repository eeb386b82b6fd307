"""What the players do at one moment: samples, outputs and slopes, computed beside the training and without a trace.

An `Evaluator` has an arena of its own. It copies parameters in and never writes to the training's numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ganviz.experiment import Experiment

from . import objective, random
from .data import DataPlan
from .game import DISCRIMINATOR, GENERATOR, RECORDED, layout
from .machine import NOISE_KINDS, Operation, new_arena
from .network import Floats
from .program import Matrix, Program
from .training import Training, draw_real, parameters_in, run_program

Float64 = NDArray[np.float64]


class Evaluator:
    """Evaluates a training's networks at given points; everything goes in and comes out in the data's own units.

    Parameters
    ----------
    experiment : Experiment
        The experiment whose networks, objective and seed count.
    data : DataPlan
        Its data with shift and scale.
    """

    def __init__(self, experiment: Experiment, data: DataPlan) -> None:
        self.experiment = experiment
        self.data = data
        self._layout = layout(experiment)
        self._arena = new_arena(self._layout.size, experiment.precision)
        self._programs: dict[tuple[str, int], tuple[Program, dict[str, Matrix]]] = {}
        d = experiment.dimension
        self._shift, self._scale = data.shift[:d], data.scale[:d]

    def load(self, training: Training) -> None:
        """Copy the parameters of a training with the same networks."""
        for player in (GENERATOR, DISCRIMINATOR):
            parameters_in(self._arena, self._layout, player)[:] = training.flat(player)

    def real(self, count: int) -> Float64:
        """Draw real samples (count, d) for show: the same ones at every step."""
        seed, bits = self.experiment.seed, self.experiment.precision
        return draw_real(self.data, seed, count, random.SHOWN_REAL, bits).astype(np.float64)

    def noise(self, count: int) -> Float64:
        """Draw noise (count, dimension) for show: the same at every step."""
        noise = self.experiment.noise

        def write(program: Program) -> dict[str, Matrix]:
            z = program.matrix(count, noise.dimension)
            program.add(Operation.NOISE, y=z.place, m=z.size, n=NOISE_KINDS[noise.kind], s=random.SHOWN_NOISE)
            return {"z": z}

        return self._run("noise", count, write)["z"]

    def generate(self, z: Float64) -> Float64:
        """Return the generator's samples (n, d) for noise (n, dimension)."""

        def write(program: Program) -> dict[str, Matrix]:
            own = program.matrix(*z.shape)
            player = self._layout[GENERATOR]
            return {"z": own, "x": program.forward(player.network, player.parameters, own)[-1]}

        return self._to_own_units(self._run("generate", len(z), write, z=z)["x"])

    def discriminate(self, points: Float64) -> Float64:
        """Return the discriminator's raw outputs (n,) at points (n, d)."""

        def write(program: Program) -> dict[str, Matrix]:
            x = program.matrix(*points.shape)
            player = self._layout[DISCRIMINATOR]
            return {"x": x, "y": program.forward(player.network, player.parameters, x)[-1]}

        return self._run("discriminate", len(points), write, x=self._to_training_units(points))["y"][:, 0]

    def slopes(self, points: Float64) -> tuple[Float64, Float64]:
        """Return raw outputs (n,) at points (n, d) and their derivatives (n, d) in the data's own units."""

        def write(program: Program) -> dict[str, Matrix]:
            x = program.matrix(*points.shape)
            delta = program.matrix(len(points), 1)
            player = self._layout[DISCRIMINATOR]
            values = program.forward(player.network, player.parameters, x)
            slope = program.backward(player.network, player.parameters, x, values, delta, inputs=True)
            assert slope is not None
            return {"x": x, "delta": delta, "y": values[-1], "slope": slope}

        ones = np.ones((len(points), 1))
        found = self._run("slopes", len(points), write, x=self._to_training_units(points), delta=ones)
        return found["y"][:, 0], found["slope"] / self._scale

    def pulls(self, samples: Float64) -> tuple[Float64, Float64]:
        """Return where gradient descent on the generator's loss pulls each of its samples.

        Parameters
        ----------
        samples : ndarray (n, d)
            Samples of the generator.

        Returns
        -------
        pulls : ndarray (n, d)
            The negative gradient of each sample's own share of the generator's loss (n times that of the mean) in
            the sample, without instance noise. Gradient and descent are those of training units, in which the
            generator lives; the result is that displacement, expressed in the data's own units.
        norms : ndarray (n,)
            The gradient's Euclidean norm in training units.
        """

        def write(program: Program) -> dict[str, Matrix]:
            x = program.matrix(*samples.shape)
            player = self._layout[DISCRIMINATOR]
            values = program.forward(player.network, player.parameters, x)
            delta = program.matrix(len(samples), 1)
            program.add(
                Operation.GENERATOR_LOSS, x=values[-1].place, y=delta.place, m=len(samples),
                n=objective.CODES[self.experiment.objective.kind], record=RECORDED.index("generator_loss"),
            )  # fmt: skip
            pull = program.backward(player.network, player.parameters, x, values, delta, inputs=True)
            assert pull is not None
            return {"x": x, "pull": pull}

        found = self._run("pulls", len(samples), write, x=self._to_training_units(samples))
        gradient = len(samples) * found["pull"]
        return -gradient * self._scale, np.sqrt((gradient**2).sum(axis=1))

    def _to_training_units(self, points: Float64) -> Float64:
        return (points - self._shift) / self._scale

    def _to_own_units(self, points: Float64) -> Float64:
        return points * self._scale + self._shift

    def _run(
        self, name: str, count: int, write: Callable[[Program], dict[str, Matrix]], **inputs: Float64
    ) -> dict[str, Float64]:
        """Carry out a program, written at its first use for this number of rows, and return its matrices."""
        key = (name, count)
        if key not in self._programs:
            program = Program(self._layout.size)
            self._programs[key] = (program, write(program))
            if program.size > self._arena.size:
                arena = new_arena(program.size, self.experiment.precision)
                arena[: self._layout.size] = self._arena[: self._layout.size]
                self._arena = arena
        program, places = self._programs[key]
        for label, values in inputs.items():
            self._view(places[label])[:] = values
        run_program(program, self._arena, self.data, self.experiment.seed)
        return {label: self._view(matrix).astype(np.float64) for label, matrix in places.items()}

    def _view(self, matrix: Matrix) -> Floats:
        return self._arena[matrix.place : matrix.place + matrix.size].reshape(matrix.rows, matrix.columns)
