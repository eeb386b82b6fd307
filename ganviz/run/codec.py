"""Experiments and changes as plain values, for whatever file they stand in, and back without trust."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Struct

from ganviz.engine.game import layout
from ganviz.experiment import Experiment
from ganviz.experiment.experiment import FILES
from ganviz.experiment.table import Table

from .container import Damaged
from .log import Log
from .recorded import Change, Logged
from .room import MOST_CHANGED, MOST_CHANGES, NAMED, weight

PIECE = 2**18
"""Bytes of changes that are written, and read, in one go, about: what they unpack to takes many times as much."""
INLINE = 2**17
"""Bytes of changes that stand with the rest."""

SECTIONS = tuple(entry.name for entry in fields(Experiment))

Step = Annotated[int, Meta(ge=0, le=2**53)]
Name = Annotated[str, Meta(max_length=200)]
Line = Annotated[str, Meta(max_length=2000)]
Scalar = bool | int | float | str
Plain = Scalar | list[Scalar | list[Scalar]]
"""What a field of an experiment may be."""


class ChangeEntry(Struct, omit_defaults=True):
    """A change; ``table`` is the place of the numbers of its data among a file's tables, -1 where there are none."""

    step: Step
    path: Name
    after: Plain
    group: Annotated[int, Meta(ge=0, lt=MOST_CHANGES)]
    table: int = -1


def plain(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as a value for each path."""
    return dict(experiment.values())


def plain_log(
    log: Iterable[Change], after: Sequence[Experiment], place: Callable[[Table | None], int]
) -> list[ChangeEntry]:
    """Return changes as plain values; ``place`` tells where a table of data is kept."""
    return [
        ChangeEntry(
            change.step, change.path, cast(Plain, change.after), change.group,
            place(after[change.group].table) if change.path.startswith("data.") else -1,
        )
        for change in log
    ]  # fmt: skip


def experiment_of(values: Mapping[str, Any], table: Table | None) -> Experiment:
    """Return the experiment of plain values, with the numbers of its data where they are out of a file.

    Raises
    ------
    Damaged, ExperimentError
    """
    if (values.get("data.kind", "ring") == "file") != (table is not None):
        raise Damaged("the numbers of its data are missing, or there are some where none belong")
    return Experiment.from_mapping(values, table=table)


def read_log(
    first: Experiment,
    entries: Iterable[ChangeEntry],
    end: int,
    table_at: Callable[[int], Table | None],
    past: Logged | None = None,
) -> tuple[tuple[Change, ...], tuple[Experiment, ...]]:
    """Return changes, and the experiment after each group of them, once all are seen to be allowed.

    ``past`` is what was read before, of which these are the sequel.

    Raises
    ------
    Damaged, ExperimentError
    """
    past = past or Logged(first)
    changes, known = list(past.changes), list(past.after)
    step, start, places = changes[-1].step if changes else 0, len(known), layout(first)
    for group in _groups(entries, start):
        before = known[-1] if known else first
        if not step <= group[0].step <= end:
            raise Damaged("a change lies outside the time of its run")
        step = group[0].step
        after, made = _changed(before, group, table_at(group[0].table))
        if not made:
            raise Damaged("a change in it changes nothing")
        same = (after.precision, after.dimension) == (before.precision, before.dimension)
        if not same or (_shaped(after) != _shaped(before) and layout(after) != places):
            raise Damaged("a change gives its networks another shape")
        changes += made
        known.append(after)
    return tuple(changes), tuple(known)


def pieces(entries: Sequence[ChangeEntry]) -> list[bytes]:
    """Return changes as texts of which each is small enough to be read in one go; none where there are few changes."""
    encoded = [msgspec.json.encode(entry) for entry in entries]
    if sum(map(len, encoded)) <= INLINE:
        return []
    found: list[list[bytes]] = [[]]
    size = 0
    for text in encoded:
        if size + len(text) > PIECE and found[-1]:
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text)
    return [b"[" + b",".join(texts) + b"]" for texts in found]


class Allowance:
    """What the changes of a file may still take; what is beyond is refused before the next are looked at."""

    def __init__(self) -> None:
        self._changes = self._numbers = 0
        self._last = -1

    def take(self, entries: Sequence[ChangeEntry]) -> None:
        """Take the room of some."""
        for entry in entries:
            self._changes += entry.group != self._last
            self._last = entry.group
        if self._changes > MOST_CHANGES:
            raise Damaged(f"it has more than the {MOST_CHANGES:,} changes that a file holds")
        self._numbers += sum(NAMED + weight(entry.after) for entry in entries)
        if self._numbers > MOST_CHANGED:
            raise Damaged(f"its changes have more than the {MOST_CHANGED:,} numbers that a file holds")

    def unpack(self, texts: Iterable[bytes]) -> Iterator[ChangeEntry]:
        """Read one text of changes after the other."""
        for text in texts:
            entries = msgspec.json.decode(text, type=list[ChangeEntry])
            self.take(entries)
            yield from entries


def _shaped(experiment: Experiment) -> tuple[object, ...]:
    """Return what the shape of the networks follows from, beside the data's dimension."""
    return experiment.noise.dimension, experiment.generator, experiment.discriminator


def _groups(entries: Iterable[ChangeEntry], start: int) -> Iterator[list[ChangeEntry]]:
    group: list[ChangeEntry] = []
    number = start - 1
    for change in entries:
        if change.group == number + 1:
            if group:
                yield group
            number, group = change.group, []
        elif change.group != number or not group or change.step != group[0].step:
            raise Damaged("its changes are not in order")
        group.append(change)
    if group:
        yield group


def _changed(before: Experiment, group: Sequence[ChangeEntry], table: Table | None) -> tuple[Experiment, list[Change]]:
    """Return an experiment with changes, in which every field that differs is named, and what they change."""
    fields = {change.path: change.after for change in group}
    step, number = group[0].step, group[0].group
    if not FILES & fields.keys() and table in (None, before.table):
        made = before.with_fields(fields)
        changes = ((path, before[path], made[path]) for path in fields)
        return made, [Change(step, path, old, new, number) for path, old, new in changes if new != old]
    values = plain(before)
    if "data.kind" in fields:
        values = {path: value for path, value in values.items() if not path.startswith("data.")}
    values |= fields
    if values["data.kind"] == "file":
        table = table or before.table
    made = experiment_of(values, table)
    # Most sections are those of before: thousands of changes share them.
    shared = {name: getattr(before, name) for name in SECTIONS if getattr(before, name) == getattr(made, name)}
    made = replace(made, **shared)
    return made, [replace(change, group=number) for change in Log(before).changed(step, made, fields)]
