"""Makes the presets that are sessions: trainings that stand one step before something happens.

python docs/session_presets.py
"""

from __future__ import annotations

from pathlib import Path

import ganviz
from ganviz.run import Need, Run, Session

PRESETS = Path(__file__).resolve().parent.parent / "resources" / "presets"
HEALTHY, AFTER, EVERY = 2500, 1500, 10
"""Steps until the change, steps that are recorded after it, and steps between two measurements."""


def before_collapse() -> Session:
    """Train a GAN until it has all eight modes, let its generator learn 20 times as fast, and go to where modes go."""
    experiment = ganviz.Experiment.from_mapping(
        {
            "title": "One step before the collapse",
            "source": "Made for ganviz: at step 2,500 the generator's learning rate rises from 0.001 to 0.02. Play.",
            "data.kind": "ring",
            "generator.hidden": [32, 32],
            "discriminator.hidden": [32, 32],
            "schedule.batch": 128,
            **{f"optimizer.{player}.learning_rate": 1e-3 for player in ("generator", "discriminator")},
        }
    )
    run = Run(experiment)
    modes: dict[int, float] = {}

    def train(steps: int) -> None:
        for _ in range(steps // EVERY):
            run.advance(EVERY)
            modes[run.step] = run.frame(Need.METRICS).metrics["modes"]

    run.frame(Need.METRICS)
    train(HEALTHY)
    run.change("optimizer.generator.learning_rate", 0.02)
    train(AFTER)
    most = max(modes[step] for step in modes if HEALTHY - 200 <= step <= HEALTHY)
    lost = next(step for step in sorted(modes) if step > HEALTHY and modes[step] <= most / 4)
    print(f"{most:g} modes until step {HEALTHY:,}, {modes[lost]:g} at step {lost:,}, {modes[run.end]:g} at the end")
    run.limit(2**20)
    # Between two measurements the modes go; where exactly is looked up step by step.
    exact = next(step for step in range(HEALTHY + 1, lost + 1) if _modes(run, step) <= most / 4)
    run.seek(exact - 1)
    session = Session(run)
    session.bookmark(exact, "the modes are gone")
    session.notes = "Play, or drag the timeline. Then go back, choose another learning rate, and see the branch."
    return session


def _modes(run: Run, step: int) -> float:
    run.seek(step)
    return run.frame(Need.METRICS).metrics["modes"]


def main() -> None:
    """Make all of them."""
    session = before_collapse()
    path = PRESETS / "one-step-before-collapse.ganviz"
    session.save(path)
    print(f"{path.name}: {path.stat().st_size / 1024:,.0f} KB, stands at step {session.current.run.step:,}")


if __name__ == "__main__":
    main()
