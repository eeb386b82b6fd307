"""Opens what holds a state of a run: session files, and pictures that carry one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganviz.experiment import Experiment, ExperimentError
from ganviz.experiment.files import SESSION

from .recorded import SessionState
from .session import Session
from .session_file import read_session
from .ticket import Ticket, find_ticket, restore


@dataclass(frozen=True, eq=False)
class Held:
    """What a file holds, before any run is set up from it."""

    content: SessionState | Ticket

    @property
    def precisions(self) -> set[int]:
        """The bits of the numbers that its runs compute with."""
        if isinstance(self.content, Ticket):
            return {self.content.first.precision}
        return {branch.recorded.first.precision for branch in self.content.branches}

    @property
    def experiment(self) -> Experiment:
        """What its current run trained at step 0."""
        if isinstance(self.content, Ticket):
            return self.content.first
        return self.content.branches[self.content.shown[0]].recorded.first

    def session(self, progress: Callable[[float], None], should_stop: Callable[[], bool]) -> Session | None:
        """Set a session up; for a picture, by training up to its step. None if that was stopped."""
        if not isinstance(self.content, Ticket):
            session = Session.from_state(self.content, should_stop, progress)
            return None if should_stop() else session
        goal = max(1, self.content.step)
        run = restore(self.content, lambda step: progress(step / goal), should_stop)
        return None if should_stop() else Session(run)


def read_held(path: Path) -> Held:
    """Read a session file, or the state that a picture carries.

    Raises
    ------
    ExperimentError
        One sentence, where the file cannot be used.
    """
    if path.suffix.lower() == SESSION:
        return Held(read_session(path))
    ticket = find_ticket(path)
    if ticket is None:
        raise ExperimentError(f"{path}: this picture carries no state: it is not one of ganviz, or was edited")
    return Held(ticket)
