"""The training thread: takes commands, trains in short bursts, and leaves the newest frame where the window finds it.

It knows nothing of Qt. The window puts commands into a queue and pulls reports from a one-slot mailbox on its own
timer; nobody waits for anybody.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganviz.experiment import Experiment, ExperimentError, Value
from ganviz.experiment.files import MOST_LANES
from ganviz.run import Need

from .compiling import MESSAGE, Compilation
from .onlooker import Onlooker
from .pace import Clock
from .reports import BranchInfo, Lane, Report, Status
from .travel import Travel

if TYPE_CHECKING:
    from ganviz.run import Frame, Run, Session
    from ganviz.run.recorded import SessionState

PAUSED_WAIT, SHORT_WAIT = 0.5, 0.003
"""Seconds without a command after which a paused thread looks around, and if something is still to be shown."""

Command = Callable[[], None]
Named = Sequence[tuple[str, Experiment]]


class Trainer:
    """Trains one session at a time on a thread of its own.

    All methods may be called from the window's thread and return at once.
    """

    def __init__(self) -> None:
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._slot: Report | None = None
        self._lock = threading.Lock()
        self._messages: deque[str] = deque()
        self._notices: deque[str] = deque()
        self._changes: dict[str, Value] = {}
        self._carried_out = 0
        self._session: Session | None = None
        self._travel: Travel | None = None
        self._issued = self._runs = 0
        self._opened = ""
        self._playing = 1
        self._diverged = ""
        self._limit: float | None = None
        self._replay_limit: float | None = None
        self._stopping = False
        self._urgent = 0
        self._compilation = Compilation()
        self._clock = Clock()
        self._onlooker = Onlooker(self._tell, self._wake, self._failed)
        self._thread = threading.Thread(target=self._main, name="training", daemon=True)

    # ---------------------------------------------------------------- commands

    def start(self, experiment: Experiment, playing: bool = True) -> None:
        """Start the thread on an experiment."""
        self.start_lanes([("", experiment)], playing)

    def start_lanes(self, named: Named, playing: bool = True) -> None:
        """Start the thread on one experiment or several side by side."""
        self._playing = int(playing)
        self.restart_lanes(named)
        self._onlooker.start()
        self._thread.start()

    def restart(self, experiment: Experiment) -> int:
        """Leave the present session, with changes that it has not met yet, and start a new one; return its number."""
        return self.restart_lanes([("", experiment)])

    def restart_lanes(self, named: Named) -> int:
        """Start a new session with several runs side by side; see `restart`."""
        return self._renumber(lambda number: self._begin(named, number))

    def open(self, path: Path) -> int:
        """Leave the present session for one out of a file; where that cannot be used the present one stays.

        Files are sessions, and pictures that carry a state.
        """
        return self._renumber(lambda number: self._open(path, number))

    def save(self, write: Callable[[SessionState], None]) -> None:
        """Give the session as plain data to whoever writes it, who must not take long."""
        self._do(lambda session: write(session.state()))

    def change(self, path: str, value: Value) -> None:
        """Change a parameter of the current run at the next step; see `change_together`."""
        self.change_together({path: value})

    def change_together(self, changes: Mapping[str, Value]) -> None:
        """Change parameters of the current run at the next step: all of them, or none if one is refused.

        Changes that wait are carried out together with them: of several values of a parameter the last counts. Where
        the run has gone on from the step that is shown, they make a branch.
        """
        with self._lock:
            waiting = self._changes
            waiting.update(changes)
        self._commands.put(lambda: self._change(waiting))

    def play(self, playing: int) -> None:
        """Go on, pause, or with -1 go backwards."""
        self._hurry(lambda: self._set_playing(int(playing)))

    def step(self, steps: int = 1) -> None:
        """Train for some steps, or go back by some, and pause."""
        self._hurry(lambda: self._single(steps))

    def seek(self, step: int) -> None:
        """Go to a step, exactly, and pause."""
        self._hurry(lambda: self._seek(step))

    def scrub(self, step: int) -> None:
        """Show at once the kept state nearest to a step, and pause."""
        self._hurry(lambda: self._scrub(step))

    def limit(self, steps_per_second: float | None) -> None:
        """Train at most this fast; None: as fast as possible."""
        self._commands.put(lambda: self._set_limits(steps_per_second, self._replay_limit))

    def limit_replay(self, steps_per_second: float | None) -> None:
        """Go through what was trained already at most this fast; None: as fast as possible."""
        self._commands.put(lambda: self._set_limits(self._limit, steps_per_second))

    def look(self, needs: Need) -> None:
        """Say what the next frames must hold."""
        self._commands.put(lambda: self._set_needs(needs))

    def branch(self, name: str = "", seed: int | None = None, beside: bool = True) -> None:
        """Branch from where the current run stands, and show the branch beside it or instead of it."""
        self._do(lambda session: self._branch(session, None, name, seed, beside))

    def show_branches(self, places: Sequence[int]) -> None:
        """Show branches side by side, the first of them as the current one."""
        self._do(lambda session: self._show_places(session, places))

    def remove_branch(self, place: int) -> None:
        """Forget a branch and what branched from it."""
        self._do(lambda session: self._remove(session, place))

    def rename_branch(self, place: int, name: str) -> None:
        """Give a branch another name."""
        self._do(lambda session: setattr(session.branches[place], "name", name))

    def bookmark(self, name: str = "") -> None:
        """Mark the step that is shown."""
        self._do(lambda session: session.bookmark(self._travel.position if self._travel else 0, name))

    def take_notes(self, text: str) -> None:
        """Keep the person's notes."""
        self._do(lambda session: setattr(session, "notes", text))

    def _do(self, order: Callable[[Session], object]) -> None:
        def carry_out() -> None:
            if self._session is None:
                return
            try:
                order(self._session)
            except (ValueError, ExperimentError) as error:
                self._messages.append(str(error))
            self._onlooker.renew()

        self._commands.put(carry_out)

    def _renumber(self, order: Callable[[int], None]) -> int:
        with self._lock:
            self._changes = {}
            self._issued += 1
            number = self._issued
        self._hurry(lambda: order(number))
        return number

    def _hurry(self, command: Command) -> None:
        """Put a command that ends a way to an earlier one's goal."""
        self._urgent += 1
        self._commands.put(command)

    # ---------------------------------------------------------------- answers

    def take(self) -> Report | None:
        """Take the newest report, if there is one since the last call."""
        with self._lock:
            report, self._slot = self._slot, None
        return report

    def messages(self) -> list[str]:
        """Take all sentences about what went wrong since the last call; none is ever dropped."""
        return _taken(self._messages)

    def notices(self) -> list[str]:
        """Take all sentences about what was done since the last call."""
        return _taken(self._notices)

    def stop(self, wait: float = 0.7) -> bool:
        """End the thread, in the middle of a compilation too; return whether it ended in time."""
        self._stopping = True
        self._compilation.stop()
        self._wake()
        until = time.monotonic() + wait
        if self._thread.ident is not None:
            self._thread.join(wait)
        self._onlooker.stop(until)
        return not self.alive

    @property
    def alive(self) -> bool:
        """Whether one of the threads runs."""
        return self._thread.is_alive() or self._onlooker.alive

    # ---------------------------------------------------------------- the thread

    @property
    def _run(self) -> Run | None:
        return None if self._session is None else self._session.current.run

    def _main(self) -> None:
        while not self._stopping:
            try:
                self._work_until_diverged()
            except Exception as error:
                # Whatever goes wrong reaches the person as a sentence; the thread lives on for the next command.
                self._fail(error)
        if self._travel is not None:
            self._travel.close()

    def _work_until_diverged(self) -> None:
        # The engine takes half a second to load; the window is there already.
        from ganviz.run import TrainingDiverged

        try:
            self._work()
        except TrainingDiverged as diverged:
            self._playing = 0
            self._diverged = str(diverged)
            self._onlooker.renew()

    def _work(self) -> None:
        if self._playing and self._session is not None:
            self._carry_out(0.0)
        else:
            # The window takes a frame without a word.
            self._carry_out(SHORT_WAIT if self._session is not None and self._onlooker.stale else PAUSED_WAIT)
        travel = self._travel
        if travel is None or self._stopping:
            return
        if self._playing > 0:
            self._clock.burst(travel, self._replay_limit if travel.past else self._limit)
            self._onlooker.touch()
            self._messages.extend(travel.losses())
        elif self._playing < 0:
            if not travel.back(self._clock, self._replay_limit):
                self._playing = 0
                self._onlooker.renew()
            self._onlooker.stale = True
        moving = self._playing != 0
        should_stop = self._until_left()
        if self._slot is None:
            self._show(travel, moving)
        if travel.exact:
            self._onlooker.measure(travel.runs, moving, should_stop)
            self._onlooker.analyse(travel.runs[0], moving, should_stop)

    def _carry_out(self, wait: float) -> None:
        with contextlib.suppress(queue.Empty):
            command = self._commands.get(timeout=wait) if wait else self._commands.get_nowait()
            while True:
                command()
                command = self._commands.get_nowait()

    def _wake(self) -> None:
        """Have the thread look at what there is to do."""
        self._commands.put(lambda: None)

    def _show(self, travel: Travel, moving: bool) -> None:
        """Have a report made with frames of all that is shown."""

        def put(frames: list[Frame]) -> None:
            marked = [replace(frame, marks=marks) for frame, marks in zip(frames, all_marks, strict=True)]
            lanes = tuple(
                Lane(place, name, fields, frame)
                for place, name, fields, frame in zip(places, names, different, marked, strict=True)
            )
            self._put(replace(report, frame=marked[0], lanes=lanes))

        def glances(needs: Need) -> list[tuple[Run, object]]:
            nonlocal report, all_marks, places, names, different
            session = self._session
            assert session is not None
            report = self._report(session, travel)
            all_marks = [session.marks(branch) for branch in session.shown]
            report = replace(report, marks=all_marks[0])
            places = [session.branches.index(branch) for branch in session.shown]
            names = [branch.name for branch in session.shown]
            different = _different([run.experiment for run in travel.runs])
            return travel.glances(needs)

        report = Report(Status.PAUSED)
        all_marks, places, names, different = [], [], [], []
        self._onlooker.show(glances, put, moving)

    def _report(self, session: Session, travel: Travel) -> Report:
        status = Status.RUNNING if self._playing else Status.PAUSED
        told = self._diverged if not travel.past else ""
        if told:
            status = Status.DIVERGED
        places = {id(branch): place for place, branch in enumerate(session.branches)}
        return Report(
            status,
            told,
            steps_per_second=self._clock.rate if self._playing else 0.0,
            progress=1.0,
            run=self._runs,
            playing=self._playing,
            position=travel.position,
            end=max(run.end for run in travel.runs),
            branches=tuple(
                BranchInfo(
                    branch.name, places.get(id(branch.parent), -1), branch.since, branch.end
                )
                for branch in session.branches
            ),
            opened=self._opened,
            changes=self._carried_out,
            touched=session.touched,
            notes=session.notes,
            note=session.current.run.note,
            epoch=travel.epoch,
        )  # fmt: skip

    def _tell(self, error: Exception) -> None:
        self._messages.append(_sentence(error))

    def _until_left(self) -> Callable[[], bool]:
        """Return what tells whether the present session was left."""
        number = self._runs
        return lambda: self._stopping or self._runs != number

    def _failed(self, error: Exception, runs: Sequence[Run]) -> None:
        """Have what went wrong beside the training end it, as long as it is about what is trained."""

        def told() -> None:
            if self._travel is not None and any(run in self._travel.runs for run in runs):
                self._fail(error)

        self._commands.put(told)

    def _fail(self, error: Exception) -> None:
        traceback.print_exception(error)
        self._playing = 0
        with self._lock:
            self._leave()
        self._put(Report(Status.FAILED, _sentence(error), run=self._runs))

    def _put(self, report: Report) -> None:
        """Leave a report in the mailbox; one with frames, as long as they are of what is shown."""
        with self._lock:
            fresh = report.frame is None or (self._travel is not None and report.epoch == self._travel.epoch)
            if report.run == self._runs and fresh:
                self._slot = report
            elif report.frame is not None:
                self._onlooker.stale = True

    # ---------------------------------------------------------------- sessions

    def _begin(self, named: Named, number: int) -> None:
        with self._lock:
            self._leave()
        self._runs = number
        self._diverged = self._opened = ""
        self._put(Report(Status.STARTING, "Starting", run=number))
        if not self._compile({experiment.precision for _, experiment in named}):
            return
        from ganviz.run import Run, Session

        session = Session(Run(named[0][1]), named[0][0] or "main")
        others = [session.add(Run(experiment), session.free_name(name)) for name, experiment in named[1:]]
        session.show([session.branches[0], *others])
        self._enter(session)

    def _open(self, path: Path, number: int) -> None:
        self._put(Report(Status.OPENING, f"Opening {path.name}", run=self._runs))
        try:
            session = self._read(path)
        except (ExperimentError, MemoryError) as error:
            self._messages.append(str(error) or f"{path}: there is not enough memory to open it")
            session = None
        # Where the file cannot be used, the session that was there goes on under the new number.
        self._runs = number
        if session is None:
            self._onlooker.renew()
            return
        with self._lock:
            self._leave()
        self._diverged, self._opened = "", str(path)
        self._playing = 0
        self._enter(session)

    def _read(self, path: Path) -> Session | None:
        from ganviz.run.opening import read_held

        def progress(share: float) -> None:
            self._put(Report(Status.OPENING, f"Opening {path.name}", progress=share, run=self._runs))

        held = read_held(path)
        return held.session(progress, self._until_urgent()) if self._compile(held.precisions) else None

    def _enter(self, session: Session) -> None:
        self._session = session
        self._travel = Travel(session)
        self._clock = Clock()
        self._diverged = self._travel.diverged
        self._onlooker.welcome()

    def _leave(self) -> None:
        travel, self._session, self._travel = self._travel, None, None
        if travel is not None:
            travel.close()

    def _compile(self, precisions: set[int]) -> bool:
        """Have the engine compiled if it is not in the cache; return whether to go on."""
        number = self._runs

        def progress(share: float) -> None:
            self._put(Report(Status.COMPILING, MESSAGE, progress=share, run=number))

        return all(self._compilation.make(bits, progress) for bits in sorted(precisions)) and not self._stopping

    # ---------------------------------------------------------------- orders

    def _change(self, pending: dict[str, Value]) -> None:
        with self._lock:
            changes = dict(pending)
            pending.clear()
        self._carried_out += 1
        session, travel = self._session, self._travel
        if session is None or travel is None or not changes:
            return
        try:
            self._settle()
            run = travel.runs[0]
            if run.step < run.end:
                self._branch(session, changes, "", None, beside=False)
            else:
                run.change_together(changes)
                self._diverged = ""
        except ExperimentError as error:
            self._messages.append(str(error))
        else:
            # Steps may take longer from now on: the next bursts are short until that is known.
            self._clock = Clock()
        self._onlooker.renew()

    def _branch(
        self, session: Session, changes: Mapping[str, Value] | None, name: str, seed: int | None, beside: bool
    ) -> None:
        self._settle()
        parent = session.current
        branch = session.branch(changes, name, seed)
        others = session.shown if beside else session.shown[1:]
        # The newest stands first: what is changed next is about it.
        session.show([branch, *others][:MOST_LANES])
        self._arrange(session)
        self._notices.append(
            f"“{branch.name}” branches from “{parent.name}” at step {branch.since:,}, which is kept as it was."
        )

    def _show_places(self, session: Session, places: Sequence[int]) -> None:
        session.show([session.branches[place] for place in places])
        self._arrange(session)

    def _remove(self, session: Session, place: int) -> None:
        session.remove(session.branches[place])
        self._arrange(session)

    def _arrange(self, session: Session) -> None:
        """Show other branches than before, all at the step that was shown."""
        assert self._travel is not None
        position = self._travel.position
        with self._lock:
            self._travel.close()
            self._travel = Travel(session, self._travel.epoch + 1)
        self._travel.seek(position, self._until_urgent())
        self._diverged = self._travel.diverged
        self._clock = Clock()

    def _settle(self) -> None:
        """Go exactly to where the slider was left."""
        if self._travel is not None and not self._travel.exact:
            self._travel.seek(self._travel.position, self._until_urgent())

    def _set_playing(self, playing: int) -> None:
        travel = self._travel
        if travel is not None:
            if playing > 0:
                self._settle()
            if playing > 0 and self._diverged and not travel.past:
                self._messages.append(self._diverged)
                self._onlooker.stale = True
                return
            if not playing:
                self._settle()
        self._playing = playing
        self._clock = Clock() if playing < 0 else self._clock
        self._onlooker.touch()

    def _single(self, steps: int) -> None:
        self._playing = 0
        travel = self._travel
        if travel is not None:
            self._settle()
            self._onlooker.renew()
            if steps < 0:
                travel.seek(max(0, travel.position + steps), self._until_urgent())
            else:
                travel.advance(steps)
                self._messages.extend(travel.losses())
        self._onlooker.renew()

    def _seek(self, step: int) -> None:
        self._playing = 0
        if self._travel is not None:
            self._travel.seek(step, self._until_urgent(), self._seeking)
            self._onlooker.renew()

    def _seeking(self, share: float) -> None:
        assert self._travel is not None
        self._put(
            Report(
                Status.SEEKING, f"Going to step {self._travel.goal:,}", progress=share, run=self._runs,
                position=self._travel.goal,
            )
        )  # fmt: skip

    def _scrub(self, step: int) -> None:
        self._playing = 0
        if self._travel is not None:
            self._travel.scrub(step)
            self._onlooker.renew()

    def _until_urgent(self) -> Callable[[], bool]:
        """Return what tells whether a newer command ends the way to the goal of this one."""
        urgent = self._urgent
        return lambda: self._stopping or self._urgent != urgent

    def _set_limits(self, training: float | None, replay: float | None) -> None:
        self._limit, self._replay_limit = training, replay
        self._clock = Clock()

    def _set_needs(self, needs: Need) -> None:
        if Need.SPECTRUM in needs & ~self._onlooker.needs and self._run is not None:
            self._run.measurer.forget_spectrum()
        self._onlooker.needs = needs
        self._onlooker.renew()


def _different(experiments: Sequence[Experiment]) -> list[dict[str, Value]]:
    from ganviz.run.session import different

    return different(experiments) if len(experiments) > 1 else [{} for _ in experiments]


def _taken(sentences: deque[str]) -> list[str]:
    taken: list[str] = []
    with contextlib.suppress(IndexError):
        while True:
            taken.append(sentences.popleft())
    return taken


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"The training stopped: {text}"
