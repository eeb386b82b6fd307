"""``ganviz figure``: draws any step of a run."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ganviz.experiment import ExperimentError, load
from ganviz.experiment.files import STATE_FILES
from ganviz.experiment.resources import expand_user

from .console import compile_engine, fail, new_parser, say
from .running import advance_measured, count, progress

if TYPE_CHECKING:
    from ganviz.plots import View
    from ganviz.run import Frame, Run

HELP = """\
Draws a step of a session, of a figure that ganviz exported, or of an experiment, which is trained up to it. The figure
carries its state: the window opens it there again.

example:
  ganviz figure results/session.ganviz --at 400 --view plane --size 85x85mm -o step-400.pdf
"""


def figure(arguments: list[str]) -> int:
    """Carry out the command; return the exit code."""
    from ganviz.plots import VIEWS

    parser = new_parser("ganviz figure", HELP)
    parser.add_argument(
        "session", metavar="SESSION", help="a .ganviz session, a figure, a preset's name, or a .toml, .csv or .npy file"
    )
    parser.add_argument("--at", type=count, metavar="STEP", help="step to draw (default: where the session stands)")
    parser.add_argument(
        "--view", choices=list(VIEWS), metavar="VIEW", help=f"one of {', '.join(VIEWS)}; default: several"
    )
    parser.add_argument("--size", type=_size, metavar="WxHmm", help="width and height, such as 85x60mm")
    parser.add_argument("--dpi", type=count, default=300, metavar="N", help="dots per inch of a .png (default: 300)")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="a .svg, .pdf, .png or .pgf file")
    options = parser.parse_args(arguments)

    try:
        run = _run(options.session, options.at)
    except KeyboardInterrupt:
        return fail("interrupted before the step was reached; nothing was drawn")
    if run.note:
        say(run.note)
    frame, views = _frame(run, VIEWS[options.view] if options.view else None)
    _draw(frame, views, options)
    say(f"step {frame.step:,} drawn to {options.out}")
    return 0


def _run(name: str, step: int | None) -> Run:
    from ganviz.run import Run

    if Path(name).suffix.lower() in STATE_FILES:
        from ganviz.run.opening import read_held

        held = read_held(expand_user(name))
        for bits in held.precisions:
            compile_engine(bits, say)
        session = held.session(lambda _: None, lambda: False)
        assert session is not None
        run = session.current.run
        if step is not None and step > run.end:
            raise ExperimentError(f"--at {step} is not allowed: {name} has steps 0 to {run.end:,}")
        if not run.seek(run.step if step is None else step):
            raise ExperimentError(f"--at {step} cannot be drawn: {run.note}")
        return run
    if step is None:
        raise ExperimentError(f"--at is needed for {name}, which is an experiment: the step to train up to")
    experiment = load(name)
    compile_engine(experiment.precision, say)
    run = Run(experiment)
    with progress(step) as report:
        advance_measured(run, step, report)
    return run


def _frame(run: Run, view: View | None) -> tuple[Frame, list[View]]:
    from ganviz.plots import views_for
    from ganviz.plots.pages import on_paper
    from ganviz.run import Need

    views = views_for(run.experiment)
    if view is not None and view not in views:
        names = ", ".join(other.name for other in views)
        raise ExperimentError(f"--view {view.name} is not allowed for this experiment, which has {names}")
    chosen = [view] if view is not None else [other for other in views if on_paper(other.name)]
    needs = Need.METRICS | Need.HISTORY
    for one in chosen:
        needs |= one.needs
    return run.frame(needs), chosen


def _draw(frame: Frame, views: list[View], options: argparse.Namespace) -> None:
    from ganviz.export import draw
    from ganviz.run.ticket import ticket_of, to_token

    try:
        draw(
            [view.draw(frame) for view in views],
            options.out,
            size_mm=options.size,
            dpi=options.dpi,
            ticket=to_token(ticket_of(frame)),
        )
    except (OSError, ValueError) as error:
        raise ExperimentError(" ".join(str(error).split())) from error


def _size(text: str) -> tuple[float, float]:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)(?:mm)?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: width and height in millimetres, such as 85x60mm")
    return float(found[1]), float(found[2])
