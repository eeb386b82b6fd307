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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganviz.experiment import Experiment, ExperimentError, Value
from ganviz.run import Need

from .compiling import MESSAGE, Compilation
from .mailbox import Mailbox
from .onlooker import Onlooker
from .reports import Report, Snapshot, Status

if TYPE_CHECKING:
    from ganviz.run import Frame, Glance, Run, Session

    from .conductor import Conductor

PAUSED_WAIT, SHORT_WAIT = 0.5, 0.003
"""Seconds without a command after which a paused thread looks around, and if something is still to be shown."""

Command = Callable[[], None]
Order = Callable[["Conductor"], object]
Named = Sequence[tuple[str, Experiment]]
Stop = Callable[[], bool]


class Trainer:
    """Trains one session at a time on a thread of its own.

    All methods may be called from the window's thread and return at once.

    Attributes
    ----------
    orders, changes : int
        Orders that were given so far: all of them, and those that make something of the session. A report tells how
        many of them were carried out when it was made.
    """

    def __init__(self) -> None:
        self.orders = self.changes = 0
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._mailbox = Mailbox(self._is_fresh)
        self._lock = threading.Lock()
        self._waiting: dict[str, Value] = {}
        self._carried_out = self._changed = 0
        self._conductor: Conductor | None = None
        self._answer = self._issued = self._sessions = 0
        self._opened = ""
        self._failure = ""
        self._limit: float | None = None
        self._replay_limit: float | None = None
        self._stopping = False
        self._urgent = 0
        self._compilation = Compilation()
        self._onlooker = Onlooker(self._complain, self._wake, self._failed)
        self._thread = threading.Thread(target=self._main, name="training", daemon=True)
        self.messages, self.notices, self.take = self._mailbox.messages, self._mailbox.notices, self._mailbox.take

    # ---------------------------------------------------------------- commands

    def start(self, experiment: Experiment, playing: bool = True) -> None:
        """Start the thread on an experiment."""
        self.start_lanes([("", experiment)], playing)

    def start_lanes(self, named: Named, playing: bool = True) -> None:
        """Start the thread on one experiment or several side by side."""
        self.restart_lanes(named, playing)
        self._onlooker.start()
        self._thread.start()

    def restart(self, experiment: Experiment, playing: bool = True) -> int:
        """Leave the present session, with changes that it has not met yet, and start a new one; return its number."""
        return self.restart_lanes([("", experiment)], playing)

    def restart_lanes(self, named: Named, playing: bool = True) -> int:
        """Start a new session with several runs side by side; see `restart`."""
        return self._renumber(lambda number: self._begin(named, playing, number))

    def open(self, path: Path) -> int:
        """Leave the present session for one out of a file; where that cannot be used the present one stays.

        Files are sessions, and pictures that carry a state.
        """
        return self._renumber(lambda number: self._open(path, number))

    def save(self, write: Callable[[Snapshot], None], refuse: Callable[[str], None]) -> None:
        """Give the session as plain data to whoever writes it, who must not take long, or say why there is none."""

        def give() -> None:
            conductor = self._conductor
            try:
                if conductor is None:
                    refuse("There is no session to save.")
                    return
                session = conductor.session
                write(Snapshot(session.state(), self._sessions, session.made, conductor.token))
            except Exception as error:
                refuse(f"The session cannot be saved: {_words(error)}.")

        self._commands.put(give)

    def change(self, path: str, value: Value) -> None:
        """Change a parameter of the current run at the next step; see `change_together`."""
        self.change_together({path: value})

    def change_together(self, changes: Mapping[str, Value]) -> None:
        """Change parameters of the current run at the next step: all of them, or none if one is refused.

        Changes that wait are carried out together with them: of several values of a parameter the last counts. Where
        the run has gone on from the step that is shown, they make a branch.
        """
        with self._lock:
            waiting = self._waiting
            waiting.update(changes)
        self._order(lambda conductor: self._change(conductor, waiting), makes=True)

    def play(self, playing: int) -> None:
        """Go on, pause, or with -1 go backwards."""
        self._hurry(lambda conductor, stop: conductor.play(int(playing), stop, self._seeking))

    def step(self, steps: int = 1) -> None:
        """Train for some steps, or go back by some, and pause."""
        self._hurry(lambda conductor, stop: conductor.step(steps, stop, self._seeking))

    def seek(self, step: int) -> None:
        """Go to a step, exactly, and pause."""
        self._hurry(lambda conductor, stop: conductor.seek(step, stop, self._seeking))

    def scrub(self, step: int) -> None:
        """Show at once the kept state nearest to a step, and pause."""
        self._hurry(lambda conductor, _: conductor.scrub(step))

    def limit(self, steps_per_second: float | None) -> None:
        """Train at most this fast; None: as fast as possible."""
        self._commands.put(lambda: self._set_limits(steps_per_second, self._replay_limit))

    def limit_replay(self, steps_per_second: float | None) -> None:
        """Go through what was trained already at most this fast; None: as fast as possible."""
        self._commands.put(lambda: self._set_limits(self._limit, steps_per_second))

    def look(self, needs: Need) -> None:
        """Say what the next frames must hold."""
        self._commands.put(lambda: self._set_needs(needs))

    def branch(self, name: str = "", fresh: bool = False, beside: bool = True) -> None:
        """Branch from where the current run stands, and show the branch beside it or instead of it.

        A fresh one draws other data and noise than all branches that there are.
        """
        self._order(lambda conductor: conductor.branch(None, name, fresh, beside, self._seeking), makes=True)

    def show_branches(self, numbers: Sequence[int]) -> None:
        """Show branches side by side, by their numbers, the first of them as the current one."""
        stop = self._until_urgent()
        self._order(lambda conductor: conductor.show(numbers, stop, self._seeking))

    def remove_branch(self, number: int) -> None:
        """Forget a branch and what branched from it."""
        stop = self._until_urgent()
        self._order(lambda conductor: conductor.remove(number, stop, self._seeking), makes=True)

    def rename_branch(self, number: int, name: str) -> None:
        """Give a branch another name."""
        self._order(lambda conductor: setattr(conductor.session.find(number), "name", name), makes=True)

    def bookmark(self, step: int, name: str = "") -> None:
        """Mark a step of the current branch."""
        self._order(lambda conductor: conductor.session.bookmark(step, name), makes=True)

    def take_notes(self, text: str) -> None:
        """Keep the person's notes."""
        self._order(lambda conductor: setattr(conductor.session, "notes", text), makes=True)

    def _order(self, order: Order, makes: bool = False) -> None:
        """Have the session do something; what cannot be done is told in a sentence, and everything stays."""
        self.orders += 1
        self.changes += makes
        number, changes = self.orders, self.changes

        def carry_out() -> None:
            try:
                if self._conductor is not None:
                    # Whatever went wrong beside the training, this is another attempt.
                    self._failure = ""
                    order(self._conductor)
            except (ValueError, ExperimentError) as error:
                self._mailbox.refuse(str(error))
            finally:
                self._carried_out, self._changed = number, changes
                self._onlooker.renew()

        self._commands.put(carry_out)

    def _hurry(self, order: Callable[[Conductor, Stop], object]) -> None:
        """Have the session do something that ends a way to an earlier goal, as a later one ends its own."""
        self._urgent += 1
        stop = self._until_urgent()
        self._order(lambda conductor: order(conductor, stop))

    def _renumber(self, order: Callable[[int], None]) -> int:
        with self._lock:
            self._waiting = {}
            self._issued += 1
            number = self._issued
        self._urgent += 1
        self._commands.put(lambda: order(number))
        return number

    # ---------------------------------------------------------------- answers

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
        return None if self._conductor is None else self._conductor.session.current.run

    def _main(self) -> None:
        while not self._stopping:
            try:
                self._work_until_diverged()
            except Exception as error:
                # Whatever goes wrong reaches the person as a sentence; the thread lives on for the next command.
                self._fail(error)
        self._leave()

    def _work_until_diverged(self) -> None:
        # The engine takes half a second to load; the window is there already.
        from ganviz.run import TrainingDiverged

        try:
            self._work()
        except TrainingDiverged:
            if self._conductor is not None:
                self._conductor.playing = 0
            self._onlooker.renew()

    def _work(self) -> None:
        conductor = self._conductor
        if conductor is not None and conductor.playing:
            self._carry_out(0.0)
        else:
            # The window takes a frame without a word.
            waits = conductor is None or self._failure or not self._onlooker.stale
            self._carry_out(PAUSED_WAIT if waits else SHORT_WAIT)
        conductor = self._conductor
        if conductor is None or self._stopping or self._failure:
            return
        if conductor.playing:
            conductor.work(self._limit, self._replay_limit, self._until_urgent())
            self._onlooker.touch()
        moving = conductor.playing != 0
        should_stop = self._until_left()
        if self._mailbox.empty:
            self._show(conductor, moving)
        travel = conductor.travel
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

    def _show(self, conductor: Conductor, moving: bool) -> None:
        """Have a report made with frames of all that is shown."""
        finish: Callable[[list[Frame]], Report] | None = None
        about = Report(Status.PAUSED)

        def glances(needs: Need) -> list[tuple[Run, Glance]]:
            nonlocal finish, about
            seen, finish = conductor.glances(needs)
            about = self._about()
            return seen

        def put(frames: list[Frame]) -> None:
            assert finish is not None
            made = replace(
                finish(frames), run=about.run, session=about.session, opened=about.opened, orders=about.orders,
                changes=about.changes,
            )  # fmt: skip
            if not self._mailbox.put(made):
                self._onlooker.stale = True

        self._onlooker.show(glances, put, moving)

    def _about(self, status: Status = Status.PAUSED, message: str = "", progress: float = 0.0) -> Report:
        """Return a report without a session: whose answer it is, and how far the thread is with its orders."""
        return Report(
            status, message, progress=progress, run=self._answer, session=self._sessions, opened=self._opened,
            orders=self._carried_out, changes=self._changed,
        )  # fmt: skip

    def _is_fresh(self, report: Report) -> bool:
        if report.run != self._answer:
            return False
        conductor = self._conductor
        if report.frame is None:
            return True
        # What was in the making when the training failed must not hide that.
        return conductor is not None and report.epoch == conductor.travel.epoch and not self._failure

    def _complain(self, error: Exception) -> None:
        self._mailbox.refuse(f"Something went wrong beside the training, which goes on: {_words(error)}")

    def _failed(self, error: Exception, runs: Sequence[Run]) -> None:
        """Have what went wrong beside the training stop it, as long as it is about what is trained."""

        def told() -> None:
            if self._conductor is not None and any(run in self._conductor.travel.runs for run in runs):
                self._fail(error)

        self._commands.put(told)

    def _fail(self, error: Exception) -> None:
        """Stop, and keep all that was recorded: it can be saved, and looked at again."""
        traceback.print_exception(error)
        self._failure = f"The training stopped: {_words(error)}"
        if self._conductor is not None:
            self._conductor.playing = 0
        self._mailbox.put(self._about(Status.FAILED, self._failure))

    # ---------------------------------------------------------------- sessions

    def _begin(self, named: Named, playing: bool, number: int) -> None:
        self._leave()
        self._answer = number
        self._opened = ""
        self._mailbox.put(self._about(Status.STARTING, "Starting"))
        if not self._compile({experiment.precision for _, experiment in named}):
            return
        from ganviz.run import Run, Session

        session = Session(Run(named[0][1]), named[0][0] or "main")
        others = [session.add(Run(experiment), session.free_name(name)) for name, experiment in named[1:]]
        session.show([session.branches[0], *others])
        self._enter(session, int(playing))

    def _open(self, path: Path, number: int) -> None:
        self._answer = number
        try:
            session = self._read(path)
        except Exception as error:
            # Whatever a file does to its reader, the session that is there goes on.
            told = isinstance(error, ExperimentError)
            self._mailbox.refuse(str(error) if told else f"{path}: the file could not be opened: {_words(error)}.")
            session = None
        if session is None:
            self._onlooker.renew()
            return
        self._leave()
        self._opened = str(path)
        self._enter(session, 0)

    def _read(self, path: Path) -> Session | None:
        from ganviz.run.opening import read_held

        def progress(share: float) -> None:
            self._mailbox.put(self._about(Status.OPENING, f"Opening {path.name}", share))

        progress(0.0)
        held = read_held(path)
        return held.session(progress, self._is_leaving) if self._compile(held.precisions) else None

    def _enter(self, session: Session, playing: int) -> None:
        from .conductor import Conductor

        self._sessions += 1
        self._failure = ""
        conductor = Conductor(session, self._mailbox, self._is_leaving)
        self._conductor = conductor
        conductor.travel.settle(self._until_urgent(), self._seeking)
        conductor.playing = 0 if conductor.travel.diverged else playing
        self._onlooker.welcome()

    def _leave(self) -> None:
        conductor, self._conductor = self._conductor, None
        if conductor is not None:
            conductor.close()

    def _compile(self, precisions: set[int]) -> bool:
        """Have the engine compiled if it is not in the cache; return whether to go on."""

        def progress(share: float) -> None:
            self._mailbox.put(self._about(Status.COMPILING, MESSAGE, share))

        return all(self._compilation.make(bits, progress) for bits in sorted(precisions)) and not self._stopping

    # ---------------------------------------------------------------- orders

    def _change(self, conductor: Conductor, waiting: dict[str, Value]) -> None:
        with self._lock:
            changes = dict(waiting)
            waiting.clear()
        if changes:
            conductor.change(changes, self._seeking)

    def _seeking(self, share: float) -> None:
        conductor = self._conductor
        if conductor is not None:
            goal = conductor.travel.goal
            self._mailbox.put(replace(self._about(Status.SEEKING, f"Going to step {goal:,}", share), position=goal))

    def _until_urgent(self) -> Stop:
        """Return what tells whether a newer command ends the way to the goal of this one."""
        urgent = self._urgent
        return lambda: self._stopping or self._urgent != urgent

    def _until_left(self) -> Stop:
        """Return what tells whether another session was asked for since."""
        number = self._answer
        return lambda: self._stopping or self._issued != number

    def _is_leaving(self) -> bool:
        """Whether another session was asked for, and the order for it still waits."""
        return self._stopping or self._issued != self._answer

    def _set_limits(self, training: float | None, replay: float | None) -> None:
        self._limit, self._replay_limit = training, replay
        if self._conductor is not None:
            self._conductor.pace_anew()

    def _set_needs(self, needs: Need) -> None:
        if Need.SPECTRUM in needs & ~self._onlooker.needs and self._run is not None:
            self._run.measurer.forget_spectrum()
        self._onlooker.needs = needs
        self._onlooker.renew()


def _words(error: Exception) -> str:
    told = " ".join(str(error).split()).rstrip(".")
    return told or ("there is not enough memory" if isinstance(error, MemoryError) else type(error).__name__)
