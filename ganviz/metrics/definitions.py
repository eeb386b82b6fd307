"""The table of metrics: what each is called, its unit, and which estimator gives the number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    unit : str
        ``nats``, or empty for a number without a unit or in the data's own.
    estimator : str
        How the number is computed from samples; empty where it is exact for the step's batch.
    best : str
        Which values are best: "low", "high", or "data": those that the data itself has, which is not the most there
        can be. A dead generator on a mode has only high-quality samples, more than the data. Empty where none is.
    """

    name: str
    label: str
    help: str
    unit: str = ""
    estimator: str = ""
    best: str = ""

    @property
    def note(self) -> str:
        """Name, meaning, unit and estimator in one line."""
        unit = f" In {self.unit}." if self.unit else ""
        return f"{self.label}: {self.help}{unit}" + (f" Estimator: {self.estimator}." if self.estimator else "")


_CELLS = (
    "plug-in on up to 64 cells of equal real mass, at least 16 samples expected in each (in the plane and for files "
    "also the space around them), and what lies off the data's support; real masses exact from the distribution "
    "function in 1-D and for files, else from 65,536 real samples"
)
_DISTANCE = "in the data's own units; in standard deviations for standardised 2-D data"
_TRANSPORT = (
    "1-D: exact by sorting, between the samples and the data's known quantiles (32,768) or the file's rows; 2-D: exact "
    "optimal assignment of up to 1,000 samples a side, 256 while a run is watched"
)
_BLOCKS = "from up to 16 disjoint sub-samples, the root of 16 times smaller than their standard deviation"
_SQUARES = (
    "half the change of W2 over ± the error of W2², from W2² of 4 disjoint sub-samples, whose spread falls by the root "
    "of 4, or as much as W2² itself falls from them to the whole, by at most 4"
)
_BINOMIAL = "binomial, √(p (1 - p) / N), with two successes and two failures added (Agresti and Coull 1998)"
_OF_MANIFOLDS = _BINOMIAL + ", for the manifolds as they are"
_MANIFOLDS = "balls to the third neighbour, up to 1,000 samples a side, axes in standard deviations"
_SAMPLES = "over all generated samples, 4,096 while a run is watched"


def _error(name: str, label: str, estimator: str) -> Metric:
    return Metric(f"{name}_error", f"standard error of {label}", "One standard error of the estimate.", "", estimator)


_STEP = (
    Metric("generator_loss", "Generator's loss", "What the generator minimises, over the step's last batch."),
    Metric("discriminator_loss", "Discriminator's loss", "What the discriminator minimises, over its last batch."),
    Metric("mean_real", "mean D(x)", "Mean probability of being real that the discriminator gives to real samples."),
    Metric("mean_fake", "mean D(G(z))", "Mean probability of being real that it gives to generated samples."),
    Metric(
        "output_real",
        "mean D(x), raw output",
        "Mean raw output of a discriminator that gives no probability, on real samples.",
    ),
    Metric("output_fake", "mean D(G(z)), raw output", "Its mean raw output on generated samples."),
    Metric("critic_w1", "critic's estimate of W1", "E f(real) - E f(fake) over the critic's last batch."),
    Metric("generator_gradient_norm", "generator's gradient", "Euclidean norm of the generator's parameter gradient."),
    Metric(
        "discriminator_gradient_norm",
        "discriminator's gradient",
        "Euclidean norm of the discriminator's parameter gradient.",
    ),
    Metric("clip_fraction", "weights at the clip bound", "Share of the discriminator's parameters at the bound."),
)

_SLOPES = (
    Metric(
        "slope_data",
        "largest slope on the samples",
        "Largest slope of the discriminator's raw output, its Lipschitz constant as far as it is seen, per unit of W1.",
        "",
        "largest norm of the exact gradient over real and generated samples",
    ),
    Metric(
        "slope_grid",
        "largest slope on the grid",
        "Largest slope of the discriminator's raw output over the picture and the samples, per unit of W1.",
        "",
        "largest norm of the exact gradient over points of the picture's grid, real and generated samples",
    ),
    Metric(
        "critic_bound",
        "critic's lower bound of W1",
        "E f(real) - E f(fake) over the critic's largest slope on the grid: never more than W1, were the slope nowhere "
        "larger.",
        "",
        "means over the measured samples, slope_grid as the Lipschitz constant",
    ),
)

_SAMPLE = (
    Metric("kl", "KL(real ‖ generated)", "Kullback-Leibler divergence.", "nats", _CELLS
           + "; empty cells are one with the thinnest other; infinite where they hold a quarter of the real mass, or "
           "where a mode has no sample within 3 standard deviations", "low"),
    Metric("reverse_kl", "KL(generated ‖ real)", "Reverse Kullback-Leibler divergence.", "nats", _CELLS
           + "; infinite if a sample lies off the support; a cell without a real sample counts as half of one", "low"),
    Metric("js", "JS", "Jensen-Shannon divergence, at most ln 2.", "nats", _CELLS, "low"),
    Metric("tv", "TV", "Total variation, the largest difference of probabilities, at most 1.", "", _CELLS, "low"),
    Metric("w1", "W1", f"Wasserstein-1 distance, {_DISTANCE}.", "", _TRANSPORT, "low"),
    _error("w1", "W1", _BLOCKS),
    Metric("w2", "W2", f"Wasserstein-2 distance, {_DISTANCE}.", "", _TRANSPORT, "low"),
    _error("w2", "W2", _SQUARES),
    Metric("sliced_w2", "sliced W2", f"Root mean square of W2 over directions in the plane, {_DISTANCE}.", "",
           "32 evenly spread directions, all generated samples against 65,536 real ones or the file's rows, each exact "
           "by sorting", "low"),
    _error("sliced_w2", "sliced W2", _SQUARES + "; and from the potential for the real side where it is drawn"),
    Metric("energy", "energy distance", f"2 E|x - f| - E|x - x'| - E|f - f'|, {_DISTANCE}; 0 for equal distributions.",
           "", "without bias (U-statistic), so that it may lie below 0; 1-D: all samples against the known "
           "quantiles or the file's rows; 2-D: up to 1,000 samples a side", "low"),
    _error("energy", "the energy distance", "jackknife over the samples of each side that is sampled"),
    Metric("precision", "precision", "Share of generated samples on the manifold of the real ones.", "", _MANIFOLDS,
           "data"),
    _error("precision", "precision", _OF_MANIFOLDS),
    Metric("recall", "recall", "Share of real samples on the manifold of the generated ones.", "", _MANIFOLDS, "data"),
    _error("recall", "recall", _OF_MANIFOLDS),
    Metric("high_quality", "high-quality share",
           "Share of generated samples within 3 standard deviations of their nearest mode.", "", "share " + _SAMPLES,
           "data"),
    _error("high_quality", "the high-quality share", _BINOMIAL),
    Metric("modes", "modes captured", "Modes with at least one high-quality sample.", "", "count " + _SAMPLES, "high"),
    Metric("mode_kl", "KL over modes", "Reverse Kullback-Leibler divergence between the shares of the modes; ln(K/k) "
           "where k of K equal modes are used evenly; infinite without any high-quality sample.", "nats",
           "plug-in, of high-quality samples, each counted for its nearest mode, " + _SAMPLES, "low"),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in (*_STEP, *_SLOPES, *_SAMPLE)}
