"""Combinations that mean nothing are refused when the experiment is made, in a sentence that says what to set."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganviz.experiment import Experiment, ExperimentError, company, find_parameter, load, parse_settings
from ganviz.experiment.rules import RULES, Rule

EXTRAGRADIENT = {
    "optimizer.generator.kind": "extragradient",
    "optimizer.discriminator.kind": "extragradient",
    "schedule.updates": "simultaneous",
}

# What is set, and the beginning of the sentence: field, value and the fields that it does not go with.
REFUSED = [
    (
        {"optimizer.generator.kind": "extragradient"},
        'optimizer.generator.kind = "extragradient" is not allowed with optimizer.discriminator.kind = "adam"',
    ),
    (
        {"optimizer.discriminator.kind": "extragradient"},
        'optimizer.discriminator.kind = "extragradient" is not allowed with optimizer.generator.kind = "adam"',
    ),
    (
        {**EXTRAGRADIENT, "schedule.updates": "alternating"},
        'optimizer.generator.kind = "extragradient" is not allowed with schedule.updates = "alternating"',
    ),
    (
        {**EXTRAGRADIENT, "schedule.discriminator_steps": 5},
        'optimizer.generator.kind = "extragradient" is not allowed with schedule.discriminator_steps = 5',
    ),
    (
        {**EXTRAGRADIENT, "schedule.generator_steps": 2},
        'optimizer.generator.kind = "extragradient" is not allowed with schedule.generator_steps = 2',
    ),
    (
        {**EXTRAGRADIENT, "schedule.warmup": True},
        'optimizer.generator.kind = "extragradient" is not allowed with schedule.warmup = true',
    ),
    (
        {**EXTRAGRADIENT, "schedule.reuse_fakes": True},
        'optimizer.generator.kind = "extragradient" is not allowed with schedule.reuse_fakes = true',
    ),
    (
        {**EXTRAGRADIENT, "schedule.unroll": 5},
        'schedule.unroll = 5 is not allowed with optimizer.generator.kind = "extragradient"',
    ),
    (
        {"schedule.unroll": 5, "optimizer.discriminator.kind": "optimistic"},
        'schedule.unroll = 5 is not allowed with optimizer.discriminator.kind = "optimistic"',
    ),
    (
        {"schedule.unroll": 1, "optimizer.discriminator.kind": "optimistic-adam"},
        'schedule.unroll = 1 is not allowed with optimizer.discriminator.kind = "optimistic-adam"',
    ),
    (
        {"schedule.unroll": 5, "penalty.kind": "consensus"},
        'schedule.unroll = 5 is not allowed with penalty.kind = "consensus"',
    ),
    (
        {"schedule.reuse_fakes": True, "schedule.generator_steps": 2},
        "schedule.reuse_fakes = true is not allowed with schedule.generator_steps = 2",
    ),
    (
        {"discriminator.spectral_norm": True, "discriminator.clip": 0.01},
        "discriminator.spectral_norm = true is not allowed with discriminator.clip = 0.01",
    ),
    (
        {"discriminator.spectral_norm": True, "discriminator.init": "zeros"},
        'discriminator.spectral_norm = true is not allowed with discriminator.init = "zeros"',
    ),
    (
        {"discriminator.packing": 3, "schedule.batch": 64},
        "discriminator.packing = 3 is not allowed with schedule.batch = 64",
    ),
    (
        {"discriminator.packing": 4, "schedule.batch": 2},
        "discriminator.packing = 4 is not allowed with schedule.batch = 2",
    ),
    (
        {"discriminator.minibatch_features": 8, "discriminator.hidden": ()},
        "discriminator.minibatch_features = 8 is not allowed with discriminator.hidden = []",
    ),
    (
        {"discriminator.minibatch_features": 8, "discriminator.packing": 4, "schedule.batch": 4},
        "discriminator.minibatch_features = 8 is not allowed with schedule.batch = 4 and discriminator.packing = 4",
    ),
    (
        {"discriminator.minibatch_features": 1, "schedule.batch": 1},
        "discriminator.minibatch_features = 1 is not allowed with schedule.batch = 1 and discriminator.packing = 1",
    ),
    (
        {"generator.normalization": "batch", "schedule.batch": 1},
        'generator.normalization = "batch" is not allowed with schedule.batch = 1',
    ),
    (
        {"discriminator.normalization": "batch", "schedule.batch": 2, "discriminator.packing": 2},
        'discriminator.normalization = "batch" is not allowed with schedule.batch = 2 and discriminator.packing = 2',
    ),
    *(
        case
        for player, beside in (("generator", "noise.dimension = 2"), ("discriminator", "discriminator.packing = 1"))
        for case in (
            (
                {f"{player}.residual": True, f"{player}.hidden": (4, 8)},
                f"{player}.residual = true is not allowed with {player}.hidden = [4, 8] and {beside}",
            ),
            (
                {f"{player}.residual": True, f"{player}.hidden": ()},
                f"{player}.residual = true is not allowed with {player}.hidden = [] and {beside}",
            ),
            (
                {f"{player}.normalization": "layer", f"{player}.hidden": ()},
                f'{player}.normalization = "layer" is not allowed with {player}.hidden = []',
            ),
            (
                {f"{player}.normalization": "batch", f"{player}.hidden": ()},
                f'{player}.normalization = "batch" is not allowed with {player}.hidden = []',
            ),
            (
                {f"{player}.normalization": "layer", f"{player}.hidden": (8, 1)},
                f'{player}.normalization = "layer" is not allowed with {player}.hidden = [8, 1]',
            ),
        )
    ),
]  # fmt: skip

ALLOWED = [
    EXTRAGRADIENT,
    {**EXTRAGRADIENT, "penalty.kind": "consensus", "discriminator.clip": 0.1},
    {"schedule.unroll": 5, "optimizer.generator.kind": "optimistic-adam"},
    {"schedule.unroll": 5, "penalty.kind": "gradient", "discriminator.clip": 0.1, "schedule.updates": "simultaneous"},
    {"schedule.unroll": 5, "schedule.warmup": True, "schedule.reuse_fakes": True, "schedule.discriminator_steps": 5},
    {"discriminator.clip": 0.01, "objective.kind": "least-squares"},
    {"discriminator.clip": 0.01, "penalty.kind": "gradient"},
    {"discriminator.clip": 0.01, "penalty.kind": "consensus"},
    {"discriminator.spectral_norm": True, "penalty.kind": "gradient"},
    {"discriminator.spectral_norm": True, "generator.init": "zeros"},
    {"discriminator.init": "zeros"},
    {"discriminator.packing": 2, "schedule.batch": 64, "discriminator.minibatch_features": 8},
    {"discriminator.packing": 4, "schedule.batch": 8, "discriminator.normalization": "batch"},
    {"generator.normalization": "batch", "schedule.batch": 2},
    {"discriminator.normalization": "layer", "schedule.batch": 1},
    {"generator.normalization": "layer", "generator.hidden": (1,), "generator.activation": "maxout"},
    {"generator.normalization": "batch", "generator.hidden": (1,)},
    {"generator.residual": True, "generator.hidden": (4, 8, 8, 4)},
    {"generator.residual": True, "generator.hidden": (16,), "noise.dimension": 16},
    # Four samples of two dimensions in a pack are eight inputs.
    {"discriminator.residual": True, "discriminator.hidden": (8,), "discriminator.packing": 4},
    {"discriminator.residual": True, "discriminator.hidden": (1,), "data.kind": "gaussian"},
    {"schedule.reuse_fakes": True, "schedule.updates": "simultaneous"},
]  # fmt: skip


def refusal(mapping) -> str:
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_mapping(mapping)
    message = str(caught.value)
    assert message.splitlines() == [message]
    return message


def is_of(message: str, rule: Rule) -> bool:
    return message.startswith(f"{rule.path} = ") and message.endswith(f": {rule.reason}; {rule.remedy}")


@pytest.mark.parametrize(("mapping", "beginning"), REFUSED, ids=[beginning for _, beginning in REFUSED])
def test_what_means_nothing_together_is_refused(mapping, beginning):
    message = refusal(mapping)
    assert message.startswith(beginning + ": ")
    reason, _, remedy = message.removeprefix(beginning + ": ").partition("; ")
    assert len(reason) > 10
    assert remedy.startswith(("set ", "give "))
    assert len(message) < 300


def test_every_rule_is_broken_by_one_of_the_cases():
    found = [refusal(mapping) for mapping, _ in REFUSED]
    for rule in RULES:
        named = [message for message in found if is_of(message, rule)]
        assert named, rule


@pytest.mark.parametrize("mapping", ALLOWED, ids=[", ".join(mapping) for mapping in ALLOWED])
def test_what_means_something_is_allowed(mapping):
    experiment = Experiment.from_mapping(mapping)
    assert Experiment.from_mapping(experiment.values()) == experiment


@pytest.mark.parametrize("mapping", [mapping for mapping, _ in REFUSED])
def test_changes_one_at_a_time_meet_the_same_rules(mapping):
    experiment = Experiment()
    with pytest.raises(ExperimentError) as caught:
        for path, value in mapping.items():
            experiment = experiment.replace({path: value})
    assert " is not allowed with " in str(caught.value)


@pytest.mark.parametrize("mapping", [mapping for mapping, _ in REFUSED])
def test_a_sentence_names_only_fields_that_there_are(mapping):
    for path in re.findall(r"\b(?:[a-z_]+\.)+[a-z_0-9]*[a-z_]\b", refusal(mapping)):
        assert find_parameter(path).path == path


CHOICES = {
    "generator.hidden": ((), (1,), (4, 4), (8, 2)),
    "discriminator.hidden": ((), (1,), (4, 4), (8, 2)),
    "noise.dimension": (1, 8),
    "schedule.batch": (1, 2, 6, 64),
    "discriminator.packing": (1, 2, 3),
    "discriminator.minibatch_features": (0, 4),
    "discriminator.clip": (0.0, 0.1),
    "schedule.unroll": (0, 3),
    "schedule.discriminator_steps": (1, 2),
    "schedule.generator_steps": (1, 2),
    "data.kind": ("ring", "gaussian"),
}
SWITCHES = (
    "generator.residual", "discriminator.residual", "discriminator.spectral_norm", "schedule.warmup",
    "schedule.reuse_fakes",
)  # fmt: skip
KINDS = (
    "generator.normalization", "discriminator.normalization", "generator.activation", "discriminator.init",
    "penalty.kind", "optimizer.generator.kind", "optimizer.discriminator.kind", "schedule.updates",
)  # fmt: skip
VALUES = {
    **CHOICES,
    **dict.fromkeys(SWITCHES, (False, True)),
    **{path: find_parameter(path).choices for path in KINDS},
}


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional={path: st.sampled_from(values) for path, values in VALUES.items()}))
def test_any_combination_is_an_experiment_or_a_sentence_of_a_rule(mapping):
    try:
        experiment = Experiment.from_mapping(mapping)
    except ExperimentError as error:
        message = str(error)
        assert message.splitlines() == [message]
        rule = next(rule for rule in RULES if is_of(message, rule))
        assert all(f"{path} = " in message for path in rule.beside)
        # One of the fields that are named was set: the sentence is about what the person did.
        assert {rule.path, *rule.beside} & set(mapping)
    else:
        assert not any(rule.broken(experiment) for rule in RULES)


# What must change together.


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_extragradient_is_chosen_and_left_in_company(player):
    path = f"optimizer.{player}.kind"
    before = load("ring-wgan-clip").replace({"schedule.warmup": True, "schedule.unroll": 2})
    with pytest.raises(ExperimentError):
        before.replace({path: "extragradient"})
    chosen = before.replace({path: "extragradient", **company(before, path, "extragradient")})
    assert chosen.optimizer.generator.kind == chosen.optimizer.discriminator.kind == "extragradient"
    assert chosen.schedule.updates == "simultaneous"
    assert company(chosen, path, "extragradient") == {}
    with pytest.raises(ExperimentError):
        chosen.replace({path: "adam"})
    left = chosen.replace({path: "adam", **company(chosen, path, "adam")})
    assert left.optimizer.generator.kind == left.optimizer.discriminator.kind == "adam"


def test_other_changes_need_no_company():
    experiment = Experiment()
    assert company(experiment, "optimizer.generator.kind", "sgd") == {}
    assert company(experiment, "schedule.batch", 3) == {}
    assert company(experiment, "generator.activation", "tanh") == {}


def test_settings_of_the_command_line_meet_the_rules_together():
    texts = {
        "optimizer.generator.kind": "extragradient",
        "optimizer.discriminator.kind": "extragradient",
        "schedule.updates": "simultaneous",
    }
    assert parse_settings(Experiment(), texts)["optimizer.discriminator.kind"] == "extragradient"
    with pytest.raises(ExperimentError, match="set both kinds, at once"):
        parse_settings(Experiment(), {"optimizer.generator.kind": "extragradient"})
