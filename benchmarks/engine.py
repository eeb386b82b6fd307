"""ganviz beside PyTorch and JAX: ``python benchmarks/engine.py [WORKLOAD ...] [--peers jax torch]``.

All train the workloads of ``ganviz bench``, each in a process of its own, all on one and the same core, in rounds: a
timing of each in turn, seven times. So ratios compare what was measured within the same seconds. Prints a table of
medians with, for each peer, the ratio of the medians and the ratios of the single rounds from the least to the
largest, and the share of the core's multiply-adds that ganviz reached. Exit code 1 where a goal is missed, 2 where
there is no result.

Where others are at work on the core, as a line on standard error then says, the figures are too low and the ratios
uncertain. ``--busy`` counts processor time in place of the clock's, and so depends on them less.

The peers come with ``pip install -e ".[bench]"``, or live in another environment: ``--python``. One that is not
installed is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from peers import serve

from ganviz import __version__
from ganviz.bench import BITS, TIMINGS, WORKLOADS, Pace, Peak, flops, pinned, workload
from ganviz.bench.report import DISTURBED
from ganviz.engine import warmup

PEERS = ("jax", "torch", "torch.compile")
RATIO_GOALS = {
    "jax": {"ganlab": 3.0, "ring128": 1.4, "clip512": 1.3, "gp512": 1.3},
    "torch": {"ganlab": 30.0},
}
SHARE_GOALS = {"ring128": 0.65, "clip512": 0.80}
Answers = dict[str, list[dict[str, float]]]


class Contestant:
    """A process that trains when it is asked to."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        # A file takes any number of warnings without making the process wait.
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, text=True, bufsize=1
        )
        self.version = self._answer()

    def prepare(self, settings: dict[str, Any]) -> None:
        """Compile and begin a workload."""
        self._ask({"settings": settings})

    def time(self, seconds: float) -> dict[str, float]:
        """Train for some seconds; return what was measured."""
        return self._ask({"seconds": seconds})

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._complaints.close()

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            lines = self._complaints.read().strip().splitlines()
            raise RuntimeError(lines[-1] if lines else f"exit code {self._process.returncode}")
        return json.loads(line)


def serve_ganviz() -> None:
    """Answer as ganviz: besides the iterations per second the core's peak, measured just before."""
    peak = Peak(BITS)

    def prepare(settings: dict[str, Any]) -> Any:
        from ganviz.experiment import Experiment

        pace = Pace(Experiment.from_mapping(settings))

        def timing(seconds: float) -> dict[str, float]:
            before = peak.measure()
            rate, presence = pace.time(seconds)
            return {"rate": rate, "presence": presence, "peak": max(before, peak.measure())}

        return timing

    serve(prepare, f"ganviz {__version__}")


def measure(contestants: list[Contestant], name: str, rounds: int, seconds: float, busy: bool) -> Answers:
    """Return what each contestant measured in each round of a workload."""
    answers: Answers = {contestant.name: [] for contestant in contestants}
    for contestant in contestants:
        print(f"{name}: {contestant.name} gets ready", file=sys.stderr, flush=True)
        contestant.prepare(dict(WORKLOADS[name]))
    for index in range(rounds):
        for contestant in contestants:
            answer = contestant.time(seconds)
            if busy:
                answer["rate"] /= answer["presence"]
            answers[contestant.name].append(answer)
        rates = ", ".join(f"{each.name} {answers[each.name][-1]['rate']:,.1f}" for each in contestants)
        print(f"{name}: round {index + 1} of {rounds}: {rates} it/s", file=sys.stderr, flush=True)
    presence = statistics.median(answer["presence"] for answer in answers["ganviz"])
    if presence < DISTURBED:
        print(f"{name}: others had {1 - presence:.0%} of the core", file=sys.stderr, flush=True)
    return answers


def line(name: str, answers: Answers, missed: list[str]) -> str:
    """Return the table's line of a workload; note the goals that are missed."""
    rates = {each: [answer["rate"] for answer in given] for each, given in answers.items()}
    medians = {each: statistics.median(values) for each, values in rates.items()}
    cells = [name, *(f"{median:,.{0 if median >= 100 else 1}f}" for median in medians.values())]
    own = rates.pop("ganviz")
    for peer, values in rates.items():
        ratio = medians["ganviz"] / medians[peer]
        single = [a / b for a, b in zip(own, values, strict=True)]
        cells.append(f"**{ratio:.2f}** ({min(single):.2f} to {max(single):.2f})")
        goal = RATIO_GOALS.get(peer, {}).get(name, 0.0)
        if ratio < goal:
            missed.append(f"{name}: {ratio:.2f} times {peer}, goal {goal:g}")
    speed = medians["ganviz"] * flops(workload(name))
    peak = max(answer["peak"] for answer in answers["ganviz"])
    cells += [f"{speed / 1e9:.1f}", f"{peak / 1e9:.1f}", f"{speed / peak:.1%}"]
    if speed / peak < SHARE_GOALS.get(name, 0.0):
        missed.append(f"{name}: {speed / peak:.1%} of the peak, goal {SHARE_GOALS[name]:.0%}")
    return f"| {' | '.join(cells)} |"


def start(peers: list[str], python: str) -> list[Contestant]:
    """Start ganviz and the peers that are installed."""
    here = Path(__file__)
    contestants = [Contestant("ganviz", [sys.executable, str(here), "--serve"])]
    for peer in peers:
        try:
            contestants.append(Contestant(peer, [python, str(here.with_name("peers.py")), peer]))
        except RuntimeError as error:
            print(f'{peer} is left out: {error}; pip install -e ".[bench]" installs it', file=sys.stderr)
    return contestants


def main() -> int:
    """Print the table; return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}; default: all")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=["jax", "torch"], help="default: jax torch")
    parser.add_argument("--rounds", type=int, default=TIMINGS, help=f"default: {TIMINGS}")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of each timing, about (default: 0.5)")
    parser.add_argument("--busy", action="store_true", help="count processor time: for a machine with others at work")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the peers' environment")
    options = parser.parse_args()
    names = options.workloads or list(WORKLOADS)
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    warmup.warm(BITS)
    missed: list[str] = []
    contestants: list[Contestant] = []
    # Processes inherit the core.
    with pinned() as core:
        try:
            contestants = start(options.peers, options.python)
            peers = [contestant.name for contestant in contestants[1:]]
            columns = [
                "workload",
                *(f"{each.name}, it/s" for each in contestants),
                *(f"times {peer}" for peer in peers),
            ]
            columns += ["GFLOP/s", "FMA peak", "share"]
            place = "not pinned to a core" if core is None else f"all on core {core}"
            versions = ", ".join(contestant.version for contestant in contestants)
            clock = "; per second of processor time" if options.busy else ""
            print(f"{versions}; {place}; median of {options.rounds} rounds of {options.seconds:g} s{clock}\n")
            print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)
            for name in names:
                answers = measure(contestants, name, options.rounds, options.seconds, options.busy)
                print(line(name, answers, missed), flush=True)
        except (KeyboardInterrupt, RuntimeError) as error:
            print(str(error) or "interrupted", file=sys.stderr)
            return 2
        finally:
            for contestant in contestants:
                contestant.end()
    for sentence in missed:
        print(f"missed: {sentence}")
    return 1 if missed else 0


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve_ganviz()
    else:
        sys.exit(main())
