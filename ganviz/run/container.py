"""The container of a session file: a ZIP of named members, written whole or not at all, and read without trust."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

MANIFEST, EXPERIMENT, ARRAYS = "manifest.json", "experiment.toml", "arrays/"
MOST_MEMBERS = 100_000
LONGEST_DIRECTORY = 16 * 2**20
LARGEST_MANIFEST = 24 * 2**20
LARGEST = 2**30
"""Bytes of a file, and of all that is in it, at most."""
RATIO, SMALL = 20, 32 * 2**20
"""Members are compressed by this factor at most, so that a small file cannot ask for much memory; below so many bytes
in all it does not matter."""
PROBE = 16_384
"""Bytes of a member that tell whether compressing it pays."""
DATE = (1980, 1, 1, 0, 0, 0)
END = struct.Struct("<4s4H2LH")
"""The record at the end of a ZIP: signature, two disks, entries here and in all, size and place of the directory,
length of the comment (PKWARE, APPNOTE 4.3.16)."""


class Damaged(ValueError):
    """A container that cannot be used; the text says why, without naming the file."""


def digest(data: bytes) -> str:
    """Return the name of a member by its content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


# ---------------------------------------------------------------- writing


def write(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a container whole or not at all: beside its goal, to the disk, and then renamed.

    Raises
    ------
    OSError
        With a sentence, where the file cannot be written; what stood there before is untouched.
    """
    goal = Path(os.path.realpath(path))
    name = goal.with_name(f".{goal.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        _sweep(goal)
        # The rights are those of any new file.
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(handle, "w+b") as file:
                _fill(file, members)
                file.flush()
                os.fsync(file.fileno())
            name.replace(goal)
        finally:
            name.unlink(missing_ok=True)
        _settle(goal.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"the session could not be saved: {reason}", str(path)) from error


def _fill(file: BinaryIO, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", allowZip64=False) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED if _pays(data) else zipfile.ZIP_STORED
            archive.writestr(info, data, compresslevel=1)


def _pays(data: bytes) -> bool:
    """Whether compressing makes a member smaller by more than a fifth, and by no more than `RATIO` / 2."""
    middle = max(0, len(data) // 2 - PROBE // 2)
    probe = data[:PROBE] + data[middle : middle + PROBE]
    if not probe:
        return False
    packed = len(zlib.compress(probe, 1))
    return len(probe) * 2 / RATIO < packed < 0.8 * len(probe)


def _sweep(goal: Path) -> None:
    """Remove what processes that were killed while saving have left behind."""
    for left in goal.parent.glob(f".{glob_escape(goal.name)}.*.part"):
        owner = re.fullmatch(r".*\.(\d+)-[0-9a-f]{8}\.part", left.name)
        if owner and not _lives(int(owner[1])):
            with contextlib.suppress(OSError):
                left.unlink()


def glob_escape(name: str) -> str:
    """Return a pattern that means a name itself."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _lives(process: int) -> bool:
    if process == os.getpid():
        return True
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
        _check_end(file, self.size)
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
        if total > min(LARGEST, max(SMALL, RATIO * self.size)):
            raise Damaged(f"its parts claim {total:,} bytes, which a file of {self.size:,} bytes cannot hold")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def manifest(self) -> bytes:
        """Read the manifest."""
        if MANIFEST not in self:
            raise Damaged("it is a ZIP, but no session: there is no manifest in it")
        size = self._members[MANIFEST].file_size
        if size > LARGEST_MANIFEST:
            raise Damaged(f"its manifest has {size:,} bytes, more than the {LARGEST_MANIFEST:,} that are allowed")
        return self._read(MANIFEST)

    def array(self, name: str, size: int) -> bytes:
        """Read the bytes of an array, which must be so many and those that its name stands for."""
        member = ARRAYS + name
        if member not in self:
            raise Damaged(f"the array {name[:40]!r} is missing")
        if self._members[member].file_size != size:
            raise Damaged(f"the array {name[:40]!r} has {self._members[member].file_size:,} bytes instead of {size:,}")
        data = self._read(member)
        if digest(data) != name:
            raise Damaged(f"the array {name[:40]!r} was changed")
        return data

    def _read(self, name: str) -> bytes:
        info = self._members[name]
        with self._archive.open(info) as file:
            data = file.read(info.file_size)
            # The checksum is compared at the end.
            if len(data) != info.file_size or file.read(1):
                raise Damaged("a part of it has another length than it says")
        return data


def _check_end(file: BinaryIO, size: int) -> None:
    """Check the record at the end before anything is read that it tells of."""
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
