"""What is written to a session file is what is read from it."""

import dataclasses
import io
import json
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganviz.experiment import Experiment, ExperimentError, load
from ganviz.metrics.diagnosis import Diagnosis
from ganviz.run import Run, TrainingDiverged, codec, room
from ganviz.run import session as session_module
from ganviz.run.codec import PIECE
from ganviz.run.container import ARRAYS, BRANCHES, EXPERIMENT, LARGEST_TEXT, LOGS, MANIFEST, SAVED, digest
from ganviz.run.keyframes import LIMIT
from ganviz.run.memory import MOST_FINDINGS
from ganviz.run.recorded import Block, Bookmark, BranchState, Change, Finding, Keyframe, Measurements
from ganviz.run.room import MOST_CHANGES
from ganviz.run.session import Session
from ganviz.run.session_file import read_session, write_session

SMALL = {"generator.hidden": [8], "discriminator.hidden": [8], "schedule.batch": 16}


def experiment(**more):
    return Experiment.from_mapping({**SMALL, **{path.replace("__", "."): value for path, value in more.items()}})


def same(one, other, path="state"):
    """Compare states field by field, numbers by their bits."""
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, path
        assert one.shape == other.shape, path
        assert one.tobytes() == other.tobytes(), path
    elif isinstance(one, Experiment):
        assert one == other, path
    elif dataclasses.is_dataclass(one):
        assert type(one) is type(other), path
        for field in dataclasses.fields(one):
            same(getattr(one, field.name), getattr(other, field.name), f"{path}.{field.name}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for place, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{path}[{place}]")
    elif isinstance(one, float) and np.isnan(one):
        assert np.isnan(other), path
    else:
        assert type(one) is type(other), path
        assert one == other, path


def again(path, state):
    write_session(path, state)
    found = read_session(path)
    same(state, found)
    return found


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def put(path, members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    path.write_bytes(made.getvalue())


def rich(folder):
    """Train on a ring, then a grid, then a file, with branches, bookmarks and notes."""
    points = folder / "points.csv"
    points.write_text("x,y\n" + "\n".join(f"{i * 0.1},{i % 7}" for i in range(40)))
    run = Run(experiment())
    run.advance(20)
    run.frame()
    run.adopt(run.experiment.replace({"data.kind": "grid", "seed": 3}))
    run.advance(20)
    table = {"data.kind": "file", "data.path": str(points)}
    run.adopt(run.experiment.replace(table))
    run.advance(20)
    run.frame()
    points.unlink()
    made = Session(run)
    run.seek(30)
    made.branch({"discriminator.clip": 0.1}, name="wide").run.advance(50)
    made.branch(name="fresh", seed=9).run.advance(11)
    run.seek(run.end)
    made.branch({"optimizer.generator.kind": "adam"}, name="of a branch", parent=made.branches[1]).run.advance(9)
    made.add(Run(experiment(precision=64, data__kind="gaussian", data__mean=[0.5])), "other").run.advance(8)
    made.bookmark(7, "here: é ∇ 中 \u202e")
    made.notes = 'Lines\nand "quotes", \\ and \0.'
    made.show([made.branches[1], made.branches[0]])
    return made


def test_a_session_with_everything_comes_back_to_the_bit(tmp_path):
    made = rich(tmp_path)
    found = again(tmp_path / "a.ganviz", made.state())
    assert found.branches[0].recorded.after[1].table == made.branches[0].run.experiment.table
    opened = Session.from_state(found)
    for branch, other in zip(made.branches, opened.branches, strict=True):
        assert (branch.run.step, branch.run.end) == (other.run.step, other.run.end)
        for run in (branch.run, other.run):
            run.seek(run.end)
            run.advance(10)
        same(branch.run.recorded().keyframes[-1].numbers, other.run.recorded().keyframes[-1].numbers)


def test_a_file_holds_the_state_where_a_run_stands(tmp_path):
    """Opening it goes there at once, though the way from the kept state before would be long."""
    run = Run(experiment(schedule__batch=4))
    run.advance(500)
    run.limit(0)
    run.seek(300)
    path = tmp_path / "a.ganviz"
    run.save(path)
    kept = read_session(path).branches[0].recorded
    assert [frame.step for frame in kept.keyframes] == [0, 300, 500]
    opened = Run.from_recorded(kept)
    assert opened.step == 300
    opened.advance(200)
    assert opened.note == ""
    assert opened.recorded().keyframes[-1].digest == run.recorded().keyframes[-1].digest
    # Recorded before this was so.
    kept = dataclasses.replace(kept, keyframes=(kept.keyframes[0], kept.keyframes[-1]))
    assert Run.from_recorded(kept).step == 0
    write_session(path, dataclasses.replace(read_session(path), branches=[BranchState("a", kept)]))
    assert Run.open(path).step == 300
    assert Run.open(path, lambda: True).step < 300


def test_a_branch_is_set_up_when_it_is_asked_for(tmp_path, monkeypatch):
    made = rich(tmp_path)
    made.branches[2].run.seek(35)
    made.save(tmp_path / "a.ganviz")
    opened = Session.open(tmp_path / "a.ganviz")
    assert [isinstance(branch._run, Run) for branch in opened.branches] == [True, True, False, False, False]
    assert [branch.end for branch in opened.branches] == [branch.run.end for branch in made.branches]
    same(made.state(), opened.state())
    assert opened.branches[2].run.step == 35
    assert opened.branches[2].run._keyframes._limit == opened.branches[0].run._keyframes._limit < LIMIT
    same(made.state(), opened.state())


def test_another_process_reads_the_same(tmp_path):
    made = rich(tmp_path)
    path = tmp_path / "a.ganviz"
    write_session(path, made.state())
    told = subprocess.run(
        [sys.executable, "-c", "import sys; from ganviz.run.session import Session\n"
         "for b in Session.open(sys.argv[1]).branches: print(b.run.recorded().keyframes[-1].digest)", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == [branch.run.recorded().keyframes[-1].digest for branch in made.branches]


def test_a_run_that_diverged_comes_back(tmp_path):
    wild = {f"optimizer.{p}.{k}": v for p in ("generator", "discriminator") for k, v in
            (("kind", "sgd"), ("learning_rate", 10.0))}  # fmt: skip
    run = Run(Experiment.from_mapping({**SMALL, **wild, "discriminator.clip": 0}))
    with pytest.raises(TrainingDiverged):
        run.advance(5000)
    run.save(tmp_path / "a.ganviz")
    other = Run.open(tmp_path / "a.ganviz")
    assert other.diverged == run.diverged != ""
    with pytest.raises(TrainingDiverged):
        other.advance(1)


numbers = st.floats(allow_nan=True, allow_infinity=True)
texts = st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace").decode())


@st.composite
def states(draw, bits):
    """Draw what a run may have recorded: of a real run, with whatever numbers."""
    run = Run(experiment(precision=bits, data__kind=draw(st.sampled_from(["ring", "uniform"]))))
    run.advance(draw(st.integers(0, 6)))
    for clip in draw(st.lists(st.sampled_from([0.01, 0.05, 1.0, 0.0]), max_size=4)):
        run.change("discriminator.clip", clip)
        run.advance(draw(st.integers(0, 3)))
    kept = run.recorded()
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    frames = [
        Keyframe(frame.step, read_only(rng.normal(size=frame.numbers.shape).astype(frame.numbers.dtype)),
                 frame.counters, read_only(np.where(rng.random(frame.last.shape) < 0.5, np.nan, frame.last)),
                 frame.seconds)
        for frame in kept.keyframes
    ]  # fmt: skip
    columns = kept.blocks[0].mean.shape[1] if kept.blocks else 0
    blocks, first = [], 1
    while columns and first <= kept.end:
        stride = draw(st.integers(1, kept.end + 1 - first))
        rows = draw(st.integers(1, (kept.end + 1 - first) // stride))
        low, mean, high = (read_only(rng.normal(size=(rows, columns)).astype(np.float32)) for _ in range(3))
        blocks.append(Block(first, stride, *([mean] * 3 if stride == 1 else (low, mean, high))))
        first += stride * rows
    steps = sorted(draw(st.sets(st.integers(0, kept.end))))
    measured = Measurements(read_only(np.array(steps, np.int64)), read_only(rng.normal(size=(len(steps), 16))))
    found = [
        Finding(draw(texts), draw(st.booleans()), 0, 0, kept.end, draw(texts), ((draw(texts), draw(numbers)),))
        for _ in range(draw(st.integers(0, 2)))
    ]
    kept = dataclasses.replace(
        kept, keyframes=tuple(frames), blocks=tuple(blocks), measurements=measured, findings=tuple(found),
        host=draw(texts), diverged=draw(texts), step=draw(st.integers(0, kept.end)),
    )  # fmt: skip
    state = Session(run).state()
    branch = dataclasses.replace(state.branches[0], recorded=kept, name=draw(texts))
    child = dataclasses.replace(branch, name=draw(texts), parent=0, since=draw(st.integers(0, kept.end)))
    return dataclasses.replace(
        state, branches=(branch, child), notes=draw(texts), shown=draw(st.permutations((0, 1)).map(tuple)),
        bookmarks=(Bookmark(draw(st.integers(0, 1)), draw(st.integers(0, kept.end)), draw(texts)),),
    )  # fmt: skip


def read_only(values):
    values.setflags(write=False)
    return values


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), bits=st.sampled_from([32, 64]))
def test_drawn_sessions_come_back_to_the_bit(tmp_path_factory, data, bits):
    again(tmp_path_factory.mktemp("drawn") / "a.ganviz", data.draw(states(bits)))


def test_a_run_with_more_diagnoses_than_anybody_reads_is_saved(tmp_path):
    run = Run(experiment())
    run.advance(20)
    for i in range(15_000):
        run.measurer._memory.find(i % 21, [Diagnosis("collapse", i, "x" * 200, (("modes", 1.0),))])
    run.save(tmp_path / "a.ganviz")
    assert len(Run.open(tmp_path / "a.ganviz").measurer.findings) == MOST_FINDINGS


def test_what_branches_share_is_written_once(tmp_path):
    run = Run(experiment(schedule__batch=4))
    for clip in range(1, 200):
        run.change("discriminator.clip", clip / 1000)
        run.advance(1)
    made = Session(run)
    one, many = tmp_path / "one.ganviz", tmp_path / "many.ganviz"
    made.save(one)
    for _ in range(5):
        made.branch()
    made.save(many)
    assert many.stat().st_size < 1.1 * one.stat().st_size
    same(made.state(), read_session(many))


@pytest.mark.parametrize("own", [[], [0.3], [0.3, 0.4]])
def test_branches_share_only_the_changes_that_they_have_in_common(tmp_path, own):
    run = Run(experiment())
    run.advance(3)
    run.change("discriminator.clip", 0.02)
    made = Session(run)
    other = made.branch().run
    # At the same step, but after the branch.
    run.change("discriminator.clip", 0.05)
    run.advance(2)
    for clip in own:
        other.change_together({"discriminator.clip": clip, "schedule.discriminator_steps": 2})
        other.advance(1)
    again(tmp_path / "a.ganviz", made.state())


def test_the_parts_are_those_that_the_documentation_names(tmp_path):
    path = tmp_path / "a.ganviz"
    made = rich(tmp_path)
    write_session(path, made.state())
    members = members_of(path)
    names = [name for name in members if not name.startswith(ARRAYS)]
    assert names == [MANIFEST, EXPERIMENT, *(f"{BRANCHES}{i}.json" for i in range(len(made.branches)))]
    for name, data in members.items():
        if name.startswith(ARRAYS):
            assert name == ARRAYS + digest(memoryview(data))
    (tmp_path / "b.toml").write_bytes(members[EXPERIMENT])
    assert load(tmp_path / "b.toml") == made.current.run.first
    words = (Path(__file__).parents[2] / "docs" / "session.md").read_text("utf-8")
    for page in (MANIFEST, f"{BRANCHES}0.json"):
        for field in json.loads(members[page]):
            assert f"`{field}`" in words, field


# ---------------------------------------------------------------- other versions


def changed(path, page, change):
    members = members_of(path)
    content = json.loads(members[page])
    change(content)
    members[page] = json.dumps(content).encode()
    put(path, members)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "a.ganviz"
    run = Run(experiment())
    run.advance(20)
    run.frame()
    run.save(path)
    return path, read_session(path)


def test_fields_that_a_later_version_adds_are_left_out(saved):
    path, before = saved
    changed(path, MANIFEST, lambda page: page.update(colours=["red"], version="9.0"))
    changed(path, f"{BRANCHES}0.json", lambda page: page.update(mood={"a": [1]}))
    members = members_of(path)
    put(path, {**members, "thumbnails/0.png": b"PNG"})
    same(before, read_session(path))


@pytest.mark.parametrize(("page", "names"), [("step_metrics", "blocks"), ("sample_metrics", "measured"),
                                             ("recorded", "last")])  # fmt: skip
def test_columns_in_another_order_or_unknown_are_found_by_their_names(saved, page, names):
    path, before = saved

    def rename(content):
        content[page] = ["unheard_of", *content[page][:0:-1]]

    changed(path, MANIFEST, rename)
    kept, found = before.branches[0].recorded, read_session(path).branches[0].recorded
    for one, other in zip(columns(kept, names), columns(found, names), strict=True):
        # What stands first in the file is unknown now; what follows has the names of the others, the other way round.
        assert np.isnan(other[:, 0]).all()
        assert np.array_equal(other[:, 1:], one[:, :0:-1], equal_nan=True)


def columns(recorded, names):
    if names == "blocks":
        return [block.mean for block in recorded.blocks]
    if names == "measured":
        return [recorded.measurements.values]
    return [np.array([frame.last for frame in recorded.keyframes])]


def test_a_later_format_is_a_sentence_that_says_so(saved):
    path, _ = saved
    changed(path, MANIFEST, lambda page: (page.clear(), page.update(format=3, version="3.1")))
    with pytest.raises(ExperimentError, match=r"it is of format 3, written by ganviz 3\.1; this is ganviz .* up to 2"):
        read_session(path)


@pytest.mark.parametrize("number", [0, -1])
def test_a_format_that_never_was_is_refused(saved, number):
    path, _ = saved
    changed(path, MANIFEST, lambda page: page.update(format=number))
    with pytest.raises(ExperimentError, match="there is no format"):
        read_session(path)


# ---------------------------------------------------------------- how large


def later(frame, step):
    """Return a kept state as that of a later step."""
    counters = np.array([step, *frame.counters[1:]])
    return dataclasses.replace(frame, step=step, counters=counters, seconds=frame.seconds + step / 1e4)


def test_saving_takes_little_memory_beside_the_session(tmp_path):
    run = Run(experiment())
    run.advance(1)
    kept = run.recorded()
    rng = np.random.default_rng(0)
    blocks = [Block(1 + i * 4096, 1, *[rng.normal(size=(4096, 10)).astype(np.float32)] * 3) for i in range(300)]
    columns = kept.blocks[0].mean.shape[1]
    blocks = [Block(b.first, 1, *[np.resize(b.mean, (4096, columns))] * 3) for b in blocks]
    end = blocks[-1].end - 1
    last = later(kept.keyframes[0], end)
    kept = dataclasses.replace(kept, end=end, step=end, blocks=blocks, keyframes=(kept.keyframes[0], last))
    state = Session(run).state()
    state = dataclasses.replace(state, branches=(dataclasses.replace(state.branches[0], recorded=kept),))
    tracemalloc.start()
    write_session(tmp_path / "a.ganviz", state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(block.mean.nbytes for block in blocks) > 40e6
    assert peak < 5e6
    same(
        state.branches[0].recorded.blocks[-1].mean,
        read_session(tmp_path / "a.ganviz").branches[0].recorded.blocks[-1].mean,
    )


def test_packing_saves_no_more_than_a_reader_believes(tmp_path, monkeypatch):
    """A session of zeros, which would pack to nothing, is stored as it is where the reader would suspect it."""
    run = Run(experiment())
    run.advance(1)
    kept = run.recorded()
    columns = kept.blocks[0].mean.shape[1]
    blocks = [Block(1 + i * 2**18, 1, *[np.full((2**18, columns), i, np.float32)] * 3) for i in range(12)]
    end = blocks[-1].end - 1
    last = later(kept.keyframes[0], end)
    kept = dataclasses.replace(kept, end=end, step=end, blocks=blocks, keyframes=(kept.keyframes[0], last))
    state = Session(run).state()
    state = dataclasses.replace(state, branches=(dataclasses.replace(state.branches[0], recorded=kept),))
    path = tmp_path / "a.ganviz"
    write_session(path, state)
    assert sum(block.mean.nbytes for block in blocks) > SAVED
    assert path.stat().st_size > sum(block.mean.nbytes for block in blocks) - SAVED
    assert len(read_session(path).branches[0].recorded.blocks) == 12


def test_a_long_log_of_many_numbers_is_saved_and_opened(tmp_path):
    """Each change of a mixture of 64 modes has 128 numbers; together they are more than a text may have."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(64, 2)).tolist()
    run = Run(experiment(data__kind="mixture", data__means=means, data__stds=[0.1] * 64, data__weights=[1.0] * 64))
    for i in range(1800):
        means[i % 64] = rng.normal(size=2).tolist()
        run.change("data.means", means)
    run.advance(3)
    made = Session(run)
    made.branch({"data.stds": [0.2] * 64}).run.advance(2)
    path = tmp_path / "a.ganviz"
    made.save(path)
    names = members_of(path)
    assert json.loads(names[MANIFEST])["format"] == 2
    logs = [name for name in names if name.startswith(LOGS)]
    assert sum(len(names[name]) for name in logs) > LARGEST_TEXT
    assert max(len(names[name]) for name in logs) < 2 * PIECE
    assert len(names[f"{BRANCHES}0.json"]) < 2 * PIECE
    assert path.stat().st_size < 6e6
    tracemalloc.start()
    found = read_session(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6
    same(made.state(), found)


def test_short_logs_stand_where_earlier_versions_look_for_them(saved):
    path, _ = saved
    members = members_of(path)
    assert json.loads(members[MANIFEST])["format"] == 1
    assert not any(name.startswith(LOGS) for name in members)


def many_changes(run, count):
    """Let a run have made so many changes of its seed, which leads to nothing, in no time."""
    state = Session(run).state()
    kept = state.branches[0].recorded
    after = [dataclasses.replace(kept.first, seed=i + 1) for i in range(count)]
    log = [Change(1, "seed", i, i + 1, i) for i in range(count)]
    kept = dataclasses.replace(kept, log=log, after=after)
    return dataclasses.replace(state, branches=(dataclasses.replace(state.branches[0], recorded=kept),))


def test_the_most_changes_that_a_file_holds_are_opened_within_seconds(tmp_path):
    run = Run(experiment())
    run.advance(1)
    state = many_changes(run, MOST_CHANGES)
    path = tmp_path / "a.ganviz"
    write_session(path, state)
    began = time.process_time()
    found = read_session(path)
    print(f"{time.process_time() - began:.1f} s")
    assert time.process_time() - began < 15
    same(state.branches[0].recorded.log[-1], found.branches[0].recorded.log[-1])
    full = Session.from_state(found)
    with pytest.raises(ExperimentError, match="its log has 50,000 changes, as many as its file holds"):
        full.current.run.change("discriminator.clip", 0.5)
    full.current.run.advance(10)
    full.save(path)
    assert read_session(path).branches[0].recorded.end == 11
    with pytest.raises(OSError, match="more than the 50,000 changes that a file holds"):
        write_session(path, many_changes(run, MOST_CHANGES + 1))


def test_a_change_that_no_file_would_hold_is_refused_when_it_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "MOST_CHANGES", 10)
    monkeypatch.setattr(codec, "MOST_CHANGES", 10)
    made = Session(Run(experiment()))
    clips = iter(np.linspace(0.1, 0.9, 99).tolist())
    for _ in range(4):
        made.current.run.change("discriminator.clip", next(clips))
        made.current.run.advance(1)
    # What branches share counts once, and each counts what the others make.
    one, two = made.branch(), made.branch({"discriminator.clip": next(clips)})
    for run in (one.run, two.run, one.run, made.current.run, two.run):
        run.change("discriminator.clip", next(clips))
    again = Session.from_state(made.state())
    for session in (made, again):
        for branch in session.branches:
            before = branch.run.experiment
            with pytest.raises(ExperimentError, match="no more can change in this session"):
                branch.run.change("discriminator.clip", next(clips))
            assert branch.run.experiment == before
        with pytest.raises(ExperimentError, match="no more can change"):
            session.branch({"discriminator.clip": next(clips)})
        assert len(session.branches) == 3
        session.branch()
        session.save(tmp_path / "a.ganviz")
        assert len(read_session(tmp_path / "a.ganviz").branches) == 4
        session.remove(session.branches[3])
        session.remove(session.branches[2])
        session.current.run.advance(1)
        session.current.run.change("discriminator.clip", next(clips))


@pytest.mark.parametrize(("limit", "value"), [("MOST_TABLES", 2), ("MOST_TABLED", 200), ("MOST_CHANGED", 150)])
def test_data_that_no_file_would_hold_is_refused_when_it_is_chosen(tmp_path, monkeypatch, limit, value):
    monkeypatch.setattr(room, limit, value)
    run = Run(experiment())
    rng = np.random.default_rng(0)
    with pytest.raises(ExperimentError, match="in this session"):
        for i in range(20):
            np.save(tmp_path / f"{i}.npy", rng.normal(size=(40, 2)))
            run.adopt(run.experiment.replace({"data.kind": "file", "data.path": str(tmp_path / f"{i}.npy")}))
            run.advance(1)
    assert i == run.step >= 2
    run.save(tmp_path / "a.ganviz")
    assert len(Run.open(tmp_path / "a.ganviz").logged.after) == i


def test_branches_of_branches_stay_in_one_piece(tmp_path):
    made = Session(Run(experiment(schedule__batch=4)))
    made.current.run.advance(10)
    for _ in range(60):
        branch = made.branch()
        made.show([branch])
        branch.run.advance(5)
    made.save(tmp_path / "a.ganviz")
    kept = read_session(tmp_path / "a.ganviz").branches
    assert [branch.recorded.end for branch in kept] == list(range(10, 311, 5))
    assert {len(branch.recorded.blocks) for branch in kept} == {1}
    # Whatever was recorded in the first is in the last.
    first, last = kept[0].recorded.blocks[0].mean, kept[-1].recorded.blocks[0].mean
    assert first.tobytes() == last[:10].tobytes()


@pytest.mark.parametrize(("spread", "place"), [(1e-80, 0.0), (1e45, 0.0), (1e30, 1e42)])
def test_data_that_could_not_be_saved_is_refused_before_it_is_trained_on(tmp_path, spread, place):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(100, 2)) * spread + place)
    with pytest.raises(ExperimentError, match="where nothing can be measured: allowed are places up to 1e"):
        Run(load(tmp_path / "a.npy"))


def test_a_branch_that_no_file_would_hold_is_refused(monkeypatch):
    made = Session(Run(experiment()))
    made.current.run.change("discriminator.clip", 0.5)
    monkeypatch.setattr(session_module, "MOST_BRANCHES", 3)
    made.branch()
    made.branch()
    for more in (made.branch, lambda: made.add(Run(experiment()))):
        with pytest.raises(ExperimentError, match="this session has 3, as many as its file holds"):
            more()
    monkeypatch.setattr(session_module, "MOST_BRANCHES", 9)
    monkeypatch.setattr(session_module, "MOST_SHARED", 4)
    made.branch()
    with pytest.raises(ExperimentError, match="have 4 changes together"):
        made.branch()
    assert len(made.branches) == 4


def test_a_file_has_the_rights_of_any_other(tmp_path):
    (tmp_path / "other").touch()
    run = Run(experiment())
    run.save(tmp_path / "a.ganviz")
    assert (tmp_path / "a.ganviz").stat().st_mode == (tmp_path / "other").stat().st_mode
