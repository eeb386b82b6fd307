"""What a run says when its training diverges."""

from __future__ import annotations

from ganviz.engine.game import DISCRIMINATOR


class TrainingDiverged(RuntimeError):
    """Parameters became non-finite; the run is back at its last finite step. The text is a sentence for the person."""

    def __init__(self, step: int, player: str, layer: int, critic: bool = False) -> None:
        called = "critic" if critic and player == DISCRIMINATOR else player
        super().__init__(
            f"Training diverged in step {step:,}: the {called}'s layer {layer} is no longer finite. "
            f"Step {step - 1:,}, the last finite one, was kept. A smaller learning rate may help."
        )
        self.step, self.player, self.layer = step, player, layer


class ReplayDiverged(TrainingDiverged):
    """A replay is not finite where the recorded training was, as another processor may bring it about.

    Attributes
    ----------
    next : int
        The next step whose state was kept: `Run.seek` goes there.
    """

    def __init__(self, goal: int, stands: int, next_kept: int) -> None:
        super().__init__(stands + 1, "", 0)
        self.args = (
            f"Step {goal:,} is not reached: the replay from step {stands:,} is not finite, though the recording was. "
            f"The run is back at step {stands:,}; the next step that was kept is {next_kept:,}.",
        )
        self.next = next_kept


def diverged_again(sentence: str, end: int) -> TrainingDiverged:
    """Make the error of a divergence that was recorded."""
    error = TrainingDiverged(end + 1, "", 0)
    error.args = (sentence,)
    return error
