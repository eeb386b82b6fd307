"""Settings in words."""

from __future__ import annotations

from collections.abc import Mapping

from ganviz.experiment import ExperimentError, Value, find_parameter


def difference_text(values: Mapping[str, Value], kind: str) -> str:
    """Return settings by path as labels with their values, for an experiment with data of a kind."""
    return ", ".join(f"{_label(path, kind)} {_value(value)}" for path, value in values.items())


def _label(path: str, kind: str) -> str:
    try:
        row = find_parameter(path, kind)
    except ExperimentError:
        return path
    owner = {"generator": "G ", "discriminator": "D "}.get(path.split(".")[-2] if "." in path else "", "")
    return owner + row.label


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
