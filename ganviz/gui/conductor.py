"""Leads a session through time as it is ordered to: what the training thread does between two looks into its queue."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ganviz.experiment import ExperimentError, Value
from ganviz.experiment.files import MOST_LANES
from ganviz.run import Need
from ganviz.run.lockstep import Progress
from ganviz.run.session import different

from .mailbox import Mailbox
from .pace import Clock
from .reports import BranchInfo, Lane, Report, Status
from .travel import Travel

if TYPE_CHECKING:
    from ganviz.run import Frame, Glance, Run, Session
    from ganviz.run.recorded import Made

Stop = Callable[[], bool]


class Conductor:
    """A session with its place in time.

    Nothing here knows of threads: whoever calls it waits until it is done.

    Parameters
    ----------
    session : Session
    mailbox : Mailbox
        Gets the sentences.
    leaving : callable
        Whether the session is about to be left: what must arrive somewhere is given up then.

    Attributes
    ----------
    began : Made
        What a person had made of the session when it began; see `Session.made`.
    playing : int
        1 forwards, -1 backwards, 0 standing.
    """

    def __init__(self, session: Session, mailbox: Mailbox, leaving: Stop) -> None:
        self.session = session
        self.began = session.made
        self.travel = Travel(session)
        self.playing = 0
        self._mailbox, self._leaving = mailbox, leaving
        self._clock = Clock()

    def close(self) -> None:
        """End the threads of the runs."""
        self.travel.close()

    # ---------------------------------------------------------------- going on

    def work(self, limit: float | None, replay_limit: float | None, should_stop: Stop) -> None:
        """Go on for a burst, forwards or backwards.

        Parameters
        ----------
        limit, replay_limit : float, optional
            Steps per second in training, and through what was trained already; None: as fast as possible.
        """
        travel = self.travel
        if self.playing > 0 and travel.settle(should_stop):
            self._clock.burst(travel, replay_limit if travel.past else limit)
            self._tell_losses()
        elif self.playing < 0 and not travel.back(self._clock, replay_limit, should_stop):
            self.playing = 0

    def play(self, playing: int, should_stop: Stop, progress: Progress) -> None:
        """Go on, pause, or with -1 go backwards."""
        if playing >= 0 and not self.travel.settle(should_stop, progress):
            playing = 0
        if playing > 0 and self.travel.diverged:
            self._mailbox.refuse(self.travel.diverged)
            playing = 0
        if playing != self.playing:
            self._clock = Clock()
        self.playing = playing

    def step(self, steps: int, should_stop: Stop, progress: Progress) -> None:
        """Go some steps on or back, and pause."""
        self.playing = 0
        self.travel.settle(self._leaving, progress)
        if steps < 0:
            self.travel.seek(max(0, self.travel.position + steps), should_stop, progress)
        else:
            self.travel.advance(steps)
            self._tell_losses()

    def seek(self, step: int, should_stop: Stop, progress: Progress) -> None:
        """Go to a step, exactly, and pause."""
        self.playing = 0
        self.travel.seek(step, should_stop, progress)

    def scrub(self, step: int) -> None:
        """Show at once the kept states nearest to a step, and pause."""
        self.playing = 0
        self.travel.scrub(step)

    def pace_anew(self) -> None:
        """Begin with short bursts: steps may take longer from now on, or another speed is wanted."""
        self._clock = Clock()

    # ---------------------------------------------------------------- what a person makes

    def change(self, changes: Mapping[str, Value], progress: Progress) -> None:
        """Change parameters of the current run from the next step on; where it has a future, in a branch."""
        self._arrive(progress)
        run = self.travel.runs[0]
        if run.step < run.end:
            self.branch(changes, "", False, False, progress)
        else:
            run.change_together(changes)
        self.pace_anew()

    def branch(
        self, changes: Mapping[str, Value] | None, name: str, fresh: bool, beside: bool, progress: Progress
    ) -> None:
        """Branch from where the current run stands; see `Trainer.branch`."""
        self._arrive(progress)
        session, parent = self.session, self.session.current
        made = session.branch(changes, name, session.free_seed() if fresh else None)
        others = session.shown if beside else session.shown[1:]
        # The newest stands first: what is changed next is about it.
        session.show([made, *others][:MOST_LANES])
        self._arrange(self._leaving, progress)
        self._mailbox.tell(
            f"“{made.name}” branches from “{parent.name}” at step {made.since:,}, which is kept as it was."
        )

    def show(self, numbers: Sequence[int], should_stop: Stop, progress: Progress) -> None:
        """Show branches side by side, the first of them as the current one."""
        self.session.show([self.session.find(number) for number in numbers])
        self._arrange(should_stop, progress)

    def remove(self, number: int, should_stop: Stop, progress: Progress) -> None:
        """Forget a branch and what branched from it."""
        self.session.remove(self.session.find(number))
        self._arrange(should_stop, progress)

    def _arrange(self, should_stop: Stop, progress: Progress) -> None:
        """Show other branches than before, all at the step that was shown."""
        before = self.travel
        before.close()
        self.travel = Travel(self.session, before.epoch + 1)
        self.travel.seek(before.position, should_stop, progress)
        self.pace_anew()

    def _arrive(self, progress: Progress) -> None:
        """Go exactly to where the slider was left: what is made there belongs to that very step.

        Raises
        ------
        ExperimentError
            If the session is left on the way.
        """
        if not self.travel.settle(self._leaving, progress):
            raise ExperimentError(f"step {self.travel.position:,} was not reached: another session was asked for")

    def _tell_losses(self) -> None:
        for sentence in self.travel.losses():
            self._mailbox.refuse(sentence)

    # ---------------------------------------------------------------- what there is to see

    @property
    def token(self) -> Hashable:
        """What tells the session from what it was when something in it has changed."""
        return self._token(self.session.made)

    def _token(self, made: Made) -> Hashable:
        return made, tuple(branch.end for branch in self.session.branches)

    def glances(self, needs: Need) -> tuple[list[tuple[Run, Glance]], Callable[[list[Frame]], Report]]:
        """Return what frames of all that is shown are made of, and what makes a report of the frames."""
        session = self.session
        report = self._report()
        all_marks = [session.marks(branch) for branch in session.shown]
        named = [(branch.number, branch.name) for branch in session.shown]
        experiments = [run.experiment for run in self.travel.runs]
        differing = different(experiments) if len(experiments) > 1 else [{} for _ in experiments]

        def with_frames(frames: list[Frame]) -> Report:
            marked = [replace(frame, marks=marks) for frame, marks in zip(frames, all_marks, strict=True)]
            lanes = tuple(
                Lane(number, name, fields, frame)
                for (number, name), fields, frame in zip(named, differing, marked, strict=True)
            )
            return replace(report, frame=marked[0], lanes=lanes, marks=all_marks[0])

        return self.travel.glances(needs), with_frames

    def _report(self) -> Report:
        session, travel = self.session, self.travel
        told, made = travel.diverged, session.made
        status = Status.DIVERGED if told else Status.RUNNING if self.playing else Status.PAUSED
        return Report(
            status,
            told,
            steps_per_second=self._clock.rate if self.playing else 0.0,
            progress=1.0,
            playing=self.playing,
            position=travel.position,
            end=max(run.end for run in travel.runs),
            branches=tuple(
                BranchInfo(
                    branch.number,
                    branch.name,
                    -1 if branch.parent is None else branch.parent.number,
                    branch.since,
                    branch.end,
                )
                for branch in session.branches
            ),
            began=self.began,
            made=made,
            token=self._token(made),
            notes=session.notes,
            note=" ".join(dict.fromkeys(run.note for run in travel.runs if run.note)),
            epoch=travel.epoch,
        )
