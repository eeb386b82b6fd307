"""Reads a file of real data, .csv or .npy, into one or two columns of numbers.

Whatever is in the file, what comes out is a `Table` or an `ExperimentError` of one line.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
import stat
import warnings
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np
from numpy.typing import NDArray

from .parameter import ExperimentError, display, nearest

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
MAX_VALUES = 10_000_000
MAX_BYTES = 256 * 2**20
MAX_COLUMNS = 10_000
MAX_LINE = 4 * 2**20
MIN_ROWS = 2
NUMBER = "a number with a decimal point, or for no value an empty cell, NA, nan, null, none, ? or -"


@dataclass(frozen=True, eq=False)
class Table:
    """One or two columns of finite numbers out of a file.

    Attributes
    ----------
    points : array (n, d)
        The rows that have a value in each chosen column; d is 1 or 2; read-only.
    columns : tuple of str
        Names of the chosen columns.
    rows, left_out : int
        Data rows in the file, and how many of them lack a value in a chosen column.
    source, first : str
        The file, and where in it the first row was left out, such as ``line 5``.
    """

    points: NDArray[np.float64]
    columns: tuple[str, ...]
    rows: int
    left_out: int
    source: str = ""
    first: str = ""

    @cached_property
    def digest(self) -> str:
        """What tells these numbers from others."""
        return hashlib.sha256(self.points.tobytes() + repr((self.points.shape, self.columns)).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def notice(self) -> str:
        """What was left out and why, as a sentence; empty if nothing was."""
        if not self.left_out:
            return ""
        columns = " or ".join(map(_short, self.columns))
        return _one_line(
            f"{Path(self.source).name}: {self.left_out} of {self.rows} rows left out: "
            f"no value in {columns} (first: {self.first})"
        )


class ColumnsNeeded(ExperimentError):
    """A file has more than two columns of numbers and none was chosen; ``columns`` names them."""

    def __init__(self, sentence: str, columns: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.columns = columns


def read_table(path: Path, columns: Sequence[str] = ()) -> Table:
    """Read one or two columns of numbers from a .csv or .npy file.

    Parameters
    ----------
    path : Path
        The file; messages name it as it is given here.
    columns : sequence of str
        One or two column names or numbers (from 1); empty: the file's only numeric ones.

    Raises
    ------
    ExperimentError
        One line that names file, column, line, value and what is allowed.
    """
    try:
        status = path.stat()
        # Opening a pipe or a device could wait for ever.
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a socket or a device"
            raise _error(path, f"is {kind}: allowed is a .csv or .npy file")
        match path.suffix.lower():
            case ".csv":
                if status.st_size > MAX_BYTES:
                    size = math.ceil(status.st_size / 2**20)
                    raise _error(path, f"is {size} MB large: allowed are at most {MAX_BYTES // 2**20} MB")
                # Undecodable bytes become lone surrogates, so that `_lines` can say in which line they are.
                with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                    return _read_csv(path, text, columns)
            case ".npy":
                with path.open("rb") as binary:
                    return _read_npy(path, binary, status.st_size, columns)
            case suffix:
                raise _error(path, f"has the suffix {display(suffix)}: allowed is a .csv or .npy file")
    except FileNotFoundError as error:
        raise _error(path, "there is no such file") from error
    except OSError as error:
        raise _error(path, f"cannot be read: {error.strerror or type(error).__name__}") from error
    except MemoryError as error:
        raise _error(path, "cannot be read: it does not fit into memory") from error
    except ExperimentError:
        raise
    except ValueError as error:
        # A path that no system can have, such as one with a NUL.
        raise _error(path, f"cannot be read: {error}") from error


def _read_csv(path: Path, file: TextIO, chosen: Sequence[str]) -> Table:
    delimiter = _delimiter(path, file)
    _, cells = next(_records(path, file, delimiter), (0, []))
    if not cells:
        raise _error(path, f"is empty: allowed are at least {MIN_ROWS} rows of numbers")
    if len(cells) > MAX_COLUMNS:
        raise _error(path, f"has {len(cells)} columns: allowed are at most {MAX_COLUMNS}")
    head = [_spaced(cell) for cell in cells]
    indices = _resolve(path, chosen, head) if chosen else _numeric(path, file, delimiter, head)
    headed = any(_number(head[index]) is None for index in indices) or _named(chosen, head)
    if headed and chosen:
        indices = _resolve(path, chosen, head, headed=True)
    columns = tuple((headed and head[index]) or f"column {index + 1}" for index in indices)
    values = array("d")
    rows = left_out = 0
    first = ""
    for line, cells in islice(_records(path, file, delimiter, len(head)), int(headed), None):
        rows += 1
        row = [_finite(path, cells[i], name, line) for i, name in zip(indices, columns, strict=True)]
        if any(map(math.isnan, row)):
            left_out += 1
            first = first or f"line {line}"
            continue
        values.extend(row)
        if len(values) > MAX_VALUES:
            raise _error(path, f"has too many numbers, at line {line}: allowed are at most {MAX_VALUES:,}")
    points = np.array(values, dtype=np.float64).reshape(-1, len(columns))
    return _finish(path, Table(points, columns, rows, left_out, str(path), first))


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) >= MAX_LINE:
            raise _error(path, f"line {number} is too long: allowed are at most {MAX_LINE:,} characters")
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError as error:
                byte = ord(line[error.start]) - 0xDC00
                where = f"line {number} has the byte 0x{byte:02x}"
                raise _error(path, f"{where}, which is not UTF-8: allowed is UTF-8 text") from error
        if "\0" in line:
            raise _error(path, f"line {number} has a NUL byte: allowed is UTF-8 text")
        # A line of spaces is a blank one, which csv would take for a row of one empty cell.
        yield line if line.strip(" \r\n") else "\n"


def _records(path: Path, file: TextIO, delimiter: str, width: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line it starts in; check the width if given."""
    file.seek(0)
    # Not strict, an unclosed quote would swallow the rows up to the next one without a word.
    reader = csv.reader(_lines(path, file), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _error(path, f"line {line} is not valid CSV: {error}") from error
        if cells is None:
            return
        # Delimiters at the end of a row are harmless; a value beyond the last column means a shift.
        if cells and width and (len(cells) < width or any(cells[width:])):
            raise _error(path, f"line {line} has {len(cells)} cells: allowed are {width} as in the first row")
        if cells:
            yield line, cells


def _delimiter(path: Path, file: TextIO) -> str:
    """Find the delimiter that cuts the first rows into equally many cells, more than one.

    The comma comes last, since it may be a decimal comma or punctuation between semicolons or tabs. Where the
    first rows differ, the one decides that cuts the first row into most cells.
    """
    firsts: dict[str, int] = {",": 0}
    for delimiter in "\t;,":
        widths: list[int] = []
        # Reading with the delimiter that is chosen in the end reports the damage.
        with suppress(ExperimentError):
            for _, cells in islice(_records(path, file, delimiter), 20):
                widths.append(len(cells))
        if widths and min(widths) == max(widths) > 1:
            return delimiter
        firsts[delimiter] = widths[0] if widths else 0
    return max(firsts, key=lambda delimiter: firsts[delimiter])


def _numeric(path: Path, file: TextIO, delimiter: str, head: list[str]) -> list[int]:
    """Find the one or two columns that hold nothing but numbers from the second row on."""
    texts: dict[int, tuple[int, str]] = {}
    with_numbers: set[int] = set()
    candidates = list(range(len(head)))
    line = 0
    for line, cells in islice(_records(path, file, delimiter, len(head)), 1, None):
        for index in candidates:
            value = _number(cells[index])
            if value is None:
                texts[index] = (line, cells[index])
            elif not math.isnan(value):
                with_numbers.add(index)
        candidates = [index for index in candidates if index not in texts]
    names = _names(head)
    if not line:
        if any(_number(name) is None for name in head):
            raise _error(path, f"has a header and no rows: allowed are at least {MIN_ROWS} rows of numbers")
        raise _error(path, f"has 1 row: allowed are at least {MIN_ROWS} rows of numbers")
    numeric = [index for index in candidates if index in with_numbers]
    if not numeric and texts:
        # The column that goes on longest without text is most likely the one that is meant to be numeric.
        index = max(texts, key=lambda index: texts[index][0])
        line, cell = texts[index]
        where = f"no column holds only numbers: column {_short(names[index])}, line {line}"
        raise _error(path, f"{where}: {display(cell)} is not allowed: {NUMBER}")
    if not numeric:
        raise _error(path, f"no column holds a number: allowed are at least {MIN_ROWS} rows of numbers")
    if len(numeric) > 2:
        listed = _short(", ".join(names[index] for index in numeric), 400)
        sentence = f"has {len(numeric)} numeric columns ({listed}): choose one or two with data.columns"
        raise ColumnsNeeded(str(_error(path, sentence)), tuple(names[index] for index in numeric))
    return numeric


def _read_npy(path: Path, file: BinaryIO, size: int, chosen: Sequence[str]) -> Table:
    shape, fortran, dtype = _npy_header(path, file)
    if dtype.kind not in "iuf":
        raise _error(path, f"holds values of type {display(str(dtype))}: allowed are real numbers")
    width = 1 if len(shape) == 1 else shape[-1] if len(shape) == 2 else 0
    if not 0 < width <= MAX_COLUMNS:
        raise _error(path, f"has the shape {display(str(shape))}: allowed are (n,), (n, 1), (n, 2) and (n, k)")
    if math.prod(shape) > MAX_VALUES:
        raise _error(path, f"has the shape {display(str(shape))}: allowed are at most {MAX_VALUES:,} numbers")
    head = [f"column {index + 1}" for index in range(width)]
    if not chosen and width > 2:
        sentence = f"has {width} columns: choose one or two by number with data.columns"
        raise ColumnsNeeded(str(_error(path, sentence)), tuple(str(index + 1) for index in range(width)))
    indices = _resolve(path, chosen, head) if chosen else list(range(width))
    columns = tuple(head[index] for index in indices)
    expected = math.prod(shape) * dtype.itemsize
    raw = file.read(expected) if expected <= size else b""
    if len(raw) < expected:
        raise _error(path, f"is cut off: allowed are the {expected} bytes of numbers its header tells of")
    values = np.frombuffer(raw, dtype).reshape((shape[0], width), order="F" if fortran else "C")
    # Numbers wider than 64 bits may become infinite, which is refused below.
    with np.errstate(all="ignore"):
        values = np.ascontiguousarray(values[:, indices], dtype=np.float64)
    for row, column in np.argwhere(np.isinf(values))[:1]:
        where = f"{columns[column]}, row {row + 1}"
        raise _error(path, f"{where}: {values[row, column]} is not allowed: a finite number, or nan")
    missing = np.isnan(values).any(axis=1)
    first = f"row {int(missing.argmax()) + 1}" if missing.any() else ""
    points = np.ascontiguousarray(values[~missing])
    return _finish(path, Table(points, columns, shape[0], int(missing.sum()), str(path), first))


def _npy_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    # NumPy evaluates the header as Python: damage shows as almost any exception or warning.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(file)
            # Version 3 exists only for structured types with field names beyond Latin-1.
            read = np.lib.format.read_array_header_2_0 if version > (1, 0) else np.lib.format.read_array_header_1_0
            shape, fortran, dtype = read(file)
            if min(shape, default=0) < 0:
                raise ValueError("a negative shape")
    except OSError:
        raise
    except Exception as error:
        raise _error(path, "is not a NumPy array file, or cut off: allowed is what numpy.save writes") from error
    return shape, fortran, dtype


def _resolve(path: Path, chosen: Sequence[str], head: list[str], headed: bool = False) -> list[int]:
    """Find the chosen columns by number and, first if the file is known to have a header, by name."""
    field = f"data.columns = {display(list(chosen))}"
    if len(chosen) > 2:
        raise _error(path, f"{field} is not allowed: one or two columns")
    indices: list[int] = []
    for name in map(_spaced, chosen):
        matches = [index for index, cell in enumerate(head) if cell == name]
        index = _numbered(name, len(head))
        if matches and (headed or index is None):
            if len(matches) > 1:
                numbers = ", ".join(str(index + 1) for index in matches)
                raise _error(path, f"{field}: several columns have this name: allowed are the numbers {numbers}")
            index = matches[0]
        if index is None:
            near = _short(nearest(name, _names(head)), 400)
            missing = f"there is no column {display(name)}"
            raise _error(path, f"{field}: {missing}: {near} (or a number from 1 to {len(head)})")
        indices.append(index)
    if len(set(indices)) < len(indices):
        raise _error(path, f"{field} is not allowed: the same column twice")
    return indices


def _numbered(name: str, width: int) -> int | None:
    match = re.fullmatch(r"(?:column )?([1-9][0-9]{0,5})", name)
    return int(match[1]) - 1 if match and int(match[1]) <= width else None


def _named(chosen: Sequence[str], head: list[str]) -> bool:
    """Whether a column was chosen by a name in the first row, which is a header then."""
    return any(name in head and _numbered(name, len(head)) is None for name in map(_spaced, chosen))


def _names(head: list[str]) -> list[str]:
    return [name if _number(name) is None else f"column {index + 1}" for index, name in enumerate(head)]


def _number(cell: str) -> float | None:
    """Read a cell: nan if it has no value, None if it is text."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in MISSING else None
    # Python alone reads 1_000 and the digits of other scripts.
    return value if cell.strip().isascii() and "_" not in cell else None


def _finite(path: Path, cell: str, column: str, line: int) -> float:
    value = _number(cell)
    if value is None or math.isinf(value):
        allowed = NUMBER if value is None else "a finite number"
        raise _error(path, f"column {_short(column)}, line {line}: {display(cell)} is not allowed: {allowed}")
    return value


def _finish(path: Path, table: Table) -> Table:
    """Refuse what cannot be standardised, and freeze the rest."""
    points = table.points
    if len(points) < MIN_ROWS:
        columns = " and ".join(map(_short, table.columns))
        found = f"{len(points)} of {table.rows} rows have a value in {columns}"
        raise _error(path, f"{found}: allowed are at least {MIN_ROWS}")
    with np.errstate(all="ignore"):
        stds = points.std(axis=0)
    for name, std, low, high in zip(table.columns, stds, points.min(axis=0), points.max(axis=0), strict=True):
        # A spread near the ends of what 64 bits hold has no variance either.
        if low == high or not 0 < std < math.inf:
            where = f"column {_short(name)} goes from {low:.10g} to {high:.10g}"
            raise _error(path, f"{where}: allowed are values that differ, with a finite variance")
    points.setflags(write=False)
    return table


def _spaced(name: str) -> str:
    return " ".join(name.split())


def _short(text: str, length: int = 80) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _one_line(text: str) -> str:
    # Names and values come from the file: what does not print, line breaks above all, is shown escaped.
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _error(path: Path, sentence: str) -> ExperimentError:
    return ExperimentError(_one_line(f"{path}: {sentence}"))
