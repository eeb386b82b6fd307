"""Combinations of settings that mean nothing: each with its reason, refused when the experiment is made.

Each field alone is within its bounds here; a rule looks at several. A rule names the field that asks for something
and those that stand in its way, in the order in which the sentence does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from .parameter import ExperimentError, Value, display

EXTRAGRADIENT = "extragradient"
PLAYERS = ("generator", "discriminator")
OTHER = {"generator": "discriminator", "discriminator": "generator"}
KIND = {player: f"optimizer.{player}.kind" for player in PLAYERS}


class Fields(Protocol):
    """What a rule sees of an experiment: its fields by path, and the dimension of its data."""

    @property
    def dimension(self) -> int:
        """Dimension of the data."""
        ...

    def __getitem__(self, path: str) -> Any:
        """Look up one field by its path."""
        ...


@dataclass(frozen=True)
class Rule:
    """A combination that is refused.

    Attributes
    ----------
    path : str
        The field that is named first.
    beside : tuple of str
        The fields that it does not go with.
    broken : callable
        Tells whether an experiment has the combination.
    reason, remedy : str
        Why it means nothing, and what to set.
    """

    path: str
    beside: tuple[str, ...]
    broken: Callable[[Fields], bool]
    reason: str
    remedy: str

    def sentence(self, fields: Fields) -> str:
        """Say what is refused, why, and what to do."""
        beside = " and ".join(f"{path} = {display(fields[path])}" for path in self.beside)
        return f"{self.path} = {display(fields[self.path])} is not allowed with {beside}: {self.reason}; {self.remedy}"


def _packs(fields: Fields) -> int:
    """Return the number of inputs that the discriminator has in a batch."""
    return fields["schedule.batch"] // fields["discriminator.packing"]


def _repeats_a_width(fields: Fields, player: str) -> bool:
    """Whether some hidden layer is as wide as its input, so that a residual has a place."""
    inputs = {
        "generator": fields["noise.dimension"],
        "discriminator": fields.dimension * fields["discriminator.packing"],
    }
    widths = (inputs[player], *fields[f"{player}.hidden"])
    return any(before == after for before, after in pairwise(widths))


def _extragradient(fields: Fields) -> bool:
    return any(fields[KIND[player]] == EXTRAGRADIENT for player in PLAYERS)


def _of_extragradient(path: str, allowed: Value, reason: str) -> Rule:
    """Make the rule that one setting of the schedule has one allowed value beside extragradient."""
    return Rule(
        KIND["generator"],
        (path,),
        lambda fields: _extragradient(fields) and fields[path] != allowed,
        reason,
        f"set {path} = {display(allowed)}, or another kind for both optimizers",
    )


def _of_network(player: str) -> tuple[Rule, ...]:
    """Make the rules that both networks have."""
    hidden, residual, norm = (f"{player}.{name}" for name in ("hidden", "residual", "normalization"))
    beside_residual = {
        "generator": (hidden, "noise.dimension"),
        "discriminator": (hidden, "discriminator.packing"),
    }
    return (
        Rule(
            residual,
            beside_residual[player],
            lambda fields: fields[residual] and not _repeats_a_width(fields, player),
            "no hidden layer is as wide as its input, so nothing would be added",
            f"give two layers in a row the same width, or set {residual} = false",
        ),
        Rule(
            norm,
            (hidden,),
            lambda fields: fields[norm] != "none" and not fields[hidden],
            "there is no hidden layer to normalise",
            f'set {norm} = "none", or add a hidden layer',
        ),
        Rule(
            norm,
            (hidden,),
            # A maxout layer normalises twice its width.
            lambda fields: (
                fields[norm] == "layer" and 1 in fields[hidden] and fields[f"{player}.activation"] != "maxout"
            ),
            "a layer of width 1 has nothing to be compared with and would always give 0",
            f'set {norm} = "none", or widths of 2 or more',
        ),
    )


UNROLL = "schedule.unroll"
SPECTRAL = "discriminator.spectral_norm"
PACKING = "discriminator.packing"
FEATURES = "discriminator.minibatch_features"
BATCH = "schedule.batch"

RULES: tuple[Rule, ...] = (
    # Both players look ahead from one point, on two batches: the step has no other shape.
    *(
        Rule(
            KIND[player],
            (KIND[OTHER[player]],),
            lambda fields, player=player: (
                fields[KIND[player]] == EXTRAGRADIENT and fields[KIND[OTHER[player]]] != EXTRAGRADIENT
            ),
            "both players look ahead together",
            "set both kinds, at once",
        )
        for player in PLAYERS
    ),
    _of_extragradient("schedule.updates", "simultaneous", "both players look ahead from the same point"),
    _of_extragradient("schedule.discriminator_steps", 1, "a step is one look ahead and one update of both players"),
    _of_extragradient("schedule.generator_steps", 1, "a step is one look ahead and one update of both players"),
    _of_extragradient("schedule.warmup", False, "the discriminator has no updates of its own"),
    _of_extragradient("schedule.reuse_fakes", False, "both players see the same fakes already"),
    # The gradient through the look ahead is that of plain updates of the discriminator.
    Rule(
        UNROLL,
        (KIND["generator"],),
        lambda fields: fields[UNROLL] > 0 and _extragradient(fields),
        "both look ahead, in different ways",
        f"set {UNROLL} = 0, or another kind for both optimizers",
    ),
    Rule(
        UNROLL,
        (KIND["discriminator"],),
        lambda fields: fields[UNROLL] > 0 and fields[KIND["discriminator"]] in ("optimistic", "optimistic-adam"),
        "an optimistic update foresees the players' real next move, which an unrolled one is not",
        f"set {UNROLL} = 0, or another kind such as adam",
    ),
    Rule(
        UNROLL,
        ("penalty.kind",),
        lambda fields: fields[UNROLL] > 0 and fields["penalty.kind"] == "consensus",
        "consensus is a change of both players' gradients and no loss that the discriminator could be unrolled on",
        f'set {UNROLL} = 0, or penalty.kind = "none"',
    ),
    Rule(
        "schedule.reuse_fakes",
        ("schedule.generator_steps",),
        lambda fields: fields["schedule.reuse_fakes"] and fields["schedule.generator_steps"] > 1,
        "the discriminator's last fakes serve one update of the generator",
        "set schedule.generator_steps = 1 or schedule.reuse_fakes = false",
    ),
    Rule(
        SPECTRAL,
        ("discriminator.clip",),
        lambda fields: fields[SPECTRAL] and fields["discriminator.clip"] > 0,
        "both bound the weights, and cutting them undoes the norm",
        "set one of them off",
    ),
    Rule(
        SPECTRAL,
        ("discriminator.init",),
        lambda fields: fields[SPECTRAL] and fields["discriminator.init"] == "zeros",
        "a matrix of zeros cannot be divided by its largest singular value, 0",
        f"set another discriminator.init, or {SPECTRAL} = false",
    ),
    Rule(
        PACKING,
        (BATCH,),
        lambda fields: fields[BATCH] % fields[PACKING] != 0,
        "a batch is cut into whole packs",
        f"set {BATCH} to a multiple of it, or {PACKING} to a divisor of the batch",
    ),
    Rule(
        FEATURES,
        ("discriminator.hidden",),
        lambda fields: fields[FEATURES] > 0 and not fields["discriminator.hidden"],
        "they compare what the last hidden layer gives, and there is none",
        f"set {FEATURES} = 0, or add a hidden layer",
    ),
    Rule(
        FEATURES,
        (BATCH, PACKING),
        lambda fields: fields[FEATURES] > 0 and _packs(fields) < 2,
        "a batch with a single input of the discriminator has nothing to compare it with",
        f"set {FEATURES} = 0, or {BATCH} to at least twice {PACKING}",
    ),
    Rule(
        "generator.normalization",
        (BATCH,),
        lambda fields: fields["generator.normalization"] == "batch" and fields[BATCH] < 2,
        "over a single sample every feature is normalised to 0",
        f'set {BATCH} to 2 or more, or generator.normalization = "none"',
    ),
    Rule(
        "discriminator.normalization",
        (BATCH, PACKING),
        lambda fields: fields["discriminator.normalization"] == "batch" and _packs(fields) < 2,
        "over a single input of the discriminator every feature is normalised to 0",
        f'set {BATCH} to at least twice {PACKING}, or discriminator.normalization = "none"',
    ),
    *_of_network("generator"),
    *_of_network("discriminator"),
)
"""Every combination that is refused, in the order in which they are looked for."""


def check_rules(fields: Fields) -> None:
    """Raise `ExperimentError` for the first rule that is broken."""
    for rule in RULES:
        if rule.broken(fields):
            raise ExperimentError(rule.sentence(fields))


def company(fields: Fields, path: str, value: Value) -> Mapping[str, Value]:
    """Return the changes that must go with one, where the change alone would be refused whatever comes next.

    Extragradient is chosen and left by both players at once, and takes its shape of a step with it.
    """
    player = next((player for player in PLAYERS if KIND[player] == path), None)
    if player is None or EXTRAGRADIENT not in (value, fields[path]) or value == fields[path]:
        return {}
    wanted: dict[str, Value] = {KIND[OTHER[player]]: value}
    if value == EXTRAGRADIENT:
        wanted |= {
            "schedule.updates": "simultaneous", "schedule.discriminator_steps": 1, "schedule.generator_steps": 1,
            "schedule.warmup": False, "schedule.reuse_fakes": False, UNROLL: 0,
        }  # fmt: skip
    return {field: wish for field, wish in wanted.items() if fields[field] != wish}
