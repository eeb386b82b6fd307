"""What to train: the frozen, validated experiment and its table of parameters."""

from .data import KINDS, Data
from .experiment import TABLE, Experiment, find_parameter
from .files import Preset, for_data, lanes_of, load, load_with, parse_settings, presets, read_toml, retitled, to_toml
from .parameter import ExperimentError, Parameter, Value, display
from .resources import resources
from .rules import company
from .table import ColumnsNeeded, Table, read_table

__all__ = [
    "KINDS",
    "TABLE",
    "ColumnsNeeded",
    "Data",
    "Experiment",
    "ExperimentError",
    "Parameter",
    "Preset",
    "Table",
    "Value",
    "company",
    "display",
    "find_parameter",
    "for_data",
    "lanes_of",
    "load",
    "load_with",
    "parse_settings",
    "presets",
    "read_table",
    "read_toml",
    "resources",
    "retitled",
    "to_toml",
]
