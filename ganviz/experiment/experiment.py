"""The frozen, validated description of what to train."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from .data import KINDS, KINDS_TO_COME, Data, Diracs, File, Gaussian, Mixture, Ring, StudentT, Uniform
from .parameter import (
    ExperimentError,
    Parameter,
    Value,
    choice,
    display,
    integer,
    nearest,
    rows_of,
    shorten,
    text,
)
from .players import Discriminator, Generator, Noise
from .resources import expand_user, is_file, resources
from .rules import check_rules
from .sections import InstanceNoise, Objective, Optimizer, Optimizers, Penalty, Schedule
from .table import Table, read_table


@dataclass(frozen=True)
class Experiment:
    """What to train: data, players, rules and seed.

    Make one with `load`, `Experiment.from_mapping` or `replace`; these validate. Two experiments that are equal
    train to the same bits.
    """

    title: str = text("", "Title", "What the experiment is about.", live=True)
    source: str = text("", "Source", "Where the setting comes from.", live=True)
    seed: int = integer(0, "Seed", "Where all random numbers start.", low=0, high=2**63 - 1, live=False)
    precision: int = choice(
        32, "Precision", "Bits of the numbers that the networks compute with.", choices=(32, 64), live=False
    )
    data: Data = field(default_factory=Ring)
    noise: Noise = field(default_factory=Noise)
    generator: Generator = field(default_factory=Generator)
    discriminator: Discriminator = field(default_factory=Discriminator)
    objective: Objective = field(default_factory=Objective)
    penalty: Penalty = field(default_factory=Penalty)
    instance_noise: InstanceNoise = field(default_factory=InstanceNoise)
    optimizer: Optimizers = field(default_factory=Optimizers)
    schedule: Schedule = field(default_factory=Schedule)
    # The measurements of a file, read once when the experiment is made; None where the data is made up.
    table: Table | None = field(default=None, repr=False)

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, Any], folder: Path | None = None, table: Table | None = None
    ) -> Experiment:
        """Make an experiment from nested sections or dotted paths; what is left out has its default.

        Parameters
        ----------
        mapping : dict
            As TOML gives it, ``{"discriminator": {"clip": 0.01}}``, or flat, ``{"discriminator.clip": 0.01}``, or
            both.
        folder : Path, optional
            Where a relative ``data.path`` is looked for first.
        table : Table, optional
            The measurements of the file that ``data.path`` names, where they were read before.

        Raises
        ------
        ExperimentError
            For an unknown field, a wrong type or a value out of bounds, naming field, value and what is allowed.
        """
        flat = dict(_flatten(mapping))
        kind = _data_kind(flat.pop("data.kind", Ring.kind))
        values: dict[str, Value] = {}
        for path, value in flat.items():
            values[path] = _row(path, value, kind).check(value)
        for row in TABLE:
            if row.default_for and row.path not in values and _of_kind(row, kind):
                values[row.path] = row.default_beside(values)
        if kind == File.kind:
            values["data.path"] = _locate(str(values.get("data.path", "")), folder)
        experiment = cast(Experiment, _build(cls, "", values, kind))
        if isinstance(experiment.data, File):
            experiment = replace(experiment, table=table or _read(experiment.data))
        _check_data(experiment)
        check_rules(experiment)
        return experiment

    def values(self) -> dict[str, Value]:
        """Return every field's value by its path, the data's kind included."""
        found: dict[str, Value] = {"data.kind": self.data.kind}
        for row in TABLE:
            if row.path.startswith("data.") and not row.applies(found):
                continue
            found[row.path] = self[row.path]
        return found

    def __getitem__(self, path: str) -> Value:
        """Look up one field by its path."""
        node: Any = self
        for part in path.split("."):
            node = getattr(node, part)
        return cast(Value, node)

    def replace(self, changes: Mapping[str, Any]) -> Experiment:
        """Return an experiment with some fields changed, by path.

        A new ``data.kind`` starts from its defaults, and a field whose default depends on a choice follows it as long
        as it is at the default.
        """
        flat = dict(_flatten(changes))
        # A shipped file stays the shipped one, even where the current folder has one of its name.
        folder = None if "data.path" in flat else resources() / "data"
        values = self.values()
        if flat.get("data.kind", self.data.kind) != self.data.kind:
            values = {path: value for path, value in values.items() if not path.startswith("data.")}
        for row in TABLE:
            if row.default_for and values.get(row.path) == row.default_beside(values):
                del values[row.path]
        # The data of an experiment never changes by itself: its file is not read again for a change elsewhere.
        same = not FILES & flat.keys()
        return Experiment.from_mapping({**values, **flat}, folder, self.table if same else None)

    def with_fields(self, changes: Mapping[str, Any]) -> Experiment:
        """Return an experiment with these fields changed, by path, and no others; sections without one are shared.

        Whoever has thousands of changes to make saves most of the time of `replace`. The kind and the file of the data
        cannot be among them.

        Raises
        ------
        ExperimentError
            As `from_mapping` does.
        """
        if FILES & changes.keys():
            raise ValueError("data of another kind or file is another experiment: make it with from_mapping")
        values = {path: _row(path, value, self.data.kind).check(value) for path, value in changes.items()}
        made = cast(Experiment, _with(self, values))
        if made.data is not self.data:
            _check_data(made)
        check_rules(made)
        return made

    @property
    def dimension(self) -> int:
        """Dimension of the data: 1 or 2."""
        match self.data:
            case Gaussian(mean=mean):
                return len(mean) if isinstance(mean, tuple) else 1
            case Mixture(means=means):
                return len(means[0]) if isinstance(means[0], tuple) else 1
            case File():
                return cast(Table, self.table).points.shape[1]
            case _:
                return (
                    1
                    if self.data.kind in ("uniform", "laplace", "student-t", "exponential", "diracs", "disjoint")
                    else 2
                )

    def same_data(self, other: Experiment) -> bool:
        """Whether the data are the same, and where they are out of a file the numbers too."""
        return self.data == other.data and self.table == other.table

    @property
    def notice(self) -> str:
        """What the person should know about the data, such as rows left out; empty if nothing."""
        return self.table.notice if self.table else ""


def _path(row: Parameter) -> str:
    return row.path


def _table() -> tuple[Parameter, ...]:
    rows = rows_of(Experiment, "")
    rows.append(
        Parameter(
            path="data.kind",
            kind="choice",
            default=Ring.kind,
            label="Data",
            help="What real samples are drawn from.",
            choices=tuple(KINDS),
            reserved=KINDS_TO_COME,
            live=False,
        )
    )
    for name, kind in KINDS.items():
        rows += rows_of(kind, "data", kind=(name,))
    for prefix, section in (
        ("noise", Noise),
        ("generator", Generator),
        ("discriminator", Discriminator),
        ("objective", Objective),
        ("penalty", Penalty),
        ("instance_noise", InstanceNoise),
        ("optimizer.generator", Optimizer),
        ("optimizer.discriminator", Optimizer),
        ("schedule", Schedule),
    ):
        rows += rows_of(section, prefix)
    return tuple(rows)


TABLE: tuple[Parameter, ...] = _table()
"""Every parameter of every section; those of ``data`` once for each kind that has them."""

FILES = frozenset(("data.kind", "data.path", "data.columns"))
"""Fields that make other data."""
_ROWS = {path: tuple(rows) for path, rows in groupby(sorted(TABLE, key=_path), key=_path)}


def find_parameter(path: str, kind: str = Ring.kind, value: object = None) -> Parameter:
    """Find the row of a path; fields of ``data`` are looked for in the kind that is named.

    ``value`` is what the person gave, for the sentence that says that there is no such row.
    """
    return _row(path, value, kind)


def _row(path: str, value: object, kind: str) -> Parameter:
    rows = _ROWS.get(path, ())
    for row in rows:
        if _of_kind(row, kind):
            return row
    given = f"{shorten(path)} = {display(value)}"
    fitting = [row for row in TABLE if _of_kind(row, kind)]
    if rows:
        own = ", ".join(row.name for row in fitting if row.path.startswith("data.") and row.when)
        raise ExperimentError(f"{given} is not a field of {kind} data, which has {own}")
    inside = [row.name for row in fitting if row.path.startswith(path + ".")]
    if inside:
        raise ExperimentError(f"{given} is not allowed: a section with fields such as {inside[0]}")
    # The name may be right and only its section missing or wrong.
    alike = dict.fromkeys(row.path for row in fitting if row.name == path.rpartition(".")[2])
    meant = f"did you mean {' or '.join(alike)}?" if alike else nearest(path, _neighbours(path, fitting))
    raise ExperimentError(f"unknown field {given}; {meant}")


def _of_kind(row: Parameter, kind: str) -> bool:
    """Whether an experiment with data of a kind has the row's field."""
    return not row.path.startswith("data.") or row.applies({"data.kind": kind})


def _neighbours(path: str, rows: Iterable[Parameter]) -> list[str]:
    """Names to suggest for an unknown path: those of its section where there is one, else all."""
    names = [row.path for row in rows]
    section = path.rpartition(".")[0]
    inside = [name for name in names if section and name.startswith(section + ".")]
    return inside or names


def _data_kind(kind: object) -> str:
    row = next(row for row in TABLE if row.path == "data.kind")
    return cast(str, row.check(kind))


def _flatten(mapping: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterable[tuple[str, Any]]:
    for key, value in mapping.items():
        path = f"{prefix}{key}"
        # An unknown section is passed on to be refused, even if it is empty or deeper than any.
        if isinstance(value, Mapping) and depth < 4 and (value or _is_section(path)):
            yield from _flatten(cast(Mapping[str, Any], value), path + ".", depth + 1)
        else:
            yield path, value


def _is_section(path: str) -> bool:
    return any(row.path.startswith(path + ".") for row in TABLE)


def _build(section: type, prefix: str, values: Mapping[str, Value], kind: str) -> object:
    """Make a section from the flat values, its subsections too."""
    arguments: dict[str, Any] = {}
    for entry in fields(section):
        path = f"{prefix}{entry.name}"
        factory = entry.default_factory
        if path == "data":
            arguments["data"] = _build(KINDS[kind], "data.", values, kind)
        elif isinstance(factory, type) and is_dataclass(factory):
            arguments[entry.name] = _build(factory, path + ".", values, kind)
        elif path in values:
            arguments[entry.name] = values[path]
    return section(**arguments)


def _with(section: Any, values: Mapping[str, Value], prefix: str = "") -> object:
    """Return a section with other values, by path: itself where it has none of them."""
    own: dict[str, Any] = {}
    inner: dict[str, dict[str, Value]] = {}
    for path, value in values.items():
        name, _, rest = path.removeprefix(prefix).partition(".")
        if rest:
            inner.setdefault(name, {})[path] = value
        else:
            own[name] = value
    own |= {name: _with(getattr(section, name), some, f"{prefix}{name}.") for name, some in inner.items()}
    return replace(section, **own) if own else section


def _read(data: File) -> Table:
    path = Path(data.path)
    return read_table(path if path.is_absolute() else resources() / "data" / path, data.columns)


def _locate(path: str, folder: Path | None) -> str:
    """Return the bare name of a shipped file, or the absolute path of another."""
    if not path:
        raise ExperimentError(
            'data.path = "" is not allowed: the name of a .csv or .npy file is needed for data.kind = "file"'
        )
    if "\0" in path:
        raise ExperimentError(f"data.path = {display(path)} is not allowed: a file's name has no zero byte")
    given = expand_user(path)
    own = (folder or Path.cwd()) / given
    ours = resources() / "data" / given
    shipped = len(given.parts) == 1 and is_file(ours)
    return path if shipped and (own == ours or not is_file(own)) else str(own.absolute())


def _check_data(experiment: Experiment) -> None:
    """Check what one field alone cannot tell: shapes that belong together, ends in order, the file itself."""
    data = experiment.data
    match data:
        case Gaussian(mean=mean, std=std):
            axes = _shape(mean)
            if axes not in ((), (1,), (2,)):
                raise ExperimentError(f"data.mean = {display(mean)} is not allowed: a number or a pair of numbers")
            if _shape(std) not in ((), axes):
                raise ExperimentError(f"data.std = {display(std)} is not allowed: a number, or one for each axis")
        case Mixture(means=means, stds=stds, weights=weights):
            shape = _shape(means)
            if len(shape) not in (1, 2) or -1 in shape or (len(shape) == 2 and shape[1] not in (1, 2)):
                raise ExperimentError(f"data.means = {display(means)} is not allowed: a list of numbers or of pairs")
            if _shape(stds) not in ((), shape[:1], shape):
                raise ExperimentError(
                    f"data.stds = {display(stds)} is not allowed: a number, one for each mode, or one for each mode "
                    f"and axis; there are {shape[0]} modes"
                )
            _check_weights(weights, shape[0])
        case Diracs(means=means, weights=weights):
            if len(_shape(means)) != 1 or -1 in _shape(means):
                raise ExperimentError(f"data.means = {display(means)} is not allowed: a list of numbers")
            _check_weights(weights, len(means))
        case Uniform(low=low, high=high):
            if low >= high:
                raise ExperimentError(f"data.low = {low:g} is not allowed: a number below data.high = {high:g}")
        case StudentT(dof=dof, standardize=True) if dof <= 2:
            raise ExperimentError(
                f"data.standardize = true is not allowed with data.dof = {dof:g}: up to 2 degrees of freedom the "
                "standard deviation is infinite"
            )
        case File(size=size):
            rows = len(cast(Table, experiment.table).points)
            if size > rows:
                raise ExperimentError(
                    f"data.size = {size} is not allowed: a whole number from 0 to {rows}, the rows that "
                    f"{Path(data.path).name} has"
                )
        case _:
            pass
    if data.standardize and isinstance(data, Diracs) and len(set(data.means)) < 2:
        raise ExperimentError("data.standardize = true is not allowed: data at a single point has no spread")


def _check_weights(weights: Any, modes: int) -> None:
    if _shape(weights) not in ((), (modes,)):
        raise ExperimentError(
            f"data.weights = {display(weights)} is not allowed: a number, or one for each of the {modes} modes"
        )


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of nested tuples, (-1,) where they are ragged."""
    if not isinstance(value, tuple):
        return ()
    shapes = {_shape(item) for item in cast(tuple[Any, ...], value)}
    return (len(cast(tuple[Any, ...], value)), *shapes.pop()) if len(shapes) == 1 else (-1,)
