"""The container of a session file: a ZIP of named members, written whole or not at all, and read without trust."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MANIFEST, EXPERIMENT, BRANCHES, LOGS, ARRAYS = "manifest.json", "experiment.toml", "branches/", "logs/", "arrays/"
MOST_MEMBERS = 65_000
"""A ZIP without the extension for large ones has 65,535 members at most."""
LONGEST_DIRECTORY = 8 * 2**20
LARGEST_TEXT, LARGEST_TEXTS = 4 * 2**20, 16 * 2**20
"""Bytes of a text, and of all but those of logs, at most: what it unpacks to may take 25 times as much memory."""
LARGEST_LOGS = 32 * 2**20
"""Bytes of all texts of logs: of those only one at a time is unpacked."""
LARGEST = 2**30
"""Bytes of a file, and of all that is in it, at most."""
SAVED = 64 * 2**20
"""Bytes that packing saves at most in a file, so that a small one cannot ask for much memory."""
PROBE = 16_384
"""Bytes of a member that tell whether packing it pays."""
PIECE = 2**20
OLD = 3600.0
"""Seconds after which what was being written is left over for certain."""
DATE = (1980, 1, 1, 0, 0, 0)
END = struct.Struct("<4s4H2LH")
"""The record at the end of a ZIP: signature, two disks, entries here and in all, size and place of the directory,
length of the comment (PKWARE, APPNOTE 4.3.16)."""

LENGTHS, ENTRY = struct.Struct("<3H"), 46
"""Of an entry of the directory: the lengths of its name and of what follows, and its own without them (4.3.12)."""
LOCATOR = 20
"""Bytes of what says where the end of a ZIP with the extension for large ones is (4.3.15)."""

Bytes = NDArray[np.uint8]


class Damaged(ValueError):
    """A container that cannot be used; the text says why, without naming the file."""


def digest(data: memoryview) -> str:
    """Return the name of an array by its bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


# ---------------------------------------------------------------- writing


def write(path: Path, texts: Mapping[str, bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a container whole or not at all: beside its goal, to the disk, and then renamed.

    Parameters
    ----------
    path : Path
    texts : dict
        By the names of their members.
    arrays : dict
        Little-endian and row by row, by the digests of their bytes.

    Raises
    ------
    OSError
        With a sentence, where the file cannot be written or would be one that is not read; what stood there before is
        untouched.
    """
    try:
        _check(texts, arrays)
        goal = Path(os.path.realpath(path))
        name = goal.with_name(f"{_stem(goal)}{os.getpid()}-{_computer()}{secrets.token_hex(4)}.part")
        _sweep(goal)
        # The rights are those of the file that it replaces, or of any new one.
        rights = _rights(goal)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(name, flags, 0o666 if rights is None else rights)
        try:
            with os.fdopen(handle, "w+b") as file:
                _fill(file, texts, arrays)
                file.flush()
                if rights is not None:
                    # What the mask of a new file has left out.
                    with contextlib.suppress(OSError):
                        name.chmod(rights)
                os.fsync(file.fileno())
            name.replace(goal)
        finally:
            with contextlib.suppress(OSError):
                name.unlink(missing_ok=True)
        _settle(goal.parent)
    except (OSError, ValueError, zipfile.LargeZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        number = getattr(error, "errno", None) or errno.EINVAL
        raise OSError(number, f"the session could not be saved: {reason}", str(path)) from error


def _check(texts: Mapping[str, bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse what `Container` would refuse."""
    count = len(texts) + len(arrays)
    if count > MOST_MEMBERS:
        raise OSError(
            errno.EFBIG,
            f"it has {count:,} parts, more than the {MOST_MEMBERS:,} that a file holds; remove branches that are not "
            "needed",
        )
    for name, data in texts.items():
        if len(data) > LARGEST_TEXT:
            raise OSError(errno.EFBIG, f"{name} has {len(data):,} bytes, more than the {LARGEST_TEXT:,} allowed")
    whole = 0
    for logs, most in ((False, LARGEST_TEXTS), (True, LARGEST_LOGS)):
        size = sum(len(data) for name, data in texts.items() if name.startswith(LOGS) == logs)
        if size > most:
            raise OSError(errno.EFBIG, f"its texts have {size:,} bytes, more than the {most:,} allowed")
        whole += size
    # What a ZIP says of each member, twice.
    whole += sum(values.nbytes for values in arrays.values()) + 256 * count
    if whole > LARGEST:
        raise OSError(errno.EFBIG, f"it has {whole:,} bytes, more than the {LARGEST:,} that a file holds")


def _fill(file: BinaryIO, texts: Mapping[str, bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    left = SAVED
    with zipfile.ZipFile(file, "w", allowZip64=False) as archive:
        for name, data in _all(texts, arrays):
            info = zipfile.ZipInfo(name, DATE)
            packs = len(data) < left and _pays(data)
            info.compress_type = zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED
            archive.writestr(info, data, compresslevel=1)
            left -= max(0, len(data) - info.compress_size)


def _all(texts: Mapping[str, bytes], arrays: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, memoryview]]:
    """Give one member after the other; those that need a copy in the file's order of bytes need it only then."""
    for name, data in texts.items():
        yield name, memoryview(data)
    for name, values in arrays.items():
        yield ARRAYS + name, bytes_of(values)


def bytes_of(values: NDArray[Any]) -> memoryview:
    """Return the bytes of an array, little-endian and row by row; those of the array itself where it has them so."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return values.reshape(-1).view(np.uint8).data


def _pays(data: memoryview) -> bool:
    """Whether packing makes a member smaller by more than a fifth."""
    middle = max(0, len(data) // 2 - PROBE // 2)
    probe = bytes(data[:PROBE]) + bytes(data[middle : middle + PROBE])
    return len(zlib.compress(probe, 1)) < 0.8 * len(probe)


def _rights(goal: Path) -> int | None:
    """Return who may read and write a file that is there; only its owner's and others' usual rights."""
    try:
        return stat.S_IMODE(goal.stat().st_mode) & 0o777
    except OSError:
        return None


def _computer() -> str:
    """Return what tells this computer from others that write in the same folder."""
    return hashlib.blake2b(platform.node().encode("utf-8", "replace"), digest_size=4).hexdigest()


def _stem(goal: Path) -> str:
    """Return how the names of what is being written begin; the goal's may be as long as names can be."""
    return f".{goal.name[:40]}."


def _sweep(goal: Path) -> None:
    """Remove what processes that were killed while saving have left behind."""
    pattern = re.compile(re.escape(_stem(goal)) + r"(\d{1,20})-([0-9a-f]{8})(?:[0-9a-f]{8})?\.part")
    with contextlib.suppress(OSError):
        for left in goal.parent.iterdir():
            owner = pattern.fullmatch(left.name)
            if owner and not _written(left, int(owner[1]), owner[2] == _computer()):
                with contextlib.suppress(OSError):
                    left.unlink()


def _written(left: Path, process: int, here: bool) -> bool:
    """Whether a process, of this computer or of another one that shares the folder, may still be writing a file."""
    if here and process == os.getpid():
        return True
    if os.name == "nt" or not here:
        # There is no question there that a process survives for certain, and none on another computer.
        return time.time() - left.stat().st_mtime < OLD
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _settle(folder: Path) -> None:
    """Have the folder's new entry written to the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# ---------------------------------------------------------------- reading


class Container:
    """The members of a container, each read when it is asked for; nothing in the file is believed unchecked."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = file.seek(0, os.SEEK_END)
        if self.size > LARGEST:
            raise Damaged(f"it has {self.size:,} bytes, more than the {LARGEST:,} of the largest session")
        _check_directory(file, *_check_end(file, self.size))
        self._archive = zipfile.ZipFile(file)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._archive.infolist():
            if info.filename in self._members:
                raise Damaged("a name occurs twice in it")
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Damaged("a part of it is encrypted, or packed in a way that a session never is")
            if not 0 <= info.header_offset < self.size or info.compress_size > self.size:
                raise Damaged("a part of it lies outside the file")
            self._members[info.filename] = info
        total = sum(info.file_size for info in self._members.values())
        if total > min(LARGEST, self.size + SAVED):
            raise Damaged(f"its parts claim {total:,} bytes, which a file of {self.size:,} bytes never holds")
        self._texts = self._logs = 0

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def text(self, name: str) -> bytes:
        """Read the bytes of a text."""
        if name not in self:
            raise Damaged(f"there is no {name} in it" + (", so it is no session" if name == MANIFEST else ""))
        size = self._members[name].file_size
        if name.startswith(LOGS):
            self._logs += size
        else:
            self._texts += size
        if size > LARGEST_TEXT:
            raise Damaged(f"{name} has {size:,} bytes, more than the {LARGEST_TEXT:,} that are allowed")
        if self._texts > LARGEST_TEXTS or self._logs > LARGEST_LOGS:
            raise Damaged("its texts have more bytes than are allowed")
        return self._read(name).tobytes()

    def array(self, name: str, size: int) -> Bytes:
        """Read the bytes (size,) of an array, which must be so many and those that its name stands for."""
        member = ARRAYS + name
        if member not in self:
            raise Damaged(f"the array {name} is missing")
        if self._members[member].file_size != size:
            raise Damaged(f"the array {name} has {self._members[member].file_size:,} bytes instead of {size:,}")
        data = self._read(member)
        if digest(data.data) != name:
            raise Damaged(f"the array {name} was changed")
        return data

    def _read(self, name: str) -> Bytes:
        info = self._members[name]
        data = np.empty(info.file_size, np.uint8)
        place = 0
        with self._archive.open(info) as file:
            # Piece by piece, so that it is in memory once; the checksum is compared at the end.
            while piece := file.read(PIECE):
                data[place : place + len(piece)] = np.frombuffer(piece, np.uint8)
                place += len(piece)
        if place != info.file_size:
            raise Damaged("a part of it has another length than it says")
        return data


def _check_end(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Check the record at the end before anything is read that it tells of.

    Return the place and the length of the directory, and the number of its entries.
    """
    if size < END.size:
        raise Damaged("it is empty" if not size else f"it has only {size} bytes")
    file.seek(size - END.size)
    signature, disk, first, here, entries, length, start, comment = END.unpack(file.read(END.size))
    if signature != b"PK\x05\x06" or comment:
        file.seek(0)
        begins = file.read(4) == b"PK\x03\x04"
        raise Damaged("it is not whole: its end is missing" if begins else "it is no session")
    if disk or first or here != entries or entries > MOST_MEMBERS or length > LONGEST_DIRECTORY:
        raise Damaged("its directory is not that of a session")
    if start + length != size - END.size:
        raise Damaged("its directory is not where it should be")
    return start, length, entries


def _check_directory(file: BinaryIO, start: int, length: int, entries: int) -> None:
    """Count the entries of the directory before each becomes an object of many times its size."""
    file.seek(start)
    directory = file.read(length)
    # What stands before the end of a ZIP with the extension for large ones says something else than the end.
    if len(directory) != length or directory[-LOCATOR:].startswith(b"PK\x06\x07"):
        raise Damaged("its directory is not that of a session")
    place = count = 0
    while place < length and count <= entries:
        if not directory.startswith(b"PK\x01\x02", place) or place + ENTRY > length:
            raise Damaged("its directory is not that of a session")
        place += ENTRY + sum(LENGTHS.unpack_from(directory, place + 28))
        count += 1
    if place != length or count != entries:
        raise Damaged("its directory has another number of entries than it says")
