"""Every field of the design: it can be set, comes back out of TOML, and its default follows the choice beside it."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganviz.experiment import KINDS, TABLE, Experiment, ExperimentError, Parameter, find_parameter, read_toml, to_toml

DESIGN = """
title = "Eight Gaussians on a ring, weight clipping"
seed = 0
precision = 32

[data]
kind = "ring"
modes = 8
radius = 1.0
std = 0.02
size = 0
standardize = false

[noise]
kind = "normal"
dimension = 2
size = 0

[generator]
hidden = [128, 128]
activation = "relu"
output = "linear"
bias = true
init = "pytorch"
normalization = "none"
residual = false
ema = 0.0

[discriminator]
hidden = [128, 128]
activation = "leaky-relu"
clip = 0.01
spectral_norm = false
packing = 1
minibatch_features = 0

[objective]
kind = "wasserstein"
real_label = 1.0
fake_label = 0.0

[penalty]
kind = "none"
weight = 10.0
target = 1.0

[instance_noise]
std = 0.0
decay_steps = 0

[optimizer.generator]
kind = "rmsprop"
learning_rate = 5e-5
rate_schedule = "constant"

[optimizer.discriminator]
kind = "rmsprop"
learning_rate = 5e-5

[schedule]
updates = "alternating"
batch = 64
discriminator_steps = 5
generator_steps = 1
reuse_fakes = false
unroll = 0
warmup = false
"""

# What a field needs beside it to be another than its default.
COMPANY = {
    "discriminator.packing": {"schedule.batch": 60},
    "optimizer.generator.kind": {"schedule.updates": "simultaneous", "optimizer.discriminator.kind": None},
    "optimizer.discriminator.kind": {"schedule.updates": "simultaneous", "optimizer.generator.kind": None},
}
ARRAYS = {"data.mean": 0.5, "data.std": 0.3, "data.means": (0.25, 3.0), "data.stds": 0.3, "data.weights": 2.0}


def identity(row: Parameter) -> str:
    return f"{row.path}-{row.when['data.kind'][0]}" if "data.kind" in row.when else row.path


def others(row: Parameter) -> list:
    """Return values of a field that are not its default."""
    match row.kind:
        case "switch":
            return [not row.default]
        case "choice":
            return [choice for choice in row.choices if choice != row.default]
        case "text":
            return ["faithful.csv" if row.path == "data.path" else 'Straße "7" \\ \'']
        case "names":
            return [("eruption_min",), ("1", "2")]
        case "integers":
            return [(16, 16), ()]
        case "array":
            return [ARRAYS[row.path]]
        case "integer":
            ends = {row.low, row.high, row.low + 1}
            return sorted(int(end) for end in ends if end != row.default)
        case "number":
            inside = (float(row.low), float(row.high), (row.low + row.high) / 3)
            return [value for value in inside if value != row.default]


def beside(row: Parameter, value) -> dict:
    """Return what else must be set so that a value of a field means something."""
    needed = {path: values[0] for path, values in row.when.items()}
    if needed.get("data.kind") == "file":
        needed["data.path"] = "faithful.csv"
    if needed.get("data.kind") == "diracs":
        needed["data.means"] = (1.0, 2.0)
    needed |= {path: value if other is None else other for path, other in COMPANY.get(row.path, {}).items()}
    return needed


@pytest.mark.parametrize("row", [row for row in TABLE if row.path != "data.kind"], ids=identity)
def test_every_field_can_be_set_and_comes_back(row):
    found = 0
    for value in others(row):
        try:
            experiment = Experiment.from_mapping({**beside(row, value), row.path: value})
        except ExperimentError:
            # The ends of an interval depend on each other, and a list of widths may be too short: another value does.
            continue
        found += 1
        assert experiment[row.path] == value
        assert type(experiment[row.path]) is type(value)
        assert Experiment.from_mapping(tomllib.loads(to_toml(experiment))) == experiment
    assert found


@pytest.mark.parametrize("row", TABLE, ids=identity)
def test_what_is_declared_live_is_what_the_design_says(row):
    fixed = {
        "seed", "precision", "data.kind", "data.path", "data.columns", "data.standardize", "data.size",
        "noise.dimension", "noise.size", "discriminator.spectral_norm", "discriminator.packing",
        "discriminator.minibatch_features", "generator.output",
    }  # fmt: skip
    network = {"hidden", "activation", "bias", "init", "gain", "normalization", "residual"}
    expected = row.path not in fixed and not (row.path.startswith(("gen", "disc")) and row.name in network)
    assert row.live == expected


def test_the_design_s_sample_is_an_experiment(tmp_path):
    path = tmp_path / "sample.toml"
    path.write_text(DESIGN)
    experiment = read_toml(path)
    content = tomllib.loads(DESIGN)
    for section, fields in content.items():
        for name, value in fields.items() if isinstance(fields, dict) else ():
            if (section, name) != ("data", "kind") and not isinstance(value, dict):
                expected = tuple(value) if isinstance(value, list) else value
                assert experiment[f"{section}.{name}"] == expected
    assert experiment.optimizer.discriminator.kind == "rmsprop"
    assert Experiment.from_mapping(tomllib.loads(to_toml(experiment))) == experiment


NAMES = {
    "noise.kind": "normal uniform truncated-normal",
    "generator.activation": "relu leaky-relu tanh sigmoid softplus elu gelu sine maxout linear",
    "discriminator.activation": "relu leaky-relu tanh sigmoid softplus elu gelu sine maxout linear",
    "generator.normalization": "none batch layer",
    "objective.kind": "minimax non-saturating wasserstein least-squares hinge relativistic "
    "kl reverse-kl pearson hellinger alpha",
    "penalty.kind": "none gradient one-sided dragan r1 r2 r1-r2 consensus",
    "optimizer.generator.kind": "sgd momentum rmsprop rmsprop-tf1 adam optimistic-adam extragradient optimistic",
    "optimizer.generator.rate_schedule": "constant linear cosine",
    "schedule.updates": "alternating simultaneous",
    "data.kind": "gaussian mixture uniform laplace student-t exponential diracs disjoint "
    "ring grid swiss-roll moons spiral circle checkerboard pinwheel line file",
}


@pytest.mark.parametrize("path", NAMES)
def test_choices_are_the_design_s(path):
    assert set(find_parameter(path).choices) == set(NAMES[path].split())


@pytest.mark.parametrize(
    ("path", "applies"),
    [
        ("objective.real_label", "minimax non-saturating least-squares"),
        ("objective.fake_label", "minimax non-saturating least-squares"),
        ("objective.generator_alpha", "alpha"),
        ("objective.discriminator_alpha", "alpha"),
        ("penalty.weight", "gradient one-sided dragan r1 r2 r1-r2 consensus"),
        ("penalty.target", "gradient one-sided dragan"),
        ("optimizer.generator.beta1", "adam optimistic-adam"),
        ("optimizer.generator.beta2", "adam optimistic-adam"),
        ("optimizer.generator.tensorflow_epsilon", "adam optimistic-adam"),
        ("optimizer.generator.momentum", "momentum"),
        ("optimizer.generator.decay", "rmsprop rmsprop-tf1"),
        ("optimizer.generator.epsilon", "adam optimistic-adam rmsprop rmsprop-tf1"),
        ("optimizer.generator.rate_steps", "linear cosine"),
    ],
)
def test_fields_apply_beside_the_choices_that_use_them(path, applies):
    row = find_parameter(path)
    (choice,) = row.when
    kinds = {kind for kind in find_parameter(choice).choices if row.applies({choice: kind})}
    assert kinds == set(applies.split())


def test_which_objectives_give_a_probability():
    kinds = find_parameter("objective.kind").choices
    objectives = {kind: Experiment.from_mapping({"objective.kind": kind}).objective for kind in kinds}
    assert {kind for kind in kinds if objectives[kind].probability} == {"minimax", "non-saturating", "alpha"}
    assert {kind for kind in kinds if objectives[kind].critic} == {"wasserstein"}


# A training set of its own size.


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "file"])
def test_every_kind_of_data_can_be_a_pool(kind):
    assert Experiment.from_mapping({"data.kind": kind, "data.size": 10_000_000}).data.size == 10_000_000


def test_a_file_has_only_so_many_rows():
    file = {"data.kind": "file", "data.path": "faithful.csv"}
    assert Experiment.from_mapping({**file, "data.size": 272}).data.size == 272
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_mapping({**file, "data.size": 273})
    assert str(caught.value) == (
        "data.size = 273 is not allowed: a whole number from 0 to 272, the rows that faithful.csv has"
    )


def test_new_data_starts_without_a_pool():
    before = Experiment.from_mapping({"data.size": 500, "noise.size": 20})
    assert before.replace({"data.std": 0.1}).data.size == 500
    assert before.replace({"data.kind": "grid"}).data.size == 0
    assert before.replace({"data.kind": "grid"}).noise.size == 20


# Defaults that depend on a choice.

PLAYER = "optimizer.generator"


def kind_values(experiment: Experiment) -> tuple[float, float]:
    return experiment[f"{PLAYER}.decay"], experiment[f"{PLAYER}.epsilon"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [("adam", (0.99, 1e-8)), ("rmsprop", (0.99, 1e-8)), ("rmsprop-tf1", (0.9, 1e-10)), ("sgd", (0.99, 1e-8))],
)
def test_a_kind_has_its_own_defaults(kind, values):
    assert kind_values(Experiment.from_mapping({f"{PLAYER}.kind": kind})) == values
    assert kind_values(Experiment().replace({f"{PLAYER}.kind": kind})) == values
    # The other player's are its own.
    assert Experiment().replace({f"{PLAYER}.kind": kind}).optimizer.discriminator == Experiment().optimizer.generator


def test_what_is_given_stays_whatever_the_kind():
    given_decay = Experiment.from_mapping({f"{PLAYER}.kind": "rmsprop-tf1", f"{PLAYER}.decay": 0.95})
    assert kind_values(given_decay) == (0.95, 1e-10)
    assert kind_values(given_decay.replace({f"{PLAYER}.kind": "rmsprop"})) == (0.95, 1e-8)
    together = Experiment().replace({f"{PLAYER}.epsilon": 1e-8, f"{PLAYER}.kind": "rmsprop-tf1"})
    assert kind_values(together) == (0.9, 1e-8)


def test_defaults_follow_a_change_of_kind_to_and_fro():
    experiment = Experiment.from_mapping({f"{PLAYER}.kind": "rmsprop"})
    for kind, values in (
        ("rmsprop-tf1", (0.9, 1e-10)),
        ("sgd", (0.99, 1e-8)),
        ("rmsprop-tf1", (0.9, 1e-10)),
        ("adam", (0.99, 1e-8)),
    ):
        experiment = experiment.replace({f"{PLAYER}.kind": kind})
        assert kind_values(experiment) == values
    # Changes elsewhere leave them.
    assert kind_values(experiment.replace({"seed": 1})) == values


KIND = st.sampled_from(find_parameter(f"{PLAYER}.kind").choices).filter(lambda kind: kind != "extragradient")


@settings(deadline=None, max_examples=60)
@given(first=KIND, second=KIND, epsilon=st.none() | st.sampled_from([1e-10, 1e-8, 1e-3]))
def test_a_kind_said_later_is_as_good_as_said_at_first(first, second, epsilon):
    given_epsilon = {} if epsilon is None else {f"{PLAYER}.epsilon": epsilon}
    changed = Experiment.from_mapping({f"{PLAYER}.kind": first}).replace({f"{PLAYER}.kind": second, **given_epsilon})
    assert changed == Experiment.from_mapping({f"{PLAYER}.kind": second, **given_epsilon})
    assert changed.replace(changed.values()) == changed
    content = tomllib.loads(to_toml(changed))
    if find_parameter(f"{PLAYER}.epsilon").applies(changed.values()):
        assert Experiment.from_mapping(content) == changed
