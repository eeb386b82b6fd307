"""Both players' losses on one fixed batch, as expressions: what looks at the game as a whole starts from them.

The batch is drawn once for all steps, so that what is made of it is a property of the point and not of a draw.
"""

from __future__ import annotations

from ganviz.experiment import Experiment

from . import penalty, random
from .graph import Graph, Node, Shape
from .operation import Operation
from .position import Batch, Position
from .step import NOISE_KINDS

_MIX, _BLUR_REAL, _BLUR_FAKE = range(3)
"""Updates of the last stream: mixing weights, instance noise of real and of fake samples."""


def batch_size(experiment: Experiment, wanted: int) -> int:
    """Return how many samples a fixed batch has: as many as wanted, in whole packs.

    A minibatch feature is a sum over the batch, so that another size would be another game: then it is the training's.
    """
    if experiment.discriminator.minibatch_features:
        return experiment.schedule.batch
    packing = experiment.discriminator.packing
    return -(-wanted // packing) * packing


def fixed_batch(
    graph: Graph, experiment: Experiment, count: int, real: int = random.FIELD_REAL, noise: int = random.FIELD_NOISE,
    blurred: bool = True, pools: bool = True,
) -> dict[str, Node]:  # fmt: skip
    """Draw a fixed batch.

    Parameters
    ----------
    count : int
        Samples, a multiple of the packing.
    real, noise : int
        Streams of real samples and of the generator's noise.
    blurred : bool
        Whether instance noise is added, as strong as at the step that the counters tell.
    pools : bool
        Whether samples and noise of finite pools are their members, from where the counters say on.

    Returns
    -------
    dict
        "real" (d, count), with instance noise; "noise" (dimension, count); where there is such a thing "blur"
        (d, count), the instance noise of fakes, and "mix", the numbers that a penalty's points are mixed with.
    """
    d, settings, blur = experiment.dimension, experiment.noise, experiment.instance_noise
    shape = Shape(d, count, 1)
    found = {
        "real": graph.drawn(Operation.REAL, shape, s=real, k=experiment.data.size if pools else 0),
        "noise": graph.drawn(
            Operation.NOISE, Shape(settings.dimension, count, 1), s=noise, g=NOISE_KINDS[settings.kind],
            k=settings.size if pools else 0, constants=(settings.mean, settings.std),
        ),
    }  # fmt: skip
    if blurred and blur.std > 0:
        constants = (blur.std, float(blur.decay_steps))
        on_real, on_fake = (
            graph.drawn(Operation.INSTANCE_NOISE, shape, s=random.FIELD_BETWEEN, t=update, constants=constants)
            for update in (_BLUR_REAL, _BLUR_FAKE)
        )
        found["real"], found["blur"] = graph.combine(found["real"], on_real), on_fake
    packing = experiment.discriminator.packing
    rows = {penalty.DRAGAN: d * packing}.get(experiment.penalty.kind, 1)
    if experiment.penalty.kind in (*penalty.BETWEEN, penalty.DRAGAN):
        mix = Shape(rows, count // packing, 1)
        found["mix"] = graph.drawn(Operation.UNIFORM, mix, s=random.FIELD_BETWEEN, t=_MIX)
    return found


def losses(position: Position, batch: dict[str, Node], unroll: int = 0) -> tuple[Node, Node]:
    """Return the generator's and the discriminator's loss, with all that training adds to them.

    Both see the same real samples and the same fakes. The discriminator's passes are the first of ``position.sums``.
    """
    g = position.graph
    fake = position.generate(batch["noise"])
    if "blur" in batch:
        fake = g.combine(fake, batch["blur"])
    both = Batch(batch["real"], fake, batch.get("mix"))
    discriminator = position.discriminator_loss(both)[0]
    judged_at = position.unrolled(both, unroll) if unroll else position
    generator = judged_at.generator_loss(fake, both.real)
    rules = position.experiment.penalty
    if rules.kind == penalty.CONSENSUS and rules.weight > 0:
        term = position.consensus(generator, discriminator)
        generator, discriminator = g.combine(generator, term), g.combine(discriminator, term)
    return generator, discriminator
