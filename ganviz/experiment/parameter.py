"""What one parameter of an experiment is: its words, its bounds, and the check of a value against them.

The sections of an experiment declare their fields with the functions `number`, `integer`, `switch`,
`choice`, `text` and `array` below. Validation, the form, tooltips, ``--set`` and the documentation all read
what was declared there and nothing else.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, cast

Value = bool | int | float | str | tuple[Any, ...]
Kind = Literal["switch", "integer", "number", "choice", "text", "integers", "array", "names"]


class ExperimentError(ValueError):
    """A sentence for the person: what is wrong, where, with which value, and what is allowed.

    It is one line, whatever names and values came out of a file: what does not print is shown escaped.
    """

    def __init__(self, sentence: str) -> None:
        escape = "unicode_escape"
        super().__init__("".join(c if c.isprintable() else c.encode(escape).decode() for c in sentence))


@dataclass(frozen=True)
class Parameter:
    """One row of the table of parameters.

    Attributes
    ----------
    path : str
        Dotted name, as in TOML and ``--set``, for example ``optimizer.generator.learning_rate``.
    kind : str
        What its value is: ``switch`` (bool), ``integer``, ``number``, ``choice`` and ``text`` (str),
        ``integers`` and ``names`` (tuples), ``array`` (float or tuples of floats).
    low, high : float
        Bounds, inclusive unless ``above`` is set.
    above : bool
        The value must be greater than ``low``, not equal to it.
    scale : str
        ``linear`` or ``log``: how a slider spreads the range.
    usual : tuple of float, optional
        The part of the bounds that a slider covers; None: all of it. On a logarithmic slider that may be 0, the
        left end is 0.
    choices, reserved : tuple of str
        What a choice may be, and names that are kept for what is not available yet.
    live : bool
        A change takes effect in a running experiment; otherwise it needs a restart.
    when : dict
        Paths of choices and the values under which this parameter means something.
    default_for : dict
        Paths of choices and the defaults that hold under some of their values instead of ``default``.
    """

    path: str
    kind: Kind
    default: Value
    label: str
    help: str
    symbol: str = ""
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    scale: Literal["linear", "log"] = "linear"
    usual: tuple[float, float] | None = None
    choices: tuple[str | int, ...] = ()
    reserved: tuple[str, ...] = ()
    live: bool = True
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    default_for: Mapping[str, Mapping[str, Value]] = field(default_factory=dict[str, Mapping[str, Value]])

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def allowed(self) -> str:
        """What a value may be, as the end of a sentence."""
        match self.kind:
            case "switch":
                return "true or false"
            case "choice":
                return "one of " + ", ".join(map(str, self.choices))
            case "text":
                return "a text"
            case "names":
                return "a list of names"
            case "integer":
                return f"a whole number {self._range}"
            case "integers":
                return f"a list of at most 8 whole numbers, each {self._range}"
            case "number":
                return f"a number {self._range}"
            case "array":
                return f"a number or a list of numbers, each {self._range}"

    @property
    def _range(self) -> str:
        whole = self.kind in ("integer", "integers")
        low, high = (f"{int(end)}" if whole else f"{end:g}" for end in (self.low, self.high))
        return f"above {low} and at most {high}" if self.above else f"from {low} to {high}"

    def applies(self, values: Mapping[str, Value]) -> bool:
        """Whether the parameter means something beside the other values of an experiment."""
        return all(values.get(path) in allowed for path, allowed in self.when.items())

    def default_beside(self, values: Mapping[str, Value]) -> Value:
        """Return the default that holds beside the other values of an experiment."""
        for path, defaults in self.default_for.items():
            if (choice := values.get(path)) in defaults:
                return defaults[cast(str, choice)]
        return self.default

    def check(self, value: object) -> Value:
        """Return the value in its own type, or raise `ExperimentError` naming path, value and what is allowed."""
        if isinstance(value, str) and value in self.reserved:
            raise ExperimentError(
                f"{self.path} = {display(value)} is not available yet; available: " + ", ".join(map(str, self.choices))
            )
        checked = self._convert(value)
        if checked is None:
            raise ExperimentError(f"{self.path} = {display(value)} is not allowed: {self.allowed}")
        return checked

    def parse(self, text: str) -> Value:
        """Read a value as a person types it: ``0.02``, ``128, 128``, ``[[0, 1], [1, 0]]``, ``true``."""
        stripped = text.strip()
        if self.kind in ("text", "choice"):
            bare = stripped.strip("\"'")
            return self.check(next((option for option in self.choices if str(option) == bare), bare))
        if self.kind == "names":
            names = [part.strip().strip("\"'") for part in stripped.strip("[]").split(",")]
            return self.check([name for name in names if name])
        value = _literal(stripped, self.kind)
        if self.kind == "integer" and isinstance(value, float) and value.is_integer():
            # A person writes a thousand as 1e3, too.
            value = int(value)
        return self.check(value)

    def _convert(self, value: object) -> Value | None:
        match self.kind:
            case "switch":
                return value if isinstance(value, bool) else None
            case "choice":
                matches = (option for option in self.choices if type(option) is type(value) and option == value)
                return next(matches, None)
            case "text":
                return value if isinstance(value, str) else None
            case "names":
                items = _items(value)
                named = None if items is None else [_name(item) for item in items]
                if named is None or None in named:
                    return None
                return tuple(cast(list[str], named))
            case "integer":
                return self._integer(value)
            case "integers":
                items = _items(value)
                numbers = None if items is None else [self._integer(item) for item in items]
                if numbers is None or None in numbers or len(numbers) > 8:
                    return None
                return tuple(cast(list[int], numbers))
            case "number":
                return self._number(value)
            case "array":
                return self._array(value, depth=0)

    def _integer(self, value: object) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return value if self._inside(value) else None

    def _number(self, value: object) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        # 1e400 in a file is inf, and an integer may be too large for a float: neither is a number here.
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) and self._inside(number) else None

    def _array(self, value: object, depth: int) -> float | tuple[Any, ...] | None:
        items = _items(value)
        if items is None:
            return self._number(value)
        if depth > 2 or not 0 < len(items) <= 10_000:
            return None
        entries = [self._array(item, depth + 1) for item in items]
        return None if None in entries else tuple(entries)

    def _inside(self, value: float) -> bool:
        return (value > self.low if self.above else value >= self.low) and value <= self.high


def _items(value: object) -> Sequence[object] | None:
    return cast(Sequence[object], value) if isinstance(value, list | tuple) else None


def _name(item: object) -> str | None:
    """Return a name as it is and a number, such as that of a column, as text."""
    if isinstance(item, int) and not isinstance(item, bool) and abs(item) < 10**9:
        return str(item)
    return item if isinstance(item, str) else None


def _literal(text: str, kind: Kind) -> object:
    """Read one TOML value; a bare list ``128, 64`` is read as ``[128, 64]``."""
    candidates = [text]
    if kind in ("integers", "array") and not text.startswith("["):
        candidates = [f"[{text}]"] if kind == "integers" or "," in text else [text, f"[{text}]"]
    if kind == "switch":
        candidates = [{"on": "true", "off": "false"}.get(text.lower(), text.lower())]
    for candidate in candidates:
        try:
            return tomllib.loads(f"value = {candidate}")["value"]
        except (ValueError, KeyError, RecursionError):
            # Not TOML, or a number of too many digits, or lists too deep: the text is no value of this kind.
            continue
    return text


def display(value: object, depth: int = 0) -> str:
    """Show a value in a sentence as it would stand in TOML, cut to a readable length."""
    if isinstance(value, bool):
        shown = "true" if value else "false"
    elif isinstance(value, str):
        shown = '"' + value.replace("\n", "\\n") + '"'
    elif isinstance(value, float):
        shown = f"{value:.10g}"
    elif isinstance(value, int):
        # Python refuses to write more than some thousand decimal digits.
        shown = str(value) if value.bit_length() < 300 else hex(value)
    elif isinstance(value, list | tuple):
        items = cast(Sequence[object], value)
        inner = [display(item, depth + 1) for item in items[:80]] if depth < 4 else ["..."] * bool(items)
        shown = "[" + ", ".join(inner) + "]"
    elif isinstance(value, Mapping):
        shown = "{...}" if value else "{}"
    else:
        shown = str(value).replace("\n", " ")
    return shorten(shown)


def shorten(text: str) -> str:
    """Cut a text to a readable length."""
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, names: Iterable[str]) -> str:
    """Suggest the nearest valid name as the end of a sentence, or the list of names when none is near."""
    candidates = list(dict.fromkeys(names))
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return "allowed here are " + ", ".join(candidates)


def _declare(kind: Kind, default: Value, label: str, help: str, **more: Any) -> Any:
    row = Parameter(path="", kind=kind, default=default, label=label, help=help, **more)
    return field(default=default, metadata={"parameter": row})


def switch(default: bool, label: str, help: str, **more: Any) -> bool:
    """Declare a field that is true or false."""
    return _declare("switch", default, label, help, **more)


def integer(default: int, label: str, help: str, *, low: int, high: int, **more: Any) -> int:
    """Declare a whole number within bounds."""
    return _declare("integer", default, label, help, low=low, high=high, **more)


def number(default: float, label: str, help: str, *, low: float, high: float, **more: Any) -> float:
    """Declare a finite number within bounds."""
    return _declare("number", default, label, help, low=low, high=high, **more)


def choice(default: Any, label: str, help: str, choices: tuple[str | int, ...], **more: Any) -> Any:
    """Declare one name out of several."""
    return _declare("choice", default, label, help, choices=choices, **more)


def text(default: str, label: str, help: str, **more: Any) -> str:
    """Declare a free text."""
    return _declare("text", default, label, help, **more)


def names(default: tuple[str, ...], label: str, help: str, **more: Any) -> tuple[str, ...]:
    """Declare a list of names."""
    return _declare("names", default, label, help, **more)


def integers(default: tuple[int, ...], label: str, help: str, *, low: int, high: int, **more: Any) -> tuple[int, ...]:
    """Declare a list of whole numbers within bounds."""
    return _declare("integers", default, label, help, low=low, high=high, **more)


def array(default: Any, label: str, help: str, *, low: float, high: float, **more: Any) -> Any:
    """Declare a number, a list of numbers or a list of lists of numbers."""
    return _declare("array", default, label, help, low=low, high=high, **more)


def rows_of(section: type, prefix: str, **extra: tuple[str, ...]) -> list[Parameter]:
    """Collect the declared parameters of a section's class, with their full paths."""
    rows: list[Parameter] = []
    for entry in fields(section):
        row = cast("Parameter | None", entry.metadata.get("parameter"))
        if row is not None:
            when = {_path(prefix, key): value for key, value in row.when.items()}
            when |= {_path(prefix, key): value for key, value in extra.items()}
            default_for = {_path(prefix, key): value for key, value in row.default_for.items()}
            rows.append(replace(row, path=_path(prefix, entry.name), when=when, default_for=default_for))
    return rows


def _path(prefix: str, name: str) -> str:
    # A condition on another section names it whole: "objective.kind".
    return name if "." in name or not prefix else f"{prefix}.{name}"
