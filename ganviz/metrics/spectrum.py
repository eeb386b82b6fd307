"""The spectrum of the game: eigenvalues of the Jacobian of the joint update field.

Near a point x the game moves as x' = u(x), and small deviations as d' = J d, where u is the joint field scaled by the
players' rates and J its Jacobian. Simultaneous steps of length h multiply deviations by 1 + h λ for each eigenvalue λ
of J (Mescheder, Nowozin and Geiger 2017, section 3; Nagarajan and Kolter 2017; Berard et al. 2020). docs/spectrum.md
says what each verdict means, and what is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ganviz.experiment import Experiment

Float64 = NDArray[np.float64]
Complex = NDArray[np.complex128]
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]

WHOLE = 2000
"""Parameters of the largest game whose whole Jacobian is computed, unless told."""
MULTIPLIED = 1000
"""Parameters of the largest game whose multipliers are computed where that takes eigenvalues of their own."""
FOUND, BASIS, RESTARTS = 6, 30, 40
"""Krylov's method: eigenvalues wanted of each kind, vectors that are kept, and how often it may start again."""
KINDS = {"LM": "modulus", "LR": "real part", "LI": "imaginary part"}


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the game at one point.

    Attributes
    ----------
    step : int
    eigenvalues : complex (k,)
        Of the Jacobian of the joint field (minus each player's gradient, times the player's learning rate relative to
        the generator's), sorted by falling real part. All of them where ``complete``, else those of largest modulus,
        largest real part and largest imaginary part.
    parameters : int
        Size of the whole game.
    complete : bool
    batch : int
        Samples that the field is the mean over.
    rate : float
        The generator's present learning rate; the discriminator's where the generator's is 0.
    largest_rate : float
        Simultaneous gradient steps are locally stable below this learning rate of the generator; 0 where no rate is
        stable, infinity where all are. Where not ``complete`` an upper bound, that of the eigenvalues found.
    verdict : str
        "stable", "rotating", "diverging" or "marginal"; "uncertain" where Krylov's method did not find the largest
        real part, and no positive one.
    sentence : str
        What the eigenvalues say, in one sentence with the numbers.
    zeros : int
        Eigenvalues that are 0 within the tolerance, which the verdict leaves out.
    preconditioned : bool
        Whether the field is also scaled parameter by parameter as the optimizers scale it now.
    multipliers : complex (k,)
        Eigenvalues of one whole step of the run's own order of updates, for gradient steps of that field at the
        present rates, by falling modulus; empty where they were not computed.
    field_norm : float
        Euclidean norm of the scaled field: 0 at an equilibrium.
    missing : tuple of str
        What Krylov's method did not find of "modulus", "real part" and "imaginary part".
    """

    step: int
    eigenvalues: Complex
    parameters: int
    complete: bool
    batch: int
    rate: float
    largest_rate: float
    verdict: str
    sentence: str
    zeros: int = 0
    preconditioned: bool = False
    multipliers: Complex = field(default_factory=lambda: np.zeros(0, np.complex128))
    field_norm: float = 0.0
    missing: tuple[str, ...] = ()


class Game(Protocol):
    """What `spectrum` asks of a game; `ganviz.engine.jacobian.GameJacobian` says what each means."""

    experiment: Experiment
    sizes: tuple[int, int]

    @property
    def batch(self) -> int: ...  # noqa: D102
    @property
    def precision(self) -> int: ...  # noqa: D102
    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def rates(self) -> tuple[float, float]: ...  # noqa: D102
    def scales(self) -> Float64 | None: ...  # noqa: D102
    def field(self) -> Float64: ...  # noqa: D102
    def transposed(self, w: ArrayLike, /) -> Float64: ...  # noqa: D102
    def matrix(self, should_stop: Stop | None = None, progress: Progress | None = None) -> Float64 | None: ...  # noqa: D102


class _Stopped(Exception):
    """Somebody asked to stop."""


def spectrum(
    game: Game, *, preconditioned: bool | None = None, whole: int = WHOLE, should_stop: Stop | None = None,
    progress: Progress | None = None,
) -> Spectrum | None:  # fmt: skip
    """Compute the eigenvalues of a game at the point that it has loaded, and say what they mean.

    Parameters
    ----------
    game : Game
        The joint field and its Jacobian.
    preconditioned : bool, optional
        Whether the field is scaled parameter by parameter as adaptive optimizers scale it at this moment, that scale
        held. By default it is where an optimizer does so: then the rates are those of the run.
    whole : int
        Parameters up to which the whole Jacobian is computed; beyond, Krylov's method (ARPACK) looks for the
        eigenvalues that decide.
    should_stop : callable, optional
        Asked between products and before eigenvalues are computed; once it says so, None is returned.
    progress : callable, optional
        Told the number of finished products, and of all there may be.

    Returns
    -------
    Spectrum or None

    Raises
    ------
    ValueError
        If the field or its Jacobian is not finite, or both players stand still.
    """
    scales = game.scales() if preconditioned is not False else None
    if scales is None and preconditioned:
        raise ValueError(f"at step {game.step:,} no optimizer scales the parameters; the plain field has a spectrum")
    rate, relative = _relative_rates(game)
    if scales is not None:
        relative = relative * scales
    moved = relative * _finite(game.field(), game.step, "field")
    multipliers, missing = np.zeros(0, np.complex128), ()
    complete = sum(game.sizes) <= whole
    try:
        if complete:
            jacobian = game.matrix(should_stop, progress)
            if jacobian is None:
                return None
            jacobian = relative[:, None] * _finite(jacobian, game.step, "Jacobian")
            values = _eigenvalues(jacobian, should_stop)
            multipliers = _multipliers(game, jacobian, values, rate, should_stop)
        else:
            values, missing = _krylov(game, relative, should_stop, progress)
    except _Stopped:
        return None
    values = values[np.lexsort((-values.imag, -values.real))]
    tolerance = np.sqrt(np.finfo(np.float32 if game.precision == 32 else np.float64).eps)
    judged = _Judged(values, float(tolerance), KINDS["LR"] in missing)
    found = Spectrum(
        game.step, values, sum(game.sizes), complete, game.batch, rate, judged.largest_rate, judged.verdict, "",
        judged.zeros, scales is not None, multipliers, float(np.linalg.norm(moved)), missing,
    )  # fmt: skip
    return _with_sentence(found, judged, game)


def _relative_rates(game: Game) -> tuple[float, Float64]:
    """Return the rate that others are relative to, and each parameter's relative rate (n,)."""
    generator, discriminator = game.rates
    rate = generator or discriminator
    if rate == 0:
        raise ValueError(
            f"at step {game.step:,} both learning rates are 0: nothing moves, and there is no spectrum; "
            "set a learning rate above 0"
        )
    return rate, np.repeat([generator / rate, discriminator / rate], game.sizes)


def _finite(numbers: Float64, step: int, what: str) -> Float64:
    if not np.isfinite(numbers).all():
        share = f"{np.count_nonzero(~np.isfinite(numbers)):,} of {numbers.size:,}"
        raise ValueError(
            f"the game's {what} is not finite at step {step:,}: {share} numbers are infinite or not a number, so there "
            "is no spectrum; an earlier step or a smaller learning rate may have one"
        )
    return numbers


def _eigenvalues(matrix: Float64, should_stop: Stop | None) -> Complex:
    """Return all eigenvalues, unless somebody asks to stop first: once begun, LAPACK cannot be interrupted."""
    if should_stop is not None and should_stop():
        raise _Stopped
    return np.linalg.eigvals(matrix).astype(np.complex128)


class _Judged:
    """What eigenvalues mean: those within tolerance times the spectral radius of 0 are counted and left out."""

    def __init__(self, values: Complex, tolerance: float, open_end: bool) -> None:
        self.radius = float(np.abs(values).max(initial=0.0))
        self.level = tolerance * self.radius
        self.moving = values[np.abs(values) > self.level]
        self.zeros = len(values) - len(self.moving)
        self.growing = int(np.count_nonzero(self.moving.real > self.level))
        self.turning = int(np.count_nonzero(np.abs(self.moving.real) <= self.level))
        if self.growing:
            self.verdict = "diverging"
        elif open_end:
            self.verdict = "uncertain"
        elif self.turning:
            self.verdict = "rotating"
        else:
            self.verdict = "stable" if len(self.moving) else "marginal"
        self.largest_rate = 0.0
        if not self.growing and not self.turning:
            # |1 + h λ| < 1 where h < -2 Re λ / |λ|^2.
            limits = -2.0 * self.moving.real / np.abs(self.moving) ** 2
            self.largest_rate = float(limits.min(initial=float("inf")))


def _multipliers(game: Game, jacobian: Float64, values: Complex, rate: float, should_stop: Stop | None) -> Complex:
    """Return the eigenvalues of a step's linear map, by falling modulus: the Jacobian's factors in the run's order.

    An update of one player alone moves its rows: I + h E J, where E keeps these. A step is the product of its updates'
    factors, all at this point; extragradient is I + h J (I + h J).
    """
    schedule, generator = game.experiment.schedule, game.sizes[0]
    together = int(schedule.updates == "simultaneous")
    extragradient = game.experiment.optimizer.generator.kind == "extragradient"
    if extragradient:
        found = 1.0 + rate * values * (1.0 + rate * values)
    elif together and schedule.discriminator_steps == schedule.generator_steps == 1:
        found = 1.0 + rate * values
    elif len(jacobian) > MULTIPLIED:
        return np.zeros(0, np.complex128)
    else:
        identity = np.eye(len(jacobian))
        own, other, both = (identity.copy() for _ in range(3))
        other[:generator] += rate * jacobian[:generator]
        own[generator:] += rate * jacobian[generator:]
        both += rate * jacobian
        step = np.linalg.matrix_power(own, schedule.discriminator_steps - together)
        step = both @ step if together else step
        step = np.linalg.matrix_power(other, schedule.generator_steps - together) @ step
        if not np.isfinite(step).all():
            return np.zeros(0, np.complex128)
        found = _eigenvalues(step, should_stop)
    return found[np.argsort(-np.abs(found), kind="stable")]


# ---------------------------------------------------------------- Krylov's method


def _krylov(
    game: Game, relative: Float64, should_stop: Stop | None, progress: Progress | None
) -> tuple[Complex, tuple[str, ...]]:
    """Return eigenvalues of largest modulus, real and imaginary part, and of which of these some were not found.

    ARPACK (Lehoucq, Sorensen and Yang 1998) on products with the transpose, which has the same eigenvalues.
    """
    from scipy.sparse import linalg

    n = len(relative)
    k, basis = min(FOUND, n - 2), min(BASIS, n)
    most = len(KINDS) * (basis + RESTARTS * (basis - k))
    done = 0

    def product(w: Float64) -> Float64:
        nonlocal done
        if should_stop is not None and should_stop():
            raise _Stopped
        done += 1
        if progress is not None:
            progress(min(done, most), most)
        return _finite(game.transposed(relative * np.ravel(w)), game.step, "Jacobian")

    # What lies in the range of J' has no part along the many directions that nothing moves along. A fixed start makes
    # the same spectrum of the same point.
    start = product(np.random.default_rng(0).normal(size=n))
    if not start.any():
        return np.zeros(1, np.complex128), ()
    # SciPy's own annotations know neither of these calls.
    make: Any = linalg.LinearOperator
    eigenvalues: Any = linalg.eigs
    operator = make((n, n), matvec=product, dtype=np.float64)
    accuracy = 1e-4 if game.precision == 32 else 1e-8
    found, missing = np.zeros(0, np.complex128), list[str]()
    for which, name in KINDS.items():
        try:
            values: Complex = eigenvalues(
                operator, k, which=which, v0=start, ncv=basis, maxiter=RESTARTS, tol=accuracy, return_eigenvectors=False
            )
        except linalg.ArpackNoConvergence as error:
            values = np.asarray(error.eigenvalues)
            missing.append(name)
        found = _merged(found, values, 10 * accuracy)
    return found, tuple(missing)


def _merged(found: Complex, more: Complex, tolerance: float) -> Complex:
    """Add eigenvalues that are not there yet, and those that conjugates are missing of: the matrix is real."""
    for value in (*more, *np.conj(more)):
        size = max(np.abs(found).max(initial=0.0), abs(value))
        if not len(found) or np.abs(found - value).min() > tolerance * size:
            found = np.append(found, value)
    return found


# ---------------------------------------------------------------- the sentence


def _with_sentence(found: Spectrum, judged: _Judged, game: Game) -> Spectrum:
    total = f"{found.parameters:,} eigenvalues"
    if not found.complete:
        total = f"the {len(found.eigenvalues)} eigenvalues found of {found.parameters:,}"
    zeros = ""
    if judged.zeros:
        zeros = f", {judged.zeros:,} {'is' if judged.zeros == 1 else 'are'} 0 within {judged.level:.1g}"
    top = float(found.eigenvalues.real.max(initial=0.0))
    turn = float(np.abs(found.eigenvalues.imag).max(initial=0.0))
    generator = game.rates[0] > 0
    rate = "learning rate" if generator else "learning rate of the discriminator"
    match found.verdict:
        case "stable":
            limit = f"below {'' if found.complete else 'at most '}a {rate} of {judged.largest_rate:.3g}"
            text = (
                f"Stable: {len(judged.moving):,} of {total} have a negative real part{zeros}; simultaneous steps "
                f"converge {limit}, the present one is {found.rate:.3g}"
            )
        case "rotating":
            text = (
                f"Rotating: {judged.turning:,} of {total} have a real part of 0 beside an imaginary one of up to "
                f"{turn:.3g}, none has a positive one{zeros}; simultaneous steps spiral outwards at any {rate}"
            )
        case "diverging":
            text = (
                f"Diverging: {judged.growing:,} of {total} {'has' if judged.growing == 1 else 'have'} a positive real "
                f"part, the largest {top:.3g}{zeros}; the point repels at any {rate}"
            )
        case "marginal":
            text = f"Marginal: all of {total} are 0; nothing near this point attracts or repels"
        case _:
            text = (
                f"Uncertain: none of {total} has a positive real part{zeros}, but those of largest real part did not "
                "converge"
            )
    if len(found.multipliers) and found.verdict != "marginal":
        text += _multiplied(found, judged, game)
    if found.preconditioned:
        text += f"; parameters are scaled as {_scaling(game)} now does, without momentum"
    others = [name for name in found.missing if found.verdict != "uncertain" or name != KINDS["LR"]]
    if others:
        text += f"; not all of largest {' and '.join(others)} converged"
    return replace(found, sentence=text + ".")


def _multiplied(found: Spectrum, judged: _Judged, game: Game) -> str:
    """Say what the run's own order of updates makes of deviations; the directions that nothing moves along apart."""
    moving = found.multipliers[np.abs(found.multipliers - 1.0) > found.rate * judged.level]
    if not len(moving):
        return ""
    change = float(np.abs(moving).max()) - 1.0
    kind = game.experiment.optimizer.generator.kind
    order = "extragradient" if kind == "extragradient" else f"{game.experiment.schedule.updates}"
    sign = "+" if change > 0 else "−"
    return f"; this run's {order} steps multiply deviations by at most 1 {sign} {abs(change):.2g}"


def _scaling(game: Game) -> str:
    settings = game.experiment.optimizer
    kinds = dict.fromkeys((settings.generator.kind, settings.discriminator.kind))
    return " and ".join(kinds)
