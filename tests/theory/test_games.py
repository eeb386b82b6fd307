"""Small games against published trajectories, eigenvalues and factors."""

import math

import numpy as np
import pytest

from ganviz.theory import games

TRAJECTORIES = [
    (games.DiracGAN(), (-2.16161128, -2.21777540), (0.686833661, 1.24400729)),
    (games.NonSaturatingDiracGAN(), (0.548337319, 0.330441056), (0.204888492, 0.196553333)),
    (games.WassersteinDiracGAN(1.0), (-0.0656407822, 1), (0.979076297, 0.300381520)),
]


@pytest.mark.parametrize(("game", "simultaneous", "alternating"), TRAJECTORIES)
def test_trajectories(game, simultaneous, alternating):
    for method, wanted in (("simultaneous", simultaneous), ("alternating", alternating)):
        assert game.trajectory((1, 1), 0.2, 500, method)[-1] == pytest.approx(wanted, rel=5e-9)


@pytest.mark.parametrize("weight", [0.3, 0.6, 1.5])
def test_eigenvalues(weight):
    root = np.emath.sqrt(weight**2 / 4 - 0.25)
    wanted = {
        games.DiracGAN(): (0.5j, -0.5j),
        games.NonSaturatingDiracGAN(): (0.5j, -0.5j),
        games.RegularizedDiracGAN(weight): (-weight / 2 + root, -weight / 2 - root),
        games.RegularizedDiracGAN(weight, saturating=False): (-weight / 2 + root, -weight / 2 - root),
        games.ConsensusDiracGAN(weight): (-weight / 4 + 0.5j, -weight / 4 - 0.5j),
    }
    for game, values in wanted.items():
        assert np.sort_complex(game.eigenvalues((0, 0))) == pytest.approx(np.sort_complex(np.array(values)), abs=1e-12)


@pytest.mark.parametrize(
    "game", [games.DiracGAN(), games.ConsensusDiracGAN(0.7), games.GradientPenaltyDiracGAN(), games.BilinearGame(2)]
)
def test_jacobians_by_differences(game):
    place, step = np.array([0.4, -0.7]), 1e-6
    columns = [(game.field(place + step * e) - game.field(place - step * e)) / (2 * step) for e in np.eye(2)]
    assert game.jacobian(place) == pytest.approx(np.stack(columns, axis=1), abs=1e-8)


def test_consensus_is_the_gradient_of_the_squared_field():
    place, step = np.array([0.4, -0.7]), 1e-6
    base = games.DiracGAN()
    half = [0.5 * sum(base.field(place + s * step * e) ** 2) for e in np.eye(2) for s in (1, -1)]
    slope = np.array([half[0] - half[1], half[2] - half[3]]) / (2 * step)
    assert games.ConsensusDiracGAN(0.7).field(place) == pytest.approx(base.field(place) - 0.7 * slope, abs=1e-9)


@pytest.mark.parametrize("rate", [0.2, 0.57, 0.58, 0.9, 1.2])
def test_growth_in_the_bilinear_game_and_in_its_trajectories(rate):
    game = games.BilinearGame()
    jacobian = game.jacobian((0, 0))
    wanted = {"simultaneous": math.sqrt(1 + rate**2), "alternating": 1, "extragradient": math.hypot(1 - rate**2, rate)}
    for method, factor in wanted.items():
        assert games.growth(jacobian, rate, method) == pytest.approx(factor, abs=1e-12)
    optimistic = games.growth(jacobian, rate, "optimistic")
    assert (optimistic < 1) == (rate < 1 / math.sqrt(3))
    for method in ("simultaneous", "extragradient", "optimistic"):
        size = np.linalg.norm(game.trajectory((1, 0), rate, 400, method), axis=1)
        assert (size[400] / size[200]) ** (1 / 200) == pytest.approx(games.growth(jacobian, rate, method), abs=3e-3)


def test_largest_stable_rate_separates_shrinking_from_growing():
    game = games.ConsensusDiracGAN(0.6)
    limit = games.largest_stable_rate(game.eigenvalues((0, 0)))
    for factor, shrinks in ((0.98, True), (1.02, False)):
        path = game.trajectory((1e-4, 1e-4), factor * limit, 400)
        assert (np.linalg.norm(path[-1]) < np.linalg.norm(path[0])) == shrinks
    assert games.largest_stable_rate(games.DiracGAN().eigenvalues((0, 0))) == 0
    assert games.largest_stable_rate([-0.5]) == 4


def test_clipped_and_penalised_critics_do_not_converge():
    for game in (games.WassersteinDiracGAN(1.0), games.GradientPenaltyDiracGAN(0.1)):
        path = game.trajectory((1, 1), 0.05, 20_000)
        assert np.linalg.norm(path[-2000:], axis=1).max() > 0.1


def test_gaussian_wgan():
    game = games.GaussianWGAN(1.0, 2.0)
    assert game.field(game.equilibrium) == pytest.approx(np.zeros(4), abs=1e-15)
    assert game.eigenvalues(game.equilibrium).real == pytest.approx(np.zeros(4), abs=1e-10)
    steady = games.GaussianWGAN(1.0, 2.0, decay=0.5)
    assert steady.eigenvalues(steady.equilibrium).real.max() < 0
    assert steady.trajectory((0.5, 1.5, 0, 0), 0.02, 20_000)[-1] == pytest.approx(steady.equilibrium, abs=1e-6)
    with pytest.raises(ValueError, match="simultaneous"):
        game.trajectory((1, 1, 0, 0), 0.1, 3, "other")
