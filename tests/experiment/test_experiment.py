"""The experiment: its table of parameters, TOML, and a sentence for everything that is wrong."""

import math
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganviz.experiment import (
    KINDS,
    TABLE,
    Experiment,
    ExperimentError,
    Parameter,
    files,
    find_parameter,
    load,
    parse_settings,
    presets,
    read_toml,
    to_toml,
)
from ganviz.experiment.data import KINDS_TO_COME
from ganviz.experiment.rules import RULES

DATA_KINDS = [kind for kind in KINDS if kind != "file"]
quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def refusal(function, *arguments, **more) -> str:
    """Return the one line with which a call refuses."""
    with pytest.raises(ExperimentError) as caught:
        function(*arguments, **more)
    message = str(caught.value)
    assert message.splitlines() == [message]
    assert message.isprintable()
    return message


def refused(mapping, *words: str) -> str:
    message = refusal(Experiment.from_mapping, mapping)
    for word in words:
        assert word in message, message
    return message


# Defaults and the table.


def test_nothing_said_is_the_default():
    experiment = Experiment.from_mapping({})
    assert experiment == Experiment()
    assert (experiment.seed, experiment.precision, experiment.data.kind) == (0, 32, "ring")
    assert experiment["optimizer.generator.learning_rate"] == 2e-4
    assert experiment["discriminator.activation"] == "leaky-relu"
    assert experiment["generator.activation"] == "relu"
    assert experiment.dimension == 2
    assert experiment.notice == ""


def identity(row: Parameter) -> str:
    return f"{row.path}-{row.when['data.kind'][0]}" if "data.kind" in row.when else row.path


@pytest.mark.parametrize("row", TABLE, ids=identity)
def test_every_row_of_the_table_is_whole(row):
    assert row.label
    assert row.label[0].isupper()
    assert row.help.endswith(".")
    assert "\n" not in row.label + row.help
    assert row.check(row.default) == row.default
    assert row.allowed
    if row.kind in ("integer", "integers", "number", "array"):
        assert math.isfinite(row.low)
        assert math.isfinite(row.high)
        assert row.low < row.high
    if row.kind == "choice":
        assert row.default in row.choices
        assert len(set(row.choices)) == len(row.choices)
        assert not set(row.choices) & set(row.reserved)
    for path, values in row.when.items():
        assert set(values) <= set(find_parameter(path).choices)
    for path, defaults in row.default_for.items():
        # Where the choice itself is left out, the row's own default holds.
        assert find_parameter(path).default not in defaults
        assert set(defaults) <= set(find_parameter(path).choices)
        assert all(row.check(default) == default for default in defaults.values())
    # On a logarithmic slider the left end is 0 where that is allowed: it needs a part of its own to start from.
    if row.scale == "log":
        assert row.low > 0 or (row.usual is not None and row.usual[0] > 0)


def test_paths_are_unique_for_each_kind_of_data():
    for kind in KINDS:
        paths = [row.path for row in TABLE if kind in row.when.get("data.kind", (kind,))]
        assert max(Counter(paths).values()) == 1


def test_values_are_those_of_the_fields():
    for kind in DATA_KINDS:
        values = Experiment.from_mapping({"data.kind": kind}).values()
        assert values["data.kind"] == kind
        for path, value in values.items():
            if path != "data.kind":
                assert find_parameter(path, kind).default == value


@pytest.mark.parametrize(
    ("mapping", "dimension"),
    [
        ({"kind": "gaussian"}, 1),
        ({"kind": "gaussian", "mean": [0]}, 1),
        ({"kind": "gaussian", "mean": [0, 1]}, 2),
        ({"kind": "mixture"}, 1),
        ({"kind": "mixture", "means": [[1], [2]]}, 1),
        ({"kind": "mixture", "means": [[1, 2], [2, 3]]}, 2),
        ({"kind": "diracs"}, 1),
        ({"kind": "student-t"}, 1),
        ({"kind": "disjoint"}, 1),
        ({"kind": "pinwheel"}, 2),
        ({"kind": "line"}, 2),
        ({"kind": "moons"}, 2),
    ],
)
def test_dimension_follows_the_data(mapping, dimension):
    assert Experiment.from_mapping({"data": mapping}).dimension == dimension


# TOML.


def value_of(row: Parameter) -> st.SearchStrategy:
    """Draw values that a row allows."""
    low, high = row.low, row.high
    whole = st.integers(math.ceil(low), int(high)) if math.isfinite(low) else st.nothing()
    real = st.floats(low, high, exclude_min=row.above) if math.isfinite(low) else st.nothing()
    match row.kind:
        case "switch":
            return st.booleans()
        case "choice":
            return st.sampled_from(row.choices)
        case "text":
            return st.text(max_size=30)
        case "integer":
            return whole
        case "integers":
            return st.lists(whole, max_size=8).map(tuple)
        case _:
            return real


@st.composite
def mappings(draw):
    """Draw values for some of the fields that mean something together."""
    kind = draw(st.sampled_from(DATA_KINDS))
    values = {"data.kind": kind}
    rows = [row for row in TABLE if not row.path.startswith("data.") or row.applies(values)]
    conditions = {path for row in rows for path in row.when}
    for row in sorted(rows, key=lambda row: row.path not in conditions):
        if row.kind == "array" or row.path == "data.kind":
            continue
        defaults = {path: find_parameter(path, kind).default for path in row.when}
        if row.applies({**defaults, **values}) and draw(st.booleans()):
            values[row.path] = draw(value_of(row))
    arrays = {
        "gaussian": {"data.mean": (1.5, -2.0), "data.std": (0.1, 3.0)},
        "mixture": {"data.means": ((0.0, 1.0), (2.0, 3.0)), "data.stds": (0.5, 0.25), "data.weights": (1.0, 2.0)},
        "diracs": {"data.means": (0.0, 1.0, 5.0), "data.weights": (1.0, 2.0, 0.5)},
    }
    if draw(st.booleans()):
        values |= arrays.get(kind, {})
    if kind == "uniform":
        values |= dict(
            zip(("data.low", "data.high"), sorted(draw(st.tuples(st.floats(-9, 0), st.floats(1, 9)))), strict=True)
        )
    if kind == "student-t" or kind == "diracs":
        values["data.standardize"] = False
    return without_nonsense(values)


def without_nonsense(values):
    """Leave out the fields of combinations that a rule refuses, one after the other."""
    while True:
        try:
            Experiment.from_mapping(values)
        except ExperimentError as error:
            broken = next((rule for rule in RULES if str(error).startswith(f"{rule.path} = ")), None)
            if broken is None:
                raise
            named = [path for path in values if f"{path} = " in str(error)]
            assert named, error
            values = {path: value for path, value in values.items() if path != named[0]}
            # What means something only beside the field that was left out goes with it.
            values = {
                path: value
                for path, value in values.items()
                if all(named[0] not in row.when for row in TABLE if row.path == path)
            }
        else:
            return values


@quick
@given(mappings())
def test_toml_comes_back_as_the_same_experiment(values):
    experiment = Experiment.from_mapping(values)
    for path, value in values.items():
        assert (experiment.data.kind if path == "data.kind" else experiment[path]) == value
    content = tomllib.loads(to_toml(experiment))
    assert Experiment.from_mapping(content) == experiment
    assert content["data"]["kind"] == values["data.kind"]


def test_toml_has_only_what_applies():
    content = tomllib.loads(to_toml(Experiment.from_mapping({"objective.kind": "wasserstein"})))
    assert content["objective"] == {"kind": "wasserstein"}
    assert "beta1" in content["optimizer"]["generator"]
    assert "momentum" not in content["optimizer"]["generator"]


def test_sections_and_dotted_paths_say_the_same():
    nested = {"discriminator": {"clip": 0.01}, "optimizer": {"generator": {"kind": "sgd", "learning_rate": 1}}}
    flat = {
        "discriminator.clip": 0.01, "optimizer.generator.kind": "sgd", "optimizer.generator.learning_rate": 1.0,
    }  # fmt: skip
    both = {"optimizer.generator": {"kind": "sgd", "learning_rate": 1.0}, **nested}
    assert Experiment.from_mapping(nested) == Experiment.from_mapping(flat) == Experiment.from_mapping(both)


def test_empty_sections_change_nothing():
    assert Experiment.from_mapping({"generator": {}, "optimizer": {"generator": {}}, "data": {}}) == Experiment()


def test_a_file_of_data_comes_back_as_the_same_experiment(tmp_path):
    np.save(tmp_path / "points.npy", np.eye(3)[:, :2])
    for path in (str(tmp_path / "points.npy"), "faithful.csv"):
        experiment = Experiment.from_mapping({"data": {"kind": "file", "path": path}})
        assert experiment["data.path"] == path
        assert Experiment.from_mapping(tomllib.loads(to_toml(experiment))) == experiment
        assert experiment.data.standardize


# What is refused.

WRONG = [
    ({"generator.hiden": [4]}, "generator.hiden", "did you mean generator.hidden?"),
    ({"optimiser": {"generator": {"kind": "sgd"}}}, "optimiser.generator.kind", "optimizer.generator.kind"),
    ({"discriminator": {"clipp": 1}}, "discriminator.clipp = 1", "did you mean discriminator.clip?"),
    ({"sed": 1}, "unknown field sed = 1", "did you mean seed?"),
    ({"zzz": {}}, "unknown field zzz", "allowed here are"),
    ({"generator": 5}, "generator = 5", "a section with fields such as hidden"),
    ({"data": "ring"}, 'data = "ring"', "a section"),
    ({"seed": "one"}, 'seed = "one"', "a whole number from 0"),
    ({"seed": -1}, "seed = -1", "from 0"),
    ({"seed": 2**63}, "seed = 9223372036854775808", "from 0"),
    ({"seed": 1.0}, "seed = 1", "a whole number"),
    ({"seed": True}, "seed = true", "a whole number"),
    ({"seed": 10**5000}, "seed = 0x", "a whole number"),
    ({"schedule.batch": 0}, "schedule.batch = 0", "from 1 to 8192"),
    ({"schedule.batch": 8193}, "schedule.batch = 8193", "from 1 to 8192"),
    ({"optimizer.generator.learning_rate": -1.0}, "learning_rate = -1", "a number from 0 to 10"),
    ({"optimizer.generator.learning_rate": math.nan}, "learning_rate = nan", "a number from 0 to 10"),
    ({"optimizer.generator.learning_rate": math.inf}, "learning_rate = inf", "a number from 0 to 10"),
    ({"optimizer.generator.learning_rate": True}, "learning_rate = true", "a number"),
    ({"optimizer.generator.learning_rate": "1e-3"}, 'learning_rate = "1e-3"', "a number"),
    ({"optimizer.generator.learning_rate": 10**400}, "learning_rate = 0x", "a number from 0 to 10"),
    ({"optimizer.generator.beta1": 1.0}, "beta1 = 1", "0.999999"),
    ({"optimizer.generator.epsilon": 0}, "epsilon = 0", "from 1e-30"),
    ({"noise.std": 0}, "noise.std = 0", "above 0"),
    ({"precision": 16}, "precision = 16", "one of 32, 64"),
    ({"precision": 32.0}, "precision = 32", "one of 32, 64"),
    ({"precision": True}, "precision = true", "one of 32, 64"),
    ({"generator.bias": 1}, "generator.bias = 1", "true or false"),
    ({"generator.bias": "true"}, 'generator.bias = "true"', "true or false"),
    ({"generator.activation": "rely"}, 'generator.activation = "rely"', "one of relu, leaky-relu"),
    ({"generator.activation": ["relu"]}, 'generator.activation = ["relu"]', "one of relu"),
    ({"generator.hidden": 4}, "generator.hidden = 4", "a list of at most 8 whole numbers"),
    ({"generator.hidden": [4, 0]}, "generator.hidden = [4, 0]", "from 1 to 1024"),
    ({"generator.hidden": [4] * 9}, "generator.hidden", "at most 8"),
    ({"generator.hidden": [True]}, "generator.hidden = [true]", "whole numbers"),
    ({"generator.hidden": [4.0]}, "generator.hidden = [4]", "whole numbers"),
    ({"title": 3}, "title = 3", "a text"),
    ({"title": {}}, "title = {}", "a text"),
    ({"data.kind": "rings"}, 'data.kind = "rings"', "one of gaussian"),
    ({"data.kind": 3}, "data.kind = 3", "one of gaussian"),
    ({"data.kind": {}}, "data.kind = {}", "one of gaussian"),
    ({"data.side": 3}, "data.side = 3", "not a field of ring data, which has standardize, size, modes, radius"),
    ({"data": {"kind": "moons", "modes": 8}}, "data.modes = 8", "not a field of moons data"),
    ({"data.stdd": 3}, "data.stdd = 3", "did you mean data.std?"),
    ({"data": {"kind": "gaussian", "mean": [1, 2, 3]}}, "data.mean = [1, 2, 3]", "a number or a pair"),
    ({"data": {"kind": "gaussian", "mean": [[1, 2]]}}, "data.mean = [[1, 2]]", "a number or a pair"),
    ({"data": {"kind": "gaussian", "mean": []}}, "data.mean = []", "a number or a list"),
    ({"data": {"kind": "gaussian", "std": [1, 2]}}, "data.std = [1, 2]", "one for each axis"),
    ({"data": {"kind": "gaussian", "std": 0}}, "data.std = 0", "above 0"),
    ({"data": {"kind": "mixture", "means": 1}}, "data.means = 1", "a list of numbers or of pairs"),
    ({"data": {"kind": "mixture", "means": [[1, 2, 3]]}}, "data.means", "a list of numbers or of pairs"),
    ({"data": {"kind": "mixture", "means": [[1, 2], [3]]}}, "data.means = [[1, 2], [3]]", "or of pairs"),
    ({"data": {"kind": "mixture", "means": [[1, 2], 3]}}, "data.means = [[1, 2], 3]", "or of pairs"),
    ({"data": {"kind": "mixture", "means": [[[1, 2]], [[3, 4]]]}}, "data.means", "or of pairs"),
    ({"data": {"kind": "mixture", "means": [[[[1]]]]}}, "data.means = [[[[1]]]]", "list of numbers"),
    ({"data": {"kind": "mixture", "stds": [1, 2, 3]}}, "data.stds = [1, 2, 3]", "there are 2 modes"),
    ({"data": {"kind": "mixture", "stds": [[1, 2], [1, 2]]}}, "data.stds", "there are 2 modes"),
    ({"data": {"kind": "mixture", "weights": [1, 2, 3]}}, "data.weights = [1, 2, 3]", "each of the 2 modes"),
    ({"data": {"kind": "mixture", "weights": [1, 0]}}, "data.weights = [1, 0]", "above 0"),
    ({"data": {"kind": "diracs", "means": 1}}, "data.means = 1", "a list of numbers"),
    ({"data": {"kind": "diracs", "means": [[1, 2]]}}, "data.means = [[1, 2]]", "a list of numbers"),
    ({"data": {"kind": "diracs", "means": [[1, 2], 3]}}, "data.means = [[1, 2], 3]", "a list of numbers"),
    ({"data": {"kind": "diracs", "weights": [1, 2]}}, "data.weights = [1, 2]", "each of the 1 modes"),
    ({"data": {"kind": "diracs", "standardize": True}}, "data.standardize = true", "a single point has no spread"),
    ({"data": {"kind": "student-t", "dof": 2, "standardize": True}}, "data.standardize = true", "data.dof = 2"),
    ({"data": {"kind": "uniform", "low": 1, "high": 1}}, "data.low = 1", "below data.high = 1"),
    ({"data": {"kind": "uniform", "low": 2}}, "data.low = 2", "below data.high = 1"),
    ({"data": {"kind": "file"}}, 'data.path = ""', "a .csv or .npy file"),
    ({"data": {"kind": "file", "path": "no-such.csv"}}, "no-such.csv", "there is no such file"),
    ({"data": {"kind": "file", "path": "a\0b.csv"}}, "data.path", "zero byte"),
    ({"data": {"kind": "file", "path": "x" * 5000 + ".csv"}}, "xxx", "cannot be read"),
    ({"data": {"kind": "file", "path": "~nobody-here/a.csv"}}, "~nobody-here", "there is no such file"),
    ({"data": {"kind": "file", "path": "faithful.csv", "columns": [True]}}, "data.columns = [true]", "names"),
    ({"data": {"kind": "file", "path": "faithful.csv", "columns": [10**5000]}}, "data.columns = [0x", "names"),
    ({"data": {"kind": "file", "path": "faithful.csv", "columns": "1"}}, 'data.columns = "1"', "names"),
    ({"two\nlines\x1b": "a\r\u2028b"}, "two\\nlines\\x1b", "allowed here are"),
    ({"k" * 10_000: 1}, "unknown field kkk", "allowed here are"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "named", "allowed"), WRONG, ids=[named[:40].encode("unicode_escape").decode() for _, named, _ in WRONG]
)
def test_what_is_wrong_is_named_with_what_is_allowed(mapping, named, allowed):
    assert len(refused(mapping, named, allowed)) < 6000


CHOICES_TO_COME = [(row.path, value) for row in TABLE for value in row.reserved]


@pytest.mark.parametrize(("path", "value"), CHOICES_TO_COME)
def test_choices_to_come_are_not_available_yet(path, value):
    available = find_parameter(path).choices
    refused({path: value}, f'{path} = "{value}"', "not available yet", *map(str, available))


def test_there_are_choices_to_come():
    assert [("data.kind", kind) for kind in KINDS_TO_COME] == CHOICES_TO_COME


def nested(depth: int, make) -> object:
    value: object = 1
    for _ in range(depth):
        value = make(value)
    return value


@pytest.mark.parametrize("depth", [4, 5, 400, 5000])
def test_what_is_nested_too_deeply_is_refused(depth):
    tables = nested(depth, lambda inner: {"a": inner})
    refused(tables, "unknown field a.a")
    refused({"data": {"kind": "gaussian", "mean": nested(depth, lambda inner: [inner])}}, "data.mean = [[[[")
    refused({"title": nested(depth, lambda inner: [inner])}, "title = [[[[", "a text")
    refused({"title": [tables]}, "title = [{...}]", "a text")
    refused({"optimizer": {"generator": {"kind": tables}}}, "optimizer.generator.kind.a")


words = st.sampled_from(sorted({part for row in TABLE for part in row.path.split(".")}))
leaves = (
    st.none() | st.booleans() | st.floats() | st.text(max_size=10) | st.dates() | st.times() | st.datetimes()
    | st.integers() | st.sampled_from([2**2000, -(2**70), *KINDS, "file", "adam", "tanh", "~x", "\0"]) | words
)  # fmt: skip
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(quick, max_examples=400)
@given(
    st.dictionaries(words | st.sampled_from([row.path for row in TABLE]) | st.text(max_size=8), anything, max_size=4)
)
def test_any_mapping_is_an_experiment_or_a_sentence(mapping):
    try:
        experiment = Experiment.from_mapping(mapping)
    except ExperimentError as error:
        message = str(error)
        assert message.splitlines() == [message]
    else:
        assert experiment.dimension in (1, 2)


@settings(quick, max_examples=300)
@given(st.sampled_from(TABLE), anything)
def test_any_value_of_any_field_is_checked(row, value):
    kind = row.when.get("data.kind", ("ring",))[0]
    mapping = {"data.kind": kind, row.path: value}
    if kind == "file" and row.path != "data.path":
        mapping["data.path"] = "faithful.csv"
    try:
        experiment = Experiment.from_mapping(mapping)
    except ExperimentError as error:
        assert str(error).splitlines() == [str(error)]
        return
    assert experiment.dimension in (1, 2)
    assert Experiment.from_mapping(experiment.values()) == experiment


# replace and --set.


def test_replace_changes_what_it_names_and_nothing_else():
    before = Experiment.from_mapping({"data.radius": 2.0, "generator.hidden": [8]})
    after = before.replace({"seed": 3, "optimizer.discriminator.learning_rate": 1e-4, "data": {"std": 0.5}})
    assert before == Experiment.from_mapping({"data.radius": 2.0, "generator.hidden": [8]})
    changed = {path for path, value in after.values().items() if before.values()[path] != value}
    assert changed == {"seed", "optimizer.discriminator.learning_rate", "data.std"}
    assert after["optimizer.discriminator.learning_rate"] == 1e-4
    assert before.replace({}) == before


def test_replace_refuses_as_from_mapping_does():
    assert "seed = -1" in refusal(Experiment().replace, {"seed": -1})
    assert "data.side" in refusal(Experiment().replace, {"data.side": 2})


def test_a_new_kind_of_data_starts_from_its_own_defaults():
    before = Experiment.from_mapping({"data.std": 0.5, "data.standardize": True, "generator.hidden": [8]})
    after = before.replace({"data.kind": "grid", "data.side": 3})
    assert after.data == KINDS["grid"](side=3)
    assert after.generator == before.generator
    # The same kind said again keeps its fields.
    assert before.replace({"data.kind": "ring"}) == before


def test_a_shipped_file_stays_the_shipped_one_wherever_the_program_runs(tmp_path, monkeypatch):
    experiment = Experiment.from_mapping({"data": {"kind": "file", "path": "faithful.csv"}})
    (tmp_path / "faithful.csv").write_text("x\n1\n2\n")
    monkeypatch.chdir(tmp_path)
    again = experiment.replace({"seed": 1})
    assert again["data.path"] == "faithful.csv"
    assert again.dimension == 2
    # Named anew, a person's own file comes first.
    assert experiment.replace({"data.path": "faithful.csv"})["data.path"] == str(tmp_path / "faithful.csv")


def test_a_relative_path_is_looked_for_beside_the_experiment_first(tmp_path):
    (tmp_path / "own.csv").write_text("x\n1\n2\n")
    (tmp_path / "own.toml").write_text('[data]\nkind = "file"\npath = "own.csv"\n')
    assert load(tmp_path / "own.toml")["data.path"] == str(tmp_path / "own.csv")


SETTINGS = [
    ("seed", "3", 3),
    ("seed", " 3 ", 3),
    ("precision", "64", 64),
    ("precision", '"64"', 64),
    ("title", "a b", "a b"),
    ("title", '"quoted"', "quoted"),
    ("generator.hidden", "128, 64", (128, 64)),
    ("generator.hidden", "[128, 64]", (128, 64)),
    ("generator.hidden", "16", (16,)),
    ("generator.hidden", "[]", ()),
    ("generator.bias", "false", False),
    ("generator.bias", "ON", True),
    ("generator.activation", "tanh", "tanh"),
    ("generator.activation", "'tanh'", "tanh"),
    ("optimizer.generator.learning_rate", "1e-3", 1e-3),
    ("optimizer.generator.learning_rate", "1", 1.0),
    ("data.std", "0.5", 0.5),
]


@pytest.mark.parametrize(("path", "text", "value"), SETTINGS)
def test_settings_are_read_as_people_type_them(path, text, value):
    found = parse_settings(Experiment(), {path: text})[path]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("kind", ["grid", " grid ", '"grid"'])
@pytest.mark.parametrize("first", ["data.kind", "data.side"])
def test_settings_of_new_data_come_in_any_order(kind, first):
    texts = {"data.kind": kind, "data.side": "3"}
    ordered = {first: texts[first], **texts}
    assert parse_settings(Experiment(), ordered).data == KINDS["grid"](side=3)


def test_settings_read_arrays():
    texts = {"data.kind": "mixture", "data.means": "[[0, 1], [1, 0]]", "data.stds": "0.1, 0.2"}
    data = parse_settings(Experiment(), texts).data
    assert (data.means, data.stds) == (((0.0, 1.0), (1.0, 0.0)), (0.1, 0.2))


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        ("seed", "x", 'seed = "x" is not allowed'),
        ("seed", "", 'seed = ""'),
        ("seed", "1.5", "seed = 1.5"),
        ("seed", "9" * 5000, "seed = "),
        ("precision", "9" * 5000, "one of 32, 64"),
        ("data.std", "nan", "data.std = nan"),
        ("data.std", "[" * 5000, "data.std = "),
        ("data.kind", "rnig", 'data.kind = "rnig"'),
        ("data.side", "3", 'data.side = "3" is not a field of ring data'),
        ("sed", "3", 'unknown field sed = "3"; did you mean seed?'),
        ("clip", "3", 'unknown field clip = "3"; did you mean discriminator.clip?'),
        (
            "learning_rate",
            "3",
            'unknown field learning_rate = "3"; did you mean optimizer.generator.learning_rate or '
            "optimizer.discriminator.learning_rate?",
        ),
        ("data.size", "1e9", "data.size = 1000000000 is not allowed: a whole number from 0 to 10000000"),
        ("penalty.wieght", "10", 'unknown field penalty.wieght = "10"; did you mean penalty.weight?'),
        ("generator", "10", 'generator = "10" is not allowed: a section'),
        ("generator.bias", "maybe", "true or false"),
        ("generator.hidden", "a, b", "generator.hidden"),
        ("objective.kind", "hinges", 'objective.kind = "hinges" is not allowed: one of minimax'),
        ("data.kind", "image", 'data.kind = "image" is not available yet'),
    ],
)
def test_settings_are_refused_with_what_was_typed(path, text, word):
    assert word in refusal(parse_settings, Experiment(), {path: text})


@settings(quick, max_examples=200)
@given(st.sampled_from([row.path for row in TABLE]) | st.text(), st.text() | st.from_regex(r"[-\[\]{}0-9.,\"e ]*"))
def test_any_setting_is_taken_or_refused_in_a_sentence(path, text):
    try:
        parse_settings(Experiment(), {path: text})
    except ExperimentError as error:
        assert str(error).splitlines() == [str(error)]


# Files.


@pytest.fixture
def shipped(tmp_path, monkeypatch) -> Path:
    """Presets of this test's own."""
    folder = tmp_path / "resources"
    (folder / "presets").mkdir(parents=True)
    for name, text in {
        "ring-wgan-clip": 'title = "Ring"\nsource = "WGAN"\n[discriminator]\nclip = 0.01\n',
        "grid": 'title = "Grid"\nsource = "PacGAN"\n[data]\nkind = "grid"\n',
    }.items():
        (folder / "presets" / f"{name}.toml").write_text(text)
    monkeypatch.setattr(files, "resources", lambda: folder)
    return folder


def test_presets_are_loaded_by_name_and_files_by_path(shipped, tmp_path):
    assert [(one.name, one.title, one.source) for one in presets()] == [
        ("grid", "Grid", "PacGAN"),
        ("ring-wgan-clip", "Ring", "WGAN"),
    ]
    assert load("ring-wgan-clip")["discriminator.clip"] == 0.01
    own = tmp_path / "own.toml"
    own.write_text(to_toml(load("grid").replace({"seed": 5})))
    assert load(own) == load(str(own)) == load("grid").replace({"seed": 5})


def test_an_unknown_name_meets_the_nearest_preset(shipped):
    assert "did you mean ring-wgan-clip?" in refusal(load, "ring-wgan-clp")
    assert "allowed here are grid, ring-wgan-clip" in refusal(load, "zzzzzzzzzzzzzz")


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "x" * 5000, "~nobody-here", "no/such/folder", "x" * 5000 + ".toml",
                                  "a\0b.toml", "~nobody-here.csv", "none.toml", "none.csv", "none.npy"])  # fmt: skip
def test_names_that_cannot_be_are_refused(shipped, name):
    message = refusal(load, name)
    assert "no such file" in message or "no preset" in message or "cannot be read" in message


def test_shipped_presets_can_be_loaded():
    for preset in presets():
        assert preset.title
        assert preset.source
        assert load(preset.name).title == preset.title


def test_data_is_loaded_with_settings_of_its_own(tmp_path):
    np.save(tmp_path / "points.npy", np.eye(3)[:, :2])
    experiment = load(tmp_path / "points.npy")
    assert (experiment.title, experiment.dimension) == ("points", 2)
    assert experiment["data.path"] == str(tmp_path / "points.npy")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    for name in ("a.txt", "."):
        message = refusal(load, tmp_path / name)
        assert message.startswith(str(tmp_path))
        assert "allowed are .toml, .csv and .npy" in message


BROKEN = [
    (b"seed = ", "not valid TOML"),
    (b"seed = 1\nseed = 2\n", "not valid TOML"),
    (b"[a\nb]", "not valid TOML"),
    (b"seed = " + b"1" * 5000, "too many digits"),
    (b"title = " + b"[" * 20_000, "nested too deeply"),
    (b"\xff\xfe\x00", "not UTF-8 text"),
    (b"\x00\x01\x02", "not valid TOML"),
    (b"#" * 1_000_001, "larger than 1,000,000 bytes"),
    (b"seed = -1", "seed = -1 is not allowed"),
    (b"seed = 0x" + b"f" * 5000, "seed = 0xfff"),
    (b"title = 1979-05-27", "title = 1979-05-27 is not allowed: a text"),
    (b"title = 07:32:00", "title = 07:32:00"),
    (b"[[data]]\nkind = 'ring'", "data = [{...}] is not allowed: a section"),
    (b"title = [{a.b.c = 1}]", "title = [{...}]"),
    (b'"two\\nlines" = 1', "unknown field two\\nlines"),
    (b"a." * 5000 + b"a = 1", "unknown field a.a"),
    (b"[data]\nkind = 'image'", "not available yet"),
    (b"[optimizer.generator]\nlearning_rate = 1e400", "learning_rate = inf"),
    (b"[penalti]", "unknown field penalti"),
]


@pytest.mark.parametrize(("content", "word"), BROKEN, ids=lambda x: x if isinstance(x, str) else "")
def test_broken_files_are_named_with_what_is_wrong(tmp_path, content, word):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    message = refusal(load, path)
    assert message.startswith(f"{path}: ")
    assert word in message
    assert len(message) < 3000


def test_folders_and_missing_files_are_refused(tmp_path):
    assert "there is no such file" in refusal(load, tmp_path / "none.toml")
    (tmp_path / "folder.toml").mkdir()
    assert "not a file" in refusal(load, tmp_path / "folder.toml")


@pytest.mark.parametrize("method", ["read_text", "stat", "exists"])
def test_files_that_may_not_be_read_are_refused(tmp_path, monkeypatch, method):
    path = tmp_path / "secret.toml"
    path.write_text("seed = 1")

    def deny(*arguments, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, method, deny)
    message = refusal(read_toml, path)
    assert message == f"{path}: the file cannot be read: Permission denied"


tokens = st.sampled_from(
    ["seed", "data", "kind", "=", "\n", "[", "]", ".", '"', "'''", "1", "-", "e", "inf", "true", "{", "}", ",", "\\u",
     "#", "1979-05-27", "ring", "generator", "hidden", "optimizer", " "]
)  # fmt: skip


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("toml") / "any.toml"


@settings(quick, max_examples=400)
@given(content=st.binary() | st.text().map(str.encode) | st.lists(tokens, max_size=30).map("".join).map(str.encode))
def test_any_file_is_an_experiment_or_a_sentence(scratch, content):
    scratch.write_bytes(content)
    try:
        load(scratch)
    except ExperimentError as error:
        message = str(error)
        assert message.splitlines() == [message]
        assert message.startswith(str(scratch))


FEW = st.fixed_dictionaries(
    {},
    optional={
        "discriminator.clip": st.sampled_from([0.0, 0.5, -1.0, 1]),
        "optimizer.generator.kind": st.sampled_from(["adam", "extragradient", "sgd", "nonsense"]),
        "optimizer.generator.learning_rate": st.floats(-1, 1),
        "schedule.batch": st.sampled_from([1, 2, 0, "a"]),
        "data.means": st.sampled_from([[[0.0, 1.0]], [[0.0, 1.0], [2, 3]], [[1.0]], [[1.0], [2.0, 3.0]], []]),
        "data.stds": st.sampled_from([0.5, [0.5, 0.5], [0.1]]),
        "data.radius": st.just(2.0),
        "title": st.text(max_size=3),
        "unheard.of": st.just(1),
    },
)


@settings(deadline=None, max_examples=150)
@given(FEW)
def test_with_fields_is_from_mapping_with_all_others_as_they_are(changes):
    before = Experiment.from_mapping({"data.kind": "mixture", "generator.hidden": [8]})
    made = []
    for make in (
        lambda: Experiment.from_mapping({**before.values(), **changes}),
        lambda: before.with_fields(changes),
    ):
        try:
            made.append(make())
        except ExperimentError as error:
            made.append(str(error))
    assert type(made[0]) is type(made[1])
    if isinstance(made[0], Experiment):
        assert made[0] == made[1]
        sections = {path.partition(".")[0] for path in changes}
        for name in ("data", "generator", "discriminator", "objective", "optimizer", "schedule"):
            assert (getattr(made[1], name) is getattr(before, name)) == (name not in sections)


@pytest.mark.parametrize("path", ["data.kind", "data.path", "data.columns"])
def test_with_fields_makes_no_other_data(path):
    with pytest.raises(ValueError, match="another kind or file"):
        Experiment().with_fields({path: "ring"})
