"""What an edit of the form means: what goes with it, and whether it acts at once."""

from __future__ import annotations

from ganviz.experiment import Experiment, ExperimentError, Value, company, find_parameter

from .form import differences


def with_company(draft: Experiment, path: str, value: Value, columns: tuple[str, ...]) -> dict[str, Value]:
    """Return a change with what must go with it.

    Data from a file needs one, another file has other columns, and some optimizers both players have together.
    """
    if path == "data.kind" and value == "file":
        return {path: value, "data.path": "faithful.csv"}
    if path == "data.path":
        return {path: value, "data.columns": columns}
    return {path: value, **company(draft, path, value)}


def changed_live(running: Experiment, changes: dict[str, Value]) -> Experiment | None:
    """Return the running experiment with changes, or None if they need a restart."""
    try:
        if not all(find_parameter(path, running.data.kind).live for path in changes):
            return None
        changed = running.replace(changes)
    except ExperimentError:
        # Beside what runs it means nothing; beside what waits for a restart it does.
        return None
    return changed if changed.dimension == running.dimension else None


def waiting(draft: Experiment, running: Experiment) -> int:
    """Return how many changes wait for a restart."""
    paths = differences(draft, running)
    # Other data bring their own fields: that is one change.
    other_data = "data.kind" in paths
    return sum(
        path not in ("title", "source") and not (other_data and path.startswith("data.") and path != "data.kind")
        for path in paths
    )
