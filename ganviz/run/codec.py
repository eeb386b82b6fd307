"""Experiments and changes as plain values, for whatever file they stand in, and back without trust."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Annotated, Any, cast

from msgspec import Meta, Struct

from ganviz.engine.game import layout
from ganviz.experiment import Experiment
from ganviz.experiment.table import Table

from .container import Damaged
from .log import Log
from .recorded import Change, Logged

MOST_CHANGES = 20_000
"""Groups of changes that a file may have; each is checked when it is opened."""

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
    entries: Sequence[ChangeEntry],
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
    start, step = len(past.after), past.changes[-1].step if past.changes else 0
    log, places = Log(past.after[-1] if start else first), layout(first)
    for group in _groups(entries, start):
        before = log.newest
        if not step <= group[0].step <= end:
            raise Damaged("a change lies outside the time of its run")
        step = group[0].step
        after = _changed(before, group, table_at(group[0].table))
        same = (after.precision, after.dimension) == (before.precision, before.dimension)
        if not same or layout(after) != places:
            raise Damaged("a change gives its networks another shape")
        count = len(log.changes)
        log.add(step, after, [change.path for change in group])
        if len(log.changes) == count:
            raise Damaged("a change in it changes nothing")
    changes = log.changes if not start else [replace(change, group=change.group + start) for change in log.changes]
    return past.changes + tuple(changes), past.after + log.after


def _groups(entries: Sequence[ChangeEntry], start: int) -> list[list[ChangeEntry]]:
    groups: list[list[ChangeEntry]] = []
    for change in entries:
        if change.group - start == len(groups):
            groups.append([])
        elif change.group - start != len(groups) - 1 or change.step != groups[-1][0].step:
            raise Damaged("its changes are not in order")
        groups[-1].append(change)
    return groups


def _changed(before: Experiment, group: Sequence[ChangeEntry], table: Table | None) -> Experiment:
    """Return an experiment with changes, in which every field that differs is named."""
    values = plain(before)
    changes = {change.path: change.after for change in group}
    if "data.kind" in changes:
        values = {path: value for path, value in values.items() if not path.startswith("data.")}
    values |= changes
    if values["data.kind"] == "file":
        table = table or before.table
    made = experiment_of(values, table)
    # Most sections are those of before: thousands of changes share them.
    shared = {name: getattr(before, name) for name in SECTIONS if getattr(before, name) == getattr(made, name)}
    return replace(made, **shared)
