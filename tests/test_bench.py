"""``ganviz bench``: what is counted agrees with what runs, what is told adds up, and every end is clean."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganviz import bench, cli
from ganviz.bench import TIMINGS, WORKLOADS, Measurement, Timing, flops, report, timing, workload
from ganviz.engine import warmup
from ganviz.engine.game import layout
from ganviz.engine.operation import FIELDS, Operation
from ganviz.engine.program import LINE
from ganviz.engine.step import training_program
from ganviz.run import TrainingDiverged

QUICK = ["--seconds", "0.001"]
COLUMNS = ["workload", "iterations/s", "GFLOP/s", "FMA", "peak", "share"]
PINS = hasattr(os, "sched_getaffinity")


@pytest.fixture(autouse=True)
def free():
    """Whatever happens, the process is on as many cores afterwards as before."""
    before = os.sched_getaffinity(0) if PINS else None
    yield
    if PINS:
        assert os.sched_getaffinity(0) == before


def multiply_adds_of_the_program(experiment):
    """Sum up the sizes of the products in one step of the program that trains."""
    total, times = 0, 1
    for numbers in training_program(experiment, layout(experiment)).instructions.tolist():
        row = dict(zip(FIELDS, numbers, strict=False))
        if row["op"] == Operation.REPEAT:
            times = row["m"]
        elif row["op"] == Operation.END:
            times = 1
        elif row["op"] in (Operation.PRODUCT, Operation.OUTER):
            total += times * row["m"] * row["k"] * row["n"]
    return total


# What is counted


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_formula_counts_the_products_of_the_training(name):
    experiment = workload(name)
    batch = experiment.schedule.batch
    # The engine multiplies whole lines of samples; the padding is its own doing, not the workload's.
    stored = -(-batch // LINE) * LINE
    done = 2 * multiply_adds_of_the_program(experiment) * batch / stored
    assert flops(experiment) == pytest.approx(done, rel=0.01)


def test_a_penalty_is_four_passes_without_the_last_layer():
    plain = workload("gp512").replace({"penalty.kind": "none"})
    more = 2 * 256 * 5 * 4 * (2 * 512 + 2 * 512 * 512)
    assert flops(workload("gp512")) - flops(plain) == more


@pytest.mark.parametrize(
    ("name", "hidden", "batch", "updates", "objective", "optimizer", "rate"),
    [
        ("ganlab", (8, 8), 150, 2, "non-saturating", "sgd", 0.01),
        ("ring128", (128, 128), 256, 1, "non-saturating", "adam", 1e-4),
        ("clip512", (512, 512, 512), 256, 5, "wasserstein", "rmsprop", 5e-5),
        ("gp512", (512, 512, 512), 256, 5, "wasserstein", "adam", 1e-4),
    ],
)
def test_the_workloads_are_those_of_the_peers(name, hidden, batch, updates, objective, optimizer, rate):
    e = workload(name)
    assert (e.data.kind, e.data.modes, e.data.radius, e.data.std, e.data.size) == ("ring", 8, 1.0, 0.05, 0)
    assert (e.noise.kind, e.noise.dimension, e.noise.mean, e.noise.std, e.noise.size) == ("normal", 2, 0.0, 1.0, 0)
    for player in (e.generator, e.discriminator):
        assert (player.hidden, player.activation, player.normalization, player.bias) == (hidden, "relu", "none", True)
    for rules in (e.optimizer.generator, e.optimizer.discriminator):
        assert (rules.kind, rules.learning_rate, rules.epsilon) == (optimizer, rate, 1e-8)
        assert optimizer != "adam" or (rules.beta1, rules.beta2) == (0.5, 0.9)
        assert optimizer != "rmsprop" or rules.decay == 0.99
    assert (e.objective.kind, e.objective.real_label, e.objective.fake_label) == (objective, 1.0, 0.0)
    schedule = e.schedule
    assert (schedule.batch, schedule.discriminator_steps, schedule.generator_steps) == (batch, updates, 1)
    assert (schedule.updates, schedule.reuse_fakes, schedule.warmup) == ("alternating", False, False)
    assert e.discriminator.clip == (0.01 if name == "clip512" else 0.0)
    penalty = (e.penalty.kind, e.penalty.weight, e.penalty.target) if name == "gp512" else (e.penalty.kind,)
    assert penalty == (("gradient", 0.1, 1.0) if name == "gp512" else ("none",))
    assert e.precision == 32


# What is told


def test_the_medians_count():
    timings = tuple(Timing(rate, presence) for rate, presence in ((3.0, 1.0), (9.0, 0.5), (2.0, 0.99)))
    measured = Measurement(timings, flops=10, peak=60.0)
    assert (measured.rate, measured.speed, measured.share, measured.presence) == (3.0, 30.0, 0.5, 0.99)


def test_figures_taken_beside_others_are_marked():
    alone = Measurement((Timing(3.0, 0.999),), flops=10**9, peak=6e9)
    crowded = Measurement((Timing(3.0, 0.6),), flops=10**9, peak=6e9)
    assert report.row("gp512", alone).split() == ["gp512", "3.0", "3.0", "6.0", "50.0%"]
    assert report.row("gp512", crowded) == report.row("gp512", alone) + "   others had 40% of the core: too low"


def test_lines_tell_each_workload(capsys):
    assert cli.main(["bench", "ring128", "ganlab", "ring128", *QUICK]) == 0
    out, err = capsys.readouterr()
    *_, about, head, first, second = out.splitlines()
    assert ("pinned to core " if PINS else "not pinned to a core") in about
    assert head.split() == COLUMNS
    assert [line.split()[0] for line in (first, second)] == ["ring128", "ganlab"]
    for line in (first, second):
        rate, speed, peak, share = line.split()[1:5]
        assert float(rate.replace(",", "")) > 0
        assert 0 < float(speed) <= float(peak)
        assert 0 < float(share.rstrip("%")) <= 100
    assert err == ""


def test_a_machine_gets_one_object(capsys):
    assert cli.main(["bench", "ganlab", "--json", *QUICK]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    (entry,) = told["workloads"]
    assert entry["workload"] == "ganlab"
    assert len(entry["timings"]) == TIMINGS
    assert entry["iterations_per_second"] == statistics.median(entry["timings"])
    assert entry["flops_per_iteration"] == flops(workload("ganlab"))
    speed = entry["iterations_per_second"] * entry["flops_per_iteration"] / 1e9
    assert entry["gflops"] == pytest.approx(speed)
    assert entry["share"] == pytest.approx(speed / entry["peak_gflops"])
    assert 0 < entry["core_share"] < 1.1
    assert (told["seconds"], told["vector_bits"] % 128) == (0.001, 0)
    assert (told["core"] in os.sched_getaffinity(0)) if PINS else told["core"] is None
    assert err == ""


def test_all_workloads_are_timed_where_none_is_named(monkeypatch, capsys):
    timed = []

    def measure(experiment, seconds, peak, report):
        timed.append((experiment, seconds))
        return Measurement((Timing(1.0, 1.0),), 1, 1.0)

    monkeypatch.setattr(timing, "measure", measure)
    assert cli.main(["bench"]) == 0
    assert timed == [(workload(name), 0.5) for name in WORKLOADS]


def test_off_a_terminal_lines_tell_the_progress(monkeypatch, capsys):
    monkeypatch.setattr(cli.timing, "PROGRESS_EVERY", 0.0)
    assert cli.main(["bench", "ganlab", *QUICK]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ganlab: ")]
    assert told == [f"ganlab: timing {done} of {TIMINGS}" for done in range(1, TIMINGS)]


def test_compiling_is_told_but_not_to_a_machine(monkeypatch, capsys):
    monkeypatch.setattr(warmup, "is_ready", lambda bits: False)
    assert cli.main(["bench", "ganlab", *QUICK]) == 0
    assert capsys.readouterr().out.startswith("Compiling the engine")
    assert cli.main(["bench", "ganlab", "--json", *QUICK]) == 0
    json.loads(capsys.readouterr().out)


# What is measured


def test_a_timing_counts_the_steps_that_were_trained(monkeypatch):
    now, trained = [0.0], []

    class Clockwork:
        def __init__(self, experiment):
            pass

        def advance(self, steps):
            # A thousand steps a second, and a slow first one.
            now[0] += steps / 1000 if trained else 5.0
            trained.append(steps)

    monkeypatch.setattr(timing, "Run", Clockwork)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    pace = timing.Pace(workload("ganlab"))
    before, began = sum(trained), now[0]
    assert pace.time(3.0).rate == pytest.approx(1000)
    assert now[0] - began == pytest.approx((sum(trained) - before) / 1000)
    assert 3.0 <= now[0] - began < 3.0 + timing.BURST
    # Whoever interrupts a timing waits for the end of a burst.
    assert trained[-1] / 1000 <= timing.BURST


def test_the_peak_is_no_less_than_a_training_reaches():
    peak = timing.Peak(32)
    measured = timing.measure(workload("ring128"), 0.01, peak)
    assert 0.01 < measured.share < 1
    assert measured.peak > 1e9


@pytest.mark.skipif(not PINS, reason="the system pins nothing")
def test_it_runs_on_one_core_where_the_system_can_pin():
    allowed = os.sched_getaffinity(0)
    with bench.pinned() as core:
        assert os.sched_getaffinity(0) == {core}
    assert core in allowed


def test_it_runs_where_the_system_cannot_pin(monkeypatch, capsys):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert cli.main(["bench", "ganlab", *QUICK]) == 0
    assert "not pinned to a core" in capsys.readouterr().out


# How it ends


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ring256"], ["'ring256' is not allowed", "ganlab, ring128, clip512, gp512"]),
        (["--seconds", "0"], ["--seconds", "'0' is not allowed", "above 0"]),
        (["--seconds", "nan"], ["--seconds", "'nan' is not allowed"]),
        (["--seconds", "inf"], ["--seconds", "'inf' is not allowed"]),
        (["--seconds", "soon"], ["--seconds", "'soon' is not allowed"]),
        (["--second"], ["--second"]),
        (["--workload", "ganlab"], ["--workload"]),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", *arguments])
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    for word in words:
        assert word in err


def test_help_needs_no_compiler(capsys):
    code = (
        "import sys; from ganviz import cli\n"
        "try: cli.main(['bench', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'numba' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ganviz bench ring128 clip512 --seconds 1" in done.stdout


def test_an_interrupt_is_one_line(monkeypatch, capsys):
    def interrupt(self, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(timing.Pace, "time", interrupt)
    assert cli.main(["bench", "ganlab"]) == 2
    assert capsys.readouterr().err == "ganviz: interrupted\n"


def lose():
    """Do what Numba does where an interrupt meets it in the middle of a callback."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def make_an_error():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise RuntimeError("failed in nopython mode") from error


@pytest.mark.parametrize("command", [["bench", "ganlab"], ["run", "faithful"]], ids=lambda words: words[0])
@pytest.mark.parametrize("happens", [lose, make_an_error])
def test_an_interrupt_that_the_compiler_swallows_ends_it_all_the_same(monkeypatch, capsys, command, happens):
    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(warmup, "warm", lambda bits: happens())
    assert cli.main(command) == 2
    assert capsys.readouterr().err == "ganviz: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interrupt_that_numba_swallows_before_the_timings(monkeypatch, capsys):
    monkeypatch.setattr(timing.Peak, "__init__", lambda self, bits: lose())
    assert cli.main(["bench", "ganlab"]) == 2
    assert capsys.readouterr().err == "ganviz: interrupted\n"


def test_another_error_of_the_compiler_stays_one(monkeypatch):
    def fail(bits):
        raise RuntimeError("failed in nopython mode")

    monkeypatch.setattr(warmup, "warm", fail)
    with pytest.raises(RuntimeError, match="nopython"):
        cli.main(["bench", "ganlab"])


def test_a_divergence_is_one_line(monkeypatch, capsys):
    def diverge(self, seconds):
        raise TrainingDiverged(7, "generator", 1)

    monkeypatch.setattr(timing.Pace, "time", diverge)
    assert cli.main(["bench", "ganlab"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("ganviz: ganlab: Training diverged in step 7")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has other interrupts")
def test_a_real_interrupt_ends_a_long_timing_soon():
    command = [sys.executable, "-m", "ganviz", "bench", "clip512", "--seconds", "3600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.split() == COLUMNS:
                break
        # Now the first timing has begun.
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, "ganviz: interrupted\n")


# The comparison with peers


def test_the_comparison_runs_without_peers():
    script = Path(__file__).parents[1] / "benchmarks" / "engine.py"
    command = [sys.executable, str(script), "ganlab", "--peers", "--rounds", "1", "--seconds", "0.001"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in table[-1].split("|")][1] == "ganlab"
    assert table[0].count("|") == table[-1].count("|")
