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
    """

    name: str
    label: str
    help: str
    unit: str = ""
    estimator: str = ""

    @property
    def note(self) -> str:
        """Name, meaning, unit and estimator in one line."""
        unit = f" In {self.unit}." if self.unit else ""
        return f"{self.label}: {self.help}{unit}" + (f" Estimator: {self.estimator}." if self.estimator else "")


_CELLS = (
    "on 64 cells of about equal real mass (fewer for small files) and the space around them, from 4,096 generated "
    "samples"
)

_HALF = "; an empty cell of the divisor counts as half a sample"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("generator_loss", "Generator's loss", "What the generator minimises, over the step's last batch."),
        Metric(
            "discriminator_loss",
            "Discriminator's loss",
            "What the discriminator minimises, over its last batch.",
        ),
        Metric(
            "mean_real",
            "mean D(x)",
            "Mean probability of being real that the discriminator gives to real samples.",
        ),
        Metric("mean_fake", "mean D(G(z))", "Mean probability of being real that it gives to generated samples."),
        Metric(
            "output_real",
            "mean D(x), raw output",
            "Mean raw output of a discriminator that gives no probability, on real samples.",
        ),
        Metric("output_fake", "mean D(G(z)), raw output", "Its mean raw output on generated samples."),
        Metric("critic_w1", "critic's estimate of W1", "E f(real) - E f(fake) over the critic's last batch."),
        Metric(
            "generator_gradient_norm",
            "generator's gradient",
            "Euclidean norm of the generator's parameter gradient.",
        ),
        Metric(
            "discriminator_gradient_norm",
            "discriminator's gradient",
            "Euclidean norm of the discriminator's parameter gradient.",
        ),
        Metric(
            "clip_fraction",
            "weights at the clip bound",
            "Share of the discriminator's parameters at the bound.",
        ),
        Metric("kl", "KL(real ‖ generated)", "Kullback-Leibler divergence.", "nats", "plug-in " + _CELLS + _HALF),
        Metric(
            "reverse_kl",
            "KL(generated ‖ real)",
            "Reverse Kullback-Leibler divergence.",
            "nats",
            "plug-in " + _CELLS,
        ),
        Metric("js", "JS", "Jensen-Shannon divergence, at most ln 2.", "nats", "plug-in " + _CELLS),
        Metric(
            "w1",
            "W1",
            "Wasserstein-1 distance, in the data's own units; in standard deviations for standardised 2-D data.",
            "",
            "1-D: exact between samples, by sorting; 2-D: exact optimal assignment of up to 512 samples a side",
        ),
        Metric(
            "high_quality",
            "high-quality share",
            "Share of generated samples within 3 standard deviations of their nearest mode.",
            "",
            "share of 4,096 generated samples",
        ),
        Metric(
            "modes",
            "modes captured",
            "Modes with at least one high-quality sample.",
            "",
            "count over 4,096 generated samples",
        ),
    )
}
