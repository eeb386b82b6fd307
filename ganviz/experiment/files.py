"""Experiments as TOML, and the shipped presets."""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import tomli_w

from .data import File
from .experiment import TABLE, Experiment, find_parameter
from .parameter import ExperimentError, Value, display, nearest
from .resources import exists, expand_user, is_file, resources

LARGEST = 1_000_000
"""Bytes of the largest experiment file that is read; a real one has a few thousand."""


MOST_LANES = 4
"""Experiments that a file may want to be trained side by side."""
DATA_FILES = (".csv", ".npy")
SESSION = ".ganviz"
STATE_FILES = (SESSION, ".png", ".svg", ".pdf", ".pgf")
"""Endings of the files that hold a state of a run: sessions, and figures."""


@dataclass(frozen=True)
class Preset:
    """A shipped experiment: its name, its title and where it comes from."""

    name: str
    title: str
    source: str


def presets() -> list[Preset]:
    """List the shipped presets in the order of their names."""
    found: list[Preset] = []
    for path in sorted((resources() / "presets").glob("*.*"), key=lambda path: path.stem):
        if path.suffix in (".toml", SESSION):
            content = tomllib.loads(_preset_text(path))
            found.append(Preset(path.stem, content["title"], content["source"]))
    return found


def preset_path(name: str | Path) -> Path | None:
    """Return the file of a preset, an experiment or a session; None: there is no preset of this name."""
    path = Path(name)
    if len(path.parts) != 1 or path.suffix:
        return None
    shipped = (resources() / "presets" / f"{name}{ending}" for ending in (".toml", SESSION))
    return next((file for file in shipped if is_file(file)), None)


def _preset_text(path: Path) -> str:
    """Return a shipped preset's experiment as TOML; a session holds it as a part of its own."""
    if path.suffix != SESSION:
        return path.read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as archive:
        return archive.read("experiment.toml").decode()


def load(name: str | Path) -> Experiment:
    """Load an experiment by a preset's name, from a TOML file, or around a file of data.

    Parameters
    ----------
    name : str or Path
        Name of a preset, or path of a ``.toml`` experiment, or of a ``.csv`` or ``.npy`` file, which is trained on
        with default settings.

    Raises
    ------
    ExperimentError
        One sentence that names the file, the field, the value and what is allowed.
    """
    preset = preset_path(name)
    path = expand_user(name)
    if preset is not None:
        # A session's is the experiment that it began with.
        session = preset.suffix == SESSION
        return Experiment.from_mapping(tomllib.loads(_preset_text(preset))) if session else read_toml(preset)
    if path.suffix.lower() in DATA_FILES:
        return for_data(path)
    if path.suffix.lower() == ".toml":
        return read_toml(path)
    if path.suffix.lower() in STATE_FILES:
        raise ExperimentError(f"{name}: this is a state of a run, which the window and ganviz figure open")
    if exists(path):
        raise ExperimentError(f"{name}: not a file that ganviz opens; allowed are .toml, .csv and .npy")
    names = [entry.name for entry in presets()]
    raise ExperimentError(f"{name}: no preset and no file has this name; {nearest(str(name), names)}")


def for_data(path: Path, changes: Mapping[str, Any] | None = None) -> Experiment:
    """Make the experiment that trains on a file of data with settings that suit most small data sets.

    ``changes`` are further fields, by path: ``data.columns`` where the file has more than two columns of numbers.
    """
    return Experiment.from_mapping(
        {
            "title": path.stem,
            "data.kind": "file",
            "data.path": str(path),
            "generator.hidden": (64, 64),
            "discriminator.hidden": (64, 64),
            "objective.real_label": 0.9,
            "instance_noise.std": 0.2,
            "schedule.batch": 128,
            **(changes or {}),
        }
    )


def read_toml(path: Path) -> Experiment:
    """Read an experiment from a TOML file, of several lanes the first one; see `load`."""
    return read_lanes(path)[0][1]


def lanes_of(name: str | Path) -> list[tuple[str, Experiment]]:
    """Load an experiment as `load` does, and what a preset or TOML file wants to be trained beside it, with names."""
    path, preset = expand_user(name), preset_path(name)
    if preset is not None and preset.suffix != SESSION:
        return read_lanes(preset)
    return read_lanes(path) if path.suffix.lower() == ".toml" else [("", load(name))]


def read_lanes(path: Path) -> list[tuple[str, Experiment]]:
    """Read the lanes of a TOML file: its experiment, under the changes that each table of ``lanes`` makes."""
    content = _content(path)
    try:
        lanes = content.pop("lanes", None)
        base = Experiment.from_mapping(content, folder=path.parent)
        return [("", base)] if lanes is None else _lanes(base, lanes)
    except ExperimentError as error:
        raise ExperimentError(f"{path}: {error}") from error


def _lanes(base: Experiment, tables: object) -> list[tuple[str, Experiment]]:
    if not isinstance(tables, list) or not 2 <= len(cast(list[object], tables)) <= MOST_LANES:
        raise ExperimentError(f"lanes = {display(tables)} is not allowed: 2 to {MOST_LANES} tables, each with a name")
    found: list[tuple[str, Experiment]] = []
    for number, table in enumerate(cast(list[Any], tables), start=1):
        fields = dict(cast(Mapping[str, Any], table)) if isinstance(table, Mapping) else {}
        name = fields.pop("name", None)
        if not isinstance(name, str) or not name.strip() or name in dict(found):
            raise ExperimentError(
                f"lanes: name = {display(name)} of lane {number} is not allowed: a text that no other lane has"
            )
        try:
            found.append((name, base.replace(fields)))
        except ExperimentError as error:
            raise ExperimentError(f"lane {number}, {display(name)}: {error}") from error
    return found


def _content(path: Path) -> dict[str, Any]:
    """Read the content of a TOML file."""
    try:
        if not path.exists():
            raise ExperimentError(f"{path}: there is no such file")
        if not path.is_file():
            raise ExperimentError(f"{path}: this is not a file; a .toml experiment is needed")
        if path.stat().st_size > LARGEST:
            raise ExperimentError(
                f"{path}: the file is larger than {LARGEST:,} bytes; an experiment has a few thousand"
            )
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ExperimentError:
        raise
    except OSError as error:
        raise ExperimentError(f"{path}: the file cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{path}: the file is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        reason = " ".join(str(error).split())
        raise ExperimentError(f"{path}: the file is not valid TOML: {reason}") from error
    except RecursionError as error:
        raise ExperimentError(f"{path}: the file is not valid TOML: nested too deeply") from error
    except ValueError as error:
        raise ExperimentError(f"{path}: the file is not valid TOML: a number has too many digits") from error


def to_toml(experiment: Experiment) -> str:
    """Write an experiment as TOML, every field that applies with its value."""
    values = experiment.values()
    nested: dict[str, Any] = {}
    for path, value in values.items():
        row = next((row for row in TABLE if row.path == path and row.applies(values)), None)
        if row is not None:
            _put(nested, path, value)
    return tomli_w.dumps(nested)


def _put(nested: dict[str, Any], path: str, value: Value) -> None:
    *sections, name = path.split(".")
    for section in sections:
        nested = nested.setdefault(section, {})
    nested[name] = value


def retitled(changed: Experiment, origin: Experiment) -> Experiment:
    """Give a changed experiment a title and a source that are true of it.

    With other data it is named by its data and objective; with other rules its title and source say "(changed)".
    Another seed or precision does not make it another experiment.
    """
    kept = {"title": origin.title, "source": origin.source}
    same = {"seed": origin.seed, "precision": origin.precision, **kept}
    if changed.replace(same) == origin:
        return changed.replace(kept)
    if _data_name(changed) != _data_name(origin):
        return changed.replace({"title": f"{_data_name(changed)}, {changed.objective.kind}", "source": ""})
    return changed.replace({name: f"{text} (changed)" if text else "" for name, text in kept.items()})


def _data_name(experiment: Experiment) -> str:
    return Path(experiment.data.path).name if isinstance(experiment.data, File) else experiment.data.kind


def load_with(name: str, settings: Mapping[str, str]) -> Experiment:
    """Load an experiment as `load` does and apply ``--set PATH=VALUE`` settings, given as texts."""
    path = Path(name)
    if path.suffix.lower() in DATA_FILES:
        return for_data(
            path, {field: find_parameter(field, "file", text).parse(text) for field, text in settings.items()}
        )
    return parse_settings(load(name), settings)


def parse_settings(experiment: Experiment, settings: Mapping[str, str]) -> Experiment:
    """Apply ``--set PATH=VALUE`` settings, given as texts, to an experiment."""
    kind = experiment.data.kind
    if "data.kind" in settings:
        kind = str(find_parameter("data.kind").parse(settings["data.kind"]))
    changed = experiment.replace(
        {path: find_parameter(path, kind, value).parse(value) for path, value in settings.items()}
    )
    return changed if "title" in settings else retitled(changed, experiment)
