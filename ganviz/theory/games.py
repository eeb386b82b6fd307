"""Small games whose dynamics are known: exact fields, eigenvalues and limits of the learning rate.

A state holds the generator's parameters first, then the discriminator's. `Game.field` is v, the direction in which
both players move: the negative gradient of each player's loss in its own parameters. A simultaneous step adds h v. An
equilibrium is stable under small steps where all eigenvalues of v's Jacobian have negative real parts (Mescheder,
Nowozin and Geiger 2017, "The numerics of GANs", proposition 4).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Method = Literal["simultaneous", "alternating", "extragradient", "optimistic"]

METHODS: tuple[Method, ...] = ("simultaneous", "alternating", "extragradient", "optimistic")
_COMPLEX_STEP = 1e-40


class Game(ABC):
    """Two players and the field that moves them."""

    generators: ClassVar[int] = 1
    """How many of the parameters are the generator's."""

    @abstractmethod
    def field(self, state: Any) -> Any:
        """Return v at a state (n,). Written so that it takes complex states, too, for `jacobian`."""

    def project(self, state: Floats) -> Floats:
        """Return the state (n,) after what follows a step, such as clipping."""
        return state

    def jacobian(self, state: ArrayLike) -> Floats:
        """Return the Jacobian (n, n) of v at a state, exact to rounding.

        By complex steps, v(x + i h e) = v(x) + i h v' + O(h²), without a difference (Squire and Trapp 1998).
        """
        place = np.asarray(state, dtype=np.float64)
        columns = [np.imag(self.field(place + 1j * _COMPLEX_STEP * unit)) for unit in np.eye(len(place))]
        return np.stack(columns, axis=1) / _COMPLEX_STEP

    def eigenvalues(self, state: ArrayLike) -> Complexes:
        """Return the eigenvalues (n,) of the Jacobian of v at a state."""
        return np.linalg.eigvals(self.jacobian(state)).astype(np.complex128)

    def trajectory(self, start: ArrayLike, rate: float, steps: int, method: Method = "simultaneous") -> Floats:
        """Return the states (steps + 1, n) from a start on; alternating steps move the generator first.

        Extragradient: ω' = ω + h v(ω), then ω + h v(ω') (Korpelevich 1976). Optimistic: ω + 2 h v_t - h v_{t-1}, the
        first step a plain one (Daskalakis et al. 2018).
        """
        _known(method)
        states = np.empty((steps + 1, len(np.atleast_1d(np.asarray(start)))))
        states[0] = start
        before: Floats | None = None
        for step in range(steps):
            state = states[step]
            direction = np.asarray(self.field(state))
            if method == "simultaneous":
                moved = state + rate * direction
            elif method == "alternating":
                moved = state.copy()
                moved[: self.generators] += rate * direction[: self.generators]
                moved[self.generators :] += rate * np.asarray(self.field(moved))[self.generators :]
            elif method == "extragradient":
                moved = state + rate * np.asarray(self.field(self.project(state + rate * direction)))
            else:
                moved = state + (rate * direction if before is None else rate * (2 * direction - before))
                before = direction
            states[step + 1] = self.project(moved)
        return states


def _known(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f'there is no method "{method}" of stepping; there are {", ".join(METHODS)}')


def largest_stable_rate(eigenvalues: ArrayLike) -> float:
    """Return the learning rate below which simultaneous steps near an equilibrium shrink.

    |1 + h λ| < 1 for all eigenvalues λ (n,) of v's Jacobian where h < -2 Re λ / |λ|²; 0 where some Re λ ≥ 0.
    Mescheder, Nowozin and Geiger (2017), lemma 4.
    """
    values = np.asarray(eigenvalues, dtype=np.complex128)
    if bool((values.real >= 0).any()):
        return 0.0
    return float((-2.0 * values.real / np.abs(values) ** 2).min())


def step_matrix(jacobian: ArrayLike, rate: float, method: Method = "simultaneous", generators: int = 1) -> Floats:
    """Return the linear map of one step near an equilibrium, for v's Jacobian J (n, n) there.

    Simultaneous I + h J. Alternating (I + h J_D) (I + h J_G), J_G the first ``generators`` rows of J and J_D the
    others, the rest being 0. Extragradient I + h J + h² J². Optimistic, of the last two states together (2n, 2n):
    [[I + 2 h J, -h J], [I, 0]].
    """
    _known(method)
    j = np.asarray(jacobian, dtype=np.float64)
    n = len(j)
    one = np.eye(n)
    if method == "simultaneous":
        return one + rate * j
    if method == "alternating":
        first = (np.arange(n) < generators)[:, None]
        return (one + rate * np.where(first, 0.0, j)) @ (one + rate * np.where(first, j, 0.0))
    if method == "extragradient":
        return one + rate * j + rate**2 * j @ j
    return np.block([[one + 2.0 * rate * j, -rate * j], [one, np.zeros((n, n))]])


def growth(jacobian: ArrayLike, rate: float, method: Method = "simultaneous", generators: int = 1) -> float:
    """Return by what factor a step multiplies the distance to an equilibrium in the long run: the spectral radius."""
    return float(np.abs(np.linalg.eigvals(step_matrix(jacobian, rate, method, generators))).max())


def _slope(t: Any) -> Any:
    """Return f'(t) = 1 / (1 + exp(t)) for f(t) = -log(1 + exp(-t))."""
    return 1.0 / (1.0 + np.exp(t))


def _curvature(t: Any) -> Any:
    """Return f''(t) = -f'(t) (1 - f'(t))."""
    return -_slope(t) * (1.0 - _slope(t))


@dataclass(frozen=True)
class DiracGAN(Game):
    """The Dirac-GAN: a generator at θ, real data at 0, a discriminator ψ x.

    Mescheder, Geiger and Nowozin (2018), "Which training methods for GANs do actually converge?", definition 2.1: the
    generator minimises and the discriminator maximises L(θ, ψ) = f(ψ θ) + f(0), f(t) = -log(1 + exp(-t)).
    """

    def field(self, state: Any) -> Any:
        """v = (-ψ f'(θψ), θ f'(θψ)): equation 5 of the paper."""  # noqa: D403
        theta, psi = state
        return np.array([-psi * _slope(theta * psi), theta * _slope(theta * psi)])


@dataclass(frozen=True)
class NonSaturatingDiracGAN(Game):
    """The Dirac-GAN whose generator maximises f(-ψ θ): Mescheder et al. (2018), section 3.1."""

    def field(self, state: Any) -> Any:
        """v = (-ψ f'(-θψ), θ f'(θψ))."""  # noqa: D403
        theta, psi = state
        return np.array([-psi * _slope(-theta * psi), theta * _slope(theta * psi)])


@dataclass(frozen=True)
class WassersteinDiracGAN(Game):
    """The Dirac-GAN with f(t) = t: Mescheder et al. (2018), section 3.2. With a clip the critic stays within it."""

    clip: float = np.inf

    def field(self, state: Any) -> Any:
        """v = (-ψ, θ)."""  # noqa: D403
        theta, psi = state
        return np.array([-psi, theta])

    def project(self, state: Floats) -> Floats:
        """Cut the critic to the clip."""
        return np.array([state[0], np.clip(state[1], -self.clip, self.clip)])


@dataclass(frozen=True)
class GradientPenaltyDiracGAN(Game):
    """The Wasserstein Dirac-GAN with a penalty on the critic's slope |ψ|: Mescheder et al. (2018), section 3.2.

    The critic pays weight (|ψ| - target)², the form of Gulrajani et al. (2017). |ψ| has no slope at 0, where the
    equilibrium would be; taken as 0 there.
    """

    weight: float = 10.0
    target: float = 1.0

    def field(self, state: Any) -> Any:
        """v = (-ψ, θ - 2 weight sign(ψ) (|ψ| - target))."""  # noqa: D403
        theta, psi = state
        sign = np.sign(np.real(psi))
        return np.array([-psi, theta - 2.0 * self.weight * sign * (sign * psi - self.target)])


@dataclass(frozen=True)
class RegularizedDiracGAN(Game):
    """The Dirac-GAN with R1 or R2, (γ/2) ψ², the same for a linear discriminator: Mescheder et al. (2018), lemma 4.1.

    Eigenvalues at the equilibrium -γ/2 ± √(γ²/4 - 1/4). ``saturating``: whether the generator plays minimax.
    """

    weight: float = 1.0
    saturating: bool = True

    def field(self, state: Any) -> Any:
        """v = (-ψ f'(±θψ), θ f'(θψ) - γ ψ)."""  # noqa: D403
        theta, psi = state
        sign = 1.0 if self.saturating else -1.0
        return np.array([-psi * _slope(sign * theta * psi), theta * _slope(theta * psi) - self.weight * psi])


@dataclass(frozen=True)
class ConsensusDiracGAN(Game):
    """The Dirac-GAN with consensus optimisation: v - γ ∇ ½‖v‖² = v - γ Jᵀ v of the minimax field.

    Mescheder, Nowozin and Geiger (2017), equation 10. Eigenvalues at the equilibrium -γ/4 ± i/2.
    """

    weight: float = 1.0

    def field(self, state: Any) -> Any:
        """v - γ Jᵀ v with J = [[-ψ² f'', -f' - θψ f''], [f' + θψ f'', θ² f'']] at θψ."""  # noqa: D403
        theta, psi = state
        first, second = _slope(theta * psi), _curvature(theta * psi)
        v = np.array([-psi * first, theta * first])
        across = first + theta * psi * second
        jacobian = np.array([[-(psi**2) * second, -across], [across, theta**2 * second]])
        return v - self.weight * jacobian.T @ v


@dataclass(frozen=True)
class GaussianWGAN(Game):
    """The Wasserstein GAN of one Gaussian on the line, with a linear and quadratic critic.

    Data N(mean, std²), generator μ + σ z, critic a x + b x² - (decay/2) (a² + b²). For the mean alone the game of
    Daskalakis et al. (2018), "Training GANs with optimism", for the spread alone the linear-quadratic game of
    Nagarajan and Kolter (2017), "Gradient descent GAN optimization is locally stable". The generator minimises, the
    critic maximises a (m - μ) + b (m² + s² - μ² - σ²) less the decay. State (μ, σ, a, b). Without decay the equilibrium
    (m, s, 0, 0) is a centre: the eigenvalues are imaginary.
    """

    mean: float = 0.0
    std: float = 1.0
    decay: float = 0.0

    generators: ClassVar[int] = 2

    def field(self, state: Any) -> Any:
        """v = (a + 2 b μ, 2 b σ, m - μ - decay a, m² + s² - μ² - σ² - decay b)."""  # noqa: D403
        mu, sigma, a, b = state
        moment = self.mean**2 + self.std**2 - mu**2 - sigma**2
        return np.array([a + 2.0 * b * mu, 2.0 * b * sigma, self.mean - mu - self.decay * a, moment - self.decay * b])

    @property
    def equilibrium(self) -> Floats:
        """The state in which the generator has the data's mean and spread and the critic is 0."""
        return np.array([self.mean, self.std, 0.0, 0.0])


@dataclass(frozen=True)
class BilinearGame(Game):
    """min_x max_y a x y, with the equilibrium 0 and eigenvalues ±i a.

    With μ = h a a step multiplies the distance by √(1 + μ²) (simultaneous), 1 (alternating, μ < 2) or √(1 - μ² + μ⁴)
    (extragradient, which shrinks for μ < 1; Gidel et al. 2019, "A variational inequality perspective on GANs",
    proposition 1 and 2); optimistic steps shrink for μ < 1/√3.
    """

    coupling: float = 1.0

    def field(self, state: Any) -> Any:
        """v = (-a y, a x)."""  # noqa: D403
        x, y = state
        return np.array([-self.coupling * y, self.coupling * x])
